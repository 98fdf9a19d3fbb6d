"""The report as text: `path:line:column: CODE message`, then the chain and the fix, indented."""

from __future__ import annotations

from collections.abc import Sequence

from memguard_hooks.finding import (
    MIB,
    Finding,
    Part,
    Report,
    ServiceReport,
    chain,
    count,
    is_by,
    mib,
    moment_name,
    shortened,
    summary,
    told_moments,
    way,
)
from memguard_hooks.output import plain, visible
from memguard_hooks.report import USUAL, Detail

BUDGET = ("MG301", "MG302")

SHOWN = MIB / 20
"""What is written as 0.1 MiB: other parts that come to less are left out."""


def render(report: Report, detail: Detail = USUAL) -> str:
    """Write findings, and one line for each service that was judged and has no finding."""
    lines: list[str] = []
    for finding in report.findings:
        lines += _finding(finding, _service_of(finding, report), detail)
    if detail.is_quiet:
        return plain(lines)
    told = {(finding.path, finding.subject) for finding in report.findings if finding.code.startswith("MG3")}
    for service in report.services:
        if (service.path, service.name) not in told:
            lines.append(summary(service, report.since))
            lines += table(service, is_whole=detail.is_whole) if detail.tables else _beside(service)
    return plain(lines)


def _service_of(finding: Finding, report: Report) -> ServiceReport | None:
    """Return the service whose budget a finding is about."""
    if finding.code not in BUDGET:
        return None
    return next((one for one in report.services if (one.path, one.name) == (finding.path, finding.subject)), None)


def _finding(finding: Finding, service: ServiceReport | None, detail: Detail) -> list[str]:
    mark = "" if finding.severity == "error" else " (warning)"
    lines = [f"{finding.path}:{finding.line}:{finding.column}: {finding.code} {finding.message}{mark}"]
    if service is not None:
        lines += table(service, is_whole=detail.is_whole)
    elif len(finding.chain) > 1:
        lines.append(f"    import path: {chain(finding.chain if detail.is_whole else shortened(finding.chain))}")
    if finding.fix:
        head, *more = finding.fix
        lines.append(f"    fix: {head}")
        lines += [f"         {line}" for line in more]
    return lines


def table(service: ServiceReport, *, is_whole: bool = False) -> list[str]:
    """Write what a service is made of: each package with what it adds and the way to it, a process, and all of them.

    Where the moments differ, each has its packages, and a process as it is by then. Long ways are cut, unless it `is_whole`.
    """
    estimate, taken = service.estimate, service.taken
    if estimate is None or taken is None or not service.parts:
        return _beside(service)
    parts = service.judged_parts
    named = [(part, visible(name_part(part))) for part in parts if part.resident >= MIB]
    width = max([len(name) for part, name in named if part.chain], default=0)
    rows: list[tuple[int, str]] = []
    until = 0
    for moment in [one for one in told_moments(service) if is_by(one, service.judged)] or [service.judged]:
        own = [part for part in parts if is_by(part.moment, moment)][until:]
        rows += _rows(own, width, is_whole=is_whole)
        until += len(own)
        if moment != service.judged:
            rows.append((sum(part.resident for part in parts[:until]), f"a process {moment_name(moment)}"))
    if service.processes == 1:
        rows.append((taken.expected, "in all"))
    else:
        rows.append((sum(part.resident for part in parts), "a process"))
        number = "" if service.processes is None else f"{service.processes} processes, "
        rows.append((taken.expected, f"{number}shared pages counted once"))
    lines = [f"    {mib(size):>8} MiB  {text}" for size, text in rows]
    later = {"once its handlers have run": estimate.serving, "once all that is deferred has run": estimate.all}
    for text, figures in later.items():
        if figures.expected - taken.expected >= MIB:
            lines.append(f"    {f'+{mib(figures.expected - taken.expected)}':>8} MiB  {text}")
    return lines + [f"    {text}" for text in unmeasured(service)] + _beside(service)


def _beside(service: ServiceReport) -> list[str]:
    """Write what the commands take that run before a service starts, and which others lose to it."""
    known = ((command, size) for command, size in service.also if size is not None)
    lines = [f"    {mib(size):>8} MiB  before it starts: {visible(command)}" for command, size in known]
    return [*lines, *([f"    {won(service)}"] if service.instead_of else [])]


def _rows(parts: Sequence[Part], width: int, *, is_whole: bool) -> list[tuple[int, str]]:
    """Return a row for each part of a MiB or more, and one for the rest."""
    told, rest = ([part for part in parts if (part.resident >= MIB) == is_told] for is_told in (True, False))
    names = [visible(name_part(part)) for part in told]
    rows = [
        (part.resident, f"{name:<{width}}  {way(part.chain if is_whole else shortened(part.chain))}" if part.chain else name)
        for name, part in zip(names, told, strict=True)
    ]
    others = sum(part.resident for part in rest)
    return [*rows, (others, count(len(rest), "other"))] if others >= SHOWN else rows


def unmeasured(service: ServiceReport) -> list[str]:
    """Say which packages of a service nobody measured, in a line or in none."""
    unknown = [part.package for part in service.judged_parts if part.source == "assumed" and part.chain]
    return [f"nobody measured {', '.join(unknown)}: `memguard measure` does"] if unknown else []


def won(service: ServiceReport) -> str:
    """Name the commands of other files that a service wins over; nothing where there are none."""
    places = ", ".join(map(visible, service.instead_of))
    return f"{visible(service.path)} wins over {places}" if places else ""


def name_part(part: Part) -> str:
    """Write a package with its version, and where its figure comes from unless that is the catalog."""
    source = "" if part.source == "catalog" else f" ({part.source})"
    source = f" (measured; the project has {part.installed})" if part.installed else source
    if part.package.startswith("(") and not part.version:
        return f"{part.package.strip('()')}{' code' if part.package == '(first-party)' else ''}{source}"
    return f"{part.package} {part.version}{source}" if part.version else f"{part.package}{source}"
