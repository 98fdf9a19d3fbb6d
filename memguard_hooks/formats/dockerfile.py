"""A Dockerfile as its instructions, each with its place: the parser directives, continuations, comments and heredocs.

Source of the format: docs.docker.com/reference/dockerfile, and moby/buildkit, package frontend/dockerfile/parser (2026-07).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

MAX_BYTES = 2**20
"""A Dockerfile is some kilobytes."""


class Heredoc(Record):
    """A text that an instruction holds, without the line that ends it; `is_expanded` where its word has no quotes."""

    text: str
    is_expanded: bool


class Instruction(Record):
    r"""One instruction; `line` and `column` are those of its name, which is in upper case.

    `text` is what stands behind the name, as Docker reads it: lines joined, without comments and heredocs. `written` is
    the same for a shell, with the heredocs: each character stands as far behind `start` as in the file, comments are
    blank, and a line goes on behind `\` whatever the escape of the file is. `heredocs` are in their order.
    """

    name: str
    text: str
    line: int
    column: int
    start: int
    written: str
    heredocs: tuple[Heredoc, ...] = ()


class BrokenInstruction(Record):
    """A line for which Docker refuses the file, and why."""

    line: int
    reason: str


_DIRECTIVE = late_pattern(r"\s*#\s*(\w+)\s*=\s*(\S+)\s*")
_NAME = late_pattern(r"\s*([A-Za-z]+)(?:\s+|$)")
_TAKES_HEREDOCS = late_pattern(r"\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s", re.IGNORECASE)
_HEREDOC = late_pattern(r"(?<!<)<<(-?)([\"']?)(\w[\w.-]*)[\"']?")


def instructions(text: str) -> Iterator[Instruction | BrokenInstruction]:
    """Yield the instructions of a file in their order, and what in it is none."""
    lines = _Lines(text)
    while (line := lines.next_of_instruction()) is not None:
        start, number = lines.start, lines.number
        pieces: list[tuple[int, str]] = []
        written: list[str] = []
        is_continued = True
        while line is not None and is_continued:
            body, end = line.removesuffix("\n").removesuffix("\r"), "\n" if line.endswith("\n") else ""
            if pieces and _is_blank(body):
                body, end = "", ""
            else:
                is_continued = body.rstrip().endswith(lines.escape)
                body = body.rstrip()[:-1] if is_continued else body
                end = f"\\{end}" if is_continued and end else end
                pieces.append((lines.start, body))
            written.append(body.ljust(len(line) - len(end)) + end)
            line = lines.next() if is_continued else None
        joined = "".join(piece for _, piece in pieces)
        match = _NAME.match(joined)
        if match is None:
            yield BrokenInstruction(number, f"is no Dockerfile as it stands: {joined.strip()[:40]}")
            continue
        heredocs = _HEREDOC.findall(joined) if _TAKES_HEREDOCS.match(joined) else []
        open_ones: list[str] = []
        texts: list[Heredoc] = []
        for strips, quote, word in heredocs:
            held = lines.read_heredoc(word, written, strips_tabs=bool(strips))
            if held is None:
                open_ones.append(word)
            else:
                texts.append(Heredoc(held, not quote))
        body_start = _offset(pieces, match.end())
        yield Instruction(
            match[1].upper(),
            joined[match.end() :],
            number,
            len(joined) - len(joined.lstrip()) + 1,
            body_start,
            "".join(written)[body_start - start :],
            tuple(texts),
        )
        if open_ones:
            yield BrokenInstruction(number, f"has a heredoc {open_ones[0]} without an end")


class _Lines:
    """Reads the lines of a file from the top, each with its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.start = 0
        self.number = 0
        self.escape = "\\"
        while directive := _DIRECTIVE.fullmatch(self._text, self._at, self._end()):
            if directive[1].lower() == "escape" and directive[2] == "`":
                self.escape = "`"
            self.next()

    def _end(self) -> int:
        return self._text.find("\n", self._at) + 1 or len(self._text)

    def next(self) -> str | None:
        """Return the next line, None behind the last."""
        if self._at >= len(self._text):
            return None
        self.start, self._at = self._at, self._end()
        self.number += 1
        return self._text[self.start : self._at]

    def next_of_instruction(self) -> str | None:
        """Return the next line that is neither blank nor a comment."""
        line = self.next()
        while line is not None and _is_blank(line):
            line = self.next()
        return line

    def read_heredoc(self, word: str, written: list[str], *, strips_tabs: bool) -> str | None:
        """Read on behind the line that ends a heredoc, and return its text; None where nothing ends it."""
        found: list[str] = []
        while (line := self.next()) is not None:
            written.append(line)
            found.append(line.lstrip("\t") if strips_tabs else line)
            if found[-1].removesuffix("\n").removesuffix("\r") == word:
                return "".join(found[:-1])
        return None


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _offset(pieces: list[tuple[int, str]], at: int) -> int:
    """Return where in the file a character of the joined pieces stands."""
    for start, piece in pieces:
        if at < len(piece):
            return start + at
        at -= len(piece)
    start, piece = pieces[-1]
    return start + len(piece)


def exec_form(text: str) -> tuple[str, ...] | None:
    """Return the words of `["python", "main.py"]`; None for what Docker hands to a shell."""
    if not text.lstrip().startswith("["):
        return None
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return tuple(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


_OPTIONS = late_pattern(r"(?:--\S+\s+)*")
_STRING = late_pattern(r'"(?:[^"\\]|\\.)*"')


def as_shell(written: str) -> str:
    """Return what an instruction runs as the text of a shell: the words of an exec form in quotes, each where it stands."""
    options = _OPTIONS.match(written)
    start = options.end() if options is not None else 0
    if exec_form(written[start:].replace("\\\n", "  ")) is None:
        return written
    found: list[str] = []
    at = 0
    for string in _STRING.finditer(written, start):
        found += [" " * (string.start() - at), string[0]]
        at = string.end()
    return "".join(found)
