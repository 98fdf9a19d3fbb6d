"""One service as it will run: how it is started, its limit, and what it takes at one tree or at both sides of a commit."""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType

from memguard_hooks.app.chosen_branches import choose
from memguard_hooks.app.entry_points import (
    ServiceEntry,
    find_entry,
    find_program,
    find_services,
    find_unread,
    read_command,
    read_once,
    settings_of,
)
from memguard_hooks.app.estimate import (
    STAYING_AROUND,
    ProcessEstimate,
    Root,
    add_processes,
    as_started,
    estimate_process,
    estimate_together,
    times,
)
from memguard_hooks.app.first_party import find_built
from memguard_hooks.app.likely_starts import find_judged, find_likely
from memguard_hooks.app.limit import MemoryLimit, bands_of, cpus_of, limit_of, named_plan
from memguard_hooks.app.loaded import NONE, Models, imports_a_library
from memguard_hooks.app.past import Past, keep_commit, keep_past, recall_past, sizes_of
from memguard_hooks.app.walks import moved_walk, users_of_moved, walk_entry, walk_file
from memguard_hooks.app.work import find_work
from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.command import MAX_LENGTH
from memguard_hooks.deployment.servers import FOREIGN
from memguard_hooks.deployment.service import Service, ServicePlace
from memguard_hooks.deployment.start import StartCommand
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MOMENTS, Estimate, Figures, Moment, Part, Skipped, Step, is_by, mib, moment_name
from memguard_hooks.formats.shell_words import split_plain
from memguard_hooks.imports.graph import External, Walk
from memguard_hooks.imports.model import ImportSite
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import MEASURED, Project
from memguard_hooks.project.settings import JUDGED, ServiceSettings, Settings
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped
from memguard_hooks.tree import RevisionTree, WorkTree, parent, parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from memguard_hooks.app.called_programs import CalledProgram
    from memguard_hooks.app.chosen_branches import Branch
    from memguard_hooks.app.loaded import ModelUse
    from memguard_hooks.app.measured_roots import MeasuredEntry
    from memguard_hooks.app.work import WorkUse

COMPOSE = "compose"

FEW = platforms.CPUS_OF_DEFAULT

MAX_REACHED = 4000
"""Judgment: files that are followed for the processes that a service starts anew, each time one of these loads them."""

_PYTHON = late_pattern(r"(?:.*/)?python(?:\d(?:\.\d+)?)?")


# What a service takes

UNKNOWN_MODELS, UNMEASURED_MODELS = "models whose size is not known", "nobody measured of models"
"""What an estimate lacks of models."""

NOTHING = Estimate(*[Figures(0, 0, 0, 0)] * len(MOMENTS))


class Uncounted(Record):
    """Something that an estimate lacks, and the bytes that it takes at most by the judged moment, None if unknown."""

    what: str
    most: int | None


