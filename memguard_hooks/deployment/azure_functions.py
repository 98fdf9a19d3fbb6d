"""`host.json`: the Python functions of Azure, all of which one process of their host loads.

Source of the format: learn.microsoft.com/azure/azure-functions, "Python developer guide" and "Functions scale and hosting"
(2026-11). The second model has all functions in `function_app.py`; the first a folder for each, whose `function.json` names
its script. The plan is a setting outside the repository.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.platforms import with_plan
from memguard_hooks.deployment.serverless import COMMAND
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats import json_document
from memguard_hooks.formats.typed import text
from memguard_hooks.tree import join, parent

AZURE_FUNCTIONS = "azure-functions"

MAX_FUNCTIONS = 100


def read(
    data: bytes, path: str, read_file: Read = lambda _: None, names_in: Callable[[str], Sequence[str]] = lambda _: ()
) -> Deployment:
    """Read the functions beside a file that are of Python; `names_in` returns what a folder holds.

    Raises MemguardError for JSON that does not parse, with the place.
    """
    folder = parent(path)
    app = join(folder, "function_app.py")
    if app is not None and read_file(app) is not None:
        handlers = ["function_app.app"]
    else:
        handlers = list(islice(_first_model(folder, read_file, names_in), MAX_FUNCTIONS + 1))
    if not handlers:
        return Deployment()
    if len(handlers) > MAX_FUNCTIONS:
        return Deployment((), (Skipped(path, 1, f"has more than {MAX_FUNCTIONS} functions", service="functions"),))
    json_document.parse(data, path)  # others have a file of this name, which is nothing to this
    place = ServicePlace(path, 1, 1)
    service = Service(
        "functions",
        *place,
        f"{COMMAND} {' '.join(handlers)}",
        kind="function",
        folder=folder,
        builds=default_builds("app-engine", folder, place, read_file),
    )
    return Deployment((with_plan(service, AZURE_FUNCTIONS, "plan", None, place)._replace(replicas=None),))


def _first_model(folder: str, read_file: Read, names_in: Callable[[str], Sequence[str]]) -> Iterator[str]:
    """Yield the script of each function and the function in it, as `folder.script.main`."""
    for name in sorted(names_in(folder)):
        path = join(folder, f"{name}/function.json") if re.fullmatch(r"\w+", name) else None
        data = read_file(path) if path is not None else None
        if path is None or data is None:
            continue
        try:
            described = json_document.parse(data, path).data
        except MemguardError:
            continue
        script = re.fullmatch(r"(?:\./)?(\w+)\.py", text(described, "scriptFile") or "__init__.py")
        if script is not None and read_file(f"{parent(path)}/{script[0]}".replace("/./", "/")) is not None:
            module = name if script[1] == "__init__" else f"{name}.{script[1]}"
            yield f"{module}.{text(described, 'entryPoint') or 'main'}"
