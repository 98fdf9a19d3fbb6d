"""Start commands: which file they load, in how many processes, and how these are made.

Options and precedence are those of gunicorn 27.0 (`WEB_CONCURRENCY` < settings file <
`GUNICORN_CMD_ARGS` < command line), uvicorn (its documentation's settings page; `WEB_CONCURRENCY` too) and hypercorn.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from memguard_hooks.deployment import options
from memguard_hooks.deployment.options import split_options
from memguard_hooks.tree import join

if TYPE_CHECKING:
    from memguard_hooks.deployment import gunicorn_conf

Start = Literal["single", "fork", "preload", "spawn"]


MAX_LENGTH = 2**13
"""A command is a line; what is far longer is none, and slow to read."""


class EntryPoint(NamedTuple):
    """What a command loads: a module with an attribute, a script, or a module run by `-m`.

    `text` is what the command names; `folder` is the working folder, from the root.
    """

    text: str
    folder: str = ""
    module: str | None = None
    attribute: str | None = None
    script: str | None = None

    @property
    def is_main(self) -> bool:
        """Tell whether the file runs as `__main__`."""
        return self.attribute is None


class StartCommand(NamedTuple):
    """How a service starts.

    `workers` are the processes that load the app, None where `reason` says why nobody can know.
    `server` is what runs them, empty for a plain script; `server_modules` are what it imports in each.
    """

    entrypoint: EntryPoint | None
    workers: int | None = 1
    start: Start = "single"
    server: str = ""
    server_modules: tuple[str, ...] = ()
    reason: str | None = None


def parse_entrypoint(text: str, folder: str = "") -> EntryPoint:
    """Read an entry point as people write it: `app.main:app`, `main.py`, `-m pkg.mod`, `proj.wsgi`."""
    text = text.strip()
    if text.startswith("-m"):
        return EntryPoint(text, folder, module=text[2:].strip())
    if text.endswith(".py"):
        return EntryPoint(text, folder, script=text)
    module, _, attribute = text.partition(":")
    return EntryPoint(text, folder, module=module, attribute=attribute.partition("(")[0] or "application")


class Host(NamedTuple):
    """What surrounds a command: `read` returns a file of the repository by its path from the root, None for no file.

    `concurrency` is the `WEB_CONCURRENCY` that the platform sets where the app does not. `mounts` are absolute paths
    of an image and what stands there, as paths from the root. `scripts` are the start scripts that have led here.
    """

    variables: Mapping[str, str]
    read: Callable[[str], bytes | None] = lambda _: None
    concurrency: int | None = None
    mounts: Mapping[str, str] = MappingProxyType({})
    scripts: tuple[str, ...] = ()


def parse(command: str, host: Host, folder: str = "") -> StartCommand:
    """Read a start command as a shell would run it, with the working folder as a path from the root."""
    if len(command) > MAX_LENGTH:
        return _unknown(f"the command is longer than {MAX_LENGTH // 1024} KiB")
    lexer = shlex.shlex(_expand(command, host.variables), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError as error:
        return _unknown(f"the command does not parse: {error}")
    while "&&" in words:
        at = words.index("&&")
        first, words = words[:at], words[at + 1 :]
        if first[:1] == ["cd"] and len(first) == 2:
            inner = _inside(folder, first[1], host)
            if inner is None:
                return _unknown(f"it changes to {first[1]}, which leads out of the repository")
            folder = inner
    if any(re.fullmatch(r"[();<>|&\n]+", word) for word in words):
        return _unknown("the command is a shell program of several commands")
    variables = dict(host.variables)
    while words and re.match(r"[A-Za-z_][A-Za-z0-9_]*=", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    words = _unwrap(words)
    while words and re.match(r"[A-Za-z_][A-Za-z0-9_]*=", words[0]):  # behind env
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    words = _unwrap(words)
    if len(words) > 2 and _names(words)[0] in _SHELLS and re.fullmatch(r"-[a-z]*c", words[1]):
        return parse(words[2], host._replace(variables=variables), folder)
    if len(words) > 1 and _names(words)[0] in _SHELLS and not words[1].startswith("-"):
        words = words[1:]
    if words and words[0].endswith(".sh") and (path := _inside(folder, words[0], host)) is not None:
        found = host.read(path)
        if found is not None:
            return _script(found, path, words[1:], host._replace(variables=variables), folder)
    if host.concurrency is not None:
        variables.setdefault("WEB_CONCURRENCY", str(host.concurrency))
    return _dispatch(words, host._replace(variables=variables), folder)


def _script(data: bytes, path: str, arguments: Sequence[str], host: Host, folder: str) -> StartCommand:
    """Read what a start script ends in."""
    from memguard_hooks.deployment import shell_script

    script = shell_script.read(data, arguments)
    if isinstance(script, shell_script.Program):
        return _unknown(f"{path}:{script.line} is a shell program of several commands")
    if path in host.scripts:
        return _unknown(f"{path} calls itself")
    variables = dict(host.variables)
    for name, text in script.variables:
        value = _expand(text, variables)
        variables.pop(name, None)
        if not re.search(r"[$`]", value):
            variables[name] = value
    host = host._replace(variables=variables, scripts=(*host.scripts, path))
    return parse(" && ".join([*(f"cd {inner}" for inner in script.folders), script.command]), host, folder)


def _inside(folder: str, path: str, host: Host) -> str | None:
    """Return a path that a command names as a path from the root, None where it leads out of the repository."""
    if not path.startswith("/"):
        return join(folder, path)
    rest = path.rstrip("/") or "/"
    tail: list[str] = []
    while rest not in host.mounts and rest != "/":
        rest, _, name = rest.rpartition("/")
        rest = rest or "/"
        tail.insert(0, name)
    return join(host.mounts[rest], "/".join(tail)) if rest in host.mounts else None


_VARIABLE = r"\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<plain>[A-Za-z_]\w*))"


def _expand(command: str, environment: Mapping[str, str]) -> str:
    """Put in the variables that are known, and the defaults of those that are not; leave the rest, and single quotes."""

    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if name is None:
            return match[0]
        return environment.get(name) or match["default"] or match[0]

    def outside(match: re.Match[str]) -> str:
        return re.sub(rf"\\.|{_VARIABLE}", value, match[0]) if match[0].startswith('"') else value(match)

    return re.sub(rf"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|{_VARIABLE}""", outside, command, flags=re.DOTALL)


