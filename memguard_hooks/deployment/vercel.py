"""`vercel.json`: the Python functions of Vercel, each of which a request wakes in a process of its own.

Sources of the format: vercel.com/docs, "Project configuration" and "Using the Python Runtime with Vercel Functions"
(2026-11). What `builds` gives to `@vercel/python` is a function, or else each file of `api` that has a `handler` or an
`app`, or else the app that Vercel finds by its name. `functions` says how much memory a file has; one without has that of
the plan.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence

from memguard_hooks.deployment.builders import default_builds
from memguard_hooks.deployment.platforms import with_plan
from memguard_hooks.deployment.serverless import COMMAND
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats import json_document
from memguard_hooks.formats.typed import table, tables, text, value
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import join, parent

VERCEL = "vercel"

MAX_FUNCTIONS = 100
"""Functions of one file that are read."""

APPS = tuple(f"{folder}{name}.py" for folder in ("", "src/", "app/", "api/") for name in ("app", "index", "server", "main",
             "wsgi", "asgi"))  # fmt: skip
"""Where Vercel looks for an app that nothing names."""

_HANDLER = late_pattern(rb"^(?:class[ \t]+(handler)\b|(app|handler|application)[ \t]*(?::[^=\n]+)?=[^=]"
                        rb"|from\b[^#\n]*\bimport\b[^#\n]*\b(app|application)[ \t]*$)", re.MULTILINE)  # fmt: skip
"""What makes a file a function: a class, or a name that is given an app."""


def read(
    data: bytes, path: str, read_file: Read = lambda _: None, names_in: Callable[[str], Sequence[str]] = lambda _: ()
) -> Deployment:
    """Read the Python functions of a file; `names_in` returns what a folder holds.

    Raises MemguardError for JSON that does not parse, with the place.
    """
    document = json_document.parse(data, path)
    folder = parent(path)
    found: list[Service | Skipped] = []
    for name, place in _files(document, folder, read_file, names_in):
        file = join(folder, name)
        source = read_file(file) if file is not None else None
        if source is None:
            found.append(Skipped(path, place.line, f"there is no {name}", service=name))
        elif len(found) == MAX_FUNCTIONS:
            found.append(Skipped(path, place.line, f"has more than {MAX_FUNCTIONS} functions"))
            break
        elif (handler := _HANDLER.search(source)) is not None:
            found.append(_service(document, name, (handler[1] or handler[2] or handler[3]).decode(), place, read_file))
    return Deployment.of(found)


def _files(
    document: json_document.JsonDocument, folder: str, read_file: Read, names_in: Callable[[str], Sequence[str]]
) -> Iterator[tuple[str, ServicePlace]]:
    """Yield the files that are functions, with the place that says so."""
    builds = tables(document.data, "builds")
    here = ServicePlace(document.path, 1, 1)
    for number, build in enumerate(builds):
        name = (text(build, "src") or "").lstrip("/")
        if (text(build, "use") or "").startswith("@vercel/python") and name:
            place = ServicePlace(document.path, *document.place(("builds", number, "src")))
            if re.search(r"[*?\[]", name) is None:
                yield name, place
            else:
                yield from ((one, place) for one in _in_api(folder, names_in) if _matches(one, name))
    if builds:
        return
    found = False
    for name in _in_api(folder, names_in):
        found = True
        keys = [key for key in table(document.data, "functions") if _matches(name, key)]
        yield name, ServicePlace(document.path, *document.place(("functions", keys[0]))) if keys else here
    app = next((one for one in APPS if not found and _is_app(one, folder, read_file)), None)
    if app is not None and (text(document.data, "framework") or "python") in ("python", "fastapi", "flask", "django"):
        yield app, here


def _in_api(folder: str, names_in: Callable[[str], Sequence[str]]) -> Iterator[str]:
    """Yield the files of Python in `api` and the folders in it."""
    for below in ("api", *(f"api/{name}" for name in _listed(folder, "api", names_in) if "." not in name)):
        yield from (f"{below}/{name}" for name in _listed(folder, below, names_in) if re.fullmatch(r"[A-Za-z]\w*\.py", name))


def _listed(folder: str, below: str, names_in: Callable[[str], Sequence[str]]) -> Sequence[str]:
    path = join(folder, below)
    return sorted(names_in(path)) if path is not None else ()


def _is_app(name: str, folder: str, read_file: Read) -> bool:
    path = join(folder, name)
    data = read_file(path) if path is not None else None
    return data is not None and _HANDLER.search(data) is not None


def _matches(name: str, pattern: str) -> bool:
    """Return whether a file is meant by a pattern, in which `**` crosses folders."""
    return fnmatch.fnmatchcase(name, pattern.lstrip("/").replace("**/", "*"))


def _service(document: json_document.JsonDocument, name: str, handler: str, place: ServicePlace, read_file: Read) -> Service:
    folder = parent(document.path)
    variables = {key: one for key, one in table(document.data, "env").items() if isinstance(one, str) and one[:1] != "@"}
    service = Service(
        name.removesuffix(".py"),
        *place,
        f"{COMMAND} {name.removesuffix('.py').replace('/', '.')}.{handler}",
        kind="function",
        environment={**variables, "VERCEL": "1"},
        variables={key: ServicePlace(document.path, *document.place(("env", key))) for key in variables},
        folder=folder,
        builds=default_builds("app-engine", folder, place, read_file),
    )
    service = with_plan(service, VERCEL, "memory", None, place)._replace(replicas=None)
    functions = table(document.data, "functions")
    key = next((one for one in functions if _matches(name, one) and value(functions, one, "memory") is not None), None)
    if key is None:
        return service
    size = str(value(functions, key, "memory"))
    line = document.place(("functions", key, "memory"))[0]
    return service._replace(
        plan=size,
        limit=int(size) * MIB if re.fullmatch(r"[1-9]\d{1,4}", size) else None,
        limit_source=f"{document.path}:{line} memory {size}",
        limit_label=f"vercel memory {size}",
    )
