"""Show what is read of the starts of real repositories: which services are declared and judged, and why others are not.

    python benchmarks/starts.py FOLDER ... [--details]

Each folder holds checkouts as its subfolders; those whose names end in `+edit` are left out. A service is *judged* where it
has a verdict, and *estimated* where what it takes is known and a file, or a model of it, is not. The share counts all
but those that start an installed program, also where nobody knows what a command runs.
`--details` prints a line for each service with what a reader compares with the files: where it stands, its entry point,
its processes and its limit. Nothing of the repositories runs.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from memguard_hooks.app.entry_points import is_installed_program
from memguard_hooks.app.service_estimate import AssessedService, assess
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import mib
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.rules.budget.verdict import judge
from memguard_hooks.tree import WorkTree

JUDGED, ESTIMATED, UNKNOWN, OTHER = "judged", "estimated", "not judged", "installed programs"
"""How a service may stand, in the order of the table."""


class Row(NamedTuple):
    """One service: its repository, how it stands, what is read of it, and why it is not judged."""

    repository: str
    standing: str
    start: str
    reason: str


def read(folder: Path) -> Iterator[Row]:
    """Yield the services of one checkout."""
    project = Project(WorkTree(str(folder)), Settings())
    for one in assess(project, None):
        report = judge(project, one)
        processes = "?" if report.processes is None else report.processes
        limit = "no limit known" if report.limit is None else f"{mib(report.limit)} MiB ({report.limit_label})"
        place = f"{report.path}:{report.line} {report.name}"
        start = f"{place}: {report.entrypoint or '?'}, {processes} processes, {limit}; {report.command[:100]!r}"
        yield Row(folder.name, _standing(project, one, report.verdict), start, report.reason or "")


def _standing(project: Project, assessed: AssessedService, verdict: str) -> str:
    if verdict != "unknown":
        return JUDGED
    if assessed.now is not None:
        return ESTIMATED
    return OTHER if is_installed_program(project, assessed.service) else UNKNOWN


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table of some folders."""
    parser = argparse.ArgumentParser(description="Show what is read of the starts of real repositories.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--details", action="store_true", help="a line for each service")
    options = parser.parse_args(argv)
    rows: list[Row] = []
    checkouts = [one for folder in options.folders for one in sorted(folder.iterdir()) if one.is_dir()]
    checkouts = [one for one in checkouts if not one.name.endswith("+edit")]
    without = 0
    for checkout in checkouts:
        try:
            found = list(read(checkout))
        except MemguardError as error:
            print(f"{checkout.name}: {error}", file=sys.stderr)
            found = []
        without += not found
        rows += found
    if options.details:
        for row in rows:
            print(f"{row.repository}  {row.standing}\n    {row.start}\n{f'    {row.reason}' if row.reason else ''}".rstrip())
    counts = Counter(row.standing for row in rows)
    print(f"{len(checkouts)} checkouts, {without} without a service, {len(rows)} services")
    for standing in (JUDGED, ESTIMATED, UNKNOWN, OTHER):
        print(f"{counts[standing]:>6}  {standing}")
    own = len(rows) - counts[OTHER]
    if own:
        print(f"judged: {counts[JUDGED] / own:.0%} of {own}; estimated: {(counts[JUDGED] + counts[ESTIMATED]) / own:.0%}")
    for reason, number in Counter(row.reason for row in rows if row.standing != JUDGED).most_common():
        print(f"{number:>6}  {reason}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
