"""`memguard fix [FILES]`: every fixer there is, and then all hooks on what is left."""

from __future__ import annotations

from memguard_hooks.hooks import all_hooks, no_eager_heavy_imports, options, pin_litellm, running

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence

    from memguard_hooks.project.project import Project


def main(argv: Sequence[str] | None = None) -> int:
    """Fix the files that are named, or the whole project."""
    asked = make_parser().parse_args(argv, namespace=options.Options())

    def fix(project: Project) -> tuple[str, ...]:
        # The pins come last: what is installed decides what an import costs, and is read once.
        return (*no_eager_heavy_imports.fix(project, asked), *pin_litellm.fix(project))

    return running.run(asked, all_hooks.check, files=asked.files or None, fix=fix)


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = options.make_parser("memguard fix", "Move heavy imports into functions, and write pins into manifests.")
    options.add_budget_options(parser)
    options.add_table_option(parser)
    options.add_move_options(parser)
    parser.add_argument("files", nargs="*", help="files that may change; without any, all of the project")
    return parser
