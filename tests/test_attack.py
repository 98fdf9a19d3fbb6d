"""What a stranger writes takes bounded time, and an answer that lacks something says so."""

from __future__ import annotations

import importlib
import json
import random
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attack import KINDS, MAX_MIB, attack_by_script, make_kind, run
from folders import commit, write

from memguard_hooks.commands import check
from memguard_hooks.imports import facts

DOCS = Path(__file__).parent.parent / "docs"

PROVEN = "import importlib\nimportlib.import_module(%r)\nimport m%d\n"
"""What only libcst can judge."""


Judge = Callable[[], dict[str, str]]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Judge:
    """Return what checks a folder, and gives the verdict on its service and why files were skipped."""
    monkeypatch.chdir(tmp_path)

    def run() -> dict[str, str]:
        assert check.main(["--format", "json"]) in (0, 1)
        report = json.loads(capsys.readouterr().out)
        return {"verdict": report["services"][0]["verdict"], **{one["path"]: one["reason"] for one in report["skipped"]}}

    return run


def test_time_for_slow_files_is_bounded_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: Judge
) -> None:
    files = {f"m{number}.py": PROVEN % ("pandas", number + 1) for number in range(3)}
    settings = 'limit = "4GiB"\n'
    write(tmp_path, {**files, "m3.py": "import pandas\n", "Procfile": "web: python m0.py\n", "memguard.toml": settings})
    commit(tmp_path)
    monkeypatch.setattr(facts, "SLOW_SECONDS", 0)
    monkeypatch.setattr(facts, "MAX_SLOW_SECONDS", 0)
    first = judge()
    assert first.pop("verdict") == "unknown"
    assert any("this run has spent 20 seconds on files that take long" in reason for reason in first.values())
    runs = 0
    while judge()["verdict"] == "unknown":
        runs += 1
        assert runs < 20
    assert runs > 0
    assert judge() == {"verdict": "ok"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Take some kinds of attacks: many take more than a second. `tools/attack.py` runs all of them."""
    if metafunc.function is test_no_project_is_an_attack:
        number = min(12 * metafunc.config.getoption("times"), len(KINDS))
        metafunc.parametrize("name", random.Random(13).sample(KINDS, number))  # noqa: S311 - no secret


def test_no_project_is_an_attack(tmp_path: Path, name: str) -> None:
    """`tools/attack.py` measures the time as well, with all commands."""
    found = run(sys.executable, ["check", "--format", "github"], make_kind(tmp_path / "project", name))
    assert [fault for fault in found.faults if not fault.endswith(" s")] == []
    assert found.mib <= MAX_MIB


CONDITIONS = "import os\nM = os.getenv('M', 'b')\n" + "".join(f"if M == 'a{one}':\n    import m{one}\n" for one in range(3))
"""What hangs on a variable, three times."""

UNDECIDED = "is too large for all of its conditions to be decided: of the others all ways count"


@pytest.mark.parametrize(
    ("bound", "files", "reason"),
    [
        pytest.param("imports.choices.MAX_CHOICES", {"main.py": CONDITIONS}, UNDECIDED, id="choices of a file"),
        pytest.param(
            "imports.choices.MAX_STEPS",
            {"main.py": "import os\nif os.name:\n    " + CONDITIONS.replace("\n", "\n    ") + "\n"},
            UNDECIDED,
            id="statements that are followed",
        ),
        pytest.param(
            "imports.choices.MAX_MODULES",
            {"main.py": "from m0 import M\nif M == 'a':\n    import m1\n"},
            UNDECIDED,
            id="modules that are read for choices",
        ),
        pytest.param(
            "formats.python_folding.MAX_LOOKED",
            {"main.py": "D = {'a': 'b'}\nif D['a'] == 'c':\n    import m0\n"},
            UNDECIDED,
            id="keys that are looked at",
        ),
        pytest.param(
            "imports.reached.MAX_STARRED",
            {"main.py": "from m0 import *\nfrom m1 import *\nrun()\n"},
            "more than 0 names are looked for behind `import *`, not all",
            id="names behind stars",
        ),
        pytest.param(
            "imports.reached.MAX_STARS",
            {"main.py": "from m0 import *\nrun()\n"},
            "all names of more than 0 modules are imported: not all are looked into",
            id="modules behind stars",
        ),
        pytest.param(
            "imports.reached.MAX_FAMILY",
            {"main.py": "class A:\n    def run(self):\n        import m0\nA().run()\n"},
            "a class inherits from more than 0 others: not all are followed",
            id="classes that one inherits from",
        ),
        pytest.param(
            "imports.reached.MAX_STEPS",
            {"main.py": "from m0 import run as f\ng = f\ng()\n"},
            "a name of it stands for another more than 0 times: it is not followed",
            id="names for names",
        ),
        pytest.param(
            "imports.functions.MAX_SOURCES",
            {
                "main.py": "import importlib\ndef f(name):\n    importlib.import_module(name)\nf('p.m0')\n",
                "p/m0.py": "",
            },
            "the name of a module that it loads comes from more than 20 expressions: not all are followed",
            id="texts that name a module",
        ),
        pytest.param(
            "imports.reached.MAX_BODIES",
            {"main.py": "def f():\n    import m0\nf()\n"},
            "more than 0 functions run: of its own not all are followed",
            id="functions that run",
        ),
        pytest.param(
            "imports.reached.MAX_NAMED",
            {"main.py": "import importlib\nfor name in ['m0', 'm1', 'm2']:\n    importlib.import_module(name)\n"},
            "loads more than 0 modules by their names: the others are not followed",
            id="modules that are named",
        ),
    ],
)
def test_a_bound_that_is_reached_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: Judge, bound: str, files: dict[str, str], reason: str
) -> None:
    beside = {f"m{one}.py": "M = 'a'\ndef run():\n    pass\n" for one in range(3)}
    write(tmp_path, {"Procfile": "web: python main.py\n", "memguard.toml": 'limit = "4GiB"\n', **beside, **files})
    commit(tmp_path)
    assert reason not in judge().values()
    shutil.rmtree(tmp_path / ".git" / "memguard")
    monkeypatch.setattr(f"memguard_hooks.{bound}", 0)
    found = judge()
    assert found["main.py"].endswith(reason)
    assert list(found.values()).count(reason) == 1
    assert (found["verdict"] == "ok") is (reason == UNDECIDED)


OF_MODELS = "not all models are known that it and other files load: more files may name them than are read"
FLASK = "import flask, whisper\napp = flask.Flask('a')\napp.config['M'] = 'tiny'\nwhisper.load_model(app.config['M'])\n"
DOTENV = "import dotenv, os, whisper\ndotenv.load_dotenv()\nwhisper.load_model(os.environ['M'])\n"
LOADER = "import m, whisper\ndef load(name):\n    whisper.load_model(name)\nm.run()\n"
CALLER = "def run():\n    import main\n    main.load('tiny')\n"
PICKLE = {"main.py": "import joblib\njoblib.load('m.pkl')\n", "m.pkl": b"\x80\x02csklearn.svm\nSVC\n."}
OF_PICKLE = "names more modules than are looked at: what it imports is not all known"


@pytest.mark.parametrize(
    ("bound", "files", "reason"),
    [
        pytest.param("models.evaluation.MAX_FILES", {"main.py": FLASK}, OF_MODELS, id="files that fill settings"),
        pytest.param("models.evaluation.MAX_FILES", {"main.py": LOADER, "m.py": CALLER}, OF_MODELS, id="callers"),
        pytest.param("app.env_files.MAX_FILES", {"main.py": DOTENV, ".env": "M=tiny\n"}, OF_MODELS, id="files of variables"),
        pytest.param("app.pickled.MAX_NAMES", PICKLE, OF_PICKLE, id="names in a pickle"),
        pytest.param("app.pickled.MAX_MODULES", PICKLE, OF_PICKLE, id="modules of a pickle"),
    ],
)
def test_a_bound_behind_which_models_may_be_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: Judge, bound: str, files: dict[str, str | bytes], reason: str
) -> None:
    named = "openai-whisper==20250625\npython-dotenv==1.1.1\njoblib==1.5.2\nscikit-learn==1.7.2\nflask==3.1.2\n"
    write(tmp_path, {"Procfile": "web: python main.py\n", "memguard.toml": 'limit = "16GiB"\n', "requirements.txt": named})
    write(tmp_path, files)
    commit(tmp_path)
    before = judge()
    assert reason not in before.values()
    assert before["verdict"] == "ok"
    shutil.rmtree(tmp_path / ".git" / "memguard")
    monkeypatch.setattr(f"memguard_hooks.{bound}", 0)
    after = judge()
    assert reason in after.values()
    assert after["verdict"] == "unknown"


TASK = 'resource "aws_ecs_task_definition" "a" {\n  container_definitions = jsonencode([{ name = "a", image = "a" }])\n}\n'
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a, command: [python, main.py]}]}\n"
)

BEYOND = {
    "deployment.discover.MAX_FILES": {
        **{f"a/b/{name}.service": "[Service]\nExecStart=/usr/bin/python3 main.py\n" for name in "cd"},
    },
    "deployment.images.MAX_FILES": {
        "docker/compose.test.yml": "services: {a: {image: b}}\n",
        "docker/compose.build.yml": "services: {a: {image: app, build: ..}}\n",
        "compose.yaml": "services: {web: {image: app}}\n",
    },
    "deployment.beanstalk.MAX_FILES": {
        ".ebextensions/b.config": "option_settings: {}\n",
        ".ebextensions/a.config": "option_settings: {'aws:elasticbeanstalk:container:python': {WSGIPath: main:app}}\n",
    },
    "deployment.discover.MAX_DECLARED": {
        **{f"{name}/Procfile": "web: gunicorn main:app\n" for name in "ab"},
        **{f"{name}/main.py": "app = 1\n" for name in "ab"},
    },
    "deployment.discover.MAX_IMAGES": {f"Dockerfile.{name}": f"FROM python:3.12\nCMD python {name}.py\n" for name in "ab"},
    "deployment.discover.MAX_COMMANDS": {"Procfile": "web: python main.py\nworker: python main.py\n"},
    "deployment.start.MAX_TOGETHER": {
        "Procfile": "web: sh a.sh\n",
        "a.sh": "python main.py &\npython b.py &\nwait\n",
        "b.py": "",
    },
    "deployment.servers.process_managers.MAX_FILES": {
        "Procfile": "web: supervisord -c a.conf\n",
        "a.conf": "[include]\nfiles = b/*.conf\n",
        **{f"b/{name}.conf": f"[program:{name}]\ncommand=python main.py\n" for name in "ab"},
    },
    "deployment.terraform.MAX_RESOURCES": {
        "Dockerfile": "FROM python:3.12\nCMD python main.py\n",
        "terraform/a.tf": TASK * 2,
    },
    "deployment.heroku.MAX_PROCESSES": {"heroku.yml": "run: {web: python main.py, other: python main.py}\n"},
    "deployment.heroku.MAX_VARIABLES": {
        "Procfile": "web: python main.py\n",
        "app.json": '{"formation": {"web": {"quantity": 1}}, "env": {"A": "a", "B": "b"}}',
    },
    "deployment.helm.MAX_TEMPLATES": {
        "chart/Chart.yaml": "name: a\nversion: 1.0.0\n",
        **{f"chart/templates/{name}.yaml": POD for name in "ab"},
    },
    "deployment.helm.MAX_BYTES": {
        "chart/Chart.yaml": "name: a\nversion: 1.0.0\n",
        "chart/templates/a.yaml": POD,
    },
    "deployment.zappa.MAX_STAGES": {"zappa_settings.json": '{"a": {"app_function": "main.app"}, "b": {}}'},
    "deployment.azure_functions.MAX_FUNCTIONS": {
        "host.json": "{}",
        **{f"{name}/function.json": "{}" for name in "ab"},
        **{f"{name}/__init__.py": "def main(): pass\n" for name in "ab"},
    },
    "deployment.kustomize.MAX_CHANGES": {
        "k8s/overlays/prod/kustomization.yaml": "resources: [../../a.yaml]\nreplicas: [{name: a}, {name: b}]\n",
        "k8s/a.yaml": POD,
    },
    "formats.yaml_nodes.MAX_ITEMS": {
        "compose.yaml": "services: {a: {image: a, environment: {A: b, C: d, E: f, G: h, I: j, K: l}}}\n"
    },
    "deployment.compose_loader.MAX_FILES": {
        "compose.yaml": "include: [a.yml, b.yml]\nservices: {}\n",
        **{f"{name}.yml": f"services: {{{name}: {{image: postgres}}}}\n" for name in "ab"},
    },
}
"""What lies behind bounds of files of deployment."""


@pytest.mark.parametrize("bound", BEYOND)
def test_files_of_deployment_beyond_a_bound_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bound: str
) -> None:
    write(tmp_path, {"main.py": "app = 1\n", "requirements.txt": "flask==3.1.2\n", **BEYOND[bound]})
    monkeypatch.chdir(tmp_path)

    def told() -> str:
        check.main(["--format", "json"])
        return capsys.readouterr().out

    said = re.compile("(?:more|larger) than [01] ")
    assert not said.search(told())
    monkeypatch.setattr(f"memguard_hooks.{bound}", 1)
    assert said.search(told())


BOUNDS = re.findall(r"^\| .* \| (\d+) \| `([\w.]+)\.(MAX_\w+)` \|", (DOCS / "security.md").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("figure", "module", "name"), BOUNDS)
def test_the_bounds_of_the_page_are_those_of_the_code(figure: str, module: str, name: str) -> None:
    assert getattr(importlib.import_module(f"memguard_hooks.{module}"), name) == int(figure)


def test_commands_that_a_script_calls_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stand-in for each command measures it, and is ended with it."""
    script = (
        "mkdir -p $1 && cd $1 && git init -q && echo 'web: python main.py' >Procfile && echo 'import torch' >main.py\n"
        "python -c 'import sys; sys.stderr.write(chr(27)); sys.exit(3)' >/dev/null 2>&1 ; echo $? >status\n"
        "python -c 'print(1)' | cat >said; python -c 'while True: pass' & sleep 1; kill -9 $!; wait $!; echo $? >>status\n"
    )
    write(tmp_path, {"scripts/one/run.sh": script, "scripts/two/make.sh": "mkdir $1 && touch $1/main.py && git init -q $1"})
    places = [tmp_path / name for name in ("first", "second")]
    for place in places:
        place.mkdir()
    assert not attack_by_script(sys.executable, tmp_path / "scripts" / "one", places[0], tmp_path / "log", is_traced=False)
    told = capsys.readouterr().out
    assert "ends with 3" in told
    assert r"""prints ["'\\x1b'"] to stderr""" in told
    assert "2 commands end with 0 3" in told
    assert (places[0] / "made" / "status").read_text(encoding="utf-8").split() == ["3", "137"]
    assert (places[0] / "made" / "said").read_text(encoding="utf-8") == "1\n"
    assert attack_by_script(sys.executable, tmp_path / "scripts" / "two", places[1], None, is_traced=False)
