"""The heavy imports of a project that run eagerly: from its entry points on, or file by file.

Narrow, then prove: the bytes of files tell which may lead to a heavy module; only these are analyzed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Moment, Skipped, Step, Way
from memguard_hooks.imports.model import Analysis, ImportSite
from memguard_hooks.project.project import Project
from memguard_hooks.record import Literal, Record, TypeAlias
from memguard_hooks.relations import grouped
from memguard_hooks.tree import parent, parse_once


class Loading(Record):
    """A service that loads a heavy module at start, and all statements that do."""

    entry: ServiceEntry
    sites: tuple[Step, ...]


class Eager(Record):
    """One import that loads a heavy module, `root`, and the shortest way that leads to it.

    `at_request` tells that it runs at the first request, after the workers were forked; `services` are those that load
    it, none where the file is judged by itself. `whenever` says when that loads it, where nobody knows that an app does.
    """

    path: str
    site: ImportSite
    root: str
    way: Way
    at_request: bool = False
    services: tuple[Loading, ...] = ()
    whenever: str = ""


def heavy_roots(project: Project, names: tuple[str, ...]) -> list[str]:
    """Return the heavy modules that importing some names runs, each once, without those that the settings allow."""
    found = dict.fromkeys(root for name in names if (root := project.heavy.root_of(name)) is not None)
    return [root for root in found if root not in project.settings.heavy_allow]


def heavy_here(project: Project, names: tuple[str, ...]) -> list[str]:
    """Return the heavy modules that importing some names runs, in the versions that the project installs.

    What is heavy for its cost is that in its newest version; in an older one it may be light.
    """
    from memguard_hooks.catalog.heavy import DEFAULT

    settings = project.settings
    found: list[str] = []
    for root in heavy_roots(project, names):
        cost = None if {root, *project.heavy.modules[root]} & {*DEFAULT, *settings.heavy_add} else project.cost_of(root)[0]
        if cost is None or cost >= settings.heavy_threshold:
            found.append(root)
    return found


def find_entries(project: Project) -> list[ServiceEntry]:
    """Return what the services of a project load first, as far as files tell; nothing where the scope is all files.

    Where nothing else starts, the commands that the project installs decide what is reachable; where no file declares a
    start at all, the only likely one does.
    """
    if project.settings.scope == "all":
        return []
    from memguard_hooks.app.entry_points import (
        ServiceEntry,
        console_scripts,
        find_entries_of,
        find_services,
        is_installed_program,
        read_command,
    )
    from memguard_hooks.app.likely_starts import find_judged
    from memguard_hooks.deployment.servers import FOREIGN

    found: list[ServiceEntry] = []
    unknown: list[Skipped] = []
    declared = find_services(project) if has_starts(project) else find_judged(project)
    services = declared or console_scripts(project)
    for service, entry in ((one, entry) for one in services for entry in find_entries_of(project, one)):
        if isinstance(entry, ServiceEntry):
            found.append(entry)
        elif read_command(project, service).program not in FOREIGN and not is_installed_program(project, service):
            unknown.append(entry._replace(reason=f"{service.name} is not followed: {entry.reason}"))
    project.skipped += unknown
    return found


def eager_imports(project: Project, entries: list[ServiceEntry]) -> Iterator[Eager]:
    """Yield the eager heavy imports that the files to judge have a part in, by place."""
    if entries:
        yield from _reachable(project, entries)
    elif project.settings.scope == "reachable":
        reason = "no entry point is known, and the scope is what one reaches: nothing is judged"
        project.skipped.append(Skipped(".", None, reason))
    elif project.settings.scope == "all" or not is_library(project):
        whenever = "wherever this file is loaded" if project.settings.scope != "all" and has_starts(project) else ""
        for path in project.suspects:
            yield from (one._replace(whenever=whenever) for one in eager_in_file(project, path))
    else:
        for path in filter(lambda one: _is_packaged(project, one), project.suspects):
            for eager in eager_in_file(project, path):
                if is_declared(project, eager.root):
                    yield eager._replace(whenever="by whoever imports this package")


def is_library(project: Project) -> bool:
    """Return whether a project is a package that others import: it can be installed, and nothing here starts it."""
    from memguard_hooks.app.likely_starts import find_likely

    if not project.layout.roots or project.layout.scripts or project.settings.service.entrypoints:
        return False
    return not has_starts(project) and not find_likely(project)


def has_starts(project: Project) -> bool:
    """Return whether a deployment file declares a start, also one that cannot be followed."""
    return bool(project.deployment.services) or any(gap.service for gap in project.deployment.skipped)


_EXTENDING = (b"load_extension", b"plugins=")
"""What loads extensions of discord.py by their names, and the folder of plugins that a client of pyrogram is given."""

AROUND = frozenset({"benchmark", "benchmarks", "doc", "docs", "example", "examples", "notebooks", "scripts", "tools"})
"""Folders around a package that nobody installs with it."""


def _is_packaged(project: Project, path: str) -> bool:
    """Return whether a file lies in a package that is installed, or is a module by itself that is."""
    folder = parent(path)
    if AROUND & set(path.split("/")[:-1]):
        return False
    if project.tree.has(f"{folder}/__init__.py"):
        return True
    beside = (f"{folder}/{one.name}/__init__.py".lstrip("/") for one in project.tree.entries(folder) if one.is_folder)
    return folder in project.layout.roots and not any(map(project.tree.has, beside))


def is_declared(project: Project, root: str) -> bool:
    """Return whether a manifest or a lock of the project names what provides a heavy module; true where there is none."""
    from memguard_hooks.dependencies.requirement import normalize_name

    inventory = project.declared.inventory
    names = {normalize_name(name) for name in project.heavy.modules[root]}
    named = {one.name for one in inventory.requirements} | {name for lock in inventory.locks for name in lock.packages}
    return not named or not names.isdisjoint(named)


def _reachable(project: Project, entries: list[ServiceEntry]) -> Iterator[Eager]:
    from memguard_hooks.app.walks import known_walk, partial_walk, rough_walk, walk_entry
    from memguard_hooks.imports.graph import leading_to

    staged = None if project.named is None else frozenset(project.paths)
    found: dict[tuple[str, int, int, str], Eager] = {}
    for entry in entries:
        proven = known_walk(project, entry)
        if proven is None:
            rough = rough_walk(entry)
            project.skipped += rough.notes
            sources = (entry.sources.data(path) for files in rough.files.values() for path in files)
            if any(part in data for data in sources for part in _EXTENDING):
                proven = walk_entry(project, entry)  # the rough one follows no names in texts
                project.skipped += proven.skipped
        if proven is None:
            leading = leading_to(rough, lambda external: bool(heavy_roots(project, external.names)))
            if staged is not None and not staged & leading:
                continue
            proven = partial_walk(entry, leading)
            project.skipped += proven.skipped
        eager_ones = [one for one in proven.externals if one.moment != "all" and not one.call and one.site is not None]
        sites_of: dict[str, tuple[Step, ...]] = {}
        for external in eager_ones:
            if external.site is None or external.way is None:
                continue
            path = external.way.last.path
            if project.is_excluded(path) or (staged is not None and not any(step.path in staged for step in external.way)):
                continue
            for root in heavy_here(project, external.names):
                if _is_missed(project, path, external.site, root):
                    continue
                key = (path, external.site.line, external.site.column, root)
                last = external.way.last._replace(module=_told(project, external.names[0], root))
                eager = Eager(path, external.site, root, Way(last, external.way.before), external.moment == "serving")
                known = found.get(key)
                if root not in sites_of:
                    sites_of[root] = tuple(one.way.last for one in eager_ones if one.way and _loads(one.names, root))
                services = (*(known.services if known is not None else ()), Loading(entry, sites_of[root]))
                if known is None or (known.at_request, len(known.way)) > (eager.at_request, len(eager.way)):
                    known = eager
                found[key] = known._replace(services=services)
    yield from (found[key] for key in sorted(found))


def _is_missed(project: Project, path: str, site: ImportSite, root: str) -> bool:
    """Return whether an import of what is not installed only stands in for another that failed."""
    from memguard_hooks.imports.model import IN_EXCEPT

    return site.why == IN_EXCEPT and project.declared.beside(path).lacks(root)


Deferred: TypeAlias = "Literal['never', 'later', 'at start', 'at start and later', 'unknown', 'no use']"
"""What comes of an import that is deferred: some service never runs it, each runs it later, what it moves into runs at start
itself, and besides what each runs later, nobody can tell, or to defer it is of no use to any."""


def deferred(eager: Eager, by_service: Iterable[tuple[Loading, Deferred]]) -> Deferred:
    """Return what moving an eager import into the functions that use it brings, of what it brings to each service.

    Where workers share what was loaded before the fork, and where the handler is all there is, it is of no use.
    """
    found = {outcome for _, outcome in by_service}
    if not found:
        return "no use" if eager.services else "unknown"
    order: tuple[Deferred, ...] = ("unknown", "never", "at start", "at start and later", "later")
    return next(one for one in order if one in found)


def outcomes(project: Project, eager: Eager) -> list[tuple[Loading, Deferred]]:
    """Return what moving an eager import brings to each of the services that load it and may gain by that."""
    useful = (one for one in eager.services if is_useful(one.entry))
    return [(one, _outcome(project, one.entry, one.sites, eager.root)) for one in useful]


def _outcome(project: Project, entry: ServiceEntry, sites: Sequence[Step], root: str) -> Deferred:
    from memguard_hooks.project.settings import JUDGED

    moments = _moments_when_moved(project, entry, sites, root)
    if moments is None:
        return "unknown"
    is_start_judged = (entry.settings.judge or JUDGED) == "start"
    is_later = "serving" in moments and not is_start_judged
    if "start" in moments:
        return "at start and later" if is_later else "at start"
    return "later" if is_later else "never"


def _moments_when_moved(project: Project, entry: ServiceEntry, sites: Sequence[Step], root: str) -> set[Moment] | None:
    """Return when a service loads a library once some imports of it are moved, None where nobody can tell.

    What runs does not hang on what of others is imported, so the walk that was made tells that, without another one. What
    requests use of what is built of the library as the app starts needs it in any case, moved or held where it is.
    """
    from memguard_hooks.app.kept_values import is_used_in_requests, kept_at_load, kept_by
    from memguard_hooks.app.walks import users_of_moved, walk_entry

    walked = walk_entry(project, entry)
    left = (one for one in walked.externals if _loads(one.names, root))
    moments = {one.moment for one in left if one.way is None or one.way.last not in sites}
    try:
        users = users_of_moved(project, entry, sites)
        if users is None:
            lines = grouped((site.path, site.line) for site in sites)
            kept = [(path, kept_at_load(entry.sources, path, numbers)) for path, numbers in lines.items()]
        else:
            moments.update(walked.ran[user] for user in users if user in walked.ran)
            starting = grouped((path, name) for path, name in users if walked.ran.get((path, name)) == "start")
            kept = [(path, kept_by(entry.sources, path, names)) for path, names in starting.items()]
        is_used = "serving" not in moments and any(is_used_in_requests(entry, walked, path, one) for path, one in kept)
    except MemguardError:
        return None
    if users is None and (moments or not is_used):
        return None
    if users is None:  # a function that runs as the app starts loads it then, wherever the import stands
        moments.update(walked.ran[path, user] for path, one in kept for user in one.users if (path, user) in walked.ran)
    return moments | {"serving"} if is_used else moments


def _loads(names: tuple[str, ...], root: str) -> bool:
    return any(_is_below(name, root) for name in names)


def price(project: Project, eager: Eager) -> tuple[int | None, str]:
    """Return what an eager import takes by itself, and which version was measured: that of the first service's estimate."""
    if not eager.services:
        return project.cost_of(eager.root, parent(eager.path))
    entry = eager.services[0].entry
    python = entry.target.python and f"{entry.target.python[0]}.{entry.target.python[1]}"
    key = ("price", project.declared, eager.root, parent(entry.path), python)
    return parse_once(project.tree, key, lambda: _price(project, eager.root, parent(entry.path), python))


