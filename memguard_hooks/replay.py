"""The front door: say again what a hook said, as long as nothing has changed that its verdict hangs on.

A run notes what it has seen of each path: files that it read by the names of their contents, folders by the names that they
hold, and paths that it found missing. They are kept with what was said. A later run looks at the same paths; where one looks
another way than it did, or as young as the run, its content decides.

The verdict hangs on a commit too, because `+N` compares with it. After a commit that holds just what the run saw, the same
verdict stands for a commit that adds nothing, which the run has written down as well.

This module is loaded before anything is known, so it loads nearly nothing.
"""

from __future__ import annotations

import os
import sys
import time

from memguard_hooks.errors import MemguardError
from memguard_hooks.git import PACKED, REPLACING, find_git, is_elsewhere, read_head
from memguard_hooks.output import write
from memguard_hooks.record import Record
from memguard_hooks.store import digest, files_of_packages, find_folder, read_whole, shrink, write_whole
from memguard_hooks.tree import SETTLED, RevisionTree, Seen, WorkTree

TYPE_CHECKING = False  # as typing has it, whose import takes as long as the start of Python
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from memguard_hooks.tree import Look

FOLDER = "said"

MAX_KEPT = 64
"""Answers to other options, in other folders, of other Pythons; of more the older half is dropped."""

MAX_PATHS = 20_000
"""Paths that an answer may hang on: each takes some microseconds to ask for."""

DAY = 86_400

ANY = "any"
"""The commit of an answer that hangs on none."""

_AROUND = ("config", "config.worktree", PACKED, "refs/replace")
"""What decides, in git's folder, what a commit holds, besides the commit: settings, and what stands for other objects."""


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

    `said` was said beside `commit`, of which `head` was seen, and `committed` is what there is to say once a commit holds
    just what was seen of the work tree.
    `around` are files outside the project that the answer hangs on too. Before the moment `settled`, in nanoseconds, a file
    has changed that will look changed when it changes again.
    """

    settled: int
    commit: str
    said: Said
    committed: Said
    seen: Mapping[str, Seen]
    around: Mapping[str, Seen]
    head: Mapping[str, bytes]


MANY_OBJECTS = 50_000
"""Objects that are made until those in circles are looked for: nearly all of a run live to its end, and to look through them
after each 700 takes a tenth of its time."""


def front(
    hook: str,
    argv: Sequence[str] | None,
    run: Callable[[Sequence[str] | None, Replay], int],
    is_judged: Callable[[str], bool] | None = None,
) -> int:
    """Say again what was said of the same, or run the hook, and return the exit status.

    `is_judged` tells which of the files that a commit names are judged themselves. Where none is, they only tell whether
    the commit matters: nothing is said of one that changes no file that was seen.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    names: tuple[str, ...] = ()
    if is_judged is not None and not any(word.startswith("--format") for word in words):
        options, named = split_names(words)
        if named and not any(map(is_judged, named)):
            words, names = [*options, "names"], tuple(named)
    replay = Replay(hook, words, names=names)
    status = replay.recall()
    if status is not None:
        return status
    import gc

    gc.set_threshold(MANY_OBJECTS)
    return run(argv, replay)


_FLAGS = frozenset({"--", "--pessimistic", "--table"})
"""Options behind which no value stands."""


