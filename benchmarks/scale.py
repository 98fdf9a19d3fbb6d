"""Time `memguard check` on trees of 200, 2,000 and 20,000 Python files, as a whole process, beside ruff on the same trees.

    python benchmarks/scale.py CACHE [--rounds N] [--files N ...]

Makes, in the folder CACHE, an environment with this checkout (as benchmarks/budget.py does), and one repository a size.
A cold run finds no cache of ours, a warm one that of the run before. ruff is that of the Python that runs the benchmark,
with its cache switched off, and finds unused imports. All commands of a size run in turn, round after round. Prints a
Markdown table: medians of time, the peak of memory of one more run, and by which power of the number of files both grow.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from budget import FACTS, SETTLED, make_app, measure_peak, prepare, write_repository

SIZES = (200, 2_000, 20_000)

CASES = ("cold", "warm", "ruff")


class Measured(NamedTuple):
    """One case on one tree: seconds of each round, and the peak of resident memory in MiB."""

    seconds: list[float]
    peak: float

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.seconds)


CHECK = """\
import sys
sys.argv = ["memguard", "check", "--fail-on", "never"]
from memguard_hooks.__main__ import main
raise SystemExit(main())
"""


def measure(folder: Path, python: str, rounds: int) -> dict[str, Measured]:
    """Time all cases on one tree, in turn."""
    cached = folder / ".git" / "memguard"
    script = folder.parent / "check.py"
    script.write_text(CHECK, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "check", "--select=F401", "--no-cache", "--quiet", "--isolated", "--exit-zero"]
    commands = {"cold": [python, str(script)], "warm": [python, str(script)], "ruff": ruff}
    seconds: dict[str, list[float]] = {case: [] for case in CASES}
    for _ in range(rounds):
        for case in CASES:
            if case == "cold":
                shutil.rmtree(cached, ignore_errors=True)
            start = time.perf_counter()
            done = subprocess.run([*commands[case], "."], cwd=folder, capture_output=True, check=False)
            seconds[case].append(time.perf_counter() - start)
            if done.returncode:
                raise SystemExit(f"{case} ended with {done.returncode}:\n{(done.stdout + done.stderr).decode()}")
    shutil.rmtree(cached, ignore_errors=True)
    peaks = {case: measure_peak(python, str(script), folder) for case in ("cold", "warm")}
    return {case: Measured(seconds[case], peaks.get(case, math.nan)) for case in CASES}


def power(small: float, large: float, ratio: float) -> float:
    """Return the power of the size by which something grows: 1 is in proportion."""
    return math.log(large / small) / math.log(ratio)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cache", type=Path, help="folder for the environment and the repositories")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--files", type=int, nargs="+", default=SIZES, help="Python files of the trees")
    options = parser.parse_args(argv)
    for variable in ("PYTHONDONTWRITEBYTECODE", "MEMGUARD_CACHE_DIR"):
        os.environ.pop(variable, None)
    options.cache.mkdir(parents=True, exist_ok=True)
    cache = options.cache.resolve()
    python = str(prepare(cache) / "python")
    found: dict[int, dict[str, Measured]] = {}
    for count in options.files:
        files = make_app(count)
        write_repository(cache / f"tree-{count}", files)
        time.sleep(SETTLED)
        found[count] = measure(cache / f"tree-{count}", python, options.rounds)
    print("| files | case | s | to ruff | peak MiB | time grows by | memory grows by |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    before: int | None = None
    for count, cases in found.items():
        for case in CASES:
            one = cases[case]
            rates = ["", ""]
            if before is not None:
                old = found[before][case]
                rates = [f"n^{power(old.median, one.median, count / before):.2f}",
                         "" if math.isnan(one.peak) else f"n^{power(old.peak, one.peak, count / before):.2f}"]  # fmt: skip
            peak = "" if math.isnan(one.peak) else f"{one.peak:.0f}"
            ratio = f"{one.median / cases['ruff'].median:.1f}"
            print(f"| {count:,} | {case} | {one.median:.2f} | {ratio} | {peak} | {rates[0]} | {rates[1]} |")
        before = count
    versions = subprocess.run([python, "-c", FACTS], capture_output=True, text=True, check=True).stdout.strip()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"\nMedians of {options.rounds} rounds. {versions}, {machine}.")


if __name__ == "__main__":
    main()
