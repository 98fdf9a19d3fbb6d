"""celery: the app is loaded once and its pool forked from it. Facts: `celery.bin` and `celery.worker` of 5.7.

Without `--concurrency` and `--autoscale` the app's own `worker_concurrency` counts, and without that the CPUs of the
host. The process of `-B` is a fork that runs no task: it stays beside the worker, and is none of its processes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from memguard_hooks.deployment.options import ParsedOptions, grammar, split_options, with_variables
from memguard_hooks.deployment.servers.installed import read_installed
from memguard_hooks.deployment.start import (
    Count,
    EntryPoint,
    Host,
    RefusedError,
    StartCommand,
    UnknownStartError,
    count_workers,
)
from memguard_hooks.formats.python_values import Unresolved, Value

GLOBAL = grammar("""
    --no-color/-C --quiet/-q --version --skip-checks --help --app/-A= --broker/-b= --result-backend= --loader= --config=
    --workdir=
""", "click", ends=True)  # fmt: skip

WORKER = grammar("""
    --no-color --quiet --detach/-D --disable-prefetch --task-events/-E/--events --purge/--discard --without-gossip
    --without-mingle --without-heartbeat --beat/-B --help --app/-A= --broker/-b= --result-backend= --loader= --config=
    --workdir= --hostname/-n= --statedb/-S= --loglevel/-l= --optimization/-O= --prefetch-multiplier=N --concurrency/-c=
    --pool/-P= --time-limit= --soft-time-limit= --max-tasks-per-child=N --pool-start-method= --max-memory-per-child=
    --queues/-Q= --exclude-queues/-X= --include/-I= --heartbeat-interval=N --autoscale=
    --schedule-filename/-s/--schedule= --scheduler= --logfile/-f= --pidfile= --uid= --gid= --umask= --executable=
""", "click")  # fmt: skip
"""The global options are those that celery 4 takes behind the verb as well."""

_POOLS = frozenset({"prefork", "eventlet", "gevent", "solo", "processes", "threads", "custom"})

_OF_VERB = {"worker": ("celery.apps.worker", "celery.worker.consumer"), "flower": ("flower.app",)}
"""What a verb imports besides the command line."""

_ONE_PROCESS = frozenset({"solo", "threads", "gevent", "eventlet"})


def read(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `celery`."""
    before = split_options(words, GLOBAL)
    if not before.positional:
        raise UnknownStartError("celery is told to do nothing")
    verb, *rest = before.positional
    if verb not in ("worker", "beat", "flower", "events"):
        raise UnknownStartError(f"it is not known how celery {verb} starts")
    given = split_options(rest, WORKER) if verb == "worker" else _behind_verb(rest)
    given = with_variables(given, ("--concurrency", "--autoscale", "--pool"), (), "CELERY_WORKER", host)
    values = {**given.values, **before.values}
    app = values.get("--app") or host.variables.get("APP") or host.variables.get("CELERY_APP")
    inner = host.inside(values.get("--workdir", ""))
    if not app and verb == "flower":
        return read_installed(verb, EntryPoint(verb, host.folder, module="flower.app"), rest, host)
    if not app or inner is None:
        raise UnknownStartError("celery is given no app inside the repository")
    modules = ("celery.bin.celery", *_OF_VERB.get(verb, ()))
    entrypoint = _entrypoint(app, host._replace(folder=inner))
    included = [name.strip() for name in given.values.get("--include", "").split(",") if name.strip()]
    loads = host.loaded_beside(entrypoint, included, "as what --include names")
    one = StartCommand(entrypoint, server_modules=modules, program="celery", loads=loads)
    return one if verb != "worker" else _worker(one, given, host)


def _behind_verb(rest: list[str]) -> ParsedOptions:
    """Return the app that celery 4 lets stand behind any verb; the options of the verb itself say nothing here."""
    for at, word in enumerate(rest):
        name, has_value, value = word.partition("=")
        if name in ("-A", "--app") and (has_value or at + 1 < len(rest)):
            return ParsedOptions({"--app": value if has_value else rest[at + 1]})
    return ParsedOptions({})


