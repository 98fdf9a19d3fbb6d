"""What a command takes: CPU seconds of its whole tree of processes, seconds on the wall, and the peak of its memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple


class Run(NamedTuple):
    """One run of a command. `peak` is that of its largest process, in MiB."""

    cpu: float
    wall: float
    peak: float
    output: str


def run(command: Sequence[str], folder: Path, statuses: Collection[int] = (0,)) -> Run:
    """Run a command, which has to end with one of the statuses.

    The kernel adds to the time of a process that of all its children for which it has waited. The peak is at least that of
    the process that calls this, which therefore holds no large data.
    """
    with tempfile.TemporaryFile() as stream:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        stream.seek(0)
        output = stream.read(2**20).decode("utf-8", "replace")
    if process.returncode not in statuses:
        raise SystemExit(f"{' '.join(command)[:500]} ended with {process.returncode}:\n{output}")
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, output)


def middle(runs: Sequence[Run]) -> Run:
    """Return the median of each figure, and what the last run printed."""
    cpu, wall, peak = (statistics.median(figures) for figures in zip(*(one[:3] for one in runs), strict=True))
    return Run(cpu, wall, peak, runs[-1].output)
