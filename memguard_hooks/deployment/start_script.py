"""Start scripts (`start.sh`, `entrypoint.sh`): the command that stays when a script has done what it does before.

Most scripts wait for a database, migrate, set a variable under a condition, and end in one server. The statements are
followed in their order with what is known of variables, arrays and arguments. Where a condition is not known each way is
followed for itself: the commands that may stay are returned as they are found, and who reads them decides whether they are
one; a variable that these ways leave with different values is lost. What a script leaves in the background runs beside.
A variable that nothing sets is not known, `${X:-4}` is 4: the repository says so, and the platform may say otherwise.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from fnmatch import fnmatchcase

from memguard_hooks.formats import shell_tests
from memguard_hooks.formats.shell_arithmetic import CPU_COUNT, as_operand, put_in_names
from memguard_hooks.formats.shell_statements import (
    Compound,
    NotParsedError,
    ShellBranch,
    ShellCommand,
    ShellFunction,
    ShellList,
    Statement,
    Statements,
    parse,
)
from memguard_hooks.formats.shell_words import ShellError, ShellWord, expand, is_open, split_words
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memguard_hooks.deployment.start import Host

MAX_BYTES = 2**16
"""A start script is a screen or two."""

MAX_LENGTH = 4096
"""Characters of one command, and of the value of a variable."""

MAX_CALLS = 50
"""Calls of a script's own functions that are followed, and files that it reads."""

MAX_STEPS = 3000
"""Statements that are followed, those of loops and functions each time."""

MAX_PUT_IN = 2**18
"""Characters that arrays and arguments may put in, all together."""

MAX_ROUNDS = 30
"""Rounds of a loop whose end is known."""

MAX_WAYS = 300
"""Branches that are followed for themselves."""

_ASSIGNMENT = late_pattern(r"([A-Za-z_]\w*)(\+?=)(.*)", re.DOTALL)
_ARRAY = late_pattern(r"([A-Za-z_]\w*)(\+?=)\((.*)\)", re.DOTALL)
_PORT = late_pattern(r"\$(?:PORT\b|\{PORT\})")
_DEFAULT = late_pattern(r"\$\{([A-Za-z_]\w*)(:?=)(.*)\}", re.DOTALL)
_OWN_NAME = late_pattern(r"\$(?:0|\{0\}|BASH_SOURCE|\{BASH_SOURCE(?:\[0\])?\})")
_ITS_FOLDER = late_pattern(r"\$\{0%/\*\}|\$\(\s*dirname\s+(?:--\s+)?(\0[^\s()$]*)\s*\)")
_SAME_PLACE = late_pattern(
    r"\$\(\s*(?:(?:readlink\s+-\w+|realpath)\s+(\0[^\s()$]*)"
    r"|cd\s+(?:-P\s+)?(?:--\s+)?(\0[^\s()$]*)\s*(?:&?>\s*/dev/null\s*(?:2>&1)?\s*)?&&\s*pwd(?:\s+-P)?)\s*\)"
)
_ITSELF = late_pattern(r'"?\$(?:0|\{0\}|BASH_SOURCE|\{BASH_SOURCE(?:\[0\])?\})"?')
_PUT_IN = late_pattern(
    r'\$\(\s*printf\s+[\'"] ?%q ?[\'"]\s+(?P<again>"\$@")\s*\)'
    r'|"\$\{(?P<each>\w+)\[@\]\}"|\$\{(?P<perhaps>\w+)\[@\]:?\+"\$\{(?P=perhaps)\[@\]\}"\}|\$\{(?P<all>\w+)\[[@*]\]\}'
    r'|"\$\{(?P<joined>\w+)\[\*\]\}"|"?\$\{#(?P<size>\w+)\[[@*]\]\}"?|"?\$\{(?P<element>\w+)\[(?P<index>\d{1,3})\]\}"?'
    r'|"\$\{[@*]:?-(?P<word>[^{}$"]*)\}"|\$\{[@*]:?-(?P<split>[^{}$"]*)\}'
    r'|(?P<quoted>"\$\{\*@Q\}"|"\$\*"|"\$\{\*\}")|"?\$\{@:(?P<from>[1-9])\}"?|(?P<words>"\$@"|\$[@*]|"\$\{@\}"|\$\{[@*]\})'
    r'|(?P<count>"?\$(?:#|\{#\})"?)|"?\$(?:(?P<number>[1-9])'
    r'|\{(?P<braced>[1-9])(?::?-(?P<default>[^{}$"]*)|(?P<dash>#-)|(?P<first>:0:1))?\})"?'
)
"""What refers to arrays and to arguments, whose values are put in before the shell's words are read."""

_ENDS = frozenset({
    "!", "((", ":", "[", "[[", "addgroup", "adduser", "apk", "apt-get", "awk", "aws", "base64", "basename", "break",
    "cat", "chgrp", "chmod", "chown", "clear", "command", "continue", "cp", "createdb", "curl", "cut", "date", "deluser",
    "diff", "dig", "dirname", "dos2unix", "dropdb", "echo", "env", "envsubst", "export", "expr", "false", "find",
    "getent", "getopt", "grep", "groupadd", "groupmod", "gsutil", "gunzip", "gzip", "hash", "head", "hostname", "id",
    "install", "jq", "kill", "ldconfig", "ln", "local", "locale-gen", "ls", "md5sum", "mkdir", "mktemp", "mv",
    "mysqladmin", "nc", "nslookup", "openssl", "passwd", "pg_dump", "pg_isready", "pgrep", "printenv", "printf", "ps",
    "psql", "pwd", "pybabel", "read", "readlink", "realpath", "redis-cli", "rm", "rmdir", "s6-svc", "sed", "seq", "set",
    "setcap", "sha256sum", "shopt", "sleep", "sort", "ssh-keygen", "stat", "sync", "tar", "tee", "test", "touch", "tput",
    "tr", "trap", "true", "type", "ulimit", "umask", "uname", "unset", "unzip", "update-ca-certificates", "useradd",
    "usermod", "uuidgen", "wait", "wc", "wget", "which", "whoami", "yq",
})  # fmt: skip
"""Commands that end by themselves and load no app."""

