"""All values that an expression may have when the app runs: constants are followed through the whole project.

Followed are names, attributes, tables, f-strings, returns, parameters with all their callers, settings classes, arguments of
the command line, and variables of the environment, which the deployment sets. Where a condition is not known, both branches
count. What cannot be known is a value of its own, so that nothing is ever taken for what it is not.
"""

from __future__ import annotations

import ast
import itertools
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from memguard_hooks.formats.python_nodes import IN_PIECES
from memguard_hooks.models.documents import INI, IniSection
from memguard_hooks.models.evaluation import MAX_VALUES
from memguard_hooks.models.frameworks import DYNACONF, FLASK, SESSION
from memguard_hooks.models.parameters import defines
from memguard_hooks.models.returns import Returns, listed
from memguard_hooks.models.scopes import Binding, CallInScope, Condition, NameScope, TableChange, last_name
from memguard_hooks.models.values import (
    ANYTHING,
    MAX_NUMBER,
    VAST,
    ClassValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    Made,
    Missing,
    ModuleValue,
    Table,
    UnknownInCode,
    Value,
    Values,
    argument,
)
from memguard_hooks.record import T

HANDED = (None, "model_kwargs", "encode_kwargs", "pipeline_kwargs", "automodel_args")
"""Keywords of wrappers whose mappings are handed to what loads or runs the model; None stands for two stars."""

MAX_STEPS, MAX_DEPTH = 1_000, 40
"""Expressions that one question looks at, and how deep one may lead into the next; those that end take less than 300."""

_LETTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_LISTED = _LETTERS + b" .,*"
"""Characters between a name that is bound and what tells so: `a, name = x`, `def name`, `from b import c as name`."""

_MOST_BESIDE = 1000
"""Characters beside a name that are looked at; with more of them that are listed it counts as bound."""

_ALL_LETTERS = frozenset(_LETTERS[number : number + 1] for number in range(len(_LETTERS)))
_QUOTES = (b"'", b'"')
_BINDER = re.compile(rb"(?<![0-9A-Za-z_])(?:as|def|class|for(?!.* in )) ")

MAX_TEXT = 1000
"""Letters of a text; no name of a model is longer, and sums of sums double at each line."""


