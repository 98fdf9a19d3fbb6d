"""The files of a project that a run judges, and what could not be read of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.finding import Skipped, at_fault
from memguard_hooks.pattern import any_of
from memguard_hooks.tree import Tree, peek, walk

SOURCE = (".py", ".pyw")
_NO_SERVICE = frozenset({"conftest", "setup", "noxfile"})
"""Files that no service loads, besides tests."""


class Files:
    """The files of one tree: those that the user has `named`, None for all, without those that the settings exclude.

    What cannot be read is collected in `skipped`.
    """

    def __init__(self, tree: Tree, exclude: Sequence[str], named: Sequence[str] | None = None) -> None:
        self.tree = tree
        self.named = None if named is None else tuple(named)
        self.skipped: list[Skipped] = []
        self._exclude = exclude

    def is_excluded(self, path: str) -> bool:
        """Return whether the settings leave a path out: a glob, or a folder and all below it."""
        if not self._exclude:
            return False
        fits, folders = self._excluded
        return path.startswith(folders) or fits(path)

    @cached_property
    def _excluded(self) -> tuple[Callable[[str], bool], tuple[str, ...]]:
        """What tells whether a path is left out, and how such a path begins."""
        return any_of(self._exclude), tuple(one.rstrip("/") + "/" for one in self._exclude)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The files to judge."""
        found = self.named if self.named is not None else walk(self.tree)
        return tuple(path for path in found if not self.is_excluded(path)) if self._exclude else tuple(found)

    @cached_property
    def python_paths(self) -> tuple[str, ...]:
        """The Python files to judge, without tests; a file that was named counts whatever its suffix."""
        return tuple(path for path in self.paths if (self.named is not None or path.endswith(SOURCE)) and not is_test(path))

    def read_judged(self, path: str) -> bytes | None:
        """Return a file to judge; one that is not there or must not be read is noted."""
        try:
            data = self.tree.read(path)
            if data is None:
                raise MemguardError("no such file", path)
        except UnreadableError as error:
            self.unreadable(error, was_named=False)
        except MemguardError as error:
            self.broken(error)
        else:
            return data
        return None

    def read_file(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none that may be read."""
        return peek(self.tree, path)

    def broken(self, error: MemguardError) -> None:
        """Note input that is at fault itself."""
        self.skipped.append(at_fault(error))

    def unreadable(self, error: UnreadableError, *, was_named: bool) -> None:
        """Note a file that must not be read: at fault where the user named it, else only left out."""
        if was_named:
            self.broken(error)
        else:
            self.skipped.append(Skipped(error.path or ".", error.line, error.message))


def is_test(path: str) -> bool:
    """Return whether a file belongs to tests, or to what else no service loads, by its path."""
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0]
    is_among_tests = "tests" in folders or "test" in folders
    return is_among_tests or stem.startswith("test_") or stem.endswith("_test") or stem in _NO_SERVICE
