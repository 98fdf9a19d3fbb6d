"""Jobs of Nomad: the tasks of services, in containers or not.

Source of the format: developer.hashicorp.com/nomad/docs/job-specification, "resources" and "lifecycle", and the drivers
docker, podman, exec and raw_exec (2026-11). `command` and `args` stand in the place of CMD. A task has 300 MiB where no
`resources` say more, and may grow to `memory_max` where that is set. Batch jobs, and tasks before or after the others, end
by themselves.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from memguard_hooks.deployment import container
from memguard_hooks.deployment.container import DeclaredContainer
from memguard_hooks.deployment.images import RepositoryImages
from memguard_hooks.deployment.python_program import starts_python
from memguard_hooks.deployment.service import Deployment, Read, Service, ServicePlace, Variables, template, unread_service
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats import hcl
from memguard_hooks.formats.hcl import Block
from memguard_hooks.pattern import late_pattern

NOMAD = "nomad"

DEFAULT_MIB = 300

MAX_TASKS = 100

_TEMPLATE = late_pattern(rb"\[\[|^[ \t]*\{\{", re.MULTILINE)
"""What fills a job in before Nomad reads it."""

_CONTAINERS = frozenset({"docker", "podman", "containerd-driver"})


def read(
    data: bytes, path: str, read_file: Read = lambda _: None, images: RepositoryImages = container.NO_IMAGES
) -> Deployment:
    """Read the tasks of a job that run Python, and those whose image the repository plausibly makes.

    Raises MemguardError for a file that does not parse, with the place.
    """
    try:
        root = hcl.parse(data, path)
    except MemguardError as error:
        if _TEMPLATE.search(data[: hcl.MAX_BYTES]):
            return Deployment((), (template(path, error.line),))
        raise
    tasks = list(_tasks(root))
    declared = [_declared(task, group, path) for task, group in tasks[:MAX_TASKS]]
    ours = container.own_images(tuple(one for one in declared if one.image))
    found: list[Service | Skipped] = []
    for (task, group), one in zip(tasks, declared, strict=False):
        is_container = task.text("driver") in _CONTAINERS
        started = container.start(one, ours, read_file, images) if is_container else _program(one, read_file)
        if started is not None:
            service = started if isinstance(started, Service) else unread_service(started)
            found.append(_with_memory(service, task, group, path))
    if len(tasks) > MAX_TASKS:
        line = tasks[MAX_TASKS][0].place[0]
        found.append(Skipped(path, line, f"has more than {MAX_TASKS} tasks"))
    return Deployment.of(found)


def _tasks(root: Block) -> Iterator[tuple[Block, Block]]:
    """Yield each task that stays, with its group."""
    for job in root.of("job"):
        if job.text("type") in ("batch", "sysbatch") or job.of("periodic"):
            continue
        for group in (*job.of("group"), job):
            for task in group.of("task"):
                hook = next((one for one in task.of("lifecycle")), None)
                sidecar = hook.attributes.get("sidecar") if hook is not None else None
                if hook is None or (sidecar is not None and sidecar.data is True):
                    yield task, group


def _declared(task: Block, group: Block, path: str) -> DeclaredContainer:
    name = task.labels[0] if task.labels else "task"
    config = next(iter(task.of("config")), task)
    program, arguments = config.text("command"), config.attributes.get("args")
    entrypoint = config.attributes.get("entrypoint")
    written = config.attributes.get("command") or arguments or entrypoint
    return DeclaredContainer(
        name,
        (name, *group.labels),
        config.text("image") or "",
        ServicePlace(path, *task.place),
        _texts(entrypoint),
        (*((program,) if program else ()), *_texts(arguments)),
        config.text("work_dir") or "",
        _variables(task, path),
        ServicePlace(path, *written.place) if written is not None else None,
    )


def _texts(value: hcl.Value | None) -> tuple[str, ...]:
    data = value.data if value is not None else None
    return tuple(one for one in data if isinstance(one, str)) if isinstance(data, list) else ()


def _variables(task: Block, path: str) -> Variables:
    values: dict[str, str] = {}
    places: dict[str, ServicePlace] = {}
    for block in task.of("env"):
        for name, one in block.attributes.items():
            places[name] = ServicePlace(path, *one.place)
            if isinstance(one.data, (str, int, float)) and "${" not in str(one.data):
                values[name] = str(one.data).lower() if isinstance(one.data, bool) else str(one.data)
    return Variables(values, places)


def _program(one: DeclaredContainer, read: Read) -> Service | None:
    """Return what a task starts on the machine itself; None for what is no Python."""
    if not one.command:
        return None
    where = one.written or one.place
    service = Service(one.name, *where, shlex.join(one.command))
    return container.with_variables(service, one.variables) if starts_python(service, read) else None


def _with_memory(service: Service, task: Block, group: Block, path: str) -> Service:
    """Add memory and copies."""
    resources = next(iter(task.of("resources")), None)
    attributes = resources.attributes if resources is not None else {}
    key = next((name for name in ("memory_max", "memory") if name in attributes), "")
    size = attributes[key].data if key else DEFAULT_MIB
    line = attributes[key].place[0] if key else task.place[0]
    count = group.attributes.get("count")
    copies = count.data if count is not None else 1
    return service._replace(
        platform=NOMAD,
        plan="",
        limit=size * MIB if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None,
        limit_source=f"{path}:{line} {key or f'default memory {DEFAULT_MIB}'}",
        limit_label=f"nomad {key}" if key else f"nomad {DEFAULT_MIB} MiB by default",
        replicas=copies if isinstance(copies, int) and 0 < copies <= 9999 else None,
    )
