"""Lines of a file, a compressed file or stdin, in bounded memory."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from contextlib import contextmanager

from memguard_hooks.errors import MemguardError

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from typing import IO

STDIN = "-"
MAX_LINE = 64 * 1024
"""Bytes of a line; what follows is read and dropped. Docker cuts at 16 KiB, CloudWatch at 256 KiB."""
MAX_BYTES = 8 * 1024**3
"""Bytes that are read: a compressed file of a few MiB may hold more than any disk."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def read_lines(path: str) -> Iterator[str]:
    """Yield the lines of a log without their ends."""
    try:
        with open(sys.stdin.fileno() if path == STDIN else path, "rb", closefd=path != STDIN) as file:
            yield from _read(file, path)
    except (EOFError, zlib.error, OSError) as error:
        reason = getattr(error, "strerror", None) or "the compressed data is cut off or damaged"
        raise MemguardError(f"cannot be read: {reason}", path) from None


def _read(file: io.BufferedReader, path: str) -> Iterator[str]:
    start = file.peek(4)[:4]
    if start == _ZSTD:
        with _unpack_zstd(file, path) as lines:
            yield from _decode(lines, path)
    elif start[:2] == _GZIP:
        yield from _decode(gzip.GzipFile(fileobj=file), path)
    else:
        yield from _decode(file, path)


def _decode(lines: IO[bytes] | gzip.GzipFile, path: str) -> Iterator[str]:
    readline, left = lines.readline, MAX_BYTES
    while raw := readline(MAX_LINE):
        if len(raw) == MAX_LINE and raw[-1] != 10:
            left -= _drop_rest(lines)
        left -= len(raw)
        if left < 0:
            raise MemguardError(f"holds more than {MAX_BYTES // 1024**3} GiB", path)
        yield raw.decode("utf-8", "replace").rstrip("\r\n")


@contextmanager
def _unpack_zstd(file: io.BufferedReader, path: str) -> Iterator[IO[bytes]]:
    """Yield what the program zstd unpacks, which holds the memory that a file may ask for to 128 MiB."""
    program = next(filter(os.path.isfile, (os.path.join(one, "zstd") for one in os.get_exec_path() if _is_safe(one))), None)
    if program is None or path == STDIN:
        raise MemguardError("is packed by zstd: zstd -dc FILE | memguard logs -", path)
    import subprocess

    command = [program, "--quiet", "--decompress", "--stdout", "--memory=128MB"]
    file.seek(0)
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # the program shares this place in the file from its start on
    with subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        if process.wait():
            raise EOFError


def _is_safe(folder: str) -> bool:
    """Return whether a folder of `PATH` is none of the project: a file there may have any name."""
    here = os.path.realpath(os.curdir)
    return os.path.isabs(folder) and os.path.commonpath([here, os.path.realpath(folder)]) != here


def _drop_rest(lines: IO[bytes] | gzip.GzipFile) -> int:
    """Read to the end of a line, and return how many bytes that was."""
    dropped = 0
    while raw := lines.readline(MAX_LINE):
        dropped += len(raw)
        if raw[-1] == 10 or dropped > MAX_BYTES:
            break
    return dropped
