"""Write which wheels each release of a compiled package has into `memguard_hooks/dependencies/data/wheels.tsv`.

Releases that their makers have withdrawn (yanked, PEP 592) go into `yanked.tsv` beside it, with the reason that they gave.

    python tools/list_wheels.py numpy pandas
    python tools/list_wheels.py --file NAMES --shard 2/4
    python tools/list_wheels.py --locks FOLDER...

By name, `pip index versions -vvv` lists the files of a package, one request each. A name whose row is younger than
`--days` is left alone, so a run that was ended goes on where it stopped; `--shard` takes each N-th name. Of locks, only
packages are taken that have no row from the index, and of those of uv alone, which say when each file was uploaded: a
lock says nothing of releases that it does not hold, nothing of
Pythons outside its `requires-python`, and nothing of wheels that came after it was written.

A row is the name, the day, where it is from, and runs of releases with the same wheels:
`FIRST[-LAST]:WHEELS:FLAGS`. WHEELS has the CPython minors for which there is a wheel (`9-12,a8` is 3.9 to 3.12, and by
the stable ABI 3.8 and later; `*` is any), for glibc x86_64, glibc aarch64, musl x86_64 and musl aarch64, joined by `/`,
where `=` is the same as the first. FLAGS are `s` (there is a source archive), `rLO-HI` (the minors that
`Requires-Python` admits) and `kLO-HI` (the minors that are known, where not all are).
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from memguard_hooks.dependencies.wheel_table import MINORS, TABLE, YANKED

NEWEST_GLIBC = (2, 36)
"""That of Debian 12, which Render and most images have."""

FINAL = {8: "2019-10-14", 9: "2020-10-05", 10: "2021-10-04", 11: "2022-10-24", 12: "2023-10-02", 13: "2024-10-07",
         14: "2025-10-07", 15: "2026-10-01"}  # fmt: skip
"""The day of each 3.X.0 (PEP 569, 596, 619, 664, 693, 719, 745, 790): wheels for it are added to old releases then."""

LATE = dt.timedelta(days=120)
"""A lock that was written so long after a Python came out has seen the wheels for it."""


class Release(NamedTuple):
    """What one release has: minors by host, whether there is a source archive, and what Requires-Python admits."""

    wheels: tuple[str, str, str, str]
    has_sdist: bool
    admitted: str
    known: str = ""


class Archive(NamedTuple):
    """One file of a release and the Requires-Python that is said of it."""

    filename: str
    requires_python: str | None = None


HOSTS = (("manylinux", "x86_64"), ("manylinux", "aarch64"), ("musllinux", "x86_64"), ("musllinux", "aarch64"))


def main(argv: Sequence[str] | None = None) -> int:
    """Add rows to the table, or replace them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="canonical names of distributions")
    parser.add_argument("--file", type=Path, help="a file with a name on each line")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="take each N-th name only, from the I-th")
    parser.add_argument("--days", type=int, default=30, help="leave rows alone that are younger")
    parser.add_argument("--locks", nargs="*", type=Path, default=[], help="folders with locks to learn from")
    asked = parser.parse_args(argv)
    names = [*asked.names, *(asked.file.read_text(encoding="ascii").split() if asked.file else ())]
    index, count = map(int, asked.shard.split("/"))
    table = read_table()
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    for name in sorted(set(names))[index - 1 :: count]:
        row = table.get(name, "").split("\t")
        if len(row) > 2 and row[2] == "index" and (today - dt.date.fromisoformat(row[1])).days < asked.days:
            continue
        page = ask_index(name)
        releases = releases_on(page, name)
        print(f"{name}: {len(releases)} releases", file=sys.stderr)
        write_yanked(name, today, yanked_on(page, name))
        if any(is_compiled(one) for one in releases.values()):
            table[name] = render(name, today, "index", releases)
            write_table(table)
    if asked.locks:
        for name, (day, releases) in sorted(read_locks(asked.locks).items()):
            if any(is_compiled(one) for one in releases.values()) and "\tindex\t" not in table.get(name, ""):
                table[name] = render(name, day, "locks", releases)
        write_table(table)
    return 0


def read_table() -> dict[str, str]:
    """Return the rows of the table by name."""
    path = Path(TABLE)
    rows = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    return {row.partition("\t")[0]: row for row in rows if not row.startswith("#")}


def write_table(table: Mapping[str, str]) -> None:
    """Write the table, sorted by name."""
    head = "# name, day, source, runs of releases: see tools/list_wheels.py\n"
    Path(TABLE).write_text(head + "".join(f"{table[name]}\n" for name in sorted(table)), encoding="ascii")


# The index


_LINK = re.compile(r"https?://\S+/(?P<file>[^/\s#]+?)(?:#\S*)? \(from \S+\)(?: \(requires-python:(?P<python>[^)]*)\))?")


