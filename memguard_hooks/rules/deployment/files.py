"""What a deployment file says and the platform does not do, and what is started that should not be.

Compose starts no shell, so that a command ends at `&&` (compose-go, shellwords); Railway reads its old files until
2026-12-01 (railwayapp/docs, config-as-code/reference). A reloader runs a process of its own beside the app, and those
of Flask and Django load the app in both (`flask.cli` 3.1, `django.utils.autoreload` 5.2).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from memguard_hooks.app.service_estimate import RunningService
from memguard_hooks.deployment.service import Trap
from memguard_hooks.finding import Finding
from memguard_hooks.pattern import late_pattern
from memguard_hooks.rules.deployment.findings import finding

_DEBUGGING = late_pattern(r"-X ?(?:dev|tracemalloc(?:=[1-9]\d*)?)")

NATIVE = frozenset({"Procfile", "render.yaml", "nixpacks.toml", "app.yaml", "railway.json", "railway.toml",
                    ".platform.app.yaml", "zbpack.json"})  # fmt: skip
"""Files of hosts that start an app in a checkout of the repository; an image may hold more."""

PROGRAMS = sys.stdlib_module_names | {"pip", "gunicorn", "uvicorn", "celery", "flask", "django"}
"""Modules that run by `-m` and that no manifest need name."""

_INSTALLERS = late_pattern(r"\s*(?:pip3?|uv|poetry|pdm|pipenv|python3? -m pip)\s[\w\s.=/\[\],:<>~!-]*")
"""Commands of a build that only install; any other may write what is started."""


def check_trap(trap: Trap) -> Iterator[Finding]:
    """Judge what a reader noticed about the text of a file."""
    if trap.kind == "command-is-cut":
        message = f"the command of {trap.subject} is cut off: compose starts no shell and drops {trap.detail!r}"
        fix = 'write `command: ["sh", "-c", "…"]`, with the whole command as its last item'
        yield finding(trap.place, "MG420", trap.subject, message, fix, severity="error")
    elif trap.kind == "hidden-key":
        message = f"`{trap.subject}:` is no key here: it {trap.detail}"
        yield finding(
            trap.place, "MG421", trap.subject, message, "indent it as the keys of the service are", severity="error"
        )
    elif trap.kind == "ending-format":
        message = f"{trap.subject} is about to be ignored: {trap.detail}"
        yield finding(trap.place, "MG422", trap.subject, message, f"write the new file, and delete {trap.subject}")


def check(running: RunningService) -> Iterator[Finding]:
    """Judge what one service starts."""
    yield from _debugging(running)
    yield from _missing(running)


def _debugging(running: RunningService) -> Iterator[Finding]:
    """MG423."""
    if running.is_for_developers:
        return
    name = running.service.name
    if running.command.reload:
        message = f"{name} reloads when files change, which is for development: a process that watches runs beside the app"
        loads_twice = running.command.program in ("flask", "django", "manage.py") or running.command.workers == 2
        message += ", and loads it as well" if loads_twice and running.command.start == "spawn" else ""
        yield finding(running.place, "MG423", name, message, "start it without reloading, by a server for production")
    for option in running.interpreter_options:
        if _DEBUGGING.fullmatch(option):
            message = f"{name} runs under `{option}`, which is for debugging and takes memory with each object"
            yield finding(running.place, "MG423", option.partition("=")[0], message, f"delete `{option}`")


def _missing(running: RunningService) -> Iterator[Finding]:
    """MG424: only where the folder is certain, nothing of that name stands elsewhere, and no build writes files.

    Of a module all its names count: `app/main.py` is none of `appp.main`.
    """
    from memguard_hooks.app.entry_points import find_entry
    from memguard_hooks.finding import Skipped

    service, entrypoint = running.service, running.command.entrypoint
    is_native = service.path.rpartition("/")[2] in NATIVE and not service.mounts
    if entrypoint is None or not is_native or any("Dockerfile" in build.place.path for build in service.builds):
        return
    if not isinstance(find_entry(running.project, service), Skipped):
        return
    module = (entrypoint.module or "").replace(".", "/")
    name = module if entrypoint.script is None else entrypoint.script.rpartition("/")[2].removesuffix(".py")
    top = (entrypoint.module or "").partition(".")[0]
    is_installed = entrypoint.script is None and (top in PROGRAMS or _is_declared(running, top))
    writes = any(
        _INSTALLERS.fullmatch(part) is None for build in service.builds for part in re.split(r"&&|;|\n", build.command)
    )
    if not name or is_installed or writes or entrypoint.folder.startswith("..") or (entrypoint.script or "").startswith("/"):
        return
    if running.project.read_file(".gitmodules") is not None:  # it may lie in a submodule, which is not looked into
        return
    file = re.compile(rf"(^|/){re.escape(name)}(\.([\w-]+\.)?(pyw?|pyx|so|pyd)$|/)")
    if any(file.search(path) for path in running.project.paths):
        return
    message = f"{service.name} starts {entrypoint.text}, which is not in the repository"
    yield finding(running.place, "MG424", service.name, message, "correct the start command")


def _is_declared(running: RunningService, module: str) -> bool:
    """Return whether a module is that of a known package, or a manifest names something like it: no file is missing then."""
    if running.project.cost_of(module)[0] is not None:
        return True
    word = re.compile(re.escape(module).replace("_", "[-_.]").encode(), re.IGNORECASE)
    read = running.project.read_file
    return any(word.search(read(path) or b"") for path in running.project.declared.manifest_paths)
