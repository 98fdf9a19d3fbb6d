"""`app.yaml` of Google App Engine, standard (`runtime: python312`) and flexible (`env: flex`).

Sources of the format: docs.cloud.google.com, appengine/docs/standard/reference/app-yaml and the Python runtime (2026-11).
Without an `entrypoint` the standard environment starts gunicorn with `main:app` if there is a `main.py`. An `app.yaml`
without such a runtime is that of another tool, as DigitalOcean's in `.do/` is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.platforms import sizing
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Trap
from memguard_hooks.deployment.variables import is_template, of_mapping
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, place, scalar
from memguard_hooks.tree import join, parent

if TYPE_CHECKING:
    import yaml

APP_ENGINE = "app-engine"

DEFAULT_ENTRYPOINT = "gunicorn -b :$PORT main:app"

_RUNTIME = re.compile(r"python(3)(\d{1,2})")


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the one service of a file, if its runtime is Python.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    root = compose(data, path)
    runtime = get(root, "runtime")
    text = scalar(runtime) or ""
    if root is None or runtime is None or not text.startswith("python"):
        return Deployment()
    folder = parent(path)
    name = scalar(get(root, "service")) or "default"
    node = get(root, "entrypoint")
    command = scalar(node)
    is_flexible = scalar(get(root, "env")) in ("flex", "flexible")
    if command is None:
        main = join(folder, "main.py") or "main.py"
        if is_flexible or read_file(main) is None:
            return Deployment((), (Skipped(path, place(runtime)[0], f"{name} has no entrypoint, and there is no {main}"),))
        command, node = DEFAULT_ENTRYPOINT, runtime
    where = ServicePlace(path, *place(node or runtime))
    if is_template(command) and "{{" in command:
        return Deployment((), (Skipped(path, where.line, f"{name} has an entrypoint that is filled in later"),))
    variables = of_mapping(get(root, "env_variables"), path)
    version = _RUNTIME.fullmatch(text)
    sets = {"PYTHON_VERSION": f"{version[1]}.{version[2]}"} if version else {}
    service = Service(
        name,
        *where,
        command.strip(),
        platform=APP_ENGINE,
        environment={**sets, **variables.values},
        variables=variables.places,
        folder=folder,
        replicas=_instances(root),
        builds=default_builds("app-engine", folder, ServicePlace(path, *place(runtime)), read_file),
    )
    if is_flexible:
        return Deployment((_flexible(service, root),))
    sized, traps = _standard(service, root)
    return Deployment((sized,), (), traps)


def _standard(service: Service, root: yaml.Node) -> tuple[Service, tuple[Trap, ...]]:
    node = get(root, "instance_class")
    written = scalar(node)
    if written is None and (get(root, "manual_scaling") is not None or get(root, "basic_scaling") is not None):
        written = "B2"  # the default where App Engine does not scale by itself
    where = (
        ServicePlace(service.path, *place(node))
        if node is not None
        else ServicePlace(service.path, service.line, service.column)
    )
    size = sizing(APP_ENGINE, "instance_class", written, where, service.name)
    sized = service._replace(
        plan=size.plan,
        limit=size.limit,
        limit_source=size.limit_source,
        limit_label=size.limit_label,
        cpus=size.cpus,
    )
    return sized, size.traps


def _flexible(service: Service, root: yaml.Node) -> Service:
    """Return the service with `resources.memory_gb`; without it nobody can tell."""
    node = get(get(root, "resources"), "memory_gb")
    gigabytes, cpus = _number(scalar(node)), _number(scalar(get(get(root, "resources"), "cpu")))
    if node is None or gigabytes is None:
        source, label = (
            f"{service.path}:{service.line} without resources.memory_gb",
            "App Engine without resources.memory_gb",
        )
        return service._replace(plan="flex", cpus=cpus, limit_source=source, limit_label=label)
    return service._replace(
        plan="flex",
        cpus=cpus,
        limit=int(gigabytes * 1024) * MIB,
        limit_source=f"{service.path}:{place(node)[0]} memory_gb {scalar(node)}",
        limit_label=f"app-engine memory_gb {scalar(node)}",
    )


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d{1,4}(\.\d{1,4})?", text) and float(text) > 0 else None


def _instances(root: yaml.Node) -> int | None:
    """Return how many instances there are where that is fixed; None where App Engine decides."""
    text = scalar(get(get(root, "manual_scaling"), "instances")) or ""
    return int(text) if text.isdecimal() and len(text) <= 4 else None
