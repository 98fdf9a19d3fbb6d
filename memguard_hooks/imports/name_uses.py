"""Where a file uses the names that its module level binds, by Python's own rules of scopes.

A function that binds a name has one of its own; a class that binds it, only for what stands in its body and in no function;
a comprehension is a function but for its first `in`. Names inside of quoted annotations count, as type checkers read them.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator

from memguard_hooks.formats.python_nodes import children, last_name, parameters, walk
from memguard_hooks.imports.branches import is_main
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, TypeAlias, TypeGuard

FunctionNode: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
HostNode: TypeAlias = "FunctionNode | ast.If"
"""What runs later than its file loads, or never: a function, or `if __name__ == "__main__":`."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MAX_ANNOTATION = 1000
"""Letters of a quoted annotation that is parsed: CPython takes quadratic time for the fields of an f-string."""

_WORD = late_pattern(r"[^\W\d]\w*")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TYPING_CALLS = frozenset({"cast", "TypeVar", "NewType"})
"""Functions that take a type as a string."""


class Annotation(Record):
    """An annotation: the whole expression, and the function or the class that it belongs to, None for a variable.

    Of `Rows = list[pd.DataFrame]` it is the part that may be quoted, and `alias` the name, whose value any Python evaluates.
    """

    node: ast.expr
    owner: FunctionNode | ast.ClassDef | None
    is_local: bool = False
    """Whether it is that of a variable in a function, which no Python evaluates."""
    alias: str = ""


class Use(Record):
    """One place that reads a name of the module level.

    `functions` are those around it, the outermost first; where there is none, the code runs while the file loads, and
    `place` says what it is, or while the file is run by itself, below `guard`. `path` is the name with the attributes that
    are read of it. `annotation` is set where it stands in one, and `is_text` where nothing but a string has it.
    """

    name: str
    line: int
    path: str
    functions: tuple[FunctionNode, ...]
    place: str
    annotation: Annotation | None
    is_text: bool
    is_in_doubt: bool = False
    """Whether a class around it binds the name too, so that it may be either."""
    node: ast.Name | None = None
    guard: ast.If | None = None

    @property
    def hosts(self) -> tuple[HostNode, ...]:
        """What stands around it and may run later than the file loads, the outermost first."""
        return self.functions if self.functions or self.guard is None else (self.guard,)


class BoundPlace(Record):
    """One place that binds, deletes or declares a name of the module level, and what it is."""

    name: str
    line: int
    node: ast.AST
    is_for_types: bool
    """Whether it stands below `if TYPE_CHECKING:`."""


class NameUses(Record):
    """What binds some names of the module level, and what uses them, by position."""

    bindings: tuple[BoundPlace, ...]
    uses: tuple[Use, ...]


def find_uses(module: ast.Module, names: Collection[str]) -> NameUses:
    """Find what binds and what uses some names of the module level."""
    reader = _Reader(names)
    reader.read(module)
    return NameUses(
        tuple(sorted(reader.bindings, key=lambda one: (one.line, one.name))),
        tuple(sorted(reader.uses, key=lambda one: (one.line, one.path))),
    )


class _Scope:
    """The names that the code of a function, a class or a comprehension binds itself."""

    __slots__ = ("bound", "is_class", "of_module", "outer")

    def __init__(self, nodes: Iterable[ast.AST], outer: _Scope | None, *, is_class: bool = False) -> None:
        self.outer = outer
        self.is_class = is_class
        self.of_module: set[str] = set()
        self.bound: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Global):
                self.of_module.update(node.names)
            elif not isinstance(node, ast.Nonlocal):
                self.bound.update(names_bound(node))

    def is_global(self, name: str) -> bool:
        """Return whether a name that stands here is that of the module level."""
        here: _Scope | None = self
        while here is not None:
            if name in here.of_module:
                return True
            if name in here.bound and not here.is_class:
                return False
            here = here.outer
        return True


class _Context(Record):
    """Where a node stands."""

    scope: _Scope | None
    functions: tuple[FunctionNode, ...]
    place: str
    annotation: Annotation | None = None
    is_text: bool = False
    guard: ast.If | None = None


