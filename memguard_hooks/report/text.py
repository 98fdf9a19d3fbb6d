"""The report as text: `path:line:column: CODE message`, then the chain and the fix, indented."""

from __future__ import annotations

from memguard_hooks.finding import Finding, Report, ServiceReport, Step, mib


def render(report: Report) -> str:
    """Write findings, and one line for each service that was judged and has no finding."""
    lines: list[str] = []
    for finding in report.findings:
        lines += _finding(finding)
    told = {(finding.path, finding.line) for finding in report.findings if finding.code.startswith("MG3")}
    for service in report.services:
        if (service.path, service.line) not in told:
            lines.append(summary(service))
    return "".join(f"{line}\n" for line in lines)


def _finding(finding: Finding) -> list[str]:
    mark = "" if finding.severity == "error" else " (warning)"
    lines = [f"{finding.path}:{finding.line}:{finding.column}: {finding.code} {finding.message}{mark}"]
    if len(finding.chain) > 1:
        lines.append(f"    chain: {chain(finding.chain)}")
    if finding.fix:
        head, *more = finding.fix.splitlines()
        lines.append(f"    fix: {head}")
        lines += [f"         {line}" for line in more]
    return lines


def chain(steps: tuple[Step, ...]) -> str:
    """Write the way to a module: `app/main.py:7 → app/api.py:3 → pandas`."""
    return " → ".join([*(f"{step.path}:{step.line}" for step in steps), steps[-1].module])


def summary(service: ServiceReport) -> str:
    """Write one service in one line: `web: 263 of 512 MiB (render free), this commit +0`."""
    if service.estimate is None:
        return f"{service.name}: not estimated"
    of = f" of {mib(service.limit)}" if service.limit is not None else ""
    least = "at least " if service.verdict == "unknown" else ""
    line = f"{service.name}: {least}{mib(service.estimate.expected)}{of} MiB ({service.limit_label})"
    commit = service.estimate.commit
    return line if commit is None else f"{line}, this commit {signed(commit)}"


def signed(size: int) -> str:
    """Write a difference in whole MiB with its sign: `+57`, `-3`, `+0`."""
    return f"{round(size / 2**20):+d}"
