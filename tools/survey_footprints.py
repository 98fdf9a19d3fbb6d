"""Survey what importing many distributions costs, to find those that are worth a row in ``tools/footprints.toml``.

The newest release of each distribution that a file names, a line each, is installed beside a dozen others, and each of
its top-level modules (three at most) is imported once, traced, in a process of its own. That is rough: company may be
imported too, and the page cache is as the installer has left it. So it is an upper bound, and what stays below 10 MiB is
light. What does not is printed at the end: it wants to be measured alone, by ``tools/measure_footprints.py``.

    python tools/survey_footprints.py NAMES --jobs 2
    python tools/survey_footprints.py --render
    python tools/survey_footprints.py --fit

``tools/survey.tsv`` keeps all that was found, with the reason for what could not be installed or imported; it is resumed
where it stands. ``--render`` writes the light ones among it, but for those that the catalog has, into the catalog's
``light.tsv``: module, distribution, version, resident and anonymous KiB, and the own cost of each package in its closure.
``--standard`` measures the modules of the standard library itself on each Python, alone and traced, into the catalog's
``standard.tsv``, for what an app imports of them. ``--fit`` prints what the estimate assumes of a package that nobody
measured: what a distribution's own packages take, and how that hangs together with the size of its wheel, which uv asks
the index for.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import Distribution
from pathlib import Path
from typing import NamedTuple

from measure_footprints import (
    CATALOG,
    INDEX_PYTHON,
    INTERPRETER,
    PLAN,
    PYTHONS,
    ROOT,
    SMALL,
    Catalog,
    Environment,
    Measurement,
    MeasurementError,
    Row,
    environment,
    find_python,
    fold,
    read_plan,
    render_own,
    say,
    version_of,
    write_atomically,
)
from packaging.utils import canonicalize_name

from memguard_hooks.dependencies.wheel_size import find_packages, largest_wheel

SURVEY = ROOT / "tools" / "survey.tsv"
LIGHT = 10 * 2**20
"""What takes less is light."""

BOUNDS = [0, 2**14, 2**15, 2**16, 2**17, 2**18, 2**19, 2**20, 2**22, 2**24, 2**30]
"""Sizes of wheels that are told apart, in bytes."""

LIST_STANDARD = """
import json, pkgutil, sys
tops = sorted(sys.stdlib_module_names - {"antigravity", "this", "idlelib", "lib2to3", "test", "turtledemo", "__main__"})
names = [name for name in tops if not name.startswith("_")]
for name in ("asyncio", "concurrent", "email", "http", "importlib", "json", "logging", "multiprocessing", "unittest",
             "urllib", "wsgiref", "xml", "xmlrpc"):
    path = __import__(name).__path__
    names += [f"{name}.{one.name}" for one in pkgutil.iter_modules(path) if not one.name.startswith("_")]
