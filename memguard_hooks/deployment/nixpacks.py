"""`nixpacks.toml`, the plan of the builder Nixpacks: `[start] cmd`, and what `[phases.install]` and others run.

Source of the format: railwayapp/nixpacks, docs configuration/file.md (2026-11). The file wins over a Procfile; which
platform builds with it, it does not say. `...` in a list of commands stands for what Nixpacks would run by itself.
"""

from __future__ import annotations

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats import toml_document
from memguard_hooks.formats.toml_document import TomlDocument
from memguard_hooks.formats.typed import table, text
from memguard_hooks.tree import parent


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the one service that a plan starts; nothing where it leaves that to Nixpacks or a Procfile.

    Raises MemguardError for TOML that does not parse, with the place.
    """
    document = toml_document.parse(data, path)
    command = text(table(document.data, "start"), "cmd") or ""
    if not command.strip():
        return Deployment()
    place = ServicePlace(path, *document.place(("start", "cmd")))
    service = Service("web", *place, command.strip(), folder=parent(path), builds=_builds(document, place, read_file))
    return Deployment((_with_variables(service, document),))


def with_variables(service: Service, data: bytes, path: str) -> Service:
    """Return a service of another file with the variables of a plan; as it is where that does not parse."""
    try:
        return _with_variables(service, toml_document.parse(data, path))
    except MemguardError:
        return service


def _with_variables(service: Service, document: TomlDocument) -> Service:
    variables = table(document.data, "variables")
    return service._replace(
        environment={name: value for name, value in variables.items() if isinstance(value, str)},
        variables={name: ServicePlace(document.path, *document.place(("variables", name))) for name in variables},
    )


def _builds(document: TomlDocument, place: ServicePlace, read_file: Read) -> tuple[Build, ...]:
    folder = parent(document.path)
    found: list[Build] = []
    phases = table(document.data, "phases")
    by_itself = default_builds("nixpacks", folder, place, read_file)
    if "cmds" not in table(phases, "install"):
        found += by_itself
    for name, phase in phases.items():
        commands = table(phase).get("cmds")
        for number, command in enumerate(commands if isinstance(commands, list) else []):
            if command == "...":
                found += by_itself if name == "install" else ()
            elif isinstance(command, str):
                where = ServicePlace(document.path, *document.place(("phases", name, "cmds", number)))
                found.append(Build(command, where, folder))
    return tuple(found)
