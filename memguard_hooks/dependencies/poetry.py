"""`[tool.poetry]` in pyproject.toml: dependencies, extras and groups, of Poetry 1 and 2.

Source: the chapters on the pyproject file and on dependency specification of Poetry's documentation.
A dependency is a version, a table, or a list of tables of which the markers choose one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memguard_hooks.dependencies import poetry_constraint, toml_requirements
from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies.requirement import Group, Requirement, Wanted
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument
from memguard_hooks.relations import grouped

_POETRY: KeyPath = ("tool", "poetry")
_MAIN: KeyPath = (*_POETRY, "dependencies")


def read(document: TomlDocument, wanted: Wanted) -> Iterator[Requirement]:
    """Yield the wanted requirements of Poetry's own tables. Raises MemguardError for what Poetry would refuse."""
    if "dependencies" not in toml_requirements.table(document, ("project",)):  # there they only tell more of those
        extras = _extras(document)
        for requirement, is_optional in _table(document, _MAIN, wanted):
            if not is_optional:
                yield requirement
                continue
            for extra in extras.get(requirement.name, [None]):
                yield requirement._replace(group="extra", group_name=extra)
    for name in toml_requirements.table(document, (*_POETRY, "group")):
        yield from _development(document, (*_POETRY, "group", name, "dependencies"), name, wanted)
    yield from _development(document, (*_POETRY, "dev-dependencies"), "dev", wanted)


def default_groups(document: TomlDocument) -> set[str]:
    """Return the groups that Poetry installs where nobody names one: all that are not optional."""
    groups = toml_requirements.table(document, (*_POETRY, "group"))
    names = {*groups, *toml_requirements.table(document, ("dependency-groups",))}
    if toml_requirements.table(document, (*_POETRY, "dev-dependencies")):
        names.add("dev")
    optional = {name for name, one in groups.items() if isinstance(one, dict) and one.get("optional") is True}
    return {req.normalize_name(name) for name in names - optional}


def enrich(document: TomlDocument, requirements: Iterable[Requirement]) -> Iterator[Requirement]:
    """Add to requirements of `[project]` where Poetry is told to take them from."""
    requirements = tuple(requirements)
    told = {one.name: one for one, _ in _table(document, _MAIN, {one.name for one in requirements}.__contains__)}
    for requirement in requirements:
        more = told.get(requirement.name)
        if more is None or requirement.url is not None:
            yield requirement
        else:
            yield requirement._replace(url=more.url, index_name=more.index_name)


def _extras(document: TomlDocument) -> dict[str, list[str | None]]:
    """Return the extras that each optional package belongs to."""
    extras = toml_requirements.table(document, (*_POETRY, "extras"))
    listed = ((name, extra) for extra in extras for name in toml_requirements.texts(document, (*_POETRY, "extras", extra)))
    return grouped((req.normalize_name(name), extra) for name, extra in listed)


def _development(document: TomlDocument, key: KeyPath, name: str, wanted: Wanted) -> Iterator[Requirement]:
    group: Group = "development"
    for requirement, _ in _table(document, key, wanted):
        yield requirement._replace(group=group, group_name=name)


def _table(document: TomlDocument, key: KeyPath, wanted: Wanted) -> Iterator[tuple[Requirement, bool]]:
    """Yield the requirements of a table, and whether each is optional."""
    for name, value in toml_requirements.table(document, key).items():
        normalized = req.normalize_name(name)
        if normalized == "python" or not wanted(normalized):
            continue
        if not isinstance(value, list):
            yield _requirement(document, (*key, name), name, value)
            continue
        for index, one in enumerate(value):
            yield _requirement(document, (*key, name, index), name, one)


def _requirement(document: TomlDocument, key: KeyPath, name: str, value: object) -> tuple[Requirement, bool]:
    fields = toml_requirements.fields_of(document, key, value)

    def constraint(field: str) -> tuple[poetry_constraint.Alternative, ...]:
        written = fields.text(field)
        found = poetry_constraint.parse(written) if written is not None else ((),)
        if found is None:
            raise document.error(f"is not a version constraint of Poetry: {req.shorten(written or '')!r}", key)
        return found

    url = fields.text("url") or fields.text("path") or fields.text("file")
    if repository := fields.text("git"):
        revision = fields.text("rev") or fields.text("tag") or fields.text("branch")
        url = git_url(repository, revision, fields.text("subdirectory"))
    platform = fields.text("platform")
    markers = (
        poetry_constraint.python_marker(constraint("python")),
        f'sys_platform == "{platform}"' if platform else "",
        fields.text("markers"),
    )
    requirement = fields.requirement(name, poetry_constraint.hull(constraint("version")), url, markers)
    return requirement._replace(index_name=fields.text("source"), notation="poetry"), fields.values.get("optional") is True


def git_url(repository: str, revision: str | None, subdirectory: str | None) -> str:
    """Write a git repository, also one in the form of scp, as pip does."""
    if "://" not in repository and ":" in repository:
        repository = "ssh://" + repository.replace(":", "/", 1)
    prefix = "" if repository.startswith("git+") else "git+"
    at = f"@{revision}" if revision else ""
    return f"{prefix}{repository}{at}" + (f"#subdirectory={subdirectory}" if subdirectory else "")
