"""The nodes of a syntax tree, faster than by `ast.walk`: contexts of names are a third of all, and are left out."""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator
else:
    import _ast as ast  # its nodes alone: the module takes as long to load as a file takes to parse


_LEAVES = frozenset({ast.Name, ast.Constant, ast.alias})
"""What has nothing below it but a context: more than half of all nodes."""


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
        if one.__class__ not in _LEAVES:
            found += children(one)
        yield one


def outside_functions(block: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of a block, without those of the functions and classes that it defines."""
    waiting = list(block)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += children(node)


def last_name(node: ast.AST) -> str:
    """Return the last name of a dotted expression, `b` of `a().b`, the empty string for any other."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` of names and attributes, the empty string for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*parts, node.id][::-1]) if isinstance(node, ast.Name) else ""
