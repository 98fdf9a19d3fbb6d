"""Commands that install packages: `pip install`, `uv pip install`, `uv sync`, `poetry install` and their like.

Source: the references of pip, uv, Poetry, PDM and pipenv. A command is one text, as a Dockerfile's RUN or a
build command has it; shell words are told apart, and nothing is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies.identity import identify
from memguard_hooks.dependencies.requirement import Requirement
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.position import Place
from memguard_hooks.formats.shell_words import Operator, ShellError, ShellWord, split_words, substitutions, unquote
from memguard_hooks.record import Record

MAX_LENGTH = 2**16
"""Characters of a command."""

MAX_SHELLS = 3
"""Shells inside shells (`sh -c "sh -c …"`)."""

SHELLS = frozenset({"ash", "bash", "dash", "sh", "zsh"})


class InstallArguments(Record):
    """What one command installs.

    `files` are requirements files, `constraints` those of `-c`, and `editable` local projects, all as they are
    written; `extras` and `groups` are those of the project that are asked for, where the tool installs it, and
    `without` the groups that are left out, `*` where those are that the tool installs by default.
    `brings_dependencies` is False under `--no-deps`, and `upgrades` True where newer versions replace what is there.
    """

    tool: str
    place: Place
    requirements: tuple[Requirement, ...] = ()
    files: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    editable: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    brings_dependencies: bool = True
    upgrades: bool = False
    skipped: tuple[Skipped, ...] = ()


class InstallWord(Record):
    """One word of a command without its quotes, the offset at which it starts, behind a quote, and the commands in it."""

    text: str
    start: int
    commands: tuple[ShellWord, ...] = ()


def read_commands(text: str) -> Iterator[list[InstallWord]]:
    """Yield the simple commands of a text, each as its words.

    A redirection that touches a word belongs to it: who writes `a>=1` without quotes means no file.
    """
    words: list[InstallWord] = []
    end = -1
    try:
        for token in split_words(text[:MAX_LENGTH]):
            if isinstance(token, Operator) and not token.is_redirection:
                if words:
                    yield words
                words = []
                continue
            if token.start == end and words:
                words[-1] = words[-1]._replace(text=words[-1].text + unquote(token.text))
            else:
                commands = tuple(ShellWord(one.text, token.start + one.start) for one in substitutions(token.text))
                words.append(InstallWord(unquote(token.text), token.start + (token.text[0] in "'\""), commands))
            end = token.start + len(token.text)
    except ShellError:
        pass  # what stands before a quote that nothing closes is read
    if words:
        yield words


def read_installs(text: str, path: str, place: Callable[[int], Place]) -> tuple[InstallArguments, ...]:
    """Return what the commands of a text install; `place` tells where a character of it stands in its file.

    A requirement that does not parse, or is filled in by the shell, is Skipped with its reason, and so is what is too long.
    """
    found: list[InstallArguments] = []
    if len(text) > MAX_LENGTH:
        reason = f"is not read behind {MAX_LENGTH // 2**10} KiB of one command: what it installs there is not known"
        found.append(InstallArguments("", place(0), skipped=(Skipped(path, place(0).line, reason),)))
    for command in read_programs(text):
        written = " ".join([command[0].text.rpartition("/")[2], *(word.text for word in command[1:])]) + " "
        for tool, pattern in _TOOLS.items():
            match = re.match(pattern, written)
            if match:
                found.append(_InstallReader(tool, path, place).read(command[0], command[match[0].count(" ") :]))
                break
    return tuple(found)


def read_programs(text: str, depth: int = 0) -> Iterator[list[InstallWord]]:
    """Yield the commands of a text from the program on; `sh -c TEXT` and `$(TEXT)` are those in it, where they stand."""
    for words in read_commands(text):
        skip = next((index for index, word in enumerate(words) if not re.match(_BEFORE, word.text)), len(words))
        command = words[skip:]
        given: list[InstallWord | ShellWord] = [*_texts_for_shell(command)] if depth < MAX_SHELLS else []
        if command and not given:
            yield command
        if depth < MAX_SHELLS:
            given += [command for word in words for command in word.commands]
        for outer in given:
            for inner in read_programs(outer.text, depth + 1):
                yield [word._replace(start=outer.start + word.start) for word in inner]


def _texts_for_shell(command: list[InstallWord]) -> list[InstallWord]:
    """Return what `sh -c` is given to run, nothing of any other command."""
    if not command or command[0].text.rpartition("/")[2] not in SHELLS:
        return []
    return [text for word, text in pairwise(command[1:]) if re.fullmatch(r"-[A-Za-z]*c", word.text)][:1]


_BEFORE = r"\w+=|(?:sudo|exec|time|env|then|do|else|if|!)$|--"
"""What may stand before a command: settings of variables, words of the shell, options of RUN."""

_PYTHON = r"(?:python[\d.]*(?: -[IsSEu]+)* -m )"
_TOOLS = {
    "uv pip": r"uv (?:-\S+ )*pip install |uv (?:-\S+ )*pip sync ",
    "pip": rf"(?:{_PYTHON}?pip[\d.]* (?:-\S+ )*(?:install|wheel|download) )",
    "uv": r"uv (?:-\S+ )*(?:sync|add) ",
    "poetry": rf"{_PYTHON}?poetry (?:-\S+ )*(?:install|sync|add) ",
    "pdm": rf"{_PYTHON}?pdm (?:-\S+ )*(?:install|sync|add) ",
    "pipenv": rf"{_PYTHON}?pipenv (?:-\S+ )*(?:install|sync) ",
    "conda": r"(?:conda|mamba|micromamba) (?:env )?(?:-\S+ )*(?:create|install|update) ",
}
"""Each tool, and how a command of it that installs starts."""

_WITH_VALUE = frozenset({
    "--abi", "--all-releases", "--allow-insecure-host", "-b", "--bounds", "--branch", "--build-constraint",
    "--build-constraints", "-C", "-c", "--cache-dir", "--categories", "--cert", "--channel", "--client-cert", "--color",
    "--config-file", "--config-setting", "--config-settings", "--config-settings-package", "--constraint",
    "--constraints", "--default-index", "--default-timeout", "--dest", "--directory", "-E", "-e", "--editable",
    "--exclude-newer", "--exclude-newer-package", "--excludes", "--exists-action", "--extra", "--extra-index-url",
    "--extra-pip-args", "--extras", "-f", "--file", "--find-links", "--fork-strategy", "-G", "--global-option",
    "--group", "-i", "--implementation", "--index", "--index-strategy", "--index-url", "--install-option", "-k",
    "--keyring-provider", "-L", "--link-mode", "--local-log", "--lockfile", "--log", "--log-file", "-m", "--marker",
    "--markers", "-n", "--name", "--no-binary", "--no-binary-package", "--no-build-isolation-package",
    "--no-build-package", "--no-editable-package", "--no-extra", "--no-group", "--no-install-package",
    "--no-sources-package", "--only", "--only-binary", "--only-final", "--only-group", "--output-format", "--override",
    "--overrides", "-P", "-p", "--package", "--platform", "--prefix", "--prerelease", "--prerelease-package",
    "--progress-bar", "--project", "--proxy", "--pypi-mirror", "--pypi-url", "--python", "--python-platform",
    "--python-preference", "--python-version", "-r", "--refresh-package", "--reinstall-package", "--report",
    "--requirement", "--requirements", "--requirements-from-script", "--resolution", "--resolver", "--resume-retries",
    "--retries", "--rev", "--root", "--root-user-action", "--script", "--skip", "--source", "--source-dir",
    "--source-directory", "--src", "-t", "--tag", "--target", "--timeout", "--torch-backend", "--trusted-host",
    "--upgrade-group", "--upgrade-package", "--upgrade-strategy", "--uploaded-prior-to", "--use-deprecated",
    "--use-feature", "--venv", "-w", "--wheel-dir", "--with", "--without",
})  # fmt: skip
"""Options that take the next word as their value."""

_LISTS = {
    "--extra": "extras", "--extras": "extras", "-E": "extras", "--group": "groups", "--with": "groups", "-G": "groups",
    "--only": "groups", "--only-group": "groups", "--without": "without", "--no-group": "without",
    "--index-url": "indexes", "-i": "indexes", "--extra-index-url": "indexes", "--index": "indexes",
    "--default-index": "indexes", "-r": "files", "--requirement": "files", "--requirements": "files",
    "-c": "constraints", "--constraint": "constraints", "--constraints": "constraints", "--file": "files",
}  # fmt: skip
"""Options whose values are told, and where."""

_FLAGS = {
    "--dev": ("groups", "dev"), "-d": ("groups", "dev"), "--no-dev": ("without", "dev"), "--all-extras": ("extras", "*"),
    "--all-groups": ("groups", "*"), "--prod": ("without", "dev"), "--production": ("without", "dev"),
    "--only-dev": ("groups", "dev"), "--no-default-groups": ("without", "*"),
}  # fmt: skip


class _InstallReader:
    """Collects what the arguments of one command say."""

    def __init__(self, tool: str, path: str, place: Callable[[int], Place]) -> None:
        self._tool = tool
        self._path = path
        self._place = place
        self._lists: dict[str, list[str]] = {}
        self._requirements: list[Requirement] = []
        self._skipped: list[Skipped] = []
        self._brings = True
        self._upgrades = False

    def read(self, first: InstallWord, arguments: list[InstallWord]) -> InstallArguments:
        waiting = iter(arguments)
        for word in waiting:
            if word.text == "--":
                continue
            if word.text.startswith("-") and len(word.text) > 1:
                name, value = self._option(word)
                if value is None and (name in _WITH_VALUE or (name == "-d" and self._tool == "pip")):
                    value = next(waiting, None)
                self._take(name, value)
            elif redirection := re.match(r"\d*&?[<>]{1,2}", word.text):
                if redirection.end() == len(word.text):
                    next(waiting, None)
            elif word.text == "." or (self._tool == "uv pip" and word.text.endswith((".txt", ".in"))):
                self._lists.setdefault("editable" if word.text == "." else "files", []).append(word.text)
            elif word.text:
                self._requirement(word, is_editable=False)
        return InstallArguments(
            self._tool,
            self._place(first.start),
            tuple(self._requirements),
            files=self._told("files"),
            constraints=self._told("constraints"),
            editable=self._told("editable"),
            extras=self._told("extras"),
            groups=self._told("groups"),
            without=self._told("without"),
            indexes=self._told("indexes"),
            brings_dependencies=self._brings,
            upgrades=self._upgrades,
            skipped=tuple(self._skipped),
        )

    def _told(self, kind: str) -> tuple[str, ...]:
        return tuple(self._lists.get(kind, ()))

    def _option(self, word: InstallWord) -> tuple[str, InstallWord | None]:
        """Return the name of an option, and its value where that stands in the same word."""
        if word.text.startswith("--"):
            name, equals, value = word.text.partition("=")
            return name, InstallWord(value, word.start + len(name) + 1) if equals else None
        name, value = word.text[:2], word.text[2:]
        if value and name in _WITH_VALUE:
            return name, InstallWord(value, word.start + 2)
        return (name, None) if not value else (word.text, None)

    def _take(self, name: str, value: InstallWord | None) -> None:
        if name in ("--no-deps", "--no-dependencies"):
            self._brings = False
        elif name == "--upgrade" or re.fullmatch(r"-[A-Za-z]*U[A-Za-z]*", name):
            self._upgrades = True
        elif name in ("-e", "--editable") and value is not None:
            self._requirement(value, is_editable=True)
        elif name in _FLAGS and self._tool != "pip":
            kind, flagged = _FLAGS[name]
            self._lists.setdefault(kind, []).append(flagged)
            if name == "--only-dev" or (name == "--no-dev" and self._tool == "poetry"):
                self._lists.setdefault("without", []).append("*")
        elif value is not None and name in _LISTS:
            kind = _LISTS[name]
            if self._tool == "conda" and name != "--file":
                return
            parts = re.split(r"[\s,]+", value.text) if kind in ("extras", "groups", "without") else [value.text]
            self._lists.setdefault(kind, []).extend(part for part in parts if part)
            if name in ("--only", "--only-group"):
                self._lists.setdefault("without", []).append("*")
        elif name == "-f" and self._tool == "conda" and value is not None:
            self._lists.setdefault("files", []).append(value.text)

    def _requirement(self, word: InstallWord, *, is_editable: bool) -> None:
        line, column = self._place(word.start)
        identity = identify(word.text, is_editable=is_editable)
        if self._tool == "conda":
            return  # its words are specs of another language, channels and names of environments
        if identity is None or "$" in word.text or "{{" in word.text:
            reason = "is filled in elsewhere" if re.search(r"[$`]|\{\{", word.text) else "is not a requirement"
            self._skipped.append(Skipped(self._path, line, f"{reason}: {req.shorten(word.text)}"))
        elif identity.name is None:
            self._lists.setdefault("editable", []).append(word.text)
        else:
            text = identity.text
            if self._tool == "poetry":
                text = re.sub(r"(?<=[A-Za-z0-9\]])@(?=[\d^~*])", "", text)
            try:
                self._requirements.append(req.parse(text, self._path, line, column, line))
            except MemguardError as error:
                self._skipped.append(Skipped(self._path, line, error.message))
