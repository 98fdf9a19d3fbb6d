"""One view of all that a project declares and locks: what is installed, in which version, and why.

A why-path runs over the edges of a lock from what the project itself asks for to a package, by the
fewest steps. Development, extras that nobody asked for, and markers that cannot hold on the host are
no way to a package.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache

from memguard_hooks.dependencies.lock import Lock, LockEdge, LockedPackage
from memguard_hooks.dependencies.requirement import Requirement, can_hold, is_live, normalize_name, pin_of
from memguard_hooks.record import Record, TypeAlias

_Place: TypeAlias = "tuple[str, str | None]"
"""A package of a lock, and one of its extras or None for itself."""


FROZEN = 40
"""Exact requirements of one file that nobody writes by hand."""


class Inventory(Record):
    """What the manifests of one project declare and its locks pin.

    `python` is that of the host, None where unknown; `extras` and `groups` are those of the project
    that are installed, `*` all extras; `installed` are the paths of the files that the deployment installs, None
    where that is unknown: then all count; `machine` is that of the host, None where it may be x86_64 or aarch64.
    """

    requirements: tuple[Requirement, ...] = ()
    locks: tuple[Lock, ...] = ()
    python: tuple[int, int] | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    installed: tuple[str, ...] | None = None
    machine: str | None = None

    def direct(self) -> tuple[Requirement, ...]:
        """Return what the project itself asks for on the host."""
        return tuple(
            one
            for one in self.requirements
            if not one.via
            and not one.is_constraint
            and self._is_asked(one)
            and self._counts(one.path)
            and is_live(one, self.python)
        )

    def frozen(self) -> frozenset[str]:
        """Return the files that list all that was installed, as `pip freeze` and `poetry export` write them."""
        exact: dict[str, list[bool]] = {}
        for one in self.requirements:
            exact.setdefault(one.path, []).append(pin_of(one) is not None)
        return frozenset(path for path, ones in exact.items() if len(ones) >= FROZEN and sum(ones) >= 0.8 * len(ones))

    def decoys(self) -> tuple[str, ...]:
        """Return the files that declare or lock something and that the deployment does not install, sorted."""
        paths = {*(one.path for one in self.requirements), *(lock.path for lock in self.locks)}
        return tuple(sorted(path for path in paths if not self._counts(path)))

    def locked(self, name: str) -> tuple[LockedPackage, ...]:
        """Return what the first lock that has a package says of it: one version, or several that markers choose from."""
        name = normalize_name(name)
        for lock in self._locks():
            found = tuple(one for one in lock.packages.get(name, ()) if self._holds(one.marker, lock))
            if found:
                return found
        return ()

    def why(self, name: str) -> tuple[str, ...] | None:
        """Return the packages from one that the project asks for to `name`; None where nothing is known to bring it."""
        name = normalize_name(name)
        direct = self.direct()
        if any(one.name == name for one in direct):
            return (name,)
        ways = [way for lock in self._locks() if (way := self.way(lock, name)) is not None]
        return min(ways, key=len, default=None)

    def way(self, lock: Lock, name: str) -> tuple[str, ...] | None:
        """Return the packages from what the project asks for to one of a lock; None where none leads there."""
        if name not in lock.packages:
            return None
        return next((tuple(_back(before, here)) for here, before in self._reached(lock) if here[0] == name), None)

    def installs(self, lock: Lock) -> frozenset[str]:
        """Return the packages of a lock that what the project asks for leads to, by canonical names."""
        return frozenset(name for (name, _), _ in self._reached(lock))

    def _reached(self, lock: Lock) -> Iterator[tuple[_Place, Mapping[_Place, _Place | None]]]:
        """Yield each place of a lock that is reached, the nearest first, and from where each was, up to then.

        A package by itself and with each extra are places of their own.
        """

        @cache
        def holds(marker: str | None, extra: str | None = None) -> bool:
            if extra is None:
                return self._holds(marker, lock)
            return can_hold(marker, self.python, {extra}, machine=self.machine)

        roots = [edge for edge in lock.roots if self._is_root(edge) and holds(edge.marker)]
        roots += [LockEdge(one.name, extras=tuple(normalize_name(extra) for extra in one.extras)) for one in self.direct()]
        before: dict[_Place, _Place | None] = {}
        waiting: deque[_Place] = deque()

        def reach(edge: LockEdge, origin: _Place | None) -> None:
            for place in ((edge.name, None), *((edge.name, extra) for extra in edge.extras)):
                if place not in before and edge.name in lock.packages:
                    before[place] = origin
                    waiting.append(place)

        for edge in roots:
            reach(edge, None)
        while waiting:
            here = waiting.popleft()
            yield here, before
            for package in lock.packages[here[0]]:
                if not holds(package.marker):
                    continue
                for edge in package.requires:
                    if edge.extra == here[1] and edge.group is None and holds(edge.marker, edge.extra):
                        reach(edge, here)

    def _is_root(self, edge: LockEdge) -> bool:
        if edge.group is not None:
            return not {edge.group, "*"}.isdisjoint(self.groups)
        return edge.extra is None or not {edge.extra, "*"}.isdisjoint(self.extras)

    def _is_asked(self, requirement: Requirement) -> bool:
        if requirement.group == "extra":
            return not {normalize_name(requirement.group_name or ""), "*"}.isdisjoint(self.extras)
        return requirement.group == "runtime" or (
            requirement.group == "development"
            and not {normalize_name(requirement.group_name or ""), "*"}.isdisjoint(self.groups)
        )

    def _holds(self, marker: str | None, lock: Lock) -> bool:
        return can_hold(marker, self.python, {*self.extras}, {*self.groups, *lock.default_groups}, self.machine)

    def _counts(self, path: str) -> bool:
        return self.installed is None or path in self.installed

    def _locks(self) -> Iterator[Lock]:
        return (lock for lock in self.locks if self._counts(lock.path))


def _back(before: Mapping[_Place, _Place | None], end: _Place) -> list[str]:
    """Return the names on the way to a place, from its start."""
    names: list[str] = []
    here: _Place | None = end
    while here is not None:
        if not names or names[-1] != here[0]:
            names.append(here[0])
        here = before[here]
    return names[::-1]
