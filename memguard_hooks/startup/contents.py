"""What a file takes once it is read into memory: the values in a sample of it are counted, and sized as CPython does.

A file is too large to be parsed at a commit, and a rate by its format alone is wrong by half: a JSON file of floats takes
twice its size, one of short records five times. Sizes are those of a 64-bit CPython with its allocator's steps of 16 bytes.
"""

from __future__ import annotations

import csv
import io
import sys
from functools import cache

from memguard_hooks.pattern import late_pattern
from memguard_hooks.startup.objects import has_one_table, size_of_pickle, size_of_rows, step

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Sequence

MIB = 2**20
SAMPLE = 2**18
"""Bytes of a file whose values are counted."""

RATES = {"rows": 9.0, "records": 10.0, "json": 4.5, "yaml": 100.0, "lines": 3.0, "lines-of-text": 4.0, "frame": 2.0,
         "frame-json": 3.0, "polars": 1.5, "parquet": 2.5, "sheet": 60.0, "frame-sheet": 20.0, "image": 10.0,
         "cv-image": 10.0, "opened-image": 10.0, "sqlite": 6.0, "frame-sqlite": 6.0}  # fmt: skip
"""Bytes that a byte of a file takes which cannot be sampled, by its form; 1 for others."""

FRAME = MIB
"""What the first `read_csv` of pandas takes besides its columns (pandas 3.1.1 on CPython 3.11.7, four files of 2 to 4 MB; it
depends on what importing pandas has left free in the heap)."""

POLARS = 26 * MIB
"""What the first frame of polars takes besides its columns: threads and arenas (polars 1.36, two files)."""

CODECS = int(4.2 * MIB)
"""What the first `imread` of OpenCV takes besides the picture (opencv-python-headless 5.0.0, PNG and JPEG, 2026-11-30)."""

OPENED = 2 * MIB
"""What the first picture of Pillow takes besides its pixels, of four bytes each (pillow 13.0.0, 2026-11-30)."""

OF_TEXTS, OF_OTHERS = 1.4, 0.52
"""What a frame takes, with what the heap keeps, of what texts and all else of its rows took: five databases took
10.7 to 25.9 MiB, each within 16 % of that (2 to 6 MB, pandas 3.1.1 on CPython 3.11.7, 2026-11-30)."""

PAGES_KEPT = 2 * MIB
"""Pages of a database that SQLite keeps, by its default."""

YAML = 640
"""Bytes that loading YAML leaves behind for each scalar, list and mapping: five documents of 4,000 to 60,000 of them took
530 to 670 each (PyYAML 6.0.3 on CPython 3.11.7, 2026-11-29)."""

CELL, TEXT_CELL = 405, 490
FRAME_CELL, FRAME_TEXT_CELL = 80, 180
"""Bytes of a cell of a workbook: in openpyxl 3.1.5, and in the frame that pandas makes of it, with what that leaves."""

