"""Judge labeled log calls of public repositories, and print precision and recall of MG502, MG503 and MG504.

    python benchmarks/log_calls.py FOLDER --half A|B|C|D|E|F|G|H|I|J|K|L|M|N|O|P|Q [--list]

FOLDER holds the repositories of `log_calls.tsv`, each as `owner+name@revision` with eight digits of the revision. Half A
is to tune on; half B was opened once, to report, and C once more, of eight repositories more. D and E are of 44
further ones, D to tune on and E opened once, F of 17 more, opened once
and tuned on since, G of 17 more, opened once and tuned on since, H of 23 more, opened once and tuned on since, I of 34
more, opened once and tuned on since, J of 25 more, opened
once and tuned on since, K of 36 more, opened once and tuned on since,
L of 38 more and M of 14 more, opened once and tuned on since, N of 30 more, opened once and tuned on since, and O of
31 more, opened once and tuned on since; P is of 47 more, opened once and tuned on since, and Q of 30 more. Each file is
judged as one that an entry point reaches, with its whole repository at hand.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from math import sqrt
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.logs.facts import NOTHING, FileLogs, read_logs
from memguard_hooks.logs.model import LogCall, is_judged, is_shown
from memguard_hooks.rules.logs.across import fed_lines, idle_lines
from memguard_hooks.rules.logs.elsewhere import Elsewhere
from memguard_hooks.rules.logs.lines import seen_whole
from memguard_hooks.store import Store
from memguard_hooks.tree import WorkTree, walk

TABLE = Path(__file__).with_suffix(".tsv")
RULES = {"MG502": "hot", "MG503": "nothing", "MG504": "costly"}
"""The mark of a call that each rule reports."""


MAX_ROOTS = 12
"""Folders of a repository that packages are looked for in."""


class Labeled(NamedTuple):
    """One row of the table, with the file that it is about."""

    top: Path
    path: Path
    inside: str
    line: int
    drawn: str
    labels: frozenset[str]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=tuple("ABCDEFGHIJKLMNOPQ"), required=True)
    parser.add_argument("--list", action="store_true", help="print each call that is judged otherwise than labeled")
    arguments = parser.parse_args()
    rows = list(read(arguments.folder, arguments.half))
    told = [(row, found_at(row)) for row in rows if row.path.is_file()]
    print(f"{len(told)} of {len(rows)} calls of half {arguments.half} are there")
    right = wrong = missed = 0
    for code in RULES:
        hits = sum(code in found and code in row.labels for row, found in told)
        false = [(row, found) for row, found in told if code in found and not row.labels & found]
        lost = [(row, found) for row, found in told if code in row.labels and not row.labels & found]
        print(f"{code}: {hits} right, {len(false)} wrong, {len(lost)} missed")
        for name, group in (("wrong", false), ("missed", lost)) if arguments.list else ():
            print(*(f"  {name} {row.path}:{row.line} [{row.drawn}]" for row, _ in group), sep="\n")
    for row, found in told:
        right += bool(row.labels & found)
        wrong += bool(found - row.labels) and not row.labels & found
        missed += bool(row.labels) and not row.labels & found
    print(f"together: precision {share(right, wrong)}, recall {share(right, missed)}")
    dense = sorted(density(top) for top in {row.top for row in rows if row.top.is_dir()})
    if dense:
        print(f"findings per 1,000 lines of what is judged: median {median(dense):.2f}, most {dense[-1]:.2f}")
    return 0


def share(part: int, rest: int) -> str:
    """Write a share of what is right, with its counts and the interval of 95 % that Wilson gives it."""
    count = part + rest
    if not count:
        return "none"
    mean, z = part / count, 1.96
    middle = (mean + z * z / (2 * count)) / (1 + z * z / count)
    side = z * sqrt(mean * (1 - mean) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{mean:.0%} ({part} of {count}; {middle - side:.0%} to {middle + side:.0%})"


def density(top: Path) -> float:
    """Return the findings of a repository for each 1,000 lines of its files that are no tests, scripts and commands."""
    paths = [path for path in walk(WorkTree(str(top))) if path.endswith(".py") and is_judged(path)]
    lines = sum(read_bytes(top / path).count(b"\n") for path in paths)
    return 1000 * sum(len(codes) for (path, _), codes in judged(top).items() if is_judged(path)) / max(lines, 1)


def read(folder: Path, half: str) -> Iterator[Labeled]:
    """Yield the rows of one half."""
    with TABLE.open(encoding="utf-8") as stream:
        for row in csv.DictReader((line for line in stream if not line.startswith("#")), delimiter="\t"):
            if row["half"] == half:
                top = folder / f"{row['repository'].replace('/', '+', 1)}@{row['revision']}"
                labels = frozenset(row["label"].split()) - {"none"}
                yield Labeled(top, top / row["path"], row["path"], int(row["line"]), row["drawn"], labels)


def found_at(row: Labeled) -> frozenset[str]:
    """Return the codes that are reported for the calls of a line."""
    return judged(row.top).get((row.inside, row.line), frozenset()) if is_judged(row.inside) else frozenset()


@cache
def judged(top: Path) -> dict[tuple[str, int], frozenset[str]]:
    """Return the codes that are reported for the lines of a repository, all of whose files an entry point reaches."""
    tree = WorkTree(str(top))
    paths = [path for path in walk(tree) if path.endswith(".py")]
    files = {path: logs for path in paths if (logs := read_file(top / path)) != NOTHING}
    resolver = Resolver(tree, roots_of(paths))
    elsewhere = Elsewhere([path for path in paths if is_judged(path)], lambda path: read_bytes(top / path))
    marks = [
        (path, call.line, code)
        for path, logs in files.items()
        for call in logs.calls
        if not is_shown(path, call)
        for code in codes_of(seen_whole(call, elsewhere))
    ]
    marks += [(path, line.line, "MG502") for path, line, _ in fed_lines(files, resolver)]
    marks += [(path, line.line, "MG503") for path, line, _ in idle_lines(files, resolver)]
    found: dict[tuple[str, int], frozenset[str]] = {}
    for path, line, code in marks:
        found[path, line] = found.get((path, line), frozenset()) | {code}
    return found


def codes_of(call: LogCall) -> list[str]:
    """Return the codes that are reported for a call by its own file."""
    return [code for code, mark in RULES.items() if getattr(call, mark)]


def read_file(path: Path) -> FileLogs:
    """Read what a file says of logs."""
    data = read_bytes(path)
    return read_logs(Store(None), data[:0], lambda: data)


@cache
def read_bytes(path: Path) -> bytes:
    """Return what a file holds, nothing of one that cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def roots_of(paths: list[str]) -> tuple[str, ...]:
    """Return the folders that packages of a repository are imported from, those of most files first."""
    packages = {path.removesuffix("__init__.py").rstrip("/") for path in paths if path.rpartition("/")[2] == "__init__.py"}
    found: Counter[str] = Counter()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder in packages and folder:
            folder = folder.rpartition("/")[0]
        found[folder] += 1
    return ("", *(one for one, _ in found.most_common(MAX_ROOTS) if one))


if __name__ == "__main__":
    raise SystemExit(main())
