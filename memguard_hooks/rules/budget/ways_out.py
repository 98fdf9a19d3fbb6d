"""What helps a service that takes too much: imports that wait, workers that share, a process apart, a larger plan."""

from __future__ import annotations

from collections import Counter

from memguard_hooks.app.estimate import loaded_after_fork, saved_by_preload
from memguard_hooks.app.limit import limit_to_write, plan_that_fits
from memguard_hooks.app.service_estimate import AssessedService, Estimated
from memguard_hooks.finding import (
    MIB,
    Change,
    chain,
    count,
    is_by,
    mib,
)
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import WARN
from memguard_hooks.tree import parse_once

TYPE_CHECKING = False  # as typing has it

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from memguard_hooks.app.deferral import Deferral
    from memguard_hooks.app.estimate import Root
    from memguard_hooks.finding import Step


MUCH = 10 * MIB
"""What an import before the fork must save in all preloaded workers to be worth a line."""


MAX_SITES = 500
"""Imports of one file that are weighed: no hand writes more, and the file would be followed again without some."""


HEAVY = 40 * MIB
"""What an import must take to be worth a process of its own."""


def ways_out(project: Project, assessed: AssessedService, now: Estimated) -> tuple[list[str], tuple[Change, ...]]:
    """Name what brings a service below its warning, each way with what the estimate says of the service after it.

    With it comes the first way that suffices: imports are deferred together, of the rest each is a way of its own. There is
    none where only another host helps. It is the same for what is told now and for what is told once it is committed.
    """
    service = assessed.service
    key = (
        "ways out",
        service.name,
        service.path,
        service.line,
        now.entry.path,
        now.judged,
        now.estimate,
        now.command.workers,
    )
    return parse_once(project.tree, key, lambda: _find_ways_out(project, assessed, now))


def _find_ways_out(project: Project, assessed: AssessedService, now: Estimated) -> tuple[list[str], tuple[Change, ...]]:
    warn, limit = assessed.settings.warn or WARN, assessed.limit.size
    goal = None if limit is None else warn * limit
    deferred: list[Deferral] = []
    if goal is not None and now.taken > goal:
        needed = {name.partition(".")[0] for one in now.process.models.by(now.judged) for name in one.imports}
        deferred = [one for one in _deferrals(project, now, goal) if one.name.partition(".")[0] not in needed]
    lines = [_defer(one) for one in deferred]
    ways = list(_other_ways(assessed, now, goal))
    steps: tuple[Change, ...] = ()
    if goal is not None and now.taken > goal:
        if deferred and now.taken - sum(one.saving for one in deferred) <= goal:
            changes = zip(lines, deferred, strict=True)
            steps = tuple(Change(line, tuple(_sites(one)), is_fixable=True) for line, one in changes)
        else:
            place = f"{assessed.service.path}:{assessed.service.line}"
            steps = tuple(Change(way, (place,)) for way, suffices in ways if suffices)[:1]
    told = [way for way, _ in ways]
    if goal is not None and now.taken > goal and not steps:
        told.append(f"take a larger host ({int(now.taken / warn / MIB) + 1} MiB)")
    return [*lines, *(f"or {way}" if lines or number else way for number, way in enumerate(told))], steps


def _other_ways(assessed: AssessedService, now: Estimated, goal: float | None) -> Iterator[tuple[str, bool]]:
    """Yield the ways beside deferred imports, each with whether it suffices and is taken in the files of the project."""
    warn = assessed.settings.warn or WARN
    saved = saved_by_preload(now.process, now.command, now.judged)
    if saved >= MIB:
        how = "set `preload_app`" if now.command.written else "start with --preload"
        preloaded = now.taken_as(now.process, now.command._replace(start="preload"))
        unless = "unless what the app imports starts threads or opens connections"
        what = f"{how}: -{mib(saved)} MiB, {unless}; `gc.freeze()` in pre_fork keeps it shared"
        yield what, goal is not None and preloaded <= goal
    shared = _shared_by_early_import(now)
    if shared >= MUCH:
        late = loaded_after_fork(now.process, now.command, now.judged)
        what = f"once for all {now.workers} workers, not +{mib(late)} MiB in them: -{mib(shared)} MiB"
        yield f"import what handlers load before the fork, {what}", goal is not None and now.taken - shared <= goal
    workers = now.workers_that_fit(goal) if goal is not None else None
    if workers is not None:
        yield f"start {count(workers, 'worker')}", True
    apart = _process_apart(now, goal)
    if apart is not None:
        yield apart, False
    plan = plan_that_fits(assessed.service, assessed.settings, now.taken / warn)
    if plan is not None:
        yield f"take {plan}", True
    if goal is not None and assessed.limit.is_assumed:
        written = limit_to_write(assessed.service, now.taken, now.settings)
        if written is not None:
            yield f"add `{written}`, which holds it", True
        yield f"say in the settings what the host has: {mib(round(goal / warn))} MiB are only assumed", False


