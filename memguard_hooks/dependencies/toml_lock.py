"""The packages of a lock in TOML, each with its place.

Four fifths of such a file are the hashes of archives, one on each line. Those lines are left blank before
the file is parsed, which then takes a fifth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from memguard_hooks.dependencies import lock
from memguard_hooks.dependencies.lock import LockEdge, LockedPackage
from memguard_hooks.dependencies.requirement import RequirementSource, normalize_name
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats import typed
from memguard_hooks.formats.position import Place
from memguard_hooks.formats.toml_document import parse as parse_toml
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Any, Record

_ARCHIVE = late_pattern(rb"\n    \{[^\n]*[ ,]hash(?:es)? = [^\n]*")


class LockEntry(Record):
    """One table of an array of tables, and its place."""

    fields: Mapping[str, object]
    place: Place

    def package(
        self,
        source: RequirementSource | None,
        marker: str | None,
        groups: tuple[str, ...],
        requires: Iterable[LockEdge],
    ) -> LockedPackage:
        """Return the package of a table, with what each format says in its own words."""
        name, version = normalize_name(str(self.fields["name"])), typed.text(self.fields, "version")
        return LockedPackage(name, version, *self.place, source, marker, groups, tuple(requires))


class TomlLock(Record):
    """A lock as TOML: all of it, and its packages."""

    data: Mapping[str, Any]
    entries: list[LockEntry]


def parse(data: bytes, path: str, key: str) -> TomlLock:
    """Parse a lock whose packages are the array of tables `key`.

    Raises MemguardError with the place for one that is no TOML, is larger than any lock, or has no such packages.
    """
    lock.check_size(data, path)
    document = parse_toml(_ARCHIVE.sub(b"\n", data), path)
    packages = document.data.get(key, [])
    if not isinstance(packages, list) or not all(isinstance(one, dict) for one in packages):
        raise document.error(f"{key} must be an array of tables", (key,))
    places = _places(data, f"[[{key}]]".encode())
    if len(places) != len(packages):  # written in another way than tools do
        places = [document.place((key, index, "name")) for index in range(len(packages))]
    for fields, place in zip(packages, places, strict=True):
        if not isinstance(fields.get("name"), str) or not isinstance(fields.get("version", ""), str):
            raise MemguardError("is no lock: name and version of a package must be strings", path, *place)
    return TomlLock(document.data, [LockEntry(*both) for both in zip(packages, places, strict=True)])


def _places(data: bytes, header: bytes) -> list[Place]:
    """Return where the names of packages stand, as far as each has its header and its name on lines of their own."""
    found: list[Place] = []
    line, counted = 1, 0
    for match in re.finditer(rb"\n%s\r?\n(?=name = )" % re.escape(header), data):
        line += data.count(b"\n", counted, match.end())
        counted = match.end()
        found.append(Place(line, 1))
    if re.match(rb"%s\r?\nname = " % re.escape(header), data):
        found.insert(0, Place(2, 1))
    return found
