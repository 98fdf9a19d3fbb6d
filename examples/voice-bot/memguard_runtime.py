# memguard-runtime 0.1.0 01c942ebb98834b2: written by `memguard init --runtime`, which renews it
"""What a deployed app asks about its memory: its limit, its use, and which model fits, before the kernel kills it.

In a container no `MemoryError` comes: the process is killed, and what psutil tells of the machine says nothing about it.
This one file of the standard library reads the control groups around the process, of both versions and at all levels, on
CPython 3.8 and later; `memguard init --runtime FOLDER/memguard_runtime.py` copies it into an app.
"""

from __future__ import annotations

import gc
import os
import sys
import threading

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")

MIB = 2**20
PROC, MOUNT = "/proc", "/sys/fs/cgroup"

WARN, STOP, HYSTERESIS = 0.85, 0.90, 0.05
"""Shares of the limit: where a guard warns and stops, and how far below that a bound is left again."""

UNLIMITED = 2**60
"""A limit from here on is none: version 1 of control groups writes the largest number of pages that fits into 63 bits."""


class _Record:
    """Values by the names in a class; `collections` and `typing` are not loaded for it."""

    def __init__(self, *values: object) -> None:
        self.__dict__.update(zip(type(self).__annotations__, values))  # noqa: B905 - `strict` came with 3.10

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


class Production(_Record):
    """A platform by its name, the empty string where only a variable says that this is production, and that variable."""

    platform: str
    why: str


STAGES = ("ENVIRONMENT", "APP_ENV", "ENV", "PYTHON_ENV", "DJANGO_ENV", "FLASK_ENV", "NODE_ENV", "VERCEL_ENV", "GAE_ENV",
          "RAILWAY_ENVIRONMENT_NAME", "RAILWAY_ENVIRONMENT", "PRODUCTION")  # fmt: skip
FOR_DEVELOPERS = ("development", "dev", "local", "localdev", "test", "testing", "ci")
FOR_USERS = ("production", "prod", "live")
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
WORKSPACES = ("CI", "CODESPACES", "GITPOD_WORKSPACE_ID", "AWS_SAM_LOCAL")  # which may imitate any platform

PLATFORMS = (
    ("render", "RENDER"), ("railway", "RAILWAY_ENVIRONMENT_NAME"), ("railway", "RAILWAY_ENVIRONMENT"), ("heroku", "DYNO"),
    ("fly", "FLY_APP_NAME"), ("koyeb", "KOYEB_APP_NAME"), ("cloud run", "K_SERVICE"), ("cloud run", "CLOUD_RUN_JOB"),
    ("app engine", "GAE_ENV"), ("lambda", "AWS_LAMBDA_FUNCTION_NAME"), ("ecs", "ECS_CONTAINER_METADATA_URI_V4"),
    ("azure container apps", "CONTAINER_APP_NAME"), ("azure app service", "WEBSITE_SITE_NAME"), ("vercel", "VERCEL"),
    ("replit", "REPLIT_DEPLOYMENT"), ("hugging face spaces", "SPACE_ID"), ("pythonanywhere", "PYTHONANYWHERE_DOMAIN"),
    ("scalingo", "CONTAINER_MEMORY"), ("kubernetes", "KUBERNETES_SERVICE_HOST"),
)  # fmt: skip
"""Platforms by a variable that they set; the general one comes last."""


def production() -> Production | None:
    """Return where the app is deployed; None on the machine of a developer, and where a variable says development."""
    values = {name: value.strip().lower() for name, value in os.environ.items()}
    stages = {name: values[name] for name in STAGES if name in values}
    if stages.get("PRODUCTION", "1") in NO[1:] or any(value in FOR_DEVELOPERS for value in stages.values()):
        return None
    if any(values.get(name, "") not in NO for name in WORKSPACES):
        return None
    for platform, name in PLATFORMS:
        if values.get(name, "") not in NO:
            return Production(platform, name)
    says = (name for name, value in stages.items() if value in (YES if name == "PRODUCTION" else FOR_USERS))
    return next((Production("", name) for name in says), None)


class Limit(_Record):
    """The most memory in bytes, and what says so: a file of the kernel, a variable, a limit of the process."""

    size: int
    source: str


class Usage(_Record):
    """What counts against a limit, in bytes.

    `working` is what is charged less the pages of files that were not used of late, which the kernel drops first;
    `anonymous` is what no file holds, None where nobody tells.
    """

    working: int
    anonymous: int | None
    limit: int
    source: str

    @property
    def share(self) -> float:
        """The part of the limit that is taken."""
        return self.working / self.limit

    def __str__(self) -> str:
        return f"{self.working / MIB:.0f} of {self.limit / MIB:.0f} MiB"


