"""The measures of work tell what grows and what does not end."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable

import pytest
from work import LINEAR, at_most, growth


def lower(numbers: Iterable[int]) -> None:
    for number in numbers:
        str.lower("A" * (number % 3))


def test_calls_are_counted() -> None:
    with at_most(1_100):
        lower(range(1_000))
    with pytest.raises(AssertionError, match="more than 900 calls"), at_most(900):
        lower(range(1_000))


def test_what_does_not_end_is_ended() -> None:
    with pytest.raises(AssertionError, match="more than 100 calls"), at_most(100):
        lower(itertools.count())


def test_code_that_catches_everything_fails_all_the_same() -> None:
    def careless() -> None:
        with contextlib.suppress(AssertionError):
            lower(range(1_000))

    with pytest.raises(AssertionError, match="has caught what ends it"), at_most(100):
        careless()


def test_a_square_is_told_from_a_line() -> None:
    assert growth(lambda text: text.replace("a", "b"), lambda size: "a" * size, 10_000_000) < LINEAR
    assert growth(lambda text: [text.count("b") for _ in text], lambda size: "a" * size, 40_000) > LINEAR
