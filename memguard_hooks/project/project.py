"""The lazy facts of one repository at one tree: each is read the first time that a rule asks."""

from __future__ import annotations

import os
from functools import cached_property, partial

from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.project.files import Files
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from memguard_hooks.catalog.heavy import Heavy
    from memguard_hooks.catalog.lock import Measured
    from memguard_hooks.catalog.lookup import Footprint
    from memguard_hooks.deployment.service import Deployment
    from memguard_hooks.imports.facts import Facts
    from memguard_hooks.imports.graph import Walk
    from memguard_hooks.imports.layout import Layout
    from memguard_hooks.imports.model import Target
    from memguard_hooks.imports.resolve import Resolver
    from memguard_hooks.imports.sources import SourceFiles
    from memguard_hooks.models.foldings import Foldings
    from memguard_hooks.project.baseline import Baseline
    from memguard_hooks.project.declared import Declared
    from memguard_hooks.project.settings import Settings
    from memguard_hooks.store import Store
    from memguard_hooks.tree import RevisionTree, Tree

SMALL = 200
"""Paths that a run has seen: of fewer the files are read as fast as the looks at them."""

MAX_NAMES = 5_000
"""Paths that a run has seen of which it keeps the names of contents: each takes some 100 bytes, and is read by each run."""

MEASURED = "memguard.lock"
BASELINE = "memguard-baseline.json"


class Since(Record):
    """What a change is judged against: a revision of git, and what the user calls it."""

    revision: str
    label: str


