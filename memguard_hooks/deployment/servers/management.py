"""Commands of `manage.py` that stay: workers of queues, and the project's own.

Facts: django-dramatiq 0.15 (it becomes `dramatiq`, whose processes call `django.setup`), django-q2 1.11 (a cluster, its
sentinel, a pusher and a monitor beside the workers), django-rq 4.2 (a process for each job), `huey.contrib.djhuey` of 3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memguard_hooks.deployment import django_settings
from memguard_hooks.deployment.calls_at_start import Program, follow
from memguard_hooks.deployment.options import grammar, split_options
from memguard_hooks.deployment.python_start import read_from
from memguard_hooks.deployment.servers.queues import HUEY
from memguard_hooks.deployment.start import (
    SET_UP,
    Count,
    Host,
    Loaded,
    Parse,
    RefusedError,
    StartCommand,
    UnknownStartError,
    count_workers,
    unknown,
)
from memguard_hooks.deployment.values_in_code import count_of, items_of, value_of
from memguard_hooks.formats.python_folding import BoundNames
from memguard_hooks.formats.python_values import Unresolved
from memguard_hooks.record import TypeAlias
from memguard_hooks.tree import join, parent

Reader: TypeAlias = "Callable[[StartCommand, Sequence[str], BoundNames | None, Host], StartCommand]"


RUNDRAMATIQ = grammar("""
    --reload --reload-use-polling --use-polling-watcher --use-gevent --use-spawn --skip-logging --no-color --traceback
    --version --force-color --skip-checks --watch=
    --processes/-p=N --threads/-t=N --path/-P=* --queues/-Q=* --pid-file= --log-file= --fork-function/-f= --settings=
    --worker-shutdown-timeout=N --verbosity/-v= --pythonpath=
""")

_CLUSTER = 4
"""Processes of a cluster of django-q besides its workers."""


def read(start: StartCommand, verb: str, words: Sequence[str], host: Host, parse: Parse | None = None) -> StartCommand:
    """Read a command of `manage.py`; one of the project's own is code that is followed, and `parse` reads what it starts."""
    program = _program(start, words, host)
    followed = follow(program, host) if program is not None else None
    if followed is not None and not followed.is_whole:
        return unknown(f"{followed.names.path} calls more as it starts than is followed", start.entrypoint, "manage.py")
    settings = django_settings.names_of(followed, host) if followed is not None else None
    reader = _READERS.get(verb)
    if reader is not None:
        try:
            return reader(start, words, settings, host)
        except RefusedError as error:
            return unknown(f"{verb} refuses the command: {error}", start.entrypoint, verb)
        except UnknownStartError as error:
            return unknown(str(error), start.entrypoint, verb)
    start = start._replace(program="manage.py")
    if program is None or settings is None:
        return start
    return _own(start, verb, program, settings, host, parse)


def _program(start: StartCommand, words: Sequence[str], host: Host) -> Program | None:
    entry = start.entrypoint
    path = join(entry.folder, entry.script) if entry is not None and entry.script is not None else None
    if entry is None or path is None or not host.follows_code:
        return None
    return Program(path, "", True, None, (parent(path), entry.folder, *entry.roots), tuple(words))


def _own(
    start: StartCommand, verb: str, program: Program, settings: BoundNames, host: Host, parse: Parse | None
) -> StartCommand:
    """Follow a command of an app that the settings install: its module is loaded, and its `handle` called."""
    apps = settings.bound.get("INSTALLED_APPS", ((), 0))[0]
    for app in apps if isinstance(apps, tuple) else ():
        package = str(app).partition(".apps.")[0]
        module = f"{package}.management.commands.{verb}"
        path = host.find_module(module, program.roots) if verb.isidentifier() else None
        if path is not None:
            line = settings.bound["INSTALLED_APPS"][1]
            loaded = Loaded(settings.path, line, module, "as a command of Django")
            inner = Program(path, module, False, "Command().handle", program.roots, program.words)
            begun = read_from(start, inner, host, parse)
            return begun._replace(loads=(*begun.loads, loaded), calls=(*begun.calls, (path, "Command.handle")))
    return start


