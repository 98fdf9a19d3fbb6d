"""What a service takes by each moment: one process from what it has imported by then, and all processes from how they start.

One process takes the interpreter, its own source, and the union of what its imports bring: packages
share what they import, so the sum of their totals is wrong by half, while the union of mean own costs
is right to some per cent.
"""

from __future__ import annotations

import math
import sys
from functools import cached_property, lru_cache
from types import MappingProxyType

from memguard_hooks.app.agents import is_agents
from memguard_hooks.app.first_party import NO_BUILT, Built
from memguard_hooks.app.loaded import CLASSES, CLASSES_SIZE, NONE, Models, needs_classes
from memguard_hooks.app.work import NO_WORK, Work
from memguard_hooks.catalog import fitting, lookup, namespaces
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.dependencies.first_releases import is_bare
from memguard_hooks.deployment.start import StartCommand
from memguard_hooks.finding import MIB, MOMENTS, Estimate, Figures, Moment, Part, PartSource, Step, is_by
from memguard_hooks.imports.graph import External, Walk
from memguard_hooks.imports.model import AS_APP, IN_EXCEPT
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import Literal, TypeAlias

    from memguard_hooks.app.loaded import ModelUse
    from memguard_hooks.app.measured_roots import MeasuredEntry
    from memguard_hooks.project.declared import Declared
    from memguard_hooks.project.nearest_lock import NearestLock

    Cost: TypeAlias = "tuple[float, float]"


class Range(Record):
    """A figure in bytes (or a factor) with the bounds that nine in ten measurements keep."""

    low: float
    expected: float
    high: float


# What follows are medians with the bounds of 5 and 95 % over 372 measured distributions, by
# `python tools/survey_footprints.py --fit`, 2026-11-22; the lower bounds are rounded to nothing.

UNKNOWN_PACKAGE = Range(0, 2.9 * MIB, 23 * MIB)
"""What a package takes that was never measured, without what it imports: the mean of 36 that applications declare and the
catalog lacked (their median is 0.7, but medians of many add up to too little), and the upper bound of all (2026-11-28)."""

UNKNOWN_STANDARD = Range(0, 8.4 * MIB, 18 * MIB)
"""What such packages load of the standard library, together: the mean of 295 that are declared often, and the upper bound of
those among them that take 10 MiB or more (`tools/survey.tsv`, 2026-11-29)."""

SMALL_WHEEL = 2**19
WHEEL_FACTOR, LARGE_WHEEL_FACTOR = Range(0, 8, 25), Range(0, 0.3, 4)
"""Resident bytes that a byte of such a package's wheel takes, of the first half MiB and of all beyond: of large wheels, most
is never loaded."""

REQUIRED_SHARE, MOST_REQUIRED = 0.7, 20
"""Of what a package's requirements take, the share that importing it loads (228 pairs in the catalog: 73 % of the bytes);
and how many of them are looked at."""

UNEXPLAINED_SHARE = 0.5
"""The same of what is installed and nothing measured brings, where the project lists all. Of packages of the catalog that
were taken for unknown beside two to four others, 0 leaves 13 % too low by 30 % or more, 0.5 leaves 4 % and 0.7 leaves 3 %
(one half of them; both halves were seen as it was chosen, 2026-11-30). Lists hold what nothing loads, so it is less than of
requirements."""

SOURCE_FACTOR = Range(1, 7, 27)
"""Resident bytes that a byte of first-party source takes, all of it anonymous: 12 applications, without what they build and
connect to as they load (`python benchmarks/applications.py`, 2026-11-22)."""

BUILT_MARGIN = 0.5
"""How far what the source builds as it loads may be off, as a share of it."""

UNBOOKED = 190 * 1024
"""Resident bytes that the first import takes and no module is booked with: the median of 376 rows of the catalog."""

FIRST_PARTY, STANDARD = "(first-party)", "(standard library)"

UNION_ERROR = 0.08
"""How far the union as a whole may be off: nine in ten of the known parts of `python benchmarks/field.py --half tuned`."""

MARGINS: Mapping[Nearness, float] = {
    "measured": 0.03, "exact": 0.05, "near": 0.08, "far": 0.2, "light": 0.3, "beyond": 0.4, "major": 0.5,
}  # fmt: skip
"""How far a root's part of the sum may be off, by how near it was measured. From one measured major version to another,
90 % of 39 modules took between 0.64 and 1.56 times as much (2026-11-28). Of 81 measured versions, each taken for one that
lies beyond all others of its package, 0.4 held 31 of 36 in the half that it was fitted on, and all 45 of the other."""

BEYOND = 5
"""Minor versions before or after all measured ones from which on a version is far from them."""


ALIKE = frozenset({11, 12, 13})
"""Minor versions of Python on which modules take as much, within the margin of what was measured exactly: nine in ten of 422
between 0.960 and 1.042 times as much (`python benchmarks/aging.py --against 3.13`, 2026-11-29)."""


class Server(Record):
    """What a server adds: to each worker, and in processes of its own (arbiter, parent, resource tracker).

    Of one that `is_beside` its workers, its own process has loaded the server too, but not the app. One that `is_forked` is
    what its workers are forked from; of that each writes to the share `copied`, or `collected` where it loads so much after
    the fork that it collects all garbage.
    """

    worker: int
    others: int
    is_beside: bool = False
    is_forked: bool = False
    copied: Range = Range(0.0, 0.0, 0.6)
    collected: Range = Range(0.2, 0.4, 0.6)


METRICS = "dramatiq with metrics"
"""dramatiq before 2, which requires a client of Prometheus: each worker loads that, and one more process serves it."""


# Fitted to summed PSS of real servers on CPython 3.11 (gunicorn 27.0.1, uvicorn 0.54.0, hypercorn 0.18.0), within
# 2 % of each run, by `python benchmarks/processes.py`, 2026-11-21; streamlit 1.39.0 and 1.67.0 with one session, by
# `memguard measure --service web --repeatable`, 2026-11-30; `fastapi run` 0.0.34 with 2 and 4 workers in the same way: its
# parent holds what the command loads; in the same way celery 5.7.0, sanic 25.12.1 with the tracker of multiprocessing,
# granian 2.8.9, dramatiq 1.17.1 and 2.2.1, and taskiq 0.11.18 with a broker that listens.
SERVERS = {
    "": Server(0, 0),
    "gunicorn": Server(int(-2.5 * MIB), int(13.5 * MIB)),
    "uvicorn": Server(int(1.5 * MIB), int(20.7 * MIB)),
    "hypercorn": Server(int(3.5 * MIB), int(22.1 * MIB)),
    "fastapi": Server(int(1.5 * MIB), 52 * MIB),
    "streamlit": Server(12 * MIB, 0),
    "celery": Server(2 * MIB, 0),
    "dramatiq": Server(0, 0, is_forked=True),
    METRICS: Server(int(3.5 * MIB), int(8.2 * MIB), is_forked=True),
    "granian": Server(-4 * MIB, 4 * MIB, is_beside=True),
    "sanic": Server(2 * MIB, 8 * MIB, is_beside=True),
    "taskiq": Server(0, 0, is_forked=True, copied=Range(0.1, 0.25, 0.6), collected=Range(0.4, 0.6, 0.8)),
}

STAYING_AROUND = MappingProxyType({
    "uv run": (24 * MIB, 7 * MIB), "uvx": (24 * MIB, 7 * MIB), "pdm run": (34 * MIB, 32 * MIB),
    "hatch run": (18 * MIB, 17 * MIB), "supervisord": (15 * MIB, 14 * MIB), "circusd": (20 * MIB, 18 * MIB),
    "honcho": (6 * MIB, 6 * MIB), "monofy": (5 * MIB, 5 * MIB), "celery beat": (10 * MIB, 10 * MIB),
})  # fmt: skip
"""What programs take that stay beside what they start, with their anonymous part: PSS beside a Python that sleeps (uv
0.13.9, pdm 2.29.4, hatch 1.18.2, supervisor 4.3, circus 0.19, honcho 2.0 and monofy 1.2 on CPython 3.11.7, 2026-12-01); of
the beat that a worker of celery forks, what `-B` adds to one process and to the pool `solo` (8 and 12 MiB, celery 5.4.0)."""

