"""The Python that a host runs a service on, from where its platform takes it.

Orders: Heroku's "Specifying a Python version", Render's "Setting your Python version", the documentation of Railpack and of
Nixpacks (all 2026-11). An image has the Python of its base, which its reader puts into PYTHON_VERSION; the files beside it
count for no image. A version that is only a default of its platform, by the day on which a service was made, is none here.
"""

from __future__ import annotations

import re

from memguard_hooks.errors import MemguardError
from memguard_hooks.tree import join

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from memguard_hooks.deployment.service import Read, Service

    Version: TypeAlias = "tuple[int, int] | None"

_VARIABLES = ("PYTHON_VERSION", "NIXPACKS_PYTHON_VERSION", "RAILPACK_PYTHON_VERSION")

_ANY = (".python-version", "runtime.txt", "mise.toml", ".mise.toml", ".tool-versions", "Pipfile")

FILES = {
    "heroku": ("runtime.txt", ".python-version", "Pipfile"),
    "render": (".python-version",),
    "railway": (".python-version", ".tool-versions", "mise.toml", ".mise.toml", "runtime.txt", "Pipfile"),
    "app-engine": (),
    "aws-lambda": (),
    "systemd": (),
}
"""Platform → the files that it asks in this order; any other may ask all."""


def read(service: Service, read_file: Read) -> Version:
    """Return the Python of a service, None where its files name none."""
    for variable in _VARIABLES:
        if service.environment.get(variable):
            return _version(service.environment[variable])
    if service.mounts or any("Dockerfile" in build.place.path for build in service.builds):
        return None
    for folder in dict.fromkeys((service.folder, "")):
        for name in FILES.get(service.platform or "", _ANY):
            path = join(folder, name)
            data = read_file(path) if path is not None else None
            found = _READERS[name](data[:4096].decode("utf-8", "replace")) if data is not None else None
            if found is not None:
                return found
    return None


def _version(text: str) -> Version:
    match = re.match(r"\s*(?:c?python-?)?(\d)\.(\d{1,2})(?![\d])", text)
    return (int(match[1]), int(match[2])) if match is not None else None


def _first_line(text: str) -> Version:
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return _version(next(lines, ""))


def _tool_versions(text: str) -> Version:
    match = re.search(r"(?m)^\s*python\s+(\S+)", text)
    return _version(match[1]) if match is not None else None


def _mise(text: str) -> Version:
    python = _table(text, "tools").get("python")
    if isinstance(python, list) and python:
        python = python[0]
    if isinstance(python, dict):
        python = python.get("version")
    return _version(python) if isinstance(python, str) else None


def _pipfile(text: str) -> Version:
    requires = _table(text, "requires")
    found = requires.get("python_full_version") or requires.get("python_version")
    return _version(found) if isinstance(found, str) else None


def _table(text: str, name: str) -> Mapping[str, object]:
    from memguard_hooks.formats import toml_document

    try:
        found = toml_document.parse(text.encode(), "").data.get(name)
    except MemguardError:
        return {}
    return found if isinstance(found, dict) else {}


_READERS: dict[str, Callable[[str], Version]] = {
    "runtime.txt": _first_line,
    ".python-version": _first_line,
    ".tool-versions": _tool_versions,
    "mise.toml": _mise,
    ".mise.toml": _mise,
    "Pipfile": _pipfile,
}
