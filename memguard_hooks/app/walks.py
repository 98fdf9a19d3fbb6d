"""The walks from entry points, each made once a run and shared by all rules."""

from __future__ import annotations

from memguard_hooks.imports.graph import Walk, walk
from memguard_hooks.imports.model import IN_TRY
from memguard_hooks.relations import grouped
from memguard_hooks.tree import parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.finding import Step
    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.model import Target
    from memguard_hooks.project.declared import Declared
    from memguard_hooks.project.project import Project


def walk_entry(project: Project, entry: ServiceEntry) -> Walk:
    """Follow all imports of a service, by proof."""
    return walk_file(project, entry, entry.path, entry.module, entry.target)


def walk_file(project: Project, entry: ServiceEntry, path: str, module: str | None, target: Target) -> Walk:
    """Follow all imports of a file, as a service finds them."""
    key = _key(entry, path, module, target)
    found = project.walks.get(key)
    if found is None:
        found = _follow(entry, path, module, target)
        if project.left_out is not None:
            from memguard_hooks.app.left_out import with_left_out

            found = with_left_out(found, project.tree, project.left_out, entry.resolver.roots)
        found = _without_absent(found, project.declared)
        project.walks[key] = found
    return found


def _without_absent(walked: Walk, declared: Declared) -> Walk:
    """Return a walk without what code does without where it is not installed, which it is not."""
    tried = {one.names[0].partition(".")[0] for one in walked.externals if one.site is not None and one.site.why == IN_TRY}
    absent = {name for name in tried if declared.leaves_out(name)}
    if not absent:
        return walked
    kept = tuple(one for one in walked.externals if one.names[0].partition(".")[0] not in absent)
    return walked._replace(externals=kept)


def _follow(entry: ServiceEntry, path: str, module: str | None, target: Target) -> Walk:
    """Follow the imports of a file, or take the walk of an earlier run that would be the same."""
    from memguard_hooks.imports.kept_walks import KeptWalks

    sources, chooser, settings_file = entry.sources, chooser_of(entry), entry.command.settings_file
    is_kept = not sources.is_edited
    given = (entry.serves, settings_file, sources.framework, sources.started, entry.given)
    kept = KeptWalks(sources, entry.resolver, chooser, target, (path, module, *given))
    found = kept.find() if is_kept else None
    if found is None:
        found = walk(
            sources.prove,
            entry.resolver,
            path,
            module,
            target,
            functions=sources,
            serves=entry.serves,
            settings_file=settings_file,
            chooser=chooser,
        )
        if is_kept and not sources.has_given_up:
            kept.keep(found)
    chooser.forget()
    return found._replace(asked={})  # what was asked is kept, and nobody else looks at it


def moved_walk(project: Project, entry: ServiceEntry, sites: Collection[Step]) -> Walk | None:
    """Follow a service as it would be with imports moved into the functions that use them; None where they cannot be."""
    key = "moved", _key(entry, entry.path, entry.module, entry.target), frozenset(sites)
    return parse_once(project.tree, key, lambda: _moved_walk(project, entry, sites))


def _moved_walk(project: Project, entry: ServiceEntry, sites: Collection[Step]) -> Walk | None:
    from memguard_hooks.app.moved_imports import move_imports
    from memguard_hooks.imports.sources import SourceFiles
    from memguard_hooks.tree import EditedTree

    lines = _lines(sites)
    if users_of_moved(project, entry, sites) is None:
        return None
    files = {path: move_imports(entry.sources.data(path), path, numbers) for path, numbers in lines.items()}
    edited = EditedTree(project.tree, {path: one.data for path, one in files.items() if one is not None})
    sources = SourceFiles(edited, project.facts, entry.sources.framework, entry.sources.started)
    moved = _follow(entry._replace(sources=sources), entry.path, entry.module, entry.target)
    return _without_absent(moved, project.declared)


def users_of_moved(project: Project, entry: ServiceEntry, sites: Iterable[Step]) -> list[tuple[str, str]] | None:
    """Return the functions that use imports, which can be moved into them, by file and name; None where they cannot be.

    Raises MemguardError for a file that cannot be read.
    """
    from memguard_hooks.app.moved_imports import find_move, takes_any

    edges = walk_entry(project, entry).edges
    users: list[tuple[str, str]] = []
    for path, numbers in _lines(sites).items():
        move = find_move(entry.sources, path, numbers)
        if move is None:
            return None
        importers = (importer for importer, others in edges.items() if path in others)
        if any(takes_any(entry.sources, importer, move.names) for importer in importers):
            return None
        users += ((path, name) for name in move.users)
    return users


def _lines(sites: Iterable[Step]) -> dict[str, set[int]]:
    return {path: {*lines} for path, lines in grouped((site.path, site.line) for site in sites).items()}


def _key(entry: ServiceEntry, path: str, module: str | None, target: Target) -> Hashable:
    """Return all that decides a walk."""
    sources, hooks = entry.sources, entry.command.settings_file
    context = (entry.resolver.roots, sources.framework, sources.started, entry.serves, hooks, entry.given)
    return path, module, target, context


def known_walk(project: Project, entry: ServiceEntry) -> Walk | None:
    """Return the walk of a service by proof, None where no rule has asked for it."""
    return project.walks.get(_key(entry, entry.path, entry.module, entry.target))


def rough_walk(entry: ServiceEntry) -> Walk:
    """Follow all that a service may import, as the bytes of files tell: far cheaper, and never too little."""
    return walk(entry.sources.narrow, entry.resolver, entry.path, entry.module, entry.target)


def partial_walk(entry: ServiceEntry, only: Collection[str]) -> Walk:
    """Follow the imports of a service by proof, through some files alone."""
    source = entry.sources.prove
    return walk(source, entry.resolver, entry.path, entry.module, entry.target, only, chooser=chooser_of(entry))


def chooser_of(entry: ServiceEntry) -> Chooser:
    """Return what tells which conditions are known as a service runs."""
    from memguard_hooks.imports.choices import Chooser

    return Chooser(entry.sources, entry.resolver, entry.given)
