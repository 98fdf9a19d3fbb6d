"""Whether imports of the module level can move into the functions that use them, where to, and what holds those that cannot.

This is what the file shows by itself. Which of its functions run while it loads, who else takes a name from it, and what a
move saves, others have to say.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from functools import cached_property, lru_cache

from memguard_hooks.formats.python_nodes import children, last_name, walk
from memguard_hooks.imports.built_later import Buildable, BuiltLater, set_by
from memguard_hooks.imports.call_tables import CallTables
from memguard_hooks.imports.import_blocks import bound_by_assignment, statements_of, told_with
from memguard_hooks.imports.model import LAZY_ANNOTATIONS_PYTHON
from memguard_hooks.imports.name_uses import Annotation, BoundPlace, NameUses, Use, bound_by, find_uses
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped, inverted, reached

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from memguard_hooks.imports.built_later import Assignment, Setting
    from memguard_hooks.imports.name_uses import FunctionNode, HostNode

ImportNode: TypeAlias = "ast.Import | ast.ImportFrom"
Part: TypeAlias = "tuple[ImportNode | ast.Assign, ast.alias]"
"""A statement, and one of the names that it imports, or that it sets in a `try` that moves as a whole."""
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
    "abstractmethod", "asynccontextmanager", "cache", "cache_data", "cache_resource", "cached", "cached_property",
    "classmethod", "contextmanager", "deleter", "final", "getter", "inference_mode", "login_required", "lru_cache",
    "no_grad", "on_exception", "override", "overload", "property", "retry", "setter", "staticmethod", "wraps",
})  # fmt: skip
"""Decorators, by their last names, that read no annotation."""

_ATTRIBUTES = frozenset({"cached_property", "deleter", "property", "setter"})
"""Decorators whose functions are read as attributes."""

_OF_CACHES = frozenset({"cache_clear", "cache_info", "cache_parameters", "clear"})
"""Attributes of cached functions, which are read of a function and tell nothing of its types."""

_PLAIN_BASES = frozenset({"ABC", "Exception", "Generic", "Protocol", "RuntimeError", "ValueError", "object"})
"""Bases of classes whose annotations nothing reads."""

_KINDS: dict[str | None, tuple[str, ...]] = {
    "dataclasses": ("dataclass",),
    "typing": ("NamedTuple", "TypedDict"),
    "typing_extensions": ("NamedTuple", "TypedDict"),
}
"""What makes a class with fields and keeps their types as they are written, also as strings, by its module."""

_TYPING = frozenset({"collections.abc", "typing", "typing_extensions"})

_GENERICS = frozenset({"dict", "frozenset", "list", "set", "tuple", "type"})
"""Built-in types that are subscripted with others."""

_TAKING_VALUES = frozenset({"Annotated", "Literal"})
"""What is subscripted with more than types."""

_QUALIFIERS = frozenset({"Annotated", "ClassVar", "Final", "InitVar", "KW_ONLY", "NotRequired", "ReadOnly", "Required"})
"""What the type of a field may say of the field, which is looked for as the class is made."""

_TAKERS = frozenset({
    "Process", "Thread", "Timer", "add_done_callback", "add_task", "agg", "apply", "apply_async", "create_task", "filter",
    "gather", "imap", "isinstance", "map", "max", "min", "partial", "pipe", "register", "run_in_executor",
    "run_in_threadpool", "run_sync", "sorted", "starmap", "submit", "to_thread", "transform",
})  # fmt: skip
"""What functions are handed to that only calls them."""

_READERS = frozenset(
    {"beartype", "get_annotations", "get_type_hints", "singledispatch", "singledispatchmethod", "typechecked"}
)
"""Names in a file that reads annotations by itself."""

_ALWAYS_THERE = frozenset({*dir(builtins), "__file__"})
"""Names that mean the same everywhere in a file that binds none of them."""

EXCEPT_DECIDES = "it stands in `try`, and its `except` decides what else there is"

_CACHING_PYTHON = (3, 9)
"""The first Python that has `functools.cache`."""

MAX_NAMES = 200
"""Names that are imported and judged: each is looked for in the whole file."""

MAX_USES = 50_000
"""Names times uses: each use is asked which of them it is. No hand writes a hundredth of it."""

_NOQA = late_pattern(r"\b(?:noqa(?!\s*:)|noqa\s*:[^#]{0,200}\bF401\b|unused-import)")


class HeldBy(Record):
    """What keeps an import where it is, and the line of it; a name that stands in the reason is quoted as in the source."""

    line: int
    reason: str


class UsingFunction(Record):
    """A function, or what runs only where the file is run by itself, and what it has to import, in the order of the file."""

    function: HostNode
    imports: tuple[Part, ...]

    @property
    def title(self) -> str:
        """What a message calls it."""
        return title_of(self.function)


class BuildingFunction(Record):
    """A value that a function of its own builds at its first use, and what that has to import.

    Its type is quoted where Python would evaluate it.
    """

    value: BuiltLater
    imports: tuple[Part, ...]
    is_quoted: bool


class Moves(Record):
    """How imports move: what leaves the module level, where it goes, and what becomes of annotations.

    `for_types` is needed by type checkers alone, `quoted` are the annotations that would be evaluated, `typed` the functions
    and classes that have them, `built` the values that are built when they are first used, `settings` the statements that
    set an attribute of what moves, each in every function that imports it, and `blocks` the `try` that move as a whole.
    """

    removed: tuple[Part, ...]
    hosts: tuple[UsingFunction, ...]
    for_types: tuple[Part, ...]
    quoted: tuple[ast.expr, ...]
    typed: tuple[str, ...]
    built: tuple[BuildingFunction, ...] = ()
    settings: tuple[Setting, ...] = ()
    blocks: tuple[ast.Try, ...] = ()
    aliases: tuple[str, ...] = ()
    """The names of types that are made of parts in `quoted`."""


class Wanted(Record):
    """An import that is to move: its line, the module that it names, and which of the names of a `from` import."""

    line: int
    module: str
    names: tuple[str, ...]


class _FileNodes:
    """What one file holds, found once for all of its imports."""

    def __init__(self, module: ast.Module) -> None:
        self.statements: dict[int, list[ImportNode]] = {}
        self.texts: list[tuple[str, int]] = []
        """Its strings, with their lines."""
        self.called: set[str] = set()
        """Names that are called."""
        for node in walk(module):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.statements.setdefault(node.lineno, []).append(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.texts.append((node.value, node.lineno))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                self.called.add(node.func.id)
        self.lines_of_texts: dict[str, int] = {}
        for text, line in self.texts:
            self.lines_of_texts.setdefault(text, line)
        self.exported: dict[str, int] = {}
        for name, line in _exported(module):
            self.exported.setdefault(name, line)
        self.of_module = frozenset(module.body)
        imported = {bound_by(alias) for many in self.statements.values() for one in many for alias in one.names}
        self.blocks: dict[ast.AST, ast.Try] = {}
        """The statements of blocks of the module level that can move as a whole."""
        self.parts_of: dict[ast.Try, list[Part]] = {}
        """What each of these binds, by import or by assignment."""
        for block in module.body:
            inner = statements_of(block)
            if inner is not None and isinstance(block, ast.Try):
                self.blocks.update((one, block) for one in inner)
                self.parts_of[block] = [part for one in inner for part in _bound_in_block(one)]
                imported.update(bound_by(alias) for _, alias in self.parts_of[block])
        found = find_uses(module, imported)
        self._bindings = grouped((binding.name, binding) for binding in found.bindings)
        self._uses = grouped((use.name, use) for use in found.uses)

    def uses_of(self, names: Collection[str]) -> NameUses:
        """Return what binds and what uses some of the names that are imported, by position."""
        bindings = [one for name in names for one in self._bindings.get(name, ())]
        uses = [one for name in names for one in self._uses.get(name, ())]
        return NameUses(
            tuple(sorted(bindings, key=lambda one: (one.line, one.name))),
            tuple(sorted(uses, key=lambda one: (one.line, one.path))),
        )


_nodes_of = lru_cache(maxsize=2)(_FileNodes)


class MovableFile:
    """One file whose imports may move."""

    def __init__(
        self, module: ast.Module, text: str, wanted: Sequence[Wanted], python: tuple[int, int] | None, *, is_package: bool
    ) -> None:
        self._module = module
        self._lines = text.split("\n")
        self._is_package = is_package
        self._nodes = _nodes_of(module)
        found = [(one, list(_parts(self._nodes.statements.get(one.line, ()), one))) for one in wanted]
        own = [part for _, parts in found for part in parts]
        self._blocks = dict.fromkeys(self._nodes.blocks[one] for one, _ in own if one in self._nodes.blocks)
        self._parts = [part for part in own if part[0] not in self._nodes.blocks]
        self._parts += [part for block in self._blocks for part in self._nodes.parts_of[block]]
        self._by_call = next((one.line for one, parts in found if not parts), None)
        self._names = [bound_by(alias) for _, alias in self._parts]
        self._found = self._nodes.uses_of(self.names)
        self._moving: set[ast.AST] = {statement for statement, _ in self._parts}
        self._moving.update(name for block in self._blocks for name in _assigned_in(block))
        self._shared = {one.name for one in self._found.bindings if one.node not in self._moving}
        futures = [one for one in module.body if isinstance(one, ast.ImportFrom) and one.module == "__future__"]
        is_future = any(alias.name == "annotations" for one in futures for alias in one.names)
        self._evaluates = not is_future and (python is None or python < LAZY_ANNOTATIONS_PYTHON)
        self._can_cache = python is None or python >= _CACHING_PYTHON
        self._unasked: dict[str, bool] = {}
        """The classes and types of which it is known whether nobody reads them."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the imports bind."""
        return tuple(dict.fromkeys(self._names))

    def moves(self, running: Collection[Spot] = (), building: Collection[str] = ()) -> Moves | HeldBy:
        """Return how the imports move, or what holds the first that cannot; `running` are functions that loading runs.

        Values of classes of the modules `building` may be built when they are first used.
        """
        if self._by_call is not None:
            return HeldBy(self._by_call, "it is imported by a call")
        if len(self._parts) > MAX_NAMES or len(self._parts) * len(self._found.uses) > MAX_USES:
            return HeldBy(self._parts[0][0].lineno, "it is one of too many that are used too often to be judged")
        hosts: dict[HostNode, list[Part]] = {}
        built: dict[BuiltLater, list[Part]] = {}
        buildable = self._buildable(building)
        settings: dict[Setting, None] = {}
        named = {use.name for use in self._found.uses if use.functions}
        in_functions = {module_of(part).partition(".")[0] for part in self._parts if bound_by(part[1]) in named}
        for_types: list[Part] = []
        quoted: dict[ast.expr, None] = {}
        annotations: dict[Annotation, None] = {}
        for part in self._parts:
            uses = [self._in_alias(use) for use in self._found.uses if self._is_use(use, part)]
            typing = [use for use in uses if self._is_typing(use)]
            values = {use: one for use in uses if not use.functions and (one := buildable.around(use.node)) is not None}
            own = {use: buildable.settings[use.node] for use in uses if use.node in buildable.settings}
            settings.update((one, None) for one in own.values())
            running_uses = [use for use in uses if not self._is_typing(use) and use not in values and use not in own]
            if own and not values and module_of(part).partition(".")[0] not in in_functions:
                running_uses += own  # nothing in a function needs what is set: others may
            held = self._held(part) or self._held_by_any(running_uses, typing, running)
            kept = (self._held_value(value, running) for value in values.values())
            held = held or next((one for one in kept if one is not None), None)
            if held is None and not uses and not isinstance(part[0], ast.Assign):
                held = self._held_unused(part)
            if held is not None:
                return held
            here = dict.fromkeys(host for use in running_uses if (host := _host(use, running)) is not None)
            if part[0] in self._nodes.blocks and (held := self._held_in_block(part, typing)) is not None:
                return held
            for host in here:
                hosts.setdefault(host, []).append(part)
            annotations.update((use.annotation, None) for use in typing if use.annotation is not None)
            for value in dict.fromkeys(values.values()):
                built.setdefault(value, []).append(part)
            is_type = any(here.keys().isdisjoint(use.hosts) for use in typing)
            is_type |= any(bound_by(part[1]) in one.named for one in values.values())
            if is_type and not self._is_known_to_types(part) and self._is_first_in_block(part):
                for_types.append(part)
            quoted.update(self._quoted(typing))
        of_blocks = (self._held_by_host(host, parts) for host, parts in hosts.items() if self._blocks)
        held = next((one for one in of_blocks if one is not None), None)
        if held is not None:
            return held
        for setting in settings:
            self._import_with(setting, [*hosts.values(), *built.values()])
        for value in buildable.with_others(list(built)):
            held = self._held_value(value, running)
            if held is not None:
                return held
            built.setdefault(value, [])
        typed_values = {one.statement.annotation for one in built if isinstance(one.statement, ast.AnnAssign)}
        quoted = {one: None for one in quoted if one not in typed_values}
        ordered = sorted(hosts, key=spot_of)
        aliases = tuple(dict.fromkeys(one.alias for one in annotations if one.alias))
        owners = dict.fromkeys(one.owner.name for one in annotations if one.owner is not None)
        tables = (table for one in owners for table in self._tables.of(one))
        typed = dict.fromkeys((*owners, *aliases, *tables))
        places = tuple(UsingFunction(one, tuple(hosts[one])) for one in ordered)
        return Moves(
            *(tuple(self._parts), places, tuple(for_types), tuple(quoted), tuple(typed), self._getters(built)),
            *(tuple(settings), tuple(self._blocks), aliases),
        )

    def _import_with(self, setting: Setting, places: Iterable[list[Part]]) -> None:
        """Import what a statement sets up wherever something of the same library is imported."""
        target = set_by(setting).value
        own = [part for part in self._parts if isinstance(target, ast.Name) and bound_by(part[1]) == target.id]
        roots = {module_of(part).partition(".")[0] for part in own}
        for parts in places:
            if any(module_of(part).partition(".")[0] in roots for part in parts if not isinstance(part[0], ast.Assign)):
                parts += [part for part in own if part not in parts]

    # Blocks that move as a whole

    def _held_in_block(self, part: Part, typing: Collection[Use]) -> HeldBy | None:
        """Return why a block cannot move for what annotations name."""
        statement, name = part[0], bound_by(part[1])
        body = self._nodes.blocks[statement].body
        imports = [one for one in body if isinstance(one, (ast.Import, ast.ImportFrom))]
        if typing and name not in [bound_by(alias) for one in imports for alias in one.names]:
            return HeldBy(statement.lineno, f"annotations name {name}, which `try` may not import")
        return None

    def _held_by_host(self, host: HostNode, parts: Iterable[Part]) -> HeldBy | None:
        """Return why no block can stand in a function: that would leave names which nothing there uses."""
        found: dict[ast.Try, set[str]] = {}
        for statement, alias in parts:
            if statement in self._nodes.blocks:
                found.setdefault(self._nodes.blocks[statement], set()).add(bound_by(alias))
        for block, names in found.items():
            first = host.body[0]
            if self._lines[first.lineno - 1].encode()[: first.col_offset].strip():
                return HeldBy(block.lineno, f"{title_of(host)} stands in one line, where no `try` can")
            held = min(told_with(block) & self._may_differ, default=None)
            if held is not None:
                return HeldBy(block.lineno, f"`except` names {held}, which may be another one in {title_of(host)}")
            for statement, alias in self._nodes.parts_of[block]:
                is_used, name = bound_by(alias) in names, bound_by(alias)
                if not is_used and not (isinstance(statement, ast.Assign) and self._is_alone(statement)):
                    return HeldBy(statement.lineno, f"{title_of(host)} has no use for {name}, which the same `try` binds")
        return None

    def _is_alone(self, statement: ast.Assign) -> bool:
        """Return whether an assignment is to one name, and all that its line has but a comment."""
        line = self._lines[statement.lineno - 1].encode()
        rest = line[statement.end_col_offset :].strip()
        is_all = not line[: statement.col_offset].strip() and (not rest or rest.startswith(b"#"))
        return is_all and len(statement.targets) == 1

    @cached_property
    def _may_differ(self) -> frozenset[str]:
        """The names in what blocks tell that may be other ones in functions than at the module level, or move themselves."""
        told = sorted(frozenset[str]().union(*map(told_with, self._blocks)))
        number = Counter(one.name for one in find_uses(self._module, told).bindings)
        inner = _bound_inside(self._module)
        return frozenset(
            one
            for one in told
            if one in inner or one in self._names or number[one] > 1 or not (number[one] or one in _ALWAYS_THERE)
        )

    def _is_first_in_block(self, part: Part) -> bool:
        """Return whether type checkers are to see an import: of a block the one that it tries."""
        block = self._nodes.blocks.get(part[0])
        return block is None or part[0] in block.body

    # Values that are built later

    def _buildable(self, modules: Collection[str]) -> Buildable:
        """Return the values that may be built by functions, of classes that come from some modules."""
        plain = [part for part in self._parts if part[0] not in self._nodes.blocks]
        names = [bound_by(part[1]) for part in plain if self._can_cache and is_below(module_of(part), modules)]
        return Buildable(self._module, self._lines, names)

    def _held_value(self, value: BuiltLater, running: Collection[Spot]) -> HeldBy | None:
        """Return what prevents that a value is built at its first use."""
        line = value.statement.lineno
        if spot_of(value.statement) in running:
            return HeldBy(line, f"line {line} builds {value.name} of it, which is used while the app loads")
        if value.name in self._nodes.exported:
            return HeldBy(line, f"line {line} builds {value.name} of it, which `__all__` has")
        uses = (_held_by(use, ()) for use in value.used)
        return self._named_in_string(value.name) or next((one for one in uses if one is not None), None)

    def _getters(self, built: Mapping[BuiltLater, list[Part]]) -> tuple[BuildingFunction, ...]:
        """Return the functions that build values, in the order of the file."""
        ordered = sorted(built, key=lambda one: one.statement.lineno)
        return tuple(BuildingFunction(one, tuple(built[one]), self._evaluates) for one in ordered)

    # What holds

    def _held_by_any(self, running_uses: list[Use], typing: list[Use], running: Collection[Spot]) -> HeldBy | None:
        """Return what holds an import that is used, by what runs or by who may read types."""
        by_running = (_held_by(use, running) for use in running_uses)
        by_typing = (self._held_by_reader(use) for use in typing)
        return next((held for found in (by_running, by_typing) for held in found if held is not None), None)

    def _held(self, part: Part) -> HeldBy | None:
        """Return what holds one part of an import, whatever uses it."""
        statement, alias = part
        name, line, module = bound_by(alias), statement.lineno, module_of(part)
        if statement not in self._nodes.of_module and statement not in self._nodes.blocks:
            return HeldBy(line, _around(self._module, statement))
        if alias.name == "*":
            return HeldBy(line, "it takes all names of the module")
        if is_below(module, EFFECTS):
            return HeldBy(line, f"{module} is imported for what that changes")
        if alias.asname == alias.name:
            return HeldBy(line, f"`{name} as {name}` hands it on to other files")
        if name in self._nodes.exported:
            at = self._nodes.exported[name]
            return HeldBy(at, f"line {at} has {name} in `__all__`")
        for binding in self._found.bindings:
            if binding.name == name and self._is_foreign(binding, part):
                return HeldBy(binding.line, _bound_again(binding))
        return self._named_in_string(name)

    def _is_foreign(self, binding: BoundPlace, part: Part) -> bool:
        """Return whether a binding makes a name something else than the import does."""
        node, (statement, alias) = binding.node, part
        if binding.is_for_types or node in self._moving:
            return False
        is_dotted = isinstance(statement, ast.Import) and alias.asname is None
        return not (
            is_dotted and isinstance(node, ast.Import) and all(one.asname is None for one in _of(node, binding.name))
        )

    def _named_in_string(self, name: str) -> HeldBy | None:
        """Return the line that may reach a name by a string: as a key of the names, or in code that is run."""
        called = self._nodes.called
        is_run, is_asked = not called.isdisjoint(("eval", "exec")), not called.isdisjoint(("globals", "locals", "vars"))
        word = re.compile(rf"\b{re.escape(name)}\b")
        for text, line in self._nodes.texts if is_run or is_asked else ():
            if text == name or (is_run and word.search(text)):
                return HeldBy(line, f"line {line} names {name} in a string, by which the file may reach it")
        return None

    def _held_unused(self, part: Part) -> HeldBy | None:
        """Return why an import that nothing uses is not deleted."""
        statement, alias = part
        name, line = bound_by(alias), statement.lineno
        if statement in self._nodes.blocks:
            return HeldBy(line, EXCEPT_DECIDES)
        siblings = {bound_by(other) for one, other in self._parts if one is statement and other is not alias}
        if any(use.name in siblings for use in self._found.uses):
            return None  # the statement moves, and leaves this name behind
        if is_below(module_of(part), REGISTERING):
            return HeldBy(line, f"nothing here uses {name}, and others may need what it registers")
        if self._is_package:
            return HeldBy(line, f"nothing here uses {name}, and a package hands on what it imports")
        if any(_NOQA.search(one.partition("#")[2]) for one in self._lines[line - 1 : statement.end_lineno]):
            return HeldBy(line, f"nothing here uses {name}, and a comment keeps it")
        if name in self._nodes.lines_of_texts:
            at = self._nodes.lines_of_texts[name]
            return HeldBy(at, f"nothing but a string in line {at} names {name}")
        return None

    # Annotations

    def _is_typing(self, use: Use) -> bool:
        """Return whether nothing but a type checker, or who reads annotations, needs the name in this place."""
        if use.is_text:
            return True
        if use.annotation is None:
            return False
        return use.annotation.is_local or not self._evaluates or not use.functions

    def _is_known_to_types(self, part: Part) -> bool:
        return any(one.is_for_types and one.name == bound_by(part[1]) for one in self._found.bindings)

    def _quoted(self, typing: Sequence[Use]) -> Iterator[tuple[ast.expr, None]]:
        """Yield the annotations that are evaluated as the file loads."""
        for use in typing:
            one = use.annotation
            if one is not None and (self._evaluates or one.alias) and not (use.functions or use.is_text or one.is_local):
                yield one.node, None

    def _held_by_reader(self, use: Use) -> HeldBy | None:
        reason = None if use.annotation is None else self._reader(use.annotation)
        return None if reason is None else HeldBy(use.line, reason)

    def _reader(self, annotation: Annotation) -> str | None:
        """Say who may read an annotation at run time, None for nobody that the file knows of."""
        reason, keeper = self._reader_itself(annotation), self._keeper(annotation)
        if reason is not None or keeper is None or self._is_asked_by_nobody(keeper):
            return reason
        return f"the type {keeper} may be read at run time" if annotation.alias else _may_read(keeper)

    def _keeper(self, annotation: Annotation) -> str | None:
        """Return the type or the class that keeps an annotation for whoever asks it for that."""
        owner = annotation.owner
        is_kept = isinstance(owner, ast.ClassDef) and not annotation.is_local and not self._is_plain(owner)
        return annotation.alias or (owner.name if is_kept and owner is not None else None)

    @staticmethod
    def _is_plain(owner: ast.ClassDef) -> bool:
        is_plain = not owner.decorator_list and not owner.keywords
        return is_plain and all(
            last_name(one.value if isinstance(one, ast.Subscript) else one) in _PLAIN_BASES for one in owner.bases
        )

    def _reader_itself(self, annotation: Annotation) -> str | None:
        """Say who may read an annotation at run time but those that ask what keeps it."""
        owner = annotation.owner
        if annotation.is_local or owner is None:
            return None
        if isinstance(owner, ast.ClassDef):
            is_inert = self._is_plain(owner) or self._only_keeps_types(owner, annotation.node)
            return None if is_inert else _may_read(owner.name)
        for decorator in owner.decorator_list:
            if _decorator(decorator) not in INERT:
                return f"`@{ast.unparse(decorator)[:40]}` may read the types of {owner.name}() at run time"
        return None if any(last_name(one) in _ATTRIBUTES for one in owner.decorator_list) else self._taken(owner)

    def _only_keeps_types(self, owner: ast.ClassDef, annotation: ast.expr) -> bool:
        """Return whether a class only keeps the types of its fields as written, and does not ask for them itself."""
        kinds = [self._standard_kinds.get(ast.unparse(one)) for one in owner.bases]
        is_quotable = not self._evaluates or _words(annotation).isdisjoint(_QUALIFIERS)
        if owner not in self._nodes.of_module or not is_quotable or _hands_itself_on(owner):
            return False
        if owner.decorator_list:
            made_by = [one.func if isinstance(one, ast.Call) else one for one in owner.decorator_list]
            is_known = all(self._standard_kinds.get(ast.unparse(one)) == "dataclass" for one in made_by)
            is_known &= not owner.keywords and all(last_name(one) in _PLAIN_BASES for one in owner.bases)
        else:
            is_known = kinds == ["NamedTuple"] or (
                kinds == ["TypedDict"] and all(one.arg == "total" for one in owner.keywords)
            )
        return is_known

    def _is_asked_by_nobody(self, name: str) -> bool:
        """Return whether nobody reads a class or a type, nor those that keep it, or these."""
        if name not in self._unasked:
            edges: dict[str, list[str]] = {}

            def following(one: str) -> list[str]:
                kept = (use.annotation for use in self._type_uses.get(one, ()) if use.annotation is not None)
                keepers = dict.fromkeys(map(self._keeper, kept)) if one not in self._unasked else {}
                edges[one] = [keeper for keeper in keepers if keeper is not None]
                return edges[one]

            found = reached([name], following)
            asked = [
                one for one in found if not (self._unasked[one] if one in self._unasked else self._is_unasked_itself(one))
            ]
            above = inverted(edges)
            asked_for = reached(asked, lambda one: above.get(one, ()))
            self._unasked.update((one, one not in asked_for) for one in found)
        return self._unasked[name]

    def _is_unasked_itself(self, name: str) -> bool:
        """Return whether a file only calls a class, compares with it, and names it, or a type, in annotations."""
        return self._handed[0] is None and all(
            use.node in self._plain_uses
            or (use.is_text and use.annotation is None)
            or (use.annotation is not None and self._reader_itself(use.annotation) is None)
            for use in self._type_uses.get(name, ())
        )

    @cached_property
    def _type_uses(self) -> dict[str, list[Use]]:
        """The uses of the classes of the module level and of the types that it gives a name."""
        names = {one.name for one in self._module.body if isinstance(one, ast.ClassDef)}
        names.update(one.alias for one in self._aliased.values())
        return grouped((use.name, self._in_alias(use)) for use in find_uses(self._module, names).uses)

    @cached_property
    def _plain_uses(self) -> frozenset[ast.expr]:
        return plain_uses(self._module)

    def _in_alias(self, use: Use) -> Use:
        """Return a use that is part of a type which the module level gives a name as one of an annotation."""
        found = None if use.functions or use.annotation or use.node is None else self._aliased.get(use.node)
        return use if found is None else use._replace(annotation=found)

    @cached_property
    def _aliased(self) -> dict[ast.AST, Annotation]:
        """The names in types that the module level gives a name once: `Rows = list[pd.DataFrame]`."""
        statements = [one for one in self._module.body if isinstance(one, (ast.Assign, ast.AnnAssign))]
        named = [(name, one.value) for one in statements if isinstance(one.value, ast.Subscript) and (name := _alias(one))]
        known = self._typing_names if named else frozenset()
        number = Counter(one.name for one in find_uses(self._module, [name for name, _ in named]).bindings)
        return {
            inner: Annotation(part, None, alias=name)
            for name, value in named
            if number[name] == 1 and _is_typing_name(value.value, known)
            for part in _quotable(value, known)
            for inner in walk(part)
        }

    @cached_property
    def _typing_names(self) -> frozenset[str]:
        """What the file calls what is subscripted with types, and takes strings for these."""
        found = set(_GENERICS)
        for one in self._module.body:
            if isinstance(one, ast.ImportFrom) and one.module in _TYPING and one.level == 0:
                found.update(bound_by(alias) for alias in one.names if alias.name not in _TAKING_VALUES)
            elif isinstance(one, ast.Import):
                found.update(bound_by(alias) for alias in one.names if alias.name == "typing")
        number = Counter(one.name for one in find_uses(self._module, found).bindings)
        return frozenset(one for one in found if number[one] == (one not in _GENERICS))

    @cached_property
    def _tables(self) -> CallTables:
        return CallTables(self._module)

    @cached_property
    def _standard_kinds(self) -> dict[str, str]:
        """What makes a class that keeps the types of its fields as they are written, by how the file names it."""
        found: dict[str, str] = {}
        for one in self._module.body:
            if isinstance(one, ast.ImportFrom) and one.module in _KINDS and one.level == 0:
                found.update((bound_by(alias), alias.name) for alias in one.names if alias.name in _KINDS[one.module])
            elif isinstance(one, ast.Import):
                for alias in one.names:
                    found.update((f"{bound_by(alias)}.{kind}", kind) for kind in _KINDS.get(alias.name, ()))
        number = Counter(one.name for one in find_uses(self._module, {one.partition(".")[0] for one in found}).bindings)
        return {name: kind for name, kind in found.items() if number[name.partition(".")[0]] == 1}

    def _taken(self, function: FunctionNode) -> str | None:
        """Say what a function is handed to that may read its annotations."""
        reader, names, attributes = self._handed
        if reader is not None:
            return f"line {reader} reads annotations at run time"
        is_of_module = function in self._module.body
        if is_of_module and function.name in names and self._tables.are_all_of(function.name):
            return None
        line = names.get(function.name, None if is_of_module else attributes.get(function.name))
        return None if line is None else f"line {line} hands {function.name}() on, and its types may be read at run time"

    @cached_property
    def _handed(self) -> tuple[int | None, dict[str, int], dict[str, int]]:
        """The line that reads annotations, and the names and attributes that are read and not called, with their lines.

        A name that functions bind themselves is none of a function of the module level.
        """
        called: set[ast.expr] = set()
        for node in walk(self._module):
            if isinstance(node, ast.Call):
                called.add(node.func)
                if last_name(node.func) in _TAKERS:
                    called.update((*node.args, *(keyword.value for keyword in node.keywords)))
            elif isinstance(node, ast.Attribute) and node.attr in _OF_CACHES:
                called.add(node.value)
        own = {one.name for one in self._module.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}
        of_module = {use.node for use in find_uses(self._module, own).uses}
        names: dict[str, int] = {}
        attributes: dict[str, int] = {}
        reader: int | None = None
        for node in walk(self._module):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                if last_name(node) in _READERS:
                    reader = reader or node.lineno
                if node in called:
                    continue
                if isinstance(node, ast.Attribute):
                    attributes.setdefault(node.attr, node.lineno)
                elif node.id not in own or node in of_module:
                    names.setdefault(node.id, node.lineno)
        return reader, names, attributes

    # Uses

    def _is_use(self, use: Use, part: Part) -> bool:
        """Return whether a use is that of an import: `google.auth` is none of `google.genai` in a file that imports both."""
        statement, alias = part
        if use.name != bound_by(alias):
            return False
        if isinstance(statement, ast.ImportFrom) or alias.asname is not None or "." not in alias.name:
            return True
        is_one_below = f"{use.path}.".startswith(f"{alias.name}.") or f"{alias.name}.".startswith(f"{use.path}.")
        return is_one_below or use.name not in self._shared


