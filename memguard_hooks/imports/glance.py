"""The first look at a file: may it import one of some modules at all? Most files of a repository end here.

It looks for the modules' names around each `import`, on the same line or in the parentheses behind it. Where that is
not enough to tell, the closer look of `narrow` decides; what that finds, this never misses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from memguard_hooks.imports.text import normalized

_IMPORTERS = frozenset({b"runpy", b"lazy_loader"})
"""Modules that import what they are told to."""

_EXEC = re.compile(rb"exec(?!\w)")

_BLANKS = bytes.maketrans(b".,;:()\\", b"       ")


def may_import(data: bytes, modules: Iterable[str]) -> bool:
    """Tell whether a source may import one of the modules, or a module below one of them."""
    plain = normalized(data)
    statements = None if plain is None or _EXEC.search(plain) or b"lazy" in plain.lower() else _statements(plain)
    if statements is not None and _last_parts(tuple(modules)).isdisjoint(statements.translate(_BLANKS).split()):
        return False
    from memguard_hooks.imports.narrow import candidates

    names = candidates(data)
    return names is None or any(name == one or name.startswith(f"{one}.") for name in names for one in modules)


@lru_cache(maxsize=1)
def _last_parts(modules: tuple[str, ...]) -> frozenset[bytes]:
    return _IMPORTERS.union(module.rpartition(".")[2].encode() for module in modules)


def _statements(data: bytes) -> bytes | None:
    """Return the text around each keyword, None where that is a call, or goes on in a way that takes a closer look."""
    left, *others = data.split(b"import")
    found: list[bytes] = []
    for right in others:
        start = left.rfind(b"\n") + 1
        end = right.find(b"\n")
        head = right if end < 0 else right[:end]
        if head[:7] == b"_module" or left[-2:] == b"__":
            return None
        if head.rstrip(b"\r")[-1:] == b"\\" or left[max(start - 3, 0) : start].rstrip(b"\r\n")[-1:] == b"\\":
            return None
        if b"(" in head:
            close = right.find(b")")
            if close > end >= 0:
                head = right[:close]
            if b"#" in head:
                return None
        found += (left[start:], head)
        left = right
    return b"\n".join(found)
