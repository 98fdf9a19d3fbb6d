"""`zbpack.json`: how Zeabur builds and starts one service: `start_command`, or the Dockerfile that is there; and templates.

Source of the formats: zeabur.com/docs, "Customize builds" and "Template format", and zeabur/zbpack (2026-11). A Dockerfile
wins unless `ignore_dockerfile` says otherwise. A template, `zeabur.yaml`, lists services with an image and a command, or
that are built from git. Memory is a matter of the plan: neither has a key for it.
"""

from __future__ import annotations

import yaml

from memguard_hooks.deployment import container, dockerfile, hosted
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.platforms import without_plan
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, unread_service
from memguard_hooks.deployment.yaml_values import variables
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import json_document
from memguard_hooks.formats.typed import table, text
from memguard_hooks.formats.yaml_nodes import compose, few, get, pairs, place, scalar
from memguard_hooks.tree import join, parent

ZEABUR = "zeabur"


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the service of a file. Raises MemguardError for JSON that does not parse, with the place."""
    document = json_document.parse(data, path)
    folder = join(parent(path), (text(document.data, "app_dir") or "").strip("/"))
    if folder is None:
        return Deployment((), (Skipped(path, document.place(("app_dir",))[0], "app_dir leads out", service="web"),))
    file = join(folder, (text(table(document.data, "dockerfile"), "path") or "Dockerfile").lstrip("/"))
    is_ignored = table(document.data).get("ignore_dockerfile") is True
    started = dockerfile.start(file, folder, read_file) if file is not None and not is_ignored else None
    if started is None:
        started = _started(document, folder, read_file)
    if isinstance(started, Skipped):
        started = unread_service(started._replace(service="web"))
    return Deployment.of((_on_zeabur(started, path),))


def _on_zeabur(service: Service, path: str) -> Service:
    return without_plan(service, ZEABUR, ServicePlace(path, 1, 1), "a Zeabur plan")


def _started(document: json_document.JsonDocument, folder: str, read_file: Read) -> Service | Skipped:
    """Return what runs without a Dockerfile."""
    command = (text(document.data, "start_command") or "").strip()
    place = ServicePlace(document.path, *document.place(("start_command",)))
    if not command:
        return Skipped(document.path, place.line, "it has no start_command, and what zbpack then starts is not read")
    version = text(table(document.data, "python"), "version")
    builds = default_builds("nixpacks", folder, place, read_file)
    built = (text(document.data, "build_command") or "").strip()
    if built:
        builds = (*builds, Build(built, ServicePlace(document.path, *document.place(("build_command",))), folder))
    sets = {"PYTHON_VERSION": version} if version else {}
    return Service("web", *place, command, folder=folder, environment=sets, builds=builds)


def read_template(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the services of a template that run Python. Raises MemguardError for YAML that does not parse, with the place."""
    root = compose(data, path)
    nodes = few(get(root, "spec", "services"))
    if not (scalar(root, "apiVersion") or "").startswith("zeabur.com/"):
        return Deployment()
    declared = [_declared(node, path) for node in nodes]
    ours = container.own_images(tuple(one for one in declared if one.image))
    found: list[Service | Skipped] = []
    for node, one in zip(nodes, declared, strict=True):
        if one.image or one.entrypoint:
            started = container.start(one, ours, read_file)
        else:
            asked = hosted.HostedService(one.name, one.place, needs="command")
            started = hosted.start(asked, read_file) if scalar(node, "template") == "GIT" else None
        if started is not None:
            service = started if isinstance(started, Service) else unread_service(started)
            found.append(_on_zeabur(service, path)._replace(name=one.name))
    return Deployment.of(found)


def _declared(node: yaml.Node, path: str) -> container.DeclaredContainer:
    name, spec = scalar(node, "name") or "web", get(node, "spec")
    command = get(spec, "command")
    words = tuple(text for text in map(scalar, few(command)) if text is not None)
    listed = ((str(key.value), scalar(value, "default"), key) for key, value in pairs(get(spec, "env")))
    return container.DeclaredContainer(
        name,
        (name.lower(),),
        scalar(spec, "source", "image") or "",
        ServicePlace(path, *place(node)),
        words,
        variables=variables(path, listed),
        written=ServicePlace(path, *place(command)) if command is not None and words else None,
    )
