"""The words of a shell command, and what the shell makes of each: POSIX quoting, parameters, arithmetic.

Nothing is run: what a command would print stays as it is written. Facts: POSIX.1-2024, Shell Command Language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

MAX_EXPANDED = 2**14
"""Characters that the words of a command may grow to; a command is a line."""

MAX_DEFAULTS = 8
"""How deeply `${A:-${B:-c}}` may be nested."""

MAX_NESTED = 20
"""How deeply commands in quotes may be put into each other: `"$(echo "$(date)")"`."""


class ShellWord(Record):
    """A word as it is written, with its quotes, and the offset at which it starts."""

    text: str
    start: int = 0


class Operator(Record):
    """A control operator, or a redirection without its number, and its offset."""

    text: str
    start: int = 0

    @property
    def is_redirection(self) -> bool:
        """Return whether a file follows."""
        return self.text[0] in "<>" or self.text.startswith("&>")


class ShellError(Exception):
    """A command that the shell would refuse, or that grows too long."""


_OPERATOR = late_pattern(r"&&|\|\||;;|&>>|&>|>>|<<<|<<|>&|<&|>\||<>|[;&|<>()\n]")
_BLANK = late_pattern(r"(?:[ \t\r]|\\\n|#[^\n]*)+")
_PLAIN = late_pattern(r"\$[A-Za-z_]\w*|[^\s;&|<>()'\"\\`$]+")
_MARKS = frozenset("&|;<>()\n\r#\\'\"`$")
"""Without one of them a command is words between blanks, which no pattern needs to be compiled for."""


def split_words(text: str) -> Iterator[ShellWord | Operator]:
    """Yield the words and operators of a command. Raises ShellError for a quote or a bracket that is not closed."""
    if _MARKS.isdisjoint(text):
        at = 0
        for word in text.replace("\t", " ").split(" "):
            if word:
                yield ShellWord(word, at)
            at += len(word) + 1
        return
    start = at = 0
    while at < len(text):
        if start == at and (blank := _BLANK.match(text, at)) is not None:
            start = at = blank.end()
        elif (operator := _OPERATOR.match(text, at)) is not None:
            is_number = operator[0][0] in "<>" and text[start:at].isdecimal()  # 2>&1
            if start < at and not is_number:
                yield ShellWord(text[start:at], start)
            yield Operator(operator[0], at)
            start = at = operator.end()
        elif text[at] in " \t\r":
            yield ShellWord(text[start:at], start)
            start = at
        else:
            at = _end_of_piece(text, at)
    if start < at:
        yield ShellWord(text[start:at], start)


def split_plain(text: str) -> list[str]:
    """Split the words that a program is given without a shell; where a quote is not closed, at each blank."""
    if not any(mark in text for mark in "'\"\\"):
        return text.split()
    import shlex

    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def unquote(word: str) -> str:
    """Return a word without its quotes; what the shell would put in stays as it is written."""
    return "".join(_bare(piece) for _, piece in _pieces(word))


def substitutions(word: str) -> Iterator[ShellWord]:
    """Yield the commands that a word puts in, `$(date)` and those in backquotes, with their offsets in it."""
    for at, piece in _pieces(word):
        width = 2 if piece.startswith("$(") else 1 if piece[0] == "`" else 0
        if width:
            yield ShellWord(piece[width:-1], at + width)


def _pieces(word: str) -> Iterator[tuple[int, str]]:
    """Yield the quoted, substituted and plain pieces of a word, and where each starts."""
    if _MARKS.isdisjoint(word) and word.split() == [word]:
        yield 0, word
        return
    at = 0
    while at < len(word):
        end = _end_of_piece(word, at)
        yield at, word[at:end]
        at = end


def _bare(piece: str) -> str:
    if piece[0] == "'":
        return piece[1:-1]
    if piece[0] == '"':
        return re.sub(r'\\(["\\$`\n])', lambda match: match[1].strip("\n"), piece[1:-1])
    return piece[1:].strip("\n") if piece[0] == "\\" else piece


def _end_of_piece(text: str, at: int, depth: int = 0) -> int:
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
            at = _end_of_piece(text, at, depth) if text[at] in "\\`$" else at + 1
        if at >= len(text):
            raise ShellError("No closing quotation")
        return at + 1
    if text.startswith(("$(", "${"), at):
        return _end_of_brackets(text, at + 1, depth + 1)
    plain = _PLAIN.match(text, at)
    return plain.end() if plain is not None else at + 1


def _find(text: str, char: str, at: int, problem: str) -> int:
    found = text.find(char, at)
    if found < 0:
        raise ShellError(problem)
    return found


def _end_of_brackets(text: str, at: int, nested: int) -> int:
    """Return where the bracket at `at` closes; those in quotes do not count."""
    if nested > MAX_NESTED:
        raise ShellError(f"more than {MAX_NESTED} commands are put into each other")
    opening, closing = text[at], ")" if text[at] == "(" else "}"
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'":
            at = _find(text, "'", at + 1, "No closing quotation")
        elif char == '"':
            at = _end_of_piece(text, at, nested) - 1
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
    for _, piece in _pieces(word):
        if piece[0] == '"':
            fields[-1] += _expand_quoted(piece[1:-1], variables, cpus)
        elif piece[0] in "$`":
            value = _substitute(piece, variables, cpus, 0)
            split = value.split() if value != piece else [value]
            if value[:1].isspace() and fields[-1]:
                fields.append("")
            fields[-1] += split[0] if split else ""
            fields += split[1:]
        else:
            fields[-1] += _bare(piece)
        is_word = is_word or piece[0] in "'\""
        if sum(map(len, fields)) > MAX_EXPANDED:
            raise ShellError("it grows too long with the variables that are known")
    return fields if is_word or any(fields) else []


def _expand_quoted(text: str, variables: Mapping[str, str], cpus: float | None, depth: int = 0) -> str:
    found: list[str] = []
    at = size = 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in {'"', "\\", "$", "`", "\n"}:
            value, at = text[at + 1].strip("\n"), at + 2
        elif text[at] in "$`":
            end = _end_of_piece(text, at)
            value, at = _substitute(text[at:end], variables, cpus, depth), end
        else:
            value, at = text[at], at + 1
        found.append(value)
        size += len(value)
        if size > MAX_EXPANDED:
            raise ShellError("it grows too long with the variables that are known")
    return "".join(found)


def _substitute(piece: str, variables: Mapping[str, str], cpus: float | None, depth: int) -> str:
    """Return what the shell puts in for a parameter or a command; as it is written where nobody can tell."""
    from memguard_hooks.formats import parameters

    def inner(word: str) -> str:
        return _expand_quoted(word, variables, cpus, depth + 1)

    if piece.startswith("$((") and piece.endswith("))"):
        return _calculated(piece, inner(piece[3:-2]), variables) if depth < MAX_DEFAULTS else piece
    command = next(substitutions(piece), None)
    if command is not None:
        from memguard_hooks.formats.shell_arithmetic import CPU_COUNT

        if CPU_COUNT.fullmatch(piece):
            return "$(nproc)" if cpus is None else str(max(1, int(cpus)))
        return piece
    if piece.startswith("${"):
        parameter = parameters.parse(piece[2:-1]) if depth < MAX_DEFAULTS else None
        if parameter is None or (parameter.sign and is_open(variables.get(parameter.name, ""))):
            return piece if parameter is None else variables[parameter.name]
        value = parameter.value(variables, lambda word: inner(_unquoted(word)))
        return piece if value is None else value
    return variables.get(piece[1:], piece)


def _calculated(piece: str, text: str, variables: Mapping[str, str]) -> str:
    """Return what arithmetic comes to; where that hangs on the CPUs of the machine, the same with all that is known."""
    from memguard_hooks.formats.shell_arithmetic import CPU_COUNT, MAX_LENGTH, calculate, put_in_names

    text = put_in_names(text, variables)
    total = calculate(text)
    if total is not None:
        return str(total)
    known = CPU_COUNT.sub("$(nproc)", text).replace(" ", "")  # one word, also where it is split
    return f"$(({known}))" if CPU_COUNT.search(known) and len(known) <= MAX_LENGTH else piece


def is_open(value: str) -> bool:
    """Return whether a value holds what only a run can tell, which stands there as it is written."""
    return "$" in value or "`" in value


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