def _rundramatiq(start: StartCommand, words: Sequence[str], _: BoundNames | None, host: Host) -> StartCommand:
    given = split_options(words, RUNDRAMATIQ)
    asked = given.values.get("--processes", host.variables.get("DRAMATIQ_NPROCS"))
    count = count_workers(asked) if asked else host.count_cpus("rundramatiq is given no --processes")
    threads = given.values.get("--threads", host.variables.get("DRAMATIQ_NTHREADS"))
    return start.counted(count, "spawn" if "--use-spawn" in given.flags else "fork")._replace(
        program="dramatiq", server_modules=(SET_UP, "dramatiq"), threads=count_workers(threads, 8).number,
        reload="--reload" in given.flags or "--watch" in given.values,
    )  # fmt: skip


def _qcluster(start: StartCommand, _: Sequence[str], settings: BoundNames | None, host: Host) -> StartCommand:
    count = _held(settings, "Q_CLUSTER", "workers") or host.count_cpus("Q_CLUSTER names no workers")
    start = start._replace(program="django-q", server_modules=(SET_UP, "django_q"), preload_source="default")
    return start.counted(count.plus(_CLUSTER), "preload")


def _held(settings: BoundNames | None, table: str, *keys: str) -> Count | None:
    """Return the number that a mapping of the settings holds, None where it holds none."""
    if settings is None or table not in settings.shown:
        return None
    node, names = settings.shown[table]
    for key in keys:
        items = items_of(node, names)
        if items is None or key not in items:
            return None
        node, names = items[key]
    return count_of(value_of(node, names, keys[-1]), names.path)


def _rqworker(start: StartCommand, words: Sequence[str], _settings: BoundNames | None, _host: Host) -> StartCommand:
    """Read workers of rq: each forks a process for the job at hand."""
    pool = next((words[at + 1] for at, word in enumerate(words[:-1]) if word == "--num-workers"), None)
    pool = next((word.partition("=")[2] for word in words if word.startswith("--num-workers=")), pool)
    count = count_workers(pool)
    start = start._replace(program="rq", server_modules=(SET_UP, "rq"), preload_source="default")
    return start.counted(count.plus((count.number or 0) - (pool is None)), "preload")


def _run_huey(start: StartCommand, words: Sequence[str], settings: BoundNames | None, _: Host) -> StartCommand:
    given = split_options(words, HUEY, is_strict=False)
    kind = given.values.get("--worker-type")
    if kind is None and settings is not None and "HUEY" in settings.shown:
        consumer = items_of(*settings.shown["HUEY"]) or {}
        shown = (items_of(*consumer["consumer"]) or {}).get("worker_type") if "consumer" in consumer else None
        value = value_of(*shown, "worker_type") if shown is not None else None
        kind = None if isinstance(value, Unresolved) or value is None else str(value)
    count = count_workers(given.values["--workers"]) if "--workers" in given.values else None
    count = count or _held(settings, "HUEY", "consumer", "workers") or Count(1)
    start = start._replace(program="huey", server_modules=(SET_UP, "huey"), worker_class=kind or "thread")
    if kind != "process":
        return start._replace(threads=count.number)
    return start.counted(count, "preload")._replace(preload_source="default")


def _celery(start: StartCommand, words: Sequence[str], _: BoundNames | None, host: Host) -> StartCommand:
    """Read `manage.py celery worker`, of the time before celery 4: its app is the project itself."""
    from memguard_hooks.deployment.servers import celery

    return celery.read(["--app", "app", *words], host._replace(follows_code=False))._replace(entrypoint=start.entrypoint)


_READERS: dict[str, Reader] = {
    "rundramatiq": _rundramatiq,
    "qcluster": _qcluster,
    "rqworker": _rqworker,
    "rqworker-pool": _rqworker,
    "run_huey": _run_huey,
    "celery": _celery,
}
"""Commands of packages → what reads their words."""
