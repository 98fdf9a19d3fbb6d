"""Writes down which Python a service is made for, where nothing says so yet."""

from __future__ import annotations

from memguard_hooks.atomic_write import exchange_file
from memguard_hooks.tree import Tree, WorkTree, join

NAME = ".python-version"


def write(tree: WorkTree, folder: str, python: str) -> tuple[str, ...]:
    """Write `.python-version` into the folder of a service, unless it is there, and return what was done."""
    planned = plan(tree, folder, python)
    if planned is None:
        return ()
    path, data = planned
    exchange_file(tree.target(path), None, data, path)
    return (f"{path}:1: written: {python}",)


def plan(tree: Tree, folder: str, python: str) -> tuple[str, bytes] | None:
    """Return the file with what becomes of it, None where there is one."""
    path = join(folder, NAME)
    return None if path is None or tree.has(path) else (path, f"{python}\n".encode())
