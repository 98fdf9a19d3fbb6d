"""Workers of queues: dramatiq, huey, arq, taskiq and rq.

Facts: the option parsers of dramatiq 2.2, huey 3.5, arq 0.28, taskiq 0.13 and rq 3.0.
"""

from __future__ import annotations

from memguard_hooks.deployment.options import Grammar, names, split_options
from memguard_hooks.deployment.start import (
    Count,
    EntryPoint,
    Host,
    StartCommand,
    count_cpus,
    count_workers,
    inside,
    parse_entrypoint,
    source_roots,
    unknown,
)

DRAMATIQ = Grammar(
    flags=names("--use-spawn --watch-use-polling --version --verbose --help --skip-logging"),
    short={"-p": "--processes", "-t": "--threads", "-P": "--path", "-Q": "--queues", "-f": "--fork-function",
           "-i": "--watch-include", "-x": "--watch-exclude", "-v": "--verbose", "-h": "--help"},
    valued=names(
        "--processes --threads --pid-file --log-file --fork-function --worker-fork-timeout --worker-shutdown-timeout "
        "--watch --watch-include --watch-exclude"
    ),
    numbers=names("--processes --threads --worker-shutdown-timeout"),
    many=names("--path --queues"),
)  # fmt: skip

HUEY = Grammar(
    flags=names("--verbose --quiet --simple --no-periodic --flush-locks --disable-health-check --help"),
    short={"-w": "--workers", "-k": "--worker-type", "-d": "--delay", "-m": "--max-delay", "-b": "--backoff",
           "-c": "--health-check-interval", "-C": "--disable-health-check", "-f": "--flush-locks", "-L": "--extra-locks",
           "-M": "--max-tasks", "-t": "--shutdown-timeout", "-g": "--graceful-signal", "-s": "--scheduler-interval",
           "-n": "--no-periodic", "-l": "--logfile", "-v": "--verbose", "-q": "--quiet", "-S": "--simple"},
    valued=names(
        "--workers --worker-type --delay --max-delay --backoff --health-check-interval --extra-locks --max-tasks "
        "--shutdown-timeout --graceful-signal --scheduler-interval --logfile"
    ),
    numbers=names("--workers --scheduler-interval"),
)  # fmt: skip

ARQ = Grammar(
    flags=names("--burst --no-burst --check --verbose --version --help"),
    short={"-v": "--verbose", "-V": "--version"},
    valued=names("--watch --custom-log-dict"),
    parser="click",
)

TASKIQ = Grammar(
    flags=names(
        "--fs-discover --no-parse --no-propagate-errors --reload --do-not-use-gitignore --no-configure-logging "
        "--use-process-pool --help"
    ),
    short={"-d": "--app-dir", "-tp": "--tasks-pattern", "-fsd": "--fs-discover", "-w": "--workers", "-r": "--reload",
           "-h": "--help"},
    valued=names(
        "--app-dir --receiver --receiver_arg --tasks-pattern --log-level --log-format --workers --max-threadpool-threads "
        "--shutdown-timeout --reload-dir --max-async-tasks --max-async-tasks-jitter --max-prefetch --max-fails --ack-type "
        "--max-tasks-per-child --wait-tasks-timeout --hardkill-count --max-process-pool-processes"
    ),
    numbers=names("--workers --max-async-tasks --max-async-tasks-jitter --max-prefetch --max-fails --max-tasks-per-child"),
)  # fmt: skip