class Estimated(Record):
    """A service and what it takes; `unread` are files that could not be analyzed, so that it takes at least that.

    `dirty` is the part of the estimate that processes of gunicorn's take besides its workers, and what runs beside it.
    `guessed` is the process where an import by a computed name loads all that is installed, None without such an import.
    `beside` is what the estimate lacks of other processes, and of other ways to start. `cpus` are those of the machine that
    it is judged with, where only these tell its processes.
    `branches` are those that count where only a run decides, and `of_ways` says why this start does, of several.
    """

    settings: ServiceSettings
    command: StartCommand
    entry: ServiceEntry
    process: ProcessEstimate
    estimate: Estimate
    workers: int
    unread: tuple[str, ...]
    walked: Walk
    dirty: Estimate = NOTHING
    branches: tuple[Branch, ...] = ()
    of_ways: str = ""
    guessed: ProcessEstimate | None = None
    beside: tuple[Uncounted, ...] = ()
    cpus: int | None = None

    @property
    def judged(self) -> Moment:
        """The moment whose figures count against the limit."""
        return self.settings.judge or JUDGED

    @property
    def processes(self) -> int:
        """The workers, and those of what runs beside them."""
        return self.workers + sum(one.workers or 0 for one in self.command.beside)

    @property
    def taken(self) -> int:
        """The bytes that count against the limit: what is expected by then, or what the settings ask for."""
        return self.counted(self.estimate, self.judged)

    @property
    def judged_parts(self) -> tuple[Part, ...]:
        """What one process is made of by the moment that is judged."""
        return tuple(part for part in self.process.parts if is_by(part.moment, self.judged))

    def past(self) -> Past:
        """Return what a later commit is compared with."""
        return Past(self.estimate, not self.unread, sizes_of(self.judged_parts), self.processes)

    @property
    def unknown_models(self) -> tuple[ModelUse, ...]:
        """The models of which nobody knows what they take, by the moment that is judged."""
        return tuple(one for one in self.process.models.unknown if is_by(one.moment, self.judged))

    @property
    def most(self) -> int:
        """The bytes that count against the limit where all that is not counted takes as much as it may."""
        return self.taken + sum(one.most or 0 for one in self.uncounted)

    @property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """What is not counted: models that nobody measured, of which nothing is shared, and imports by a computed name."""
        models = self.process.models
        found = list(self.beside)
        if self.unknown_models or models.unread:
            found.append(Uncounted(UNKNOWN_MODELS, None))
        elif more := models.more(self.judged):
            found.append(Uncounted(UNMEASURED_MODELS, self.workers * more))
        if self.guessed is not None:
            more = self.taken_as(self.guessed, self.command) - self.taken_as(self.process, self.command)
            found.append(_of_computed(self.walked.computed[0], more))
        return tuple(one for one in found if one.most != 0)

    def with_processes(self, beside: Estimate, uncounted: Iterable[Uncounted] = (), unread: Iterable[str] = ()) -> Estimated:
        """Return the same with other processes, and with what is not counted of these."""
        return self._replace(
            estimate=add_processes(self.estimate, beside),
            dirty=add_processes(self.dirty, beside),
            beside=(*self.beside, *uncounted),
            unread=(*self.unread, *unread),
        )

    def counted(self, estimate: Estimate, moment: Moment) -> int:
        """Return what counts of an estimate by a moment: the most until then."""
        figures = estimate.at(moment)
        return (figures.high if self.settings.pessimistic else figures.expected) + figures.passing

    def taken_as(self, process: ProcessEstimate, command: StartCommand) -> int:
        """Return what counts against the limit where the processes, or how they start, are others."""
        together = add_processes(estimate_together(process, command, self.settings.runtime or 0), self.dirty)
        return self.counted(together, self.judged)

    def with_required(self, share: float) -> Estimated:
        """Return the same where packages that nobody measured load a share of all that they may."""
        process = self.process.with_required(share)
        if process is self.process:
            return self
        together = estimate_together(process, self.command, self.settings.runtime or 0)
        return self._replace(process=process, estimate=add_processes(together, self.dirty))

    def workers_that_fit(self, goal: float, fewer_than: int | None = None) -> int | None:
        """Return how many workers fit below the goal, fewer than there are or than some; None where not even one does.

        They are found by halves, for no worker makes the others smaller.
        """
        from bisect import bisect_right

        return bisect_right(range(1, max(1, fewer_than or self.workers)), goal, key=self.with_workers) or None

    def with_workers(self, workers: int) -> int:
        """Return what counts against the limit with some number of workers."""
        return self.taken_as(self.process, self.command._replace(workers=workers))

    def taken_with(self, roots: Sequence[Root]) -> int:
        """Return what counts against the limit where a process loads these roots alone."""
        return self.taken_as(self.process.with_roots(roots), self.command)


def _of_computed(place: tuple[str, int], more: int) -> Uncounted:
    return Uncounted(f"{place[0]}:{place[1]} imports by a computed name", max(0, more))


class KeptEstimate(Record):
    """What was estimated of a service in this run, what there was to say of it, and whose identities name it."""

    found: Estimated | Skipped
    gaps: tuple[Skipped, ...]
    named_by: tuple[Service, Settings]


def estimate_service(project: Project, service: Service, settings: ServiceSettings) -> Estimated | Skipped:
    """Estimate one service at one tree, or say why nobody can; once a run, as the budget and its neighbors ask the same."""
    told = len(project.skipped)

    def estimate() -> KeptEstimate:
        found = _estimate_service(project, service, settings)
        return KeptEstimate(found, tuple(project.skipped[told:]), (service, project.settings))

    kept = parse_once(project.tree, ("estimate", id(service), id(project.settings), settings), estimate)
    if len(project.skipped) == told:
        project.skipped += kept.gaps
    return kept.found


def _estimate_service(project: Project, service: Service, settings: ServiceSettings) -> Estimated | Skipped:
    command = read_command(project, service)
    ways = command.ways or _bounds(command)
    if ways:
        return _estimate_ways(project, service, settings, ways, command.reason or "")
    found = _estimate_start(project, service, settings)
    if isinstance(found, Estimated):
        return found
    too_much = _too_much_for_one(project, service, settings, found)
    return too_much or _on_its_machine(project, service, settings, found) or found


def _on_its_machine(project: Project, service: Service, settings: ServiceSettings, gap: Skipped) -> Estimated | None:
    """Return a service whose workers follow the CPUs of its machine, with those that such a machine has.

    Where its memory is known, and the machine is not, what fits with all that there may be is a verdict, and what is too
    much with the two that nearly all have.
    """
    limit, most = limit_of(service, settings), cpus_of(service, settings)
    if limit.size is None:
        return None
    warn, fail = bands_of(limit.size, settings)
    for cpus in (most,) if limit.is_assumed or (service.cpus or FEW) < FEW else (most, FEW):
        command, told = read_command(project, service, cpus), len(project.skipped)
        if command.workers is None or command.ways:
            return None
        found = _estimate_start(project, service, settings, command)
        if isinstance(found, Estimated):
            is_sure = found.taken <= warn if cpus == most else found.taken > fail
            if limit.is_assumed or is_sure:
                return found._replace(of_ways=gap.reason, cpus=cpus)
        del project.skipped[told:]
    return None


