"""Allowances in deployment files: `# memguard: allow[MG402] reason`, at the end of a line or on the line above.

A Dockerfile and a Procfile know no comments at the end of a line, JSON knows none at all.
"""

from __future__ import annotations

import re

from memguard_hooks.finding import Finding
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.relations import grouped

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable

    from memguard_hooks.allowance import Allowance

_COMMENT = late_pattern(r"(?P<before>^|.*?\s)(?P<comment>#\s*memguard:.*)")

OWN_LINE_ONLY = late_pattern(r"(^|/)(Procfile|([^/]*\.)?Dockerfile(\.[^/]*)?)$")


def apply(project: Project, findings: list[Finding], paths: Iterable[str], hook: str) -> list[Finding]:
    """Take out what comments in the files allow, and add what is wrong with these."""
    found = grouped((one.path, one) for one in findings)
    kept: list[Finding] = []
    for path in dict.fromkeys((*paths, *found)):
        own = found.get(path, [])
        data = project.read_file(path)
        if data is None or b"memguard:" not in data or path.endswith(".json"):
            kept += own
            continue
        from memguard_hooks.allowance import apply_allowances

        allowances, written = _read(path, data.decode("utf-8", "replace"))
        for one in apply_allowances(hook, own, allowances, owns_unknown=not path.endswith(".py")):
            line = written.get((one.line, one.column), one.line) if one.code in ("MG190", "MG191") else one.line
            kept.append(one._replace(line=line))
    return kept


def _read(path: str, text: str) -> tuple[list[Allowance], dict[tuple[int, int], int]]:
    """Return the allowances with the lines that they are for, and of each such place the line where it is written."""
    from memguard_hooks.allowance import read_allowances

    lines = re.split(r"\r\n|\r|\n", text)
    comments: list[tuple[str, int, int, str]] = []
    written: dict[tuple[int, int], int] = {}
    below = 0  # the line behind the comments that are being read
    for number, line in enumerate(lines, start=1):
        match = _COMMENT.fullmatch(line)
        if match is None:
            continue
        target = number
        if not match["before"].strip():
            below = max(below, number)
            while below <= len(lines) and lines[below - 1].lstrip().startswith("#"):
                below += 1
            target = below
        elif OWN_LINE_ONLY.search(path):
            continue
        column = match.start("comment") + 1
        comments.append((path, target, column, match["comment"]))
        written[target, column] = number
    return read_allowances(comments), written
