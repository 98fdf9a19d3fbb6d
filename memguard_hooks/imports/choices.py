"""Which way a choice takes, where constants of the project, variables or words of the command decide.

A file with a choice is parsed once more for it: what its names come to is not kept with what its functions call, for it
depends on other files and on the service.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property, partial

from memguard_hooks.imports.model import MAX_CHOICES
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TypeAlias

    from memguard_hooks.formats.python_folding import Around, BoundNames
    from memguard_hooks.imports.model import Analysis, Choice, Given
    from memguard_hooks.imports.module_nodes import ModuleNodes
    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.imports.sources import SourceFiles

    Block: TypeAlias = "ast.stmt | ast.ExceptHandler | ast.match_case"

MAX_MODULES = 200
"""Files that one walk parses for its choices."""

MAX_NAMES = 30_000
"""Names of all of these files."""

MAX_STEPS = 10_000
"""Statements that one walk follows up to the choices inside of functions, classes and branches, from the top for each.

Beyond that a choice may take any of its ways.
"""

MAX_FOLLOWED = 50
"""Functions whose names are kept: each has those of its module, too."""

NAMES_OF_STEP = 200
"""Names that a function takes over from its module while one statement is followed."""

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
        self._modules: dict[str, tuple[ModuleNodes, BoundNames] | None] = {}
        self._followed: dict[tuple[str, int], tuple[BoundNames, int]] = {}
        """The names of files, and of functions by their lines, that are followed from top to bottom, and how many of their
        statements have been."""
        self._done: dict[tuple[str, int], int] = {}
        """How many statements were followed of functions whose names are kept no more."""
        self._read: dict[str, set[str]] = {}
        """The files whose names are read to know those of a file."""
        self._is_cut = False
        self._steps = 0
        self._count = 0
        self._beyond: set[str] = set()
        self._bound: dict[str, dict[str, str]] = {}
        self._blocks: dict[ast.AST, Sequence[Block]] = {}
        self.known: dict[tuple[str, str], tuple[str, ...]] = {}
        """The choices that were asked for, by file and key, and the ways that each may take."""

    @property
    def words(self) -> tuple[str, ...] | None:
        """The words of the command behind the program, None where it is started as no program."""
        return self._given.words

    @property
    def is_told(self) -> bool:
        """Whether somebody has said which way some choices take, as no run does."""
        return bool(self._given.chosen)

    def decided(self, path: str, found: Analysis, called: frozenset[str]) -> tuple[tuple[int, bool | str], ...]:
        """Return the conditions of a file that are known and decide what it imports as it loads, by their lines.

        Of `TABLE[key]` it is what the key is equal to. `called` are its functions that other files call.
        """
        eager = [one for one in found.sites if one.when == "import"]
        is_outside = any(one.column > 1 for one in eager)
        is_inside = any(one.why.startswith("in function") or one.calls for one in eager)
        if not is_inside and not (is_outside and self._sources.places(path).has_choices):
            return ()
        lines: list[tuple[int, bool | str]] = []
        choices = self._sources.functions(path).choices
        if len(choices) >= MAX_CHOICES:
            self._beyond.add(path)
        for choice in choices:
            is_from_elsewhere = choice.is_given and choice.function in called and not self.is_chosen(path, choice)
            if not is_from_elsewhere and (is_inside or choice.is_outside):
                numbers = self._sources.places(path).numbers()
                lines += ((numbers[place], value) for place, value in self._conditions(path, choice))
        return tuple(sorted(lines, key=repr))

    def _conditions(self, path: str, choice: Choice) -> Iterator[tuple[int, bool | str]]:
        """Yield the places of the conditions of a choice that are known, and what each is."""
        taken = self.ways(path, choice)
        if choice.is_item:
            if len(taken) == 1:
                none = f"{choice.ways[0].test.rpartition(' == ')[0]} == ''"
                yield choice.ways[0].place, next((way.test for way in choice.ways if way.name in taken and way.name), none)
            return
        for way in choice.ways:
            if way.name not in taken:
                yield way.place, False
            elif len(taken) == 1 and way.test:
                yield way.place, True

    def ways(self, path: str, choice: Choice) -> tuple[str, ...]:
        """Return the names of the ways that a choice may take: one where that is known."""
        key = path, choice.key
        if key not in self.known:
            chosen = self._chosen.get(key)
            self.known[key] = chosen if chosen is not None else tuple(self._possible(path, choice))
        return self.known[key]

    def is_chosen(self, path: str, choice: Choice) -> bool:
        """Return whether somebody has said which ways a choice takes."""
        return (path, choice.key) in self._chosen

    def by_call(self, path: str, choice: Choice, caller: str, call: ast.Call) -> tuple[str, ...]:
        """Return the ways that a choice may take where one call runs its function, in whichever file that stands."""
        names = self._names_at(caller, call.lineno)
        given = None if names is None else (call, names)
        return tuple(_taken(choice, given and self._names_at(path, self.line_of(path, choice), given)))

    def text_of(self, path: str, node: ast.expr) -> str | None:
        """Return the text that an expression of a file comes to, None where it is not known, or is none."""
        from memguard_hooks.formats.python_values import Raises, UnknownValue

        names = self._names_at(path, node.lineno)
        try:
            value = None if names is None else names.evaluate(node)
        except (UnknownValue, Raises):
            return None
        return value if isinstance(value, str) else None

    def nodes(self, path: str) -> ModuleNodes | None:
        """Return the nodes of a file, None for what cannot be read, or is beyond the bounds."""
        module = self._module(path)
        return None if module is None else module[0]

    def tree(self, path: str) -> ast.Module | None:
        """Return the syntax tree of a file, None for what cannot be read, or is beyond the bounds."""
        nodes = self.nodes(path)
        return None if nodes is None else nodes.tree

    def holding(self, path: str, line: int) -> list[ast.stmt]:
        """Return the statements of a file that hold a line, from the outermost one on."""
        tree = self.tree(path)
        return [] if tree is None else self._holding(tree, line)

    def read(self) -> dict[str, list[str]]:
        """Return the files whose names the choices that were asked for hang on, and whose names each of these reads."""
        paths = sorted({*self._modules, *(path for path, _ in self._followed)})
        return {path: sorted(self._read.get(path, ())) for path in paths}

    @property
    def beyond(self) -> list[str]:
        """The files of which not all conditions could be decided within the bounds: all ways of these count."""
        names = [(path, one[1]) for path, one in self._modules.items() if one is not None]
        names += [(path, one) for (path, _), (one, _) in self._followed.items()]
        self._beyond.update(path for path, one in names if one.is_beyond_bound)
        return sorted(self._beyond)

    def hangs_on_order(self, earlier: Iterable[str] = ()) -> bool:
        """Return whether what is known of a choice may hang on what was asked for before it: at a bound, or in a circle.

        `earlier` are files that were parsed for other choices of the same walk.
        """
        names = [one for _, one in filter(None, self._modules.values())] + [one for one, _ in self._followed.values()]
        is_full = len({*self._modules, *earlier}) >= MAX_MODULES or self._count > MAX_NAMES // 2
        is_full |= self._steps > MAX_STEPS // 2
        return self._is_cut or is_full or any(one.is_near_bound for one in names)

    def forget_order(self) -> None:
        """Forget what was asked for so far, where what is asked for next may hang on it."""
        if self.hangs_on_order():
            self.forget()

    def forget(self) -> None:
        """Forget what was asked for so far: names and trees refer to each other, and would wait for the collector."""
        for kept in (self.known, self._modules, self._followed, self._done, self._read, self._blocks):
            kept.clear()
        self._is_cut, self._steps, self._count = False, 0, 0

    def _possible(self, path: str, choice: Choice) -> list[str]:
        runs: list[BoundNames | None] = [None]
        if self._may_be_known(path, choice):
            if choice.is_settled:
                runs = [self._names_at(path, self.line_of(path, choice))]
            elif choice.is_given and self._is_called_by_name(path, choice.function):
                runs = self._given_by_calls(path, choice)
        found = [set(_taken(choice, names)) for names in runs]
        return [name for name in choice.names if any(name in taken for taken in found)]

    def line_of(self, path: str, choice: Choice) -> int:
        """Return the line of a choice."""
        return self._sources.places(path).numbers()[choice.ways[0].place]

    def _given_by_calls(self, path: str, choice: Choice) -> list[BoundNames | None]:
        """Return the names where a choice stands for each call of its function, None for one of which little is known.

        Only what the file calls by the name of the function is looked at; what other files call is theirs to say.
        """
        module = self._module(path)
        found: list[BoundNames | None] = []
        for call in module[0].calls_of(choice.function) if module is not None else ():
            names = self._names_at(path, call.lineno)
            given = None if names is None else (call, names)
            found.append(given and self._names_at(path, self.line_of(path, choice), given))
        return found or [None]

    def _is_called_by_name(self, path: str, function: str) -> bool:
        """Return whether a file calls a function of its own: where none does, parsing it tells nothing."""
        bodies = self._sources.functions(path).bodies
        return any(term == f":{function}" for body in bodies for term, _ in body.calls)

    def _may_be_known(self, path: str, choice: Choice) -> bool:
        """Return whether a choice hangs on more than what modules of others hold: parsing the file is not worth less."""
        words = {word for way in choice.ways for word in _heads(way.test)}
        if path not in self._bound:
            self._bound[path] = dict(self._sources.functions(path).bound)
        bound = self._bound[path]
        return any(self._is_of_project(bound.get(word, "")) for word in words)

    def _is_of_project(self, term: str) -> bool:
        """Return whether a name that stands for a term may hold what files of the project say."""
        head = term.partition(".")[0].partition("(")[0]
        if not head or head[0] in "?:" or head in _READERS:
            return True
        return self._resolver.is_whole(head) or self._resolver.is_folder_of_source(head)

    def _names_at(self, path: str, line: int, given: tuple[ast.Call, BoundNames] | None = None) -> BoundNames | None:
        """Return the names as they are at a line of a file, None where they are not known.

        `given` is the call that runs the function there, with the names of its caller.
        """
        import ast

        module = self._module(path)
        if self._steps > MAX_STEPS or path not in self._modules:
            self._beyond.add(path)
        if module is None or self._steps > MAX_STEPS:
            return None
        nodes, names = module
        holders = self._holding(nodes.tree, line)
        while holders and not isinstance(holders[-1], (ast.FunctionDef, ast.AsyncFunctionDef)):
            holders.pop()
        if not holders:
            return self._names_above((path, 0), nodes.tree.body, lambda: self._names_of(path, nodes), line)
        if len(holders) == 1 and given is None and isinstance(holders[0], (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = holders[0]
            return self._names_above((path, function.lineno), function.body, lambda: _names_inside(function, names), line)
        for holder in holders:
            if isinstance(holder, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names = names.inner()
                self._steps += len(names.bound) // NAMES_OF_STEP
                if not _bind(holder, names, given):
                    return None
                self._follow_until(holder.body, names, line)
            elif not isinstance(holder, ast.ClassDef):
                return None
        return names if self._steps <= MAX_STEPS else None

    def _holding(self, tree: ast.Module, line: int) -> list[ast.stmt]:
        """Return the statements that hold a line, from the outermost one on."""
        import ast

        found: list[ast.stmt] = []
        here: ast.AST | None = tree
        while here is not None:
            if here not in self._blocks:
                self._blocks[here] = tree.body if here is tree else list(_inner_blocks(here))
            block = self._blocks[here]
            here = _at(block, line)
            if isinstance(here, ast.stmt):
                found.append(here)
        return found

    @cached_property
    def _around(self) -> Around:
        """What the names of all files are read in: loaded where there is a choice."""
        from memguard_hooks.formats.python_folding import Around

        return Around(dict(self._given.variables), words=self._given.words, has_all=False)

    def _module(self, path: str) -> tuple[ModuleNodes, BoundNames] | None:
        """Return the nodes of a file and its names, None for what cannot be read."""
        if path not in self._modules and len(self._modules) < MAX_MODULES and self._count < MAX_NAMES:
            self._modules[path] = None  # of modules that import each other one comes first
            nodes = self._sources.nodes(path)
            if nodes is None:
                return None
            names = self._names_of(path, nodes)
            for statement in nodes.tree.body:
                names.follow(statement)
            for name in nodes.set_anew:
                names.forget(name, 0, "sets anew")
            self._modules[path] = nodes, names
            self._count += len(names.bound)
        return self._modules.get(path)

    def _names_above(
        self, place: tuple[str, int], body: list[ast.stmt], begin: Callable[[], BoundNames | None], line: int
    ) -> BoundNames | None:
        """Return the names as the statements of a body above a line have bound them; mostly asked from top to bottom.

        None where they are not known; `begin` returns those before its first statement.
        """
        names, done = self._followed.get(place, (None, self._done.get(place, 0)))
        if names is None or (done and _last_line(body[done - 1]) >= line):
            self._make_room()
            self._steps += done
            names, done = begin(), 0
            self._steps += len(names.bound) // NAMES_OF_STEP if names is not None else 0
        if names is None:
            return None
        while done < len(body) and _last_line(body[done]) < line:
            names.follow(body[done])
            done += 1
        self._followed[place] = names, done
        if done < len(body) and body[done].lineno < line:
            names = names.inner()
            self._follow_until([body[done]], names, line)
        return names if self._steps <= MAX_STEPS else None

    def _make_room(self) -> None:
        """Keep the names of a bounded number of functions; how far they were followed counts where they are asked again."""
        if len(self._followed) - len(self._modules) > MAX_FOLLOWED:
            for place in [one for one in self._followed if one[1]]:
                names, self._done[place] = self._followed.pop(place)
                if names.is_beyond_bound:
                    self._beyond.add(place[0])

    def _follow_until(self, block: list[ast.stmt], names: BoundNames, line: int) -> None:
        """Bind what the statements before a line bind; of the one that holds it, what it may bind is not known."""
        import ast

        for one in block:
            self._steps += 1
            if one.lineno > line or self._steps > MAX_STEPS:
                return
            if (one.end_lineno or line) < line:
                names.follow(one)
            elif isinstance(one, ast.If) and one.lineno < line:
                is_body = (one.body[-1].end_lineno or line) >= line
                self._follow_until(one.body if is_body else one.orelse, names, line)
            elif isinstance(one, ast.ClassDef):
                self._follow_until(one.body, names, line)
            elif isinstance(one, ast.Match):
                if one.cases[0].pattern.lineno < line:
                    names.lose(one, "sets")
            elif not isinstance(one, ast.If):
                names.lose(one, "sets")

    def _names_of(self, path: str, nodes: ModuleNodes) -> BoundNames:
        """Return the names of a file before its first statement."""
        from memguard_hooks.formats.python_folding import BoundNames

        module = self._resolver.module_of(path) or ""
        package = module if path.endswith("/__init__.py") else module.rpartition(".")[0]
        around = self._around._replace(load=partial(self._load, path))
        return BoundNames(around, package, path=path, command_line=nodes.command_line)

    def _load(self, reader: str, module: str) -> BoundNames | None:
        """Return the names of a module that a file reads."""
        if not self._resolver.is_whole(module):
            return None
        path = self._resolver.files(module)[-1]
        self._read.setdefault(reader, set()).add(path)
        self._is_cut |= self._modules.get(path, self) is None
        found = self._module(path)
        if path not in self._modules:
            self._beyond.add(reader)
        return None if found is None else found[1]


def _inner_blocks(node: ast.AST) -> Iterator[Block]:
    """Yield what holds statements in a node, and its statements, from the first on."""
    import ast

    from memguard_hooks.formats.python_nodes import children

    blocks = (ast.stmt, ast.ExceptHandler, ast.match_case)
    return (one for one in children(node) if isinstance(one, blocks))


def _at(block: Sequence[Block], line: int) -> Block | None:
    """Return what of a block holds a line, the first of those that do; looked for by halves."""
    number = bisect_left(block, line, key=_last_line)
    return block[number] if number < len(block) and _first_line(block[number]) <= line else None


def _first_line(node: Block) -> int:
    """Return the first line of a node; a case has no place but that of its pattern and its statements."""
    import ast

    return node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno


def _last_line(node: Block) -> int:
    import ast

    last = node.body[-1] if isinstance(node, ast.match_case) else node
    return last.end_lineno or last.lineno


def _names_inside(function: ast.FunctionDef | ast.AsyncFunctionDef, outer: BoundNames) -> BoundNames | None:
    """Return the names in a function before its first statement, None where those of its parameters are not known."""
    names = outer.inner()
    return names if _bind(function, names, None) else None


def _bind(
    holder: ast.FunctionDef | ast.AsyncFunctionDef, names: BoundNames, given: tuple[ast.Call, BoundNames] | None
) -> bool:
    """Bind the parameters of a function to what a call gives, or to nothing that is known; return whether that fits."""
    import ast

    from memguard_hooks.formats.python_returns import bind_parameters
    from memguard_hooks.formats.python_values import UnknownValue

    for one in ast.walk(holder.args):
        if isinstance(one, ast.arg):
            names.forget(one.arg, holder.lineno, "is given")
    if given is not None:
        call, caller = given
        try:
            bind_parameters(holder, names, caller, call.args, {one.arg or "**": one.value for one in call.keywords})
        except UnknownValue:
            return False
    return True


def _taken(choice: Choice, names: BoundNames | None) -> Iterator[str]:
    """Yield the ways that a choice may take with some names."""
    for way in choice.ways:
        is_taken = names and way.test and _truth(way.test, names)
        if is_taken is not False or not way.test:
            yield way.name
        if is_taken:
            return


def _truth(test: str, names: BoundNames) -> bool | None:
    import ast

    from memguard_hooks.formats.python_values import Raises, UnknownValue

    try:
        return bool(names.evaluate(ast.parse(test, mode="eval").body))
    except (UnknownValue, Raises, SyntaxError):
        return None


def _heads(test: str) -> list[str]:
    """Return the names in a condition, without those that are asked of others, and texts."""
    return _WORD.findall(_TEXT.sub("", test))
