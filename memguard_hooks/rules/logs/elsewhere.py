"""What other files say of names: what the functions do that a dropped line calls, and how long a poll waits."""

from __future__ import annotations

import re

from memguard_hooks.errors import MemguardError
from memguard_hooks.logs.arguments import bodies_of, unknown_work
from memguard_hooks.logs.loops import SLOW_SECONDS

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_NAMES = 60
"""Functions that are looked for in one service: of more nobody knows what they do."""
MAX_FILES = 6
"""Files with a function of one name: a name that more have says nothing."""
MAX_STEPS = 2
"""Calls from the body of one function into that of another."""

_WRITES = re.compile(r"^(?:pretty|dump|serialize|render|describe|summari[sz]e)(?:_|$)|_for_log(?:ging)?$|_dumps?$")
"""Names of functions that write out a whole."""
_DEFINED = re.compile(rb"(?m)^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)")

_GIVEN = rb"['\"]?\]?[ \t]*(?::[^=\n{]{0,60})?[=:]([^\n#]{0,160})"
"""What gives a name its number: `poll: int = 30`, `"poll": 30`, `poll = int(os.environ.get("POLL", "30"))`."""
_NUMBER = re.compile(rb"(?<![\w.])\d+(?:\.\d+)?(?!\w)")


class Elsewhere:
    """The functions and numbers of a project by their last names, read when they are asked for."""

    def __init__(self, paths: Sequence[str], read: Callable[[str], bytes]) -> None:
        self._paths, self._open = paths, read
        self._known: dict[str, bool | None] = {}
        self._defined: dict[bytes, list[str]] | None = None
        self._pauses: dict[str, bool] = {}

    def _read(self, path: str) -> bytes:
        try:
            return self._open(path)
        except MemguardError:
            return b""

    def do_work(self, name: str) -> bool:
        """Return whether a function by a name does what may grow: one of the project, or one that says so by its name."""
        works = self._work_of(name)
        return _WRITES.search(name) is not None if works is None else works

    def _work_of(self, name: str, steps: int = 0) -> bool | None:
        """Return whether a function of a name does what may grow, None where there is none, or too many."""
        if name not in self._known and len(self._known) < MAX_NAMES:
            self._known[name] = True  # also where it comes back to itself
            self._known[name] = self._judge(name, steps)
        return self._known.get(name)

    def is_short(self, pause: str) -> bool:
        """Return whether each number that a name is given is less than a minute; not where there is none."""
        if pause not in self._pauses and len(self._pauses) < MAX_NAMES:
            name = pause.encode()
            given = re.compile(rb"(?i)\b%s%s" % (re.escape(name), _GIVEN))
            holding = (data for path in self._paths if name in (data := self._read(path)))
            told = (_NUMBER.findall(one) for data in holding for one in given.findall(data))
            found = [max(map(float, numbers)) for numbers in told if numbers]  # of `max(1, int(…, "300"))` it is 300
            unit = 1000 if pause.lower().endswith("_ms") else 1
            self._pauses[pause] = bool(found) and all(0 < one < SLOW_SECONDS * unit for one in found)
        return self._pauses.get(pause, False)

    def _defined_in(self, name: str) -> list[str]:
        """Return the files that define a function or a class of a name, one more than `MAX_FILES` at most."""
        if self._defined is None:
            self._defined = {}
            for path in self._paths:
                for found in frozenset(_DEFINED.findall(self._read(path))):
                    paths = self._defined.setdefault(found, [])
                    if len(paths) <= MAX_FILES:
                        paths.append(path)
        return self._defined.get(name.encode(), [])

    def _judge(self, name: str, steps: int) -> bool | None:
        from memguard_hooks.formats.python_source import decode, parse

        paths = self._defined_in(name)
        if not 0 < len(paths) <= MAX_FILES:
            return None
        try:
            found = [body for path in paths for body in bodies_of(parse(decode(self._read(path))), name)]
        except (MemguardError, RecursionError):
            return None
        asked = [unknown_work(body) for body in found if body is not None]
        if not found or None in asked or (steps >= MAX_STEPS and any(asked)):
            return True
        inner = sorted({one for names in asked for one in names or ()})
        return any(self._work_of(one, steps + 1) is not False for one in inner)
