"""What is known of sources by their contents: in this process, and in the store of the repository.

What the store gives is checked for its shape, and found out again where that is wrong: somebody else may have written it.
"""

from __future__ import annotations

from time import process_time

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.frameworks import Framework, called_by_framework, framework_edges, unknown_settings
from memguard_hooks.imports.model import (
    LAZY_ANNOTATIONS_PYTHON,
    Analysis,
    Body,
    Choice,
    ChoiceWay,
    FileClass,
    FrameworkEdge,
    Functions,
    ImportSite,
    Passed,
    Places,
    Target,
    Unknown,
)
from memguard_hooks.record import Record
from memguard_hooks.shape import checked, maybe, one_of, record, row, rows, texts
from memguard_hooks.store import Store, digest, written

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias, TypeVar

    from memguard_hooks.imports.built_at_load import BuiltAtLoad
    from memguard_hooks.imports.module_nodes import ModuleNodes
    from memguard_hooks.shape import Shape

    Fact = TypeVar("Fact")
    Found = TypeVar("Found")

Read: TypeAlias = "Callable[[], bytes]"

SLOW_SECONDS = 0.5
"""CPU time that a file takes which is near its bounds; one that people write takes some hundredths."""

MAX_SLOW_SECONDS = 20
"""CPU time for all such files of one run: thousands of them must not hold a commit up."""


class Problem(Record):
    """Why a file is not analyzed, and the line."""

    message: str
    line: int | None

    def at(self, path: str) -> MemguardError:
        """Return the error that says so of a file."""
        return MemguardError(self.message, path, self.line)


GIVEN_UP = Problem(
    f"is not analyzed: this run has spent {MAX_SLOW_SECONDS} seconds on files that take long; the next goes on from here",
    None,
)


class Outline(Record):
    """What the bytes of a file say.

    `edges` are what frameworks load because of it, `problem` says why they are not known, and `called` are the names in it
    that frameworks call.
    """

    size: int
    edges: tuple[FrameworkEdge, ...]
    called: tuple[str, ...]
    problem: Problem | None


class Names(Record):
    """The modules that a file may import, None where these may be any."""

    found: tuple[str, ...] | None


MAX_OPEN = 4000
"""Facts of each kind that are in memory at once; those of other sources come from the store again."""

MAX_TREES_BYTES = 2**22
"""Bytes of the sources whose syntax trees are kept from walk to walk: a tree takes some thirty times as much.

An app of 190 files, 3.5 MB and eleven services took 103 CPU seconds and 359 MiB at a fourth of this and of what foldings
hold, 52 and 367 so, and no less at twice as much (CPython 3.11.7, 2026-12-01).
"""


