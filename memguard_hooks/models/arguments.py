"""Arguments: what a call gives by place, by name, and behind stars."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from memguard_hooks.models.environment import Environment
from memguard_hooks.models.scopes import NameScope
from memguard_hooks.models.values import ANYTHING, Table, Value, Values, argument
from memguard_hooks.record import TypeGuard


class CallArguments(Environment):
    """Finds what calls are given."""

    def _passed(self, call: ast.Call, position: int, names: Sequence[str], scope: NameScope) -> tuple[Values, bool]:
        """Return what a call may give for an argument, and whether it gives it for certain."""
        node = argument(call, position, names)
        if node is not None:
            return self._values(node, scope), True
        found, is_sure = self._behind_star(call, position, scope)
        for one in call.keywords if not is_sure else ():
            if one.arg is None:
                values, is_given = self._behind_stars(one.value, names, scope)
                found, is_sure = (*found, *values), is_sure or is_given
        return tuple(dict.fromkeys(found)), is_sure

    def _behind_star(self, call: ast.Call, position: int, scope: NameScope) -> tuple[Values, bool]:
        """Return what the first list behind a star gives for a place, and whether it reaches so far for certain."""
        place = next((number for number, one in enumerate(call.args) if isinstance(one, ast.Starred)), None)
        if place is None or position < place:
            return (), False
        found: list[Value] = []
        reaches: list[bool] = []
        for table in self._values(call.args[place], scope):
            if not isinstance(table, Table) or not _is_plain(table.node) or len(call.args) > place + 1:
                return (ANYTHING,), False
            elements = table.node.elts
            reaches.append(position - place < len(elements))
            found += self._values(elements[position - place], table.scope) if reaches[-1] else ()
        return tuple(found), bool(reaches) and all(reaches)

    def _behind_stars(self, node: ast.expr, names: Sequence[str], scope: NameScope) -> tuple[Values, bool]:
        """Return what mappings behind two stars give for an argument, and whether each of them does for certain."""
        found: list[Value] = []
        answers: list[bool] = []
        for table in self._values(node, scope):
            if not isinstance(table, Table):
                return (ANYTHING,), False
            under = [self._under(table, name) for name in names]
            found += [value for values, _ in under for value in values]
            answers.append(any(is_sure for _, is_sure in under))
        return tuple(found), bool(answers) and all(answers)

    def _rest_of(self, inner: NameScope, call: ast.Call, scope: NameScope, skipped: int) -> Iterator[tuple[str, Values]]:
        """Yield what `*args` and `**kwargs` of a function hold as a call gives them, by their names."""
        signature = inner.node.args if isinstance(inner.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) else None
        if signature is None:
            return
        places = max(len(signature.posonlyargs) + len(signature.args) - skipped, 0)
        if signature.vararg is not None:
            yield signature.vararg.arg, self._behind_places(call, places, scope)
        key = ("rest", inner.node, call)
        if signature.kwarg is not None and key not in self._answered:
            named = {one.arg for one in (*signature.posonlyargs, *signature.args, *signature.kwonlyargs)}
            others = [one for one in call.keywords if one.arg not in named]
            keys: list[ast.expr | None] = [None if one.arg is None else ast.Constant(one.arg) for one in others]
            self._answered[key] = ast.Dict(keys, [one.value for one in others])
        if signature.kwarg is not None:
            yield signature.kwarg.arg, (Table(self._answered[key], scope),)

    def _behind_places(self, call: ast.Call, places: int, scope: NameScope) -> Values:
        """Return the lists that a call may give behind the first places, also where a star gives some of these."""
        star = next((number for number, one in enumerate(call.args[:places]) if isinstance(one, ast.Starred)), None)
        if star is None:
            return (self._cut(call, call.args, places, scope),)
        found: list[Value] = []
        for table in self._values(call.args[star], scope) if len(call.args) == star + 1 else (ANYTHING,):
            if not isinstance(table, Table) or not _is_plain(table.node):
                return (ANYTHING,)
            found.append(self._cut(table.node, table.node.elts, places - star, table.scope))
        return tuple(found)

    def _cut(self, owner: ast.AST, elements: Sequence[ast.expr], places: int, scope: NameScope) -> Table:
        """Return what stands behind the first places, the same list for whoever asks."""
        key = ("cut", owner, places)
        if key not in self._answered:
            self._answered[key] = ast.Tuple([*elements[places:]], ast.Load())
        return Table(self._answered[key], scope)

    def _under(self, table: Table, key: Value) -> tuple[list[Value], bool]:
        raise NotImplementedError


def _is_plain(node: ast.expr) -> TypeGuard[ast.List | ast.Tuple | ast.Set]:
    """Return whether a table is a list of which each place is known."""
    if not isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return False
    return not any(isinstance(one, ast.Starred) for one in node.elts)
