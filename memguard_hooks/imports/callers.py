"""Which ways of a choice the calls of its function take, in the files that a service loads.

`make(kind)` takes one branch for each call: where a call gives what is known, that one, and where several give the same that
nobody knows, the same one. Whatever else may call the function leaves all ways open: who takes it by name, a framework, a
loop, and a request that decides.
"""

from __future__ import annotations

import ast
from functools import cached_property, lru_cache

from memguard_hooks.formats.python_nodes import keywords, last_name, parameters, targets, walk
from memguard_hooks.imports.module_nodes import HOLDERS, LOOPS, MAX_CALLS, with_holders
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.model import Choice
    from memguard_hooks.imports.sources import SourceFiles

    Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
    Key: TypeAlias = "tuple[str, ...]"

MAX_HANDED = 3
"""Functions that hand on what decides, from one to the next."""

_HARMLESS = frozenset(
    {"asynccontextmanager", "cache", "cached", "classmethod", "contextmanager", "lru_cache", "staticmethod"}
)
"""Decorators that leave a function to those who call it."""

_SETTINGS = frozenset({"cfg", "conf", "config", "env", "environ", "getenv", "setting", "settings"})
"""Words in the names of what holds as long as a process runs; so do names of constants."""

_KINDS = frozenset({"bool", "int", "len", "os", "str"})

