"""What following functions came to in an earlier walk: the same, where all that it read says the same.

Following over a thousand files takes seconds, and most commits change nothing of it: they move lines. So a walk keeps what
it asked and was answered, in order, with one digest of the functions of all files and the names in all folders that this
depends on, without lines. A later walk that finds the same digest and asks the same is answered from that; at the first
thing that it asks otherwise, it begins again and follows by itself.
"""

from __future__ import annotations

from memguard_hooks.imports.model import How
from memguard_hooks.imports.reached import Call, Calls
from memguard_hooks.store import digest

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.reached import Reach, Stage, Told
    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.imports.sources import SourceFiles

MAX_KEPT = 4
"""Walks of one entry point that are kept: those of the commit, of the work tree, and of two branches more."""

_HOW = (str, str, int, int, bool)
_ASKED = {
    "load": (str, str, str, str, bool),
    "call": (str, str, str, str, *_HOW),
    "callback": (str, str, str, *_HOW),
    "drain": (str, str),
}
_ANSWERED = {"ran": (str, str, str, str, *_HOW), "look": (str, int, str), "named": (str, str, int, str, str, str),
             "chose": (str, str, str, str, list)}  # fmt: skip
_STAGE = {"ran": 3, "look": 2, "named": 4, "chose": 3}
"""Where the stage stands in an answer."""


class UnlikeError(Exception):
    """A walk asks otherwise than the one that is followed."""


class Followed(Calls):
    """Answers as an earlier walk was answered, and raises UnlikeError where that was asked something else."""

    def __init__(self, sources: SourceFiles, told: Told, log: list[list[Any]], chooser: Chooser) -> None:
        super().__init__(sources)
        self._chooser = chooser
        self._told_to = told
        self._log = log
        self._at = 0

    def load(self, path: str, module: str | None, stage: Stage, *, is_main: bool) -> None:
        """Run the statements of a file."""
        self._ask("load", path, module or "", stage, is_main)

    def call(self, path: str, name: str, stage: Stage, how: How) -> None:
        """Run a function of a file that others call by its name."""
        self._ask("call", path, name, stage, *how)

    def callback(self, path: str, name: str, how: How) -> None:
        """Let a framework call a function, or the methods of a class, that it knows by name."""
        self._ask("callback", path, name, *how)

    def drain(self, stage: Stage) -> None:
        """Look into the bodies that wait, and into those that these run."""
        self._ask("drain", stage)

    def _ask(self, *asked: object) -> None:
        if self._at >= len(self._log) or self._log[self._at] != list(asked):
            raise UnlikeError
        self._at += 1
        while self._at < len(self._log) and self._log[self._at][0] in _ANSWERED:
            self._at += 1
            self._answer(*self._log[self._at - 1])

    def _answer(self, kind: str, *rest: Any) -> None:
        if kind == "ran":
            path, name, stage, *how = rest
            self._note(Call(path, name, How(*how)), stage)
        elif kind == "chose":
            path, key, stage, taken = rest
            choice = next((one for one in self._sources.functions(path).choices if one.key == key), None)
            if choice is None or list(self._chooser.ways(path, choice)) != taken:
                raise UnlikeError
            self.chose(path, choice, tuple(taken), stage)
        elif kind == "look":
            number, stage = rest
            self._told_to.on_run(self.calls[number], stage)
        else:
            self._told_to.on_load(*rest)


class Earlier:
    """The earlier walks of one entry point, in the store."""

    def __init__(self, sources: SourceFiles, resolver: Resolver, context: tuple[object, ...]) -> None:
        self._sources = sources
        self._resolver = resolver
        self._key = (b"walks", repr((resolver.roots, *context)).encode())
        self._kept = [one for one in _listed(sources.store.get(*self._key)) if _is_row(one)]

    def logs(self) -> Iterator[list[list[Any]]]:
        """Yield what walks were asked and answered that have read the same, the last one first."""
        for files, folders, said, slot in self._kept:
            if self._said(files, folders) == said:
                was, *log = _listed(self._sources.store.get(*self._slot(slot))) or [None]
                if was == said and _is_log(log):
                    yield log

    def keep(self, reach: Reach) -> None:
        """Keep what a walk was asked and answered."""
        files, folders = reach.read(), self._resolver.looked_into()
        said = self._said(files, folders)
        rows = self._kept[: MAX_KEPT - 1]
        slot = next(slot for slot in range(MAX_KEPT) if all(row[-1] != slot for row in rows))
        self._sources.store.put([said, *reach.log], *self._slot(slot))
        self._sources.store.put([[files, folders, said, slot], *rows], *self._key)

    def _slot(self, slot: int) -> tuple[bytes, ...]:
        """Return the name of a log: there are few, so that they do not fill the store."""
        return b"walk", self._key[1], b"%d" % slot

    def _said(self, files: list[str], folders: list[str]) -> str:
        """Return a digest of what files and folders say."""
        shapes = [self._sources.places(path).shape for path in files]
        names = ["/".join((folder, *self._resolver.listing(folder))) for folder in folders]
        return digest("\n".join(shapes).encode(), "\n".join(names).encode("utf-8", "surrogateescape")).hex()


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_row(row: object) -> bool:
    is_row = isinstance(row, list) and tuple(map(type, row)) == (list, list, str, int)
    return is_row and all(type(one) is str for some in row[:2] for one in some)  # type: ignore[index]


def _is_log(log: list[Any]) -> bool:
    """Return whether what the store gave has the shape of a log: somebody else may have written it."""
    calls = 0
    for one in log:
        kind = one[0] if isinstance(one, list) and one and isinstance(one[0], str) else ""
        shape = _ASKED.get(kind) or _ANSWERED.get(kind)
        if shape is None or tuple(map(type, one)) != shape:
            return False
        if kind in _STAGE and one[_STAGE[kind]] not in ("start", "serving"):
            return False
        if (kind == "look" and not 0 <= one[1] < calls) or (kind == "ran" and one[-2] >= calls):
            return False
        calls += kind == "ran"
    return True
