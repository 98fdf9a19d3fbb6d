"""pylock.toml and pylock.NAME.toml, the lock of PEP 751, version 1.

Source: the specification of the Python Packaging Authority. `dependencies` are optional there: pip and uv
write none, PDM does. Groups and extras stand in markers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from memguard_hooks.dependencies import lock, toml_lock
from memguard_hooks.dependencies.lock import Lock, LockEdge, LockedPackage
from memguard_hooks.dependencies.requirement import RequirementSource, normalize_name
from memguard_hooks.formats import typed


def read(data: bytes, path: str) -> Lock:
    """Read a lock. Raises MemguardError for one that is broken."""
    found = toml_lock.parse(data, path, "packages")
    version = found.data.get("lock-version", "1.0")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        return lock.too_new(path, version)
    packages: list[LockedPackage] = []
    for entry in found.entries:
        marker, requires = typed.text(entry.fields, "marker"), map(_edge, typed.tables(entry.fields, "dependencies"))
        packages.append(entry.package(_source(entry.fields), marker, _groups(marker or ""), requires))
    knows_edges = any("dependencies" in entry.fields for entry in found.entries)
    groups = typed.texts(found.data, "default-groups")
    return Lock(path, lock.by_name(packages), knows_edges=knows_edges, default_groups=groups)


def _source(fields: Mapping[str, object]) -> RequirementSource | None:
    if repository := typed.table(fields, "vcs"):
        at = typed.text(repository, "commit-id")
        url = typed.text(repository, "url") or typed.text(repository, "path") or ""
        return RequirementSource("vcs", f"{typed.text(repository, 'type') or 'git'}+{url}" + (f"@{at}" if at else ""))
    if directory := typed.table(fields, "directory"):
        return RequirementSource("path", typed.text(directory, "path") or "")
    if archive := typed.table(fields, "archive"):
        remote = typed.text(archive, "url")
        return RequirementSource("url", remote) if remote else RequirementSource("path", typed.text(archive, "path") or "")
    index = typed.text(fields, "index")
    return RequirementSource("index", index) if index else None


def _groups(marker: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"""["']([^"']+)["'] in dependency_groups""", marker)))


def _edge(fields: Mapping[str, object]) -> LockEdge:
    return LockEdge(normalize_name(typed.text(fields, "name") or ""), typed.text(fields, "version"))
