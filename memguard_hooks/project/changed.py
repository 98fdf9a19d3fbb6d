"""What a branch has changed: the files, and the commit that it began at.

git is asked by `rev-parse`, `merge-base`, `ls-tree` and `ls-files` alone, which run nothing that a commit or the settings of
a repository can bring along: no hook, no filter, no external diff, no conversion to text. Files are compared by their
contents, here; a file that differs only in the ends of its lines, as `core.autocrlf` writes them, is the same.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.git import Asked, ask, find_git, name_of_blob
from memguard_hooks.project.project import Since
from memguard_hooks.tree import WorkTree

_LINK, _SUBMODULE = b"120000", b"160000"


def find_changes(tree: WorkTree, reference: str) -> tuple[Since, tuple[str, ...]]:
    """Return where the work tree left `reference`, and the files below the root that differ since, without deleted ones.

    Raises MemguardError where git does not know the reference, or no commit in common, or cannot compare with it.
    """
    commit = _line(tree.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if commit is None:
        raise MemguardError(f"git knows no commit {reference!r} here: fetch it first (`git fetch`, or `fetch-depth: 0`)")
    base = _line(tree.root, "merge-base", commit, "HEAD")
    if base is None:
        raise MemguardError(f"HEAD and {reference} have no commit in common: a shallow clone lacks it (`fetch-depth: 0`)")
    before = _entries(tree.root, "ls-tree", "-r", "-z", base)
    tracked = _entries(tree.root, "ls-files", "--stage", "-z")
    if before is None or tracked is None:
        raise MemguardError(f"git cannot compare the work tree with {reference}: `git diff {base}` says why")
    changed = (path for path, entry in tracked.items() if _is_changed(tree, path, entry, before.get(path)))
    return Since(base, reference), tuple(sorted(changed))


def _is_changed(tree: WorkTree, path: str, entry: tuple[bytes, bytes], before: tuple[bytes, bytes] | None) -> bool:
    """Return whether a file that git tracks differs from what the base had; one that is deleted counts for nothing."""
    mode, name = entry
    if mode == _SUBMODULE:
        return False
    if mode == _LINK:
        return before != entry and tree.has(path)
    found = tree.identity(path)
    if found is None:
        return tree.has(path)
    if before is None:
        return True
    if len(name) == len(found) and found == before[1]:
        return False
    try:
        data = tree.read(path) or b""
    except UnreadableError:
        return True
    return before[1] not in (name_of_blob(data, len(name)), name_of_blob(data.replace(b"\r\n", b"\n"), len(name)))


def find_unstaged(tree: WorkTree, paths: Sequence[str]) -> tuple[str, ...]:
    """Return which files are not as git's index has them, so that nothing would bring them back; none outside of git."""
    tracked = _entries(tree.root, "ls-files", "--stage", "-z", "--", *paths) if find_git(tree.root) is not None else None
    if tracked is None:
        return ()
    return tuple(path for path in paths if _is_changed(tree, path, tracked.get(path, (b"", b"")), tracked.get(path)))


def _entries(root: str, *arguments: str) -> dict[str, tuple[bytes, bytes]] | None:
    """Return the mode and the name of each file that git lists, None where it refuses."""
    asked = _ask(root, *arguments)
    if asked.status != 0:
        return None
    found: dict[str, tuple[bytes, bytes]] = {}
    for row in asked.output.split(b"\0")[:-1]:
        about, path = row.split(b"\t", 1)
        words = about.split()  # MODE blob NAME of `ls-tree`, MODE NAME STAGE of `ls-files`
        name = words[2] if arguments[0] == "ls-tree" else words[1]
        found[os.fsdecode(path)] = words[0], bytes.fromhex(name.decode("ascii"))
    return found


def _line(root: str, *arguments: str) -> str | None:
    asked = _ask(root, *arguments)
    return os.fsdecode(asked.output).strip() if asked.status == 0 else None


def _ask(root: str, *arguments: str) -> Asked:
    """Return what git answers. Raises MemguardError where it does not even look."""
    asked = ask(root, *arguments)
    if asked is None:
        raise MemguardError("git cannot be asked what has changed: it is not there, or takes too long")
    if b"dubious ownership" in asked.errors:
        raise MemguardError("git does not look into a folder that belongs to somebody else: set its `safe.directory`")
    if b"safe.bareRepository" in asked.errors:
        raise MemguardError(
            "a folder of the project looks like a repository of its own to git: `HEAD`, `objects` and `refs`"
        )
    return asked
