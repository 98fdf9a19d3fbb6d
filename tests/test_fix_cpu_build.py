"""`memguard fix`: torch comes in the build for CPUs, from an index that pip, uv or Poetry is told of."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import write

from memguard_hooks.commands.fix import main
from memguard_hooks.hooks import forbid_heavy_deps

CPU = "https://download.pytorch.org/whl/cpu"
UV_INDEX = f'[[tool.uv.index]]\nname = "cpu"\nurl = "{CPU}"\nexplicit = true\n'
PROJECT = '[project]\nname = "app"\nversion = "1"\ndependencies = ["torch==2.8.0"]\n'
POETRY = '[tool.poetry]\nname = "app"\n\n[tool.poetry.dependencies]\npython = "^3.11"\n{}\n'
SOURCE = f'\n[[tool.poetry.source]]\nname = "cpu"\nurl = "{CPU}"\npriority = "explicit"\n'

CASES = [
    pytest.param(
        {"requirements.txt": "flask==3.1.0\r\ntorch==2.8.0\r\n"},
        f"flask==3.1.0\r\n--extra-index-url {CPU}\r\ntorch==2.8.0\r\n",
        id="pip",
    ),
    pytest.param(
        {"pyproject.toml": f"{PROJECT}\n[tool.uv]\npackage = false\n"},
        f'{PROJECT}\n[tool.uv]\npackage = false\n\n[tool.uv.sources]\ntorch = {{ index = "cpu" }}\n\n{UV_INDEX}',
        id="uv",
    ),
    pytest.param(
        {"pyproject.toml": f'{PROJECT}\n[tool.uv.sources]\nlib = {{ path = "lib" }}\n'},
        f'{PROJECT}\n[tool.uv.sources]\ntorch = {{ index = "cpu" }}\nlib = {{ path = "lib" }}\n\n{UV_INDEX}',
        id="uv-with-sources",
    ),
    pytest.param(
        {"pyproject.toml": POETRY.format('torch = "2.8.0"')},
        POETRY.format('torch = { version = "2.8.0", source = "cpu" }') + SOURCE,
        id="poetry",
    ),
    pytest.param(
        {"pyproject.toml": POETRY.format('torch = {version = "2.8.0", optional = false}')},
        POETRY.format('torch = { source = "cpu", version = "2.8.0", optional = false}') + SOURCE,
        id="poetry-table",
    ),
]


@pytest.mark.parametrize(("files", "after"), CASES)
def test_the_build_for_cpus_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: dict[str, str], after: str
) -> None:
    write(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    (name,) = files
    assert main([]) == 1
    assert "rewritten: torch comes in the build for CPUs\n" in capsys.readouterr().err
    assert (tmp_path / name).read_bytes().decode() == after
    assert forbid_heavy_deps.main([]) == 0
    assert main([]) == 0, "once is enough"


KEPT = [
    pytest.param({"Dockerfile": "FROM nvidia/cuda:12.4.1-runtime\n"}, id="an-image-with-cuda"),
    pytest.param({"compose.yaml": "services:\n  app:\n    gpus: all\n"}, id="a-service-with-gpus"),
    pytest.param({"requirements.txt": "torch==2.8.0 --hash=sha256:00\n"}, id="hashes-are-those-of-one-build"),
    pytest.param({"requirements.txt": "torch @ https://example.com/torch-2.8.0-cp311-cp311-linux_x86_64.whl\n"}, id="a-url"),
    pytest.param({"memguard.toml": '[forbid]\nremove = ["torch"]\n'}, id="nobody-forbids-it"),
]


@pytest.mark.parametrize("files", KEPT)
def test_what_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    write(tmp_path, {"requirements.txt": "torch==2.8.0\n"} | files)
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "requirements.txt").read_bytes()
    main([])
    assert (tmp_path / "requirements.txt").read_bytes() == before
