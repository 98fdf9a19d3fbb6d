"""Workers of queues: dramatiq, huey, arq, taskiq and rq.

Facts: the option parsers of dramatiq 2.2, huey 3.5, arq 0.28, taskiq 0.13 and rq 3.0.
"""

from __future__ import annotations

from memguard_hooks.deployment.options import grammar, split_options
from memguard_hooks.deployment.start import (
    Count,
    EntryPoint,
    Host,
    RefusedError,
    StartCommand,
    UnknownStartError,
    count_workers,
)

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FOLDERS = 200
"""Folders that are looked through for tasks."""

DRAMATIQ = grammar("""
    --use-spawn --watch-use-polling --version --verbose/-v --help/-h --skip-logging --queues/-Q=* --watch-exclude/-x=
    --processes/-p=N --threads/-t=N --pid-file= --log-file= --fork-function/-f= --worker-fork-timeout=
    --worker-shutdown-timeout=N --watch= --watch-include/-i= --path/-P=*
""")

HUEY = grammar("""
    --verbose/-v --help --quiet/-q --simple/-S --no-periodic/-n --flush-locks/-f --disable-health-check/-C --logfile/-l=
    --workers/-w=N --worker-type/-k= --delay/-d= --max-delay/-m= --backoff/-b= --health-check-interval/-c=
    --extra-locks/-L= --max-tasks/-M= --shutdown-timeout/-t= --graceful-signal/-g= --scheduler-interval/-s=N
""")

ARQ = grammar("--version/-V --verbose/-v --help --[no-]burst --check --watch= --custom-log-dict=", "click")

TASKIQ = grammar("""
    --help/-h --fs-discover/-fsd --no-parse --no-propagate-errors --reload/-r --do-not-use-gitignore
    --no-configure-logging --use-process-pool --workers/-w=N --shutdown-timeout= --app-dir/-d= --receiver=
    --receiver_arg= --tasks-pattern/-tp= --log-level= --log-format= --max-threadpool-threads= --reload-dir=
    --max-async-tasks=N --max-async-tasks-jitter=N --max-prefetch=N --max-fails=N --ack-type= --max-tasks-per-child=N
    --wait-tasks-timeout= --hardkill-count= --max-process-pool-processes=
""")


