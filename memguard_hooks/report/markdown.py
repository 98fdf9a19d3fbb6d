"""The report as GitHub's Markdown, for the summary of a job or a comment on a pull request.

A comment may have 65,536 characters, as the error of GitHub's API says; the summary of a step 1 MiB (actions/runner,
FileCommandManager.cs, read 2026-11-22). What does not fit is counted in the last line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote

from memguard_hooks.finding import (
    Finding,
    Report,
    ServiceReport,
    Skipped,
    Step,
    at_least,
    mib,
    moment_name,
    not_measured,
    signed,
    told_moments,
)
from memguard_hooks.output import visible
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.report import outline
from memguard_hooks.report.github import most_severe_first
from memguard_hooks.report.text import name_part

LIMIT = 65_000
"""Characters, less than a comment may have: what posts it may add a line of its own."""

NOTICE = 200
"""Characters kept for the line that says what is left out."""

PIPE = r"\|"

_MARKUP = late_pattern(r"([\\`*_\[\]<>~&])")

_LIVE = late_pattern(r"[@#$]|://|www\.|\bgh-\d|:[\w+-]+:", re.IGNORECASE)
"""What GitHub makes a mention, a reference, a formula, a link or a picture of, though its punctuation is escaped."""


class _Block(Record):
    """Lines that are shown or left out together, and what they are counted as."""

    text: str
    kind: str = ""


def render(report: Report, link: str = "") -> str:
    """Write the verdict, the services, what a change adds, the findings and what was skipped, as far as there is room.

    Where the address of the files is given, as in `https://github.com/me/app/blob/REVISION`, places and rules are links.
    """
    room = LIMIT - NOTICE
    kept: list[str] = []
    left: Counter[str] = Counter()
    for block in _blocks(report, link):
        if len(block.text) <= room:
            kept.append(block.text)
            room -= len(block.text)
        elif block.kind:
            left[block.kind] += 1
    if left:
        kept.append(f"\nLeft out for want of room: {', '.join(f'{kind} {number}' for kind, number in left.items())}.\n")
    return "".join(kept)


def _blocks(report: Report, link: str) -> Iterator[_Block]:
    yield _Block(f"## memguard: {_verdict(report)}\n")
    at_fault = [one for one in report.skipped if one.broken]
    if at_fault:
        yield _Block("\n### At fault\n\n")
        yield from (_Block(_skipped(one), "inputs at fault") for one in at_fault)
    if report.services:
        change = _prose(outline.compared_with(report.since))
        yield _Block(f"\n{_row(('service', 'estimate', 'limit', 'share', 'verdict', change))}|:--|--:|--:|--:|:--|--:|\n")
        yield from (_Block(_row(_service(one, link)), "services") for one in report.services)
    added = [line for service in report.services for line in _added(service)]
    if added:
        yield _Block("\n")
        yield from (_Block(line, "added packages") for line in added)
    severity = ""
    for finding in most_severe_first(report.findings):
        if finding.severity != severity:
            severity = finding.severity
            yield _Block(f"\n### {severity.capitalize()}s\n\n")
        yield _Block(_finding(finding, link), "findings")
    yield from (_Block(_parts(service), "tables of packages") for service in report.services if service.parts)
    gaps = [one for one in report.skipped if not one.broken]
    if gaps:
        yield _Block("\n### Skipped\n\n")
        yield from (_Block(_skipped(one), "skipped places") for one in gaps)


def _verdict(report: Report) -> str:
    known = f"; {report.known} more known" if report.known else ""
    fixed = f"; {report.fixed} known fixed: `--prune-baseline` takes them out" if report.fixed else ""
    return f"{outline.totals(report)}{known}{fixed}"


def _service(service: ServiceReport, link: str) -> tuple[str, ...]:
    """Return the cells of a service."""
    name = f"{_code(service.name)} in {_place(service.path, service.line, link)}"
    name += f", which wins over {', '.join(map(_code, service.instead_of))}" if service.instead_of else ""
    limit = "none" if service.limit is None else f"{mib(service.limit)} MiB ({_prose(service.limit_label)})"
    taken = service.taken
    if taken is None:
        return name, "not judged", limit, "", outline.standing(service), ""
    return (
        name,
        (
            f"{at_least(service)}{mib(taken.expected)} MiB{_moment(service)} ({mib(taken.low)} to {mib(taken.high)})"
            f"{not_measured(service)}"
        ),
        limit,
        "" if not service.limit else f"{taken.expected / service.limit:.0%}",
        outline.standing(service),
        "" if taken.commit is None else f"{signed(taken.commit)} MiB",
    )


def _moment(service: ServiceReport) -> str:
    """Say which moment a figure is of, and what the others come to, where that makes a difference."""
    moments = told_moments(service)
    if not moments or service.estimate is None:
        return ""
    others = [f"{mib(service.estimate.at(one).expected)} {moment_name(one)}" for one in moments if one != service.judged]
    return f" {moment_name(service.judged)}, {', '.join(others)}"


def _row(cells: Iterable[str]) -> str:
    """Write a row of a table; a pipe in a cell must not end it, not even in code."""
    return f"| {' | '.join(cell.replace('|', PIPE) for cell in cells)} |\n"


def _added(service: ServiceReport) -> Iterator[str]:
    """Yield what a change adds, a line each: `web: +112 MiB: pandas through app/api/analytics.py:4`."""
    told, _ = outline.by_cost(service._replace(parts=service.added))
    for part in told:
        through = f" through {_code(f'{part.chain[-1].path}:{part.chain[-1].line}')}" if part.chain else ""
        yield f"- {_code(service.name)}: +{mib(part.resident)} MiB: {_prose(part.package)}{through}\n"


def _finding(finding: Finding, link: str) -> str:
    place = _place(finding.path, finding.line, link)
    lines = [f"- {place} **{_rule(finding.code) if link else finding.code}** {_prose(finding.message)}"]
    if finding.fix:
        lines.append(f"  - fix: {'<br>'.join(_prose(line) for line in finding.fix)}")
    if len(finding.chain) > 1:
        names = (*(f"{step.path}:{step.line}" for step in finding.chain), finding.chain[-1].module)
        lines.append(f"  - <details><summary>import path</summary>{' → '.join(map(_name, names))}</details>")
    return "".join(f"{line}\n" for line in lines)


def _place(path: str, line: int, link: str) -> str:
    """Write a place as code, and as a link to its line where the address of the files is known."""
    text = _code(f"{path}:{line}")
    return f"[{text}]({link}/{quote(path, errors='surrogateescape')}#L{line})" if link else text


def _rule(code: str) -> str:
    """Write a code as a link to what it means."""
    from memguard_hooks.report.sarif import anchor, rules_page
    from memguard_hooks.rules import read_rule

    return f"[{code}]({rules_page()}#{anchor(read_rule(code))})"


def _parts(service: ServiceReport) -> str:
    """Write what a process of a service is made of, folded."""
    told, rest = outline.by_cost(service)
    rows = [(_prose(name_part(part)), mib(part.resident), _way(part.chain)) for part in told]
    if rest:
        rows.append((f"{len(rest)} more", mib(sum(part.resident for part in rest)), ""))
    rows.append(("a process", mib(sum(part.resident for part in service.judged_parts)), ""))
    table = "".join(_row(row) for row in (("package", "MiB", "through"), (":--", "--:", ":--"), *rows))
    return f"\n<details><summary>What a process of {_name(service.name)} is made of</summary>\n\n{table}\n</details>\n"


def _skipped(skipped: Skipped) -> str:
    return f"- {_code(outline.place(skipped))} {_prose(skipped.reason)}\n"


def _way(steps: tuple[Step, ...]) -> str:
    return " → ".join(_code(f"{step.path}:{step.line}") for step in steps)


def _prose(text: str) -> str:
    """Write a text as it is: what would be markup is escaped, and a word that GitHub would bring to life is code."""
    words = visible(text).split(" ")
    return " ".join(_code(word) if _LIVE.search(word) else _MARKUP.sub(r"\\\1", word) for word in words)


def _code(text: str) -> str:
    """Write a name as code, between more backticks than it holds."""
    text = visible(text)
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.strip(" ") and (text[0] in "` " or text[-1] in "` ") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def _name(text: str) -> str:
    """Write a name as code within HTML, where Markdown is not read."""
    return f"<code>{escape(visible(text))}</code>"