_ACTS = frozenset({
    "addgroup", "adduser", "apk", "apt-get", "aws", "chgrp", "chmod", "chown", "clear", "cp", "createdb", "date",
    "deluser", "dos2unix", "dropdb", "envsubst", "groupadd", "groupmod", "gsutil", "gunzip", "gzip", "install", "kill",
    "ldconfig", "ln", "locale-gen", "mktemp", "mv", "openssl", "passwd", "pg_dump", "printf", "rm", "rmdir", "s6-svc", "set",
    "setcap", "shopt", "sleep", "ssh-keygen", "sync", "tar", "tee", "touch", "tput", "trap", "ulimit", "umask", "unset",
    "unzip", "update-ca-certificates", "useradd", "usermod", "wait",
})  # fmt: skip
"""Those of them that do something, and are taken to succeed as other programs are; the others are asked for their answer."""

_SETS = frozenset({"export", "local", "declare", "typeset", "readonly"})

_ASKED = _ENDS - _SETS - _ACTS - {"cd", "echo", "mkdir"}

SETS_PATH = late_pattern(
    r"(?:bin/activate|\.local/bin/env|\.cargo/env|/nvm\.sh|/etc/profile(?:\.d/\w+\.sh)?|/\.(?:bashrc|profile|bash_profile))$"
)
"""Files that say where programs are: of environments, of installers, and those of a shell."""

_LEAVES = {
    "celery": frozenset({"-D", "--detach"}),
    "gunicorn": frozenset({"-D", "--daemon"}),
    "uwsgi": frozenset({"-d", "--daemonize"}),
}
"""Servers, and the options with which they go on in the background."""

_TERMINALS = {"screen": frozenset("dm"), "tmux": frozenset("d")}
"""What holds a terminal for a program, and the letters of the options with which it goes on in the background."""

_LETTERS = late_pattern(r"-[A-Za-z]{1,10}")

_COUNTER = late_pattern(r"(?<!\w)(?=([A-Za-z_]\w*))\1\s*(?:[-+*/%]?=(?!=)|\+\+|--)")
_STAYS = late_pattern(rb"(?m)^[ \t]*nodaemon\s*=\s*(?:true|1|yes|on)\b")
"""What the settings of supervisord say where it stays."""

_EVERYWHERE = frozenset({"nproc", "getconf", "sh", "python", "python3"})
"""Programs that each image has in which an app of Python runs."""

IMPLIED = frozenset({
    "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "UVICORN_WORKERS", "FLASK_APP", "DJANGO_SETTINGS_MODULE", "PYTHONPATH",
})  # fmt: skip
"""Variables that decide how a server starts and do not stand in its command."""

_HARMLESS = late_pattern(r"PORT|HOST|ADDR|BIND|LOG|TIMEOUT|URL|QUEUE|KEEP")
"""Variables whose value does not matter to what a server takes, by a part of their names."""


class ScriptCommand(Record):
    """A command that may stay, its line, and what it finds there: the variables, and the folder as a path from the root.

    `beside` are commands that run at the same time. `problem` says why nobody can tell what it comes to, unless that is the
    same with each of the values that `either` has for the variables that it hangs on.
    """

    text: str
    line: int
    variables: Mapping[str, str]
    folder: str
    beside: tuple[ScriptCommand, ...] = ()
    problem: str = ""
    either: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Script(Record):
    """The commands of which one stays; `fork` says where the script decides between several, and by what."""

    commands: tuple[ScriptCommand, ...]
    fork: tuple[int, str] | None = None

    @property
    def line(self) -> int:
        """Where the first of the commands stands."""
        return self.commands[0].line if self.commands else 1


class ScriptProgram(Record):
    """A script that cannot be followed, the line that shows it, and why, where there is more to say."""

    line: int
    reason: str = ""


