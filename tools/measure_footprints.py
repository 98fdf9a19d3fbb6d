"""Measure the import footprints of the plan, ``tools/footprints.toml``, and write them into the catalog.

Each row is installed into a fresh virtual environment in a temporary folder and imported in fresh processes: once to
warm the page cache and to write the bytecode of what is loaded (nothing else need be compiled), once traced for the own
cost of each package, and at least twice untraced for the totals, whose median is kept. What takes 40 MiB or more is
measured once more without the bytecode of what was installed. The processes see no network where ``unshare`` can take it
away, a home folder of their own, and none of the caller's environment variables.

How much of a shared library is resident depends on how its pages came into the page cache: those that an
installer has just written lie there in other units than those that are read from disk, and numpy then takes
4 MiB more by one installer than by another. So what was installed is put out of the page cache first, as if
the machine had been started again. Anonymous memory does not depend on it.

    python tools/measure_footprints.py --python 3.11 3.13
    python tools/measure_footprints.py --only pandas numpy --again

`--before DATE` measures, beside the newest version of each row, the one that was the newest on a day, with what was the
newest beside it: most applications pin what they once installed. `--newest` measures each row whose newest version the
catalog lacks, which is what changes from week to week. `--shard 3/20` takes a part of the rows.

It needs memguard where it runs, and a ``pip`` that knows ``--python`` (22.3), or ``uv``, which is faster. Rows that are
in the catalog already are skipped, so that it can be interrupted at any time and started again; so are those that
failed, unless ``--again`` or ``--retry`` is given.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

import tomli
from packaging.requirements import Requirement
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.lookup import USUAL
from memguard_hooks.measure import trace
from memguard_hooks.measure.page_cache import evict
from memguard_hooks.measure.trace import Trace

ROOT = Path(__file__).resolve().parent.parent
PLAN = ROOT / "tools" / "footprints.toml"
PROBE = ROOT / "memguard_hooks" / "measure" / "probe.py"
CATALOG = ROOT / "memguard_hooks" / "catalog" / "data"
INDEX_PYTHON = "3.11"
PYTHONS = (INDEX_PYTHON, "3.13")
INTERPRETER = "python"
RUNS = 2
AGREEMENT = 0.01
"""Two runs that differ by more are followed by a third."""

HEAVY = 40 * 2**20
"""What takes as much is measured without bytecode as well."""

SMALL = 64 * 1024
REST = "(standard library)"
"""What stands for the parts of the standard library that take less than that."""

DIFFERENT, ALIKE = 2**20, 0.15
"""How much the versions of a package differ that are told apart where others load it, and how far these may part from their
median, as a share: with 0.15 what was held out was off by 0.3 MiB where it had been by 1.8, with 0.2 by 0.8 (2026-11-30)."""

IMPORT_TIMEOUT = 900
INSTALL_TIMEOUT = 900
WIDTH = 120
REASON_LENGTH = 200


class MeasurementError(Exception):
    """A row that could not be installed or imported; the text is the reason."""


class Row(NamedTuple):
    """One environment to make, and the modules to import in it."""

    distribution: str
    modules: tuple[str, ...]
    version: str | None
    extra_requirements: tuple[str, ...]
    pip_arguments: tuple[str, ...]
    may_build: bool
    environment: Mapping[str, str]
    settings: str = ""

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return self.distribution if self.version is None else f"{self.distribution}=={self.version}"


class Work(NamedTuple):
    """A row, those of its modules that are to be measured, and the interpreter."""

    row: Row
    modules: list[str]
    python: Path


class Measurement(TypedDict):
    """One measurement as the catalog's files hold it; memory in bytes unless the name says KiB."""

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
    peak: int  # by how much the import lifts the process's peak
    without_bytecode: list[int]  # resident and anonymous KiB; empty where it was not measured
    own: list[str]  # `package:resident/anonymous` KiB, many to a line; without `/anonymous` where both are equal
    optional: list[str]  # what it tried to import and did not find
    installed: dict[str, str]  # what it requires, also through others -> the version that was installed


