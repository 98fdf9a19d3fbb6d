"""What an expression of Python may be known to be without running it, and what is said of one that is not."""

from __future__ import annotations

from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from typing import Protocol

    from typing_extensions import Self

    class Surroundings(Protocol):
        """What decides the values of a module from outside."""

        @property
        def has_all(self) -> bool:
            """Whether all variables are known."""

    class Names(Protocol):
        """The names of a module or a function, as what folds its expressions has them."""

        path: str
        parameters: frozenset[str]
        missed: bool
        depth: int
        calls: list[int]

        @property
        def around(self) -> Surroundings:
            """What decides their values from outside."""

        def spend(self, size: int) -> None:
            """Count what is looked at once more for each value that asks for it."""

        def inner(self) -> Self:
            """Return the names that a function starts with."""

        def meaning(self, node: ast.expr) -> tuple[ast.AST, Self]:
            """Return what a name stands for, and the names to read it by."""

        def source_of(self, node: ast.expr) -> str:
            """Return the dotted name of what is somebody else's."""

        def evaluate(self, node: ast.expr) -> Value:
            """Return the value of an expression."""

        def branch(self, statement: ast.If) -> list[ast.stmt] | None:
            """Return what runs of an `if`."""

        def follow(self, statement: ast.stmt) -> None:
            """Bind the names that a statement binds."""

        def lose(self, node: ast.AST | None, how: str) -> None:
            """Forget all names that a node may bind."""

        def forget(self, name: str, line: int, reason: str) -> None:
            """Note that nobody can know what a name holds."""

        def pass_in(self, name: str, value: ast.expr | None, caller: Self, line: int) -> None:
            """Bind a parameter to what a caller gives for it."""


MAX_CALLS = 200
"""Calls that are followed for the names of one module."""

MAX_LOOKED = 50_000
"""Nodes of functions, members of classes and keys of mappings that are looked at for the names of one module, each again for
each value that asks for it."""

MAX_STEPS = 12
"""Names that stand for other names, and functions that return what others do."""


class UnknownValue(Exception):  # noqa: N818 - it is no error
    """An expression whose value only a run can tell."""


class OfCpus(UnknownValue):
    """An expression that the CPUs of the host decide."""


class Raises(Exception):  # noqa: N818 - it is the error of another
    """An expression that raises with the variables that are known."""


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

    `is_cpu_count` tells that the CPUs of the host decide it, `most` is what a number comes to on any machine at most.
    """

    line: int
    reason: str
    is_refused: bool = False
    is_cpu_count: bool = False
    most: int | None = None
