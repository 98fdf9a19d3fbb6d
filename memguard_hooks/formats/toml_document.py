"""A TOML document with the place of each key and value, which tomli does not tell.

tomli is the judge of what is valid. Places are looked for only when one is asked: the locator then
walks the tokens of a text that tomli has accepted, and says where things stand.
"""

from __future__ import annotations

import re
from functools import lru_cache

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.position import Place
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Any, Record

KeyPath = tuple["str | int", ...]


class TomlComment(Record):
    """A comment, from its `#` to the end of its line."""

    line: int
    column: int
    text: str


class TomlDocument:
    """A parsed TOML file.

    The place of a key (`("project", "dependencies")`) is its first character, that of a value in an
    array (`("project", "dependencies", 0)`) its first character, behind the quote of a string.
    """

    def __init__(self, path: str, text: str, data: dict[str, Any]) -> None:
        self.path = path
        self.data = data
        self._text = text
        self._located: _Locator | None = None

    @property
    def _locator(self) -> _Locator:
        if self._located is None:
            self._located = _Locator(self._text)
        return self._located

    @property
    def comments(self) -> list[TomlComment]:
        """The comments, in the order of the file."""
        return self._locator.comments

    def place(self, key: KeyPath) -> Place:
        """Return the place of a key or of a value in an array; of the nearest table where there is no such key."""
        return self._node(key).place

    def end_line(self, key: KeyPath) -> int:
        """Return the line on which the value of a key ends."""
        node = self._node(key)
        return node.end or node.place.line

    def error(self, message: str, key: KeyPath) -> MemguardError:
        """Return an error at the place of a key."""
        return MemguardError(message, self.path, *self.place(key))

    def _node(self, key: KeyPath) -> _Node:
        node = self._locator.root
        for part in key:
            if part not in node.children:
                break
            node = node.children[part]
        return node


_LONG_NUMBER = late_pattern(r"[=,\[\s]([+-]?(?:0[xob][\da-fA-F_]{16}|\d[\d_]{18}))")
"""What may be a number of more than 64 bits, or part of a text."""


MAX_HEADERS = 30_000
"""Lines that may begin a table: tomli takes some 30 microseconds and 4 KiB for each. A lock of 5,000 packages has fewer."""


def data_of(data: bytes, path: str) -> dict[str, Any]:
    """Return what a file holds, nothing for one that does not parse."""
    try:
        return parse(data, path).data
    except MemguardError:
        return {}


@lru_cache(maxsize=2)
def parse(data: bytes, path: str) -> TomlDocument:
    """Parse TOML; raises MemguardError with the place of what is wrong.

    The last documents are kept, to be read only: a pyproject.toml has a reader for each tool that it serves.
    """
    import tomli

    if data.count(b"\n[") > MAX_HEADERS:
        raise MemguardError(f"has more than {MAX_HEADERS} tables", path)

    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MemguardError("is not UTF-8, as TOML must be", path, line) from None
    number = _LONG_NUMBER.search(text)
    try:
        found = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise MemguardError(f"is not valid TOML: {error.msg}", path, error.lineno, error.colno) from None
    except RecursionError:
        raise MemguardError("is nested too deeply", path) from None
    except ValueError:  # Python reads no number of thousands of digits
        is_long = True
    else:
        is_long = number is not None and _has_long_number(found)
    if is_long:
        place = text.count("\n", 0, number.start(1)) + 1 if number is not None else None
        raise MemguardError("has a number of more than 64 bits, which TOML does not know", path, place)
    return TomlDocument(path, text, found)


def _has_long_number(data: dict[str, Any]) -> bool:
    waiting: list[Any] = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            return True
    return False


class _Node:
    """A key or a value of the document, with what is below it."""

    __slots__ = ("children", "end", "items", "place")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.end = 0
        self.items = 0  # of an array, or of an array of tables
        self.children: dict[str | int, _Node] = {}

    def child(self, name: str | int, place: Place) -> _Node:
        """Return what stands below a name; its first place counts."""
        return self.children.setdefault(name, _Node(place))

    def append(self, place: Place) -> _Node:
        """Return a new element of an array."""
        self.items += 1
        return self.child(self.items - 1, place)


_TOKEN = late_pattern(
    r"""
    (?P<blank>[ \t\r]+)
  | (?P<newline>\n)
  | (?P<comment>\#[^\n]*)
  | (?P<string>\"{3} | '{3} | \" | ')
  | (?P<mark>[][{},=.])
  | (?P<bare>[^][{},=.\s\#"']+)
    """,
    re.VERBOSE,
)


