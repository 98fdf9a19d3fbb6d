"""What each program that runs Python makes of its words: one module for programs that are alike."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from memguard_hooks.deployment.start import (
    INSTALLED,
    SMALL,
    EntryPoint,
    Host,
    Loaded,
    Parse,
    RefusedError,
    StartCommand,
    UnknownStartError,
    unknown,
)
from memguard_hooks.deployment.wrappers import MODULES
from memguard_hooks.record import TypeAlias
from memguard_hooks.tree import join

_Read: TypeAlias = "Callable[[list[str], Host], StartCommand]"

_PROGRAMS = {
    "waitress-serve": "waitress",
    "huey_consumer": "huey",
    "huey_consumer.py": "huey",
    "django-admin": "django",
    **{
        name: name
        for name in (
            "gunicorn", "uvicorn", "fastapi", "hypercorn", "granian", "daphne", "uwsgi", "celery", "rq", "dramatiq", "arq",
            "taskiq", "flask", "litestar", "sanic", "quart", "faststream", "functions-framework", "procrastinate", "saq",
            "faust", "kopf", "pserve", "chaussette",
        )
    },
    "functions_framework": "functions-framework",
}  # fmt: skip
"""What messages call each program that is read."""

_LAUNCHERS = frozenset({"torchrun", "accelerate"})
"""Programs that run a script in several processes."""

MANAGERS = frozenset({
    "honcho", "foreman", "hivemind", "overmind", "goreman", "supervisord", "circusd", "pm2", "pm2-runtime", "concurrently",
    "init", "my_init", "s6-svscan", "runsvdir", "runit-init", "monofy",
})  # fmt: skip
"""Programs that start others, as a file of theirs tells."""

SCRIPTS = {"streamlit": "run", "chainlit": "run", "gradio": "", "panel": "serve", "bokeh": "serve", "solara": "run",
           "mesop": "", "marimo": "run", "locust": "", "robyn": "", "taipy": "run", "flet": "run", "fastmcp": "run",
           "mcp": "run", "shiny": "run"}  # fmt: skip
"""Programs that run the script that they are given, each the name of its package, and the verb before the script."""

_MODULES = {
    "gunicorn.app.wsgiapp": "gunicorn",
    "waitress": "waitress-serve",
    "huey.bin.huey_consumer": "huey_consumer",
    "django": "django-admin",
    "streamlit.web.cli": "streamlit",
    "torch.distributed.run": "torchrun",
    "accelerate.commands.launch": "accelerate-launch",
    "awslambdaric": "lambda-handler",
}
"""Modules that are a program of another name where Python runs them by `-m`."""

_UNREAD = {"scrapy": "scrapy loads the spiders that its settings name"}

FOREIGN = frozenset({
    "Xvfb", "Xvnc", "astro", "bun", "bundle", "caddy", "cargo", "deno", "dotnet", "esbuild", "fluxbox", "go", "gulp",
    "http-server", "java", "litestream", "mariadbd", "mariadbd-safe", "memcached", "minio", "mix", "mongod", "mysqld",
    "mysqld_safe", "nest", "next", "nginx", "node", "nodemon", "npm", "npx", "nuxt", "ollama", "openbox", "php",
    "php-fpm", "pnpm", "postgres", "puma", "rackup", "rails", "redis-server", "ruby", "sass", "sidekiq", "tailwindcss",
    "traefik", "ts-node", "tsx", "vite", "webpack", "x11vnc", "yarn",
})  # fmt: skip
"""Programs that run no Python: what they start is nobody's business here."""


def is_known(program: str, host: Host) -> bool:
    """Return whether a name is that of a program that is read here, or that is known to be no app of the project."""
    known = (_PROGRAMS, SCRIPTS, _LAUNCHERS, MANAGERS, _UNREAD, INSTALLED, FOREIGN, SMALL, host.console_scripts)
    return _is_python(program) or any(program in names for names in known)


def _is_python(program: str) -> bool:
    return program.startswith("py") and re.fullmatch(r"python(\d(\.\d+)?)?t?|pypy3?(\.\d+)?", program) is not None


