"""What a log comes to, as text, JSON and markdown. No secret of the log is written, nor anything raw."""

from __future__ import annotations

from memguard_hooks.logs import allowed, secrets
from memguard_hooks.logs.savings import Saving, propose
from memguard_hooks.logs.written import find_writers
from memguard_hooks.output import plain, write_json
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memguard_hooks.logs.allowed import AllowedLog
    from memguard_hooks.logs.platforms import LineLimit
    from memguard_hooks.logs.rate import Rate
    from memguard_hooks.logs.survey import Survey
    from memguard_hooks.logs.templates import Template

EXAMPLE = 100
"""Letters of an example that are shown."""
_PERIODS = {1: "second", 60: "minute"}


class Judged(Record):
    """A survey with what it fails, and what would make it shorter."""

    survey: Survey
    platform: str | None
    limit: LineLimit | None
    failures: tuple[str, ...]
    savings: tuple[Saving, ...]
    places: Mapping[str, tuple[str, ...]] = {}
    """Where templates are written in the code, by `key_of`."""

    @property
    def lines_left(self) -> int:
        """Lines that stay after all that is proposed."""
        return self.survey.lines - sum(saving.lines for saving in self.savings)


def judge(
    survey: Survey,
    platform: str | None,
    limit: LineLimit | None,
    budget: int | None,
    rate: tuple[int, int] | None,
    before: AllowedLog | None = None,
) -> Judged:
    """Return what a log fails."""
    failures = []
    if limit is not None and (over := _exceed(survey, limit.lines, limit.period)):
        failures.append(f"{over}; {platform} takes {limit.lines:,} for each replica, and what is beyond is {limit.beyond}")
    if rate is not None and (over := _exceed(survey, *rate)):
        failures.append(f"{over}; --rate allows {rate[0]:,}")
    if budget is not None and survey.unit is not None and survey.lines > budget * survey.unit.units:
        each = _number(survey.lines / survey.unit.units)
        failures.append(f"{each} lines for each {survey.unit.key}; --budget allows {budget:,}")
    if before is not None:
        failures += allowed.judge(before, allowed.measure(survey))
    kinds = {kind for template in survey.templates for kind in template.secrets if kind not in secrets.PERSONAL}
    if kinds:
        failures.append(f"secrets in the log: {', '.join(sorted(secrets.KINDS[kind][0] for kind in kinds))}")
    return Judged(survey, platform, limit, tuple(failures), propose(survey))


def place(judged: Judged, sources: Iterable[tuple[str, bytes]], top: int) -> Judged:
    """Return it with the places in the code of the templates that are shown."""
    templates = [*judged.survey.templates[:top], *(saving.template for saving in judged.savings[:top])]
    shown = {key_of(one): one for one in templates if one.example}
    writers = find_writers(sources, (one.text for one in shown.values()))
    found = {key: writers.find(one.level, one.example) for key, one in shown.items()}
    return judged._replace(places={key: places for key, places in found.items() if places})


def _exceed(survey: Survey, lines: int, period: int) -> str:
    counted = survey.rate if period == 1 else survey.minutes
    periods, beyond = counted.over(lines)
    if not periods or counted.peak is None:
        return ""
    peak, word = counted.peak, f"{_PERIODS[period]}{'s' * (periods > 1)}"
    return f"peak of {peak.lines:,} lines at {_when(peak.second)}, {periods:,} {word} over, {beyond:,} lines beyond"


def _rest(number: int) -> str:
    return f"  and {number:,} other{'' if number == 1 else 's'}"


def render_text(judged: Judged, top: int) -> str:
    """Write it for a terminal."""
    survey = judged.survey
    lines = [*summarize(judged), "", "templates, by share of the lines:"]
    for template in survey.templates[:top]:
        lines.append(f"  {template.lines / survey.lines:6.1%}  {template.lines:>9,}  {title(template)}")
        lines.append(f"          e.g.  {_shorten(template.example)}")
        lines += _written(judged, template, "          ")
    if len(survey.templates) > top:
        lines.append(_rest(len(survey.templates) - top))
    if judged.savings:
        lines += ["", "say less often:"]
        for saving in judged.savings[:top]:
            lines.append(f"  -{saving.lines:,} ({saving.lines / survey.lines:.1%})  {title(saving.template)}")
            lines += [f"      {fix}" for fix in saving.fix]
            lines += _written(judged, saving.template, "      ")
        if len(judged.savings) > top:
            lines.append(_rest(len(judged.savings) - top))
        lines.append(f"  then {left(judged)}")
    for template in _with_secrets(survey):
        lines.append(f"{_kinds(template)}: {title(template)}")
    lines += [f"error: {failure}" for failure in judged.failures]
    return plain(lines)


def _written(judged: Judged, template: Template, indent: str) -> list[str]:
    """Write where a template comes from, in a line, or in none."""
    places = judged.places.get(key_of(template), ())
    return [f"{indent}written in {' or '.join(places)}"] if places else []


