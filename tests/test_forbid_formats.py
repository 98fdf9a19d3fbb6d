"""`forbid-heavy-deps` over all manifests and locks, what measured packages bring, and what the code does not need."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.catalog import lookup
from memguard_hooks.catalog.heavy import heavy_modules
from memguard_hooks.hooks import forbid_heavy_deps
from memguard_hooks.rules.dependencies.forbidden import BRINGERS
from memguard_hooks.rules.policy import FORBIDDEN

Run = Callable[..., list[str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what writes files and gives the findings on those that are named, or on all."""
    monkeypatch.chdir(tmp_path)

    def run_on(files: dict[str, str], *named: str) -> list[str]:
        write(tmp_path, files)
        forbid_heavy_deps.main([*named])
        lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
        return [re.sub(r": it takes [^)]*\)| \([\d.]+ MiB once it is imported\)", "", line) for line in lines]

    return run_on


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        pytest.param("pyproject.toml", '[project]\nname = "a"\ndependencies = ["torch>=2"]\n', "3:18", id="pep-621"),
        pytest.param("pyproject.toml", '[tool.poetry.dependencies]\ntorch = "^2"\n', "2:1", id="poetry"),
        pytest.param("Pipfile", '[packages]\ntorch = "*"\n', "2:1", id="pipfile"),
        pytest.param("setup.py", "from setuptools import setup\nsetup(install_requires=['torch'])\n", "2:26", id="setup-py"),
        pytest.param("setup.cfg", "[options]\ninstall_requires =\n  torch\n", "3:3", id="setup-cfg"),
        pytest.param("environment.yml", "dependencies:\n  - pytorch=2.1\n", "2:5", id="conda"),
        pytest.param("environment.yml", "dependencies:\n  - pip:\n    - torch\n", "3:7", id="conda-pip"),
        pytest.param("Dockerfile", "FROM python:3.11\nRUN pip install torch\n", "2:17", id="dockerfile"),
        pytest.param(
            "Dockerfile",
            "FROM python:3.11\nRUN apt update && \\\n  uv pip install 'torch==2.1'\n",
            "3:19",
            id="dockerfile-uv",
        ),
        pytest.param(
            "render.yaml",
            "services:\n- type: web\n  name: a\n  runtime: python\n"
            "  buildCommand: pip install torch\n  startCommand: python m.py\n",
            "5:29",
            id="render",
        ),
    ],
)
def test_declared(run: Run, name: str, text: str, place: str) -> None:
    assert run({name: text}) == [f"{name}:{place}: MG110 torch is forbidden"]
    assert run({}, name) == [f"{name}:{place}: MG110 torch is forbidden"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("pyproject.toml", '[project]\nname = "a"\n[dependency-groups]\nml = ["torch"]\n', id="group"),
        pytest.param("pyproject.toml", '[tool.poetry.group.ml.dependencies]\ntorch = "^2"\n', id="poetry-group"),
        pytest.param(
            "pyproject.toml",
            '[tool.poetry.dependencies]\ntorch = {version = "^2", optional = true}\n[tool.poetry.extras]\nml = ["torch"]\n',
            id="poetry-extra",
        ),
        pytest.param(
            "pyproject.toml", "[tool.poetry.dependencies]\ntorch = {version = '^2', platform = 'darwin'}\n", id="platform"
        ),
        pytest.param("pyproject.toml", '[tool.uv]\nconstraint-dependencies = ["torch<2"]\n', id="uv-constraint"),
        pytest.param("Pipfile", '[dev-packages]\ntorch = "*"\n', id="pipfile-development"),
        pytest.param("setup.cfg", "[options.extras_require]\nml = torch\n", id="setup-cfg-extra"),
        pytest.param(
            "Dockerfile", "FROM a AS dev\nRUN pip install torch\nFROM b\nRUN pip uninstall torch\n", id="other-stage"
        ),
        pytest.param("Dockerfile", "FROM a\n# RUN pip install torch\nRUN echo pip install torch\n", id="comment"),
    ],
)
def test_silent(run: Run, name: str, text: str) -> None:
    assert run({name: text}) == []


