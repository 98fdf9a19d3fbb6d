"""What a branch has changed, by git's own diff: the files, and the commit that it began at.

git is asked by `rev-parse`, `merge-base` and `diff` alone, which run nothing that a commit can bring along: no hook, no
external diff, no conversion to text. A filter of the user's own, as Git LFS has, does run on files that may differ. git is
told not to fetch what a partial clone lacks.
"""

from __future__ import annotations

import os
import subprocess

from memguard_hooks.errors import MemguardError
from memguard_hooks.project.project import Since
from memguard_hooks.tree import git_environment

SECONDS = 60
"""How long git may take."""


def find_changes(root: str, reference: str) -> tuple[Since, tuple[str, ...]]:
    """Return where the work tree left `reference`, and the files below the root that differ since, without deleted ones.

    Raises MemguardError where git does not know the reference, or no commit in common, or cannot compare with it.
    """
    commit = _ask(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if commit is None:
        raise MemguardError(f"git knows no commit {reference!r} here: fetch it first (`git fetch`, or `fetch-depth: 0`)")
    base = _ask(root, "merge-base", commit.strip(), "HEAD")
    if base is None:
        raise MemguardError(f"HEAD and {reference} have no commit in common: a shallow clone lacks it (`fetch-depth: 0`)")
    names = _ask(
        root, "diff", "--name-only", "-z", "--relative", "--no-ext-diff", "--no-textconv", "--no-renames",
        "--ignore-submodules=all", "--diff-filter=d", base.strip(), "--",
    )  # fmt: skip
    if names is None:
        raise MemguardError(f"git cannot compare the work tree with {reference}: `git diff {base.strip()}` says why")
    return Since(base.strip(), reference), tuple(sorted(name for name in names.split("\0") if name))


def _ask(root: str, *arguments: str) -> str | None:
    """Return what git prints, None where it refuses. Raises MemguardError where it does not even look."""
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],
            cwd=root,
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise MemguardError(f"git cannot be asked what has changed: {type(error).__name__}") from None
    if b"dubious ownership" in done.stderr:
        raise MemguardError("git does not look into a folder that belongs to somebody else: set its `safe.directory`")
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
