"""The walk from an entry point over imports: which files run at start, and what they bring from outside.

Breadth first, so that each chain is a shortest one. It reads only what it reaches: first what runs at start, then
what the first request runs, and then what is deferred, for what the service takes once all of it has run.
"""

from __future__ import annotations

from collections import Counter, deque
from types import MappingProxyType

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped, Step
from memguard_hooks.imports.model import FileReading, ImportSite, Target
from memguard_hooks.imports.resolve import Resolver, absolute, is_standard
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Literal, TypeAlias

MAX_FILES = 20_000
"""Files that one walk reads before it gives up."""

MAX_READS = 3
"""Times that one file is read because more of its functions are called, each time with all that are known by then."""

Moment: TypeAlias = "Literal['start', 'serving', 'all']"
"""When something is loaded: at start, with the first requests or jobs that are served, or by calls that may never come."""

MOMENTS: tuple[Moment, ...] = ("start", "serving", "all")

Read: TypeAlias = "Callable[[str, Target], FileReading]"


class External(Record):
    """One import from outside the project.

    `names` are the modules it may load: the one named, and each `from` name as a submodule of it. `site` is the
    import as it stands in the last file of the chain, None where no file has it.
    """

    names: tuple[str, ...]
    chain: tuple[Step, ...]
    moment: Moment = "start"
    site: ImportSite | None = None


