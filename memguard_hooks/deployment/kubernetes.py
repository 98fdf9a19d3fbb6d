"""Kubernetes manifests: containers of workloads, and services of Cloud Run, which speak the same language.

Source of the format: kubernetes.io/docs, "Define a Command and Arguments for a Container", "Resource Management for Pods
and Containers", "Define Dependent Environment Variables", "Sidecar Containers", "Limit Ranges", and Cloud Run's YAML
reference (2026-11). `command` takes the place of ENTRYPOINT and CMD, `args` that of CMD; neither sees a shell. Each
container has a limit of its own; one without has that of its pod, which all share, or of a LimitRange in the same
file. Jobs and init containers end by themselves and are left out; an init container with `restartPolicy: Always` is a
sidecar, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import ROUND_CEILING, Decimal
from itertools import islice

import yaml

from memguard_hooks.deployment import container, kustomize
from memguard_hooks.deployment.container import DeclaredContainer
from memguard_hooks.deployment.images import RepositoryImages
from memguard_hooks.deployment.service import (
    Deployment,
    Read,
    Service,
    ServicePlace,
    Trap,
    Variables,
    template,
    unread_service,
)
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats import parameters
from memguard_hooks.formats.yaml_nodes import compose_all, few, file_of, get, items, pairs, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

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


class _Workload(Record):
    """One document that starts containers, 1-based."""

    kind: str
    name: str
    node: yaml.Node
    pod: yaml.Node
    platform: str


class _Container(Record):
    """One container, and whether it is the only one of its workload."""

    node: yaml.Node
    workload: _Workload
    is_alone: bool

    @property
    def name(self) -> str:
        """What its workload calls it."""
        return scalar(self.node, "name") or self.workload.name


def read(
    data: bytes, path: str, read_file: Read = lambda _: None, own: str = "", images: RepositoryImages = container.NO_IMAGES
) -> Deployment:
    """Read the containers that start Python, and those whose image the repository's Dockerfile plausibly makes.

    `own` is the name of an image that is known to be the repository's, `images` are those that it makes.
    A template is skipped with its line. Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(_read(data, path, read_file, own, images))


def _read(data: bytes, path: str, read_file: Read, own: str, images: RepositoryImages) -> Iterator[Service | Skipped | Trap]:
    plain = data.replace(b"\0", b"")  # those of UTF-16 are read as well
    filled_in = _TEMPLATE.search(plain)
    is_kustomization = path.rpartition("/")[2] in kustomize.NAMES
    if _KIND.search(plain) is None and not is_kustomization:
        return
    if filled_in is not None:
        yield template(path, plain.count(b"\n", 0, filled_in.end()) + 1)
        return
    if len(data) > MAX_BYTES:
        yield Skipped(path, None, f"is larger than {MAX_BYTES // 1024} KiB")
        return
    if is_kustomization:
        built = kustomize.build(path, read_file)
        yield from built.skipped
        documents = list(_flat(built.documents))
    else:
        documents = list(_flat(islice(compose_all(data, path), MAX_DOCUMENTS + 1)))
    maps = {scalar(node, "metadata", "name"): get(node, "data") for node in documents if scalar(node, "kind") == "ConfigMap"}
    if b"onfigMap" in data:  # the same name in the file itself goes before
        maps = {**dict(_maps_beside(path, read_file)), **maps}
    if len(documents) > MAX_DOCUMENTS:
        yield Skipped(path, None, f"has more than {MAX_DOCUMENTS} documents")
    containers = list(islice(_containers(documents), MAX_CONTAINERS + 1))
    if len(containers) > MAX_CONTAINERS:
        extra = _place(containers.pop().node)
        yield Skipped(extra.path, extra.line, f"has more than {MAX_CONTAINERS} containers")
    declared = [_declared(one, maps) for one in containers]
    ours = container.own_images(declared, own)
    default = next(filter(None, map(_default_memory, documents)), None)
    started = [container.start(said, ours, read_file, images) for said in declared]
    others = [one for one, found in zip(containers, started, strict=True) if not isinstance(found, Service)]
    for one, said, found in zip(containers, declared, started, strict=True):
        if isinstance(found, Service):
            service = _with_host(found, one, default, others)
            name = service.name
            if service.limit is None and service.limit_source.endswith(" without a limit"):
                yield Trap("no-memory-limit", _place(one.node), name)
            is_known = said.image_name in (*said.names, own) or images.maker(said.image_name) is not None
            if found.path in (*container.DOCKERFILES, *images.dockerfiles) and not is_known:
                reason = f"{said.image} of {name} is taken for the image that {found.path} makes: no other one here may be"
                yield Skipped(file_of(one.node), place(one.node)[0], reason)
            yield service
        elif found is not None:
            rest = [other for other in others if other is not one]
            unread = _with_host(unread_service(found), one, default, rest)
            yield unread._replace(name=found.service, pool="")


