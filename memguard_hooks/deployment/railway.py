"""`railway.json` and `railway.toml`: how Railway builds and starts one service.

Source of the format: railwayapp/docs, config-as-code/reference (2026-08). Railway builds with a Dockerfile wherever it
finds one. Without a `startCommand` the image's CMD, `nixpacks.toml` or the Procfile says what runs. Memory is a matter
of the account: the file has no key for it. Railway stops reading these files on 2026-12-01.
"""

from __future__ import annotations

from collections.abc import Iterator

from memguard_hooks.deployment import dockerfile, nixpacks, procfile
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.platforms import without_plan
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, Trap, unread_service
from memguard_hooks.errors import within
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import json_document, toml_document
from memguard_hooks.formats.typed import table, text, value
from memguard_hooks.record import Any
from memguard_hooks.tree import join, parent

RAILWAY = "railway"

ENDS = "Railway reads it until 2026-12-01, then only .railway/railway.ts, .py or .go"

MAX_COMMANDS = 20
"""Commands that are read of those before a deployment."""

_PRODUCTION = "production"

_ORDER = {"web": 0, "worker": 1}
"""Which process of a Procfile Railpack starts; of others the first."""

Document = toml_document.TomlDocument | json_document.JsonDocument


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the service of a file; what `environments.production` says wins over what stands above it.

    Raises MemguardError for JSON or TOML that does not parse, with the place.
    """
    document: Document = (json_document if path.endswith(".json") else toml_document).parse(data, path)
    traps = (Trap("ending-format", ServicePlace(path, 1, 1), path.rpartition("/")[2], ENDS),)
    started = _started(document, read_file)
    if isinstance(started, Skipped):
        started = unread_service(started._replace(service="web"))
    builds = started.builds
    command = text(table(document.data, "build"), "buildCommand") or ""
    if command.strip():
        place = ServicePlace(path, *document.place(("build", "buildCommand")))
        builds = (*builds, Build(command, place, parent(path)))
    service = without_plan(started, RAILWAY, ServicePlace(path, 1, 1), "a Railway plan")._replace(
        replicas=_replicas(table(document.data, "deploy")),
        builds=builds,
        once=tuple(_before(document)),
    )
    return Deployment.of((service, *traps))


def _before(document: Document) -> Iterator[Build]:
    """Yield the commands that run before each deployment: one, or a list of them."""
    written = value(document.data, "deploy", "preDeployCommand")
    place = ServicePlace(document.path, *document.place(("deploy", "preDeployCommand")))
    commands = written if isinstance(written, list) else [written]
    for command in within(commands, MAX_COMMANDS, "commands before a deployment", *place[:2]):
        if isinstance(command, str) and command.strip():
            yield Build(command.strip(), place, parent(document.path))


def _started(document: Document, read_file: Read) -> Service | Skipped:
    """Return what runs, where it is written."""
    path, folder = document.path, parent(document.path)
    command, key = _start_command(document.data)
    place = ServicePlace(path, *document.place(key))
    build = table(document.data, "build")
    file = join(folder, (text(build, "dockerfilePath") or "Dockerfile").lstrip("/"))
    started = dockerfile.start(file, folder, read_file, command=command) if file is not None else None
    if isinstance(started, Service) and command is not None:
        # In the exec form of the image a command takes the place of ENTRYPOINT as well.
        return started.at(place)._replace(command=command)
    if started is not None:
        return started
    asked = str(build.get("builder", "")).upper()
    if asked == "DOCKERFILE":
        return Skipped(path, document.place(("build", "builder"))[0], f"it is built from {file}, which is not there")
    if command is not None:
        builder = "nixpacks" if asked == "NIXPACKS" else "railpack"
        service = Service("web", *place, command, folder=folder, builds=default_builds(builder, folder, place, read_file))
        plan = join(folder, "nixpacks.toml") or "nixpacks.toml"
        data = read_file(plan) if asked in ("", "NIXPACKS") else None
        return nixpacks.with_variables(service, data, plan) if data is not None else service
    for name, read_other in (("nixpacks.toml", nixpacks.read), ("Procfile", procfile.read)):
        where = join(folder, name) or name
        other = read_file(where)
        services = read_other(other, where, read_file).services if other is not None else ()
        if services:
            return min(services, key=lambda one: _ORDER.get(one.name, len(_ORDER)))
    return Skipped(path, place.line, "it has no startCommand, and what the builder then starts is not read")


def _start_command(data: object) -> tuple[str | None, tuple[str, ...]]:
    """Return the start command that counts in production and its key; None where there is none."""
    above: tuple[str, ...] = ("deploy", "startCommand")
    for key in (("environments", _PRODUCTION, *above), above):
        command = value(data, *key)
        if isinstance(command, str) and command.strip():
            return command.strip(), key
    return None, above


def _replicas(deploy: dict[str, Any]) -> int | None:
    """Return how many copies run in all regions; None where that is no number."""
    regions = table(deploy, "multiRegionConfig").values()
    counts = [table(region).get("numReplicas", 1) for region in regions] or [deploy.get("numReplicas", 1)]
    known = [count for count in counts if isinstance(count, int) and 0 < count <= 1000]
    return sum(known) if len(known) == len(counts) else None