def limit() -> Limit | None:
    """Return the least of all limits around the process; None where nobody tells."""
    least = min(_bounds(), key=lambda one: one.limit, default=None)
    return None if least is None else Limit(least.limit, least.source)


def usage() -> Usage | None:
    """Return what is taken of the limit that is nearest to be reached; None where nobody tells."""
    return max(_bounds(), key=lambda one: one.share, default=None)


def _bounds() -> list[Usage]:
    """Return all that bounds the process: the machine, whose memory others take too, only where nothing else does."""
    machine = list(_machine())
    total = machine[0].limit if machine else UNLIMITED
    return [one for one in (*_groups(), *_process()) if 0 < one.limit < total] or machine


FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_rss", "total_inactive_file")
SECOND = ("memory.max", "memory.current", "anon", "inactive_file")
"""What the two versions of control groups call a limit and the use of it (cgroup-v1/memory.rst, cgroup-v2.rst)."""


def _groups() -> Iterable[Usage]:
    """Return the groups around the process, the nearest first."""
    rows = [line.split(":", 2) for line in _read(PROC + "/self/cgroup").splitlines()]
    first = [path for _, names, path in rows if "memory" in names.split(",")]
    second = [path for number, names, path in rows if (number, names) == ("0", "")]
    return _climb(MOUNT + "/memory", first[0], FIRST) if first else _climb(MOUNT, second[0], SECOND) if second else ()


def _climb(top: str, path: str, names: tuple[str, str, str, str]) -> Iterator[Usage]:
    """Yield a group and those above it. A container sees its own group as the top, whatever it is called outside."""
    parts = [part for part in path.split("/") if part]
    while True:
        folder = "/".join([top, *parts])
        used = None if ".." in parts else _number(_read(f"{folder}/{names[1]}"))
        if used is not None:
            stat = _table(_read(folder + "/memory.stat"))
            # Version 1 tells of groups above that a container does not see.
            for size in (_number(_read(f"{folder}/{names[0]}")), stat.get("hierarchical_memory_limit")):
                if size is not None:
                    yield Usage(max(used - stat.get(names[3], 0), 0), stat.get(names[2]), size, names[0])
        if not parts:
            return
        parts.pop()


VARIABLES = {
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MIB, "FLY_VM_MEMORY_MB": MIB, "GAE_MEMORY_MB": MIB, "KOYEB_INSTANCE_MEMORY_MB": MIB,
    "WEBSITE_MEMORY_LIMIT_MB": MIB, "CONTAINER_MEMORY": 1,
}  # fmt: skip
"""Variables by which platforms tell the limit, with the bytes of their unit."""


def _process() -> Iterator[Usage]:
    """Yield the limits that a variable tells, and that of the process itself, against what this process takes."""
    pages = [_number(word) or 0 for word in _read(PROC + "/self/statm").split()]
    if len(pages) < 3 or sys.platform == "win32":
        return
    whole, resident, shared = (number * os.sysconf("SC_PAGE_SIZE") for number in pages[:3])
    for name, unit in VARIABLES.items():
        yield Usage(resident, resident - shared, (_number(os.environ.get(name, "")) or 0) * unit, name)
    import resource

    size = resource.getrlimit(resource.RLIMIT_AS)[0]
    yield Usage(whole, None, UNLIMITED if size == resource.RLIM_INFINITY else size, "RLIMIT_AS")


def _machine() -> Iterator[Usage]:
    sizes = _table(_read(PROC + "/meminfo").replace(":", "").replace(" kB", ""))
    if sizes.get("MemTotal") and "MemAvailable" in sizes:
        taken = sizes["MemTotal"] - sizes["MemAvailable"]
        yield Usage(max(taken, 0) * 1024, None, sizes["MemTotal"] * 1024, "MemTotal")


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(MIB)
    except (OSError, ValueError):
        return ""


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdigit() and len(text) <= 20 else None


def _table(text: str) -> dict[str, int]:
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and _number(pair[1]) is not None}


def _write(line: str) -> None:
    if sys.stderr is not None:
        print(line, file=sys.stderr, flush=True)


def log_memory_usage(stage: str, log: Callable[[str], object] = _write) -> None:
    """Write one line, by `logger.info` if you like: `memory startup: 263 of 512 MiB (anonymous 201)`."""
    now = usage()
    anonymous = "" if now is None or now.anonymous is None else f" (anonymous {now.anonymous / MIB:.0f})"
    log(f"memory {stage}: {now or 'not known on this system'}{anonymous}")


