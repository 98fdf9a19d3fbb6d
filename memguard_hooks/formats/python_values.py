"""What an expression of Python may be known to be without running it, and what is said of one that is not."""

from __future__ import annotations

from memguard_hooks.record import Record


class Member:
    """A member of an enumeration: its class, by file and name, and its value, None where that is not told.

    One `is_mixed` with a text or a number is equal to it, as one of `StrEnum` is.
    """

    __slots__ = ("is_mixed", "kind", "name", "value")

    def __init__(self, kind: tuple[str, str], name: str, value: str | int | None, *, is_mixed: bool = False) -> None:
        self.kind = kind
        self.name = name
        self.value = value
        self.is_mixed = is_mixed

    def __eq__(self, other: object) -> bool:
        """Compare with another member, or with what it is mixed with."""
        if isinstance(other, Member):
            return (self.kind, self.name) == (other.kind, other.name)
        return self.is_mixed and self.value is not None and self.value == other

    def __bool__(self) -> bool:
        """Return whether it counts as true: what it is mixed with decides."""
        return bool(self.value) if self.is_mixed else True

    def __hash__(self) -> int:
        """Return the hash of what it is equal to."""
        return hash(self.value) if self.is_mixed else hash((self.kind, self.name))


Value = str | int | bool | Member | tuple["str | int | bool | Member | None", ...] | None


class Unresolved(Record):
    """A value that is known only at run time, or that its program refuses: its line, and a phrase that says why.

    `is_cpu_count` tells that the CPUs of the host decide it.
    """

    line: int
    reason: str
    is_refused: bool = False
    is_cpu_count: bool = False
