"""`memguard fix --allow`: the comment stands where its file can hold it, and the finding is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import commit, write

from memguard_hooks.commands import check, fix


@pytest.mark.parametrize(
    ("path", "before", "place", "after"),
    [
        pytest.param(
            "requirements.txt", "fastapi\ntorch==2.8.0\n", "requirements.txt:2",
            "fastapi\ntorch==2.8.0  # memguard: allow[MG110] a GPU host\n", id="requirement",
        ),
        pytest.param(
            "requirements.in", "torch", "requirements.in:1", "torch  # memguard: allow[MG110] a GPU host", id="no-end"
        ),
        pytest.param(
            "pyproject.toml", "[project]\nname = 'a'\ndependencies = [\r\n  'torch',\r\n]\r\n", "./pyproject.toml:4",
            "[project]\nname = 'a'\ndependencies = [\r\n  'torch',  # memguard: allow[MG110] a GPU host\r\n]\r\n", id="toml",
        ),
    ],
)  # fmt: skip
def test_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, before: str, place: str, after: str) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {path: before})
    assert fix.main(["--allow", "mg110", "a GPU host", place]) == 0
    assert (tmp_path / path).read_bytes().decode() == after
    assert check.main(["--select", "MG110", "--fail-on", "warning"]) == 0


def test_allow_beside_a_service_that_was_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"requirements.txt": "torch==2.8.0\n", "Procfile": "web: python main.py\n", "main.py": "print()\n"})
    commit(tmp_path)
    write(tmp_path, {"main.py": "import json\n"})
    assert fix.main(["--allow", "MG110", "a GPU host", "requirements.txt:1"]) == 0
    assert (tmp_path / "requirements.txt").read_text() == "torch==2.8.0  # memguard: allow[MG110] a GPU host\n"


def test_above_the_line_where_a_file_knows_no_other_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    start = 'CMD ["gunicorn", "a:app", "--max-requests", "5"]\n'
    write(tmp_path, {"Dockerfile": f"FROM python:3.12\nCOPY . .\n{start}", "a.py": "app = 1\n"})
    assert fix.main(["--allow", "MG405", "tasks leak", "Dockerfile:3"]) == 0
    text = (tmp_path / "Dockerfile").read_text(encoding="utf-8")
    assert text == f"FROM python:3.12\nCOPY . .\n# memguard: allow[MG405] tasks leak\n{start}"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param(["MG110", "why", "requirements.txt:1"], "requirements.txt:1: error: there is no MG110", id="nothing"),
        pytest.param(["MG110", "why", "../x:1"], "../x", id="outside"),
    ],
)
def test_what_cannot_be_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], error: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"requirements.txt": "fastapi\ntorch\n"})
    assert fix.main(["--allow", *arguments]) == 2
    assert error in capsys.readouterr().err
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8") == "fastapi\ntorch\n"


@pytest.mark.parametrize(
    "arguments", [["MG999", "why", "a:1"], ["MG110", " ", "a:1"], ["MG110", "a\nb", "a:1"], ["MG110", "x", "a"]]
)
def test_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        fix.main(["--allow", *arguments])
    assert "error: argument --allow: " in capsys.readouterr().err
