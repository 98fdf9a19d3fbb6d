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
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec

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

MANY_TIMES = 8
"""Times that the second pack is smaller than the first one: so much is written again at most for what is new."""

_FACTS, _RECENT = "facts-", "recent-"
_UNFINISHED = "unfinished-"
_ROW = f"<{DIGEST_BYTES}sII"
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
            content = stream.read()
    except OSError:
        return None
    written, text = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    return text if written == digest(text) else None


def write_whole(path: str, text: bytes) -> bool:
    """Put a file into its place at once, with its digest; tell whether that went well."""
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f"{_UNFINISHED}{os.getpid()}")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "wb") as stream:
            stream.write(digest(text))
            stream.write(text)
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
    """Facts by the names of what they are about, in this process, and in a packed file of `folder` where there is one."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._file: str | None = None
        self._recent = ""
        self._looks: list[tuple[int, ...] | None] = []
        """How both packs looked when they were read."""
        self._first: dict[bytes, bytes] = {}
        self._second: dict[bytes, bytes] = {}
        self._known: dict[bytes, bytes] | None = None
        self._new: dict[bytes, bytes] = {}
        self._used: set[bytes] = set()

    def get(self, *name: bytes) -> object | None:
        """Return what was kept under a name, None where nothing was. It is what JSON makes of it: check its shape."""
        import json

        key = digest(*name)
        found = self._new.get(key) or self._load().get(key)
        if found is None:
            return None
        self._used.add(key)
        try:
            value: object = json.loads(found)
        except (ValueError, RecursionError):
            return None
        return value

    def put(self, value: object, *name: bytes) -> None:
        """Keep a value that JSON can hold."""
        self.put_text(written(value), *name)

    def put_text(self, text: bytes, *name: bytes) -> None:
        """Keep what `written` has made of a value."""
        self._new[digest(*name)] = text

    def close(self) -> None:
        """Write what is new."""
        if self._folder is None or not self._new:
            return
        self._load()
        assert self._file is not None
        before = self._second
        if self._looks != [_look(self._file), _look(self._recent)]:  # another hook has written meanwhile
            self._first.update(_read_pack(self._file))
            before = {**before, **_read_pack(self._recent)}
        recent = {**before, **self._new}
        self._new = {}
        size, other = (sum(map(len, values.values())) for values in (recent, self._first))
        if size * MANY_TIMES < other and size + other <= MAX_PACK_BYTES:
            if write_whole(self._recent, _write_pack(recent)):
                shrink(self._folder, MAX_PACKS, _RECENT)
            return
        kept = {**self._first, **recent}
        if sum(map(len, kept.values())) > MAX_PACK_BYTES:
            kept = _bounded({key: kept[key] for key in (*recent, *self._used) if key in kept})
        if write_whole(self._file, _write_pack(kept)):
            shrink(self._folder, MAX_PACKS, _FACTS)
            _remove(self._recent)

    def _load(self) -> dict[bytes, bytes]:
        if self._known is None:
            self._known = {}
            if self._folder is not None:
                name = version().hex()
                self._file, self._recent = (os.path.join(self._folder, kind + name) for kind in (_FACTS, _RECENT))
                self._looks = [_look(self._file), _look(self._recent)]
                self._first, self._second = _read_pack(self._file), _read_pack(self._recent)
                self._known = {**self._first, **self._second}
        return self._known


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


def _bounded(values: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the first values that fit into a pack."""
    left = MAX_PACK_BYTES
    found: dict[bytes, bytes] = {}
    for key, value in values.items():
        left -= len(value)
        if left >= 0:
            found[key] = value
    return found


def _write_pack(values: Mapping[bytes, bytes]) -> bytes:
    from struct import pack

    rows: list[bytes] = []
    at = _COUNT_BYTES + len(values) * _ROW_BYTES
    for key, value in values.items():
        rows.append(pack(_ROW, key, at, len(value)))
        at += len(value)
    return b"".join([len(rows).to_bytes(_COUNT_BYTES, "little"), *rows, *values.values()])


def _read_pack(path: str) -> dict[bytes, bytes]:
    """Return the values of a pack by their keys; none of one that is too short for what it says."""
    data = read_whole(path) or b""
    end = _COUNT_BYTES + int.from_bytes(data[:_COUNT_BYTES], "little") * _ROW_BYTES
    if end > len(data):
        return {}
    from struct import iter_unpack

    return {key: data[at : at + size] for key, at, size in iter_unpack(_ROW, data[_COUNT_BYTES:end])}
