"""Start commands: which file they load, in how many processes, and how these are made.

A command is read as a shell would run it: the last command of a list stays, those before it run first. Wrappers,
shells in shells and start scripts are followed, and the program that is left tells how it starts the app.
"""

from __future__ import annotations

import re
from itertools import islice, product

from memguard_hooks.deployment.servers import FOREIGN, is_known, read_program
from memguard_hooks.deployment.start import (
    MAX_COMBINATIONS,
    MAX_DEPTH,
    MAX_TOGETHER,
    MAX_WAYS,
    SMALL,
    EntryPoint,
    Host,
    Start,
    StartCommand,
    all_known,
    parse_entrypoint,
    together,
    unknown,
)
from memguard_hooks.deployment.wrappers import AGENTS, STAYING, unwrap
from memguard_hooks.formats.shell_words import MAX_EXPANDED, Operator, ShellError, ShellWord, expand, split_words
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Sequence

    from memguard_hooks.deployment.start_script import ScriptCommand
    from memguard_hooks.deployment.task_runners import Task

__all__ = ["MAX_LENGTH", "EntryPoint", "Host", "Start", "StartCommand", "parse", "parse_entrypoint"]

MAX_LENGTH = 2**13
"""A command is a line; what is far longer is none, and slow to read."""

_PROGRAM = "shell program of several commands"

_KEYWORDS = frozenset({"if", "for", "while", "until", "case", "select", "function", "{", "!", "[[", "eval", "trap"})

_FILTERS = frozenset({"tee", "cat", "ts", "logger", "sed", "grep", "awk", "rotatelogs", "cronolog", "yes", "echo", "printf"})
"""Programs that stand before or behind another in a pipe and load no app."""

_RUN_TASKS = frozenset({"make", "pdm", "hatch", "pipenv", "rye", "pixi", "poe", "task", "npm", "yarn", "pnpm", "bun"})

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})

_FOR_SHELL = late_pattern(rb"#![ \t]*/\S*?(?:/env[ \t]+)?(?:-S[ \t]+)?(?:ba|da|a|z)?sh\b")
"""The first line of a script that says which shell reads it."""

_ASSIGNMENT = late_pattern(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)

_LOOKED_UP = late_pattern(r"^(\"?)\$\(\s*(?:command -v|which|type -P) ([\w.+-]+)\s*\)(\"?)$")
"""A word that is the path of a program, which a shell looks up."""


def parse(command: str, host: Host, folder: str | None = None) -> StartCommand:
    """Read a start command as a shell would run it, in the working folder of the host, or in another one."""
    if len(command) > MAX_LENGTH:
        return unknown(f"the command is longer than {MAX_LENGTH // 1024} KiB")
    if host.is_beyond_bounds:
        return unknown(f"commands are nested more than {MAX_DEPTH} deep, or are more than {MAX_WAYS}")
    variables = dict(host.variables)
    if host.concurrency is not None:
        variables.setdefault("WEB_CONCURRENCY", str(host.concurrency))
    host = host._replace(variables=variables, depth=host.depth + 1)
    host = host if folder is None else host._replace(folder=folder)
    try:
        steps = _read_steps(command)
        return _shell_program(command.encode(), (), host) if steps is None else _run_steps(steps, host)
    except ShellError as error:
        return unknown(f"the command does not parse: {error}")


def _read_steps(command: str) -> list[list[str]] | None:
    """Return the words of each command of a list, or None for what branches, loops or leaves one in the background."""
    steps: list[list[str]] = []
    pipe: list[list[str]] = [[]]
    is_alternative = is_target = has_test = False
    for token in [*split_words(command), Operator(";")]:
        if isinstance(token, ShellWord):
            if not is_target and not is_alternative:  # behind || stands what runs where the first one fails
                pipe[-1].append(token.text)
            is_target = False
        elif token.text in {"(", ")", "<<", "<<<", ";;", "&"}:
            return None
        elif token.text == "|":
            pipe.append([])
        elif token.is_redirection:
            is_target = True
        else:
            kept = [words for words in pipe if words and (len(pipe) == 1 or _name(words) not in _FILTERS)]
            if len(kept) > 1 or any(words[0] in _KEYWORDS for words in kept):
                return None
            has_test = has_test or any(words[0] in {"[", "test"} for words in kept)
            is_alternative = token.text == "||"
            if is_alternative and has_test:
                return None
            has_test = has_test and token.text == "&&"
            if kept and kept[0] != ["wait"]:
                steps.append(kept[0])
            pipe = [[]]
    return steps


def _name(words: Sequence[str]) -> str:
    return words[0].rpartition("/")[2]


