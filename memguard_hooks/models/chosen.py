"""What tables leave to be chosen: entries of which code picks one, and rows of the module for deployed apps.

`choose` and `load` of that take the first row of a table that fits. The lightest row is what they fall back on, and a
heavier one is taken only where it fits: so that row counts.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from memguard_hooks.models.scopes import CallInScope, NameScope, last_name
from memguard_hooks.models.values import ExternalValue, FunctionValue, Made, Table, Value, Values, argument
from memguard_hooks.relations import grouped

INSTALLED, COPY = "memguard_hooks.runtime", "memguard_runtime"
"""The module by its own name, and by the name of its copy."""


def is_runtime(function: Value, name: str) -> bool:
    """Return whether a value is a function of the module, or of its copy."""
    if isinstance(function, ExternalValue):
        module, _, last = function.name.rpartition(".")
        return last == name and (module == INSTALLED or module.rpartition(".")[2] == COPY)
    if not isinstance(function, FunctionValue) or function.scope.path.rpartition("/")[2] != f"{COPY}.py":
        return False
    return getattr(function.node, "name", "") == name


def lightest(table: Table) -> list[ast.Tuple]:
    """Return the row with the least MiB; all rows where one of these is no plain number."""
    sizes = {row: _mib(row) for row in _rows(table)}
    known = [size for size in sizes.values() if size is not None]
    return [row for row, size in sizes.items() if len(known) < len(sizes) or size == min(known)]


def not_picked(
    values: Callable[[ast.expr, NameScope], Values], naming: Callable[[str], Iterable[NameScope]], module: NameScope
) -> Iterator[ast.AST]:
    """Yield what stands in those entries of a module's tables of functions that no call picks: `LOADERS["small"]()`."""
    picking = grouped((_table_of(call), call) for call in module.calls_by_name(""))
    mentions = Counter(one.id for one in ast.walk(module.node) if isinstance(one, ast.Name)) if picking else {}
    for name, picks in picking.items():
        tables = [one.node for one in module.bindings.get(name, ()) if isinstance(one.node, ast.Dict)]
        if len(tables) != 1 or mentions[name] != len(picks) + 1 or len(list(naming(name))) > 1:
            continue  # others may ask it for more
        picked = {_called(value) for call in picks for value in values(call.node.func, call.scope)}
        kept = [one for one in tables[0].values if not picked.isdisjoint(ast.walk(one))]
        if kept and None not in picked:
            yield from (node for one in tables[0].values if one not in kept for node in ast.walk(one))


def _table_of(call: CallInScope) -> str:
    """Return the name of the table that a call takes its function from by a key, the empty string for other calls."""
    node: ast.expr = call.node.func
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) and node is not call.node.func else ""


def _called(value: Value) -> ast.AST | None:
    """Return what stands where a value was made that is called, None where nobody knows."""
    return value.node if isinstance(value, FunctionValue) else value.call if isinstance(value, Made) else None


def _rows(table: Table) -> list[ast.Tuple]:
    return [] if isinstance(table.node, ast.Dict) else [one for one in table.node.elts if isinstance(one, ast.Tuple)]


def _mib(row: ast.Tuple) -> float | None:
    value = row.elts[1].value if len(row.elts) > 1 and isinstance(row.elts[1], ast.Constant) else None
    return value if isinstance(value, (int, float)) else None


def passed_over(values: Callable[[ast.expr, NameScope], Values], module: NameScope) -> Iterator[ast.AST]:
    """Yield what stands in those functions that `load` is given for heavier models; `values` says what expressions are."""
    for call in module.calls:
        given = argument(call.node, 0, ("options",)) if last_name(call.node) == "load" else None
        if given is not None and any(is_runtime(one, "load") for one in values(call.node.func, call.scope)):
            tables = [one for one in values(given, call.scope) if isinstance(one, Table)]
            kept = [row for table in tables for row in lightest(table)]
            for table in tables:
                for row in _rows(table):
                    yield from ast.walk(row) if row not in kept else ()
