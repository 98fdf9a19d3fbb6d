"""`try` that only imports, and sets names to constants: it can move into functions as a whole."""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast


def statements_of(node: ast.AST) -> list[ast.stmt] | None:
    """Return the statements of a `try` that can move as a whole, None for anything else.

    It imports, sets names to constants of one line, and asks builtin names alone what went wrong.
    """
    if type(node).__name__ != "Try" or node.finalbody:  # type: ignore[attr-defined]
        return None
    handlers: list[ast.ExceptHandler] = node.handlers  # type: ignore[attr-defined]
    if not handlers or any(one.name is not None or not _is_of_names(one.type) for one in handlers):
        return None
    suites = [node.body, *(one.body for one in handlers), node.orelse]  # type: ignore[attr-defined]
    found = [one for suite in suites for one in suite]
    return found if all(map(_is_plain, found)) else None


def bound_by_assignment(statement: ast.stmt) -> list[ast.Name]:
    """Return the names that a statement of such a block sets to a constant."""
    return statement.targets if type(statement).__name__ == "Assign" else []  # type: ignore[attr-defined]


def _is_plain(node: ast.stmt) -> bool:
    kind = type(node).__name__
    if kind in ("Import", "ImportFrom"):
        return all(one.name != "*" for one in node.names)  # type: ignore[attr-defined]
    if kind != "Assign":
        return kind == "Pass"
    value: ast.expr = node.value  # type: ignore[attr-defined]
    is_name = all(type(one).__name__ == "Name" for one in node.targets)  # type: ignore[attr-defined]
    return is_name and type(value).__name__ == "Constant" and node.lineno == node.end_lineno


def _is_of_names(node: ast.expr | None) -> bool:
    """Return whether a handler catches all, or errors that are named without a dot."""
    if node is None or type(node).__name__ == "Name":
        return True
    return type(node).__name__ == "Tuple" and all(type(one).__name__ == "Name" for one in node.elts)  # type: ignore[attr-defined]
