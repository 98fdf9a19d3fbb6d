"""Values that code gives to what starts, folded, or why nobody can tell them."""

from __future__ import annotations

import ast

from memguard_hooks.deployment.gunicorn_settings import Unresolved, Value
from memguard_hooks.deployment.start import Count, count_workers
from memguard_hooks.formats.python_folding import BoundNames, text_of
from memguard_hooks.formats.python_values import OfCpus, Raises, UnknownValue


def value_of(node: ast.expr, names: BoundNames, name: str) -> Value | Unresolved:
    """Return the value of an expression, or why nobody can tell."""
    try:
        return names.evaluate(node)
    except (UnknownValue, Raises) as error:
        bound = names.bound.get(node.id) if isinstance(node, ast.Name) else None
        if bound is not None and isinstance(bound[0], Unresolved):
            return bound[0]
        reason = f"computes {name}: {text_of(node)}"
        return Unresolved(node.lineno, reason, is_cpu_count=isinstance(error, OfCpus))


def count_of(value: Value | Unresolved, path: str, default: int = 1) -> Count:
    """Return a number of processes, and the place where one stands that nobody can tell."""
    if isinstance(value, Unresolved):
        return Count(None, f"{path}:{value.line} {value.reason}", value.is_cpu_count)
    return Count(default) if value is None else count_workers(str(value))


def items_of(node: ast.expr, names: BoundNames) -> dict[str, tuple[ast.expr, BoundNames]] | None:
    """Return the items of a mapping that is written out, `{"workers": 4}` or `dict(workers=4)`, None for any other."""
    found, inner = names.meaning(node)
    if isinstance(found, ast.Dict) and all(isinstance(key, ast.Constant) for key in found.keys):
        return {
            str(key.value): (value, inner)
            for key, value in zip(found.keys, found.values, strict=True)
            if isinstance(key, ast.Constant)
        }
    if isinstance(found, ast.Call) and isinstance(found.func, ast.Name) and found.func.id == "dict" and not found.args:
        return {one.arg: (one.value, inner) for one in found.keywords if one.arg}
    return None
