"""What to do first: the fewest changes that bring the services into their budgets, and the ways out of a refused commit."""

from __future__ import annotations

from memguard_hooks.finding import MIB

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator

    from memguard_hooks.finding import Report

_NUMBERS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine")

WAYS_OUT = (
    "it adds +0 MiB and is refused: `memguard check --write-baseline` makes what is found known, "
    "`--fail-on never` tells it and refuses nothing"
)
"""What helps where a commit is refused for what was there before it."""


def to_do(report: Report) -> Iterator[str]:
    """Yield for each service that is over its budget the first way into it, step by step."""
    for finding in report.findings:
        number = finding.steps if finding.code == "MG301" else 0
        if number:
            these = "this" if number == 1 else f"these {_NUMBERS[number] if number < len(_NUMBERS) else number}"
            yield f"do {these}, and {finding.subject} is in its budget:"
            yield from (f"  {place}. {step}" for place, step in enumerate(finding.fix[:number], 1))


def adds_nothing(report: Report) -> bool:
    """Return whether a service is over its budget, and what is to be committed has no part in that."""
    over = {(one.path, one.subject) for one in report.findings if one.code == "MG301" and one.severity == "error"}
    added = [one.taken.commit for one in report.services if (one.path, one.name) in over and one.taken is not None]
    return report.since is None and bool(added) and all(size is not None and abs(size) < MIB / 2 for size in added)
