"""Lists and tables of requirements in a TOML document, read through typed getters that know the place of a fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies.requirement import Group, Requirement, Wanted
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument
from memguard_hooks.record import Record

MAX_REQUIREMENTS = 5_000
"""Requirements of one list: no hand writes more, and parsing them takes seconds."""


def table(document: TomlDocument, key: KeyPath) -> dict[str, object]:
    """Return a table, an empty one where there is none. Raises MemguardError for anything else."""
    value: object = document.data
    for part in key:
        value = value.get(str(part), {}) if isinstance(value, dict) else {}
    if not isinstance(value, dict):
        raise document.error(f"{dotted(key)} must be a table", key)
    return value


def texts(document: TomlDocument, key: KeyPath) -> list[str]:
    """Return a list of strings, an empty one where there is none. Raises MemguardError for anything else."""
    values = table(document, key[:-1]).get(str(key[-1]), [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise document.error(f"{dotted(key)} must be a list of strings", key)
    if len(values) > MAX_REQUIREMENTS:
        raise document.error(f"{dotted(key)} lists more than {MAX_REQUIREMENTS} requirements", key)
    return values


def dotted(key: KeyPath) -> str:
    """Write a key as TOML does, for a message."""
    return ".".join(map(str, key))


def listed(document: TomlDocument, key: KeyPath, group: Group, name: str | None, wanted: Wanted) -> Iterator[Requirement]:
    """Yield the wanted requirements of a list of strings in PEP 508."""
    for index, text in enumerate(texts(document, key)):
        found = element(document, (*key, index), text, group, name, wanted)
        if found is not None:
            yield found


def element(
    document: TomlDocument, item: KeyPath, text: str, group: Group, name: str | None, wanted: Wanted
) -> Requirement | None:
    """Return the requirement that one string of a list writes, None for one that is not wanted."""
    bare = req.name_of(text.strip())
    if bare is not None and not wanted(bare):
        return None
    line, column = document.place(item)
    column += len(text) - len(text.lstrip(" \t"))
    parsed = req.parse(text.strip(), document.path, line, column, document.end_line(item))
    return parsed._replace(group=group, group_name=name)


class Fields(Record):
    """A requirement that is written as a table, or as a version, which stands for a table of that alone."""

    document: TomlDocument
    key: KeyPath
    values: Mapping[str, object]

    def text(self, field: str) -> str | None:
        """Return a string, None where there is none. Raises MemguardError for anything else."""
        found = self.values.get(field)
        if found is not None and not isinstance(found, str):
            key = (*self.key, field)
            raise self.document.error(f"{dotted(key)} must be a string", key)
        return found

    def requirement(self, name: str, specifier: str, url: str | None, markers: Iterable[str | None]) -> Requirement:
        """Return what all fields together ask for. Raises MemguardError where pip would refuse it."""
        extras = self.values.get("extras", [])
        if not isinstance(extras, list) or not all(isinstance(extra, str) for extra in extras):
            key = (*self.key, "extras")
            raise self.document.error(f"{dotted(key)} must be a list of strings", key)
        conditions = [one for one in markers if one]
        marker = " and ".join(f"({one})" for one in conditions) if len(conditions) > 1 else "".join(conditions)
        written = req.compose(name, extras, specifier, url, marker)
        document = self.document
        return req.parse(written, document.path, *document.place(self.key), document.end_line(self.key))


def fields_of(document: TomlDocument, key: KeyPath, value: object) -> Fields:
    """Return the fields of a requirement. Raises MemguardError for what is neither a version nor a table."""
    values = {"version": value} if isinstance(value, str) else value
    if not isinstance(values, dict):
        raise document.error(f"{dotted(key)} must be a version or a table", key)
    return Fields(document, key, values)