_WRAPPERS = (("exec",), ("poetry", "run"), ("pipenv", "run"), ("uv", "run"), ("pdm", "run"), ("ddtrace-run",),
             ("opentelemetry-instrument",), ("newrelic-admin", "run-program"), ("dumb-init",), ("dumb-init", "--"),
             ("tini",), ("tini", "--"), ("tini", "-g", "--"), ("nohup",), ("env",))  # fmt: skip

_SHELLS = frozenset({"sh", "bash", "dash", "ash"})


def _unwrap(words: list[str]) -> list[str]:
    found = True
    while found:
        found = False
        for wrapper in sorted(_WRAPPERS, key=len, reverse=True):
            if tuple(words[: len(wrapper)]) == wrapper or _names(words)[: len(wrapper)] == wrapper:
                words, found = words[len(wrapper) :], True
    return words


def _names(words: Sequence[str]) -> tuple[str, ...]:
    """Return words with the first, a program, without its folder."""
    return (words[0].rpartition("/")[2], *words[1:]) if words else ()


def _unknown(reason: str, entrypoint: EntryPoint | None = None) -> StartCommand:
    return StartCommand(entrypoint, None, reason=reason)


def _dispatch(words: list[str], host: Host, folder: str) -> StartCommand:
    if not words:
        return _unknown("the command is empty")
    program = words[0].rpartition("/")[2]
    if re.fullmatch(r"python(\d(\.\d+)?)?", program):
        return _python(words[1:], host, folder)
    if program in ("gunicorn", "uvicorn", "hypercorn"):
        return _SERVERS[program](words[1:], host, folder)
    return _unknown(f"it is not known how {program} starts")


def _python(words: list[str], host: Host, folder: str) -> StartCommand:
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("-X", "-W", "--check-hash-based-pycs") and words:
            words.pop(0)
        elif option.startswith("-m"):
            module = option[2:] or (words.pop(0) if words else "")
            server = module.partition(".")[0] if module.startswith("gunicorn.") else module
            if server in _SERVERS:
                return _SERVERS[server](words, host, folder)
            return StartCommand(EntryPoint(f"-m {module}", folder, module=module))
        elif option.startswith("-c"):
            return _unknown("it runs code that is written on the command line")
    if not words:
        return _unknown("it names no script")
    if words[0].startswith("/"):
        script = _inside(folder, words[0], host)
        return StartCommand(EntryPoint(words[0], "" if script else folder, script=script or words[0]))
    return StartCommand(EntryPoint(words[0], folder, script=words[0]))


def _count(text: str | None, entrypoint: EntryPoint) -> int | StartCommand:
    """Return a number of workers, or why it is not known."""
    if text is None:
        return 1
    if re.fullmatch(r"[0-9]{1,4}", text) and int(text) > 0:
        return int(text)
    return _unknown(f"the number of workers is {text!r}, which is known only at run time", entrypoint)


