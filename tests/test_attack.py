"""What a stranger writes takes bounded time, and an answer that lacks something says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attack import MAX_MIB, PROJECTS, make, run
from folders import commit, write

from memguard_hooks.commands import check
from memguard_hooks.imports import facts

PROVEN = "import importlib\nimportlib.import_module(%r)\nimport m%d\n"
"""What only libcst can judge."""


Judge = Callable[[], dict[str, str]]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    """Return what checks a folder, and gives the verdict on its service and why files were skipped."""
    monkeypatch.chdir(tmp_path)

    def run() -> dict[str, str]:
        assert check.main(["--format", "json"]) in (0, 1)
        report = json.loads(capsys.readouterr().out)
        return {"verdict": report["services"][0]["verdict"], **{one["path"]: one["reason"] for one in report["skipped"]}}

    return run


def test_time_for_slow_files_is_bounded_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: Judge
) -> None:
    files = {f"m{number}.py": PROVEN % ("pandas", number + 1) for number in range(3)}
    settings = 'limit = "4GiB"\n'
    write(tmp_path, {**files, "m3.py": "import pandas\n", "Procfile": "web: python m0.py\n", "memguard.toml": settings})
    commit(tmp_path)
    monkeypatch.setattr(facts, "SLOW_SECONDS", 0)
    monkeypatch.setattr(facts, "MAX_SLOW_SECONDS", 0)
    first = judge()
    assert first.pop("verdict") == "unknown"
    assert any("this run has spent 20 seconds on files that take long" in reason for reason in first.values())
    runs = 0
    while judge()["verdict"] == "unknown":
        runs += 1
        assert runs < 20
    assert runs > 0
    assert judge() == {"verdict": "ok"}


@pytest.mark.parametrize("name", PROJECTS)
def test_no_project_is_an_attack(tmp_path: Path, name: str) -> None:
    """`tools/attack.py` measures the time as well, with all commands."""
    found = run(sys.executable, ["check", "--format", "github"], make(tmp_path / "project", PROJECTS[name]()))
    assert [fault for fault in found.faults if not fault.endswith(" s")] == []
    assert found.mib <= MAX_MIB
