"""INI as configparser reads it, with the place of each line, which configparser loses; a test compares with it."""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record


class Piece(Record):
    """One line of the value of an option, stripped, with its place."""

    line: int
    column: int
    text: str


class Option(Record):
    """One option of a section; its first piece stands on the line of its name and may be empty."""

    section: str
    name: str
    pieces: tuple[Piece, ...]


_SECTION = late_pattern(r"\[(.+)\]")
_OPTION = late_pattern(r"([^\s=:][^=:]*)[=:]\s*(.*)")


def read_options(text: str) -> Iterator[Option]:
    """Yield the options of a file: a line that stands deeper than the name of an option goes on with its value."""
    section, name, depth = "", "", 0
    pieces: list[Piece] = []
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        column = len(line) - len(line.lstrip()) + 1
        if not content or content.startswith(("#", ";")):
            continue
        if name and column - 1 > depth:
            pieces.append(Piece(number, column, content))
            continue
        if name:
            yield Option(section, name, tuple(pieces))
            name = ""
        header, option = _SECTION.match(content), _OPTION.match(content)
        if header:
            section = header[1]
        elif option:
            name, depth = option[1].rstrip().lower(), column - 1
            pieces = [Piece(number, column + option.start(2), option[2])]
    if name:
        yield Option(section, name, tuple(pieces))
