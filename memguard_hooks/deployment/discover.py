"""The services of a repository: which deployment files it has, and how what they say is joined.

The files of platforms win over a Procfile, and that over a Dockerfile that no platform's file names, where it
starts Python. Two platforms are two hosts: what runs on both is judged twice.
"""

from __future__ import annotations

from collections.abc import Callable

from memguard_hooks.deployment import procfile
from memguard_hooks.deployment.service import Deployment, Service, join_services
from memguard_hooks.errors import MemguardError
from memguard_hooks.tree import Tree

Broken = Callable[[MemguardError], None]
Read = Callable[[str], "bytes | None"]


def discover(tree: Tree, broken: Broken) -> Deployment:
    """Read the deployment files of a tree; `broken` is told of each that cannot be read or does not parse."""
    images: set[str] = set()

    def read_named(path: str) -> bytes | None:
        """Return a file that another one names, None where there is none that may be read."""
        try:
            return tree.read(path)
        except MemguardError:
            return None

    def read_image(path: str) -> bytes | None:
        images.add(path)
        return read_named(path)

    def read(path: str) -> bytes | None:
        try:
            return tree.read(path)
        except MemguardError as error:
            broken(error)
            return None

    own = Deployment()
    for path in ("render.yaml", "fly.toml"):
        data = read(path)
        if data is None:
            continue
        if path == "render.yaml":
            from memguard_hooks.deployment import render as reader
        else:
            from memguard_hooks.deployment import fly as reader  # type: ignore[no-redef]
        try:
            found = reader.read(data, path, read_image)
        except MemguardError as error:
            broken(error)
            continue
        own = Deployment(own.services + found.services, own.skipped + found.skipped, own.traps + found.traps)
    data = read("Procfile")
    others = [procfile.read(data, "Procfile")] if data is not None else []
    data = read("Dockerfile") if "Dockerfile" not in images else None
    if data is not None:
        others.append(_image(data, "Dockerfile", read_named, broken))
    if len(others) == 2 and _runs_python(others[1], read_named) and not _runs_python(others[0], read_named):
        others.reverse()
    for other in others:
        own = join_services(own, other)
    return own


def _image(data: bytes, path: str, read: Read, broken: Broken) -> Deployment:
    """Return what the image of a Dockerfile runs, on no platform that anybody names."""
    from memguard_hooks.deployment import dockerfile

    try:
        found = dockerfile.read_image(data, path, read=read)
    except MemguardError as error:
        broken(error)
        return Deployment()
    started = found.service(path, read) if isinstance(found, dockerfile.Image) else found
    return Deployment((started,)) if isinstance(started, Service) else Deployment((), (started,))


def _runs_python(deployment: Deployment, read: Read) -> bool:
    from memguard_hooks.deployment.command import Host, parse

    return any(parse(one.command, Host(one.environment, read), one.folder).entrypoint for one in deployment.services)
