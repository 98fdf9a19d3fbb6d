"""The walk from an entry point over imports: which files run at start, and what they bring from outside.

Breadth first, so that each chain is a shortest one. It reads only what it reaches: first what runs at start, then
what requests, jobs and events run (`reached`), and then what is left in functions, for what the service takes once all of it
has run.
"""

from __future__ import annotations

from collections import Counter, deque
from types import MappingProxyType

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MOMENTS, Skipped, Step, Way
from memguard_hooks.imports.model import AT_MODULE_LEVEL, BEHIND_A_PROXY, COMPUTED, FileReading, How, ImportSite, Target
from memguard_hooks.imports.resolve import Resolver, absolute, is_standard
from memguard_hooks.record import Record
from memguard_hooks.relations import inverted, reached

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import TypeAlias

    from memguard_hooks.finding import Moment
    from memguard_hooks.imports.callbacks import Serves
    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.followed import Followed
    from memguard_hooks.imports.model import Analysis
    from memguard_hooks.imports.reached import Call, Reach
    from memguard_hooks.imports.sources import SourceFiles

MAX_FILES = 20_000
"""Files that one walk reads before it gives up."""

MAX_READS = 3
"""Times that one file is read because more of its functions are called, each time with all that are known by then."""

_FOLLOWED = ("(settings.SESSION_ENGINE)", "(settings.ROOT_URLCONF)")
"""Ends of imports by a computed name that Django makes too, by settings that are texts in the project or Django's own.

Source: https://docs.djangoproject.com/en/5.2/ref/settings/#session-engine
"""

Read: TypeAlias = "Callable[[str, Target], FileReading]"


class External(Record):
    """One import from outside the project.

    `names` are the modules it may load: the one named, and each `from` name as a submodule of it. `way` leads to it, None
    where the server brings it. `site` is the import as it stands in the last file of the way, None where no file has it.
    `call` says how the function is reached that imports: empty where all of the way are imports that run as files load.
    `is_after_fork` tells of one at start that it runs in each worker, also where the app is loaded before the fork.
    """

    names: tuple[str, ...]
    way: Way | None = None
    moment: Moment = "start"
    site: ImportSite | None = None
    call: str = ""
    is_after_fork: bool = False

    @property
    def chain(self) -> tuple[Step, ...]:
        """The imports that lead to it, and it."""
        return self.way.chain if self.way is not None else ()


class Walk(Record):
    """What an entry point reaches.

    `files` are the sizes in bytes of the files that are loaded at each moment, `edges` the files that each of them
    imports. `unread` are the files that could not be analyzed before the app has answered its first request: of what
    they import only unindented lines are known. `notes` tell where a framework's names are not followed. `standard` are
    the modules of the standard library that these files may load at each moment. `twice` are the files that run as
    `__main__` and are loaded by name too. `ways` lead to the files, and `ran` says when each body of statements of
    them runs that is known to. `loading` are those of them that run because a file is loaded. `open` are the choices
    that only a run decides, by file and name, each with its ways, and `computed` the files and lines that import a
    name that nobody knows. `targets` are those for which each file was analyzed, `asked` what was asked of its functions,
    as JSON: few are ever read.
    """

    files: dict[Moment, dict[str, int]]
    externals: tuple[External, ...]
    edges: dict[str, set[str]]
    skipped: tuple[Skipped, ...] = ()
    unread: tuple[str, ...] = ()
    notes: tuple[Skipped, ...] = ()
    standard: Mapping[Moment, Collection[str]] = MappingProxyType({})
    twice: tuple[Step, ...] = ()
    ways: Mapping[str, Way | None] = MappingProxyType({})
    ran: Mapping[tuple[str, str], Moment] = MappingProxyType({})
    loading: frozenset[tuple[str, str]] = frozenset()
    open: tuple[tuple[tuple[str, str], tuple[str, ...]], ...] = ()
    computed: tuple[tuple[str, int], ...] = ()
    targets: Mapping[str, tuple[Target, ...]] = MappingProxyType({})
    asked: Mapping[str, str] = MappingProxyType({})

    @property
    def paths(self) -> list[str]:
        """The files that are loaded, in the order of their moments."""
        return [path for moment in MOMENTS for path in self.files[moment]]


