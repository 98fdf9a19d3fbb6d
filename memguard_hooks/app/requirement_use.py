"""Which of the declared requirements the services of a project need at start, which later, and which nothing imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from memguard_hooks.app.entry_points import ServiceEntry, find_entries_of, find_services
from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.catalog.module_names import modules_of
from memguard_hooks.dependencies.requirement import Requirement, normalize_name, pin_of
from memguard_hooks.dependencies.wheel_size import installed_wheels
from memguard_hooks.errors import UnreadableError
from memguard_hooks.finding import Skipped, Step, at_fault
from memguard_hooks.imports.graph import walk
from memguard_hooks.project.project import Project
from memguard_hooks.record import Literal, Record, TypeAlias
from memguard_hooks.tree import parent

Use: TypeAlias = "Literal['start', 'deferred', 'unused', 'unknown']"
"""At start, in a call later on, by no import that an entry point reaches; unknown where none could be followed."""

USES: tuple[Use, ...] = ("start", "deferred", "unused", "unknown")


class Need(Record):
    """One requirement: when it is loaded, by which chain of imports, and what was measured of it, None where nothing was.

    `wheel` is the bytes of its wheel for Linux on x86-64, None where no lock tells them.
    """

    requirement: Requirement
    use: Use
    chain: tuple[Step, ...] = ()
    footprint: Footprint | None = None
    wheel: int | None = None


class InstalledSize(Record):
    """What a lock installs: how many wheels, and their bytes together."""

    path: str
    wheels: int
    total: int


class Needs(Record):
    """All requirements that are installed, by use and then as they are declared; and what could not be followed.

    `sizes` has the locks that tell the sizes of their wheels.
    """

    needs: tuple[Need, ...]
    skipped: tuple[Skipped, ...]
    sizes: tuple[InstalledSize, ...] = ()


def find_needs(project: Project) -> Needs:
    """Follow the imports of all services, and tell for each requirement whether one loads it at start."""
    declared: dict[str, Requirement] = {}
    for requirement in (*project.declared.inventory.direct(), *project.declared.installed_by_commands):
        declared.setdefault(requirement.name, requirement)
    loaded: dict[str, tuple[Use, tuple[Step, ...]]] = {}
    skipped = [
        Skipped(error.path or ".", error.line, error.message) if isinstance(error, UnreadableError) else at_fault(error)
        for error in project.declared.faults
    ]
    entries = []
    for service, entry in ((one, entry) for one in find_services(project) for entry in find_entries_of(project, one)):
        if isinstance(entry, ServiceEntry):
            entries.append(entry)
        else:
            skipped.append(entry._replace(reason=f"{service.name} is not followed: {entry.reason}"))
    if not entries and all(gap.broken for gap in skipped):
        skipped.append(Skipped(".", None, "no entry point is known; name one with --entrypoint"))
    providers = {module: name for name in declared for module in modules_of(name)}
    for entry in entries:
        found = walk(entry.sources.prove, entry.resolver, entry.path, entry.module, entry.target)
        skipped += found.skipped
        for external in found.externals:
            use: Use = "start" if external.moment == "start" else "deferred"
            for name in dict.fromkeys(_providers(external.names, providers)):
                if name not in loaded or (loaded[name][0], use) == ("deferred", "start"):
                    loaded[name] = (use, external.chain)
        program = normalize_name(entry.command.program or "")
        if program in declared:
            loaded[program] = ("start", (Step(entry.service.path, entry.service.line, program),))
    loaded = _with_what_they_require(declared, loaded)
    rest: Use = "unused" if entries else "unknown"
    needs = [
        Need(requirement, *loaded.get(name, (rest, ())), _footprint(project, requirement), _wheel(project, requirement))
        for name, requirement in declared.items()
    ]
    ordered = tuple(sorted(needs, key=lambda need: USES.index(need.use)))
    return Needs(ordered, tuple(dict.fromkeys(skipped)), tuple(_sizes(project)))


def _with_what_they_require(
    declared: Iterable[str], loaded: Mapping[str, tuple[Use, tuple[Step, ...]]]
) -> dict[str, tuple[Use, tuple[Step, ...]]]:
    """Return the use of the requirements, also of those that one which is loaded requires: with it, and by its import."""
    brought = {
        name: use_and_chain
        for name in declared
        for other, use_and_chain in sorted(loaded.items(), key=lambda one: one[1][0], reverse=True)
        if name in lookup.installed_with(other)
    }
    return {**brought, **loaded}


def _providers(names: tuple[str, ...], providers: Mapping[str, str]) -> Iterator[str]:
    """Yield the distributions that importing some names loads: the longest module that is known counts."""
    for name in names:
        here = name
        while here and here not in providers:
            here = here.rpartition(".")[0]
        if here:
            yield providers[here]


def _footprint(project: Project, requirement: Requirement) -> Footprint | None:
    """Return the largest measurement of a distribution, in the version that is nearest to the one that is pinned."""
    pin = pin_of(requirement)
    locked = project.declared.inventory.locked(requirement.name)
    version = pin.version if pin is not None else locked[0].version if locked else None
    return lookup.find_largest(requirement.name, version=version)


def _wheel(project: Project, requirement: Requirement) -> int | None:
    """Return the bytes of a requirement's wheel, by the lock nearest to the manifest that declares it."""
    return project.declared.lock_near(parent(requirement.path)).wheel_size(requirement.name)


def _sizes(project: Project) -> Iterator[InstalledSize]:
    for lock in project.declared.inventory.locks:
        inventory = project.declared.inventory_of(lock)
        if lock.knows_edges and (lock.roots or inventory.requirements) and project.declared.deployed.counts(lock.path):
            wheels = installed_wheels(project.read_file(lock.path) or b"", lock, inventory._replace(machine="x86_64"))
            if wheels:
                yield InstalledSize(lock.path, len(wheels), sum(size for size, _ in wheels))
