"""What the readers of manifests share: the file itself, its comments, and the requirements that a text writes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies.requirement import Manifest, Requirement, RequirementComment, Wanted
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.tree import Tree, join, parent

MAX_BYTES = 256 * 2**10
"""A manifest is some kilobytes; only requirements files and locks are larger. packaging parses 15,000 lines a second."""


def read_bytes(tree: Tree, path: str) -> bytes:
    """Return a manifest. Raises MemguardError where there is none."""
    data = tree.read(path)
    if data is None:
        raise MemguardError("no such file", path)
    return data


def read_bounded(tree: Tree, path: str) -> bytes:
    """Return a manifest of a usual size. Raises MemguardError for any other."""
    data = read_bytes(tree, path)
    if len(data) > MAX_BYTES:
        raise MemguardError(f"is larger than {MAX_BYTES // 2**10} KiB", path)
    return data


def comments(text: str, path: str, start: str = r"(?:^|(?<=\s))#") -> Iterator[RequirementComment]:
    """Yield the comments of a text, if one may be an allowance; one starts at a `#` behind a blank, or as is told."""
    for number, line in enumerate(text.split("\n") if "memguard:" in text else (), 1):
        match = re.search(start, line)
        if match:
            yield RequirementComment(path, number, match.start() + 1, line[match.start() :].rstrip())


def without_comment(text: str) -> str:
    """Return a line without the comment behind it."""
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()


def parse_wanted(text: str, path: str, line: int, column: int, end_line: int, wanted: Wanted) -> Requirement | None:
    """Return the requirement that a text writes, None for one that is not wanted. Raises MemguardError with the place."""
    bare = req.name_of(text)
    if not text or (bare is not None and not wanted(bare)):
        return None
    return req.parse(text, path, line, column, end_line)


def read_named(tree: Tree, path: str, line: int, file: str, wanted: Wanted, verb: str = "takes") -> Manifest:
    """Read the requirements file that a manifest names on a line. Raises MemguardError where there is none."""
    from memguard_hooks.dependencies import requirements_txt

    target = join(parent(path), file)
    if target is None:
        return Manifest(skipped=(Skipped(path, line, f"{verb} {file}, which leads out of the repository"),))
    if tree.read(target) is None:
        raise MemguardError(f"{verb} {req.shorten(file)}, which is missing", path, line)
    return requirements_txt.read(tree, target, wanted)
