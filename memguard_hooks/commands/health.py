"""`memguard health [PATH]`: how the container fares that this is run in: its memory, its packages, its variables.

Memory is the container's own, as its control group counts it, not the machine's. Nothing but the standard library is
loaded, unless the project has settings, so that it runs on a host where nothing else is.

Exit status: 1 for an error (or by `--fail-on` a warning), 2 for usage or input at fault, else 0. A part that the system
does not tell is said on stderr and fails nothing.
"""

from __future__ import annotations

import argparse
import os
import sys

from memguard_hooks.arguments import ArgumentParser, checked, narrow_help
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import FAILING, Finding, Severity, Skipped, at_fault, mib, note
from memguard_hooks.host import container as containers
from memguard_hooks.host.cgroup import MOUNT
from memguard_hooks.host.process_sizes import ProcessSize, find_tree, read_sizes, read_stat, read_variables
from memguard_hooks.host.process_tree import PROC
from memguard_hooks.output import tell, write
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from memguard_hooks.project.settings import Settings
    from memguard_hooks.report.health import Health, MemoryReport, Packages, ReportedVariable, VariablesReport
    from memguard_hooks.rules.host.exact_pins import ExactPin
    from memguard_hooks.tree import WorkTree

HOOK = "health"
WARN, FAIL = 0.85, 0.90
PARTS = ("memory", "packages", "environment")
REQUIREMENTS = "requirements.txt"
MAX_PID = 2**22
"""The largest that Linux gives."""

_JUDGED = ("PYTHON", "MALLOC_", "GUNICORN_", "WEB_CONC", "UVICORN_", "FLASK_", "DJANGO_DEBUG")
"""How the variables begin that deploy-config has rules for, which take a while to load."""


