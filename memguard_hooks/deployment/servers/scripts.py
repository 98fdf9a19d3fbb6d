"""Programs that run the script that they are given, or the module or the folder that they take for one.

Facts: the command lines of Streamlit 1.67, Chainlit 2.12, Gradio 6.31, Panel 1.9 and Bokeh 3.9, Solara 1.64, Shiny 1.8,
Flet 1.0, FastMCP 3.4, Locust 2.47 and Taipy 4.0.
"""

from __future__ import annotations

from collections.abc import Sequence

from memguard_hooks.deployment.servers.managed import declared
from memguard_hooks.deployment.start import EntryPoint, Host, Loaded, StartCommand, UnknownStartError, count_workers
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join


class ScriptRunner(Record):
    """What a program makes of the words behind its verb.

    `default` is the script that it runs without one, which `variable` may name, and `inside` what it runs of a folder.
    `takes_modules` tells that a name without a suffix is a module. `flags` are its options without a value; `script`,
    `folder` and `module` are those that give the script, the folder that all is looked up in, and a module that is run as a
    program. `settings` are the keys of `pyproject.toml` that hold the folder of the script.
    """

    default: str = ""
    inside: str = ""
    variable: str = ""
    takes_modules: bool = False
    flags: frozenset[str] = frozenset()
    script: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    module: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


_FLET = frozenset({
    "-v", "--verbose", "-d", "--directory", "-r", "--recursive", "-n", "--hidden", "-w", "--web", "--ios", "--android",
})  # fmt: skip
_SHINY = frozenset({"-r", "--reload", "-b", "--launch-browser", "--factory", "--dev-mode"})

_RUNNERS = {
    "bokeh": ScriptRunner(inside="main.py"),
    "chainlit": ScriptRunner(variable="RUN_TARGET"),
    "fastmcp": ScriptRunner(module=("-m", "--module")),
    "flet": ScriptRunner(
        "main.py", "main.py", module=("-m", "--module"), settings=("tool", "flet", "app", "path"), flags=_FLET
    ),
    "locust": ScriptRunner("locustfile.py", variable="LOCUST_LOCUSTFILE", script=("-f", "--locustfile")),
    "panel": ScriptRunner(inside="main.py"),
    "shiny": ScriptRunner("app.py", takes_modules=True, folder=("-d", "--app-dir"), flags=_SHINY),
    "solara": ScriptRunner(takes_modules=True, flags=frozenset({"--production", "-a", "--auto-restart", "--reload"})),
    "streamlit": ScriptRunner("streamlit_app.py", "streamlit_app.py", variable="STREAMLIT_RUN_TARGET"),
    "taipy": ScriptRunner("main.py"),
}

_FILE = late_pattern(r"(.*\.py)(?::\w+)?")
_MODULE = late_pattern(r"([A-Za-z_][\w.]*)(?::([A-Za-z_]\w*))?")

_FORKS = frozenset({"--num-procs", "--processes"})
"""Options of Panel and Bokeh, and of Locust, that say in how many processes a script runs."""

_SERVES_ALL = frozenset({"bokeh", "panel"})
"""Programs that serve each of the scripts that they are given, in one process."""

_SERVES = {"chainlit": "chainlit.server"}
"""What a program loads to serve, where its package does not."""

_WAITS = frozenset({"taipy"})
"""Programs that run the script in a process of its own, and wait for its end (taipy/_cli/_run_cli.py, 4.0)."""


def read_script(program: str, verb: str, words: list[str], host: Host) -> StartCommand:
    """Read what stands behind a program that runs, behind its verb, a script in its own process."""
    if verb and verb not in words:
        raise UnknownStartError(f"{program} is not told to {verb}")
    behind = words[words.index(verb) + 1 :] if verb else words
    behind = behind[: behind.index("--")] if "--" in behind else behind
    entrypoint, more = _loaded(program, behind, host)
    entrypoint = entrypoint._replace(roots=(*entrypoint.roots, *host.source_roots()))
    count = count_workers(value_of(behind, _FORKS))
    start = StartCommand(
        entrypoint, count.number, server_modules=(_SERVES.get(program, program),), reason=count.reason, program=program
    )
    start = start._replace(loads=more)
    if program == "streamlit":
        start = start._replace(server=program)
    if program in _WAITS:
        start = start._replace(beside=(StartCommand(EntryPoint(program, host.folder, module=program), program=program),))
    if count.number == 0:
        return start._replace(workers=None, reason="--num-procs is 0: one for each CPU of the host", is_cpu_count=True)
    return start if count.number == 1 else start._replace(start="fork", is_cpu_count=count.is_cpu_count)


