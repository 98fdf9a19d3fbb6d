"""Programs that run several commands at once: honcho and foreman with a Procfile, supervisord with its settings."""

from __future__ import annotations

import re

from memguard_hooks.deployment.start import Host, StartCommand, UnknownStartError

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

Parse: TypeAlias = "Callable[[str, Host], StartCommand]"

MAX_BYTES = 2**16
"""A list of commands is a screen or two."""


def read_manager(program: str, words: list[str], host: Host, parse: Parse) -> StartCommand:
    """Read what stands behind the name of such a program."""
    return _read_supervisord(words, host, parse) if program == "supervisord" else _read_procfile(program, words, host, parse)


def _read_procfile(program: str, words: list[str], host: Host, parse: Parse) -> StartCommand:
    """Read `honcho start [name …]`, where one command is left of the Procfile."""
    if "start" not in words:
        raise UnknownStartError(f"{program} is not told to start")
    path, names, rest = "Procfile", [], [word for word in words if word != "start"]
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        if name in ("-f", "--procfile"):
            path = value if has_value else (rest.pop(0) if rest else "")
        elif name in ("-e", "--env", "-p", "--port", "-d", "--app-root", "-c", "--concurrency", "-m", "--formation", "-t"):
            if not has_value and rest:
                rest.pop(0)
        elif not word.startswith("-"):
            names.append(word)
    text = _read(path, host)
    if text is None:
        raise UnknownStartError(f"{program} runs the commands of {path}, which is not in the repository")
    found = {match[1]: match[2].strip() for match in re.finditer(r"^([\w-]+):(.*)$", text, re.MULTILINE)}
    found = {name: command for name, command in found.items() if command}
    return _only({name: found[name] for name in names if name in found} if names else found, program, host, parse)


def _read_supervisord(words: list[str], host: Host, parse: Parse) -> StartCommand:
    """Read `supervisord -c FILE`, where the file has one program."""
    named = [words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-c", "--configuration")]
    named += [word.partition("=")[2] for word in words if word.startswith("--configuration=")]
    path = named[-1] if named else "supervisord.conf"
    text = _read(path, host)
    if text is None:
        raise UnknownStartError(f"supervisord runs the programs of {path}, which is not in the repository")
    found: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        header = re.match(r"\[(.+?)\]", line)
        section = header[1] if header is not None else section
        setting = re.match(r"command\s*=(.*)", line)
        command = re.split(r"\s;", setting[1], maxsplit=1)[0].strip() if setting is not None else ""
        if command and section.startswith("program:"):
            found[section[8:]] = command
    return _only(found, "supervisord", host, parse)


def _read(path: str, host: Host) -> str | None:
    inner = host.inside(path)
    data = host.read(inner) if inner else None
    return None if data is None or len(data) > MAX_BYTES else data.decode("utf-8", "replace")


def _only(found: Mapping[str, str], program: str, host: Host, parse: Parse) -> StartCommand:
    if len(found) == 1:
        (command,) = found.values()
        return parse(command, host)
    if not found:
        raise UnknownStartError(f"{program} is given no command")
    raise UnknownStartError(f"{program} runs several commands at once: {', '.join(sorted(found))}")
