"""What is said of forbidden packages: those that are declared, and those that others bring, with the way to each."""

from __future__ import annotations

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.module_names import modules_of
from memguard_hooks.dependencies import lock_readers
from memguard_hooks.dependencies.pinned_beside import locked_versions
from memguard_hooks.dependencies.requirement import Requirement, normalize_name, pin_of
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Change, Finding, Severity, mib
from memguard_hooks.record import Record
from memguard_hooks.rules.dependencies.code import LOADED_BY_NAME, LOADERS, Code
from memguard_hooks.rules.dependencies.findings import finding
from memguard_hooks.rules.dependencies.lighter import INSTEAD, LIGHTER_BUILD
from memguard_hooks.rules.policy import Forbidden
from memguard_hooks.tree import parent

TYPE_CHECKING = False  # as typing has it

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from memguard_hooks.dependencies.lock import Lock, LockedPackage
    from memguard_hooks.dependencies.requirement import Notation
    from memguard_hooks.project.project import Project


HOOK = "forbid-heavy-deps"


# Declared


def find_declared(project: Project, forbidden: Forbidden, declared: Iterable[Requirement]) -> list[Finding]:
    """Judge the requirements of forbidden packages that are installed on the host."""
    named = [one for one in declared if one.name in forbidden.names and project.declared.is_installed(one)]
    named = [one for one in named if not _is_lighter_build(project, one.name, _pinned(one))]
    is_light = any(one.name not in forbidden.grave for one in named)
    frozen = project.declared.inventory.frozen() if is_light else frozenset()

    def is_listed(one: Requirement) -> bool:
        return one.path in frozen and one.name not in forbidden.grave

    return [
        judge_declared(project, _as_brought(project, one, code) if is_listed(one) else one, forbidden, code)
        for code in _code(project, named)
        for one in named
    ]


def _as_brought(project: Project, requirement: Requirement, code: Code | None) -> Requirement:
    """Return a requirement of a file that lists all that was installed with what brings it, unless code here imports it.

    Nobody is helped who deletes it there: what brings it installs it all the same, in any version.
    """
    name = requirement.name
    if requirement.via or (code is not None and code.files_with(modules_of(name))):
        return requirement
    beside = {one.name for one in project.declared.inventory.requirements if one.path == requirement.path}
    return requirement._replace(via=tuple(sorted(other for other in beside if _brings(other, name)))[:MAX_BRINGERS])


MAX_BRINGERS = 2
"""Packages that are named, of those that bring one."""


def _brings(other: str, name: str) -> bool:
    """Return whether a package installs another, as it was measured or as the table of what it requires says."""
    from memguard_hooks.dependencies.unmeasured import known_required

    return other != name and (name in lookup.installed_with(other) or name in known_required().get(other, ()))


def _code(project: Project, named: Sequence[Requirement]) -> Iterator[Code | None]:
    """Yield the code of the project once, None where it cannot tell what it imports; nothing where nobody asks."""
    if named:
        code = Code(project) if any(not one.via for one in named) else None
        yield code if code is not None and code.is_known and code.is_there else None


def _pinned(requirement: Requirement) -> str | None:
    pin = pin_of(requirement)
    return pin.version if pin else None


def judge_declared(project: Project, requirement: Requirement, forbidden: Forbidden, code: Code | None) -> Finding:
    """Judge a requirement of a forbidden package; a compiled file says which packages have brought it."""
    name = requirement.name
    cost, takes = _cost(project, name, _pinned(requirement))
    severity: Severity = "error"
    if requirement.via:
        number = "MG111"
        *others, last = requirement.via
        who = f"{', '.join(others)} and {last} bring" if others else f"{last} brings"
        message = f"{name} is forbidden, and {who} it{takes}"
        severity = "error" if name in forbidden.grave else "warning"
        first = _without(requirement.via[0], name)
    else:
        number = "MG110"
        message = f"{name} is forbidden{takes}"
        first = _instead(project, requirement, code)
    if severity == "warning":
        return finding(requirement, number, message, _to_allow(project, [name]), severity=severity, cost=cost)
    lighter = _lighter_build(name, _pinned(requirement) or "", installer_of(project, requirement.path, requirement.notation))
    fix = (first, *lighter, _last_resort(project, name))
    steps = _steps(requirement, first, lighter)
    return finding(requirement, number, message, *fix, severity=severity, cost=cost)._replace(steps=steps)