def split_names(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the options of a command line, and the names of files behind them."""
    at = len(words)
    while at and not words[at - 1].startswith("-"):
        at -= 1
    if 0 < at < len(words) and "=" not in words[at - 1] and words[at - 1] not in _FLAGS:
        at += 1
    return words[:at], words[at:]


class Replay:
    """What one hook said in a folder when it was given these arguments.

    `names` are the files of a commit that are not judged themselves.
    """

    def __init__(
        self, hook: str, arguments: Sequence[str] | None = None, root: str = ".", names: tuple[str, ...] = ()
    ) -> None:
        self.names = names
        self._started = time.time_ns()
        self._root = root
        self._file: str | None = None
        self._git: tuple[str, str] | None = None
        folder, own = find_folder(root), _look_outside(__file__)
        if folder is not None and own.look is not None and not is_elsewhere():
            self._git = find_git(root)
            # The key includes how this module looks, so a planted file never matches.
            place = (
                os.path.realpath(root),
                *(self._git or ()),
                os.environ.get("PATH", ""),
                os.environ.get("PRE_COMMIT", ""),
                sys.getfilesystemencoding(),
                sys.version,
                repr(own.look),
            )
            key = (hook, str(int(time.time()) // DAY), *place, *(sys.argv[1:] if arguments is None else arguments))
            self._file = os.path.join(folder, FOLDER, digest(*map(os.fsencode, key)).hex())
        self._commit = self._read_commit()

    def _read_commit(self) -> str | None:
        return None if self._git is None else read_head(*self._git)

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
        looked_again = {path: seen for path, seen in tree.seen.items() if seen.content or path not in answer.seen}
        tree.seen = {**answer.seen, **looked_again}
        is_settled = not looked_again
        if answer.commit not in (ANY, self._commit):
            known = _beside(answer, tree, self._commit)
            if known is None:
                return None
            answer, is_settled = known, False
        if not is_settled:  # the next time, a look is enough
            self._write(answer._replace(settled=self._started - SETTLED, seen=tree.seen))
        if not matters(self.names, answer.seen, answer.said == answer.committed):
            return 0
        return answer.said.tell()

    def keep(self, tree: WorkTree, head: RevisionTree | None, said: Said, committed: Said) -> None:
        """Keep what was said beside a commit, or of the work tree alone, if a later run can tell whether it says the same.

        `committed` is what there is to say once a commit holds just what was seen.
        """
        if self._file is None or self._git is None or self._commit is None or self._commit != self._read_commit():
            return
        if len(tree.seen) + (0 if head is None else len(head.seen)) > MAX_PATHS or not tree.is_steady:
            return
        if head is not None and not head.is_steady:
            return
        around = [os.path.join(folder, name) for folder in sorted(set(self._git)) for name in _AROUND]
        known = {path: _look_outside(path) for path in (*around, *files_of_packages())}
        commit = ANY if head is None else self._commit
        self._write(
            Answer(self._started - SETTLED, commit, said, committed, tree.seen, known, {} if head is None else head.seen)
        )

    def _write(self, answer: Answer) -> None:
        if self._file is not None and write_whole(self._file, _write_answer(answer)):
            shrink(os.path.dirname(self._file), MAX_KEPT)


def matters(names: Sequence[str], seen: Mapping[str, Seen], is_committed: bool) -> bool:  # noqa: FBT001
    """Return whether a commit of these files changes what a run says that has seen some paths; of no files each does.

    What differs from the last commit may be a file that is deleted, which no commit names.
    """
    return not names or not is_committed or any(os.path.normpath(name) in seen for name in names)


def _beside(answer: Answer, tree: WorkTree, commit: str) -> Answer | None:
    """Return what there is to say beside another commit, None where that has something another way."""
    head = RevisionTree(tree.root, commit)
    try:
        if head.still(answer.head):
            return answer._replace(commit=commit, head={**answer.head, **head.seen})
        if tree.is_held_by(head):
            return answer._replace(commit=commit, said=answer.committed, head=head.seen)
    except MemguardError:
        pass
    finally:
        head.close()
    return None


def _look_outside(path: str) -> Seen:
    """Return how a file outside the project looks; of what git writes the content counts."""
    look = content = None
    try:
        found = os.stat(path)
        look = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, 0)
        content = _read(path) if path.endswith(_AROUND) and os.path.isfile(path) else None
    except (OSError, ValueError):
        pass
    if path.endswith(PACKED):
        rows = content.splitlines() if content is not None and REPLACING in content else ()
        return Seen((0, 0, 0, 0, 0), digest(*(row for row in rows if REPLACING in row)))
    return Seen(look, b"" if content is None else digest(content))


def _is_still(path: str, seen: Seen, settled: int) -> bool:
    """Return whether a file outside the project is as it was seen."""
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
        *(_write_look(path, seen) for path, seen in answer.seen.items()),
        *(_write_look(path, seen) for path, seen in answer.around.items()),
        *(b"%s\t%s" % (seen, os.fsencode(place)) for place, seen in answer.head.items()),
    ]
    counts = (answer.settled, *status, *map(len, texts), len(answer.seen), len(answer.around), len(answer.head))
    first = " ".join([answer.commit, *map(str, counts)]).encode()
    return b"\0".join([first, *rows, b"".join(texts)])


def _read_answer(content: bytes) -> Answer | None:
    """Return what `_write_answer` has written, None for what it cannot have written."""
    try:
        first, rest = content.split(b"\0", 1)
        commit, *numbers = first.decode("ascii").split()
        settled, now, later, *counts = map(int, numbers)
        seen, around, head = counts[4:]
        *rows, text = rest.split(b"\0", seen + around + head)
        texts: list[str] = []
        for size in counts[:4]:
            texts.append(text[:size].decode("utf-8", "surrogatepass"))
            text = text[size:]
        looks = [_read_look(row) for row in rows[: seen + around]]
        places = [row.split(b"\t", 1) for row in rows[seen + around :]]
        known = {os.fsdecode(place): mark for mark, place in places}
    except ValueError:
        return None
    said, committed = Said(now, *texts[:2]), Said(later, *texts[2:])
    return Answer(settled, commit, said, committed, dict(looks[:seen]), dict(looks[seen:]), known)


def _write_look(path: str, seen: Seen) -> bytes:
    """Write what was seen of a path in one line."""
    look = b"" if seen.look is None else b"%d %d %d %d %d" % seen.look
    return b"%s\t%s\t%s" % (look, seen.content.hex().encode(), os.fsencode(path))


def _read_look(row: bytes) -> tuple[str, Seen]:
    """Return the path and what was seen of it. Raises ValueError for what `_write_look` cannot have written."""
    numbers, content, path = row.split(b"\t", 2)
    look: Look | None = tuple(map(int, numbers.split())) or None
    if look is not None and len(look) != 5:
        raise ValueError
    return os.fsdecode(path), Seen(look, bytes.fromhex(content.decode("ascii")))


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()
