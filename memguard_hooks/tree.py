"""Where files are read from: the work tree, or one revision in git.

Paths are relative to the root, with `/`. This module is the one place where such a path becomes a file: no path and no
link leads out of the root, nothing but a regular file is opened, none larger than `MAX_FILE_BYTES` is read, and each file
is read and each folder listed once a run.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.git import CatFile, CatObject, GitObject, LooseObjects, name_of_blob, parse_tree_object
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it, whose import takes as long as the start of Python
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping
    from typing import Protocol, TypeVar

    Fact = TypeVar("Fact")

    class Tree(Protocol):
        """A snapshot of the files of a project, whose top folder is `root`; `parsed` is what readers have made of them."""

        root: str
        parsed: dict[Hashable, object]

        def read(self, path: str) -> bytes | None:
            """Return the content of a file, None where there is no file.

            Raises UnreadableError for a file that is there and must not be read.
            """

        def entries(self, folder: str) -> tuple[TreeEntry, ...]:
            """Return what a folder holds, sorted by name; nothing where there is no such folder."""

        def identity(self, path: str) -> bytes | None:
            """Return the name that git gives to the content of a regular file, None for what is none or cannot be read."""

        def has(self, path: str) -> bool:
            """Return whether there is a file or a folder of that name."""

        def size(self, path: str) -> int | None:
            """Return the bytes of a regular file, however large, None where there is none."""

        def close(self) -> None:
            """End what the tree has started."""

else:
    Tree = object  # a protocol is nothing at run time, and typing is not loaded for it


MAX_FILE_BYTES = 32 * 2**20
"""A manifest, a lock or a source file is far smaller; a larger one is data or an attack."""

MAX_LINK = 4096
"""Bytes of the target of a link that is kept: Linux takes no longer path (`PATH_MAX`)."""

MAX_KEPT_BYTES = 48 * 2**20
"""Bytes of contents that one tree holds; of what comes after that, only small parts are asked for twice."""

MAX_ENTRIES = 200_000
"""Files that `walk` looks at before it gives up, so that a hostile tree ends too."""

MAX_LINKS = 40
"""Links on the way to one file; Linux follows no more either."""

SKIPPED_FOLDERS = frozenset({".git", "__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist"})
"""Folders that hold no source of the project; so do all whose name starts with a dot."""

SETTLED = 2 * 10**9
"""Nanoseconds after which a file that changes again looks changed, on every file system."""

NAME_BYTES = 20
"""Bytes of the name that is given to a content: its SHA-1, also where git names it by another hash."""

OUT = "leads out of the repository"

Look = tuple[int, ...]
"""How a file or a folder looks from outside: its times in nanoseconds, its size, its inode, its kind."""


class TreeEntry(Record):
    """One name in a folder."""

    name: str
    is_folder: bool


class Seen(Record):
    """What a run has seen of a path.

    `look` is None for what was not there, or leads out. `content` is the name that git gives to what was read, or a digest
    of the names that a folder holds; empty where nothing but the look counts, or nothing but the kind.
    """

    look: Look | None
    content: bytes = b""


class Held(Record):
    """What a revision must have of a path: its kind, None for nothing, and the name of its content where that was read.

    Of a folder that was listed, `names` are all that it may hold: names that only a work tree has are no difference, for
    what was seen of them counts by itself.
    """

    kind: int | None
    content: str = ""
    names: tuple[str, ...] | None = None


_TOO_LARGE = -1
"""The kind of a file that could not be read: no revision is known to hold it."""

MISSING = Seen(None)

OUTSIDE: Look = (0, 0, 0, 0, stat.S_IFLNK)
"""How everything looks that leads out of the root: nobody looks there."""


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


def parse_once(tree: Tree, key: Hashable, parse: Callable[[], Fact]) -> Fact:
    """Return what a reader makes of a file, the same each time it is asked. Raises the MemguardError that it has raised."""
    if key not in tree.parsed:
        try:
            tree.parsed[key] = parse()
        except MemguardError as error:
            tree.parsed[key] = error
    found = tree.parsed[key]
    if isinstance(found, MemguardError):
        raise found
    return found  # type: ignore[return-value]


def peek(tree: Tree, path: str) -> bytes | None:
    """Return the content of a file, None where there is none that may be read."""
    try:
        return tree.read(path)
    except MemguardError:
        return None


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


def follow(path: str, root: str, read_link: Callable[[str], str | None], shown: str) -> str:
    """Return where a path leads, with all links followed. Raises UnreadableError where that is out of the root.

    No link is followed before it is known where it leads: what is outside is not even looked at.
    """
    if _is_absolute(path):
        raise UnreadableError(OUT, shown)
    waiting = path.split("/")[::-1]
    here: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            if not here:
                raise UnreadableError(OUT, shown)
            here.pop()
        elif part not in ("", "."):
            here.append(part)
            target = read_link("/".join(here))
            if target is None:
                continue
            links += 1
            if links > MAX_LINKS:
                raise UnreadableError("cannot be read: too many links lead to each other", shown)
            here.pop()
            if os.path.isabs(target):
                if target != root and not target.startswith(root.rstrip(os.sep) + os.sep):
                    raise UnreadableError(OUT, shown)
                target = target[len(root) :]
                here.clear()
            waiting += target.split("/")[::-1]
    return "/".join(here)


class WorkTree:
    """The files as they stand in a folder; each is looked at once.

    `seen` is all that was looked at, and `is_steady` tells that a later look at these paths can tell whether anything has
    changed. `earlier` gives the names of contents as an earlier run has come to them, with how their files looked: what
    looks the same is not read for its name.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.earlier: Mapping[str, object] = {}
        self._started = time.time_ns()
        self.parsed: dict[Hashable, object] = {}
        self.is_steady = True
        self.seen: dict[str, Seen] = {}
        self._contents: dict[str, bytes | UnreadableError] = {}
        self._kept = 0
        self._listings: dict[str, tuple[TreeEntry, ...]] = {}
        self._folders: dict[str, str] = {"": ""}

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none."""
        known = self._contents.get(path)
        if known is None:
            if self.seen.get(path) is MISSING:
                return None
            try:
                known = self._read(path)
            except UnreadableError as error:
                known = error
            if isinstance(known, UnreadableError):
                self.seen.setdefault(path, Seen(OUTSIDE))
            if known is None:
                self._note(path, MISSING)
                return None
            size = len(known) if isinstance(known, bytes) else 0
            if self._kept + size <= MAX_KEPT_BYTES:
                self._contents[path] = known
                self._kept += size
        if isinstance(known, UnreadableError):
            raise known
        return known

    def _read(self, path: str) -> bytes | None:
        try:
            descriptor = self._open(path)
        except (OSError, ValueError) as error:
            if _is_nowhere(error):
                return None
            self.is_steady = False
            raise UnreadableError(f"cannot be read: {getattr(error, 'strerror', None) or error}", path) from None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                self._note(path, _only_kind(_look(found)))
                is_folder = stat.S_ISDIR(found.st_mode)
                raise UnreadableError("is a directory, not a file" if is_folder else "is not a regular file", path)
            if found.st_size > MAX_FILE_BYTES:
                self._note(path, Seen(_look(found)))
                raise UnreadableError(TOO_LARGE, path)
            data = _read_all(descriptor, found.st_size)
            if len(data) > MAX_FILE_BYTES:
                self.is_steady = False
                raise UnreadableError(TOO_LARGE, path)
            seen, known = Seen(_look(found), name_of_blob(data)), self.seen.get(path, MISSING).content
            self._note(path, seen)
            if known not in (b"", seen.content):  # what is found out of these bytes would be kept under the other name
                raise UnreadableError("cannot be read: it has just changed", path)
            return data
        finally:
            os.close(descriptor)

    def _note(self, path: str, seen: Seen) -> None:
        """Remember what was seen of a path, unless more was seen before."""
        known = self.seen.get(path, seen)
        is_same = _kind_of(known.look) == _kind_of(seen.look)
        if is_same and known.content and not seen.content:
            return
        # What is another way than a moment ago is being changed.
        self.is_steady &= is_same and known.content in (b"", seen.content)
        self.seen[path] = seen

    def _open(self, path: str) -> int:
        """Open a file of the repository; a link may lead to another place inside."""
        # Non-blocking: a named pipe must not stop the commit.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        place = self._place(path)
        try:
            return os.open(place, flags)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):  # the latter on FreeBSD
                return os.open(self._full(self.resolve(path)), flags)
            found = os.lstat(place)
            if stat.S_ISDIR(found.st_mode):  # some systems open none
                self._note(path, _only_kind(_look(found)))
                raise UnreadableError("is a directory, not a file", path) from None
            raise

    def identity(self, path: str) -> bytes | None:
        """Return the name that git gives to the content of a regular file, None for what is none or cannot be read."""
        seen = self.seen.get(path)
        if seen is None and path in self.earlier:
            seen = self._seen_earlier(path)
        if seen is None or not (seen.content or seen.look is None or path in self._contents):
            try:
                self.read(path)
            except UnreadableError:
                return None
            seen = self.seen[path]
        return seen.content if seen.look is not None and seen.look[-1] == stat.S_IFREG and seen.content else None

    def _seen_earlier(self, path: str) -> Seen | None:
        """Return what an earlier run has seen of a file that still looks as it did then, None where it does not."""
        look, was = self._look_at(path), self.earlier[path]
        if look is None or not isinstance(was, list) or was[1:] != [*look[:-1]] or look[-1] != stat.S_IFREG:
            return None
        try:
            seen = Seen(look, bytes.fromhex(was[0]))
        except (TypeError, ValueError):  # somebody else may have written it
            return None
        if len(seen.content) != NAME_BYTES:
            return None
        self._note(path, seen)
        return seen

    def settled_names(self) -> dict[str, list[str | int]]:
        """Return the names of contents for the `earlier` of a later run, of files that will look changed once they are."""
        settled = self._started - SETTLED
        return {
            path: [seen.content.hex(), *seen.look[:-1]]
            for path, seen in self.seen.items()
            if seen.content and seen.look is not None and seen.look[-1] == stat.S_IFREG and max(seen.look[:2]) < settled
        }

    def has(self, path: str) -> bool:
        """Return whether there is a file or a folder of that name, or a link that leads out."""
        return self._kind(path) is not None

    def is_folder(self, path: str) -> bool:
        """Return whether a path that somebody has typed is a folder; what is said does not hang on it."""
        look = self._look_at(path)
        return look is not None and look[-1] == stat.S_IFDIR

    def size(self, path: str) -> int | None:
        """Return the bytes of a regular file, however large, None where there is none."""
        look = self._look_at(path)
        self._note(path, MISSING if look is None else Seen(look) if look[-1] == stat.S_IFREG else _only_kind(look))
        return look[2] if look is not None and look[-1] == stat.S_IFREG else None

    def _kind(self, path: str) -> int | None:
        """Return the kind of what is there, None for nothing; what leads out is a link."""
        if path not in self.seen:
            look = self._look_at(path)
            self.seen[path] = MISSING if look is None else _only_kind(look)
        return _kind_of(self.seen[path].look)

    def still(self, path: str, seen: Seen, settled: int) -> bool:
        """Return whether a path is as it was seen: by its look where that is older than `settled`, else by its content."""
        look = self._look_at(path)
        if look is None or seen.look is None:
            return look is seen.look
        if look[-1] != seen.look[-1]:
            return False
        if not seen.content:
            return look == seen.look or not any(seen.look[:-1])
        if look == seen.look and max(look[:2]) < settled:
            return True
        if look[-1] == stat.S_IFDIR:
            return name_of_listing(self.entries(path)) == seen.content
        return self.identity(path) == seen.content

    def is_held_by(self, other: RevisionTree) -> bool:
        """Return whether a revision has all that was seen here just so."""
        return all(self._is_same(path, seen, other) for path, seen in list(self.seen.items()))

    def held(self) -> Iterator[tuple[str, Held]]:
        """Yield what a revision must have that holds all that was seen here."""
        for path, seen in list(self.seen.items()):
            yield path, self._held(path, seen)

    def _held(self, path: str, seen: Seen) -> Held:
        if seen.look is None:
            return Held(None)
        if seen.content and seen.look[-1] == stat.S_IFDIR:
            return Held(stat.S_IFDIR, names=tuple(entry.name for entry in self.entries(path)))
        is_large = not seen.content and any(seen.look[:-1])  # so that it could not be read here
        return Held(_TOO_LARGE if is_large else seen.look[-1], seen.content.hex())

    def _is_same(self, path: str, seen: Seen, other: RevisionTree) -> bool:
        held = self._held(path, seen)
        if held.content:
            return self._holds(path, seen.content, other.identity(path))
        return other.has_just(path, held)

    def _holds(self, path: str, content: bytes, name: bytes | None) -> bool:
        """Return whether a content has a name of git's, which may be its SHA-256."""
        if name is None or len(name) == len(content):
            return name == content
        return name_of_blob(self.read(path) or b"", len(name)) == name

    def _look_at(self, path: str) -> Look | None:
        """Return how a path looks, None where nothing is there; what leads out looks like a link."""
        try:
            found = os.lstat(self._place(path))
            if stat.S_ISLNK(found.st_mode):
                found = os.lstat(self._full(self.resolve(path)))
        except UnreadableError:
            return OUTSIDE
        except (OSError, ValueError):
            return None
        return _look(found)

    def entries(self, folder: str) -> tuple[TreeEntry, ...]:
        """Return what a folder holds, without links that lead to folders."""
        known = self._listings.get(folder)
        if known is None:
            known = self._listings[folder] = self._list(folder)
            look = self._look_at(folder)
            is_folder = look is not None and look[-1] == stat.S_IFDIR
            listed = Seen(look, name_of_listing(known)) if is_folder else look and _only_kind(look)
            self._note(folder, listed or MISSING)
        return known

    def _list(self, folder: str) -> tuple[TreeEntry, ...]:
        found: list[TreeEntry] = []
        try:
            with os.scandir(self._full(self._folder(folder, folder))) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if is_folder or self._is_file(folder, entry):
                        found.append(TreeEntry(entry.name, is_folder))
        except UnreadableError:
            return ()
        except (OSError, ValueError) as error:
            self.is_steady &= _is_nowhere(error)
            return ()
        return tuple(sorted(found))

    def _is_file(self, folder: str, entry: os.DirEntry[str]) -> bool:
        """Return whether an entry is a regular file, or a link to one; of a link that leads out, its reader is told."""
        if not entry.is_symlink():
            return entry.is_file(follow_symlinks=False)
        return self._kind(f"{folder}/{entry.name}" if folder else entry.name) in (stat.S_IFREG, stat.S_IFLNK)

    # Where a path leads

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def _place(self, path: str) -> str:
        """Return the place of a path whose last part may be a link."""
        if _is_absolute(path):
            raise UnreadableError(OUT, path)
        folder, _, name = path.rpartition("/")
        if name in ("", ".", ".."):
            return self._full(self.resolve(path))
        known = self._folder(folder, path)
        return self._full(f"{known}/{name}" if known else name)

    def _folder(self, folder: str, shown: str) -> str:
        """Return where a folder leads: of one below another that is known, only its own name is looked at."""
        known = self._folders.get(folder)
        if known is None:
            above, _, name = folder.rpartition("/")
            here = self._folders.get(above) if name not in ("", ".", "..") else None
            place = name if not here else f"{here}/{name}"
            is_plain = here is not None and not _is_absolute(folder) and self._read_link(place) is None
            known = self._folders[folder] = place if is_plain else self.resolve(folder, shown)
        return known

    def resolve(self, path: str, shown: str | None = None) -> str:
        """Return where a path leads. Raises UnreadableError where that is out of the root."""
        return follow(path, self.root, self._read_link, shown or path)

    def target(self, path: str) -> str:
        """Return the file to write for a path, behind links. Raises UnreadableError where that is not the project's."""
        place = self.resolve(path)
        if ".git" in place.lower().split("/"):
            raise UnreadableError("leads into git's own folder", path)
        full = self._full(place)
        if not os.path.lexists(full) and os.path.islink(self._place(path)):
            raise UnreadableError("is a link to nothing", path)
        return full

    def _read_link(self, path: str) -> str | None:
        try:
            return os.readlink(self._full(path)).replace(os.sep, "/")
        except (OSError, ValueError):
            return None

    def close(self) -> None:
        """Nothing is open."""


