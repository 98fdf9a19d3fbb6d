"""What a service takes: one process from its eager imports, and all processes from how they start.

One process takes the interpreter, its own source, and the union of what its imports bring: packages
share what they import, so the sum of their totals is wrong by half, while the union of mean own costs
is right to some per cent.
"""

from __future__ import annotations

import math
from functools import cached_property

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.deployment.start import StartCommand
from memguard_hooks.finding import MIB, Estimate, Part, PartSource, Step
from memguard_hooks.imports.graph import MOMENTS, External, Moment, Walk
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Literal, TypeAlias

    from memguard_hooks.app.measured_roots import Known
    from memguard_hooks.project.declared import Declared


class Range(Record):
    """A figure in bytes (or a factor) with the bounds that nine in ten measurements keep."""

    low: float
    expected: float
    high: float


# What follows are medians with the bounds of 5 and 95 % over 372 measured distributions, by
# `python tools/survey_footprints.py --fit`, 2026-11-22; the lower bounds are rounded to nothing.

UNKNOWN_PACKAGE = Range(0, 1.2 * MIB, 23 * MIB)
"""What a package takes that nobody measured, without what it imports."""

SMALL_WHEEL = 2**19
WHEEL_FACTOR, LARGE_WHEEL_FACTOR = Range(0, 8, 25), Range(0, 0.3, 4)
"""Resident bytes that a byte of such a package's wheel takes, of the first half MiB and of all beyond: of large wheels, most
is never loaded."""

REQUIRED_SHARE, MOST_REQUIRED = 0.7, 20
"""Of what a package's requirements take, the share that importing it loads (228 pairs in the catalog: 73 % of the bytes);
and how many of them are looked at."""

SOURCE_FACTOR = Range(1, 7, 27)
"""Resident bytes that a byte of first-party source takes, all of it anonymous: 12 applications, without what they build and
connect to as they load (`python benchmarks/applications.py`, 2026-11-22)."""

UNBOOKED = 190 * 1024
"""Resident bytes that the first import takes and no module is booked with: the median of 376 rows of the catalog."""

FIRST_PARTY = "(first-party)"

UNION_ERROR = 0.03
"""How far the union as a whole may be off: the 95 % quantile over the sets of `python benchmarks/accuracy.py --seed 1`."""

MARGINS: Mapping[Nearness, float] = {"measured": 0.03, "exact": 0.05, "near": 0.08, "far": 0.2, "light": 0.3}
"""How far a root's part of the sum may be off, by how near it was measured."""


class Server(Record):
    """What a server adds: to each worker, and in processes of its own (arbiter, parent, resource tracker)."""

    worker: int
    others: int


# Fitted to summed PSS of real servers on CPython 3.11 (gunicorn 27.0.1, uvicorn 0.54.0, hypercorn 0.18.0), within
# 2 % of each run, by `python benchmarks/processes.py`, 2026-11-21.
SERVERS = {
    "": Server(0, 0),
    "gunicorn": Server(int(-2.5 * MIB), int(13.5 * MIB)),
    "uvicorn": Server(int(1.5 * MIB), int(20.7 * MIB)),
    "hypercorn": Server(int(3.5 * MIB), int(22.1 * MIB)),
}

PRELOADED_ARBITER = 1 * MIB

NOT_PRELOADED = ("gevent", "eventlet")
"""Worker classes that replace parts of the standard library in each worker: what was imported before keeps the old ones."""

PRELOADED_WORKER = Range(0.05, 0.2, 0.6)
"""Of the anonymous memory, what each preloaded worker copies: idle, after some hundred requests, and after a full
garbage collection, which touches nearly every object. From the same runs."""


BUILDS = frozenset({"torch"})
"""Distributions whose wheels differ much by their build, which the local part of a version or an index names."""


Nearness: TypeAlias = "Literal['measured', 'exact', 'near', 'far', 'light', 'unknown']"
"""Measured in this project, at this version and Python, at one like it, at another, roughly, or not at all."""


