"""setup.py, read and never run: the literals that `setup()` is given, and the files that it plainly reads.

Source: the keywords of setuptools' documentation. What a program computes is Skipped with the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from memguard_hooks.dependencies.manifest_source import (
    comments,
    parse_wanted,
    read_bounded,
    read_named,
    without_comment,
)
from memguard_hooks.dependencies.requirement import Group, Manifest, Requirement, Wanted
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.python_literals import called, flatten
from memguard_hooks.formats.python_source import NotPythonError, decode, parse
from memguard_hooks.record import Record
from memguard_hooks.tree import Tree, join, parent

MAX_STEPS = 20_000
"""Expressions that are looked at: names that are bound to names can be many times as long as the file."""

_GROUPS: dict[str, Group] = {"install_requires": "runtime", "setup_requires": "build", "tests_require": "development"}
_EXTRAS = "extras_require"
_READS = frozenset({
    "Path", "abspath", "dirname", "join", "joinpath", "open", "read", "read_text", "readlines", "realpath", "resolve",
    "split", "splitlines", "startswith", "strip",
})  # fmt: skip
"""Functions and methods that read a file and take its lines apart."""


def read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    """Read the requirements of a setup.py whose name is `wanted`.

    Raises MemguardError for a requirement that does not parse, with the place.
    """
    data = read_bounded(tree, path)
    try:
        text = decode(data)
        module = parse(text)
    except MemguardError as error:
        reason = "does not parse as Python" if isinstance(error, NotPythonError) else error.message
        return Manifest(skipped=(Skipped(path, error.line, reason),))
    values = _Values(module, text)
    found = (
        _piece(tree, path, piece, group, name, wanted).in_group(group, name)
        for group, name, value in _declarations(module, values)
        for piece in values.of(value)
    )
    return Manifest.of([Manifest(comments=tuple(comments(text, path, "# memguard:"))), *found])


class LiteralText(Record):
    """A string and where its content starts."""

    text: str
    line: int
    column: int
    end_line: int


class Computed(Record):
    """What a program computes; `file` where it plainly reads one."""

    line: int
    reason: str
    file: str | None = None


def _declarations(module: ast.Module, values: _Values) -> Iterator[tuple[Group, str | None, ast.expr]]:
    """Yield the expressions that declare requirements, with their groups."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or called(node) != "setup":
            continue
        keywords = [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg is not None]
        for keyword in node.keywords:
            if keyword.arg is None:
                keywords += [(name, value) for name, value in values.items(keyword.value) if name is not None]
        for name, value in keywords:
            if name in _GROUPS:
                yield _GROUPS[name], None, value
            elif name == _EXTRAS:
                for extra, listed in values.items(value):
                    yield "extra", extra, listed


class _Values:
    """What the expressions of a module stand for, as far as literals and names bound once to them tell."""

    def __init__(self, module: ast.Module, text: str) -> None:
        self._lines = text.split("\n")
        self._steps = iter(range(MAX_STEPS))
        bound: dict[str, list[ast.expr]] = {}
        for node in ast.walk(module):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    bound.setdefault(target.id if isinstance(target, ast.Name) else "", []).append(node.value)
            elif isinstance(node, (ast.AnnAssign, ast.AugAssign)) and isinstance(node.target, ast.Name) and node.value:
                bound.setdefault(node.target.id, []).append(node.value)
            elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
                bound.setdefault(node.optional_vars.id, []).append(node.context_expr)
        self._bound = {name: ones[0] for name, ones in bound.items() if len(ones) == 1}

    def of(self, node: ast.expr) -> Iterator[LiteralText | Computed]:
        """Yield the strings of a list, in their order, and what of it is computed."""
        for here in flatten(node, ast.Add, self._bound, self._steps):
            if here is None:
                yield Computed(node.lineno, "more than can be read")
            elif isinstance(here, ast.Constant) and isinstance(here.value, str):
                yield self._text(here, here.value)
            elif not (isinstance(here, ast.Constant) and here.value is None):
                yield self._computed(here)

    def items(self, node: ast.expr) -> Iterator[tuple[str | None, ast.expr]]:
        """Yield the keys and values of a dictionary; one whose key is computed has None for it."""
        for _ in range(10):
            if isinstance(node, ast.Name) and node.id in self._bound:
                node = self._bound[node.id]
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                is_text = isinstance(key, ast.Constant) and isinstance(key.value, str)
                yield (key.value if is_text else None), value  # type: ignore[union-attr]
        elif isinstance(node, ast.Call) and called(node) == "dict" and not node.args:
            yield from ((keyword.arg, keyword.value) for keyword in node.keywords)
        else:
            yield None, node

    def _text(self, node: ast.Constant, value: str) -> LiteralText:
        line = self._lines[node.lineno - 1] if node.lineno <= len(self._lines) else ""
        column = len(line.encode()[: node.col_offset].decode("utf-8", "replace"))
        quote = re.match(r"[A-Za-z]{0,2}('''|\"\"\"|'|\")", line[column:])
        return LiteralText(value, node.lineno, column + (quote.end() if quote else 0) + 1, node.end_lineno or node.lineno)

    def _computed(self, node: ast.expr) -> Computed:
        """Return whether an expression does nothing but read one file."""
        parts: list[ast.AST] = []
        names: set[str] = set()
        waiting = [node]
        while waiting:
            for part, _ in zip(ast.walk(waiting.pop()), self._steps, strict=False):
                parts.append(part)
                if isinstance(part, ast.Name) and part.id in self._bound and part.id not in names:
                    names.add(part.id)
                    waiting.append(self._bound[part.id])
        files = [
            part.value
            for part in parts
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and re.search(r"\w\.(?:txt|in)$", part.value)
        ]
        others = {called(part) for part in parts if isinstance(part, ast.Call)} - _READS
        is_filtered = any(isinstance(part, (ast.IfExp, ast.Subscript, ast.Lambda)) for part in parts)
        if len(files) == 1 and not others and not is_filtered:
            return Computed(node.lineno, "read from a file", files[0])
        name = next(iter(sorted(others - {""})), "")
        return Computed(node.lineno, f"computed by {name}()" if name else "computed")


def _piece(tree: Tree, path: str, piece: LiteralText | Computed, group: Group, name: str | None, wanted: Wanted) -> Manifest:
    if isinstance(piece, LiteralText):
        return Manifest(tuple(_requirements(piece, path, wanted)))
    if piece.file is None:
        reason = f"its {name or group} requirements are {piece.reason}, which is not run"
        return Manifest(skipped=(Skipped(path, piece.line, reason),))
    target = join(parent(path), piece.file)
    if target is not None and tree.read(target) is None:  # the path may be put together in another way than it seems
        return Manifest(skipped=(Skipped(path, piece.line, f"reads {piece.file}, which is not beside it"),))
    return read_named(tree, path, piece.line, piece.file, wanted, "reads")


def _requirements(piece: LiteralText, path: str, wanted: Wanted) -> Iterator[Requirement]:
    """Yield what the lines of a string write: mostly one, without an end."""
    lines = piece.text.split("\n")
    for index, written in enumerate(lines):
        line = piece.line + index if piece.end_line > piece.line else piece.line
        column = (piece.column if line == piece.line else 1) + len(written) - len(written.lstrip())
        end = piece.end_line if len(lines) == 1 else line
        found = parse_wanted(without_comment(written).strip(), path, line, column, end, wanted)
        if found is not None:
            yield found
