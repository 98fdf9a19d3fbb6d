"""`apprunner.yaml`: how AWS App Runner builds and starts what it takes from a repository.

Source of the format: docs.aws.amazon.com/apprunner, "App Runner configuration file reference" (2026-11). The size of an
instance is a setting of the service outside the repository: 2 GB where nobody changes it.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment import container
from memguard_hooks.deployment.platforms import with_plan
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace, Variables
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import compose, few, get, place, scalar
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import parent

APP_RUNNER = "app-runner"

_PYTHON = late_pattern(r"python(?:3(11)?)?")


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:  # noqa: ARG001 - as readers are called
    """Read the service of a file whose runtime is Python. Raises MemguardError for YAML that does not parse."""
    root = compose(data, path)
    run = get(root, "run")
    runtime = _PYTHON.fullmatch(scalar(root, "runtime") or "")
    if runtime is None or run is None:
        return Deployment()
    command = get(run, "command")
    text = scalar(command) or ""
    where = ServicePlace(path, *place(command if command is not None else run))
    if not text.strip():
        return Deployment((), (Skipped(path, where.line, "it has no run.command", service="web"),))
    folder = parent(path)
    keys = [("build", "commands", step) for step in ("pre-build", "build", "post-build")] + [("run", "pre-run")]
    nodes = [one for key in keys for one in few(get(root, *key))]
    builds = tuple(Build(scalar(one) or "", ServicePlace(path, *place(one)), folder) for one in nodes)
    version = re.match(r"3\.\d{1,2}", scalar(run, "runtime-version") or (f"3.{runtime[1]}" if runtime[1] else ""))
    service = Service("web", *where, text.strip(), folder=folder, builds=builds)
    service = with_plan(service, APP_RUNNER, "memory", None, where)
    listed = [one for key in ("env", "secrets") for one in few(get(run, key))]
    names = [(scalar(one, "name") or "", scalar(one, "value"), one) for one in listed]
    variables = Variables(
        {name: value for name, value, _ in names if name and value is not None},
        {name: ServicePlace(path, *place(one)) for name, _, one in names if name},
    )
    given = {"PYTHON_VERSION": version[0]} if version is not None else {}
    return Deployment((container.with_variables(service._replace(environment=given), variables),))
