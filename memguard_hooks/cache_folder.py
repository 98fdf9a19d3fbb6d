"""Where answers are kept from one run to the next, and how a file there is written and read.

It is git's own folder, as `.git/memguard`: no commit can bring answers along, no clone has them, and git never lists
them. `MEMGUARD_CACHE_DIR` names another folder, the empty string none. A file is written whole and then renamed into
place, so that hooks may run side by side; one that was damaged is not believed.

This module is loaded before anything is known, so it loads nearly nothing.
"""

from __future__ import annotations

import os

try:  # What hashlib gives, without OpenSSL: a quarter of the start of Python.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

FOLDER = "memguard"

VARIABLE = "MEMGUARD_CACHE_DIR"

DIGEST_BYTES = 16


def find_folder(root: str) -> str | None:
    """Return where the cache of a project lies, None where the project is in no git repository."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return os.path.join(named, FOLDER) if named else None
    found = find_git(root)
    return None if found is None else os.path.join(found[1], FOLDER)


def find_top(root: str) -> str | None:
    """Return the top of the work tree around a folder, None where it is in no git repository."""
    here = os.path.abspath(root)
    while not os.path.lexists(os.path.join(here, ".git")):
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above
    return here


def find_git(root: str) -> tuple[str, str] | None:
    """Return git's folder for the work tree around a folder, and the one that all its work trees share."""
    here = find_top(root)
    if here is None:
        return None
    own = common = os.path.join(here, ".git")
    try:
        if os.path.isfile(own):  # a work tree beside the main one, or a submodule
            own = common = os.path.join(here, _line(own).removeprefix("gitdir:").strip())
            beside = os.path.join(own, "commondir")
            if os.path.isfile(beside):
                common = os.path.join(own, _line(beside))
    except OSError:
        return None
    return (own, common) if os.path.isdir(common) else None


def _line(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.readline(4096).strip()


def read_whole(path: str) -> bytes | None:
    """Return what `write_whole` has written, None for what is not there or was damaged."""
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError:
        return None
    written, text = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    return text if written == digest(text) else None


def write_whole(path: str, text: bytes) -> bool:
    """Put a file into its place at once, with its digest; tell whether that went well."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as stream:
            stream.write(digest(text) + text)
        os.replace(temporary, path)
    except OSError:
        from contextlib import suppress

        with suppress(OSError):
            os.remove(temporary)
        return False
    return True


def shrink(folder: str, limit: int) -> None:
    """Drop the oldest half of a folder that holds more files than the limit."""
    try:
        names = os.listdir(folder)
        if len(names) > limit:
            paths = sorted((os.path.join(folder, name) for name in names), key=os.path.getmtime)
            for path in paths[: len(paths) // 2]:
                os.remove(path)
    except OSError:
        return  # another hook was faster


def digest(*parts: bytes) -> bytes:
    """Return a hash of some bytes, each kept apart from the next."""
    found = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.digest()
