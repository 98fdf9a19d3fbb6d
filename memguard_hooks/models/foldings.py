"""The foldings of a run, and the scopes of files that they share."""

from __future__ import annotations

from memguard_hooks.shape import texts

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from memguard_hooks.errors import MemguardError
    from memguard_hooks.models.folding import Folding
    from memguard_hooks.models.scopes import NameScope
    from memguard_hooks.store import Store

MAX_BYTES = 2**22
"""Bytes of the sources whose scopes are kept from one folding to the next: they take some forty times as much."""

MOST_BYTES = 2 * MAX_BYTES
"""Bytes of those with which one folding goes on: beyond, it begins anew before it is asked of the next file."""


FEW_CONTENTS = 200
"""Contents that are read for a word as fast as what is kept of it."""

MAX_WORDS = 8
"""Words of which a run keeps which contents hold them: one asks for two or three of all files, such as a variable's name."""


class Mentions:
    """Which files hold a word: looked for once in each content, for all walks of all trees, and of large projects kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
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
        found = self._known.setdefault(word, bytearray())
        if len(found) == len(self._readers):
            return found
        is_kept = len(self._readers) >= FEW_CONTENTS and len(self._known) <= MAX_WORDS
        wanted, names = word.encode("utf-8", "surrogatepass"), [(name or b"").hex() for name in self._numbers]
        key = b"contents without", wanted
        without = frozenset(self._store.known(texts, *key) or ()) if is_kept else frozenset()
        for name, read in list(zip(names, self._readers, strict=True))[len(found) :]:
            found.append(name not in without and wanted in (read() or b""))
        lacking = [name for name, holds in zip(names, found, strict=True) if name and not holds]
        if is_kept and not without.issuperset(lacking):
            self._store.put(lacking, *key)
        return found


class Foldings:
    """Foldings by what they follow; where they hold much, they are forgotten before another begins, or one goes on."""

    def __init__(self, store: Store) -> None:
        self._made: dict[int, Folding] = {}
        self._numbers: dict[Hashable, int] = {}
        self._scopes: dict[tuple[str, bytes], NameScope | MemguardError] = {}
        self._held = 0
        self.mentions = Mentions(store)

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