class Failure(NamedTuple):
    """One line of ``failed.tsv``."""

    distribution: str
    module: str
    version: str
    python: str
    reason: str


# The plan

KEYS = frozenset({"distribution", "module", "version", "newest", "with", "pip", "build", "environment", "settings", "note"})


def read_plan(path: Path) -> list[Row]:
    """The rows of the plan: for each distribution the newest version, and each of the versions it names."""
    rows = []
    for table in tomli.loads(path.read_text("utf-8"))["footprint"]:
        unknown = table.keys() - KEYS
        if unknown:
            message = f"{path.name}: unknown key {min(unknown)!r} in {table.get('distribution')}"
            raise SystemExit(message)
        distribution = canonicalize_name(table["distribution"])
        modules = as_tuple(table.get("module", distribution))
        versions: list[str | None] = list(as_tuple(table.get("version", ())))
        if table.get("newest", not versions):
            versions.append(None)
        rows += [
            Row(
                distribution,
                modules,
                version,
                as_tuple(table.get("with", ())),
                as_tuple(table.get("pip", ())),
                table.get("build", False),
                table.get("environment", {}),
                table.get("settings", ""),
            )
            for version in versions
        ]
    return rows


def as_tuple(value: str | Iterable[str]) -> tuple[str, ...]:
    """One string, or several, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)


# One environment


def find_python(text: str) -> Path:
    """The interpreter that the option names, by path, by command, or by version among pyenv's."""
    if re.fullmatch(r"3\.\d+(\.\d+)?", text):
        folder = Path.home() / ".pyenv" / "versions"
        found = sorted(folder.glob(f"{text}*/bin/python"), key=lambda path: Version(path.parts[-3]))
        if found:
            return found[-1]
        text = f"python{text}"
    command = shutil.which(text)
    if command is None:
        raise SystemExit(f"no Python {text} found")
    return Path(command)


