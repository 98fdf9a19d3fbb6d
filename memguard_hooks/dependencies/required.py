"""What the versions of a distribution require, from dated tables.

`tools/list_required.py` writes them: of each distribution its versions, oldest first, and one requirement a line with the
versions that have it. What has no bounds is not there, for it agrees with every version.
"""

from __future__ import annotations

import os.path
from functools import cache

from memguard_hooks.dependencies.requirement import Requirement, normalize_name, parse
from memguard_hooks.record import Record

FOLDER = os.path.join(os.path.dirname(__file__), "required")

PYTHON = "python"
"""Stands for the interpreter, where a table names the Pythons that a version runs on."""


class RequiredVersions(Record):
    """The versions of one distribution on one day, oldest first, and the requirements of each by its number."""

    date: str
    versions: tuple[str, ...]
    requirements: tuple[tuple[frozenset[int], Requirement], ...]

    def of(self, number: int) -> tuple[Requirement, ...]:
        """Return what a version requires; one of `python` are the Pythons that it runs on."""
        return tuple(requirement for numbers, requirement in self.requirements if number in numbers)


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
    requirements = tuple(_line(line, f"{distribution}.txt", number) for number, line in enumerate(lines, 3))
    return RequiredVersions(head.rpartition(", ")[2], tuple(versions.split(" ")), requirements)


def _line(line: str, path: str, number: int) -> tuple[frozenset[int], Requirement]:
    runs, _, text = line.partition("\t")
    ends = (run.partition("-") for run in runs.split(","))
    numbers = (range(int(first), int(last or first) + 1) for first, _, last in ends)
    return frozenset(one for run in numbers for one in run), parse(text, path, number, 1, number)


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
    older = [number for number, one in enumerate(table.versions) if Version(one) <= wanted]
    return table.of(older[-1] if older else 0)
