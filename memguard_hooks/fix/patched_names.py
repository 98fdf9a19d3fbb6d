"""Strings of tests that put something in place of a name of a file, `patch("app.chat.OpenAI")`, where its import has moved.

A function that imports `OpenAI` as it runs finds what stands in `openai` then, so that the string names this from now on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from memguard_hooks.fix.import_edit import Edit, Text, apply
from memguard_hooks.imports.movable import Part
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record


class Repointed(Record):
    """A string in a file, and what stands there instead."""

    path: str
    node: ast.Constant
    text: str


def target_of(parts: Iterable[Part], name: str) -> str:
    """Return where a test finds what an import binds to a name: empty where that depends on the file.

    `import pandas as pd` binds a module; who puts something in its place, and not in one of its names, cannot name that.
    """
    found = [one for one in parts if (one[1].asname or one[1].name) == name]
    if len(found) != 1:
        return ""
    statement, alias = found[0]
    if isinstance(statement, ast.ImportFrom):
        return "" if statement.level or alias.name == "*" else f"{statement.module}.{alias.name}"
    return f"{alias.name}."


def repoint(text: str, node: ast.Constant | None, name: str, target: str) -> str | None:
    """Return the string that names something below a target in place of a name, None where that cannot be said."""
    if node is None or not target or node.lineno != node.end_lineno:
        return None
    line = text.split("\n")[node.lineno - 1].encode()[node.col_offset : node.end_col_offset].decode()
    value = str(node.value)
    if line not in (f"'{value}'", f'"{value}"'):
        return None
    parts = value.split(".")
    if parts.count(name) != 1:
        return None
    below = parts[parts.index(name) + 1 :]
    if target.endswith(".") and not below:
        return None
    return f"{line[0]}{'.'.join([target.rstrip('.'), *below])}{line[0]}"


def write_patches(project: Project, files: Mapping[str, bytes], patches: Sequence[Repointed]) -> dict[str, bytes]:
    """Return the tests with other strings; none of them is one of `files`, in which imports move."""
    found: dict[str, bytes] = {}
    for path in sorted({one.path for one in patches} - files.keys()):
        text = Text(project.sources.data(path))
        own = {one.node: one.text for one in patches if one.path == path}
        edits = [Edit(text.start(node), text.end(node), new) for node, new in own.items()]
        found[path] = text.encode(apply(text.text, edits)[0])
    return found
