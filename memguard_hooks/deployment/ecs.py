"""Containers of Amazon ECS: task definitions in JSON, those of CloudFormation, and the manifests of AWS Copilot.

Sources of the formats: docs.aws.amazon.com/AmazonECS, "Task definition parameters"; the CloudFormation reference,
AWS::ECS::TaskDefinition, whose keys begin with capitals; aws.github.io/copilot-cli, "Manifest" (2026-11). `entryPoint` and
`command` take the place of ENTRYPOINT and CMD and see no shell. `memory` of a container is its hard limit in MiB; one
without it may take what the task has, which all of its containers share: they are summed. A container that another one
waits for until it has ended is left out, as are scheduled jobs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

import yaml

from memguard_hooks.deployment import container, dockerfile
from memguard_hooks.deployment.container import DeclaredContainer
from memguard_hooks.deployment.images import RepositoryImages
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, unread_service
from memguard_hooks.deployment.yaml_values import count_of, is_template, of_mapping, variables
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats.shell_words import split_plain
from memguard_hooks.formats.yaml_nodes import compose, few, get, items, pairs, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

ECS = "ecs"

MAX_CONTAINERS = 100

_MEMORY = late_pattern(r"\s*([0-9]{1,7})(?:\.0+)?\s*(GB|MiB)?\s*", re.IGNORECASE)

_ENDS = frozenset({"SUCCESS", "COMPLETE"})
"""Conditions under which a container waits until another one has ended."""


class _Task(Record):
    """One task definition, what calls it, and whether its keys begin with capitals."""

    node: yaml.Node
    name: str
    path: str
    is_capital: bool

    def key(self, name: str) -> str:
        """Return a key as the format of the task writes it."""
        return name[0].upper() + name[1:] if self.is_capital else name

    def get(self, node: yaml.Node | None, *names: str) -> yaml.Node | None:
        """Return what stands below some keys."""
        return get(node, *map(self.key, names))

    def text(self, node: yaml.Node | None, *names: str) -> str:
        """Return the text below some keys, the empty one for what is filled in later."""
        found = self.get(node, *names)
        text = scalar(found)
        return text if found is not None and text is not None and not _is_function(found) else ""

    def place(self, node: yaml.Node) -> ServicePlace:
        """Return where a node stands."""
        return ServicePlace(self.path, *place(node))


def read(
    data: bytes, path: str, read_file: Read = lambda _: None, images: RepositoryImages = container.NO_IMAGES
) -> Deployment:
    """Read the containers of a file that run Python, and those whose image the repository plausibly makes.

    Raises MemguardError for what does not parse, with the place.
    """
    return Deployment.of(one for task in _tasks(data, path) for one in _read(task, read_file, images))


def _tasks(data: bytes, path: str) -> Iterator[_Task]:
    # a tab is white space in JSON, where no text holds one, and nowhere in YAML
    root = compose(data.replace(b"\t", b" ") if path.endswith(".json") else data, path)
    if get(root, "containerDefinitions") is not None and root is not None:
        yield _Task(root, scalar(root, "family") or "", path, is_capital=False)
    for _, node in pairs(get(root, "Resources")):
        properties = get(node, "Properties")
        if scalar(node, "Type") == "AWS::ECS::TaskDefinition" and properties is not None:
            task = _Task(properties, "", path, is_capital=True)
            yield task._replace(name=task.text(properties, "Family"))


def _is_function(node: yaml.Node) -> bool:
    """Return whether a value is one that CloudFormation, or whoever fills the file in, makes."""
    text = scalar(node)
    return (node.tag.startswith("!") and len(node.tag) > 1) or (text is not None and is_template(text))


def _read(task: _Task, read_file: Read, images: RepositoryImages) -> Iterator[Service | Skipped]:
    nodes = items(task.get(task.node, "containerDefinitions"))
    ends = {
        task.text(one, "containerName")
        for node in nodes[:MAX_CONTAINERS]
        for one in few(task.get(node, "dependsOn"))
        if task.text(one, "condition") in _ENDS
    }
    if len(nodes) > MAX_CONTAINERS:
        line = place(nodes[MAX_CONTAINERS])[0]
        yield Skipped(task.path, line, f"has more than {MAX_CONTAINERS} containers")
    kept = [node for node in nodes[:MAX_CONTAINERS] if task.text(node, "name") not in ends]
    declared = [_declared(node, task) for node in kept]
    ours = container.own_images(declared)
    started = [container.start(one, ours, read_file, images) for one in declared]
    others = [node for node, found in zip(kept, started, strict=True) if not isinstance(found, Service)]
    for node, found in zip(kept, started, strict=True):
        if isinstance(found, Service):
            name = task.name if task.name and len(kept) == 1 else found.name
            yield _with_memory(found._replace(name=name), node, task, others)
        elif found is not None:
            beside = [one for one in others if one is not node]
            yield _with_memory(unread_service(found), node, task, beside)._replace(pool="")


def _declared(node: yaml.Node, task: _Task) -> DeclaredContainer:
    name = task.text(node, "name") or task.name or "web"
    entrypoint, command = (task.get(node, key) for key in ("entryPoint", "command"))
    written = next((one for one in (command, entrypoint) if items(one)), None)
    image = task.get(node, "image")
    return DeclaredContainer(
        name,
        (name, task.name),
        (scalar(image) or "") if image is not None else "",
        task.place(node),
        _words(entrypoint),
        _words(command),
        task.text(node, "workingDirectory"),
        variables(task.path, _variables(node, task)),
        task.place(written) if written is not None else None,
    )


def _words(node: yaml.Node | None) -> tuple[str, ...]:
    """Return the words of a list."""
    texts = [scalar(one) for one in few(node)]
    return tuple(text for text in texts if text is not None)


def _variables(node: yaml.Node, task: _Task) -> Iterator[tuple[str, str | None, yaml.Node]]:
    for key in ("environment", "secrets"):
        for one in few(task.get(node, key)):
            value = task.get(one, "value")
            if name := task.text(one, "name"):
                yield name, None if value is None or _is_function(value) else scalar(value), one


def _with_memory(service: Service, node: yaml.Node, task: _Task, others: Sequence[yaml.Node]) -> Service:
    """Add the hard limit of a container, or else that of its task, less what the containers ask for that are not judged."""
    own, of_task = task.get(node, "memory"), task.get(task.node, "memory")
    cpus = re.fullmatch(r"[1-9][0-9]{1,5}", task.text(node, "cpu") or task.text(task.node, "cpu"))
    service = service._replace(
        platform=ECS,
        plan="",
        limit=None,
        limit_source=f"{task.path}:{place(node)[0]} without memory",
        limit_label="an ECS container without memory",
        cpus=int(cpus[0]) / 1024 if cpus else None,
        replicas=None,
    )
    written = own if own is not None else of_task
    if written is None:
        return service
    pool = f"{task.path}:{place(of_task)[0]} memory of the task" if of_task is not None else ""
    limit = None if _is_function(written) else parse_memory(scalar(written) or "")
    if own is not None:
        source = f"{task.path}:{place(own)[0]} memory"
        return service._replace(limit=limit, limit_source=source, limit_label="ecs memory", pool=pool)
    service = service._replace(limit=limit, limit_source=pool, limit_label="ecs memory of the task", pool=pool)
    return container.beside(service, [(task.text(one, "name"), _asked(one, task)) for one in others])


def _asked(node: yaml.Node, task: _Task) -> int:
    """Return the memory that a container asks for: what is reserved for it, or else its hard limit."""
    written = task.get(node, "memoryReservation") or task.get(node, "memory")
    return (written is not None and not _is_function(written) and parse_memory(scalar(written) or "")) or 0


def parse_memory(text: str) -> int | None:
    """Read `512`, `1 GB`, `1024 MiB` as bytes; None for what is no size."""
    match = _MEMORY.fullmatch(text)
    if match is None or not int(match[1]):
        return None
    return int(match[1]) * (1024 if (match[2] or "").upper() == "GB" else 1) * MIB


# AWS Copilot

COPILOT_DEFAULT = 512
"""MiB of a service of Copilot whose manifest names none."""

_STAGES = ("production", "prod", "live", "main")
"""Environments whose values win over those of all; of several that are there the first."""


def read_copilot(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the service of `copilot/NAME/manifest.yml`. Raises MemguardError for YAML that does not parse, with the place."""
    root = compose(data, path)
    if root is None or not (scalar(root, "type") or "").endswith("Service"):
        return Deployment()
    name = scalar(root, "name") or parent(path).rpartition("/")[2]
    environments = get(root, "environments")
    over = next(filter(None, (get(environments, stage) for stage in _STAGES)), None)
    started = _copilot_start(root, over, name, path, read_file)
    if started is None:
        return Deployment()
    if isinstance(started, Skipped):
        return Deployment((), (started._replace(service=name),))
    both = of_mapping(get(over, "variables"), path).over(of_mapping(get(root, "variables"), path))
    memory = get(over, "memory") or get(root, "memory")
    size = scalar(memory) or str(COPILOT_DEFAULT)
    line = place(memory)[0] if memory is not None else 1
    count = get(over, "count") or get(root, "count")
    service = container.with_variables(started, both)._replace(
        name=name,
        kind="web" if "Worker" not in (scalar(root, "type") or "") else "worker",
        platform=ECS,
        plan="",
        limit=parse_memory(size),
        limit_source=f"{path}:{line} {'memory' if memory is not None else f'default memory {size}'}",
        limit_label="ecs memory" if memory is not None else f"ecs {size} MiB by default",
        replicas=count_of(scalar(count)) if count is not None else 1,
    )
    return Deployment((service,))


