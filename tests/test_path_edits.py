"""Folders that a program puts on `sys.path` itself are looked in, as the program does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.app import path_edits
from memguard_hooks.hooks import memory_budget

EDITS = [
    pytest.param("sys.path.append('..')", id="from where it starts"),
    pytest.param("sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))", id="join"),
    pytest.param("sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))", id="dirname twice"),
    pytest.param("sys.path.insert(0, str(Path(__file__).parent.parent))", id="parent"),
    pytest.param("sys.path.insert(0, str(Path(__file__).resolve().parents[1]))", id="parents"),
    pytest.param("HERE = Path(__file__).resolve().parent\nsys.path.append(str(HERE.parent))", id="a name"),
    pytest.param("if str(Path(__file__).parent.parent) not in sys.path:\n"
                 "    sys.path.append(str(Path(__file__).parent.parent))", id="where it is not there"),
    pytest.param("site.addsitedir(os.path.join(os.path.dirname(__file__), os.pardir))", id="site"),
]  # fmt: skip


def told(capsys: pytest.CaptureFixture[str]) -> set[str]:
    capsys.readouterr()
    memory_budget.main(["--format", "json"])
    (service,) = json.loads(capsys.readouterr().out)["services"]
    return {one["package"] for one in service["parts"]}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("is_apart", [False, True], ids=["in the program", "in a file that it imports"])
def test_what_a_program_puts_on_its_path_is_found(
    *, edit: str, is_apart: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = f"import os, site, sys\nfrom pathlib import Path\n{edit}\n"
    write(tmp_path, {
        "Procfile": "web: cd backend/app && python main.py\n",
        "requirements.txt": "lxml\n",
        "backend/app/main.py": f"{'import os, paths' if is_apart else head}\nimport shared.loads\n",
        "backend/app/paths.py": head,
        "backend/shared/loads.py": "import lxml.etree\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert "lxml.etree" in told(capsys)
    stand_in = {"lxml/__init__.py": "", "lxml/etree.py": "print('it is there')\n"}
    write(tmp_path, {f"backend/app/{path}": text for path, text in stand_in.items()})
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=tmp_path / "backend/app", capture_output=True, text=True, check=True
    )
    assert done.stdout == "it is there\n"


def test_what_leaves_the_repository_or_nobody_knows_is_no_folder_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {
        "Procfile": "web: python app/main.py\n",
        "requirements.txt": "lxml\n",
        "app/main.py": "import os, sys\nsys.path.append('../../..')\nsys.path.append(os.environ['HERE'])\n"
        "sys.path.append('/opt')\nsys.path.append(3)\nsys.path.append(*sys.argv)\nimport loads\n",
        "loads.py": "import lxml.etree\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert "lxml.etree" not in told(capsys)


def test_names_of_imports_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(path_edits, "MAX_READ", 5)
    write(tmp_path, {"main.py": f"import litellm{', a' * 6}\n", "Procfile": "web: python main.py\n"})
    monkeypatch.chdir(tmp_path)
    assert memory_budget.main([]) == 2
    assert "main.py: error: has more than 5 commas in its imports" in capsys.readouterr().err