def _run_steps(steps: Sequence[Sequence[str]], host: Host) -> StartCommand:
    """Follow the commands of a list to the last, which stays."""
    variables = dict(host.variables)
    unread = None
    words: list[str] = []
    for step in steps:
        words = [
            word
            for text in step
            for word in expand(_LOOKED_UP.sub(r"\2", text) if "$(" in text else text, variables, host.cpus)
        ]
        if sum(map(len, words)) > MAX_EXPANDED:
            raise ShellError("it grows too long with the variables that are known")
        if words and words[0] in ("export", "declare", "readonly"):
            words = [word for word in words[1:] if "=" in word]
        matches = [_ASSIGNMENT.fullmatch(word) if "=" in word else None for word in words]
        if words and all(matches):
            variables.update((match[1], match[2]) for match in matches if match is not None)
        elif words[:1] == ["unset"]:
            for name in words[1:]:
                variables.pop(name, None)
        elif words[:1] == ["cd"]:
            if any(char in "".join(words) for char in "$`"):
                return unknown(f"it changes to {' '.join(words[1:])}, which is known only at run time")
            inner = host.inside(words[1] if len(words) > 1 else "~")
            if inner is None or len(words) != 2:
                return unknown(f"it changes to {' '.join(words[1:])}, which leads out of the repository")
            host = host._replace(folder=inner)
        elif words and words[0] in ("source", ".") and len(words) > 1:
            from memguard_hooks.deployment.start_script import SETS_PATH

            unread = unread if SETS_PATH.search(words[1]) else words[1]
    started = _run(words, host._replace(variables=variables))
    if unread is not None and started.workers is not None:
        return unknown(f"it takes the variables that {unread} sets, which is not read", started.entrypoint, started.program)
    return started


def _run(words: list[str], host: Host) -> StartCommand:
    """Read a simple command, behind the variables and the wrappers that stand before it."""
    variables = dict(host.variables)
    while True:
        while words and "=" in words[0] and (match := _ASSIGNMENT.fullmatch(words[0])) is not None:
            variables[match[1]] = match[2]
            words = words[1:]
        there = host._replace(variables=variables)
        program = _name(words) if words else ""
        if program in _RUN_TASKS:
            from memguard_hooks.deployment import task_runners

            task = task_runners.find(words, there)
            if task is not None:
                return _staying(program, _run_task(program, task, there))
        if len(words) == 1 and " " in words[0] and there.read_text(words[0]) is None:
            return parse(words[0], there)  # a whole command that somebody has quoted
        inner = unwrap(words)
        if inner is None:
            return _run_program(words, there) if words else unknown("the command is empty")
        if inner.reason is not None:
            return unknown(inner.reason, program=program if program in FOREIGN else "")
        changed = host.inside(inner.folder)
        if changed is None:
            return unknown(f"it changes to {inner.folder}, which leads out of the repository")
        words, host = list(inner.words), host._replace(folder=changed)
        if program in AGENTS:
            started = _run(words, host._replace(variables=variables))
            return started._replace(agents=(program, *started.agents), ways=())
        if program in STAYING:
            return _staying(program, _run(words, host._replace(variables=variables)))


def _staying(program: str, started: StartCommand) -> StartCommand:
    """Return a start, and each of which one runs, with the program around it where that stays."""
    if program not in STAYING:
        return started
    ways = tuple(_staying(program, way) for way in started.ways)
    return started._replace(under=(STAYING[program], *started.under), ways=ways)


def _run_program(words: list[str], host: Host) -> StartCommand:
    """Read a command without wrappers: a shell, a script for one, or another program."""
    is_read = _name(words) in _SHELLS and len(words) > 1
    if is_read:
        options = [word for word in words[1:] if word.startswith("-")]
        at = 1
        while at < len(words) and words[at].startswith("-"):
            if re.fullmatch(r"-[a-z]*c", words[at]) and at + 1 < len(words):
                arguments = words[at + 3 :]  # behind the name that the shell takes for itself
                return _shell_program(words[at + 1].encode(), arguments, host) if arguments else parse(words[at + 1], host)
            at += 2 if words[at] in ("-o", "--rcfile", "--init-file") else 1
        if at == len(words):
            return unknown(f"{_name(words)} is given no command with {' '.join(options)}")
        words = words[at:]
    path = host.program(words[0]) or host.inside(words[0])
    if path is not None and (is_read or host.program(words[0]) or "/" in words[0] or words[0].endswith((".sh", ".bash"))):
        data = host.read(path)
        if data is not None and (is_read or words[0].endswith((".sh", ".bash")) or _FOR_SHELL.match(data)):
            return _script(data, path, words[1:], host)
    started = read_program(words, host, parse)._replace(variables=tuple(host.variables.items()))
    given = words[words.index("--") + 1 :] if "--" in words else []
    if given and started.entrypoint is not None and not started.program and _is_command(given, host):
        # A script of the project's own that is given a command, as supervisors are: both run.
        command = parse(_line(given), host)
        if command.entrypoint is None and command.program not in FOREIGN | SMALL:
            return command._replace(beside=(*command.beside, started))
        return together([command, started])
    return started


