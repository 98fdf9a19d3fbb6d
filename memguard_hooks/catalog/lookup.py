"""Look up what an import costs in the measured catalog.

The data lies beside this module, in ``data/``: one JSON file a distribution, read when it is first asked for, and
``index.tsv``, which lists the measured modules; ``tools/measure_footprints.py`` writes both. ``light.tsv`` lists modules
that take less than 10 MiB, by ``tools/survey_footprints.py``: rougher, but enough to know that they are light. It also
writes ``standard.tsv``, with the modules of the standard library. ``pydantic.tsv`` says what packages take with an older
pydantic than the one beside which they were measured, by ``tools/measure_pydantic.py``. ``brought.tsv`` says what versions
of packages take where others load them, where those differ.
"""

from __future__ import annotations

import os.path
from functools import cache

from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping, Sequence
    from typing import Any, TypedDict

    class Item(TypedDict):
        """One measurement, as a file holds it."""

        module: str
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
        peak: int
        without_bytecode: Sequence[int]
        own: Sequence[str]
        optional: Sequence[str]
        installed: Mapping[str, str]


FOLDER = os.path.join(os.path.dirname(__file__), "data")
USUAL: Mapping[str, object] = {
    "bytecode": True,
    "cores": 2,
    "libc": "glibc 2.36",
    "optional": (),
    "platform": "linux-x86_64",
    "wheel": "py3-none-any",
    "without_bytecode": (),
}
"""What holds for a measurement whose file does not say otherwise."""

LACKING = "-"
"""Stands for the version of what was not installed this time."""

DEFAULT_PYTHON = "3.11"
INTERPRETER = "python"

MAX_PARTS = 10
"""Parts of a dotted name that are looked up; no measured module has as many."""

REST = "(standard library)"
"""What stands in the own costs for the small parts of the standard library together."""


class MeasuredModule(Record):
    """A measured module, as the index lists it: the newest version on the default Python.

    A name such as `celery:Celery` is what `from celery import Celery` runs, where `import celery` alone loads little, and
    `boto3:client('s3')` what a call of that as the app loads takes besides.
    """

    name: str
    distribution: str
    resident: int


class Footprint(Record):
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
    peak: int  # by how much the import lifts the peak of the process
    without_bytecode: tuple[int, int] | None  # resident and anonymous; None where it was never measured
    own: Mapping[str, tuple[int, int]]  # package -> what its own modules take, without what they import
    optional: tuple[str, ...]  # modules that it imports where they are installed; here they were not
    installed: Mapping[str, str]  # distribution that was installed with it -> its version

    @property
    def requires(self) -> tuple[str, ...]:
        """The distributions that were installed with it, by canonical name, sorted."""
        return tuple(self.installed)

    def named(self, declared: str | None) -> str:
        """Name what was measured, and the version that a project has where that is another."""
        if declared is None or declared == self.version:
            return f"{self.distribution} {self.version}"
        return f"measured for {self.distribution} {self.version}; the project has {declared}"

    @property
    def is_light(self) -> bool:
        """Whether it comes from the rough survey of light packages."""
        return not self.wheel and self.distribution != INTERPRETER

    @property
    def provenance(self) -> str:
        """Where the figure comes from: ``pandas 2.3.3, Python 3.11.7, linux-x86_64, 2026-11-21``."""
        if self.distribution == INTERPRETER:
            return f"Python {self.python}, {self.platform}, {self.date}"
        return f"{self.distribution} {self.version}, Python {self.python}, {self.platform}, {self.date}"


@cache
def _index() -> dict[str, tuple[MeasuredModule, ...]]:
    found: dict[str, tuple[MeasuredModule, ...]] = {}
    for line in _lines("index.tsv").decode("ascii").splitlines():
        if line[0] != "#":
            name, distribution, kib = line.split("\t")
            one = MeasuredModule(name, distribution, int(kib) * 1024)
            found[name] = (*found[name], one) if name in found else (one,)
    return found