MANIFEST = '[project]\nname = "app"\ndependencies = ["sentence-transformers", "litellm"]\n'
PACKAGES = """
[[package]]
name = "sentence-transformers"
version = "5.0.0"
{0}

[[package]]
name = "torch"
version = "2.8.0"

[[package]]
name = "litellm"
version = "1.69.3"
{1}

[[package]]
name = "tokenizers"
version = "0.21.0"
"""
LISTED = PACKAGES.format('dependencies = [{ name = "torch" }]', 'dependencies = [{ name = "tokenizers" }]')
UV = (
    'version = 1\n\n[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n'
    'dependencies = [{ name = "sentence-transformers" }, { name = "litellm" }]\n' + LISTED
)
POETRY = PACKAGES.format('[package.dependencies]\ntorch = ">=1"', '[package.dependencies]\ntokenizers = "*"')
PDM = PACKAGES.format('dependencies = ["torch>=1"]', 'dependencies = ["tokenizers"]')
PYLOCK = 'lock-version = "1.0"\n' + LISTED.replace("[[package]]", "[[packages]]")
WAY = "MG111 torch is forbidden, and sentence-transformers brings it (app → sentence-transformers → torch)"
LIGHT = "MG111 tokenizers is forbidden, and litellm brings it (app → litellm → tokenizers) (warning)"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("uv.lock", UV, id="uv"),
        pytest.param("poetry.lock", POETRY, id="poetry"),
        pytest.param("pdm.lock", PDM, id="pdm"),
        pytest.param("pylock.toml", PYLOCK, id="pylock"),
    ],
)
def test_the_way_through_a_lock(run: Run, name: str, text: str) -> None:
    found = run({"pyproject.toml": MANIFEST, name: text})
    assert [one.split(": ", 1)[1] for one in found] == [WAY, LIGHT]
    lines = [int(one.split(":")[1]) for one in found]
    assert [text.splitlines()[line - 1] for line in lines] == ['name = "torch"', 'name = "tokenizers"']
    assert run({}, name) == found
    beside = [f"pyproject.toml:3:18: {WAY}", f"pyproject.toml:3:43: {LIGHT}"]
    assert run({}, "pyproject.toml") == beside


def test_a_way_that_the_host_does_not_go(run: Run) -> None:
    mac = UV.replace('{ name = "torch" }', '{ name = "torch", marker = "sys_platform == \'darwin\'" }')
    assert run({"pyproject.toml": MANIFEST, "uv.lock": mac}) == [f"uv.lock:24:1: {LIGHT}"]
    dev = UV.replace('[{ name = "sentence-transformers" }, ', "[").replace(
        '\n\n[[package]]\nname = "sentence',
        '\n[package.dev-dependencies]\ndev = [{ name = "sentence-transformers" }]\n\n[[package]]\nname = "sentence',
    )
    manifest = MANIFEST.replace('"sentence-transformers", ', "")
    assert [one.split(": ", 1)[1] for one in run({"pyproject.toml": manifest, "uv.lock": dev})] == [LIGHT]


def test_a_lock_without_edges(run: Run) -> None:
    lock = (
        '{\n "default": {\n  "torch": {"version": "==2.8.0"}\n },\n "develop": {\n  "grpcio": {"version": "==1.0"}\n }\n}\n'
    )
    expected = "MG111 torch is forbidden, and another package brings it: Pipfile.lock does not say which"
    assert run({"Pipfile": '[packages]\nx = "*"\n', "Pipfile.lock": lock}) == [f"Pipfile.lock:3:4: {expected}"]


def test_settings_allow_what_a_lock_brings(run: Run) -> None:
    allow = '\n[tool.memguard.forbid]\nallow = {torch = "measured", tokenizers = "litellm"}\n'
    assert run({"pyproject.toml": MANIFEST + allow, "uv.lock": UV}) == []
    assert run({"pyproject.toml": MANIFEST, "uv.lock": UV, "memguard.toml": "forbid.add = ['tokenizers']"})[1].endswith(
        "tokenizers)"
    )


def test_a_lock_that_is_not_deployed(run: Run) -> None:
    image = 'FROM python:3.11\nRUN pip install -r requirements.txt\nCMD ["python", "m.py"]\n'
    files = {"pyproject.toml": MANIFEST, "uv.lock": UV, "Dockerfile": image, "requirements.txt": "flask\n", "m.py": ""}
    assert run(files) == []


# Without a lock


def test_the_catalog_tells_what_measured_packages_brought(run: Run) -> None:
    found = run({"requirements.txt": "sentence-transformers==6.2.0\nlitellm==1.69.3\n"})
    by = "brings it, as sentence-transformers 6.2.0 did when it was measured"
    assert found == [
        f"requirements.txt:1:1: MG111 torch is forbidden, and sentence-transformers {by} (warning)",
        f"requirements.txt:1:1: MG111 transformers is forbidden, and sentence-transformers {by} (warning)",
    ]
    both = run({"requirements.txt": "sentence-transformers==6.2.0\ntorch==2.8.0\n"})
    assert [one.split(" ")[1:3] for one in both] == [["MG111", "transformers"], ["MG110", "torch"]]
    assert run({"requirements.txt": "sentence-transformers\nnumpy==1  # via sentence-transformers\n"}) == []


