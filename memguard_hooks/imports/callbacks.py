"""When a framework runs what it is given: before the first request, while it serves, or never in such a process.

The rule: what somebody else's code is given, it may call while the process serves. The tables name what runs earlier, and
what calls nothing or calls it in another process. Sources: the reference of each framework, under the names below.
"""

from __future__ import annotations

import builtins
import sys
from functools import lru_cache

from memguard_hooks.record import Literal, TypeAlias

Serves: TypeAlias = "Literal['all', 'requests', 'tasks', 'command', 'schedule']"

_STARTING = frozenset({
    "lifespan", "on_startup", "startup", "before_serving", "while_serving", "before_first_request", "cleanup_ctx",
    "main_process_start", "before_server_start", "after_server_start", "before_app_serving", "on_app_init",
    "celeryd_init", "celeryd_after_setup", "worker_init", "worker_process_init", "worker_ready", "on_after_configure",
    "on_after_finalize", "on_configure", "import_modules", "post_init", "setup_hook", "on_ready", "after_worker_boot",
    "before_worker_boot", "after_process_boot"
})  # fmt: skip
"""Names of decorators, of functions or their arguments, of signals and of methods: what they are given runs at start."""

STARTING_METHODS = frozenset({
    "setup_hook", "on_ready", "cog_load", "ready", "on_startup", "startup", "post_init", "lifespan"
})  # fmt: skip
"""Methods that a framework calls before it serves."""

SERVER_HOOKS = ("on_starting", "when_ready", "pre_fork", "post_fork", "post_worker_init")
"""Functions of gunicorn's settings file that it calls before it serves, and in each worker: Gunicorn, "Server Hooks"."""

BEFORE_FORK = frozenset({
    "on_starting", "when_ready", "pre_fork", "celeryd_init", "celeryd_after_setup", "worker_init", "on_after_configure",
    "on_after_finalize", "on_configure", "import_modules", "ready"
})  # fmt: skip
"""Hooks of gunicorn, signals of celery and the method of Django's that run in the process that forks the workers."""

SERVING_HOOKS = ("pre_request", "post_request")
"""Functions of the same file that it calls with each request."""

_EVENTS = frozenset({"on_event", "add_event_handler", "event", "listener", "register_listener", "listen", "hook"})
"""Functions whose first text, or the name of the function that they are given, tells which event it is for."""

_RUNNING = frozenset({
    "create_task", "ensure_future", "gather", "wait", "wait_for", "run", "run_until_complete", "run_sync",
    "run_coroutine_threadsafe", "run_in_executor", "run_in_threadpool", "to_thread", "start_soon", "submit", "call_soon",
    "map", "starmap", "apply_async", "reduce", "sorted", "min", "max", "filter", "Thread", "Process", "Timer", "next",
    "list", "tuple", "start_new_thread", "run_sync_in_worker_thread", "enter_async_context", "enter_context", "retry",
    "Fire"
})  # fmt: skip
"""Last names of functions that run what they are given at once, or in a thread or process beside."""

_QUEUES = (
    "celery", "dramatiq", "rq", "huey", "arq", "taskiq", "procrastinate", "django_rq", "flask_rq2", "django_q",
    "remoulade", "saq", "streaq"
)  # fmt: skip
"""Modules whose decorators and queues pass work on to a worker."""

BY_DOTTED_NAME = frozenset({"import_string", "symbol_by_name", "locate"})
"""Last names of functions that give what `a.b.C` names: of Django and Werkzeug, of kombu, of pydoc."""

ENQUEUING = frozenset({
    "delay", "apply_async", "send", "send_with_options", "kiq", "s", "si", "signature", "message", "enqueue",
    "enqueue_in", "enqueue_at", "schedule", "subtask", "defer", "defer_async", "configure", "push", "delay_on_commit",
    "apply_async_on_commit", "cache_clear", "starmap", "chunks"
})  # fmt: skip
"""Attributes of a task that pass it on instead of running it."""

_WEB = (
    "fastapi", "starlette", "flask", "quart", "sanic", "aiohttp.web", "litestar", "bottle", "falcon", "tornado", "dash",
    "django.urls", "django.conf.urls", "django.views", "django.contrib.admin", "rest_framework", "ninja", "gradio",
    "streamlit", "flask_restful", "flask_restx", "flask_smorest", "socketio", "flask_socketio", "channels", "nicegui",
    "robyn", "connexion", "pyramid", "cherrypy", "blacksheep", "chainlit", "panel", "solara", "reflex"
)  # fmt: skip
"""Modules that call what they are given for requests, which a worker of a queue does not answer."""

