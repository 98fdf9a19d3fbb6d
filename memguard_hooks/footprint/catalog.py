"""Look up what an import costs in the measured catalog.

The data lies beside this module, in ``catalog/``: one JSON file a distribution, read when it is first asked
for, and ``index.tsv``, which lists the measured modules. ``tools/measure_footprints.py`` writes both.
"""

from __future__ import annotations

import os.path
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = os.path.join(os.path.dirname(__file__), "catalog")
DEFAULT_PYTHON = "3.11"
INTERPRETER = "python"

LAZY_ROOTS = {"celery": "celery.app", "huggingface_hub": "huggingface_hub.file_download"}
"""Packages that load nearly nothing until one of their names is taken, and the measured module that this loads."""


class Module(NamedTuple):
    """A measured module, as the index lists it: the newest version on the default Python."""

    name: str
    distribution: str
    resident: int


class Footprint(NamedTuple):
    """One measurement: what importing a module adds to a bare interpreter. Memory in bytes."""

    module: str
    distribution: str
    version: str
    python: str
    platform: str
    libc: str
    cores: int
    bytecode: bool
    date: str
    wheel: str
    resident: int
    anonymous: int
    base_resident: int
    base_anonymous: int
    own: Mapping[str, tuple[int, int]]  # package -> what its own modules take, without what they import
    source: Mapping[str, int]  # third-party package -> size of the source files that ran
    compiled: frozenset[str]  # third-party packages of which an extension module was loaded
    installed: Mapping[str, str]  # distribution that was installed with it -> its version

    @property
    def requires(self) -> tuple[str, ...]:
        """The distributions that were installed with it, by canonical name, sorted."""
        return tuple(self.installed)

    @property
    def provenance(self) -> str:
        """Where the figure comes from: ``pandas 2.3.3, Python 3.11.7, linux-x86_64, 2026-11-21``."""
        if self.distribution == INTERPRETER:
            return f"Python {self.python}, {self.platform}, {self.date}"
        return f"{self.distribution} {self.version}, Python {self.python}, {self.platform}, {self.date}"


@cache
def modules() -> dict[str, tuple[Module, ...]]:
    """The measured modules by name; several distributions may provide one, as ``cv2``."""
    found: dict[str, tuple[Module, ...]] = {}
    with open(os.path.join(FOLDER, "index.tsv"), encoding="ascii") as file:
        for line in file:
            if not line.startswith("#"):
                name, distribution, kib = line.rstrip("\n").split("\t")
                found[name] = (*found.get(name, ()), Module(name, distribution, int(kib) * 1024))
    return found


@cache
def read_footprints(distribution: str) -> tuple[Footprint, ...]:
    """The measurements of a distribution, by canonical name: by module, then version, then Python, rising."""
    import json

    with open(os.path.join(FOLDER, f"{distribution}.json"), encoding="ascii") as file:
        content = json.load(file)
    return tuple(read_footprint(distribution, item) for item in content["measurements"])


def read_footprint(distribution: str, item: Mapping[str, object]) -> Footprint:
    """One measurement of a file. The files are the project's own and tested, so that no value is checked here."""
    own = cast("Mapping[str, tuple[int, int]]", item["own"])
    source = cast("Mapping[str, int]", item["source_kib"])
    return Footprint(
        module=cast("str", item["module"]),
        distribution=distribution,
        version=cast("str", item["version"]),
        python=cast("str", item["python"]),
        platform=cast("str", item["platform"]),
        libc=cast("str", item["libc"]),
        cores=cast("int", item["cores"]),
        bytecode=cast("bool", item["bytecode"]),
        date=cast("str", item["date"]),
        wheel=cast("str", item["wheel"]),
        resident=cast("int", item["resident"]),
        anonymous=cast("int", item["anonymous"]),
        base_resident=cast("int", item["base_resident"]),
        base_anonymous=cast("int", item["base_anonymous"]),
        own={package: (resident * 1024, anonymous * 1024) for package, (resident, anonymous) in own.items()},
        source={package: kib * 1024 for package, kib in source.items()},
        compiled=frozenset(cast("Sequence[str]", item["compiled"])),
        installed=cast("Mapping[str, str]", item["installed"]),
    )


def find(
    module: str,
    distribution: str | None = None,
    version: str | None = None,
    python: str | None = None,
) -> Footprint | None:
    """The measurement of exactly this module root that comes nearest to a version and a Python.

    The version counts before the Python. Without a version the newest is taken, without a Python the
    default one; where several distributions provide the module and none is named, the first by name.
    """
    for candidate in modules().get(module, ()):
        if distribution in (None, candidate.distribution):
            measured = [one for one in read_footprints(candidate.distribution) if one.module == module]
            nearest = nearest_version([one.version for one in measured], version)
            return nearest_python([one for one in measured if one.version == nearest], python)
    return None


def nearest_version(measured: Sequence[str], wanted: str | None) -> str:
    """Of versions that rise, the wanted one, or the one that shares most of its release with it.

    A build counts before the version: who asks for ``2.12.0`` or ``2.12.0+cu130`` does not get ``2.13.0+cpu``
    as long as another build was measured. Without a wanted version it is the newest, of the ordinary build.
    """
    if wanted in measured:
        return cast("str", wanted)
    if len(set(measured)) == 1:
        return measured[0]
    build = build_of(wanted or "")
    versions = [one for one in measured if build_of(one) == build] or [one for one in measured if not build_of(one)]
    versions = versions or list(measured)
    if wanted is None:
        return versions[-1]

    from packaging.version import InvalidVersion, Version

    try:
        target = Version(wanted).release
    except InvalidVersion:
        return versions[-1]
    return min(reversed(versions), key=lambda one: release_distance(Version(one).release, target))


def build_of(version: str) -> str:
    """The kind of build that the local part of a version names: ``cpu``, ``cu`` for all CUDA versions, or none."""
    return version.partition("+")[2].rstrip("0123456789.")


def release_distance(release: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    """How far two releases are apart: first by the place of the first number that differs, then by how much."""
    length = max(len(release), len(other))
    padded = zip(release + (0,) * (length - len(release)), other + (0,) * (length - len(other)), strict=True)
    for place, (one, two) in enumerate(padded):
        if one != two:
            return -place, abs(one - two)
    return -length, 0


def nearest_python(measured: Sequence[Footprint], python: str | None) -> Footprint:
    """The measurement on the wanted Python's minor version, or the nearest to it; the newer of two as near."""
    wanted = minor_of(python or DEFAULT_PYTHON)
    return min(measured, key=lambda one: (abs(minor_of(one.python) - wanted), -minor_of(one.python)))


def minor_of(python: str) -> int:
    """The minor version: 11 for ``3.11`` and for ``3.11.7``, and the default one's for a mere ``3``."""
    minor = python.partition(".")[2].partition(".")[0]
    return int(minor) if minor.isdecimal() else minor_of(DEFAULT_PYTHON)


def root_of(name: str) -> str | None:
    """The longest measured module root that importing a dotted name runs, if any.

    ``google.generativeai.types`` runs ``google.generativeai``, and ``pandas.io`` runs ``pandas``.
    """
    measured = modules()
    while name not in measured:
        name = name.rpartition(".")[0]
        if not name:
            return None
    return name


def interpreter(python: str | None = None) -> Footprint:
    """What the bare interpreter takes, by the nearest minor version."""
    return nearest_python(read_footprints(INTERPRETER), python)
