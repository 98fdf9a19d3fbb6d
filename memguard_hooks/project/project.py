"""The lazy facts of one repository at one tree: each is read the first time that a rule asks."""

from __future__ import annotations

import fnmatch
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.finding import Skipped, at_fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memguard_hooks.catalog.heavy import Heavy
    from memguard_hooks.catalog.lock import Measured
    from memguard_hooks.deployment.service import Deployment
    from memguard_hooks.imports.cache import Cache
    from memguard_hooks.imports.layout import Layout
    from memguard_hooks.imports.model import Target
    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.imports.sources import SourceFiles
    from memguard_hooks.project.baseline import Baseline
    from memguard_hooks.project.declared import Declared
    from memguard_hooks.project.settings import Settings
    from memguard_hooks.tree import Tree

SOURCE = (".py", ".pyw")
MEASURED = "memguard.lock"
BASELINE = "memguard-baseline.json"
_NO_SERVICE = frozenset({"conftest", "setup", "noxfile"})
"""Files that no service loads, besides tests."""


class Since(NamedTuple):
    """What a change is judged against: a revision of git, and what the user calls it."""

    revision: str
    label: str


class Project:
    """One repository as rules see it.

    `files` are the paths that the user named, None for the whole project. What cannot be read is
    collected in `skipped`. `compared` is the other tree that the verdict on this one hangs on: the last commit, or what
    `since` names.
    """

    def __init__(
        self, tree: Tree, settings: Settings, files: Sequence[str] | None = None, since: Since | None = None
    ) -> None:
        self.tree = tree
        self.settings = settings
        self.files = None if files is None else tuple(files)
        self.since = since
        self.skipped: list[Skipped] = []
        self.compared: Tree | None = None

    @cached_property
    def whole(self) -> Project:
        """The same project, with all its files to judge."""
        return Project(self.tree, self.settings, since=self.since)

    def among(self, files: Sequence[str]) -> Project:
        """Return the same project with these files to judge; what is known of the whole is known there."""
        other = Project(self.tree, self.settings, files, self.since)
        other.whole = self.whole
        return other

    def at(self, tree: Tree) -> Project:
        """Return the same project in another tree; what was analyzed in one counts in the other."""
        other = Project(tree, self.settings, self.files)
        other.analyses = self.analyses
        self.compared = tree
        return other

    def close(self) -> None:
        """Keep for the next run what was found out about sources."""
        if self.files is not None and "whole" in self.__dict__:
            self.whole.close()
        elif "analyses" in self.__dict__:
            self.analyses.close()

    def is_excluded(self, path: str) -> bool:
        """Tell whether the settings leave a path out: a glob, or a folder and all below it."""
        return any(
            fnmatch.fnmatchcase(path, pattern) or path.startswith(pattern.rstrip("/") + "/")
            for pattern in self.settings.exclude
        )

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The files to judge: those that were named, or all."""
        from memguard_hooks.tree import walk

        found = self.files if self.files is not None else walk(self.tree)
        return tuple(path for path in found if not self.is_excluded(path)) if self.settings.exclude else tuple(found)

    @cached_property
    def python_paths(self) -> tuple[str, ...]:
        """The Python files to judge, without tests; a file that was named counts whatever its suffix."""
        return tuple(path for path in self.paths if (self.files is not None or path.endswith(SOURCE)) and not _is_test(path))

    @cached_property
    def suspects(self) -> tuple[str, ...]:
        """The Python files to judge whose bytes name a module that matters, or an allowance; no other can be at fault."""
        from memguard_hooks.imports.glance import may_import

        names = tuple(sorted({*self.heavy.modules, *self.settings.only_through}))
        # A few files are read faster than what is known of all.
        ledger = self.analyses.ledger("suspects", *names) if self.files is None else None
        found: list[str] = []
        for path in self.python_paths:
            stamp = self.tree.stamp(path) if ledger is not None else None
            known = ledger.get(path, stamp) if ledger is not None and stamp is not None else None
            if known is None:
                data = self._judged(path)
                if data is None:
                    continue
                known = (b"memguard:" in data or may_import(data, names),)
                if ledger is not None and stamp is not None:
                    ledger.put(path, stamp, known[0])
            if known[0]:
                found.append(path)
        return tuple(found)

    def _judged(self, path: str) -> bytes | None:
        """Return a file to judge; one that is not there or must not be read is noted."""
        try:
            data = self.tree.read(path)
            if data is None:
                raise MemguardError("no such file", path)
        except UnreadableError as error:
            self.unreadable(error, was_named=False)
        except MemguardError as error:
            self.broken(error)
        else:
            return data
        return None

    @cached_property
    def declared(self) -> Declared:
        """What the project declares, locks and installs."""
        from memguard_hooks.project.declared import Declared

        return Declared(self)

    def broken(self, error: MemguardError) -> None:
        """Note input that is at fault itself."""
        self.skipped.append(at_fault(error))

    def unreadable(self, error: UnreadableError, *, was_named: bool) -> None:
        """Note a file that must not be read: at fault where the user named it, else only left out."""
        if was_named:
            self.broken(error)
        else:
            self.skipped.append(Skipped(error.path or ".", error.line, error.message))

    # Footprints

    @cached_property
    def heavy(self) -> Heavy:
        """The modules that are heavy under the settings."""
        from memguard_hooks.catalog.heavy import heavy_modules

        settings = self.settings
        return heavy_modules(settings.heavy_threshold, settings.heavy_add, settings.heavy_remove)

    def cost_of(self, module: str) -> tuple[int | None, str]:
        """Return what a measured module root takes, in bytes, and which version was measured.

        The version that the project declares counts, where it or one near to it was measured.
        """
        from memguard_hooks.catalog import lookup

        measured = lookup.modules().get(module, ())
        declared = [one.distribution for one in measured if one.distribution in self.declared.versions]
        distribution = declared[0] if declared else None
        footprint = lookup.find(module, distribution, self.declared.versions.get(distribution or ""), self.python)
        if footprint is None:
            return None, ""
        return footprint.resident, f"{footprint.distribution} {footprint.version}"

    @cached_property
    def measured(self) -> Mapping[str, Measured]:
        """What `memguard measure` found of entry points, by the project's `memguard.lock`; nothing where it has none."""
        if not any(entry.name == MEASURED and not entry.is_folder for entry in self.tree.entries("")):
            return {}
        from memguard_hooks.catalog import lock

        try:
            return lock.read(self.tree.read(MEASURED) or b"", MEASURED)
        except UnreadableError as error:
            self.unreadable(error, was_named=False)
        except MemguardError as error:
            self.broken(error)
        return {}

    @cached_property
    def baseline(self) -> Baseline | None:
        """The findings that are known, None where the project keeps no such file. Raises MemguardError for a broken one."""
        named = self.settings.baseline
        if named is None and self.tree.stamp(BASELINE) is None:
            return None  # as in most projects, at the price of one look
        from memguard_hooks.project.baseline import read

        return read(self.tree, named)

    @property
    def python(self) -> str | None:
        """The target Python of the settings, as `3.11`."""
        version = self.settings.service.target_python
        return None if version is None else f"{version[0]}.{version[1]}"

    # Imports

    @cached_property
    def analyses(self) -> Cache:
        """What is known of sources, by their content."""
        if self.files is not None:
            return self.whole.analyses
        from memguard_hooks.cache_folder import find_folder
        from memguard_hooks.imports.cache import Cache

        return Cache(find_folder(self.tree.root))

    @cached_property
    def sources(self) -> SourceFiles:
        """The Python files, each by itself."""
        if self.files is not None:
            return self.whole.sources
        from memguard_hooks.imports.sources import SourceFiles

        return SourceFiles(self.tree, self.analyses)

    @cached_property
    def target(self) -> Target:
        """What decides conditions in a file by itself; the deployment is asked only where it can matter."""
        from memguard_hooks.imports.model import LAZY_PYTHON, Target

        python = self.settings.service.target_python
        services = self.deployment.services if python is not None and python >= LAZY_PYTHON else ()
        is_lazy = bool(services) and all(one.environment.get("PYTHON_LAZY_IMPORTS") == "all" for one in services)
        return Target(python, lazy_all=is_lazy)

    @cached_property
    def layout(self) -> Layout:
        """Where the packages of the project stand, and the commands that it installs."""
        if self.files is not None:
            return self.whole.layout
        from memguard_hooks.imports.layout import read_layout

        return read_layout(self.tree)

    @cached_property
    def source_roots(self) -> tuple[str, ...]:
        """The folders that are on `sys.path` of the services, as far as files and settings tell."""
        folders = [service.folder for service in self.deployment.services]
        return tuple(dict.fromkeys([*self.settings.source_roots, *folders, *self.layout.roots, "", "src"]))

    def is_first_party(self, module: str, path: str) -> bool:
        """Tell whether a file of the project hides the library of that name from the file `path`."""
        from memguard_hooks.tree import parent

        resolver, folder = self._first_party, parent(path)
        if not resolver.is_file(f"{folder}/__init__.py".lstrip("/")):
            resolver = resolver.with_root(folder)  # a folder of scripts, the first on the path of each
        found = resolver.files(module)
        return bool(found) and found[-1] != path

    @cached_property
    def _first_party(self) -> Resolver:
        """What finds the modules of the project, and lists each folder once."""
        from memguard_hooks.imports.resolve import Resolver

        return Resolver(self.tree, self.source_roots)

    # Deployment

    @cached_property
    def deployment(self) -> Deployment:
        """The services of the project, as its deployment files declare them."""
        found, errors = self.discovered
        for error in errors:
            self.broken(error)
        self.skipped += found.skipped
        return found

    @cached_property
    def discovered(self) -> tuple[Deployment, list[MemguardError]]:
        """The deployment, and what is at fault in its files: for rules that ask it in passing."""
        if self.files is not None:
            return self.whole.discovered
        from memguard_hooks.deployment.discover import discover

        errors: list[MemguardError] = []
        return discover(self.tree, errors.append, self.is_excluded), errors

    def read_file(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none that may be read."""
        try:
            return self.tree.read(path)
        except MemguardError:
            return None


def _is_test(path: str) -> bool:
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0]
    is_among_tests = "tests" in folders or "test" in folders
    return is_among_tests or stem.startswith("test_") or stem.endswith("_test") or stem in _NO_SERVICE
