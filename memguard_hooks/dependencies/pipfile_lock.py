"""Pipfile.lock, `pipfile-spec` 6: the packages of each category, without what requires what.

Source: locks that pipenv wrote, and its documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from memguard_hooks.dependencies import lock
from memguard_hooks.dependencies.lock import Lock, LockedPackage
from memguard_hooks.dependencies.requirement import RequirementSource, normalize_name, source_in_git
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats import json_document, typed
from memguard_hooks.formats.position import Place

_SPEC = 6


def read(data: bytes, path: str) -> Lock:
    """Read a lock. Raises MemguardError for one that is broken."""
    lock.check_size(data, path)
    document = json_document.parse(data, path, lock.MAX_BYTES)
    if not isinstance(document.data, dict):
        raise MemguardError("must be a JSON object", path, 1)
    meta = typed.table(document.data, "_meta")
    sources = {typed.text(one, "name"): typed.text(one, "url") for one in typed.tables(meta, "sources")}
    if meta.get("pipfile-spec", _SPEC) != _SPEC:
        return lock.too_new(path, meta.get("pipfile-spec"))
    packages: dict[tuple[str, str | None], LockedPackage] = {}
    for category in document.data.keys() - {"_meta"}:
        entries = document.data[category]
        for name, fields in entries.items() if isinstance(entries, dict) else ():
            line, column = document.place((category, name))
            place = Place(line, column + 1)  # of the name, behind its quote
            if not isinstance(fields, dict):
                raise MemguardError("is no lock: a package must be an object", path, *place)
            package = _package(name, category, fields, place, sources)
            known = packages.setdefault((package.name, package.version), package)
            if known is not package:
                first = min(known, package, key=lambda one: one.line)
                packages[package.name, package.version] = first._replace(groups=tuple(sorted(known.groups + package.groups)))
    return Lock(path, lock.by_name(sorted(packages.values(), key=lambda one: one.line)), knows_edges=False)


def _package(
    name: str, category: str, fields: Mapping[str, object], place: Place, sources: Mapping[str | None, str | None]
) -> LockedPackage:
    version = typed.text(fields, "version")
    repository = typed.text(fields, "git")
    index = typed.text(fields, "index")
    location = typed.text(fields, "file") or typed.text(fields, "path")
    source = None
    if repository is not None:
        source = source_in_git(repository, typed.text(fields, "ref"))
    elif location is not None:
        source = RequirementSource("url" if "://" in location else "path", location)
    elif index is not None:
        source = RequirementSource("index", sources.get(index) or index)
    pinned = version.removeprefix("==") if version is not None and version.startswith("==") else None
    return LockedPackage(normalize_name(name), pinned, *place, source, typed.text(fields, "markers"), (category,))
