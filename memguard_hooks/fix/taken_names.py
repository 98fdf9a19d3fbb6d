"""Names that another file takes from one whose import moves, `from app.api import pd`: it imports the library itself then.

What an import binds is the same object in both files, so that the other finds the same where nothing binds the name anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from memguard_hooks.app.takers import Taker
from memguard_hooks.fix.import_edit import Edit, Text, apply, replace
from memguard_hooks.imports.movable import Part
from memguard_hooks.imports.name_uses import bound_by
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

MAX_TAKERS = 12
"""Statements of other files that are rewritten so that one name may move: a judgment of what a reviewer still reads."""


class Taken(Record):
    """A statement of a file that takes a name from another, `origin`, and the import that it has instead."""

    path: str
    node: ast.ImportFrom
    origin: str
    name: str
    statement: str

    @property
    def told(self) -> str:
        """Say what becomes of it."""
        return f"{self.path}:{self.node.lineno}: has its own import now: {self.statement}"


def taken_by(taker: Taker, origin: str, name: str, parts: Iterable[Part]) -> Taken | None:
    """Return a statement that can import for itself what it takes, None for what takes a name in other ways."""
    found = [(statement, alias) for statement, alias in parts if bound_by(alias) == name]
    if taker.node is None or len(found) != 1:
        return None
    statement, alias = found[0]
    taken, *others = (one for one in taker.node.names if one.name in (name, "*"))
    if others:  # `import pd, pd as p`, of which nobody has more than one
        return None
    own = taken.asname or name
    if isinstance(statement, ast.ImportFrom) and not statement.level:
        written = f"from {statement.module} import {alias.name}"
        written += f" as {own}" if own != alias.name else ""
    elif isinstance(statement, ast.Import) and (alias.asname is not None or "." not in alias.name):
        written = f"import {alias.name}" + (f" as {own}" if own != alias.name else "")
    else:
        return None
    return Taken(taker.path, taker.node, origin, name, written)


def write_taken(project: Project, taken: Iterable[Taken]) -> dict[str, bytes]:
    """Return the files that take names after they import them themselves."""
    files = sorted(grouped((one.path, one) for one in taken).items())
    return {path: _written(project.sources.data(path), grouped((one.node, one) for one in some)) for path, some in files}


def _written(data: bytes, nodes: dict[ast.ImportFrom, list[Taken]]) -> bytes:
    # From the last statement up, so that the places of those above stay true.
    for node in sorted(nodes, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        lines = list(dict.fromkeys(one.statement for one in nodes[node]))
        if node.names[0].name == "*":
            text = Text(data)
            start = text.start(node)
            indent = text.indent_of(node.lineno, start)
            end = "; " if indent is None else f"{text.newline}{indent}"
            data = text.encode(apply(text.text, [Edit(start, start, "".join(f"{line}{end}" for line in lines))])[0])
        else:
            names = {one.name: one.statement for one in nodes[node]}
            instead = {(node, alias): names[alias.name] for alias in node.names if alias.name in names}
            data = replace(data, ast.Module([], []), instead)  # type: ignore[arg-type]
    return data
