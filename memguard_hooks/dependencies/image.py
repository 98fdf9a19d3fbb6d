"""The commands that the images of a project run while they are built: `RUN` in a Dockerfile, with their places.

Source of the format: docs.docker.com/reference/dockerfile. What the image starts is read elsewhere; here only what
installs matters. Stages for development and tests are left out unless they are the last.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from memguard_hooks.formats.toml_document import Place

MAX_BYTES = 2**20
"""A Dockerfile is some kilobytes."""

MAX_RUNS = 500
"""Commands of one Dockerfile that are read."""

MAX_COPIES = 500
"""Files and folders that one Dockerfile copies and that are remembered."""

_NAMED = re.compile(r"(?i)(?:[^/]+\.)?(?:Dockerfile|Containerfile)(?:\.[^/]+)?")
_FOR_DEVELOPMENT = re.compile(r"(?i)(?:^|[-_./])(?:dev|devel|development|debug|test|tests|testing|lint|docs|ci)(?:$|[-_./])")
_START = re.compile(r"[ \t]*([A-Za-z]+)[ \t]+")
_HEREDOC = re.compile(r"(?<!<)<<-?[\"']?(\w+)[\"']?")


class RunInstruction(NamedTuple):
    """One `RUN` as the text of a shell, of which each character stands `start` behind that of the file.

    `copies` are the files and folders that the stage has copied before from the repository, as they are written.
    """

    text: str
    start: int
    copies: tuple[str, ...]


class Dockerfile(NamedTuple):
    """The text of a Dockerfile, the offsets of its lines, and the commands in it; `has_more` if some were not read."""

    path: str
    text: str
    runs: tuple[RunInstruction, ...]
    line_starts: tuple[int, ...] = (0,)
    has_more: bool = False

    def place(self, offset: int) -> Place:
        """Return where a character of the text stands."""
        line = bisect_right(self.line_starts, offset)
        return Place(line, offset - self.line_starts[line - 1] + 1)


def is_image(path: str) -> bool:
    """Tell whether a path is that of a Dockerfile, by its name."""
    return _NAMED.fullmatch(path.rpartition("/")[2]) is not None


def is_for_development(path: str) -> bool:
    """Tell whether the name of a Dockerfile or of a stage says that it is not deployed."""
    return _FOR_DEVELOPMENT.search(path) is not None


def read(data: bytes, path: str) -> Dockerfile:
    """Read the commands of the stages that are deployed; those of a file that is too large are none."""
    text = data.decode("utf-8-sig", "replace") if len(data) <= MAX_BYTES else ""
    text = text.replace("\\\r\n", " \\\n").replace("\r\n", " \n")  # as long as before, so that offsets stay
    stages: list[tuple[str, list[RunInstruction]]] = []
    copies: list[str] = []
    has_more = False
    for name, body, start in _instructions(text):
        words = body.split()
        if name == "FROM":
            stages.append((words[-1] if "as" in map(str.lower, words) else "", []))
        elif name in ("COPY", "ADD") and len(copies) < MAX_COPIES and not any(word.startswith("--from") for word in words):
            copies += [word for word in words[:-1] if not word.startswith("--")]
        elif name == "RUN" and stages and sum(len(runs) for _, runs in stages) >= MAX_RUNS:
            has_more = True
            break
        elif name == "RUN" and stages:
            mounted = re.findall(r"--mount=\S*\b(?:source|src)=([^,\s]+)", body)
            stages[-1][1].append(RunInstruction(_words_of_list(body) or body, start, (*copies, *mounted)))
    last = len(stages) - 1
    kept = (runs for index, (name, runs) in enumerate(stages) if index == last or not is_for_development(name))
    starts = (0, *(match.end() for match in re.finditer("\n", text)))
    return Dockerfile(path, text, tuple(run for runs in kept for run in runs), starts, has_more)


_STRING_OF_LIST = re.compile(r'"(?:[^"\\]|\\.)*"')


def _words_of_list(body: str) -> str | None:
    """Write `["pip", "install"]` as words of a shell, each where it stood; None for what is no list of strings."""
    match = re.match(r"(?:--\S+\s+)*(?=\[)", body)
    if match is None:
        return None
    try:
        words = json.loads(body[match.end() :].replace("\\\n", "  "))
    except (ValueError, RecursionError):
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    found, at = [], 0
    for string in _STRING_OF_LIST.finditer(body, match.end()):
        found += [" " * (string.start() - at), string[0]]
        at = string.end()
    return "".join(found)


def _instructions(text: str) -> Iterator[tuple[str, str, int]]:
    """Give the name, the text and the offset of each instruction; comments in it are blank, so that offsets stay."""
    at = 0
    while at < len(text):
        end = _line_end(text, at)
        line = text[at:end]
        match = _START.match(line)
        if match is None:
            at = end
            continue
        parts = [line]
        while parts[-1].rstrip("\r\n \t").endswith("\\") and end < len(text):
            following = _line_end(text, end)
            line = text[end:following]
            if not line.strip() or line.lstrip().startswith("#"):
                line = " " * (len(line) - 2) + "\\\n" if len(line) > 1 else "\\\n"[: len(line)]
            parts.append(line)
            end = following
        for word in _HEREDOC.findall("".join(parts)):
            while end < len(text):
                following = _line_end(text, end)
                line = text[end:following]
                parts.append(line)
                end = following
                if line.strip() == word:
                    break
        body = "".join(parts)
        yield match[1].upper(), body[match.end() :], at + match.end()
        at = end


def _line_end(text: str, start: int) -> int:
    at = text.find("\n", start)
    return len(text) if at < 0 else at + 1
