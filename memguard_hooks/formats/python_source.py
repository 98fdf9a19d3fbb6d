"""Python source that others wrote: its bytes as text (PEP 263), and its text as a syntax tree.

All of it is hostile until it is read. `decode` takes only encodings that are decoded in linear time. `parse` bounds what
CPython's own parser would take: a look at C speed tells that a text is harmless, as nearly all are; any other is scanned
token by token first. The bounds keep a file at some 0.5 seconds of CPU and 125 MiB on CPython 3.10 to 3.13.
"""

from __future__ import annotations

import codecs
import re
import sys
import warnings
from functools import lru_cache

from memguard_hooks.errors import MemguardError
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast

MAX_SOURCE_BYTES = 2**20
"""Of one file; no hand writes more."""

MAX_TOKENS = 80_000
"""Of what is parsed: CPython takes up to 1.6 KiB for each where it finds an error and parses again to explain it."""

MAX_PARTS = 50
"""Of the name of a module that is imported: CPython keeps each beginning of it, in quadratic space."""

MAX_PARAMETERS = 5000
"""Of one function: each takes some 7 KiB where CPython explains an error."""

MAX_CHAIN = 20_000
"""Tokens between two commas: CPython 3.10 overflows its stack on some 100,000 operators, attributes, calls or items."""

MAX_FIELD_LETTERS = 2 * 10**9
"""Fields of f-strings times the letters around each: CPython copies or searches some 3,000,000,000 a second."""

MAX_MARKS = 100
"""Combining marks on one letter of an identifier: CPython sorts them in quadratic time."""

MAX_REASON = 200
"""Letters of what CPython says of a text that does not parse."""

PYTHON_2 = "it looks like Python 2"
"""What a message says of such a file."""

_OF_PYTHON_2 = (
    "Missing parentheses in call to 'print'",
    "Missing parentheses in call to 'exec'",
    "multiple exception types must be parenthesized",
)
"""How what CPython says of statements of Python 2 begins."""

