"""Which files are manifests by their names, and the reader of each."""

from __future__ import annotations

import re

from memguard_hooks.dependencies.requirement import Manifest, Wanted
from memguard_hooks.tree import Tree

_NAMED = re.compile(r"pyproject\.toml|setup\.cfg|setup\.py|Pipfile|(?:environment|conda)[^/]*\.ya?ml")


REQUIREMENTS_FILE = re.compile(
    r"(^|/)([^/]*requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in)|constraints[^/]*\.txt)$", re.IGNORECASE
)
"""Names that people give to requirements files."""


def is_manifest(path: str) -> bool:
    """Tell whether a path is that of a manifest, by its name."""
    return is_named(path) or REQUIREMENTS_FILE.search(path) is not None


def is_named(path: str) -> bool:
    """Tell whether a path is that of a manifest which has a name of its own; a requirements file may have any."""
    return _NAMED.fullmatch(path.rpartition("/")[2]) is not None


def read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    """Read a manifest, and what it includes, for the requirements whose name is `wanted`.

    Raises MemguardError for one that is missing or that its own tool would refuse, with the place.
    """
    name = path.rpartition("/")[2]
    if name == "pyproject.toml":
        from memguard_hooks.dependencies import pyproject as reader
    elif name == "setup.cfg":
        from memguard_hooks.dependencies import setup_cfg as reader  # type: ignore[no-redef]
    elif name == "setup.py":
        from memguard_hooks.dependencies import setup_py as reader  # type: ignore[no-redef]
    elif name == "Pipfile":
        from memguard_hooks.dependencies import pipfile as reader  # type: ignore[no-redef]
    elif is_named(path):
        from memguard_hooks.dependencies import conda as reader  # type: ignore[no-redef]
    else:
        from memguard_hooks.dependencies import requirements_txt as reader  # type: ignore[no-redef]
    return reader.read(tree, path, wanted)
