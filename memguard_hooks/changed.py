"""What a branch has changed, by git's own diff: the files, and the commit that it began at.

git is asked by `merge-base` and `diff` alone, which run nothing of the repository: no hook, no external diff, no filter for
text. It is told not to fetch what a partial clone lacks.
"""

from __future__ import annotations

import os
import subprocess

from memguard_hooks.errors import MemguardError
from memguard_hooks.project import Since
from memguard_hooks.tree import git_environment

SECONDS = 60
"""How long git may take."""


def find_changes(root: str, reference: str) -> tuple[Since, tuple[str, ...]]:
    """Return where the work tree left `reference`, and the files below the root that differ since, without deleted ones.

    Raises MemguardError where git does not know the reference, or no commit in common.
    """
    commit = _ask(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}").strip()
    if not commit:
        raise MemguardError(f"git knows no commit {reference!r} here: fetch it first (`git fetch`, or `fetch-depth: 0`)")
    base = _ask(root, "merge-base", commit, "HEAD").strip()
    if not base:
        raise MemguardError(f"HEAD and {reference} have no commit in common: a shallow clone lacks it (`fetch-depth: 0`)")
    names = _ask(
        root, "diff", "--name-only", "-z", "--relative", "--no-ext-diff", "--no-textconv", "--no-renames",
        "--ignore-submodules=all", "--diff-filter=d", base, "--",
    )  # fmt: skip
    return Since(base, reference), tuple(sorted(name for name in names.split("\0") if name))


def _ask(root: str, *arguments: str) -> str:
    """Return what git prints, nothing where it refuses."""
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],
            cwd=root,
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise MemguardError(f"git cannot be asked what has changed: {type(error).__name__}") from None
    return os.fsdecode(done.stdout) if done.returncode == 0 else ""
