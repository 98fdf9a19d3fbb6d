"""Moves heavy imports into the functions that use them: by library, and only where that keeps it out of the start.

A library leaves the start of a service only when all of its imports there do. So all of them move or none, the result is
walked in memory, and an import that is still reached at start moves on, into the function inside of the one that runs; where
there is none, the library stays. Where no entry point is known, files that no import connects are programs of their own.
"""

from __future__ import annotations

import ast
from collections import deque
from difflib import unified_diff

from memguard_hooks.app.carriers import Carriers, Cut, HeldFile
from memguard_hooks.app.connected import find_groups
from memguard_hooks.app.entry_points import find_entry, settings_of
from memguard_hooks.app.estimate import estimate_together, may_require
from memguard_hooks.app.heavy_imports import eager_imports, find_entries, heavy_here, imported_at_load
from memguard_hooks.app.likely_starts import find_judged
from memguard_hooks.app.limit import bands_of, limit_of
from memguard_hooks.app.movable_imports import EditableSource, as_wanted, read_source
from memguard_hooks.app.moved_saving import LEAST, Doubt, find_doubt, size_beside
from memguard_hooks.app.service_estimate import estimate_entry, estimate_service, estimate_without
from memguard_hooks.app.takers import Takers
from memguard_hooks.app.walks import walk_entry
from memguard_hooks.atomic_write import exchange_file
from memguard_hooks.dependencies.requirement import normalize_name
from memguard_hooks.deployment.service import Service
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import ALL_THE_SAME, MOMENTS, Estimate, Skipped, Step, Way, mib
from memguard_hooks.fix.import_edit import ImportChange, Left, Rewritten, move, write_lazy
from memguard_hooks.fix.lazy_modules import LazyPlan, plan_lazy, take_through
from memguard_hooks.fix.patched_names import Repointed, repoint, target_of, write_patches
from memguard_hooks.fix.taken_names import MAX_TAKERS, Taken, taken_by, write_taken
from memguard_hooks.formats.python_source import decode, shortened, tree_of
from memguard_hooks.imports.model import LAZY_PYTHON
from memguard_hooks.imports.movable import EXCEPT_DECIDES, HeldBy, MovableFile, Moves, Part, Spot, Wanted, module_of
from memguard_hooks.imports.name_uses import bound_by
from memguard_hooks.project.changed import find_unstaged
from memguard_hooks.project.settings import JUDGED
from memguard_hooks.record import Record
from memguard_hooks.rules.imports.advice import MEASURE
from memguard_hooks.rules.imports.eager import is_allowed
from memguard_hooks.tree import WorkTree

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from memguard_hooks.app.estimate import Root
    from memguard_hooks.imports.inert import Deed
    from memguard_hooks.project.project import Project
    from memguard_hooks.project.settings import FixStyle

_ALL_IN_FUNCTIONS = LazyPlan({}, {})


MAX_WALKED = 10_000
"""Files that are walked to find out what moves save: a judgment, of some two minutes of CPU."""


class _Sizes(Record):
    """What counts of each service, in bytes, up to what it fits, if it has a limit, and its estimate, if there is one.

    `surely` and `sure` are the same where packages that nobody measured load all that they may, and `roots` what it loads.
    """

    taken: dict[str, int]
    goals: dict[str, float]
    estimates: dict[str, Estimate]
    surely: dict[str, int]
    sure: dict[str, Estimate]
    roots: dict[str, tuple[Root, ...]]

    def all_fit(self) -> bool:
        """Return whether all services with a limit fit, if there is one."""
        return bool(self.goals) and all(self.taken[name] <= goal for name, goal in self.goals.items())


class _Library(Record):
    """A library in the files of one program, the first of which is named where no entry point is known."""

    name: str
    program: str


class _HeldLibrary(Record):
    """A library one of whose imports cannot move, and why."""

    library: _Library
    left: Left


class _Result(Record):
    """Some libraries moved together: the files after that, and what could not move after all."""

    libraries: frozenset[_Library]
    files: dict[str, Rewritten]
    moves: dict[str, Moves]
    left: tuple[Left, ...]
    later: bool
    """Whether first-party files load later for that."""
    at_start: tuple[frozenset[str], ...] = ()
    """The files that each service still loads at start, where some load later."""


def plan(project: Project, *, to_start: bool) -> ImportChange:
    """Find what to move: what makes a service fit, or all that lowers the start.

    Where no service is known, that is every library.
    """
    style = project.settings.fix_style
    planner = _Planner(project, to_start=to_start, style=style)
    found = planner.plan()
    if found is None:
        return _Planner(project, to_start=to_start, style="function").plan() or ImportChange({}, (), ())
    return _with_takers(project, planner, to_start=to_start) or found


def _with_takers(project: Project, planner: _Planner, *, to_start: bool) -> ImportChange | None:
    """Return what moves once files that take names from others import these themselves; None where no more does for that."""
    taken = frozenset(planner.taken)
    while taken:
        files = write_taken(project, taken)
        again = _Planner(project.edited(files), to_start=to_start, style="function")
        found = again.plan()
        useful = frozenset(one for one in taken if (one.origin, one.name) in again.moved)
        if useful == taken and found is not None:
            told = tuple(one.told for one in sorted(taken, key=lambda one: (one.path, one.node.lineno, one.name)))
            return ImportChange({**files, **found.files}, told + found.done, found.left)
        taken = useful
    return None


