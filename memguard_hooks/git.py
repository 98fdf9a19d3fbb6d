"""What is asked of git, and what is read of its folder: objects by `cat-file`, and where the repository lies.

git runs nothing for these questions that a commit can bring along: no hook, no filter, no external diff.
"""

from __future__ import annotations

import os
import sys
import time

from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from typing import IO, Protocol

    class Hash(Protocol):
        """A hash that is being made."""

        def update(self, data: bytes, /) -> None:
            """Take more bytes."""

        def digest(self) -> bytes:
            """Return the hash."""


SECONDS = 60
"""How long git may take to answer one question."""

_SIGKILL, _SIGPIPE = 9, 13
"""On every system that has them; the module signal loads enum, which takes as long as all else of the front door."""

_HAS_SPAWN = hasattr(os, "posix_spawn")
"""Whether processes start without subprocess, and pipes can be waited for."""

_ELSEWHERE = (
    "GIT_WORK_TREE",  # without it `GIT_DIR` does not count
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
)
"""Variables that redirect git to another repository."""

PACKED, REPLACING = "packed-refs", b" refs/replace/"
"""The file that holds most references, and what stands in the lines of those that replace objects."""

_HEADER_BYTES = 32
"""What stands before the content of a loose object, at most: its kind, its size and a NUL."""


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


def is_sparse(root: str) -> bool:
    """Return whether a work tree leaves out some of what its commits hold."""
    found = find_git(root)
    for folder in found or ():
        for name in ("config", "config.worktree"):
            try:
                settings = _read(os.path.join(folder, name)).lower()
            except OSError:
                continue
            if any(b"".join(row.split()).startswith(b"sparsecheckout=true") for row in settings.splitlines()):
                return True
    return False


def is_elsewhere() -> bool:
    """Return whether a variable redirects git to another repository than the one around a folder."""
    return any(name in os.environ for name in _ELSEWHERE)


def read_head(own: str, common: str) -> str | None:
    """Return the commit that git calls HEAD, None where there is none or only git can tell."""
    try:
        head = _read(os.path.join(own, "HEAD")).strip()
        name = head.removeprefix(b"ref: ")
        if name == head or not name.startswith(b"refs/heads/"):
            return _as_commit(head)
        try:
            return _as_commit(_read(os.path.join(common, os.fsdecode(name))).strip())
        except FileNotFoundError:
            before, found, _ = _read(os.path.join(common, PACKED)).partition(b" " + name + b"\n")
            return _as_commit(before.rpartition(b"\n")[2]) if found else None
    except (OSError, ValueError):
        return None


def _as_commit(name: bytes) -> str | None:
    """Return the name of a commit, None for what is none: one name may stand for another."""
    return name.decode() if len(name) in (40, 64) and not name.strip(b"0123456789abcdef") else None


class LooseObjects:
    """What git keeps in a file for each object, as long as it has not packed them: what was committed last.

    Reading them takes a fraction of the time in which git starts. Of a repository where some objects stand for others, as
    of what is packed or damaged, nothing is known here: git says it.
    """

    def __init__(self, root: str) -> None:
        found = None if is_elsewhere() else find_git(root)
        self._git = None if found is None or _replaces(found[1]) else found

    def tree_of(self, revision: str, root: str) -> str | None:
        """Return the name of the tree of a revision whose top is this folder, None where only git can tell."""
        if self._git is None or find_top(root) != root:
            return None
        name = read_head(*self._git) if revision == "HEAD" else _as_commit(os.fsencode(revision))
        found = None if name is None else self.read(name, 2**20)
        if found is None or found.kind != "commit" or not found.content.startswith(b"tree "):
            return None
        return _as_commit(found.content[5:].partition(b"\n")[0])

    def read(self, name: str, most: int) -> CatObject | None:
        """Return an object of so many bytes at most, None where only git can tell."""
        if self._git is None:
            return None
        try:
            with open(os.path.join(self._git[1], "objects", name[:2], name[2:]), "rb") as stream:
                packed = stream.read(most + 1)
        except OSError:
            return None
        import zlib

        made = zlib.decompressobj()
        try:
            data = made.decompress(packed, most + _HEADER_BYTES)
        except zlib.error:
            return None
        header, _, content = data.partition(b"\0")
        kind, _, size = header.partition(b" ")
        if not made.eof or not size.isdigit() or int(size) != len(content):
            return None
        return CatObject(name, kind.decode("ascii", "replace"), len(content), content)