def _may_read(name: str) -> str:
    return f"class {name} may read the types of its fields at run time"


def plain_uses(module: ast.Module) -> frozenset[ast.expr]:
    """Return the expressions that are called, that have an attribute read, or that something is compared with by its type.

    Who does nothing else with a class asks it for no types.
    """
    found: set[ast.expr] = set()
    for node in walk(module):
        if isinstance(node, ast.Call):
            found.add(node.func)
            if last_name(node.func) == "cast":
                found.update(inner for one in node.args[:1] for inner in walk(one) if isinstance(inner, ast.expr))
            elif last_name(node.func) in ("isinstance", "issubclass"):
                found.update(inner for one in node.args[1:] for inner in _in_tuple(one))
        elif isinstance(node, ast.Attribute) and not node.attr.startswith("__"):
            found.add(node.value)
    return frozenset(found)


def reads_types(function: FunctionNode) -> bool:
    """Return whether a decorator may read the annotations of a function."""
    return any(_decorator(one) not in INERT for one in function.decorator_list)


def _alias(statement: ast.Assign | ast.AnnAssign) -> str:
    """Return the one name that a statement gives to its value, empty where it does more."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    is_type = isinstance(statement, ast.Assign) or last_name(statement.annotation) == "TypeAlias"
    return targets[0].id if is_type and len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _quotable(node: ast.expr, known: Collection[str]) -> Iterator[ast.expr]:
    """Yield the parts of a type that may as well be strings: what typing or a built-in type is subscripted with."""
    if isinstance(node, (ast.List, ast.Tuple)):
        for one in node.elts:
            yield from _quotable(one, known)
    elif isinstance(node, ast.Subscript) and _is_typing_name(node.value, known):
        inner = node.slice
        for one in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
            yield from _quotable(one, known) if isinstance(one, (ast.List, ast.Subscript)) else [one]
    elif all(isinstance(one, _OF_TYPES) for one in walk(node)):
        yield node


def _is_typing_name(node: ast.expr, known: Collection[str]) -> bool:
    if isinstance(node, ast.Attribute):
        is_module = isinstance(node.value, ast.Name) and node.value.id in known and node.value.id not in _GENERICS
        return is_module and node.attr not in _TAKING_VALUES
    return isinstance(node, ast.Name) and node.id in known


_OF_TYPES = (ast.Attribute, ast.BinOp, ast.BitOr, ast.Constant, ast.List, ast.Name, ast.Subscript, ast.Tuple)
"""What a type is written with."""


def _in_tuple(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _words(node: ast.expr) -> frozenset[str]:
    """Return the names, the attributes and the words of strings in an annotation."""
    return frozenset(re.findall(r"[^\W\d]\w*", ast.unparse(node)))


def _hands_itself_on(owner: ast.ClassDef) -> bool:
    """Return whether the body of a class may hand the class itself to something: `cls`, `type(self)`, `self.__class__`."""
    plain = plain_uses(ast.Module([owner], []))
    for node in walk(owner):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in ("type", "__class__") or (node.id == "cls" and node not in plain):
                return True
        elif isinstance(node, ast.Attribute) and node.attr in ("__class__", "__annotations__", "__dataclass_fields__"):
            return True
    return False


_DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _bound_inside(module: ast.Module) -> frozenset[str]:
    """Return the names that functions and classes bind in their bodies, or as parameters."""
    found: set[str] = set()
    nodes: list[tuple[ast.AST, bool]] = [(module, False)]
    for node, is_inside in nodes:  # which grows
        is_scope = isinstance(node, (*_DEFINED, ast.Lambda))
        if is_inside:
            name = _bound_by(node)
            found.update((name,) if name else ())
        nodes += [(one, is_inside or is_scope) for one in children(node)]
    return frozenset(found)


def _bound_by(node: ast.AST) -> str | None:
    """Return the name that a node binds, None where it binds none."""
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.alias):
        return bound_by(node)
    if isinstance(node, ast.Name):
        return None if isinstance(node.ctx, ast.Load) else node.id
    is_named = isinstance(node, (*_DEFINED, ast.ExceptHandler, ast.MatchAs, ast.MatchStar))
    return node.name if is_named else None  # type: ignore[attr-defined]


def _parts(statements: Iterable[ImportNode], wanted: Wanted) -> Iterator[Part]:
    """Yield the parts of statements of one line that an import names."""
    for node in statements:
        if isinstance(node, ast.Import) and not wanted.names:
            yield from ((node, alias) for alias in node.names if alias.name == wanted.module)
        elif isinstance(node, ast.ImportFrom) and (node.module or "") == wanted.module:
            yield from ((node, alias) for alias in node.names if alias.name in wanted.names)


def is_below(module: str, modules: Collection[str]) -> bool:
    """Return whether a module is one of some, or stands below one."""
    parts = module.split(".")
    return any(".".join(parts[:count]) in modules for count in range(1, len(parts) + 1))


def _bound_in_block(statement: ast.stmt) -> Iterator[Part]:
    """Yield what a statement of a block binds."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from ((statement, alias) for alias in statement.names)
    elif isinstance(statement, ast.Assign):
        yield from ((statement, ast.alias(one.id)) for one in bound_by_assignment(statement))


