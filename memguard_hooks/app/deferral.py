"""The fewest imports to defer so that a service fits.

An import is worth only what no other one still loads: pandas by itself is worth little where seaborn brings it too. So
what is weighed is a package with all that loads it, against the number of import statements that would have to move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from memguard_hooks.app.estimate import Root
from memguard_hooks.catalog.heavy import FRAMEWORKS
from memguard_hooks.finding import MIB, Step
from memguard_hooks.record import Record, TypeAlias

Total: TypeAlias = "Callable[[Sequence[Root]], int]"
"""What the whole service takes with these roots alone, in bytes."""

MayWait: TypeAlias = "Callable[[Root], bool]"
"""Whether deferring an import keeps it out of the service, and does not only load it later."""

MOST_WEIGHED, MOST_GROUPS, MOST_CHOSEN = 25, 30, 25
"""Roots that are weighed, the most expensive first; groups of them; and imports that are told."""

MOST = 8
"""Roots that are weighed together; what more of them load is a part of nearly all, such as ssl."""


class Deferral(Record):
    """An import that may wait, and what the whole service takes less without it, in bytes.

    `sites` are all statements that have to wait, the one that `chain` leads to first; `saving` counts what those
    deferrals save that are told before.
    """

    name: str
    chain: tuple[Step, ...]
    saving: int
    sites: tuple[Step, ...] = ()


def fewest(roots: Sequence[Root], total: Total, goal: float, may_wait: MayWait = lambda _: True) -> tuple[Deferral, ...]:
    """Return the fewest imports to defer so that the total gets below the goal, the most saving first.

    Only those that `may_wait` are deferred: for the others it would bring nothing.

    Where all together do not suffice, all that save a MiB or more are returned.
    """
    kept, now = list(roots), total(roots)
    removed: list[Root] = []
    while now > goal and len(removed) < MOST_CHOSEN:
        options: list[tuple[bool, float, int, tuple[Root, ...], list[Root]]] = []
        for group in _groups(kept, may_wait):
            left = _without(kept, group)
            saving = now - total(left)
            if saving >= MIB:
                count = sum(len(root.sites) for root in group)
                suffices = now - saving <= goal
                # Of what suffices the fewest statements, else what saves most by each.
                options.append((suffices, -count if suffices else saving / count, saving, group, left))
        if not options:
            break
        _, _, saving, group, kept = max(options, key=lambda one: one[:3])
        removed += sorted(group, key=lambda root: -root.resident)
        now -= saving
    if now <= goal:
        for root in sorted(removed, key=lambda root: root.resident):
            others = [one for one in removed if one is not root]
            if total(_without(roots, others)) <= goal:
                removed = others
    chosen: list[Deferral] = []
    before = total(roots)
    for number, root in enumerate(removed, start=1):
        after = total(_without(roots, removed[:number]))
        chosen.append(Deferral(root.label, root.chain, before - after, root.sites))
        before = after
    return tuple(chosen)


def _groups(roots: Sequence[Root], may_wait: MayWait) -> Iterable[tuple[Root, ...]]:
    """Yield each root that may wait, and for each package of weight all roots that load it, if all of them may wait."""
    loading: dict[str, list[Root]] = {}
    costs: dict[str, int] = {}
    free = {root.name for root in [one for one in roots if _is_ours(one)][:MOST_WEIGHED] if may_wait(root)}
    yield from ((root,) for root in roots if root.name in free)
    for root in roots:
        for package, (resident, _) in root.footprint.own.items() if root.footprint else ():
            if resident >= MIB and (root.sites or root.parent is None):
                loading.setdefault(package, []).append(root)
                costs[package] = max(costs.get(package, 0), resident)
    groups: dict[tuple[str, ...], tuple[Root, ...]] = {}
    for package in sorted(loading, key=lambda one: (-costs[one], one)):
        ones = loading[package]
        if 1 < len(ones) <= MOST and all(one.name in free for one in ones):
            groups.setdefault(tuple(one.name for one in ones), tuple(ones))
    yield from list(groups.values())[:MOST_GROUPS]


def _without(roots: Sequence[Root], group: Iterable[Root]) -> list[Root]:
    """Leave roots out, and what only they import where it is installed."""
    gone = {root.name for root in group}
    while True:
        more = {root.name for root in roots if root.parent in gone and not root.sites} - gone
        if not more:
            return [root for root in roots if root.name not in gone]
        gone |= more


def _is_ours(root: Root) -> bool:
    """Return whether the app can start without an import: not without its framework, nor what the server loads itself."""
    name = root.name.partition(".")[0].partition(":")[0]
    return root.moment == "start" and bool(root.chain) and bool(root.sites) and name not in FRAMEWORKS
