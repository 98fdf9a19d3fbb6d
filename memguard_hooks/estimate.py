"""What a service takes: one process from its eager imports, and all processes from how they start.

One process takes the interpreter, its own source, and the union of what its imports bring: packages
share what they import, so the sum of their totals is wrong by half, while the union of mean own costs
is right to some per cent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from memguard_hooks.deployment.start import StartCommand
from memguard_hooks.finding import MIB, Estimate, Part, Step
from memguard_hooks.footprint import catalog
from memguard_hooks.footprint.catalog import Footprint
from memguard_hooks.imports.graph import External, Walk
from memguard_hooks.project import Project


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

NOT_PRELOADED = ("gevent", "eventlet")
"""Worker classes that replace parts of the standard library in each worker: what was imported before keeps the old ones."""

PRELOADED_WORKER = Range(0.05, 0.2, 0.6)
"""Of the anonymous memory, what each preloaded worker copies: idle, after some hundred requests, and after a full
garbage collection, which touches nearly every object. From the same runs."""


class Root(NamedTuple):
    """One measured or unknown import of a process."""

    name: str
    footprint: Footprint | None
    chain: tuple[Step, ...]
    is_exact: bool


class Process(NamedTuple):
    """What one process takes: its parts, their bounds, and the same once every deferred import has run.

    `late_anonymous` is that part of the anonymous memory that only the first request brings: no fork shares it.
    """

    parts: tuple[Part, ...]
    low: int
    expected: int
    high: int
    anonymous: int
    all_loaded: int
    base: Footprint
    roots: tuple[Root, ...]
    late_anonymous: int = 0


def estimate_process(project: Project, walked: Walk, python: tuple[int, int] | None) -> Process:
    """Estimate one process that loads what a walk has reached, on a Python (None for the catalog's own)."""
    version = None if python is None else f"{python[0]}.{python[1]}"
    base = catalog.interpreter(version)
    eager = _roots(project, (one for one in walked.externals if one.moment != "call"), version)
    everything = _roots(project, walked.externals, version)
    parts, low, high = add_up(base, eager, version)
    late_source = sum(walked.files["request"].values())
    source = sum(walked.files["start"].values()) + late_source
    if source:
        size = int(source * SOURCE_FACTOR.expected)
        provenance = f"{source} bytes of source, {SOURCE_FACTOR.expected} bytes each"
        parts.append(Part("(first-party)", None, size, size, "assumed", provenance))
        low.append(source * (SOURCE_FACTOR.expected - SOURCE_FACTOR.low))
        high.append(source * (SOURCE_FACTOR.high - SOURCE_FACTOR.expected))
    expected = sum(part.resident for part in parts)
    at_start = _roots(project, (one for one in walked.externals if one.moment == "start"), version)
    late = sum(part.anonymous for part in add_up(base, eager, version)[0]) - sum(
        part.anonymous for part in add_up(base, at_start, version)[0]
    )
    loaded = sum(part.resident for part in add_up(base, everything, version)[0])
    return Process(
        parts=tuple(parts),
        low=int(expected - math.hypot(*low)),
        expected=expected,
        high=int(expected + math.hypot(*high)),
        anonymous=sum(part.anonymous for part in parts),
        all_loaded=loaded + int((source + sum(walked.files["call"].values())) * SOURCE_FACTOR.expected),
        base=base,
        roots=tuple(eager),
        late_anonymous=max(0, late) + int(late_source * SOURCE_FACTOR.expected),
    )


def _roots(project: Project, externals: Iterable[External], python: str | None) -> list[Root]:
    """Return the measured module roots that imports load, the dearest first, and then the unknown ones."""
    found: dict[str, Root] = {}
    for external in externals:
        names = [root for name in external.names if (root := catalog.root_of(name)) is not None]
        if len(external.names) > 1:  # `from celery import Celery` loads more than `import celery`
            names = [catalog.LAZY_ROOTS.get(name, name) for name in names]
        for name in dict.fromkeys(names) or [external.names[0].partition(".")[0]]:
            if name not in found:
                footprint = _footprint(project, name, python) if names else None
                is_exact = (
                    footprint is not None and project.declared.versions.get(footprint.distribution) == footprint.version
                )
                found[name] = Root(name, footprint, external.chain, is_exact)
    return sorted(found.values(), key=lambda root: (-(root.footprint.resident if root.footprint else 0), root.name))


def _footprint(project: Project, module: str, python: str | None) -> Footprint | None:
    providers = [one.distribution for one in catalog.modules().get(module, ())]
    declared = next((name for name in providers if name in project.declared.versions), None)
    return catalog.find(module, declared, project.declared.versions.get(declared or ""), python)


def add_up(base: Footprint, roots: Sequence[Root], python: str | None) -> tuple[list[Part], list[float], list[float]]:
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


def estimate_together(process: Process, command: StartCommand, runtime: int) -> Estimate:
    """Join the processes of a service by how they start; `runtime` is added once."""

    def total(resident: int, copied: float) -> int:
        anonymous, late = (part * resident // process.expected for part in (process.anonymous, process.late_anonymous))
        return _multiply(resident, anonymous, late, command, copied) + runtime

    expected = total(process.expected, PRELOADED_WORKER.expected)
    if command.start == "preload":  # what is deferred loads after the fork, in each worker
        all_loaded = expected + (command.workers or 1) * (process.all_loaded - process.expected)
    else:
        all_loaded = total(process.all_loaded, 0)
    return Estimate(
        low=total(process.low, PRELOADED_WORKER.low),
        expected=expected,
        high=total(process.high, PRELOADED_WORKER.high),
        anonymous=_multiply(process.anonymous, process.anonymous, process.late_anonymous, command, PRELOADED_WORKER.expected)
        + runtime,
        all_loaded=all_loaded,
        commit=None,
    )


def add_processes(one: Estimate, other: Estimate) -> Estimate:
    """Return the memory of the processes of both, whose ranges are independent."""
    expected = one.expected + other.expected
    return Estimate(
        low=int(expected - math.hypot(one.expected - one.low, other.expected - other.low)),
        expected=expected,
        high=int(expected + math.hypot(one.high - one.expected, other.high - other.expected)),
        anonymous=one.anonymous + other.anonymous,
        all_loaded=one.all_loaded + other.all_loaded,
        commit=None,
    )


def saved_by_preload(process: Process, command: StartCommand) -> int:
    """Return the bytes that `--preload` of gunicorn saves; 0 where it is there already, or not to be had."""
    is_possible = command.server == "gunicorn" and command.start == "fork" and not command.reload
    if not is_possible or (command.workers or 1) < 2 or any(name in command.worker_class for name in NOT_PRELOADED):
        return 0
    together = estimate_together(process, command, 0).expected
    return max(0, together - estimate_together(process, command._replace(start="preload"), 0).expected)


def loaded_after_fork(process: Process, command: StartCommand) -> int:
    """Return the bytes that preloaded workers load once each because an import waits for a call; 0 for other starts."""
    if command.start != "preload":
        return 0
    return (command.workers or 1) * (process.all_loaded - process.expected)


def _multiply(resident: int, anonymous: int, late: int, command: StartCommand, copied: float) -> int:
    """Return the memory of all processes, each shared page once.

    Pages of files are shared by all; anonymous pages only where the app is loaded before the fork, and then until a
    worker writes to them. What comes `late`, with the first request, is in each worker.
    """
    workers = command.workers or 1
    server = SERVERS[command.server]
    if command.start == "preload":
        return int(resident - late + PRELOADED_ARBITER + workers * (copied * (anonymous - late) + late))
    others = 0 if command.start == "single" else server.others
    return resident - anonymous + workers * (anonymous + server.worker) + others