class Root(Record):
    """One measured or unknown import of a process.

    `sites` are the statements that import it, with the names they import; none where a server does. `parent` is the
    root that imports it because it is installed. Of an unknown one, `wheel` is the size of its wheel in bytes, where a
    lock tells, and `brings` are measured packages that it requires, or may require where no lock tells (`is_guess`).
    """

    name: str
    footprint: Footprint | None
    chain: tuple[Step, ...]
    nearness: Nearness
    sites: tuple[Step, ...] = ()
    parent: str | None = None
    wheel: int | None = None
    brings: tuple[Footprint, ...] = ()
    is_guess: bool = False

    @property
    def is_standard(self) -> bool:
        """Whether it is a module of the standard library."""
        return self.footprint is not None and self.footprint.distribution == lookup.INTERPRETER

    @property
    def label(self) -> str:
        """What a person calls it: `celery`, also where `celery:Celery` was measured."""
        return self.name.partition(":")[0]

    @property
    def package(self) -> str:
        """The package in the own costs that is its own: its name, or what that begins with."""
        name = self.label
        own = self.footprint.own if self.footprint else {}
        while name not in own and "." in name:
            name = name.rpartition(".")[0]
        return name

    @property
    def resident(self) -> int:
        """What it takes by itself, in bytes; 0 where nobody measured it."""
        return self.footprint.resident if self.footprint else 0


class FigureSources:
    """Where the figures of one process come from: what the project declares and has measured, and the catalog.

    What an import loads and what a root takes is found out once, whatever asks for it.
    """

    def __init__(
        self, declared: Declared, folder: str, walked: Walk, python: str | None, known: Known | None = None
    ) -> None:
        self.declared = declared
        self.pinned = declared.near(folder)
        self.python = python
        self.known = known
        self.imported = [(external, _names(external)) for external in walked.externals]
        self._roots: dict[str, Root] = {}

    def root(self, name: str) -> Root:
        """Return a root without the way to it."""
        if name not in self._roots:
            self._roots[name] = _root(self, name)
        return self._roots[name]

    @cached_property
    def imported_by_nobody(self) -> tuple[Footprint, ...]:
        """What is there although nothing known imports or brings it, the largest first: an unknown package may."""
        known = {provider for _, names in self.imported for name in names for provider in lookup.providers(name)}
        brought = {other for name in known for other in lookup.installed_with(name)}
        return self.largest_of((self.pinned.present & lookup.distributions().keys()) - known - brought)

    def largest_of(self, distributions: Iterable[str]) -> tuple[Footprint, ...]:
        """Return what is measured of some distributions, by their largest modules, no more than are looked at."""
        measured = lookup.distributions()
        names = sorted(distributions, key=lambda name: (-max(one.resident for one in measured[name]), name))[:MOST_REQUIRED]
        versions = self.pinned.versions
        found = (lookup.find_largest(name, version=versions.get(name), python=self.python) for name in names)
        return tuple(one for one in found if one is not None)


class ProcessEstimate(Record):
    """What one process takes: its parts, their bounds, and the same once every deferred import has run.

    `late_anonymous` is that part of the anonymous memory that only the first request brings: no fork shares it.
    """

    parts: tuple[Part, ...]
    low: int
    expected: int
    high: int
    anonymous: int
    all_loaded: int
    base: Footprint
    roots: tuple[Root, ...]
    late_anonymous: int = 0


