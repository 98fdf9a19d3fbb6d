"""Set the estimate of random sets of packages, made from the catalog alone, beside what they take for real.

    python benchmarks/accuracy.py RESULTS --seed 2 [--sets N] [--python 3.11 3.13] [--before FIRST..LAST]
    python benchmarks/accuracy.py RESULTS --seed 1 --fit
    python benchmarks/accuracy.py RESULTS --seed 2 --estimate-only --worst 5

The seed names the draw: what is fitted (margins, constants) is fitted on `--seed 1`, and judged on `--seed 2`, whose sets
nobody has looked at before; `random_sets.py` says how they are drawn and measured. Those of each Python are drawn for
themselves, and those that hold a root which the catalog does not know are judged apart. The newest versions are mostly
those that the catalog was measured with; `--before DATE` installs those of a day that has passed, which it has to guess, and
`--before 2024-12-01..2026-11-28` those of another day for each set, as applications are pinned.

The estimate is that of memory-budget, for a repository with a main.py that imports the roots and a requirements.txt that
pins all that is installed. The sum beside it is what people do by hand: the interpreter, and what each root takes alone.
The truth holds no main.py, whose some hundred bytes cost the estimate less than 2 KiB.

RESULTS keeps one JSON file a set: what is there is not measured again, and `--estimate-only` measures nothing.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from causes import find_gaps, render_causes, render_worst
from random_sets import LARGEST, SMALLEST, Drawn, Truth, as_drawn, name_of, read_or_measure, read_stored

from memguard_hooks.app.estimate import ProcessEstimate
from memguard_hooks.app.service_estimate import assess
from memguard_hooks.catalog import lookup
from memguard_hooks.finding import MIB, Figures
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree

PACKAGES = 12
"""How many packages of a set are told."""


class Judged(NamedTuple):
    """A set with its truth and what the product says of it."""

    truth: Truth
    estimate: Figures
    process: ProcessEstimate
    by_hand: tuple[int, int]  # resident and anonymous of the plain sum
    is_exact: bool  # each root was measured in its installed version on this Python

    @property
    def roots(self) -> list[Drawn]:
        """The roots that were measured."""
        return [as_drawn(one) for one in self.truth["roots"]]

    @property
    def is_known(self) -> bool:
        """Whether all roots are in the catalog."""
        return all(one.is_known for one in self.roots)

    @property
    def is_within(self) -> bool:
        """Whether the truth lies in the range."""
        return self.estimate.low <= self.truth["resident"] <= self.estimate.high


def judge(truth: Truth, declared: Sequence[str] | None = None) -> Judged:
    """Let memory-budget estimate a repository that imports the roots of a set, and pins all, or declares what is given."""
    roots = [as_drawn(one) for one in truth["roots"]]
    python = truth["python"].rpartition(".")[0]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        (root / "main.py").write_text("".join(f"{one.statement}\n" for one in roots))
        lines = declared if declared is not None else [f"{name}=={version}" for name, version in truth["installed"].items()]
        (root / "requirements.txt").write_text("".join(f"{line}\n" for line in lines))
        settings = f'entrypoints = ["main.py"]\ntarget-python = "{python}"\nplatform = "local"\n'
        (root / "memguard.toml").write_text(settings)
        tree = WorkTree(folder)
        project = Project(tree, load(tree)[0])
        [service] = assess(project, None)
        tree.close()
    if service.now is None:
        raise SystemExit(f"{name_of(truth)}: no estimate: {project.skipped}")
    footprints = [
        lookup.find(one.name, one.distribution, truth["installed"][one.distribution], python)
        for one in roots
        if one.is_known
    ]
    known = [one for one in footprints if one is not None]
    base = lookup.interpreter(python)
    return Judged(
        truth,
        service.now.estimate.start,
        service.now.process,
        (base.resident + sum(one.resident for one in known), base.anonymous + sum(one.anonymous for one in known)),
        all(one.version == truth["installed"][one.distribution] and one.python.startswith(f"{python}.") for one in known),
    )


# Figures


class Errors(NamedTuple):
    """How far figures are from their truths, as shares of these."""

    mean_absolute: float
    worst: float
    bias: float


def errors_of(pairs: Iterable[tuple[float, float]]) -> Errors:
    """Return the errors of figures, each with its truth."""
    ratios = [figure / truth - 1 for figure, truth in pairs]
    return Errors(statistics.fmean(map(abs, ratios)), max(ratios, key=abs), statistics.fmean(ratios))


def quantile(values: Iterable[float], share: float) -> float:
    """Return the value below which a share of all lies, between neighbors by their distance."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def render_summary(judged: Sequence[Judged]) -> str:
    """Return the table of errors, sets with an unknown root apart."""
    lines = [
        "| sets | memory | figure | mean abs. error | worst | bias | within the range |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for title, group in (
        ("roots in the catalog", [one for one in judged if one.is_known]),
        ("with an unknown root", [one for one in judged if not one.is_known]),
    ):
        if not group:
            continue
        within = f"{sum(one.is_within for one in group)} of {len(group)}"
        figures: tuple[tuple[str, str, str, Callable[[Judged], tuple[float, float]]], ...] = (
            ("resident", "estimate", within, lambda one: (one.estimate.expected, one.truth["resident"])),
            ("resident", "sum of totals", "", lambda one: (one.by_hand[0], one.truth["resident"])),
            ("anonymous", "estimate", "", lambda one: (one.estimate.anonymous, one.truth["anonymous"])),
            ("anonymous", "sum of totals", "", lambda one: (one.by_hand[1], one.truth["anonymous"])),
        )
        for memory, figure, range_, pair in figures:
            errors = errors_of(map(pair, group))
            lines.append(
                f"| {len(group)}, {title} | {memory} | {figure} | {errors.mean_absolute:.1%} | {errors.worst:+.1%} "
                f"| {errors.bias:+.1%} | {range_} |"
            )
    return "\n".join(lines)