def _copilot_start(
    root: yaml.Node, over: yaml.Node | None, name: str, path: str, read_file: Read
) -> Service | Skipped | None:
    command, entrypoint = (get(over, key) or get(root, key) for key in ("command", "entrypoint"))
    build = get(root, "image", "build")
    place_of = command if command is not None else entrypoint
    where = ServicePlace(path, *place(place_of if place_of is not None else root))
    if build is None:
        image = scalar(root, "image", "location") or ""
        written = where if place_of is not None else None
        one = DeclaredContainer(
            name, (name,), image, where, _copilot_words(entrypoint), _copilot_words(command), written=written
        )
        return container.start(one, container.own_images((one,)), read_file)
    file = join("", scalar(build) or scalar(build, "dockerfile") or "Dockerfile")
    context = join("", scalar(build, "context") or parent(file or ""))
    data = read_file(file) if file is not None else None
    if file is None or context is None or data is None:
        return Skipped(path, place(build)[0], f"there is no {file or 'such file'}")
    try:
        image_or_gap = dockerfile.read_image(data, file, context, scalar(build, "target") or "", read_file)
    except MemguardError as error:
        return Skipped(path, place(build)[0], f"{file} {error.message}")
    if isinstance(image_or_gap, Skipped):
        return image_or_gap
    made, words = image_or_gap, _copilot_words(entrypoint)
    if words:
        made = made._replace(entrypoint=dockerfile.ImageProgram(words, "", 1, 1), cmd=None)
    given = _copilot_words(command)
    started = made.service(file, read_file, shlex.join(given) if given else None)
    if not isinstance(started, Service):
        return started if dockerfile.holds_python(data) else None
    if place_of is not None:
        started = started.at(where)
    return started if dockerfile.holds_python(data) else None


def _copilot_words(node: yaml.Node | None) -> tuple[str, ...]:
    text = scalar(node)
    return tuple(split_plain(text)) if text is not None else _words(node)
