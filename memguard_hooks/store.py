"""What was found out in earlier runs: a packed file of facts by content, and whole files that are believed or not.

All of it lies in git's own folder, as `.git/memguard`: no commit can bring answers along, no clone has them, and git never
lists them. `MEMGUARD_CACHE_DIR` names another folder, the empty string none. A file is written whole and then renamed into
place, so that hooks may run side by side; one that was damaged is not believed, and what is kept can be deleted at any time.

A pack is `count`, that many rows of `key, offset, length`, and the values, which are JSON: only those that are asked for are
parsed. What a run finds out anew is put into a second pack, as long as that is small beside the first one.
"""

from __future__ import annotations

import os
import stat
import sys
import time

from memguard_hooks.git import find_git

try:  # What hashlib gives, without OpenSSL: a quarter of the start of Python.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from typing import IO, TypeVar

    from memguard_hooks.shape import Shape

    Value = TypeVar("Value")

FOLDER = "memguard"

VARIABLE = "MEMGUARD_CACHE_DIR"

DIGEST_BYTES = 16

MAX_PACK_BYTES = 64 * 2**20
"""Of a larger pack, only what the last run has used is kept. A tree of 20,000 files takes some 10 MiB."""

MAX_PACKS = 3
"""Versions of this package whose facts are kept: the hooks of pre-commit and a developer's own may take turns."""

PACKAGES = ("libcst", "packaging", "tomli", "yaml")
"""What facts and verdicts depend on besides this package."""

UNFINISHED_SECONDS = 3600
"""No hook takes as long to write a file."""

MAX_HELD_BYTES = 8 * 2**20
"""Bytes of new values that are held in memory."""

MIN_PACKED_BYTES = 1000
"""Bytes of a value that is worth to be packed: most facts are smaller, and what is large are whole walks."""

MANY_TIMES = 8
"""Times that the second pack is smaller than the first one: so much is written again at most for what is new."""

_FACTS, _RECENT = "facts-", "recent-"
_UNFINISHED = "unfinished-"
_ROW = f"<{DIGEST_BYTES}sQ"
"""A key, and where its value stands: the bytes before it, and from `_SIZE_BIT` on its own."""

_SIZE_BIT = 32
_AT = 2**_SIZE_BIT - 1
_COUNT_BYTES, _ROW_BYTES = 4, DIGEST_BYTES + 8


def find_folder(root: str) -> str | None:
    """Return where the answers of a project are kept, None where the project is in no git repository."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return os.path.join(named, FOLDER) if named else None
    found = find_git(root)
    return None if found is None else os.path.join(found[1], FOLDER)


def digest(*parts: bytes) -> bytes:
    """Return a hash of some bytes, each kept apart from the next."""
    found = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()


def read_whole(path: str) -> bytes | None:
    """Return what `write_whole` has written, None for what is not there or was damaged."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a named pipe would be waited for
            return None
        with open(path, "rb") as stream:
            written, text = stream.read(DIGEST_BYTES), stream.read()
    except OSError:
        return None
    return text if written == digest(text) else None


def write_whole(path: str, text: bytes) -> bool:
    """Put a file into its place at once, with its digest; tell whether that went well."""
    return _write(path, (text,), len(text))


def _write(path: str, pieces: Iterable[bytes], size: int) -> bool:
    """Write the pieces of a file of some bytes, with the digest of all, and put it into its place."""
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f"{_UNFINISHED}{os.getpid()}")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "wb") as stream:
            stream.write(bytes(DIGEST_BYTES))
            found = blake2b(size.to_bytes(8, "little"), digest_size=DIGEST_BYTES)
            for piece in pieces:
                found.update(piece)
                stream.write(piece)
            stream.seek(0)
            stream.write(found.digest())
        os.replace(temporary, path)
    except OSError:
        _remove(temporary)
        return False
    return True


