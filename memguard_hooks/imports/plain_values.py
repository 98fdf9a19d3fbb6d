"""What the expressions of a plain file may give, and which names of other files they call.

Each name stands for what it may be: dotted names of modules and of what is in them, or something of the file itself.
Where an expression might run code of the file, libcst is to decide.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from memguard_hooks.formats.python_nodes import children, dotted, outside_functions, walk
from memguard_hooks.imports.known_calls import (
    CONSUMERS,
    DEFERRING,
    EXECUTORS,
    IMPORTERS,
    PASSING,
    RUNNERS,
    STARTERS,
    is_lazy_proxy,
)
from memguard_hooks.imports.model import LAZY_ANNOTATIONS_PYTHON, Target
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from typing import TypeAlias, TypeVar

    Closure = TypeVar("Closure", "PlainFunction", "PlainGenerator")
    PlainFunctionNode: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda"
    PlainOwn: TypeAlias = "PlainClass | PlainInstance | PlainFunction | PlainMethod | PlainSuper | PlainLater"
    PlainValue: TypeAlias = "str | PlainOwn | PlainNames | PlainCoroutine | PlainGenerator"
    PlainScope: TypeAlias = "PlainClass | dict[str, Values]"
else:
    import _ast as ast  # its nodes alone: the module takes as long to load as a file takes to parse

MAX_VALUES = 50
"""What one name may stand for, and classes from which one inherits."""

MAX_STEPS = 100_000
"""Parts of conditions that are looked at, some of them several times, and calls of what calls later."""

_DECIDING = frozenset({"TYPE_CHECKING", "version_info", "major", "minor", "platform", "system", "name"})
"""Last names of what conditions can be judged by."""

_DECIDED_BY_LIBCST = IMPORTERS | EXECUTORS
_PARTIAL, _THREAD = "functools.partial", "threading.Thread"
_CALLING = DEFERRING - {_PARTIAL, _THREAD}
MAKERS = ("__new__", "__init__", "__post_init__")
_ITERATED = ("__iter__", "__next__", "__aiter__", "__anext__", "__await__")
_ENTERED = ("__enter__", "__aenter__", "__exit__", "__aexit__")
_DISPLAY = "(display)"
"""A tuple, a list, a set or a dictionary that may hold something of the file: only what it holds runs code."""
FUNCTION = "(function)"
"""A function of the file that libcst is to follow: only a call runs it."""


class PlainClass:
    """A class of the file."""

    __slots__ = ("bases", "names")

    def __init__(self, bases: list[PlainClass]) -> None:
        self.bases = bases
        self.names: dict[str, Values] = {"__class__": frozenset({self})}

    def family(self) -> list[PlainClass]:
        """Return the class and those that it inherits from, in the order in which they are asked for a name."""
        found: dict[PlainClass, None] = {}
        waiting = [self]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found[here] = None
                waiting += reversed(here.bases)
            if len(found) > MAX_VALUES:
                raise Unsure
        return list(found)

    def find(self, name: str) -> Values:
        """Return an attribute of the class, also an inherited one."""
        return next((one.names[name] for one in self.family() if one.names.get(name)), NOTHING)


Values = frozenset["PlainValue"]
"""What a name may stand for; the empty set where nobody knows."""

NOTHING: Values = frozenset()


class PlainFunction:
    """A function of the file, what its parameters are by default, and the names around it."""

    __slots__ = ("defaults", "node", "scopes")

    def __init__(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        defaults: dict[str, Values],
        scopes: Sequence[PlainScope],
    ) -> None:
        self.node = node
        self.defaults = defaults
        self.scopes = scopes


class PlainInstance:
    """An object that one call of a class made, and the attributes that it was given."""

    __slots__ = ("attributes", "kind")

    def __init__(self, kind: PlainClass) -> None:
        self.kind = kind
        self.attributes: dict[str, Values] = {}


class PlainMethod(Record):
    """A method of one instance."""

    function: PlainFunction
    receiver: PlainInstance


class PlainArguments(Record):
    """What a call passes."""

    positional: tuple[Values, ...] = ()
    keywords: tuple[tuple[str, Values], ...] = ()


class PlainSuper(Record):
    """`super()` in a method of a class."""

    owner: PlainClass
    receiver: PlainInstance


class PlainLater(Record):
    """What calls functions once it is called or started: a `partial`, a thread."""

    callees: Values
    given: PlainArguments


class PlainNames(Record):
    """A tuple, a list, a set or a dictionary in which is nothing of the file, and the names that it gives one by one."""

    names: Values


class PlainCoroutine:
    """A coroutine, or a generator by a function, that was made and not yet run."""

    __slots__ = ("function", "given")

    def __init__(self, function: PlainFunction, given: PlainArguments) -> None:
        self.function = function
        self.given = given


class PlainGenerator:
    """A generator expression that was made and not yet run: what its first `in` gives, and the names around it."""

    __slots__ = ("first", "node", "scopes")

    def __init__(self, node: ast.GeneratorExp, first: Values, scopes: Sequence[PlainScope]) -> None:
        self.node = node
        self.first = first
        self.scopes = scopes


class Unsure(Exception):  # noqa: N818 - not an error of the program
    """Raised where libcst is to decide."""


class PlainValues(ABC):
    """The names of one plain module, and the walk through its expressions."""

    def __init__(self, target: Target, *, has_proxies: bool) -> None:
        self._target = target
        self._has_proxies = has_proxies
        self._scopes: list[PlainScope] = [{}]
        self._stars: list[str] = []
        self._later_ones: dict[PlainFunctionNode, bool] = {}
        self._closures: list[PlainFunction | PlainGenerator] = []
        self._called: set[str] = set()
        self._frame: tuple[PlainFunction, Values] | None = None
        """The function that is walked, and the first thing that it was given."""
        self._function_depth = 1
        """How many scopes there are in the function that is walked, without those of classes and comprehensions in it."""
        self._global_names: set[str] = set()
        """Names that the function which is walked declares global."""
        self._given_names: dict[str, Values] = {}
        """What this walk of it has given to them."""
        self._runs_coroutines = False
        self._unrun = ""
        """Why what is walked does not run: it binds names, and calls nothing."""
        self._steps = 0
        self._has_lazy_annotations = target.python is not None and target.python >= LAZY_ANNOTATIONS_PYTHON

    def forget(self) -> None:
        """Let go of the names around functions, which hold these: each would wait for the collector, with its whole tree."""
        for one in self._closures:
            one.scopes = ()

    def _closed(self, made: Closure) -> Closure:
        """Return what keeps the names around it, to be let go of at the end."""
        self._closures.append(made)
        return made

    # Names

    @property
    def _names(self) -> dict[str, Values]:
        scope = self._scopes[-1]
        return scope.names if isinstance(scope, PlainClass) else scope

    def _scope_of(self, name: str) -> dict[str, Values]:
        """Return the names among which a statement binds a name: those of the file where a function says `global`."""
        outermost = self._scopes[0]
        is_elsewhere = name in self._global_names and len(self._scopes) == self._function_depth
        return outermost if is_elsewhere and isinstance(outermost, dict) else self._names

    def _bind_name(self, name: str, values: Values) -> None:
        scope = self._scope_of(name)
        scope[name] = joined([scope.get(name, NOTHING), values])
        if scope is not self._names:
            self._given_names[name] = self._given_names.get(name, NOTHING) | values

    def _bind(self, target: ast.expr, values: Values) -> None:
        if isinstance(target, ast.Name):
            self._bind_name(target.id, values)
        elif isinstance(target, ast.Attribute):
            for owner in self._value(target.value):
                if isinstance(owner, (PlainClass, PlainInstance)):
                    names = owner.names if isinstance(owner, PlainClass) else owner.attributes
                    names[target.attr] = joined([names.get(target.attr, NOTHING), values])
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._consume(_opaque(values))
            for element in target.elts:
                self._bind(element.value if isinstance(element, ast.Starred) else element, NOTHING)
        else:
            self._value(target)

    def _lookup(self, name: str) -> Values:
        for scope in reversed(self._scopes):
            if isinstance(scope, dict):
                if name in scope:
                    return scope[name]
            elif scope is self._scopes[-1] and name in scope.names:
                return scope.names[name]
        return joined(frozenset({f"{star}.{name}"}) for star in self._stars) or frozenset({name})

    # Expressions

    def _value(self, node: ast.expr) -> Values:
        """Walk an expression that runs while the file loads, and return what it may give."""
        if isinstance(node, ast.Constant):
            # libcst has these as names, and any module may define any name.
            is_name = node.value is None or isinstance(node.value, bool)
            return self._lookup(repr(node.value)) if is_name and self._stars else NOTHING
        if isinstance(node, ast.Name):
            return self._lookup(node.id)
        if isinstance(node, ast.Attribute):
            return joined(self._attribute(one, node.attr) for one in self._value(node.value))
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Subscript):
            values = self._value(node.value)
            self._value(node.slice)
            if any(isinstance(one, (PlainCoroutine, PlainGenerator, PlainInstance)) for one in values):
                raise Unsure
            self._consume(_opaque(values))
            return frozenset(one for one in values if isinstance(one, PlainClass))
        if isinstance(node, ast.Lambda):
            return frozenset({self._closed(PlainFunction(node, self._parameters(node.args), [*self._scopes]))})
        if isinstance(node, ast.GeneratorExp):
            return frozenset({self._closed(PlainGenerator(node, self._value(node.generators[0].iter), [*self._scopes]))})
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp)):
            return self._comprehension(node, self._value(node.generators[0].iter))
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            return _display(self._elements(node.elts))
        if isinstance(node, ast.Dict):
            keys = [NOTHING if one is None else self._value(one) for one in node.keys]
            return _display(keys, [self._value(one) for one in node.values])
        if isinstance(node, ast.IfExp):
            self._undecided(node.test, self._value(node.test))
            return self._value(node.body) | self._value(node.orelse)
        if isinstance(node, ast.BoolOp):
            deciding = [self._undecided(one, self._value(one)) for one in node.values[:-1]]
            return joined([*deciding, self._value(node.values[-1])])
        if isinstance(node, ast.Await):
            return self._enter(self._value(node.value))
        if isinstance(node, ast.NamedExpr):
            named = self._value(node.value)
            self._bind(node.target, named)
            return named
        if isinstance(node, ast.YieldFrom):
            self._consume(self._value(node.value))
            return NOTHING
        if isinstance(node, ast.Starred):
            raise Unsure
        self._parts(node)
        return NOTHING

    def _parts(self, node: ast.AST) -> None:
        """Walk the expressions in a node whose value says nothing about imports."""
        for child in children(node):
            if isinstance(child, ast.expr):
                self._value(child)

    def _elements(self, nodes: Sequence[ast.expr]) -> list[Values]:
        return [self._consume(self._value(one.value)) if isinstance(one, ast.Starred) else self._value(one) for one in nodes]

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, first: Values) -> Values:
        """Walk a comprehension that runs, from the value of its first `in` on."""
        self._scopes.append({})
        for part in node.generators:
            self._bind(part.target, self._consume(first if part is node.generators[0] else self._value(part.iter)))
            for condition in part.ifs:
                self._value(condition)
        found = [self._value(node.key if isinstance(node, ast.DictComp) else node.elt)]
        mapped = [self._value(node.value)] if isinstance(node, ast.DictComp) else []
        self._scopes.pop()
        return _display(found, mapped)

    def _attribute(self, value: PlainValue, name: str) -> Values:
        if isinstance(value, str):
            return NOTHING if value in (FUNCTION, _DISPLAY) else frozenset({f"{value}.{name}"})
        if isinstance(value, PlainInstance):
            return self._attribute_of_instance(value, name)
        if isinstance(value, PlainSuper):
            family = [one for one in value.receiver.kind.family() if one is not value.owner]
            return _members(next((one.names[name] for one in family if one.names.get(name)), NOTHING), value.receiver)
        if isinstance(value, PlainLater):
            return frozenset({value}) if name in ("start", "run", "__call__") else NOTHING
        if not isinstance(value, PlainClass):
            return NOTHING
        for one in value.family():
            if name in one.names:
                if not one.names[name] and value.bases:
                    raise Unsure
                return one.names[name]
        return NOTHING

    def _attribute_of_instance(self, value: PlainInstance, name: str) -> Values:
        """Return what an instance has under a name; what a property or `__getattr__` would run, libcst is to follow."""
        found = value.attributes.get(name, NOTHING) | _members(value.kind.find(name), value)
        if not found and not name.startswith("__") and value.kind.find("__getattr__"):
            raise Unsure
        return found

    def _call(self, node: ast.Call) -> Values:
        callees = self._value(node.func)
        positional = self._elements(node.args)
        keywords = [(keyword.arg or "", self._value(keyword.value)) for keyword in node.keywords]
        given = [*positional, *(values for _, values in keywords)]
        last = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if self._has_proxies and is_lazy_proxy(dotted(node.func), len(node.args)):
            raise Unsure
        if last in RUNNERS or last in CONSUMERS or self._runs_coroutines:
            self._consume(joined(given))
        if last == "super" and self._frame is not None and isinstance(self._frame[0].scopes[-1], PlainClass):
            return self._super(self._frame[0].scopes[-1], self._frame[1])
        if not _DECIDED_BY_LIBCST.isdisjoint(callees) or (not _CALLING.isdisjoint(callees) and any(given)):
            raise Unsure
        passed = given[0] if node.args and not PASSING.isdisjoint(callees) else NOTHING
        is_spread = any(isinstance(one, ast.Starred) for one in node.args)
        arguments = None if is_spread else PlainArguments(tuple(positional), tuple(keywords))
        if not {_PARTIAL, _THREAD}.isdisjoint(callees) and any(given):
            passed |= {_later(one, arguments) for one in callees if one in (_PARTIAL, _THREAD)}
        if not STARTERS.isdisjoint(callees):
            self._start(joined([*positional[:1], dict(keywords).get("key", NOTHING)]))
        return joined([passed, *(self._called_one(one, arguments) for one in in_order(callees))])

    def _start(self, callees: Values) -> None:
        """Call functions with what nobody knows, and run what they return."""
        self._consume(joined([self._called_one(one, PlainArguments()) for one in in_order(callees)]))

    @staticmethod
    def _super(owner: PlainClass, receivers: Values) -> Values:
        if any(isinstance(one, PlainClass) for one in receivers):
            raise Unsure
        return frozenset(PlainSuper(owner, one) for one in receivers if isinstance(one, PlainInstance))

    def _called_one(self, callee: PlainValue, given: PlainArguments | None) -> Values:
        if self._unrun:
            return NOTHING
        if isinstance(callee, str) and not is_own(callee):
            self._called.add(callee)
            return NOTHING
        if isinstance(callee, (PlainCoroutine, PlainGenerator, PlainNames, PlainSuper)) or callee == _DISPLAY:
            return NOTHING
        if isinstance(callee, PlainFunction) and given is not None:
            return frozenset({PlainCoroutine(callee, given)}) if self._is_later(callee.node) else self._run(callee, given)
        if isinstance(callee, PlainMethod) and given is not None:
            own: Values = frozenset({callee.receiver})
            return self._called_one(callee.function, given._replace(positional=(own, *given.positional)))
        if isinstance(callee, PlainLater) and given is not None:
            self._step()
            both = PlainArguments((*callee.given.positional, *given.positional), given.keywords)
            return joined(self._called_one(one, both) for one in in_order(callee.callees))
        if not isinstance(callee, PlainClass):
            raise Unsure
        return self._made(callee, given)

    def _is_later(self, node: PlainFunctionNode) -> bool:
        """Return whether calling a function only makes a coroutine or a generator; looked into once."""
        if node not in self._later_ones:
            block = [] if isinstance(node, ast.Lambda) else node.body
            yields = (isinstance(one, (ast.Yield, ast.YieldFrom)) for one in outside_functions(block))
            self._later_ones[node] = isinstance(node, ast.AsyncFunctionDef) or any(yields)
        return self._later_ones[node]

    def _made(self, kind: PlainClass, given: PlainArguments | None) -> Values:
        """Run the constructor of a class, and return what that makes."""
        made = PlainInstance(kind)
        constructors = kind.find("__init__")
        if kind.find("__new__") or kind.find("__post_init__") or (constructors and given is None):
            raise Unsure
        for one in constructors:
            if not isinstance(one, PlainFunction) or len(constructors) > 1:
                raise Unsure
            self._called_one(PlainMethod(one, made), given)
        return frozenset({made})

    def _call_from_outside(self, name: str) -> None:
        head, *rest = name.split(".")
        values = self._names.get(head) or frozenset(f"{star}.{head}" for star in self._stars if head not in self._names)
        for attribute in rest:
            values = joined(self._attribute(one, attribute) for one in values)
        for one in in_order(values):
            self._called_one(one, PlainArguments())

    @abstractmethod
    def _run(self, function: PlainFunction, given: PlainArguments) -> Values:
        """Walk the body of a function that is called while the file loads, and return what it returns."""

    @abstractmethod
    def _run_generator(self, generator: PlainGenerator) -> None:
        """Walk a generator expression that is iterated over while the file loads."""

    def _consume(self, values: Values) -> Values:
        """Iterate over values, or run coroutines, and return what is known of what that gives."""
        if _DISPLAY in values or self._has(values, _ITERATED):
            raise Unsure
        if self._unrun and any(isinstance(one, (PlainCoroutine, PlainGenerator)) for one in values):
            raise Unsure
        for one in in_order(values):
            if isinstance(one, PlainGenerator):
                self._run_generator(one)
        given = (one.names for one in values if isinstance(one, PlainNames))
        return joined([*given, *(self._run(one.function, one.given) for one in values if isinstance(one, PlainCoroutine))])

    @staticmethod
    def _has(values: Values, names: Sequence[str]) -> bool:
        """Return whether one of the values is an instance that has a method by one of the names."""
        return any(isinstance(one, PlainInstance) and any(map(one.kind.find, names)) for one in values)

    def _enter(self, values: Values) -> Values:
        """Enter or await values: a display can do neither."""
        if self._has(values, _ENTERED):
            raise Unsure
        return self._consume(frozenset(one for one in values if not isinstance(one, PlainNames)))

    def _undecided(self, test: ast.expr, values: Values) -> Values:
        """Leave it to libcst whether a condition can be judged."""
        for leaf in operands(test):
            if is_decided(leaf):
                raise Unsure
            for node in walk(leaf):
                self._step()
                if isinstance(node, ast.Attribute) and node.attr in _DECIDING:
                    name = dotted(node)
                    if name and not all(map(is_own, self._lookup(name.partition(".")[0]))):
                        raise Unsure
                if isinstance(node, ast.Name):
                    paths = {one.rpartition(".")[2] for one in self._lookup(node.id) if isinstance(one, str)}
                    if node.id == "TYPE_CHECKING" or not _DECIDING.isdisjoint(paths):
                        raise Unsure
        return values

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Unsure

    def _parameters(self, node: ast.arguments) -> dict[str, Values]:
        """Walk the defaults and annotations of parameters; return what each parameter is by default."""
        found: dict[str, Values] = {}
        for one in (*node.posonlyargs, *node.args, node.vararg, *node.kwonlyargs, node.kwarg):
            if one is not None:
                found[one.arg] = NOTHING
                if one.annotation is not None:
                    self._annotation(one.annotation)
        plain = (*node.posonlyargs, *node.args)
        for one, default in (*zip(plain[len(plain) - len(node.defaults) :], node.defaults, strict=True),
                             *zip(node.kwonlyargs, node.kw_defaults, strict=True)):  # fmt: skip
            if default is not None:
                found[one.arg] = self._value(default)
        return found

    def _annotation(self, node: ast.expr) -> None:
        if not self._has_lazy_annotations:
            self._value(node)


def mentions(text: str, module: ast.Module, words: Collection[str]) -> bool:
    """Return whether one of the words is a name in a source, not only a word of a string or a comment."""
    if not any(word in text for word in words):
        return False
    for node in walk(module):
        if isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.alias)):
            name = node.name
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
        else:
            continue
        if not frozenset(name.split(".")).isdisjoint(words):
            return True
    return False


def passed(function: PlainFunction, given: PlainArguments) -> dict[str, Values]:
    """Return what each parameter of a function stands for in a call."""
    node = function.node.args
    plain = [one.arg for one in (*node.posonlyargs, *node.args)]
    found = {**function.defaults, **dict(zip(plain, given.positional, strict=False))}
    found |= {name: values for name, values in given.keywords if name in found}
    if node.vararg is not None:
        found[node.vararg.arg] = _display(given.positional[len(plain) :])
    return found


def _members(values: Values, receiver: PlainInstance) -> Values:
    """Return members of its class as attributes of an instance; raises Unsure for a property and the like."""
    if FUNCTION in values:
        raise Unsure
    return frozenset(PlainMethod(one, receiver) if isinstance(one, PlainFunction) else one for one in values)


def _later(callee: PlainValue, given: PlainArguments | None) -> PlainLater:
    """Return what a `partial` or a thread calls later; raises Unsure where that is not known."""
    if given is None:
        raise Unsure
    named = dict(given.keywords)
    if callee == _PARTIAL:
        return PlainLater(next(iter(given.positional), NOTHING), PlainArguments(given.positional[1:], given.keywords))
    return PlainLater(given.positional[1] if len(given.positional) > 1 else named.get("target", NOTHING), PlainArguments())


def is_own(value: PlainValue) -> bool:
    """Return whether a value is something of the file."""
    return not isinstance(value, str) or value in (_DISPLAY, FUNCTION)


_RUNNING = (PlainClass, PlainFunction, PlainMethod, PlainLater, PlainCoroutine, PlainGenerator)


def in_order(values: Values) -> Values:
    """Return values of which at most one runs code of the file; a set does not tell in which order several would."""
    if sum(isinstance(one, _RUNNING) for one in values) > 1:
        raise Unsure
    return values


def is_name(node: ast.expr, name: str) -> bool:
    """Return whether an expression is that name."""
    return isinstance(node, ast.Name) and node.id == name


def joined(many: Iterable[Values]) -> Values:
    """Return what may be any of many; raises Unsure where that is too much."""
    found = NOTHING.union(*many)
    if len(found) > MAX_VALUES:
        raise Unsure
    return found


def _opaque(values: Values) -> Values:
    """Return values that are asked for one of what they give: which one it is, libcst may know."""
    if any(isinstance(one, PlainNames) for one in values):
        raise Unsure
    return values


def _display(many: Sequence[Values], mapped: Sequence[Values] = ()) -> Values:
    """Return what a tuple, a list, a set or a dictionary of such values is; `mapped` stand under the keys of one."""
    if not any(many) and not any(mapped):
        return NOTHING
    names = NOTHING.union(*many)
    is_foreign = all(isinstance(one, PlainNames) or not is_own(one) for values in (names, *mapped) for one in values)
    return frozenset({PlainNames(names) if is_foreign and len(names) <= MAX_VALUES else _DISPLAY})


def operands(test: ast.expr) -> Iterator[ast.expr]:
    """Yield the conditions that `not`, `and` and `or` join."""
    waiting = [test]
    while waiting:
        here = waiting.pop()
        if isinstance(here, ast.BoolOp):
            waiting += here.values
        elif isinstance(here, ast.UnaryOp) and isinstance(here.op, ast.Not):
            waiting.append(here.operand)
        else:
            yield here


def is_decided(test: ast.expr) -> bool:
    """Return whether a condition may be judged by itself alone."""
    if isinstance(test, ast.Compare):
        return any(is_name(one, "__name__") for one in (test.left, *test.comparators))
    return written_out(test) is not None


def written_out(test: ast.expr) -> bool | None:
    """Return what a condition is that is a number or a truth value, None for any other."""
    return bool(test.value) if isinstance(test, ast.Constant) and isinstance(test.value, int) else None
