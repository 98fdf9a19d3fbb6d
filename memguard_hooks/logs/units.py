"""Units of work: the calls, requests or jobs that a log tells of, by an identifier that its lines hold."""

from __future__ import annotations

import re

from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memguard_hooks.logs.templates import Template

MAX_UNITS = 200_000
"""Values of a named identifier that are told apart, a tenth of others; beyond, the count is a lower bound."""
MAX_KEYS = 32
MAX_NAME = 40
"""Letters before a value among which its name is looked for."""
FEWEST = 2
"""Values by which an identifier that nobody named is taken for one of units."""

_PREFERRED = (
    "call_sid",
    "call_id",
    "callsid",
    "conversation_id",
    "session_id",
    "request_id",
    "correlation_id",
    "trace_id",
    "job_id",
    "task_id",
    "message_id",
    "chat_id",
)
_PAIR = re.compile(r"[=:](?:(?<=(?:id|Id|ID)[=:])|(?<=(?:id|Id|ID)[\"'][=:])) ?[\"']?([\w-]{2,64})")
_KEY = re.compile(r"\b[A-Za-z]\w{2,33}(?=[\"']?$)")
"""A value behind a key that ends in `id`, and the key before it: letters that begin neither are passed over at once."""

_BARE = re.compile(r"[-_:](?<=[beklnqtv].)((?=[\w-]*\d)[\da-f-]{8,64})\b")
_OF = re.compile(r"\b(?:req|request|call|job|task|session|trace|conv|run)$")
"""An identifier that says by itself what it is of, such as `[req-38101a0b-2096-447d-96ea-a692162415ae]`."""


class Unit(Record):
    """The identifier of units, how many values it has, and how many lines hold it."""

    key: str
    units: int
    lines: int
    is_bound: bool
    """Whether there were more values than are told apart."""


class Units:
    """Counts the values of identifiers; of one alone where it is named."""

    def __init__(self, named: str | None) -> None:
        self.named = named
        self._form = (
            _PAIR if named is None else re.compile(rf"(?<!\w){re.escape(named)}[\"']?[=:] ?[\"']?([^\s,;\"')\]}}]+)")
        )
        self._hint = named or "d"
        self._most = MAX_UNITS if named is not None else MAX_UNITS // 10
        self._values: dict[str, set[int]] = {}
        self._lines: dict[str, int] = {}

    def add(self, text: str, fields: Mapping[str, object]) -> None:
        """Count the identifiers of one line."""
        if self.named is not None and (value := fields.get(self.named)) is not None:
            self._count(self.named, str(value))
            return
        if self.named is None:
            for key, value in fields.items():
                if key.lower().endswith("id") and isinstance(value, (str, int)) and key.lower() not in ("pid", "tid"):
                    self._count(key, str(value))
        if self._hint in text:
            if self.named is not None:
                for value in self._form.findall(text):
                    self._count(self.named, value)
            else:
                self._count_before(_PAIR, _KEY, text)
        if self.named is None:
            self._count_before(_BARE, _OF, text)

    def _count_before(self, form: re.Pattern[str], name: re.Pattern[str], text: str) -> None:
        """Count the values that stand behind a name."""
        for found in form.finditer(text):
            at = found.start()
            key = name.search(text[max(0, at - MAX_NAME) : at])
            if key is not None:
                self._count(key[0], found[1])

    def _count(self, key: str, value: str) -> None:
        values = self._values.get(key)
        if values is None:
            if len(self._values) >= MAX_KEYS:
                return
            values = self._values[key] = set()
        if len(values) < self._most:
            values.add(hash(value))
        self._lines[key] = self._lines.get(key, 0) + 1

    def choose(self) -> Unit | None:
        """Return the identifier of units: that which is named, else a usual one, else that which most lines repeat."""
        found = [
            Unit(key, len(values), self._lines[key], len(values) >= self._most)
            for key, values in self._values.items()
            if self.named or len(values) >= FEWEST
        ]
        usual = {name: place for place, name in enumerate(_PREFERRED)}
        return min(found, key=lambda unit: (usual.get(unit.key.lower(), 99), -unit.lines / unit.units), default=None)


_BEGINS = re.compile(
    r"(?i)\b(?:start(?:ed|ing)?|begin(?:s|ning)?|begun|open(?:ed|ing)|connect(?:ed|ing)|accepted|received)\b"
)
_FINISHES = re.compile(
    r"(?i)\b(?:end(?:ed|s|ing)?|finish(?:ed|ing)|done|complet(?:ed|e|ing)|clos(?:ed|ing)|disconnect(?:ed|ing)|stopp(?:ed|ing))\b"
)
CLOSE = 0.8
"""The share of what has begun that must end, for a pair of lines to be that of a unit."""


def of_pairs(templates: Iterable[Template]) -> Unit | None:
    """Return the unit that a pair of lines begins and ends where no identifier tells: `call started`, `call ended`."""
    begun: dict[str, Template] = {}
    ended: dict[str, Template] = {}
    for one in templates:
        for form, held in ((_BEGINS, begun), (_FINISHES, ended)):
            if form.search(one.text) is not None:
                held.setdefault(form.sub("", one.text, count=1), one)
    pairs = [(first, ended[rest]) for rest, first in begun.items() if rest in ended and ended[rest] is not first]
    both = [(first, last) for first, last in pairs if first.events >= FEWEST and last.events >= CLOSE * first.events]
    if not both:
        return None
    first, last = max(both, key=lambda pair: pair[0].events)
    return Unit(f"pair of {first.text!r} and {last.text!r}", first.events, first.lines + last.lines, is_bound=False)
