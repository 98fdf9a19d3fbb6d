"""What the tests take from a machine, asked of the real pip and the real uv."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import machine
import pytest


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """Return a folder with two versions of one package."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        about = f"demo-{version}.dist-info"
        with zipfile.ZipFile(folder / f"demo-{version}-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\n")
            archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{about}/RECORD", "")
    return folder


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}


def installed(*command: str, target: Path, environment: dict[str, str]) -> list[str]:
    """Install the package into a folder, and return which versions lie there."""
    done = subprocess.run(
        [*command, "install", "--target", str(target), "demo"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [path.name for path in target.glob("demo-*")]


def test_pip_finds_what_the_machine_says_without_its_constraints(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "constraints.txt").write_text("demo<2\n", encoding="utf-8")
    (tmp_path / "pip").mkdir()
    settings = f"[global]\nno-index = true\nfind-links = {wheels}\n[install]\nconstraint = {tmp_path / 'constraints.txt'}\n"
    (tmp_path / "pip" / "pip.conf").write_text(settings, encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    pip = (sys.executable, "-m", "pip", "--quiet")
    assert installed(*pip, target=tmp_path / "theirs", environment=dict(os.environ)) == ["demo-1.0.dist-info"]
    ours = {**os.environ, **machine.pip_variables()}
    assert installed(*pip, target=tmp_path / "ours", environment=ours) == ["demo-2.0.dist-info"]


def test_a_variable_of_pip_beats_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "pip.conf").write_text("[global]\ntimeout = 1\n[install]\ntimeout = 2\n", encoding="utf-8")
    monkeypatch.delenv("PIP_CONFIG_FILE")
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert machine.pip_variables()["PIP_TIMEOUT"] == "2"
    monkeypatch.setenv("PIP_TIMEOUT", "3")
    assert machine.pip_variables()["PIP_TIMEOUT"] == "3"


def test_uv_finds_what_the_machine_says_without_its_constraints(wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    settings = f"constraint-dependencies = ['demo<2']\noffline = true\nfind-links = ['{wheels}']\n"
    (tmp_path / "uv" / "uv.toml").write_text(settings, encoding="utf-8")
    environment = {**clean(), "XDG_CONFIG_DIRS": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "none"), "UV_OFFLINE": "1"}
    uv = (sys.executable, "-m", "uv", "--quiet", "pip")
    assert installed(*uv, target=tmp_path / "theirs", environment=environment) == ["demo-1.0.dist-info"]
    ours = {**environment, **machine.uv_variables(environment)}
    assert installed(*uv, target=tmp_path / "ours", environment=ours) == ["demo-2.0.dist-info"]


def test_indexes_of_uv_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "uv.toml"
    path.write_text(
        "native-tls = true\nexclude-newer = '2020-01-01'\n"
        "[[index]]\nname = 'near'\nurl = 'file:///near'\n[[index]]\nurl = 'file:///main'\ndefault = true\n"
        "[pip]\nextra-index-url = ['file:///a', 'file:///b']\nresolution = 'lowest'\n",
        encoding="utf-8",
    )
    found = machine.uv_variables({"UV_CONFIG_FILE": str(path), "UV_EXTRA_INDEX_URL": "file:///c", "UV_RESOLUTION": "lowest"})
    assert found == {
        "UV_NO_CONFIG": "1",
        "UV_NATIVE_TLS": "true",
        "UV_INDEX": "near=file:///near",
        "UV_DEFAULT_INDEX": "file:///main",
        "UV_EXTRA_INDEX_URL": "file:///c",
    }


def test_no_test_sees_a_constraint_of_the_machine() -> None:
    assert os.environ["PIP_CONFIG_FILE"] == os.devnull
    unwanted = {"PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE_NEWER"}
    assert not unwanted & set(os.environ)
