"""Which packages of a lock have no wheel for a host, by the archives that the lock itself lists.

A lock lists what will be installed, so it comes before any table. uv leaves out the wheels of Pythons outside of the
lock's `requires-python`: there its list says nothing. Only the bytes of the archives are looked at.
"""

from __future__ import annotations

import re
from functools import cache

from memguard_hooks.dependencies.wheel_table import WheelHost
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.tags import Tag

MAX_BLOCK = 2**18
"""Of what a lock says of one package."""

_PACKAGE = late_pattern(rb'(?m)^\[\[packages?\]\]\r?\nname = "([^"\n]{1,200})"\r?\nversion = "([^"\n]{1,200})"')
_ARCHIVE = late_pattern(rb"""["'](?:[^"'\s]{0,1000}/)?([A-Za-z0-9_.%+!-]{1,300}\.(?:whl|tar\.gz|tar\.bz2|zip))["'#]""")
_REQUIRES = late_pattern(rb'(?m)^requires-python = "([^"\n]{0,200})"')
_ADMITTED = late_pattern(rb'(?m)^(?:python-versions|requires-python) = "([^"\n]{0,200})"')

_OWN = late_pattern(rb'(?ms)^\[metadata\]\r?\n(?:(?!\[).)*?^(?:python-versions|requires_python) = "([^"\n]{0,200})"')

NEWEST_GLIBC = 36
"""The minor of glibc 2 in Debian 12, which Render and most images have."""


class WheelLess(Record):
    """A package of a lock that has wheels, but none for the host; or one whose Requires-Python refuses it (`admitted`)."""

    name: str
    version: str
    line: int
    has_sdist: bool
    has_glibc_wheel: bool = False
    admitted: str | None = None


def find(data: bytes, path: str, host: WheelHost) -> Iterator[WheelLess]:
    """Yield the packages of a lock that a host would have to build from source, or cannot install."""
    if path.rpartition("/")[2] == "uv.lock" and not admits(_REQUIRES.search(data), host.minor):
        return
    starts = list(_PACKAGE.finditer(data))
    for number, match in enumerate(starts, start=1):
        end = starts[number].start() if number < len(starts) else len(data)
        block = data[match.end() : min(end, match.end() + MAX_BLOCK)]
        files = [one.decode("ascii") for one in _ARCHIVE.findall(block)]
        wheels = [one for one in files if one.endswith(".whl")]
        name, version = match[1].decode("utf-8", "replace"), match[2].decode("utf-8", "replace")
        has_sdist = len(wheels) < len(files)
        said = _ADMITTED.search(block)
        if said is not None and not admits(said, host.minor):
            found = WheelLess(name, version, 0, has_sdist, admitted=said[1].decode("utf-8", "replace"))
        elif wheels and not any("-none-any.whl" in one for one in wheels) and not _has_one(wheels, host):
            usual = host._replace(libc="glibc", machine="x86_64")
            found = WheelLess(name, version, 0, has_sdist, usual != host and _has_one(wheels, usual))
        else:
            continue
        yield found._replace(line=data.count(b"\n", 0, match.start()) + 2)  # of few: all of a lock is read for each


def own_range(data: bytes, path: str) -> tuple[str, int] | None:
    """Return the Pythons that a lock of Poetry or PDM is for, which both ask before they install it, and the line."""
    said = _OWN.search(data) if path.rpartition("/")[2] in ("poetry.lock", "pdm.lock") else None
    if said is None:
        return None
    text = said[1].decode("ascii", "replace")
    text = re.sub(r"\^(\d+)\.(\d+)(?:\.\d+)?", lambda one: f">={one[1]}.{one[2]},<{int(one[1]) + 1}", text)
    return text, data.count(b"\n", 0, said.start(1)) + 1


def admits_minor(text: str, minor: int) -> bool:
    """Return whether a range admits any release of a minor; True where nobody can read it."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if "||" in text or text == "*":
        return True
    try:
        specifier = SpecifierSet(text)
    except InvalidSpecifier:
        return True
    return any(f"3.{minor}.{micro}" in specifier for micro in (0, 1, 9, 99))


def admits(said: re.Match[bytes] | None, minor: int) -> bool:
    """Return whether what is said of Pythons admits any release of a minor; True where nobody can read it."""
    return admits_minor(said[1].decode("utf-8", "replace") if said is not None else "", minor)


def _has_one(wheels: list[str], host: WheelHost) -> bool:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    supported = tags_of(host)
    for filename in wheels:
        try:
            if parse_wheel_filename(filename.replace("%2B", "+"))[3] & supported:
                return True
        except InvalidWheelFilename:
            return True  # of which nobody can say for what it is
    return False


@cache
def tags_of(host: WheelHost) -> frozenset[Tag]:
    """Return the tags of the wheels that a host can install."""
    from packaging.tags import compatible_tags, cpython_tags

    machine, version = host.machine, (3, host.minor)
    if host.libc == "musl":
        platforms = [f"musllinux_1_{minor}_{machine}" for minor in (2, 1)]
    else:
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_GLIBC, 4, -1)]
        platforms += [f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1")]
    platforms.append(f"linux_{machine}")
    found = cpython_tags(version, abis=[f"cp3{host.minor}"], platforms=platforms)
    return frozenset([*found, *compatible_tags(version, f"cp3{host.minor}", platforms)])
