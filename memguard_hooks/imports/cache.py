"""Analyses that are kept from one run to the next, by the hash of the source that was analyzed.

They lie in the folder of `cache_folder`. An entry that was damaged is made anew.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from memguard_hooks.cache_folder import DIGEST_BYTES, digest, read_whole, shrink, write_whole
from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.analyze import analyze
from memguard_hooks.imports.model import Analysis, ImportSite, Target, Unknown

if TYPE_CHECKING:
    from memguard_hooks.imports.ledger import Ledger

MAX_ENTRIES_A_SHARD = 192
"""Of 256 shards: 49,152 analyses of some kilobyte each. The oldest half of a full shard is dropped."""

MAX_GENERATIONS = 3
"""Versions of the analysis whose answers are kept: the hooks of pre-commit and a developer's own may take turns."""

FRESH_TREES = 16
"""Analyses after which memory is freed: the walk over libcst's trees leaves them in circles of some MiB."""


class _Unreadable(NamedTuple):
    """Why a file is not analyzed, and the line."""

    message: str
    line: int | None


class Cache:
    """Analyses by content, in this process, and in `folder` where there is one."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._known: dict[bytes, Analysis | _Unreadable] = {}
        self._ledgers: dict[str, Ledger] = {}
        self._fresh = 0

    def analyze(self, data: bytes, path: str, target: Target) -> Analysis:
        """Return the analysis of a source; raises MemguardError for one that cannot be analyzed, with the place."""
        # A set has another order in each process.
        key = digest(data, repr((*target._replace(called=frozenset()), *sorted(target.called))).encode())
        found = self._known.get(key) or self._read(key)
        if found is None:
            try:
                found = analyze(data, path, target)
            except MemguardError as error:
                found = _Unreadable(error.message, error.line)
            self._write(key, found)
            self._fresh += 1
            if self._fresh % FRESH_TREES == 0 and "libcst" in sys.modules:
                gc.collect()
                gc.freeze()  # What is left stays to the end: not to be looked through again with each tree.
        self._known[key] = found
        if isinstance(found, _Unreadable):
            raise MemguardError(found.message, path, found.line)
        return found

    @cached_property
    def _generation(self) -> str | None:
        """The folder of the answers that this version of the analysis gives."""
        if self._folder is None:
            return None
        generation = os.path.join(self._folder, _version())
        if not os.path.isdir(generation):
            _forget(self._folder)
        return generation

    def _place(self, key: bytes) -> str | None:
        name = key.hex()
        return None if self._generation is None else os.path.join(self._generation, name[:2], name[2:])

    def _read(self, key: bytes) -> Analysis | _Unreadable | None:
        place = self._place(key)
        content = None if place is None else read_whole(place)
        return None if content is None else _decode(content)

    def _write(self, key: bytes, found: Analysis | _Unreadable) -> None:
        """Keep an answer; a folder that cannot be written to keeps nothing."""
        place = self._place(key)
        if place is not None and write_whole(place, _encode(found)):
            shrink(os.path.dirname(place), MAX_ENTRIES_A_SHARD)

    def ledger(self, *name: str) -> Ledger:
        """Return the short answers of that name, which `close` saves."""
        from memguard_hooks.imports.ledger import Ledger

        key = digest(*(part.encode() for part in name)).hex()
        if key not in self._ledgers:
            self._ledgers[key] = Ledger(os.path.join(self._generation, key) if self._generation is not None else None)
        return self._ledgers[key]

    def close(self) -> None:
        """Save the short answers."""
        for ledger in self._ledgers.values():
            ledger.save()


def _version() -> str:
    """Name the code that makes the answers: libcst, and the modules beside this one."""
    parts: list[bytes] = [sys.version.encode()]  # which parses the strings of frameworks
    here = os.path.dirname(__file__)
    sources = [os.path.join(here, name) for name in sorted(os.listdir(here)) if name.endswith(".py")]
    spec = find_spec("libcst")
    if spec is not None and spec.origin is not None:
        sources.append(os.path.join(os.path.dirname(spec.origin), "_version.py"))
    for source in sources:
        try:
            with open(source, "rb") as stream:
                parts.append(stream.read())
        except OSError:
            parts.append(b"")
    return digest(*parts).hex()


def _is_version(name: str) -> bool:
    return len(name) == 2 * DIGEST_BYTES and not name.strip("0123456789abcdef")


def _forget(folder: str) -> None:
    """Remove the answers of versions that were not used last."""
    import shutil

    try:
        kept = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False) and _is_version(entry.name)]
        for entry in sorted(kept, key=lambda entry: entry.stat().st_mtime)[: 1 - MAX_GENERATIONS]:
            shutil.rmtree(entry.path, ignore_errors=True)
    except OSError:
        return


def _encode(found: Analysis | _Unreadable) -> bytes:
    kind = "problem" if isinstance(found, _Unreadable) else "analysis"
    return json.dumps([kind, *found], ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _decode(text: bytes) -> Analysis | _Unreadable:
    kind, *rest = json.loads(text.decode("utf-8", "surrogatepass"))
    if kind == "problem":
        return _Unreadable(*rest)
    sites, unknown = rest
    return Analysis(tuple(map(_site, sites)), tuple(map(Unknown._make, unknown)))


def _site(row: list[Any]) -> ImportSite:
    """Make a site of its fields, of which JSON has turned tuples into lists."""
    line, column, end_line, module, level, names, when, why, used_line, used_column, calls = row
    return ImportSite(line, column, end_line, module, level, tuple(names), when, why, used_line, used_column, tuple(calls))
