"""The report as workflow commands, which GitHub shows as annotations at the lines of a pull request.

GitHub shows the first 10 errors, 10 warnings and 10 notices of a step (actions/toolkit, docs/problem-matchers.md, read
2026-11-22): so what is at fault comes first, then errors, the most expensive first, then warnings, then what was skipped.
"""

from __future__ import annotations

from collections.abc import Iterable

from memguard_hooks.finding import Finding, Report, chain
from memguard_hooks.output import visible
from memguard_hooks.rules import read_rule


def render(report: Report) -> str:
    """Write a command for each finding and for each place that was skipped, a line each."""
    commands = [
        _command("error", one.path, one.line, "memguard: at fault", [one.reason]) for one in report.skipped if one.broken
    ]
    titles = {code: f"{code}: {read_rule(code).title}" for code in {finding.code for finding in report.findings}}
    commands += [_finding(finding, titles[finding.code]) for finding in most_severe_first(report.findings)]
    commands += [
        _command("notice", one.path, one.line, "memguard: skipped", [one.reason]) for one in report.skipped if not one.broken
    ]
    return "".join(f"{command}\n" for command in commands)


def most_severe_first(findings: Iterable[Finding]) -> list[Finding]:
    """Put errors before warnings and the most expensive first; what costs the same stays in the order of the files."""
    return sorted(findings, key=lambda one: (one.severity != "error", -(one.cost or 0), one[:5]))


def fix_lines(finding: Finding) -> list[str]:
    """Return the lines that say what to do, the first with its name."""
    return [line if number else f"fix: {line}" for number, line in enumerate(finding.fix)]


def _finding(finding: Finding, title: str) -> str:
    lines = [finding.message]
    if len(finding.chain) > 1:
        lines.append(f"import path: {chain(finding.chain)}")
    lines += fix_lines(finding)
    end_line = finding.end_line if finding.end_line is not None and finding.end_line > finding.line else finding.line
    # The runner takes no column of what has more than one line.
    column = finding.column if end_line == finding.line else None
    return _command(finding.severity, finding.path, finding.line, title, lines, end_line, column)


def _command(
    kind: str,
    path: str,
    line: int | None,
    title: str,
    message: Iterable[str],
    end_line: int | None = None,
    column: int | None = None,
) -> str:
    properties = "".join(
        f"{name}={_escape_property(str(value))},"
        for name, value in (("file", _file(path)), ("line", line), ("endLine", end_line), ("col", column))
        if value
    )
    # The title stands last: the runner trims what ends the properties, and no name of a file ends there.
    return f"::{kind} {properties}title={_escape_property(title)}::{'%0A'.join(map(_escape, message))}"


def _file(path: str) -> str:
    """Return a path that the runner reads whole: it drops each `=` at the beginning of a value. The root is no file."""
    return f"./{path}" if path.startswith("=") else path if path != "." else ""


def _escape(text: str) -> str:
    """Write a line so that it is seen as it is, and begins no escape of the runner."""
    return visible(text).replace("%", "%25")


def _escape_property(text: str) -> str:
    """Write what would end a property as an escape too."""
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
