"""The report as one HTML file that needs nothing else: a picture of memory by import chain, the findings, what to do.

It is read without scripts; one that stands in the page zooms the picture. All names come from files of strangers: they are
escaped wherever they stand, and the page's policy lets no script run but the one that is named by its hash, and asks nobody
for anything.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from memguard_hooks.finding import Finding, Report, ServiceReport, Step, count, mib, signed
from memguard_hooks.output import visible
from memguard_hooks.report import outline
from memguard_hooks.report.icicle import is_drawn, lay_out
from memguard_hooks.report.text import name_part

FOLDER = os.path.join(os.path.dirname(__file__), "page")

KEY = (
    ("heat4", "a fifth of the process or more"),
    ("heat3", "8 % or more"),
    ("heat2", "2 % or more"),
    ("heat1", "less"),
    ("code", "first-party code"),
    ("base", "Python"),
    ("step", "lines that import"),
)

FOOTER = """<footer class="soft small">
<p>Resident memory in MiB, estimated from the imports that run when a service starts. By memguard-hooks.</p>
</footer>"""

CLOSE = 0.08
"""Marks nearer than this share of a bar are not both labeled."""


def render(report: Report) -> str:
    """Write the page."""
    scripts = [_read("icicle.js")] if any(map(is_drawn, report.services)) else []
    body = [
        *_head(report),
        *(line for number, service in enumerate(report.services, 1) for line in _service(number, service, report)),
        *_findings(report),
        *_skipped(report),
        FOOTER,
        *(f"<script>{script}</script>" for script in scripts),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<link rel="icon" href="data:,">',
            f"<title>memguard: {_text(_headline(report))}</title>",
            f"<style>\n{_read('style.css')}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


# What the page is made of


def _policy(scripts: Iterable[str]) -> str:
    """Allow these scripts and no other, styles of the page itself, and nothing from anywhere else."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    sources = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _read(name: str) -> str:
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def _text(text: str) -> str:
    return escape(visible(text))


def _code(text: str) -> str:
    """Write code; of a path each name stands by itself, so that those that run right to left keep their order."""
    return f"<code>{'/'.join(map(_isolated, _text(text).split('/')))}</code>"


def _isolated(name: str) -> str:
    return name if name.isascii() else f'<bdi dir="ltr">{name}</bdi>'


def _way(steps: Sequence[Step], module: str | None = None) -> str:
    """Write the lines that lead to a module, and the module where it is named."""
    pieces = [_code(f"{step.path}:{step.line}") for step in steps]
    return " → ".join([*pieces, _code(module)] if module is not None else pieces)


# The parts of the page


def _headline(report: Report) -> str:
    """Say the worst in one line."""
    if not report.services:
        return outline.totals(report)
    if len(report.services) == 1:
        service = report.services[0]
        return f"{service.name}: {outline.amount(service)}"
    over = sum(service.is_over for service in report.services)
    return f"{over} of {len(report.services)} services over the budget"


def _head(report: Report) -> Iterator[str]:
    since = "" if report.since is None else f", compared with {_code(report.since)}"
    yield "<header>"
    yield "<h1>Memory report</h1>"
    told = _text("; ".join([outline.totals(report), *outline.baseline(report)]))
    yield f'<p class="soft">{told[:1].upper()}{told[1:]}{since}.</p>'
    if not report.services:
        yield "<p>No service was judged, so there is no memory to draw.</p>"
    elif len(report.services) > 1:
        yield '<ul class="plain">'
        for number, service in enumerate(report.services, 1):
            amount = "" if service.estimate is None else f"{outline.amount(service)}, "
            standing = f'<span class="{service.verdict}">{outline.standing(service)}</span>'
            yield f'<li><a href="#service-{number}">{_text(service.name)}</a>: {amount}{standing}</li>'
        yield "</ul>"
    yield "</header>"


def _service(number: int, service: ServiceReport, report: Report) -> Iterator[str]:
    verdict = service.verdict
    yield f'<section class="card" id="service-{number}" aria-labelledby="name-{number}">'
    standing = f'<span class="standing {verdict}">{outline.standing(service)}</span>'
    yield f'<h2 id="name-{number}">{_text(service.name)} {standing}</h2>'
    yield f'<p class="soft">{_code(f"{service.path}:{service.line}")} runs {_code(service.command)}</p>'
    if service.estimate is not None:
        yield f'<p class="amount {verdict}">{outline.amount(service)}</p>'
        yield from _bar(service)
        yield "<dl>"
        for name, figure in outline.facts(service, report.since):
            yield f"<div><dt>{_text(name)}</dt><dd>{_text(figure)}</dd></div>"
        yield "</dl>"
    advice = outline.advice(report, service)
    if advice:
        yield f'<div class="advice"><h3>To get {_text(service.name)} into its budget</h3><ul>'
        yield from (f"<li>{_text(line)}</li>" for line in advice)
        yield "</ul></div>"
    new = outline.added(report, service)
    if new:
        yield f"<h3>{_text(outline.compared_with(report.since)).capitalize()} adds</h3>"
        yield '<ul class="plain">'
        for part in new:
            module = part.chain[-1].module if part.chain else None
            yield f"<li>{signed(part.resident)} MiB: {_text(name_part(part))} {_way(part.chain, module)}</li>"
        yield "</ul>"
    if is_drawn(service):
        yield from _picture(number, service)
        yield from _packages(service)
    yield "</section>"


