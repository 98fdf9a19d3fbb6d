"""What was measured beside the static estimate, part by part, and beside another revision, package by package."""

from __future__ import annotations

from collections.abc import Sequence

from memguard_hooks.catalog.lock import REST, Measured, closure
from memguard_hooks.finding import Part
from memguard_hooks.record import Record

BASE = "python"
FIRST_PARTY = "(first-party)"


class Compared(Record):
    """What one part was estimated and measured to take, in bytes; None where only the other knows of it."""

    package: str
    estimated: int | None
    measured: int | None

    @property
    def difference(self) -> int:
        """By how much the estimate is too high."""
        return (self.estimated or 0) - (self.measured or 0)


def compare(parts: Sequence[Part], measured: Measured) -> tuple[Compared, ...]:
    """Set each part of an estimate beside what was measured.

    A part is what a package adds to those before it, with all that it imports. So the measured packages are counted in
    the same order, each once; the small parts of the standard library belong to the first part that imports anything.
    """
    left = dict(measured.packages)
    found: list[Compared] = []
    for part in parts:
        if part.package == BASE:
            found.append(Compared(part.package, part.resident, measured.base.resident))
        elif part.package == FIRST_PARTY:
            found.append(Compared(part.package, part.resident, measured.first_party.resident))
        else:
            names = closure(measured, package_of(part.package, measured))
            taken = [left.pop(name) for name in (*names, REST) if names and name in left]
            found.append(Compared(part.package, part.resident, sum(one.own.resident for one in taken) if names else None))
    if all(one.package != FIRST_PARTY for one in found):
        found.append(Compared(FIRST_PARTY, None, measured.first_party.resident))
    for name, package in sorted(left.items(), key=lambda item: (-item[1].own.resident, item[0])):
        found.append(Compared(name, None, package.own.resident))
    return tuple(found)


class Difference(Record):
    """What a package takes by itself, in bytes, in another revision and now; None where it is not loaded."""

    package: str
    before: int | None
    now: int | None

    @property
    def size(self) -> int:
        """By how much it takes more now."""
        return (self.now or 0) - (self.before or 0)


def differences(before: Measured, now: Measured) -> tuple[Difference, ...]:
    """Set the own costs of all packages beside those of another revision, the largest difference first."""
    sizes = [{name: one.own.resident for name, one in measured.packages.items()} for measured in (before, now)]
    sizes[0][FIRST_PARTY], sizes[1][FIRST_PARTY] = before.first_party.resident, now.first_party.resident
    found = [Difference(name, sizes[0].get(name), sizes[1].get(name)) for name in {**sizes[0], **sizes[1]}]
    return tuple(sorted(found, key=lambda one: (-abs(one.size), one.package)))


def package_of(root: str, measured: Measured) -> str:
    """Return the package that a module root is booked on: `google.protobuf` for `google.protobuf.message`."""
    while root not in measured.packages and "." in root:
        root = root.rpartition(".")[0]
    return root