def _too_much_for_one(project: Project, service: Service, settings: ServiceSettings, gap: Skipped) -> Estimated | None:
    """Return a service with one worker, where nothing but their number is unknown and one is too much already."""
    limit = limit_of(service, settings).size
    worker = estimate_worker(project, service, settings) if limit is not None else None
    if worker is None or limit is None or worker.taken <= bands_of(limit, settings)[1]:
        return None
    return worker._replace(of_ways=f"{gap.reason}: one worker alone is too much")


def _bounds(command: StartCommand) -> tuple[StartCommand, ...]:
    """Return a start with the fewest and with the most workers, where only the machine tells their number; else none."""
    if command.workers is not None or command.most is None:
        return ()
    return tuple(command.with_number(number) for number in (1, command.most))


def _estimate_ways(
    project: Project, service: Service, settings: ServiceSettings, ways: Sequence[StartCommand], reason: str
) -> Estimated | Skipped:
    """Estimate the most expensive of the ways that a start may take, unless only that is too much for the host.

    `reason` says why nobody knows which it takes.
    """
    known: list[tuple[Estimated, list[Skipped]]] = []
    for way in ways:
        told = len(project.skipped)
        found = _estimate_start(project, service, settings, way)
        gaps = project.skipped[told:]
        del project.skipped[told:]  # only those of the way that counts are told
        if isinstance(found, Skipped):
            return Skipped(service.path, service.line, reason)
        known.append((found, gaps))
    known.sort(key=lambda one: one[0].taken)
    least, (most, gaps) = known[0][0].taken, known[-1]
    limit = limit_of(service, settings).size
    if limit is not None and least <= bands_of(limit, settings)[1] < most.taken:
        figures = f"it takes {mib(least)} MiB one way and {mib(most.taken)} another {moment_name(most.judged)}"
        return Skipped(service.path, service.line, f"{reason}: {figures}")
    project.skipped += gaps
    others = [one for one, _ in known[:-1]]
    return most._replace(
        of_ways=f"{reason}: the most expensive way counts",
        beside=(*most.beside, *_of_ways(most, others)),
        unread=(*most.unread, *(path for one in others for path in one.unread)),
    )


def _of_ways(most: Estimated, others: Sequence[Estimated]) -> Iterator[Uncounted]:
    """Yield what is not counted of cheaper ways to start, as far as one may take more than the most expensive does."""
    worst = max(others, key=lambda one: one.most, default=most)
    if worst.most > most.most:
        yield Uncounted(" and ".join(one.what for one in worst.uncounted if one.most), worst.most - most.most)
    yield from (lack for one in others for lack in one.uncounted if lack.most is None)


def _estimate_start(
    project: Project, service: Service, settings: ServiceSettings, started: StartCommand | None = None
) -> Estimated | Skipped:
    """Estimate one start of a service, its own where none is given."""
    entry = find_entry(project, service, started)
    if isinstance(entry, Skipped):
        program = _estimate_program(project, service, settings, started or read_command(project, service))
        return entry if program is None else _with_beside(project, _with_wrappers(program))
    command = entry.command
    if command.workers is None:
        return Skipped(service.path, service.line, f"{command.reason}")
    walked = walk_entry(project, entry)
    project.skipped += (*walked.skipped, *walked.notes)
    if _is_unread(entry.path, walked):
        return Skipped(service.path, service.line, f"{entry.path} could not be analyzed")
    found = _estimate_walk(project, entry, settings, walked)
    found = _with_spawned(project, entry, _with_dirty_workers(project, entry, found))
    found = _with_called(project, entry, found)
    return _with_beside(project, _with_wrappers(found))


def _estimate_program(
    project: Project, service: Service, settings: ServiceSettings, started: StartCommand
) -> Estimated | None:
    """Estimate an installed program, None where it was not measured, or another major version was: processes may differ."""
    entry = find_program(project, service, started)
    if entry is None:
        return None
    found = _estimate_one(project, entry, settings, Walk({moment: {} for moment in MOMENTS}, (), {}))
    return None if any(root.nearness == "major" for root in found.process.roots) else found


def _beside_itself(program: Estimated, found: Estimated) -> Estimated:
    """Return a process of an installed program without the files that it shares with the program itself."""
    packages = [one.entry.entrypoint.text.partition(".")[0] for one in (program, found)]
    if packages[0] != packages[1]:
        return program

    def unshared(one: Figures) -> Figures:
        files = one.expected - one.anonymous
        return one._replace(low=max(0, one.low - files), expected=one.anonymous, high=one.high - files)

    return program._replace(estimate=Estimate(*map(unshared, program.estimate)))


def _is_unread(path: str, walked: Walk) -> bool:
    """Return whether a file could not be analyzed; of one that is only noted, what a framework loads is not known."""
    return path in walked.unread and any(one.path == path for one in walked.skipped)


def estimate_worker(project: Project, service: Service, settings: ServiceSettings) -> Estimated | None:
    """Estimate a service with one worker, where nothing but their number is unknown; None where more is."""
    entry = find_entry(project, service)
    command = read_command(project, service) if isinstance(entry, Skipped) else entry.command
    if command.workers is not None or command.ways:
        return None
    if isinstance(entry, Skipped):
        return _estimate_program(project, service, settings, command.with_number(1))
    walked = walk_entry(project, entry)
    if _is_unread(entry.path, walked):
        return None
    found = _estimate_walk(project, entry._replace(command=command.with_number(1)), settings, walked)
    return _with_beside(project, _with_wrappers(found))


