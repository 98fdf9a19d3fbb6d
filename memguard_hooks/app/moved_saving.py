"""What a process takes less once some statements import nothing: little, where something else loads the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.app.estimate import ProcessEstimate
from memguard_hooks.app.service_estimate import Estimated, estimate_entry, estimate_without
from memguard_hooks.finding import MIB, Moment, Step
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record

LEAST = 5 * MIB
"""What a move must save: less is not worth an import in the middle of the code."""


class MovedSaving(Record):
    """What the process that gains most takes less, in bytes, at start and by the moment that is judged.

    `holder` is what loads the library all the same, None where nothing does. `doubt` says what may load it all the same, so
    that all of it may be saved or next to nothing, and is empty where nothing does.
    """

    start: int
    judged: int
    holder: Step | None
    doubt: str = ""

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
        saving = _saving(before, after, library, now.judged)
        doubt = find_doubt(project, now, after, library)
        if doubt is not None:
            sure, most = (
                _saving(before.with_required(share), after.with_required(share), library, now.judged) for share in (1, 0)
            )
            is_doubted = (doubt.is_any or sure.is_little) and not most.is_little
            saving = most._replace(doubt=doubt.what) if is_doubted else saving
        found = max(found, saving, key=lambda one: (not (one.doubt or one.is_little), max(0, one.judged), one.start))
        if found.holder is None:
            found = found._replace(holder=saving.holder)
    return found


def _saving(before: ProcessEstimate, after: ProcessEstimate, library: str, judged: Moment) -> MovedSaving:
    start, by_then = (before.at(one).expected - after.at(one).expected for one in ("start", judged))
    return MovedSaving(start, by_then, _holder(after, library))


class Doubt(Record):
    """What may load a library all the same, with its verb: `is_any` where nobody knows how much of it that loads."""

    what: str
    is_any: bool


def find_doubt(project: Project, now: Estimated, process: ProcessEstimate, library: str) -> Doubt | None:
    """Return what may load a library in a process all the same, None where nothing does.

    That are packages that nobody measured and that require it, modules that nobody measured and that are named after it
    (`pydantic_ai.models.google`), and files that only an import by a computed name loads.
    """
    from memguard_hooks.catalog import lookup

    top = library.partition(".")[0]
    for module in dict.fromkeys(one.names[0] for one in now.walked.externals if one.moment == "start"):
        root = lookup.root_of(module) if module.count(".") > 1 else None
        package, *parts = module.split(".")
        if root not in (None, module) and package != top and not {*parts}.isdisjoint(library.split(".")):
            return Doubt(f"{module}, which nobody measured, may load", is_any=True)
    places = {one.rpartition("/")[0].partition("/")[0]: (one, at) for one, at in now.walked.computed}
    for folder, (path, line) in places.items():
        if (found := _beside(project, now, folder, top)) is not None:
            return Doubt(f"{path}:{line}, which imports by a computed name, may load {found}, which loads", is_any=True)
    unknown = dict.fromkeys(root.label for root in process.roots for one in root.may_load if one.own.keys() & {library, top})
    return Doubt(f"{', '.join(unknown)}, which nobody measured, may load", is_any=False) if unknown else None


def _beside(project: Project, now: Estimated, folder: str, top: str) -> str | None:
    """Return a file below a folder that loads a library as it is loaded, and that the start leaves out."""
    from memguard_hooks.app.heavy_imports import imported_at_load

    near = (one for one in project.whole.suspects if not folder or one.startswith(f"{folder}/"))

    def is_of_library(names: Iterable[str]) -> bool:
        return any(name.partition(".")[0] == top for name in names)

    others = (one for one in near if one not in now.walked.files["start"])
    return next((one for one in others if is_of_library(imported_at_load(project.whole, [one], is_of_library))), None)


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
