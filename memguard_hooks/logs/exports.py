"""Exports that are no line an event, made into an object of JSON a line.

A document of JSON is what `aws logs filter-log-events`, Render's API and the dashboards of platforms give: an array of
events, one below `events`, `logs` and the like, or objects over many lines. `journalctl -o export` has a field a line and
an empty line behind each record (systemd.io/JOURNAL_EXPORT_FORMATS). The console of CloudWatch gives CSV.
"""

from __future__ import annotations

import codecs
import csv
import json
import re

from memguard_hooks.errors import MemguardError

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import gzip
    from collections.abc import Iterator
    from typing import IO

CHUNK = 64 * 1024
MAX_ELEMENT = 2**20
"""Characters of one event in a document; CloudWatch cuts at 256 KiB."""
MAX_FIELD = 64 * 1024
"""Bytes of a field of the journal that are kept."""
MAX_FIELDS = 100
"""Fields of a record that are kept: journald writes some 30."""

_DOCUMENT = re.compile(
    rb"\s*(?:\[\s*(?:\{\s*\"|\{?\s*$)|\{\s*$"
    rb"|\{\s*(?:\"(?i:has_?more|next\w{0,20}|count|total|cursor|page\w{0,10}|status)\"\s*:\s*"
    rb"(?:\"[^\"]{0,500}\"|[\w.+-]{1,40})\s*,\s*){0,6}"
    rb"\"(?:events|logs|entries|logEvents|data|results)\"\s*:\s*\[)",
)
"""Where the events of a document begin, behind what says which page it is."""
_JOURNAL = re.compile(rb"__CURSOR=")
_CSV = re.compile(rb"\"?(?:@?timestamp|time)\"?,\"?@?message\"?(?:,[\w\",@]*)?\s*$")
_EVENTS = re.compile(r"\"(?:events|logs|entries|logEvents|data|results)\"\s*:\s*\[")
_BLANKS = re.compile(r"[\s,]*")
_decode = json.JSONDecoder().raw_decode


def read_export(first: bytes, rest: IO[bytes] | gzip.GzipFile, path: str) -> Iterator[bytes] | None:
    """Yield the lines of an export by its first line, None for a file that has a line an event."""
    if _DOCUMENT.match(first) is not None:
        return _events(first, rest, path)
    if _JOURNAL.match(first) is not None:
        return _records(first, rest)
    return _rows(rest) if _CSV.match(first) is not None else None


class _Text:
    """What is read of a document and not yet used."""

    def __init__(self, first: bytes, rest: IO[bytes] | gzip.GzipFile) -> None:
        self._rest, self._unread = rest, first
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text, self.at, self.is_whole = "", 0, False
        self.more()

    def more(self) -> None:
        """Read on, and let go of what is used."""
        data = self._unread or self._rest.read(CHUNK)
        self.is_whole, self._unread = not data, b""
        self.text = self.text[self.at :] + self._decoder.decode(data, final=self.is_whole)
        self.at = 0

    def skip(self) -> str:
        """Pass over blanks and commas, and return the next letter, empty at the end."""
        while True:
            found = _BLANKS.match(self.text, self.at)
            self.at = found.end() if found is not None else self.at
            if self.at < len(self.text) or self.is_whole:
                return self.text[self.at : self.at + 1]
            self.more()

    def value(self) -> tuple[object, bool]:
        """Return the next value, and whether there was a whole one within `MAX_ELEMENT`."""
        while True:
            try:
                found, end = _decode(self.text, self.at)
            except RecursionError:
                return None, False
            except ValueError:
                if self.is_whole or len(self.text) - self.at > MAX_ELEMENT:
                    return None, False
                self.more()
                continue
            self.at = end
            return found, True


def _events(first: bytes, rest: IO[bytes] | gzip.GzipFile, path: str) -> Iterator[bytes]:
    text = _Text(first, rest)
    is_list = False
    while letter := text.skip():
        if letter in "[]":
            text.at += 1
            is_list = letter == "["
            continue
        value, is_known = text.value()
        if is_known:
            yield from _inner(value) if isinstance(value, dict) else [str(value).encode() + b"\n"] if is_list else ()
            continue
        begun = _EVENTS.search(text.text, text.at) if letter == "{" and not is_list else None
        if begun is None:
            if letter == "{":
                raise MemguardError("is a document of JSON that is cut off or damaged", path)
            return  # what stands behind the events of a document
        text.at = begun.end() - 1


def _inner(value: dict[str, object]) -> Iterator[bytes]:
    """Yield the events of an object that holds a list of them, and any other as it is."""
    events = next((one for key, one in value.items() if isinstance(one, list) and _EVENTS.match(f'"{key}":[')), [value])
    yield from (json.dumps(one).encode() + b"\n" for one in events)


def _records(first: bytes, rest: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    fields: dict[str, str] = {}
    line = first
    while line:
        key, is_text, value = line.rstrip(b"\n").partition(b"=")
        if not key:
            if fields:
                yield json.dumps(fields).encode() + b"\n"
            fields = {}
        elif not is_text:
            value = _binary(rest)
        if key and len(fields) < MAX_FIELDS:
            fields[key.decode("utf-8", "replace")] = value[:MAX_FIELD].decode("utf-8", "replace")
        line = rest.readline(CHUNK)
    if fields:
        yield json.dumps(fields).encode() + b"\n"


def _binary(rest: IO[bytes] | gzip.GzipFile) -> bytes:
    """Return a field whose size stands before it, in eight bytes."""
    left = int.from_bytes(rest.read(8), "little")
    kept = rest.read(min(left, MAX_FIELD))
    left -= len(kept)
    while left > 0 and (dropped := rest.read(min(left, CHUNK))):
        left -= len(dropped)
    rest.readline(CHUNK)
    return kept


def _rows(rest: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    texts = (line.decode("utf-8", "replace").replace("\0", "") for line in iter(lambda: rest.readline(CHUNK), b""))
    rows = csv.reader(texts)
    while True:
        try:
            row = next(rows)
        except csv.Error:
            continue  # a field beyond the 128 KiB that the module takes
        except StopIteration:
            return
        if len(row) > 1:
            yield json.dumps({"timestamp": row[0], "message": row[1]}).encode() + b"\n"
