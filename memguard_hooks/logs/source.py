"""Lines of a file, a compressed file or stdin, in bounded memory."""

from __future__ import annotations

import gzip
import io
import sys
import zlib

from memguard_hooks.errors import MemguardError

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

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
        raise MemguardError("zstd is not read here: zstd -dc FILE | memguard logs -", path)
    lines: gzip.GzipFile | io.BufferedReader = gzip.GzipFile(fileobj=file) if start[:2] == _GZIP else file
    readline, left = lines.readline, MAX_BYTES
    while raw := readline(MAX_LINE):
        if len(raw) == MAX_LINE and raw[-1] != 10:
            left -= _drop_rest(lines)
        left -= len(raw)
        if left < 0:
            raise MemguardError(f"holds more than {MAX_BYTES // 1024**3} GiB", path)
        yield raw.decode("utf-8", "replace").rstrip("\r\n")


def _drop_rest(lines: gzip.GzipFile | io.BufferedReader) -> int:
    """Read to the end of a line, and return how many bytes that was."""
    dropped = 0
    while raw := lines.readline(MAX_LINE):
        dropped += len(raw)
        if raw[-1] == 10 or dropped > MAX_BYTES:
            break
    return dropped
