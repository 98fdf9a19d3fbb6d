"""Which wheels each release of a compiled package has, by a dated table.

`tools/list_wheels.py` writes `data/wheels.tsv` and says what its rows mean. Only the row that is asked for is parsed.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from functools import cache

from memguard_hooks.formats.tsv import rows
from memguard_hooks.record import Literal, Record, TypeAlias

State: TypeAlias = "Literal['wheel', 'source', 'nothing', 'excluded']"

FOLDER = os.path.join(os.path.dirname(__file__), "data")
TABLE = os.path.join(FOLDER, "wheels.tsv")
BROUGHT = os.path.join(FOLDER, "brought.tsv")
BUILDS = os.path.join(FOLDER, "builds.tsv")
YANKED = os.path.join(FOLDER, "yanked.tsv")

MINORS = range(8, 17)
"""CPython 3.8 to 3.16: of the wheels for others the table says nothing."""

MAX_AGE = 180
"""Days after which a row says nothing any more: wheels may have come since."""


class WheelHost(Record):
    """What decides which wheels can be installed: the minor version of CPython 3, `glibc` or `musl`, and the machine."""

    minor: int
    libc: str = "glibc"
    machine: str = "x86_64"


_ORDER = (("glibc", "x86_64"), ("glibc", "aarch64"), ("musl", "x86_64"), ("musl", "aarch64"))


class WheelRun(Record):
    """Releases that follow each other and have the same wheels, by minors as the table writes them."""

    first: str
    last: str
    wheels: tuple[str, ...]
    has_sdist: bool
    admitted: tuple[int, int] | None = None
    known: tuple[int, int] | None = None

    def state(self, host: WheelHost) -> State | None:
        """Return what pip finds of a release of the run for a host, None where the table does not know."""
        if not _is_within(host.minor, self.admitted):
            return "excluded"
        wheels = self.wheels[min(_ORDER.index((host.libc, host.machine)), len(self.wheels) - 1)]
        wheels = self.wheels[0] if wheels == "=" else wheels
        is_known = _is_within(host.minor, self.known)
        if any(_holds(part, host.minor) for part in wheels.split(",")):
            return "wheel" if is_known else None  # one for the stable ABI fits, but its `requires-python` may not
        if host.minor not in MINORS or not is_known:
            return None
        return "source" if self.has_sdist else "nothing"


class WheelRow(Record):
    """What the table says of one package, as of a day (`2026-11-28`)."""

    name: str
    date: str
    runs: tuple[WheelRun, ...]

    def run_of(self, version: str) -> WheelRun | None:
        """Return the releases among which a version is, None where the table does not have it."""
        at = self._position(version)
        return self.runs[at] if at is not None else None

    def _position(self, version: str) -> int | None:
        from packaging.version import InvalidVersion, Version

        try:
            wanted = Version(version)
        except InvalidVersion:
            return None
        if wanted.is_prerelease or wanted.local:
            return None
        low, high = 0, len(self.runs)
        while low < high:
            middle = (low + high) // 2
            if Version(self.runs[middle].last) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self.runs) and Version(self.runs[low].first) <= wanted else None

    def newest_within(self, specifier: str, host: WheelHost) -> tuple[str, WheelRun] | None:
        """Return the newest release that a specifier with an upper bound admits and that pip takes for a host.

        It is told by the first and the last releases of the runs, which is enough to tell the run.
        """
        from packaging.specifiers import SpecifierSet

        admitted = SpecifierSet(specifier)
        if not any(one.operator in ("<", "<=", "~=") or one.version.endswith(".*") for one in admitted):
            return None
        for run in reversed(self.runs):
            version = next((one for one in (run.last, run.first) if one in admitted and one not in self.yanked), None)
            if version is not None and run.state(host) != "excluded":
                return version, run
        return None

    def nearest(self, version: str, host: WheelHost, specifier: str = "") -> str | None:
        """Return the release with a wheel for a host that is nearest above a version, below it where there is none."""
        at = self._position(version)
        if at is None:
            return None
        above = (one for run in self.runs[at + 1 :] if run.state(host) == "wheel" for one in (run.first, run.last))
        below = (one for run in reversed(self.runs[:at]) if run.state(host) == "wheel" for one in (run.last, run.first))
        found = (one for side in (above, below) for one in side if one not in self.yanked)
        return next((one for one in found if _admits(specifier, one)), None)

    def after(self, version: str) -> str | None:
        """Return the next release of which the table knows that it is not withdrawn, above a version."""
        from packaging.version import Version

        wanted = Version(version)
        known = (one for run in self.runs for one in (run.first, run.last) if one not in self.yanked)
        return next((one for one in known if Version(one) > wanted), None)

    @property
    def yanked(self) -> Mapping[str, YankedRelease]:
        """The releases that are withdrawn: pip takes them for an exact pin alone."""
        return yanked().get(self.name, {})


class YankedRelease(Record):
    """A release that its makers have withdrawn (PEP 592), the day on which that was seen, and their reason if any."""

    date: str
    reason: str


@cache
def yanked() -> dict[str, dict[str, YankedRelease]]:
    """Return the withdrawn releases that are known, by package and version."""
    found: dict[str, dict[str, YankedRelease]] = {}
    for name, version, date, reason in rows(YANKED):
        found.setdefault(name, {})[version] = YankedRelease(date, reason)
    return found


def _admits(specifier: str, version: str) -> bool:
    if not specifier:
        return True
    from packaging.specifiers import SpecifierSet

    return version in SpecifierSet(specifier)


def _is_within(minor: int, span: tuple[int, int] | None) -> bool:
    return span is None or span[0] <= minor <= span[1]


def _holds(part: str, minor: int) -> bool:
    if part == "*":
        return True
    if part.startswith("a"):
        return minor >= int(part[1:])
    low, _, high = part.partition("-")
    return bool(low) and int(low) <= minor <= int(high or low)


@cache
def _table() -> bytes:
    with open(TABLE, "rb") as stream:
        return stream.read()


@cache
def names() -> frozenset[str]:
    """Return the compiled packages that the table knows, by canonical names."""
    rows = _table().decode("ascii").split("\n")
    return frozenset(row.partition("\t")[0] for row in rows if row[:1] not in ("", "#"))


@cache
def find(name: str) -> WheelRow | None:
    """Return the row of a package, by its canonical name."""
    data = b"\n" + _table()
    start = data.find(b"\n" + name.encode("ascii", "replace") + b"\t")
    if start < 0:
        return None
    name, date, _, runs = data[start + 1 : data.index(b"\n", start + 1)].decode("ascii").split("\t")
    return WheelRow(name, date, tuple(_run(text) for text in runs.split(" ")))


def _run(text: str) -> WheelRun:
    versions, wheels, flags = text.split(":")
    first, _, last = versions.partition("-")
    spans = {match[1]: (int(match[2]), int(match[3] or 99)) for match in re.finditer(r"([rk])(\d+)-(\d*)", flags)}
    return WheelRun(first, last or first, tuple(wheels.split("/")), flags.startswith("s"), spans.get("r"), spans.get("k"))


@cache
def brought() -> dict[tuple[str, str], tuple[str, str]]:
    """Return what a release requires exactly: (pydantic, 2.4.2) → (pydantic-core, 2.10.1)."""
    with open(BROUGHT, encoding="ascii") as stream:
        rows = [line.split() for line in stream if not line.startswith("#")]
    return {(name, version): (other, exact) for name, version, other, exact in rows}


class SourceBuild(Record):
    """What building a package takes: seconds and MiB as measured, what it needs, and from which Python on which fail."""

    seconds: int
    mib: int
    needs: str
    first: str
    last: str
    minor: int | None
    reason: str

    def fails(self, version: str, minor: int) -> bool:
        """Return whether the build of a release is known to fail on a Python."""
        from packaging.version import Version

        if self.minor is None or minor < self.minor:
            return False
        return Version(self.first) <= Version(version) <= Version(self.last)


@cache
def builds() -> dict[str, SourceBuild]:
    """Return what is known of builds from source, by package."""
    return {
        name: SourceBuild(int(seconds), int(mib), needs, first, last, None if minor == "-" else int(minor), reason)
        for name, first, last, minor, seconds, mib, needs, reason in rows(BUILDS)
    }