def test_what_was_measured_for_cpus_is_told_as_pip_installs_it(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run({"requirements.txt": "sentence-transformers==6.2.0\n"})
    capsys.readouterr()
    forbid_heavy_deps.main(["requirements.txt", "--format", "json"])
    costs = {one["message"].split(" ")[0]: one["mib"] for one in json.loads(capsys.readouterr().out)["findings"]}
    ordinary = lookup.find("torch", "torch")
    assert ordinary is not None
    assert costs["torch"] == pytest.approx(ordinary.resident / 2**20, abs=0.1)


def test_the_table_of_bringers_is_that_of_the_catalog() -> None:
    heavy = heavy_modules(40 * 2**20).distributions
    measured = lookup.distributions()
    found: dict[str, set[str]] = {}
    for distribution in measured:
        for footprint in lookup.read_footprints(distribution):
            for name in set(FORBIDDEN) & set(heavy) & footprint.installed.keys() - {distribution}:
                found.setdefault(name, set()).add(distribution)
    assert {name: set(ones) for name, ones in BRINGERS.items()} == found


# What the code does not need

HEAVY = "requirements.txt:1:1: MG12"


@pytest.mark.parametrize(
    ("declared", "files", "expected"),
    [
        pytest.param(
            "pandas\nflask",
            {"main.py": "import flask\n"},
            ["1 pandas is declared and imported nowhere (warning)"],
            id="nowhere",
        ),
        pytest.param("pandas\nflask", {"main.py": "import os\n"}, [], id="manifest-of-other-code"),
        pytest.param("pandas", {"main.py": "def f():\n    from pandas import DataFrame\n"}, [], id="deferred"),
        pytest.param("scikit-learn", {"main.py": "from sklearn.svm import SVC\n"}, [], id="other-name"),
        pytest.param("pandas", {"tests/test_a.py": "import pandas\n"}, [], id="in-tests"),
        pytest.param("pandas", {}, [], id="no-code"),
        pytest.param(
            "pandas\nflask", {"main.py": "import flask, importlib\nimportlib.import_module(NAME)\n"}, [], id="computed"
        ),
        pytest.param("pandas\nflask", {"main.py": "import flask\n", "conf.yaml": "engine: pandas\n"}, [], id="mentioned"),
        pytest.param(
            "spacy\nflask",
            {"main.py": "import flask\n", "Dockerfile": "RUN python -m spacy download en\n"},
            [],
            id="command",
        ),
        pytest.param("openai\nlangchain", {"main.py": "import langchain\n"}, [], id="loaded-by-name"),
        pytest.param(
            "scikit-learn\nflask", {"main.py": "import flask, joblib\nm = joblib.load('m.pkl')\n"}, [], id="saved-model"
        ),
        pytest.param(
            "litellm\nflask", {"main.py": "import flask, subprocess\nsubprocess.run(['litellm'])\n"}, [], id="program"
        ),
        pytest.param("openai\nflask", {"main.py": "import flask\nBACKEND = 'openai.Client'\n"}, [], id="path"),
        pytest.param("pandas\nflask", {"main.py": "import flask\nENGINE = 'pandas'\n"}, [], id="engine"),
        pytest.param(
            "pandas\nflask",
            {"main.py": "import flask\n# no pandas\nA = 'pandas-like'\n"},
            ["1 pandas is declared and imported nowhere (warning)"],
            id="other-words",
        ),
        pytest.param("faiss-cpu\nflask", {"main.py": "import flask\n"}, [], id="backend"),
        pytest.param(
            "faiss-cpu",
            {"main.py": "try:\n    import faiss\nexcept ImportError:\n    faiss = None\n"},
            ["2 faiss-cpu is declared for all, and main.py does without it where it is missing (warning)"],
            id="optional-backend",
        ),
        pytest.param("scipy<1.13\ngensim", {"main.py": "import gensim\n"}, [], id="pinned-for-another"),
        pytest.param(
            "scipy\nflask",
            {"main.py": "import flask\n"},
            ["1 scipy is declared and imported nowhere (warning)"],
            id="measured",
        ),
        pytest.param(
            "google-cloud-bigquery\npandas",
            {"main.py": "from google.cloud import bigquery\n"},
            [],
            id="imported-where-installed",
        ),
        pytest.param("statsmodels\nmatplotlib", {"main.py": "import statsmodels\n"}, [], id="of-an-extra"),
        pytest.param(
            "duckdb\npandas", {"main.py": "import duckdb\nduckdb.sql('select 1').df()\n"}, [], id="asked-of-others"
        ),
        pytest.param(
            "pyarrow\nflask", {"main.py": "import flask\n\ndef save(rows):\n    rows.to_parquet('a')\n"}, [], id="written-by"
        ),
        pytest.param("pandas ; python_version > '3'\nflask", {"main.py": "import flask\n"}, [], id="marker"),
        pytest.param("fastapi\nflask", {"main.py": "import flask\n"}, [], id="framework"),
        pytest.param(
            "pandas",
            {"main.py": "try:\n    import pandas\nexcept ImportError:\n    pandas = None\n"},
            ["2 pandas is declared for all, and main.py does without it where it is missing (warning)"],
            id="optional",
        ),
        pytest.param(
            "pandas",
            {"main.py": "try:\n    import pandas\nexcept ImportError:\n    raise SystemExit(1)\n"},
            [],
            id="not-optional",
        ),
        pytest.param(
            "pandas",
            {"a.py": "try:\n    import pandas\nexcept ImportError:\n    pandas = None\n", "b.py": "import pandas\n"},
            [],
            id="optional-in-one",
        ),
    ],
)
def test_what_is_not_needed(run: Run, declared: str, files: dict[str, str], expected: list[str]) -> None:
    assert run({"requirements.txt": declared, **files}) == [f"{HEAVY}{one}" for one in expected]


def test_an_agent_that_a_start_command_runs_is_used(run: Run) -> None:
    files = {"requirements.txt": "ddtrace==3.1.0\nflask==3.0\n", "main.py": "import flask\n"}
    assert [line for line in run(files) if "MG121" in line]
    assert not [line for line in run({**files, "Procfile": "web: ddtrace-run gunicorn main:app\n"}) if "MG121" in line]


def test_a_frozen_list_does_not_say_what_is_used(run: Run) -> None:
    frozen = "spacy==3.8.0\nflask==3.0\n"
    expected = ["requirements.txt:1:1: MG121 spacy is declared and imported nowhere (warning)"]
    assert run({"requirements.txt": frozen, "main.py": "import flask\n"}) == expected
    frozen += "".join(f"package-{number}==1.0\n" for number in range(60))
    assert run({"requirements.txt": frozen}) == []


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param("huggingface-hub", 1, id="missing"),
        pytest.param("huggingface-hub\nhf_xet", 0, id="declared"),
        pytest.param("huggingface-hub[hf_xet]", 0, id="extra"),
        pytest.param("flask", 0, id="not-asked"),
    ],
)
def test_companions(run: Run, declared: str, expected: int) -> None:
    allow = "[forbid]\nallow = {huggingface-hub = 'models'}\n"
    assert run({"requirements.txt": declared, "memguard.toml": allow}) == []
    found = run({"requirements.txt": declared, "memguard.toml": allow + "companions = true\n"})
    text = "huggingface-hub is declared without hf-xet: downloads go over plain HTTP"
    assert found == [f"requirements.txt:1:1: MG120 {text} (warning)"] * expected


