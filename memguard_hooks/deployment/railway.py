"""`railway.json` and `railway.toml`: how Railway builds and starts one service.

Source of the format: railwayapp/docs, config-as-code/reference (2026-08). Railway builds with a Dockerfile wherever it
finds one. Without a `startCommand` the image's CMD, `nixpacks.toml` or the Procfile says what runs. Memory is a matter
of the account: the file has no key for it. Railway stops reading these files on 2026-12-01.
"""

from __future__ import annotations

from typing import Any

from memguard_hooks.deployment import dockerfile, nixpacks, procfile
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, Trap
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import json_document, toml_document
from memguard_hooks.tree import join, parent

RAILWAY = "railway"

ENDS = "Railway reads it until 2026-12-01, then only .railway/railway.ts, .py or .go"

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
    root = _table(document.data)
    started = _started(document, root, read_file)
    if isinstance(started, Skipped):
        return Deployment((), (started,), traps)
    builds = started.builds
    command = _table(root.get("build")).get("buildCommand")
    if isinstance(command, str) and command.strip():
        builds = (*builds, Build(command, _place(document, ("build", "buildCommand")), parent(path)))
    service = started._replace(
        platform=RAILWAY,
        plan=None,
        limit=None,
        limit_source=f"{path}:1 names no memory",
        limit_label="a Railway plan",
        replicas=_replicas(root),
        builds=builds,
    )
    return Deployment((service,), (), traps)


def _started(document: Document, root: dict[str, Any], read_file: Read) -> Service | Skipped:
    """Return what runs, where it is written."""
    path, folder = document.path, parent(document.path)
    text, key = _start_command(root)
    place = _place(document, key)
    build = _table(root.get("build"))
    named = build.get("dockerfilePath")
    file = join(folder, named.lstrip("/") if isinstance(named, str) else "Dockerfile")
    data = read_file(file) if file is not None else None
    if file is not None and data is not None:
        image = dockerfile.read_image(data, file, folder, read=read_file)
        if isinstance(image, Skipped):
            return image
        started = image.service(file, read_file, text)
        if isinstance(started, Service) and text is not None:
            # In the exec form of the image a command takes the place of ENTRYPOINT as well.
            return started._replace(path=path, line=place.line, column=place.column, command=text)
        return started
    if text is not None:
        builds = default_builds(_builder(build), folder, place, read_file)
        return Service("web", *place, text, folder=folder, builds=builds)
    readers = {"nixpacks.toml": nixpacks.read, "Procfile": procfile.read}
    for name, read_other in readers.items():
        where = join(folder, name) or name
        other = read_file(where)
        services = read_other(other, where, read_file).services if other is not None else ()
        if services:
            return min(services, key=lambda one: _ORDER.get(one.name, len(_ORDER)))
    return Skipped(path, place.line, "it has no startCommand, and what the builder then starts is not read")


def _start_command(root: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Return the start command that counts in production and its key; None where there is none."""
    above: tuple[str, ...] = ("deploy", "startCommand")
    for key in (("environments", _PRODUCTION, *above), above):
        value: Any = root
        for part in key:
            value = _table(value).get(part)
        if isinstance(value, str) and value.strip():
            return value.strip(), key
    return None, above


def _builder(build: dict[str, Any]) -> str:
    return "nixpacks" if str(build.get("builder", "")).upper() == "NIXPACKS" else "railpack"


def _replicas(root: dict[str, Any]) -> int | None:
    """Return how many copies run in all regions; None where that is no number."""
    deploy = _table(root.get("deploy"))
    regions = _table(deploy.get("multiRegionConfig")).values()
    counts = [_table(region).get("numReplicas", 1) for region in regions] or [deploy.get("numReplicas", 1)]
    known = [count for count in counts if isinstance(count, int) and 0 < count <= 1000]
    return sum(known) if len(known) == len(counts) else None


def _place(document: Document, key: tuple[str | int, ...]) -> ServicePlace:
    found = document.place(key)
    return ServicePlace(document.path, found.line, found.column)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
