"""The walk from an entry point over imports: which files run at start, and what they bring from outside.

Breadth first, so that each chain is a shortest one. It reads only what it reaches: eager edges
first, then the deferred ones, for what the service takes once all of them have run.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import NamedTuple

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped, Step
from memguard_hooks.imports.analyze import Analysis, ImportSite, Target, analyze
from memguard_hooks.imports.resolve import Resolver, absolute, is_standard
from memguard_hooks.tree import Tree

MAX_FILES = 20_000
"""Files that one walk reads before it gives up."""

MAX_SOURCE_BYTES = 2**20
"""libcst reads some 0.7 MB a second; no hand writes more than this into one file."""


class External(NamedTuple):
    """One import from outside the project.

    `names` are the modules it may load: the one named, and each `from` name as a submodule of it.
    """

    names: tuple[str, ...]
    chain: tuple[Step, ...]
    is_eager: bool


class Walk(NamedTuple):
    """What an entry point reaches. `files` maps each file to its size in bytes, with deferred ones apart.

    `unread` are the files that run at start and could not be analyzed: what they import is not known.
    """

    files: dict[str, int]
    deferred_files: dict[str, int]
    externals: tuple[External, ...]
    skipped: tuple[Skipped, ...]
    unread: tuple[str, ...] = ()


def read_analysis(tree: Tree, path: str, target: Target) -> tuple[Analysis, int]:
    """Analyze one file. Raises MemguardError for what is missing, too large or not Python; and its size in bytes."""
    data = tree.read(path)
    if data is None:
        raise MemguardError("no such file", path)
    if len(data) > MAX_SOURCE_BYTES:
        raise MemguardError(f"is larger than {MAX_SOURCE_BYTES // 2**10} KiB", path)
    return _analyze_once(data, path, target), len(data)


_analyze_once = lru_cache(maxsize=None)(analyze)
"""The work tree and the last commit share nearly all files: the same bytes are analyzed once."""


class _Reached(NamedTuple):
    path: str
    module: str | None
    chain: tuple[Step, ...]
    is_eager: bool


def walk(tree: Tree, resolver: Resolver, entry: str, module: str | None, target: Target) -> Walk:
    """Follow all imports from the file `entry`, which is loaded as `module` (None for a script)."""
    return _Walker(tree, resolver, target).run(entry, module)


class _Walker:
    def __init__(self, tree: Tree, resolver: Resolver, target: Target) -> None:
        self._tree = tree
        self._resolver = resolver
        self._target = target
        self._files: dict[bool, dict[str, int]] = {True: {}, False: {}}
        self._seen: set[str] = set()
        self._externals: list[External] = []
        self._skipped: list[Skipped] = []
        self._unread: list[str] = []
        self._deferred: deque[_Reached] = deque()

    def run(self, entry: str, module: str | None) -> Walk:
        queue = deque([_Reached(entry, module, (), is_eager=True)])
        if module and not self._target.is_main:
            # Importing `a.b` runs `a` too.
            queue.extendleft(_Reached(f, self._resolver.module_of(f), (), is_eager=True)
                             for f in self._resolver.files(module)[:-1])  # fmt: skip
        while queue or self._deferred:
            reached = queue.popleft() if queue else self._deferred.popleft()
            if reached.path in self._seen:
                continue
            self._seen.add(reached.path)
            if len(self._seen) > MAX_FILES:
                self._skipped.append(Skipped(entry, None, f"more than {MAX_FILES} files are reached"))
                break
            self._file(reached, queue, is_entry=reached.path == entry)
        return Walk(self._files[True], self._files[False], tuple(self._externals), tuple(self._skipped), tuple(self._unread))

    def _file(self, reached: _Reached, queue: deque[_Reached], *, is_entry: bool) -> None:
        target = self._target if is_entry else self._target._replace(is_main=False, called=frozenset())
        try:
            analysis, size = read_analysis(self._tree, reached.path, target)
        except MemguardError as error:
            self._skipped.append(Skipped(reached.path, error.line, error.message))
            if reached.is_eager:
                self._unread.append(reached.path)
            return
        self._files[reached.is_eager][reached.path] = size
        for unknown in analysis.unknown if reached.is_eager else ():
            self._skipped.append(Skipped(reached.path, unknown.line, f"imports a computed name: {unknown.text}"))
        for site in analysis.sites:
            if site.when != "never":
                self._site(site, reached, queue)

    def _site(self, site: ImportSite, reached: _Reached, queue: deque[_Reached]) -> None:
        is_package = reached.path.endswith("/__init__.py")
        module = absolute(site.module, site.level, reached.module, is_package=is_package)
        if not module:
            if site.level:
                self._skipped.append(Skipped(reached.path, site.line, "a relative import leads out of its package"))
            return
        is_eager = reached.is_eager and site.when == "import"
        found = [(module, path) for path in self._resolver.files(module)]
        for name in site.names:
            path = self._resolver.submodule(module, name)
            if path is not None:
                found.append((f"{module}.{name}", path))
        for name, path in found:
            chain = (*reached.chain, Step(reached.path, site.line, name))
            (queue if is_eager else self._deferred).append(
                _Reached(path, self._resolver.module_of(path), chain, is_eager=is_eager)
            )
        if not found and not is_standard(module):
            names = (module, *(f"{module}.{name}" for name in site.names if name != "*"))
            chain = (*reached.chain, Step(reached.path, site.line, module))
            self._externals.append(External(names, chain, is_eager))
