r"""Start scripts that a Dockerfile writes: `COPY <<EOF /start.sh`, and what `cat`, `tee`, `echo` or `printf` write in `RUN`.

Sources: docs.docker.com/reference/dockerfile, "Here-Documents"; POSIX.1-2024, echo and printf. What `echo` makes of a
backslash hangs on the shell: Debian's `/bin/sh`, which is dash, reads `\n` as a new line.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from memguard_hooks.deployment.start import PROGRAMS
from memguard_hooks.formats.dockerfile import Heredoc, Instruction, exec_form
from memguard_hooks.formats.shell_words import Operator, ShellError, ShellWord, split_plain, split_words, unquote
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

MAX_LETTERS = 5000
"""Letters of a script; a longer one is left unread."""

MAX_FILES = 200
"""Files that an image writes."""

MAX_NAMED = 10
"""Scripts that one command names."""

_SHELLS = late_pattern(r"(?:/usr/bin/env )?(?:/(?:usr/)?bin/)?(?:ba|da|a)?sh")
_OF_SHELL = late_pattern(r"\s*(?:#!.*\b(?:ba|da|a)?sh\b|(?!#!))")
"""How a script begins that a shell runs: with a line that names one, or without any."""

_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}


class WrittenText(Record):
    """What a command writes into a file, None where that is not known; `is_added` where it stands behind what was there."""

    place: str
    text: str | None
    is_added: bool = False


def written_by(
    instruction: Instruction,
    workdir: str,
    expand: Callable[[str], str],
    before: Mapping[str, str],
    is_copied: Callable[[str], bool],
) -> dict[str, str]:
    """Return the files that an image has once an instruction has written its own: each text, empty where it is not known.

    They are named by absolute paths. `expand` puts in the variables of the build, as Docker and the shell do where nothing
    is quoted. `is_copied` tells whether the image has a file of the repository at a path.
    """
    found = dict(before)
    for one in _copied(instruction, expand) if instruction.name in ("COPY", "ADD") else _run(instruction, expand):
        place = posixpath.normpath(posixpath.join(workdir, one.place))
        first = found.get(place, "" if is_copied(place) else None) if one.is_added else None
        text = (first or "") + (one.text or "")
        is_known = first != "" and bool(one.text) and len(text) <= MAX_LETTERS
        if place in found or len(found) < MAX_FILES:
            found[place] = text if is_known else ""
    return found


def _copied(instruction: Instruction, expand: Callable[[str], str]) -> Iterator[WrittenText]:
    words = [word for word in exec_form(instruction.text) or split_plain(instruction.text) if not word.startswith("--")]
    sources = [word for word in words[:-1] if word.startswith("<<")]
    for word, heredoc in zip(sources, instruction.heredocs, strict=False):
        place = expand(words[-1])
        name = word.strip("<-'\"")
        yield WrittenText(posixpath.join(place, name) if place.endswith("/") else place, _text(heredoc, expand))


def _text(heredoc: Heredoc, expand: Callable[[str], str]) -> str:
    return expand(heredoc.text).replace("\\$", "$") if heredoc.is_expanded else heredoc.text


def _run(instruction: Instruction, expand: Callable[[str], str]) -> Iterator[WrittenText]:
    """Yield what the commands of `RUN` write."""
    if ">" not in instruction.text and "tee" not in instruction.text:
        return
    try:
        tokens = list(split_words(instruction.text))
    except ShellError:
        return
    heredocs = iter(instruction.heredocs)
    command: list[ShellWord | Operator] = []
    for token in (*tokens, Operator("\n")):
        if isinstance(token, Operator) and not token.is_redirection:
            written = _written(command, heredocs, expand)
            if written is not None:
                yield written
            command = []
        else:
            command.append(token)


def _written(
    tokens: Sequence[ShellWord | Operator], heredocs: Iterator[Heredoc], expand: Callable[[str], str]
) -> WrittenText | None:
    """Return what a command writes into a file; None where it writes none."""
    words: list[str] = []
    place = ""
    given: str | None = None
    is_added = False
    rest = iter(tokens)
    for token in rest:
        if isinstance(token, ShellWord):
            words.append(token.text)
            continue
        target = next(rest, None)
        if token.text == "<<":
            heredoc = next(heredocs, None)
            given = _text(heredoc, expand) if heredoc is not None else None
        elif token.text in (">", ">>", ">|") and target is not None and not target.text.startswith("/dev/"):
            place, is_added = unquote(expand(target.text)), token.text == ">>"
    program = words[0] if words else ""
    plain = [unquote(word if word.startswith("'") else expand(word)) for word in words[1:]]
    if program == "tee" and plain:
        return WrittenText(plain[-1], given, "-a" in plain)
    if not place:
        return None
    text = given if program == "cat" and not plain else None
    text = _echoed(plain) if program == "echo" else _printed(plain) if program == "printf" else text
    return WrittenText(place, text, is_added)


def _unescaped(text: str) -> str:
    return re.sub(r"\\[nt\\]", lambda match: _ESCAPES[match[0]], text)


def _echoed(words: Sequence[str]) -> str:
    options = re.compile("-[neE]+")
    kept = list(words)
    while kept and options.fullmatch(kept[0]):
        kept.pop(0)
    return f"{_unescaped(' '.join(kept))}\n"


def _printed(words: Sequence[str]) -> str | None:
    layout = _unescaped(words[0]) if words else ""
    if "%" not in layout:
        return layout
    first, mark, rest = layout.partition("%s")
    return "".join(f"{first}{word}{rest}" for word in words[1:]) if mark and "%" not in first + rest else None


def with_scripts(command: str, scripts: Mapping[str, str], workdir: str) -> str:
    """Return a command with the texts of such scripts in the place of their names: `sh -c TEXT NAME` runs the same."""
    if not scripts:
        return command
    try:
        tokens = list(split_words(command))
    except ShellError:
        return command
    found: list[str] = []
    left = MAX_NAMED
    for token in tokens:
        place = _place_of(unquote(token.text), scripts, workdir) if isinstance(token, ShellWord) else None
        if place is None or not left:
            found.append(token.text)
            continue
        left -= 1
        if found and _SHELLS.fullmatch(found[-1]):
            found.pop()
        found.append(shlex.join(("/bin/sh", "-c", scripts[place], place)))
    return " ".join(found) if left < MAX_NAMED else command


def _place_of(word: str, scripts: Mapping[str, str], workdir: str) -> str | None:
    folders = (workdir,) if "/" in word else (*PROGRAMS, workdir)
    places = (posixpath.normpath(posixpath.join(folder, word)) for folder in folders)
    place = next((place for place in places if place in scripts), "")
    is_script = bool(scripts.get(place)) and _OF_SHELL.match(scripts[place]) is not None
    return place if is_script and not place.endswith((".py", ".conf", ".cfg", ".ini")) else None