def test_the_way_through_a_workspace_starts_at_the_member(run: Run) -> None:
    lock = UV.replace("version = 1\n", 'version = 1\n[manifest]\nmembers = ["app", "inner"]\n', 1)
    lock = lock.replace('name = "app"', 'name = "inner"').replace('"."', '"inner"')
    root = '\n[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n'
    found = run({"pyproject.toml": '[project]\nname = "app"\n', "uv.lock": lock + root})
    assert [one.split(": ", 1)[1] for one in found] == [WAY.replace("app", "inner"), LIGHT.replace("app", "inner")]


@pytest.mark.parametrize(
    ("manifest", "command"),
    [
        pytest.param(
            '[project]\nname = "a"\n[dependency-groups]\nbase = ["torch"]\nprod = [{include-group = "base"}]\n',
            "uv sync --group prod",
            id="included",
        ),
        pytest.param(
            '[project]\nname = "a"\n[dependency-groups]\nml = ["torch"]\n[tool.uv]\ndefault-groups = ["ml"]\n',
            "uv sync --frozen",
            id="default",
        ),
        pytest.param(
            '[tool.poetry]\nname = "a"\n[tool.poetry.group.ml.dependencies]\ntorch = "*"\n', "poetry install", id="poetry"
        ),
    ],
)
def test_groups_that_are_installed(run: Run, manifest: str, command: str) -> None:
    image = f"FROM python:3.11\nWORKDIR /app\nCOPY . .\nRUN {command}\nCMD python main.py\n"
    found = run({"pyproject.toml": manifest, "Dockerfile": image, "main.py": ""})
    assert [one.split(": ", 1)[1] for one in found] == ["MG110 torch is forbidden"]
