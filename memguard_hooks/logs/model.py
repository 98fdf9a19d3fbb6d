"""What one Python file says of logs: its calls, and what it sets. Loaded without what finds them."""

from __future__ import annotations

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

LEVELS = {
    "NOTSET": 0,
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "WARNING": 30,
    "WARN": 30,
    "ERROR": 40,
    "CRITICAL": 50,
    "FATAL": 50,
}


METHOD_LEVELS = {
    "trace": "DEBUG", "debug": "DEBUG", "info": "INFO", "success": "INFO", "print": "INFO", "msg": "INFO",
    "warning": "WARNING", "warn": "WARNING", "error": "ERROR", "exception": "ERROR", "critical": "CRITICAL",
    "fatal": "CRITICAL",
}  # fmt: skip
"""The level of each method of a logger; those of structlog and loguru are among them, and `print` counts as INFO."""

MAX_TEXT = 300
"""Characters of a text that are kept."""


class LogCall(Record):
    """One call. `text` is its message with `{}` for what is put in; the marks say what is wrong, empty where nothing is.

    `pause` names how long each pass of the hot loop waits, where another file may say that: it is hot if that is short.
    """

    line: int
    column: int
    level: str
    text: str
    hot: str = ""
    nothing: str = ""
    costly: str = ""
    payload: str = ""
    pause: str = ""
    is_print: bool = False

    @property
    def is_marked(self) -> bool:
        """Return whether a rule may have something to say."""
        return bool(self.hot or self.nothing or self.costly or self.payload)


class Fed(Record):
    """A function of another file that is given each part of a stream.

    `target` is `module:function` or `module:Class.method`, as the file imports it; `loop` is what gives it the parts.
    """

    target: str
    loop: str


class SteadyLine(Record):
    """A line that a function writes whenever it is called. `function` is its name in the file, with that of its class."""

    line: int
    column: int
    function: str
    text: str


class Across(Record):
    """What other files have to know of one.

    `fed` are functions of other files that are given each part of a stream, `steady` the lines that the functions of the
    file write whenever they are called. `again` are functions of other files that a loop without end, a task or a schedule
    comes to, `leads` those that functions of the file come to, each with the function as its `loop`, and `idle` the lines
    that say that nothing happened, by the functions that come to them.
    """

    fed: tuple[Fed, ...] = ()
    steady: tuple[SteadyLine, ...] = ()
    again: tuple[Fed, ...] = ()
    leads: tuple[Fed, ...] = ()
    idle: tuple[SteadyLine, ...] = ()


class LogSetup(Record):
    """One setting.

    `kind` is `root`, `logger`, `server` or `echo` for levels; `file`, `queue`, `memory` or `stderr` for handlers.

    `level` is its value, or the default where `variable` of the environment decides; `detail` is what a message needs.
    `is_main` says that it is set only where the file is the program (`if __name__ == "__main__"`).
    """

    line: int
    column: int
    kind: str
    level: str = ""
    variable: str = ""
    detail: str = ""
    is_main: bool = False


_ASIDE = late_pattern(
    r"(?:^|/)(?:(?:unit|func|integration)?tests?(?:[-_][^/]*)?|testing|migrations|scripts|management/commands|cli|contrib)/"
    r"|^(?:dev|docs|benchmarks?|playground|evaluation)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test|test|conftest|cli|__main__|manage|setup)\.py$"
)
"""Tests, scripts and commands, whose lines are what they are run for."""


def is_judged(path: str) -> bool:
    """Return whether the lines of a file are those of an app that serves."""
    return _ASIDE.search(path) is None


_EXAMPLE = late_pattern(r"(?i)(?:^|[/_-])(?:examples?|samples?|demos?|tutorials?|debug(?:ging)?)/|^tools/")


def is_shown(path: str, call: LogCall) -> bool:
    """Return whether a call prints in an example or a tool, which a person runs to see that."""
    return call.is_print and _EXAMPLE.search(path) is not None


_LEAST = 5
"""The least number that a level of Python's logging has: `TRACE` of loguru."""


def level_of_text(text: str) -> str:
    """Return the name of a level that a person has written, empty for what is none.

    Small numbers are of other scales: TensorFlow's `TF_CPP_MIN_LOG_LEVEL=2` hides what is less than an error.
    """
    word = text.strip().upper()
    if word.isdecimal():
        number = int(word[:4])
        below = "DEBUG" if _LEAST <= number < LEVELS["INFO"] else ""
        return next((name for name, value in LEVELS.items() if value == number), below)
    return word if word in LEVELS else ""
