"""Programs that run several commands at once, as a file or their words list them: honcho, supervisord, circus, monofy.

Facts: honcho 2.0, foreman 0.88, monofy 1.2, and the settings files of supervisor 4.3 and circus 0.19. All commands take from
the memory of one host, so that they count together.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from memguard_hooks.deployment.servers.managed import MAX_BYTES, MAX_FILES, Managed, sections
from memguard_hooks.deployment.start import MAX_TOGETHER, Host, Parse, StartCommand, UnknownStartError, together

_OF_DEBIAN = ("/etc/supervisor/supervisord.conf", "/etc/supervisord.conf")
"""Settings of supervisord that its package brings: they include what lies in `conf.d` beside them."""

OF_PYTHON = frozenset({"supervisord", "circusd", "honcho", "monofy"})
"""Programs that are processes of Python themselves, and stay; honcho is one more for each command."""

SUPERVISORS = frozenset({"init", "my_init", "s6-svscan", "runsvdir", "runit-init"})
"""Programs that start a service for each folder of a folder."""

_OF_CONCURRENTLY = frozenset({"-n", "--names", "-c", "--prefix-colors", "-p", "--prefix", "-s", "--success", "-m",
                              "--max-processes", "-l", "--prefix-length", "--restart-tries", "--restart-after"})  # fmt: skip
"""Options of npm's `concurrently` that take the next word."""


def read_manager(program: str, words: list[str], host: Host, parse: Parse) -> StartCommand:
    """Read what stands behind the name of such a program."""
    if program == "supervisord":
        return _all(program, read_supervisord(words, host), host, parse)
    if program == "circusd":
        return _all(program, read_circus(words, host), host, parse)
    if program in ("pm2", "pm2-runtime"):
        from memguard_hooks.deployment.servers import pm2

        return _all(program, pm2.read_file(program, words, host), host, parse)
    if program in SUPERVISORS:
        from memguard_hooks.deployment.servers import supervision

        return _all(program, supervision.read_services(program, words, host), host, parse)
    if program == "concurrently":
        return _all(program, [Managed(word) for word in _quoted_commands(words)], host, parse)
    if program == "monofy":
        return _all(program, [Managed(_line(command)) for command in _split(words)], host, parse)
    return _all(program, read_procfile(program, words, host), host, parse)


def _split(words: Sequence[str]) -> list[list[str]]:
    """Return the commands that `monofy a && b ||| c` runs at once, which are those behind the last `&&`."""
    found: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            found = [[]]
        elif word == "|||":
            found.append([])
        else:
            found[-1].append(word)
    return [command for command in found if command]


def _line(words: Sequence[str]) -> str:
    """Return words as a shell takes them, which puts in the variables that they name as monofy does."""
    return " ".join(f'"{word}"' if "$" in word and '"' not in word else shlex.quote(word) for word in words)


def _quoted_commands(words: list[str]) -> list[str]:
    """Return the commands that `concurrently` is given, one a word."""
    is_value = [False, *(word in _OF_CONCURRENTLY for word in words)]
    return [word for word, taken in zip(words, is_value, strict=False) if not taken and not word.startswith("-")]


# Procfiles


def read_procfile(program: str, words: list[str], host: Host) -> list[Managed]:
    """Read `honcho start [name …]`, or `-c web=2`, which says how many run of each."""
    if "start" not in words and program != "hivemind":
        raise UnknownStartError(f"{program} is not told to start")
    path, names, rest = "Procfile", [], [word for word in words if word != "start"]
    copies: dict[str, int] = {}
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.partition("=")
        if name in ("-f", "--procfile"):
            path = value if has_value else (rest.pop(0) if rest else "")
        elif name in ("-c", "--concurrency", "-m", "--formation"):
            text = value if name.startswith("--") and has_value else (rest.pop(0) if rest else "")
            copies.update((one[1], int(one[2])) for one in re.finditer(r"([\w-]+)=(\d{1,3})", text))
        elif name in ("-e", "--env", "-p", "--port", "-d", "--app-root", "-t"):
            if not has_value and rest:
                rest.pop(0)
        elif not word.startswith("-") and program == "hivemind":
            path = word
        elif not word.startswith("-"):
            names.append(word)
    listed = _text(path, host)
    if listed is None:
        raise UnknownStartError(f"{program} runs the commands of {path}, which is not in the repository")
    found = {match[1]: match[2].strip() for match in re.finditer(r"^([\w-]+):(.*)$", listed, re.MULTILINE)}
    number = copies.get("all", 1)
    return [
        Managed(command, copies.get(name, number))
        for name, command in found.items()
        if command and (not names or name in names)
    ]


# Files of sections


