"""Whether anything in a file names what an import binds."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import MAX_SOURCE_BYTES, decode
from memguard_hooks.imports.model import ImportSite
from memguard_hooks.pattern import late_pattern

_WORD = late_pattern(r"\w+")
_STATEMENT = late_pattern(r"\s*(?:lazy\s+)?(?:import|from)\b")


def unused_names(data: bytes, path: str, site: ImportSite) -> str | None:
    """Return the names that an import binds where nothing else mentions any of them, also no string and no comment.

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
    return " or ".join(bound) if bound and all(words[name] == own[name] for name in bound) else None


@lru_cache(maxsize=1)
def _read(data: bytes, path: str) -> tuple[list[str], Counter[str]]:
    """Return the lines of a file, and how often each word stands in them; read once for all imports of the file."""
    if len(data) > MAX_SOURCE_BYTES:  # each word takes some 50 bytes
        raise MemguardError("is too long to be looked through", path)
    text = decode(data, path)
    return text.split("\n"), Counter(_WORD.findall(text))
