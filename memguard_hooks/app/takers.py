"""Which other files of a project take a name from a file, or put something in its place."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from memguard_hooks.app.connected import find_groups
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_nodes import last_name, targets, texts_in
from memguard_hooks.formats.python_nodes import walk as walk_nodes
from memguard_hooks.formats.python_source import decode, parse
from memguard_hooks.imports.built_later import BuiltLater, Setting, set_by
from memguard_hooks.imports.movable import plain_uses, reads_types
from memguard_hooks.imports.name_uses import annotations_of, bound_by
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.files import SOURCE
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent, walk

_INJECTORS = "Depends|Security|Provide|Inject|Injected|from_function|FunctionTool|add_api_route|add_command|validate_call"
"""What reads the annotations of a function that it is given."""


_WITH_FIELDS = frozenset({"NamedTuple", "TypedDict", "dataclass"})
"""Bases and decorators of classes that keep the types of their fields."""

_READS_TYPES = late_pattern(
    r"\bget_(?:type_hints|annotations)\b|__annotations__|__dataclass_fields__"
    r"|\b(?:from|import)[ \t]+(?:apischema|cattrs?|dacite|dataclass_wizard|jsons|serde|typedload)\b"
)
"""What reads the types of the fields of any class that it is given, or of which it is given an object."""

_SETS_VARIABLE = late_pattern(
    r"\benviron\s*\[[^\]\n]{1,200}\]\s*=[^=]|\benviron\s*\.\s*(?:clear|pop|setdefault|update)\b|\b(?:put|unset)env\s*\("
    r"|\bdel\s+(?:os\.)?environ\b"
)
_TESTS = late_pattern(r"(?:^|/)(?:tests?/|test_[^/]*$|conftest\.py$)|_test\.py$")


class Taker(Record):
    """A line of another file, and what it does with a name.

    `patched` is the string by which a test puts something in its place, `node` the statement that imports it from there.
    """

    path: str
    line: int
    what: str
    patched: ast.Constant | None = None
    node: ast.ImportFrom | None = None


class Takers:
    """The files of a project that may take names from others, each read once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._texts: dict[str, str] = {}
        for path in walk(project.tree):
            data = project.read_file(path) if path.endswith(SOURCE) else None
            if data is not None:
                self._texts[path] = data.decode("utf-8", "replace")
        self._all_takers = frozenset(path for path, text in self._texts.items() if "import *" in text)
        """The files that may import all names of others."""
        self._trees: dict[str, ast.Module | None] = {}
        self._indexes: dict[str, _Index] = {}
        self._saying: dict[str, frozenset[str]] = {}
        self._handed_on: dict[tuple[str, str], bool] = {}
        """The files, and the names that others do or do not take from there."""

    def of(self, path: str, names: Sequence[str], functions: Sequence[str] = ()) -> Taker | None:
        """Return the first place that takes one of some names from a file, or reads the types of what it defines."""
        for taker in self.all_of(path, names):
            return taker
        for name in functions:
            reader = self._injector_of(name) or self._reader_of_type(path, name)
            if reader is not None:
                return reader
        return None

    def _reader_of_type(self, path: str, name: str) -> Taker | None:
        """Return the first place that may read the types of the fields of a class, or those that another type is made of."""
        tree = self._tree(path)
        body = tree.body if tree is not None else []
        made = next((one for one in body if isinstance(one, ast.ClassDef) and one.name == name), None)
        makers = (*made.bases, *made.decorator_list) if made is not None else ()
        has_fields = any(last_name(one.func if isinstance(one, ast.Call) else one) in _WITH_FIELDS for one in makers)
        is_alias = any(isinstance(one, (ast.Assign, ast.AnnAssign)) and name in _bound_by(one) for one in body)
        if not has_fields and not is_alias:
            return None
        if has_fields and self._reader_of_any is not None:
            return self._reader_of_any
        for other in sorted(self._with_word(name)):
            if _TESTS.search(other) and not _READS_TYPES.search(self._texts[other]):
                continue
            line = self._line_that_asks(other, name, is_own=other == path)
            if line is not None:
                return Taker(other, line, f"may read the types of {name}")
        return None

    @cached_property
    def _reader_of_any(self) -> Taker | None:
        """The first place but tests that may read the types of fields of whatever it is given."""
        texts = ((path, text) for path, text in self._texts.items() if not _TESTS.search(path))
        found = [(path, _READS_TYPES.search(text) or _reads_fields(text)) for path, text in texts]
        return next(
            (
                Taker(path, self._texts[path].count("\n", 0, match.start()) + 1, "may read the types of fields of any class")
                for path, match in sorted(found)
                if match is not None
            ),
            None,
        )

    def _line_that_asks(self, other: str, name: str, *, is_own: bool) -> int | None:
        """Return the first line of a file that does more with a class or a type than to call it and to name it for types.

        Of its own file it is known that it does not, but for functions whose annotations others read.
        """
        tree = self._tree(other)
        if tree is None:
            return 1
        plain, spared, taken, fields = plain_uses(tree), set[ast.AST](), set[ast.AST](), set[ast.stmt]()
        for node in walk_nodes(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not reads_types(node):
                kept = spared if self._injector_of(node.name) is None else taken
                kept.update(inner for one in annotations_of(node) for inner in walk_nodes(one))
            elif isinstance(node, ast.ClassDef):
                fields.update(node.body)
            elif isinstance(node, ast.AnnAssign) and node not in fields:
                spared.update(walk_nodes(node.annotation))
        for node in walk_nodes(tree):
            if isinstance(node, ast.alias) and node.name == name and node.asname not in (None, name):
                return node.lineno
            if not isinstance(node, ast.expr) or node in plain or node in spared or (is_own and node not in taken):
                continue
            is_read = isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
            is_written = isinstance(node, ast.Constant) and isinstance(node.value, str) and _says(node.value, name)
            if is_written or (is_read and last_name(node) == name):
                return node.lineno
        return None

    def _injector_of(self, name: str) -> Taker | None:
        """Return the first place that reads the annotations of a function, as it hands that to what fills its parameters."""
        wanted = re.compile(rf"\b(?:{_INJECTORS})\(\s*(?:\w+\.)*{re.escape(name)}\b")
        for other, text in self._texts.items():
            found = wanted.search(text) if name in text else None
            if found is not None:
                return Taker(other, text.count("\n", 0, found.start()) + 1, f"reads the types of {name}()")
        return None

    def all_of(self, path: str, names: Sequence[str]) -> Iterator[Taker]:
        """Yield the places that take one of some names from a file."""
        for name in names:
            for taker, star in self._all_of(path, name):
                if star is None or self._takes_with_all(taker.path, star, path, name):
                    yield taker

    def _all_of(self, path: str, name: str) -> Iterator[tuple[Taker, ast.ImportFrom | None]]:
        """Yield the places that take a name from a file, and those that do if they need it of all names that they take."""
        stem = "" if path.endswith("__init__.py") else _stem(path)  # a package is also what `from . import` means
        # Plain searches tell nearly all files apart; only the rest is parsed.
        may_take = self._all_takers | self._with_word(name)
        for other in self._texts:
            if other in may_take and other != path and stem in self._texts[other]:
                yield from self._takers_in(other, path, name)

    def _with_word(self, name: str) -> frozenset[str]:
        """Return the files that say a name."""
        if name not in self._saying:
            word = re.compile(rf"\b{re.escape(name)}\b")
            self._saying[name] = frozenset(path for path, text in self._texts.items() if name in text and word.search(text))
        return self._saying[name]

    def is_replaced(self, root: str) -> bool:
        """Return whether some file may put a module of its own in place of a library, in `sys.modules`."""
        named = re.compile(rf"[\"']{re.escape(root)}[\"'.]")
        return any("sys.modules" in text and named.search(text) is not None for text in self._texts.values())

    def text(self, path: str) -> str:
        """Return the text of a file of Python."""
        return self._texts[path]

    def changes(self, path: str, value: BuiltLater | None, line: int, known_files: Collection[str]) -> Taker | None:
        """Return the first place that may change what a value of a file is built of, before it is built at its first use.

        What stands above it in its own file has run before, in either case; a file that no import connects with it and that
        is not among those that services are known to load belongs to another program.
        """
        first = self._programs.get(path)
        near = {one for one in self._texts if self._programs.get(one) == first or one in known_files}
        for taker in self._environment if value is None or not value.asks_alone else ():
            if taker.path not in near:
                continue
            text = self._texts[taker.path].split("\n")[taker.line - 1] if taker.path == path else " "
            if text[:1].isspace() or taker.line > line:
                return taker
        for name in value.attributes if value is not None else ():
            sets = re.compile(
                rf"\.{name}\s*(?::[^=\n]{{1,200}}|[-+*/|&%]|//|\*\*)?=(?!=)|\bglobal\b[^\n]{{0,500}}\b{name}\b"
                rf"|\bsetattr\s*\([^\n]{{1,500}}[\"']{name}[\"']"
            )
            for other, text in sorted(self._texts.items()):
                found = None if name not in text or other not in near or _TESTS.search(other) else sets.search(text)
                if found is not None:
                    return Taker(other, text.count("\n", 0, found.start()) + 1, f"sets {name}, which it reads")
        return None

    def uses_without(self, path: str, root: str, statement: Setting) -> Taker | None:
        """Return the first other file but tests that imports a library and does not set it up the same way itself."""
        word = re.compile(rf"^[ \t]*(?:import|from)[ \t]+(?:[\w., \t]*,[ \t]*)?{re.escape(root)}\b", re.MULTILINE)
        written = ast.unparse(set_by(statement))
        sign = r"=(?!=)" if isinstance(statement, ast.Assign) else r"\("
        own = re.compile(rf"^(?P<inner>[ \t]*){re.escape(written)} *{sign}", re.MULTILINE)
        for other, text in sorted(self._texts.items()):
            blanks = {match["inner"] for match in own.finditer(text)} if written in text else {"?"}
            is_set = blanks == {""} and self._sets_the_same(other, statement)  # at the module level alone
            found = None if other == path or _TESTS.search(other) or is_set else word.search(text)
            if found is not None:
                return Taker(other, text.count("\n", 0, found.start()) + 1, f"may need {written}, which is set here")
        return None

    def _sets_the_same(self, other: str, statement: Setting) -> bool:
        """Return whether a file has the same statement, where its arguments may name the option that is set."""
        tree = None if isinstance(statement, ast.Assign) else self._tree(other)
        return tree is None or any(isinstance(one, ast.Expr) and ast.dump(one) == ast.dump(statement) for one in tree.body)

    @cached_property
    def _programs(self) -> dict[str, str]:
        return find_groups(self._project)

    @cached_property
    def _environment(self) -> tuple[Taker, ...]:
        """The places but tests that set or delete variables of the environment."""
        return tuple(
            Taker(path, text.count("\n", 0, found.start()) + 1, "changes variables that it may read")
            for path, text in sorted(self._texts.items())
            if not _TESTS.search(path)
            for found in _SETS_VARIABLE.finditer(text)
        )

    def _tree(self, path: str) -> ast.Module | None:
        if path not in self._trees:
            try:
                self._trees[path] = parse(decode(self._project.read_file(path) or b"", path))
            except MemguardError:
                self._trees[path] = None
        return self._trees[path]

    def _index(self, path: str, tree: ast.Module) -> _Index:
        if path not in self._indexes:
            self._indexes[path] = _index_of(tree)
        return self._indexes[path]

    def _takers_in(self, other: str, path: str, name: str) -> Iterator[tuple[Taker, ast.ImportFrom | None]]:
        """Yield the lines of another file that take a name from a file, what they do, and whether they take all names."""
        tree, stem = self._tree(other), _stem(path)
        if tree is None:
            yield from ((Taker(other, line, what), None) for line, what in self._lines_unparsed(other, path, name))
            return
        index, known = self._index(other, tree), {stem}
        for node in index.imports:
            if isinstance(node, ast.Import):
                known.update(one.asname for one in node.names if one.asname and one.name.rpartition(".")[2] == stem)
                continue
            for alias in node.names:
                if alias.name in (name, "*") and self._is_from(node, other, path):
                    taker = Taker(other, node.lineno, f"imports {name} from it", None, node)
                    yield taker, node if alias.name == "*" else None
                elif alias.name == stem:
                    known.add(alias.asname or stem)
        quoted = re.compile(rf"(?:^|\.){re.escape(stem)}\.{re.escape(name)}(?:\.|$)")
        for one in index.saying(name):
            if isinstance(one, ast.Attribute):
                if last_name(one.value) in known:
                    yield Taker(other, one.lineno, f"takes {name} from it"), None
            elif isinstance(one, ast.Call):
                if last_name(one.args[0]) in known:
                    yield Taker(other, one.lineno, f"patches {name} in it"), None
            elif isinstance(one.value, str) and quoted.search(one.value):
                patched = one if one in index.patched and _TESTS.search(other) else None
                yield Taker(other, one.lineno, f"patches {one.value}", patched), None

    def _takes_with_all(self, other: str, star: ast.ImportFrom, path: str, name: str) -> bool:
        """Return whether a file that imports all names of another needs one: for itself, or for those that take it there."""
        needs = self._needs_of_all(other, star, path, name)
        return self._is_handed_on(other, name) if needs is None else needs

    def _needs_of_all(self, other: str, star: ast.ImportFrom, path: str, name: str) -> bool | None:
        """Return whether a file itself needs a name of all that it imports, None where it hands it on at most."""
        tree, origin = self._tree(other), self._tree(path)
        if tree is None:
            return True
        if any(one.lineno > star.lineno or _is_alike(one, origin, name) for one in _imports_of(tree, name)):
            return False
        is_exported = "__all__" in self._texts[other] and _may_export(tree, name)
        return True if is_exported or name in self._index(other, tree).names else None

    def _is_handed_on(self, path: str, name: str) -> bool:
        """Return whether some file takes a name from one, or from another that has it from there among all names."""
        key = path, name
        if key in self._handed_on:
            return self._handed_on[key]
        sources: dict[str, list[str]] = {path: []}
        """The files that may hand the name on, and those that they have it from."""
        waiting, taken = [path], []
        for one in waiting:  # which grows
            for taker, star in self._all_of(one, name):
                needs = self._needs_of_all(taker.path, star, one, name) if star is not None else True
                known = self._handed_on.get((taker.path, name)) if needs is None else needs
                if known:
                    taken.append(one)
                    break
                if needs is None and known is None:
                    if taker.path not in sources:
                        sources[taker.path] = []
                        waiting.append(taker.path)
                    sources[taker.path].append(one)
        self._handed_on.update(((one, name), False) for one in sources)
        while taken:
            one = taken.pop()
            if not self._handed_on[one, name]:
                self._handed_on[one, name] = True
                taken += sources[one]
        return self._handed_on[key]

    def _lines_unparsed(self, other: str, path: str, name: str) -> Iterator[tuple[int, str]]:
        """Yield the lines of a file that this Python cannot parse, and that may take a name from another."""
        stem = re.escape(_stem(path))
        imports = (
            rf"\bfrom\s+[\w.]{{0,200}}(?:\b{stem}|\.)\s+import\s*(?:\([^)]{{0,2000}}|[^\n(]{{0,2000}})(?:\b{name}\b|\*)"
        )
        for match in re.finditer(rf"{imports}|\b{stem}\.{name}\b", self._texts[other]):
            yield self._texts[other].count("\n", 0, match.start()) + 1, f"may take {name} from it"

    def _is_from(self, node: ast.ImportFrom, other: str, path: str) -> bool:
        """Return whether a `from` import names a file."""
        inner = (node.module or "").replace(".", "/")
        if node.level == 0:
            return _is_module(path, inner) and self._project.is_first_party(node.module or "", other)
        folder: str | None = parent(other)
        for _ in range(node.level - 1):
            folder = join(folder or "", "..")
        target = f"{folder}/{inner}".strip("/") if folder else inner
        return path in (f"{target}.py", f"{target}/__init__.py".lstrip("/"))


class _Index(Record):
    """What a file has that may take a name from another, in the order of its syntax tree."""

    imports: tuple[ast.Import | ast.ImportFrom, ...]
    names: frozenset[str]
    by_name: Mapping[str, Sequence[tuple[int, ast.Attribute | ast.Call]]]
    """Attributes by their names, and calls by the name that they are given second, with their places in the tree."""
    dotted: tuple[tuple[int, ast.Constant], ...]
    """Strings with a period."""
    patched: frozenset[ast.expr]
    """What calls are given first that put something in its place."""

    def saying(self, name: str) -> list[ast.Attribute | ast.Call | ast.Constant]:
        """Return the attributes, strings and calls that may take a name."""
        strings = [(place, one) for place, one in self.dotted if name in str(one.value)]
        return [one for _, one in sorted([*self.by_name.get(name, ()), *strings], key=lambda found: found[0])]


def _index_of(tree: ast.Module) -> _Index:
    imports: list[ast.Import | ast.ImportFrom] = []
    names: set[str] = set()
    by_name: dict[str, list[tuple[int, ast.Attribute | ast.Call]]] = {}
    dotted: list[tuple[int, ast.Constant]] = []
    patched: set[ast.expr] = set()
    for place, node in enumerate(walk_nodes(tree)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.append(node)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            by_name.setdefault(node.attr, []).append((place, node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            dotted.append((place, node))
        elif isinstance(node, ast.Call) and node.args:
            if last_name(node.func) in ("patch", "setattr"):
                patched.add(node.args[0])
            for text in texts_in(node.args[1:2]):
                by_name.setdefault(text, []).append((place, node))
    return _Index(tuple(imports), frozenset(names), by_name, tuple(dotted), frozenset(patched))


def _reads_fields(text: str) -> re.Match[str] | None:
    """Return where a file asks for the fields of a class or an object, if it looks at types too."""
    return re.search(r"\bfields\s*\(", text) if re.search(r"\.type\b", text) else None


def _bound_by(statement: ast.AST) -> list[str]:
    return [one.id for one in targets(statement) if isinstance(one, ast.Name)]


def _says(text: str, name: str) -> bool:
    """Return whether a string may be a type that names a class."""
    return name in text and re.fullmatch(r"[\w.\[\], |]{1,200}", text) is not None and name in re.split(r"\W+", text)


def _may_export(tree: ast.Module, name: str) -> bool:
    """Return whether a name may be in `__all__` of a file, which more than lists of strings may fill."""
    plain: set[ast.AST] = set()
    for one in tree.body:
        if not isinstance(one, (ast.Assign, ast.AnnAssign, ast.AugAssign)) or not isinstance(
            one.value, (ast.List, ast.Tuple)
        ):
            continue
        if all(isinstance(text, ast.Constant) and text.value != name for text in one.value.elts):
            plain.update(targets(one))
    return any(
        (isinstance(one, ast.Name) and one.id == "__all__" and one not in plain)
        or (isinstance(one, ast.alias) and "__all__" in (one.name, one.asname))
        or (isinstance(one, ast.Constant) and one.value == "__all__")
        for one in walk_nodes(tree)
    )


def _imports_of(tree: ast.Module | None, name: str) -> list[ast.Import | ast.ImportFrom]:
    """Return the statements of the module level that import a name."""
    imports = (one for one in (tree.body if tree is not None else ()) if isinstance(one, (ast.Import, ast.ImportFrom)))
    return [one for one in imports if any(bound_by(alias) == name for alias in one.names)]


def _is_alike(statement: ast.Import | ast.ImportFrom, origin: ast.Module | None, name: str) -> bool:
    """Return whether a file imports the same by a name as another does, from a package of others."""
    return any(_imported(statement, name) == _imported(one, name) for one in _imports_of(origin, name))


def _imported(statement: ast.Import | ast.ImportFrom, name: str) -> tuple[object, ...]:
    alias = next(one for one in statement.names if bound_by(one) == name)
    if isinstance(statement, ast.Import):
        return (alias.name if alias.asname else name,)
    return (statement.module, alias.name) if statement.level == 0 else (statement,)


def _is_module(path: str, inner: str) -> bool:
    return f"/{path.removesuffix('.py').removesuffix('/__init__')}".endswith(f"/{inner}")


def _stem(path: str) -> str:
    """Return the last part of the name of a module: that of its folder for a package."""
    return path.removesuffix("/__init__.py").rpartition("/")[2].removesuffix(".py")