def read_program(words: list[str], host: Host, parse: Parse) -> StartCommand:
    """Read a command without wrappers; `parse` reads a command that it names."""
    program = words[0].rpartition("/")[2]
    if _is_python(program):
        return _python(words[1:], host, parse)
    if program == "coverage" and words[1:2] == ["run"]:
        return _python(words[2:], host, parse)
    label = _PROGRAMS.get(program, program)
    try:
        if program == "uwsgi":
            from memguard_hooks.deployment.servers.wsgi import read_uwsgi

            return read_uwsgi(words[1:], host, parse)
        if program in _PROGRAMS:
            return _reader_of(program)(words[1:], host)
        if program in SCRIPTS:
            from memguard_hooks.deployment.servers.scripts import read_script

            return read_script(program, SCRIPTS[program], words[1:], host)
        if program in _LAUNCHERS:
            from memguard_hooks.deployment.servers.launchers import read_launcher

            return read_launcher(program, words[1:], host, parse)
        if program in MANAGERS:
            from memguard_hooks.deployment.servers.process_managers import read_manager

            return read_manager(program, words[1:], host, parse)
    except RefusedError as error:
        return unknown(f"{label} refuses the command: {error}", error.entrypoint, label)
    except UnknownStartError as error:
        return unknown(str(error), error.entrypoint, label)
    if program == "lambda-handler" and len(words) > 1:
        return _lambda(words[1:], host)
    if program.endswith(".py"):
        return _python(words, host, parse)
    if program in host.console_scripts:
        return _followed(StartCommand(host.entrypoint(host.console_scripts[program])), words[1:], host, parse)
    if f"{program}-{' '.join(words[1:2])}" in INSTALLED:  # jupyter runs jupyter-lab
        return read_program([f"{program}-{words[1]}", *words[2:]], host, parse)
    if program in INSTALLED:
        from memguard_hooks.deployment.servers.installed import read_installed

        return read_installed(program, EntryPoint(program, host.folder, module=INSTALLED[program]), words[1:], host)
    is_away = program.endswith((".sh", ".bash")) and host.read_text(words[0]) is None
    reason = f"{words[0]} is not in the repository" if is_away else f"it is not known how {program} starts"
    reason = _UNREAD.get(program, reason)
    return unknown(reason, program=program if program in FOREIGN | SMALL else "")


def _reader_of(program: str) -> _Read:
    """Return the reader of a program's words."""
    match program:
        case "gunicorn":
            from memguard_hooks.deployment.servers.gunicorn import READERS
        case "uvicorn" | "fastapi":
            from memguard_hooks.deployment.servers.uvicorn import READERS
        case "hypercorn" | "granian" | "daphne":
            from memguard_hooks.deployment.servers.asgi import READERS
        case "waitress-serve" | "chaussette":
            from memguard_hooks.deployment.servers.wsgi import READERS
        case "celery":
            from memguard_hooks.deployment.servers.celery import READERS
        case "rq" | "dramatiq" | "arq" | "taskiq" | "huey_consumer" | "huey_consumer.py":
            from memguard_hooks.deployment.servers.queues import READERS
        case "flask" | "django-admin":
            from memguard_hooks.deployment.servers.frameworks import READERS
        case _:
            from memguard_hooks.deployment.servers.app_runners import READERS
    return READERS[program]


def _lambda(handlers: list[str], host: Host) -> StartCommand:
    """Read the handlers of functions, `app.handler` or `src/app.handler`, which their platform calls in one process."""
    entrypoints = []
    for handler in handlers:
        module, _, attribute = handler.rpartition(".")
        if not module or not attribute:
            return unknown(f"{handler!r} is no handler of a function")
        entrypoints.append(host.entrypoint(f"{module.replace('/', '.')}:{attribute}"))
    folders = (host.folder, *host.source_roots())
    first = host.find_module(entrypoints[0].module or "", folders) or ""
    more = tuple(Loaded(first, 1, one.module or "", "a function of the same process") for one in entrypoints[1:])
    return StartCommand(entrypoints[0], loads=more)


def _python(words: list[str], host: Host, parse: Parse) -> StartCommand:
    roots = host.source_roots()
    waiting = list(words)
    while waiting and waiting[0].startswith("-"):
        option = waiting.pop(0)
        if option in ("--check-hash-based-pycs", "-X", "-W") and waiting:
            waiting.pop(0)
        flags = re.match(r"-[bBdEhiIOPqRsSuvVx]*([mc])(.*)", option, re.DOTALL)
        if flags is None:
            continue
        if flags[1] == "c":
            return unknown("it runs code that is written on the command line")
        module = flags[2] or (waiting.pop(0) if waiting else "")
        program = _MODULES.get(module, module)
        if program == "accelerate-launch":
            program, waiting = "accelerate", ["launch", *waiting]
        if program in _PROGRAMS or program in SCRIPTS or program in _LAUNCHERS or program == "lambda-handler":
            return read_program([program, *waiting], host, parse)
        if program in MODULES:
            import shlex

            return parse(shlex.join([program, *waiting]), host)
        start = StartCommand(EntryPoint(f"-m {module}", host.folder, module=module, roots=roots))
        return _followed(start, waiting, host, parse)
    if not waiting or waiting[0] == "-":
        return unknown("it names no script")
    script = host.inside(waiting[0]) if waiting[0].startswith("/") else None
    inner = "" if script else host.folder
    script = script or waiting[0]
    of_folder = posixpath.normpath(f"{script}/__main__.py")
    if not script.endswith(".py") and (path := join(inner, of_folder)) is not None and host.read(path) is not None:
        script = of_folder
    start = StartCommand(EntryPoint(waiting[0], inner, script=script, roots=roots))
    if waiting[0].rpartition("/")[2] == "manage.py":
        from memguard_hooks.deployment.servers.frameworks import read_manage

        return read_manage(start, waiting[1:], host, parse)
    return _followed(start, waiting[1:], host, parse)


def _followed(start: StartCommand, words: list[str], host: Host, parse: Parse) -> StartCommand:
    """Return how a program of the project starts, with what its code starts where that is asked for."""
    if not host.follows_code:
        return start
    from memguard_hooks.deployment import python_start

    return python_start.read(start, words, host, parse)
