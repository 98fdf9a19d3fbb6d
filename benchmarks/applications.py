"""Set the static estimate of real applications beside what one process of each takes when it is imported.

    python benchmarks/applications.py --checkouts FOLDER --work FOLDER [--only NAME ...] [--estimate-only] [--details]

The applications stand in `applications.toml` beside this file. Their checkouts are subfolders of `--checkouts`, named
`owner+name@commit` with the commit's first eight digits. Each is installed from wheels into an environment of its own,
with bytecode, and loaded by the probe in fresh processes that see no network: once to warm up, once traced, and twice
untraced, whose median is the truth. All of this is kept in `--work`, and what is there already is not measured again.

The estimate reads the deployment files of a copy of the checkout as `memory-budget` does, and only its figures for one
process are compared. Where the application's manifests leave versions open, those of the environment are written into
the copy, and what the estimate says without them is told as well ("as declared"). "own code" is what the application's
own modules took in the traced run, and what ran after all imports: clients made, tables built. Linux only.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli
from packaging.version import Version

from memguard_hooks.app.entry_points import find_services, settings_of
from memguard_hooks.app.estimate import ProcessEstimate
from memguard_hooks.app.service_estimate import estimate_service
from memguard_hooks.deployment.service import Service
from memguard_hooks.finding import MIB, Moment, Skipped
from memguard_hooks.imports.graph import Walk
from memguard_hooks.measure import trace
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree

TABLE = Path(__file__).with_suffix(".toml")
PROBE = Path(trace.__file__).with_name("probe.py")
AGREEMENT = 0.01
"""Two runs that differ by more are followed by a third."""

INSTALL_TIMEOUT = 1800
RUN_TIMEOUT = 300
IDLE_SECONDS = 3
"""A process that has used no processor for so long has come to what it waits for."""

EAGER: tuple[Moment, ...] = ("start", "serving")
"""What the estimate counts as loaded."""

STANDARD = "(standard library)"
FIRST_PARTY = "(first-party)"
REST = "(after the imports)"
SHOWN = MIB
"""Differences between the estimate and the trace that are worth a line."""


class Application(NamedTuple):
    """One application of the table.

    `install` are the arguments of `uv pip install` within the checkout, and `build` what has no wheel; `lock` is a lock
    file whose versions bind them, `exclude_newer` the day after which nothing counts that was published. `data` is a
    distribution that is put beside the environment, for the files in it: `{data}` in `environment` is its folder;
    `stubs` are files of the environment that stand for what cannot be built. `probe` are the arguments of the probe, run
    in `folder`. `service` names the service that the product finds; where it finds none, `command` is the start command.
    `freeze` is a requirements file into which the installed versions are written for the estimate.
    """

    repository: str
    commit: str
    python: str
    install: tuple[str, ...]
    probe: tuple[str, ...]
    build: tuple[str, ...] = ()
    data: str | None = None
    stubs: Mapping[str, str] = {}
    lock: str | None = None
    exclude_newer: str | None = None
    environment: Mapping[str, str] = {}
    folder: str = "."
    service: str | None = None
    command: str | None = None
    freeze: str | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The name of its checkout."""
        return f"{self.repository.replace('/', '+')}@{self.commit[:8]}"


class Truth(NamedTuple):
    """What one process takes: medians of `resident` and `anonymous` in bytes, and how the run ended."""

    resident: int
    anonymous: int
    base: int
    ending: str
    traced: trace.Trace


class Estimated(NamedTuple):
    """The product's estimate of one process, and the walk that it rests on."""

    process: ProcessEstimate
    walked: Walk
    entry: str


def read_table(path: Path) -> list[Application]:
    """Read the applications to measure."""
    return [read_application(table) for table in tomli.loads(path.read_text("utf-8"))["application"]]


