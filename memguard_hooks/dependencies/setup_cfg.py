"""setup.cfg: `install_requires`, `extras_require` and `setup_requires` of setuptools.

Source: the chapter on declarative configuration of setuptools' documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from memguard_hooks.dependencies.manifest_source import (
    comments,
    parse_wanted,
    read_bounded,
    read_named,
    without_comment,
)
from memguard_hooks.dependencies.requirement import Group, Manifest, Requirement, Wanted
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.ini import Option, Piece, read_options
from memguard_hooks.tree import Tree


def read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    """Read the requirements of a setup.cfg whose name is `wanted`.

    Raises MemguardError for a requirement that does not parse, with the place.
    """
    data = read_bounded(tree, path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MemguardError("is not UTF-8", path, data.count(b"\n", 0, error.start) + 1) from None
    options = ((option, _kind(option)) for option in read_options(text))
    found = [_option(option, *kind, tree, path, wanted) for option, kind in options if kind is not None]
    return Manifest.of([Manifest(comments=tuple(comments(text, path))), *found])


def _kind(option: Option) -> tuple[Group, str | None] | None:
    """Return the group that an option declares, None for one that declares no requirements."""
    if option.section == "options.extras_require":
        return "extra", option.name
    if option.section != "options":
        return None
    groups: dict[str, Group] = {"install_requires": "runtime", "setup_requires": "build", "tests_require": "development"}
    group = groups.get(option.name.replace("-", "_"))
    return None if group is None else (group, None)


def _option(option: Option, group: Group, name: str | None, tree: Tree, path: str, wanted: Wanted) -> Manifest:
    first = option.pieces[0]
    if first.text.startswith("file:"):
        files = [file.strip() for piece in option.pieces for file in piece.text.removeprefix("file:").split(",")]
        named = Manifest.of(read_named(tree, path, first.line, file, wanted) for file in files if file)
        return named.in_group(group, name)
    is_list = len(option.pieces) > 1
    # On one line, semicolons part requirements; setuptools has no markers there.
    pieces = option.pieces if is_list else tuple(_split(first))
    return Manifest(tuple(_requirements(pieces, path, wanted))).in_group(group, name)


def _split(piece: Piece) -> Iterator[Piece]:
    for match in re.finditer(r"[^;]+", piece.text):
        text = match[0].strip()
        yield Piece(piece.line, piece.column + match.start() + len(match[0]) - len(match[0].lstrip()), text)


def _requirements(pieces: Iterable[Piece], path: str, wanted: Wanted) -> Iterator[Requirement]:
    for line, column, written in pieces:
        found = parse_wanted(without_comment(written), path, line, column, line, wanted)
        if found is not None:
            yield found
