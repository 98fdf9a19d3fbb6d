"""`memguard check [PATH]`: every hook over a whole project, in one process, with reports in several formats."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial

from memguard_hooks.atomic_write import exchange_file, replace_file
from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.finding import Report, below, status_of
from memguard_hooks.git import find_top
from memguard_hooks.hooks import all_hooks, running
from memguard_hooks.hooks.options import Options, add_budget_options, add_table_option
from memguard_hooks.hooks.options import make_parser as make_hook_parser
from memguard_hooks.output import is_terminal, plain, write
from memguard_hooks.progress import Stages
from memguard_hooks.project import baseline
from memguard_hooks.record import Record
from memguard_hooks.replay import Replay, Said
from memguard_hooks.report import Detail
from memguard_hooks.report.formats import FORMATS, SUFFIXES, render
from memguard_hooks.tree import WorkTree, inside

EXAMPLES = """\
examples:
  memguard check                                 the project in this folder
  memguard check --changed-from origin/main      what this branch has changed
  memguard check --select MG2,memory-budget      some rules alone
  memguard check --output report.html --output memguard.sarif
  memguard check --write-baseline                adopt it with what is found today
"""


ELSEWHERE = {
    "--scope": '--scope is of the hook no-eager-heavy-imports; here the settings say it: scope = "all"',
    "--max-version": '--max-version is of the hook pin-litellm; here the settings say it: [pins] litellm = "<1.75"',
    "--fix": "--fix is of the hooks: `memguard fix` fixes",
    "--diff": "--diff is of the hooks: `memguard fix` fixes",
}
"""Options that hooks have and this has not, and what does the same."""


NARROWEST = 40
"""Columns that a report is laid out for at least: a terminal may say that it has none."""


class Output(Record):
    """A file to write a report to, and its format."""

    path: str
    style: str


def main(argv: Sequence[str] | None = None, replay: Replay | None = None) -> int:
    """Check the project in a folder; `replay` keeps what was said of this one."""
    parser = make_parser()
    options, strange = parser.parse_known_args(argv, namespace=CheckOptions())
    if strange:
        name = strange[0].partition("=")[0]
        parser.error(ELSEWHERE.get(name) or f"unrecognized arguments: {' '.join(strange)}")
    if os.path.isfile(options.path):
        parser.error(f"{options.path} is a file, and this judges a folder: `memguard hook {options.path}` judges files")
    if not os.path.isdir(options.path):
        parser.error(f"no such folder: {options.path}")
    if (options.write_baseline or options.prune_baseline) and (options.select or options.ignore or options.changed_from):
        parser.error("a baseline is of the whole project: leave out --select, --ignore and --changed-from")
    selection = all_hooks.selection_of(options)
    with Stages("memguard check") as stages:
        found = running.judge(
            options,
            lambda project: all_hooks.check(project, selection, stages.about),
            root=options.path,
            with_known=options.write_baseline or options.prune_baseline,
            is_all=not (options.select or options.ignore or options.changed_from),
        )
    try:
        if options.write_baseline or options.prune_baseline:
            return _write_baseline(options, found.report, found.settings and found.settings.baseline)
        is_fixed = not options.output and _width_of(options) is None  # a terminal may be another the next time
        if replay is not None and options.path == "." and is_fixed:
            running.keep(replay, found, lambda report: _say(options, report))
        return tell(options, found.report)
    finally:
        found.close()


class CheckOptions(Options):
    """What was asked for."""

    path: str = "."
    output: list[Output] | None = None
    link: str = ""
    color: str = "auto"
    show_all: bool = False
    write_baseline: bool = False
    prune_baseline: bool = False


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = make_hook_parser("memguard check", "Check a whole project before it is deployed.", FORMATS)
    parser.epilog = f"{EXAMPLES}\n{parser.epilog}"
    parser.formatter_class = lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=100)
    parser.add_argument("path", nargs="?", default=".", help="root of the project (default: this folder)")
    parser.add_argument(
        "--output", metavar="[FORMAT=]FILE", type=_output, action="append",
        help="write a report to a file too, in the format that its suffix names; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto",
        help="whether the text is in colors: auto is on a terminal, unless NO_COLOR is set; always does without a terminal",
    )  # fmt: skip
    parser.add_argument(
        "--link", metavar="ADDRESS", type=_address,
        help="in markdown, link places below this: https://github.com/me/app/blob/REVISION",
    )  # fmt: skip
    parser.add_argument("--show-all", action="store_true", help="on a terminal, show all places of what several have")
    all_hooks.add_selection_options(parser)
    parser.add_argument(
        "--changed-from", metavar="REF", help="judge only what has changed since the work tree left this branch"
    )
    known = parser.add_mutually_exclusive_group()
    known.add_argument("--write-baseline", action="store_true", help="record all present findings as known, and exit")
    known.add_argument("--prune-baseline", action="store_true", help="remove what is fixed from the baseline, and exit")
    add_budget_options(parser)
    add_table_option(parser)
    return parser


def _address(text: str) -> str:
    """Return an address that may stand in a link of Markdown."""
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(" ()<>\\|\"'`")
    if not text.startswith(("https://", "http://")) or not is_plain:
        raise argparse.ArgumentTypeError(f"must be an address such as https://github.com/me/app/blob/main, not {text!r}")
    return text.rstrip("/")


def _output(text: str) -> Output:
    style, equals, path = text.partition("=")
    if not equals or style not in FORMATS:
        style, path = SUFFIXES.get(os.path.splitext(text)[1].lower(), ""), text
    if not style or not path:
        known = ", ".join(f"{name} for {suffix}" for suffix, name in SUFFIXES.items())
        raise argparse.ArgumentTypeError(f"no format can be told from {text!r}: write FORMAT=FILE, or use {known}")
    return Output(path, style)


def tell(options: CheckOptions, report: Report) -> int:
    """Print a report, write it to each file that was asked for, whatever becomes of the others; return the exit status."""
    status = status_of(report, options.fail_on)
    folder = _folder_in_repository(options.path)
    for act in (
        partial(_show, options, report, folder),
        *(partial(_save, one, report, options, folder) for one in options.output or ()),
    ):
        try:
            act()
        except Exception as error:
            if os.environ.get("MEMGUARD_DEBUG"):
                raise
            write(sys.stderr, plain([str(error) if isinstance(error, MemguardError) else running.describe(error)]))
            status = 2
    return status


def _show(options: CheckOptions, report: Report, folder: str) -> None:
    width = _width_of(options)
    shown = None if width is None else _on_terminal(options, report, width)
    if shown is None:
        _say(options, report, folder).tell()
    else:
        write(sys.stdout, shown)


def _say(options: CheckOptions, report: Report, folder: str | None = None) -> Said:
    """Return what there is to say of a report where stdout is no terminal."""
    folder = _folder_in_repository(options.path) if folder is None else folder
    output = _render(report, options.format, folder, running.detail_of(options)._replace(link=options.link))
    fail_on = options.fail_on if options.format == "text" else None
    notes = running.notes(report, with_fixer=True, fail_on=fail_on, is_quiet=options.quiet)
    return Said(status_of(report, options.fail_on), output, notes)


def _save(output: Output, report: Report, options: CheckOptions, folder: str) -> None:
    """Write a report to a file: whole or not at all; into a device or a pipe, as a shell does.

    A link that the project holds may have been put there by anybody, and leads nowhere else; one on the way to the project
    is the user's.
    """
    data = _render(report, output.style, folder, Detail(tables=True, is_whole=True, link=options.link)).encode(
        "utf-8", "backslashreplace"
    )
    path = _place_of(output.path, WorkTree(options.path))
    if os.path.isfile(path) or not os.path.lexists(path):
        replace_file(path, data, output.path)
        return
    try:
        with open(path, "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise MemguardError(f"cannot be written: {error.strerror}", output.path) from None


def _place_of(path: str, tree: WorkTree) -> str:
    """Return the file that a user means, behind links. Raises UnreadableError where one in the project leads out of it."""
    parts = os.path.abspath(path).split(os.sep)
    for number in range(1, len(parts)):
        if os.path.realpath(os.sep.join(parts[:number]) + os.sep) == tree.root:
            try:
                return tree.target("/".join(parts[number:]))
            except UnreadableError as error:
                raise MemguardError(f"is not written: it {error.message}", path) from None
    return os.path.realpath(path) if os.path.isfile(path) else path


def _render(report: Report, style: str, folder: str, detail: Detail) -> str:
    """Write a report; what GitHub and GitLab read, and what is linked, names files from the top of the repository."""
    is_below = style in ("github", "gitlab", "sarif") or (style == "markdown" and detail.link)
    return render(below(report, folder) if is_below else report, style, detail)


def _folder_in_repository(root: str) -> str:
    """Return where the project lies below the top of its git repository; the empty string at the top, or without one."""
    top = find_top(root)
    found = "." if top is None else os.path.relpath(os.path.realpath(root), os.path.realpath(top))
    return "" if found == "." else found.replace(os.sep, "/")


def _width_of(options: CheckOptions) -> int | None:
    """Return for how many columns the text is laid out, None where it goes to no terminal and no color is asked for."""
    if options.format != "text" or not (is_terminal(sys.stdout) or options.color == "always"):
        return None
    return max(shutil.get_terminal_size().columns, NARROWEST)


def _on_terminal(options: CheckOptions, report: Report, width: int) -> str | None:
    """Return a report as a terminal shows it, None where rich is not installed."""
    try:
        from memguard_hooks.report import terminal
    except ImportError:
        return None
    color = options.color == "always" or (options.color == "auto" and not os.environ.get("NO_COLOR"))
    detail = running.detail_of(options)
    return terminal.render(
        report, width=width, color=color, detail=detail._replace(is_whole=detail.is_whole or options.show_all)
    )


def _write_baseline(options: CheckOptions, report: Report, named: str | None) -> int:
    """Make what is found known, or only what was known already and is still there."""
    write(sys.stderr, running.notes(Report(skipped=report.skipped)))
    if report.broken:
        return 2
    try:
        tree = WorkTree(options.path)
        name = baseline.FILE if named is None else named
        path = inside(tree.root, name)
        full = tree.target(path)
        known = baseline.read(tree, named) if options.prune_baseline else None
        if options.prune_baseline and known is None:
            raise MemguardError("no such baseline: `memguard check --write-baseline` writes it", path)
        text = baseline.render(report, known)
        # A name that is no UTF-8 stands as `\udcff`, which JSON takes for the same.
        data = text.encode("utf-8", "backslashreplace")
        if known is None:
            replace_file(full, data, path or ".")
        else:
            exchange_file(full, tree.read(path), data, path)
    except MemguardError as error:
        write(sys.stderr, plain([str(error)]))
        return 2
    kept = text.count('{"code":')
    gone = f", {known.number - kept} taken out" if known is not None else ""
    write(sys.stderr, plain([f"{path}: {kept} known{gone}"]))
    return 0
