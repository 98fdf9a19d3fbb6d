"""`Procfile`: one process type a line, `name: command`.

Source of the format: Heroku's description of the Procfile. A Procfile names no platform; what stands beside it may.
"""

from __future__ import annotations

from memguard_hooks.deployment.builders import agreed_builds
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, with_once
from memguard_hooks.finding import Skipped
from memguard_hooks.tree import join, parent

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
"""What the name of a process type is made of."""

ONE_OFF = frozenset({"release"})
"""Process types that run once, before the others, in a container of their own."""

_NOTHING_STARTS = "no line is `name: command`, so that nothing starts: write `web: ` before the command"


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the services of a Procfile; a line that is none is skipped with its place: its service where no line is one."""
    services: list[Service] = []
    once: list[Build] = []
    skipped: list[Skipped] = []
    folder = parent(path)
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, command = line.strip().partition(":")
        command = command.lstrip(" \t")
        if not command or not name or not _LETTERS.issuperset(name):
            skipped.append(Skipped(path, number, "is not `name: command`"))
            continue
        column = len(line) - len(line.lstrip()) + 1
        if name in ONE_OFF:
            once.append(Build(command, ServicePlace(path, number, column), folder))
        else:
            services.append(Service(name, path, number, column, command, kind=name, folder=folder))
    dockerfile = join(folder, "Dockerfile")
    if services and (dockerfile is None or read_file(dockerfile) is None):  # beside one, it may run in that image
        builds = agreed_builds(folder, ServicePlace(path, services[0].line, services[0].column), read_file)
        services = [service._replace(builds=builds) for service in services]
    if skipped and not services and not once:
        skipped[0] = skipped[0]._replace(reason=_NOTHING_STARTS, service="web")
    return Deployment(tuple(with_once(services, once)), tuple(skipped))
