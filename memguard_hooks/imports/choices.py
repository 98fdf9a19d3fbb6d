"""Which way a choice takes, where constants of the project, variables or words of the command decide.

A file with a choice is parsed once more for it: what its names come to is not kept with what its functions call, for it
depends on other files and on the service.
"""

from __future__ import annotations

from functools import cached_property

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import decode, shortened, tree_of
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from memguard_hooks.formats.python_folding import Around, BoundNames
    from memguard_hooks.imports.model import Analysis, Choice, Given
    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.imports.sources import SourceFiles

MAX_MODULES = 200
"""Files that one walk parses for its choices."""

_READERS = frozenset({"os", "sys", "decouple", "environ", "environs", "starlette", "argparse", "dotenv"})
"""Modules of others whose names say what is set, or what the command is."""

_TEXT = late_pattern(r"""'[^']*'|"[^"]*"|\.\s*\w+""")
_WORD = late_pattern(r"[^\W\d]\w*")


class Chooser:
    """Decides the choices of one walk."""

    def __init__(self, sources: SourceFiles, resolver: Resolver, given: Given) -> None:
        self._sources = sources
        self._resolver = resolver
        self._chosen = dict(given.chosen)
        self._given = given
        self._modules: dict[str, tuple[ast.Module, BoundNames] | None] = {}
        self._followed: dict[str, tuple[BoundNames, int]] = {}
        """The names of files that are followed from top to bottom, and how many of their statements have been."""
        self.known: dict[tuple[str, str], tuple[str, ...]] = {}
        """The choices that were asked for, by file and key, and the ways that each may take."""

    @property
    def is_told(self) -> bool:
        """Whether somebody has said which way some choices take, as no run does."""
        return bool(self._given.chosen)

    def decided(self, path: str, found: Analysis) -> tuple[tuple[int, bool], ...]:
        """Return the conditions of a file that are known and decide what it imports as it loads, by their lines."""
        eager = [one for one in found.sites if one.when == "import"]
        is_outside = any(one.column > 1 or one.calls for one in eager)
        is_inside = any(one.why.startswith("in function") for one in eager)
        if not is_inside and not (is_outside and self._sources.places(path).has_choices):
            return ()
        lines: list[tuple[int, bool]] = []
        for choice in self._sources.functions(path).choices:
            if is_inside or choice.is_outside:
                numbers = self._sources.places(path).numbers()
                lines += ((numbers[place], value) for place, value in self._conditions(path, choice))
        return tuple(sorted(lines))

    def _conditions(self, path: str, choice: Choice) -> Iterator[tuple[int, bool]]:
        """Yield the places of the conditions of a choice that are known, and what each is."""
        taken = self.ways(path, choice)
        for way in choice.ways:
            if not way.test:
                return
            if way.name not in taken:
                yield way.place, False
            elif len(taken) == 1:
                yield way.place, True
                return

    def ways(self, path: str, choice: Choice) -> tuple[str, ...]:
        """Return the names of the ways that a choice may take: one where that is known."""
        key = path, choice.key
        if key not in self.known:
            chosen = self._chosen.get(key)
            self.known[key] = (chosen,) if chosen is not None else tuple(self._possible(path, choice))
        return self.known[key]

    def parsed(self) -> list[str]:
        """Return the files whose names the choices that were asked for hang on."""
        return sorted({*self._modules, *self._followed})

    def _possible(self, path: str, choice: Choice) -> Iterator[str]:
        names = self._names_at(path, choice) if choice.is_settled and self._may_be_known(path, choice) else None
        for way in choice.ways:
            is_taken = names and way.test and _truth(way.test, names)
            if is_taken is not False or not way.test:
                yield way.name
            if is_taken:
                return

    def _may_be_known(self, path: str, choice: Choice) -> bool:
        """Return whether a choice hangs on more than what modules of others hold: parsing the file is not worth less."""
        words = {word for way in choice.ways for word in _heads(way.test)}
        bound = dict(self._sources.functions(path).bound)
        return any(self._is_of_project(bound.get(word, "")) for word in words)

    def _is_of_project(self, term: str) -> bool:
        """Return whether a name that stands for a term may hold what files of the project say."""
        head = term.partition(".")[0].partition("(")[0]
        if not head or head[0] in "?:" or head in _READERS:
            return True
        return self._resolver.is_whole(head) or self._resolver.is_folder_of_source(head)

    def _names_at(self, path: str, choice: Choice) -> BoundNames | None:
        """Return the names as they are where a choice stands, None where they are not known."""
        import ast

        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        module = self._module(path)
        if module is None:
            return None
        tree, names = module
        line = self._sources.places(path).numbers()[choice.ways[0].place]
        block: list[ast.stmt] = tree.body
        if choice.is_outside:
            return self._names_above(path, tree, line)
        while True:
            holder = next((one for one in block if one.lineno <= line <= (one.end_lineno or 0)), None)
            if holder is None or not isinstance(holder, (*functions, ast.ClassDef)):
                break
            block = holder.body
            names = names.inner()
            if isinstance(holder, functions):
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

    def _module(self, path: str) -> tuple[ast.Module, BoundNames] | None:
        """Return the tree of a file and its names, None for what cannot be read."""
        if path not in self._modules and len(self._modules) < MAX_MODULES:
            self._modules[path] = None  # of modules that import each other one comes first
            try:
                tree = tree_of(shortened(decode(self._sources.data(path))))
            except (MemguardError, RecursionError):
                return None
            import ast

            names = self._names_of(path)
            names.declare_options(tree)
            for statement in tree.body:
                names.follow(statement)
            for name in {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}:
                names.forget(name, 0, "sets anew")
            self._modules[path] = tree, names
        return self._modules.get(path)

    def _names_above(self, path: str, tree: ast.Module, line: int) -> BoundNames:
        """Return the names of a file as the statements above a line have bound them; mostly asked from top to bottom."""
        names, done = self._followed.get(path, (None, 0))
        if names is None or (done and (tree.body[done - 1].end_lineno or 0) >= line):
            names, done = self._names_of(path), 0
            names.declare_options(tree)
        while done < len(tree.body) and (tree.body[done].end_lineno or 0) < line:
            names.follow(tree.body[done])
            done += 1
        self._followed[path] = names, done
        if done < len(tree.body) and tree.body[done].lineno < line:
            names = names.inner()
            _follow_until([tree.body[done]], names, line)
        return names

    def _names_of(self, path: str) -> BoundNames:
        """Return the names of a file before its first statement."""
        from memguard_hooks.formats.python_folding import BoundNames

        module = self._resolver.module_of(path) or ""
        return BoundNames(self._around, module if path.endswith("/__init__.py") else module.rpartition(".")[0], path=path)

    def _load(self, module: str) -> BoundNames | None:
        if not self._resolver.is_whole(module):
            return None
        found = self._module(self._resolver.files(module)[-1])
        return None if found is None else found[1]


def _follow_until(block: list[ast.stmt], names: BoundNames, line: int) -> None:
    """Bind what the statements before a line bind; of the one that holds it, what it may bind is not known."""
    import ast

    for one in block:
        if one.lineno > line:
            return
        if (one.end_lineno or line) < line:
            names.follow(one)
        elif not isinstance(one, (ast.If, ast.Match)) or one.lineno < line:
            names.lose(one, "sets")


def _truth(test: str, names: BoundNames) -> bool | None:
    import ast

    from memguard_hooks.formats.python_folding import Raises, UnknownValue

    try:
        return bool(names.evaluate(ast.parse(test, mode="eval").body))
    except (UnknownValue, Raises, SyntaxError):
        return None


def _heads(test: str) -> list[str]:
    """Return the names in a condition, without those that are asked of others, and texts."""
    return _WORD.findall(_TEXT.sub("", test))
