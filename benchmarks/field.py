"""Set the estimate of public applications that it was never tuned on beside what one process of each takes.

    python benchmarks/field.py --checkouts FOLDER --work FOLDER [--half tuned] [--only NAME ...] [--publish]

The applications stand in `field.toml` beside this file, each with its reason. They lie in two halves, by the checksum of
their names: one to learn from, and one that was opened once, to report. Those of a later sample name it, and are opened
once, too: `--half held-out`. An application is installed as its own
files say, and measured as its user would: by `memguard measure --repeatable`, without a network. The estimate knows what the
files of the repository declare, and nothing of what was installed.

With `--serving` the services of a sample are started by their own commands, and read after 50 requests, or one session.

What stops for want of a network or a token counts with what was resident by then, if it had imported all that it imports at
start. What never got so far is listed with the reason, and counts nowhere. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import tomli

sys.path.insert(0, str(Path(__file__).resolve().parent))

from applications import commit_all, find_python, offline_prefix, read_lock, run
from causes import Gap, find_field_gaps, render_causes, render_worst
from field_results import HEADER, Result, publish, summarize

from memguard_hooks.app.entry_points import find_services, read_command, settings_of
from memguard_hooks.app.loaded import NONE
from memguard_hooks.app.service_estimate import Estimated, estimate_service, estimate_worker
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.measure.launch import find_launches
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings, load
from memguard_hooks.tree import WorkTree

TABLE = Path(__file__).with_suffix(".toml")
HALVES = ("tuned", "judged")
SAMPLES = (
    *HALVES,
    "held-out",
    "fresh",
    "pinned",
    "locked",
    "wider",
    "heavy-tuned",
    "heavy",
    "autumn-tuned",
    "autumn",
    "winter",
    "spring",
)
CONSTRAINTS = "torch==2.13.0+cpu\n"
"""The builds with CUDA are several GB."""

DEFAULT_INSTALL = ("-r", "requirements.txt")
MEASURE_TIMEOUT = 1200
REQUESTS = 50
"""Requests to a service with `--serving`."""

CPUS = len(os.sched_getaffinity(0))
"""Those of this machine, after which services count their workers."""

PACKAGES = 8
"""How many packages of an application are told with `--causes`."""

ENDINGS = ("ended", "settled", "busy")
UNREACHED = (
    "APIConnectionError", "OpenAIConnectionError", "ClientConnectorError", "ClientConnectorDNSError", "ConnectError",
    "ConnectionError", "NetworkError", "OperationalError",
    "TelegramNetworkError", "URLError", "gaierror", "ServerSelectionTimeoutError", "TransportError",
    "DefaultCredentialsError",
)  # fmt: skip
"""What a program ends with that has imported all, and finds no network or no credentials."""
NO_FILE = "unable to open database file"
"""An `OperationalError` that tells of a folder that is missing: a program may have imported little by then."""


class Application(NamedTuple):
    """One application of the table."""

    repository: str
    commit: str
    python: str
    reason: str
    root: str = ""
    install: tuple[str, ...] = DEFAULT_INSTALL
    entrypoint: str | None = None
    environment: Mapping[str, str] = {}
    sample: str = ""
    folders: tuple[str, ...] = ()
    lock: str = ""
    command: str = ""
    """What starts its service, where no file of its root does."""
    path: str = "/"

    @property
    def checkout(self) -> str:
        """The name of its checkout."""
        return self.repository.replace("/", "+")

    @property
    def name(self) -> str:
        """Its name, with the folder that is deployed."""
        return f"{self.checkout}+{self.root.replace('/', '+')}" if self.root else self.checkout

    @property
    def has_service(self) -> bool:
        """Whether it answers requests once it is started by its own command."""
        return bool(self.command)

    @property
    def half(self) -> str:
        """The half or the sample in which it lies."""
        return self.sample or HALVES[zlib.crc32(self.name.encode()) % 2]


class Row(NamedTuple):
    """One entry point: what was measured and what was estimated, in bytes."""

    application: Application
    entry: str
    measured: int
    low: int
    expected: int
    high: int
    assumed: int
    ending: str
    gaps: tuple[Gap, ...] = ()

    @property
    def error(self) -> float:
        """How far the estimate is off, as a share of the truth."""
        return self.expected / self.measured - 1

    @property
    def is_inside(self) -> bool:
        """Whether the truth lies in the range."""
        return self.low <= self.measured <= self.high


def read_table(path: Path) -> list[Application]:
    """Read the applications."""
    tables: list[dict[str, Any]] = tomli.loads(path.read_text("utf-8"))["application"]
    lists = {"install": DEFAULT_INSTALL, "folders": ()}
    return [Application(**{**one, **{key: tuple(one.get(key, other)) for key, other in lists.items()}}) for one in tables]


def prepare(app: Application, checkouts: Path, folder: Path) -> None:
    """Copy what is deployed, and install what it needs; what is there already is kept."""
    code = folder / "code"
    if not code.exists():
        source = next(
            path for path in (checkouts / f"{app.checkout}@{app.commit}", checkouts / app.checkout) if path.exists()
        )
        shutil.copytree(source / app.root, code, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", "venv"))
        commit_all(code)
    for inner in app.folders:
        (code / inner).mkdir(exist_ok=True)
    installed = folder / "installed.txt"
    if installed.exists():
        return
    run([str(find_python(app.python)), "-I", "-m", "venv", "--clear", "--without-pip", str(folder / "venv")])
    (folder / "constraints.txt").write_text(CONSTRAINTS + (read_lock(code / app.lock) if app.lock else ""))
    command = ["uv", "pip", "install", "--quiet", "--link-mode", "copy", "--python", str(folder / "venv" / "bin" / "python")]
    command += ["--constraint", str(folder / "constraints.txt")]
    if "PIP_FIND_LINKS" in os.environ:
        command += ["--find-links", os.environ["PIP_FIND_LINKS"]]
    run([*command, *app.install], code)
    installed.write_text(run(["uv", "pip", "freeze", "--python", str(folder / "venv" / "bin" / "python")]))


def measure(app: Application, folder: Path) -> list[dict[str, object]]:
    """Measure the entry points of an application as its user would, unless that was done before."""
    kept = folder / "measured.json"
    if not kept.exists():
        command = [*offline_prefix(), sys.executable, "-m", "memguard_hooks", "measure", str(folder / "code")]
        command += ["--python", str(folder / "venv"), "--format", "json", "--no-lock", "--repeatable", "--timeout", "240"]
        command += [] if app.entrypoint is None else ["--entrypoint", app.entrypoint]
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), **app.environment}
        environment["PYTHONPATH"] = ""
        done = subprocess.run(
            command, capture_output=True, check=False, cwd=TABLE.parent.parent, env=environment, timeout=MEASURE_TIMEOUT
        )
        (folder / "measure.log").write_bytes(done.stderr)
        kept.write_bytes(done.stdout or b'{"entrypoints": []}')
    found: list[dict[str, object]] = json.loads(kept.read_text("utf-8"))["entrypoints"]
    return found


def estimate(app: Application, folder: Path) -> dict[str, Estimated]:
    """Estimate one process of each entry point, by name, from what the repository declares."""
    tree = WorkTree(str(folder / "code"))
    settings = settings_for(app, tree)
    if app.entrypoint is not None:
        settings = settings._replace(service=settings.service._replace(entrypoints=(app.entrypoint,)))
    project = Project(tree, settings)
    found = {}
    for launch in find_launches(project, app.entrypoint)[0]:
        wanted = settings_of(project, launch.service)
        estimated: Estimated | Skipped | None = estimate_service(project, launch.service, wanted)
        if isinstance(estimated, Skipped):  # the number of workers may not be known, and one process is asked for
            estimated = estimate_worker(project, launch.service, wanted)
        if isinstance(estimated, Estimated):
            found[launch.name] = estimated
    project.close()
    tree.close()
    return found


def settings_for(app: Application, tree: WorkTree) -> Settings:
    """Return the settings of a repository, with the Python that it was installed on."""
    settings, _ = load(tree)
    major, _, minor = app.python.partition(".")
    return settings._replace(service=settings.service._replace(target_python=(int(major), int(minor))))


def rows_of(app: Application, folder: Path) -> tuple[list[Row], list[str]]:
    """Set the measured entry points beside their estimates; and tell of those that do not count, with the reason."""
    rows, left = [], []
    estimates = estimate(app, folder)
    measured = measure(app, folder)
    for one in measured:
        name, ending = str(one["entrypoint"]), str(one["ending"])
        error = str(one["error"] or "").partition(":")[0]
        if ending not in ENDINGS and (error not in UNREACHED or NO_FILE in str(one["error"])):
            left.append(f"{app.name}: {name} stopped at {one['stopped_at']}: {str(one['error'])[:90]}")
        elif name not in estimates:
            left.append(f"{app.name}: {name} is not estimated")
        else:
            process = estimates[name].process
            process = process.with_models(NONE) if error else process  # what could not be fetched was not loaded
            start = process.figures.start
            assumed = sum(part.resident for part in process.parts if part.moment == "start" and part.source == "assumed")
            size = int(float(str(one["resident_mib"])) * MIB)
            gaps = tuple(find_field_gaps(one, process))
            rows.append(Row(app, name, size, start.low, start.expected, start.high, assumed, error or ending, gaps))
    if not measured:
        left.append(f"{app.name}: {last_line(folder / 'measure.log')}")
    return rows, left


def measure_serving(app: Application, folder: Path) -> dict[str, Any] | None:
    """Measure the service of an application after some requests, unless that was done before; None where it has none."""
    kept = folder / "serving.json"
    if not kept.exists():
        procfile = folder / "code" / "Procfile"
        if app.command and not procfile.exists():
            procfile.write_text(f"web: {app.command}\n", "utf-8")
        command = [sys.executable, "-m", "memguard_hooks", "measure", str(folder / "code")]  # requests need the loopback
        command += ["--python", str(folder / "venv"), "--format", "json", "--no-lock", "--repeatable", "--timeout", "120"]
        command += ["--service", "web", "--requests", str(REQUESTS), "--path", app.path]
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), "PORT": "8321", **app.environment}
        done = subprocess.run(
            command, capture_output=True, check=False, cwd=folder, env=environment, timeout=MEASURE_TIMEOUT
        )
        (folder / "serving.log").write_bytes(done.stderr)
        kept.write_bytes(done.stdout or b"{}")
    found: dict[str, Any] | None = json.loads(kept.read_text("utf-8")).get("service")
    return found


def serving_row(app: Application, folder: Path) -> Row | str:
    """Set the service after its requests beside its estimate, or say why it does not count."""
    measured = measure_serving(app, folder)
    if measured is None or not measured.get("after"):
        return f"{app.name}: {last_line(folder / 'serving.log')}"
    if not (measured["requests"]["answered"] or measured["sessions"]):
        return f"{app.name}: no request was answered"
    tree = WorkTree(str(folder / "code"))
    settings = settings_for(app, tree)
    project = Project(tree, settings)
    service = next(one for one in find_services(project) if one.name == "web")
    if read_command(project, service).is_cpu_count:  # what was measured had as many processes as this machine tells
        workers = read_command(project, service, CPUS).workers
        settings = settings._replace(service=settings.service._replace(workers=workers))
        project.close()
        project = Project(tree, settings)
        service = next(one for one in find_services(project) if one.name == "web")
    estimated = estimate_service(project, service, settings_of(project, service))
    project.close()
    tree.close()
    if isinstance(estimated, Skipped):
        return f"{app.name}: {estimated.reason}"
    figures = estimated.estimate.at("serving")
    size = int(float(measured["after"]["mib"]) * MIB)
    return Row(app, service.command, size, figures.low, figures.expected, figures.high, 0, "serving")


def last_line(path: Path) -> str:
    """Return the last line that a program has written."""
    lines = path.read_text("utf-8", "replace").strip().splitlines() if path.exists() else []
    return lines[-1][:160] if lines else "nothing was measured"


def result_of(row: Row, half: str) -> Result:
    """Return a row as it is published."""
    return Result(
        half,
        datetime.now(timezone.utc).date().isoformat(),
        f"{row.application.repository}@{row.application.commit}{' ' * bool(row.application.root)}{row.application.root}",
        row.entry.partition(" in ")[0],
        row.application.python,
        f"{row.measured / MIB:.1f}",
        f"{row.expected / MIB:.1f}",
        f"{row.low / MIB:.0f} to {row.high / MIB:.0f}",
        f"{row.error:+.1%}",
        "yes" if row.is_inside else "no",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Install, measure, estimate, and print the table of one half."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--checkouts", type=Path, required=True, help="folder of the checkouts: owner+name, or owner+name@commit"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of environments and measurements, kept")
    parser.add_argument("--half", choices=SAMPLES, default="tuned", help="which half or sample to report (tuned)")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="only applications whose name holds this")
    parser.add_argument("--causes", action="store_true", help="print which packages each error comes from, and what causes")
    parser.add_argument("--serving", action="store_true", help="services after requests instead; those that were installed")
    parser.add_argument("--measure-only", action="store_true", help="measure both halves, or a sample, and estimate nothing")
    parser.add_argument(
        "--publish", action="store_true", help="put the rows into field.tsv, from which the pages are written"
    )
    options = parser.parse_args(argv)
    chosen = [app for app in read_table(TABLE) if not options.only or any(text in app.name for text in options.only)]
    samples = HALVES if options.measure_only and options.half in HALVES else (options.half,)
    chosen = [app for app in chosen if app.half in samples]
    rows: list[Row] = []
    left: list[str] = []
    for app in chosen:
        folder = options.work.resolve() / app.name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            if options.serving and app.has_service:
                measured = measure_serving(app, folder) if options.measure_only else serving_row(app, folder)
                rows += [measured] if isinstance(measured, Row) else []
                left += [measured] if isinstance(measured, str) else []
            elif options.serving:
                continue
            elif options.measure_only:
                prepare(app, options.checkouts.resolve(), folder)
                count = len(measure(app, folder))
                print(f"{app.name}: {count} entry points measured", file=sys.stderr, flush=True)
            elif (folder / "measured.json").exists():
                found, reasons = rows_of(app, folder)
                rows += found
                left += reasons
        except (SystemExit, subprocess.TimeoutExpired, OSError) as error:
            print(f"{app.name}: {str(error)[:300]}", file=sys.stderr)
    if rows:
        half = f"{options.half}-serving" if options.serving else options.half
        results = [result_of(row, half) for row in rows]
        print("\n".join([HEADER, *(one.line for one in results), "", summarize(results), "", *left]))
        if options.publish:
            publish(half, results)
    if rows and options.causes:
        for row in rows:
            print(f"\n{row.application.name}: {row.error:+.1%}\n{render_worst(row.gaps, PACKAGES)}", end="")
        print(f"\n{render_causes([row.gaps for row in rows], sum(row.measured for row in rows))}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
