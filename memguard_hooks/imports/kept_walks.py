"""Whole walks of earlier runs, taken again where all that they hang on still says the same.

A walk hangs on the names in some folders, and on what each file says: what it imports, what its functions answer to the
questions that were asked of them, and which way its choices take. Most commits change a few files, and nothing of this. So
a walk is kept with the names of all contents; a later one compares what the changed files said with what they say now, and
where only lines and sizes differ, these are put in their places.
"""

from __future__ import annotations

import re

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MOMENTS, Skipped, Step, Way
from memguard_hooks.imports.facts import SITE
from memguard_hooks.imports.followed import QUESTIONS, moved_places
from memguard_hooks.imports.graph import External, Walk, closure
from memguard_hooks.imports.model import BodiesByLine, FileReading, ImportSite, Target
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.shape import checked, maybe, one_of, record, row, rows, texts

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from memguard_hooks.finding import Moment
    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.model import FrameworkEdge
    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.imports.sources import SourceFiles

MAX_KEPT = 2
"""Walks of one entry point that are kept whole: those of two branches."""

_USED = late_pattern(r"^used at line (\d+)")


class _Moved(Record):
    """A file that says the same in other lines: where each is now, its size in bytes, and as what it is read now."""

    lines: Mapping[int, int]
    size: int
    targets: tuple[Target, ...] = ()


class _Unlike(Exception):  # noqa: N818 - it is no error
    """A file says something else than it did."""


class KeptWalks:
    """The walks of one entry point in the store; `context` is all that decides them besides files, folders and a target."""

    def __init__(
        self, sources: SourceFiles, resolver: Resolver, chooser: Chooser, target: Target, context: tuple[object, ...]
    ) -> None:
        self._sources = sources
        self._resolver = resolver
        self._chooser = chooser
        self.key = repr((resolver.roots, _written(target), *context)).encode("utf-8", "surrogatepass")
        """What of the store is about this entry point."""

    def find(self) -> Walk | None:
        """Return the walk as it would be made now, None where none is kept that says so."""
        for slot in range(MAX_KEPT):
            kept = self._sources.store.get(b"whole", self.key, b"%d" % slot)
            try:
                return self._taken(kept)
            except (_Unlike, MemguardError, TypeError, ValueError, KeyError, IndexError):
                self._chooser.forget_order()
        return None

    def keep(self, walked: Walk) -> None:
        """Keep a walk, and the one that was kept last behind it."""
        store = self._sources.store
        last = store.get(b"whole", self.key, b"0")
        if last is not None:
            store.put(last, b"whole", self.key, b"1")
        folders = self._resolver.looked_into()
        content, targets, asked, read = self._sources.content, walked.targets, walked.asked, self._chooser.read()
        files = [
            (path, content(path).hex(), [_written(one) for one in targets.get(path, ())], asked.get(path, ""))
            for path in dict.fromkeys((*targets, *asked, *read))
        ]
        chosen = [(*place, taken) for place, taken in self._chooser.known.items()]
        basis = folders, self._resolver.digest_of(folders), files, chosen, read, self._chooser.hangs_on_order()
        store.put((basis, _encode(walked)), b"whole", self.key, b"0")

    def _taken(self, kept: Any) -> Walk:
        """Return a walk that was kept as it would be now. Raises _Unlike where it would be another."""
        (folders, names, files, chosen, read, is_ordered), walked = kept
        files, chosen, read = rows(_FILE)(files), rows(_CHOSEN)(chosen), {**read}
        if self._resolver.digest_of(texts(folders)) != names:
            raise _Unlike
        moved: dict[str, _Moved] = {}
        content = self._sources.content
        for path, name, targets, questions in files:
            if content(path).hex() != name:
                moved[path] = self._moved(path, bytes.fromhex(name), targets, questions)
        anew = closure({path: texts(others) for path, others in read.items()}, moved)
        if is_ordered and not moved.keys().isdisjoint(read):
            anew |= {path for path, *_ in chosen}
        for path, key, taken in chosen:
            if path in anew:
                self._chooses(path, key, taken)
        if not is_ordered and self._chooser.hangs_on_order(read):
            raise _Unlike
        asked = {path: questions for path, _, _, questions in files if questions}
        targets_of = {path: targets for path, _, targets, _ in files if targets}
        targets_of |= {path: one.targets for path, one in moved.items() if one.targets}
        return _Decoder(moved).walk(walked, targets_of, asked)

    def _chooses(self, path: str, key: str, taken: Sequence[str]) -> None:
        """Check that a choice takes the ways that it took."""
        choice = next((one for one in self._sources.functions(path).choices if one.key == key), None)
        if choice is None or tuple(self._chooser.ways(path, choice)) != taken:
            raise _Unlike

    def _moved(self, path: str, was: bytes, targets: Sequence[Target], questions: str) -> _Moved:
        """Compare what a file says with what it said."""
        lines: dict[int, int] = {}
        size = 0
        if not targets and not questions:  # only the choices of others hang on it
            return _Moved(lines, size)
        before, numbers = self._sources.kept_functions(was), self._sources.kept_numbers(was)
        now, numbers_now = self._sources.functions(path), self._sources.places(path).numbers()
        if before is None or numbers is None:
            raise _Unlike
        for place, is_now in _known(moved_places(before, now, _questions(questions))).items():
            _put(lines, numbers[place], numbers_now[is_now])
        bodies, bodies_now = BodiesByLine(before.bodies, numbers), BodiesByLine(now.bodies, numbers_now)
        there = tuple(_moved_target(target, lines) for target in targets)
        for target, moved in zip(targets, there, strict=True):
            old, new = self._sources.kept_reading(path, was, target), self._sources.prove(path, moved)
            if old is None or new.problem or new.note or old.called != new.called:
                raise _Unlike
            for first, second in _lines_of(old, new):
                _put(lines, first, second)
            for one in old.analysis.sites:
                is_followed = one.when == "call" or bool(target.decided)
                if is_followed and bodies.at(one.line) != bodies_now.at(lines[one.line]):
                    raise _Unlike
            if not target.decided:
                decided = self._chooser.decided(path, new.analysis, target.called.union(new.called))
                if decided and target._replace(decided=decided) not in there:
                    raise _Unlike
            size = new.size
        return _Moved(lines, size, there)


