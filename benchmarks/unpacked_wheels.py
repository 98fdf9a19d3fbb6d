"""Tell how many bytes wheels come to once they are unpacked, beside the size that locks tell of them.

    python benchmarks/unpacked_wheels.py --locks FOLDER --installed FOLDER...

`--locks` is searched for `uv.lock` files, which name each wheel with its size; `--installed` are folders with what was
installed from such wheels, as `site-packages` or the cache of uv. Files are counted as `RECORD` lists them, without
bytecode. Prints the factor of all, of the heavy ones, and of sums as large as an app: what `rules/python/sizes.py` takes.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

_WHEEL = re.compile(r'url = "[^"]*/([^/"]+\.whl)", hash = "[^"]*", size = (\d+)')
APP = 40
"""Packages of a usual app with what they bring."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="tell what wheels come to once they are unpacked")
    parser.add_argument("--locks", type=Path, required=True)
    parser.add_argument("--installed", type=Path, nargs="+", required=True)
    asked = parser.parse_args()
    sizes = dict(read_sizes(asked.locks))
    found = dict(pairs(asked.installed, sizes))
    ordered = sorted(found.values())
    heavy = [one for one in ordered if one[0] > 5_000_000]
    print("| wheels | compressed MB | unpacked MB | factor | 5 % | 95 % |")
    print("| --- | --: | --: | --: | --: | --: |")
    for name, some in ((f"{len(ordered)}, each", ordered), (f"{len(heavy)} over 5 MB, each", heavy)):
        print(row(name, some, sorted(unpacked / size for size, unpacked in some)))
    rng = random.Random(1)  # noqa: S311
    apps = [rng.sample(ordered, min(APP, len(ordered))) for _ in range(2000)]
    factors = sorted(sum(unpacked for _, unpacked in app) / sum(size for size, _ in app) for app in apps)
    print(row(f"{len(apps)} sets of {APP}", ordered, factors))


def row(name: str, some: list[tuple[int, int]], factors: list[float]) -> str:
    """Write one row: the factor of the sum, and between which nine of ten lie."""
    size, unpacked = (sum(column) / 1e6 for column in zip(*some, strict=True))
    low, high = factors[len(factors) // 20], factors[-1 - len(factors) // 20]
    return f"| {name} | {size:.0f} | {unpacked:.0f} | {unpacked / size:.2f} | {low:.2f} | {high:.2f} |"


def read_sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the wheels that locks name, with their bytes."""
    for path in sorted(one for one in folder.rglob("*uv.lock") if one.is_file()):
        for match in _WHEEL.finditer(path.read_text(encoding="utf-8", errors="replace")):
            yield match[1].replace("%2B", "+"), int(match[2])


def pairs(folders: Iterable[Path], sizes: dict[str, int]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield what is installed, each with the bytes of its wheel and of its files."""
    by_release: dict[tuple[str, str], list[str]] = {}
    for wheel in sizes:
        name, version, _ = wheel.split("-", 2)
        by_release.setdefault((canonicalize_name(name), version), []).append(wheel)
    for record in (one for folder in folders for one in find_records(folder)):
        name, _, version = record.parent.name.removesuffix(".dist-info").rpartition("-")
        tags = set(re.findall(r"(?m)^Tag: (\S+)", (record.parent / "WHEEL").read_text(encoding="utf-8")))
        for wheel in by_release.get((canonicalize_name(name), version), ()):
            interpreter, abi, platforms = wheel.removesuffix(".whl").rsplit("-", 3)[-3:]
            if any(f"{interpreter.split('.')[0]}-{abi.split('.')[0]}-{one}" in tags for one in platforms.split(".")):
                yield wheel, (sizes[wheel], unpacked_bytes(record))
                break


def find_records(folder: Path) -> Iterator[Path]:
    """Yield the lists of files of what is installed in a folder, or in the folders of a cache."""
    for root, names, _ in os.walk(folder):
        for name in names:
            record = Path(root, name, "RECORD")
            if name.endswith(".dist-info") and record.exists() and (record.parent / "WHEEL").exists():
                yield record
        if any(name.endswith(".dist-info") for name in names):
            names.clear()


def unpacked_bytes(record: Path) -> int:
    """Return the bytes of the files that a `RECORD` lists, without bytecode."""
    with record.open(encoding="utf-8", newline="") as file:
        return sum(int(row[2]) for row in csv.reader(file) if len(row) > 2 and row[2] and not row[0].endswith(".pyc"))


if __name__ == "__main__":
    main()
