"""Which of several branches counts: the one that is known to run, else the most expensive one, and never less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from folders import write

from memguard_hooks.app import chosen_branches
from memguard_hooks.hooks import memory_budget

FACTORY = """\
def make(kind):
    if kind == "pandas":
        import pandas
        return pandas
    if kind == "boto3":
        import boto3
        return boto3
    if kind == "flask":
        import flask
        return flask
    raise ValueError(kind)
"""
MATCH = """\
def make(kind):
    match kind:
        case "pandas":
            import pandas
        case "boto3":
            import boto3
        case "flask":
            import flask
        case _:
            raise ValueError(kind)
"""
USING = "import os\nfrom factory import make\n"
NAMES = 'import os\nfrom importlib import import_module\nNAMES = {"p": "pandas", "b": "boto3", "f": "flask"}\n'
SETTINGS = """\
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    kind: str = "flask"
settings = Settings()
"""
HANDLER = "import os\nfrom flask import Flask, request\nfrom factory import make\napp = Flask(__name__)\n@app.get('/')\n"
BRANCHES = """\
if {0} == "pandas":
{1}    import pandas
{1}elif {0} == "boto3":
{1}    import boto3
{1}else:
{1}    import flask
"""

LOWER = FACTORY.replace(":\n", ":\n    kind = kind.lower()\n", 1)
CONFIGURED = {
    "app.py": "from factory import make\nfrom config import settings\nmake(settings.kind)\n",
    "config.py": SETTINGS,
}
MEMBER = f"""\
import os
class Store:
    def __init__(self, kind):
        self.kind = kind
        self.load()
    def load(self):
        {BRANCHES.format("self.kind", "        ")}
Store(os.environ["KIND"])
"""
TWO_NAMES = """\
def load(name):
    import_module(NAMES[name])