def read_dramatiq(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `dramatiq`: its processes import the modules by themselves, one for each CPU by default."""
    given = split_options(words, DRAMATIQ)
    if given.problem is not None or not given.positional:
        return unknown(f"dramatiq refuses the command: {given.problem or 'it names no module'}", program="dramatiq")
    module, _, attribute = given.positional[0].partition(":")
    paths = [value for name, value in given.given if name == "--path"]
    entrypoint = parse_entrypoint(f"{module}:{attribute or 'broker'}", folder)
    entrypoint = entrypoint._replace(text=given.positional[0], roots=source_roots(paths, host, folder))
    asked = given.values.get("--processes")
    count = count_workers(asked) if asked is not None else count_cpus("dramatiq is given no --processes", host)
    if count.number == 0:
        count = Count(None, "--processes is 0, and nobody works")
    return StartCommand(
        entrypoint,
        count.number,
        "spawn" if "--use-spawn" in given.flags else "fork",
        server_modules=("dramatiq",),
        reason=count.reason,
        program="dramatiq",
        is_cpu_count=count.is_cpu_count,
        threads=count_workers(given.values.get("--threads"), 8).number,
        reload="--watch" in given.values,
    )


def read_huey(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `huey_consumer`: threads, or forks of the process that has loaded the app."""
    given = split_options(words, HUEY)
    kind = given.values.get("--worker-type", "thread")
    problem = given.problem or (None if len(given.positional) == 1 else "it names no app")
    if problem is None and kind not in ("thread", "greenlet", "process", "gevent"):
        problem = f"it has no workers of type {kind}"
    if problem is not None:
        return unknown(f"huey refuses the command: {problem}", program="huey")
    start = StartCommand(_dotted(given.positional[0], host, folder), server_modules=("huey",), program="huey")
    count = count_workers(given.values.get("--workers"))
    start = start._replace(worker_class=kind)
    if kind != "process":
        return start._replace(threads=count.number if kind == "thread" else None)
    return start._replace(
        workers=count.number, start="preload", reason=count.reason, is_cpu_count=count.is_cpu_count, preload_source="default"
    )


def read_arq(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `arq`, which is one process."""
    given = split_options(words, ARQ)
    if given.problem is not None or len(given.positional) != 1:
        return unknown(f"arq refuses the command: {given.problem or 'it names no settings'}", program="arq")
    entrypoint = _dotted(given.positional[0], host, folder)
    return StartCommand(entrypoint, server_modules=("arq",), program="arq", reload="--watch" in given.values)


def read_taskiq(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `taskiq`: a scheduler, or workers that are new processes, two by default."""
    verb, rest = (words[0], words[1:]) if words else ("", [])
    if verb not in ("worker", "scheduler"):
        return unknown(f"it is not known how taskiq {verb} starts".replace("  ", " "), program="taskiq")
    given = split_options(rest, TASKIQ)
    if (given.problem is not None and verb == "worker") or not given.positional:
        return unknown(f"taskiq refuses the command: {given.problem or 'it names no broker'}", program="taskiq")
    inner = inside(folder, given.values.get("--app-dir", ""), host)
    if inner is None:
        return unknown("taskiq is given no broker inside the repository", program="taskiq")
    entrypoint = parse_entrypoint(given.positional[0], inner)._replace(roots=source_roots([], host, folder))
    start = StartCommand(entrypoint, server_modules=("taskiq",), program="taskiq")
    if verb == "scheduler":
        return start
    count = count_workers(given.values.get("--workers"), 2)
    return start._replace(
        workers=count.number,
        start="spawn",
        reason=count.reason,
        is_cpu_count=count.is_cpu_count,
        max_requests=count_workers(given.values.get("--max-tasks-per-child"), 0).number,
        reload="--reload" in given.flags,
    )


def read_rq(words: list[str], _: Host, __: str) -> StartCommand:
    """Read what stands behind `rq`, whose jobs name what they load."""
    verb = next((word for word in words if not word.startswith("-")), "")
    if verb in ("worker", "worker-pool", "scheduler", "cron"):
        return unknown("rq loads what the jobs of its queues name, which no file says", program="rq")
    return unknown(f"it is not known how rq {verb} starts".replace("  ", " "), program="rq")


def _dotted(text: str, host: Host, folder: str) -> EntryPoint:
    """Return the entry point `pkg.mod.name`, which some write `pkg.mod:name`."""
    module, _, attribute = text.rpartition(":" if ":" in text else ".")
    entrypoint = parse_entrypoint(f"{module}:{attribute}", folder)
    return entrypoint._replace(text=text, roots=source_roots([], host, folder))
