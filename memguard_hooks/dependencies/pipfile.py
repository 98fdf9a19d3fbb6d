"""Pipfile: the packages of each category, as pipenv reads them.

Source: the chapter on the Pipfile of pipenv's documentation. What is not in `packages` is for development.
"""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies import toml_requirements
from memguard_hooks.dependencies.poetry import git_url
from memguard_hooks.dependencies.requirement import Manifest, Requirement, RequirementComment, Wanted
from memguard_hooks.errors import MemguardError
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
    data = tree.read(path)
    if data is None:
        raise MemguardError("no such file", path)
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
    fields = {"version": value} if isinstance(value, str) else value
    if not isinstance(fields, dict):
        raise document.error(f"{toml_requirements.dotted(key)} must be a version or a table", key)

    def text(field: str) -> str:
        found = fields.get(field, "")
        if not isinstance(found, str):
            raise document.error(f"{toml_requirements.dotted((*key, field))} must be a string", (*key, field))
        return found

    extras = fields.get("extras", [])
    if not isinstance(extras, list) or not all(isinstance(extra, str) for extra in extras):
        raise document.error(f"{toml_requirements.dotted((*key, 'extras'))} must be a list of strings", (*key, "extras"))
    url = text("file") or text("path") or None
    if repository := text("git"):
        url = git_url(repository, text("ref") or None, text("subdirectory") or None)
    conditions = [text("markers"), *(f"{one} {text(one)}" for one in _MARKERS if one in fields)]
    conditions = [one for one in conditions if one]
    marker = " and ".join(f"({one})" for one in conditions) if len(conditions) > 1 else "".join(conditions)
    specifier = text("version").strip()
    if specifier == "*":
        specifier = ""
    elif specifier[:1].isdigit():
        specifier = f"=={specifier}"
    written = req.compose(name, extras, specifier, url, marker)
    requirement = req.parse(written, document.path, *document.place(key), document.end_line(key))
    return requirement._replace(index_name=text("index") or None)
