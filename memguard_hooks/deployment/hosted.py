"""What a host starts that is told a folder, and perhaps a command or a Dockerfile: what readers of such files share."""

from __future__ import annotations

from memguard_hooks.deployment import dockerfile, procfile
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.service import Build, Read, Service, ServicePlace
from memguard_hooks.finding import Skipped
from memguard_hooks.record import Record
from memguard_hooks.tree import join, normalize

MANIFESTS = ("requirements.txt", "pyproject.toml", "setup.py", "Pipfile", "uv.lock", "poetry.lock", "runtime.txt")
"""Files that make a folder one of Python; `runtime.txt` names its version."""


class HostedService(Record):
    """What a file asks for: `place` is that of the service, and of its command where it has one.

    `dockerfile` is the path that it names, None where it names none; `builder` is the one of `builders` that installs.
    `is_image` tells that a Dockerfile which lies in the folder makes the image without being named.
    """

    name: str
    place: ServicePlace
    folder: str = ""
    command: str = ""
    dockerfile: str | None = None
    build: tuple[Build, ...] = ()
    builder: str = "heroku"
    is_image: bool = True
    needs: str = "a command"


def start(asked: HostedService, read_file: Read) -> Service | Skipped | None:
    """Return what a host starts; None for what is not of Python."""
    path, line = asked.place.path, asked.place.line
    named = asked.dockerfile
    file = normalize(named.lstrip("/")) if named is not None else join(asked.folder, "Dockerfile")
    if file is None:
        return Skipped(path, line, "its Dockerfile leads out of the repository", service=asked.name)
    started = dockerfile.start(file, asked.folder, read_file) if named is not None or asked.is_image else None
    if started is not None:
        if not asked.command:
            if not dockerfile.holds_python(read_file(file) or b""):
                return None
            return started if isinstance(started, Service) else started._replace(service=asked.name)
        if isinstance(started, Service):
            return started.at(asked.place)._replace(command=asked.command)
    elif named is not None:
        return Skipped(path, line, f"there is no {named}", service=asked.name)
    builds = asked.build or default_builds(asked.builder, asked.folder, asked.place, read_file)
    if asked.command:
        return Service(asked.name, *asked.place, asked.command, folder=asked.folder, builds=builds)
    if not is_python(asked.folder, read_file):
        return None
    listed = join(asked.folder, "Procfile") or "Procfile"
    data = read_file(listed)
    processes = procfile.read(data, listed).services if data is not None else ()
    chosen = next((one for one in processes if one.name in (asked.name, "web")), None)
    if chosen is None:
        return Skipped(path, line, f"it has no {asked.needs}, and there is no {file}", service=asked.name)
    return chosen._replace(builds=builds)


def is_python(folder: str, read_file: Read) -> bool:
    """Return whether a folder has a manifest of Python."""
    paths = (join(folder, name) for name in MANIFESTS)
    return any(path is not None and read_file(path) is not None for path in paths)
