"""What benchmarks/field.py has found, as it is published: a line for each application in `field.tsv` beside this file."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("field.tsv")
TITLE = (
    "# by benchmarks/field.py --publish: half, date, and the cells of its table; tools/update_readme.py writes the pages\n"
)
HEADER = """\
| application | entry point | Python | measured MiB | estimated MiB | range | error | inside |
| --- | --- | --- | ---: | ---: | --- | ---: | --- |"""


class Result(NamedTuple):
    """One entry point, as a table shows it."""

    half: str
    date: str
    application: str
    entry: str
    python: str
    measured: str
    estimated: str
    range: str
    error: str
    inside: str

    @property
    def line(self) -> str:
        """One line of the table."""
        return f"| {' | '.join(self[2:])} |"

    @property
    def share(self) -> float:
        """How far the estimate is off, as a share of the truth."""
        return float(self.error.rstrip("%")) / 100

    @property
    def half_range(self) -> float:
        """Half of the range, as a share of the estimate."""
        low, _, high = self.range.partition(" to ")
        return (float(high) - float(low)) / 2 / float(self.estimated)


def read() -> dict[str, list[Result]]:
    """Return all results, by half."""
    found: dict[str, list[Result]] = {}
    for line in FILE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            one = Result(*line.split("\t"))
            found.setdefault(one.half, []).append(one)
    return found


def publish(half: str, results: Sequence[Result]) -> None:
    """Write the results of a half, in place of those that it had."""
    halves = {**read(), half: results}
    FILE.write_text(TITLE + "".join("\t".join(one) + "\n" for ones in halves.values() for one in ones), "utf-8")


def table(results: Sequence[Result]) -> str:
    """Return the table of a half, with its summary."""
    return "\n".join([HEADER, *(one.line for one in results), "", summarize(results) + "."])


def summarize(results: Sequence[Result]) -> str:
    """Return the figures of one half: error, bias, how many are near, and how many are inside."""
    off, near = of_errors([one.share for one in results])
    inside = of_ranges([one.half_range for one in results], sum(one.inside == "yes" for one in results))
    number = len({one.application for one in results})
    return f"{len(results)} entry points of {number} applications: {off}, {near}, {inside}"


def of_errors(errors: Sequence[float]) -> tuple[str, str]:
    """Say by how much estimates are off, as shares of the truth, and how many are near."""
    near = (f"{sum(abs(error) <= bound for error in errors)} within {bound * 100:.0f} %" for bound in (0.1, 0.2))
    mean, median = statistics.mean(map(abs, errors)), statistics.median(map(abs, errors))
    off = f"mean absolute error {mean:.1%} (median {median:.1%}), bias {statistics.mean(errors):+.1%}"
    return off, ", ".join(near)


def of_ranges(halves: Sequence[float], inside: int) -> str:
    """Say how many truths lie in their range, and how wide half of it is, as a share of the estimate."""
    return f"{inside} inside the range, whose half is {statistics.median(halves):.0%} in the median"
