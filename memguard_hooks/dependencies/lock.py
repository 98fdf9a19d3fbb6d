"""What a lock pins: packages with their versions and places, and which of them requires which."""

from __future__ import annotations

from collections.abc import Mapping

from memguard_hooks.dependencies.requirement import RequirementSource
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

MAX_BYTES = 8 * 2**20
"""Of one lock: the largest have three MiB, nearly all of it hashes."""

MAX_TABLES = 100_000
"""Of one lock, with one for each archive: the largest have some thousands; each takes a kilobyte of memory."""


class LockEdge(Record):
    """That something requires a package.

    `extras` are those of the package; `extra` is the extra of what requires it, and `group` the group of
    the project for development, without which it does not; `version` is told where several are locked.
    """

    name: str
    version: str | None = None
    marker: str | None = None
    extras: tuple[str, ...] = ()
    extra: str | None = None
    group: str | None = None


class LockedPackage(Record):
    """One version of a package in a lock.

    `groups` are those that a lock says to need it: for uv and PEP 751 it is empty, as they say it
    by edges and markers.
    """

    name: str
    version: str | None
    line: int
    column: int
    source: RequirementSource | None = None
    marker: str | None = None
    groups: tuple[str, ...] = ()
    requires: tuple[LockEdge, ...] = ()


class Lock(Record):
    """A lock: its packages by name, and what the project itself requires, where the lock says so.

    `knows_edges` is False for one that does not say what brings what; `default_groups` are those that are
    installed where nobody names a group.
    """

    path: str
    packages: Mapping[str, tuple[LockedPackage, ...]]
    roots: tuple[LockEdge, ...] = ()
    knows_edges: bool = True
    skipped: tuple[Skipped, ...] = ()
    default_groups: tuple[str, ...] = ()


def by_name(packages: list[LockedPackage]) -> dict[str, tuple[LockedPackage, ...]]:
    """Order packages by name, and those of one name as they stand in the file."""
    return {name: tuple(ones) for name, ones in grouped((one.name, one) for one in packages).items()}


def check_size(data: bytes, path: str) -> None:
    """Raise MemguardError for what is larger than any lock, before it is parsed."""
    if len(data) > MAX_BYTES or data.count(b"{") + data.count(b"\n[") > MAX_TABLES:
        raise MemguardError(f"is no lock: it is larger than {MAX_BYTES // 2**20} MiB or {MAX_TABLES} tables", path)


def too_new(path: str, version: object) -> Lock:
    """Return what is said of a lock in a version of its format that nobody here has seen."""
    return Lock(path, {}, skipped=(Skipped(path, None, f"is a lock of version {str(version)[:20]!r}, which is not read"),))
