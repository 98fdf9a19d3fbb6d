"""What programs ask of the kernel, as strace tells it, and what becomes of them when they are ended on the way."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest


@functools.cache
def why_not() -> str:
    """Say why no program can be traced here, nothing where it can."""
    if shutil.which("strace") is None:
        return "needs strace (Debian: apt-get install strace)"
    done = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, encoding="utf-8", check=False)
    return f"strace may not trace here: {done.stderr.strip()}" if done.returncode else ""


needs_strace = pytest.mark.skipif(bool(why_not()), reason=why_not())


def trace(
    command: Sequence[str], *options: str, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> tuple[int, list[str]]:
    """Run a program under strace; return its exit status, and a line for each call, without the number of the process."""
    with tempfile.NamedTemporaryFile(mode="r", encoding="utf-8", errors="surrogateescape") as log:
        words = ["strace", "-f", "-qq", "-s", "4096", "-o", log.name, *options, *command]
        done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, check=False)
        return done.returncode, [line.split(None, 1)[1] for line in log.read().splitlines()]
