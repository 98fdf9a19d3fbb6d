"""The Python files of one tree: what each may import, by its bytes, and what it imports, by libcst."""

from __future__ import annotations

from typing import NamedTuple

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.cache import Cache
from memguard_hooks.imports.frameworks import Framework, called_by_framework, framework_edges
from memguard_hooks.imports.lines import unindented_imports
from memguard_hooks.imports.model import Analysis, FrameworkEdge, ImportSite, Target
from memguard_hooks.imports.narrow import candidates
from memguard_hooks.tree import Tree

MAX_SOURCE_BYTES = 2**20
"""libcst reads some 0.7 MB a second; no hand writes more than this into one file."""


class FileReading(NamedTuple):
    """What one file imports, and its size in bytes.

    `problem` says why it could not be analyzed: then `analysis` has what its unindented lines say. `note` says why its
    `edges` are not known.
    """

    analysis: Analysis
    size: int
    edges: tuple[FrameworkEdge, ...] = ()
    problem: MemguardError | None = None
    note: MemguardError | None = None


class SourceFiles:
    """The source files of a tree, each read for as much as a verdict needs."""

    def __init__(self, tree: Tree, cache: Cache, framework: Framework = Framework()) -> None:  # noqa: B008 - frozen
        self._tree = tree
        self._cache = cache
        self._framework = framework

    def data(self, path: str) -> bytes:
        """Return the bytes of a file. Raises MemguardError for what is missing or must not be read."""
        data = self._tree.read(path)
        if data is None:
            raise MemguardError("no such file", path)
        return data

    def analysis(self, path: str, target: Target) -> Analysis:
        """Analyze a file. Raises MemguardError for what is missing, too large or not Python."""
        return self._analysis(self.data(path), path, target)

    def _analysis(self, data: bytes, path: str, target: Target) -> Analysis:
        if len(data) > MAX_SOURCE_BYTES:
            raise MemguardError(f"is larger than {MAX_SOURCE_BYTES // 2**10} KiB", path)
        return self._cache.analyze(data, path, target)

    def prove(self, path: str, target: Target) -> FileReading:
        """Read a file as libcst tells. Raises MemguardError for what must not be read."""
        data = self.data(path)
        edges, note = self._edges(data)
        target = target._replace(called=target.called | called_by_framework(data))
        try:
            return FileReading(self._analysis(data, path, target), len(data), edges, None, note)
        except MemguardError as error:
            return FileReading(Analysis(unindented_imports(data)), len(data), edges, error, note)

    def _edges(self, data: bytes) -> tuple[tuple[FrameworkEdge, ...], MemguardError | None]:
        try:
            return framework_edges(data, self._framework), None
        except MemguardError as error:
            return (), error

    def narrow(self, path: str, target: Target) -> FileReading:
        """Read a file as its bytes tell: each import that it may make counts as eager; never one too few."""
        stamp = self._tree.stamp(path)
        ledger = self._cache.ledger("narrow", repr(self._framework))
        known = None if stamp is None else ledger.get(path, stamp)
        note = None
        if known is not None:
            size, names, rows = known[0]
            edges = tuple(FrameworkEdge._make(row) for row in rows)
        else:
            data = self.data(path)
            size, names = len(data), candidates(data)
            edges, note = self._edges(data)
            if stamp is not None and note is None:
                ledger.put(path, stamp, (size, names, edges))
        if names is None:
            return self.prove(path, target)
        return FileReading(Analysis(tuple(map(_site, names))), size, edges, None, note)


def _site(name: str) -> ImportSite:
    module = name.lstrip(".")
    return ImportSite(0, 0, 0, module, len(name) - len(module), (), "import", "")
