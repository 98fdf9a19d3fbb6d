"""Writes down which Python a service is made for, where nothing says so yet."""

from __future__ import annotations

from memguard_hooks.atomic_write import exchange_file
from memguard_hooks.tree import WorkTree, join

NAME = ".python-version"


def write(tree: WorkTree, folder: str, python: str) -> tuple[str, ...]:
    """Write `.python-version` into the folder of a service, unless it is there, and return what was done."""
    path = join(folder, NAME)
    if path is None or tree.has(path):
        return ()
    exchange_file(tree.target(path), None, f"{python}\n".encode(), path)
    return (f"{path}:1: written: {python}",)
