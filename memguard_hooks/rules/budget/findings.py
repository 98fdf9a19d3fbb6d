"""What `memory-budget` reports of a judged service: over its budget, near it, or grown too much, and what to do."""

from __future__ import annotations

from collections import Counter

from memguard_hooks.app.entry_points import is_installed_program
from memguard_hooks.app.estimate import loaded_after_fork, saved_by_preload
from memguard_hooks.app.limit import bands_of, limit_to_write, plan_that_fits, sizes_that_fit
from memguard_hooks.app.service_estimate import AssessedService, Estimated
from memguard_hooks.finding import (
    MIB,
    Change,
    Finding,
    Part,
    ServiceReport,
    Severity,
    at_least,
    chain,
    count,
    growth,
    is_by,
    mib,
    moment_name,
    not_measured,
    peak,
    signed,
    summary,
    told_moments,
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


HOOK = "memory-budget"

MUCH = 10 * MIB
"""What an import before the fork must save in all preloaded workers to be worth a line."""

MAX_SITES = 500
"""Imports of one file that are weighed: no hand writes more, and the file would be followed again without some."""

HEAVY = 40 * MIB
"""What an import must take to be worth a process of its own."""


def find(project: Project, assessed: AssessedService, report: ServiceReport) -> Iterator[Finding]:
    """Yield what is wrong with a service, or why it is not judged."""
    now = assessed.now
    if now is None:
        yield _unjudged(project, assessed, report)
    if now is None or report.estimate is None or report.taken is None:
        return
    since = project.since and project.since.label
    added = list(_added(report, since))
    if report.verdict in ("warning", "error"):
        ways, steps = _ways_out(project, assessed, now)
        message = _amount(assessed, now, report, since)
        if assessed.limit.is_assumed:
            message += f"; no limit is declared: it {sizes_that_fit(now.taken, now.settings)}"
        size, parts, fix = report.taken.expected, report.judged_parts, [*ways, *added]
        found = _finding(assessed, _code(report), report.verdict, message, size, parts, fix)
        yield found._replace(steps=steps)
    yield from _over_later(project, assessed, now, report, since)
    grown = _grown(project, assessed, report)
    if grown is not None:
        size, what, allowed = grown
        message = f"{report.name} grew by {signed(size)} MiB{what}, more than the {mib(allowed)} MiB allowed"
        fix = added or _ways_out(project, assessed, now)[0]
        yield _finding(assessed, "MG303", "error", message, size, report.added or report.judged_parts, fix)


def _unjudged(project: Project, assessed: AssessedService, report: ServiceReport) -> Finding:
    """MG305: a service that nobody can judge, with what is known of it, and what would make it known."""
    key, worker = f"[services.{report.name}]", assessed.worker
    message = f"{report.name} is not judged: {report.reason}"
    if worker is not None:
        message += f"; {_of_workers(worker, report)}"
        written = worker.command.written
        fix = [f"write the number of workers {f'at {written}' if written else 'into the start command'}"]
    elif is_installed_program(project, assessed.service):
        limit = f" --limit {mib(report.limit)}MiB" if report.limit is not None else ""
        fix = [f"measure it where it is installed: memguard measure --service {report.name}{limit}"]
    else:
        fix = [f'name what it loads, in the settings: {key} entrypoints = ["app.main:app"]']
    fix.append(f'or say why it is left out: {key} skip = "why"')
    return _finding(assessed, "MG305", "warning", message, 0, report.judged_parts, fix)


def _of_workers(worker: Estimated, report: ServiceReport) -> str:
    """Say what one worker takes, how many fit, and what the most take that there may be."""
    late = worker.estimate.start.expected != worker.estimate.at(worker.judged).expected
    one = f"with one worker it takes {mib(worker.taken)} MiB{f' {moment_name(worker.judged)}' if late else ''}"
    if report.limit is None:
        return one
    goal, most = (worker.settings.warn or WARN) * report.limit, worker.command.most
    if most is not None and most > 1:
        one += f", with {most} {mib(worker.with_workers(most))}"
    number = worker.workers_that_fit(goal, MAX_WORKERS)
    fit = f"{number} fit{'s' if number == 1 else ''}" if number is not None else "not even that fits"
    return f"{one}; {fit} into {mib(report.limit)} MiB ({report.limit_label})"


MAX_WORKERS = 65
"""Workers that are tried, and one more."""


def _code(report: ServiceReport) -> str:
    """Return the code of a service that is over its budget, or near it."""
    return "MG301" if report.is_over else "MG302"


def _over_later(
    project: Project, assessed: AssessedService, now: Estimated, report: ServiceReport, since: str | None
) -> Iterator[Finding]:
    """MG304: what is judged fits, or is near, and everything that is deferred would not."""
    limit = assessed.limit.size
    if limit is None or report.judged == "all" or report.is_over:
        return
    later = now._replace(settings=now.settings._replace(judge="all"))
    if later.taken <= bands_of(limit, assessed.settings)[1]:
        return
    message = _amount(assessed, later, report._replace(judged="all"), since)
    left_out = sorted({root.label for root in now.process.roots if root.is_left_out and root.resident >= MIB})
    message += f"; nothing here installs {', '.join(left_out)}" if left_out else ""
    parts = [part for part in now.process.parts if not is_by(part.moment, report.judged)]
    fix = [*_ways_out(project, assessed, later)[0], 'or judge by it: `[budget] judge = "all"`']
    yield _finding(assessed, "MG304", "warning", message, now.estimate.all.expected, parts, fix)


def _finding(
    assessed: AssessedService,
    code: str,
    severity: Severity,
    message: str,
    cost: int,
    parts: Sequence[Part],
    fix: Sequence[str],
) -> Finding:
    """Return a finding at the start command of a service, with the way to what takes most of some parts."""
    service = assessed.service
    largest = max((part for part in parts if part.chain), key=lambda part: part.resident, default=None)
    place = (service.path, service.line, service.column)
    way = largest.chain if largest is not None else ()
    return Finding(*place, code, message, HOOK, service.name, severity, cost, way, tuple(fix))


def _grown(project: Project, assessed: AssessedService, report: ServiceReport) -> tuple[int, str, int] | None:
    """Return by how much a service has grown, since when, and what is allowed, in bytes, where it is more than that.

    A service whose excess is known, by the baseline, may not grow without end, though no setting names an allowance.
    """
    estimate, taken, allowed = report.estimate, report.taken, assessed.settings.growth
    if estimate is None or taken is None:
        return None
    if allowed is not None and taken.commit is not None and taken.commit > allowed:
        return taken.commit, "" if project.since is None else f" since {project.since.label}", allowed
    known = project.baseline
    if known is None or (report.path, report.name) not in known.services:
        return None
    is_told = report.verdict in ("warning", "error")
    if allowed is None and is_told and known.knows(_code(report), report.path, report.name):
        from memguard_hooks.project.baseline import GROWTH

        allowed = GROWTH
    before = known.services[report.path, report.name]
    size = estimate.at(before.moment).expected - before.size
    return (size, f" since {known.path} was written", allowed) if allowed is not None and size > allowed else None


def _amount(assessed: AssessedService, now: Estimated, report: ServiceReport, since: str | None) -> str:
    """Say what a service takes by the judged moment, and before, and what has come since the start.

    `web: 713 of 512 MiB serving, 43 at start (render free), this commit +57: after the start litellm, torch in voice.py:31`.
    Where the moments do not differ, the service's line says it.
    """
    ways = f"{now.of_ways}: the most expensive way counts" if now.of_ways else ""
    processes = "; ".join(filter(None, [_processes(assessed, now), ways, *(one.told for one in now.branches)]))
    moments = told_moments(report)
    if not moments or report.taken is None or report.estimate is None:
        return summary(report, since) + (f": {processes}" if processes else "")
    others = {mib(report.estimate.at(one).expected): moment_name(one) for one in reversed(moments) if one != report.judged}
    apart = ", ".join(f"{size} {name}" for size, name in reversed(others.items()))
    limit = "" if report.limit is None else f" of {mib(report.limit)}"
    amount = f"{at_least(report)}{mib(report.taken.expected)}{limit} MiB {moment_name(report.judged)}, {apart}"
    amount += f"{not_measured(report)}{peak(report)} ({report.limit_label}){growth(report, since)}"
    late = _late(report)
    why = "; ".join(filter(None, [late and f"after the start {late}", processes]))
    return f"{report.name}: {amount}{why and f': {why}'}"


def _late(report: ServiceReport) -> str:
    """Name what takes most of what is loaded after the start, and where: `litellm, torch in voice.py:31`."""
    parts = [one for one in report.judged_parts if one.moment != "start" and one.chain and one.resident >= MIB]
    places: dict[str, list[str]] = {}
    for part in sorted(parts, key=lambda part: -part.resident)[:MOST_TOLD]:
        places.setdefault(f"{part.chain[-1].path}:{part.chain[-1].line}", []).append(part.package)
    return ", ".join(f"{', '.join(dict.fromkeys(names))} in {place}" for place, names in places.items())


MOST_TOLD = 3
"""Packages that a finding names besides its table."""


def _processes(assessed: AssessedService, now: Estimated) -> str:
    """Say how the processes make the sum: `2 processes of 290 MiB that share pages`, and how many copies there are."""
    least, replicas = now.command.fewest, assessed.service.replicas
    lines: list[str] = []
    if assessed.settings.pessimistic:
        lines.append(f"up to {mib(now.estimate.at(now.judged).high)} MiB")
    if now.workers > 1:
        number = f"{least} to {now.workers}" if least is not None and least < now.workers else str(now.workers)
        lines.append(f"{number} processes of {mib(now.process.at(now.judged).expected)} MiB that share pages")
    if replicas is not None and replicas > 1:
        lines.append(f"in each of {replicas} replicas")
    return ", ".join(lines)


# What to do


def _ways_out(project: Project, assessed: AssessedService, now: Estimated) -> tuple[list[str], tuple[Change, ...]]:
    """Name what brings a service below its warning, each way with what the estimate says of the service after it.

    With it comes the first way that suffices: imports are deferred together, of the rest each is a way of its own. There is
    none where only another host helps.
    """
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
        what = f"{how}: -{mib(saved)} MiB, unless what the app imports starts threads or opens connections"
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
    the module level holds, as MG201 says, is no fix of one line.
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

    def is_held(step: Step) -> bool:
        site = written.get(step)
        return site is not None and held(project, step.path, Wanted(site.line, site.module, site.names)) is not None

    def may_wait(root: Root) -> bool:
        if root.name not in answers:
            is_worth = root.resident >= MIB and stays_away(project, now, root.sites)
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


def _added(report: ServiceReport, since: str | None) -> Iterator[str]:
    """Name the imports that were not there at the last commit, or where a branch began."""
    change = "this commit" if since is None else "this branch"
    for part in report.added:
        if part.resident >= MIB:
            yield f"{change} brings {part.package}: +{mib(part.resident)} MiB ({chain(part.chain)})"
