"""How many lines platforms take, and what they do with the rest."""

from __future__ import annotations

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


def find_declared(folder: str) -> str | None:
    """Return the platform that a repository declares; None for none or several."""
    found = {platform for name, platform in _FILES.items() if os.path.isfile(os.path.join(folder, name))}
    return found.pop() if len(found) == 1 else None
