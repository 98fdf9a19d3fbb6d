"""What libcst need not read of a file: the bodies of functions that import nothing and that nothing calls while it loads.

Parsing is most of what libcst costs. A function is called by its name, by Python itself where the name begins with two
underscores, or by a decorator of the file; so Python's own syntax tree tells what may be called, from the code outside of
all functions on. What stays keeps its line and its column, and libcst's answer is the same.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from memguard_hooks.formats.python_nodes import children, dotted, walk
from memguard_hooks.imports.known_calls import OF_LOADERS, is_lazy_proxy
from memguard_hooks.imports.model import Target
from memguard_hooks.imports.plain_values import mentions
from memguard_hooks.record import Record

_BY_CALL = ("import_module", "__import__", *OF_LOADERS, "lazy_loader")
"""Names in files in which functions import by calls, under any name."""
_KEPT = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
"""Statements that import, or that bind what other functions may ask."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NAMING: dict[type[ast.AST], str] = {ast.Name: "id", ast.Attribute: "attr"}
"""The field with the name that a node mentions as a value, or binds."""
_MENTIONING = (ast.Call, ast.alias, ast.ImportFrom, ast.ClassDef, *_DEFINITIONS)
"""Nodes that mention a name or bind one besides those; no others do."""


class _Statement(Record):
    """One statement without those in it, and the names that it mentions: as values, as what it calls, and those it binds.

    `owner` is the function in which it stands, or the class, of what Python calls of one.
    """

    node: ast.stmt
    around: _Statement | None
    owner: str | None
    values: set[str]
    called: set[str]
    bound: set[str]


class _Function(Record):
    """A function that stands in no other: the names that its body mentions, and those that it binds outside of it.

    `may_import` tells whether it may import something, or bind something that others ask.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef
    names: frozenset[str]
    bound: frozenset[str]
    may_import: bool

    @property
    def is_special(self) -> bool:
        """Whether Python itself may call it."""
        return self.node.name.startswith("__")


def without_uncalled(text: str, module: ast.Module, target: Target) -> str:
    """Return a source text without the bodies of functions that tell nothing about imports."""
    if mentions(text, module, _BY_CALL):
        return text
    outside = list(_outside(module))
    functions = [_function(node) for node in outside if isinstance(node, _DEFINITIONS)]
    return _cut(text, (one.node.body for one in _uncalled(functions, outside, target) if not one.may_import))


def without_unimporting(text: str, module: ast.Module, target: Target) -> str:
    """Return a source text of which functions keep what leads to an import by name: nothing, or some statements.

    A function that runs while the file loads, and leads to an import, is kept whole. That is for a text that is too much for
    libcst otherwise: what the others call in other files is not known then, nor what they bind before an import.
    """
    importing = _importing(module)
    outside = list(_outside(module))
    found = [_function(node) for node in outside if isinstance(node, _DEFINITIONS)]
    functions = [one._replace(may_import=id(one.node) in importing) for one in found]
    leading = _leading(functions, {node.name for node in outside if isinstance(node, ast.ClassDef)})
    emptied = [one.node for one in functions if id(one.node) not in leading]
    thinned = [one.node for one in _uncalled(functions, outside, target) if id(one.node) in leading]
    return _cut(text, [*(node.body for node in emptied), *(row for node in thinned for row in _idle(node, importing))])


def _uncalled(functions: Iterable[_Function], outside: Sequence[ast.AST], target: Target) -> Iterator[_Function]:
    """Yield the functions that nothing calls while the file loads."""
    bound = {*_bound(outside), *(name for one in functions for name in one.bound)}
    waiting = {*_names(outside), *(part for name in target.called for part in name.split("."))}
    rest: dict[str, list[_Function]] = {}
    for one in functions:
        decorators = {name for part in one.node.decorator_list for name in _names(walk(part))}
        if one.is_special or not bound.isdisjoint(decorators):
            waiting |= one.names
        else:
            rest.setdefault(one.node.name, []).append(one)
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        for one in rest.pop(name, ()):
            waiting |= one.names - reached
    return (one for ones in rest.values() for one in ones)


def _leading(functions: Iterable[_Function], classes: Iterable[str]) -> set[int]:
    """Return the functions, by `id`, from which an import is reached by name."""
    callers: dict[str, list[_Function]] = {}
    for one in functions:
        for name in one.names:
            callers.setdefault(name, []).append(one)
    found: set[int] = set()
    waiting = [one for one in functions if one.may_import]
    while waiting:
        one = waiting.pop()
        if id(one.node) not in found:
            found.add(id(one.node))
            # Each name is looked up once: its callers are found then.
            waiting += callers.pop(one.node.name, ())
            for name in classes if one.is_special else ():
                waiting += callers.pop(name, ())
    return found


def _importing(module: ast.Module) -> set[int]:
    """Return the statements, by `id`, in which something imports, or binds what an import by a call or others ask for."""
    statements = _statements(module)
    importers = _importers(statements)
    binders: dict[str, list[_Statement]] = {}
    for one in statements:
        for name in one.bound:
            binders.setdefault(name, []).append(one)
    by_call = [one for one in statements if not importers.isdisjoint(one.values | one.called)]
    found = [*(one for one in statements if isinstance(one.node, _KEPT)), *by_call]
    waiting = set().union(*(one.values | one.called for one in by_call))
    followed: set[int] = set()
    while waiting:
        for one in binders.pop(waiting.pop(), ()):
            if id(one) not in followed:  # by another of the names that it binds
                followed.add(id(one))
                found.append(one)
                waiting |= (one.values | one.called) & binders.keys()
    kept: set[int] = set()
    for one in found:
        here: _Statement | None = one
        while here is not None and id(here.node) not in kept:
            kept.add(id(here.node))
            here = here.around
    return kept


def _importers(statements: Iterable[_Statement]) -> set[str]:
    """Return the names that may stand for what imports by a call: of functions that use one, and where one is a value."""
    users: dict[str, list[set[str]]] = {}
    for one in statements:
        owner = {one.owner} if one.owner is not None else set()
        bound = owner | one.bound
        for name in one.called:
            users.setdefault(name, []).append(owner)
        for name in one.values:
            users.setdefault(name, []).append(bound)
    found: set[str] = set()
    waiting = {*_BY_CALL}
    while waiting:
        name = waiting.pop()
        found.add(name)
        for bound in users.pop(name, ()):
            waiting |= bound - found
            bound.clear()  # another name of the same statement adds nothing
    return found


def _statements(module: ast.Module) -> list[_Statement]:
    """Return the statements of a file, each with the names that it mentions itself."""
    callees: set[int] = set()
    waiting: list[tuple[ast.AST, _Statement | None, str | None]] = [(module, None, None)]
    found: list[_Statement] = []
    while waiting:
        node, statement, owner = waiting.pop()
        if isinstance(node, ast.stmt):
            if isinstance(node, _DEFINITIONS):
                outer = statement.node if statement is not None and node.name.startswith("__") else None
                owner = outer.name if isinstance(outer, ast.ClassDef) else node.name
            statement = _Statement(node, statement, owner, set(), set(), set())
            found.append(statement)
        elif isinstance(node, ast.Call):
            callees.add(id(node.func))
        elif isinstance(node, ast.Attribute) and id(node) in callees:
            callees.add(id(node.value))
        if statement is None:
            pass
        elif node.__class__ in _NAMING:  # most nodes that mention anything
            name = getattr(node, _NAMING[node.__class__])
            (statement.called if id(node) in callees else statement.values).add(name)
            if not isinstance(node.ctx, ast.Load):  # type: ignore[attr-defined]
                statement.bound.add(name)
        elif isinstance(node, _MENTIONING):
            statement.bound.update(_bound([node]), _imported([node]))
            (statement.called if id(node) in callees else statement.values).update(_named([node]))
            if isinstance(node, ast.Call) and is_lazy_proxy(dotted(node.func), len(node.args)):
                statement.called.add("__import__")
        waiting.extend((one, statement, owner) for one in children(node))
    return found


def _idle(node: ast.AST, importing: Collection[int]) -> Iterator[list[ast.stmt]]:
    """Yield the statements of a function that import nothing, in rows."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        rows: list[list[ast.stmt]] = [[]]
        for inner in getattr(node, block, ()):
            if isinstance(inner, ast.stmt) and id(inner) not in importing:
                rows[-1].append(inner)
            else:
                rows.append([])
                yield from _idle(inner, importing)
        yield from filter(None, rows)


