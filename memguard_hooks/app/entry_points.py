"""Where each service of a project begins: the file that its command loads, and how modules are found from there."""

from __future__ import annotations

from functools import partial

from memguard_hooks.app.path_edits import with_own_path
from memguard_hooks.deployment import platforms, python_version
from memguard_hooks.deployment.command import parse
from memguard_hooks.deployment.service import Service, unread_service
from memguard_hooks.deployment.start import EntryPoint, Host, StartCommand, parse_entrypoint
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped, mib
from memguard_hooks.imports.frameworks import SETTINGS_VARIABLE, Framework, framework_edges, settings_made_by
from memguard_hooks.imports.model import NOTHING_GIVEN, FrameworkEdge, Given, Target
from memguard_hooks.imports.narrow import candidates
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.imports.sources import SourceFiles, Started
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import ServiceSettings
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent, parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.imports.callbacks import Serves

_WORKERS = frozenset(
    {"celery", "dramatiq", "django-q", "huey", "arq", "taskiq", "rq", "procrastinate", "saq", "faust", "faststream"}
)
"""Programs that run the tasks of a project, each in a process that loads them."""
_SERVERS = frozenset(
    {"gunicorn", "uvicorn", "hypercorn", "granian", "daphne", "waitress", "uwsgi", "flask", "fastapi", "django", "litestar",
     "sanic", "quart", "functions-framework", "pserve"}
)  # fmt: skip


class ServiceEntry(Record):
    """The file that a service loads first, the name it is loaded under (None for a script), and what decides its imports.

    `unread` are files that name more of what it loads, which only a run tells.
    """

    service: Service
    settings: ServiceSettings
    command: StartCommand
    entrypoint: EntryPoint
    path: str
    module: str | None
    resolver: Resolver
    target: Target
    sources: SourceFiles
    given: Given = NOTHING_GIVEN
    unread: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the program has: those of the host, and those that its command sets."""
        return _environment(self.service, self.command)

    @property
    def serves(self) -> Serves:
        """What work its processes do: requests, tasks of a queue, a command of Django, or all of them in a script.

        `celery beat` and `celery flower` load the tasks, and run none.
        """
        if self.command.program == "celery" and not self.command.server:
            return "schedule"
        if self.command.program in _WORKERS:
            return "tasks"
        if self.command.program == "manage.py":
            return "command"
        return "requests" if self.command.program in _SERVERS else "all"


def find_services(project: Project) -> list[Service]:
    """Return the services that deployment files declare, or one for each entry point of the settings.

    Those of the command line win, and run on the host of the only service, where there is one.
    """
    found, asked = list(project.deployment.services), project.settings.service
    if found and not (asked.is_asked and max(len(found), len(asked.entrypoints)) > 1):
        return found
    return [_service(project, text) for text in asked.entrypoints]


def find_unread(project: Project) -> list[Service]:
    """Return the services that deployment files declare and whose start nobody can read, unless the settings name it."""
    asked = project.settings.service
    if asked.entrypoints and (asked.is_asked or not project.deployment.services):
        return []
    gaps = [gap for gap in project.deployment.skipped if gap.service]
    known = {(one.name, one.path, one.line): one for one in project.deployment.unread}
    return [known.get((gap.service, gap.path, gap.line or 1)) or unread_service(gap) for gap in gaps]


def _environment(service: Service, command: StartCommand) -> dict[str, str]:
    return {**platforms.SETS.get(service.platform or "", {}), **service.environment, **dict(command.variables)}


def console_scripts(project: Project) -> list[Service]:
    """Return the commands that a project installs, of what is in the repository: no host is known that starts one."""
    scripts = project.layout.scripts
    return [Service(name, ".", 1, 1, name) for name, text in scripts.items() if _locate(project, parse_entrypoint(text))]


def _service(project: Project, text: str) -> Service:
    located = _locate(project, parse_entrypoint(text))
    return Service(name=text, path=located[1] if located is not None else ".", line=1, column=1, command="")


def settings_of(project: Project, service: Service) -> ServiceSettings:
    """Return the settings of one service."""
    return project.settings.services.get(service.name, project.settings.service)


def read_command(project: Project, service: Service, cpus: float | None = None) -> StartCommand:
    """Return how a service starts; an entry point of the settings counts where the command names none.

    It is read once a run: the code of a program may be followed for it, and the files of its settings. `cpus` are those
    of the machine, where nobody but the caller says so.
    """
    settings = settings_of(project, service)
    around = (tuple(sorted(one.items())) for one in (service.environment, service.mounts))
    written = (service.name, service.command, service.folder, service.platform, service.plan, service.unread, service.cpus)
    key = ("start", *written, *around, settings, cpus)
    workers = settings.workers
    return parse_once(project.tree, key, lambda: _counted(_read_command(project, service, settings, cpus), workers))


def _counted(command: StartCommand, workers: int | None) -> StartCommand:
    """Return a start with the number of processes of the settings, if any, but where only a run decides what starts."""
    if workers is None or command.workers == workers or command.ways:
        return command
    return command._replace(workers=1) if workers == 1 else command.with_number(workers)


def read_once(project: Project, service: Service, command: str) -> StartCommand:
    """Return how a command starts that runs once, before a service: no entry point of the settings is meant by it."""
    settings = settings_of(project, service)._replace(entrypoints=())
    return _read_command(project, service._replace(command=command), settings)


def _read_command(project: Project, service: Service, settings: ServiceSettings, cpus: float | None = None) -> StartCommand:
    plan = f"{service.platform}-{service.plan}" if service.platform else settings.platform or ""
    concurrency = platforms.concurrency_of(plan)
    if service.command:
        host = Host(
            service.environment,
            project.read_file,
            concurrency,
            service.mounts,
            console_scripts=project.layout_beside(service.folder).scripts,
            cpus=service.cpus if service.platform in platforms.OWN_MACHINES else cpus,
            follows_code=True,
            followed=parse_once(project.tree, "nodes followed from starts", lambda: [0]),
            names_in=lambda folder: [one.name for one in project.tree.entries(folder)],
        )
        command = parse(service.command, host, service.folder)
    else:
        command = StartCommand(None, reason=service.unread)
    if settings.entrypoints and (settings.is_asked or not service.command or command.entrypoint is None):
        chosen = service.name if service.name in settings.entrypoints else settings.entrypoints[0]
        asked = parse_entrypoint(chosen, service.folder)
        if command.entrypoint is not None:
            return command if _is_same(command.entrypoint, asked) else StartCommand(asked)
        command = command._replace(entrypoint=asked)
        if command.workers is None:
            command = command._replace(workers=1, start="single", ways=())
    return command


def _is_same(one: EntryPoint, other: EntryPoint) -> bool:
    """Return whether two entry points name the same file."""
    return (one.module, one.script) == (other.module, other.script)


def find_entries_of(project: Project, service: Service) -> list[ServiceEntry | Skipped]:
    """Find what all commands of a service load first that run at the same time."""
    first = find_entry(project, service)
    command = first.command if isinstance(first, ServiceEntry) else read_command(project, service)
    return [first, *(find_entry(project, service, one) for one in command.beside)]


SETTINGS = ("settings.production", "settings.prod", "settings.base", "settings")
"""The usual names of Django's settings in a project, those of production first."""

