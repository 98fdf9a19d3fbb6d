"""What an image lacks: bytecode of its packages, and output that is written at once.

pip compiles what it installs, whatever `PYTHONDONTWRITEBYTECODE` says; uv does so only when told
(docs.astral.sh/uv/guides/integration/docker). Without bytecode each process compiles, and keeps the traces: the catalog
has what heavy packages take then. A pipe is written in blocks, and what stands in the block of a
process that is killed is lost; Heroku, Nixpacks and Railpack set `PYTHONUNBUFFERED` by themselves, and what runs a
function of Lambda flushes each write (aws/aws-lambda-python-runtime-interface-client, awslambdaric/bootstrap.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.app.estimate import ProcessEstimate
from memguard_hooks.app.service_estimate import RunningService
from memguard_hooks.deployment.service import Build
from memguard_hooks.finding import MIB, Finding, count, mib
from memguard_hooks.pattern import late_pattern
from memguard_hooks.project.project import Project
from memguard_hooks.rules.deployment.findings import finding

_UV = late_pattern(r"\buv\s+(?:pip\s+(?:install|sync)|sync|add)\b")
_NO_COMPILE = late_pattern(r"\bpip3?\s+install\b[^&|;]*--no-compile\b")
_COMPILES = late_pattern(
    r"UV_COMPILE_BYTECODE(?:[ \t]*=[ \t]*|[ \t]+)[\"']?(?!0|false)\w|--compile(?:-bytecode)?(?![\w-])|\bcompileall\b",
    re.IGNORECASE,
)

_PRINTS = late_pattern(rb"(?m)^[ \t]*print\((?!.*(?:flush|file=sys\.stderr))")

MAX_LENGTH = 2**13
"""Characters of a command that are looked at."""

SEVERAL = 3
"""Lines that print: with fewer an app hardly tells by them what it does."""


def check(running: RunningService) -> Iterator[Finding]:
    """Judge the image of one service, or what a platform makes in its place."""
    yield from _bytecode(running)
    yield from _buffered(running)


def _is_on(value: str | None) -> bool:
    return bool(value) and re.fullmatch(r"0+", value or "") is None


def _bytecode(running: RunningService) -> Iterator[Finding]:
    """MG705: nothing compiles the packages when they are installed, and nothing may do so later."""
    service = running.service
    name = "PYTHONDONTWRITEBYTECODE"
    place = service.variables.get(name)
    if place is None or not _is_on(service.environment.get(name)):
        return
    install = next((build for build in service.builds if _leaves_source(build)), None)
    if install is None or _is_compiled_elsewhere(running, install):
        return
    now = running.estimated
    costs = _taken_by_compiling(now.process) if now is not None else {}
    copies = now.workers if now is not None and now.command.start in ("fork", "spawn") else 1
    cost = copies * sum(costs.values()) or None
    tool = "uv" if _UV.search(install.command) else "pip"
    message = f"packages of {service.name} have no bytecode: {tool} leaves it to the first import, which {name} forbids"
    if cost is not None:
        one_by_one = ", ".join(f"{package} +{mib(size)}" for package, size in costs.items())
        message += f": +{mib(cost)} MiB ({one_by_one}{f', in {copies} workers' if copies > 1 else ''})"
    fix = "set UV_COMPILE_BYTECODE=1 where uv installs" if tool == "uv" else "delete --no-compile"
    yield finding(place, "MG705", service.name, message, fix, cost=cost)


def _taken_by_compiling(process: ProcessEstimate) -> dict[str, int]:
    """Return what heavy packages of a process take more where they are compiled first, in bytes.

    Of what a root takes more, that share counts which it adds to those before it.
    """
    added = {part.package: part.resident for part in process.parts}
    found: dict[str, int] = {}
    for root in process.roots:
        footprint = root.footprint
        if footprint is not None and footprint.without_bytecode is not None and root.sites:
            more = footprint.without_bytecode[0] - footprint.resident
            cost = more * added.get(root.label, 0) // footprint.resident
            if cost >= MIB:
                found[root.label] = cost
    return found


def _leaves_source(build: Build) -> bool:
    command = build.command[:MAX_LENGTH]
    return (_UV.search(command) or _NO_COMPILE.search(command)) is not None and _COMPILES.search(command) is None


def _is_compiled_elsewhere(running: RunningService, install: Build) -> bool:
    """Return whether the file that installs says anywhere that it compiles, as a variable of another stage may."""
    data = running.project.read_file(install.place.path) or b""
    return _COMPILES.search(data.decode("utf-8", "replace")) is not None


def _buffered(running: RunningService) -> Iterator[Finding]:
    """MG704: only where all that is set is known, and files that are reached print."""
    from memguard_hooks.app.entry_points import ServiceEntry, find_entry

    service = running.service
    name = "PYTHONUNBUFFERED"
    is_native_render = service.platform == "render" and service.path.endswith("render.yaml") and not service.mounts
    is_known = is_native_render or (bool(service.builds) and "PYTHON_VERSION" in service.environment)
    if not is_known or service.platform in ("heroku", "railway", "app-engine") or running.is_for_developers:
        return
    if name in service.variables or name in service.environment or name in service.command:
        return
    if service.command.startswith("lambda-handler "):
        return
    if any("u" in option for option in running.interpreter_options if re.fullmatch(r"-[A-Za-z]+", option)):
        return
    entry = find_entry(running.project, service)
    prints = _find_prints(running.project, entry) if isinstance(entry, ServiceEntry) else {}
    if sum(prints.values()) < SEVERAL:
        return
    most = max(prints, key=lambda path: (prints[path], path))
    others = f" and {count(len(prints) - 1, 'other file')}" if len(prints) > 1 else ""
    message = (
        f"what {service.name} prints ({most}{others}) waits in a buffer, and is lost when the process is killed for its "
        f"memory: {name} is not set"
    )
    yield finding(running.place, "MG704", service.name, message, f"set {name}=1", f"or log it: a line of logging {_COSTS}")


_COSTS = "is written at once, in one write, where an unbuffered print takes two for each argument"


def _find_prints(project: Project, entry: ServiceEntry) -> dict[str, int]:
    """Return how many lines print without a flush, by the files that a service reaches; none where it writes by lines."""
    from memguard_hooks.app.walks import known_walk, rough_walk

    walked = known_walk(project, entry) or rough_walk(entry)
    found: dict[str, int] = {}
    for path in sorted({path for files in walked.files.values() for path in files}):
        data = project.read_file(path) or b""
        if b"reconfigure(" in data:
            return {}
        if b"print(" in data and (lines := len(_PRINTS.findall(data))):
            found[path] = lines
    return found
