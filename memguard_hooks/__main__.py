"""The command `memguard`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from memguard_hooks.commands import check

COMMANDS = {"check": check.main}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that is named."""
    parser = argparse.ArgumentParser(prog="memguard", description=__doc__)
    parser.add_argument("command", choices=COMMANDS, help="check: run all hooks over a project")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see `memguard COMMAND --help`")
    options = parser.parse_args(argv)
    return COMMANDS[options.command](options.arguments)


if __name__ == "__main__":
    raise SystemExit(main())
