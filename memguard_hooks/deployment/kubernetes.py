"""Kubernetes manifests: containers of workloads, and services of Cloud Run, which speak the same language.

Source of the format: kubernetes.io/docs, "Define a Command and Arguments for a Container", "Resource Management for Pods
and Containers", "Define Dependent Environment Variables", and Cloud Run's YAML reference (2026-11). `command` takes the
place of ENTRYPOINT and CMD, `args` that of CMD; neither sees a shell. Each container has a limit of its own. Init containers
and jobs end by themselves and are left out.
"""

from __future__ import annotations

import re
import shlex
from decimal import ROUND_CEILING, Decimal
from itertools import islice

import yaml

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.dockerfile import Image, ImageProgram
from memguard_hooks.deployment.python_program import starts_python
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Trap, template
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats import parameters
from memguard_hooks.formats.yaml_nodes import compose_all, get, items, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KUBERNETES = "kubernetes"
CLOUD_RUN = "cloud-run"

CLOUD_RUN_MEMORY = 512 * MIB
"""What a container of Cloud Run has where its file says nothing: Cloud Run's page on memory limits (2026-11)."""

MAX_BYTES = 2**18
"""A manifest is some kilobytes, a bundle of another project's is larger; parsing YAML is slow."""

MAX_DOCUMENTS = 300
MAX_CONTAINERS = 100
MAX_ITEMS = 500

