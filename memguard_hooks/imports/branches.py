"""The ways that a statement may take, of which one run of it takes one: `if`, `match`, and guards that return."""

from __future__ import annotations

from memguard_hooks.formats.python_nodes import walk
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Sequence
else:
    import _ast as ast  # its nodes alone, as in `plain_values`

_LEAVING = (ast.Return, ast.Raise)
_UNTOLD = ast.Constant(..., lineno=0, col_offset=0)
"""The condition of a pattern that tells more than a value."""
_OF_TARGET = frozenset({"TYPE_CHECKING", "version_info", "hexversion", "platform", "os.name", "__name__", "__debug__"})
"""Names in conditions that the target decides."""


class BranchNode(Record):
    """One way: the condition, None for what is left, the statements, and the line of the pattern that is a case."""

    test: ast.expr | None
    body: list[ast.stmt]
    line: int = 0


def branches_at(statements: Sequence[ast.stmt], at: int) -> tuple[list[BranchNode], int]:
    """Return the ways of the statement at a place in a block, and the place behind them; none of one that has no ways.

    Guards that return or raise take the rest of the block for the way that is left.
    """
    node = statements[at]
    if isinstance(node, ast.Match):
        found = [BranchNode(_matches(node.subject, case), case.body, case.pattern.lineno) for case in node.cases]
        _place_at(node.subject, (one.test for one in found if one.test is not None and one.test is not _UNTOLD))
        return (found if found[-1].test is None else [*found, BranchNode(None, [])]), at + 1
    if not isinstance(node, ast.If):
        return [], at
    if _is_guard(node):
        found = []
        while at < len(statements) and isinstance(guard := statements[at], ast.If) and _is_guard(guard):
            found.append(BranchNode(guard.test, guard.body))
            at += 1
        return [*found, BranchNode(None, list(statements[at:]))], len(statements)
    return list(_chain(node)), at + 1


def _place_at(subject: ast.expr, tests: Iterable[ast.expr]) -> None:
    """Give the conditions of cases the place of what is matched."""
    from ast import copy_location

    for test in tests:
        copy_location(test, subject)


def _chain(node: ast.If) -> Iterator[BranchNode]:
    """Yield the ways of `if`, `elif` and `else`."""
    while True:
        yield BranchNode(node.test, node.body)
        if len(node.orelse) != 1 or not isinstance(inner := node.orelse[0], ast.If):
            yield BranchNode(None, node.orelse)
            return
        node = inner


def _is_guard(node: ast.If) -> bool:
    return not node.orelse and isinstance(node.body[-1], _LEAVING)


def _matches(subject: ast.expr, case: ast.match_case) -> ast.expr | None:
    """Return the condition under which a case takes a subject, None for all that is left."""
    if case.guard is not None:
        return _UNTOLD
    match case.pattern:
        case ast.MatchAs(pattern=None):
            return None
        case ast.MatchValue(value=value):
            return ast.Compare(subject, [ast.Eq()], [value])
        case ast.MatchSingleton(value=value):
            return ast.Compare(subject, [ast.Is()], [ast.Constant(value)])
        case ast.MatchOr(patterns=patterns) if all(isinstance(one, ast.MatchValue) for one in patterns):
            values = [one.value for one in patterns if isinstance(one, ast.MatchValue)]
            return ast.Compare(subject, [ast.In()], [ast.Tuple(values, ast.Load())])
    return _UNTOLD


def compares_texts(branches: Sequence[BranchNode]) -> bool:
    """Return whether texts that are written out decide: `settings.STORE == "faiss"`."""
    tests = [one.test for one in branches if isinstance(one.test, ast.Compare)]
    return any(isinstance(value, ast.Constant) and isinstance(value.value, str) for one in tests for value in _values(one))


def _values(test: ast.Compare) -> Iterator[ast.expr]:
    for node in (test.left, *test.comparators):
        yield from node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else (node,)


def decides_outside(branches: Sequence[BranchNode], node: ast.stmt) -> bool:
    """Return whether the ways of a statement outside of functions are told apart: not by the target, or no name.

    A guard that raises is none: what follows it is the file.
    """
    if not branches or (isinstance(node, ast.If) and _is_guard(node)):
        return False
    return not any(one.test is not None and (is_main(one.test) or _is_of_target(one.test)) for one in branches)


def _is_of_target(test: ast.expr) -> bool:
    """Return whether a condition asks for the Python, the platform, or whether a type checker reads."""
    return not _OF_TARGET.isdisjoint(word for node in walk(test) for word in _words(node))


def _words(node: ast.AST) -> tuple[str, ...]:
    """Return the names in a node: `os`, and of what is asked of it `name` and `os.name`."""
    if isinstance(node, ast.Attribute):
        return (node.attr, f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else node.attr)
    return (node.id,) if isinstance(node, ast.Name) else ()


def names_constants(branches: Sequence[BranchNode]) -> bool:
    """Return whether what is written as a constant decides, or the command line: `settings.USE_GPU`, `sys.argv`."""
    words = (word for one in branches if one.test is not None for node in walk(one.test) for word in _words(node))
    return any((word.isupper() and len(word) > 1) or word == "sys.argv" for word in words)


def is_main(test: ast.expr) -> bool:
    """Return whether a condition asks whether the file is run by itself."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and isinstance(test.ops[0], ast.Eq)
    )


def is_for_checkers(test: ast.expr) -> bool:
    """Return whether a condition holds only where a type checker reads: `TYPE_CHECKING`, also `TYPE_CHECKING is True`."""
    match test:
        case ast.Compare(left=left, ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=True)]):
            return is_for_checkers(left)
    return (test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")) == "TYPE_CHECKING"
