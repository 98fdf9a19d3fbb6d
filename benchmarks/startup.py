"""Time the hooks on five staged files, beside `python -c pass` and hooks of pre-commit-hooks of the same kind.

    python benchmarks/startup.py [--python PYTHON] [--rounds N]

Uses the console scripts that are installed beside PYTHON: memguard-hooks (not editable: the import hook of an
editable install takes time itself) and pre-commit-hooks. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

MANIFESTS = [f"requirements-{name}.txt" for name in ("api", "bot", "jobs", "mail", "web")]
SOURCES = [f"{name}.py" for name in ("main", "bot", "jobs", "mail", "views")]

REQUIREMENTS = """\
aiofiles==24.1.0
alembic==1.14.0
asyncpg==0.30.0
certifi==2024.8.30
click==8.1.7
fastapi==0.115.6
gunicorn==23.0.0
httpx==0.28.1
itsdangerous==2.2.0
jinja2==3.1.5
orjson==3.10.12
passlib==1.7.4
pydantic==2.10.4
python-dotenv==1.0.1
python-multipart==0.0.20
pyyaml==6.0.2
redis==5.2.1
sqlalchemy==2.0.36
uvicorn==0.34.0
zstandard==0.23.0
"""

SOURCE = '''\
"""One module of an app."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fastapi import FastAPI

app = FastAPI(title=os.environ.get("TITLE", "app"))
''' + "".join(
    f'''

@app.get("/items/{number}")
def read_item_{number}(name: str, limit: int = 10) -> dict[str, object]:
    """Return what is stored under a name."""
    stored = json.loads(Path(name).read_text(encoding="utf-8"))
    return {{"name": name, "items": [item for item in stored if item["size"] < limit]}}
'''
    for number in range(12)
)

CLEAN = {**dict.fromkeys(MANIFESTS, REQUIREMENTS), **dict.fromkeys(SOURCES, SOURCE), "Procfile": "web: uvicorn main:app\n"}

FACTS = """
import json, platform
from importlib.metadata import distribution
found = {name: distribution(name) for name in ("memguard-hooks", "pre-commit-hooks", "libcst", "packaging")}
origin = json.loads(found["memguard-hooks"].read_text("direct_url.json") or "{}")
versions = [f"CPython {platform.python_version()}", *(f"{name} {one.version}" for name, one in found.items())]
print(json.dumps([versions, bool(origin.get("dir_info", {}).get("editable"))]))
"""


class Case(NamedTuple):
    """A command, the files that it is given, and the change of one file that makes it find something."""

    script: str
    files: tuple[str, ...] = ()
    changed: str = ""
    text: str = ""


CASES = (
    Case("requirements-txt-fixer", tuple(MANIFESTS), MANIFESTS[2], f"zstandard==0.23.0\n{REQUIREMENTS}"),
    Case("pin-litellm", tuple(MANIFESTS), MANIFESTS[2], f"litellm>=1.30\n{REQUIREMENTS}"),
    Case("forbid-heavy-deps", tuple(MANIFESTS), MANIFESTS[2], f"torch==2.8.0\n{REQUIREMENTS}"),
    Case("check-ast", tuple(SOURCES), SOURCES[2], f"{SOURCE}\nreturn (\n"),
    Case("debug-statement-hook", tuple(SOURCES), SOURCES[2], f"{SOURCE}\nbreakpoint()\n"),
    Case("no-eager-heavy-imports", tuple(SOURCES), SOURCES[0], f"import pandas\n{SOURCE}"),
    Case("memory-budget", (), "Procfile", "web: uvicorn main:app --workers 40\n"),
)


class Timing(NamedTuple):
    """The medians of one command, in seconds."""

    clean: float
    finding: float


def run(command: list[str], folder: Path, status: int) -> float:
    """Return the wall time of a command, which has to end with a status."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode != status:
        raise SystemExit(f"{command[0]} ended with {done.returncode}, not {status}:\n{(done.stdout + done.stderr).decode()}")
    return taken


def prepare(folder: Path, files: dict[str, str]) -> None:
    """Make a repository whose last commit holds the files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    identity = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com", "-c", "commit.gpgsign=false")
    for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--no-verify", "--message=begin")):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)


def measure(python: str, rounds: int, folder: Path) -> tuple[float, list[Timing]]:
    """Run all commands in turn, round after round; the first round only warms up."""
    clean, found = folder / "clean", folder / "found"
    prepare(clean, CLEAN)
    prepare(found, CLEAN)
    scripts = Path(python).parent
    nothing: list[float] = []
    taken: list[tuple[list[float], list[float]]] = [([], []) for _ in CASES]
    for _ in range(rounds + 1):
        nothing.append(run([python, "-c", "pass"], clean, 0))
        for case, times in zip(CASES, taken, strict=True):
            command = [str(scripts / case.script), *case.files]
            times[0].append(run(command, clean, 0))
            (found / case.changed).write_text(case.text, encoding="utf-8")
            times[1].append(run(command, found, 1))
            (found / case.changed).write_text(CLEAN[case.changed], encoding="utf-8")
    medians = [Timing(*(statistics.median(times[1:]) for times in both)) for both in taken]
    return statistics.median(nothing[1:]), medians


def render(nothing: float, timings: list[Timing], versions: list[str], rounds: int) -> str:
    """Write the table."""
    lines = [
        "| command | clean, ms | ratio | one finding, ms | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
        f"| `python -c pass` | {nothing * 1000:.0f} | 1.0 | | |",
    ]
    for case, timing in zip(CASES, timings, strict=True):
        cells = " | ".join(f"{one * 1000:.0f} | {one / nothing:.1f}" for one in timing)
        lines.append(f"| `{case.script}` | {cells} |")
    facts = [*versions, f"{platform.system()} {platform.machine()}", f"{os.cpu_count()} cores"]
    lines += [
        "",
        f"Medians of {rounds} interleaved rounds, five files each; ratios to `python -c pass`. {', '.join(facts)}.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment (default: this one)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds after the warm-up (default: 15)")
    options = parser.parse_args()
    # With it, each run would compile our modules anew, which no user's does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    output = subprocess.run([options.python, "-c", FACTS], capture_output=True, text=True, check=True).stdout
    versions, is_editable = json.loads(output)
    if is_editable:
        print("memguard-hooks is installed editable, which slows each start; install it plainly.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        nothing, timings = measure(options.python, options.rounds, Path(folder))
    print(render(nothing, timings, versions, options.rounds))


if __name__ == "__main__":
    main()
