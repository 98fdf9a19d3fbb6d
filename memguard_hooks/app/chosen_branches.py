"""Which branch counts where only a run decides, as the store that a variable of the host names: the most expensive one.

One runs, so that the sum of all would be a false alarm, and any but the most expensive may be too little.
"""

from __future__ import annotations

from memguard_hooks.app.walks import walk_entry
from memguard_hooks.finding import Step
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.imports.graph import Walk
    from memguard_hooks.project.project import Project

    Place: TypeAlias = tuple[str, str]
    Choice: TypeAlias = tuple[Place, tuple[str, ...]]

MAX_WALKS, MAX_FILES = 40, 2000
"""Walks that are made for it, and files of each: beyond, all branches count."""


class Branch(Record):
    """The branch that counts: its condition, empty for what is left, where it stands, and how many ways there are."""

    test: str
    place: Step
    ways: int

    @property
    def told(self) -> str:
        """Say which it is."""
        taken = f"`if {self.test}`" if self.test else "`else`"
        return f"of {self.ways} branches at {self.place.path}:{self.place.line} the most expensive counts, {taken}"


def choose(
    project: Project, entry: ServiceEntry, walked: Walk, price: Callable[[ServiceEntry, Walk], int]
) -> tuple[ServiceEntry, tuple[Branch, ...]]:
    """Return an entry whose walk takes the most expensive way of each choice that nobody knows, and these."""
    # Of an inner choice first, so that an outer one is priced with what can be inside it.
    choices = [(place, ways) for place, ways in reversed(walked.open) if sum(map(bool, ways)) > 1]
    loaded = sum(len(files) for files in walked.files.values())
    if not choices or sum(len(ways) for _, ways in choices) > MAX_WALKS or loaded > MAX_FILES:
        return entry, ()
    branches: list[Branch] = []
    together = price(entry, walked)

    def priced(entry: ServiceEntry, chosen: Iterable[tuple[Place, str]]) -> tuple[int, ServiceEntry]:
        other = entry._replace(given=entry.given._replace(chosen=(*entry.given.chosen, *chosen)))
        return price(other, walk_entry(project, other)), other

    def without(some: Sequence[Choice]) -> int:
        return priced(entry, [(place, "") for place, _ in some])[0]

    for place, ways in _that_matter(choices, together, without):
        prices = [(*priced(entry, [(place, way)]), way) for way in ways]
        most, chosen, way = max(prices, key=lambda one: one[0])
        if most < together:
            entry, together = chosen, most
            branches.append(_branch(entry, place, way, len(ways)))
    return entry, tuple(branches)


def _that_matter(choices: Sequence[Choice], together: int, without: Callable[[Sequence[Choice]], int]) -> Sequence[Choice]:
    """Return the choices without whose branches the service takes less; of most of them nothing is loaded.

    What takes as much without all of several choices does so without each of them.
    """
    if not choices or without(choices) >= together:
        return []
    if len(choices) == 1:
        return choices
    half = len(choices) // 2
    return [*_that_matter(choices[:half], together, without), *_that_matter(choices[half:], together, without)]


def _branch(entry: ServiceEntry, place: tuple[str, str], name: str, count: int) -> Branch:
    path, key = place
    choice = next(one for one in entry.sources.functions(path).choices if one.key == key)
    taken = next(way for way in choice.ways if way.name == name)
    lines = entry.sources.places(path).numbers()
    return Branch(taken.test, Step(path, lines[choice.ways[0].place], ""), count)
