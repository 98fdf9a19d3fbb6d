"""The report for a terminal: each service as a bar against its limit, its packages by cost, the findings, what to do.

Needs rich, the extra `terminal`. Names come from files of strangers: they are set as text, never as rich's markup, and
what would steer the terminal is written as an escape.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from memguard_hooks.finding import (
    Finding,
    Part,
    Report,
    ServiceReport,
    Step,
    count,
    mib,
    refusing,
    shortened,
    signed,
    step_name,
)
from memguard_hooks.output import visible
from memguard_hooks.relations import grouped
from memguard_hooks.report import USUAL, Detail, outline
from memguard_hooks.report.steps import WAYS_OUT, adds_nothing, to_do
from memguard_hooks.report.text import SHOWN, name_part, unmeasured

WIDEST = 110
"""Columns beyond which a line is no longer read at a glance."""

NARROW = 84
"""Columns below which bars are short, and the way to a package stands under it, not beside it."""

NARROWEST = 60
"""Columns below which packages have no bars: names and places need the room."""

LONGEST_NAME = 34

MOST_PLACES = 5
"""Places of one finding that are told, unless all are asked for."""

COLORS = {"ok": "green", "warning": "yellow", "error": "red", "unknown": "magenta"}


def render(report: Report, *, width: int, color: bool = True, detail: Detail = USUAL) -> str:
    """Write the report for a terminal of so many columns, with or without escape sequences for color."""
    file = io.StringIO()
    console = _console(file, width, color=color)
    for line in draw(report, width, detail):
        console.print(_isolated(_harmless(line)), soft_wrap=True)
    return file.getvalue()


FIRST, LAST = "\N{LEFT-TO-RIGHT ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def _isolated(line: Text) -> Text:
    """Return a line in which each name with letters that run right to left is by itself: it turns nothing beside it."""
    text = line.plain
    if text.isascii():
        return line
    runs = (list(run) for _, run in groupby(range(len(text)), lambda place: text[place].isspace() or text[place] == "/"))
    words = [run for run in runs if any(unicodedata.bidirectional(text[place]) in {"R", "AL"} for place in run)]
    pieces = Text()
    until = 0
    for word in words:
        pieces.append_text(line[until : word[0]]).append(FIRST).append_text(line[word[0] : word[-1] + 1]).append(LAST)
        until = word[-1] + 1
    return pieces.append_text(line[until:]) if words else line


def _harmless(line: Text) -> Text:
    """Return a line that no runner takes for a command, wherever a long name was broken."""
    start = len(line.plain) - len(line.plain.lstrip())
    return Text.assemble(line[:start], r"\x3a", line[start + 1 :]) if line.plain.startswith("::", start) else line


def _console(file: io.StringIO, width: int, *, color: bool) -> Console:
    """Return a console that asks neither the environment nor the terminal: the same report gives the same bytes."""
    return Console(
        file=file,
        width=width,
        height=25,
        color_system="standard" if color else None,
        force_terminal=color,
        no_color=not color,
        legacy_windows=False,
        _environ={},
    )


def draw(report: Report, width: int, detail: Detail = USUAL) -> list[Text]:
    """Return the lines of the report, none wider than `width`."""
    width = min(width, WIDEST)
    lines: list[Text] = []
    for service in report.services:
        if not detail.is_quiet or service.is_over:
            lines += [*_service(service, report, width, detail), Text()]
    for severity, title in outline.SEVERITIES:
        found = [finding for finding in report.findings if finding.severity == severity]
        if found:
            lines.append(Text(title.capitalize(), style="bold"))
            lines += [line for alike in _alike(found) for line in _findings(alike, width, detail)]
            lines.append(Text())
    lines += _skipped(report, width, is_quiet=detail.is_quiet)
    lines += _advice(report, width)
    is_refused = bool(refusing(report, detail.fail_on)) and adds_nothing(report)
    worst = min((finding.severity for finding in report.findings), default="ok")  # by the alphabet, an error is first
    lines += _flow(
        "", [Text(outline.totals(report), style=f"bold {COLORS[worst]}"), *map(Text, outline.baseline(report))], "; ", width
    )
    lines += [wrapped for line in to_do(report, detail.fail_on) for wrapped in _step(line, width)]
    return [*lines, *(_wrap(Text(WAYS_OUT), width) if is_refused else ())]


def _step(line: str, width: int) -> list[Text]:
    """Write a line of what to do: what does not fit stands below its first letter."""
    head = re.match(r" *(?:\d+\. )?", line)
    assert head is not None
    return _hang(head[0], Text(visible(line[head.end() :])), width)


# Services


def _service(service: ServiceReport, report: Report, width: int, detail: Detail) -> list[Text]:
    color = COLORS[service.verdict]
    head = Text.assemble(
        (visible(service.name), "bold"),
        "  ",
        (outline.standing(service), f"bold {color}"),
        "  ",
        (visible(f"{service.path}:{service.line}"), "dim"),
    )
    lines = [*_wrap(head, width), *_hang("  ", Text(visible(service.command), style="dim"), width)]
    if service.estimate is None:
        return lines
    lines.append(Text())
    lines += _bar(service, width - 2)
    figures = [Text(outline.amount(service), style=f"bold {color}")]
    figures += [Text(f"{name} {figure}") for name, figure in outline.facts(service, report.since)]
    lines += _flow("  ", figures, " · ", width)
    told, rest = outline.by_cost(service)
    if service.parts:
        lines += [Text(), *_packages(service, told, rest, width, detail)]
    new = outline.added(report, service)
    if new:
        lines += [Text(), *_hang("  ", Text(f"{outline.compared_with(report.since)} adds", style="bold"), width)]
        lines += [line for part in new for line in _added(part, width)]
    for note in unmeasured(service):
        lines += [Text(), *_hang("  ", Text(visible(note), style="dim"), width)]
    return lines


def _bar(service: ServiceReport, width: int) -> list[Text]:
    """Draw what is expected, solid up to the low end of its range and thin up to the high end, and where the bands begin."""
    estimate = service.taken
    assert estimate is not None
    scale = max(service.limit or 0, estimate.high, 1)

    def column(size: int) -> int:
        return round(min(max(size, 0), scale) * width / scale)

    low, expected, high, limit = map(column, (estimate.low, estimate.expected, estimate.high, service.limit or 0))
    color = COLORS[service.verdict]
    bar = Text("  ")
    bar.append("█" * low, color)
    bar.append("▓" * (expected - low), color)
    bar.append("░" * (high - expected), color)
    bar.append("─" * (max(limit, high) - high), "dim")
    if service.limit is None:
        return [bar]
    marks = [(service.limit, "limit", "bold")]
    if service.bands is not None:
        marks += [(service.bands[1], "error", "red"), (service.bands[0], "warning", "yellow")]
    return [bar, _scale(marks, column, width)]


def _scale(marks: Sequence[tuple[int, str, str]], column: Callable[[int], int], width: int) -> Text:
    """Mark sizes under a bar, the first the surest to have its figure: where two would touch, one goes without."""
    cells: dict[int, tuple[str, str]] = {}
    for size, name, style in marks:
        at = min(column(size), width - 1)
        for label in (f"╵{name} {mib(size)}", f"╵{mib(size)}", "╵"):
            # At the right end the figure stands before its mark.
            start = at if at + len(label) <= width else at - len(label) + 1
            text = label if start == at else f"{label[1:]}╵"
            if not any(position in cells for position in range(start - 1, start + len(text) + 1)):
                cells.update({start + offset: (char, style) for offset, char in enumerate(text)})
                break
    line = Text("  ")
    for position in range(max(cells, default=-1) + 1):
        line.append(*cells.get(position, (" ", "")))
    return line


def _packages(service: ServiceReport, told: Sequence[Part], rest: Sequence[Part], width: int, detail: Detail) -> list[Text]:
    """Write a row for each package: MiB, a small bar, the name, and the way to it, beside it or below."""
    whole = sum(part.resident for part in service.judged_parts)
    largest = max((part.resident for part in told), default=1)
    space = 0 if width < NARROWEST else 8 if width < NARROW else 16
    left = len(_row(0, 1, space))
    beside = left + min(max((cell_len(visible(name_part(part))) for part in told), default=0), LONGEST_NAME) + 2
    chains = [_chain(part.chain, beside, width, leaf=False, is_whole=detail.is_whole) for part in told]
    is_beside = width >= NARROW and all(len(chain) <= 1 for chain in chains)
    lines = []
    for part, chain in zip(told, chains, strict=True):
        row, name = _row(part.resident, largest, space), Text(visible(name_part(part)))
        if is_beside and chain and cell_len(name.plain) <= beside - left - 2:
            row.append_text(name).append(" " * (beside - cell_len(row.plain)))
            lines.append(row.append_text(chain[0][beside:]))
            continue
        first, *more = _wrap(name, width - left)
        lines += [row.append_text(first), *_indented(left, more)]
        lines += _chain(part.chain, left, width, leaf=False, is_whole=detail.is_whole)
    others = sum(part.resident for part in rest)
    if others >= SHOWN:
        row = _row(others, largest, space)
        lines.append(row.append(count(len(rest), "other"), "dim"))
    total = _hang(f"  {mib(whole):>6} MiB  ", Text(outline.together(service)), width)
    for line in total:
        line.stylize("bold")
    return [*lines, *total]


def _row(size: int, largest: int, space: int) -> Text:
    row = Text(f"  {mib(size):>6} MiB  ")
    if not space:
        return row
    eighths = max(size * space * 8 // max(largest, 1), int(size > 0), 0)
    bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]
    row.append(f"{bar[:space]:<{space}}  ", "cyan")
    return row


def _added(part: Part, width: int) -> list[Text]:
    head = f"  {signed(part.resident):>6} MiB  "
    return _hang(head, Text(visible(name_part(part))), width) + _chain(part.chain, len(head), width)


# Findings, what was skipped, and what to do


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Return the findings that say the same of several places together, where the first of them stands."""
    return list(grouped(((one.code, one.message), one) for one in findings).values())


