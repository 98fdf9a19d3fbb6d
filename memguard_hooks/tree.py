"""Where files are read from: the work tree, or one revision in git.

Paths are relative to the root, with `/`. No tree follows a path out of its root, opens anything
but a regular file, or reads a file larger than `MAX_FILE_BYTES`.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple, Protocol

from memguard_hooks.errors import MemguardError, UnreadableError

if TYPE_CHECKING:
    from subprocess import Popen

MAX_FILE_BYTES = 32 * 2**20
"""A manifest, a lock or a source file is far smaller; a larger one is data or an attack."""

MAX_ENTRIES = 200_000
"""Files that `walk` looks at before it gives up, so that a hostile tree ends too."""

SKIPPED_FOLDERS = frozenset({".git", "__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"})
"""Folders that hold no source of the project; so do all whose name starts with a dot."""


class TreeEntry(NamedTuple):
    """One name in a folder."""

    name: str
    is_folder: bool


class Tree(Protocol):
    """A snapshot of the files of a project, whose top folder is `root`."""

    root: str

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is no file.

        Raises UnreadableError for a file that is there and must not be read.
        """

    def entries(self, folder: str) -> tuple[TreeEntry, ...]:
        """Return what a folder holds, sorted by name; nothing where there is no such folder."""

    def stamp(self, path: str) -> tuple[int, ...] | None:
        """Return what changes with the content of a file: times in nanoseconds first; None where nothing tells."""

    def close(self) -> None:
        """End what the tree has started."""


def normalize(path: str) -> str | None:
    """Return a relative path without `.` and `..`, None where it leaves the root."""
    parts: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def join(folder: str, path: str) -> str | None:
    """Return `path`, written relative to `folder`, as a path from the root; None where it leaves the root."""
    return None if path.startswith("/") else normalize(f"{folder}/{path}")


def inside(root: str, name: str, shown: str | None = None) -> str:
    """Return a file name that a user gave, absolute or from the root, as a path from the root.

    Raises MemguardError for one that leads out of it, an absolute one also by a link to its folder; it is named as `shown`.
    """
    path = name
    if os.path.isabs(name):
        folder, last = os.path.split(name)
        path = os.path.relpath(os.path.join(os.path.realpath(folder), last), root)
    path = os.path.normpath(path).replace(os.sep, "/")
    if path == ".." or path.startswith("../"):
        raise MemguardError("is not in this project", name if shown is None else shown)
    return "" if path == "." else path


def parent(path: str) -> str:
    """Return the folder of a path, the empty string for the root."""
    return path.rpartition("/")[0]


def walk(tree: Tree, folder: str = "") -> list[str]:
    """Return all files below a folder, sorted, without those that belong to environments and tools."""
    found: list[str] = []
    waiting = [folder]
    seen = 0
    while waiting:
        here = waiting.pop()
        for entry in tree.entries(here):
            seen += 1
            if seen > MAX_ENTRIES:
                raise MemguardError(f"more than {MAX_ENTRIES} files; name a smaller folder", here or ".")
            path = f"{here}/{entry.name}" if here else entry.name
            if not entry.is_folder:
                found.append(path)
            elif not entry.name.startswith(".") and entry.name not in SKIPPED_FOLDERS:
                waiting.append(path)
    return sorted(found)


