"""A project as it would be with imports moved into the functions that use them, so that what deferring brings is computed.

What is built of an import as the file loads, such as `client = OpenAI()`, moves along. What a decorator, a base class or any
other statement of the module uses cannot be moved.
"""

from __future__ import annotations

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_nodes import children, walk
from memguard_hooks.formats.python_source import decode, shortened, tree_of
from memguard_hooks.imports.import_blocks import statements_of
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped, reached
from memguard_hooks.shape import record, rows, texts

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from memguard_hooks.imports.sources import SourceFiles

MAX_LINES = 20_000
"""Lines that a move adds: each of the statements stands in each function that uses one."""

_STAR = late_pattern(rb"import[\s(\\]*\*")


class Move(Record):
    """Statements moved within a file: the names that it does not hold any more, and the functions that have them now."""

    names: tuple[str, ...]
    users: tuple[str, ...]


class MovedFile(Record):
    """A file with statements moved, and what has been."""

    data: bytes
    move: Move


def find_move(sources: SourceFiles, path: str, lines: Collection[int]) -> Move | None:
    """Return what moving the imports of some lines would move, None where it cannot be done; kept by the content."""
    key = (b"move", sources.content(path), b"%d" % path.endswith("__init__.py"), repr(sorted(lines)).encode())
    kept = sources.store.known(rows(record(Move, texts, texts)), *key)
    if kept is None:
        moved = move_imports(sources.data(path), path, lines)
        kept = () if moved is None else (moved.move,)
        sources.store.put(kept, *key)
    return next(iter(kept), None)


def takes_any(sources: SourceFiles, path: str, names: Sequence[str]) -> bool:
    """Return whether a file takes a name from some other: by `from other import name`, or as `other.name`."""
    data = sources.data(path)
    if data.isascii() and not _STAR.search(data) and not any(name.encode() in data for name in names):
        return False  # as of most files: no need to parse it
    key = (b"takes", sources.content(path), *(name.encode("utf-8", "surrogatepass") for name in names))
    kept = sources.store.known(bool, *key)
    if kept is None:
        nodes = sources.nodes(path)
        kept = nodes is None or _takes_any(nodes.tree, names)
        sources.store.put(kept, *key)
    return kept


def move_imports(data: bytes, path: str, lines: Collection[int]) -> MovedFile | None:
    """Return a file with the imports of some lines moved, None where that cannot be done by moving statements."""
    try:
        text = decode(data, path)
        if shortened(text) != text:
            return None
        body = tree_of(text).body
    except MemguardError:
        return None
    rows = text.split("\n")
    moved = [node for node in body if node.lineno in lines and type(node).__name__ in ("Import", "ImportFrom")]
    there = {node.lineno for node in moved}
    for node in body:
        numbers = {inner.lineno for inner in statements_of(node) or ()}.intersection(lines)
        if numbers:  # a `try` that moves as a whole
            moved.append(node)
            there |= numbers
    if there != set(lines) or path.endswith("__init__.py"):  # in a condition, or handed on
        return None
    plain = [node for node in body if node not in moved and _is_plain_assignment(node)]
    saying = grouped((name, number) for number, node in enumerate(plain) for name in _names([node]))

    def following(one: str | int) -> Iterable[str | int]:
        return _bound(plain[one]) if isinstance(one, int) else saying.get(one, ())

    starts: list[str | int] = [name for node in moved for name in _bound(node)]
    found = reached(starts, following)
    bound = {one for one in found if isinstance(one, str)}
    moved += (plain[one] for one in sorted(one for one in found if isinstance(one, int)))
    gone = set(map(id, moved))
    kept = [node for node in body if id(node) not in gone]
    users: list[tuple[str, ast.stmt]] = []
    for node in kept:
        own = _users(node, bound)
        if own is None:
            return None
        users += own
    if len(moved) * len(users) > MAX_LINES:
        return None
    rewritten = _rewritten(rows, sorted(moved, key=lambda node: node.lineno), [node for _, node in users])
    move = Move(tuple(sorted(bound)), tuple(name for name, _ in users))
    return None if rewritten is None else MovedFile(rewritten, move)


