"""The proof: each import of one file, and whether it runs when the file is imported; by libcst, but for plain files.

Decided once, here: module level, class bodies, compound statements, decorators, defaults, bases,
annotations that the target Python evaluates, and the bodies of functions that module level calls
are eager. Other function bodies, generators and coroutines that are called but not run,
`TYPE_CHECKING`, `if __name__ == "__main__"` of an imported file, `lazy import`, `__lazy_modules__`
and `PYTHON_LAZY_IMPORTS=all` on Python 3.15 are not.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.text import decode

if TYPE_CHECKING:
    from memguard_hooks.imports.scan import Span

When = Literal["import", "call", "never"]
"""At import, in a call later on, or under no circumstances of the target."""

LAZY_PYTHON = (3, 15)
"""The first Python with lazy imports (PEP 810)."""

LAZY_ANNOTATIONS_PYTHON = (3, 14)
"""The first Python that evaluates annotations when they are asked for (PEP 649)."""


MAX_CALLED = 2_000_000
"""Imports of one file times the names that it calls: each import tells which of these are its own."""


class Target(NamedTuple):
    """What decides conditions: the Python, how the file is loaded, and which of its names others call.

    `lazy_all` is `PYTHON_LAZY_IMPORTS=all` in the deployment.
    """

    python: tuple[int, int] | None = None
    is_main: bool = False
    called: frozenset[str] = frozenset()
    lazy_all: bool = False


class ImportSite(NamedTuple):
    """One module that one place imports.

    `module` is as written, without the leading dots that `level` counts; `names` are those of a
    `from` import. `why` says what makes it eager or not. `used_line` is set where a lazy import is
    resolved while the file loads, because something there uses it. `calls` are the dotted names below the module that
    are called while the file loads: functions and classes that the other file defines.
    """

    line: int
    column: int
    end_line: int
    module: str
    level: int
    names: tuple[str, ...]
    when: When
    why: str
    used_line: int | None = None
    used_column: int | None = None
    calls: tuple[str, ...] = ()


class Unknown(NamedTuple):
    """An import at load time whose name is computed, or code at load time that is: `exec`, `runpy.run_path`."""

    line: int
    column: int
    text: str


class Analysis(NamedTuple):
    """All that one file imports, by position."""

    sites: tuple[ImportSite, ...] = ()
    unknown: tuple[Unknown, ...] = ()


_PLACE = re.compile(r"^(?:\w+ error: )?(?:error at (?P<line>\d+):(?P<column>\d+): )?")
"""What libcst puts before its messages: the place behind the token that is wrong, column 0 behind a line end."""


def called_below(called: Sequence[str], module: str, level: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the dotted names that are called, in order, are those of an import, without those of its module."""
    prefix = "." * level + module
    prefix += "" if prefix.endswith(".") else "."
    found: list[str] = []
    for path in called[bisect_left(called, prefix) :]:
        if not path.startswith(prefix):
            break
        rest = path[len(prefix) :]
        if not names or "*" in names or rest.partition(".")[0] in names:
            found.append(rest)
    return tuple(found)


def analyze(data: bytes, path: str, target: Target = Target()) -> Analysis:  # noqa: B008 - frozen
    """Find all imports of a source file.

    Raises MemguardError, with the place, for a file that is not Python or that libcst cannot read safely.
    """
    from memguard_hooks.imports.scan import scan  # its patterns take milliseconds to compile

    text = decode(data, path)
    scanned = scan(text)
    if scanned.problem is not None:
        raise MemguardError(scanned.problem, path, scanned.line)
    from memguard_hooks.imports.plain import read_plain

    return read_plain(text, scanned.imports, target) or analyze_by_libcst(text, scanned.imports, path, target)


def analyze_by_libcst(text: str, imports: Sequence[Span], path: str, target: Target) -> Analysis:
    """Find all imports of a source text that was scanned. Raises MemguardError for one that libcst cannot read."""
    import libcst as cst

    from memguard_hooks.imports.interpret import Interpreter
    from memguard_hooks.imports.places import Places
    from memguard_hooks.imports.record import Record

    try:
        module = cst.parse_module(text)
        return Interpreter(text, target, Record(module, Places(module, imports))).run(module)
    except cst.ParserSyntaxError as error:
        place = _PLACE.match(error.message)
        line = int(place["line"]) - (place["column"] == "0") if place and place["line"] else error.raw_line
        message = _PLACE.sub("", error.message.split("\n")[0]).rstrip(".")
        raise MemguardError(f"does not parse: {message}", path, line) from None
    except MemguardError as error:
        raise MemguardError(error.message, path) from None
    except RecursionError:
        raise MemguardError("is not analyzed: it is nested too deeply", path) from None
