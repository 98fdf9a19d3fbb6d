"""One file as Python would load it, on what its names may stand for instead of on values.

Statements are walked in the order in which they run, and a call of a function of this file walks its
body, so that what a decorator, a constructor or `asyncio.run` sets off is found where it happens.
Conditions that nobody can know let both branches run. What was not called is walked at the end, as
what a later call may import.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import libcst as cst

from memguard_hooks.imports.analyze import LAZY_PYTHON, Analysis, ImportSite, Target, Unknown, When
from memguard_hooks.imports.conditions import either, operands, stops, truth
from memguard_hooks.imports.places import Places
from memguard_hooks.imports.syntax import (
    children,
    dotted,
    is_generator,
    literal,
    mentions,
    normal,
    parameters,
)
from memguard_hooks.imports.values import (
    Arguments,
    Bound,
    Class,
    Deferred,
    Function,
    Instance,
    Items,
    Lazy,
    Module,
    Scope,
    Site,
    Super,
    Suspended,
    Text,
    Value,
    Values,
    Wrapped,
    join,
)

LAZY_ANNOTATIONS_PYTHON = (3, 14)

MAX_CALLS = 30
"""Calls inside calls that are followed; deeper ones are followed afterwards, without their results."""

MAX_RUNS = 20
"""Times that one function is walked, each with other arguments."""

IMPORTERS = frozenset({"importlib.import_module", "importlib.__import__", "__import__", "builtins.__import__"})
RUNNERS = frozenset({"run", "run_until_complete", "run_sync", "run_coroutine_threadsafe", "gather", "wait_for"})
"""Names of functions and methods that run the coroutine they are given."""
STARTERS = frozenset({"anyio.run", "trio.run", "curio.run", "functools.reduce", "sorted", "min", "max"})
"""Functions that call the functions they are given."""
CONSUMERS = frozenset({"list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "any", "all", "next", "max", "min",
                       "join", "extend", "update", "deque", "reduce"})  # fmt: skip
"""Names of functions and methods that iterate over what they are given."""
PASSING = frozenset({"enumerate", "zip", "iter", "reversed", "list", "tuple", "set", "frozenset", "sorted"})
"""Functions whose result gives what their argument gives."""

_NEVER = "in a branch that does not run"
_PROXY_WORDS = ("import", "load", "mod", "lib", "pack", "proxy")


@dataclass(eq=False, slots=True)
class _Frame:
    """One run of a function: who it belongs to, and what it returned so far."""

    function: Function
    receiver: Values
    returned: Values = ()


class _Context(NamedTuple):
    """Where the walk is: when this code runs, why, and in which names."""

    when: When
    why: str
    scope: Scope
    at_module_level: bool = False
    frame: _Frame | None = None
    runs_coroutines: bool = False

    def later(self, why: str) -> _Context:
        """Return the context of code that the code here does not run itself."""
        return self if self.when == "never" else self._replace(when="call", why=why)

    def never(self, why: str) -> _Context:
        """Return the context of code that no run reaches."""
        return self if self.when == "never" else self._replace(when="never", why=why)


_Defined = tuple[Function, When, str]
_Comprehension = cst.GeneratorExp | cst.ListComp | cst.SetComp | cst.DictComp


class Interpreter:
    """The walk through one module."""

    def __init__(self, module: cst.Module, text: str, target: Target, places: Places) -> None:
        self._module = module
        self._text = text
        self._target = target
        self._places = places
        self._sites: dict[tuple[cst.CSTNode, str], Site] = {}
        self._unknown: dict[cst.CSTNode, Unknown] = {}
        self._defined: dict[cst.CSTNode, _Defined] = {}
        self._walked: set[cst.CSTNode] = set()
        self._generators: dict[cst.CSTNode, bool] = {}
        self._runs: Counter[tuple[cst.CSTNode, When]] = Counter()
        self._frames: dict[tuple[Function, Arguments, When], _Frame] = {}
        self._waiting: list[tuple[Function, Arguments, _Context]] = []
        self._depth = 0
        self._lazy_modules: set[str] = set()
        self._future_annotations = False

    def run(self) -> Analysis:
        """Walk everything once and say what was found."""
        scope = Scope()
        context = _Context("import", "at module level", scope, at_module_level=True)
        self._block(self._module.body, context)
        for name in sorted(self._target.called):
            head, *rest = name.split(".")
            values = scope.lookup(head) or ()
            for attribute in rest:
                values = self._attribute(values, attribute, None, context)
            self._call(values, Arguments(), context._replace(why="called by the server"))
        self._walk_the_waiting()
        self._walk_the_rest()
        return Analysis(
            tuple(sorted(map(self._site_of, self._sites.values()), key=lambda s: (s.line, s.column, s.module))),
            tuple(sorted(self._unknown.values())),
        )

    def _walk_the_waiting(self) -> None:
        """Walk what was called too deep inside other calls."""
        while self._waiting:
            self._body(*self._waiting.pop())

    def _walk_the_rest(self) -> None:
        """Walk the functions that nothing called while the file was loaded."""
        while True:
            rest = [defined for node, defined in self._defined.items() if node not in self._walked]
            if not rest:
                return
            for function, when, why in rest:
                if function.node not in self._walked:
                    self._body(function, Arguments(), _Context(when, why, function.scope))
                    self._walk_the_waiting()

    def _site_of(self, site: Site) -> ImportSite:
        place = self._places.of(site.node)
        used = self._places.of(site.used) if site.used is not None else None
        return ImportSite(
            place.line,
            place.column,
            place.end_line,
            site.module,
            site.level,
            site.names,
            "import" if used else site.when,
            f"used at line {used.line} while loading" if used else site.why,
            used and used.line,
            used and used.column,
        )

    # Statements

    def _block(self, statements: Iterable[cst.CSTNode], context: _Context) -> None:
        for statement in statements:
            self._statement(statement, context)

    def _suite(self, part: cst.CSTNode | None, context: _Context) -> None:
        """Walk the block of a compound statement or of one of its clauses."""
        if part is not None:
            block = getattr(part, "body", None)
            assert isinstance(block, cst.BaseSuite)
            self._block(block.body, context)

    def _statement(self, node: cst.CSTNode, context: _Context) -> None:
        if isinstance(node, cst.SimpleStatementLine):
            self._block(node.body, context)
        elif isinstance(node, (cst.Import, cst.LazyImport)):
            for alias in node.names:
                self._import(node, alias, context)
        elif isinstance(node, (cst.ImportFrom, cst.LazyImportFrom)):
            self._import_from(node, context)
        elif isinstance(node, cst.FunctionDef):
            self._function(node, context)
        elif isinstance(node, cst.ClassDef):
            self._class(node, context)
        elif isinstance(node, cst.If):
            self._if(node, context)
        elif isinstance(node, cst.While):
            self._expression(node.test, context)
            value, why = truth(node.test, context.scope, self._target)
            self._suite(node, context.never(why) if value is False else context)
            self._suite(node.orelse, context)
        elif isinstance(node, cst.For):
            self._bind(node.target, self._consume(self._expression(node.iter, context), context), context)
            self._suite(node, context)
            self._suite(node.orelse, context)
        elif isinstance(node, (cst.Try, cst.TryStar)):
            why = "at module level, in try" if context.at_module_level else context.why
            self._try(node, context._replace(why=why, at_module_level=False))
        elif isinstance(node, cst.With):
            for item in node.items:
                entered = self._enter(self._expression(item.item, context), context)
                if item.asname is not None:
                    self._bind(item.asname.name, entered, context)
            self._suite(node, context._replace(at_module_level=False))
        elif isinstance(node, cst.Match):
            self._expression(node.subject, context)
            for case in node.cases:
                self._pattern(case.pattern, context)
                self._expression(case.guard, context)
                self._suite(case, context)
        else:
            self._small(node, context)

    def _small(self, node: cst.CSTNode, context: _Context) -> None:
        if isinstance(node, cst.Assign):
            values = self._expression(node.value, context)
            for target in node.targets:
                self._bind(target.target, values, context)
        elif isinstance(node, cst.AnnAssign):
            # What is annotated in a function is not looked at, ever.
            self._annotation(node.annotation, context, is_local=context.scope.is_function)
            values = self._expression(node.value, context)
            self._bind(node.target, values, context)
        elif isinstance(node, cst.AugAssign):
            self._expression(node.target, context)
            self._bind(node.target, self._expression(node.value, context), context)
        elif isinstance(node, cst.Return):
            values = self._expression(node.value, context)
            if context.frame is not None:
                context.frame.returned = join(context.frame.returned, values)
        elif isinstance(node, cst.Global):
            for item in node.names:
                context.scope.elsewhere[item.name.value] = context.scope.outermost
        elif isinstance(node, cst.Nonlocal) and context.scope.parent is not None:
            for item in node.names:
                context.scope.elsewhere[item.name.value] = context.scope.parent
        elif isinstance(node, cst.TypeAlias):
            self._expression(node.value, context.later("in a type alias"))
        elif not isinstance(node, (cst.Del, cst.Global, cst.Nonlocal)):
            for child in children(node):
                self._expression(child, context)

    def _if(self, node: cst.If, context: _Context) -> None:
        branch: cst.If | cst.Else | None = node
        while isinstance(branch, cst.If):
            self._expression(branch.test, context)
            value, why = truth(branch.test, context.scope, self._target)
            self._suite(branch, context.never(why) if value is False else context)
            if value is True:
                context = context.never(why)
            branch = branch.orelse
        self._suite(branch, context)

    def _try(self, node: cst.Try | cst.TryStar, context: _Context) -> None:
        self._suite(node, context)
        for handler in node.handlers:
            self._expression(handler.type, context)
            if handler.name is not None:
                self._bind(handler.name.name, (), context)
            self._suite(handler, context)
        self._suite(node.orelse, context)
        self._suite(node.finalbody, context)

    def _pattern(self, node: cst.CSTNode, context: _Context) -> None:
        """Walk a pattern: its names are bound, its values and classes are looked up."""
        waiting = [node]
        while waiting:
            here = waiting.pop()
            if isinstance(here, (cst.MatchAs, cst.MatchStar)) and here.name is not None:
                self._bind(here.name, (), context)
            if isinstance(here, cst.MatchMapping) and here.rest is not None:
                self._bind(here.rest, (), context)
            if isinstance(here, cst.MatchValue):
                self._expression(here.value, context)
            elif isinstance(here, cst.MatchClass):
                self._expression(here.cls, context)
                waiting += [*here.patterns, *here.kwds]
            elif not isinstance(here, cst.Name):
                waiting += children(here)

    # Definitions

    def _define(self, function: Function, context: _Context) -> Function:
        if function.node not in self._defined:
            later = context.later(f"in function {function.name}")
            self._defined[function.node] = (function, later.when, later.why)
        return function

    def _function(self, node: cst.FunctionDef, context: _Context) -> None:
        decorators = [self._expression(decorator.decorator, context) for decorator in node.decorators]
        is_async = node.asynchronous is not None
        owner = context.scope.names.get("__class__", ()) if context.scope.is_class else ()
        function = Function(
            node, context.scope, node.name.value, is_async,
            owner=next((one for one in owner if isinstance(one, Class)), None),
        )  # fmt: skip
        function.defaults = self._defaults(node.params, context)
        if node.returns is not None:
            self._annotation(node.returns, context)
        values: Values = (self._define(function, context),)
        for decorator in reversed(decorators):
            values = self._decorate(decorator, values, context)
        self._bind(node.name, values, context)

    def _defaults(self, node: cst.Parameters, context: _Context) -> dict[str, Values]:
        found = {}
        for parameter in parameters(node):
            found[normal(parameter.name.value)] = self._expression(parameter.default, context)
            if parameter.annotation is not None:
                self._annotation(parameter.annotation, context)
        return found

    def _annotation(self, node: cst.Annotation, context: _Context, *, is_local: bool = False) -> None:
        python = self._target.python
        is_lazy = self._future_annotations or is_local or (python is not None and python >= LAZY_ANNOTATIONS_PYTHON)
        self._expression(node.annotation, context.later("in an annotation") if is_lazy else context)

    def _decorate(self, decorator: Values, values: Values, context: _Context) -> Values:
        """Call a decorator; what is not known is taken to give back what it was given."""
        names = {one.path.rpartition(".")[2] for one in decorator if isinstance(one, Module)}
        functions = [one for one in values if isinstance(one, Function)]
        for name in names:
            if name in ("property", "cached_property"):
                return tuple(Wrapped("property", function) for function in functions)
            if name in ("classmethod", "staticmethod"):
                return tuple(Wrapped(name, function) for function in functions)  # type: ignore[arg-type]
        return self._call(decorator, Arguments((values,)), context) or values

    def _class(self, node: cst.ClassDef, context: _Context) -> None:
        decorators = [self._expression(decorator.decorator, context) for decorator in node.decorators]
        bases = join(*(self._expression(base.value, context) for base in node.bases))
        keywords = {k.keyword.value: self._expression(k.value, context) for k in node.keywords if k.keyword is not None}
        inherited = (one.metaclasses for base in bases if isinstance(base, Class) for one in base.family())
        made = Class(node.name.value, node, Scope(context.scope, is_class=True), bases,
                     join(keywords.get("metaclass", ()), *inherited))  # fmt: skip
        made.scope.names["__class__"] = (made,)
        self._hook(made.metaclasses, "__prepare__", context)
        why = f"in the body of class {made.name}" if context.when == "import" else context.why
        self._block(node.body.body, context._replace(why=why, scope=made.scope, at_module_level=False))
        for name in ("__new__", "__init__"):
            self._hook(made.metaclasses, name, context)
        for members in list(made.scope.names.values()):
            self._hook(members, "__set_name__", context, of=Instance)
        self._hook(bases, "__init_subclass__", context)
        values: Values = (made,)
        for decorator in reversed(decorators):
            values = join(values, self._decorate(decorator, values, context))
        self._bind(node.name, values, context)

    def _hook(self, values: Values, name: str, context: _Context, of: type[Class | Instance] = Class) -> None:
        """Run a method that Python calls by itself."""
        for value in values:
            if isinstance(value, of):
                self._call(self._attribute((value,), name, None, context), Arguments(), context)

    # Imports

    def _import(self, node: cst.Import | cst.LazyImport, alias: cst.ImportAlias, context: _Context) -> None:
        module = dotted(alias.name) or ""
        head = module.partition(".")[0]
        is_lazy = isinstance(node, cst.LazyImport) or self._is_made_lazy(module, 0, context)
        lazy = self._imported(node, module, 0, (), context, is_lazy=is_lazy)
        bound, path = (alias.evaluated_alias, module) if alias.evaluated_alias else (head, head)
        context.scope.bind(normal(bound), (*lazy, Module(path)))

    def _import_from(self, node: cst.ImportFrom | cst.LazyImportFrom, context: _Context) -> None:
        module, level = dotted(node.module) or "", len(node.relative)
        is_lazy = isinstance(node, cst.LazyImportFrom) or self._is_made_lazy(module, level, context)
        if isinstance(node.names, cst.ImportStar):
            self._imported(node, module, level, ("*",), context, is_lazy=False)
            context.scope.stars.append("." * level + module)
            return
        names = tuple(dotted(alias.name) or "" for alias in node.names)
        if module == "__future__":
            is_lazy = False
            self._future_annotations |= "annotations" in names
        lazy = self._imported(node, module, level, names, context, is_lazy=is_lazy)
        for alias, name in zip(node.names, names, strict=True):
            path = f"{'.' * level}{module}.{name}"
            context.scope.bind(normal(alias.evaluated_alias or name), (*lazy, Module(path)))

    def _is_made_lazy(self, module: str, level: int, context: _Context) -> bool:
        """Tell whether Python 3.15 makes a plain import lazy by `__lazy_modules__` or by its environment."""
        if not context.at_module_level or (self._target.python or (3, 0)) < LAZY_PYTHON:
            return False
        # The name of the package is not known here, so a relative name is compared by its end.
        named = any(one.endswith(f".{module}") for one in self._lazy_modules) if level else module in self._lazy_modules
        return self._target.lazy_all or named

    def _imported(
        self, node: cst.CSTNode, module: str, level: int, names: tuple[str, ...], context: _Context, *, is_lazy: bool
    ) -> tuple[Lazy, ...]:
        if not is_lazy:
            self._site(node, module, level, names, context)
            return ()
        return (Lazy(self._site(node, module, level, names, context.later("a lazy import")), is_proxy=False),)

    def _site(self, node: cst.CSTNode, module: str, level: int, names: tuple[str, ...], context: _Context) -> Site:
        """Note an import; what runs in several ways counts as the earliest of them."""
        order = ("import", "call", "never")
        known = self._sites.get((node, module))
        if known is None:
            known = self._sites[node, module] = Site(node, module, level, names, context.when, context.why)
        elif order.index(context.when) < order.index(known.when):
            known.when, known.why = context.when, context.why
        return known

    # Names

    def _bind(self, target: cst.CSTNode, values: Values, context: _Context) -> None:
        """Assign to whatever stands on the left."""
        if isinstance(target, cst.Name):
            if target.value == "__lazy_modules__" and context.scope.parent is None:
                self._lazy_modules.update(one.text for one in _elements(values) if isinstance(one, Text))
            context.scope.bind(normal(target.value), values)
        elif isinstance(target, cst.Attribute):
            for owner in self._expression(target.value, context):
                if isinstance(owner, Instance):
                    owner.attributes[target.attr.value] = join(owner.attributes.get(target.attr.value, ()), values)
                elif isinstance(owner, Class):
                    owner.scope.bind(target.attr.value, values)
        elif isinstance(target, (cst.Tuple, cst.List)):
            self._consume(values, context)
            rows = [value.elements for value in values if isinstance(value, Items)]
            for index, element in enumerate(target.elements):
                found = join(*(row[index] for row in rows if len(row) == len(target.elements)))
                self._bind(element.value, found, context)
        else:
            self._expression(target, context)

    def _load(self, node: cst.Name, context: _Context) -> Values:
        """Look a name up: that is what resolves a lazy import."""
        values = context.scope.lookup(normal(node.value))
        if values is None:
            return (Module(node.value),)  # a builtin
        for value in values:
            if isinstance(value, Lazy) and not value.is_proxy:
                self._use(value, node, context)
        return tuple(value for value in values if not isinstance(value, Lazy) or value.is_proxy)

    def _use(self, lazy: Lazy, node: cst.CSTNode, context: _Context) -> None:
        if context.when == "import" and lazy.site.when != "never" and lazy.site.used is None:
            lazy.site.used = node

    # Expressions

    def _expression(self, node: cst.CSTNode | None, context: _Context) -> Values:
        """Walk an expression and return what it may give.

        Chains of attributes, calls and operators are walked without recursion: they may be long.
        """
        spine: list[cst.Attribute | cst.Call | cst.Subscript] = []
        while isinstance(node, (cst.Attribute, cst.Call, cst.Subscript)):
            spine.append(node)
            node = node.func if isinstance(node, cst.Call) else node.value
        values = self._operand(node, context) if node is not None else ()
        for part in reversed(spine):
            if isinstance(part, cst.Attribute):
                values = self._attribute(values, part.attr.value, part, context)
            elif isinstance(part, cst.Call):
                values = self._called(part, values, context)
            else:
                for element in part.slice:
                    self._parts(element, context)
                values = self._item(values, context)
        return values

    def _operand(self, node: cst.CSTNode, context: _Context) -> Values:
        if isinstance(node, cst.Name):
            return self._load(node, context)
        if isinstance(node, cst.Lambda):
            function = Function(node, context.scope, "lambda")
            function.defaults = self._defaults(node.params, context)
            return (self._define(function, context),)
        if isinstance(node, cst.GeneratorExp):
            values = self._expression(node.for_in.iter, context)
            function = Function(node, context.scope, "generator", defaults={"": values})
            return (Suspended(self._define(function, context), Arguments()),)
        if isinstance(node, (cst.ListComp, cst.SetComp, cst.DictComp)):
            return self._comprehension(node, self._expression(node.for_in.iter, context), context)
        if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
            return self._display(node.elements, context)
        if isinstance(node, cst.Dict):
            return self._dictionary(node, context)
        if isinstance(node, cst.Await):
            return self._consume(self._expression(node.expression, context), context)
        if isinstance(node, cst.From):
            return self._consume(self._expression(node.item, context), context)
        if isinstance(node, cst.NamedExpr):
            values = self._expression(node.value, context)
            self._bind(node.target, values, context)
            return values
        if isinstance(node, cst.IfExp):
            return self._choice(node, context)
        if isinstance(node, cst.BooleanOperation):
            return self._boolean(node, context)
        text = literal(node)
        if text is not None:
            return (Text(text),)
        self._parts(node, context)
        return ()

    def _parts(self, node: cst.CSTNode, context: _Context) -> None:
        """Walk the operands of an operator, or of anything else whose value says nothing about imports."""
        waiting = list(reversed(list(children(node))))
        while waiting:
            here = waiting.pop()
            if isinstance(here, _OPERANDS):
                self._expression(here, context)
            else:
                waiting.extend(reversed(list(children(here))))

    def _choice(self, node: cst.IfExp, context: _Context) -> Values:
        found: list[Values] = []
        rest: cst.BaseExpression = node
        while isinstance(rest, cst.IfExp):
            self._expression(rest.test, context)
            value, why = truth(rest.test, context.scope, self._target)
            found.append(self._expression(rest.body, context.never(why) if value is False else context))
            context = context.never(why) if value is True else context
            rest = rest.orelse
        return join(*found, self._expression(rest, context))

    def _boolean(self, node: cst.BooleanOperation, context: _Context) -> Values:
        first, operations = operands(node)
        found = [self._expression(first, context)]
        known = truth(first, context.scope, self._target)
        for operation in operations:
            right = context.never(known.why) if stops(known, operation) else context
            found.append(self._expression(operation.right, right))
            known = either(known, operation, truth(operation.right, context.scope, self._target))
        return join(*found)

    def _display(self, elements: Sequence[cst.BaseElement], context: _Context) -> Values:
        found: list[Values] = []
        for element in elements:
            values = self._expression(element.value, context)
            if isinstance(element, cst.StarredElement):
                found += [(one,) for one in self._consume(values, context)]
            else:
                found.append(values)
        return (Items(tuple(found)),)

    def _dictionary(self, node: cst.Dict, context: _Context) -> Values:
        keys: list[Values] = []
        mapped: list[Values] = []
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                keys.append(self._expression(element.key, context))
            mapped.append(self._expression(element.value, context))
        return (Items(tuple(keys), join(*mapped)),)

    def _comprehension(self, node: _Comprehension, first: Values, context: _Context) -> Values:
        """Walk a comprehension that runs, from the value of its first `in` on."""
        context = context._replace(scope=Scope(context.scope))
        part: cst.CompFor | None = node.for_in
        while part is not None:
            values = first if part is node.for_in else self._expression(part.iter, context)
            self._bind(part.target, self._consume(values, context), context)
            for condition in part.ifs:
                self._expression(condition.test, context)
            part = part.inner_for_in
        if isinstance(node, cst.DictComp):
            return (Items((self._expression(node.key, context),), self._expression(node.value, context)),)
        return (Items((self._expression(node.elt, context),)),)

    # Values

    def _attribute(self, values: Values, name: str, node: cst.CSTNode | None, context: _Context) -> Values:
        return join(*(self._attribute_of(value, name, node, context) for value in values))

    def _attribute_of(self, value: Value, name: str, node: cst.CSTNode | None, context: _Context) -> Values:
        if isinstance(value, Module):
            return (Module(f"{value.path}.{name}"),)
        if isinstance(value, Lazy):
            self._use(value, node or value.site.node, context)
        elif isinstance(value, Deferred):
            return (value,) if name in ("start", "run", "__call__") else ()
        elif isinstance(value, Class):
            return self._members(value.find(name) or join(*(self._attribute_of(one, name, node, context)
                                 for one in value.metaclasses if isinstance(one, Class))), value, context)  # fmt: skip
        elif isinstance(value, Super):
            family = [one for one in _class_of(value.receiver).family() if one is not value.owner]
            return self._members(next((found for one in family if (found := one.scope.names.get(name))), ()),
                                 value.receiver, context)  # fmt: skip
        elif isinstance(value, Instance):
            found = join(value.attributes.get(name, ()), self._members(value.kind.find(name), value, context))
            if found or name.startswith("__"):
                return found
            fallback = self._members(value.kind.find("__getattr__"), value, context)
            return self._call(fallback, Arguments(((Text(name),),)), context)
        return ()

    def _members(self, values: Values, receiver: Instance | Class, context: _Context) -> Values:
        """Look members of a class up as attributes of the class or of an instance."""
        found: list[Values] = []
        for value in values:
            if isinstance(value, Function) and (isinstance(receiver, Instance) or value.name == "__init_subclass__"):
                found.append((Bound(value, receiver),))
            elif isinstance(value, Wrapped) and value.kind == "classmethod":
                found.append((Bound(value.function, _class_of(receiver)),))
            elif isinstance(value, Wrapped) and value.kind == "property" and isinstance(receiver, Instance):
                found.append(self._call((Bound(value.function, receiver),), Arguments(), context))
            elif isinstance(value, Wrapped):
                found.append((value.function,))
            else:
                found.append((value,))
        return join(*found)

    def _item(self, values: Values, context: _Context) -> Values:
        found: list[Values] = []
        for value in values:
            if isinstance(value, Items):
                found.append(value.mapped or join(*value.elements))
            elif isinstance(value, Instance):
                found.append(self._call(self._attribute((value,), "__getitem__", None, context), Arguments(), context))
            elif isinstance(value, Class):
                self._hook((value,), "__class_getitem__", context)
                found.append((value,))
            elif isinstance(value, Lazy):
                self._use(value, value.site.node, context)
        return join(*found)

    def _consume(self, values: Values, context: _Context) -> Values:
        """Iterate over values, or await them, and return what that gives."""
        found = [_elements(values)]
        for value in values:
            if isinstance(value, Suspended):
                found.append(self._body(value.function, value.arguments, context))
            elif isinstance(value, Deferred) and value.trigger == "iterate":
                found.append(self._consume(self._call(value.callees, value.arguments, context), context))
            elif isinstance(value, Instance):
                for name in ("__iter__", "__next__", "__aiter__", "__anext__", "__await__"):
                    self._hook((value,), name, context, of=Instance)
        return join(*found)

    def _enter(self, values: Values, context: _Context) -> Values:
        """Enter a `with` block, and leave it: both run."""
        found = [self._consume(tuple(value for value in values if isinstance(value, Suspended)), context)]
        for value in values:
            if isinstance(value, Instance):
                for name in ("__enter__", "__aenter__", "__exit__", "__aexit__"):
                    given = self._call(self._attribute((value,), name, None, context), Arguments(), context)
                    found.append(self._consume(given, context) if name.startswith("__a") else given)
        return join(*found)

    # Calls

    def _called(self, node: cst.Call, callees: Values, context: _Context) -> Values:
        """Walk the arguments of a call, then what it calls."""
        arguments = self._arguments(node, context)
        last = node.func.attr.value if isinstance(node.func, cst.Attribute) else dotted(node.func)
        proxy = self._proxy(node, callees, arguments, context)
        if proxy is not None:
            return (proxy,)
        if last in RUNNERS or last in CONSUMERS or context.runs_coroutines:
            self._consume(arguments.all(), context)
        if last == "super" and context.frame is not None and context.frame.function.owner is not None:
            owner = context.frame.function.owner
            return tuple(Super(owner, one) for one in context.frame.receiver if isinstance(one, (Instance, Class)))
        found: list[Values] = []
        for callee in callees:
            if isinstance(callee, Module) and callee.path in IMPORTERS:
                found.append(self._imported_by_call(node, callee.path, arguments, context))
            elif isinstance(callee, Module):
                found.append(self._external(callee.path, arguments, context))
            else:
                found.append(self._call((callee,), arguments, context))
        return join(*found)

    def _arguments(self, node: cst.Call, context: _Context) -> Arguments:
        positional: list[Values] = []
        keywords: list[tuple[str, Values]] = []
        for argument in node.args:
            values = self._expression(argument.value, context)
            if argument.star:
                positional += [(one,) for one in self._consume(values, context)] if argument.star == "*" else []
            elif argument.keyword is not None:
                keywords.append((normal(argument.keyword.value), values))
            else:
                positional.append(values)
        return Arguments(tuple(positional), tuple(keywords))

    def _external(self, path: str, arguments: Arguments, context: _Context) -> Values:
        """Call what this file does not define: a few functions call or return what they are given."""
        first = arguments.get(0)
        rest = Arguments(arguments.positional[1:], arguments.keywords)
        if path in ("map", "filter"):
            items = tuple(self._consume(values, context) for values in rest.positional)
            return (Deferred(first, Arguments(items), "iterate"),)
        if path == "functools.partial":
            return (Deferred(first, rest, "call"),)
        if path == "threading.Thread":
            return (Deferred(arguments.get(1, "target"), Arguments(), "start"),)
        if path in STARTERS:
            self._consume(self._call(join(first, arguments.get(9, "key")), Arguments(), context), context)
        return first if path in PASSING else ()

    def _imported_by_call(self, node: cst.Call, path: str, arguments: Arguments, context: _Context) -> Values:
        """Note `import_module("x")` and `__import__("x")`, and what was not known at load time."""
        names = [value.text for value in arguments.get(0, "name") if isinstance(value, Text)]
        package = next((v.text for v in arguments.get(1, "package") if isinstance(v, Text)), None)
        found: list[Value] = []
        for name in names:
            module = name.lstrip(".")
            level = len(name) - len(module)
            if level and package is not None:
                base = package.split(".")
                module, level = ".".join([*base[: len(base) - level + 1], module]), 0
            fromlist = _elements(arguments.get(3, "fromlist")) if path.endswith("__import__") else ()
            self._site(node, module, level, tuple(one.text for one in fromlist if isinstance(one, Text)), context)
            found.append(Module(module if not path.endswith("__import__") else module.partition(".")[0]))
        if not names and node.args and context.when == "import" and node not in self._unknown:
            place = self._places.of(node)
            text = " ".join(self._module.code_for_node(node).split())
            self._unknown[node] = Unknown(place.line, place.column, text[:80])
        return tuple(found)

    def _proxy(self, node: cst.Call, callees: Values, arguments: Arguments, context: _Context) -> Lazy | None:
        """Recognize `openai = LazyImporter("openai")`: lazy until something uses an attribute of it."""
        name = (dotted(node.func) or "").lower()
        own = [callee for callee in callees if isinstance(callee, Class)]
        is_lazy = "lazy" in name and any(word in name for word in _PROXY_WORDS)
        if not is_lazy and not any(one.find("__getattr__") and mentions(one.node, _IMPORTING) for one in own):
            return None
        texts = [value.text for value in arguments.get(0) if isinstance(value, Text)]
        # Only what is written out: the scan must have seen it.
        if len(texts) != 1 or not all(part.isidentifier() and part in self._text for part in texts[0].split(".")):
            return None
        self._call(callees, arguments, context)
        return Lazy(self._site(node, texts[0], 0, (), context.later("behind a lazy proxy")), is_proxy=True)

    def _call(self, callees: Values, arguments: Arguments, context: _Context) -> Values:
        if context.when != "import":
            return ()
        return join(*(self._call_one(callee, arguments, context) for callee in callees))

    def _call_one(self, callee: Value, arguments: Arguments, context: _Context) -> Values:
        if isinstance(callee, Wrapped):
            callee = callee.function
        if isinstance(callee, Bound):
            arguments = Arguments(((callee.receiver,), *arguments.positional), arguments.keywords)
            callee = callee.function
        if isinstance(callee, Function):
            if callee.is_async or self._is_generator(callee.node):
                return (Suspended(callee, arguments),)
            return self._body(callee, arguments, context)
        if isinstance(callee, Class):
            return self._construct(callee, arguments, context)
        if isinstance(callee, Instance):
            return self._call(self._attribute((callee,), "__call__", None, context), arguments, context)
        if isinstance(callee, Deferred) and callee.trigger != "iterate":
            given = (*callee.arguments.positional, *arguments.positional)
            return self._call(callee.callees, Arguments(given, arguments.keywords), context)
        if isinstance(callee, Lazy):
            self._use(callee, callee.site.node, context)
        return ()

    def _is_generator(self, node: cst.CSTNode) -> bool:
        if node not in self._generators:
            self._generators[node] = isinstance(node, cst.FunctionDef) and is_generator(node)
        return self._generators[node]

    def _construct(self, kind: Class, arguments: Arguments, context: _Context) -> Values:
        for metaclass in kind.metaclasses:
            if isinstance(metaclass, Class):
                self._call(metaclass.find("__call__"), Arguments(((kind,), *arguments.positional)), context)
        made = Instance(kind)
        self._call(kind.find("__new__"), Arguments(((kind,), *arguments.positional), arguments.keywords), context)
        for name in ("__init__", "__post_init__"):
            given = arguments if name == "__init__" else Arguments()
            self._call(self._members(kind.find(name), made, context), given, context)
        return (made,)

    def _body(self, function: Function, arguments: Arguments, context: _Context) -> Values:
        """Walk the body of a function once for each set of arguments, and return what it returns."""
        key = (function, arguments, context.when)
        if key in self._frames:
            return self._frames[key].returned
        if self._depth >= MAX_CALLS:
            self._waiting.append((function, arguments, context))
            return ()
        if self._runs[function.node, context.when] >= MAX_RUNS:
            return ()
        self._runs[function.node, context.when] += 1
        self._walked.add(function.node)
        frame = self._frames[key] = _Frame(function, arguments.get(0))
        if context.when == "import":
            context = context._replace(why=f"in function {function.name}, called {_where(context.why)}")
        scope = Scope(function.scope)
        inner = context._replace(
            scope=scope, at_module_level=False, frame=frame, runs_coroutines=function.is_async and context.when == "import"
        )
        self._depth += 1
        try:
            self._walk_body(function, arguments, inner)
        finally:
            self._depth -= 1
        return frame.returned

    def _walk_body(self, function: Function, arguments: Arguments, context: _Context) -> None:
        node = function.node
        if isinstance(node, cst.GeneratorExp):
            self._comprehension(node, function.defaults[""], context)
            return
        for name, values in _passed(node.params, function.defaults, arguments):
            context.scope.names[name] = values
        if isinstance(node, cst.Lambda):
            values = self._expression(node.body, context)
            assert context.frame is not None
            context.frame.returned = values
        else:
            self._block(node.body.body, context)


_IMPORTING = frozenset({"import_module", "__import__"})
_OPERANDS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Lambda, cst.GeneratorExp, cst.ListComp, cst.SetComp,
             cst.DictComp, cst.Tuple, cst.List, cst.Set, cst.Dict, cst.Await, cst.From, cst.NamedExpr, cst.IfExp,
             cst.BooleanOperation)  # fmt: skip


def _passed(node: cst.Parameters, defaults: dict[str, Values], arguments: Arguments) -> list[tuple[str, Values]]:
    """Give what each parameter of a call stands for."""
    named = dict(arguments.keywords)
    plain = [normal(parameter.name.value) for parameter in (*node.posonly_params, *node.params)]
    found = dict(defaults)
    found.update(zip(plain, arguments.positional, strict=False))
    found.update({name: values for name, values in named.items() if name in found})
    if isinstance(node.star_arg, cst.Param):
        found[normal(node.star_arg.name.value)] = (Items(arguments.positional[len(plain) :]),)
    return list(found.items())


def _where(why: str) -> str:
    """Say in short where a function is called from."""
    if why.startswith("at "):
        return "at module level"
    if why.startswith("called "):
        return why.removeprefix("called ")
    return why if why.startswith("in the body") else "while loading"


def _elements(values: Values) -> Values:
    return join(*(element for value in values if isinstance(value, Items) for element in value.elements))


def _class_of(receiver: Instance | Class) -> Class:
    return receiver.kind if isinstance(receiver, Instance) else receiver
