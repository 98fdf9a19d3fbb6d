"""The settings of gunicorn that decide memory, and their values where a file may leave them open."""

from __future__ import annotations

from collections.abc import Mapping

from memguard_hooks.formats.python_values import Unresolved, Value
from memguard_hooks.record import Record

__all__ = ["NUMBERS", "SETTINGS", "GunicornSettings", "Unresolved", "Value"]

NUMBERS = frozenset({"workers", "threads", "max_requests", "max_requests_jitter", "dirty_workers"})

SETTINGS = NUMBERS | {"worker_class", "preload_app", "reload", "chdir", "wsgi_app", "pythonpath", "dirty_apps"}
"""The settings that say what is loaded, and how often."""


class GunicornSettings(Record):
    """The settings that a file assigns, and the line of each."""

    values: Mapping[str, Value | Unresolved]
    lines: Mapping[str, int]