def _replaces(common: str) -> bool:
    """Return whether a repository may have objects that stand for others."""
    try:
        return os.path.exists(os.path.join(common, "refs", "replace")) or REPLACING in _read(os.path.join(common, PACKED))
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _line(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.readline(4096).strip()


def name_of_blob(data: bytes, size: int = 20) -> bytes:
    """Return the name that git gives to a content, of so many bytes: 20 for SHA-1, 32 for SHA-256.

    Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    digest = _sha1() if size == 20 else _sha256()
    digest.update(b"blob %d\0" % len(data))
    digest.update(data)
    return digest.digest()


def _sha1() -> Hash:
    try:  # What hashlib gives, without OpenSSL: a quarter of the start of Python.
        from _sha1 import sha1  # type: ignore[import-not-found]
    except ImportError:
        import hashlib

        return hashlib.sha1(usedforsecurity=False)
    found: Hash = sha1()
    return found


def _sha256() -> Hash:
    import hashlib

    return hashlib.sha256()


class GitObject(Record):
    """What a tree of git's says of one name in it."""

    mode: bytes
    identity: bytes


def parse_tree_object(data: bytes, size: int) -> dict[str, GitObject] | None:
    """Read git's tree format, `MODE SP NAME NUL OBJECT`…; None where the object size does not fit."""
    found: dict[str, GitObject] = {}
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 7)
        end = data.find(b"\0", space)
        if space < 0 or end < 0 or not data[at:space].isdigit() or end + 1 + size > len(data):
            return None
        mode = data[at:space]
        if mode != b"160000":  # a submodule
            found[os.fsdecode(data[space + 1 : end])] = GitObject(mode, data[end + 1 : end + 1 + size])
        at = end + 1 + size
    return found


_NOTHING = frozenset({b"missing", b"ambiguous", b"submodule"})
"""What ends the answer where there is no such object."""


class CatObject(Record):
    """What git says of an object: its name, its kind and its size, and then its content."""

    name: str
    kind: str
    size: int
    content: bytes = b""


class CatFile:
    """One `git cat-file` that runs as long as it is asked. Its start without `subprocess` takes a tenth of the time."""

    def __init__(self, root: str, mode: str) -> None:
        self._arguments = (root, "cat-file", mode)
        self._process: _Process | None = None
        self._rest = b""

    def ask(self, name: str) -> CatObject:
        """Return what git says of an object. Raises EOFError or BrokenPipeError where it has ended, or takes too long."""
        if self._process is None:
            self._process, self._rest = _start(*self._arguments), b""
        self._process.stdin.write(os.fsencode(name) + b"\n")
        while b"\n" not in self._rest:
            self._rest += self._more()
        header, _, self._rest = self._rest.partition(b"\n")
        words = header.split()
        if words[-1:] and words[-1] in _NOTHING:
            return CatObject("", "missing", 0)
        if len(words) != 3 or not words[2].isdigit():  # another program
            raise EOFError
        return CatObject(words[0].decode("ascii", "replace"), words[1].decode("ascii", "replace"), int(words[2]))

    def take(self, size: int) -> bytes:
        """Return the content that follows what was asked, and the line that it ends."""
        parts, total = [self._rest], len(self._rest)
        while total <= size:
            parts.append(self._more())
            total += len(parts[-1])
        whole = b"".join(parts)
        self._rest = whole[size + 1 :]
        return whole[:size]

    def _more(self) -> bytes:
        """Return what git writes next."""
        assert self._process is not None
        data = os.read(self._process.stdout, 2**16) if _has_output([self._process.stdout], SECONDS) else b""
        if not data:
            raise EOFError
        return data

    def close(self) -> None:
        """End git; what it has still to say is not read."""
        if self._process is not None:
            self._process.stdin.close()
            os.close(self._process.stdout)
            _end(self._process.number)
            self._process = None


class Asked(Record):
    """What git has answered: its exit status, and what it has written to stdout and stderr."""

    status: int
    output: bytes
    errors: bytes


class _Process(Record):
    """A git that runs, and this end of its pipes."""

    number: int
    stdin: IO[bytes]
    stdout: int
    stderr: int


def _words(root: str, *arguments: str) -> list[str]:
    """Return the command line that asks git in a folder. Raises EOFError where there is no git."""
    git = find_program("git", root)
    if git is None:
        raise EOFError
    return [git, "-C", root, *_SETTINGS, *arguments]


_SETTINGS = ("-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit")
"""No program runs, and no folder of the project is a repository: a commit may hold one, with settings of its own.

Source: https://git-scm.com/docs/git-config#Documentation/git-config.txt-safebareRepository (git 2.38)
"""