class Folding(Returns):
    """Finds the values of expressions in the files of a project, as a service runs them."""

    def passed(self, call: ast.Call, position: int, names: Sequence[str], scope: NameScope) -> tuple[Values, bool]:
        """Return what a call may give for an argument, by place, name or behind stars, and whether it does for certain."""

        def find() -> tuple[Values, bool, bool]:
            self.is_each = False
            return *self._passed(call, position, names, scope), self.is_each

        unknown: tuple[Values, bool, bool] = ((ANYTHING,), False, False)
        found, is_sure, self.is_each = self._once(("passed", call, position, *names, scope), find, unknown)
        return found, is_sure

    def keyword(self, call: ast.Call, name: str, scope: NameScope) -> Values:
        """Return what a call is given by a keyword: itself, behind two stars, or in a mapping that it hands to the model."""
        given = argument(call, -1, (name,))
        if given is not None:
            return self.values(given, scope)
        if not any(one.arg in HANDED for one in call.keywords):
            return ()
        nothing: tuple[Table, ...] = ()
        tables = self._once(("handed", call, scope), lambda: self._handed(call, scope), nothing)

        def find() -> Values:
            found = ((self._has(one, name), value) for one in tables for value in self._under(one, name)[0])
            return tuple(dict.fromkeys(value for is_there, value in found if is_there or value != ANYTHING))

        return self._once(("keyword", call, name, scope), find, (ANYTHING,)) if tables else ()

    def _handed(self, call: ast.Call, scope: NameScope) -> tuple[Table, ...]:
        """Return the mappings that a call hands on, and those in them."""
        values = [value for one in call.keywords if one.arg in HANDED for value in self._values(one.value, scope)]
        tables = [one for one in values if isinstance(one, Table)]
        inner = [value for one in tables for key in HANDED[1:] for value in self._under(one, key)[0]]
        return (*tables, *(one for one in inner if isinstance(one, Table)))

    def naming(self, *words: str) -> Iterator[NameScope]:
        """Yield the files whose bytes hold one of some words, each once."""
        return self._naming(*words)

    def values(self, node: ast.expr, scope: NameScope) -> Values:
        """Return all values that an expression may have, in no more steps than one question takes."""

        def find() -> tuple[Values, bool]:
            self.is_each = False
            return self._values(node, scope), self.is_each

        unknown: tuple[Values, bool] = ((ANYTHING,), False)
        found, self.is_each = self._once(("values", node, scope), find, unknown)
        return found

    def in_config(self, key: str) -> Values:
        """Return what the settings of a web app of Flask's may hold under a key."""
        self._steps = 0
        try:
            return self._flask(key)
        except RecursionError:
            return (ANYTHING,)

    def in_django(self, path: str, name: str, *keys: str) -> Values:
        """Return what Django's settings hold under a name and the keys below it, as code in a file asks for them."""
        module = self.module(path)

        def find() -> Values:
            found: Values = (self._django(name, module) or ()) if module is not None else ()
            for key in keys:
                tables = [one for one in found if isinstance(one, Table) and self._has(one, key)]
                found = tuple(value for one in tables for value in self._items(one, (key,)))
            return found

        return self._once(("django", path, name, *keys), find, ())

    def places_in_django(self, name: str, path: str) -> list[tuple[str, int]]:
        """Return where Django's settings say last what a name stands for, by file and line."""
        here = self.module(path)
        modules = [self._located(one, here) for one in self._django_modules()] if here is not None else []
        bound = [one.bindings.get(name, ()) for one in modules if one is not None]
        return [(one[-1].scope.path, one[-1].line) for one in bound if one]

    def holds(self, conditions: Iterable[Condition]) -> bool | None:
        """Return whether conditions hold in production, None where that is not known."""
        asked = tuple(conditions)
        return self._once(("holds", *asked), lambda: self._hold(asked), None)

    def never_runs(self, scope: NameScope | None) -> bool:
        """Return whether production never calls a function, nor makes an instance of its class, as far as is known."""
        return self._once(("never", scope), lambda: scope is not None and self._never_runs(scope), False)

    @contextmanager
    def as_started(self, bodies: frozenset[tuple[str, str]]) -> Iterator[None]:
        """Let only the calls in some bodies count, by their files and names: what others give decides nothing there."""
        if self._as_started[0] is not bodies:
            self._as_started = bodies, {}, {}
        kept = self._answered, self._callers
        self._started, self._answered, self._callers = self._as_started
        try:
            yield
        finally:
            self._started, (self._answered, self._callers) = None, kept

    def binds(self, attribute: str) -> bool:
        """Return whether the text of some file may bind an attribute, or a name that may be asked of a module."""
        known = self._binding.get(attribute)
        if known is None:
            data = (self._sources.read(path) or b"" for path in self._sources.naming(attribute))
            known = self._binding[attribute] = any(_binds(one, attribute.encode()) for one in data)
        return known

    def callers(self, scope: NameScope | None) -> Sequence[CallInScope]:
        """Return the calls of a function in the project, as far as they are known."""
        nothing: Sequence[CallInScope] = ()
        return self._once(("callers", scope), lambda: self._calls_of(scope) if scope is not None else (), nothing)

    def overridden(self, scope: NameScope | None) -> tuple[tuple[str, str], ...]:
        """Return the methods of parents, by file and name, that a method stands in place of."""
        self._steps = 0
        try:
            return tuple(itertools.islice(self._overridden(scope), MAX_VALUES)) if scope is not None else ()
        except RecursionError:
            return ()

    def below(self, node: ast.expr, scope: NameScope, *keys: str) -> Values:
        """Return what lies below keys of a mapping, or of each mapping that a list holds."""

        def find() -> Values:
            found = self._values(node, scope)
            for key in keys:
                tables = [
                    inner for one in found if isinstance(one, Table)
                    for inner in ((one,) if isinstance(one.node, ast.Dict) else self._items(one, ()))
                ]  # fmt: skip
                found = tuple(value for one in tables if isinstance(one, Table) for value in self._items(one, (key,)))
            return tuple(dict.fromkeys(found))

        return self._once(("below", node, scope, *keys), find, (ANYTHING,))

    def names_of(self, value: Value, scope: NameScope) -> list[str]:
        """Return the dotted names of what is called; of a class without an `__init__` of its own, those of its parents."""
        if value == ExternalValue("super.__init__"):
            here = scope.function
            owner = here.parent if here is not None else None
            return self._external_bases(owner) if owner is not None and isinstance(owner.node, ast.ClassDef) else []
        if isinstance(value, ClassValue) and not defines(value, "__init__"):
            return self._external_bases(value.scope)
        return [value.name] if isinstance(value, ExternalValue) else []

    def _once(self, key: tuple[object, ...], find: Callable[[], T], unknown: T) -> T:
        """Return what a question comes to, in no more steps than one takes, and no step where it was asked before."""
        if key in self._answered and not self._frames:
            found: T = self._answered[key]
            return found
        self._steps = 0
        try:
            found = find()
        except RecursionError:
            return unknown
        if not self.is_exhausted and not self._frames:
            self._answered[key] = found
        return found

    def _external_bases(self, scope: NameScope) -> list[str]:
        def find() -> list[Value]:
            return [one for node in getattr(scope.node, "bases", ()) for one in self._values(node, scope.parent or scope)]

        bases: list[Value] = self._once(("bases", scope), find, [])
        return [one.name for one in bases if isinstance(one, ExternalValue)]

    def _values(self, node: ast.AST | None, scope: NameScope) -> Values:
        key = (id(node), id(scope))
        if node is None:
            return ()
        if key in self._active:
            self._work.left -= 1
            return ()
        if self._has_spent() or len(self._active) > MAX_DEPTH:
            return (ANYTHING,)
        self._active.add(key)
        try:
            found = dict.fromkeys(
                ANYTHING if isinstance(one, str) and len(one) > MAX_TEXT else one for one in self._find(node, scope)
            )
        finally:
            self._active.discard(key)
        return tuple(found) if len(found) <= MAX_VALUES else (*itertools.islice(found, MAX_VALUES), ANYTHING)

    def _has_spent(self) -> bool:
        """Count a step, and return whether that is one too many for this question or for the project."""
        self._steps += 1
        self._work.left -= 1
        return self._steps > MAX_STEPS or self._work.left < 0

    def _find(self, node: ast.AST, scope: NameScope) -> Iterator[Value]:
        if isinstance(node, ast.Constant):
            yield _constant(node.value)
        elif isinstance(node, ast.Name):
            yield from self._name(node, scope)
        elif isinstance(node, ast.Attribute):
            for base in _without_none(self._values(node.value, scope)):
                yield from self._attribute(base, node.attr, scope)
        elif isinstance(node, (ast.Dict, ast.List, ast.Tuple, ast.Set)):
            yield Table(node, scope)
        elif isinstance(node, ast.Subscript):
            yield from self._subscript(node, scope)
        elif isinstance(node, ast.Call):
            yield from self._call(node, scope)
        elif isinstance(node, ast.IfExp):
            answer = self._truth(node.test, scope)
            branches = [one for one, wanted in ((node.body, True), (node.orelse, False)) if answer in (None, wanted)]
            found = [value for one in branches for value in self._values(one, scope)]
            asked = {one.value for one in ast.walk(node.test) if isinstance(one, ast.Constant)}
            there = [one for one in found if not (isinstance(one, Missing) and one.variable in asked)]
            yield from there or found
        elif isinstance(node, ast.BoolOp):
            yield from self._either(node, scope)
        elif isinstance(node, ast.JoinedStr):
            yield from self._joined([self._part(part, scope) for part in node.values])
        elif isinstance(node, ast.BinOp):
            yield from self._operation(node, scope)
        elif isinstance(node, (ast.NamedExpr, ast.Await, ast.Starred)):
            yield from self._values(node.value, scope)
        elif isinstance(node, ast.Lambda):
            yield FunctionValue(node, scope)
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            yield self._comprehended(node, scope.inner.get(node))
        elif isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
            holds = self._truth(node, scope)
            yield ANYTHING if holds is None else holds
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield from (-one if isinstance(one, (int, float)) else ANYTHING for one in self._values(node.operand, scope))
        else:
            yield ANYTHING

    def _comprehended(self, node: ast.ListComp | ast.GeneratorExp, inner: NameScope | None) -> Value:
        """Return the list that a comprehension over one list makes, where each item is known and is a constant."""
        one = node.generators[0]
        if inner is None or len(node.generators) > 1 or not isinstance(one.target, ast.Name):
            return ANYTHING
        is_each = self.is_each
        made: list[ast.expr] = []
        sources = self._values(one.iter, inner)
        table = listed(sources[0]) if len(sources) == 1 else None
        if table is None or isinstance(table.node, ast.Dict):
            return ANYTHING
        for item in table.node.elts:
            with self._frame(inner, {one.target.id: self._values(item, table.scope)}):
                kept = [self._truth(test, inner) for test in one.ifs]
                values = self._values(node.elt, inner)
            if None in kept or len(values) != 1 or not isinstance(values[0], (str, int, float)):
                self.is_each = is_each
                return ANYTHING
            made += [ast.Constant(values[0])] if all(kept) else []
        self.is_each = is_each
        return Table(ast.List(made, ast.Load()), inner)

    def _part(self, node: ast.expr, scope: NameScope) -> Values:
        if isinstance(node, ast.FormattedValue):
            return self._values(node.value, scope) if node.format_spec is None else (ANYTHING,)
        return self._values(node, scope)

    def _joined(self, parts: Sequence[Values]) -> Iterator[Value]:
        for chosen in itertools.islice(itertools.product(*parts), MAX_VALUES + 1):
            unknown = next((one for one in chosen if not isinstance(one, (str, int, float))), None)
            if unknown is None:
                yield "".join(map(str, chosen))
            else:
                yield unknown if isinstance(unknown, (UnknownInCode, Missing)) else ANYTHING

    def _path(self, parts: Sequence[Values]) -> Iterator[Value]:
        """Yield what parts of a path make together."""
        for chosen in itertools.islice(itertools.product(*parts), MAX_VALUES + 1):
            texts = [one for one in chosen if isinstance(one, str)]
            if len(texts) == len(chosen):
                below = [one for one in texts if one != "."]  # the root
                yield posixpath.join(*below) if below else "."
            else:
                yield next((one for one in chosen if isinstance(one, (UnknownInCode, Missing))), ANYTHING)

    def _either(self, node: ast.BoolOp, scope: NameScope) -> Iterator[Value]:
        """Yield what `a or b` may be: of a value that is not there, what comes after it."""
        for number, one in enumerate(node.values):
            is_last = number == len(node.values) - 1
            kept = self._values(one, scope)
            if isinstance(node.op, ast.And) and not is_last:
                continue
            falsy = [value for value in kept if isinstance(value, Missing) or value in (None, "", False, 0)]
            yield from (value for value in kept if is_last or value not in falsy)
            if kept and not falsy and not any(isinstance(value, UnknownInCode) for value in kept):
                return

    def _operation(self, node: ast.BinOp, scope: NameScope) -> Iterator[Value]:
        left, right = self._values(node.left, scope), self._values(node.right, scope)
        if isinstance(node.op, ast.Add):
            yield from self._joined([left, right])
        elif isinstance(node.op, ast.Div):
            yield from self._path([left, right])
        elif isinstance(node.op, ast.Mod):
            for one in left:
                yield from self._formatted(one, node.right, scope)
        else:
            yield ANYTHING

    def _formatted(self, text: Value, node: ast.expr, scope: NameScope) -> Iterator[Value]:
        parts = node.elts if isinstance(node, ast.Tuple) else [node]
        pieces = text.split("%s") if isinstance(text, str) else []
        if len(pieces) != len(parts) + 1 or any("%" in piece for piece in pieces):
            yield ANYTHING
            return
        woven: list[Values] = [(pieces[0],)]
        for part, piece in zip(parts, pieces[1:], strict=True):
            woven += [self._values(part, scope), (piece,)]
        yield from self._joined(woven)

    def _subscript(self, node: ast.Subscript, scope: NameScope) -> Iterator[Value]:
        keys = self._values(node.slice, scope)
        for base in _without_none(self._values(node.value, scope)):
            if isinstance(base, Table):
                yield from self._items(base, keys)
            elif isinstance(base, ExternalValue) and base.name in FLASK:
                unknown = UnknownInCode("nothing in the project sets it in the app's config")
                yield from [value for key in keys for value in self._flask(key)] or [unknown]
            elif base == ExternalValue(SESSION):
                yield from [value for key in keys for value in self._session(key)] or [ANYTHING]
            elif isinstance(base, Made) and base.name in DYNACONF:
                yield from (value for key in keys for value in self._dynaconf(base, str(key)))
            elif base == ExternalValue("os.environ"):
                yield from (value for key in keys for value in self._variable(key, None, scope))
            elif isinstance(base, ClassValue):  # an enumeration by name
                yield from (value for key in keys for value in self._attribute(base, str(key), scope))
            elif isinstance(base, Made) and base.name == INI:
                yield from (value for one in self._sections(base) for value in self._items(one, keys))
            elif isinstance(base, Made) and base.name.endswith("ArgumentParser.parse_args"):
                yield from (value for key in keys for value in self._option(base, str(key)))
            else:
                yield base if isinstance(base, UnknownInCode) or _is_in_pieces(base) else ANYTHING

    def _items(self, table: Table, keys: Values) -> Iterator[Value]:
        """Yield what a table holds under keys; all that it holds where a key is not known."""
        node = table.node
        known = [key for key in keys if isinstance(key, (str, int, bool))]
        is_known = bool(keys) and len(known) == len(keys)
        if isinstance(node, ast.Dict):
            for key in known if is_known else (None,):
                found, is_sure = self._under(table, key)
                yield from found
                if not is_sure and (is_known or not found or self._is_open(table)):
                    yield ANYTHING
        elif is_known and all(type(key) is int and -len(node.elts) <= key < len(node.elts) for key in known):
            for key in known:
                yield from self._values(node.elts[int(key or 0)], table.scope)
        else:
            for value in node.elts:
                yield from self._values(value, table.scope)

    def _under(self, table: Table, key: Value) -> tuple[list[Value], bool]:
        """Return what a mapping may hold under a key, or any for None, and whether it holds that for certain."""
        found: list[Value] = []
        key = key.lower() if isinstance(key, str) and isinstance(table.node, IniSection) else key
        for name, value, scope, is_certain in self._entries(table):
            if name is None:
                inner = [
                    self._under(one, key)
                    if isinstance(one, Table) and isinstance(one.node, ast.Dict)
                    else ([ANYTHING], False)
                    for one in self._values(value, scope)
                ]
                found += [one for values, _ in inner for one in values]
                is_there = len(inner) == 1 and inner[0][1]
            else:
                names = self._values(name, scope)
                is_there = names == (key,)
                is_possible = key is None or key in names or any(not isinstance(one, (str, int)) for one in names)
                found += (self._values(value, scope) if value is not None else (ANYTHING,)) if is_possible else ()
            if key is not None and is_there and is_certain:
                return found, True
        return found, False

    def _entries(self, table: Table) -> Iterator[tuple[ast.expr | None, ast.expr | None, NameScope, bool]]:
        """Yield the keys and values of a mapping, the last that was put in first, and whether each is in it for certain."""
        for change in reversed(table.changes):
            answer = self._hold(change.conditions)
            if answer is not False:
                yield change.key, change.value, change.scope, answer is True
        node = table.node
        if isinstance(node, ast.Dict):
            for name, value in zip(reversed(node.keys), reversed(node.values), strict=True):
                yield name, value, table.scope, True

    def _is_written_out(self, table: Table) -> bool:
        """Return whether all keys of a mapping stand in it, and all of its changes name theirs."""
        keys = [*(table.node.keys if isinstance(table.node, ast.Dict) else ()), *(one.key for one in table.changes)]
        return all(isinstance(key, ast.Constant) for key in keys)

    def _is_open(self, table: Table) -> bool:
        return isinstance(table.node, ast.Dict) and any(key is None for key in table.node.keys)

    def _changed(self, value: Value, changes: Iterable[TableChange]) -> Value:
        """Return a table with what is put into it later; anything else as it is."""
        if not isinstance(value, Table):
            return value
        changed = value._replace(changes=(*value.changes, *changes))
        self._work.left -= len(changed.changes)  # which are all looked at wherever it is one of several values
        return changed

    def _name(self, node: ast.Name, scope: NameScope) -> Iterator[Value]:
        here: NameScope | None = scope
        while here is not None:
            if isinstance(here.node, (ast.ListComp, ast.GeneratorExp)):
                given = next(
                    (one[node.id] for frame, one in reversed(self._frames) if frame is here and node.id in one), None
                )
                if given is not None:
                    yield from given
                    return
            is_hidden = isinstance(here.node, ast.ClassDef) and here is not scope
            if node.id in here.bindings and not is_hidden:
                found = self._bound(here.bindings[node.id], node.lineno if here is scope else None)
                changes = [one for one in here.module.changes_of(node.id) if _owner(one) is here]
                yield from (self._changed(one, changes) for one in found)
                return
            here = here.parent
        if node.id == "__file__":
            yield scope.path
        else:
            starred = [value for one in self._stars(scope.module) for value in self._imported(one, node.id)]
            yield from starred or [ExternalValue(node.id)]

    def _bound(
        self, bindings: Sequence[Binding], line: int | None = None, owner: InstanceValue | None = None
    ) -> Iterator[Value]:
        """Yield what a name is bound to at a line: by the last binding without a condition, and those after it."""
        self._work.left -= len(bindings)
        before = [one for one in bindings if line is None or one.line < line] or list(bindings)
        before = [one for one in before if not self._leads_out(one)] or before
        kept: list[Binding] = []
        for one in before:
            if any(condition.is_handler for condition in one.conditions) and len(before) > 1:
                continue
            answer = self._hold(one.conditions)
            if answer is True and not (one.kind == "unknown" and one.node is None):
                kept = [one]
            elif answer is not False:
                kept.append(one)
        found = [value for one in kept or before for value in self._of(one, owner)]
        is_left = len(before) > 1 or not kept  # a handler is kept only where it is alone
        handlers = [one for one in before if is_left and any(other.is_handler for other in one.conditions)]
        if handlers and any(isinstance(one, Missing) for one in found):  # as where `os.environ[x]` raises KeyError
            found = [one for one in found if not isinstance(one, Missing)]
            found += [value for one in handlers for value in self._of(one, owner)]
        yield from found

    def _leads_out(self, binding: Binding) -> bool:
        """Return whether a relative import finds nothing, as where its file is loaded alone: what handles that counts."""
        if binding.kind != "import" or not binding.level:
            return False
        return self._sources.locate(binding.name.partition(":")[0], binding.level, binding.scope.path) is None

    def _of(self, binding: Binding, owner: InstanceValue | None = None) -> Values:
        """Return what a binding gives; one that takes most of the steps of a question is not asked again."""
        key = (binding.scope, binding.kind, binding.name, binding.item, binding.line)
        if key in self._given_up:
            return (ANYTHING,)
        before = self._steps
        found = self._bound_to(binding, owner)
        if self._steps > MAX_STEPS and self._steps - before > MAX_STEPS // 4:
            self._given_up.add(key)
        return found

    def _bound_to(self, binding: Binding, owner: InstanceValue | None) -> Values:
        node, scope = binding.node, binding.scope
        if binding.kind == "value":
            return self._values(node, scope)
        if binding.kind == "function":
            assert node is not None
            return (FunctionValue(node, scope, owner),)
        if binding.kind == "class":
            assert isinstance(node, ast.ClassDef)
            return (ClassValue(node, scope.inner[node]),)
        if binding.kind == "import":
            return tuple(self._imported(binding))
        if binding.kind == "parameter":
            return tuple(dict.fromkeys(self._parameter(binding)))
        if binding.kind == "rest":
            return tuple(dict.fromkeys(self._rest(binding)))
        if binding.kind == "element":
            self.is_each = self.is_each or not binding.is_first
            return tuple(dict.fromkeys(self._elements(node, scope, binding.item)))
        if binding.kind == "item":
            found = [value for one in self._values(node, scope) for value in self._item(one, binding.item)]
            return tuple(dict.fromkeys(found))
        return (ANYTHING,)

    def _item(self, value: Value, number: int) -> Values:
        if isinstance(value, Table) and not isinstance(value.node, ast.Dict) and number < len(value.node.elts):
            return self._values(value.node.elts[number], value.scope)
        return (value,) if _is_in_pieces(value) else (ANYTHING,)

    def _elements(self, node: ast.AST | None, scope: NameScope, item: int) -> Iterator[Value]:
        """Yield what a loop goes through: items of a sequence, keys of a table, its values, or one of both."""
        view = ""
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Attribute) and function.attr in ("items", "values", "keys"):
            node, view = function.value, function.attr
        elif isinstance(node, ast.Call) and last_name(node) == "enumerate" and node.args:
            node, item = node.args[0], item - 1
        for base in self._values(node, scope):
            if not isinstance(base, Table):
                yield base if isinstance(base, UnknownInCode) or _is_in_pieces(base) else ANYTHING
            elif isinstance(base.node, ast.Dict):
                wants_keys = view in ("", "keys") or (view == "items" and item == 0)
                for one in base.node.keys if wants_keys else base.node.values:
                    yield from self._values(one, base.scope)
            else:
                for element in base.node.elts:
                    values = self._values(element, base.scope)
                    yield from values if item < 0 else (part for value in values for part in self._item(value, item))

    def _stars(self, module: NameScope) -> tuple[Binding, ...]:
        """Return the imports of all names of modules of the project that stand in a module."""
        known = self._star_imports.get(module)
        if known is None:
            found = (
                (one, self._sources.locate(one.name.partition(":")[0], one.level, one.scope.path))
                for one in module.stars.values()
            )
            known = self._star_imports[module] = tuple(one for one, path in found if path)
        return known

    def _imported(self, binding: Binding, starred: str = "") -> Iterator[Value]:
        module, colon, name = binding.name.partition(":")
        name = starred or name
        if starred and self._has_spent():  # packages that hand on all of each other have more ways than files
            yield ANYTHING
            return
        path = self._sources.locate(module, binding.level, binding.scope.path)
        if not colon:
            yield ModuleValue(module, path or None) if path is not None else ExternalValue(module)
            return
        inner = self._sources.locate(f"{module}.{name}".lstrip("."), binding.level, binding.scope.path)
        scope = self.module(path) if path else None
        if scope is not None and name in scope.bindings:
            changes = [one for one in scope.changes_of(name) if _owner(one) is scope]
            yield from (self._changed(one, changes) for one in self._bound(scope.bindings[name]))
        elif inner is not None and inner != path:
            yield ModuleValue(f"{module}.{name}".lstrip("."), inner or None)
        elif scope is not None:
            yield from (value for one in self._stars(scope) for value in self._imported(one, name))
        elif not starred:
            yield ExternalValue(f"{module}.{name}") if not binding.level else ANYTHING