def estimate_process(
    declared: Declared, folder: str, walked: Walk, python: tuple[int, int] | None, known: Known | None = None
) -> ProcessEstimate:
    """Estimate one process that loads what a walk has reached, on a Python (None for the catalog's own).

    The versions are those that are declared in a folder. What is `known` was measured in the project, and beats the
    catalog.
    """
    version = None if python is None else f"{python[0]}.{python[1]}"
    sources = FigureSources(declared, folder, walked, version, known)
    base = known.base if known is not None else lookup.interpreter(version)
    at_start = _roots(sources, walked, MOMENTS[:1])
    eager = _roots(sources, walked, MOMENTS[:2])
    everything = _roots(sources, walked, MOMENTS)
    parts, low, high = add_up(base, eager)
    late = sum(part.anonymous for part in parts) - sum(part.anonymous for part in add_up(base, at_start)[0])
    late_source = sum(walked.files["serving"].values())
    source = sum(walked.files["start"].values()) + late_source
    of_source = known.first_party(source) if known is not None else None
    if of_source is not None and known is not None:
        provenance = f"{known.entry.source} bytes of source took {known.entry.first_party.resident}, {known.entry.date}"
        parts.append(Part(FIRST_PARTY, None, *of_source, "measured", provenance))
        margin = of_source[0] * MARGINS["measured"]
        low.append(margin)
        high.append(margin)
    elif source:
        size = int(source * SOURCE_FACTOR.expected)
        provenance = f"{source} bytes of source, {SOURCE_FACTOR.expected} bytes each"
        parts.append(Part(FIRST_PARTY, None, size, size, "assumed", provenance))
        low.append(source * (SOURCE_FACTOR.expected - SOURCE_FACTOR.low))
        high.append(source * (SOURCE_FACTOR.high - SOURCE_FACTOR.expected))
    expected = sum(part.resident for part in parts)
    if known is None:
        low.append(expected * UNION_ERROR)
        high.append(expected * UNION_ERROR)
    loaded = sum(part.resident for part in add_up(base, everything)[0])
    own = sum(part.resident for part in parts if part.package == FIRST_PARTY)
    own_anonymous = sum(part.anonymous for part in parts if part.package == FIRST_PARTY)
    return ProcessEstimate(
        parts=tuple(parts),
        low=int(expected - math.hypot(*low)),
        expected=expected,
        high=int(expected + math.hypot(*high)),
        anonymous=sum(part.anonymous for part in parts),
        # The mean of own costs may fall when another root joins in; what is loaded does not.
        all_loaded=max(expected, loaded + own + int(sum(walked.files["all"].values()) * SOURCE_FACTOR.expected)),
        base=base,
        roots=tuple(eager),
        late_anonymous=max(0, late) + own_anonymous * late_source // max(1, source),
    )


def _roots(sources: FigureSources, walked: Walk, moments: Collection[Moment]) -> list[Root]:
    """Return the measured roots that imports load by some moment, the dearest first, then unknown and standard ones.

    What a root imports only where it is installed is a root of its own where the project has it.
    """
    found: dict[str, Root] = {}
    sites: dict[str, list[Step]] = {}
    for external, names in sources.imported:
        if external.moment in moments:
            for name in names or [external.names[0].partition(".")[0]]:
                if name not in found:
                    found[name] = sources.root(name)._replace(chain=external.chain)
                sites.setdefault(name, []).extend(external.chain[-1:])
    found = {name: root._replace(sites=tuple(sites[name])) for name, root in found.items()}
    _add_optional(sources, found)
    loaded = {name for moment in moments for name in walked.standard.get(moment, ())}
    standard = (_standard_root(sources, name) for name in sorted(loaded))
    roots = sorted(found.values(), key=lambda root: (-root.resident, root.name))
    return [*roots, *(root for root in standard if root is not None)]


def _standard_root(sources: FigureSources, name: str) -> Root | None:
    """Return a module of the standard library, None where it takes next to nothing or is an attribute."""
    footprint = lookup.find_standard(name, sources.python)
    if footprint is None:
        return None
    known = sources.known.find(name, footprint) if sources.known is not None else None
    return Root(name, known or footprint, (), "measured" if known else "exact")


