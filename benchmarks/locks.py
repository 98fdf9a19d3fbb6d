"""Time finding a forbidden package in a uv.lock of 600 packages, whole processes side by side.

    python benchmarks/locks.py [--python PYTHON] [--packages N] [--rounds N]

Uses what is installed beside PYTHON: memguard-hooks (not editable), uv and pipdeptree. `uv tree --invert --frozen` reads
the same lock; pipdeptree reads no locks, so it is given the metadata of the same packages as if they were installed.
pip-audit asks a service for each package and cannot be compared offline. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from startup import run

FORBIDDEN = "torch"
ARCHIVES = 9
"""Archives of one package, as locks have them on average: a source archive and the wheels of some platforms."""


def make_edges(count: int) -> dict[str, list[str]]:
    """Return packages, each with some that it requires; the way to the forbidden one is ten steps long."""
    chooser = random.Random(1)  # noqa: S311 - the same lock each time
    names = [f"package-{number:04}" for number in range(count - 1)]
    edges = {name: sorted(chooser.sample(names[at + 1 :], min(4, count - 2 - at))) for at, name in enumerate(names)}
    way = names[:: max(count // 10, 1)]
    for name, following in zip(way, [*way[1:], FORBIDDEN], strict=True):
        edges[name] = sorted({*edges[name], following})
    return {**edges, FORBIDDEN: []}


def write_project(folder: Path, edges: dict[str, list[str]]) -> None:
    """Write pyproject.toml and uv.lock of an app that requires the first package."""
    first = next(iter(edges))
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["{first}"]\n', encoding="utf-8"
    )
    (folder / "requirements.txt").write_text(f"{first}==1.0\n", encoding="utf-8")
    lines = ["version = 1", "revision = 3", 'requires-python = ">=3.10"', "", "[[package]]", 'name = "app"', 'version = "1"']
    lines += ['source = { virtual = "." }', f'dependencies = [{{ name = "{first}" }}]', "", "[package.metadata]"]
    lines += [f'requires-dist = [{{ name = "{first}" }}]', ""]
    for name, requires in sorted(edges.items()):
        lines += [
            "[[package]]",
            f'name = "{name}"',
            'version = "1.0"',
            'source = { registry = "https://index.example.org/simple" }',
        ]
        if requires:
            lines += ["dependencies = [", *(f'    {{ name = "{one}" }},' for one in requires), "]"]
        file = name.replace("-", "_")
        lines += [f"sdist = {_archive(f'{file}-1.0.tar.gz')}", "wheels = ["]
        lines += [f"    {_archive(f'{file}-1.0-cp3{minor}-none-any.whl')}," for minor in range(ARCHIVES - 1)]
        lines += ["]", ""]
    (folder / "uv.lock").write_text("\n".join(lines), encoding="utf-8")


def _archive(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    url = f"https://files.example.org/packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{name}"
    return f'{{ url = "{url}", hash = "sha256:{digest}", size = 123456, upload-time = "2026-01-01T12:00:00.000Z" }}'


def write_metadata(folder: Path, edges: dict[str, list[str]]) -> None:
    """Write what an installer would leave of the packages: their metadata."""
    for name, requires in edges.items():
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {one}" for one in requires)]
        (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure(python: str, rounds: int, folder: Path, edges: dict[str, list[str]]) -> dict[str, float]:
    """Run all commands in turn, round after round; the first round only warms up."""
    project, installed = folder / "project", folder / "installed"
    write_project(project, edges)
    write_metadata(installed, edges)
    scripts = Path(python).parent
    commands = {
        "python -c pass": ([python, "-c", "pass"], 0),
        "uv tree --invert --frozen": ([_tool(scripts, "uv"), "tree", "--invert", "--frozen", "--package", FORBIDDEN], 0),
        "forbid-heavy-deps uv.lock": ([str(scripts / "forbid-heavy-deps"), "uv.lock"], 1),
        "pin-litellm uv.lock": ([str(scripts / "pin-litellm"), "uv.lock"], 0),
        "pipdeptree --reverse": (
            [
                str(scripts / "pipdeptree"),
                "--path",
                str(installed),
                "--reverse",
                "--packages",
                FORBIDDEN,
                "--warn",
                "silence",
            ],
            0,
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, (command, status) in commands.items():
            taken[name].append(run(command, project, status))
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def _tool(scripts: Path, name: str) -> str:
    beside = scripts / name
    return str(beside) if beside.exists() else shutil.which(name) or name


def render(medians: dict[str, float], facts: list[str]) -> str:
    """Write the table."""
    base = medians["uv tree --invert --frozen"]
    lines = ["| command | ms | ratio to uv |", "| --- | ---: | ---: |"]
    lines += [f"| `{name}` | {taken * 1000:.0f} | {taken / base:.2f} |" for name, taken in medians.items()]
    return "\n".join([*lines, "", f"{', '.join(facts)}."])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment (default: this one)")
    parser.add_argument("--packages", type=int, default=600, help="packages of the lock (default: 600)")
    parser.add_argument("--rounds", type=int, default=11, help="rounds after the warm-up (default: 11)")
    options = parser.parse_args()
    # With it, each run would compile our modules anew, which no user's does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        edges = make_edges(options.packages)
        medians = measure(options.python, options.rounds, Path(folder), edges)
        size = (Path(folder) / "project" / "uv.lock").stat().st_size
    version = subprocess.run(
        [_tool(Path(options.python).parent, "uv"), "--version"], capture_output=True, text=True, check=True
    )
    facts = [f"Medians of {options.rounds} interleaved rounds", f"{options.packages} packages, {size // 1024} KiB"]
    facts += [version.stdout.strip(), f"{platform.system()} {platform.machine()}", f"{os.cpu_count()} cores"]
    print(render(medians, facts))


if __name__ == "__main__":
    main()
