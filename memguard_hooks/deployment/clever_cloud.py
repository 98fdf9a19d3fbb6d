"""`clevercloud/python.json` of Clever Cloud: the module that its server loads.

Source of the format: developers.clever-cloud.com/doc, "Python" (2026-11). uWSGI serves the module; how many processes it has
follows from the size of the host, which is a setting of the app outside the repository, as its memory and `CC_…` variables.
"""

from __future__ import annotations

import shlex

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.service import Build, Deployment, Read, Service, ServicePlace
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import json_document
from memguard_hooks.formats.typed import table, text, texts
from memguard_hooks.tree import parent

CLEVER_CLOUD = "clever-cloud"

MAX_TASKS = 20
"""Commands of `manage.py` that run before a deployment."""


def read(data: bytes, path: str, read_file: Read = lambda _: None) -> Deployment:
    """Read the app of a file. Raises MemguardError for JSON that does not parse, with the place."""
    document = json_document.parse(data, path)
    deploy = table(document.data, "deploy")
    module, folder = text(deploy, "module"), parent(parent(path))
    place = ServicePlace(path, *document.place(("deploy", "module")))
    if module is None or not module.strip():
        reason = "it names no deploy.module; CC_PYTHON_MODULE or CC_RUN_COMMAND of the app does"
        return Deployment((), (Skipped(path, place.line, reason, service="web"),))
    service = Service(
        "web",
        *place,
        f'uwsgi --module {shlex.quote(module.strip())} --processes "$WSGI_WORKERS"',
        platform=CLEVER_CLOUD,
        limit_source=f"{path}:{place.line} names no memory",
        limit_label="a size of Clever Cloud",
        folder=folder,
        builds=default_builds("app-engine", folder, place, read_file),
        once=tuple(Build(f"python manage.py {one}", place, folder) for one in texts(deploy, "managetasks")[:MAX_TASKS]),
    )
    return Deployment((service,))