SHARED_WITH_ARBITER, SMALL_IDLE, SMALL_BUSY = 4 * MIB, 33 * MIB, 22 * MIB
"""What each further worker of gunicorn shares with its arbiter besides, as long as it has little anonymous memory: it has
not collected all garbage then, which touches most pages. So small it is once it has started, and once it has answered
requests. Fitted on Flask with one, two and four workers and Django with one and three (`python benchmarks/serving.py`)."""

FORKSERVER = (3, 14)
"""The version of Python from which on multiprocessing starts processes anew, unless it is told to fork (its notes)."""

BESIDE_SPAWNED = 2
"""Processes of a server that starts its workers anew: its own, and the tracker of multiprocessing. Agents come with Python,
in all of them (`python benchmarks/agents.py --only two`)."""

HOLDING_NO_APP = (0, 15)
"""The release of hypercorn from which on its first process loads no app, unless it reloads."""

PRELOADED_ARBITER = 1 * MIB

NOT_PRELOADED = ("gevent", "eventlet")
"""Worker classes that replace parts of the standard library in each worker: what was imported before keeps the old ones."""

COPIES = MappingProxyType({
    "": (int(4.3 * MIB), int(5.4 * MIB)),
    "celery": (int(8.5 * MIB), 9 * MIB),
    "django": (int(4.3 * MIB), 13 * MIB),
    "uvicorn": (int(8.7 * MIB), int(10.2 * MIB)),
})  # fmt: skip
"""What each preloaded worker copies whatever is loaded, the state of the interpreter, its server and its framework: until a
request, and after some. Six apps of 30 to 190 MiB took 3.7 to 4.7 MiB for each idle worker (`python benchmarks/moments.py`,
CPython 3.11.7). Requests run through the middleware, templates and queries of Django, a process of celery's builds a tracer
of each task, and a worker of uvicorn's makes its loop (`python benchmarks/preloaded.py`, 2026-11-30)."""

CELERY_CONSUMER = 7 * MIB
"""What the parent of celery's processes takes to wait for tasks."""

TOUCHED, MADE = 45 * MIB, 5 * MIB
"""Of how much requests touch a share: what is loaded besides lies idle. And how much some hundred requests may make that
counts towards a full collection before it is freed: of twelve apps that import nothing in requests two had one after 500,
and none after 50, so that it is counted in the upper bound alone (`python benchmarks/preloaded.py`, 2026-11-30)."""

PRELOADED_IDLE = Range(0.0, 0.0, 0.6)
CELERY_COLLECTED = Range(0.3, 0.43, 0.6)
PRELOADED_WORKER = Range(0.05, 0.12, 0.6)
PRELOADED_COLLECTED = Range(0.4, 0.6, 0.8)
"""Of the other anonymous memory, what each preloaded worker copies: idle, after some hundred requests, and after a full
garbage collection, which touches nearly every object; and where such a collection is certain. From the same runs, and those
of `python benchmarks/moments.py`. Of a model they copy nothing: four workers took 5.9 MiB each after 50 requests with spaCy
imported, with a pipeline of 55 MiB loaded, and 11.6 once that answered, which is what it works in (case 15 of
`python benchmarks/reports.py`, CPython 3.11.7). celery collects all garbage before each fork (`celery.concurrency.asynpool`
of 5.7.0), so that each process but the last one holds what this has written to: of five apps of 36 to 70 MiB, bare and with
SQLAlchemy, Django, boto3 and pandas, 0.36 to 0.48 (`memguard measure --repeatable`, one to four processes, 2026-11-30)."""

COLLECTED_AFTER = (Range(24 * MIB, 31 * MIB, 36 * MIB), Range(69 * MIB, 88 * MIB, 103 * MIB))
LATER_COLLECTING = ("3.13", "3.14")
CHANCES = 12
"""The anonymous memory that a process loads between two full collections of its garbage, until Python 3.12 and since: it
makes 84,700 and 242,000 objects that count meanwhile (`gc.get_threshold()`), of which eleven libraries had 2,340 to 3,650 in
a MiB (2026-11-30, CPython 3.11.7). Once there are five times as many, a fourth of them has to be new (`long_lived_pending`
of `Modules/gcmodule.c`). Between the bounds so many values are tried."""

COLLECTING_FORKED = 2 * MIB
"""What a worker loads until it collects all garbage beside a server that has loaded itself alone: workers of dramatiq and
taskiq did with redis, 3 to 8 MiB, and bare ones, of 0.1 MiB, did not."""


EMPTY, EMPTY_BELOW = 4 * MIB, 3
"""What a package takes at most that loads next to nothing, and how many times as much the modules below it take that were
measured (2026-11-29)."""

SHARE_BELOW = 2 / 3
"""What another one takes of the median of them: the mean of twelve packages, of which 38 modules were measured. Half of
them took 0.8 to 1.1 times as much, and a fourth next to nothing."""

LIGHT_MODULES = frozenset({"constants", "errors", "exceptions", "version"})
"""Names of modules that load next to nothing."""

FIRST_MODEL, MODELS_BUILT = "pydantic:create_model('M',__module__='m',x=(int,1))", MIB
"""What the first model of a process loads of pydantic 2, and how much of pydantic is loaded where one was built: it is
0.2 MiB without one, and 2.4 to 4 with one."""

PLACEHOLDER = "0.0."
"""How the version of a release begins that takes a name and holds next to nothing, where it requires nothing besides."""

BUILDS = frozenset({"torch"})
"""Distributions whose wheels differ much by their build, which the local part of a version or an index names."""


Nearness: TypeAlias = "Literal['measured', 'exact', 'near', 'far', 'beyond', 'major', 'light', 'unknown']"
"""Measured in this project, at this version and Python, at one like it, at another, only at ones long before or after it,
only at other major versions, roughly, or not at all."""


class Root(Record):
    """One measured or unknown import of a process, which is there by some moment.

    `sites` are the statements that import it by then; none where a server does. `parent` is the root that imports it
    because it is installed. `is_after_fork` tells that each worker loads it by itself, also where the app is preloaded, and
    `is_agents` that an agent loads it before the server starts. `is_left_out` tells that nothing installs it.

    Of a package that nobody measured, `wheel` is the size of its wheel in bytes, where a lock tells, and `brings` are
    measured packages of which it is taken to load the `share`: those that it is known to require where `is_required`, else
    those that are installed and that nothing known brings. `named` are those that its own name says it works with, where
    nobody knows what it requires.

    Where the import was not measured as it stands, `beside` are the resident bytes of what was measured next to it, such as
    other versions. `unmeasured` is the submodule that is imported where only its package was measured, and `siblings` what
    was measured of the submodules beside it; `is_partly` tells that it is taken to load a part of what they do. `is_typical`
    tells that others of its namespace were measured, and `installed` is the project's version where the measured one is far
    from it.
    """

    name: str
    footprint: Footprint | None
    chain: tuple[Step, ...]
    nearness: Nearness
    sites: tuple[Step, ...] = ()
    parent: str | None = None
    wheel: int | None = None
    brings: tuple[Footprint, ...] = ()
    is_required: bool = True
    named: tuple[Footprint, ...] = ()
    share: float = REQUIRED_SHARE
    moment: Moment = "start"
    is_after_fork: bool = False
    is_agents: bool = False
    beside: tuple[int, ...] = ()
    unmeasured: str = ""
    is_typical: bool = False
    siblings: tuple[Footprint, ...] = ()
    is_left_out: bool = False
    installed: str = ""
    is_partly: bool = False

    @property
    def is_standard(self) -> bool:
        """Whether it is a module of the standard library."""
        return self.footprint is not None and self.footprint.distribution == lookup.INTERPRETER

    @property
    def label(self) -> str:
        """What a person calls it: `celery`, also where `celery:Celery` was measured."""
        return self.name.partition(":")[0]

    @property
    def is_of_server(self) -> bool:
        """Whether a server brings it at start, and no file or agent."""
        return self.moment == "start" and not (self.chain or self.is_standard or self.is_agents)

    @property
    def package(self) -> str:
        """The package in the own costs that is its own: its name, or what that begins with."""
        return lookup.package_in(self.footprint.own if self.footprint else {}, self.label)

    @property
    def resident(self) -> int:
        """What it takes by itself, in bytes; 0 where it was never measured."""
        return self.footprint.resident if self.footprint else 0

    @property
    def may_load(self) -> tuple[Footprint, ...]:
        """What it is known to require, or says by its name, where nobody measured what it loads of that."""
        return () if self.footprint is not None else self.brings if self.is_required else self.named


