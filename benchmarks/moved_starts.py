"""What a start takes before and after `memguard fix --to-start`: the estimates of the services, and a module as it loads.

    python benchmarks/moved_starts.py FOLDER MODULE --python INTERPRETER [--below FOLDER] [--variable NAME=VALUE ...]

The repository is copied twice, and what the fixer would write is written into one copy. An interpreter that has installed
what the project needs then loads a module in each, below a folder of the repository, three times in turn; the median of the
proportional set size counts (Linux). A module that cannot be loaded has no figure, and says why.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from memguard_hooks.app.heavy_imports import find_entries
from memguard_hooks.app.service_estimate import estimate_entry
from memguard_hooks.finding import MIB
from memguard_hooks.fix.imports import plan
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree

READ = """
import importlib, sys
importlib.import_module(sys.argv[1])
sizes = dict(line.split(":") for line in open("/proc/self/smaps_rollup").read().splitlines()[1:])
sys.stderr.write("@" + sizes["Pss"].split()[0])
sys.stderr.flush()
import os
os._exit(0)
"""
ROUNDS = 3


def main() -> int:
    """Print the estimates and the sizes of one repository."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("module")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--below", default="")
    parser.add_argument("--variable", action="append", default=[])
    options = parser.parse_args()
    os.environ["MEMGUARD_CACHE_DIR"] = ""
    variables = dict(one.partition("=")[::2] for one in options.variable)
    with tempfile.TemporaryDirectory() as place:
        copies = [Path(place, name) for name in ("before", "after")]
        for copy in copies:
            shutil.copytree(options.folder, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        tree = WorkTree(str(copies[1]))
        project = Project(tree, load(tree)[0])
        change = plan(project, to_start=True)
        for path, data in change.files.items():
            copies[1].joinpath(path).write_bytes(data)
        print(*change.done, sep="\n")
        for one, other in zip(find_entries(project), find_entries(project.edited(change.files)), strict=True):
            told = (
                estimate_entry(which, entry).process.at("start").expected / MIB
                for which, entry in ((project, one), (project.edited(change.files), other))
            )
            print(f"told: {one.service.name}: {' → '.join(f'{size:.1f}' for size in told)} MiB at start")
        found: dict[Path, list[float]] = {copy: [] for copy in copies}
        for _ in range(ROUNDS):
            for copy in copies:
                found[copy].append(_size(copy / options.below, options.module, options.python, variables))
        print(f"takes: {options.module}: {' → '.join(f'{statistics.median(sizes):.1f}' for sizes in found.values())} MiB")
    return 0


def _size(folder: Path, module: str, python: str, variables: dict[str, str]) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(folder), **variables}
    command = [python, "-c", READ, module]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    told = done.stderr.rpartition("@")[2]
    if done.returncode or not told.isdecimal():
        raise SystemExit(f"{module} cannot be loaded: {done.stderr.strip().splitlines()[-1:]}")
    return int(told) / 1024


if __name__ == "__main__":
    raise SystemExit(main())
