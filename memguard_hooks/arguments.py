"""The command line of each program, as argparse reads it."""

from __future__ import annotations

import argparse

from memguard_hooks.output import line

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


class ArgumentParser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage, which `--help` tells.

    What they quote may be the name of a file, which a stranger has chosen.
    """

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