_WITHDRAWN = re.compile(r"(?m)^\s*Skipping link: yanked for reason: (?P<reason>.*): (?P<link>https?://\S+ \(from .*)$")


def ask_index(name: str) -> str:
    """Return what pip says of each file that the page of a package on the index lists."""
    command = [sys.executable, "-m", "pip", "index", "versions", "-vvv", "--disable-pip-version-check", name]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def releases_on(page: str, name: str) -> dict[Version, Release]:
    """Return the releases of a package, by the files of its page."""
    found = dict.fromkeys(Archive(one["file"].replace("%2B", "+"), one["python"]) for one in _LINK.finditer(page))
    return releases_of(name, found)


def yanked_on(page: str, name: str) -> dict[Version, str]:
    """Return the releases that are withdrawn, each with the reason that its makers gave."""
    found: dict[Version, str] = {}
    for one in _WITHDRAWN.finditer(page):
        reason = re.sub(r"[^\x20-\x7e]+", " ", one["reason"]).strip()
        found.update(dict.fromkeys(releases_on(one["link"], name), "" if reason == "<none given>" else reason))
    return found


def write_yanked(name: str, day: dt.date, releases: Mapping[Version, str]) -> None:
    """Replace what the table of withdrawn releases says of a package."""
    path = Path(YANKED)
    rows = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    kept = [row for row in rows if not row.startswith(("#", f"{name}\t"))]
    kept += [f"{name}\t{version}\t{day}\t{reason}" for version, reason in sorted(releases.items())]
    head = "# name, withdrawn release, day on which that was seen, reason of its makers: see tools/list_wheels.py\n"
    path.write_text(head + "".join(f"{row}\n" for row in sorted(kept)), encoding="ascii")


def releases_of(name: str, archives: Iterable[Archive]) -> dict[Version, Release]:
    """Order the files of a package by release."""
    wheels: dict[Version, list[frozenset[str]]] = {}
    sdists: set[Version] = set()
    admitted: dict[Version, str] = {}
    for one in archives:
        try:
            if one.filename.endswith(".whl"):
                found, version, _, tags = parse_wheel_filename(one.filename)
                wheels.setdefault(version, []).append(frozenset(map(str, tags)))
            else:
                found, version = parse_sdist_filename(one.filename)
                sdists.add(version)
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        if found != canonicalize_name(name):
            continue
        admitted.setdefault(version, admits(one.requires_python))
    return {
        version: Release(
            tuple(minors_of(wheels.get(version, []), *host) for host in HOSTS),  # type: ignore[arg-type]
            version in sdists,
            admitted.get(version, ""),
        )
        for version in sorted({*wheels, *sdists})
        if not version.is_prerelease
    }


def admits(requires_python: str | None) -> str:
    """Return the first and last of the minors that a Requires-Python admits, nothing where it admits all."""
    try:
        specifier = SpecifierSet(requires_python or "")
    except InvalidSpecifier:
        return ""
    found = [minor for minor in MINORS if any(f"3.{minor}.{micro}" in specifier for micro in (0, 5, 99))]
    if not found:
        return "0-0"
    return "" if found == list(MINORS) else f"{found[0]}-{'' if found[-1] == MINORS[-1] else found[-1]}"


def minors_of(wheels: Iterable[frozenset[str]], libc: str, machine: str) -> str:
    """Write the minors for which one of the wheels can be installed on a host."""
    exact: set[int] = set()
    stable: list[int] = []
    for tag in (tag for tags in wheels for tag in tags):
        interpreter, abi, platform = tag.split("-", 2)
        if platform != "any" and not is_for(platform, libc, machine):
            continue
        version = re.fullmatch(r"(?:cp|py)3(\d+)", interpreter)
        if interpreter == "py3" and abi == "none":
            return "*"
        if version is None:
            continue
        minor = int(version[1])
        if abi == "abi3" or (interpreter.startswith("py") and abi == "none"):
            stable.append(minor)
        elif abi in (f"cp3{minor}", f"cp3{minor}m", "none"):
            exact.add(minor)
    parts = [*spans(minor for minor in exact if minor in MINORS), *([f"a{min(stable)}"] if stable else [])]
    return ",".join(parts)


def is_for(platform: str, libc: str, machine: str) -> bool:
    """Return whether the platform of a wheel is that of a host."""
    if not platform.endswith(f"_{machine}"):
        return False
    if libc == "musllinux":
        return platform in (f"musllinux_1_1_{machine}", f"musllinux_1_2_{machine}")
    newer = re.match(r"manylinux_(\d+)_(\d+)_", platform)
    if newer is not None:
        return (int(newer[1]), int(newer[2])) <= NEWEST_GLIBC
    return platform.startswith(("manylinux1_", "manylinux2010_", "manylinux2014_", "linux_"))


