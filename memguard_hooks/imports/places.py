"""Where in the source a node stands.

libcst's own positions cost twice what parsing costs, because they note every node. Nearly all that is
reported is an import statement, and each of these has exactly one `import` keyword, which the scan has
passed already: the first statement belongs to the first keyword, and so on. Anything else is asked of
libcst.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from memguard_hooks.imports.scan import Span
from memguard_hooks.imports.syntax import is_import, statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from libcst.metadata import CodeRange


class Places:
    """The positions of the nodes of one module, 1-based."""

    def __init__(self, module: cst.Module, imports: Sequence[Span]) -> None:
        self._module = module
        self._imports = imports

    def of(self, node: cst.CSTNode) -> Span:
        """Return where a node begins and on which line it ends."""
        known = self._statements.get(node)
        if known is not None:
            return known
        place = self._ranges[node]
        return Span(place.start.line, place.start.column + 1, place.end.line)

    @cached_property
    def _statements(self) -> dict[cst.CSTNode, Span]:
        nodes = [node for node in statements(self._module) if is_import(node)]
        return dict(zip(nodes, self._imports, strict=True)) if len(nodes) == len(self._imports) else {}

    @cached_property
    def _ranges(self) -> Mapping[cst.CSTNode, CodeRange]:
        from libcst.metadata import MetadataWrapper, PositionProvider

        return MetadataWrapper(self._module, unsafe_skip_copy=True).resolve(PositionProvider)
