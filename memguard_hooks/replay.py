"""The front door: say again what a hook said, as long as nothing has changed that its verdict hangs on.

A run notes what it has seen of each path: files that it read by the names of their contents, folders by the names that they
hold, and paths that it found missing. They are kept with what was said. A later run looks at the same paths; where one looks
another way than it did, or as young as the run, its content decides.

The verdict hangs on a commit too, because `+N` compares with it. After a commit that holds just what the run saw, the same
verdict stands with `+0`, which the run has written down as well; git is asked only what the commit has changed.

This module is loaded before anything is known, so it loads nearly nothing.
"""

from __future__ import annotations

import os
import sys
import time

from memguard_hooks.git import ask, find_git, name_of_blob
from memguard_hooks.output import write
from memguard_hooks.record import Record
from memguard_hooks.store import (
    SETTLED,
    digest,
    files_of_packages,
    find_folder,
    read_look,
    read_whole,
    shrink,
    write_look,
    write_whole,
)
from memguard_hooks.tree import MISSING, Seen, WorkTree

TYPE_CHECKING = False  # as typing has it, whose import takes as long as the start of Python
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from memguard_hooks.tree import RevisionTree

FOLDER = "said"

MAX_KEPT = 64
"""Answers to other options, in other folders, of other Pythons; of more the older half is dropped."""

MAX_PATHS = 20_000
"""Paths that an answer may hang on: each takes some microseconds to ask for."""

DAY = 86_400

ANY = "any"
"""The commit of an answer that hangs on none."""

_ELSEWHERE = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
)
"""Variables that redirect git to another repository."""

_AROUND = ("config", "refs/replace", "shallow")
"""What decides, in git's folder, what a commit holds, besides the commit."""


class Said(Record):
    """What a run has said: its exit status, and what it has written to stdout and stderr."""

    status: int
    output: str
    errors: str

    def tell(self) -> int:
        """Say it, and return the exit status."""
        write(sys.stdout, self.output)
        write(sys.stderr, self.errors)
        return self.status


class Answer(Record):
    """What is kept of one run in `root`.

    `said` was said beside `commit`, and `committed` is what there is to say once a commit holds just what was seen.
    `differ` are the paths that the commit had another way. `around` are files outside the project that the answer hangs on
    too. Before the moment `settled`, in nanoseconds, a file has changed that will look changed when it changes again.
    """

    settled: int
    commit: str
    said: Said
    committed: Said
    seen: Mapping[str, Seen]
    differ: frozenset[str]
    around: Mapping[str, Seen]


def front(hook: str, argv: Sequence[str] | None, run: Callable[[Sequence[str] | None, Replay], int]) -> int:
    """Say again what was said of the same, or run the hook, and return the exit status."""
    replay = Replay(hook, argv)
    status = replay.recall()
    return run(argv, replay) if status is None else status


