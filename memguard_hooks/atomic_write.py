"""Files are replaced whole: whatever ends a run, a file has its old content or its new one.

The new content is written beside the file, brought to the disk, and renamed over it. A file with several names, hard links,
would lose the others by that. It is written in place, after both of its contents were brought to the disk beside it, in a
journal; where a run was ended in the middle of it, the next one that writes there puts the old content back.

Who writes into a folder locks it. The lock ends with the process, so none is left behind.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import zip_longest

from memguard_hooks.errors import MemguardError

WAIT_SECONDS = 10
"""How long to wait for another process that writes in the same folder; a write takes milliseconds."""

MAX_BYTES = 2**26
"""Of a file that is read before it is written; the tree reads half as much of any. A commit may bring a journal along."""

_NEW, _JOURNAL = ".memguard-new", ".memguard-journal"
_FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def replace_file(path: str, data: bytes, shown: str) -> None:
    """Give a file this content, with the rights that it has; a new one gets those of the user's mask.

    Raises MemguardError, which names the file as it is `shown`.
    """
    with _turn(path, shown):
        _write(path, data)


def update_file(path: str, change: Callable[[bytes | None], bytes], shown: str) -> None:
    """Give a file what `change` makes of its content, None for a new one, while nobody else writes it."""
    with _turn(path, shown):
        before = _read(path)
        data = change(before)
        if data != before:
            _write(path, data)


def exchange_file(path: str, before: bytes | None, data: bytes, shown: str) -> None:
    """Give a file this content in place of the one that it was seen to have. Raises MemguardError where it has another."""

    def change(now: bytes | None) -> bytes:
        if now not in (before, data):
            raise MemguardError("has changed meanwhile, and is not written", shown)
        return data

    update_file(path, change, shown)


def restore(path: str, shown: str) -> None:
    """Put the old content of a file back where a run was ended as it wrote it. Raises MemguardError."""
    if not os.path.lexists(_beside(path, _JOURNAL)):
        return
    with _turn(path, shown):
        pass


@contextmanager
def _turn(path: str, shown: str) -> Iterator[None]:
    """Let nobody else write in the folder of a file, which is whole."""
    try:
        with _lock(os.path.dirname(path) or ".", shown):
            _restore(path, shown)
            yield
    except OSError as error:
        raise MemguardError(f"cannot be written: {error.strerror}", shown) from None


@contextmanager
def _lock(folder: str, shown: str) -> Iterator[None]:
    """Keep others from writing in a folder, where the system can lock one."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise MemguardError("cannot be written: another process is writing there", shown) from None
                time.sleep(0.01)
            except OSError:  # a file system without locks
                break
            else:
                break
        yield
    finally:
        os.close(descriptor)


def _beside(path: str, suffix: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}{suffix}")


def _read(path: str) -> bytes | None:
    """Return the content of a file, None where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "is not a regular file")
        most = 2 * MAX_BYTES + len(str(MAX_BYTES)) + 1  # a journal has two contents, and the size of the first
        data = stream.read(most + 1)
        if len(data) > most:
            raise OSError(0, f"{os.path.basename(path)} is larger than {most // 2**20} MiB")
        return data


def _write_all(descriptor: int, data: bytes) -> None:
    """Write from where the file stands, and bring it to the disk."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def _sync(folder: str) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(path: str, data: bytes) -> None:
    try:
        has_names = os.stat(path).st_nlink > 1
    except FileNotFoundError:
        has_names = False
    if has_names:
        _write_in_place(path, _read(path) or b"", data)
    else:
        _write_beside(path, data, path)


def _write_beside(path: str, data: bytes, like: str) -> None:
    """Write a file whole, with the rights of another, and give it its name."""
    temporary = _beside(path, _NEW)
    with suppress(FileNotFoundError):
        os.unlink(temporary)  # of a run that was ended
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)
    try:
        try:
            with suppress(FileNotFoundError):
                os.chmod(temporary, stat.S_IMODE(os.stat(like).st_mode))
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync(os.path.dirname(path))


# Files with several names


def _write_in_place(path: str, before: bytes, data: bytes) -> None:
    """Write a file with both contents in a journal beside it; one that cannot be written whole gets the old one back."""
    journal = _beside(path, _JOURNAL)
    _write_beside(journal, b"%d\n%s%s" % (len(before), before, data), path)
    try:
        _overwrite(path, data)
    except BaseException:
        with suppress(OSError, MemguardError):
            _restore(path, path)
        raise
    _end(journal)


def _overwrite(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | _FLAGS)
    try:
        _write_all(descriptor, data)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _restore(path: str, shown: str) -> None:
    """End what was begun with a journal: a file that is neither its old content nor its new one gets the old one."""
    journal = _beside(path, _JOURNAL)
    written = _read(journal)
    if written is None:
        return
    size, _, contents = written.partition(b"\n")
    if not size.isdigit() or len(size) > len(str(MAX_BYTES)) or int(size) > len(contents):
        raise MemguardError(f"cannot be written: {os.path.basename(journal)} beside it is no journal", shown)
    before, data = contents[: int(size)], contents[int(size) :]
    now = _read(path)
    if now not in (None, before, data):
        if not _is_cut(now or b"", before, data):
            raise MemguardError(f"was cut as it was written, and has changed since: see {os.path.basename(journal)}", shown)
        _overwrite(path, before)
    _end(journal)


def _end(journal: str) -> None:
    os.unlink(journal)
    _sync(os.path.dirname(journal))


def _is_cut(now: bytes, before: bytes, data: bytes) -> bool:
    """Return whether a file is what is left of writing one content over another, in either direction."""
    if not min(len(before), len(data)) <= len(now) <= max(len(before), len(data)):
        return False
    return all(one in (old, new) for one, old, new in zip_longest(now, before, data) if one is not None)
