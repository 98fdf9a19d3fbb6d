"""HCL, the language of HashiCorp's tools, as far as it is data: blocks, attributes, texts, numbers, lists and maps.

Source of the format: hashicorp/hcl, hclsyntax/spec.md. An expression that computes is kept as no value; texts keep their
`${…}`. Nothing is evaluated; where it is asked for, a reference such as `var.size` is the text `${var.size}`, and
`jsonencode(…)` what it is given, and `templatefile("x", …)` the text `${file:x}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.position import LineIndex, Place
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, TypeAlias

Data: TypeAlias = "str | int | float | bool | list[Data] | dict[str, Data] | None"

MAX_BYTES = 2**18
"""A job is some kilobytes."""

MAX_DEPTH = 40
"""Blocks and lists inside each other."""

_TOKEN = late_pattern(
    r"(?P<space>[ \t\r\f]+|(?:\#|//)[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<newline>\n)"
    r"|<<-?(?P<heredoc>[A-Za-z_]\w*)[ \t]*\r?\n(?P<text>.*?)(?:(?<=\n)[ \t]*(?P=heredoc)(?=\s|$)|\Z)"
    r'|"(?P<string>(?:[^"\\\n$]|\\.|\$\{(?:[^{}"\n]|"[^"\n]{0,100}"){0,300}\}|\$(?!\{))*)"'
    r"|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<mark>.)",
    re.DOTALL,
)


class Value(Record):
    """What an attribute is given, None for an expression, and where its name stands."""

    data: Data
    place: Place


class Block(Record):
    """One block: `task "web" { … }` has the kind `task` and the label `web`."""

    kind: str
    labels: tuple[str, ...]
    place: Place
    attributes: dict[str, Value]
    blocks: tuple[Block, ...]

    def of(self, kind: str) -> tuple[Block, ...]:
        """Return the blocks inside of a kind."""
        return tuple(one for one in self.blocks if one.kind == kind)

    def text(self, name: str) -> str | None:
        """Return the text of an attribute, None where there is none."""
        found = self.attributes.get(name)
        return found.data if found is not None and isinstance(found.data, str) else None


class _Token(Record):
    kind: str
    text: str
    at: int


def parse(data: bytes, path: str, *, keeps_references: bool = False) -> Block:
    """Parse a file as one block without a kind; raises MemguardError with the place of what is wrong."""
    if len(data) > MAX_BYTES:
        raise MemguardError(f"is larger than {MAX_BYTES // 2**10} KiB", path)
    return _Parser(data.decode("utf-8-sig", "replace"), path, keeps_references=keeps_references).file()


def _tokens(source: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(source):
        kind = "heredoc" if match["heredoc"] is not None else match.lastgroup or "mark"
        if kind != "space":
            text = match["text"] if kind == "heredoc" else match["string"] if kind == "string" else match[0]
            yield _Token(kind, text or "", match.start())
    yield _Token("end", "", len(source))


class _Parser:
    def __init__(self, source: str, path: str, *, keeps_references: bool) -> None:
        self._path = path
        self._keeps_references = keeps_references
        self._lines = LineIndex(source)
        self._tokens = list(_tokens(source))
        self._at = 0
        self._depth = 0

    def file(self) -> Block:
        return self._body("", (), 0, "end")

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def _skip_lines(self) -> None:
        while self._next.kind == "newline":
            self._at += 1

    def _wrong(self, token: _Token, reason: str) -> MemguardError:
        return MemguardError(f"is not valid HCL: {reason}", self._path, *self._lines.place(token.at))

    def _deeper(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(token, "it is nested too deeply")

    def _body(self, kind: str, labels: tuple[str, ...], at: int, end: str) -> Block:
        attributes: dict[str, Value] = {}
        blocks: list[Block] = []
        while True:
            self._skip_lines()
            token = self._take()
            if token.kind == end or (end == "}" and token.text == "}" and token.kind == "mark"):
                return Block(kind, labels, self._lines.place(at), attributes, tuple(blocks))
            if token.kind not in ("name", "string"):
                raise self._wrong(
                    token, f"{token.text[:20]!r} where a name belongs" if token.text else "a block is not closed"
                )
            if self._next.text in ("=", ":") and self._next.kind == "mark":
                self._take()
                attributes[token.text] = Value(self._value(), self._lines.place(token.at))
            else:
                blocks.append(self._block(token))

    def _block(self, first: _Token) -> Block:
        labels: list[str] = []
        while self._next.kind in ("name", "string"):
            labels.append(self._take().text)
        opening = self._take()
        if opening.text != "{" or opening.kind != "mark":
            raise self._wrong(opening, f"{first.text} is neither a block nor given a value")
        self._deeper(opening)
        block = self._body(first.text, tuple(labels), first.at, "}")
        self._depth -= 1
        return block

    def _value(self) -> Data:
        """Read what stands behind `=`, up to the end of its line, or what closes around it."""
        found = self._single()
        if self._is_over:
            return found
        self._skip_expression()
        return None

    @property
    def _is_over(self) -> bool:
        return self._next.kind in ("newline", "end") or (self._next.kind == "mark" and self._next.text in ",]}")

    def _single(self) -> Data:
        token = self._take()
        if token.kind == "string":
            return _unescaped(token.text)
        if token.kind == "heredoc":
            return token.text
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text[:20])
        if token.kind == "name":
            if token.text in ("true", "false"):
                return token.text == "true"
            return self._reference(token) if self._keeps_references else None
        if token.text in "[{" and token.kind == "mark":
            self._deeper(token)
            found: Data = self._list() if token.text == "[" else self._map()
            self._depth -= 1
            return found
        self._at -= token.kind != "end"
        return None

    def _reference(self, first: _Token) -> Data:
        """Read `a.b.c` behind its first name, what `jsonencode` is given, and the file that one of two functions reads."""
        if first.text in ("file", "templatefile") and self._next.text == "(":
            named = self._tokens[self._at + 1]
            self._skip_expression()
            return f"${{file:{named.text}}}" if named.kind == "string" else None
        if first.text == "jsonencode" and self._next.text == "(":
            self._deeper(self._take())
            self._skip_lines()
            found = self._single()
            self._skip_lines()
            self._depth -= 1
            if self._next.text != ")":
                return None
            self._take()
            return found
        names = [first.text]
        while self._next.text == "." and self._tokens[self._at + 1].kind == "name":
            self._take()
            names.append(self._take().text)
        return f"${{{'.'.join(names)}}}" if len(names) > 1 else None

    def _list(self) -> list[Data]:
        found: list[Data] = []
        while True:
            self._skip_lines()
            token = self._next
            if token.kind == "end":
                raise self._wrong(token, "a list is not closed")
            if token.kind == "mark" and token.text in "],":
                self._take()
                if token.text == "]":
                    return found
                continue
            before = self._at
            found.append(self._value())
            if self._at == before:
                raise self._wrong(token, f"{token.text!r} in a list")

    def _map(self) -> dict[str, Data]:
        found: dict[str, Data] = {}
        while True:
            self._skip_lines()
            token = self._take()
            if token.kind == "mark" and token.text in "},":
                if token.text == "}":
                    return found
                continue
            if token.kind not in ("name", "string") or self._take().text not in ("=", ":"):
                raise self._wrong(token, "a map that is not closed, or has no such key")
            found[token.text] = self._value()

    def _skip_expression(self) -> None:
        """Go to the end of an expression, over what stands in brackets."""
        depth = 0
        while self._next.kind != "end":
            if depth == 0 and self._is_over:
                return
            token = self._take()
            if token.kind == "mark":
                depth += (token.text in "([{") - (token.text in ")]}")
                if depth < 0:
                    raise self._wrong(token, f"{token.text!r} closes nothing")


def _unescaped(text: str) -> str:
    """Return a quoted text as it is meant."""
    try:
        return str(json.loads(f'"{text}"')) if "\\" in text else text
    except ValueError:
        return text
