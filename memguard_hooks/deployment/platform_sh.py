"""Apps of Platform.sh and Upsun: `web.commands.start`, and the workers that share the image of their app.

Source of the format: docs.upsun.com, "App reference" (2026-11). `.platform.app.yaml` holds one app, that of its folder;
`.platform/applications.yaml` a list of them, and `.upsun/config.yaml` several by name, each with the folder that it lies in.
A worker without `commands.start` runs nothing. How much memory a container gets is a matter of the plan; the file names
classes of size, which its container profile decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace
from memguard_hooks.deployment.yaml_values import build_of, each_once, of_mapping
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, items, pairs, place, scalar
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

PLATFORM_SH = "platform-sh"


class _App(Record):
    """One app: its node, its name, its file and the folder that it lies in, with the Python that its type names."""

    node: yaml.Node
    name: str
    path: str
    folder: str
    sets: dict[str, str]


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:  # noqa: ARG001 - as readers are called
    """Read the apps of a file and their workers, of those whose type is Python.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(one for app in _apps(data, path) for one in _read(app))


def _apps(data: bytes, path: str) -> Iterator[_App]:
    root = compose(data, path)
    if root is None:
        return
    above = parent(path)
    if path.endswith(".app.yaml"):
        named = [(scalar(root, "name") or "web", root)]
    else:
        above = parent(above)
        listed = get(root, "applications") or root
        named = [(str(key.value), node) for key, node in pairs(listed)]
        named += [(scalar(node, "name") or "web", node) for node in each_once(items(listed))]
    for name, node in named:
        folder = join(above, (scalar(node, "source", "root") or "").strip("/"))
        versions = [one[1] for one in map(_version, _runtimes(node)) if one is not None]
        if versions and folder is not None:
            yield _App(node, name, path, folder, {"PYTHON_VERSION": versions[0]} if versions[0] else {})


def _runtimes(node: yaml.Node) -> list[str]:
    """Return what an app is of: its type, or the stack of a composed image."""
    listed = [scalar(one) or "".join(str(key.value) for key, _ in pairs(one)[:1]) for one in items(get(node, "stack"))]
    return [scalar(node, "type") or "", *listed, *(scalar(one) or "" for one in items(get(node, "stack", "runtimes")))]


def _version(text: str) -> re.Match[str] | None:
    return re.fullmatch(r"python(?:[:@](?:(3\.\d{1,2}).*|.*))?", text)


def _read(app: _App) -> Iterator[Service | Skipped]:
    web = _started(app, app.node, app.name, ("web", "commands", "start"))
    hooks = get(app.node, "hooks")
    once = build_of(hooks, "deploy", app.path, app.folder) if hooks is not None else ()
    yield web._replace(once=once) if isinstance(web, Service) else web
    for key, node in pairs(get(app.node, "workers")):
        worker = _started(app, node, key.value, ("commands", "start"))
        if isinstance(worker, Service) and isinstance(web, Service):
            yield worker._replace(
                kind="worker",
                environment={**web.environment, **worker.environment},
                variables={**web.variables, **worker.variables},
                builds=web.builds,
            )


def _started(app: _App, node: yaml.Node, name: str, keys: tuple[str, ...]) -> Service | Skipped:
    """Return what an app or a worker runs."""
    command, hooks = scalar(node, *keys), get(node, "hooks")
    where = ServicePlace(app.path, *place(get(node, *keys) or node))
    if command is None or not command.strip():
        return Skipped(app.path, where.line, f"it has no {'.'.join(keys)}", service=name)
    variables = of_mapping(get(node, "variables", "env"), app.path)
    return Service(
        name,
        *where,
        command.strip(),
        platform=PLATFORM_SH,
        limit_source=f"{app.path}:{where.line} names no memory",
        limit_label="a container of Platform.sh",
        environment={**app.sets, **variables.values},
        variables=variables.places,
        folder=app.folder,
        builds=build_of(hooks, "build", app.path, app.folder) if hooks is not None else (),
    )
