"""Folders with files, and repositories, that tests make."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder, with the line ends that they have, and return the folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def write_dedented(root: Path, files: Mapping[str, str]) -> Path:
    """Write texts that are indented as the code around them."""
    return write(root, {name: dedent(text).lstrip("\n") for name, text in files.items()})


def git(root: Path, *arguments: str) -> str:
    """Run git where it has to succeed, and return what it prints."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(root: Path, files: Mapping[str, str | bytes] | None = None, message: str = "work") -> None:
    """Write files and commit all that there is, in a repository that is made if there is none."""
    write(root, files or {})
    if not (root / ".git").exists():
        git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--no-verify", f"--message={message}")
