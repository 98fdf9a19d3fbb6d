"""What a footprint takes beside other versions than those it was measured beside.

A footprint holds all that a module loads, in the versions that were the newest on the day of its measurement. Where the
project pins another version of something in it, and both versions were measured by themselves, their difference counts; of
what loads little by itself, such as langsmith, that of what others have loaded of both.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.record import TypeAlias

Cost: TypeAlias = "tuple[int, int]"

LEAST = 2**20
"""Packages that take less, in bytes, stay as they are."""

WHOLE = 0.8
"""The share of a package from which on all that it loads counts as loaded."""

UNLIKE = 3
"""What loads so many times as much of a package, or as little, says nothing about it."""

STATED, MANY = 0.8, 5
"""The share of what its packages bring, and how much of that at least, from which on a project counts as one that pins all
that it installs: nobody writes so much of what others bring by hand."""


def fit(
    footprint: Footprint, versions: Mapping[str, str], python: str | None, present: Collection[str] | None = None
) -> Footprint:
    """Return a footprint as it is beside the pinned versions, and without what is not among all that is `present`.

    Nothing is taken from it where nobody tells all that is.
    """
    own = dict(footprint.own)
    for distribution, beside in footprint.installed.items():
        wanted = versions.get(distribution)
        if wanted is None or wanted == beside or distribution == footprint.distribution:
            continue
        if lookup.build_of(wanted) == lookup.build_of(beside):
            _move(own, footprint, distribution, wanted, python)
    for package in _absent(footprint, present) if present is not None else ():
        own.pop(package, None)
    if own == footprint.own:
        return footprint
    more = [_total(own, kind) - _total(footprint.own, kind) for kind in (0, 1)]
    return footprint._replace(resident=footprint.resident + more[0], anonymous=footprint.anonymous + more[1], own=own)


def _total(own: Mapping[str, Cost], kind: int) -> int:
    return sum(cost[kind] for cost in own.values())


def _move(own: dict[str, Cost], footprint: Footprint, distribution: str, wanted: str, python: str | None) -> None:
    """Put what one distribution takes in another version into own costs, with what it loads then besides, or no longer."""
    pairs = list(_pairs(own, distribution, footprint.installed[distribution], wanted, python))
    if not pairs:
        _move_as_brought(own, distribution, footprint.installed[distribution], wanted)
        return
    _, package, before, after = min(pairs, key=lambda pair: pair[0])
    there, now, loaded = before.own[package], after.own.get(package, (0, 0)), own[package]
    share = loaded[0] / there[0]
    own[package] = (loaded[0] * now[0] // there[0], loaded[1] * now[1] // max(there[1], 1))
    if share >= WHOLE:
        for name, cost in after.own.items():
            if name not in before.own and name not in own and not _is_standard(name):
                own[name] = cost
        left = {name for name in before.own.keys() - after.own.keys() if name in own and not _is_standard(name)}
        for name in left - _brought_without(package, left, footprint, python):
            del own[name]


def _move_as_brought(own: dict[str, Cost], distribution: str, beside: str, wanted: str) -> None:
    """Put what a package takes in another version into own costs, which only others have loaded as a whole."""
    package, sizes = lookup.brought_by_others(distribution) or ("", {})
    if package in own:
        before, after = (sizes[lookup.nearest_version(tuple(sizes), version)] for version in (beside, wanted))
        if 1 / UNLIKE < own[package][0] / before < UNLIKE:
            own[package] = (own[package][0] * after // before, own[package][1] * after // before)


def _brought_without(package: str, names: set[str], footprint: Footprint, python: str | None) -> set[str]:
    """Return which of some packages one of the installed distributions loads without another package."""
    found: set[str] = set()
    for distribution, version in footprint.installed.items() if names else ():
        for one in lookup.distributions().get(distribution, ()):
            measured = lookup.find(one.name, distribution, version, python)
            if measured is not None and package not in measured.own:
                found |= measured.own.keys() & names - {lookup.package_in(measured.own, one.name)}
    return found


def _pairs(
    own: Mapping[str, Cost], distribution: str, beside: str, wanted: str, python: str | None
) -> Iterator[tuple[int, str, Footprint, Footprint]]:
    """Yield what was measured of a distribution nearest to two versions, with how unlike the first is to own costs."""
    for one in lookup.distributions().get(distribution, ()):
        package = lookup.package_in(own, one.name)
        if own.get(package, (0, 0))[0] < LEAST:
            continue
        before = lookup.find(one.name, distribution, beside, python)
        after = lookup.find(one.name, distribution, wanted, python)
        if before is None or after is None or before.version == after.version or package not in before.own:
            continue
        if 1 / UNLIKE < own[package][0] / before.own[package][0] < UNLIKE:
            yield abs(before.own[package][0] - own[package][0]), package, before, after


def pins_all(names: Collection[str], versions: Mapping[str, str]) -> bool:
    """Return whether a project pins nearly all of what measured distributions bring: it lists what it installs."""
    measured = lookup.distributions()
    brought = {other for name in names for other in lookup.installed_with(name, versions.get(name)) if other in measured}
    brought -= {*names}
    return len(brought) >= MANY and len(brought & versions.keys()) >= STATED * len(brought)


def _absent(footprint: Footprint, present: Collection[str]) -> Iterator[str]:
    """Yield the packages of measured distributions that are not installed."""
    for package in footprint.own:
        providers = {*lookup.providers(package)}
        is_told = providers and providers <= lookup.distributions().keys() and not _is_standard(package)
        if is_told and providers.isdisjoint({*present, footprint.distribution}):
            yield package


def _is_standard(package: str) -> bool:
    top = package.partition(".")[0]
    return package == lookup.REST or top.startswith("_") or top in sys.stdlib_module_names
