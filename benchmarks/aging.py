"""Set what the estimate says of the newest version of heavy packages beside its truth, as if that had not been measured yet.

    python benchmarks/aging.py [--packages 40] [--python 3.11]
    python benchmarks/aging.py --against 3.13
    python benchmarks/aging.py --today FOLDER --only NAME ...

An estimate ages: packages release versions that the catalog does not know, and the nearest measured one counts for them. Of
each distribution that was measured in several versions, the module that takes most is looked up for its newest version among
the others, and what it takes with the interpreter is set beside the measured truth. Nothing is installed or imported: both
figures are in the catalog. The heaviest packages come first.

`--against` tells how far what was measured on one Python holds on another: the same modules in the same versions.

`--today` installs the newest versions of the named distributions instead, each with what is the newest beside it, measures
the module that takes most of each as the catalog's tool does, and sets what the catalog says of what was installed beside
that. FOLDER keeps the truths; so the catalog may be filled afterwards.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

sys.path.insert(0, str(Path(__file__).resolve().parent))

from accuracy import Judged, judge
from measure_footprints import MeasurementError, find_python
from random_sets import Drawn, Truth, measure

from memguard_hooks.app.estimate import MARGINS
from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.finding import MIB

LEAST = 5 * MIB
"""What takes less says little of two Pythons."""


class Aged(NamedTuple):
    """A module in its newest version, and the measurement that counted for it before; memory of both without Python."""

    newest: Footprint
    known: Footprint
    base: int

    @property
    def error(self) -> float:
        """How far the estimate of a process that imports it would have been off, as a share of the truth."""
        return (self.base + self.known.resident) / (self.base + self.newest.resident) - 1

    @property
    def is_inside(self) -> bool:
        """Whether the truth lies in the range that the part would have had."""
        same = self.newest.version.split(".")[0] == self.known.version.split(".")[0]
        margin = self.known.resident * MARGINS["far" if same else "major"]
        return abs(self.newest.resident - self.known.resident) <= margin


def find_aged(python: str) -> Iterator[Aged]:
    """Yield the module that takes most of each distribution that was measured in several versions on a Python."""
    base = lookup.interpreter(python).resident
    for distribution in lookup.distributions():
        newest: dict[str, list[Footprint]] = {}
        for one in lookup.read_footprints(distribution):
            if one.python.startswith(f"{python}.") and not lookup.build_of(one.version):
                newest.setdefault(one.module, []).append(one)  # versions rise
        several = [ones for name, ones in newest.items() if len(ones) > 1 and not name.endswith(")")]
        if several:
            *older, last = max(several, key=lambda ones: ones[-1].resident)
            known = lookup.nearest_version([one.version for one in older], last.version)
            yield Aged(last, next(one for one in older if one.version == known), base)


def render(one: Aged) -> str:
    """Return one line of the table."""
    cells = (
        one.newest.module,
        one.newest.version,
        one.known.version,
        f"{(one.base + one.newest.resident) / MIB:.1f}",
        f"{(one.base + one.known.resident) / MIB:.1f}",
        f"{one.error:+.1%}",
        "yes" if one.is_inside else "no",
    )
    return f"| {' | '.join(cells)} |"


HEADER = """\
| module | newest | nearest before | measured MiB | estimated MiB | error | inside |
| --- | --- | --- | ---: | ---: | ---: | --- |"""


def summarize(aged: Sequence[Aged]) -> str:
    """Return the figures of all."""
    errors = [one.error for one in aged]
    near = sum(abs(error) <= 0.1 for error in errors)
    return (
        f"{len(aged)} packages: mean absolute error {statistics.mean(map(abs, errors)):.1%} "
        f"(median {statistics.median(map(abs, errors)):.1%}), bias {statistics.mean(errors):+.1%}, "
        f"worst {max(errors, key=abs):+.1%}, {near} within 10 %, {sum(one.is_inside for one in aged)} inside the range"
    )


def compare_pythons(python: str, other: str) -> str:
    """Return how much as much modules take on one Python as on another, in the same versions."""
    sizes: dict[tuple[str, str, str], dict[str, int]] = {}
    for distribution in lookup.distributions():
        for one in lookup.read_footprints(distribution):
            on = one.python.rpartition(".")[0]
            sizes.setdefault((distribution, one.module, one.version), {})[on] = one.resident
    both = [found for found in sizes.values() if python in found and other in found and found[python] >= LEAST]
    ratios = sorted(found[other] / found[python] for found in both)
    cuts = statistics.quantiles(ratios, n=20)
    total = sum(found[other] for found in both) / sum(found[python] for found in both)
    base = lookup.interpreter(other).resident
    errors = [(base + found[python]) / (base + found[other]) - 1 for found in both]
    return (
        f"{len(both)} modules of {LEAST // MIB} MiB or more: on {other} they take {total:.3f} times as much as on {python}, "
        f"the median {statistics.median(ratios):.3f}, nine in ten between {cuts[0]:.3f} and {cuts[-1]:.3f}; processes with "
        f"one of them are off by {statistics.mean(map(abs, errors)):.1%} in the mean, bias {statistics.mean(errors):+.1%}, "
        f"worst {max(errors, key=abs):+.1%}, where only the others were measured"
    )


def measure_today(folder: Path, name: str, python: str) -> Judged:
    """Install the newest version of a distribution, measure what takes most of it, and let it be estimated.

    Raises MeasurementError where it cannot be installed or imported.
    """
    kept = folder / f"{name}-{python}.json"
    if not kept.exists():
        largest = max(lookup.distributions()[name], key=lambda one: one.resident)
        truth = measure(0, 0, find_python(python), [Drawn(name, largest.name)])
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(truth, indent=1, sort_keys=True), "utf-8")
    return judge(cast("Truth", json.loads(kept.read_text("utf-8"))))


def render_today(name: str, one: Judged) -> str:
    """Return one line of the table of today's versions."""
    footprint = lookup.find(one.roots[0].name, name, one.truth["installed"][name])
    assert footprint is not None
    cells = (
        one.roots[0].name,
        one.truth["installed"][name],
        footprint.version,
        f"{one.truth['resident'] / MIB:.1f}",
        f"{one.estimate.expected / MIB:.1f}",
        f"{one.estimate.expected / one.truth['resident'] - 1:+.1%}",
        "yes" if one.is_within else "no",
    )
    return f"| {' | '.join(cells)} |"


