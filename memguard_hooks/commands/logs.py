"""`memguard logs FILE|-`: what a log says most, whether its platform drops lines of it, and what to say less often.

Exit status: 1 for a budget or a rate that is exceeded, for lines beyond the limit of the platform and for secrets; 2 for
usage or input at fault, else 0.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from memguard_hooks.arguments import ArgumentParser, checked, narrow_help
from memguard_hooks.atomic_write import replace_file
from memguard_hooks.errors import MemguardError
from memguard_hooks.logs import allowed
from memguard_hooks.logs.platforms import LIMITS, find_declared
from memguard_hooks.logs.source import MAX_LINES, read_lines
from memguard_hooks.output import tell, write
from memguard_hooks.tree import WorkTree, walk

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from memguard_hooks.report.logs import Judged

_PERIODS = {"s": 1, "min": 60}


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the sub-command."""
    parser = ArgumentParser(
        prog="memguard logs",
        description="Tell what a log says most, whether the platform drops lines of it, and what to say less often.",
        epilog="exit status: 0 within, 1 over a budget, a rate or a limit, or a secret, 2 usage or input at fault",
        formatter_class=narrow_help,
    )
    parser.add_argument("file", metavar="FILE", help="a log, plain, gzip or zstd; - for stdin")
    parser.add_argument("--unit", metavar="KEY", help="identifier of a unit of work, such as call_sid (default: found)")
    parser.add_argument("--budget", metavar="N", type=checked(_positive, "10"), help="most lines of a unit of work")
    parser.add_argument(
        "--rate", metavar="N/s", type=checked(_rate, "100/s"), help="most lines of any second (100/s) or minute (6000/min)"
    )
    parser.add_argument(
        "--platform", choices=(*LIMITS, "none"), help="whose limit counts (default: that which the current folder declares)"
    )
    parser.add_argument(
        "--max-lines",
        metavar="N",
        type=checked(_positive, "10000000"),
        default=MAX_LINES,
        help=f"lines that are read at most ({MAX_LINES})",
    )
    parser.add_argument(
        "--top", metavar="N", type=checked(_positive, "10"), default=10, help="templates that are shown (10)"
    )
    parser.add_argument("--format", choices=("text", "json", "markdown", "html"), default="text", help="how to write it")
    parser.add_argument(
        "--source", metavar="FOLDER", help="the code that writes the log (default: this folder, where it is a repository)"
    )
    parser.add_argument(
        "--baseline", metavar="FILE", help=f"what the log may come to (default: {allowed.FILE}, where there is one)"
    )
    parser.add_argument(
        "--write-baseline", action="store_true", help="write down what it comes to, and fail for nothing else"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Read the log, print what it comes to, and return the exit status."""
    options = make_parser().parse_args(sys.argv[1:] if argv is None else argv)
    from memguard_hooks.logs.survey import survey
    from memguard_hooks.progress import Progress
    from memguard_hooks.report import logs as report

    platform = options.platform or find_declared(os.curdir)
    progress = Progress()
    try:
        before = None if options.write_baseline else _read_baseline(options.baseline)
        left: list[str] = []
        lines = read_lines(options.file, options.max_lines, left.append)
        found = survey(lines, options.unit, progress.about(options.file))
        if not found.lines:
            raise MemguardError("holds no lines", options.file)
        if options.budget is not None and found.unit is None:
            what = f"no line holds {options.unit}" if options.unit else "no identifier repeats; name one by --unit"
            raise MemguardError(f"--budget needs units of work: {what}", options.file)
        if options.rate is not None and not found.timed:
            raise MemguardError("--rate needs times, and no line has one that is known", options.file)
        limit = LIMITS.get(platform or "none")
        judged = report.judge(found, platform, limit, options.budget, options.rate, before)
        judged = report.place(judged, _read_sources(options.source), options.top)
        if options.write_baseline:
            name = options.baseline or allowed.FILE
            replace_file(os.path.abspath(name), allowed.encode(allowed.measure(found)), name)
    except MemguardError as error:
        tell(f"memguard logs: error: {error}")
        return 2
    finally:
        progress.clear()
    for note in left:
        tell(f"memguard logs: {options.file}: {note}")
    write(sys.stdout, _render(judged, options.format, options.top))
    return int(bool(judged.failures) and not options.write_baseline)


def _render(judged: Judged, style: str, top: int) -> str:
    if style == "html":
        from memguard_hooks.report import logs_html

        return logs_html.render(judged, top)
    from memguard_hooks.report.logs import FORMATS

    return FORMATS[style](judged, top)


def _read_baseline(name: str | None) -> allowed.AllowedLog | None:
    """Return what was written down, None where nothing was and none was asked for."""
    shown = name or allowed.FILE
    try:
        with open(shown, "rb") as file:
            return allowed.decode(file.read(allowed.MAX_BYTES + 1), shown)
    except OSError as error:
        if name is None:
            return None
        raise MemguardError(f"cannot be read: {error.strerror}", shown) from None


def _read_sources(folder: str | None) -> Iterator[tuple[str, bytes]]:
    """Yield the Python files of the code that writes the log."""
    if folder is None and not os.path.exists(".git"):
        return
    if folder is not None and not os.path.isdir(folder):
        raise MemguardError("--source: no such folder", folder)
    tree = WorkTree(folder or os.curdir)
    try:
        for path in walk(tree):
            if path.endswith((".py", ".pyw")):
                with suppress(MemguardError):
                    yield path, tree.read(path) or b""
    finally:
        tree.close()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _rate(text: str) -> tuple[int, int]:
    number, _, period = text.partition("/")
    if period not in _PERIODS:
        raise ValueError(text)
    return _positive(number), _PERIODS[period]