def _steps(requirement: Requirement, first: str, lighter: Sequence[str]) -> tuple[Change, ...]:
    """Return what is least to do: `memguard fix` takes the lighter build of what is declared."""
    place = (f"{requirement.path}:{requirement.line}",)
    if lighter and not requirement.via and requirement.url is None:
        return (Change(lighter[0].removeprefix("or "), place, is_fixable=True),)
    name = requirement.name
    told = first.replace("delete it", f"delete {name}").replace(" imports it", f" imports {name}", 1)
    return (Change(told if name in told else f"do without {name}: {told}", place),)


def _instead(project: Project, requirement: Requirement, code: Code | None) -> str:
    """Say what to do without a declared package: delete it where nothing imports it, and only there."""
    name = requirement.name
    way = INSTEAD.get(name)
    files = code.files_with(modules_of(name)) if code is not None else []
    if files:
        where = f"{files[0]} imports it" + (f", and {len(files) - 1} more do" if len(files) > 1 else "")
        return f"{where}: {way.imported or way.advice if way is not None else 'do without it there'}"
    if code is not None and not _is_loaded_by_another(project, name, code):
        return "nothing here imports it: delete it"
    return way.advice if way is not None else "delete it"


def _is_loaded_by_another(project: Project, name: str, code: Code) -> bool:
    """Return whether another package that is declared may load one: it brings it, or is imported and takes what it finds."""
    declared = {one.name for one in project.declared.inventory.requirements} - {name}
    takers = [other for other in declared if other in LOADED_BY_NAME or LOADERS.match(other)]
    takes = name in LOADED_BY_NAME and any(code.files_with(modules_of(other)) for other in takers)
    return takes or any(_brings(other, name) for other in declared)


# Brought, as locks say


def find_in_locks(
    project: Project, forbidden: Forbidden, locks: Iterable[Lock], beside: Iterable[Lock]
) -> Iterator[Finding]:
    """Yield what locks hold: at its place in a lock that is judged, else at the requirement that brings it.

    `beside` are the locks that are made from the judged manifests and are not judged themselves.
    """
    for lock in locks:
        found = [
            Brought(name, package, way, (lock.path, package.line, package.column))
            for name, package, way in _brought(project, lock, forbidden)
        ]
        yield from _findings_in_lock(project, lock, forbidden, found)
    judged = project.declared.manifest_paths
    for lock in beside:
        brought = list(_brought(project, lock, forbidden))
        ours = project.declared.declared_beside(lock) if brought else ()
        declared = {one.name: one for one in ours if one.path in judged and project.declared.is_installed(one)}
        firsts = [(declared[way[0]], name, package, way) for name, package, way in brought if way and way[0] in declared]
        found = [Brought(name, package, way, (first.path, first.line, first.column)) for first, name, package, way in firsts]
        yield from _findings_in_lock(project, lock, forbidden, found)


def _brought(project: Project, lock: Lock, forbidden: Forbidden) -> Iterator[tuple[str, LockedPackage, tuple[str, ...]]]:
    """Yield the forbidden packages that a lock installs on the host because of others, each with the way to it."""
    if not project.declared.deployed.counts(lock.path):
        return
    inventory = project.declared.inventory_of(lock)
    is_rooted = lock.knows_edges and bool(lock.roots or inventory.requirements)
    for name in sorted(forbidden.names & lock.packages.keys()):
        held = inventory.locked(name)
        if not held or _is_lighter_build(project, name, held[0].version):
            continue
        if not project.declared.deployed.installs_some({group for one in held for group in one.groups}):
            continue
        way = inventory.way(lock, name) or ()
        is_declared = len(way) == 1 or any(one.name == name for one in inventory.direct())
        if not is_declared and (way or not is_rooted):
            yield name, held[0], way


