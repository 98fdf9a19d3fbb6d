"""`memguard.lock`: what `memguard measure` found of a project's entry points, kept beside their source.

Sizes are KiB in the file and bytes here. Base, packages and first-party code add up to the base and the total. The file
is sorted, with one package a line, so that a change of one package is a change of one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.json_document import JsonDocument, KeyPath, parse
from memguard_hooks.record import Record, T

FILE = "memguard.lock"
SCHEMA = 1
MAX_BYTES = 2**23
MAX_PACKAGES = 3000
MAX_SIZE, MAX_NOISE = 2**34, 2**14
"""KiB that one package or a process may take, and that one may seem to give back."""

REST = "(standard library)"
"""What stands among the packages for the small parts of the standard library together."""


class Size(Record):
    """Resident and anonymous memory in bytes."""

    resident: int = 0
    anonymous: int = 0


class MeasuredPackage(Record):
    """What the modules of one package took themselves, and which other packages these import.

    `distribution` and `version` are None for the standard library, and where no installed distribution owns it.
    """

    distribution: str | None
    version: str | None
    own: Size
    imports: tuple[str, ...] = ()


class Measured(Record):
    """One entry point in one process. `total` is what it added to `base`, the bare interpreter.

    `source` counts the bytes of the first-party files that ran; `first_party` is what these took, with all that they
    did besides importing.
    """

    python: str
    platform: str
    date: str
    method: str
    base: Size
    total: Size
    source: int
    first_party: Size
    packages: Mapping[str, MeasuredPackage]


def name_entry(text: str, folder: str) -> str:
    """Return the name of an entry point in the lock; a folder that is not the root tells two `main.py` apart."""
    return f"{text} in {folder}" if folder else text


def closure(measured: Measured, package: str) -> frozenset[str]:
    """Return the packages that importing one of them loads, itself included; none where it was not loaded."""
    found: set[str] = set()
    waiting = [package]
    while waiting:
        name = waiting.pop()
        if name in measured.packages and name not in found:
            found.add(name)
            waiting += measured.packages[name].imports
    return frozenset(found)


def read(data: bytes, path: str = FILE) -> dict[str, Measured]:
    """Read a lock. Raises MemguardError with the place of what is wrong."""
    document = parse(data, path, MAX_BYTES)
    schema = _get(document, (), document.data, "schema", int)
    if schema != SCHEMA:
        raise _at_fault(document, ("schema",), f"schema {schema} is not known, only {SCHEMA}")
    entries = _get(document, (), document.data, "entrypoints", dict)
    return {name: _read_entry(document, ("entrypoints", name), entry) for name, entry in entries.items()}


def _read_entry(document: JsonDocument, key: KeyPath, entry: object) -> Measured:
    own = _get(document, key, entry, "first_party", dict)
    inner = (*key, "first_party")
    packages = _get(document, key, entry, "packages", dict)
    python = _get(document, key, entry, "python", str)
    base = _read_pair(document, key, entry, "base")
    if not re.fullmatch(r"3\.\d{1,3}\.\d{1,3}\S{0,20}", python):
        raise _at_fault(document, (*key, "python"), "python is no version of Python 3")
    if base.resident <= 0:
        raise _at_fault(document, (*key, "base"), "base is no size of an interpreter")
    if len(packages) > MAX_PACKAGES:
        raise _at_fault(document, (*key, "packages"), f"packages are more than {MAX_PACKAGES}")
    return Measured(
        python=python,
        platform=_get(document, key, entry, "platform", str),
        date=_get(document, key, entry, "date", str),
        method=_get(document, key, entry, "method", str),
        base=base,
        total=_read_pair(document, key, entry, "total"),
        source=_get(document, inner, own, "source", int),
        first_party=_read_size(document, inner, own),
        packages={name: _read_package(document, (*key, "packages", name), one) for name, one in packages.items()},
    )


def _read_package(document: JsonDocument, key: KeyPath, package: object) -> MeasuredPackage:
    imports = _get(document, key, package, "imports", list)
    if not all(isinstance(name, str) for name in imports):
        raise _at_fault(document, (*key, "imports"), "imports must be names")
    return MeasuredPackage(
        _get(document, key, package, "distribution", str, type(None)),
        _get(document, key, package, "version", str, type(None)),
        _read_size(document, key, package),
        tuple(imports),
    )


def _read_size(document: JsonDocument, key: KeyPath, table: object) -> Size:
    return Size(*(_kibibytes(document, (*key, name), _get(document, key, table, name, int)) for name in Size._fields))


def _kibibytes(document: JsonDocument, key: KeyPath, size: int) -> int:
    """Return a size in bytes; one below nothing by more than noise, or beyond any machine, is at fault."""
    if not -MAX_NOISE <= size <= MAX_SIZE:
        raise _at_fault(document, key, f"{key[-1]} is no size in KiB")
    return size * 1024


def _read_pair(document: JsonDocument, key: KeyPath, table: object, name: str) -> Size:
    pair = _get(document, key, table, name, list)
    if len(pair) != 2 or not all(type(size) is int for size in pair):
        raise _at_fault(document, (*key, name), f"{name} must be two numbers of KiB")
    return Size(*(_kibibytes(document, (*key, name), size) for size in pair))


_WORDS = {str: "text", int: "a whole number", list: "a list", dict: "an object", type(None): "null"}


def _get(document: JsonDocument, key: KeyPath, table: object, name: str, *types: type[T]) -> T:
    """Return the value of a key, which must be there and of one of these types; a truth value is no number."""
    if not isinstance(table, dict):
        raise _at_fault(document, key, f"{key[-1] if key else 'the file'} must be an object")
    if name not in table:
        raise _at_fault(document, key, f"{name} is missing")
    value = table[name]
    if type(value) not in types:
        raise _at_fault(document, (*key, name), f"{name} must be {' or '.join(_WORDS[one] for one in types)}")
    return value  # type: ignore[no-any-return]


def _at_fault(document: JsonDocument, key: KeyPath, message: str) -> MemguardError:
    place = document.place(key)
    return MemguardError(f"{message}; `memguard measure` writes this file anew once it is deleted", document.path, *place)


def render(entries: Mapping[str, Measured]) -> str:
    """Write a lock."""
    blocks = [f"    {json.dumps(name)}: {_render_entry(entries[name])}" for name in sorted(entries)]
    inner = "{\n" + ",\n".join(blocks) + "\n  }" if blocks else "{}"
    return f'{{\n  "schema": {SCHEMA},\n  "entrypoints": {inner}\n}}\n'


def _render_entry(measured: Measured) -> str:
    values: dict[str, object] = {
        "python": measured.python,
        "platform": measured.platform,
        "date": measured.date,
        "method": measured.method,
        "base": _kib(measured.base),
        "total": _kib(measured.total),
        "first_party": {"source": measured.source, **_sizes(measured.first_party)},
    }
    lines = [f"      {json.dumps(name)}: {json.dumps(value)}" for name, value in values.items()]
    packages = [
        f"        {json.dumps(name)}: " + json.dumps({
            "distribution": one.distribution, "version": one.version, **_sizes(one.own), "imports": sorted(one.imports),
        })
        for name, one in sorted(measured.packages.items())
    ]  # fmt: skip
    inner = "{\n" + ",\n".join(packages) + "\n      }" if packages else "{}"
    return "{\n" + ",\n".join([*lines, f'      "packages": {inner}']) + "\n    }"


def _kib(size: Size) -> list[int]:
    return [size.resident // 1024, size.anonymous // 1024]


def _sizes(size: Size) -> dict[str, int]:
    return dict(zip(Size._fields, _kib(size), strict=True))


def load(root: str) -> dict[str, Measured]:
    """Read the lock of a project, empty where it has none."""
    from memguard_hooks.tree import WorkTree

    data = WorkTree(root).read(FILE)
    return {} if data is None else read(data)


def write(root: str, found: Mapping[str, Measured]) -> None:
    """Put measurements into the lock of a project, whose other entry points stay, also those that others write meanwhile."""
    from memguard_hooks.atomic_write import update_file
    from memguard_hooks.tree import WorkTree

    def change(now: bytes | None) -> bytes:
        return render({**({} if now is None else read(now)), **found}).encode()

    update_file(WorkTree(root).target(FILE), change, FILE)