@cache
def modules() -> dict[str, tuple[MeasuredModule, ...]]:
    """The measured modules by name; several distributions may provide one, as ``cv2``."""
    return {name: ones for name, ones in _index().items() if ":" not in name}


@cache
def distributions() -> dict[str, tuple[MeasuredModule, ...]]:
    """The measured distributions with their modules, by canonical name."""
    found = grouped((one.distribution, one) for ones in modules().values() for one in ones)
    return {name: tuple(ones) for name, ones in found.items()}


@cache
def installed_with(distribution: str, version: str | None = None) -> frozenset[str]:
    """What was installed with the measured version nearest to one, the newest for none; nothing of what was not measured."""
    if distribution not in distributions():
        return frozenset()
    found = {one["version"]: one["installed"] for one in _items(distribution)}
    return frozenset(found[nearest_version(sorted(found, key=release_of), version)])


def bringing(names: Collection[str]) -> frozenset[str]:
    """The measured distributions with which one of some others was installed, found by the bytes of their files."""
    wanted = [f'"{name}": "'.encode() for name in names]

    def brings(distribution: str) -> bool:
        with open(os.path.join(FOLDER, f"{distribution}.json"), "rb") as file:
            data = file.read()
        return any(one in data for one in wanted)

    return frozenset(filter(brings, distributions()))


@cache
def providers(name: str) -> tuple[str, ...]:
    """The distributions that were measured to provide a module root, by canonical name."""
    measured = _index().get(name)
    if measured is not None:
        return tuple(one.distribution for one in measured)
    light = _fields("light.tsv", name)
    return (light[0],) if light is not None else ()


_BUILDS = ("cpu", "gpu", "gpu-cu11", "gpu-cu12", "intel", "macos", "rocm", "directml", "openvino", "nightly", "binary")


@cache
def may_provide(name: str) -> frozenset[str]:
    """The distributions that may provide a measured module root: those that were measured, and other builds of these."""
    own = name.replace("_", "-").lower()
    return frozenset((*providers(name), own, *(f"{own}-{build}" for build in _BUILDS))) if providers(name) else frozenset()


def is_absent(module: str, present: Collection[str], versions: Mapping[str, str]) -> bool:
    """Return whether nothing that is there provides a measured module, or was installed with what does."""
    found = may_provide(module)
    if not found or not present or not found.isdisjoint(present):
        return False
    return all(found.isdisjoint(installed_with(name, versions.get(name))) for name in present)


def is_provided(module: str, present: Collection[str]) -> bool:
    """Return whether one of some distributions provides a module, as far as it was measured."""
    return not {*providers(module.partition(":")[0].partition(".")[0])}.isdisjoint(present)


@cache
def attributes() -> dict[str, tuple[str, ...]]:
    """The modules that load more once a name is taken from them, with what was measured: ``celery:Celery``."""
    found: dict[str, tuple[str, ...]] = {}
    for name in _index():
        if ":" in name:
            module = name.partition(":")[0]
            found[module] = (*found.get(module, ()), name)
    return found


@cache
def set_up_for(app: str) -> tuple[str, ...]:
    """What was measured of setting up a project of Django for the sake of one of its apps, by the last app that it names."""
    name = app.removesuffix(".apps")
    return tuple(one for one in attributes().get("django.core.wsgi", ()) if one.endswith(f"'{name}'])"))


@cache
def _items(distribution: str) -> tuple[Item, ...]:
    import json

    with open(os.path.join(FOLDER, f"{distribution}.json"), encoding="ascii") as file:
        items: Any = [{**USUAL, **item} for item in json.load(file)["measurements"]]
    tell_installed(items)
    return tuple(items)


def tell_installed(items: Sequence[Any]) -> None:
    """Tell each measurement of a file what was installed with it.

    It stands with the first module of a version and a Python. Behind an empty name stand the version and the Python of what
    was installed before with as much but for what follows, where `-` is what was not there.
    """
    found: dict[str, dict[str, str]] = {}
    for item in items:
        place = f"{item['version']} {item['python']}"
        if place not in found:
            told = {**item.get("installed", {})}
            told = {**found.get(told.pop("", ""), {}), **told}
            found[place] = {name: version for name, version in sorted(told.items()) if version != LACKING}
        item["installed"] = found[place]


