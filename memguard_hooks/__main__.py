"""The command `memguard`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from memguard_hooks.commands import check, explain

COMMANDS = {"check": check.main, "explain": explain.main}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that is named."""
    parser = argparse.ArgumentParser(prog="memguard", description=__doc__)
    parser.add_argument(
        "command", choices=COMMANDS, help="check: run all hooks over a project; explain: print what is behind a verdict"
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see `memguard COMMAND --help`")
    options = parser.parse_args(argv)
    return COMMANDS[options.command](options.arguments)


if __name__ == "__main__":
    raise SystemExit(main())
