"""The lines of a requirements file as pip sees them: decoded, joined, without comments, their options split.

The order of the steps is that of pip's own `req_file`. Each takes a time that grows with the length of
the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memguard_hooks.dependencies.requirement import RequirementComment
from memguard_hooks.errors import MemguardError
from memguard_hooks.record import Record

MAX_LINE = 2**20
"""Characters of one line, with what continues it."""

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_NO_FILE_ENCODINGS = ("punycode", "idna", "undefined")  # codecs for names, slow or made to fail


def decode(data: bytes, path: str) -> str:
    """Decode a requirements file as pip does: by its BOM, its coding line, else as UTF-8.

    Raises MemguardError with the line that cannot be decoded.
    """
    encoding = "utf-8"
    for bom, name in _BOMS:
        if data.startswith(bom):
            data, encoding = data[len(bom) :], name
            break
    else:
        matches = [re.match(rb"#.*?coding[:=]\s*([-\w.]+)", line) for line in data.split(b"\n", 2)[:2] if b"coding" in line]
        encoding = next((match[1].decode("ascii", "replace") for match in matches if match), encoding)
    try:
        if encoding.lower() in _NO_FILE_ENCODINGS:
            raise LookupError(encoding)
        text = data.decode(encoding)
    except LookupError:
        raise MemguardError(f"has an unknown encoding: {encoding}", path, 1) from None
    except UnicodeDecodeError as error:
        line_number = data[: error.start].decode(encoding, "replace").count("\n") + 1
        raise MemguardError(f"is not {encoding}", path, line_number) from None
    except UnicodeError:
        raise MemguardError(f"is not {encoding}", path, 1) from None
    if "\0" in text:
        raise MemguardError("is not a text file: it holds a NUL byte", path, text[: text.index("\0")].count("\n") + 1)
    return text


class LogicalLine(Record):
    """A logical line: continuations joined, its comment taken off."""

    number: int
    end: int
    column: int
    text: str


def read_lines(text: str, path: str) -> Iterator[LogicalLine | RequirementComment]:
    """Give logical lines and comments in the order in which pip meets them."""
    parts: list[str] = []
    comments: list[RequirementComment] = []
    first = column = size = 0
    for number, before, physical in _physical_lines(text):
        at = _comment_start(physical)
        is_comment = at >= 0 and not physical[:at].strip()
        if not parts:
            first, column = number, before + len(physical) - len(physical.lstrip()) + 1
        if at >= 0:
            comments.append(RequirementComment(path, number, before + at + 1, physical[at:].rstrip("\\")))
        size += len(physical)
        if size > MAX_LINE:
            raise MemguardError(f"is a line of more than {MAX_LINE} characters", path, first)
        if physical.endswith("\\") and not is_comment:
            parts.append(physical.strip("\\"))
            continue
        # pip puts a blank before a line of comment, so that a continued line ends there.
        joined = "".join([*parts, " ", physical] if is_comment else [*parts, physical]) if parts else physical
        yield from _logical(joined, first, number, column)
        yield from comments
        parts, comments, size = [], [], 0
    if parts:
        yield from _logical("".join(parts), first, number, column)
        yield from comments


def _logical(joined: str, first: int, last: int, column: int) -> Iterator[LogicalLine]:
    at = _comment_start(joined)
    text = (joined[:at] if at >= 0 else joined).strip()
    if text:
        yield LogicalLine(first, last, column, text)


_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def _physical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield lines as pip splits them, each with its number and what stands before it, as editors count.

    For pip a form feed and its like end a line; for editors only line feeds and carriage returns do.
    """
    number, before = 1, 0
    for ended in text.splitlines(keepends=True):
        line = ended.rstrip(_ENDS)
        yield number, before, line
        is_end = ended[len(line) :] in ("\n", "\r", "\r\n")
        number, before = (number + 1, 0) if is_end else (number, before + len(ended))


def _comment_start(line: str) -> int:
    """Return where the comment of a line starts: at a `#` with nothing or a blank before it; -1 without one."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return at


_SHORT = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable"}
_LEAST = {"--requirement": "--requirem", "--constraint": "--cons", "--editable": "--ed"}
"""The shortest spelling of each that pip does not take for another option."""


def read_options(line: LogicalLine, path: str) -> dict[str, str]:
    """Return the first value of each option that names a file or a project."""
    import shlex

    try:
        words = iter(shlex.split(line.text))
    except ValueError as error:
        raise MemguardError(f"has options that do not parse: {error}", path, line.number, line.column) from None
    found: dict[str, str] = {}
    for word in words:
        if word[:2] in _SHORT:
            name, value = _SHORT[word[:2]], word[2:]
        else:
            written, equals, value = word.partition("=")
            name = next((one for one, least in _LEAST.items() if one.startswith(written) and written.startswith(least)), "")
            value = value if equals else ""
        if name:
            value = value or next(words, "")
            if not value:
                raise MemguardError(f"{name} names nothing", path, line.number, line.column)
            found.setdefault(name, value)
    return found
