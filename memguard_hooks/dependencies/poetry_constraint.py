"""Version constraints as Poetry writes them, in the terms of PEP 440.

Source: the chapter on dependency specification of Poetry's documentation. `^` admits what does not
change the first part that is not zero, `~` what does not change the second part, a bare version is exact.
"""

from __future__ import annotations

import re

from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record

MAX_LENGTH = 500


class Clause(Record):
    """One comparison: an operator of PEP 440 and a version, which may end in `.*`."""

    operator: str
    version: str


Alternative = tuple[Clause, ...]

_CLAUSE = late_pattern(
    r"[\s,]*(?:(?P<operator>\^|~=|~|===|==|!=|<>|>=|<=|>|<|=)\s*)?"
    r"(?P<version>[vV]?\d[A-Za-z0-9.!+_-]*(?:\.\*)?|\*)(?=[\s,]|$)"
)
_RELEASE = late_pattern(r"[vV]?((?:\d+!)?)(\d+(?:\.\d+)*)")


def parse(text: str) -> tuple[Alternative, ...] | None:
    """Return the alternatives of a constraint, each of clauses that hold together; None where it is not one."""
    if len(text) > MAX_LENGTH:
        return None
    found = [_alternative(part.strip()) for part in re.split(r"\|\|?", text)]
    return tuple(one for one in found if one is not None) if None not in found else None


def _alternative(text: str) -> Alternative | None:
    clauses: list[Clause] = []
    at, end = 0, len(text.rstrip(" ,"))
    while at < end:
        match = _CLAUSE.match(text, at, end)
        if match is None:
            return None
        clauses += _clauses(match["operator"] or "", match["version"])
        at = match.end()
    return tuple(clauses) if text else None


def _clauses(operator: str, version: str) -> Alternative:
    if version == "*":
        return ()
    if operator in (">=", ">", "<=", "<"):
        return (Clause(operator, version.removesuffix(".*")),)  # as Poetry reads them
    if operator in ("^", "~"):
        return (Clause(">=", version), Clause("<", _next(version, by_caret=operator == "^")))
    return (Clause({"": "==", "=": "==", "<>": "!="}.get(operator, operator), version),)


def _next(version: str, *, by_caret: bool) -> str:
    """Return the first release that a caret or a tilde does not admit."""
    match = _RELEASE.match(version.removesuffix(".*"))
    assert match is not None
    parts = [int(part) for part in match[2].split(".")]
    if by_caret:
        kept = next((index for index, part in enumerate(parts[:3]) if part), len(parts[:3]) - 1)
    else:
        kept = min(1, len(parts) - 1)
    changed = [*parts[:kept], parts[kept] + 1]
    return match[1] + ".".join(map(str, changed + [0] * (len(parts[:3]) - len(changed))))


def hull(alternatives: tuple[Alternative, ...]) -> str:
    """Write a constraint as specifiers; of several alternatives the range from the least to the greatest."""
    if len(alternatives) == 1:
        return ",".join(f"{clause.operator}{clause.version}" for clause in alternatives[0])
    from packaging.version import InvalidVersion, Version

    def rank(clause: Clause) -> Version:
        return Version(clause.version)

    lowest: list[Clause] = []
    highest: list[Clause] = []
    try:
        for alternative in alternatives:
            bounds = [bound for clause in alternative for bound in _bounds(clause)]
            lowest += sorted((one for one in bounds if one.operator in (">", ">=")), key=rank)[-1:]
            highest += sorted((one for one in bounds if one.operator in ("<", "<=")), key=rank)[:1]
        least = min(lowest, key=rank) if len(lowest) == len(alternatives) else None
        greatest = max(highest, key=rank) if len(highest) == len(alternatives) else None
    except InvalidVersion:
        return ""
    return ",".join(f"{one.operator}{one.version}" for one in (least, greatest) if one is not None)


def _bounds(clause: Clause) -> Alternative:
    if clause.operator in ("==", "===", "~="):
        version = clause.version.removesuffix(".*")
        if version != clause.version:
            return (Clause(">=", version), Clause("<", _after(version, 1)))
        upper = Clause("<", _after(version, 2)) if clause.operator == "~=" else Clause("<=", version)
        return (Clause(">=", version), upper)
    return (clause,) if clause.operator != "!=" else ()


def _after(version: str, depth: int) -> str:
    """Return the next release of the part of a version that stands `depth` places from its end."""
    match = _RELEASE.match(version)
    assert match is not None
    parts = [int(part) for part in match[2].split(".")]
    kept = max(len(parts) - depth, 0)
    return match[1] + ".".join(map(str, [*parts[:kept], parts[kept] + 1]))


def python_marker(alternatives: tuple[Alternative, ...]) -> str:
    """Write a constraint on Python as a marker; the empty string where any Python will do."""
    found = [" and ".join(_python_clause(clause) for clause in alternative) for alternative in alternatives]
    return " or ".join(found) if all(found) else ""


def _python_clause(clause: Clause) -> str:
    version = clause.version.removesuffix(".*")
    variable = "python_full_version" if version.count(".") > 1 else "python_version"
    operator = "==" if clause.operator == "===" else clause.operator
    return f'{variable} {operator} "{version}"'
