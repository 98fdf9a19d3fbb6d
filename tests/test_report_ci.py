"""What CI systems read: GitLab's code quality, JUnit's XML and a badge, each by a parser or by a schema of its format."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from memguard_hooks.finding import MIB, Estimate, Figures, Finding, Report, ServiceReport, Skipped, Step
from memguard_hooks.report import badge, gitlab, junit

GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": "^(\\./|/)"}},
                    "lines": {"type": "object", "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}
"""What GitLab asks of a report, in the words of its page on code quality."""

BADGE = {
    "type": "object",
    "required": ["schemaVersion", "label", "message"],
    "properties": {"schemaVersion": {"const": 1}, "message": {"type": "string", "minLength": 1}},
}
"""What shields.io asks of an endpoint."""

STEPS = (Step("main.py", 2, "a"), Step("a.py", 3, "pandas"))
FOUND = (
    Finding("a.py", 3, 1, "MG201", "pandas: 59 MiB", "a-hook", "pandas", "warning", MIB, STEPS, ("move it",)),
    Finding("a.py", 9, 1, "MG201", "pandas: 59 MiB", "a-hook", "pandas", "warning", MIB, STEPS, ("move it",)),
    Finding("p.txt", 1, 1, "MG110", 'torch <is> "forbidden" & large', "b-hook", "torch", "error", fix=("a", "or b")),
)
GAPS = (Skipped("b.py", 3, "does not parse"), Skipped("c.toml", None, "is no TOML", broken=True))


def service(name: str, size: int, **given: object) -> ServiceReport:
    figures = Figures(size, size, size, size)
    estimate = Estimate(figures, figures, figures)
    found = ServiceReport(name, "Procfile", 1, "x", "x", 1, 512 * MIB, "d", "render free", estimate, "ok")
    return found._replace(**given)  # type: ignore[arg-type]


REPORT = Report(FOUND, (service("web", 60 * MIB), service("worker", 0, estimate=None, reason="it loops")), GAPS)


def test_gitlab_reads_each_finding() -> None:
    issues = json.loads(gitlab.render(REPORT))
    Draft7Validator(GITLAB).validate(issues)
    assert [(one["check_name"], one["severity"]) for one in issues] == [
        ("memguard", "critical"), ("MG110", "major"), ("MG201", "minor"), ("MG201", "minor"),
    ]  # fmt: skip
    assert issues[1]["description"] == 'MG110 torch <is> "forbidden" & large; fix: a; or b'
    assert issues[2]["location"] == {"path": "a.py", "lines": {"begin": 3}}
    assert len({one["fingerprint"] for one in issues}) == 4, "GitLab shows of two that are alike the first"


def test_gitlab_knows_a_finding_again_where_lines_move_and_figures_change() -> None:
    moved = FOUND[0]._replace(line=30, message="pandas: 61 MiB")
    before, after = (json.loads(gitlab.render(Report((one,))))[0]["fingerprint"] for one in (FOUND[0], moved))
    assert before == after


def test_junit_has_a_case_for_each_service_and_finding() -> None:
    root = ET.fromstring(junit.render(REPORT))  # noqa: S314 - of our own
    suite = root[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7", "failures": "1", "errors": "1", "skipped": "2",
    }  # fmt: skip
    told = [(case.get("name"), case[0].tag, case[0].get("message")) for case in suite]
    assert told == [
        ("c.toml", "error", "is no TOML"),
        ("web", "system-out", None),
        ("worker", "skipped", "it loops"),
        ("MG110 torch at p.txt:1", "failure", 'torch <is> "forbidden" & large'),
        ("MG201 pandas at a.py:3", "system-out", None),
        ("MG201 pandas at a.py:9", "system-out", None),
        ("b.py:3: does not parse", "skipped", "does not parse"),
    ]
    assert suite[1][0].text == "\nweb: 60 of 512 MiB (render free)\n"
    assert suite[4][0].text == "\na.py:3:1: pandas: 59 MiB\nimport path: main.py:2 → a.py:3 → pandas\nfix: move it\n"


def test_a_badge_shows_the_service_that_is_nearest_to_its_limit() -> None:
    def told(*services: ServiceReport, skipped: tuple[Skipped, ...] = ()) -> tuple[str, str]:
        value = json.loads(badge.render(Report((), services, skipped)))
        Draft7Validator(BADGE).validate(value)
        return value["message"], value["color"]

    assert told(service("web", 60 * MIB)) == ("60 of 512 MiB", "brightgreen")
    full, empty = service("bot", 600 * MIB, verdict="error"), service("web", 60 * MIB)
    assert told(empty, full) == ("bot: 600 of 512 MiB", "red")
    assert told(empty, service("bot", 0, estimate=None, verdict="unknown")) == ("bot: not judged", "lightgrey")
    assert told(empty, skipped=GAPS) == told() == ("unknown", "lightgrey"), "what could not be read may change it"
