"""What a project declares, locks and installs: the lazy facts on its dependencies."""

from __future__ import annotations

from functools import cache, cached_property
from itertools import islice
from types import MappingProxyType

from memguard_hooks.dependencies import manifests
from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.finding import Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.nearest_lock import NearestLock
from memguard_hooks.record import Record
from memguard_hooks.relations import reached
from memguard_hooks.tree import parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import TypeVar

    from memguard_hooks.dependencies.deployed import Deployed
    from memguard_hooks.dependencies.install_command import InstallArguments
    from memguard_hooks.dependencies.installation import Command
    from memguard_hooks.dependencies.inventory import Inventory
    from memguard_hooks.dependencies.lock import Lock
    from memguard_hooks.dependencies.requirement import Manifest, Requirement
    from memguard_hooks.deployment.service import Service
    from memguard_hooks.project.files import Files
    from memguard_hooks.tree import Tree

    Judged = TypeVar("Judged")

MAX_FOLDERS = 2000
"""Folders that are looked through for images."""

_CPU_INDEX = late_pattern(rb"(?m)^[^#\n]*/whl/cpu(?![\w.])")
"""How the address of PyTorch's index of wheels for CPUs ends, on a line and in no comment."""

_INCLUDE = late_pattern(rb"(?m)^[^\S\n]*[-.]|-\x00")

_BARE_IMAGE = late_pattern(r"(?:^|/)(?:python|uv|debian|ubuntu|alpine|buildpack-deps)(?:[:@].*)?$")
"""Images that hold no packages but those of a system and of Python itself, by the last part of their names."""

_MANY = ("all", "full", "local")
"""How extras begin that bring more than their names tell."""


class Pinned(Record):
    """The measured distributions that are installed somewhere, by name: exact versions, ranges, and all names."""

    versions: Mapping[str, str]
    present: frozenset[str]
    ranges: Mapping[str, str] = MappingProxyType({})

    def over(self, other: Pinned) -> Pinned:
        """Return both together; where they differ, these win."""
        versions, ranges = {**other.versions, **self.versions}, {**other.ranges, **self.ranges}
        return Pinned(versions, self.present | other.present, ranges)

    def lacks(self, module: str) -> bool:
        """Return whether nothing that is installed provides a measured module."""
        from memguard_hooks.catalog.lookup import is_absent

        return is_absent(module, self.present, self.versions)


class Circumstances(Record):
    """What decides which of the dependencies count.

    `services` are those of the deployment, `python` is the target of the settings, and `measured` the distributions that
    the project has measured itself; the first and the last are found out when they are asked for.
    """

    services: Callable[[], Sequence[Service]]
    python: tuple[int, int] | None
    measured: Callable[[], Iterable[str]]