class _NotFollowedError(NotParsedError):
    """A statement that cannot be followed, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line)
        self.reason = reason


def read(data: bytes, arguments: Sequence[str], host: Host, path: str | None = None) -> Script | ScriptProgram:
    """Read a script that is called with arguments."""
    if len(data) > MAX_BYTES:
        return ScriptProgram(1)
    try:
        return _ScriptReader(host, path).read(data, arguments)
    except _NotFollowedError as error:
        return ScriptProgram(error.line, error.reason)
    except NotParsedError as error:
        return ScriptProgram(error.line)
    except (ShellError, RecursionError):
        return ScriptProgram(1)


class _Way:
    """What is known at one point of a script.

    `end` tells how its statements were left, if they were; `last` are the commands of which the one that ran last is one,
    and `lost` are the lines that made variables unknown. `beside` runs in the background, of which `sure` does in any case.
    """

    def __init__(self, variables: dict[str, str], arguments: Sequence[str] | None, folder: str) -> None:
        self.variables = variables
        self.arrays: dict[str, tuple[str, ...]] = {}
        self.lost: dict[str, int] = {}
        self.either: dict[str, tuple[str, ...]] = {}
        self.arguments = arguments
        self.folder = folder
        self.problem = ""
        self.last: tuple[ScriptCommand, ...] = ()
        self.beside: tuple[ScriptCommand, ...] = ()
        self.sure: tuple[ScriptCommand, ...] = ()
        self.end = ""
        self.is_fork = False

    def fork(self) -> _Way:
        """Return a way that goes on from here by itself, and on which no command has run yet."""
        way = _Way(dict(self.variables), self.arguments, self.folder)
        way.arrays, way.lost, way.beside, way.problem = dict(self.arrays), dict(self.lost), self.beside, self.problem
        way.either, way.sure = dict(self.either), self.sure
        way.is_fork = True
        return way

    def leave(self, commands: tuple[ScriptCommand, ...]) -> None:
        """Note commands that go on in the background."""
        self.beside += commands
        self.sure += commands

    def lose(self, name: str, line: int) -> None:
        """Forget the value of a variable."""
        self.variables[name] = f"${name}"
        self.arrays.pop(name, None)
        self.either.pop(name, None)
        self.lost[name] = line

    def set(self, name: str, value: str, line: int) -> None:
        """Give a variable a value; what is not known of it stands there as it is written."""
        self.arrays.pop(name, None)
        self.lost.pop(name, None)
        self.variables[name] = value
        if len(value) > MAX_LENGTH:
            self.lose(name, line)

    def unset(self, name: str) -> None:
        """Take away a variable."""
        self.arrays.pop(name, None)
        self.lost.pop(name, None)
        self.variables.pop(name, None)

    def has(self, name: str) -> bool:
        """Return whether anything sets a variable."""
        return name in self.variables or name in self.arrays


class _ScriptReader:
    """Follows the statements of a script in their order."""

    def __init__(self, host: Host, path: str | None) -> None:
        self._host = host
        self._path = path
        self._functions: dict[str, ShellFunction] = {}
        self._staying: list[ScriptCommand] = []
        self._left: list[_Way] = []
        self._fork: tuple[int, str] | None = None
        self._calls = self._steps = self._ways = self._put_size = 0
        self._is_endless = False

    def read(self, data: bytes, arguments: Sequence[str]) -> Script:
        """Return what a script comes to."""
        way = _Way(dict(self._host.variables), tuple(arguments), self._host.folder)
        self._follow(parse(data.decode("utf-8", "replace")), way)
        if way.end != "over":
            self._finish(way)
        return Script(tuple(self._staying), self._fork)

    def _finish(self, way: _Way) -> None:
        """Note what stays where a script ends: its last command, or what it has left in the background."""
        for left in (way.beside, *([way.sure] if way.sure != way.beside else [])):
            staying = way.last or left[:1]
            self._staying += [one._replace(beside=left if way.last else left[1:]) for one in staying]
        way.end = "over"

    # Statements

    def _follow(self, statements: Statements, way: _Way) -> None:
        for statement in statements:
            if way.end:
                return
            self._statement(statement, way)

    def _statement(self, statement: Statement, way: _Way) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise NotParsedError(statement.line)
        if isinstance(statement, ShellFunction):
            self._functions[statement.name] = statement
        elif isinstance(statement, ShellCommand):
            self._command(statement, way)
        elif isinstance(statement, Compound):
            self._compound(statement, way)
        elif statement.is_background:
            found = self._by_itself(statement._replace(is_background=False), way)
            if len(found) > 1:
                raise NotParsedError(statement.line)
            way.leave(found)
        else:
            self._list(statement.steps, way, is_true=True)

    def _by_itself(self, statement: Statement, way: _Way, *, leaves: bool = False) -> tuple[ScriptCommand, ...]:
        """Return the commands that stay in a shell of its own; what it leaves in the background may go on beside the way."""
        outer, self._staying = self._staying, []
        inner = way.fork()
        self._statement(statement, inner)
        if inner.end != "over" and leaves:
            way.beside, way.sure = inner.beside, inner.sure
            inner.beside = inner.sure = ()
            self._finish(inner)
        elif inner.end != "over":
            inner.beside, inner.sure = inner.beside[len(way.beside) :], inner.sure[len(way.sure) :]
            self._finish(inner)
        found, self._staying = tuple(self._staying), outer
        return found

    def _list(self, steps: Sequence[tuple[str, Statement]], way: _Way, *, is_true: bool | None) -> None:
        """Follow what is joined by `&&` and `||`; `is_true` tells what the step before came to.

        A program is taken to succeed, but where only a variable waits for that.
        """
        is_sure = True
        for at, (operator, statement) in enumerate(steps):
            if way.end:
                return
            if operator and is_sure is False and isinstance(statement, ShellCommand) and _is_setting(statement.words):
                is_true = None
            if is_true is None and operator and self._is_default(steps[at - 1][1], [statement], way, operator == "&&"):
                is_true = operator == "&&"
            if is_true is None and operator:
                runs, passes = way.fork(), way.fork()
                self._list([("", statement), *steps[at + 1 :]], runs, is_true=True)
                self._list(steps[at + 1 :], passes, is_true=operator == "||")
                ways = [runs, passes] if operator == "&&" else [passes, runs]
                asked = steps[at - 1][1]
                self._merge(way, ways, statement.line, _text_of(asked), self._arithmetic([asked], way))
                return
            if not operator or is_true is (operator == "&&"):
                is_sure = _is_sure(statement)
                is_true = self._asked(statement, way)
                if not _is_question(statement):
                    self._statement(statement, way)

    def _compound(self, compound: Compound, way: _Way) -> None:
        match compound.kind:
            case "{":
                self._follow(compound.branches[0].body, way)
            case "(":
                way.last = self._by_itself(compound._replace(kind="{"), way, leaves=True) or way.last
            case "if":
                self._if(compound, way)
            case "case":
                self._case(compound, way)
            case "for":
                self._for(compound, way)
            case "while" | "until":
                self._while(compound, way)
            case _:
                self._perhaps(compound, way)

    def _if(self, compound: Compound, way: _Way) -> None:
        ways: list[_Way] = []
        asked: list[str] = []
        arithmetic: str | None = None
        only = compound.branches[0] if len(compound.branches) == 1 else None
        unset = self._unset_in(only.test[0], way, is_true=True) if only is not None and only.test else None
        for branch in compound.branches:
            is_true = self._answer(branch.test, way) if branch.test else True
            is_only = len(compound.branches) == 1
            if is_true is None and is_only and self._is_default(branch.test[0], branch.body, way, is_true=True):
                is_true = True
            if is_true and not ways:
                self._follow(branch.body, way)
                return
            if is_true is not False:
                asked.append(branch.text)
                arithmetic = self._arithmetic(branch.test, way) if not ways else None
                ways.append(self._forked(branch.body, way))
            if is_true:
                break
        else:
            if not ways:
                return
            ways.append(way.fork())
        value = ways[0].variables.get(unset) if unset is not None and unset not in ways[0].lost else None
        is_over = bool(ways[0].end)
        self._merge(way, ways, compound.line, asked[0], arithmetic)
        if unset is not None and value is not None and not is_over:  # as `${X:-4}` is 4
            way.set(unset, value, compound.line)

    def _case(self, compound: Compound, way: _Way) -> None:
        subject = self._value(compound.subject[0], way, compound.line)
        ways: list[_Way] = []
        for branch in compound.branches:
            matches = [self._matches(subject, pattern, way, compound.line) for pattern in branch.patterns]
            if True in matches and not ways:
                self._follow(branch.body, way)
                return
            if True in matches or None in matches:
                ways.append(self._forked(branch.body, way))
            if True in matches:
                break
        else:
            if not ways:
                return
            ways.append(way.fork())
        self._merge(way, ways, compound.line, f"case {compound.subject[0]}")

    def _matches(self, subject: str, pattern: str, way: _Way, line: int) -> bool | None:
        if pattern == "*":
            return True
        text = self._value(pattern, way, line)
        if is_open(subject) or is_open(text) or (len(text) > shell_tests.MAX_PATTERN and "*" in text):
            return None
        return fnmatchcase(subject, text)

    def _for(self, compound: Compound, way: _Way) -> None:
        name, *words = compound.subject or ("",)
        if name.startswith("("):  # `((i = 0; i < 5; i++))`: how often is not counted
            for counter in _COUNTER.findall(" ".join(compound.subject)):
                way.lose(counter, compound.line)
            self._perhaps(compound, way)
            return
        listed = words[1:] if words[:1] == ["in"] else ['"$@"']
        items = self._fields(" ".join(listed), way, compound.line)
        if len(items) > MAX_ROUNDS or any(is_open(item) or re.search(r"[*?[{]", item) for item in items):
            way.lose(name, compound.line)
            self._perhaps(compound, way)
            return
        outer, self._left = self._left, []
        for item in items:
            way.set(name, item, compound.line)
            if not self._round(compound.branches[0], way):
                break
        self._join(way, "break")
        self._left += outer

    def _while(self, compound: Compound, way: _Way) -> None:
        (branch,) = compound.branches
        wanted = compound.kind == "while"
        if _is_constant(branch.test):
            if wanted and not _breaks(branch.body):
                self._endless(branch, way)
            else:
                self._perhaps(compound, way)
            return
        outer, self._left = self._left, []
        for _round in range(MAX_ROUNDS):
            is_true = self._answer(branch.test, way)
            if is_true is None:
                self._perhaps(compound, way)
            if is_true is not wanted or not self._round(branch, way):
                break
        else:
            if not any(one.end == "break" for one in self._left):
                raise NotParsedError(compound.line)  # nobody knows whether it ends
            self._perhaps(compound, way)
        self._join(way, "break")
        self._left += outer

    def _round(self, branch: ShellBranch, way: _Way) -> bool:
        """Follow one round of a loop, and tell whether there may be another one; ways that leave it wait for its end."""
        self._follow(branch.body, way)
        self._join(way, "continue")
        return not way.end

    def _perhaps(self, compound: Compound, way: _Way) -> None:
        """Follow the body of a loop that may run or not."""
        body = self._forked(compound.branches[0].body, way)
        self._merge(way, [body, way.fork()], compound.line, compound.kind)
        self._join(way, "continue")
        self._join(way, "break")

    def _endless(self, branch: ShellBranch, way: _Way) -> None:
        """Follow a loop without an end, of which each command may be the one that stays."""
        outer, self._is_endless = self._is_endless, True
        self._forked(branch.body, way)
        self._is_endless = outer
        way.end = "over"

    # Ways

    def _forked(self, body: Statements, way: _Way) -> _Way:
        self._ways += 1
        if self._ways > MAX_WAYS:
            raise NotParsedError(body[0].line if body else 1)
        found = way.fork()
        self._follow(body, found)
        return found

    def _merge(self, way: _Way, ways: Sequence[_Way], line: int, asked: str, arithmetic: str | None = None) -> None:
        """Go on where several ways come together; what they leave with different values is lost.

        `arithmetic` is what decides between two of them, where it is a comparison of numbers.
        """
        active = [one for one in ways if not one.end]
        self._left += [one for one in ways if one.end in ("break", "continue", "return")]
        if sum(bool(one.last or one.end == "over") for one in ways) and self._fork is None:
            self._fork = (line, asked)
        if not active:
            way.end = next((one.end for one in ways if one.end != "over"), "over")
            return
        first = active[0]
        for name in list({name: None for one in active for name in (*one.variables, *one.arrays)}):
            values = [(one.variables.get(name), one.arrays.get(name)) for one in active]
            if all(value == values[0] for value in values):
                continue
            both = [value for value, _ in values]
            chosen = _either(arithmetic, both) if len(ways) == len(active) == 2 else None
            if chosen is not None:
                first.set(name, chosen, line)
            else:
                first.lose(name, line)
                if not any(array for _, array in values):
                    first.either[name] = tuple(dict.fromkeys(value or "" for value in both))
        way.variables, way.arrays, way.lost, way.either = first.variables, first.arrays, first.lost, first.either
        if any(one.arguments != first.arguments for one in active):
            first.arguments = None
        if any(one.folder != first.folder for one in active):
            first.problem = f"{self._at(line)} changes the folder under a condition"
        problems = [one.problem for one in active]
        way.arguments, way.folder = first.arguments, first.folder
        way.problem = first.problem if all(problems) or any(one.folder != first.folder for one in active) else way.problem
        way.last = tuple(one for each in active for one in each.last) or way.last
        most = max((one.beside for one in active), key=len)
        if any(one.beside != most[: len(one.beside)] for one in active):
            raise NotParsedError(line)
        way.beside, way.sure = most, min((one.sure for one in active), key=len)
        if len(way.sure) < len(most) and self._fork is None:
            self._fork = (line, asked)

    def _join(self, way: _Way, end: str) -> None:
        """Go on behind a loop or a function, also with the ways that have left it."""
        back = [one for one in self._left if one.end == end]
        self._left = [one for one in self._left if one.end != end]
        if way.end == end:
            way.end = ""
        if not back:
            return
        for one in back:
            one.end = ""
        here = way.fork()
        here.last, here.end = way.last, way.end
        way.end = ""
        self._merge(way, [here, *back], 1, "")

    def _at(self, line: int) -> str:
        return f"{self._path}:{line}" if self._path is not None else f"line {line}"

    # Questions

    def _answer(self, test: Statements, way: _Way) -> bool | None:
        """Return what a condition comes to, None where only a run can tell."""
        return self._asked(test[0], way, is_condition=True) if len(test) == 1 else None

    def _asked(self, statement: Statement, way: _Way, *, is_condition: bool = False) -> bool | None:
        """Return whether a statement succeeds; as a step of a list, what is no question is taken to."""
        if isinstance(statement, ShellList) and not statement.is_background:
            found: bool | None = True
            for operator, one in statement.steps:
                value = self._asked(one, way, is_condition=is_condition)
                if operator == "||":
                    found = True if found or value else None if None in (found, value) else False
                else:
                    found = False if found is False or value is False else None if None in (found, value) else True
            return found
        if not isinstance(statement, ShellCommand) or len(statement.parts) != 1:
            return None if is_condition else True
        words = [word.text for word in statement.words]
        is_negated = words[:1] == ["!"]
        answer = self._ask(words[is_negated:], way, statement.line, is_condition=is_condition)
        return answer if answer is None else answer is not is_negated

    def _ask(self, words: list[str], way: _Way, line: int, *, is_condition: bool) -> bool | None:
        if words[:1] in (["true"], [":"], ["false"]):
            return words[0] != "false"
        if shell_tests.is_test(words):
            return shell_tests.succeeds(self._test_words(words, way, line), lambda path: self._holds(path, way))
        if words[:1] in (["command"], ["type"], ["hash"], ["which"]):
            named = [word for word in words[1:] if not word.startswith("-")]
            return True if named and set(named) <= _EVERYWHERE else None
        return None if is_condition or (words and words[0] in _ASKED) else True

    def _test_words(self, words: Sequence[str], way: _Way, line: int) -> list[str]:
        """Return the words of a test with what is put in; a quoted pattern, which is none, is not known."""
        if words[0] == "((":
            return ["((", *(put_in_names(self._value(word, way, line), way.variables) for word in words[1:])]
        found: list[str] = []
        for word in words:
            fields = self._fields(word, way, line) or ([""] if words[0] == "[[" else [])
            is_pattern = words[0] == "[[" and word[:1] in "'\"" and re.search(r"[*?[]", "".join(fields))
            found += ["$"] if is_pattern else fields
        return found

    def _arithmetic(self, test: Sequence[Statement], way: _Way) -> str | None:
        """Return the comparison of numbers that a condition is."""
        if len(test) != 1 or not isinstance(test[0], ShellCommand) or not test[0].words:
            return None
        words = [word.text for word in test[0].words]
        return shell_tests.as_arithmetic(self._test_words(words, way, test[0].line)) if shell_tests.is_test(words) else None

    def _holds(self, path: str, way: _Way) -> bool:
        inner = self._host._replace(folder=way.folder).inside(path)
        return inner is not None and self._host.read(inner) is not None

    def _is_default(self, test: Statement, body: Sequence[Statement], way: _Way, is_true: bool) -> bool:  # noqa: FBT001
        """Return whether a variable that nothing sets is asked for, and given a value where it is not set."""
        name = self._unset_in(test, way, is_true=is_true)
        return name is not None and all(isinstance(one, ShellCommand) and _sets(one, name) for one in body)

    def _unset_in(self, test: Statement, way: _Way, *, is_true: bool) -> str | None:
        """Return the variable that a test asks for and that nothing sets, None for any other test."""
        if not isinstance(test, ShellCommand) or len(test.parts) != 1 or len(test.words) not in (3, 4):
            return None
        kind, operator, asked = (word.text for word in test.words[:3])
        name = re.fullmatch(r'"?\$\{?([A-Za-z_]\w*)(?:\+\w+)?\}?"?', asked)
        if kind not in ("[", "[[", "test") or operator != ("-z" if is_true else "-n") or name is None:
            return None
        return None if way.has(name[1]) else name[1]

    # Commands

    def _command(self, one: ShellCommand, way: _Way) -> None:
        if any(len(word.text) > MAX_LENGTH for part in one.parts for word in part):
            raise NotParsedError(one.line)
        if len(one.parts) > 1 or not one.words:
            if not all(part[0].text in _ENDS for part in one.parts):
                self._tell(one, way)
            return
        name = self._name(one, way)
        rest = [word.text for word in one.words[1:]]
        match name:
            case _ if _is_setting(one.words):
                self._assign(one, way)
            case "time" if rest:  # a word of the shell, which runs its functions too
                self._command(one._replace(parts=(one.words[1:],)), way)
            case "eval":
                self._evaluate(rest, way, one.line)
            case "pushd" | "popd":
                raise NotParsedError(one.line)
            case ":" | "((" | "let":
                self._calculate(one, way)
            case "unset":
                for word in rest:
                    way.unset(word)
            case "read" | "mapfile" | "readarray" | "getopts":
                for word in rest:
                    if re.fullmatch(r"[A-Za-z_]\w*", word):
                        way.lose(word, one.line)
            case "cd":
                self._change_folder(rest, way, one.line)
            case "shift":
                self._shift(rest, way, one.line)
            case "set":
                if "--" in rest:
                    words = rest[rest.index("--") + 1 :]
                    fields = tuple(self._fields(" ".join(words), way, one.line))
                    way.arguments = fields if sum(map(len, fields)) <= MAX_LENGTH else None
            case "source" | ".":
                self._source(rest, way, one.line)
            case "exit":
                self._exit(rest, way)
            case "return" | "break" | "continue":
                way.end = name
            case "wait":
                way.last = () if way.beside else way.last
            case _ if name in self._functions:
                self._call(name, " ".join(word.text for word in one.words), way, one.line)
            case _ if name not in _ENDS and (name != "exec" or rest):
                self._tell(one, way)

    def _name(self, one: ShellCommand, way: _Way) -> str:
        """Return the program or function that a command names, also by an argument or a variable."""
        text = one.words[0].text
        if text[:1] not in ("$", '"'):
            return text
        fields = self._fields(text, way, one.line)
        return fields[0] if fields else text

    def _tell(self, one: ShellCommand, way: _Way) -> None:
        """Note a command that may stay; behind `exec` it does."""
        if any(_ITSELF.fullmatch(word.text) for part in one.parts for word in part):
            return  # the script starts again, as another user
        if self._is_nothing(one, way):
            return
        text = self._put_in(one.text, way, one.line)
        problem, names = self._problem(text, way)
        either = tuple((name, way.either[name]) for name in names) if all(name in way.either for name in names) else ()
        told = ScriptCommand(text, one.line, dict(way.variables), way.folder, (), problem, either)
        if self._is_left(self._fields(text, way, one.line), way):
            way.leave((told,))
            return
        way.last = (told,)
        if one.words and one.words[0].text == "exec":
            self._finish(way)
        elif self._is_endless:
            self._staying.append(told)

    def _is_nothing(self, one: ShellCommand, way: _Way) -> bool:
        """Return whether a command comes to no word: `exec "$@"` without arguments goes on with what stands behind it."""
        words = [word.text for word in one.words]
        words = words[1:] if words[:1] == ["exec"] else words
        return len(one.parts) == 1 and words == ['"$@"'] and way.arguments == ()

    def _is_left(self, words: Sequence[str], way: _Way) -> bool:
        """Return whether a program goes on in the background by itself."""
        name = posixpath.basename(words[0]) if words else ""
        if name == "supervisord":
            named = [word for word in words[1:] if word.endswith((".conf", ".ini"))]
            inner = self._host._replace(folder=way.folder).inside(named[0]) if named else None
            data = self._host.read(inner) if inner is not None else None
            return data is not None and not {"-n", "--nodaemon"} & {*words} and not _STAYS.search(data[:MAX_BYTES])
        if name in _TERMINALS:
            given = [word for word in words[1:] if _LETTERS.fullmatch(word)]
            return _TERMINALS[name] <= {*"".join(given)}
        return name in _LEAVES and not _LEAVES[name].isdisjoint(words)

    def _problem(self, text: str, way: _Way) -> tuple[str, list[str]]:
        """Return why nobody can tell what a command comes to, and the variables that it hangs on and that a branch sets."""
        if way.problem:
            return way.problem, []
        names = [
            name
            for name in way.lost
            if name in IMPLIED or (re.search(rf"\$\{{?{name}\b", text) is not None and not _HARMLESS.search(name))
        ]
        if not names:
            return "", []
        where = self._at(way.lost[names[0]])
        return f"{where} sets {names[0]} under a condition that is known only at run time", names

    def _exit(self, rest: Sequence[str], way: _Way) -> None:
        if not way.is_fork or not rest or rest[0] in ("0", "$?", '"$?"'):
            self._finish(way)
        way.end = "over"

    def _call(self, name: str, text: str, way: _Way, line: int) -> None:
        self._count_call(line)
        outer = way.arguments
        way.arguments = tuple(self._fields(text, way, line)[1:])
        self._follow(self._functions[name].body, way)
        self._join(way, "return")
        way.arguments = outer

    def _count_call(self, line: int) -> None:
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise NotParsedError(line)

    def _source(self, words: Sequence[str], way: _Way, line: int) -> None:
        """Follow a file whose commands run in this shell; one that is not there may set what a server reads."""
        named = self._fields(" ".join(words[:1]), way, line)
        if not named or SETS_PATH.search(named[0]):
            return
        inner = self._host._replace(folder=way.folder).inside(named[0])
        data = self._host.read(inner) if inner is not None and not is_open(named[0]) else None
        if data is None:
            way.problem = f"it takes the variables that {named[0]} sets, which is not read"
            return
        self._count_call(line)
        if len(data) > MAX_BYTES:
            raise NotParsedError(line)
        self._follow(parse(data.decode("utf-8", "replace")), way)
        self._join(way, "return")

    def _evaluate(self, words: Sequence[str], way: _Way, line: int) -> None:
        """Follow what `eval` comes to.

        The port is a number on any host. What else is known only at run time may export one variable, which is then not
        known; under a name that is not known either, nothing changes. Raises NotParsedError for all else, which may set or
        start more.
        """
        text = _PORT.sub("8000", " ".join(self._fields(" ".join(words), way, line)))
        self._count_call(line)
        if is_open(text):
            parts = [one.text if isinstance(one, ShellWord) else "" for one in split_words(text)]
            name = re.match(r"(?:([A-Za-z_]\w*)|\$(?:\w+|\{\w+\}|\([^()=]*\)))=", parts[-1])
            if len(parts) != 2 or parts[0] != "export" or name is None:
                raise NotParsedError(line)
            if name[1] is not None:
                way.lose(name[1], line)
            return
        self._follow(parse(text), way)

    def _change_folder(self, words: Sequence[str], way: _Way, line: int) -> None:
        fields = self._fields(" ".join(words), way, line)
        below = next((found for text in (*words[:1], *fields) if (found := _from_here(text)) is not None), None)
        way.problem = ""
        if below is not None and self._path is not None:
            inner = self._host._replace(folder=parent(self._path)).inside(below)
        elif len(fields) != 1 or is_open(fields[0]):
            way.problem = f"it changes to {' '.join(words)}, which is known only at run time"
            return
        else:
            inner = self._host._replace(folder=way.folder).inside(fields[0])
        if inner is None:
            way.problem = f"it changes to {' '.join(words)}, which leads out of the repository"
        else:
            way.folder = inner

    def _shift(self, words: Sequence[str], way: _Way, line: int) -> None:
        count = self._fields(words[0], way, line)[:1] if words else ["1"]
        if way.arguments is not None and count and count[0].isdecimal():
            way.arguments = way.arguments[int(count[0]) :]
        else:
            way.arguments = None

    # Variables

    def _assign(self, one: ShellCommand, way: _Way) -> None:
        for word in one.words:
            array, scalar = _ARRAY.fullmatch(word.text), _ASSIGNMENT.fullmatch(word.text)
            if array is not None:
                before = way.arrays.get(array[1], ()) if array[2] == "+=" else ()
                is_lost = array[2] == "+=" and array[1] in way.lost
                elements = (*before, *self._fields(array[3], way, one.line))
                way.set(array[1], " ".join(elements[:1]), one.line)
                if is_lost or sum(map(len, elements)) > MAX_LENGTH:
                    way.lose(array[1], one.line)
                else:
                    way.arrays[array[1]] = elements
            elif scalar is not None and _from_here(scalar[3]) is not None:  # what a later `cd` knows, as it is written
                way.set(scalar[1], scalar[3].strip('"'), one.line)
            elif scalar is not None:
                before_text = way.variables.get(scalar[1], "") if scalar[2] == "+=" else ""
                way.set(scalar[1], before_text + self._value(scalar[3], way, one.line), one.line)
            elif (name := re.match(r"([A-Za-z_]\w*)\[", word.text)) is not None:
                way.lose(name[1], one.line)

    def _calculate(self, one: ShellCommand, way: _Way) -> None:
        """Follow `: ${X:=4}`, and forget what arithmetic changes."""
        if one.words[0].text == ":":
            for word in one.words[1:]:
                default = _DEFAULT.fullmatch(word.text.strip('"'))
                if default is not None and not (
                    way.variables.get(default[1]) or (default[2] == "=" and way.has(default[1]))
                ):
                    way.set(default[1], self._value(default[3], way, one.line), one.line)
            return
        for name in re.findall(r"([A-Za-z_]\w*)\s*(?:[-+*/%]?=(?!=)|\+\+|--)", one.text):
            way.lose(name, one.line)

    def _fields(self, text: str, way: _Way, line: int) -> list[str]:
        """Return the words that a shell makes of a text."""
        found: list[str] = []
        for token in split_words(self._put_in(text, way, line)):
            found += expand(token.text, way.variables, self._host.cpus) if isinstance(token, ShellWord) else [token.text]
        return found

    def _value(self, text: str, way: _Way, line: int) -> str:
        """Return one word with what is put in, which is not split."""
        return " ".join(expand(self._put_in(text, way, line), way.variables, self._host.cpus))

    def _put_in(self, text: str, way: _Way, line: int) -> str:
        """Return a text with the script's arguments and arrays in it."""
        if "$" not in text:
            return text
        return _PUT_IN.sub(lambda match: self._counted(self._put(match, way, line), line), text)

    def _counted(self, text: str, line: int) -> str:
        self._put_size += len(text)
        if self._put_size > MAX_PUT_IN:
            raise NotParsedError(line)
        return text

    def _put(self, match: re.Match[str], way: _Way, line: int) -> str:
        """Return what stands for a reference to arrays or arguments."""
        array = match["each"] or match["perhaps"] or match["all"] or match["joined"] or match["size"] or match["element"]
        if array is not None:
            return _of_array(match, way.arrays.get(array), is_there=way.has(array))
        if way.arguments is None:
            raise _NotFollowedError(line, "takes arguments that are known only at run time")
        if match["quoted"]:
            return shlex.quote(shlex.join(way.arguments))
        instead = match["word"] or match["split"]
        if instead is not None and not way.arguments:
            return _as_word(instead, match[0])
        if match["words"] or match["from"] or match["again"] or instead is not None:
            return shlex.join(way.arguments[int(match["from"] or 1) - 1 :])
        if match["count"]:
            return match[0] if any(map(is_open, way.arguments)) else str(len(way.arguments))
        return _argument(match, way.arguments)