_UNSERVED = (
    "pytest", "hypothesis", "unittest", "nose", "click", "typer", "rich_click", "asyncclick", "cyclopts", "invoke",
    "mock", "nox", "locust", "factory", "faker", "model_bakery", "modal", "scrapy.Item"
)  # fmt: skip
"""Modules of command lines and tests: nothing that a server runs."""

_WRAPPING = (
    "tenacity", "backoff", "retry", "retrying", "stamina", "cachetools", "numba", "torch", "jax", "tensorflow", "numpy",
    "pydantic", "pydantic_settings", "attr", "attrs", "marshmallow", "msgspec", "beartype", "typeguard",
    "typing_extensions", "wrapt", "decorator", "deprecated", "deprecation", "typing", "dataclasses_json",
    "sqlalchemy.orm", "sqlalchemy.ext", "sqlmodel", "mongoengine", "peewee", "tortoise.models", "beanie",
    "django.db.models", "django.utils.decorators", "django.utils.functional", "structlog", "loguru", "google.protobuf",
    "zope.interface", "pandera", "line_profiler", "memory_profiler", "alembic.op"
)  # fmt: skip
"""Modules whose decorators wrap what others call, and whose classes hold data: they call nothing by themselves."""

_DEAD_BUILTINS = frozenset({
    "isinstance", "issubclass", "hasattr", "getattr", "type", "id", "repr", "str", "print", "len", "super", "setattr",
    "callable", "hash", "dir", "vars", "property", "staticmethod", "classmethod"
})  # fmt: skip
"""Builtin functions that call nothing that they are given, as far as imports go."""

_STANDARD_PASSIVE = (
    "typing", "abc", "enum", "dataclasses", "collections.abc", "functools.wraps", "functools.update_wrapper", "inspect",
    "unittest", "contextlib.suppress", "copy", "json.dumps", "json.dump", "functools.singledispatch", "collections",
    "argparse", "string", "threading.local"
)  # fmt: skip
"""Modules and functions of the standard library that call nothing of what they are given or what is below them."""


def is_standard(term: str) -> bool:
    """Return whether a term is something of Python's own."""
    head = term.partition(".")[0].partition("(")[0]
    return head in sys.stdlib_module_names or hasattr(builtins, head)


def is_passive_base(term: str) -> bool:
    """Return whether a class of somebody else calls none of the methods that those below it define."""
    is_plain = _is_below(term, (*_STANDARD_PASSIVE, *_UNSERVED, *_WRAPPING)) or hasattr(builtins, term)
    return is_plain or term.rpartition(".")[2] in ("Model", "DeclarativeBase")


def is_queue(term: str) -> bool:
    """Return whether a term belongs to a queue of tasks."""
    return _is_below(term, _QUEUES)


def is_command_line(term: str) -> bool:
    """Return whether a term belongs to what reads a command line and runs the command that it names."""
    return _is_below(term, ("click", "typer", "rich_click", "asyncclick"))


def is_web(term: str) -> bool:
    """Return whether a term belongs to what answers requests."""
    return _is_below(term, _WEB)


def starts(to: str, keyword: str, text: str, name: str) -> bool:
    """Return whether what a function is given runs at start: by its name, its argument, or the event it is for."""
    parts = to.replace("()", "").replace("[]", "").split(".")
    if keyword in _STARTING or not _STARTING.isdisjoint(parts):
        return True
    return parts[-1] in _EVENTS and (text in _STARTING or name.lstrip(":").rpartition(".")[2] in _STARTING)


def runs(to: str, keyword: str) -> Literal["at once", "later", "never"]:
    """Return when something of somebody else's, given by its term, runs what it is given."""
    last = to.replace("()", "").rpartition(".")[2]
    if keyword in ("default_factory", "factory"):
        return "later"
    if is_standard(to):
        if keyword == "@":
            return "later" if _is_below(to, ("atexit", "signal")) else "never"
        if last in _DEAD_BUILTINS or _is_below(to, _STANDARD_PASSIVE):
            return "never"
        return "at once" if last in _RUNNING else "later"
    if last in _RUNNING and keyword != "@":
        return "at once"
    is_for_another = ".cli." in f"{to}." or _is_below(to, _UNSERVED)
    return "never" if is_for_another or (keyword == "@" and _is_below(to, _WRAPPING)) else "later"


@lru_cache(maxsize=8192)
def _is_below(term: str, modules: tuple[str, ...]) -> bool:
    return any(term == one or term.startswith((f"{one}.", f"{one}(")) for one in modules)
