"""The walks from entry points, each made once a run and shared by all rules."""

from __future__ import annotations

from memguard_hooks.imports.graph import Walk, walk

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.app.moved_imports import MovedFile
    from memguard_hooks.finding import Step
    from memguard_hooks.imports.choices import Chooser
    from memguard_hooks.imports.model import Target
    from memguard_hooks.project.project import Project


def walk_entry(project: Project, entry: ServiceEntry) -> Walk:
    """Follow all imports of a service, by proof."""
    return walk_file(project, entry, entry.path, entry.module, entry.target)


def walk_file(project: Project, entry: ServiceEntry, path: str, module: str | None, target: Target) -> Walk:
    """Follow all imports of a file, as a service finds them."""
    key = _key(entry, path, module, target)
    found = project.walks.get(key)
    if found is None:
        found = project.walks[key] = _follow(entry, path, module, target)
    return found


def _follow(entry: ServiceEntry, path: str, module: str | None, target: Target) -> Walk:
    return walk(
        entry.sources.prove,
        entry.resolver,
        path,
        module,
        target,
        functions=entry.sources,
        serves=entry.serves,
        settings_file=entry.command.settings_file,
        chooser=_chooser(entry),
    )


def moved_walk(project: Project, entry: ServiceEntry, sites: Iterable[Step]) -> Walk | None:
    """Follow a service as it would be with imports moved into the functions that use them; None where they cannot be."""
    from memguard_hooks.imports.sources import SourceFiles
    from memguard_hooks.tree import EditedTree

    files = moved_files(project, entry, sites)
    if files is None:
        return None
    edited = EditedTree(project.tree, {path: moved.data for path, moved in files.items()})
    sources = SourceFiles(edited, project.facts, entry.sources.framework, entry.sources.started)
    return _follow(entry._replace(sources=sources), entry.path, entry.module, entry.target)


def moved_files(project: Project, entry: ServiceEntry, sites: Iterable[Step]) -> dict[str, MovedFile] | None:
    """Return files of a service with imports moved into the functions that use them, None where they cannot be.

    Raises MemguardError for a file that cannot be read.
    """
    from memguard_hooks.app.moved_imports import move_imports, takes_any

    edges = walk_entry(project, entry).edges
    lines: dict[str, set[int]] = {}
    for site in sites:
        lines.setdefault(site.path, set()).add(site.line)
    files: dict[str, MovedFile] = {}
    for path, numbers in lines.items():
        moved = move_imports(entry.sources.data(path), path, numbers)
        if moved is None:
            return None
        importers = (importer for importer, others in edges.items() if path in others)
        if any(takes_any(entry.sources.data(importer), importer, moved.names) for importer in importers):
            return None
        files[path] = moved
    return files


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
    return walk(source, entry.resolver, entry.path, entry.module, entry.target, only, chooser=_chooser(entry))


def _chooser(entry: ServiceEntry) -> Chooser:
    """Return what tells which conditions are known as a service runs."""
    from memguard_hooks.imports.choices import Chooser

    return Chooser(entry.sources, entry.resolver, entry.given)