class HostPlace(Record):
    """Where the system tells of processes and of control groups."""

    proc: str = PROC
    mount: str = MOUNT


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the sub-command."""
    parser = ArgumentParser(
        prog="memguard health",
        description="Tell how this container fares: its memory, its packages, its variables.",
        epilog="exit status: 0 well, 1 an error, 2 usage or input at fault",
        formatter_class=narrow_help,
    )
    parser.add_argument("path", nargs="?", default=".", help="root of the project, for its requirements.txt and settings")
    parser.add_argument("--only", choices=PARTS, action="append", help="look at this alone; may be given again")
    parser.add_argument("--pid", metavar="N", type=_pid, help="a process: its container, what it started, its variables")
    parser.add_argument(
        "--limit",
        metavar="SIZE",
        type=checked(_size, "512MiB"),
        help="judge by this, such as 512MiB, not by the cgroup's limit",
    )
    parser.add_argument(
        "--warn", metavar="SHARE", type=checked(_share, "85%"), default=WARN, help="share of the limit that warns (85%%)"
    )
    parser.add_argument(
        "--fail", metavar="SHARE", type=checked(_share, "85%"), default=FAIL, help="share of the limit that fails (90%%)"
    )
    parser.add_argument(
        "--python", metavar="INTERPRETER", help="whose packages to look at: an interpreter, or the folder of its environment"
    )
    parser.add_argument("--requirements", metavar="FILE", action="append", help=f"what was to be installed ({REQUIREMENTS})")
    parser.add_argument(
        "--exit-status", metavar="N", type=_status, help="explain with which status something died, and stop"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write it")
    parser.add_argument(
        "--fail-on", choices=("error", "warning", "never"), default="error", help="the least finding that fails"
    )
    parser.add_argument("--config", metavar="FILE", help="settings file instead of pyproject.toml or memguard.toml")
    return parser


def _pid(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 0 < int(text) <= MAX_PID):
        raise argparse.ArgumentTypeError(f"not the number of a process: {text!r}")
    return int(text)


def _size(text: str) -> int:
    from memguard_hooks.project.settings import parse_size

    size = parse_size(text)
    if not size:
        raise ValueError
    return size


def _share(text: str) -> float:
    from memguard_hooks.project.settings import parse_share

    return parse_share(text if text.endswith("%") else f"{text}%")


def _status(text: str) -> int:
    from memguard_hooks.host.exit_status import explain

    try:
        return explain(int(text) if len(text) < 10 else 256).status
    except ValueError:
        raise argparse.ArgumentTypeError(f"not an exit status: {text!r}; 0 to 255, or -9 for a signal") from None


def main(argv: Sequence[str] | None = None, place: HostPlace | None = None) -> int:
    """Look at what was asked for, print it, and return the exit status."""
    from memguard_hooks.report import health as report

    place = place or HostPlace()
    parser = make_parser()
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    if options.warn > options.fail:
        parser.error("--warn must not be above --fail")
    if options.exit_status is not None:
        from memguard_hooks.host.exit_status import explain

        explained, kills = explain(options.exit_status), containers.read("self", *place).kills
        render = report.render_status_json if options.format == "json" else report.render_status
        write(sys.stdout, render(explained, kills))
        return 0
    if not os.path.isdir(options.path):
        parser.error(f"no such folder: {options.path}")
    try:
        health = _Examination(options, place).run()
    except MemguardError as error:
        health = report.Health(None, None, None, (), (at_fault(error),))
    except Exception as error:
        if os.environ.get("MEMGUARD_DEBUG"):
            raise
        reason = f"internal error: {type(error).__name__}: {error}; set MEMGUARD_DEBUG=1 for more"
        health = report.Health(None, None, None, (), (Skipped(".", None, reason, broken=True),))
    write(sys.stdout, report.render_json(health) if options.format == "json" else report.render(health))
    tell(*map(note, health.skipped))
    if any(gap.broken for gap in health.skipped):
        return 2
    return int(health.verdict in FAILING[options.fail_on])


class _Examination:
    """One run of the command: what it finds, and what it was not told."""

    def __init__(self, options: argparse.Namespace, place: HostPlace) -> None:
        self.options = options
        self.place = place
        self.findings: list[Finding] = []
        self.skipped: list[Skipped] = []
        if options.pid is not None and not os.path.isdir(os.path.join(place.proc, str(os.getpid()))):
            raise MemguardError("--pid reads /proc, which this system does not have")
        if options.pid is not None and read_stat(options.pid, place.proc) is None:
            raise MemguardError(f"there is no process {options.pid}")

    def run(self) -> Health:
        """Look at the parts that were asked for."""
        from memguard_hooks.report.health import Health

        asked = self.options.only or PARTS
        memory = self.read_memory() if "memory" in asked else None
        packages = environment = None
        if "packages" in asked or "environment" in asked:
            from memguard_hooks.tree import WorkTree

            tree = WorkTree(self.options.path)
            settings = self.load_settings(tree)
            packages = self.read_packages(tree, settings) if "packages" in asked else None
            environment = self.read_environment(tree, settings) if "environment" in asked else None
            tree.close()
        return Health(memory, packages, environment, tuple(self.findings), tuple(self.skipped))

    def load_settings(self, tree: WorkTree) -> Settings:
        """Read the settings; without what reads TOML the defaults count, and it is said."""
        from memguard_hooks.project.settings import Settings, load

        try:
            settings, notes = load(tree, self.options.config)
        except MemguardError as error:
            self.skipped.append(at_fault(error))
        except ModuleNotFoundError as error:
            reason = f"the settings are not read: {error.name} is not installed in the interpreter of memguard"
            self.skipped.append(Skipped(self.options.config or ".", None, reason))
        else:
            self.skipped += notes
            return settings
        return Settings()

    # Memory

    def read_memory(self) -> MemoryReport:
        """Read the container and its processes, and judge what it takes."""
        from memguard_hooks.report.health import MemoryReport

        found = containers.read(self.options.pid or "self", *self.place)
        whose, processes = self.read_processes(found)
        limit = found.limit
        if self.options.limit is not None:
            limit = containers.ContainerLimit(self.options.limit, "--limit")
        memory = MemoryReport(found, limit, (self.options.warn, self.options.fail), whose, processes)
        if found.use is None:
            why = "it has no control groups of memory" if found.group is None else "the control group cannot be read"
            self.skipped.append(Skipped("memory", None, f"this system does not tell what the container takes: {why}"))
        elif limit is not None:
            self.judge_memory(found.use.working, limit.size, processes)
        if found.kills:
            self.find_kills(found.kills, limit)
        return memory

    def read_processes(self, found: containers.Container) -> tuple[str, tuple[ProcessSize, ...]]:
        """Return whose processes they are, and what they take; this one is left out."""
        proc = self.place.proc
        if self.options.pid is not None:
            whose, pids = f"pid {self.options.pid} and what it started", find_tree(self.options.pid, proc)
        elif self.is_first_inside(found):
            whose, pids = "pid 1 and what it started", find_tree(1, proc)
        elif found.group is not None:
            whose, pids = "this control group", containers.find_members(found.group)
        else:
            whose, pids = "the process that started this one", find_tree(os.getppid(), proc)
        processes = read_sizes((pid for pid in pids if pid != os.getpid()), proc)
        if not processes:
            self.skipped.append(Skipped("memory", None, f"no process of {whose} may be seen here"))
        return whose, processes

    def is_first_inside(self, found: containers.Container) -> bool:
        """Return whether the first process shares the container, as it does where the container is one of its own."""
        first = containers.find_group(1, *self.place)
        return first is not None and first[0] == found.group and read_stat(1, self.place.proc) is not None

    def judge_memory(self, working: int, limit: int, processes: Sequence[ProcessSize]) -> None:
        """Warn and fail by the share of the limit that is taken."""
        band: Severity | None = "warning" if working >= self.options.warn * limit else None
        band = "error" if working >= self.options.fail * limit else band
        if band is None:
            return
        least = self.options.fail if band == "error" else self.options.warn
        message = f"{mib(working)} of {mib(limit)} MiB are taken, {_percent(least)} or more"
        fix: tuple[str, ...] = ("`memguard check` names the imports that take most, and what to defer",)
        if processes:
            largest = processes[0]
            fix = (f"the largest process is {largest.pid}, {largest.name}: {mib(largest.resident)} MiB resident", *fix)
        self.findings.append(Finding("memory", 0, 0, "", message, HOOK, "memory", band, working, fix=fix))

    def find_kills(self, kills: int, limit: containers.ContainerLimit | None) -> None:
        """Tell of processes that the kernel has killed here."""
        number = "a process" if kills == 1 else f"{kills} processes"
        message = f"the kernel has killed {number} of this container for want of memory (status 137 = 128 + 9, SIGKILL)"
        size = f"{limit.size // 2**20}MiB" if limit is not None else "512MiB"
        fix = f"`memguard check` names what takes most; `memguard measure --limit {size}` shows whether it lives now"
        self.findings.append(Finding("memory", 0, 0, "", message, HOOK, "kills", "warning", fix=(fix,)))

    # Packages

    def read_packages(self, tree: WorkTree, settings: Settings) -> Packages:
        """Read what is installed, and judge it by the requirements and by the policy."""
        from memguard_hooks.catalog.heavy import heavy_modules
        from memguard_hooks.host.installed_heavy import find_heavy
        from memguard_hooks.measure.site_packages import find_folders, python_of, read_installed
        from memguard_hooks.report.health import Packages
        from memguard_hooks.rules.host.installed import is_elsewhere, judge

        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        folders: Sequence[str] = sys.path
        if self.options.python is not None:
            from memguard_hooks.measure.interpreter import find_interpreter

            folders = find_folders(find_interpreter(self.options.python, ()).path)
            python = python_of(folders) or python
            if not folders:
                raise MemguardError(f"no folder of packages stands beside {os.path.basename(self.options.python)}")
        installed = read_installed(folders)
        pins = self.read_pins(tree)
        if is_elsewhere(installed, pins):
            reason = "none of what it pins is installed here: name the interpreter of the app by --python"
            self.skipped.append(Skipped(pins[0].path, None, reason))
        modules = heavy_modules(settings.heavy_threshold, settings.heavy_add, settings.heavy_remove)
        heavy = find_heavy(installed, modules, python)
        self.findings += judge(installed, pins, heavy, settings)
        whose = "--python" if self.options.python is not None else "the interpreter of memguard"
        return Packages(f"{whose} (Python {python})", len(installed), heavy)

    def read_pins(self, tree: WorkTree) -> list[ExactPin]:
        """Return what requirements files pin; one that was not named need not be there."""
        from memguard_hooks.rules.host.exact_pins import read
        from memguard_hooks.tree import normalize

        found: list[ExactPin] = []
        for name in self.options.requirements or [REQUIREMENTS]:
            if self.options.requirements is None:
                path: str | None = name
            else:
                path = normalize(os.path.relpath(os.path.realpath(name), tree.root))
            try:
                if path is None:
                    raise MemguardError("is not in this project", name)
                if self.options.requirements is None and tree.read(path) is None:
                    reason = "is not here: installed versions are compared with no pins, see --requirements"
                    self.skipped.append(Skipped(path, None, reason))
                    continue
                pins, gaps = read(tree, path)
            except MemguardError as error:
                self.skipped.append(at_fault(error))
            else:
                found += pins
                self.skipped += gaps
        return found

    # Variables

    def read_environment(self, tree: WorkTree, settings: Settings) -> VariablesReport:
        """Read the variables of the first process where it may be seen, else those that this one was given."""
        from memguard_hooks.report.health import VariablesReport

        pid, variables = self.options.pid, None
        if pid is None and self.is_first_inside(containers.read("self", *self.place)):
            pid = 1
        if pid is not None:
            variables = read_variables(pid, self.place.proc)
            if not variables:
                reason = f"the variables of pid {pid} are not told to this user: these are those of memguard itself"
                self.skipped.append(Skipped("environment", None, reason))
        whose = f"pid {pid}" if variables else "this process"
        variables = variables or dict(os.environ)
        if any(name.startswith(_JUDGED) for name in variables):
            self.judge_variables(tree, settings, variables)
        return VariablesReport(whose, tuple(_explain_variables(variables)))

    def judge_variables(self, tree: WorkTree, settings: Settings, variables: Mapping[str, str]) -> None:
        """Judge variables by the rules that deploy-config has for those of a service."""
        from memguard_hooks.deployment.service import ServicePlace
        from memguard_hooks.project.project import Project
        from memguard_hooks.rules.deployment.variables import StartedProgram, judge, read_names

        places = {name: ServicePlace("environment", 0, 0) for name in sorted(variables) if name.startswith(_JUDGED)}
        started = StartedProgram(variables, places, target_python=settings.service.target_python)
        self.findings += judge(started, lambda: read_names(Project(tree, settings)))


def _percent(share: float) -> str:
    return f"{share * 100:g} %"


def _explain_variables(variables: Mapping[str, str]) -> Iterator[ReportedVariable]:
    """Yield the variables that matter: some also where they are not set, with what that means."""
    from memguard_hooks.report.health import ReportedVariable

    unset = {
        "PYTHONUNBUFFERED": "what a killed process has printed last may be lost",
        "MALLOC_ARENA_MAX": f"glibc may make 8 arenas for each of {os.cpu_count() or 1} CPUs",
        "MALLOC_TRIM_THRESHOLD_": "glibc chooses itself when it gives memory back",
        "WEB_CONCURRENCY": "gunicorn and uvicorn start 1 worker, unless the command says more",
    }
    for name in (*unset, *_SHOWN):
        value = variables.get(name)
        if value is not None or name in unset:
            yield ReportedVariable(name, value, "" if value is not None else unset[name])


_SHOWN = (
    "GUNICORN_CMD_ARGS", "UVICORN_WORKERS", "OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM", "PYTHONMALLOC", "PYTHONTRACEMALLOC",
    "PYTHONDEVMODE", "PYTHONFAULTHANDLER",
)  # fmt: skip
"""Variables that are told only where they are set."""
