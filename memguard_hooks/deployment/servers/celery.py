"""celery: the app is loaded once and its pool forked from it. Facts: `celery.bin` and `celery.worker` of 5.7.

Without `--concurrency` and `--autoscale` the app's own `worker_concurrency` counts, and without that the CPUs of the
host. The process of `-B` is a fork that runs no task, and is not counted.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.options import Grammar, ParsedOptions, names, split_options
from memguard_hooks.deployment.servers.clicked import with_variables
from memguard_hooks.deployment.start import (
    Count,
    EntryPoint,
    Host,
    Start,
    StartCommand,
    count_cpus,
    count_workers,
    inside,
    parse_entrypoint,
    source_roots,
    unknown,
)

GLOBAL = Grammar(
    flags=names("--no-color --quiet --version --skip-checks --help"),
    short={"-A": "--app", "-b": "--broker", "-C": "--no-color", "-q": "--quiet"},
    valued=names("--app --broker --result-backend --loader --config --workdir"),
    parser="click",
    ends=True,
)

_GLOBAL_VALUED = GLOBAL.valued  # celery 4 takes them behind the verb as well

WORKER = Grammar(
    flags=names(
        "--detach --disable-prefetch --task-events --purge --without-gossip --without-mingle --without-heartbeat --beat "
        "--help --no-color --quiet"
    ),
    short={
        "-n": "--hostname", "-D": "--detach", "-S": "--statedb", "-l": "--loglevel", "-O": "--optimization",
        "-c": "--concurrency", "-P": "--pool", "-E": "--task-events", "--events": "--task-events", "--discard": "--purge",
        "-Q": "--queues", "-X": "--exclude-queues", "-I": "--include", "-B": "--beat", "-s": "--schedule-filename",
        "--schedule": "--schedule-filename", "-f": "--logfile", "-A": "--app", "-b": "--broker",
    },
    valued=_GLOBAL_VALUED | names(
        "--hostname --statedb --loglevel --optimization --prefetch-multiplier --concurrency --pool --time-limit "
        "--soft-time-limit --max-tasks-per-child --pool-start-method --max-memory-per-child --queues --exclude-queues "
        "--include --heartbeat-interval --autoscale --schedule-filename --scheduler --logfile --pidfile --uid --gid --umask "
        "--executable"
    ),
    numbers=names("--prefetch-multiplier --max-tasks-per-child --heartbeat-interval"),
    parser="click",
)  # fmt: skip

_POOLS = frozenset({"prefork", "eventlet", "gevent", "solo", "processes", "threads", "custom"})

_ONE_PROCESS = frozenset({"solo", "threads", "gevent", "eventlet"})


def read(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `celery`."""
    before = split_options(words, GLOBAL)
    if before.problem is not None:
        return unknown(f"celery refuses the command: {before.problem}", program="celery")
    if not before.positional:
        return unknown("celery is told to do nothing", program="celery")
    verb, *rest = before.positional
    if verb not in ("worker", "beat", "flower", "events"):
        return unknown(f"it is not known how celery {verb} starts", program="celery")
    given = split_options(rest, WORKER) if verb == "worker" else _behind_verb(rest)
    given = with_variables(given, ("--concurrency", "--autoscale", "--pool"), (), "CELERY_WORKER", host)
    if given.problem is not None:
        return unknown(f"celery refuses the command: {given.problem}", program="celery")
    values = {**given.values, **before.values}
    app = values.get("--app") or host.variables.get("APP") or host.variables.get("CELERY_APP")
    inner = inside(folder, values.get("--workdir", ""), host)
    if not app or inner is None:
        return unknown("celery is given no app inside the repository", program="celery")
    entrypoint = _entrypoint(app, host, inner)
    one = StartCommand(entrypoint, server_modules=("celery",), program="celery")
    return one if verb != "worker" else _worker(one, given, host)


def _behind_verb(rest: list[str]) -> ParsedOptions:
    """Return the app that celery 4 lets stand behind any verb; the options of the verb itself say nothing here."""
    for at, word in enumerate(rest):
        name, has_value, value = word.partition("=")
        if name in ("-A", "--app") and (has_value or at + 1 < len(rest)):
            return ParsedOptions({"--app": value if has_value else rest[at + 1]}, frozenset(), ())
    return ParsedOptions({}, frozenset(), ())


def _entrypoint(app: str, host: Host, folder: str) -> EntryPoint:
    """Return the module that an app's name loads: `proj` is also looked for in `proj.celery`."""
    roots = source_roots([], host, folder)
    module, _, attribute = app.partition(":")
    path = module.replace(".", "/")
    if not attribute and any(host.read(f"{root}/{path}/celery.py".lstrip("/")) is not None for root in (folder, *roots)):
        module = f"{module}.celery"
    return parse_entrypoint(f"{module}:{attribute or 'app'}", folder)._replace(text=app, roots=roots)


def _worker(one: StartCommand, given: ParsedOptions, host: Host) -> StartCommand:
    pool = given.values.get("--pool", "prefork")
    if pool not in _POOLS:
        return unknown(f"celery refuses the command: it has no pool {pool}", one.entrypoint, "celery")
    one = one._replace(worker_class=pool, max_requests=count_workers(given.values.get("--max-tasks-per-child"), 0).number)
    if pool == "custom":
        return one._replace(workers=None, reason="its pool is one of its own, which is not read")
    concurrency = given.values.get("--concurrency", "")
    if re.fullmatch(r"\s*[-+]?[0-9]+\s*|auto|.*[$`].*|", concurrency) is None or concurrency.strip().startswith("-"):
        return unknown(f"celery refuses the command: --concurrency is {concurrency!r}", one.entrypoint, "celery")
    count, fewest = _count(given, host)
    if isinstance(fewest, str):
        return unknown(fewest, one.entrypoint, "celery")
    if pool in _ONE_PROCESS:
        return one._replace(threads=count.number if pool == "threads" and "--autoscale" not in given.values else None)
    start: Start = "fork" if given.values.get("--pool-start-method", "fork") != "fork" else "preload"
    return one._replace(
        workers=count.number,
        start=start,
        reason=count.reason,
        fewest=fewest if fewest is not None and fewest < (count.number or 0) else None,
        is_cpu_count=count.is_cpu_count,
        preload_source="default" if start == "preload" else "",
    )


def _count(given: ParsedOptions, host: Host) -> tuple[Count, int | str | None]:
    """Return the processes of a pool at most, and those that always run, or why celery refuses the words."""
    scale = given.values.get("--autoscale")
    if scale is not None:
        parts = [part.strip() for part in scale.split(",")]
        if not all(re.fullmatch(r"\+?[0-9]{1,4}", part) for part in parts) or len(parts) > 2:
            if re.search(r"[$`]", scale):
                return count_workers(scale), None
            return Count(None), f"celery refuses the command: --autoscale is {scale!r}"
        bounds = sorted([*map(int, parts), *([0] if len(parts) == 1 else [])])
        return Count(bounds[1], f"celery scales from {bounds[0]} to {bounds[1]} processes"), bounds[0]
    concurrency = given.values.get("--concurrency", "").strip()
    if concurrency == "auto":
        return Count(None, "--concurrency is auto, which depends on the CPUs of the host", is_cpu_count=True), None
    if concurrency and not re.fullmatch(r"\+?0+", concurrency):
        return count_workers(concurrency), None
    return count_cpus("celery is given no --concurrency: its app may say how many processes it starts", host), None
