"""The app spec of DigitalOcean's App Platform: `.do/app.yaml`, and under `spec` `.do/deploy.template.yaml`.

Sources of the format: digitalocean/openapi, models/app_component_base.yml and others (2026-11), and the Python buildpack's
page, which is Heroku's. A component builds with the Dockerfile that it names, or that lies in its `source_dir`. Jobs
run once or at times and are left out, as are static sites, functions and databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memguard_hooks.deployment import dockerfile, procfile
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.hidden_keys import find_hidden_keys
from memguard_hooks.deployment.platforms import sizing
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, Trap, Variables
from memguard_hooks.deployment.variables import each_once, is_template, of_list
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, items, place, scalar
from memguard_hooks.tree import join, normalize, parent

if TYPE_CHECKING:
    import yaml

DIGITALOCEAN = "digitalocean"

COMMANDS = frozenset({"run_command", "build_command"})

KEYS = COMMANDS | {"name", "environment_slug", "instance_size_slug", "instance_count", "source_dir", "dockerfile_path",
                   "envs", "http_port", "github", "git", "image", "autoscaling", "routes"}  # fmt: skip
"""Keys of a component."""


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the services and workers of an app spec that run Python.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    root = compose(data, path)
    spec = get(root, "spec") or root
    shared = of_list(get(spec, "envs"), path)
    services: list[Service] = []
    skipped: list[Skipped] = []
    traps: list[Trap] = list(find_hidden_keys(data, path, COMMANDS, KEYS))
    for kind, node in _components(spec):
        found = _component(node, kind, path, shared, read_file)
        if isinstance(found, Skipped):
            skipped.append(found)
        elif found is not None:
            sized, unknown_plan = _with_plan(found, node, path)
            services.append(sized)
            traps += unknown_plan
    return Deployment(tuple(services), tuple(skipped), tuple(traps))


def _components(spec: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    for key, kind in (("services", "web"), ("workers", "worker")):
        for node in each_once(items(get(spec, key))):
            yield kind, node


def _component(node: yaml.Node, kind: str, path: str, shared: Variables, read_file: Read) -> Service | Skipped | None:
    name = scalar(get(node, "name")) or kind
    line = node.start_mark.line + 1
    if get(node, "image") is not None:
        return Skipped(path, line, f"{name} runs an image, whose command is not in the repository")
    folder = normalize((scalar(get(node, "source_dir")) or "").lstrip("/"))
    if folder is None:
        return Skipped(path, line, f"{name} has a source_dir that leads out of the repository")
    started = _started(node, name, path, folder, read_file)
    if not isinstance(started, Service):
        return started
    variables = of_list(get(node, "envs"), path).over(shared)
    return started._replace(
        name=name,
        kind=kind,
        environment=variables.over(Variables(started.environment)).values,
        variables={**started.variables, **variables.places},
        replicas=_instances(node),
    )


def _started(node: yaml.Node, name: str, path: str, folder: str, read_file: Read) -> Service | Skipped | None:
    """Return what a component runs; None for one of another language."""
    line = node.start_mark.line + 1
    command = get(node, "run_command")
    text = scalar(command)
    if text is not None and is_template(text) and "{{" in text:
        return Skipped(path, line, f"{name} has a run_command that is filled in later")
    where = ServicePlace(path, *place(command)) if command is not None and text is not None else ServicePlace(path, line, 1)
    named = scalar(get(node, "dockerfile_path"))
    file = normalize(named.lstrip("/")) if named else join(folder, "Dockerfile")
    data = read_file(file) if file is not None else None
    if file is not None and data is not None:
        image = dockerfile.read_image(data, file, folder or parent(file), read=read_file)
        started = image if isinstance(image, Skipped) else image.service(file, read_file)
        if text is None:
            return started
        if isinstance(started, Service):
            return started._replace(path=path, line=where.line, column=where.column, command=text.strip())
    elif named:
        return Skipped(path, line, f"{name} is not read: there is no {named}")
    if (scalar(get(node, "environment_slug")) or "python") != "python":
        return None
    builds = _builds(node, path, folder) or default_builds("heroku", folder, where, read_file)
    if text is not None:
        return Service(name, *where, text.strip(), folder=folder, builds=builds)
    listed = join(folder, "Procfile") or "Procfile"
    data = read_file(listed)
    processes = procfile.read(data, listed).services if data is not None else ()
    chosen = next((one for one in processes if one.name in (name, "web")), None)
    if chosen is None:
        return Skipped(path, line, f"{name} has no run_command")
    return chosen._replace(builds=builds)


def _builds(node: yaml.Node, path: str, folder: str) -> tuple[Build, ...]:
    command = get(node, "build_command")
    text = scalar(command)
    if command is None or text is None:
        return ()
    return (Build(text.strip(), ServicePlace(path, *place(command)), folder),)


def _with_plan(service: Service, node: yaml.Node, path: str) -> tuple[Service, tuple[Trap, ...]]:
    slug = get(node, "instance_size_slug")
    where = slug if slug is not None and scalar(slug) is not None else node
    size = sizing(DIGITALOCEAN, "instance_size_slug", scalar(slug), ServicePlace(path, *place(where)), service.name)
    sized = service._replace(
        platform=DIGITALOCEAN,
        plan=size.plan,
        limit=size.limit,
        limit_source=size.limit_source,
        limit_label=size.limit_label,
        cpus=size.cpus,
    )
    return sized, size.traps


def _instances(node: yaml.Node) -> int | None:
    """Return how many instances there are at most; None where that is no number."""
    text = scalar(get(get(node, "autoscaling"), "max_instance_count")) or scalar(get(node, "instance_count")) or "1"
    return int(text) if text.isdecimal() and len(text) <= 4 else None