def _of_array(match: re.Match[str], elements: tuple[str, ...] | None, *, is_there: bool) -> str:
    """Return what stands for an array, its length or one of its elements; as it is written where that is not known."""
    if elements is None and is_there:
        return match[0]
    elements = elements or ()
    if match["size"] or match["element"]:
        index = int(match["index"] or len(elements))
        if any(map(is_open, elements[: index + 1])):
            return match[0]
        if match["size"]:
            return str(len(elements))
        return _as_word(elements[index] if index < len(elements) else "", match[0])
    return shlex.quote(" ".join(elements)) if match["joined"] else shlex.join(elements)


def _as_word(value: str, written: str) -> str:
    """Return a value as it stands in a command: where no quotes were around it, the shell splits it.

    A quote on one side alone belongs to what stands on the other.
    """
    before, after = written.startswith('"'), written.endswith('"')
    if before == after:
        return shlex.quote(value) if before else " ".join(map(shlex.quote, value.split()))
    return f'{shlex.quote(value)}"' if before else f'"{shlex.quote(value)}'


def _argument(match: re.Match[str], arguments: Sequence[str]) -> str:
    number = int(match["number"] or match["braced"])
    if any(map(is_open, arguments[: number - 1])):
        return match[0]
    value = arguments[number - 1] if number <= len(arguments) else ""
    if match["default"] is not None and not value:
        value = match["default"]
    value = value.removeprefix("-") if match["dash"] else value[:1] if match["first"] else value
    return _as_word(value, match[0])


