"""`manifest.yml` of Cloud Foundry: applications and their processes.

Source of the format: docs.cloudfoundry.org, "App manifest attribute reference" (2026-11). An application without processes
is one, called `web`; a Procfile says what runs where no `command` does, for each process by its type, and its other
processes run once they are scaled up, each with the platform's default. Memory is what the manifest gives, or the
platform's default of 1 GB. `((NAME))` is filled in from a file that is named as the app is pushed, and is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import yaml

from memguard_hooks.deployment import container, hosted, procfile
from memguard_hooks.deployment.hosted import HostedService
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, unread_service
from memguard_hooks.deployment.yaml_values import count_of, each_once, of_mapping
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, items, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import join, parent

CLOUD_FOUNDRY = "cloud-foundry"

DEFAULT_MIB = 1024

HOME = "/home/vcap/app"
"""Where an application lies in its container."""

_SIZE = late_pattern(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*(MB?|GB?)", re.IGNORECASE)


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the processes of a manifest that are of Python. Raises MemguardError for YAML that does not parse."""
    root = compose(data, path)
    return Deployment.of(one for app in each_once(items(get(root, "applications"))) for one in _app(app, path, read_file))


def _app(app: yaml.Node, path: str, read_file: Read) -> Iterator[Service | Skipped]:
    if get(app, "docker", "image") is not None or "static" in (scalar(app, "buildpack") or ""):
        return
    folder = _folder(path, scalar(app, "path"), read_file)
    processes = list(each_once(items(get(app, "processes")))) or [app]
    listed = _listed(folder, read_file) if any(get(one, "command") is None for one in processes) else {}
    for node in processes:
        name = (scalar(node, "type") or "web") if len(processes) > 1 else scalar(app, "name") or "web"
        name = name if "((" not in name else scalar(node, "type") or "web"
        command = get(node, "command") or get(app, "command")
        text = scalar(command) or ""
        where = ServicePlace(path, *place(command if command is not None else node))
        kind = scalar(node, "type") or "web"
        if command is None and kind != "web" and kind in listed:
            text, where = listed[kind].command, listed[kind].place
        asked = HostedService(name, where, folder, text.strip() if text != "null" else "", is_image=False, needs="command")
        found = hosted.start(asked, read_file) if hosted.is_python(folder, read_file) else None
        if isinstance(found, Service) and kind != "web" and not asked.command:
            found = Skipped(path, where.line, f"neither the manifest nor a Procfile says how {kind} starts", service=name)
        if isinstance(found, Skipped):
            found = unread_service(found)
        if isinstance(found, Service):
            found = _at_home(_sized(found, node, app, path), folder, app, path)._replace(name=name, kind=kind)
        if found is not None:
            yield found
        if found is not None and node is app and command is None:
            yield from _beside(listed, folder, app, path, read_file)


def _folder(path: str, written: str | None, read_file: Read) -> str:
    """Return the folder of an application: without a `path` that in which `cf push` is called, here or in the root."""
    here = parent(path)
    if written:
        found = join(here, written.strip("/"))
        return here if found is None else found
    return here if hosted.is_python(here, read_file) else ""


def _listed(folder: str, read_file: Read) -> Mapping[str, Service]:
    """Return what a Procfile starts, by the types of its processes."""
    path = join(folder, "Procfile") or "Procfile"
    return {one.name: one for one in procfile.read(read_file(path) or b"", path, read_file).services}


def _beside(listed: Mapping[str, Service], folder: str, app: yaml.Node, path: str, read_file: Read) -> Iterator[Service]:
    """Yield the processes beside `web` of a Procfile, of which no instance runs until somebody asks for one."""
    for one in listed.values():
        if one.name != "web":
            asked = HostedService(one.name, one.place, folder, one.command, is_image=False)
            found = hosted.start(asked, read_file)
            if isinstance(found, Service):
                sized = _sized(found, None, None, one.path)._replace(name=one.name, kind=one.kind, replicas=None)
                yield _at_home(sized, folder, app, path)


def _at_home(service: Service, folder: str, app: yaml.Node, path: str) -> Service:
    """Return a service in the container of its application, with the variables of that."""
    home = service._replace(environment={"HOME": HOME, **service.environment}, mounts={HOME: folder, **service.mounts})
    return container.with_variables(home, of_mapping(get(app, "env"), path))


def _sized(service: Service, node: yaml.Node | None, app: yaml.Node | None, path: str) -> Service:
    memory = get(node, "memory") or get(app, "memory")
    text = scalar(memory) or f"{DEFAULT_MIB}M"
    size = _SIZE.fullmatch(text.strip())
    line = place(memory)[0] if memory is not None else service.line
    return service._replace(
        platform=CLOUD_FOUNDRY,
        plan="",
        limit=int(float(size[1]) * (1024 if size[2][0] in "gG" else 1)) * MIB if size is not None else None,
        limit_source=f"{path}:{line} {'memory' if memory is not None else 'default memory'} {text}",
        limit_label="cloud-foundry memory" if memory is not None else f"cloud-foundry {DEFAULT_MIB} MB by default",
        replicas=count_of(scalar(node, "instances") or scalar(app, "instances") or "1"),
    )