def _assigned_in(block: ast.Try) -> Iterator[ast.Name]:
    yield from (name for one in statements_of(block) or () for name in bound_by_assignment(one))


def _of(node: ast.Import, name: str) -> list[ast.alias]:
    return [alias for alias in node.names if bound_by(alias) == name]


def module_of(part: Part) -> str:
    """Return the module that a part of an import names."""
    statement, alias = part
    return statement.module or "" if isinstance(statement, ast.ImportFrom) else alias.name


def title_of(host: HostNode) -> str:
    """Return what a message calls the place that an import moves into."""
    return '`if __name__ == "__main__"`' if isinstance(host, ast.If) else f"{host.name}()"


def spot_of(node: HostNode | Assignment) -> Spot:
    """Return where a function begins, or the assignment that becomes one."""
    return node.lineno, node.col_offset


def _decorator(node: ast.expr) -> str:
    """Return the last name of a decorator."""
    return last_name(node.func if isinstance(node, ast.Call) else node)


def _host(use: Use, running: Collection[Spot]) -> HostNode | None:
    """Return the outermost function around a use that does not run while the app loads."""
    return next((one for one in use.hosts if spot_of(one) not in running), None)


def _held_by(use: Use, running: Collection[Spot]) -> HeldBy | None:
    """Return what holds an import that code of the file uses in one place."""
    host = _host(use, running)
    if not use.functions and host is None:
        return HeldBy(use.line, f"line {use.line} uses it {use.place}, while the file loads")
    if use.is_in_doubt:
        return HeldBy(use.line, f"the class around line {use.line} binds {use.name} too")
    if use.functions and use.functions[-1].name == "__del__":
        return HeldBy(use.line, "__del__() uses it, and may run when nothing can be imported any more")
    if host is None:
        return HeldBy(use.line, f"{use.functions[-1].name}() uses it, and runs while the app loads")
    decorators = [] if isinstance(host, ast.If) else host.decorator_list
    compiled = next((one for one in decorators if _decorator(one) in COMPILING), None)
    if compiled is None or isinstance(host, ast.If):
        return None
    return HeldBy(use.line, f"`@{ast.unparse(compiled)[:40]}` may compile {host.name}(), and takes no import in it")