def _constant(value: object) -> Value:
    """Return what a constant that is written out is."""
    if isinstance(value, int) and value > MAX_NUMBER:
        return VAST
    return value if isinstance(value, (str, int, float, type(None))) else ANYTHING


def _binds(data: bytes, name: bytes) -> bool:
    """Return whether text may bind a name, an attribute, a field or a parameter: where more than does, and never less."""
    start = data.find(name)
    while start >= 0:
        end = start + len(name)
        if data[start - 1 : start] not in _ALL_LETTERS and data[end : end + 1] not in _ALL_LETTERS:
            behind, before = data[end : end + _MOST_BESIDE + 2], data[max(start - _MOST_BESIDE, 0) : start]
            rest, run = behind.lstrip(_LISTED), before[len(before.rstrip(_LISTED)) :]
            if max(len(run), len(behind) - len(rest)) >= _MOST_BESIDE or _BINDER.search(run):
                return True
            if rest[:1] == b":" or (rest[:1] == b"=" and rest[1:2] != b"="):
                return True
            _, is_whole, line = before.rpartition(b"\n")
            may_set = b"setattr(" in line or (not is_whole and start > _MOST_BESIDE)
            if may_set and before[-1:] in _QUOTES and behind[:1] in _QUOTES:
                return True
        start = data.find(name, end)
    return False


def _is_in_pieces(value: Value) -> bool:
    """Return whether what is one of several values has the methods of all: `st.columns(2)`."""
    return isinstance(value, (ExternalValue, Made)) and value.name.partition(".")[0] in IN_PIECES


def _without_none(values: Values) -> Values:
    """Return values that may be asked for a part: what is None until something else is put in its place never is."""
    return tuple(one for one in values if one is not None) or values


def _owner(change: TableChange) -> NameScope | None:
    """Return the scope whose table a change is made to."""
    here: NameScope | None = change.scope
    while here is not None and change.name not in here.bindings:
        here = here.parent
    return here
