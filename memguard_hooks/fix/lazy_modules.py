"""Libraries that the project takes from a module of its own, which loads them when something of them is first used.

`[fix] style` asks for that. `module-getattr` writes one module for each library, with a `__getattr__` (PEP 562);
`lazy-module` writes one for all, with objects that stand for the libraries, and take attributes too. Both load by import
statements and `import_module`, which Python locks: a library is loaded once, whatever thread asks first. Type checkers see
the library itself. Only what an import could leave for functions goes this way, so that nothing is loaded earlier than it
would be there; a name of a library (`from x import y`) cannot stand for itself, and its import moves into the functions.

What `only-through` in the settings names is such a module too: imports in functions are taken from it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.app.heavy_imports import imports_past_modules
from memguard_hooks.fix.import_edit import ImportChange, Left, replace
from memguard_hooks.formats.python_source import decode, tree_of
from memguard_hooks.imports.movable import Moves, Part
from memguard_hooks.imports.name_uses import bound_by, names_bound, own_nodes
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import FixStyle
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped
from memguard_hooks.tree import parent

ALL = "lazy_imports"
"""The module that stands for all libraries."""

_GETATTR = '''"""{library}, which is loaded when something of it is first used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from {library} import *{comment}


def __getattr__(name: str) -> Any:
    import {library}{alias}

    return getattr({bound}, name)
'''

_HEAD = '''"""Libraries that are loaded when something of them is first used."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class LazyModule(ModuleType):
    """Stands for a module, and loads it when an attribute of it is read or set."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(importlib.import_module(self.__name__), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(importlib.import_module(self.__name__), name)

    def __dir__(self) -> list[str]:
        return dir(importlib.import_module(self.__name__))


