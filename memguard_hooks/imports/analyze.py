"""The proof: each import of one file, and whether it runs when the file is imported; by libcst, but for plain files.

Decided once, here: module level, class bodies, compound statements, decorators, defaults, bases,
annotations that the target Python evaluates, and the bodies of functions that module level calls
are eager. Other function bodies, generators and coroutines that are called but not run,
`TYPE_CHECKING`, `if __name__ == "__main__"` of an imported file, `lazy import`, `__lazy_modules__`
and `PYTHON_LAZY_IMPORTS=all` on Python 3.15 are not.
"""

from __future__ import annotations

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import NotPythonError, decode, shortened, tree_of
from memguard_hooks.imports.model import Analysis, Target


def analyze(data: bytes, path: str, target: Target = Target()) -> Analysis:  # noqa: B008 - frozen
    """Find all imports of a source file.

    Raises MemguardError, with the place, for a file that is not Python or that no parser can read safely.
    """
    return analyze_with_acting(data, path, target)[0]


def analyze_with_acting(data: bytes, path: str, target: Target) -> tuple[Analysis, str | None]:
    """Find all imports of a source file, as `analyze` does, and what of it acts when it is called, as `read_plain` does."""
    from memguard_hooks.imports.plain import read_plain

    try:
        text = shortened(decode(data))
        try:
            syntax = tree_of(text)
        except NotPythonError:  # or Python that is newer than the one that runs this
            syntax = None
        if syntax is not None and target.decided:
            from memguard_hooks.imports.decided import with_decided

            text = with_decided(text, syntax, dict(target.decided))
            syntax = tree_of(text)
        found = None if syntax is None else read_plain(text, syntax, target)
        if found is not None:
            return found
        from memguard_hooks.imports.interpret import analyze_by_libcst

        return analyze_by_libcst(text, target, syntax), None
    except MemguardError as error:
        raise MemguardError(error.message, path, error.line) from None
