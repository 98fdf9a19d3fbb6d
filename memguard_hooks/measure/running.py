"""A program that is started to be measured: in a session of its own, and ended with all that came from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from memguard_hooks.errors import MemguardError
from memguard_hooks.host.cgroup import Group
from memguard_hooks.host.process_tree import MARK, Family, is_waiting, read_stat
from memguard_hooks.record import TypeAlias

GRACE_SECONDS = 10
STEP_SECONDS = 0.1
IDLE_SHARE = 0.05
"""The share of one processor that a program may use and count as idle: one that polls is never quite still."""

TAIL_LINES = 15
TAIL_BYTES = 2**16

Tell: TypeAlias = "Callable[[str], None]"
"""Takes a line of progress."""


class NotStartedError(MemguardError):
    """A program did not come up; `output` are the last lines that it wrote."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


class RunningApp:
    """A program that runs, and its family where the system tells of it."""

    def __init__(self, process: subprocess.Popen[bytes], output: str, mark: str) -> None:
        self.process = process
        self.output = output
        self.family = Family(process.pid, mark) if sys.platform == "linux" else None

    def is_over(self) -> bool:
        """Return whether the first process has ended."""
        return self.process.poll() is not None

    def pids(self) -> tuple[int, ...]:
        """Return the processes that run."""
        if self.family is not None:
            return self.family.pids()
        return () if self.is_over() else (self.process.pid,)

    def tail(self) -> str:
        """Return the last lines of what the program has written."""
        with open(self.output, "rb") as file:  # not through the program's own descriptor, whose position is shared
            file.seek(max(0, os.path.getsize(self.output) - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.rstrip().splitlines()[-TAIL_LINES:])


@contextmanager
def started(
    command: Sequence[str], folder: str, environment: Mapping[str, str], group: Group | None = None
) -> Iterator[RunningApp]:
    """Start a program, and end it with all its processes, also where what follows is interrupted."""
    mark = f"{os.getpid()}-{time.monotonic_ns():x}"
    with TemporaryDirectory(prefix="memguard-") as scratch, open(os.path.join(scratch, "output"), "ab") as output:
        try:
            process = subprocess.Popen(
                command if group is None else group.enter(list(command)),
                cwd=folder,
                env={**environment, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise MemguardError(f"{command[0]} cannot be started: {error.strerror}") from None
        running = RunningApp(process, output.name, mark)
        try:
            yield running
        finally:
            end(running)


def end(running: RunningApp) -> None:
    """Ask all processes to end, and kill those that do not within a grace period, or at once when asked again."""
    try:
        if sys.platform == "win32":
            running.process.terminate()
        else:
            _signal_session(running.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and (not running.is_over() or running.pids()):
            time.sleep(STEP_SECONDS / 4)
    finally:
        for _ in range(3):  # what is killed may just have started another
            for pid in running.pids():
                _kill(pid)
            if not running.is_over():
                running.process.kill()
            running.process.wait()


def _signal_session(leader: int, number: int) -> None:
    if sys.platform == "win32":
        raise NotImplementedError
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):  # it is gone; macOS says the latter of a zombie
        return


def _kill(pid: int) -> None:
    try:
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except ProcessLookupError:
        return


class Rest:
    """Knows when processes have come to rest: for some seconds nothing new, hardly any work, and nobody who waits for it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._seen: deque[tuple[float, float, bool, object]] = deque()

    def look(self, pids: Sequence[int], state: object) -> bool:
        """Look once; `state` is what must not change, such as the number of modules. Tell whether they rest."""
        now = time.monotonic()
        stats = {pid: stat for pid in pids if (stat := read_stat(pid)) is not None}
        used = sum(stat.time for stat in stats.values())
        self._seen.append((now, used, all(map(is_waiting, stats)), (tuple(stats), state)))
        while len(self._seen) > 1 and self._seen[1][0] <= now - self.seconds:
            self._seen.popleft()
        first, last = self._seen[0], self._seen[-1]
        elapsed = last[0] - first[0]
        busy = sum(not waits for _, _, waits, _ in self._seen)
        return (
            elapsed >= self.seconds
            and all(one[3] == last[3] for one in self._seen)
            and last[1] - first[1] <= IDLE_SHARE * elapsed
            and busy <= len(self._seen) / 4
        )
