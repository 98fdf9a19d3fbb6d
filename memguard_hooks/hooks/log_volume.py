"""What an app logs in production is what somebody needs: no more lines than that, none that cost or tell secrets.

A platform drops what is over its limit (Railway 500 lines a second), and the line that is dropped is the one that was
needed. The level of production (MG501), lines in hot loops and callbacks (MG502), lines which say that nothing happened
(MG503), work for lines that are dropped (MG504), libraries that speak unasked, an error where that holds a secret
(MG505), handlers that keep records (MG506), files and containers whose logs grow (MG507), output that the platform shows
as errors (MG508), whole payloads (MG509). Only files that a service reaches are judged; tests, scripts and commands are
none of them.

bad:  async for event in connection: logger.info("got %s", event.type)
bad:  LOG_LEVEL: DEBUG                          (in the compose file of production)
good: async for event in connection: logger.debug("got %s", event.type)
good: LOG_LEVEL: INFO

Options: `--platform NAME`, `--entrypoint APP`; settings: those of memory-budget. A line is allowed by
`# memguard: allow[MG502] reason` at its end, or on the line above.
"""

from __future__ import annotations

from memguard_hooks.replay import Replay, front

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from memguard_hooks.finding import Finding, Report
    from memguard_hooks.project.project import Project

HOOK = "log-volume"

RULES = {
    "MG501": "production logs at DEBUG",
    "MG502": "a line for each part of a unit of work",
    "MG503": "a line which says that nothing happened",
    "MG504": "work for a line that is dropped",
    "MG505": "a loud library that nobody mutes",
    "MG506": "a handler that keeps what it is given",
    "MG507": "a log that fills the disk",
    "MG508": "output that the platform shows as errors",
    "MG509": "a whole payload in a line",
}


def check(project: Project) -> Report:
    """Judge what the files log that services reach, and the levels that the deployment sets."""
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.deployment import comments
    from memguard_hooks.rules.logs import findings, levels

    found: list[Finding] = []
    if any(service.platform == findings.COMPOSE for service in project.deployment.services):
        from memguard_hooks.rules.logs import handlers

        found += handlers.check_compose(project)
    paths: set[str] = set()
    everywhere = list(findings.find_reached(project))
    for service in project.deployment.services:
        found += levels.check_deployment(service, everywhere)
        paths |= {service.path, *(place.path for place in service.variables.values())}
    for reached in everywhere:
        found += levels.check(project, reached)
        if reached.files:
            from memguard_hooks.rules.logs import handlers, lines

            found += [*handlers.check(reached), *lines.check(reached)]
        paths |= reached.files.keys()
    if project.named is not None:
        staged = frozenset(project.paths)
        found = [one for one in found if one.path in staged]
        paths &= staged
    # Services that share a file are told once.
    first = {(one.code, one.path, one.line, one.column, one.subject): one for one in reversed(found)}
    told = sorted(first.values(), key=lambda one: (one.path, one.line, one.column, one.code))
    return Report(tuple(comments.apply(project, told, sorted(paths), HOOK)))


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the files that are named, or all of the project."""
    return front(HOOK, argv, _run)


def _run(argv: Sequence[str] | None, replay: Replay) -> int:
    from memguard_hooks.hooks import options, running

    asked = options.read(argv, _make_parser)
    return running.run(asked, check, files=asked.files or None, replay=replay)


def _make_parser() -> argparse.ArgumentParser:
    from memguard_hooks.hooks import options

    parser = options.make_parser(HOOK, __doc__ or "")
    options.add_budget_options(parser)
    parser.add_argument("files", nargs="*", help="files; without any, all of the project")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