def _findings(alike: Sequence[Finding], width: int, detail: Detail) -> Iterator[Text]:
    """Write one finding with its place; of several that are alike what they say once, then the places."""
    first = alike[0]
    place = Text(_place(first) if len(alike) == 1 else f"{len(alike)} places", style="bold")
    head = Text.assemble(place, " ", (first.code, COLORS[first.severity]), " ", visible(first.message))
    yield from _hang("  ", head, width, "    ")
    if outline.is_told_with_service(first):
        return
    if len(alike) == 1:
        yield from _way_and_fix(first, (), width, detail)
        return
    fixes = [finding.fix for finding in alike]
    usual = max(fixes, key=fixes.count)
    yield from _fix(usual, width)
    told = alike if detail.is_whole else alike[:MOST_PLACES]
    for finding in told:
        yield from _hang("    ", Text(_place(finding), style="bold"), width)
        yield from _indented(2, list(_way_and_fix(finding, usual, width - 2, detail)))
    if len(told) < len(alike):
        yield Text(f"    and {len(alike) - len(told)} more: --show-all", style="dim")


def _place(finding: Finding) -> str:
    return visible(f"{finding.path}:{finding.line}:{finding.column}")


def _way_and_fix(finding: Finding, usual: tuple[str, ...], width: int, detail: Detail) -> Iterator[Text]:
    """Write the way to a module, and what to do unless that is as usual."""
    if len(finding.chain) > 1:
        yield from _chain(finding.chain, 4, width, is_whole=detail.is_whole)
    if finding.fix != usual:
        yield from _fix(finding.fix, width)


