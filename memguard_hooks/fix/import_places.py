"""Where an import belongs among others that are sorted: as isort and ruff's I001 sort them by default."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from itertools import pairwise

from memguard_hooks.record import Record, TypeAlias

Key: TypeAlias = "tuple[int, bool, str]"
"""The section, whether it is a `from` import, and the module."""

_FUTURE, _STANDARD, _OTHERS, _RELATIVE = range(4)


class ImportPlace(Record):
    """The statement that an import follows or precedes, and whether a blank line parts it from that."""

    above: ast.stmt | None
    below: ast.stmt | None
    is_apart_above: bool
    is_apart_below: bool


def standard_place(statements: Sequence[ast.stmt], module: str, *, is_from: bool) -> ImportPlace | None:
    """Return where an import of the standard library belongs among others of a file; None if these are not sorted."""
    keys = [_key(one) for one in statements]
    count = next((number for number, one in enumerate(keys) if one[0] > _STANDARD), len(keys))
    if not keys or any(one[0] <= _STANDARD for one in keys[count:]) or not _is_sorted(keys[:count]):
        return None
    key = (_STANDARD, is_from, module)
    at = next((number for number, one in enumerate(keys[:count]) if one > key), count)
    is_begun = at > 0 and keys[at - 1][0] == _STANDARD
    if not is_begun and at < count:
        return ImportPlace(None, statements[at], is_apart_above=False, is_apart_below=False)
    if at:
        return ImportPlace(statements[at - 1], None, is_apart_above=not is_begun, is_apart_below=False)
    return ImportPlace(None, statements[0], is_apart_above=False, is_apart_below=True)


def belongs_first(names: Sequence[ast.alias]) -> bool:
    """Return whether a constant belongs before the names of a `from` import: where they are sorted, and none is one."""
    keys = [(not one.name[:1].isupper(), one.name.lower()) for one in names]
    return not any(one.name.isupper() for one in names) and keys == sorted(keys)


def _is_sorted(keys: Sequence[Key]) -> bool:
    return all(one <= other for one, other in pairwise(keys))


def _key(statement: ast.stmt) -> Key:
    if isinstance(statement, ast.ImportFrom):
        module, level, is_from = statement.module or "", statement.level, True
    else:
        assert isinstance(statement, ast.Import)
        module, level, is_from = statement.names[0].name, 0, False
    top = module.partition(".")[0]
    section = _FUTURE if top == "__future__" else _STANDARD if top in sys.stdlib_module_names else _OTHERS
    return (_RELATIVE if level else section), is_from, module.lower()
