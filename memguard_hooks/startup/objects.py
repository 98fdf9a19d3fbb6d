"""What objects take that a pickle or a table of SQLite brings back, by a sample of what is in the file.

Nothing is unpickled and no query is run: opcodes and records are counted. Sizes are those of a 64-bit CPython.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

SAMPLE = 2**16
"""Bytes of a pickle whose opcodes are counted."""

MAX_PAGES, MAX_VALUES = 64, 50_000
"""Pages of a database whose records are counted, and values in them; from these follows what all take."""

NUMBER, INSTANCE = 32, 160
"""Bytes of a number that is made anew, and of an object with a few attributes."""

MAX_ITEMS = 1000
"""Items of one batch of a pickle, of which C writes no more at once."""

_TEXTS = frozenset({"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "STRING"})
_BYTES = frozenset({"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"})
_NUMBERS = frozenset({"BINFLOAT", "FLOAT", "BININT", "BININT2", "INT", "LONG", "LONG1", "LONG4"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_OBJECTS = frozenset({"REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"})
_BLOB = 4096
"""Bytes of a sample behind its last opcode that are the beginning of something large: an array, or the end of one."""

_MAGIC = b"SQLite format 3\0"
_LEAF = 13
"""The first byte of a page with records of a table."""


def step(size: int) -> int:
    """Return what the allocator takes for an object."""
    return (size + 15) // 16 * 16


def size_of_pickle(size: int, data: bytes) -> int | None:
    """Return the bytes that a pickle of a size takes once it is loaded, None for what is none, or compressed."""
    import pickletools

    found, at, counts = 0, 0, [0]
    sample = data[:SAMPLE]
    is_whole = False
    try:
        for opcode, argument, position in pickletools.genops(io.BytesIO(sample)):
            at = position or 0
            is_whole = opcode.name == "STOP"
            found += _size_of(opcode.name, argument, _moved(opcode, counts))
    except ValueError:
        pass  # the end of the sample, or of what is a pickle
    if not at:
        return None
    if is_whole or len(sample) - at > _BLOB:
        return found + max(0, size - at)
    return found * size // at


def _moved(opcode: object, counts: list[int]) -> int:
    """Keep how many objects lie above each mark of the stack; return how many an opcode takes from above the last one."""
    from pickletools import markobject

    before, after = opcode.stack_before, opcode.stack_after  # type: ignore[attr-defined]
    if markobject in after:
        counts.append(0)
        return 0
    items = 0
    left = len(before)
    if markobject in before:
        items = counts.pop() if len(counts) > 1 else 0
        left = before.index(markobject)
    counts[-1] = max(0, counts[-1] + len(after) - left)
    return items


def _size_of(name: str, argument: object, items: int) -> int:
    """Return what an opcode makes, with the objects that it takes from the stack."""
    if name in _TEXTS and isinstance(argument, str):
        return step(sys.getsizeof(argument)) if len(argument) > 1 else 0
    if name in _BYTES and isinstance(argument, (bytes, bytearray)):
        return step(33 + len(argument))
    if name in _NUMBERS:
        return 0 if isinstance(argument, int) and -5 <= argument <= 256 else NUMBER
    if name in _TUPLES or name == "TUPLE":
        return step(56 + 8 * (_TUPLES.get(name) or items))
    if name in ("EMPTY_LIST", "LIST"):
        return 80 + 9 * items
    if name in ("APPENDS", "APPEND"):
        return 9 * max(1, items)
    if name in ("EMPTY_DICT", "DICT"):
        return 80
    if name in ("SETITEMS", "SETITEM"):
        return step(sys.getsizeof(dict.fromkeys(range(min(MAX_ITEMS, items // 2 or 1))))) - 64
    if name in ("ADDITEMS", "FROZENSET"):
        return step(sys.getsizeof(set(range(min(MAX_ITEMS, items)))))
    return INSTANCE if name in _OBJECTS else 0


def size_of_rows(size: int, data: bytes) -> tuple[int, int] | None:
    """Return the bytes that all rows of a database take as tuples in a list, those of texts and all others.

    None for a file that is no such database.
    """
    if not data.startswith(_MAGIC):
        return None
    page = int.from_bytes(data[16:18], "big")
    page = 65536 if page == 1 else page
    if page < 512:
        return None
    places = range(0, len(data), page)
    chosen = places[:: max(1, len(places) // MAX_PAGES)]
    texts, others, counted, left = 0, 0, 0, MAX_VALUES
    for at in chosen:
        if left <= 0:
            break
        for columns, of_texts, taken in _records(data[at : at + page], 0 if at else 100, left):
            texts, others, left = texts + of_texts, others + taken, left - 1 - columns
        counted += 1
    scale = size / page / max(1, counted)
    return int(texts * scale), int(others * scale)


def has_one_table(data: bytes) -> bool:
    """Return whether a database has one table besides those of SQLite itself, by the beginning of its file."""
    head = data[: 2**16]
    return head.count(b"CREATE TABLE ") - head.count(b"CREATE TABLE sqlite_") == 1


def _records(page: bytes, head: int, left: int) -> Iterator[tuple[int, int, int]]:
    """Yield how many values each record of a page has, and what its texts and all else take, up to so many values of all."""
    if page[head : head + 1] != bytes([_LEAF]):
        return
    count = int.from_bytes(page[head + 3 : head + 5], "big")
    for number in range(min(count, len(page) // 4, left)):
        place = head + 8 + 2 * number
        at = int.from_bytes(page[place : place + 2], "big")
        _, at = _varint(page, at)
        _, at = _varint(page, at)
        length, inner = _varint(page, at)
        end = min(at + length, len(page))
        texts = taken = columns = 0
        while inner < end and left > 0:
            kind, inner = _varint(page, inner)
            columns, left = columns + 1, left - 1
            if kind >= 12:
                texts += _text(kind)
            elif 2 <= kind <= 7:  # small numbers and nothing are there once
                taken += NUMBER
        yield columns, texts, step(56 + 8 * columns) + taken + 8


def _text(kind: int) -> int:
    """Return what a text or bytes take by their type in a record, which tells their length."""
    length = (kind - 12) // 2
    return step((33 if kind % 2 == 0 else 49) + length) if length > 1 else 0


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Return a number of a variable length, and where it ends."""
    found = 0
    for byte in page[at : at + 9]:
        found, at = found << 7 | byte & 0x7F, at + 1
        if byte < 0x80:
            break
    else:
        return found, max(at, len(page))
    return found, at
