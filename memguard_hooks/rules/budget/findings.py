"""What `memory-budget` reports of a judged service: over its budget, near it, or grown too much, and what to do."""

from __future__ import annotations

import math

from memguard_hooks.app.estimate import loaded_after_fork, saved_by_preload
from memguard_hooks.app.service_estimate import AssessedService, Estimated
from memguard_hooks.deployment import platforms
from memguard_hooks.finding import MIB, Finding, Part, ServiceReport, Severity, chain, count, mib, signed, summary
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import WARN

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memguard_hooks.app.deferral import Deferral

HOOK = "memory-budget"

MUCH = 10 * MIB
"""What deferred imports must take in all preloaded workers to be worth a line."""


def find(project: Project, assessed: AssessedService, report: ServiceReport) -> Iterator[Finding]:
    """Yield what is wrong with a judged service; nothing of one that nobody can estimate."""
    now = assessed.now
    if now is None or report.estimate is None:
        return
    since = project.since and project.since.label
    added = list(_added(report, since))
    if report.verdict in ("warning", "error"):
        message = f"{summary(report, since)}{_processes(assessed, now)}"
        fix = [*_ways_out(assessed, now), *added]
        code, severity = _OVER[report.verdict]
        yield _finding(assessed, code, severity, message, report.estimate.expected, report.parts, fix)
    grown = _grown(project, assessed, report)
    if grown is not None:
        size, what, allowed = grown
        message = f"{report.name} grew by {signed(size)} MiB{what}, more than the {mib(allowed)} MiB allowed"
        fix = added or _ways_out(assessed, now)
        yield _finding(assessed, "MG303", "error", message, size, report.added or report.parts, fix)


_OVER: dict[str, tuple[str, Severity]] = {"error": ("MG301", "error"), "warning": ("MG302", "warning")}
"""Verdict → the code and the severity of its finding."""


def _finding(
    assessed: AssessedService,
    code: str,
    severity: Severity,
    message: str,
    cost: int,
    parts: Sequence[Part],
    fix: Sequence[str],
) -> Finding:
    """Return a finding at the start command of a service, with the way to what takes most of some parts."""
    service = assessed.service
    largest = max((part for part in parts if part.chain), key=lambda part: part.resident, default=None)
    place = (service.path, service.line, service.column)
    way = largest.chain if largest is not None else ()
    return Finding(*place, code, message, HOOK, service.name, severity, cost, way, tuple(fix))


def _grown(project: Project, assessed: AssessedService, report: ServiceReport) -> tuple[int, str, int] | None:
    """Return by how much a service has grown, since when, and what is allowed, in bytes, where it is more than that.

    A service whose excess is known, by the baseline, may not grow without end, though no setting names an allowance.
    """
    estimate, allowed = report.estimate, assessed.settings.growth
    if estimate is None:
        return None
    if allowed is not None and estimate.commit is not None and estimate.commit > allowed:
        return estimate.commit, "" if project.since is None else f" since {project.since.label}", allowed
    known = project.baseline
    if known is None or (report.path, report.name) not in known.services:
        return None
    code, _ = _OVER.get(report.verdict, (None, None))
    if allowed is None and code is not None and known.knows(code, report.path, report.name):
        from memguard_hooks.project.baseline import GROWTH

        allowed = GROWTH
    size = estimate.expected - known.services[report.path, report.name]
    return (size, f" since {known.path} was written", allowed) if allowed is not None and size > allowed else None


def _processes(assessed: AssessedService, now: Estimated) -> str:
    """Say how the processes make the sum: `: 2 processes of 290 MiB that share pages`, and how many copies there are."""
    least, replicas = now.command.fewest, assessed.service.replicas
    lines: list[str] = []
    if assessed.settings.pessimistic:
        lines.append(f"up to {mib(now.estimate.high)} MiB")
    if now.workers > 1:
        number = f"{least} to {now.workers}" if least is not None and least < now.workers else str(now.workers)
        lines.append(f"{number} processes of {mib(now.process.expected)} MiB that share pages")
    if replicas is not None and replicas > 1:
        lines.append(f"in each of {replicas} replicas")
    return f": {', '.join(lines)}" if lines else ""


# What to do


def _ways_out(assessed: AssessedService, now: Estimated) -> list[str]:
    """Name the imports to defer, what each saves, and the workers and the plan with which the service fits as it is."""
    warn, limit = assessed.settings.warn or WARN, assessed.limit.size
    lines: list[str] = []
    if limit is not None and now.taken > warn * limit:
        from memguard_hooks.app.deferral import fewest

        lines += map(_defer, fewest(now.process.roots, now.taken_with, warn * limit))
    saved = saved_by_preload(now.process, now.command)
    ways = [f"start with --preload: -{mib(saved)} MiB"] if saved >= MIB else []
    workers = now.workers_that_fit(warn * limit) if limit is not None else None
    if workers is not None:
        ways.append(f"start {count(workers, 'worker')}")
    plan = _plan_that_fits(assessed, now.taken / warn)
    if plan is not None:
        ways.append(f"take {plan}")
    for way in ways:
        lines.append(f"or {way}" if lines else way)
    late = loaded_after_fork(now.process, now.command)
    if late >= MUCH:
        lines.append(f"mind that what waits for a call is loaded by each of {now.workers} workers: +{mib(late)} MiB")
    return lines


def _defer(deferral: Deferral) -> str:
    """Name an import to defer with the way to it, and its other places, without which nothing is saved."""
    places = dict.fromkeys(f"{step.path}:{step.line}" for step in deferral.sites)
    last = deferral.chain[-1]
    others = [place for place in places if place != f"{last.path}:{last.line}"]
    also = f"; also {', '.join(others)}" if others else ""
    return f"defer {deferral.name}: -{mib(deferral.saving)} MiB ({chain(deferral.chain)}{also})"


def _plan_that_fits(assessed: AssessedService, needed: float) -> str | None:
    """Return the smallest plan of the service's platform that holds `needed` bytes."""
    named = platforms.find_platform(assessed.settings.platform or "")
    platform = assessed.service.platform or (named.platform if named is not None else "")
    plan = platforms.smallest_plan(platform, math.ceil(needed))
    return f"{plan.platform} {plan.plan} ({mib(plan.memory)} MiB)" if plan is not None and plan.memory else None


def _added(report: ServiceReport, since: str | None) -> Iterator[str]:
    """Name the imports that were not there at the last commit, or where a branch began."""
    change = "this commit" if since is None else "this branch"
    for part in report.added:
        if part.resident >= MIB:
            yield f"{change} brings {part.package}: +{mib(part.resident)} MiB ({chain(part.chain)})"
