"""How much a log may say: what it said when that was written down, so that a log in CI does not grow unseen."""

from __future__ import annotations

import json

from memguard_hooks.errors import MemguardError
from memguard_hooks.logs import secrets
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.logs.survey import Survey

FILE = "memguard-logs.json"
SPREAD = 0.05
"""The share by which two runs of the same tests differ without anything having changed."""
TOLD = 3
"""Templates that are named as what has grown."""
MAX_BYTES = 4 * 1024 * 1024


class AllowedLog(Record):
    """What a log came to: its lines for each unit of work, or all of them where it has none, as a whole and by template."""

    unit: str
    lines: float
    templates: dict[str, float]


def measure(survey: Survey) -> AllowedLog:
    """Return what a log comes to now."""
    units = 1 if survey.unit is None else survey.unit.units
    templates: dict[str, float] = {}
    for one in survey.templates:
        name = secrets.hide(f"{one.level} {one.logger}: {one.text}" if one.logger else f"{one.level}: {one.text}")
        templates[name] = round(templates.get(name, 0) + one.lines / units, 3)
    return AllowedLog("" if survey.unit is None else survey.unit.key, round(survey.lines / units, 3), templates)


def encode(allowed: AllowedLog) -> bytes:
    """Write it as JSON, to be committed."""
    found = {"schema": 1, "unit": allowed.unit, "lines": allowed.lines, "templates": allowed.templates}
    return (json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8", "replace")


def decode(data: bytes, path: str) -> AllowedLog:
    """Read it. Raises MemguardError for anything else."""
    try:
        found = json.loads(data) if len(data) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and found.get("schema") == 1:
        unit, templates = found.get("unit"), found.get("templates")
        counts = [found.get("lines"), *templates.values()] if isinstance(templates, dict) else [None]
        if isinstance(unit, str) and isinstance(templates, dict) and all(map(_is_count, counts)):
            return AllowedLog(unit, found["lines"], templates)
    raise MemguardError("is no baseline of a log: --write-baseline writes one", path)


def _is_count(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15


def judge(before: AllowedLog, now: AllowedLog) -> Iterator[str]:
    """Yield what is beyond what was written down, with the templates that have grown most."""
    each = f" for each {now.unit}" if now.unit else ""
    if before.unit != now.unit:
        names = [one or "the whole log" for one in (before.unit, now.unit)]
        yield f"the baseline counts by {names[0]}, this log by {names[1]}: name --unit, or write the baseline anew"
    elif now.lines > before.lines * (1 + SPREAD):
        grown = {name: lines - before.templates.get(name, 0) for name, lines in now.templates.items()}
        most = sorted((one for one in grown if grown[one] > 0), key=lambda one: (-grown[one], one))[:TOLD]
        named = "; ".join(f"+{_number(grown[one])} {one}{'' if one in before.templates else ' (new)'}" for one in most)
        yield f"{_number(now.lines)} lines{each}, {_number(before.lines)} in the baseline: {named}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:,.1f}"