if TYPE_CHECKING:
{imports}else:
{objects}'''

_OBJECT = late_pattern(r'^    (\w+) = LazyModule\("([\w.]+)"\)(?:\r?\n|\Z)', re.MULTILINE)
_IGNORED = late_pattern(r"#\s*type:\s*ignore(?:\[[\w, -]*\])?")


class LazyPlan(Record):
    """What takes libraries from lazy modules: the statements that become others, by file, the files that are written."""

    replaced: dict[str, dict[Part, str]]
    files: dict[str, bytes]


def plan_lazy(project: Project, entries: Sequence[ServiceEntry], moves: Mapping[str, Moves], style: FixStyle) -> LazyPlan:
    """Find which imports that could move into functions stay in place, and name a lazy module instead."""
    found: dict[str, dict[str, list[Part]]] = {}
    for path, one in moves.items():
        module = tree_of(decode(project.sources.data(path), path))
        for part in one.removed:
            is_used = any(part in host.imports for host in one.hosts)
            if is_used and _may_stand_for(project, module, part, takes_values=style == "lazy-module"):
                found.setdefault(part[1].name, {}).setdefault(path, []).append(part)
    groups = [(name, [name], files) for name, files in found.items()] if style == "module-getattr" else []
    if style == "lazy-module" and found:
        together: dict[str, list[Part]] = {}
        for files in found.values():
            for path, parts in files.items():
                together.setdefault(path, []).extend(parts)
        groups = [("", list(found), together)]
    replaced: dict[str, dict[Part, str]] = {}
    written: dict[str, bytes] = {}
    for library, names, files in groups:
        place = _place(project, entries, files, f"lazy_{_flat(library)}" if library else ALL)
        data = place and _content(project, place.path, library, names, _comment(project, files))
        if place is None or not data:
            continue
        if data != project.tree.read(place.path):
            written[place.path] = data
        for path, parts in files.items():
            replaced.setdefault(path, {}).update((part, _taken(place.module, part, library)) for part in parts)
    return LazyPlan(replaced, written)


def _may_stand_for(project: Project, module: ast.Module, part: Part, *, takes_values: bool) -> bool:
    """Return whether another object may stand for a library in a file: nothing but attributes of it are asked for."""
    statement, alias = part
    if isinstance(statement, ast.ImportFrom) or (alias.asname is None and "." in alias.name):
        return False
    if project.heavy.root_of(alias.name) is None:
        return False
    name = bound_by(alias)
    asked = {
        one.value
        for one in ast.walk(module)
        if isinstance(one, ast.Attribute)
        and (takes_values or isinstance(one.ctx, ast.Load))
        and (one.attr == "__version__" or not one.attr.startswith("__"))  # others are what any module has by itself
    }
    return all(one in asked for one in ast.walk(module) if isinstance(one, ast.Name) and one.id == name)


def _flat(module: str) -> str:
    return module.replace(".", "_")


def _taken(module: str, part: Part, library: str) -> str:
    """Return the statement that takes a library from a lazy module."""
    bound = bound_by(part[1])
    if not library:
        name = _flat(part[1].name)
        return f"from {module} import {name}" + (f" as {bound}" if bound != name else "")
    package, _, name = module.rpartition(".")
    return f"from {package} import {name} as {bound}" if package else f"import {name} as {bound}"


# Where a lazy module stands, and what it holds


class _Place(Record):
    """A file, and the name of its module."""

    path: str
    module: str


def _place(project: Project, entries: Sequence[ServiceEntry], files: Collection[str], name: str) -> _Place | None:
    """Return where a module stands that some files import, None where they know no common name of it."""
    folder = parent(min(files))
    while not all(one.startswith(f"{folder}/") for one in files) and folder:
        folder = parent(folder)
    path = f"{folder}/{name}.py".lstrip("/")
    if not entries:
        resolver = Resolver(project.tree, project.source_roots)
        return _named(resolver, path, folder) if folder in resolver.roots or _is_package(project, folder) else None
    found = {_named(one.resolver, path, folder) for one in entries}
    return found.pop() if len(found) == 1 else None


def _is_package(project: Project, folder: str) -> bool:
    return project.tree.has(f"{folder}/__init__.py")


def _named(resolver: Resolver, path: str, folder: str) -> _Place | None:
    """Return a new file with the name of its module: the longest one of which all packages are found."""
    module = resolver.module_of(path)
    if not module or not all(part.isidentifier() for part in module.split(".")):
        return None
    package = module.rpartition(".")[0]
    if package and not any(one == f"{folder}/__init__.py" for one in resolver.files(package)):
        return None
    return _Place(path, module)


def _content(project: Project, path: str, library: str, names: Iterable[str], comment: str) -> bytes | None:
    """Return what a lazy module holds, None where another file stands there."""
    known = project.tree.read(path)
    if library:
        data = getattr_module(library, comment)
        return data if known is None or known == data else None
    wanted = {_flat(name): name for name in names}
    if known is not None:
        old = dict(_OBJECT.findall(known.decode("utf-8", "replace")))
        if not old or _objects(old) != known:
            return None
        wanted |= old
    return _objects(wanted)


def getattr_module(library: str, comment: str = "") -> bytes:
    """Return a module that stands for a library, and loads it when an attribute is read (PEP 562)."""
    bound = _flat(library)
    alias = f" as {bound}" if bound != library else ""
    return _GETATTR.format(library=library, comment=comment, alias=alias, bound=bound).encode()


def _objects(names: Mapping[str, str]) -> bytes:
    ordered = sorted(names.items())
    imports = "".join(f"    import {module} as {name}\n" for name, module in ordered)
    objects = "".join(f'    {name} = LazyModule("{module}")\n' for name, module in ordered)
    return _HEAD.replace("{imports}", imports).replace("{objects}", objects).encode()


def _comment(project: Project, files: Mapping[str, Sequence[Part]]) -> str:
    """Return the comment by which type checkers pass over the import of an untyped library, where a file has one."""
    for path, parts in files.items():
        lines = decode(project.sources.data(path), path).split("\n")
        for statement, _ in parts:
            found = _IGNORED.search(lines[statement.lineno - 1])
            if found is not None:
                return f"  {found[0]}"
    return ""


# Modules that the settings name


def take_through(project: Project) -> ImportChange:
    """Take what functions import of libraries from the modules that `only-through` names, which are written if missing."""
    files: dict[str, bytes] = {}
    done: list[str] = []
    left: list[Left] = []
    sites = grouped((one[:3], one[3].line) for one in imports_past_modules(project))
    for (library, module, path), lines in sites.items():
        named = _NamedModule(project, library, module)
        data = files.get(path, project.sources.data(path))
        tree = tree_of(decode(data, path))
        taken: dict[Part, str] = {}
        for node in _in_functions(tree):
            if node.lineno in lines:
                reason = named.cannot(tree, node)
                if reason is None:
                    taken.update(named.taken(node))
                elif reason:
                    left.append(Left(path, node.lineno, library, reason))
        if taken:
            files[path] = replace(data, tree, taken)
            done += [
                f"{path}:{one.lineno}: taken from {module}: {library}" for one in dict.fromkeys(node for node, _ in taken)
            ]
            if named.is_missing:
                files[named.path] = getattr_module(library)
                done.append(f"{named.path}:1: written: {library} behind `__getattr__`")
    return ImportChange(files, tuple(dict.fromkeys(done)), tuple(left))


def _in_functions(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    inner: dict[ast.AST, None] = {}
    for one in ast.walk(tree):
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner.update((node, None) for node in ast.walk(one) if isinstance(node, (ast.Import, ast.ImportFrom)))
    yield from (one for one in inner if isinstance(one, (ast.Import, ast.ImportFrom)))


class _NamedModule:
    """The module that the settings name for a library."""

    def __init__(self, project: Project, library: str, module: str) -> None:
        self._library = library
        self._module = module
        self.path, self.is_missing = _file_of(project, module)
        self._names: frozenset[str] | None = None
        """What the module has, None where it has all that the library has."""
        data = None if self.is_missing or not self.path else project.tree.read(self.path)
        if data is not None:
            tree = tree_of(decode(data, self.path))
            names = frozenset(_bound(tree))
            self._names = None if "__getattr__" in names else names

    def cannot(self, tree: ast.Module, node: ast.Import | ast.ImportFrom) -> str | None:
        """Say why an import cannot come through the module, empty where it is none of the library."""
        if isinstance(node, ast.ImportFrom):
            module, asked = node.module or "", {one.name for one in node.names}
            if "*" in asked:
                return "it takes all names"
            below = module if module.startswith(f"{self._library}.") else ""
        else:
            own = [one for one in node.names if one.name == self._library]
            below = next((one.name for one in node.names if one.name.startswith(f"{self._library}.")), "")
            module, asked = (self._library if own else ""), _asked(tree, {bound_by(one) for one in own})
            if own and "." in self._library and own[0].asname is None:
                return f"write `import {self._library} as name` first"
        if below:
            return f"{self._module} stands for {self._library}, and not for {below}"
        if module != self._library:
            return ""
        if not self.path:
            return f"there is no folder for {self._module}"
        missing = sorted(asked - self._names) if self._names is not None else []
        return f"{self.path} has no {missing[0]}" if missing else None

    def taken(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[Part, str]]:
        """Yield the parts of a statement with what they become."""
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                name = alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
                yield (node, alias), f"from {self._module} import {name}"
            elif alias.name == self._library:
                yield (node, alias), _taken(self._module, (node, alias), self._library)


def _asked(tree: ast.Module, names: Collection[str]) -> set[str]:
    """Return the attributes that a file asks of some names."""
    nodes = (one for one in ast.walk(tree) if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name))
    return {one.attr for one in nodes if isinstance(one.value, ast.Name) and one.value.id in names}


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module has once it is loaded."""
    for node in own_nodes(tree.body):
        yield from names_bound(node)


def _file_of(project: Project, module: str) -> tuple[str, bool]:
    """Return the file of a module, empty where it has no folder, and whether it is missing."""
    resolver = Resolver(project.tree, project.source_roots)
    if resolver.is_whole(module):
        return resolver.files(module)[-1], False
    folder, _, name = module.replace(".", "/").rpartition("/")
    for root in resolver.roots:
        place = f"{root}/{folder}".strip("/")
        if not folder or project.tree.entries(place):
            return f"{place}/{name}.py".lstrip("/"), True
    return "", True
