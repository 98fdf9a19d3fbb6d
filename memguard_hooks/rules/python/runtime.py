"""Which Python a host runs: two files that disagree, none that says it, one that is too old or is not offered.

Ends of life: devguide.python.org/versions (2026-11). What Heroku offers: "Python support" (2026-11).
"""

from __future__ import annotations

import re

from memguard_hooks.deployment import python_version
from memguard_hooks.finding import Finding
from memguard_hooks.pattern import late_pattern
from memguard_hooks.rules.python import findings
from memguard_hooks.rules.python.findings import finding

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.specifiers import SpecifierSet

    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.python.hosts import PythonHost

END_OF_LIFE = {(3, 7): "2023-06-27", (3, 8): "2024-10-07", (3, 9): "2025-10-31", (3, 10): "2026-10-31",
               (3, 11): "2027-10-31", (3, 12): "2028-10-31", (3, 13): "2029-10-31", (3, 14): "2030-10-31"}  # fmt: skip

_MOVING = late_pattern(r"(?:latest|3)?(?:-?(?:slim|alpine)[\w.-]*)?")
"""Tags of the official image that name no minor version: `3`, `slim`, `3-alpine`."""

_INSTALLS_PROJECT = late_pattern(
    r"\bpip3?\s+install\s+(?:-[\w-]+\s+)*(?:-e\s+)?\.(?:\[|\s|$)|\b(?:poetry|pdm)\s+(?:install|sync)"
)


def check(project: Project, hosts: list[PythonHost]) -> Iterator[Finding]:
    """Judge the Python of each service, by itself and beside what else names one."""
    for host in hosts:
        if host.pin.kind == "settings":
            continue
        yield from _disagreement(project, host)
        yield from _age(host)
        yield from _required(project, host)


def find_moving(project: Project, hosts: list[PythonHost]) -> Iterator[Finding]:
    """MG713: nothing names a Python, so the host takes another one some day."""
    for host in hosts:
        if host.is_default:
            service = host.service
            message = f"nothing names the Python of {service.name}, so it gets {host.pin.name}: {host.python}"
            yield finding(service.place, "MG713", service.name, message, f"write {host.python} into .python-version")
    for service in project.discovered[0].services:
        base = service.base
        if base is None or "PYTHON_VERSION" in service.environment:
            continue
        name, _, tag = base.name.partition(":")
        if name in ("python", "docker.io/python", "docker.io/library/python", "library/python") and _MOVING.fullmatch(tag):
            message = (
                f"{base.name} names no minor version of Python, so the image of {service.name} gets a new one each year"
            )
            kind = re.search(r"slim|alpine", tag)
            fix = f"FROM python:3.13{'-' + kind[0] if kind is not None else ''}, or the one that it was tested with"
            yield finding(base.place, "MG713", service.name, message, fix)


def _disagreement(project: Project, host: PythonHost) -> Iterator[Finding]:
    """MG712: another file that is asked, or that developers use, names another minor version."""
    others = list(python_version.pins(host.service, project.read_file)[1:])
    if host.pin.kind in ("image", "variable", "runtime"):
        others += python_version.files_of(host.service, project.read_file)
    for other in others:
        if other.version != host.pin.version:
            version = "{}.{}".format(*other.version)
            message = (
                f"{other.place.path} says Python {version}, and {host.service.name} runs {host.python}: "
                f"{host.pin.place.path}:{host.pin.place.line} counts"
            )
            yield finding(
                other.place, "MG712", host.service.name, message, f"write {host.python} there, or {version} into both"
            )
            return


def _age(host: PythonHost) -> Iterator[Finding]:
    """MG717: past its end of life, or not offered by the platform."""
    version, service = host.pin.version, host.service
    offered = python_version.DEFAULTS.get(service.platform or "")
    is_native = not python_version.is_image(service)
    end = END_OF_LIFE.get(version)
    if is_native and offered is not None and offered.oldest is not None and version < offered.oldest:
        message = (
            f"{(service.platform or '').capitalize()} does not offer Python {host.python}, which {service.name} asks for"
        )
    elif end is not None and end < findings.today():
        message = f"Python {host.python} of {service.name} has been without security fixes since {end}"
    elif version < min(END_OF_LIFE):
        message = f"Python {host.python} of {service.name} has been without security fixes for years"
    else:
        return
    newer = next(f"{one[0]}.{one[1]}" for one, last in END_OF_LIFE.items() if last > findings.today())
    yield finding(host.pin.place, "MG717", service.name, message, f"take Python {newer} or later")


def _required(project: Project, host: PythonHost) -> Iterator[Finding]:
    """MG716: the project's own requires-python excludes the Python on which it is installed."""
    path = f"{host.service.folder}/pyproject.toml".lstrip("/")
    data = project.read_file(path) if not host.is_default else None
    if data is None or not any(_INSTALLS_PROJECT.search(build.command[: 2**13]) for build in host.service.builds):
        return  # uv takes another Python by itself, and `pip install -r` does not ask
    from memguard_hooks.formats import typed
    from memguard_hooks.formats.toml_document import parse

    document = parse(data, path)
    key, text = next(
        (
            (keys, found)
            for keys in (("project", "requires-python"), ("tool", "poetry", "dependencies", "python"))
            if isinstance(found := typed.value(document.data, *keys), str)
        ),
        ((), ""),
    )
    specifier = _specifier(text)
    if specifier is None or any(f"{host.python}.{micro}" in specifier for micro in (0, 1, 5, 10, 99)):
        return
    from memguard_hooks.deployment.service import ServicePlace

    place = ServicePlace(path, *document.place(key))
    message = f"requires-python is {text[:40]}, and {host.service.name} runs {host.called}: nothing is installed"
    yield finding(place, "MG716", host.service.name, message, "change one of the two", severity="error")


def _specifier(text: str) -> SpecifierSet | None:
    """Parse a range of Pythons, also one in Poetry's way; None where there is none."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    caret = re.fullmatch(r"\s*\^(\d+)\.(\d+)(?:\.\d+)?\s*", text)
    if caret is not None:
        text = f">={caret[1]}.{caret[2]},<{int(caret[1]) + 1}"
    try:
        return SpecifierSet(text) if text and len(text) < 200 else None
    except InvalidSpecifier:
        return None