def _gunicorn(words: list[str], host: Host, folder: str) -> StartCommand:
    from_environment = split_options(_split(host.variables.get("GUNICORN_CMD_ARGS", "")), options.GUNICORN)
    given = split_options(words, options.GUNICORN)
    problem = given.problem or from_environment.problem
    if problem is not None:
        return _unknown(f"gunicorn refuses the command: {problem}")
    if "--paste" in given.values:
        return _unknown(f"its app is that of {given.values['--paste']}, which is not read")
    concurrency = host.variables.get("WEB_CONCURRENCY", "1")
    if re.fullmatch(r"[0-9]{1,4}", concurrency) is None:
        return _unknown(f"WEB_CONCURRENCY is {concurrency!r}, which gunicorn refuses where it is no number")
    values = {**from_environment.values, **given.values}
    flags = from_environment.flags | given.flags
    named = values.get("--config")
    settings = _gunicorn_settings(named or "./gunicorn.conf.py", host, folder, is_named=bool(named))
    if isinstance(settings, StartCommand):
        return settings
    if "--chdir" in values:
        settings["chdir"] = values["--chdir"]
    if "--workers" in values:
        settings["workers"] = values["--workers"]
    if "--preload" in flags:
        settings["preload_app"] = True
    app = given.positional[0] if given.positional else settings.get("wsgi_app")
    chdir = settings.get("chdir", "")
    for setting in (app, chdir):
        if isinstance(setting, _Unsettled):
            return _unknown(setting.reason)
    if not app:
        return _unknown("gunicorn is given no app on the command line")
    inner = _inside(folder, str(chdir), host)
    if inner is None:
        return _unknown(f"--chdir {chdir} leads out of the repository")
    entrypoint = parse_entrypoint(str(app), inner)
    workers = settings.get("workers", concurrency)
    if isinstance(workers, _Unsettled):
        return _unknown(workers.reason, entrypoint)
    count = _count(str(workers), entrypoint)
    if isinstance(count, StartCommand):
        return count
    preload = settings.get("preload_app", False)
    if isinstance(preload, _Unsettled):
        if count > 1:
            return _unknown(preload.reason, entrypoint)
        preload = False  # one worker takes nearly the same either way
    modules = ["gunicorn.app.wsgiapp"]
    if "uvicorn" in str(values.get("--worker-class", settings.get("worker_class", ""))):
        modules.append("uvicorn")
    return StartCommand(entrypoint, count, "preload" if preload else "fork", "gunicorn", tuple(modules))


class _Unsettled(NamedTuple):
    """A setting that only a run can tell, and where that is written."""

    reason: str


_Settings = dict[str, "gunicorn_conf.Value | _Unsettled"]


def _gunicorn_settings(named: str, host: Host, folder: str, *, is_named: bool) -> _Settings | StartCommand:
    """Read gunicorn's settings file; without one, nothing is set."""
    if named.startswith("python:"):
        unread = _Unsettled(f"its settings are those of the module {named[7:]}, which is not read")
        return dict.fromkeys(("workers", "preload_app", "chdir"), unread)
    path = _inside(folder, named.removeprefix("file:"), host)
    data = host.read(path) if path is not None else None
    if path is None or data is None:
        return _unknown(f"its settings file {named} is not in the repository") if is_named else {}
    from memguard_hooks.deployment.gunicorn_conf import Unresolved, read  # ast takes its time

    found = read(data, host.variables)
    if not isinstance(found, Unresolved):
        found = next((one for one in found.values() if isinstance(one, Unresolved) and one.is_refused), found)
    if isinstance(found, Unresolved):
        return _unknown(f"{path}:{found.line} {found.reason}")
    return {
        name: _Unsettled(f"{path}:{value.line} {value.reason}") if isinstance(value, Unresolved) else value
        for name, value in found.items()
    }


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _uvicorn(words: list[str], host: Host, folder: str) -> StartCommand:
    given = split_options(words, options.UVICORN)
    inner = _inside(folder, given.values.get("--app-dir", ""), host)
    if inner is None or not given.positional:
        return _unknown("uvicorn is given no app inside the repository")
    entrypoint = parse_entrypoint(given.positional[0], inner)
    asked = given.values.get("--workers", host.variables.get("UVICORN_WORKERS", host.variables.get("WEB_CONCURRENCY")))
    workers = 1 if "--reload" in given.flags else _count(asked, entrypoint)
    if isinstance(workers, StartCommand):
        return workers
    return StartCommand(entrypoint, workers, "spawn" if workers > 1 else "single", "uvicorn", ("uvicorn",))


def _hypercorn(words: list[str], _: Host, folder: str) -> StartCommand:
    given = split_options(words, options.HYPERCORN)
    if not given.positional:
        return _unknown("hypercorn is given no app")
    entrypoint = parse_entrypoint(given.positional[0], folder)
    workers = _count(given.values.get("--workers"), entrypoint)
    if isinstance(workers, StartCommand):
        return workers
    return StartCommand(entrypoint, workers, "spawn", "hypercorn", ("hypercorn",))


_SERVERS = {"gunicorn": _gunicorn, "uvicorn": _uvicorn, "hypercorn": _hypercorn}
