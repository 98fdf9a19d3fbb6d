"""The plans of hosts, as a table and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterable

from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.platforms import Plan
from memguard_hooks.finding import MIB
from memguard_hooks.output import write_json

HEADER = ("platform", "plan", "MiB", "CPUs", "sets", "source", "date")


def render(plans: Iterable[Plan]) -> str:
    """Write plans in aligned columns, numbers to the right."""
    rows = [HEADER, *(_cells(plan) for plan in plans)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if name in ("MiB", "CPUs") else text.ljust(width)
            for name, text, width in zip(HEADER, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def _cells(plan: Plan) -> tuple[str, ...]:
    if plan.platform == platforms.LOCAL:
        return (plan.platform, "", "no limit", "", "", "", "")
    memory = "unknown" if plan.memory is None else str(plan.memory // MIB)
    cpus = "" if plan.cpus is None else f"{plan.cpus:g}"
    sets = " ".join(f"{name}={value}" for name, value in plan.sets.items())
    return (plan.platform, plan.plan, memory, cpus, sets, plan.source, plan.date)


def render_json(plans: Iterable[Plan]) -> str:
    """Write plans as one object; `memory_mib` is null where there is no limit or nobody gives one."""
    found = [
        {
            "platform": plan.platform,
            "plan": plan.plan,
            "memory_mib": None if plan.memory is None else plan.memory // MIB,
            "cpus": plan.cpus,
            "sets": dict(plan.sets),
            "source": plan.source,
            "date": plan.date,
        }
        for plan in plans
    ]
    return write_json({"schema": 1, "platforms": found}) + "\n"
