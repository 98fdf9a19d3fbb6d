"""One service as a deployment file declares it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from memguard_hooks.finding import Skipped


class Service(NamedTuple):
    """A long-running command, where it is written and what is known of its host.

    `limit` is bytes, None where the host has none or nobody can know; `limit_source` says where
    the figure stands, `limit_label` what to call it in a message; `plan` is as it is written.
    `mounts` are the absolute paths that the repository's folders have in the service's image.
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


class Deployment(NamedTuple):
    """All services of a project, and what was not understood."""

    services: tuple[Service, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def join_services(own: Deployment, other: Deployment) -> Deployment:
    """Make one list of what a platform's own file declares and what another file does, a Procfile or a Dockerfile.

    The same command is one service; where they differ the first wins, for that platform does not
    read the other, and what lost is reported.
    """
    if not own.services:
        return Deployment(other.services, own.skipped + other.skipped)
    known = {" ".join(service.command.split()) for service in own.services}
    lost = tuple(
        Skipped(
            service.path,
            service.line,
            f"{service.name} is not counted: {own.services[0].path} declares what runs, and there it is another command",
        )
        for service in other.services
        if " ".join(service.command.split()) not in known
    )
    return Deployment(own.services, own.skipped + other.skipped + lost)