def read_application(table: Mapping[str, Any]) -> Application:
    """Read one table; a key that no application has is refused by the constructor."""
    values: dict[str, Any] = {
        key.replace("-", "_"): tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return Application(**values)


# The environment


class Environment:
    """The virtual environment of an application, and a copy of its checkout, in a folder that is kept."""

    def __init__(self, folder: Path, app: Application) -> None:
        self.folder = folder
        self.app = app
        self.python = folder / "venv" / "bin" / "python"
        self.code = folder / "code"
        self.home = folder / "home"
        self.probe = folder / "probe.pyc"

    def make(self, checkout: Path) -> None:
        """Copy the commit and install what it needs, unless that was done before."""
        installed = self.folder / "installed.txt"
        if installed.exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.home.mkdir(parents=True)
        copy_head(checkout, self.code)
        run([str(find_python(self.app.python)), "-I", "-m", "venv", "--without-pip", str(self.folder / "venv")])
        compile_probe = "import py_compile, sys; py_compile.compile(sys.argv[1], cfile=sys.argv[2], doraise=True)"
        run([str(self.python), "-I", "-c", compile_probe, str(PROBE), str(self.probe)])
        command = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--link-mode", "copy", "--only-binary", ":all:"]
        command += ["--python", str(self.python)]
        if "PIP_FIND_LINKS" in os.environ:
            command += ["--find-links", os.environ["PIP_FIND_LINKS"]]
        if self.app.exclude_newer:
            command += ["--exclude-newer", self.app.exclude_newer]
        if self.app.lock:
            constraints = self.folder / "constraints.txt"
            constraints.write_text(read_lock(self.code / self.app.lock))
            command += ["--constraint", str(constraints)]
        if self.app.data:
            run(["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(self.folder / "data"), self.app.data])
        command += [text for name in self.app.build for text in ("--no-binary", name)]
        run([*command, *self.app.install], self.code / self.app.folder)
        for path, text in self.app.stubs.items():
            (self.site_packages / path).parent.mkdir(exist_ok=True)
            (self.site_packages / path).write_text(text)
        frozen = run(["uv", "pip", "freeze", "--python", str(self.python)])
        self.evict()
        installed.write_text("".join(f"{line}\n" for line in frozen.splitlines() if "==" in line))

    @property
    def site_packages(self) -> Path:
        """Where the environment keeps what is installed."""
        return next((self.folder / "venv" / "lib").glob("python*/site-packages"))

    def evict(self) -> None:
        """Put the installed files out of the page cache: pages that an installer has just written are shared otherwise."""
        os.sync()
        for folder, _, names in os.walk(self.site_packages):
            for name in names:
                descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
                try:
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(descriptor)

    def load(self, events: Path, *arguments: str) -> tuple[int, int, str]:
        """Load the application once; return resident and anonymous bytes, and how it ended."""
        events.unlink(missing_ok=True)
        environment = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "PYTHONNOUSERSITE": "1",
            "TMPDIR": str(self.home),
            **{name: value.replace("{data}", str(self.folder / "data")) for name, value in self.app.environment.items()},
        }
        command = [*offline_prefix(), str(self.python), str(self.probe), str(events), *arguments, *self.app.probe]
        with (self.folder / "output.txt").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.code / self.app.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            idle = wait_until_idle(process, events)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        told = trace.read(str(events))
        if told.end is not None:
            return told.end.resident, told.end.anonymous, told.end.error or "ended"
        if idle is None:
            message = f"{self.app.name}: ended with status {process.returncode}, see {self.folder.name}/output.txt"
            raise SystemExit(message)
        return (*idle, "idle")

    def measure(self) -> Truth:
        """Measure the truth, unless that was done before."""
        kept, traced = self.folder / "truth.json", self.folder / "traced.events"
        if not kept.exists():
            self.load(self.folder / "run.events")
            self.load(traced, "--trace", "--edges")
            runs = [self.load(self.folder / "run.events") for _ in range(2)]
            if max(one[0] for one in runs) > min(one[0] for one in runs) * (1 + AGREEMENT):
                runs.append(self.load(self.folder / "run.events"))
            kept.write_text(json.dumps({"runs": runs, "base": trace.read(str(self.folder / "run.events")).base}))
        content = json.loads(kept.read_text())
        runs = content["runs"]
        return Truth(
            resident=round(statistics.median(one[0] for one in runs)),
            anonymous=round(statistics.median(one[1] for one in runs)),
            base=content["base"][0],
            ending=runs[-1][2],
            traced=trace.read(str(traced)),
        )


def wait_until_idle(process: subprocess.Popen[bytes], events: Path) -> tuple[int, int] | None:
    """Return what a process takes once it uses no processor any more; None where it ended first."""
    deadline = time.monotonic() + RUN_TIMEOUT
    since, used = time.monotonic(), -1
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"{events}: neither ended nor idle after {RUN_TIMEOUT} s")
        time.sleep(0.1)
        try:
            ticks = Path(f"/proc/{process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        now = int(ticks[11]) + int(ticks[12])
        if now > used + 1 or not events.exists():
            since, used = time.monotonic(), now
        elif time.monotonic() - since > IDLE_SECONDS:
            return read_rollup(process.pid)
    return None


def read_rollup(process: int) -> tuple[int, int]:
    """Read resident and anonymous bytes of another process."""
    sizes = {}
    for line in Path(f"/proc/{process}/smaps_rollup").read_text("utf-8").splitlines()[1:]:
        name, _, value = line.partition(":")
        sizes[name] = int(value.split()[0]) * 1024
    return sizes["Rss"], sizes["Anonymous"]


def read_lock(path: Path) -> str:
    """Return the versions of a poetry.lock or uv.lock as constraints; what it holds in several versions stays open."""
    versions: dict[str, set[str]] = {}
    for package in tomli.loads(path.read_text("utf-8"))["package"]:
        if (
            "version" in package
            and "editable" not in package.get("source", {})
            and "virtual" not in package.get("source", {})
        ):
            versions.setdefault(package["name"], set()).add(package["version"])
    return "".join(f"{name}=={min(found)}\n" for name, found in versions.items() if len(found) == 1)


def find_python(text: str) -> Path:
    """Find an interpreter by its version, among pyenv's or on PATH."""
    pyenv = sorted(
        (Path.home() / ".pyenv" / "versions").glob(f"{text}*/bin/python"), key=lambda path: Version(path.parts[-3])
    )
    found = str(pyenv[-1]) if pyenv else shutil.which(f"python{text}")
    if found is None:
        raise SystemExit(f"no Python {text} found")
    return Path(found)


@functools.cache
def offline_prefix() -> tuple[str, ...]:
    """Return the command that takes the network from a process, where the system allows it."""
    command = ("unshare", "--net", "--")
    possible = (
        shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    )
    return command if possible else ()


def copy_head(checkout: Path, folder: Path) -> None:
    """Copy what is committed in a checkout into a new repository, as its only commit."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "-C", str(checkout), "archive", "HEAD"], check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], check=True, input=archive)
    commit_all(folder)


def commit_all(folder: Path) -> None:
    """Commit all that lies in a folder."""
    git = ["git", "-C", str(folder), "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost", "-c", "gc.auto=0"]
    run([*git, "init", "--quiet"])
    run([*git, "add", "--all", "--force"])
    run([*git, "commit", "--quiet", "--no-verify", "--allow-empty", "--message", "benchmark"])


def run(command: Sequence[str], folder: Path | None = None) -> str:
    """Run a program that must succeed, and return what it writes."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    process = subprocess.run(
        command, capture_output=True, check=False, cwd=folder, env=environment, text=True, timeout=INSTALL_TIMEOUT
    )
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{process.stderr}")
    return process.stdout


# The estimate


def estimate(app: Application, checkout: Path, folder: Path, frozen: str | None) -> Estimated:
    """Estimate one process of the application; with the versions of its environment where they are given."""
    shutil.rmtree(folder, ignore_errors=True)
    copy_head(checkout, folder)
    if frozen is not None and app.freeze is not None:
        (folder / app.freeze).write_text(frozen)
        commit_all(folder)
    tree = WorkTree(str(folder))
    try:
        settings, _ = load(tree)
        project = Project(tree, settings)
        service = choose_service(app, project)
        found = estimate_service(project, service, settings_of(project, service)._replace(target_python=python_of(app)))
        project.close()
    finally:
        tree.close()
    if isinstance(found, Skipped):
        raise SystemExit(f"{app.name}: {found.reason}")
    return Estimated(found.process, found.walked, found.entry.entrypoint.text)


def choose_service(app: Application, project: Project) -> Service:
    """Return the service to estimate: the one that is named, or one with the command of the table."""
    if app.command is not None:
        folder = "" if app.folder == "." else app.folder
        return Service("web", ".", 1, 1, app.command, folder=folder)
    services = find_services(project)
    chosen = [one for one in services if app.service in (None, one.name)]
    if len(chosen) != 1:
        raise SystemExit(f"{app.name}: services {[one.name for one in services]}, name one of them in the table")
    return chosen[0]


def python_of(app: Application) -> tuple[int, int]:
    """Return the Python that the application is measured on."""
    major, _, minor = app.python.partition(".")
    return int(major), int(minor.partition(".")[0])


# Side by side


def group(package: str, first_party: Iterable[str] = ()) -> str:
    """Return what a package is compared under: the standard library and the application's own are one each."""
    if package in first_party:
        return FIRST_PARTY
    top = package.partition(".")[0]
    return STANDARD if top in sys.stdlib_module_names or package.startswith("(") or top.startswith("_sysconfig") else package


def traced_packages(truth: Truth, code: Path) -> dict[str, int]:
    """Return what the trace books on each package, and on what runs when all is imported."""
    modules = truth.traced.modules
    own = {one.package for one in modules if is_below(one.path, code)}
    found: dict[str, int] = {}
    for one in modules:
        name = group(one.package, own) if one.is_third_party or one.package in own else STANDARD
        found[name] = found.get(name, 0) + one.own.resident
    if truth.traced.end is not None:
        found[REST] = truth.traced.resident - sum(one.own.resident for one in modules)
    return found


def is_below(path: str, folder: Path) -> bool:
    """Return whether a file lies in a folder and not in an environment."""
    return path.startswith(f"{folder}{os.sep}") or (path not in ("-", "") and not os.path.isabs(path))


def estimated_packages(process: ProcessEstimate) -> dict[str, int]:
    """Return what the estimate books on each package: as in `estimate.add_up`, the mean of what it costs in the roots."""
    costs: dict[str, list[int]] = {}
    least: dict[str, int] = {}
    for root in process.roots:
        for package, (cost, _) in (root.footprint.own if root.footprint else {}).items():
            costs.setdefault(package, []).append(cost)
            if package == root.package:
                least[package] = max(cost, least.get(package, 0))
    found: dict[str, int] = {}
    for package, own in costs.items():
        name = group(package)
        found[name] = found.get(name, 0) + max(round(statistics.mean(own)), least.get(package, 0))
    for part in process.parts:
        if part.source == "assumed":
            found[part.package] = found.get(part.package, 0) + part.resident
    return found


def first_party(truth: Truth, code: Path) -> tuple[int, int, set[str]]:
    """Return what the application's own modules take, the bytes of their source, and their paths."""
    modules = [one for one in truth.traced.modules if one.kind == "source" and is_below(one.path, code)]
    paths = {os.path.relpath(os.path.join(code, one.path), code) for one in modules}
    return sum(one.own.resident for one in modules), sum(one.size for one in modules), paths


def render_row(app: Application, place: Environment, truth: Truth, found: Estimated, loose: Estimated | None) -> str:
    """Return one line of the table."""
    process = found.process
    worked = traced_packages(truth, place.code)
    own = worked.get(FIRST_PARTY, 0) + worked.get(REST, 0)
    serving = process.at("serving")
    loaded = [part for part in process.parts if part.moment in EAGER]
    assumed = sum(part.resident for part in loaded if part.package == FIRST_PARTY)
    cells = (
        app.name,
        app.python,
        str(sum(len(found.walked.files[moment]) for moment in EAGER)),
        f"{serving.expected / MIB:.1f}",
        f"{loose.process.at('serving').expected / MIB:.1f}" if loose else "",
        f"{truth.resident / MIB:.1f}",
        f"{serving.expected / truth.resident - 1:+.1%}",
        f"{serving.low / MIB:.0f} to {serving.high / MIB:.0f}",
        "yes" if serving.low <= truth.resident <= serving.high else "no",
        f"{serving.anonymous / MIB:.1f}",
        f"{truth.anonymous / MIB:.1f}",
        f"{own / MIB:.1f}",
        f"{(serving.expected - assumed) / (truth.resident - own) - 1:+.1%}",
    )
    return f"| {' | '.join(cells)} |"


HEADER = """\
| application | Python | files | estimated | as declared | truth | error | range | inside | anonymous | truth | own code \
| error without it |
| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |"""


def render_details(app: Application, place: Environment, truth: Truth, found: Estimated) -> list[str]:
    """Return where the estimate and the trace differ."""
    own, size, loaded = first_party(truth, place.code)
    walked = {path for moment in EAGER for path in found.walked.files[moment]}
    if "--script" in app.probe:  # no module: the probe runs it
        loaded.add(os.path.normpath(os.path.join(app.folder, app.probe[app.probe.index("--script") + 1])))
    lines = [f"{app.name}: {found.entry}, {truth.ending}{'; ' + app.note if app.note else ''}"]
    if size:
        lines.append(f"  own modules: {own / MIB:.2f} MiB of {size} bytes of source, factor {own / size:.2f}")
    lines += [f"  only loaded: {path}" for path in sorted(loaded - walked)]
    lines += [f"  only walked: {path}" for path in sorted(walked - loaded)]
    base = truth.base - found.process.base.resident
    lines.append(f"  bare interpreter: {-base / MIB:+.2f} MiB")
    estimated, traced = estimated_packages(found.process), traced_packages(truth, place.code)
    unknown = {root.name for root in found.process.roots if root.footprint is None}
    differences = {name: estimated.get(name, 0) - traced.get(name, 0) for name in {*estimated, *traced}}
    for name, difference in sorted(differences.items(), key=lambda item: -abs(item[1])):
        if abs(difference) >= SHOWN or name in unknown:
            lines.append(
                f"  {difference / MIB:+7.2f} {name}: estimated {estimated.get(name, 0) / MIB:.2f}, "
                f"traced {traced.get(name, 0) / MIB:.2f}{' UNKNOWN' if name in unknown else ''}"
            )
    total = truth.traced.resident + truth.traced.base.resident
    lines.append(f"  observed {total / MIB:.1f} MiB when traced, {truth.resident / MIB:.1f} untraced")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, estimate, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkouts", type=Path, required=True, help="folder of the checkouts")
    parser.add_argument("--work", type=Path, required=True, help="folder of environments and measurements, kept")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="only applications whose name holds this")
    parser.add_argument("--estimate-only", action="store_true", help="leave out what is not measured yet")
    parser.add_argument("--details", action="store_true", help="tell for each where estimate and truth differ")
    options = parser.parse_args(argv)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    chosen = [
        (app, Environment(options.work.resolve() / app.name, app), (options.checkouts / app.name).resolve())
        for app in read_table(TABLE)
        if not options.only or any(text in app.name for text in options.only)
    ]
    for app, place, checkout in chosen:
        if not options.estimate_only:
            print(f"{app.name} ...", file=sys.stderr, flush=True)
            try:
                place.make(checkout)
                place.measure()
            except SystemExit as error:
                print(error, file=sys.stderr)
    rows, details, errors = [], [], []
    for app, place, checkout in chosen:
        if not (place.folder / "truth.json").exists():
            continue
        truth = place.measure()
        frozen = (place.folder / "installed.txt").read_text() if app.freeze else None
        try:
            found = estimate(app, checkout, place.folder / "estimated", frozen)
            loose = estimate(app, checkout, place.folder / "estimated", None) if app.freeze else None
        except SystemExit as error:
            print(error, file=sys.stderr)
            continue
        rows.append(render_row(app, place, truth, found, loose))
        details += render_details(app, place, truth, found)
        errors.append(abs(found.process.at("serving").expected / truth.resident - 1))
    print("\n".join([HEADER, *rows]))
    if errors:
        close = sum(error <= 0.1 for error in errors)
        print(f"\n{close} of {len(errors)} within 10 %, worst {max(errors):.1%}")
    if options.details:
        print("\n".join(["", *details]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
