"""Write what the versions of the packages that can be pinned require, by pip's own report.

    python tools/list_required.py               # what `tools/required.toml` names
    python tools/list_required.py litellm openai

The tables in `memguard_hooks/dependencies/required/` let a hook propose a version that installs beside the other pins of a
file, without a network. Each names a day, the versions in order, and one requirement a line with the versions that have it.
Left out is what agrees with everything, a requirement without bounds, and what only the tests of a package need.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import tomli
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.heavy import heavy_modules
from memguard_hooks.project.settings import Settings

FOLDER = Path(__file__).parent.parent / "memguard_hooks" / "dependencies" / "required"
PLAN = Path(__file__).with_suffix("").with_name("required.toml")
TOGETHER = 40
"""Distributions that one run of pip is asked for."""

FOR_TESTS = re.compile(r"(?:^|[-_.])(?:tests?|testing|dev|docs?|lint|ci|build|benchmark|typing|quality|all)(?:$|[-_.])")
"""Extras that no deployment asks for."""


class Metadata(NamedTuple):
    """What a version says of the Pythons that it runs on and of what it requires, in the words of the tables."""

    python: str
    requires: tuple[str, ...]


def main(argv: list[str] | None = None) -> int:
    """Write one file for each distribution that was named, or that the plan names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("distribution", nargs="*", help="canonical names of distributions")
    plan = tomli.loads(PLAN.read_text(encoding="utf-8"))
    names = parser.parse_args(argv).distribution or planned(plan)
    versions = {name: list(wanted(name, plan)) for name in names}
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    FOLDER.mkdir(exist_ok=True)
    found: dict[str, dict[str, Metadata]] = {name: {} for name in names}
    for round_ in itertools.zip_longest(*([(name, one) for one in ones] for name, ones in versions.items())):
        asked = [one for one in round_ if one is not None]
        for start in range(0, len(asked), TOGETHER):
            for name, version, metadata in ask(asked[start : start + TOGETHER]):
                found[name][version] = metadata
    for name, known in found.items():
        if known:
            (FOLDER / f"{name}.txt").write_text(render(name, known, today), encoding="ascii")
        print(f"{name}: {len(known)} of {len(versions[name])} versions", file=sys.stderr)
    return 0


def planned(plan: Mapping[str, object]) -> list[str]:
    """Return the heavy packages that the catalog has measured, and those that the plan adds."""
    heavy = heavy_modules(Settings().heavy_threshold).distributions
    added = plan["also"]
    assert isinstance(added, list)
    return sorted({*(heavy.keys() & lookup.distributions().keys()), *added})


def wanted(name: str, plan: Mapping[str, object]) -> Iterator[str]:
    """Yield the versions to ask for, newest first: those measured, and the last release of each minor."""
    bounds = plan["releases"]
    assert isinstance(bounds, dict)
    is_measured = name in lookup.distributions()
    measured = {one.version.partition("+")[0] for one in lookup.read_footprints(name)} if is_measured else set()
    seen: set[tuple[int, int]] = set()
    for version in map(Version, served(name)):
        minor = (version.major, version.minor)
        is_last = minor not in seen and (name in plan["every_minor"] or len(seen) < plan["minors"])  # type: ignore[operator]
        if is_last:
            seen.add(minor)
        if is_last or str(version) in measured or (name in bounds and version in SpecifierSet(bounds[name])):
            yield str(version)


def served(name: str) -> list[str]:
    """Return the versions of a distribution on the index that have a wheel, newest first."""
    command = [sys.executable, "-m", "pip", "index", "versions", "--only-binary=:all:", "--ignore-requires-python", name]
    output = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    match = re.search(r"^Available versions: (.+)$", output, re.MULTILINE)
    return [one for one in match[1].split(", ") if "+" not in one] if match else []


def ask(pins: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, Metadata]]:
    """Yield what some versions say."""
    for name, fields in ask_fields(pins):
        yield name, str(fields["version"]), read(fields)


def ask_fields(pins: Sequence[tuple[str, str]]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the metadata of some versions; where pip refuses all of them together, of each half."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet"]
    command += ["--only-binary=:all:", "--ignore-requires-python", "--report=-", *(f"{name}=={one}" for name, one in pins)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == 0:
        for item in json.loads(done.stdout)["install"]:
            fields = item["metadata"]
            yield canonicalize_name(fields["name"]), fields
    elif len(pins) > 1:
        middle = len(pins) // 2
        yield from ask_fields(pins[:middle])
        yield from ask_fields(pins[middle:])
    else:
        print(f"{pins[0][0]} {pins[0][1]}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)


def read(fields: Mapping[str, object]) -> Metadata:
    """Return what the metadata of a wheel says, without what cannot disagree with anything."""
    requires = fields.get("requires_dist", [])
    assert isinstance(requires, list)
    kept = {text for one in requires if (text := shortened(one)) is not None}
    python = SpecifierSet(str(fields.get("requires_python") or ""))
    return Metadata(str(python), tuple(sorted(kept)))


def shortened(text: str) -> str | None:
    """Return a requirement in one way of writing, None for one that agrees with everything or is of the tests."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    marker = str(requirement.marker) if requirement.marker else ""
    extras = re.findall(r"extra == \"([^\"]+)\"", marker)
    if not requirement.specifier or any(FOR_TESTS.search(extra) for extra in extras):
        return None
    asked = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{canonicalize_name(requirement.name)}{asked}{requirement.specifier}" + (f" ; {marker}" if marker else "")


def render(name: str, known: Mapping[str, Metadata], today: dt.date) -> str:
    """Return the table of one distribution."""
    versions = sorted(known, key=Version)
    lines = [f"# {name}: what its versions require, {today}", " ".join(versions)]
    requires = {text for one in known.values() for text in one.requires}
    for text in sorted(requires):
        lines.append(f"{runs(text in known[one].requires for one in versions)}\t{text}")
    for python in sorted({one.python for one in known.values()} - {""}):
        lines.append(f"{runs(known[one].python == python for one in versions)}\tpython{python}")
    return "\n".join(lines) + "\n"


def runs(flags: Iterable[bool]) -> str:
    """Return where flags are set, as numbers from 0 on: `0-3,7`."""
    places = [number for number, flag in enumerate(flags) if flag]
    found: list[list[int]] = []
    for place in places:
        if found and found[-1][1] == place - 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


if __name__ == "__main__":
    raise SystemExit(main())
