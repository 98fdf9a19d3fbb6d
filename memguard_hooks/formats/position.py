"""Where something stands in a text, 1-based, as editors count."""

from __future__ import annotations

import re
from bisect import bisect_right

from memguard_hooks.record import Record


class Place(Record):
    """A position in a file, 1-based."""

    line: int
    column: int


class LineIndex:
    """Where the lines of a text start, by which an offset in it becomes a place."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> Place:
        """Return where the character at an offset stands."""
        line = bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)
