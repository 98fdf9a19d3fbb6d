"""Settings that a framework fills: Flask's `config`, Django's `settings`, and those of Dynaconf and Hydra."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator

from memguard_hooks.formats.python_nodes import texts_in
from memguard_hooks.models.members import OF_MAPPINGS, PACKED, Members
from memguard_hooks.models.scopes import Binding, CallInScope, NameScope, last_name
from memguard_hooks.models.values import (
    ANYTHING,
    BoundMethod,
    ClassValue,
    ExternalValue,
    InstanceValue,
    Made,
    ModuleValue,
    Table,
    UnknownInCode,
    Value,
    Values,
    argument,
)
from memguard_hooks.tree import join

FLASK = frozenset({"flask.Flask.config", "flask.current_app.config", "quart.Quart.config", "quart.current_app.config"})
"""What holds the settings of a web app under their keys."""

SESSION = "streamlit.session_state"
"""What streamlit keeps for each visitor, under keys or as attributes."""

DJANGO = ExternalValue("django.conf.settings")

DYNACONF = frozenset({"dynaconf.Dynaconf", "dynaconf.LazySettings"})

_HYDRA = "hydra.main"

_UNREAD = ("from_envvar", "from_file", "from_json", "from_prefixed_env")
"""Methods of Flask's `config` that read what is not followed."""

_CONFIG = (".config[", ".config.", ".config |", "config.from_")
"""How code that fills Flask's `config` names it: the word alone stands in half of the files of many apps."""

_DJANGO_SETTINGS = "DJANGO_SETTINGS_MODULE"

MAX_PARENTS = 5
"""Classes above one of settings, each above the last, in which a name is looked for."""


