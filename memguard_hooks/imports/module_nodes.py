"""What the syntax tree of a module holds anywhere, gathered in one walk for all who ask."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict

from memguard_hooks.formats.python_folding import command_line_of
from memguard_hooks.formats.python_nodes import children, text_of, walk

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import TypeAlias

    Use: TypeAlias = "tuple[ast.Call | None, tuple[ast.AST, ...]]"
    """A call of a function, None for what hands it on, and what holds that, from the outside."""

MAX_CALLS = 20
"""Calls of one function that are looked at: beyond, any may give anything."""

LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
HOLDERS = (*_FUNCTIONS, ast.ClassDef, *LOOPS)
_UNRUN = ("annotation", "returns")
_ANNOTATED = (ast.arg, ast.AnnAssign, *_FUNCTIONS)


class ModuleNodes:
    """The nodes of a module; `set_anew` are names that functions declare global, `command_line` is what argparse is told."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.set_anew: set[str] = set()
        self._calls: defaultdict[str, list[ast.Call]] = defaultdict(list)
        self._named: Counter[str] = Counter()
        self._defined: defaultdict[str, list[ast.AST]] = defaultdict(list)
        of_methods: list[ast.Call] = []
        for node in walk(tree):
            if isinstance(node, ast.Name):
                self._named[node.id] += 1
            elif isinstance(node, ast.Call):
                calls = self._calls[node.func.id] if isinstance(node.func, ast.Name) else of_methods
                calls.append(node)
            elif isinstance(node, ast.Global):
                self.set_anew.update(node.names)
            elif name := getattr(node, "name", None):
                self._defined[name].append(node)
        self.command_line = command_line_of(of_methods)
        self._uses: dict[str, list[Use]] = {}
        self._looked_for: frozenset[str] = frozenset()

    def calls_of(self, function: str) -> list[ast.Call]:
        """Return the calls of a function, none where it is named otherwise too, so that anybody may call it."""
        calls = self._calls.get(function, [])
        defined = self._defined.get(function, [])
        is_plain = len(defined) == 1 and not getattr(defined[0], "decorator_list", [None])
        return calls if is_plain and len(calls) == self._named[function] and len(calls) <= MAX_CALLS else []

    def uses_of(self, name: str, names: Collection[str]) -> Sequence[Use]:
        """Return the places that name a function: as a name, as an attribute, or in a text that is no more.

        All `names` are looked for at once, the first time that one of them is asked for; of each, at most one use more than
        `MAX_CALLS` is kept.
        """
        if name not in self._looked_for:
            self._looked_for = self._looked_for.union(names, (name,))
            self._uses = _uses_in(self.tree, self._looked_for)
        return self._uses.get(name, ())


def _uses_in(tree: ast.Module, names: Collection[str]) -> dict[str, list[Use]]:
    called: dict[int, ast.Call] = {}
    found: dict[str, list[Use]] = {}
    for node, holders in with_holders(tree):
        if isinstance(node, ast.Call):
            called[id(node.func)] = node
        name = _name_of(node)
        if name in names:
            uses = found.setdefault(name, [])
            if len(uses) <= MAX_CALLS:
                uses.append((called.get(id(node)), holders))
    return found


def with_holders(
    tree: ast.Module | ast.stmt, outer: tuple[ast.AST, ...] = ()
) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Yield the nodes that may run, each with the functions, classes and loops that hold it."""
    waiting: list[tuple[ast.AST, tuple[ast.AST, ...]]] = [(tree, outer)]
    while waiting:
        node, holders = waiting.pop()
        yield node, holders
        kind = node.__class__
        if kind in HOLDERS:
            holders = (*holders, node)
        below = children(node)
        if kind in _ANNOTATED:
            unrun = [getattr(node, name, None) for name in _UNRUN]
            below = [one for one in below if one not in unrun]
        waiting += [(one, holders) for one in below if one.__class__ is not ast.Assign or not _is_list_of_names(one)]


def _is_list_of_names(node: ast.AST) -> bool:
    """Return whether a statement is `__all__ = [...]`, which hands nothing on."""
    return isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "__all__" for one in node.targets)


def _name_of(node: ast.AST) -> str:
    """Return the function that a node may name, empty where it names none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.alias):
        return node.name if node.asname not in (None, node.name) else ""
    return text_of(node) or ""