@cache
def read_footprints(distribution: str) -> tuple[Footprint, ...]:
    """The measurements of a distribution, by canonical name: by module, then version, then Python, rising."""
    return tuple(read_footprint(distribution, item) for item in _items(distribution))


def read_footprint(distribution: str, item: Item) -> Footprint:
    """One measurement of a file. The files are the project's own and tested, so that no value is checked here."""
    without_bytecode = item["without_bytecode"]
    return Footprint(
        module=item["module"],
        distribution=distribution,
        version=item["version"],
        python=item["python"],
        platform=item["platform"],
        libc=item["libc"],
        cores=item["cores"],
        bytecode=item["bytecode"],
        date=item["date"],
        wheel=item["wheel"],
        resident=item["resident"],
        anonymous=item["anonymous"],
        peak=item["peak"],
        without_bytecode=(without_bytecode[0] * 1024, without_bytecode[1] * 1024) if without_bytecode else None,
        own=read_own(" ".join(item["own"])),
        optional=tuple(item["optional"]),
        installed=item["installed"],
    )


@cache
def find(
    module: str,
    distribution: str | None = None,
    version: str | None = None,
    python: str | None = None,
) -> Footprint | None:
    """The measurement of exactly this module root that comes nearest to a version and a Python.

    The version counts before the Python. Without a version the newest is taken that the Python can install, without a
    Python the default one; where several distributions provide the module and none is named, the first by name.
    """
    for candidate in _index().get(module, ()):
        if distribution in (None, candidate.distribution):
            measured = [one for one in _items(candidate.distribution) if one["module"] == module]
            measured = _installable(measured, python) if version is None else measured
            nearest = nearest_version([str(one["version"]) for one in measured], version)
            return read_footprint(
                candidate.distribution, nearest_python([one for one in measured if one["version"] == nearest], python)
            )
    return None


def _installable(measured: Sequence[Item], python: str | None) -> list[Item]:
    """The measurements of versions that a Python surely installs: those that it or an older one has installed.

    Releases leave old Pythons behind much more often than new ones. Where only newer ones were measured on, the oldest.
    """
    wanted = minor_of(python or DEFAULT_PYTHON)
    oldest = min(minor_of(one["python"]) for one in measured)
    return [one for one in measured if minor_of(one["python"]) <= max(wanted, oldest)]


@cache
def find_beside(module: str, distribution: str, version: str, python: str | None = None) -> tuple[Footprint, ...]:
    """The measured versions next to one that was not measured, the older and the newer; none beside one that was."""
    measured = [one for one in _items(distribution) if one["module"] == module]
    versions = tuple(dict.fromkeys(one["version"] for one in measured if build_of(one["version"]) == build_of(version)))
    if version in versions or not versions:
        return ()
    try:
        versions, wanted = _comparable(versions, version), release_of(version)
        older = [one for one in versions if release_of(one) < wanted]
        newer = [one for one in versions if release_of(one) >= wanted]
    except ValueError:  # as in `nearest_version`
        return ()
    beside = [*older[-1:], *newer[:1]]
    return tuple(
        read_footprint(distribution, nearest_python([one for one in measured if one["version"] == near], python))
        for near in beside
    )


def find_largest(*names: str, version: str | None = None, python: str | None = None) -> Footprint | None:
    """The measurement nearest to a version and a Python, of the module of some distributions that takes most."""
    measured = [one for name in names for one in distributions().get(name, ())]
    largest = max(measured, key=lambda one: one.resident, default=None)
    return None if largest is None else find(largest.name, largest.distribution, version, python)


@cache
def _lines(name: str) -> bytes:
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()


