"""MG506 and MG507: handlers that keep what they are given, and logs that fill a disk.

A record that waits in a QueueHandler takes 603 bytes, 100,000 of them 57 MiB; the same in a MemoryHandler that never
writes 48 MiB (CPython 3.11.7, 2026-11-28). Docker's json-file driver keeps all that a container writes unless `max-size`
bounds it (docs.docker.com/engine/logging/drivers/json-file); on Cloud Run a file counts as memory.
"""

from __future__ import annotations

from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import count
from memguard_hooks.rules.logs.findings import COMPOSE, compose_files, finding, is_for_developers

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.finding import Finding
    from memguard_hooks.project.project import Project
    from memguard_hooks.rules.logs.findings import Reached

UNBOUNDED = (None, "json-file")
"""Drivers that keep all; None is the one that Docker takes by itself."""


def check(reached: Reached) -> Iterator[Finding]:
    """Judge the handlers that the code of a service makes."""
    service = reached.entry.service
    if is_for_developers(service):
        return
    for path, logs in reached.files.items():
        for setup in logs.setups:
            place = ServicePlace(path, setup.line, setup.column)
            if setup.kind == "file":
                message = f"{setup.detail} grows on the disk of {service.name}, and is gone with its container"
                yield finding(place, "MG507", setup.detail, message, "write to stdout, which the host collects")
            elif setup.kind == "queue":
                message = "the queue of this handler has no bound: each record that waits takes 603 bytes"
                yield finding(place, "MG506", setup.detail, message, "give it a size: queue.Queue(10_000)")
            elif setup.kind == "kept":
                message = f"{setup.detail} keeps all records, with the tracebacks and objects that they hold"
                yield finding(place, "MG506", setup.detail, message, "keep the last ones: collections.deque(maxlen=100)")
            elif setup.kind == "memory":
                message = "this MemoryHandler has no target: it keeps all records, and never writes one"
                yield finding(place, "MG506", setup.detail, message, "pass target=")


def check_compose(project: Project) -> Iterator[Finding]:
    """MG507 in compose files: containers whose output nothing bounds, one finding a file."""
    services = project.deployment.services
    deployed = [one for one in services if one.platform == COMPOSE and not is_for_developers(one)]
    paths = dict.fromkeys(path for one in deployed for path in compose_files(one))
    found = {path: _unbounded(project, path) for path in paths}
    bounded = frozenset(name for _, names in found.values() for name in names)  # compose joins its files
    for path, (growing, _) in found.items():
        yield from _told(path, [(name, at) for name, at in growing if name not in bounded])


def _unbounded(project: Project, path: str) -> tuple[list[tuple[str, tuple[int, int]]], list[str]]:
    """Return the services of a compose file whose output nothing bounds, with their places, and those that it bounds."""
    from memguard_hooks.formats.yaml_nodes import compose_all, get, pairs, place, scalar

    data = project.read_file(path) or b""
    growing: list[tuple[str, tuple[int, int]]] = []
    bounded: list[str] = []
    if b"services" not in data:
        return growing, bounded
    try:
        documents = list(compose_all(data, path))
    except MemguardError:
        return growing, bounded  # deploy-config says what is wrong with it
    for document in documents:
        for key, node in pairs(get(document, "services")):
            name, logging = scalar(key) or "", get(node, "logging")
            if scalar(logging, "driver") in UNBOUNDED and scalar(logging, "options", "max-size") is None:
                growing.append((name, place(key)))
            else:
                bounded.append(name)
    return growing, bounded


def _told(path: str, growing: list[tuple[str, tuple[int, int]]]) -> Iterator[Finding]:
    if growing:
        line, column = growing[0][1]
        rest = f" and {count(len(growing) - 3, 'other')}" if len(growing) > 3 else ""
        names = ", ".join(name for name, _ in growing[:3]) + rest
        message = (
            f"Docker keeps all that {names} {'write' if len(growing) > 1 else 'writes'}, until the disk is full: no max-size"
        )
        fix = ("logging:", "  driver: json-file", '  options: {max-size: "10m", max-file: "3"}')
        yield finding(ServicePlace(path, line, column), "MG507", "max-size", message, *fix, is_fixable=True)
