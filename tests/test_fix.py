"""`pin-litellm --fix`: the smallest edit in each format, done once, and never in a lock."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from folders import write
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from memguard_hooks.dependencies import manifests
from memguard_hooks.hooks import pin_litellm
from memguard_hooks.tree import WorkTree


class Outcome(NamedTuple):
    """What one run left in the files, printed, and its exit status."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what writes files and runs `--fix` on them."""
    monkeypatch.chdir(tmp_path)

    def run_on(files: Mapping[str, str | bytes], *arguments: str) -> Outcome:
        write(tmp_path, files)
        code = pin_litellm.main(["--fix", *arguments, *files])
        return Outcome(code, *capsys.readouterr())

    return run_on


POETRY = '[tool.poetry]\nname = "app"\n\n[tool.poetry.dependencies]\npython = "^3.11"\n{}\nhttpx = "*"\n'
SETUP = "from setuptools import setup\n\nsetup(\n    name='app',\n    install_requires=[\n        {}\n    ],\n)\n"
CONSTRAINED = '[project]\nname = "a"\ndependencies = ["{}"]\n[tool.uv]\nconstraint-dependencies = ["litellm<1.60"]\n'

CASES = [
    pytest.param("requirements.txt", "litellm", "litellm==1.69.3", id="bare"),
    pytest.param("requirements.txt", "litellm>=1.30.0", "litellm==1.69.3", id="range"),
    pytest.param("requirements.txt", "LiteLLM >= 1.30, <2", "LiteLLM ==1.69.3", id="blanks"),
    pytest.param("requirements.txt", "litellm[proxy]~=1.55.0", "litellm[proxy]==1.55.12", id="extra"),
    pytest.param("requirements.txt", "litellm [proxy] # why", "litellm [proxy]==1.69.3 # why", id="comment"),
    pytest.param("requirements.txt", "litellm (>=1.30)", "litellm (==1.69.3)", id="parentheses"),
    pytest.param(
        "requirements.txt",
        "litellm>=1 ; python_version > '3.8'  # x",
        "litellm==1.69.3 ; python_version > '3.8'  # x",
        id="marker",
    ),
    pytest.param("requirements.txt", "litellm==1.82.7", "litellm==1.69.3", id="withdrawn"),
    pytest.param("requirements.txt", "litellm==1.35.0", "litellm==1.69.3", id="gone"),
    pytest.param("requirements.txt", "a\r\nlitellm>=1.30\r\nb\r\n", "a\r\nlitellm==1.69.3\r\nb\r\n", id="carriage-returns"),
    pytest.param("requirements.txt", "\ufefflitellm\n", "\ufefflitellm==1.69.3\n", id="bom"),
    pytest.param("requirements.txt", "litellm", "litellm==1.69.3", id="no-line-end"),
    pytest.param("requirements.txt", "litellm\n" * 300, "litellm==1.69.3\n" * 100 + "litellm\n" * 200, id="many"),
    pytest.param(
        "pyproject.toml",
        CONSTRAINED.format("litellm"),
        CONSTRAINED.format("litellm==1.59.12"),
        id="constraint-of-uv",
    ),
    pytest.param("requirements.txt", "litellm==1.55.0\nlitellm>=1\n", "litellm==1.55.0\nlitellm==1.55.0\n", id="twin"),
    pytest.param(
        "pyproject.toml",
        '[project]\nname = "app"\ndependencies = [\n  "a",  # one\n  \'litellm>=1.30\', "b"]\n',
        '[project]\nname = "app"\ndependencies = [\n  "a",  # one\n  \'litellm==1.69.3\', "b"]\n',
        id="pep-621",
    ),
    pytest.param(
        "pyproject.toml", POETRY.format('litellm = "^1.30"  # c'), POETRY.format('litellm = "1.69.3"  # c'), id="poetry"
    ),
    pytest.param(
        "pyproject.toml",
        POETRY.format("litellm = {extras = ['proxy'], version = '>=1.30'}"),
        POETRY.format("litellm = {extras = ['proxy'], version = '1.69.3'}"),
        id="poetry-table",
    ),
    pytest.param(
        "pyproject.toml",
        POETRY.format('\n[tool.poetry.dependencies.litellm]\nextras = ["proxy"]\nversion = "*"\n\n[tool.poetry.group.x]'),
        POETRY.format(
            '\n[tool.poetry.dependencies.litellm]\nextras = ["proxy"]\nversion = "1.69.3"\n\n[tool.poetry.group.x]'
        ),
        id="poetry-own-table",
    ),
    pytest.param(
        "pyproject.toml",
        POETRY.format('"litellm".version = "~1.60"'),
        POETRY.format('"litellm".version = "1.60.9"'),
        id="dotted",
    ),
    pytest.param(
        "pyproject.toml",
        POETRY.format('litellm = [{version = "^1.30", python = "<3.12"}, {version = "1.55.0", python = ">=3.12"}]'),
        POETRY.format('litellm = [{version = "1.55.0", python = "<3.12"}, {version = "1.55.0", python = ">=3.12"}]'),
        id="poetry-list",
    ),
    pytest.param("Pipfile", '[packages]\nlitellm = "*"\n', '[packages]\nlitellm = "==1.69.3"\n', id="pipfile"),
    pytest.param(
        "Pipfile",
        "[packages]\nlitellm = {version = '>=1', extras = ['proxy']}\n",
        "[packages]\nlitellm = {version = '==1.69.3', extras = ['proxy']}\n",
        id="pipfile-table",
    ),
    pytest.param("setup.py", SETUP.format("'litellm>=1.30',"), SETUP.format("'litellm==1.69.3',"), id="setup-py"),
    pytest.param(
        "setup.cfg",
        "[options]\ninstall_requires =\n    a\n    litellm>=1.30\n",
        "[options]\ninstall_requires =\n    a\n    litellm==1.69.3\n",
        id="setup-cfg",
    ),
    pytest.param(
        "environment.yml",
        "dependencies:\n  - python=3.11\n  - pip:\n      - litellm>=1.30  # x\n",
        "dependencies:\n  - python=3.11\n  - pip:\n      - litellm==1.69.3  # x\n",
        id="conda-pip",
    ),
]


