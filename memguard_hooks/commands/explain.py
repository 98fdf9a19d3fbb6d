"""`memguard explain TOPIC`: what memguard knows and takes for granted, without looking at a project.

`memguard explain platforms [PLATFORM]` lists the plans of hosts with their memory, and where each figure is from.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.platforms import Plan
from memguard_hooks.finding import MIB

HEADER = ("platform", "plan", "MiB", "CPUs", "sets", "source", "date")


def explain_platforms(arguments: Sequence[str]) -> int:
    """Print the table of plans, all or those of one platform."""
    parser = argparse.ArgumentParser(
        prog="memguard explain platforms", description="List the plans of hosts, their memory and its source."
    )
    parser.add_argument("platform", nargs="?", help="only the plans of this platform, such as render")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write the table")
    options = parser.parse_args(arguments)
    plans = platforms.plans()
    if options.platform is not None:
        names = sorted({plan.platform for plan in plans})
        if options.platform.lower() not in names:
            parser.error(_unknown("platform", options.platform, names))
        plans = tuple(plan for plan in plans if plan.platform == options.platform.lower())
    print(render_json(plans) if options.format == "json" else render_table(plans))
    return 0


def render_table(plans: Iterable[Plan]) -> str:
    """Write plans in aligned columns, numbers to the right."""
    rows = [HEADER, *(_cells(plan) for plan in plans)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if name in ("MiB", "CPUs") else text.ljust(width)
            for name, text, width in zip(HEADER, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


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
    return json.dumps({"schema": 1, "platforms": found}, indent=2)


TOPICS: Mapping[str, Callable[[Sequence[str]], int]] = {"platforms": explain_platforms}
"""Each topic and what explains it, given the arguments behind its name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Explain one topic."""
    parser = argparse.ArgumentParser(
        prog="memguard explain", description="Say what memguard knows, without looking at a project."
    )
    parser.add_argument("topic", help=f"one of: {', '.join(TOPICS)}")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see `memguard explain TOPIC --help`")
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    if options.topic not in TOPICS:
        parser.error(_unknown("topic", options.topic, TOPICS))
    return TOPICS[options.topic](options.arguments)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0)
    return f"unknown {what} {name!r}: did you mean {near[0]!r}?"
