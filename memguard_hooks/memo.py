"""What a hook said, to be said again as long as all looks unchanged that its run looked at.

A run notes how each file looks that it reads, each folder that it lists, and each path that it finds missing. These looks
are kept with what was said, beside the commit that the verdict compares with and the files of this package and of those
that it depends on. As git's own index does, a later run only asks how they look now. No clock tells apart two changes
within one tick of it, so nothing is kept of a run that has seen a file as young as that.

This module is loaded before anything is known, so it loads nearly nothing.
"""

from __future__ import annotations

import os
import sys
import time

from memguard_hooks.cache_folder import digest, find_folder, find_git, read_whole, shrink, write_whole
from memguard_hooks.output import write

TYPE_CHECKING = False  # as typing has it, whose import takes as long as the start of Python
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Look = tuple[int, ...]
"""The times of a file in nanoseconds, its size and its inode."""

FOLDER = "said"

MAX_KEPT = 32
"""Answers to other options, in other folders, of other Pythons; of more the older half is dropped."""

MAX_PATHS = 20_000
"""Paths that an answer may hang on: each takes some microseconds to ask for."""

SETTLED = 2 * 10**9
"""Nanoseconds after which a file that changes again looks changed, on every file system."""

PACKAGES = ("libcst", "packaging", "tomli", "yaml")
"""What the answers depend on besides this package."""

_ELSEWHERE = (
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
)
"""With one of these git may see another repository than its folder shows."""

_SHOWN = ("config", "packed-refs", "refs/replace")
"""What decides, in git's folder, which commit is shown for a name, besides the name."""


class Memo:
    """What one hook said in the working folder when it was given these arguments."""

    def __init__(self, hook: str, arguments: Sequence[str] | None = None) -> None:
        self._started = time.time_ns()
        self._file: str | None = None
        self._git: tuple[str, str] | None = None
        folder, own = find_folder("."), look(__file__)
        if folder is not None and own is not None and not any(name in os.environ for name in _ELSEWHERE):
            self._git = find_git(".")
            # Who brings a file from elsewhere cannot know how this module looks here, nor have the file believed.
            place = (os.getcwd(), os.environ.get("PATH", ""), sys.getfilesystemencoding(), sys.version, _write(own).decode())
            key = (hook, *place, *(sys.argv[1:] if arguments is None else arguments))
            self._file = os.path.join(folder, FOLDER, digest(*map(os.fsencode, key)).hex())
        self._commit = self._read_commit()

    def _read_commit(self) -> bytes | None:
        """Return the commit that git calls HEAD, None where there is none or only git can tell."""
        if self._git is None:
            return None
        own, common = self._git
        try:
            head = _read(os.path.join(own, "HEAD")).strip()
            name = head.removeprefix(b"ref: ")
            if name == head or not name.startswith(b"refs/heads/"):
                return _as_commit(head)
            try:
                return _as_commit(_read(os.path.join(common, os.fsdecode(name))).strip())
            except FileNotFoundError:
                before, found, _ = _read(os.path.join(common, "packed-refs")).partition(b" " + name + b"\n")
                return _as_commit(before.rpartition(b"\n")[2]) if found else None
        except (OSError, ValueError):
            return None

    def recall(self) -> int | None:
        """Say again what was said and return the exit status; None where nothing was, or where something has changed."""
        content = None if self._file is None or self._commit is None else read_whole(self._file)
        if content is None:
            return None
        try:
            first, rest = content.split(b"\n", 1)
            commit, status, size, paths = first.split()
            *looks, said = rest.split(b"\n", int(paths))
        except ValueError:  # nothing that `keep` has written
            return None
        if commit != self._commit or len(looks) != int(paths) or not all(map(_is_unchanged, looks)):
            return None
        write(sys.stdout, said[: int(size)].decode("utf-8", "surrogatepass"))
        write(sys.stderr, said[int(size) :].decode("utf-8", "surrogatepass"))
        return int(status)

    def keep(self, looked: Mapping[str, Look | None], status: int, output: str, errors: str) -> None:
        """Keep what was said, if what the run has looked at cannot have changed since without looking so."""
        if self._file is None or self._git is None or self._commit is None or self._commit != self._read_commit():
            return
        settled = self._started - SETTLED
        if len(looked) > MAX_PATHS or _is_partial(self._git[1]) or not _are_older(looked.values(), settled):
            return
        around = [os.path.join(folder, name) for folder in set(self._git) for name in _SHOWN]
        around += [os.path.join(self._git[0], "config.worktree"), *_files_of_packages()]
        looks = {**{path: look(path) for path in around}, **{path or ".": seen for path, seen in looked.items()}}
        if not _are_older(looks.values(), settled):
            return
        lines = [b"%s\t%s" % (_write(seen), os.fsencode(path)) for path, seen in looks.items()]
        if any(b"\n" in line for line in lines):
            return
        said = output.encode("utf-8", "surrogatepass")
        first = b"%s %d %d %d" % (self._commit, status, len(said), len(lines))
        content = b"\n".join([first, *lines, said + errors.encode("utf-8", "surrogatepass")])
        if write_whole(self._file, content):
            shrink(os.path.dirname(self._file), MAX_KEPT)


def look(path: str | bytes) -> Look | None:
    """Return how a path looks, None where nothing is there."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _are_older(looks: Iterable[Look | None], moment: int) -> bool:
    return all(seen is None or max(seen[:2]) < moment for seen in looks)


def _write(seen: Look | None) -> bytes:
    return b"" if seen is None else b"%d %d %d %d" % seen


def _is_unchanged(line: bytes) -> bool:
    seen, _, path = line.partition(b"\t")
    return seen == _write(look(path))


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _as_commit(name: bytes) -> bytes | None:
    """Return the name of a commit, None for what is none: one name may stand for another."""
    return name if len(name) in (40, 64) and not name.strip(b"0123456789abcdef") else None


def _is_partial(common: str) -> bool:
    """Tell whether the repository may lack objects, which a later run may find."""
    try:
        config = _read(os.path.join(common, "config")).lower()
    except OSError:
        return True
    return b"promisor" in config or b"partialclone" in config


def _files_of_packages() -> Iterator[str]:
    """Give the files that change with this package and with what it depends on.

    An installer replaces all files of a package, so that one of them tells; in a checkout each is edited by itself.
    """
    from importlib.util import find_spec

    for name in PACKAGES:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            yield spec.origin
    here = os.path.dirname(os.path.abspath(__file__))
    if os.path.basename(os.path.dirname(here)) in ("site-packages", "dist-packages"):
        return
    folders = [here]
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir():
                    yield entry.path
                elif entry.name != "__pycache__":
                    folders.append(entry.path)