def _estimate_walk(project: Project, entry: ServiceEntry, settings: ServiceSettings, walked: Walk) -> Estimated:
    """Estimate the processes of a service that load what a walk has reached, once a run for each walk."""
    told = len(project.skipped)

    def estimate() -> tuple[Estimated, tuple[Skipped, ...], tuple[Settings, Walk]]:
        found = _estimate_chosen(project, entry, settings, walked)
        return found, tuple(project.skipped[told:]), (project.settings, walked)  # kept, so that no other has their numbers

    service, numbers = entry.service, (id(project.settings), id(walked))
    key = ("process", service.name, service.path, service.line, service.command, entry.command, settings, *numbers)
    found, gaps, _ = parse_once(project.tree, key, estimate)
    if len(project.skipped) == told:
        project.skipped += gaps
    return found


def _estimate_chosen(project: Project, entry: ServiceEntry, settings: ServiceSettings, walked: Walk) -> Estimated:
    """Estimate the processes of a service by the most expensive way of each choice."""

    def price(other: ServiceEntry, way: Walk) -> dict[Moment, int]:
        told = len(project.skipped)
        found = _estimate_one(project, other, settings, way)
        del project.skipped[told:]  # what there is to say of all ways, the walk that counts says
        return {moment: found.process.at(moment).expected for moment in MOMENTS}

    chosen = choose(project, entry, walked, settings.judge or JUDGED, price)
    return _estimate_one(project, chosen.entry, settings, chosen.walked, chosen.spread)._replace(branches=chosen.branches)


def _estimate_one(
    project: Project,
    entry: ServiceEntry,
    settings: ServiceSettings,
    walked: Walk,
    spread: Mapping[Moment, int] = MappingProxyType({}),
) -> Estimated:
    pinned = project.declared.beside(entry.path).versions
    command = as_started(entry.command, entry.target.python, pinned)
    server = tuple(map(_of_server, command.server_modules))
    walked = walked._replace(externals=(*server, *walked.externals))
    known = _known(project, entry)
    models, imported = _find_models(project, entry, walked)
    work, externals = find_work(project, entry, walked)
    walked = walked._replace(externals=(*externals, *imported))
    built = find_built(entry.sources.built, walked, pinned.get("fastapi"))
    process = estimate_process(project.declared, parent(entry.path), walked, entry.target.python, known, models, work, built)
    process = process.reaching_down(spread)
    estimate = estimate_together(process, command, settings.runtime or 0)
    unread = (*walked.unread, *entry.unread)
    found = Estimated(settings, command, entry, process, estimate, command.workers or 1, unread, walked)
    if not walked.computed or process.is_measured:
        return found
    every = _with_all_installed(project, walked)
    guessed = estimate_process(project.declared, parent(entry.path), every, entry.target.python, known, models, work, built)
    return found._replace(guessed=guessed)


def _with_all_installed(project: Project, walked: Walk) -> Walk:
    """Return a walk whose imports by a computed name load all that is installed."""
    from memguard_hooks.catalog.module_names import modules_of

    installed = (*project.declared.inventory.direct(), *project.declared.installed_by_commands)
    modules = dict.fromkeys(module for one in installed for module in modules_of(one.name))
    return walked._replace(externals=(*walked.externals, *(External((module,)) for module in modules)))


def _of_server(module: str) -> External:
    """Return what a server imports; uvicorn loads its loop and its protocols as it runs, those that are installed."""
    if module != "uvicorn":
        return External((module,))
    return External((module,), site=ImportSite(0, 0, 0, module, 0, (), "import", "", calls=("run",)))


def _find_models(project: Project, entry: ServiceEntry, walked: Walk) -> tuple[Models, tuple[External, ...]]:
    """Return the models that a service loads, and what loading them imports; most services load none."""
    if not imports_a_library(walked):
        return NONE, ()
    from memguard_hooks.app.models import find_models

    return find_models(project, entry, walked)


def estimate_entry(project: Project, entry: ServiceEntry) -> Estimated:
    """Estimate the processes that load one entry point, with one worker where nobody knows their number.

    What there is to say of what is not known, the estimate of the service says.
    """
    told = len(project.skipped)
    command = entry.command._replace(workers=entry.command.workers or 1)
    found = _estimate_walk(project, entry._replace(command=command), entry.settings, walk_entry(project, entry))
    del project.skipped[told:]
    return found


def estimate_without(project: Project, now: Estimated, sites: Collection[Step]) -> ProcessEstimate:
    """Estimate a process in which some statements import nothing; what others load is there all the same."""
    gone = [one for one in now.walked.externals if one.way is not None and one.way.last in sites]
    externals = tuple(one for one in now.walked.externals if one.way is None or one.way.last not in sites)
    entry, before, walked = now.entry, now.process, now.walked._replace(externals=externals)
    built = find_built(entry.sources.built, walked, project.declared.beside(entry.path).versions.get("fastapi"))
    known = _known(project, entry) if before.is_measured else None
    return estimate_process(
        project.declared, parent(entry.path), walked, entry.target.python, known, before.models, before.work, built, gone
    )


