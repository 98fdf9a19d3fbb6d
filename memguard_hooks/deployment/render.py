"""`render.yaml`, Render's blueprint: services at the top or under `projects[].environments[]`.

Source of the format: render-oss/skills, render-deploy/references/blueprint-spec.md (2026-08-18).
Render's native Python sets `GUNICORN_CMD_ARGS=--preload …` by itself, images of the user's own do not get it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.dockerfile import Read
from memguard_hooks.deployment.platforms import DEFAULT_PLAN, RENDER, find_plan
from memguard_hooks.deployment.service import Deployment, Service
from memguard_hooks.deployment.yaml_nodes import compose, get, items, scalar
from memguard_hooks.finding import Skipped
from memguard_hooks.tree import join, normalize

if TYPE_CHECKING:
    import yaml

NATIVE_ENVIRONMENT = {"GUNICORN_CMD_ARGS": "--preload --access-logfile - --bind=0.0.0.0:10000"}

_KINDS = frozenset({"web", "pserv", "worker", "cron"})


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the Python services of a blueprint, and those whose image a Dockerfile of the repository makes.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    root = compose(data, path)
    groups = {
        name: _variables(group, {})
        for group in items(get(root, "envVarGroups"))
        if (name := scalar(get(group, "name"))) is not None
    }
    services: list[Service] = []
    skipped: list[Skipped] = []
    for node in _services(root):
        found = _service(node, path, groups, read_file)
        if isinstance(found, Service):
            services.append(found)
        elif found is not None:
            skipped.append(found)
    return Deployment(tuple(services), tuple(skipped))


def _services(root: yaml.Node | None) -> Iterator[yaml.Node]:
    yield from items(get(root, "services"))
    for project in items(get(root, "projects")):
        for environment in items(get(project, "environments")):
            yield from items(get(environment, "services"))


def _service(node: yaml.Node, path: str, groups: dict[str, dict[str, str]], read_file: Read) -> Service | Skipped | None:
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
    environment = _variables(node, groups)
    started: Service | Skipped
    if runtime == "docker":
        started = _image_service(node, path, folder, read_file)
        if isinstance(started, Skipped):
            return started._replace(reason=f"{name} is not read: {started.reason}")
        environment = {**started.environment, **environment}
    else:
        text = scalar(command)
        if command is None or text is None:
            return Skipped(path, line, f"{name} has no startCommand")
        mark = command.start_mark
        started = Service(name, path, mark.line + 1, mark.column + 1, text.strip(), folder=folder)
        environment = {**NATIVE_ENVIRONMENT, **environment}
    plan_node = get(node, "plan")
    plan = scalar(plan_node) or DEFAULT_PLAN[RENDER]
    known = find_plan(RENDER, plan)
    if plan_node is not None:
        source, label = f"{path}:{plan_node.start_mark.line + 1} plan {plan}", f"render {plan}"
    else:
        source, label = f"{path}:{line} default plan {plan}", f"render {plan} by default"
    return started._replace(
        name=name,
        kind=kind,
        platform=RENDER,
        plan=plan,
        limit=known.memory if known else None,
        limit_source=source,
        limit_label=label,
        environment=environment,
    )


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
        mark = command.start_mark
        if isinstance(started, Service):
            started = started._replace(path=path, line=mark.line + 1, column=mark.column + 1)
        return started
    return Skipped(path, line, f"there is no {asked}")


def _variables(node: yaml.Node, groups: dict[str, dict[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items(get(node, "envVars")):
        key, value, group = (scalar(get(item, name)) for name in ("key", "value", "fromGroup"))
        if group is not None:
            found = {**groups.get(group, {}), **found}
        elif key is not None and value is not None:
            found[key] = value
    return found
