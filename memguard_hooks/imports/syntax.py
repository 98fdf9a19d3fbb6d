"""Small questions about libcst nodes, answered without recursion."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator

import libcst as cst

_NO_CODE = frozenset({"__slots__", "leading_lines", "header", "footer", "lines_after_decorators", "trailing_whitespace",
                      "lpar", "rpar", "semicolon", "comma", "operator", "equal", "lbracket", "rbracket",
                      "lbrace", "rbrace", "dot", "colon", "arrow", "asynchronous"})  # fmt: skip
_NO_NODES = frozenset({str, bool, type(None), cst.MaybeSentinel})
"""What fields hold beside nodes; asking whether something is a node is slow, because libcst's classes are abstract."""
_FIELDS: dict[type[cst.CSTNode], tuple[str, ...]] = {}
_MAX_LITERAL = 200
"""No module has a longer name."""


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the parts of a node that hold code, in order; far cheaper than libcst's own `children`."""
    kind = type(node)
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(n for n in kind.__dataclass_fields__ if not n.startswith("whitespace") and n not in _NO_CODE)
        _FIELDS[kind] = names
    for name in names:
        value = getattr(node, name)
        if isinstance(value, (list, tuple)):
            yield from value
        elif type(value) not in _NO_NODES:
            yield value


def statements(block: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield all statements of a block and of the blocks in it, functions and classes too, in source order."""
    waiting = [block]
    while waiting:
        node = waiting.pop()
        if _is_a(node, _STATEMENTS):
            yield node
        if not _is_a(node, _SMALL):
            waiting.extend(reversed([child for child in children(node) if _is_a(child, _HOLDERS)]))


_SMALL = (cst.BaseSmallStatement,)
_STATEMENTS = (cst.BaseStatement, cst.BaseSmallStatement)
_HOLDERS = (*_STATEMENTS, cst.BaseSuite, cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler, cst.MatchCase)
_KINDS: dict[tuple[type[cst.CSTNode], tuple[type[cst.CSTNode], ...]], bool] = {}


def _is_a(node: cst.CSTNode, kinds: tuple[type[cst.CSTNode], ...]) -> bool:
    key = type(node), kinds
    known = _KINDS.get(key)
    if known is None:
        known = _KINDS[key] = isinstance(node, kinds)
    return known


def is_import(node: cst.CSTNode) -> bool:
    """Return whether a node is an import statement of any kind."""
    return isinstance(node, (cst.Import, cst.ImportFrom, cst.LazyImport, cst.LazyImportFrom))


def dotted(node: cst.CSTNode | None) -> str | None:
    """Return `a.b.c` of names and attributes, None for anything else."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    parts.append(node.value)
    return normal(".".join(reversed(parts)))


def normal(name: str) -> str:
    """Return an identifier as Python compares it."""
    return name if name.isascii() else unicodedata.normalize("NFKC", name)


def literal(node: cst.CSTNode) -> str | None:
    """Return the text of a string literal, also of several in a row; None for what is long or has fields."""
    text = ""
    while isinstance(node, cst.ConcatenatedString):
        part = _simple(node.left)
        if part is None:
            return None
        text += part
        node = node.right
    part = _simple(node)
    return None if part is None else text + part


def _simple(node: cst.CSTNode) -> str | None:
    if not isinstance(node, cst.SimpleString) or len(node.value) > _MAX_LITERAL or "b" in node.prefix:
        return None
    if "\\" not in node.value or "r" in node.prefix:
        return node.raw_value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that Python does not know, which are the author's
        value = node.evaluated_value
    return value if isinstance(value, str) else None


def integer(node: cst.CSTNode | None) -> int | None:
    """Return the value of a number such as a version has, None for anything else."""
    return int(node.value, 0) if isinstance(node, cst.Integer) and len(node.value) < 10 else None


def parameters(node: cst.Parameters) -> Iterator[cst.Param]:
    """Yield all parameters of a function, in order."""
    yield from (*node.posonly_params, *node.params)
    if isinstance(node.star_arg, cst.Param):
        yield node.star_arg
    yield from node.kwonly_params
    if node.star_kwarg is not None:
        yield node.star_kwarg


def is_generator(node: cst.FunctionDef) -> bool:
    """Return whether calling a function only makes a generator."""
    waiting: list[cst.CSTNode] = [node.body]
    while waiting:
        here = waiting.pop()
        if isinstance(here, cst.Yield):
            return True
        if not isinstance(here, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            waiting.extend(children(here))
    return False


def mentions(node: cst.CSTNode, names: frozenset[str]) -> bool:
    """Return whether one of the names stands anywhere in the code of a node."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, cst.Name) and here.value in names:
            return True
        waiting.extend(children(here))
    return False