MAX_NESTED = 6
"""Commands inside of each other that tell a folder by the place of a script."""


def _from_here(text: str) -> str | None:
    """Return the folder that a text names by the place of its script, as a path from the script's own folder."""
    if "$" not in text or len(text) > MAX_LENGTH:
        return None
    place = _OWN_NAME.sub("\0", text.replace('"', "").replace("\0", ""))
    for _ in range(MAX_NESTED):
        before = place
        place = _ITS_FOLDER.sub(lambda match: f"{match[1] or chr(0)}/..", place)
        place = _SAME_PLACE.sub(lambda match: match[1] or match[2], place)
        if place == before:
            break
    inside, below = place[:4], place[4:].strip("/")
    return (below or ".") if inside == "\0/.." and not is_open(below) else None


def _either(arithmetic: str | None, values: Sequence[str | None]) -> str | None:
    """Return as arithmetic what two ways leave of a variable, where CPUs decide between them or are what they leave."""
    if arithmetic is None or not all(value is not None and _is_count(value) for value in values):
        return None
    left, right = (as_operand(value or "") for value in values)
    text = f"$(({arithmetic} ? {left} : {right}))".replace(" ", "")
    return text if CPU_COUNT.search(text) else None


def _is_count(value: str) -> bool:
    return value.isdecimal() or CPU_COUNT.search(value) is not None