names += ["email.mime.text", "email.mime.multipart", "xml.etree.ElementTree", "xml.dom.minidom", "concurrent.futures.thread"]
other = ("__main__", "windows_events", "popen_spawn_win32")
print(json.dumps([name for name in names if name.rpartition(".")[2] not in other]))
"""
"""What an app may import of the standard library: its modules, and those of its packages."""

BATCH = 12
MODULES = 3
NO_MODULES = re.compile(
    r"(tests?|testing|docs?|examples?|samples?|scripts?|benchmarks?|bin|tools|build|dist|src)$|_|.*-stubs$"
)


class Surveyed(NamedTuple):
    """One line of the survey: figures in KiB, or the reason why there are none."""

    distribution: str
    module: str
    version: str
    resident: int | None
    anonymous: int | None
    own: str

    def render(self) -> str:
        """The line."""
        return "\t".join("" if value is None else str(value) for value in self)


def read_survey(path: Path) -> list[Surveyed]:
    """What was found before."""
    found = []
    for line in path.read_text("ascii").splitlines() if path.exists() else []:
        if not line.startswith("#"):
            name, module, version, resident, anonymous, own = line.split("\t")
            found.append(
                Surveyed(
                    name, module, version, int(resident) if resident else None, int(anonymous) if anonymous else None, own
                )
            )
    return found


def modules_of(distribution: Distribution) -> list[str]:
    """The top-level modules of a distribution that an application would import, the one of its own name first."""
    files = [str(path) for path in distribution.files or () if not str(path).startswith("..")]
    packages = {path.removesuffix("/__init__.py") for path in files if path.endswith("/__init__.py")}
    top = {one for one in packages if not any(one.startswith(f"{other}/") for other in packages)}
    top |= {
        match[1] for path in files if (match := re.fullmatch(r"([A-Za-z]\w*)(\.[\w-]+)?\.(py|so)", path)) and "/" not in path
    }
    names = {one.replace("/", ".") for one in top}
    names = {one for one in names if not any(NO_MODULES.match(part) for part in one.split("."))}
    own = re.sub(r"[-_.]", "", distribution.metadata["Name"].lower())
    ordered = sorted(names, key=lambda one: (re.sub(r"[_.]", "", one.lower()) != own, one.count("."), len(one), one))
    return ordered[:1] if ordered and re.sub(r"[_.]", "", ordered[0].lower()) == own else ordered[:MODULES]


def survey(names: Sequence[str], python: Path) -> Iterator[Surveyed]:
    """Install distributions together, or in halves where they cannot be, and import what they hold."""
    with environment(python) as place:
        try:
            place.install(Row(names[0], (), None, tuple(names[1:]), (), may_build=False, environment={}), "uv")
        except MeasurementError as error:
            reason = f"install: {error}"
        else:
            reason = ""
            installed = place.distributions()
            for name in names:
                yield from import_all(place, installed[name])
    if reason and len(names) == 1:
        yield Surveyed(names[0], "", "", None, None, reason)
    elif reason:
        middle = len(names) // 2
        yield from survey(names[:middle], python)
        yield from survey(names[middle:], python)


def import_all(place: Environment, distribution: Distribution) -> Iterator[Surveyed]:
    """Import each module of a distribution in a process of its own."""
    name, version = canonicalize_name(distribution.metadata["Name"]), distribution.version
    modules = modules_of(distribution)
    if not modules:
        yield Surveyed(name, "", version, None, None, "no module")
    for module in modules:
        try:
            first = place.probe_once(module)  # writes the bytecode
            traced = place.probe_once("--trace", module) if first.resident < 2 * LIGHT else first
        except MeasurementError as error:
            yield Surveyed(name, module, version, None, None, f"import: {error}")
            continue
        kib = (traced.resident // 1024, traced.anonymous // 1024)
        yield Surveyed(name, module, version, *kib, render_own(fold(traced)))


def render_light(rows: Iterable[Surveyed], measured: set[tuple[str, str]], provenance: Sequence[str]) -> str:
    """The light modules that the catalog does not have, by module."""
    header = f"# {', '.join(provenance)}: by tools/survey_footprints.py: module, distribution, version, KiB, own KiB"
    lines = [header]
    lines += sorted(
        f"{one.module}\t{one.distribution}\t{one.version}\t{one.resident}\t{one.anonymous}\t{one.own}"
        for one in rows
        if one.resident is not None and one.resident * 1024 < LIGHT and (one.module, one.distribution) not in measured
    )
    return "\n".join(lines) + "\n"


def measure_standard(python: Path) -> Iterator[str]:
    """The lines of the standard library's modules on one Python: those that take 32 KiB or more, and can be imported."""
    version = ".".join(version_of(python).split(".")[:2])
    with environment(python) as place:
        names = json.loads(subprocess.run([place.python, "-I", "-c", LIST_STANDARD], capture_output=True, check=True).stdout)
        for name in names:
            try:
                traced = place.probe_once("--trace", name)
            except MeasurementError as error:
                say(f"{name}: {error}")
                continue
            if traced.resident >= SMALL:
                yield f"{version} {name}\t{traced.resident // 1024}\t{traced.anonymous // 1024}\t{render_own(fold(traced))}"


def wheel_sizes(rows: Iterable[Surveyed]) -> dict[str, int]:
    """The bytes of the wheels, by distribution, as a lock that uv makes tells them."""
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.in"
        built = {row.distribution for row in read_plan(PLAN) if row.may_build}
        versions = {
            one.distribution: one.version for one in rows if "+" not in one.version and one.distribution not in built
        }
        requirements.write_text("\n".join(f"{name}=={version}" for name, version in sorted(versions.items())), "utf-8")
        lock = Path(folder) / "pylock.toml"
        command = [
            "uv",
            "pip",
            "compile",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--python-version",
            INDEX_PYTHON,
        ]
        command += ["--prerelease", "allow", "--format", "pylock.toml", "--output-file", str(lock), str(requirements)]
        subprocess.run(command, check=True)
        data = lock.read_bytes()
    places = find_packages(data).items()
    found = ((name, largest_wheel(data[start:end])) for name, (start, end) in places)
    return {name: size for name, size in found if size}


