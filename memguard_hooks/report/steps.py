"""What to do first: the fewest changes that bring the services into their budgets, and the ways out of a refused commit."""

from __future__ import annotations

from itertools import takewhile

from memguard_hooks.finding import MIB

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.finding import Finding, Report

_NO_STEP = ("or ", "take a larger host ", "this commit brings ", "this branch brings ")
"""How lines of a budget's fix begin that change nothing here: another way, another host, and what has come."""

_NUMBERS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine")

WAYS_OUT = (
    "it adds +0 MiB and is refused: `memguard check --write-baseline` makes what is found known, "
    "`--fail-on never` tells it and refuses nothing"
)
"""What helps where a commit is refused for what was there before it."""


def to_do(report: Report) -> Iterator[str]:
    """Yield for each service that is over its budget the first way into it, step by step."""
    for finding in report.findings:
        steps = steps_of(finding) if finding.code == "MG301" else []
        if steps:
            number = len(steps)
            these = "this" if number == 1 else f"these {_NUMBERS[number] if number < len(_NUMBERS) else number}"
            yield f"do {these}, and {finding.subject} is in its budget:"
            yield from (f"  {place}. {step}" for place, step in enumerate(steps, 1))


def steps_of(finding: Finding) -> list[str]:
    """Return the steps of the first way out of a finding about a budget: the rules put what saves most first."""
    return list(takewhile(lambda line: not line.startswith(_NO_STEP), finding.fix))


def adds_nothing(report: Report) -> bool:
    """Return whether a service is over its budget, and what is to be committed has no part in that."""
    over = {(one.path, one.subject) for one in report.findings if one.code == "MG301" and one.severity == "error"}
    added = [one.taken.commit for one in report.services if (one.path, one.name) in over and one.taken is not None]
    return report.since is None and bool(added) and all(size is not None and abs(size) < MIB / 2 for size in added)
