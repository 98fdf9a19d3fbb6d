"""Tables of functions that a file does nothing with but to look one up and to call it: `HANDLERS = {"start": start}`.

Who calls a function reads none of its annotations.
"""

from __future__ import annotations

import ast
from collections import Counter
from functools import cached_property

from memguard_hooks.formats.python_nodes import children, targets, walk
from memguard_hooks.imports.name_uses import FunctionNode, Use, find_uses
from memguard_hooks.relations import grouped

_OF_KEYS = frozenset({"enumerate", "frozenset", "len", "list", "set", "sorted", "tuple"})
"""Functions that take no more of a dictionary than its keys."""


class CallTables:
    """The tables of one file, and the functions in them."""

    def __init__(self, module: ast.Module) -> None:
        self._module = module
        self._only_called: dict[str, bool] = {}
        """The tables of which it is known whether functions are only looked up there."""

    def are_all_of(self, function: str) -> bool:
        """Return whether nothing but such tables has a function, besides calls."""
        uses = self._uses.get(function, ())
        others = [one.node for one in uses if one.node is None or not self._is_called(one.node)]
        tables = [None if one is None else self._in_tables.get(one) for one in others]
        return bool(uses) and all(one is not None and self._is_only_called(one) for one in tables)

    def of(self, function: str) -> list[str]:
        """Return the tables that have a function."""
        return list(dict.fromkeys(self._by_function.get(function, ())))

    @cached_property
    def _by_function(self) -> dict[str, list[str]]:
        return grouped((node.id, table) for node, table in self._in_tables.items())

    @cached_property
    def _uses(self) -> dict[str, list[Use]]:
        """The uses of tables, and of the functions in them."""
        names = {*self._by_function, *self._in_tables.values()}
        return grouped((one.name, one) for one in find_uses(self._module, names).uses)

    @cached_property
    def _in_tables(self) -> dict[ast.Name, str]:
        """The names in dictionaries that the module level gives a name once, and that name."""
        found: dict[str, list[ast.Name]] = {}
        for one in self._module.body:
            value, bound = getattr(one, "value", None), targets(one)
            if isinstance(value, ast.Dict) and len(bound) == 1 and isinstance(bound[0], ast.Name):
                found[bound[0].id] = [inner for inner in value.values if isinstance(inner, ast.Name)]
        number = Counter(one.name for one in find_uses(self._module, found).bindings)
        return {inner: table for table, values in found.items() if number[table] == 1 for inner in values}

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {inner: node for node in walk(self._module) for inner in children(node)}

    def _is_called(self, node: ast.AST) -> bool:
        above = self._parents[node]
        return isinstance(above, ast.Call) and above.func is node

    def _is_only_called(self, table: str) -> bool:
        """Return whether a file only looks up functions in a table that it calls, or asks for the keys."""
        if table not in self._only_called:
            self._only_called[table] = all(
                one.node is not None and self._is_looked_up(one.node, one.functions[-1] if one.functions else None)
                for one in self._uses.get(table, ())
            )
        return self._only_called[table]

    def _is_looked_up(self, node: ast.expr, function: FunctionNode | None) -> bool:
        above = self._parents[node]
        if isinstance(above, ast.Compare):
            return node in above.comparators and all(isinstance(one, (ast.In, ast.NotIn)) for one in above.ops)
        if isinstance(above, ast.Call):
            return node in above.args and isinstance(above.func, ast.Name) and above.func.id in _OF_KEYS
        if isinstance(above, (ast.For, ast.AsyncFor, ast.comprehension)):
            return above.iter is node
        found: ast.AST = above
        if isinstance(above, ast.Attribute):
            found = self._parents[above]
            if above.attr == "keys":
                return self._is_called(above)
            if above.attr != "get" or not isinstance(found, ast.Call) or found.func is not above:
                return False
        elif not isinstance(above, ast.Subscript) or above.value is not node or not isinstance(above.ctx, ast.Load):
            return False
        return self._is_called(found) or (function is not None and self._is_kept_to_be_called(found, function))

    def _is_kept_to_be_called(self, value: ast.AST, function: FunctionNode) -> bool:
        """Return whether a function gives a value a name, and does no more with that than to call it and to look for it."""
        statement = self._parents[value]
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        if not isinstance(target, ast.Name):
            return False
        name = target.id
        named = [one for one in walk(function) if isinstance(one, ast.Name) and one.id == name]
        is_shared = any(isinstance(one, (ast.Global, ast.Nonlocal)) and name in one.names for one in walk(function))
        return not is_shared and all(one is target or self._is_called_or_asked(one) for one in named)

    def _is_called_or_asked(self, node: ast.Name) -> bool:
        above = self._parents[node]
        is_asked = isinstance(above, (ast.If, ast.IfExp, ast.While)) and above.test is node
        is_asked |= isinstance(above, ast.UnaryOp) and isinstance(above.op, ast.Not)
        return is_asked or self._is_called(node) or (isinstance(above, ast.Compare) and above.left is node)