def shrink(folder: str, limit: int, prefix: str = "") -> None:
    """Drop the oldest half of the files of a folder whose names begin so, if these are more than the limit.

    What a hook left unfinished that was ended goes too.
    """
    try:
        names = os.listdir(folder)
        old = [name for name in names if name.startswith(_UNFINISHED) and _age(folder, name) > UNFINISHED_SECONDS]
        kept = [name for name in names if name.startswith(prefix) and not name.startswith(_UNFINISHED)]
        if len(kept) > limit:
            old += sorted(kept, key=lambda name: _age(folder, name))[len(kept) - len(kept) // 2 :]
        for name in old:
            os.remove(os.path.join(folder, name))
    except OSError:
        return  # another hook was faster


def _age(folder: str, name: str) -> float:
    return time.time() - os.path.getmtime(os.path.join(folder, name))


def version() -> bytes:
    """Return what changes with the code that makes facts: Python, this package, and what it depends on."""
    parts = [sys.version.encode()]
    for path in files_of_packages():
        try:
            found = os.stat(path)
        except OSError:
            continue
        parts += [os.fsencode(path), b"%d %d" % (found.st_mtime_ns, found.st_size)]
    return digest(*parts)


def files_of_packages() -> list[str]:
    """Return the files that change with this package and with what it depends on.

    An installer replaces all files of a package, so one of them is enough; in a checkout each is edited by itself.
    """
    specs = [_find_spec(name) for name in PACKAGES]
    found = [spec.origin for spec in specs if spec is not None and spec.origin is not None]
    here = os.path.dirname(os.path.abspath(__file__))
    found.append(os.path.abspath(__file__))
    if os.path.basename(os.path.dirname(here)) in ("site-packages", "dist-packages"):
        return found
    folders = [here]
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir():
                    found.append(entry.path)
                elif entry.name != "__pycache__":
                    folders.append(entry.path)
    return found


def _find_spec(name: str) -> ModuleSpec | None:
    """Return where a package would be loaded from, as `importlib.util` does, which takes milliseconds to load."""
    found = (finder.find_spec(name, None) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)


def written(value: object) -> bytes:
    """Return what the store keeps of a value that JSON can hold."""
    import json

    return json.dumps(value, separators=(",", ":")).encode()


class Store:
    """Facts by the names of what they are about, in this process, and in packed files of `folder` where there is one."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._packs: list[_Pack] | None = None
        self._new = _Fresh(folder)
        self._used: set[bytes] = set()

    def get(self, *name: bytes) -> object | None:
        """Return what was kept under a name, None where nothing was. It is what JSON makes of it: check its shape."""
        import json

        key = digest(*name)
        found = self._new.get(key)
        if found is None:
            found = next(filter(None, (pack.get(key) for pack in self._load())), None)
            if found is None:
                return None
            self._used.add(key)
        try:
            value: object = json.loads(found)
        except (ValueError, RecursionError):
            return None
        return value

    def known(self, shape: Shape[Value], *name: bytes) -> Value | None:
        """Return what was kept under a name, None where nothing of that shape was."""
        from memguard_hooks.shape import checked

        try:
            return checked(shape, self.get(*name))
        except (TypeError, ValueError):
            return None

    def put(self, value: object, *name: bytes) -> None:
        """Keep a value that JSON can hold."""
        self.put_text(written(value), *name)

    def put_text(self, text: bytes, *name: bytes) -> None:
        """Keep what `written` has made of a value."""
        self._new.put(digest(*name), text)

    def close(self) -> None:
        """Write what is new."""
        new, packs = self._new, self._load()
        if not packs or not new.rows:
            return
        self._new = _Fresh(self._folder)
        recent, first = (pack.anew() for pack in packs)  # another hook may have written meanwhile
        fresh = {**dict.fromkeys(recent.rows, recent), **dict.fromkeys(new.rows, new)}
        kept = {**dict.fromkeys(first.rows, first), **fresh}
        folder, size = os.path.dirname(first.path), _bytes(kept)
        if _bytes(fresh) * (MANY_TIMES + 1) < size <= MAX_PACK_BYTES:
            if _write_pack(recent.path, fresh):
                shrink(folder, MAX_PACKS, _RECENT)
        else:
            if size > MAX_PACK_BYTES:
                kept = _bounded({key: kept[key] for key in (*fresh, *self._used) if key in kept})
            if _write_pack(first.path, kept):
                shrink(folder, MAX_PACKS, _FACTS)
                if recent.rows:
                    _remove(recent.path)
        new.close()

    def _load(self) -> Sequence[_Pack]:
        """Return the packs, the one that counts first."""
        if self._packs is None:
            name = version().hex() if self._folder is not None else ""
            kinds = (_RECENT, _FACTS) if self._folder is not None else ()
            self._packs = [_Pack(os.path.join(self._folder or "", kind + name)) for kind in kinds]
        return self._packs


class _Values:
    """Values by their keys, with the place and the bytes of each: those of a pack, or of a file that has no name."""

    def __init__(self) -> None:
        self.rows: dict[bytes, int] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return a value, None where there is none."""
        raise NotImplementedError

    def size(self, key: bytes) -> int:
        """Return the bytes of a value that there is."""
        return self.rows[key] >> _SIZE_BIT


class _Pack(_Values):
    """What a pack holds; nothing of one that is too short for what it says."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self._look = _look(path)
        self._data = (read_whole(path) if self._look is not None else None) or b""
        end = _COUNT_BYTES + int.from_bytes(self._data[:_COUNT_BYTES], "little") * _ROW_BYTES
        if end <= len(self._data):
            from struct import iter_unpack

            self.rows = dict(iter_unpack(_ROW, memoryview(self._data)[_COUNT_BYTES:end]))

    def get(self, key: bytes) -> bytes | None:
        """Return a value, None where there is none."""
        row = self.rows.get(key, 0)
        at, size = row & _AT, row >> _SIZE_BIT
        return self._data[at : at + size] if size else None

    def anew(self) -> _Pack:
        """Return the pack as it is now."""
        return self if _look(self.path) == self._look else _Pack(self.path)


class _Fresh(_Values):
    """Values that are new; while they are many, all but the last ones wait in a file without a name, or packed in memory."""

    def __init__(self, folder: str | None) -> None:
        super().__init__()
        self._folder = folder
        self._held: dict[bytes, bytes] = {}
        self._packed: dict[bytes, bytes] = {}
        self._size = 0
        self._file: IO[bytes] | None = None

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value."""
        self._held[key] = value
        self._packed.pop(key, None)
        self.rows[key] = len(value) << _SIZE_BIT
        self._size += len(value)
        if self._size > MAX_HELD_BYTES:
            self._spool()

    def get(self, key: bytes) -> bytes | None:
        """Return a value, None where there is none."""
        found = self._held.get(key)
        if found is None and key in self._packed:
            from zlib import decompress

            found = decompress(self._packed[key])
        elif found is None and key in self.rows and self._file is not None:
            row = self.rows[key]
            self._file.seek(row & _AT)
            found = self._file.read(row >> _SIZE_BIT)
        return found

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _spool(self) -> None:
        """Write what is held into the file; where that cannot be done, it is packed, to a tenth or so of its bytes."""
        self._size = 0
        try:
            if self._file is None and self._folder is not None:
                from tempfile import TemporaryFile

                os.makedirs(self._folder, exist_ok=True)
                self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115 - it is gone with the process
            if self._file is None:
                self._pack()
                return
            at = self._file.seek(0, os.SEEK_END)
            rows = {}
            for key, value in self._held.items():
                self._file.write(value)
                rows[key] = at | len(value) << _SIZE_BIT
                at += len(value)
            self._file.flush()
        except OSError:
            self._pack()
            return
        self.rows.update(rows)
        self._held.clear()

    def _pack(self) -> None:
        from zlib import compress

        for key in [key for key, value in self._held.items() if len(value) > MIN_PACKED_BYTES]:
            self._packed[key] = compress(self._held.pop(key), 1)


def _look(path: str) -> tuple[int, ...] | None:
    """Return how a file looks, None for one that is not there: each writer puts another one into its place."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _remove(path: str) -> None:
    from contextlib import suppress

    with suppress(OSError):
        os.remove(path)


def _bytes(values: Mapping[bytes, _Values]) -> int:
    return sum(some.size(key) for key, some in values.items())


def _bounded(values: Mapping[bytes, _Values]) -> dict[bytes, _Values]:
    """Return the first values that fit into a pack."""
    left = MAX_PACK_BYTES
    found: dict[bytes, _Values] = {}
    for key, some in values.items():
        left -= some.size(key)
        if left >= 0:
            found[key] = some
    return found


def _write_pack(path: str, values: Mapping[bytes, _Values]) -> bool:
    """Write values by their keys into a pack, one after the other; tell whether that went well."""
    from struct import pack

    end = _COUNT_BYTES + len(values) * _ROW_BYTES

    def pieces() -> Iterator[bytes]:
        yield len(values).to_bytes(_COUNT_BYTES, "little")
        at = end
        for key, some in values.items():
            size = some.size(key)
            yield pack(_ROW, key, at | size << _SIZE_BIT)
            at += size
        for key, some in values.items():
            yield some.get(key) or b""

    return _write(path, pieces(), end + _bytes(values))