def _known(places: dict[int, int] | None) -> dict[int, int]:
    if places is None:
        raise _Unlike
    return places


def _moved_target(target: Target, lines: Mapping[int, int]) -> Target:
    """Return a target with the lines where its conditions stand now, in the order of `Chooser.decided`."""
    if any(line not in lines for line, _ in target.decided):
        raise _Unlike
    return target._replace(decided=tuple(sorted(((lines[line], value) for line, value in target.decided), key=repr)))


def _put(lines: dict[int, int], was: int, now: int) -> None:
    """Note where a line is now; what stood in one and stands in two says something else."""
    if lines.setdefault(was, now) != now:
        raise _Unlike


def _lines_of(old: FileReading, new: FileReading) -> Iterator[tuple[int, int]]:
    """Yield the lines of what a file said of its imports, and where the same stands now."""
    pairs: list[tuple[ImportSite | FrameworkEdge, ImportSite | FrameworkEdge]] = []
    try:
        pairs += zip(old.analysis.sites, new.analysis.sites, strict=True)
        pairs += zip(old.edges, new.edges, strict=True)
        unknown = list(zip(old.analysis.unknown, new.analysis.unknown, strict=True))
    except ValueError:
        raise _Unlike from None
    for first, second in pairs:
        if _lineless(first) != _lineless(second):
            raise _Unlike
        yield first.line, second.line
        if isinstance(first, ImportSite) and isinstance(second, ImportSite):
            yield first.end_line, second.end_line
            if first.used_line is not None and second.used_line is not None:
                yield first.used_line, second.used_line
    for one, other in unknown:
        if one[1:] != other[1:]:
            raise _Unlike
        yield one.line, other.line


def _lineless(one: ImportSite | FrameworkEdge) -> object:
    if not isinstance(one, ImportSite):
        return one._replace(line=0)
    used = one.used_line and 1
    why = _USED.sub("used", one.why) if one.why.startswith("used at line ") else one.why
    return one._replace(line=0, end_line=0, used_line=used, why=why)


def _questions(asked: str) -> tuple[tuple[Any, ...], ...]:
    """Return what was asked of a file. Raises TypeError or ValueError for what has another shape."""
    import json

    return QUESTIONS(json.loads(asked) if asked else [])


def _written(target: Target) -> list[object]:
    return [target.python, target.is_main, sorted(target.called), target.lazy_all, target.decided]


def _decided(value: object) -> str | bool:
    return value if isinstance(value, str) else checked(bool, value)


def _called(value: object) -> frozenset[str]:
    return frozenset(texts(value))


_TARGET = record(Target, maybe(row(int, int)), bool, _called, bool, rows(row(int, _decided)))
_FILE = row(str, str, rows(_TARGET), str)
"""What a walk hangs on of a file: its content, as what it was read, and what was asked of it."""

_CHOSEN = row(str, str, texts)


# To JSON, and back


class _Encoder:
    """Writes a walk with each path, and each way, once."""

    def __init__(self) -> None:
        self.paths: dict[str, int] = {}
        self.ways: list[tuple[int, int, str, int]] = []
        self._numbers: dict[int, int] = {}

    def path(self, path: str) -> int:
        return self.paths.setdefault(path, len(self.paths))

    def step(self, step: Step) -> tuple[int, int, str]:
        return self.path(step.path), step.line, step.module

    def way(self, way: Way | None) -> int:
        """Return the number of a way, -1 for none; that of what is before it is a smaller one."""
        unknown: list[Way] = []
        while way is not None and id(way) not in self._numbers:
            unknown.append(way)
            way = way.before
        number = -1 if way is None else self._numbers[id(way)]
        for one in reversed(unknown):
            self.ways.append((*self.step(one.last), number))
            number = self._numbers[id(one)] = len(self.ways) - 1
        return number


