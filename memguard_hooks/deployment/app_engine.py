"""`app.yaml` of Google App Engine, standard (`runtime: python312`) and flexible (`env: flex`).

Sources of the format: docs.cloud.google.com, appengine/docs/standard/reference/app-yaml and the Python runtime (2026-11).
Without an `entrypoint` the standard environment starts gunicorn with `main:app` if there is a `main.py`. An `app.yaml`
without such a runtime is that of another tool, as DigitalOcean's in `.do/` is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.platforms import unknown_plan, with_plan
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Trap
from memguard_hooks.deployment.yaml_values import count_of, of_mapping
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, nearest, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import join, parent

APP_ENGINE = "app-engine"

DEFAULT_ENTRYPOINT = "gunicorn -b :$PORT main:app"

_RUNTIME = late_pattern(r"python(3)(\d{1,2})")


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the one service of a file, if its runtime is Python.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(_read(data, path, read_file))


def _read(data: bytes, path: str, read_file: Read) -> Iterator[Service | Skipped | Trap]:
    root = compose(data, path)
    text = scalar(root, "runtime") or ""
    if root is None or not text.startswith("python"):
        return
    runtime = ServicePlace(path, *place(nearest(root, "runtime")))
    folder = parent(path)
    name = scalar(root, "service") or "default"
    command, where = scalar(root, "entrypoint"), ServicePlace(path, *place(get(root, "entrypoint") or root))
    is_flexible = scalar(root, "env") in ("flex", "flexible")
    if command is None:
        main = join(folder, "main.py") or "main.py"
        if is_flexible or read_file(main) is None:
            yield Skipped(path, runtime.line, f"it has no entrypoint, and there is no {main}", service=name)
            return
        command, where = DEFAULT_ENTRYPOINT, runtime
    if "{{" in command:
        yield Skipped(path, where.line, "its entrypoint is filled in later", service=name)
        return
    variables = of_mapping(get(root, "env_variables"), path)
    version = _RUNTIME.fullmatch(text)
    asked = (
        f"{version[1]}.{version[2]}" if version else scalar(root, "runtime_config", "runtime_version")
    )  # a flexible one's
    sets = {"PYTHON_VERSION": asked} if asked else {}
    service = Service(
        name,
        *where,
        command.strip(),
        platform=APP_ENGINE,
        environment={**sets, **variables.values},
        variables=variables.places,
        folder=folder,
        replicas=count_of(scalar(root, "manual_scaling", "instances")),
        builds=default_builds("app-engine", folder, runtime, read_file),
    )
    if is_flexible:
        yield _flexible(service, root)
        return
    written = scalar(root, "instance_class")
    if written is None and (get(root, "manual_scaling") is not None or get(root, "basic_scaling") is not None):
        written = "B2"  # the default where App Engine does not scale by itself
    node = get(root, "instance_class")
    stated = ServicePlace(path, *place(node)) if node is not None else service.place
    yield (service := with_plan(service, APP_ENGINE, "instance_class", written, stated))
    yield from unknown_plan(service, stated)


def _flexible(service: Service, root: yaml.Node) -> Service:
    """Return the service with `resources.memory_gb`; without it nobody can tell."""
    node, text = get(root, "resources", "memory_gb"), scalar(root, "resources", "memory_gb")
    gigabytes = _number(text)
    service = service._replace(plan="flex", cpus=_number(scalar(root, "resources", "cpu")))
    if node is None or gigabytes is None:
        return service._replace(
            limit_source=f"{service.path}:{service.line} without resources.memory_gb",
            limit_label="App Engine without resources.memory_gb",
        )
    return service._replace(
        limit=int(gigabytes * 1024) * MIB,
        limit_source=f"{service.path}:{place(node)[0]} memory_gb {text}",
        limit_label=f"app-engine memory_gb {text}",
    )


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d{1,4}(\.\d{1,4})?", text) and float(text) > 0 else None
