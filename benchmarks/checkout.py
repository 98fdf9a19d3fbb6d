"""Environments that hold this checkout as a user would have it, and git repositories of files that are made up."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

PIP = "pip==26.0.1"
"""Its console scripts load nothing but the hook."""

IDENTITY = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com", "-c", "commit.gpgsign=false")

SLOWER = ("PYTHONDONTWRITEBYTECODE", "PIP_NO_COMPILE", "MEMGUARD_CACHE_DIR")
"""With the first two each run would compile our modules again; with the third no cache would be where it is sought."""

ROOT = Path(__file__).resolve().parent.parent

FACTS = """
import platform, sys
from importlib.metadata import version
print(", ".join([f"CPython {platform.python_version()}", *(f"{name} {version(name)}" for name in sys.argv[1:])]))
"""


def forget_variables() -> None:
    """Remove from this process, and so from all that it starts, what would slow the hooks."""
    for variable in SLOWER:
        os.environ.pop(variable, None)


def make_environment(cache: Path, packages: Sequence[str] = ()) -> Path:
    """Return the scripts of an environment with some packages and this checkout as it stands, not editable."""
    scripts = cache / "venv" / "bin"
    pip = [str(scripts / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if not scripts.exists():
        venv.create(cache / "venv", with_pip=True)
        subprocess.run([*pip, PIP], check=True)
    # Not in place: the folder of an earlier build may hold what the checkout has no more.
    source = cache / "source"
    copy_package(source)
    subprocess.run([*pip, *packages, str(source)], check=True)
    subprocess.run([*pip, "--force-reinstall", "--no-deps", str(source)], check=True)
    return scripts


def copy_package(folder: Path) -> None:
    """Copy what a build of this checkout needs, and its hooks."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "memguard_hooks", folder / "memguard_hooks", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder)


def versions(python: Path, packages: Iterable[str]) -> str:
    """Name the versions of an interpreter and of packages beside it."""
    done = subprocess.run([python, "-c", FACTS, *packages], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def git(folder: Path, *arguments: str) -> str:
    """Run git, which has to succeed, and return what it prints."""
    done = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, *arguments: str) -> str:
    """Commit what is staged, without any hook, and return the name of the commit."""
    git(folder, "commit", "--quiet", "--no-verify", "--message=benchmark", *arguments)
    return git(folder, "rev-parse", "HEAD")


def write_files(folder: Path, files: Iterable[tuple[str, str]]) -> None:
    """Write files, one after the other."""
    for name, text in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_repository(folder: Path, files: Iterable[tuple[str, str]]) -> Path:
    """Make a repository whose last commit holds the files."""
    shutil.rmtree(folder, ignore_errors=True)
    write_files(folder, files)
    track(folder)
    return folder


def track(folder: Path) -> str:
    """Make a folder a repository, and return its first commit."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    return commit(folder)
