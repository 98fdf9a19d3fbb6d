"""What may be said less often: which templates, how, and how many lines that saves."""

from __future__ import annotations

import re

from memguard_hooks.logs.loggers import find_library, mute_lines
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from memguard_hooks.logs.survey import Survey
    from memguard_hooks.logs.templates import Template

OFTEN = 5
"""Lines of one template in a unit of work, beyond which it tells of steps and not of the work."""
PAIRED = 2
"""The same for a template that says that something begins or ends: its summary is one line."""
SHARE, LEAST = 0.05, 100
"""Where no unit is known: share of all lines, and lines, from which on a template is worth lowering."""

_EDGE = re.compile(r"(?i:\b(?:start|started|starting|begin|end|ended|enter|exit|done)\b)")
_KEPT = ("WARNING", "ERROR", "CRITICAL")


class Saving(Record):
    """One change: the template, what to do, why, and the lines that it saves."""

    template: Template
    kind: str
    fix: tuple[str, ...]
    lines: int


def propose(survey: Survey) -> tuple[Saving, ...]:
    """Return what to change, by the lines that it saves. Warnings and errors stay."""
    units = survey.unit.units if survey.unit is not None else 0
    found = (_judge(template, survey.lines, units) for template in survey.templates if template.level not in _KEPT)
    return tuple(sorted(filter(None, found), key=lambda saving: -saving.lines))


def _judge(template: Template, lines: int, units: int) -> Saving | None:
    if not template.example:
        return None
    library = find_library(template.logger, template.example)
    if library is not None:
        return Saving(template, "library", mute_lines(library), template.lines)
    if template.level == "DEBUG":
        return Saving(template, "debug", ("LOG_LEVEL=INFO",), template.lines)
    if template.quiet and template.quiet * 2 >= template.looked:
        saved = template.lines * template.quiet // template.looked
        return Saving(template, "nothing", ("log it only when something was found",), saved)
    if units:
        most = PAIRED if _EDGE.search(template.text) else OFTEN
        is_often = template.events > most * units
    else:
        is_often = template.lines >= LEAST and template.lines >= SHARE * lines
    return (
        Saving(template, "often", ("logger.debug(…), and one line with the count at the end",), template.lines)
        if is_often
        else None
    )
