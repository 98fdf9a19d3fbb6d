"""Enumerations of a project: their members, and what a call of the class with a value gives."""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_values import MAX_STEPS, Member, Raises, UnknownValue
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memguard_hooks.formats.python_values import Names, Value

_BASES = frozenset({"Enum", "StrEnum", "IntEnum"})
_MIXED = frozenset({"str", "int", "enum.StrEnum", "enum.IntEnum"})
_OWN_VALUES = frozenset({"__new__", "__init__", "_missing_", "_generate_next_value_"})
"""Methods of a class that make its values otherwise than they are written."""


class Enumeration(Record):
    """An enumeration: its members by all of their names, and whether these values are all that a call of it knows."""

    members: Mapping[str, Member]
    is_whole: bool

    def member(self, name: str) -> Member:
        """Return the member of a name. Raises UnknownValue for what is none."""
        if name not in self.members:
            raise UnknownValue
        return self.members[name]

    def of(self, value: Value) -> Member:
        """Return the member that has a value, as a call of the class does. Raises Raises where none has."""
        for one in self.members.values():
            if value is one or (value == one.value and type(value) is type(one.value)):
                return one
        if not self.is_whole or isinstance(value, Member) or any(one.value is None for one in self.members.values()):
            raise UnknownValue
        raise Raises


def enumeration(names: Names, node: ast.expr) -> Enumeration | None:
    """Return the enumeration of the project that a name stands for, None for anything else.

    Raises UnknownValue where too many members were looked at.
    """
    found, inner = names.meaning(node)
    if not isinstance(found, ast.ClassDef) or not found.bases:
        return None
    family = list(_family(found, inner, MAX_STEPS))
    bases = {base for _, base in family}
    if not any(base.startswith("enum.") and base.removeprefix("enum.") in _BASES for base in bases):
        return None
    names.spend(sum(len(holder.body) for holder, _ in family))
    methods = {one.name for holder, _ in family for one in holder.body if isinstance(one, ast.FunctionDef)}
    is_written = methods.isdisjoint(_OWN_VALUES - {"_missing_"})
    is_mixed = not bases.isdisjoint(_MIXED)
    members: dict[str, Member] = {}
    known: dict[str | int, Member] = {}
    for name, value in _assigned(found):
        written = _value(value, inner, name, is_text="enum.StrEnum" in bases) if is_written else None
        members[name] = Member((inner.path, found.name), name, written, is_mixed=is_mixed)
        if written is not None:
            members[name] = known.setdefault(written, members[name])
    return Enumeration(members, "_missing_" not in methods)


def _family(found: ast.ClassDef, names: Names, steps: int) -> Iterator[tuple[ast.ClassDef, str]]:
    """Yield a class with each of its bases that is not the project's, and the same of those that are."""
    for base in found.bases:
        above, inner = names.meaning(base)
        if isinstance(above, ast.ClassDef):
            yield found, ""
            if steps:
                yield from _family(above, inner, steps - 1)
        else:
            yield found, names.source_of(base) or (base.id if isinstance(base, ast.Name) else "")


def _assigned(found: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for one in found.body:
        if isinstance(one, ast.Assign):
            yield from ((to.id, one.value) for to in one.targets if isinstance(to, ast.Name) and to.id[0] != "_")


def _value(node: ast.expr, names: Names, name: str, *, is_text: bool) -> str | int | None:
    """Return the value of a member, None where it is not told."""
    if isinstance(node, ast.Call) and names.source_of(node.func) == "enum.auto":
        return name.lower() if is_text else None
    try:
        value = names.evaluate(node)
    except (UnknownValue, Raises):
        return None
    return value if isinstance(value, (str, int)) else None
