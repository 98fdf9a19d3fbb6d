"""Variables of the `.env` files in the repository that the code of a service loads as it starts.

What git ignores is not deployed, and what the host sets wins: python-dotenv, pydantic, environs, django-environ and decouple
leave a variable alone that is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice

from memguard_hooks.errors import MemguardError
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.tree import join, parent

_LOADS = late_pattern(rb"\b(?:load_dotenv|dotenv_values|env_file|read_env|read_envfile|decouple)\b")
_NAME = late_pattern(rb"""["']((?:[\w.-]+/){0,5}[\w-]*\.env(?:\.\w+)?)["']""")
"""The name of such a file in a string."""

_SAMPLES = ("example", "sample", "template", "dist", "test")
"""What the last part of the name of a file is that nothing loads in production."""

MAX_FILES = 20
"""Files that are looked for."""


def variables_in(project: Project, paths: Iterable[str]) -> tuple[dict[str, tuple[str, ...]], bool]:
    """Return what the `.env` files give that some files of code load: each value that a variable may have.

    Beside it stands whether that is all: code may load more files than are read.
    """
    from memguard_hooks.deployment.compose_values import read_env_file

    found: dict[str, dict[str, None]] = {}
    paths = list(paths)
    if not any(_has_one(project, folder) for folder in _folders(paths)):
        return {}, True
    places = list(islice(_there(project, dict.fromkeys(_named(project, paths))), MAX_FILES + 1))
    is_whole = len(places) <= MAX_FILES
    for path in places[:MAX_FILES]:
        data = project.tree.read(path)
        if data is None or _is_ignored(project, path):
            continue
        try:
            read = read_env_file(data, {}, path)
        except MemguardError:
            is_whole = False
            continue
        for name, one in read.items():
            if one.value is not None:
                found.setdefault(name, {})[one.value] = None
    return {name: tuple(values) for name, values in found.items()}, is_whole


def _there(project: Project, places: Iterable[str]) -> Iterator[str]:
    """Yield the places where there is a file; each folder is looked through once."""
    names: dict[str, set[str]] = {}
    for path in places:
        folder = parent(path)
        if folder not in names:
            names[folder] = {one.name for one in project.tree.entries(folder) if not one.is_folder}
        if path.rpartition("/")[2] in names[folder]:
            yield path


def _folders(paths: Iterable[str]) -> set[str]:
    """Return the folders of some files, and those above them."""
    found, waiting = {""}, {parent(path) for path in paths}
    while waiting:
        found |= waiting
        waiting = {parent(folder) for folder in waiting} - found
    return found


def _has_one(project: Project, folder: str) -> bool:
    """Return whether a folder holds a file of variables: where none does, no code needs to be looked at."""
    names = (one.name for one in project.tree.entries(folder) if not one.is_folder)
    return any(".env" in name and name.rpartition(".")[2] not in _SAMPLES for name in names)


def _named(project: Project, paths: Iterable[str]) -> Iterator[str]:
    """Yield where the files may lie that code loads: at the root, or in a folder above the code."""
    for path in paths:
        data = project.tree.read(path) or b""
        if _LOADS.search(data) is None:
            continue
        names = [".env", *(one.decode() for one in _NAME.findall(data))]
        folder = parent(path)
        while True:
            for name in names:
                where = join(folder, name)
                if where is not None and name.rpartition(".")[2] not in _SAMPLES:
                    yield where
            if not folder:
                break
            folder = parent(folder)


def _is_ignored(project: Project, path: str) -> bool:
    """Return whether git, or the build of an image, leaves a file out by its name."""
    name = path.rpartition("/")[2]
    for ignore in (".gitignore", ".dockerignore"):
        lines = (project.tree.read(ignore) or b"").decode("utf-8", "replace").split("\n")
        if any(fnmatchcase(name, one.strip().rpartition("/")[2]) for one in lines if not one.startswith(("#", "!"))):
            return True
    return False
