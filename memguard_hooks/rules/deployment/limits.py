"""Memory limits: those that are missing, those that disagree, and plans that are other than people think.

That two limits of compose must agree is said by compose-spec (11-extension.md); a container without a limit may take
all memory of its machine, and then the kernel chooses what dies. The figures of plans are those of
`memguard_hooks/deployment/platforms.tsv`, each with its source: Render's starter has 512 MiB, as its free plan has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memguard_hooks.app.limit import limit_to_write, sizes_that_fit
from memguard_hooks.app.service_estimate import RunningService
from memguard_hooks.deployment.servers import FOREIGN
from memguard_hooks.deployment.service import ServicePlace, Trap
from memguard_hooks.finding import MIB, Finding, mib
from memguard_hooks.pattern import late_pattern
from memguard_hooks.rules.deployment.findings import finding

_COMMENT = late_pattern(r"(?:^|\s)#\s*(.*)$")
_FIGURE = late_pattern(r"(?<![\d.\w-])(\d{1,5}(?:\.\d{1,3})?)\s?([MG])i?B\b", re.IGNORECASE)
_ASIDE = late_pattern(
    r"[$€]\s?\d+(?:\.\d+)?(?:\s?/\s?\w+|\s(?:a|per)\s\w+)?|(?<![\w.])\d+(?:\.\d+)?\s?v?CPUs?\b|[\s,;:()\[\]=./\u2013\u2014-]",
    re.IGNORECASE,
)
"""What a comment may hold besides words: a price, a number of CPUs, and punctuation, but nothing like `~`, `<` or `?`."""

_SAID = frozenset({"a", "and", "cpu", "gives", "has", "have", "instance", "is", "mem", "memory", "of", "plan", "ram",
                   "shared", "the", "this", "vcpu", "with"})  # fmt: skip
"""Words of comments whose figure can be nothing but what the plan is believed to have."""

MAX_LENGTH = 200
"""Characters of a comment that says what a plan has."""

_TOLERANCE = 0.06
"""1 GB may be meant as 1000 MB."""


def check_trap(trap: Trap, runnings: Sequence[RunningService]) -> Iterator[Finding]:
    """Judge what a reader noticed about limits; services that nobody deploys may go without one."""
    if trap.kind == "memory-keys-disagree":
        message = f"{trap.subject} has two memory limits that disagree, and compose refuses the file: {trap.detail}"
        yield finding(
            trap.place, "MG410", trap.subject, message, "delete mem_limit, or write the same there", severity="error"
        )
    elif trap.kind == "memory-twice":
        message = f"{trap.subject} has two sizes of memory that disagree, and memory counts: {trap.detail}"
        yield finding(trap.place, "MG410", trap.subject, message, "delete memory_mb")
    elif trap.kind == "unknown-plan":
        plan, _, near = trap.detail.partition(": ")
        message = f"{trap.subject} names a plan that is not known: {plan}"
        fix = f"the nearest are {near}" if near else "correct the name of the plan"
        yield finding(trap.place, "MG412", trap.subject, message, fix)
    elif trap.kind == "no-memory-limit":
        written = f"{trap.place.path}:{trap.place.line} "
        owner = next((one for one in runnings if one.service.limit_source.startswith(written)), None)
        if owner is None or _is_left_alone(owner):
            return
        taken = owner.estimated.taken if owner.estimated is not None else 0
        sizes = sizes_that_fit(taken, owner.settings) if taken else ""
        told = f"; it takes {mib(taken)} MiB, which {sizes.replace(';', ', and')}" if sizes else ""
        message = (
            f"{trap.subject} has no memory limit: it may take all memory of its machine, and what dies then is not chosen"
        )
        message += told
        key = limit_to_write(owner.service, taken, owner.settings) or "a limit"
        yield finding(trap.place, "MG411", trap.subject, message, f"add `{key}`, or say in the settings what the host has")


def _is_left_alone(running: RunningService) -> bool:
    """Return whether the limit is known from elsewhere, or the service is for developers, or starts another language."""
    is_elsewhere = running.settings.limit is not None or running.settings.platform is not None
    return is_elsewhere or running.command.reload or running.command.program in FOREIGN


def check_plans(runnings: Sequence[RunningService]) -> Iterator[Finding]:
    """MG413: a comment beside a plan that gives it other memory than it has."""
    seen: set[ServicePlace] = set()
    for running in runnings:
        service = running.service
        if service.limit is None or service.plan is None:
            continue
        match = re.fullmatch(r"(?P<path>.+?):(?P<line>\d+) (?P<key>\S+) (?P<plan>\S+(?: \S+)?)", service.limit_source)
        if match is None or match["key"] == "default":
            continue
        data = running.project.read_file(match["path"])
        lines = data.decode("utf-8", "replace").splitlines() if data is not None else []
        number = int(match["line"])
        for at in (number, number - 1):
            if not 0 < at <= len(lines) or (at != number and not lines[at - 1].lstrip().startswith("#")):
                continue
            comment = _COMMENT.search(lines[at - 1])
            claimed = _claimed(comment[1], service.limit_label) if comment is not None else None
            if comment is None or claimed is None or abs(claimed - service.limit) <= _TOLERANCE * service.limit:
                continue
            place = ServicePlace(match["path"], at, comment.start(1) + 1)
            if place not in seen:
                seen.add(place)
                message = f"{service.limit_label} has {mib(service.limit)} MiB, not {mib(claimed)} as the comment says"
                fix = "correct the comment, or take the plan that has as much"
                yield finding(place, "MG413", service.limit_label, message, fix)


def _claimed(comment: str, plan: str) -> int | None:
    """Return the only amount of memory that a comment names, in bytes; None where it may be about anything else.

    `plan` are the words that name the plan, which the comment may repeat.
    """
    if len(comment) > MAX_LENGTH:
        return None
    figures = _FIGURE.findall(comment)
    words = _ASIDE.sub(" ", _FIGURE.sub(" ", comment)).lower().split()
    if len(figures) != 1 or not _SAID.union(_ASIDE.sub(" ", plan).lower().split()).issuperset(words):
        return None
    amount, unit = figures[0]
    return int(float(amount) * (1024 if unit in "gG" else 1) * MIB)
