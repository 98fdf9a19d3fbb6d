"""What a log comes to as one HTML file: lines over time as a picture, and what to say less often. It needs no script."""

from __future__ import annotations

import datetime as dt
from html import escape

from memguard_hooks.output import visible
from memguard_hooks.report import logs

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memguard_hooks.logs.rate import Timeline

WIDTH, HEIGHT, FOOT = 960, 220, 20
"""Units of the picture, which scales to the page; the foot holds the times."""

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>memguard: log</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; } .bar { fill: #4477aa; } .over { fill: #cc3311; }
text { font-size: 13px; fill: currentColor; }
.limit { stroke: #cc3311; stroke-dasharray: 6 4; } .axis { stroke: currentColor; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .5rem; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; } tr + tr td { border-top: 1px solid #8884; }
td { overflow-wrap: anywhere; unicode-bidi: plaintext; } .error { color: #cc3311; } code { font-size: .9em; }
</style>
</head>
<body>
<h1>Log report</h1>"""


def render(judged: logs.Judged, top: int) -> str:
    """Write the page."""
    survey = judged.survey
    lines = [_HEAD, *(f"<p>{_text(line)}</p>" for line in logs.summarize(judged))]
    lines += [f'<p class="error">{_text(failure)}</p>' for failure in judged.failures]
    if survey.timeline.bars:
        limit = None if judged.limit is None else judged.limit.lines / judged.limit.period
        lines += _draw(survey.timeline, limit)
    rows = [
        (f"{one.lines / survey.lines:.1%}", f"{one.lines:,}", _title(judged, logs.title(one), logs.key_of(one)))
        for one in survey.templates[:top]
    ]
    lines += _table("Templates, by share of the lines", ("share", "lines", "template"), rows)
    if judged.savings:
        fixes = [
            (f"{one.lines:,}", _title(judged, logs.title(one.template), logs.key_of(one.template)),
             "<br>".join(f"<code>{_text(fix)}</code>" for fix in one.fix))
            for one in judged.savings[:top]
        ]  # fmt: skip
        lines += _table("Say less often", ("saves", "template", "how"), fixes)
        lines.append(f"<p>Then {_text(logs.left(judged))}.</p>")
    return "\n".join([*lines, "</body>", "</html>", ""])


def _draw(timeline: Timeline, limit: float | None) -> Iterator[str]:
    """Draw the lines of each step; one that is over the limit on average is marked."""
    first, last = min(timeline.bars), max(timeline.bars)
    steps = last - first + 1
    most = max(*timeline.bars.values(), 0 if limit is None else limit * timeline.width) or 1
    scale, wide = HEIGHT / most, WIDTH / steps
    each = "second" if timeline.width == 1 else f"{timeline.width:,} seconds"
    yield f'<svg viewBox="0 -20 {WIDTH} {HEIGHT + FOOT + 20}" role="img" aria-label="lines over time">'
    yield f'<text x="0" y="-6">{most:,.0f} lines each {each}</text>'
    for at, count in sorted(timeline.bars.items()):
        high = count * scale
        kind = "bar over" if limit is not None and count > limit * timeline.width else "bar"
        place = (
            f'x="{(at - first) * wide:.1f}" y="{HEIGHT - high:.1f}" width="{max(wide - 0.2, 0.4):.1f}" height="{high:.1f}"'
        )
        yield f'<rect class="{kind}" {place}><title>{_when(at * timeline.width)}: {count:,} lines</title></rect>'
    if limit is not None:
        y = HEIGHT - limit * timeline.width * scale
        place = f'x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"'
        yield f'<line class="limit" {place}><title>the limit of the platform</title></line>'
    yield f'<line class="axis" x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}"/>'
    yield f'<text x="0" y="{HEIGHT + 15}">{_when(first * timeline.width)}</text>'
    yield f'<text x="{WIDTH}" y="{HEIGHT + 15}" text-anchor="end">{_when((last + 1) * timeline.width)}</text>'
    yield "</svg>"


def _table(title: str, heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    names = list(heads)
    kinds = [' class="n"' if name in ("share", "lines", "saves") else "" for name in names]
    yield f"<h2>{title}</h2>"
    yield f"<table><tr>{''.join(f'<th{kind}>{name}</th>' for name, kind in zip(names, kinds, strict=True))}</tr>"
    for row in rows:
        yield f"<tr>{''.join(f'<td{kind}>{cell}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>"
    yield "</table>"


def _title(judged: logs.Judged, text: str, key: str) -> str:
    places = judged.places.get(key, ())
    return f"<code>{_text(text)}</code>" + (f"<br>{_text(', '.join(places))}" if places else "")


def _text(text: str) -> str:
    return escape(visible(text))


def _when(second: int) -> str:
    return f"{dt.datetime.fromtimestamp(second, dt.timezone.utc):%Y-%m-%d %H:%M:%S}"
