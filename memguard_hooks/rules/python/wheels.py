"""Packages that have no wheel for the host: they are built from source, or cannot be installed at all.

The lock's own list of archives comes first; else `dependencies/wheel_table.py` says it for a version that is pinned, or for
the newest that a specifier with an upper bound admits. Another index may have other wheels, so what takes one is not
judged; nor are the packages of conda.
"""

from __future__ import annotations

import re

from memguard_hooks.dependencies import locked_wheels, wheel_table
from memguard_hooks.dependencies.requirement import Requirement, normalize_name, pin_of
from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Finding, Severity, Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.rules.python import findings
from memguard_hooks.rules.python.compiled import OPTIONAL
from memguard_hooks.rules.python.findings import finding
from memguard_hooks.tree import parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memguard_hooks.dependencies.wheel_table import State
    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.python.hosts import PythonHost

_OTHER_INDEX = late_pattern(rb"(?m)(?:^|\s)(?:--(?:extra-)?index-url|--find-links|-[fi])[\s=]|PIP_(?:EXTRA_)?INDEX_URL")

_OF_REQUIREMENTS = late_pattern(r"(?:^|/)(?:requirements?|reqs?|deps|dependencies)$")
"""Folders of nothing but manifests."""


class Unwheeled(Record):
    """A version of a package that a host has no wheel for, where it is declared, and how it can be put right.

    `brought` is the package that is declared where this one comes with it; `nearest` is the version of what is declared
    that has a wheel.
    """

    host: PythonHost
    place: ServicePlace
    name: str
    version: str
    state: State
    nearest: str | None = None
    requirement: Requirement | None = None
    brought: str | None = None
    has_usual_wheel: bool = False
    date: str | None = None
    admitted: str | None = None


class Found(Record):
    """What was found of a project, and what is not known because the table is too old."""

    packages: tuple[Unwheeled, ...]
    skipped: tuple[Skipped, ...] = ()


def find(project: Project, hosts: list[PythonHost]) -> Found:
    """Find what hosts have no wheel for."""
    if not hosts:
        return Found(())
    found = list(_in_locks(project, hosts))
    locked = {(one.host.key, one.name) for one in found}
    old: dict[Skipped, None] = {}
    for one in _declared(project, hosts):
        if one.date is not None and _days_between(one.date, findings.today()) > wheel_table.MAX_AGE:
            reason = f"whether {one.name} {one.version} has a wheel is not known: the table of wheels is of {one.date}"
            old[Skipped(one.place.path, one.place.line, reason)] = None
        elif (one.host.key, one.name) not in locked:
            found.append(one)
    unique = {(one.place, one.name, one.host.target, one.host.pin.place): one for one in reversed(found)}
    return Found(tuple(sorted(unique.values(), key=lambda one: (one.place, one.name))), tuple(old))


def _days_between(first: str, last: str) -> int:
    import time  # datetime takes longer to load than all else that this rule does

    noons = [time.mktime((*map(int, day.split("-")), 12, 0, 0, 0, 0, 0)) for day in (first, last)]  # type: ignore[arg-type]
    return round((noons[1] - noons[0]) / 86_400)


# Declared


def _declared(project: Project, hosts: list[PythonHost]) -> Iterator[Unwheeled]:
    bringing = {name for name, _ in wheel_table.brought()}
    for host, requirement in installs(project, hosts, (wheel_table.names() | bringing) - OPTIONAL):
        if requirement.url is None and requirement.index_name is None and not _is_locked(project, requirement):
            yield from _judge(requirement, host)


def installs(project: Project, hosts: list[PythonHost], names: frozenset[str]) -> Iterator[tuple[PythonHost, Requirement]]:
    """Yield each requirement of some packages with each host that installs it from the ordinary index."""
    declared = [one for manifest in project.declared.manifests(names) for one in manifest.requirements]
    for requirement in declared:
        if requirement.name not in names or not project.declared.is_installed(requirement):
            continue
        if requirement.path.endswith((".yml", ".yaml")) or _OTHER_INDEX.search(project.read_file(requirement.path) or b""):
            continue
        for host in hosts:
            if _installs(project, host, requirement.path, hosts):
                yield host, requirement


def _is_locked(project: Project, requirement: Requirement) -> bool:
    from memguard_hooks.dependencies.pinned_beside import locked_versions

    if pin_of(requirement) is not None and requirement.path.endswith(".txt"):
        return False
    return bool(locked_versions(project.tree, requirement, project.declared.deployed.counts))


def _installs(project: Project, host: PythonHost, path: str, hosts: list[PythonHost]) -> bool:
    """Return whether a service may install a file: all do where one host stands for all, else what is beside it."""
    commands = " ".join(build.command[: 2**13] for build in host.service.builds)
    if _OTHER_INDEX.search(commands.encode()) or any("INDEX_URL" in name for name in host.service.environment):
        return False
    folder = parent(path)
    if len({(one.target, one.pin.kind) for one in hosts}) == 1 and len(project.discovered[0].services) == len(hosts):
        return project.declared.deployed.files is not None or _is_near(host.service.folder, folder)
    is_beside = host.service.folder == folder or any(build.folder == folder for build in host.service.builds)
    name = path.rpartition("/")[2]
    return (is_beside and (name in commands or not re.search(r"\S+\.txt", commands))) or bool(folder and path in commands)


