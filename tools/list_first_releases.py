"""Write which first releases of measured packages require nothing, of those that load much of others, by pip's own report.

    python tools/list_first_releases.py [NAME ...]

Names are often taken by a release that holds next to nothing. `memguard_hooks/dependencies/data/first_releases.tsv` has a
line for each distribution that has such releases: its name, and the last one of those that come first and require nothing,
where the newest one does require others. What was measured of a later one says nothing about them. Without names it asks for
each measured distribution of which others than itself take 30 MiB or more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from list_required import ask_fields, served
from packaging.version import Version

from memguard_hooks.catalog import lookup
from memguard_hooks.dependencies.first_releases import TABLE

LEAST = 30 * 2**20
"""Bytes that others take of what a distribution loads."""

TOGETHER = 30
"""Distributions that one run of pip is asked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Ask for the oldest release of each, and of those that require nothing for the next ones; write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="distributions, by canonical name")
    names = parser.parse_args(argv).names or list(loading_others())
    releases = {name: sorted((one for one in served(name) if not Version(one).is_prerelease), key=Version) for name in names}
    found: dict[str, str] = {}
    waiting = {name: 0 for name, ones in releases.items() if ones}
    while waiting:  # each round goes one release on, and most distributions leave at the first
        bare = _bare([(name, releases[name][at]) for name, at in waiting.items()])
        found |= {name: releases[name][waiting[name]] for name in bare}
        waiting = {name: waiting[name] + 1 for name in bare if waiting[name] + 1 < len(releases[name])}
    always = _bare([(name, releases[name][-1]) for name in found])
    found = {name: version for name, version in found.items() if name not in always}
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    lines = [f"# a distribution, and the last of its first releases that require nothing ({today})"]
    lines += [f"{name}\t{version}" for name, version in sorted(found.items())]
    Path(TABLE).write_text("\n".join(lines) + "\n", encoding="ascii")
    print("\n".join(lines), file=sys.stderr)
    return 0


def _bare(pins: Sequence[tuple[str, str]]) -> set[str]:
    """Return the names of releases that require nothing."""
    groups = (pins[start : start + TOGETHER] for start in range(0, len(pins), TOGETHER))
    return {name for group in groups for name, fields in ask_fields(group) if not fields.get("requires_dist")}


def loading_others() -> Iterator[str]:
    """Yield the measured distributions of which others take much."""
    for name in lookup.distributions():
        ones = [one for one in lookup.read_footprints(name) if one.python.startswith("3.11") and ":" not in one.module]
        for one in ones[:1] and [max(ones, key=lambda one: one.resident)]:
            others = (
                cost
                for package, (cost, _) in one.own.items()
                if {*lookup.providers(package)} & one.installed.keys() - {name}
            )
            if sum(others) >= LEAST:
                yield name


if __name__ == "__main__":
    raise SystemExit(main())
