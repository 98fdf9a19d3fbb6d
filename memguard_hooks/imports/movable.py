"""Whether imports of the module level can move into the functions that use them, where to, and what holds those that cannot.

This is what the file shows by itself. Which of its functions run while it loads, who else takes a name from it, and what a
move saves, others have to say.
"""

from __future__ import annotations

import ast
import re

from memguard_hooks.imports.model import LAZY_ANNOTATIONS_PYTHON
from memguard_hooks.imports.name_uses import Annotation, Binding, FunctionNode, NameUses, Use, bound_by, find_uses
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import TypeAlias

ImportNode: TypeAlias = "ast.Import | ast.ImportFrom"
Spot: TypeAlias = "tuple[int, int]"
"""The line and the column where a function begins, which tell it from all others of its file."""

EFFECTS = frozenset({
    "cysignals", "ddtrace", "eventlet", "faulthandler", "gevent", "hvplot", "intel_extension_for_pytorch", "mpl_toolkits",
    "newrelic", "pandas_ta", "readline", "scienceplots", "scoutapm", "sklearn.experimental", "sklearnex", "swifter",
    "tensorflow_text", "torch_directml", "torch_npu", "truststore", "unsloth", "xformers",
})  # fmt: skip
"""Modules that are imported for what that does to others: patches, registrations, accessors."""

REGISTERING = frozenset({
    "geoviews", "hdf5plugin", "holoviews", "keras_cv", "keras_hub", "keras_nlp", "pillow_avif", "pillow_heif",
    "tensorflow_addons", "torchaudio", "torchvision",
})  # fmt: skip
"""Modules that others may need though no name of them is used: they register operators, layers and formats."""

COMPILING = frozenset({
    "cfunc", "compile", "function", "guvectorize", "jit", "kernel", "njit", "pmap", "script", "stencil", "vectorize", "vmap",
})  # fmt: skip
"""Decorators, by their last names, that may read the code of a function, and take no import in it."""

INERT = frozenset({
    "abstractmethod", "asynccontextmanager", "cache", "cached_property", "classmethod", "contextmanager", "deleter", "final",
    "getter", "lru_cache", "override", "overload", "property", "setter", "staticmethod", "wraps",
})  # fmt: skip
"""Decorators, by their last names, that read no annotation."""

_ATTRIBUTES = frozenset({"cached_property", "deleter", "property", "setter"})
"""Decorators whose functions are read as attributes."""

_PLAIN_BASES = frozenset({"ABC", "Exception", "Generic", "Protocol", "RuntimeError", "ValueError", "object"})
"""Bases of classes whose annotations nothing reads."""

_TAKERS = frozenset({
    "Process", "Thread", "Timer", "agg", "apply", "apply_async", "create_task", "filter", "gather", "imap", "isinstance",
    "map", "max", "min", "partial", "pipe", "register", "run_in_executor", "run_in_threadpool", "run_sync", "sorted",
    "starmap", "submit", "to_thread", "transform",
})  # fmt: skip
"""What functions are handed to that only calls them."""

_READERS = frozenset(
    {"beartype", "get_annotations", "get_type_hints", "singledispatch", "singledispatchmethod", "typechecked"}
)
"""Names in a file that reads annotations by itself."""

_NOQA = re.compile(r"#.*\b(?:noqa(?!\s*:)|noqa\s*:[^#]*\bF401\b|unused-import)")


class Held(Record):
    """What keeps an import where it is, and the line of it; a name that stands in the reason is quoted as in the source."""

    line: int
    reason: str


class Host(Record):
    """A function, and what it has to import: each part of an import with its statement, in the order of the file."""

    function: FunctionNode
    imports: tuple[tuple[ImportNode, ast.alias], ...]


class Moves(Record):
    """How imports move: what leaves the module level, where it goes, and what becomes of annotations.

    `for_types` is needed by type checkers alone, `quoted` are the annotations that would be evaluated, and `typed` the
    functions and classes that have them.
    """

    removed: tuple[tuple[ImportNode, ast.alias], ...]
    hosts: tuple[Host, ...]
    for_types: tuple[tuple[ImportNode, ast.alias], ...]
    quoted: tuple[ast.expr, ...]
    typed: tuple[str, ...]


