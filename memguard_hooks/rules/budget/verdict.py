"""Judge each service: find its entry point, estimate it at both sides of a commit, and set it against its limit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from memguard_hooks.app.entry_points import ServiceEntry, find_entry, find_services, read_command, settings_of
from memguard_hooks.app.estimate import (
    FIRST_PARTY,
    ProcessEstimate,
    Root,
    add_processes,
    add_up,
    estimate_process,
    estimate_together,
    loaded_after_fork,
    saved_by_preload,
)
from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.service import Service
from memguard_hooks.deployment.start import EntryPoint, StartCommand
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Estimate, Part, ServiceReport, Skipped, Verdict, mib
from memguard_hooks.imports.graph import MOMENTS, External, Walk, walk
from memguard_hooks.project.project import MEASURED, Project
from memguard_hooks.project.settings import FAIL, WARN, ServiceSettings
from memguard_hooks.tree import parent

if TYPE_CHECKING:
    from memguard_hooks.app.deferral import Deferral
    from memguard_hooks.app.measured_roots import Known


class JudgedService(NamedTuple):
    """A service with its estimate and its process.

    `fewest` are the workers that always run, where a server adds more under load. `preload` is what preloading would
    save, `after_fork` what preloaded workers load once each, in bytes.
    """

    report: ServiceReport
    service: Service
    process: ProcessEstimate | None
    settings: ServiceSettings
    deferrals: tuple[Deferral, ...] = ()
    workers: int | None = None
    plan: str | None = None
    fewest: int | None = None
    preload: int = 0
    after_fork: int = 0


def assess(project: Project, before: Project | None) -> list[JudgedService]:
    """Judge all services of a project; `before` is the same project at the last commit."""
    for settings in (project.settings.service, *project.settings.services.values()):
        _plan(settings)
    services, unknown = find_services(project), []
    known = {} if before is None else {service.name: service for service in find_services(before)}
    judged: list[JudgedService] = []
    for service in services:
        settings = settings_of(project, service)
        now = estimate_service(project, service, settings)
        if isinstance(now, Skipped):
            unknown.append(now)
            judged.append(_unknown(project, service, settings))
            continue
        then = None
        if before is not None and service.name in known:
            then = _estimate_past(before, known[service.name], settings)
        commit = None
        if then is not None and not then.unread:
            commit = now.estimate.expected - then.estimate.expected
        elif before is not None and service.name not in known:
            commit = now.estimate.expected  # a new service: all of it
        judged.append(_judge(project, service, settings, now, then, commit))
    project.skipped += unknown
    if not services:
        reason = "no service is declared: no start command in a deployment file, no entrypoints in the settings"
        project.skipped.append(Skipped(".", None, reason))
    return judged


class Estimated(NamedTuple):
    """A service and what it takes; `unread` are files that could not be analyzed, so that it takes at least that.

    `dirty` is the part of the estimate that processes of gunicorn's take besides its workers.
    """

    command: StartCommand
    entrypoint: EntryPoint
    process: ProcessEstimate
    estimate: Estimate
    workers: int
    unread: tuple[str, ...]
    walked: Walk
    dirty: Estimate = Estimate(0, 0, 0, 0, 0, None)

    def with_workers(self, workers: int, runtime: int) -> Estimate:
        """Return what the service takes with another number of workers."""
        together = estimate_together(self.process, self.command._replace(workers=workers), runtime)
        return add_processes(together, self.dirty)


def _estimate_past(project: Project, service: Service, settings: ServiceSettings) -> Estimated | None:
    """Estimate a service at the last commit; None where nobody can, also because git cannot read the commit."""
    try:
        found = estimate_service(project, service, settings)
    except MemguardError:
        return None
    return found if isinstance(found, Estimated) else None


def estimate_service(project: Project, service: Service, settings: ServiceSettings) -> Estimated | Skipped:
    """Estimate one service at one tree, or say why nobody can."""
    entry = find_entry(project, service)
    if isinstance(entry, Skipped):
        return entry._replace(reason=f"{service.name} is not estimated: {entry.reason}")
    command = entry.command
    if command.workers is None:
        return Skipped(service.path, service.line, f"{service.name} is not estimated: {command.reason}")
    walked = walk(entry.sources.prove, entry.resolver, entry.path, entry.module, entry.target)
    project.skipped += (*walked.skipped, *walked.notes)
    if entry.path in walked.unread:
        return Skipped(service.path, service.line, f"{service.name} is not estimated: {entry.path} could not be analyzed")
    server = tuple(External((name,), ()) for name in command.server_modules)
    walked = walked._replace(externals=(*server, *walked.externals))
    known = _known(project, entry)
    process = estimate_process(project.declared, parent(entry.path), walked, entry.target.python, known)
    estimate = estimate_together(process, command, settings.runtime or 0)
    found = Estimated(command, entry.entrypoint, process, estimate, command.workers, walked.unread, walked)
    return _with_dirty_workers(project, entry, found)


def _known(project: Project, entry: ServiceEntry) -> Known | None:
    """Return what was measured of an entry point of this project, unless that was on another Python."""
    if not project.measured:
        return None
    from memguard_hooks.app.measured_roots import Known, find_moved, notes
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
    moved = find_moved(found, project.declared.near(parent(entry.path)).versions)
    project.skipped += notes(name, moved)
    return Known(found, moved)


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
    walks = [walk(entry.sources.prove, entry.resolver, path, module, target) for path, module in files.items()]
    project.skipped += [gap for one in walks for gap in one.skipped]
    server = tuple(External((name,), ()) for name in command.server_modules)
    joined = Walk(
        {moment: {path: size for one in walks for path, size in one.files[moment].items()} for moment in MOMENTS},
        (*server, *(external for one in walks for external in one.externals)),
        {},
        standard={moment: {name for one in walks for name in one.standard[moment]} for moment in MOMENTS},
    )
    process = estimate_process(project.declared, parent(entry.path), joined, entry.target.python)
    workers = StartCommand(None, command.dirty_workers, "preload", "gunicorn")
    dirty = estimate_together(process, workers, 0)
    unread = tuple(path for one in walks for path in one.unread)
    estimate = add_processes(found.estimate, dirty)
    return found._replace(estimate=estimate, dirty=dirty, unread=(*found.unread, *unread))


# The verdict


def _plan(settings: ServiceSettings) -> platforms.Plan | None:
    """Return the plan that the settings name. Raises MemguardError for one that is not known, with the nearest."""
    if settings.platform is None:
        return None
    plan = platforms.find_platform(settings.platform)
    if plan is None:
        import difflib

        near = difflib.get_close_matches(settings.platform, platforms.platform_names(), n=1, cutoff=0)
        path, _, rest = settings.limit_source.partition(":")
        line = rest.partition(" ")[0]
        message = f"unknown platform {settings.platform!r}: did you mean {near[0]!r}?"
        raise MemguardError(message, path if line else None, int(line) if line else None)
    return plan


def limit_of(service: Service, settings: ServiceSettings) -> tuple[int | None, str, str]:
    """Return the limit in bytes, where it is written, and what a message calls it."""
    if settings.limit is not None:
        return settings.limit, settings.limit_source, settings.limit_source
    plan = _plan(settings)
    if plan is not None:
        label = f"{plan.platform} {plan.plan}".strip() if plan.memory else "local, no limit"
        return plan.memory, settings.limit_source, label
    if service.platform is not None:
        return service.limit, service.limit_source, service.limit_label
    return platforms.DEFAULT_LIMIT, "default", "default"


def _judge(
    project: Project,
    service: Service,
    settings: ServiceSettings,
    now: Estimated,
    then: Estimated | None,
    commit: int | None,
) -> JudgedService:
    limit, source, label = limit_of(service, settings)
    estimate = now.estimate._replace(commit=commit)
    taken = judged_by(estimate, settings)
    verdict: Verdict = "ok"
    if limit is not None:
        if taken > (settings.fail or FAIL) * limit:
            verdict = "error"
        elif taken > (settings.warn or WARN) * limit:
            verdict = "warning"
    elif service.platform is not None and settings.platform is None:
        verdict = "unknown"
        project.skipped.append(
            Skipped(service.path, service.line, f"the memory of {label} is not known; set `limit` in the settings")
        )
    if now.unread and verdict != "error":
        verdict = "unknown"  # at least what was found
    bands = None if limit is None else (int((settings.warn or WARN) * limit), int((settings.fail or FAIL) * limit))
    report = ServiceReport(
        name=service.name,
        path=service.path,
        line=service.line,
        command=service.command,
        entrypoint=now.entrypoint.text,
        processes=now.workers,
        limit=limit,
        limit_source=source,
        limit_label=label,
        estimate=estimate,
        verdict=verdict,
        parts=now.process.parts,
        bands=bands,
        added=tuple(_grown(now.process.parts, then.process.parts)) if then is not None else (),
    )
    return JudgedService(
        report,
        service,
        now.process,
        settings,
        _deferrals(now, settings, (settings.warn or WARN) * limit) if limit is not None else (),
        workers_that_fit(now, settings, (settings.warn or WARN) * limit) if limit is not None else None,
        _plan_that_fits(service, settings, taken / (settings.warn or WARN)),
        now.command.fewest,
        saved_by_preload(now.process, now.command),
        loaded_after_fork(now.process, now.command),
    )


def _grown(now: Sequence[Part], then: Sequence[Part]) -> Iterator[Part]:
    """Give what is imported now and was not, or takes a MiB more than then, with the difference.

    A package is one, through however many of its modules it comes.
    """
    sizes, before = _by_package(now), _by_package(then)
    for part in now:
        size = sizes.pop(part.package, None)
        if size is not None and part.chain:
            more = size - before.get(part.package, 0)
            if part.package not in before or more >= MIB:
                yield part._replace(resident=more)


def _by_package(parts: Sequence[Part]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for part in parts:
        sizes[part.package] = sizes.get(part.package, 0) + part.resident
    return sizes


def judged_by(estimate: Estimate, settings: ServiceSettings) -> int:
    """Return the bytes that are set against the limit: what is expected, or what the settings ask for."""
    return estimate.high if settings.pessimistic else estimate.expected


def _deferrals(now: Estimated, settings: ServiceSettings, goal: float) -> tuple[Deferral, ...]:
    """Return the fewest imports to defer so that a service gets below the goal."""
    if judged_by(now.estimate, settings) <= goal:
        return ()
    from memguard_hooks.app.deferral import fewest

    return fewest(now.process.roots, lambda roots: _total_with(now, settings, roots), goal)


def workers_that_fit(now: Estimated, settings: ServiceSettings, goal: float) -> int | None:
    """Return how many of several workers fit below the goal, None where not even one does."""
    for workers in range(now.workers - 1, 0, -1):
        if judged_by(now.with_workers(workers, settings.runtime or 0), settings) <= goal:
            return workers
    return None


def _total_with(now: Estimated, settings: ServiceSettings, roots: Sequence[Root]) -> int:
    """Return what the service takes with these roots alone."""
    process = now.process
    parts = add_up(process.base, roots)[0]
    parts += [part for part in process.parts if part.package == FIRST_PARTY]
    lighter = process._replace(
        expected=sum(part.resident for part in parts), anonymous=sum(part.anonymous for part in parts)
    )
    lighter_estimate = add_processes(estimate_together(lighter, now.command, settings.runtime or 0), now.dirty)
    margin = now.estimate.high - now.estimate.expected if settings.pessimistic else 0
    return lighter_estimate.expected + margin


def _plan_that_fits(service: Service, settings: ServiceSettings, needed: float) -> str | None:
    """Return the smallest plan of the platform that holds `needed` bytes."""
    named = platforms.find_platform(settings.platform or "")
    platform = service.platform or (named.platform if named is not None else "")
    plan = platforms.smallest_plan(platform, math.ceil(needed))
    return f"{plan.platform} {plan.plan} ({mib(plan.memory)} MiB)" if plan is not None and plan.memory else None


def _unknown(project: Project, service: Service, settings: ServiceSettings) -> JudgedService:
    limit, source, label = limit_of(service, settings)
    command = read_command(project, service)
    report = ServiceReport(
        name=service.name,
        path=service.path,
        line=service.line,
        command=service.command,
        entrypoint=command.entrypoint.text if command.entrypoint else None,
        processes=command.workers,
        limit=limit,
        limit_source=source,
        limit_label=label,
        estimate=None,
        verdict="unknown",
    )
    return JudgedService(report, service, None, settings)
