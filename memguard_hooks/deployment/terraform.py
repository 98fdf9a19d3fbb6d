"""Containers that Terraform declares: task definitions of Amazon ECS, and services of Cloud Run.

Sources of the formats: the providers' own pages on `aws_ecs_task_definition`, `google_cloud_run_v2_service` and
`google_cloud_run_service` (2026-11). The files of a folder are one; variables have their defaults, or what
`terraform.tfvars` says. What only Terraform computes is empty. Modules that are fetched are other people's, and not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence

from memguard_hooks.deployment import ecs, kubernetes
from memguard_hooks.deployment.images import RepositoryImages
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import hcl
from memguard_hooks.formats.hcl import Block, Data
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import join, parent

MAX_DEPTH = 5
"""Variables and locals that name each other."""

_CONTAINERS = ("aws_ecs_task_definition", "google_cloud_run_")
"""How the kinds of resources begin that declare containers."""

MAX_RESOURCES = 100

MAX_TEXT = 2**17
"""A task definition is some kilobytes."""

_REFERENCE = late_pattern(r"\$\{(var|local)\.(\w+)\}")
_UNKNOWN = late_pattern(r"\$\{[^{}]{0,300}\}")
_FILE = late_pattern(r"\$\{file:(?:\$\{path\.module\}/)?([^${}]{1,200})\}")


def read(paths: Sequence[str], declaring: Collection[str], read_file: Read, images: RepositoryImages) -> Deployment:
    """Read the files of one folder. Raises MemguardError, with the place, for one of `declaring` that does not parse.

    `declaring` are those that declare containers: what only others say is left out where it does not parse.
    """
    files: list[tuple[str, Block]] = []
    for path in paths:
        try:
            files.append((path, hcl.parse(read_file(path) or b"", path, keeps_references=True)))
        except MemguardError:
            if path in declaring:
                raise
    known = _known(files)
    found = Deployment()
    for path, root in files:
        resources = [one for one in root.of("resource") if one.labels and one.labels[0].startswith(_CONTAINERS)]
        for block in resources[MAX_RESOURCES : MAX_RESOURCES + 1]:
            reason = f"is not read, and what comes after it: there are more than {MAX_RESOURCES} resources with containers"
            found = found._replace(skipped=(*found.skipped, Skipped(path, block.place[0], reason)))
        for block in resources[:MAX_RESOURCES]:
            kind, name = (*block.labels, "")[:2]
            if kind == "aws_ecs_task_definition":
                data = _task(block, name, path, known, read_file)
                if isinstance(data, bytes):
                    own = ecs.read(data, path, read_file, images)
                else:
                    own = Deployment((), (data,) if images.dockerfiles else ())
            elif kind.startswith("google_cloud_run_") and "_job" not in kind:
                own = kubernetes.read(_knative(block, name, known), path, read_file, images=images)
            else:
                continue
            found = found.joined(_placed(own, path, block.place[0]))
    return found


def _known(files: Sequence[tuple[str, Block]]) -> Mapping[str, Data]:
    """Return the values of variables and locals by `var.NAME` and `local.NAME`."""
    found: dict[str, Data] = {}
    for _, root in files:
        for block in root.of("variable"):
            if block.labels and "default" in block.attributes:
                found.setdefault(f"var.{block.labels[0]}", block.attributes["default"].data)
        for block in root.of("locals"):
            found |= {f"local.{name}": value.data for name, value in block.attributes.items()}
    for path, root in files:
        if path.endswith(".tfvars"):
            found |= {f"var.{name}": value.data for name, value in root.attributes.items()}
    return found


def _filled(data: Data, known: Mapping[str, Data], depth: int = 0) -> Data:
    """Return a value with those of variables in it; what nobody knows is empty."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(data, list):
        return [_filled(one, known, depth + 1) for one in data]
    if isinstance(data, dict):
        return {key: _filled(one, known, depth + 1) for key, one in data.items()}
    if not isinstance(data, str):
        return data
    whole = _REFERENCE.fullmatch(data)
    if whole is not None:
        return _filled(known.get(f"{whole[1]}.{whole[2]}"), known, depth + 1)

    def text(match: re.Match[str]) -> str:
        value = _filled(known.get(f"{match[1]}.{match[2]}"), known, depth + 1)
        return "" if value is None or isinstance(value, list | dict) else str(value)

    return _REFERENCE.sub(text, data)


