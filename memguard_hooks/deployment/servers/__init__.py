"""What each program that runs Python makes of its words: one module for programs that are alike."""

from __future__ import annotations

import re

from memguard_hooks.deployment.servers import asgi, celery, frameworks, gunicorn, process_managers, queues, uvicorn, wsgi
from memguard_hooks.deployment.start import EntryPoint, Host, RefusedError, StartCommand, UnknownStartError, unknown

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

_Read: TypeAlias = "Callable[[list[str], Host], StartCommand]"

_PROGRAMS: dict[str, tuple[_Read, str]] = {
    "gunicorn": (gunicorn.read, "gunicorn"),
    "uvicorn": (uvicorn.read, "uvicorn"),
    "fastapi": (uvicorn.read_fastapi, "fastapi"),
    "hypercorn": (asgi.read_hypercorn, "hypercorn"),
    "granian": (asgi.read_granian, "granian"),
    "daphne": (asgi.read_daphne, "daphne"),
    "waitress-serve": (wsgi.read_waitress, "waitress"),
    "uwsgi": (wsgi.read_uwsgi, "uwsgi"),
    "celery": (celery.read, "celery"),
    "rq": (queues.read_rq, "rq"),
    "dramatiq": (queues.read_dramatiq, "dramatiq"),
    "huey_consumer": (queues.read_huey, "huey"),
    "huey_consumer.py": (queues.read_huey, "huey"),
    "arq": (queues.read_arq, "arq"),
    "taskiq": (queues.read_taskiq, "taskiq"),
    "flask": (frameworks.read_flask, "flask"),
    "django-admin": (frameworks.read_django_admin, "django"),
}
"""The reader of each program's words, and what messages call the program."""

_MODULES = {
    "gunicorn.app.wsgiapp": "gunicorn",
    "waitress": "waitress-serve",
    "huey.bin.huey_consumer": "huey_consumer",
    "django": "django-admin",
    "streamlit.web.cli": "streamlit",
}
"""Modules that are a program of another name where Python runs them by `-m`."""

_UNREAD = {
    "jupyter": "it serves notebooks, which are not read",
    "jupyter-lab": "it serves notebooks, which are not read",
    "voila": "it serves notebooks, which are not read",
    "scrapy": "scrapy loads the spiders that its settings name",
    "airflow": "airflow loads the graphs of its own folder",
}


def read_program(words: list[str], host: Host, parse: process_managers.Parse) -> StartCommand:
    """Read a command without wrappers; `parse` reads a command that it names."""
    program = words[0].rpartition("/")[2]
    if re.fullmatch(r"python(\d(\.\d+)?)?t?|pypy3?(\.\d+)?", program):
        return _python(words[1:], host, parse)
    if program == "coverage" and words[1:2] == ["run"]:
        return _python(words[2:], host, parse)
    label = program
    try:
        if program in _PROGRAMS:
            read, label = _PROGRAMS[program]
            return read(words[1:], host)
        if program in frameworks.SCRIPTS:
            return frameworks.read_script(program, words[1:], host)
        if program in ("honcho", "foreman", "hivemind", "overmind"):
            return process_managers.read_procfile(program, words[1:], host, parse)
        if program == "supervisord":
            return process_managers.read_supervisord(words[1:], host, parse)
    except RefusedError as error:
        return unknown(f"{label} refuses the command: {error}", error.entrypoint, label)
    except UnknownStartError as error:
        return unknown(str(error), error.entrypoint, label)
    if program == "lambda-handler" and len(words) == 2:
        return _lambda(words[1], host)
    if program.endswith(".py"):
        return _python(words, host, parse)
    if program in host.console_scripts:
        return StartCommand(host.entrypoint(host.console_scripts[program]))
    return unknown(_UNREAD.get(program, f"it is not known how {program} starts"))


def _lambda(handler: str, host: Host) -> StartCommand:
    """Read the handler of a function, `app.handler` or `src/app.handler`, which its platform calls in one process."""
    module, _, attribute = handler.rpartition(".")
    if not module or not attribute:
        return unknown(f"{handler!r} is no handler of a function")
    return StartCommand(host.entrypoint(f"{module.replace('/', '.')}:{attribute}"))


def _python(words: list[str], host: Host, parse: process_managers.Parse) -> StartCommand:
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
        if program in _PROGRAMS or program in frameworks.SCRIPTS:
            return read_program([program, *waiting], host, parse)
        return StartCommand(EntryPoint(f"-m {module}", host.folder, module=module, roots=roots))
    if not waiting or waiting[0] == "-":
        return unknown("it names no script")
    script = host.inside(waiting[0]) if waiting[0].startswith("/") else None
    inner = "" if script else host.folder
    start = StartCommand(EntryPoint(waiting[0], inner, script=script or waiting[0], roots=roots))
    if waiting[0].rpartition("/")[2] == "manage.py":
        return frameworks.read_manage(start, waiting[1:])
    return start
