"""How a container fares, as text and as one JSON object. Memory is in MiB with one digit."""

from __future__ import annotations

from memguard_hooks.finding import MIB, Finding, Skipped, in_mib, mib
from memguard_hooks.host.container import Container, ContainerLimit
from memguard_hooks.host.exit_status import Explained
from memguard_hooks.host.installed_heavy import HeavyDistribution
from memguard_hooks.host.process_sizes import ProcessSize
from memguard_hooks.output import plain, write_json
from memguard_hooks.record import Record

SHOWN_PROCESSES = 10

SHOWN_VALUE = 60


class MemoryReport(Record):
    """What was read of a container: its limit, the shares of it at which it is judged, and its processes."""

    container: Container
    limit: ContainerLimit | None
    bands: tuple[float, float]
    whose: str
    processes: tuple[ProcessSize, ...]


class Packages(Record):
    """What is installed in an interpreter's environment, and the heavy ones of it."""

    interpreter: str
    number: int
    heavy: tuple[HeavyDistribution, ...]


class ReportedVariable(Record):
    """A variable of the runtime: its value, None where it is not set, and what that means."""

    name: str
    value: str | None
    meaning: str


class VariablesReport(Record):
    """The variables that matter, and whose they are."""

    whose: str
    variables: tuple[ReportedVariable, ...]


class Health(Record):
    """All that was asked for; None stands for a part that was not, or that this system does not tell."""

    memory: MemoryReport | None
    packages: Packages | None
    environment: VariablesReport | None
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]

    @property
    def verdict(self) -> str:
        """The gravest of the findings, `ok` without any; `error` also where input is at fault."""
        severities = {one.severity for one in self.findings}
        if "error" in severities or any(one.broken for one in self.skipped):
            return "error"
        return "warning" if severities else "ok"


# Text


def render(health: Health) -> str:
    """Write each part with its figures, then what is wrong and how to fix it."""
    lines: list[str] = []
    if health.memory is not None:
        lines += [*_memory(health.memory), *_processes(health.memory), *_kills(health.memory.container)]
    if health.packages is not None:
        lines += _packages(health.packages)
    if health.environment is not None:
        lines += _environment(health.environment)
    for one in health.findings:
        place = f"{one.path}:{one.line}:{one.column}" if one.line else one.path
        lines.append(f"{place}: {one.severity}: {f'{one.code} ' if one.code else ''}{one.message}")
        if one.fix:
            head, *more = one.fix
            lines += [f"    fix: {head}", *(f"         {line}" for line in more)]
    if health.verdict == "ok":
        lines.append("ok")
    return plain(lines)


def _memory(memory: MemoryReport) -> list[str]:
    use, limit, machine = memory.container.use, memory.limit, memory.container.machine
    if use is None:
        return []
    lines = []
    if limit is not None:
        share = f"{use.working / limit.size:.0%}".replace("%", " %")
        lines.append(f"memory: {mib(use.working)} of {mib(limit.size)} MiB, {share} ({limit.source})")
    else:
        lines.append(f"memory: {mib(use.working)} MiB, and no limit is set for this container")
        if machine is not None:
            lines.append(f"    the machine has {mib(machine.total)} MiB, of which {mib(machine.available)} are available")
    parts = [
        f"{mib(size)} MiB {what}"
        for size, what in ((use.anonymous, "anonymous"), (use.shared, "in tmpfs and /dev/shm"), (use.swapped, "swapped out"))
        if size is not None and (size >= MIB or what == "anonymous")
    ]
    if use.charged != use.working:
        parts.append(f"{mib(use.charged)} MiB with files that can be dropped")
    if use.peak is not None:
        parts.append(f"{mib(use.peak)} MiB at most so far")
    return lines + ([f"    {', '.join(parts)}"] if parts else [])


def _processes(memory: MemoryReport) -> list[str]:
    if not memory.processes:
        return []
    resident = sum(one.resident for one in memory.processes)
    shares = [one.shared for one in memory.processes if one.shared is not None]
    together = f"{mib(sum(shares))} MiB by their shares (PSS), {mib(resident)} resident (RSS)"
    if len(shares) < len(memory.processes):
        together = f"{mib(resident)} MiB resident (RSS), with shared pages counted again in each"
    number = len(memory.processes)
    lines = [f"processes: {number} of {memory.whose}: {together}", "        PSS     RSS     pid"]
    for one in memory.processes[:SHOWN_PROCESSES]:
        share = "-" if one.shared is None else mib(one.shared)
        lines.append(f"    {share:>7} {mib(one.resident):>7} {one.pid:>7}  {one.name}".rstrip())
    if number > SHOWN_PROCESSES:
        rest = sum(one.resident for one in memory.processes[SHOWN_PROCESSES:])
        lines.append(f"    {'':>7} {mib(rest):>7} {'':>7}  {number - SHOWN_PROCESSES} more")
    if len(shares) < number:
        lines.append("    PSS is told to their own user and to root alone")
    return lines