def _bound_again(binding: BoundPlace) -> str:
    node, name = binding.node, binding.name
    if isinstance(node, ast.Global):
        return f"line {binding.line} declares {name} global"
    is_deleted = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del)
    return f"line {binding.line} {f'deletes {name}' if is_deleted else f'binds {name} again'}"


def _holds(node: ast.AST, statement: ast.stmt) -> bool:
    """Return whether a statement stands in a node, or is it."""
    if isinstance(node, ast.match_case):
        return any(_holds(one, statement) for one in node.body)
    if not isinstance(node, (ast.stmt, ast.ExceptHandler)):
        return False
    begins = (node.lineno, node.col_offset) <= (statement.lineno, statement.col_offset)
    return begins and (statement.end_lineno or 0, statement.end_col_offset or 0) <= (
        node.end_lineno or 0,
        node.end_col_offset or 0,
    )


def _around(module: ast.Module, statement: ast.stmt) -> str:
    """Say in what an import stands that is not at the module level itself."""
    around: list[ast.AST] = []
    here: ast.AST = module
    while (here := next(one for one in children(here) if _holds(one, statement))) is not statement:
        around.insert(0, here)
    for node in around:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return f"it stands in {node.name}(), which runs while the app loads"
    inner = next(node for node in around if isinstance(node, ast.stmt))
    if isinstance(inner, ast.Try) and inner.handlers:
        return EXCEPT_DECIDES
    return _BLOCKS.get(type(inner), "it stands in a block")


_BLOCKS: dict[type[ast.AST], str] = {
    ast.ClassDef: "it stands in the body of a class",
    ast.If: "it stands under a condition",
    ast.Try: "it stands in `try`",
    ast.With: "it stands in `with`",
}


def _exported(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names in `__all__`, and the line of each."""
    for statement in module.body:
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in walk(statement)):
            for one in walk(statement):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value, one.lineno
