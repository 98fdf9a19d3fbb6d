"""The strings that the names of a module hold, read from its source without running it."""

from __future__ import annotations

import ast
import warnings

Text = tuple[str, int]
"""A string and its line."""


def parse(data: bytes) -> ast.Module | None:
    """Return the syntax tree of a source, None for one that this Python cannot parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in strings
            return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class Literals:
    """What the names of a module hold, as far as strings, lists and sums tell; branches for developers are left out."""

    def __init__(self, module: ast.Module) -> None:
        self._values: dict[str, list[Text]] = {}
        self._block(module.body)

    def get(self, name: str) -> list[Text]:
        """Return the strings of a name, nothing for one that is not known."""
        return self._values.get(name, [])

    def strings(self, node: ast.expr) -> list[Text]:
        """Return the strings of an expression."""
        if isinstance(node, ast.Constant):
            return [(node.value, node.lineno)] if isinstance(node.value, str) else []
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return [text for element in node.elts for text in self.strings(element)]
        if isinstance(node, ast.Starred):
            return self.strings(node.value)
        if isinstance(node, ast.BinOp):
            return self.strings(node.left) + self.strings(node.right)
        return list(self.get(node.id)) if isinstance(node, ast.Name) else []

    def _block(self, statements: list[ast.stmt]) -> None:
        for node in statements:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._values[dotted_end(target)] = self.strings(node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self._values[dotted_end(node.target)] = self.strings(node.value)
            elif isinstance(node, ast.AugAssign):
                self._values.setdefault(dotted_end(node.target), []).extend(self.strings(node.value))
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                self._change(node.value)
            elif (isinstance(node, ast.If) and not _is_for_developers(node.test)) or isinstance(node, (ast.Try, ast.With)):
                self._block(node.body)

    def _change(self, call: ast.Call) -> None:
        """Follow `INSTALLED_APPS.append("x")`, `insert` and `extend`."""
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in ("append", "insert", "extend") and call.args:
            self._values.setdefault(dotted_end(function.value), []).extend(self.strings(call.args[-1]))


def dotted_end(node: ast.expr) -> str:
    """Return the last name of a dotted expression, the empty string for any other."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_for_developers(test: ast.expr) -> bool:
    """Tell whether a condition asks for debugging or for tests, which a deployed app does without."""
    text = ast.unparse(test).upper()
    return ("DEBUG" in text or "TEST" in text) and "NOT " not in text
