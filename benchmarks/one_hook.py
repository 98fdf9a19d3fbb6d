"""Time the hook `memguard` against the five hooks that it joins, through real pre-commit and real prek.

    python benchmarks/one_hook.py CACHE [--rounds N] [--files N]

Makes, in the folder CACHE, a repository of this checkout and an app (that of benchmarks/budget.py) whose configuration has
either the one hook or the five, and lets both tools build their environments. Then it runs `run --files` over a commit of
three files: a module, a manifest and a deployment file; cold without a cache of ours, warm with it, and with the module
edited before each run, in turn. Prints a Markdown table of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from budget import SETTLED, make_app, write_repository

CONFIGURATIONS = {
    "memguard": ("memguard",),
    "five hooks": ("pin-litellm", "forbid-heavy-deps", "no-eager-heavy-imports", "memory-budget", "deploy-config"),
}
TOOLS = ("pre-commit", "prek")
CASES = ("cold", "warm, one file edited", "warm, unchanged")
EDITED = "shop/orders/service.py"
COMMIT = (EDITED, "requirements.txt", "render.yaml")


def copy_checkout(folder: Path) -> str:
    """Put this checkout as it stands into a repository, and return its commit."""
    checkout = Path(__file__).resolve().parent.parent
    names = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
    files = {name: (checkout / name).read_text(encoding="utf-8") for name in names}
    write_repository(folder, files)
    shutil.copytree(checkout / "memguard_hooks", folder / "memguard_hooks", ignore=shutil.ignore_patterns("__pycache__"))
    identity = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com", "-c", "commit.gpgsign=false")
    for arguments in (("add", "--all"), ("commit", "--quiet", "--no-verify", "--message=package")):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def run(tool: str, config: Path, folder: Path) -> float:
    """Run the hooks of a configuration over the commit, and return the seconds."""
    command = [sys.executable, "-m", tool.replace("-", "_"), "run", "--config", str(config), "--files", *COMMIT]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{tool} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return taken


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cache", type=Path, help="folder for the repositories and the environments")
    parser.add_argument("--rounds", type=int, default=7, help="rounds (default: 7)")
    parser.add_argument("--files", type=int, default=200, help="Python files of the app (default: 200)")
    options = parser.parse_args(argv)
    cache = options.cache.resolve()
    shutil.rmtree(cache / "hooks", ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    for variable in ("PYTHONDONTWRITEBYTECODE", "MEMGUARD_CACHE_DIR", "PIP_NO_COMPILE"):
        os.environ.pop(variable, None)
    os.environ.update(PRE_COMMIT_HOME=str(cache / "pre-commit"), PREK_HOME=str(cache / "prek"))
    commit = copy_checkout(cache / "hooks")
    files = make_app(options.files)
    for name, hooks in CONFIGURATIONS.items():
        entry = {"repo": str(cache / "hooks"), "rev": commit, "hooks": [{"id": one} for one in hooks]}
        (cache / f"{name}.yaml").write_text(json.dumps({"repos": [entry]}), encoding="utf-8")
    app = cache / "app"
    write_repository(app, files)
    allow = '[heavy.allow]\npandas = "measured"\nopenai = "measured"\n'
    (app / "memguard.toml").write_text(allow, encoding="utf-8")
    seconds: dict[tuple[str, str, str], list[float]] = {}
    for tool in TOOLS:
        for name in CONFIGURATIONS:
            run(tool, cache / f"{name}.yaml", app)  # builds the environment
    for number in range(options.rounds):
        for case in CASES:
            for tool in TOOLS:
                for name in CONFIGURATIONS:
                    if case == "cold":
                        shutil.rmtree(app / ".git" / "memguard", ignore_errors=True)
                    elif case != "warm, unchanged":
                        (app / EDITED).write_text(f"{files[EDITED]}\n# {tool} {name} {number}\n", encoding="utf-8")
                    else:
                        run(tool, cache / f"{name}.yaml", app)
                        time.sleep(SETTLED)
                        run(tool, cache / f"{name}.yaml", app)
                    taken = run(tool, cache / f"{name}.yaml", app)
                    seconds.setdefault((tool, case, name), []).append(taken)
    one, five = CONFIGURATIONS
    print(f"| tool | case | {one} s | {five} s | ratio |")
    print("| --- | --- | ---: | ---: | ---: |")
    for tool in TOOLS:
        for case in CASES:
            single, several = (statistics.median(seconds[tool, case, name]) for name in CONFIGURATIONS)
            print(f"| {tool} | {case} | {single:.2f} | {several:.2f} | {several / single:.1f} |")
    print(f"\nMedians of {options.rounds} rounds, {options.files} files, {platform.system()} {platform.machine()}, ", end="")
    print(f"CPython {platform.python_version()}, {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
