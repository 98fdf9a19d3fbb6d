"""`koyeb.yaml`: services of Koyeb as people write them down.

Koyeb reads no file of a repository: what a service is given stands in its dashboard or in a command (koyeb.com/docs, "Build
and deploy", 2026-11). People keep that in a file all the same, with the names of its API, of Render's file, or others; each
key is looked for below the service, and below `build`, `git`, `docker`, `buildpack` and `instance` of it. A service that
names neither a command nor an image that the repository makes is what cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from memguard_hooks.deployment import container, hosted
from memguard_hooks.deployment.hosted import HostedService
from memguard_hooks.deployment.platforms import find_plan, with_plan, without_plan
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, unread_service
from memguard_hooks.deployment.yaml_values import each_once, is_template, variables
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import compose, few, get, items, pairs, place, scalar
from memguard_hooks.tree import normalize

KOYEB = "koyeb"

_HOLDERS = ("", "build", "git", "docker", "buildpack", "instance", "source", "definition", "run", "deploy")
_COMMAND = ("run_command", "start_command", "startCommand", "runCommand", "command", "run", "start")
_BUILD = ("build_command", "buildCommand")
_DOCKERFILE = ("dockerfile", "dockerfile_path", "dockerfilePath")
_FOLDER = ("workdir", "work_directory", "rootDir", "context")
_PLAN = ("instance_type", "instanceType", "instance", "plan", "type")
_VARIABLES = ("env", "envs", "envVars", "environment", "environment_variables")


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the services of a file that run Python. Raises MemguardError for YAML that does not parse, with the place."""
    return Deployment.of(_read(data, path, read_file))


def _read(data: bytes, path: str, read_file: Read) -> Iterator[Service | Skipped]:
    root = compose(data, path)
    app = get(root, "app")
    listed = get(root, "services") or get(app, "services")
    nodes = [(scalar(node, "name") or "web", node) for node in each_once(items(listed))]
    nodes += [(str(key.value), node) for key, node in pairs(listed)]
    if listed is None and root is not None:
        nodes = [(scalar(root, "name") or scalar(root, "service") or "web", root)]
    for name, node in nodes:
        found = _service(node, name, path, read_file)
        if found is not None:
            yield found


def _found(node: yaml.Node, keys: tuple[str, ...]) -> yaml.Node | None:
    """Return the first text below one of some keys of a service, or of what it holds."""
    holders = (get(node, holder) if holder else node for holder in _HOLDERS)
    found = (get(holder, key) for holder in holders for key in keys)
    return next((one for one in found if one is not None and scalar(one) is not None), None)


def _text(node: yaml.Node, keys: tuple[str, ...]) -> str:
    found = scalar(_found(node, keys))
    return found.strip() if found is not None and not is_template(found) else ""


def _service(node: yaml.Node, name: str, path: str, read_file: Read) -> Service | Skipped | None:
    command = _found(node, _COMMAND)
    words = next(
        (get(holder, key) for holder in (node, get(node, "docker")) for key in _COMMAND if items(get(holder, key))), None
    )
    text = _text(node, _COMMAND) or " ".join(filter(None, map(scalar, few(words))))
    written = command if command is not None else words
    where = ServicePlace(path, *place(written if written is not None else node))
    image = scalar(node, "image") or scalar(node, "image", "name") or scalar(node, "docker", "image") or ""
    if image and not container.DeclaredContainer(name, (name,), image, where).may_be_own:
        return None
    folder = normalize(_text(node, _FOLDER).strip("/"))
    if folder is None:
        return Skipped(path, where.line, "its folder leads out of the repository", service=name)
    built = _text(node, _BUILD)
    build = (Build(built, where, folder),) if built else ()
    named = _text(node, _DOCKERFILE) or None
    asked = HostedService(name, where, folder, text, named, build, is_image=not text or not build, needs="run_command")
    started = hosted.start(asked, read_file)
    if started is None:
        return None
    if isinstance(started, Skipped):
        return _sized(unread_service(started), node, path)
    kind = "worker" if scalar(node, "type") == "worker" else "web"
    sized = _sized(started, node, path)._replace(name=name, kind=kind)
    return container.with_variables(sized, variables(path, _variables(node)))


def _sized(service: Service, node: yaml.Node, path: str) -> Service:
    """Return a service with the memory of the type of instance that its file names."""
    written = next((one for key in _PLAN if (one := _found(node, (key,))) is not None and _is_plan(one)), None)
    if written is None:
        return without_plan(service, KOYEB, ServicePlace(path, *place(node)), "an instance of Koyeb")
    return with_plan(service, KOYEB, "", scalar(written), ServicePlace(path, *place(written)))


def _is_plan(node: yaml.Node) -> bool:
    return find_plan(KOYEB, scalar(node) or "") is not None


def _variables(node: yaml.Node) -> Iterator[tuple[str, str | None, yaml.Node]]:
    """Yield `- name: A` or `- key: A` with a `value`, `- A: b`, `- A=b`, and `A: b`."""
    for listed in filter(None, (get(node, key) for key in _VARIABLES)):
        for key, value in pairs(listed):
            yield str(key.value), scalar(value), key
        for one in few(listed):
            name, is_pair, text = (scalar(one) or "").partition("=")
            named = scalar(one, "name") or scalar(one, "key")
            if named is not None:
                yield named, scalar(one, "value"), one
            elif name:
                yield name, text if is_pair else None, one
            for key, value in pairs(one) if named is None else ():
                yield str(key.value), scalar(value), key