def read_dramatiq(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `dramatiq`: its processes import the modules by themselves, one for each CPU by default."""
    given = split_options(words, DRAMATIQ)
    if not given.positional:
        raise RefusedError("it names no module")
    module, _, attribute = given.positional[0].partition(":")
    paths = [value for name, value in given.given if name == "--path"]
    entrypoint = host.entrypoint(f"{module}:{attribute or 'broker'}", paths)._replace(text=given.positional[0])
    asked = given.values.get("--processes")
    count = count_workers(asked) if asked is not None else host.count_cpus("dramatiq is given no --processes")
    if count.number == 0:
        count = Count(None, "--processes is 0, and nobody works")
    return StartCommand(
        entrypoint,
        count.number,
        "spawn" if "--use-spawn" in given.flags else "fork",
        server="dramatiq",
        server_modules=("dramatiq.cli",),
        reason=count.reason,
        program="dramatiq",
        is_cpu_count=count.is_cpu_count,
        threads=count_workers(given.values.get("--threads"), 8).number,
        reload="--watch" in given.values,
        loads=host.loaded_beside(entrypoint, given.positional[1:], "as a module of dramatiq's tasks"),
    )


def read_huey(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `huey_consumer`: threads, or forks of the process that has loaded the app."""
    given = split_options(words, HUEY)
    kind = given.values.get("--worker-type", "thread")
    if len(given.positional) != 1:
        raise RefusedError("it names no app")
    if kind not in ("thread", "greenlet", "process", "gevent"):
        raise RefusedError(f"it has no workers of type {kind}")
    start = StartCommand(_dotted(given.positional[0], host), server_modules=("huey",), program="huey")
    count = count_workers(given.values.get("--workers"))
    start = start._replace(worker_class=kind)
    if kind != "process":
        return start._replace(threads=count.number if kind == "thread" else None)
    return start.counted(count, "preload")._replace(preload_source="default")


def read_arq(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `arq`, which is one process."""
    given = split_options(words, ARQ)
    if len(given.positional) != 1:
        raise RefusedError("it names no settings")
    entrypoint = _dotted(given.positional[0], host)
    return StartCommand(entrypoint, server_modules=("arq.cli",), program="arq", reload="--watch" in given.values)


def read_taskiq(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `taskiq`: a scheduler, or workers that are new processes, two by default."""
    verb, rest = (words[0], words[1:]) if words else ("", [])
    if verb not in ("worker", "scheduler"):
        raise UnknownStartError(f"it is not known how taskiq {verb} starts".replace("  ", " "))
    given = split_options(rest, TASKIQ, is_strict=verb == "worker")
    if not given.positional:
        raise RefusedError("it names no broker")
    inner = host.inside(given.values.get("--app-dir", ""))
    if inner is None:
        raise UnknownStartError("taskiq is given no broker inside the repository")
    entrypoint = host.entrypoint(given.positional[0], folder=inner)
    start = StartCommand(entrypoint, server_modules=("taskiq.cli.worker.run",), program="taskiq")
    if verb == "scheduler":
        return start
    pattern = given.values.get("--tasks-pattern", "**/tasks.py")
    found = _tasks_in(host, inner, pattern) if "--fs-discover" in given.flags else ()
    count = count_workers(given.values.get("--workers"), 2)
    return start.counted(count, "fork")._replace(
        server="taskiq",
        loads=host.loaded_beside(entrypoint, [*given.positional[1:], *found], "as a module of taskiq's tasks"),
        max_requests=count_workers(given.values.get("--max-tasks-per-child"), 0).number,
        reload="--reload" in given.flags,
    )


def _tasks_in(host: Host, top: str, pattern: str) -> Iterator[str]:
    """Yield the modules below a folder whose files a pattern names, `**/tasks.py` or `jobs/*_tasks.py`.

    Raises UnknownStartError for one with other stars in the names of its folders.
    """
    from fnmatch import fnmatchcase

    where, _, wanted = pattern.removeprefix("./").rpartition("/")
    first, _, rest = where.partition("**")
    if rest or "*" in first:
        raise UnknownStartError(f"taskiq is given a pattern that is not followed, {pattern}")
    folders = [first.strip("/")]
    for folder in folders:  # and those that are found meanwhile
        for name in host.names_in(f"{top}/{folder}".strip("/")):
            path = f"{folder}/{name}".lstrip("/")
            if name.endswith(".py") and fnmatchcase(name, wanted):
                yield path.removesuffix(".py").replace("/", ".")
            elif where.endswith("**") and name.isidentifier() and len(folders) < MAX_FOLDERS:
                folders.append(path)


def read_rq(words: list[str], host: Host) -> StartCommand:  # noqa: ARG001 - as all of them take it
    """Read what stands behind `rq`, whose jobs name what they load."""
    verb = next((word for word in words if not word.startswith("-")), "")
    reason = "rq loads what the jobs of its queues name, which no file says"
    if verb == "worker":
        return StartCommand(
            None, None, "preload", reason=reason, program="rq", server_modules=("rq",), preload_source="default"
        )
    if verb in ("worker-pool", "scheduler", "cron"):
        raise UnknownStartError(reason)
    raise UnknownStartError(f"it is not known how rq {verb} starts".replace("  ", " "))


def _dotted(text: str, host: Host) -> EntryPoint:
    """Return the entry point `pkg.mod.name`, which some write `pkg.mod:name`."""
    module, _, attribute = text.rpartition(":" if ":" in text else ".")
    return host.entrypoint(f"{module}:{attribute}")._replace(text=text)


READERS = {
    "rq": read_rq, "dramatiq": read_dramatiq, "arq": read_arq, "taskiq": read_taskiq, "huey_consumer": read_huey,
    "huey_consumer.py": read_huey,
}  # fmt: skip
"""Programs → what reads the words behind their names."""
