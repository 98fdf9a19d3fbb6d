"""Writes the pins that findings propose: into manifests, never into locks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from memguard_hooks.atomic_write import exchange_file, restore
from memguard_hooks.dependencies import lock_readers
from memguard_hooks.dependencies.manifests import is_named
from memguard_hooks.dependencies.pinned_beside import locked_versions, update_command
from memguard_hooks.errors import UnreadableError
from memguard_hooks.fix.specifier_edit import Wish, pin_all
from memguard_hooks.tree import Tree, WorkTree


def restore_manifests(tree: WorkTree, paths: Sequence[str]) -> None:
    """Put back what a run was ended in the middle of writing."""
    for path in paths:
        with suppress(UnreadableError):  # which is said when it is read
            restore(tree.target(path), path)


def write_pins(tree: WorkTree, wanted: Sequence[Wish]) -> tuple[str, ...]:
    """Pin what can be pinned, each file at once or not at all, and return what was done, one line each."""
    files, told = plan_pins(tree, wanted)
    for path, data in files.items():
        exchange_file(tree.target(path), tree.read(path), data, path)
    return told


def plan_pins(tree: Tree, wanted: Sequence[Wish]) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return what becomes of manifests, and what that does, one line each.

    Left alone are locks, compiled files, lines with hashes, URLs, and what no reader would find pinned afterwards.
    """
    wishes: dict[str, dict[Wish, None]] = {}
    for wish in wanted:
        path = wish.requirement.path
        if (is_named(path) or path.endswith((".txt", ".in"))) and not lock_readers.is_lock(path):
            wishes.setdefault(path, {})[wish] = None
    files: dict[str, bytes] = {}
    told: dict[str, None] = {}
    for path, asked in sorted(wishes.items()):
        # From the end on, so that the places of those before it stay.
        ordered = sorted(asked, key=lambda wish: (wish.requirement.line, wish.requirement.column), reverse=True)
        data, done = pin_all(tree, path, ordered)
        if not done or data == tree.read(path):
            continue
        files[path] = data
        for requirement, version in reversed(done):
            told[f"{path}:{requirement.line}: rewritten: {requirement.name}=={version}"] = None
            for locked in locked_versions(tree, requirement)[:1]:
                if locked.version != version:
                    told[f"{locked.path}: is left as it is, with {requirement.name} {locked.version}: update it with "
                         f"{update_command(locked.path)}"] = None  # fmt: skip
    return files, tuple(told)
