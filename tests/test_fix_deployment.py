"""`memguard fix` on starts and variables: what it writes into deployment files, and what it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import commit, git, write

from memguard_hooks.commands import fix

APP = "import pandas\nimport sklearn\nfrom flask import Flask\napp = Flask(__name__)\nX = pandas.DataFrame()\nY = sklearn\n"
MANIFEST = "pandas==2.2.3\nscikit-learn==1.5.2\nflask==3.1.0\ngunicorn==23.0.0\n"
RENDER = "services:\n  - type: web\n    name: api\n    runtime: python\n    plan: free\n    buildCommand: pip install .\n"
IMAGE = "FROM python:3.12-slim\nENV PYTHONDONTWRITEBYTECODE=1\nRUN uv pip install --system -r requirements.txt\nCOPY . .\n"
COMPOSE = (
    "services:\n  web:\n    build: .\n    mem_limit: 400m\n    command:\n      - gunicorn\n      - app:app\n      - -w\n"
)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        pytest.param(
            "Procfile", "web: gunicorn app:app --workers $(nproc)\n", "web: gunicorn app:app --workers 2\n", id="number"
        ),
        pytest.param(
            "Procfile",
            "web: gunicorn app:app -w 4 --max-requests 1000\n",
            "web: gunicorn --preload app:app -w 4 --max-requests 1000 --max-requests-jitter 100\n",
            id="jitter-and-preload",
        ),
        pytest.param("Procfile", "web: gunicorn app:app -w 30\n", "web: gunicorn --preload app:app -w 3\n", id="fewer"),
        pytest.param(
            "Dockerfile",
            f'{IMAGE}CMD ["gunicorn", "app:app", "-w", "4"]\n',
            IMAGE.replace("CODE=1\n", "CODE=1\nENV UV_COMPILE_BYTECODE=1\n")
            + 'CMD ["gunicorn", "--preload", "app:app", "-w", "4"]\n',
            id="list-and-bytecode",
        ),
        pytest.param(
            "docker-compose.yml",
            f"{COMPOSE}      - '4'\n",
            f"{COMPOSE}      - '4'\n".replace("- gunicorn\n", "- gunicorn\n      - --preload\n").replace(
                "  web:\n",
                '  web:\n    logging:\n      driver: json-file\n      options: {max-size: "10m", max-file: "3"}\n',
            ),
            id="list-of-lines",
        ),
        pytest.param(
            "render.yaml",
            f"{RENDER}    startCommand: gunicorn app:app\n    envVars:\n      - key: PYTHONUNBUFERED\n        value: '1'\n"
            "      - key: MALLOC_ARENA_MAX\n        value: none\n",
            f"{RENDER}    startCommand: gunicorn app:app\n    envVars:\n      - key: PYTHONUNBUFFERED\n        value: '1'\n"
            '      - key: MALLOC_ARENA_MAX\n        value: "2"\n',
            id="variables",
        ),
        pytest.param("Procfile", "web: gunicorn app:app -w 4 --preload\r\n", None, id="nothing-to-do"),
        pytest.param("Procfile", "web: ./start.sh gunicorn\n", None, id="no-known-program"),
    ],
)
def test_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, before: str, after: str | None) -> None:
    monkeypatch.chdir(tmp_path)
    image = {"Dockerfile": "FROM python:3.12-slim\nRUN pip install -r requirements.txt\nCOPY . .\n"}
    beside = image if path == "docker-compose.yml" else {}
    commit(tmp_path, {"app.py": APP, "requirements.txt": MANIFEST, **beside, path: before})
    fix.main([])
    assert (tmp_path / path).read_bytes().decode() == (after or before)
    assert fix.main([]) in (0, 1)
    assert (tmp_path / path).read_bytes().decode() == (after or before)  # and once more, nothing
    assert git(tmp_path, "diff", "--name-only") == (path if after else "")


def test_only_files_that_were_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"app.py": APP, "requirements.txt": MANIFEST, "Procfile": "web: gunicorn app:app --workers $(nproc)\n"}
    commit(tmp_path, files)
    fix.main(["requirements.txt"])
    assert git(tmp_path, "diff", "--name-only") == ""
    fix.main(["Procfile"])
    assert git(tmp_path, "diff", "--name-only") == "Procfile"


def test_changes_that_are_not_staged_are_not_mixed_with_a_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    commit(tmp_path, {"app.py": APP, "requirements.txt": MANIFEST, "Procfile": "web: gunicorn app:app\n"})
    write(tmp_path, {"Procfile": "web: gunicorn app:app --workers $(nproc)\n"})
    assert fix.main([]) == 2
    assert "Procfile: has changes that are not staged" in capsys.readouterr().err.replace("error: ", "")
    fix.main(["--force"])
    assert (tmp_path / "Procfile").read_text(encoding="utf-8") == "web: gunicorn app:app --workers 2\n"
