"""Which versions of a distribution the package index serves, from dated tables.

`tools/list_served_versions.py` writes them, newest version first.
"""

from __future__ import annotations

import os.path
from functools import cache

from memguard_hooks.record import Record

FOLDER = os.path.join(os.path.dirname(__file__), "served")


class ServedVersions(Record):
    """The versions of one distribution on one day, newest first, without pre-releases."""

    date: str
    versions: tuple[str, ...]


@cache
def served(distribution: str) -> ServedVersions | None:
    """Return the table of a distribution, None where there is none."""
    try:
        with open(os.path.join(FOLDER, f"{distribution}.txt"), encoding="ascii") as stream:
            head, *versions = stream.read().split("\n")
    except OSError:
        return None
    return ServedVersions(head.split("served on ")[1][:10], tuple(version for version in versions if version))


@cache
def newest_served(distribution: str, *specifiers: str) -> str | None:
    """Return the newest version served that lies in all sets of specifiers."""
    from packaging.specifiers import SpecifierSet

    table = served(distribution)
    admitted = SpecifierSet(",".join(text for text in specifiers if text))
    return next((version for version in table.versions if version in admitted), None) if table else None


def not_served(distribution: str, version: str) -> ServedVersions | None:
    """Return the table that lacks a version which is older than its newest; None where nobody can say so."""
    from packaging.version import InvalidVersion, Version

    table = served(distribution)
    try:
        wanted = Version(version)
    except InvalidVersion:
        return None
    if table is None or version in table.versions or wanted.is_prerelease or wanted > Version(table.versions[0]):
        return None
    public = Version(wanted.public)  # a local build of a version that is served can be had elsewhere
    return None if any(Version(known) == public for known in table.versions) else table
