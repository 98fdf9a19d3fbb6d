"""`memguard explain TOPIC`: what is behind a verdict.

`memguard explain platforms [PLATFORM]` lists the plans of hosts with their memory, and where each figure is from.
`memguard explain requirements [PATH]` lists what the entry points of a project need at start, and what they do not.
"""

from __future__ import annotations

import argparse
import json
import os.path
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from memguard_hooks import run
from memguard_hooks.config import load
from memguard_hooks.deployment import platforms
from memguard_hooks.deployment.platforms import Plan
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, mib
from memguard_hooks.needed import Need, Needs, find_needs
from memguard_hooks.project import Project
from memguard_hooks.tree import WorkTree

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


def explain_requirements(arguments: Sequence[str]) -> int:
    """Print which requirements of a project its services need at start, which later, and which nothing imports."""
    parser = argparse.ArgumentParser(
        prog="memguard explain requirements",
        description="List what the entry points of a project need at start, what they defer, and what nothing imports.",
    )
    parser.add_argument("path", nargs="?", default=".", help="root of the project")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to write the list")
    parser.add_argument("--config", metavar="FILE", help="settings file instead of pyproject.toml or memguard.toml")
    run.add_target_options(parser)
    run.add_entry_option(parser)
    options = parser.parse_args(arguments)
    if not os.path.isdir(options.path):
        parser.error(f"no such folder: {options.path}")
    tree = WorkTree(options.path)
    try:
        settings, _ = load(tree, options.config)
        project = Project(tree, run.adjust_service(settings, options))
        found = find_needs(project)
        project.close()
    except MemguardError as error:
        place = f"{error.path or '.'}:{error.line}" if error.line else error.path or "."
        print(f"{place}: error: {error.message}", file=sys.stderr)
        return 2
    finally:
        tree.close()
    print(render_needs_json(found) if options.format == "json" else render_needs(found))
    for gap in found.skipped:
        if gap.broken or options.format == "text":
            place = gap.path if gap.line is None else f"{gap.path}:{gap.line}"
            print(f"{place}: {'error' if gap.broken else 'skipped'}: {gap.reason}", file=sys.stderr)
    return 2 if any(gap.broken for gap in found.skipped) else 0


TITLES = {
    "start": "needed at start",
    "deferred": "deferred",
    "unused": "reached from no entry point",
    "unknown": "not known",
}


def render_needs(found: Needs) -> str:
    """Write the requirements by their use, each with its MiB by itself, its place and the way to its import."""
    lines = []
    for use, title in TITLES.items():
        needs = [need for need in found.needs if need.use == use]
        if not needs and use == "unknown":
            continue
        lines.append(f"{title}: {len(needs)} of {len(found.needs)} requirements")
        names = [_declared(need) for need in needs]
        sizes = ["" if need.footprint is None else f"{mib(need.footprint.resident)} MiB" for need in needs]
        places = [f"{need.requirement.path}:{need.requirement.line}" for need in needs]
        widths = [max(map(len, texts), default=0) for texts in (names, sizes, places)]
        for need, name, size, place in zip(needs, names, sizes, places, strict=True):
            chain = " → ".join(f"{step.path}:{step.line}" for step in need.chain)
            lines.append(f"  {name:<{widths[0]}}  {size:>{widths[1]}}  {place:<{widths[2]}}  {chain}".rstrip())
    return "\n".join(lines)


def _declared(need: Need) -> str:
    requirement = need.requirement
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{requirement.specifier or ''}"


def render_needs_json(found: Needs) -> str:
    """Write the requirements as one object; `mib` is null where nothing was measured."""
    needs = [
        {
            "name": need.requirement.name,
            "specifier": need.requirement.specifier,
            "path": need.requirement.path,
            "line": need.requirement.line,
            "column": need.requirement.column,
            "use": need.use,
            "mib": None if need.footprint is None else round(need.footprint.resident / MIB, 1),
            "source": None if need.footprint is None else need.footprint.provenance,
            "chain": [step._asdict() for step in need.chain],
        }
        for need in found.needs
    ]
    skipped = [{"path": gap.path, "line": gap.line, "reason": gap.reason} for gap in found.skipped]
    return json.dumps({"schema": 1, "requirements": needs, "skipped": skipped}, indent=2)


TOPICS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "platforms": explain_platforms,
    "requirements": explain_requirements,
}
"""Each topic and what explains it, given the arguments behind its name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Explain one topic."""
    parser = argparse.ArgumentParser(prog="memguard explain", description="Say what is behind a verdict.")
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
