"""`fly.toml`: process groups, each in Machines of its own, and the memory of these.

Source of the format: superfly/docs, reference/configuration (2026-11). A command in `[processes]` takes the place
of the image's CMD and sees no shell; other keys of `[[vm]]` beat `size`. Without `[[vm]]` a new Machine is a shared-cpu-1x,
which counts here; one that was scaled keeps what it has (superfly/docs, apps/scale-machine, "configuration precedence").
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.dockerfile import Image
from memguard_hooks.deployment.platforms import find_plan, nearest_plans
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, Trap, unread_service
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats import toml_document
from memguard_hooks.formats.shell_words import split_plain
from memguard_hooks.formats.toml_document import KeyPath, TomlDocument
from memguard_hooks.formats.typed import table
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Any, Record
from memguard_hooks.tree import join, parent

FLY = "fly"

DEFAULT = "shared-cpu-1x"
"""The size of a Machine where nothing says another."""

MAX_MIB = 2**20
"""More memory than any Machine has."""

_SIZE = late_pattern(r"\s*(\d{1,7})\s*(|mb|mib|m|gb|gib|g)\s*", re.IGNORECASE)


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the process groups of an app.

    Raises MemguardError for TOML that does not parse, with the place.
    """
    return Deployment.of(_read(toml_document.parse(data, path), cache(read_file)))  # each group asks for the same files


def _read(document: TomlDocument, read_file: Read) -> Iterator[Service | Skipped | Trap]:
    path = document.path
    machines = _machines(document)
    image = _image(document, read_file)
    processes = table(document.data, "processes")
    groups = {name: command for name, command in processes.items() if isinstance(command, str) and command.strip()}
    environment = {name: _text(value) for name, value in table(document.data, "env").items()}
    variables = {name: ServicePlace(path, *document.place(("env", name))) for name in environment}
    override = _override(document)
    commands: dict[str, str | None] = {**groups} or {"app": override.command}
    once = tuple(_before(document))
    for name, command in commands.items():
        place = ServicePlace(path, *document.place(("processes", name) if groups else override.key))
        started = image.service(path, read_file, command) if isinstance(image, Image) else image
        if override.entrypoint and isinstance(started, Service) and command is not None:
            started = started._replace(command=f"{override.entrypoint} {command}")
        if isinstance(started, Skipped):
            gap = started._replace(service=name)
            written = command is not None and Service(name, *place, shlex.join(split_plain(command)), folder=parent(path))
            started = written or unread_service(gap)
        elif command is None:
            started = started._replace(path=_image_path(document))
        started = started.at(place) if command is not None else started
        service = started._replace(
            once=once,
            name=name,
            kind=name,
            environment={**started.environment, "FLY_PROCESS_GROUP": name, **environment},
            variables={**started.variables, **variables},
            replicas=None,
        )
        once = ()
        yield _with_memory(service, document, machines.get(name) or machines.get(""))
    yield from _traps(document, machines)


def _before(document: TomlDocument) -> Iterator[Build]:
    """Yield the command that a temporary Machine runs before each deployment."""
    command = _command(table(document.data, "deploy").get("release_command"))
    if command is not None:
        place = ServicePlace(document.path, *document.place(("deploy", "release_command")))
        yield Build(command, place, parent(document.path))


class _Override(Record):
    """What `[experimental]` puts in the place of the image's own program."""

    key: KeyPath = ()
    command: str | None = None
    entrypoint: str | None = None


def _override(document: TomlDocument) -> _Override:
    fields = table(document.data, "experimental")
    command, entrypoint = _command(fields.get("cmd")), _command(fields.get("entrypoint"))
    if entrypoint is not None and command is None:
        command, entrypoint = entrypoint, None
    if command is None:
        return _Override()
    key = "cmd" if "cmd" in fields else "entrypoint"
    return _Override(("experimental", key), command, entrypoint)


def _command(value: Any) -> str | None:
    if isinstance(value, list):
        value = shlex.join(word for word in value if isinstance(word, str))
    return value if isinstance(value, str) and value.strip() else None


def _image_path(document: TomlDocument) -> str:
    build = table(document.data, "build")
    return join(parent(document.path), _text(build.get("dockerfile")) or "Dockerfile") or "Dockerfile"


