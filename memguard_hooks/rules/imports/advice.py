"""What is said of a heavy import that runs at start: what holds it there, what moving it saves, and how it moves."""

from __future__ import annotations

from functools import cached_property

from memguard_hooks.app.heavy_imports import (
    Deferred,
    Eager,
    can_be_preloaded,
    deferred,
    is_for_developers,
    outcomes,
    price,
)
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import ALL_THE_SAME, AT_REQUEST, MIB, Change, Finding, Step, mib
from memguard_hooks.imports.model import AT_MODULE_LEVEL, FROM_OUTSIDE, IN_EXCEPT, IN_TRY
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from memguard_hooks.app.carriers import Carriers
    from memguard_hooks.app.heavy_imports import Loading
    from memguard_hooks.app.moved_saving import MovedSaving
    from memguard_hooks.imports.movable import Wanted
    from memguard_hooks.project.project import Project


HOOK = "no-eager-heavy-imports"

MAX_LOOKED = 2**18
"""Bytes of one file that are looked at for what holds its imports: each import after the first takes all of them again."""


class HeldImport(Record):
    """What keeps an import where it is, with the line of it, and what to do about that, empty where nothing is known."""

    reason: str
    remedy: str
    is_built_later: bool
    """Whether `--fix` does what the remedy says."""


def _sites_at(sites: Iterable[Step], places: frozenset[Step] | None) -> list[Step]:
    """Return the imports that stand at some places, all of them for None."""
    return [site for site in sites if places is None or site in places]