class Wanted(Record):
    """An import that is to move: its line, the module that it names, and which of the names of a `from` import."""

    line: int
    module: str
    names: tuple[str, ...]


class MovableFile:
    """One file whose imports may move."""

    def __init__(
        self, module: ast.Module, text: str, wanted: Sequence[Wanted], python: tuple[int, int] | None, *, is_package: bool
    ) -> None:
        self._module = module
        self._lines = text.split("\n")
        self._is_package = is_package
        found = [(one, list(_parts(module, one))) for one in wanted]
        self._parts = [part for _, parts in found for part in parts]
        self._by_call = next((one.line for one, parts in found if not parts), None)
        self._names = [bound_by(alias) for _, alias in self._parts]
        self._found: NameUses | None = None
        self._is_future = any(
            isinstance(one, ast.ImportFrom)
            and one.module == "__future__"
            and any(a.name == "annotations" for a in one.names)
            for one in module.body
        )
        self._evaluates = not self._is_future and (python is None or python < LAZY_ANNOTATIONS_PYTHON)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the imports bind."""
        return tuple(dict.fromkeys(self._names))

    def moves(self, running: Collection[Spot] = ()) -> Moves | Held:
        """Return how the imports move, or what holds the first that cannot; `running` are functions that loading runs."""
        if self._by_call is not None:
            return Held(self._by_call, "it is imported by a call")
        hosts: dict[FunctionNode, list[tuple[ImportNode, ast.alias]]] = {}
        for_types: list[tuple[ImportNode, ast.alias]] = []
        quoted: dict[ast.expr, None] = {}
        typed: dict[str, None] = {}
        self._found = find_uses(self._module, self._names)
        for statement, alias in self._parts:
            held = self._held(statement, alias)
            if held is not None:
                return held
            uses = [use for use in self._found.uses if self._is_use(use, alias, statement)]
            here: dict[FunctionNode, None] = {}
            for use in uses:
                if self._is_typing(use):
                    continue
                held = _held_by(use)
                host = next((one for one in use.functions if spot_of(one) not in running), None)
                if held is not None or host is None:
                    return held or Held(use.line, f"{use.functions[-1].name}() uses it, and runs while the app loads")
                compiled = next((one for one in host.decorator_list if _decorator(one) in COMPILING), None)
                if compiled is not None:
                    return Held(
                        use.line, f"`@{ast.unparse(compiled)[:40]}` may compile {host.name}(), and takes no import in it"
                    )
                here[host] = None
            for use in uses:
                if not self._is_typing(use):
                    continue
                if use.annotation is not None:
                    reader = self._reader(use.annotation)
                    if reader is not None:
                        return Held(use.line, reader)
                    if use.annotation.owner is not None:
                        typed[use.annotation.owner.name] = None
                    if self._evaluates and not use.functions and not use.is_text and not use.annotation.is_local:
                        quoted[use.annotation.node] = None
                if here.keys().isdisjoint(use.functions) and not self._is_known_to_types(alias):
                    for_types.append((statement, alias))
            if not uses:
                held = self._held_unused(statement, alias)
                if held is not None:
                    return held
            for one in here:
                hosts.setdefault(one, []).append((statement, alias))
        found = tuple(
            Host(*one) for one in sorted(((f, tuple(i)) for f, i in hosts.items()), key=lambda one: spot_of(one[0]))
        )
        return Moves(tuple(self._parts), found, tuple(dict.fromkeys(for_types)), tuple(quoted), tuple(typed))

    # What holds

    def _held(self, statement: ImportNode, alias: ast.alias) -> Held | None:
        """Return what holds one part of an import, whoever uses it."""
        name, line = bound_by(alias), statement.lineno
        module = statement.module or "" if isinstance(statement, ast.ImportFrom) else alias.name
        if statement not in self._module.body:
            return Held(line, _around(self._module, statement))
        if alias.name == "*":
            return Held(line, "it takes all names of the module")
        if _is_below(module, EFFECTS):
            return Held(line, f"{module} is imported for what that changes")
        if alias.asname == alias.name:
            return Held(line, f"`{name} as {name}` hands it on to other files")
        for exported, at in _exported(self._module):
            if exported == name:
                return Held(at, f"line {at} has {name} in `__all__`")
        assert self._found is not None
        for binding in self._found.bindings:
            if binding.name == name and self._is_foreign(binding, alias, statement):
                return Held(binding.line, _bound_again(binding))
        return self._named_in_string(name)

    def _is_foreign(self, binding: Binding, alias: ast.alias, statement: ImportNode) -> bool:
        """Tell whether a binding makes a name something else than the import does."""
        node = binding.node
        if binding.is_for_types or any(node is one for one, _ in self._parts):
            return False
        is_dotted = isinstance(statement, ast.Import) and alias.asname is None
        return not (
            is_dotted and isinstance(node, ast.Import) and all(one.asname is None for one in _of(node, binding.name))
        )

    def _named_in_string(self, name: str) -> Held | None:
        """Return the line that may reach a name by a string: as a key of the names, or in code that is run."""
        nodes = list(ast.walk(self._module))
        called = {one.func.id for one in nodes if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
        is_run, is_asked = not called.isdisjoint(("eval", "exec")), not called.isdisjoint(("globals", "locals", "vars"))
        word = re.compile(rf"\b{re.escape(name)}\b")
        for one in nodes if is_run or is_asked else ():
            if not isinstance(one, ast.Constant) or not isinstance(one.value, str):
                continue
            if one.value == name or (is_run and word.search(one.value)):
                return Held(one.lineno, f"line {one.lineno} names {name} in a string, by which the file may reach it")
        return None

    def _held_unused(self, statement: ImportNode, alias: ast.alias) -> Held | None:
        """Return why an import that nothing uses is not deleted."""
        name, line = bound_by(alias), statement.lineno
        if len(self._parts) > 1 and any(one is statement and other is not alias for one, other in self._parts):
            siblings = [bound_by(other) for one, other in self._parts if one is statement and other is not alias]
            assert self._found is not None
            if any(use.name in siblings for use in self._found.uses):
                return None  # of a `from` import that moves, this name is left behind
        if _is_below(statement.module or "" if isinstance(statement, ast.ImportFrom) else alias.name, REGISTERING):
            return Held(line, f"nothing here uses {name}, and others may need what it registers")
        if self._is_package:
            return Held(line, f"nothing here uses {name}, and a package hands on what it imports")
        if any(_NOQA.search(one) for one in self._lines[line - 1 : statement.end_lineno]):
            return Held(line, f"nothing here uses {name}, and a comment keeps it")
        word = re.compile(rf"\b{re.escape(name)}\b")
        for one in ast.walk(self._module):
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value == name:
                return Held(one.lineno, f"nothing but a string in line {one.lineno} names {name}")
            if isinstance(one, ast.Name) and word.fullmatch(one.id) and isinstance(one.ctx, ast.Load):
                return None  # of the same name, in a scope of its own
        return None

    # Annotations

    def _is_typing(self, use: Use) -> bool:
        """Tell whether nothing but a type checker, or who reads annotations, needs the name in this place."""
        if use.is_text:
            return True
        if use.annotation is None:
            return False
        return use.annotation.is_local or not self._evaluates or not use.functions

    def _is_known_to_types(self, alias: ast.alias) -> bool:
        assert self._found is not None
        return any(one.is_for_types and one.name == bound_by(alias) for one in self._found.bindings)

    def _reader(self, annotation: Annotation) -> str | None:
        """Say who may read an annotation at run time, None for nobody that the file knows of."""
        owner = annotation.owner
        if annotation.is_local or owner is None:
            return None
        if isinstance(owner, ast.ClassDef):
            is_plain = not (owner.decorator_list or owner.keywords)
            is_plain &= all(
                _last(one.value if isinstance(one, ast.Subscript) else one) in _PLAIN_BASES for one in owner.bases
            )
            return None if is_plain else f"class {owner.name} may read the types of its fields at run time"
        for decorator in owner.decorator_list:
            if _decorator(decorator) not in INERT:
                return f"`@{ast.unparse(decorator)[:40]}` may read the types of {owner.name}() at run time"
        return None if any(_last(one) in _ATTRIBUTES for one in owner.decorator_list) else self._taken(owner)

    def _taken(self, function: FunctionNode) -> str | None:
        """Say what a function is handed to that may read its annotations."""
        called: set[int] = set()
        for node in ast.walk(self._module):
            if isinstance(node, ast.Call):
                called.add(id(node.func))
                if _last(node.func) in _TAKERS:
                    called.update(id(one) for one in (*node.args, *(keyword.value for keyword in node.keywords)))
            if isinstance(node, (ast.Name, ast.Attribute)) and _last(node) in _READERS:
                return f"line {node.lineno} reads annotations at run time"
        for node in ast.walk(self._module):
            if not isinstance(node, (ast.Name, ast.Attribute)) or id(node) in called:
                continue
            if isinstance(node.ctx, ast.Load) and _last(node) == function.name:
                return f"line {node.lineno} hands {function.name}() on, and its types may be read at run time"
        return None

    # Uses

    def _is_use(self, use: Use, alias: ast.alias, statement: ImportNode) -> bool:
        """Tell whether a use is that of an import; `google.auth` is none of `google.genai`, where the file imports both."""
        if use.name != bound_by(alias):
            return False
        if isinstance(statement, ast.ImportFrom) or alias.asname is not None or "." not in alias.name:
            return True
        shared = min(len(use.path), len(alias.name))
        is_same = use.path[:shared] == alias.name[:shared]
        is_same &= not (use.path[shared : shared + 1] or alias.name[shared : shared + 1]).strip(".")
        if is_same:
            return True
        assert self._found is not None
        others = [
            one for one in self._found.bindings if one.name == use.name and not any(one.node is s for s, _ in self._parts)
        ]
        return not others


def _parts(module: ast.Module, wanted: Wanted) -> Iterator[tuple[ImportNode, ast.alias]]:
    """Yield the parts of statements that an import names."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import) and node.lineno == wanted.line and not wanted.names:
            yield from ((node, alias) for alias in node.names if alias.name == wanted.module)
        elif isinstance(node, ast.ImportFrom) and node.lineno == wanted.line and node.module == wanted.module:
            yield from ((node, alias) for alias in node.names if alias.name in wanted.names)


