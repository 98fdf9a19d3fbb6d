"""A line on the terminal that says what takes so long, and an end to it."""

from __future__ import annotations

import os
import sys
import time

from memguard_hooks.output import is_terminal, visible

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Sized
    from types import TracebackType
    from typing import TypeVar

    from typing_extensions import Self

    T = TypeVar("T")

PROGRESS_SECONDS = 0.5
SHOWN = 100
"""Characters of the line of progress."""


class Progress:
    """One line on a terminal that says what is going on, once it takes longer than half a second."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.is_shown = False

    def about(self, what: str) -> Callable[[str], None]:
        """Return what takes a line about something that begins now."""
        self.since = time.monotonic()

        def tell(text: str) -> None:
            if sys.stderr.isatty() and time.monotonic() - self.since > PROGRESS_SECONDS:
                self.is_shown = True
                _show(f"{what}: {text}")

        return tell

    def clear(self) -> None:
        """Take the line away."""
        if self.is_shown:
            _show("")
            self.is_shown = False


class Stages:
    """The same line of a run that looks at files: a thread shows the stage that runs and how many paths were looked at.

    Nothing is shown where pre-commit runs it, which shows what was written only once that has ended.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._stage = ""
        self._seen: Sized = ()
        self._end: Callable[[], None] | None = None

    def about(self, stage: str, seen: Sized) -> None:
        """Take what runs now, and where the paths are noted that were looked at."""
        self._stage, self._seen = stage, seen

    def __enter__(self) -> Self:
        if is_terminal(sys.stderr) and not os.environ.get("PRE_COMMIT"):
            self._end = self._start()
        return self

    def _start(self) -> Callable[[], None]:
        import threading

        done = threading.Event()

        def show() -> None:
            is_shown = False
            while not done.wait(PROGRESS_SECONDS):
                is_shown = True
                _show(f"{self._program}: {self._stage}, {len(self._seen)} files")
            if is_shown:
                _show("")

        thread = threading.Thread(target=show, daemon=True)
        thread.start()

        def end() -> None:
            done.set()
            thread.join()

        return end

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._end is not None:
            self._end()


def _show(text: str) -> None:
    print("\r\033[K" + visible(text)[:SHOWN], end="", file=sys.stderr, flush=True)


def within(seconds: float, work: Callable[[], T]) -> T:
    """Return what some work comes to. Raises TimeoutError where it takes longer than so many seconds.

    What runs out of time is interrupted as by Ctrl-C, which nothing on the way takes for an error of its own.
    """
    is_late = False

    def interrupt(*_: object) -> None:
        nonlocal is_late
        is_late = True
        raise KeyboardInterrupt

    start, stop = _alarm(interrupt)
    try:
        start(seconds)
        return work()
    except KeyboardInterrupt:
        if not is_late:
            raise
        raise TimeoutError(f"unknown: not done within {seconds:g} s, as --timeout asks") from None
    finally:
        stop()


def _alarm(ring: Callable[..., None]) -> tuple[Callable[[float], object], Callable[[], None]]:
    """Return what has something called in the main thread after some seconds, and what calls that off."""
    import signal

    if sys.platform != "win32":
        before = signal.signal(signal.SIGALRM, ring)

        def stop() -> None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

        return lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds), stop
    import _thread
    import threading

    kept = signal.signal(signal.SIGINT, ring)
    is_over = threading.Event()

    def wait(seconds: float) -> None:
        if not is_over.wait(seconds):
            _thread.interrupt_main()

    def call_off() -> None:
        is_over.set()
        signal.signal(signal.SIGINT, kept)

    return lambda seconds: threading.Thread(target=wait, args=(seconds,), daemon=True).start(), call_off
