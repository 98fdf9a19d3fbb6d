"""What an expression of Python may be known to be without running it, and what is said of one that is not."""

from __future__ import annotations

from memguard_hooks.record import Record

Value = str | int | bool | tuple["str | int | bool | None", ...] | None


class Unresolved(Record):
    """A value that is known only at run time, or that its program refuses: its line, and a phrase that says why.

    `is_cpu_count` tells that the CPUs of the host decide it.
    """

    line: int
    reason: str
    is_refused: bool = False
    is_cpu_count: bool = False
