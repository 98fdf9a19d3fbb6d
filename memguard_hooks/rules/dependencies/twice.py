"""A package that one installation asks for twice, in two ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from memguard_hooks.dependencies.requirement import Manifest, Requirement, can_hold, pin_of, shorten, specifiers
from memguard_hooks.finding import Finding, Severity
from memguard_hooks.relations import grouped
from memguard_hooks.rules.dependencies.findings import finding

MAX_TWINS = 30
"""Declarations of one package that are compared; nobody writes as many."""


def find_twice(
    manifest: Manifest, python: tuple[int, int] | None, is_deployed: Callable[[Requirement], bool]
) -> Iterator[Finding]:
    """Yield the declarations of a package that differ from an earlier one which holds on the same host."""
    declared = ((one.name, one) for one in manifest.requirements if not one.is_constraint and not one.via)
    for name, found in grouped(declared).items():
        told: set[Requirement] = set()
        for first, second in combinations(found[:MAX_TWINS], 2) if len(found) > 1 else ():
            if second in told or not _differ(first, second) or (first.group, first.group_name) != (
                second.group, second.group_name
            ):  # fmt: skip
                continue
            if _can_hold_both(first, second, python) and is_deployed(first) and is_deployed(second):
                told.add(second)
                there = f"{first.path}:{first.line}" if first.path != second.path else f"line {first.line}"
                message = f"{name} is declared twice: {_written(first)} in {there}, {_written(second)} here"
                pins = [pin_of(first), pin_of(second)]
                severity: Severity = "error" if None not in pins else "warning"
                yield finding(second, "MG106", message, "delete one of them", severity=severity)


def _differ(first: Requirement, second: Requirement) -> bool:
    if first.url or second.url:
        return first.url != second.url
    return specifiers(first.specifier) != specifiers(second.specifier)


def _can_hold_both(first: Requirement, second: Requirement, python: tuple[int, int] | None) -> bool:
    markers = [one.marker for one in (first, second) if one.marker]
    return can_hold(" and ".join(f"({marker})" for marker in markers) or None, python)


def _written(requirement: Requirement) -> str:
    return shorten(requirement.url or requirement.specifier) or "any version"
