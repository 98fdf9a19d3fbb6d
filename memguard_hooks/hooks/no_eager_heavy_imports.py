"""Heavy modules are not imported when the app starts.

What a module imports at its top is paid at start, in each process, by every service that reaches the
file, whether the library is used or not. The same import inside the function that uses it is paid when
the function runs. Function bodies, `TYPE_CHECKING` and lazy imports are fine; the body of a function
that module level calls is not.

Where the entry point is known, from a deployment file or the settings, an import counts where it is
reached from there, and belongs to the commit if any file on the way is part of it; scripts that nothing
reaches may import what they like. Else each file counts by itself.

bad:  import pandas
bad:  try:
          import torch
      except ImportError:
          torch = None
good: def export(rows):
          import pandas
good: if TYPE_CHECKING:
          import pandas

Options: `--target-python X.Y`, `--entrypoint APP`, `--scope reachable|all`; settings: `entrypoints`, `scope`,
`source-roots`, `heavy-threshold`, `exclude`, and `[heavy]` with `add`, `remove`, `allow = {name = "reason"}` and
`only-through = {name = "module"}`.
"""

from __future__ import annotations

from memguard_hooks.replay import Replay, front

TYPE_CHECKING = False  # as typing has it: an answer that was kept is told without loading that
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from memguard_hooks.finding import Report
    from memguard_hooks.hooks.options import Options
    from memguard_hooks.project.project import Project
    from memguard_hooks.project.settings import Settings

HOOK = "no-eager-heavy-imports"

RULES = {
    "MG201": "a heavy module is imported eagerly",
    "MG202": "a lazy import of a heavy module is resolved while the file loads",
    "MG203": "a heavy module is imported eagerly and used nowhere in the file",
    "MG204": "a library is imported elsewhere than through the module that the settings name for it",
}


def check(project: Project) -> Report:
    """Judge what the entry points reach, or each Python file by itself."""
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.imports import eager

    return Report(tuple(eager.find(project)))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the hook on the Python files that are named, or on all of the project."""
    return front(HOOK, argv, _run)


def _run(argv: Sequence[str] | None, replay: Replay) -> int:
    from memguard_hooks.hooks import options, running

    asked = options.read(argv, _make_parser, takes_files=True)
    return running.run(asked, check, files=asked.files or None, adjust=_adjust, replay=replay)


def _make_parser() -> argparse.ArgumentParser:
    from memguard_hooks.hooks import options

    parser = options.make_parser(HOOK, __doc__ or "")
    options.add_target_options(parser)
    options.add_entry_option(parser)
    parser.add_argument("--scope", choices=("reachable", "all"), help="what entry points reach, or each file by itself")
    parser.add_argument("files", nargs="*", help="Python files; without any, all of the project")
    return parser


def _adjust(settings: Settings, options: Options) -> Settings:
    from memguard_hooks.hooks import running

    settings = running.adjust_service(settings, options)
    return settings if options.scope is None else settings._replace(scope=options.scope)


if __name__ == "__main__":
    raise SystemExit(main())
