"""Keys that YAML does not see because they are indented into the text of another: `startCommand: |` and then `plan: free`.

The search is over lines, for to YAML such a line is text like any other. A text that writes a file of its own
(`<<`, `>`) may hold such lines on purpose and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from memguard_hooks.deployment.service import ServicePlace, Trap
from memguard_hooks.pattern import late_pattern

COMPOSE_KEYS = frozenset({"image", "build", "command", "entrypoint", "environment", "env_file", "ports", "volumes",
                          "deploy", "mem_limit", "cpus", "depends_on", "restart", "healthcheck", "profiles"})  # fmt: skip
"""Keys of a service of compose."""

_BLOCK = late_pattern(r"(?P<indent>[ ]*(?:- +)*)(?P<key>[A-Za-z_]\w*) *: *[|>][-+0-9]* *(?:#.*)?")
_KEY = late_pattern(r"(?P<indent>[ ]*(?:- +)?)(?P<key>[A-Za-z_]\w*):(?: +\S.*)?")


def find_hidden_keys(data: bytes, path: str, commands: Collection[str], keys: Collection[str]) -> tuple[Trap, ...]:
    """Return a trap for each line in the text of one of the `commands` that looks like one of the `keys`."""
    if b"|" not in data and b">" not in data:
        return ()
    return tuple(_hidden(data.decode("utf-8", "replace").splitlines(), path, commands, keys))


def hidden_value(text: str, key: str) -> tuple[str, int, str | None]:
    """Return the text of a block up to where it swallows a key, that line counted from 1, and the value there, if any."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        match = re.match(rf"\s*{key}: +(\S.*)", line)
        if match is not None:
            return "\n".join(lines[:number]), number + 1, match[1].strip().strip("\"'")
    return text, 0, None


def _hidden(lines: list[str], path: str, commands: Collection[str], keys: Collection[str]) -> Iterator[Trap]:
    number = 0
    while number < len(lines):
        start = _BLOCK.fullmatch(lines[number].rstrip())
        number += 1
        if start is None or start["key"] not in commands:
            continue
        first = number
        while number < len(lines) and (not lines[number].strip() or _indent(lines[number]) > len(start["indent"])):
            number += 1
        block = lines[first:number]
        if any("<<" in line or re.search(r">\s*[\w./\"']", line) for line in block):
            continue
        for offset, line in enumerate(block):
            match = _KEY.fullmatch(line.rstrip())
            if match is not None and match["key"] in keys:
                place = ServicePlace(path, first + offset + 1, len(match["indent"]) + 1)
                yield Trap("hidden-key", place, match["key"], f"is part of the text of {start['key']}")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
