"""A source with the conditions that are known written out: `if settings.STORE == "faiss"` becomes `if 1`, in its place.

So is the key of a table that is looked up in: `TABLE[args.command]()` becomes `TABLE['serve']()`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping


def with_decided(text: str, module: ast.Module, decided: Mapping[int, bool | str]) -> str:
    """Return a text in which the conditions that begin on some lines are 1 or 0; all else keeps its line and its column.

    Behind a key that is written out, and is longer than what stands there, the rest of its line moves.

    A case that is not taken gets the guard `if 0`, where its statements stand on lines of their own.
    """
    lines = text.split("\n")
    # From the last one on: the columns before a condition stay what they are.
    for node in sorted(_deciding(module, decided), key=_place_of, reverse=True):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        start = len(lines[first].encode()[: node.col_offset].decode())
        end = len(lines[last].encode()[: node.end_col_offset].decode())
        if isinstance(node, ast.pattern):
            behind, colon, rest = lines[last][end:].partition(":")
            if colon and not behind.strip(" \t),"):
                lines[last] = f"{lines[last][:end]}{behind} if 0:{rest}"
            continue
        known = decided[node.lineno]
        value = _key_in(known) if isinstance(known, str) else "1" if known else "0"
        if first == last:
            lines[first] = f"{lines[first][:start]}{value:<{end - start}}{lines[first][end:]}"
            continue
        # In brackets of its own, for those that held its lines together may be gone; a backslash at the end of a line stays.
        lines[first] = f"{lines[first][:start]}({value}{_joint(lines[first])}"
        for number in range(first + 1, last):
            lines[number] = _joint(lines[number])
        lines[last] = f"{' ' * (end - 1)}){lines[last][end:]}"
    return "\n".join(lines)


def _deciding(module: ast.Module, decided: Mapping[int, bool | str]) -> Iterator[ast.expr | ast.pattern]:
    """Yield the conditions that are decided, the patterns of cases that are not taken, and keys."""
    for one in ast.walk(module):
        if isinstance(one, ast.If) and isinstance(decided.get(one.test.lineno), bool):
            yield one.test
        elif isinstance(one, ast.Subscript) and isinstance(known := decided.get(one.lineno), str):
            is_here = one.slice.lineno == one.slice.end_lineno == one.lineno
            if is_here and known.removesuffix(_key_in(known)) == f"{ast.unparse(one.slice)} == ":
                yield one.slice
        elif isinstance(one, ast.match_case) and decided.get(one.pattern.lineno) is False:
            is_below = one.body[0].lineno > (one.pattern.end_lineno or 0)
            if one.guard is None and is_below:
                yield one.pattern


def _place_of(node: ast.expr | ast.pattern) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _key_in(test: str) -> str:
    """Return what a key is equal to, by the condition that says it."""
    return test.rpartition(" == ")[2]


def _joint(line: str) -> str:
    return "\\" if line.endswith("\\") else ""
