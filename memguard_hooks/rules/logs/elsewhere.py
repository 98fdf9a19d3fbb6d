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

_NUMBER = rb"['\"]?\]?[ \t]*(?::[^=\n{]{0,60})?[=:][^\n#]{0,120}?(?<![\w.])(\d+(?:\.\d+)?)(?!\w)"
"""What gives a name its number: `poll: int = 30`, `"poll": 30`, `poll = int(os.environ.get("POLL", "30"))`."""


class Elsewhere:
    """The functions and numbers of a project by their last names, read when they are asked for."""

    def __init__(self, paths: Sequence[str], read: Callable[[str], bytes]) -> None:
        self._paths, self._open = paths, read
        self._known: dict[str, bool] = {}
        self._pauses: dict[str, bool] = {}

    def _read(self, path: str) -> bytes:
        try:
            return self._open(path)
        except MemguardError:
            return b""

    def do_little(self, name: str, steps: int = 0) -> bool:
        """Return whether all functions of a name do nothing that grows; not where there is none, or too many."""
        if name not in self._known and len(self._known) < MAX_NAMES:
            self._known[name] = False  # also where it comes back to itself
            self._known[name] = self._judge(name, steps)
        return self._known.get(name, False)

    def is_short(self, pause: str) -> bool:
        """Return whether each number that a name is given is less than a minute; not where there is none."""
        if pause not in self._pauses and len(self._pauses) < MAX_NAMES:
            name = pause.encode()
            given = re.compile(rb"(?i)\b%s%s" % (re.escape(name), _NUMBER))
            holding = (data for path in self._paths if name in (data := self._read(path)))
            found = [float(one) for data in holding for one in given.findall(data)]
            unit = 1000 if pause.lower().endswith("_ms") else 1
            self._pauses[pause] = bool(found) and all(0 < one < SLOW_SECONDS * unit for one in found)
        return self._pauses.get(pause, False)

    def _judge(self, name: str, steps: int) -> bool:
        from memguard_hooks.formats.python_source import decode, parse

        starts = f"def {name}(".encode(), f"class {name}".encode()
        holding = [data for path in self._paths if any(one in (data := self._read(path)) for one in starts)]
        if not 0 < len(holding) <= MAX_FILES:
            return False
        try:
            found = [body for data in holding for body in bodies_of(parse(decode(data)), name)]
        except (MemguardError, RecursionError):
            return False
        asked = [unknown_work(body) for body in found if body is not None]
        if not found or None in asked or (steps >= MAX_STEPS and any(asked)):
            return False
        return all(self.do_little(inner, steps + 1) for names in asked for inner in sorted(names or ()))