_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


def _is_nowhere(error: OSError | ValueError) -> bool:
    """Return whether nothing can be at a path: a text of a program that was taken for a path may be too long for one."""
    return isinstance(error, OSError) and error.errno in _NOWHERE


TOO_LARGE = f"is larger than {MAX_FILE_BYTES // 2**20} MiB"


def _look(found: os.stat_result) -> Look:
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, stat.S_IFMT(found.st_mode)


def _kind_of(look: Look | None) -> int | None:
    return None if look is None else look[-1]


def _is_absolute(path: str) -> bool:
    """Return whether a path is no path from the root, or none at all."""
    return path.startswith("/") or "\0" in path or os.path.isabs(path)


def _only_kind(look: Look) -> Seen:
    """Return what a look at a path says that only asked whether it is there, and what it is."""
    return Seen((0, 0, 0, 0, look[-1]))


def _read_all(descriptor: int, size: int) -> bytes:
    """Read a file by the size that it is said to have, and what stands behind that, up to a byte more than is allowed."""
    data = os.read(descriptor, min(size, MAX_FILE_BYTES) + 1)
    if len(data) == size:
        return data
    parts = [data]
    total = len(data)
    while data and total <= MAX_FILE_BYTES:
        data = os.read(descriptor, 2**20)
        parts.append(data)
        total += len(data)
    return b"".join(parts)


