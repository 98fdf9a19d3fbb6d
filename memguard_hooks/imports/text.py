"""The text of a source file: its encoding (PEP 263), and its identifiers as Python compares them."""

from __future__ import annotations

import re

from memguard_hooks.errors import MemguardError

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK_OR_COMMENT = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_BOM = b"\xef\xbb\xbf"
_UTF_8 = frozenset({"utf-8", "utf8", "utf_8", "u8", "utf", "utf8-ucs2", "utf8-ucs4", "cp65001", "utf-8-sig"})


_MARKS = re.compile(r"[^\w\s\x00-\x7f]{30,}")


def encoding(data: bytes) -> str:
    """Return the encoding that a source file declares (PEP 263), `utf-8` where it says nothing."""
    lines = re.split(rb"\r\n|\r|\n", data.removeprefix(_BOM)[:2000], maxsplit=2)
    for line in lines[:2]:
        match = _COOKIE.match(line)
        if match:
            return match[1].decode("ascii").lower()
        if not _BLANK_OR_COMMENT.match(line):
            break
    return "utf-8"


def decode(data: bytes, path: str) -> str:
    r"""Return the text of a source file, as Python reads it, with `\n` for each line end.

    Raises MemguardError for what is not text.
    """
    name = encoding(data)
    if data.startswith(_BOM):
        if name not in _UTF_8:
            raise MemguardError(f"cannot be decoded: a UTF-8 mark, but the encoding is said to be {name}", path, 1)
        data = data.removeprefix(_BOM)
    try:
        text = data.decode("utf-8" if name in _UTF_8 else name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MemguardError(f"cannot be decoded: {error.reason} ({error.encoding})", path, line) from None
    except (LookupError, UnicodeError):
        raise MemguardError(f"cannot be decoded: the encoding {name} is not known", path, 1) from None
    if "\0" in text:
        raise MemguardError("does not parse: it holds a null byte", path, text.count("\n", 0, text.index("\0")) + 1)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def normalized(data: bytes) -> bytes | None:
    """Return the source in UTF-8 with identifiers as Python compares them (NFKC), None for an unknown encoding.

    Bytes that are wrong in the encoding are replaced: whoever decodes them will say so.
    """
    name = encoding(data)
    if name in _UTF_8 and data.isascii():
        return data
    import unicodedata

    try:
        text = data.decode("utf-8-sig" if name in _UTF_8 else name, "replace")
    except (LookupError, UnicodeError):
        return None
    # Marks are put in order in quadratic time, and no identifier has a long row of them.
    text = _MARKS.sub(" ", text)
    return unicodedata.normalize("NFKC", text).encode("utf-8", "replace")