def _place(node: yaml.Node) -> ServicePlace:
    """Return where a node stands, which may be the file of a patch."""
    return ServicePlace(file_of(node), *place(node))


def _flat(documents: Iterable[yaml.Node]) -> Iterator[yaml.Node]:
    for node in documents:
        if scalar(node, "kind") == "List":
            yield from items(get(node, "items"))[: MAX_DOCUMENTS + 1]
        else:
            yield node


def _containers(documents: list[yaml.Node]) -> Iterator[_Container]:
    """Yield each container that stays."""
    for node in documents:
        kind = scalar(node, "kind") or ""
        is_serving = kind == "Service" and (scalar(node, "apiVersion") or "").startswith("serving.knative.dev/")
        pod = get(node, *(_POD["Deployment"] if is_serving else _POD.get(kind, ("",))))
        if pod is not None:
            name = scalar(node, "metadata", "name") or kind.lower()
            workload = _Workload(kind, name, node, pod, CLOUD_RUN if is_serving else KUBERNETES)
            containers = [*items(get(pod, "containers")), *filter(_is_sidecar, items(get(pod, "initContainers")))]
            for one in containers:
                yield _Container(one, workload, is_alone=len(containers) == 1)


def _is_sidecar(node: yaml.Node) -> bool:
    """Return whether an init container stays beside those that start after it."""
    return scalar(node, "restartPolicy") == "Always"


# What a container runs


def _declared(one: _Container, maps: Mapping[str | None, yaml.Node | None]) -> DeclaredContainer:
    """Return a container with what its manifest puts in the place of the image's own."""
    node, workload = one.node, one.workload
    variables = _variables(node, maps)
    if workload.platform == CLOUD_RUN:
        given = {"PORT": "8080", "K_SERVICE": workload.name}
        variables = variables._replace(values={**given, **variables.values})
    command, arguments = _words(get(node, "command"), variables), _words(get(node, "args"), variables)
    written = get(node, "command") if command else get(node, "args") if arguments else None
    return DeclaredContainer(
        one.name,
        (one.name, workload.name),
        scalar(node, "image") or "",
        _place(node),
        command,
        arguments,
        scalar(node, "workingDir") or "",
        variables,
        _place(written) if written is not None else None,
    )


def _words(node: yaml.Node | None, variables: Variables) -> tuple[str, ...]:
    texts = [scalar(one) for one in few(node)]
    return tuple(parameters.put_in(text, variables.values, parameters.KUBERNETES).text for text in texts if text is not None)


MAPS = ("configmap", "config-map", "config", "configmaps", "cm", "app-config", "app-configmap", "env")
"""What files are called that hold the variables of the containers beside them."""


def _maps_beside(path: str, read_file: Read) -> Iterator[tuple[str | None, yaml.Node | None]]:
    """Yield the ConfigMaps in the files beside one, by their names."""
    folder = parent(path)
    for name in (f"{one}{ending}" for one in MAPS for ending in (".yaml", ".yml")):
        beside = join(folder, name) or path
        data = read_file(beside) if beside != path else None
        if data is None or len(data) > MAX_BYTES or _TEMPLATE.search(data) is not None:
            continue
        with suppress(MemguardError):
            for node in islice(_flat(compose_all(data, beside)), MAX_DOCUMENTS):
                if scalar(node, "kind") == "ConfigMap":
                    yield scalar(node, "metadata", "name"), get(node, "data")


