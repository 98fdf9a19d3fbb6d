"""How much a run says, in which colors and letters, and when it ends: on a terminal and off it."""

# ruff: noqa: RUF001 - Hebrew

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from folders import write

from memguard_hooks import __main__ as memguard
from memguard_hooks.finding import MIB, Finding, Report, Step, chain, shortened
from memguard_hooks.output import ASCII
from memguard_hooks.progress import within
from memguard_hooks.report import Detail

pytest.importorskip("rich")

from memguard_hooks.report import terminal, text

APP = {"requirements.txt": "torch==2.13.0\n", "main.py": "import json\n", "Procfile": "web: python main.py\n"}
COLOR = "\x1b["


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with one finding, and a service that fits; it is the current folder."""
    write(tmp_path, APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """Return what a terminal gets to see of a command."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    environment = {**kept, "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parent.parent), "COLUMNS": "80", **variables}
    with subprocess.Popen(
        [sys.executable, "-m", "memguard_hooks", *arguments], env=environment, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 2**16):
                seen += data
        except OSError:  # the other end is closed, and all is read
            pass
        os.close(ours)
        process.communicate()
    return seen.decode(variables.get("PYTHONIOENCODING", "utf-8")).replace("\r\n", "\n")


@pytest.mark.usefixtures("app")
def test_colors_are_of_terminals_unless_somebody_asks(capsys: pytest.CaptureFixture[str]) -> None:
    assert COLOR not in printed(capsys, "check")
    assert COLOR in printed(capsys, "check", "--color", "always")
    assert COLOR not in printed(capsys, "check", "--color", "never")


@pytest.mark.usefixtures("app")
def test_no_color_keeps_the_layout() -> None:
    colored = on_a_terminal("check")
    assert COLOR in colored
    plain = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert on_a_terminal("check", "--color", "never") == plain
    assert on_a_terminal("check", NO_COLOR="1") == plain
    assert COLOR in on_a_terminal("check", "--color", "always", NO_COLOR="1")


