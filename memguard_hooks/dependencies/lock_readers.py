"""Which files are locks, and the reader of each."""

from __future__ import annotations

import re

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats import merge_conflict
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import Tree, parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable

    from memguard_hooks.dependencies.lock import Lock

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
"""The names of locks, in the order in which one beside another counts."""

_NAMED = late_pattern(r"pylock\.[^./]+\.toml")


def is_lock(path: str) -> bool:
    """Return whether a path is that of a lock by its name; compiled requirements files have no name of their own."""
    name = path.rpartition("/")[2]
    return name in LOCKS or (name.startswith("pylock.") and _NAMED.fullmatch(name) is not None)


def beside(tree: Tree, path: str) -> tuple[str, ...]:
    """Return the paths that the locks of a manifest have in its folder, there or not, in the order in which they count.

    uv takes its project from `[project]`: its lock beside a project of Poetry alone is a leftover.
    """
    folder, _, name = path.rpartition("/")
    found = {"pyproject.toml": LOCKS[:4], "Pipfile": LOCKS[4:]}.get(name, ())
    paths = tuple(f"{folder}/{lock}".lstrip("/") for lock in found)
    if len(paths) > 1 and _is_of_poetry_alone(tree, path, paths[:2]):
        return (paths[1], paths[0], *paths[2:])
    return paths


def _is_of_poetry_alone(tree: Tree, path: str, both: tuple[str, ...]) -> bool:
    try:
        if any(tree.read(lock) is None for lock in both):
            return False
        from memguard_hooks.formats import typed
        from memguard_hooks.formats.toml_document import parse

        data = parse(tree.read(path) or b"", path).data
    except MemguardError:
        return False
    return typed.value(data, "tool", "poetry") is not None and "project" not in data


def names(data: bytes, name: str) -> bool:
    """Return whether the bytes of a lock name a package, however its name is written: the fast question before `read`."""
    parts = [part.encode() for part in name.split("-")]
    text = data.lower()
    if not all(part in text for part in parts):
        return False
    pattern = b"[-_.]+".join(map(re.escape, parts))
    return re.search(rb"%s[\"'\[]" % pattern, text) is not None


def read(tree: Tree, path: str) -> Lock:
    """Read a lock, or a compiled requirements file, once a run.

    Raises MemguardError for one that is missing or broken, with the place.
    """
    return parse_once(tree, ("lock", path), lambda: _read(tree, path))


def _read(tree: Tree, path: str) -> Lock:
    if not is_lock(path):
        from memguard_hooks.dependencies import compiled

        return compiled.read(tree, path)
    data = tree.read(path)
    if data is None:
        raise MemguardError("no such file", path)
    merge_conflict.refuse(data, path)
    return _reader_of(path)(data, path)


def _reader_of(path: str) -> Callable[[bytes, str], Lock]:
    """Return the reader of a lock by its name; its module is loaded only then."""
    match path.rpartition("/")[2]:
        case "uv.lock":
            from memguard_hooks.dependencies.uv_lock import read
        case "poetry.lock":
            from memguard_hooks.dependencies.poetry_lock import read
        case "pdm.lock":
            from memguard_hooks.dependencies.pdm_lock import read
        case "Pipfile.lock":
            from memguard_hooks.dependencies.pipfile_lock import read
        case _:
            from memguard_hooks.dependencies.pylock import read
    return read