class _Locator:
    """Walks the tokens of a valid document and notes where keys and values start.

    It does not recurse, and it keeps a tree rather than full paths: what tomli accepts it can walk.
    """

    def __init__(self, text: str) -> None:
        self.root = _Node(Place(1, 1))
        self.comments: list[TomlComment] = []
        self._source = text
        self._at = 0
        self._line = 1
        self._line_start = 0
        self._next()
        table = self.root
        while self._kind:
            if self._kind == "newline":
                self._next()
            elif self._text == "[":
                table = self._header()
            else:
                node = self._key(table)
                self._next()  # the sign of equality
                self._value(node)

    def _next(self, *, newlines: bool = False) -> None:
        """Step to the next token that is neither blank nor comment (nor, inside of brackets, a line end)."""
        while match := _TOKEN.match(self._source, self._at):
            kind, start = match.lastgroup or "", self._at
            self._at = match.end()
            if kind == "string":
                self._at = _end_of_string(self._source, match[0], self._at)
            text = self._source[start : self._at]
            place = Place(self._line, start - self._line_start + 1)
            if "\n" in text:
                self._line += text.count("\n")
                self._line_start = start + text.rindex("\n") + 1
            if kind == "comment":
                self.comments.append(TomlComment(*place, text.rstrip("\r")))
            elif kind != "blank" and not (newlines and kind == "newline"):
                self._kind, self._text, self._place = kind, text, place
                return
        self._kind, self._text = "", ""

    def _header(self) -> _Node:
        """Read `[a.b]` or `[[a.b]]`; a name on the way through an array of tables means its newest element."""
        self._next()
        is_array = self._text == "["
        if is_array:
            self._next()
        node, place = self.root, self._place
        while True:
            node = node.child(self._name(), self._place)
            self._next()
            if self._text != ".":
                break
            self._next()
            if node.items:
                node = node.children[node.items - 1]
        if is_array:
            node = node.append(place)
        while self._text == "]":
            self._next()
        return node

    def _key(self, node: _Node) -> _Node:
        """Read a dotted key and note the place of each of its parts."""
        while True:
            node = node.child(self._name(), self._place)
            self._next()
            if self._text != ".":
                return node
            self._next()

    def _name(self) -> str:
        if self._text[0] == "'":
            return self._text[1:-1]
        if self._text[0] == '"':
            import tomli

            return str(tomli.loads(f"x={self._text}")["x"])
        return self._text

    def _value(self, node: _Node) -> None:
        """Read a value with all that is in it."""
        around: list[tuple[_Node, bool]] = []  # the arrays (True) and inline tables that are open
        while True:
            if self._text in ("[", "{"):
                around.append((node, self._text == "["))
                self._next(newlines=True)
            else:
                node.end = self._line
                self._next(newlines=bool(around))
                while self._kind == "bare" or self._text == ".":  # 1.5, 2026-01-01 10:00
                    self._next(newlines=bool(around))
            while around:
                container, is_array = around[-1]
                if self._text == ",":
                    self._next(newlines=True)
                if self._text in ("]", "}"):
                    container.end = self._place.line
                    around.pop()
                    self._next(newlines=bool(around))
                    continue
                if is_array:
                    node = container.append(self._first_character())
                else:
                    node = self._key(container)
                    self._next(newlines=True)
                break
            else:
                return

    def _first_character(self) -> Place:
        """Return where a value starts, behind the quote of a string and the line end that may follow a long quote."""
        if self._kind != "string":
            return self._place
        if self._text[:3] not in ('"""', "'''"):
            return Place(self._place.line, self._place.column + 1)
        if self._text[3:5].startswith(("\n", "\r\n")):
            return Place(self._place.line + 1, 1)
        return Place(self._place.line, self._place.column + 3)


def _end_of_string(text: str, quote: str, start: int) -> int:
    """Return where a string ends whose content starts at `start`."""
    at = text.index(quote, start)
    while quote[0] == '"' and _is_escaped(text, at, start):
        at = text.index(quote, at + 1)
    at += len(quote)
    # A long string may end in one or two quotes of its own.
    while len(quote) == 3 and text.startswith(quote[0], at):
        at += 1
    return at


def _is_escaped(text: str, at: int, start: int) -> bool:
    """Return whether an odd number of backslashes stands before a place."""
    first = at
    while first > start and text[first - 1] == "\\":
        first -= 1
    return (at - first) % 2 == 1
