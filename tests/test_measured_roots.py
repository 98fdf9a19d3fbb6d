"""`memguard.lock` in the estimate: what was measured of the project beats the catalog while versions agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from memguard_hooks.catalog import lock, lookup
from memguard_hooks.catalog.fitting import fit
from memguard_hooks.catalog.lock import Measured, MeasuredPackage, Size
from memguard_hooks.finding import MIB
from memguard_hooks.hooks import memory_budget
from memguard_hooks.project.project import MEASURED

MAIN = "import pandas\n"


def entry(**changes: Any) -> Measured:
    """Return what might have been measured of `import pandas`, with figures that no catalog has."""
    packages = {
        "pandas": MeasuredPackage("pandas", "2.2.3", Size(100 * MIB, 90 * MIB), ("numpy", "re")),
        "numpy": MeasuredPackage("numpy", "2.1.0", Size(30 * MIB, 20 * MIB), ()),
        "re": MeasuredPackage(None, None, Size(MIB, MIB), ()),
        lock.REST: MeasuredPackage(None, None, Size(2 * MIB, 2 * MIB), ()),
        "scipy": MeasuredPackage("scipy", "1.0", Size(70 * MIB, 60 * MIB), ("numpy",)),
    }
    whole = Measured(
        python="3.11.7",
        platform="linux-x86_64",
        date="2026-11-22",
        method="smaps_rollup",
        base=Size(9 * MIB, 3 * MIB),
        total=Size(133 * MIB, 113 * MIB),
        source=len(MAIN),
        first_party=Size(5 * MIB, 4 * MIB),
        packages=packages,
    )
    return whole._replace(**changes)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text(MAIN, "utf-8")
    (tmp_path / "Procfile").write_text("w: python main.py\n", "utf-8")
    (tmp_path / MEASURED).write_text(lock.render({"main.py": entry()}), "utf-8")
    return tmp_path


def judge(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict[str, Any], list[str]]:
    capsys.readouterr()
    memory_budget.main(["--format", "json", *arguments])
    report = json.loads(capsys.readouterr().out)
    return report["services"][0], [one["reason"] for one in report["skipped"]]


def parts(service: dict[str, Any]) -> dict[str, tuple[float, str]]:
    return {one["package"]: (one["mib"], one["source"]) for one in service["parts"]}


def test_the_file_has_one_name() -> None:
    assert lock.FILE == MEASURED


@pytest.mark.usefixtures("root")
def test_what_was_measured_beats_the_catalog(capsys: pytest.CaptureFixture[str]) -> None:
    service, skipped = judge(capsys)
    assert skipped == []
    assert parts(service) == {
        "python": (9.0, "catalog"),
        "pandas": (133.0, "measured"),
        "(first-party)": (5.0, "measured"),
    }
    estimate = service["estimate_mib"]
    assert estimate["expected"] == 147.0
    assert estimate["anonymous"] == 120.0
    assert estimate["high"] - estimate["low"] < 10
    memory_budget.main(["--table"])
    assert re.search(r"\n +133 MiB  pandas 2\.2\.3 \(measured\)  main\.py:1\n", capsys.readouterr().out)


def test_a_new_import_is_the_catalogs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "main.py").write_text("import pandas\nimport boto3\n", "utf-8")
    found = parts(judge(capsys)[0])
    assert found["pandas"] == (133.0, "measured")
    assert found["boto3"][1] == "catalog"
    boto3 = lookup.find("boto3")
    assert boto3 is not None
    assert 3 < found["boto3"][0] <= boto3.resident / MIB


def test_an_import_that_is_gone_counts_no_more(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "main.py").write_text("import numpy  #\n", "utf-8")
    found = parts(judge(capsys)[0])
    assert found["numpy"] == (32.0, "measured")
    assert "pandas" not in found


def test_code_that_has_grown_much_is_assumed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "main.py").write_text(MAIN + "x = 1\n" * 1000, "utf-8")
    assert parts(judge(capsys)[0])["(first-party)"][1] == "assumed"


def test_what_has_moved_is_the_catalogs_and_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "requirements.txt").write_text("pandas==2.1.4\nnumpy==2.1.0\n", "utf-8")
    service, skipped = judge(capsys)
    (reason,) = skipped
    assert reason == (
        "main.py was measured with other versions (pandas 2.2.3 → 2.1.4), where the catalog counts if it knows them: "
        "run `memguard measure` again"
    )
    pandas = lookup.find("pandas", version="2.1.4")
    assert pandas is not None
    fitted = fit(pandas, {"numpy": "2.1.0"}, None)
    assert fitted.resident < pandas.resident  # it was measured beside a numpy of the other major version
    size, source = parts(service)["pandas"]
    assert source == "catalog"
    assert size == pytest.approx(fitted.resident / MIB, abs=1)


def test_what_has_moved_below_a_package_is_said_too(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "requirements.txt").write_text("pandas==2.2.3\nnumpy==1.26.4\n", "utf-8")
    service, skipped = judge(capsys)
    assert "numpy 2.1.0 → 1.26.4" in skipped[0]
    size, source = parts(service)["pandas"]
    assert source == "measured"
    assert 110 < size < 125


@pytest.mark.usefixtures("root")
def test_another_python_is_another_matter(capsys: pytest.CaptureFixture[str]) -> None:
    service, skipped = judge(capsys, "--target-python", "3.13")
    assert skipped == ["main.py was measured on Python 3.11.7, and runs on 3.13: the catalog counts"]
    assert parts(service)["pandas"][1] == "catalog"


def test_another_entry_point_is_not_known(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / MEASURED).write_text(lock.render({"other.py": entry()}), "utf-8")
    service, skipped = judge(capsys)
    assert skipped == []
    assert parts(service)["pandas"][1] == "catalog"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "memguard.lock:1: error: ", id="not JSON"),
        pytest.param('{"schema": 2, "entrypoints": {}}', "memguard.lock:1: error: ", id="of the future"),
        pytest.param('{"schema": 1,\n "entrypoints": 3}', "memguard.lock:2: error: ", id="wrong type"),
    ],
)
def test_a_broken_lock_is_an_error_with_its_place(
    root: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (root / MEASURED).write_text(text, "utf-8")
    assert memory_budget.main([]) == 2
    assert message in capsys.readouterr().err


def test_a_lock_that_is_a_folder_or_leads_out_is_left_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / MEASURED).unlink()
    (root / MEASURED).mkdir()
    assert parts(judge(capsys)[0])["pandas"][1] == "catalog"
    (root / MEASURED).rmdir()
    outside = root.parent / "outside.lock"
    outside.write_text(lock.render({"main.py": entry()}), "utf-8")
    (root / MEASURED).symlink_to(outside)
    service, skipped = judge(capsys)
    assert parts(service)["pandas"][1] == "catalog"
    assert len(skipped) == 1


def test_a_range_on_a_light_package_that_was_measured(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packages = {"certifi": MeasuredPackage("certifi", "2026.1.1", Size(MIB, MIB), ())}
    (root / MEASURED).write_text(lock.render({"main.py": entry(packages=packages)}), "utf-8")
    (root / "main.py").write_text("import certifi\n", "utf-8")
    (root / "requirements.txt").write_text("certifi>=2024,<2027\n", "utf-8")
    assert parts(judge(capsys)[0])["certifi"] == (1.0, "measured")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"base": [9216, 3072]', '"base": [0, 0]', id="no interpreter"),
        pytest.param('"base": [9216, 3072]', '"base": [-100, 3072]', id="less than nothing"),
        pytest.param('"resident": 102400', '"resident": -102400', id="gives back"),
        pytest.param('"resident": 102400', '"resident": 1' + "0" * 400, id="huge"),
        pytest.param('"python": "3.11.7"', '"python": "3.' + "9" * 5000 + '"', id="long version"),
        pytest.param('"python": "3.11.7"', '"python": "2.7"', id="old version"),
    ],
)
def test_figures_that_cannot_be_are_at_fault(root: Path, capsys: pytest.CaptureFixture[str], old: str, new: str) -> None:
    text = lock.render({"main.py": entry()})
    assert old in text
    (root / MEASURED).write_text(text.replace(old, new), "utf-8")
    assert memory_budget.main([]) == 2
    assert re.match(r"memguard\.lock:\d+: error: ", capsys.readouterr().err)


def test_imports_in_a_circle_end(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packages = {
        f"p{number}": MeasuredPackage(None, None, Size(MIB, MIB), (f"p{(number + 1) % 50}",)) for number in range(50)
    }
    (root / MEASURED).write_text(lock.render({"main.py": entry(packages=packages)}), "utf-8")
    (root / "main.py").write_text("import p7\n", "utf-8")
    assert parts(judge(capsys)[0])["p7"] == (50.0, "measured")