class _Reader:
    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self.bindings: list[BoundPlace] = []
        self.uses: list[Use] = []

    def read(self, module: ast.Module) -> None:
        for statement in module.body:
            if isinstance(statement, ast.If) and is_type_checking(statement.test):
                self._bind(statement.body, is_for_types=True)
                self._bind([statement.test, *statement.orelse])
            else:
                self._bind([statement])
        waiting: list[tuple[ast.AST, _Context]] = []
        for statement in module.body:
            here = _Context(None, (), "at module level")
            if is_run_by_itself(statement):
                waiting += [(one, here) for one in statement.orelse]
                waiting += [(one, here._replace(guard=statement)) for one in statement.body]
            else:
                waiting.append((statement, here))
        while waiting:
            node, context = waiting.pop()
            waiting += self._inner(node, context)

    def _bind(self, nodes: Iterable[ast.AST], *, is_for_types: bool = False) -> None:
        for node in own_nodes(nodes):
            for name in self._names.intersection(names_bound(node)):
                self.bindings.append(BoundPlace(name, getattr(node, "lineno", 1), node, is_for_types))

    def _inner(self, node: ast.AST, context: _Context) -> Iterator[tuple[ast.AST, _Context]]:
        """Note a use, and yield what is to be read inside of a node, each with where it stands."""
        if isinstance(node, ast.Name):
            self._use(node, node.id, context)
        elif isinstance(node, ast.Attribute):
            inner, path = _dotted(node)
            if isinstance(inner, ast.Name):
                self._use(inner, path, context)
            else:
                yield inner, context
        elif isinstance(node, ast.Global):
            for name in self._names.intersection(node.names):
                self.bindings.append(BoundPlace(name, node.lineno, node, is_for_types=False))
        elif isinstance(node, _FUNCTIONS):
            yield from self._function(node, context)
        elif isinstance(node, ast.Lambda):
            defaults = context._replace(place=context.place and "as a default")
            yield from ((one, defaults) for one in _defaults(node.args))
            scope = _Scope([node.args, *own_nodes([node.body])], context.scope)
            yield node.body, context._replace(scope=scope, place=context.place and "in a lambda")
        elif isinstance(node, ast.ClassDef):
            yield from ((one, context._replace(place=context.place and "as a decorator")) for one in node.decorator_list)
            bases = context._replace(place=context.place and f"as a base of class {node.name}")
            yield from ((one, bases) for one in (*node.bases, *(keyword.value for keyword in node.keywords)))
            yield from ((one, context) for one in getattr(node, "type_params", ()))
            scope = _Scope(own_nodes(node.body), context.scope, is_class=True)
            body = context._replace(scope=scope, place=context.place and f"in the body of class {node.name}")
            for statement in node.body:
                yield from self._statement(statement, body, node)
        elif isinstance(node, _COMPREHENSIONS):
            first = node.generators[0]
            yield first.iter, context
            bound = [inner for one in node.generators for inner in own_nodes([one.target])]
            inside = context._replace(scope=_Scope(bound, context.scope))
            for child in children(node):
                if child is not first:
                    yield child, inside
            yield from ((one, inside) for one in (first.target, *first.ifs))
        else:
            yield from self._statement(node, context, None)

    def _statement(self, node: ast.AST, context: _Context, owner: ast.ClassDef | None) -> Iterator[tuple[ast.AST, _Context]]:
        """Yield the parts of anything else; annotations of variables and strings in annotations are told apart."""
        if isinstance(node, ast.AnnAssign):
            is_local = bool(context.functions) and owner is None
            yield node.target, context
            if node.value is not None:
                yield node.value, context
            yield node.annotation, context._replace(annotation=Annotation(node.annotation, owner, is_local))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and context.annotation is not None:
            self._text(node, context)
        elif isinstance(node, ast.Call) and last_name(node.func) in _TYPING_CALLS:
            for child in children(node):
                value = child.value if isinstance(child, ast.keyword) else child
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    self._text(value, context)
                else:
                    yield child, context
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Global)) and owner is not None:
            yield node, context
        else:
            for child in children(node):
                if owner is not None and isinstance(child, ast.stmt):
                    yield from self._statement(child, context, owner)
                else:
                    yield child, context

    def _function(self, node: FunctionNode, context: _Context) -> Iterator[tuple[ast.AST, _Context]]:
        yield from ((one, context._replace(place=context.place and "as a decorator")) for one in node.decorator_list)
        yield from ((one, context._replace(place=context.place and "as a default")) for one in _defaults(node.args))
        yield from ((one, context) for one in getattr(node, "type_params", ()))
        for annotation in annotations_of(node):
            yield annotation, context._replace(annotation=Annotation(annotation, node))
        scope = _Scope([node.args, *own_nodes(node.body)], context.scope)
        inside = _Context(scope, (*context.functions, node), "")
        yield from ((one, inside) for one in node.body)

    def _text(self, node: ast.Constant, context: _Context) -> None:
        """Note the names in a string that type checkers read; each word of one that is too long to be parsed."""
        text = str(node.value).strip()
        if len(text) > MAX_ANNOTATION:
            found = [ast.Name(word, ast.Load()) for word in sorted({*_WORD.findall(text)} & self._names)]
        else:
            try:
                found = [one for one in walk(ast.parse(text, mode="eval")) if isinstance(one, ast.Name)]
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return
        for one in found:
            one.lineno = node.lineno
            self._use(one, one.id, context._replace(is_text=True))

    def _use(self, node: ast.Name, path: str, context: _Context) -> None:
        if node.id not in self._names or not isinstance(node.ctx, ast.Load):
            return
        scope, place = context.scope, context.place
        # A name that a class binds is looked up there and at the module level, past the functions around it.
        is_in_doubt = scope is not None and scope.is_class and node.id in scope.bound
        if scope is None or is_in_doubt or scope.is_global(node.id):
            self.uses.append(
                Use(
                    node.id,
                    node.lineno,
                    path,
                    context.functions,
                    place,
                    context.annotation,
                    context.is_text,
                    is_in_doubt,
                    node,
                    context.guard,
                )
            )


