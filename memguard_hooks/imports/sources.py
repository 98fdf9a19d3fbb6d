"""The Python files of one tree: what each may import, by its bytes, and what it imports, by proof."""

from __future__ import annotations

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import MAX_SOURCE_BYTES
from memguard_hooks.git import name_of_blob
from memguard_hooks.imports.built_at_load import BuiltAtLoad
from memguard_hooks.imports.facts import Facts, Outline, Problem
from memguard_hooks.imports.frameworks import Framework
from memguard_hooks.imports.model import (
    Analysis,
    BodiesByLine,
    FileReading,
    FrameworkEdge,
    Functions,
    ImportSite,
    Places,
    Target,
)
from memguard_hooks.record import Record
from memguard_hooks.store import Store
from memguard_hooks.tree import EditedTree, Tree

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Sequence

    from memguard_hooks.imports.module_nodes import ModuleNodes


class Started(Record):
    """What a server that code starts loads by name, and which functions it calls, each with the file that says so."""

    edges: tuple[tuple[str, FrameworkEdge], ...] = ()
    calls: tuple[tuple[str, str], ...] = ()

    def edges_of(self, path: str) -> tuple[FrameworkEdge, ...]:
        """Return what is loaded because of one file."""
        return tuple(edge for holder, edge in self.edges if holder == path)


MAX_BODIES = 100
"""Files of which it is known at once which body holds a line: it is asked file by file."""


