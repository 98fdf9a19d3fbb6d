"""One service as a deployment file declares it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from memguard_hooks.finding import Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, TypeAlias

Read: TypeAlias = "Callable[[str], 'bytes | None']"
"""Gives a file of the repository by its path from the root, None where there is no such file."""

NAMED_FOR_PRODUCTION = late_pattern(
    r"(?i)(?:^|[-_.])(?<!non[-_.])(?<!not[-_.])(?<!pre[-_.])(?:prod(?:uction)?|prd|release|stable|live)(?:[-_.\d]|$)"
)
"""Names of files, stages of images and environments that are for production."""


class ServicePlace(Record):
    """Where something is written, 1-based."""

    path: str
    line: int
    column: int


class Build(Record):
    """A command that runs before the service, such as `pip install -r requirements.txt`, and where it runs.

    `host` is the container of its own that it runs in, None where that is the service's.
    """

    command: str
    place: ServicePlace
    folder: str = ""
    host: Service | None = None


class Variables(Record):
    """What a file sets: the values that are known, and where each variable stands.

    One whose value only the platform knows has a place and no value.
    """

    values: Mapping[str, str] = MappingProxyType({})
    places: Mapping[str, ServicePlace] = MappingProxyType({})

    def over(self, other: Variables) -> Variables:
        """Return both together; where they differ, these win."""
        kept = {name: value for name, value in other.values.items() if name not in self.places}
        return Variables({**kept, **self.values}, {**other.places, **self.places})


class BaseImage(Record):
    """The image that another one starts from, as `FROM` names it, and the `--platform` that it asks for."""

    name: str
    place: ServicePlace
    platform: str = ""


class ImageMaker(Record):
    """The Dockerfile that makes an image, the folder that it is built in, and its stage, the last one where it is empty."""

    file: str
    context: str
    target: str = ""


class Database(Record):
    """A database that is declared beside a service, by its plan or its place, and the connections that it takes.

    These are None where files configure it that cannot be read.
    """

    plan: str
    connections: int | None
    kind: str = "PostgreSQL"


class Service(Record):
    """A long-running command, where it is written and what is known of its host.

    `limit` is bytes, None where the host has none or nobody can know; `limit_source` says where
    the figure stands, `limit_label` what to call it in a message; `plan` is as it is written.
    `cpus` is what the plan gives, None where nobody can know; `replicas` are copies of the service,
    each with a limit of its own. `environment` is what the command sees, also what the platform sets by
    itself; `variables` says where those stand that the repository sets. `builds` install its dependencies.
    `mounts` are the absolute paths that the repository's folders have in the service's image. `instead_of` are the commands
    of other files that lose to this service, because its platform does not read them. `once` are commands that run to
    their end on a host of the same kind before it starts, such as migrations. `base` is what that image starts from, None
    where no Dockerfile says so. `unread` says why nobody can read the command, which is then empty. `pool` is the source
    of a limit that all services with the same one share, as the containers of a task do; each may have a limit of its own.
    `uncounted` are containers of somebody else's that share it, and of which nothing says what they take.
    `database` is the only one that the platform gives it, where its plan is known.
    """

    name: str
    path: str
    line: int
    column: int
    command: str
    kind: str = "web"
    platform: str | None = None
    plan: str | None = None
    limit: int | None = None
    limit_source: str = ""
    limit_label: str = ""
    environment: Mapping[str, str] = MappingProxyType({})
    folder: str = ""
    mounts: Mapping[str, str] = MappingProxyType({})
    cpus: float | None = None
    replicas: int | None = 1
    variables: Mapping[str, ServicePlace] = MappingProxyType({})
    builds: tuple[Build, ...] = ()
    instead_of: tuple[ServicePlace, ...] = ()
    once: tuple[Build, ...] = ()
    base: BaseImage | None = None
    unread: str = ""
    pool: str = ""
    uncounted: tuple[str, ...] = ()
    database: Database | None = None

    @property
    def place(self) -> ServicePlace:
        """Where the command is written."""
        return ServicePlace(self.path, self.line, self.column)

    def at(self, place: ServicePlace) -> Service:
        """Return the service with another place for its command."""
        return self._replace(path=place.path, line=place.line, column=place.column)


class Trap(Record):
    """Something that a deployment file says and that does not do what its writer means.

    `kind` tells which, `subject` what it is about, such as the service or the key, and `detail` what a message needs.
    """

    kind: str
    place: ServicePlace
    subject: str
    detail: str = ""


class Deployment(Record):
    """All services of a project, what was not understood, and what will not do what it says.

    `unread` are the services among what was not understood of which the host is known.
    """

    services: tuple[Service, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    traps: tuple[Trap, ...] = ()
    unread: tuple[Service, ...] = ()

    @classmethod
    def of(cls, found: Iterable[Service | Skipped | Trap]) -> Deployment:
        """Return what a reader has found, each kind in its order."""
        all_found = tuple(found)
        services = [one for one in all_found if isinstance(one, Service)]
        return cls(
            tuple(one for one in services if not one.unread),
            tuple(_gap(one) for one in all_found if isinstance(one, Skipped) or (isinstance(one, Service) and one.unread)),
            tuple(one for one in all_found if isinstance(one, Trap)),
            tuple(one for one in services if one.unread),
        )

    def joined(self, other: Deployment) -> Deployment:
        """Return all that both declare, side by side."""
        services, unread = self.services + other.services, self.unread + other.unread
        return Deployment(services, self.skipped + other.skipped, self.traps + other.traps, unread)

    def only(self, is_kept: Callable[[Service], bool]) -> Deployment:
        """Return the same with some of the services."""
        return self._replace(services=tuple(filter(is_kept, self.services)))

    def each_once(self, key: Callable[[Service], object]) -> Deployment:
        """Return the same with the first of the services that have the same key."""
        found: dict[object, Service] = {}
        for one in self.services:
            found.setdefault(key(one), one)
        return self._replace(services=tuple(found.values()))


def unread_service(gap: Skipped) -> Service:
    """Return the service whose start nobody can read, on no host."""
    return Service(gap.service, gap.path, gap.line or 1, 1, "", unread=gap.reason)


def _gap(one: Service | Skipped) -> Skipped:
    return one if isinstance(one, Skipped) else Skipped(one.path, one.line, one.unread, service=one.name)


def with_once(services: Iterable[Service], once: Iterable[Build]) -> list[Service]:
    """Return services, the one that answers requests or else the first with commands that run once before all of them."""
    found = list(services)
    at = next((number for number, one in enumerate(found) if one.kind == "web"), 0)
    if found:
        found[at] = found[at]._replace(once=tuple(once))
    return found


def template(path: str, line: int | None) -> Skipped:
    """Return what is said of a file that is a template."""
    return Skipped(path, line, "is a template, whose values are known only once it is filled in")


def join_services(own: Deployment, other: Deployment) -> Deployment:
    """Make one list of what a platform's own file declares and what another file does, a Procfile or a Dockerfile.

    The same command is one service; where they differ the first wins, for that platform does not
    read the other. What lost stands with the winner of its name, or with the first.
    """
    if not own.services:
        return own.joined(other)
    known = {" ".join(service.command.split()) for service in own.services}
    names = [service.name for service in own.services]
    lost: dict[int, tuple[ServicePlace, ...]] = {}
    for service in other.services:
        if " ".join(service.command.split()) not in known:
            winner = names.index(service.name) if service.name in names else 0
            known_places = (*own.services[winner].instead_of, *lost.get(winner, ()))
            lost[winner] = lost.get(winner, ()) + ((service.place,) if service.place not in known_places else ())
    services = tuple(
        one._replace(instead_of=(*one.instead_of, *lost.get(number, ()))) for number, one in enumerate(own.services)
    )
    return own._replace(services=services).joined(other._replace(services=()))
