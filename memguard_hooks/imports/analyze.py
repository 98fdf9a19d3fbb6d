"""The proof: each import of one file, and whether it runs when the file is imported; by libcst, but for plain files.

Decided once, here: module level, class bodies, compound statements, decorators, defaults, bases,
annotations that the target Python evaluates, and the bodies of functions that module level calls
are eager. Other function bodies, generators and coroutines that are called but not run,
`TYPE_CHECKING`, `if __name__ == "__main__"` of an imported file, `lazy import`, `__lazy_modules__`
and `PYTHON_LAZY_IMPORTS=all` on Python 3.15 are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.model import Analysis, Target
from memguard_hooks.imports.text import decode

if TYPE_CHECKING:
    from memguard_hooks.imports.scan import Span

_PLACE = re.compile(r"^(?:\w+ error: )?(?:error at (?P<line>\d+):(?P<column>\d+): )?")
"""What libcst puts before its messages: the place behind the token that is wrong, column 0 behind a line end."""


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
