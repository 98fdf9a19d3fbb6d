"""The tables of calls that do work at start, and of what initializers import because it is installed."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator
from functools import cache

from memguard_hooks.formats.tsv import rows
from memguard_hooks.record import Literal, Record, TypeAlias
from memguard_hooks.relations import grouped

Kind: TypeAlias = (
    "Literal['data', 'process', 'scheduler', 'network', 'tables', 'initializer', 'client', 'pool', 'engine', 'companion']"
)

FOLDER = os.path.join(os.path.dirname(__file__), "data")

BROWSER = "browser"
"""How a call works that starts a browser: it is there while its caller runs, and then what kills."""

OF_PROGRAMS = ("program", "ended")
"""How calls work that start a program, and may wait for it."""

DOWNLOADS = ("the data of nltk", "a model")
"""What calls of the network wait for that stays on the disk: an image that is built may hold it."""

FILE = "(file)"
"""Stands for what `open` or a path gives."""


READS = frozenset({"read", "read_text", "read_bytes", "readlines"})
"""Methods of a file or a path that return what it holds."""


class KnownCall(Record):
    """A call that does work: of which kind, on what, which argument says on which, and the bytes that it takes."""

    function: str
    kind: Kind
    how: str
    position: int
    keywords: tuple[str, ...]
    size: int

    @property
    def is_dictionary(self) -> bool:
        """Whether it loads something of its library's own, which stays whoever calls."""
        return self.kind == "data" and self.size > 0

    @property
    def is_first_attempt(self) -> bool:
        """Whether a handler of errors does it only where another attempt has failed: a download is what is missing there."""
        return self.kind == "tables" or (self.kind == "network" and self.how not in DOWNLOADS)


class Integration(Record):
    """What an initializer imports where a distribution is installed, by itself since a version of its own; empty for all."""

    name: str
    distribution: str
    modules: tuple[str, ...]
    since: str = ""


class Driver(Record):
    """What connects Python to a database: which distributions bring it, and the module that they have."""

    schemes: tuple[str, ...]
    backends: tuple[str, ...]
    how: str
    distributions: tuple[str, ...]
    module: str


@cache
def _calls() -> tuple[list[str], ...]:
    return tuple(_rows("calls.tsv"))


@cache
def known_calls() -> dict[str, KnownCall]:
    """All calls that do work, by their dotted names."""
    found: dict[str, KnownCall] = {}
    for function, kind, how, position, keywords, mib in _calls():
        names = tuple(filter(None, keywords.split(",")))
        size = int(float(mib) * 2**20)
        found[function] = KnownCall(function, kind, how, int(position), names, size)  # type: ignore[arg-type]
    return found


@cache
def last_names() -> dict[str, frozenset[str]]:
    """The last names of these calls, by their packages: no other call is looked at."""
    return _last_names(name for name, *_ in _calls())


@cache
def browsers() -> frozenset[str]:
    """The packages whose calls start a browser."""
    return frozenset(name.partition(".")[0] for name, _, how, *_ in _calls() if how == BROWSER)


@cache
def program_starts() -> frozenset[str]:
    """The last names of the calls that start a program."""
    return frozenset(name.rpartition(".")[2] for name, _, how, *_ in _calls() if how in OF_PROGRAMS)


@cache
def dictionaries() -> dict[str, frozenset[str]]:
    """The last names of calls that load something of their library's own, by its package."""
    return _last_names(name for name, kind, _, _, _, mib in _calls() if kind == "data" and mib != "0")


def _last_names(functions: Iterable[str]) -> dict[str, frozenset[str]]:
    found = grouped((name.partition(".")[0], name.rpartition(".")[2]) for name in functions)
    return {package: frozenset(names) for package, names in found.items()}


@cache
def companions() -> dict[str, dict[str, tuple[str, ...]]]:
    """What classes and functions import once they are called: the modules by the name, by the package."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for packages, name, modules in _rows("companions.tsv"):
        for package in packages.split(","):
            found.setdefault(package, {})[name] = tuple(modules.split(","))
    return found


def companions_of(name: str) -> tuple[str, ...]:
    """Return the modules that a call of a dotted name imports: also of a method of a class that makes an object."""
    package, *rest = name.split(".")
    known = companions().get(package, {})
    return next((known[part] for part in rest if part in known), ())


def call_named(name: str) -> KnownCall | None:
    """Return what is known of a call by its dotted name, None for one that does no work."""
    return known_calls().get(name) or importer_named(name)


def importer_named(name: str) -> KnownCall | None:
    """Return a call as one that does nothing but to import, None for one that imports nothing."""
    return KnownCall(name, "companion", "", -1, (), 0) if companions_of(name) else None


@cache
def integrations(initializer: str) -> tuple[Integration, ...]:
    """Return what an initializer may import."""
    return tuple(
        Integration(name, distribution, tuple(modules.split(",")), since)
        for owner, name, distribution, modules, since in _rows("integrations.tsv")
        if owner == initializer
    )


@cache
def integrated() -> frozenset[str]:
    """The distributions because of which some initializer or agent imports something."""
    return frozenset(distribution for _, _, distribution, *_ in _rows("integrations.tsv"))


@cache
def drivers() -> tuple[Driver, ...]:
    """All drivers of databases, in the order in which one counts where nothing names it."""
    found: list[Driver] = []
    for schemes, backends, how, distributions, module in _rows("drivers.tsv"):
        named = (tuple(filter(None, names.split(","))) for names in (schemes, backends, distributions))
        of_urls, of_django, brought = named
        found.append(Driver(of_urls, of_django, how, brought, module))
    return tuple(found)


def _rows(name: str) -> Iterator[list[str]]:
    return rows(os.path.join(FOLDER, name))
