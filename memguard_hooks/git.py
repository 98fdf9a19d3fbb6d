"""What is asked of git, and what is read of its folder: objects by `cat-file`, and where the repository lies.

git runs nothing for these questions that a commit can bring along: no hook, no filter, no external diff.
"""

from __future__ import annotations

import os
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


_LINKS = frozenset({b"symlink", b"dangling", b"loop", b"notdir"})
"""What `--follow-symlinks` says of a link; its text follows, after its size."""


class CatFile:
    """One `git cat-file` that runs as long as it is asked. Its start without `subprocess` takes a tenth of the time."""

    def __init__(self, root: str, mode: str) -> None:
        self._arguments = (root, "cat-file", mode, "--follow-symlinks")
        self._has_contents = mode == "--batch"
        self._process: _Process | None = None

    def ask(self, name: str) -> tuple[str, int]:
        """Return the kind and the size of an object. Raises EOFError or BrokenPipeError where git has ended."""
        if self._process is None:
            self._process = _start(*self._arguments)
        self._process.stdin.write(os.fsencode(name) + b"\n")
        header = self._process.stdout.readline()
        if not header:
            raise EOFError
        words = header.rsplit(None, 2)
        first = header.split(None, 1)[0]
        if first in _LINKS:
            if not self._has_contents:
                self.take(int(words[-1]))
            return first.decode(), int(words[-1])
        if words[-1] in (b"missing", b"ambiguous"):
            return "missing", 0
        return words[-2].decode(), int(words[-1])

    def take(self, size: int) -> bytes:
        """Return the content that follows what was asked."""
        assert self._process is not None
        data = self._process.stdout.read(size)
        self._process.stdout.read(1)
        return data

    def close(self) -> None:
        """End git; what it has still to say is not read."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.stdout.close()
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
    stdout: IO[bytes]
    stderr: IO[bytes] | None


def _start(root: str, *arguments: str, with_errors: bool = False) -> _Process:
    """Start git in a folder. Raises EOFError where there is no git."""
    git = find_program("git", root)
    if git is None:
        raise EOFError
    words = [git, "-C", root, "-c", "core.fsmonitor=false", *arguments]
    if not hasattr(os, "posix_spawn"):
        return _start_by_subprocess(words, with_errors=with_errors)
    import signal

    for_git, to_git = os.pipe()
    from_git, of_git = os.pipe()
    errors, to_errors = os.pipe() if with_errors else (None, os.open(os.devnull, os.O_WRONLY))
    actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate((for_git, of_git, to_errors))]
    try:
        # Python ignores the signal of a broken pipe, and its children would too.
        number = os.posix_spawn(git, words, git_environment(), file_actions=actions, setsigdef=[signal.SIGPIPE])
    finally:
        for end in (for_git, of_git, to_errors):
            os.close(end)
    stderr = None if errors is None else os.fdopen(errors, "rb")
    return _Process(number, os.fdopen(to_git, "wb", 0), os.fdopen(from_git, "rb"), stderr)


def _start_by_subprocess(words: list[str], *, with_errors: bool) -> _Process:
    from subprocess import DEVNULL, PIPE, Popen

    process = Popen(
        words, env=git_environment(), stdin=PIPE, stdout=PIPE, stderr=PIPE if with_errors else DEVNULL, bufsize=0
    )
    ends = [None if end is None else os.dup(end.fileno()) for end in (process.stdin, process.stdout, process.stderr)]
    assert ends[0] is not None
    assert ends[1] is not None
    stderr = None if ends[2] is None else os.fdopen(ends[2], "rb")
    return _Process(process.pid, os.fdopen(ends[0], "wb", 0), os.fdopen(ends[1], "rb"), stderr)


def _end(number: int) -> int:
    """End a process and return its exit status, -1 where it had to be told."""
    import signal

    try:
        os.kill(number, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    except OSError:  # it has ended by itself
        return -1


def ask(root: str, *arguments: str) -> Asked | None:
    """Return what git answers, None where it is not there or takes longer than `SECONDS`."""
    import select

    try:
        process = _start(root, *arguments, with_errors=True)
    except (EOFError, OSError, ValueError):
        return None
    process.stdin.close()
    assert process.stderr is not None
    found: dict[int, list[bytes]] = {process.stdout.fileno(): [], process.stderr.fileno(): []}
    output, errors = found.values()
    waiting = list(found)
    until = time.monotonic() + SECONDS
    while waiting:
        ready = select.select(waiting, [], [], max(0, until - time.monotonic()))[0]
        if not ready:
            break
        for end in ready:
            data = os.read(end, 2**16)
            if data:
                found[end].append(data)
            else:
                waiting.remove(end)
    process.stdout.close()
    process.stderr.close()
    if waiting:
        _end(process.number)
        return None
    status = os.waitstatus_to_exitcode(os.waitpid(process.number, 0)[1])
    return Asked(status, b"".join(output), b"".join(errors))


def find_program(name: str, root: str) -> str | None:
    """Return the absolute path of a program, None where there is none; what lies in the repository does not count."""
    suffixes = os.environ.get("PATHEXT", "").lower().split(os.pathsep) if os.name == "nt" else [""]
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if os.path.isabs(folder) and not f"{folder}{os.sep}".startswith(root.rstrip(os.sep) + os.sep):
            for suffix in suffixes:
                path = os.path.join(folder, name + suffix)
                if os.access(path, os.X_OK) and os.path.isfile(path):
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