def _price(project: Project, name: str, folder: str, python: str | None) -> tuple[int | None, str]:
    from memguard_hooks.app.estimate import FigureSources
    from memguard_hooks.imports.graph import Walk

    sources = FigureSources(project.declared, folder, Walk({}, (), {}), python)
    root = sources.root(name)
    if root.footprint is None:
        return project.cost_of(name)
    return root.resident, root.footprint.named(sources.pinned.versions.get(root.footprint.distribution))


def is_for_developers(entry: ServiceEntry) -> bool:
    """Return whether a service is plausibly no deployment: compose starts it, and nothing bounds its memory."""
    settings, service = entry.settings, entry.service
    return service.platform == "compose" and service.limit is None and settings.limit is None and settings.platform is None


def can_be_preloaded(eager: Eager) -> bool:
    """Return whether some service has workers of gunicorn that would share the import if they were preloaded."""
    commands = (one.entry.command for one in eager.services)
    return any(one.server == "gunicorn" and one.start == "fork" and (one.workers or 1) > 1 for one in commands)


def is_useful(entry: ServiceEntry) -> bool:
    """Return whether deferring brings a service anything: not where workers share all, or the handler is all there is."""
    command, is_lambda = entry.command, entry.service.command.startswith("lambda-handler ")
    return not (is_lambda or (command.start == "preload" and (command.workers or 1) > 1))


