"""Join a service, its eager imports and the footprints into an estimate and a verdict.

One process takes the interpreter, its own source, and the union of what its imports bring: packages
share what they import, so the sum of their totals is wrong by half, while the union of mean own costs
is right to some per cent. Processes are joined by how they start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from memguard_hooks.config import FAIL, WARN, ServiceSettings
from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.command import EntryPoint, Host, StartCommand, parse, parse_entrypoint
from memguard_hooks.deployment.service import Service
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Estimate, Part, ServiceReport, Skipped, Step, Verdict, mib
from memguard_hooks.footprint import catalog
from memguard_hooks.footprint.catalog import Footprint
from memguard_hooks.footprint.heavy import FRAMEWORKS
from memguard_hooks.imports.analyze import Target
from memguard_hooks.imports.graph import External, Walk, walk
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.project import Project
from memguard_hooks.tree import join, parent


class Range(NamedTuple):
    """A figure in bytes (or a factor) with the bounds that nine in ten measurements keep."""

    low: float
    expected: float
    high: float


# The next two are medians with the bounds of 10 and 90 % over the catalog's packages, by
# `python tools/measure_footprints.py --statistics`, 2026-11-21.

UNKNOWN_PACKAGE = Range(0, 0.5 * MIB, 10.8 * MIB)
"""What a package adds that nobody measured: the own cost of 282 packages."""

SOURCE_FACTOR = Range(2.14, 3.30, 8.50)
"""Resident bytes that a byte of executed source takes: 185 packages of pure Python. All of it is anonymous."""

SAME_VERSION, OTHER_VERSION = 0.05, 0.15
"""How far one package may be off: measured at this version and Python, or at another."""


class Server(NamedTuple):
    """What a server adds: to each worker, and in processes of its own (arbiter, parent, resource tracker)."""

    worker: int
    others: int


# Fitted to summed PSS of real servers on CPython 3.11 (gunicorn 27.0.1, uvicorn 0.54.0, hypercorn 0.18.0), within
# 2 % of each run, by `python benchmarks/processes.py`, 2026-11-21.
SERVERS = {
    "": Server(0, 0),
    "gunicorn": Server(int(-2.5 * MIB), int(13.5 * MIB)),
    "uvicorn": Server(int(1.5 * MIB), int(20.7 * MIB)),
    "hypercorn": Server(int(3.5 * MIB), int(22.1 * MIB)),
}

PRELOADED_ARBITER = 1 * MIB

PRELOADED_WORKER = Range(0.05, 0.2, 0.6)
"""Of the anonymous memory, what each preloaded worker copies: idle, after some hundred requests, and after a full
garbage collection, which touches nearly every object. From the same runs."""


class Process(NamedTuple):
    """What one process takes: its parts, their bounds, and the same once every deferred import has run."""

    parts: tuple[Part, ...]
    low: int
    expected: int
    high: int
    anonymous: int
    all_loaded: int
    base: Footprint
    roots: tuple[_Root, ...]


class Deferral(NamedTuple):
    """An import that may wait, and what the whole service takes less without it, in bytes."""

    name: str
    chain: tuple[Step, ...]
    saving: int


class Judged(NamedTuple):
    """A service with its estimate, its process, and what the work tree adds to the last commit."""

    report: ServiceReport
    service: Service
    process: Process | None
    settings: ServiceSettings
    added: tuple[Part, ...] = ()
    deferrals: tuple[Deferral, ...] = ()
    workers: int | None = None
    plan: str | None = None


def assess(project: Project, before: Project | None) -> list[Judged]:
    """Judge all services of a project; `before` is the same project at the last commit."""
    services, unknown = _services(project), []
    known = {} if before is None else {service.name: service for service in _services(before)}
    judged: list[Judged] = []
    for service in services:
        settings = project.settings.services.get(service.name, project.settings.service)
        now = _estimate(project, service, settings)
        then = None
        if before is not None and service.name in known:
            then = _estimate(before, known[service.name], settings)
        if isinstance(now, Skipped):
            unknown.append(now)
            judged.append(_unknown(project, service, settings))
            continue
        base = then if isinstance(then, _Service) else None
        judged.append(_judge(project, service, settings, now, base, has_past=before is not None))
    project.skipped += unknown
    if not services:
        reason = "no service is declared: no Procfile, no render.yaml, no entrypoints in the settings"
        project.skipped.append(Skipped(".", None, reason))
    return judged


def _services(project: Project) -> list[Service]:
    """Return the declared services, or one for each entry point of the settings."""
    found = list(project.deployment.services)
    if found:
        return found
    return [
        Service(name=text, path=_file_of(project, text), line=1, column=1, command="")
        for text in project.settings.service.entrypoints
    ]


def _file_of(project: Project, entrypoint: str) -> str:
    located = _locate(project, parse_entrypoint(entrypoint))
    return located[1] if located is not None else "."


class _Service(NamedTuple):
    command: StartCommand
    entrypoint: EntryPoint
    process: Process
    estimate: Estimate
    workers: int


def _estimate(project: Project, service: Service, settings: ServiceSettings) -> _Service | Skipped:
    """Estimate one service at one tree, or say why nobody can."""
    where = (service.path, service.line)
    command = _command(project, service, settings)
    entrypoint = command.entrypoint
    if command.workers is None or entrypoint is None:
        return Skipped(*where, f"{service.name} is not estimated: {command.reason}")
    located = _locate(project, entrypoint)
    if located is None:
        return Skipped(*where, f"{service.name} is not estimated: {entrypoint.text} is not in the repository")
    resolver, path, module = located
    python = settings.target_python or _python_of(service)
    called = frozenset({entrypoint.attribute}) if entrypoint.attribute else frozenset[str]()
    lazy_all = service.environment.get("PYTHON_LAZY_IMPORTS") == "all"
    target = Target(python, is_main=entrypoint.is_main, called=called, lazy_all=lazy_all)
    walked = walk(project.tree, resolver, path, module, target)
    project.skipped += walked.skipped
    server = tuple(External((name,), (), is_eager=True) for name in command.server_modules)
    walked = walked._replace(externals=(*server, *walked.externals))
    process = _process(project, walked, python)
    runtime = settings.runtime or 0
    estimate = _together(process, command, runtime)
    return _Service(command, entrypoint, process, estimate, command.workers)


def _command(project: Project, service: Service, settings: ServiceSettings) -> StartCommand:
    plan = f"{service.platform}-{service.plan}" if service.platform else settings.platform or ""
    concurrency = platforms.WEB_CONCURRENCY.get(plan)
    if service.command:
        host = Host(service.environment, project.read_file, concurrency, service.mounts)
        command = parse(service.command, host, service.folder)
    else:
        command = StartCommand(None)
    if settings.entrypoints and (not service.command or command.entrypoint is None):
        command = command._replace(entrypoint=parse_entrypoint(_chosen(service, settings), service.folder))
        if command.workers is None:
            command = command._replace(workers=1, start="single")
    return command


def _chosen(service: Service, settings: ServiceSettings) -> str:
    """Return the entry point that the settings give to a service."""
    return service.name if service.name in settings.entrypoints else settings.entrypoints[0]


def _python_of(service: Service) -> tuple[int, int] | None:
    """Return the Python that the deployment file names."""
    major, _, rest = service.environment.get("PYTHON_VERSION", "").partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None


def _locate(project: Project, entrypoint: EntryPoint) -> tuple[Resolver, str, str | None] | None:
    """Return how modules are found, the file that is loaded, and the name it is loaded under."""
    roots = [entrypoint.folder]
    script = None
    if entrypoint.script is not None:
        script = join(entrypoint.folder, entrypoint.script)
        if script is None:
            return None
        roots = [parent(script)]
    nested = join(entrypoint.folder, "src")
    roots += [*project.settings.source_roots, nested or "src"]
    resolver = Resolver(project.tree, tuple(dict.fromkeys(roots)))
    if script is not None:
        return (resolver, script, None) if resolver.is_file(script) else None
    module = entrypoint.module or ""
    if entrypoint.is_main and resolver.files(f"{module}.__main__")[-1:] != resolver.files(module)[-1:]:
        module = f"{module}.__main__"
    files = resolver.files(module)
    if not files or resolver.module_of(files[-1]) != module:
        return None
    return resolver, files[-1], module


# One process


class _Root(NamedTuple):
    """One measured or unknown import of a process."""

    name: str
    footprint: Footprint | None
    chain: tuple[Step, ...]
    is_exact: bool


def _process(project: Project, walked: Walk, python: tuple[int, int] | None) -> Process:
    version = None if python is None else f"{python[0]}.{python[1]}"
    base = catalog.interpreter(version)
    eager = _roots(project, (one for one in walked.externals if one.is_eager), version)
    everything = _roots(project, walked.externals, version)
    parts, low, high = _parts(base, eager, version)
    source = sum(walked.files.values())
    if source:
        size = int(source * SOURCE_FACTOR.expected)
        provenance = f"{source} bytes of source, {SOURCE_FACTOR.expected} bytes each"
        parts.append(Part("(first-party)", None, size, size, "assumed", provenance))
        low.append(source * (SOURCE_FACTOR.expected - SOURCE_FACTOR.low))
        high.append(source * (SOURCE_FACTOR.high - SOURCE_FACTOR.expected))
    expected = sum(part.resident for part in parts)
    loaded = sum(part.resident for part in _parts(base, everything, version)[0])
    return Process(
        parts=tuple(parts),
        low=int(expected - math.hypot(*low)),
        expected=expected,
        high=int(expected + math.hypot(*high)),
        anonymous=sum(part.anonymous for part in parts),
        all_loaded=loaded + int((source + sum(walked.deferred_files.values())) * SOURCE_FACTOR.expected),
        base=base,
        roots=tuple(eager),
    )


def _roots(project: Project, externals: Iterable[External], python: str | None) -> list[_Root]:
    """Return the measured module roots that imports load, the dearest first, and then the unknown ones."""
    found: dict[str, _Root] = {}
    for external in externals:
        names = [root for name in external.names if (root := catalog.root_of(name)) is not None]
        for name in dict.fromkeys(names) or [external.names[0].partition(".")[0]]:
            if name not in found:
                footprint = _footprint(project, name, python) if names else None
                exact = footprint is not None and footprint.version == project.declared_versions.get(
                    footprint.distribution, footprint.version
                )
                found[name] = _Root(name, footprint, external.chain, exact)
    return sorted(found.values(), key=lambda root: (-(root.footprint.resident if root.footprint else 0), root.name))


def _footprint(project: Project, module: str, python: str | None) -> Footprint | None:
    providers = [one.distribution for one in catalog.modules().get(module, ())]
    declared = next((name for name in providers if name in project.declared_versions), None)
    return catalog.find(module, declared, project.declared_versions.get(declared or ""), python)


def _parts(base: Footprint, roots: Sequence[_Root], python: str | None) -> tuple[list[Part], list[float], list[float]]:
    """Return what each root adds to those before it, and how far each may be off, downwards and upwards.

    A package in the closure of several roots costs the mean of its own cost in each of them.
    """
    parts = [Part("python", base.python, base.resident, base.anonymous, "catalog", base.provenance)]
    low, high = [base.resident * SAME_VERSION], [base.resident * SAME_VERSION]
    costs: dict[str, list[tuple[int, int]]] = {}
    for root in roots:
        for package, cost in (root.footprint.own if root.footprint else {}).items():
            costs.setdefault(package, []).append(cost)
    counted: set[str] = set()
    for root in roots:
        footprint = root.footprint
        if footprint is not None:
            new = [package for package in footprint.own if package not in counted]
            counted.update(new)
            resident, anonymous = (
                int(sum(sum(cost[kind] for cost in costs[package]) / len(costs[package]) for package in new))
                for kind in (0, 1)
            )
            provenance = footprint.provenance
            parts.append(Part(root.name, footprint.version, resident, anonymous, "catalog", provenance, root.chain))
            is_near = root.is_exact and (python is None or footprint.python.startswith(f"{python}."))
            margin = resident * (SAME_VERSION if is_near else OTHER_VERSION)
            low.append(margin)
            high.append(margin)
        elif root.name not in costs:
            size = int(UNKNOWN_PACKAGE.expected)
            parts.append(Part(root.name, None, size, size, "assumed", "nobody measured it", root.chain))
            low.append(UNKNOWN_PACKAGE.expected - UNKNOWN_PACKAGE.low)
            high.append(UNKNOWN_PACKAGE.high - UNKNOWN_PACKAGE.expected)
    return parts, low, high


# All processes


def _together(process: Process, command: StartCommand, runtime: int) -> Estimate:
    """Join the processes of a service by how they start; `runtime` is added once."""

    def total(resident: int, copied: float) -> int:
        anonymous = process.anonymous * resident // process.expected
        return _multiply(resident, anonymous, command, copied) + runtime

    return Estimate(
        low=total(process.low, PRELOADED_WORKER.low),
        expected=total(process.expected, PRELOADED_WORKER.expected),
        high=total(process.high, PRELOADED_WORKER.high),
        anonymous=_multiply(process.anonymous, process.anonymous, command, PRELOADED_WORKER.expected) + runtime,
        all_loaded=total(process.all_loaded, PRELOADED_WORKER.expected),
        commit=None,
    )


def _multiply(resident: int, anonymous: int, command: StartCommand, copied: float) -> int:
    """Return the memory of all processes, each shared page once.

    Pages of files are shared by all; anonymous pages only where the app is loaded before the fork, and then until a
    worker writes to them. What is deferred loads after the fork, but that is a matter of `all_loaded`.
    """
    workers = command.workers or 1
    server = SERVERS[command.server]
    if command.start == "preload":
        return int(resident + PRELOADED_ARBITER + workers * copied * anonymous)
    others = 0 if command.start == "single" else server.others
    return resident - anonymous + workers * (anonymous + server.worker) + others


# The verdict


def _limit(service: Service, settings: ServiceSettings) -> tuple[int | None, str, str]:
    """Return the limit in bytes, where it is written, and what a message calls it."""
    if settings.limit is not None:
        return settings.limit, settings.limit_source, settings.limit_source
    if settings.platform is not None:
        plan = platforms.find_platform(settings.platform)
        if plan is None:
            import difflib

            near = difflib.get_close_matches(settings.platform, platforms.platform_names(), n=1, cutoff=0)
            path, _, rest = settings.limit_source.partition(":")
            line = rest.partition(" ")[0]
            raise MemguardError(
                f"unknown platform {settings.platform!r}: did you mean {near[0]!r}?", path, int(line) if line else None
            )
        label = f"{plan.platform} {plan.plan}".strip() if plan.memory else "local, no limit"
        return plan.memory, settings.limit_source, label
    if service.platform is not None:
        return service.limit, service.limit_source, service.limit_label
    return platforms.DEFAULT_LIMIT, "default", "default"


def _judge(
    project: Project, service: Service, settings: ServiceSettings, now: _Service, then: _Service | None, *, has_past: bool
) -> Judged:
    limit, source, label = _limit(service, settings)
    commit = None
    if has_past:
        commit = now.estimate.expected - (then.estimate.expected if then is not None else 0)
    estimate = now.estimate._replace(commit=commit)
    verdict: Verdict = "ok"
    if limit is not None:
        if estimate.expected > (settings.fail or FAIL) * limit:
            verdict = "error"
        elif estimate.expected > (settings.warn or WARN) * limit:
            verdict = "warning"
    elif service.platform is not None and settings.platform is None:
        verdict = "unknown"
        project.skipped.append(
            Skipped(service.path, service.line, f"the memory of {label} is not known; set `limit` in the settings")
        )
    report = ServiceReport(
        name=service.name,
        path=service.path,
        line=service.line,
        command=service.command,
        entrypoint=now.entrypoint.text,
        processes=now.workers,
        limit=limit,
        limit_source=source,
        limit_label=label,
        estimate=estimate,
        verdict=verdict,
        parts=now.process.parts,
    )
    added: tuple[Part, ...] = ()
    if then is not None:
        old = {root.name for root in then.process.roots}
        added = tuple(part for part in now.process.parts if part.chain and part.package not in old)
    return Judged(
        report,
        service,
        now.process,
        settings,
        added,
        _deferrals(now, settings, (settings.warn or WARN) * limit) if limit is not None else (),
        _workers_that_fit(now, settings, (settings.warn or WARN) * limit) if limit is not None else None,
        _plan_that_fits(service, settings, estimate.expected / (settings.warn or WARN)),
    )


def _deferrals(now: _Service, settings: ServiceSettings, goal: float) -> tuple[Deferral, ...]:
    """Return the fewest imports to defer so that a service gets below the goal, the most saving first.

    An import is worth only what no other one still loads; where all together do not suffice, all that
    save a MiB or more are returned.
    """
    kept = list(now.process.roots)
    total = now.estimate.expected
    chosen: list[Deferral] = []
    while total > goal:
        options = [(_total_without(now, settings, kept, root), root) for root in kept if _may_wait(root)]
        best, root = min(options, key=lambda option: (option[0], option[1].name), default=(total, None))
        if root is None or total - best < MIB:
            break
        chosen.append(Deferral(root.name, root.chain, total - best))
        kept.remove(root)
        total = best
    return tuple(chosen)


def _may_wait(root: _Root) -> bool:
    """Tell whether the app can start without an import: not without its framework, nor what the server loads itself."""
    return bool(root.chain) and root.name.partition(".")[0] not in FRAMEWORKS


def _workers_that_fit(now: _Service, settings: ServiceSettings, goal: float) -> int | None:
    """Return how many of several workers fit below the goal, None where not even one does."""
    for workers in range(now.workers - 1, 0, -1):
        fewer = now.command._replace(workers=workers)
        if _together(now.process, fewer, settings.runtime or 0).expected <= goal:
            return workers
    return None


def _total_without(now: _Service, settings: ServiceSettings, roots: Sequence[_Root], without: _Root) -> int:
    process = now.process
    python = ".".join(process.base.python.split(".")[:2])
    parts = _parts(process.base, [root for root in roots if root is not without], python)[0]
    own = sum(part.resident for part in process.parts if part.package == "(first-party)")
    lighter = process._replace(
        expected=own + sum(part.resident for part in parts), anonymous=own + sum(part.anonymous for part in parts)
    )
    return _together(lighter, now.command, settings.runtime or 0).expected


def _plan_that_fits(service: Service, settings: ServiceSettings, needed: float) -> str | None:
    """Return the smallest plan of the platform that holds `needed` bytes."""
    platform = service.platform or (settings.platform or "").partition("-")[0]
    plan = platforms.smallest_plan(platform, math.ceil(needed))
    return f"{plan.platform} {plan.plan} ({mib(plan.memory)} MiB)" if plan is not None and plan.memory else None


def _unknown(project: Project, service: Service, settings: ServiceSettings) -> Judged:
    limit, source, label = _limit(service, settings)
    command = _command(project, service, settings)
    report = ServiceReport(
        name=service.name,
        path=service.path,
        line=service.line,
        command=service.command,
        entrypoint=command.entrypoint.text if command.entrypoint else None,
        processes=command.workers,
        limit=limit,
        limit_source=source,
        limit_label=label,
        estimate=None,
        verdict="unknown",
    )
    return Judged(report, service, None, settings)
