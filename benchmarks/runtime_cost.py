"""What `memguard_hooks/runtime.py` costs an app: to import it, to ask it, and to watch with it.

    python benchmarks/runtime_cost.py [PYTHON ...]

Each Python, by default this one, imports the file as a copy of its own with bytecode, in fresh processes that have loaded
what it needs of the standard library; it prints the median. Times are of CPU, but for the last column: how many seconds
behind the allocation a guard that looks each second has made its call, at most, in groups of 256, 512 and 1024 MiB.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from memguard_hooks.host import cgroup

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNTIME = Path(__file__).resolve().parent.parent / "memguard_hooks" / "runtime.py"

RUNS = 21
"""Fresh processes for each figure."""

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

ASK = """
import gc, json, os, sys, threading, time
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def cpu(function, times):
    begun = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - begun) / times
cpu(resident, 1)
known, before, begun = set(sys.modules), resident(), time.process_time()
import memguard_runtime
took, grown = time.process_time() - begun, resident() - before
loaded = sorted(set(sys.modules) - known - {"memguard_runtime", "__future__"})
usage, log = cpu(memguard_runtime.usage, 200), cpu(lambda: memguard_runtime.log_memory_usage("x", str), 200)
print(json.dumps([took * 1000, grown / 2**20, usage * 1e6, log * 1e6, loaded]))
"""


FIRE = """
import threading, time
import memguard_runtime as m
fired = threading.Event()
with_guard = m.guard(every=1, on_warn=fired.set, log=str)
time.sleep(0.3)
kept = b"x" * int(0.87 * m.limit().size - m.usage().working)
begun = time.monotonic()
assert fired.wait(30)
print(time.monotonic() - begun)
with_guard.close()
assert threading.active_count() == 1
"""


def longest_delay(python: str, folder: Path) -> str:
    """Return how late a guard is at most; a question mark where no control group can be made."""
    found: list[float] = []
    for limit in (256, 512, 1024):
        with cgroup.limited(limit * 2**20) as group:
            if isinstance(group, str):
                return "?"
            done = subprocess.run(group.enter([python, "-c", FIRE]), cwd=folder, check=True, stdout=subprocess.PIPE)
        found.append(float(done.stdout))
    return f"{max(found):.2f}"


def measure(python: str, folder: Path) -> str:
    """Return a row of the table."""
    found = [
        json.loads(
            subprocess.run([python, "-c", ASK], cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.PIPE).stdout
        )
        for _ in range(RUNS + 1)
    ][1:]  # fmt: skip - the first one writes the bytecode
    took, grown, usage, log = (median(one[number] for one in found) for number in range(4))
    share = usage / 5e6
    version = subprocess.run(
        [python, "-c", "import platform; print(platform.python_version())"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    loaded = ", ".join(sorted({name for one in found for name in one[4]})) or "none"
    guard = longest_delay(python, folder)
    return f"| {version} | {took:.1f} | {grown:.2f} | {usage:.0f} | {log:.0f} | {share:.4%} | {loaded} | {guard} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure each Python and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("python", nargs="*", default=[sys.executable], help="interpreters that import it")
    options = parser.parse_args(argv)
    print(
        "| CPython | import: CPU ms | MiB | `usage()`: µs | `log_memory_usage()`: µs | watching | modules besides | guard |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |")
    for python in options.python:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(RUNTIME, Path(folder, "memguard_runtime.py"))
            print(measure(python, Path(folder)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
