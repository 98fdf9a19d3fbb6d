"""What a process keeps of an import beside the functions that use it: values that are built of it while the app starts.

Who uses these as the app serves needs the library as well, wherever its import stands. Names are followed, not values: what
has the name of something else is taken for it, so that an import is rather said to be used than not. A name is written as
it is, an attribute of anything with a dot before it: `model`, `.model`.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.formats.python_nodes import last_name, outside_functions, targets, text_of, walk
from memguard_hooks.imports.graph import Walk
from memguard_hooks.imports.sources import SourceFiles
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped, reached

_FILLING = frozenset({"add", "append", "appendleft", "extend", "insert", "put", "setdefault", "update"})
"""Methods that keep what they are given: of lists, sets, dictionaries and queues."""


class KeptValues(Record):
    """Names and attributes that stand for what an import of a file gave, and the functions of the file that say one."""

    words: frozenset[str]
    users: tuple[str, ...]


def kept_at_load(sources: SourceFiles, path: str, lines: Collection[int]) -> KeptValues:
    """Return what stands for the imports of some lines, and for what is built of these as the file loads."""
    body = _body(sources, path)
    imports = (one for one in outside_functions(body) if isinstance(one, (ast.Import, ast.ImportFrom)))
    names = {alias.asname or alias.name.partition(".")[0] for one in imports if one.lineno in lines for alias in one.names}
    return _followed(body, names)


def kept_by(sources: SourceFiles, path: str, functions: Collection[str]) -> KeptValues:
    """Return what stands for what functions have made: what they return, what they set, and what they are methods of."""
    body = _body(sources, path)
    words = {name.partition(".")[0] for name in functions}
    for _, node in (one for one in _functions_in(body) if one[0] in functions):
        words.update(_set_beyond([node]))
        words.update({name for one in walk(node) for name, _ in _filled(one)}.difference(_names_set([node])))
        words.update(name for one in walk(node) if isinstance(one, ast.Global) for name in one.names)
    found = _followed(body, words)
    return found._replace(users=tuple(one for one in found.users if one not in functions))


def is_used_in_requests(entry: ServiceEntry, walked: Walk, path: str, kept: KeptValues) -> bool:
    """Return whether what is kept of a file is used by a function that runs as a service serves.

    Names are taken by the files that import that one, and attributes, as those of `app.state`, by any.
    """
    serving = grouped(place for place, stage in walked.ran.items() if stage == "serving")
    has_attributes = any(word.startswith(".") for word in kept.words)

    def has_any(file: str, users: Iterable[str]) -> bool:
        return any(name == user or name.startswith(f"{user}.") for user in users for name in serving.get(file, ()))

    near = (one for one in serving if one != path and (has_attributes or path in walked.edges.get(one, ())))
    return has_any(path, kept.users) or any(has_any(one, _users_of(entry.sources, one, kept)) for one in near)


def _users_of(sources: SourceFiles, path: str, kept: KeptValues) -> Sequence[str]:
    """Return the functions of another file that say a name of what is kept, as `model` or `llm.model`, or one of its own."""
    data = sources.data(path)
    if data.isascii() and not any(word.lstrip(".").encode() in data for word in kept.words):
        return ()
    body = _body(sources, path)
    imports = (one for one in outside_functions(body) if isinstance(one, ast.ImportFrom))
    renamed = {alias.asname for one in imports for alias in one.names if alias.asname and alias.name in kept.words}
    return _followed(body, {*kept.words, *(f".{word}" for word in kept.words), *renamed}).users


def _body(sources: SourceFiles, path: str) -> list[ast.stmt]:
    nodes = sources.nodes(path)
    return [] if nodes is None else nodes.tree.body


def _followed(body: list[ast.stmt], words: Iterable[str | int]) -> KeptValues:
    """Follow words to what the file binds at its top to what is built of them."""
    bound: list[set[str]] = []
    saying: list[tuple[str, int]] = []
    for node in outside_functions(body):
        for names, values in _binding(node):
            saying += ((word, len(bound)) for word in _words(values))
            bound.append(names)
    assigned = grouped(saying)

    def following(one: str | int) -> Iterable[str | int]:
        return bound[one] if isinstance(one, int) else assigned.get(one, ())

    found = frozenset(one for one in reached(words, following) if isinstance(one, str))
    return KeptValues(found, tuple(_saying(body, found)))


def _binding(node: ast.AST) -> Iterator[tuple[set[str], Sequence[ast.AST]]]:
    """Yield what one node of the module level binds or fills, and of what.

    A class is bound to what it is made of, and so are the names of its body, which are read as its attributes.
    """
    if isinstance(node, ast.ClassDef):
        inner = [one for one in node.body if not isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
        names = {f".{name}" for name in _names_set(inner)}
        yield {node.name, *names}, [*node.bases, *node.keywords, *node.decorator_list, *inner]
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield {node.name}, node.decorator_list
    elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
        if node.value is not None:
            yield {*_set_beyond(targets(node)), *_names_set(targets(node))}, [node.value]
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield {*_set_beyond([node.target]), *_names_set([node.target])}, [node.iter]
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield {*_set_beyond([node.optional_vars]), *_names_set([node.optional_vars])}, [node.context_expr]
    else:
        yield from (({name}, values) for name, values in _filled(node))


def _filled(node: ast.AST) -> Iterator[tuple[str, Sequence[ast.AST]]]:
    """Yield what a call may fill, and with what: `tables` of `tables.append(…)`, the attribute that `setattr` sets."""
    if not isinstance(node, ast.Call) or not (node.args or node.keywords):
        return
    if last_name(node.func) == "setattr" and len(node.args) == 3:
        yield from ((name, node.args[2:]) for name in _attribute_in(node))
    elif isinstance(node.func, ast.Attribute) and node.func.attr in _FILLING:
        holder = node.func.value
        name = last_name(holder)
        if name:
            yield (name if isinstance(holder, ast.Name) else f".{name}"), [*node.args, *node.keywords]


def _attribute_in(call: ast.Call) -> Iterator[str]:
    """Yield the attribute that `getattr` or `setattr` is given as a text."""
    named = call.args[1] if len(call.args) > 1 and last_name(call.func) in ("getattr", "setattr") else None
    if (text := text_of(named)) is not None:
        yield f".{text}"


def _set_beyond(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield what syntax sets of something else: the attribute of `app.state.model = …`, the table of `models[name] = …`."""
    for node in (inner for one in nodes for inner in walk(one)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield f".{node.attr}"
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield last_name(node.value) if isinstance(node.value, ast.Name) else f".{last_name(node.value)}"


def _names_set(nodes: Iterable[ast.AST]) -> Iterator[str]:
    every = (inner for one in nodes for inner in walk(one))
    yield from (one.id for one in every if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))


def _words(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names and attributes that syntax says."""
    found: set[str] = set()
    for node in (inner for one in nodes for inner in walk(one)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(f".{node.attr}")
        elif isinstance(node, ast.Call):
            found.update(_attribute_in(node))
    return found


def _saying(body: Iterable[ast.stmt], words: Collection[str]) -> Iterator[str]:
    """Yield the functions that say one of some words, in what they run when they are called or are given then."""
    for name, node in _functions_in(body):
        if not _words([node.args, *node.body]).isdisjoint(words):
            yield name


def _functions_in(body: Iterable[ast.AST], prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield the functions of a file, and those of its classes, with their names."""
    for node in outside_functions(body):
        if isinstance(node, ast.ClassDef):
            yield from _functions_in(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name, node