class _Planner:
    def __init__(self, project: Project, *, to_start: bool, style: FixStyle) -> None:
        self._project = project
        self._to_start = to_start
        self._style = style
        self.taken: list[Taken] = []
        """What others take by a statement that may as well import it itself, where nothing else holds a library."""
        self.moved: frozenset[tuple[str, str]] = frozenset()
        """The names that have left the module level, with their files."""
        self._takings: dict[HeldFile, list[Taken]] = {}
        self._taken: set[str] = set()
        """Files whose imports others take, so that the names have to stay."""
        self._whole = project if project.named is None else project.whole
        self._named = None if project.named is None else frozenset(project.paths)
        self._python = project.settings.service.target_python
        self._takers = Takers(self._whole)
        self._entries = find_entries(self._whole)
        self._carriers = Carriers(self._whole, self._entries)
        self._eager_paths: set[str] = set()
        self._repointed: dict[str, dict[str, list[Repointed]]] = {}
        """The strings of tests that put something in place of names, by the file and the name."""
        self._cut: dict[frozenset[str], Cut | HeldFile] = {}
        self._wanted: dict[_Library, dict[str, list[Wanted]]] = {}
        self._blocked: dict[_Library, frozenset[str]] = {}
        self._held_sites: dict[_Library, list[Left]] = {}
        self._sites: dict[_Library, set[Step]] = {}
        """The statements that load libraries in the services."""
        self._loaders: dict[_Library, dict[str, set[int]]] = {}
        """The numbers of the services that load a library at start, by the file that imports it."""
        self._spared: dict[_Library, frozenset[int]] = {}
        """The numbers of the services that a library leaves, where others have to load it at start all the same."""
        self._runners: dict[str, set[int]] = {}
        """The numbers of the services that run functions of a file at start which imports would move into."""
        self._deleted: set[_Library] = set()
        """Libraries of which no import is used, or held."""
        self._unused: dict[str, list[Wanted]] = {}
        self._left: list[Left] = []
        self._sources: dict[str, EditableSource] = {}
        self._doubted: dict[_Library, bool] = {}
        """Whether imports by computed names may load a library all the same, in each service that loads it."""
        self._settled: dict[frozenset[_Library], _Result] = {}
        self._sized: dict[frozenset[_Library], _Sizes] = {}
        self._started: dict[tuple[frozenset[_Library], tuple[frozenset[str], ...]], Mapping[str, int]] = {}
        self._edited: deque[tuple[dict[str, Rewritten], Project]] = deque(maxlen=2)
        """The files of the last moves, and the projects that were walked with them."""
        self._walked = 0
        """The files that were walked to find out what services take after a move."""
        self._programs: Mapping[str, str] = {}
        """The program of each file, where no entry point is known."""
        self._building: set[str] = set()
        """The modules whose classes may be built when they are first used."""

    def plan(self) -> ImportChange | None:
        """Find what to move; None where names have to stay that cannot stand for lazy modules."""
        self._collect()
        result = self._settle(frozenset(self._wanted))
        self._left += result.left
        result = self._without_held(result)
        result = self._choose(result) if self._entries else self._without_brought(result)
        self.moved = frozenset((path, bound_by(part[1])) for path, one in result.moves.items() for part in one.removed)
        lazy = self._lazy(result)
        if any(len(lazy.replaced.get(path, {})) < len(result.moves[path].removed) for path in self._taken & {*result.files}):
            return None
        done = [line for path in sorted(result.files) for line in _told(path, result, lazy.replaced.get(path, {}))]
        done += [f"{path}:1: written: it loads what is asked of it" for path in sorted(lazy.files)]
        files = {path: one.data for path, one in result.files.items()}
        patches = list(self._patches(result))
        done += [f"{one.path}:{one.node.lineno}: patches {one.text[1:-1]} now" for one in patches]
        files |= write_patches(self._whole, files, patches)
        for path, replaced in lazy.replaced.items():
            files[path] = move(
                self._project.sources.data(path), self._sources[path].module, result.moves[path], replaced
            ).data
        files |= lazy.files
        through = (
            take_through(self._project.edited(files)) if self._whole.settings.only_through else ImportChange({}, (), ())
        )
        done += through.done
        done += _brought(self._sizes(frozenset()), self._sizes(result.libraries)) if done else ()
        self._left += through.left
        return ImportChange(files | through.files, tuple(done), tuple(sorted(set(self._left))))

    def _lazy(self, result: _Result) -> LazyPlan:
        """Return what comes from lazy modules, as the settings ask: nothing where the walk does not find the same there."""
        if self._style == "function":
            return _ALL_IN_FUNCTIONS
        found = plan_lazy(self._whole, self._entries, result.moves, self._style)
        known = (path for path in found.files if self._whole.tree.has(path))
        is_foreign = self._named is not None and not self._named.issuperset(known)
        return found if found.replaced and not is_foreign and self._is_as_late(result, found) else _ALL_IN_FUNCTIONS

    def _is_as_late(self, result: _Result, lazy: LazyPlan) -> bool:
        """Return whether services load what they load with imports in functions, and when: at start, if only that counts."""
        in_functions = {path: one.data for path, one in result.files.items()}
        files = in_functions | lazy.files
        for path, replaced in lazy.replaced.items():
            files[path] = move(
                self._project.sources.data(path), self._sources[path].module, result.moves[path], replaced
            ).data
        one, other = (_loaded(self._whole.edited(edited), only_start=self._to_start) for edited in (in_functions, files))
        return one == other

    # What there is to move

    def _collect(self) -> None:
        """Find the imports that are eager, by library; of one that has to stay, its file may load later."""
        programs = self._programs = {} if self._entries else find_groups(self._whole)
        found: dict[_Library, dict[str, list[Wanted]]] = {}
        allowed: set[_Library] = set()
        is_plain = self._style == "function"
        for one in eager_imports(self._whole, self._entries):
            self._eager_paths.add(one.path)
            library = _Library(one.root, programs.get(one.path, ""))
            found.setdefault(library, {}).setdefault(one.path, []).append(as_wanted(self._whole, one))
            self._sites.setdefault(library, set()).update(site for loading in one.services for site in loading.sites)
            numbers = (number for number, entry in enumerate(self._entries) for by in one.services if by.entry is entry)
            self._loaders.setdefault(library, {}).setdefault(one.path, set()).update(numbers)
            self._building |= {found[library][one.path][-1].module} if is_plain else set()
            if is_allowed(self._whole, one):
                self._left.append(Left(one.path, one.site.line, one.root, "it is allowed here"))
                allowed.add(library)
        for library, wanted in sorted(one for one in found.items() if one[0] not in allowed):
            lines = {path: parts[0].line for path, parts in wanted.items()}
            held = [stays for path, parts in wanted.items() if (stays := self._held(path, parts))]
            self._held_sites[library] = [
                Left(stays.path, stays.line or lines[stays.path], library.name, stays.reason) for stays in held
            ]
            self._blocked[library] = frozenset(stays.path for stays in held)
            carried = self._carried(self._blocked[library])
            if isinstance(carried, HeldFile):
                self._left += self._held_sites[library]
                if all(self._takings.get(one) for one in held):
                    self.taken += [taken for one in held for taken in self._takings[one]]
                if carried.line is not None:
                    self._left.append(Left(carried.path, carried.line, library.name, carried.reason))
                self._spare(library, wanted, range(len(self._entries)))
            elif any(wanted.values()):
                self._wanted[library] = wanted
            elif not held:
                self._deleted.add(library)

    def _spare(self, library: _Library, wanted: Mapping[str, list[Wanted]], services: Iterable[int]) -> None:
        """Let a library that other services have to load at start move for some, as far as these can do without."""
        loaders, held = self._loaders[library], {one.path for one in self._held_sites[library]}
        spared: set[int] = set()
        blocked: frozenset[str] = frozenset()
        for number in services:
            wider = blocked | {path for path in held if number in loaders[path]}
            if not isinstance(self._carried(wider), HeldFile):
                spared.add(number)
                blocked = wider
        moving = {path: ones for path, ones in wanted.items() if ones and not spared.isdisjoint(loaders[path])}
        if moving:
            self._wanted[library], self._blocked[library] = moving, blocked
            self._spared[library] = frozenset(spared)
            self._sites[library] = {one for one in self._sites[library] if one.path in moving}
        else:
            self._wanted.pop(library, None)

    def _held(self, path: str, wanted: list[Wanted]) -> HeldFile | None:
        """Return what keeps imports of one file where they are; what nothing uses is taken out at once."""
        found = self._moves_or_held(path, wanted)
        if isinstance(found, Moves) and not (found.hosts or found.for_types or found.built):
            self._unused.setdefault(path, []).extend(wanted)
            wanted.clear()
        return found if isinstance(found, HeldFile) else None

    def _moves_or_held(self, path: str, wanted: list[Wanted]) -> Moves | HeldFile:
        """Return how imports of one file move, or what keeps them where they are."""
        if self._named is not None and path not in self._named:
            return HeldFile(path, wanted[0].line, "this file is not among those that may change")
        try:
            movable = self._movable(path, wanted)
        except MemguardError as error:
            return HeldFile(path, error.line, error.message)
        moves = movable.moves((), self._building)
        if isinstance(moves, HeldBy):
            return HeldFile(path, moves.line, moves.reason)
        if moves.blocks and self._style != "function":
            return HeldFile(path, moves.blocks[0].lineno, EXCEPT_DECIDES)
        for one in moves.built:
            line = one.value.statement.lineno
            changes = self._takers.changes(path, one.value, line, self._carriers.known_files)
            if changes is not None:
                where = f"{changes.path}:{changes.line}"
                return HeldFile(path, line, f"line {line} builds {one.value.name} of it, and {where} {changes.what}")
        for setting in moves.settings:
            roots = {module_of(one).partition(".")[0] for one in moves.removed}
            changes = self._takers.changes(path, None, setting.lineno, self._carriers.known_files)
            needs = (self._takers.uses_without(path, root, setting) for root in sorted(roots))
            found = changes or next((one for one in needs if one is not None), None)
            if found is not None:
                return HeldFile(
                    path, setting.lineno, f"line {setting.lineno} sets up what {found.path}:{found.line} {found.what}"
                )
        taker = self._takers.of(path, (*movable.names, *(one.value.name for one in moves.built)), moves.typed)
        if taker is not None and self._style != "function" and all(isinstance(one, ast.Import) for one, _ in moves.removed):
            self._taken.add(path)  # which find the name where it was, once a lazy module stands for the library
        elif taker is not None and not self._is_patched_alone(path, movable.names, moves):
            held = HeldFile(path, wanted[0].line, f"{taker.path}:{taker.line} {taker.what}")
            self._takings[held] = self._taken_by_statements(path, movable.names, moves)
            return held
        return moves

    def _taken_by_statements(self, path: str, names: Iterable[str], moves: Moves) -> list[Taken]:
        """Return the statements that take names from a file, nothing where one cannot do without, or there are too many."""
        is_plain = self._style == "function" and not (moves.built or moves.blocks or moves.settings)
        if not is_plain or self._takers.of(path, (), moves.typed) is not None:
            return []
        found: list[Taken] = []
        for name in names:
            for taker in self._takers.all_of(path, [name]):
                if taker.patched is not None:
                    continue  # which is judged once nothing but that is left
                one = taken_by(taker, path, name, moves.removed)
                is_foreign = self._named is not None and taker.path not in self._named
                is_cut = shortened(self._takers.text(taker.path)) != self._takers.text(taker.path)
                if one is None or is_foreign or is_cut or len(found) == MAX_TAKERS:
                    return []
                found.append(one)
        return found

    def _is_patched_alone(self, path: str, names: Iterable[str], moves: Moves) -> bool:
        """Return whether nothing but tests take names from a file, by strings that may name the library; note these."""
        is_lazy = self._style != "function" or (self._python is not None and self._python >= LAZY_PYTHON)
        if is_lazy or moves.built or moves.blocks or not moves.hosts or self._takers.of(path, (), moves.typed) is not None:
            return False
        if any(self._takers.is_replaced(module_of(one).partition(".")[0]) for one in moves.removed):
            return False  # what a string names is looked up in what stands for the library, and that may not be whole
        found: dict[str, list[Repointed]] = {}
        for name in names:
            target = target_of(moves.removed, name)
            takers = list(self._takers.all_of(path, [name]))
            every = [(one, repoint(self._takers.text(one.path), one.patched, name, target)) for one in takers]
            foreign = (self._named is not None and one.path not in self._named for one in takers)
            if any(foreign) or any(new is None or one.path in self._eager_paths for one, new in every):
                return False
            found[name] = [Repointed(one.path, one.patched, new) for one, new in every if one.patched is not None and new]
        self._repointed.setdefault(path, {}).update(found)
        return True

    def _patches(self, result: _Result) -> Iterator[Repointed]:
        """Yield the strings of tests that name something else once imports have moved."""
        for path, moves in sorted(result.moves.items()):
            for name in dict.fromkeys(bound_by(alias) for _, alias in moves.removed):
                yield from self._repointed.get(path, {}).get(name, ())

    def _carried(self, blocked: frozenset[str]) -> Cut | HeldFile:
        """Return the imports that move so that files load later, or what prevents it."""
        if not blocked:
            return Cut({}, blocked)
        if not self._entries:
            return HeldFile(min(blocked), None, "no entry point is known")
        found = self._cut.get(blocked)
        if found is None:
            found = self._cut[blocked] = self._carriers.cut(blocked, self._held_carrier)
        return found

    def _held_carrier(self, path: str, wanted: list[Wanted]) -> HeldFile | None:
        """Return what keeps imports of first-party files where they are."""
        found = self._moves_or_held(path, wanted) if wanted else None
        return found if isinstance(found, HeldFile) else None

    def _movable(self, path: str, wanted: Iterable[Wanted]) -> MovableFile:
        """Return a file whose imports may move. Raises MemguardError for one that cannot be edited."""
        if path not in self._sources:
            self._sources[path] = read_source(self._project, path)
        return self._sources[path].movable(wanted, self._python)

    # Moving

    def _settle(self, libraries: frozenset[_Library]) -> _Result:
        """Move libraries together until none of their imports is reached at start; those for which that fails stay."""
        known = self._settled.get(libraries)
        if known is None:
            known = self._settled[libraries] = self._try(libraries)
        return known

    def _try(self, libraries: frozenset[_Library]) -> _Result:
        running: dict[str, set[Spot]] = {}
        blocked = {one: self._blocked[one] for one in libraries}
        left: list[Left] = []

        def leave(library: _Library, reason: Left) -> None:
            left.extend((*self._held_sites[library], reason))
            del blocked[library]

        while True:
            found = self._all_moves(blocked, running)
            if isinstance(found, _HeldLibrary):
                wider = blocked[found.library] | {found.left.path}
                if wider == blocked[found.library] or isinstance(self._carried(wider), HeldFile):
                    leave(found.library, found.left)
                else:
                    blocked[found.library] = wider
                continue
            files = {path: self._rewrite(path, moves) for path, moves in found.items()}
            edited = self._whole.edited({path: one.data for path, one in files.items()})
            again: dict[str, set[Spot]] = {}
            stuck: list[tuple[str, Left]] = []
            later = {one: self._later(paths) for one, paths in blocked.items()}
            spared = {one.name: self._spared[one] for one in blocked if one in self._spared}
            for number, way, carrier in _loaded_at_start(edited, {one.name: paths for one, paths in later.items()}, spared):
                moved = ((one, files[one.path].hosts.get(one.line)) for one in way if one.path in files)
                step, host = next(((one, host) for one, host in moved if host is not None), (way.last, None))
                if host is not None:
                    again.setdefault(step.path, set()).add(host)
                    self._runners.setdefault(step.path, set()).add(number)
                elif carrier:
                    stuck.append((carrier, Left(step.path, step.line, "", f"it still loads {carrier} at start")))
            if all(spots <= running.get(path, set()) for path, spots in again.items()):
                deed = None if stuck else self._deed(edited, blocked)
                if not stuck and deed is None:
                    self._edited.append((files, edited))
                    return _Result(
                        *(frozenset(blocked), files, found, tuple(left), any(later.values())),
                        self._files_at_start(edited) if any(later.values()) else (),
                    )
                if deed is not None:
                    what = f"this file would have to load later, and it {deed.what}"
                    stuck = [(deed.path, Left(deed.path, deed.line, "", what))]
                told = {
                    library: next((one for path, one in stuck if self._carriers.below(path, paths)), None)
                    for library, paths in later.items()
                }
                if not any(told.values()):  # it is loaded by what nobody follows back: all that rests on that stays
                    told = {library: stuck[0][1] for library, paths in later.items() if paths}
                for library, reason in told.items():
                    if reason is not None:
                        leave(library, reason._replace(library=library.name))
            for path, spots in again.items():
                running.setdefault(path, set()).update(spots)

    def _all_moves(
        self, blocked: Mapping[_Library, frozenset[str]], running: Mapping[str, set[Spot]]
    ) -> dict[str, Moves] | _HeldLibrary:
        """Return how the imports of libraries move, by file, or the first that cannot."""
        moves: dict[str, Moves] = {}
        for path, parts in self._parts(blocked).items():
            for library, wanted in parts.items():
                found = self._movable(path, wanted).moves(running.get(path, ()), self._building)
                if isinstance(found, HeldBy):
                    return _HeldLibrary(library, Left(path, found.line, library.name, found.reason))
            every = dict.fromkeys(one for wanted in parts.values() for one in wanted)
            together = self._movable(path, every).moves(running.get(path, ()), self._building)
            assert isinstance(together, Moves)
            moves[path] = together
        return moves

    def _later(self, blocked: frozenset[str]) -> frozenset[str]:
        """Return the files that load later, so that some do."""
        carried = self._carried(blocked)
        return blocked if isinstance(carried, HeldFile) else carried.later

    def _deed(self, edited: Project, blocked: Mapping[_Library, frozenset[str]]) -> Deed | None:
        """Return the first thing that files do to others as they load, which load later now."""
        return self._carriers.first_deed(edited, find_entries(edited)) if any(blocked.values()) else None

    def _parts(self, blocked: Mapping[_Library, frozenset[str]]) -> dict[str, dict[_Library, list[Wanted]]]:
        """Return what moves in each file, by library; what nothing uses goes in any case."""
        unused = _Library("", "")
        found: dict[str, dict[_Library, list[Wanted]]] = {path: {unused: ones} for path, ones in self._unused.items()}
        for library, files in sorted(blocked.items()):
            carried = self._carried(files)
            assert not isinstance(carried, HeldFile)
            for path, ones in (*self._wanted[library].items(), *carried.moving.items()):
                if ones and path not in carried.later:
                    found.setdefault(path, {}).setdefault(library, []).extend(ones)
        return found

    def _rewrite(self, path: str, moves: Moves) -> Rewritten:
        """Return a file with imports moved. Raises MemguardError rather than give one that does not parse."""
        data, module = self._project.sources.data(path), self._sources[path].module
        is_lazy = self._python is not None and self._python >= LAZY_PYTHON and self._style == "function"
        if is_lazy and not (moves.built or moves.blocks or moves.aliases) and (moves.hosts or moves.for_types):
            found = Rewritten(write_lazy(data, module, moves.removed), {})
        else:
            found = move(data, module, moves)
        try:
            tree_of(decode(found.data, path))
        except MemguardError as error:
            raise MemguardError(f"is left alone, for the fix breaks it: {error.message}", path, error.line) from None
        return found

    def _without_held(self, result: _Result) -> _Result:
        """Move what could not move after all for the services alone that do not load what holds it."""
        is_narrower = False
        for library in self._wanted.keys() - result.libraries if len(self._entries) > 1 else ():
            known = self._held_sites[library]
            paths = {one.path for one in result.left if one.library == library.name and one not in known}
            loading = [walk_entry(self._whole, one).files["start"] for one in self._entries]
            free = [
                number
                for number, files in enumerate(loading)
                if not any(number in self._runners[one] if one in self._runners else one in files for one in paths)
            ]
            self._spare(library, self._wanted[library], free if len(free) < len(loading) else ())
            is_narrower |= library in self._wanted
        if not is_narrower:
            return result
        self._settled.clear()
        found = self._settle(frozenset(self._wanted))
        self._left += found.left
        return found

    # Choosing

    def _choose(self, result: _Result) -> _Result:
        """Put back the libraries whose move saves too little, or is not needed for what fits."""
        if not self._to_start and self._sizes(frozenset()).all_fit():
            for library in result.libraries:
                self._leave(library, "every service fits as it is: `--to-start` moves it all the same")
            return self._settle(frozenset())
        kept = result.libraries
        while True:
            savings: dict[_Library, int] = {}
            for one in sorted(kept):
                if self._walked > MAX_WALKED:
                    self._leave(one, "what moving it saves would take too long to find out, as this project is large")
                else:
                    savings[one] = self._saving(one, kept)
            little = frozenset(one for one in savings if savings[one] < LEAST)
            for library in sorted(little):
                self._leave(library, self._of_little(library, savings[library]))
            is_cut = len(savings) < len(kept)
            kept = frozenset(savings) - little
            if is_cut:
                return self._settle(kept)
            if little:
                continue  # what stays costs the others nothing more, and is part of what they are compared with
            ordered = sorted(kept, key=lambda one: (savings[one], one))
            fits_without = (one for one in ordered if not self._to_start and self._sizes(kept - {one}).all_fit())
            spare = next(fits_without, None)
            if spare is None:
                return self._settle(kept)
            self._leave(spare, "every service fits without moving it")
            kept -= {spare}

    def _without_brought(self, result: _Result) -> _Result:
        """Put back what a library brings along that stays in the same program: its move saves nothing."""
        kept = result.libraries
        while True:
            staying = {one for one in self._held_sites if one not in self._deleted} - kept
            brought = {
                one: other.name
                for one in sorted(kept)
                for other in sorted(staying)
                if other.program == one.program and _brings(other.name, one.name)
            }
            for library, name in brought.items():
                self._leave(library, f"{name} stays, and loads it all the same")
            kept -= frozenset(brought)
            if brought:
                continue
            savings = {one: saved for one in kept if (saved := self._saving_of_program(one, kept)) is not None}
            little = frozenset(one for one, saved in savings.items() if saved < LEAST)
            for library in sorted(little):
                self._leave(library, f"moving it saves {mib(savings[library])} MiB: what stays loads the rest all the same")
            if not little:
                return self._settle(kept)
            kept -= little

    def _saving_of_program(self, library: _Library, kept: frozenset[_Library]) -> int | None:
        """Return what nothing else in the files of one program loads of a library that moves, None where nobody knows.

        Nothing is sure where they load a package that nobody measured and that requires it.
        """
        from memguard_hooks.catalog import lookup

        alone = size_beside(library.name, ())
        if alone is None:
            return None
        edited = self._whole.edited({path: one.data for path, one in self._settle(kept).files.items()})
        paths = [path for path, program in self._programs.items() if program == library.program]
        providers = lookup.providers(library.name)
        lock = self._whole.declared.lock_near("")

        def may_bring(names: Iterable[str]) -> bool:
            unknown = (one for name in names if lookup.root_of(one := name.partition(".")[0]) is None)
            return any(not may_require(lock, normalize_name(one))[0].isdisjoint(providers) for one in unknown)

        others = imported_at_load(edited, paths, lambda names: size_beside(library.name, names) != alone or may_bring(names))
        return 0 if may_bring(others) else size_beside(library.name, others)

    @property
    def _of_what(self) -> str:
        """Say what a move saves nothing of where that is not the start."""
        judged = self._whole.settings.service.judge or JUDGED
        is_start = self._to_start or judged == "start"
        return "" if is_start else f" of what is judged ({judged}): `--to-start` moves what lowers the start"

    def _of_little(self, library: _Library, saving: int) -> str:
        """Say that a move saves nothing to speak of, and what may load the library all the same, if that is why."""
        doubt = next((one for one in self._doubts(library) if one is not None), None)
        saved = f"moving it saves {mib(max(0, saving))} MiB"
        return f"{saved}{self._of_what}" if doubt is None else f"{saved} for sure: {doubt.what} it{ALL_THE_SAME}: {MEASURE}"

    def _doubts(self, library: _Library) -> Iterator[Doubt | None]:
        """Yield what may load a library all the same in each of the services that load it."""
        for number in sorted(frozenset().union(*self._loaders[library].values())):
            now = estimate_entry(self._whole, self._entries[number])
            yield find_doubt(self._whole, now, now.process, library.name)

    def _leave(self, library: _Library, reason: str) -> None:
        self._left += [
            Left(path, ones[0].line, library.name, reason) for path, ones in self._wanted[library].items() if ones
        ]

    def _saving(self, library: _Library, kept: frozenset[_Library]) -> int:
        """Return by how many bytes some service is smaller because a library moves with others, at least, if much."""
        if library not in self._doubted:
            self._doubted[library] = all(one is not None and one.is_any for one in self._doubts(library))
        if self._doubted[library]:
            return 0
        if self._to_start and (much := self._saving_at_least(library, kept)) >= 2 * LEAST:
            return much
        found = self._lowered(self._at_start_after, library, kept) if self._to_start else 0
        is_known = self._to_start and (found >= LEAST or not self._may_start_less(kept))
        return found if is_known else self._lowered(self._by_walks, library, kept)

    def _may_start_less(self, kept: frozenset[_Library]) -> bool:
        """Return whether services load models or do other work at start that may leave with a file which asks for it."""
        for number, files in enumerate(self._settle(kept).at_start):
            process = estimate_entry(self._whole, self._entries[number]).process
            models = [one.chain for one in (*process.models.uses, *process.models.unknown) if one.moment == "start"]
            work = [one.chain for one in process.work.uses if one.moment == "start"]
            if any(step.path not in files for chain in (*models, *work) for step in chain):
                return True
        return False

    @staticmethod
    def _lowered(
        size_with: Callable[[frozenset[_Library]], Mapping[str, int]], library: _Library, kept: frozenset[_Library]
    ) -> int:
        with_it, without = size_with(kept), size_with(kept - {library})
        return max((without[name] - with_it[name] for name in with_it.keys() & without.keys()), default=0)

    def _saving_at_least(self, library: _Library, kept: frozenset[_Library]) -> int:
        """Return what some service takes less that still loads the files at start: the less stays, the more that is."""
        found, loaders = self._settle(kept), self._loaders[library]
        if not found.later:
            return 0
        numbers = [
            str(number)
            for number, files in enumerate(found.at_start)
            if all(path in files for path, services in loaders.items() if number in services)
        ]
        with_it, without = self._at_start(kept), self._at_start(kept - {library})
        return max((without[one] - with_it[one] for one in numbers if one in with_it and one in without), default=0)

    @staticmethod
    def _files_at_start(project: Project) -> tuple[frozenset[str], ...]:
        return tuple(frozenset(walk_entry(project, one).files["start"]) for one in find_entries(project))

    def _by_walks(self, libraries: frozenset[_Library]) -> Mapping[str, int]:
        return self._sizes(libraries).surely

    def _at_start_after(self, libraries: frozenset[_Library]) -> Mapping[str, int]:
        """Return what services take at start after a move, without what files import that load later for it."""
        files = self._settle(libraries).at_start
        self._walked += 0 if (libraries, files) in self._started else sum(map(len, files))
        return self._at_start(libraries, files)

    def _at_start(self, libraries: frozenset[_Library], files: tuple[frozenset[str], ...] = ()) -> Mapping[str, int]:
        """Return what services take at start after a move, as the walk before it tells, unless it may choose others.

        `files` are those that each still loads at start, all where there are none: what others import counts as nothing.
        """
        if (libraries, files) in self._started:
            return self._started[libraries, files]
        leaving, found = libraries | self._deleted, dict[str, int]()
        for number, entry in enumerate(self._entries):
            here = (one for one in leaving if number in self._spared.get(one, (number,)))
            gone = {site for one in here for site in self._sites[one]}
            now = estimate_entry(self._whole, entry)
            if now.branches:
                return self._by_walks(libraries)
            ways = (one.way.last for one in walk_entry(self._whole, entry).externals if one.way is not None and files)
            process = estimate_without(self._whole, now, gone.union(one for one in ways if one.path not in files[number]))
            found[str(number)] = estimate_together(process.with_required(1), now.command, 0).start.expected
        self._started[libraries, files] = found
        return found

    def _sizes(self, libraries: frozenset[_Library]) -> _Sizes:
        """Estimate what services take after a move."""
        known = self._sized.get(libraries)
        if known is not None:
            return known
        files = self._settle(libraries).files
        walked = next((project for some, project in self._edited if some is files), None)
        project = walked or self._whole.edited({path: one.data for path, one in files.items()})
        sizes = self._sized[libraries] = _Sizes({}, {}, {}, {}, {}, {})
        for service in find_judged(project):
            settings = settings_of(project, service)
            found = estimate_service(project, service, settings)
            self._walked += 1 if isinstance(found, Skipped) else len(found.walked.paths)
            if isinstance(found, Skipped):
                sizes.taken[service.name] = sizes.surely[service.name] = _heavy_at_start(project, service)
            else:
                most = found.with_required(1)
                sizes.estimates[service.name], sizes.sure[service.name] = found.estimate, most.estimate
                sizes.taken[service.name] = found.estimate.start.expected if self._to_start else found.taken
                sizes.surely[service.name] = most.estimate.start.expected if self._to_start else most.taken
                sizes.roots[service.name] = found.process.roots
                limit = limit_of(service, settings).size
                if limit is not None:
                    sizes.goals[service.name] = bands_of(limit, settings)[0]
        return sizes


