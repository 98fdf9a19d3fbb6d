"""`memguard check`: all hooks over one folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from memguard_hooks import __main__ as memguard


def test_all_hooks_judge_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "requirements.txt").write_text("litellm>=1\ntorch==2.13.0\n", encoding="utf-8")
    (tmp_path / "main.py").write_text("import pandas\n\nprint(pandas)\n", encoding="utf-8")
    (tmp_path / "Procfile").write_text("web: python main.py\n", encoding="utf-8")
    assert memguard.main(["check", "--limit", "50MiB", str(tmp_path)]) == 1
    codes = [line.split()[1] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert codes == ["MG301", "MG201", "MG101", "MG110"]


@pytest.mark.parametrize("name", [pytest.param("nowhere", id="missing"), pytest.param("a.py", id="file")])
def test_a_path_that_is_no_folder_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (tmp_path / "a.py").write_text("import pandas\n", encoding="utf-8")
    with pytest.raises(SystemExit) as exit_:
        memguard.main(["check", str(tmp_path / name)])
    assert exit_.value.code == 2
    assert "no such folder" in capsys.readouterr().err