def _is_near(of_service: str, folder: str) -> bool:
    """Return whether what a folder declares is plausibly what a service needs, where no command says what is installed."""
    above = parent(folder) if _OF_REQUIREMENTS.search(folder) else folder
    return not above or f"{of_service}/".startswith(f"{above}/")


def _judge(requirement: Requirement, host: PythonHost) -> Iterator[Unwheeled]:
    """Yield a requirement, or what it brings, where the host has no wheel for it."""
    from memguard_hooks.dependencies.requirement import is_live

    if not is_live(requirement, host.pin.version):
        return
    pin = pin_of(requirement)
    row = wheel_table.find(requirement.name)
    place = ServicePlace(requirement.path, requirement.line, requirement.column)
    if pin is not None and pin.version is not None:
        version, run = pin.version, row.run_of(pin.version) if row is not None else None
    else:
        newest = row.newest_within(requirement.specifier, host.target) if row is not None else None
        version, run = newest if newest is not None else ("", None)
    state = run.state(host.target) if run is not None else None
    if row is not None and run is not None and state is not None and state != "wheel":
        within = "" if pin is not None else requirement.specifier
        yield Unwheeled(
            host, place, requirement.name, version, state,
            row.nearest(version, host.target, within), requirement,
            has_usual_wheel=run.state(host.target._replace(libc="glibc", machine="x86_64")) == "wheel",
            date=row.date,
        )  # fmt: skip
    brought = wheel_table.brought().get((requirement.name, version or (pin.version or "" if pin is not None else "")))
    if brought is not None:
        yield from _judge_brought(requirement, host, place, brought)


def _judge_brought(
    requirement: Requirement, host: PythonHost, place: ServicePlace, brought: tuple[str, str]
) -> Iterator[Unwheeled]:
    name, version = brought
    row = wheel_table.find(name)
    run = row.run_of(version) if row is not None else None
    state = run.state(host.target) if run is not None else None
    if row is not None and run is not None and state in ("source", "nothing", "excluded"):
        assert state is not None
        yield Unwheeled(
            host, place, name, version, state, _nearest_bringing(requirement, host), requirement, requirement.name,
            run.state(host.target._replace(libc="glibc", machine="x86_64")) == "wheel", row.date,
        )  # fmt: skip


def _nearest_bringing(requirement: Requirement, host: PythonHost) -> str | None:
    """Return the nearest later version of a package that brings one with a wheel."""
    from packaging.version import Version

    pin = pin_of(requirement)
    now = Version(pin.version if pin is not None and pin.version is not None else "0")
    later = [(at, exact) for (name, version), exact in wheel_table.brought().items()
             if name == requirement.name and (at := Version(version)) > now]  # fmt: skip
    for version, (other, exact) in sorted(later):
        row = wheel_table.find(other)
        run = row.run_of(exact) if row is not None else None
        if run is not None and run.state(host.target) == "wheel":
            return str(version)
    return None


# Locked


def _in_locks(project: Project, hosts: list[PythonHost]) -> Iterator[Unwheeled]:
    from memguard_hooks.dependencies import lock_readers

    for path in project.declared.lock_paths:
        if not project.declared.deployed.counts(path) or path.endswith("Pipfile.lock"):
            continue
        data = project.read_file(path) or b""
        if _OTHER_INDEX.search(data):
            continue
        own = locked_wheels.own_range(data, path)
        for host in hosts:
            if not _installs(project, host, path, hosts):
                continue
            if own is not None and not locked_wheels.admits_minor(own[0], host.target.minor):
                yield Unwheeled(host, ServicePlace(path, own[1], 1), path, "", "excluded", admitted=own[0])
                continue  # nothing of it is installed
            missing = list(locked_wheels.find(data, path, host.target))
            missing = [one for one in missing if normalize_name(one.name) not in OPTIONAL]
            if not missing:
                continue
            try:
                lock = lock_readers.read(project.tree, path)
            except MemguardError:
                break  # which is said where it is judged
            inventory = project.declared.inventory_of(lock)._replace(python=host.pin.version, machine=host.target.machine)
            if not lock.knows_edges or not (lock.roots or inventory.requirements):
                continue
            installed = inventory.installs(lock)
            for one in missing:
                name = normalize_name(one.name)
                if name not in installed or not any(held.version == one.version for held in inventory.locked(name)):
                    continue
                state: State = "excluded" if one.admitted is not None else "source" if one.has_sdist else "nothing"
                row = wheel_table.find(name)
                nearest = row.nearest(one.version, host.target) if row is not None else None
                yield Unwheeled(
                    host, ServicePlace(path, one.line, 1), name, one.version, state, nearest,
                    has_usual_wheel=one.has_glibc_wheel, admitted=one.admitted,
                )  # fmt: skip