def _start(root: str, *arguments: str, with_errors: bool = False) -> _Process:
    """Start git in a folder. Raises EOFError where there is no git."""
    words = _words(root, *arguments)
    if not _HAS_SPAWN or sys.platform == "win32":
        return _start_by_subprocess(words)
    for_git, to_git = os.pipe()
    from_git, of_git = os.pipe()
    errors, to_errors = os.pipe() if with_errors else (-1, os.open(os.devnull, os.O_WRONLY))
    actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate((for_git, of_git, to_errors))]
    try:
        # Python ignores the signal of a broken pipe, and its children would too.
        number = os.posix_spawn(words[0], words, git_environment(), file_actions=actions, setsigdef=[_SIGPIPE])
    finally:
        for end in (for_git, of_git, to_errors):
            os.close(end)
    return _Process(number, os.fdopen(to_git, "wb", 0), from_git, errors)


def _start_by_subprocess(words: list[str]) -> _Process:
    from subprocess import DEVNULL, PIPE, Popen

    process = Popen(words, env=git_environment(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, bufsize=0)
    assert process.stdin is not None
    assert process.stdout is not None
    return _Process(process.pid, os.fdopen(os.dup(process.stdin.fileno()), "wb", 0), os.dup(process.stdout.fileno()), -1)


def _has_output(ends: list[int], seconds: float) -> list[int]:
    """Return the ends of pipes that can be read, none where nothing comes in that time; some systems only wait."""
    if not _HAS_SPAWN:
        return ends
    from select import select

    return select(ends, [], [], max(0, seconds))[0]


def _end(number: int) -> int:
    """End a process, and return its exit status, -1 where it has ended by itself."""
    try:
        os.kill(number, _SIGKILL)  # it only reads, and may not listen to anything less
        return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    except OSError:
        return -1


def ask(root: str, *arguments: str) -> Asked | None:
    """Return what git answers, None where it is not there or takes longer than `SECONDS`."""
    try:
        if not _HAS_SPAWN:
            return _ask_by_subprocess(_words(root, *arguments))
        process = _start(root, *arguments, with_errors=True)
    except (EOFError, OSError, ValueError):
        return None
    process.stdin.close()
    found: dict[int, list[bytes]] = {process.stdout: [], process.stderr: []}
    output, errors = found.values()
    waiting = list(found)
    until = time.monotonic() + SECONDS
    while waiting:
        ready = _has_output(waiting, until - time.monotonic())
        if not ready:
            break
        for end in ready:
            data = os.read(end, 2**16)
            if data:
                found[end].append(data)
            else:
                waiting.remove(end)
    os.close(process.stdout)
    os.close(process.stderr)
    if waiting:
        _end(process.number)
        return None
    status = os.waitstatus_to_exitcode(os.waitpid(process.number, 0)[1])
    return Asked(status, b"".join(output), b"".join(errors))


def _ask_by_subprocess(words: list[str]) -> Asked | None:
    from subprocess import DEVNULL, TimeoutExpired, run

    try:
        done = run(words, env=git_environment(), stdin=DEVNULL, capture_output=True, check=False, timeout=SECONDS)
    except TimeoutExpired:
        return None
    return Asked(done.returncode, done.stdout, done.stderr)


def find_program(name: str, root: str) -> str | None:
    """Return the absolute path of a program, None where there is none; what lies in the repository does not count."""
    top = os.path.realpath(find_top(root) or root).rstrip(os.sep) + os.sep
    suffixes = os.environ.get("PATHEXT", "").lower().split(os.pathsep) if os.name == "nt" else [""]
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for suffix in suffixes if os.path.isabs(folder) else ():
            path = os.path.join(folder, name + suffix)
            is_program = os.access(path, os.X_OK) and os.path.isfile(path)
            if is_program and not any(one.startswith(top) for one in (path, os.path.realpath(path))):
                return path
    return None


_OF_HOOKS = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_QUARANTINE_PATH",
                       "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CEILING_DIRECTORIES"})  # fmt: skip
"""The variables by which git tells its hooks, and its user tells git, where the repository is."""


def git_environment() -> dict[str, str]:
    """Return the environment in which git is asked: it neither fetches, nor asks, nor locks.

    Of the variables that change what git does, those stay that it sets for hooks, and those that name its settings.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in _OF_HOOKS or name.startswith("GIT_CONFIG")
    }
    environment |= {
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
