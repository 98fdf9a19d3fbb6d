"""What a process keeps of an import beside the functions that use it: values that are built of it while the app starts.

Who uses these as the app serves needs the library as well, wherever its import stands. Names are followed, not values: what
has the name of something else is taken for it, so that an import is rather said to be used than not.
"""

from __future__ import annotations

import ast

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_nodes import last_name, outside_functions, walk
from memguard_hooks.formats.python_source import decode, parse
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.imports.graph import Walk
    from memguard_hooks.imports.sources import SourceFiles

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class KeptValues(Record):
    """Names of a file, and attributes of anything, that stand for what an import gave, and functions of it that say one."""

    names: frozenset[str]
    attributes: frozenset[str]
    users: tuple[str, ...]


def kept_at_load(sources: SourceFiles, path: str, lines: Collection[int]) -> KeptValues:
    """Return what stands for the imports of some lines, and for what is built of these as the file loads."""
    body = _body(sources, path)
    imports = (one for one in outside_functions(body) if isinstance(one, (ast.Import, ast.ImportFrom)))
    names = {alias.asname or alias.name.partition(".")[0] for one in imports if one.lineno in lines for alias in one.names}
    return _followed(body, names, set())


def kept_by(sources: SourceFiles, path: str, functions: Collection[str]) -> KeptValues:
    """Return what stands for what functions have made: what they return, what they set, and what they are methods of."""
    body = _body(sources, path)
    names = {name.partition(".")[0] for name in functions}
    attributes: set[str] = set()
    for name, node in _functions_in(body):
        if name in functions:
            said = {alias for one in walk(node) if isinstance(one, ast.Global) for alias in one.names}
            names |= said
            for target in (one for one in walk(node) if isinstance(getattr(one, "ctx", None), ast.Store)):
                if isinstance(target, ast.Attribute):
                    attributes.add(target.attr)
                elif isinstance(target, ast.Subscript):
                    (names if isinstance(target.value, ast.Name) else attributes).add(last_name(target.value))
    found = _followed(body, names, attributes)
    return found._replace(users=tuple(one for one in found.users if one not in functions))


def users_of(sources: SourceFiles, path: str, kept: KeptValues) -> tuple[str, ...]:
    """Return the functions of another file that say a name of what is kept, as `model` or `llm.model`."""
    data = sources.data(path)
    if data.isascii() and not any(name.encode() in data for name in kept.names | kept.attributes):
        return ()
    return tuple(_saying(_body(sources, path), kept.names, kept.names | kept.attributes))


def is_used_in_requests(entry: ServiceEntry, walked: Walk, path: str, kept: KeptValues) -> bool:
    """Return whether what is kept of a file is used by a function that runs as a service serves.

    Names are taken by the files that import that one, and attributes, as those of `app.state`, by any.
    """
    serving = grouped(place for place, stage in walked.ran.items() if stage == "serving")

    def has_any(file: str, users: Iterable[str]) -> bool:
        return any(name == user or name.startswith(f"{user}.") for user in users for name in serving.get(file, ()))

    near = (file for file in serving if file != path and (kept.attributes or path in walked.edges.get(file, ())))
    return has_any(path, kept.users) or any(has_any(file, users_of(entry.sources, file, kept)) for file in near)


def _body(sources: SourceFiles, path: str) -> list[ast.stmt]:
    try:
        return parse(decode(sources.data(path), path)).body
    except MemguardError:
        return []


def _followed(body: list[ast.stmt], names: set[str], attributes: set[str]) -> KeptValues:
    """Follow names into what the file binds at its top to what is built of them."""
    waiting = [one for one in outside_functions(body) if isinstance(one, (ast.Assign, ast.AnnAssign))]
    says = _says(names, attributes)
    while built := [one for one in waiting if one.value is not None and says(one.value)]:
        waiting = [one for one in waiting if one not in built]
        targets = [target for one in built for target in (one.targets if isinstance(one, ast.Assign) else [one.target])]
        names.update(node.id for target in targets for node in walk(target) if isinstance(node, ast.Name))
        attributes.update(target.attr for target in targets if isinstance(target, ast.Attribute))
        says = _says(names, attributes)
    return KeptValues(frozenset(names), frozenset(attributes), tuple(_saying(body, names, attributes)))


def _says(names: Collection[str], attributes: Collection[str]) -> Callable[[ast.AST], bool]:
    def says(node: ast.AST) -> bool:
        return any(
            (isinstance(one, ast.Name) and one.id in names) or (isinstance(one, ast.Attribute) and one.attr in attributes)
            for one in walk(node)
        )

    return says


def _saying(body: Iterable[ast.stmt], names: Collection[str], attributes: Collection[str]) -> Iterator[str]:
    """Yield the functions that say a name or an attribute, in what they run when they are called or are given then."""
    says = _says(names, attributes)
    for name, node in _functions_in(body):
        if any(map(says, (node.args, *node.body))):
            yield name


def _functions_in(body: Iterable[ast.AST], prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield the functions of a file, and those of its classes, with their names."""
    for node in outside_functions(body):
        if isinstance(node, ast.ClassDef):
            yield from _functions_in(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, _FUNCTIONS):
            yield prefix + node.name, node
