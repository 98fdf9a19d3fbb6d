"""`[tool.uv]` in pyproject.toml: constraints, overrides, development, and where packages come from.

Source: the settings reference and the chapter on dependencies of uv's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies import toml_requirements
from memguard_hooks.dependencies.poetry import git_url
from memguard_hooks.dependencies.requirement import Requirement, Wanted
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument

_UV: KeyPath = ("tool", "uv")
WORKSPACE = "workspace"


def read(document: TomlDocument, wanted: Wanted) -> Iterator[Requirement]:
    """Yield the wanted requirements of uv's own lists; overrides, like constraints, install nothing by themselves."""
    yield from toml_requirements.listed(document, (*_UV, "dev-dependencies"), "development", "dev", wanted)
    for field in ("constraint-dependencies", "override-dependencies"):
        for requirement in toml_requirements.listed(document, (*_UV, field), "runtime", None, wanted):
            yield requirement._replace(is_constraint=True)


def default_groups(document: TomlDocument) -> set[str]:
    """Return the groups that uv installs where nobody names one: `dev` unless the settings say others; `*` is all."""
    told = toml_requirements.table(document, _UV).get("default-groups", ["dev"])
    if told == "all":
        return {"*"}
    names = told if isinstance(told, list) else []
    return {req.normalize_name(name) for name in names if isinstance(name, str)}


def with_sources(document: TomlDocument, requirements: Iterable[Requirement]) -> Iterator[Requirement]:
    """Add to requirements where uv is told to take them from."""
    sources = {req.normalize_name(name): name for name in toml_requirements.table(document, (*_UV, "sources"))}
    for requirement in requirements:
        name = sources.get(requirement.name)
        source = _source(document, name, requirement) if name and requirement.url is None else None
        yield requirement if source is None else _located(requirement, source)


def _source(document: TomlDocument, name: str, requirement: Requirement) -> dict[str, object] | None:
    """Return the source of a package; of several, which markers choose from, the first that can hold on the host."""
    key = (*_UV, "sources", name)
    value = toml_requirements.table(document, (*_UV, "sources"))[name]
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            raise document.error(f"{toml_requirements.dotted(key)} must be a table or a list of tables", key)
        marker, extra, group = one.get("marker"), one.get("extra"), one.get("group")
        if isinstance(marker, str) and not req.can_hold(marker, None):
            continue
        if extra is not None and (requirement.group, requirement.group_name) != ("extra", extra):
            continue
        if group is not None and (requirement.group, requirement.group_name) != ("development", group):
            continue
        return one
    return None


def _located(requirement: Requirement, source: dict[str, object]) -> Requirement:
    def text(field: str) -> str | None:
        value = source.get(field)
        return value if isinstance(value, str) else None

    if repository := text("git"):
        return requirement._replace(
            url=git_url(repository, text("rev") or text("tag") or text("branch"), text("subdirectory"))
        )
    if source.get(WORKSPACE) is True:
        return requirement._replace(url=f"{WORKSPACE}:{requirement.name}")
    return requirement._replace(url=text("url") or text("path"), index_name=text("index"))