class Brought(Record):
    """A forbidden package that others bring: the way to it, none where the lock does not tell, and where that is told."""

    name: str
    package: LockedPackage
    way: tuple[str, ...]
    place: tuple[str, int, int]


def _findings_in_lock(project: Project, lock: Lock, forbidden: Forbidden, found: Sequence[Brought]) -> Iterator[Finding]:
    """Report what is grave by itself, and all else that a lock holds in one finding: nobody can do without it."""
    yield from (_finding_in_lock(project, lock, one) for one in found if one.name in forbidden.grave)
    light = [one for one in found if one.name not in forbidden.grave]
    if not light:
        return
    first, *others = light
    told = _finding_in_lock(project, lock, first)
    costs = [_cost(project, one.name, one.package.version)[0] for one in light]
    more = [
        f"{one.name} (by {one.way[-2] if one.way else 'another package'}{f', {mib(cost)} MiB' if cost else ''})"
        for one, cost in zip(others, costs[1:], strict=True)
    ]
    message = told.message + (f"; so {'are' if len(more) > 1 else 'is'} {', '.join(more)}" if more else "")
    fix = (_to_allow(project, [one.name for one in light]),)
    yield told._replace(message=message, severity="warning", cost=sum(filter(None, costs)) or None, fix=fix)


def _finding_in_lock(project: Project, lock: Lock, brought: Brought) -> Finding:
    name, package, way, place = brought
    cost, takes = _cost(project, name, package.version)
    if way:
        chain = " → ".join((_member_with(lock, way[0]) or name_of(project, lock), *way))
        message = f"{name} is forbidden, and {way[-2]} brings it ({chain}){takes}"
        fix = [_without(way[0], name, "leads to" if len(way) > 2 else "needs")]
        if (instead := INSTEAD.get(way[0]) or INSTEAD.get(way[-2])) is not None:
            fix = [instead.advice, f"or {fix[0]}"]
    else:
        message = f"{name} is forbidden, and another package brings it: {lock.path} does not say which{takes}"
        fix = [f"find with `pip show {name}` what requires it, and do without that"]
    fix += [*_lighter_build(name, package.version or "", installer_of(project, lock.path)), _last_resort(project, name)]
    return Finding(*place, "MG111", message, HOOK, name, "error", cost, fix=tuple(fix))


def _member_with(lock: Lock, name: str) -> str | None:
    """Return the member of a workspace that asks for a package, where the project in its root does not."""
    members = [
        one for ones in lock.packages.values() for one in ones if one.source is not None and one.source.kind == "path"
    ]
    asking = [one for one in members if any(edge.name == name for edge in one.requires)]
    is_of_root = any(one.source is not None and one.source.location == "." for one in asking)
    return asking[0].name if asking and not is_of_root else None


def name_of(project: Project, lock: Lock) -> str:
    """Return the name of the project that a lock belongs to, that of its file where it has none."""
    from memguard_hooks.formats import typed
    from memguard_hooks.formats.toml_document import parse

    data = project.read_file(f"{parent(lock.path)}/pyproject.toml".lstrip("/"))
    try:
        fields = parse(data or b"", "pyproject.toml").data
    except MemguardError:
        return lock.path
    name = typed.value(fields, "project", "name") or typed.value(fields, "tool", "poetry", "name")
    return name if isinstance(name, str) and len(name) <= 100 else lock.path


# Brought, as the catalog has it


