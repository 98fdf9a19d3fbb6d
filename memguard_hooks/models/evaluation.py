"""What each part of the evaluation asks of the others."""

from __future__ import annotations

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import decode, parse
from memguard_hooks.models.scopes import read_scopes
from memguard_hooks.models.values import RunContext, Sources

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, TypeAlias

    from memguard_hooks.models.scopes import Binding, CallInScope, Condition, NameScope, TableChange
    from memguard_hooks.models.values import FunctionValue, InstanceValue, Later, Table, Value, Values

    ReadScopes: TypeAlias = "Callable[[str, bytes], NameScope | MemguardError]"

MAX_VALUES = 12
"""Values of one expression that are kept; no name of a model has more."""

MAX_FILES = 200
"""Files that are searched for what says one value: what fills settings, and what calls a function."""

MAX_WORK = 300_000
"""Expressions, bindings and calls that are looked at in a run, for all services together: a second of CPU.

Applications take some thousands.
"""


class WorkLeft:
    """How much all evaluations of a run may look at."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_WORK) -> None:
        self.left = left


def read_source(path: str, data: bytes) -> NameScope | MemguardError:
    """Return the scope of a file, or why there is none."""
    try:
        return read_scopes(parse(decode(data)), path)
    except MemguardError as error:
        return error


class Evaluation:
    """The state of an evaluation, and the questions that its parts ask each other."""

    def __init__(
        self,
        sources: Sources,
        around: RunContext = RunContext(),  # noqa: B008 - frozen
        work: WorkLeft | None = None,
        read: ReadScopes = read_source,
    ) -> None:
        """`read` gives the scopes of files, which evaluations of the same files share."""
        self._sources = sources
        self._around = around
        self._read = read
        self._scopes: dict[str, NameScope | MemguardError | None] = {}
        self._frames: list[tuple[NameScope, dict[str, Values]]] = []
        self._active: set[tuple[int, int]] = set()
        self._steps = 0
        self._given_up: set[tuple[object, ...]] = set()
        """The bindings that lead to more than one question may look at."""
        self._options: dict[NameScope, dict[str, tuple[list[str], CallInScope]]] = {}
        self._kept: dict[NameScope, dict[str, list[tuple[ast.expr, CallInScope]]]] = {}
        self._star_imports: dict[NameScope, tuple[Binding, ...]] = {}
        self._callers: dict[ast.AST, list[CallInScope]] = {}
        self._started: frozenset[tuple[str, str]] | None = None
        """The bodies whose calls alone count, by their files and names; None where all do."""
        self._as_started: tuple[frozenset[tuple[str, str]] | None, dict[Any, Any], dict[Any, Any]] = None, {}, {}
        self._work = WorkLeft() if work is None else work
        self._answered: dict[tuple[object, ...], Any] = {}
        """Answers by what was asked about, which is kept as long: several walks ask the same of a file."""
        self._binding: dict[str, bool] = {}
        self.after: Later | None = None
        """What `later` has found."""
        self.set: dict[str, frozenset[Value]] = {}
        """The objects whose model a method of that name sets."""
        self.unread: dict[str, MemguardError] = {}
        """The files that cannot be parsed, and why."""
        self.number = 0
        """What stands for it in the run."""
        self.is_each = False
        """Whether the values of the last question are all used, one after the other."""
        self.is_cut = False
        """Whether more files may say what values are than are read."""

    @property
    def is_exhausted(self) -> bool:
        """Whether the project is so large that what was asked last is not known."""
        return self._work.left < 0

    def module(self, path: str) -> NameScope | None:
        """Return the scope of a file, None for one that is missing or cannot be parsed."""
        if path not in self._scopes:
            data = self._sources.read(path)
            self._scopes[path] = None if data is None else self._read(path, data)
        found = self._scopes[path]
        if isinstance(found, MemguardError):
            self.unread[path] = found
            return None
        return found

    def _naming(self, *words: str) -> Iterator[NameScope]:
        """Yield the modules that mention one of some words, each once, up to a bound for each word."""
        seen: set[str] = set()
        for word in words:
            for number, path in enumerate(self._sources.naming(word)):
                if number == MAX_FILES:
                    self.is_cut = True
                    break
                module = self.module(path) if path not in seen else None
                seen.add(path)
                if module is not None:
                    yield module

    def _values(self, node: ast.AST | None, scope: NameScope) -> Values:
        raise NotImplementedError

    def _joined(self, parts: Sequence[Values]) -> Iterator[Value]:
        raise NotImplementedError

    def _path(self, parts: Sequence[Values]) -> Iterator[Value]:
        raise NotImplementedError

    def _items(self, table: Table, keys: Values) -> Iterator[Value]:
        raise NotImplementedError

    def _is_written_out(self, table: Table) -> bool:
        raise NotImplementedError

    def _changed(self, value: Value, changes: Iterable[TableChange]) -> Value:
        raise NotImplementedError

    def _bound(
        self, bindings: Sequence[Binding], line: int | None = None, owner: InstanceValue | None = None
    ) -> Iterator[Value]:
        raise NotImplementedError

    def _hold(self, conditions: Iterable[Condition]) -> bool | None:
        raise NotImplementedError

    def _hydra(self, scope: NameScope) -> Values:
        raise NotImplementedError

    def _default(self, value: Value) -> Values:
        raise NotImplementedError

    def _attribute(self, base: Value, name: str, scope: NameScope) -> Iterator[Value]:
        raise NotImplementedError

    def _returned(self, function: FunctionValue, node: ast.Call | None, scope: NameScope) -> Iterator[Value]:
        raise NotImplementedError
