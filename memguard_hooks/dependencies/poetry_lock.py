"""poetry.lock in the versions 1.0 to 2.1 of its format.

Source: locks that Poetry 1.1, 1.8 and 2 wrote. Groups are `category` up to 1.1, nothing in 2.0, and `groups`
with `markers` in 2.1. What the project itself requires stands only in its pyproject.toml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from memguard_hooks.dependencies import lock, toml_lock
from memguard_hooks.dependencies.lock import Lock, LockEdge
from memguard_hooks.dependencies.requirement import RequirementSource, name_of, normalize_name, source_in_git
from memguard_hooks.formats import typed
from memguard_hooks.relations import grouped


def read(data: bytes, path: str) -> Lock:
    """Read a lock. Raises MemguardError for one that is broken."""
    found = toml_lock.parse(data, path, "package")
    version = typed.table(found.data, "metadata").get("lock-version", "1.0")
    if not isinstance(version, str) or version.partition(".")[0] not in ("1", "2"):
        return lock.too_new(path, version)
    packages = [
        entry.package(
            _source(typed.table(entry.fields, "source")),
            _marker(entry.fields),
            typed.texts(entry.fields, "groups") or typed.texts(entry.fields, "category"),
            _edges(entry.fields),
        )
        for entry in found.entries
    ]
    return Lock(path, lock.by_name(packages))


def _source(fields: Mapping[str, object]) -> RequirementSource | None:
    kind, url = typed.text(fields, "type"), typed.text(fields, "url")
    if url is None or kind is None:
        return None
    if kind == "git":
        return source_in_git(url, typed.text(fields, "resolved_reference") or typed.text(fields, "reference"))
    if kind in ("directory", "file"):
        return RequirementSource("path", url)
    return RequirementSource("url" if kind == "url" else "index", url)


def _marker(fields: Mapping[str, object]) -> str | None:
    """Return the marker of a package: one text, or one a group."""
    markers = fields.get("markers")
    if isinstance(markers, dict):
        return typed.text(markers, "main")
    return markers if isinstance(markers, str) else None


def _edges(fields: Mapping[str, object]) -> Iterator[LockEdge]:
    extras = _extras(fields)
    for name, value in typed.table(fields, "dependencies").items():
        normalized = normalize_name(name)
        for one in value if isinstance(value, list) else [value]:
            told: Mapping[str, object] = one if isinstance(one, dict) else {}
            asked = tuple(normalize_name(extra) for extra in typed.texts(told, "extras"))
            edge = LockEdge(normalized, None, typed.text(told, "markers"), asked)
            if told.get("optional") is not True:
                yield edge
                continue
            for extra in extras.get(normalized, ()):
                yield edge._replace(extra=extra)


def _extras(fields: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the extras of a package that bring each optional one."""
    extras = typed.table(fields, "extras")
    return grouped((name_of(text) or "", normalize_name(extra)) for extra in extras for text in typed.texts(extras, extra))
