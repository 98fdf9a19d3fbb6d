"""Tasks that a start command names: `make run`, `pdm run serve`, `poe web`, `npm start`, and the commands they stand for.

Facts: the documentation of PDM 2.26 (user scripts), Hatch 1.16 (environment scripts), Pipenv 2026 (`[scripts]`), Rye, Pixi
0.59 (tasks), poethepoet 0.37, taskipy 1.14, npm 11 (scripts), and of GNU make 4.4. What a task runs first is taken to end.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from memguard_hooks.deployment.start import Host
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.typed import table
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

MAX_BYTES = 2**16
"""A file of tasks is a screen or two."""

MAX_DEPTH = 3
"""Tasks that name tasks."""

MAX_CHAIN = 30
"""Targets of which each only needs the next one."""

PYPROJECT = "pyproject.toml"


class Runner(Record):
    """Where a program finds its tasks: files and the keys of their tables; `verb` is the word before a task, if any."""

    places: tuple[tuple[str, tuple[str, ...]], ...]
    verb: str = "run"


_POE = Runner(((PYPROJECT, ("tool", "poe", "tasks")),), "")
_NPM = Runner((("package.json", ("scripts",)),))

RUNNERS = {
    "pdm": Runner(((PYPROJECT, ("tool", "pdm", "scripts")),)),
    "hatch": Runner(((PYPROJECT, ("tool", "hatch", "envs")), ("hatch.toml", ("envs",)))),
    "pipenv": Runner((("Pipfile", ("scripts",)),)),
    "rye": Runner(((PYPROJECT, ("tool", "rye", "scripts")),)),
    "pixi": Runner((("pixi.toml", ("tasks",)), (PYPROJECT, ("tool", "pixi", "tasks")))),
    "poe": _POE,
    "task": Runner(((PYPROJECT, ("tool", "taskipy", "tasks")),), ""),
    "npm": _NPM,
    "yarn": _NPM,
    "pnpm": _NPM,
    "bun": _NPM,
}

_ENVIRONMENTS = frozenset({"-e", "--env", "--environment"})
_FOLDERS = frozenset({"-C", "--root", "--prefix", "--cwd", "--dir", "-p", "--project"})
_VALUED = _ENVIRONMENTS | _FOLDERS

_MAKE_VALUED = frozenset({"-f", "-C", "-j", "-I", "-l", "-o", "-W", "--file", "--makefile", "--directory", "--jobs"})
_RULE = late_pattern(r"([^\s:=#][^:=#]*)::?(?!=)(.*)")
_SETTING = late_pattern(r"(?:export[ \t]+)?([A-Za-z_][\w.]*)[ \t]*(::?|\?)?=[ \t]*(.*)")
_REFERENCE = late_pattern(r"\$(?:\$|\(([\w.]+)\)|\{([\w.]+)\})")
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")


class Task(Record):
    """What a task comes to: a command for a shell and where it runs, or a function of Python, `pkg.mod:function`."""

    command: str = ""
    call: str = ""
    folder: str = ""


def find(words: Sequence[str], host: Host) -> Task | None:
    """Return what the task comes to that a command names, None where it names none."""
    program = words[0].rpartition("/")[2] if words else ""
    if program == "make":
        return _made(words[1:], host)
    runner = RUNNERS.get(program)
    if runner is None:
        return None
    environment, rest = _behind_options(runner, words[1:])
    if environment is None or not rest:
        return None
    name, *arguments = rest
    if program == "hatch":
        environment, _, name = name.rpartition(":") if ":" in name else (environment, "", name)
    for file, keys in runner.places:
        tasks = table(_document(file, host), *keys)
        if program == "hatch":
            tasks = {**table(tasks, "default", "scripts"), **table(tasks, environment or "default", "scripts")}
        if name in tasks:
            return _read(tasks, name, [one for one in arguments if one != "--"], is_list_of_words=program == "rye")
    return None


def _behind_options(runner: Runner, words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the environment that options name and the words from the task on; None where it is no task of this folder."""
    environment, rest = "", [*words]
    has_verb = not runner.verb or (runner is _NPM and words[:1] == ["start"])
    while rest:
        if rest[0].startswith("-"):
            option, has_value, value = rest.pop(0).partition("=")
            if not has_value and option in _VALUED:
                value = rest.pop(0) if rest else ""
            if option in _FOLDERS:
                return None, []
            environment = value if option in _ENVIRONMENTS else environment
        elif not has_verb and rest[0] == runner.verb:
            has_verb = True
            rest.pop(0)
        else:
            break
    return environment if has_verb else None, rest


def _document(path: str, host: Host) -> object:
    from memguard_hooks.formats import json_document, toml_document

    text = host.read_text(path)
    if text is None or len(text) > MAX_BYTES:
        return None
    try:
        return (json_document if path.endswith(".json") else toml_document).parse(text.encode(), path).data
    except MemguardError:
        return None