def _brings(library: str, other: str) -> bool:
    """Return whether importing a library loads another, as it was measured."""
    from memguard_hooks.catalog import lookup

    found = lookup.find(library)
    return found is not None and other in found.own


def _loaded_at_start(
    project: Project, later: Mapping[str, Collection[str]], spared: Mapping[str, Collection[int]]
) -> Iterator[tuple[int, Way, str]]:
    """Yield services by number, and the ways to imports that run at start, also in functions; without any, of each file.

    Those of others' modules, and those that load a file that should load `later` for a library, which is named. What leaves
    some services alone, `spared`, counts in no other.
    """
    entries = find_entries(project)
    for number, entry in enumerate(entries):
        walked = walk_entry(project, entry)
        staying = {name for name, numbers in spared.items() if number not in numbers}
        for external in walked.externals:
            if external.moment == "start" and external.way and external.site is not None:
                if staying and (roots := heavy_here(project, external.names)) and staying.issuperset(roots):
                    continue
                yield number, Way(external.way.last), ""
        for path in sorted(frozenset().union(*(paths for name, paths in later.items() if name not in staying))):
            way = walked.ways.get(path) if path in walked.files["start"] else None
            if way is not None:
                yield number, way, path
    if not entries:
        yield from ((0, Way(Step(one.path, one.site.line, "")), "") for one in eager_imports(project, entries))


