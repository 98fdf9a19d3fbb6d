"""What stands beside a manifest and pins what it leaves open: a compiled requirements file, or a lock.

A lock is taken apart only where its bytes name the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from memguard_hooks.dependencies import lock_readers
from memguard_hooks.dependencies.requirement import Requirement, pin_of
from memguard_hooks.errors import MemguardError
from memguard_hooks.record import Record
from memguard_hooks.tree import Tree, join, parent


class Locked(Record):
    """A version that a file pins."""

    path: str
    version: str


def locked_versions(
    tree: Tree, requirement: Requirement, counts: Callable[[str], bool] = lambda _: True
) -> tuple[Locked, ...]:
    """Return what pins the package of a requirement: the first file that counts and does, with all versions it has."""
    for path in filter(counts, _candidates(tree, requirement.path)):
        find = _in_requirements if path.endswith(".txt") else _in_lock
        versions = find(tree, path, requirement.name)
        if versions:
            return tuple(Locked(path, version) for version in dict.fromkeys(versions))
    return ()


def lock_without(tree: Tree, requirement: Requirement, counts: Callable[[str], bool]) -> str | None:
    """Return the lock beside a manifest that lacks a package which the manifest asks for; None where none does.

    Only the first lock that counts is asked, and one that cannot be read, or has no packages, says nothing.
    """
    for path in lock_readers.beside(tree, requirement.path):
        if path.endswith("pylock.toml") or not counts(path):
            continue
        try:
            data = tree.read(path)
            if data is None:
                continue
            if lock_readers.names(data, requirement.name):
                return None
            packages = lock_readers.read(tree, path).packages
        except MemguardError:
            return None
        return path if packages else None
    return None


def update_command(path: str) -> str:
    """Return the command that makes a lock again from its manifest."""
    name = path.rpartition("/")[2]
    commands = {"uv.lock": "uv lock", "poetry.lock": "poetry lock", "pdm.lock": "pdm lock", "Pipfile.lock": "pipenv lock"}
    if name.endswith(".txt"):
        return "what has compiled it, such as pip-compile or uv pip compile"
    return commands.get(name, "pip lock")


def _candidates(tree: Tree, path: str) -> Iterator[str]:
    """Yield the files to look at: `X.txt` of `X.in` beside it or above; locks beside it, and that of uv's workspace."""
    folder, _, name = path.rpartition("/")
    folders = [folder]
    while folders[-1]:
        folders.append(parent(folders[-1]))
    if name.endswith(".in"):
        yield from (f"{one}/{name[:-3]}.txt".lstrip("/") for one in folders[:2])
    elif name == "pyproject.toml":
        yield from lock_readers.beside(tree, path)
        above = (f"{one}/uv.lock".lstrip("/") for one in folders[1:])
        yield from (lock for lock in above if _has_member(tree, lock, folder))
        yield f"{folder}/requirements.txt".lstrip("/")
    elif name == "Pipfile":
        yield from lock_readers.beside(tree, path)


def _has_member(tree: Tree, path: str, folder: str) -> bool:
    """Return whether a lock of uv pins what the project in a folder needs: it is a package of its workspace."""
    try:
        if tree.read(path) is None:
            return False
        packages = lock_readers.read(tree, path).packages
    except MemguardError:
        return False
    sources = (one.source for ones in packages.values() for one in ones)
    return any(one is not None and one.kind == "path" and join(parent(path), one.location) == folder for one in sources)


def _in_requirements(tree: Tree, path: str, name: str) -> list[str]:
    from memguard_hooks.dependencies import requirements_txt

    try:
        manifest = requirements_txt.read(tree, path, name.__eq__)
    except MemguardError:
        return []
    pins = [pin_of(requirement) for requirement in manifest.requirements]
    return [pin.version for pin in pins if pin is not None and pin.version is not None]


def _in_lock(tree: Tree, path: str, name: str) -> list[str]:
    try:
        data = tree.read(path)
        if data is None or not lock_readers.names(data, name):
            return []
        return [one.version for one in lock_readers.read(tree, path).packages.get(name, ()) if one.version is not None]
    except MemguardError:
        return []
