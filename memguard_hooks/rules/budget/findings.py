"""What `memory-budget` reports of a judged service: over its budget, near it, or grown too much, and what to do."""

from __future__ import annotations

import math

from memguard_hooks.app.estimate import loaded_after_fork, saved_by_preload
from memguard_hooks.app.limit import bands_of
from memguard_hooks.app.service_estimate import AssessedService, Estimated
from memguard_hooks.deployment import platforms
from memguard_hooks.finding import (
    MIB,
    Finding,
    Part,
    ServiceReport,
    Severity,
    chain,
    count,
    growth,
    is_by,
    mib,
    moment_name,
    signed,
    summary,
    told_moments,
)
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
    if now is None or report.estimate is None or report.taken is None:
        return
    since = project.since and project.since.label
    added = list(_added(report, since))
    if report.verdict in ("warning", "error"):
        fix = [*_ways_out(assessed, now), *added]
        code, severity = _OVER[report.verdict]
        message = _amount(assessed, now, report, since)
        yield _finding(assessed, code, severity, message, report.taken.expected, report.judged_parts, fix)
    yield from _over_later(assessed, now, report, since)
    grown = _grown(project, assessed, report)
    if grown is not None:
        size, what, allowed = grown
        message = f"{report.name} grew by {signed(size)} MiB{what}, more than the {mib(allowed)} MiB allowed"
        fix = added or _ways_out(assessed, now)
        yield _finding(assessed, "MG303", "error", message, size, report.added or report.judged_parts, fix)


_OVER: dict[str, tuple[str, Severity]] = {"error": ("MG301", "error"), "warning": ("MG302", "warning")}
"""Verdict → the code and the severity of its finding."""


def _over_later(assessed: AssessedService, now: Estimated, report: ServiceReport, since: str | None) -> Iterator[Finding]:
    """MG304: what is judged fits, or is near, and everything that is deferred would not."""
    limit = assessed.limit.size
    if limit is None or report.judged == "all" or report.verdict == "error":
        return
    later = now._replace(settings=now.settings._replace(judge="all"))
    if later.taken <= bands_of(limit, assessed.settings)[1]:
        return
    message = _amount(assessed, later, report._replace(judged="all"), since)
    parts = [part for part in now.process.parts if not is_by(part.moment, report.judged)]
    fix = [*_ways_out(assessed, later), 'or judge by it: `[budget] judge = "all"`']
    yield _finding(assessed, "MG304", "warning", message, now.estimate.all.expected, parts, fix)


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
    estimate, taken, allowed = report.estimate, report.taken, assessed.settings.growth
    if estimate is None or taken is None:
        return None
    if allowed is not None and taken.commit is not None and taken.commit > allowed:
        return taken.commit, "" if project.since is None else f" since {project.since.label}", allowed
    known = project.baseline
    if known is None or (report.path, report.name) not in known.services:
        return None
    code, _ = _OVER.get(report.verdict, (None, None))
    if allowed is None and code is not None and known.knows(code, report.path, report.name):
        from memguard_hooks.project.baseline import GROWTH

        allowed = GROWTH
    before = known.services[report.path, report.name]
    size = estimate.at(before.moment).expected - before.size
    return (size, f" since {known.path} was written", allowed) if allowed is not None and size > allowed else None


def _amount(assessed: AssessedService, now: Estimated, report: ServiceReport, since: str | None) -> str:
    """Say what a service takes by the judged moment, and before, and what has come since the start.

    `web: 713 of 512 MiB serving (43 at start): litellm, torch in voice.py:31; render free, this commit +0`. Where the
    moments do not differ, the service's line says it.
    """
    processes = _processes(assessed, now)
    moments = told_moments(report)
    if not moments or report.taken is None or report.estimate is None:
        return summary(report, since) + (f": {processes}" if processes else "")
    others = {mib(report.estimate.at(one).expected): moment_name(one) for one in reversed(moments) if one != report.judged}
    apart = ", ".join(f"{size} {name}" for size, name in reversed(others.items()))
    least = "at least " if report.verdict == "unknown" else ""
    limit = "" if report.limit is None else f" of {mib(report.limit)}"
    amount = f"{least}{mib(report.taken.expected)}{limit} MiB {moment_name(report.judged)} ({apart})"
    late = _late(report)
    about = f"{report.limit_label}{growth(report, since)}"
    return f"{report.name}: {amount}{late and f': {late}'}; {about}{processes and f'; {processes}'}"


def _late(report: ServiceReport) -> str:
    """Name what takes most of what is loaded after the start, and where: `litellm, torch in voice.py:31`."""
    parts = [one for one in report.judged_parts if one.moment != "start" and one.chain and one.resident >= MIB]
    places: dict[str, list[str]] = {}
    for part in sorted(parts, key=lambda part: -part.resident)[:MOST_TOLD]:
        places.setdefault(f"{part.chain[-1].path}:{part.chain[-1].line}", []).append(part.package)
    return ", ".join(f"{', '.join(dict.fromkeys(names))} in {place}" for place, names in places.items())


MOST_TOLD = 3
"""Packages that a finding names besides its table."""


def _processes(assessed: AssessedService, now: Estimated) -> str:
    """Say how the processes make the sum: `2 processes of 290 MiB that share pages`, and how many copies there are."""
    least, replicas = now.command.fewest, assessed.service.replicas
    lines: list[str] = []
    if assessed.settings.pessimistic:
        lines.append(f"up to {mib(now.estimate.at(now.judged).high)} MiB")
    if now.workers > 1:
        number = f"{least} to {now.workers}" if least is not None and least < now.workers else str(now.workers)
        lines.append(f"{number} processes of {mib(now.process.at(now.judged).expected)} MiB that share pages")
    if replicas is not None and replicas > 1:
        lines.append(f"in each of {replicas} replicas")
    return ", ".join(lines)


# What to do


def _ways_out(assessed: AssessedService, now: Estimated) -> list[str]:
    """Name the imports to defer, what each saves, and the workers and the plan with which the service fits as it is."""
    warn, limit = assessed.settings.warn or WARN, assessed.limit.size
    lines: list[str] = []
    if limit is not None and now.taken > warn * limit:
        from memguard_hooks.app.deferral import fewest

        lines += map(_defer, fewest(now.process.roots, now.taken_with, warn * limit))
    saved = saved_by_preload(now.process, now.command, now.judged)
    ways = [f"start with --preload: -{mib(saved)} MiB"] if saved >= MIB else []
    workers = now.workers_that_fit(warn * limit) if limit is not None else None
    if workers is not None:
        ways.append(f"start {count(workers, 'worker')}")
    plan = _plan_that_fits(assessed, now.taken / warn)
    if plan is not None:
        ways.append(f"take {plan}")
    for way in ways:
        lines.append(f"or {way}" if lines else way)
    late = loaded_after_fork(now.process, now.command, "all")
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
