"""Time memory-budget on an app of 200 files, as a whole process, beside `python -c pass` of the same environment.

    python benchmarks/budget.py CACHE [--rounds N] [--files N]

Makes, in the folder CACHE, an environment with this checkout (not editable, with bytecode, by the pip that pre-commit
brings), and writes the same app each time anew into git repositories of their own: one whose cache is deleted before each
run, one that stays as it is, and one of which a file is edited before each run. All commands run in turn, round after
round. Prints a Markdown table: medians of time, and the peak of memory of one more run.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

PIP = "pip==26.0.1"
"""Its console scripts load nothing but the hook."""

SETTLED = 2.5
"""Seconds after which the files of a repository count as old, for each cache that knows files by their times."""

AREAS = ("accounts", "billing", "catalog", "chat", "exports", "orders", "reports", "search", "shipping", "support")
"""Packages of the app, each with the layers below."""

LAYERS = ("models", "schemas", "service", "routes", "tasks", "client", "policy", "events", "queries", "errors")

HEAVY = {
    "reports.service": "import pandas as pd",
    "exports.service": "import pandas as pd",
    "chat.client": "from openai import OpenAI",
    "support.client": "import openai",
}
"""Imports at the top of a module; any other heavy import of the app waits for a call."""

DEFERRED = {"exports.tasks": "import pandas", "search.tasks": "from openai import OpenAI", "billing.tasks": "import stripe"}

LIBRARIES = {
    "models": "from sqlalchemy import Column, Integer, String\nfrom sqlalchemy.orm import declarative_base",
    "schemas": "from pydantic import BaseModel",
    "routes": "from fastapi import APIRouter, Depends",
    "client": "import httpx",
}

NEIGHBORS = {
    "routes": ("schemas", "service"),
    "service": ("models", "policy", "queries", "errors", "client"),
    "tasks": ("service", "events"),
    "queries": ("models",),
    "policy": ("errors",),
    "events": ("schemas",),
}
"""What each layer imports of its own package."""

REQUIREMENTS = """\
fastapi==0.115.6
httpx==0.28.1
openai==1.59.6
pandas==2.2.3
pydantic==2.10.4
sqlalchemy==2.0.36
stripe==11.4.1
uvicorn==0.34.0
"""

RENDER = """\
services:
  - type: web
    name: shop
    runtime: python
    plan: standard
    buildCommand: pip install -r requirements.txt
    startCommand: uvicorn shop.main:app --host 0.0.0.0 --port $PORT
    envVars:
      - key: PYTHON_VERSION
        value: 3.11.7
"""

BODY = '''

class {title}:
    """One entry of {area}, as {layer} sees it."""

    def __init__(self, name: str, size: int = {number}) -> None:
        self.name = name
        self.size = size
        self._created = datetime.now(timezone.utc)

    def is_recent(self, now: datetime) -> bool:
        """Tell whether it was made within the last day."""
        return (now - self._created).total_seconds() < 86_400


def find_{name}(rows: list[dict[str, object]], limit: int = {number}) -> list[dict[str, object]]:
    """Return the largest rows that are wanted, by name."""
    found = [row for row in rows if str(row["name"]).startswith("{area}") and int(str(row["size"])) < limit]
    found.sort(key=lambda row: (-int(str(row["size"])), row["name"]))
    return found[:limit]


def describe_{name}(row: dict[str, object], *, verbose: bool = False) -> str:
    """Write a row for a log."""
    parts = [f"{{key}}={{value!r}}" for key, value in sorted(row.items()) if verbose or not key.startswith("_")]
    try:
        return json.dumps({{"area": "{area}", "parts": parts}})
    except (TypeError, ValueError):
        logger.exception("cannot describe a row of {area}")
        return ""
'''


class Run(NamedTuple):
    """One run: seconds, and what it printed."""

    seconds: float
    output: bytes


def module_text(area: str, layer: str, number: int) -> str:
    """Write a module of the app as a person might."""
    name = f"{layer}_{number}"
    own = f"{area}.{layer}"
    imports = ["import json", "import logging", "from datetime import datetime, timezone"]
    others = [line for line in (LIBRARIES.get(layer, ""), HEAVY.get(own, "")) if line]
    others += [f"from shop.{area} import {one}" for one in NEIGHBORS.get(layer, ())]
    lines = [f'"""{layer.capitalize()} of {area}."""', "", "from __future__ import annotations", "", *imports, "", *others]
    lines += ["", "logger = logging.getLogger(__name__)"]
    text = "\n".join(lines) + BODY.format(
        title=f"{layer.capitalize()}{number}", area=area, layer=layer, name=name, number=number
    )
    if layer == "routes":
        text += f'\n\nrouter = APIRouter(prefix="/{area}")\n'
        text += f'\n\n@router.get("/{number}")\ndef read() -> list[str]:\n    return []\n'
    if own in DEFERRED:
        text += f"\n\ndef run_{name}() -> None:\n    {DEFERRED[own]}\n\n    logger.info(__name__)\n"
    return text


def make_app(count: int) -> dict[str, str]:
    """Return an app of so many Python files, the same each time: its packages, then modules that these import."""
    routers = "\n".join(f"from shop.{area} import routes as {area}" for area in AREAS)
    included = "\n".join(f"app.include_router({area}.router)" for area in AREAS)
    files = {
        "shop/__init__.py": "",
        "shop/main.py": f"from fastapi import FastAPI\n\n{routers}\n\napp = FastAPI()\n{included}\n",
    }
    for area in AREAS:
        files[f"shop/{area}/__init__.py"] = f'"""All of {area}."""\n'
        for number, layer in enumerate(LAYERS):
            files[f"shop/{area}/{layer}.py"] = module_text(area, layer, number)
    number = 0
    while len(files) < count:
        area = AREAS[number % len(AREAS)]
        name = f"rules_{number // len(AREAS):02}"
        files[f"shop/{area}/{name}.py"] = module_text(area, "rules", number)
        files[f"shop/{area}/queries.py"] += f"\nfrom shop.{area} import {name}  # noqa: E402\n"
        number += 1
    return {**files, "requirements.txt": REQUIREMENTS, "render.yaml": RENDER, ".gitignore": "__pycache__/\n"}


def write_repository(folder: Path, files: dict[str, str]) -> None:
    """Make a repository whose last commit holds the files."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    identity = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com", "-c", "commit.gpgsign=false")
    for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--no-verify", "--message=begin")):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)