_SPLITTING = frozenset({"django-split-settings"})
_SETTINGS_FILES = ("settings.py", "settings/__init__.py")


def _usual_settings(resolver: Resolver, module: str) -> str | None:
    """Return the settings of Django that stand beside `wsgi` and `asgi` under a usual name, None where there are none."""
    package, _, last = module.rpartition(".")
    if last not in ("wsgi", "asgi"):
        return None
    return next((f"{package}.{name}" for name in SETTINGS if resolver.is_whole(f"{package}.{name}")), None)


def find_entry(project: Project, service: Service, started: StartCommand | None = None) -> ServiceEntry | Skipped:
    """Find what a service, or one of the commands that it starts, loads first, or say why nobody can."""
    settings = settings_of(project, service)
    command = _with_jobs(project, service, started or read_command(project, service))
    entrypoint = command.entrypoint
    if entrypoint is None:
        return Skipped(service.path, service.line, f"{command.reason}")
    located = None
    if command.program == "celery" and entrypoint.module:
        # Celery looks for its app in `proj` and then in `proj.celery`.
        located = _locate(project, entrypoint._replace(module=f"{entrypoint.module}.celery"))
    located = located or _locate(project, entrypoint)
    if located is None:
        is_measured = command.workers is None and _is_measured(project, command)
        reason = f"{command.reason}" if is_measured else _absent(project, entrypoint)
        return Skipped(service.path, service.line, reason)
    resolver, path, module = located
    environment = _environment(service, command)
    target = Target(
        settings.target_python or _python_of(project, service),
        is_main=entrypoint.is_main,
        called=frozenset({entrypoint.attribute}) if entrypoint.attribute else frozenset[str](),
        lazy_all=environment.get("PYTHON_LAZY_IMPORTS") == "all",
    )
    framework = Framework(
        environment.get(SETTINGS_VARIABLE) or settings_made_by(project.read_file(path) or b"", environment),
        command.program in _WORKERS,
        loads_urls=command.program != "dramatiq",
        usual_settings=_usual_settings(resolver, module or ""),
    )
    begun = _started(command)
    by_name, unread = _found_by(project, command, path, resolver, framework)
    if command.program == "rq" and command.server_modules == ("rq",) and not by_name:
        return Skipped(service.path, service.line, "rq loads what the jobs of its queues name, and none is found here")
    found = (*begun.edges, *by_name)
    if framework.django_settings or SETTINGS_VARIABLE.encode() in (project.read_file(path) or b""):
        found = (*found, *_included(project, resolver, framework))
    sources = SourceFiles(project.tree, project.facts, framework, begun._replace(edges=found))
    is_program = bool(command.words) or (entrypoint.is_main and not command.program)
    given = Given(tuple(sorted(environment.items())), command.words if is_program else None)
    return ServiceEntry(service, settings, command, entrypoint, path, module, resolver, target, sources, given, unread)


