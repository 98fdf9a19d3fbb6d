"""The strings that the names of a module hold, read from its source without running it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_nodes import last_name
from memguard_hooks.formats.python_source import NotPythonError, decode, parse

Text = tuple[str, int]
"""A string and its line."""

_UNREAD = "what its strings name for a framework is not followed:"

MAX_TEXTS = 2000
"""Strings of one name: lists may hold each other, and double at each line."""


def parse_module(data: bytes) -> ast.Module:
    """Return the syntax tree of a source. Raises MemguardError for what this Python cannot parse, and what is too large."""
    try:
        return parse(decode(data))
    except NotPythonError as error:
        raise MemguardError(f"{_UNREAD} this Python cannot parse it", None, error.line) from None
    except MemguardError as error:
        raise MemguardError(f"{_UNREAD} it {error.message}", None, error.line) from None


class Literals:
    """What the names of a module hold, as far as strings, lists and sums tell; branches for developers are left out."""

    def __init__(self, module: ast.Module) -> None:
        self._values: dict[str, list[Text]] = {}
        self._block(module.body)

    def get(self, name: str) -> list[Text]:
        """Return the strings of a name, nothing for one that is not known. Raises MemguardError for very many."""
        return _whole(self._values.get(name, []))

    def strings(self, node: ast.expr) -> list[Text]:
        """Return the strings of an expression of literals, sums and names, in order. Raises MemguardError for very many."""
        return _whole(self._strings(node))

    def _strings(self, node: ast.expr) -> list[Text]:
        found: list[Text] = []
        for here in flatten(node):
            if len(found) > MAX_TEXTS:
                break
            if isinstance(here, ast.Constant) and isinstance(here.value, str):
                found.append((here.value, here.lineno))
            elif isinstance(here, ast.Name):
                found += self._values.get(here.id, [])
        return found[: MAX_TEXTS + 1]

    def _block(self, statements: list[ast.stmt]) -> None:
        for node in statements:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._values[last_name(target)] = self._strings(node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self._values[last_name(node.target)] = self._strings(node.value)
            elif isinstance(node, ast.AugAssign):
                self._add(last_name(node.target), node.value)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                self._change(node.value)
            elif (isinstance(node, ast.If) and not _is_for_developers(node.test)) or isinstance(node, (ast.Try, ast.With)):
                self._block(node.body)

    def _change(self, call: ast.Call) -> None:
        """Follow `INSTALLED_APPS.append("x")`, `insert` and `extend`."""
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in ("append", "insert", "extend") and call.args:
            self._add(last_name(function.value), call.args[-1])

    def _add(self, name: str, node: ast.expr) -> None:
        self._values[name] = [*self._values.get(name, []), *self._strings(node)][: MAX_TEXTS + 1]


def _whole(found: list[Text]) -> list[Text]:
    if len(found) > MAX_TEXTS:
        raise MemguardError(f"{_UNREAD} it has a list of more than {MAX_TEXTS} texts", None, found[0][1])
    return found


def flatten(
    node: ast.expr,
    sums: type[ast.operator] = ast.operator,
    names: Mapping[str, ast.expr] = MappingProxyType({}),
    steps: Iterator[int] | None = None,
) -> Iterator[ast.expr | None]:
    """Yield what lists, tuples, sets and sums are made of, in order, and None where the steps are used up before the end.

    `sums` is the operator that makes a sum; `names` stand for their values, which may hold each other without an end.
    """
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if steps is not None and next(steps, None) is None:
            yield None
            return
        if isinstance(here, (ast.List, ast.Tuple, ast.Set)):
            waiting += reversed(here.elts)
        elif isinstance(here, ast.Starred):
            waiting.append(here.value)
        elif isinstance(here, ast.BinOp) and isinstance(here.op, sums):
            waiting += (here.right, here.left)
        elif isinstance(here, ast.Name) and here.id in names:
            waiting.append(names[here.id])
        else:
            yield here


def called(node: ast.AST) -> str:
    """Return the last name of the function that a call calls, the empty string for anything else."""
    return last_name(node.func) if isinstance(node, ast.Call) else ""


_OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def combine(operation: ast.operator, left: int, right: int) -> int | None:
    """Return the sum, the difference or the product of two numbers, None for any other operation."""
    function = _OPERATIONS.get(type(operation))
    return int(function(left, right)) if function is not None else None


def _is_for_developers(test: ast.expr) -> bool:
    """Return whether a condition asks for debugging or for tests, which a deployed app does without."""
    try:
        text = ast.unparse(test).upper()
    except RecursionError:
        return False
    return ("DEBUG" in text or "TEST" in text) and "NOT " not in text