def value_of(words: Sequence[str], options: Sequence[str] | frozenset[str]) -> str | None:
    """Return the value of the last of some options, None where none is given."""
    found = None
    for at, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name in options:
            found = value if sign else next(iter(words[at + 1 : at + 2]), None)
    return found


def _targets(words: Sequence[str], flags: frozenset[str]) -> list[str]:
    """Return the words that name what to run: all scripts, else those that are neither an option nor the value of one."""
    scripts = [word for word in words if _FILE.fullmatch(word)]
    if scripts:
        return scripts
    found: list[str] = []
    is_value = False
    for word in words:
        if word.startswith("-"):
            is_value = "=" not in word and not word.startswith("--no-") and word not in flags
        elif is_value:
            is_value = False
        else:
            found.append(word)
    return found


def _loaded(program: str, words: Sequence[str], host: Host) -> tuple[EntryPoint, tuple[Loaded, ...]]:
    """Return what a program runs first, and what else it runs in the same process."""
    runner = _RUNNERS.get(program, ScriptRunner())
    folder = value_of(words, runner.folder) or ""
    asked = value_of(words, runner.script)
    named = [asked] if asked else _targets(words, runner.flags | {*runner.module})
    if not set(runner.module).isdisjoint(words) and named:
        return EntryPoint(f"-m {named[0]}", host.folder, module=named[0]), ()
    named = named or [*filter(None, [host.variables.get(runner.variable) or runner.default])]
    if not named:
        raise UnknownStartError(f"{program} is given no script")
    first = _find(program, named[0], folder, runner, host)
    if program not in _SERVES_ALL or first.script is None:
        return first, ()
    path = join(first.folder, first.script) or first.script
    beside = [host.module_of(one) for one in named[1:] if _FILE.fullmatch(one)]
    return first, tuple(Loaded(path, 1, one[1], f"an app of the same {program}") for one in beside if one is not None)


def _find(program: str, target: str, folder: str, runner: ScriptRunner, host: Host) -> EntryPoint:
    """Return what a program runs that is given a file, a folder or a module."""
    base = host.inside(folder) if folder else host.folder
    if base is None:
        raise UnknownStartError(f"{folder} leads out of the repository")
    inside = host._replace(folder=base)
    file = _FILE.fullmatch(target)
    if file is not None:
        return _script(file[1], inside, runner.settings)
    module = _MODULE.fullmatch(target)
    if runner.takes_modules and module is not None:
        return inside.entrypoint(f"{module[1]}:{module[2] or 'app'}")._replace(text=target)
    path = f"{target.rstrip('/')}/{runner.inside}".removeprefix("./")
    inner = inside.inside(target)
    if runner.inside and inner is not None and (inner == base or host.names_in(inner) or inside.read_text(path) is not None):
        return _script(path, inside, runner.settings)
    raise UnknownStartError(f"{program} is given no script")


def _script(path: str, host: Host, settings: Sequence[str]) -> EntryPoint:
    """Return a script that is named by its path, in the folder below it that `pyproject.toml` beside it may say."""
    folder, _, name = path.rpartition("/")
    below = declared(host, f"{folder}/pyproject.toml" if folder else "pyproject.toml", *settings) if settings else None
    if below:
        path = "/".join(filter(None, (folder, below.strip("/"), name)))
    inner = host.inside(path)
    if inner is None:
        raise UnknownStartError(f"{path} leads out of the repository")
    is_absolute = path.startswith("/")
    return EntryPoint(path, "" if is_absolute else host.folder, script=inner if is_absolute else path)
