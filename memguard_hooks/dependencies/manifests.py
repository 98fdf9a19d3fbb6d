"""Which files are manifests by their names, and the reader of each."""

from __future__ import annotations

import re
from collections.abc import Callable

from memguard_hooks.dependencies.requirement import Manifest, Wanted
from memguard_hooks.formats import merge_conflict
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import Tree, parse_once

_NAMED = frozenset({"pyproject.toml", "setup.cfg", "setup.py", "Pipfile"})


REQUIREMENTS_FILE = late_pattern(
    r"(^|/)([^/]*requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in)|constraints[^/]*\.txt)$", re.IGNORECASE
)
"""Names that people give to requirements files."""

_LAST_LETTERS = frozenset("tTnN\n")
"""What these names may end with: `$` stands before the end of a line too."""


def is_manifest(path: str) -> bool:
    """Return whether a path is that of a manifest, by its name."""
    if is_named(path):
        return True
    name = path.rpartition("/")[2]
    if "requirements" in name and name.endswith((".txt", ".in")):
        return True  # as nearly all of them, without the pattern, which is slow to compile
    return name[-1:] in _LAST_LETTERS and REQUIREMENTS_FILE.search(path) is not None


def is_named(path: str) -> bool:
    """Return whether a path is that of a manifest which has a name of its own; a requirements file may have any."""
    name = path.rpartition("/")[2]
    return name in _NAMED or (name.startswith(("environment", "conda")) and name.endswith((".yml", ".yaml")))


def read(tree: Tree, path: str, names: frozenset[str] | None = None) -> Manifest:
    """Read a manifest, and what it includes, for the requirements of these names, or for all; the same ones once a run.

    Raises MemguardError for one that is missing or that its own tool would refuse, with the place.
    """
    wanted = names.__contains__ if names is not None else lambda _: True
    return parse_once(tree, ("manifest", path, names), lambda: _read(tree, path, wanted))


def _read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    merge_conflict.refuse(tree.read(path) or b"", path)
    return _reader_of(path)(tree, path, wanted)


def _reader_of(path: str) -> Callable[[Tree, str, Wanted], Manifest]:
    """Return the reader of a manifest by its name; its module is loaded only then."""
    match path.rpartition("/")[2]:
        case "pyproject.toml":
            from memguard_hooks.dependencies.pyproject import read
        case "setup.cfg":
            from memguard_hooks.dependencies.setup_cfg import read
        case "setup.py":
            from memguard_hooks.dependencies.setup_py import read
        case "Pipfile":
            from memguard_hooks.dependencies.pipfile import read
        case _ if is_named(path):
            from memguard_hooks.dependencies.conda import read
        case _:
            from memguard_hooks.dependencies.requirements_txt import read
    return read
