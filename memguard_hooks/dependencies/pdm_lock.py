"""pdm.lock in the versions 4.x of its format.

Source: the reference of the lock file of PDM's documentation. A package with extras stands twice: once by
itself, once with `extras` and with what those bring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from memguard_hooks.dependencies import lock, toml_lock
from memguard_hooks.dependencies.lock import Lock, LockEdge, LockedPackage
from memguard_hooks.dependencies.requirement import RequirementSource, name_of, normalize_name, source_in_git
from memguard_hooks.formats import typed

_VERSION = "4"


def read(data: bytes, path: str) -> Lock:
    """Read a lock. Raises MemguardError for one that is broken."""
    found = toml_lock.parse(data, path, "package")
    version = typed.table(found.data, "metadata").get("lock_version", _VERSION)
    if not isinstance(version, str) or version.partition(".")[0] != _VERSION:
        return lock.too_new(path, version)
    packages: dict[tuple[str, str | None], LockedPackage] = {}
    for entry in found.entries:
        marker, groups = typed.text(entry.fields, "marker"), typed.texts(entry.fields, "groups")
        package = entry.package(_source(entry.fields), marker, groups, _edges(entry.fields))
        known = packages.setdefault((package.name, package.version), package)
        if known is not package:
            groups = tuple(dict.fromkeys(known.groups + package.groups))
            packages[package.name, package.version] = known._replace(
                groups=groups, requires=known.requires + package.requires
            )
    return Lock(path, lock.by_name([*packages.values()]))


def _source(fields: Mapping[str, object]) -> RequirementSource | None:
    if repository := typed.text(fields, "git"):
        return source_in_git(repository, typed.text(fields, "revision") or typed.text(fields, "ref"))
    if url := typed.text(fields, "url"):
        return RequirementSource("url", url)
    location = typed.text(fields, "path")
    return RequirementSource("path", location) if location else None


def _edges(fields: Mapping[str, object]) -> Iterator[LockEdge]:
    own = normalize_name(str(fields["name"]))
    through = tuple(normalize_name(extra) for extra in typed.texts(fields, "extras"))
    for text in typed.texts(fields, "dependencies"):
        edge = edge_of(text)
        if edge is not None and edge.name != own:
            yield from (edge._replace(extra=extra) for extra in through or (None,))


def edge_of(text: str) -> LockEdge | None:
    """Return what a requirement in PEP 508 asks for, None for one that has no name."""
    name = name_of(text)
    if name is None:
        return None
    head, _, marker = text.partition(" ; " if "@" in text else ";")
    extras = head.partition("[")[2].partition("]")[0] if "@" not in head.partition("[")[0] else ""
    asked = tuple(normalize_name(extra.strip()) for extra in extras.split(",") if extra.strip())
    return LockEdge(name, None, marker.strip() or None, asked)