class OneOff(Record):
    """A command that runs to its end before a service starts, and what it takes; None where nobody can tell."""

    command: str
    size: int | None


def estimate_once(project: Project, service: Service, settings: ServiceSettings) -> Iterator[OneOff]:
    """Estimate the commands that run before a service, each by itself; what is not known of one is not worth a line."""
    for one in service.once:
        other = (one.host or service)._replace(command=one.command, folder=one.folder)
        entry = find_entry(project, other, read_once(project, other, one.command))
        size = None
        if isinstance(entry, ServiceEntry) and entry.command.workers is not None:
            told = len(project.skipped)
            size = _estimate_walk(project, entry, settings, walk_entry(project, entry)).estimate.start.expected
            del project.skipped[told:]
        yield OneOff(one.command, size)


def estimate_deferred(project: Project, now: Estimated, sites: Sequence[Step]) -> Estimated | None:
    """Estimate a service with some imports moved into the functions that use them; None where they cannot be moved."""
    try:
        walked = moved_walk(project, now.entry, sites)
    except MemguardError:
        return None
    if walked is None:
        return None
    found = _estimate_walk(project, now.entry, now.settings, walked)
    return found._replace(estimate=add_processes(found.estimate, now.dirty), dirty=now.dirty)


def stays_away(project: Project, now: Estimated, sites: Iterable[Step]) -> bool:
    """Return whether imports can be moved into the functions that use them, of which none runs by the moment that is judged.

    What runs does not hang on what of others is imported, so the walk that was made tells that, without another one.
    """
    try:
        users = users_of_moved(project, now.entry, sites)
    except MemguardError:
        return False
    ran = now.walked.ran
    return users is not None and not any(user in ran and is_by(ran[user], now.judged) for user in users)


def _with_beside(project: Project, found: Estimated) -> Estimated:
    """Add what other commands take that run at the same time; one that nobody can tell leaves the estimate a lower bound."""
    service = found.entry.service
    for command in found.command.beside:
        entry = find_entry(project, service, command)
        program = _estimate_program(project, service, found.settings, command) if isinstance(entry, Skipped) else None
        if program is not None:
            found = _with_shared(found, service, _beside_itself(program, found))
            continue
        if isinstance(entry, Skipped) or command.workers is None:
            reason = entry.reason if isinstance(entry, Skipped) else command.reason
            counted = "is not counted" if isinstance(entry, Skipped) else "counts with one worker"
            gap = f"one of the commands of {service.name} {counted}: {reason}"
            project.skipped.append(Skipped(service.path, service.line, gap))
            found = found._replace(unread=(*found.unread, f"a command beside it ({reason})"))
            if isinstance(entry, Skipped):
                continue
            entry = entry._replace(command=command.with_number(1))
        walked = walk_entry(project, entry)
        project.skipped += (*walked.skipped, *walked.notes)
        other = _with_wrappers(_estimate_walk(project, entry, found.settings, walked))
        found = _with_shared(found, service, other)
    return found


def _with_wrappers(found: Estimated) -> Estimated:
    """Add the programs that stay around what they have started."""
    for name in found.command.under:
        size, anonymous = STAYING_AROUND[name]
        figures = Figures(int(0.8 * size), size, int(1.2 * size), anonymous)
        beside = Estimate(figures, figures, figures)
        part = Part(name, None, size, anonymous, "catalog", "measured beside what it has started")
        parts = (*found.process.parts, part) if found.processes == 1 else found.process.parts
        found = found.with_processes(beside)._replace(process=found.process._replace(parts=parts))
    return found


def _known(project: Project, entry: ServiceEntry) -> MeasuredEntry | None:
    """Return what was measured of an entry point of this project, unless that was on another Python."""
    if not project.measured:
        return None
    from memguard_hooks.app.measured_roots import MeasuredEntry, find_moved, notes
    from memguard_hooks.catalog.lock import name_entry

    name = name_entry(entry.entrypoint.text, entry.entrypoint.folder)
    found = project.measured.get(name)
    if found is None:
        return None
    python = entry.target.python
    if python is not None and not found.python.startswith(f"{python[0]}.{python[1]}."):
        reason = f"{name} was measured on Python {found.python}, and runs on {python[0]}.{python[1]}: the catalog counts"
        project.skipped.append(Skipped(MEASURED, None, reason))
        return None
    moved = find_moved(found, project.declared.beside(entry.path).versions)
    project.skipped += notes(name, moved)
    return MeasuredEntry(found, moved)


