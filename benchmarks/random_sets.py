"""Random sets of packages: which ones, and what each takes for real, in an environment of its own.

The seed names the draw. A set holds 2 to 12 roots of the catalog, one of a distribution; each sixth set holds another one
besides, which the catalog does not know. It is installed in the newest versions that go together and put out of the page
cache, and imported in fresh processes, with the care of `tools/measure_footprints.py`: once to warm up, once traced, twice
for the truth. Of a set that no resolver can join, the last root is left out; so is a root that cannot be imported.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import Footprint
from memguard_hooks.finding import MIB
from memguard_hooks.measure.trace import Trace

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from measure_footprints import (
    PLAN,
    Environment,
    MeasurementError,
    Row,
    environment,
    find_python,
    fold,
    read_plan,
    version_of,
)

SMALLEST, LARGEST = 2, 12
"""How many roots a set holds, unless the draw is asked for others."""

UNKNOWN_EVERY = 6
LIGHT = MIB
LIGHT_SHARE = 0.2
"""How many of the drawn roots that take less than LIGHT stay in the draw."""

RUNS = 2
CONSTRAINTS = "torch==2.13.0+cpu\ntensorflow<0\n"
"""The builds with CUDA are several GB; a set that needs one is joined without its last root."""

UNKNOWN = (
    ("cement", "cement"),
    ("cherrypy", "cherrypy"),
    ("deap", "deap.base"),
    ("dendropy", "dendropy"),
    ("disnake", "disnake"),
    ("empyrical-reloaded", "empyrical"),
    ("instaloader", "instaloader"),
    ("language-tool-python", "language_tool_python"),
    ("mastodon-py", "mastodon"),
    ("mesa", "mesa"),
    ("meshio", "meshio"),
    ("metpy", "metpy.calc"),
    ("music21", "music21"),
    ("osmnx", "osmnx"),
    ("pelican", "pelican"),
    ("piccolo", "piccolo.table"),
    ("pingouin", "pingouin"),
    ("procrastinate", "procrastinate"),
    ("pygal", "pygal"),
    ("pymoo", "pymoo.core.problem"),
    ("pyro5", "Pyro5.api"),
    ("quantstats", "quantstats"),
    ("qutip", "qutip"),
    ("siphon", "siphon.catalog"),
    ("skyfield", "skyfield.api"),
    ("stumpy", "stumpy"),
    ("xarray-spatial", "xrspatial"),
    ("yake", "yake"),
)
"""Distributions beyond the 5,000 most downloaded, with what to import; those that the catalog knows are not drawn."""


class Drawn(NamedTuple):
    """One root of a set; `name` is a module, or `celery:Celery` for `from celery import Celery`."""

    distribution: str
    name: str
    is_known: bool = True

    @property
    def statement(self) -> str:
        """The import that an app writes."""
        module, _, attribute = self.name.partition(":")
        return f"from {module} import {attribute}" if attribute else f"import {module}"


class Truth(TypedDict):
    """One measured set, as its file holds it; memory in bytes unless the name says KiB."""

    seed: int
    number: int
    python: str
    platform: str
    date: str
    drawn: list[list[object]]  # the fields of Drawn
    roots: list[list[object]]  # those that were measured
    dropped: dict[str, str]  # root -> why it was left out
    installed: dict[str, str]  # distribution -> its version
    resident: int
    anonymous: int
    runs: list[list[int]]  # resident and anonymous of each untraced process
    traced: list[int]
    own_kib: dict[str, list[int]]  # package -> resident and anonymous, as in the catalog
    origin: dict[str, list[str]]  # third-party package -> its distribution, and the module that imported it first


def as_drawn(fields: Sequence[object]) -> Drawn:
    """Return a root from its fields in a file."""
    distribution, name, is_known = fields
    return Drawn(str(distribution), str(name), bool(is_known))


def name_of(truth: Truth) -> str:
    """Return what a set is called."""
    return f"seed {truth['seed']}, {truth['python']}, set {truth['number']}"


# Drawing


class Candidate(NamedTuple):
    """A distribution that may be drawn, with its modules that were measured on a Python, and all that it installs."""

    distribution: str
    footprints: tuple[Footprint, ...]
    installs: frozenset[str]


def read_candidates(python: str) -> list[Candidate]:
    """Return what can be drawn on a Python: measured there in its newest version, and not only by building it."""
    failed = read_failures(python)
    built = {row.distribution for row in read_plan(PLAN) if row.may_build}
    found = []
    for distribution in sorted(lookup.distributions().keys() - built):
        newest: dict[str, Footprint] = {}
        for one in lookup.read_footprints(distribution):
            if one.python.startswith(f"{python}.") and ":" not in one.module:
                newest[one.module] = one  # versions rise
        usable = tuple(one for one in newest.values() if (distribution, one.module) not in failed)
        if usable:
            found.append(Candidate(distribution, usable, frozenset((distribution, *usable[-1].requires))))
    return found


def read_failures(python: str) -> set[tuple[str, str]]:
    """Return the distributions and modules whose newest version could not be measured on a Python."""
    path = Path(lookup.FOLDER) / "failed.tsv"
    found = set()
    for line in path.read_text("ascii").splitlines():
        if not line.startswith("#"):
            distribution, module, version, where, _ = line.split("\t")
            known = lookup.find(module, distribution)
            if where.startswith(f"{python}.") and (not version or known is None or known.version == version):
                found.add((distribution, module))
    return found


def draw(
    seed: int,
    python: str,
    number: int,
    candidates: Sequence[Candidate],
    unknown: Sequence[Drawn],
    sizes: tuple[int, int] = (SMALLEST, LARGEST),
) -> list[Drawn]:
    """Draw one set: uniform over distributions, then one of its modules; few of those that take next to nothing."""
    chance = random.Random(f"{seed}/{python}/{number}")  # noqa: S311 - a choice, no secret
    providers = [{one.distribution for one in ones} for ones in lookup.modules().values() if len(ones) > 1]
    wanted = min(chance.randint(*sizes), len(candidates))
    lots: list[tuple[float, Candidate, Footprint]] = []
    for candidate in candidates:
        # Each by itself: a row that is added to the catalog leaves most sets as they were.
        lot = random.Random(f"{seed}/{python}/{number}/{candidate.distribution}")  # noqa: S311
        footprint = lot.choice(candidate.footprints)
        if footprint.resident >= LIGHT or lot.random() < LIGHT_SHARE:
            lots.append((lot.random(), candidate, footprint))
    chosen: dict[str, Drawn] = {}
    brought: set[str] = set()
    for _, candidate, footprint in sorted(lots, key=lambda one: one[0]):
        if len(chosen) < wanted and not any(len(group & (brought | candidate.installs)) > 1 for group in providers):
            chosen[candidate.distribution] = Drawn(candidate.distribution, footprint.module)
            brought |= candidate.installs
    found = list(chosen.values())
    strangers = [one for one in unknown if one.distribution not in brought]
    if number % UNKNOWN_EVERY == UNKNOWN_EVERY - 1 and strangers:
        found.insert(chance.randrange(len(found) + 1), chance.choice(strangers))
    return found


def draw_day(seed: int, python: str, number: int, before: str) -> str:
    """Return the day whose newest versions a set takes: the given one, or one of a span such as `2024-12-01..2026-11-28`."""
    first, dots, last = before.partition("..")
    if not dots:
        return before
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days
    chance = random.Random(f"{seed}/{python}/{number}/day")  # noqa: S311 - a choice, no secret
    return (date.fromisoformat(first) + timedelta(chance.randint(0, days))).isoformat()


def find_unknown() -> list[Drawn]:
    """Return the roots that the catalog does not know."""
    known = lookup.distributions()
    return [
        Drawn(distribution, module, is_known=False)
        for distribution, module in UNKNOWN
        if distribution not in known and lookup.root_of(module) is None
    ]


# The truth


def measure(seed: int, number: int, python: Path, drawn: Sequence[Drawn], before: str = "") -> Truth:
    """Install a set, or what of it goes together, and import it, in the versions of a day where one is given.

    Raises MeasurementError where too little is left.
    """
    plan = {row.distribution: row for row in reversed(read_plan(PLAN)) if row.version is None}
    plan = {row.distribution: row for row in read_plan(PLAN)} | plan
    dropped: dict[str, str] = {}
    with environment(python) as place:
        constraints = place.folder / "constraints.txt"
        constraints.write_text(CONSTRAINTS)
        roots = list(drawn)
        while True:
            try:
                place.install(row_of(roots, plan, constraints, before), "uv")
                break
            except MeasurementError as error:
                drop_last(roots, dropped, f"install: {error}")
        while True:
            try:
                place.probe_once(*(one.name for one in roots))
                break
            except MeasurementError as error:
                broken = find_broken(place, roots)
                for one in broken:
                    roots.remove(one)
                    dropped[one.name] = f"import: {error}"
                if not broken:
                    drop_last(roots, dropped, f"import: {error}")
        names = [one.name for one in roots]
        traced = place.probe_once(*names, "--trace")
        runs = [place.probe_once(*names) for _ in range(RUNS)]
        return describe(seed, number, drawn, roots, dropped, place, traced, runs)


def row_of(roots: Sequence[Drawn], plan: Mapping[str, Row], constraints: Path, before: str) -> Row:
    """Return what the catalog's installer is asked for; what a root needs beside it is there as in the catalog's plan."""
    planned = [plan[one.distribution] for one in roots if one.distribution in plan]
    first, *others = dict.fromkeys([
        *(one.distribution for one in roots),
        *(name for row in planned for name in row.extra_requirements),
    ])  # fmt: skip
    options = ["--constraint", str(constraints), *(("--exclude-newer", before) if before else ())]
    return Row(
        distribution=first,
        modules=(),
        version=None,
        extra_requirements=tuple(others),
        pip_arguments=tuple(options),
        may_build=False,
        environment={name: value for row in planned for name, value in row.environment.items()},
    )


def drop_last(roots: list[Drawn], dropped: dict[str, str], reason: str) -> None:
    """Take the last known root from a set. Raises MeasurementError where too few are left."""
    known = [one for one in roots if one.is_known]
    if len(known) < SMALLEST:
        raise MeasurementError(reason)
    roots.remove(known[-1])
    dropped[known[-1].name] = reason


def find_broken(place: Environment, roots: Sequence[Drawn]) -> list[Drawn]:
    """Return the roots that cannot even be imported alone."""
    broken = []
    for one in roots:
        try:
            place.probe_once(one.name)
        except MeasurementError:
            broken.append(one)
    if len(roots) - len(broken) < SMALLEST:
        raise MeasurementError(f"cannot be imported: {', '.join(one.name for one in broken)}")
    return broken


def describe(
    seed: int,
    number: int,
    drawn: Sequence[Drawn],
    roots: Sequence[Drawn],
    dropped: dict[str, str],
    place: Environment,
    traced: Trace,
    runs: Sequence[Trace],
) -> Truth:
    """Return what a set's file holds."""
    totals = [[one.base.resident + one.resident, one.base.anonymous + one.anonymous] for one in runs]
    distributions = place.distributions()
    owner = {str(path): name for name, one in distributions.items() for path in one.files or ()}
    origin: dict[str, list[str]] = {}
    for one in sorted(traced.modules, key=lambda module: module.depth):
        if one.is_third_party:
            path = one.path.removeprefix(f"{place.site_packages}/")
            origin.setdefault(one.package, [owner.get(path, ""), one.importer])
    assert traced.host is not None
    return {
        "seed": seed,
        "number": number,
        "python": traced.host.python,
        "platform": traced.host.platform,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "drawn": [list(one) for one in drawn],
        "roots": [list(one) for one in roots],
        "dropped": dropped,
        "installed": {name: one.version for name, one in sorted(distributions.items())},
        "resident": round(statistics.median(resident for resident, _ in totals)),
        "anonymous": round(statistics.median(anonymous for _, anonymous in totals)),
        "runs": totals,
        "traced": [traced.base.resident + traced.resident, traced.base.anonymous + traced.anonymous],
        "own_kib": fold(traced),
        "origin": origin,
    }