def _fields(name: str, key: str) -> list[str] | None:
    """Return what follows a key in a table of lines."""
    if not key.isascii() or not key.isprintable():
        return None
    data = _lines(name)
    start = data.find(f"\n{key}\t".encode()) + 1
    return data[start : data.index(b"\n", start)].decode("ascii").split("\t")[1:] if start else None


@cache
def brought_by_others(distribution: str) -> tuple[str, Mapping[str, int]] | None:
    """The package of a distribution, and what its measured versions take where others load it, in bytes; they rise.

    None for what takes as much in all of them, or of which others load more or less.
    """
    fields = _fields("brought.tsv", distribution)
    if fields is None:
        return None
    sizes = (one.partition(":") for one in fields[1].split(" "))
    return fields[0], {version: int(kib) * 1024 for version, _, kib in sizes}


@cache
def find_light(module: str) -> Footprint | None:
    """What the survey found of exactly this module root; the first distribution by name, where several provide it."""
    fields = _fields("light.tsv", module)
    if fields is None:
        return None
    distribution, version, *costs = fields
    data = _lines("light.tsv")
    python, platform, libc, cores, date = data[2 : data.index(b":")].decode("ascii").split(", ")
    base = interpreter(python)._replace(python=python, platform=platform, libc=libc, cores=int(cores), date=date)
    return _surveyed(base, module, distribution, version, costs)


@cache
def find_standard(module: str, python: str | None = None) -> Footprint | None:
    """What a module of the standard library takes on the nearest Python, None for what takes next to nothing."""
    base = interpreter(python, _measured_standard())
    fields = _fields("standard.tsv", f"3.{minor_of(base.python)} {module}")
    return None if fields is None else _surveyed(base, module, INTERPRETER, base.python, fields)


@cache
def _measured_standard() -> frozenset[int]:
    """The minor versions on which the standard library was measured."""
    data, found = _lines("standard.tsv"), []
    at = data.find(b"\n3.")
    while at >= 0:  # the lines of each version stand together
        found.append(int(data[at + 3 : data.index(b" ", at)]))
        at = data.find(b"\n3.", data.rindex(b"\n3.%d " % found[-1]) + 1)
    return frozenset(found)


def _surveyed(base: Footprint, module: str, distribution: str, version: str, costs: Sequence[str]) -> Footprint:
    """One line of the survey as a footprint: resident, anonymous, and `name:resident/anonymous` of packages, in KiB."""
    resident, anonymous, own = costs
    return base._replace(
        module=module,
        distribution=distribution,
        version=version,
        wheel="",
        resident=int(resident) * 1024,
        anonymous=int(anonymous) * 1024,
        peak=int(resident) * 1024,
        own=read_own(own),
    )


def package_in(own: Container[str], module: str) -> str:
    """The package in own costs that a module belongs to: its name, or what that begins with."""
    while module not in own and "." in module:
        module = module.rpartition(".")[0]
    return module


def read_own(text: str) -> dict[str, tuple[int, int]]:
    """Read own costs: `email:520 ssl:6796/2872 -:80`, resident and anonymous KiB; `-` are the small standard modules."""
    found: dict[str, tuple[int, int]] = {}
    for item in text.split():
        name, _, both = item.rpartition(":")
        resident, slash, anonymous = both.partition("/")
        found[REST if name == "-" else name] = (int(resident) * 1024, int(anonymous if slash else resident) * 1024)
    return found


SCHEMAS = ((2, 11), (2, 13))
"""The first releases of pydantic 2 that build the schemas of models otherwise than those before."""