class _Reached(Record):
    path: str
    module: str | None
    way: Way | None = None
    call: str = ""
    is_after_fork: bool = False


class _Deferred(Record):
    """An import that a function runs, and the function."""

    body: str
    site: ImportSite
    reached: _Reached


def walk(
    read: Read,
    resolver: Resolver,
    entry: str,
    module: str | None,
    target: Target,
    only: Collection[str] | None = None,
    functions: SourceFiles | None = None,
    serves: Serves = "all",
    settings_file: str = "",
    chooser: Chooser | None = None,
) -> Walk:
    """Follow all imports from the file `entry`, loaded as `module` (None for a script); through the files `only`, or all.

    `functions` tells what functions call; without it, what functions import that nothing calls as files load counts as
    loaded by nobody knows what. `serves` is the work that the process does, `settings_file` what its server runs first,
    `chooser` tells which conditions are known.
    """
    if functions is None or chooser is None:
        return _Walker(read, resolver, target, only, serves, chooser).run(entry, module, settings_file)
    from memguard_hooks.imports.followed import Earlier, Followed, Log, UnlikeError
    from memguard_hooks.imports.reached import Reach

    earlier = Earlier(functions, resolver, (entry, module, serves, settings_file))
    for log in earlier.logs() if not chooser.is_told else ():
        walker = _Walker(read, resolver, target, only, serves, chooser)
        try:
            walked = walker.run(entry, module, settings_file, Followed(functions, walker, log.entries, chooser))
        except UnlikeError:
            continue
        if log.is_new and not functions.is_edited:
            earlier.keep(log)
        return walked._replace(asked=_written(log.asked))
    walker = _Walker(read, resolver, target, only, serves, chooser)
    reach = Reach(functions, resolver, serves, walker, chooser)
    walked = walker.run(entry, module, settings_file, reach)
    if not functions.is_edited and not chooser.is_told and not reach.beyond:
        earlier.keep(Log([list(entry) for entry in reach.log], reach.asked(), resolver.looked_into()))
    return walked._replace(asked=_written(reach.asked()))


def _written(asked: Mapping[str, list[tuple[str, str]]]) -> dict[str, str]:
    """Write down what was asked of each file."""
    from memguard_hooks.store import written

    return {path: written(questions).decode() for path, questions in asked.items()}


def leading_to(walked: Walk, is_wanted: Callable[[External], bool]) -> frozenset[str]:
    """Return the files of a walk from which an import that is wanted can be reached."""
    return closure(walked.edges, (one.way.last.path for one in walked.externals if one.way and is_wanted(one)))


def closure(edges: Mapping[str, Iterable[str]], ends: Iterable[str]) -> frozenset[str]:
    """Return the files from which edges lead to one of the ends, and these."""
    importers = inverted(edges)
    return frozenset(reached(ends, lambda path: importers.get(path, ())))


