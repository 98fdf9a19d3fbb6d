"""Annotations are read back by the rules of GitHub's runner (actions/runner, ActionCommand.cs, read 2026-11-22)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memguard_hooks.finding import MIB, Finding, Report, Skipped, Step
from memguard_hooks.hooks.all_hooks import check
from memguard_hooks.output import visible
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.report.github import most_severe_first, render
from memguard_hooks.tree import WorkTree

COMMANDS = {"error", "warning", "notice", "add-mask", "stop-commands", "set-env", "set-output", "add-path", "debug", "group"}


class Command(NamedTuple):
    """What the runner takes a line for."""

    name: str
    properties: dict[str, str]
    message: str


def unescape(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for escape, char in pairs:
        text = text.replace(escape, char)
    return text


IN_MESSAGE = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
IN_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))


def read_line(line: str) -> Command | str:
    """Read one line as the runner does: a command, or text for the log."""
    text = line.lstrip()
    end = text.find("::", 2)
    if not text.startswith("::") or end < 0:
        return line
    name, _, rest = text[2:end].partition(" ")
    if name not in COMMANDS:
        return line
    properties: dict[str, str] = {}
    for pair in rest.strip().split(","):
        key, _, value = pair.partition("=")
        # Empty entries are removed, so that no value begins with the sign that parts it from its key.
        value = value.lstrip("=")
        if key and value:
            properties[key] = unescape(value, IN_PROPERTY)
    return Command(name, properties, unescape(text[end + 2 :], IN_MESSAGE))


def read(output: str) -> list[Command]:
    lines = re.split(r"\r\n|\r|\n", output)
    assert lines.pop() == ""
    commands = [read_line(line) for line in lines]
    assert all(isinstance(command, Command) for command in commands), commands
    return [command for command in commands if isinstance(command, Command)]


TRICKS = (
    "::",
    "%0A",
    "%250A",
    "\n::add-mask::x",
    "\r\n::stop-commands::x\n",
    ",line=1",
    "=",
    ":",
    "%",
    "##[error]",
    "é ",
    "\u2028",
)
odd = st.lists(st.sampled_from(TRICKS) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1).map(
    "".join
)
places = st.integers(1, 10**6)
steps = st.lists(st.builds(Step, odd, places, odd), max_size=3).map(tuple)
findings = st.builds(
    Finding,
    path=odd,
    line=places,
    column=places,
    code=st.sampled_from(["MG101", "MG201", "MG301"]),
    message=odd,
    hook=st.just("a-hook"),
    subject=odd,
    severity=st.sampled_from(["error", "warning"]),
    cost=st.none() | st.integers(0, 2**40),
    chain=steps,
    fix=st.lists(odd, max_size=3).map(tuple),
    end_line=st.none() | places,
)
gaps = st.builds(Skipped, path=odd, line=st.none() | places, reason=odd, broken=st.booleans())


def file_of(command: Command) -> str | None:
    file = command.properties.get("file")
    return file[2:] if file is not None and file.startswith("./=") else file


@settings(deadline=None, max_examples=60)
@given(st.lists(findings, max_size=4).map(tuple), st.lists(gaps, max_size=3).map(tuple))
def test_the_runner_reads_what_was_found(found: tuple[Finding, ...], skipped: tuple[Skipped, ...]) -> None:
    commands = read(render(Report(found, (), skipped)))
    broken = [one for one in skipped if one.broken]
    told, gaps_told = (
        commands[len(broken) : len(broken) + len(found)],
        commands[: len(broken)] + commands[len(broken) + len(found) :],
    )
    for command, finding in zip(told, most_severe_first(found), strict=True):
        assert command.name == finding.severity
        assert file_of(command) == (visible(finding.path) if finding.path != "." else None)
        assert command.properties["line"] == str(finding.line)
        assert command.properties["title"].startswith(f"{finding.code}: ")
        assert command.message.startswith(visible(finding.message))
        assert command.message.endswith("\n".join(map(visible, finding.fix)))
        last = int(command.properties["endLine"])
        assert last == max(finding.line, finding.end_line or 0)
        assert command.properties.get("col") == (str(finding.column) if last == finding.line else None)
        assert set(command.properties) <= {"file", "line", "endLine", "col", "title"}
    for command, gap in zip(gaps_told, [*broken, *(one for one in skipped if not one.broken)], strict=True):
        assert command.name == ("error" if gap.broken else "notice")
        assert file_of(command) == (visible(gap.path) if gap.path != "." else None)
        assert command.properties.get("line") == (None if gap.line is None else str(gap.line))
        assert command.message == visible(gap.reason)


def finding(code: str, severity: str, cost: int | None, path: str = "app.py", line: int = 1) -> Finding:
    assert severity in {"error", "warning"}
    return Finding(
        path, line, 1, code, f"{code} in {path}", "a-hook", "x", "error" if severity == "error" else "warning", cost
    )


def test_what_is_at_fault_and_the_dearest_come_first() -> None:
    found = (
        finding("MG201", "warning", 900 * MIB),
        finding("MG101", "error", None),
        finding("MG201", "error", 5 * MIB, "b.py"),
        finding("MG201", "error", 5 * MIB, "a.py"),
        finding("MG301", "error", 600 * MIB),
    )
    skipped = (Skipped("lib.py", 3, "computed name"), Skipped("pyproject.toml", 2, "no TOML", broken=True))
    commands = read(render(Report(found, (), skipped)))
    assert [(one.name, one.properties["file"], one.message) for one in commands] == [
        ("error", "pyproject.toml", "no TOML"),
        ("error", "app.py", "MG301 in app.py"),
        ("error", "a.py", "MG201 in a.py"),
        ("error", "b.py", "MG201 in b.py"),
        ("error", "app.py", "MG101 in app.py"),
        ("warning", "app.py", "MG201 in app.py"),
        ("notice", "lib.py", "computed name"),
    ]
    assert render(Report(tuple(reversed(found)), (), skipped)) == render(Report(found, (), skipped))


def test_a_chain_and_a_fix_of_several_lines_stay_in_one_annotation() -> None:
    chain = (Step("main.py", 3, "app.api"), Step("app/api.py", 7, "pandas"))
    one = finding("MG201", "error", 59 * MIB)._replace(chain=chain, fix=("defer it", "or drop it"))
    (command,) = read(render(Report((one,))))
    assert command.message == "MG201 in app.py\nimport path: main.py:3 → app/api.py:7 → pandas\nfix: defer it\nor drop it"
    assert command.properties["title"] == "MG201: a heavy module is loaded at start"


def test_a_name_that_is_no_utf_8_can_be_written() -> None:
    output = render(Report((finding("MG201", "error", None, "b\udcffd.py"),)))
    (command,) = read(output.encode("utf-8").decode("utf-8"))
    assert command.properties["file"] == "b\\udcffd.py"


def test_nothing_found_says_nothing() -> None:
    assert render(Report()) == ""


@pytest.mark.parametrize("name", ["plain.py", "a,line=9.py", "a::error::b.py", "100%0A.py", "=x.py", "é ü.py"])
def test_a_real_check_over_a_hostile_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "requirements.txt").write_text("pandas==2.2.3\n", encoding="utf-8")
    (tmp_path / name).write_text('"""A file."""\nimport pandas\n\n\ndef use():\n    return pandas\n', encoding="utf-8")
    tree = WorkTree(str(tmp_path))
    settings, _ = load(tree, None)
    report = check(Project(tree, settings))
    assert [(one.path, one.line, one.code) for one in report.findings] == [(name, 2, "MG201")]
    command = next(one for one in read(render(report)) if one.name == "error")
    assert (file_of(command), command.properties["line"]) == (name, "2")
