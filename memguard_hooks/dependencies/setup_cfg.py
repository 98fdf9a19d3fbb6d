"""setup.cfg: `install_requires`, `extras_require` and `setup_requires` of setuptools.

Source: the chapter on declarative configuration of setuptools' documentation. configparser loses the places,
so lines are read here by its rules; a test compares with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies.requirement import Group, Manifest, Requirement, RequirementComment, Wanted
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.tree import Tree, join, parent

MAX_BYTES = 2**20


class Piece(NamedTuple):
    """One line of the value of an option, stripped, with its place."""

    line: int
    column: int
    text: str


class Option(NamedTuple):
    """One option of a section; its first piece stands on the line of its name and may be empty."""

    section: str
    name: str
    pieces: tuple[Piece, ...]


def read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    """Read the requirements of a setup.cfg whose name is `wanted`.

    Raises MemguardError for a requirement that does not parse, with the place.
    """
    data = tree.read(path)
    if data is None:
        raise MemguardError("no such file", path)
    if len(data) > MAX_BYTES:
        raise MemguardError(f"is larger than {MAX_BYTES // 2**20} MiB", path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MemguardError("is not UTF-8", path, data.count(b"\n", 0, error.start) + 1) from None
    manifest = Manifest(comments=tuple(_comments(text, path)) if b"memguard:" in data else ())
    for option in read_options(text):
        kind = _kind(option)
        if kind is not None:
            manifest = manifest.joined(_option(option, *kind, tree, path, wanted))
    return manifest


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
        return _files([file for file in files if file], first.line, group, name, tree, path, wanted)
    is_list = len(option.pieces) > 1
    # On one line, semicolons part requirements; setuptools has no markers there.
    pieces = option.pieces if is_list else tuple(_split(first))
    return Manifest(tuple(_requirements(pieces, group, name, path, wanted)))


def _split(piece: Piece) -> Iterator[Piece]:
    for match in re.finditer(r"[^;]+", piece.text):
        text = match[0].strip()
        yield Piece(piece.line, piece.column + match.start() + len(match[0]) - len(match[0].lstrip()), text)


def _requirements(
    pieces: Iterable[Piece], group: Group, name: str | None, path: str, wanted: Wanted
) -> Iterator[Requirement]:
    for line, column, written in pieces:
        text = re.split(r"(?:^|\s)#", written, maxsplit=1)[0].rstrip()
        bare = req.name_of(text)
        if text and (bare is None or wanted(bare)):
            yield req.parse(text, path, line, column, line)._replace(group=group, group_name=name)


def _files(files: list[str], line: int, group: Group, name: str | None, tree: Tree, path: str, wanted: Wanted) -> Manifest:
    from memguard_hooks.dependencies import requirements_txt

    manifest = Manifest()
    for file in files:
        target = join(parent(path), file)
        if target is None:
            manifest = manifest.joined(
                Manifest(skipped=(Skipped(path, line, f"takes {file}, which leads out of the repository"),))
            )
            continue
        if tree.read(target) is None:
            raise MemguardError(f"takes {req.shorten(file)}, which is missing", path, line)
        found = requirements_txt.read(tree, target, wanted)
        if group != "runtime":
            of_group = tuple(one._replace(group=group, group_name=name) for one in found.requirements)
            found = found._replace(requirements=of_group, own_extras=())
        manifest = manifest.joined(found)
    return manifest


_SECTION = re.compile(r"\[(.+)\]")
_OPTION = re.compile(r"([^\s=:][^=:]*?)\s*[=:]\s*(.*)")


def read_options(text: str) -> Iterator[Option]:
    """Give the options of a file: a line that stands deeper than the name of an option goes on with its value."""
    section, name, depth = "", "", 0
    pieces: list[Piece] = []
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        column = len(line) - len(line.lstrip()) + 1
        if not content or content.startswith(("#", ";")):
            continue
        if name and column - 1 > depth:
            pieces.append(Piece(number, column, content))
            continue
        if name:
            yield Option(section, name, tuple(pieces))
            name = ""
        header, option = _SECTION.match(content), _OPTION.match(content)
        if header:
            section = header[1]
        elif option:
            name, depth = option[1].lower(), column - 1
            pieces = [Piece(number, column + option.start(2), option[2])]
    if name:
        yield Option(section, name, tuple(pieces))


def _comments(text: str, path: str) -> Iterator[RequirementComment]:
    for number, line in enumerate(text.split("\n"), 1):
        match = re.search(r"(?:^|(?<=\s))#.*", line.rstrip())
        if match:
            yield RequirementComment(path, number, match.start() + 1, match[0])
