"""Which versions can be installed together, as far as the tables of `required` tell: a small resolver.

It takes versions that no table has as they are declared, and a distribution without a table as installable in every version
that is asked for. So it may say of versions that they go together where they do not, but only by what nobody has told it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from memguard_hooks.dependencies.required import PYTHON, is_guessed, known_versions, required_by
from memguard_hooks.dependencies.requirement import Requirement, can_hold, pin_of, specifiers
from memguard_hooks.record import Record

MAX_STEPS = 500
"""Versions that are tried before a set counts as one that does not resolve."""


class Clash(Record):
    """A requirement of a version that something declared contradicts."""

    requires: Requirement
    declared: Requirement | None
    """None where it is the Python that does not fit."""


class Installed(Record):
    """A set in the making: what is asked of each distribution, with which extras, and the versions chosen, None for any."""

    pythons: tuple[tuple[int, int], ...]
    asked: Mapping[str, str]
    extras: Mapping[str, frozenset[str]]
    chosen: Mapping[str, str | None]

    def ask(self, requirement: Requirement) -> Installed | None:
        """Return the set with one more requirement, None where no version satisfies it and those before."""
        name = requirement.name
        both = ",".join(filter(None, (self.asked.get(name, ""), requirement.specifier)))
        version = self.chosen.get(name)
        if version is not None and not admits(requirement.specifier, version):
            return None
        if both != requirement.specifier and not _can_be(both):
            return None
        before = self.extras.get(name, frozenset())
        extras = before.union(requirement.extras)
        grown = self._replace(asked={**self.asked, name: both}, extras={**self.extras, name: extras})
        if version is None or extras == before:
            return grown
        return grown.choose(name, version)

    def choose(self, name: str, version: str) -> Installed | None:
        """Return the set with a version and all that this requires, None where something contradicts that."""
        if not admits(self.asked.get(name, ""), version):
            return None
        found: Installed | None = self._replace(chosen={**self.chosen, name: version})
        for one in requirements_of(name, version, self.pythons, self.extras.get(name, frozenset())):
            if one.name == PYTHON:
                if not _runs_on(one, self.pythons):
                    return None
            elif found is not None:
                found = found.ask(one)
            if found is None:
                return None
        return found

    def is_complete(self, steps: list[int]) -> bool:
        """Return whether a version can be chosen of each distribution that has a table; `steps` are those that are left."""
        unchosen = ((name, _options(name, asked)) for name, asked in self.asked.items() if name not in self.chosen)
        name, options = next(((name, options) for name, options in unchosen if options), ("", ()))
        for version in options:
            steps[0] -= 1
            further = self.choose(name, version) if steps[0] >= 0 else None
            if further is not None and further.is_complete(steps):
                return True
        return not options


def start(declared: Iterable[Requirement], pythons: Sequence[tuple[int, int]]) -> Installed | None:
    """Return what is declared as a set, with what exact pins require; None where it contradicts itself."""
    declared = [one for one in declared if one.url is None and can_hold(one.marker, pythons[0])]
    found: Installed | None = Installed(tuple(pythons), {}, {}, {})
    for one in declared:
        found = found.ask(one) if found is not None else None
    for one in declared:
        pin = pin_of(one)
        if found is not None and pin is not None and pin.version is not None and found.chosen.get(one.name) is None:
            # What cannot be true of a version that is not in its table is not taken for true.
            found = found.choose(one.name, pin.version) or found._replace(chosen={**found.chosen, one.name: None})
    return found


def find_clash(
    declared: Iterable[Requirement], name: str, version: str, extras: Iterable[str], pythons: Sequence[tuple[int, int]]
) -> Clash | None:
    """Return what in a file contradicts a version most plainly: by what it requires, or by what a pin requires of it."""
    declared = tuple(one for one in declared if one.url is None and can_hold(one.marker, pythons[0]))
    for required in requirements_of(name, version, tuple(pythons), frozenset(extras)):
        if required.name == PYTHON and not _runs_on(required, pythons):
            return Clash(required, None)
        for one in declared:
            if one.name == required.name and not _can_be(f"{one.specifier},{required.specifier}".strip(",")):
                return Clash(required, one)
    for one in declared:
        pin = pin_of(one)
        if pin is None or pin.version is None or one.name == name:
            continue
        for required in requirements_of(one.name, pin.version, tuple(pythons), frozenset(one.extras)):
            if required.name == name and not admits(required.specifier, version):
                return Clash(required, one)
    return None


def find_guessed(
    declared: Iterable[Requirement], name: str, version: str, extras: Iterable[str], pythons: Sequence[tuple[int, int]]
) -> Requirement | None:
    """Return what stands beside a version, whose requirements are not known, and bound what that version is, or needs too.

    Of a pin that its table lacks a bound from above is one: what an older version has in its place may be lower. Of a range
    that admits no version of its table nothing is known, but for what those of the table, and what these need, have to do
    with.
    """
    needs = {one.name for one in requirements_of(name, version, tuple(pythons), frozenset(extras))} - {PYTHON} | {name}
    for one in declared:
        pin = pin_of(one)
        if one.name == name:
            continue
        if pin is None or pin.version is None:
            table = known_versions(one.name) if not _options(one.name, one.specifier) else None
            first = one._replace(specifier=f"=={table.versions[0]}") if table is not None else None
            if first is not None and not needs.isdisjoint(_needed(first, tuple(pythons))):
                return one
        elif is_guessed(one.name, pin.version):
            required = requirements_of(one.name, pin.version, tuple(pythons), frozenset(one.extras))
            if any(other.name in needs and any(sign in other.specifier for sign in ("<", "==", "~=")) for other in required):
                return one
    return None


def _needed(first: Requirement, pythons: tuple[tuple[int, int], ...]) -> frozenset[str]:
    """Return the names of what a requirement needs, and what that needs, in the newest versions that are known."""
    waiting, found = [first], {first.name}
    for one in waiting:  # which grows
        version = next(iter(_options(one.name, one.specifier)), None)
        required = requirements_of(one.name, version, pythons, frozenset(one.extras)) if version is not None else ()
        waiting += [other for other in required if other.name not in found]
        found.update(other.name for other in required)
    return frozenset(found)


@lru_cache(maxsize=2**12)
def requirements_of(
    name: str, version: str, pythons: tuple[tuple[int, int], ...], extras: frozenset[str]
) -> tuple[Requirement, ...]:
    """Return what a version requires on the first of some Pythons with some extras; nothing of one without a table."""
    required = required_by(name, version) or ()
    return tuple(one for one in required if can_hold(one.marker, pythons[0], extras))


def _runs_on(required: Requirement, pythons: Iterable[tuple[int, int]]) -> bool:
    return all(admits(required.specifier, f"{major}.{minor}.99") for major, minor in pythons)


@lru_cache(maxsize=2**12)
def _options(name: str, asked: str) -> tuple[str, ...]:
    """Return the versions that a table knows of what is asked for, newest first.

    One that is asked for exactly, and lies between those of the table, requires what the one before it does.
    """
    from packaging.version import Version

    table = known_versions(name)
    if table is None:
        return ()
    known = tuple(one for one in reversed(table.versions) if admits(asked, one))
    exact = (one.version for one in specifiers(asked) if one.operator == "==" and not one.version.endswith(".*"))
    oldest, newest = Version(table.versions[0]), Version(table.versions[-1])
    return known or tuple(one for one in exact if admits(asked, one) and oldest < Version(one) < newest)[:1]


@lru_cache(maxsize=2**12)
def admits(text: str, version: str) -> bool:
    """Return whether specifiers admit a version."""
    return not text or specifiers(text).contains(version, prereleases=True)


@lru_cache(maxsize=2**12)
def _can_be(text: str) -> bool:
    """Return whether some version satisfies specifiers."""
    return not text or not specifiers(text).is_unsatisfiable()