_STEADY = _SETTINGS | _KINDS | {"dict", "get", "lower", "strip", "upper"}
"""Words in the names of functions that give the same for the same, or as long as a process runs."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Ways(Record):
    """The ways that calls are known to take, and those of which all other calls take the same one."""

    known: tuple[str, ...]
    unknown: tuple[str, ...]


class _Use(Record):
    """A place that names a function: the call, None for one that hands it on, and what holds it, from the outside."""

    path: str
    call: ast.Call | None
    holders: tuple[ast.AST, ...]

    @property
    def function(self) -> Function | None:
        """The innermost function that holds it."""
        return next((one for one in reversed(self.holders) if isinstance(one, _FUNCTIONS)), None)

    @property
    def is_in_loop(self) -> bool:
        """Whether it runs again and again in one run of its function."""
        inner = self.holders[::-1]
        until = next((at for at, one in enumerate(inner) if isinstance(one, _FUNCTIONS)), len(inner))
        return any(isinstance(one, LOOPS) for one in inner[:until])


class Callers:
    """The calls of functions in some files."""

    def __init__(self, sources: SourceFiles, chooser: Chooser, paths: Sequence[str]) -> None:
        self._sources = sources
        self._chooser = chooser
        self._paths = paths
        self._uses: dict[str, tuple[_Use, ...] | None] = {}
        self._sources_of: dict[tuple[Function | None, frozenset[str], int], Key | None] = {}

    def ways(self, path: str, choice: Choice, *, is_served: bool) -> Ways | None:
        """Return the ways that the calls of the function take that holds a choice, None where they are not known.

        Where it `is_served`, by one request after the other, only settings stay the same.
        """
        holders = self._holders(path, self._chooser.line_of(path, choice))
        function = _innermost(holders)
        if function is None:
            return None
        names = {one.id for way in choice.ways for one in _names(way.test)}
        decides = _parameters_behind(function, names)
        calls = self._calls(function, holders)
        if calls is None or not decides:
            return None
        known: dict[str, None] = {}
        unknown: dict[str, None] = {}
        keys: set[Key] = set()
        for use, call in calls:
            taken = self._chooser.by_call(path, choice, use.path, call)
            if len(taken) == 1:
                known[taken[0]] = None
                continue
            key = self._key(use, call, function, holders, decides, MAX_HANDED)
            if key is None or len(keys | {key}) > 1 or (is_served and not _are_settings(use, key)):
                return None
            keys.add(key)
            unknown.update(dict.fromkeys(taken))
        return Ways(tuple(known), tuple(unknown))

    def is_setting(self, path: str, choice: Choice) -> bool:
        """Return whether settings alone decide a choice, and no request."""
        function = _innermost(self._holders(path, self._chooser.line_of(path, choice)))
        tests = [_parsed(way.test) for way in choice.ways if way.test]
        return all(test is not None and is_setting(test, function) for test in tests)

    def is_error(self, path: str, choice: Choice, name: str) -> bool:
        """Return whether a way of a choice raises an error: it is no way that a service runs by."""
        way = next(one for one in choice.ways if one.name == name)
        if not name:
            return choice.is_item
        if way.test:
            return False
        line = self._sources.places(path).numbers()[way.place]
        first: ast.stmt | None = next(reversed(self._holders(path, line)), None)
        if isinstance(first, ast.Match):
            first = next((case.body[0] for case in first.cases if case.pattern.lineno == line), None)
        return isinstance(first, ast.Raise)

    def call_at(self, path: str, line: int, column: int) -> ast.Call | None:
        """Return the call that begins at a place of a file."""
        holders = self._holders(path, line)
        here = (one for one in (walk(holders[-1]) if holders else ()) if isinstance(one, ast.Call) and one.lineno == line)
        return next((one for one in here if one.col_offset + 1 == column), None)

    def is_alike(self, path: str, call: ast.Call, *, is_served: bool) -> bool:
        """Return whether a call in a file gives the same each time that it runs."""
        use = _Use(path, call, _around(self._holders(path, call.lineno), call))
        given = (*call.args, *(one.value for one in call.keywords))
        if is_served and not all(is_setting(one, use.function) for one in given):
            return False
        return not use.is_in_loop and self._source(use, given, MAX_HANDED) is not None

    def _holders(self, path: str, line: int) -> list[ast.stmt]:
        return self._chooser.holding(path, line)

    def _calls(self, function: Function, holders: Sequence[ast.AST]) -> list[tuple[_Use, ast.Call]] | None:
        """Return the calls of a function, None where others may call it too, or nobody is seen to."""
        if any(_last(one) not in _HARMLESS for one in function.decorator_list):
            return None
        name = function.name
        if name in ("__init__", "__new__"):
            name = next((one.name for one in reversed(holders) if isinstance(one, ast.ClassDef)), name)
            if _makes_itself(holders):
                return None
        uses = self._uses_of(name)
        calls = [(use, use.call) for use in uses or () if use.call is not None]
        return calls if uses is not None and len(calls) == len(uses) and calls else None

    def _uses_of(self, name: str) -> tuple[_Use, ...] | None:
        """Return what names a function in all files, None where it is too much."""
        if name not in self._uses:
            self._uses[name] = self._find_uses(name)
        return self._uses[name]

    def _find_uses(self, name: str) -> tuple[_Use, ...] | None:
        found: list[_Use] = []
        for path in self._paths:
            if name.encode() in self._sources.data(path):
                nodes = self._chooser.nodes(path)
                if nodes is None or len(found) > MAX_CALLS:
                    return None
                found += (_Use(path, *use) for use in nodes.uses_of(name, self._defined))
        return tuple(found) if len(found) <= MAX_CALLS else None

    @cached_property
    def _defined(self) -> frozenset[str]:
        """The names of the functions and classes of all files: what is looked for in each of these at once."""
        found = [self._sources.functions(path) for path in self._paths]
        names = [one.name for each in found for one in each.bodies] + [one.name for each in found for one in each.classes]
        return frozenset(part for name in names for part in name.split("."))

    def _key(
        self, use: _Use, call: ast.Call, function: Function, holders: Sequence[ast.AST], decides: frozenset[str], left: int
    ) -> Key | None:
        """Return what a call gives to the parameters that decide, as it is written; None where it may be anything."""
        listed = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        is_method = len(holders) > 1 and any(isinstance(one, ast.ClassDef) for one in holders)
        own = listed[0] if is_method and listed and "staticmethod" not in map(_last, function.decorator_list) else ""
        given = keywords(call)
        is_starred = any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords)
        if use.is_in_loop or (is_starred and not given.keys() >= decides - {own}):
            return None
        if not is_starred:
            given |= dict(zip(listed[bool(own) :], call.args, strict=False))
        if own in decides and function.name not in ("__init__", "__new__") and not self._is_one_instance(holders, left):
            return None
        asked = sorted(decides - {own})
        texts = [ast.unparse(given[name]) if name in given else "" for name in asked]
        source = self._source(use, [given[name] for name in asked if name in given], left)
        return None if source is None else (*texts, *source)

    def _is_one_instance(self, holders: Sequence[ast.AST], left: int) -> bool:
        """Return whether all instances of a class are made in one way."""
        holder = next((one for one in reversed(holders) if isinstance(one, ast.ClassDef)), None)
        if holder is None or not left:
            return False
        uses = self._uses_of(holder.name)
        keys = {self._made(use, left - 1) for use in uses or ()}
        return uses is not None and len(keys) == 1 and None not in keys

    def _made(self, use: _Use, left: int) -> Key | None:
        if use.call is None or use.is_in_loop:
            return None
        given = (*use.call.args, *(one.value for one in use.call.keywords))
        source = self._source(use, given, left)
        return None if source is None else (*map(ast.unparse, given), *source)

    def _source(self, use: _Use, given: Sequence[ast.expr], left: int) -> Key | None:
        """Return where the names of what is given come from: nothing, or the function that alone hands them on.

        None where what is given may be something else each time that it is asked.
        """
        names = frozenset(name.id for one in given for name in walk(one) if isinstance(name, ast.Name))
        scope = use.function or self._chooser.tree(use.path)
        made = [_set_to(scope).get(name, ()) for name in {last_name(one) for value in given for one in walk(value)} - {""}]
        if any(len(ones) > 1 for ones in made):
            return None
        values = {id(one): one for one in (*given, *(value for ones in made for value in ones)) if one is not None}
        if not all(map(_is_steady, values.values())):  # several names may stand for one value
            return None
        key = use.function, names, left
        if key not in self._sources_of:
            self._sources_of[key] = self._find_source(use, names, left)
        return self._sources_of[key]

    def _find_source(self, use: _Use, names: frozenset[str], left: int) -> Key | None:
        function = use.function
        if function is None:
            return ()
        behind = _parameters_behind(function, names)
        if not behind and names.isdisjoint(_assigned(function)):
            return ()
        where = (use.path, str(function.lineno))
        if not behind:
            return where
        calls = self._calls(function, use.holders[: use.holders.index(function) + 1]) if left else None
        if calls is None:
            return None
        outer = use.holders[: use.holders.index(function) + 1]
        keys = {self._key(other, call, function, outer, behind, left - 1) for other, call in calls}
        return where if len(keys) == 1 and None not in keys else None


def _are_settings(use: _Use, key: Key) -> bool:
    """Return whether what a call gives are settings; `key` begins with what it gives as it is written."""
    given = (*use.call.args, *(one.value for one in use.call.keywords)) if use.call is not None else ()
    return all(is_setting(one, use.function) for one in given if ast.unparse(one) in key)


def is_setting(
    node: ast.expr, function: Function | None, left: int = MAX_HANDED, known: dict[tuple[str | int, int], bool] | None = None
) -> bool:
    """Return whether an expression holds as long as a process runs, by the names that it is made of."""
    assigned = _assigned(function) if left else {}
    known = {} if known is None else known
    below: set[int] = set()
    for one in walk(node):
        if not isinstance(one, (ast.Name, ast.Attribute)) or id(one) in below:
            continue
        parts: list[str] = []
        inner: ast.expr = one
        while isinstance(inner, (ast.Attribute, ast.Call, ast.Subscript)):
            below.add(id(inner))
            parts += [inner.attr] if isinstance(inner, ast.Attribute) else []
            inner = inner.func if isinstance(inner, ast.Call) else inner.value
        below.add(id(inner))
        name = getattr(inner, "id", "")
        if any(part.isupper() or not _SETTINGS.isdisjoint(part.lower().split("_")) for part in (*parts, name)):
            continue
        if (name, left) not in known:
            values = assigned.get(name, ())
            for value in values:  # which several names may stand for
                if (id(value), left) not in known:
                    known[id(value), left] = is_setting(value, function, left - 1, known)
            known[name, left] = bool(values) and all(known[id(value), left] for value in values)
        if name not in _KINDS and not known[name, left]:
            return False
    return True


def _is_steady(node: ast.expr) -> bool:
    """Return whether an expression is the same each time that it is asked: it calls nothing but what reads settings."""
    called = (one.func for one in walk(node) if isinstance(one, ast.Call))
    return not any(isinstance(one, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)) for one in walk(node)) and all(
        not _STEADY.isdisjoint(_words(one)) for one in called
    )


def _words(node: ast.expr) -> set[str]:
    """Return the words of all names in an expression, in small letters."""
    return {word for one in walk(node) for word in last_name(one).lower().split("_")}


def _makes_itself(holders: Sequence[ast.AST]) -> bool:
    """Return whether a class makes an object of its own by another name: `type(self)()`, `self.__class__()`, `cls()`."""
    held = next((one for one in reversed(holders) if isinstance(one, ast.ClassDef)), None)
    called = (one.func for one in walk(held) if isinstance(one, ast.Call)) if held is not None else ()
    return any(_last(one) == ("type" if isinstance(one, ast.Call) else "cls") or _last(one) == "__class__" for one in called)


def _innermost(holders: Sequence[ast.AST]) -> Function | None:
    return next((one for one in reversed(holders) if isinstance(one, _FUNCTIONS)), None)


def _last(node: ast.expr) -> str:
    """Return the last name of what a decorator is."""
    return last_name(node.func if isinstance(node, ast.Call) else node)


def _parsed(test: str) -> ast.expr | None:
    """Return a condition as it is written, None for one that is too long to be told."""
    try:
        return ast.parse(test, mode="eval").body
    except SyntaxError:
        return None


def _names(test: str) -> Iterator[ast.Name]:
    """Yield the names in a condition as it is written."""
    tree = _parsed(test)
    return (one for one in walk(tree) if isinstance(one, ast.Name)) if tree is not None else iter(())


@lru_cache(maxsize=64)
def _assigned(function: Function | ast.Module | None) -> Mapping[str, list[ast.expr]]:
    """Return the names that a function sets, or a whole file, each with what it is set to."""
    found: dict[str, list[ast.expr]] = {}
    for node in walk(function) if function is not None else ():
        bound, value = targets(node), getattr(node, "value", None)
        if isinstance(node, (ast.For, ast.AsyncFor)):
            bound, value = [node.target], node.iter
        if value is not None:
            for name in (one.id for target in bound for one in walk(target) if isinstance(one, ast.Name)):
                found.setdefault(name, []).append(value)
    return found


@lru_cache(maxsize=64)
def _set_to(function: Function | ast.Module | None) -> Mapping[str, list[ast.expr | None]]:
    """Return what a function sets each name and each attribute to, each time; None where no expression of its own says."""
    found: dict[str, list[ast.expr | None]] = {}
    values: dict[int, ast.expr | None] = {}
    for node in walk(function) if function is not None else ():
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            values.update((id(one), node.value) for target in targets(node) for one in walk(target))
        elif isinstance(getattr(node, "ctx", None), ast.Store):
            found.setdefault(last_name(node), []).append(values.get(id(node)))
    return found


def _parameters_behind(function: Function, names: Iterable[str]) -> frozenset[str]:
    """Return the parameters of a function that some of its names come from."""
    taken = {one.arg for one in parameters(function.args)}
    assigned, reached, waiting = _assigned(function), set[str](), list(names)
    read: set[int] = set()
    """The values that were looked into: several names may stand for one."""
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            values = [value for value in assigned.get(name, ()) if id(value) not in read]
            read.update(map(id, values))
            waiting += (one.id for value in values for one in walk(value) if isinstance(one, ast.Name))
    return frozenset(reached & taken)


def _around(statements: Sequence[ast.stmt], wanted: ast.AST) -> tuple[ast.AST, ...]:
    """Return what holds a node, from the outside: of the statements around it, and in the innermost one."""
    if not statements:
        return ()
    outer = tuple(one for one in statements[:-1] if isinstance(one, HOLDERS))
    return next((holders for node, holders in with_holders(statements[-1], outer) if node is wanted), ())


def forget() -> None:
    """Let go of the functions that were looked into."""
    _assigned.cache_clear()
    _set_to.cache_clear()
