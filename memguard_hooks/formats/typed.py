"""What parsed values hold, read by type: a value of another type than the one asked for counts as none."""

from __future__ import annotations

from memguard_hooks.record import Any


def value(fields: object, *keys: str) -> object:
    """Return what stands below some keys of a table, None where there is nothing."""
    for key in keys:
        fields = fields.get(key) if isinstance(fields, dict) else None
    return fields


def table(fields: object, *keys: str) -> dict[str, Any]:
    """Return the table below some keys of a table, an empty one where there is none."""
    found = value(fields, *keys)
    return found if isinstance(found, dict) else {}


def tables(fields: object, *keys: str) -> tuple[dict[str, Any], ...]:
    """Return the tables of a list of a table."""
    found = value(fields, *keys)
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def text(fields: object, *keys: str) -> str | None:
    """Return a string of a table, None where there is none."""
    found = value(fields, *keys)
    return found if isinstance(found, str) else None


def texts(fields: object, *keys: str) -> tuple[str, ...]:
    """Return the strings of a list of a table; a string by itself is a list of one."""
    found = value(fields, *keys)
    if isinstance(found, str):
        return (found,)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()
