"""The scopes of a source file: what each name is bound to, under which conditions, and which calls stand in them."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats import python_nodes
from memguard_hooks.record import Literal, Record, TypeAlias
from memguard_hooks.relations import grouped

Kind: TypeAlias = "Literal['value', 'element', 'item', 'import', 'function', 'class', 'parameter', 'rest', 'unknown']"

MAIN = "__main__"
"""The body of `if __name__ == "__main__"`."""

FunctionNode = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Condition(Record):
    """A test that an assignment depends on, and the answer it needs; no test where what decides is no expression."""

    test: ast.expr | None
    answer: bool
    scope: NameScope
    is_handler: bool = False


class Binding(Record):
    """One way in which a name gets its value.

    `item` is the place in an unpacked sequence or among parameters, `name` what is imported, or the parameter. `scope` is
    where it is bound; the default of a parameter is read around it. `is_first` marks what a loop goes through that ends with
    the first of them that works.
    """

    kind: Kind
    line: int
    scope: NameScope
    node: ast.AST | None
    conditions: tuple[Condition, ...] = ()
    item: int = 0
    name: str = ""
    level: int = 0
    is_first: bool = False


class TableChange(Record):
    """What code puts into a table that has a name: the value under a key, or all of another table where there is no key.

    Names of `self` begin with a dot; `app.config` is a name as well. The value is None where nobody knows it.
    """

    name: str
    key: ast.expr | None
    value: ast.expr | None
    scope: NameScope
    conditions: tuple[Condition, ...]


class NameScope:
    """A module, a class, a function or a comprehension, with what its names are bound to.

    `attributes` are those that the methods of a class set on `self`; `inner` finds the scope of a node in it. `changes` are
    those of the tables of a module, or of the instances of a class. `stars` are the imports of all names, each module once.
    `settings` are what is assigned to attributes of what a module names, as calls of these with the value.
    """

    def __init__(self, node: ast.AST, parent: NameScope | None, path: str) -> None:
        self.node = node
        self.parent = parent
        self.path = path
        self.module: NameScope = self if parent is None else parent.module
        self.bindings: dict[str, list[Binding]] = {}
        self.stars: dict[tuple[str, int], Binding] = {}
        self.attributes: dict[str, list[Binding]] = {}
        self.inner: dict[ast.AST, NameScope] = {}
        self.returns: list[tuple[ast.expr, tuple[Condition, ...]]] = []
        self.shared: set[str] = set()
        self.calls: list[CallInScope] = []
        self.settings: list[CallInScope] = []
        self.changes: list[TableChange] = []
        self._by_name: dict[str, list[CallInScope]] = {}
        self._by_table: dict[str, list[TableChange]] = {}
        self._by_import: dict[str, list[Binding]] | None = None

    def calls_by_name(self, name: str) -> Sequence[CallInScope]:
        """Return the calls in a module of what has a last name; all of them are looked at once."""
        if not self._by_name:
            self._by_name = grouped((last_name(call.node), call) for call in self.calls)
        return self._by_name.get(name, ())

    def changes_of(self, table: str) -> Sequence[TableChange]:
        """Return what is put into the tables of a name; all changes are looked at once."""
        if not self._by_table:
            self._by_table = grouped((change.name, change) for change in self.changes)
        return self._by_table.get(table, ())

    def imports_of(self, name: str) -> Sequence[Binding]:
        """Return the imports anywhere in a module that bind a name; all of them are looked at once."""
        if self._by_import is None:
            self._by_import = {}
            waiting = [self]
            while waiting:
                here = waiting.pop()
                waiting += here.inner.values()
                for bound_name, bindings in here.bindings.items():
                    found = [one for one in bindings if one.kind == "import"]
                    self._by_import.setdefault(bound_name, []).extend(found)
        return self._by_import.get(name, ())

    @property
    def name(self) -> str:
        """The dotted name of the function or class, the empty string for a module."""
        own = getattr(self.node, "name", "")
        outer = self.parent.name if self.parent is not None else ""
        return f"{outer}.{own}" if outer and own else own or outer

    @property
    def function(self) -> NameScope | None:
        """The innermost function that it is, or is in."""
        here: NameScope | None = self
        while here is not None and not isinstance(here.node, FunctionNode):
            here = here.parent
        return here

    def release(self) -> None:
        """Hold nothing more: a scope and what is bound in it refer to each other, and would wait for the collector."""
        waiting = [self]
        while waiting:
            here = waiting.pop()
            waiting += here.inner.values()
            here.__dict__.clear()

    def bind(self, name: str, binding: Binding) -> None:
        """Note a binding, in the module where the name was declared global."""
        owner = self.module if name in self.shared else self
        if owner is not self:
            binding = binding._replace(conditions=(*binding.conditions, Condition(None, True, self)))
        if name == "*":
            owner.stars.setdefault((binding.name, binding.level), binding)
        else:
            owner.bindings.setdefault(name, []).append(binding)


class CallInScope(Record):
    """One call, the scope it stands in, and the conditions that it depends on."""

    node: ast.Call
    scope: NameScope
    conditions: tuple[Condition, ...]


def body_of(call: CallInScope) -> str:
    """Return the body of statements that a call stands in, as walks name it."""
    function = call.scope.function
    if function is not None:
        return function.name
    return MAIN if any(one.test is not None and is_main_test(one.test) for one in call.conditions) else ""


def is_main_test(test: ast.expr) -> bool:
    """Return whether a condition is `__name__ == "__main__"`."""
    names = [node.id for node in ast.walk(test) if isinstance(node, ast.Name)]
    return isinstance(test, ast.Compare) and names == ["__name__"]


def read_scopes(module: ast.Module, path: str) -> NameScope:
    """Return the scope of a module, with all scopes and calls in it. Raises MemguardError for one that is too deep."""
    scope = NameScope(module, None, path)
    try:
        _Reader().block(module.body, scope, ())
    except RecursionError:
        raise MemguardError("is not analyzed: it is nested too deeply", path) from None
    return scope


def last_name(node: ast.AST) -> str:
    """Return the last name of what is called, or of a decorator, the empty string for what has none."""
    while isinstance(node, ast.Call):
        node = node.func
    return python_nodes.last_name(node)


class _Reader:
    def block(self, statements: Sequence[ast.stmt], scope: NameScope, conditions: tuple[Condition, ...]) -> None:
        for statement in statements:
            self._statement(statement, scope, conditions)

    def _statement(self, node: ast.stmt, scope: NameScope, conditions: tuple[Condition, ...]) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node, scope, conditions)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope, conditions)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            _import(node, scope, conditions)
        elif isinstance(node, ast.If):
            self._expression(node.test, scope, conditions)
            self.block(node.body, scope, (*conditions, Condition(node.test, True, scope)))
            self.block(node.orelse, scope, (*conditions, Condition(node.test, False, scope)))
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._expression(node.iter, scope, conditions)
            self._target(node.target, "element", node.iter, scope, conditions, is_first=_ends(node.body))
            self.block([*node.body, *node.orelse], scope, conditions)
        elif isinstance(node, ast.While):
            self._expression(node.test, scope, conditions)
            self.block([*node.body, *node.orelse], scope, conditions)
        elif isinstance(node, ast.Try):
            self.block([*node.body, *node.orelse, *node.finalbody], scope, conditions)
            for handler in node.handlers:
                self.block(handler.body, scope, (*conditions, Condition(None, True, scope, is_handler=True)))
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                self._expression(item.context_expr, scope, conditions)
                if item.optional_vars is not None:
                    self._target(item.optional_vars, "value", item.context_expr, scope, conditions)
            self.block(node.body, scope, conditions)
        elif isinstance(node, ast.Match):
            self._expression(node.subject, scope, conditions)
            for case in node.cases:
                self.block(case.body, scope, (*conditions, Condition(_test_of(node.subject, case), True, scope)))
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            scope.shared.update(node.names)
        else:
            self._simple(node, scope, conditions)

    def _simple(self, node: ast.stmt, scope: NameScope, conditions: tuple[Condition, ...]) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._target(target, "value", node.value, scope, conditions)
                if isinstance(target, ast.Attribute):
                    set_to = ast.copy_location(ast.Call(target, [node.value], []), target)
                    scope.module.settings.append(CallInScope(set_to, scope, conditions))
        elif isinstance(node, ast.AnnAssign):
            # A field without a value is one all the same: a class may be given it.
            self._target(node.target, "value" if node.value is not None else "unknown", node.value, scope, conditions)
        elif isinstance(node, ast.AugAssign):
            self._target(node.target, "unknown", node.value, scope, (*conditions, Condition(None, True, scope)))
        elif isinstance(node, ast.Return) and node.value is not None and scope.function is not None:
            scope.function.returns.append((node.value, conditions))
        for child in python_nodes.children(node):
            if isinstance(child, ast.expr):
                self._expression(child, scope, conditions)

    def _target(
        self,
        target: ast.expr,
        kind: Kind,
        value: ast.AST | None,
        scope: NameScope,
        conditions: tuple[Condition, ...],
        item: int = -1,
        *,
        is_first: bool = False,
    ) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            for number, one in enumerate(target.elts):
                pairs = isinstance(value, (ast.Tuple, ast.List)) and kind == "value" and len(value.elts) == len(target.elts)
                inner = value.elts[number] if pairs and isinstance(value, (ast.Tuple, ast.List)) else value
                self._target(one, kind, inner, scope, conditions, -1 if pairs else number, is_first=is_first)
            return
        binding = Binding(kind, target.lineno, scope, value, conditions, item, is_first=is_first)
        if item >= 0 and kind == "value":
            binding = binding._replace(kind="item")
        if isinstance(target, ast.Name):
            scope.bind(target.id, binding)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            owner = _owner_of(scope, target.value.id)
            if owner is not None:
                owner.attributes.setdefault(target.attr, []).append(binding)
        elif isinstance(target, ast.Subscript):
            known = value if isinstance(value, ast.expr) and binding.kind == "value" else None
            _change(target.value, target.slice, known, scope, conditions)

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: NameScope, conditions: tuple[Condition, ...]
    ) -> None:
        scope.bind(node.name, Binding("function", node.lineno, scope, node, conditions))
        for one in node.decorator_list:
            self._expression(one, scope, conditions)
        inner = self._parameters(node, scope, conditions)
        self.block(node.body, inner, conditions)

    def _parameters(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: NameScope, conditions: tuple[Condition, ...]
    ) -> NameScope:
        inner = scope.inner[node] = NameScope(node, scope, scope.path)
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [*[None] * (len(named) - len(arguments.defaults)), *arguments.defaults]
        for number, (one, default) in enumerate(zip(named, defaults, strict=True)):
            inner.bind(one.arg, Binding("parameter", 0, inner, default, (), number, one.arg))
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            inner.bind(one.arg, Binding("parameter", 0, inner, default, (), -1, one.arg))
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                inner.bind(rest.arg, Binding("rest", 0, inner, None, name=rest.arg))
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self._expression(default, scope, conditions)
        return inner

    def _class(self, node: ast.ClassDef, scope: NameScope, conditions: tuple[Condition, ...]) -> None:
        scope.bind(node.name, Binding("class", node.lineno, scope, node, conditions))
        inner = scope.inner[node] = NameScope(node, scope, scope.path)
        for one in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self._expression(one, scope, conditions)
        self.block(node.body, inner, conditions)

    def _expression(self, node: ast.expr, scope: NameScope, conditions: tuple[Condition, ...]) -> None:
        if isinstance(node, ast.Call):
            scope.module.calls.append(CallInScope(node, scope, conditions))
            if isinstance(node.func, ast.Attribute) and node.func.attr == "update":
                for one in node.args[:1]:
                    _change(node.func.value, None, one, scope, conditions)
                for keyword in node.keywords:
                    key = None if keyword.arg is None else ast.Constant(keyword.arg)
                    _change(node.func.value, key, keyword.value, scope, conditions)
        elif isinstance(node, ast.NamedExpr):
            self._target(node.target, "value", node.value, scope, conditions)
        elif isinstance(node, ast.Lambda):
            inner = self._parameters(node, scope, conditions)
            inner.returns.append((node.body, ()))
            self._expression(node.body, inner, conditions)
            return
        elif isinstance(node, ast.IfExp):
            self._expression(node.test, scope, conditions)
            self._expression(node.body, scope, (*conditions, Condition(node.test, True, scope)))
            self._expression(node.orelse, scope, (*conditions, Condition(node.test, False, scope)))
            return
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            scope = self._comprehension(node, scope, conditions)
        for child in python_nodes.children(node):
            if isinstance(child, ast.expr):
                self._expression(child, scope, conditions)
            elif isinstance(child, ast.keyword):
                self._expression(child.value, scope, conditions)

    def _comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
        scope: NameScope,
        conditions: tuple[Condition, ...],
    ) -> NameScope:
        inner = scope.inner[node] = NameScope(node, scope, scope.path)
        for one in node.generators:
            self._expression(one.iter, inner, conditions)
            self._target(one.target, "element", one.iter, inner, ())
            for test in one.ifs:
                self._expression(test, inner, conditions)
        return inner


def _test_of(subject: ast.expr, case: ast.match_case) -> ast.expr | None:
    """Return a case of `match` as a condition, None for one that is more than constants."""
    patterns = case.pattern.patterns if isinstance(case.pattern, ast.MatchOr) else [case.pattern]
    values = [one.value for one in patterns if isinstance(one, ast.MatchValue)]
    if case.guard is not None or len(values) < len(patterns):
        return None
    return ast.Compare(subject, [ast.In()], [ast.Tuple(values, ast.Load())])


def _ends(body: Sequence[ast.stmt]) -> bool:
    """Return whether a loop ends with the first turn that raises nothing."""
    for one in body:
        inner = [*one.body, *one.orelse] if isinstance(one, ast.Try) else one.body if isinstance(one, ast.With) else ()
        if isinstance(one, (ast.Return, ast.Break)) or _ends(inner):
            return True
    return False


def _import(node: ast.Import | ast.ImportFrom, scope: NameScope, conditions: tuple[Condition, ...]) -> None:
    for one in node.names:
        binding = Binding("import", node.lineno, scope, node, conditions, name=one.name)
        if isinstance(node, ast.ImportFrom):
            binding = binding._replace(name=f"{node.module or ''}:{one.name}", level=node.level)
            scope.bind(one.asname or one.name, binding)
        elif one.asname:
            scope.bind(one.asname, binding)
        else:
            first = one.name.partition(".")[0]
            scope.bind(first, binding._replace(name=first))


def _change(
    table: ast.expr, key: ast.expr | None, value: ast.expr | None, scope: NameScope, conditions: tuple[Condition, ...]
) -> None:
    """Note what is put into a table that has a name, or that is an attribute of an instance."""
    if isinstance(table, ast.Name):
        scope.module.changes.append(TableChange(table.id, key, value, scope, conditions))
    elif isinstance(table, ast.Attribute) and isinstance(table.value, ast.Name):
        owner = _owner_of(scope, table.value.id)
        name = f".{table.attr}" if owner is not None else f"{table.value.id}.{table.attr}"
        (owner or scope.module).changes.append(TableChange(name, key, value, scope, conditions))


def _owner_of(scope: NameScope, name: str) -> NameScope | None:
    """Return the class on whose instance a method sets an attribute: `self` is the first parameter of the method."""
    function = scope.function
    if function is None or function.parent is None or not isinstance(function.parent.node, ast.ClassDef):
        return None
    node = function.node
    assert isinstance(node, FunctionNode)
    first = [*node.args.posonlyargs, *node.args.args][:1]
    return function.parent if first and first[0].arg == name else None
