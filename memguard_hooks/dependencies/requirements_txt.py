"""Requirements files in pip's dialect: what one declares, with all that it includes.

Source of the dialect: the requirements file format of pip's documentation, and what pip itself reads,
with which a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies.identity import Identity, identify
from memguard_hooks.dependencies.requirement import (
    LINE_ENDS,
    MAX_BYTES,
    Group,
    Manifest,
    Requirement,
    RequirementComment,
    Wanted,
)
from memguard_hooks.dependencies.requirements_lines import LogicalLine, decode, read_lines, read_options
from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.finding import Skipped
from memguard_hooks.record import Record, TypeAlias
from memguard_hooks.tree import Tree, join, parent

MAX_FILES = 500
"""Files that one requirements file may include, directly and through others."""

MAX_DEPTH = 60
"""Includes inside includes."""

MAX_LINES = 200_000
"""Of all these files together: the largest compiled ones have 40,000, most of them with a hash."""

MAX_INCLUDED_LINES = 1_000_000
"""Lines that all files of a project include, each line as often as it is included."""

_INCLUDED = "included lines"

MAX_REQUIREMENTS = 10_000
"""Requirements that are wanted: nobody declares so many of the few packages that matter."""


Parse: TypeAlias = "Callable[[str, str, int, int, int], Requirement]"
"""Parses a requirement, given its place: path, line, column and last line."""


def read(tree: Tree, path: str, wanted: Wanted, parse: Parse = req.parse) -> Manifest:
    """Read a requirements file and all that it includes.

    Only requirements whose name is `wanted` are parsed. Raises MemguardError, with the place, for
    what pip would refuse too: a missing include, a cycle, a wanted requirement that does not parse.
    """
    if req.is_template(path):
        return Manifest(skipped=(Skipped(path, None, "is a template"),))
    reader = _RequirementsReader(tree, wanted, parse)
    reader.file(path, is_constraint=not _CONSTRAINTS.isdisjoint(_words(path)), origin=None)
    return reader.manifest()


def read_embedded(tree: Tree, path: str, lines: Iterable[LogicalLine], wanted: Wanted) -> Manifest:
    """Read lines of this dialect that stand in a file of another format, and what they include.

    Raises MemguardError as `read` does.
    """
    reader = _RequirementsReader(tree, wanted)
    for line in lines:
        reader.item(_item(line, path), path, is_constraint=False, group="runtime")
    return reader.manifest()


_FILLED_IN = r"\$\{[A-Z0-9_]+\}|\{[{%#]"
_REMOTE = r"[A-Za-z][A-Za-z0-9+.-]*://|(?i:https?|file):|.*\$\{[A-Z0-9_]+\}"


class _Item(Record):
    """What one line says: a file that it includes, or what it names, as it is written; neither of other options.

    What names nothing has no identity.
    """

    line: LogicalLine
    include: str = ""
    is_constraint: bool = False
    written: str = ""
    identity: Identity | None = None


def _item(line: LogicalLine, path: str) -> _Item:
    """Read one line. Raises MemguardError for options that do not parse."""
    if not line.text.startswith("-"):
        written = line.text.split(" -", maxsplit=1)[0].rstrip()
        return _Item(line, written=written, identity=identify(written, is_editable=False)) if written else _Item(line)
    if not re.search(r"(?:^|\s)[\"']?(?:-[rce]|--[rce])", line.text):
        return _Item(line)
    options = read_options(line, path)
    if "--editable" in options:
        written = options["--editable"]
        return _Item(line, written=written, identity=identify(written, is_editable=True))
    # As in pip, what a constraints file includes by `-r` are requirements.
    is_constraint = "--requirement" not in options
    return _Item(line, options.get("--constraint" if is_constraint else "--requirement", ""), is_constraint)


Items: TypeAlias = "Iterable[_Item | RequirementComment | MemguardError]"

MAX_KEPT = 2**14
"""Bytes of a file whose lines are kept: of many that include each other, each is read for all the others too."""


def _items(data: bytes, path: str) -> Items:
    """Return the lines and comments of a file, up to the first that is at fault, which is told by its error."""
    return _kept_items(data, path) if len(data) <= MAX_KEPT else _read_items(data, path)


@lru_cache(maxsize=256)
def _kept_items(data: bytes, path: str) -> Items:
    return tuple(_read_items(data, path))


def _read_items(data: bytes, path: str) -> Iterator[_Item | RequirementComment | MemguardError]:
    try:
        for one in read_lines(decode(data, path), path):
            yield _item(one, path) if isinstance(one, LogicalLine) else one
    except MemguardError as error:
        yield error


class _RequirementsReader:
    """Collects what a file and its includes declare."""

    def __init__(self, tree: Tree, wanted: Wanted, parse: Parse = req.parse) -> None:
        self._tree = tree
        self._wanted = wanted
        self._parse = parse
        self._open: dict[str, None] = {}
        self._done: set[tuple[str, bool]] = set()
        self._known: dict[str, bytes | UnreadableError | None] = {}
        self._bytes = self._lines = 0
        self.requirements: list[Requirement] = []
        self.comments: list[RequirementComment] = []
        self.skipped: list[Skipped] = []
        self.own_extras: list[tuple[str | None, str]] = []

    def manifest(self) -> Manifest:
        return Manifest(tuple(self.requirements), tuple(self.comments), tuple(self.skipped), tuple(self.own_extras))

    def _read(self, path: str) -> bytes | UnreadableError | None:
        """Return a file, None where there is none, or why it is not read; each is asked for once."""
        if path not in self._known:
            try:
                self._known[path] = self._tree.read(path)
            except UnreadableError as error:
                self._known[path] = error
        return self._known[path]

    def file(self, path: str, *, is_constraint: bool, origin: tuple[str, LogicalLine] | None) -> None:
        where = (origin[0], origin[1].number, origin[1].column) if origin else (path, None, None)
        if path in self._open:
            opened = list(self._open)
            chain = " → ".join([*opened[opened.index(path) :], path])
            raise MemguardError(f"includes itself: {chain}", *where)
        if (path, is_constraint) in self._done:
            return
        if len(self._open) >= MAX_DEPTH or len(self._done) >= MAX_FILES:
            raise MemguardError(f"includes more than {MAX_FILES} files or {MAX_DEPTH} levels", *where)
        data = self._read(path)
        if isinstance(data, UnreadableError):
            if origin is None:
                raise data
            self.skipped.append(Skipped(where[0], where[1], f"includes {path}, which {data.message}"))
            return
        if data is None:
            raise MemguardError(f"includes {path}, which is missing" if origin else "no such file", *where)
        self._bytes += len(data)
        if self._bytes <= MAX_BYTES:
            self._lines += sum(map(data.count, LINE_ENDS))
        if self._bytes > MAX_BYTES or self._lines > MAX_LINES:
            bound = f"{MAX_BYTES // 2**20} MiB" if self._bytes > MAX_BYTES else f"{MAX_LINES} lines"
            raise MemguardError(f"is larger than {bound}, with what it includes", *where)
        if origin is not None:
            self._count_included(sum(map(data.count, LINE_ENDS)), path, *where)
        self._done.add((path, is_constraint))
        self._open[path] = None
        self._content(_items(data, path), path, is_constraint=is_constraint)
        del self._open[path]

    def _count_included(self, lines: int, included: str, path: str, line: int | None, column: int | None) -> None:
        """Bound what all files of a tree include: each of many may include the same ones."""
        total = self._tree.parsed.get(_INCLUDED, 0)
        assert isinstance(total, int)
        if total + lines > MAX_INCLUDED_LINES:
            bound = f"all that is included in this project has more than {MAX_INCLUDED_LINES} lines"
            raise MemguardError(f"includes {included}, which is not read: {bound}", path, line, column)
        self._tree.parsed[_INCLUDED] = total + lines

    def _content(self, items: Items, path: str, *, is_constraint: bool) -> None:
        group: Group = "development" if _is_for_development(path) else "runtime"
        listed: set[str] = set()  # all packages of this file
        told: dict[int, list[str]] = {}  # index of a requirement -> the lines of its comment `# via`
        latest: int | None = None  # the requirement that such a comment would speak of
        is_list, next_line = False, 0
        for item in items:
            if isinstance(item, MemguardError):
                raise item
            if isinstance(item, _Item):
                before = len(self.requirements)
                self.item(item, path, is_constraint=is_constraint, group=group)
                name = item.identity.name if item.identity is not None else None
                if name is not None:
                    listed.add(name)
                latest = before if name is not None and len(self.requirements) > before else None
                is_list, next_line = False, item.line.end + 1
                continue
            if "memguard:" in item.text:  # others are no allowances
                self.comments.append(item)
            if latest is not None and item.line <= next_line:
                entries, is_list = _annotation(item.text, is_list=is_list)
                told.setdefault(latest, []).extend(entries)
                next_line = item.line + 1
            else:
                latest = None
        for index, entries in told.items():
            via, also = _bringers(entries, listed)
            self.requirements[index] = self.requirements[index]._replace(via=via, also_via=also)

    def item(self, item: _Item, path: str, *, is_constraint: bool, group: Group) -> None:
        """Take in what a line declares and what it includes."""
        line, found = item.line, item.identity
        if item.include:
            self._include(line, item.include, path, is_constraint=item.is_constraint)
        if not item.written:
            return
        if found is None:
            if not re.search(_FILLED_IN, item.written):
                text = req.shorten(item.written)
                raise MemguardError(f"is not a valid requirement: {text!r}", path, line.number, line.column)
            self.skipped.append(Skipped(path, line.number, f"is filled in elsewhere: {req.shorten(item.written)}"))
        elif found.name is None:
            if group == "runtime":
                self.own_extras += [(None, extra) for extra in found.extras]
        elif self._wanted(found.name):
            self._requirement(line, found.text, item.written, path, is_constraint=is_constraint, group=group)

    def _include(self, line: LogicalLine, value: str, path: str, *, is_constraint: bool) -> None:
        is_remote = re.match(_REMOTE, value) is not None
        beside, from_root = join(parent(path), value), join("", value)
        if is_remote or beside is None:
            reason = "is not read" if is_remote else "leads out of the repository"
            self.skipped.append(Skipped(path, line.number, f"includes {req.shorten(value)}, which {reason}"))
            return
        # pip looks beside the file; where nothing is there, a project may have an installer of its own.
        is_moved = from_root is not None and self._read(beside) is None and self._read(from_root) is not None
        target = from_root if from_root is not None and is_moved else beside
        self.file(target, is_constraint=is_constraint, origin=(path, line))

    def _requirement(
        self, line: LogicalLine, text: str, written: str, path: str, *, is_constraint: bool, group: Group
    ) -> None:
        if len(self.requirements) >= MAX_REQUIREMENTS:
            raise MemguardError(f"declares more than {MAX_REQUIREMENTS} packages of those looked for", path, line.number)
        offset = max(line.text.find(written), 0) if line.number == line.end else 0
        try:
            parsed = self._parse(text, path, line.number, line.column + offset, line.end)
        except MemguardError:
            if not re.search(_FILLED_IN, text):
                raise
            self.skipped.append(Skipped(path, line.number, f"is filled in elsewhere: {req.shorten(text)}"))
            return
        self.requirements.append(parsed._replace(is_constraint=is_constraint, group=group))


def _annotation(comment: str, *, is_list: bool) -> tuple[list[str], bool]:
    """Read a comment of a compiled file: who has brought the package, and whether a list of them goes on.

    pip-tools and uv write `# via a, b`, or `# via` with one name on each of the lines that follow.
    """
    body = comment.lstrip("#").partition(" #")[0].strip()
    if body == "via":
        return [], True
    if body.startswith("via "):
        return [entry.strip() for entry in body[4:].split(",")], False
    return ([body] if is_list else []), is_list


def _bringers(entries: list[str], listed: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the packages that have brought another, and those that would have where the project asks for it, too.

    `-r requirements.in`, `app (pyproject.toml)` and, in an export of uv, the mere name of the project
    are no packages of the file. `-c constraints.txt` brings nothing.
    """
    names = [req.name_of(entry) or "" for entry in entries if not entry.startswith("-c ")]
    brought = tuple(name for name in names if name in listed)
    return (brought, ()) if len(brought) == len(names) else ((), brought)


def _words(path: str) -> set[str]:
    """Return the words of the name of a file."""
    return set(re.split(r"[^a-z0-9]+", path.rpartition("/")[2].lower()))


_CONSTRAINTS = frozenset({"constraint", "constraints"})
_DEVELOPMENT = frozenset({
    "bench", "benchmark", "benchmarks", "build", "ci", "coverage", "dev", "develop", "development", "doc", "docs", "eval",
    "evals", "evaluation", "format", "lint", "linting", "mypy", "nox", "qa", "sphinx", "test", "testing", "tests", "tox",
    "typecheck", "typing",
})  # fmt: skip
"""Words in the name of a file, and names of folders, that say that it is not deployed."""


def _is_for_development(path: str) -> bool:
    """Tell files for development from those that are deployed, by the words of their names and by their folders."""
    folders, words = path.lower().split("/")[:-1], _words(path)
    if "local" in words or any(folder.startswith(".") for folder in folders):
        return True
    return not _DEVELOPMENT.isdisjoint(words.union(folders))
