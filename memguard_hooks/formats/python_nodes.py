"""The nodes of a syntax tree, faster than by `ast.walk`: contexts of names are a third of all, and are left out."""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator
else:
    import _ast as ast  # its nodes alone: the module takes as long to load as a file takes to parse


_SCALARS = frozenset({
    "ctx", "id", "attr", "arg", "asname", "module", "level", "type_comment", "kind", "simple", "is_async", "conversion",
    "rest", "kwd_attrs", "str", "tag",
})  # fmt: skip
"""Fields that hold no node, or the context of a name."""

_SCALARS_OF = {"Constant": "value", "MatchSingleton": "value", "Global": "names", "Nonlocal": "names", "TypeAlias": ""}
"""The field of a class that holds no node there; of all others it is `name`."""

_GAPPED = frozenset({ast.Dict, ast.arguments})
"""What has lists in which something may be missing."""


class _Fields(dict[type, tuple[str, ...]]):
    """The fields of each class of nodes that may hold nodes."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        own = _SCALARS_OF.get(kind.__name__, "name")
        found = self[kind] = tuple(name for name in kind._fields if name not in _SCALARS and name != own)
        return found


_FIELDS = _Fields()

IN_PIECES = frozenset({"streamlit"})
"""Packages whose calls return several objects that are alike: columns, tabs."""


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below a node, as `ast.iter_child_nodes` does, without the context of a name."""
    found: list[ast.AST] = []
    for name in _FIELDS[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += value
        elif value is not None:
            found.append(value)
    return found if node.__class__ not in _GAPPED else list(filter(None, found))


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, the nearest first, as `ast.walk` does, without the contexts of names."""
    found = [node]
    for one in found:  # which grows
        if _FIELDS[one.__class__]:
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


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters of a function: by place, by keyword, and those that take the rest."""
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    return [one for one in every if one is not None]


def targets(statement: ast.AST) -> list[ast.expr]:
    """Return what a statement assigns to, annotates or adds to; nothing for any other."""
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) else []


def text_of(node: ast.AST | None) -> str | None:
    """Return the text that a node is, None for any other."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts_in(nodes: Iterable[ast.AST | None]) -> list[str]:
    """Return the texts among some nodes."""
    return [text for node in nodes if (text := text_of(node)) is not None]


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """Return what a call is given by names."""
    return {one.arg: one.value for one in call.keywords if one.arg}


def is_property(function: ast.AST) -> bool:
    """Return whether a method is read as an attribute."""
    return any(last_name(one) in ("property", "cached_property") for one in getattr(function, "decorator_list", ()))


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
