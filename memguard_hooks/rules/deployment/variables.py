"""Variables of the runtime: misspelt, set to what they do not understand, or meant for debugging.

What the interpreter makes of a value was asked of CPython 3.10, 3.11 and 3.13: `PYTHONUNBUFFERED` and
`PYTHONDONTWRITEBYTECODE` are off by 0 and on by any other word, `False` too; `PYTHONDEVMODE` and `PYTHONASYNCIODEBUG` are
on by any word, 0 too. glibc 2.36 makes no fewer arenas by `MALLOC_ARENA_MAX=0` or a word (its manual: tunables.texi;
the names that end in an underscore are those of mallopt). What debugging takes was measured on an app of 51 MiB
(django.db.models, fastapi, celery; CPython 3.11.7, Linux x86_64, 2026-11-22): 57 under `PYTHONDEVMODE` or
`PYTHONMALLOC=debug`, 78 under `PYTHONTRACEMALLOC=1`, 138 with 25 frames.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from memguard_hooks.app.service_estimate import RunningService
from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.finding import MIB, Finding
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record
from memguard_hooks.rules.deployment.findings import finding

KNOWN = (
    "GUNICORN_CMD_ARGS", "MALLOC_ARENA_MAX", "MALLOC_ARENA_TEST", "MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TOP_PAD_", "MALLOC_TRIM_THRESHOLD_", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE",
    "PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONMALLOC", "PYTHONOPTIMIZE", "PYTHONTRACEMALLOC", "PYTHONUNBUFFERED",
    "PYTHONIOENCODING", "PYTHONUTF8", "UVICORN_WORKERS", "WEB_CONCURRENCY",
)  # fmt: skip
"""Variables whose misspelling is told; what projects have for themselves, such as `PYTHON_PATH`, is near none of them."""

_PREFIXES = ("PYTHON", "MALLOC_", "GUNICORN_", "WEB_CONC", "UVICORN_")

_NAME = late_pattern(rb"\b(?:PYTHON|MALLOC_|GUNICORN_|WEB_CONC|UVICORN_)\w{1,40}")

_RIGHT = frozenset({"PYTHONMALLOCSTATS", "UVICORN_WORKER", "PYTHONOPTIMIZED"})
"""Names near a known one that are names of their own."""

MAX_DISTANCE = 2

MAX_VARIABLES = 500
"""Variables of one service that are judged."""

OFF_BY_ZERO = frozenset({"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONOPTIMIZE"})
ON_BY_ANYTHING = frozenset({"PYTHONDEVMODE", "PYTHONASYNCIODEBUG"})

_MEANS_OFF = frozenset({"0", "false", "no", "off", "n", "f", "disable", "disabled"})
_MEANS_ON = frozenset({"1", "true", "yes", "on", "y", "t"})

_ALLOCATORS = late_pattern(r"|default|debug|(malloc|pymalloc|mimalloc)(_debug)?")
_SINCE_313 = late_pattern(r"mimalloc(_debug)?")


class StartedProgram(Record):
    """A program as its variables see it: all that it is given, where those stand that are judged, and how it is started."""

    environment: Mapping[str, str]
    places: Mapping[str, ServicePlace]
    command: str = ""
    program: str | None = None
    target_python: tuple[int, int] | None = None
    is_for_developers: bool = False


def check(running: RunningService, names_read: Callable[[], frozenset[str]]) -> Iterator[Finding]:
    """Judge the variables that the repository sets for one service; `names_read` gives those that it reads itself."""
    service = running.service
    started = StartedProgram(
        service.environment,
        service.variables,
        service.command,
        running.command.program,
        running.settings.target_python,
        running.is_for_developers,
    )
    yield from judge(started, names_read)


def judge(started: StartedProgram, names_read: Callable[[], frozenset[str]]) -> Iterator[Finding]:
    """Judge the variables of one program; `names_read` gives those that the project reads itself."""
    for name, place in islice(started.places.items(), MAX_VARIABLES):
        value = started.environment.get(name)
        near = _misspelt(started, name, names_read)
        if near is not None:
            yield _renamed(name, near, place)
        elif value is not None:
            yield from _value(started, name, value, place)


# Names


def _misspelt(started: StartedProgram, name: str, names_read: Callable[[], frozenset[str]]) -> str | None:
    """Return the known variable that a name is plausibly meant to be, unless the project itself reads it."""
    near = nearest(name)
    return None if near is None or name in started.command or name in names_read() else near


@lru_cache(maxsize=4096)
def nearest(name: str) -> str | None:
    """Return the known variable that differs from a name by a letter or two."""
    if name in KNOWN or name in _RIGHT or not name.startswith(_PREFIXES) or len(name) > 40:
        return None
    prefix = next(prefix for prefix in _PREFIXES if name.startswith(prefix))
    near_by = [known for known in KNOWN if known.startswith(prefix) and abs(len(known) - len(name)) <= MAX_DISTANCE]
    distance, near = min(((_distance(name, known), known) for known in near_by), default=(len(name), ""))
    return near if distance <= MAX_DISTANCE else None


def read_names(project: Project) -> frozenset[str]:
    """Return the names that the scripts and sources of a project mention and that look like variables of the runtime."""
    found: set[bytes] = set()
    for path in project.paths:
        if path.endswith((".py", ".sh", "entrypoint")):
            found.update(_NAME.findall(project.read_file(path) or b""))
    return frozenset(name.decode() for name in found)


def _renamed(name: str, near: str, place: ServicePlace) -> Finding:
    message = f"{name} is read by nobody: the variable is called {near}"
    return finding(place, "MG701", name, message, f"write {near}", severity="error")


def _distance(one: str, other: str) -> int:
    """Return how many letters to add, delete, replace or swap with their neighbor to make one word of another."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        last, before = before, row
        if min(row) > MAX_DISTANCE:
            return MAX_DISTANCE + 1
        row = [i]
        for j, wanted in enumerate(other, start=1):
            best = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]


