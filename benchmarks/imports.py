"""Time no-eager-heavy-imports on a large repository, beside tools that do a part of its work.

    python benchmarks/imports.py CACHE [--rounds N] [--flake8]

Makes, in the folder CACHE, an environment with this checkout and the other tools at pinned versions, and unpacks the
wheel of homeassistant (6,725 Python files) into a git repository; what stands there already is used again. All commands
run in turn, round after round, each as a whole process; cold means without any cache of the tool's own (the files are
in the system's). Prints a Markdown table of medians. flake8 takes a minute a run, so it runs only when asked.
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
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

CORPUS = "homeassistant==2024.3.3"
TOOLS = ("ruff==0.17.6", "import-linter==2.16", "grimp==3.19", "flake8==7.5.0", "flake8-tidy-imports==4.12.0")
HEAVY = ("torch", "pandas", "openai", "tensorflow", "litellm", "cv2", "anthropic", "transformers", "sklearn", "spacy")

STAGED = tuple(f"homeassistant/components/{name}/__init__.py" for name in ("hue", "mqtt", "sonos", "tado", "zha"))
"""Five files that name nothing heavy."""

RUFF = f"""\
lint.select = ["TID253"]
lint.flake8-tidy-imports.banned-module-level-imports = {list(HEAVY)}
"""
CONTRACT = f"""\
[importlinter]
root_package = homeassistant
include_external_packages = True

[importlinter:contract:heavy]
name = heavy
type = forbidden
source_modules = homeassistant
forbidden_modules =
    {"    ".join(f"{name}{chr(10)}" for name in HEAVY[:6])}
"""
GRIMP = "import grimp, sys; grimp.build_graph('homeassistant', include_external_packages=True, cache_dir={!r})"
CACHES = {"no-eager-heavy-imports": ".git/memguard", "ruff": ".ruff_cache", "lint-imports": ".import_linter_cache"}
"""Of each program; a cold run fills it for the warm one behind it."""


class Case(NamedTuple):
    """A command, what it is measured for, and whether its caches are removed before each run."""

    name: str
    group: str
    command: tuple[str, ...]
    is_cold: bool = False


HOOK = "no-eager-heavy-imports"
BANNED = "\n".join(f"{name} = heavy" for name in HEAVY)
FLAKE8 = ("flake8", "--isolated", "--select=I251", f"--banned-modules={BANNED}", "--exit-zero")

CASES = (
    Case("python -c pass", "start", ("python", "-c", "pass")),
    Case(HOOK, "five staged files", (HOOK, *STAGED)),
    Case("ruff TID253, cold", "five staged files", ("ruff", "check", "--config=ruff.toml", "--exit-zero", *STAGED), True),
    Case("flake8-tidy-imports", "five staged files", (*FLAKE8, *STAGED)),
    Case(f"{HOOK}, cold", "all files", (HOOK, "--scope=all"), True),
    Case("ruff TID253, cold", "all files", ("ruff", "check", "--config=ruff.toml", "--exit-zero", "."), True),
    Case("import-linter, cold", "all files", ("lint-imports", "--config=contract.ini"), True),
    Case("grimp, cold", "all files", ("python", "-c", GRIMP.format(None)), True),
    Case(f"{HOOK}, warm", "all files", (HOOK, "--scope=all")),
    Case("ruff TID253, warm", "all files", ("ruff", "check", "--config=ruff.toml", "--exit-zero", ".")),
    Case("import-linter, warm", "all files", ("lint-imports", "--config=contract.ini")),
    Case(f"{HOOK}, cold", "from the entry point", (HOOK, "--entrypoint=-m homeassistant"), True),
    Case(f"{HOOK}, warm", "from the entry point", (HOOK, "--entrypoint=-m homeassistant")),
    Case("grimp's whole graph, cold", "from the entry point", ("python", "-c", GRIMP.format(None)), True),
    Case("grimp's whole graph, warm", "from the entry point", ("python", "-c", GRIMP.format(".grimp_cache"))),
)
SLOW = (Case("flake8-tidy-imports", "all files", (*FLAKE8, ".")),)


class Run(NamedTuple):
    """One run: seconds, and the peak of memory of the process in MiB."""

    seconds: float
    peak: float


def prepare(cache: Path) -> tuple[Path, Path]:
    """Return the folder of the scripts and that of the repository."""
    scripts, tree = cache / "venv" / "bin", cache / "tree"
    checkout = Path(__file__).resolve().parent.parent
    if not scripts.exists():
        venv.create(cache / "venv", with_pip=True)
        subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", *TOOLS], check=True)
    # The checkout may have changed since.
    install = ["install", "--quiet", "--force-reinstall", "--no-deps", str(checkout)]
    subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", str(checkout)], check=True)
    subprocess.run([scripts / "python", "-m", "pip", *install], check=True)
    if not tree.exists():
        download = ["download", "--quiet", "--no-deps", "--no-binary=:none:", f"--dest={cache}", CORPUS]
        subprocess.run([scripts / "python", "-m", "pip", *download], check=True)
        with zipfile.ZipFile(next(cache.glob("homeassistant-*.whl"))) as wheel:
            wheel.extractall(tree)
        subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    (tree / "ruff.toml").write_text(RUFF, encoding="utf-8")
    (tree / "contract.ini").write_text(CONTRACT, encoding="utf-8")
    return scripts, tree


def run(case: Case, scripts: Path, tree: Path) -> Run:
    """Run a command and wait for it."""
    program, *arguments = case.command
    if case.is_cold:
        shutil.rmtree(tree / CACHES.get(program, ".none"), ignore_errors=True)
    start = time.perf_counter()
    process = subprocess.Popen(
        [scripts / program, *arguments], cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{case.command} ended with {process.returncode}")
    return Run(seconds, usage.ru_maxrss / 1024)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cache", type=Path, help="folder for the environment and the repository")
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the warm-up (default: 5)")
    parser.add_argument("--flake8", action="store_true", help="run flake8 over all files too, which takes minutes")
    options = parser.parse_args(argv)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    options.cache.mkdir(parents=True, exist_ok=True)
    scripts, tree = prepare(options.cache.resolve())
    cases = CASES + (SLOW if options.flake8 else ())
    runs: dict[Case, list[Run]] = {case: [] for case in cases}
    for _ in range(options.rounds + 1):
        for case in cases:
            runs[case].append(run(case, scripts, tree))
    times = {case: statistics.median(one.seconds for one in found[1:]) for case, found in runs.items()}
    nothing = times[cases[0]]
    print("| for | command | seconds | to `python -c pass` | to the hook | peak MiB |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for case in cases:
        own = [one for one in cases if one.group == case.group and HOOK in one.name]
        like = next(
            (one for one in own if one.name.partition(",")[2] == case.name.partition(",")[2]), own[0] if own else None
        )
        ratio = f"{times[case] / times[like]:.2f}" if like is not None else ""
        peak = max(one.peak for one in runs[case])
        print(f"| {case.group} | {case.name} | {times[case]:.3f} | {times[case] / nothing:.1f} | {ratio} | {peak:.0f} |")
    facts = [CORPUS, *TOOLS, f"CPython {platform.python_version()}", platform.system(), f"{os.cpu_count()} cores"]
    print(f"\nMedians of {options.rounds} interleaved rounds. {', '.join(facts)}.")


if __name__ == "__main__":
    main()
