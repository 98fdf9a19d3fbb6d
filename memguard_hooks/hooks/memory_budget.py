"""What each service takes once its handlers have run fits into the memory of its host.

The entry point of each start command is followed through the files that it imports: at start, when
handlers are first called, and by other calls. What they import from outside is priced by the measured
catalog (the union, since packages share what they import), multiplied by the processes of the command,
and judged against the limit of the host: a warning above 78 %, an error above 88 %. One line tells what
a service takes by each moment, and what this commit adds.

bad:  web: uvicorn main:app --workers 4      (main.py imports pandas and litellm at its top)
bad:  web: gunicorn app:app -w 3             (300 MiB each, without --preload, on 512 MiB)
good: web: uvicorn main:app --workers 1
good: web: gunicorn app:app -w 3 --preload

What is judged is the expected value while serving; `--judge` names another moment, and `--pessimistic`
judges by the upper end of the estimate's range. Copies of a service have a limit each and are named, not
added up. Where gunicorn's workers load the app themselves, the fix says what `--preload` would save; where
they are preloaded, what each loads again because its import waits for a call.

Options: `--platform NAME`, `--limit SIZE`, `--judge MOMENT`, `--pessimistic`, `--entrypoint APP`,
`--target-python X.Y`; settings: the same, and `[budget]` with `warn`, `fail`, `growth`, `runtime`, `judge` and
`pessimistic`, also by `[services.NAME]`.
"""

from __future__ import annotations

from memguard_hooks.replay import Replay, front

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from memguard_hooks.app.service_estimate import AssessedService
    from memguard_hooks.finding import Finding, Report, ServiceReport
    from memguard_hooks.project.project import Project

HOOK = "memory-budget"

RULES = {
    "MG301": "over the budget",
    "MG302": "near the budget",
    "MG303": "grew more than allowed",
    "MG304": "over the budget once all that is deferred has run",
    "MG305": "not judged",
    "MG601": "model does not fit",
    "MG602": "model does not fit while it is loaded",
    "MG603": "model in more bits than it needs",
    "MG604": "model that nobody can know",
    "MG605": "model that is loaded several times",
    "MG606": "mapped weights larger than the memory",
}


def check(project: Project) -> Report:
    """Estimate each service in the work tree and at the last commit, or where a branch began, and judge it."""
    from memguard_hooks.app.service_estimate import assess
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.budget import verdict

    def report(assessed: Sequence[AssessedService]) -> Report:
        judged = [(one, verdict.judge(project, one)) for one in assessed]
        of_models = _of_models(project, judged)
        told = verdict.telling(assessed)
        found = [
            finding
            for one, report in judged
            for finding in _find(project, one, report, of_models)
            if any(one is other for other in told) or finding.code not in verdict.OF_POOLS
        ]
        return Report((*found, *of_models), tuple(report for _, report in judged))

    assessed = assess(project, project.before)
    return report(assessed)._replace(committed=report([one.committed() for one in assessed]))


def _of_models(project: Project, judged: Sequence[tuple[AssessedService, ServiceReport]]) -> list[Finding]:
    """Return what is wrong with the models of services; most services have none."""
    loading = [(one, report) for one, report in judged if one.now is not None and any(one.now.process.models)]
    if not loading:
        return []
    from memguard_hooks.rules.models.loading import allowed, find, joined

    return allowed(project, joined([finding for one, report in loading for finding in find(one, report)]))


def _find(
    project: Project, assessed: AssessedService, report: ServiceReport, of_models: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield what is wrong with a service; where a model puts it over its budget, that finding says what to do."""
    from memguard_hooks.rules.budget import findings

    is_told = any(one.code in ("MG601", "MG602") and one.subject.startswith(f"{report.name} ") for one in of_models)
    for one in findings.find(project, assessed, report):
        yield one._replace(fix=(), steps=()) if is_told and one.code == "MG301" else one


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the services of the project in the working folder."""
    return front(HOOK, argv, _run, is_judged=lambda _: False)


def _run(argv: Sequence[str] | None, replay: Replay) -> int:
    from memguard_hooks.hooks import options, running

    asked = options.read(argv, _make_parser)
    return running.run(asked, check, replay=replay, waking=asked.files)


def _make_parser() -> argparse.ArgumentParser:
    from memguard_hooks.hooks import options

    parser = options.make_parser(HOOK, __doc__ or "")
    options.add_budget_options(parser)
    options.add_waking_files(parser)
    options.add_table_option(parser)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
