"""Short answers about files, kept by path and believed as long as the file looks untouched.

That is how git's own index knows what has changed: by the times, the size and the inode of a file. A file that changed
in the last moments before the answers were written is not recorded, since it may change again within the same tick.
"""

from __future__ import annotations

import json
import time
from typing import Any

from memguard_hooks.cache_folder import read_whole, write_whole

Stamp = tuple[int, ...]

MAX_ENTRIES = 50_000

SETTLED = 2 * 10**9
"""Nanoseconds after which a file that changes again looks changed, on every file system."""


class Ledger:
    """Answers that JSON can hold, in one file; None for a file keeps nothing."""

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._known: dict[str, tuple[list[int], Any]] = {}
        self._used: dict[str, tuple[list[int], Any]] = {}
        self._is_changed = False
        content = read_whole(file) if file is not None else None
        if content is not None:
            self._known = json.loads(content)

    def get(self, path: str, stamp: Stamp) -> tuple[Any] | None:
        """Return the answer for a file that looks like that, in a tuple of its own; None where there is none."""
        known = self._known.get(path)
        if known is None or known[0] != list(stamp):
            return None
        self._used[path] = known
        return (known[1],)

    def put(self, path: str, stamp: Stamp, answer: Any) -> None:
        """Keep an answer for a file."""
        self._known[path] = self._used[path] = (list(stamp), answer)
        self._is_changed = True

    def save(self) -> None:
        """Write what is new."""
        if self._file is None or not self._is_changed:
            return
        settled = time.time_ns() - SETTLED
        kept = self._known if len(self._known) <= MAX_ENTRIES else self._used
        kept = {path: entry for path, entry in kept.items() if max(entry[0][:2]) < settled}
        if kept and len(kept) <= MAX_ENTRIES:
            write_whole(self._file, json.dumps(kept, separators=(",", ":")).encode())