load(os.environ["A"])
load(os.environ["B"])
"""

EVERYTHING, DEAREST = {"pandas", "boto3", "flask"}, {"pandas"}


def estimate(folder: Path, files: dict[str, str], capsys: pytest.CaptureFixture[str], start: str) -> dict[str, Any]:
    """Return the figures of a service by its last moment before all, and what it says."""
    write(folder, {**files, "Procfile": f"web: {start}\n"})
    capsys.readouterr()
    memory_budget.main(["--format", "json", "--limit", "16MiB"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return {**found["services"][0]["estimate_mib"]["serving"], "said": [one["message"] for one in found["findings"]]}


def loading(folder: Path, capsys: pytest.CaptureFixture[str], modules: set[str], start: str) -> float:
    """Return what the same service takes that imports some modules without a condition."""
    text = "".join(f"import {module}\n" for module in sorted(modules))
    flat = {"app.py": f"import flask\napp = flask.Flask(__name__)\n{text}" if "gunicorn" in start else text}
    return float(estimate(folder, flat, capsys, start)["expected"])


@pytest.mark.parametrize(
    ("files", "counted", "is_open"),
    [
        pytest.param({"app.py": USING + 'make("flask")\n'}, {"flask"}, False, id="another file gives a text"),
        pytest.param({"app.py": USING + 'make(os.environ.get("KIND", "flask"))\n'}, {"flask"}, False, id="a default"),
        pytest.param(CONFIGURED, {"flask"}, False, id="a default of pydantic's settings"),
        pytest.param({"app.py": USING + 'make("flask")\nmake("boto3")\n'}, {"flask", "boto3"}, False, id="two texts"),
        pytest.param({"app.py": USING + 'make(os.environ["KIND"])\n'}, DEAREST, True, id="a variable"),
        pytest.param({"app.py": USING + 'make(os.environ["KIND"])\n', "factory.py": MATCH}, DEAREST, True, id="match"),
        pytest.param(
            {"app.py": USING + 'make(os.environ["KIND"])\nmake("boto3")\n'}, {"pandas", "boto3"}, True, id="and a text",
        ),
        pytest.param({"app.py": USING + 'make(os.environ["KIND"])\n', "factory.py": LOWER}, DEAREST, True, id="lower"),
        pytest.param(
            {"app.py": USING + 'kind = os.environ["A"]\nmake(kind)\nkind = os.environ["B"]\nmake(kind)\n'},
            EVERYTHING, False, id="a name that is set again",
        ),
        pytest.param(
            {"app.py": USING + "class App:\n    def __init__(self, config):\n        self.config = config\n"
             "        make(kind=self.config['kind'])\n        make(kind=self.config['kind'])\n"
             "        print(type(config).__name__)\none, two = App(dict(os.environ)), print()\n"},
            DEAREST, True, id="the same twice, beside what is not",
        ),
        pytest.param(
            {"app.py": USING + "class App:\n    def run(self):\n        self.kind = os.environ['A']\n"
             "        make(self.kind)\n        self.kind = os.environ['B']\n        make(self.kind)\nApp().run()\n"},
            EVERYTHING, False, id="an attribute that is set again",
        ),
        pytest.param(
            {"app.py": USING + "kinds = list(os.environ)\nmake(kinds.pop())\nmake(kinds.pop())\n"},
            EVERYTHING, False, id="a call that gives something else each time",
        ),
        pytest.param(
            {"app.py": USING + "class App:\n    def __init__(self, config):\n        self.config = config\n"
             "        self.one = make(kind=self.config['kind'])\n        self.two = make(kind=self.config['kind'])\n"
             "App(dict(os.environ))\n"}, DEAREST, True, id="the same twice",
        ),
        pytest.param({"app.py": MEMBER}, DEAREST, True, id="a member"),
        pytest.param({"app.py": USING + 'make(os.environ["A"])\nmake(os.environ["B"])\n'}, EVERYTHING, False, id="two"),
        pytest.param({"app.py": USING + 'for one in os.environ["A"].split(): make(one)\n'}, EVERYTHING, False, id="a loop"),
        pytest.param(
            {"app.py": USING + 'list(map(make, os.environ["A"].split()))\nmake(os.environ["B"])\n'},
            EVERYTHING, False, id="it is handed on",
        ),
        pytest.param(
            {"app.py": USING + 'def both(kind):\n    make(kind)\nboth(os.environ["A"])\nboth(os.environ["B"])\n'},
            EVERYTHING, False, id="another function hands two variables on",
        ),
        pytest.param(
            {"app.py": USING + 'def one(kind):\n    make(kind)\none(os.environ["A"])\n'}, DEAREST, True, id="hands one on",
        ),
        pytest.param({"app.py": USING + "options = os.environ\nmake(**options)\n"}, EVERYTHING, False, id="stars"),
        pytest.param({"app.py": NAMES + 'import_module(NAMES[os.environ["KIND"]])\n'}, DEAREST, True, id="a table"),
        pytest.param(
            {"app.py": NAMES + 'import_module(NAMES[os.environ.get("KIND", "f")])\n'}, {"flask"}, False, id="with a default",
        ),
        pytest.param(
            {"app.py": NAMES + 'for one in os.environ["A"].split(): import_module(NAMES[one])\n'},
            EVERYTHING, False, id="names in a loop",
        ),
        pytest.param({"app.py": NAMES + TWO_NAMES}, EVERYTHING, False, id="names that two calls give"),
    ],
)  # fmt: skip
def test_one_of_the_branches_counts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    counted: set[str],
    is_open: bool,  # noqa: FBT001 - a case
) -> None:
    monkeypatch.chdir(tmp_path)
    found = estimate(tmp_path, {"factory.py": FACTORY, **files}, capsys, "python app.py")
    apart = {"pydantic_settings"} if "config.py" in files else set()
    assert found["expected"] == pytest.approx(loading(tmp_path, capsys, counted | apart, "python app.py"), abs=0.3)
    assert ("the most expensive counts" in found["said"][0]) == is_open
    if is_open:
        assert found["low"] < loading(tmp_path, capsys, {"flask", *counted} - DEAREST, "python app.py")


@pytest.mark.parametrize(
    ("handler", "counted"),
    [
        pytest.param("def get():\n    make(os.environ['KIND'])\n", DEAREST, id="a variable"),
        pytest.param("def get():\n    kind = os.environ['KIND']\n    make(kind)\n", DEAREST, id="a variable with a name"),
        pytest.param("def get():\n    make(request.args['kind'])\n", EVERYTHING, id="the request"),
        pytest.param("def get(kind):\n    make(kind)\n", EVERYTHING, id="an argument"),
        pytest.param("def get():\n    " + BRANCHES.format("os.environ['KIND']", "    "), DEAREST, id="in the handler"),
        pytest.param("def get():\n    " + BRANCHES.format("request.method", "    "), EVERYTHING, id="by the request"),
    ],
)
def test_requests_may_take_all_branches_where_they_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], handler: str, counted: set[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    start = "gunicorn app:app"
    found = estimate(tmp_path, {"factory.py": FACTORY, "app.py": HANDLER + handler}, capsys, start)
    assert found["expected"] == pytest.approx(loading(tmp_path, capsys, counted, start), abs=1)


def test_all_count_beyond_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"factory.py": FACTORY, "app.py": USING + 'make(os.environ["KIND"])\n'}
    for bound in ("MAX_WALKS", "MAX_FILES", "MAX_CHOICES", "MAX_LATE"):
        with monkeypatch.context() as patched:
            patched.setattr(chosen_branches, bound, 0)
            every = estimate(tmp_path, files, capsys, "python app.py")
        assert every["expected"] > estimate(tmp_path, files, capsys, "python app.py")["expected"] + 10
