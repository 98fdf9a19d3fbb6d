"""`memguard fix [FILES]`: every fixer there is, and then all hooks on what is left; `--allow` writes an allowance."""

from __future__ import annotations

from functools import partial

from memguard_hooks.finding import Report
from memguard_hooks.fix import allow
from memguard_hooks.hooks import (
    all_hooks,
    deploy_config,
    log_volume,
    no_eager_heavy_imports,
    options,
    pin_litellm,
    python_runtime,
    running,
)

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from memguard_hooks.finding import Finding
    from memguard_hooks.project.project import Project


def main(argv: Sequence[str] | None = None) -> int:
    """Fix the files that are named, or the whole project."""
    parser = make_parser()
    asked = parser.parse_args(argv, namespace=FixOptions())
    if asked.allow:
        try:
            wanted = [allow.read(*one) for one in asked.allow]
        except ValueError as error:
            parser.error(f"argument --allow: {error}")
        # Each after the other: a comment above a line moves those below it.
        return max([_allow(asked, one) for one in sorted(wanted, key=lambda one: -one.line)])

    def fix(project: Project) -> tuple[str, ...]:
        from memguard_hooks.fix import cpu_build, deployment
        from memguard_hooks.tree import WorkTree

        assert isinstance(project.tree, WorkTree)

        moved = no_eager_heavy_imports.fix(project, asked)
        project = project.at(WorkTree(project.tree.root)) if moved else project
        own = {line.partition(":")[0] for line in moved}
        started = deployment.write(project, _judge_lines, force=asked.force, own=own)
        built = cpu_build.write(project, force=asked.force)
        # The pins come last: what is installed decides what an import costs, and is read once.
        project = project.at(WorkTree(project.tree.root)) if built else project
        return (*moved, *started, *built, *pin_litellm.fix(project), *python_runtime.fix(project))

    if asked.diff:
        found = running.judge(asked, lambda _: Report(), files=asked.files or None, fix=partial(_show, asked))
        return running.finish(found, asked)
    return running.run(asked, all_hooks.check, files=asked.files or None, fix=fix)


def _show(asked: FixOptions, project: Project) -> tuple[str, ...]:
    """Print what all fixers together would make of files, and write nothing."""
    import sys
    from difflib import unified_diff

    from memguard_hooks.fix import cpu_build, deployment, imports, python_file
    from memguard_hooks.fix.pins import plan_pins
    from memguard_hooks.output import plain, write
    from memguard_hooks.tree import EditedTree

    tree = project.tree
    files: dict[str, bytes] = dict(imports.plan(project, to_start=asked.to_start).files)

    def after() -> Project:
        return project.at(EditedTree(tree, files))

    files.update(deployment.plan(after(), _judge_lines)[0])
    files.update({one.path: data for one, data in cpu_build.plan(after()).items()})
    files.update(plan_pins(EditedTree(tree, files), pin_litellm.wishes(after()))[0])
    wishes, pythons = python_runtime.proposals(after())
    files.update(plan_pins(EditedTree(tree, files), wishes)[0])
    files.update(one for folder, python in pythons if (one := python_file.plan(tree, folder, python)) is not None)
    for path, data in sorted(files.items()):
        before, now = ((one or b"").decode("utf-8", "replace").splitlines() for one in (tree.read(path), data))
        write(sys.stdout, plain(unified_diff(before, now, f"a/{path}", f"b/{path}", lineterm="")))
    return ()


def _judge_lines(project: Project) -> tuple[Finding, ...]:
    """Return the findings that a line is rewritten for."""
    return (*deploy_config.check(project).findings, *log_volume.check(project).findings)


class FixOptions(options.Options):
    """What was asked for."""

    allow: list[list[str]] | None = None


def _allow(asked: FixOptions, wanted: allow.WantedAllowance) -> int:
    """Allow one finding, and return the exit status: 0 once that is written."""

    def write(project: Project) -> tuple[str, ...]:
        return (allow.write(project, wanted, all_hooks.check),)

    found = running.judge(asked, lambda _: Report(), fix=write)
    status = running.finish(found, asked)
    return status if status > 1 else 0


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = options.make_parser(
        "memguard fix", "Move heavy imports into functions, write pins into manifests, and correct starts and variables."
    )
    options.add_budget_options(parser)
    options.add_table_option(parser)
    options.add_move_options(parser)
    parser.add_argument("--diff", action="store_true", help="show what would change, and write nothing")
    parser.add_argument(
        "--allow", nargs=3, action="append", metavar=("CODE", "REASON", "PATH:LINE"),
        help="write the comment that allows one finding, and nothing else",
    )  # fmt: skip
    parser.add_argument("files", nargs="*", help="files that may change; without any, all of the project")
    return parser
