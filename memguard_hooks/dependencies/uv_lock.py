"""uv.lock, version 1: the packages of a project or workspace for all platforms.

Source: locks that uv wrote, up to revision 5 of that version. The project itself is a package whose source is `virtual`,
`editable` or `directory`; extras are its `optional-dependencies`, groups its `dev-dependencies`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from memguard_hooks.dependencies import lock, toml_lock
from memguard_hooks.dependencies.lock import Lock, LockEdge, LockedPackage
from memguard_hooks.dependencies.requirement import RequirementSource, normalize_name, source_of_url
from memguard_hooks.formats import typed


def read(data: bytes, path: str) -> Lock:
    """Read a lock. Raises MemguardError for one that is broken."""
    found = toml_lock.parse(data, path, "package")
    if found.data.get("version", 1) != 1:
        return lock.too_new(path, found.data.get("version"))
    members = typed.texts(typed.table(found.data, "manifest"), "members")
    packages: list[LockedPackage] = []
    roots: list[LockEdge] = []
    for entry in found.entries:
        source = _source(typed.table(entry.fields, "source"))
        requires = tuple(_edges(entry.fields))
        if source == RequirementSource("path", ".") or entry.fields["name"] in members:
            roots += requires
        packages.append(entry.package(source, _either(typed.texts(entry.fields, "resolution-markers")), (), requires))
    return Lock(path, lock.by_name(packages), tuple(roots))


def _source(fields: Mapping[str, object]) -> RequirementSource | None:
    for kind, value in fields.items():
        if isinstance(value, str):
            if kind == "registry":
                return RequirementSource("index", value)
            if kind == "git":
                return source_of_url(value if value.startswith("git+") else f"git+{value}")
            return RequirementSource("url" if kind == "url" else "path", value)
    return None


def _edges(fields: Mapping[str, object]) -> Iterator[LockEdge]:
    for one in typed.tables(fields, "dependencies"):
        yield _edge(one)
    optional = typed.table(fields, "optional-dependencies")
    for extra in optional:
        for one in typed.tables(optional, extra):
            yield _edge(one)._replace(extra=normalize_name(extra))
    groups = typed.table(fields, "dev-dependencies")
    for group in groups:
        for one in typed.tables(groups, group):
            yield _edge(one)._replace(group=normalize_name(group))


def _edge(fields: Mapping[str, object]) -> LockEdge:
    return LockEdge(
        normalize_name(typed.text(fields, "name") or ""),
        typed.text(fields, "version"),
        typed.text(fields, "marker"),
        tuple(normalize_name(extra) for extra in typed.texts(fields, "extra")),
    )


def _either(markers: tuple[str, ...]) -> str | None:
    """Join markers of which one must hold."""
    return " or ".join(f"({one})" for one in markers) or None
