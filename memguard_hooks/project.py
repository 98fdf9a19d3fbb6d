"""The lazy facts of one repository at one tree: each is read the first time that a rule asks."""

from __future__ import annotations

import fnmatch
import re
from functools import cached_property
from typing import TYPE_CHECKING

from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.finding import Skipped, at_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memguard_hooks.config import Settings
    from memguard_hooks.dependencies.deployed import Command, Deployed
    from memguard_hooks.dependencies.inventory import Inventory
    from memguard_hooks.dependencies.lock import Lock
    from memguard_hooks.dependencies.requirement import Manifest, Requirement, Wanted
    from memguard_hooks.deployment.service import Deployment
    from memguard_hooks.footprint.heavy import Heavy
    from memguard_hooks.imports.analyze import Target
    from memguard_hooks.imports.cache import Cache
    from memguard_hooks.imports.layout import Layout
    from memguard_hooks.imports.sources import Sources
    from memguard_hooks.tree import Tree

REQUIREMENTS_FILE = re.compile(
    r"(^|/)([^/]*requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in)|constraints[^/]*\.txt)$", re.IGNORECASE
)
SOURCE = (".py", ".pyw")
TESTS = re.compile(r"(^|/)(tests?/.*|test_[^/]*|[^/]*_test|conftest|setup|noxfile)\.pyw?$")
"""Files that no service loads."""
MAX_FOLDERS = 300
"""Folders that are looked through for images."""
_INCLUDE = re.compile(rb"(?m)^\s*[-.]|-\x00")


