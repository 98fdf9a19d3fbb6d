"""A record is a named tuple: the same class written with both gives the same answers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, NamedTuple

import pytest

from memguard_hooks.record import Record


class Ours(Record):
    """A record."""

    name: str
    size: int = 3
    others: tuple[str, ...] = ()

    @property
    def double(self) -> int:
        """Twice the size."""
        return 2 * self.size


class Theirs(NamedTuple):
    """A record."""

    name: str
    size: int = 3
    others: tuple[str, ...] = ()

    @property
    def double(self) -> int:
        """Twice the size."""
        return 2 * self.size


def answers(kind: Any) -> list[object]:
    one = kind("a")
    name, size, others = one
    match one:
        case kind(first, second):
            matched = (first, second)
    return [
        name, size, others, matched, one.name, one.double, one == ("a", 3, ()), hash(one), len(one), one[1], one < kind("b"),
        one._replace(size=9), kind(size=1, name="x"), kind._make(["q", 1, ()]), one._asdict(), kind._fields,
        kind._field_defaults,
        kind.__doc__, kind.__match_args__, isinstance(one, tuple), {one: 1}[kind("a")],
        one.__getnewargs__(), repr(one).partition("(")[2],
    ]  # fmt: skip


def test_it_answers_as_a_named_tuple_does() -> None:
    assert answers(Ours) == answers(Theirs)


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_what_does_not_fit_is_refused(kind: Any) -> None:
    for wrong in (kind, lambda: kind("a", 1, (), 4), lambda: kind("a", no=1), lambda: kind._make(["a"])):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="no"):
        kind("a")._replace(no=1)
    with pytest.raises(AttributeError):
        kind("a").size = 4


def test_it_loads_nothing() -> None:
    code = "import sys; before = set(sys.modules); import memguard_hooks.record; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"memguard_hooks", "memguard_hooks.record", "_collections"}