def _kills(container: Container) -> list[str]:
    if container.kills is None:
        return []
    if container.kills:
        return [f"kills for want of memory: {container.kills}"]
    return ["kills for want of memory: none; a container that was started again counts from 0"]


def _packages(packages: Packages) -> list[str]:
    number = len(packages.heavy)
    lines = [f"packages: {packages.number} installed in {packages.interpreter}, {number or 'none'} of them heavy"]
    for one in packages.heavy:
        version = f"{one.name} {one.version}"
        if one.footprint is None:
            lines.append(f"    {'?':>7} MiB  {version}: nobody measured it")
            continue
        at = "" if one.footprint.version == one.version else f" (measured at {one.footprint.version})"
        lines.append(f"    {mib(one.footprint.resident):>7} MiB  {version}, once {one.footprint.module} is imported{at}")
    return lines


def _environment(environment: VariablesReport) -> list[str]:
    width = max((len(one.name) for one in environment.variables), default=0)
    lines = [f"variables of {environment.whose}:"]
    for one in environment.variables:
        value = "not set" if one.value is None else _shown(one.value)
        lines.append(f"    {one.name:<{width}}  {value}{f': {one.meaning}' if one.meaning else ''}")
    return lines


def _shown(value: str) -> str:
    return value if len(value) <= SHOWN_VALUE else f"{value[: SHOWN_VALUE - 1]}…"


def render_status(explained: Explained, kills: int | None) -> str:
    """Write what an exit status says, with the kills that the kernel has counted where this is run."""
    answers = {"no": "it was not memory", "unlikely": "memory is unlikely", "possible": "it may be memory"}
    lines = [f"{explained.title}: {answers.get(explained.memory, 'most likely out of memory')}"]
    lines += [f"    {line}" for line in explained.lines]
    if kills:
        lines.append(f"    in the container where you ask, the kernel killed for want of memory: {kills}")
    return plain(lines)


# JSON


def render_json(health: Health) -> str:
    """Write one object; a part that was not asked for, or that nobody tells, is null."""
    memory, packages, environment = health.memory, health.packages, health.environment
    value = {
        "schema": 1,
        "verdict": health.verdict,
        "memory": None if memory is None else _memory_object(memory),
        "packages": None if packages is None else _packages_object(packages),
        "environment": None
        if environment is None
        else {
            "of": environment.whose,
            "variables": {one.name: None if one.value is None else _shown(one.value) for one in environment.variables},
        },
        "findings": [
            {
                "code": one.code or None,
                "severity": one.severity,
                "path": one.path,
                "line": one.line or None,
                "column": one.column or None,
                "message": one.message,
                "mib": in_mib(one.cost),
                "fix": "\n".join(one.fix) or None,
            }
            for one in health.findings
        ],
        "skipped": [{"path": one.path, "line": one.line, "reason": one.reason} for one in health.skipped],
    }
    return write_json(value) + "\n"


def _memory_object(memory: MemoryReport) -> dict[str, object]:
    container, use, limit = memory.container, memory.container.use, memory.limit
    warn, fail = memory.bands
    return {
        "limit_mib": limit and in_mib(limit.size),
        "limit_source": limit and limit.source,
        "working_set_mib": use and in_mib(use.working),
        "share": round(use.working / limit.size, 4) if use is not None and limit is not None else None,
        "warn": warn,
        "fail": fail,
        "usage_mib": use and in_mib(use.charged),
        "anonymous_mib": use and in_mib(use.anonymous),
        "shared_mib": use and in_mib(use.shared),
        "swapped_mib": use and in_mib(use.swapped),
        "peak_mib": use and in_mib(use.peak),
        "oom_kills": container.kills,
        "cgroup": container.group and container.group.version,
        "machine_mib": container.machine and in_mib(container.machine.total),
        "machine_available_mib": container.machine and in_mib(container.machine.available),
        "processes_of": memory.whose,
        "processes": [
            {"pid": one.pid, "name": one.name, "rss_mib": in_mib(one.resident), "pss_mib": in_mib(one.shared)}
            for one in memory.processes
        ],
    }


def _packages_object(packages: Packages) -> dict[str, object]:
    return {
        "interpreter": packages.interpreter,
        "installed": packages.number,
        "heavy": [
            {
                "name": one.name,
                "version": one.version,
                "mib": one.footprint and in_mib(one.footprint.resident),
                "module": one.footprint and one.footprint.module,
                "source": one.footprint and one.footprint.provenance,
            }
            for one in packages.heavy
        ],
    }


def render_status_json(explained: Explained, kills: int | None) -> str:
    """Write one object: what an exit status says."""
    value = {
        "schema": 1,
        "status": explained.status,
        "title": explained.title,
        "out_of_memory": explained.memory,
        "explanation": explained.lines,
        "oom_kills": kills,
    }
    return write_json(value) + "\n"
