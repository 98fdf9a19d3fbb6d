"""Where in the source a node stands.

libcst's own positions cost twice what parsing costs, because they note every node. Nearly all that is
reported is an import statement, and each of these has exactly one `import` keyword, which the scan has
passed already: the first statement belongs to the first keyword, and so on. For anything else libcst is
asked about the one statement of the module that holds it; a statement that stands before it is only counted in lines.
"""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from memguard_hooks.formats.python_tokens import Span
from memguard_hooks.imports.syntax import is_import, statements
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from libcst.metadata import CodeRange

MAX_SEARCHES = 50
"""Nodes that are looked for one by one; where there are more, libcst is asked about the whole module."""


class _Part(Record):
    """One statement of the module, its code, and the lines before it."""

    node: cst.CSTNode
    code: str
    lines_before: int


class NodePlaces:
    """The positions of the nodes of one module, 1-based."""

    def __init__(self, module: cst.Module, imports: Sequence[Span]) -> None:
        self._module = module
        self._imports = imports
        self._parts_ranges: dict[cst.CSTNode, Mapping[cst.CSTNode, CodeRange]] = {}
        self._searches = 0

    def of(self, node: cst.CSTNode) -> Span:
        """Return where a node begins and on which line it ends."""
        known = self._statements.get(node)
        if known is not None:
            return known
        self._searches += 1
        found = self._search(node) if self._searches <= MAX_SEARCHES else None
        return found or _span(self._ranges[node], 0)

    def _search(self, node: cst.CSTNode) -> Span | None:
        """Ask about the statements whose code has that of the node."""
        code = self._module.code_for_node(node)
        for part in self._parts:
            if code in part.code:
                ranges = self._parts_ranges.get(part.node)
                if ranges is None:
                    alone = self._module.with_changes(header=(), body=[part.node], footer=())
                    ranges = self._parts_ranges[part.node] = _ranges(alone)
                if node in ranges:
                    return _span(ranges[node], part.lines_before)
        return None

    @cached_property
    def _statements(self) -> dict[cst.CSTNode, Span]:
        nodes = [node for node in statements(self._module) if is_import(node)]
        return dict(zip(nodes, self._imports, strict=True)) if len(nodes) == len(self._imports) else {}

    @cached_property
    def _parts(self) -> list[_Part]:
        found: list[_Part] = []
        lines = len(self._module.header)
        for node in self._module.body:
            code = self._module.code_for_node(node)
            found.append(_Part(node, code, lines))
            lines += code.count("\n")
        return found

    @cached_property
    def _ranges(self) -> Mapping[cst.CSTNode, CodeRange]:
        return _ranges(self._module)


def _ranges(module: cst.Module) -> Mapping[cst.CSTNode, CodeRange]:
    from libcst.metadata import MetadataWrapper, PositionProvider

    return MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)


def _span(place: CodeRange, lines_before: int) -> Span:
    return Span(place.start.line + lines_before, place.start.column + 1, place.end.line + lines_before)
