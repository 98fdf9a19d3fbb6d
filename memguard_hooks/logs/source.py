"""Lines of a file, a compressed file or stdin, in bounded memory."""

from __future__ import annotations

import gzip
import os
import re
import sys
import zlib
from contextlib import contextmanager
from functools import partial
from itertools import chain

from memguard_hooks.errors import MemguardError
from memguard_hooks.logs.exports import read_export

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from typing import IO

STDIN = "-"
MAX_LINE = 64 * 1024
"""Bytes of a line; what follows is read and dropped. Docker cuts at 16 KiB, CloudWatch at 256 KiB."""
MAX_BYTES = 8 * 1024**3
"""Bytes that are read: a compressed file of a few MiB may hold more than any disk."""
MAX_LINES = 5_000_000
"""Lines that are read where nobody says how many: that takes a minute or two."""

_FOREIGN = ((re.compile(rb"\xff\xfe|\xfe\xff"), "is UTF-16: iconv -f UTF-16 -t UTF-8 FILE | memguard logs -"),)
"""How files begin whose lines are no events, and what makes a log of them."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class _Full(Exception):  # noqa: N818 - it is no error
    """As much is read as may be; says how much."""


def read_lines(path: str, most: int = MAX_LINES, leave: Callable[[str], None] = lambda _: None) -> Iterator[str]:
    """Yield the lines of a log without their ends, at most so many; `leave` is told where that is not all of them."""
    try:
        with open(sys.stdin.fileno() if path == STDIN else path, "rb", closefd=path != STDIN) as file:
            yield from _read(file, path, most)
    except _Full as full:
        leave(str(full))
    except (EOFError, zlib.error, OSError) as error:
        reason = getattr(error, "strerror", None) or "the compressed data is cut off or damaged"
        raise MemguardError(f"cannot be read: {reason}", path) from None


def _read(file: io.BufferedReader, path: str, most: int) -> Iterator[str]:
    start = file.peek(4)[:4]
    if start == _ZSTD:
        with _unpack_zstd(file, path) as lines:
            yield from _decode(lines, path, most)
    elif start[:2] == _GZIP:
        yield from _decode(gzip.GzipFile(fileobj=file), path, most)
    else:
        yield from _decode(file, path, most)


def _decode(lines: IO[bytes] | gzip.GzipFile, path: str, most: int) -> Iterator[str]:
    size = 0
    first = lines.readline(MAX_LINE)
    export = read_export(first, lines, path)
    plain = chain((first,), iter(partial(lines.readline, MAX_LINE), b"")) if first else ()
    for number, raw in enumerate(plain if export is None else export):
        if not number and (told := next((told for start, told in _FOREIGN if start.match(raw)), "")):
            raise MemguardError(told, path)
        if number >= most:
            raise _Full(f"only the first {number:,} lines are read, and what follows is left out; --max-lines N reads more")
        size += len(raw)
        if export is None and len(raw) == MAX_LINE and raw[-1] != 10:
            size += _drop_rest(lines, MAX_BYTES - size)
        if size > MAX_BYTES:
            whole = f"only the first {MAX_BYTES // 1024**3} GiB, {number:,} lines, are read"
            raise _Full(f"{whole}, and what follows is left out")
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


def _drop_rest(lines: IO[bytes] | gzip.GzipFile, most: int) -> int:
    """Read to the end of a line, and return how many bytes that was."""
    dropped = 0
    while raw := lines.readline(MAX_LINE):
        dropped += len(raw)
        if raw[-1] == 10 or dropped > most:
            break
    return dropped