def _with_dirty_workers(project: Project, entry: ServiceEntry, found: Estimated) -> Estimated:
    """Add the processes that gunicorn starts for `dirty_apps`: an arbiter that imports these apps, and its workers.

    The arbiter imports before it forks, to ask each app for its number of workers: of an app that took 39 MiB with one
    worker a second one took 4 more (summed PSS, gunicorn 27.0.1, CPython 3.11.7, 2026-11-22).
    """
    command, service = found.command, entry.service
    if not command.dirty_apps or command.dirty_workers == 0:
        return found
    files: dict[str, str] = {}
    for app in command.dirty_apps:
        module = app.partition(":")[0]
        located = entry.resolver.files(module)
        if located and entry.resolver.module_of(located[-1]) == module:
            files[located[-1]] = module
        else:
            reason = f"the dirty workers of {service.name} are not counted: {app} is not in the repository"
            project.skipped.append(Skipped(service.path, service.line, reason))
            return found._replace(unread=(*found.unread, app))
    if command.dirty_workers is None:
        reason = f"the dirty workers of {service.name} are not counted: their number is known only at run time"
        project.skipped.append(Skipped(service.path, service.line, reason))
        return found._replace(unread=(*found.unread, *files))
    target = entry.target._replace(called=frozenset(), is_main=False)
    walks = [walk_file(project, entry, path, module, target) for path, module in files.items()]
    project.skipped += [gap for one in walks for gap in one.skipped]
    workers = StartCommand(None, command.dirty_workers, "preload", "gunicorn")
    process, *guessed = _estimate_files(project, entry, walks, tuple(map(_of_server, command.server_modules)))
    dirty, *most = (estimate_together(one, workers, 0) for one in (process, *guessed))
    return found.with_processes(dirty, _beside(found, walks, dirty, most), (path for one in walks for path in one.unread))


def _beside(found: Estimated, walks: Iterable[Walk], own: Estimate, most: Iterable[Estimate]) -> Iterator[Uncounted]:
    """Yield what imports by a computed name add to other processes of a service: what they may take less what they do."""
    where = next((place for one in walks for place in one.computed), ("", 0))
    for one in most:
        yield _of_computed(where, found.counted(one, found.judged) - found.counted(own, found.judged))


def _estimate_files(
    project: Project, entry: ServiceEntry, walks: Sequence[Walk], server: Sequence[External] = ()
) -> Iterator[ProcessEstimate]:
    """Estimate a process that loads some files of a service, which are not what its command starts.

    Where it imports by a computed name, the same follows as it is where that loads all that is installed.
    """
    joined = Walk(
        {moment: {path: size for one in walks for path, size in one.files[moment].items()} for moment in MOMENTS},
        (*server, *(external for one in walks for external in one.externals)),
        {},
        standard={moment: {name for one in walks for name in one.standard[moment]} for moment in MOMENTS},
    )
    yield estimate_process(project.declared, parent(entry.path), joined, entry.target.python)
    if any(one.computed for one in walks):
        every = _with_all_installed(project, joined)
        yield estimate_process(project.declared, parent(entry.path), every, entry.target.python)


def _with_spawned(project: Project, entry: ServiceEntry, found: Estimated) -> Estimated:
    """Add the processes that each worker starts anew: they load what their files import, and share nothing."""
    uses = [use for use in found.process.work.uses if use.processes]
    if not uses:
        return found
    from memguard_hooks.app.spawned import find_spawned

    target = entry.target._replace(called=frozenset(), is_main=False)
    measured: dict[tuple[str, ...], tuple[list[Walk], list[Figures]]] = {}
    reached, left = 0, dict[str, None]()
    for one in find_spawned(entry, uses, found.walked.paths):
        if one.files not in measured and reached > MAX_REACHED:
            left[one.use.call.path] = None
            continue
        if one.files not in measured:
            walks = [walk_file(project, entry, path, entry.resolver.module_of(path), target) for path in one.files]
            reached += sum(len(walked.paths) for walked in walks)
            measured[one.files] = walks, [process.at("start") for process in _estimate_files(project, entry, walks)]
        walks, sizes = measured[one.files]
        beside, *most = (_since(one.moment, times(size, one.number * found.workers)) for size in sizes)
        found = found.with_processes(beside, _beside(found, walks, beside, most))
        own = times(sizes[0], one.number)
        about = f"{', '.join(one.files)} once more, in a process that is started anew"
        label = f"{one.use.label}, started anew"
        part = Part(label, None, own.expected, own.anonymous, "catalog", about, one.use.chain, one.moment)
        if found.workers == 1:
            found = found._replace(process=found.process._replace(parts=(*found.process.parts, part)))
    reason = f"some of the processes that {entry.service.name} starts anew are not counted: they load too many files"
    project.skipped += (Skipped(path, None, reason) for path in left)
    return found._replace(unread=(*found.unread, *left))


