"""Measure the import footprints of the plan, ``tools/footprints.toml``, and write them into the catalog.

Each row is installed into a fresh virtual environment in a temporary folder, with bytecode compiled, and
imported in fresh processes: once to warm the page cache, once traced for the own cost of each package, and
three times untraced for the totals, whose median is kept. The processes see no network where ``unshare``
can take it away, a home folder of their own, and none of the caller's environment variables.

How much of a shared library is resident depends on how its pages came into the page cache: those that an
installer has just written lie there in other units than those that are read from disk, and numpy then takes
4 MiB more by one installer than by another. So what was installed is put out of the page cache first, as if
the machine had been started anew. Anonymous memory does not depend on it.

    python tools/measure_footprints.py --python python3.11
    python tools/measure_footprints.py --python python3.11 --only pandas numpy --again
    python tools/measure_footprints.py --statistics

It needs ``packaging`` (and ``tomli`` below Python 3.11) where it runs, and a ``pip`` that knows ``--python``
(22.3), or ``uv``, which is faster. Rows that are in the catalog already are skipped, so that it can be
interrupted at any time and started again.
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
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PLAN = ROOT / "tools" / "footprints.toml"
PROBE = ROOT / "memguard_hooks" / "footprint" / "probe.py"
CATALOG = ROOT / "memguard_hooks" / "footprint" / "catalog"
INDEX_PYTHON = "3.11"
INTERPRETER = "python"
RUNS = 3
IMPORT_TIMEOUT = 600
REASON_LENGTH = 200
MINIMAL_SOURCE_KIB = 8  # below it the page size of 4 KiB decides, not the source


class MeasurementError(Exception):
    """A row that could not be installed or imported; the text is the reason."""


class Row(NamedTuple):
    """One environment to make, and the modules to import in it."""

    distribution: str
    modules: tuple[str, ...]
    version: str | None
    extra_requirements: tuple[str, ...]
    pip_arguments: tuple[str, ...]

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return self.distribution if self.version is None else f"{self.distribution}=={self.version}"


class Measurement(TypedDict):
    """One measurement as the catalog's files hold it; memory in bytes unless the name says KiB."""

    module: str
    version: str
    python: str
    platform: str
    libc: str
    kernel: str
    cores: int
    bytecode: bool
    date: str
    wheel: str
    resident: int
    anonymous: int
    base_resident: int
    base_anonymous: int
    own: dict[str, list[int]]  # package -> [resident KiB, anonymous KiB]
    source_kib: dict[str, int]
    compiled: list[str]
    installed: dict[str, str]  # what was installed with it -> its version


class Host(TypedDict):
    """What the probe says of the interpreter and the system."""

    python: str
    platform: str
    libc: str
    kernel: str
    cores: int


class Probed(TypedDict):
    """What the probe prints."""

    error: str
    base_resident: int
    base_anonymous: int
    resident: int
    anonymous: int
    bytecode: bool
    own: dict[str, list[int]]
    source: dict[str, int]
    compiled: list[str]
    host: Host


class Failure(NamedTuple):
    """One line of ``failed.tsv``."""

    distribution: str
    module: str
    version: str
    python: str
    reason: str


# The plan


def read_plan(path: Path) -> list[Row]:
    """The rows of the plan: for each distribution the newest version, and each of the versions it names."""
    rows = []
    for table in tomllib.loads(path.read_text("utf-8"))["footprint"]:
        unknown = set(table) - {"distribution", "module", "version", "newest", "with", "pip", "note"}
        if unknown:
            message = f"{path.name}: unknown key {min(unknown)!r} in {table.get('distribution')}"
            raise SystemExit(message)
        distribution = canonicalize_name(table["distribution"])
        modules = as_tuple(table.get("module", distribution))
        versions: list[str | None] = list(as_tuple(table.get("version", ())))
        if table.get("newest", not versions):
            versions.append(None)
        rows += [
            Row(distribution, modules, version, as_tuple(table.get("with", ())), as_tuple(table.get("pip", ())))
            for version in versions
        ]
    return rows


