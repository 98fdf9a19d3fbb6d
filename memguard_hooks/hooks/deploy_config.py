"""Deployment files and the variables of the runtime do what they say, and do not waste memory.

Processes: more workers than the limit holds (MG401, where fewer would fit), as many as the machine has CPUs (MG402),
workers that load by themselves what `--preload` would share (MG403), imports that each preloaded worker makes again
(MG404), recycling after few requests (MG405) or of all workers at once (MG406), a `preload_app = False` that the
platform overrules (MG407), what fits until each preloaded worker collects all garbage (MG408). Limits: two that
disagree (MG410), none (MG411), a plan that is not known (MG412) or is smaller than its comment says (MG413). Files: a
command that is cut (MG420), a key inside a text (MG421), a format that ends (MG422), a start for development (MG423)
or of what is not there (MG424), an old copy of the module for deployed apps (MG425). Variables: misspelt (MG701),
without the effect they seem to have (MG702), refused by the interpreter (MG703), output that is lost (MG704),
packages without bytecode (MG705), debugging (MG706). The sources of the reasons stand in the modules of
`memguard_hooks/rules/deployment`.

bad:  web: gunicorn app:app -w 4                (an app of 300 MiB, on 512 MiB)
bad:  ENV MALLOC_TRIM_THRESHOLD=65536           (the variable ends in an underscore)
good: web: gunicorn app:app -w 4 --preload
good: ENV MALLOC_TRIM_THRESHOLD_=65536

Options: `--platform NAME`, `--limit SIZE`, `--pessimistic`, `--entrypoint APP`, `--target-python X.Y`; settings: those
of memory-budget. A line is allowed by `# memguard: allow[MG402] reason` at its end, or on the line above.
"""

from __future__ import annotations

from memguard_hooks.replay import Replay, front

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from memguard_hooks.finding import Finding, Report
    from memguard_hooks.project.project import Project

HOOK = "deploy-config"

RULES = {
    "MG401": "more workers than the limit holds",
    "MG402": "as many workers as the machine has CPUs",
    "MG403": "workers load by themselves what preloading would share",
    "MG404": "preloaded workers load again what is imported in functions",
    "MG405": "workers are recycled after a few requests",
    "MG406": "all workers are recycled at the same time",
    "MG407": "a setting that the platform overrules",
    "MG408": "preloaded workers share no more what they hold",
    "MG410": "two memory limits that disagree",
    "MG411": "no memory limit",
    "MG412": "a plan that is not known",
    "MG413": "a plan with other memory than its comment says",
    "MG420": "a command that is cut off",
    "MG421": "a key that is part of a text",
    "MG422": "a format that is about to be ignored",
    "MG423": "a start for development",
    "MG424": "a start of what is not in the repository",
    "MG425": "an old copy of the runtime module",
    "MG701": "a misspelt variable",
    "MG702": "a value without the effect that it seems to have",
    "MG703": "a value that the interpreter refuses",
    "MG704": "output that is lost when the process is killed",
    "MG705": "packages without bytecode",
    "MG706": "a variable for debugging",
}


def check(project: Project) -> Report:
    """Judge all that the deployment files of a project declare."""
    from functools import cache

    from memguard_hooks.app.service_estimate import RunningService
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.deployment import comments, files, image, limits, runtime, workers

    deployment = project.deployment
    started = [RunningService(project, service) for service in deployment.services]

    @cache
    def names_read() -> frozenset[str]:
        from memguard_hooks.rules.deployment import variables

        return variables.read_names(project)

    found: list[Finding] = []
    for trap in deployment.traps:
        found += [*files.check_trap(trap), *limits.check_trap(trap, started)]
    found += limits.check_plans(started)
    found += workers.check_settings_file(project) if not started else ()
    found += runtime.check(project)
    for one in started:
        found += [*workers.check(one), *files.check(one)]
        if one.service.variables:
            from memguard_hooks.rules.deployment import variables

            found += variables.check(one, names_read)
        found += image.check(one)
    paths = {place.path for one in started for place in (one.place, *one.service.variables.values())}
    paths |= {trap.place.path for trap in deployment.traps}
    return Report(tuple(comments.apply(project, list(dict.fromkeys(found)), sorted(paths), HOOK)))


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the deployment of the project in the working folder."""
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
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