class Declared:
    """The dependencies of one project; each fact is read the first time that a rule asks."""

    def __init__(self, files: Files, context: Circumstances, whole: Declared | None = None) -> None:
        self._files = files
        self._context = context
        self._whole = whole or self
        self._near: dict[str, Pinned] = {}
        self._pinned_near: dict[str, Pinned] = {}
        self._locks: dict[str, NearestLock] = {}
        self._gaps: list[Skipped] = []
        """Why there may be more commands that install packages than are read."""

    @cached_property
    def manifest_paths(self) -> tuple[str, ...]:
        """The manifests to judge, and what commands install that are to be judged.

        A file that was named counts whatever its name, unless that is another's.
        """
        from memguard_hooks.dependencies import lock_readers

        project = self._files
        found = [
            path
            for path in project.paths
            if manifests.is_manifest(path) or (project.named is not None and not _is_other(path))
        ]
        if project.named is None or any(map(self.may_install, project.paths)):
            found += sorted(
                path for path in self.deployed.named if not lock_readers.is_lock(path) and not project.is_excluded(path)
            )
        return tuple(dict.fromkeys(found))

    @property
    def lock_paths(self) -> tuple[str, ...]:
        """The locks among the files to judge."""
        from memguard_hooks.dependencies import lock_readers

        return tuple(path for path in self._files.paths if lock_readers.is_lock(path))

    def manifest(self, path: str, names: frozenset[str] | None = None) -> Manifest:
        """Read one manifest, and what it includes, for the requirements of these names, or for all.

        Raises MemguardError for one that does not parse.
        """
        from memguard_hooks.dependencies import manifests

        return manifests.read(self._files.tree, path, names)

    def manifests(self, names: Iterable[str], *, with_repeated: bool = False) -> list[Manifest]:
        """Read the manifests to judge that may declare one of the distributions, or any one more than once.

        A manifest whose bytes name none of them, and include nothing, is not parsed. One that does
        not parse is noted as broken.
        """
        from memguard_hooks.dependencies import manifests
        from memguard_hooks.dependencies.repeated import find_repeated
        from memguard_hooks.dependencies.requirement import mentions

        names = tuple(names)
        wanted = frozenset(names)

        def read(path: str, data: bytes) -> Manifest | None:
            repeated = find_repeated(data, path) if with_repeated else frozenset[str]()
            may_declare = repeated or mentions(data, names) or _INCLUDE.search(data)
            if may_declare or b"memguard:" in data or manifests.is_named(path):
                return self.manifest(path, wanted | repeated)
            return None

        found = self._read_each(self.manifest_paths, read)
        self._files.skipped += [gap for manifest in found for gap in manifest.skipped]
        return found

    def _read_each(self, paths: Iterable[str], read: Callable[[str, bytes], Judged | None]) -> list[Judged]:
        """Return what is read of files that are judged; one that is missing or does not parse is noted as broken."""
        found: list[Judged] = []
        for path in paths:
            try:
                data = self._files.tree.read(path)
                if data is None:
                    raise MemguardError("no such file", path)
                one = read(path, data)
            except UnreadableError as error:
                self._files.unreadable(error, was_named=self._files.named is not None)
            except MemguardError as error:
                self._files.broken(error)
            else:
                found += [one] if one is not None else []
        return found

    def locks(self, names: Iterable[str]) -> list[Lock]:
        """Read the locks to judge whose bytes name one of the distributions; one that does not parse is noted as broken."""
        from memguard_hooks.dependencies import lock_readers

        names = tuple(names)

        def read(path: str, data: bytes) -> Lock | None:
            is_named = any(lock_readers.names(data, name) for name in names)
            return lock_readers.read(self._files.tree, path) if is_named else None

        found = self._read_each(self.lock_paths, read)
        self._files.skipped += [gap for lock in found for gap in lock.skipped]
        return found

    @cached_property
    def install_commands(self) -> tuple[Command, ...]:
        """The commands that install what the project needs: those of its images, and of the platforms it is made for."""
        from memguard_hooks.dependencies import image_commands, installation

        found: list[Command] = []
        deployed: dict[str, set[int]] = {}
        for build in (build for service in self._context.services() for build in service.builds):
            deployed.setdefault(build.place.path, set()).add(build.place.line)
        images, cut = _images(self._files.tree)
        self._gaps += cut
        for path in images:
            data = (
                None
                if self._files.is_excluded(path) or image_commands.is_for_development(path)
                else self._files.read_file(path)
            )
            if data is None:
                continue
            dockerfile = image_commands.read(data, path, deployed.get(path, ()))
            if dockerfile.has_more:
                many = f"{image_commands.MAX_RUNS} commands or copies {image_commands.MAX_COPIES} files"
                reason = f"is very large, or runs more than {many}: what the rest installs is not known"
                self._gaps.append(Skipped(path, None, reason))
            found += installation.of_image(dockerfile)
        builds = dict.fromkeys(build for service in self._context.services() for build in service.builds)
        lines: dict[str, list[str]] = {}
        for build in builds:
            path = build.place.path
            if not image_commands.is_image(path):
                if path not in lines:
                    lines[path] = (self._files.read_file(path) or b"").decode("utf-8", "replace").split("\n")
                place = installation.places_in(lines[path], build.command, build.place.line, build.place.column)
                found.append(installation.Command(build.command, path, place, (build.folder,)))
        self._files.skipped += self._gaps
        return tuple(found)

    @cached_property
    def _installs(self) -> tuple[InstallArguments, ...]:
        """What these commands install."""
        from memguard_hooks.dependencies import installation

        return tuple(one for command in self.install_commands for one in installation.installs_of(command))

    def may_install(self, path: str) -> bool:
        """Return whether a file may hold commands that install packages, by its name."""
        from memguard_hooks.dependencies.image_commands import is_image
        from memguard_hooks.deployment.readers import PLATFORM_FILES

        return is_image(path) or path.rpartition("/")[2] in PLATFORM_FILES or path.endswith("nixpacks.toml")

    @cached_property
    def installed_by_commands(self) -> tuple[Requirement, ...]:
        """The packages that commands install by their names, in the files to judge."""
        from memguard_hooks.dependencies import installation

        judged = frozenset(self._files.paths)
        commands = [command for command in self.install_commands if command.path in judged]
        found = [installed for command in commands for installed in installation.installs_of(command)]
        self._files.skipped += [gap for installed in found for gap in installed.skipped]
        return tuple(
            one if installed.brings_dependencies else one._replace(brings=False)
            for installed in found
            for one in installed.requirements
        )

    @cached_property
    def deployed(self) -> Deployed:
        """The files, extras and groups that the deployment installs, as far as its files tell."""
        services = self._context.services()
        if any(not one.builds and one.path.endswith(("Procfile", ".service")) for one in services):
            from memguard_hooks.dependencies.deployed import Deployed

            return Deployed()  # nobody knows how these are built
        from memguard_hooks.dependencies import installation

        found = installation.find(self._files.tree, self.install_commands)
        return found._replace(files=None) if self._gaps else found

    @cached_property
    def asked_extras(self) -> frozenset[str]:
        """The extras of the project itself that are installed: any of its manifests may ask for one, staged or not."""
        from memguard_hooks.dependencies.requirement import normalize_name

        whole = self._whole
        asks: dict[str | None, set[str]] = {}
        for path in whole.manifest_paths:
            try:
                asked = self.manifest(path, frozenset()).own_extras
            except MemguardError:
                continue
            for asking, extra in asked:
                asks.setdefault(normalize_name(asking) if asking else None, set()).add(normalize_name(extra))
        return frozenset(reached([*asks.get(None, ()), *self.deployed.extras], lambda extra: asks.get(extra, ())))

    def is_installed(self, requirement: Requirement) -> bool:
        """Return whether the host may install a requirement: by its group, its extra, its file and its marker."""
        from memguard_hooks.dependencies.requirement import is_live

        if requirement.is_constraint or requirement.group == "build":
            return False
        if requirement.marker is not None and not is_live(requirement, self.host_python):
            return False
        deployed = self.deployed
        if requirement.group == "extra":
            deployed = deployed._replace(extras=self.asked_extras)
        return deployed.is_asked(requirement)

    def leaves_out(self, module: str) -> bool:
        """Return whether only what the deployment does not install declares what provides a measured module.

        What the measured distributions bring that it installs is installed too.
        """
        from memguard_hooks.catalog import lookup

        wanted = {*lookup.providers(module)}
        if not wanted or self.deployed.files is None:
            return False
        installed = self._installed_names
        declared = {one.name for one in self.inventory.requirements if one.name not in installed}
        if wanted.isdisjoint(declared) or any(self.inventory.locked(name) for name in wanted):
            return False
        return not installed or lookup.is_absent(module, installed, self.versions)

    @cached_property
    def _installed_names(self) -> frozenset[str]:
        """The distributions that the deployment installs by their names, in files and in commands."""
        by_name = (requirement.name for one in self._installs for requirement in one.requirements)
        return frozenset((*by_name, *(one.name for one in self.inventory.requirements if self.is_installed(one))))

    @cached_property
    def takes_cpu_wheels(self) -> bool:
        """Whether a manifest, a Dockerfile or a build command names PyTorch's index of wheels for CPUs."""
        paths = (*self._whole.manifest_paths, *_images(self._files.tree)[0])
        if any(_CPU_INDEX.search(self._files.read_file(path) or b"") for path in paths):
            return True
        builds = (build.command for service in self._context.services() for build in service.builds)
        return any(_CPU_INDEX.search(command.encode("utf-8", "replace")) for command in builds)

    @cached_property
    def host_python(self) -> tuple[int, int] | None:
        """The Python of the host: that of the settings, or the one that all services name."""
        if self._context.python is not None:
            return self._context.python
        from memguard_hooks.deployment import python_version

        found = {python_version.read(one, self._files.read_file) for one in self._context.services()}
        return found.pop() if len(found) == 1 else None

    @cached_property
    def inventory(self) -> Inventory:
        """All that the project declares and locks, whichever files are judged; what does not parse is at fault beside it."""
        return self._known[0]

    @property
    def faults(self) -> tuple[MemguardError, ...]:
        """What is at fault in the manifests and the locks of the project, whichever files are judged."""
        return self._known[1]

    @cached_property
    def _known(self) -> tuple[Inventory, tuple[MemguardError, ...]]:
        from memguard_hooks.dependencies import lock_readers
        from memguard_hooks.dependencies.inventory import Inventory

        whole = self._whole
        requirements: dict[Requirement, None] = {}
        found: list[Lock] = []
        faults: list[MemguardError] = []
        for path in whole.manifest_paths:
            try:
                requirements.update(dict.fromkeys(self.manifest(path).requirements))
            except MemguardError as error:
                faults.append(error)
        for path in whole.lock_paths:
            try:
                found.append(lock_readers.read(self._files.tree, path))
            except MemguardError as error:
                faults.append(error)
        return self._inventory(tuple(requirements), tuple(found), Inventory), tuple(faults)

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
            return self.manifest(f"{parent(lock.path)}/{name}".lstrip("/")).requirements
        except MemguardError:
            return ()

    def _inventory(self, requirements: tuple[Requirement, ...], locks: tuple[Lock, ...], make: type[Inventory]) -> Inventory:
        deployed = self.deployed
        installed = None if deployed.files is None else tuple(sorted(deployed.files))
        groups = tuple(sorted(deployed.groups))
        return make(requirements, locks, self.host_python, tuple(sorted(self.asked_extras)), groups, installed)

    @property
    def versions(self) -> Mapping[str, str]:
        """The exact versions of measured distributions that hold in the root."""
        return self.near("").versions

    def beside(self, path: str) -> Pinned:
        """Return what is pinned in the folder of a file, such as the one that a service starts."""
        return self.near(parent(path))

    def may_have(self, module: str, folder: str) -> bool:
        """Return whether what is installed for a folder may provide a module: not if all was read, and nothing brings it.

        What a base image, a command or a manifest that nobody can read may hold, it may have.
        """
        from memguard_hooks.catalog.lookup import may_provide

        if not self.near(folder).lacks(module) or self._may_bring is None:
            return True
        return not self._may_bring.isdisjoint(may_provide(module))

    @cached_property
    def _may_bring(self) -> frozenset[str] | None:
        """The distributions that are declared for more than development, and what others bring; None where it may be any.

        A setup.py beside a requirements file computes what it requires from that.
        """
        from memguard_hooks.dependencies.unmeasured import known_required

        if self.faults or not all(map(self._is_plain, self._context.services())):
            return None
        installed = self._installs
        read = [self.manifest(path) for path in self._whole.manifest_paths]
        gaps = [gap for one in installed for gap in one.skipped] + [gap for one in read for gap in one.skipped]
        if any(not gap.path.endswith("setup.py") or not self._manifests_in(parent(gap.path))[1:] for gap in gaps):
            return None
        found: set[str] = {name for lock in self.inventory.locks for name in lock.packages}
        named = (requirement for one in installed for requirement in one.requirements)
        for one in (*self.inventory.requirements, *named):
            if any(extra.startswith(_MANY) for extra in one.extras):
                return None
            if one.group != "development":
                found |= {one.name, *one.extras, *known_required().get(one.name, ())}
        return frozenset(found)

    def _is_plain(self, service: Service) -> bool:
        """Return whether all that a service can import was installed by what can be read."""
        is_bare = service.base is None or bool(_BARE_IMAGE.search(service.base.name))
        return is_bare and not (service.builds and self.deployed.files is None)

    def near(self, folder: str) -> Pinned:
        """Return what is pinned in a folder: by the manifests and the lock there, those above, and what is installed."""
        asked, waiting = folder, list[str]()
        while folder and folder not in self._near:
            waiting.append(folder)
            folder = parent(folder)
        if folder not in self._near:
            own = self._pinned([*self._counted_in(folder), *self._installed])
            self._near[folder] = own.over(self._pinned_by_lock(folder))
        found = self._near[folder]
        for below in reversed(waiting):
            own = self._pinned(self._counted_in(below)).over(self._pinned_by_lock(below))
            found = self._near[below] = own.over(found) if own.present else found
        if self._told_by_commands and asked not in self._pinned_near:
            self._pinned_near[asked] = found.over(self._pinned_by_commands(asked, found))
        return self._pinned_near.get(asked, found)

    def _pinned(self, paths: Iterable[str]) -> Pinned:
        """Return what manifests pin, of which the first counts."""
        from memguard_hooks.dependencies.requirement import pin_of

        versions: dict[str, str] = {}
        present: set[str] = set()
        ranges: dict[str, str] = {}
        for path in dict.fromkeys(paths):
            try:
                manifest = self.manifest(path, self._measured)
            except MemguardError as error:
                # It only tells versions here; the hooks that judge manifests say what is wrong with it.
                gap = Skipped(error.path or ".", error.line, f"its versions are not known: {error.message}")
                if gap not in self._files.skipped:
                    self._files.skipped.append(gap)
                continue
            for requirement in manifest.requirements:
                if requirement.group != "development":
                    present.add(requirement.name)
                    if requirement.extras:
                        from memguard_hooks.dependencies.extras import brought_by_extras

                        present.update(brought_by_extras(requirement))
                    pin = pin_of(requirement)
                    if pin is not None and pin.version is not None:
                        versions.setdefault(requirement.name, pin.version)
                    elif requirement.specifier:
                        ranges.setdefault(requirement.name, requirement.specifier)
        return Pinned(versions, frozenset(present), ranges)

    def _pinned_by_commands(self, folder: str, known: Pinned) -> Pinned:
        """Return the versions that commands install by name for a folder; such a list is hardly ever whole.

        Of the files with commands those that lie nearest to it, in it or above, count before all others. Where those that
        name a distribution differ, or what is known does not admit it, its version is not known.
        """
        from memguard_hooks.dependencies.together import admits

        places = [folder]
        while places[-1]:
            places.append(parent(places[-1]))
        versions: dict[str, str] = {}
        for name, told in self._told_by_commands.items():
            version, *found = next((told[place] for place in places if place in told), told[None])
            if version is not None and not found and admits(known.ranges.get(name, ""), version):
                versions[name] = version
        return Pinned(versions, frozenset())

    @cached_property
    def _told_by_commands(self) -> Mapping[str, Mapping[str | None, AbstractSet[str | None]]]:
        """The versions that commands of the deployment install, by name and folder of a file; those of all behind None.

        None is also the version of what an upgrade may bring.
        """
        images = (self._files.read_file(path) or b"" for path in _images(self._files.tree)[0])
        builds = [build for service in self._context.services() for build in service.builds]
        if not (any(b"==" in data for data in images) or any("==" in build.command for build in builds)):
            return {}
        from memguard_hooks.dependencies.requirement import pin_of

        deployed = {build.place.path for build in builds}
        told: dict[str, dict[str, str | None]] = {}
        for installed in self._installs:
            for one in installed.requirements:
                pin = pin_of(one)
                version = pin.version if pin is not None else None
                if one.name in self._measured and (not deployed or one.path in deployed):
                    named = told.setdefault(one.name, {})
                    named[one.path] = version if version is not None or installed.upgrades else named.get(one.path)
        found: dict[str, dict[str | None, set[str | None]]] = {}
        for name, by_path in told.items():
            for path, version in by_path.items():
                for place in (parent(path), None):
                    found.setdefault(name, {}).setdefault(place, set()).add(version)
        return found

    @cached_property
    def _measured(self) -> frozenset[str]:
        return _known_anywhere().union(self._context.measured())

    def _pinned_by_lock(self, folder: str) -> Pinned:
        """Return what a lock in a folder pins."""
        lock = self._lock_in(folder)
        names = lock.packages.keys() & self._measured
        return Pinned({name: version for name, version in lock.versions.items() if name in names}, frozenset(names))

    def _manifests_in(self, folder: str) -> list[str]:
        names = [entry.name for entry in self._files.tree.entries(folder) if not entry.is_folder]
        paths = [f"{folder}/{name}".lstrip("/") for name in names]
        return [path for path in paths if manifests.is_manifest(path) and not self._files.is_excluded(path)]

    def _counted_in(self, folder: str) -> list[str]:
        """Return the manifests of a folder that the deployment installs, all of them where it installs none there."""
        paths = self._manifests_in(folder)
        return [*filter(self.deployed.counts, paths)] or paths

    @property
    def _installed(self) -> list[str]:
        """The manifests that the deployment installs, in the order of their names."""
        from memguard_hooks.dependencies import lock_readers

        named = (path for path in sorted(self.deployed.named) if not lock_readers.is_lock(path))
        return [path for path in named if not self._files.is_excluded(path)]

    def lock_near(self, folder: str) -> NearestLock:
        """Return the lock that counts in a folder: the one there, or the next above it."""
        while (found := self._lock_in(folder)).path is None and folder:
            folder = parent(folder)
        return found

    def _lock_in(self, folder: str) -> NearestLock:
        """Return the first lock in a folder that is installed."""
        if folder not in self._locks:
            self._locks[folder] = NearestLock(self._files, self._find_lock(folder))
        return self._locks[folder]

    def _find_lock(self, folder: str) -> str | None:
        from memguard_hooks.dependencies import lock_readers

        there = {entry.name for entry in self._files.tree.entries(folder) if not entry.is_folder}
        beside = lock_readers.beside(self._files.tree, f"{folder}/pyproject.toml".lstrip("/"))
        names = (path.rpartition("/")[2] for path in beside)
        found = (name for name in dict.fromkeys((*names, *lock_readers.LOCKS)) if name in there)
        paths = (f"{folder}/{name}".lstrip("/") for name in found)
        usable = (path for path in paths if not self._files.is_excluded(path) and self.deployed.counts(path))
        return next(usable, None) or next(filter(self._is_compiled, self._manifests_in(folder)), None)

    def _is_compiled(self, path: str) -> bool:
        """Return whether a file that is deployed says which packages pull in others, in comments."""
        if (
            not path.endswith(".txt")
            or not self.deployed.counts(path)
            or b"# via" not in (self._files.read_file(path) or b"")
        ):
            return False
        try:
            return any(one.group == "runtime" and one.via for one in self.manifest(path).requirements)
        except MemguardError:
            return False