@pytest.mark.usefixtures("app")
def test_a_terminal_without_arrows_gets_signs_of_ascii() -> None:
    shown = on_a_terminal("check", "--color", "never", PYTHONIOENCODING="cp1252")
    utf8 = on_a_terminal("check", "--color", "never")
    assert "█" in utf8
    assert shown == utf8.translate(ASCII)
    assert on_a_terminal("check", "--color", "never", PYTHONIOENCODING="cp437") == shown, "which has no ╵"


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    memguard.main(words)
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "hook"])
@pytest.mark.usefixtures("app")
def test_quiet_is_findings_alone(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert memguard.main([command, "--quiet"]) == 1
    told = capsys.readouterr()
    assert [line[:2] for line in told.out.splitlines() if not line.startswith(" ")] == ["re"]
    assert told.err == ""


@pytest.mark.usefixtures("app")
def test_quiet_tells_what_is_at_fault(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(app, {"requirements.txt": "-r nothing.txt\n"})
    assert memguard.main(["check", "-q"]) == 2
    assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == ["error"]


@pytest.mark.usefixtures("app")
def test_verbose_has_the_table_of_each_service(capsys: pytest.CaptureFixture[str]) -> None:
    assert "MiB  python" not in printed(capsys, "check")
    assert "MiB  python" in printed(capsys, "check", "--verbose")


def found(number: int, path: str = "a.py", **given: object) -> Finding:
    chain = (Step("main.py", number, path), Step(path, number, "pandas"))
    base = Finding(path, number, 1, "MG201", "pandas: 59 MiB", "a-hook", "pandas", "warning", MIB, chain, ("move it",))
    return base._replace(**given)  # type: ignore[arg-type]


def test_a_terminal_tells_alike_findings_once() -> None:
    report = Report((*(found(number) for number in range(1, 8)), found(9, "b.py", message="other", fix=())))
    shown = terminal.render(report, width=80, color=False)
    assert shown == (
        """\
Warnings
  7 places MG201 pandas: 59 MiB
    fix: move it
    a.py:1:1
      main.py:1 → a.py:1 → pandas
    a.py:2:1
      main.py:2 → a.py:2 → pandas
    a.py:3:1
      main.py:3 → a.py:3 → pandas
    a.py:4:1
      main.py:4 → a.py:4 → pandas
    a.py:5:1
      main.py:5 → a.py:5 → pandas
    and 2 more: --show-all
  b.py:9:1 MG201 other
    main.py:9 → b.py:9 → pandas

8 warnings
"""
    )
    whole = terminal.render(report, width=80, color=False, detail=Detail(is_whole=True))
    assert "a.py:7:1" in whole
    assert "more" not in whole


def test_a_place_with_another_fix_has_it_below() -> None:
    report = Report((found(1), found(2), found(3, fix=("delete it",))))
    lines = terminal.render(report, width=80, color=False).splitlines()
    assert [line for line in lines if "fix: " in line] == ["    fix: move it", "      fix: delete it"]
    assert lines.index("      fix: delete it") > lines.index("    a.py:3:1")


def test_elsewhere_each_place_is_a_line() -> None:
    lines = text.render(Report(tuple(found(number) for number in range(1, 8)))).splitlines()
    assert len([line for line in lines if line.startswith("a.py:")]) == 7


def test_a_long_way_is_cut_in_the_middle() -> None:
    steps = tuple(Step(f"m{number}.py", number, "pandas") for number in range(1, 12))
    assert chain(shortened(steps)) == "m1.py:1 → m2.py:2 → m3.py:3 → (5 more) → m9.py:9 → m10.py:10 → m11.py:11 → pandas"
    assert shortened(steps[:7]) == steps[:7], "where one would be left out, it is told"
    report = Report((found(1, chain=steps),))
    for style in (text.render, lambda one, detail: terminal.render(one, width=110, color=False, detail=detail)):
        assert "(5 more)" in style(report, Detail())
        assert "m5.py:5" in style(report, Detail(is_whole=True)).replace("\n", "")


def test_names_from_right_to_left_turn_nothing_beside_them() -> None:
    shown = terminal.render(Report((found(3, "דוח/main.py"),)), width=80, color=False)
    assert "\u2066דוח\u2069/main.py:3:1 MG201" in shown
    assert "main.py:3 → \u2066דוח\u2069/main.py:3 → pandas" in shown
    both = terminal.render(Report((found(3, "דוח/יומי.py"),)), width=80, color=False)
    assert "\u2066דוח\u2069/\u2066יומי.py:3:1\u2069 MG201" in both, "a folder stays before its file"
    plain = text.render(Report((found(3, "דוח/main.py"),)))
    assert plain.startswith("דוח/main.py:3:1: MG201"), "what programs read has the name as it is"


@pytest.mark.parametrize("width", [40, 44, 80, 160, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    report = Report(tuple(found(number, f"{'folder/' * number}דוח.py") for number in range(1, 8)))
    lines = terminal.render(report, width=width, color=False).translate({0x2066: None, 0x2069: None}).splitlines()
    assert max(map(len, lines)) <= min(width, terminal.WIDEST)


@pytest.mark.usefixtures("app")
def test_a_run_that_is_out_of_time_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    late = ".: error: unknown: not done within 1e-06 s, as --timeout asks\n"
    assert memguard.main(["hook", "--timeout", "0.000001"]) == 2
    assert capsys.readouterr() == ("", late)
    assert memguard.main(["check", "--timeout", "0.000001", "--fail-on", "never"]) == 0
    assert capsys.readouterr() == ("", late.replace("error", "skipped"))
    assert memguard.main(["hook", "--timeout", "600"]) == 1
    assert "MG110 torch" in capsys.readouterr().out


def test_work_within_its_time_is_left_alone() -> None:
    assert within(60, lambda: 3) == 3
    with pytest.raises(TimeoutError):
        within(0.01, lambda: time.sleep(60))


@pytest.mark.usefixtures("app")
def test_markdown_links_below_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "check", "--format", "markdown", "--link", "https://example.org/blob/abc/")
    assert "[`requirements.txt:1`](https://example.org/blob/abc/requirements.txt#L1)" in shown
    with pytest.raises(SystemExit):
        memguard.main(["check", "--link", "javascript:alert(1)"])
    assert "must be an address" in capsys.readouterr().err
