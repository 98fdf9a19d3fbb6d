"""The verdict on each service: what it takes, set against its limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from memguard_hooks.app.entry_points import read_command
from memguard_hooks.app.limit import bands_of
from memguard_hooks.app.past import sizes_of
from memguard_hooks.app.service_estimate import AssessedService, Estimated
from memguard_hooks.finding import MIB, Part, ServiceReport, Verdict, mib
from memguard_hooks.project.project import Project

MOST_TOLD = 3
"""What is not counted that a reason names."""


OF_POOLS = frozenset({"MG301", "MG302", "MG304"})
"""Findings of a sum that all services with one limit share, which is one cause."""


def telling(assessed: Sequence[AssessedService]) -> list[AssessedService]:
    """Return the services that tell of their sum: of those that share a limit, the one whose process takes most."""
    largest: dict[str, AssessedService] = {}
    for one in assessed:
        pool = one.service.pool
        if pool and one.limit.source == pool and _own(one) > _own(largest.get(pool)):
            largest[pool] = one
    return [one for one in assessed if largest.get(one.service.pool, one) is one or one.limit.source != one.service.pool]


def _own(assessed: AssessedService | None) -> int:
    """Return what one process of a service takes, in bytes."""
    now = assessed.now if assessed is not None else None
    return now.process.at(now.judged).expected if now is not None else 0


def judge(project: Project, assessed: AssessedService) -> ServiceReport:
    """Judge one service; one whose files nobody can read is unknown, unless what was found is too much."""
    service, settings, now = assessed.service, assessed.settings, assessed.now
    bands = None if assessed.limit.size is None else bands_of(assessed.limit.size, settings)
    report = ServiceReport(
        name=service.name,
        path=service.path,
        line=service.line,
        command=service.command,
        entrypoint=None,
        processes=None,
        limit=assessed.limit.size,
        limit_source=assessed.limit.source,
        limit_label=assessed.limit.label,
        estimate=None,
        verdict="unknown",
        instead_of=tuple(f"{place.path}:{place.line}" for place in service.instead_of),
        also=tuple((one.command, one.size) for one in assessed.also),
    )
    if now is None:
        command = read_command(project, service)
        entrypoint = command.entrypoint.text if command.entrypoint else None
        worker = assessed.worker and assessed.worker.process.at(assessed.worker.judged)
        return report._replace(entrypoint=entrypoint, processes=command.workers, reason=assessed.reason, worker=worker)
    is_over = bands is not None and now.taken > bands[1]
    verdict: Verdict = "ok" if bands is None or now.taken <= bands[0] else "warning"
    if is_over and not assessed.limit.is_assumed:
        verdict = "error"
    uncounted = service.uncounted if assessed.limit.source == service.pool else ()
    may_pass = bands is not None and now.taken <= bands[0] < now.most
    is_open = any(one.most is None for one in now.uncounted)
    if (now.unread or is_open or uncounted or may_pass) and not is_over:
        verdict = "unknown"  # at least what was found
    return report._replace(
        reason=_at_least(now, uncounted) if verdict == "unknown" else None,
        entrypoint=now.entry.entrypoint.text,
        processes=now.processes,
        cpus=now.cpus,
        estimate=assessed.estimate,
        verdict=verdict,
        is_over=is_over,
        judged=now.judged,
        parts=now.process.parts,
        bands=None if bands is None else (int(bands[0]), int(bands[1])),
        added=tuple(_grown(now.judged_parts, assessed.then.sizes)) if assessed.then is not None else (),
        processes_then=assessed.then.processes if assessed.then is not None else None,
    )


def _at_least(now: Estimated, uncounted: Sequence[str]) -> str:
    """Say why a service takes at least what was found."""
    names = ", ".join(dict.fromkeys(now.unread[:MOST_TOLD]))
    sizes: dict[str, int] = {}
    for one in now.uncounted:
        sizes[one.what] = sizes.get(one.what, 0) + (one.most or 0)
    lacks = [f"up to {mib(size)} MiB that {what}" if size else what for what, size in sizes.items()][:MOST_TOLD]
    others = f"{', '.join(uncounted[:MOST_TOLD])} beside it, which reserve nothing," if uncounted else ""
    return f"it takes at least that: {' and '.join(filter(None, [names, *lacks, others]))} not counted"


def _grown(now: Sequence[Part], before: Mapping[str, int]) -> Iterator[Part]:
    """Yield what is imported now and was not, or takes a MiB more than then, with the difference.

    A package is one, through however many of its modules it comes.
    """
    sizes = sizes_of(now)
    for part in now:
        size = sizes.pop(part.package, None)
        if size is not None and part.chain:
            more = size - before.get(part.package, 0)
            if part.package not in before or more >= MIB:
                yield part._replace(resident=more)
