"""What `memory-budget` reports of a judged service: over its budget, near it, or grown too much, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memguard_hooks.app.entry_points import is_installed_program, read_command
from memguard_hooks.app.limit import bands_of, sizes_that_fit
from memguard_hooks.app.service_estimate import AssessedService, Estimated
from memguard_hooks.deployment.platforms import CPUS_OF_DEFAULT
from memguard_hooks.finding import (
    MIB,
    Finding,
    Part,
    ServiceReport,
    Severity,
    at_least,
    chain,
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
from memguard_hooks.relations import grouped

HOOK = "memory-budget"


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
        from memguard_hooks.rules.budget.ways_out import ways_out

        ways, steps = ways_out(project, assessed, now)
        message = _amount(assessed, now, report, since)
        if assessed.limit.is_assumed:
            plan = assessed.service.plan
            why = f"it is not known what {plan} has" if plan else "no limit is declared"
            message += f"; {why}: it {sizes_that_fit(now.taken, now.settings)}"
        size, parts, fix = report.taken.expected, report.judged_parts, [*ways, *added]
        found = _finding(assessed, _code(report), report.verdict, message, size, parts, fix)
        yield found._replace(steps=steps)
    yield from _over_later(project, assessed, now, report, since)
    grown = _grown(project, assessed, report)
    if grown is not None:
        size, what, allowed = grown
        message = f"{report.name} grew by {signed(size)} MiB{what}, more than the {mib(allowed)} MiB allowed"
        from memguard_hooks.rules.budget.ways_out import ways_out

        fix = added or ways_out(project, assessed, now)[0]
        yield _finding(assessed, "MG303", "error", message, size, report.added or report.judged_parts, fix)


def _unjudged(project: Project, assessed: AssessedService, report: ServiceReport) -> Finding:
    """MG305: a service that nobody can judge, with what is known of it, and what would make it known."""
    key, worker = f"[services.{report.name}]", assessed.worker
    message = f"{report.name} is not judged: {report.reason}"
    if worker is not None:
        message += f"; {_of_workers(worker, report)}"
        started = read_command(project, assessed.service, CPUS_OF_DEFAULT).workers
        message += f"; {CPUS_OF_DEFAULT} CPUs start {started}" if started is not None else ""
        if worker.command.program == "python":
            fix = [f"say how many processes it is, in the settings: {key} workers = 1"]
        else:
            written = f"at {worker.command.written}" if worker.command.written else "into the start command"
            fix = [f"write the number of workers {written}", f"or into the settings: {key} workers = 1"]
    elif is_installed_program(project, assessed.service):
        limit = f" --limit {mib(report.limit)}MiB" if report.limit is not None else ""
        fix = [f"measure it where it is installed: memguard measure --service {report.name}{limit}"]
    else:
        fix = [f'name what it loads, in the settings: {key} entrypoints = ["app.main:app"]']
    fix.append(f'or say why it is left out: {key} skip = "why"')
    return _finding(assessed, "MG305", "warning", message, 0, report.judged_parts, fix)


def _of_workers(worker: Estimated, report: ServiceReport) -> str:
    """Say what one worker takes and each further one, how many fit, and what the most take that there may be."""
    late = worker.estimate.start.expected != worker.estimate.at(worker.judged).expected
    one = f"with one worker it takes {mib(worker.taken)} MiB{f' {moment_name(worker.judged)}' if late else ''}"
    one += f", and {mib(worker.with_workers(2) - worker.taken)} for each more"
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
    from memguard_hooks.rules.budget.ways_out import ways_out

    message = _amount(assessed, later, report._replace(judged="all"), since)
    left_out = sorted({root.label for root in now.process.roots if root.is_left_out and root.resident >= MIB})
    message += f"; nothing here installs {', '.join(left_out)}" if left_out else ""
    parts = [part for part in now.process.parts if not is_by(part.moment, report.judged)]
    fix = [*ways_out(project, assessed, later)[0], 'or judge by it: `[budget] judge = "all"`']
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
    processes = "; ".join(filter(None, [_processes(assessed, now), now.of_ways, *(one.told for one in now.branches)]))
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
    largest = sorted(parts, key=lambda part: -part.resident)[:MOST_TOLD]
    places = grouped((f"{part.chain[-1].path}:{part.chain[-1].line}", part.package) for part in largest)
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


def _added(report: ServiceReport, since: str | None) -> Iterator[str]:
    """Name the imports that were not there at the last commit, or where a branch began."""
    change = "this commit" if since is None else "this branch"
    for part in report.added:
        if part.resident >= MIB:
            yield f"{change} brings {part.package}: +{mib(part.resident)} MiB ({chain(part.chain)})"
