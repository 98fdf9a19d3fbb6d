"""What a process takes less once some statements import nothing: little, where something else loads the same."""

from __future__ import annotations

from functools import cache

from memguard_hooks.app.service_estimate import estimate_entry, estimate_without
from memguard_hooks.finding import MIB, Step
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.app.estimate import ProcessEstimate
    from memguard_hooks.project.project import Project

LEAST = 5 * MIB
"""What a move must save: less is not worth an import in the middle of the code."""


class MovedSaving(Record):
    """What the process that gains most takes less, in bytes, at start and by the moment that is judged.

    `holder` is what loads the library all the same, None where nothing does.
    """

    start: int
    judged: int
    holder: Step | None

    @property
    def is_little(self) -> bool:
        """Whether it is not worth a change by any moment."""
        return max(self.start, self.judged) < LEAST

    @property
    def is_of_start(self) -> bool:
        """Whether nothing to speak of is saved by the moment that is judged."""
        return self.judged < LEAST


def find_saving(
    project: Project,
    library: str,
    without: Iterable[tuple[ServiceEntry, Collection[Step]]],
    gone: Collection[Step] = (),
) -> MovedSaving:
    """Return what the processes of some services take less where statements import nothing that load a library.

    What is saved is counted where other statements, `gone`, import nothing either.
    """
    found = MovedSaving(0, 0, None)
    for entry, sites in without:
        now = estimate_entry(project, entry)
        before = estimate_without(project, now, gone) if gone else now.process
        after = estimate_without(project, now, {*sites, *gone})
        start, judged = (before.at(one).expected - after.at(one).expected for one in ("start", now.judged))
        found = max(found, MovedSaving(start, judged, _holder(after, library)), key=lambda one: (one.judged, one.start))
        if found.holder is None:
            found = found._replace(holder=_holder(after, library))
    return found


def size_beside(library: str, others: Collection[str]) -> int | None:
    """Return what a library takes beside other modules that are imported, in bytes; None where it was not measured.

    A module that was not measured by itself loads what a third of those do, or more, that were measured of the same package.
    """
    from memguard_hooks.catalog import lookup

    own = lookup.find(library)
    if own is None:
        return None
    top = library.partition(".")[0]
    loaded: set[str] = set()
    for name in others:
        root = lookup.root_of(name)
        footprint = (lookup.find(root) or lookup.find_light(root)) if root is not None else None
        if root == top != library and root != name and top not in _NAMESPACES:
            loaded.update(_usual_below(top))
        loaded.update(footprint.own if footprint is not None else ())
    return sum(size for package, (size, _) in own.own.items() if package not in loaded)


@cache
def _usual_below(package: str) -> frozenset[str]:
    """Return the packages that a third of the measured modules of a package load, or more."""
    from memguard_hooks.catalog import lookup

    below = [one.own for name in lookup.submodules(package) if (one := lookup.find(name)) is not None]
    return frozenset(one for one in frozenset().union(*below) if 3 * sum(one in own for own in below) >= len(below))


_NAMESPACES = frozenset({"azure", "google"})
"""Packages that unrelated ones share."""


def _holder(process: ProcessEstimate, library: str) -> Step | None:
    """Return the statement that brings most of a library into a process."""
    top = library.partition(".")[0]
    brought = [
        (resident, root.chain[-1])
        for root in process.roots
        if root.chain and root.footprint is not None
        for package, (resident, _) in root.footprint.own.items()
        if package.partition(".")[0] == top
    ]
    return max(brought, key=lambda one: one[0])[1] if brought else None
