"""Which installed distribution owns a file of another interpreter's environment, by the metadata that lies beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions

from packaging.utils import canonicalize_name

from memguard_hooks.record import Record

SITE = ("site-packages", "dist-packages")


class Owner(Record):
    """A distribution by its canonical name, and its version."""

    name: str
    version: str


def site_of(path: str) -> str | None:
    """Return the folder of installed packages that a file lies in, None for one that lies in none."""
    parts = path.split(os.sep)
    for at in range(len(parts) - 1, 0, -1):
        if parts[at] in SITE:
            return os.sep.join(parts[: at + 1])
    return None


class InstalledDistribution:
    """The distributions of environments; each folder is read the first time that it is asked for."""

    def __init__(self) -> None:
        self._owners: dict[str, dict[str, Owner]] = {}

    def owner_of(self, paths: Iterable[str]) -> Owner | None:
        """Return the distribution that owns the first of some files that has one."""
        for path in paths:
            site = site_of(path)
            if site is None:
                continue
            if site not in self._owners:
                self._owners[site] = _read_owners(site)
            owners = self._owners[site]
            relative = os.path.relpath(path, site).replace(os.sep, "/")
            top = relative.partition("/")[0]
            found = owners.get(relative) or owners.get(top) or owners.get(top.partition(".")[0])
            if found is not None:
                return found
        return None


def _read_owners(site: str) -> dict[str, Owner]:
    """Return who owns each file of a folder; for a top level by its name, where only one distribution has it."""
    found: dict[str, Owner] = {}
    tops: dict[str, set[Owner]] = {}
    for distribution in distributions(path=[site]):
        name = distribution.metadata["Name"]
        if not name:  # what is left of a distribution that was taken away
            continue
        owner = Owner(canonicalize_name(name), distribution.version)
        for file in _files(distribution):
            found.setdefault(file, owner)
            tops.setdefault(file.partition("/")[0], set()).add(owner)
        for top in (distribution.read_text("top_level.txt") or "").split():
            tops.setdefault(top, set()).add(owner)
    return {**{top: next(iter(owners)) for top, owners in tops.items() if len(owners) == 1}, **found}


def _files(distribution: Distribution) -> list[str]:
    return [str(file) for file in distribution.files or ()]
