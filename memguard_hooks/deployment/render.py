"""`render.yaml`, Render's blueprint: services at the top or under `projects[].environments[]`.

Source of the format: render-oss/skills, render-deploy/references/blueprint-spec.md (2026-08-18). Render reads the one
in the root unless its dashboard names another; paths count from the root of the repository in any case. The plan of
`previews` is that of copies for pull requests and says nothing of the service.
Render's native Python sets `GUNICORN_CMD_ARGS=--preload …` by itself, images of the user's own do not get it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.hidden_keys import find_hidden_keys, hidden_value
from memguard_hooks.deployment.platforms import RENDER, unknown_plan, with_plan
from memguard_hooks.deployment.service import (
    Database,
    Deployment,
    Read,
    Service,
    ServicePlace,
    Trap,
    Variables,
    unread_service,
)
from memguard_hooks.deployment.yaml_values import build_of, count_of, each_once, of_list
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import compose, few, get, items, nearest, place, scalar
from memguard_hooks.tree import join, normalize

NATIVE_ENVIRONMENT = {"GUNICORN_CMD_ARGS": "--preload --access-logfile - --bind=0.0.0.0:10000"}

COMMANDS = frozenset({"startCommand", "buildCommand", "dockerCommand", "preDeployCommand"})

KEYS = COMMANDS | {"type", "name", "runtime", "env", "plan", "region", "branch", "rootDir", "envVars", "healthCheckPath",
                   "numInstances", "scaling", "autoDeploy", "schedule", "disk", "domains", "dockerfilePath"}  # fmt: skip
"""Keys of a service."""

SMALL_DATABASES = frozenset({"free", "starter", "standard", "basic-256mb", "basic-1gb", "basic-4gb", "pro-4gb"})
"""Plans of PostgreSQL with less than 8 GB, which take 100 connections (2026-11-29)."""

_KINDS = frozenset({"web", "pserv", "worker", "cron"})


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the Python services of a blueprint, and those whose image a Dockerfile of the repository makes.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(_read(data, path, read_file))


def _read(data: bytes, path: str, read_file: Read) -> Iterator[Service | Skipped | Trap]:
    root = compose(data, path)
    groups = {scalar(group, "name"): of_list(get(group, "envVars"), path) for group in items(get(root, "envVarGroups"))}
    yield from find_hidden_keys(data, path, COMMANDS, KEYS)
    databases = {name: one for one in each_once(_below(root, "databases")) if (name := scalar(one, "name"))}
    for node in each_once(_below(root, "services")):
        found = _service(node, path, groups, read_file)
        if isinstance(found, Skipped):
            found = unread_service(found)
        if isinstance(found, Service):
            found = found._replace(database=_database(node, databases))
            where = ServicePlace(path, *place(nearest(node, "plan")))
            found = with_plan(found, RENDER, "plan", scalar(node, "plan"), where)
            yield from unknown_plan(found, where)
        if found is not None:
            yield found


def _below(root: yaml.Node | None, key: str) -> Iterator[yaml.Node]:
    """Yield the services or databases of a blueprint, also those of its environments."""
    yield from items(get(root, key))
    for project in each_once(items(get(root, "projects"))):
        for environment in each_once(items(get(project, "environments"))):
            yield from items(get(environment, key))


def _database(node: yaml.Node, databases: Mapping[str, yaml.Node]) -> Database | None:
    """Return the database that a service takes its variables from, where there is one and its connections are known."""
    names = {scalar(one, "fromDatabase", "name") for one in items(get(node, "envVars"))} & databases.keys()
    if len(names) != 1:
        return None
    plan = scalar(databases[names.pop() or ""], "plan") or "basic-256mb"
    return Database(f"Render's {plan}", 100) if plan in SMALL_DATABASES else None


def _service(
    node: yaml.Node, path: str, groups: Mapping[str | None, Variables], read_file: Read
) -> Service | Skipped | None:
    kind = scalar(node, "type") or "web"
    runtime = scalar(node, "runtime") or scalar(node, "env")
    line = place(node)[0]
    name = scalar(node, "name") or kind
    if kind not in _KINDS:
        return None  # a static site or a store
    if runtime == "image":
        return Skipped(path, line, "it runs an image, whose command is not in the repository", service=name)
    if runtime not in ("python", "docker"):
        return None
    folder = normalize(scalar(node, "rootDir") or "")
    if folder is None:
        return Skipped(path, line, "its rootDir leads out of the repository", service=name)
    started = (_image_service if runtime == "docker" else _native_service)(node, name, path, folder, read_file)
    if isinstance(started, Skipped):
        return started
    variables = _variables(node, path, groups)
    once = build_of(node, "preDeployCommand", path, folder)
    return started._replace(
        name=name,
        kind=kind,
        environment=variables.over(Variables(started.environment)).values,
        replicas=count_of(scalar(node, "scaling", "maxInstances") or scalar(node, "numInstances") or "1"),
        variables={**started.variables, **variables.places},
        once=once,
    )


def _native_service(node: yaml.Node, name: str, path: str, folder: str, _: Read) -> Service | Skipped:
    command, text = get(node, "startCommand"), scalar(node, "startCommand")
    builds = build_of(node, "buildCommand", path, folder)
    where = place(command) if command is not None else place(node)
    if text is None and builds:
        build, line, text = hidden_value(builds[0].command, "startCommand")
        where, builds = (builds[0].place.line + line, 1), (builds[0]._replace(command=build),)
    if text is None:
        return Skipped(path, place(node)[0], "it has no startCommand", service=name)
    if "{{" in text:
        return Skipped(path, place(node)[0], "its startCommand is filled in later", service=name)
    return Service(name, path, *where, text.strip(), environment=NATIVE_ENVIRONMENT, folder=folder, builds=builds)


def _image_service(node: yaml.Node, name: str, path: str, folder: str, read_file: Read) -> Service | Skipped:
    """Return what the image of a service runs; `dockerCommand` takes the place of its CMD.

    Paths count from the rootDir, and from the root where there is no such file.
    """
    asked = scalar(node, "dockerfilePath") or "Dockerfile"
    command, text = get(node, "dockerCommand"), scalar(node, "dockerCommand")
    where = ServicePlace(path, *place(command)) if command is not None and text is not None else None
    started: Service | Skipped | None = None
    for base in dict.fromkeys((folder, "")):
        file, source = join(base, asked.lstrip("/")), join(base, (scalar(node, "dockerContext") or ".").lstrip("/"))
        if started is None and file is not None and source is not None:
            started = dockerfile.start(file, source, read_file, command=text, place=where)
    started = started or Skipped(path, place(node)[0], f"there is no {asked}")
    return started._replace(service=name) if isinstance(started, Skipped) else started


def _variables(node: yaml.Node, path: str, groups: Mapping[str | None, Variables]) -> Variables:
    """Return what a service sets; its own variables win over those of the groups that it takes in."""
    found = of_list(get(node, "envVars"), path)
    named = [scalar(item, "fromGroup") or "" for item in few(get(node, "envVars"))]
    for group in dict.fromkeys(named):
        found = found.over(groups.get(group, Variables()))
    return found