class Advice:
    """What comes of moving imports, found out once for all that it is the same of."""

    def __init__(self, project: Project, eager: Sequence[Eager]) -> None:
        self._project = project
        self._eager = eager
        self._held: dict[tuple[str, int, str], HeldImport | None] = {}
        self._unused: dict[tuple[str, int, int, str], str | None] = {}
        self._savings: dict[Hashable, MovedSaving | None] = {}
        self._outcomes: dict[tuple[str, tuple[tuple[str, int], ...]], list[tuple[Loading, Deferred]]] = {}
        self._looked: dict[str, int] = {}
        self._carriers: dict[tuple[tuple[str, str, str | None], ...], Carriers] = {}
        self._later: dict[tuple[tuple[tuple[str, str, str | None], ...], str], tuple[Step, ...]] = {}

    def deferred(self, eager: Eager) -> Deferred:
        """Return what moving all imports of a library brings to the services that load it."""
        return deferred(eager, self._outcomes_of(eager))

    def _outcomes_of(self, eager: Eager) -> list[tuple[Loading, Deferred]]:
        key = eager.root, self._services(eager)
        if key not in self._outcomes:
            self._outcomes[key] = outcomes(self._project, eager)
        return self._outcomes[key]

    @staticmethod
    def _services(eager: Eager) -> tuple[tuple[str, int], ...]:
        return tuple((one.entry.service.name, one.entry.service.line) for one in eager.services)

    def unused(self, eager: Eager) -> str | None:
        """Return the names that an import binds where nothing else in the file mentions them."""
        key = eager.path, eager.site.line, eager.site.column, eager.site.module
        if key not in self._unused:
            self._unused[key] = _unused(self._project, eager)
        return self._unused[key]

    def held(self, eager: Eager) -> HeldImport | None:
        """Return what keeps an import where it is."""
        key = eager.path, eager.site.line, eager.root
        if key not in self._held:
            self._held[key] = self._find_held(eager)
        return self._held[key]

    def _find_held(self, eager: Eager) -> HeldImport | None:
        from memguard_hooks.app.movable_imports import as_wanted, held, is_built_later, remedy
        from memguard_hooks.imports.movable import EXCEPT_DECIDES

        looked = self._looked.get(eager.path, 0)
        self._looked[eager.path] = looked + len(self._project.sources.data(eager.path))
        if looked and self._looked[eager.path] > MAX_LOOKED:
            return None
        wanted = as_wanted(self._project, eager)
        found = held(self._project, eager.path, wanted)
        if found is None:
            return None
        if found.reason == EXCEPT_DECIDES:
            known = f'ask `importlib.util.find_spec("{eager.root}")` there, which tells without loading it'
            return HeldImport(found.reason, known, is_built_later=False)
        known = remedy(self._project, eager.path, found.line)
        return HeldImport(found.reason, known, bool(known) and is_built_later(self._project, eager.path, wanted))

    def saving(self, eager: Eager, found: Finding) -> MovedSaving | None:
        """Return what a finding is worth to the services that load its import, None where nobody can tell.

        What is moved goes with all imports of its library; by itself it may save nothing where others go that load it too.
        """
        from memguard_hooks.app.moved_saving import find_saving

        if found.cost is None or eager.root in self._project.settings.heavy_add:
            return None
        is_deleted = found.code == "MG203"
        key = (eager.root, self._services(eager), is_deleted)
        if key not in self._savings:
            own = self._unused_places if is_deleted else None
            judged = eager.services if is_deleted else self._gaining(eager)
            without = [(one.entry, _sites_at(one.sites, own)) for one in judged]
            saving = find_saving(self._project, eager.root, without) if without else None
            if saving is not None and saving.is_little:
                others = (one for one in self._eager if is_deleted or one.root != eager.root)
                loaded = {id(loading.sites): loading.sites for one in others for loading in one.services}
                gone = {site for sites in loaded.values() for site in _sites_at(sites, self._movable_places)}
                together = find_saving(self._project, eager.root, without, gone) if gone else saving
                saving = saving if together.is_little else together
            self._savings[key] = saving
        return self._savings[key]

    def _gaining(self, eager: Eager) -> list[Loading]:
        """Return the services that gain by a move: those that never run the import then, or all where none is known to."""
        found = self._outcomes_of(eager)
        return [one for one, outcome in found if outcome == "never"] or [one for one, _ in found]

    @cached_property
    def _unused_places(self) -> frozenset[Step]:
        """The places of imports at module level that nothing uses: these go together."""
        return frozenset(
            Step(one.path, one.site.line, one.site.module)
            for one in self._eager
            if one.site.used_line is None and one.site.why == AT_MODULE_LEVEL and self.unused(one) is not None
        )

    @cached_property
    def _movable_places(self) -> frozenset[Step]:
        """The places of imports that nothing in their files holds."""
        return frozenset(Step(one.path, one.site.line, one.site.module) for one in self._eager if self._may_move(one))

    def _may_move(self, eager: Eager) -> bool:
        """Return whether nothing in its file holds an import."""
        found = self.held(eager)
        return found is None or found.is_built_later

    def later(self, eager: Eager) -> tuple[Step, ...]:
        """Return the imports by whose move the file of an eager import loads later, nothing where something prevents it."""
        from memguard_hooks.app.carriers import Carriers, HeldFile
        from memguard_hooks.app.movable_imports import held_all

        def held_by(path: str, wanted: list[Wanted]) -> HeldFile | None:
            try:
                found = held_all(self._project, path, wanted)
            except MemguardError as error:
                return HeldFile(path, error.line, error.message)
            return None if found is None else HeldFile(path, found.line, found.reason)

        services = tuple(dict.fromkeys((one.entry.service.name, one.entry.path, one.entry.module) for one in eager.services))
        if services not in self._carriers:
            entries = {(one.entry.service.name, one.entry.path, one.entry.module): one.entry for one in eager.services}
            self._carriers[services] = Carriers(self._project.whole, list(entries.values()))
        key = services, eager.path
        if key not in self._later:
            self._later[key] = self._carriers[services].would_move(eager.path, held_by)
        return self._later[key]