class Walk(Record):
    """What an entry point reaches.

    `files` are the sizes in bytes of the files that are loaded at each moment, `edges` the files that each of them
    imports. `unread` are the files that could not be analyzed before the app has answered its first request: of what
    they import only unindented lines are known. `notes` tell where a framework's names are not followed. `standard` are
    the modules of the standard library that these files may load at each moment.
    """

    files: dict[Moment, dict[str, int]]
    externals: tuple[External, ...]
    edges: dict[str, set[str]]
    skipped: tuple[Skipped, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[Skipped, ...] = ()
    standard: Mapping[Moment, Collection[str]] = MappingProxyType({})


class _Reached(Record):
    path: str
    module: str | None
    chain: tuple[Step, ...]


def walk(
    read: Read, resolver: Resolver, entry: str, module: str | None, target: Target, only: Collection[str] | None = None
) -> Walk:
    """Follow all imports from the file `entry`, loaded as `module` (None for a script); through the files `only`, or all."""
    return _Walker(read, resolver, target, only).run(entry, module)


def leading_to(walked: Walk, is_wanted: Callable[[External], bool]) -> frozenset[str]:
    """Return the files of a walk from which an import that is wanted can be reached."""
    return closure(walked.edges, (one.chain[-1].path for one in walked.externals if is_wanted(one)))


def closure(edges: Mapping[str, Iterable[str]], ends: Iterable[str]) -> frozenset[str]:
    """Return the files from which edges lead to one of the ends, and these."""
    importers: dict[str, list[str]] = {}
    for path, others in edges.items():
        for other in others:
            importers.setdefault(other, []).append(path)
    waiting = list(ends)
    found: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += importers.get(path, ())
    return frozenset(found)


class _Walker:
    def __init__(self, read: Read, resolver: Resolver, target: Target, only: Collection[str] | None) -> None:
        self._read = read
        self._resolver = resolver
        self._target = target
        self._only = only
        self._entry = ""
        self._files: dict[Moment, dict[str, int]] = {moment: {} for moment in MOMENTS}
        self._queues: dict[Moment, deque[_Reached]] = {moment: deque() for moment in MOMENTS}
        self._seen: dict[str, _Reached] = {}
        self._called: dict[str, set[str]] = {}
        self._to_call: dict[str, set[str]] = {}
        self._reads: Counter[str] = Counter()
        self._deferring: set[str] = set()
        """Files with imports that only a call runs: calling another that leads to none of them changes nothing."""
        self._externals: dict[tuple[str, int, int, str], External] = {}
        self._edges: dict[str, set[str]] = {}
        self._skipped: dict[Skipped, None] = {}
        self._unread: list[str] = []
        self._notes: dict[Skipped, None] = {}
        self._standard: dict[Moment, set[str]] = {moment: set() for moment in MOMENTS}

    def run(self, entry: str, module: str | None) -> Walk:
        self._entry = entry
        start = self._queues["start"]
        if module:
            # Importing `a.b` runs `a` too, and so does `python -m a.b`.
            start.extend(_Reached(f, self._resolver.name_of(f, module), ()) for f in self._resolver.files(module)[:-1])
        start.append(_Reached(entry, module, ()))
        if self._target.called:
            self._called[entry] = set(self._target.called)
        for moment in MOMENTS:
            self._drain(moment)
        return Walk(
            self._files,
            tuple(self._externals.values()),
            self._edges,
            tuple(self._skipped),
            tuple(self._unread),
            tuple(self._notes),
            self._standard,
        )

    def _drain(self, moment: Moment) -> None:
        """Read what is reached at a moment, then again the files of which functions were called meanwhile."""
        queue = self._queues[moment]
        while True:
            while queue:
                reached = queue.popleft()
                if reached.path in self._seen:
                    continue
                self._seen[reached.path] = reached
                if len(self._seen) > MAX_FILES:
                    self._skipped[Skipped(self._entry, None, f"more than {MAX_FILES} files are reached")] = None
                    return
                self._file(reached, moment)
            called, self._to_call = self._to_call, {}
            if not called:
                return
            leading = closure(self._edges, self._deferring)
            for path, names in called.items():
                known = self._called.setdefault(path, set())
                if path in self._seen and path in leading and not names <= known and self._reads[path] < MAX_READS:
                    known |= names
                    self._file(self._seen[path], moment)

    def _file(self, reached: _Reached, moment: Moment) -> None:
        path = reached.path
        self._reads[path] += 1
        is_entry = path == self._entry
        target = self._target._replace(
            is_main=self._target.is_main and is_entry, called=frozenset(self._called.get(path, ()))
        )
        try:
            reading = self._read(path, target)
        except MemguardError as error:
            self._skipped[Skipped(path, error.line, error.message)] = None
            if moment != "all":
                self._unread.append(path)
            return
        if reading.problem is not None:
            reason = f"{reading.problem.message}; of its imports only those at the start of a line are followed"
            self._skipped[Skipped(path, reading.problem.line, reason)] = None
            if moment != "all":
                self._unread.append(path)
        if reading.note is not None:
            self._notes[Skipped(path, reading.note.line, reading.note.message)] = None
        for unknown in reading.analysis.unknown if moment != "all" else ():
            self._skipped[Skipped(path, unknown.line, f"imports a computed name: {unknown.text}")] = None
        if not any(path in files for files in self._files.values()):
            self._files[moment][path] = reading.size
        for site in reading.analysis.sites:
            if site.when == "call":
                self._deferring.add(path)
            if site.when != "never":
                self._site(site, reached, moment if site.when == "import" else "all")
        for edge in reading.edges:
            later = max(MOMENTS.index(moment), MOMENTS.index(edge.moment))
            site = ImportSite(edge.line, 1, edge.line, edge.module, 0, (), "import", edge.why)
            is_own_or_absent = edge.is_optional or self._resolver.is_folder_of_source(edge.module)
            self._site(site, reached, MOMENTS[later], is_own_or_absent=is_own_or_absent)

    def _site(self, site: ImportSite, reached: _Reached, moment: Moment, *, is_own_or_absent: bool = False) -> None:
        is_package = reached.path.endswith("/__init__.py")
        module = absolute(site.module, site.level, reached.module, is_package=is_package)
        if not module:
            if site.level:
                reason = "a relative import leads out of its package"
                self._skipped[Skipped(reached.path, site.line, reason)] = None
            return
        found = [(module, path) for path in self._resolver.files(module)]
        for name in site.names:
            path = self._resolver.submodule(module, name)
            if path is not None:
                found.append((f"{module}.{name}", path))
        for name, path in found:
            self._edges.setdefault(reached.path, set()).add(path)
            if path not in self._seen and (self._only is None or path in self._only):
                chain = (*reached.chain, Step(reached.path, site.line, name))
                self._queues[moment].append(_Reached(path, self._resolver.name_of(path, name), chain))
        if moment != "all":
            for name in site.calls:
                self._call(module, name)
        if found or is_own_or_absent:
            return
        if is_standard(module):
            self._standard[moment] |= {module, *(f"{module}.{name}" for name in site.names)}
            return
        key = (reached.path, site.line, site.column, module)
        known = self._externals.get(key)
        if known is None or MOMENTS.index(moment) < MOMENTS.index(known.moment):
            names = (module, *(f"{module}.{name}" for name in site.names if name != "*"))
            chain = (*reached.chain, Step(reached.path, site.line, module))
            self._externals[key] = External(names, chain, moment, site)

    def _call(self, module: str, name: str) -> None:
        """Note that a function or class of another file is called: `create_app` of `app.factory`."""
        parts = name.split(".")
        for count in range(len(parts) - 1, -1, -1):
            inner = ".".join([module, *parts[:count]])
            if self._resolver.is_whole(inner):
                path = self._resolver.files(inner)[-1]
                self._to_call.setdefault(path, set()).add(".".join(parts[count:]))
                return
