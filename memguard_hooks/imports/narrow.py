"""What a file may import, from its bytes alone: fast enough for all files of a large repository.

An import is looked for wherever the keyword stands at what may be the beginning of a statement, also inside
strings and comments, so that nothing is missed and some is said too much. Grammar:
https://docs.python.org/3/reference/simple_stmts.html#the-import-statement
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from memguard_hooks.formats.python_source import MAX_SOURCE_BYTES, normalized
from memguard_hooks.pattern import late_pattern

MAX_TAILS = 4
"""How often each byte may be read as a part of a list of names, on average; hostile files have lists in lists."""

MAX_TURNS = 100_000
"""Comments, or lines that go on, in a file: `re` keeps up to 500 bytes for each in a list of names."""

MAX_NAMES = 200_000
"""Names in lists of one file; no hand writes more."""

MAX_LINE = 500
"""Bytes of a line that are looked back at."""

MAX_NAME = 1000
"""Bytes of a dotted name; no file has a longer one."""

_WORD = rb"[\w\x80-\xff]"
# Only what is rare stands in a repeated group, see `MAX_TURNS`.
_GAP = rb"[ \t\f]*(?:\\(?:\r\n?|\n)[ \t\f]*)*"
_NAMES = rb"[\w\x80-\xff.,* \t\f]*(?:\\(?:\r\n?|\n)[\w\x80-\xff.,* \t\f]*)*"
_IN_PARENTHESES = rb"[\w\x80-\xff., \t\f\r\n\\]*(?:\#[^\r\n]*[\w\x80-\xff., \t\f\r\n\\]*)*"
# The keyword comes first: a pattern that begins with a literal is searched for many times faster.
_IMPORT = late_pattern(rb"import(?<!%simport)(?!%s)(?=%s(?:\((%s)|(%s)))" % (_WORD, _WORD, _GAP, _IN_PARENTHESES, _NAMES))
_FROM = late_pattern(rb"from(?<!%sfrom)(?!%s)" % (_WORD, _WORD))
_MODULE = late_pattern(_NAMES)
_COMMENT = late_pattern(rb"\#[^\r\n]*")

_EXEC = late_pattern(rb"exec(?<![\w.]exec)%s\(" % _GAP)
_CALL = late_pattern(rb"\b(?:import_module|(__import__))\b(?:%s\(\s*(?:name\s*=\s*)?(['\"])(\w[\w.]*)\2\s*([,)]))?" % _GAP)
_OF_IMPORTLIB = late_pattern(rb"[ \t]*from[ \t]+importlib[ \t]+import[ \t(]+(?:\w+[ \t]*,[ \t]*)*")
_ALIAS = late_pattern(rb"%sas\b" % _GAP)
_NAME = late_pattern(rb"['\"]([A-Za-z_\x80-\xff][\w.\x80-\xff]*)['\"]")


_ANY = frozenset({b"runpy", b"lazy_loader", b"exec", b"import_module", b"__import__"})
"""Words without which a file imports nothing but what it names."""
_WORDS = bytes(byte if byte >= 128 or chr(byte).isalnum() or byte == ord("_") else ord(" ") for byte in range(256))
"""Makes a blank of all that is no part of a word."""


def may_import(data: bytes, modules: frozenset[str]) -> bool:
    """Return whether a source may import one of the modules, or a module below one of them.

    Nearly all files hold none of the modules' first words, which is found out four times faster than what they import.
    """
    plain = normalized(data)
    if plain is not None and _first_words(modules).isdisjoint(_words_of(plain)):
        return False
    names = _candidates(plain)
    return names is None or any(_is_below(name, modules) for name in names)


def words(data: bytes) -> Collection[bytes] | None:
    """Return the words of a source, also of its comments and strings; None for an unknown encoding."""
    plain = normalized(data)
    return None if plain is None else _words_of(plain)


def _words_of(plain: bytes) -> Collection[bytes]:
    """Return the words of a source; of a long one each once, for a word takes some 50 bytes."""
    text = plain.translate(_WORDS)
    if len(text) <= MAX_SOURCE_BYTES:
        return text.split()
    found: set[bytes] = set()
    start = 0
    while start < len(text):
        end = text.find(b" ", start + MAX_SOURCE_BYTES)
        end = len(text) if end < 0 else end
        found.update(text[start:end].split())
        start = end
    return found


@lru_cache(maxsize=1)
def _first_words(modules: frozenset[str]) -> frozenset[bytes]:
    return _ANY.union(module.partition(".")[0].encode() for module in modules)


def _is_below(name: str, modules: frozenset[str]) -> bool:
    """Return whether a dotted name is one of the modules, or below one."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return bool(name)


