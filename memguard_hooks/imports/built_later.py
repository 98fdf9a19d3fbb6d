"""Which values of the module level a function may build when they are first used: `client = OpenAI(api_key=KEY)`.

The value has to be the same whenever it is built: the call of a class of what moves, with constants, variables of the
environment, and names that the file binds once. Functions alone may use it, by its name in this file.
"""

from __future__ import annotations

import ast
from functools import cached_property

from memguard_hooks.formats.python_nodes import last_name
from memguard_hooks.imports.name_uses import find_uses
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection

    from memguard_hooks.imports.name_uses import BoundPlace, Use

_READS = frozenset({"environ.get", "getenv", "os.environ.get", "os.getenv"})
"""Calls that read a variable of the environment."""

_ENVIRONMENTS = frozenset({"environ", "os.environ"})

_CONVERSIONS = frozenset({"bool", "float", "int", "str"})

_BINDERS = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

_PARTS = (
    ast.BinOp, ast.BoolOp, ast.Compare, ast.Dict, ast.FormattedValue, ast.IfExp, ast.JoinedStr, ast.List, ast.Set, ast.Tuple,
    ast.UnaryOp, ast.boolop, ast.cmpop, ast.expr_context, ast.keyword, ast.operator, ast.unaryop,
)  # fmt: skip
"""What is as steady as its parts."""


class BuiltLater(Record):
    """An assignment that becomes a cached function, the name that it binds, and the places that use it."""

    statement: ast.Assign
    name: str
    getter: str
    of: str
    """The name that the call begins with, which an import binds."""
    used: tuple[Use, ...]

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
        self._known: dict[ast.Assign, BuiltLater | None] = {}

    def around(self, node: ast.AST | None) -> BuiltLater | None:
        """Return the assignment whose value a node is part of, None for one that has to stay."""
        statement = self._statements.get(node) if node is not None else None
        if statement is None:
            return None
        if statement not in self._known:
            self._known[statement] = self._built(statement)
        return self._known[statement]

    @cached_property
    def _statements(self) -> dict[ast.AST, ast.Assign]:
        """The assignments of a call to one name, by the names in their values."""
        found: dict[ast.AST, ast.Assign] = {}
        for one in self._module.body:
            if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call) and isinstance(one.targets[0], ast.Name):
                found.update((node, one) for node in ast.walk(one.value) if isinstance(node, ast.Name))
        return found

    @cached_property
    def _fixed(self) -> frozenset[ast.AST]:
        """The nodes in f-strings, whose places Python before 3.12 does not tell, and in patterns, which take no call."""
        kinds = (ast.JoinedStr, ast.pattern)
        return frozenset(inner for node in ast.walk(self._module) if isinstance(node, kinds) for inner in ast.walk(node))

    @cached_property
    def _bound_once(self) -> frozenset[str]:
        """The names that one plain statement of the module level binds, and nothing else."""
        names = {node.id for node in ast.walk(self._module) if isinstance(node, ast.Name)}
        places: dict[str, list[BoundPlace]] = {}
        for one in find_uses(self._module, names).bindings:
            places.setdefault(one.name, []).append(one)
        plain = {inner for one in self._module.body if isinstance(one, _BINDERS) for inner in _targets(one)}
        return frozenset(name for name, found in places.items() if len(found) == 1 and found[0].node in plain)

    def _built(self, statement: ast.Assign) -> BuiltLater | None:
        target, value = statement.targets[0], statement.value
        if not isinstance(target, ast.Name) or len(statement.targets) != 1 or not isinstance(value, ast.Call):
            return None
        name, root = target.id, _root(value.func)
        getter = f"_get{name.lower()}" if name.startswith("_") else f"get_{name.lower()}"
        if root not in self._moving or not _is_class(value.func) or name.startswith("__"):
            return None
        if name not in self._bound_once or not self._is_alone(statement) or not self._can_cache(statement):
            return None
        if any(getter in line for line in self._lines) or not all(map(self._is_steady, _arguments(value))):
            return None
        used = find_uses(self._module, [name]).uses
        if not used or any(not self._can_ask(use) for use in used):
            return None
        return BuiltLater(statement, name, getter, root, used)

    def _can_ask(self, use: Use) -> bool:
        """Return whether a call may stand for a use."""
        is_plain = bool(use.functions) and use.annotation is None and not (use.is_text or use.is_in_doubt)
        return is_plain and use.node not in self._fixed and use.functions[-1].name != "__del__"

    def _is_alone(self, statement: ast.Assign) -> bool:
        """Return whether nothing else but a comment stands in the lines of a statement."""
        rest = self._lines[(statement.end_lineno or 1) - 1].encode()[statement.end_col_offset :].strip()
        return statement.col_offset == 0 and (not rest or rest.startswith(b"#"))

    def _can_cache(self, statement: ast.Assign) -> bool:
        """Return whether `functools` can stand for the module of this name above a statement."""
        bindings = find_uses(self._module, ["functools"]).bindings
        is_module = all(
            isinstance(one.node, ast.Import) and one.line < statement.lineno and not one.is_for_types for one in bindings
        )
        return is_module and (bool(bindings) or first_import(self._module) is not None)

    def _is_steady(self, node: ast.AST) -> bool:
        """Return whether an expression comes to the same when it is evaluated later."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return node.id in self._moving or node.id in self._bound_once
        if isinstance(node, ast.Attribute):
            return _root(node) in self._moving
        if isinstance(node, ast.Subscript):
            return ast.unparse(node.value) in _ENVIRONMENTS and self._is_steady(node.slice)
        if isinstance(node, ast.Call):
            is_class = _root(node.func) in self._moving and _is_class(node.func)
            return (is_class or ast.unparse(node.func) in _READS | _CONVERSIONS) and all(
                map(self._is_steady, _arguments(node))
            )
        is_open = isinstance(node, ast.keyword) and node.arg is None
        return isinstance(node, _PARTS) and not is_open and all(map(self._is_steady, ast.iter_child_nodes(node)))


def first_import(module: ast.Module) -> ast.stmt | None:
    """Return the first import of the module level that begins a line, behind those of `__future__`."""
    for one in module.body:
        is_future = isinstance(one, ast.ImportFrom) and one.module == "__future__"
        if isinstance(one, (ast.Import, ast.ImportFrom)) and not is_future:
            return one if one.col_offset == 0 else None
    return None


def _targets(statement: ast.stmt) -> list[ast.AST]:
    """Return what a statement binds by itself."""
    if isinstance(statement, ast.Assign):
        return list(statement.targets)
    return [statement.target] if isinstance(statement, ast.AnnAssign) else [statement]


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
