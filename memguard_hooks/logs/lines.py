"""What one line says: its time, level, logger and message, in the forms in which programs and platforms write them.

A platform wraps the line that the app has written (Docker, journald, Heroku, Railway, Render, CloudWatch), so what is found
in a wrapper is read once more.
"""

from __future__ import annotations

import json
import re

from memguard_hooks.logs.times import Clock
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
UNKNOWN = "none"
WRAPPERS = 2
"""Wrappers that are taken off: Docker's around the JSON of a library around a line of text."""
_NAMES = {
    **{name: name for name in LEVELS},
    "TRACE": "DEBUG",
    "NOTICE": "INFO",
    "SUCCESS": "INFO",
    "WARN": "WARNING",
    "ERR": "ERROR",
    "FATAL": "CRITICAL",
}
_PRIORITIES = dict(
    zip("01234567", ("CRITICAL", "CRITICAL", "CRITICAL", "ERROR", "WARNING", "INFO", "INFO", "DEBUG"), strict=True)
)
"""journald's PRIORITY, as syslog numbers it (RFC 5424, 6.2.1)."""

_MESSAGES = ("message", "msg", "event", "log", "MESSAGE", "textPayload")
_LEVELS = ("level", "levelname", "severity", "lvl", "log_level")
_TIMES = ("time", "timestamp", "ts", "asctime", "@timestamp", "__REALTIME_TIMESTAMP", "datetime")
_LOGGERS = ("logger", "name", "logger_name")
_ATTRIBUTES = ("attributes", "labels")
"""Where Railway and Render tell the level of a line: an object, or a list of pairs."""
MAX_PAIRS = 50
"""Attributes of a line that are looked at."""

