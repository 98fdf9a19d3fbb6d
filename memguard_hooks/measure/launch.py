"""What `memguard measure` runs: from a service of the project to the arguments, the folder and the variables."""

from __future__ import annotations

import os
from collections.abc import Mapping

from memguard_hooks.app.entry_points import ServiceEntry, find_entry, find_services, read_command, settings_of
from memguard_hooks.catalog.lock import name_entry
from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.service import Service
from memguard_hooks.deployment.start import EntryPoint
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.shell_words import ShellError, ShellWord, expand, split_words
from memguard_hooks.measure.interpreter import PythonInterpreter, make_environment
from memguard_hooks.measure.measure import MeasureTarget
from memguard_hooks.measure.serving import Start
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record
from memguard_hooks.tree import parent


class Launch(Record):
    """An entry point to run, by the name that it has in the lock; `main` is the path of what runs as `__main__`."""

    name: str
    service: Service
    entry: ServiceEntry
    main: str | None


def find_launches(project: Project, wanted: str | None) -> tuple[list[Launch], list[Skipped]]:
    """Return the entry points of all services, each once, or the one that is wanted; and what cannot be run."""
    services = find_services(project)
    if wanted is not None:
        services = [one for one in services if _entrypoint(project, one) == wanted][:1]
        services = services or [Service(name=wanted, path=".", line=1, column=1, command="")]
    found: dict[str, Launch] = {}
    skipped: list[Skipped] = []
    for service in services:
        entry = find_entry(project, service)
        if isinstance(entry, Skipped):
            skipped.append(entry._replace(reason=f"{service.name} is not measured: {entry.reason}"))
            continue
        name = name_entry(entry.entrypoint.text, entry.entrypoint.folder)
        found.setdefault(name, Launch(name, service, entry, entry.path if entry.entrypoint.is_main else None))
    return list(found.values()), skipped


def _entrypoint(project: Project, service: Service) -> str | None:
    entrypoint = read_command(project, service).entrypoint
    return None if entrypoint is None else entrypoint.text


def choose_service(project: Project, name: str) -> Service:
    """Return the service of a name. Raises MemguardError for one that is not declared, with those that are."""
    services = {service.name: service for service in find_services(project)}
    if name not in services:
        raise MemguardError(f"no service is named {name!r}; there are: {', '.join(services) or 'none'}")
    if not services[name].command:
        raise MemguardError(f"no file says by which command {name!r} starts", services[name].path)
    return services[name]


def make_target(
    project: Project, launch: Launch, interpreter: PythonInterpreter, arguments: tuple[str, ...], home: str,
    given: Mapping[str, str],
) -> MeasureTarget:  # fmt: skip
    """Return how an entry point is run, with a home of its own and the variables that are given.

    `arguments` are given to a script, not its command's.
    """
    entrypoint, service = launch.entry.entrypoint, launch.service
    root = project.tree.root
    folders = [*entrypoint.roots, *_root_of(launch)]
    paths = [os.path.join(root, folder) for folder in dict.fromkeys(folders) if folder != entrypoint.folder]
    environment = make_environment(interpreter, {**service.environment, **given}, paths, home)
    return MeasureTarget(_arguments(launch, arguments), os.path.join(root, entrypoint.folder), environment)


def _root_of(launch: Launch) -> tuple[str, ...]:
    """Return the folder in which the entry point's module was found, such as `src`."""
    if launch.entry.entrypoint.script is not None or launch.entry.module is None:
        return ()
    folder = launch.entry.path.removesuffix(".py").removesuffix("/__init__")
    for _ in launch.entry.module.split("."):
        folder = parent(folder)
    return (folder,)


def _arguments(launch: Launch, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the probe's arguments: a server's modules and the app, or what runs as `__main__` with its arguments."""
    entrypoint = launch.entry.entrypoint
    behind = given or _behind(launch.service, entrypoint)
    rest = ("--", *behind) if behind else ()
    if entrypoint.script is not None:
        return ("--script", entrypoint.script, *rest)
    if entrypoint.is_main:
        return ("--module", entrypoint.module or "", *rest)
    attribute = entrypoint.text.partition(":")[2]
    name = f"{launch.entry.module}:{attribute}" if attribute else str(launch.entry.module)
    is_factory = "--factory" in launch.service.command.split()
    return (*launch.entry.command.server_modules, *(["--call"] if is_factory else []), "--app", name)


def _behind(service: Service, entrypoint: EntryPoint) -> tuple[str, ...]:
    """Return the arguments that a command gives to its script, or to the module behind `-m`."""
    try:
        words: list[str] = []
        for token in split_words(service.command):
            if not isinstance(token, ShellWord):
                if entrypoint.script in words or entrypoint.module in words:
                    break
                words = []
                continue
            words += expand(token.text, service.environment)
    except ShellError:
        return ()
    named = entrypoint.script or entrypoint.module or ""
    return tuple(words[words.index(named) + 1 :]) if named in words else ()


def make_start(project: Project, service: Service, interpreter: PythonInterpreter, given: Mapping[str, str]) -> Start:
    """Return how a service's real command is started, with the variables that are given."""
    settings = settings_of(project, service)
    plan = f"{service.platform}-{service.plan}" if service.platform else settings.platform or ""
    concurrency = platforms.concurrency_of(plan)
    variables = {**service.environment, **given}
    if concurrency is not None:
        variables.setdefault("WEB_CONCURRENCY", str(concurrency))
    folder = os.path.join(project.tree.root, service.folder)
    return Start(service.command, folder, make_environment(interpreter, variables))
