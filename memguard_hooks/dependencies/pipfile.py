"""Pipfile: the packages of each category, as pipenv reads them.

Source: the chapter on the Pipfile of pipenv's documentation. What is not in `packages` is for development.
"""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies import toml_requirements
from memguard_hooks.dependencies.manifest_source import read_bytes
from memguard_hooks.dependencies.poetry import git_url
from memguard_hooks.dependencies.requirement import Manifest, Requirement, RequirementComment, Wanted
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument
from memguard_hooks.formats.toml_document import parse as parse_toml
from memguard_hooks.tree import Tree

_NOT_PACKAGES = ("source", "requires", "scripts", "pipenv")

_MARKERS = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name",
    "implementation_version",
)  # fmt: skip
"""Variables of markers that may stand as keys, with a comparison as value."""


def read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    """Read the packages of a Pipfile whose name is `wanted`.

    Raises MemguardError for one that does not parse, with the place.
    """
    data = read_bytes(tree, path)
    document = parse_toml(data, path)
    comments = tuple(RequirementComment(path, *comment) for comment in document.comments) if b"memguard:" in data else ()
    categories = [category for category in document.data if category not in _NOT_PACKAGES]
    requirements = [one for category in categories for one in _category(document, category, wanted)]
    return Manifest(tuple(requirements), comments)


def _category(document: TomlDocument, category: str, wanted: Wanted) -> Iterator[Requirement]:
    for name, value in toml_requirements.table(document, (category,)).items():
        if wanted(req.normalize_name(name)):
            requirement = _requirement(document, (category, name), name, value)
            if category == "packages":
                yield requirement
            else:
                label = "dev" if category == "dev-packages" else category
                yield requirement._replace(group="development", group_name=label)


def _requirement(document: TomlDocument, key: KeyPath, name: str, value: object) -> Requirement:
    fields = toml_requirements.fields_of(document, key, value)
    url = fields.text("file") or fields.text("path")
    if repository := fields.text("git"):
        url = git_url(repository, fields.text("ref"), fields.text("subdirectory"))
    markers = (fields.text("markers"), *(f"{one} {fields.text(one)}" for one in _MARKERS if one in fields.values))
    specifier = (fields.text("version") or "").strip()
    if specifier == "*":
        specifier = ""
    elif specifier[:1].isdigit():
        specifier = f"=={specifier}"
    requirement = fields.requirement(name, specifier, url or None, markers)
    return requirement._replace(index_name=fields.text("index") or None, notation="pipfile")