class SourceFiles:
    """The source files of a tree, each read for as much as a verdict needs."""

    def __init__(
        self,
        tree: Tree,
        facts: Facts,
        framework: Framework = Framework(),  # noqa: B008 - frozen
        started: Started = Started(),  # noqa: B008 - frozen
    ) -> None:
        self._tree = tree
        self._facts = facts
        self.framework = framework
        self.started = started
        self._bodies: dict[str, BodiesByLine] = {}

    def data(self, path: str) -> bytes:
        """Return the bytes of a file. Raises MemguardError for what is missing or must not be read."""
        data = self._tree.read(path)
        if data is None:
            raise MemguardError("no such file", path)
        return data

    def _name(self, path: str) -> bytes:
        """Return the name of a file's content. Raises MemguardError for what is missing or must not be read."""
        name = self._tree.identity(path)
        return name if name is not None else name_of_blob(self.data(path))

    def analysis(self, path: str, target: Target) -> Analysis:
        """Analyze a file. Raises MemguardError for what is missing, too large or not Python."""
        found = self._analysis(path, target)
        if isinstance(found, Problem):
            raise found.at(path)
        return found

    def _analysis(self, path: str, target: Target) -> Analysis | Problem:
        return self._facts.analysis(self._name(path), target, lambda: self._source(path))

    def _source(self, path: str) -> bytes:
        data = self.data(path)
        if len(data) > MAX_SOURCE_BYTES:
            raise MemguardError(f"is larger than {MAX_SOURCE_BYTES // 2**10} KiB", path)
        return data

    def prove(self, path: str, target: Target) -> FileReading:
        """Read a file as its syntax tree tells. Raises MemguardError for what must not be read."""
        outline = self._facts.outline(self._name(path), self.framework, lambda: self.data(path))
        note = outline.problem and outline.problem.at(path)
        target = self._started(path, target, outline)
        edges = (*outline.edges, *self.started.edges_of(path))
        try:
            found = self._analysis(path, target)
        except MemguardError as error:
            found = Problem(error.message, error.line)
        if isinstance(found, Problem):
            from memguard_hooks.imports.lines import unindented_imports

            lines = Analysis(unindented_imports(self.data(path)))
            return FileReading(lines, outline.size, edges, found.at(path), note)
        return FileReading(found, outline.size, edges, None, note, self._called(path, outline))

    def _called(self, path: str, outline: Outline) -> tuple[str, ...]:
        """Return what frameworks call of a file as they start."""
        return (*outline.called, *(name for holder, name in self.started.calls if holder == path))

    def _started(self, path: str, target: Target, outline: Outline) -> Target:
        """Return a target with what frameworks and servers call of a file."""
        return target._replace(called=target.called.union(self._called(path, outline)))

    def functions(self, path: str) -> Functions:
        """Read what each function of a file calls and hands over; nothing of a file that cannot be parsed."""
        try:
            return self._facts.functions(self._name(path), lambda: self._source(path))
        except MemguardError:
            return Functions()

    def built(self, path: str) -> BuiltAtLoad:
        """Read what a file builds of its classes and routes while it loads; nothing of a file that must not be read."""
        try:
            return self._facts.built(self._name(path), lambda: self._source(path))
        except MemguardError:
            return BuiltAtLoad()

    def places(self, path: str) -> Places:
        """Read where the functions of a file stand."""
        try:
            return self._facts.places(self._name(path), lambda: self._source(path))
        except MemguardError:
            return Places("", "")

    def nodes(self, path: str) -> ModuleNodes | None:
        """Return the nodes of a file, None for one that must not be read or cannot be parsed."""
        try:
            return self._facts.nodes(self._name(path), lambda: self.data(path))
        except MemguardError:
            return None

    def body_at(self, path: str, line: int) -> str:
        """Return the name of the innermost body that holds a line: of a function, or of one of its branches."""
        if path not in self._bodies:
            if len(self._bodies) >= MAX_BODIES:
                self._bodies.clear()
            self._bodies[path] = BodiesByLine(self.functions(path).bodies, self.places(path).numbers())
        return self._bodies[path].at(line)

    def kept_reading(self, path: str, name: bytes, target: Target) -> FileReading | None:
        """Return what `prove` said when a file had a content, None where that is not kept or was not said in full."""
        outline = self._facts.kept_outline(name, self.framework)
        if outline is None or outline.problem is not None:
            return None
        found = self._facts.kept_analysis(name, self._started(path, target, outline))
        if found is None or isinstance(found, Problem):
            return None
        return FileReading(found, outline.size, (*outline.edges, *self.started.edges_of(path)), None, None,
                           self._called(path, outline))  # fmt: skip

    def kept_numbers(self, name: bytes) -> Sequence[int] | None:
        """Return the lines where the functions of a content stand that an earlier run has read, None where none has."""
        kept = self._facts.kept_places(name)
        return None if kept is None else kept.numbers()

    def content(self, path: str) -> bytes:
        """Return the name of a file's content, empty for one that is missing or must not be read."""
        try:
            return self._name(path)
        except MemguardError:
            return b""

    def kept_functions(self, name: bytes) -> Functions | None:
        """Return the functions of a content that an earlier run has read, None where they are not kept."""
        return self._facts.kept_functions(name)

    @property
    def is_edited(self) -> bool:
        """Return whether these are files as they would be, which no later run sees."""
        return isinstance(self._tree, EditedTree)

    @property
    def has_given_up(self) -> bool:
        """Return whether files were left out, for which the next run has the time."""
        return self._facts.has_given_up

    @property
    def store(self) -> Store:
        """Where facts are kept."""
        return self._facts.store

    def narrow(self, path: str, target: Target) -> FileReading:
        """Read a file as its bytes tell: each import that it may make counts as eager; never one too few."""
        name = self._name(path)
        names = self._facts.names(name, lambda: self.data(path)).found
        if names is None:
            return self.prove(path, target)
        outline = self._facts.outline(name, self.framework, lambda: self.data(path))
        note = outline.problem and outline.problem.at(path)
        edges = (*outline.edges, *self.started.edges_of(path))
        return FileReading(Analysis(tuple(map(_site, names))), outline.size, edges, None, note)


def _site(name: str) -> ImportSite:
    module = name.lstrip(".")
    return ImportSite(0, 0, 0, module, len(name) - len(module), (), "import", "")