def prepare(cache: Path) -> Path:
    """Return the folder of the scripts of an environment with this checkout as it stands."""
    scripts = cache / "venv" / "bin"
    checkout = Path(__file__).resolve().parent.parent
    pip = [str(scripts / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if not scripts.exists():
        venv.create(cache / "venv", with_pip=True)
        subprocess.run([*pip, PIP], check=True)
    # Not in place: the folder of an earlier build may hold what the checkout has no more.
    source = cache / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(checkout / name, source)
    shutil.copytree(checkout / "memguard_hooks", source / "memguard_hooks", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([*pip, str(source)], check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(source)], check=True)
    return scripts


def run(command: Sequence[str], folder: Path) -> Run:
    """Run a command that finds nothing wrong."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr).decode()}")
    return Run(taken, done.stdout)


PEAK = """\
import atexit, sys
def tell():
    with open("/proc/self/status", encoding="ascii") as status:
        sys.stderr.write(next(line for line in status if line.startswith("VmHWM")))
atexit.register(tell)
script = sys.argv.pop(1)
exec(compile(open(script).read() if script else "", script, "exec"))
"""
"""Runs a script, or nothing, and says what it took at most; the peak that `wait4` knows is at least that of this process."""


def measure_peak(python: str, script: str, folder: Path) -> float:
    """Return the peak of resident memory of a script's own process in MiB."""
    done = subprocess.run([python, "-c", PEAK, script], cwd=folder, capture_output=True, text=True, check=True)
    return int(done.stderr.splitlines()[-1].split()[1]) / 1024


FACTS = """
import platform
from importlib.metadata import version
names = ("memguard-hooks", "libcst", "packaging", "PyYAML")
print(", ".join([f"CPython {platform.python_version()}", *(f"{name} {version(name)}" for name in names)]))
"""


class Case(NamedTuple):
    """What is measured: a name, the repository, what happens to it before each run, and the script (empty for none)."""

    name: str
    folder: Path
    change: Callable[[int], object]
    script: str


def make_cases(cache: Path, scripts: Path, files: dict[str, str]) -> list[Case]:
    """Write the repositories."""
    cold, same, edited = (cache / name for name in ("cold", "unchanged", "edited"))
    for folder in (cold, same, edited):
        write_repository(folder, files)
    name = "shop/orders/service.py"

    def edit(number: int) -> None:
        more = f"\n\ndef added_{number}(rows: list[str]) -> int:\n    return len(rows) + {number}\n"
        (edited / name).write_text(files[name] + more, encoding="utf-8")

    hook = str(scripts / "memory-budget")
    return [
        Case("`python -c pass`", same, lambda _: None, ""),
        Case("cold", cold, lambda _: shutil.rmtree(cold / ".git" / "memguard", ignore_errors=True), hook),
        Case("warm, one file edited", edited, edit, hook),
        Case("warm, unchanged", same, lambda _: None, hook),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cache", type=Path, help="folder for the environment and the repositories")
    parser.add_argument("--rounds", type=int, default=15, help="rounds after the warm-up (default: 15)")
    parser.add_argument("--files", type=int, default=200, help="Python files of the app (default: 200)")
    options = parser.parse_args(argv)
    # With the first, each run would compile our modules anew; with the second, no cache would be where it is sought.
    for variable in ("PYTHONDONTWRITEBYTECODE", "MEMGUARD_CACHE_DIR"):
        os.environ.pop(variable, None)
    options.cache.mkdir(parents=True, exist_ok=True)
    cache = options.cache.resolve()
    scripts = prepare(cache)
    python = str(scripts / "python")
    files = make_app(options.files)
    cases = make_cases(cache, scripts, files)
    time.sleep(SETTLED)
    times: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(options.rounds + 1):
        for case in cases:
            case.change(number)
            times[case.name].append(run([case.script] if case.script else [python, "-c", "pass"], case.folder).seconds)
    peaks = {}
    for case in cases:
        case.change(options.rounds + 1)
        peaks[case.name] = measure_peak(python, case.script, case.folder)
    medians = {name: statistics.median(taken[1:]) for name, taken in times.items()}
    nothing = medians[cases[0].name]
    print("| memory-budget | ms | least ms | to `python -c pass` | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, median in medians.items():
        least = min(times[name][1:])
        print(f"| {name} | {median * 1000:.0f} | {least * 1000:.0f} | {median / nothing:.1f} | {peaks[name]:.0f} |")
    sources = [text for name, text in files.items() if name.endswith(".py")]
    versions = subprocess.run([python, "-c", FACTS], capture_output=True, text=True, check=True).stdout.strip()
    size = f"{len(sources)} files of {sum(map(len, sources)) // 1024} KiB"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"\nMedians of {options.rounds} interleaved rounds, {size}. {versions}, {machine}.")


if __name__ == "__main__":
    main()
