"""What expressions may come to: plain constants, what is written out, what the project defines, and what nobody can know."""

from __future__ import annotations

import ast
from types import MappingProxyType

from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from memguard_hooks.models.scopes import CallInScope, NameScope, TableChange


class UnknownInCode(Record):
    """A value that nobody can know before the app runs, why, and what the code takes where it is not given."""

    reason: str
    default: str = ""


class Missing(Record):
    """What the environment gives for a variable that nothing in the repository sets."""

    variable: str


class Table(Record):
    """A list, tuple, set or mapping that is written out, and what is put into it later."""

    node: ast.Dict | ast.List | ast.Tuple | ast.Set
    scope: NameScope
    changes: tuple[TableChange, ...] = ()


class ModuleValue(Record):
    """A module of the project: its dotted name and its file, none for a folder."""

    name: str
    path: str | None


class FunctionValue(Record):
    """A function of the project, with what it is bound to."""

    node: ast.AST
    scope: NameScope
    owner: ClassValue | InstanceValue | None = None


class ClassValue(Record):
    """A class of the project; `scope` is its own."""

    node: ast.ClassDef
    scope: NameScope


class InstanceValue(Record):
    """What calling a class of the project gives.

    `variables` is what names of variables begin with that give its fields, and how those of fields of fields are parted.
    """

    kind: ClassValue
    call: ast.Call | None
    scope: NameScope
    variables: tuple[str, str] | None = None


class ExternalValue(Record):
    """Something that is not of the project, by its dotted name."""

    name: str


class Made(Record):
    """What calling something external gives: `argparse.ArgumentParser` after that was called."""

    name: str
    call: ast.Call
    scope: NameScope


class BoundMethod(Record):
    """A method of a string or a table, before it is called."""

    base: Value
    name: str


Constant: TypeAlias = "str | int | float | bool | None"
Defined: TypeAlias = "ModuleValue | FunctionValue | ClassValue | InstanceValue | BoundMethod"
Value: TypeAlias = "Constant | UnknownInCode | Missing | Table | Defined | ExternalValue | Made"
Values: TypeAlias = "tuple[Value, ...]"
Later: TypeAlias = "Mapping[ast.Call, Sequence[CallInScope]]"
"""What is called with what a call has made, by that call."""


ANYTHING = UnknownInCode("it is computed")

VAST = UnknownInCode("it is a number that nothing counts up to")

MAX_NUMBER = 2**63 - 1
"""The largest number that is one: of more digits, text cannot be made of all."""


class RunContext(Record):
    """What a service runs with: its variables, those that only the platform knows, and the words of its command line.

    `files` are the variables that its code loads from files, which the others go before.
    """

    environment: Mapping[str, str] = MappingProxyType({})
    hidden: frozenset[str] = frozenset()
    arguments: tuple[str, ...] = ()
    files: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Sources(Record):
    """How the files of a project are read and found.

    `read` gives the bytes of a file, None where there is none; `locate` the file of a module as it is imported from a file,
    empty for a folder of modules, None for one of other people; `naming` the files whose bytes hold a word.
    """

    read: Callable[[str], bytes | None]
    locate: Callable[[str, int, str], str | None]
    naming: Callable[[str], Iterable[str]]


def argument(call: ast.Call, position: int, keywords: Sequence[str]) -> ast.expr | None:
    """Return an argument of a call by its place or one of its names, None where it is not given."""
    if 0 <= position < len(call.args) and not any(isinstance(one, ast.Starred) for one in call.args[: position + 1]):
        return call.args[position]
    return next((one.value for one in call.keywords if one.arg is not None and one.arg in keywords), None)
