"""Which folders a program puts on `sys.path` itself, as `sys.path.append(os.path.dirname(__file__))` does."""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.errors import within
from memguard_hooks.imports.resolve import Resolver, absolute
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.tree import join, parse_once

MAX_FOLDERS = 20
"""Judgment: folders that one program puts on its path; each name of a module is looked up in all of them."""

MAX_READ = 2**19
"""Commas in the import statements of one file: one that is parsed has room for no more."""

MAX_NAMED = 10_000
"""Judgment: modules below folders of the project that one file names in imports; 1,000 lines of a hand name fewer."""

_IMPORTED = late_pattern(rb"(?m)^[ \t]*(?:from[ \t]+([\w.]+)|import[ \t]+([\w., \t]+))")

_EDITING = ("sys.path.append", "sys.path.insert", "site.addsitedir")
_MARKS = (b"sys.path.", b"addsitedir")


def with_own_path(project: Project, resolver: Resolver, path: str, folder: str) -> Resolver:
    """Return what finds modules also in the folders that a program, or a file that it imports, puts on `sys.path`.

    `folder` is where the program starts: what is written without `__file__` counts from there. A folder is looked in only
    for what is nowhere else.
    """
    files = (path, *_imported(project, resolver, path))
    found = dict.fromkeys(root for file in files for root in _put_on_path(project, file, folder))
    for root in within(list(found), MAX_FOLDERS, "folders that it puts on sys.path", path):
        if root not in resolver.roots:
            resolver = resolver.with_root(root)
    return resolver


def _imported(project: Project, resolver: Resolver, path: str) -> list[str]:
    """Return the files that a file names in its imports, and the packages that it stands in."""
    here = resolver.module_of(path)
    found = dict.fromkeys(resolver.files(here) if here else ())
    key = ("modules that its imports name", path, resolver.roots)
    for module in parse_once(project.tree, key, lambda: _named(project, resolver, path, here)):
        found.update(dict.fromkeys(resolver.files(module)))
    found.pop(path, None)
    return list(found)


def _named(project: Project, resolver: Resolver, path: str, here: str | None) -> list[str]:
    """Return the modules that the imports of a file name, of those that may be below a root."""
    is_package = path.endswith("/__init__.py")
    lists = [match[1] or match[2] for match in _IMPORTED.finditer(project.read_file(path) or b"")]
    within(range(sum(names.count(b",") for names in lists)), MAX_READ, "commas in its imports", path)
    found: dict[str, None] = {}
    for name in (one.split()[0].decode() for names in lists for one in names.split(b",") if one.strip()):
        stem = name.lstrip(".")
        module = absolute(stem, len(name) - len(stem), here, is_package=is_package)
        if module and resolver.may_find(module):
            found[module] = None
            if len(found) > MAX_NAMED:
                break
    return within(list(found), MAX_NAMED, "modules of the project in its imports", path)


def _put_on_path(project: Project, path: str, folder: str) -> Iterator[str]:
    """Yield the folders of the repository that a file puts on `sys.path`."""
    data = project.read_file(path) or b""
    if not any(mark in data for mark in _MARKS):
        return
    from memguard_hooks.formats.python_nodes import dotted
    from memguard_hooks.models.evaluation import WorkLeft
    from memguard_hooks.models.folding import Folding
    from memguard_hooks.models.values import RunContext, Sources

    sources = Sources(project.tree.read, lambda *_: None, lambda _: ())
    folding = Folding(sources, RunContext({}, frozenset(), (), {}), WorkLeft(), project.foldings.scope)
    module = folding.module(path)
    start = "" if b"__file__" in data else folder
    for call in module.calls if module is not None else ():
        if dotted(call.node.func) in _EDITING and call.node.args:
            for value in folding.values(call.node.args[-1], call.scope):
                root = join(start, value) if isinstance(value, str) else None
                if root is not None:
                    yield root
