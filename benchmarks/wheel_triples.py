"""Compare what the table of wheels says with what pip finds, over triples of package, version and host.

    python benchmarks/wheel_triples.py --seed 1 --count 200

Each triple is asked of `pip install --dry-run --only-binary=:all: --no-deps` with the tags of the host: `pip download`,
which finds the same files, would fetch them. 160 are drawn from the table, by the first and the last releases of its runs;
40 are traps, in turn of each kind: stable ABI, universal2, musl, arm64, free-threaded builds beside, pure wheels, post
releases, Pythons that a release does not admit, withdrawn releases. Triples are drawn where the table says something.
Prints each triple on which the two differ, how many were equal, and the kinds of traps.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, zip_longest
from typing import NamedTuple

from packaging.version import Version

from memguard_hooks.dependencies import wheel_table
from memguard_hooks.dependencies.wheel_table import WheelHost, WheelRun

HOSTS = [
    WheelHost(minor, libc, machine)
    for minor in range(9, 15)
    for libc in ("glibc", "musl")
    for machine in ("x86_64", "aarch64")
]
USUAL = [WheelHost(minor) for minor in range(10, 15)]

UNIVERSAL = ("aiohttp", "grpcio", "lxml", "orjson")
"""Packages whose releases have wheels for both machines of macOS in one file, which no Linux takes."""

FREE_THREADED = ("aiohttp", "lxml", "numpy", "pandas", "pillow", "pydantic-core")
"""Packages whose releases have wheels for builds of Python 3.13 or 3.14 without the lock, which the usual build refuses."""


class Triple(NamedTuple):
    """A release of a package and a host, and why it was chosen."""

    name: str
    version: str
    host: WheelHost
    why: str


def main(argv: Sequence[str] | None = None) -> int:
    """Ask pip of each triple."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=3)
    asked = parser.parse_args(argv)
    triples = choose(random.Random(asked.seed), asked.count)  # noqa: S311
    equal = 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        answers = pool.map(has_wheel, triples)
    for one, found in zip(triples, answers, strict=True):
        state = state_of(one)
        equal += (state == "wheel") is found
        if (state == "wheel") is not found:
            print(f"{one.name} {one.version} {one.host} {one.why}: table {state}, pip {found}", flush=True)
    kinds = Counter(one.why for one in triples)
    print(f"{equal} of {len(triples)} equal; {', '.join(f'{count} {why}' for why, count in kinds.most_common())}")
    print(f"{sum(map(has_wheel_by_table, triples))} have a wheel, by the table")
    return int(equal != len(triples))


def state_of(one: Triple) -> str | None:
    """Return what the table says of a triple."""
    row = wheel_table.find(one.name)
    run = row.run_of(one.version) if row is not None else None
    return run.state(one.host) if run is not None else None


def has_wheel_by_table(one: Triple) -> bool:
    """Return whether there is a wheel, by the table."""
    return state_of(one) == "wheel"


def choose(rng: random.Random, count: int) -> list[Triple]:
    """Choose triples of which the table says something, a fifth of them traps, of each kind in turn."""
    rows = [row for name in sorted(wheel_table.names()) if (row := wheel_table.find(name)) is not None]
    runs = [(row.name, run) for row in rows for run in row.runs if _is_recent(run)]
    kinds: dict[str, list[Triple]] = {}
    for one in _traps(runs, rng):
        kinds.setdefault(one.why, []).append(one)
    for traps in kinds.values():
        rng.shuffle(traps)
    in_turn = (one for some in zip_longest(*kinds.values()) for one in some if one is not None and state_of(one))
    found = dict.fromkeys(islice(in_turn, count // 5))
    while len(found) < count:
        name, run = rng.choice(runs)
        one = Triple(name, rng.choice((run.first, run.last)), rng.choice(USUAL), "usual")
        if state_of(one) is not None:
            found[one] = None
    return list(found)


def _is_recent(run: WheelRun) -> bool:
    return any(run.state(host) == "wheel" for host in USUAL)


def _traps(runs: list[tuple[str, WheelRun]], rng: random.Random) -> Iterator[Triple]:
    for name, run in runs:
        version = rng.choice((run.first, run.last))
        if any("a" in wheels for wheels in run.wheels):
            yield Triple(name, version, rng.choice(HOSTS), "stable ABI")
        if "*" in run.wheels:
            yield Triple(name, version, rng.choice(HOSTS), "pure")
        if Version(version).is_postrelease:
            yield Triple(name, version, rng.choice(HOSTS), "post release")
        if name in UNIVERSAL:
            yield Triple(name, version, rng.choice(HOSTS), "universal2")
        if name in FREE_THREADED and any(run.state(WheelHost(minor)) == "wheel" for minor in (13, 14)):
            yield Triple(name, version, WheelHost(rng.choice((13, 14))), "free-threaded")
        if run.admitted is not None:
            yield Triple(name, version, WheelHost(max(8, run.admitted[0] - 1)), "requires-python")
        if rng.random() < 0.3:
            yield Triple(name, version, rng.choice([host for host in HOSTS if host.libc == "musl"]), "musl")
            yield Triple(name, version, rng.choice([host for host in HOSTS if host.machine == "aarch64"]), "arm64")
    for name, releases in wheel_table.yanked().items():
        for version in releases:
            yield Triple(name, version, rng.choice(HOSTS), "withdrawn")


def has_wheel(one: Triple) -> bool:
    """Return whether pip finds a wheel: what `pip download` finds, without the download."""
    machine, minor = one.host.machine, one.host.minor
    names = [f"musllinux_1_{n}" for n in (2, 1)] if one.host.libc == "musl" else [
        *(f"manylinux_2_{n}" for n in range(36, 4, -1)), "manylinux2014", "manylinux2010", "manylinux1",
    ]  # fmt: skip
    platforms = [f"--platform={name}_{machine}" for name in (*names, "linux")]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps", "--only-binary=:all:", "--target",
            folder, "--ignore-installed", "--disable-pip-version-check", "--no-input", f"--python-version=3.{minor}",
            "--implementation=cp", f"--abi=cp3{minor}", "--abi=abi3", "--abi=none", *platforms, f"{one.name}=={one.version}",
        ]  # fmt: skip
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode and not any(word in done.stderr for word in ("No matching distribution", "ResolutionImpossible")):
        raise SystemExit(f"{one}: {done.stderr[-500:]}")
    # A release whose metadata pip refuses is among those that it has found for the host, or among the withdrawn ones.
    lists = re.findall(r"(?:from versions|yanked versions): ([^)\n]*)", done.stderr)
    return done.returncode == 0 or any(one.version in found.split(", ") for found in lists)


if __name__ == "__main__":
    raise SystemExit(main())
