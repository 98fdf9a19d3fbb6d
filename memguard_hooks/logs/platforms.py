"""How many lines platforms take, and what they do with the rest."""

from __future__ import annotations

import json
import os

from memguard_hooks.record import Record


class LineLimit(Record):
    """Lines that a platform takes in a period of seconds, for each replica."""

    lines: int
    period: int
    beyond: str
    source: str


LIMITS = {
    "railway": LineLimit(500, 1, "dropped; one line counts them", "docs.railway.com/observability/logs"),
    "render": LineLimit(6000, 60, "dropped silently", "third-party pages; Render's own documentation was not read"),
    "deno": LineLimit(1000, 1, "the deployment may be terminated", "docs.deno.com/deploy/classic/logs, 2026-03"),
}
"""Heroku gives no figure: logplex drops what a slow drain does not take, and writes L10."""

_FILES = {"railway.toml": "railway", "railway.json": "railway", "render.yaml": "render"}

_SETTINGS = frozenset({"$schema", "build", "deploy", "environments"})
MAX_BYTES = 1024 * 1024
"""Bytes of a file of settings that are read."""


def find_declared(folder: str) -> str | None:
    """Return the platform that a repository declares; None for none or several."""
    found = {platform for name, platform in _FILES.items() if _holds_settings(os.path.join(folder, name))}
    return found.pop() if len(found) == 1 else None


def _holds_settings(path: str) -> bool:
    """Return whether a file is there, and is no log that was exported under the name of one."""
    if not os.path.isfile(path):
        return False
    if not path.endswith(".json"):
        return True
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and (not value or not _SETTINGS.isdisjoint(value))
