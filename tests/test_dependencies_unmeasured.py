"""Packages that nobody measured, and what they are known to require."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from memguard_hooks.app.estimate import REQUIRED_SHARE, Root, add_up
from memguard_hooks.catalog import lookup
from memguard_hooks.commands.check import main
from memguard_hooks.dependencies.requirement import normalize_name
from memguard_hooks.dependencies.unmeasured import known_required

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def test_the_table_names_what_was_measured_of_what_was_not() -> None:
    measured = lookup.distributions().keys()
    for name, heavy in known_required().items():
        assert name == normalize_name(name)
        assert name not in measured
        assert heavy <= measured


def test_a_package_that_requires_torch_is_not_told_to_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Torch alone takes 507 MiB; an unknown package by itself counts 3."""
    (tmp_path / "requirements.txt").write_text("flask\ngunicorn\neasyocr\n", encoding="utf-8")
    (tmp_path / "main.py").write_text("import easyocr\nimport flask\n\napp = flask.Flask(__name__)\n", encoding="utf-8")
    (tmp_path / "Procfile").write_text("web: gunicorn main:app\n", encoding="utf-8")
    main([str(tmp_path), "--format", "json"])
    (service,) = json.loads(capsys.readouterr().out)["services"]
    (part,) = (one for one in service["parts"] if one["package"] == "easyocr")
    assert part["mib"] > 300


def strange_part(folder: Path, capsys: pytest.CaptureFixture[str], pins: Mapping[str, str]) -> tuple[float, float]:
    """Return what an unknown package counts beside fastapi and openai, and how high the service is told at most, in MiB."""
    if pins:
        lines = [f"{name}=={version}\n" for name, version in pins.items()]
        (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")
    (folder / "main.py").write_text(
        "import openai\nimport strange\nfrom fastapi import FastAPI\n\napp = FastAPI()\n", encoding="utf-8"
    )
    (folder / "Procfile").write_text("web: uvicorn main:app\n", encoding="utf-8")
    main([str(folder), "--format", "json"])
    (service,) = json.loads(capsys.readouterr().out)["services"]
    return sum(one["mib"] for one in service["parts"] if one["package"] == "strange"), service["estimate_mib"]["high"]


PINNED = {"fastapi": "0.163.2", "openai": "3.54.0", "uvicorn": "0.54.0"}


def test_what_nothing_known_brings_counts_for_what_nobody_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of all that is installed has scipy and pandas, and only the unknown package can have brought them."""
    brought = {name: "1.0" for pinned in PINNED for name in lookup.installed_with(pinned)}
    everything = {**brought, "scipy": "1.17.1", "pandas": "2.3.3", "strange": "1.0", **PINNED}
    counted, high = strange_part(tmp_path, capsys, everything)
    assert 40 < counted < 90
    listed, as_high = strange_part(tmp_path, capsys, {**PINNED, "scipy": "1.17.1", "pandas": "2.3.3", "strange": "1.0"})
    assert listed < 10  # who lists what the app itself asks for may have pandas for another program
    assert abs(as_high - high) < 0.1 * high


def test_what_a_lock_knows_to_require_nothing_brings_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\ndependencies = ["fastapi", "openai", "scipy", "strange", "uvicorn"]\n',
        encoding="utf-8",
    )
    unlocked = strange_part(tmp_path, capsys, {})[1]
    packages = [
        f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://pypi.org/simple" }}\n'
        for name, version in {**PINNED, "scipy": "1.17.1", "strange": "1.0"}.items()
    ]
    (tmp_path / "uv.lock").write_text("\n".join(["version = 1\n", *packages]), encoding="utf-8")
    assert strange_part(tmp_path, capsys, {})[1] < unlocked - 20


def as_pipfile(folder: Path, pins: Mapping[str, str]) -> None:
    (folder / "Pipfile").write_text("[packages]\n" + "".join(f'{name} = "*"\n' for name in pins), encoding="utf-8")
    locked = {"_meta": {"pipfile-spec": 6}, "default": {name: {"version": f"=={one}"} for name, one in pins.items()}}
    (folder / "Pipfile.lock").write_text(json.dumps(locked), encoding="utf-8")


def as_pylock(folder: Path, pins: Mapping[str, str]) -> None:
    packages = (f'[[packages]]\nname = "{name}"\nversion = "{version}"\n' for name, version in pins.items())
    text = "\n".join(['lock-version = "1.0"\ncreated-by = "uv"\n', *packages])
    (folder / "pylock.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("write", [as_pipfile, as_pylock])
def test_a_lock_that_does_not_say_what_requires_what_counts_as_a_list_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], write: Callable[[Path, Mapping[str, str]], None]
) -> None:
    brought = {name: "1.0" for pinned in PINNED for name in lookup.installed_with(pinned)}
    heavy = {"scipy": "1.17.1", "pandas": "2.3.3", "strange": "1.0"}
    (tmp_path / "listed").mkdir()
    listed, high = strange_part(tmp_path / "listed", capsys, {**brought, **heavy, **PINNED})
    for pins in ({**brought, **heavy, **PINNED}, {**heavy, **PINNED}):  # a lock has all, also where it is short
        folder = tmp_path / f"locked{len(pins)}"
        folder.mkdir()
        write(folder, pins)
        counted, as_high = strange_part(folder, capsys, {})
        assert counted == pytest.approx(listed, rel=0.05)
        assert as_high == pytest.approx(high, rel=0.1)


@pytest.mark.parametrize("share", [0.5, REQUIRED_SHARE])
def test_whether_a_requirement_is_known_is_told_apart_from_how_much_of_it_counts(share: float) -> None:
    brings = tuple(filter(None, [lookup.find("scipy")]))
    known = Root("strange", None, (), "unknown", brings=brings, share=share)
    for root, verb in ((known, "requires"), (known._replace(is_required=False), "may require")):
        told = [part.provenance for part in add_up(lookup.interpreter(None), [root])[0] if part.package == "strange"]
        assert told == [f"nobody measured it; it {verb} scipy"]
