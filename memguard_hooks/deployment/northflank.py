"""`northflank.json`: a template of Northflank, which its GitOps reads.

Source of the format: northflank.com/docs, "Write a template" and the API's CombinedService and DeploymentService (2026-11).
The services lie anywhere below `spec`, in workflows inside of each other. `deploymentPlan` decides the memory, and
`customCommand` takes the place of CMD.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from memguard_hooks.deployment import container, hosted
from memguard_hooks.deployment.hosted import HostedService
from memguard_hooks.deployment.platforms import with_plan, without_plan
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Variables, unread_service
from memguard_hooks.deployment.yaml_values import count_of, variables
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import yaml_nodes
from memguard_hooks.formats.yaml_nodes import get, items, pairs, place, scalar
from memguard_hooks.tree import normalize

NORTHFLANK = "northflank"

_KINDS = frozenset({"CombinedService", "DeploymentService"})

MAX_NODES = 5000
"""Tables of a template that are looked through."""


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the services of a template that run Python. Raises MemguardError for JSON that does not parse, with the place."""
    root = yaml_nodes.compose(data.replace(b"\t", b" "), path)  # white space in JSON, and nowhere in YAML
    found = [_service(node, path, read_file) for node in _declared(root)]
    if not found and get(root, "build", "dockerfile") is not None and root is not None:
        found = [_service(root, path, read_file)]
    return Deployment.of(one for one in found if one is not None)


def _declared(root: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield what each service is, in the order of the file."""
    waiting = [root] if root is not None else []
    for _ in range(MAX_NODES):
        node = waiting.pop() if waiting else None
        if node is None:
            return
        spec = get(node, "spec")
        if scalar(node, "kind") in _KINDS and spec is not None:
            yield spec
            continue
        waiting += reversed([*items(node), *(value for _, value in pairs(node))])
    if root is not None and waiting:
        raise MemguardError(f"has more than {MAX_NODES} values", str(root.start_mark.name))


def _service(node: yaml.Node, path: str, read_file: Read) -> Service | Skipped | None:
    name = scalar(node, "name") or "web"
    written = get(node, "deployment", "docker", "customCommand")
    where = ServicePlace(path, *place(written if written is not None else node))
    image = scalar(node, "deployment", "external", "imagePath") or ""
    if image and not container.DeclaredContainer(name, (name,), image, where).may_be_own:
        return None
    dockerfile = _dockerfile(node)
    file = next(filter(None, (scalar(dockerfile, key) for key in ("dockerFilePath", "dockerfilePath"))), None)
    file = file or scalar(node, "build", "dockerfile")
    context = scalar(dockerfile, "dockerWorkDir") or scalar(dockerfile, "buildContext") or ""
    folder = normalize(context.strip("/"))
    if folder is None:
        return Skipped(path, where.line, "its folder leads out of the repository", service=name)
    asked = HostedService(name, where, folder, scalar(written) or "", file, needs="customCommand")
    started = hosted.start(asked, read_file)
    if started is None:
        return None
    if isinstance(started, Skipped):
        return _sized(unread_service(started), node, path)
    return container.with_variables(_sized(started, node, path), _variables(node, path))._replace(name=name)


def _dockerfile(node: yaml.Node) -> yaml.Node | None:
    keys = ("buildSettings", "buildConfiguration")
    return next(filter(None, (get(node, key, "dockerfile") for key in keys)), None)


def _sized(service: Service, node: yaml.Node, path: str) -> Service:
    written = get(node, "billing", "deploymentPlan")
    plan, where = scalar(written), ServicePlace(path, *place(written if written is not None else node))
    if plan:
        service = with_plan(service, NORTHFLANK, "", plan, where)
    else:
        service = without_plan(service, NORTHFLANK, where, "a Northflank plan")
    return service._replace(replicas=count_of(scalar(node, "deployment", "instances") or "1"))


def _variables(node: yaml.Node, path: str) -> Variables:
    listed = get(node, "runtimeEnvironment")
    named = [(scalar(one, "name"), scalar(one, "value"), one) for one in yaml_nodes.few(listed)]
    named += [(str(key.value), scalar(value), key) for key, value in pairs(listed)]
    return variables(path, ((name, text, one) for name, text, one in named if name is not None))
