"""Shapes return what was kept once JSON has turned it into lists, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memguard_hooks.record import Record
from memguard_hooks.shape import Shape, checked, maybe, one_of, record, row, rows, texts


class Inner(Record):
    """A place."""

    name: str
    line: int | None


class Outer(Record):
    """Some places."""

    inner: tuple[Inner, ...]
    pairs: tuple[tuple[str, int], ...]
    is_whole: bool


INNER = record(Inner, str, maybe(int))
OUTER = record(Outer, rows(INNER), rows(row(str, int)), bool)


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (OUTER, Outer((Inner("a", 1), Inner("b", None)), (("c", 2),), is_whole=True)),
        (OUTER, Outer((), (), is_whole=False)),
        (texts, ("a", "b")),
        (rows(texts), (("a",), ())),
        (one_of("start", "serving"), "serving"),
        (bool, True),
    ],
)
def test_what_was_kept_comes_back(shape: Shape[Any], value: Any) -> None:
    found = checked(shape, json.loads(json.dumps(value)))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (int, True), (bool, 1), (str, None), (texts, "ab"), (texts, ["a", 1]), (texts, {"a": 1}), (rows(int), [1, True]),
        (row(str, int), ["a"]), (row(str, int), ["a", 1, 2]), (row(str, int), [1, "a"]), (row(str, maybe(int)), ["a"]),
        (row(str, maybe(int)), ["a", 1, 2]), (row(str, maybe(int)), [1, 1]), (row(str, maybe(int)), ["a", "b"]),
        (INNER, [None, 1]), (OUTER, [[["a", 1]], [["b", "c"]], True]), (OUTER, [[["a"]], [], True]), (OUTER, [[], [], 0]),
        (one_of("start"), "end"), (one_of("start"), ["start"]), (one_of("start"), {}),
    ],
)  # fmt: skip
def test_what_has_another_shape_is_refused(shape: Shape[Any], value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        checked(shape, value)
