"""What these rules judge, and what they say it with."""

from __future__ import annotations

from functools import partial

from memguard_hooks.deployment.service import NAMED_FOR_PRODUCTION
from memguard_hooks.errors import MemguardError
from memguard_hooks.logs.facts import NOTHING, FileLogs, read_logs
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.rules.policy import found_at
from memguard_hooks.tree import join, parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.deployment.service import Service
    from memguard_hooks.logs.model import LogSetup
    from memguard_hooks.project.project import Project

HOOK = "log-volume"
COMPOSE = "compose"


class Reached(Record):
    """What a service reaches: what its files say of logs, by path, and the modules that they import from outside."""

    entry: ServiceEntry
    files: Mapping[str, FileLogs]
    modules: frozenset[str]
    paths: tuple[str, ...] = ()
    """All files, also those that say nothing of logs."""


def find_reached(project: Project) -> Iterator[Reached]:
    """Yield what each service of the project reaches, at start or later; commands that a person runs are none."""
    from memguard_hooks.app.entry_points import ServiceEntry, find_entries_of, find_services

    for service in find_services(project):
        for entry in find_entries_of(project, service):
            if isinstance(entry, ServiceEntry):
                yield _reached(project, entry)


def _reached(project: Project, entry: ServiceEntry) -> Reached:
    from memguard_hooks.app.walks import known_walk, rough_walk

    walked = known_walk(project, entry) or rough_walk(entry)
    paths = sorted({path for files in walked.files.values() for path in files})
    found = {path: _run(entry, path, _read(project, entry, path)) for path in paths if not project.is_excluded(path)}
    names = {name.partition(".")[0] for external in walked.externals for name in external.names}
    found.update(_configured(project, entry, found))
    return Reached(entry, {path: one for path, one in found.items() if one != NOTHING}, frozenset(names), tuple(paths))


def _run(entry: ServiceEntry, path: str, logs: FileLogs) -> FileLogs:
    """Return what a file says of logs where a service loads it: what only a program sets is set by the one it starts."""
    if path == entry.path or not any(one.is_main for one in logs.setups):
        return logs
    return logs._replace(setups=tuple(one for one in logs.setups if not one.is_main))


_SETTINGS = late_pattern(r"--log-config(?:-json)?[= ][\"']?([^\s\"']+)")
_GUNICORN = late_pattern(r"(?:^|[\s/])gunicorn\b.*?(?:\s(?:-c|--config)[= ][\"']?(?:file:)?([^\s\"']+)|$)")


def _configured(project: Project, entry: ServiceEntry, found: Mapping[str, FileLogs]) -> dict[str, FileLogs]:
    """Return what the files of settings say that the start of a service and its code name."""
    service = entry.service
    given = _SETTINGS.findall(service.command) if "--log-config" in service.command else ()
    named = [(service.folder, one) for one in given]
    settings = ((path, one) for path, logs in found.items() for one in logs.setups if one.kind == "settings")
    named += [(path.rpartition("/")[0], one.detail) for path, one in settings]
    read: dict[str, FileLogs] = {}
    for folder, name in named[:MAX_SETTINGS]:
        for base in dict.fromkeys((folder, service.folder, "")):
            path = join(base, name)
            data = project.read_file(path) if path is not None else None
            if path is not None and data is not None:
                from memguard_hooks.logs.configuration import read_configuration

                setups, muted = read_configuration(data, path)
                read[path] = FileLogs(setups=setups, muted=muted)
                break
    command = _GUNICORN.search(service.command) if "gunicorn" in service.command else None
    path = join(service.folder, command[1] or "gunicorn.conf.py") if command is not None else None
    data = project.read_file(path) if path is not None and path.endswith(".py") else None
    if path is not None and data is not None:
        read[path] = FileLogs(setups=_of_gunicorn(data), muted=found.get(path, NOTHING).muted)
    return read


MAX_SETTINGS = 12
"""Files of settings for logging that one service names."""


def _of_gunicorn(data: bytes) -> tuple[LogSetup, ...]:
    from memguard_hooks.formats.python_source import decode, parse
    from memguard_hooks.logs.setup import find_setups, gunicorn_setups

    try:
        module = parse(decode(data))
        return (*find_setups(module)[0], *gunicorn_setups(module))
    except (MemguardError, RecursionError):
        return ()


def _read(project: Project, entry: ServiceEntry, path: str) -> FileLogs:
    """Read what a file says of logs, once a run, however many services reach it."""
    sources = entry.sources
    read = lambda: read_logs(sources.store, sources.content(path), lambda: sources.data(path))  # noqa: E731
    try:
        return parse_once(project.tree, ("logs", path), read)
    except MemguardError:
        return NOTHING


def is_for_developers(service: Service) -> bool:
    """Return whether a service is plausibly no deployment: compose limits no memory, and the file is not named for it."""
    is_unlimited = service.platform == COMPOSE and service.limit is None
    names = (path.rpartition("/")[2] for path in compose_files(service))
    return is_unlimited and not any(map(NAMED_FOR_PRODUCTION.search, names))


def compose_files(service: Service) -> tuple[str, ...]:
    """Return the compose files that say what a service is and what it may take, whose command may stand in a Dockerfile."""
    paths = (service.path, service.limit_source.partition(":")[0])
    return tuple(dict.fromkeys(path for path in paths if path.endswith((".yml", ".yaml"))))


finding = partial(found_at, HOOK)
"""Return a finding of this hook."""
