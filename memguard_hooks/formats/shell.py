"""The words of a shell command, and what the shell makes of each: POSIX quoting, parameters, arithmetic.

Nothing is run: what a command would print stays as it is written. Facts: POSIX.1-2024, Shell Command Language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

MAX_EXPANDED = 2**14
"""Characters that the words of a command may grow to; a command is a line."""

MAX_DEFAULTS = 8
"""How deeply `${A:-${B:-c}}` may be nested."""


class ShellWord(NamedTuple):
    """A word as it is written, with its quotes."""

    text: str


class Operator(NamedTuple):
    """A control operator, or a redirection without its number."""

    text: str


class ShellError(Exception):
    """A command that the shell would refuse, or that grows too long."""


_OPERATOR = re.compile(r"&&|\|\||;;|&>>|&>|>>|<<<|<<|>&|<&|>\||<>|[;&|<>()\n]")
_PLAIN = re.compile(r"[^\s;&|<>()'\"\\`$]+")


def split_words(text: str) -> list[ShellWord | Operator]:
    """Split a command into words and operators. Raises ShellError for a quote or a bracket that is not closed."""
    found: list[ShellWord | Operator] = []
    start = at = 0

    def end_word() -> None:
        if at > start:
            found.append(ShellWord(text[start:at]))

    while at < len(text):
        char = text[at]
        if text.startswith("\\\n", at) and start == at:
            start = at = at + 2
        elif char in " \t\r" or (char == "#" and start == at):
            end_word()
            at = at + 1 if char != "#" else (text.find("\n", at) if "\n" in text[at:] else len(text))
            start = at
        elif (operator := _OPERATOR.match(text, at)) is not None:
            if not (operator[0][0] in "<>" and text[start:at].isdecimal()):  # 2>&1
                end_word()
            found.append(Operator(operator[0]))
            start = at = operator.end()
        else:
            at = _end_of_piece(text, at)
    end_word()
    return found


def _end_of_piece(text: str, at: int) -> int:
    """Return where a quoted, substituted or plain piece of a word ends."""
    char = text[at]
    if char == "\\":
        return min(at + 2, len(text))
    if char == "'":
        return _find(text, "'", at + 1, "No closing quotation") + 1
    if char == "`":
        return _find(text, "`", at + 1, "No closing backquote") + 1
    if char == '"':
        at += 1
        while at < len(text) and text[at] != '"':
            at = _end_of_piece(text, at) if text[at] in "\\`$" else at + 1
        if at >= len(text):
            raise ShellError("No closing quotation")
        return at + 1
    if text.startswith(("$(", "${"), at):
        return _end_of_brackets(text, at + 1)
    plain = _PLAIN.match(text, at)
    return plain.end() if plain is not None else at + 1


def _find(text: str, char: str, at: int, problem: str) -> int:
    found = text.find(char, at)
    if found < 0:
        raise ShellError(problem)
    return found


def _end_of_brackets(text: str, at: int) -> int:
    """Return where the bracket at `at` closes; those in quotes do not count."""
    opening, closing = text[at], ")" if text[at] == "(" else "}"
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'":
            at = _find(text, "'", at + 1, "No closing quotation")
        elif char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    raise ShellError(f"No closing {closing}")


def expand(word: str, variables: Mapping[str, str], cpus: float | None = None) -> list[str]:
    """Return the words that the shell makes of one; a variable or command whose value is not known stays as written.

    Raises ShellError for words that grow too long.
    """
    fields = [""]
    is_word = False  # a word that is only an empty variable is none
    at = 0
    while at < len(word):
        end = _end_of_piece(word, at)
        piece = word[at:end]
        if piece[0] == "'":
            fields[-1] += piece[1:-1]
            is_word = True
        elif piece[0] == '"':
            fields[-1] += _expand_quoted(piece[1:-1], variables, cpus)
            is_word = True
        elif piece[0] == "\\":
            fields[-1] += "" if piece == "\\\n" else piece[1:]
        elif piece[0] in "$`":
            end, value = _substitute(word, at, variables, cpus, 0)
            split = value.split() if value != word[at:end] else [value]
            if value[:1].isspace() and fields[-1]:
                fields.append("")
            fields[-1] += split[0] if split else ""
            fields += split[1:]
        else:
            fields[-1] += piece
        if sum(map(len, fields)) > MAX_EXPANDED:
            raise ShellError("it grows too long with the variables that are known")
        at = end
    return fields if is_word or any(fields) else []


def _expand_quoted(text: str, variables: Mapping[str, str], cpus: float | None, depth: int = 0) -> str:
    found: list[str] = []
    at = size = 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in {'"', "\\", "$", "`", "\n"}:
            value, at = text[at + 1].strip("\n"), at + 2
        elif text[at] in "$`":
            at, value = _substitute(text, at, variables, cpus, depth)
        else:
            value, at = text[at], at + 1
        found.append(value)
        size += len(value)
        if size > MAX_EXPANDED:
            raise ShellError("it grows too long with the variables that are known")
    return "".join(found)


_NAME = re.compile(r"\$([A-Za-z_]\w*)")
_PARAMETER = re.compile(r"\{([A-Za-z_]\w*)(?:(:?)([-=+?])(.*))?\}", re.DOTALL)
_CPU_COUNT = re.compile(r"nproc|nproc --all|getconf _NPROCESSORS_(?:ONLN|CONF)")


def _substitute(text: str, at: int, variables: Mapping[str, str], cpus: float | None, depth: int) -> tuple[int, str]:
    """Return where the parameter or command at `at` ends, and its value."""
    plain = _NAME.match(text, at)
    if plain is not None:
        return plain.end(), variables.get(plain[1], plain[0])
    end = _end_of_piece(text, at)
    written = text[at:end]
    if written.startswith("$((") and written.endswith("))"):
        from memguard_hooks.formats.shell_arithmetic import calculate  # ast takes its time

        total = calculate(_expand_quoted(written[3:-2], variables, cpus, depth + 1)) if depth < MAX_DEFAULTS else None
        return end, written if total is None else str(total)
    if written.startswith(("$(", "`")):
        command = written[2:-1] if written[0] == "$" else written[1:-1]
        return end, written if cpus is None or not _CPU_COUNT.fullmatch(command.strip()) else str(max(1, int(cpus)))
    parameter = _PARAMETER.fullmatch(written[1:]) if depth < MAX_DEFAULTS else None
    if parameter is None:
        return end, written
    name, colon, operation, rest = parameter.groups()
    value = variables.get(name)
    is_set = value is not None and (bool(value) or not colon)
    if operation == "+":
        return end, _expand_quoted(_unquoted(rest), variables, cpus, depth + 1) if is_set else ""
    if is_set and value is not None:
        return end, value
    if operation in ("-", "="):
        return end, _expand_quoted(_unquoted(rest), variables, cpus, depth + 1)
    return end, value if value is not None else written


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
