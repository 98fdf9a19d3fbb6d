"""What a condition is on the target, where that can be known without running the file."""

from __future__ import annotations

import operator
from collections.abc import Callable

import libcst as cst

from memguard_hooks.imports.model import Target
from memguard_hooks.imports.syntax import dotted, integer, literal
from memguard_hooks.imports.values import Module, Scope
from memguard_hooks.record import Any, Record

_FACTS = {"sys.platform": "linux", "os.name": "posix", "platform.system": "Linux"}
"""Where services run."""

_PYTHONS = ((3, 8), (3, 99))
"""Every Python that runs such files lies between: where both agree, the target need not be known."""

_OPERATORS: dict[type[cst.BaseCompOp], Callable[[Any, Any], Any]] = {
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
}


class Truth(Record):
    """What a condition is, None where nobody can know, and what decided."""

    value: bool | None
    why: str = ""


UNKNOWN = Truth(None)


def truth(node: cst.BaseExpression, scope: Scope, target: Target) -> Truth:
    """Judge a condition."""
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        value, why = truth(node.expression, scope, target)
        return Truth(None if value is None else not value, why)
    if isinstance(node, cst.BooleanOperation):
        return _boolean(node, scope, target)
    if isinstance(node, cst.Integer):
        number = integer(node)
        return UNKNOWN if number is None else Truth(bool(number), "in a branch that does not run")
    if isinstance(node, (cst.Name, cst.Attribute)):
        return _name(node, scope)
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        return _compare(node.left, node.comparisons[0], scope, target)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "startswith":
        fact, texts = _fact(node.func.value, scope), [text for arg in node.args for text in _texts(arg.value)]
        return Truth(fact.startswith(tuple(texts)), "on another platform") if fact and texts else UNKNOWN
    return UNKNOWN


def _boolean(node: cst.BooleanOperation, scope: Scope, target: Target) -> Truth:
    first, operations = operands(node)
    known = truth(first, scope, target)
    for operation in operations:
        known = either(known, operation, truth(operation.right, scope, target))
    return known


def operands(node: cst.BooleanOperation) -> tuple[cst.BaseExpression, list[cst.BooleanOperation]]:
    """Return the first operand of `a or b or c`, and the operations upon it from left to right."""
    operations: list[cst.BooleanOperation] = []
    first: cst.BaseExpression = node
    while isinstance(first, cst.BooleanOperation):
        operations.append(first)
        first = first.left
    return first, operations[::-1]


def stops(left: Truth, operation: cst.BooleanOperation) -> bool:
    """Return whether the left side alone decides, so that the right side does not run."""
    return left.value is isinstance(operation.operator, cst.Or)


def either(left: Truth, operation: cst.BooleanOperation, right: Truth) -> Truth:
    """Join both sides of an operation."""
    if stops(left, operation):
        return left
    return right if stops(right, operation) or left.value is not None else left


def paths(node: cst.BaseExpression, scope: Scope) -> set[str]:
    """Return the dotted names that a name or an attribute may stand for."""
    name = dotted(node)
    if name is None:
        return set()
    head, dot, rest = name.partition(".")
    values = scope.lookup(head)
    if values is None:
        return {name}
    return {value.path + dot + rest for value in values if isinstance(value, Module)}


def _name(node: cst.BaseExpression, scope: Scope) -> Truth:
    name = dotted(node)
    if name in ("True", "False"):
        return Truth(name == "True", "in a branch that does not run")
    checking = name == "TYPE_CHECKING" or any(path.endswith(".TYPE_CHECKING") for path in paths(node, scope))
    return Truth(False, "under TYPE_CHECKING") if checking else UNKNOWN


def _fact(node: cst.BaseExpression, scope: Scope) -> str | None:
    if isinstance(node, cst.Call) and not node.args:
        node = node.func
    found = paths(node, scope)
    return next((fact for path, fact in _FACTS.items() if path in found), None)


def _compare(left: cst.BaseExpression, comparison: cst.ComparisonTarget, scope: Scope, target: Target) -> Truth:
    kind, right = type(comparison.operator), comparison.comparator
    if dotted(right) in ("True", "False") and kind in (cst.Is, cst.Equal):
        known = truth(left, scope, target)
        return known if known.value is None else known._replace(value=known.value is (dotted(right) == "True"))
    if dotted(right) == "__name__":
        left, right = right, left
    if dotted(left) == "__name__" and literal(right) == "__main__" and kind in (cst.Equal, cst.NotEqual):
        return Truth(target.is_main == (kind is cst.Equal), "only when the file is run by itself")
    fact = _fact(left, scope)
    if fact is not None:
        value = _judge(kind, fact, _texts(right))
        return UNKNOWN if value is None else Truth(value, "on another platform")
    pythons = (target.python,) if target.python else _PYTHONS
    values = {_compare_version(left, kind, right, python, scope) for python in pythons}
    return Truth(values.pop(), "on another Python") if len(values) == 1 else UNKNOWN


def _judge(kind: type[cst.BaseCompOp], fact: str, texts: list[str]) -> bool | None:
    if kind in (cst.In, cst.NotIn) and texts:
        return (fact in texts) == (kind is cst.In)
    if kind in (cst.Equal, cst.NotEqual) and len(texts) == 1:
        return (fact == texts[0]) == (kind is cst.Equal)
    return None


def _compare_version(
    left: cst.BaseExpression, kind: type[cst.BaseCompOp], right: cst.BaseExpression, python: tuple[int, int], scope: Scope
) -> bool | None:
    compare = _OPERATORS.get(kind)
    wanted = _numbers(right)
    if compare is None or wanted is None:
        return None
    found = _version(left, python, scope)
    if found == (*python, 0) and (
        kind in (cst.Equal, cst.NotEqual) or (isinstance(wanted, tuple) and wanted[:2] == python and len(wanted) > 2)
    ):
        return None  # two fields of five are known
    return bool(compare(found, wanted)) if type(found) is type(wanted) else None


def _version(node: cst.BaseExpression, python: tuple[int, int], scope: Scope) -> int | tuple[int, ...] | None:
    """Return what `sys.version_info`, a field or a slice of it is; a 0 stands for the fields that are not known."""
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and "sys.version_info" in paths(node.value, scope):
        index = node.slice[0].slice
        if isinstance(index, cst.Slice):
            return python[: _length(index)] or None
        number = integer(index.value) if isinstance(index, cst.Index) else None
        return None if number is None or number > 1 else python[number]
    names = paths(node, scope)
    if "sys.version_info" in names:
        return (*python, 0)
    fields = {"sys.version_info.major": python[0], "sys.version_info.minor": python[1]}
    return next((fields[name] for name in names if name in fields), None)


def _length(index: cst.Slice) -> int:
    """Return how many fields `[:1]` or `[:2]` takes, 0 for another slice."""
    upper = integer(index.upper) if index.lower is None and index.step is None else None
    return upper if upper in (1, 2) else 0


def _numbers(node: cst.BaseExpression) -> int | tuple[int, ...] | None:
    if isinstance(node, cst.Tuple):
        numbers = [number for element in node.elements if (number := integer(element.value)) is not None]
        return tuple(numbers) if numbers and len(numbers) == len(node.elements) else None
    return integer(node)


def _texts(node: cst.BaseExpression) -> list[str]:
    """Return a constant string, or the constant strings of a list, a tuple or a set."""
    if isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        return [text for element in node.elements if (text := literal(element.value)) is not None]
    text = literal(node)
    return [] if text is None else [text]