def eager_in_file(project: Project, path: str) -> Iterator[Eager]:
    """Judge one file by itself; what cannot be read or analyzed is noted."""
    analysis = _analysis(project, path, lambda names: bool(heavy_roots(project, names)))
    for unknown in analysis.unknown:
        from memguard_hooks.imports.model import COMPUTED

        project.skipped.append(Skipped(path, unknown.line, f"{COMPUTED}: {unknown.text}"))
    for site in analysis.sites:
        if site.when == "import" and site.level == 0:
            for root in heavy_here(project, _names(site)):
                if not project.is_first_party(root, path) and not _is_missed(project, path, site, root):
                    yield Eager(path, site, root, Way(Step(path, site.line, _told(project, site.module, root))))


def imported_at_load(project: Project, paths: Iterable[str], may_matter: Callable[[tuple[str, ...]], bool]) -> set[str]:
    """Return the modules of others that some files import as they load, by name, where these matter."""
    sites = (site for path in paths for site in _analysis(project, path, may_matter).sites)
    return {name for site in sites if site.when == "import" and site.level == 0 for name in _names(site)}


def imports_past_modules(project: Project) -> Iterator[tuple[str, str, str, ImportSite]]:
    """Yield the library, its module, the file and the import wherever a library does not come through its module."""
    wanted = project.settings.only_through
    for path in project.suspects if wanted else ():
        analysis = _analysis(project, path, lambda names: any(_is_below(name, one) for name in names for one in wanted))
        for site in analysis.sites:
            for library, module in wanted.items() if site.when != "never" and site.level == 0 else ():
                stem = path.removesuffix(".py").removesuffix("/__init__")
                is_own = f"/{stem}".endswith("/" + module.replace(".", "/"))
                if any(_is_below(name, library) for name in _names(site)) and not is_own:
                    yield library, module, path, site


def _analysis(project: Project, path: str, may_matter: Callable[[tuple[str, ...]], bool]) -> Analysis:
    """Analyze a file whose bytes say that it may matter; a file that cannot be read or analyzed is noted."""
    from memguard_hooks.imports.model import Analysis
    from memguard_hooks.imports.narrow import candidates

    try:
        names = candidates(project.sources.data(path))
        if names is None or may_matter(names):
            return project.sources.analysis(path, project.target)
    except MemguardError as error:
        project.skipped.append(Skipped(path, error.line, error.message))
    return Analysis()


def _names(site: ImportSite) -> tuple[str, ...]:
    return (site.module, *(f"{site.module}.{name}" for name in site.names))


def _is_below(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _told(project: Project, module: str, root: str) -> str:
    """Return the name that a message gives to an import: as it is written, where that loads the heavy module."""
    return module if project.heavy.root_of(module) == root else root
