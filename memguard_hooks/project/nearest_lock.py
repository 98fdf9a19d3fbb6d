"""What one lock says of the packages that are installed by it."""

from __future__ import annotations

from functools import cached_property

from memguard_hooks.errors import MemguardError

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping

    from memguard_hooks.dependencies.lock import Lock, LockedPackage
    from memguard_hooks.project.files import Files


class NearestLock:
    """The lock that counts in a folder, by its path; nothing where there is none, or where it does not parse."""

    def __init__(self, files: Files, path: str | None) -> None:
        self._files = files
        self.path = path

    @cached_property
    def _lock(self) -> Lock | None:
        from memguard_hooks.dependencies import lock_readers

        try:
            return lock_readers.read(self._files.tree, self.path) if self.path else None
        except MemguardError:
            return None

    @property
    def packages(self) -> Mapping[str, tuple[LockedPackage, ...]]:
        """The packages, by canonical names; several of one where the lock holds a version for each of some hosts."""
        return self._lock.packages if self._lock else {}

    @property
    def knows_edges(self) -> bool:
        """Whether the lock says which package requires which."""
        return self._lock is not None and self._lock.knows_edges

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The versions of the packages of which there is one."""
        versions = {name: {one.version for one in found} - {None} for name, found in self.packages.items()}
        return {name: str(*found) for name, found in versions.items() if len(found) == 1}

    def required_by(self, distribution: str) -> frozenset[str]:
        """Return all that a package requires, by canonical names; nothing where the lock does not tell."""
        found: set[str] = set()
        waiting = [distribution]
        while waiting:
            for package in self.packages.get(waiting.pop(), ()):
                names = {edge.name for edge in package.requires if edge.extra is None and edge.group is None} - found
                found |= names
                waiting += names
        return frozenset(found - {distribution})

    def wheel_size(self, distribution: str) -> int | None:
        """Return the bytes of a package's wheel, by its canonical name, None where the lock does not tell."""
        from memguard_hooks.dependencies.wheel_size import largest_wheel

        data, places = self._bytes
        start, end = places.get(distribution, (0, 0))
        return largest_wheel(data[start:end])

    @cached_property
    def _bytes(self) -> tuple[bytes, Mapping[str, tuple[int, int]]]:
        """The bytes of the lock, and where in it each package stands."""
        from memguard_hooks.dependencies.wheel_size import find_packages

        data = self._files.read_file(self.path) if self.path else None
        return (data, find_packages(data)) if data is not None else (b"", {})
