"""What libcst need not read of a file: the bodies of functions that import nothing and that nothing calls while it loads.

Parsing is most of what libcst costs. A function is called by its name, by Python itself where the name begins with two
underscores, or by a decorator of the file; so Python's own syntax tree tells what may be called, from the code outside of
all functions on. What stays keeps its line and its column, and libcst's answer is the same.
"""

from __future__ import annotations

import ast

from memguard_hooks.imports.known_calls import is_lazy_proxy
from memguard_hooks.imports.model import Target
from memguard_hooks.imports.plain_values import children, dotted, mentions, walk
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BY_CALL = ("import_module", "__import__", "runpy", "lazy_loader")
"""Names in files in which functions import by calls, under any name."""
_KEPT = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
"""Statements that import, or that bind what other functions may ask."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Function(Record):
    """A function that stands in no other: the names that its body mentions, and those that it binds outside of it.

    `may_import` tells whether it may import something, or bind something that others ask.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef
    names: frozenset[str]
    bound: frozenset[str]
    may_import: bool

    @property
    def is_special(self) -> bool:
        """Whether Python itself may call it."""
        return self.node.name.startswith("__")


def without_uncalled(text: str, module: ast.Module, target: Target) -> str:
    """Return a source text without the bodies of functions that tell nothing about imports."""
    if mentions(text, module, _BY_CALL):
        return text
    outside = list(_outside(module))
    functions = [_function(node) for node in outside if isinstance(node, _DEFINITIONS)]
    bound = {*_bound(outside), *(name for one in functions for name in one.bound)}
    waiting = {*_names(outside), *(part for name in target.called for part in name.split("."))}
    rest: dict[str, list[_Function]] = {}
    for one in functions:
        decorators = {name for part in one.node.decorator_list for name in _names(walk(part))}
        if one.is_special or not bound.isdisjoint(decorators):
            waiting |= one.names
        else:
            rest.setdefault(one.node.name, []).append(one)
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        for one in rest.pop(name, ()):
            waiting |= one.names - reached
    return _cut(text, (one.node for ones in rest.values() for one in ones if not one.may_import))


def without_unimporting(text: str, module: ast.Module) -> str:
    """Return a source text without the bodies of functions from which no import is reached by name.

    That is for a text that is too much for libcst otherwise: what these functions call in other files is not known then.
    """
    if mentions(text, module, _BY_CALL):
        return text
    outside = list(_outside(module))
    functions = [_function(node) for node in outside if isinstance(node, _DEFINITIONS)]
    classes = {node.name for node in outside if isinstance(node, ast.ClassDef)}
    callers: dict[str, list[_Function]] = {}
    for one in functions:
        for name in one.names:
            callers.setdefault(name, []).append(one)
    kept: set[int] = set()
    waiting = [one for one in functions if one.may_import]
    while waiting:
        one = waiting.pop()
        if id(one.node) not in kept:
            kept.add(id(one.node))
            # Each name is looked up once: its callers are kept then.
            waiting += callers.pop(one.node.name, ())
            for name in classes if one.is_special else ():
                waiting += callers.pop(name, ())
    return _cut(text, (one.node for one in functions if id(one.node) not in kept))


def _outside(module: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes that stand in no body of a function, the functions among them."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, _DEFINITIONS):
            waiting += [*node.decorator_list, node.args, *([node.returns] if node.returns is not None else [])]
        else:
            waiting.extend(children(node))


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> _Function:
    inside = [inner for statement in node.body for inner in walk(statement)]
    has_proxies = any(isinstance(one, ast.Call) and is_lazy_proxy(dotted(one.func), len(one.args)) for one in inside)
    kept = [one for one in inside if isinstance(one, _KEPT)]
    bound = frozenset(name for one in kept if isinstance(one, ast.Global) for name in one.names)
    return _Function(node, frozenset(_names(inside)), bound, has_proxies or bool(kept))


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that nodes mention."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that nodes bind to something of the file."""
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (*_DEFINITIONS, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node.attr


def _cut(text: str, functions: Iterable[ast.FunctionDef | ast.AsyncFunctionDef]) -> str:
    """Put `pass` and empty lines in the place of the bodies that begin a line."""
    lines = text.split("\n")
    for function in functions:
        first, last = function.body[0], function.body[-1]
        decorators: list[ast.expr] = getattr(first, "decorator_list", [])
        start = min([first.lineno, *(one.lineno for one in decorators)]) - 1
        end = last.end_lineno or last.lineno
        before = lines[start].encode()[: first.col_offset].decode()
        if not before.strip() or decorators:
            indent = before[: len(before) - len(before.lstrip())]
            lines[start:end] = [f"{indent}pass", *[""] * (end - start - 1)]
    return "\n".join(lines)
