"""What to do first: the fewest changes after which a run passes, and the ways out of a refused commit that adds nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from memguard_hooks.finding import AT_REQUEST, MIB, Change, Finding, Report, count, refusing, status_of
from memguard_hooks.report.text import BUDGET

_NUMBERS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine")

WAYS_OUT = (
    "all of it was there before this commit: `memguard check --write-baseline` makes what is found known, "
    "`--fail-on never` tells it and refuses nothing"
)
"""What helps where a commit is refused for what was there before it."""

FIXER = "`memguard fix`"
_TO_START = "`memguard fix --to-start`"

OF_SERVICES = (*BUDGET, "MG303")
"""Findings that have steps where it is known what suffices: their fix tells other things too."""

COVERED = (("MG201", "--preload", "preload"), ("MG601", "wheel of torch for CPUs", "its wheel for CPUs"))
"""Code, a word of its fix, and the word of another step by which it is done too: once workers share what is imported before
the fork it may stay there, and there is one wheel to change."""


def summary(report: Report, *, with_fixer: bool, fail_on: str | None) -> Iterator[str]:
    """Yield what stands below findings, a line each: what to do first, how many there are, and the ways out.

    `with_fixer` names the command that may fix some of it.
    """
    if fail_on is not None:
        yield from to_do(report, fail_on)
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    if errors or warnings:
        known = f"; {report.known} more known" if report.known else ""
        yield f"{count(errors, 'error')}, {count(warnings, 'warning')}{known}{may_fix(report) if with_fixer else ''}"
    if report.fixed:
        yield f"{report.baseline}: {count(report.fixed, 'known finding')} fixed: --prune-baseline takes them out"
    if fail_on is not None and status_of(report, fail_on) == 1 and adds_nothing(report):
        yield WAYS_OUT


def to_do(report: Report, fail_on: str) -> Iterator[str]:
    """Yield the first way to a run that passes, step by step; where it does, that into the budget of each service."""
    if len(report.findings) < 2:
        return  # the fix stands just above
    found = refusing(report, fail_on)
    if found:
        smaller = _taking_less(report, found)
        if smaller:
            changes = _changes(one for one in found if one not in smaller)
            names = ", ".join(one.subject for one in smaller)
            yield from _list(changes, f"look again: {names} {'takes' if len(smaller) == 1 else 'take'} less then")
            return
        changes = _changes(found)
        left = sum(not changes_of(one) and not _is_told_elsewhere(one, found, changes) for one in found)
        kinds = [count(number, kind) for number, kind in ((left, "finding"), (report.broken, "unread file")) if number]
        outcome = f"{' and '.join(kinds)} {'is' if left + report.broken == 1 else 'are'} left" if kinds else "it passes"
        yield from _list(changes, outcome)
        return
    for finding in report.findings:
        if finding.code == "MG301":
            yield from _list(_changes([finding]), f"{finding.subject} is in its budget")


def may_fix(report: Report) -> str:
    """Write how many findings `memguard fix` may do something about, behind a semicolon; nothing where there are none.

    An import whose move saves nothing that is judged, and any import where every service fits, moves only by `--to-start`;
    one that runs at the first request moves only where a service does not fit.
    """
    is_over = not report.services or any(one.verdict in ("warning", "error") for one in report.services)
    fixable = [
        one
        for one in report.findings
        if (one.is_fixable and (is_over or AT_REQUEST not in one.message))
        or (one.steps and all(step.is_fixable for step in one.steps))
    ]
    at_start = sum(one.code == "MG201" and (bool(one.steps) or not is_over) for one in fixable)
    rest = len(fixable) - at_start
    if not at_start:
        return f"; {FIXER} may fix {rest}" if rest else ""
    return f"; {FIXER} may fix {rest}, and {at_start} more with --to-start" if rest else f"; {_TO_START} may fix {at_start}"


def _taking_less(report: Report, found: Iterable[Finding]) -> list[Finding]:
    """Return what is over its budget with an import that another finding deletes: another host was chosen with it."""
    deleted = {_place(one) for one in report.findings if one.code == "MG203" and one.cost and one.cost >= MIB}
    loaded = {
        service.name: {f"{part.chain[-1].path}:{part.chain[-1].line}" for part in service.parts if part.chain}
        for service in report.services
        if deleted
    }
    return [
        one
        for one in found
        if one.code in OF_SERVICES
        and any(not step.is_fixable for step in one.steps)
        and not deleted.isdisjoint(loaded.get(one.subject, ()))
    ]


def changes_of(finding: Finding) -> tuple[Change, ...]:
    """Return what to do about a finding; of a service only what is known to suffice."""
    if finding.code == "MG201" and finding.is_fixable:  # which saves nothing that is judged, or a step of the service has it
        return (Change(f"{finding.fix[0]}: {_TO_START}", (_place(finding),)),)
    if finding.steps or finding.code in OF_SERVICES or not finding.fix:
        return finding.steps
    return (Change(finding.fix[0], (_place(finding),), finding.is_fixable),)


def _is_told_elsewhere(finding: Finding, others: Iterable[Finding], changes: Iterable[Change]) -> bool:
    """Return whether another change does for a finding: that of the import which it is about, or of the model."""
    last = f"{finding.chain[-1].path}:{finding.chain[-1].line}" if finding.chain else ""
    is_model = not finding.fix and any(one.subject.startswith(f"{finding.subject} ") for one in others if one is not finding)
    return is_model or any(last in change.places for change in changes)


def _list(changes: Sequence[Change], outcome: str) -> Iterator[str]:
    """Yield changes as numbered steps: those of the fixer are one, and come first."""
    by_fixer = [one for one in changes if one.is_fixable]
    by_hand = [one for one in changes if not one.is_fixable]
    number = bool(by_fixer) + len(by_hand)
    if not number:
        return
    these = "this" if number == 1 else f"these {_NUMBERS[number] if number < len(_NUMBERS) else number}"
    yield f"do {these}, and {outcome}:"
    if by_fixer:
        yield f"  1. {FIXER}, which does:"
        yield from _few("     ", map(_told, by_fixer))
    first = 1 + bool(by_fixer)
    yield from _few("  ", (f"{place}. {_told(one)}" for place, one in enumerate(by_hand, first)))


MOST = 5
"""Changes that are told, and places of each: all of them stand with the findings."""


def _few(indent: str, lines: Iterable[str]) -> Iterator[str]:
    told = list(lines)
    yield from (f"{indent}{line}" for line in told[:MOST])
    if len(told) > MOST:
        yield f"{indent}and {len(told) - MOST} more, as their findings say"


def _told(change: Change) -> str:
    """Write what to do, and where, unless it says so itself."""
    missing = [place for place in change.places if f"{place} " not in change.text and f"{place})" not in change.text]
    more = f" and {len(missing) - MOST} more" if len(missing) > MOST else ""
    return f"{', '.join(missing[:MOST])}{more}: {change.text}" if missing else change.text


def _changes(findings: Iterable[Finding]) -> list[Change]:
    """Return what is to be done about findings, each change once."""
    found = [(one, change) for one in findings for change in changes_of(one)]
    deleted = {_place(one) for one, _ in found if one.code == "MG203"}
    moved = {place for one, change in found if one.code in OF_SERVICES for place in change.places}
    covered = [
        (code, word)
        for code, word, other in COVERED
        if any(other in change.text and one.code != code for one, change in found)
    ]
    places: dict[str, dict[str, None]] = {}
    merged: dict[str, Change] = {}
    for one, change in found:
        is_deleted = one.code in OF_SERVICES and deleted.issuperset(change.places)
        is_moved = one.code == "MG201" and _place(one) in moved
        if is_deleted or is_moved or any(one.code == code and word in change.text for code, word in covered):
            continue
        merged.setdefault(change.text, change)
        places.setdefault(change.text, {}).update(dict.fromkeys(change.places))
    return [change._replace(places=tuple(places[text])) for text, change in merged.items()]


def _place(finding: Finding) -> str:
    return f"{finding.path}:{finding.line}"


def adds_nothing(report: Report) -> bool:
    """Return whether all errors stand in files that the last commit has too, and no service takes more than at that."""
    added = [one.taken.commit for one in report.services if one.taken is not None]
    return report.is_old and all(size is not None and size < MIB / 2 for size in added)