def find_in_catalog(
    project: Project, forbidden: Forbidden, measured: Container[str], declared: Sequence[Requirement]
) -> Iterator[Finding]:
    """Yield what measured distributions had brought that are declared in files which no lock pins."""
    names = {(one.path, one.name) for one in declared}
    for requirement in declared:
        if (
            requirement.name not in measured
            or requirement.name in forbidden.names
            or not requirement.brings
            or not project.declared.is_installed(requirement)
        ):
            continue
        is_compiled = b"# via" in (project.read_file(requirement.path) or b"")
        if is_compiled or locked_versions(project.tree, requirement, project.declared.deployed.counts):
            continue
        pin = pin_of(requirement)
        footprint = lookup.find_largest(requirement.name, version=pin.version if pin else None)
        for name in sorted(forbidden.grave & footprint.installed.keys()) if footprint is not None else ():
            if (requirement.path, name) in names or footprint is None or _is_lighter_build(project, name, None):
                continue
            # It was measured with a wheel for CPUs; pip takes the ordinary one where nobody names another index.
            cost, takes = _cost(project, name, footprint.installed[name].partition("+")[0])
            version = f"{footprint.distribution} {footprint.version}"
            message = f"{name} is forbidden, and {requirement.name} brings it, as {version} did when it was measured{takes}"
            instead = INSTEAD.get(requirement.name)
            way_out = _without(requirement.name, name)
            fix = [instead.advice, f"or {way_out}"] if instead else [way_out]
            tool = installer_of(project, requirement.path, requirement.notation)
            fix += [*_lighter_build(name, "", tool), _last_resort(project, name)]
            yield finding(requirement, "MG111", message, *fix, cost=cost, subject=name)


# Words


def _without(bringer: str, name: str, how: str = "needs") -> str:
    return f"do without {bringer}, or without the extra of it that {how} {name}"


def _last_resort(project: Project, name: str) -> str:
    return f'or, as the last resort, {project.settings.table("forbid")} allow = {{{name} = "why"}}'


def _to_allow(project: Project, names: Sequence[str]) -> str:
    """Say how light packages that others bring are allowed: nobody can do without these by themselves."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f"to be told no more, {project.settings.table('forbid')} remove = [{listed}]"


def _is_lighter_build(project: Project, name: str, version: str | None) -> bool:
    """Return whether the project takes a package in the build that the advice names."""
    build = lookup.build_of(version or "")
    return name in LIGHTER_BUILD and (build == "cpu" or (not build and project.declared.takes_cpu_wheels))


def installer_of(project: Project, path: str, notation: Notation = "pep508") -> str:
    """Return the tool that installs what a file declares or locks."""
    if notation != "pep508":
        return {"pipfile": "pipenv"}.get(notation, notation)
    locks = [path] if lock_readers.is_lock(path) else lock_readers.beside(project.tree, path)
    lock = next((one for one in locks if project.read_file(one) is not None), None)
    if lock is not None:
        return OF_LOCKS.get(lock.rpartition("/")[2], "pip")
    data = (project.read_file(path) or b"") if path.endswith("pyproject.toml") else b""
    return next((tool for tool in ("uv", "poetry", "pdm") if f"[tool.{tool}".encode() in data), "pip")


OF_LOCKS = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipenv"}
"""Lock → the tool that writes it."""


def _lighter_build(name: str, version: str, tool: str) -> tuple[str, ...]:
    """Say that there is a lighter build of a package, and what both were measured to take."""
    ways = LIGHTER_BUILD.get(name)
    if ways is None or lookup.build_of(version):
        return ()
    full, light = lookup.find(name, name), lookup.find(name, name, "0+cpu")
    takes = ""
    if full is not None and light is not None and light.resident < full.resident:
        takes = f" ({mib(light.resident)} MiB, not {mib(full.resident)} MiB)"
    return (f"or take its wheel for CPUs{takes}: {ways[tool]}",)


def _cost(project: Project, name: str, version: str | None) -> tuple[int | None, str]:
    """Return what the largest measured module of a package takes, and a clause that says so with the version measured."""
    footprint = project.largest_of(name, f"{name}-cpu", version=version)
    if footprint is None:
        return None, ""
    when = "imported" if normalize_name(footprint.module) == name else f"{footprint.module} is imported"
    measured = f"{footprint.distribution} {footprint.version}"
    return footprint.resident, f": it takes {mib(footprint.resident)} MiB when {when} ({measured})"
