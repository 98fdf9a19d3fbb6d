"""What the versions of a distribution require, from dated tables.

`tools/list_required.py` writes them: of each distribution its versions, oldest first, and one requirement a line with the
versions that have it. What has no bounds is not there, for it agrees with every version.
"""

from __future__ import annotations

import os.path
from bisect import bisect_right
from functools import cache

from memguard_hooks.dependencies.requirement import Requirement, normalize_name
from memguard_hooks.record import Record

FOLDER = os.path.join(os.path.dirname(__file__), "required")

PYTHON = "python"
"""Stands for the interpreter, where a table names the Pythons that a version runs on."""

_FIRST_LINE = 3
"""The first line of a table that says what is required."""


class RequiredVersions(Record):
    """The versions of one distribution on one day, oldest first, and the lines that say what some of them require."""

    distribution: str
    date: str
    versions: tuple[str, ...]
    lines: tuple[str, ...]

    def of(self, number: int) -> tuple[Requirement, ...]:
        """Return what a version requires; one of `python` are the Pythons that it runs on."""
        path = f"{self.distribution}.txt"
        found = ((place, line.partition("\t")) for place, line in enumerate(self.lines, _FIRST_LINE))
        return tuple(_requirement(text, path, place) for place, (runs, _, text) in found if _holds(runs, number))


def _requirement(text: str, path: str, place: int) -> Requirement:
    """Read a requirement of a table, which is as packaging writes it, and so needs no parser."""
    named, _, marker = text.partition(" ; ")
    bare = named
    for operator in "<>=!~":
        bare = bare.partition(operator)[0]
    name, _, extras = bare.removesuffix("]").partition("[")
    asked = tuple(extras.split(",")) if extras else ()
    return Requirement(name, text, path, place, 1, place, named.removeprefix(bare), marker or None, asked)


@cache
def known_versions(distribution: str) -> RequiredVersions | None:
    """Return the table of a distribution, None where there is none."""
    if normalize_name(distribution) != distribution or not distribution.replace("-", "").isalnum():
        return None  # no name of a file
    path = os.path.join(FOLDER, f"{distribution}.txt")
    try:
        with open(path, encoding="ascii") as stream:
            head, versions, *lines = stream.read().splitlines()
    except OSError:
        return None
    return RequiredVersions(distribution, head.rpartition(", ")[2], tuple(versions.split(" ")), tuple(lines))


def _holds(runs: str, number: int) -> bool:
    """Return whether runs of numbers, as in `0,3-7`, hold a number."""
    ends = (run.partition("-") for run in runs.split(","))
    return any(int(first) <= number <= int(last or first) for first, _, last in ends)


def is_guessed(distribution: str, version: str) -> bool:
    """Return whether what a version requires is a poor guess: it is a pre-release that its table lacks."""
    from packaging.version import InvalidVersion, Version

    table = known_versions(distribution)
    try:
        wanted = Version(version)
    except InvalidVersion:
        return False
    return table is not None and version not in table.versions and wanted.is_prerelease


@cache
def required_by(distribution: str, version: str) -> tuple[Requirement, ...] | None:
    """Return what a version requires; a version that is not in the table is taken for the next older one, else the oldest.

    None where the distribution has no table, or nobody can read the version.
    """
    from packaging.version import InvalidVersion, Version

    table = known_versions(distribution)
    try:
        wanted = Version(version)
    except InvalidVersion:
        return None
    if table is None:
        return None
    return table.of(max(bisect_right(table.versions, wanted, key=Version) - 1, 0))