SHARES = (0.05, 0.1, 0.5, 0.9, 0.95)


def render_fit(judged: Sequence[Judged]) -> str:
    """Return how truth and estimate lie to each other, by what may decide it, and the margins that would hold."""
    known = [one for one in judged if one.is_known]
    groups = {
        "all": known,
        "each root measured exactly": [one for one in known if one.is_exact],
        "another version or Python": [one for one in known if not one.is_exact],
        **{f"Python {python}": [one for one in known if minor(one) == python] for python in sorted(set(map(minor, known)))},
        "2 to 4 roots": [one for one in known if len(one.roots) <= 4],
        "5 to 8 roots": [one for one in known if 5 <= len(one.roots) <= 8],
        "9 roots or more": [one for one in known if len(one.roots) >= 9],
        "with an unknown root": [one for one in judged if not one.is_known],
    }
    lines = [
        "Resident truth / expected, truth - expected in MiB, and what widens the range so that it holds 90 % of the truths:",
        "",
        "| sets | " + " | ".join(f"{share:.0%}" for share in SHARES) + " | MiB 5 % | MiB 95 % | range times |",
        "| --- |" + " ---: |" * 8,
    ]
    for title, group in groups.items():
        if group:
            ratios = [one.truth["resident"] / one.estimate.expected for one in group]
            apart = [(one.truth["resident"] - one.estimate.expected) / MIB for one in group]
            cells = [f"{quantile(ratios, share):.3f}" for share in SHARES]
            cells += [f"{quantile(apart, 0.05):+.1f}", f"{quantile(apart, 0.95):+.1f}"]
            cells.append(f"{quantile(map(reach, group), 0.9):.2f}")
            lines.append(f"| {len(group)}, {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def minor(one: Judged) -> str:
    """Return the Python of a set as `3.11`."""
    return one.truth["python"].rpartition(".")[0]


def reach(one: Judged) -> float:
    """Return how far the truth lies from what was expected, where the end of the range on its side is 1."""
    apart = one.truth["resident"] - one.estimate.expected
    side = one.estimate.high - one.estimate.expected if apart > 0 else one.estimate.expected - one.estimate.low
    return abs(apart) / max(side, 1)


# The run


def render_line(one: Judged) -> str:
    """Return one line on a set."""
    truth, estimate = one.truth, one.estimate
    parts = [
        f"{name_of(truth)}: {len(one.roots)} roots{'' if one.is_known else ', one unknown'}",
        f"truth {truth['resident'] / MIB:.1f} MiB",
        (
            f"estimate {estimate.expected / MIB:.1f} ({estimate.low / MIB:.0f} to {estimate.high / MIB:.0f}) "
            f"{estimate.expected / truth['resident'] - 1:+.1%}{'' if one.is_within else ' OUTSIDE'}"
        ),
        f"sum {one.by_hand[0] / MIB:.1f} {one.by_hand[0] / truth['resident'] - 1:+.1%}",
    ]
    return ", ".join(parts)


def render_provenance(truths: Sequence[Truth], seed: int, before: str) -> str:
    """Return what the figures hold for."""
    dropped = Counter(reason.partition(":")[0] for truth in truths for reason in truth["dropped"].values())
    dates = sorted({truth["date"] for truth in truths})
    uv = subprocess.run(["uv", "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    measured = sorted({one.date for name in providers_of(truths) for one in lookup.read_footprints(name)})
    return "; ".join([
        f"seed {seed}{before and ', versions of '}{before}",
        f"{len(truths)} sets of {sum(len(truth['drawn']) for truth in truths)} roots",
        f"{dropped['install']} roots left out that the resolver could not join, {dropped['import']} that failed on import",
        f"CPython {', '.join(sorted({truth['python'] for truth in truths}))}",
        f"{platform.system()} {platform.machine()} {platform.release().partition('-')[0]}",
        f"measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))}",
        f"catalog of {measured[0]} to {measured[-1]}, {len(lookup.modules())} modules",
        f"uv {uv}",
    ])  # fmt: skip


def providers_of(truths: Sequence[Truth]) -> set[str]:
    """Return the catalog's distributions that the sets hold."""
    return {root.distribution for truth in truths for root in map(as_drawn, truth["roots"]) if root.is_known}


def render_misses(judged: Sequence[Judged], worst: int) -> Iterator[str]:
    """Yield the packages that part most in the worst sets, and over all sets how much comes of which cause."""
    for one in sorted(judged, key=lambda one: -abs(one.estimate.expected / one.truth["resident"] - 1))[:worst]:
        yield f"{render_line(one)}: {', '.join(root.name for root in one.roots)}"
        yield render_worst(find_gaps(one.truth, one.process), PACKAGES)
    gaps = [find_gaps(one.truth, one.process) for one in judged]
    yield render_causes(gaps, sum(one.truth["resident"] for one in judged))


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", type=Path, metavar="RESULTS", help="folder of the measured truths, one JSON file a set")
    parser.add_argument("--seed", type=int, required=True, help="which sets are drawn: 1 to fit, 2 to judge")
    parser.add_argument("--sets", type=int, default=60, help="sets of each Python (default: 60)")
    parser.add_argument(
        "--roots",
        nargs=2,
        type=int,
        metavar=("LEAST", "MOST"),
        default=[SMALLEST, LARGEST],
        help=f"how many roots a set holds ({SMALLEST} to {LARGEST})",
    )
    parser.add_argument("--python", nargs="+", default=["3.11", "3.13"], help="Pythons (default: 3.11 3.13)")
    parser.add_argument("--catalog", type=Path, metavar="FOLDER", help="another catalog than the project's")
    parser.add_argument(
        "--before",
        default="",
        metavar="DATE",
        help="install what was the newest on that day, or, of FIRST..LAST, on a day for each set",
    )
    parser.add_argument("--estimate-only", action="store_true", help="judge the truths that are there, and measure none")
    parser.add_argument("--fit", action="store_true", help="the same, and print what margins would hold")
    parser.add_argument(
        "--worst", type=int, default=0, metavar="N", help="print the causes, and the packages of so many sets"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, judge and print the tables."""
    options = build_parser().parse_args(argv)
    if options.catalog is not None:
        lookup.FOLDER = str(options.catalog)
    options.results.mkdir(parents=True, exist_ok=True)
    found: Iterable[Truth | str]
    if options.estimate_only or options.fit:
        found = read_stored(options.results, options.seed, options.python, options.before)
    else:
        found = (
            one
            for version in options.python
            for one in read_or_measure(
                options.results, options.seed, options.sets, version, options.before, tuple(options.roots)
            )
        )
    judged = []
    for truth in found:
        if isinstance(truth, str):
            print(truth, flush=True)
            continue
        judged.append(judge(truth))
        print(render_line(judged[-1]), flush=True)
    if not judged:
        raise SystemExit("no set was measured")
    print()
    if options.worst:
        print("\n".join(render_misses(judged, options.worst)), end="\n\n")
    if options.fit:
        print(render_fit(judged), end="\n\n")
    print(render_summary(judged), end="\n\n")
    print(render_provenance([one.truth for one in judged], options.seed, options.before))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
