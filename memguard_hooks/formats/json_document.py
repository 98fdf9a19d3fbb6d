"""A JSON document with the place of each key and value, which the standard library does not tell.

`json` is the judge of what is valid; a second walk over the tokens of what it has accepted says where things stand.
"""

from __future__ import annotations

import json

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.position import LineIndex, Place
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Any

MAX_BYTES = 2**20
"""A deployment file is some kilobytes; locks are larger."""

KeyPath = tuple["str | int", ...]

_TOKEN = late_pattern(r'"(?:[^"\\]|\\.)*"|[][{},:]|[^\s"\[\]{},:]+')


class JsonDocument:
    """A parsed JSON file. The place of a key is its first character, that of an element of an array the same of it."""

    def __init__(self, path: str, text: str, data: Any) -> None:
        self.path = path
        self.data = data
        self._text = text
        self._places: dict[KeyPath, int] | None = None
        self._lines = LineIndex("")

    def place(self, key: KeyPath) -> Place:
        """Return the place of a key; of the nearest one around where there is no such key."""
        if self._places is None:
            self._places = _locate(self._text)
            self._lines = LineIndex(self._text)
        while key and key not in self._places:
            key = key[:-1]
        return self._lines.place(self._places.get(key, 0))


def parse(data: bytes, path: str, max_bytes: int = MAX_BYTES) -> JsonDocument:
    """Parse JSON; raises MemguardError with the place of what is wrong."""
    if len(data) > max_bytes:
        raise MemguardError(f"is larger than {max_bytes // 2**20} MiB", path)
    try:
        text = data.decode("utf-8-sig")
        return JsonDocument(path, text, json.loads(text))
    except UnicodeDecodeError as error:
        raise MemguardError("is not UTF-8", path, data.count(b"\n", 0, error.start) + 1) from None
    except json.JSONDecodeError as error:
        raise MemguardError(f"is not valid JSON: {error.msg}", path, error.lineno, error.colno) from None
    except ValueError:
        raise MemguardError("is not valid JSON: a number is too long", path) from None
    except RecursionError:
        raise MemguardError("is nested too deeply", path) from None


def _locate(source: str) -> dict[KeyPath, int]:
    """Return where each key of a valid document stands, down to the fourth level."""
    places: dict[KeyPath, int] = {}
    around: list[str | int | None] = []  # the key, or the number, that is being read in each open container
    is_value = True
    for match in _TOKEN.finditer(source):
        text = match[0]
        if text in "}]":
            around.pop()
            continue
        if text in ",:":
            if text == "," and isinstance(around[-1], int):
                around[-1] += 1
            is_value = text == ":" or isinstance(around[-1], int)
            continue
        if is_value and around and isinstance(around[-1], int) and len(around) <= 4:
            places.setdefault(tuple(one for one in around if one is not None), match.start())
        if text in "{[":
            around.append(0 if text == "[" else None)
            is_value = text == "["
        elif not is_value:
            around[-1] = json.loads(text)
            if len(around) <= 4:
                places[tuple(one for one in around if one is not None)] = match.start()
    return places