def _deferrals(project: Project, now: Estimated, goal: float) -> Sequence[Deferral]:
    """Return what to defer: the same for what is told now and for what is told once it is committed."""
    service = now.entry.service
    key = ("deferrals", service.name, service.path, service.line, now.entry.path, now.judged, goal)
    return parse_once(project.tree, key, lambda: _find_deferrals(project, now, goal))


def _find_deferrals(project: Project, now: Estimated, goal: float) -> Sequence[Deferral]:
    """Return the fewest imports to defer, of those that are not loaded by the judged moment once they are deferred.

    That is computed by moving them into the functions that use them: where a handler is among these, nothing is saved. What
    the module level holds, as MG201 says, is no fix of one line, and what a package may load that nobody measured saves
    nothing for sure.
    """
    from memguard_hooks.app.deferral import fewest
    from memguard_hooks.app.movable_imports import held
    from memguard_hooks.app.service_estimate import estimate_deferred, stays_away
    from memguard_hooks.imports.movable import Wanted

    written = {one.way.last: one.site for one in now.walked.externals if one.way and one.site is not None}
    if max(Counter(step.path for step in written).values(), default=0) > MAX_SITES:
        return ()
    same = _of_same_start(now)
    answers: dict[str, bool] = parse_once(project.tree, ("may wait", same), dict)
    doubted = {package for root in now.process.roots for one in root.may_load for package in one.own}

    def is_held(step: Step) -> bool:
        site = written.get(step)
        return site is not None and held(project, step.path, Wanted(site.line, site.module, site.names)) is not None

    def may_wait(root: Root) -> bool:
        if root.name not in answers:
            is_sure = root.resident >= MIB and root.package not in doubted
            is_worth = is_sure and stays_away(project, now, root.sites)
            answers[root.name] = is_worth and not any(map(is_held, root.sites))  # which takes longer to tell
        return answers[root.name]

    chosen = fewest(now.process.roots, now.taken_with, goal, may_wait)
    sites = [site for one in chosen for site in one.sites]
    key = ("deferred", same, frozenset(sites))
    together = parse_once(project.tree, key, lambda: estimate_deferred(project, now, sites)) if chosen else None
    promised = now.taken - sum(one.saving for one in chosen)
    return chosen if together is not None and together.taken <= promised + MIB else ()


def _of_same_start(now: Estimated) -> Hashable:
    """Return what is equal of services that start alike, whatever their hosts give them."""
    entry, service = now.entry, now.entry.service
    variables = (tuple(sorted(service.environment.items())), tuple(sorted(service.variables)))
    found = (service.command, service.folder, service.cpus, *variables, entry.path, entry.module, entry.resolver.roots)
    return (*found, now.command.workers, now.taken, now.judged, now.settings.runtime)


def _shared_by_early_import(now: Estimated) -> int:
    """Return what preloaded workers save where all that handlers load is imported before the fork."""
    if now.command.start != "preload" or now.workers < 2 or now.judged == "start":
        return 0
    early = [root._replace(moment="start") if is_by(root.moment, now.judged) else root for root in now.process.roots]
    return max(0, now.taken - now.taken_with(early))


def _process_apart(now: Estimated, goal: float | None) -> str | None:
    """Say what the service takes without the heaviest that its handlers load, where a process of its own has that."""
    late = [root for root in now.process.roots if root.moment == "serving" and root.sites and root.resident >= HEAVY]
    if goal is None or now.judged == "start":
        return None
    for number, _ in enumerate(late, start=1):
        gone = late[:number]
        left = now.taken_with([root for root in now.process.roots if root not in gone])
        if left <= goal:
            names = ", ".join(dict.fromkeys(root.label for root in gone))
            return f"give {names} to a process of its own, on a host of its own: {mib(left)} MiB are left here"
    return None


def _defer(deferral: Deferral) -> str:
    """Name an import to defer with the way to it, and its other places, without which nothing is saved."""
    last = deferral.chain[-1]
    others = [place for place in _sites(deferral) if place != f"{last.path}:{last.line}"]
    also = f"; also {', '.join(others)}" if others else ""
    return f"import {deferral.name} inside the function: -{mib(deferral.saving)} MiB ({chain(deferral.chain)}{also})"


def _sites(deferral: Deferral) -> Iterable[str]:
    """Return the places of the statements that have to wait."""
    return dict.fromkeys(f"{step.path}:{step.line}" for step in deferral.sites)