_POD = {
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Where each kind of workload has its containers."""

_KIND = late_pattern(rb"^[ \t]*(?:- )?kind:\s*[\"']?(?:" + "|".join(_POD).encode() + rb"|Service)\b", re.MULTILINE)
_TEMPLATE = late_pattern(rb"^[^#\"'\n]*\{\{", re.MULTILINE)
_QUANTITY = late_pattern(
    r"([0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?[0-9]{1,2}))?"
)
_SUFFIXES = {
    **{f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", start=1)},
    **{letter: Decimal(1000**power) for power, letter in enumerate("kMGTPE", start=1)},
    **{letter: Decimal(10) ** power for letter, power in (("n", -9), ("u", -6), ("m", -3), ("", 0))},
}
_PYTHON_IMAGE = late_pattern(r"(?:^|/)python:(\d+\.\d+)")

_WELL_KNOWN = frozenset({"postgres", "postgresql", "redis", "valkey", "nginx", "mysql", "mariadb", "mongo", "mongodb",
                         "rabbitmq", "memcached", "elasticsearch", "opensearch", "traefik", "caddy", "haproxy", "envoy",
                         "minio", "kafka", "zookeeper", "vault", "consul", "grafana", "prometheus", "node", "busybox",
                         "alpine", "debian", "ubuntu", "python"})  # fmt: skip
"""Images that no repository makes of its own."""


class _Workload(Record):
    """One document that starts containers, 1-based."""

    kind: str
    name: str
    node: yaml.Node
    pod: yaml.Node
    platform: str


class _Variables(Record):
    """What a container's variables are; one whose value only the cluster has is in `places` alone."""

    values: dict[str, str]
    places: dict[str, ServicePlace]


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the containers that start Python, and those whose image the repository's Dockerfile plausibly makes.

    A template is skipped with its line. Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(_read(data, path, read_file))


def _read(data: bytes, path: str, read_file: Read) -> Iterator[Service | Skipped | Trap]:
    filled_in = _TEMPLATE.search(data)
    if _KIND.search(data) is None:
        return
    if filled_in is not None:
        yield template(path, data.count(b"\n", 0, filled_in.end()) + 1)
        return
    if len(data) > MAX_BYTES:
        yield Skipped(path, None, f"is larger than {MAX_BYTES // 1024} KiB")
        return
    documents = list(_documents(data, path))
    maps = {scalar(node, "metadata", "name"): get(node, "data") for node in documents if scalar(node, "kind") == "ConfigMap"}
    if len(documents) > MAX_DOCUMENTS:
        yield Skipped(path, None, f"has more than {MAX_DOCUMENTS} documents")
    for number, (workload, container, is_alone) in enumerate(_containers(documents)):
        if number == MAX_CONTAINERS:
            yield Skipped(path, place(container)[0], f"has more than {MAX_CONTAINERS} containers")
            return
        found = _container(container, workload, path, maps, read_file)
        if isinstance(found, Service):
            name = workload.name if is_alone else f"{workload.name}/{found.name}"
            found = _with_host(found._replace(name=name), container, workload, path)
            if found.limit is None and found.limit_source.endswith(" without a limit"):
                yield Trap("no-memory-limit", ServicePlace(path, *place(container)), name)
        if found is not None:
            yield found


def _documents(data: bytes, path: str) -> Iterator[yaml.Node]:
    for node in islice(compose_all(data, path), MAX_DOCUMENTS + 1):
        if scalar(node, "kind") == "List":
            yield from items(get(node, "items"))[:MAX_DOCUMENTS]
        else:
            yield node


def _containers(documents: list[yaml.Node]) -> Iterator[tuple[_Workload, yaml.Node, bool]]:
    """Yield each container with its workload, and whether it is the only one there."""
    for node in documents:
        kind = scalar(node, "kind") or ""
        is_serving = kind == "Service" and (scalar(node, "apiVersion") or "").startswith("serving.knative.dev/")
        pod = get(node, *(_POD["Deployment"] if is_serving else _POD.get(kind, ("",))))
        if pod is not None:
            name = scalar(node, "metadata", "name") or kind.lower()
            workload = _Workload(kind, name, node, pod, CLOUD_RUN if is_serving else KUBERNETES)
            containers = items(get(pod, "containers"))
            for container in containers:
                yield workload, container, len(containers) == 1


# What a container runs


def _container(
    node: yaml.Node, workload: _Workload, path: str, maps: Mapping[str | None, yaml.Node | None], read: Read
) -> Service | Skipped | None:
    variables = _variables(node, path, maps)
    if workload.platform == CLOUD_RUN:
        variables = variables._replace(values={"PORT": "8080", "K_SERVICE": workload.name, **variables.values})
    command, arguments = _words(get(node, "command"), variables), _words(get(node, "args"), variables)
    name = scalar(node, "name") or workload.name
    text = scalar(node, "image") or ""
    base = _PYTHON_IMAGE.search(text)
    image = Image(1, environment={"PYTHON_VERSION": base[1]} if base else {})
    origin = path
    data = read("Dockerfile") if _is_ours(text, name, workload) else None
    if data is not None:
        made = dockerfile.read_image(data, "Dockerfile", read=read)
        if isinstance(made, Image):
            image, origin = made, "Dockerfile"
        elif not command:
            return made._replace(reason=f"{name} is not read: {made.reason}")
    if command:
        image = image._replace(entrypoint=ImageProgram(command, "", 1, 1), cmd=None)
    folder = scalar(node, "workingDir")
    image = image._replace(workdir=folder or image.workdir)
    started = image.service(origin, read, shlex.join(arguments) if arguments else None)
    if isinstance(started, Skipped):
        return None
    written = get(node, "command") if command else get(node, "args") if arguments else None
    if written is not None:
        line, column = place(written)
        started = started._replace(path=path, line=line, column=column)
    kept = {key: value for key, value in started.environment.items() if key not in variables.places}
    started = started._replace(
        name=name,
        kind="cron" if workload.kind == "CronJob" else "web",
        environment={**kept, **variables.values},
        variables={**started.variables, **variables.places},
    )
    return started if starts_python(started, read) else None


def _is_ours(image: str, name: str, workload: _Workload) -> bool:
    """Tell whether an image is plausibly that of the repository's Dockerfile: it is called like what it runs in."""
    called = re.split(r"[:@]", image.rpartition("/")[2])[0]
    return called not in _WELL_KNOWN and called in (name, workload.name)


def _words(node: yaml.Node | None, variables: _Variables) -> tuple[str, ...]:
    texts = [scalar(one) for one in items(node)[:MAX_ITEMS]]
    return tuple(parameters.put_in(text, variables.values, parameters.KUBERNETES).text for text in texts if text is not None)


def _variables(node: yaml.Node, path: str, maps: Mapping[str | None, yaml.Node | None]) -> _Variables:
    """Return the variables of a container; `env` beats `envFrom`, the last of each wins."""
    values: dict[str, str] = {}
    places: dict[str, ServicePlace] = {}
    for one in items(get(node, "envFrom"))[:MAX_ITEMS]:
        prefix = scalar(one, "prefix") or ""
        found = maps.get(scalar(one, "configMapRef", "name") or "")
        for key, value in found.value[:MAX_ITEMS] if isinstance(found, yaml.MappingNode) else ():
            name, text = scalar(key), scalar(value)
            if name is not None and text is not None:
                values[prefix + name] = text
                places[prefix + name] = ServicePlace(path, *place(key))
    for one in items(get(node, "env"))[:MAX_ITEMS]:
        name, text = scalar(one, "name"), scalar(one, "value")
        if name is None:
            continue
        places[name] = ServicePlace(path, *place(one))
        values.pop(name, None)
        reference = get(one, "valueFrom", "configMapKeyRef")
        if reference is not None:
            text = scalar(maps.get(scalar(reference, "name") or ""), scalar(reference, "key") or "")
        if text is not None or get(one, "valueFrom") is None:
            values[name] = parameters.put_in(text or "", values, parameters.KUBERNETES).text
    return _Variables(values, places)


# What it may take


def _with_host(service: Service, container: yaml.Node, workload: _Workload, path: str) -> Service:
    """Add memory, CPUs and copies; a container without a limit of its own has that of its pod."""
    memory, cpus = (
        get(container, "resources", "limits", key) or get(workload.pod, "resources", "limits", key)
        for key in ("memory", "cpu")
    )
    is_serving = workload.platform == CLOUD_RUN
    number = parse_quantity(scalar(cpus) or "")
    line = place(container)[0]
    service = service._replace(
        platform=workload.platform,
        plan="",
        limit=CLOUD_RUN_MEMORY if is_serving else None,
        limit_source=f"{path}:{line} {'default' if is_serving else 'without a limit'}",
        limit_label="cloud-run by default" if is_serving else "a Kubernetes container without resources.limits.memory",
        cpus=float(number) if number else 1.0 if is_serving and cpus is None else None,
        replicas=_replicas(workload),
    )
    text = scalar(memory)
    if memory is None or text is None:
        return service
    size = parse_quantity(text)
    return service._replace(
        limit=int(size.to_integral_value(ROUND_CEILING)) or None if size is not None else None,
        limit_source=f"{path}:{place(memory)[0]} resources.limits.memory",
        limit_label=f"{workload.platform} resources.limits.memory",
    )


def parse_quantity(text: str) -> Decimal | None:
    """Read `512Mi`, `0.5Gi`, `128M`, `1e9`, `500m` or a plain number; None for what is no quantity."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    if match[3] is not None:
        return Decimal(match[1]).scaleb(int(match[3]))
    return Decimal(match[1]) * _SUFFIXES[match[2] or ""]


def _replicas(workload: _Workload) -> int | None:
    """Return the copies of a workload, None where their number is that of the nodes or of the load."""
    if workload.platform == CLOUD_RUN:
        notes = ("spec", "template", "metadata", "annotations")
        written = get(workload.node, *notes, "autoscaling.knative.dev/maxScale")
    elif workload.kind in ("DaemonSet", "CronJob"):
        return None if workload.kind == "DaemonSet" else 1
    else:
        written = get(workload.node, "spec", "replicas")
        if written is None:
            return 1
    text = scalar(written) or ""
    return int(text) or None if re.fullmatch(r"[0-9]{1,5}", text) else None
