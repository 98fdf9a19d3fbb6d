"""The picture of a process as an icicle: each package beside the lines that import it, as wide as it is large.

Sizes stay whole bytes, so that what lies in a field never sums to more than the field.
"""

from __future__ import annotations

from html import escape

from memguard_hooks.finding import Part, ServiceReport, mib, way
from memguard_hooks.output import visible
from memguard_hooks.record import Record
from memguard_hooks.report.text import name_part

HEATS = ((0.2, "heat4"), (0.08, "heat3"), (0.02, "heat2"))
"""From which share of a process a package is drawn in which color."""

ROW, LOWEST, HIGHEST = 26, 300, 760
"""Pixels of a chart's height: for each package, at least and at most."""


class Node(Record):
    """One field of the picture, in bytes: a service, a line that imports, or a package."""

    parent: int | None
    depth: int
    label: str
    size: int
    kind: str
    told: tuple[str, ...]


class Chart(Record):
    """The fields of one service, each after the one that it lies in."""

    number: int
    nodes: tuple[Node, ...]

    @property
    def height(self) -> int:
        """How high it is drawn, in pixels."""
        return min(max(LOWEST, sum(node.kind != "step" for node in self.nodes) * ROW), HIGHEST)

    def data(self) -> dict[str, object]:
        """Return what the script draws. What the pointer shows goes to plotly as it is, and plotly takes it for markup."""
        nodes = self.nodes
        return {
            "depth": max(node.depth for node in nodes) + 1,
            "id": f"chart-{self.number}",
            "ids": [str(number) for number in range(len(nodes))],
            "parents": ["" if node.parent is None else str(node.parent) for node in nodes],
            "names": [visible(node.label) for node in nodes],
            "values": [node.size for node in nodes],
            "sizes": [f"{mib(node.size)} MiB" for node in nodes],
            "hover": ["<br>".join(escape(visible(line), quote=False) for line in node.told) for node in nodes],
            "kinds": [node.kind for node in nodes],
        }


def is_drawn(service: ServiceReport) -> bool:
    """Return whether a service has parts to draw."""
    return any(part.resident > 0 for part in service.judged_parts)


def lay_out(number: int, service: ServiceReport) -> Chart:
    """Lay out one process: each package in the lines that lead to it, the largest first."""
    parts = [part for part in service.judged_parts if part.resident > 0]
    whole = sum(part.resident for part in parts)
    sizes: dict[tuple[str, ...], int] = {}
    for part in parts:
        for place in _places(part):
            sizes[place] = sizes.get(place, 0) + part.resident
    share = f"{mib(whole)} MiB in one process"
    nodes = [Node(None, 0, service.name, whole, "root", (service.name, share))]
    known: dict[tuple[str, ...], int] = {(): 0}

    def rank(part: Part) -> list[tuple[int, str]]:
        return [*((-sizes[place], place[-1]) for place in _places(part)), (-part.resident, part.package)]

    for part in sorted(parts, key=rank):
        parent = 0
        for step, place in zip(part.chain, _places(part), strict=True):
            if place not in known:
                known[place] = len(nodes)
                size = sizes[place]
                told = (place[-1], f"imports {step.module}", f"brings {mib(size)} MiB, {_percent(size, whole)}")
                nodes.append(Node(parent, len(place), place[-1], size, "step", told))
            parent = known[place]
        told = (
            name_part(part),
            f"{mib(part.resident)} MiB, {_percent(part.resident, whole)}; {mib(part.anonymous)} MiB anonymous",
            *((way(part.chain),) if part.chain else ()),
            f"{part.source}: {part.provenance}",
        )
        kind = _kind(part, whole)
        nodes.append(Node(parent, len(part.chain) + 1, name_part(part), part.resident, kind, told))
    return Chart(number, tuple(nodes))


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