def print_today(folder: Path, names: Sequence[str], python: str) -> None:
    """Print the table of today's versions, those that the catalog did not know apart in its summary."""
    judged = []
    print(HEADER)
    for name in names:
        try:
            judged.append(measure_today(folder, name, python))
        except MeasurementError as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            continue
        print(render_today(name, judged[-1]), flush=True)
    for title, group in (
        ("in a measured version", [one for one in judged if one.is_exact]),
        ("in another", [one for one in judged if not one.is_exact]),
    ):
        errors = [one.estimate.expected / one.truth["resident"] - 1 for one in group]
        if errors:
            near = sum(abs(error) <= 0.1 for error in errors)
            print(
                f"\n{len(group)} packages {title}: mean absolute error {statistics.mean(map(abs, errors)):.1%}, "
                f"bias {statistics.mean(errors):+.1%}, worst {max(errors, key=abs):+.1%}, {near} within 10 %, "
                f"{sum(one.is_within for one in group)} inside the range"
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--packages", type=int, default=40, help="how many of the heaviest (40)")
    parser.add_argument("--python", default=lookup.DEFAULT_PYTHON, help="the Python of the measurements (3.11)")
    parser.add_argument("--against", metavar="PYTHON", help="compare the same versions on this Python instead")
    parser.add_argument("--today", type=Path, metavar="FOLDER", help="install and measure the newest versions instead")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="the distributions of --today")
    options = parser.parse_args(argv)
    if options.today:
        print_today(options.today, options.only, options.python)
        return 0
    if options.against:
        print(compare_pythons(options.python, options.against))
        return 0
    aged = sorted(find_aged(options.python), key=lambda one: -one.newest.resident)[: options.packages]
    print("\n".join([HEADER, *map(render, aged), "", summarize(aged)]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