# The results folder


def read_or_measure(
    folder: Path, seed: int, sets: int, version: str, before: str, sizes: tuple[int, int] = (SMALLEST, LARGEST)
) -> Iterator[Truth | str]:
    """Yield the truths of one Python's sets, or why there is none, measuring those that are not in the folder."""
    python = find_python(version)
    candidates, unknown = read_candidates(version), find_unknown()
    for number in range(sets):
        drawn = draw(seed, version, number, candidates, unknown, sizes)
        path = folder / f"{prefix_of(seed, version, before)}{number:02}.json"
        if path.exists():
            known = cast("Truth", json.loads(path.read_text("utf-8")))
            if known["drawn"] == [list(one) for one in drawn]:
                yield known
                continue
        try:
            truth = measure(seed, number, python, drawn, draw_day(seed, version, number, before))
        except MeasurementError as error:
            yield f"seed {seed}, {version_of(python)}, set {number}: not measured: {error}"
            continue
        path.write_text(json.dumps(truth, indent=1, sort_keys=True), "utf-8")
        yield truth


def read_stored(folder: Path, seed: int, pythons: Sequence[str], before: str) -> list[Truth]:
    """Return the truths of a seed that are in the folder."""
    paths = [path for version in pythons for path in sorted(folder.glob(f"{prefix_of(seed, version, before)}[0-9]*.json"))]
    return [cast("Truth", json.loads(path.read_text("utf-8"))) for path in paths]


def prefix_of(seed: int, version: str, before: str) -> str:
    """Return what the names of a draw's files begin with."""
    return f"{seed}-{version}-{f'before-{before}-' if before else ''}"