@cache
def _known_anywhere() -> frozenset[str]:
    """The distributions that the tables know something of, in whatever project."""
    from memguard_hooks.catalog import lookup
    from memguard_hooks.startup.table import companions, drivers, integrated

    brought = {name for driver in drivers() for name in driver.distributions}
    imported = {module.partition(".")[0] for known in companions().values() for some in known.values() for module in some}
    brought.update(name for module in imported for name in lookup.providers(module))
    return frozenset(lookup.distributions()).union(brought, integrated())


def _is_other(path: str) -> bool:
    """Return whether a file is a lock or says what is deployed, by its name: it declares requirements in another way."""
    from memguard_hooks.dependencies import image_commands, lock_readers

    return (
        lock_readers.is_lock(path)
        or image_commands.is_image(path)
        or path.endswith((".yaml", ".yml", ".toml", ".json", ".sh", ".py"))
    )


def _images(tree: Tree) -> tuple[list[str], list[Skipped]]:
    """Return the Dockerfiles of a tree, down to the second level of folders, and what is said where there may be more."""
    from memguard_hooks.dependencies.image_commands import is_image
    from memguard_hooks.tree import SKIPPED_FOLDERS

    found: list[str] = []
    folders = [""]
    for folder in islice(folders, MAX_FOLDERS):  # which grow on the way
        for entry in tree.entries(folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if not entry.is_folder:
                found += [path] if is_image(path) else []
            elif path.count("/") < 2 and entry.name not in SKIPPED_FOLDERS:
                folders.append(path)
    reason = f"is not searched, and what comes after it: more than {MAX_FOLDERS} folders may hold a Dockerfile"
    return found, [Skipped(path, None, reason) for path in folders[MAX_FOLDERS:][:1]]
