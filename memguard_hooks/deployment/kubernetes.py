"""Kubernetes manifests: containers of workloads, and services of Cloud Run, which speak the same language.

Source of the format: kubernetes.io/docs, "Define a Command and Arguments for a Container", "Resource Management for Pods
and Containers", "Define Dependent Environment Variables", "Sidecar Containers", "Limit Ranges", and Cloud Run's YAML
reference (2026-11). `command` takes the place of ENTRYPOINT and CMD, `args` that of CMD; neither sees a shell. Each
container has a limit of its own; one without has that of a LimitRange in the same file. Jobs and init containers end by
themselves and are left out; an init container with `restartPolicy: Always` is a sidecar, and stays.
"""

from __future__ import annotations

import re
import shlex
from decimal import ROUND_CEILING, Decimal
from itertools import islice

import yaml

from memguard_hooks.deployment import dockerfile, kustomize
from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.dockerfile import Image, ImageProgram
from memguard_hooks.deployment.python_program import starts_python
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Trap, template
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats import parameters
from memguard_hooks.formats.yaml_nodes import compose_all, file_of, get, items, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import parent

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KUBERNETES = "kubernetes"
DOCKERFILES = ("Dockerfile", "docker/Dockerfile", "src/Dockerfile", "app/Dockerfile", "backend/Dockerfile", "api/Dockerfile",
               "server/Dockerfile")  # fmt: skip
"""What makes the image of a repository, the first that is there; what lies in `docker` is built in the root."""
APP_FOLDERS = ("", "src/", "services/", "apps/")
"""Where the folders of several apps lie, each with a Dockerfile and called like its image."""
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

_WELL_KNOWN = frozenset({"postgres", "postgresql", "postgis", "pgvector", "redis", "valkey", "nginx", "nginx-unprivileged",
                         "httpd", "mysql", "mariadb", "mongo", "mongodb", "rabbitmq", "memcached", "elasticsearch",
                         "opensearch", "traefik", "caddy", "haproxy", "envoy", "minio", "kafka", "zookeeper", "vault",
                         "consul", "grafana", "prometheus", "loki", "promtail", "node", "busybox", "alpine", "debian",
                         "ubuntu", "python", "git-sync", "cloud-sql-proxy", "gce-proxy", "oauth2-proxy", "pgbouncer",
                         "fluent-bit", "fluentd", "filebeat", "vector", "telegraf", "statsd-exporter", "agent",
                         "opentelemetry-collector", "opentelemetry-collector-contrib", "proxyv2", "curl", "kubectl",
                         "cloudflared", "certbot", "mailhog", "mailpit", "localstack", "qdrant", "weaviate", "chroma",
                         "milvus", "neo4j", "ollama", "clickhouse-server", "flower", "adminer", "pgadmin4"})  # fmt: skip
"""Images that no repository makes of its own."""

_VENDORS = late_pattern(
    r"(?:(?:registry\.k8s|k8s\.gcr|quay)\.io|docker\.elastic\.co|mcr\.microsoft\.com|(?:docker\.io/)?bitnami)/"
)
"""Registries that hold the images of vendors alone."""


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

    @property
    def image(self) -> str:
        """Its image as it is written."""
        return scalar(self.node, "image") or ""

    @property
    def image_name(self) -> str:
        """The name of its image, without registry, owner and tag."""
        return re.split(r"[:@]", self.image.rpartition("/")[2])[0]


class _Variables(Record):
    """What a container's variables are; one whose value only the cluster has is in `places` alone."""

    values: dict[str, str]
    places: dict[str, ServicePlace]


def read(data: bytes, path: str, read_file: Read = lambda _: None, own: str = "") -> Deployment:
    """Read the containers that start Python, and those whose image the repository's Dockerfile plausibly makes.

    `own` is the name of an image that is known to be the repository's.
    A template is skipped with its line. Raises MemguardError for YAML that does not parse, with the place.
    """
    return Deployment.of(_read(data, path, read_file, own))