def render_markdown(judged: Judged, top: int) -> str:
    """Write it for a comment or a summary."""
    survey = judged.survey
    lines = [*(f"- {text}" for text in summarize(judged)), *(f"- **error**: {_cell(text)}" for text in judged.failures), ""]
    lines += ["| share | lines | template |", "| --: | --: | --- |"]
    lines += [
        f"| {template.lines / survey.lines:.1%} | {template.lines:,} | {_cell(title(template))}{_beside(judged, template)} |"
        for template in survey.templates[:top]
    ]
    if judged.savings:
        lines += ["", "| saves | template | how |", "| --: | --- | --- |"]
        lines += [
            f"| {saving.lines:,} | {_cell(title(saving.template))}{_beside(judged, saving.template)} "
            f"| {'<br>'.join(map(_cell, saving.fix))} |"
            for saving in judged.savings[:top]
        ]
        lines += ["", f"Then {left(judged)}."]
    return plain(lines)


def _beside(judged: Judged, template: Template) -> str:
    places = judged.places.get(key_of(template), ())
    return f"<br>{_cell(', '.join(places))}" if places else ""


def render_json(judged: Judged, top: int) -> str:
    """Write it for programs."""
    survey = judged.survey
    savings = {id(saving.template): saving for saving in judged.savings}
    return write_json(
        {
            "lines": survey.lines,
            "events": survey.events,
            "bytes": survey.bytes,
            "lines_with_time": survey.timed,
            "levels": dict(survey.levels),
            "rate": _rate_of(survey.rate),
            "minutes": _rate_of(survey.minutes),
            "platform": judged.platform,
            "unit": None
            if survey.unit is None
            else {**survey.unit._asdict(), "lines_each": survey.lines / survey.unit.units},
            "lines_left": judged.lines_left,
            "failures": list(judged.failures),
            "templates": [_template_of(judged, template, savings.get(id(template))) for template in survey.templates[:top]],
        }
    )


def _rate_of(rate: Rate) -> dict[str, object] | None:
    if rate.peak is None:
        return None
    return {"mean": round(rate.mean, 3), "p99": rate.p99, "peak": rate.peak.lines, "peak_at": _when(rate.peak.second)}


def _template_of(judged: Judged, template: Template, saving: Saving | None) -> dict[str, object]:
    return {
        "template": secrets.hide(template.text),
        "logger": template.logger,
        "level": template.level,
        "lines": template.lines,
        "events": template.events,
        "bytes": template.bytes,
        "example": _shorten(template.example),
        "secrets": sorted(template.secrets),
        "written": list(judged.places.get(key_of(template), ())),
        "saves": 0 if saving is None else saving.lines,
        "fix": [] if saving is None else list(saving.fix),
    }


def summarize(judged: Judged) -> list[str]:
    """Write what a log comes to as a whole, a line each."""
    survey = judged.survey
    levels = ", ".join(f"{count:,} {level}" for level, count in survey.levels)
    lines = [f"{survey.lines:,} lines, {survey.events:,} events, {survey.bytes / 1e6:.1f} MB: {levels}"]
    if survey.rate.peak is None:
        lines.append("no line has a time that is known: nothing is said of rates")
    else:
        peak = survey.rate.peak
        text = f"{_number(survey.rate.mean)} lines/s, p99 {survey.rate.p99:,}, peak {peak.lines:,} at {_when(peak.second)}"
        if judged.limit is not None:
            text += f" ({judged.platform} takes {judged.limit.lines:,} a {_PERIODS[judged.limit.period]})"
        lines.append(text)
    if survey.unit is not None:
        each = _number(survey.lines / survey.unit.units)
        bound = " or more" if survey.unit.is_bound else ""
        lines.append(f"{each} lines for each {survey.unit.key} ({survey.unit.units:,}{bound})")
    return lines


def left(judged: Judged) -> str:
    """Write what is left after all that is proposed."""
    unit = judged.survey.unit
    text = f"{judged.lines_left:,} lines stay"
    return text if unit is None else f"{text}, {_number(judged.lines_left / unit.units)} for each {unit.key}"


def _with_secrets(survey: Survey) -> list[Template]:
    return [template for template in survey.templates if template.secrets][:20]


def _kinds(template: Template) -> str:
    word = "personal data" if all(kind in secrets.PERSONAL for kind in template.secrets) else "secret"
    names = ", ".join(sorted(secrets.KINDS[kind][0] for kind in template.secrets))
    return f"{word} ({names})"


def key_of(template: Template) -> str:
    """Return what tells a template from all others of a log."""
    return f"{template.logger} {template.level} {template.text}"


def title(template: Template) -> str:
    """Write a template in one line."""
    head = " ".join(part for part in (template.level if template.level != "none" else "", template.logger) if part)
    text = secrets.hide(template.text)[:EXAMPLE]
    return f"{head}: {text}" if head else text


def _shorten(text: str) -> str:
    text = secrets.hide(text[:1000])
    return text if len(text) <= EXAMPLE else f"{text[: EXAMPLE - 1]}…"


def _cell(text: str) -> str:
    """Write text for a cell of a table, in which nothing of it is markup."""
    for mark in "&\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}" if mark not in "<>&" else {"<": "&lt;", ">": "&gt;", "&": "&amp;"}[mark])
    return text


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"


def _when(second: int) -> str:
    import datetime as dt

    return f"{dt.datetime.fromtimestamp(second, dt.timezone.utc):%Y-%m-%d %H:%M:%S}"


FORMATS = {"text": render_text, "json": render_json, "markdown": render_markdown}
