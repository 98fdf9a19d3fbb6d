"""Judge each service: find its entry point, estimate it at both sides of a commit, and set it against its limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from memguard_hooks.config import FAIL, WARN, ServiceSettings
from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.service import Service
from memguard_hooks.deployment.start import EntryPoint, StartCommand
from memguard_hooks.entry import find_entry, find_services, read_command, settings_of
from memguard_hooks.errors import MemguardError
from memguard_hooks.estimate import Process, Root, add_up, estimate_process, estimate_together
from memguard_hooks.finding import MIB, Estimate, Part, ServiceReport, Skipped, Step, Verdict, mib
from memguard_hooks.footprint.heavy import FRAMEWORKS
from memguard_hooks.imports.graph import External, walk
from memguard_hooks.project import Project


class Deferral(NamedTuple):
    """An import that may wait, and what the whole service takes less without it, in bytes."""

    name: str
    chain: tuple[Step, ...]
    saving: int


class Judged(NamedTuple):
    """A service with its estimate, its process, and what the work tree adds to the last commit."""

    report: ServiceReport
    service: Service
    process: Process | None
    settings: ServiceSettings
    added: tuple[Part, ...] = ()
    deferrals: tuple[Deferral, ...] = ()
    workers: int | None = None
    plan: str | None = None


def assess(project: Project, before: Project | None) -> list[Judged]:
    """Judge all services of a project; `before` is the same project at the last commit."""
    for settings in (project.settings.service, *project.settings.services.values()):
        _plan(settings)
    services, unknown = find_services(project), []
    known = {} if before is None else {service.name: service for service in find_services(before)}
    judged: list[Judged] = []
    for service in services:
        settings = settings_of(project, service)
        now = _estimate(project, service, settings)
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


class _Service(NamedTuple):
    command: StartCommand
    entrypoint: EntryPoint
    process: Process
    estimate: Estimate
    workers: int
    unread: tuple[str, ...]


def _estimate_past(project: Project, service: Service, settings: ServiceSettings) -> _Service | None:
    """Estimate a service at the last commit; None where nobody can, also because git cannot read the commit."""
    try:
        found = _estimate(project, service, settings)
    except MemguardError:
        return None
    return found if isinstance(found, _Service) else None


def _estimate(project: Project, service: Service, settings: ServiceSettings) -> _Service | Skipped:
    """Estimate one service at one tree, or say why nobody can."""
    entry = find_entry(project, service)
    if isinstance(entry, Skipped):
        return entry._replace(reason=f"{service.name} is not estimated: {entry.reason}")
    command = entry.command
    if command.workers is None:
        return Skipped(service.path, service.line, f"{service.name} is not estimated: {command.reason}")
    walked = walk(entry.sources.prove, entry.resolver, entry.path, entry.module, entry.target)
    project.skipped += walked.skipped
    if entry.path in walked.unread:
        return Skipped(service.path, service.line, f"{service.name} is not estimated: {entry.path} could not be analyzed")
    server = tuple(External((name,), ()) for name in command.server_modules)
    walked = walked._replace(externals=(*server, *walked.externals))
    process = estimate_process(project, walked, entry.target.python)
    runtime = settings.runtime or 0
    estimate = estimate_together(process, command, runtime)
    return _Service(command, entry.entrypoint, process, estimate, command.workers, walked.unread)


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


def _limit(service: Service, settings: ServiceSettings) -> tuple[int | None, str, str]:
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
    project: Project, service: Service, settings: ServiceSettings, now: _Service, then: _Service | None, commit: int | None
) -> Judged:
    limit, source, label = _limit(service, settings)
    estimate = now.estimate._replace(commit=commit)
    verdict: Verdict = "ok"
    if limit is not None:
        if estimate.expected > (settings.fail or FAIL) * limit:
            verdict = "error"
        elif estimate.expected > (settings.warn or WARN) * limit:
            verdict = "warning"
    elif service.platform is not None and settings.platform is None:
        verdict = "unknown"
        project.skipped.append(
            Skipped(service.path, service.line, f"the memory of {label} is not known; set `limit` in the settings")
        )
    if now.unread and verdict != "error":
        verdict = "unknown"  # at least what was found
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
    )
    added: tuple[Part, ...] = ()
    if then is not None:
        old = {root.name for root in then.process.roots}
        added = tuple(part for part in now.process.parts if part.chain and part.package not in old)
    return Judged(
        report,
        service,
        now.process,
        settings,
        added,
        _deferrals(now, settings, (settings.warn or WARN) * limit) if limit is not None else (),
        _workers_that_fit(now, settings, (settings.warn or WARN) * limit) if limit is not None else None,
        _plan_that_fits(service, settings, estimate.expected / (settings.warn or WARN)),
    )


def _deferrals(now: _Service, settings: ServiceSettings, goal: float) -> tuple[Deferral, ...]:
    """Return the fewest imports to defer so that a service gets below the goal, the most saving first.

    An import is worth only what no other one still loads; where all together do not suffice, all that
    save a MiB or more are returned.
    """
    kept = list(now.process.roots)
    total = now.estimate.expected
    chosen: list[Deferral] = []
    while total > goal:
        options = [(_total_without(now, settings, kept, root), root) for root in kept if _may_wait(root)]
        best, root = min(options, key=lambda option: (option[0], option[1].name), default=(total, None))
        if root is None or total - best < MIB:
            break
        chosen.append(Deferral(root.name, root.chain, total - best))
        kept.remove(root)
        total = best
    return tuple(chosen)


def _may_wait(root: Root) -> bool:
    """Tell whether the app can start without an import: not without its framework, nor what the server loads itself."""
    return bool(root.chain) and root.name.partition(".")[0] not in FRAMEWORKS


def _workers_that_fit(now: _Service, settings: ServiceSettings, goal: float) -> int | None:
    """Return how many of several workers fit below the goal, None where not even one does."""
    for workers in range(now.workers - 1, 0, -1):
        fewer = now.command._replace(workers=workers)
        if estimate_together(now.process, fewer, settings.runtime or 0).expected <= goal:
            return workers
    return None


def _total_without(now: _Service, settings: ServiceSettings, roots: Sequence[Root], without: Root) -> int:
    process = now.process
    python = ".".join(process.base.python.split(".")[:2])
    parts = add_up(process.base, [root for root in roots if root is not without], python)[0]
    own = sum(part.resident for part in process.parts if part.package == "(first-party)")
    lighter = process._replace(
        expected=own + sum(part.resident for part in parts), anonymous=own + sum(part.anonymous for part in parts)
    )
    return estimate_together(lighter, now.command, settings.runtime or 0).expected


def _plan_that_fits(service: Service, settings: ServiceSettings, needed: float) -> str | None:
    """Return the smallest plan of the platform that holds `needed` bytes."""
    named = platforms.find_platform(settings.platform or "")
    platform = service.platform or (named.platform if named is not None else "")
    plan = platforms.smallest_plan(platform, math.ceil(needed))
    return f"{plan.platform} {plan.plan} ({mib(plan.memory)} MiB)" if plan is not None and plan.memory else None


def _unknown(project: Project, service: Service, settings: ServiceSettings) -> Judged:
    limit, source, label = _limit(service, settings)
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
    return Judged(report, service, None, settings)