def spans(minors: Iterable[int]) -> Iterator[str]:
    """Write numbers as spans: `9-12`."""
    run: list[int] = []
    for minor in [*sorted(set(minors)), None]:
        if run and (minor is None or minor != run[-1] + 1):
            yield str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"
            run = []
        if minor is not None:
            run.append(minor)


def is_compiled(release: Release) -> bool:
    """Return whether a release has wheels that a host of one kind can install and another cannot."""
    return any(wheels not in ("*", "") for wheels in release.wheels)


# Locks


_BLOCK = re.compile(r"(?m)^\[\[packages?\]\]\r?\n(?P<body>(?:(?!^\[\[package).*\r?\n?)*)")
_NAMED = re.compile(r'(?m)^name = "([^"]+)"')
_VERSION = re.compile(r'(?m)^version = "([^"]+)"')
_FILE = re.compile(r"""["'](?:[^"'\s]*/)?([A-Za-z0-9_.%+-]+\.(?:whl|tar\.gz|zip))["']""")
_UPLOAD = re.compile(r"""upload[-_]time = ["']?(\d{4}-\d\d-\d\d)""")


def read_locks(folders: Iterable[Path]) -> dict[str, tuple[dt.date, dict[Version, Release]]]:
    """Return what locks know of compiled packages, each with the day of the youngest lock that says so."""
    found: dict[str, tuple[dt.date, dict[Version, Release]]] = {}
    for path in sorted(lock for folder in folders for lock in folder.rglob("uv.lock")):
        text = path.read_text(encoding="utf-8", errors="replace")
        uploads = _UPLOAD.findall(text)
        if not uploads:
            continue
        day = dt.date.fromisoformat(max(uploads))
        known = known_minors(text, day)
        sources = re.findall(r'(?m)^source = \{ registry = "[^"]*" \}', text)
        usual = max(sorted(set(sources)), key=sources.count, default="")
        for block in _BLOCK.finditer(text):
            named, version = _NAMED.search(block["body"]), _VERSION.search(block["body"])
            if named is None or version is None or usual not in block["body"] or "+" in version[1]:
                continue  # another index may have other wheels
            name = canonicalize_name(named[1])
            archives = [Archive(one[1].replace("%2B", "+")) for one in _FILE.finditer(block["body"])]
            for release, facts in releases_of(name, archives).items():
                if str(release) != str(Version(version[1])) or not known:
                    continue
                before, releases = found.get(name, (day, {}))
                if len(known) > len(span_of(releases[release].known)) if release in releases else True:
                    releases[release] = facts._replace(known=f"{known[0]}-{known[-1]}")
                found[name] = (max(before, day), releases)
    return found


def span_of(text: str) -> range:
    """Read a span as `spans` writes it."""
    low, _, high = text.partition("-")
    return range(int(low), int(high or low) + 1)


def known_minors(text: str, day: dt.date) -> list[int]:
    """Return the minors whose wheels a lock of uv would list: it leaves out those outside of its requires-python."""
    seen = [minor for minor, final in FINAL.items() if dt.date.fromisoformat(final) + LATE <= day]
    requires = re.search(r'(?m)^requires-python = "([^"]*)"', text)
    specifier = SpecifierSet(requires[1]) if requires is not None else SpecifierSet()
    return [minor for minor in seen if any(f"3.{minor}.{micro}" in specifier for micro in (0, 5, 99))]


# The table


def render(name: str, day: dt.date, source: str, releases: Mapping[Version, Release]) -> str:
    """Write the row of a package; releases without anything that can be installed today are left out at its start."""
    runs: list[tuple[Version, Version, Release]] = []
    for version, release in sorted(releases.items()):
        if runs and runs[-1][2] == release and source == "index":
            runs[-1] = (runs[-1][0], version, release)
        else:
            runs.append((version, version, release))
    while runs and not any(runs[0][2].wheels):
        del runs[0]
    return "\t".join((name, day.isoformat(), source, " ".join(map(write_run, runs))))


def write_run(run: tuple[Version, Version, Release]) -> str:
    """Write a run of releases that have the same wheels."""
    first, last, release = run
    wheels = [release.wheels[0], *("=" if one == release.wheels[0] else one for one in release.wheels[1:])]
    while len(wheels) > 1 and wheels[-1] == "=" == wheels[-2]:
        wheels.pop()
    flags = "s" if release.has_sdist else ""
    flags += f"r{release.admitted}" if release.admitted else ""
    flags += f"k{release.known}" if release.known else ""
    versions = str(first) if first == last else f"{first}-{last}"
    return f"{versions}:{'/'.join(wheels)}:{flags}"


if __name__ == "__main__":
    raise SystemExit(main())
