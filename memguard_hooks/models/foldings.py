"""The foldings of a run, and the scopes of files that they share."""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from memguard_hooks.errors import MemguardError
    from memguard_hooks.models.folding import Folding
    from memguard_hooks.models.scopes import NameScope

MAX_BYTES = 2**20
"""Bytes of the sources whose scopes are kept from one folding to the next: they take some forty times as much."""

MOST_BYTES = 2 * MAX_BYTES
"""Bytes of those with which one folding goes on: beyond, it begins anew before it is asked of the next file."""


class Mentions:
    """Which files hold a word: looked for once in each content, for all walks of all trees."""

    def __init__(self) -> None:
        self._numbers: dict[bytes | None, int] = {None: 0}
        self._readers: list[Callable[[], bytes | None]] = [lambda: None]
        self._known: dict[str, bytearray] = {}

    def number(self, name: bytes | None, read: Callable[[], bytes | None]) -> int:
        """Return where `of` tells of a content, by the name of that; `read` gives it."""
        if name not in self._numbers:
            self._numbers[name] = len(self._readers)
            self._readers.append(read)
        return self._numbers[name]

    def of(self, word: str) -> bytearray:
        """Return for each content that has a number whether it holds a word."""
        found, wanted = self._known.setdefault(word, bytearray()), word.encode()
        found += bytes(wanted in (read() or b"") for read in self._readers[len(found) :])
        return found


class Foldings:
    """Foldings by what they follow; where they hold much, they are forgotten before another begins, or one goes on."""

    def __init__(self) -> None:
        self._made: dict[int, Folding] = {}
        self._numbers: dict[Hashable, int] = {}
        self._scopes: dict[tuple[str, bytes], NameScope | MemguardError] = {}
        self._held = 0
        self.mentions = Mentions()

    def number(self, key: Hashable) -> int:
        """Return what stands for a key as long as the run lasts."""
        return self._numbers.setdefault(key, len(self._numbers))

    def get(self, number: int, make: Callable[[], Folding]) -> Folding:
        """Return the folding of a number; ask again for each file, and hold it no longer."""
        if self._held > (MOST_BYTES if number in self._made else MAX_BYTES):
            self.forget()
        if number not in self._made:
            self._made[number] = make()
        return self._made[number]

    def let_go(self) -> None:
        """Forget what is held where that is much, before something else takes memory."""
        if self._held > MAX_BYTES:
            self.forget()

    def forget(self) -> None:
        """Forget all foldings and the scopes of files."""
        for scope in self._scopes.values():
            if not isinstance(scope, Exception):
                scope.release()
        self._made.clear()
        self._scopes.clear()
        self._held = 0

    def scope(self, path: str, data: bytes) -> NameScope | MemguardError:
        """Return the scope of a file, or why there is none: the same for all trees that hold the same file."""
        from memguard_hooks.models.evaluation import read_source

        if (path, data) not in self._scopes:
            self._held += len(data)
            self._scopes[path, data] = read_source(path, data)
        return self._scopes[path, data]