class FigureSources:
    """Where the figures of one process come from: what the project declares and has measured, and the catalog.

    What an import loads and what a root takes is found out once, whatever asks for it. What imports that are `gone` load
    is none of the process, and known all the same: no unknown package is taken to bring it.
    """

    def __init__(
        self,
        declared: Declared,
        folder: str,
        walked: Walk,
        python: str | None,
        known: MeasuredEntry | None = None,
        gone: Iterable[External] = (),
    ) -> None:
        self.declared = declared
        self.pinned = declared.near(folder)
        self.lock = declared.lock_near(folder)
        self.python = python
        self.known = known
        tops = ([external.names[0].partition(".")[0]] for external in walked.externals)
        present = self.pinned.present
        is_empty = namespaces.is_empty(self.bounded("llama-index"))
        self._folder = folder
        self._failing: dict[str, bool] = {}
        self.imported = [
            (one, [*(_names(one, is_empty=is_empty) or top), *_adapted(one, present)])
            for one, top in zip(walked.externals, tops, strict=True)
            if not self._is_missed(one)
        ]
        needed = (one for one in self.imported if one[0].site is not None and one[0].site.when != "call")
        self._needed = {name for _, names in needed for name in names}
        self.imported = [(self._when_there(one, names), names) for one, names in self.imported]
        self._gone = tuple(name for one in gone for name in _names(one, is_empty=is_empty))
        self._roots: dict[str, Root] = {}
        self._seen: dict[tuple[str, str], Root] = {}

    def _when_there(self, external: External, names: Iterable[str]) -> External:
        is_late = external.moment == "serving" and external.way is not None
        return external._replace(moment="all") if is_late and all(map(self.fails, names)) else external

    def fails(self, name: str) -> bool:
        """Return whether only functions import a module, and nothing installs it: they fail as the app serves.

        A file could not be loaded without what it imports outside of functions, so that is there; so is what was measured.
        """
        if name not in self._failing:
            may_fail = self.known is None and name not in self._needed
            self._failing[name] = may_fail and not self.declared.may_have(name, self._folder)
        return self._failing[name]

    def there(self, models: Models) -> Models:
        """Return models at their moments: what nothing installs loads none as the app serves."""

        def moved(use: ModelUse) -> ModelUse:
            names = filter(None, map(lookup.root_of, use.imports)) if use.moment == "serving" else ()
            return use._replace(moment="all") if any(map(self.fails, names)) else use

        return models._replace(uses=tuple(map(moved, models.uses)), unknown=tuple(map(moved, models.unknown)))

    def _is_missed(self, external: External) -> bool:
        """Return whether an import of what is not installed only stands in for another that failed."""
        if external.site is None or external.site.why != IN_EXCEPT:
            return False
        return all(map(self.pinned.lacks, _names(external) or external.names[:1]))

    def root(self, name: str) -> Root:
        """Return a root without the way to it."""
        if name not in self._roots:
            self._roots[name] = _root(self, name)
        return self._roots[name]

    def seen_from(self, name: str, module: str) -> Root:
        """Return a root as an import of a module below it loads it."""
        if (name, module) not in self._seen:
            self._seen[name, module] = _seen_from(self.root(name), module)
        return self._seen[name, module]

    @cached_property
    def pydantic(self) -> str:
        """The version of pydantic that is installed, empty where any may be."""
        return self.bounded("pydantic") or ""

    def bounded(self, name: str) -> str | None:
        """Return the version of a distribution that is installed, None where any may be."""
        pinned = self.pinned.versions.get(name)
        return pinned or lookup.newest_within(name, self.pinned.ranges.get(name, ""), self.python)

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The pinned versions, and of what has an upper bound the newest measured one within it."""
        bounded = {name: text for name, text in self.pinned.ranges.items() if "<" in text or "~=" in text or "==" in text}
        found = {name: lookup.newest_within(name, text, self.python) for name, text in bounded.items()}
        return {**{name: version for name, version in found.items() if version}, **self.pinned.versions}

    @cached_property
    def all_present(self) -> AbstractSet[str] | None:
        """The measured distributions that are installed, None where the project does not list all of them."""
        is_whole = fitting.pins_all(self._known & self.pinned.present, self.pinned.versions)
        return self.pinned.present if is_whole else None

    @cached_property
    def _known(self) -> AbstractSet[str]:
        """The distributions of what files import."""
        names = {name for _, names in self.imported for name in names}.union(self._gone)
        return {provider for name in names for provider in lookup.providers(name)}

    @cached_property
    def imported_by_nobody(self) -> tuple[Footprint, ...]:
        """What is there although nothing known imports or brings it, the largest first: an unknown package may."""
        known, versions = self._known, self.pinned.versions
        brought = {other for name in known for other in lookup.installed_with(name, versions.get(name))}
        return self.largest_of((self.pinned.present & lookup.distributions().keys()) - known - brought)

    def largest_of(self, distributions: Iterable[str]) -> tuple[Footprint, ...]:
        """Return what is measured of some distributions, by their largest modules, no more than are looked at.

        What these import because it is installed is there with them.
        """
        measured = lookup.distributions()
        names = sorted(distributions, key=lambda name: (-max(one.resident for one in measured[name]), name))[:MOST_REQUIRED]
        versions = self.pinned.versions
        found = (lookup.find_largest(name, version=versions.get(name), python=self.python) for name in names)
        known = tuple(one for one in found if one is not None)
        optional = dict.fromkeys(name for one in known for name in _optional(one, self.pinned.present))
        return known + tuple(filter(None, map(self._find, optional)))

    def _find(self, name: str) -> Footprint | None:
        """Return what was measured of a root, in the version that is pinned."""
        provider = next((one for one in lookup.providers(name) if one in self.pinned.versions), None)
        return lookup.find(name, provider, self.pinned.versions.get(provider or ""), self.python)


class Margin(Record):
    """How far a part of a process may be off from some moment on, downwards and upwards."""

    moment: Moment
    low: float
    high: float


class Source(Record):
    """What first-party code takes: a part for each moment that loads some, and by each moment how far it is off in all."""

    parts: tuple[Part, ...]
    bounds: tuple[Margin, ...]


class ProcessEstimate(Record):
    """What one process takes by each moment: its parts, and what they come from.

    `is_measured` tells that the figures are of this project. `before_fork` is the anonymous memory that is there when a
    server that preloads the app forks its workers, `beside_agents` that of the server and agents where there are such, and
    `of_agents` their part of it.
    """

    figures: Estimate
    parts: tuple[Part, ...]
    base: Footprint
    roots: tuple[Root, ...]
    source: Source
    is_measured: bool
    before_fork: int
    beside_agents: int = 0
    of_agents: int = 0
    models: Models = NONE
    work: Work = NO_WORK

    def at(self, moment: Moment) -> Figures:
        """Return what the process takes by a moment."""
        return self.figures.at(moment)

    @property
    def of_server(self) -> int:
        """The anonymous memory of a process that has loaded the server alone."""
        return sum(part.anonymous for part in add_up(self.base, [root for root in self.roots if root.is_of_server])[0])

    def reaching_down(self, spread: Mapping[Moment, int]) -> ProcessEstimate:
        """Return the process with a range that reaches down by some bytes, as what a run may load instead takes less."""
        if not any(spread.values()):
            return self

        def lowered(figures: Figures, less: int) -> Figures:
            return figures._replace(low=figures.low * max(0, figures.expected - less) // max(1, figures.expected))

        return self._replace(figures=rising(lowered(self.at(one), spread.get(one, 0)) for one in MOMENTS))

    def with_roots(self, roots: Sequence[Root]) -> ProcessEstimate:
        """Return the process as it would be with other roots."""
        return _join(self.base, roots, self.source, self.models, self.work, is_measured=self.is_measured)

    def with_required(self, share: float) -> ProcessEstimate:
        """Return the process as it is where packages that nobody measured load a share of all that they may."""
        roots = [
            one._replace(brings=one.may_load, share=share, is_required=True) if one.may_load else one for one in self.roots
        ]
        return self if roots == list(self.roots) else self.with_roots(roots)

    def with_models(self, models: Models) -> ProcessEstimate:
        """Return the process as it would be with other models."""
        return _join(self.base, self.roots, self.source, models, self.work, is_measured=self.is_measured)


def estimate_process(
    declared: Declared,
    folder: str,
    walked: Walk,
    python: tuple[int, int] | None,
    known: MeasuredEntry | None = None,
    models: Models = NONE,
    work: Work = NO_WORK,
    built: Mapping[Moment, Built] = NO_BUILT,
    gone: Iterable[External] = (),
) -> ProcessEstimate:
    """Estimate one process that loads what a walk has reached, on a Python (None for the catalog's own).

    The versions are those that are declared in a folder. What is `known` was measured in the project, and beats the
    catalog. Imports that are `gone` load nothing.
    """
    version = None if python is None else f"{python[0]}.{python[1]}"
    sources = FigureSources(declared, folder, walked, version, known, gone)
    base = known.base if known is not None else lookup.interpreter(version)
    source, loaded = _first_party(walked, known, built), sources.there(models)
    return _join(base, _roots(sources, walked), source, loaded, work, is_measured=known is not None)


def _join(
    base: Footprint, roots: Sequence[Root], source: Source, models: Models, work: Work, *, is_measured: bool
) -> ProcessEstimate:
    """Return a process of an interpreter, roots, first-party code, models and the work at start."""
    booked, bounds = add_up(base, roots)
    of_models = list(_of_models(models, roots)) if models.uses or models.unknown else []
    # What the project does at start is part of what was measured of its code.
    of_models += () if is_measured else work.parts()
    bounds += [Margin(part.moment, margin, margin) for part, margin in of_models]
    loaded = (part for part, _ in of_models)
    parts = sorted((*booked, *source.parts, *loaded), key=lambda part: MOMENTS.index(part.moment))

    def by(moment: Moment, of_source: Margin) -> Figures:
        there = [part for part in parts if is_by(part.moment, moment)]
        expected = sum(part.resident for part in there)
        apart = [bound for bound in bounds if is_by(bound.moment, moment)]
        union = () if is_measured else (expected * UNION_ERROR,)
        return Figures(
            low=int(expected - math.hypot(*(bound.low for bound in apart), of_source.low, *union)),
            expected=expected,
            high=int(expected + math.hypot(*(bound.high for bound in apart), of_source.high, *union)),
            anonymous=sum(part.anonymous for part in there),
            passing=models.passing(moment),
        )

    figures = rising(by(moment, bound) for moment, bound in zip(MOMENTS, source.bounds, strict=True))
    early = [root for root in roots if root.moment == "start" and not root.is_after_fork]
    preloaded = figures.start.anonymous
    if len(early) < sum(root.moment == "start" for root in roots):
        others = (*source.parts, *(part for part, _ in (*_of_models(models, early), *work.parts())))
        preloaded = sum(part.anonymous for part in (*add_up(base, early)[0], *others) if part.moment == "start")
    return ProcessEstimate(
        figures, tuple(parts), base, tuple(roots), source, is_measured, preloaded, *_of_agents(base, roots), models, work
    )


def _of_agents(base: Footprint, roots: Sequence[Root]) -> tuple[int, int]:
    """Return the anonymous memory of a server with agents before it starts workers, and what they add; none without them."""
    agents = [root for root in roots if root.is_agents]
    if not agents:
        return 0, 0
    server = [root for root in roots if root.is_of_server]
    with_agents, alone = (sum(part.anonymous for part in add_up(base, some)[0]) for some in ([*server, *agents], server))
    return with_agents, with_agents - alone


def _of_models(models: Models, roots: Sequence[Root]) -> Iterator[tuple[Part, float]]:
    """Yield what models add, and the classes of transformers, which nothing else may have loaded."""
    yield from models.parts()
    first = needs_classes((*models.uses, *models.unknown))
    holders = [
        root for root in roots if root.label == "sentence_transformers" and first and is_by(root.moment, first.moment)
    ]
    if first is not None and not holders:
        provenance = "transformers 5.24.0, Python 3.11.7, 2026-11-28"
        part = Part(CLASSES, None, CLASSES_SIZE, CLASSES_SIZE * 3 // 4, "catalog", provenance, first.chain, first.moment)
        yield part, CLASSES_SIZE * MARGINS["far"]


def rising(figures: Iterable[Figures]) -> Estimate:
    """Return the figures of all moments: what is there by one is there by the next, though its range may be wider.

    What took most until one moment did so until the next.
    """
    found: list[Figures] = []
    for one in figures:
        before = found[-1] if found else one
        passing = max(one.passing, before.peak - one.expected)
        found.append(one._replace(low=max(before.low, one.low), high=max(before.high, one.high), passing=passing))
    return Estimate(*found)


def _first_party(walked: Walk, known: MeasuredEntry | None, built: Mapping[Moment, Built]) -> Source:
    """Return what first-party code takes, at the rate that was measured in the project, or at what is usual."""
    sizes = {moment: sum(walked.files[moment].values()) for moment in MOMENTS}
    measured = known.first_party(sizes["start"]) if known is not None else None
    parts: list[Part] = []
    bounds: list[Margin] = []
    until = built_until = 0
    for moment, size in sizes.items():
        until += size
        built_until += built[moment].size
        low, high = (
            until * (SOURCE_FACTOR.expected - SOURCE_FACTOR.low) + built_until * BUILT_MARGIN,
            until * (SOURCE_FACTOR.high - SOURCE_FACTOR.expected) + built_until * BUILT_MARGIN,
        )
        if measured is not None and known is not None:
            resident, anonymous = (part * size // sizes["start"] for part in measured)
            provenance = f"{known.entry.source} bytes of source took {known.entry.first_party.resident}, {known.entry.date}"
            part = Part(FIRST_PARTY, None, resident, anonymous, "measured", provenance, (), moment)
            low = high = measured[0] * until // sizes["start"] * MARGINS["measured"]
        else:
            resident = int(size * SOURCE_FACTOR.expected) + built[moment].size
            provenance = f"{size} bytes of source, {SOURCE_FACTOR.expected} bytes each"
            provenance += f", and {built[moment].told}" if built[moment].size else ""
            part = Part(FIRST_PARTY, None, resident, resident, "assumed", provenance, (), moment)
        bounds.append(Margin(moment, low, high))
        if size:
            parts.append(part)
    return Source(tuple(parts), tuple(bounds))


def _roots(sources: FigureSources, walked: Walk) -> list[Root]:
    """Return the measured roots that imports load, by moment and the most expensive first, then unknown and standard ones.

    What a root imports only where it is installed is a root of its own where the project has it.
    """
    found: dict[str, Root] = {}
    sites: dict[tuple[str, Moment], list[Step]] = {}
    shared = {name for external, names in sources.imported if not external.is_after_fork for name in names}
    of_agents = {name for external, names in sources.imported if is_agents(external) for name in names}
    for external, names in sources.imported:
        for name in names:
            known = found.get(name)
            root = sources.seen_from(name, external.names[0])
            if known is None or not is_by(known.moment, external.moment):
                found[name] = root._replace(chain=external.chain, moment=external.moment)
            elif root.is_partly and not known.is_partly and known.moment == external.moment:
                found[name] = root._replace(chain=known.chain, moment=known.moment)
            if external.way:
                sites.setdefault((name, external.moment), []).append(external.way.last)
    found = {
        name: root._replace(
            sites=tuple(sites.get((name, root.moment), ())),
            is_after_fork=name not in shared,
            is_agents=name in of_agents,
            is_left_out=root.moment == "all" and sources.fails(name),
        )
        for name, root in found.items()
    }
    _add_optional(sources, found)
    _leave_out_first_model(found)
    roots = sorted(found.values(), key=lambda root: (MOMENTS.index(root.moment), -root.resident, root.name))
    return [*roots, *_standard_roots(sources, walked)]


def _leave_out_first_model(found: dict[str, Root]) -> None:
    """Leave out the first model of a process where something else has built one by then, or pydantic is another major."""
    first = found.get(FIRST_MODEL)
    if first is None:
        return
    others = (one for one in found.values() if one is not first and one.footprint and is_by(one.moment, first.moment))
    sizes = (one.footprint.own.get(first.label, (0, 0))[0] for one in others if one.footprint is not None)
    if any(size >= MODELS_BUILT for size in sizes):
        del found[FIRST_MODEL]


def _seen_from(root: Root, module: str) -> Root:
    """Return a root as an import of a module below it sees it, which may load what any measured one beside that does."""
    package = root.label
    if root.footprint is None or not module.startswith(f"{package}."):
        return root
    known = root.footprint
    found = (lookup.find(name, known.distribution, known.version, known.python) for name in lookup.submodules(package))
    siblings = tuple(one for one in found if one is not None)
    if not siblings:
        return root
    bare = lookup.find(package, known.distribution, known.version, known.python) if package != root.name else None
    beside = (*root.beside, *(() if bare is None else (bare.resident,)))
    seen = root._replace(unmeasured=module, siblings=siblings, beside=beside)
    heavier = [one for one in siblings if one.resident >= EMPTY_BELOW * max(known.resident, MIB)]
    if not heavier or known.resident > EMPTY or module.rpartition(".")[2] in LIGHT_MODULES:
        return seen
    middle = sorted(heavier, key=lambda one: one.resident)[(len(heavier) - 1) // 2]
    own = {
        name: (int(SHARE_BELOW * cost[0]), int(SHARE_BELOW * cost[1]))
        for name, cost in middle.own.items()
        if name not in known.own
    }
    more = [sum(cost[kind] for cost in own.values()) for kind in (0, 1)]
    partly = known._replace(resident=known.resident + more[0], anonymous=known.anonymous + more[1], own={**known.own, **own})
    return seen._replace(footprint=partly, beside=(known.resident, *root.beside), is_partly=True)


def _standard_roots(sources: FigureSources, walked: Walk) -> Iterator[Root]:
    """Yield the modules of the standard library that files load, each by the first moment that does."""
    seen: set[str] = set()
    for moment in MOMENTS:
        loaded = set(walked.standard.get(moment, ())) - seen
        seen |= loaded
        for name in sorted(loaded):
            root = _standard_root(sources, name)
            if root is not None:
                yield root._replace(moment=moment)


def _standard_root(sources: FigureSources, name: str) -> Root | None:
    """Return a module of the standard library, None where it takes next to nothing or is an attribute."""
    footprint = lookup.find_standard(name, sources.python)
    if footprint is None:
        return None
    known = sources.known.find(name, footprint) if sources.known is not None else None
    return Root(name, known or lookup.on_python(footprint, sources.python), (), "measured" if known else "exact")


def _names(external: External, *, is_empty: bool = True) -> list[str]:
    """Return the measured roots that one import loads: also `celery:Celery`, for `from celery import Celery`.

    What is called as the file loads counts too: `boto3:client('s3')`, for `boto3.client(...)`. So does what nobody measured
    of a namespace, also of llama_index where that `is_empty` itself.
    """
    module, *taken = external.names
    found: dict[str, None] = {}
    for name in external.names:
        root = lookup.root_of(name)
        if root is None or (is_empty and root == namespaces.FILLED):
            root = namespaces.member_of(name) or root
        if root is not None:
            found[_loaded_below(root, module)] = None
    if external.site is not None and external.site.why == AS_APP:
        found.update(dict.fromkeys(lookup.set_up_for(module)))
    measured = lookup.attributes().get(module, ())
    calls = external.site.calls if external.site is not None else ()
    used = {*(name.rpartition(".")[2] for name in taken), *calls}
    calls = (*calls, "create_model") if module == "pydantic" and "BaseModel" in used else calls
    plain = [name for name in measured if not name.endswith(")")]
    loaded = [name for name in plain if name.rpartition(":")[2] in used] or (plain[:1] if taken else [])
    loaded += [name for name in measured if name.endswith(")") and name.partition(":")[2].partition("(")[0] in calls]
    # What a name loads holds what its module does.
    return [*loaded, *(root for root in found if root != module or not loaded or FIRST_MODEL in loaded)]


def _loaded_below(root: str, module: str) -> str:
    """Return what a module of a root loads: as much as a name of it does, where it loads its modules late.

    `import celery` loads little; `celery.signals` and three others loaded 17.6 to 21.0 MiB, and `celery:Celery` 20.1.
    """
    late = [one for one in lookup.attributes().get(root, ()) if not one.endswith(")")]
    return late[0] if late and module.startswith(f"{root}.") else root


def _adapted(external: External, present: AbstractSet[str]) -> Iterator[str]:
    """Yield what an adapter is named after, where it is installed: `gql.transport.aiohttp` loads aiohttp.

    The names of modules right below a package are its own: `starlette.requests`.
    """
    module = external.names[0]
    last = module.rpartition(".")[2]
    is_named_after = module.count(".") > 1 and lookup.root_of(module) != module
    if is_named_after and not present.isdisjoint(lookup.providers(last)):
        yield last


def _root(sources: FigureSources, name: str) -> Root:
    versions = sources.pinned.versions
    providers = lookup.providers(name)
    provider = next((one for one in providers if one in versions), None)
    version = versions.get(provider or "")
    if provider is None:
        provider = next((one for one in providers if one in sources.pinned.ranges), None)
        version = (
            None if provider is None else lookup.newest_within(provider, sources.pinned.ranges[provider], sources.python)
        )
    bare = provider is not None and version is not None and is_bare(provider, version)
    if bare and version is not None and version.startswith(PLACEHOLDER):
        return Root(name, None, (), "unknown")
    if provider in BUILDS:
        version = _with_build(sources, version)
    footprint = lookup.find(name, provider, version, sources.python) or lookup.find_light(name)
    if footprint is not None and namespaces.is_other(name, version, footprint.version):
        footprint = None
    if footprint is not None:
        footprint = _in_these_builds(sources, footprint)
        footprint = fitting.fit(footprint, sources.versions, sources.python, () if bare else sources.all_present)
        footprint = lookup.on_python(lookup.with_pydantic(footprint, sources.pydantic), sources.python)
    known = sources.known.find(name, footprint) if sources.known is not None else None
    if known is not None:
        return Root(name, known, (), "measured")
    if footprint is None and (typical := namespaces.typical(name, sources.python)):
        return Root(name, typical.footprint, (), "major", beside=typical.range, is_typical=True)
    if footprint is not None:
        wanted = versions.get(footprint.distribution)
        if wanted is None and footprint.distribution == provider and footprint.version != version:
            wanted = version  # no version was measured that its range admits
        nearness = _nearness(footprint, wanted, sources.python)
        beside = _beside(footprint, wanted, sources.python) if nearness in ("near", "far", "beyond", "major") else ()
        is_told = nearness in ("beyond", "major") and wanted is not None
        return Root(name, footprint, (), nearness, beside=beside, installed=wanted if is_told and wanted else "")
    return _unknown_root(sources, name)


def _unknown_root(sources: FigureSources, name: str) -> Root:
    """Return a package that was never measured, with what it requires, or may require where no lock tells."""
    from memguard_hooks.dependencies.requirement import normalize_name

    distribution = normalize_name(name)
    required, named = may_require(sources.lock, distribution)
    wheel = sources.lock.wheel_size(distribution)
    locked = sources.lock.packages.get(distribution, ())
    knows_edges = sources.lock.knows_edges
    if required or (locked and knows_edges and not any(one.requires for one in locked)):
        return Root(name, None, (), "unknown", wheel=wheel, brings=sources.largest_of(required))
    is_complete = sources.all_present is not None or (locked and not knows_edges)
    share = UNEXPLAINED_SHARE if is_complete else 0
    brings = sources.imported_by_nobody
    unknown = Root(name, None, (), "unknown", wheel=wheel, brings=brings, is_required=False, share=share)
    return unknown._replace(named=sources.largest_of(named))


def may_require(lock: NearestLock, distribution: str) -> tuple[AbstractSet[str], AbstractSet[str]]:
    """Return the measured distributions that a package is known to require, and those that it says by its name.

    `pandas-market-calendars` works with pandas: that says nothing where a lock or the table tells what it requires.
    """
    from memguard_hooks.dependencies.unmeasured import known_required

    measured = lookup.distributions().keys()
    required = lock.required_by(distribution) or known_required().get(distribution, frozenset())
    is_known = bool(required) or (lock.knows_edges and distribution in lock.packages)
    return required & measured, frozenset() if is_known else measured & {*distribution.split("-")} - {distribution}


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


def _beside(footprint: Footprint, wanted: str | None, python: str | None) -> tuple[int, ...]:
    """Return what the measured versions take between which the wanted one lies."""
    if wanted is None:
        return ()
    found = lookup.find_beside(footprint.module, footprint.distribution, wanted, python)
    return tuple(one.resident for one in found)


def _nearness(footprint: Footprint, wanted: str | None, python: str | None) -> Nearness:
    """Return how near a measurement is to what the project installs."""
    if footprint.is_light:
        return "light"
    if wanted is not None and wanted != footprint.version:
        numbers, measured = wanted.split("."), footprint.version.split(".")
        if numbers[0] != measured[0]:
            return "major"
        if numbers[:2] == measured[:2] != ["0", "0"]:  # each release of 0.0 may change all
            return "near"
        return "beyond" if _is_beyond(footprint, wanted, python) else "far"
    if wanted is None:
        return "near"  # nobody says which version: the newest is what is installed
    return "exact" if python is None or {lookup.minor_of(python), lookup.minor_of(footprint.python)} <= ALIKE else "near"


def _is_beyond(footprint: Footprint, wanted: str, python: str | None) -> bool:
    """Return whether a version comes long before or after all that were measured."""
    beside = lookup.find_beside(footprint.module, footprint.distribution, wanted, python)
    if len(beside) != 1:
        return False
    release, measured = ((*lookup.release_of(one), 0)[1] for one in (wanted, beside[0].version))
    return abs(release - measured) >= BEYOND


PARTS_LOADED = MappingProxyType({("pandas", "pyarrow"): "pyarrow.compute"})
"""Of what a package imports where it is installed, the module that it loads (`pandas.core.arrays.arrow` of 2.3 and 3.1).
pandas 3.1.1 took 57.7 MiB by itself and 92.5 beside pyarrow 26.0.1, of which 27.6 are `import pyarrow` (CPython 3.11.7)."""


def _add_optional(sources: FigureSources, found: dict[str, Root]) -> None:
    """Add what roots import where it is installed, and it is; what the project imports later is there with them."""
    roots = {root.footprint.distribution for root in found.values() if root.footprint is not None}
    there = sources.pinned.present | roots
    versions = sources.pinned.versions
    there |= {brought for name in there for brought in lookup.installed_with(name, versions.get(name))}
    waiting = sorted(found.values(), key=lambda root: MOMENTS.index(root.moment), reverse=True)
    while waiting:
        root = waiting.pop()
        for name in _optional(root.footprint, there) if root.footprint is not None else ():
            if name in found and is_by(found[name].moment, root.moment):
                continue
            brought = sources.root(name)
            found[name] = brought._replace(
                chain=root.chain,
                parent=root.name,
                moment=root.moment,
                is_after_fork=root.is_after_fork,
                is_agents=root.is_agents,
            )
            waiting.append(found[name])


def _optional(footprint: Footprint, there: AbstractSet[str]) -> Iterator[str]:
    """Yield the roots that a module imports because they are installed, of the distributions that are there."""
    for module in footprint.optional:
        name = lookup.largest_below(lookup.root_of(module))
        name = next((part for (one, of), part in PARTS_LOADED.items() if of == name and one in footprint.own), name)
        if name is not None and not there.isdisjoint(lookup.providers(name)):
            yield name


def _shared_costs(roots: Sequence[Root]) -> dict[str, Cost]:
    """Return what each package costs that the roots load: the mean of what it cost in each of them.

    What a root's own package cost there is the least, and stands aside from the mean: `sqlalchemy.orm` loads more of
    sqlalchemy than others do. What was measured in the project beats what others have measured. What only a part of a module
    may load counts where nothing else loads it.
    """
    others: dict[str, list[tuple[int, int]]] = {}
    least: dict[str, tuple[int, int]] = {}
    in_project: dict[str, tuple[int, int]] = {}
    partly: dict[str, tuple[int, int]] = {}
    for root in roots:
        if root.is_partly and root.footprint is not None:
            partly.update({name: max(cost, partly.get(name, cost)) for name, cost in root.footprint.own.items()})
        elif root.footprint is not None:
            own = root.footprint.own
            if root.nearness == "measured":
                in_project.update(own)
            for package, cost in own.items():
                if package == root.package:
                    least[package] = max(least.get(package, cost), cost)
                else:
                    others.setdefault(package, []).append(cost)
    found: dict[str, Cost] = {**least}
    for package, costs in others.items():
        mean = (sum(cost[0] for cost in costs) / len(costs), sum(cost[1] for cost in costs) / len(costs))
        found[package] = max(mean, least.get(package, mean))
    return {**partly, **found, **in_project}


def add_up(base: Footprint, roots: Sequence[Root]) -> tuple[list[Part], list[Margin]]:
    """Return what each root adds to those before it, and how far each may be off.

    A package in the closure of several roots costs the mean of its own cost in each of them that are there by then. What
    it took before stays taken.
    """
    is_measured = any(root.nearness == "measured" for root in roots)  # then it is booked on first-party code
    is_bare = is_measured or not any(root.moment == "start" for root in roots)
    resident = base.resident + (0 if is_bare else UNBOOKED)
    parts = [Part("python", base.python, resident, base.anonymous, "catalog", base.provenance)]
    bounds = [Margin("start", *[base.resident * MARGINS["exact"]] * 2)]
    booked: dict[str, Cost] = {}
    for moment in MOMENTS:
        new = [root for root in roots if root.moment == moment]
        shared = _shared_costs([root for root in roots if is_by(root.moment, moment)]) if new else {}
        for part, bound in (*_known_parts(new, shared, booked), *_unknown_parts(new, shared, booked)):
            parts.append(part._replace(moment=moment))
            bounds.append(Margin(moment, *bound))
    return _joined_standard(parts, base), bounds


def _known_parts(
    roots: Iterable[Root], shared: Mapping[str, Cost], booked: dict[str, Cost]
) -> Iterator[tuple[Part, tuple[float, float]]]:
    """Yield what each measured root adds to what is `booked` on packages, which grows by it."""
    for root in roots:
        footprint = root.footprint
        if footprint is None:
            continue
        added = [0.0, 0.0]
        for package in footprint.own:
            before = booked.get(package, (0, 0))
            now = (max(before[0], shared[package][0]), max(before[1], shared[package][1]))
            added = [added[0] + now[0] - before[0], added[1] + now[1] - before[1]]
            booked[package] = now
        resident, anonymous = map(int, added)
        kind: PartSource = "measured" if root.nearness == "measured" else "assumed" if root.is_typical else "catalog"
        name = STANDARD if root.is_standard else root.label
        provenance = "as others of its namespace; nobody measured it" if root.is_typical else footprint.provenance
        if root.unmeasured:
            provenance += f"; {root.unmeasured} itself was not measured"
        if root.installed:
            provenance += f"; the project has {root.installed}, which is far from it"
        version = footprint.version or None
        part = Part(name, version, resident, anonymous, kind, provenance, root.chain, installed=root.installed)
        yield part, _margins(root, resident)


def _margins(root: Root, resident: int) -> tuple[float, float]:
    """Return how far the part of a root may be off: so far that the measured versions beside its own lie in the range.

    An unmeasured submodule may take as much as the most expensive one beside it.
    """
    margin = resident * MARGINS[root.nearness]
    others = (*root.beside, *(one.resident for one in root.siblings))
    low, high = min((root.resident, *root.beside)), max((root.resident, *others))
    return min(max(margin, root.resident - low), max(resident, 0)), max(margin, high - root.resident)


def _joined_standard(parts: Iterable[Part], base: Footprint) -> list[Part]:
    """Make one part of the modules of the standard library that come by a moment, behind the packages."""
    sizes: dict[Moment, tuple[int, int]] = {}
    kept: list[Part] = []
    for part in parts:
        if part.package == STANDARD and part.source != "assumed":
            resident, anonymous = sizes.get(part.moment, (0, 0))
            sizes[part.moment] = (resident + part.resident, anonymous + part.anonymous)
        else:
            kept.append(part)
    provenance = f"its modules, {base.provenance}"
    for moment, size in sizes.items():
        if any(size):
            kept.append(Part(STANDARD, base.python, *size, "catalog", provenance, (), moment))
    return kept


def _unknown_parts(
    roots: Iterable[Root], shared: Mapping[str, Cost], booked: dict[str, Cost]
) -> Iterator[tuple[Part, tuple[float, float]]]:
    """Yield what is assumed of each package that was never measured, and of what they load of the standard library."""
    unknown = [root for root in roots if root.footprint is None and root.name not in shared]
    for root in unknown:
        part, size = _unknown(root, booked)
        yield part, (size.expected - size.low, size.high - size.expected)
    standard = sum(booked[name][0] for name in booked if name == lookup.REST or name in sys.stdlib_module_names)
    more = int(UNKNOWN_STANDARD.expected - standard)
    if unknown and more > 0:
        resident, anonymous = booked.get(lookup.REST, (0, 0))
        booked[lookup.REST] = (resident + more, anonymous + more)
        part = Part(STANDARD, None, more, more, "assumed", "what packages usually load of it")
        yield part, (more, UNKNOWN_STANDARD.high - UNKNOWN_STANDARD.expected)


def _unknown(root: Root, booked: dict[str, Cost]) -> tuple[Part, Range]:
    """Return what is assumed of a package that was never measured: of its own code, and of what it requires.

    What it is taken to load of its requirements is booked, and what only may be there as nothing.
    """
    own = UNKNOWN_PACKAGE
    if root.wheel is not None:
        first, rest = min(root.wheel, SMALL_WHEEL), max(0, root.wheel - SMALL_WHEEL)
        own = Range(*(first * one + rest * two for one, two in zip(WHEEL_FACTOR, LARGE_WHEEL_FACTOR, strict=True)))
    new: dict[str, Cost] = {}
    for footprint in root.brings:
        new.update({package: cost for package, cost in footprint.own.items() if package not in booked})
    booked.update({name: (root.share * resident, root.share * anonymous) for name, (resident, anonymous) in new.items()})
    required = sum(resident for resident, _ in new.values())
    size = Range(own.low, own.expected + root.share * required, own.high + required)
    source = "nobody measured it" if root.wheel is None else f"a wheel of {root.wheel} bytes; nobody measured it"
    if root.brings and root.share:
        verb = "requires" if root.is_required else "may require"
        source += f"; it {verb} {', '.join(one.distribution for one in root.brings)}"
    return Part(root.name, None, int(size.expected), int(size.expected), "assumed", source, root.chain), size


def estimate_together(process: ProcessEstimate, command: StartCommand, runtime: int) -> Estimate:
    """Join the processes of a service by how they start; `runtime`, what serving takes, is added once."""
    if command.server == "dramatiq" and any(root.footprint and _serves_metrics(root.footprint) for root in process.roots):
        command = command._replace(server=METRICS)

    def by(moment: Moment) -> Figures:
        one = process.at(moment)
        late = max(0, one.anonymous - _before_fork(process, command))
        own = late if command.start == "preload" or _is_forked(command) else max(0, one.anonymous - process.beside_agents)
        added = 0 if moment == "start" else runtime
        is_beside = command.start == "spawn" and SERVERS[command.server].others > 0
        added += BESIDE_SPAWNED * process.of_agents if is_beside else 0
        added += beside

        held = process.models.held
        weights = sum(use.rest(moment) - use.rest("start") for use in process.models.uses)  # no objects to collect
        copied = _copied(process, command, moment, one.anonymous - own - held, own - weights)
        copy = _own_copy(process, command, is_idle=moment == "start")

        def total(resident: int, share: float) -> int:
            anonymous, after = (part * resident // one.expected for part in (one.anonymous, late))
            return _multiply(resident, anonymous, after, command, share, held, copy, is_idle=moment == "start") + added

        return Figures(
            low=total(one.low, copied.low),
            expected=total(one.expected, copied.expected),
            high=total(one.high, copied.high),
            anonymous=_multiply(
                one.anonymous, one.anonymous, late, command, copied.expected, held, copy, is_idle=moment == "start"
            )
            + added,
            passing=process.models.passing(moment) * (together if moment == "start" else 1),
        )

    beside = _beside_workers(process, command)
    # Workers that load the app themselves do so at the same time; what a request loads, one after the other.
    together = (command.workers or 1) if command.start in ("fork", "spawn") else 1
    return rising(map(by, MOMENTS))


def _serves_metrics(footprint: Footprint) -> bool:
    return footprint.distribution == "dramatiq" and "prometheus-client" in footprint.installed


def _beside_workers(process: ProcessEstimate, command: StartCommand) -> int:
    """Return what a server's own process takes besides: the server, where each worker loads that, or the app it holds."""
    server = SERVERS[command.server]
    if command.holds_app:
        return max(0, process.figures.start.anonymous - process.of_server)
    is_beside = server.is_beside or (server.is_forked and not _is_forked(command))
    return process.of_server if command.start != "single" and is_beside else 0


def _before_fork(process: ProcessEstimate, command: StartCommand) -> int:
    """Return the anonymous memory that is there before workers are forked: of a preloaded app, or of agents alone.

    Processes of celery's that are not forked start Python anew, with the agents.
    """
    if command.start == "preload":
        return process.before_fork
    if _is_forked(command):
        return process.of_server + process.of_agents
    return process.of_agents if command.start == "fork" and command.program != "celery" else 0


def as_started(command: StartCommand, python: tuple[int, int] | None, versions: Mapping[str, str]) -> StartCommand:
    """Return how a command starts on a Python, beside the pinned versions.

    From 3.14 on multiprocessing forks no process that has loaded anything. The first process of hypercorn loads the app as
    well until 0.14, and later where it reloads (`hypercorn/run.py` of 0.14.4, 0.15.0 and 0.16.0).
    """
    if command.server == "hypercorn" and command.start == "spawn":
        return command._replace(holds_app=command.reload or _is_before(versions.get("hypercorn"), HOLDING_NO_APP))
    if _is_forked(command) and python is not None and python >= FORKSERVER:
        return command._replace(start="spawn")
    return command


def _is_before(version: str | None, release: tuple[int, ...]) -> bool:
    try:
        return version is not None and lookup.release_of(version) < release
    except ValueError:  # as in `lookup.nearest_version`
        return False


def _is_forked(command: StartCommand) -> bool:
    """Return whether workers are forked from a process that has loaded the server, and load the app by themselves."""
    return command.start == "fork" and SERVERS[command.server].is_forked


def _copied(process: ProcessEstimate, command: StartCommand, moment: Moment, before: int, late: int) -> Range:
    """Return what preloaded workers copy of what was loaded `before` the fork, where they load so much after it."""
    is_celery = command.program == "celery" and command.start == "preload"
    if moment == "start" and command.start == "preload" and not is_celery:  # other workers load the app by then
        return PRELOADED_IDLE
    if _is_forked(command):
        return SERVERS[command.server].collected if late > COLLECTING_FORKED else SERVERS[command.server].copied
    chance = _chance_of_collecting(process.base, before, late, has_collected=is_celery)
    later = _chance_of_collecting(process.base, before, late + MADE, has_collected=is_celery)
    touched = PRELOADED_WORKER.expected * min(1, TOUCHED / max(1, before))
    usual = _of_all_but_one(command.workers or 1) if is_celery else PRELOADED_WORKER._replace(expected=touched)
    return Range(
        min(usual.low, PRELOADED_COLLECTED.low) if chance < 1 else PRELOADED_COLLECTED.low,
        usual.expected + chance * (PRELOADED_COLLECTED.expected - usual.expected),
        PRELOADED_COLLECTED.high if later else usual.high,
    )


def _chance_of_collecting(base: Footprint, before: int, late: int, *, has_collected: bool) -> float:
    """Return how likely a process collects all garbage while it loads some bytes after others, from 0 to 1.

    What was loaded since the last collection counts, also before the fork, unless the parent `has_collected` all garbage.
    """
    is_later = base.python.startswith(LATER_COLLECTING)
    return _chance(is_later, max(0, before - base.anonymous), late, has_collected)


@lru_cache(maxsize=4096)
def _chance(is_later: bool, before: int, late: int, has_collected: bool) -> float:  # noqa: FBT001 - to be kept
    """Return the same, kept: it does not hang on the number of workers, and services of many tell many numbers of them."""
    every = COLLECTED_AFTER[is_later]
    steps = [every.low + (every.high - every.low) * step / CHANCES for step in range(CHANCES + 1)]
    if has_collected:
        return sum(late >= max(step, before / 4) for step in steps) / len(steps)
    return sum(_collections(before + late, step) > _collections(before, step) for step in steps) / len(steps)


def _collections(loaded: int, every: float) -> int:
    """Return how often a process that has loaded so many bytes has collected all garbage."""
    number, edge = 0, every
    while edge <= loaded:
        number, edge = number + 1, edge + max(every, edge / 4)
    return number


def _of_all_but_one(workers: int) -> Range:
    """Return what each process of celery's copies in the mean, where all but the last one copy."""
    return Range(*(share * (workers - 1) / workers for share in CELERY_COLLECTED))


def add_processes(one: Estimate, other: Estimate) -> Estimate:
    """Return the memory of the processes of both, whose ranges are independent."""
    return rising(
        Figures(
            low=int(own.expected + more.expected - math.hypot(own.expected - own.low, more.expected - more.low)),
            expected=own.expected + more.expected,
            high=int(own.expected + more.expected + math.hypot(own.high - own.expected, more.high - more.expected)),
            anonymous=own.anonymous + more.anonymous,
            passing=max(own.passing, more.passing),
        )
        for own, more in zip(one, other, strict=True)
    )


def times(one: Figures, number: int) -> Figures:
    """Return the memory of several processes that are alike: what the estimate of one is off, it is off for each."""
    return Figures(number * one.low, number * one.expected, number * one.high, number * one.anonymous)


def saved_by_preload(process: ProcessEstimate, command: StartCommand, moment: Moment) -> int:
    """Return the bytes that `--preload` of gunicorn saves by a moment; 0 where it is there already, or not to be had."""
    is_possible = command.server == "gunicorn" and command.start == "fork" and not command.reload
    if not is_possible or (command.workers or 1) < 2 or any(name in command.worker_class for name in NOT_PRELOADED):
        return 0
    together = estimate_together(process, command, 0).at(moment).expected
    return max(0, together - estimate_together(process, command._replace(start="preload"), 0).at(moment).expected)


def loaded_after_fork(process: ProcessEstimate, command: StartCommand, moment: Moment) -> int:
    """Return the bytes that preloaded workers load by themselves until a moment, and copy for it; 0 for other starts."""
    if command.start != "preload":
        return 0
    together = estimate_together(process, command, 0).at(moment).expected
    start = process.at("start")
    late = max(0, start.anonymous - process.before_fork)
    share = _copied(process, command, moment, start.anonymous - late, late).expected
    held = process.models.held
    copy = _own_copy(process, command, is_idle=False)
    return max(0, together - _multiply(start.expected, start.anonymous, late, command, share, held, copy, is_idle=False))


def copied_by_collecting(process: ProcessEstimate, command: StartCommand, moment: Moment) -> int:
    """Return the bytes that preloaded workers copy besides once each has collected all garbage; 0 for other starts.

    Four workers of uvicorn's with an app of 68 MiB took 215 MiB so, and 125 with `gc.freeze()` before the fork, after 500
    requests (gunicorn 23.0.0, CPython 3.11.7, `memguard measure --repeatable`, 2026-11-30).
    """
    if command.start != "preload" or command.server != "gunicorn":
        return 0
    one = process.at(moment)
    late = max(0, one.anonymous - process.before_fork)
    before = max(0, one.anonymous - late - process.models.held)
    share = PRELOADED_COLLECTED.expected - _copied(process, command, moment, before, late).expected
    return int(max(0.0, share) * before) * (command.workers or 1)


def _own_copy(process: ProcessEstimate, command: StartCommand, *, is_idle: bool) -> int:
    """Return what each forked process copies whatever else is loaded."""
    if _is_forked(command):
        return COPIES[""][0]
    has = {
        "celery": command.program == "celery",
        "django": any(root.package == "django" for root in process.roots),
        "uvicorn": "uvicorn" in command.worker_class,
    }
    return max(COPIES[name][not is_idle] for name in COPIES if has.get(name, True))


def _multiply(
    resident: int, anonymous: int, late: int, command: StartCommand, copied: float, held: int, copy: int, *, is_idle: bool
) -> int:
    """Return the memory of all processes, each shared page once.

    Pages of files are shared by all; anonymous pages only where the app is loaded before the fork, and then until a
    worker writes to them. What comes `late`, once handlers run, is in each worker. What models `held` before the fork stays
    shared: their weights and tables are no objects of Python, which are written to as they are used.
    """
    workers = command.workers or 1
    server = SERVERS[command.server]
    if command.start == "preload" or _is_forked(command):
        shared, parent = anonymous - late, CELERY_CONSUMER if command.program == "celery" else PRELOADED_ARBITER
        own = min(shared, copy)
        written = max(0, shared - own - held)
        each = own + copied * written + late
        if _is_forked(command):
            each, parent = each + server.worker, parent + server.others
        return int(resident - late + parent + workers * each)
    others = 0 if command.start == "single" else server.others
    early = anonymous - late if command.start == "fork" else 0
    is_small = anonymous <= (SMALL_IDLE if is_idle else SMALL_BUSY) and not early
    shared = SHARED_WITH_ARBITER if command.server == "gunicorn" and command.start == "fork" and is_small else 0
    each = anonymous - early + copied * early + server.worker
    return int(resident - anonymous + early + workers * each - (workers - 1) * shared + others)
