"""What each service loads at start fits into the memory of its host.

The entry point of each start command is followed through the files that it imports eagerly. What they
import from outside is priced by the measured catalog (the union, since packages share what they import),
multiplied by the processes of the command, and judged against the limit of the host: a warning above
78 %, an error above 88 %. One line tells what a service takes, and what this commit adds.

bad:  web: uvicorn main:app --workers 4      (main.py imports pandas and litellm at its top)
bad:  web: gunicorn app:app -w 3             (300 MiB each, without --preload, on 512 MiB)
good: web: uvicorn main:app --workers 1
good: web: gunicorn app:app -w 3 --preload

What is judged is the expected value; `--pessimistic` judges by the upper end of the estimate's range. Copies of a
service have a limit each and are named, not added up. Where gunicorn's workers load the app themselves, the fix says
what `--preload` would save; where they are preloaded, what each loads again because its import waits for a call.

Options: `--platform NAME`, `--limit SIZE`, `--pessimistic`, `--entrypoint APP`, `--target-python X.Y`; settings: the
same, and `[budget]` with `warn`, `fail`, `growth`, `runtime` and `pessimistic`, also by `[services.NAME]`.
"""

from __future__ import annotations

from memguard_hooks.memo import Memo

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    from collections.abc import Sequence

    from memguard_hooks.app.deferral import Deferral
    from memguard_hooks.finding import Finding, Report, Severity
    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.budget.verdict import JudgedService

HOOK = "memory-budget"

MUCH = 10 * 2**20
"""What deferred imports must take in all preloaded workers to be worth a line."""

RULES = {
    "MG301": "over the budget",
    "MG302": "near the budget",
    "MG303": "grew more than allowed",
}


def check(project: Project) -> Report:
    """Estimate each service in the work tree and at the last commit, or where a branch began, and judge it."""
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.budget.verdict import assess
    from memguard_hooks.tree import RevisionTree, WorkTree

    assert isinstance(project.tree, WorkTree)
    revision = "HEAD" if project.since is None else project.since.revision
    head = RevisionTree(project.tree.root, revision, beside=project.tree)
    try:
        judged = assess(project, project.at(head) if head.exists() else None)
    finally:
        head.close()
    findings = [finding for one in judged for finding in _judge(one, project)]
    return Report(tuple(findings), tuple(one.report for one in judged))


def _judge(judged: JudgedService, project: Project) -> list[Finding]:
    from memguard_hooks.finding import mib
    from memguard_hooks.report.text import signed, summary

    report = judged.report
    if report.estimate is None:
        return []
    since = project.since and project.since.label
    findings: list[Finding] = []
    if report.verdict in ("warning", "error"):
        is_over = report.verdict == "error"
        message = f"{summary(report, since)}{_processes(judged)}"
        code = "MG301" if is_over else "MG302"
        severity: Severity = "error" if is_over else "warning"
        findings.append(_finding(judged, code, severity, message, report.estimate.expected, _fix(judged, since)))
    grown = _grown(judged, project)
    if grown is not None:
        size, what, allowed = grown
        message = f"{report.name} grew by {signed(size)} MiB{what}, more than the {mib(allowed)} MiB allowed"
        fix = "\n".join(_added(judged, since)) or _fix(judged, since)
        findings.append(_finding(judged, "MG303", "error", message, size, fix))
    return findings


def _grown(judged: JudgedService, project: Project) -> tuple[int, str, int] | None:
    """Return by how much a service has grown, since when, and what is allowed, in bytes, where it is more than that.

    A service whose excess is known, by the baseline, may not grow without end, though no setting names an allowance.
    """
    report, estimate, allowed = judged.report, judged.report.estimate, judged.settings.growth
    if estimate is None:
        return None
    if allowed is not None and estimate.commit is not None and estimate.commit > allowed:
        return estimate.commit, "" if project.since is None else f" since {project.since.label}", allowed
    known = project.baseline
    if known is None or (report.path, report.name) not in known.services:
        return None
    from memguard_hooks.project.baseline import GROWTH

    code = {"error": "MG301", "warning": "MG302"}.get(report.verdict)
    if allowed is None and code is not None and known.knows(code, report.path, report.name):
        allowed = GROWTH
    size = estimate.expected - known.services[report.path, report.name]
    return (size, f" since {known.path} was written", allowed) if allowed is not None and size > allowed else None


