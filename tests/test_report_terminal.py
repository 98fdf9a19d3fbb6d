"""The report for a terminal: what it says, how it fits, and what no name in it can do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memguard_hooks.finding import MIB, Change, Estimate, Figures, Finding, Part, Report, ServiceReport, Skipped, Step, mib

pytest.importorskip("rich")

from rich.cells import cell_len

from memguard_hooks.report import terminal

HOSTILE = "[bold]x[/bold]\x1b[31m\x1b]0;title\x07\u202eevil\r\n:smile:\u2028"

FIGURES = Figures(150 * MIB, 200 * MIB, 256 * MIB, 90 * MIB, 12 * MIB)
ESTIMATE = Estimate(FIGURES, FIGURES, FIGURES._replace(expected=240 * MIB))

STEPS = tuple(Step(f"app/a/long/folder/module_{number}.py", number, f"app.m{number}") for number in range(1, 8))


def _service(name: str = "web", **given: object) -> ServiceReport:
    service = ServiceReport(
        name, "Procfile", 1, "gunicorn app:app -w 2", "app:app", 2, 512 * MIB, "default", "default",
        ESTIMATE, "ok",
        (
            Part("python", "3.12.1", 10 * MIB, 4 * MIB, "catalog", "Python 3.12.1"),
            Part("pandas", "2.2.3", 80 * MIB, 40 * MIB, "catalog", "pandas 2.2.3", (Step("app.py", 3, "pandas"),)),
            Part("tiny", "1", MIB // 2, MIB // 2, "catalog", "tiny 1", (Step("app.py", 4, "tiny"),)),
            Part("strange", None, 2 * MIB, MIB, "assumed", "nobody measured it", (Step("app.py", 5, "strange"),)),
        ),
        (399 * MIB, 450 * MIB),
    )  # fmt: skip
    return service._replace(**given)  # type: ignore[arg-type]


def _hostile() -> Report:
    chain = (*STEPS, Step(f"{HOSTILE}.py", 3, HOSTILE))
    part = Part(HOSTILE, HOSTILE, 90 * MIB, MIB, "assumed", HOSTILE, chain)
    return Report(
        (
            Finding(HOSTILE, 1, 1, "MG201", HOSTILE, "no-eager-heavy-imports", HOSTILE, "error", MIB, chain, (HOSTILE,)),
            Finding(HOSTILE, 1, 1, "MG302", HOSTILE, "memory-budget", "other", "warning", MIB, chain, (HOSTILE,)),
        ),
        (
            _service(HOSTILE, path=HOSTILE, command=HOSTILE, limit_label=HOSTILE, parts=(part,), added=(part,)),
            _service("other", path=HOSTILE, verdict="warning"),
        ),
        (Skipped(HOSTILE, None, HOSTILE), Skipped("名前.py", 3, "does not parse", broken=True)),
        HOSTILE,
    )


def test_a_service_that_fits_is_told_in_full() -> None:
    report = Report((), (_service(),), (Skipped("b.py", 7, "cannot be read"),), "main")
    assert terminal.render(report, width=100, color=False) == (
        """\
web  fits  Procfile:1
  gunicorn app:app -w 2

  █████████████████████████████▓▓▓▓▓▓▓▓▓░░░░░░░░░░░─────────────────────────────────────────────────
                                                                              ╵399      ╵ limit 512╵
  200 of 512 MiB · range 150 to 256 MiB · anonymous 90 MiB
  · once all that is deferred has run 240 MiB · warning from 399 MiB · error from 450 MiB
  · limit 512 MiB (default) · since main +12 MiB

      80 MiB  ████████████████  pandas 2.2.3       app.py:3
      10 MiB  ██                python 3.12.1
     2.0 MiB  ▍                 strange (assumed)  app.py:5
     0.5 MiB  ▏                 1 other
      92 MiB  a process; 200 MiB: 2 processes, shared pages counted once

  nobody measured strange: `memguard measure` does

Skipped
  b.py:7 cannot be read

nothing found
"""
    )


def test_findings_stand_by_severity_and_the_advice_comes_last() -> None:
    chain = (Step("app.py", 1, "a"), Step("a.py", 3, "pandas"))
    fix = ("import pandas inside the function: -80 MiB (app.py:1 → a.py:3 → pandas)", "or start 1 worker")
    over = Finding("Procfile", 1, 6, "MG301", "web: 500 of 512 MiB", "memory-budget", "web", "error", MIB, chain, fix)
    report = Report(
        (
            over._replace(steps=(Change(fix[0], ("a.py:3",)),)),
            Finding("a.py", 2, 1, "MG101", "x is not pinned", "pin-litellm", "x", "warning", fix=("x==1", "(or less)")),
            Finding("a.py", 3, 1, "MG201", "pandas is imported", "a-hook", "pandas", "error", MIB, chain, ("move",)),
        ),
        (_service(estimate=None, verdict="unknown", parts=()),),
        known=3,
    )  # fmt: skip
    assert terminal.render(report, width=72, color=False) == (
        """\
web  not judged  Procfile:1
  gunicorn app:app -w 2

Errors
  Procfile:1:6 MG301 web: 500 of 512 MiB
  a.py:3:1 MG201 pandas is imported
    app.py:1 → a.py:3 → pandas
    fix: move

Warnings
  a.py:2:1 MG101 x is not pinned
    fix: x==1
         (or less)

To get web into its budget
  import pandas inside the function: -80 MiB (app.py:1 → a.py:3 →
    pandas)
  or start 1 worker

