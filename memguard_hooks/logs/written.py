"""Where in the code of a repository a message is written: the log call whose fixed text the message holds, in its order."""

from __future__ import annotations

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import MAX_SOURCE_BYTES
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEAST = 6
"""Letters of fixed text without which a call is not told from others."""
MAX_PLACES = 3
"""Calls that are named where several write the same."""
MAX_CALLS = 50_000

_SPEAKS = late_pattern(
    rb"(?:\.\s*(?:trace|debug|info|success|msg|log|warn(?:ing)?|error|exception|critical|fatal)|\bprint)\s*\("
)
_ANY_LEVEL = "none"
_WORD = late_pattern(r"[^\W\d]{3,}")
WORDS = 4
"""The longest words of a template of which a source holds one; the others may be values."""


class WrittenCall(Record):
    """One log call: its place, its level, and its fixed texts; what is put in stands between them."""

    path: str
    line: int
    level: str
    texts: tuple[str, ...]

    @property
    def letters(self) -> int:
        """How many letters are fixed."""
        return sum(map(len, self.texts))

    def writes(self, level: str, message: str) -> bool:
        """Return whether a message may be that of the call; one that was cut off may lack the end."""
        if level not in (self.level, _ANY_LEVEL):
            return False
        at = 0
        for number, text in enumerate(self.texts):
            found = message.find(text, at)
            if found < 0 or (number == 0 and found > 0):
                return False
            at = found + len(text)
        return True


class Writers:
    """All log calls of a repository."""

    def __init__(self, calls: Iterable[WrittenCall]) -> None:
        self._calls = sorted((one for one in calls if one.letters >= LEAST), key=lambda one: -one.letters)

    def find(self, level: str, message: str) -> tuple[str, ...]:
        """Return the places `app.py:3` of the calls that share the most text with a message, at most some of them."""
        most, found = 0, list[str]()
        for call in self._calls:
            if call.letters < most or len(found) == MAX_PLACES:
                break
            if call.writes(level, message):
                most = call.letters
                found.append(f"{call.path}:{call.line}")
        return tuple(found)


def find_writers(sources: Iterable[tuple[str, bytes]], texts: Iterable[str]) -> Writers:
    """Read the log calls of the sources that hold words of some text; one that cannot be parsed has none."""
    words = {word.encode() for text in texts for word in sorted(set(_WORD.findall(text)), key=len)[-WORDS:]}
    calls: list[WrittenCall] = []
    for path, data in sources:
        is_near = len(data) <= MAX_SOURCE_BYTES and any(word in data for word in words)
        if is_near and _SPEAKS.search(data) is not None:
            calls += _calls_of(path, data)
        if len(calls) > MAX_CALLS:
            break
    return Writers(calls)


def _calls_of(path: str, data: bytes) -> Iterator[WrittenCall]:
    from memguard_hooks.formats.python_source import decode, parse
    from memguard_hooks.logs.calls import find_calls

    try:
        found = find_calls(parse(decode(data)))
    except (MemguardError, RecursionError):  # an expression that is deeper than any that people write
        return
    for call in found:
        yield WrittenCall(path, call.line, call.level, tuple(call.text.strip().split("{}")))
