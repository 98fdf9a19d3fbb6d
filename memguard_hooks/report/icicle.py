"""The picture of a process as an icicle: each package beside the lines that import it, as high as it is large.

It is SVG by itself: fields have their places in shares of the whole, so that a page of any width shows them, and whoever
runs no script sees all of it. `page/icicle.js` zooms by writing other shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from memguard_hooks.finding import Part, ServiceReport, mib, way
from memguard_hooks.output import visible
from memguard_hooks.record import Record
from memguard_hooks.report.text import name_part

HEATS = ((0.2, "heat4"), (0.08, "heat3"), (0.02, "heat2"))
"""From which share of a process a package is drawn in which color."""

ROW, LOWEST, HIGHEST = 26, 300, 760
"""Pixels of a chart's height: for each package, at least and at most."""

LINE = 15
"""Pixels that a field needs for its label."""

SHOWN, MOST_COLUMNS = 0.9, 8
"""The share of a process that must lie in packages which are seen at first, and the columns that there may be for it."""

OF_PACKAGES = 0.4
"""The share of the width that the last column has: the lines that import share the rest."""


class Node(Record):
    """One field of the picture: lines that import, or a package; `top` and `size` are bytes, of all from the top."""

    parent: int | None
    depth: int
    label: str
    size: int
    top: int
    kind: str
    told: tuple[str, ...]

    @property
    def short(self) -> str:
        """The label where there is little room: a file without its folders, a package without its version."""
        return self.label.rpartition("/")[2] if self.kind == "step" else self.label.partition(" ")[0]


class Chart(Record):
    """The fields of one service, each after the one that it lies in."""

    number: int
    whole: int
    nodes: tuple[Node, ...]

    @property
    def height(self) -> int:
        """How high it is drawn, in pixels."""
        return min(max(LOWEST, sum(node.kind != "step" for node in self.nodes) * ROW), HIGHEST)

    @property
    def columns(self) -> int:
        """How many columns it opens with: as many as it takes to see the packages."""
        seen = 0
        by_depth: dict[int, int] = {}
        for node in self.nodes:
            by_depth[node.depth] = by_depth.get(node.depth, 0) + (node.size if node.kind != "step" else 0)
        for depth in sorted(by_depth):
            seen += by_depth[depth]
            if seen >= SHOWN * self.whole or depth + 1 == MOST_COLUMNS:
                return depth + 1
        return 1

    def draw(self, labeled_by: str) -> Iterator[str]:
        """Yield the lines of the picture."""
        yield (
            f'<svg class="chart" id="chart-{self.number}" role="group" aria-labelledby="{labeled_by}" width="100%" '
            f'height="{self.height}" data-whole="{self.whole}" data-columns="{self.columns}">'
        )
        yield from (self._field(node) for node in self.nodes)
        yield "</svg>"

    def _field(self, node: Node) -> str:
        left, width = _across(node.depth, self.columns, is_leaf=node.kind != "step")
        is_low = node.size * self.height < LINE * self.whole
        parent = "" if node.parent is None else node.parent
        size = mib(node.size)
        return (
            f'<svg class="field {node.kind}{" low" if is_low else ""}" x="{left}%" y="{_percents(node.top, self.whole)}%" '
            f'width="{width}%" height="{_percents(node.size, self.whole)}%" data-parent="{parent}" '
            f'data-depth="{node.depth}" data-top="{node.top}" data-size="{node.size}" '
            f'aria-label="{_text(node.label)}, {size} MiB">'
            f"<title>{'&#10;'.join(map(_text, node.told))}</title>"
            f'<rect width="100%" height="100%"/><text class="size" x="34" y="1.15em">{size}</text>'
            f'<text class="long" x="40" y="1.15em">{_in_order(node.label)}</text>'
            f'<text class="short" x="40" y="1.15em">{_in_order(node.short)}</text></svg>'
        )


def _across(depth: int, columns: int, *, is_leaf: bool) -> tuple[float, float]:
    """Return where a column begins, and how wide a field in it is, in hundredths: packages go on to the right end."""
    step = 100 * (1 - OF_PACKAGES) / (columns - 1) if columns > 1 else 100.0
    left = round(depth * step, 3)
    return left, round(100 - left if is_leaf and left < 100 else step, 3)


def _percents(size: int, whole: int) -> float:
    return round(100 * size / whole, 4)


def _in_order(label: str) -> str:
    """Write a label whose folders stand before their files, also where their names run right to left."""
    return _text(label) if label.isascii() else _text(label).replace("/", "/&#8206;")


def _text(text: str) -> str:
    return escape(visible(text))


def is_drawn(service: ServiceReport) -> bool:
    """Return whether a service has parts to draw."""
    return any(part.resident > 0 for part in service.judged_parts)


def lay_out(chart: int, service: ServiceReport) -> Chart:
    """Lay out one process: each package in the lines that lead to it, the largest first.

    Lines that lead to the same alone are one field.
    """
    parts = [part for part in service.judged_parts if part.resident > 0]
    whole = sum(part.resident for part in parts)
    sizes: dict[tuple[str, ...], int] = {}
    for part in parts:
        for place in _places(part):
            sizes[place] = sizes.get(place, 0) + part.resident

    def rank(part: Part) -> list[tuple[int, str]]:
        return [*((-sizes[place], place[-1]) for place in _places(part)), (-part.resident, part.package)]

    nodes: list[Node] = []
    known: dict[tuple[str, ...], int] = {}
    top = 0
    for part in sorted(parts, key=rank):
        parent: int | None = None
        labels: list[str] = []
        places = _places(part)
        for number, (step, place) in enumerate(zip(part.chain, places, strict=True), 1):
            labels.append(place[-1])
            if place in known:
                parent, labels = known[place], []
            elif number == len(places) or sizes[places[number]] != sizes[place]:
                known[place] = len(nodes)
                size = sizes[place]
                told = (" → ".join(labels), f"imports {step.module}", f"brings {mib(size)} MiB, {_percent(size, whole)}")
                depth = 0 if parent is None else nodes[parent].depth + 1
                nodes.append(Node(parent, depth, " → ".join(labels), size, top, "step", told))
                parent, labels = known[place], []
        told = (
            name_part(part),
            f"{mib(part.resident)} MiB, {_percent(part.resident, whole)}; {mib(part.anonymous)} MiB anonymous",
            *((way(part.chain),) if part.chain else ()),
            f"{part.source}: {part.provenance}",
        )
        depth = 0 if parent is None else nodes[parent].depth + 1
        nodes.append(Node(parent, depth, name_part(part), part.resident, top, _kind(part, whole), told))
        top += part.resident
    return Chart(chart, whole, tuple(nodes))


def _places(part: Part) -> list[tuple[str, ...]]:
    """Return for each step the way up to it: what it lies in on the picture."""
    places = [f"{step.path}:{step.line}" for step in part.chain]
    return [tuple(places[: number + 1]) for number in range(len(places))]


def _kind(part: Part, whole: int) -> str:
    if part.package == "(first-party)":
        return "code"
    if part.package in {"python", "(standard library)"}:
        return "base"
    return next((heat for least, heat in HEATS if part.resident >= least * whole), "heat1")


def _percent(size: int, whole: int) -> str:
    return f"{size / whole:.0%}" if size >= 0.01 * whole else "less than 1%"
