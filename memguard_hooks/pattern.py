"""Regular expressions that are compiled once, when they are first used: a hook passes a hundred and uses ten."""

from __future__ import annotations

import re

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from re import compile as late_pattern
else:

    class late_pattern:  # noqa: N801 - it stands for a function
        """What `re.compile` returns, once something of it is asked for."""

        def __init__(self, pattern, flags=0):
            self._given = pattern, flags

        def __getattr__(self, name):
            compiled = re.compile(*self._given)
            for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split", "pattern", "groupindex"):
                setattr(self, method, getattr(compiled, method))
            return getattr(compiled, name)


MAX_BRACKETS = 100
"""Opening brackets of a glob: in one with more, and in one that closes none, each stands for itself."""


def any_of(globs: Iterable[str]) -> Callable[[str], bool]:
    """Return what tells whether a name fits at least one of some globs.

    On CPython 3.10 `fnmatch` by itself compiles each of more than 256 globs again for each name. Joined by `|` they would
    take longer there: each match clears the groups of all.
    """
    from fnmatch import translate

    matches = [re.compile(translate(_bounded(glob))).match for glob in globs]
    return lambda name: any(match(name) for match in matches)


def _bounded(glob: str) -> str:
    """Return a glob for which `translate` looks for the ends of few brackets: it does so again for each that has none."""
    return glob if "]" in glob and glob.count("[") <= MAX_BRACKETS else glob.replace("[", "[[]")


__all__ = ["any_of", "late_pattern"]
