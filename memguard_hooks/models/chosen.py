"""What the module for deployed apps decides as the app runs: `choose` and `load` take the first row of a table that fits.

The lightest row is what they fall back on, and a heavier one is taken only where it fits: so that row counts.
"""

from __future__ import annotations

import ast

from memguard_hooks.models.scopes import last_name
from memguard_hooks.models.values import ExternalValue, FunctionValue, Table, argument

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from memguard_hooks.models.scopes import NameScope
    from memguard_hooks.models.values import Value, Values

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
