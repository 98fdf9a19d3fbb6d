"""A line on the terminal that says what takes so long."""

from __future__ import annotations

import sys
import time

from memguard_hooks.output import visible

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable

PROGRESS_SECONDS = 1
SHOWN = 100
"""Characters of the line of progress."""


class Progress:
    """One line on a terminal that says what is going on, once it takes longer than a second."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.is_shown = False

    def about(self, what: str) -> Callable[[str], None]:
        """Return what takes a line about something that begins now."""
        self.since = time.monotonic()

        def tell(text: str) -> None:
            if sys.stderr.isatty() and time.monotonic() - self.since > PROGRESS_SECONDS:
                self.is_shown = True
                print("\r\033[K" + visible(f"{what}: {text}")[:SHOWN], end="", file=sys.stderr, flush=True)

        return tell

    def clear(self) -> None:
        """Take the line away."""
        if self.is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self.is_shown = False
