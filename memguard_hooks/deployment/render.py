"""`render.yaml`, Render's blueprint: services at the top or under `projects[].environments[]`.

Source of the format: render-oss/skills, render-deploy/references/blueprint-spec.md (2026-08-18). Render reads the one
in the root unless its dashboard names another; paths count from the root of the repository in any case. The plan of
`previews` is that of copies for pull requests and says nothing of the service.
Render's native Python sets `GUNICORN_CMD_ARGS=--preload …` by itself, images of the user's own do not get it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.hidden_keys import find_hidden_keys
from memguard_hooks.deployment.platforms import RENDER, sizing
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, Trap, Variables
from memguard_hooks.deployment.variables import each_once, is_template, of_list
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, items, place, scalar
from memguard_hooks.tree import join, normalize

if TYPE_CHECKING:
    import yaml

NATIVE_ENVIRONMENT = {"GUNICORN_CMD_ARGS": "--preload --access-logfile - --bind=0.0.0.0:10000"}

COMMANDS = frozenset({"startCommand", "buildCommand", "dockerCommand", "preDeployCommand"})

KEYS = COMMANDS | {"type", "name", "runtime", "env", "plan", "region", "branch", "rootDir", "envVars", "healthCheckPath",
                   "numInstances", "scaling", "autoDeploy", "schedule", "disk", "domains", "dockerfilePath"}  # fmt: skip
"""Keys of a service."""

MAX_GROUPS = 100
"""Groups of variables that one service takes in."""

_KINDS = frozenset({"web", "pserv", "worker", "cron"})


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the Python services of a blueprint, and those whose image a Dockerfile of the repository makes.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    root = compose(data, path)
    groups = {
        name: of_list(get(group, "envVars"), path)
        for group in items(get(root, "envVarGroups"))
        if (name := scalar(get(group, "name"))) is not None
    }
    services: list[Service] = []
    skipped: list[Skipped] = []
    traps = list(find_hidden_keys(data, path, COMMANDS, KEYS))
    for node in each_once(_services(root)):
        found = _service(node, path, groups, read_file)
        if isinstance(found, Service):
            sized, unknown_plan = _with_plan(found, node, path)
            services.append(sized)
            traps += unknown_plan
        elif found is not None:
            skipped.append(found)
    return Deployment(tuple(services), tuple(skipped), tuple(traps))


def _services(root: yaml.Node | None) -> Iterator[yaml.Node]:
    yield from items(get(root, "services"))
    for project in each_once(items(get(root, "projects"))):
        for environment in each_once(items(get(project, "environments"))):
            yield from items(get(environment, "services"))


def _service(node: yaml.Node, path: str, groups: Mapping[str, Variables], read_file: Read) -> Service | Skipped | None:
    kind = scalar(get(node, "type")) or "web"
    runtime = scalar(get(node, "runtime")) or scalar(get(node, "env"))
    line = node.start_mark.line + 1
    name = scalar(get(node, "name")) or kind
    command = get(node, "startCommand")
    if kind not in _KINDS:
        return None  # a static site or a store
    if runtime == "image":
        return Skipped(path, line, f"{name} runs an image, whose command is not in the repository")
    if runtime not in ("python", "docker"):
        return None
    folder = normalize(scalar(get(node, "rootDir")) or "")
    if folder is None:
        return Skipped(path, line, f"{name} has a rootDir that leads out of the repository")
    variables = _variables(node, path, groups)
    started: Service | Skipped
    if runtime == "docker":
        started = _image_service(node, path, folder, read_file)
        if isinstance(started, Skipped):
            return started._replace(reason=f"{name} is not read: {started.reason}")
        sets = started.environment
    else:
        text = scalar(command)
        if command is None or text is None:
            return Skipped(path, line, f"{name} has no startCommand")
        if is_template(text) and "{{" in text:
            return Skipped(path, line, f"{name} has a startCommand that is filled in later")
        started = Service(name, path, *place(command), text.strip(), folder=folder, builds=_builds(node, path, folder))
        sets = NATIVE_ENVIRONMENT
    return started._replace(
        name=name,
        kind=kind,
        environment=variables.over(Variables(sets)).values,
        replicas=_replicas(node),
        variables={**started.variables, **variables.places},
    )


def _with_plan(service: Service, node: yaml.Node, path: str) -> tuple[Service, tuple[Trap, ...]]:
    plan = get(node, "plan")
    where = plan if plan is not None and scalar(plan) is not None else node
    size = sizing(RENDER, "plan", scalar(plan), ServicePlace(path, *place(where)), service.name)
    sized = service._replace(
        platform=RENDER,
        plan=size.plan,
        limit=size.limit,
        limit_source=size.limit_source,
        limit_label=size.limit_label,
        cpus=size.cpus,
    )
    return sized, size.traps


def _builds(node: yaml.Node, path: str, folder: str) -> tuple[Build, ...]:
    command = get(node, "buildCommand")
    text = scalar(command)
    if command is None or text is None:
        return ()
    return (Build(text.strip(), ServicePlace(path, *place(command)), folder),)


def _replicas(node: yaml.Node) -> int | None:
    """Return how many instances there are at most; None where that is no number."""
    text = scalar(get(get(node, "scaling"), "maxInstances")) or scalar(get(node, "numInstances")) or "1"
    return int(text) if text.isdecimal() and len(text) <= 4 else None


def _image_service(node: yaml.Node, path: str, folder: str, read_file: Read) -> Service | Skipped:
    """Return what the image of a service runs; `dockerCommand` takes the place of its CMD.

    Paths count from the rootDir, and from the root where there is no such file.
    """
    asked = scalar(get(node, "dockerfilePath")) or "Dockerfile"
    context = scalar(get(node, "dockerContext")) or "."
    line = node.start_mark.line + 1
    for base in dict.fromkeys((folder, "")):
        file, source = join(base, asked.lstrip("/")), join(base, context.lstrip("/"))
        data = read_file(file) if file is not None else None
        if file is None or source is None or data is None:
            continue
        image = dockerfile.read_image(data, file, source, read=read_file)
        if isinstance(image, Skipped):
            return image
        command = get(node, "dockerCommand")
        text = scalar(command)
        if command is None or text is None:
            return image.service(file, read_file)
        started = image.service(file, read_file, text)
        if isinstance(started, Service):
            line, column = place(command)
            started = started._replace(path=path, line=line, column=column)
        return started
    return Skipped(path, line, f"there is no {asked}")


def _variables(node: yaml.Node, path: str, groups: Mapping[str, Variables]) -> Variables:
    """Return what a service sets; its own variables win over those of the groups that it takes in."""
    found = of_list(get(node, "envVars"), path)
    named = [scalar(get(item, "fromGroup")) or "" for item in items(get(node, "envVars"))[:MAX_GROUPS]]
    for group in dict.fromkeys(named):
        found = found.over(groups.get(group, Variables()))
    return found
