"""Start scripts (`start.sh`, `entrypoint.sh`): the command that stays when a script has done what it does before.

Most scripts wait for a database, migrate, set a variable under a condition, and end in one server. So what branches and
loops is looked through for commands that may stay: behind `exec`, before `exit`, at the end of the script. They are given
as they are found, and who reads them decides whether they are one. What a branch sets is not known. A script that leaves
something in the background, or goes where only a run can tell, is a program, and not understood here.
"""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatchcase

from memguard_hooks.formats.shell_statements import (
    Compound,
    NotParsedError,
    ShellBranch,
    ShellCommand,
    ShellFunction,
    Statements,
    parse,
)
from memguard_hooks.formats.shell_words import ShellError, ShellWord, unquote
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 2**16
"""A start script is a screen or two."""

MAX_LENGTH = 4096
"""Characters of one command."""

MAX_CALLS = 50
"""Calls of a script's own functions that are followed."""

_ASSIGNMENT = late_pattern(r"([A-Za-z_]\w*)(\+?=)(.*)", re.DOTALL)
_HERE = late_pattern(
    r'"?(?:\$\(\s*dirname\s+(?:--\s+)?"?\$(?:0|\{0\}|\{BASH_SOURCE(?:\[0\])?\}|BASH_SOURCE)"?\s*\)|\$\{0%/\*\})"?'
)
_ITSELF = late_pattern(r'"?\$(?:0|\{0\}|BASH_SOURCE|\{BASH_SOURCE(?:\[0\])?\})"?')

_ENDS = frozenset({
    ":", "!", "[", "[[", "test", "true", "false", "break", "cat", "chgrp", "chmod", "chown", "command", "continue", "cp",
    "curl", "date", "echo", "export", "getent", "groupadd", "groupmod", "hash", "hostname", "id", "ln", "local", "ls",
    "mkdir", "mv", "nc", "pg_isready", "printf", "pwd", "read", "rm", "set", "shopt", "sleep", "stat", "touch", "trap",
    "type", "ulimit", "umask", "unset", "useradd", "usermod", "wait", "wget", "which", "whoami",
})  # fmt: skip
"""Commands that end by themselves and load no app."""

_SETS = frozenset({"export", "local", "declare", "typeset", "readonly"})

_LEADS_AWAY = frozenset({"eval", "source", ".", "pushd", "popd", "return"})

HERE = "\0"
"""The folder that a script lies in, where it changes to that."""

IMPLIED = frozenset({
    "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "UVICORN_WORKERS", "FLASK_APP", "DJANGO_SETTINGS_MODULE", "PYTHONPATH",
})  # fmt: skip
"""Variables that decide how a server starts and do not stand in its command."""


class Script(Record):
    """The variables that a script sets, as it writes them, where it goes, and the commands of which one stays.

    `line` is where the first of the commands stands.
    """

    variables: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    commands: tuple[str, ...]
    line: int


class ScriptProgram(Record):
    """A script that is more than that, and the line that shows it."""

    line: int


class _Staying(Record):
    """A command that may stay, and its line."""

    text: str
    line: int


def read(data: bytes, arguments: Sequence[str]) -> Script | ScriptProgram:
    """Read a script that is called with arguments."""
    if len(data) > MAX_BYTES:
        return ScriptProgram(1)
    reader = _ScriptReader(arguments)
    try:
        reader.follow(parse(data.decode("utf-8", "replace")))
    except NotParsedError as error:
        return ScriptProgram(error.line)
    except ShellError:
        return ScriptProgram(1)
    return reader.result()