def find_reached(project: Project, eager: Eager, advice: Advice) -> Iterator[Finding]:
    """Yield what is wrong with an eager import that services load: nothing where each of them is better off with it."""
    found = find_eager(project, eager, advice)
    if eager.whenever or _is_for_developers(eager) or _is_of_a_command(project, eager):
        found = found._replace(severity="warning")
    if not eager.services:  # nobody knows that a process loads it
        is_held = found.code == "MG201" and not found.is_fixable and project.settings.scope != "all"
        yield found._replace(severity="warning") if is_held else found
        return
    outcome: Deferred = "never"
    own, is_of_sessions = _is_run_in_sessions(eager)
    if found.code == "MG201":
        is_of_page = is_of_sessions and eager.at_request
        outcome = "at start" if (own or is_of_page) and not found.is_fixable else advice.deferred(eager)
    if outcome == "no use":
        return
    saving = advice.saving(eager, found)
    saves_start = saving is not None and saving.is_of_start
    is_later = outcome == "later" or (outcome in ("never", "unknown") and saves_start)
    is_done = outcome in _AT_START or eager.site.why.endswith(FROM_OUTSIDE) or (is_later and saving is not None)
    if found.code == "MG201" and eager.at_request and is_done:
        return  # each process loads it as it serves, before and after
    if saving is not None and saving.is_little:
        yield found._replace(severity="warning", fix=(_of_little(found, saving),), is_fixable=found.code == "MG203")
    elif saving is not None and saving.doubt:
        yield found._replace(severity="warning", fix=(_of_doubt(found, eager, saving),), is_fixable=found.code == "MG203")
    elif found.code != "MG201":
        yield _with_saving(found, saving)._replace(severity="warning" if saves_start else found.severity)
    elif outcome in _AT_START and is_of_sessions:
        yield found._replace(severity="warning", fix=(_OF_SESSIONS,), is_fixable=False)
    elif is_later:
        yield _later(found, eager, saving)
    elif outcome in _AT_START:
        fix = "move the import into the function that uses it, and call that function later: now it runs at start"
        severity = "warning" if outcome == "at start and later" else found.severity
        yield found._replace(severity=severity, fix=(fix,), is_fixable=False)
    else:
        yield _with_saving(found, saving)


MEASURE = "`memguard measure` tells"
_AT_START = ("at start", "at start and later")


def _later(found: Finding, eager: Eager, saving: MovedSaving | None) -> Finding:
    """Return the finding of an import that each process runs later anyway."""
    size = found.cost if saving is None else saving.start
    cost = "what it takes" if size is None else f"{mib(size)} MiB"
    names = ", ".join(dict.fromkeys(one.entry.service.name for one in eager.services))
    fix = found.fix[0]
    fix += f"{';' if ': ' in fix else ':'} that moves {cost} from start to first use, in {names}"
    steps = (Change(f"{fix}: `memguard fix --to-start`", (f"{found.path}:{found.line}",)),) if found.is_fixable else ()
    return found._replace(severity="warning", fix=(fix,), steps=steps)


_CHANGES = {"MG201": "moving it", "MG202": "to use it later", "MG203": "deleting it"}
"""Code → what its fix does."""


def _of_little(found: Finding, saving: MovedSaving) -> str:
    """Say that a change by itself saves nothing to speak of, and what holds the rest."""
    most = max(saving.start, saving.judged)
    saved = f"{mib(most)} MiB" if most >= MIB else "nothing"
    what = _CHANGES[found.code]
    last = saving.holder
    loaded = f"{last.path}:{last.line} loads {last.module}" if last is not None else "other imports load what it brings"
    return f"{what} saves {saved} by itself: {loaded}{'' if last is None else ALL_THE_SAME}"


def _of_doubt(found: Finding, eager: Eager, saving: MovedSaving) -> str:
    """Say what a change saves at most, and what may load the library all the same."""
    most = mib(max(saving.start, saving.judged))
    return f"{_CHANGES[found.code]} saves up to {most} MiB: {saving.doubt} {eager.root}{ALL_THE_SAME}: {MEASURE}"


def _with_saving(found: Finding, saving: MovedSaving | None) -> Finding:
    """Return a finding that says what its fix saves, where that is not what the import takes by itself."""
    if saving is None or found.cost is None:
        return found
    if min(saving.start, saving.judged) >= found.cost * NEAR:
        return found
    start, serving = mib(saving.start), mib(max(0, saving.judged))
    saved = f"{start} MiB" if start == serving else f"{start} MiB at start and {serving} serving"
    joint = ", of which" if max(saving.start, saving.judged) <= found.cost else ";"  # what has no other taker leaves, too
    return found._replace(message=f"{found.message}{joint} the fix saves {saved}")


NEAR = 0.8
"""Share of what an import takes from which on its saving need not be told apart."""


_OF_SESSIONS = (
    "import it in the branch or the function that needs it: streamlit runs its script in each session, and the first one "
    "loads what stands at the top of its files"
)


def _is_run_in_sessions(eager: Eager) -> tuple[bool, bool]:
    """Return whether an import stands in the file that streamlit runs for each session, or in any that it loads then."""
    loads = bool(eager.services) and all(one.entry.command.program == "streamlit" for one in eager.services)
    return loads and all(one.entry.path == eager.path for one in eager.services), loads


