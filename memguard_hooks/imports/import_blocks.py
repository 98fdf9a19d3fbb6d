"""`try` that only imports, sets names to constants, and tells what is missing: it can move into functions as a whole."""

from __future__ import annotations

from memguard_hooks.formats.python_nodes import last_name, walk

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast

_TELLING = frozenset({"critical", "debug", "error", "exception", "info", "print", "warn", "warning"})
"""Functions, by their last names, that tell something and do nothing else."""


def statements_of(node: ast.AST) -> list[ast.stmt] | None:
    """Return the statements of a `try` that can move as a whole, None for anything else.

    It imports, sets names to constants of one line, and asks builtin names alone what went wrong; that it may tell or raise.
    """
    if type(node).__name__ != "Try" or node.finalbody:  # type: ignore[attr-defined]
        return None
    handlers: list[ast.ExceptHandler] = node.handlers  # type: ignore[attr-defined]
    if not handlers or any(one.name is not None or not _is_of_names(one.type) for one in handlers):
        return None
    in_handlers = [one for handler in handlers for one in handler.body]
    others = [*node.body, *node.orelse]  # type: ignore[attr-defined]
    is_plain = all(map(_is_plain, others)) and all(_is_plain(one) or _tells(one) for one in in_handlers)
    return [*others, *in_handlers] if is_plain else None


def told_with(block: ast.Try) -> frozenset[str]:
    """Return the names that a block needs to tell what is missing."""
    told = (one for handler in block.handlers for one in handler.body if _tells(one))
    return frozenset(node.id for one in told for node in walk(one) if type(node).__name__ == "Name")  # type: ignore[attr-defined]


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


def _tells(node: ast.stmt) -> bool:
    """Return whether a statement logs, prints or raises something, in lines that may be indented further."""
    kind = type(node).__name__
    if kind == "Raise":
        call = node.exc or node  # type: ignore[attr-defined]
        if last_name(getattr(call, "func", call)) in ("SystemExit", "exit") or node.cause is not None:  # type: ignore[attr-defined]
            return False
    elif kind == "Expr" and last_name(getattr(node.value, "func", node)) in _TELLING:  # type: ignore[attr-defined]
        call = node.value  # type: ignore[attr-defined]
    else:
        return False
    inner = (type(one).__name__ for one in walk(call))
    is_plain = all(one in _TOLD or one in ("Load", "Raise") for one in inner)
    return is_plain and all(
        one.lineno == one.end_lineno  # type: ignore[attr-defined]
        for one in walk(call)
        if type(one).__name__ in ("Constant", "JoinedStr")
    )


_TOLD = frozenset({"Attribute", "BinOp", "Add", "Call", "Constant", "FormattedValue", "JoinedStr", "Mod", "Name", "keyword"})
"""Kinds of nodes in what is told."""


def _is_of_names(node: ast.expr | None) -> bool:
    """Return whether a handler catches all, or errors that are named without a dot."""
    if node is None or type(node).__name__ == "Name":
        return True
    return type(node).__name__ == "Tuple" and all(type(one).__name__ == "Name" for one in node.elts)  # type: ignore[attr-defined]