class Project(Files):
    """One repository as rules see it, with the files that are to be judged.

    `since` is what it is compared with, the last commit by default.
    """

    def __init__(
        self, tree: Tree, settings: Settings, named: Sequence[str] | None = None, since: Since | None = None
    ) -> None:
        super().__init__(tree, settings.exclude, named)
        self.settings = settings
        self.since = since
        self._walks: dict[Hashable, Walk] = {}

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
        other = Project(tree, self.settings, self.named)
        other.facts = self.facts
        other.foldings = self.foldings
        return other

    def edited(self, files: Mapping[str, bytes]) -> Project:
        """Return the same project in which some Python files have another content: what is declared and deployed stays."""
        from memguard_hooks.tree import EditedTree

        other = self.at(EditedTree(self.tree, files))
        for name in ("declared", "discovered", "deployment", "layout", "measured"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    @cached_property
    def before(self) -> Project | None:
        """The same project at the commit that it is compared with; None without one, and in a sparse work tree."""
        if self.named is not None:
            return self.whole.before
        from memguard_hooks.tree import RevisionTree, WorkTree

        if self._is_sparse:
            return None
        beside = self.tree if isinstance(self.tree, WorkTree) else None
        head = RevisionTree(self.tree.root, "HEAD" if self.since is None else self.since.revision, beside=beside)
        if head.exists():
            return self.at(head)
        head.close()
        return None

    @cached_property
    def _is_sparse(self) -> bool:
        from memguard_hooks.git import is_sparse

        return is_sparse(self.tree.root)

    @cached_property
    def left_out(self) -> RevisionTree | None:
        """The last commit, where the work tree is sparse and so holds only some of it."""
        if self.named is not None:
            return self.whole.left_out
        from memguard_hooks.tree import RevisionTree, WorkTree

        if not isinstance(self.tree, WorkTree) or not self._is_sparse:
            return None
        head = RevisionTree(self.tree.root)
        return head if head.exists() else None

    @property
    def is_compared(self) -> bool:
        """Return whether a rule has asked for that commit."""
        return self.whole.is_compared if self.named is not None else "before" in self.__dict__

    def close(self) -> None:
        """End git, and keep for the next run what was found out about sources."""
        if self.named is not None:
            if "whole" in self.__dict__:
                self.whole.close()
            return
        if "facts" in self.__dict__:
            self._keep_names()
            self.facts.store.close()
        if self.is_compared and self.before is not None:
            self.before.tree.close()
        left_out = self.__dict__.get("left_out")
        if left_out is not None:
            left_out.close()

    @property
    def walks(self) -> dict[Hashable, Walk]:
        """The walks from entry points that were made in this run, by what decides them."""
        return self._walks if self.named is None else self.whole.walks

    @cached_property
    def foldings(self) -> Foldings:
        """What finds the values of expressions as services run them, in this tree and in others."""
        if self.named is not None:
            return self.whole.foldings
        from memguard_hooks.models.foldings import Foldings

        return Foldings(self.facts.store)

    @cached_property
    def suspects(self) -> tuple[str, ...]:
        """The Python files to judge whose bytes name a module that matters, or an allowance; no other can be at fault."""
        from memguard_hooks.imports.narrow import may_import

        names = frozenset({*self.heavy.modules, *self.settings.only_through})
        found: list[str] = []
        for path in self.python_paths:
            data = self.read_judged(path)
            if data is not None and (b"memguard:" in data or may_import(data, names)):
                found.append(path)
        return tuple(found)

    @cached_property
    def declared(self) -> Declared:
        """What the project declares, locks and installs."""
        from memguard_hooks.project.declared import Circumstances, Declared

        around = Circumstances(
            lambda: self.discovered[0].services, self.settings.service.target_python, self._measured_names
        )
        return Declared(self, around, None if self.named is None else self.whole.declared)

    def _measured_names(self) -> Iterator[str]:
        """Yield the distributions that the project has measured itself."""
        for entry in self.measured.values():
            yield from (one.distribution for one in entry.packages.values() if one.distribution)

    # Footprints

    @cached_property
    def heavy(self) -> Heavy:
        """The modules that are heavy under the settings."""
        if self.named is not None:
            return self.whole.heavy
        from memguard_hooks.catalog.heavy import heavy_modules

        settings = self.settings
        return heavy_modules(settings.heavy_threshold, settings.heavy_add, settings.heavy_remove)

    def cost_of(self, module: str, folder: str = "") -> tuple[int | None, str]:
        """Return what a measured module root takes, in bytes, and which version was measured.

        The version that the project declares for a folder counts, where it or one near to it was measured.
        """
        from memguard_hooks.catalog import lookup

        versions = self.declared.near(folder).versions
        measured = lookup.modules().get(module, ())
        distribution = next((one.distribution for one in measured if one.distribution in versions), None)
        version = versions.get(distribution or "")
        footprint = lookup.find(module, distribution, version, self.python)
        if footprint is None:
            return None, ""
        return footprint.resident, footprint.named(version)

    def largest_of(self, package: str, *builds: str, version: str | None = None) -> Footprint | None:
        """Return what was measured of the largest module of a package: in a version, or in the one that is declared."""
        from memguard_hooks.catalog import lookup

        return lookup.find_largest(
            package, *builds, version=version or self.declared.versions.get(package), python=self.python
        )

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
        if named is None and not self.tree.has(BASELINE):
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
    def facts(self) -> Facts:
        """What is known of sources, by their content."""
        if self.named is not None:
            return self.whole.facts
        from memguard_hooks.imports.facts import Facts
        from memguard_hooks.store import Store, find_folder

        store = Store(find_folder(self.tree.root))
        self._recall_names(store)
        return Facts(store)

    def _recall_names(self, store: Store) -> None:
        """Tell the work tree the names of contents that an earlier run has found, with how the files looked."""
        from memguard_hooks.tree import WorkTree

        if isinstance(self.tree, WorkTree):
            self.tree.earlier = store.known(dict, b"names of contents", os.fsencode(self.tree.root)) or {}

    def _keep_names(self) -> None:
        """Keep the names of contents of a large project: to read all files for these takes longer than to look at them."""
        from memguard_hooks.tree import WorkTree

        tree = self.tree
        if not isinstance(tree, WorkTree) or not tree.is_steady or not SMALL <= len(tree.seen) <= MAX_NAMES:
            return
        names = tree.settled_names()
        if names != tree.earlier:
            self.facts.store.put(names, b"names of contents", os.fsencode(tree.root))

    @property
    def has_given_up(self) -> bool:
        """Whether there was no time to analyze all files, which the next run goes on with."""
        whole = self if self.named is None else self.__dict__.get("whole")
        return whole is not None and "facts" in whole.__dict__ and whole.facts.has_given_up

    @cached_property
    def sources(self) -> SourceFiles:
        """The Python files, each by itself."""
        if self.named is not None:
            return self.whole.sources
        from memguard_hooks.imports.sources import SourceFiles

        return SourceFiles(self.tree, self.facts)

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
        if self.named is not None:
            return self.whole.layout
        from memguard_hooks.imports.layout import read_layout

        found = read_layout(self.tree)
        self.skipped += found.skipped
        return found

    def layout_beside(self, folder: str) -> Layout:
        """Return the layout of the project in the folder of a service, of those that commands install, and of the root."""
        from memguard_hooks.imports.layout import FILES, read_layout
        from memguard_hooks.tree import parent, parse_once

        named = [path for path in sorted(self.declared.deployed.named) if path.rpartition("/")[2] in FILES]
        found = self.layout
        for other in dict.fromkeys([*map(parent, named), folder]):
            if other:
                found = parse_once(self.tree, ("layout", other), partial(read_layout, self.tree, other)).over(found)
        return found

    @cached_property
    def source_roots(self) -> tuple[str, ...]:
        """The folders that are on `sys.path` of the services, as far as files and settings tell."""
        folders = [service.folder for service in self.deployment.services]
        return tuple(dict.fromkeys([*self.settings.source_roots, *folders, *self.layout.roots, "", "src"]))

    def is_first_party(self, module: str, path: str) -> bool:
        """Return whether a file of the project hides the library of that name from the file `path`."""
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
        self.skipped += (gap for gap in found.skipped if not gap.service)
        return found

    @cached_property
    def discovered(self) -> tuple[Deployment, list[MemguardError]]:
        """The deployment, and what is at fault in its files: for rules that ask it in passing."""
        if self.named is not None:
            return self.whole.discovered
        from memguard_hooks.deployment.discover import discover

        errors: list[MemguardError] = []
        return discover(self.tree, errors.append, self.is_excluded, lambda: self.layout.scripts), errors
