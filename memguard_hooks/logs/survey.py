"""One pass over a log: its events, templates, rates, levels, units, secrets."""

from __future__ import annotations

import re
from collections import Counter

from memguard_hooks.logs import secrets
from memguard_hooks.logs.lines import UNKNOWN, LineReader
from memguard_hooks.logs.rate import Rate, Timeline
from memguard_hooks.logs.templates import Template, Templates
from memguard_hooks.logs.units import Units, of_pairs
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from memguard_hooks.logs.units import Unit

LOOKED, EVERY = 100, 20
"""Secrets and empty news are looked for in the first events of each template, and then in one of so many."""
TOLD = 50_000
"""Lines between two words of progress."""

_TRACEBACK = re.compile(r"(?:  \+ Exception Group )?Traceback \(most recent call last\):")
_NONE, _FRAMES, _ENDED = range(3)
"""Where in a traceback a line stands: outside, among its frames, behind the exception, where another may be chained."""
_RAISED = re.compile(r"(?!(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b)[A-Za-z_][\w.]*(?:$|: )")
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_CONTINUES = ("", " ", "\t", "T")
"""How a line begins that may belong to the event before it, outside of a traceback."""
_NOTHING = re.compile(
    r"(?i:\b(?:found|processed|fetched|got|deleted|removed|cleaned(?: up)?|sent|checked) 0\b"
    r"|\b0 (?:new|stale|pending|items|jobs|messages|records|sessions)\b"
    r"|\bno (?:new|pending|stale|jobs|messages|tasks|updates|changes)\b"
    r"|\bnothing to do\b|\bheart-?beat\b|\bstill alive\b|\bkeep-?alive\b|\bhealth-?check\b|/healthz?\b)"
)


class Survey(Record):
    """What one log comes to. `rate` counts by seconds, `minutes` by minutes; both are empty without times."""

    lines: int
    events: int
    bytes: int
    templates: tuple[Template, ...]
    levels: tuple[tuple[str, int], ...]
    unit: Unit | None
    rate: Rate
    minutes: Rate
    timed: int
    """Lines that have a time, or follow one that has."""
    timeline: Timeline


def survey(raw_lines: Iterable[str], unit: str | None, tell: Callable[[str], None]) -> Survey:
    """Read a log once."""
    pass_ = _Pass(unit)
    number = 0
    for number, raw in enumerate(raw_lines, 1):
        pass_.add(raw)
        if not number % TOLD:
            tell(f"{number:,} lines")
    return pass_.finish(number)


class _Pass:
    """What is known of a log as its lines come."""

    def __init__(self, unit: str | None) -> None:
        self.read = LineReader().read
        self.templates = Templates()
        self.units = Units(unit)
        self.rate, self.minutes, self.timeline = Rate(), Rate(60), Timeline()
        self.levels: Counter[str] = Counter()
        self.continued = self.bytes = self.timed = 0
        self.open: Template | None = None
        self.second: int | None = None
        self.counted: int | None = None
        self.waiting = 0
        self.level = UNKNOWN
        self.traceback = _NONE

    def add(self, raw: str) -> None:
        """Count one line."""
        text, second, level, logger, message, fields = self.read(raw)
        size = len(raw) + 1
        self.bytes += size
        if second is None:
            second = self.second
        if second is not None:
            if second != self.counted:
                self.count()
                self.counted = second
            self.waiting += 1
        may_continue = self.traceback != _NONE or text[:1] in _CONTINUES
        is_whole = "\n" in text  # what a line of JSON holds, with its traceback
        if may_continue and not is_whole and self.open is not None and self.continues(text):
            self.continued += 1
            self.open.lines += 1
            self.open.bytes += size
            self.levels[self.level] += 1
            if "Traceback" not in text and not text.startswith(" ") and len(text) > 8:
                self.look(self.open, text)
            return
        self.second = second
        self.traceback = _NONE if is_whole else self.traceback
        is_error = self.traceback != _NONE or (is_whole and _TRACEBACK.match(text) is not None)
        self.level = level = "ERROR" if level == UNKNOWN and is_error else level
        self.levels[level] += 1
        if not is_whole and message[:1] == "T" and _TRACEBACK.match(message):
            self.traceback = _FRAMES  # `logger.error(format_exc())`: the line begins with a time
        template = self.open = self.templates.find(logger, level, message)
        template.events += 1
        template.lines += 1
        template.bytes += size
        if template.events <= LOOKED or not template.events % EVERY:
            template.looked += 1
            self.look(template, text)
            if _NOTHING.search(message):
                template.quiet += 1
        self.units.add(text, fields)

    def count(self) -> None:
        """Count the lines that have waited, for most lines share their second with the line before."""
        if self.counted is not None:
            self.timed += self.waiting
            self.rate.add(self.counted, self.waiting)
            self.minutes.add(self.counted, self.waiting)
            self.timeline.add(self.counted, self.waiting)
        self.waiting = 0

    def continues(self, text: str) -> bool:
        """Return whether a line belongs to the event before it: a traceback, or lines that are indented."""
        first = text[:1]
        if first in ("T", " ") and _TRACEBACK.match(text):
            belongs = self.traceback != _NONE or self.level in ("WARNING", "ERROR", "CRITICAL")
            self.traceback = _FRAMES
            return belongs
        if first in ("", " ", "\t"):
            return True
        if self.traceback == _NONE:
            return False
        if self.traceback == _FRAMES and _RAISED.match(text):
            self.traceback = _ENDED
            return True
        if text.startswith(_CHAINED):
            return True
        self.traceback = _NONE
        return False

    def look(self, template: Template, text: str) -> None:
        """Look for secrets and personal data."""
        for kind in secrets.find(text):
            template.secrets[kind] = template.secrets.get(kind, 0) + 1

    def finish(self, lines: int) -> Survey:
        """Close what is open, and return what was found."""
        self.count()
        self.rate.finish()
        self.minutes.finish()
        templates = tuple(sorted(self.templates, key=lambda template: (-template.lines, template.text)))
        return Survey(
            lines,
            lines - self.continued,
            self.bytes,
            templates,
            tuple(self.levels.most_common()),
            self.units.choose() or (of_pairs(templates) if self.units.named is None else None),
            self.rate,
            self.minutes,
            self.timed,
            self.timeline,
        )
