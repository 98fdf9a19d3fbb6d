"""Which branch counts of several: the one that is known to run, else the most expensive one.

One runs, as of the stores that a variable of the host names, so that the sum of all would be a false alarm, and any but the
most expensive may be too little. By how much the least expensive one takes less, the range reaches down.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import MappingProxyType

from memguard_hooks.app.walks import chooser_of, walk_entry
from memguard_hooks.finding import MIB, MOMENTS, Step
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.finding import Moment
    from memguard_hooks.imports.callers import Callers
    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.graph import External, Walk
    from memguard_hooks.imports.model import Choice
    from memguard_hooks.project.project import Project

    Place: TypeAlias = tuple[str, str]
    Sizes: TypeAlias = Mapping[Moment, int]
    Taken: TypeAlias = tuple[Place, tuple[str, ...]]

MAX_WALKS, MAX_FILES, MAX_CHOICES = 40, 2000, 60
"""Walks that are made for it, files of each, and choices that are looked at: beyond, all branches count."""

MAX_WALKED = 100
"""Walks of one run, whatever they are made for, from which on no choice is walked for: all branches count."""

MAX_LATE = 150
"""Files of a service from which on only settings at start choose: of 200 files each walk takes half a second when nothing is
kept, and there are some for each service."""

MAX_PRICED = 40_000
"""Imports that are added up to price each of the names that calls may import: beyond, all names count."""

LEAST = 2 * MIB
"""What must depend on choices for a walk to be made for each of them."""

_EARLY = tuple(moment for moment in MOMENTS if moment != "all")


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


class Chosen(Record):
    """An entry and what it loads by the ways that count, which of these only a run decides, and how much less others take.

    `spread` is in bytes, by the moment.
    """

    entry: ServiceEntry
    walked: Walk
    branches: tuple[Branch, ...] = ()
    spread: Mapping[Moment, int] = MappingProxyType({})


class _Open(Record):
    """A choice whose ways are not known but for those that are sure to run."""

    place: Place
    known: tuple[str, ...]
    unknown: tuple[str, ...]

    def with_way(self, way: str) -> Taken:
        """Return the ways that run where `way` is the one of those that are not known."""
        return self.place, tuple(dict.fromkeys((*self.known, way)))


def choose(
    project: Project, entry: ServiceEntry, walked: Walk, judged: Moment, price: Callable[[ServiceEntry, Walk], Sizes]
) -> Chosen:
    """Return an entry with what it loads by the ways that are known to run, and by the most expensive of those that are not.

    `price` is what a service takes by each moment, in bytes, and `judged` the one that decides.
    """
    found = Chosen(entry, walked)
    paths = [path for moment in _EARLY for path in walked.files[moment]]
    names = _imports_of_names(walked)
    number = len(walked.open) + len(names)
    if not number or number > MAX_CHOICES or len(paths) > MAX_FILES:
        return found
    with _asking(entry, paths) as (_, callers):
        # Of an inner choice first, so that an outer one is priced with what can be inside it.
        opened = (_open(entry, callers, walked, *one, is_large=len(paths) > MAX_LATE) for one in reversed(walked.open))
        choices = [one for one in opened if one is not None]
    known = [(one.place, one.known) for one in choices if one.known and not one.unknown]
    if known:
        taking = _taking(entry, known)
        found = found._replace(entry=taking, walked=walk_entry(project, taking))
    unknown = [one for one in choices if sum(map(bool, one.unknown)) > 1]  # the only one counts as it is
    found = _of_branches(project, found, unknown, judged, price)
    with _asking(entry, paths) as (chooser, callers):
        left = MAX_PRICED
        for externals in names:
            left -= len({one.names[0] for one in externals}) * len(found.walked.externals)
            found = _of_names(chooser, callers, found, externals, judged, price if left >= 0 else None)
    return found


@contextmanager
def _asking(entry: ServiceEntry, paths: Sequence[str]) -> Iterator[tuple[Chooser, Callers]]:
    """Ask a service for its choices and their callers, and let go of the syntax trees before others are made."""
    from memguard_hooks.imports.callers import Callers, forget

    chooser = chooser_of(entry)
    yield chooser, Callers(entry.sources, chooser, paths)
    chooser.forget()
    forget()


def _open(
    entry: ServiceEntry, callers: Callers, walked: Walk, place: Place, ways: tuple[str, ...], *, is_large: bool
) -> _Open | None:
    """Return a choice with the ways that its calls are known to take; None where each call may take another one."""
    from memguard_hooks.imports.callers import Ways

    path, choice = place[0], _choice_at(entry, place)
    is_served = any(walked.ran.get((path, way)) == "serving" for way in ways)
    if is_large and (is_served or not choice.is_settled):
        return None
    if choice.is_settled and is_served and not callers.is_setting(path, choice):
        return None
    taken = Ways((), ways) if choice.is_settled else callers.ways(path, choice, is_served=is_served)
    if taken is None:
        return None
    likely = tuple(way for way in taken.unknown if not callers.is_error(path, choice, way))
    return _Open(place, taken.known, likely)


def _choice_at(entry: ServiceEntry, place: Place) -> Choice:
    path, key = place
    return next(one for one in entry.sources.functions(path).choices if one.key == key)


def _taking(entry: ServiceEntry, taken: Iterable[Taken]) -> ServiceEntry:
    return entry._replace(given=entry.given._replace(chosen=(*entry.given.chosen, *taken)))


def _of_branches(
    project: Project, found: Chosen, choices: Sequence[_Open], judged: Moment, price: Callable[[ServiceEntry, Walk], Sizes]
) -> Chosen:
    """Take the most expensive way of each choice."""
    walks = 0

    def priced(entry: ServiceEntry, taken: Iterable[Taken]) -> tuple[Sizes, ServiceEntry, Walk]:
        nonlocal walks
        walks += 1
        other = _taking(entry, taken)
        walked = walk_entry(project, other)
        return price(other, walked), other, walked

    def is_spent(more: int) -> bool:
        return walks + more > MAX_WALKS or len(project.walks) > MAX_WALKED

    def without(some: Sequence[_Open]) -> int:
        if is_spent(1):
            return together  # nothing is decided below either
        return priced(found.entry, [(one.place, one.known or ("",)) for one in some])[0][judged]

    together = price(found.entry, found.walked)[judged] if choices else 0
    for one in _that_matter(choices, together, without):
        if is_spent(len(one.unknown)):
            break
        prices = [(*priced(found.entry, [one.with_way(way)]), way) for way in one.unknown]
        sizes, entry, walked, way = max(prices, key=lambda priced: priced[0][judged])
        if sizes[judged] < together:
            together = sizes[judged]
            branch = _branch(entry, one.place, way, len(one.unknown))
            found = _spread(found._replace(entry=entry, walked=walked), branch, sizes, [priced[0] for priced in prices])
    return found


def _spread(found: Chosen, branch: Branch, most: Sizes, sizes: Sequence[Sizes]) -> Chosen:
    """Note the branch that counts, and by how much the others take less."""
    spread = {moment: found.spread.get(moment, 0) + max(most[moment] - one[moment] for one in sizes) for moment in MOMENTS}
    return found._replace(branches=(*found.branches, branch), spread=spread)


def _that_matter(choices: Sequence[_Open], together: int, without: Callable[[Sequence[_Open]], int]) -> Sequence[_Open]:
    """Return the choices without whose branches the service takes less; of most of them nothing is loaded.

    What takes as much without all of several choices does so without each of them.
    """
    if not choices or without(choices) > together - LEAST:
        return []
    if len(choices) == 1:
        return choices
    half = len(choices) // 2
    return [*_that_matter(choices[:half], together, without), *_that_matter(choices[half:], together, without)]


def _branch(entry: ServiceEntry, place: Place, name: str, count: int) -> Branch:
    choice = _choice_at(entry, place)
    taken = next(way for way in choice.ways if way.name == name)
    lines = entry.sources.places(place[0]).numbers()
    return Branch(taken.test, Step(place[0], lines[choice.ways[0].place], ""), count)


def _imports_of_names(walked: Walk) -> list[list[External]]:
    """Return the imports at each place that imports one of several names, such as `import_module(NAMES[key])`."""
    named = (one for one in walked.externals if one.way is not None and one.site is not None and one.moment in _EARLY)
    places = grouped(((one.chain[-1].path, one.site.line, one.site.column), one) for one in named if one.site is not None)
    return [ones for ones in places.values() if len({one.names for one in ones}) > 1]


def _of_names(
    chooser: Chooser,
    callers: Callers,
    found: Chosen,
    externals: Sequence[External],
    judged: Moment,
    price: Callable[[ServiceEntry, Walk], Sizes] | None,
) -> Chosen:
    """Leave out what a call does not import of the names that it may be given: the one that is known, or the most expensive.

    Where each call may be given another one all of them count, and where they cannot be priced.
    """
    import ast

    from memguard_hooks.formats.python_nodes import last_name
    from memguard_hooks.imports.known_calls import IMPORTING

    path, site = externals[0].chain[-1].path, externals[0].site
    place = (site.line, site.column) if site is not None else (0, 0)
    call = callers.call_at(path, *place)
    if call is None or not call.args or last_name(call.func) not in IMPORTING:
        return found

    def only(name: str) -> Walk:
        def is_other(one: External) -> bool:
            is_here = one.way is not None and one.chain[-1].path == path and one.names[0] != name
            return is_here and one.site is not None and (one.site.line, one.site.column) == place

        return found.walked._replace(externals=tuple(one for one in found.walked.externals if not is_other(one)))

    names = list(dict.fromkeys(one.names[0] for one in externals))
    text = chooser.text_of(path, call.args[0])
    if text in names:
        return found._replace(walked=only(text))
    if price is None or not callers.is_alike(path, call, is_served=externals[0].moment == "serving"):
        return found
    prices = [(price(found.entry, only(name)), name) for name in names]
    sizes, name = max(prices, key=lambda priced: priced[0][judged])
    if sizes[judged] >= price(found.entry, found.walked)[judged]:
        return found
    test = ast.unparse(ast.Compare(call.args[0], [ast.Eq()], [ast.Constant(name)]))
    branch = Branch(test, Step(path, place[0], ""), len(names))
    return _spread(found._replace(walked=only(name)), branch, sizes, [one for one, _ in prices])