_TOKEN = late_pattern(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[\[\]{}]')
_KEY = late_pattern(rb"\s*:")
_COLON = late_pattern(rb":(?=\s|$)")
_DASH = late_pattern(rb"(?m)(?:^|(?<=[ -]))-(?=\s)")
_FLOW = late_pattern(rb"\[[^\[\]{}\n]*\]")


def size_in_memory(
    form: str, size: int, data: bytes | None, *, is_object: bool = False, sheet: str | float | None = ""
) -> int:
    """Return the bytes that a file of a size takes in a form, by its contents where they can be read.

    `is_object` tells that texts of a frame are Python objects, as before pandas 3. `sheet` tells of which sheet of a
    workbook a frame is made, by its name or place: None for all, the empty text for one that nobody knows, the largest.
    """
    if data is None or not data:
        return int(size * RATES.get(form, 1.0))
    if form in ("sheet", "frame-sheet"):
        return _workbook(form, data, sheet) or int(size * RATES[form])
    if form in ("sqlite", "frame-sqlite"):
        found = size_of_rows(size, data) if has_one_table(data) else None  # of several no page says whose it is
        if found is None:
            return 0
        kept = min(size, PAGES_KEPT)
        return sum(found) + kept if form == "sqlite" else int(OF_TEXTS * found[0] + OF_OTHERS * found[1]) + kept + FRAME
    if form == "pickle":
        return size_of_pickle(size, data) or size
    if form in ("image", "cv-image", "opened-image"):
        pixels = _image(data) or int(size * RATES[form])
        return pixels * 4 // 3 + OPENED if form == "opened-image" else pixels + (CODECS if form == "cv-image" else 0)
    sample = _sample(data)
    if form in ("rows", "records", "frame", "polars"):
        return _table(form, size, sample, is_object=is_object)
    if form in ("json", "frame-json"):
        return _json(size, sample)
    if form == "yaml":
        return int(_nodes(sample) * YAML * size / max(1, len(sample)))
    text = _Texts(sample).size * size // max(1, len(sample)) if form in ("text", "lines-of-text") else 0
    if form == "text":
        return text * (2 if _Texts(sample).is_narrowed else 1)
    if form == "lines-of-text":  # the text is gone, and what lay around it in the heap is not given back
        return _lines(size, sample) + text
    return _lines(size, sample) if form == "lines" else int(size * RATES.get(form, 1.0))


def _sample(data: bytes) -> bytes:
    """Return whole lines from the beginning of a file."""
    head = data[:SAMPLE]
    end = head.rfind(b"\n")
    return head if len(head) == len(data) or end < SAMPLE // 2 else head[: end + 1]


NARROWED = 2.5
"""Bytes of UTF-8 a letter, beyond which a text of two bytes a letter leaves as much again in the heap that decoding it took:
Chinese texts of 0.4 and 3.2 million letters did, a Cyrillic one did not (CPython 3.11.7, glibc 2.36, 2026-11-30)."""


class _Texts:
    """How a text is stored: the bytes of each letter in memory, of all of them, and whether decoding took more than that."""

    def __init__(self, sample: bytes) -> None:
        text = sample.decode("utf-8", "replace")
        top = max(map(ord, text), default=0)
        self.text = text
        self.width = 1 if top < 0x100 else 2 if top < 0x10000 else 4
        self.size = self.width * len(text)
        self.is_narrowed = self.width == 2 and len(sample) > NARROWED * len(text)


def _text_size(text: str) -> int:
    """Return what a text takes: nothing of its own where it is empty or one letter, which are kept once."""
    return 0 if len(text) < 2 else step(sys.getsizeof(text))


@cache
def _dict_size(count: int) -> int:
    """Return what a dictionary of some keys takes, without them."""
    known = min(count, 5000)
    return int(step(sys.getsizeof(dict.fromkeys(map(str, range(known))))) * max(1.0, count / max(1, known)))


@cache
def _list_size(count: int) -> int:
    """Return what a list takes that has grown to some length, item by item."""
    room = 0
    while room < count:
        room = (room + 1 + ((room + 1) >> 3) + 6) & ~3
    return step(72 + 8 * room)


def _nodes(sample: bytes) -> int:
    """Return how many scalars, lists and mappings a part of a YAML document has, by its colons, dashes and flow lists."""
    text = b"\n".join(line for line in sample.splitlines() if not line.lstrip().startswith(b"#"))
    flows = _FLOW.findall(text)
    listed = sum(1 + one.count(b",") for one in flows)
    return 2 * len(_COLON.findall(text)) + len(_DASH.findall(text)) + int(listed)


def _lines(size: int, sample: bytes) -> int:
    lines = sample.decode("utf-8", "replace").splitlines()
    return int(sum(_text_size(f"{line}\n") + 8 for line in lines) * size / max(1, len(sample)))


# Tables


def _table(form: str, size: int, sample: bytes, *, is_object: bool) -> int:
    text = sample.decode("utf-8", "replace")
    try:
        separator = csv.Sniffer().sniff(text[:2000], ",;\t|").delimiter
    except csv.Error:
        separator = ","
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    except csv.Error:
        return int(size * RATES[form])
    scale = size / max(1, len(sample))
    if form in ("rows", "records"):
        width = len(rows[0]) if rows else 0
        around: Callable[[int], int] = _list_size if form == "rows" else lambda _: _dict_size(width)
        return int(sum(around(len(row)) + sum(map(_text_size, row)) + 8 for row in rows) * scale)
    columns = list(zip(*rows[1:], strict=False)) if len(rows) > 1 else []
    found = sum(_column(column, is_object=is_object and form == "frame") for column in columns)
    return int(found * scale) + (FRAME if form == "frame" else POLARS)


def _column(values: Sequence[str], *, is_object: bool) -> float:
    """Return what a column of a frame takes: numbers are moved once they are read, texts are bytes, or objects kept once."""
    if all(map(_is_number, values)):
        return 8 * len(values) * 1.4
    if is_object:
        return 8 * len(values) + sum(map(_text_size, set(values)))
    return sum(len(one.encode("utf-8", "replace")) + 8 for one in values) * 1.1


def _is_number(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


# JSON


def _json(size: int, sample: bytes) -> int:
    """Return what JSON takes: each key is kept once, small whole numbers are never made anew."""
    inner = outer = 0
    keys: set[bytes] = set()
    open_ones: list[list[int]] = []  # whether it is an object, and how many values it holds
    scale = size / max(1, len(sample))
    for match in _TOKEN.finditer(sample):
        token = match[0]
        first = token[:1]
        if first in b"]}":
            if open_ones:
                is_object, count = open_ones.pop()
                inner += _dict_size(count) if is_object else _list_size(count)
            continue
        is_key = first == b'"' and _KEY.match(sample, match.end()) is not None
        if open_ones and not is_key:
            open_ones[-1][1] += 1
        if first in b"[{":
            open_ones.append([first == b"{", 0])
        elif first == b'"':
            if not is_key or token not in keys:
                inner += _text_size(token[1:-1].decode("utf-8", "replace"))
            if is_key and len(keys) < 10_000:
                keys.add(token)
        elif not (len(token) < 4 and token.isdigit() and int(token) <= 256):
            inner += 32
    for is_object, count in open_ones:
        whole = int(count * scale)
        outer += _dict_size(whole) if is_object else _list_size(whole)
    return int(inner * scale) + outer


# Workbooks and images


_SHEET = late_pattern(rb"<(?:\w+:)?sheet\b[^<>]*")
_NAME, _SHEET_ID = late_pattern(rb'\bname="([^"]*)"'), late_pattern(rb'\bid="([^"]*)"')
_RELATION = late_pattern(rb"<Relationship\b[^<>]*")
_TARGET, _ID = late_pattern(rb'\bTarget="/?(?:xl/)?([^"]*)"'), late_pattern(rb'\bId="([^"]*)"')
_TABLES = 2**20
"""Bytes of what lists the sheets of a workbook; more of it is not read."""


def _workbook(form: str, data: bytes, wanted: str | float | None) -> int:
    """Return what the cells of a workbook take, 0 for what is none. Only the beginning of each sheet is unpacked."""
    import zipfile
    import zlib

    number, text = (CELL, TEXT_CELL) if form == "sheet" else (FRAME_CELL, FRAME_TEXT_CELL)
    found: dict[str, float] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            sheets = [
                one for one in book.infolist() if one.filename.startswith("xl/worksheets/") and one.filename.endswith(".xml")
            ]
            for sheet in sheets[:20]:
                with book.open(sheet) as file:
                    sample = file.read(2**16)
                texts = sample.count(b't="s"') + sample.count(b't="inlineStr"')
                cells = sample.count(b"<c ")
                found[sheet.filename] = (
                    (cells * number + texts * (text - number)) * sheet.file_size / max(1, len(sample))
                )  # fmt: skip
            is_whole = form == "sheet" or wanted is None
            taken = sum(found.values()) if is_whole else found.get(_sheet(book, wanted), max(found.values(), default=0.0))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, KeyError):
        return 0
    return int(min(taken, 4 * 2**30)) + (FRAME if form == "frame-sheet" else 0)


def _sheet(book: zipfile.ZipFile, wanted: str | float | None) -> str:
    """Return the file of a sheet in a workbook by its name or place, the empty string where it has none such."""
    from html import unescape

    with book.open("xl/workbook.xml") as file, book.open("xl/_rels/workbook.xml.rels") as other:
        listed, relations = _SHEET.findall(file.read(_TABLES)), _RELATION.findall(other.read(_TABLES))
    files = {}
    for one in relations:
        target, key = _TARGET.search(one), _ID.search(one)
        if target is not None and key is not None:
            files[key[1]] = target[1]
    for number, one in enumerate(listed):
        name, key = _NAME.search(one), _SHEET_ID.search(one)
        if name is None or key is None or isinstance(wanted, bool):
            continue
        if wanted in (number, unescape(name[1].decode("utf-8", "replace"))):
            return f"xl/{files.get(key[1], b'').decode('utf-8', 'replace')}"
    return ""


def _image(data: bytes) -> int:
    """Return what the pixels of a PNG or JPEG image take in three bytes each, 0 for another format."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return int.from_bytes(data[16:20], "big") * int.from_bytes(data[20:24], "big") * 3
    if not data.startswith(b"\xff\xd8"):
        return 0
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 5 : at + 7], "big") * int.from_bytes(data[at + 7 : at + 9], "big") * 3
        at += 2 + length
    return 0
