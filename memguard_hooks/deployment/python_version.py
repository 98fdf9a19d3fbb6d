"""The Python that a host runs a service on, from where its platform takes it.

Orders: Heroku's "Specifying a Python version", Render's "Setting your Python version", the documentation of Railpack and of
Nixpacks, of Google's and of Paketo's buildpacks (all 2026-11). An image has the Python of its base, which its reader puts
into PYTHON_VERSION; the files beside it count only for uv, which takes the Python that they name. A version that is only a
default of its platform, by the day on which a service was made, is none for `read`; `default_of` tells it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from memguard_hooks.deployment.service import Read, Service, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, TypeAlias
from memguard_hooks.tree import join

Version: TypeAlias = "tuple[int, int] | None"

_VARIABLES = (
    "PYTHON_VERSION",
    "NIXPACKS_PYTHON_VERSION",
    "RAILPACK_PYTHON_VERSION",
    "GOOGLE_PYTHON_VERSION",
    "BP_CPYTHON_VERSION",
)

_ANY = (".python-version", "runtime.txt", "mise.toml", ".mise.toml", ".tool-versions", "Pipfile")

FILES = {
    "heroku": ("runtime.txt", ".python-version", "Pipfile.lock", "Pipfile"),
    "render": (".python-version",),
    "railway": (".python-version", ".tool-versions", "mise.toml", ".mise.toml", "runtime.txt", "Pipfile"),
    "app-engine": (),
    "aws-lambda": (),
    "systemd": (),
}
"""Platform → the files that it asks in this order; any other may ask all."""

_UV = late_pattern(r"\buv\s+(?:sync|run|venv|python)\b")
_UV_PYTHON = late_pattern(
    r"\buv\s+(?:python\s+(?:install|pin)\s+|(?:sync|run|venv)\b[^&|;\n]*?\s(?:--python|-p)[ =]\s*)(?P<python>[\w.@-]+)"
)


class PythonPin(Record):
    """A Python that something names for a service: its minor version, and where and as what that is written.

    `kind` is `image`, `variable` (of the platform or of an image), `runtime` (a key of its file), `file` or `default`.
    """

    version: tuple[int, int]
    kind: str
    place: ServicePlace
    name: str


class DefaultPython(Record):
    """What a platform takes where nothing names a Python, since or as of which day, and which ones it offers at all."""

    version: tuple[int, int]
    dated: str
    oldest: tuple[int, int] | None = None


DEFAULTS = {
    "render": DefaultPython((3, 14), "since 2026-02-11"),
    "heroku": DefaultPython((3, 14), "as of 2026-11-28", (3, 10)),
}
"""Render, "Setting your Python version": 3.14.3 for services made since that day. Heroku, "Python support": the newest that
it offers for apps without a cached one, 3.10 to 3.14; since which day is not known."""


def read(service: Service, read_file: Read) -> Version:
    """Return the Python of a service, None where its files name none."""
    found = pins(service, read_file)
    return found[0].version if found else None


def pins(service: Service, read_file: Read) -> tuple[PythonPin, ...]:
    """Return all that names a Python for a service; the first is what its host runs.

    Of an image these are its base, and the file that uv asks in it.
    """
    return tuple(_of_image(service, read_file) if is_image(service) else _of_host(service, read_file))


def is_image(service: Service) -> bool:
    """Return whether a service runs in an image that a Dockerfile makes, and not in what its platform makes."""
    is_mounted = bool(service.mounts) and service.platform != "cloud-foundry"  # whose buildpacks have a place for the app
    return bool(service.base) or is_mounted or any("Dockerfile" in build.place.path for build in service.builds)


def default_of(service: Service, read_file: Read) -> DefaultPython | None:
    """Return what the platform takes for a service, None where something names its Python or nobody can tell."""
    known = DEFAULTS.get(service.platform or "")
    if known is None or is_image(service) or pins(service, read_file):
        return None
    return None if any(name in service.variables for name in _VARIABLES) else known


def files_of(service: Service, read_file: Read) -> tuple[PythonPin, ...]:
    """Return what the files beside a service name, whether or not its host asks them."""
    return tuple(_of_files(service, read_file, _ANY))


def _of_variables(service: Service) -> Iterator[PythonPin]:
    for variable in _VARIABLES:
        version = _version(service.environment.get(variable, ""))
        if version is not None:
            written = service.variables.get(variable)
            if written is not None:
                yield PythonPin(version, "variable", written, variable)
            elif service.base is not None:
                yield PythonPin(version, "image", service.base.place, service.base.name)
            else:
                yield PythonPin(version, "runtime", service.place, "runtime")


def _of_host(service: Service, read_file: Read) -> Iterator[PythonPin]:
    yield from _of_variables(service)
    if any(service.environment.get(name) for name in _VARIABLES) or any(name in service.variables for name in _VARIABLES):
        return  # one that is free-threaded, or that only the platform knows
    yield from _of_files(service, read_file, FILES.get(service.platform or "", _ANY))


def _of_files(service: Service, read_file: Read, names: tuple[str, ...]) -> Iterator[PythonPin]:
    for folder in dict.fromkeys((service.folder, "")):
        for name in names:
            path = join(folder, name)
            data = read_file(path) if path is not None else None
            if path is None or data is None:
                continue
            text = data.decode("utf-8", "replace") if name == "Pipfile.lock" else data[:4096].decode("utf-8", "replace")
            found = _READERS[name](text)
            if found is not None:
                yield PythonPin(found, "file", ServicePlace(path, _line_of(text, found), 1), name)


def _of_image(service: Service, read_file: Read) -> Iterator[PythonPin]:
    base = tuple(_of_variables(service))[:1]
    texts = [*(build.command[:4096] for build in service.builds), service.command]
    if not any(_UV.search(text) for text in texts):
        yield from base
        return
    asked = service.environment.get("UV_PYTHON") or next(
        (match["python"] for text in texts if (match := _UV_PYTHON.search(text)) is not None), None
    )
    if asked is not None:
        version = _version(asked)
        if version is not None and base:
            yield base[0]._replace(version=version, kind="variable", name="uv")
        return
    files = tuple(_of_files(service, read_file, (".python-version",)))[:1]
    if files and base and files[0].version != base[0].version and "UV_PYTHON_DOWNLOADS" in service.environment:
        return  # it depends on what the image has
    yield from files or base


def _line_of(text: str, version: tuple[int, int]) -> int:
    """Return the line that names a version."""
    wanted = f"{version[0]}.{version[1]}"
    return next((number for number, line in enumerate(text.splitlines(), 1) if wanted in line), 1)


def _version(text: str) -> Version:
    match = re.match(r"\s*(?:c?python[-@]?)?(\d)\.(\d{1,2})(?![\dt])", text) if text else None
    return (int(match[1]), int(match[2])) if match is not None else None


def _first_line(text: str) -> Version:
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return _version(next(lines, ""))


def _tool_versions(text: str) -> Version:
    match = re.search(r"(?m)^[ \t]*python[ \t]+(\S+)", text)
    return _version(match[1]) if match is not None else None


def _mise(text: str) -> Version:
    python = _table(text, "tools").get("python")
    if isinstance(python, list) and python:
        python = python[0]
    if isinstance(python, dict):
        python = python.get("version")
    return _version(python) if isinstance(python, str) else None


def _pipfile(text: str) -> Version:
    return _required(_table(text, "requires"))


def _pipfile_lock(text: str) -> Version:
    from memguard_hooks.formats import json_document, typed

    try:
        data = json_document.parse(text.encode(), "").data
    except MemguardError:
        return None
    found = typed.value(data, "_meta", "requires")
    return _required(found) if isinstance(found, dict) else None


def _required(requires: Mapping[str, object]) -> Version:
    found = requires.get("python_full_version") or requires.get("python_version")
    return _version(found) if isinstance(found, str) else None


def _table(text: str, name: str) -> Mapping[str, object]:
    from memguard_hooks.formats import toml_document
    from memguard_hooks.formats.typed import table

    return table(toml_document.data_of(text.encode(), ""), name)


_READERS: dict[str, Callable[[str], Version]] = {
    "runtime.txt": _first_line,
    ".python-version": _first_line,
    ".tool-versions": _tool_versions,
    "mise.toml": _mise,
    ".mise.toml": _mise,
    "Pipfile": _pipfile,
    "Pipfile.lock": _pipfile_lock,
}
