"""What services took at the last commit, as an earlier run has estimated them before that was made.

A commit mostly holds what was judged just before it, so a large project need not be walked at both of its sides. A run keeps
what it came to, with all that it has seen of the work tree; where a later `HEAD` has all of that just so, it took that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from memguard_hooks.finding import MOMENTS, Estimate, Figures, Part
from memguard_hooks.project.project import Project
from memguard_hooks.record import Any, Record
from memguard_hooks.relations import grouped
from memguard_hooks.shape import checked, maybe, record
from memguard_hooks.tree import Held, RevisionTree, WorkTree

SMALL = 200
"""Paths that a run has seen: of fewer the commit is estimated as fast as all of them are compared."""

MAX_KEPT = 3
"""Runs that are kept: the last one, what the last commit took, and the one of another branch."""


class Past(Record):
    """What a service took at a commit, and the bytes of each package in one process by the moment that is judged.

    `is_whole` tells that all of its files could be analyzed, and `processes` how many it had, None where nobody can tell.
    """

    estimate: Estimate
    is_whole: bool
    sizes: dict[str, int]
    processes: int | None = None


def sizes_of(parts: Iterable[Part]) -> dict[str, int]:
    """Return the bytes of each package, through however many of its modules it comes."""
    sizes: dict[str, int] = {}
    for part in parts:
        sizes[part.package] = sizes.get(part.package, 0) + part.resident
    return sizes


def keep_past(project: Project, found: Iterable[tuple[str, Past | None]]) -> None:
    """Keep what the services of the work tree take, by their names; None where nobody can tell."""
    tree = project.tree
    if isinstance(tree, WorkTree) and tree.is_steady and len(tree.seen) >= SMALL:
        _keep(project, found, [[path, *held] for path, held in tree.held()])


def keep_commit(project: Project, commit: RevisionTree, found: Iterable[tuple[str, Past | None]]) -> None:
    """Keep what the services of a commit took, which no run judged before it was made: many changes come after it."""
    if commit.is_steady and len(commit.seen) >= SMALL:
        _keep(project, found, {place: name.hex() for place, name in commit.seen.items()})


def _keep(project: Project, found: Iterable[tuple[str, Past | None]], seen: object) -> None:
    if not project.has_given_up:
        services = [(name, past and (past.estimate, past.is_whole, past.sizes, past.processes)) for name, past in found]
        _put_first(project, [services, seen], _rows(project))


def _rows(project: Project) -> list[Any]:
    return project.facts.store.known(list, *_key(project)) or []


def _put_first(project: Project, row: object, others: list[Any]) -> None:
    project.facts.store.put([row, *others[: MAX_KEPT - 1]], *_key(project))


def recall_past(project: Project, commit: RevisionTree) -> dict[str, list[Past | None]] | None:
    """Return what the services of a commit took, by their names; None where no run has judged just that.

    What is told of the commit is kept longest: run after run changes the work tree, and compares with the same commit.
    """
    rows = _rows(project)
    for number, row in enumerate(rows):
        try:
            services, seen = row
            if _is_just(commit, seen):
                found = _services(services)
                if number:
                    _put_first(project, row, [*rows[:number], *rows[number + 1 :]])
                return found
        except (TypeError, ValueError, KeyError):  # somebody else may have written it
            continue
    return None


def _is_just(commit: RevisionTree, seen: Any) -> bool:
    """Return whether a commit has all that a run has seen, of a work tree or of another commit."""
    if isinstance(seen, dict):
        return commit.still({place: bytes.fromhex(name) for place, name in seen.items()})
    held = [(path, Held(kind, content, names)) for path, kind, content, names in seen]
    return all(commit.has_just(path, one) for path, one in held)


def _key(project: Project) -> tuple[bytes, ...]:
    """Return what decides an estimate besides files: where the project lies, and what was asked for."""
    return b"past", os.fsencode(project.tree.root), repr(project.settings).encode("utf-8", "surrogatepass")


def _services(rows: Any) -> dict[str, list[Past | None]]:
    return grouped((str(name), None if past is None else _past(*past)) for name, past in rows)


def _past(moments: Any, is_whole: Any, sizes: Any, processes: Any = None) -> Past:
    figures = record(Figures, int, int, int, int, maybe(int), int)
    estimate = record(Estimate, *[figures] * len(MOMENTS))(moments)
    sizes = {str(package): int(size) for package, size in sizes.items()}
    return Past(estimate, checked(bool, is_whole), sizes, maybe(int)(processes))