def candidates(data: bytes) -> tuple[str, ...] | None:
    """Return the modules that a source file may import, None where these may be any.

    Names stand as they are written, relative ones with their dots; `from a import b, c` may import `a`, `a.b`
    and `a.c`. Never less than libcst finds: statements anywhere, calls of `import_module` and `__import__`, and lazy
    proxies. Where such a call is given anything but a plain string, or code is run by `exec` or `runpy`, the
    answer is None. What a file holds that is loaded by its path is no module of a name.
    """
    return _candidates(normalized(data))


def _candidates(plain: bytes | None) -> tuple[str, ...] | None:
    if plain is None or b"runpy" in plain or b"lazy_loader" in plain or _EXEC.search(plain):
        return None
    statements = _statements(plain)
    calls = _calls(plain)
    if statements is None or calls is None:
        return None
    proxies = _NAME.findall(plain) if b"lazy" in plain.lower() else ()
    return tuple(dict.fromkeys(name.decode("utf-8", "replace") for name in (*statements, *calls, *proxies)))


def _statements(data: bytes) -> list[bytes] | None:
    if data.count(b"#") > MAX_TURNS or data.count(b"\\") > MAX_TURNS:
        return None
    found: list[bytes] = []
    last = names = 0
    left = MAX_TAILS * len(data)
    for match in _IMPORT.finditer(data):
        left -= match.end(match.lastindex or 0) - match.end()
        if left < 0:
            return None
        names += match[match.lastindex or 0].count(b",")
        if names > MAX_NAMES:
            return None
        start = match.start()
        module = _module(data, last, start)
        if module is not None and len(module) <= MAX_NAME:
            prefix = module if module.endswith(b".") else module + b"."
            found.append(module)
            found += [prefix + name for name in _listed(match[1] or match[2] or b"")]
        elif match[1] is None and _begins(data, last, start):
            found += _listed(match[2])
        last = match.end()
    return found


def _module(data: bytes, last: int, end: int) -> bytes | None:
    """Return what stands between `from` and the `import` at `end`, None where no `from` belongs to it."""
    start = data.rfind(b"from", last, end)
    while start >= 0 and not _FROM.match(data, start):
        start = data.rfind(b"from", last, start)
    if start < 0 or not _begins(data, last, start):
        return None
    match = _MODULE.fullmatch(data, start + 4, end)
    return None if match is None else b"".join(match[0].replace(b"\\", b" ").split())


def _begins(data: bytes, last: int, start: int) -> bool:
    """Return whether a statement may begin at `start`, by what stands before it on its line."""
    before = data[max(last, data.rfind(b"\n", last, start)) : start].rstrip(b" \t\f")
    return not before or before[-1] in b"\r\n;:" or before.endswith(b"lazy")


def _listed(names: bytes) -> list[bytes]:
    """Return the names of a list as they are written, each once, without what `as` calls them."""
    if b"#" in names:
        names = _COMMENT.sub(b"", names)
    if b"\\" in names:
        names = names.replace(b"\\", b" ")
    found: list[bytes] = []
    for item in dict.fromkeys(names.split(b",")):
        words = item.split()
        if len(words) > 1:
            words = [b"".join(words[: words.index(b"as")] if b"as" in words else words)]
        found += words
    return found


def _calls(data: bytes) -> list[bytes] | None:
    """Return what calls import, None where one is given something computed, or goes by another name."""
    found: list[bytes] = []
    if b"import_module" not in data and b"__import__" not in data:
        return found
    for match in _CALL.finditer(data):
        if match[3] is not None and not (match[1] and match[4] == b","):
            found.append(match[3])
        elif match[3] is not None or not _is_only_imported(data, match):
            return None
    return found


def _is_only_imported(data: bytes, match: re.Match[bytes]) -> bool:
    """Return whether a name stands in `from importlib import import_module`, and keeps its name."""
    line = data[max(0, match.start() - MAX_LINE) : match.start()].rpartition(b"\n")[2]
    return bool(_OF_IMPORTLIB.fullmatch(line)) and not _ALIAS.match(data, match.end())