def _line(words: Sequence[str]) -> str:
    import shlex

    return shlex.join(words)


def _is_command(words: Sequence[str], host: Host) -> bool:
    """Return whether words start with what can be run by itself: a program that is known, or a script of the repository."""
    name = _name(words)
    if name in _SHELLS or name in _RUN_TASKS or is_known(name, host) or unwrap(words) is not None:
        return True
    path = host.program(words[0]) or host.inside(words[0])
    data = host.read(path) if path is not None else None
    if data is None:
        return False
    return data.startswith(b"#!") or name.endswith((".sh", ".bash")) or ("/" in words[0] and name.endswith(".py"))


def _run_task(program: str, task: Task, host: Host) -> StartCommand:
    """Read what a task comes to, in its folder; one of a program of another language may start Python all the same."""
    folder = host.inside(task.folder)
    if folder is None:
        return unknown(f"{program} changes to {task.folder}, which leads out of the repository")
    if task.call:
        there = host._replace(folder=folder, console_scripts={program: task.call})
        return read_program([program], there, parse)
    found = parse(task.command, host, folder)
    return found._replace(program=program) if found.entrypoint is None and program in FOREIGN else found


def _script(data: bytes, path: str, arguments: Sequence[str], host: Host) -> StartCommand:
    """Read what a start script ends in; one that calls itself with other arguments may go another way there."""
    called = "\0".join((path, *arguments))
    if called in host.scripts:
        return unknown(f"{path} calls itself")
    host = host._replace(scripts=(*host.scripts, called))
    return _shell_program(data, arguments, host, path)


def _shell_program(data: bytes, arguments: Sequence[str], host: Host, path: str | None = None) -> StartCommand:
    """Read what a script, or a command that is one, comes to: its one command that stays."""
    from memguard_hooks.deployment import start_script

    script = start_script.read(data, arguments, host, path)
    if isinstance(script, start_script.ScriptProgram):
        where = f"{path}:{script.line}" if path is not None else "the command"
        return unknown(f"{where} {script.reason or f'is a {_PROGRAM}'}")
    if not script.commands:
        given = f"the arguments {_line(arguments)}" if arguments else "no arguments"
        return unknown("the command is empty" if path is None else f"{path} starts nothing that stays with {given}")
    commands = script.commands[:MAX_DEPTH]
    first, *others = [_run_together(one, host.one_of(len(commands))) for one in commands]
    if all(_is_same(other, first) for other in others):
        alike = (one for one in first.variables if all(one in other.variables for other in others))
        return first._replace(variables=tuple(alike))
    line, asked = script.fork or (script.line, "several")
    entrypoint = first.entrypoint if all(other.entrypoint == first.entrypoint for other in others) else None
    where = f"{path}:{line}" if path is not None else f"the command, line {line}"
    reason = f"{where} decides by `{asked}` what runs, which is known only at run time"
    is_whole = len(commands) == len(script.commands)
    return unknown(reason, entrypoint)._replace(ways=all_known(first, *others) if is_whole else ())


def _run_together(command: ScriptCommand, host: Host) -> StartCommand:
    """Read a command of a script, and those that run beside it."""
    commands = (command, *command.beside[:MAX_TOGETHER])  # one too many for `together`, which says so
    return together([_run_of_script(one, host.one_of(len(commands))) for one in commands])


def _run_of_script(command: ScriptCommand, host: Host) -> StartCommand:
    if not command.problem:
        return parse(command.text, host._replace(variables=command.variables), command.folder)
    ways = list(islice(product(*(values for _, values in command.either)), MAX_COMBINATIONS + 1)) if command.either else []
    found: list[StartCommand] = []
    host = host.one_of(len(ways))
    for values in ways if len(ways) <= MAX_COMBINATIONS else ():
        given = dict(zip((name for name, _ in command.either), values, strict=True))
        there = host._replace(variables={**command.variables, **given})
        found.append(parse(command.text, there, command.folder))
    is_same = bool(found) and all(_is_same(one, found[0]) for one in found)
    return (
        found[0] if is_same and found[0].workers is not None else unknown(command.problem)._replace(ways=all_known(*found))
    )


def _is_same(one: StartCommand, other: StartCommand) -> bool:
    """Return whether two commands start the same, whatever else they are told, such as an address."""
    return one._replace(words=(), variables=()) == other._replace(words=(), variables=())