def _fix(lines: Sequence[str], width: int) -> Iterator[Text]:
    for number, line in enumerate(lines):
        text = visible(line).lstrip()
        head = ("    fix: " if number == 0 else " " * 9) + " " * (len(line) - len(line.lstrip()))
        yield from _hang(head, Text(text, style="green"), width)


def _skipped(report: Report, width: int, *, is_quiet: bool) -> Iterator[Text]:
    skipped = [one for one in report.skipped if one.broken or not is_quiet]
    if not skipped:
        return
    yield Text("Skipped", style="bold")
    for one in skipped:
        fault = "error: " if one.broken else ""
        line = Text.assemble((outline.place(one), "bold"), " ", (fault, "bold red"), visible(one.reason))
        yield from _hang("  ", line, width, "    ")
    yield Text()


def _advice(report: Report, width: int) -> Iterator[Text]:
    for service in report.services:
        lines = outline.advice(report, service)
        if lines:
            yield from _wrap(Text(f"To get {visible(service.name)} into its budget", style="bold"), width)
            for line in lines:
                yield from _hang("  ", Text(line), width, "    ")
            yield Text()


# Lines of a width


def _chain(steps: tuple[Step, ...], indent: int, width: int, *, leaf: bool = True, is_whole: bool = False) -> list[Text]:
    """Write the way to a module at an indent, broken before an arrow where it is too long; `leaf` names the module too.

    Of a long one the middle is left out, unless it `is_whole`.
    """
    pieces = [visible(step_name(step)) for step in (steps if is_whole else shortened(steps))]
    if steps and leaf:
        pieces.append(visible(steps[-1].module))
    indent = _fitting(indent, [f"→ {piece}" for piece in pieces], width)
    return _indented(indent, _flow("", [Text(piece, style="dim") for piece in pieces], " → ", width - indent))


def _flow(indent: str, pieces: Sequence[Text], between: str, width: int) -> list[Text]:
    """Join pieces, as many to a line as fit; each line but the first begins with what stands between."""
    lines: list[Text] = []
    for piece in pieces:
        if lines and cell_len(lines[-1].plain) + cell_len(between) + cell_len(piece.plain) <= width:
            lines[-1].append(between, "dim").append_text(piece)
        else:
            lines.append(Text(indent).append(between.lstrip() if lines else "", "dim").append_text(piece))
    return [wrapped for line in lines for wrapped in _hang(indent, line[len(indent) :], width)]


def _indented(space: int, lines: Sequence[Text]) -> list[Text]:
    return [Text(" " * space).append_text(line) for line in lines]


def _hang(head: str, text: Text, width: int, indent: str | None = None) -> list[Text]:
    """Write text after a head, further lines below its beginning or at an indent of their own."""
    below = _fitting(len(head) if indent is None else len(indent), text.plain.split(), width)
    if head.isspace() and indent is None:
        head = head[:below]
    filled = max(len(head) - below, 0)
    first, *more = _wrap(Text("x" * filled).append_text(text), width - below)
    return [Text(head).append_text(first[filled:]), *_indented(below, more)]


def _fitting(indent: int, words: Sequence[str], width: int) -> int:
    """Return an indent at which the longest word fits into a line, where one does: an address in two pieces is none."""
    return max(min(indent, width - max(map(cell_len, words), default=0)), 0)


def _wrap(text: Text, width: int) -> list[Text]:
    """Break a line at its spaces, and what is too long for a line anywhere."""
    console = _console(io.StringIO(), width, color=False)
    lines = list(text.wrap(console, max(width, 1), overflow="fold"))
    for line in lines:
        line.rstrip()
    return lines or [Text()]