def _names(external: External) -> list[str]:
    """Return the measured roots that one import loads: also `celery:Celery`, for `from celery import Celery`.

    What is called as the file loads counts too: `boto3:client('s3')`, for `boto3.client(...)`.
    """
    module, *taken = external.names
    found: dict[str, None] = {}
    for name in external.names:
        root = lookup.root_of(name)
        if root is not None:
            found[root] = None
    measured = lookup.attributes().get(module, ())
    calls = external.site.calls if external.site is not None else ()
    used = {*(name.rpartition(".")[2] for name in taken), *calls}
    plain = [name for name in measured if not name.endswith(")")]
    loaded = [name for name in plain if name.rpartition(":")[2] in used] or (plain[:1] if taken else [])
    loaded += [name for name in measured if name.endswith(")") and name.partition(":")[2].partition("(")[0] in calls]
    # What a name loads holds what its module does.
    return [*loaded, *(root for root in found if root != module or not loaded)]


def _root(sources: FigureSources, name: str) -> Root:
    versions = sources.pinned.versions
    providers = lookup.providers(name)
    provider = next((one for one in providers if one in versions), None)
    version = versions.get(provider or "")
    if provider is None:
        provider = next((one for one in providers if one in sources.pinned.ranges), None)
        version = None if provider is None else lookup.newest_within(provider, sources.pinned.ranges[provider])
    if provider in BUILDS:
        version = _with_build(sources, version)
    footprint = lookup.find(name, provider, version, sources.python) or lookup.find_light(name)
    if footprint is not None:
        footprint = _in_these_builds(sources, footprint)
    known = sources.known.find(name, footprint) if sources.known is not None else None
    if known is not None:
        return Root(name, known, (), "measured")
    if footprint is not None:
        return Root(name, footprint, (), _nearness(footprint, versions, sources.python))
    return _unknown_root(sources, name)


def _unknown_root(sources: FigureSources, name: str) -> Root:
    """Return a package that nobody measured, with what it requires, or may require where no lock tells."""
    from memguard_hooks.dependencies.requirement import normalize_name

    distribution = normalize_name(name)
    required = sources.declared.required_by(distribution) & lookup.distributions().keys()
    brings = sources.largest_of(required) if required else sources.imported_by_nobody
    wheel = sources.declared.wheel_size(distribution)
    return Root(name, None, (), "unknown", wheel=wheel, brings=brings, is_guess=not required)


def _with_build(sources: FigureSources, version: str | None) -> str | None:
    """Return a version with the build that the project's index serves, where the version names none."""
    if version is not None and lookup.build_of(version):
        return version
    return f"{version or 0}+cpu" if sources.declared.takes_cpu_wheels else version


def _in_these_builds(sources: FigureSources, footprint: Footprint) -> Footprint:
    """Return a footprint with what it brings in the build that the project installs.

    What needs torch was measured beside its wheel for CPUs, which takes 199 MiB where the usual one takes 507.
    """
    for name in BUILDS & footprint.own.keys() & footprint.installed.keys():
        version = _with_build(sources, sources.pinned.versions.get(name))
        built = lookup.find(name, name, version, sources.python)
        if built is None or lookup.build_of(built.version) == lookup.build_of(footprint.installed[name]):
            continue
        (resident, anonymous), there = built.own[name], footprint.own[name]
        footprint = footprint._replace(
            resident=footprint.resident + resident - there[0],
            anonymous=footprint.anonymous + anonymous - there[1],
            own={**footprint.own, name: built.own[name]},
            installed={**footprint.installed, name: built.version},
        )
    return footprint


def _nearness(footprint: Footprint, versions: Mapping[str, str], python: str | None) -> Nearness:
    """Tell how near a measurement is to what the project installs."""
    if footprint.is_light:
        return "light"
    wanted = versions.get(footprint.distribution)
    if wanted is not None and wanted != footprint.version:
        return "near" if wanted.split(".")[:2] == footprint.version.split(".")[:2] else "far"
    if wanted is None:
        return "near"  # nobody says which version: the newest is what is installed
    return "exact" if python is None or footprint.python.startswith(f"{python}.") else "near"