class Replay:
    """What one hook said in a folder when it was given these arguments."""

    def __init__(self, hook: str, arguments: Sequence[str] | None = None, root: str = ".") -> None:
        self._started = time.time_ns()
        self._root = root
        self._file: str | None = None
        self._git: tuple[str, str] | None = None
        folder, own = find_folder(root), _look_outside(__file__)
        if folder is not None and own.look is not None and not any(name in os.environ for name in _ELSEWHERE):
            self._git = find_git(root)
            # The key includes how this module looks, so a planted file never matches.
            place = (
                os.path.realpath(root),
                os.environ.get("PATH", ""),
                sys.getfilesystemencoding(),
                sys.version,
                repr(own.look),
            )
            key = (hook, str(int(time.time()) // DAY), *place, *(sys.argv[1:] if arguments is None else arguments))
            self._file = os.path.join(folder, FOLDER, digest(*map(os.fsencode, key)).hex())
        self._commit = self._read_commit()

    def _read_commit(self) -> str | None:
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
        if self._file is None or self._commit is None:
            return None
        content = read_whole(self._file)
        if content is None:
            return None
        answer = _read_answer(content)
        if answer is None or not all(_is_still(path, seen, answer.settled) for path, seen in answer.around.items()):
            return None
        tree = WorkTree(self._root)
        if not all(tree.still(path, seen, answer.settled) for path, seen in answer.seen.items()):
            return None
        if answer.commit in (ANY, self._commit):
            return answer.said.tell()
        if not self._holds(answer, self._commit, tree):
            return None
        settled_answer = answer._replace(commit=self._commit, said=answer.committed, differ=frozenset())
        write_whole(self._file, _write_answer(settled_answer))
        return answer.committed.tell()

    def _holds(self, answer: Answer, commit: str, tree: WorkTree) -> bool:
        """Tell whether a commit holds just what was seen, by what it has changed since the one that was compared with."""
        changed = _changes(self._root, answer.commit, commit)
        if changed is None or not answer.differ <= changed.keys():
            return False
        for path, name in changed.items():
            seen = answer.seen.get(path)
            if seen is None:
                # A name that nobody asked for: the folder that holds it must not say otherwise.
                if name is not None and not tree.has(path):
                    return False
            elif seen.look is None:
                if name is not None:
                    return False
            elif seen.content != name:
                return False
        return True

    def keep(self, tree: WorkTree, head: RevisionTree | None, said: Said, committed: Said) -> None:
        """Keep what was said beside a commit, or of the work tree alone, if a later run can tell whether it says the same.

        `committed` is what there is to say once a commit holds just what was seen.
        """
        if self._file is None or self._git is None or self._commit is None or self._commit != self._read_commit():
            return
        if len(tree.seen) > MAX_PATHS or not tree.is_steady or _is_partial(self._git[1]):
            return
        around = [os.path.join(folder, name) for folder in sorted(set(self._git)) for name in _AROUND]
        around += [os.path.join(self._git[0], "config.worktree"), *files_of_packages()]
        known = {path: _look_outside(path) for path in around}
        differ = frozenset(tree.differences(head)) if head is not None else frozenset()
        if head is not None and not head.is_steady:
            return
        commit = ANY if head is None else self._commit
        answer = Answer(self._started - SETTLED, commit, said, committed, tree.seen, differ, known)
        if write_whole(self._file, _write_answer(answer)):
            shrink(os.path.dirname(self._file), MAX_KEPT)


def _changes(root: str, old: str, new: str) -> dict[str, bytes | None] | None:
    """Return the files that differ between two commits, by the names of their new contents, None for those that are gone."""
    found = ask(root, "diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--relative", old, new, "--")
    if found is None or found.status != 0:
        return None
    fields = found.output.split(b"\0")[:-1]
    changed: dict[str, bytes | None] = {}
    for about, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, name, _ = about.split()
        changed[os.fsdecode(path)] = None if mode == b"000000" else bytes.fromhex(name.decode("ascii"))
    return changed


def _look_outside(path: str) -> Seen:
    """Return how a file outside the project looks; of git's own settings the content counts."""
    try:
        found = os.stat(path)
        content = name_of_blob(_read(path)) if os.path.basename(path) in _AROUND and os.path.isfile(path) else b""
    except (OSError, ValueError):
        return MISSING
    return Seen((found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, 0), content)


def _is_still(path: str, seen: Seen, settled: int) -> bool:
    """Tell whether a file outside the project is as it was seen."""
    now = _look_outside(path)
    if now.look is None or seen.look is None:
        return now.look is seen.look
    return now.content == seen.content if seen.content else now == seen and max(seen.look[:2]) < settled


def _write_answer(answer: Answer) -> bytes:
    texts = [
        text.encode("utf-8", "surrogatepass")
        for said in (answer.said, answer.committed)
        for text in (said.output, said.errors)
    ]
    status = (answer.said.status, answer.committed.status)
    rows = [
        *(write_look(path, seen) for path, seen in answer.seen.items()),
        *(write_look(path, seen) for path, seen in answer.around.items()),
        *map(os.fsencode, answer.differ),
    ]
    counts = (answer.settled, *status, *map(len, texts), len(answer.seen), len(answer.around), len(answer.differ))
    first = " ".join([answer.commit, *map(str, counts)]).encode()
    return b"\0".join([first, *rows, b"".join(texts)])


def _read_answer(content: bytes) -> Answer | None:
    """Return what `_write_answer` has written, None for what it cannot have written."""
    try:
        first, rest = content.split(b"\0", 1)
        commit, *numbers = first.decode("ascii").split()
        settled, now, later, *counts = map(int, numbers)
        *rows, text = rest.split(b"\0", sum(counts[4:]))
        seen, around, differ = counts[4:]
        texts: list[str] = []
        for size in counts[:4]:
            texts.append(text[:size].decode("utf-8", "surrogatepass"))
            text = text[size:]
        looks = [read_look(row) for row in rows[: seen + around]]
        known = [one for one in looks if one is not None]
    except ValueError:
        return None
    if len(known) != seen + around or len(rows) != seen + around + differ:
        return None
    return Answer(
        settled,
        commit,
        Said(now, *texts[:2]),
        Said(later, *texts[2:]),
        dict(known[:seen]),
        frozenset(map(os.fsdecode, rows[seen + around :])),
        dict(known[seen:]),
    )


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _as_commit(name: bytes) -> str | None:
    """Return the name of a commit, None for what is none: one name may stand for another."""
    return name.decode() if len(name) in (40, 64) and not name.strip(b"0123456789abcdef") else None


def _is_partial(common: str) -> bool:
    """Tell whether the repository may lack objects, which a later run may find."""
    try:
        config = _read(os.path.join(common, "config")).lower()
    except OSError:
        return True
    return b"promisor" in config or b"partialclone" in config
