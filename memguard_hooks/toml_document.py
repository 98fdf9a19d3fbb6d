"""A TOML document with the place of each key and value, which tomli does not tell.

tomli is the judge of what is valid; the locator below walks a text that tomli has accepted, and
only says where things stand.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from memguard_hooks.errors import MemguardError

KeyPath = tuple["str | int", ...]


class Place(NamedTuple):
    """A position in a file, 1-based."""

    line: int
    column: int


class Document(NamedTuple):
    """A parsed TOML file.

    `places` maps the path of a key (`("project", "dependencies")`) to its first character, and the
    path of a value in an array (`("project", "dependencies", 0)`) to its first character, behind
    the quote of a string. `ends` maps a path to the line on which its value ends.
    """

    path: str
    data: dict[str, Any]
    places: dict[KeyPath, Place]
    ends: dict[KeyPath, int]
    comments: tuple[tuple[int, str], ...]

    def error(self, message: str, key: KeyPath) -> MemguardError:
        """Return an error at the place of a key, or of the nearest table around it."""
        while key and key not in self.places:
            key = key[:-1]
        return MemguardError(message, self.path, *self.places.get(key, Place(1, 1)))


def parse(data: bytes, path: str) -> Document:
    """Parse TOML; raises MemguardError with the place of what is wrong."""
    import tomli

    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MemguardError("is not UTF-8, as TOML must be", path, line) from None
    try:
        values = tomli.loads(text)
        locator = _Locator(text)
        locator.document()
    except tomli.TOMLDecodeError as error:
        where = re.search(r"line (\d+), column (\d+)", str(error))
        message = re.sub(r" \(at .*\)$", "", str(error))
        place = (int(where[1]), int(where[2])) if where else (text.count("\n") + 1, None)
        raise MemguardError(f"is not valid TOML: {message}", path, *place) from None
    except RecursionError:
        raise MemguardError("is nested too deeply", path) from None
    return Document(path, values, locator.places, locator.ends, tuple(locator.comments))


_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r]+)
  | (?P<newline>\n)
  | (?P<comment>\#[^\n]*)
  | (?P<string>\"{3}(?:[^\\]|\\.)*?\"{3,5} | '{3}.*?'{3,5} | "(?:[^"\\]|\\.)*" | '[^']*')
  | (?P<mark>[][{},=.])
  | (?P<bare>[^][{},=.\s\#"']+)
    """,
    re.VERBOSE | re.DOTALL,
)


class _Locator:
    """Walks the tokens of a valid document and notes where keys and values start."""

    def __init__(self, text: str) -> None:
        self.places: dict[KeyPath, Place] = {}
        self.ends: dict[KeyPath, int] = {}
        self.comments: list[tuple[int, str]] = []
        self._tables: dict[KeyPath, int] = {}
        self._tokens = _TOKEN.finditer(text)
        self._line = 1
        self._line_start = 0
        self._next()

    def document(self) -> None:
        table: KeyPath = ()
        while self._kind:
            if self._kind == "newline":
                self._next()
            elif self._text == "[":
                table = self._header()
            else:
                self._pair(table)

    def _next(self, newlines: bool = False) -> None:
        """Step to the next token that is neither blank nor comment (nor, inside arrays, a line end)."""
        for match in self._tokens:
            kind, text = match.lastgroup or "", match[0]
            place = Place(self._line, match.start() - self._line_start + 1)
            if "\n" in text:
                self._line += text.count("\n")
                self._line_start = match.start() + text.rindex("\n") + 1
            if kind == "comment":
                self.comments.append((place.line, text.rstrip("\r")))
            elif kind != "blank" and not (newlines and kind == "newline"):
                self._kind, self._text, self._place = kind, text, place
                return
        self._kind, self._text, self._place = "", "", Place(self._line, 1)

    def _header(self) -> KeyPath:
        self._next()
        is_array = self._text == "["
        if is_array:
            self._next()
        place = self._place
        key = self._key(())
        # A dotted header walks through the newest element of each array of tables on its way.
        path: KeyPath = ()
        for part in key[:-1]:
            path += (part,)
            if path in self._tables:
                path += (self._tables[path],)
        path += key[-1:]
        if is_array:
            self.places.setdefault(path, place)
            self._tables[path] = self._tables.get(path, -1) + 1
            path += (self._tables[path],)
        self.places.setdefault(path, place)
        while self._text == "]":
            self._next()
        return path

    def _key(self, table: KeyPath) -> KeyPath:
        """Read a dotted key and note the place of each of its parts."""
        path = table
        while True:
            text = self._text
            if self._kind == "string":
                import tomli

                text = str(tomli.loads(f"x={text}")["x"]) if text[0] == '"' else text[1:-1]
            path += (text,)
            self.places.setdefault(path, self._place)
            self._next()
            if self._text != ".":
                return path
            self._next()

    def _pair(self, table: KeyPath, inside: bool = False) -> None:
        path = self._key(table)
        self._next()  # the sign of equality
        self._value(path, inside)

    def _value(self, path: KeyPath, inside: bool = False) -> None:
        if self._text == "[" and self._kind == "mark":
            self._next(newlines=True)
            index = 0
            while self._text != "]":
                item = (*path, index)
                quote = 0
                if self._kind == "string":
                    quote = 3 if self._text[:3] in ('"""', "'''") else 1
                self.places[item] = Place(self._place.line, self._place.column + quote)
                self._value(item, inside=True)
                index += 1
                if self._text == ",":
                    self._next(newlines=True)
            self._close(path, inside)
        elif self._text == "{" and self._kind == "mark":
            self._next(newlines=True)
            while self._text != "}":
                self._pair(path, inside=True)
                if self._text == ",":
                    self._next(newlines=True)
            self._close(path, inside)
        else:
            self.ends[path] = self._line
            self._next(newlines=inside)
            while self._kind == "bare" or self._text == ".":  # 1.5, 2026-01-01 10:00
                self._next(newlines=inside)

    def _close(self, path: KeyPath, inside: bool) -> None:
        self.ends[path] = self._place.line
        self._next(newlines=inside)
