"""Lines a second, in memory that does not grow with the log."""

from __future__ import annotations

from collections import Counter

from memguard_hooks.record import Record

OPEN = 300
"""Periods that stay open: lines of several processes arrive out of order, and no platform holds one back for minutes."""


class Peak(Record):
    """The busiest period: when it began (seconds of the epoch), and its lines."""

    second: int
    lines: int


class Rate:
    """Counts lines by periods, such as a second or a minute."""

    def __init__(self, period: int = 1) -> None:
        self.period = period
        self.peak: Peak | None = None
        self.first: int | None = None
        self.last: int | None = None
        self.lines = 0
        self._open: dict[int, int] = {}
        self._closed: Counter[int] = Counter()

    def add(self, second: int, lines: int = 1) -> None:
        """Count lines of one second."""
        at = second // self.period
        if at in self._open:
            self._open[at] += lines
        else:
            self._open[at] = lines
            if len(self._open) > OPEN:
                self._close(next(iter(self._open)))
            self.first = at if self.first is None or at < self.first else self.first
            self.last = at if self.last is None or at > self.last else self.last
        self.lines += lines

    def finish(self) -> None:
        """Close what is open."""
        for at in list(self._open):
            self._close(at)

    def _close(self, at: int) -> None:
        lines = self._open.pop(at)
        self._closed[lines] += 1
        if self.peak is None or lines > self.peak.lines:
            self.peak = Peak(at * self.period, lines)

    @property
    def mean(self) -> float:
        """Lines a period, from the first to the last; quiet ones count."""
        if self.first is None or self.last is None:
            return 0.0
        return self.lines / (self.last - self.first + 1)

    @property
    def p99(self) -> int:
        """Lines of a period that 99 % of those with a line do not exceed."""
        left = 0.99 * sum(self._closed.values())
        for lines, count in sorted(self._closed.items()):
            left -= count
            if left <= 0:
                return lines
        return 0

    def over(self, limit: int) -> tuple[int, int]:
        """Return how many periods exceed a limit, and how many lines are beyond it."""
        above = {lines: count for lines, count in self._closed.items() if lines > limit}
        return sum(above.values()), sum((lines - limit) * count for lines, count in above.items())


MOST_BARS = 240


class Timeline:
    """Lines over time, in at most so many steps of the same width: the width doubles where a log lasts longer."""

    def __init__(self) -> None:
        self.width = 1
        self.bars: dict[int, int] = {}

    def add(self, second: int, lines: int) -> None:
        """Count lines of one second."""
        at = second // self.width
        self.bars[at] = self.bars.get(at, 0) + lines
        while len(self.bars) > MOST_BARS:
            self.width *= 2
            wider: dict[int, int] = {}
            for bar, count in self.bars.items():
                wider[bar // 2] = wider.get(bar // 2, 0) + count
            self.bars = wider
