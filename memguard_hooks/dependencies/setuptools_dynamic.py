"""`[tool.setuptools.dynamic]` in pyproject.toml: requirements that stand in files of their own.

Source: the chapter on pyproject.toml of setuptools' documentation. Other backends fill in what is dynamic
by programs, which are not run.
"""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.dependencies import toml_requirements
from memguard_hooks.dependencies.manifest_source import read_named
from memguard_hooks.dependencies.requirement import Manifest, Wanted
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import typed
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument
from memguard_hooks.tree import Tree


def read(document: TomlDocument, tree: Tree, wanted: Wanted) -> Iterator[Manifest]:
    """Read the requirements files that setuptools is told to take, and say what else is dynamic."""
    dynamic = toml_requirements.table(document, ("project",)).get("dynamic")
    poetry = typed.value(document.data, "tool", "poetry", "dependencies")
    for field in ("dependencies", "optional-dependencies"):
        if not isinstance(dynamic, list) or field not in dynamic or poetry is not None:
            continue
        key: KeyPath = ("tool", "setuptools", "dynamic", field)
        extras = [None] if field == "dependencies" else [*toml_requirements.table(document, key)]
        files = [(extra, file) for extra in extras for file in _files(document, (*key, extra) if extra else key)]
        for extra, file in files:
            line = document.place((*key, extra) if extra else key).line
            named = read_named(tree, document.path, line, file, wanted)
            yield named if extra is None else named.in_group("extra", extra)
        if not files:
            line = document.place(("project", "dynamic")).line
            yield Manifest(skipped=(Skipped(document.path, line, f"its {field} are dynamic and are not read from here"),))


def _files(document: TomlDocument, key: KeyPath) -> list[str]:
    file = toml_requirements.table(document, key).get("file")
    return [file] if isinstance(file, str) else toml_requirements.texts(document, (*key, "file"))