def _encode(walked: Walk) -> tuple[object, ...]:
    to = _Encoder()
    files = [[(to.path(path), size) for path, size in walked.files[moment].items()] for moment in MOMENTS]
    ways = [(to.path(path), to.way(way)) for path, way in walked.ways.items()]
    externals = [(one.names, to.way(one.way), *one[2:]) for one in walked.externals]
    edges = [(to.path(path), sorted(map(to.path, others))) for path, others in walked.edges.items()]
    ran = [(to.path(place[0]), place[1], moment, place in walked.loading) for place, moment in walked.ran.items()]
    rest = (
        *(walked.skipped, [to.path(path) for path in walked.unread], walked.notes),
        [sorted(walked.standard.get(moment, ())) for moment in MOMENTS],
        [to.step(step) for step in walked.twice],
        [(*place, ways) for place, ways in walked.open],
        [(to.path(path), line) for path, line in walked.computed],
    )
    return list(to.paths), to.ways, files, ways, externals, edges, ran, *rest  # last, once all paths have a number


_STEP = row(int, int, str)
_MOMENT = one_of(*MOMENTS)
_SKIPPED = record(Skipped, str, maybe(int), str, bool, str)
_WALKED = row(
    *(texts, rows(row(int, int, str, int)), rows(rows(row(int, int))), rows(row(int, int))),
    *(rows(row(texts, int, _MOMENT, maybe(SITE), str, bool)), rows(row(int, rows(int)))),
    *(rows(row(int, str, _MOMENT, bool)), rows(_SKIPPED), rows(int), rows(_SKIPPED)),
    *(rows(texts), rows(_STEP), rows(row(str, str, texts)), rows(row(int, int))),
)
"""What `_encode` writes."""


class _Decoder:
    """Reads a walk, with the lines and sizes of the files that have moved."""

    def __init__(self, moved: Mapping[str, _Moved]) -> None:
        self._moved = moved
        self._places = late_pattern(rf" at ({'|'.join(map(re.escape, moved))}):(\d+)")
        self._paths: Sequence[str] = ()
        self._ways: list[Way] = []

    def walk(self, walked: object, targets: dict[str, tuple[Target, ...]], asked: dict[str, str]) -> Walk:
        """Return a walk. Raises TypeError, ValueError, IndexError or KeyError for what `_encode` cannot have written."""
        names, ways, files, to_files, externals, edges, ran, *rest = _WALKED(walked)
        skipped, unread, notes, standard, twice, open_, computed = rest
        self._paths = names
        for path, line, module, before in ways:
            self._ways.append(Way(self._step(path, line, module), self._way(before)))
        return Walk(
            {moment: dict(self._file(*one) for one in some) for moment, some in zip(MOMENTS, files, strict=True)},
            tuple(self._external(*one) for one in externals),
            {names[path]: {names[other] for other in others} for path, others in edges},
            tuple(map(self._skipped, skipped)),
            tuple(names[path] for path in unread),
            tuple(map(self._skipped, notes)),
            {moment: set(some) for moment, some in zip(MOMENTS, standard, strict=True)},
            tuple(self._step(*one) for one in twice),
            {names[path]: self._way(way) for path, way in to_files},
            {(names[path], body): moment for path, body, moment, _ in ran},
            frozenset((names[path], body) for path, body, _, is_loading in ran if is_loading),
            tuple(((path, key), taken) for path, key, taken in open_),
            tuple((names[path], self._line(names[path], line)) for path, line in computed),
            targets,
            asked,
        )

    def _way(self, number: int) -> Way | None:
        return None if number == -1 else self._ways[number]

    def _step(self, path: int, line: int, module: str) -> Step:
        name = self._paths[path]
        return Step(name, self._line(name, line), module)

    def _line(self, path: str, line: int) -> int:
        moved = self._moved.get(path)
        return moved.lines[line] if moved is not None else line

    def _file(self, path: int, size: int) -> tuple[str, int]:
        name = self._paths[path]
        moved = self._moved.get(name)
        return name, moved.size if moved is not None else size

    def _skipped(self, one: Skipped) -> Skipped:
        return one if one.line is None else one._replace(line=self._line(one.path, one.line))

    def _external(
        self, names: tuple[str, ...], way: int, moment: Moment, site: ImportSite | None, call: str, is_after_fork: bool  # noqa: FBT001
    ) -> External:  # fmt: skip
        to = self._way(way)
        found = None if site is None or to is None else self._site(to.last.path, site)
        return External(names, to, moment, found, self._told(call), is_after_fork)

    def _site(self, path: str, site: ImportSite) -> ImportSite:
        moved = self._moved.get(path)
        if moved is not None and site.used_line is not None:
            used_line = moved.lines[site.used_line]
            site = site._replace(used_line=used_line, why=_USED.sub(f"used at line {used_line}", site.why))
        line, end_line = self._line(path, site.line), self._line(path, site.end_line)
        return site._replace(line=line, end_line=end_line, why=self._told(site.why))

    def _told(self, said: str) -> str:
        """Return what is said of a call with the lines of now."""
        if not self._moved or " at " not in said:
            return said
        return self._places.sub(lambda found: f" at {found[1]}:{self._moved[found[1]].lines[int(found[2])]}", said)
