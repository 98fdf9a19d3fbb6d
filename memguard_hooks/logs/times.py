"""Times as logs write them, as seconds of the epoch. A time without a zone is taken for UTC, without a year for 2000."""

from __future__ import annotations

import datetime as dt
import re

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable

FAR = 100
"""Letters of a line among which its time begins: a level, a name, a client's address may stand before it."""

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_MONTH = "(?:" + "|".join(_MONTHS) + ")"
_CLOCK = r"\d\d:\d\d:\d\d"
_ISO = re.compile(rf"(\d{{4}}[-/]\d\d[-/]\d\d[T ]{_CLOCK})(?:[.,]\d+)?(?: ?(Z|UTC|[+-]\d\d:?\d\d)(?![\d:]))?")
_OTHER = re.compile(
    rf"(?P<access>\d\d/{_MONTH}/\d{{4}}[: ]{_CLOCK}) ?(?P<zone>[+-]\d{{4}})?"
    rf"|(?P<short>\b\d\d/(?:0\d|1[0-2])/[0-3]\d {_CLOCK})(?:[.,]\d+)?"
    rf"|(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?(?P<syslog>\b{_MONTH} [ \d]\d {_CLOCK})(?:\.\d+)?"
    r"(?: (?P<year>20\d\d)(?=[\s\]]|$))?"
    r"|^\[?(?P<epoch>1\d{9})(?:\.\d+|\d{3}|\d{6}|\d{9})?(?=[\s\],]|$)"
)


class Clock:
    """Finds the time of a line, and remembers the last one, for most lines share their second with the line before."""

    def __init__(self) -> None:
        self._text = ""
        self._zone: str | None = None
        self._second: int | None = None

    def find(self, line: str) -> tuple[int | None, int, int]:
        """Return the second, and where the time begins and ends in the line; None, 0, 0 without a time."""
        found = _ISO.match(line)
        if found is None:
            if ":" not in line[:FAR] and not line[:2].lstrip("[").startswith("1"):
                return None, 0, 0
            found = _ISO.search(line, 1, FAR)
            if found is None:
                return _find_other(line)
        text, zone = found.groups()
        if text != self._text or zone != self._zone:
            self._text, self._zone, self._second = text, zone, _within(_iso, text, zone)
        return (self._second, *found.span()) if self._second is not None else (None, 0, 0)

    def read(self, value: object) -> int | None:
        """Return the second that a field of JSON names: text, or seconds, milliseconds, microseconds of the epoch."""
        if isinstance(value, str):
            return _scale(int(value)) if value.isdecimal() and len(value) < 20 else self.find(value)[0]
        return _scale(int(value)) if isinstance(value, (int, float)) and 0 < value < 1e20 else None


def _find_other(line: str) -> tuple[int | None, int, int]:
    found = _OTHER.search(line, 0, FAR)
    if found is None:
        return None, 0, 0
    kind = found.lastgroup or "epoch"
    read = {"access": _access, "short": _short, "syslog": _syslog, "year": _syslog, "epoch": _epoch, "zone": _access}[kind]
    second = _within(
        read, found["access"] or found["short"] or found["syslog"] or found["epoch"], found["zone"] or found["year"]
    )
    return (second, *found.span()) if second is not None else (None, 0, 0)


def _within(read: Callable[[str, str | None], int], text: str, zone: str | None) -> int | None:
    """Return what a reader makes of a time, None for the thirtieth of February."""
    try:
        return read(text, zone)
    except (ValueError, OverflowError):
        return None


def _seconds(year: int, month: int, day: int, clock: str, zone: str | None) -> int:
    hour, minute, second = map(int, clock.split(":"))
    shift = 0
    if zone is not None and zone[0] in "+-":
        shift = (int(zone[1:3]) * 60 + int(zone[-2:])) * (-60 if zone[0] == "-" else 60)
    return int(dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.timezone.utc).timestamp()) - shift


def _iso(text: str, zone: str | None) -> int:
    return _seconds(int(text[:4]), int(text[5:7]), int(text[8:10]), text[11:], zone)


def _access(text: str, zone: str | None) -> int:
    return _seconds(int(text[7:11]), _MONTHS[text[3:6]], int(text[:2]), text[12:], zone)


def _short(text: str, _zone: str | None) -> int:
    """Read `22/11/20 17:51:42`, as log4j writes the year first."""
    return _seconds(2000 + int(text[:2]), int(text[3:5]), int(text[6:8]), text[9:], None)


def _syslog(text: str, year: str | None) -> int:
    return _seconds(int(year or 2000), _MONTHS[text[:3]], int(text[4:6]), text[7:], None)


def _epoch(text: str, _zone: str | None) -> int:
    return int(text)


def _scale(value: int) -> int:
    """Return seconds of the epoch that may be milli-, micro- or nanoseconds."""
    while value > 10**11:
        value //= 1000
    return value