def _variables(node: yaml.Node, maps: Mapping[str | None, yaml.Node | None]) -> Variables:
    """Return the variables of a container; `env` beats `envFrom`, the last of each wins."""
    values: dict[str, str] = {}
    places: dict[str, ServicePlace] = {}
    for one in few(get(node, "envFrom")):
        prefix = scalar(one, "prefix") or ""
        found = maps.get(scalar(one, "configMapRef", "name") or "")
        for key, value in pairs(found):
            name, text = scalar(key), scalar(value)
            if name is not None and text is not None:
                values[prefix + name] = text
                places[prefix + name] = _place(key)
    for one in few(get(node, "env")):
        name, text = scalar(one, "name"), scalar(one, "value")
        if name is None:
            continue
        places[name] = _place(one)
        values.pop(name, None)
        reference = get(one, "valueFrom", "configMapKeyRef")
        if reference is not None:
            text = scalar(maps.get(scalar(reference, "name") or ""), scalar(reference, "key") or "")
        if text is not None or get(one, "valueFrom") is None:
            values[name] = parameters.put_in(text or "", values, parameters.KUBERNETES).text
    return Variables(values, places)


# What it may take


def _default_memory(document: yaml.Node) -> yaml.Node | None:
    """Return the limit that a LimitRange gives to containers without one."""
    if scalar(document, "kind") != "LimitRange":
        return None
    ranges = [one for one in few(get(document, "spec", "limits")) if scalar(one, "type") == "Container"]
    found = [get(one, "default", "memory") or get(one, "max", "memory") for one in ranges]
    return next(filter(None, found), None)


def _with_host(service: Service, one: _Container, default: yaml.Node | None, others: Sequence[_Container]) -> Service:
    """Add a name, memory, CPUs and copies; a container without a limit of its own has that of its pod, or of a LimitRange.

    `others` are the containers of somebody else's, of which those of the same pod share its limit.
    """
    name = one.workload.name if one.is_alone else f"{one.workload.name}/{service.name}"
    service = _with_memory(
        service._replace(name=name, kind="cron" if one.workload.kind == "CronJob" else "web"), one, default
    )
    if service.limit_source != service.pool:
        return service
    beside = [other for other in others if other.workload.pod is one.workload.pod]
    return container.beside(service, [(other.name, _asked(other.node)) for other in beside])


def _with_memory(service: Service, one: _Container, default: yaml.Node | None) -> Service:
    node, workload = one.node, one.workload
    memory, cpus = (
        get(node, "resources", "limits", key) or get(workload.pod, "resources", "limits", key) for key in ("memory", "cpu")
    )
    of_pod = get(workload.pod, "resources", "limits", "memory")
    is_serving = workload.platform == CLOUD_RUN
    number = parse_quantity(scalar(cpus) or "")
    line = place(node)[0]
    service = service._replace(
        platform=workload.platform,
        plan="",
        limit=CLOUD_RUN_MEMORY if is_serving else None,
        limit_source=f"{file_of(node)}:{line} {'default' if is_serving else 'without a limit'}",
        limit_label="cloud-run by default" if is_serving else "a Kubernetes container without resources.limits.memory",
        cpus=float(number) if number else 1.0 if is_serving and cpus is None else None,
        replicas=_replicas(workload),
        pool=f"{file_of(of_pod)}:{place(of_pod)[0]} resources.limits.memory" if of_pod is not None else "",
    )
    label = "resources.limits.memory"
    if memory is None and default is not None and not is_serving:
        memory, label = default, "LimitRange"
    text = scalar(memory)
    if memory is None or text is None:
        return service
    size = parse_quantity(text)
    return service._replace(
        limit=int(size.to_integral_value(ROUND_CEILING)) or None if size is not None else None,
        limit_source=f"{file_of(memory)}:{place(memory)[0]} {label}",
        limit_label=f"{workload.platform} {label}",
    )


def _asked(node: yaml.Node) -> int:
    """Return the bytes that a container asks for: what it requests, or else its limit."""
    written = get(node, "resources", "requests", "memory") or get(node, "resources", "limits", "memory")
    size = parse_quantity(scalar(written) or "")
    return int(size) if size is not None else 0


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
