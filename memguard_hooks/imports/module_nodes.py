"""What the syntax tree of a module holds anywhere, gathered in one walk for all who ask."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict

from memguard_hooks.formats.python_folding import command_line_of
from memguard_hooks.formats.python_nodes import walk

MAX_CALLS = 20
"""Calls of one function that are looked at."""


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

    def calls_of(self, function: str) -> list[ast.Call]:
        """Return the calls of a function, none where it is named otherwise too, so that anybody may call it."""
        calls = self._calls.get(function, [])
        defined = self._defined.get(function, [])
        is_plain = len(defined) == 1 and not getattr(defined[0], "decorator_list", [None])
        return calls if is_plain and len(calls) == self._named[function] and len(calls) <= MAX_CALLS else []
