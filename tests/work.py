"""How much work code does: calls that are counted, or growth from one size to ten times that size. Never seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

LINEAR = 50
"""Ten times the input takes 10 times the work where work is linear, and 100 times where it is quadratic."""

_TICK = 0.002  # seconds of CPU: what takes less is noise

_Input = TypeVar("_Input")


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Fail as soon as more functions are called, of Python or of C; calls of classes are not counted."""
    made = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event in {"call", "c_call"}
        if made > calls:
            sys.setprofile(None)
            raise AssertionError(f"more than {calls} calls")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert made <= calls, "the code under test has caught what ends it"


def growth(act: Callable[[_Input], object], make: Callable[[int], _Input], size: int) -> float:
    """Return how many times the CPU time of a tenth of an input the whole of it takes."""
    part, whole = make(size // 10), make(size)
    small = max(min(_cpu_seconds(act, part) for _ in range(3)), _TICK)
    large = _cpu_seconds(act, whole)
    if large > LINEAR * small:  # another look, for other programs disturb the first
        large = min(large, *(_cpu_seconds(act, whole) for _ in range(2)))
    return large / small


def _cpu_seconds(act: Callable[[_Input], object], value: _Input) -> float:
    began = time.process_time()
    act(value)
    return time.process_time() - began
