"""What first-party code builds as it loads, at measured prices: routes, models and mapped classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from memguard_hooks.finding import MOMENTS, Moment, count
from memguard_hooks.imports.built_at_load import BuiltAtLoad, BuiltClass
from memguard_hooks.imports.graph import Walk
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped, reached

KIB = 2**10

# Measured beyond the source: 200 of each in one file, whose bytecode was there; anonymous memory, CPython 3.11.7, FastAPI
# 0.115.6 to 0.165.0, pydantic 2.14.4, SQLAlchemy 2.1.9, Django 5.2.19, 2026-11-29.

ROUTE = 21 * KIB
"""A route of FastAPI's: 14 KiB with one parameter, 28 with a body, a dependency and a model of the response."""

FIRST_SHARED = (0, 150)
"""The first measured release of FastAPI whose `include_router` builds no route again: 31 KiB, and 64 in 0.135."""

MODEL, FIELD = 8 * KIB, 2 * KIB
MAPPED, COLUMN = 16 * KIB, 8 * KIB
DJANGO_MODEL, DJANGO_FIELD = 11 * KIB, 2 * KIB

MODELS = frozenset({"BaseModel", "BaseSettings", "RootModel", "GenericModel", "SQLModel", "Schema"})
"""Classes below which all others are models of pydantic's."""

MAPPED_BASES = frozenset({"DeclarativeBase", "DeclarativeBaseNoMeta", "MappedAsDataclass", "declarative_base", "table"})
"""The same of mapped classes; SQLModel's are where `table=True` says so."""


DJANGO = frozenset({"Model", "AbstractUser", "AbstractBaseUser"})
"""The same of Django's models."""


class Built(Record):
    """What is built by some moment and was not before: how many of each, and what all take, in bytes."""

    routes: int = 0
    models: int = 0
    mapped: int = 0
    size: int = 0

    @property
    def told(self) -> str:
        """How many of each there are: `12 routes, 40 models`."""
        kinds = ((self.routes, "route"), (self.models, "model"), (self.mapped, "mapped class"))
        return ", ".join(count(number, kind) for number, kind in kinds if number)


def find_built(read: Callable[[str], BuiltAtLoad], walked: Walk, fastapi: str | None) -> dict[Moment, Built]:
    """Return what the files of a walk build at each moment; a class is what the names of its bases say, in any file.

    `fastapi` is the version that is installed, None where nothing says.
    """
    files = {moment: [read(path) for path in walked.files[moment]] for moment in MOMENTS}
    classes = [one for built in files.values() for file in built for one in file.classes]
    kinds = (_below(MAPPED_BASES, classes), _below(MODELS, classes), _below(DJANGO, classes))
    route = ROUTE if fastapi is None or _release(fastapi) >= FIRST_SHARED else 2 * ROUTE
    return {moment: _price(built, kinds, route) for moment, built in files.items()}


def _release(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version; high ones of what is none."""
    numbers = version.split(".")[:2]
    return tuple(map(int, numbers)) if all(one.isdecimal() for one in numbers) else (99,)


def _below(roots: Iterable[str], classes: Iterable[BuiltClass]) -> frozenset[str]:
    """Return the names of classes below some, by the names of their bases, with these."""
    children = grouped((base, one.name) for one in classes for base in one.bases)
    return frozenset(reached(roots, lambda name: children.get(name, ())))


def _price(files: Iterable[BuiltAtLoad], kinds: tuple[frozenset[str], ...], route: int) -> Built:
    mapped, models, django = kinds
    found = Built()
    for file in files:
        found = found._replace(routes=found.routes + file.routes, size=found.size + file.routes * route)
        for one in file.classes:
            if not mapped.isdisjoint(one.bases) or (one.columns > 1 and models.isdisjoint(one.bases)):
                size = MAPPED + max(one.columns, one.fields) * COLUMN
                found = found._replace(mapped=found.mapped + 1, size=found.size + size)
            elif not models.isdisjoint(one.bases):
                found = found._replace(models=found.models + 1, size=found.size + MODEL + one.fields * FIELD)
            elif not django.isdisjoint(one.bases) and one.assigned:
                size = DJANGO_MODEL + one.assigned * DJANGO_FIELD
                found = found._replace(models=found.models + 1, size=found.size + size)
    return found


NO_BUILT: Mapping[Moment, Built] = {moment: Built() for moment in MOMENTS}