def name_of_listing(entries: tuple[TreeEntry, ...]) -> bytes:
    """Return a digest of what a folder holds."""
    return name_of_blob(
        "\0".join(f"{entry.name}{'/' * entry.is_folder}" for entry in entries).encode("utf-8", "surrogateescape")
    )


class RevisionTree:
    """The files of one revision, read in git's folder, and through `git cat-file` where git has packed them.

    No checkout, no filter, no hook of the repository runs; git is told not to fetch what a
    partial clone lacks. `is_steady` says that git has answered whatever it was asked. What the revision has in common
    with `beside`, by the names that git gives to contents, is read there. `seen` is all that was asked of the revision: of
    a place its mode and its name, empty where nothing is there, and of a listing, under the place and `/`, a digest.
    """

    def __init__(self, root: str, revision: str = "HEAD", beside: WorkTree | None = None) -> None:
        self.root = root
        self.parsed: dict[Hashable, object] = {}
        self.revision = revision
        self.is_steady = True
        self.seen: dict[str, bytes] = {}
        self._beside = beside
        self._folders: dict[str, Mapping[str, GitObject]] = {}
        self._listings: dict[str, tuple[TreeEntry, ...]] = {}
        self._places: dict[str, str] = {"": ""}
        self._links: dict[bytes, str] = {}
        """Where links lead, by the names of their objects."""
        self._top: GitObject | None = None
        self._taken: dict[str, CatObject] = {}
        """What git has given by its name, up to `MAX_KEPT_BYTES`: rule after rule asks for what a change touches."""
        self._kept = 0
        self._loose = LooseObjects(root)
        self._git = CatFile(root, "--batch")

    def exists(self) -> bool:
        """Return whether the root lies in a git repository that has the revision."""
        try:
            return bool(self._root().identity) or self._ask(f"{self.revision}^{{tree}}").kind == "tree"
        except (OSError, MemguardError):
            return False

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none."""
        found = self._find(path)
        if found is None:
            return None
        if found.mode == _FOLDER:
            raise UnreadableError("is a directory, not a file", path)
        shared = None if self._beside is None else _read_beside(self._beside, path, found.identity)
        return shared if shared is not None else self._read(found, path)

    def entries(self, folder: str) -> tuple[TreeEntry, ...]:
        """Return what a folder holds, without submodules and links that lead to folders."""
        known = self._listings.get(folder)
        if known is None:
            known = self._listings[folder] = self._listed(folder)
        return known

    def _listed(self, folder: str) -> tuple[TreeEntry, ...]:
        try:
            place = self._resolve(folder)
        except UnreadableError:
            return ()
        found: list[TreeEntry] = []
        for name, one in self._objects(place).items():
            kind = self.kind(f"{folder}/{name}" if folder else name) if one.mode == _LINK else _kind_of_mode(one.mode)
            if one.mode != _LINK or kind in (stat.S_IFREG, stat.S_IFLNK):
                found.append(TreeEntry(name, kind == stat.S_IFDIR))
        listed = tuple(sorted(found))
        self.seen[f"{place}/"] = name_of_listing(listed).hex().encode()
        return listed

    def kind(self, path: str) -> int | None:
        """Return the kind of what is there, or of what a link leads to, None for nothing; a link that leads out is one."""
        try:
            found = self._find(path)
        except UnreadableError:
            return stat.S_IFLNK
        return None if found is None else _kind_of_mode(found.mode)

    def identity(self, path: str) -> bytes | None:
        """Return the name that git gives to the content of a regular file, None for what is none."""
        try:
            found = self._find(path)
        except UnreadableError:
            return None
        return found.identity if found is not None and found.mode != _FOLDER else None

    def has(self, path: str) -> bool:
        """Return whether there is a file or a folder of that name."""
        return self.kind(path) is not None

    def size(self, path: str) -> int | None:
        """Return the bytes of a regular file, however large, None where there is none."""
        try:
            found = self._find(path)
        except UnreadableError:
            return None
        return self._take(found.identity.hex()).size if found is not None and found.mode != _FOLDER else None

    def has_just(self, path: str, held: Held) -> bool:
        """Return whether this revision holds just that of a path."""
        if held.names is not None:
            names = {entry.name for entry in self.entries(path)}
            return self.kind(path) in (None, stat.S_IFDIR) and names.issubset(held.names)
        if held.content:
            name = self.identity(path)
            return name is not None and name.hex() == held.content
        return self.kind(path) == held.kind

    def still(self, seen: Mapping[str, bytes]) -> bool:
        """Return whether this revision would have answered the same, whatever was asked of another one.

        A folder was seen before what it holds; where it is the same, so is all of that.
        """
        same: dict[str, bool] = {}
        for place, before in seen.items():
            is_listing = place.endswith("/")
            folder = place[:-1] if is_listing else parent(place)
            if place and same.get(folder):
                same[place] = True
            elif is_listing:
                self.entries(folder)
                if self.seen[place] != before:
                    return False
            else:
                self._object(place)
                now = self.seen[place]
                same[place] = now == before
                if now != before and not (now.startswith(_FOLDER) and before.startswith(_FOLDER)):
                    return False
        return True

    def close(self) -> None:
        """End git."""
        self._git.close()

    # Where a path leads

    def _find(self, path: str) -> GitObject | None:
        """Return the file or the folder that a path leads to. Raises UnreadableError for what leads out."""
        folder, _, name = path.rpartition("/")
        if name in ("", ".", "..") or _is_absolute(path):
            return self._object(self._resolve(path))
        place = self._places.get(folder)
        if place is None:
            place = self._places[folder] = self._resolve(folder, path)
        found = self._object(f"{place}/{name}" if place else name)
        return self._object(self._resolve(path)) if found is not None and found.mode == _LINK else found

    def _resolve(self, path: str, shown: str | None = None) -> str:
        return follow(path, self.root, self._read_link, shown or path)

    def _read_link(self, place: str) -> str | None:
        found = self._object(place)
        if found is None or found.mode != _LINK:
            return None
        target = self._links.get(found.identity)
        if target is None:
            target = os.fsdecode(self._read(found, place))
            if len(target) <= MAX_LINK:
                self._links[found.identity] = target
        return target

    def _object(self, place: str) -> GitObject | None:
        folder, _, name = place.rpartition("/")
        found = self._objects(folder).get(name) if place else self._root()
        self.seen[place] = b"" if found is None else b"%s %s" % (found.mode, found.identity.hex().encode())
        return found

    def _objects(self, place: str) -> Mapping[str, GitObject]:
        """Return what a folder holds; those around it were looked at on the way."""
        found = self._folders.get(place)
        if found is None:
            folder = self._object(place)
            is_folder = folder is not None and folder.mode == _FOLDER
            found = self._folders[place] = self._list(folder.identity.hex()) if folder and is_folder else {}
        return found

    # What git says

    def _root(self) -> GitObject:
        """Return the folder at the top, without a name where the revision has none."""
        if self._top is None:
            name = self._loose.tree_of(self.revision, self.root) or self._ask(f"{self.revision}:./").name
            self._top = GitObject(_FOLDER, bytes.fromhex(name))
        return self._top

    def _list(self, identity: str) -> Mapping[str, GitObject]:
        if not identity:
            return {}
        found = self._take(identity)
        if found.size > MAX_FILE_BYTES:
            raise self._failed()
        # Probe with the repository's own object size: 20 bytes for SHA-1, 32 for SHA-256.
        parsed = (parse_tree_object(found.content, size) for size in (20, 32)) if found.kind == "tree" else ()
        return next((one for one in parsed if one is not None), {})

    def _read(self, wanted: GitObject, path: str) -> bytes:
        """Return a content. Raises UnreadableError for one that is too large."""
        found = self._take(wanted.identity.hex())
        if found.size > MAX_FILE_BYTES:
            raise UnreadableError(TOO_LARGE, path)
        return found.content

    def _take(self, name: str) -> CatObject:
        """Return an object of the revision."""
        known = self._taken.get(name)
        if known is not None:
            return known
        found = self._loose.read(name, MAX_FILE_BYTES) or self._ask(name)
        if found.kind == "missing":  # from a partial clone
            raise self._failed()
        if self._kept + len(found.content) <= MAX_KEPT_BYTES:
            self._taken[name] = found
            self._kept += len(found.content)
        return found

    def _ask(self, name: str) -> CatObject:
        """Return what git says of an object, with its content unless that is too large."""
        if not self.is_steady:
            raise self._failed()
        try:
            found = self._git.ask(name)
            if found.kind == "missing":
                return found
            if found.size > MAX_FILE_BYTES:
                self._git.close()  # before git has unpacked it
                return found
            return found._replace(content=self._git.take(found.size))
        except (BrokenPipeError, EOFError):
            raise self._failed() from None

    def _failed(self) -> MemguardError:
        self.is_steady = False
        self.close()
        return MemguardError("git is not to be asked here")


class EditedTree:
    """A tree in which some files have another content, or are there besides."""

    def __init__(self, tree: Tree, edited: Mapping[str, bytes]) -> None:
        self.root = tree.root
        self.parsed: dict[Hashable, object] = {}
        self._tree = tree
        self._edited = edited
        self._names: dict[str, bytes] = {}
        self._new: dict[str, list[TreeEntry]] = {}
        for path in edited:
            if not tree.has(path):
                self._new.setdefault(parent(path), []).append(TreeEntry(path.rpartition("/")[2], is_folder=False))

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none."""
        return self._edited[path] if path in self._edited else self._tree.read(path)

    def entries(self, folder: str) -> tuple[TreeEntry, ...]:
        """Return what a folder holds."""
        found = self._tree.entries(folder)
        return tuple(sorted((*found, *self._new[folder]))) if folder in self._new else found

    def identity(self, path: str) -> bytes | None:
        """Return the name that git gives to the content of a file."""
        if path not in self._edited:
            return self._tree.identity(path)
        if path not in self._names:
            self._names[path] = name_of_blob(self._edited[path])
        return self._names[path]

    def has(self, path: str) -> bool:
        """Return whether there is a file or a folder of that name."""
        return path in self._edited or self._tree.has(path)

    def size(self, path: str) -> int | None:
        """Return the bytes that a file holds, None where there is none."""
        return len(self._edited[path]) if path in self._edited else self._tree.size(path)

    def close(self) -> None:
        """The tree below is closed by its owner."""


def _read_beside(beside: WorkTree, path: str, name: bytes) -> bytes | None:
    """Return a file that the work tree has with the content of that name, None for any other."""
    try:
        data = beside.read(path) if len(name) != 20 or beside.identity(path) == name else None
    except UnreadableError:
        return None
    return data if data is not None and (len(name) == 20 or name_of_blob(data, len(name)) == name) else None


_FOLDER, _LINK = b"40000", b"120000"


def _kind_of_mode(mode: bytes) -> int:
    """Return the kind in a mode of git's, whose other bits are rights."""
    return stat.S_IFMT(int(mode, 8))
