"""The options of hooks and commands: what they are by default, and the parser that reads others.

Most runs name files and nothing else. Their options are the defaults, and argparse, which takes as long to load as half the
start of Python, is left alone.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import Literal

FORMATS = ("text", "json")


class Options:
    """What was asked for; the attributes of the class are the defaults, which argparse leaves as they are."""

    files: Sequence[str] = ()
    format: str = "text"
    fail_on: str = "error"
    config: str | None = None
    baseline: str | None = None
    target_python: tuple[int, int] | None = None
    platform: str | None = None
    limit: int | None = None
    pessimistic: bool | None = None
    judge: str | None = None
    entrypoint: list[str] | None = None
    table: bool = False
    quiet: bool = False
    verbose: bool = False
    timeout: float | None = None
    scope: Literal["reachable", "all"] | None = None
    max_version: str | None = None
    fix: bool = False
    diff: bool = False
    to_start: bool = False
    force: bool = False
    select: list[str] | None = None
    ignore: list[str] | None = None
    changed_from: str | None = None


def read(argv: Sequence[str] | None, make_parser: Callable[[], argparse.ArgumentParser]) -> Options:
    """Read a command line; one of nothing but the names of files without a parser. A wrong one ends the program."""
    words = sys.argv[1:] if argv is None else list(argv)
    options = Options()
    if any(word.startswith("-") for word in words):
        return make_parser().parse_args(words, namespace=options)
    options.files = words
    return options


def make_parser(prog: str, description: str, formats: Sequence[str] = FORMATS) -> argparse.ArgumentParser:
    """Return a parser with the options that all hooks have."""
    from memguard_hooks.arguments import ArgumentParser, checked, narrow_help

    parser = ArgumentParser(
        prog=prog,
        description=description.partition("\n\n")[0],
        epilog="exit status: 0 clean, 1 findings, 2 usage, settings or input at fault",
        formatter_class=narrow_help,
    )
    parser.add_argument("--format", choices=formats, default="text", help="how to write the findings")
    parser.add_argument(
        "--fail-on", choices=("error", "warning", "never"), default="error", help="the least finding that fails"
    )
    parser.add_argument("--config", metavar="FILE", help="settings file instead of pyproject.toml or memguard.toml")
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        help="findings that are known, from the root of the project (default: memguard-baseline.json)",
    )
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="print findings and errors, and nothing beside them")
    amount.add_argument(
        "--verbose", action="store_true", help="print what each service is made of, every place, and import paths in full"
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=checked(_seconds, "30"),
        help="give up after so long: the verdict is unknown then, and the exit status 2, or 0 with --fail-on never",
    )  # fmt: skip
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise ValueError(text)
    return seconds


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where the app runs."""
    from memguard_hooks.arguments import checked
    from memguard_hooks.project.settings import parse_python

    parser.add_argument("--target-python", metavar="X.Y", type=checked(parse_python, "3.11"), help="Python of the host")


def add_budget_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how much memory there is, and for what."""
    from memguard_hooks.arguments import checked
    from memguard_hooks.finding import MOMENTS
    from memguard_hooks.project.settings import parse_size

    add_target_options(parser)
    parser.add_argument("--platform", metavar="NAME", help="platform and plan, such as render-free")
    parser.add_argument(
        "--limit", metavar="SIZE", type=checked(parse_size, "512MiB"), help="memory of the host, such as 512MiB"
    )
    parser.add_argument("--pessimistic", action="store_true", default=None, help="judge by the upper end of the estimate")
    parser.add_argument("--judge", choices=MOMENTS, help="the moment that is judged (default: serving)")
    add_entry_option(parser)


def add_waking_files(parser: argparse.ArgumentParser) -> None:
    """Add the files of a commit, for a hook that judges the project and not these."""
    parser.add_argument(
        "files", nargs="*", help="files of the commit; nothing is said where none of them matters to the services"
    )


def add_table_option(parser: argparse.ArgumentParser) -> None:
    """Add what asks for more than a line of each service."""
    parser.add_argument("--table", action="store_true", help="print what each service is made of, also when all is well")


def add_move_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which heavy imports are moved, and where."""
    parser.add_argument(
        "--to-start", action="store_true", help="fix all that lowers the start by 5 MiB or more, also where the service fits"
    )
    parser.add_argument("--force", action="store_true", help="fix files with changes that are not staged too")


def add_entry_option(parser: argparse.ArgumentParser) -> None:
    """Add what says which file the host starts."""
    parser.add_argument("--entrypoint", metavar="APP", action="append", help="what the host starts: app.main:app, main.py")
