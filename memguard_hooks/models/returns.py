"""Calls: what functions of the project return, and what some functions of others do."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator
from string import Formatter

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_nodes import keywords
from memguard_hooks.models.chosen import is_runtime, lightest
from memguard_hooks.models.documents import DOCUMENTS, FORMATS
from memguard_hooks.models.documents import read as read_document
from memguard_hooks.models.frameworks import DYNACONF, FLASK, SESSION, FrameworkSettings
from memguard_hooks.models.parameters import parameters_of
from memguard_hooks.models.scopes import NameScope, last_name
from memguard_hooks.models.values import (
    ANYTHING,
    BoundMethod,
    ClassValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    Made,
    Missing,
    Table,
    UnknownInCode,
    Value,
    Values,
    argument,
)

_GETENV = frozenset({
    "os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault", "streamlit.secrets.get",
})  # fmt: skip
_READERS = frozenset({"decouple.config", "decouple.AutoConfig", "decouple.Config", "environs.Env", "environs.Env.str",
                      "environ.Env", "environ.Env.str", "starlette.config.Config", "prettyconf.config"})  # fmt: skip
"""Calls that read a variable of the environment; those without an argument make what does."""

_SAME = frozenset({"str", "typing.cast", "pathlib.Path", "os.path.abspath", "os.path.realpath", "os.path.expanduser",
                   "os.path.expandvars", "pathlib.PurePath", "pathlib.PosixPath", "os.fspath"})  # fmt: skip
"""Calls that return what they are given."""

_DOWNLOADS = frozenset({"huggingface_hub.hf_hub_download", "huggingface_hub.snapshot_download",
                        "huggingface_hub.file_download.hf_hub_download"})  # fmt: skip
"""Calls that return where a model of the hub lies: it stands for the model."""

_MAPPINGS = frozenset({"dict", "builtins.dict", "types.SimpleNamespace", "omegaconf.OmegaConf.create", "box.Box",
                       "easydict.EasyDict", "munch.Munch", "addict.Dict"})  # fmt: skip
"""Calls that make a mapping, or what has its keys for attributes, of keywords or of another mapping."""

_CUT = {"replace": 2, "removeprefix": 1, "removesuffix": 1, "strip": 1, "rstrip": 1}
"""Methods of texts that give another text, and how many texts they take."""

_LISTS = frozenset({"list", "tuple", "builtins.list", "builtins.tuple"})
"""Calls that list what they are given in its order."""

_CHOICES = frozenset({"selectbox", "radio", "select_slider"})
"""Last names of calls that let a visitor choose one of what they list."""


class Returns(FrameworkSettings):
    """Finds what calls return."""

    def _call(self, node: ast.Call, scope: NameScope) -> Iterator[Value]:
        for function in self._values(node.func, scope):
            if is_runtime(function, "choose"):
                yield from self._chosen(node, scope)
            elif isinstance(function, ExternalValue) or (isinstance(function, Made) and function.name in _READERS):
                yield from self._external(function.name, node, scope, is_made=isinstance(function, Made))
            elif isinstance(function, ClassValue):
                yield InstanceValue(function, node, scope)
            elif isinstance(function, FunctionValue):
                yield from self._returned(function, node, scope)
            elif isinstance(function, InstanceValue) and isinstance(node.func, ast.Name) and node.func.id == "cls":
                yield InstanceValue(function.kind, node, scope)
            elif isinstance(function, BoundMethod):
                yield from self._method(function, node, scope)
            else:
                yield function if isinstance(function, UnknownInCode) else ANYTHING
                if last_name(node.func) == "get" and len(node.args) == 2:  # what a mapping that nobody knows may lack
                    yield from self._values(node.args[1], scope)

    def _chosen(self, node: ast.Call, scope: NameScope) -> Iterator[Value]:
        """Yield the name that is chosen where little is left."""
        tables = [one for one in self._values(argument(node, 0, ("options",)), scope) if isinstance(one, Table)]
        rows = [(row, table.scope) for table in tables for row in lightest(table) if row.elts]
        for row, around in rows:
            yield from self._values(row.elts[0], around)
        if not rows:
            yield ANYTHING

    def _external(self, name: str, node: ast.Call, scope: NameScope, *, is_made: bool = False) -> Iterator[Value]:
        """Yield what a function of others returns, or what it made returns when that is called."""
        first = node.args[0] if node.args else None
        last = name.rpartition(".")[2]
        if name in _READERS and not is_made and last[0].isupper():
            yield Made(name, node, scope)
        elif name in _GETENV or name in _READERS:
            default = argument(node, 1, ("default",))
            for key in self._values(first, scope):
                yield from self._variable(key, default, scope)
        elif name in _SAME and node.args:
            yield from self._path(
                [self._values(one, scope) for one in (node.args[-1:] if name == "typing.cast" else node.args)]
            )
        elif name in ("os.path.join", "posixpath.join"):
            yield from self._path([self._values(one, scope) for one in node.args])
        elif name == "os.path.dirname":
            yield from (posixpath.dirname(one) or "." if isinstance(one, str) else one for one in self._values(first, scope))
        elif last == "__new__":  # of `super()` and `object`: what the class makes, before anything fills it
            for one in self._values(first, scope):
                kind = one.kind if isinstance(one, InstanceValue) else one
                yield InstanceValue(kind, None, scope) if isinstance(kind, ClassValue) else ANYTHING
        elif name in ("os.getcwd", "pathlib.Path.cwd"):
            yield "."
        elif name in ("open", "io.open", "builtins.open") and first is not None:
            yield from self._values(first, scope)
        elif name in _DOWNLOADS:
            yield from self._values(argument(node, 0, ("repo_id",)), scope)
        elif name in ("os.path.exists", "os.path.isfile") and first is not None:
            yield from (True if self._is_there(one, scope) else ANYTHING for one in self._values(first, scope))
        elif name in FORMATS and first is not None:
            for value in self._values(first, scope):
                yield self._document(value, FORMATS[name], scope)
        elif name == "importlib.import_module" and first is not None:
            yield from (ExternalValue(one) if isinstance(one, str) else ANYTHING for one in self._values(first, scope))
        elif name in _MAPPINGS and node.keywords and not node.args:
            names: list[ast.expr | None] = [None if one.arg is None else ast.Constant(one.arg) for one in node.keywords]
            yield Table(ast.Dict(names, [one.value for one in node.keywords]), scope)
        elif name in _MAPPINGS and len(node.args) == 1 and not node.keywords:
            yield from (one if isinstance(one, Table) else ANYTHING for one in self._values(first, scope))
        elif name in ("vars", "builtins.vars") and len(node.args) == 1:
            yield from (one if isinstance(one, Made) else ANYTHING for one in self._values(first, scope))
        elif name in _LISTS and len(node.args) == 1:
            yield from (listed(one) or Made(name, node, scope) for one in self._values(first, scope))
        elif last in _CHOICES and len(node.args) > 1:
            for table in self._values(node.args[1], scope):
                yield from self._items(table, ()) if isinstance(table, Table) else (ANYTHING,)
        elif name in ("getattr", "builtins.getattr") and len(node.args) >= 2:
            for base in self._values(first, scope):
                for attribute in self._values(node.args[1], scope):
                    yield from self._asked(base, str(attribute), argument(node, 2, ()), scope)
        elif name == f"{SESSION}.get" and first is not None:
            yield from [value for key in self._values(first, scope) for value in self._session(key)]
            yield from self._values(node.args[1], scope) if len(node.args) > 1 else (None,)
        elif name.removesuffix(".get") in FLASK and last == "get" and first is not None:
            found = [value for key in self._values(first, scope) for value in self._flask(key)]
            yield from found or (self._values(node.args[1], scope) if len(node.args) > 1 else (None,))
        else:
            yield Made(name, node, scope)

    def _method(self, bound: BoundMethod, node: ast.Call, scope: NameScope) -> Iterator[Value]:
        """Yield what a method of a string, a path or a table gives."""
        base, name = bound.base, bound.name
        if isinstance(base, str):
            arguments = [self._values(one, scope) for one in node.args]
            plain = [values[0] for values in arguments if len(values) == 1 and isinstance(values[0], str)]
            if name in ("lower", "upper", "strip", "rstrip", "title") and not node.args:
                yield str(getattr(base, name)())
            elif name in ("resolve", "absolute", "expanduser", "as_posix", "format") and not node.args and not node.keywords:
                yield base
            elif name == "joinpath":
                yield from self._path([(base,), *arguments])
            elif len(plain) == len(node.args) == _CUT.get(name, -1) and not node.keywords:
                yield str(getattr(base, name)(*plain))
            elif name == "split":
                yield self._split(base, node, scope)
            elif name in ("open", "read", "read_text", "read_bytes"):
                yield base
            elif name in ("exists", "is_file"):
                yield True if self._is_there(base, scope) else ANYTHING
            elif name == "format":
                yield from self._filled(base, node, scope)
            else:
                yield ANYTHING
        elif isinstance(base, Made) and base.name in DYNACONF and node.args:
            yield from (value for key in self._values(node.args[0], scope) for value in self._dynaconf(base, str(key)))
        elif isinstance(base, Made) and len(node.args) > 1:  # `get` of what has sections
            options = [
                one for table in self._sections(base) for one in self._items(table, self._values(node.args[0], scope))
            ]
            found = tuple(
                value
                for one in options
                for value in (self._items(one, self._values(node.args[1], scope)) if isinstance(one, Table) else (one,))
            )
            fallback = argument(node, -1, ("fallback",))
            is_there = bool(found) and ANYTHING not in found
            yield from (value for value in found if fallback is None or value != ANYTHING)
            yield from self._values(fallback, scope) if fallback is not None and not is_there else ()
            yield from () if found or fallback is not None else (ANYTHING,)
        elif isinstance(base, Table) and name in ("keys", "values") and not node.args:
            yield listed(base, name) or ANYTHING
        elif isinstance(base, Table) and name == "get" and node.args and isinstance(base.node, ast.Dict):
            found = tuple(self._items(base, self._values(node.args[0], scope)))
            found = (None,) if found == (ANYTHING,) and len(node.args) == 1 and self._is_written_out(base) else found
            yield from (value for value in found if value != ANYTHING or len(node.args) < 2)
            is_there = len(found) == 1 and found != (ANYTHING,)
            yield from self._values(node.args[1], scope) if len(node.args) > 1 and not is_there else ()
        else:
            yield ANYTHING

    def _split(self, text: str, node: ast.Call, scope: NameScope) -> Value:
        """Return the pieces of a text, where it is known at what it is split, and how often."""
        given = [self._passed(node, place, (name,), scope) for place, name in enumerate(("sep", "maxsplit"))]
        (at, *others), (most, *counts) = [
            values if is_sure else (*values, default) for (values, is_sure), default in zip(given, (None, -1), strict=True)
        ]
        is_separator = at is None or (isinstance(at, str) and at != "")
        if others or counts or not is_separator or not isinstance(most, int):
            return ANYTHING
        assert at is None or isinstance(at, str)
        return Table(ast.List([ast.Constant(one) for one in text.split(at, most)], ast.Load()), scope)

    def _filled(self, text: str, node: ast.Call, scope: NameScope) -> Iterator[Value]:
        """Yield what a text is with its fields filled in by `format`."""
        given = keywords(node)
        given.update((str(number), one) for number, one in enumerate(node.args))
        woven: list[Values] = []
        number = 0
        try:
            for before, field, form, conversion in Formatter().parse(text):
                woven.append((before,))
                if field is None:
                    continue
                name, number = (field, number) if field else (str(number), number + 1)
                is_plain = not form and conversion is None and name in given
                woven.append(self._values(given[name], scope) if is_plain else (ANYTHING,))
        except ValueError:
            woven.append((ANYTHING,))
        yield from self._joined(woven)

    def _sections(self, parser: Made) -> Iterator[Table]:
        """Yield what the files hold that a parser of sections reads."""
        for call in parser.scope.module.calls:
            function = call.node.func
            if not isinstance(function, ast.Attribute) or function.attr != "read" or not call.node.args:
                continue
            if not any(
                isinstance(one, Made) and one.call is parser.call for one in self._values(function.value, call.scope)
            ):
                continue
            for path in self._values(call.node.args[0], call.scope):
                found = self._document(path, "ini", call.scope)
                if isinstance(found, Table):
                    yield found

    def _document(self, path: Value, form: str, scope: NameScope) -> Value:
        """Return what a document of the repository holds, that lies at a path from its root or beside the code."""
        data = self._file(path, scope)
        found = None if data is None else read_document(data, str(path), form)
        if isinstance(found, (ast.Dict, ast.List)):
            return Table(found, scope)
        return path if isinstance(path, (UnknownInCode, Missing)) else ANYTHING

    def _is_there(self, path: Value, scope: NameScope) -> bool:
        """Return whether the repository has a document; others are not looked for, as they may be large."""
        return isinstance(path, str) and path.endswith(DOCUMENTS) and self._file(path, scope) is not None

    def _file(self, path: Value, scope: NameScope) -> bytes | None:
        if not isinstance(path, str) or not path or path.startswith("/"):
            return None
        for one in (path, f"{posixpath.dirname(scope.path)}/{path}".lstrip("/")):
            plain = posixpath.normpath(one)
            try:
                data = self._sources.read(plain) if not plain.startswith("..") else None
            except MemguardError:
                return None
            if data is not None:
                return data
        return None

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


def listed(value: Value, view: str = "keys") -> Table | None:
    """Return a list of what a table holds, of a mapping its keys or its values; None where no order is written out."""
    if not isinstance(value, Table) or value.changes or isinstance(value.node, ast.Set):
        return None
    if not isinstance(value.node, ast.Dict):
        return value
    found = [one for one in (value.node.keys if view == "keys" else value.node.values) if one is not None]
    is_whole = len(found) == len(value.node.keys) and None not in value.node.keys
    return Table(ast.List(found, ast.Load()), value.scope) if is_whole else None