def as_tuple(value: str | Iterable[str]) -> tuple[str, ...]:
    """One string, or several, as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)


# One environment


def find_python(text: str) -> Path:
    """The interpreter that the option names, by path, by command, or by version among pyenv's."""
    found = shutil.which(text) or shutil.which(f"python{text}")
    if found is None:
        pyenv = Path.home() / ".pyenv" / "versions"
        candidates = sorted(pyenv.glob(f"{text}*/bin/python"), key=lambda path: Version(path.parts[-3]))
        if not candidates:
            raise SystemExit(f"no Python {text} found")
        return candidates[-1]
    return Path(found)


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
        """Install the row's distribution, compiled to bytecode and not in the page cache."""
        requirements = [*row.pip_arguments, row.requirement, *row.extra_requirements]
        if installer == "uv":
            command = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--link-mode", "copy"]
            command += ["--python", str(self.python)]
            if "PIP_FIND_LINKS" in os.environ:
                command += ["--find-links", os.environ["PIP_FIND_LINKS"]]
        else:
            command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet", "--compile"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        run([*command, *requirements], environment)
        self.evict()

    def evict(self) -> None:
        """Put the installed files out of the page cache, so that they are read from disk again."""
        os.sync()  # what is not yet written cannot be put out
        for folder, _, names in os.walk(self.site_packages):
            for name in names:
                descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
                try:
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(descriptor)

    def distributions(self) -> dict[str, Distribution]:
        """What is installed, by canonical name."""
        found = distributions(path=[self.site_packages])
        return {canonicalize_name(distribution.metadata["Name"]): distribution for distribution in found}

    def probe_once(self, *arguments: str) -> Probed:
        """Run the probe in a fresh process."""
        environment = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "PYTHONNOUSERSITE": "1",
            "TMPDIR": str(self.home),
        }
        command = [*offline_prefix(), str(self.python), "-I", str(self.probe), *arguments]
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
        lines = process.stdout.decode("utf-8", "replace").rstrip().splitlines()
        if not lines or not lines[-1].startswith("{"):
            message = f"the interpreter ended with status {process.returncode}"
            raise MeasurementError(message)
        probed = cast("Probed", json.loads(lines[-1]))
        if "error" in probed:
            raise MeasurementError(self.shorten(probed["error"]))
        return probed

    def measure(self, module: str | None) -> Measurement:
        """Warm up, trace, and take the totals: a measurement that still lacks what only the installer knows."""
        arguments = () if module is None else (module,)
        self.probe_once(*arguments)
        traced = self.probe_once(*arguments, "--trace")
        runs = [self.probe_once(*arguments) for _ in range(RUNS)]
        host = traced["host"]
        own = {package: [bytes_ // 1024 for bytes_ in costs] for package, costs in traced["own"].items()}
        source = {package: round(size / 1024) for package, size in traced["source"].items()}
        return {
            "module": module or INTERPRETER,
            "version": host["python"],
            "python": host["python"],
            "platform": host["platform"],
            "libc": host["libc"],
            "kernel": host["kernel"],
            "cores": host["cores"],
            "bytecode": traced["bytecode"],
            "date": datetime.now(timezone.utc).date().isoformat(),
            "wheel": "",
            "resident": round(statistics.median(run["resident"] for run in runs)),
            "anonymous": round(statistics.median(run["anonymous"] for run in runs)),
            "base_resident": round(statistics.median(run["base_resident"] for run in runs)),
            "base_anonymous": round(statistics.median(run["base_anonymous"] for run in runs)),
            "own": {package: costs for package, costs in own.items() if any(costs)},
            "source_kib": {package: size for package, size in source.items() if size},
            "compiled": traced["compiled"],
            "installed": {},
        }

    def shorten(self, text: str) -> str:
        """A reason of one line, without this machine's folders."""
        return shorten(text.replace(str(self.folder), ""))


def shorten(text: str) -> str:
    """The first line that says something, short, without folders and addresses that only exist here."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    line = re.sub(r"https?://\S+", "", line)
    line = re.sub(r"(?<![\w.])(/[\w.+-]+){2,}/", "", line)
    line = " ".join(line.encode("ascii", "replace").decode().split())
    return line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 3] + "..."


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a program that must succeed."""
    process = subprocess.run(command, capture_output=True, check=False, env=environment, text=True)
    if process.returncode:
        lines = process.stderr.splitlines()
        errors = [line for line in lines if line.lstrip(" \u00d7").lower().startswith(("error:", "no solution"))]
        told = [line for line in lines if "Because" in line] or errors or lines[-1:] or ["failed without a word"]
        raise MeasurementError(shorten(told[0].strip(" \u2570\u2500\u25b6\u00d7")))


@contextmanager
def environment(python: Path) -> Iterator[Environment]:
    """An environment that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="footprint-", ignore_cleanup_errors=True) as folder:
        yield Environment(Path(folder), python)


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
        for module in modules:
            try:
                measurement = place.measure(module)
            except MeasurementError as error:
                reason = f"import: {error}"
                yield Failure(row.distribution, module, distribution.version, python_version, reason)
                continue
            measurement["version"] = distribution.version
            measurement["wheel"] = wheel_tag(distribution)
            measurement["installed"] = {name: other.version for name, other in installed.items() if name != row.distribution}
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
        return cast("list[Measurement]", json.loads(path.read_text("ascii"))["measurements"])

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
            self.write_index()

    def write_index(self) -> None:
        """Write the index anew from all files."""
        write_atomically(self.folder / "index.tsv", render_index(self.read_all()))


def sort_key(measurement: Measurement) -> tuple[str, Version, Version]:
    """The order within a file."""
    return measurement["module"], Version(measurement["version"]), Version(measurement["python"])


def render_measurements(distribution: str, measurements: Iterable[Measurement]) -> str:
    """One distribution's file, each package's pair of costs on one line."""
    content = {"distribution": distribution, "measurements": sorted(measurements, key=sort_key)}
    text = json.dumps(content, indent=1, sort_keys=True)
    return re.sub(r"\[\s+(-?\d+),\s+(-?\d+)\s+\]", r"[\1, \2]", text) + "\n"


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
    rows: Sequence[Row], catalog: Catalog, python_version: str, only: Sequence[str], *, again: bool
) -> list[tuple[Row, list[str]]]:
    """The rows to measure, each with its modules."""
    wanted = {canonicalize_name(name) for name in only}
    work = []
    for row in rows:
        if wanted and row.distribution not in wanted:
            continue
        measured = [one for one in catalog.read(row.distribution) if one["python"] == python_version]
        modules = list(row.modules) if again else missing_modules(row, rows, measured)
        if modules:
            work.append((row, modules))
    return work


def measure_work(work: Sequence[tuple[Row, list[str]]], catalog: Catalog, python: Path, installer: str, jobs: int) -> None:
    """Measure rows, several at a time, with a line on standard error for each result."""

    def measure_one(numbered: tuple[int, tuple[Row, list[str]]]) -> None:
        number, (row, modules) = numbered
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
    measurement["resident"], measurement["base_resident"] = measurement["base_resident"], 0
    measurement["anonymous"], measurement["base_anonymous"] = measurement["base_anonymous"], 0
    say(f"Python {measurement['python']}: resident {mib(measurement['resident'])}")
    return measurement


def describe(row: Row, result: Measurement | Failure) -> str:
    """One line of progress."""
    if isinstance(result, Failure):
        return f"{row.requirement} {result.module}: {result.reason}"
    return (
        f"{row.distribution} {result['version']} {result['module']}: resident {mib(result['resident'])}, "
        f"anonymous {mib(result['anonymous'])}{'' if result['bytecode'] else ', WITHOUT bytecode'}"
    )


def say(text: str) -> None:
    """Report progress."""
    print(text, file=sys.stderr, flush=True)


def mib(size: float) -> str:
    """Bytes as MiB."""
    return f"{size / 2**20:.1f} MiB"


# Statistics over what was measured


def render_statistics(files: Mapping[str, Sequence[Measurement]]) -> str:
    """The figures that the estimate assumes for what the catalog does not know."""
    measurements = [
        measurement
        for distribution, measured in files.items()
        for measurement in measured
        if distribution != INTERPRETER and is_index_python(measurement)
    ]
    ratios = [sum(pair[0] for pair in one["own"].values()) * 1024 / one["resident"] for one in measurements]
    resident: dict[str, list[int]] = {}
    anonymous: dict[str, list[int]] = {}
    source: dict[str, list[int]] = {}
    compiled: set[str] = set()
    for one in measurements:
        compiled.update(one["compiled"])
        for package in {*one["source_kib"], *one["compiled"]}:
            costs = one["own"].get(package, [0, 0])
            resident.setdefault(package, []).append(costs[0])
            anonymous.setdefault(package, []).append(costs[1])
            source.setdefault(package, []).append(one["source_kib"].get(package, 0))
    pure = [package for package in resident if package not in compiled and mean(source[package]) >= MINIMAL_SOURCE_KIB]
    return "\n".join(
        [
            f"measurements on Python {INDEX_PYTHON}: {len(measurements)}",
            (
                f"third-party packages in their closures: {len(resident)}, {len(pure)} of them pure Python "
                f"with {MINIMAL_SOURCE_KIB} KiB of source or more"
            ),
            spread("sum of own costs / resident total", ratios, str_ratio),
            spread("own resident of a third-party package", [mean(one) * 1024 for one in resident.values()], mib),
            spread("own anonymous of a third-party package", [mean(one) * 1024 for one in anonymous.values()], mib),
            spread(
                "own resident / source bytes, pure Python",
                [mean(resident[package]) / mean(source[package]) for package in pure],
                str_ratio,
            ),
            spread(
                "own anonymous / source bytes, pure Python",
                [mean(anonymous[package]) / mean(source[package]) for package in pure],
                str_ratio,
            ),
            "own resident / source bytes, pure Python, all packages together: "
            + str_ratio(sum(mean(resident[one]) for one in pure) / sum(mean(source[one]) for one in pure)),
        ]
    )


def spread(title: str, values: Sequence[float], show: Callable[[float], str]) -> str:
    """Median, 10 % and 90 % quantile, least and most."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return (
        f"{title}: median {show(statistics.median(values))}, "
        f"10-90 % {show(tenths[0])} to {show(tenths[8])}, all {show(min(values))} to {show(max(values))}"
    )


def str_ratio(value: float) -> str:
    """A ratio with three digits behind the point."""
    return f"{value:.3f}"


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure import footprints and write them into the catalog.")
    parser.add_argument("--plan", type=Path, default=PLAN, help="the rows to measure (default: tools/footprints.toml)")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="the folder to write (default: the project's)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these distributions (python: the bare interpreter)")
    parser.add_argument("--python", default=INDEX_PYTHON, help="interpreter to measure on: a path, command or version")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="rows to measure at a time")
    parser.add_argument("--again", action="store_true", help="also measure what is in the catalog already")
    parser.add_argument(
        "--installer",
        choices=("pip", "uv"),
        default="uv" if shutil.which("uv") else "pip",
        help="what installs the rows (default: uv if it is on PATH)",
    )
    parser.add_argument("--statistics", action="store_true", help="print statistics of the catalog and measure nothing")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, or print the statistics."""
    arguments = build_parser().parse_args(argv)
    catalog = Catalog(arguments.catalog)
    if arguments.statistics:
        print(render_statistics(catalog.read_all()))
        return 0
    if platform.system() != "Linux":
        raise SystemExit("footprints are read from /proc/self/smaps_rollup: Linux only")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    python = find_python(arguments.python)
    version = version_of(python)
    only = arguments.only or []
    if all(one["python"] != version for one in catalog.read(INTERPRETER)) or (arguments.again and INTERPRETER in only):
        catalog.add(INTERPRETER, measure_interpreter(python))
    work = choose_work(read_plan(arguments.plan), catalog, version, only, again=arguments.again)
    say(f"{len(work)} rows to measure on Python {version}")
    measure_work(work, catalog, python, arguments.installer, arguments.jobs)
    catalog.write_index()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