def _add_optional(sources: FigureSources, found: dict[str, Root]) -> None:
    """Add what roots import where it is installed, and it is."""
    roots = {root.footprint.distribution for root in found.values() if root.footprint is not None}
    there = sources.pinned.present | roots
    there |= {brought for name in there for brought in lookup.installed_with(name)}
    waiting = list(found.values())
    while waiting:
        root = waiting.pop()
        for module in root.footprint.optional if root.footprint else ():
            name = lookup.dearest_below(lookup.root_of(module))
            if name is None or name in found or there.isdisjoint(lookup.providers(name)):
                continue
            found[name] = sources.root(name)._replace(chain=root.chain, parent=root.name)
            waiting.append(found[name])


def _shared_costs(roots: Sequence[Root]) -> dict[str, tuple[float, float]]:
    """Return what each package costs that the roots load: the mean of what it cost in each of them.

    What a root's own package cost there is the least, and stands aside from the mean: `sqlalchemy.orm` loads more of
    sqlalchemy than others do. What was measured in the project beats what others have measured.
    """
    others: dict[str, list[tuple[int, int]]] = {}
    least: dict[str, tuple[int, int]] = {}
    in_project: dict[str, tuple[int, int]] = {}
    for root in roots:
        if root.footprint is not None:
            own = root.footprint.own
            if root.nearness == "measured":
                in_project.update(own)
            for package, cost in own.items():
                if package == root.package:
                    least[package] = max(least.get(package, cost), cost)
                else:
                    others.setdefault(package, []).append(cost)
    found: dict[str, tuple[float, float]] = {**least}
    for package, costs in others.items():
        mean = (sum(cost[0] for cost in costs) / len(costs), sum(cost[1] for cost in costs) / len(costs))
        found[package] = max(mean, least.get(package, mean))
    return {**found, **in_project}


def add_up(base: Footprint, roots: Sequence[Root]) -> tuple[list[Part], list[float], list[float]]:
    """Return what each root adds to those before it, and how far each may be off, downwards and upwards.

    A package in the closure of several roots costs the mean of its own cost in each of them.
    """
    is_measured = any(root.nearness == "measured" for root in roots)  # then it is booked on first-party code
    resident = base.resident + (UNBOOKED if roots and not is_measured else 0)
    parts = [Part("python", base.python, resident, base.anonymous, "catalog", base.provenance)]
    low, high = [base.resident * MARGINS["exact"]], [base.resident * MARGINS["exact"]]
    shared = _shared_costs(roots)
    counted: set[str] = set()
    standard = [0, 0]
    for root in roots:
        footprint = root.footprint
        if footprint is None:
            continue
        new = [package for package in footprint.own if package not in counted]
        counted.update(new)
        resident, anonymous = (int(sum(shared[package][kind] for package in new)) for kind in (0, 1))
        if root.is_standard:
            standard = [standard[0] + resident, standard[1] + anonymous]
        else:
            kind: PartSource = "measured" if root.nearness == "measured" else "catalog"
            parts.append(Part(root.label, footprint.version, resident, anonymous, kind, footprint.provenance, root.chain))
        margin = resident * MARGINS[root.nearness]
        low.append(margin)
        high.append(margin)
    for root in roots:
        if root.footprint is None and root.name not in shared:
            part, size = _unknown(root, counted)
            parts.append(part)
            low.append(size.expected - size.low)
            high.append(size.high - size.expected)
    if any(standard):
        provenance = f"its modules, {base.provenance}"
        parts.append(Part("(standard library)", base.python, standard[0], standard[1], "catalog", provenance))
    return parts, low, high


