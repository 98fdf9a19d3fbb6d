"""`memguard measure [PATH]`: run the project's own entry points, and tell what they take and why.

Unlike the hooks it runs code of the project: once under a probe, or with `--service` by its real start command on
loopback. What it finds is kept in `memguard.lock`, for `memory-budget` to prefer to the catalog.

Exit status: 1 where a limit was asked for that the program does not live with, 2 for usage or input at fault and for a
program that does not start, else 0.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from tempfile import TemporaryDirectory

from memguard_hooks.app.entry_points import settings_of
from memguard_hooks.app.limit import limit_of
from memguard_hooks.app.service_estimate import Estimated, estimate_service
from memguard_hooks.arguments import ArgumentParser, checked
from memguard_hooks.catalog import lock
from memguard_hooks.catalog.lock import Measured, closure
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Part, Skipped, note
from memguard_hooks.measure.attribution import attribute, summarize
from memguard_hooks.measure.comparison import compare, package_of
from memguard_hooks.measure.interpreter import PythonInterpreter, find_interpreter, installed_below, make_environment
from memguard_hooks.measure.launch import Launch, choose_service, find_launches, make_start, make_target
from memguard_hooks.measure.measure import Patience, Probe, make_probe, measure, measure_limited
from memguard_hooks.measure.page_cache import evict
from memguard_hooks.measure.running import NotStartedError
from memguard_hooks.measure.serving import Request, serve
from memguard_hooks.measure.variables import missing, read_files
from memguard_hooks.output import tell, write
from memguard_hooks.progress import Progress
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load, parse_size
from memguard_hooks.record import NoReturn
from memguard_hooks.report import measurement, measurement_json
from memguard_hooks.report.measurement import EntryResult, ServiceResult
from memguard_hooks.tree import WorkTree


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the sub-command."""
    parser = ArgumentParser(
        prog="memguard measure",
        usage="%(prog)s [PATH] [OPTION ...] [-- ARGUMENT ...]",
        description="Run the project's own entry points, and tell what they take and why.",
        epilog="exit status: 0 measured, 1 it does not live with --limit, 2 usage or input at fault, or it does not start",
    )
    parser.add_argument(
        "path", nargs="?", default=".", help="root of the project; what stands behind -- is given to a script"
    )
    parser.add_argument("--entrypoint", metavar="APP", help="what the host starts: app.main:app, main.py, '-m pkg.mod'")
    parser.add_argument(
        "--python", metavar="INTERPRETER", help="the project's interpreter, or the folder of its environment"
    )
    parser.add_argument(
        "--env-file", metavar="FILE", action="append", default=[], help="take variables from it, a NAME=value a line"
    )
    parser.add_argument("--service", metavar="NAME", help="start a service by its real command, and read all its processes")
    parser.add_argument(
        "--limit", metavar="SIZE", type=checked(parse_size, "512MiB"), help="run with so much memory, such as 512MiB"
    )
    parser.add_argument("--requests", metavar="N", type=_natural, default=100, help="requests to a service (100)")
    parser.add_argument("--path", metavar="PATH", dest="asked", default="/", help="what is requested of a service (/)")
    parser.add_argument("--compare", action="store_true", help="set the estimate beside the measurement, part by part")
    parser.add_argument(
        "--against",
        metavar="REF",
        help="measure this branch, tag or commit too, in the same environment, and tell what differs",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write what was measured")
    parser.add_argument("--timeout", metavar="SECONDS", type=_seconds, default=120.0, help="most time for a run (120)")
    parser.add_argument(
        "--settle", metavar="SECONDS", type=_seconds, default=3.0, help="how long what never ends must be still (3)"
    )
    parser.add_argument(
        "--repeatable",
        action="store_true",
        help="read what is installed from disk again, as on a machine that has just started",
    )
    parser.add_argument("--no-lock", action="store_true", help="write no memguard.lock")
    parser.add_argument("--config", metavar="FILE", help="settings file instead of pyproject.toml or memguard.toml")
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 10**6:
        raise argparse.ArgumentTypeError(f"invalid value: {text!r}")
    return value


def _natural(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"invalid value: {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the project in a folder."""
    words = list(sys.argv[1:] if argv is None else argv)
    at = words.index("--") if "--" in words else len(words)
    parser = make_parser()
    options = parser.parse_args(words[:at])
    if not os.path.isdir(options.path):
        parser.error(f"no such folder: {options.path}")
    if options.service is not None and options.entrypoint is not None:
        parser.error("--service starts the command of a service, --entrypoint loads one: give one of them")
    if sys.platform != "linux" and (options.service is not None or options.limit is not None):
        parser.error("--service and --limit read /proc, which only Linux has")
    with _ended_by_signal():
        try:
            return _Measurement(options, tuple(words[at + 1 :])).run()
        except MemguardError as error:
            tell_error(error)
            return 2
        except KeyboardInterrupt:
            tell("interrupted; what was started has been ended")
            return 130


def tell_error(error: MemguardError, missing: Sequence[str] = ()) -> None:
    """Write an error with its place, what the program itself has written, and the variables that it misses."""
    output = error.output.splitlines() if isinstance(error, NotStartedError) else []
    tell(note(Skipped(error.path or ".", error.line, error.message, broken=True)), *(f"    {line}" for line in output))
    if missing:
        tell(f"not set here: {', '.join(missing)}; --env-file FILE gives variables, a NAME=value a line")
    if any(line.startswith("ModuleNotFoundError: ") for line in output):
        tell("install what the project needs: --python FOLDER names the environment that has it")


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Take a request to end as an interruption, so that nothing that was started is left behind."""

    def interrupt(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Measurement:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, arguments: tuple[str, ...], environments: str | None = None) -> None:
        self.options = options
        self.arguments = arguments
        self.progress = Progress()
        self.patience = Patience(options.settle, options.timeout)
        tree = WorkTree(options.path)
        settings, _ = load(tree, options.config)
        if options.entrypoint is not None:
            settings = settings._replace(service=settings.service._replace(entrypoints=(options.entrypoint,)))
        self.project = Project(tree, settings)
        self.environments = environments or tree.root
        """The folder where the project's environment is looked for."""

        self.given = read_files(options.env_file)
        self.probes: dict[PythonInterpreter, Probe] = {}
        self.is_failed = False

    def run(self) -> int:
        """Measure what was asked for, print it, and return the exit status."""
        entries: list[EntryResult] = []
        service: ServiceResult | None = None
        skipped: list[Skipped] = []
        against, commit = self.options.against or "", None
        try:
            with self.before() as (commit, other):
                if self.options.service is not None:
                    service = self.measure_service_beside(other)
                else:
                    entries, skipped = self.measure_entries_beside(other)
        except NotStartedError as error:
            self.tell_failure(error, {})
            return 2
        finally:
            self.progress.clear()
            self.project.close()
        if self.options.format == "json":
            write(sys.stdout, measurement_json.render(entries, service, skipped, commit))
        elif service is not None:
            write(sys.stdout, measurement.render_service(service, against))
        else:
            write(sys.stdout, "\n".join(measurement.render_entry(one, against) for one in entries))
        tell(*map(note, skipped))
        outcomes = [one.outcome for one in entries] + [service.served.outcome if service is not None else None]
        return 2 if self.is_failed else int(any(one is not None and one.failed for one in outcomes))

    @contextmanager
    def before(self) -> Iterator[tuple[str | None, _Measurement | None]]:
        """Yield the commit to compare with, and its measurement to be made in the same environment; None without one."""
        if self.options.against is None:
            yield None, None
            return
        from memguard_hooks.measure.revision import check_out

        with TemporaryDirectory(prefix="memguard-") as folder:
            root = os.path.join(os.path.realpath(folder), os.path.basename(self.project.tree.root))
            os.mkdir(root)
            commit = check_out(self.project.tree.root, self.options.against, root)
            options = argparse.Namespace(
                **{**vars(self.options), "path": root, "no_lock": True, "limit": None, "compare": False}
            )
            other = _Measurement(options, self.arguments, self.environments)
            try:
                yield commit, other
            finally:
                other.project.close()

    # Entry points

    def measure_entries_beside(self, other: _Measurement | None) -> tuple[list[EntryResult], list[Skipped]]:
        """Measure all entry points, and those of the same names in another revision."""
        entries, skipped = self.measure_entries()
        if other is not None:
            known = {one.name: one.measured for one in other.measure_entries()[0] if one.run.ending != "failed"}
            entries = [one._replace(before=known.get(one.name)) for one in entries]
        return entries, skipped

    def measure_entries(self) -> tuple[list[EntryResult], list[Skipped]]:
        """Measure all entry points, and keep what was found in the lock."""
        root = self.project.tree.root
        if not self.options.no_lock:
            lock.load(root)  # where it is at fault, say so before anything is run
        launches, skipped = find_launches(self.project, self.options.entrypoint)
        if not launches:
            reason = skipped[0].reason if skipped else "no service is declared; name what is started by --entrypoint"
            raise MemguardError(reason, skipped[0].path if skipped else None, skipped[0].line if skipped else None)
        found: list[EntryResult] = []
        with TemporaryDirectory(prefix="memguard-") as scratch:
            for launch in launches:
                try:
                    result = self.measure_entry(launch, os.path.realpath(scratch))
                except MemguardError as error:
                    self.tell_failure(error, launch.service.environment)
                    continue
                found.append(result)
                if result.run.ending == "failed":
                    failure = NotStartedError(f"{result.name} does not start: {result.run.error}", result.run.output)
                    self.tell_failure(failure, launch.service.environment)
        self.progress.clear()
        whole = {one.name: one.measured for one in found if one.run.ending != "failed"}
        if whole and not self.options.no_lock:
            lock.write(root, whole)
            tell(f"{lock.FILE}: written")
        return found, skipped

    def tell_failure(self, error: MemguardError, declared: Mapping[str, str]) -> None:
        """Say why one entry point was not measured to its end; the others are measured all the same."""
        self.progress.clear()
        known = {*os.environ, *declared, *self.given}
        tell_error(error, missing(self.project, error.output, known) if isinstance(error, NotStartedError) else ())
        self.is_failed = True

    def measure_entry(self, launch: Launch, scratch: str) -> EntryResult:
        """Measure one entry point: again where it had to be compiled, and under the limit where one is given."""
        folder = os.path.join(self.environments, launch.entry.entrypoint.folder)
        interpreter = find_interpreter(self.options.python, [folder, self.environments])
        if interpreter not in self.probes:
            inner = os.path.join(scratch, str(len(self.probes)))
            os.mkdir(inner)
            self.probes[interpreter] = make_probe(interpreter, inner, make_environment(interpreter, {}))
        probe = self.probes[interpreter]
        home = os.path.join(probe.folder, "home")
        os.makedirs(home, exist_ok=True)
        target = make_target(self.project, launch, interpreter, self.arguments, home, self.given)
        tell = self.progress.about(launch.name)
        run = measure(probe, target, self.patience, tell)
        if run.ending == "failed" and not run.size.resident:
            raise NotStartedError(f"{launch.name} does not start: {run.error}", run.output)
        found = attribute(run, self.project.tree.root, target.folder, launch.main)
        uncompiled, missing = None, found.without_bytecode
        if missing or self.options.repeatable:
            uncompiled = run if missing else None
            if self.options.repeatable:
                evict(installed_below(interpreter))
                measure(probe, target, self.patience, tell)  # reads from disk what the next one finds in memory
            run = measure(probe, target, self.patience, tell)
            if run.ending == "failed" and not run.size.resident:
                raise NotStartedError(f"{launch.name} does not start a second time: {run.error}", run.output)
            found = attribute(run, self.project.tree.root, target.folder, launch.main)
        date = datetime.now(timezone.utc).date().isoformat()
        kept = summarize(run, found, probe.host.python, probe.host.platform, probe.host.method, date)
        result = EntryResult(launch.name, self.project.tree.root, interpreter.source, run, found, kept, uncompiled, missing)
        if self.options.limit is not None and run.ending != "failed":
            limited = measure_limited(probe, target, self.patience, tell, self.options.limit)
            outcome = limited.outcome
            if limited.ending == "failed" and (outcome is None or not outcome.failed):
                raise NotStartedError(f"{launch.name} does not start within the limit: {limited.error}", limited.output)
            result = result._replace(outcome=outcome)
        if self.options.compare:
            estimated = estimate_service(self.project, launch.service, settings_of(self.project, launch.service))
            if isinstance(estimated, Estimated):
                result = result._replace(compared=compare(_loaded(estimated.process.parts, kept), kept))
            else:
                tell(_not_estimated(launch.service.name, estimated))
        return result

    # Services

    def measure_service_beside(self, other: _Measurement | None) -> ServiceResult:
        """Start the service that is asked for, and the same in another revision; what is not there is told."""
        found = self.measure_service(self.options.service)
        if other is None:
            return found
        try:
            return found._replace(before=other.measure_service(self.options.service).served)
        except MemguardError as error:
            self.tell_failure(error, {})
            return found

    def measure_service(self, name: str) -> ServiceResult:
        """Start one service by its real command, and read it."""
        service = choose_service(self.project, name)
        folders = [os.path.join(self.environments, service.folder), self.environments]
        interpreter = find_interpreter(self.options.python, folders)
        start = make_start(self.project, service, interpreter, self.given)
        asked = Request(self.options.asked, self.options.requests)
        if self.options.repeatable:
            evict(installed_below(interpreter))
            # This one reads from disk what the next finds in memory.
            serve(start, asked, self.patience, self.progress.about(name), None)
        served = serve(start, asked, self.patience, self.progress.about(name), self.options.limit)
        settings = settings_of(self.project, service)
        limit, _, label = limit_of(service, settings)
        if self.options.limit is not None:
            limit, label = self.options.limit, "--limit"
        result = ServiceResult(name, served, limit, label)
        if self.options.compare:
            estimated = estimate_service(self.project, service, settings)
            if isinstance(estimated, Estimated):
                return result._replace(
                    estimated=estimated.estimate.at("serving" if self.options.requests else "start").expected
                )
            tell(_not_estimated(name, estimated))
        return result


def _loaded(parts: Sequence[Part], measured: Measured) -> list[Part]:
    """Return the parts of an estimate that are there at start, or were loaded all the same: the URLconf of Django is."""
    return [part for part in parts if part.moment == "start" or closure(measured, package_of(part.package, measured))]


def _not_estimated(name: str, unknown: Skipped) -> str:
    """Say why a service has no estimate to compare with."""
    return note(unknown._replace(line=unknown.line or 1, reason=f"{name} is not estimated: {unknown.reason}"))
