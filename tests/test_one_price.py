"""One output names one version and one figure of a package, or says in words that it means another."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from folders import commit

from memguard_hooks import __main__ as memguard

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

CASES: dict[str, dict[str, str]] = {
    "declared and imported": {
        "requirements.txt": "torch==2.5.1\ntransformers==4.44.2\nflask==3.0.3\n",
        "Procfile": "web: python app.py\n",
        "app.py": "import flask\nimport torch\nimport transformers\nprint(flask, torch, transformers)\n",
    },
    "an older version, imported by nobody": {
        "requirements.txt": "anthropic==0.40.0\nflask==3.0.3\n",
        "Procfile": "web: python app.py\nworker: python worker.py\n",
        "app.py": "import flask\nprint(flask)\n",
        "worker.py": "print()\n",
    },
    "an older version, imported": {
        "requirements.txt": "anthropic==0.40.0\npandas==1.5.3\n",
        "Procfile": "web: python app.py\n",
        "app.py": "import anthropic\nimport pandas\nprint(anthropic, pandas)\n",
    },
}

_FINDING = re.compile(
    r"MG(?:20[123]|11[01]) .*?([\d.]+) MiB (?:with what it brings|when (?:[\w.]+ is )?imported) \(([\w.-]+) ([\w.+]+)\)"
)
_UNUSED = re.compile(r"MG121 (\S+) .*?\(([\d.]+) MiB once it is imported\)")
_ROW = re.compile(r"^ +[\d.]+ MiB  ([\w.]+) (\d[\w.+]*)(?: |$)", re.MULTILINE)


def say(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    memguard.main(["check", "--table"])
    return capsys.readouterr().out


def check_prices(said: str) -> None:
    """Each package has one version, also in the table, and one figure in all findings that name it."""
    prices: dict[str, set[tuple[str, str]]] = {}
    versions: dict[str, set[str]] = {}
    for size, name, version in _FINDING.findall(said):
        prices.setdefault(name, set()).add((size, version))
        versions.setdefault(name, set()).add(version)
    for name, size in _UNUSED.findall(said):
        assert all(size == known for known, _ in prices.get(name, ())), said
    for module, version in _ROW.findall(said):
        versions.setdefault(module.replace("_", "-").partition(".")[0], set()).add(version)
    assert {name: found for name, found in prices.items() if len(found) > 1} == {}, said
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}, said


@pytest.mark.parametrize("name", CASES)
def test_a_package_has_one_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    commit(tmp_path, CASES[name])
    monkeypatch.chdir(tmp_path)
    said = say(capsys)
    assert "MG" in said
    check_prices(said)


@pytest.mark.parametrize("example", ["oom-bot", "lean-bot"])
def test_a_package_has_one_price_in_an_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], example: str
) -> None:
    shutil.copytree(EXAMPLES / example, tmp_path / example)
    commit(tmp_path / example)
    monkeypatch.chdir(tmp_path / example)
    check_prices(say(capsys))


def test_what_nothing_imports_costs_what_its_declared_version_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = CASES["an older version, imported"]
    commit(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    found = {name: size for size, name, _ in _FINDING.findall(say(capsys))}
    commit(tmp_path, CASES["an older version, imported by nobody"])
    unused = dict(_UNUSED.findall(say(capsys)))
    assert unused["anthropic"] == found["anthropic"]