def _unknown(root: Root, counted: set[str]) -> tuple[Part, Range]:
    """Return what is assumed of a package that nobody measured: of its own code, and of what it requires."""
    own = UNKNOWN_PACKAGE
    if root.wheel is not None:
        first, rest = min(root.wheel, SMALL_WHEEL), max(0, root.wheel - SMALL_WHEEL)
        own = Range(*(first * one + rest * two for one, two in zip(WHEEL_FACTOR, LARGE_WHEEL_FACTOR, strict=True)))
    new: dict[str, int] = {}
    for footprint in root.brings:
        new.update({package: cost for package, (cost, _) in footprint.own.items() if package not in counted})
    counted.update(new)
    required = sum(new.values())
    expected = 0 if root.is_guess else REQUIRED_SHARE * required
    size = Range(own.low, own.expected + expected, own.high + required)
    source = "nobody measured it" if root.wheel is None else f"a wheel of {root.wheel} bytes; nobody measured it"
    if root.brings and not root.is_guess:
        source += f"; it requires {', '.join(one.distribution for one in root.brings)}"
    return Part(root.name, None, int(size.expected), int(size.expected), "assumed", source, root.chain), size


def estimate_together(process: ProcessEstimate, command: StartCommand, runtime: int) -> Estimate:
    """Join the processes of a service by how they start; `runtime` is added once."""

    def total(resident: int, copied: float) -> int:
        anonymous, late = (part * resident // process.expected for part in (process.anonymous, process.late_anonymous))
        return _multiply(resident, anonymous, late, command, copied) + runtime

    expected = total(process.expected, PRELOADED_WORKER.expected)
    if command.start == "preload":  # what is deferred loads after the fork, in each worker
        all_loaded = expected + (command.workers or 1) * (process.all_loaded - process.expected)
    else:
        all_loaded = total(process.all_loaded, 0)
    return Estimate(
        low=total(process.low, PRELOADED_WORKER.low),
        expected=expected,
        high=total(process.high, PRELOADED_WORKER.high),
        anonymous=_multiply(process.anonymous, process.anonymous, process.late_anonymous, command, PRELOADED_WORKER.expected)
        + runtime,
        all_loaded=all_loaded,
        commit=None,
    )


def add_processes(one: Estimate, other: Estimate) -> Estimate:
    """Return the memory of the processes of both, whose ranges are independent."""
    expected = one.expected + other.expected
    return Estimate(
        low=int(expected - math.hypot(one.expected - one.low, other.expected - other.low)),
        expected=expected,
        high=int(expected + math.hypot(one.high - one.expected, other.high - other.expected)),
        anonymous=one.anonymous + other.anonymous,
        all_loaded=one.all_loaded + other.all_loaded,
        commit=None,
    )


def saved_by_preload(process: ProcessEstimate, command: StartCommand) -> int:
    """Return the bytes that `--preload` of gunicorn saves; 0 where it is there already, or not to be had."""
    is_possible = command.server == "gunicorn" and command.start == "fork" and not command.reload
    if not is_possible or (command.workers or 1) < 2 or any(name in command.worker_class for name in NOT_PRELOADED):
        return 0
    together = estimate_together(process, command, 0).expected
    return max(0, together - estimate_together(process, command._replace(start="preload"), 0).expected)


def loaded_after_fork(process: ProcessEstimate, command: StartCommand) -> int:
    """Return the bytes that preloaded workers load once each because an import waits for a call; 0 for other starts."""
    if command.start != "preload":
        return 0
    return (command.workers or 1) * (process.all_loaded - process.expected)


def _multiply(resident: int, anonymous: int, late: int, command: StartCommand, copied: float) -> int:
    """Return the memory of all processes, each shared page once.

    Pages of files are shared by all; anonymous pages only where the app is loaded before the fork, and then until a
    worker writes to them. What comes `late`, with the first request, is in each worker.
    """
    workers = command.workers or 1
    server = SERVERS[command.server]
    if command.start == "preload":
        return int(resident - late + PRELOADED_ARBITER + workers * (copied * (anonymous - late) + late))
    others = 0 if command.start == "single" else server.others
    return resident - anonymous + workers * (anonymous + server.worker) + others