def _entrypoint(app: str, host: Host) -> EntryPoint:
    """Return the module that an app's name loads: `proj` is also looked for in `proj.celery`.

    `proj.app` may be an attribute of `proj`, where there is no such module.
    """
    folders = (host.folder, *host.source_roots())
    module, _, attribute = app.partition(":")
    outer, _, last = module.rpartition(".")
    if not attribute and host.find_module(f"{module}.celery", folders) is not None:
        module = f"{module}.celery"
    elif outer and not attribute and not host.find_module(module, folders) and host.find_module(outer, folders):
        module, attribute = outer, last
    return host.entrypoint(f"{module}:{attribute or 'app'}")._replace(text=app)


def _worker(one: StartCommand, given: ParsedOptions, host: Host) -> StartCommand:
    settings = _settings(one.entrypoint, host)
    pool = given.values.get("--pool", str(settings.get("worker_pool") or "prefork").partition(":")[0])
    if pool not in _POOLS and "--pool" not in given.values:
        pool = "custom"
    if pool not in _POOLS:
        raise RefusedError(f"it has no pool {pool}", one.entrypoint)
    beat = ("celery beat",) * ("--beat" in given.flags)
    one = one._replace(server="celery", worker_class=pool, max_requests=_recycled(given, settings), under=beat)
    if pool == "custom":
        return one._replace(workers=None, reason="its pool is one of its own, which is not read")
    concurrency = given.values.get("--concurrency", "")
    if re.fullmatch(r"\s*[-+]?[0-9]+\s*|auto|.*[$`].*|", concurrency) is None or concurrency.strip().startswith("-"):
        raise RefusedError(f"--concurrency is {concurrency!r}", one.entrypoint)
    count, fewest = _count(one.entrypoint, given, settings, host)
    if pool in _ONE_PROCESS:
        return one._replace(threads=count.number if pool == "threads" and "--autoscale" not in given.values else None)
    is_preloaded = given.values.get("--pool-start-method", "fork") == "fork"
    return one.counted(count, "preload" if is_preloaded else "fork")._replace(
        fewest=fewest if fewest is not None and fewest < (count.number or 0) else None,
        preload_source="default" if is_preloaded else "",
    )


def _settings(entrypoint: EntryPoint | None, host: Host) -> Mapping[str, Value | Unresolved]:
    """Return the settings of the app's own, where code is followed."""
    if entrypoint is None or not host.follows_code:
        return {}
    from memguard_hooks.deployment import celery_settings  # ast takes its time

    return celery_settings.read(entrypoint, host)


def _recycled(given: ParsedOptions, settings: Mapping[str, Value | Unresolved]) -> int | None:
    """Return the tasks after which a process ends, 0 where it never does."""
    text = given.values.get("--max-tasks-per-child")
    value = settings.get("worker_max_tasks_per_child")
    if text is None and isinstance(value, Unresolved):
        return None
    return count_workers(text if text is not None else str(value or 0), 0).number


def _count(
    entrypoint: EntryPoint | None, given: ParsedOptions, settings: Mapping[str, Value | Unresolved], host: Host
) -> tuple[Count, int | None]:
    """Return the processes of a pool at most, and those that always run."""
    scale = given.values.get("--autoscale")
    if scale is not None:
        parts = [part.strip() for part in scale.split(",")]
        if not all(re.fullmatch(r"\+?[0-9]{1,4}", part) for part in parts) or len(parts) > 2:
            if re.search(r"[$`]", scale):
                return count_workers(scale), None
            raise RefusedError(f"--autoscale is {scale!r}", entrypoint)
        bounds = sorted([*map(int, parts), *([0] if len(parts) == 1 else [])])
        return Count(bounds[1], f"celery scales from {bounds[0]} to {bounds[1]} processes"), bounds[0]
    concurrency = given.values.get("--concurrency", "").strip()
    if concurrency == "auto":
        return Count(None, "--concurrency is auto, which depends on the CPUs of the host", is_cpu_count=True), None
    if concurrency and not re.fullmatch(r"\+?0+", concurrency):
        return count_workers(concurrency), None
    of_app = settings.get("worker_concurrency")
    if isinstance(of_app, Unresolved):
        return Count(None, of_app.reason, of_app.is_cpu_count), None
    if of_app and not re.fullmatch(r"\+?0+", str(of_app)):
        return count_workers(str(of_app)), None
    return host.count_cpus("celery is given no --concurrency: its app may say how many processes it starts"), None


READERS = {"celery": read}
"""Programs → what reads the words behind their names."""