def _image(document: TomlDocument, read_file: Read) -> Image | Skipped:
    """Return the image that `[build]` means, or why it is not known."""
    build = table(document.data, "build")
    line = document.place(("build",)).line if build else 1
    if "image" in build or "builder" in build:
        how = "image" if "image" in build else "builder"
        return Skipped(document.path, document.place(("build", how)).line, f"what its {how} runs is not read")
    path = _image_path(document)
    data = read_file(path)
    if data is None:
        return Skipped(document.path, line, f"there is no {path}, and no command in [processes]")
    target = _text(build.get("build-target"))
    image = dockerfile.read_image(data, path, parent(document.path), target, read_file)
    if parent(path) == parent(document.path) or not isinstance(image, Image):
        return image
    from memguard_hooks.deployment.container import holds_start  # which loads yaml

    if holds_start(image, path, read_file):
        return image
    apart = dockerfile.read_image(data, path, parent(path), target, read_file)  # `fly deploy FOLDER --config FILE`
    return apart if isinstance(apart, Image) and holds_start(apart, path, read_file) else image


_Machine = tuple[KeyPath, "dict[str, Any]"]


def _machines(document: TomlDocument) -> Mapping[str, _Machine]:
    """Return where the `[[vm]]` of each process group stands, and under no name the one for all others."""
    value = document.data.get("vm")
    tables = value if isinstance(value, list) else [value] if value is not None else []
    found: dict[str, _Machine] = {}
    for number, fields in enumerate(tables):
        if not isinstance(fields, dict):
            continue
        named = fields.get("processes")
        names = named if isinstance(named, list) else [named] if isinstance(named, str) else []
        key: KeyPath = ("vm", number) if isinstance(value, list) else ("vm",)
        for name in names or [""]:
            if isinstance(name, str):
                found.setdefault(name, (key, fields))
    return found


def _with_memory(service: Service, document: TomlDocument, machine: _Machine | None) -> Service:
    """Add the memory and CPUs of the Machines of a process group; other keys beat `size`."""
    service = service._replace(platform=FLY, plan="")
    if machine is None:
        plan = find_plan(FLY, DEFAULT)
        return service._replace(
            cpus=1.0,
            limit=plan.memory if plan is not None else None,
            limit_source=f"{document.path}:1 without [[vm]]",
            limit_label=f"fly {DEFAULT} by default",
        )
    key, fields = machine
    size = _text(fields.get("size"))
    known = find_plan(FLY, size) if size else None
    kind = _text(fields.get("cpu_kind")) or "shared"
    cpus = _text(fields.get("cpus"))
    service = service._replace(cpus=_cpus(cpus) if cpus else known.cpus if known else None if size else 1.0)
    for name in ("memory", "memory_mb", "size"):
        if name in fields:
            text = _text(fields[name])
            line = document.place((*key, name)).line
            limit = (known.memory if known else None) if name == "size" else _bytes(text)
            label = text if name == "size" else f"{name} {text}"
            return service._replace(
                plan=text if name == "size" else "",
                limit=limit,
                limit_source=f"{document.path}:{line} {label}",
                limit_label=f"fly {label}",
            )
    line = document.place(key).line
    preset = find_plan(FLY, f"{kind}-cpu-{cpus or 1}x" if kind == "shared" else f"{kind}-{cpus or 1}x")
    label = f"{kind} with {cpus or 1} CPU"
    memory = preset.memory if preset else None
    return service._replace(limit=memory, limit_source=f"{document.path}:{line} {label}", limit_label=f"fly {label}")


def _cpus(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[1-9]\d{0,2}", text) else None


def _traps(document: TomlDocument, machines: Mapping[str, _Machine]) -> Iterator[Trap]:
    """Yield a trap for each size that another key beats, and each `size` that looks like one of Fly's and is none.

    Those with a GPU are not listed.
    """
    for name, (key, fields) in machines.items():
        sizes = [_bytes(_text(fields.get(key_of_size))) for key_of_size in ("memory", "memory_mb")]
        if None not in sizes and sizes[0] != sizes[1]:
            place = ServicePlace(document.path, *document.place((*key, "memory_mb")))
            detail = f"memory {_text(fields['memory'])}, memory_mb {_text(fields['memory_mb'])}"
            yield Trap("memory-twice", place, name or "app", detail)
        size = _text(fields.get("size")).strip().lower()
        if size.startswith(("shared", "performance")) and find_plan(FLY, size) is None:
            place = ServicePlace(document.path, *document.place((*key, "size")))
            yield Trap("unknown-plan", place, name or "app", f"{size}: {nearest_plans(FLY, size)}")


def _bytes(text: str) -> int | None:
    """Read `1gb`, `512mb`, `512`: Fly counts in MiB."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    size = int(match[1]) * (1024 if match[2].lower().startswith("g") else 1)
    return size * MIB if 0 < size <= MAX_MIB else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)