def _outside(module: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes that stand in no body of a function, the functions among them."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, _DEFINITIONS):
            waiting += [*node.decorator_list, node.args, *([node.returns] if node.returns is not None else [])]
        else:
            waiting.extend(children(node))


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> _Function:
    inside = [inner for statement in node.body for inner in walk(statement)]
    has_proxies = any(isinstance(one, ast.Call) and is_lazy_proxy(dotted(one.func), len(one.args)) for one in inside)
    kept = [one for one in inside if isinstance(one, _KEPT)]
    bound = frozenset(name for one in kept if isinstance(one, ast.Global) for name in one.names)
    return _Function(node, frozenset(_names(inside)), bound, has_proxies or bool(kept))


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that nodes mention."""
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that nodes bind to something of the file."""
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (*_DEFINITIONS, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node.attr


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that imports bind."""
    for node in nodes:
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def _named(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield what imports name."""
    for node in nodes:
        if isinstance(node, ast.alias):
            yield from node.name.split(".")
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from node.module.split(".")


def _cut(text: str, rows: Iterable[Sequence[ast.stmt]]) -> str:
    """Put `pass` and empty lines in the place of rows of statements that have lines to themselves."""
    lines = text.split("\n")
    for row in rows:
        first, last = row[0], row[-1]
        decorators: list[ast.expr] = getattr(first, "decorator_list", [])
        start = min([first.lineno, *(one.lineno for one in decorators)]) - 1
        end = last.end_lineno or last.lineno
        before = lines[start].encode()[: first.col_offset].decode()
        after = lines[end - 1].encode()[last.end_col_offset :].decode().partition("#")[0]
        if (not before.strip() or decorators) and not after.strip():
            indent = before[: len(before) - len(before.lstrip())]
            lines[start:end] = [f"{indent}pass", *[""] * (end - start - 1)]
    return "\n".join(lines)