@functools.cache
def offline_prefix() -> tuple[str, ...]:
    """The command that takes the network from a process, where the system allows it."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    command = (unshare, "--net", "--")
    return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else ()


class Environment:
    """A virtual environment in a temporary folder, with the compiled probe beside it."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"
        self.variables: Mapping[str, str] = {}
        self.home = folder / "home"
        self.home.mkdir()
        run([str(python), "-I", "-m", "venv", "--without-pip", str(folder / "venv")])
        self.probe = folder / "probe.pyc"
        compile_probe = "import py_compile, sys; py_compile.compile(sys.argv[1], cfile=sys.argv[2], doraise=True)"
        run([str(self.python), "-I", "-c", compile_probe, str(PROBE), str(self.probe)])

    @property
    def site_packages(self) -> str:
        """Where the environment keeps what is installed."""
        return str(next((self.folder / "venv" / "lib").glob("python*/site-packages")))

    def install(self, row: Row, installer: str) -> None:
        """Install the row's distribution, and put it out of the page cache; the first import writes its bytecode."""
        requirements = [*row.pip_arguments, row.requirement, *row.extra_requirements]
        if not row.may_build:
            requirements = ["--only-binary", ":all:", *requirements]
        if installer == "uv":
            command = ["uv", "pip", "install", "--quiet", "--link-mode", "copy"]
            command += ["--python", str(self.python), *found_elsewhere()]
        else:
            command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet", "--no-compile"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        run([*command, *requirements], environment)
        self.variables = {name: value.format(site=self.site_packages) for name, value in row.environment.items()}
        if row.settings:
            (Path(self.site_packages) / "measured_settings.py").write_text(row.settings + "\n", "utf-8")
        evict(self.site_packages)

    def distributions(self) -> dict[str, Distribution]:
        """What is installed, by canonical name."""
        found = distributions(path=[self.site_packages])
        return {canonicalize_name(distribution.metadata["Name"]): distribution for distribution in found}

    def probe_once(self, *arguments: str, bytecode: bool = True) -> Trace:
        """Run the probe in a fresh process."""
        environment = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "PYTHONNOUSERSITE": "1",
            "TMPDIR": str(self.home),
            **self.variables,
        }
        events = self.folder / "events"
        events.unlink(missing_ok=True)
        flags = ["-I"] if bytecode else ["-I", "-B"]
        command = [*offline_prefix(), str(self.python), *flags, str(self.probe), str(events), *arguments]
        try:
            process = subprocess.run(
                command,
                capture_output=True,
                check=False,
                cwd=self.home,
                env=environment,
                stdin=subprocess.DEVNULL,
                timeout=IMPORT_TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            message = f"the import did not end within {IMPORT_TIMEOUT} s"
            raise MeasurementError(message) from error
        probed = trace.read(str(events)) if events.exists() else None
        if probed is None or probed.end is None or probed.host is None:
            message = f"the interpreter ended with status {process.returncode}"
            raise MeasurementError(message)
        if probed.end.error:
            raise MeasurementError(self.shorten(probed.end.error))
        return probed

    def measure(self, module: str | None) -> Measurement:
        """Warm up, trace, and take the totals: a measurement that still lacks what only the installer knows."""
        arguments = () if module is None else (module,)
        self.probe_once(*arguments)
        traced = self.probe_once(*arguments, "--trace")
        runs = [self.probe_once(*arguments) for _ in range(RUNS)]
        totals = [run.resident if module else run.base.resident for run in runs]
        if max(totals) > min(totals) * (1 + AGREEMENT):
            runs.append(self.probe_once(*arguments))
        host, third = traced.host, [one for one in traced.modules if one.is_third_party]
        own = fold(traced)
        if module is not None and module.endswith(")"):  # what a call does besides loading modules is its own
            rest = [(traced.resident, 0), (traced.anonymous, 1)]
            own[module] = [total // 1024 - sum(cost[kind] for cost in own.values()) for total, kind in rest]
        assert host is not None
        packages = {one.package for one in third}
        return {
            "module": module or INTERPRETER,
            "version": host.python,
            "python": host.python,
            "platform": host.platform,
            "libc": host.libc,
            "cores": host.cores,
            "bytecode": all(one.bytecode is not False for one in traced.modules),
            "date": datetime.now(timezone.utc).date().isoformat(),
            "wheel": "",
            "resident": median(run.resident if module else run.base.resident for run in runs),
            "anonymous": median(run.anonymous if module else run.base.anonymous for run in runs),
            "peak": median(run.end.peak - run.base.peak for run in runs if run.end),
            "without_bytecode": [],
            "own": textwrap.wrap(render_own(own), WIDTH, break_long_words=False, break_on_hyphens=False),
            "optional": sorted(
                {name for importer, name in traced.missing if is_within(importer, packages) and is_optional(name, packages)}
            ),
            "installed": {},
        }

    def drop_bytecode(self) -> None:
        """Delete the bytecode of what was installed; the interpreter's own stays."""
        for folder in Path(self.site_packages).rglob("__pycache__"):
            shutil.rmtree(folder)

    def measure_without_bytecode(self, module: str) -> list[int]:
        """The totals of an import that compiles all that was installed, in KiB."""
        probed = self.probe_once(module, bytecode=False)
        return [probed.resident // 1024, probed.anonymous // 1024]

    def shorten(self, text: str) -> str:
        """A reason of one line, without this machine's folders."""
        return shorten(text.replace(str(self.folder), ""))


def fold(traced: Trace) -> dict[str, list[int]]:
    """The own resident and anonymous KiB of each package; the small parts of the standard library are summed."""
    third = {one.package for one in traced.modules if one.is_third_party}
    found: dict[str, list[int]] = {}
    for package, cost in traced.own().items():
        is_small = package not in third and abs(cost.resident) < SMALL
        sums = found.setdefault(REST if is_small else package, [0, 0])
        sums[0] += cost.resident // 1024
        sums[1] += cost.anonymous // 1024
    return {package: sums for package, sums in found.items() if any(sums)}


def render_own(own: Mapping[str, Sequence[int]]) -> str:
    """Own costs as a text without spaces in its items, sorted: `email:520 ssl:6796/2872 -:80`."""
    return " ".join(
        f"{'-' if name == REST else name}:{resident}" + (f"/{anonymous}" if anonymous != resident else "")
        for name, (resident, anonymous) in sorted(own.items())
    )


def median(values: Iterable[int]) -> int:
    """The median, whole."""
    return round(statistics.median(values))


def is_within(module: str, packages: Iterable[str]) -> bool:
    """Whether a module belongs to one of the packages."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def is_optional(name: str, loaded: Iterable[str]) -> bool:
    """Whether what was not found may come with another distribution: no part of Python or of what was loaded."""
    top = name.partition(".")[0]
    return top not in sys.stdlib_module_names and not top.startswith("_") and not is_within(name, loaded)


def shorten(text: str) -> str:
    """The first line that says something, short, without folders and addresses that only exist here."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"https?://\S+", "", line)
    line = re.sub(r"(?<![\w.])(/[\w.+-]+){2,}/", "", line)
    line = " ".join(line.encode("ascii", "replace").decode().split())
    return line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 3] + "..."


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a program that must succeed."""
    try:
        process = subprocess.run(
            command, capture_output=True, check=False, env=environment, text=True, timeout=INSTALL_TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        message = f"did not end within {INSTALL_TIMEOUT} s"
        raise MeasurementError(message) from error
    if process.returncode:
        lines = process.stderr.splitlines()
        errors = [line for line in lines if line.lstrip(" \u00d7").lower().startswith(("error:", "no solution"))]
        told = [line for line in lines if "Because" in line] or errors or lines[-1:] or ["failed without a word"]
        first = told[0]
        if first.endswith(":") and first in lines[:-1]:
            first += f" {lines[lines.index(first) + 1].strip()}"
        raise MeasurementError(shorten(first.strip(" \u2570\u2500\u25b6\u00d7")))


@contextmanager
def environment(python: Path) -> Iterator[Environment]:
    """An environment that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="footprint-", ignore_cleanup_errors=True) as folder:
        yield Environment(Path(folder), python)


def required_by(name: str, installed: Mapping[str, Distribution]) -> set[str]:
    """What of the installed distributions one requires, and what these require: not what the plan adds beside it."""
    found: set[str] = set()
    waiting = [(name, "")]
    seen = set(waiting)
    while waiting:
        one, extra = waiting.pop()
        for text in installed[one].requires or ():
            requirement = Requirement(text)
            other = canonicalize_name(requirement.name)
            if other in installed and (requirement.marker is None or requirement.marker.evaluate({"extra": extra})):
                found.add(other)
                new = {(other, ""), *((other, asked) for asked in requirement.extras)} - seen
                seen |= new
                waiting += new
    return found - {name}


def wheel_tag(distribution: Distribution) -> str:
    """The tag of the wheel that was installed, compressed as in a file name: ``py2.py3-none-any``."""
    text = distribution.read_text("WHEEL") or ""
    tags = {tag for line in text.splitlines() if line.startswith("Tag:") for tag in parse_tag(line[4:].strip())}
    parts = ({tag.interpreter for tag in tags}, {tag.abi for tag in tags}, {tag.platform for tag in tags})
    return "-".join(".".join(sorted(part)) for part in parts) if tags else ""


def measure_row(row: Row, modules: Sequence[str], python: Path, installer: str) -> Iterator[Measurement | Failure]:
    """Install a row once and measure its modules."""
    python_version = version_of(python)
    with environment(python) as place:
        try:
            place.install(row, installer)
        except MeasurementError as error:
            for module in modules:
                yield Failure(row.distribution, module, row.version or "", python_version, f"install: {error}")
            return
        installed = place.distributions()
        distribution = installed[row.distribution]
        measured: list[Measurement] = []
        for module in modules:
            try:
                measurement = place.measure(module)
            except MeasurementError as error:
                reason = f"import: {error}"
                yield Failure(row.distribution, module, distribution.version, python_version, reason)
                continue
            measurement["version"] = distribution.version
            measurement["wheel"] = wheel_tag(distribution)
            required = required_by(row.distribution, installed)
            measurement["installed"] = {name: installed[name].version for name in sorted(required)}
            measured.append(measurement)
            if measurement["resident"] < HEAVY:
                yield measurement
        heavy = [one for one in measured if one["resident"] >= HEAVY]
        if heavy:
            place.drop_bytecode()
        for measurement in heavy:
            with suppress(MeasurementError):
                measurement["without_bytecode"] = place.measure_without_bytecode(measurement["module"])
            yield measurement


@functools.cache
def version_of(python: Path) -> str:
    """The version of an interpreter."""
    code = "import platform; print(platform.python_version())"
    return subprocess.run([str(python), "-I", "-c", code], capture_output=True, check=True, text=True).stdout.strip()


# The catalog's files


class Catalog:
    """The catalog's folder. Results are written as they come, by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()

    def path_of(self, distribution: str) -> Path:
        """The file of one distribution."""
        return self.folder / f"{distribution}.json"

    def read(self, distribution: str) -> list[Measurement]:
        """The measurements of one distribution; none where it has no file."""
        path = self.path_of(distribution)
        if not path.exists():
            return []
        found = [cast("Measurement", {**USUAL, **one}) for one in json.loads(path.read_text("ascii"))["measurements"]]
        lookup.tell_installed(found)
        return found

    def read_all(self) -> dict[str, list[Measurement]]:
        """All measurements, by distribution."""
        return {path.stem: self.read(path.stem) for path in sorted(self.folder.glob("*.json"))}

    def read_failures(self) -> set[Failure]:
        """The rows that could not be measured."""
        path = self.folder / "failed.tsv"
        lines = path.read_text("ascii").splitlines() if path.exists() else []
        return {Failure(*line.split("\t")) for line in lines if not line.startswith("#")}

    def add(self, distribution: str, measurement: Measurement) -> None:
        """Put a measurement into its file, in place of an older one of the same module, version and Python."""
        key = sort_key(measurement)
        others = [other for other in self.read(distribution) if sort_key(other) != key]
        write_atomically(self.path_of(distribution), render_measurements(distribution, [*others, measurement]))

    def write(self, row: Row, result: Measurement | Failure) -> None:
        """Write one result; what is measured now is no longer a failure."""
        with self.lock:
            failures = self.read_failures()
            if isinstance(result, Failure):
                failures = {failure for failure in failures if failure[:4] != result[:4]} | {result}
            else:
                self.add(row.distribution, result)
                key = (row.distribution, result["module"], result["python"])
                versions = {row.version or "", result["version"]}
                failures = {
                    failure
                    for failure in failures
                    if (failure[0], failure[1], failure[3]) != key or failure.version not in versions
                }
            write_atomically(self.folder / "failed.tsv", render_failures(failures))

    def write_index(self) -> None:
        """Write again from all files: the index, and what versions of packages take where others load them."""
        files = self.read_all()
        write_atomically(self.folder / "index.tsv", render_index(files))
        write_atomically(self.folder / "brought.tsv", render_brought(files))


def sort_key(measurement: Measurement) -> tuple[str, Version, Version]:
    """The order within a file."""
    return measurement["module"], Version(measurement["version"]), Version(measurement["python"])


def render_measurements(distribution: str, measurements: Iterable[Measurement]) -> str:
    """One distribution's file: a key a line, and long values wrapped between their items.

    What was installed stands with the first module of a version and a Python, for all of them, as `lookup.tell_installed`
    reads it; what is as usual does not.
    """
    blocks = []
    told: dict[str, dict[str, str]] = {}
    for one in sorted(measurements, key=sort_key):
        place = f"{one['version']} {one['python']}"
        left_out = {key for key, value in one.items() if is_usual(key, value)} | ({"installed"} if place in told else set())
        shortest = {**one, "installed": shorten_installed(one["installed"], told)}
        items = sorted((key, value) for key, value in shortest.items() if key not in left_out)
        told.setdefault(place, one["installed"])
        blocks.append("  {\n" + ",\n".join(f"   {render_item(key, value)}" for key, value in items) + "\n  }")
    return f'{{\n "distribution": "{distribution}",\n "measurements": [\n' + ",\n".join(blocks) + "\n ]\n}\n"


def shorten_installed(installed: dict[str, str], told: Mapping[str, dict[str, str]]) -> dict[str, str]:
    """What was installed, as what differs from what was told before, where that is shorter."""
    ways = [installed]
    for place, others in told.items():
        changed = {name: version for name, version in installed.items() if others.get(name) != version}
        ways.append({"": place, **changed, **dict.fromkeys(others.keys() - installed.keys(), lookup.LACKING)})
    return min(ways, key=lambda way: len(render_item("installed", way)))


def is_usual(key: str, value: object) -> bool:
    """Whether a measurement has there what it has where its file says nothing."""
    return key in USUAL and (tuple(value) if isinstance(value, list) else value) == USUAL[key]


def render_item(key: str, value: object) -> str:
    """One key with its value, the items of a table or a list filled into lines."""
    text = f"{json.dumps(key)}: {json.dumps(value, sort_keys=True)}"
    if len(text) + 4 <= WIDTH or isinstance(value, str):
        return text
    items = [json.dumps(one) for one in cast("list[object]", value)] if isinstance(value, list) else []
    if isinstance(value, dict):
        items = [f"{json.dumps(name)}: {json.dumps(item)}" for name, item in sorted(value.items())]
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) + 6 > WIDTH:
            lines.append("")
        lines[-1] += f" {item},"
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    body = "\n".join(f"   {line}" for line in lines).rstrip(",")
    return f"{json.dumps(key)}: {opening}\n{body}\n   {closing}"


def render_index(files: Mapping[str, Sequence[Measurement]]) -> str:
    """The index: for each module and distribution the newest version, on the default Python if measured there."""
    newest: dict[tuple[str, str], Measurement] = {}
    for distribution, measurements in files.items():
        if distribution == INTERPRETER:
            continue
        ordered = sorted(measurements, key=lambda one: (is_index_python(one), *sort_key(one)[1:]))
        newest.update({(measurement["module"], distribution): measurement for measurement in ordered})
    lines = ["# generated by tools/measure_footprints.py: module, distribution, resident KiB of the newest version"]
    lines += [
        f"{module}\t{distribution}\t{round(measurement['resident'] / 1024)}"
        for (module, distribution), measurement in sorted(newest.items(), key=lambda item: item[0])
    ]
    return "\n".join(lines) + "\n"


def render_brought(files: Mapping[str, Sequence[Measurement]]) -> str:
    """What versions of a package take where others load it: the median, of packages whose versions differ.

    A package of which one loads more than another says nothing, nor does a version that others than one have not loaded.
    """
    providers = {one["module"]: name for name, measurements in files.items() for one in measurements}
    found: dict[tuple[str, str], dict[str, list[tuple[str, int]]]] = {}
    for loader, measurements in files.items():
        for one in filter(is_index_python, measurements):
            for package, (resident, _) in lookup.read_own(" ".join(one["own"])).items():
                names = (providers.get(package, ""), canonicalize_name(package))
                name = next((name for name in names if name in one["installed"] and name != loader), None)
                if name is not None and resident >= SMALL:
                    versions = found.setdefault((name, package), {})
                    versions.setdefault(one["installed"][name], []).append((loader, resident))
    lines = ["# generated by tools/measure_footprints.py: distribution, package, KiB of its versions as others load them"]
    for (name, package), versions in sorted(found.items()):
        seen = {version: ones for version, ones in versions.items() if len({loader for loader, _ in ones}) > 1}
        middle = {version: statistics.median(size for _, size in ones) for version, ones in seen.items()}
        off = sum(abs(size - middle[version]) for version, ones in seen.items() for _, size in ones)
        total = sum(size for ones in seen.values() for _, size in ones)
        if max(middle.values(), default=0) - min(middle.values(), default=0) >= DIFFERENT and off < ALIKE * total:
            told = " ".join(f"{version}:{round(middle[version] / 1024)}" for version in sorted(middle, key=Version))
            lines.append(f"{name}\t{package}\t{told}")
    return "\n".join(lines) + "\n"


def is_index_python(measurement: Measurement) -> bool:
    """Whether a measurement is of the Python that the index speaks of."""
    return measurement["python"].startswith(INDEX_PYTHON + ".")


def render_failures(failures: Iterable[Failure]) -> str:
    """The rows that could not be measured, sorted."""
    lines = ["# generated by tools/measure_footprints.py: distribution, module, version, Python, reason"]
    return "\n".join([*lines, *("\t".join(failure) for failure in sorted(failures))]) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Replace a file at once, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text, "ascii")
    temporary.replace(path)


# The run


def missing_modules(row: Row, rows: Sequence[Row], measurements: Iterable[Measurement]) -> list[str]:
    """The modules of a row that are not among the distribution's measurements on this Python.

    A row without a version is there if any version is that no other row of the distribution names.
    """
    named = {other.version for other in rows if other.distribution == row.distribution and other.version}
    measured = {
        measurement["module"]
        for measurement in measurements
        if (measurement["version"] == row.version if row.version else measurement["version"] not in named)
    }
    return [module for module in row.modules if module not in measured]


def choose_work(
    rows: Sequence[Row], catalog: Catalog, python: Path, only: Sequence[str], *, again: bool, retry: bool
) -> list[Work]:
    """The rows to measure on a Python, each with its modules."""
    wanted = {canonicalize_name(name) for name in only}
    python_version = version_of(python)
    failures = {one[:4] for one in catalog.read_failures() if one.python == python_version}
    work = []
    for row in rows:
        if wanted and row.distribution not in wanted:
            continue
        measured = [one for one in catalog.read(row.distribution) if one["python"] == python_version]
        modules = list(row.modules) if again else missing_modules(row, rows, measured)
        if not (again or retry):
            known = {one[1] for one in failures if one[0] == row.distribution and row.version in (None, one[2])}
            modules = [module for module in modules if module not in known]
        if modules:
            work.append(Work(row, modules, python))
    return work


def as_of(work: Iterable[Work], day: str | None, catalog: Catalog) -> Iterator[Work]:
    """Yield the rows of the newest versions of a day that has passed, or of now, but for what is in the catalog already.

    Of now, what was measured on another Python alone is left at that.
    """
    for row, _, python in work:
        known = catalog.read(row.distribution)
        measured = [one for one in known if one["python"] == version_of(python)]
        if row.version is not None or (day is None and known and not measured):
            continue
        options = row.pip_arguments if day is None else (*row.pip_arguments, "--exclude-newer", day)
        try:
            version = resolve(row._replace(pip_arguments=options), python)
        except MeasurementError as error:
            say(f"{row.distribution} of {day or 'now'}: {error}")
            continue
        there = {one["module"] for one in measured if one["version"] == version}
        modules = [module for module in row.modules if module not in there]
        if modules:
            yield Work(row._replace(version=version, pip_arguments=options), modules, python)


def found_elsewhere() -> tuple[str, ...]:
    """Where uv is to look beside the index, which pip takes from the environment by itself."""
    return ("--find-links", os.environ["PIP_FIND_LINKS"]) if "PIP_FIND_LINKS" in os.environ else ()


def resolve(row: Row, python: Path) -> str:
    """The version of a row's distribution that uv installs."""
    builds = () if row.may_build else ("--only-binary", ":all:")
    command = ["uv", "pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate", "--python", str(python), "-"]
    done = subprocess.run(
        [*command, *builds, *found_elsewhere(), *row.pip_arguments],
        input=row.requirement, capture_output=True, check=False, text=True, timeout=INSTALL_TIMEOUT,
    )  # fmt: skip
    if done.returncode:
        raise MeasurementError(shorten(done.stderr))
    return done.stdout.partition("==")[2].split()[0]


def in_shard(distribution: str, shard: str) -> bool:
    """Whether a distribution lies in a part of all, `3/20`, by the checksum of its name."""
    part, _, parts = shard.partition("/")
    return zlib.crc32(distribution.encode()) % int(parts or 1) == int(part) % int(parts or 1)


def measure_work(work: Sequence[Work], catalog: Catalog, installer: str, jobs: int) -> None:
    """Measure rows, several at a time, with a line on standard error for each result."""

    def measure_one(numbered: tuple[int, Work]) -> None:
        number, (row, modules, python) = numbered
        try:
            for result in measure_row(row, modules, python, installer):
                catalog.write(row, result)
                say(f"[{number}/{len(work)}] {describe(row, result)}")
        except MeasurementError as error:
            say(f"[{number}/{len(work)}] {row.requirement}: {error}")

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(measure_one, enumerate(work, 1)))


