"""Heavy modules are not imported when the app starts.

What a module imports at its top is paid at start, in each process, by every service that reaches the
file, whether the library is used or not. The same import inside the function that uses it is paid when
the function runs. Function bodies, `TYPE_CHECKING` and lazy imports are fine; the body of a function
that module level calls is not.

Where the entry point is known, from a deployment file or the settings, an import counts where it is
reached from there, and belongs to the commit if any file on the way is part of it; scripts that nothing
reaches may import what they like. Else each file counts by itself.

So does other work while the app loads, from an entry point on: large files that are read, processes that are
started, network calls, initializers that import whatever is installed, and clients of 10 MiB and more.

bad:  import pandas
bad:  try:
          import torch
      except ImportError:
          torch = None
good: def export(rows):
          import pandas
bad:  ZIPS = json.load(open("zips.json"))      (64 MiB, in each worker)
bad:  sentry_sdk.init(dsn)                     (imports openai, anthropic and langchain, where they are installed)
good: if TYPE_CHECKING:
          import pandas

`--fix` moves them into these functions: all imports of a library or none, and of the libraries the fewest that make the
service fit; `--to-start` moves all whose move lowers the start. What cannot move says which line holds it.

Options: `--target-python X.Y`, `--entrypoint APP`, `--scope reachable|all`, `--fix`, `--diff`, `--to-start`, `--force`;
settings: `entrypoints`, `scope`, `source-roots`, `heavy-threshold`, `exclude`, and `[heavy]` with `add`, `remove`,
`allow = {name = "reason"}` and `only-through = {name = "module"}`.
"""

from __future__ import annotations

import sys

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
    "MG201": "a heavy module is loaded at start",
    "MG202": "a lazy import of a heavy module is resolved while the file loads",
    "MG203": "a heavy module is loaded at start and used nowhere in the file",
    "MG204": "a library is imported elsewhere than through the module that the settings name for it",
    "MG211": "data is read into memory while the app loads",
    "MG212": "a process or a scheduler is started while the app loads",
    "MG213": "a network call is waited for while the app loads",
    "MG214": "an initializer imports what is installed",
    "MG215": "a client or a pool is made while the app loads",
}


def check(project: Project) -> Report:
    """Judge what the entry points reach, or each Python file by itself."""
    from memguard_hooks.app.heavy_imports import find_entries
    from memguard_hooks.finding import Report
    from memguard_hooks.rules.imports import eager
    from memguard_hooks.rules.startup import work

    entries = find_entries(project)
    return Report(tuple(eager.find(project, entries, work.find(project, entries))))


def fix(project: Project, options: Options) -> tuple[str, ...]:
    """Move heavy imports into the functions that use them, and return what was done, one line each.

    With `--diff` nothing is written, and what would be is shown.
    """
    from memguard_hooks.fix import imports
    from memguard_hooks.output import plain, tell, write

    change = imports.plan(project, to_start=options.to_start)
    tell(*(f"{one.path}:{one.line}: left: {one.library}: {one.reason}" for one in change.left))
    if options.diff:
        write(sys.stdout, plain(imports.diff(project, change)))
        return change.done
    return imports.write(project, change, force=options.force)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the hook on the Python files that are named, or on all of the project."""
    return front(HOOK, argv, _run)


def _run(argv: Sequence[str] | None, replay: Replay) -> int:
    from memguard_hooks.hooks import options, running

    asked = options.read(argv, _make_parser)
    files = asked.files or None
    if asked.diff:
        found = running.judge(asked, _check_nothing, files=files, adjust=_adjust, fix=lambda project: fix(project, asked))
        return running.finish(found, asked)
    write = (lambda project: fix(project, asked)) if asked.fix or asked.to_start else None
    # What stays is told by the fixer, and an answer that was kept would lack it.
    return running.run(asked, check, files=files, adjust=_adjust, fix=write, replay=None if write else replay)


def _check_nothing(_project: Project) -> Report:
    from memguard_hooks.finding import Report

    return Report()


def _make_parser() -> argparse.ArgumentParser:
    from memguard_hooks.hooks import options

    parser = options.make_parser(HOOK, __doc__ or "")
    options.add_target_options(parser)
    options.add_entry_option(parser)
    parser.add_argument("--scope", choices=("reachable", "all"), help="what entry points reach, or each file by itself")
    parser.add_argument("--fix", action="store_true", help="move imports into the functions that use them")
    parser.add_argument("--diff", action="store_true", help="show what --fix would change, and write nothing")
    options.add_move_options(parser)
    parser.add_argument("files", nargs="*", help="Python files; without any, all of the project")
    return parser


def _adjust(settings: Settings, options: Options) -> Settings:
    from memguard_hooks.hooks import running

    settings = running.adjust_service(settings, options)
    return settings if options.scope is None else settings._replace(scope=options.scope)


if __name__ == "__main__":
    raise SystemExit(main())