@pytest.mark.parametrize(("name", "before", "after"), CASES)
def test_each_format(run: Run, tmp_path: Path, name: str, before: str, after: str) -> None:
    first = run({name: before})
    assert (tmp_path / name).read_bytes().decode() == after
    assert first.code == 1
    assert re.search(rf"^{re.escape(name)}:\d+: rewritten: litellm==1\.\d+\.\d+$", first.err, re.MULTILINE)
    again = run({name: after})
    assert (tmp_path / name).read_bytes().decode() == after
    assert "rewritten" not in again.err
    assert "MG101" not in again.out
    assert "MG102" not in again.out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("requirements.txt", "litellm>=1 --hash=sha256:" + "0" * 64, id="hashes"),
        pytest.param("requirements.txt", "litellm>=1\n    # via a\na==1\n", id="compiled"),
        pytest.param("requirements.txt", "litellm @ git+https://example.com/x.git@main", id="branch"),
        pytest.param("requirements.txt", "litellm>=1  # memguard: allow[MG101] a lab", id="allowed"),
        pytest.param("requirements.txt", "pandas>=1", id="not-named-by-pins"),
        pytest.param("requirements.txt", "litellm\n".encode("utf-16").decode("latin-1"), id="no-utf-8"),
        pytest.param("requirements-dev.txt", "litellm", id="development"),
        pytest.param("environment.yml", "dependencies:\n  - litellm>=1.30\n", id="conda"),
        pytest.param("pyproject.toml", POETRY.format('litellm = {git = "https://example.com/x.git"}'), id="poetry-git"),
        pytest.param("setup.py", SETUP.format("'lite' 'llm>=1.30',"), id="joined-strings"),
        pytest.param("pyproject.toml", '[project]\nname="a"\ndependencies = ["""\nlitellm""" ]\n', id="long-string"),
        pytest.param("Dockerfile", "FROM python:3.11\nRUN pip install litellm\n", id="dockerfile"),
    ],
)
def test_left_alone(run: Run, tmp_path: Path, name: str, text: str) -> None:
    data = text.encode("latin-1") if text.startswith("ÿþ") else text.encode()
    outcome = run({name: data})
    assert (tmp_path / name).read_bytes() == data
    assert "rewritten" not in outcome.err


UV = 'version = 1\n\n[[package]]\nname = "litellm"\nversion = "{}"\n'
PROJECT = '[project]\nname = "app"\ndependencies = ["litellm>=1.30"]\n'