def measure_interpreter(python: Path) -> Measurement:
    """Measure the bare interpreter: there is nothing below it, so that all of it is its own."""
    with environment(python) as place:
        measurement = place.measure(None)
    say(f"Python {measurement['python']}: resident {mib(measurement['resident'])}")
    return measurement


def describe(row: Row, result: Measurement | Failure) -> str:
    """One line of progress."""
    if isinstance(result, Failure):
        return f"{row.requirement} {result.module}: {result.reason}"
    return (
        f"{row.distribution} {result['version']} {result['module']}: resident {mib(result['resident'])}, "
        f"anonymous {mib(result['anonymous'])}, Python {result['python']}"
        f"{'' if result['bytecode'] else ', WITHOUT bytecode'}"
    )


def say(text: str) -> None:
    """Report progress."""
    print(text, file=sys.stderr, flush=True)


def mib(size: float) -> str:
    """Bytes as MiB."""
    return f"{size / 2**20:.1f} MiB"


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure import footprints and write them into the catalog.")
    parser.add_argument("--plan", type=Path, default=PLAN, help="the rows to measure (default: tools/footprints.toml)")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="the folder to write (default: the project's)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these distributions (python: the bare interpreter)")
    parser.add_argument(
        "--python", nargs="+", default=PYTHONS, help="interpreters to measure on: paths, commands or versions (3.11 3.13)"
    )
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="rows to measure at a time")
    newest = parser.add_mutually_exclusive_group()
    newest.add_argument("--before", metavar="DATE", help="measure the versions that were the newest on that day; needs uv")
    newest.add_argument("--newest", action="store_true", help="measure the newest versions that the catalog lacks; needs uv")
    parser.add_argument("--shard", default="1/1", metavar="K/N", help="only the K-th of N parts of the rows")
    parser.add_argument("--again", action="store_true", help="also measure what is in the catalog already")
    parser.add_argument("--retry", action="store_true", help="also try again what has failed")
    parser.add_argument(
        "--installer",
        choices=("pip", "uv"),
        default="uv" if shutil.which("uv") else "pip",
        help="what installs the rows (default: uv if it is on PATH)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what the plan asks for and the catalog lacks."""
    arguments = build_parser().parse_args(argv)
    catalog = Catalog(arguments.catalog)
    if platform.system() != "Linux":
        raise SystemExit("footprints are read from /proc/self/smaps_rollup: Linux only")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    only = arguments.only or []
    work: list[Work] = []
    for python in map(find_python, arguments.python):
        version = version_of(python)
        if all(one["python"] != version for one in catalog.read(INTERPRETER)) or (arguments.again and INTERPRETER in only):
            catalog.add(INTERPRETER, measure_interpreter(python))
        rows = [row for row in read_plan(arguments.plan) if in_shard(row.distribution, arguments.shard)]
        if arguments.before or arguments.newest:
            work += as_of(choose_work(rows, catalog, python, only, again=True, retry=False), arguments.before, catalog)
        else:
            work += choose_work(rows, catalog, python, only, again=arguments.again, retry=arguments.retry)
    work.sort(key=lambda one: one.row.distribution)  # what was fetched for one Python is often still there for the other
    say(f"{len(work)} rows to measure")
    try:
        measure_work(work, catalog, arguments.installer, arguments.jobs)
    finally:
        catalog.write_index()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
