"""Calls: what functions of the project return, and what some functions of others do."""

from __future__ import annotations

import ast
import posixpath

from memguard_hooks.models.chosen import is_runtime, lightest
from memguard_hooks.models.members import Members
from memguard_hooks.models.parameters import parameters_of
from memguard_hooks.models.values import (
    ANYTHING,
    BoundMethod,
    ClassValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    Made,
    Table,
    UnknownInCode,
    argument,
)

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.models.scopes import NameScope
    from memguard_hooks.models.values import Value, Values

_GETENV = frozenset({"os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault"})
_READERS = frozenset({"decouple.config", "decouple.AutoConfig", "decouple.Config", "environs.Env", "environs.Env.str",
                      "environ.Env", "environ.Env.str", "starlette.config.Config", "prettyconf.config"})  # fmt: skip
"""Calls that read a variable of the environment; those without an argument make what does."""

_SAME = frozenset({"str", "typing.cast", "pathlib.Path", "os.path.abspath", "os.path.realpath", "os.path.expanduser",
                   "os.path.expandvars", "pathlib.PurePath", "pathlib.PosixPath", "os.fspath"})  # fmt: skip
"""Calls that return what they are given."""

_CHOICES = frozenset({"selectbox", "radio", "select_slider"})
"""Last names of calls that let a visitor choose one of what they list."""


class Returns(Members):
    """Finds what calls return."""

    def _call(self, node: ast.Call, scope: NameScope) -> Iterator[Value]:
        for function in self._values(node.func, scope):
            if is_runtime(function, "choose"):
                yield from self._chosen(node, scope)
            elif isinstance(function, ExternalValue):
                yield from self._external(function.name, node, scope)
            elif isinstance(function, ClassValue):
                yield InstanceValue(function, node, scope)
            elif isinstance(function, FunctionValue):
                yield from self._returned(function, node, scope)
            elif isinstance(function, BoundMethod):
                yield from self._method(function, node, scope)
            else:
                yield function if isinstance(function, UnknownInCode) else ANYTHING

    def _chosen(self, node: ast.Call, scope: NameScope) -> Iterator[Value]:
        """Yield the name that is chosen where little is left."""
        tables = [one for one in self._values(argument(node, 0, ("options",)), scope) if isinstance(one, Table)]
        rows = [(row, table.scope) for table in tables for row in lightest(table) if row.elts]
        for row, around in rows:
            yield from self._values(row.elts[0], around)
        if not rows:
            yield ANYTHING

    def _external(self, name: str, node: ast.Call, scope: NameScope) -> Iterator[Value]:
        first = node.args[0] if node.args else None
        last = name.rpartition(".")[2]
        if name in _GETENV or name in _READERS:
            keys = self._values(first, scope) if first is not None else ()
            default = argument(node, 1, ("default",))
            if first is None:
                yield Made(name, node, scope)
            for key in keys:
                yield from self._variable(key, default, scope)
        elif name in _SAME and node.args:
            yield from self._path(
                [self._values(one, scope) for one in (node.args[-1:] if name == "typing.cast" else node.args)]
            )
        elif name in ("os.path.join", "posixpath.join"):
            yield from self._path([self._values(one, scope) for one in node.args])
        elif name == "os.path.dirname":
            yield from (posixpath.dirname(one) if isinstance(one, str) else one for one in self._values(first, scope))
        elif name in ("open", "io.open", "builtins.open") and first is not None:
            yield from self._values(first, scope)
        elif name == "importlib.import_module" and first is not None:
            yield from (ExternalValue(one) if isinstance(one, str) else ANYTHING for one in self._values(first, scope))
        elif name in ("dict", "builtins.dict") and node.keywords and not node.args:
            names: list[ast.expr | None] = [
                ast.Constant(keyword.arg) for keyword in node.keywords if keyword.arg is not None
            ]
            is_plain = len(names) == len(node.keywords)
            yield Table(ast.Dict(names, [keyword.value for keyword in node.keywords]), scope) if is_plain else ANYTHING
        elif last in _CHOICES and len(node.args) > 1:
            for table in self._values(node.args[1], scope):
                yield from self._items(table, ()) if isinstance(table, Table) else (ANYTHING,)
        elif name in ("getattr", "builtins.getattr") and len(node.args) >= 2:
            for base in self._values(first, scope):
                for attribute in self._values(node.args[1], scope):
                    yield from self._attribute(base, str(attribute), scope)
            yield from self._values(node.args[2], scope) if len(node.args) > 2 else ()
        else:
            yield Made(name, node, scope)

    def _method(self, bound: BoundMethod, node: ast.Call, scope: NameScope) -> Iterator[Value]:
        """Yield what a method of a string, a path or a table gives."""
        base, name = bound.base, bound.name
        if isinstance(base, str):
            arguments = [self._values(one, scope) for one in node.args]
            plain = [values[0] for values in arguments if len(values) == 1 and isinstance(values[0], str)]
            if name in ("lower", "upper", "strip", "title") and not node.args:
                yield str(getattr(base, name)())
            elif name in ("resolve", "absolute", "expanduser", "as_posix", "format") and not node.args and not node.keywords:
                yield base
            elif name == "joinpath":
                yield from self._path([(base,), *arguments])
            elif name in ("replace", "removeprefix", "removesuffix", "strip", "rstrip") and len(plain) == len(arguments):
                yield str(getattr(base, name)(*plain))
            elif name == "format" and not node.keywords and base.count("{}") == len(arguments):
                pieces = base.split("{}")
                woven: list[Values] = [(pieces[0],)]
                for values, piece in zip(arguments, pieces[1:], strict=True):
                    woven += [values, (piece,)]
                yield from self._joined(woven)
            else:
                yield ANYTHING
        elif isinstance(base, Table) and name == "get" and node.args and isinstance(base.node, ast.Dict):
            found = tuple(self._items(base, self._values(node.args[0], scope)))
            yield from (value for value in found if value != ANYTHING or len(node.args) < 2)
            is_there = len(found) == 1 and found != (ANYTHING,)
            yield from self._values(node.args[1], scope) if len(node.args) > 1 and not is_there else ()
        else:
            yield ANYTHING

    def _returned(self, function: FunctionValue, node: ast.Call | None, scope: NameScope) -> Iterator[Value]:
        """Yield what a function of the project returns to a call of it."""
        inner = function.scope.inner.get(function.node)
        if inner is None:
            yield ANYTHING
            return
        given = self._arguments(inner, node, scope, 1 if function.owner is not None else 0) if node is not None else {}
        if function.owner is not None:
            first = parameters_of(inner)[:1]
            given.update(dict.fromkeys(first, (function.owner,)))
        with self._frame(inner, given):
            found = tuple(
                value for returned, conditions in inner.returns if self._hold(conditions) is not False
                for value in self._values(returned, inner)
            )  # fmt: skip
        yield from found or (None,)