def _processes(judged: JudgedService) -> str:
    """Say how the processes make the sum: `: 2 processes of 290 MiB that share pages`, and how many copies there are."""
    from memguard_hooks.finding import mib

    workers, process, fewest = judged.report.processes, judged.process, judged.fewest
    lines: list[str] = []
    if judged.settings.pessimistic and judged.report.estimate is not None:
        lines.append(f"up to {mib(judged.report.estimate.high)} MiB")
    if process is not None and workers is not None and workers > 1:
        number = f"{fewest} to {workers}" if fewest is not None and fewest < workers else str(workers)
        lines.append(f"{number} processes of {mib(process.expected)} MiB that share pages")
    replicas = judged.service.replicas
    if replicas is not None and replicas > 1:
        lines.append(f"in each of {replicas} replicas")
    return f": {', '.join(lines)}" if lines else ""


def _finding(
    judged: JudgedService,
    code: str,
    severity: Severity,
    message: str,
    cost: int,
    fix: str | None,
) -> Finding:
    from memguard_hooks.finding import Finding

    report, service = judged.report, judged.service
    parts = report.added if code == "MG303" and report.added else report.parts
    dearest = max(
        (part for part in parts if part.chain),
        key=lambda part: part.resident,
        default=None,
    )
    return Finding(
        service.path,
        service.line,
        service.column,
        code,
        message,
        HOOK,
        severity,
        cost,
        dearest.chain if dearest else (),
        fix,
        subject=report.name,
    )


def _fix(judged: JudgedService, since: str | None) -> str | None:
    """Name the imports to defer, what each saves, and the plan on which the service fits as it is."""
    from memguard_hooks.finding import MIB, mib

    lines = [_defer(one) for one in judged.deferrals]
    if judged.preload >= MIB:
        lines.append(f"{'or ' if lines else ''}start with --preload: -{mib(judged.preload)} MiB")
    if judged.workers is not None:
        lines.append(f"{'or ' if lines else ''}start {judged.workers} worker{'s' if judged.workers > 1 else ''}")
    if judged.plan is not None:
        lines.append(f"{'or ' if lines else ''}take {judged.plan}")
    if judged.after_fork >= MUCH:
        workers = judged.report.processes
        lines.append(
            f"mind that what waits for a call is loaded by each of {workers} workers: +{mib(judged.after_fork)} MiB"
        )
    return "\n".join(lines + _added(judged, since)) or None


def _defer(deferral: Deferral) -> str:
    """Name an import to defer with the way to it, and its other places, without which nothing is saved."""
    from memguard_hooks.finding import mib
    from memguard_hooks.report.text import chain, visible

    places = dict.fromkeys(f"{step.path}:{step.line}" for step in deferral.sites)
    last = deferral.chain[-1]
    others = [place for place in places if place != f"{last.path}:{last.line}"]
    also = f"; also {', '.join(others)}" if others else ""
    return f"defer {visible(deferral.name)}: -{mib(deferral.saving)} MiB ({chain(deferral.chain)}{also})"


def _added(judged: JudgedService, since: str | None) -> list[str]:
    """Name the imports that were not there at the last commit, or where a branch began."""
    from memguard_hooks.finding import MIB, mib
    from memguard_hooks.report.text import chain

    change = "this commit" if since is None else "this branch"
    return [
        f"{change} brings {part.package}: +{mib(part.resident)} MiB ({chain(part.chain)})"
        for part in judged.report.added
        if part.resident >= MIB
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the services of the project in the working folder, or say again what was said of them as they are."""
    memo = Memo(HOOK, argv)
    status = memo.recall()
    if status is not None:
        return status
    from memguard_hooks.hooks import running

    parser = running.make_parser(HOOK, __doc__ or "")
    running.add_budget_options(parser)
    running.add_table_option(parser)
    options = parser.parse_args(argv)
    return running.run(options, check, memo=memo)


if __name__ == "__main__":
    raise SystemExit(main())