_LEVEL = "|".join(sorted(_NAMES, key=len, reverse=True))
_HEAD = re.compile(
    rf"[\s|:\]-]*(?:\[?(?P<before>[A-Za-z_][\w.]*)\]?[\s|:-]+)??[\[(<]?(?P<level>{_LEVEL})\b[\])>]?[\s|:-]*"
    r"(?:\[(?P<bracketed>[a-z_][\w.]*)\]:? |(?P<after>[A-Za-z_][\w.]*)(?::[\w<>]+:\d+)?(?: - |:(?!//) ?))?"
)
_CLOCK = re.compile(r"^\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? ?")
"""A time without a day, which stands before another one."""
_COLORS = re.compile(r"\x1b\[[\d;]*m")
_COMPOSE = re.compile(r"[\w.-]+ +\| ")
_SENDER = re.compile(r" ?(?:[\w.-]+ )?([\w./-]+)\[[\w.-]+\]: ?")
"""Heroku's `app[web.1]:`, syslog's `host program[12]:`."""
_PAIR = re.compile(r'(?<![\w.])([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
_LOGFMT = re.compile(r'(?:^|\s)(?:msg|message|event)="?')
_decode = json.JSONDecoder().raw_decode
_NO_FIELDS: Mapping[str, object] = {}


class LogLine(Record):
    """What one line says; `text` is the line without its wrapper."""

    text: str
    second: int | None
    level: str
    logger: str
    message: str
    fields: Mapping[str, object]


class LineReader:
    """Reads line after line of one log."""

    def __init__(self) -> None:
        self.clock = Clock()

    def read(self, raw: str) -> LogLine:
        """Return what a line says."""
        if "\x1b" in raw:
            raw = _COLORS.sub("", raw)
        if raw[:1] == "{" and (found := _parse(raw)):
            return self._read_fields(found, raw)
        return self._read_text(raw)

    def _read_text(self, raw: str, depth: int = 0) -> LogLine:
        if "|" in raw and "| " in raw[:60] and (wrapped := _COMPOSE.match(raw)) and not raw[:1].isdigit():
            raw = raw[wrapped.end() :]
            if raw[:1] == "{" and (found := _parse(raw)):
                return self._read_fields(found, raw, depth)
        second, start, end = self.clock.find(raw)
        text = raw
        if start > 1 or (start == 1 and raw[0] != "["):
            text = _CLOCK.sub("", raw[:start]).rstrip("[ ") + raw[end:]
        elif second is not None:
            text = raw[end:]
        if "]: " in text[:80] and (sender := _SENDER.match(text)):
            inner = text[sender.end() :]
            if inner[:1] == "{" and (found := _parse(inner)):
                line = self._read_fields(found, inner, depth)
                return line if line.second is not None else line._replace(second=second)
            text = inner
            if inner[:1].isdigit() and depth < WRAPPERS and (own := self._read_text(inner, depth + 1)).level != UNKNOWN:
                return own._replace(text=raw, second=second if second is not None else own.second)
        is_pairs = "=" in text and ("msg=" in text or "message=" in text or ("event=" in text and "level=" in text))
        if is_pairs and _LOGFMT.search(text):
            fields = {key: value.strip('"') for key, value in _PAIR.findall(text)}
            line = self._read_fields(fields, text, depth)
            return line if line.second is not None else line._replace(second=second)
        head = _HEAD.match(text)
        if head is None:
            return LogLine(raw, second, UNKNOWN, "", text.strip(" ]-|:") if second is not None else text, _NO_FIELDS)
        before, level, bracketed, after = head.groups()
        return LogLine(
            raw, second, _NAMES[level], bracketed or after or before or "", text[head.end() :] or text, _NO_FIELDS
        )

    def _read_fields(self, fields: Mapping[str, object], raw: str, depth: int = 0) -> LogLine:
        if isinstance(record := fields.get("record"), dict) and isinstance(record.get("level"), dict):
            fields = _of_loguru(record)
        second = None
        for key in _TIMES:
            if key in fields and (second := self.clock.read(fields[key])) is not None:
                break
        message = _read_first(fields, _MESSAGES).rstrip("\r\n")
        level = _read_level(fields)
        logger = _read_first(fields, _LOGGERS)
        if not message or depth == WRAPPERS:
            return LogLine(raw, second, level, logger, message or raw, fields)
        if message[:1] == "{" and (inner := _parse(message)):
            fields, message = {**fields, **inner}, str(next((inner[key] for key in _MESSAGES if key in inner), message))
            level = found if (found := _read_level(inner)) != UNKNOWN else level
            logger = next((name for key in _LOGGERS if isinstance(name := inner.get(key), str)), logger)
            return LogLine(message, second, level, logger, message, fields)
        if second is not None and logger and level != UNKNOWN:
            return LogLine(message, second, level, logger, message, fields)  # nothing is left that a wrapper would hide
        line = self._read_text(message, depth + 1)
        return LogLine(
            message,
            second if second is not None else line.second,
            line.level if line.level != UNKNOWN else level,
            line.logger or logger,
            line.message,
            fields,
        )


def _read_first(fields: Mapping[str, object], keys: tuple[str, ...]) -> str:
    """Return the first text that some keys have, empty where none has one."""
    for key in keys:
        if key in fields:
            found = fields[key]
            if isinstance(found, str):
                return found
    return ""


def _read_level(fields: Mapping[str, object]) -> str:
    """Return the level that fields name."""
    for key in _LEVELS:
        if key in fields and (known := _NAMES.get(str(fields[key]).strip('"').upper())):
            return known
    for key in _ATTRIBUTES:
        if key in fields and (told := _read_level(_pairs(fields[key]))) != UNKNOWN:
            return told
    priority = fields.get("PRIORITY")
    return _PRIORITIES.get(str(priority), UNKNOWN)


def _pairs(value: object) -> Mapping[str, object]:
    """Return what an object of JSON holds, or a list of pairs with `key` or `name` and `value`, without what is nested."""
    if isinstance(value, list):
        pairs = [one for one in value[:MAX_PAIRS] if isinstance(one, dict)]
        return {str(one.get("key", one.get("name"))): one.get("value") for one in pairs}
    return {key: one for key, one in value.items() if key not in _ATTRIBUTES} if isinstance(value, dict) else _NO_FIELDS


def _of_loguru(record: Mapping[str, object]) -> Mapping[str, object]:
    """Return the fields of a record of loguru's `serialize=True`, what was bound to it among them."""
    level, time, extra = record["level"], record.get("time"), record.get("extra")
    return {
        **(extra if isinstance(extra, dict) else {}),
        "level": level.get("name") if isinstance(level, dict) else None,
        "time": time.get("timestamp") if isinstance(time, dict) else None,
        "name": record.get("name"),
        "message": record.get("message"),
    }


def _parse(text: str) -> dict[str, object] | None:
    """Return the object that a line of JSON is, None where it is none."""
    try:
        found, end = _decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and not text[end:].strip() else None
