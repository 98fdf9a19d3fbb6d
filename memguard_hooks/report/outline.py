"""What reports for people have in common: verdicts in words, the order of things, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from memguard_hooks.finding import (
    CODES,
    MIB,
    Finding,
    Part,
    Report,
    ServiceReport,
    Severity,
    Skipped,
    at_least,
    count,
    mib,
    moment_name,
    not_measured,
    signed,
    told_moments,
)
from memguard_hooks.output import visible
from memguard_hooks.report.text import BUDGET

SEVERITIES: tuple[tuple[Severity, str], ...] = (("error", "errors"), ("warning", "warnings"))

HOOK = CODES[BUDGET[0]]
"""The hook that speaks of services."""

STANDINGS = {"ok": "fits", "warning": "near the budget", "error": "over the budget", "unknown": "not judged"}


def standing(service: ServiceReport) -> str:
    """Say in a few words how a service stands against its limit."""
    if service.estimate is None:
        return "not judged"
    if service.is_over and service.verdict == "warning":
        return "over what is assumed"
    return "no limit" if service.verdict == "ok" and service.limit is None else STANDINGS[service.verdict]


def amount(service: ServiceReport) -> str:
    """Write what is expected of what there is: `604 of 512 MiB`, with its moment where that makes a difference."""
    if service.taken is None:
        return "not judged"
    of = f" of {mib(service.limit)}" if service.limit is not None else ""
    moment = f" {moment_name(service.judged)}" if told_moments(service) else ""
    return f"{at_least(service)}{mib(service.taken.expected)}{of} MiB{moment}{not_measured(service)}"


def facts(service: ServiceReport, since: str | None) -> Iterator[tuple[str, str]]:
    """Yield what else there is to know of a service's memory: a name and a figure each."""
    estimate, taken = service.estimate, service.taken
    if estimate is not None and taken is not None:
        yield "range", f"{mib(taken.low)} to {mib(taken.high)} MiB"
        yield "anonymous", f"{mib(taken.anonymous)} MiB"
        for moment in told_moments(service):
            if moment not in (service.judged, "all"):
                yield moment_name(moment), f"{mib(estimate.at(moment).expected)} MiB"
        if estimate.all.expected - taken.expected >= MIB:
            yield "once all that is deferred has run", f"{mib(estimate.all.expected)} MiB"
    if service.bands is not None:
        yield "warning from", f"{mib(service.bands[0])} MiB"
        yield "error from", f"{mib(service.bands[1])} MiB"
    if service.limit is not None:
        yield "limit", f"{mib(service.limit)} MiB ({visible(service.limit_label)})"
    if service.instead_of:
        yield "wins over", ", ".join(map(visible, service.instead_of))
    if taken is not None and taken.commit is not None:
        yield compared_with(since), f"{signed(taken.commit)} MiB"


def compared_with(since: str | None) -> str:
    """Say what a difference is a difference to."""
    return "this commit" if since is None else f"since {visible(since)}"


def together(service: ServiceReport) -> str:
    """Say how a process makes the sum."""
    if service.processes == 1:
        return "in all"
    if service.taken is None:
        return "a process"
    number = "" if service.processes is None else f"{service.processes} processes, "
    return f"a process; {mib(service.taken.expected)} MiB: {number}shared pages counted once"


def by_cost(service: ServiceReport) -> tuple[list[Part], list[Part]]:
    """Return the judged parts of a process, the most expensive first: those of a MiB or more, and the rest."""
    by_size = sorted(service.judged_parts, key=lambda part: -part.resident)
    return [part for part in by_size if part.resident >= MIB], [part for part in by_size if part.resident < MIB]


def added(report: Report, service: ServiceReport) -> list[Part]:
    """Return what is new in a process and worth a line, the most expensive first, unless the fix of a finding names it."""
    if any(finding.fix for finding in report.findings if finding.hook == HOOK and _is_of(finding, service)):
        return []
    return by_cost(service._replace(parts=service.added))[0]


def advice(report: Report, service: ServiceReport) -> list[str]:
    """Return the lines that say how a service gets into its budget."""
    return [
        visible(line)
        for finding in report.findings
        if is_told_with_service(finding) and _is_of(finding, service)
        for line in finding.fix
    ]


def _is_of(finding: Finding, service: ServiceReport) -> bool:
    return (finding.path, finding.subject) == (service.path, service.name)


def is_told_with_service(finding: Finding) -> bool:
    """Return whether a finding is about a budget, and its way and its fix stand with the service."""
    return finding.code in BUDGET


def fix_lines(finding: Finding) -> list[str]:
    """Return the lines of a finding's fix, each to be seen as it is."""
    return [visible(line) for line in finding.fix]


def place(skipped: Skipped) -> str:
    """Write where something was skipped."""
    return visible(f"{skipped.path}:{skipped.line}" if skipped.line else skipped.path)


def totals(report: Report) -> str:
    """Count what was found: `9 errors, 2 warnings`."""
    numbers = Counter(finding.severity for finding in report.findings)
    return (
        ", ".join(count(numbers[severity], severity) for severity, _ in SEVERITIES if numbers[severity]) or "nothing found"
    )


def baseline(report: Report) -> list[str]:
    """Say how many findings of a baseline are still there, and how many are fixed."""
    lines = []
    if report.known:
        lines.append(f"{report.known} more known")
    if report.fixed:
        lines.append(f"{report.fixed} known fixed: `--prune-baseline` takes them out")
    return lines
