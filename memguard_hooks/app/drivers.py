"""The drivers of databases that Django and SQLAlchemy import by themselves: no statement of the project does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.imports.graph import External
from memguard_hooks.project.project import Project
from memguard_hooks.startup.table import drivers

BACKENDS = "django.db.backends"


def driver_of(project: Project, entry: ServiceEntry, how: str, *, scheme: str = "", backend: str = "") -> str:
    """Return the module of the driver for a URL or a backend of Django, by what is installed; empty for none.

    Where neither is known, the first driver that is installed counts: nobody installs one to leave it alone.
    """
    present = project.declared.beside(entry.path).present
    for one in drivers():
        is_named = scheme in one.schemes if scheme else not backend or backend in one.backends
        if one.how == how and is_named and not present.isdisjoint(one.distributions):
            return one.module
    return ""


def django_drivers(project: Project, entry: ServiceEntry, externals: Iterable[External]) -> Iterator[External]:
    """Yield the drivers that backends of Django import as the first model is defined."""
    for external in externals:
        package, _, backend = external.names[0].rpartition(".")
        is_any = external.names[0] == BACKENDS
        if (is_any or package.endswith("db.backends")) and external.way is not None:
            module = driver_of(project, entry, "sync", backend="" if is_any else backend)
            if module:
                site = external.site and external.site._replace(module=module)
                yield external._replace(names=(module,), site=site)