def _loaded(project: Project, *, only_start: bool) -> list[set[tuple[str, str]]]:
    """Return the heavy modules that each service of a project loads, with the moment of each: `start`, or any other."""
    return [
        {
            (root, "" if only_start and one.moment != "start" else one.moment)
            for one in walk_entry(project, entry).externals
            for root in heavy_here(project, one.names)
        }
        for entry in find_entries(project)
    ]


def _heavy_at_start(project: Project, service: Service) -> int:
    """Return what the heavy modules take that a service loads at start which nobody can estimate, in bytes."""
    entry = find_entry(project, service)
    if isinstance(entry, Skipped):
        return 0
    externals = [one for one in walk_entry(project, entry).externals if one.moment == "start"]
    roots = {root for one in externals for root in heavy_here(project, one.names)}
    return sum(project.cost_of(root)[0] or LEAST for root in roots)


def _brought(before: _Sizes, after: _Sizes) -> Iterator[str]:
    """Yield what a change brings to each service, at start and serving: what requests load is only loaded later."""
    for name, then in before.estimates.items():
        now = after.estimates.get(name)
        if now is not None and mib(now.start.expected) != mib(then.start.expected):
            start, serving = (f"{mib(then.at(one).expected)} → {mib(now.at(one).expected)}" for one in MOMENTS[:2])
            saved = before.sure[name].start.expected - after.sure[name].start.expected
            if then.start.expected - now.start.expected - saved >= LEAST:
                unknown = ", ".join(one.label for one in after.roots[name] if one.may_load)
                start += f", or {mib(then.start.expected - saved)} where {unknown} loads what it may,"
            kept = {one.name for one in after.roots[name] if one.moment == "start"}
            far = (one for one in before.roots[name] if one.moment == "start" and one.installed and one.name not in kept)
            told = "".join(f"; {one.label} {one.installed} was never measured" for one in far)
            yield f"{name}: {start} MiB at start, {serving} serving{told}"