def _read(data: bytes, path: str, read_file: Read, own: str) -> Iterator[Service | Skipped | Trap]:
    filled_in = _TEMPLATE.search(data)
    is_kustomization = path.rpartition("/")[2] in kustomize.NAMES
    if _KIND.search(data) is None and not is_kustomization:
        return
    if filled_in is not None:
        yield template(path, data.count(b"\n", 0, filled_in.end()) + 1)
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
    if len(documents) > MAX_DOCUMENTS:
        yield Skipped(path, None, f"has more than {MAX_DOCUMENTS} documents")
    containers = list(islice(_containers(documents), MAX_CONTAINERS + 1))
    if len(containers) > MAX_CONTAINERS:
        extra = _place(containers.pop().node)
        yield Skipped(extra.path, extra.line, f"has more than {MAX_CONTAINERS} containers")
    ours = _own_images(containers, own)
    default = next(filter(None, map(_default_memory, documents)), None)
    for one in containers:
        found = _container(one, maps, ours, read_file)
        if isinstance(found, Service):
            name = one.workload.name if one.is_alone else f"{one.workload.name}/{found.name}"
            found = _with_host(found._replace(name=name), one, default)
            if found.limit is None and found.limit_source.endswith(" without a limit"):
                yield Trap("no-memory-limit", _place(one.node), name)
            if found.path in DOCKERFILES and one.image_name not in (one.name, one.workload.name, own):
                reason = f"{one.image} of {name} is taken for the image that {found.path} makes: no other one here may be"
                yield Skipped(file_of(one.node), place(one.node)[0], reason)
        if found is not None:
            yield found


def _dockerfile(name: str, read: Read, *, is_own: bool) -> tuple[str, bytes | None]:
    """Return the Dockerfile that makes an image, and what it holds: one of its name, or else the repository's.

    `shop-api` is made by what is called so, or `api`.
    """
    named: list[str] = []
    if re.fullmatch(r"[\w-]+", name):
        named = [f"{folder}{name}/Dockerfile" for folder in APP_FOLDERS]
        for one in dict.fromkeys((name, name.rpartition("-")[2])) if is_own else ():
            named += [
                f"Dockerfile.{one}",
                f"docker/Dockerfile.{one}",
                f"docker/{one}/Dockerfile",
                f"docker/{one}.Dockerfile",
            ]
    found = ((file, read(file)) for file in (*named, *(DOCKERFILES if is_own else ())))
    return next(((file, data) for file, data in found if data is not None), ("", None))


def _made(data: bytes, file: str, read: Read) -> Image | Skipped:
    """Return the image of a Dockerfile, built in its folder, or else in the root where only that holds what it starts."""
    folder = "" if file.startswith("docker/") else parent(file)
    made = dockerfile.read_image(data, file, folder, read=read)
    if folder and isinstance(made, Image):
        in_root = dockerfile.read_image(data, file, "", read=read)
        if isinstance(in_root, Image) and not _holds(made, file, read) and _holds(in_root, file, read):
            return in_root
    return made


def _holds(image: Image, file: str, read: Read) -> bool:
    """Return whether the repository has what an image starts where the image was given it."""
    started = image.service(file, read)
    if isinstance(started, Skipped):
        return False
    found = parse(started.command, Host(started.environment, read, mounts=started.mounts), started.folder).entrypoint
    return found is not None and dockerfile.holds(found.folder, found.text, read)


def _place(node: yaml.Node) -> ServicePlace:
    """Return where a node stands, which may be the file of a patch."""
    return ServicePlace(file_of(node), *place(node))


def _flat(documents: Iterable[yaml.Node]) -> Iterator[yaml.Node]:
    for node in documents:
        if scalar(node, "kind") == "List":
            yield from items(get(node, "items"))[:MAX_DOCUMENTS]
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
            for container in containers:
                yield _Container(container, workload, is_alone=len(containers) == 1)


def _is_sidecar(container: yaml.Node) -> bool:
    """Return whether an init container stays beside those that start after it."""
    return scalar(container, "restartPolicy") == "Always"


