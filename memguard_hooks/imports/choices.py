"""Which way a choice in a function takes, where constants of the project, variables or words of the command decide.

A file with a choice is parsed once more for it: what its names come to is not kept with what its functions call, for it
depends on other files and on the service.
"""

from __future__ import annotations

import ast
from functools import cached_property

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import decode, shortened, tree_of

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.formats.python_folding import Around, Names
    from memguard_hooks.imports.model import Choice, Given
    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.imports.sources import SourceFiles

MAX_MODULES = 200
"""Files that one walk parses for its choices."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Chooser:
    """Decides the choices of one walk."""

    def __init__(self, sources: SourceFiles, resolver: Resolver, given: Given) -> None:
        self._sources = sources
        self._resolver = resolver
        self._chosen = dict(given.chosen)
        self._given = given
        self._modules: dict[str, tuple[ast.Module, Names] | None] = {}
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def ways(self, path: str, choice: Choice) -> tuple[str, ...]:
        """Return the names of the ways that a choice may take: one where that is known."""
        key = path, choice.key
        if key not in self._known:
            chosen = self._chosen.get(key)
            self._known[key] = (chosen,) if chosen is not None else tuple(self._possible(path, choice))
        return self._known[key]

    def _possible(self, path: str, choice: Choice) -> Iterator[str]:
        names = self._names_at(path, choice) if choice.is_settled else None
        for way in choice.ways:
            is_taken = names and way.test and _truth(way.test, names)
            if is_taken is not False or not way.test:
                yield way.name
            if is_taken:
                return

    def _names_at(self, path: str, choice: Choice) -> Names | None:
        """Return the names in a function as they are where a choice stands, None where they are not known."""
        module = self._module(path)
        if module is None:
            return None
        tree, names = module
        line = self._sources.places(path).numbers()[choice.ways[0].place]
        block: list[ast.stmt] = tree.body
        while True:
            holder = next((one for one in block if one.lineno <= line <= (one.end_lineno or 0)), None)
            if holder is None or not isinstance(holder, (*_FUNCTIONS, ast.ClassDef)):
                break
            block = holder.body
            names = names.inner()
            if isinstance(holder, _FUNCTIONS):
                for one in ast.walk(holder.args):
                    if isinstance(one, ast.arg):
                        names.forget(one.arg, line, "is given")
                _follow_until(block, names, line)
        return names

    @cached_property
    def _around(self) -> Around:
        """What the names of all files are read in: loaded where there is a choice."""
        from memguard_hooks.formats.python_folding import Around

        return Around(dict(self._given.variables), None, self._load, self._given.words, has_all=False)

    def _module(self, path: str) -> tuple[ast.Module, Names] | None:
        """Return the tree of a file and its names, None for what cannot be read."""
        from memguard_hooks.formats.python_folding import Names

        if path not in self._modules and len(self._modules) < MAX_MODULES:
            self._modules[path] = None  # of modules that import each other one comes first
            try:
                tree = tree_of(shortened(decode(self._sources.data(path))))
            except (MemguardError, RecursionError):
                return None
            module = self._resolver.module_of(path) or ""
            names = Names(self._around, module if path.endswith("/__init__.py") else module.rpartition(".")[0], path=path)
            for statement in tree.body:
                names.follow(statement)
            for name in {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}:
                names.forget(name, 0, "sets anew")
            self._modules[path] = tree, names
        return self._modules.get(path)

    def _load(self, module: str) -> Names | None:
        if not self._resolver.is_whole(module):
            return None
        found = self._module(self._resolver.files(module)[-1])
        return None if found is None else found[1]


def _follow_until(block: list[ast.stmt], names: Names, line: int) -> None:
    """Bind what the statements before a line bind; of the one that holds it, what it may bind is not known."""
    for one in block:
        if one.lineno > line:
            return
        if (one.end_lineno or line) < line:
            names.follow(one)
        elif not isinstance(one, (ast.If, ast.Match)) or one.lineno < line:
            names.lose(one, "sets")


def _truth(test: str, names: Names) -> bool | None:
    from memguard_hooks.formats.python_folding import Raises, UnknownValue

    try:
        return bool(names.evaluate(ast.parse(test, mode="eval").body))
    except (UnknownValue, Raises, SyntaxError):
        return None