def is_type_checking(test: ast.expr) -> bool:
    """Return whether a condition is `TYPE_CHECKING`, or that of typing."""
    return last_name(test) == "TYPE_CHECKING"


def is_run_by_itself(statement: ast.stmt) -> TypeGuard[ast.If]:
    """Return whether a statement is `if __name__ == "__main__":`, which no import of the file runs."""
    if not isinstance(statement, ast.If) or not is_main(statement.test):
        return False
    assert isinstance(statement.test, ast.Compare)
    return [getattr(one, "value", None) for one in statement.test.comparators] == ["__main__"]


def names_bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that one node binds or deletes in its own scope."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (bound_by(alias) for alias in node.names)
    elif isinstance(node, ast.arguments):
        yield from (one.arg for one in parameters(node))
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name is not None:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        yield node.rest


def bound_by(alias: ast.alias) -> str:
    """Return the name that one part of an import binds: `a` for `import a.b`."""
    return alias.asname or alias.name.partition(".")[0]


def own_nodes(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield all nodes that run in the scope of some: of a function or a class in them, what its definition runs.

    An assignment expression in a comprehension binds outside of it.
    """
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in nodes]
    while waiting:
        node, is_inner = waiting.pop()
        if not is_inner or isinstance(node, ast.NamedExpr):
            yield node if not is_inner else node.target  # type: ignore[attr-defined]
        if isinstance(node, _FUNCTIONS):
            parts: list[ast.AST] = [*node.decorator_list, *_defaults(node.args), *annotations_of(node)]
        elif isinstance(node, ast.Lambda):
            parts = [] if is_inner else [*_defaults(node.args)]
        elif isinstance(node, ast.ClassDef):
            parts = [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
        elif isinstance(node, _COMPREHENSIONS):
            waiting += [(child, True) for child in children(node)]
            continue
        else:
            parts = children(node)
        waiting += [(part, is_inner) for part in parts]


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)]


def annotations_of(function: FunctionNode) -> list[ast.expr]:
    """Return the annotations of the parameters and of the result of a function."""
    written = (*(one.annotation for one in parameters(function.args)), function.returns)
    return [one for one in written if one is not None]


def _dotted(node: ast.Attribute) -> tuple[ast.expr, str]:
    """Return what a chain of attributes begins with, and the dotted name where that is a name."""
    parts: list[str] = []
    here: ast.expr = node
    while isinstance(here, ast.Attribute):
        parts.append(here.attr)
        here = here.value
    return here, ".".join([here.id, *reversed(parts)]) if isinstance(here, ast.Name) else ""