class _Walker:
    def __init__(
        self,
        read: Read,
        resolver: Resolver,
        target: Target,
        only: Collection[str] | None,
        serves: Serves,
        chooser: Chooser | None = None,
    ) -> None:
        self._chooser = chooser
        self._reach: Reach | Followed | None = None
        self._serves = serves
        self._deferred: dict[str, list[_Deferred]] = {}
        self._twice: dict[Step, None] = {}
        self._read = read
        self._resolver = resolver
        self._target = target
        self._only = only
        self._entry = ""
        self._files: dict[Moment, dict[str, int]] = {moment: {} for moment in MOMENTS}
        self._queues: dict[Moment, deque[_Reached]] = {moment: deque() for moment in MOMENTS}
        self._queued: dict[Moment, set[str]] = {moment: set() for moment in MOMENTS}
        self._seen: dict[str, _Reached] = {}
        self._called: dict[str, set[str]] = {}
        self._to_call: dict[str, set[str]] = {}
        self._reads: Counter[str] = Counter()
        self._targets: dict[str, tuple[Target, ...]] = {}
        self._deferring: set[str] = set()
        """Files with imports that only a call runs: calling another that leads to none of them changes nothing."""
        self._externals: dict[tuple[str, int, int, str], External] = {}
        self._edges: dict[str, set[str]] = {}
        self._computed: dict[tuple[str, int], None] = {}
        self._all_below: dict[tuple[str, int], None] = {}
        """Imports by a computed name of which all is followed that it may stand for."""
        self._skipped: dict[Skipped, None] = {}
        self._unread: list[str] = []
        self._notes: dict[Skipped, None] = {}
        self._standard: dict[Moment, set[str]] = {moment: set() for moment in MOMENTS}

    def run(self, entry: str, module: str | None, settings_file: str, reach: Reach | Followed | None = None) -> Walk:
        self._reach = reach
        try:
            return self._run(entry, module, settings_file, reach)
        finally:
            self._reach = None  # it knows this walk, and both would wait for the collector

    def _run(self, entry: str, module: str | None, settings_file: str, reach: Reach | Followed | None) -> Walk:
        self._entry = entry
        start = self._queues["start"]
        if settings_file and reach is not None:
            start.append(_Reached(settings_file, None))
            self._call_hooks(settings_file, reach)
        if module:
            # Importing `a.b` runs `a` too, and so does `python -m a.b`.
            start.extend(_Reached(f, self._resolver.name_of(f, module)) for f in self._resolver.files(module)[:-1])
        start.append(_Reached(entry, module))
        if self._target.called:
            self._called[entry] = set(self._target.called)
            if self._reach is not None:
                for name in sorted(self._target.called):
                    self._reach.call(entry, name, "start", How())
        for moment in MOMENTS:
            if moment == "all":
                self._rest()
            self._drain(moment)
        for path, reason in self._reach.beyond.items() if self._reach is not None else ():
            self._cut(path, reason)
        for path in self._chooser.beyond if self._chooser is not None else ():
            reason = "is too large for all of its conditions to be decided: of the others all ways count"
            self._notes[Skipped(path, None, reason)] = None
        return Walk(
            self._files,
            tuple(map(self._told, self._externals.values())),
            self._edges,
            tuple(one for one in self._skipped if not self._is_followed(one)),
            tuple(self._unread),
            tuple(self._notes),
            self._standard,
            tuple(self._twice),
            {path: reached.way for path, reached in self._seen.items()},
            self._reach.all_that_ran() if self._reach is not None else {},
            self._reach.run_while_loading() if self._reach is not None else frozenset(),
            tuple(self._reach.open.items()) if self._reach is not None else (),
            tuple(place for place in self._computed if place not in self._all_below),
            self._targets,
        )

    def _is_followed(self, skipped: Skipped) -> bool:
        return skipped.reason.startswith(COMPUTED) and (skipped.path, skipped.line) in self._all_below

    def _cut(self, path: str, reason: str) -> None:
        """Note that not all is followed from a file on: the service takes at least what is."""
        self._skipped[Skipped(path, None, reason)] = None
        self._unread.append(path)

    def _told(self, external: External) -> External:
        """Add the condition under which other code calls the function that imports."""
        site = external.site
        if (
            self._reach is None
            or external.way is None
            or site is None
            or external.call
            or not site.why.startswith("in function")
        ):
            return external
        condition = self._reach.condition_of(external.way.last.path, site.line)
        return external._replace(site=site._replace(why=f"{site.why}, {condition}")) if condition else external

    def _call_hooks(self, path: str, reach: Reach | Followed) -> None:
        """Call the hooks in a settings file of gunicorn's."""
        from memguard_hooks.imports.callbacks import BEFORE_FORK, SERVER_HOOKS, SERVING_HOOKS

        how = How("a hook of gunicorn")
        for name in SERVER_HOOKS:
            reach.call(path, name, "start", how._replace(is_after_fork=name not in BEFORE_FORK))
        for name in SERVING_HOOKS:
            reach.call(path, name, "serving", how)

    def _rest(self) -> None:
        """Follow the imports of functions of which nobody knows whether they run."""
        for waiting in self._deferred.values():
            for one in waiting:
                self._site(one.site, one.reached, "all")

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
                    self._cut(reached.path, f"more than {MAX_FILES} files are reached")
                    return
                self._file(reached, moment)
            called, self._to_call = self._to_call, {}
            if not called:
                if self._reach is not None and moment != "all":
                    self._reach.drain(moment)
                if queue or self._to_call:
                    continue
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
            self._targets[path] = (*self._targets.get(path, ()), target)
            reading = self._read(path, target)
            before = reading.analysis
            called = target.called.union(reading.called)
            decided = self._chooser.decided(path, before, called) if self._chooser is not None else ()
            if decided:
                target = target._replace(decided=decided)
                self._targets[path] += (target,)
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
            if moment != "all" and path not in self._unread:
                self._unread.append(path)
        for unknown in reading.analysis.unknown if moment != "all" else ():
            if unknown.text.endswith(_FOLLOWED):
                continue
            self._computed[path, unknown.line] = None
            self._skipped[Skipped(path, unknown.line, f"{COMPUTED}: {unknown.text}")] = None
        if not any(path in files for files in self._files.values()):
            self._files[moment][path] = reading.size
        if self._reach is not None and moment != "all":
            self._reach.load(path, reached.module, moment, is_main=target.is_main)
            for name in reading.called:
                self._reach.call(path, name, moment, How("called by Django as it starts"))
        self._deferred.pop(path, None)
        running = _running(before) if decided else frozenset()
        for site in reading.analysis.sites:
            if site.when == "import":
                self._site(site, reached, moment)
            elif site.when == "call":
                self._deferring.add(path)
                self._defer(site, reached, moment)
            elif (site.line, site.column, site.module) in running:  # by these constants and variables alone
                body = self._reach.body_at(path, site.line) if self._reach is not None else ""
                self._deferred.setdefault(path, []).append(_Deferred(body, site, reached))
        for edge in reading.edges:
            is_served = edge.moment == "start" or edge.is_job or self._serves not in ("tasks", "schedule")
            later = max(MOMENTS.index(moment), MOMENTS.index(edge.moment if is_served else "all"))
            site = ImportSite(edge.line, 1, edge.line, edge.module, 0, (), "import", edge.why)
            is_own_or_absent = edge.is_optional or self._resolver.is_folder_of_source(edge.module)
            self._site(site, reached, MOMENTS[later], is_own_or_absent=is_own_or_absent)
            is_called = edge.calls and (edge.is_job or self._serves in ("all", "requests"))
            if is_called and self._reach is not None and self._resolver.is_whole(edge.module):
                self._reach.callback(self._resolver.files(edge.module)[-1], edge.calls, How(edge.why))

    # What functions import

    def _defer(self, site: ImportSite, reached: _Reached, moment: Moment) -> None:
        """Follow an import of a function if that runs, else keep it until it is known to run."""
        if self._reach is None or moment == "all":
            self._site(site, reached, "all")
            return
        body = self._reach.body_at(reached.path, site.line)
        ran = self._reach.ran(reached.path, body)
        if not body and site.why == BEHIND_A_PROXY:  # whatever uses it later, and handlers are what runs later
            self._site(site, reached._replace(call=site.why), max(moment, "serving", key=MOMENTS.index))
        elif ran is not None and body:
            self._run_site(site, reached, max(moment, ran[1], key=MOMENTS.index), ran[0])
        else:
            self._deferred.setdefault(reached.path, []).append(_Deferred(body, site, reached))

    def on_run(self, call: Call, moment: Moment) -> None:
        """Follow the imports of a function that runs."""
        waiting = self._deferred.get(call.path, ())
        for one in [one for one in waiting if one.body == call.name and one.body]:
            self._run_site(one.site, one.reached, moment, call)

    def _run_site(self, site: ImportSite, reached: _Reached, moment: Moment, call: Call) -> None:
        from memguard_hooks.imports.reached import function_of

        assert self._reach is not None
        told = self._reach.told(call.how)
        how = f"in function {function_of(call.name)}" + (f", {told}" if told else "")
        is_after_fork = moment == "start" and self._reach.is_after_fork(call)
        self._site(site._replace(why=how), reached._replace(call=how, is_after_fork=is_after_fork), moment)

    def on_load(self, path: str, place: int, text: str, moment: Moment, attribute: str) -> None:
        """Load a module that code gives to somebody else by its name."""
        assert self._reach is not None
        line = self._reach.line(path, place)
        reached = self._seen.get(path)
        if reached is None:  # its file waits to be loaded
            reached = _Reached(path, self._resolver.module_of(path))
        names = [text]
        if text.endswith("*"):
            names, is_whole = self._resolver.below(text.rstrip("*").rstrip("."))
            if names and is_whole:
                self._all_below[path, line] = None
        for name in names:
            if not self._resolver.is_whole(name):
                continue
            site = ImportSite(line, 1, line, name, 0, (), "import", "loaded by its name")
            self._site(site, reached, moment, is_own_or_absent=True)
            loaded = self._resolver.files(name)[-1]
            if loaded == self._entry and self._target.is_main:
                self._twice[Step(path, line, name)] = None
            if attribute and moment != "all":
                self._reach.call(loaded, attribute, moment, How("called", path, place))

    def _site(self, site: ImportSite, reached: _Reached, moment: Moment, *, is_own_or_absent: bool = False) -> None:
        is_package = reached.path.endswith("/__init__.py")
        module = absolute(site.module, site.level, reached.module, is_package=is_package)
        if not module:
            if site.level:
                reason = "a relative import leads out of its package"
                self._skipped[Skipped(reached.path, site.line, reason)] = None
            return
        found = self._resolver.imported(module, site.names)
        if found:
            self._edges.setdefault(reached.path, set()).update(one.path for one in found)
            lacking = self._resolver.lacking(module) if moment != "all" and site.why == AT_MODULE_LEVEL else None
            if lacking is not None and lacking not in self._unread:
                self._unread.append(lacking)
                self._skipped[Skipped(reached.path, site.line, f"imports {module}, which is not in the repository")] = None
        queued = self._queued[moment]
        for path, name, inner in found:
            if path not in self._seen and path not in queued and (self._only is None or path in self._only):
                queued.add(path)
                way = Way(Step(reached.path, site.line, name), reached.way)
                self._queues[moment].append(reached._replace(path=path, module=inner, way=way))
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
        order = (MOMENTS.index(moment), bool(reached.call))
        if known is None or order < (MOMENTS.index(known.moment), bool(known.call)):
            names = (module, *(f"{module}.{name}" for name in site.names if name != "*"))
            way = Way(Step(reached.path, site.line, module), reached.way)
            self._externals[key] = External(names, way, moment, site, reached.call, reached.is_after_fork)

    def _call(self, module: str, name: str) -> None:
        """Note that a function or class of another file is called: `create_app` of `app.factory`."""
        parts = name.split(".")
        for count in range(len(parts) - 1, -1, -1):
            inner = ".".join([module, *parts[:count]])
            if self._resolver.is_whole(inner):
                path = self._resolver.files(inner)[-1]
                self._to_call.setdefault(path, set()).add(".".join(parts[count:]))
                return


def _running(found: Analysis) -> frozenset[tuple[int, int, str]]:
    """Return the places of the imports that run as a file loads or in a function, by an analysis of the file."""
    return frozenset((one.line, one.column, one.module) for one in found.sites if one.when in ("import", "call"))
