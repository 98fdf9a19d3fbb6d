"""What is told of the imports of one file: each place that imports, when it runs, and what decides that."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache

from memguard_hooks.errors import MemguardError
from memguard_hooks.record import Literal, Record, TypeAlias

When: TypeAlias = "Literal['import', 'call', 'never']"
"""At import, in a call later on, or under no circumstances of the target."""

LAZY_PYTHON = (3, 15)
"""The first Python with lazy imports (PEP 810)."""

LAZY_ANNOTATIONS_PYTHON = (3, 14)
"""The first Python that evaluates annotations when they are asked for (PEP 649)."""

BEHIND_A_PROXY = "behind a lazy proxy"
"""Why a module is not loaded that an object stands for until one of its names is asked for."""

AT_MODULE_LEVEL = "at module level"
"""Why an import runs whenever its file does."""

IN_TRY, IN_EXCEPT = "at module level, in try", "at module level, in except"
"""Why an import runs that another one may stand in for, and why one runs that stands in for another."""

MAX_CALLED = 2_000_000
"""Imports of one file times the names that it calls: each import tells which of these are its own."""

MAX_CHOICES = 250
"""Choices of one file that are told apart; of others all ways may be taken. No file of some 10,000 has 120."""


class Target(Record):
    """What decides conditions: the Python, how the file is loaded, and which of its names others call.

    `lazy_all` is `PYTHON_LAZY_IMPORTS=all` in the deployment. `decided` are the conditions of `if` that constants of the
    project, variables or the command decide, by their lines.
    """

    python: tuple[int, int] | None = None
    is_main: bool = False
    called: frozenset[str] = frozenset()
    lazy_all: bool = False
    decided: tuple[tuple[int, bool | str], ...] = ()


class Given(Record):
    """What decides conditions: variables of the environment, the words behind the program, and ways chosen.

    `words` are None where they are not known. `chosen` are the ways that choices take, as is known
    or assumed, by the path of the file and the choice.
    """

    variables: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] | None = None
    chosen: tuple[tuple[tuple[str, str], tuple[str, ...]], ...] = ()


NOTHING_GIVEN = Given()


class ImportSite(Record):
    """One module that one place imports.

    `module` is as written, without the leading dots that `level` counts; `names` are those of a
    `from` import. `why` says what makes it eager or not. `used_line` is set where a lazy import is
    resolved while the file loads, because something there uses it. `calls` are the dotted names below the module that
    are called while the file loads: functions and classes that the other file defines.
    """

    line: int
    column: int
    end_line: int
    module: str
    level: int
    names: tuple[str, ...]
    when: When
    why: str
    used_line: int | None = None
    used_column: int | None = None
    calls: tuple[str, ...] = ()


class Unknown(Record):
    """An import at load time whose name is computed, or code at load time that is: `exec`, `runpy.run_path`."""

    line: int
    column: int
    text: str


COMPUTED = "imports a computed name"
"""What is said of such an import."""


class Analysis(Record):
    """All that one file imports, by position."""

    sites: tuple[ImportSite, ...] = ()
    unknown: tuple[Unknown, ...] = ()


class FrameworkEdge(Record):
    """A module that a framework loads because of a line of this file; `is_optional` where it need not be there.

    `calls` is what of it the framework calls as it serves. `is_job` tells that workers do, where others are for requests.
    """

    module: str
    line: int
    moment: Literal["start", "serving"]
    why: str
    is_optional: bool = False
    calls: str = ""
    is_job: bool = False


AS_APP = "as an app of Django"
"""Why Django loads what `INSTALLED_APPS` names."""


class Passed(Record):
    """A function, a class or an instance that code hands over, as terms of `functions`.

    `to` is the function that is given it, empty where it is only mentioned; `keyword` is the argument, `@` for a decorator;
    `text` is the text that the same call is given first, `place` the number of its line in `Places`.
    """

    term: str
    to: str
    keyword: str
    text: str
    place: int


class Body(Record):
    """A body of statements, what it calls and hands over: of the file (no name), of its `__main__` part or of a function.

    `place` is the number of its first line in `Places`, and the next one that of its last; each call has one too.
    """

    name: str
    place: int
    calls: tuple[tuple[str, int], ...] = ()
    passed: tuple[Passed, ...] = ()


class ChoiceWay(Record):
    """One way of a choice: the name of its body, empty where nothing runs, the condition, and the number of its line."""

    name: str
    test: str
    place: int


class Choice(Record):
    """Branches of a body, named `holder`, of which one run takes one; the condition of the last is empty: what is left.

    `is_settled` tells that no argument of a call decides, so that each run takes the same, `is_given` that nothing but the
    arguments of its function decides besides, and `is_weighed` that the ways may load different things, so that the most
    expensive one counts where nobody knows. `is_item` tells of `TABLE[key]`, whose ways are the entries of the table, and
    `is_importing` that imports stand in its ways.
    """

    holder: str
    is_settled: bool
    is_given: bool
    is_weighed: bool
    ways: tuple[ChoiceWay, ...]
    is_item: bool = False
    is_importing: bool = False

    @property
    def is_outside(self) -> bool:
        """Whether it stands outside of functions, or under `__main__`."""
        return self.function in ("", "__main__")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all of its ways."""
        return tuple(way.name for way in self.ways)

    @property
    def function(self) -> str:
        """The function that holds it, empty for a file."""
        return self.holder.partition(".<")[0]

    @property
    def key(self) -> str:
        """What it is called in its file."""
        return next(way.name for way in self.ways if way.name).rpartition(".")[0]


