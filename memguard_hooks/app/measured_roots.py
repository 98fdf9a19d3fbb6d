"""What was measured of this project itself, in place of the catalog: `memguard.lock`, as long as versions agree."""

from __future__ import annotations

from collections.abc import Mapping

from memguard_hooks.catalog import lock, lookup
from memguard_hooks.catalog.lock import Measured
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.finding import Skipped
from memguard_hooks.imports.resolve import is_standard
from memguard_hooks.record import Record

OLDER, NEWER = 0.5, 2.0
"""Where first-party code has not shrunk or grown by more, it is taken to cost what it cost for each byte."""


class Moved(Record):
    """A distribution whose version is not the one that was measured."""

    distribution: str
    then: str
    now: str


class MeasuredEntry(Record):
    """One measured entry point, and what has moved since."""

    entry: Measured
    moved: tuple[Moved, ...] = ()

    def find(self, name: str, other: Footprint | None) -> Footprint | None:
        """Return what importing a root takes, as it was measured; None where it was not, or the catalog knows it better.

        `other` is what the catalog says, if it says anything: of what has moved, that counts.
        """
        package = name.partition(":")[0]
        while package not in self.entry.packages:
            package = package.rpartition(".")[0]
            if not package:
                return None
        moved = {one.distribution for one in self.moved}
        root = self.entry.packages[package]
        if root.distribution in moved and other is not None:
            return None
        own: dict[str, tuple[int, int]] = {}
        for part in (*sorted(lock.closure(self.entry, package)), lock.REST):
            known = self.entry.packages.get(part)
            if known is not None:
                is_moved = known.distribution in moved and other is not None and part in other.own
                own[part] = other.own[part] if is_moved and other is not None else known.own
        return lookup.interpreter(self.entry.python)._replace(
            module=name,
            distribution=root.distribution or (lookup.INTERPRETER if is_standard(package) else package),
            version=root.version or self.entry.python,
            python=self.entry.python,
            platform=self.entry.platform,
            date=self.entry.date,
            wheel=lock.FILE,
            resident=sum(resident for resident, _ in own.values()),
            anonymous=sum(anonymous for _, anonymous in own.values()),
            own=own,
        )

    @property
    def base(self) -> Footprint:
        """The bare interpreter, as it was measured."""
        resident, anonymous = self.entry.base
        python, platform, date = self.entry.python, self.entry.platform, self.entry.date
        return lookup.interpreter(python)._replace(
            resident=resident, anonymous=anonymous, python=python, version=python, platform=platform, date=date
        )

    def first_party(self, source: int) -> tuple[int, int] | None:
        """Return the resident and anonymous bytes of first-party code, None where it is not what was measured any more."""
        then, cost = self.entry.source, self.entry.first_party
        if not then or not OLDER <= source / then <= NEWER:
            return None
        return cost.resident * source // then, cost.anonymous * source // then


def find_moved(entry: Measured, versions: Mapping[str, str]) -> tuple[Moved, ...]:
    """Return the distributions whose pinned versions are not those that were measured, by name."""
    then = {one.distribution: one.version for one in entry.packages.values() if one.distribution and one.version}
    return tuple(
        Moved(name, version, versions[name])
        for name, version in sorted(then.items())
        if _plain(versions.get(name, version)) != _plain(version)
    )


def _plain(version: str) -> str:
    """Write a version without zeros at its end: `1` is `1.0`."""
    while version.endswith(".0"):
        version = version[:-2]
    return version


def notes(name: str, moved: tuple[Moved, ...]) -> list[Skipped]:
    """Say which distributions have moved since an entry point was measured."""
    if not moved:
        return []
    what = ", ".join(f"{one.distribution} {one.then} → {one.now}" for one in moved)
    reason = (
        f"{name} was measured with other versions ({what}), where the catalog counts if it knows them: "
        "run `memguard measure` again"
    )
    return [Skipped(lock.FILE, None, reason)]