def _plain(data: Data) -> Data:
    """Return a value without what only Terraform computes: an image of the project's own registry keeps no name."""
    if isinstance(data, list):
        return [_plain(one) for one in data]
    if isinstance(data, dict):
        return {key: _plain(one) for key, one in data.items() if one is not None}
    return _UNKNOWN.sub("", data) if isinstance(data, str) else data


def _task(block: Block, name: str, path: str, known: Mapping[str, Data], read_file: Read) -> bytes | Skipped:
    """Return a task definition as ECS has it, in JSON, or what is said of one whose containers are computed."""
    values = {key: _filled(value.data, known) for key, value in block.attributes.items()}
    written = values.get("container_definitions")
    line = block.attributes["container_definitions"].place[0] if "container_definitions" in block.attributes else None
    named = _FILE.fullmatch(written) if isinstance(written, str) else None
    if named is not None:
        written = (read_file(join(parent(path), named[1]) or "") or b"").decode("utf-8", "replace")
    if isinstance(written, str):
        try:
            written = json.loads(_UNKNOWN.sub("0", written[:MAX_TEXT]))
        except ValueError:
            written = None
    if not isinstance(written, list):
        reason = f"the containers of {name} are known only to Terraform: container_definitions is computed"
        return Skipped(path, line, reason, service=name)
    containers = [_of_registry(_plain(one), name) for one in written if isinstance(one, dict)]
    task = {key: _text(values[key]) for key in ("cpu", "memory") if _text(values.get(key))}
    return json.dumps({"family": name, **task, "containerDefinitions": containers}).encode()


def _text(data: Data) -> str:
    """Return a number or a text as one, the empty one for what is computed."""
    return "" if data is None or isinstance(data, list | dict) or "${" in str(data) else str(data)


def _of_registry(container: Data, name: str) -> Data:
    """Return a container whose image only Terraform knows with one that is called like it, which is of the own registry."""
    if not isinstance(container, dict):
        return container
    image = str(container.get("image") or "")
    bare = image.rpartition("/")[2].partition(":")[0].strip("0")
    known = {key: value for key, value in container.items() if isinstance(value, list | dict) or _text(value)}
    return {**known, "image": image if bare else str(container.get("name") or name)}


def _knative(block: Block, name: str, known: Mapping[str, Data]) -> bytes:
    """Return a service of Cloud Run as its own YAML has it."""
    containers = []
    for template in block.of("template"):
        for holder in (template, *template.of("spec")):
            for one in holder.of("containers"):
                values = {key: _plain(_filled(value.data, known)) for key, value in one.attributes.items()}
                found = {key: values[key] for key in ("image", "command", "args", "name") if values.get(key)}
                limits = [_limits(inner, known) for inner in one.of("resources")]
                variables = [_plain({key: _filled(value.data, known) for key, value in env.attributes.items()})
                             for env in one.of("env")]  # fmt: skip
                found |= {"resources": {"limits": next(iter(limits), {})}, "env": variables}
                containers.append(_of_registry(found, name))
    pod = {"containers": containers}
    metadata = {"name": block.text("name") if "${" not in (block.text("name") or "${") else name}
    head = f"apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {json.dumps(metadata)}"
    return f"{head}\nspec: {json.dumps({'template': {'spec': pod}})}\n".encode()


def _limits(resources: Block, known: Mapping[str, Data]) -> Data:
    given = resources.attributes.get("limits")
    return _plain(_filled(given.data, known)) if given is not None else {}


def _placed(found: Deployment, path: str, line: int) -> Deployment:
    """Return what a resource declares with its line as the place, for its values have none of their own."""

    def source(text: str) -> str:
        return re.sub(rf"^{re.escape(path)}:\d+", f"{path}:{line}", text)

    def service(one: Service) -> Service:
        here = ServicePlace(path, line, 1)
        places = {name: here if place.path == path else place for name, place in one.variables.items()}
        moved = one.at(here) if one.path == path else one
        return moved._replace(limit_source=source(one.limit_source), pool=source(one.pool), variables=places)

    return Deployment(
        tuple(map(service, found.services)),
        tuple(one._replace(line=line) if one.path == path and one.line is not None else one for one in found.skipped),
        tuple(trap._replace(place=ServicePlace(path, line, 1)) for trap in found.traps),
    )