_FINDING, _HANDLING = (b"Worker(", b"load_from_"), (b"add_api(",)
"""What code calls to load what it does not name: of RQ and NoneBot where it is the program, of connexion behind a server."""


def _found_by(
    project: Project, command: StartCommand, path: str, resolver: Resolver, framework: Framework
) -> tuple[tuple[tuple[str, FrameworkEdge], ...], tuple[str, ...]]:
    """Return what a program finds by itself, and the files that name more of that: most find nothing."""
    is_known = command.program in ("streamlit", "rq")
    marks = _HANDLING if command.program else _FINDING
    if not is_known and not any(mark in (project.read_file(path) or b"") for mark in marks):
        return (), ()
    from memguard_hooks.app.found_by_name import found_by

    return found_by(project, command, path, resolver, SourceFiles(project.tree, project.facts, framework, _started(command)))


def _with_jobs(project: Project, service: Service, command: StartCommand) -> StartCommand:
    """Return a worker of RQ's with the first job of the project as what it loads: the worker itself names none."""
    if command.entrypoint is not None or command.program != "rq" or not command.server_modules:
        return command
    from memguard_hooks.app.found_by_name import jobs_of

    resolver = Resolver(project.tree, _roots(project, EntryPoint("", service.folder)))
    sources = SourceFiles(project.tree, project.facts, Framework(None, is_worker=True), _started(command))
    job = next(iter(jobs_of(project, resolver, sources).edges), None)
    if job is None:
        return command
    entrypoint = EntryPoint(job.module, service.folder, module=job.module, attribute="")
    return command._replace(entrypoint=entrypoint, workers=1, reason=None)


def _included(project: Project, resolver: Resolver, framework: Framework) -> Iterator[tuple[str, FrameworkEdge]]:
    """Yield what settings of Django include by django-split-settings."""
    for path, line, file in parse_once(project.tree, "split settings", lambda: _split_settings(project)):
        module = resolver.module_of(file)
        if module is None:
            continue
        if "." not in file.rpartition("/")[2].removesuffix(".py"):
            yield path, FrameworkEdge(module, line, "start", "as included settings", is_optional=True)
            continue
        run = partial(_settings_run, project, file, framework)
        edges = parse_once(project.tree, ("included settings", file, framework), run)
        yield from ((path, edge._replace(line=line)) for edge in edges)


def _settings_run(project: Project, file: str, framework: Framework) -> tuple[FrameworkEdge, ...]:
    """Return what settings load that no import can name: they run in the file that includes them."""
    data = project.read_file(file) or b""
    try:
        edges = framework_edges(data, framework)
    except MemguardError as error:
        project.skipped.append(Skipped(file, error.line, error.message))
        return ()
    return (*edges, *(FrameworkEdge(name, 1, "start", f"by {file}") for name in candidates(data) or ()))


def _split_settings(project: Project) -> tuple[tuple[str, int, str], ...]:
    declared = (one.name for manifest in project.declared.manifests(_SPLITTING) for one in manifest.requirements)
    if _SPLITTING.isdisjoint(declared):
        return ()
    named = (path for path in project.python_paths if path.endswith(_SETTINGS_FILES))
    split = [path for path in named if b"split_settings" in (project.read_file(path) or b"")]
    if not split:
        return ()
    from memguard_hooks.app.found_by_name import included_settings

    return included_settings(project, split)


