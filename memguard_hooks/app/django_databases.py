"""The databases that Django's settings name, and how many connections one process may open to each."""

from __future__ import annotations

from memguard_hooks.app.drivers import driver_of
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.imports.graph import Walk
    from memguard_hooks.models.folding import Folding
    from memguard_hooks.project.project import Project

SETTING, DEFAULT, POOL = "DATABASES", "default", 4
"""What the settings call their databases and the one that all code takes, and the connections that a pool of psycopg's keeps
unless it is told."""


class DjangoDatabase(Record):
    """A database of the settings: where they name it, and the module of its driver.

    `pool` is how many connections the pool of a process opens at most, 0 where each thread has one of its own.
    """

    path: str
    line: int
    driver: str
    pool: int


def may_name(project: Project, paths: Iterable[str]) -> bool:
    """Return whether some file of settings names databases, by its name and its bytes."""
    return any("settings" in path and SETTING.encode() in (project.tree.read(path) or b"") for path in paths)


def find_databases(project: Project, entry: ServiceEntry, walked: Walk) -> Iterator[DjangoDatabase]:
    """Yield the database of a service whose settings are found, none where nobody can know."""
    if not may_name(project, walked.paths):
        return
    from memguard_hooks.app.models import folding_of

    folding = folding_of(project, entry, walked)
    places = folding.places_in_django(SETTING, entry.path)
    if len(places) != 1:
        return
    engines = folding.in_django(entry.path, SETTING, DEFAULT, "ENGINE")
    backends = {one.rpartition(".")[2] for one in engines if isinstance(one, str)}
    if len(backends) < 2:
        driver = driver_of(project, entry, "sync", backend=next(iter(backends), ""))
        yield DjangoDatabase(*places[0], driver, _pool(folding, entry.path))


def _pool(folding: Folding, path: str) -> int:
    """Return how many connections a pool opens, 0 where there is none."""
    from memguard_hooks.models.values import Table

    found = folding.in_django(path, SETTING, DEFAULT, "OPTIONS", "pool")
    if not any(one is True or isinstance(one, Table) for one in found):
        return 0
    for name in ("max_size", "min_size"):
        sizes = [one for one in folding.in_django(path, SETTING, DEFAULT, "OPTIONS", "pool", name) if type(one) is int]
        if sizes:
            return max(sizes)
    return POOL