def _told(path: str, result: _Result, replaced: Mapping[Part, str]) -> Iterator[str]:
    """Yield what was done in a file, a line for each name."""
    moves, rewritten = result.moves[path], result.files[path]
    for part in moves.removed:
        statement, alias = part
        name = alias.name
        if isinstance(statement, ast.ImportFrom):
            dots = "." * statement.level
            name = f"{dots}{statement.module}.{name}" if statement.module else f"{dots}{name}"
        hosts = dict.fromkeys(one.title for one in moves.hosts if part in one.imports)
        hosts |= dict.fromkeys(f"{one.value.getter}()" for one in moves.built if part in one.imports)
        if part in replaced:
            what = f"made lazy: {name}, by `{replaced[part]}`"
        elif hosts and not rewritten.hosts:
            what = f"made lazy: {name}"
        elif hosts:
            what = f"moved: {name} into {', '.join(hosts)}"
        elif part in moves.for_types:
            what = f"moved: {name}, for annotations alone"
        else:
            what = f"deleted: {name}, which nothing uses"
        yield f"{path}:{statement.lineno}: {what}"
    for one in moves.built:
        errors = f", as are errors of {one.value.type}()" if isinstance(one.value.statement.value, ast.Call) else ""
        errors = errors if one.value.type else ""
        what = f"built when it is first used{errors}: {one.value.name}, by {one.value.getter}()"
        yield f"{path}:{one.value.statement.lineno}: {what}"


def write(project: Project, change: ImportChange, *, force: bool) -> tuple[str, ...]:
    """Write what a plan makes of files, each at once, and return what was done.

    Raises MemguardError, before the first is written, where one has changes that git's index does not hold.
    """
    tree = project.tree
    assert isinstance(tree, WorkTree)
    unstaged = () if force else find_unstaged(tree, sorted(filter(tree.has, change.files)))
    if unstaged:
        raise MemguardError("has changes that are not staged: stage them, or fix with --force", unstaged[0])
    for path, data in sorted(change.files.items()):
        exchange_file(tree.target(path), tree.read(path), data, path)
    return change.done


def diff(project: Project, change: ImportChange) -> Iterator[str]:
    """Yield the lines of a unified diff of what a plan makes of files."""
    for path, data in sorted(change.files.items()):
        before, after = (_shown(one, path) for one in (project.tree.read(path) or b"", data))
        yield from unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm="")


def _shown(data: bytes, path: str) -> list[str]:
    return decode(data, path).split("\n")