# Values


def _value(started: StartedProgram, name: str, value: str, place: ServicePlace) -> Iterator[Finding]:
    refusal = refused(name, value, _python(started))
    if refusal is not None:
        message = f"{name}={value[:40]} keeps the interpreter from starting: {refusal}"
        yield finding(place, "MG703", name, message, f"delete it, or correct the value of {name}", severity="error")
        return
    word = value.strip().lower()
    if name in OFF_BY_ZERO and word in _MEANS_OFF - {"0"}:
        message = f"{name}={value} switches it on: every word but 0 does"
        yield finding(place, "MG702", name, message, "delete it, or write 0")
    elif name == "PYTHONUNBUFFERED" and re.fullmatch(r"|0+", value):
        message = f"{name}={value} does nothing: output stays buffered, and what a killed process has printed is lost"
        yield finding(place, "MG702", name, message, "write PYTHONUNBUFFERED=1, or delete it")
    elif name in ON_BY_ANYTHING and word in _MEANS_OFF:
        message = f"{name}={value} switches it on: every word does, also 0"
        yield finding(place, "MG702", name, message, "delete it")
    elif name == "MALLOC_ARENA_MAX" and not re.fullmatch(r"\s*(0[xX][0-9a-fA-F]+|0*[1-9]\d*)\s*", value):
        message = f"{name}={value} limits nothing: there may still be 8 arenas for each CPU"
        yield finding(place, "MG702", name, message, "write a number, such as MALLOC_ARENA_MAX=2")
    else:
        yield from _debugging(started, name, value, place)


def refused(name: str, value: str, python: tuple[int, int] | None) -> str | None:
    """Return why the interpreter refuses to start with a value, None where it does not."""
    if name == "PYTHONMALLOC" and not _ALLOCATORS.fullmatch(value):
        return "it knows no such allocator"
    if name == "PYTHONMALLOC" and _SINCE_313.fullmatch(value) and python is not None and python < (3, 13):
        return "there is mimalloc from Python 3.13 on"
    if name == "PYTHONTRACEMALLOC" and value and not (re.fullmatch(r"[0-9]{1,5}", value) and int(value) < 2**16):
        return "it is no number of frames"
    if (
        name == "PYTHONHASHSEED"
        and value not in ("", "random")
        and not (re.fullmatch(r"[0-9]{1,10}", value) and int(value) < 2**32)
    ):
        return "it is neither `random` nor a number below 2³²"
    return None


def _python(started: StartedProgram) -> tuple[int, int] | None:
    match = re.match(r"(\d)\.(\d{1,2})", started.environment.get("PYTHON_VERSION", ""))
    return started.target_python or ((int(match[1]), int(match[2])) if match is not None else None)


def _debugging(started: StartedProgram, name: str, value: str, place: ServicePlace) -> Iterator[Finding]:
    """MG706; what is for developers may debug."""
    if started.is_for_developers or not value:
        return
    word = value.strip().lower()
    why, cost = "", None
    if name == "PYTHONDEVMODE" or (name == "PYTHONMALLOC" and word.endswith("debug")):
        why, cost = "each block of memory gets padding and checks: 51 MiB became 57 where it was measured", 6 * MIB
    elif name == "PYTHONTRACEMALLOC" and value.strip("0"):
        why, cost = "each allocation is kept with its place: 51 MiB became 78 where it was measured", 27 * MIB
        if int(value) >= 25:
            why, cost = "each allocation is kept with its frames: 51 MiB became 138 where it was measured", 87 * MIB
    elif name == "PYTHONASYNCIODEBUG":
        why = "each task keeps the stack that made it"
    elif (name in ("FLASK_DEBUG", "DJANGO_DEBUG") and word in _MEANS_ON) or (
        name == "FLASK_ENV" and word == "development" and started.program == "flask"
    ):
        why = "the framework keeps what it needs to show errors and queries, and shows them to everyone"
    if why:
        message = f"{name}={value} is for debugging: {why}"
        yield finding(place, "MG706", name, message, f"delete {name}", cost=cost)
