"""From the name of a module to the first-party files that importing it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.store import digest
from memguard_hooks.tree import Tree, TreeEntry, parent, parse_once

_TAKES_NOTHING = late_pattern(
    r"(?i).*_pb2(?:_grpc)?|.*(?:version|generated|config|settings|secret|credential|local|private|build_info|constants|env).*"
)


_ASIDE = frozenset({"tests", "test", "docs", "doc", "venv", "node_modules"})
MAX_BELOW = 200
"""Modules and packages of one package that a computed name may stand for: integrations of Home Assistant are 1,200."""

MAX_FOLDERS = 500
"""Folders that are looked through for all modules, or for those of one package."""


class FirstPartyFile(Record):
    """A file that an import of a dotted name runs, and the name of its own module, None for a file below no root."""

    path: str
    asked: str
    module: str | None


class Resolver:
    """Finds modules below source roots, in the order of `sys.path`."""

    def __init__(self, tree: Tree, roots: tuple[str, ...]) -> None:
        self.roots = roots
        self._tree = tree
        self._folders: dict[str, dict[str, bool]] = {}
        self._files: dict[str, tuple[str, ...]] = {}
        self._whole: dict[str, bool] = {}
        self._imported: dict[tuple[str, tuple[str, ...]], tuple[FirstPartyFile, ...]] = {}

    def with_root(self, root: str) -> Resolver:
        """Return the same with one root more, the last; no folder is listed again for it."""
        other = Resolver(self._tree, (*self.roots, root))
        other._folders = self._folders
        return other

    def looked_into(self) -> list[str]:
        """Return the folders of which the answers until now depend."""
        return list(self._folders)

    def listing(self, folder: str) -> list[str]:
        """Return the names in a folder that may be modules, folders with a slash."""
        entries = self._entries(folder)
        return parse_once(self._tree, ("modules in", folder), lambda: _modules(entries))

    def digest_of(self, folders: Iterable[str]) -> str:
        """Return a digest of the names in folders that may be modules."""
        names = ("/".join((folder, *self.listing(folder))) for folder in folders)
        return digest("\n".join(names).encode("utf-8", "surrogateescape")).hex()

    def may_find(self, module: str) -> bool:
        """Return whether a root has the first part of a dotted name: most names of imports are of other people's."""
        top = module.partition(".")[0]
        file = f"{top}.py"
        return any(top in names or file in names for names in map(self._entries, self.roots))

    def files(self, module: str) -> tuple[str, ...]:
        """Return the files that `import a.b.c` runs, outermost package first; none for other people's modules.

        A module that is not there below a package that is ends the list: it is an attribute, or an
        error at run time. A folder without `__init__.py` counts only where a file below it is found.
        A later root counts where it has more of the name: the program that runs has put it first.
        """
        known = self._files.get(module)
        if known is None:
            known = self._files[module] = self._find(module.split("."))
        return known

    def _find(self, parts: list[str]) -> tuple[str, ...]:
        best: tuple[str, ...] = ()
        depth = 0
        for root in self.roots:
            found, reached = self._below(root, parts)
            if found and reached > depth:
                best, depth = found, reached
                if depth == len(parts):
                    break
        return best

    def is_folder_of_source(self, module: str) -> bool:
        """Return whether a module is a first-party folder with Python files, also one without `__init__.py`."""
        if not all(part.isidentifier() for part in module.split(".")):
            return False
        inner = module.replace(".", "/")
        return any(name.endswith(".py") for root in self.roots for name in self._entries(f"{root}/{inner}".lstrip("/")))

    def below(self, package: str) -> tuple[list[str], bool]:
        """Return the modules and packages that stand in a package, also in one without `__init__.py`, and whether it is all.

        What is below them is left to them, but what stands in folders without `__init__.py`: nobody else loads it. Where
        these are more than `MAX_BELOW` with them, only some are ever loaded, and nobody knows which: modules alone count.
        """
        found: dict[str, bool] = {}
        waiting = [(root, package) for root in self.roots]
        for root, holder in waiting:  # and those that are found meanwhile
            folder = f"{root}/{holder.replace('.', '/')}".strip("/")
            for name, is_folder in sorted(self._entries(folder).items()):
                stem = name.removesuffix(".py")
                module = f"{holder}.{stem}" if holder else stem
                if not is_folder and stem != name and stem.isidentifier() and not stem.startswith("__"):
                    found[module] = holder == package
                elif is_folder and holder and "." not in name and name not in _ASIDE:
                    if "__init__.py" in self._entries(f"{folder}/{name}"):
                        found[module] = False
                    elif len(waiting) < MAX_FOLDERS:
                        waiting.append((root, module))
        return [module for module, is_plain in found.items() if is_plain or len(found) <= MAX_BELOW], len(found) <= MAX_BELOW

    def all_modules(self, most: int) -> tuple[list[str], bool]:
        """Return the modules below all roots, those of outer folders first, at most so many; none of tests and documents.

        The second value tells whether all folders were looked through.
        """
        found: dict[str, str] = {}
        waiting, is_whole = list(self.roots), True
        for folder in waiting:  # and those that are found meanwhile
            prefix = f"{folder}/" if folder else ""
            for name, is_folder in sorted(self._entries(folder).items()):
                stem = name if is_folder else name.removesuffix(".py")
                if is_folder and name.isidentifier() and name not in _ASIDE:
                    is_whole = is_whole and len(waiting) < MAX_FOLDERS
                    waiting += [f"{prefix}{name}"] if is_whole else []
                elif not is_folder and stem != name and stem.isidentifier() and len(found) < most:
                    module = self.module_of(f"{prefix}{name}")
                    if module and self.is_whole(module):
                        found.setdefault(f"{prefix}{name}", module)
        return list(found.values()), is_whole

    def is_whole(self, module: str) -> bool:
        """Return whether all of a dotted name is a file, and not its last part an attribute."""
        known = self._whole.get(module)
        if known is None:
            files = self.files(module)
            stem = files[-1].removesuffix(".py").removesuffix("/__init__") if files else None
            known = self._whole[module] = stem is not None and f"/{stem}".endswith("/" + module.replace(".", "/"))
        return known

    def lacking(self, module: str) -> str | None:
        """Return the path of a module that a first-party package would hold and does not; None for any other module.

        What a build makes, and settings that nobody commits, take next to nothing, and are not told.
        """
        found = self.files(module)
        package = self.name_of(found[-1], module) if found and found[-1].endswith("/__init__.py") else None
        if not package or package == module:
            return None
        folder, name = parent(found[-1]), module.removeprefix(f"{package}.").partition(".")[0]
        entries = self._entries(folder)
        is_other = any(one.partition(".")[0] == name for one, is_folder in entries.items() if not is_folder)
        inner = self._entries(f"{folder}/{name}") if entries.get(name) else {}
        has_source = any(is_folder or one.endswith(".py") for one, is_folder in inner.items())
        return None if is_other or has_source or _TAKES_NOTHING.fullmatch(f"{package}.{name}") else f"{folder}/{name}.py"

    def imported(self, module: str, names: tuple[str, ...]) -> tuple[FirstPartyFile, ...]:
        """Return the files that `from module import names` runs, packages around them first."""
        known = self._imported.get((module, names))
        if known is None:
            found = [(module, path) for path in self.files(module)]
            inner = ((f"{module}.{name}", self.submodule(module, name)) for name in names)
            found += [(name, path) for name, path in inner if path is not None]
            known = tuple(FirstPartyFile(path, name, self.name_of(path, name)) for name, path in found)
            self._imported[module, names] = known
        return known

    def submodule(self, module: str, name: str) -> str | None:
        """Return the file of `name` in a first-party package, None where it is an attribute."""
        found = self.files(f"{module}.{name}") if module else ()
        return found[-1] if found and len(found) > len(self.files(module)) else None

    def module_of(self, path: str) -> str | None:
        """Return the dotted name under which a file is imported, None for a file below no root.

        A root that is a package counts only where no other one holds that: beside `src/__init__.py`, `src/a.py` is `src.a`.
        """
        for root in sorted(self.roots, key=lambda one: (bool(one) and self._is_package(one), -len(one))):
            prefix = f"{root}/" if root else ""
            if path.startswith(prefix):
                name = path[len(prefix) :].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                return "" if name == "__init__" else name
        return None

    def _is_package(self, folder: str) -> bool:
        return self._entries(folder).get("__init__.py") is False

    def name_of(self, path: str, module: str) -> str | None:
        """Return the name under which importing a module runs one of its files: `src` is a root, and may be a package."""
        stem = path.removesuffix(".py").removesuffix("/__init__")
        name = module
        while name:
            if f"/{stem}".endswith("/" + name.replace(".", "/")):
                return name
            name = name.rpartition(".")[0]
        return self.module_of(path)

    def is_file(self, path: str) -> bool:
        """Return whether there is such a file."""
        return self._entries(parent(path)).get(path.rpartition("/")[2]) is False

    def _below(self, root: str, parts: list[str]) -> tuple[tuple[str, ...], int]:
        """Return the files of a module below one root, and how many parts of its name they make."""
        found: list[str] = []
        here = root
        reached = 0
        for number, part in enumerate(parts, start=1):
            entries = self._entries(here)
            inner = f"{here}/{part}" if here else part
            if entries.get(part) and self._entries(inner).get("__init__.py") is False:
                found.append(f"{inner}/__init__.py")
                reached = number
            elif entries.get(f"{part}.py") is False:
                found.append(f"{inner}.py")
                reached = number
                break
            elif not entries.get(part):
                break
            here = inner
        return tuple(found), reached

    def _entries(self, folder: str) -> dict[str, bool]:
        known = self._folders.get(folder)
        if known is None:
            names = parse_once(self._tree, ("names in", folder), lambda: _names(self._tree.entries(folder)))
            known = self._folders[folder] = names
        return known


def _names(entries: Iterable[TreeEntry]) -> dict[str, bool]:
    return {entry.name: entry.is_folder for entry in entries}


def _modules(entries: dict[str, bool]) -> list[str]:
    folders = [f"{name}/" for name, is_folder in entries.items() if is_folder and "." not in name and name != "__pycache__"]
    return [*folders, *(name for name, is_folder in entries.items() if not is_folder and name.endswith(".py"))]


def absolute(module: str, level: int, here: str | None, *, is_package: bool) -> str | None:
    """Return the absolute name of a relative import in the module `here`, None where it leads nowhere."""
    if level == 0:
        return module
    if not here:
        return None
    package = here.split(".") if is_package else here.split(".")[:-1]
    if level - 1 > len(package) or not package:
        return None
    base = package[: len(package) - level + 1]
    return ".".join([*base, module]) if module else ".".join(base)


def is_standard(module: str) -> bool:
    """Return whether a module belongs to Python itself."""
    return module.partition(".")[0] in sys.stdlib_module_names or module.partition(".")[0] == "__future__"
