"""`.platform.app.yaml` of Platform.sh: one app, `web.commands.start`, and the workers that share its image.

Source of the format: docs.platform.sh, "App reference" (2026-11). A worker without `commands.start` runs nothing. How much
memory a container gets is a matter of the plan; the file names classes of size, which its container profile decides.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace
from memguard_hooks.deployment.yaml_values import build_of, of_mapping
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import MAX_ITEMS, compose, get, pairs, place, scalar
from memguard_hooks.tree import parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

PLATFORM_SH = "platform-sh"


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:  # noqa: ARG001 - as readers are called
    """Read the app of a file and its workers, if its type is Python.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(_read(data, path))


def _read(data: bytes, path: str) -> Iterator[Service | Skipped]:
    root = compose(data, path)
    kind, _, version = (scalar(root, "type") or "").partition(":")
    if root is None or kind != "python":
        return
    name = scalar(root, "name") or "web"
    sets = {"PYTHON_VERSION": version} if re.fullmatch(r"3\.\d{1,2}", version) else {}
    web = _started(root, name, path, ("web", "commands", "start"), sets)
    hooks = get(root, "hooks")
    yield web._replace(once=build_of(hooks, "deploy", path, parent(path))) if isinstance(web, Service) and hooks else web
    for key, node in pairs(get(root, "workers"))[:MAX_ITEMS]:
        worker = _started(node, key.value, path, ("commands", "start"), sets)
        if isinstance(worker, Service) and isinstance(web, Service):
            yield worker._replace(
                kind="worker",
                environment={**web.environment, **worker.environment},
                variables={**web.variables, **worker.variables},
                builds=web.builds,
            )


def _started(node: yaml.Node, name: str, path: str, keys: tuple[str, ...], sets: dict[str, str]) -> Service | Skipped:
    """Return what an app or a worker runs."""
    command, hooks = scalar(node, *keys), get(node, "hooks")
    where = ServicePlace(path, *place(get(node, *keys) or node))
    if command is None or not command.strip():
        return Skipped(path, where.line, f"it has no {'.'.join(keys)}", service=name)
    variables = of_mapping(get(node, "variables", "env"), path)
    return Service(
        name,
        *where,
        command.strip(),
        platform=PLATFORM_SH,
        limit_source=f"{path}:{where.line} names no memory",
        limit_label="a container of Platform.sh",
        environment={**sets, **variables.values},
        variables=variables.places,
        folder=parent(path),
        builds=build_of(hooks, "build", path, parent(path)) if hooks is not None else (),
    )
