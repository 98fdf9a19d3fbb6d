"""Inline allowances: `# memguard: allow[MG201] reason`, on the line that a finding names.

An allowance silences its codes on its line. Without a reason it is a finding itself (MG190), and so
is one that allows nothing (MG191).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from memguard_hooks.finding import CODES, Finding, Severity
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.relations import grouped

_ALLOWANCE = late_pattern(r"memguard:\s*allow\b\s*(?:\[(?P<codes>[^]]*)\])?[ \t:\u2013-]*(?P<reason>.*)")


WIDER = {"MG203": "MG201"}
"""An import that may be eager may also be unused."""


class Allowance(Record):
    """One code that a comment allows."""

    path: str
    line: int
    column: int
    code: str
    reason: str


def read_allowances(comments: Iterable[tuple[str, int, int, str]]) -> list[Allowance]:
    """Read the allowances in comments, given as path, line, column and text."""
    found: list[Allowance] = []
    for path, line, column, text in comments:
        match = _ALLOWANCE.search(text)
        if match:
            codes = [code.strip().upper() for code in (match["codes"] or "").split(",")]
            found += [Allowance(path, line, column, code, match["reason"].strip()) for code in codes]
    return found


def apply_allowances(
    hook: str, findings: Sequence[Finding], allowances: Sequence[Allowance], *, owns_unknown: bool
) -> list[Finding]:
    """Take out what is allowed and add what is wrong with the allowances themselves.

    A hook answers for the allowances of its own codes; the one that `owns_unknown` also for codes
    that nobody has.
    """
    used: set[Allowance] = set()
    kept: list[Finding] = []
    by_code = grouped(((one.path, one.code), one) for one in sorted(set(allowances)))
    for finding in findings:
        matching = list(_covering(finding, by_code))
        used.update(matching)
        if not matching:
            kept.append(finding)
    for one in sorted(set(allowances)):
        owner = CODES.get(one.code)
        if owner == hook or (owner is None and owns_unknown):
            if owner is None:
                kept.append(_finding(hook, one, "MG191", f"there is no rule {one.code or 'named'} to allow", "warning"))
            elif one not in used:
                kept.append(_finding(hook, one, "MG191", f"nothing here breaks {one.code}", "warning"))
            elif not one.reason:
                kept.append(_finding(hook, one, "MG190", f"{one.code} is allowed without a reason", "error"))
    return kept


def _covering(finding: Finding, by_code: Mapping[tuple[str, str], Sequence[Allowance]]) -> Iterator[Allowance]:
    """Yield what allows a finding, of allowances in the order of their lines."""
    for code in (finding.code, WIDER.get(finding.code, finding.code)):
        found = by_code.get((finding.path, code), ())
        for one in islice(found, bisect_left(found, finding.line, key=_line), None):
            if one.line > (finding.end_line or finding.line):
                break
            yield one


def _line(one: Allowance) -> int:
    return one.line


def _finding(hook: str, one: Allowance, code: str, message: str, severity: Severity) -> Finding:
    fix = f"write `# memguard: allow[{one.code}] why`" if code == "MG190" else "delete the comment"
    return Finding(one.path, one.line, one.column, code, message, hook, one.code or "allow", severity, fix=(fix,))
