"""`memguard hook [FILES]`: what the hook `memguard` runs: all hooks that the files of a commit wake, in one process."""

from __future__ import annotations

from memguard_hooks.replay import Replay, front

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from memguard_hooks.finding import Report
    from memguard_hooks.project.project import Project


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the files that are named, or the whole project."""
    return front("memguard hook", argv, _run, is_judged=may_be_judged)


_JUDGED = (".py", ".pyw", ".txt", ".in", ".toml", ".cfg", ".lock", ".yml", ".yaml", ".json", ".env")


def may_be_judged(path: str) -> bool:
    """Return whether a hook may judge a file itself: source, a manifest, a lock, or what installs packages."""
    return path.endswith(_JUDGED) or "file" in path.lower()  # Dockerfile, Pipfile, Containerfile


def _run(argv: Sequence[str] | None, replay: Replay) -> int:
    from memguard_hooks.hooks import all_hooks, options, running
    from memguard_hooks.progress import Stages

    asked = options.read(argv, make_parser)
    selection = all_hooks.selection_of(asked)
    files = asked.files or None
    waking = () if any(map(may_be_judged, asked.files)) else asked.files

    def check(project: Project) -> Report:
        with Stages("memguard hook") as stages:
            return all_hooks.check(project, selection, stages.about)

    return running.run(asked, check, files=files, replay=replay, waking=waking)


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from memguard_hooks.hooks import all_hooks, options

    parser = options.make_parser("memguard hook", "Run all hooks that some files wake; without any, all of the project.")
    all_hooks.add_selection_options(parser)
    options.add_budget_options(parser)
    options.add_table_option(parser)
    parser.add_argument("files", nargs="*", help="files of the commit; without any, all of the project")
    return parser
