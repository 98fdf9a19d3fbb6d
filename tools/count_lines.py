"""Count lines of code: no blank line, no comment, no docstring.

Usage: python tools/count_lines.py [FOLDER…]

A line counts if a token stands on it that runs. A text over several lines that is no docstring counts with each of them.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from pathlib import Path

_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
            tokenize.ENCODING}  # fmt: skip


def main() -> None:
    """Print the sum for each folder of a package, the largest first, and the whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, default=[Path("memguard_hooks")])
    for folder in parser.parse_args().folders:
        sums: dict[str, int] = {}
        for path in sorted(folder.rglob("*.py")):
            room = path.relative_to(folder).parts[0]
            sums[room] = sums.get(room, 0) + code_lines(path.read_text(encoding="utf-8"))
        for room, lines in sorted(sums.items(), key=lambda one: (-one[1], one[0])):
            print(f"{lines:7,} {folder / room}")
        print(f"{sum(sums.values()):7,} {folder}")


def code_lines(source: str) -> int:
    """Return how many lines of a module run."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(found)


if __name__ == "__main__":
    main()
