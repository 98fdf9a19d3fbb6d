"""Which values of the module level a function may build when they are first used: `client = OpenAI(api_key=KEY)`.

The value has to be the same whenever it is built: of classes of what moves and of functions that are known to build alone,
with constants, variables of the environment, names that the file binds once, and attributes of these. Functions alone may
use it, by its name in this file, and other values that are built so.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType

from memguard_hooks.formats.python_nodes import last_name, targets, walk
from memguard_hooks.imports.name_uses import BoundPlace, Use, bound_by, find_uses
from memguard_hooks.record import Record, TypeAlias

Assignment: TypeAlias = "ast.Assign | ast.AnnAssign"

Setting: TypeAlias = "ast.Assign | ast.Expr"
"""A statement that sets up what moves: `openai.api_key = KEY`, `genai.configure(api_key=KEY)`."""

_SETTING_UP = frozenset({
    "configure", "set_num_threads", "set_option", "set_printoptions", "set_style", "set_theme", "seterr", "switch_backend",
    "use",
})  # fmt: skip
"""Functions, by their last names, that set something to what they are given, as often as that is."""

_READS = frozenset({"environ.get", "getenv", "os.environ.get", "os.getenv"})
"""Calls that read a variable of the environment."""

_ENVIRONMENTS = frozenset({"environ", "os.environ"})

_CONVERSIONS = frozenset({"bool", "float", "int", "str"})

_ASKING = frozenset({"device", "is_available"})
"""Functions, by their last names, that tell of the machine, and read no variable that a program sets."""

_BUILDING = frozenset({
    "client", "create_async_engine", "create_client", "create_engine", "encoding_for_model", "get_encoding",
    "init_chat_model", "load_model", "pipeline", "resource",
})  # fmt: skip
"""Functions, by their last names, that build an object and do nothing else: `tiktoken.get_encoding("cl100k_base")`."""

_BINDERS = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

_PARTS = (
    ast.BinOp, ast.BoolOp, ast.Compare, ast.Dict, ast.FormattedValue, ast.IfExp, ast.JoinedStr, ast.List, ast.Set, ast.Tuple,
    ast.UnaryOp, ast.boolop, ast.cmpop, ast.expr_context, ast.keyword, ast.operator, ast.unaryop,
)  # fmt: skip
"""What is as steady as its parts."""

_MOST_VALUES = 50
"""Values of one file that are looked at together."""


class BuiltLater(Record):
    """An assignment that becomes a cached function, the name that it binds, and the functions' places that use it.

    `type` is what the file says that it is, empty where it does not; `named` are the names in it.
    """

    statement: Assignment
    name: str
    getter: str
    type: str
    named: frozenset[str]
    used: tuple[Use, ...]
    above: tuple[tuple[ast.Name, str], ...]
    """The names in the value that are built later too, and what builds them."""
    attributes: tuple[str, ...]
    """The attributes of others that the value reads, which nobody may set in between."""
    asks_alone: bool
    """Whether it reads no variables of the environment."""

    @property
    def uses(self) -> tuple[ast.Name, ...]:
        """The names that become calls."""
        return tuple(use.node for use in self.used if use.node is not None)


class Buildable:
    """The assignments of a file that may become functions, where imports of some names move."""

    def __init__(self, module: ast.Module, lines: list[str], names: Collection[str]) -> None:
        self._module = module
        self._lines = lines
        self._moving = frozenset(names)

    def around(self, node: ast.AST | None) -> BuiltLater | None:
        """Return the assignment whose value a node is part of, None for one that has to stay."""
        name = self._values.get(node) if node is not None else None
        return self._built.get(name) if name is not None else None

    def with_others(self, values: Collection[BuiltLater]) -> Iterator[BuiltLater]:
        """Yield values, and all that are built of them."""
        getters = {one.getter for one in values}
        waiting = list(values)
        while waiting:
            one = waiting.pop()
            yield one
            for other in self._built.values():
                if other.getter not in getters and any(getter == one.getter for _, getter in other.above):
                    getters.add(other.getter)
                    waiting.append(other)

    @cached_property
    def settings(self) -> dict[ast.AST, Setting]:
        """The statements that set up what moves, `openai.api_key = os.getenv("KEY")`, by the name in each.

        A function that imports it may as well do that. What more than one statement sets may be another one later.
        """
        found: dict[ast.AST, Setting] = {}
        for one in self._module.body if self._moving else ():
            target, values = _set_by(one)
            if target is None or one.lineno != one.end_lineno or not isinstance(one, (ast.Assign, ast.Expr)):
                continue
            names = {node.id for value in values for node in walk(value) if isinstance(node, ast.Name)}
            is_plain = names.isdisjoint(self._moving) and self._is_alone(one) and all(map(self._is_steady, values))
            if is_plain and isinstance(target.value, ast.Name) and target.value.id in self._moving:
                found[target.value] = one
        return {} if self._sets_moving(found) else found

    def _sets_moving(self, known: Mapping[ast.AST, Setting] = MappingProxyType({})) -> bool:
        """Return whether the file sets an attribute of what moves, or sets it up, so that it may be another one later."""
        attributes = (one for one in walk(self._module) if isinstance(one, ast.Attribute) and one.value not in known)
        calls = {set_by(one).attr for one in known.values() if isinstance(one, ast.Expr)}
        return any(
            _root(one) in self._of_same for one in attributes if not isinstance(one.ctx, ast.Load) or one.attr in calls
        )

    @cached_property
    def _of_same(self) -> frozenset[str]:
        """What moves, and other names of the same libraries: functions may import these by themselves."""
        bound = [
            (bound_by(alias), (one.module or "" if isinstance(one, ast.ImportFrom) else alias.name).partition(".")[0])
            for one in walk(self._module)
            if isinstance(one, (ast.Import, ast.ImportFrom))
            for alias in one.names
        ]
        libraries = {library for name, library in bound if name in self._moving}
        return frozenset(self._moving).union(name for name, library in bound if library in libraries)

    # What may be built

    @cached_property
    def _statements(self) -> dict[str, Assignment]:
        """The assignments of one value to one name, in lines of their own, whose value stays the same."""
        found: dict[str, Assignment] = {}
        for one in self._module.body if self._moving else ():
            target = _target(one)
            if target is None or not isinstance(one, (ast.Assign, ast.AnnAssign)) or not self._is_alone(one):
                continue
            if target.id in self._bound_once and not target.id.startswith("__") and one.value is not None:
                found[target.id] = one
        return found

    @cached_property
    def _values(self) -> dict[ast.AST, str]:
        """The names of the values that names stand in."""
        return {
            node: name
            for name, one in self._statements.items()
            for node in walk(one.value or one)
            if isinstance(node, ast.Name)
        }

    @cached_property
    def _involved(self) -> dict[str, Assignment]:
        """Those that need what moves, or what needs that."""
        found: dict[str, Assignment] = {}
        for name, one in self._statements.items():  # in the order of the file, in which they need each other
            inner = {node.id for node in walk(one.value or one) if isinstance(node, ast.Name)}
            if not inner.isdisjoint(self._moving) or not inner.isdisjoint(found):
                found[name] = one
        return found

    @cached_property
    def _built(self) -> dict[str, BuiltLater]:
        """The values that may be built later, by name: nothing else at the module level uses one."""
        involved = self._involved
        if not involved or len(involved) > _MOST_VALUES or self._sets_moving(self.settings):
            return {}
        kept = {name for name, one in involved.items() if self._can_be_built(name, one)}
        used: dict[str, list[Use]] = {}
        for use in find_uses(self._module, kept).uses:
            used.setdefault(use.name, []).append(use)
        while True:
            held = {name for name in kept if not all(self._can_ask(use, kept) for use in used.get(name, ()))}
            held |= {name for name in kept - held if not self._is_needed(involved[name], kept - held)}
            if not held:
                break
            kept -= held
        getters = {name: _getter(name) for name in kept}
        found = {name: self._value(name, getters, used.get(name, ())) for name in involved if name in kept}
        reached = {getter for one in found.values() for _, getter in one.above}
        return {name: one for name, one in found.items() if one.used or one.getter in reached}

    def _can_be_built(self, name: str, statement: Assignment) -> bool:
        getter = _getter(name)
        is_free = not any(getter in line for line in self._lines)
        return is_free and self._can_cache(statement) and statement.value is not None and self._is_steady(statement.value)

    def _is_needed(self, statement: Assignment, kept: Collection[str]) -> bool:
        inner = {node.id for node in walk(statement.value or statement) if isinstance(node, ast.Name)}
        return not inner.isdisjoint(self._moving) or not inner.isdisjoint(kept)

    def _value(self, name: str, getters: Mapping[str, str], used: Collection[Use]) -> BuiltLater:
        statement = self._involved[name]
        value = statement.value
        assert value is not None
        nodes = list(walk(value))
        above = tuple((one, getters[one.id]) for one in nodes if isinstance(one, ast.Name) and one.id in getters)
        attributes = [
            one.attr
            for one in nodes
            if isinstance(one, ast.Attribute) and _root(one) not in self._moving | {"os", "environ"}
        ]
        reads = any(_root(one) in ("os", "environ", "getenv") for one in nodes if isinstance(one, ast.expr))
        asks_alone = not reads and all(_asks(one) for one in nodes if isinstance(one, ast.Call))
        type_ = self._type(statement)
        named = frozenset(re.findall(r"[^\W\d]\w*", type_))
        plain = tuple(use for use in used if use.functions)
        return BuiltLater(
            statement, name, getters[name], type_, named, plain, above, tuple(dict.fromkeys(attributes)), asks_alone
        )

    def _type(self, statement: Assignment) -> str:
        """Return the type of a value as the file writes it, empty where that is not plain."""
        if isinstance(statement, ast.AnnAssign):
            written = statement.annotation
            is_text = isinstance(written, ast.Constant) and isinstance(written.value, str)
            return str(written.value) if is_text else ast.unparse(written)  # type: ignore[attr-defined]
        value = statement.value
        return ast.unparse(value.func) if isinstance(value, ast.Call) and _is_class(value.func) else ""

    @cached_property
    def _fixed(self) -> frozenset[ast.AST]:
        """The nodes in f-strings, whose places Python before 3.12 does not tell, and in patterns, which take no call."""
        kinds = (ast.JoinedStr, ast.pattern)
        return frozenset(inner for node in walk(self._module) if isinstance(node, kinds) for inner in walk(node))

    @cached_property
    def _places(self) -> dict[str, list[BoundPlace]]:
        names = {node.id for node in walk(self._module) if isinstance(node, ast.Name)}
        places: dict[str, list[BoundPlace]] = {}
        for one in find_uses(self._module, names).bindings:
            places.setdefault(one.name, []).append(one)
        return places

    @cached_property
    def _bound_once(self) -> frozenset[str]:
        """The names that one plain statement of the module level binds, and nothing else."""
        binding = (one for one in self._module.body if isinstance(one, _BINDERS))
        plain: set[ast.AST] = {inner for one in binding for inner in (*targets(one), one)}
        return frozenset(name for name, found in self._places.items() if len(found) == 1 and found[0].node in plain)

    def _can_ask(self, use: Use, kept: Collection[str]) -> bool:
        """Return whether a call may stand for a use: in a function, or in another value that is built."""
        if use.annotation is not None or use.is_text or use.is_in_doubt or use.node is None or use.node in self._fixed:
            return False
        return use.functions[-1].name != "__del__" if use.functions else self._values.get(use.node) in kept

    def _is_alone(self, statement: ast.stmt) -> bool:
        """Return whether nothing else but a comment stands in the lines of a statement."""
        rest = self._lines[(statement.end_lineno or 1) - 1].encode()[statement.end_col_offset :].strip()
        return statement.col_offset == 0 and (not rest or rest.startswith(b"#"))

    def _can_cache(self, statement: ast.stmt) -> bool:
        """Return whether `functools` can stand for the module of this name above a statement."""
        is_module = all(
            isinstance(one.node, ast.Import) and one.line < statement.lineno and not one.is_for_types
            for one in self._functools
        )
        return is_module and (bool(self._functools) or first_import(self._module) is not None)

    @cached_property
    def _functools(self) -> tuple[BoundPlace, ...]:
        return find_uses(self._module, ["functools"]).bindings

    def _is_steady(self, node: ast.AST) -> bool:
        """Return whether an expression comes to the same when it is evaluated later."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            is_built_in = hasattr(builtins, node.id) and node.id not in self._places
            return is_built_in or node.id in self._moving or node.id in self._bound_once
        if isinstance(node, ast.Attribute):
            root = _root(node)
            return root in self._moving or (root in self._bound_once and root not in self._involved)
        if isinstance(node, ast.Subscript):
            return ast.unparse(node.value) in _ENVIRONMENTS and self._is_steady(node.slice)
        if isinstance(node, ast.Call):
            is_known = self._only_builds(node.func) or ast.unparse(node.func) in _READS | _CONVERSIONS
            return is_known and all(map(self._is_steady, _arguments(node)))
        is_open = isinstance(node, ast.keyword) and node.arg is None
        return isinstance(node, _PARTS) and not is_open and all(map(self._is_steady, ast.iter_child_nodes(node)))

    def _only_builds(self, function: ast.expr) -> bool:
        """Return whether a function of what moves does nothing but build an object; of others beside it, a class."""
        root, last = _root(function), last_name(function)
        if root not in self._moving:
            return _is_class(function) and root in self._beside
        is_made = last.startswith("from_") and isinstance(function, ast.Attribute) and _is_class(function.value)
        return _is_class(function) or is_made or last in _BUILDING | _ASKING

    @cached_property
    def _beside(self) -> frozenset[str]:
        """The names of imports from packages that belong to what moves: `langchain` beside `langchain_openai`."""
        families = {
            name: _family(one, name) for one in self._module.body for name in _imported(one) if name in self._bound_once
        }
        moving = {families[name] for name in self._moving & families.keys()}
        return frozenset(name for name, family in families.items() if family in moving)


