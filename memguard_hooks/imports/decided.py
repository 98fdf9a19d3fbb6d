"""A source with the conditions that are known written out: `if settings.STORE == "faiss"` becomes `if 1`, in its place."""

from __future__ import annotations

import ast

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping


def with_decided(text: str, module: ast.Module, decided: Mapping[int, bool]) -> str:
    """Return a text in which the conditions that begin on some lines are 1 or 0; all else keeps its line and its column."""
    lines = text.split("\n")
    tests = [one.test for one in ast.walk(module) if isinstance(one, ast.If) and one.test.lineno in decided]
    # From the last one on: the columns before a condition stay what they are.
    for test in sorted(tests, key=lambda one: one.lineno, reverse=True):
        first, last = test.lineno - 1, (test.end_lineno or test.lineno) - 1
        start = len(lines[first].encode()[: test.col_offset].decode())
        end = len(lines[last].encode()[: test.end_col_offset].decode())
        value = "1" if decided[test.lineno] else "0"
        if first == last:
            lines[first] = f"{lines[first][:start]}{value}{' ' * (end - start - 1)}{lines[first][end:]}"
            continue
        # In brackets, or behind backslashes: a backslash at the end of a line stays.
        lines[first] = lines[first][:start] + value + _joint(lines[first])
        for number in range(first + 1, last):
            lines[number] = _joint(lines[number])
        lines[last] = " " * end + lines[last][end:]
    return "\n".join(lines)


def _joint(line: str) -> str:
    return "\\" if line.endswith("\\") else ""