class FileClass(Record):
    """A class of a file and the terms of its bases."""

    name: str
    bases: tuple[str, ...] = ()


class Functions(Record):
    """The bodies and classes of one file.

    `bound` is what its names and the members of its instances stand for, `returned` what its functions return. `stars` are
    the modules all of whose names are imported, `wrapping` the decorators that call what they are given. Each way of the
    `choices` is a body too. `properties` are the methods that run where an attribute is asked for, `lazy` the names that
    `__getattr__` of the module looks up, each with a module that may have it. `named` are the dotted names in texts that a
    name holds or a function is given, by `PLUGINS` and `load()`; `=PLUGINS` stands for what that holds.
    """

    bodies: tuple[Body, ...] = ()
    classes: tuple[FileClass, ...] = ()
    bound: tuple[tuple[str, str], ...] = ()
    returned: tuple[tuple[str, str], ...] = ()
    stars: tuple[str, ...] = ()
    wrapping: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    properties: tuple[str, ...] = ()
    lazy: tuple[tuple[str, str], ...] = ()
    named: tuple[tuple[str, str], ...] = ()


class BodiesByLine:
    """The innermost body that holds each line of a file, by the lines that its places have."""

    def __init__(self, bodies: Iterable[Body], lines: Sequence[int]) -> None:
        from heapq import heappop, heappush

        spans = [(lines[one.place], lines[one.place + 1], one.name) for one in bodies if one.place + 1 < len(lines)]
        begun = sorted((first, last - first, number) for number, (first, last, _) in enumerate(spans) if first <= last)
        self._starts = sorted({line for first, length, _ in begun for line in (first, first + length + 1)})
        self._names: list[str] = []
        open_ones: list[tuple[int, int, int]] = []
        waiting = iter([*begun, None])
        following = next(waiting)
        for line in self._starts:
            while following is not None and following[0] == line:
                first, length, number = following
                heappush(open_ones, (length, number, first + length))
                following = next(waiting)
            while open_ones and open_ones[0][2] < line:
                heappop(open_ones)
            self._names.append(spans[open_ones[0][1]][2] if open_ones else "")

    def at(self, line: int) -> str:
        """Return the name of the innermost body that holds a line, empty where none does."""
        number = bisect_right(self._starts, line)
        return self._names[number - 1] if number else ""


class Places(Record):
    """Where the functions of one file stand: a digest of what `Functions` says, and the lines that it numbers.

    Apart from `Functions`, which stays as it is where lines move. `has_choices` tells of choices outside of functions, so
    that `Functions` need not be read for that.
    """

    shape: str
    lines: str
    has_choices: bool = False

    def numbers(self) -> Sequence[int]:
        """Return the lines in order; none has more than nine digits, whatever wrote the store."""
        return _numbers(self.lines)


@lru_cache(maxsize=16)
def _numbers(lines: str) -> Sequence[int]:
    return [int(one[:9]) for one in lines.split()]


class How(Record):
    """By which call a body is reached: in words, the number of its line, and the number of the call that runs that line.

    `is_after_fork` tells of one that a framework calls at start that it does so in each worker, as with a lifespan.
    """

    words: str = ""
    path: str = ""
    place: int = 0
    by: int = -1
    is_after_fork: bool = False


FROM_OUTSIDE = "called from outside the file"


def called_from(why: str) -> str:
    """Say in short where a function is called from, by why the call runs."""
    if why.startswith("at "):
        return AT_MODULE_LEVEL
    if why.startswith("called "):
        return why.removeprefix("called ")
    return why if why.startswith("in the body") else "while loading"


def called_below(called: Sequence[str], module: str, level: int, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the dotted names that are called, in order, are those of an import, without those of its module."""
    prefix = "." * level + module
    prefix += "" if prefix.endswith(".") else "."
    found: list[str] = []
    for path in called[bisect_left(called, prefix) :]:
        if not path.startswith(prefix):
            break
        rest = path[len(prefix) :]
        if not names or "*" in names or rest.partition(".")[0] in names:
            found.append(rest)
    return tuple(found)


class FileReading(Record):
    """What one file imports, and its size in bytes.

    `problem` says why it could not be analyzed: then `analysis` has what its unindented lines say. `note` says why its
    `edges` are not known, and `called` are the names in it that frameworks call as they start.
    """

    analysis: Analysis
    size: int
    edges: tuple[FrameworkEdge, ...] = ()
    problem: MemguardError | None = None
    note: MemguardError | None = None
    called: tuple[str, ...] = ()