class WorkTree:
    """The files as they stand in a folder.

    `looked` says how each path looked, as `stamp` has it, when something was asked of it first, None for what was not
    there; `is_steady` that all could be looked at, and looked the same each time.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.looked: dict[str, tuple[int, ...] | None] = {}
        self.is_steady = True
        self._plain: dict[str, bool] = {}

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none."""
        try:
            return self._read(path)
        except UnreadableError:
            self.is_steady = False
            raise

    def _read(self, path: str) -> bytes | None:
        try:
            descriptor = self._open(path)
        except (FileNotFoundError, NotADirectoryError):
            self._note(path, None)
            return None
        except (OSError, ValueError) as error:
            raise UnreadableError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path) from None
        try:
            found = os.fstat(descriptor)
            if stat.S_ISDIR(found.st_mode):
                raise UnreadableError("is a directory, not a file", path)
            if not stat.S_ISREG(found.st_mode):
                raise UnreadableError("is not a regular file", path)
            self._note(path, found)
            with os.fdopen(descriptor, "rb", closefd=False) as stream:
                return _bounded(stream.read(MAX_FILE_BYTES + 1), path)
        finally:
            os.close(descriptor)

    def _note(self, path: str, found: os.stat_result | None) -> tuple[int, ...] | None:
        """Remember how a path looks, and return it."""
        look = None if found is None else (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
        if self.looked.setdefault(path, look) != look:
            self.is_steady = False
        return look

    def stamp(self, path: str) -> tuple[int, ...] | None:
        """Return the times, the size and the inode of a file, None where there is none."""
        try:
            return self._note(path, os.stat(os.path.join(self.root, path)))
        except (FileNotFoundError, NotADirectoryError):
            return self._note(path, None)
        except (OSError, ValueError):
            self.is_steady = False
            return None

    def _open(self, path: str) -> int:
        """Open a file of the repository; a link may lead to another place inside."""
        # Non-blocking: a named pipe must not stop the commit.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        full = os.path.join(self.root, path)
        no_links = getattr(os, "O_NOFOLLOW", 0)
        if no_links and self._is_inside(os.path.dirname(full)):
            try:
                return os.open(full, flags | no_links)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
        full = os.path.realpath(full)
        if full != self.root and not full.startswith(self.root.rstrip(os.sep) + os.sep):
            raise UnreadableError("leads out of the repository", path)
        if os.path.isdir(full):
            raise UnreadableError("is a directory, not a file", path)  # some systems open none
        return os.open(full, flags)

    def _is_inside(self, folder: str) -> bool:
        """Tell whether no link on the way to a folder leads elsewhere; asked once for each folder."""
        known = self._plain.get(folder)
        if known is None:
            known = self._plain[folder] = os.path.realpath(folder) == folder.rstrip(os.sep)
        return known

    def entries(self, folder: str) -> tuple[TreeEntry, ...]:
        """Return what a folder holds, without links that lead to folders."""
        found: list[TreeEntry] = []
        if self.stamp(folder) is None:
            return ()
        try:
            with os.scandir(os.path.join(self.root, folder)) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if entry.is_symlink():
                        self.stamp(f"{folder}/{entry.name}" if folder else entry.name)
                    if is_folder or _is_file(entry):
                        found.append(TreeEntry(entry.name, is_folder))
        except (OSError, ValueError):
            self.is_steady = False
            return ()
        found.sort()
        return tuple(found)

    def close(self) -> None:
        """Nothing is open."""


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link in a circle
        return False


def _bounded(data: bytes, path: str) -> bytes:
    if len(data) > MAX_FILE_BYTES:
        raise UnreadableError(f"is larger than {MAX_FILE_BYTES // 2**20} MiB", path)
    return data


def replace_file(path: str, data: bytes, shown: str) -> None:
    """Give a file this content, whole or not at all, with the rights that it has; a new one gets those of the user's mask.

    Raises MemguardError, which names the file as it is `shown`.
    """
    import tempfile

    folder, name = os.path.split(path)
    try:
        mode = os.stat(path).st_mode & 0o7777 if os.path.exists(path) else 0o666 & ~_mask()
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder or ".")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
            os.chmod(temporary, mode)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise MemguardError(f"cannot be written: {error.strerror}", shown) from None


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


