"""Start scripts (`start.sh`, `entrypoint.sh`) that are lists of simple commands, of which the last one stays.

What branches, loops, pipes or leaves something in the background is a program, and not understood here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

MAX_BYTES = 2**16
"""A start script is a screen or two."""

MAX_LINE = 4096

_PROGRAM = re.compile(
    r"(?:if|then|else|elif|fi|for|while|until|do|done|case|esac|function|trap|source|\.|:|eval|return|exit|read|unset|local"
    r"|declare|typeset|readonly|shift|pushd|\{|\}|\(|\))(?:\s|$|;)|[\w-]+\s*\(\)"
)
_JOINED = re.compile(r"<<|;;|(?<!&)&(?![&>\d])|(?<!\|)\|(?!\|)")
_SETS = re.compile(r"(?:^|&&|\|\||;)\s*(?:export\s+)?\w+=\S*\s*(?:$|&&|\|\||;)|\bexport\b.*=")
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)=([^\s;&|]*|\"[^\"]*\"|'[^']*')\s*")
_HERE = re.compile(
    r'cd\s+"?(?:\$\(\s*dirname\s+(?:--\s+)?"?\$(?:0|\{0\}|\{BASH_SOURCE(?:\[0\])?\}|BASH_SOURCE)"?\s*\)|\$\{0%/\*\})"?'
)

HERE = "\0"
"""The folder that a script lies in, where it changes to that."""


class Script(NamedTuple):
    """The variables that a script sets, as it writes them, where it goes, and the command that it ends in."""

    variables: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    command: str


class Program(NamedTuple):
    """A script that is more than a list of commands, and the line that shows it."""

    line: int


def read(data: bytes, arguments: Sequence[str]) -> Script | Program:
    """Read a script that is called with arguments."""
    variables: list[tuple[str, str]] = []
    folders: list[str] = []
    command = ""
    if len(data) > MAX_BYTES:
        return Program(1)
    text = re.sub(r"\\\r?\n", lambda _: " \0", data.decode("utf-8", "replace"))  # a continued line stays counted
    number = 0
    for raw in re.split(r"\r\n|\n", text):
        number += 1 + raw.count("\0")
        line = raw.replace("\0", "").strip()
        if not line or line.startswith("#"):
            continue
        if len(line) > MAX_LINE or _PROGRAM.match(line) or command.startswith("exec ") or _JOINED.search(line):
            return Program(number)
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment is not None:
            variables.append((assignment[1], assignment[2].strip("\"'")))
        elif _HERE.fullmatch(line):
            folders = [HERE]
        elif re.fullmatch(r"cd\s+\S+", line):
            folders.append(line[2:].strip())
        elif _SETS.search(line) or re.search(r"\bcd\s", command):
            return Program(number)
        elif not re.match(r"(?:set|echo|printf|export|umask|ulimit)\s", line):
            command = line
    return Script(
        tuple(variables), tuple(folders), re.sub(r'"\$@"|\$@|"\$\*"|\$\*', lambda _: shlex.join(arguments), command)
    )