@pytest.mark.parametrize(
    ("locked", "pinned", "told"),
    [
        pytest.param("1.60.0", "1.60.0", "", id="below"),
        pytest.param(
            "1.80.0", "1.69.3", "uv.lock: is left as it is, with litellm 1.80.0: update it with uv lock\n", id="above"
        ),
    ],
)
def test_the_version_of_the_lock_counts(run: Run, tmp_path: Path, locked: str, pinned: str, told: str) -> None:
    (tmp_path / "uv.lock").write_text(UV.format(locked), encoding="utf-8")
    outcome = run({"pyproject.toml": PROJECT})
    assert (tmp_path / "pyproject.toml").read_text(encoding="utf-8") == PROJECT.replace(">=1.30", f"=={pinned}")
    assert (tmp_path / "uv.lock").read_text(encoding="utf-8") == UV.format(locked)
    assert outcome.err.startswith(f"pyproject.toml:3: rewritten: litellm=={pinned}\n{told}")
    assert ("MG104" in outcome.out) is bool(told)
    assert outcome.code == 1


def test_what_is_included_is_pinned_where_it_stands(run: Run, tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("litellm\n", encoding="utf-8")
    run({"requirements.txt": "-r base.txt\n"})
    assert (tmp_path / "base.txt").read_text(encoding="utf-8") == "litellm==1.69.3\n"


@pytest.mark.skipif(os.name == "nt", reason="rights are others there")
def test_rights_and_links_stay(run: Run, tmp_path: Path) -> None:
    real = tmp_path / "real.txt"
    real.write_text("litellm\n", encoding="utf-8")
    real.chmod(0o640)
    (tmp_path / "requirements.txt").symlink_to("real.txt")
    run({}, "requirements.txt")
    assert (tmp_path / "requirements.txt").is_symlink()
    assert real.read_text(encoding="utf-8") == "litellm==1.69.3\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["real.txt", "requirements.txt"]


def test_without_the_option_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("litellm\n", encoding="utf-8")
    assert pin_litellm.main(["requirements.txt"]) == 1
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8") == "litellm\n"


_clause = st.sampled_from(
    ["", ">=1.30", "~=1.55.0", "<1.60", "==1.82.7", " >= 1.30 , < 2", "==1.55.*", "!=1.60", "===1.55.0"]
)
_line = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "  "]),
    st.sampled_from(["litellm", "LiteLLM", "litellm[proxy]", "litellm [a, b]", "httpx", "pandas"]),
    _clause,
    st.sampled_from(["", " ; python_version > '3.8'", ";sys_platform=='win32'"]),
    st.sampled_from(["", "  # a comment", " # litellm>=1", " \\\n  --hash=sha256:00"]),
)
_other = st.sampled_from(["", "# litellm", "--extra-index-url https://example.com/litellm", "-e ."])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.one_of(_line, _other), max_size=6), end=st.sampled_from(["\n", "\r\n"]))
@example(lines=["litellm"], end="\n")
def test_a_fix_is_done_at_once_and_changes_specifiers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], end: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "requirements.txt"
    before = end.join(line.replace("\n", end) for line in lines).encode()
    path.write_bytes(before)
    declared = manifests.read(WorkTree("."), path.name).requirements
    pin_litellm.main(["--fix", path.name])
    once = path.read_bytes()
    pin_litellm.main(["--fix", path.name])
    assert path.read_bytes() == once
    after = manifests.read(WorkTree("."), path.name).requirements
    assert [one._replace(specifier="", text="") for one in after] == [
        one._replace(specifier="", text="") for one in declared
    ]
    assert [one for one in after if one.name != "litellm"] == [one for one in declared if one.name != "litellm"]
    specifier = rb"(?:[=<>!~]=?=?[ \t]*[\w.*]+[ \t]*,?[ \t]*)+"

    def without(data: bytes) -> list[bytes]:
        return [
            re.sub(specifier, b"", line.split(b"#")[0]).strip() + line[len(line.split(b"#")[0]) :]
            for line in data.split(b"\n")
        ]

    assert [re.sub(rb"\s", b"", line) for line in without(once)] == [re.sub(rb"\s", b"", line) for line in without(before)]


def test_what_constraints_refuse_is_not_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "limits.txt").write_text("litellm<1.60 ; python_version > '3'\nlitellm<1.1 ; python_version < '3'\n")
    run({"requirements.txt": "-c limits.txt\nlitellm\n"})
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8") == "-c limits.txt\nlitellm==1.59.12\n"


def test_what_constraints_of_the_command_refuse_is_not_written(run: Run, tmp_path: Path) -> None:
    command = "FROM python:3.11\nRUN pip install -r requirements.txt -c limits.txt\nCMD python main.py\n"
    files = {"Dockerfile": command, "limits.txt": "litellm<1.60\n", "main.py": ""}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    run({"requirements.txt": "litellm\n"})
    assert (tmp_path / "requirements.txt").read_text(encoding="utf-8") == "litellm==1.59.12\n"
