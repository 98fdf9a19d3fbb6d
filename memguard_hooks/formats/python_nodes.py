"""The nodes of a syntax tree, faster than by `ast.walk`: contexts of names are a third of all, and are left out."""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator
else:
    import _ast as ast  # its nodes alone: the module takes as long to load as a file takes to parse


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below a node, as `ast.iter_child_nodes` does, without the context of a name."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None) if name != "ctx" else None
        if isinstance(value, ast.AST):
            found.append(value)
        elif value.__class__ is list:
            found += [one for one in value if isinstance(one, ast.AST)]
    return found


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, the nearest first, as `ast.walk` does, without the contexts of names."""
    found = [node]
    for one in found:  # which grows
        found += children(one)
        yield one
