"""Findings that have one cause, told as one: what one change mends need not be read twenty times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from memguard_hooks.finding import ALL_THE_SAME, EAGER, Change, Finding, count
from memguard_hooks.relations import grouped

MOST_NAMED = 6
"""Files that one finding names where a library is imported in many; the rest is counted."""


def together(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield of the imports that have one cause the first, with the places of all, and all other findings.

    One cause have the imports of a library that one change mends, as `import x` and `from x.y import z`, also in several
    files that one started file loads, and all whose move saves little because of the same other import.
    """
    for first, *others in grouped((_cause(one), one) for one in findings).values():
        yield _joined(first, others) if others and first.code == EAGER else first


def _cause(finding: Finding) -> tuple[object, ...]:
    """Return what findings have in common that are one: the names of the modules and the ways to them may differ."""
    if finding.code != EAGER:
        return tuple(finding)
    name = finding.chain[-1].module
    said = (finding.message.removeprefix(name), finding.severity, finding.fix, finding.is_fixable)
    return "" if _is_held(finding) else finding.chain[0].path, name.partition(".")[0], said


def _is_held(finding: Finding) -> bool:
    """Return whether moving an import saves little because another one loads the same."""
    return any(one.endswith(ALL_THE_SAME) for one in finding.fix)


def _joined(first: Finding, others: Sequence[Finding]) -> Finding:
    """Return the first of findings that are one, with where the others stand."""
    lines = [str(one.line) for one in others if one.path == first.path]
    places = [f"in line{'' if len(lines) == 1 else 's'} {', '.join(lines)}"] if lines else []
    elsewhere = grouped((one.path, one.line) for one in others if one.path != first.path)
    if files := [f"{path}:{at[0]}" for path, at in elsewhere.items()]:
        places.append(f"in {_named(files, is_counted=_is_held(first))}")
    message = first.message.replace("imported", f"imported {', '.join(['here', *places[:-1]])} and {places[-1]},", 1)
    if first.is_fixable or not first.fix:
        return first._replace(message=message)
    at = (f"{one.path}:{one.line}" for one in (first, *others))
    return first._replace(message=message, steps=(Change(first.fix[0], tuple(dict.fromkeys(at))),))


def _named(places: Sequence[str], *, is_counted: bool) -> str:
    """Name the first places in other files, or count them all where nobody has to go there."""
    if is_counted:
        return count(len(places), "other file")
    left = len(places) - MOST_NAMED
    named = places if left <= 0 else [*places[: MOST_NAMED - 1], f"{left + 1} more files"]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