def _python_of(project: Project, service: Service) -> tuple[int, int] | None:
    """Return the Python of a service: what its host is told, what the project asks for, or what the platform takes then."""
    named = python_version.read(service, project.read_file) or project.layout.python
    default = python_version.default_of(service, project.read_file) if named is None else None
    return named or (default and default.version)


def find_program(project: Project, service: Service, started: StartCommand) -> ServiceEntry | None:
    """Find an installed program that a service starts, None where not all that it loads was measured."""
    entrypoint = started.entrypoint
    if entrypoint is None or started.workers is None or not _is_measured(project, started):
        return None
    settings, target = settings_of(project, service), Target(_python_of(project, service), is_main=True)
    resolver = Resolver(project.tree, ())
    sources = SourceFiles(project.tree, project.facts, Framework(None, is_worker=False))
    return ServiceEntry(service, settings, started, entrypoint, service.path, None, resolver, target, sources)


def _is_measured(project: Project, started: StartCommand) -> bool:
    """Return whether a start is that of an installed program, of which all that it loads was measured."""
    entrypoint = started.entrypoint
    if entrypoint is None or not _is_program(project, entrypoint) or _locate(project, entrypoint):
        return False
    return bool(started.server_modules) and all(project.cost_of(name)[0] is not None for name in started.server_modules)


def is_installed_program(project: Project, service: Service) -> bool:
    """Return whether a service that nobody can judge starts a program of a package that is installed."""
    entrypoint = read_command(project, service).entrypoint
    return entrypoint is not None and _is_program(project, entrypoint) and _locate(project, entrypoint) is None


def _is_program(project: Project, entrypoint: EntryPoint) -> bool:
    """Return whether an entry point is one of a package of which the repository has nothing."""
    return entrypoint.is_main and entrypoint.module is not None and _package_of(project, entrypoint) is None


def _package_of(project: Project, entrypoint: EntryPoint) -> str | None:
    """Return the file of the repository that the first package of a module is, None where there is none."""
    top = (entrypoint.module or "").partition(".")[0]
    resolver = Resolver(project.tree, _roots(project, entrypoint))
    return resolver.files(top)[-1] if top != entrypoint.module and resolver.is_whole(top) else None


def _absent(project: Project, entrypoint: EntryPoint) -> str:
    """Return why nobody can judge what is not in the repository: of an installed program, what its import takes at least."""
    reason = f"{entrypoint.text} is not in the repository"
    if not entrypoint.is_main or entrypoint.module is None:
        return reason
    package = _package_of(project, entrypoint)
    if package is not None:
        return f"{reason}: {parent(package)} has no such module"
    top = entrypoint.module.partition(".")[0]
    cost, version = max(map(project.cost_of, (top, entrypoint.module)), key=lambda one: one[0] or -1)
    if cost is None:
        return f"{reason}: {top} is installed, and was not measured"
    return f"{reason}: {top} is installed, and takes at least {mib(cost)} MiB once it is imported ({version})"


def _started(command: StartCommand) -> Started:
    """Return what the server of a start that is written in Python loads and calls."""
    edges = tuple((one.path, FrameworkEdge(one.module, one.line, "start", one.why)) for one in command.loads)
    return Started(edges, command.calls)


def _roots(project: Project, entrypoint: EntryPoint, first: str | None = None) -> tuple[str, ...]:
    """Return the folders that modules are looked up in, the one of the script or of the command before all others."""
    nested = join(entrypoint.folder, "src")
    installed = project.layout_beside(entrypoint.folder).roots
    start = entrypoint.folder if first is None else first
    return tuple(dict.fromkeys((start, *entrypoint.roots, *project.settings.source_roots, *installed, nested or "src")))


def _locate(project: Project, entrypoint: EntryPoint) -> tuple[Resolver, str, str | None] | None:
    """Return how modules are found, the file that is loaded, and the name it is loaded under."""
    script = None
    if entrypoint.script is not None:
        script = join(entrypoint.folder, entrypoint.script)
        if script is None:
            return None
    resolver = Resolver(project.tree, _roots(project, entrypoint, entrypoint.folder if script is None else parent(script)))
    path, module = script, None
    if script is None:
        module = entrypoint.module or ""
        if entrypoint.is_main and resolver.files(f"{module}.__main__")[-1:] != resolver.files(module)[-1:]:
            module = f"{module}.__main__"
        path = resolver.files(module)[-1] if resolver.is_whole(module) else None
    elif not resolver.is_file(script):
        path = None
    return None if path is None else (with_own_path(project, resolver, path, entrypoint.folder), path, module)
