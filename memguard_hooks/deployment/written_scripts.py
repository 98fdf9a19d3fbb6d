r"""Start scripts that a Dockerfile writes: `COPY <<EOF /start.sh`, and what `cat`, `tee`, `echo` or `printf` write in `RUN`.

Sources: docs.docker.com/reference/dockerfile, "Here-Documents"; POSIX.1-2024, echo and printf. What `echo` makes of a
backslash hangs on the shell: Debian's `/bin/sh`, which is dash, reads `\n` as a new line.
"""

from __future__ import annotations

import posixpath
import re
import shlex

from memguard_hooks.deployment.start import PROGRAMS
from memguard_hooks.formats.dockerfile import Heredoc, Instruction, exec_form
from memguard_hooks.formats.shell_words import Operator, ShellError, ShellWord, split_plain, split_words, unquote
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_LETTERS = 5000
"""Letters of a script; a longer one is left unread."""

_SHELLS = late_pattern(r"(?:/usr/bin/env )?(?:/(?:usr/)?bin/)?(?:ba|da|a)?sh")
_OF_SHELL = late_pattern(r"\s*(?:#!.*\b(?:ba|da|a)?sh\b|(?!#!))")
"""How a script begins that a shell runs: with a line that names one, or without any."""

_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}


def written_by(instruction: Instruction, workdir: str, expand: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield the absolute paths of the scripts that an instruction writes, each with its text.

    `expand` puts in the variables of the build, as Docker and the shell do where nothing is quoted.
    """
    found = _copied(instruction, expand) if instruction.name in ("COPY", "ADD") else _run(instruction, expand)
    for place, text in found:
        if len(text) <= MAX_LETTERS and _OF_SHELL.match(text) and not place.endswith((".py", ".conf", ".cfg", ".ini")):
            yield posixpath.normpath(posixpath.join(workdir, place)), text


def _copied(instruction: Instruction, expand: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    words = [word for word in exec_form(instruction.text) or split_plain(instruction.text) if not word.startswith("--")]
    sources = [word for word in words[:-1] if word.startswith("<<")]
    for word, heredoc in zip(sources, instruction.heredocs, strict=False):
        place = expand(words[-1])
        name = word.strip("<-'\"")
        yield (posixpath.join(place, name) if place.endswith("/") else place), _text(heredoc, expand)


def _text(heredoc: Heredoc, expand: Callable[[str], str]) -> str:
    return expand(heredoc.text).replace("\\$", "$") if heredoc.is_expanded else heredoc.text


def _run(instruction: Instruction, expand: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield what the commands of `RUN` write, each file with all that is added to it."""
    try:
        tokens = list(split_words(instruction.text))
    except ShellError:
        return
    heredocs = iter(instruction.heredocs)
    texts: dict[str, str] = {}
    command: list[ShellWord | Operator] = []
    for token in (*tokens, Operator("\n")):
        if isinstance(token, Operator) and not token.is_redirection:
            written = _written(command, heredocs, expand)
            if written is not None:
                place, text, is_added = written
                texts[place] = (texts.get(place, "") if is_added else "") + text
            command = []
        else:
            command.append(token)
    yield from texts.items()


def _written(
    tokens: Sequence[ShellWord | Operator], heredocs: Iterator[Heredoc], expand: Callable[[str], str]
) -> tuple[str, str, bool] | None:
    """Return the file that a command writes, what, and whether it adds to it; None for another one."""
    words: list[str] = []
    place = given = ""
    is_added = False
    rest = iter(tokens)
    for token in rest:
        if isinstance(token, ShellWord):
            words.append(token.text)
            continue
        target = next(rest, None)
        if token.text == "<<":
            heredoc = next(heredocs, None)
            given = _text(heredoc, expand) if heredoc is not None else ""
        elif token.text in (">", ">>", ">|") and target is not None:
            place, is_added = unquote(expand(target.text)), token.text == ">>"
    program = words[0] if words else ""
    plain = [unquote(word if word.startswith("'") else expand(word)) for word in words[1:]]
    if program == "tee" and plain:
        return plain[-1], given, "-a" in plain
    text = {"cat": lambda: given, "echo": lambda: _echoed(plain), "printf": lambda: _printed(plain)}.get(program)
    return (place, text(), is_added) if text is not None and place else None


def _unescaped(text: str) -> str:
    return re.sub(r"\\[nt\\]", lambda match: _ESCAPES[match[0]], text)


def _echoed(words: Sequence[str]) -> str:
    options = re.compile("-[neE]+")
    kept = list(words)
    while kept and options.fullmatch(kept[0]):
        kept.pop(0)
    return f"{_unescaped(' '.join(kept))}\n"


def _printed(words: Sequence[str]) -> str:
    layout = _unescaped(words[0]) if words else ""
    if "%" not in layout:
        return layout
    first, mark, rest = layout.partition("%s")
    return "".join(f"{first}{word}{rest}" for word in words[1:]) if mark else ""


def with_scripts(command: str, scripts: Mapping[str, str], workdir: str) -> str:
    """Return a command with the texts of such scripts in the place of their names: `sh -c TEXT NAME` runs the same."""
    if not scripts:
        return command
    try:
        tokens = list(split_words(command))
    except ShellError:
        return command
    found: list[str] = []
    for token in tokens:
        place = _place_of(unquote(token.text), scripts, workdir) if isinstance(token, ShellWord) else None
        if place is None:
            found.append(token.text)
            continue
        if found and _SHELLS.fullmatch(found[-1]):
            found.pop()
        found.append(shlex.join(("/bin/sh", "-c", scripts[place], place)))
    return " ".join(found) if len(found) > 0 and any(one not in command for one in found) else command


def _place_of(word: str, scripts: Mapping[str, str], workdir: str) -> str | None:
    folders = (workdir,) if "/" in word else (*PROGRAMS, workdir)
    places = (posixpath.normpath(posixpath.join(folder, word)) for folder in folders)
    return next((place for place in places if place in scripts), None)
