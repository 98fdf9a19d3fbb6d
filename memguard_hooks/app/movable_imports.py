"""The eager heavy imports of a project as imports that may move, and what their files show that holds them."""

from __future__ import annotations

import sys
from functools import lru_cache

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_source import NotPythonError, decode, shortened, tree_of
from memguard_hooks.imports.movable import HeldBy, MovableFile, Wanted
from memguard_hooks.imports.name_uses import find_uses
from memguard_hooks.record import Record
from memguard_hooks.tree import parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    import ast
    from collections.abc import Collection, Iterable

    from memguard_hooks.app.heavy_imports import Eager
    from memguard_hooks.project.project import Project


class EditableSource(Record):
    """A file that may be edited: its text and its syntax tree."""

    path: str
    text: str
    module: ast.Module

    def movable(self, wanted: Iterable[Wanted], python: tuple[int, int] | None) -> MovableFile:
        """Return the file with some of its imports to move, on a Python."""
        return MovableFile(self.module, self.text, [*wanted], python, is_package=self.path.endswith("__init__.py"))


def read_source(project: Project, path: str) -> EditableSource:
    """Read a file to edit. Raises MemguardError for one that this Python cannot parse, or that is too long."""
    text = decode(project.sources.data(path), path)
    if shortened(text) != text:
        raise MemguardError("the file is too long to be edited", path)
    try:
        return EditableSource(path, text, _tree_of(text))
    except NotPythonError as error:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise MemguardError(f"Python {version}, which runs this, cannot parse it", path, error.line) from None


_tree_of = lru_cache(maxsize=4)(tree_of)
"""The tree of a text, which nobody changes: the imports of one file are asked for one after another."""


def as_wanted(project: Project, eager: Eager) -> Wanted:
    """Return the part of an import that loads its heavy module."""
    root_of, site = project.heavy.root_of, eager.site
    if root_of(site.module) == eager.root:
        return Wanted(site.line, site.module, site.names)
    names = tuple(name for name in site.names if root_of(f"{site.module}.{name}") == eager.root)
    return Wanted(site.line, site.module, names)


def held(project: Project, path: str, wanted: Wanted) -> HeldBy | None:
    """Return what keeps an import of a file at the module level, as the file shows by itself."""
    try:
        return held_all(project, path, [wanted])
    except MemguardError:
        return None


def is_built_later(project: Project, path: str, wanted: Wanted) -> bool:
    """Return whether nothing but values hold an import that `--fix` lets functions build when they are first used."""
    return project.settings.fix_style == "function" and held_all(project, path, [wanted], [wanted.module]) is None


def held_all(project: Project, path: str, wanted: Iterable[Wanted], building: Collection[str] = ()) -> HeldBy | None:
    """Return what keeps imports of a file at the module level, where values of some modules may be built later.

    Raises MemguardError for a file that cannot be edited.
    """
    wanted, building = tuple(wanted), tuple(building)

    def judge() -> HeldBy | None:
        moves = read_source(project, path).movable(wanted, project.settings.service.target_python).moves((), building)
        return moves if isinstance(moves, HeldBy) else None

    return parse_once(project.tree, ("held", path, wanted, building), judge)


def remedy(project: Project, path: str, line: int) -> str:
    """Return what may stand in place of a statement that holds an import; empty where nothing is known.

    A function that keeps what it has built stands for `client = OpenAI()`, where functions alone use that, and who calls it
    waits for the first. `openai.api_key = key` may as well stand where the import goes.
    """
    import ast

    module = read_source(project, path).module
    statement = next((one for one in module.body if one.lineno <= line <= (one.end_lineno or one.lineno)), None)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
    if isinstance(statement, ast.AnnAssign):
        target = statement.target
    if isinstance(target, ast.Attribute):
        return f"set {ast.unparse(target)} there too"
    if not isinstance(target, ast.Name):
        return ""
    found = find_uses(module, [target.id])
    is_plain = len(found.bindings) == 1 and all(use.functions and use.annotation is None for use in found.uses)
    return f"build {target.id} in a function with `@functools.cache`" if is_plain and found.uses else ""