class RevisionTree:
    """The files of one revision, read through a single `git cat-file --batch`.

    No checkout, no filter, no hook of the repository runs; git is told not to fetch what a
    partial clone lacks. `is_steady` says that git has answered whatever it was asked. What the revision has in common
    with `beside`, by the names that git gives to contents, is read there.
    """

    def __init__(self, root: str, revision: str = "HEAD", beside: WorkTree | None = None) -> None:
        self.root = root
        self.revision = revision
        self.is_steady = True
        self._beside = beside
        self._folders: dict[str, tuple[_Object, ...]] = {}
        self._process: Popen[bytes] | None = None

    def exists(self) -> bool:
        """Tell whether the root lies in a git repository that has the revision."""
        try:
            return self._ask(f"{self.revision}^{{tree}}")[0] == "tree"
        except (OSError, MemguardError):
            return False

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none."""
        shared = None if self._beside is None else self._read_beside(path, self._beside)
        if shared is not None:
            return shared
        kind, data = self._ask(f"{self.revision}:./{path}")
        if kind == "blob":
            return _bounded(data, path)
        if kind == "symlink":
            raise UnreadableError("leads out of the repository", path)
        if kind == "tree":
            raise UnreadableError("is a directory, not a file", path)
        return None

    def entries(self, folder: str) -> tuple[TreeEntry, ...]:
        """Return what a folder holds; submodules are left out, links count as files."""
        return tuple(sorted(TreeEntry(one.name, one.mode == b"40000") for one in self._objects(folder)))

    def _objects(self, folder: str) -> tuple[_Object, ...]:
        found = self._folders.get(folder)
        if found is None:
            kind, data = self._ask(f"{self.revision}:./{folder}")
            # Probe with the repository's own object size: 20 bytes for SHA-1, 32 for SHA-256.
            parsed = [_parse_tree_object(data, size) for size in (20, 32)] if kind == "tree" else []
            found = self._folders[folder] = next((one for one in parsed if one is not None), ())
        return found

    def _read_beside(self, path: str, beside: WorkTree) -> bytes | None:
        """Return a regular file that the work tree has with the same content, None for any other."""
        folder, _, name = path.rpartition("/")
        for one in self._objects(folder) if normalize(path) == path else ():
            if one.name == name and one.mode in (b"100644", b"100755"):
                try:
                    data = beside.read(path)
                except UnreadableError:
                    return None
                return data if data is not None and _name_of_blob(data, len(one.identity)) == one.identity else None
        return None

    def stamp(self, path: str) -> tuple[int, ...] | None:  # noqa: ARG002 - as the protocol says
        """Return None: git knows contents, not files."""
        return None

    def close(self) -> None:
        """End git."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, name: str) -> tuple[str, bytes]:
        if "\n" in name or "\0" in name:
            return "missing", b""
        if self._process is None:
            self._process = self._start()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(os.fsencode(name) + b"\n")
            stdin.flush()
        except BrokenPipeError:
            self.is_steady = False
            raise MemguardError("git is not to be asked here") from None
        header = stdout.readline()
        if not header:
            self.is_steady = False
            raise MemguardError("git is not to be asked here")
        words = header.rsplit(None, 2)
        # `symlink SIZE`, `dangling SIZE`, `loop SIZE`, `notdir SIZE`: the text of the link follows.
        first = header.split(None, 1)[0]
        if first in (b"symlink", b"dangling", b"loop", b"notdir"):
            data = stdout.read(int(words[-1]))
            stdout.read(1)
            return first.decode(), data
        if words[-1] in (b"missing", b"ambiguous"):
            return "missing", b""
        size = int(words[-1])
        data = stdout.read(size)
        stdout.read(1)
        return words[-2].decode(), data

    def _start(self) -> Popen[bytes]:
        from subprocess import DEVNULL, PIPE, Popen

        return Popen(
            ["git", "cat-file", "--batch", "--follow-symlinks"],
            cwd=self.root,
            env=git_environment(),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )


def git_environment() -> dict[str, str]:
    """Return the environment in which git is asked: it neither fetches, nor asks, nor locks."""
    environment = {
        **os.environ,
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    if "GIT_WORK_TREE" not in environment:
        # Git sets it for hooks in a worktree, and would then take this folder for the top of the repository.
        environment.pop("GIT_DIR", None)
    return environment


class _Object(NamedTuple):
    """One entry of a tree of git's."""

    name: str
    mode: bytes
    identity: bytes


def _parse_tree_object(data: bytes, size: int) -> tuple[_Object, ...] | None:
    """Read git's tree format, `MODE SP NAME NUL OBJECT`…; None where the object size does not fit."""
    found: list[_Object] = []
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 7)
        end = data.find(b"\0", space)
        if space < 0 or end < 0 or not data[at:space].isdigit() or end + 1 + size > len(data):
            return None
        mode = data[at:space]
        if mode != b"160000":  # a submodule
            found.append(_Object(os.fsdecode(data[space + 1 : end]), mode, data[end + 1 : end + 1 + size]))
        at = end + 1 + size
    return tuple(found)


def _name_of_blob(data: bytes, size: int) -> bytes:
    """Return the name that git gives to a content, of so many bytes."""
    import hashlib

    digest = hashlib.sha1(usedforsecurity=False) if size == 20 else hashlib.sha256()
    digest.update(b"blob %d\0" % len(data))
    digest.update(data)
    return digest.digest()