def _read(
    tasks: Mapping[str, object], name: str, arguments: Sequence[str], *, is_list_of_words: bool, depth: int = 0
) -> Task | None:
    """Return a task as TOML and JSON write it: a command, a list of commands or words, or a table of one of these."""
    value, folder = tasks[name], ""
    if isinstance(value, dict):
        written = value.get("cwd", value.get("working_dir"))
        folder = written if isinstance(written, str) else ""
        call = value.get("call", value.get("script"))
        if isinstance(call, str):
            return Task(call=call.partition("(")[0], folder=folder)
        key = next((key for key in ("cmd", "shell", "chain", "sequence", "composite") if key in value), "")
        value, is_list_of_words = value.get(key), key in ("cmd", "shell")
    if isinstance(value, list):
        words = [one for one in value if isinstance(one, str)]
        value = shlex.join(words) if is_list_of_words else "\n".join(_step(tasks, one, depth) for one in words)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_BYTES:
        return None
    given = shlex.join(arguments)
    text = value.replace("{args}", given) if "{args}" in value else f"{value.strip()} {given}"
    return Task(text.strip(), folder=folder)


def _step(tasks: Mapping[str, object], text: str, depth: int) -> str:
    """Return what one command of a list comes to, which may be the name of another task."""
    if text not in tasks or depth > MAX_DEPTH:
        return text
    found = _read(tasks, text, (), is_list_of_words=False, depth=depth + 1)
    return found.command if found is not None and not found.folder else text


def _made(words: Sequence[str], host: Host) -> Task | None:
    """Return the recipe of a target, with the variables that the file and the command line set."""
    rest, targets, file, folder = [*words], [], "", ""
    given: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        if word.startswith("-"):
            if not has_value and name in _MAKE_VALUED:
                value = rest.pop(0) if rest else ""
            file = value if name in ("-f", "--file", "--makefile") else file
            folder = value if name in ("-C", "--directory") else folder
        elif has_value:
            given[name] = value
        else:
            targets.append(word)
    inner = host.inside(folder)
    if inner is None:
        return None
    there = host._replace(folder=inner)
    texts = (there.read_text(name) for name in ((file,) if file else _MAKEFILES))
    text = next((text for text in texts if text is not None and len(text) <= MAX_BYTES), None)
    if text is None:
        return None
    makefile = _Makefile(text, {**host.variables, **given}, given)
    lines = [line for target in targets or makefile.first for line in makefile.recipe(target)]
    return Task("\n".join(lines), folder=folder) if lines else None


class _Makefile:
    """The rules and variables of a makefile; conditions of make itself are taken to hold."""

    def __init__(self, text: str, variables: dict[str, str], given: dict[str, str]) -> None:
        self._rules: dict[str, tuple[list[str], list[str]]] = {}
        self._variables = {**variables, "MAKE": "make"}
        self.first: list[str] = []
        recipe: list[str] = []
        for line in re.sub(r"\\\n[ \t]*", " ", text).splitlines():
            if line.startswith("\t"):
                recipe.append(line.strip().lstrip("@-+ "))
                continue
            setting, rule = _SETTING.fullmatch(line.strip()), _RULE.fullmatch(line)
            if setting is not None:
                if setting[1] not in given and not (setting[2] == "?" and setting[1] in self._variables):
                    self._variables[setting[1]] = re.split(r"[ \t]#", setting[3], maxsplit=1)[0].rstrip(" \t")
            elif rule is not None and not line.startswith((".PHONY", "include ")):
                recipe = []
                needed, _, command = rule[2].partition(";")
                recipe += [command.strip()] if command.strip() else []
                for name in rule[1].split():
                    before, _ = self._rules.get(name, ([], []))
                    self._rules[name] = ([*before, *needed.partition("#")[0].split()], recipe)
                self.first = self.first or [rule[1].split()[0]]

    def recipe(self, target: str, depth: int = 0) -> list[str]:
        """Return the commands of a target; of one without any, those of what it needs last."""
        needed, lines = self._rules.get(target, ([], []))
        if not lines and needed and depth < MAX_CHAIN:
            return self.recipe(self._put_in(needed[-1]), depth + 1)
        return [self._put_in(line) for line in lines if line]

    def _put_in(self, text: str) -> str:
        """Return a text with the variables of make in it; those that nothing sets are empty, as make has it."""
        for _ in range(4):
            expanded = _REFERENCE.sub(self._value, text)
            if expanded == text or len(expanded) > MAX_BYTES:
                break
            text = expanded
        return text.replace("\0", "$")

    def _value(self, match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return "\0" if name is None else self._variables.get(name, "")