# Words


def judge(found: Iterable[Unwheeled]) -> Iterator[Finding]:
    """Say of each package what happens to it, and how that is put right."""
    packages = list(found)
    for one in packages:
        yield _finding(one, [other for other in packages if other.host.key == one.host.key])


def _finding(one: Unwheeled, others: list[Unwheeled]) -> Finding:
    host = one.host
    what = f"{one.name} {one.version}".rstrip()
    if one.brought is not None:
        what += f", which {one.brought} requires,"
    fixes = _fixes(one, others)
    can_write = one.requirement is not None and one.nearest is not None and not host.is_default
    if one.state == "excluded":
        said = f" (its Requires-Python is {one.admitted[:40]})" if one.admitted else ""
        message = f"{what} does not admit {host.called}{said}: it cannot be installed"
        severity: Severity = "warning" if host.is_default else "error"
        return finding(one.place, "MG716", one.name, message, *fixes, severity=severity, is_fixable=can_write)
    is_other_host = one.has_usual_wheel
    kind = f" on {host.target.libc} {host.target.machine}" if host.target.libc == "musl" or is_other_host else ""
    message = f"{what} has no wheel for Python {host.python}{kind} ({host.source}{_as_of(one)})"
    message += f": {_building(one)}" if one.state == "source" else ", and no source to build: it cannot be installed"
    if is_other_host:
        image = "an image with glibc, such as -slim," if host.target.libc == "musl" else "x86_64"
        return finding(one.place, "MG715", one.name, message, f"take {image} for which it has a wheel", *fixes)
    is_certain = one.state == "nothing" or _fails(one) or host.lacks_compiler
    severity = "error" if is_certain and not host.is_default else "warning"
    return finding(one.place, "MG711", one.name, message, *fixes, severity=severity, is_fixable=can_write)


def _as_of(one: Unwheeled) -> str:
    return f"; wheels as of {one.date}" if one.date is not None else ""


def _fails(one: Unwheeled) -> bool:
    known = wheel_table.builds().get(one.name)
    return known is not None and known.fails(one.version, one.host.target.minor)


def _building(one: Unwheeled) -> str:
    known = wheel_table.builds().get(one.name)
    if known is not None and known.fails(one.version, one.host.target.minor):
        return f"its build from source fails, as {known.reason} ({known.seconds} s and {known.mib} MiB until then)"
    text = "it is built from source, which takes a compiler"
    if known is not None and known.minor is None:
        text = f"it is built from source with {known.needs} ({known.seconds} s and {known.mib} MiB as measured)"
    return text + (f", and python:{one.host.tag} has no compiler" if one.host.lacks_compiler else "")


def _fixes(one: Unwheeled, others: list[Unwheeled]) -> list[str]:
    if not one.version and one.admitted is not None:
        newest = next((minor for minor in range(16, 7, -1) if locked_wheels.admits_minor(one.admitted, minor)), None)
        return ["lock again for that Python", *([f"or {_python_fix(one.host, f'3.{newest}')}"] if newest else [])]
    fixes: list[str] = []
    declared = one.brought or one.name
    if one.nearest is not None and one.requirement is not None:
        what = "is admitted" if one.state == "excluded" else "has one"
        which = f"whose {one.name}" if one.brought is not None else "version that"
        fixes.append(f"{declared}=={one.nearest}, the nearest {which} {what}")
    elif one.nearest is not None:
        fixes.append(f"lock {one.name} {one.nearest} or later")
    python = nearest_python(others)
    if python is not None:
        fixes.append(f"{'or ' if fixes else ''}{_python_fix(one.host, python)}")
    return fixes or [f"do without {declared}, or take a Python for which it has a wheel"]


def _python_fix(host: PythonHost, python: str) -> str:
    pin = host.pin
    if pin.kind == "image" and host.service.base is not None:
        return f"FROM {host.service.base.name.replace(host.python, python, 1)}"
    if pin.kind in ("default", "settings"):
        path = f"{host.service.folder}/.python-version".lstrip("/")
        return f"write {python} into {path}"
    return f"write {python} into {pin.place.path}:{pin.place.line}"


def nearest_python(packages: list[Unwheeled]) -> str | None:
    """Return the Python nearest to that of a host for which all its packages have wheels, by the table; None if unknown."""
    if not packages:
        return None
    minor = packages[0].host.target.minor
    for near in sorted(range(10, 17), key=lambda other: (abs(other - minor), -other)):
        if near != minor and all(_has_wheel(one, near) for one in packages):
            return f"3.{near}"
    return None


def _has_wheel(one: Unwheeled, minor: int) -> bool:
    row = wheel_table.find(one.name)
    run = row.run_of(one.version) if row is not None else None
    return run is not None and run.state(one.host.target._replace(minor=minor)) == "wheel"
