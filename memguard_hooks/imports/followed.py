"""What following functions came to in an earlier walk: the same, where all that it read says the same.

Following over a thousand files takes seconds, and most commits change nothing of it: they move lines, or add a function
that nothing calls yet. So a walk keeps what it asked and was answered, in order, with one digest of the functions of all
files and the names in all folders that this depends on, without lines, and beside it what was asked of each file. A later
walk that finds the same digest, or files that answer the same questions the same way, is answered from that; at the first
thing that it asks otherwise, it begins again and follows by itself.
"""

from __future__ import annotations

from memguard_hooks.imports.model import How
from memguard_hooks.imports.reached import Answers, Call, Calls
from memguard_hooks.record import Record
from memguard_hooks.shape import row, rows, texts
from memguard_hooks.store import digest

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.model import Choice, Functions
    from memguard_hooks.imports.reached import Stage, Told
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


_PLACE = {"call": 6, "callback": 5, "ran": 6, "named": 2}
"""Where the number of a line stands in an entry; before it stands the file."""


_WALK = row(texts, texts, str, str, int)
"""What is kept of each walk: its files and folders, digests of what those say and of the names in these, and the slot."""

QUESTIONS = rows(row(str, str))
"""The shape of what was asked of a file."""

_ASKED_OF = row(str, bytes.fromhex, str, QUESTIONS)
"""What was asked of a file, whose content has this name, and a digest of what it said."""


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
        self._choices: dict[str, dict[str, Choice]] = {}

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

    def _choice(self, path: str, key: str) -> Choice | None:
        """Return a choice of a file by its key, the first of those that have it."""
        if path not in self._choices:
            self._choices[path] = {one.key: one for one in reversed(self._sources.functions(path).choices)}
        return self._choices[path].get(key)

    def _answer(self, kind: str, *rest: Any) -> None:
        if kind == "ran":
            path, name, stage, *how = rest
            self._note(Call(path, name, How(*how)), stage)
        elif kind == "chose":
            path, key, stage, taken = rest
            choice = self._choice(path, key)
            if choice is None:
                raise UnlikeError
            is_given_elsewhere = choice.is_given and tuple(taken) == choice.names
            if not is_given_elsewhere and list(self._chooser.ways(path, choice)) != taken:
                raise UnlikeError
            self.chose(path, choice, tuple(taken), stage)
        elif kind == "look":
            number, stage = rest
            self._told_to.on_run(self.calls[number], stage)
        else:
            self._told_to.on_load(*rest)


class Log(Record):
    """What a walk was asked and answered, in order, with what it asked of each file, and the folders that it looked into.

    `is_new` tells that it is not kept so: files have changed since.
    """

    entries: list[list[Any]]
    asked: dict[str, list[tuple[str, str]]]
    folders: Sequence[str]
    is_new: bool = True


class Earlier:
    """The earlier walks of one entry point, in the store."""

    def __init__(self, sources: SourceFiles, resolver: Resolver, context: tuple[object, ...]) -> None:
        self._sources = sources
        self._resolver = resolver
        self._key = (b"walks", repr((resolver.roots, *context)).encode())
        self._kept = sources.store.known(rows(_WALK), *self._key) or ()

    def logs(self) -> Iterator[Log]:
        """Yield the logs of walks whose questions are answered now as they were: first of those that have read the same."""
        changed: list[tuple[Sequence[str], str, int]] = []
        for files, folders, said, names, slot in self._kept:
            if self._resolver.digest_of(folders) != names:
                continue
            if self._said(files) != said:
                changed.append((folders, said, slot))
            elif (entries := self._entries(said, slot)) is not None and (asked := self._asked(said, slot)) is not None:
                yield Log(entries, _questions(asked), folders, is_new=False)
        for one in changed:
            yield from self._adapted(*one)

    def _entries(self, said: str, slot: int) -> list[list[Any]] | None:
        """Return what a walk was asked and answered, None for what another one has put in its place."""
        was, *entries = self._sources.store.known(list, *self._slot(b"walk", slot)) or [None]
        return entries if was == said and _is_log(entries) else None

    def _asked(self, said: str, slot: int) -> tuple[Any, ...] | None:
        """Return what a walk asked of each file, None for what another one has put in its place."""
        was, asked = self._sources.store.known(row(str, rows(_ASKED_OF)), *self._slot(b"asked", slot)) or (None, ())
        return asked if was == said else None

    def _adapted(self, folders: Sequence[str], said: str, slot: int) -> Iterator[Log]:
        """Yield a log with the places of what is now, where each file answers as it did what was asked of it."""
        asked = self._asked(said, slot)
        if asked is None:
            return
        moved: dict[str, dict[int, int]] = {}
        for path, name, shape, questions in asked:
            if self._sources.places(path).shape != shape:
                before = self._sources.kept_functions(name)
                places = None if before is None else moved_places(before, self._sources.functions(path), questions)
                if places is None:
                    return
                moved[path] = places
        entries = self._entries(said, slot)
        if entries is None:
            return
        yield Log([_at(entry, moved) for entry in entries], _questions(asked), folders)

    def keep(self, log: Log) -> None:
        """Keep what a walk was asked and answered."""
        said = self._said(log.asked)
        kept = self._kept[: MAX_KEPT - 1]
        slot = next(slot for slot in range(MAX_KEPT) if all(one[-1] != slot for one in kept))
        asked = [
            (path, self._sources.content(path).hex(), self._sources.places(path).shape, questions)
            for path, questions in log.asked.items()
        ]
        put = self._sources.store.put
        put([said, *log.entries], *self._slot(b"walk", slot))
        put([said, asked], *self._slot(b"asked", slot))
        put([[list(log.asked), log.folders, said, self._resolver.digest_of(log.folders), slot], *kept], *self._key)

    def _slot(self, kind: bytes, slot: int) -> tuple[bytes, ...]:
        """Return the name of a part of a walk: there are few, so that they do not fill the store."""
        return kind, self._key[1], b"%d" % slot

    def _said(self, files: Iterable[str]) -> str:
        """Return a digest of what files say."""
        return digest("\n".join(self._sources.places(path).shape for path in files).encode()).hex()


def moved_places(before: Functions, now: Functions, questions: Iterable[tuple[str, str]]) -> dict[int, int] | None:
    """Return where the places of answers are now, None where an answer is another one."""
    old, new = Answers(before), Answers(now)
    places: dict[int, int] = {}
    for kind, name in questions:
        try:
            is_alike = _is_alike(old.answer(kind, name), new.answer(kind, name), places)
        except KeyError:
            return None
        if not is_alike:
            return None
    return places


def _questions(asked: Iterable[Any]) -> dict[str, list[tuple[str, str]]]:
    return {path: list(questions) for path, _, _, questions in asked}


def _is_alike(was: object, is_now: object, places: dict[int, int]) -> bool:
    """Return whether two answers differ in places alone, the only numbers that they hold, and note where these are now."""
    if type(was) is not type(is_now):
        return False
    if type(was) is int and type(is_now) is int:
        places[was] = is_now
        return True
    if isinstance(was, (list, tuple)) and isinstance(is_now, (list, tuple)):
        return len(was) == len(is_now) and all(_is_alike(*pair, places) for pair in zip(was, is_now, strict=True))
    return was == is_now


def _at(entry: list[Any], moved: dict[str, dict[int, int]]) -> list[Any]:
    """Return an entry of a log with the number that a line has now."""
    at = _PLACE.get(entry[0])
    places = None if at is None else moved.get(entry[at - 1])
    if at is None or places is None:
        return entry
    return [*entry[:at], places.get(entry[at], entry[at]), *entry[at + 1 :]]


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