def with_pydantic(footprint: Footprint, version: str) -> Footprint:
    """A footprint as it is beside a version of pydantic, where it was measured beside one that takes more or less.

    What nobody measured with several stays as it is, and so does all that has another major version.
    """
    measured = footprint.version if footprint.distribution == "pydantic" else footprint.installed.get("pydantic", "")
    before, now = _schemas(measured), _schemas(version)
    if before is None or now is None or before == now:
        return footprint
    own = dict(footprint.own)
    for package, (resident, anonymous) in footprint.own.items():
        fields = _fields("pydantic.tsv", package)
        if fields:
            costs = [int(field) * 1024 for field in fields]
            share = min(1, resident / costs[before])  # another version may have fewer models, or more of other things
            added = int((costs[now] - costs[before]) * share)
            own[package] = (resident + added, max(0, anonymous + added))
    more = [sum(own[name][kind] - footprint.own[name][kind] for name in own) for kind in (0, 1)]
    return footprint._replace(resident=footprint.resident + more[0], anonymous=footprint.anonymous + more[1], own=own)


OLDER = {8: 0.89, 9: 0.9, 10: 0.9}
"""By minor versions of Python before 3.11, on which next to nothing was measured, how much anonymous memory modules take
there of what they take on 3.11: the means of celery 5.2.7 (0.81 to 0.87), Django 4.2.16 (0.84 to 0.86), Flask 2.3.3 (0.88 to
0.92) and FastAPI 0.115.12 (0.97 to 0.99, most of it of pydantic), by `python tools/measure_footprints.py --python 3.8 3.9
3.10 3.11`, 2026-12-01."""


def on_python(footprint: Footprint, python: str | None) -> Footprint:
    """A footprint as it is on a Python that is older than those that it was measured on."""
    share = OLDER.get(minor_of(python or DEFAULT_PYTHON))
    if share is None or minor_of(footprint.python) in OLDER:
        return footprint

    def scaled(cost: tuple[int, int]) -> tuple[int, int]:
        less = int(cost[1] * (1 - share))
        return cost[0] - less, cost[1] - less

    resident, anonymous = scaled((footprint.resident, footprint.anonymous))
    own = {package: scaled(cost) for package, cost in footprint.own.items()}
    return footprint._replace(resident=resident, anonymous=anonymous, own=own)


def _schemas(version: str) -> int | None:
    """The place in the table of what a version of pydantic 2 takes; None for another major version, or none."""
    try:
        release = release_of(version)
    except ValueError:
        return None
    return sum(release >= first for first in SCHEMAS) if release[:1] == (2,) else None


@cache
def newest_within(distribution: str, specifier: str, python: str | None = None) -> str | None:
    """The newest measured version of a distribution that a specifier admits and a Python can install.

    Where none was measured that it admits, it is the oldest that it does: the measured one nearest to it counts. None where
    any is admitted.
    """
    if distribution not in distributions() or not any(sign in specifier for sign in "<=~!"):
        return None
    measured = tuple(dict.fromkeys(one["version"] for one in _installable(_items(distribution), python)))
    if len(measured) == 1:
        return None

    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version

    try:
        asked = SpecifierSet(specifier)
        lowest = [Version(one.version.removesuffix(".*")) for one in asked if one.operator in ("~=", "==", ">=")]
        return max(asked.filter(measured), key=Version, default=None) or (str(max(lowest)) if lowest else None)
    except InvalidSpecifier:
        return None


def nearest_version(measured: Sequence[str], wanted: str | None) -> str:
    """Of versions that rise, the wanted one, or the one that shares most of its release with it.

    Of those that share as much, it is the one next to it: for 0.71 of 1.24 and 1.67 it is 1.24.

    A build counts before the version: who asks for ``2.12.0`` or ``2.12.0+cu130`` does not get ``2.13.0+cpu``
    as long as another build was measured. Without a wanted version it is the newest, of the ordinary build. Pre-releases
    lie before their release: for 3.0.0b6 it is 3.0.0b7, for 3.0.1 it is 3.0.0 or what comes next.
    """
    if wanted is not None and wanted in measured:
        return wanted
    if len(set(measured)) == 1:
        return measured[0]
    build = build_of(wanted or "")
    versions = [one for one in measured if build_of(one) == build] or [one for one in measured if not build_of(one)]
    versions = versions or list(measured)
    if wanted is None:
        return versions[-1]

    try:
        versions, target = list(_comparable(versions, wanted)), release_of(wanted)
    except ValueError:  # InvalidVersion is one, and a number may have more digits than Python reads
        return versions[-1]
    distances = [release_distance(release_of(one), target) for one in versions]
    least = min(distances)
    alike = [one for one, distance in zip(versions, distances, strict=True) if distance == least]
    if _is_early(wanted):
        alike = [one for one in alike if _is_early(one) and release_of(one) == target][:1] or alike
    later = [one for one in alike if release_of(one) > target]
    return later[0] if later else alike[-1]


