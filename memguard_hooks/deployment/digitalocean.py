"""The app spec of DigitalOcean's App Platform: `.do/app.yaml`, and under `spec` `.do/deploy.template.yaml`.

Sources of the format: digitalocean/openapi, models/app_component_base.yml and others (2026-11), and the Python buildpack's
page, which is Heroku's. A component builds with the Dockerfile that it names, or that lies in its `source_dir`. Jobs
run once or at times and are left out, as are static sites, functions and databases.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from memguard_hooks.deployment import dockerfile, procfile
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.hidden_keys import find_hidden_keys
from memguard_hooks.deployment.platforms import unknown_plan, with_plan
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Trap, Variables, unread_service
from memguard_hooks.deployment.yaml_values import build_of, count_of, each_once, of_list
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, items, nearest, place, scalar
from memguard_hooks.tree import join, normalize, parent

DIGITALOCEAN = "digitalocean"

COMMANDS = frozenset({"run_command", "build_command"})

KEYS = COMMANDS | {"name", "environment_slug", "instance_size_slug", "instance_count", "source_dir", "dockerfile_path",
                   "envs", "http_port", "github", "git", "image", "autoscaling", "routes"}  # fmt: skip
"""Keys of a component."""


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the services and workers of an app spec that run Python.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(_read(data, path, read_file))


def _read(data: bytes, path: str, read_file: Read) -> Iterator[Service | Skipped | Trap]:
    root = compose(data, path)
    spec = get(root, "spec") or root
    shared = of_list(get(spec, "envs"), path)
    yield from find_hidden_keys(data, path, COMMANDS, KEYS)
    for key, kind in (("services", "web"), ("workers", "worker")):
        for node in each_once(items(get(spec, key))):
            found = _component(node, kind, path, shared, read_file)
            if isinstance(found, Skipped):
                found = unread_service(found)
            if isinstance(found, Service):
                where = ServicePlace(path, *place(nearest(node, "instance_size_slug")))
                slug = scalar(node, "instance_size_slug")
                found = with_plan(found, DIGITALOCEAN, "instance_size_slug", slug, where)
                yield from unknown_plan(found, where)
            if found is not None:
                yield found


def _component(node: yaml.Node, kind: str, path: str, shared: Variables, read_file: Read) -> Service | Skipped | None:
    name = scalar(node, "name") or kind
    if get(node, "image") is not None:
        return Skipped(path, place(node)[0], "it runs an image, whose command is not in the repository", service=name)
    folder = normalize((scalar(node, "source_dir") or "").lstrip("/"))
    if folder is None:
        return Skipped(path, place(node)[0], "its source_dir leads out of the repository", service=name)
    started = _started(node, name, path, folder, read_file)
    if not isinstance(started, Service):
        return started and started._replace(service=name)
    variables = of_list(get(node, "envs"), path).over(shared)
    return started._replace(
        name=name,
        kind=kind,
        environment=variables.over(Variables(started.environment)).values,
        variables={**started.variables, **variables.places},
        replicas=count_of(scalar(node, "autoscaling", "max_instance_count") or scalar(node, "instance_count") or "1"),
    )


def _started(node: yaml.Node, name: str, path: str, folder: str, read_file: Read) -> Service | Skipped | None:
    """Return what a component runs; None for one of another language."""
    line = place(node)[0]
    command, text = get(node, "run_command"), scalar(node, "run_command")
    if text is not None and "{{" in text:
        return Skipped(path, line, "its run_command is filled in later", service=name)
    where = ServicePlace(path, *place(command)) if command is not None and text is not None else ServicePlace(path, line, 1)
    named = scalar(node, "dockerfile_path")
    file = normalize(named.lstrip("/")) if named else join(folder, "Dockerfile")
    started = dockerfile.start(file, folder or parent(file), read_file) if file is not None else None
    if started is not None:
        if text is None:
            return started
        if isinstance(started, Service):
            return started.at(where)._replace(command=text.strip())
    elif named:
        return Skipped(path, line, f"there is no {named}", service=name)
    if (scalar(node, "environment_slug") or "python") != "python":
        return None
    builds = build_of(node, "build_command", path, folder) or default_builds("heroku", folder, where, read_file)
    if text is not None:
        return Service(name, *where, text.strip(), folder=folder, builds=builds)
    listed = join(folder, "Procfile") or "Procfile"
    data = read_file(listed)
    processes = procfile.read(data, listed).services if data is not None else ()
    chosen = next((one for one in processes if one.name in (name, "web")), None)
    if chosen is None:
        return Skipped(path, line, "it has no run_command", service=name)
    return chosen._replace(builds=builds)