def _with_called(project: Project, entry: ServiceEntry, found: Estimated) -> Estimated:
    """Add the programs of the project that calls start: each that goes on, and the largest of those that are waited for."""
    priced: dict[CalledProgram, Estimated] = {}
    left: dict[str, str] = {}
    awaited: list[tuple[Estimated, WorkUse]] = []
    staying: list[tuple[Estimated, WorkUse]] = []
    for use in sorted(found.process.work.uses, key=lambda one: MOMENTS.index(one.moment)):
        program = use.program
        if program is None or program in priced:
            continue
        child: Estimated | str = "it starts more programs than are counted"
        if program.reason or len(priced) < MAX_CALLED:
            child = _estimate_called(project, entry, found.settings, program)
        if isinstance(child, str):
            if is_by(use.moment, found.judged):
                left[program.command] = child
            continue
        priced[program] = child
        (awaited if program.is_awaited else staying).append((child, use))
    if awaited:
        staying.append(max(awaited, key=lambda one: one[0].taken))
    for child, use in staying:
        own = child.estimate.at(found.judged)
        beside = _since(use.moment, times(own, found.workers)._replace(passing=own.passing))
        found = found.with_processes(beside, child.uncounted, child.unread)
        if found.workers == 1:
            label, about = f"{child.entry.path} ({use.call.function})", "what it loads in a process of its own"
            part = Part(label, None, own.expected, own.anonymous, "catalog", about, use.chain, use.moment)
            found = found._replace(process=found.process._replace(parts=(*found.process.parts, part)))
    service = entry.service
    reasons = (f"one of the programs of {service.name} is not counted: {reason}" for reason in left.values())
    project.skipped += (Skipped(service.path, service.line, reason) for reason in reasons)
    return found._replace(unread=(*found.unread, *left))


MAX_CALLED = 8
"""Judgment: programs that calls of a service start and that are estimated, each by a walk of its own."""


def _estimate_called(
    project: Project, entry: ServiceEntry, settings: ServiceSettings, program: CalledProgram
) -> Estimated | str:
    """Estimate a program that a call starts, or say why nobody can."""
    if program.reason:
        return program.reason
    service = entry.service._replace(command=program.command, folder=program.folder)
    other = find_entry(project, service, read_once(project, service, program.command))
    if isinstance(other, Skipped):
        return other.reason
    if other.command.workers is None:
        return f"{other.command.reason}"
    walked = walk_entry(project, other)
    project.skipped += (*walked.skipped, *walked.notes)
    return _with_wrappers(_estimate_walk(project, other, settings, walked))


def _since(begin: Moment, figures: Figures) -> Estimate:
    """Return the estimate of processes that are there from a moment on."""
    return Estimate(*(figures if is_by(begin, moment) else Figures(0, 0, 0, 0) for moment in MOMENTS))


# A service that runs


class RunningService:
    """One service of a project: how its command starts it, its limit and what it takes, each found out when a rule asks."""

    def __init__(self, project: Project, service: Service) -> None:
        self.project = project
        self.service = service
        self.settings = settings_of(project, service)
        self.command = read_command(project, service)

    @property
    def place(self) -> ServicePlace:
        """Where the start command is written."""
        return ServicePlace(self.service.path, self.service.line, self.service.column)

    @cached_property
    def limit(self) -> MemoryLimit:
        """The memory of the host."""
        return limit_of(self.service, self.settings)

    @cached_property
    def estimated(self) -> Estimated | None:
        """What the service takes, None where nobody can tell; memory-budget says why."""
        found = estimate_service(self.project, self.service, self.settings)
        return found if isinstance(found, Estimated) else None

    @property
    def is_for_developers(self) -> bool:
        """Return whether it is plausibly no deployment: compose serves development where it limits no memory."""
        return self.service.platform == COMPOSE and self.service.limit is None

    @cached_property
    def words(self) -> list[str]:
        """The words of the start command, none of one that is too long to be one."""
        if len(self.service.command) > MAX_LENGTH:
            return []
        return split_plain(self.service.command)

    @property
    def interpreter_options(self) -> tuple[str, ...]:
        """The options of `python` in the start command, such as `-u` and `-X dev`."""
        return tuple(_interpreter_options(self.words))


def _interpreter_options(words: list[str]) -> Iterator[str]:
    at = next((number for number, word in enumerate(words) if "python" in word and _PYTHON.fullmatch(word)), len(words)) + 1
    while at < len(words) and words[at].startswith("-") and words[at] not in ("-m", "-c"):
        if words[at] in ("-X", "-W") and at + 1 < len(words):
            yield f"{words[at]} {words[at + 1]}"
            at += 1
        else:
            yield words[at]
        at += 1


# Both sides of a commit


class AssessedService(Record):
    """A service at both sides of a commit; `now` and `then` are None where nobody can tell what it takes.

    `reason` says why, and `worker` is the service with one worker where only their number is unknown. `estimate` is that of
    now, with by how much each moment has grown, unless there is nothing to compare with. `also` are the commands that run
    before it.
    """

    service: Service
    settings: ServiceSettings
    limit: MemoryLimit
    now: Estimated | None
    then: Past | None = None
    estimate: Estimate | None = None
    reason: str = ""
    worker: Estimated | None = None
    also: tuple[OneOff, ...] = ()

    def beside(self, then: Past | None) -> AssessedService:
        """Return the same, compared with what the service took then."""
        if self.now is None or then is None or not then.is_whole:
            return self._replace(then=then, estimate=self.now and self.now.estimate)
        return self._replace(then=then, estimate=self.now.estimate.since(then.estimate))

    def committed(self) -> AssessedService:
        """Return what there is to say once a commit holds the work tree as it is."""
        return self.beside(self.now and self.now.past())