class _ScriptReader:
    """Follows the statements of a script in their order."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = list(arguments)
        self._functions: dict[str, ShellFunction] = {}
        self._variables: list[tuple[str, str]] = []
        self._folders: list[str] = []
        self._lost: dict[str, int] = {}
        self._staying: list[_Staying] = []
        self._last: _Staying | None = None
        self._is_over = False
        self._calls = 0
        self._hidden: int | None = None

    def result(self) -> Script | ScriptProgram:
        """Return what was found; what hangs on a variable that a branch sets is not known."""
        if not self._is_over and self._last is not None:
            self._staying.append(self._last)
        commands = tuple(dict.fromkeys(one.text for one in self._staying))
        words = {*re.findall(r"\w+", " ".join((*commands, *(text for _, text in self._variables)))), *IMPLIED}
        line = next((line for name, line in self._lost.items() if name in words), None)
        if line is not None:
            return ScriptProgram(line)
        first = self._staying[0].line if self._staying else 1
        return Script(tuple(self._variables), tuple(self._folders), commands or ("",), first)

    # What always runs

    def follow(self, statements: Statements, *, is_tail: bool = True) -> None:
        """Follow statements that run in any case; the script ends behind the last one of a tail."""
        for at, statement in enumerate(statements):
            if self._is_over:
                return
            if self._hidden is not None:
                raise NotParsedError(self._hidden)
            if isinstance(statement, ShellFunction):
                self._functions[statement.name] = statement
            elif isinstance(statement, Compound):
                self._compound(statement, is_tail=is_tail and at == len(statements) - 1)
            else:
                self._command(statement)

    def _command(self, one: ShellCommand) -> None:
        name, *rest = [word.text for word in one.words] or [":"]
        self._check(one)
        self._hidden = one.line if _hides(one) else None
        if len(one.parts) < 2 and (one.has_array or name in ("read", "unset")):
            self._lose(one)
        elif len(one.parts) < 2 and _is_setting(one.words):
            self._assign(one)
        elif len(one.parts) < 2 and name == "cd":
            self._change_folder(rest, one.line)
        elif len(one.parts) < 2 and name == "shift" and not rest:
            del self._arguments[:1]
        elif name == "set" and "--" in rest:
            self._arguments = [self._put_in(text) for text in rest[rest.index("--") + 1 :]]
            if any("$" in text for text in self._arguments):
                raise NotParsedError(one.line)
        elif name in self._functions and not rest and len(one.parts) < 2:
            self._count_call(one.line)
            self.follow(self._functions[name].body, is_tail=False)
        elif name == "exit":
            self._is_over = True
            self._staying += [self._last] if self._last is not None else []
        elif not _ends(one) and not (name == "exec" and not rest):
            self._last = self._told(one)
            if name == "exec" and not self._runs_itself(one):
                self._is_over = True
                self._staying.append(self._last)

    def _compound(self, compound: Compound, *, is_tail: bool) -> None:
        chosen = self._chosen(compound)
        if chosen is not None:
            for branch in chosen:
                self.follow(branch.body, is_tail=is_tail)
            return
        found = self._in_branches(compound, is_tail=is_tail)
        self._staying += found
        self._is_over = self._is_over or (is_tail and bool(found)) or _is_endless(compound)

    def _chosen(self, compound: Compound) -> list[ShellBranch] | None:
        """Return the branch that runs, none where no branch does; None where only a run can tell."""
        if compound.kind in ("{", "("):
            return list(compound.branches) if compound.kind == "{" else None
        if compound.kind == "case":
            subject = _literal(self._put_in(compound.subject))
            if subject is None:
                return None
            for branch in compound.branches:
                patterns = [_literal(pattern) for pattern in branch.patterns]
                if None in patterns:
                    return None
                if any(fnmatchcase(subject, pattern or "") for pattern in patterns):
                    return [branch]
            return []
        if compound.kind != "if":
            return None
        for branch in compound.branches:
            is_true = self._succeeds(branch.test) if branch.test else True
            if is_true is None:
                return None
            if is_true:
                return [branch]
        return []

    def _succeeds(self, test: Statements) -> bool | None:
        """Tell what comparing the script's arguments comes to."""
        if len(test) != 1 or not isinstance(test[0], ShellCommand) or len(test[0].parts) != 1 or test[0].is_piped:
            return None
        words = [self._put_in(word.text) for word in test[0].words]
        if not any("$" in word.text for word in test[0].words):
            return None
        is_negated = words[:1] == ["!"]
        match words[is_negated:]:
            case ["test" | "[" | "[[", *inner]:
                inner = inner[:-1] if words[-1] in ("]", "]]") else inner
            case _:
                return None
        values = [_literal(word) for word in inner]
        match values:
            case ["-z" | "-n" as operator, str(value)]:
                found = bool(value) is (operator == "-n")
            case [str(left), "=" | "==" | "!=" as operator, str(right)]:
                same = fnmatchcase(left, right) if words[is_negated] == "[[" else left == right
                found = same is (operator != "!=")
            case [str(left), "-eq" | "-gt" | "-ne" as operator, str(right)] if left.isdecimal() and right.isdecimal():
                found = {"-eq": int(left) == int(right), "-ne": left != right, "-gt": int(left) > int(right)}[operator]
            case _:
                return None
        return found is not is_negated

    # What runs under a condition

    def _in_branches(self, compound: Compound, *, is_tail: bool) -> list[_Staying]:
        found: list[_Staying] = []
        is_endless = _is_endless(compound)
        for branch in compound.branches:
            found += self._in_branch(branch.test, is_tail=False, is_endless=False)
            found += self._in_branch(branch.body, is_tail=is_tail, is_endless=is_endless)
        return found

    def _in_branch(self, statements: Statements, *, is_tail: bool, is_endless: bool) -> list[_Staying]:
        """Return the commands that may stay, of what runs only under a condition; of an endless loop any that may."""
        found: list[_Staying] = []
        last: _Staying | None = None
        for at, statement in enumerate(statements):
            if isinstance(statement, ShellFunction):
                raise NotParsedError(statement.line)
            if isinstance(statement, Compound):
                found += self._in_branches(statement, is_tail=is_tail and at == len(statements) - 1)
                continue
            self._check(statement)
            name, *rest = [word.text for word in statement.words] or [":"]
            if name in ("cd", "shift") or (name == "set" and "--" in rest) or _hides(statement):
                raise NotParsedError(statement.line)
            if name in self._functions:
                self._count_call(statement.line)
                found += self._in_branch(self._functions[name].body, is_tail=False, is_endless=False)
            elif _is_setting(statement.words) or statement.has_array or name in ("unset", "read"):
                self._lose(statement)
            elif name == "exit":
                is_success = not rest or rest[0] in ("0", "$?", '"$?"')
                found += [last] if last is not None and is_success else []
                last = None
            elif name == "exec" and rest:
                found += [] if self._runs_itself(statement) else [self._told(statement)]
                last = None
            elif not _ends(statement):
                last = self._told(statement)
                found += [last] if is_endless else []
        return [*found, last] if is_tail and last is not None else found

    # Commands

    def _check(self, one: ShellCommand) -> None:
        """Refuse what changes more than can be followed."""
        for part in one.parts:
            name = part[0].text
            is_activation = name in ("source", ".") and len(part) > 1 and part[1].text.strip("\"'").endswith("bin/activate")
            is_default = name == ":" and any("=" in word.text for word in part)
            if (name in _LEADS_AWAY and not is_activation) or sum(len(word.text) for word in part) > MAX_LENGTH:
                raise NotParsedError(one.line)
            if is_default:
                raise NotParsedError(one.line)
        if one.is_background:
            raise NotParsedError(one.line)

    def _count_call(self, line: int) -> None:
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise NotParsedError(line)

    def _runs_itself(self, one: ShellCommand) -> bool:
        return any(_ITSELF.fullmatch(word.text) for word in one.words)

    def _assign(self, one: ShellCommand) -> None:
        for word in one.words:
            match = _ASSIGNMENT.fullmatch(word.text)
            if match is not None and match[2] == "=" and one.words[0].text not in _SETS - {"export"}:
                self._variables.append((match[1], self._put_in(match[3])))
                self._lost.pop(match[1], None)
            elif match is not None:
                self._lost[match[1]] = one.line

    def _lose(self, one: ShellCommand) -> None:
        for word in one.words:
            name = re.match(r"[A-Za-z_]\w*", word.text)
            if name is not None and word.text not in _SETS:
                self._lost.setdefault(name[0], one.line)

    def _change_folder(self, words: Sequence[str], line: int) -> None:
        if len(words) != 1:
            raise NotParsedError(line)
        self._folders = [HERE] if _HERE.fullmatch(words[0]) else [*self._folders, words[0]]

    def _told(self, one: ShellCommand) -> _Staying:
        return _Staying(self._put_in(one.text), one.line)

    def _put_in(self, text: str) -> str:
        """Return a text with the script's arguments in it."""
        words = shlex.join(self._arguments)
        text = re.sub(r'"\$\{\*@Q\}"|"\$\*"|"\$\{\*\}"', lambda _: shlex.quote(words), text)
        text = re.sub(r'"\$@"|\$@|\$\*|"\$\{@\}"|\$\{@\}', lambda _: words, text)
        text = re.sub(r'"?\$#"?', str(len(self._arguments)), text)
        return re.sub(r'"?\$(?:([1-9])|\{([1-9])(?::?-([^{}$"]*)|(#-)|(:0:1))?\})"?', self._argument, text)

    def _argument(self, match: re.Match[str]) -> str:
        number = int(match[1] or match[2])
        value = self._arguments[number - 1] if number <= len(self._arguments) else match[3] or ""
        value = value.removeprefix("-") if match[4] else value[:1] if match[5] else value
        return shlex.quote(value) if value or match[0].startswith('"') else ""


