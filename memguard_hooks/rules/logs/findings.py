"""What these rules judge, and what they say it with."""

from __future__ import annotations

from functools import partial

from memguard_hooks.deployment.service import NAMED_FOR_PRODUCTION
from memguard_hooks.errors import MemguardError
from memguard_hooks.logs.facts import NOTHING, FileLogs, read_logs
from memguard_hooks.record import Record
from memguard_hooks.rules.policy import found_at
from memguard_hooks.tree import parse_once

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.deployment.service import Service
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
    found = {path: _read(project, entry, path) for path in paths if not project.is_excluded(path)}
    names = {name.partition(".")[0] for external in walked.externals for name in external.names}
    return Reached(entry, {path: one for path, one in found.items() if one != NOTHING}, frozenset(names), tuple(paths))


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
    return is_unlimited and NAMED_FOR_PRODUCTION.search(service.path.rpartition("/")[2]) is None


finding = partial(found_at, HOOK)
"""Return a finding of this hook."""