def _is_setting(part: Sequence[ShellWord]) -> bool:
    """Return whether words only set variables."""
    return bool(part) and (
        part[0].text in _SETS
        or all(_ASSIGNMENT.fullmatch(word.text) or re.match(r"[A-Za-z_]\w*\[\w*\]\+?=", word.text) for word in part)
    )


def _sets(one: ShellCommand, name: str) -> bool:
    """Return whether a command gives a value to one variable and does nothing else."""
    words = [word.text for word in one.words if word.text not in _SETS]
    return len(one.parts) == 1 and len(words) == 1 and words[0].startswith(f"{name}=")


def _is_question(statement: Statement) -> bool:
    """Return whether a statement only asks something."""
    return isinstance(statement, ShellCommand) and shell_tests.is_test([word.text for word in statement.words[:1]])


def _is_sure(statement: Statement) -> bool:
    """Return whether a statement is a question, or one that always succeeds."""
    if not isinstance(statement, ShellCommand):
        return True
    name = statement.words[0].text if statement.words else ":"
    return name in _ENDS - _ACTS or name in ("cd", "source", ".") or _is_setting(statement.words)


def _text_of(statement: Statement) -> str:
    return statement.text if isinstance(statement, ShellCommand) else "what runs before"


def _is_constant(test: Statements) -> bool:
    """Return whether the test of a loop is always true."""
    if len(test) != 1 or not isinstance(test[0], ShellCommand):
        return False
    return [word.text for word in test[0].words] in (["true"], [":"], ["[", "1", "]"])


def _breaks(body: Statements) -> bool:
    """Return whether a loop may be left."""
    waiting: list[Statement] = list(body)
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, Compound):
            waiting += [one for branch in statement.branches for one in branch.body]
        elif isinstance(statement, ShellList):
            waiting += [one for _, one in statement.steps]
        elif isinstance(statement, ShellCommand) and any(part[0].text in ("break", "exit") for part in statement.parts):
            return True
    return False