def choose(options: Iterable[tuple[str, float]], stop: float = STOP) -> str | None:
    """Return the first name whose MiB fit beside what is taken; None where none does, the first where nobody tells.

    The MiB are the most that loading takes on top of what the process has now: import the library first.
    """
    now = usage()
    fits = (name for name, mib in options if now is None or now.working + mib * MIB <= stop * now.limit)
    return next(fits, None)


def load(options: Sequence[tuple[str, float, Callable[[], T]]], stop: float = STOP) -> tuple[str, T]:
    """Load the first of `(name, MiB, function)` that fits, and return its name and what the function returned.

    Raises MemoryError where none fits. Under `hard_limit`, one that fails for want of memory is followed by the next.
    """
    for name, mib, function in options:
        if choose([(name, mib)], stop) is not None:
            try:
                return name, function()
            except MemoryError:
                continue
            finally:
                release()
    raise MemoryError(f"none fits beside what is taken: {usage()}")


def release() -> None:
    """Collect what is unreachable, and give free memory of the allocator back to the kernel."""
    gc.collect()
    try:
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)
    except (ImportError, OSError, AttributeError, TypeError):  # only glibc has it
        pass


def hard_limit(fraction: float = 0.95) -> int | None:
    """Make the process get a MemoryError where the kernel would kill it soon; return the bytes, None where none is set.

    The limit is one on private writable memory, reserved or in use (RLIMIT_DATA).
    """
    found = limit()
    if found is None or sys.platform != "linux":
        return None
    import resource

    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    size = min(int(found.size * fraction), UNLIMITED if most == resource.RLIM_INFINITY else most)
    resource.setrlimit(resource.RLIMIT_DATA, (size, most))
    return size


class guard:  # noqa: N801 - called like a function
    """One daemon thread that looks at the memory, until `close`.

    A share of the limit that is crossed is told in one line, and what was given for it is called in the thread; for a loop
    of asyncio give `lambda: loop.call_soon_threadsafe(...)`. A forked process has a thread of its own.
    """

    def __init__(
        self, warn: float = WARN, stop: float = STOP, every: float = 5, on_warn: Callable[[], object] = release,
        on_stop: Callable[[], object] = lambda: None, log: Callable[[str], object] = _write,
    ) -> None:  # fmt: skip
        self._bounds, self._calls = (warn, max(warn, stop)), (on_warn, on_stop)
        self._every, self._log, self._reached = every, log, 0
        _guards.add(self)
        self.start()

    @property
    def level(self) -> str:
        """What was seen last: `ok`, `warn` or `stop`."""
        return ("ok", "warn", "stop")[self._reached]

    def look(self) -> None:
        """Look once, and once more behind each bound that is crossed: what is called there may have helped."""
        with self._looking:
            while True:
                now, before = usage(), self._reached
                if now is None:
                    return
                bounds = (one - HYSTERESIS * (number < before) for number, one in enumerate(self._bounds))
                reached = sum(now.share >= one for one in bounds)
                if reached == before:
                    return
                self._reached = min(reached, before + 1)
                try:
                    self._log(f"memory: {now}, {now.share:.0%}: {self.level}")
                    if reached > before:
                        self._calls[before]()
                except Exception as error:  # noqa: BLE001 - whatever it is, the memory is watched
                    _write(f"memory: what is called at {self.level} failed: {error!r}")

    def start(self) -> None:
        """Start the thread, also behind a fork."""
        self._done, self._looking = threading.Event(), threading.RLock()
        self._thread = threading.Thread(target=self._watch, args=(self._done,), name="memguard", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread, also before a fork: no thread may hold a lock while the process is copied."""
        self._done.set()
        if self._thread is not threading.current_thread():
            self._thread.join(1)

    def close(self) -> None:
        """Watch no longer."""
        _guards.discard(self)
        self.end()

    def _watch(self, done: threading.Event) -> None:
        while not done.is_set():
            self.look()
            done.wait(self._every)


_guards: set[guard] = set()
if hasattr(os, "register_at_fork"):
    _start = lambda: list(map(guard.start, [*_guards]))  # noqa: E731 - twice the same
    os.register_at_fork(before=lambda: list(map(guard.end, [*_guards])), after_in_parent=_start, after_in_child=_start)


class lazy:  # noqa: N801 - called like a function
    """Imports a module when one of its names is first used, once for all threads: `pandas = lazy("pandas")`."""

    def __init__(self, name: str) -> None:
        self.__dict__["__name__"] = name

    def __getattr__(self, attribute: str) -> Any:
        __import__(self.__name__)
        return getattr(sys.modules[self.__name__], attribute)

    def __setattr__(self, attribute: str, value: object) -> None:
        __import__(self.__name__)
        setattr(sys.modules[self.__name__], attribute, value)
