"""Whether anything in a file names what an import binds."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import MAX_SOURCE_BYTES, decode
from memguard_hooks.imports.model import ImportSite
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection

_WORD = late_pattern(r"\w+")
_STATEMENT = late_pattern(r"\s*(?:lazy\s+)?(?:import|from)\b")


def unused_names(data: bytes, path: str, site: ImportSite) -> str | None:
    """Return the names that an import binds where nothing else mentions any of them, also no string that is a value.

    None too for what is imported to be handed on (in `__init__.py`, `x as x`, by `*`), or for its effects (`# noqa`), and
    where more stands on its line.
    """
    try:
        lines, words = _read(data, path)
    except MemguardError:
        return None
    statement = "\n".join(lines[site.line - 1 : site.end_line])
    is_meant = "noqa" in statement or "unused-import" in statement or ";" in statement
    if path.endswith("__init__.py") or is_meant or "*" in site.names or not _STATEMENT.match(statement):
        return None
    bound: list[str] = []
    for name in site.names or (site.module,):
        found = re.search(
            rf"(?<![\w.]){re.escape(name)}(?![\w.])(?:[\s\\]+as[\s\\]+(\w+))?", statement.partition("import")[2]
        )
        if found is None or found[1] == name:
            return None
        bound.append(found[1] or name.partition(".")[0])
    own = Counter(_WORD.findall(statement))
    again = [name for name in bound if words[name] != own[name]]
    return None if not bound or (again and _names_any(data, path, again)) else " or ".join(bound)


def _names_any(data: bytes, path: str, names: Collection[str]) -> bool:
    """Return whether code names any of some names: a comment does not, nor does a string that stands by itself."""
    import ast

    from memguard_hooks.formats.python_source import tree_of

    try:
        waiting: list[ast.AST] = [tree_of(decode(data, path))]
    except MemguardError:
        return True
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Name) and node.id in names:
            return True
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and not set(names).isdisjoint(_WORD.findall(node.value)):  # type: ignore[attr-defined]
            return True
        is_binding = isinstance(node, (ast.Global, ast.Nonlocal, ast.ExceptHandler, ast.FunctionDef, ast.ClassDef))
        if is_binding and not set(names).isdisjoint([getattr(node, "name", None), *getattr(node, "names", ())]):
            return True
        waiting += ast.iter_child_nodes(node)
    return False


@lru_cache(maxsize=1)
def _read(data: bytes, path: str) -> tuple[list[str], Counter[str]]:
    """Return the lines of a file, and how often each word stands in them; read once for all imports of the file."""
    if len(data) > MAX_SOURCE_BYTES:  # each word takes some 50 bytes
        raise MemguardError("is too long to be looked through", path)
    text = decode(data, path)
    return text.split("\n"), Counter(_WORD.findall(text))
