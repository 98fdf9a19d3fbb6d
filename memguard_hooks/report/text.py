"""The report as text: `path:line:column: CODE message`, then the chain and the fix, indented."""

from __future__ import annotations

from memguard_hooks.finding import MIB, Finding, Part, Report, ServiceReport, chain, count, mib, summary, way
from memguard_hooks.output import plain, visible

BUDGET = ("MG301", "MG302")


def render(report: Report, *, tables: bool = False) -> str:
    """Write findings, and one line for each service that was judged and has no finding, with `tables` its table too."""
    lines: list[str] = []
    for finding in report.findings:
        lines += _finding(finding, _service_of(finding, report))
    told = {(finding.path, finding.subject) for finding in report.findings if finding.code.startswith("MG3")}
    for service in report.services:
        if (service.path, service.name) not in told:
            lines.append(summary(service, report.since))
            lines += table(service) if tables else []
    return plain(lines)


def _service_of(finding: Finding, report: Report) -> ServiceReport | None:
    """Return the service whose budget a finding is about."""
    if finding.code not in BUDGET:
        return None
    return next((one for one in report.services if (one.path, one.name) == (finding.path, finding.subject)), None)


def _finding(finding: Finding, service: ServiceReport | None) -> list[str]:
    mark = "" if finding.severity == "error" else " (warning)"
    lines = [f"{finding.path}:{finding.line}:{finding.column}: {finding.code} {finding.message}{mark}"]
    if service is not None:
        lines += table(service)
    elif len(finding.chain) > 1:
        lines.append(f"    chain: {chain(finding.chain)}")
    if finding.fix:
        head, *more = finding.fix
        lines.append(f"    fix: {head}")
        lines += [f"         {line}" for line in more]
    return lines


def table(service: ServiceReport) -> list[str]:
    """Write what a service is made of: each package with what it adds and the way to it, a process, and all of them."""
    if service.estimate is None or not service.parts:
        return []
    told = [part for part in service.parts if part.resident >= MIB]
    rest = [part for part in service.parts if part.resident < MIB]
    names = [visible(name_part(part)) for part in told]
    width = max([len(name) for name, part in zip(names, told, strict=True) if part.chain], default=0)
    rows = [
        (part.resident, f"{name:<{width}}  {way(part.chain)}" if part.chain else name)
        for name, part in zip(names, told, strict=True)
    ]
    if rest:
        rows.append((sum(part.resident for part in rest), count(len(rest), "other")))
    whole = sum(part.resident for part in service.parts)
    if service.processes == 1:
        rows.append((service.estimate.expected, "in all"))
    else:
        rows.append((whole, "a process"))
        number = "" if service.processes is None else f"{service.processes} processes, "
        rows.append((service.estimate.expected, f"{number}shared pages counted once"))
    lines = [f"    {mib(size):>8} MiB  {text}" for size, text in rows]
    late = service.estimate.all_loaded - service.estimate.expected
    if late >= MIB:
        lines.append(f"    {f'+{mib(late)}':>8} MiB  once all that is deferred has run")
    return lines + [f"    {text}" for text in unmeasured(service)]


def unmeasured(service: ServiceReport) -> list[str]:
    """Say which packages of a service nobody measured, in a line or in none."""
    unknown = [part.package for part in service.parts if part.source == "assumed" and part.chain]
    return [f"nobody measured {', '.join(unknown)}: `memguard measure` does"] if unknown else []


def name_part(part: Part) -> str:
    """Write a package with its version, and where its figure comes from unless that is the catalog."""
    source = "" if part.source == "catalog" else f" ({part.source})"
    if part.package.startswith("("):
        return f"{part.package.strip('()')}{' code' if part.package == '(first-party)' else ''}{source}"
    return f"{part.package} {part.version}{source}" if part.version else f"{part.package}{source}"