2 errors, 1 warning; 3 more known
do this, and it passes:
  1. import pandas inside the function: -80 MiB (app.py:1 → a.py:3 →
     pandas)
"""
    )


def test_what_a_change_adds_is_told_where_no_fix_names_it() -> None:
    added = (Part("pandas", "2.2.3", 80 * MIB, MIB, "catalog", "", STEPS),)
    report = Report((), (_service(added=added, parts=()),), since="origin/main")
    lines = terminal.render(report, width=60, color=False).splitlines()
    at = lines.index("  since origin/main adds")
    assert lines[at + 1 : at + 3] == ["     +80 MiB  pandas 2.2.3", "              app/a/long/folder/module_1.py:1"]
    assert lines[at + 8] == "              → app/a/long/folder/module_7.py:7 → app.m7"
    fix = ("this commit brings pandas",)
    told = Finding("Procfile", 1, 1, "MG303", "web grew", "memory-budget", "web", fix=fix)
    assert "since origin/main adds" not in terminal.render(report._replace(findings=(told,)), width=60)


@pytest.mark.parametrize("width", [40, 60, 80, 84, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = terminal.render(_hostile(), width=width, color=False)
    lines = text.splitlines()
    assert max(cell_len(line) for line in lines) <= min(width, terminal.WIDEST)
    assert [line for line in lines if line != line.rstrip()] == []


def test_names_neither_steer_the_terminal_nor_are_markup() -> None:
    plain, colored = (terminal.render(_hostile(), width=110, color=color) for color in (False, True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain
    assert [char for char in plain if not char.isprintable() and char != "\n"] == []
    assert r"[bold]x[/bold]\x1b[31m\x1b]0;title\x07\u202eevil\r\n:smile:\u2028" in plain


def test_a_long_chain_breaks_before_an_arrow() -> None:
    finding = Finding("a.py", 1, 1, "MG201", "message", "no-eager-heavy-imports", "x", chain=STEPS)
    lines = terminal.render(Report((finding,)), width=80, color=False).splitlines()
    way = lines[2:-2]
    assert len(way) > 1
    assert all(line.startswith("    → ") for line in way[1:])
    assert " ".join(line.strip() for line in way) == " → ".join([*(f"{step.path}:{step.line}" for step in STEPS), "app.m7"])


@pytest.mark.parametrize("width", [40, 44, 60, 80])
def test_no_address_is_broken(width: int) -> None:
    path, url = "backend/application/handlers.py:7", "https://download.example.org/cpu"
    chain = (Step("main.py", 1, "handlers"), Step("backend/application/handlers.py", 7, "torch"))
    fix = ("take the wheel for CPUs", f"or --extra-index-url {url}")
    finding = Finding("requirements.txt", 1, 1, "MG110", "torch", "forbid-heavy-deps", "x", chain=chain, fix=fix)
    torch = Part("torch", "2.15.0", 507 * MIB, 90 * MIB, "catalog", "torch 2.15.0", chain)
    report = Report((finding, finding._replace(line=2, message="y")), (_service(parts=(torch,)),))
    text = terminal.render(report, width=width, color=False)
    assert text.count(path) == text.count(f"→ {path}") == 3
    assert text.count(url) == 2
    assert max(map(cell_len, text.splitlines())) <= width


@pytest.mark.parametrize(
    ("expected", "limit", "filled"),
    [
        pytest.param(256, 512, 49, id="half"),
        pytest.param(0, 512, 0, id="nothing"),
        pytest.param(1024, 512, 98, id="twice"),
        pytest.param(300, None, 98, id="no limit"),
    ],
)
def test_the_bar_is_as_long_as_what_is_expected(expected: int, limit: int | None, filled: int) -> None:
    size = expected * MIB
    estimate = Estimate(*[Figures(size, size, size, size)] * 3)
    service = _service(estimate=estimate, limit=None if limit is None else limit * MIB, bands=None, parts=())
    bar = terminal.render(Report((), (service,)), width=100, color=False).splitlines()[3]
    assert bar.count("█") == filled
    assert cell_len(bar) == 100


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("COLUMNS", "30"), ("TERM", "dumb"), ("FORCE_COLOR", "1")])
def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    before = terminal.render(_hostile(), width=90)
    monkeypatch.setenv(name, value)
    assert terminal.render(_hostile(), width=90) == before


def test_the_example_is_told_whole(checkout: Path) -> None:
    import take_pictures

    assert checkout == take_pictures.ROOT.resolve()
    report = take_pictures.check_example()
    text = terminal.render(report, width=100, color=False)
    (service,) = report.services
    for part in service.parts:
        if part.resident >= MIB:
            assert re.search(rf" {re.escape(mib(part.resident))} MiB .* {re.escape(part.package)} ", text)
    for finding in report.findings:
        assert f"{finding.path}:{finding.line}:{finding.column} {finding.code} " in text
    assert str(checkout) not in text


def test_the_picture_is_up_to_date_and_asks_nobody(checkout: Path) -> None:
    import take_pictures

    assert take_pictures.main(["--check"]) == 0
    text = (checkout / "docs" / "images" / "terminal.svg").read_text(encoding="utf-8")
    assert re.findall(r"https?:[^\"' )]*|@import|@font-face", text) == ["http://www.w3.org/2000/svg"]
    assert (checkout / "docs" / "images" / "report.png").stat().st_size < 300_000
