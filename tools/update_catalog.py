"""Join what several machines have measured anew into the catalog, and write what it changes as a table for a reviewer.

    python tools/update_catalog.py FOLDER ...

Each folder holds what one part of a run of ``tools/measure_footprints.py`` has written: files of distributions, and
``failed.tsv``. A version that was the newest, and lies between two others that take as much, is dropped where the plan does
not name it: a catalog that is measured each week must not grow with each release. The table, markdown on standard output,
has what takes more or less now, the largest change first. Exit 1: a heavy package has moved by more than 10 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from measure_footprints import (
    CATALOG,
    HEAVY,
    PLAN,
    Catalog,
    Failure,
    Measurement,
    mib,
    read_plan,
    render_failures,
    render_measurements,
    sort_key,
    write_atomically,
)
from packaging.version import Version

from memguard_hooks.catalog.lookup import minor_of, read_footprint

if TYPE_CHECKING:
    from memguard_hooks.catalog.lookup import Item

MOVED = 0.1
"""Share by which a heavy package may change before somebody must look at it."""

NEAR, NEAR_SIZE = 0.05, 3 * 2**20
"""Versions that differ by less than both take the same."""

TOLD = 3
"""Packages that are named as what changed."""


class Change(NamedTuple):
    """What one module takes in its newest version, beside the newest that was known before; both on one Python."""

    distribution: str
    before: Measurement
    after: Measurement

    @property
    def share(self) -> float:
        """By how much of what it took it has changed."""
        return self.after["resident"] / max(1, self.before["resident"]) - 1

    @property
    def is_alarming(self) -> bool:
        """Whether it is heavy and has moved."""
        return max(self.before["resident"], self.after["resident"]) >= HEAVY and abs(self.share) > MOVED


def join(catalog: Catalog, folders: Iterable[Path]) -> dict[str, list[Measurement]]:
    """Add what was measured, and return the measurements that each changed distribution had before."""
    before: dict[str, list[Measurement]] = {}
    failures = catalog.read_failures()
    for folder in folders:
        part = Catalog(folder)
        for distribution, measured in part.read_all().items():
            known = before.setdefault(distribution, catalog.read(distribution))
            old = {sort_key(one) for one in known}
            for one in measured:
                if sort_key(one) not in old:
                    catalog.add(distribution, one)
        failures |= part.read_failures()
    failures = {one for one in failures if not is_measured(catalog, one)}
    write_atomically(catalog.folder / "failed.tsv", render_failures(failures))
    return before


def is_measured(catalog: Catalog, failure: Failure) -> bool:
    """Return whether the module that failed was measured on that Python, in the version that failed."""
    return any(
        one["module"] == failure.module and one["python"] == failure.python and failure.version in ("", one["version"])
        for one in catalog.read(failure.distribution)
    )


def thin(measurements: Iterable[Measurement], named: frozenset[str], known: frozenset[str]) -> Iterator[Measurement]:
    """Leave out what was the newest version and takes as much as both beside it, unless the plan names it."""
    for series in by_module(measurements).values():
        below = None
        for one, above in zip(series, [*series[1:], None], strict=True):
            is_old = one["version"] in known and one["version"] not in named
            is_overtaken = above is not None and above["version"] not in known
            if is_old and is_overtaken and is_near(one, below) and is_near(one, above):
                continue
            below = one
            yield one


def by_module(measurements: Iterable[Measurement]) -> dict[tuple[str, int], list[Measurement]]:
    """Return the versions of each module on each minor of Python, the oldest first."""
    series: dict[tuple[str, int], list[Measurement]] = {}
    for one in sorted(measurements, key=sort_key):
        series.setdefault((one["module"], minor_of(one["python"])), []).append(one)
    return series


def is_near(one: Measurement, other: Measurement | None) -> bool:
    """Return whether two versions of one major take the same."""
    if other is None:
        return False
    difference = abs(one["resident"] - other["resident"])
    is_one_major = Version(one["version"]).major == Version(other["version"]).major
    return is_one_major and difference <= NEAR_SIZE and difference <= NEAR * max(one["resident"], other["resident"])


def changes(distribution: str, before: Iterable[Measurement], after: Iterable[Measurement]) -> Iterator[Change]:
    """Yield the modules whose newest version is another one than before."""
    known = by_module(before)
    for key, series in by_module(after).items():
        if key in known and known[key][-1]["version"] != series[-1]["version"]:
            yield Change(distribution, known[key][-1], series[-1])


def what_changed(change: Change) -> str:
    """Name the packages whose own cost differs most."""
    before, after = (read_footprint(change.distribution, cast("Item", one)).own for one in (change.before, change.after))
    moved = {name: after.get(name, (0, 0))[0] - before.get(name, (0, 0))[0] for name in before.keys() | after.keys()}
    most = sorted(moved.items(), key=lambda item: -abs(item[1]))[:TOLD]
    return ", ".join(f"{name} {size / 2**20:+.1f}" for name, size in most if abs(size) >= 2**20)


def table(found: Sequence[Change]) -> Iterator[str]:
    """Yield the lines of the table, the largest change first."""
    yield "| module | Python | version | MiB | change | own MiB of |"
    yield "| --- | --- | --- | --- | ---: | --- |"
    for change in sorted(found, key=lambda one: -abs(one.share)):
        before, after = change.before, change.after
        sizes = f"{mib(before['resident'])} → {mib(after['resident'])}".replace(" MiB", "")
        mark = " **look**" if change.is_alarming else ""
        yield (
            f"| `{after['module']}` | {after['python']} | {before['version']} → {after['version']} | {sizes} | "
            f"{change.share:+.0%}{mark} | {what_changed(change)} |"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Join, thin, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="what one part of a run has written")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="the folder to write (default: the project's)")
    parser.add_argument("--plan", type=Path, default=PLAN, help="the plan, whose versions stay")
    asked = parser.parse_args(argv)
    catalog = Catalog(asked.catalog)
    rows = read_plan(asked.plan)
    found: list[Change] = []
    for distribution, before in join(catalog, asked.folders).items():
        named = frozenset(row.version for row in rows if row.distribution == distribution and row.version is not None)
        after = list(thin(catalog.read(distribution), named, frozenset(one["version"] for one in before)))
        write_atomically(catalog.path_of(distribution), render_measurements(distribution, after))
        found += changes(distribution, before, after)
    catalog.write_index()
    print(*(table(found) if found else ["Nothing takes another amount than before."]), sep="\n")
    alarming = sorted({one.distribution for one in found if one.is_alarming})
    if alarming:
        print(f"moved by more than {MOVED:.0%}: {', '.join(alarming)}", file=sys.stderr)
    return int(bool(alarming))


if __name__ == "__main__":
    raise SystemExit(main())
