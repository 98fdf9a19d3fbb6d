"""pyproject.toml: PEP 621's `dependencies` and `optional-dependencies`, PEP 518's build requirements, and what tools add."""

from __future__ import annotations

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies import toml_requirements
from memguard_hooks.dependencies.manifest_source import read_bytes
from memguard_hooks.dependencies.requirement import Manifest, RequirementComment, Wanted
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import typed
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument
from memguard_hooks.formats.toml_document import parse as parse_toml
from memguard_hooks.tree import Tree


def read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    """Read the requirements of a pyproject.toml whose name is `wanted`.

    Raises MemguardError for a file that does not parse or breaks its standards, with the place.
    """
    if req.is_template(path):
        return Manifest(skipped=(Skipped(path, None, "is a template"),))
    data = read_bytes(tree, path)
    document = parse_toml(data, path)
    own = _own_name(document)

    def is_own_or_wanted(name: str) -> bool:
        return name == own or wanted(name)

    extras: KeyPath = ("project", "optional-dependencies")
    requirements = [
        *toml_requirements.listed(document, ("project", "dependencies"), "runtime", None, is_own_or_wanted),
        *(
            requirement
            for extra in toml_requirements.table(document, extras)
            for requirement in toml_requirements.listed(document, (*extras, extra), "extra", extra, is_own_or_wanted)
        ),
        *toml_requirements.listed(document, ("build-system", "requires"), "build", None, wanted),
    ]
    manifest = Manifest(
        tuple(one for one in requirements if wanted(one.name)),
        tuple(RequirementComment(path, *comment) for comment in document.comments) if b"memguard:" in data else (),
        (),
        tuple((one.group_name, extra) for one in requirements if one.name == own for extra in one.extras),
    )
    manifest = _with_tools(manifest, document, wanted)
    if "dynamic" in toml_requirements.table(document, ("project",)):
        from memguard_hooks.dependencies import setuptools_dynamic

        manifest = Manifest.of((manifest, *setuptools_dynamic.read(document, tree, wanted)))
    return manifest


def _own_name(document: TomlDocument) -> str | None:
    name = toml_requirements.table(document, ("project",)).get("name")
    return req.normalize_name(name) if isinstance(name, str) else None


def _with_tools(manifest: Manifest, document: TomlDocument, wanted: Wanted) -> Manifest:
    """Add what the tables of tools declare; the module of a tool is loaded only for a file that has its table."""
    requirements = manifest.requirements
    tools = typed.table(document.data, "tool")
    if "dependency-groups" in document.data:
        from memguard_hooks.dependencies import dependency_groups

        requirements += tuple(dependency_groups.read(document, wanted))
    if "poetry" in tools:
        from memguard_hooks.dependencies import poetry

        requirements = (*poetry.enrich(document, requirements), *poetry.read(document, wanted))
    if "pdm" in tools:
        from memguard_hooks.dependencies import pdm

        requirements += tuple(pdm.read(document, wanted))
    if "hatch" in tools:
        from memguard_hooks.dependencies import hatch

        requirements += tuple(hatch.read(document, wanted))
    if "uv" in tools:
        from memguard_hooks.dependencies import uv

        requirements = tuple(uv.with_sources(document, (*requirements, *uv.read(document, wanted))))
    return manifest._replace(requirements=requirements)