class Project:
    """One repository as rules see it.

    `files` are the paths that the user named, None for the whole project. What cannot be read is
    collected in `skipped`.
    """

    def __init__(self, tree: Tree, settings: Settings, files: Sequence[str] | None = None) -> None:
        self.tree = tree
        self.settings = settings
        self.files = None if files is None else tuple(files)
        self.skipped: list[Skipped] = []

    def at(self, tree: Tree) -> Project:
        """Return the same project in another tree; what was analyzed in one counts in the other."""
        other = Project(tree, self.settings, self.files)
        other.analyses = self.analyses
        return other

    def close(self) -> None:
        """Keep for the next run what was found out about sources."""
        if "analyses" in self.__dict__:
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
        return tuple(
            path for path in self.paths if (self.files is not None or path.endswith(SOURCE)) and not TESTS.search(path)
        )

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

    # Dependencies

    @property
    def manifest_paths(self) -> tuple[str, ...]:
        """The manifests among the files to judge; one that was named counts whatever its name, unless that is another's."""
        return tuple(path for path in self.paths if _is_manifest(path) or (self.files is not None and not _is_other(path)))

    @property
    def lock_paths(self) -> tuple[str, ...]:
        """The locks among the files to judge."""
        from memguard_hooks.dependencies import locks

        return tuple(path for path in self.paths if locks.is_lock(path))

    def manifest(self, path: str, wanted: Wanted) -> Manifest:
        """Read one manifest, and what it includes, for the requirements that are `wanted`.

        Raises MemguardError for one that does not parse.
        """
        from memguard_hooks.dependencies import manifests

        return manifests.read(self.tree, path, wanted)

    def manifests(self, names: Iterable[str]) -> list[Manifest]:
        """Read the manifests to judge that may declare one of the distributions.

        A manifest whose bytes name none of them, and include nothing, is not parsed. One that does
        not parse is noted as broken.
        """
        from memguard_hooks.dependencies import manifests
        from memguard_hooks.dependencies.requirement import mentions

        names = tuple(names)
        wanted = frozenset(names)
        found: list[Manifest] = []
        for path in self.manifest_paths:
            try:
                data = self.tree.read(path)
                if data is None:
                    raise MemguardError("no such file", path)
                if mentions(data, names) or _INCLUDE.search(data) or b"memguard:" in data or manifests.is_named(path):
                    found.append(self.manifest(path, wanted.__contains__))
            except UnreadableError as error:
                self.unreadable(error, was_named=self.files is not None)
            except MemguardError as error:
                self.broken(error)
        self.skipped += [gap for manifest in found for gap in manifest.skipped]
        return found

    def broken(self, error: MemguardError) -> None:
        """Note input that is at fault itself."""
        self.skipped.append(at_fault(error))

    def unreadable(self, error: UnreadableError, *, was_named: bool) -> None:
        """Note a file that must not be read: at fault where the user named it, else only left out."""
        if was_named:
            self.broken(error)
        else:
            self.skipped.append(Skipped(error.path or ".", error.line, error.message))

    def locks(self, names: Iterable[str]) -> list[Lock]:
        """Read the locks to judge whose bytes name one of the distributions; one that does not parse is noted as broken."""
        from memguard_hooks.dependencies import locks

        names = tuple(names)
        found: list[Lock] = []
        for path in self.lock_paths:
            try:
                data = self.tree.read(path)
                if data is None:
                    raise MemguardError("no such file", path)
                if any(locks.names(data, name) for name in names):
                    found.append(locks.read(self.tree, path))
            except UnreadableError as error:
                self.unreadable(error, was_named=self.files is not None)
            except MemguardError as error:
                self.broken(error)
        self.skipped += [gap for lock in found for gap in lock.skipped]
        return found

    @cached_property
    def install_commands(self) -> tuple[Command, ...]:
        """The commands that install what the project needs: those of its images, and of the platforms it is made for."""
        from memguard_hooks.dependencies import deployed, image

        found: list[Command] = []
        for path in _images(self.tree):
            data = None if self.is_excluded(path) or image.is_for_development(path) else self.read_file(path)
            found += deployed.of_image(image.read(data, path)) if data is not None else []
        builds = dict.fromkeys(build for service in self._discovered[0].services for build in service.builds)
        for build in builds:
            if not image.is_image(build.place.path):
                text = (self.read_file(build.place.path) or b"").decode("utf-8", "replace")
                place = deployed.places_in(text, build.command, build.place.line, build.place.column)
                found.append(deployed.Command(build.command, build.place.path, place, (build.folder,)))
        return tuple(found)

    def may_install(self, path: str) -> bool:
        """Tell whether a file may hold commands that install packages, by its name."""
        from memguard_hooks.dependencies.image import is_image
        from memguard_hooks.deployment.discover import PLATFORM_FILES

        return is_image(path) or path.rpartition("/")[2] in PLATFORM_FILES or path.endswith("nixpacks.toml")

    @cached_property
    def installed_by_commands(self) -> tuple[Requirement, ...]:
        """The packages that commands install by their names, in the files to judge."""
        from memguard_hooks.dependencies import deployed

        judged = frozenset(self.paths)
        commands = [command for command in self.install_commands if command.path in judged]
        return tuple(
            requirement
            for command in commands
            for installed in deployed.installs_of(command)
            for requirement in installed.requirements
        )

    @cached_property
    def deployed(self) -> Deployed:
        """The files, extras and groups that the deployment installs, as far as its files tell."""
        from memguard_hooks.dependencies import deployed

        services = self._discovered[0].services
        if any(not one.builds and one.path.endswith(("Procfile", ".service")) for one in services):
            return deployed.Deployed()  # nobody knows how these are built
        return deployed.find(self.tree, self.install_commands)

    @cached_property
    def asked_extras(self) -> frozenset[str]:
        """The extras of the project itself that are installed: any of its manifests may ask for one, staged or not."""
        from memguard_hooks.dependencies.requirement import normalize_name

        whole = self if self.files is None else Project(self.tree, self.settings)
        asks: dict[str | None, set[str]] = {}
        for path in whole.manifest_paths:
            try:
                asked = self.manifest(path, lambda _: False).own_extras
            except MemguardError:
                continue
            for asking, extra in asked:
                asks.setdefault(normalize_name(asking) if asking else None, set()).add(normalize_name(extra))
        found: set[str] = set()
        waiting = [*asks.get(None, ()), *self.deployed.extras]
        while waiting:
            extra = waiting.pop()
            if extra not in found:
                found.add(extra)
                waiting += asks.get(extra, ())
        return frozenset(found)

    def is_installed(self, requirement: Requirement) -> bool:
        """Tell whether the host may install a requirement: by its group, its extra, its file and its marker."""
        from memguard_hooks.dependencies.requirement import is_live

        if requirement.is_constraint or requirement.group == "build":
            return False
        if requirement.marker is not None and not is_live(requirement, self.host_python):
            return False
        deployed = self.deployed
        if requirement.group == "extra":
            deployed = deployed._replace(extras=self.asked_extras)
        return deployed.is_asked(requirement)

    @cached_property
    def host_python(self) -> tuple[int, int] | None:
        """The Python of the host: that of the settings, or the one that all services name."""
        from memguard_hooks.config import parse_python

        if self.settings.service.target_python is not None:
            return self.settings.service.target_python
        try:
            found = {parse_python(one.environment.get("PYTHON_VERSION", "")) for one in self._discovered[0].services}
        except ValueError:
            return None
        return found.pop() if len(found) == 1 else None

    @cached_property
    def inventory(self) -> Inventory:
        """All that the project declares and locks, whichever files are judged; what does not parse says nothing here."""
        from memguard_hooks.dependencies import locks
        from memguard_hooks.dependencies.inventory import Inventory

        whole = self if self.files is None else Project(self.tree, self.settings)
        requirements: dict[Requirement, None] = {}
        found: list[Lock] = []
        for path in whole.manifest_paths:
            try:
                requirements.update(dict.fromkeys(self.manifest(path, lambda _: True).requirements))
            except MemguardError:
                continue
        for path in whole.lock_paths:
            try:
                found.append(locks.read(self.tree, path))
            except MemguardError:
                continue
        return self._inventory(tuple(requirements), tuple(found), Inventory)

    def inventory_of(self, lock: Lock) -> Inventory:
        """One lock, and what the manifest beside it asks for where the lock does not say that itself."""
        from memguard_hooks.dependencies.inventory import Inventory

        declared = () if lock.roots else self.declared_beside(lock)
        return self._inventory(declared, (lock,), Inventory)

    def declared_beside(self, lock: Lock) -> tuple[Requirement, ...]:
        """What the manifest declares from which a lock was made; nothing where it does not parse."""
        from memguard_hooks.tree import parent

        name = "Pipfile" if lock.path.endswith("Pipfile.lock") else "pyproject.toml"
        try:
            return self.manifest(f"{parent(lock.path)}/{name}".lstrip("/"), lambda _: True).requirements
        except MemguardError:
            return ()

    def _inventory(self, requirements: tuple[Requirement, ...], locks: tuple[Lock, ...], make: type[Inventory]) -> Inventory:
        deployed = self.deployed
        installed = None if deployed.files is None else tuple(sorted(deployed.files))
        groups = tuple(sorted(deployed.groups))
        return make(requirements, locks, self.host_python, tuple(sorted(self.asked_extras)), groups, installed)

    @cached_property
    def declared_versions(self) -> dict[str, str]:
        """The exact versions that the manifests in the root declare of measured distributions."""
        from memguard_hooks.dependencies.requirement import pin_of
        from memguard_hooks.footprint import catalog

        measured = frozenset(one.distribution for ones in catalog.modules().values() for one in ones)
        found: dict[str, str] = {}
        for entry in self.tree.entries(""):
            if entry.is_folder or not _is_manifest(entry.name) or self.is_excluded(entry.name):
                continue
            try:
                manifest = self.manifest(entry.name, measured.__contains__)
            except MemguardError as error:
                # It only tells versions here; the hooks that judge manifests say what is wrong with it.
                self.skipped.append(Skipped(error.path or ".", error.line, f"its versions are not known: {error.message}"))
                continue
            for requirement in manifest.requirements:
                pin = pin_of(requirement)
                if pin is not None and pin.version is not None and requirement.group != "development":
                    found.setdefault(requirement.name, pin.version)
        return self._locked_versions(measured) | found

    def _locked_versions(self, measured: frozenset[str]) -> dict[str, str]:
        """Return the versions that the first lock in the root pins which is installed."""
        from memguard_hooks.dependencies import locks

        there = {entry.name for entry in self.tree.entries("") if not entry.is_folder}
        for name in locks.LOCKS:
            if name in there and not self.is_excluded(name) and self.deployed.counts(name):
                try:
                    packages = locks.read(self.tree, name).packages
                except MemguardError:
                    continue
                pinned = ((one, {package.version for package in packages.get(one, ())} - {None}) for one in measured)
                return {one: str(*versions) for one, versions in pinned if len(versions) == 1}
        return {}

    # Footprints

    @cached_property
    def heavy(self) -> Heavy:
        """The modules that are heavy under the settings."""
        from memguard_hooks.footprint.heavy import heavy_modules

        settings = self.settings
        return heavy_modules(settings.heavy_threshold, settings.heavy_add, settings.heavy_remove)

    def cost_of(self, module: str) -> tuple[int | None, str]:
        """Return what a measured module root takes, in bytes, and which version was measured.

        The version that the project declares counts, where it or one near to it was measured.
        """
        from memguard_hooks.footprint import catalog

        measured = catalog.modules().get(module, ())
        declared = [one.distribution for one in measured if one.distribution in self.declared_versions]
        distribution = declared[0] if declared else None
        footprint = catalog.find(module, distribution, self.declared_versions.get(distribution or ""), self.python)
        if footprint is None:
            return None, ""
        return footprint.resident, f"{footprint.distribution} {footprint.version}"

    @property
    def python(self) -> str | None:
        """The target Python of the settings, as `3.11`."""
        version = self.settings.service.target_python
        return None if version is None else f"{version[0]}.{version[1]}"

    # Imports

    @cached_property
    def analyses(self) -> Cache:
        """What is known of sources, by their content."""
        from memguard_hooks.imports.cache import Cache, find_folder

        return Cache(find_folder(self.tree.root))

    @cached_property
    def sources(self) -> Sources:
        """The Python files, each by itself."""
        from memguard_hooks.imports.sources import Sources

        return Sources(self.tree, self.analyses)

    @cached_property
    def target(self) -> Target:
        """What decides conditions in a file by itself; the deployment is asked only where it can matter."""
        from memguard_hooks.imports.analyze import LAZY_PYTHON, Target

        python = self.settings.service.target_python
        services = self.deployment.services if python is not None and python >= LAZY_PYTHON else ()
        is_lazy = bool(services) and all(one.environment.get("PYTHON_LAZY_IMPORTS") == "all" for one in services)
        return Target(python, lazy_all=is_lazy)

    @cached_property
    def layout(self) -> Layout:
        """Where the packages of the project stand, and the commands that it installs."""
        from memguard_hooks.imports.layout import read_layout

        return read_layout(self.tree)

    @cached_property
    def source_roots(self) -> tuple[str, ...]:
        """The folders that are on `sys.path` of the services, as far as files and settings tell."""
        folders = [service.folder for service in self.deployment.services]
        return tuple(dict.fromkeys([*self.settings.source_roots, *folders, *self.layout.roots, "", "src"]))

    def is_first_party(self, module: str, path: str) -> bool:
        """Tell whether a file of the project hides the library of that name from the file `path`."""
        from memguard_hooks.imports.resolve import Resolver
        from memguard_hooks.tree import parent

        roots = list(self.source_roots)
        here = Resolver(self.tree, (parent(path),))
        if not here.is_file(f"{parent(path)}/__init__.py".lstrip("/")):
            roots.append(parent(path))  # a folder of scripts, the first on the path of each
        found = Resolver(self.tree, tuple(roots)).files(module)
        return bool(found) and found[-1] != path

    # Deployment

    @cached_property
    def deployment(self) -> Deployment:
        """The services of the project, as its deployment files declare them."""
        found, errors = self._discovered
        for error in errors:
            self.broken(error)
        self.skipped += found.skipped
        return found

    @cached_property
    def _discovered(self) -> tuple[Deployment, list[MemguardError]]:
        """The deployment, and what is at fault in its files: for rules that ask it in passing."""
        from memguard_hooks.deployment.discover import discover

        errors: list[MemguardError] = []
        return discover(self.tree, errors.append, self.is_excluded), errors

    def read_file(self, path: str) -> bytes | None:
        """Return the content of a file, None where there is none that may be read."""
        try:
            return self.tree.read(path)
        except MemguardError:
            return None


def _is_manifest(path: str) -> bool:
    from memguard_hooks.dependencies import manifests

    return manifests.is_named(path) or REQUIREMENTS_FILE.search(path) is not None


def _is_other(path: str) -> bool:
    """Tell whether a file is a lock or says what is deployed, by its name: it declares requirements in another way."""
    from memguard_hooks.dependencies import image, locks

    return locks.is_lock(path) or image.is_image(path) or path.endswith((".yaml", ".yml", ".toml", ".json", ".sh", ".py"))


def _images(tree: Tree) -> list[str]:
    """Return the Dockerfiles of a tree, down to the second level of folders."""
    from memguard_hooks.dependencies.image import is_image
    from memguard_hooks.tree import SKIPPED_FOLDERS

    found: list[str] = []
    folders = [""]
    for folder in folders:
        for entry in tree.entries(folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if not entry.is_folder:
                found += [path] if is_image(path) else []
            elif len(folders) < MAX_FOLDERS and path.count("/") < 2 and entry.name not in SKIPPED_FOLDERS:
                folders.append(path)
    return found
