"""Set the estimate of what small applications import, in the newest versions of today, beside what it takes.

    python benchmarks/probes.py RESULTS [--half tuned] [--only NUMBER ...] [--pinned] [--worst N]

`probes.tsv` beside this file has the probes in two halves, drawn before any was measured: one to learn from, and one that
was opened once. Each line is a public repository with up to six of the distributions that it declares and imports, and up to
three of its imports of each. A probe is installed by uv in the newest versions that go together and imported in fresh
processes, with the care of `tools/measure_footprints.py`; what cannot be imported alone is left out. The estimate knows the
names of the distributions, as most requirements files have them, or all installed versions (`--pinned`). RESULTS keeps the
truths.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

sys.path.insert(0, str(Path(__file__).resolve().parent))

from accuracy import Judged, judge, render_misses
from field_results import of_errors, of_ranges
from measure_footprints import Environment, MeasurementError, environment, find_python
from random_sets import CONSTRAINTS, Drawn, Truth, describe, row_of

from memguard_hooks.catalog import lookup
from memguard_hooks.finding import MIB

TABLE = Path(__file__).with_suffix(".tsv")


class Probe(NamedTuple):
    """One process: what it imports, and on which Python."""

    number: int
    half: str
    repository: str
    python: str
    imports: tuple[Drawn, ...]

    @property
    def distributions(self) -> tuple[str, ...]:
        """What is declared."""
        return tuple(dict.fromkeys(one.distribution for one in self.imports))


def read_probes(path: Path) -> Iterator[Probe]:
    """Read the table."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    for number, line in enumerate(lines, 1):
        half, repository, python, text = line.split("\t")
        imports = []
        for one in text.split(" "):
            distribution, _, names = one.partition("=")
            imports += [Drawn(distribution, name, distribution in lookup.distributions()) for name in names.split(",")]
        yield Probe(number, half, repository, python, tuple(imports))


def measure(probe: Probe) -> Truth:
    """Install a probe, and import what can be imported. Raises MeasurementError where nothing can."""
    dropped: dict[str, str] = {}
    with environment(find_python(probe.python)) as place:
        constraints = place.folder / "constraints.txt"
        constraints.write_text(CONSTRAINTS)
        place.install(row_of(probe.imports, {}, constraints, "")._replace(may_build=True), "uv")
        roots = list(probe.imports)
        try:
            place.probe_once(*(one.name for one in roots))
        except MeasurementError:
            roots = list(find_working(place, probe.imports, dropped))
        if not roots:
            raise MeasurementError("; ".join(f"{name}: {why}" for name, why in dropped.items()))
        names = [one.name for one in roots]
        if dropped:
            place.probe_once(*names)
        traced = place.probe_once(*names, "--trace")
        return describe(0, probe.number, probe.imports, roots, dropped, place, traced, [place.probe_once(*names)])


def find_working(place: Environment, imports: Sequence[Drawn], dropped: dict[str, str]) -> Iterator[Drawn]:
    """Yield what can be imported alone, and note why the others cannot."""
    for one in imports:
        try:
            place.probe_once(one.name)
            yield one
        except MeasurementError as error:
            dropped[one.name] = f"import: {error}"


def kept_in(folder: Path, probe: Probe) -> Path:
    """Return the file of the truth of a probe."""
    return folder / f"{probe.number:02}.json"


def read_or_measure(probe: Probe, folder: Path) -> Truth:
    """Return the truth of a probe, which the folder keeps. Raises MeasurementError as `measure` does."""
    kept = kept_in(folder, probe)
    if not kept.exists():
        kept.write_text(json.dumps(measure(probe), indent=1, sort_keys=True), "utf-8")
    return cast("Truth", json.loads(kept.read_text("utf-8")))


HEADER = """\
| probe | Python | measured MiB | estimated MiB | range | error | inside |
| --- | --- | ---: | ---: | --- | ---: | --- |"""


def render(probe: Probe, one: Judged) -> str:
    """Return one line of the table."""
    left = dict.fromkeys(root.distribution for root in one.roots)
    cells = (
        f"{probe.number} {', '.join(left)}",
        probe.python,
        f"{one.truth['resident'] / MIB:.1f}",
        f"{one.estimate.expected / MIB:.1f}",
        f"{one.estimate.low / MIB:.0f} to {one.estimate.high / MIB:.0f}",
        f"{error_of(one):+.1%}",
        "yes" if one.is_within else "no",
    )
    return f"| {' | '.join(cells)} |"


def error_of(one: Judged) -> float:
    """Return how far the estimate is off, as a share of the truth."""
    return one.estimate.expected / one.truth["resident"] - 1


def summarize(judged: Sequence[Judged]) -> str:
    """Return the figures of all."""
    errors = [error_of(one) for one in judged]
    off, near = of_errors(errors)
    halves = [(one.estimate.high - one.estimate.low) / 2 / one.estimate.expected for one in judged]
    inside = of_ranges(halves, sum(one.is_within for one in judged))
    return f"{len(errors)} probes: {off}, worst {max(errors, key=abs):+.1%}, {near}, {inside}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, judge and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", type=Path, metavar="RESULTS", help="folder of the measured truths, kept")
    parser.add_argument("--half", choices=("tuned", "judged"), default="tuned", help="which half (tuned)")
    parser.add_argument("--only", nargs="+", type=int, metavar="NUMBER", default=[], help="only these probes")
    parser.add_argument("--estimate-only", action="store_true", help="judge the truths that are there, and measure none")
    parser.add_argument("--measure-only", action="store_true", help="measure, and estimate nothing")
    parser.add_argument("--pinned", action="store_true", help="let the estimate know all installed versions")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="print the causes, and the packages of so many")
    options = parser.parse_args(argv)
    options.results.mkdir(parents=True, exist_ok=True)
    judged = []
    print(HEADER)
    for probe in read_probes(TABLE):
        if probe.half != options.half or (options.only and probe.number not in options.only):
            continue
        if options.estimate_only and not kept_in(options.results, probe).exists():
            continue
        try:
            truth = read_or_measure(probe, options.results)
        except MeasurementError as error:
            print(f"{probe.number} {', '.join(probe.distributions)}: {error}", file=sys.stderr, flush=True)
            continue
        if options.measure_only:
            continue
        judged.append(judge(truth, None if options.pinned else probe.distributions))
        print(render(probe, judged[-1]), flush=True)
    if judged:
        print(f"\n{summarize(judged)}")
    if judged and options.worst:
        print("\n".join(render_misses(judged, options.worst)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