def _takes_any(tree: ast.Module, names: Collection[str]) -> bool:
    for node in walk(tree):
        kind = type(node).__name__
        if kind == "ImportFrom" and any(alias.name in names or alias.name == "*" for alias in node.names):  # type: ignore[attr-defined]
            return True
        if kind == "Attribute" and node.attr in names:  # type: ignore[attr-defined]
            return True
    return False


def _rewritten(rows: list[str], moved: Iterable[ast.stmt], users: Iterable[ast.stmt]) -> bytes | None:
    """Return the lines of a file with statements moved to the beginning of functions, None where a line holds more."""
    rows = list(rows)
    taken: list[str] = []
    for node in moved:
        assert node.end_lineno is not None
        own = rows[node.lineno - 1 : node.end_lineno]
        if node.col_offset or ";" in own[-1]:
            return None
        taken += own
        rows[node.lineno - 1 : node.end_lineno] = ["pass", *[""] * (len(own) - 1)]
    for first in sorted((_first(user) for user in users), key=lambda node: -node.lineno):
        indent = rows[first.lineno - 1][: first.col_offset]
        if indent.strip():
            return None
        rows[first.lineno - 1 : first.lineno - 1] = [indent + row for row in taken]
    return "\n".join(rows).encode("utf-8", "surrogatepass")


def _first(function: ast.stmt) -> ast.stmt:
    """Return the statement of a function before which others may be put: behind its docstring."""
    body: list[ast.stmt] = function.body  # type: ignore[attr-defined]
    is_text = type(body[0]).__name__ == "Expr" and isinstance(getattr(body[0].value, "value", None), str)  # type: ignore[attr-defined]
    return body[1] if is_text and len(body) > 1 else body[0]


def _users(node: ast.stmt, bound: Collection[str], prefix: str = "") -> list[tuple[str, ast.stmt]] | None:
    """Return the functions of a statement that use names, by their own, None where it uses one as the file loads."""
    kind = type(node).__name__
    if kind in ("FunctionDef", "AsyncFunctionDef"):
        body: list[ast.AST] = node.body  # type: ignore[attr-defined]
        if not _names(_run_by_definition(node)).isdisjoint(bound):
            return None
        return [(prefix + node.name, node)] if not _names(body).isdisjoint(bound) else []  # type: ignore[attr-defined]
    if kind == "ClassDef":
        inner: list[ast.stmt] = node.body  # type: ignore[attr-defined]
        if not _names(_head(node)).isdisjoint(bound):
            return None
        found = [_users(part, bound, f"{prefix}{node.name}.") for part in inner]  # type: ignore[attr-defined]
        return None if None in found else [user for users in found for user in users or ()]
    return None if not _names([node]).isdisjoint(bound) else []


def _run_by_definition(node: ast.stmt) -> list[ast.AST]:
    """Return what defining a function runs; of one without decorators nobody reads the annotations, which can be quoted."""
    if node.decorator_list:  # type: ignore[attr-defined]
        return _head(node)
    arguments: ast.arguments = node.args  # type: ignore[attr-defined]
    return [one for one in (*arguments.defaults, *arguments.kw_defaults) if one is not None]


def _is_plain_assignment(node: ast.stmt) -> bool:
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    is_assignment = type(node).__name__ in ("Assign", "AnnAssign") and getattr(node, "value", None) is not None
    return is_assignment and all(type(target).__name__ == "Name" for target in targets)


def _head(node: ast.stmt) -> list[ast.AST]:
    """Return the parts of a function or a class that stand before its body."""
    inside = set(map(id, node.body))  # type: ignore[attr-defined]
    return [part for part in children(node) if id(part) not in inside]


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that an import, an assignment, or a `try` that moves as a whole binds."""
    for inner in statements_of(node) or ():
        yield from _bound(inner)
    for alias in getattr(node, "names", ()):
        yield alias.asname or alias.name.partition(".")[0]
    for target in getattr(node, "targets", None) or [getattr(node, "target", None)]:
        if target is not None:
            yield target.id


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    """Return all names that syntax mentions."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if type(node).__name__ == "Name":
            found.add(node.id)  # type: ignore[attr-defined]
        waiting += children(node)
    return found
