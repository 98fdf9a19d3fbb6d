"""`memguard config [PATH]`: the settings as they count for a project, each with where it comes from."""

from __future__ import annotations

import os
import sys

from memguard_hooks.arguments import ArgumentParser, narrow_help
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import at_fault, note
from memguard_hooks.output import plain, tell, write, write_json
from memguard_hooks.project import settings
from memguard_hooks.tree import WorkTree

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = ArgumentParser(
        prog="memguard config",
        description="Print the settings that count for a project, and where each comes from.",
        epilog="exit status: 0 printed, 2 usage, or settings at fault",
        formatter_class=narrow_help,
    )
    parser.add_argument("path", nargs="?", default=".", help="root of the project (default: this folder)")
    parser.add_argument("--config", metavar="FILE", help="settings file instead of pyproject.toml or memguard.toml")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write them")
    parser.add_argument("--schema", action="store_true", help="print the JSON schema of memguard.toml instead")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Print the effective settings, or their schema."""
    parser = make_parser()
    options = parser.parse_args(argv)
    if options.schema:
        with open(settings.SCHEMA, encoding="utf-8") as stream:
            write(sys.stdout, stream.read())
        return 0
    if not os.path.isdir(options.path):
        parser.error(f"no such folder: {options.path}")
    tree = WorkTree(options.path)
    try:
        found, unused = settings.effective(tree, options.config)
    except MemguardError as error:
        tell(note(at_fault(error)))
        return 2
    finally:
        tree.close()
    if options.format == "json":
        rows = [{"key": one.key, "value": one.value, "source": one.source} for one in found]
        write(sys.stdout, write_json({"schema": 1, "settings": rows}) + "\n")
    else:
        texts = [(one.key, write_json(one.value, None), one.source) for one in found]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        write(sys.stdout, plain(f"{key:<{widths[0]}}  {value:<{widths[1]}}  {source}" for key, value, source in texts))
    tell(*map(note, unused))
    return 0
