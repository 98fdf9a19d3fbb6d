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


def read(data: bytes, path: str) -> Lock:
    """Read a lock. Raises MemguardError for one that is broken."""
    found = toml_lock.parse(data, path, "packages")
    version = found.data.get("lock-version", "1.0")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        return lock.too_new(path, version)
    packages = [
        LockedPackage(
            normalize_name(str(entry.fields["name"])),
            toml_lock.text(entry.fields, "version"),
            *entry.place,
            _source(entry.fields),
            toml_lock.text(entry.fields, "marker"),
            _groups(toml_lock.text(entry.fields, "marker") or ""),
            tuple(_edge(one) for one in toml_lock.tables(entry.fields, "dependencies")),
        )
        for entry in found.entries
    ]
    knows_edges = any("dependencies" in entry.fields for entry in found.entries)
    groups = toml_lock.texts(found.data, "default-groups")
    return Lock(path, lock.by_name(packages), knows_edges=knows_edges, default_groups=groups)


def _source(fields: Mapping[str, object]) -> RequirementSource | None:
    if repository := toml_lock.table(fields, "vcs"):
        at = toml_lock.text(repository, "commit-id")
        url = toml_lock.text(repository, "url") or toml_lock.text(repository, "path") or ""
        return RequirementSource("vcs", f"{toml_lock.text(repository, 'type') or 'git'}+{url}" + (f"@{at}" if at else ""))
    if directory := toml_lock.table(fields, "directory"):
        return RequirementSource("path", toml_lock.text(directory, "path") or "")
    if archive := toml_lock.table(fields, "archive"):
        remote = toml_lock.text(archive, "url")
        return (
            RequirementSource("url", remote) if remote else RequirementSource("path", toml_lock.text(archive, "path") or "")
        )
    index = toml_lock.text(fields, "index")
    return RequirementSource("index", index) if index else None


def _groups(marker: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"""["']([^"']+)["'] in dependency_groups""", marker)))


def _edge(fields: Mapping[str, object]) -> LockEdge:
    return LockEdge(normalize_name(toml_lock.text(fields, "name") or ""), toml_lock.text(fields, "version"))
