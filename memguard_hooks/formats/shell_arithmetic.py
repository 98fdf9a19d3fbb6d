"""Integer arithmetic of the shell, `$((2 * 2 + 1))`. Facts: POSIX.1-2024, 2.6.4 Arithmetic Expansion."""

from __future__ import annotations

import ast
import re

from memguard_hooks.formats.python_literals import combine

MAX_LENGTH = 200
"""Characters of an expression; a longer one has no known value."""


def calculate(text: str) -> int | None:
    """Return the value of integer arithmetic, None for what is none or has no known value."""
    if len(text) > MAX_LENGTH or not re.fullmatch(r"[\d\s+\-*/%()]+", text):
        return None
    try:
        value = _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None
    return value


def _value(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        if max(abs(left), abs(right)) < 2**31:
            total = combine(node.op, left, right)
            if total is not None:
                return total
            if isinstance(node.op, ast.Div):  # of the shell: towards zero
                return abs(left) // abs(right) * (1 if (left < 0) is (right < 0) else -1)
    raise ValueError("not integer arithmetic")