def _own_images(containers: list[_Container], own: str) -> frozenset[str]:
    """Return the names of the images that are plausibly those of the repository's Dockerfile.

    One is called like what it runs in. Where none is, it is the only one of the file that nobody else is known to make.
    """
    unknown = [one for one in containers if one.image_name not in _WELL_KNOWN and not _VENDORS.match(one.image)]
    called = frozenset(one.image_name for one in unknown if one.image_name in (one.name, one.workload.name, own))
    names = frozenset(one.image_name for one in unknown)
    return called or (names if len(names) == 1 else frozenset[str]())


# What a container runs


def _container(
    one: _Container, maps: Mapping[str | None, yaml.Node | None], ours: frozenset[str], read: Read
) -> Service | Skipped | None:
    node, workload, name = one.node, one.workload, one.name
    variables = _variables(node, maps)
    if workload.platform == CLOUD_RUN:
        variables = variables._replace(values={"PORT": "8080", "K_SERVICE": workload.name, **variables.values})
    command, arguments = _words(get(node, "command"), variables), _words(get(node, "args"), variables)
    base = _PYTHON_IMAGE.search(one.image)
    image = Image(1, environment={"PYTHON_VERSION": base[1]} if base else {})
    origin = file_of(node)
    file, data = _dockerfile(one.image_name, read, is_own=one.image_name in ours)
    if data is not None:
        made = _made(data, file, read)
        if isinstance(made, Image):
            image, origin = made, file
        elif not command:
            return made._replace(service=name)
    if command:
        image = image._replace(entrypoint=ImageProgram(command, "", 1, 1), cmd=None)
    folder = scalar(node, "workingDir")
    image = image._replace(workdir=folder or image.workdir)
    started = image.service(origin, read, shlex.join(arguments) if arguments else None)
    is_python = data is not None and dockerfile.holds_python(data)
    if isinstance(started, Skipped):
        return started._replace(service=name) if is_python else None
    written = get(node, "command") if command else get(node, "args") if arguments else None
    if written is not None:
        started = started.at(_place(written))
    kept = {key: value for key, value in started.environment.items() if key not in variables.places}
    started = started._replace(
        name=name,
        kind="cron" if workload.kind == "CronJob" else "web",
        environment={**kept, **variables.values},
        variables={**started.variables, **variables.places},
    )
    return started if (is_python and not command) or starts_python(started, read) else None


def _words(node: yaml.Node | None, variables: _Variables) -> tuple[str, ...]:
    texts = [scalar(one) for one in items(node)[:MAX_ITEMS]]
    return tuple(parameters.put_in(text, variables.values, parameters.KUBERNETES).text for text in texts if text is not None)


def _variables(node: yaml.Node, maps: Mapping[str | None, yaml.Node | None]) -> _Variables:
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
                places[prefix + name] = _place(key)
    for one in items(get(node, "env"))[:MAX_ITEMS]:
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
    return _Variables(values, places)


# What it may take


def _default_memory(document: yaml.Node) -> yaml.Node | None:
    """Return the limit that a LimitRange gives to containers without one."""
    if scalar(document, "kind") != "LimitRange":
        return None
    ranges = [one for one in items(get(document, "spec", "limits"))[:MAX_ITEMS] if scalar(one, "type") == "Container"]
    found = [get(one, "default", "memory") or get(one, "max", "memory") for one in ranges]
    return next(filter(None, found), None)


def _with_host(service: Service, one: _Container, default: yaml.Node | None) -> Service:
    """Add memory, CPUs and copies; a container without a limit of its own has that of its pod, or of a LimitRange."""
    container, workload = one.node, one.workload
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
        limit_source=f"{file_of(container)}:{line} {'default' if is_serving else 'without a limit'}",
        limit_label="cloud-run by default" if is_serving else "a Kubernetes container without resources.limits.memory",
        cpus=float(number) if number else 1.0 if is_serving and cpus is None else None,
        replicas=_replicas(workload),
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
