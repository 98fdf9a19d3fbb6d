"""The settings of gunicorn that decide memory, and their values where a file may leave them open."""

from __future__ import annotations

from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBERS = frozenset({"workers", "threads", "max_requests", "max_requests_jitter", "dirty_workers"})

SETTINGS = NUMBERS | {"worker_class", "preload_app", "reload", "chdir", "wsgi_app", "pythonpath", "dirty_apps"}
"""The settings that say what is loaded, and how often."""

Value = str | int | bool | tuple["str | int | bool | None", ...] | None


class Unresolved(Record):
    """A setting that is known only at run time, or that gunicorn refuses: its line, and a phrase that says why.

    `is_cpu_count` tells that the CPUs of the host decide it.
    """

    line: int
    reason: str
    is_refused: bool = False
    is_cpu_count: bool = False


class GunicornSettings(Record):
    """The settings that a file assigns, and the line of each."""

    values: Mapping[str, Value | Unresolved]
    lines: Mapping[str, int]