def _is_for_developers(eager: Eager) -> bool:
    """Return whether only services load an import that compose starts without a limit: plausibly no deployment."""
    return bool(eager.services) and all(is_for_developers(one.entry) for one in eager.services)


def _is_of_a_command(project: Project, eager: Eager) -> bool:
    """Return whether only functions load an import, of programs that could not be followed to the command given to them."""
    commands = [one.entry.command for one in eager.services]
    if not commands or not all(one.program == "python" and one.workers is None for one in commands):
        return False
    return any(
        site.line == step.line and site.why.startswith("in function")
        for step in eager.way.chain
        for site in project.sources.analysis(step.path, project.target).sites
    )


def find_eager(project: Project, eager: Eager, advice: Advice | None = None) -> Finding:
    """Return what is said of one import, in the light of what comes of moving it where that is known."""
    path, site = eager.path, eager.site
    cost, measured = price(project, eager)
    takes = f": {mib(cost)} MiB with what it brings ({measured})" if cost is not None else ""
    name = eager.way.last.module
    if site.used_line is not None and site.used_column is not None:
        message = f"the lazy import of {name} in line {site.line} is resolved here, while the file loads{takes}"
        fix = f"use {name} only inside functions that run later"
        place = (path, site.used_line, site.used_column)
        return Finding(*place, "MG202", message, HOOK, name, "error", cost, eager.way.chain, (fix,))
    unused = _unused(project, eager) if advice is None else advice.unused(eager)
    when = AT_REQUEST if eager.at_request else "at start"
    when = eager.whenever or when
    only = ", if its command runs it" if _is_of_a_command(project, eager) else ""
    if unused is not None and site.why == "at module level":
        code, message = "MG203", f"{name} is loaded at start{only} and not used: nothing in this file names {unused}{takes}"
        fix, can_move = f"delete the import, if no other file takes {unused} from here", True
    else:
        code, message = "MG201", f"{name} is loaded {when}{only}, imported {site.why}{takes}"
        fix, can_move = _fix(project, eager, advice, is_unused=unused is not None)
    place = (path, site.line, site.column)
    return Finding(*place, code, message, HOOK, name, "error", cost, eager.way.chain, (fix,), site.end_line, can_move)


def _fix(project: Project, eager: Eager, advice: Advice | None, *, is_unused: bool) -> tuple[str, bool]:
    """Say what to do about an eager import, and whether `--fix` may do it."""
    why = eager.site.why
    if why.startswith("in function"):
        return "import it where it is used, or call the function later, when a request or a job needs it", False
    if is_unused and why in (IN_TRY, IN_EXCEPT):
        return f'ask `importlib.util.find_spec("{eager.root.partition(".")[0]}")`, which tells without loading it', False
    is_lazy_python = (project.settings.service.target_python or (3, 0)) >= (3, 15)
    lazy = (
        ", or write `lazy` before it" if is_lazy_python and why == "at module level" and eager.site.names != ("*",) else ""
    )
    shared = "; where --preload is to share it, leave it" if can_be_preloaded(eager) else ""
    held = advice.held(eager) if advice is not None else None
    if held is not None and held.is_built_later:
        return f"move the import into the function that uses it, and {held.remedy}: {held.reason}{shared}", True
    later = advice.later(eager) if advice is not None and held is not None and eager.services else ()
    if later and held is not None:
        places = ", ".join(dict.fromkeys(f"{one.path}:{one.line}" for one in later[:3]))
        more = f" and {len(later) - 3} more" if len(later) > 3 else ""
        return f"import this file later, in the functions that use it, not in {places}{more}: {held.reason}", True
    remedy = f"; {held.remedy}" if held is not None and held.remedy else ""
    first = f", once nothing holds it here: {held.reason}{remedy}" if held is not None else ""
    can_move = held is None and why in ("at module level", IN_TRY, IN_EXCEPT)
    return f"move the import into the function that uses it{first or lazy}{shared}", can_move


def _unused(project: Project, eager: Eager) -> str | None:
    """Return the names that an import binds where nothing else in the file mentions them."""
    from memguard_hooks.imports.uses import unused_names

    data = project.read_file(eager.path)
    return unused_names(data, eager.path, eager.site) if data is not None else None
