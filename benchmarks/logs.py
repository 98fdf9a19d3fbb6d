"""Tell what `memguard logs` takes for a log of a million lines: seconds of CPU, and the most memory.

    python benchmarks/logs.py [--lines N] [--kind plain json]

The log is that of a voice bot, as `tests/call_log.py` makes it, filled up to 120 letters a line. It is written to a
temporary folder, and removed. Each kind runs in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir, "tests"))

from call_log import as_json, make_calls

WIDTH = 119


def main() -> None:
    """Write a log of each kind, and run the command on it."""
    parser = argparse.ArgumentParser(description="tell what memguard logs takes")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("plain", "json"), nargs="+", default=["plain", "json"])
    options = parser.parse_args()
    print("| kind | lines | MB | CPU seconds | peak MiB |")
    print("| --- | --: | --: | --: | --: |")
    for kind in options.kind:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "app.log")
            with open(path, "w", encoding="utf-8") as file:
                lines = itertools.islice(make_calls(), options.lines)
                file.writelines(f"{as_json(line) if kind == 'json' else line:<{WIDTH}}\n" for line in lines)
            seconds, mib = run(path)
            print(f"| {kind} | {options.lines:,} | {os.path.getsize(path) / 1e6:.0f} | {seconds:.1f} | {mib:.0f} |")


def run(path: str) -> tuple[float, float]:
    """Return the seconds of CPU and the MiB that one run takes."""
    command = [sys.executable, "-m", "memguard_hooks", "logs", path, "--unit", "call_sid"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
