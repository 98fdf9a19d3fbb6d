"""Heroku's own files: `heroku.yml`, what images run, and `app.json`, the dynos that a Procfile's processes get.

Sources of the formats: devcenter.heroku.com, app-json-schema and build-docker-images-heroku-yml (2026-11). Without a
size the first dyno is eco or basic, which have the same memory. Of `environments` in `app.json` none is production.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from memguard_hooks.deployment import dockerfile
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.platforms import HEROKU, sizing
from memguard_hooks.deployment.procfile import ONE_OFF
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Trap, Variables
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import json_document
from memguard_hooks.formats.json_document import JsonDocument
from memguard_hooks.tree import join, parent

if TYPE_CHECKING:
    import yaml

_OWN_KEYS = frozenset({"formation", "addons", "buildpacks", "stack", "success_url", "env", "environments"})
"""Keys by which a file beside a Procfile is known as Heroku's: others have an `app.json` too."""


MAX_VARIABLES = 1000
"""Variables that are read of one `app.json`."""

MAX_PROCESSES = 200
"""Processes that one `heroku.yml` may have."""


def is_app(document: JsonDocument) -> bool:
    """Tell whether an `app.json` is Heroku's, for tools of other languages have one of their own."""
    return isinstance(document.data, dict) and bool(_OWN_KEYS & document.data.keys())


def read_app(data: bytes, path: str, processes: Deployment, read_file: Read = lambda _: None) -> Deployment:
    """Return the processes of a Procfile with the dynos and variables that `app.json` beside it gives them.

    An `app.json` that is not Heroku's leaves them as they are. Raises MemguardError for JSON that does not parse.
    """
    document = json_document.parse(data, path)
    if not is_app(document):
        return processes
    services: list[Service] = []
    traps = list(processes.traps)
    variables = _variables(document)
    for service in processes.services:
        sized, found = _with_dynos(service, document, variables)
        place = ServicePlace(service.path, service.line, service.column)
        services.append(sized._replace(builds=default_builds("heroku", service.folder, place, read_file)))
        traps += found
    return Deployment(tuple(services), processes.skipped, tuple(traps))


def _variables(document: JsonDocument) -> Variables:
    """Return what `env` sets; a value that Heroku generates or asks for is not known."""
    env = _table(document.data.get("env"))
    values: dict[str, str] = {}
    for name, value in list(env.items())[:MAX_VARIABLES]:
        text = value.get("value") if isinstance(value, dict) and "generator" not in value else value
        if isinstance(text, str):
            values[name] = text
    return Variables(
        values, {name: ServicePlace(document.path, *document.place(("env", name))) for name in list(env)[:MAX_VARIABLES]}
    )


def _with_dynos(service: Service, document: JsonDocument, variables: Variables) -> tuple[Service, tuple[Trap, ...]]:
    formation = _table(document.data.get("formation"))
    dynos = _table(formation.get(service.name))
    size = dynos.get("size")
    key: tuple[str | int, ...] = ("formation", service.name, "size")
    written = size if isinstance(size, str) and size.strip() else None
    place = (
        ServicePlace(document.path, *document.place(key))
        if written
        else ServicePlace(service.path, service.line, service.column)
    )
    sized = sizing(HEROKU, "size", written, place, service.name)
    quantity = dynos.get("quantity", 1)
    service = service._replace(
        platform=HEROKU,
        plan=sized.plan,
        limit=sized.limit,
        limit_source=sized.limit_source,
        limit_label=sized.limit_label,
        cpus=sized.cpus,
        replicas=quantity if isinstance(quantity, int) and 0 <= quantity <= 1000 else None,
        environment=variables.over(Variables({**sized.sets, **service.environment})).values,
        variables={**service.variables, **variables.places},
    )
    return service, sized.traps


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the processes of a `heroku.yml`; one that `run` does not name runs what its image does.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    from memguard_hooks.deployment.variables import of_mapping, pairs
    from memguard_hooks.formats.yaml_nodes import compose, get, items, scalar
    from memguard_hooks.formats.yaml_nodes import place as place_of

    root = compose(data, path)
    images = {key.value: (key, value) for key, value in pairs(get(get(root, "build"), "docker"))}
    config = of_mapping(get(get(root, "setup"), "config"), path)
    runs = {key.value: (key, value) for key, value in pairs(get(root, "run"))}
    services: list[Service] = []
    skipped: list[Skipped] = []
    traps: list[Trap] = []
    for name in list(dict.fromkeys([*runs, *images]))[:MAX_PROCESSES]:
        if name in ONE_OFF:
            continue
        node, value = runs.get(name, (None, None))
        command, used = _run(value), scalar(get(value, "image")) or name
        _, image = images.get(used, (None, None))
        key: yaml.Node = node if node is not None else images[name][0]
        line, column = place_of(key)
        words = command if command is None else [scalar(item) or "" for item in items(command)] or scalar(command)
        text = shlex.join(words) if isinstance(words, list) else words
        file = scalar(image) or scalar(get(image, "dockerfile"))
        started = _started(file, scalar(get(image, "target")) or "", path, text, read_file)
        if isinstance(started, Skipped):
            if text is None:
                skipped.append(Skipped(path, line, f"{name} is not read: {started.reason}"))
                continue
            started = Service(name, path, line, column, text, folder=parent(path))
        if text is not None:
            started = started._replace(path=path, line=line, column=column)
        sized = sizing(HEROKU, "size", None, ServicePlace(path, line, column), name)
        services.append(
            started._replace(
                name=name,
                kind=name,
                platform=HEROKU,
                plan=sized.plan,
                limit=sized.limit,
                limit_source=sized.limit_source,
                limit_label=sized.limit_label,
                environment=config.over(Variables(started.environment)).values,
                variables={**started.variables, **config.places},
            )
        )
    return Deployment(tuple(services), tuple(skipped), tuple(traps))


def _run(value: yaml.Node | None) -> yaml.Node | None:
    """Return the command of an entry of `run`: a text, or a list or text under `command`."""
    from memguard_hooks.formats.yaml_nodes import get, scalar

    return value if scalar(value) is not None else get(value, "command")


def _started(file: str | None, target: str, path: str, command: str | None, read_file: Read) -> Service | Skipped:
    """Return what the image of a Dockerfile runs, with `command` in the place of its CMD."""
    where = join(parent(path), file) if file else None
    data = read_file(where) if where is not None else None
    if where is None or data is None:
        return Skipped(path, None, f"there is no {file or 'Dockerfile'}")
    image = dockerfile.read_image(data, where, parent(where), target, read_file)
    return image if isinstance(image, Skipped) else image.service(where, read_file, command)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
