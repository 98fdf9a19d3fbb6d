"""The command `memguard`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from memguard_hooks.commands import check, explain


def measure(argv: Sequence[str]) -> int:
    """Run `memguard measure`, which loads what no commit waits for."""
    from memguard_hooks.commands import measure as command

    return command.main(argv)


COMMANDS = {"check": check.main, "explain": explain.main, "measure": measure}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that is named."""
    parser = argparse.ArgumentParser(prog="memguard", description=__doc__)
    parser.add_argument(
        "command",
        choices=COMMANDS,
        help="check: run all hooks over a project; explain: print what is behind a verdict; "
        "measure: run its entry points and tell what they take",
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see `memguard COMMAND --help`")
    options = parser.parse_args(argv)
    return COMMANDS[options.command](options.arguments)


if __name__ == "__main__":
    raise SystemExit(main())
