"""The command line of each program, as argparse reads it."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Sequence

from memguard_hooks.output import line
from memguard_hooks.record import Any, NoReturn


class ArgumentParser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage, which `--help` tells.

    What they quote may be the name of a file, which a stranger has chosen. So may an option: pre-commit hands over the names
    of files as they are, and one that is called `--help` or `--fail-on=never` would switch a hook off.
    """

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]
        """Read a command line. A word of it that is an option and a file of this folder ends with status 2."""
        words = sys.argv[1:] if args is None else list(args)
        for word in itertools.takewhile("--".__ne__, words):
            if word.startswith("-") and word != "-" and os.path.lexists(word):
                self.error(f"{word} is an option and the name of a file: rename the file, or give it behind `--`")
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Write what is wrong, and end with status 2."""
        more = f"; see `{self.prog} --help`" if message.startswith("unrecognized arguments") else ""
        self.exit(2, f"{self.prog}: error: {line(message)}{more}\n")


def checked(parse: Callable[[str], object], example: str) -> Callable[[str], object]:
    """Return the type of an argument that a function reads, and refuses by a ValueError; `example` is one it reads."""

    def convert(text: str) -> object:
        try:
            return parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"invalid value: {text!r}; one is {example}") from None

    return convert


def narrow_help(prog: str) -> argparse.HelpFormatter:
    """Write help for 100 columns: argparse loads shutil to ask the terminal for its width, 3 ms of each commit."""
    return argparse.HelpFormatter(prog, width=100)