def assess(project: Project, before: Project | None) -> list[AssessedService]:
    """Estimate all services of a project; `before` is the same project at the last commit."""
    for settings in (project.settings.service, *project.settings.services.values()):
        named_plan(settings)  # one that is not known is at fault, also where no service takes it
    found: list[AssessedService] = []
    for service in (*find_judged(project), *find_unread(project)):
        settings = settings_of(project, service)
        if settings.skip or read_command(project, service).program in FOREIGN:
            project.skipped += (
                Skipped(one.path, one.line, f"is not counted: {service.path} declares what runs")
                for one in service.instead_of
            )
            continue
        limit = limit_of(service, settings)
        now = estimate_service(project, service, settings)
        if isinstance(now, Skipped):
            worker = estimate_worker(project, service, settings)
            found.append(AssessedService(service, settings, limit, None, reason=now.reason, worker=worker))
        else:
            also = tuple(estimate_once(project, service, settings))
            if now.cpus is not None:
                limit = limit._replace(label=f"{limit.label}, judged with {now.cpus} CPUs")
            found.append(AssessedService(service, settings, limit, now, estimate=now.estimate, also=also))
    found = [_with_pool(one, found) for one in found]
    if before is not None and isinstance(project.tree, WorkTree):  # what is only tried is compared with nothing
        assert isinstance(before.tree, RevisionTree)
        try:
            compared = list(_compared(project, before, found))
        except MemguardError:  # git has ended, or lacks some of the commit
            compared = found
        if before.tree.is_steady:
            found = compared
        keep_past(project, ((one.service.name, one.now and one.now.past()) for one in found))
    if not find_services(project) and not find_unread(project):
        project.skipped.append(Skipped(".", None, _undeclared(project)))
    return found


def _with_pool(one: AssessedService, every: Iterable[AssessedService]) -> AssessedService:
    """Return a service with what those take that share its limit, such as the other containers of its task."""
    pool = one.service.pool
    if one.now is None or not pool or one.limit.source != pool:
        return one
    sharing = [other for other in every if other.service.pool == pool and other is not one]
    if not sharing:
        return one
    now = one.now
    for other in sharing:
        now = _with_shared(now, other.service, other.now)
    names = ", ".join(other.service.name for other in sharing)
    return one._replace(now=now, estimate=now.estimate, limit=one.limit._replace(label=f"{one.limit.label}, with {names}"))


def _with_shared(found: Estimated, service: Service, other: Estimated | None) -> Estimated:
    """Return an estimate with that of a service on the same host; one that nobody can tell leaves it a lower bound."""
    if other is None:
        return found._replace(unread=(*found.unread, service.name))
    return found.with_processes(other.estimate, other.uncounted, other.unread)


def _undeclared(project: Project) -> str:
    """Say that nothing is said to start, and what to write where that is likely known."""
    reason = "no service is declared: no start command of Python in a deployment file, no entrypoints in the settings"
    likely = find_likely(project)
    if not likely:
        return reason
    judged = "; it is judged as if a Procfile said" if len(likely) == 1 else "; a Procfile could say"
    lines = (f"`web: {f'cd {one.folder} && ' if one.folder else ''}{one.command}`" for one in likely)
    return f"{reason}{judged} {' or '.join(lines)}"


def _compared(project: Project, before: Project, found: Sequence[AssessedService]) -> Iterator[AssessedService]:
    """Yield what was estimated beside the same at the last commit, which is not read where it holds all that was seen."""
    assert isinstance(project.tree, WorkTree)
    assert isinstance(before.tree, RevisionTree)
    if project.tree.is_held_by(before.tree):
        yield from (one.committed() for one in found)
        return
    known = recall_past(project, before.tree)
    if known is None:
        known = _estimate_then(before, found)
        if all(one.now is not None for one in found):  # else nobody has looked at what it took
            keep_commit(project, before.tree, ((name, past) for name, alike in known.items() for past in alike))
    for one in found:
        alike = known.get(one.service.name)
        then = alike.pop(0) if alike else None
        if one.now is None:
            yield one
        elif alike is not None:
            yield one.beside(then)
        else:
            yield one._replace(estimate=one.now.estimate.since(None))  # a new service: all of it


def _estimate_then(before: Project, found: Sequence[AssessedService]) -> dict[str, list[Past | None]]:
    """Estimate at the last commit the services that there are now, by their names."""
    all_then = find_judged(before)
    services = grouped((service.name, service) for service in all_then)
    known: dict[str, list[Past | None]] = {}
    for one in found:
        alike = services.get(one.service.name)
        if alike:
            then = alike.pop(0)
            sharing = [other for other in all_then if other is not then and other.pool and other.pool == then.pool]
            past = _estimate_past(before, then, one.settings, sharing) if one.now is not None else None
            known.setdefault(one.service.name, []).append(past)
    return known


def _estimate_past(project: Project, service: Service, settings: ServiceSettings, sharing: Iterable[Service]) -> Past | None:
    """Estimate a service at the last commit; None where nobody can, also because git cannot read the commit."""
    try:
        found = _estimate_service(project, service, settings)
        if isinstance(found, Estimated) and limit_of(service, settings).source == service.pool:
            for one in sharing:
                other = _estimate_service(project, one, settings_of(project, one))
                found = _with_shared(found, one, other if isinstance(other, Estimated) else None)
    except MemguardError:
        return None
    return found.past() if isinstance(found, Estimated) else None