def set_by(statement: Setting) -> ast.Attribute:
    """Return the attribute that a statement sets, or the function that it calls to set something up."""
    target, _ = _set_by(statement)
    assert target is not None
    return target


def _set_by(statement: ast.AST) -> tuple[ast.Attribute | None, list[ast.AST]]:
    """Return what a statement sets up, None where it does not, and the values that it gives."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.AST = statement.targets[0]
        values: list[ast.AST] = [statement.value]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        target, values = statement.value.func, _arguments(statement.value)
        if last_name(target) not in _SETTING_UP:
            return None, []
    else:
        return None, []
    return (target, values) if isinstance(target, ast.Attribute) else (None, [])


def first_import(module: ast.Module) -> ast.stmt | None:
    """Return the first import of the module level that begins a line, behind those of `__future__`."""
    for one in module.body:
        is_future = isinstance(one, ast.ImportFrom) and one.module == "__future__"
        if isinstance(one, (ast.Import, ast.ImportFrom)) and not is_future:
            return one if one.col_offset == 0 else None
    return None


def _target(statement: ast.stmt) -> ast.Name | None:
    """Return the one name that a statement binds to a value."""
    is_value = isinstance(statement, ast.Assign) or (
        isinstance(statement, ast.AnnAssign) and statement.value is not None and bool(statement.simple)
    )
    bound = targets(statement) if is_value else []
    return bound[0] if len(bound) == 1 and isinstance(bound[0], ast.Name) else None


def _asks(call: ast.Call) -> bool:
    """Return whether a call reads no variable of the environment."""
    return last_name(call.func) in _ASKING or ast.unparse(call.func) in _CONVERSIONS


def _getter(name: str) -> str:
    return f"_get{name.lower()}" if name.startswith("_") else f"get_{name.lower()}"


def _imported(statement: ast.stmt) -> list[str]:
    """Return the names that an import of another project binds."""
    if isinstance(statement, ast.ImportFrom) and statement.level:
        return []
    is_import = isinstance(statement, (ast.Import, ast.ImportFrom))
    return [bound_by(one) for one in statement.names] if is_import else []  # type: ignore[attr-defined]


def _family(statement: ast.stmt, name: str) -> str:
    """Return the first word of the package that a name comes from."""
    if isinstance(statement, ast.ImportFrom):
        module = statement.module or ""
    else:
        module = next(one.name for one in statement.names if bound_by(one) == name)  # type: ignore[attr-defined]
    return re.split(r"[._]", module)[0]


def _arguments(call: ast.Call) -> list[ast.AST]:
    return [*call.args, *call.keywords]


def _root(node: ast.expr) -> str:
    """Return the name that a dotted name begins with, empty for anything else."""
    here = node
    while isinstance(here, ast.Attribute):
        here = here.value
    return here.id if isinstance(here, ast.Name) else ""


def _is_class(node: ast.expr) -> bool:
    """Return whether a name is written as those of classes are."""
    return last_name(node)[:1].isupper()