def _is_below(module: str, modules: Collection[str]) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:count]) in modules for count in range(1, len(parts) + 1))


def _of(node: ast.Import, name: str) -> list[ast.alias]:
    return [alias for alias in node.names if bound_by(alias) == name]


def spot_of(node: FunctionNode) -> Spot:
    """Return where a function begins."""
    return node.lineno, node.col_offset


def _decorator(node: ast.expr) -> str:
    """Return the last name of a decorator."""
    return _last(node.func if isinstance(node, ast.Call) else node)


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _held_by(use: Use) -> Held | None:
    """Return what holds an import that code of the file uses in one place."""
    if not use.functions:
        return Held(use.line, f"line {use.line} uses it {use.place}, while the file loads")
    if use.is_in_doubt:
        return Held(use.line, f"the class around line {use.line} binds {use.name} too")
    if use.functions[-1].name == "__del__":
        return Held(use.line, "__del__() uses it, and may run when nothing can be imported any more")
    return None


def _bound_again(binding: Binding) -> str:
    node, name = binding.node, binding.name
    if isinstance(node, ast.Global):
        return f"line {binding.line} declares {name} global"
    is_deleted = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del)
    return f"line {binding.line} {f'deletes {name}' if is_deleted else f'binds {name} again'}"


def _around(module: ast.Module, statement: ImportNode) -> str:
    """Say in what an import stands that is not at the module level itself."""
    names = {
        ast.If: "it stands under a condition",
        ast.ClassDef: "it stands in the body of a class",
        ast.Try: "it stands in `try`",
        ast.With: "it stands in `with`",
    }
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(one is statement for one in ast.walk(node)):
            return f"it stands in {node.name}(), which runs while the app loads"
    for node in ast.walk(module):
        if node is not module and not isinstance(node, ast.alias) and any(one is statement for one in ast.walk(node)):
            if isinstance(node, ast.Try) and node.handlers:
                return "it stands in `try`, and its `except` decides what else there is"
            return names.get(type(node), "it stands in a block")
    return "it stands in a block"


def _exported(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names in `__all__`, and the line of each."""
    for statement in module.body:
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in ast.walk(statement)):
            for one in ast.walk(statement):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value, one.lineno
