"""What reaches a terminal, a log or a runner. Names come from files of strangers: none is a line, a command or an escape.

This module is loaded before anything is known, so it loads nearly nothing.
"""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False  # as typing has it, whose import takes as long as the start of Python
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO


MAX_LINE = 4000
"""Letters of a line of plain text: no terminal shows more at once, and a name from a file may have a million."""


def visible(text: str) -> str:
    """Write what would end a line, steer a terminal or not be seen as an escape, and what a runner obeys anywhere in a line.

    GitHub's runner takes `##[name]` for a command wherever it stands (actions/runner, ActionCommand.cs, TryParse), Azure's
    `##vso[name]`, and TeamCity's `##teamcity[name]`.
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    if "##" in text:
        import re

        text = re.sub(r"#(?=#\w*\[)", r"\\x23", text)
    return text


def line(text: str) -> str:
    """Write one line of plain text, which a runner takes for no command: those of GitHub begin with `::`."""
    text = visible(text if len(text) <= MAX_LINE else f"{text[: MAX_LINE - 1]}…")
    return text.replace("::", r"\x3a:", 1) if text.lstrip().startswith("::") else text


def plain(lines: Iterable[str]) -> str:
    """Write lines of plain text, each as one."""
    return "".join(f"{line(text)}\n" for text in lines)


def write_json(value: object, indent: int | None = 2) -> str:
    """Write a value as JSON in visible ASCII: it reads as the same value, and no text in it is a command."""
    import json
    import re

    if indent is None:
        text = json.dumps(value)
    else:  # of which json.dumps keeps each piece in a list
        stream = io.StringIO()
        json.dump(value, stream, indent=indent)
        text = stream.getvalue()
    text = text.replace("\x7f", r"\u007f")
    return re.sub(r"#(?=#\w*\[)", r"\\u0023", text) if "##" in text else text


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream, None where it was closed, is a terminal that can do more than print lines."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def tell(*lines: str) -> None:
    """Write lines of plain text to stderr."""
    write(sys.stderr, plain(lines))


ASCII = str.maketrans("→…·█▓░─╵▏▎▍▌▋▊▉", ">~-##.-|....###", "\N{LEFT-TO-RIGHT ISOLATE}\N{POP DIRECTIONAL ISOLATE}")
"""What stands for the signs of a report where a terminal has none of them, one for one: no line grows."""


def _shown_in(text: str, encoding: str) -> str:
    """Return a text as it is where an encoding has all of it, else in signs of ASCII."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII)
    return text


def write(stream: object, text: str) -> None:
    """Write UTF-8 whatever the locale says: the same input gives the same bytes.

    A terminal that shows another encoding gets letters of ASCII in place of what it has none for. Who reads it may go away,
    as `head` does; where it cannot be written for another reason, the program ends with status 2.
    """
    if isinstance(stream, io.TextIOWrapper):
        is_utf8 = stream.encoding.lower().replace("_", "-") in {"utf-8", "utf8"} or not stream.isatty()
        stream.reconfigure(encoding="utf-8" if is_utf8 else stream.encoding, errors="backslashreplace")
        text = text if is_utf8 else _shown_in(text, stream.encoding)
    if not text or not isinstance(stream, io.TextIOBase):
        return
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # Python writes what is left once more as it ends, and would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            write(sys.stderr, f"{getattr(stream, 'name', 'output')}: cannot be written: {error.strerror}\n")
            raise SystemExit(2) from None