_COOKIE = late_pattern(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK_OR_COMMENT = late_pattern(rb"^[ \t\f]*(?:#.*)?$")
BOM = b"\xef\xbb\xbf"
_UTF_8 = frozenset({"utf-8", "utf8", "utf_8", "u8", "utf", "utf8-ucs2", "utf8-ucs4", "cp65001", "utf-8-sig"})
_LINEAR = late_pattern(
    r"ascii|iso8859-\d+|cp\d+|koi8-[rtu]|kz1048|mac-\w+|gb\w+|hz|big5\w*|johab|euc_\w+|shift_jis\w*|iso2022_\w+|utf-7|"
    r"tis-620|ptcp154|hp-roman8"
)
"""The codecs of source that take linear time, by their names in `codecs`; `punycode` and `idna` are quadratic."""

_MARKS = late_pattern(r"[^\w\s\x00-\x7f]{30,}")
_MARKED = late_pattern(rf"\w[^\w\s\x00-\x7f]{{{MAX_MARKS},}}")
_PUNCTUATION = b"\n()[]{}.,:;@=+-*/%&|^~<>!'\""
_LINKS = b".([+-*/%@&|^<>"
_BASES = ("0x", "0X", "0o", "0O", "0b", "0B")
MAX_BITS = 13_000
"""Bits of a number: `str` refuses more than 4,300 digits, some 14,284 bits."""
_VAST = late_pattern(rf"0[xXoObB][0-9a-fA-F_]{{{MAX_BITS // 4}}}")
_DOTTED = late_pattern(rf"\.[\s\\]*[^\W\d]\w*(?:[\s\\]*\.[\s\\]*[^\W\d]\w*){{{MAX_PARTS - 1}}}")
_IMPORTED = late_pattern(rf"(?:\b(?:import|from)\b|,)[\s\\.]*[^\W\d]\w*(?:[\s\\]*\.[\s\\]*[^\W\d]\w*){{{MAX_PARTS}}}")
# What may be a list of so many parameters, also in a string.
_PARAMETERS = late_pattern(rf"(?:\bdef\b[^(\n]{{0,500}}[(\[]|\blambda\b)[^()\[\]:]{{{MAX_PARAMETERS}}}")
_BLANKS = r"[ \t\f]*(?:\\\n[ \t\f]*)*"
_LAZY = late_pattern(rf"((?:(?<!\\\n)^|[;:]){_BLANKS})\blazy(?=(?:[ \t\f]|\\\n){_BLANKS}(?:import|from)\b)", re.MULTILINE)
_IGNORED = r"\g<1>0;  "
"""A statement that does nothing, as long as `lazy`: blanks would be an indentation."""


class NotPythonError(MemguardError):
    """A text that the Python that runs this cannot parse: no Python, or that of a newer version."""


def encoding(data: bytes) -> str:
    """Return the encoding that a source file declares (PEP 263), `utf-8` where it says nothing."""
    if not any(b"coding" in line for line in data[:2000].split(b"\n", 2)[:2]):
        return "utf-8"
    lines = re.split(rb"\r\n|\r|\n", data.removeprefix(BOM)[:2000], maxsplit=2)
    for line in lines[:2]:
        match = _COOKIE.match(line)
        if match:
            name = match[1].decode("ascii").lower()
            return "utf-8" if name in _UTF_8 or name.startswith("utf-8-") else name
        if not _BLANK_OR_COMMENT.match(line):
            break
    return "utf-8"


def decode(data: bytes, path: str | None = None) -> str:
    r"""Return the text of a source file, as Python reads it, with `\n` for each line end.

    Raises NotPythonError for what is not text, with the line.
    """
    name = encoding(data)
    if data.startswith(BOM):
        if name != "utf-8":
            raise NotPythonError(f"cannot be decoded: a UTF-8 mark, but the encoding is said to be {name}", path, 1)
        data = data.removeprefix(BOM)
    if not _is_linear(name):
        raise NotPythonError(f"cannot be decoded: the encoding {name} is not known", path, 1)
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotPythonError(f"cannot be decoded: {error.reason} ({error.encoding})", path, line) from None
    if "\0" in text:
        raise NotPythonError("does not parse: it holds a null byte", path, text.count("\n", 0, text.index("\0")) + 1)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def normalized(data: bytes) -> bytes | None:
    """Return the source in UTF-8 with identifiers as Python compares them (NFKC).

    None for an unknown encoding, and for more than `MAX_SOURCE_BYTES` letters with identifiers that are written otherwise.

    Bytes that are wrong in the encoding are replaced: whatever decodes them will say so.
    """
    name = encoding(data)
    if name == "utf-8" and data.isascii():
        return data
    if not _is_linear(name):
        return None
    text = data.decode("utf-8-sig" if name == "utf-8" else name, "replace")
    import unicodedata

    if unicodedata.is_normalized("NFKC", text):
        return text.encode("utf-8", "replace")
    # No identifier has what takes long or grows: a long row of marks, or ligatures of many words.
    text = _only_names(_MARKS.sub(" ", text))
    if len(text) > MAX_SOURCE_BYTES and not unicodedata.is_normalized("NFKC", text):
        return None
    return unicodedata.normalize("NFKC", text).encode("utf-8", "replace")


def _only_names(text: str) -> str:
    """Return a text with a blank for each letter of no identifier that is not ASCII."""
    return text.translate({ord(one): " " for one in set(text) if not one.isascii() and not f"a{one}".isidentifier()})


def has_normal_names(text: str) -> bool:
    """Return whether identifiers are written as Python compares them (NFKC)."""
    if text.isascii():
        return True
    import unicodedata

    if unicodedata.is_normalized("NFKC", text):  # and so is each part of it
        return True
    return unicodedata.is_normalized("NFKC", _only_names(text))


def may_import_lazily(text: str) -> bool:
    """Return whether a text may hold `lazy import` or `lazy from` (PEP 810) where a statement begins."""
    return "lazy" in text and _LAZY.search(text) is not None


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a source text, which may be `shortened`.

    Raises NotPythonError for what this Python cannot parse, and MemguardError for what takes more than the bounds, both with
    the line.
    """
    return tree_of(shortened(text))


def parse_whole(text: str) -> ast.Module:
    """Return the syntax tree of all of a source text. Raises as `parse` does, also where that leaves something out."""
    if shortened(text) != text:
        raise MemguardError(f"is not analyzed: it has more than {MAX_TOKENS} tokens")
    return tree_of(text)


@lru_cache(maxsize=4)
def shortened(text: str) -> str:
    """Return what of a text is parsed: of one that is long, not the bodies of functions that import nothing.

    The last answers are kept, for several facts are found of a file one after the other.
    Raises MemguardError, with the line, where that takes more than the bounds.
    """
    if len(text) > MAX_SOURCE_BYTES:
        raise MemguardError(f"is larger than {MAX_SOURCE_BYTES // 2**10} KiB")
    for marked in _MARKED.finditer(text) if not text.isascii() else ():
        import unicodedata

        if any(map(unicodedata.combining, marked[0])):
            raise _refusal(text, marked.start(), f"a letter has more than {MAX_MARKS} marks")
    dotted = _IMPORTED.search(text) if text.count(".") >= MAX_PARTS and _DOTTED.search(text) else None
    if dotted is not None:
        raise _refusal(text, dotted.start(), f"the name of a module has more than {MAX_PARTS} parts")
    if len(text) <= MAX_CHAIN or (_is_short(text) and not _PARAMETERS.search(text)):
        return text
    from memguard_hooks.formats.python_tokens import Limits, cut, scan

    limits = Limits(
        outside=MAX_TOKENS, chain=MAX_CHAIN, field_letters=MAX_FIELD_LETTERS, parameters=MAX_PARAMETERS, lines=1, brackets=1
    )
    scanned = scan(text, limits)
    if scanned.problem is None and scanned.tokens > MAX_TOKENS:
        text = cut(text, [body for body in scanned.bodies if body.words.isdisjoint(("import", "yield"))])
        scanned = scan(text, limits._replace(tokens=MAX_TOKENS))
    if scanned.problem is not None:
        raise MemguardError(scanned.problem, None, scanned.line)
    return text


@lru_cache(maxsize=2)
def tree_of(text: str) -> ast.Module:
    """Return the syntax tree of a text that `shortened` has let through, to be read only. Raises as `parse` does.

    The last tree is kept, and the one before it, which may be the same without what is not evaluated: what a file imports
    and what its functions call are read one after the other.
    A Python that does not know `lazy` before an import (PEP 810) passes over it.
    """
    if sys.version_info < (3, 15) and "lazy" in text:
        text = _LAZY.sub(_IGNORED, text)
    from _ast import PyCF_ONLY_AST  # the module ast takes as long to load as a file takes to parse

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in strings
            tree: ast.Module = compile(text, "<unknown>", "exec", PyCF_ONLY_AST, dont_inherit=True)  # type: ignore[assignment]
    except SyntaxError as error:
        # CPython quotes the whole of an identifier that is none.
        whose = f"{PYTHON_2}: " if error.msg.startswith(_OF_PYTHON_2) else ""
        raise NotPythonError(f"does not parse: {whose}{error.msg[:MAX_REASON]}", None, error.lineno) from None
    except ValueError as error:  # a surrogate, from UTF-7
        raise NotPythonError(f"does not parse: {error}") from None
    except (RecursionError, MemoryError):
        raise MemguardError("is not analyzed: it is nested too deeply") from None
    if any(base in text for base in _BASES) and (vast := _VAST.search(text)) is not None:
        _refuse_vast_numbers(text, vast.start(), tree)
    return tree


def _refuse_vast_numbers(text: str, start: int, tree: ast.Module) -> None:
    """Raise MemguardError for a number that Python itself refuses to write out; texts may hold as many digits."""
    from memguard_hooks.formats.python_nodes import walk

    values = (getattr(node, "value", None) for node in walk(tree))
    if any(isinstance(value, int) and value.bit_length() > MAX_BITS for value in values):
        raise _refusal(text, start, f"a number has more than {MAX_BITS} bits")


def _is_linear(name: str) -> bool:
    try:
        return name == "utf-8" or _LINEAR.fullmatch(codecs.lookup(name).name) is not None
    except LookupError:
        return False


def _is_short(text: str) -> bool:
    """Return whether a text has so few words and marks that it stays below all bounds, however it is written."""
    data = text.encode("utf-8", "replace")
    marks = len(data) - len(data.translate(None, _PUNCTUATION))
    links = len(data) - len(data.translate(None, _LINKS))
    is_light = 2 * marks + len(data.split()) <= MAX_TOKENS and links <= MAX_CHAIN
    return is_light and data.count(b"{") * len(data) <= MAX_FIELD_LETTERS


def _refusal(text: str, start: int, reason: str) -> MemguardError:
    return MemguardError(f"is not analyzed: {reason}", None, text.count("\n", 0, start) + 1)