def _is_setting(part: Sequence[ShellWord]) -> bool:
    """Tell whether words only set variables."""
    return bool(part) and (part[0].text in _SETS or all(_ASSIGNMENT.fullmatch(word.text) for word in part))


def _hides(one: ShellCommand) -> bool:
    """Tell whether a list of commands may set a variable or change the folder, so that only its own end is known."""
    return len(one.parts) > 1 and any(_is_setting(part) or part[0].text == "cd" for part in one.parts)


def _ends(one: ShellCommand) -> bool:
    return all(part[0].text in _ENDS or part[0].text in ("source", ".") for part in one.parts)


def _is_endless(compound: Compound) -> bool:
    """Tell whether a loop never ends: `while true` without a `break`."""
    if compound.kind != "while" or len(compound.branches[0].test) != 1:
        return False
    test = compound.branches[0].test[0]
    if not isinstance(test, ShellCommand) or [word.text for word in test.words] not in (["true"], [":"], ["[", "1", "]"]):
        return False
    waiting = list(compound.branches)
    while waiting:
        for statement in waiting.pop().body:
            if isinstance(statement, Compound):
                waiting += statement.branches
            elif isinstance(statement, ShellCommand) and any(part[0].text == "break" for part in statement.parts):
                return False
    return True


def _literal(word: str) -> str | None:
    """Return a word without its quotes, None where the shell would put something in."""
    if re.search(r"[$`]", word):
        return None
    try:
        return unquote(word)
    except ShellError:
        return None
