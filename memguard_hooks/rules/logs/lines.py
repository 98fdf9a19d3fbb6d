"""MG502, MG503, MG504 and MG509: lines that are written too often, say nothing, cost though dropped, or hold too much.

What a line costs was measured on CPython 3.11.7, Linux x86_64, 2026-11-28: 10.8 µs of CPU for `logging.info` to a pipe,
so that 10,000 lines a second take 11 % of a core; 0.1 µs for a line that is dropped, 24 with `json.dumps` of 2 kB in its
arguments.
"""

from __future__ import annotations

from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.logs.arguments import asked_function
from memguard_hooks.logs.model import LogCall, is_judged, is_shown
from memguard_hooks.pattern import late_pattern
from memguard_hooks.rules.logs.across import fed_lines, idle_lines
from memguard_hooks.rules.logs.elsewhere import Elsewhere
from memguard_hooks.rules.logs.findings import finding

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.finding import Finding
    from memguard_hooks.rules.logs.findings import Reached

MAX_SUBJECT = 60


def check(reached: Reached) -> Iterator[Finding]:
    """Judge the lines of all files that a service reaches."""
    sources = reached.entry.sources
    elsewhere = Elsewhere(reached.paths, sources.data)
    for path, logs in reached.files.items():
        if is_judged(path):
            seen = [seen_whole(call, elsewhere) for call in logs.calls if not is_shown(path, call)]
            asks = _asking(sources.data(path)) if any(one.costly for one in seen) else ""
            for call in seen:
                yield from _judge(call, ServicePlace(path, call.line, call.column), asks)
    hot = {(path, call.line) for path, logs in reached.files.items() for call in logs.calls if call.hot or call.nothing}
    for path, line, loop in fed_lines(reached.files, reached.entry.resolver):
        if (path, line.line) not in hot:
            hot.add((path, line.line))
            call = LogCall(line.line, line.column, "INFO", line.text, hot=loop)
            yield from _judge(call, ServicePlace(path, line.line, line.column))
    for path, line, why in idle_lines(reached.files, reached.entry.resolver):
        if (path, line.line) not in hot:
            hot.add((path, line.line))
            call = LogCall(line.line, line.column, "INFO", line.text, nothing=why)
            yield from _judge(call, ServicePlace(path, line.line, line.column))


def seen_whole(call: LogCall, elsewhere: Elsewhere) -> LogCall:
    """Return a call with the marks that are left once the files are asked in which what it names is defined."""
    asked = asked_function(call.costly)
    if asked and not elsewhere.do_work(asked):
        call = call._replace(costly="")
    return call._replace(hot="") if call.pause and not elsewhere.is_short(call.pause) else call


_ASKS = "if logger.isEnabledFor(logging.DEBUG): …"


def _asking(data: bytes) -> str:
    """Return how a line asks first whether it is written, by the library that a file logs with."""
    library = _LIBRARY.search(data)
    return _LAZY[library[1] or library[2]] if library is not None else _ASKS


_LIBRARY = late_pattern(
    rb"(?m)^[ \t]*(?:from (loguru|structlog|logbook)\b|import (?:[\w, \t]*,[ \t]*)?(structlog|logbook)\b)"
)
_LAZY = {
    b"loguru": 'logger.opt(lazy=True).debug("{}", lambda: …)',
    b"structlog": "if logger.is_enabled_for(logging.DEBUG): … (structlog 25.1)",
    b"logbook": "if logger.level <= logbook.DEBUG: …",
}


def _judge(call: LogCall, place: ServicePlace, asks: str = _ASKS) -> Iterator[Finding]:
    subject = call.text[:MAX_SUBJECT]
    line = f"this line ({subject.strip()!r})" if subject.strip("{} ") else "this line"
    if call.nothing:
        message = f"{line} says at INFO that nothing happened, each time that {call.nothing} comes again"
        yield finding(place, "MG503", subject, message, "log it at DEBUG, or only when something was found")
    elif call.hot:
        message = f"{line} is written for each pass of {call.hot}"
        yield finding(place, "MG502", subject, message, "log it at DEBUG, and one line with the count when it ends")
    if call.costly:
        message = f"{call.costly} in the arguments of this DEBUG line runs also where the line is dropped"
        yield finding(place, "MG504", subject, message, f"ask first: {asks}", is_fixable=asks == _ASKS)
    if call.payload:
        message = f"{call.payload} is written whole at INFO: its size has no limit, and it may hold what nobody may read"
        yield finding(place, "MG509", subject, message, "log an identifier and the length")