def as_surveyed(catalog: Mapping[str, Sequence[Measurement]]) -> Iterator[Surveyed]:
    """What the catalog has of distributions in their newest version, as the survey has it."""
    for name, measurements in catalog.items():
        for one in measurements:
            is_newest = one["version"] == measurements[-1]["version"] and one["python"].startswith(f"{INDEX_PYTHON}.")
            if name != INTERPRETER and is_newest and ":" not in one["module"]:
                kib = (one["resident"] // 1024, one["anonymous"] // 1024)
                yield Surveyed(name, one["module"], one["version"], *kib, " ".join(one["own"]))


def render_fit(rows: Sequence[Surveyed]) -> str:
    """What packages take by themselves, and for each size of wheels the quantiles of bytes that a byte of it takes."""
    rows = [one for one in rows if one.resident is not None]
    sizes = wheel_sizes(rows)
    own: dict[str, int] = {}
    for one in rows:
        top = one.module.replace(".", "/").partition("/")[0]
        for text in one.own.split():
            package, _, both = text.rpartition(":")
            if package.partition(".")[0] == top:
                own[one.distribution] = max(own.get(one.distribution, 0), int(both.partition("/")[0]) * 1024)
    known = sorted((sizes[name], cost) for name, cost in own.items() if name in sizes)
    lines = [
        f"{len(own)} distributions: own resident of the package {quantiles([cost / 2**20 for cost in own.values()])} MiB"
    ]
    for low, high in itertools.pairwise(BOUNDS):
        some = [(size, cost) for size, cost in known if low <= size < high]
        if len(some) > 10:
            span = f"wheels of {low >> 10} to {high >> 10} KiB ({len(some)})"
            lines.append(f"{span}: {quantiles([cost / 2**20 for _, cost in some])} MiB, "
                         f"{quantiles([cost / size for size, cost in some])} bytes a byte")  # fmt: skip
    return "\n".join(lines)


def quantiles(values: Sequence[float]) -> str:
    """The 5, 50 and 95 % quantiles."""
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return f"{cuts[0]:.2f} / {cuts[9]:.2f} / {cuts[18]:.2f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Survey, or render what was surveyed."""
    parser = argparse.ArgumentParser(description="Survey what importing many distributions costs.")
    parser.add_argument("names", type=Path, nargs="?", help="a file with a distribution a line, the most used first")
    parser.add_argument("--survey", type=Path, default=SURVEY, help="what was found (default: tools/survey.tsv)")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="the catalog (default: the project's)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="environments at a time")
    parser.add_argument("--standard", action="store_true", help="measure the standard library, and survey nothing")
    parser.add_argument("--fit", action="store_true", help="print what is assumed of unknown packages, and survey nothing")
    parser.add_argument("--render", action="store_true", help="write light.tsv and survey nothing")
    options = parser.parse_args(argv)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    found = read_survey(options.survey)
    if options.standard:
        lines = [line for version in PYTHONS for line in measure_standard(find_python(version))]
        header = "# generated by tools/survey_footprints.py: Python and module, resident and anonymous KiB, own KiB"
        write_atomically(options.catalog / "standard.tsv", "\n".join([header, *sorted(lines)]) + "\n")
        return 0
    catalog = Catalog(options.catalog).read_all()
    if options.fit:
        print(render_fit([*found, *as_surveyed(catalog)]))
        return 0
    measured = {(one["module"], name) for name, all_ in catalog.items() if name != INTERPRETER for one in all_}
    if options.names is not None and not options.render:
        done = {one.distribution for one in found} | set(catalog)
        names = [canonicalize_name(line.strip()) for line in options.names.read_text("utf-8").splitlines() if line.strip()]
        names = [name for name in dict.fromkeys(names) if name not in done]
        batches = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
        python, lock = find_python(INDEX_PYTHON), threading.Lock()

        def survey_batch(batch: Sequence[str]) -> None:
            rows = list(survey(batch, python))
            with lock:
                found.extend(rows)
                header = "# generated by tools/survey_footprints.py: distribution, module, version, KiB, own KiB or reason"
                write_atomically(options.survey, "\n".join([header, *sorted(one.render() for one in found)]) + "\n")
                say(f"{len({one.distribution for one in found})} surveyed, the last {batch[-1]}")

        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(survey_batch, batches))
    base = next(one for one in catalog[INTERPRETER] if one["python"].startswith(f"{INDEX_PYTHON}."))
    provenance = (base["python"], base["platform"], base["libc"], str(base["cores"]), base["date"])
    write_atomically(options.catalog / "light.tsv", render_light(found, measured, provenance))
    for one in found:
        if one.resident is not None and one.resident * 1024 >= LIGHT and (one.module, one.distribution) not in measured:
            print(f"{one.distribution}\t{one.module}\t{one.resident // 1024} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
