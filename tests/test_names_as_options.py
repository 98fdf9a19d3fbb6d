"""Names of files that are options: pre-commit hands them over as they are, and a stranger chooses them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from folders import write

HOOKS = (
    "pin_litellm",
    "forbid_heavy_deps",
    "no_eager_heavy_imports",
    "memory_budget",
    "deploy_config",
    "python_runtime",
    "log_volume",
)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("name", ["-h", "--help", "--fail-on=never", "--config=a.py"])
def test_no_name_of_a_file_switches_a_hook_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hook: str, name: str
) -> None:
    write(tmp_path, {"main.py": "import litellm\n", "Procfile": "web: gunicorn main:app\n", "a.py": "", name: ""})
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(f"memguard_hooks.hooks.{hook}")
    with pytest.raises(SystemExit) as ended:
        module.main(["main.py", name])
    assert ended.value.code == 2
    assert f"{name} is an option and the name of a file" in capsys.readouterr().err
