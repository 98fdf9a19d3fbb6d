"""Which files of a project may run in one program: those that imports connect, in either direction."""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.resolve import Resolver, absolute
from memguard_hooks.project.project import Project
from memguard_hooks.tree import parent


def find_groups(project: Project) -> dict[str, str]:
    """Return for each Python file the first of those that imports connect it with, itself where there is no other.

    The bytes of files say what they may import, so that a group is never too small.
    """
    firsts: dict[str, str] = {}

    def first_of(path: str) -> str:
        while (above := firsts.setdefault(path, path)) != path:
            path = above
        return path

    resolver = Resolver(project.tree, project.source_roots)
    for path in project.python_paths:
        for other in _imported(project, resolver, path):
            one, two = sorted((first_of(path), first_of(other)))
            firsts[two] = one
    return {path: first_of(path) for path in project.python_paths}


def _imported(project: Project, resolver: Resolver, path: str) -> Iterator[str]:
    """Yield the files of the project that a file may import."""
    is_package = path.endswith("/__init__.py")
    here = resolver.module_of(path)
    if not resolver.is_file(f"{parent(path)}/__init__.py".lstrip("/")):
        resolver = resolver.with_root(parent(path))
    try:
        sites = project.sources.narrow(path, project.target).analysis.sites
    except MemguardError:
        return
    for site in sites:
        module = absolute(site.module, site.level, here, is_package=is_package)
        yield from resolver.files(module) if module else ()
