"""Tables of functions that code looks up by a key: `TABLE[args.command]()`, `HANDLERS.get(kind, other)`."""

from __future__ import annotations

from memguard_hooks.formats.python_nodes import last_name, walk
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator
    from typing import Any
else:
    import _ast as ast  # its nodes alone, as in `plain_values`

MAX_ENTRIES = 60
"""Entries of a table, each of which is a way of its own: all of a longer one count."""

AS_KEYS = frozenset({"sorted", "list", "tuple", "set", "frozenset", "len", "iter", "enumerate", "join", "Choice"})
"""Last names of functions that ask a table for nothing but its keys, as click's `Choice` does."""

MAX_WAYS = 2000
"""Entries that the lookups of one file may take, each at its place: beyond, each lookup may take all."""

_KEYS = (ast.Constant, ast.Name, ast.Attribute)
_DISPLAYS = (ast.Tuple, ast.List, ast.Set)


class EntryTable:
    """A table: its entries by their keys, what else stands in it, the body that it stands in, and whose names it has."""

    __slots__ = ("entries", "holder", "is_looked_up", "rest", "scope")

    def __init__(self, entries: dict[str, ast.expr], rest: list[ast.expr], holder: str, scope: Any) -> None:
        self.entries = entries
        self.rest = rest
        self.holder = holder
        self.scope = scope
        self.is_looked_up = False


class LookUp(Record):
    """A table that is looked up in, the key, and what there is instead."""

    table: ast.expr
    key: ast.expr
    default: ast.expr | None = None
    found: EntryTable | None = None


def written(node: ast.expr) -> str:
    """Return the source text of an expression."""
    from ast import unparse  # most files have no table, and no choice

    return unparse(node)


def read_table(node: ast.Dict, holder: str, scope: Any) -> EntryTable | None:
    """Return the table that a display is, None for one of other values, or of keys that are computed."""
    if not 0 < len(node.keys) <= MAX_ENTRIES:
        return None
    entries: dict[str, ast.expr] = {}
    rest: list[ast.expr] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, _KEYS):
            return None
        if _is_entry(value):
            entries[written(key)] = value
        else:
            rest.append(value)
    return (
        EntryTable(entries, rest, holder, scope) if any(True for one in entries.values() for _ in called_in(one)) else None
    )


def look_up_of(node: ast.AST) -> LookUp | None:
    """Return what is looked up by `table[key]` or `table.get(key, default)`, whatever the table is."""
    if isinstance(node, ast.Subscript):
        return LookUp(node.value, node.slice)
    match node:
        case ast.Call(func=ast.Attribute(attr="get", value=table), args=[key, *rest], keywords=[]) if len(rest) < 2:
            return LookUp(table, key, rest[0] if rest else None)
    return None


def called_in(entry: ast.expr) -> Iterator[ast.expr]:
    """Yield the functions and lambdas that an entry holds."""
    if isinstance(entry, (ast.Name, ast.Attribute, ast.Lambda)):
        yield entry
    elif isinstance(entry, ast.Call):  # of functools.partial
        yield from called_in(entry.args[0])
    elif isinstance(entry, (*_DISPLAYS, ast.Dict)):
        for one in entry.values if isinstance(entry, ast.Dict) else entry.elts:
            yield from called_in(one)


def _is_entry(node: ast.expr) -> bool:
    """Return whether a value runs nothing as its table is built."""
    if isinstance(node, (ast.Constant, ast.Name, ast.Lambda)):
        return True
    if isinstance(node, ast.Attribute):
        return not any(isinstance(one, (ast.Call, ast.Subscript)) for one in walk(node))
    if isinstance(node, ast.Call):
        return last_name(node.func) == "partial" and bool(node.args) and all(map(_is_entry, node.args))
    if isinstance(node, ast.Dict):
        return None not in node.keys and all(map(_is_entry, node.values))
    return isinstance(node, _DISPLAYS) and all(map(_is_entry, node.elts))