def read_supervisord(words: list[str], host: Host) -> list[Managed]:
    """Read `supervisord -c FILE`; programs that it does not start by itself are left out."""
    named = [words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-c", "--configuration")]
    named += [word.partition("=")[2] for word in words if word.startswith("--configuration=")]
    path = named[-1] if named else "supervisord.conf"
    text = _text(path, host)
    if text is not None:
        found = sections(text)
        listed = found.get("include", {}).get("files", "")
    elif not named or path in _OF_DEBIAN:
        found, listed = {}, "/etc/supervisor/conf.d/*.conf"
    else:
        found, listed = {}, ""
    patterns = dict.fromkeys(listed.split())
    if len(patterns) > MAX_FILES:
        raise UnknownStartError(f"{path} includes more than {MAX_FILES} files")
    there = dict.fromkeys(one for pattern in patterns for one in _matching(pattern, path, host))
    if len(there) > MAX_FILES:
        raise UnknownStartError(f"{path} includes more than {MAX_FILES} files")
    included = [one for one in there if _text(one, host) is not None]
    if text is None and not included:
        raise UnknownStartError(f"supervisord runs the programs of {path}, which is not in the repository")
    if listed and not included:
        raise UnknownStartError(f"{path} includes {listed}, which is not read")
    for one in included:
        found |= sections(_text(one, host) or "")
    return [
        Managed(
            _expanded(keys["command"], name.partition(":")[2], keys, posixpath.dirname(path) or "."),
            _count(keys.get("numprocs")),
            keys.get("directory", ""),
            dict(re.findall(r"([A-Za-z_]\w*)=\"([^\"%]*)\"", keys.get("environment", ""))),
        )
        for name, keys in found.items()
        if name.startswith(("program:", "eventlistener:", "fcgi-program:")) and keys.get("command") and _is_on(keys)
    ]


def _expanded(command: str, name: str, keys: Mapping[str, str], here: str) -> str:
    """Return a command of supervisord with what it puts in for the first of its processes; `%(ENV_X)s` stays a variable.

    Source: http://supervisord.org/configuration.html, "command" of `[program:x]` (4.3).
    """
    number = keys.get("numprocs_start", "0")
    known = {
        "program_name": name,
        "group_name": name,
        "process_num": number,
        "numprocs": keys.get("numprocs", "1"),
        "here": here,
    }

    def put_in(match: re.Match[str]) -> str:
        word, width = match[1] or "%", match[2] or ""
        if word.startswith("ENV_"):
            return f"${{{word.removeprefix('ENV_')}}}"
        value = known.get(word, match[0] if match[1] else word)
        return value.zfill(int(width)) if width.startswith("0") and value.isdecimal() else value

    return re.sub(r"%(?:%|\((\w+)\)(\d{0,2})[sd])", put_in, command)


def _matching(pattern: str, path: str, host: Host) -> list[str]:
    """Return the files of the repository that a pattern of `[include]` names, which counts from the file's folder."""
    pattern = posixpath.join(posixpath.dirname(path), pattern.replace("%(here)s/", ""))
    folder, _, names = pattern.rpartition("/")
    copied = [place for place in host.mounts if posixpath.dirname(place) == folder]
    inner = host.inside(folder) if folder else host.folder
    there = (
        [f"{folder}/{name}".lstrip("/" if not folder else "") for name in host.names_in(inner)] if inner is not None else []
    )
    found = [one for one in dict.fromkeys((*copied, *there)) if fnmatchcase(posixpath.basename(one), names)]
    return sorted(found)


def read_circus(words: list[str], host: Host) -> list[Managed]:
    """Read `circusd FILE`, whose watchers start so many processes each."""
    path = next((word for word in words if not word.startswith("-")), "circus.ini")
    text = _text(path, host)
    if text is None:
        raise UnknownStartError(f"circusd runs the watchers of {path}, which is not in the repository")
    return [
        Managed(
            f"{keys['cmd']} {keys.get('args', '')}".strip(), _count(keys.get("numprocesses")), keys.get("working_dir", "")
        )
        for name, keys in sections(text).items()
        if name.startswith("watcher:") and keys.get("cmd") and _is_on(keys)
    ]


# All of them


def _text(path: str, host: Host) -> str | None:
    inner = host.inside(path)
    data = host.read(inner) if inner else None
    return None if data is None or len(data) > MAX_BYTES else data.decode("utf-8", "replace")


def _is_on(keys: Mapping[str, str]) -> bool:
    """Return whether a section is started by itself."""
    return keys.get("autostart", "").lower() not in {"false", "no", "off", "0", "n", "f"}


def _count(text: str | None) -> int:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,3}", text) else 1


def _all(program: str, found: Sequence[Managed], host: Host, parse: Parse) -> StartCommand:
    """Return what all commands come to, those that run more than once so many times."""
    number = sum(one.copies for one in found)
    if number > MAX_TOGETHER:
        raise UnknownStartError(f"{program} runs more than {MAX_TOGETHER} commands at once")
    starts: list[StartCommand] = []
    for one in found:
        inner = host.inside(one.folder) if one.folder else host.folder
        there = host.one_of(len(found))._replace(
            folder=host.folder if inner is None else inner, variables={**host.variables, **one.variables}
        )
        starts += [parse(one.command, there)] * one.copies
    if not starts:
        raise UnknownStartError(f"{program} is given no command")
    whole = together(starts)
    own = 1 + number if program == "honcho" else int(program in OF_PYTHON)
    return whole._replace(under=(*[program] * own, *whole.under))
