"""AWS Elastic Beanstalk: `.ebextensions/*.config` for its Python platform, and a `Dockerrun.aws.json` for Docker.

Sources of the formats: docs.aws.amazon.com/elasticbeanstalk, "Using the Elastic Beanstalk Python platform", "Option
settings" and "Docker configuration" (2026-11). gunicorn serves `WSGIPath` with `NumProcesses` processes and `NumThreads`
threads, 1 and 15 where nothing says more; a Procfile or a Dockerfile wins over both, on the same host. The files are read
in the order of their names. An instance has the memory of its type, of which the system takes its part.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from memguard_hooks.deployment import hosted, procfile
from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.container import DeclaredContainer, own_images, start, with_variables
from memguard_hooks.deployment.platforms import with_plan, without_plan
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Variables
from memguard_hooks.deployment.yaml_values import is_template
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import json_document
from memguard_hooks.formats.shell_words import split_plain
from memguard_hooks.formats.typed import text
from memguard_hooks.formats.yaml_nodes import compose, few, get, pairs, place, scalar
from memguard_hooks.record import Record
from memguard_hooks.tree import join, parent

ELASTIC_BEANSTALK = "elastic-beanstalk"

MAX_FILES = 50
"""Files of one folder that are read."""

_PYTHON = "aws:elasticbeanstalk:container:python"
_VARIABLES = "aws:elasticbeanstalk:application:environment"
_INSTANCE = (("aws:autoscaling:launchconfiguration", "InstanceType"), ("aws:ec2:instances", "InstanceTypes"))


class _Option(Record):
    """What a namespace gives to a name, and where."""

    namespace: str
    name: str
    value: str
    place: ServicePlace


def read(paths: Sequence[str], read_file: Read) -> Deployment:
    """Read what the files of one `.ebextensions` say of Python; nothing where they say of another platform.

    Raises MemguardError for YAML that does not parse, with the place.
    """
    found = [option for path in sorted(paths)[:MAX_FILES] for option in _options(path, read_file)]
    if not paths:
        return Deployment()
    folder = parent(parent(paths[0]))
    listed = join(folder, "Procfile") or "Procfile"
    data = read_file(listed)
    options = {(one.namespace, one.name): one for one in found}
    is_python = any(one.namespace == _PYTHON for one in found) or hosted.is_python(folder, read_file)
    if not is_python:
        return Deployment((), tuple(_too_many(paths)))
    if data is not None:
        declared = procfile.read(data, listed, read_file)
    else:
        declared = Deployment.of(_started(options, folder, min(paths), read_file))
    variables = Variables(
        {one.name: one.value for one in found if one.namespace == _VARIABLES and not is_template(one.value)},
        {one.name: one.place for one in found if one.namespace == _VARIABLES},
    )
    services = tuple(with_variables(_sized(one, options), variables) for one in declared.services)
    return declared._replace(services=services, skipped=(*declared.skipped, *_too_many(paths)))


def _too_many(paths: Sequence[str]) -> Iterator[Skipped]:
    """Yield the first file beyond the bound."""
    for path in sorted(paths)[MAX_FILES : MAX_FILES + 1]:
        yield Skipped(path, None, f"is not read, and what comes after it: there are more than {MAX_FILES} files of settings")


def _options(path: str, read_file: Read) -> Iterator[_Option]:
    """Yield the options of a file: by namespace and name, as a list, and the short form of variables."""
    data = read_file(path)
    settings = get(compose(data.replace(b"\t", b"    "), path), "option_settings") if data is not None else None
    for key, value in pairs(settings):
        if scalar(value) is not None:
            yield _Option(_VARIABLES, str(key.value), scalar(value) or "", ServicePlace(path, *place(key)))
        for name, node in pairs(value):
            yield _Option(str(key.value), str(name.value), scalar(node) or "", ServicePlace(path, *place(name)))
    for node in few(settings):
        option = scalar(node, "option_name")
        if option is not None:
            namespace = scalar(node, "namespace") or _VARIABLES
            yield _Option(namespace, option, scalar(node, "value") or "", ServicePlace(path, *place(node)))


def _started(
    options: dict[tuple[str, str], _Option], folder: str, path: str, read_file: Read
) -> Iterator[Service | Skipped]:
    """Yield what runs without a Procfile: the image of a Dockerfile, or else gunicorn with the app that is named."""
    file = join(folder, "Dockerfile")
    if file is not None and read_file(file) is not None:
        made = hosted.start(hosted.HostedService("web", ServicePlace(path, 1, 1), folder), read_file)
        if made is not None:
            yield made
        return
    named = options.get((_PYTHON, "WSGIPath"))
    where = named.place if named is not None else ServicePlace(path, 1, 1)
    app = named.value if named is not None else "application"
    module = re.sub(r"\.py$", "", app).replace("/", ".").strip(".")
    processes, threads = (_number(options, name, default) for name, default in (("NumProcesses", "1"), ("NumThreads", "15")))
    if named is None and read_file(join(folder, "application.py") or "") is None:
        yield Skipped(path, 1, "it names no WSGIPath, and there is no application.py", service="web")
        return
    yield Service(
        "web",
        *where,
        f"gunicorn --workers={processes} --threads={threads} {shlex.quote(module)}",
        folder=folder,
        builds=default_builds("app-engine", folder, where, read_file),
    )


def _number(options: dict[tuple[str, str], _Option], name: str, default: str) -> str:
    option = options.get((_PYTHON, name))
    return option.value if option is not None and re.fullmatch(r"[1-9]\d{0,3}", option.value) else default


def _sized(service: Service, options: dict[tuple[str, str], _Option]) -> Service:
    """Return a service with the memory of the instance that it runs on."""
    option = next((options[key] for key in _INSTANCE if key in options), None)
    plan = option.value.split(",")[0].strip() if option is not None else ""
    if option is None or not plan:
        sized = without_plan(service, ELASTIC_BEANSTALK, service.place, "an instance of Elastic Beanstalk")
    else:
        sized = with_plan(service, ELASTIC_BEANSTALK, option.name, plan, option.place)
    return sized._replace(replicas=None)


def read_dockerrun(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read a `Dockerrun.aws.json`: one container, or those of a task of ECS.

    Raises MemguardError for JSON that does not parse, with the place.
    """
    from memguard_hooks.deployment import ecs

    several = ecs.read(data, path, read_file)
    if several.services or several.skipped:
        return several
    document = json_document.parse(data, path)
    image = document.data.get("Image") if isinstance(document.data, dict) else None
    keys = [key for key in ("Command", "Entrypoint") if text(document.data, key)]
    where = ServicePlace(path, *document.place((keys[0],) if keys else ()))
    entrypoint, command = (tuple(split_plain(text(document.data, key) or "")) for key in ("Entrypoint", "Command"))
    one = DeclaredContainer(
        "web", ("web",), text(image, "Name") or "", where, entrypoint, command, written=where if keys else None
    )
    found = start(one, own_images((one,)), read_file)
    if isinstance(found, Service):
        return Deployment((_sized(found, {}),))
    return Deployment.of(() if found is None else (found,))
