"""MG501, MG505 and MG508: the level that production gets, libraries that say much at it, and where it is written.

How many lines a library writes was measured at a local server (2026-11-28): httpx 1 a request at INFO and 13 with
httpcore at DEBUG, the openai client 1 and 17 a call, a call of the Bot API by python-telegram-bot 1 and 15, APScheduler 2
and 6 a run, boto3 32 for one client, requests 2 a request, matplotlib 76 for the first figure, pymongo 6 a second while
its server is away. Railway shows what is written to stderr as errors (railwayapp/docs, observability/logs), and drops
what is over 500 lines a second.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.rules.logs.findings import finding, is_for_developers

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memguard_hooks.deployment.service import Service
    from memguard_hooks.finding import Finding
    from memguard_hooks.logs.model import LogSetup
    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.logs.findings import Reached


class Loud(Record):
    """A library, the logger that speaks for it, the level from which on it does, and how much that is."""

    module: str
    logger: str
    level: str
    about: str


_SCHEDULER = "apscheduler"
_JOBS = frozenset({"add_job", "add_schedule", "init_app", "run_custom", "run_daily", "run_monthly", "run_once",
                   "run_repeating", "scheduled_job", "task"})  # fmt: skip
"""Last names of what gives APScheduler its jobs, also by the queue of python-telegram-bot and by Flask-APScheduler."""

LOUD = (
    Loud("telegram", "httpx", "INFO", "1 line for each call of the Bot API"),
    Loud("httpx", "httpx", "INFO", "1 line a request"),
    Loud("openai", "httpx", "INFO", "1 line a call"),
    Loud("anthropic", "httpx", "INFO", "1 line a call"),
    Loud("groq", "httpx", "INFO", "1 line a call"),
    Loud("mistralai", "httpx", "INFO", "1 line a call"),
    Loud("ollama", "httpx", "INFO", "1 line a call"),
    Loud("supabase", "httpx", "INFO", "1 line a request"),
    Loud("apscheduler", "apscheduler", "INFO", "2 lines a run of a job"),
    Loud("httpx", "httpcore", "DEBUG", "12 lines a request"),
    Loud("openai", "httpcore", "DEBUG", "12 lines a call"),
    Loud("openai", "openai", "DEBUG", "4 lines a call"),
    Loud("telegram", "telegram", "DEBUG", "2 lines a call"),
    Loud("requests", "urllib3", "DEBUG", "2 lines a request"),
    Loud("urllib3", "urllib3", "DEBUG", "2 lines a request"),
    Loud("boto3", "botocore", "DEBUG", "44 lines for a client"),
    Loud("botocore", "botocore", "DEBUG", "32 lines for a client"),
    Loud("matplotlib", "matplotlib", "DEBUG", "76 lines for the first figure"),
    Loud("pymongo", "pymongo", "DEBUG", "6 lines a second while its server is away"),
    Loud("motor", "pymongo", "DEBUG", "6 lines a second while its server is away"),
    Loud("aiosqlite", "aiosqlite", "DEBUG", "2 lines for each call of the database"),
    Loud("PIL", "PIL", "DEBUG", "2 lines for the smallest PNG"),
)
"""What is loud, by the modules that bring it: `benchmarks/muting.py` counts the lines, and that none is left once muted."""

_VARIABLE = late_pattern(r"(?i)(?:\w+_)?LOG(?:GING|URU)?_?LEVEL")
_OPTION = late_pattern(r"(?i)(?:--log-?level[= ]|(?<=\s)-l )[\"']?(debug|trace)\b")

FIRST_HTTPX = 20
"""The major version of python-telegram-bot from which on it asks by httpx, which logs the address."""

_TO_INFO = "INFO is what production needs"


def check_deployment(service: Service, reached: Iterable[Reached] = ()) -> Iterator[Finding]:
    """MG501 in what is deployed: variables that somebody may read, and start commands."""
    if is_for_developers(service):
        return
    for name, place in service.variables.items():
        value = service.environment.get(name, "")
        if _VARIABLE.fullmatch(name) is not None and _is_debug(value) and not _is_read_by_nobody(name, service, reached):
            message = f"{service.name} runs at {value[:20]}: {name} says so, and {_TO_INFO}"
            yield finding(place, "MG501", name, message, f"set {name}=INFO", is_fixable=True)
    is_loud = any(word in service.command.lower() for word in ("debug", "trace"))
    found = _OPTION.search(service.command) if is_loud else None
    if found is not None:
        message = f"{service.name} is started at level {found[1]}: {_TO_INFO}"
        fix = "write --log-level info, or leave it out"
        yield finding(service.place, "MG501", service.name, message, fix, is_fixable=True)


_PLAIN = frozenset({"LOG_LEVEL", "LOGLEVEL", "LOGGING_LEVEL"})
"""Names that no library reads by itself, unlike `LOGURU_LEVEL` or `UVICORN_LOG_LEVEL`."""
_READS = late_pattern(rb"(?i)log(?:ging)?_?level")


def _is_read_by_nobody(name: str, service: Service, reached: Iterable[Reached]) -> bool:
    """Return whether the whole code of a service is known, and neither it nor its start has a word of a level."""
    entries = [one.entry for one in reached if one.entry.service == service]
    if name not in _PLAIN or not entries or _READS.search(service.command.encode()) is not None:
        return False
    sources = entries[0].sources
    return not any(
        _READS.search(sources.data(path)) for one in reached for path in one.paths if one.entry.service == service
    )


def _is_debug(text: str) -> bool:
    from memguard_hooks.logs.model import LEVELS, level_of_text

    level = level_of_text(text)
    return bool(level) and LEVELS[level] < LEVELS["INFO"]


def check(project: Project, reached: Reached) -> Iterator[Finding]:
    """Judge the levels that the code of a service sets; where developers start it, what tells a secret alone."""
    service = reached.entry.service
    is_plain = not is_for_developers(service)
    muted = {name for logs in reached.files.values() for name in logs.muted}
    loud: list[list[Finding]] = []
    if is_plain:
        yield from _by_itself(reached)
    for path, logs in reached.files.items():
        for setup in logs.setups:
            place = ServicePlace(path, setup.line, setup.column)
            if is_plain:
                yield from _level(service, setup, place)
            if setup.kind == "root":
                found = list(_loud(project, reached, muted, setup, place))
                loud += [found] if found else []
            elif is_plain and setup.kind == "stderr" and service.platform == "railway":
                yield from _as_errors(reached, place, setup.detail, "pass stream=sys.stdout")
    yield from (one for one in _most(loud, reached.entry.path) if is_plain or one.severity == "error")


def _most(loud: Sequence[Sequence[Finding]], entry: str) -> Sequence[Finding]:
    """Return what is said of the file whose fix mutes most, which is enough; the entry point first."""
    return max(loud, key=lambda found: (sum(len(one.fix) for one in found), found[0].path == entry), default=())


def _by_itself(reached: Reached) -> Iterator[Finding]:
    """MG501 and MG508 where loguru is left as it comes: it writes DEBUG to stderr."""
    kept = [(path, one) for path, logs in reached.files.items() for one in logs.setups if one.kind in ("default", "removed")]
    if not kept or any(one.kind == "removed" for _, one in kept):
        return
    service = reached.entry.service
    path, setup = min(kept, key=lambda one: (one[1].level, one[0]))
    place = ServicePlace(path, setup.line, setup.column)
    if _is_debug(_effective(service, setup)):
        message = f"{setup.detail} writes DEBUG where {setup.variable} is not set, as for {service.name}"
        yield finding(place, "MG501", "loguru", message, f"set {setup.variable}=INFO")
    if service.platform == "railway":
        yield from _as_errors(reached, place, setup.detail, "logger.remove(); logger.add(sys.stdout)")


_SWITCH = late_pattern(
    rb"(?i)\b((?:[a-z]{1,20}_)?(?:log(?:s|ging)?_(?:as_)?(?:json|format|formatter|style|renderer)|json_log(?:s|ging)?"
    rb"|structured_log(?:s|ging)?|log(?:s|ging)?_structured))\b(?:['\"]|[ \t]*:[ \t]*(?:bool|str|Literal)\b)"
)
"""What reads whether lines are JSON: a variable of the environment in quotes, or a field of settings."""
_JSON = late_pattern(r"(?i)json|structured|^(?:1|true|yes|on)$")


def _as_errors(reached: Reached, place: ServicePlace, detail: str, fix: str) -> Iterator[Finding]:
    """MG508: what is written to stderr where the platform shows that as errors.

    Nothing is said where the deployment turns lines of JSON on by a variable that the code reads: what it sets up then
    may write elsewhere. Where the code has such a switch, and nobody turns it on, it is named.
    """
    service, data = reached.entry.service, reached.entry.sources.data
    found = (one[1].decode().upper() for path in reached.paths for one in _SWITCH.finditer(data(path)))
    switches = sorted({one for one in found if one not in ("LOG_FORMAT", "LOGGING_FORMAT") or one in service.variables})
    if any(_JSON.search(service.environment.get(one, "")) for one in switches):
        return
    message = f"{detail} writes to stderr, and Railway shows all of it as errors"
    named = (f"or turn {switches[0]} on as well: of lines of JSON Railway shows the level",) if switches else ()
    yield finding(place, "MG508", "stderr", message, fix, *named)


def _level(service: Service, setup: LogSetup, place: ServicePlace) -> Iterator[Finding]:
    """MG501 in code: a level that is fixed, or a default that no variable of the deployment changes."""
    if setup.kind == "echo":
        message = f"{setup.detail} logs each statement with its parameters: 4 lines a select"
        yield finding(place, "MG501", "echo", message, "delete echo, or take it from a variable that is off in production")
    elif setup.kind in ("root", "logger", "server") and _is_debug(_effective(service, setup)):
        if setup.variable in service.variables:
            name, where = setup.variable, service.variables[setup.variable]
            if not _VARIABLE.fullmatch(name):
                yield finding(where, "MG501", name, f"{service.name} runs at DEBUG: {name} says so", f"set {name}=INFO")
        elif setup.variable:
            message = f"{setup.detail} takes {setup.level} where {setup.variable} is not set, as for {service.name}"
            yield finding(place, "MG501", setup.detail, message, f"make INFO the default, or set {setup.variable}=INFO")
        else:
            message = f"{setup.detail} sets {setup.level} in production too: {_TO_INFO}"
            is_code = place.path.endswith(".py")
            fix = 'take it from a variable: os.environ.get("LOG_LEVEL", "INFO")' if is_code else "write INFO"
            yield finding(place, "MG501", setup.detail, message, fix, is_fixable=not is_code)


def _effective(service: Service, setup: LogSetup) -> str:
    """Return the level that a service gets, empty where nobody can know."""
    from memguard_hooks.logs.model import level_of_text

    if setup.variable in service.environment:
        return level_of_text(service.environment[setup.variable])
    return "" if setup.variable in service.variables else setup.level


# MG505


def _loud(project: Project, reached: Reached, muted: set[str], setup: LogSetup, place: ServicePlace) -> Iterator[Finding]:
    """MG505: libraries that speak at the level of the root logger, and that nobody mutes."""
    from memguard_hooks.logs.loggers import mute_lines
    from memguard_hooks.logs.model import LEVELS

    level = _effective(reached.entry.service, setup)
    if not level or LEVELS[level] > LEVELS["INFO"]:
        return
    speaking = [
        one
        for one in LOUD
        if one.module in reached.modules and one.logger not in muted and LEVELS[one.level] >= LEVELS[level]
    ]
    loggers = {one.logger: one.about for one in reversed(speaking) if one.module != _SCHEDULER or _has_jobs(reached)}
    if "httpx" in loggers and _holds_token(project, reached):
        message = (
            f"at {level}, httpx writes the address of each request, and the token of the bot is part of it: who reads the "
            "log controls the bot"
        )
        yield finding(place, "MG505", "httpx", message, *mute_lines("httpx"), severity="error", is_fixable=True)
        del loggers["httpx"]
    if loggers:
        told = sorted(loggers.items())
        message = f"nobody mutes what speaks at {level}: {'; '.join(f'{name}, {about}' for name, about in told)}"
        lines = (line for name, _ in told for line in mute_lines(name))
        yield finding(place, "MG505", "loggers", message, *lines, is_fixable=True)


def _has_jobs(reached: Reached) -> bool:
    """Return whether a file gives a scheduler something to do: one without jobs says nothing."""
    functions = (reached.entry.sources.functions(path) for path in reached.paths)
    called = (term for found in functions for body in found.bodies for term, _ in body.calls)
    return any(term.rpartition(".")[2] in _JOBS for term in called)


def _holds_token(project: Project, reached: Reached) -> bool:
    """Return whether addresses that httpx asks hold the token of a Telegram bot."""
    if any(logs.holds_token for logs in reached.files.values()) and "httpx" in reached.modules:
        return True
    versions = project.declared.beside(reached.entry.path).versions
    version = versions.get("python-telegram-bot", "")
    major = re.match(r"\d+", version)
    return "telegram" in reached.modules and (major is None or int(major[0]) >= FIRST_HTTPX)