class FrameworkSettings(Members):
    """Finds what stands in the settings of frameworks."""

    def _attribute(self, base: Value, name: str, scope: NameScope) -> Iterator[Value]:
        if base == DJANGO:
            found = self._django(name, scope)
            unknown = UnknownInCode(
                f"Django's settings lack {name}" if found is not None else "no settings of Django are found"
            )
            yield from found or (unknown,)
        elif base == ExternalValue(SESSION) and name not in OF_MAPPINGS:
            yield from self._session(name) or (ANYTHING,)
        elif isinstance(base, Made) and base.name in DYNACONF:
            yield from (BoundMethod(base, name),) if name == "get" else self._dynaconf(base, name)
        else:
            yield from super()._attribute(base, name, scope)

    # Flask

    def _flask(self, key: Value) -> Values:
        """Return what an app's settings may hold under a key: of several sources, which one wins is not asked."""
        if not isinstance(key, str):
            return (ANYTHING,)
        found = [value for one in self._naming(*_CONFIG) for value in self._flask_in(one, key)]
        return tuple(dict.fromkeys(found))

    def _flask_in(self, module: NameScope, key: str) -> Iterator[Value]:
        """Yield what one file puts under a key of an app's settings."""
        for change in module.changes:
            if self._has_spent():
                yield ANYTHING
                return
            if change.name.endswith(".config") and self._hold(change.conditions) is not False:
                yield from self._put(change.key, change.value, change.scope, key)
        for call in module.calls_by_name("from_object"):
            for source in self._values(argument(call.node, 0, ("obj",)), call.scope) if self._fills(call) else ():
                yield from self._of_object(source, key, call.scope)
        for call in module.calls_by_name("from_mapping"):
            if self._fills(call):
                yield from (value for one in call.node.args for value in self._put(None, one, call.scope, key))
                yield from (
                    value for one in call.node.keywords if one.arg == key for value in self._values(one.value, call.scope)
                )
        for call in module.calls_by_name("from_pyfile"):
            for path in self._values(argument(call.node, 0, ("filename",)), call.scope) if self._fills(call) else ():
                yield from self._of_file(path, key, call)
        for name in _UNREAD:
            yield from (ANYTHING for call in module.calls_by_name(name) if self._fills(call))

    def _fills(self, call: CallInScope) -> bool:
        """Return whether a call is one of a method of `config`, and may run in production."""
        function = call.node.func
        return isinstance(function, ast.Attribute) and last_name(function.value) == "config" \
            and self._hold(call.conditions) is not False  # fmt: skip

    def _put(self, name: ast.expr | None, value: ast.expr | None, scope: NameScope, key: str) -> Values:
        """Return what is put under a key by one assignment, or by a whole table."""
        if name is not None:
            is_it = key in self._values(name, scope)
            return () if not is_it else (ANYTHING,) if value is None else self._values(value, scope)
        tables = [one for one in self._values(value, scope) if isinstance(one, Table)]
        return tuple(inner for one in tables if self._has(one, key) for inner in self._items(one, (key,)))

    def _of_object(self, source: Value, key: str, scope: NameScope) -> Iterator[Value]:
        """Yield what a class, an instance or a module has under a name, or what the dotted name of one has."""
        if isinstance(source, str):
            module, _, name = source.rpartition(".")
            whole, outer = self._located(source, scope), self._located(module, scope) if module else None
            if whole is not None:
                yield from self._of_module(whole, key)
            elif outer is not None and name in outer.bindings:
                for one in self._bound(outer.bindings[name]):
                    yield from self._of_object(one, key, scope)
            else:
                yield ANYTHING
        elif isinstance(source, ModuleValue):
            inner = self.module(source.path) if source.path is not None else None
            yield from self._of_module(inner, key) if inner is not None else (ANYTHING,)
        elif isinstance(source, (ClassValue, InstanceValue)):
            kind = source if isinstance(source, ClassValue) else source.kind
            yield from self._attribute(source, key, scope) if self._declares(kind, key) else ()
        elif isinstance(source, UnknownInCode):
            yield source

    def _declares(self, kind: ClassValue, name: str, depth: int = 0) -> bool:
        """Return whether a class or one of its parents in the project has a name."""
        if name in kind.scope.bindings or name in kind.scope.attributes:
            return True
        parents = [one for node in kind.node.bases for one in self._values(node, kind.scope.parent or kind.scope)]
        return depth < MAX_PARENTS and any(
            isinstance(one, ClassValue) and self._declares(one, name, depth + 1) for one in parents
        )

    def _located(self, module: str, scope: NameScope) -> NameScope | None:
        path = self._sources.locate(module, 0, scope.path)
        return self.module(path) if path else None

    def _of_module(self, module: NameScope, name: str) -> Iterator[Value]:
        """Yield what a module has under a name: its own, or from a module that it takes all names of."""
        if name in module.bindings:
            yield from self._bound(module.bindings[name])
        else:
            yield from (value for one in self._stars(module) for value in self._imported(one, name))

    def _of_file(self, path: Value, key: str, call: CallInScope) -> Iterator[Value]:
        """Yield what a file of settings has under a name, which lies beside the app, in its root, or in `instance`."""
        if not isinstance(path, str):
            yield ANYTHING
            return
        here = posixpath.dirname(call.scope.path)
        for folder in (here, "", posixpath.join(here, "instance"), "instance"):
            inner = join(folder, path)
            module = self.module(inner) if inner is not None else None
            if module is not None:
                yield from self._of_module(module, key)
                return
        silent = argument(call.node, 1, ("silent",))
        if silent is None or self._values(silent, call.scope) != (True,):
            yield UnknownInCode(f"{path} is not in the repository")

    # Streamlit

    def _session(self, key: Value) -> Values:
        """Return what code or a widget may put under a key of a visitor's session, or as its attribute."""
        if not isinstance(key, str):
            return (ANYTHING,)
        found = [value for one in self._naming("session_state") for value in self._session_in(one, key)]
        return tuple(dict.fromkeys(found))

    def _session_in(self, module: NameScope, key: str) -> Iterator[Value]:
        for change in module.changes:
            if self._has_spent():
                yield ANYTHING
                return
            if change.name.rpartition(".")[2] == "session_state" and self._hold(change.conditions) is not False:
                yield from self._put(change.key, change.value, change.scope, key)
        for node, call in self._kept_in(module).get(key, ()):
            if self._has_spent():
                yield ANYTHING
                return
            if self._hold(call.conditions) is not False:
                yield from (ANYTHING if isinstance(one, Made) else one for one in self._values(node, call.scope))

    def _kept_in(self, module: NameScope) -> dict[str, list[tuple[ast.expr, CallInScope]]]:
        """Return what a module assigns to attributes of the session, its defaults, and its widgets, by their keys."""
        known = self._kept.get(module)
        if known is None:
            known = self._kept[module] = {}
            for call in module.settings:
                target = call.node.func
                if isinstance(target, ast.Attribute) and last_name(target.value) == "session_state":
                    known.setdefault(target.attr, []).append((call.node.args[0], call))
            for call in module.calls:
                function, given = call.node.func, call.node.args
                if isinstance(function, ast.Attribute) and last_name(function.value) == "session_state":
                    if function.attr == "setdefault" and len(given) == 2 and isinstance(given[0], ast.Constant):
                        known.setdefault(str(given[0].value), []).append((given[1], call))
                    continue
                named = argument(call.node, -1, ("key",))
                if isinstance(named, ast.Constant) and isinstance(named.value, str):
                    known.setdefault(named.value, []).append((call.node, call))
        return known

    # Django

    def _asked(self, base: Value, name: str, default: ast.expr | None, scope: NameScope) -> Iterator[Value]:
        """Yield what `getattr` gives: the default only where it may be that there is nothing of that name."""
        is_packed = base == ExternalValue("sys") and f"sys.{name}" in PACKED
        found = self._django(name, scope) if base == DJANGO else () if is_packed else None
        if not found and default is not None:
            yield from self._values(default, scope)
        if found is None or found or default is None:
            yield from found or self._attribute(base, name, scope)

    def _django(self, name: str, scope: NameScope) -> Values | None:
        """Return what Django's settings have under a name, nothing where they lack it, None for settings nobody finds."""
        modules = [one for path in self._django_modules() if (one := self._located(path, scope)) is not None]
        if not modules:
            return None
        return tuple(dict.fromkeys(value for one in modules for value in self._of_module(one, name)))

    def _django_modules(self) -> list[str]:
        """Return the modules of settings: what the deployment sets, or what code sets where it does not."""
        given = self._around.environment.get(_DJANGO_SETTINGS)
        if given:
            return [given]
        found: list[str] = []
        for module in self._naming(_DJANGO_SETTINGS):
            for call in module.calls_by_name("setdefault"):
                if len(call.node.args) == 2 and _DJANGO_SETTINGS in self._values(call.node.args[0], call.scope):
                    found += [one for one in self._values(call.node.args[1], call.scope) if isinstance(one, str)]
        return list(dict.fromkeys(found))

    # Dynaconf

    def _dynaconf(self, made: Made, name: str) -> Iterator[Value]:
        """Yield what files of settings have under a name in letters of any case, or what a variable gives instead."""
        prefix = argument(made.call, -1, ("envvar_prefix",))
        names = self._values(prefix, made.scope) if prefix is not None else ("DYNACONF",)
        for one in names:
            variable = f"{one}_{name}".upper()
            if variable in self._around.environment:
                yield self._around.environment[variable]
                return
        files = argument(made.call, -1, ("settings_files", "settings_file"))
        paths = [
            path for one in self._values(files, made.scope)
            for path in (self._items(one, ()) if isinstance(one, Table) else (one,))
        ]  # fmt: skip
        found: list[Value] = []
        for path in paths:
            table = self._document(path, _form(path), made.scope)
            for section in self._sections_of(table):
                found = [value for key in _keys(section, name) for value in self._items(section, (key,))] or found
        yield from found or [ANYTHING]

    def _sections_of(self, table: Value) -> Iterator[Table]:
        """Yield a document, and those parts of it that are for all environments and for production."""
        if isinstance(table, Table):
            yield table
            for key in [*_keys(table, "default"), *_keys(table, "production")]:
                yield from (one for one in self._items(table, (key,)) if isinstance(one, Table))

    # Hydra

    def _hydra(self, scope: NameScope) -> Values:
        """Return what a function is given that Hydra starts: its document, with one of each group."""
        for decorator in getattr(scope.node, "decorator_list", ()):
            outer = scope.parent or scope
            if not isinstance(decorator, ast.Call) or ExternalValue(_HYDRA) not in self._values(decorator.func, outer):
                continue
            folder = self._values(argument(decorator, 0, ("config_path",)), outer)
            name = self._values(argument(decorator, 1, ("config_name",)), outer)
            if len(folder) == len(name) == 1 and isinstance(folder[0], str) and isinstance(name[0], str):
                composed = self._composed(folder[0], name[0].removesuffix(".yaml"), outer)
                return (Table(composed, outer),) if composed is not None else (ANYTHING,)
        return ()

    def _composed(self, folder: str, name: str, scope: NameScope) -> ast.Dict | None:
        """Return a document with what its list of defaults names, None where the command puts something in its place."""
        table = self._document(posixpath.join(folder, f"{name}.yaml"), "yaml", scope)
        if not isinstance(table, Table) or not isinstance(table.node, ast.Dict):
            return None
        if any("=" in one and not one.startswith("-") for one in self._around.arguments):
            return None
        keys, values = list(table.node.keys), list(table.node.values)
        own = {one.value for one in keys if isinstance(one, ast.Constant)}
        for group, chosen in _groups(table.node):
            inner = self._document(posixpath.join(folder, group, f"{chosen}.yaml"), "yaml", scope)
            if group in own or not isinstance(inner, Table):
                return None
            keys.append(ast.Constant(group))
            values.append(inner.node)
        return ast.Dict(keys, values)

    def _has_spent(self) -> bool:
        raise NotImplementedError

    def _document(self, path: Value, form: str, scope: NameScope) -> Value:
        raise NotImplementedError

    def _stars(self, module: NameScope) -> tuple[Binding, ...]:
        raise NotImplementedError

    def _imported(self, binding: Binding, starred: str = "") -> Iterator[Value]:
        raise NotImplementedError


def _form(path: Value) -> str:
    """Return the format of a document by its name."""
    ending = posixpath.splitext(str(path))[1]
    return {".toml": "toml", ".json": "json", ".ini": "ini"}.get(ending, "yaml")


def _keys(table: Table, name: str) -> list[str]:
    """Return the keys of a mapping that are a name in letters of any case."""
    keys = table.node.keys if isinstance(table.node, ast.Dict) else ()
    texts = texts_in(keys)
    return [one for one in texts if one.lower() == name.lower()]


def _groups(node: ast.Dict) -> Iterator[tuple[str, str]]:
    """Yield the groups that a document of Hydra composes, and which one of each."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == "defaults" and isinstance(value, ast.List):
            for one in value.elts:
                for group, chosen in zip(one.keys, one.values, strict=True) if isinstance(one, ast.Dict) else ():
                    if isinstance(group, ast.Constant) and isinstance(chosen, ast.Constant):
                        yield str(group.value), str(chosen.value)