def _comparable(versions: Sequence[str], wanted: str) -> tuple[str, ...]:
    """Leave out pre-releases for a release where another one of its major version was measured. Raises ValueError."""
    releases = tuple(one for one in versions if not _is_early(one))
    major = release_of(wanted)[:1]
    if _is_early(wanted) or not any(release_of(one)[:1] == major for one in releases):
        return tuple(versions)
    return releases


def _is_early(version: str) -> bool:
    """Return whether a version is a pre-release, such as 3.0.0b7: only its letters, and those of no build, tell."""
    return any(char.isalpha() for char in version.partition("+")[0].replace("post", ""))


def release_of(version: str) -> tuple[int, ...]:
    """The numbers of a version's release; packaging reads those that are more than numbers. Raises ValueError."""
    *numbers, last = version.partition("+")[0].split(".")
    if not (numbers and _is_number(last.removeprefix("post")) and last.startswith("post")):
        numbers.append(last)
    if all(map(_is_number, numbers)):
        return tuple(map(int, numbers))
    if not version:
        raise ValueError
    from packaging.version import Version

    return Version(version).release


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


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


def nearest_python(measured: Sequence[Item], python: str | None) -> Item:
    """The measurement on the wanted Python's minor version, or the nearest to it; the newer of two as near."""
    wanted = minor_of(python or DEFAULT_PYTHON)

    def distance(one: Mapping[str, object]) -> tuple[int, int]:
        minor = minor_of(str(one["python"]))
        return abs(minor - wanted), -minor

    return min(measured, key=distance)


def minor_of(python: str) -> int:
    """The minor version: 11 for ``3.11`` and for ``3.11.7``, and the default one's for a mere ``3``."""
    minor = python.partition(".")[2].partition(".")[0]
    return int(minor) if minor.isdecimal() else minor_of(DEFAULT_PYTHON)


@cache
def root_of(name: str) -> str | None:
    """The longest measured module root that importing a dotted name runs, if any; a light one counts too.

    ``google.generativeai.types`` runs ``google.generativeai``, and ``pandas.io`` runs ``pandas``.
    """
    measured = modules()
    if ":" in name:
        return None
    name = ".".join(name.split(".", MAX_PARTS)[:MAX_PARTS])
    while name not in measured and find_light(name) is None:
        name = name.rpartition(".")[0]
        if not name:
            return None
    return name


def largest_below(root: str | None) -> str | None:
    """Return the measured module that a root stands for of which only the first name is known: itself unless it is empty.

    Who tries `cryptography.hazmat.primitives` fails at `cryptography`, which loads nothing itself.
    """
    measured = modules().get(root or "", ())
    if not measured or max(one.resident for one in measured) >= 2**20:
        return root
    below = [
        one for provider in measured for one in distributions()[provider.distribution] if one.name.startswith(f"{root}.")
    ]
    return max(below, key=lambda one: one.resident).name if below else root


@cache
def submodules(package: str) -> tuple[str, ...]:
    """The measured modules below a package."""
    return tuple(name for name in modules() if name.startswith(f"{package}."))


def interpreter(python: str | None = None, among: Collection[int] = ()) -> Footprint:
    """What the bare interpreter takes, by the nearest minor version, of all or `among` some."""
    items = [one for one in _items(INTERPRETER) if not among or minor_of(str(one["python"])) in among]
    return read_footprint(INTERPRETER, nearest_python(items, python))