class Facts:
    """Analyses and outlines by the name of the content; what is not known yet is found out, and kept."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._analyses: dict[bytes, Analysis | Problem] = {}
        self._acting: dict[bytes, tuple[frozenset[str], Analysis, str]] = {}
        """The last analysis of each source that is plain: what was called of it, and what of it acts when it is called."""
        self._asks_python: dict[bytes, bool] = {}
        """Whether sources may ask for the version of the Python that runs them."""
        self._alike: dict[bytes, Analysis | Problem] = {}
        """Analyses of sources for any Python that they may run on, where they ask for none."""
        self._outlines: dict[bytes, Outline] = {}
        self._names: dict[bytes, Names] = {}
        self._functions: dict[bytes, Functions] = {}
        self._places: dict[bytes, Places] = {}
        self._built: dict[bytes, BuiltAtLoad] = {}
        self._nodes: dict[bytes, tuple[ModuleNodes | None, int]] = {}
        self._nodes_bytes = 0
        self._slow_seconds = 0.0
        self.has_given_up = False

    def analysis(self, name: bytes, target: Target, read: Read) -> Analysis | Problem:
        """Return the analysis of a source, or why there is none."""
        key = _analysis_key(name, target)
        return self._known(self._analyses, key, _analysis, lambda: self._analyze(name, read, target), lambda: GIVEN_UP)

    def kept_analysis(self, name: bytes, target: Target) -> Analysis | Problem | None:
        """Return the analysis of a source that is not there any more, None where it is not kept."""
        return self.store.known(_analysis, *_analysis_key(name, target))

    def _analyze(self, name: bytes, read: Read, target: Target) -> Analysis | Problem:
        """Analyze a source; not again for another Python that it does not ask for, nor for more calls of which none acts."""
        from memguard_hooks.imports.analyze import analyze_with_acting
        from memguard_hooks.imports.plain import acts

        data: bytes | None = None
        if name not in self._asks_python:
            _bound(self._asks_python)
            data = read()
            self._asks_python[name] = b"version_info" in data
        if (target.python or LAZY_ANNOTATIONS_PYTHON) < LAZY_ANNOTATIONS_PYTHON and not self._asks_python[name]:
            target = target._replace(python=None)
        whole = b"\0".join(_analysis_key(name, target))
        if whole in self._alike:
            return self._alike[whole]
        key = b"\0".join(_analysis_key(name, target._replace(called=frozenset())))
        called, found, acting = self._acting.get(key, (target.called, None, ""))
        if found is not None and called <= target.called and not any(acts(acting, one) for one in target.called - called):
            return found
        _bound(self._alike)
        try:
            found, names = analyze_with_acting(read() if data is None else data, "", target)
        except MemguardError as error:
            self._alike[whole] = Problem(error.message, error.line)
            return self._alike[whole]
        if names is not None:
            _bound(self._acting)
            self._acting[key] = target.called, found, names
        self._alike[whole] = found
        return found

    def outline(self, name: bytes, framework: Framework, read: Read) -> Outline:
        """Return what the bytes of a source say."""
        key = _outline_key(name, framework)
        unknown = lambda: Outline(len(read()), (), (), GIVEN_UP)  # noqa: E731 - as short as its neighbors
        return self._known(self._outlines, key, _OUTLINE, lambda: _outline(read(), framework), unknown)

    def kept_outline(self, name: bytes, framework: Framework) -> Outline | None:
        """Return the outline of a source that is not there any more, None where it is not kept."""
        return self.store.known(_OUTLINE, *_outline_key(name, framework))

    def names(self, name: bytes, read: Read) -> Names:
        """Return the modules that a source may import, as its bytes tell."""
        return self._known(self._names, (b"names", name), _NAMES, lambda: _find_names(read()))

    def functions(self, name: bytes, read: Read) -> Functions:
        """Return what each function of a source calls and hands over."""
        if name not in self._functions:
            _bound(self._functions)
            kept = self.store.known(_FUNCTIONS, b"functions", name)
            self._functions[name] = kept if kept is not None else self._find_functions(name, read)[0]
        return self._functions[name]

    def kept_functions(self, name: bytes) -> Functions | None:
        """Return the functions of a source that is not there any more, None where they are not kept."""
        return self._functions.get(name) or self.store.known(_FUNCTIONS, b"functions", name)

    def places(self, name: bytes, read: Read) -> Places:
        """Return where the functions of a source stand."""
        if name not in self._places:
            _bound(self._places)
            kept = self.store.known(_PLACES, b"places", name)
            self._places[name] = kept if kept is not None else self._find_functions(name, read)[1]
        return self._places[name]

    def kept_places(self, name: bytes) -> Places | None:
        """Return where the functions of a source stand that is not there any more, None where that is not kept."""
        return self.store.known(_PLACES, b"places", name)

    def built(self, name: bytes, read: Read) -> BuiltAtLoad:
        """Return what a source builds of its classes and routes while it loads."""
        return self._known(self._built, (b"built", name), _built, lambda: _find_built(read()))

    def nodes(self, name: bytes, read: Read) -> ModuleNodes | None:
        """Return the nodes of a source, None for one that cannot be parsed: in memory alone, for the walks of one run."""
        if name not in self._nodes:
            data = read()
            while self._nodes and self._nodes_bytes + len(data) > MAX_TREES_BYTES:
                # Each walk asks for the same files in the same order: what came first is asked for again first.
                self._nodes_bytes -= self._nodes.popitem()[1][1]
            self._nodes[name] = _find_nodes(data), len(data)
            self._nodes_bytes += len(data)
        return self._nodes[name][0]

    def _find_functions(self, name: bytes, read: Read) -> tuple[Functions, Places]:
        """Find what functions call and where they stand, and keep both: one reading of the source gives both."""
        functions, lines = self._timed(lambda: _find_functions(read()))
        said = written(functions)
        places = Places(digest(said).hex(), lines, any(one.is_outside for one in functions.choices))
        self.store.put_text(said, b"functions", name)
        self.store.put(places, b"places", name)
        _bound(self._functions)
        _bound(self._places)
        self._functions[name], self._places[name] = functions, places
        return functions, places

    def _timed(self, find: Callable[[], Found]) -> Found:
        """Find something out, and count the CPU time of what takes long: what else the machine does is no matter."""
        began = process_time()
        found = find()
        seconds = process_time() - began
        if seconds > SLOW_SECONDS:
            self._slow_seconds += seconds
        return found

    def _known(
        self,
        known: dict[bytes, Fact],
        key: tuple[bytes, ...],
        shape: Shape[Fact],
        find: Callable[[], Fact],
        give_up: Callable[[], Fact] | None = None,
    ) -> Fact:
        """Return a fact from this process, from the store, or found out now; `give_up` says that there is no time for it."""
        short = b"\0".join(key[1:])
        found = known.get(short)
        if found is None:
            found = self.store.known(shape, *key)
            if found is None and give_up is not None and self._slow_seconds > MAX_SLOW_SECONDS:
                self.has_given_up = True
                found = give_up()  # not kept: the next run has the time
            elif found is None:
                found = self._timed(find)
                self.store.put(found, *key)
            _bound(known)
            known[short] = found
        return found


def _bound(known: dict[bytes, Fact]) -> None:
    """Make room for one more fact."""
    if len(known) >= MAX_OPEN:
        known.clear()


def _analysis_key(name: bytes, target: Target) -> tuple[bytes, ...]:
    # A set has another order in each process.
    return b"analysis", repr((*target._replace(called=frozenset()), *sorted(target.called))).encode(), name


def _outline_key(name: bytes, framework: Framework) -> tuple[bytes, ...]:
    return b"outline", repr(framework).encode(), name


def _find_names(data: bytes) -> Names:
    from memguard_hooks.imports.narrow import candidates

    return Names(candidates(data))


def _find_nodes(data: bytes) -> ModuleNodes | None:
    from memguard_hooks.formats.python_source import decode, parse
    from memguard_hooks.imports.module_nodes import ModuleNodes

    try:
        return ModuleNodes(parse(decode(data)))
    except (MemguardError, RecursionError):
        return None


def _find_functions(data: bytes) -> tuple[Functions, str]:
    from memguard_hooks.formats.python_source import decode, parse
    from memguard_hooks.imports.functions import read_functions

    try:
        return read_functions(parse(decode(data)))
    except (MemguardError, RecursionError):
        return Functions(), ""


def _find_built(data: bytes) -> BuiltAtLoad:
    from memguard_hooks.imports.built_at_load import read_built

    return read_built(data)


def _outline(data: bytes, framework: Framework) -> Outline:
    edges: tuple[FrameworkEdge, ...] = ()
    problem: Problem | None = None
    unknown = unknown_settings(data, framework)
    if unknown is not None:
        problem = Problem("which settings of Django it takes is not known", unknown)
    try:
        edges = framework_edges(data, framework)
    except MemguardError as error:
        problem = Problem(error.message, error.line)
    return Outline(len(data), edges, tuple(sorted(called_by_framework(data))), problem)


# The shapes of what is kept


_PROBLEM = record(Problem, str, maybe(int))

_NAMES = record(Names, maybe(texts))

_EDGE = record(FrameworkEdge, str, int, one_of("start", "serving"), str, bool, str, bool)
_OUTLINE = record(Outline, int, rows(_EDGE), texts, maybe(_PROBLEM))

SITE = record(
    *(ImportSite, int, int, int, str, int, texts, one_of("import", "call", "never"), str),
    *(maybe(int), maybe(int), texts),
)
_UNKNOWN = record(Unknown, int, int, str)
_ANALYSIS = record(Analysis, rows(SITE), rows(_UNKNOWN))


def _analysis(value: Any) -> Analysis | Problem:
    return _PROBLEM(value) if isinstance(value, list) and value and isinstance(value[0], str) else _ANALYSIS(value)


def _choice(value: Any) -> Choice:
    found = _CHOICE(value)
    if len(found.ways) < 2:
        raise ValueError
    return found


_CHOICE = record(Choice, str, bool, bool, bool, rows(record(ChoiceWay, str, str, int)), bool, bool)
_PASSED = record(Passed, str, str, str, str, int)
_BODY = record(Body, str, int, rows(row(str, int)), rows(_PASSED))
_CLASS = record(FileClass, str, texts)
_PAIRS = rows(row(str, str))
_FUNCTIONS = record(Functions, rows(_BODY), rows(_CLASS), _PAIRS, _PAIRS, texts, texts, rows(_choice), texts, _PAIRS, _PAIRS)


def _lines(value: object) -> str:
    lines = checked(str, value)
    if lines and not lines.replace(" ", "").isdecimal():
        raise ValueError
    return lines


_PLACES = record(Places, str, _lines, bool)


def _built(value: object) -> BuiltAtLoad:
    from memguard_hooks.imports.built_at_load import BuiltAtLoad, BuiltClass

    return record(BuiltAtLoad, int, rows(record(BuiltClass, str, texts, int, int, int)))(value)