def _bar(service: ServiceReport) -> Iterator[str]:
    """Draw what is expected, its range, and where the bands begin."""
    estimate = service.taken
    assert estimate is not None
    scale = max(service.limit or 0, estimate.high, 1)

    def at(size: int) -> float:
        return round(min(max(size, 0) / scale, 1) * 100, 2)

    marks = [] if service.limit is None else [("limit", service.limit)]
    if service.bands is not None:
        marks += [("error", service.bands[1]), ("warning", service.bands[0])]
    spoken = [outline.amount(service), f"range {mib(estimate.low)} to {mib(estimate.high)}"]
    spoken += [f"{name} from {mib(size)}" if name != "limit" else f"limit {mib(size)}" for name, size in marks]
    low, expected, high = at(estimate.low), at(estimate.expected), at(estimate.high)
    yield f'<div class="bar" role="img" aria-label="{_text(", ".join(spoken))}">'
    yield f'<i class="fill-{service.verdict}" style="width:{expected}%"></i>'
    yield f'<i class="range fill-{service.verdict}" style="left:{low}%;width:{round(high - low, 2)}%"></i>'
    yield from (f'<i class="mark {name}" style="left:{at(size)}%"></i>' for name, size in marks)
    yield "</div>"
    yield '<div class="scale" aria-hidden="true">'
    labeled: list[float] = []
    for name, size in marks:
        place = at(size)
        if all(abs(place - other) >= 100 * CLOSE for other in labeled):
            labeled.append(place)
            last = ' class="last"' if place > 100 * (1 - CLOSE) else ""
            title = '<span class="wide">limit </span>' if name == "limit" else ""
            yield f'<b{last} style="left:{place}%">{title}{mib(size)}</b>'
    yield "</div>"


def _picture(number: int, service: ServiceReport) -> Iterator[str]:
    whole = sum(part.resident for part in service.judged_parts)
    several = service.processes is None or service.processes > 1
    of = f"one of {service.processes} processes" if several and service.processes else "one process"
    yield '<div class="picture">'
    yield f'<h3 id="picture-{number}">{mib(whole)} MiB in {of}, by the lines that import it</h3>'
    yield f'<button type="button" id="chart-{number}-reset" hidden>Show the whole process</button>'
    yield "</div>"
    chart = lay_out(number, service)
    yield from chart.draw(f"picture-{number}")
    yield '<ul class="key" aria-hidden="true">'
    kinds = {node.kind for node in chart.nodes}
    yield from (f'<li style="--fill:var(--fill-{kind})">{text}</li>' for kind, text in KEY if kind in kinds)
    yield "</ul>"
    yield '<p class="soft small hint" hidden>A click on a line zooms in, another one out. Keys: arrows, Enter, Escape.</p>'


def _packages(service: ServiceReport) -> Iterator[str]:
    told, rest = outline.by_cost(service)
    largest = max((part.resident for part in told), default=1)
    yield "<h3>Packages by cost</h3>"
    yield '<table class="packages"><thead><tr><th scope="col" class="number">MiB</th><th class="cost"></th>'
    yield '<th scope="col">Package</th><th scope="col" class="wide">Imported by</th>'
    yield '<th scope="col" class="wide">Figure from</th></tr></thead><tbody>'
    for part in told:
        yield f'<tr><td class="number">{mib(part.resident)}</td>'
        yield f'<td class="cost"><i style="width:{round(100 * part.resident / largest, 1)}%"></i></td>'
        yield f'<td class="name">{_text(name_part(part))}</td><td class="wide">{_way(part.chain)}</td>'
        yield f'<td class="wide soft small">{_text(part.provenance)}</td></tr>'
    if rest:
        names = ", ".join(dict.fromkeys(_text(name_part(part)) for part in rest))
        others = count(len(rest), "other")
        yield f'<tr><td class="number">{mib(sum(part.resident for part in rest))}</td><td class="cost"></td>'
        yield f'<td>{others}</td><td colspan="2" class="wide soft small name">{names}</td></tr>'
    whole = sum(part.resident for part in service.judged_parts)
    yield f'</tbody><tfoot><tr><td class="number">{mib(whole)}</td><td></td>'
    yield f'<td colspan="3">{outline.together(service)}</td></tr></tfoot></table>'


def _findings(report: Report) -> Iterator[str]:
    for severity, title in outline.SEVERITIES:
        found = [finding for finding in report.findings if finding.severity == severity]
        if not found:
            continue
        yield f'<section aria-labelledby="{title}"><h2 id="{title}">{count(len(found), severity)}</h2>'
        yield '<table class="stacked"><thead><tr><th scope="col">Where</th><th scope="col">Rule</th>'
        yield '<th scope="col">What and by which way</th><th scope="col">Fix</th></tr></thead><tbody>'
        yield from (line for finding in found for line in _finding(finding))
        yield "</tbody></table></section>"


def _finding(finding: Finding) -> Iterator[str]:
    place = f"{finding.path}:{finding.line}:{finding.column}"
    yield f'<tr><td class="place">{_code(place)}</td><td class="rule {finding.severity}">{_code(finding.code)}</td>'
    yield f'<td class="finding"><p>{_text(finding.message)}</p>'
    if len(finding.chain) > 1 and not outline.is_told_with_service(finding):
        yield f'<p class="small soft">{_way(finding.chain, finding.chain[-1].module)}</p>'
    yield "</td>"
    told = (
        "see above"
        if outline.is_told_with_service(finding)
        else "<br>".join(_text(line) for line in outline.fix_lines(finding))
    )
    yield f'<td class="fix">{told}</td></tr>'


def _skipped(report: Report) -> Iterator[str]:
    if not report.skipped:
        return
    yield '<section aria-labelledby="skipped"><h2 id="skipped">Skipped</h2><ul class="plain">'
    for one in report.skipped:
        fault = '<strong class="error">error:</strong> ' if one.broken else ""
        yield f"<li>{_code(outline.place(one))} {fault}{_text(one.reason)}</li>"
    yield "</ul></section>"
