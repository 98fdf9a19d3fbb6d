"""The hook `memory-budget` on real folders and real git repositories."""

from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from folders import commit, write

from memguard_hooks.app.estimate import MARGINS, SHARE_BELOW, SOURCE_FACTOR, UNION_ERROR, Nearness, add_processes
from memguard_hooks.catalog import lookup
from memguard_hooks.commands import check
from memguard_hooks.finding import Estimate, Figures
from memguard_hooks.hooks import memory_budget

MIB = 2**20


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def judge(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = memory_budget.main(["--format", "json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def total(module: str) -> float:
    footprint = lookup.find(module)
    assert footprint is not None
    return (footprint.resident + lookup.interpreter().resident) / MIB


def test_a_script_that_fits_prints_one_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import pandas\n", "Procfile": "worker: python main.py\n"})
    assert memory_budget.main([]) == 0
    output = capsys.readouterr()
    line = re.fullmatch(r"worker: (\d+) of 512 MiB \(default\)\n", output.out)
    assert line is not None
    assert int(line[1]) == pytest.approx(total("pandas"), abs=1)
    assert output.err == ""


def test_commands_that_run_at_once_count_together(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        root,
        {"main.py": "import pandas\n", "bot.py": "import boto3\n", "Procfile": "web: python main.py\nb: python bot.py\n"},
    )
    alone = [one["estimate_mib"]["expected"] for one in judge(capsys)[1]["services"]]
    write(root, {"Procfile": "web: python main.py & python -m bot\n"})
    (service,) = judge(capsys)[1]["services"]
    assert service["estimate_mib"]["expected"] == pytest.approx(sum(alone), abs=0.2)
    assert (service["processes"], service["verdict"], len(alone)) == (2, "ok", 2)
    write(root, {"Procfile": "web: python main.py & redis-server\n"})
    report = judge(capsys)[1]
    assert report["services"][0]["verdict"] == "unknown", "it takes at least that"
    why = "a command beside it (it is not known how redis-server starts)"
    assert report["services"][0]["reason"] == f"it takes at least that: {why} not counted"
    assert [one["reason"] for one in report["skipped"]] == [
        "one of the commands of web is not counted: it is not known how redis-server starts"
    ]


def test_json_has_all_that_is_promised(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"app/api.py": "import pandas\n", "app/main.py": "\nfrom app import api\n",
                 "Procfile": "web: uvicorn app.main:app\n"})  # fmt: skip
    status, report = judge(capsys)
    (service,) = report["services"]
    assert status == 0
    assert report["schema"] == 1
    assert {name: service[name] for name in ("name", "path", "line", "command", "entrypoint", "processes", "verdict")} == {
        "name": "web", "path": "Procfile", "line": 1, "command": "uvicorn app.main:app", "entrypoint": "app.main:app",
        "processes": 1, "verdict": "ok",
    }  # fmt: skip
    assert (service["limit_mib"], service["limit_source"]) == (512, "default")
    estimate = service["estimate_mib"]
    later = ["low", "expected", "high", "anonymous", "commit", "peak"]
    assert list(estimate) == ["low", "expected", "high", "anonymous", "all_loaded", "commit", "peak", "serving", "all"]
    assert list(estimate["serving"]) == list(estimate["all"]) == later
    assert estimate["low"] < estimate["expected"] < estimate["high"]
    assert estimate["anonymous"] < estimate["expected"] == estimate["all_loaded"]
    assert estimate["commit"] is None, "there is no commit to compare with"
    by_name = {part["package"]: part for part in service["parts"]}
    assert by_name["pandas"]["chain"] == [
        {"path": "app/main.py", "line": 2, "module": "app.api"},
        {"path": "app/api.py", "line": 1, "module": "pandas"},
    ]
    assert by_name["pandas"]["source"] == "catalog"
    assert by_name["(first-party)"]["source"] == "assumed"
    added_by_uvicorn = 1.5
    assert sum(part["mib"] for part in service["parts"]) + added_by_uvicorn == pytest.approx(estimate["expected"], abs=0.5)


TASK = {
    "memory": "100",
    "containerDefinitions": [
        {"name": "web", "image": "shop", "command": ["python", "main.py"]},
        {"name": "bot", "image": "shop", "command": ["python", "bot.py"]},
    ],
}
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  resources: {limits: {memory: 100Mi}}
  containers:
  - {name: web, image: shop, command: [python, main.py]}
  - {name: bot, image: shop, command: [python, bot.py]}
"""


@pytest.mark.parametrize(
    ("files", "label"),
    [
        pytest.param({"task-definition.json": json.dumps(TASK)}, "memory of the task", id="task"),
        pytest.param({"k8s/pod.yaml": POD}, "resources.limits.memory", id="pod"),
    ],
)
def test_containers_that_share_a_limit_are_summed(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], label: str
) -> None:
    apps = {"main.py": "import pandas\n", "bot.py": "import boto3\n", "Dockerfile": "FROM python:3.12\nCOPY . .\n"}
    write(root, {**apps, **files})
    _, alone = judge(capsys, "--limit", "900MiB")
    commit(root)
    write(root, {"bot.py": "import boto3\nimport flask\n"})
    status, report = judge(capsys)
    taken = [one["estimate_mib"]["expected"] for one in report["services"]]
    grown = [one["estimate_mib"]["commit"] for one in report["services"]]
    assert (status, report["services"][0]["verdict"]) == (1, "error")
    assert taken[0] == pytest.approx(taken[1], abs=0.2)
    assert grown[0] == pytest.approx(grown[1], abs=0.2)
    assert grown[0] > 1
    assert taken[0] - grown[0] == pytest.approx(sum(one["estimate_mib"]["expected"] for one in alone["services"]), abs=0.3)
    (found,) = report["findings"]
    told = re.search(r"web: (\d+) of 100 MiB", found["message"])
    assert told is not None, "it takes most, and one cause is told once"
    assert int(told[1]) == pytest.approx(taken[0], abs=0.6), "the report has a digit more"
    assert f"{label}, with " in found["message"]


def test_what_other_peoples_containers_reserve_is_left_to_them(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent = {"name": "agent", "image": "vendor/datadog-agent", "memoryReservation": 60}
    first = {**TASK["containerDefinitions"][0], "name": "web"}  # type: ignore[dict-item]
    task = json.dumps({"memory": "200", "containerDefinitions": [first, agent]})
    write(root, {"main.py": "", "Dockerfile": "FROM python:3.12\nCOPY . .\n", "task-definition.json": task})
    _, report = judge(capsys)
    assert [(one["name"], one["limit_mib"]) for one in report["services"]] == [("web", 140)]


SIDECARS = POD.replace("image: shop, command: [python, bot.py]", "image: fluent/fluent-bit")


@pytest.mark.parametrize(
    ("asked", "limit", "verdict", "said"),
    [
        ("", 100, "unknown", "at least 9.1 of 100 MiB (LABEL, not counting bot)"),
        ("60", 40, "ok", "9.1 of 40 MiB (LABEL less 60 MiB of bot)"),
        ("96", 4, "error", "9.1 of 4.0 MiB (LABEL less 96 MiB of bot)"),
    ],
)
@pytest.mark.parametrize("kind", ["task", "pod"])
def test_what_nobody_knows_of_a_container_beside_makes_the_sum_a_lower_bound(
    root: Path, capsys: pytest.CaptureFixture[str], kind: str, asked: str, limit: int, verdict: str, said: str
) -> None:
    agent = {"name": "bot", "image": "fluent/fluent-bit", **({"memoryReservation": int(asked)} if asked else {})}
    task = json.dumps({"memory": "100", "containerDefinitions": [TASK["containerDefinitions"][0], agent]})
    pod = SIDECARS.replace(
        "fluent-bit}", f"fluent-bit, resources: {{requests: {{memory: {asked}Mi}}}}}}" if asked else "fluent-bit}"
    )
    file = {"task-definition.json": task} if kind == "task" else {"k8s/pod.yaml": pod}
    write(root, {"main.py": "", "Dockerfile": "FROM python:3.12\nCOPY . .\n", **file})
    _, report = judge(capsys)
    (service,) = report["services"]
    assert (service["limit_mib"], service["verdict"]) == (limit, verdict)
    assert (service["reason"] is None) is (verdict != "unknown")
    memory_budget.main([])
    label = "ecs memory of the task" if kind == "task" else "kubernetes resources.limits.memory"
    assert said.replace("LABEL", label) in capsys.readouterr().out


def test_a_container_with_a_limit_of_its_own_shares_none(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pod = SIDECARS.replace("image: shop, command", "image: shop, resources: {limits: {memory: 90Mi}}, command")
    write(root, {"main.py": "", "Dockerfile": "FROM python:3.12\nCOPY . .\n", "k8s/pod.yaml": pod})
    assert [(one["limit_mib"], one["verdict"]) for one in judge(capsys)[1]["services"]] == [(90, "ok")]


def test_shared_packages_count_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import pandas\nimport numpy\n", "Procfile": "w: python main.py\n"})
    _, report = judge(capsys)
    assert report["services"][0]["estimate_mib"]["expected"] == pytest.approx(total("pandas"), rel=0.05)


def test_a_deferred_import_counts_only_once_it_has_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "def f():\n    import pandas\n", "Procfile": "w: python main.py\n"})
    _, report = judge(capsys)
    estimate = report["services"][0]["estimate_mib"]
    assert estimate["expected"] < 12
    assert estimate["all_loaded"] == pytest.approx(total("pandas"), rel=0.05)


def test_a_commit_is_told_what_it_costs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import flask\n", "Procfile": "w: python main.py\n"})
    commit(root)
    _, report = judge(capsys)
    assert report["services"][0]["estimate_mib"]["commit"] == 0
    memory_budget.main([])
    assert capsys.readouterr().out.endswith("MiB (default)\n")
    write(root, {"main.py": "import flask\nimport helper\n", "helper.py": "import pandas\n"})
    _, report = judge(capsys)
    added = report["services"][0]["estimate_mib"]["commit"]
    assert 45 < added < total("pandas")
    status, report = judge(capsys, "--limit", "80MiB")
    (finding,) = report["findings"]
    assert (status, finding["code"], finding["severity"]) == (1, "MG301", "error")
    assert (finding["path"], finding["line"], finding["column"]) == ("Procfile", 1, 1)
    assert finding["chain"][-1] == {"path": "helper.py", "line": 1, "module": "pandas"}
    assert "import pandas inside the function: -" in finding["fix"]
    assert "this commit brings pandas: +" in finding["fix"]


def test_only_the_fewest_imports_are_to_be_deferred(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import flask\nimport pandas\nimport numpy\n", "Procfile": "w: python main.py\n"})
    _, report = judge(capsys, "--limit", "75MiB")
    fix = report["findings"][0]["fix"]
    assert "import pandas inside the function" in fix
    assert "import flask inside the function" not in fix
    # numpy would stay in memory after pandas is deferred, and is then worth its own 16 MiB.
    assert fix.index("import pandas inside the function") < fix.index("main.py:2")


@pytest.mark.parametrize(
    ("limit", "code", "status"),
    [
        pytest.param("200MiB", None, 0, id="fits"),
        pytest.param("80MiB", "MG302", 0, id="near"),
        pytest.param("70MiB", "MG301", 1, id="over"),
    ],
)
def test_bands(root: Path, capsys: pytest.CaptureFixture[str], limit: str, code: str | None, status: int) -> None:
    write(root, {"main.py": "import pandas\n", "Procfile": "w: python main.py\n"})
    found, report = judge(capsys, "--limit", limit)
    assert found == status
    assert [finding["code"] for finding in report["findings"]] == ([code] if code else [])
    assert judge(capsys, "--limit", limit, "--fail-on", "warning")[0] == (1 if code else 0)
    assert judge(capsys, "--limit", limit, "--fail-on", "never")[0] == 0


def test_settings_of_budget_and_services(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {
        "main.py": "import pandas\n", "Procfile": "web: python main.py\nworker: python main.py -v\n",
        "memguard.toml": 'platform = "render-free"\n[budget]\nruntime = "100MiB"\n[services.worker]\nlimit = "1GiB"\n',
    })  # fmt: skip
    _, report = judge(capsys)
    web, worker = report["services"]
    assert (web["limit_mib"], web["limit_source"]) == (512, "memguard.toml:1 platform")
    assert (worker["limit_mib"], worker["limit_source"]) == (1024, "memguard.toml:5 limit")
    assert web["estimate_mib"]["expected"] == pytest.approx(total("pandas"), abs=1)
    assert web["estimate_mib"]["serving"]["expected"] == pytest.approx(total("pandas") + 100, abs=1)
    assert judge(capsys, "--platform", "local")[1]["services"][1]["limit_mib"] is None


def test_growth(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "", "Procfile": "w: python main.py\n", "memguard.toml": '[budget]\ngrowth = "25MiB"\n'})
    commit(root)
    write(root, {"main.py": "import pandas\n"})
    status, report = judge(capsys)
    (finding,) = report["findings"]
    assert (status, finding["code"]) == (1, "MG303")
    assert finding["message"].startswith("w grew by +5")


def test_a_commit_that_adds_processes_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"app.py": "import flask\napp = flask.Flask(__name__)\n", "gunicorn.conf": "bind = ':80'\n",
                 "Procfile": "web: gunicorn -c gunicorn.conf app:app\n"})  # fmt: skip
    commit(root)
    write(root, {"gunicorn.conf": "workers = 2\n"})
    memory_budget.main(["gunicorn.conf"])
    assert re.search(r"this commit \+\d+ \(2 processes, not 1\)\n", capsys.readouterr().out)


def test_an_unknown_platform_names_the_nearest(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "", "Procfile": "w: python main.py\n", "memguard.toml": '\nplatform = "render-fre"\n'})
    assert memory_budget.main([]) == 2
    assert capsys.readouterr().err == (
        "memguard.toml:2: error: unknown platform 'render-fre': did you mean 'render-free'?\n"
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param({"Procfile": "w: python gone.py\n"}, "gone.py is not in the repository", id="no-script"),
        pytest.param({"Procfile": "w: uvicorn app.gone:app\n", "app/__init__.py": ""},
                     "app.gone:app is not in the repository", id="no-module"),
        pytest.param({"Procfile": "w: bin/serve\n"}, "it is not known how serve starts", id="no-python"),
        pytest.param({"Procfile": "w: gunicorn :app\n"}, ":app is not in the repository", id="no-module"),
        pytest.param({"Procfile": "w: gunicorn a:a\n", "a.py": "",
                      "gunicorn.conf.py": "import os\nworkers = os.getpid()\n"},
                     "gunicorn.conf.py:2 computes workers: os.getpid()", id="settings-of-gunicorn"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_said(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], reason: str
) -> None:
    write(root, files)
    status, report = judge(capsys)
    assert status == 0
    (service,) = report["services"]
    assert (service["verdict"], service["estimate_mib"], service["reason"]) == ("unknown", None, reason)
    (finding,) = report["findings"]
    assert (finding["code"], finding["severity"], finding["line"]) == ("MG305", "warning", 1)
    assert finding["message"].startswith(f"w is not judged: {reason}")
    assert report["skipped"] == []
    write(root, {"memguard.toml": "[services.w]\nskip = 'it starts nothing of this repository'\n"})
    assert judge(capsys) == (0, {**report, "services": [], "findings": []})


def test_the_settings_tell_the_number_of_processes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def processes(number: str) -> tuple[str, int | None]:
        write(root, {"memguard.toml": f"[services.w]\nworkers = {number}\n" if number else ""})
        (service,) = judge(capsys)[1]["services"]
        return service["verdict"], service["processes"]

    write(root, {"Procfile": "w: gunicorn app:app --workers $WORKERS\n", "app.py": "import flask\napp = flask.Flask('a')\n"})
    assert processes("") == ("unknown", None)
    assert processes("2") == ("ok", 2)
    assert processes("1") == ("ok", 1)
    write(root, {"Procfile": "w: gunicorn app:app --workers 4\n"})
    assert processes("") == ("ok", 4)
    assert processes("2") == ("ok", 2), "the host may set another number than the command"
    calls = "".join(f"def f{at}():\n    f{at + 1}()\n" for at in range(3000))
    write(root, {"Procfile": "w: python app.py\n", "app.py": f"import flask\n{calls}def f3000():\n    pass\nf0()\n"})
    assert processes("") == ("unknown", None)
    assert "[services.w] workers = 1" in judge(capsys)[1]["findings"][0]["fix"]
    assert processes("1") == ("ok", 1), "what the finding says can be done"


def test_what_code_does_without_counts_where_it_is_installed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render = "services: [{type: web, name: w, runtime: python, plan: free, startCommand: flask run, buildCommand: %s}]\n"
    small = "pip install -r small.txt"
    app = "import flask\ntry:\n    import torch\nexcept ImportError:\n    torch = None\ndef f():\n    import torch\nf()\n"
    write(root, {"render.yaml": render % small, "app.py": app, "requirements.txt": "flask==3.1.0\ntorch==2.8.0\n"})
    write(root, {"small.txt": "flask==3.1.0\n"})

    def packages() -> set[str]:
        _, report = judge(capsys)
        return {part["package"] for part in report["services"][0]["parts"]} & {"flask", "torch"}

    assert packages() == {"flask"}
    write(root, {"small.txt": "flask==3.1.0\nsentence-transformers\n"})
    assert packages() == {"flask", "torch"}, "something that is installed brings it"
    write(root, {"small.txt": "flask==3.1.0\n", "render.yaml": render % f"{small} && pip install torch"})
    assert packages() == {"flask", "torch"}
    write(root, {"render.yaml": render % small, "requirements.txt": "flask==3.1.0\n"})
    assert packages() == {"flask", "torch"}, "nothing says that it is left out"


def test_a_module_that_its_package_lacks_leaves_a_lower_bound(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = "import flask\nfrom shop.services import orders\nfrom shop.local_settings import KEY\n"
    write(root, {"Procfile": "web: python run.py\n", "run.py": "import shop.main\n", "shop/main.py": start})
    write(root, {"shop/__init__.py": "", "shop/services/notes.txt": "", "requirements.txt": "flask==3.1.0\n"})
    status, report = judge(capsys)
    (service,) = report["services"]
    assert (status, service["verdict"]) == (0, "unknown")
    assert service["reason"] == "it takes at least that: shop/services.py not counted"
    assert [(one["path"], one["line"], one["reason"]) for one in report["skipped"]] == [
        ("shop/main.py", 2, "imports shop.services, which is not in the repository")
    ]
    write(root, {"shop/services/orders.py": ""})
    assert judge(capsys)[1]["services"][0]["verdict"] == "ok"
    (root / "shop/services/orders.py").unlink()
    guarded = start.replace(
        "from shop.services import orders", "try:\n    from shop.services import orders\nexcept ImportError: 0"
    )
    write(root, {"shop/main.py": guarded})
    assert judge(capsys)[1]["services"][0]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("limit", "verdict", "said"),
    [
        pytest.param("900m", "ok", None, id="fits"),
        pytest.param("70m", "unknown", "it takes [0-9]+ MiB one way and [0-9]+ another serving", id="hangs-on-the-machine"),
        pytest.param("20m", "error", "of 20 MiB.*cpu_count.*the most expensive way counts", id="one-is-too-much"),
    ],
)
def test_workers_with_a_bound_are_judged_by_it(
    root: Path, capsys: pytest.CaptureFixture[str], limit: str, verdict: str, said: str | None
) -> None:
    settings = "import multiprocessing as m\nworkers = max(2, min(4, m.cpu_count() * 2 + 1)) - 1\n"
    image = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD gunicorn -c conf.py app:app\n"
    compose = f"services:\n  web: {{build: ., mem_limit: {limit}}}\n"
    write(root, {"Dockerfile": image, "compose.yaml": compose, "conf.py": settings, "app.py": "import flask\napp = 1\n"})
    write(root, {"requirements.txt": "flask==3.1.0\ngunicorn==23.0.0\n"})
    _, report = judge(capsys)
    (service,) = report["services"]
    assert service["verdict"] == verdict
    if verdict == "ok":
        assert service["processes"] == 3
    if said is not None:
        messages = [one["message"] for one in report["findings"] if one["code"] in ("MG301", "MG305")]
        assert any(re.search(said, message) for message in messages), messages


@pytest.mark.parametrize(
    ("limit", "installed", "verdict", "said"),
    [
        pytest.param(
            "512MiB", "torch==2.5.1", "unknown", r"up to \d+ MiB that app.py:3 imports by a computed name", id="torch"
        ),
        pytest.param("512MiB", "rich==13.9.4", "ok", None, id="small"),
        pytest.param("8GiB", "torch==2.5.1", "ok", None, id="all-of-it-fits"),
    ],
)
def test_an_import_by_a_computed_name_may_load_all_that_is_installed(
    root: Path, capsys: pytest.CaptureFixture[str], limit: str, installed: str, verdict: str, said: str | None
) -> None:
    code = "import importlib, os, flask\n\nimportlib.import_module(os.environ['BACKEND'])\napp = flask.Flask('x')\n"
    write(root, {"Procfile": "web: gunicorn app:app\n", "app.py": code, "memguard.toml": f'limit = "{limit}"\n'})
    write(root, {"requirements.txt": f"flask==3.1.0\ngunicorn==23.0.0\n{installed}\n"})
    (service,) = judge(capsys)[1]["services"]
    assert service["verdict"] == verdict
    assert (service.get("reason") is None) if said is None else re.search(said, service["reason"])


COMPUTED = "import importlib, os\nimportlib.import_module(os.environ['BACKEND'])\n"
TWO_CONTAINERS = """\
{"family": "shop", "memory": "512", "containerDefinitions": [
 {"name": "web", "command": ["gunicorn", "app:app"], "image": "shop"},
 {"name": "jobs", "command": ["python", "jobs.py"], "image": "shop"}]}
"""
PYTHON_IMAGE = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"Procfile": "web: python jobs.py & gunicorn app:app\n"}, id="two-commands"),
        pytest.param(
            {
                "Procfile": "web: python start.py\n",
                "start.py": "import subprocess, flask\nsubprocess.Popen(['python', 'jobs.py'])\nflask.Flask('x').run()\n",
            },
            id="started-by-a-program",
        ),
        pytest.param(
            {"Procfile": 'web: if [ "$ROLE" = a ]; then python jobs.py; else gunicorn app:app; fi\n'},
            id="a-cheaper-way",
        ),
        pytest.param({"task-definition.json": TWO_CONTAINERS, "Dockerfile": PYTHON_IMAGE}, id="a-container-of-its-task"),
        pytest.param(
            {
                "Procfile": "web: gunicorn --dirty-app jobs:App --dirty-workers 1 app:app\n",
                "jobs.py": f"{COMPUTED}class App: pass\n",
            },
            id="dirty-workers-of-gunicorn",
        ),
    ],
)
@pytest.mark.parametrize(("installed", "is_open"), [("torch==2.5.1", True), ("rich==13.9.4", False)])
def test_an_import_by_a_computed_name_beside_a_service_is_not_forgotten(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], installed: str, *, is_open: bool
) -> None:
    write(root, {"app.py": "import flask\napp = flask.Flask('x')\n", "jobs.py": COMPUTED, **files})
    write(root, {"requirements.txt": f"flask==3.1.0\ngunicorn==25.1.0\n{installed}\n"})
    if "Procfile" in files:
        write(root, {"memguard.toml": 'limit = "512MiB"\n'})
    for service in judge(capsys)[1]["services"]:
        assert (service["verdict"], service["limit_mib"]) == ("unknown" if is_open else "ok", 512)
        reason = service.get("reason") or ""
        assert (re.search(r"up to [3-6]\d\d MiB that jobs.py:2 imports by a computed name", reason) is not None) == is_open


ANEW = """\
import multiprocessing, flask
from work import run
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=run)
    process.start()
"""


def test_an_import_by_a_computed_name_loads_in_each_process_that_starts_anew(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What all of them may load is told as one sum."""
    write(root, {"Procfile": "web: python start.py\n", "start.py": ANEW, "work.py": f"{COMPUTED}def run(): pass\n"})
    write(root, {"requirements.txt": "flask==3.1.0\ntorch==2.5.1\n", "memguard.toml": 'limit = "512MiB"\n'})

    def more() -> int:
        (service,) = judge(capsys)[1]["services"]
        found = re.search(r"up to (\d+) MiB that work.py:2 imports by a computed name", service["reason"])
        assert found is not None
        return int(found[1])

    both = more()
    write(root, {"start.py": ANEW.replace("spawn", "fork")})
    assert both > 1.8 * more()


UNREAD_TASK = """\
{"family": "shop", "memory": "2048", "containerDefinitions": [
 {"name": "web", "image": "me/web", "essential": true}, {"name": "log", "image": "fluent/fluent-bit"}]}
"""


@pytest.mark.parametrize(
    ("files", "limit", "source"),
    [
        pytest.param({"fly.toml": "[[vm]]\nmemory = '1gb'\n"}, 1024, "fly.toml:2 memory 1gb", id="fly"),
        pytest.param(
            {"render.yaml": "services: [{type: web, name: a, runtime: image, plan: standard}]\n"},
            2048, "render.yaml:1 plan standard", id="render",
        ),
        pytest.param(
            {".do/app.yaml": "services: [{name: a, image: {repository: x}, instance_size_slug: apps-s-1vcpu-1gb}]\n"},
            1024, ".do/app.yaml:1 instance_size_slug apps-s-1vcpu-1gb", id="digitalocean",
        ),
        pytest.param(
            {"manifest.yml": "applications: [{name: a, memory: 2G}]\n", "requirements.txt": "flask"},
            2048, "manifest.yml:1 memory 2G", id="cloud-foundry",
        ),
        pytest.param({"fly.toml": "[deploy]\n"}, 256, "fly.toml:1 without [[vm]]", id="of-fly"),
        pytest.param(
            {"task-definition.json": UNREAD_TASK, "web/Dockerfile": "FROM python:3.12\nCOPY . .\n", "web/app.py": ""},
            2048, "task-definition.json:1 memory of the task", id="ecs",
        ),
    ],
)  # fmt: skip
def test_the_host_of_a_service_that_cannot_be_read_is_told(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], limit: int, source: str
) -> None:
    write(root, files)
    (service,) = judge(capsys)[1]["services"]
    assert (service["verdict"], service["limit_mib"], service["limit_source"]) == ("unknown", limit, source)
    write(root, {"app.py": "import flask\n", "memguard.toml": f"[services.{service['name']}]\nentrypoints = ['app.py']\n"})
    (service,) = judge(capsys)[1]["services"]
    assert (service["verdict"], service["limit_mib"]) == ("ok", limit)


def test_a_plan_that_nobody_knows_is_no_missing_limit(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fly = "[processes]\nweb = 'gunicorn app:app -w 80'\n[[vm]]\nsize = 'l40s'\n"
    write(root, {"fly.toml": fly, "app.py": "import flask\n", "requirements.txt": "flask==3.1.0\ngunicorn==23.0.0\n"})
    (finding,) = [one for one in judge(capsys)[1]["findings"] if one["code"] == "MG301"]
    assert "it is not known what l40s has: it fits" in finding["message"]


def test_a_measured_program_with_an_unknown_number_of_workers_lacks_only_that(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"Procfile": "web: litellm --num_workers $(nproc)\n", "requirements.txt": "litellm[proxy]==1.75.0\n"})
    write(root, {"memguard.toml": 'limit = "1024MiB"\n'})
    (finding,) = (one for one in judge(capsys)[1]["findings"] if one["code"] == "MG305")
    said = "is not judged: the number of workers is .* depends on the CPUs of the host; with one worker it takes 3.. MiB"
    assert re.search(said, finding["message"])
    assert finding["fix"].startswith("write the number of workers into the start command\n")
    write(root, {"memguard.toml": 'limit = "256MiB"\n'})
    (service,) = judge(capsys)[1]["services"]
    assert service["verdict"] == "error"


def test_one_worker_that_is_too_much_is_an_error_however_many_there_are(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"Procfile": "web: gunicorn app:app --workers $(nproc)\n", "app.py": "import flask\napp = 1\n"})
    write(root, {"requirements.txt": "flask==3.1.0\ngunicorn==23.0.0\n", "memguard.toml": 'limit = "20MiB"\n'})
    status, report = judge(capsys)
    (service,) = report["services"]
    assert (status, service["verdict"]) == (1, "error")
    assert re.search("of 20 MiB .*CPUs of the host: one worker alone is too much", report["findings"][0]["message"])


def test_a_machine_of_fly_has_the_cpus_of_its_plan(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fly = '[processes]\nweb = "gunicorn app:app"\n[[vm]]\nmemory = "1gb"\ncpus = 2\n'
    settings = "import os\nworkers = os.cpu_count() * 2 + 1\n"
    write(root, {"fly.toml": fly, "gunicorn.conf.py": settings, "app.py": "import flask\napp = 1\n"})
    write(root, {"requirements.txt": "flask==3.1.0\ngunicorn==23.0.0\n"})
    (service,) = judge(capsys)[1]["services"]
    assert (service["processes"], service["verdict"]) == (5, "ok")


@pytest.mark.parametrize(
    ("limit", "verdict", "said"),
    [
        ("900m", "ok", r"$"),
        ("200m", "unknown", r".*: it takes (?P<least>\d+) MiB one way and (?P<most>\d+) another serving$"),
        ("20m", "error", r"web: (?P<most>\d+) of 20 MiB.* only at run time: the most expensive way counts"),
    ],
)
def test_the_most_expensive_start_counts_unless_only_that_is_too_much(
    root: Path, capsys: pytest.CaptureFixture[str], limit: str, verdict: str, said: str
) -> None:
    script = '#!/bin/sh\nif [ "$ALL" = 1 ]; then\n  exec gunicorn -w 4 heavy:app\nfi\nexec gunicorn -w 1 light:app\n'
    image = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD ./start.sh\n"
    compose = f"services:\n  web: {{build: ., mem_limit: {limit}}}\n"
    apps = {"heavy.py": "import pandas, openai\napp = 1\n", "light.py": "import flask\napp = 1\n"}
    write(root, {"Dockerfile": image, "compose.yaml": compose, "start.sh": script, **apps})
    write(root, {"requirements.txt": "flask\npandas\nopenai\ngunicorn\n"})
    _, report = judge(capsys)
    (service,) = report["services"]
    assert service["verdict"] == verdict
    messages = " ".join(one["message"] for one in report["findings"] if one["code"] in ("MG305", "MG301"))
    write(root, {"compose.yaml": compose.replace(limit, "9000m")})
    write(root, {"start.sh": script.replace("heavy:app", "light:app").replace("-w 4", "-w 1")})
    least = judge(capsys)[1]["services"][0]["estimate_mib"]["serving"]["expected"]
    write(root, {"start.sh": script.replace("light:app", "heavy:app").replace("-w 1", "-w 4")})
    most = judge(capsys)[1]["services"][0]["estimate_mib"]["serving"]["expected"]
    told = re.match(said, messages)
    assert told is not None
    expected = {"least": least, "most": most}
    assert {name: int(size) for name, size in told.groupdict().items()} == {
        name: pytest.approx(expected[name], abs=1) for name in told.groupdict()
    }
    if verdict == "ok":
        assert service["estimate_mib"]["serving"]["expected"] == most


UNREAD = {
    "compose": ("compose.yaml", "services: {api: {build: {context: ., target: gone}}}\n", "Dockerfile: has no stage gone"),
    "compose without an image": ("compose.yaml", "services:\n  api:\n    build: ./no\n", "there is no no/Dockerfile"),
    "compose below": ("deploy/compose.yaml", "services:\n  api:\n    build: ./no\n", "there is no deploy/no/Dockerfile"),
    "render": (
        "render.yaml",
        "services:\n- {type: web, name: api, runtime: image}\n",
        "it runs an image, whose command is not in the repository",
    ),
    "fly": ("fly.toml", "[build]\nimage = 'a/b'\n[processes]\n", "what its image runs is not read"),
    "heroku": ("heroku.yml", "build: {docker: {api: no/Dockerfile}}\n", "there is no no/Dockerfile"),
    "app engine": ("app.yaml", "runtime: python312\nservice: api\n", "it has no entrypoint, and there is no main.py"),
    "digitalocean": (".do/app.yaml", "services: [{name: api, dockerfile_path: no/Dockerfile}]", "there is no no/Dockerfile"),
    "serverless": (
        "serverless.yml",
        "provider: {name: aws, runtime: python3.12}\nfunctions:\n  api: {image: a}\n",
        "it runs an image, whose handler is not read",
    ),
    "kubernetes": ("k8s/a.yaml", """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec: {template: {spec: {containers: [{name: api, image: ghcr.io/acme/api}]}}}
""", "it has neither CMD nor ENTRYPOINT; its base image decides what runs"),
    "railway": ("railway.json", "{}", "it has neither CMD nor ENTRYPOINT; its base image decides what runs"),
    "image": ("README", "", "it has neither CMD nor ENTRYPOINT; its base image decides what runs"),
}  # fmt: skip
"""A file of each format, and why the service that it declares cannot be read."""


@pytest.mark.parametrize("name", UNREAD)
def test_a_service_whose_start_cannot_be_read_is_no_silent_one(
    root: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path, text, reason = UNREAD[name]
    image = {"Dockerfile": "FROM python:3.12\nRUN pip install flask\nCOPY . .\n"}
    if "/compose" in path:  # what stands in the root would win
        image = {}
    write(root, {**image, path: text, "app.py": "import flask\n"})
    status, report = judge(capsys)
    assert status == 0
    (service,) = report["services"]
    assert (service["verdict"], service["reason"]) == ("unknown", reason)
    (finding,) = report["findings"]
    named = service["name"]
    assert finding["code"] == "MG305"
    assert finding["message"].startswith(f"{named} is not judged: {reason}")
    assert report["skipped"] == []
    write(root, {"memguard.toml": f"[services.{named}]\nentrypoints = ['app.py']\n"})
    assert [one["verdict"] for one in judge(capsys)[1]["services"]] == ["ok"]
    write(root, {"memguard.toml": f"[services.{named}]\nskip = 'why'\n"})
    assert judge(capsys)[1]["services"] == []


def test_what_wins_over_an_image_is_judged_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"Dockerfile": "FROM python:3.12\n", "app.py": "", "Procfile": "web: python app.py\n"})
    assert [(one["name"], one["verdict"]) for one in judge(capsys)[1]["services"]] == [("web", "ok")]


def test_a_container_whose_script_starts_python_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The repository holds the script, which cannot be followed: that is no reason to say nothing."""
    pod = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec: {template: {spec: {containers: [{name: api, image: ghcr.io/acme/api, command: [/app/bin/serve.sh]}]}}}
"""
    script = 'eval "$SETUP"\nexec python -m api\n'
    write(root, {"k8s/a.yaml": pod, "bin/serve.sh": script, "Dockerfile": "FROM python:3.12\nCOPY . /app\n"})
    (service,) = judge(capsys)[1]["services"]
    assert (service["name"], service["verdict"]) == ("api", "unknown")


@pytest.mark.parametrize(("number", "said"), [
    pytest.param("$(nproc)", "3 fit into 256 MiB (memguard.toml:1 limit); 2 CPUs start 2", id="of-the-machine"),
    pytest.param("$WORKERS", "3 fit into 256 MiB (memguard.toml:1 limit)", id="of-a-variable"),
])  # fmt: skip
def test_what_one_worker_takes_is_said_where_their_number_is_unknown(
    root: Path, capsys: pytest.CaptureFixture[str], number: str, said: str
) -> None:
    write(root, {"Procfile": f"w: gunicorn a:a --workers {number}\n", "a.py": "import pandas\n",
                 "memguard.toml": 'limit = "256MiB"\n', "requirements.txt": "pandas==2.2.3\n"})  # fmt: skip
    _, report = judge(capsys)
    (service,), (finding,) = report["services"], report["findings"]
    assert 50 < service["per_process_mib"] < 100
    assert finding["code"] == "MG305"
    write(root, {"Procfile": "w: gunicorn a:a --workers 1\n"})
    (one,) = judge(capsys)[1]["services"]
    alone = one["estimate_mib"]["expected"]
    write(root, {"Procfile": "w: gunicorn a:a --workers 2\n"})
    more = judge(capsys)[1]["services"][0]["estimate_mib"]["expected"] - alone
    assert finding["message"].endswith(f"; with one worker it takes {alone:.0f} MiB, and {more:.0f} for each more; {said}")
    for workers, fits in ((3, True), (4, False)):
        write(root, {"Procfile": f"w: gunicorn a:a --workers {workers}\n"})
        assert (judge(capsys)[1]["services"][0]["verdict"] == "ok") is fits


def test_what_runs_beside_a_server_counts_where_the_number_of_its_workers_is_unknown(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seven were told to fit beside a worker of celery that left room for three."""
    write(root, {"a.py": "import pandas\n", "memguard.toml": 'limit = "512MiB"\n',
                 "b.py": "import celery\napp = celery.Celery()\nimport pandas\n"})  # fmt: skip

    def fitting(beside: str) -> int:
        write(root, {"Procfile": f"w: sh -c '{beside}gunicorn a:a --workers $(nproc)'\n"})
        (finding,) = judge(capsys)[1]["findings"]
        return int(finding["message"].partition("for each more; ")[2].split()[0])

    assert 0 < fitting("celery -A b worker -c 1 & ") < fitting("")
    assert fitting("celery -A b worker & ") == fitting("celery -A b worker -c 1 & ")


OF_CPUS = "celery -A a worker"
WORKER = {"a.py": "import celery\napp = celery.Celery()\n", "requirements.txt": "celery==5.4.0\n"}
ON_COMPOSE = {"Dockerfile": f"FROM python:3.12\nCOPY . /app\nWORKDIR /app\nCMD {OF_CPUS}\n"}


def in_compose(limit: str) -> str:
    """Return a file of compose with one service that has a limit or none."""
    return f"services:\n  w:\n    build: .\n{limit and f'    mem_limit: {limit}'}\n"


@pytest.mark.parametrize(("files", "verdict", "processes", "label"), [
    pytest.param({**ON_COMPOSE, "compose.yaml": in_compose("")}, "ok", 2,
                 "assumed for a compose service without mem_limit, judged with 2 CPUs", id="the-memory-is-assumed"),
    pytest.param({"Procfile": f"w: {OF_CPUS}\n"}, "ok", 8, "default, judged with 8 CPUs", id="a-dyno"),
    pytest.param({**ON_COMPOSE, "compose.yaml": in_compose("4g")}, "ok", 64,
                 "compose mem_limit, judged with 64 CPUs", id="any-machine"),
    pytest.param({**ON_COMPOSE, "compose.yaml": in_compose("128m")}, "unknown", None, "compose mem_limit", id="not-any"),
    pytest.param({**ON_COMPOSE, "compose.yaml": in_compose("72m")}, "error", 2,
                 "compose mem_limit, judged with 2 CPUs", id="not-even-two"),
    pytest.param({"Procfile": f"w: {OF_CPUS}\n", "memguard.toml": 'platform = "render-free"\n'}, "unknown", None,
                 "render free", id="no-dyno"),
])  # fmt: skip
def test_workers_that_follow_the_cpus_are_judged_with_those_of_their_machine(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], verdict: str, processes: int | None, label: str
) -> None:
    write(root, {**WORKER, **files})
    (service,) = judge(capsys)[1]["services"]
    assert (service["verdict"], service["processes"], service["cpus"]) == (verdict, processes, processes)
    memory_budget.main([])
    assert f"({label})" in capsys.readouterr().out


def test_settings_of_flask_outside_of_the_repository_are_only_not_known(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = """
        import flask
        from transformers import pipeline
        app = flask.Flask(__name__)
        app.config.from_pyfile("/etc/app.conf", silent=True)
        model = pipeline("summarization", model=app.config["MODEL"])
    """
    write(root, {"Procfile": "web: gunicorn app:app\n", "app.py": dedent(app)})
    (service,) = judge(capsys)[1]["services"]
    assert service["entrypoint"] == "app:app"


def test_a_program_that_runs_no_python_is_not_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"Procfile": "w: npm start\n"})
    _, report = judge(capsys)
    assert (report["services"], report["findings"]) == ([], [])


def test_no_service_is_said_and_is_no_error(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import pandas\n"})
    assert memory_budget.main([]) == 0
    assert "no service is declared" in capsys.readouterr().err
    status, report = judge(capsys, "--entrypoint", "main.py")
    assert status == 0
    assert report["services"][0]["path"] == "main.py"
    assert report["services"][0]["estimate_mib"]["expected"] > 50


def test_workers_multiply_unless_they_are_preloaded(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"app.py": "import flask\nimport pandas\n"})
    found = {}
    for name, command in {
        "one": "gunicorn app:app", "three": "gunicorn -w 3 app:app", "preload": "gunicorn -w 3 --preload app:app",
        "spawn": "uvicorn app:app --workers 3",
    }.items():  # fmt: skip
        write(root, {"Procfile": f"web: {command}\n"})
        (service,) = judge(capsys)[1]["services"]
        found[name] = service["estimate_mib"]["expected"]
    assert found["one"] < found["preload"] < found["three"]
    # Three times the anonymous memory, once the pages of files.
    assert 2 * found["one"] < found["three"] < 3 * found["one"]
    assert found["spawn"] == pytest.approx(found["three"], rel=0.15)


def test_a_file_that_does_not_parse_is_skipped_and_the_rest_is_judged(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"main.py": "import broken\nimport pandas\n", "broken.py": "def (:\n", "Procfile": "w: python main.py\n"})
    status, report = judge(capsys)
    assert status == 0
    assert report["services"][0]["estimate_mib"]["expected"] > 50
    (skipped,) = report["skipped"]
    assert (skipped["path"], skipped["line"]) == ("broken.py", 1)


def test_broken_blueprint_is_exit_2_and_json_is_printed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"render.yaml": "services: [\n"})
    status, report = judge(capsys)
    assert status == 2
    (broken,) = [skipped for skipped in report["skipped"] if skipped["path"] == "render.yaml"]
    assert broken["reason"].startswith("column 1: is not valid YAML")


def test_a_link_out_of_the_repository_is_not_followed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = root / "outside.py"
    inner = root / "repo"
    write(root, {"outside.py": "import pandas\n", "repo/Procfile": "w: python main.py\n", "repo/main.py": "import link\n"})
    (inner / "link.py").symlink_to(outside)
    subprocess.run(["git", "init", "-q"], cwd=inner, check=True)
    import os

    os.chdir(inner)
    _, report = judge(capsys)
    assert report["services"][0]["estimate_mib"]["expected"] < 12
    assert {"path": "link.py", "line": None, "reason": "leads out of the repository"} in report["skipped"]


def test_what_is_deferred_loads_in_each_preloaded_worker(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = []
    for options in ("", "-w 3 --preload"):
        write(
            root, {"app.py": "import flask\ndef f():\n    import pandas\n", "Procfile": f"w: gunicorn {options} app:app\n"}
        )
        start = judge(capsys)[1]["services"][0]["estimate_mib"]
        late.append([start["all"][name] - start[name] for name in ("expected", "anonymous")])
    (resident, anonymous), (together, _) = late
    assert anonymous > 30
    # The pages of files are shared, what a worker has allocated is its own. That much makes it collect garbage, which
    # touches what it shared until then.
    assert 10 < together - resident - 2 * anonymous < 40


def test_names_of_lazy_packages_are_priced(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        root,
        {"a.py": "import celery\n", "b.py": "from celery import Celery\n", "Procfile": "a: python a.py\nb: python b.py\n"},
    )
    bare, named = (service["estimate_mib"]["expected"] for service in judge(capsys)[1]["services"])
    assert named > bare + 10


def test_the_framework_is_not_to_be_deferred(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import fastapi\n", "Procfile": "web: uvicorn main:app --workers 20\n"})
    _, report = judge(capsys)
    assert report["findings"][0]["fix"].splitlines()[0] == "start 11 workers"


def test_one_service_inherits_what_it_does_not_set(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = '[budget]\nfail = "10%"\nruntime = "80MiB"\n[services.web]\nlimit = "512MiB"\n'
    write(root, {"main.py": "import pandas\n", "Procfile": "web: python main.py\n", "memguard.toml": settings})
    status, report = judge(capsys)
    assert (status, report["findings"][0]["code"]) == (1, "MG301")
    assert report["services"][0]["estimate_mib"]["serving"]["expected"] > 140


def test_what_could_not_be_read_is_not_said_to_fit(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import pandas\nimport api\n", "api.py": "x = (\n", "Procfile": "web: python main.py\n"})
    _, report = judge(capsys)
    assert report["services"][0]["verdict"] == "unknown"
    memory_budget.main([])
    assert capsys.readouterr().out.startswith("web: at least ")
    write(root, {"main.py": "import pandas\nx = (\n"})
    assert judge(capsys)[1]["services"][0]["estimate_mib"] is None


def test_what_is_too_much_without_what_could_not_be_read_is_an_error(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"app.py": "import broken\nimport pandas\nimport litellm\n", "broken.py": "def f(:\n"}
    write(root, {**files, "Procfile": "web: python app.py\n"})
    status, report = judge(capsys, "--limit", "100MiB")
    assert status == 1
    assert [one["code"] for one in report["findings"]] == ["MG301"]
    assert report["services"][0]["verdict"] == "error"


def test_bounds_of_parts_join_by_the_root_of_the_sum_of_their_squares(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"main.py": "import pandas\nimport boto3\nimport litellm\n", "Procfile": "web: python main.py\n"}
    write(root, {**files, "requirements.txt": "pandas==2.2.3\nboto3==1.41.0\nlitellm==1.69.3\n"})
    (service,) = judge(capsys)[1]["services"]
    estimate, sizes = service["estimate_mib"], {one["package"]: one["mib"] for one in service["parts"]}
    first_party = sizes.pop("(first-party)")
    shares = {"boto3": MARGINS["far"], **dict.fromkeys(sizes.keys() - {"boto3"}, MARGINS["exact"])}
    bounds = [size * shares[package] for package, size in sizes.items()]
    bounds.append(estimate["expected"] * UNION_ERROR)
    low = math.hypot(*bounds, first_party * (1 - SOURCE_FACTOR.low / SOURCE_FACTOR.expected))
    high = math.hypot(*bounds, first_party * (SOURCE_FACTOR.high / SOURCE_FACTOR.expected - 1))
    assert estimate["expected"] - estimate["low"] == pytest.approx(low, abs=0.3)
    assert estimate["high"] - estimate["expected"] == pytest.approx(high, abs=0.3)
    assert high < 0.7 * sum(bounds)


@pytest.mark.parametrize(
    ("version", "margin"),
    [("1.14.1", "beyond"), ("1.54.0", "far"), ("0.13.0", "major"), ("1.69.3", "exact")],
)
def test_a_version_far_from_all_measured_ones_has_a_wider_range_and_is_told(
    root: Path, capsys: pytest.CaptureFixture[str], version: str, margin: Nearness
) -> None:
    write(root, {"main.py": "import litellm\n", "Procfile": "web: python main.py\n"})
    write(root, {"requirements.txt": f"litellm=={version}\n"})
    (service,) = judge(capsys)[1]["services"]
    estimate, (part,) = service["estimate_mib"], [one for one in service["parts"] if one["package"] == "litellm"]
    bounds = math.hypot(part["mib"] * MARGINS[margin], estimate["expected"] * UNION_ERROR)
    assert estimate["high"] - estimate["expected"] == pytest.approx(bounds, rel=0.1)
    memory_budget.main(["--table"])
    assert (f" (measured; the project has {version})" in capsys.readouterr().out) == (margin in ("beyond", "major"))


@pytest.mark.parametrize(("module", "least", "most"), [("flask", 14, 15.2), ("pandas", 48, 52)])
def test_small_workers_of_gunicorn_share_pages_of_its_arbiter(
    root: Path, capsys: pytest.CaptureFixture[str], module: str, least: float, most: float
) -> None:
    """Each further worker took 14.2 to 15.2 MiB, which would be 18.3 if it shared nothing; with pandas 49.3."""
    sizes = []
    for workers in (1, 4):
        write(root, {"app.py": f"import flask\nimport {module}\n", "Procfile": f"web: gunicorn -w {workers} app:app\n"})
        sizes.append(judge(capsys)[1]["services"][0]["estimate_mib"]["expected"])
    assert least <= (sizes[1] - sizes[0]) / 3 <= most


def test_bounds_of_two_groups_of_processes_join_likewise() -> None:
    workers, dirty = (Estimate(*[one] * 3) for one in (Figures(70, 100, 140, 50), Figures(160, 200, 230, 90)))
    together = add_processes(workers, dirty).serving
    assert (together.low, together.expected, together.high) == (250, 300, 350)


def test_a_past_that_cannot_be_read_is_no_growth(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "x = (\n", "Procfile": "w: python main.py\n", "memguard.toml": '[budget]\ngrowth = "25MiB"\n'})
    commit(root)
    write(root, {"main.py": "import pandas\n"})
    status, report = judge(capsys)
    assert (status, report["services"][0]["estimate_mib"]["commit"]) == (0, None)


@pytest.mark.usefixtures("root")
def test_a_platform_is_checked_where_no_service_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert memory_budget.main(["--platform", "rendr-free"]) == 2
    assert "did you mean 'render-free'?" in capsys.readouterr().err


def test_pessimists_are_judged_by_the_upper_end(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import unheard_of\n", "Procfile": "w: python main.py\n"})
    assert judge(capsys, "--limit", "30MiB")[1]["findings"] == []
    (finding,) = judge(capsys, "--limit", "30MiB", "--pessimistic")[1]["findings"]
    estimate = judge(capsys)[1]["services"][0]["estimate_mib"]
    assert finding["code"] == "MG301"
    most = re.search(r": up to (\d+) MiB$", finding["message"])
    assert most is not None
    assert int(most[1]) == pytest.approx(estimate["high"], abs=0.6)
    write(root, {"memguard.toml": 'limit = "30MiB"\n[budget]\npessimistic = true\n'})
    assert [one["code"] for one in judge(capsys)[1]["findings"]] == ["MG301"]
    write(
        root, {"memguard.toml": 'limit = "30MiB"\n[budget]\npessimistic = true\n[services.w.budget]\npessimistic = false\n'}
    )
    assert judge(capsys)[1]["findings"] == []
    write(root, {"memguard.toml": '[budget]\npessimistic = "yes"\n'})
    assert judge(capsys)[0] == 2


def test_what_preloading_would_save_is_advice(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for options in ("", "--preload", "-k gevent"):
        write(root, {"app.py": "import flask\nimport pandas\n", "Procfile": f"web: gunicorn -w 3 {options} app:app\n"})
        _, report = judge(capsys, "--limit", "60MiB")
        found[options] = (report["services"][0]["estimate_mib"]["serving"]["expected"], report["findings"][0]["fix"])
    saved = found[""][0] - found["--preload"][0]
    assert f"or start with --preload: -{saved:.0f} MiB, unless" in found[""][1]
    assert "--preload" not in found["--preload"][1]
    assert "--preload" not in found["-k gevent"][1], "what gevent replaces must not be imported before"


def test_what_preloaded_workers_load_again_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = "import flask\napp = flask.Flask(__name__)\n@app.route('/')\ndef f():\n    {}\n"
    taken = []
    for body in ("pass", "import pandas"):
        write(root, {"app.py": app.format(body), "Procfile": "w: gunicorn -w 3 --preload app:app\n"})
        _, report = judge(capsys, "--limit", "50MiB")
        taken.append(report["services"][0]["estimate_mib"]["serving"]["expected"])
    late = taken[1] - taken[0]
    assert f"once for all 3 workers, not +{late:.0f} MiB in them: -" in report["findings"][0]["fix"]


def test_dirty_workers_of_gunicorn_load_their_apps(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"app.py": "import flask\n", "ml.py": "import pandas\nclass Model: ...\n"}
    found = []
    for options in ("", "--dirty-app ml:Model --dirty-workers 1", "--dirty-app ml:Model --dirty-workers 2"):
        write(root, {**files, "Procfile": f"w: gunicorn {options} app:app\n"})
        found.append(judge(capsys)[1]["services"][0]["estimate_mib"]["expected"])
    assert found[1] - found[0] > 55
    assert 1 < found[2] - found[1] < 20, "what a worker writes to; the apps are imported before the fork"
    write(root, {"Procfile": "w: gunicorn --dirty-app gone:Model --dirty-workers 1 app:app\n"})
    _, report = judge(capsys)
    assert report["services"][0]["verdict"] == "unknown"
    reason = "the dirty workers of w are not counted: gone:Model is not in the repository"
    assert {"path": "Procfile", "line": 1, "reason": reason} in report["skipped"]


def test_copies_have_a_limit_each_and_are_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blueprint = (
        "services:\n  - {type: web, name: a, runtime: python, plan: free, numInstances: %s, startCommand: python main.py}\n"
    )
    found = []
    for number in (1, 3):
        write(
            root,
            {
                "main.py": "import torch\n",
                "render.yaml": blueprint % number,
                "memguard.toml": '[budget]\nruntime = "300MiB"\n',
            },
        )
        _, report = judge(capsys)
        found.append((report["services"][0]["estimate_mib"]["expected"], report["findings"][0]["message"]))
    assert found[0][0] == found[1][0]
    assert "replicas" not in found[0][1]
    assert found[1][1].endswith(": in each of 3 replicas")


def test_a_server_that_adds_workers_is_told_by_both_numbers(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"app.py": "import celery\nimport pandas\napp = celery.Celery()\n",
                 "Procfile": "w: celery -A app worker --autoscale=4,2\n"})  # fmt: skip
    _, report = judge(capsys, "--limit", "100MiB")
    assert ": 2 to 4 processes of " in report["findings"][0]["message"]


@pytest.mark.parametrize("name", ["heroku-standard-1x", "Heroku-Standard-1X", "heroku standard_1x"])
def test_a_platform_is_the_same_however_it_is_written(root: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write(root, {"app.py": "import flask\napp = flask.Flask(__name__)\n", "Procfile": "web: gunicorn app:app\n"})
    (service,) = judge(capsys, "--platform", name)[1]["services"]
    assert (service["processes"], service["limit_mib"]) == (2, 512)


def test_the_table_tells_what_a_service_is_made_of(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"a/b.py": "import pandas\n", "main.py": "import flask\nimport a.b\n", "Procfile": "w: python main.py\n"})
    assert memory_budget.main(["--table"]) == 0
    first, *rows = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"w: \d+ of 512 MiB \(default\)", first)
    cells = [re.fullmatch(r" +([\d.]+) MiB  (.*)", row) for row in rows]
    assert all(cells)
    texts = [cell[2] for cell in cells if cell]
    assert re.fullmatch(r"python 3\.\d+\.\d+", texts[0])
    assert re.fullmatch(r"pandas [\d.]+  main\.py:2 → a/b\.py:1", texts[1])
    assert re.fullmatch(r"flask [\d.]+ +main\.py:1", texts[2])
    assert texts[-1] == "in all"
    sizes = [float(cell[1]) for cell in cells if cell]
    assert sum(sizes[:-1]) == pytest.approx(sizes[-1], abs=2)


def test_what_is_over_the_budget_has_its_table(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        root, {"main.py": "def f():\n    import sklearn\n\nimport pandas\n", "Procfile": "w: uvicorn main:app --workers 3\n"}
    )
    assert memory_budget.main(["--limit", "100MiB"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Procfile:1:1: MG301 w: ")
    (process,) = [line for line in lines if line.endswith(" a process")]
    (together,) = [line for line in lines if line.endswith(" 3 processes, shared pages counted once")]
    assert float(together.split()[0]) > 2 * float(process.split()[0])
    assert any(re.fullmatch(r" +\+\d+ MiB  once all that is deferred has run", line) for line in lines)
    assert not any(line.startswith("    chain:") for line in lines)


def test_pandas_loads_what_computes_of_pyarrow_where_that_is_installed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside pyarrow 26.0.1 pandas 3.1.1 took 92.5 MiB by itself on CPython 3.11.7, and 57.7 without it."""
    write(root, {"app.py": "import pandas\n", "Procfile": "worker: python app.py\n", ".python-version": "3.11\n"})

    def taken(pins: str) -> float:
        write(root, {"requirements.txt": pins})
        capsys.readouterr()
        memory_budget.main(["--format", "json"])
        (service,) = json.loads(capsys.readouterr().out)["services"]
        return float(service["estimate_mib"]["expected"])

    assert taken("pandas==3.1.1\npyarrow==26.0.1\n") - taken("") == pytest.approx(92.5 - 57.7, abs=4)


def test_an_optional_import_counts_where_it_is_installed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """scikit-learn imports pandas where it is there; nothing in the project does."""
    files = {"main.py": "import sklearn\n", "Procfile": "w: python main.py\n", "requirements.txt": "scikit-learn\n"}
    write(root, files)
    without = judge(capsys)[1]["services"][0]
    write(root, {"requirements.txt": "scikit-learn\npandas\n"})
    together = judge(capsys)[1]["services"][0]
    assert "pandas" not in [part["package"] for part in without["parts"]]
    (part,) = [part for part in together["parts"] if part["package"] == "pandas"]
    assert part["chain"] == [{"path": "main.py", "line": 1, "module": "sklearn"}]
    assert together["estimate_mib"]["expected"] > without["estimate_mib"]["expected"] + 20


def test_every_place_of_an_import_to_defer_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        root,
        {
            "main.py": "import flask\nimport a\nimport b\n",
            "a.py": "import pandas\n",
            "b.py": "\nfrom pandas import DataFrame\n",
            "Procfile": "w: python main.py\n",
        },
    )
    _, report = judge(capsys, "--limit", "90MiB")
    assert re.search(
        r"import pandas inside the function: -\d+ MiB \(main\.py:2 → a\.py:1 → pandas; also b\.py:2\)",
        report["findings"][0]["fix"],
    )


def test_versions_are_those_of_the_folder_of_the_service(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        root,
        {
            "backend/main.py": "import pandas\n",
            "backend/requirements.txt": "pandas==2.1.4\n",
            "requirements.txt": "pandas==2.2.3\n",
            "Procfile": "w: cd backend && python main.py\n",
        },
    )
    assert judge(capsys)[1]["services"][0]["parts"][1]["version"] == "2.1.4"


LOCK = """version = 1
[[package]]
name = "wrapper"
version = "1.0"
source = {{ registry = "here" }}
dependencies = [{{ name = "pandas" }}]
wheels = [
    {{ url = "wrapper-1.0-py3-none-any.whl", hash = "sha256:0", size = {size} }},
]

[[package]]
name = "pandas"
version = "2.2.3"
source = {{ registry = "here" }}

[[package]]
name = "app"
version = "1"
source = {{ virtual = "." }}
dependencies = [{{ name = "wrapper" }}]
"""


def test_an_unknown_package_is_assumed_by_its_wheel_and_by_what_it_requires(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def estimate(size: int) -> tuple[dict[str, Any], dict[str, Any]]:
        write(root, {"uv.lock": LOCK.format(size=size)})
        (service,) = judge(capsys)[1]["services"]
        return service["estimate_mib"], service["parts"][1]

    write(root, {"main.py": "import wrapper\n", "Procfile": "w: python main.py\n"})
    without, bare = judge(capsys)[1]["services"][0]["estimate_mib"], judge(capsys)[1]["services"][0]["parts"][1]
    assert (bare["package"], bare["source"]) == ("wrapper", "assumed")
    small, part = estimate(20_000)
    assert part["source"] == "assumed"
    assert small["expected"] > without["expected"] + 20
    assert small["high"] >= total("pandas")
    large, _ = estimate(20_000_000)
    assert large["high"] > small["high"] + 10
    assert large["low"] <= small["expected"]
    assert memory_budget.main(["--table"]) == 0
    assert "    nobody measured wrapper: `memguard measure` does\n" in capsys.readouterr().out


@pytest.mark.parametrize("asked", ["", "    #   -r requirements.in\n"], ids=["brought", "asked-for-too"])
def test_the_comments_of_a_compiled_file_tell_what_an_unknown_package_requires(
    root: Path, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    write(root, {"main.py": "import wrapper\n", "Procfile": "w: python main.py\n"})
    write(root, {"requirements.txt": "pandas==2.2.3\nwrapper==1.0\n"})
    guessed = judge(capsys)[1]["services"][0]["estimate_mib"]
    compiled = f"pandas==2.2.3\n    # via\n{asked}    #   wrapper\nwrapper==1.0\n    # via -r requirements.in\n"
    write(root, {"requirements.txt": compiled + "requests==2.32.3\n    # via wrapper\n"})
    estimate = judge(capsys)[1]["services"][0]["estimate_mib"]
    assert estimate["expected"] > guessed["expected"] + 20
    write(
        root,
        {"requirements.txt": compiled.replace("   wrapper\n", "   other\n", 1) + "other==1  # via -r requirements.in\n"},
    )
    others = judge(capsys)[1]["services"][0]["estimate_mib"]
    assert others["expected"] == guessed["expected"]
    is_told = not asked  # else no comment names a package alone, and nobody tells that this one requires nothing
    assert (others["high"] < guessed["high"] - 20) == is_told


def test_the_lock_nearest_to_what_starts_counts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a repository of several apps each has its lock: that of another says nothing, and that above an app does."""

    def judged() -> list[tuple[float, list[tuple[str, str | None]]]]:
        found = judge(capsys)[1]["services"]
        return [
            (one["estimate_mib"]["expected"], [(part["package"], part["version"]) for part in one["parts"]]) for one in found
        ]

    compose = "services:\n  api:\n    build: backend\n    working_dir: /srv\n    command: python src/main.py\n"
    files = {"compose.yaml": compose, "backend/Dockerfile": "FROM python:3.11\nWORKDIR /srv\nCOPY . .\n"}
    write(root, {**files, "backend/src/main.py": "import wrapper\nimport pandas\n"})
    ((without, parts),) = judged()
    write(root, {"frontend/uv.lock": LOCK.format(size=20_000).replace("2.2.3", "1.5.3")})
    assert judged() == [(without, parts)]
    write(root, {"backend/uv.lock": LOCK.format(size=20_000)})
    ((beside, parts),) = judged()
    assert ("pandas", "2.2.3") in parts
    (root / "backend/uv.lock").rename(root / "uv.lock")
    assert judged() == [(beside, parts)]
    write(root, {"backend/uv.lock": LOCK.format(size=20_000).replace("2.2.3", "1.5.3")})
    ((nearest, _),) = judged()
    assert nearest != beside


def test_a_module_below_one_that_loads_late_takes_what_its_names_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`celery.signals` takes 19.7 MiB, `celery.utils.log` 17.6, and `celery` alone 2.2."""
    write(root, {"main.py": "from celery.utils.log import get_task_logger\n", "Procfile": "w: python main.py\n"})
    (service,) = judge(capsys)[1]["services"]
    assert service["estimate_mib"]["expected"] == pytest.approx(total("celery:Celery"), rel=0.02)
    assert service["estimate_mib"]["low"] <= total("celery")
    write(root, {"main.py": "import celery\n"})
    (service,) = judge(capsys)[1]["services"]
    assert service["estimate_mib"]["expected"] == pytest.approx(total("celery"), rel=0.04)


def test_a_module_below_an_empty_package_takes_a_part_of_what_others_do(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of `starlette`, 0.2 MiB, other modules take 13.9 to 15.6 MiB where `starlette.applications` takes 16.5."""

    def estimate(text: str) -> dict[str, float]:
        write(root, {"main.py": text, "Procfile": "w: python main.py\n"})
        found: dict[str, float] = judge(capsys)[1]["services"][0]["estimate_mib"]["serving"]
        return found

    bare, whole = total("starlette"), total("starlette.applications")
    seen = estimate("from starlette.responses import JSONResponse\n")
    assert seen["expected"] == pytest.approx(bare + SHARE_BELOW * (whole - bare), rel=0.04)
    assert seen["low"] <= bare
    assert seen["high"] >= whole
    assert estimate("import starlette\nfrom starlette.responses import JSONResponse\n")["expected"] == seen["expected"]
    assert estimate("import botocore.exceptions\n")["expected"] == pytest.approx(total("botocore"), rel=0.04)
    alone = estimate("import fastapi\n")["expected"]
    assert estimate("import fastapi\nimport starlette.responses\n")["expected"] == pytest.approx(alone, abs=0.5)


def test_the_standard_library_counts_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import asyncio\nfrom xml.dom import minidom\n", "Procfile": "w: python main.py\n"})
    (service,) = judge(capsys)[1]["services"]
    (part,) = [one for one in service["parts"] if one["package"] == "(standard library)"]
    assert 8 < part["mib"] < 16
    write(root, {"main.py": "import asyncio\nimport ssl\nimport aiohttp\n"})
    (service,) = judge(capsys)[1]["services"]
    assert sum(one["mib"] for one in service["parts"]) == pytest.approx(total("aiohttp"), rel=0.04)


def test_what_is_called_as_the_app_loads_counts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A client of S3 reads the descriptions of its service: 15 MiB that `import boto3` does not take."""

    def expected(main: str) -> float:
        write(root, {"main.py": main, "Procfile": "w: python main.py\n"})
        return float(judge(capsys)[1]["services"][0]["estimate_mib"]["expected"])

    bare = expected("import boto3\n")
    assert expected("import boto3\ndef f():\n    return boto3.client('s3')\n") == pytest.approx(bare, abs=0.1)
    assert expected("import boto3\ns3 = boto3.client('s3')\n") > bare + 8
    assert expected("from boto3 import client\ns3 = client('s3')\n") > bare + 8


def test_the_newest_version_that_a_range_admits_counts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def version(requirement: str) -> str:
        write(root, {"main.py": "import pandas\n", "Procfile": "w: python main.py\n", "requirements.txt": requirement})
        return str(judge(capsys)[1]["services"][0]["parts"][1]["version"])

    newest = version("pandas\n")
    assert version("pandas>=2\n") == newest
    assert version("pandas>=2,<2.3\n") == "2.2.3"
    assert version("pandas~=2.1.0\n") == "2.1.4"
    assert version("pandas<1\n") == newest


def test_a_package_that_is_a_root_too_keeps_its_name(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        root,
        {
            "src/__init__.py": "",
            "src/a.py": "from .b import x\n",
            "src/b.py": "from .c import x\n",
            "src/c.py": "import pandas as x\n",
        },
    )
    _, report = judge(capsys, "--entrypoint", "-m src.a")
    assert "pandas" in [part["package"] for part in report["services"][0]["parts"]]
    assert report["skipped"] == []


def test_what_the_server_loads_first_is_not_to_be_deferred(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Gunicorn's worker imports gevent before the app does."""
    write(
        root,
        {"app.py": "import gevent\nimport pandas\ndef app(e, s): pass\n", "Procfile": "w: gunicorn -k gevent app:app\n"},
    )
    status, report = judge(capsys, "--limit", "40MiB")
    assert status == 1
    assert "import gevent inside the function" not in report["findings"][0]["fix"]
    assert "import pandas inside the function: -" in report["findings"][0]["fix"]


@pytest.mark.parametrize(
    "main",
    [
        pytest.param('import importlib\nimportlib.import_module("\\ud800x")\n', id="half a character"),
        pytest.param('import importlib\nimportlib.import_module("a\\tb")\n', id="tab"),
        pytest.param('import importlib\nimportlib.import_module("celery:Celery")\n', id="colon"),
        pytest.param('import importlib\nimportlib.import_module("zz\\nmain.py:1:1: MG301 x")\n', id="line"),
    ],
)
def test_odd_names_of_modules_do_no_harm(root: Path, capsys: pytest.CaptureFixture[str], main: str) -> None:
    write(root, {"main.py": main, "Procfile": "w: python main.py\n"})
    assert memory_budget.main(["--table"]) == 0
    output = capsys.readouterr()
    assert not any(line.startswith("main.py:") for line in output.out.splitlines())
    assert "internal error" not in output.err


def test_one_statement_is_told_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import boto3\ns3 = boto3.client('s3')\n", "Procfile": "w: python main.py\n"})
    _, report = judge(capsys, "--limit", "40MiB")
    assert [part["package"] for part in report["services"][0]["parts"]].count("boto3") == 1


def test_a_call_that_a_commit_adds_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = '[tool.memguard.budget]\ngrowth = "5MiB"\n'
    write(root, {"main.py": "import boto3\n", "Procfile": "w: python main.py\n", "pyproject.toml": settings})
    commit(root)
    write(root, {"main.py": "import boto3\ns3 = boto3.client('s3')\n"})
    _, report = judge(capsys)
    (finding,) = report["findings"]
    assert finding["code"] == "MG303"
    assert re.search(r"this commit brings s3 \(boto3\.client\): \+1\d MiB", finding["fix"])


def test_what_is_deferred_never_takes_less(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import catboost\ndef f():\n    import scipy\n", "Procfile": "w: python main.py\n"})
    estimate = judge(capsys)[1]["services"][0]["estimate_mib"]
    assert estimate["all_loaded"] >= estimate["expected"]


@pytest.mark.parametrize(
    ("requirements", "is_light"),
    [
        pytest.param("sentence-transformers\n", False, id="nothing said of torch"),
        pytest.param("sentence-transformers\ntorch==2.5.0\n", False, id="the usual wheel"),
        pytest.param("sentence-transformers\ntorch==2.5.0+cpu\n", True, id="the build"),
        pytest.param(
            "--extra-index-url https://wheels.example/whl/cpu\nsentence-transformers\ntorch==2.5.0\n", True, id="the index"
        ),
    ],
)
def test_what_brings_torch_brings_the_build_that_is_installed(
    root: Path, capsys: pytest.CaptureFixture[str], *, requirements: str, is_light: bool
) -> None:
    """The catalog has it beside the wheel for CPUs; the usual one takes 300 MiB more."""
    write(root, {
        "requirements.txt": requirements, "Procfile": "web: python main.py\n", "main.py": "import sentence_transformers\n"
    })  # fmt: skip
    _, report = judge(capsys, "--limit", "8GiB")
    light, full = (lookup.find("torch", "torch", version) for version in ("0+cpu", None))
    assert light is not None
    assert full is not None
    expected = report["services"][0]["estimate_mib"]["expected"] * 2**20
    torch, more = (light if is_light else full).resident, 100 * 2**20
    assert torch + more < expected < torch + light.resident + more


def test_what_manage_py_runs_holds_all_of_django(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`django.setup` loads what `import django` does not, in each process."""
    files = {"s.py": "SECRET_KEY = 'x'\nINSTALLED_APPS = []\n", "requirements.txt": "django==5.2.8\ndramatiq==1.18.0\n"}
    files["manage.py"] = (
        "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 's')\n"
        "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    )
    for command in ("rundramatiq --processes 4", "runserver --noreload", "serve_own"):
        write(root, {**files, "Procfile": f"web: python manage.py {command}\n"})
        (service,) = judge(capsys)[1]["services"]
        django = sum(one["mib"] for one in service["parts"] if one["package"].startswith("django.core."))
        assert django > 15, command


def test_what_comes_to_nothing_has_no_row(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"app.py": "import pandas\n", "Procfile": "web: python app.py\n"})
    memory_budget.main(["--table"])
    assert " 0.0 MiB" not in capsys.readouterr().out


COMPOSE = """\
services:
  app:
    build: .
    command: {}
"""
IMAGE = "FROM python:3.11\nCOPY . .\nCMD gunicorn app:app\n"
RENDER = "services:\n- {type: web, name: api, runtime: python, startCommand: python app.py}\n"


@pytest.mark.parametrize(
    ("files", "winner", "losers"),
    [
        pytest.param({"render.yaml": RENDER, "Procfile": "web: gunicorn app:app\n"}, "api", ["Procfile:1"], id="beside"),
        pytest.param({"render.yaml": RENDER, "Procfile": "web: python app.py\n"}, "api", [], id="the-same"),
        pytest.param(
            {"Procfile": "web: gunicorn app:app\n", "jobs/railway.toml": '[deploy]\nstartCommand = "python work.py"\n',
             "jobs/work.py": "import json\n"},
            "web", ["jobs/railway.toml:2"], id="below",
        ),
        pytest.param(
            {"Procfile": "web: gunicorn app:app\n", "jobs/railway.toml": "[deploy\n"}, "web", [], id="broken-below"
        ),
        pytest.param(
            {"Procfile": "web: gunicorn app:app\n", "compose.yaml": COMPOSE.format("gunicorn -w 4 app:app"),
             "Dockerfile": IMAGE}, "web", ["compose.yaml:4"], id="compose",
        ),
        pytest.param(
            {"render.yaml": RENDER, "compose.yaml": COMPOSE.format("gunicorn -w 4 app:app"), "Dockerfile": IMAGE},
            "api", ["compose.yaml:4", "Dockerfile:3"], id="compose-beside",
        ),
        pytest.param(
            {"Procfile": "web: gunicorn app:app\n", "compose.yaml": COMPOSE.format("flask run --debug")}, "web", [],
            id="compose-of-developers",
        ),
        pytest.param(
            {"Procfile": "web: gunicorn app:app\n", "compose.yaml": "services: [\n"}, "web", [], id="broken-compose"
        ),
    ],
)  # fmt: skip
def test_commands_that_lose_are_named_with_the_winner(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], winner: str, losers: list[str]
) -> None:
    write(root, {"app.py": "import flask\napp = flask.Flask(__name__)\n", **files})
    (service,) = judge(capsys)[1]["services"]
    assert (service["name"], service["instead_of"]) == (winner, losers)
    assert memory_budget.main([]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    told = [f"    {service['path']} wins over {', '.join(losers)}"] if losers else []
    assert output.out.splitlines()[1:] == told
    for form in ("markdown", "html"):
        check.main(["--select", "memory-budget", "--format", form])
        assert ("wins over" in capsys.readouterr().out) is bool(losers)


def test_a_version_between_two_has_a_range_that_covers_both(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import aiogram\n", "Procfile": "w: python main.py\n", "requirements.txt": "aiogram==3.24.0\n"})
    estimate = judge(capsys)[1]["services"][0]["estimate_mib"]
    beside = [one.resident / 2**20 for one in lookup.find_beside("aiogram", "aiogram", "3.24.0", "3.11")]
    bare = lookup.interpreter("3.11").resident / 2**20
    assert estimate["low"] < bare + min(beside) + 1
    assert estimate["high"] > bare + max(beside) - 1


def test_another_major_version_has_a_wide_range(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"main.py": "import seaborn\n", "Procfile": "w: python main.py\n", "requirements.txt": "seaborn==1.0.0\n"})
    estimate = judge(capsys)[1]["services"][0]["estimate_mib"]
    assert estimate["high"] - estimate["expected"] > 0.4 * (estimate["expected"] - 10)


def test_a_submodule_that_was_not_measured_may_take_as_much_as_others(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"main.py": "import scipy.cluster\n", "Procfile": "w: python main.py\n"})
    alone = judge(capsys)[1]["services"][0]["estimate_mib"]
    measured = [one.resident for name in lookup.submodules("scipy") for one in lookup.modules()[name]]
    assert alone["high"] > max(measured) / 2**20


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param(["main.py"], ("web", "main.py", 1, "render.yaml:1 plan free"), id="another-file-on-the-same-host"),
        pytest.param(
            ["app:app"], ("web", "app:app", 2, "render.yaml:1 plan free"), id="what-the-file-starts-with-its-workers"
        ),
        pytest.param(["main.py", "app:app"], ("main.py", "main.py", 1, "default"), id="several"),
    ],
)
def test_an_entry_point_of_the_command_line_wins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    asked: list[str],
    told: tuple[str, str, int, str],
) -> None:
    monkeypatch.chdir(tmp_path)
    blueprint = "services: [{type: web, name: web, runtime: python, plan: free, startCommand: gunicorn -w 2 app:app}]\n"
    write(tmp_path, {"render.yaml": blueprint, "app.py": "app = 1\n", "main.py": "import json\n"})
    _, report = judge(capsys, *(word for one in asked for word in ("--entrypoint", one)))
    first = report["services"][0]
    assert (first["name"], first["entrypoint"], first["processes"], first["limit_source"]) == told
    assert len(report["services"]) == len(asked)


@pytest.mark.parametrize(
    ("files", "python"),
    [
        pytest.param({}, "3.13.0", id="default-of-render-is-3.14"),
        pytest.param({".python-version": "3.12\n"}, "3.12.1", id="what-render-asks"),
        pytest.param({"pyproject.toml": "[project]\nname = 'x'\nrequires-python = '==3.11.*'\n"}, "3.11.7", id="project"),
    ],
)
def test_the_python_of_a_platform_is_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], files: dict[str, str], python: str
) -> None:
    monkeypatch.chdir(tmp_path)
    blueprint = "services: [{type: web, name: web, runtime: python, plan: free, startCommand: python main.py}]\n"
    write(tmp_path, {"render.yaml": blueprint, "main.py": "import json\n", **files})
    assert memory_budget.main(["--verbose"]) == 0
    assert f"python {python}" in capsys.readouterr().out


def test_apps_of_django_count_with_what_sets_them_up(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def expected(*apps: str) -> float:
        write(root, {"settings.py": f"INSTALLED_APPS = {[f'django.contrib.{app}' for app in apps]}\n"})
        found: float = judge(capsys)[1]["services"][0]["estimate_mib"]["expected"]
        return found

    wsgi = "import os\nfrom django.core.wsgi import get_wsgi_application\n"
    wsgi += "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\napplication = get_wsgi_application()\n"
    write(
        root, {"wsgi.py": wsgi, "Procfile": "web: gunicorn wsgi\n", "requirements.txt": "django==5.2.8\ngunicorn==23.0.0\n"}
    )
    without, with_auth = expected("contenttypes"), expected("contenttypes", "auth")
    assert with_auth > without + 2
    assert expected("contenttypes", "auth", "admin") > with_auth + 1


@pytest.mark.parametrize("pin", ["==2.10.6", "~=2.10.0", "<2.11"])
def test_models_take_more_with_an_older_pydantic(root: Path, capsys: pytest.CaptureFixture[str], pin: str) -> None:
    def expected(pydantic: str) -> float:
        write(root, {"requirements.txt": f"fastapi==0.115.12\npydantic{pydantic}\n"})
        found: float = judge(capsys)[1]["services"][0]["estimate_mib"]["expected"]
        return found

    write(root, {"main.py": "import fastapi\n", "Procfile": "web: python main.py\n"})
    assert expected(pin) > expected("") + 2
    assert expected("==1.10.24") < expected(pin)


def test_an_adapter_loads_what_it_is_named_after(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def packages(requirements: str, source: str) -> set[str]:
        write(root, {"requirements.txt": requirements, "main.py": source})
        return {part["package"] for part in judge(capsys)[1]["services"][0]["parts"]}

    write(root, {"Procfile": "web: python main.py\n"})
    source = "from gql.transport.aiohttp import AIOHTTPTransport\n"
    assert "aiohttp" in packages("gql==4.0.0\naiohttp==3.11.18\n", source)
    assert "aiohttp" not in packages("gql==4.0.0\n", source)
    source = "from starlette.requests import Request\n"
    assert "requests" not in packages("starlette==0.47.3\nrequests==2.32.5\n", source)


def test_a_range_without_a_measured_version_takes_the_nearest(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def estimate(requirement: str) -> dict[str, float]:
        write(root, {"requirements.txt": f"{requirement}\n"})
        found: dict[str, float] = judge(capsys)[1]["services"][0]["estimate_mib"]
        return found

    write(root, {"Procfile": "web: python main.py\n", "main.py": "import aiogram\n"})
    assert estimate("aiogram~=3.24.0") == estimate("aiogram==3.24.0")
    assert estimate("aiogram~=3.24.0") != estimate("aiogram")


def test_a_package_that_nobody_measured_loads_some_of_the_standard_library(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def assumed(source: str) -> dict[str, float]:
        write(root, {"main.py": source, "requirements.txt": "fastapi==0.115.12\n"})
        parts = judge(capsys)[1]["services"][0]["parts"]
        return {part["package"]: part["mib"] for part in parts if part["source"] == "assumed"}

    write(root, {"Procfile": "w: python main.py\n"})
    alone = assumed("import unheard_of\n")
    assert 6 < alone.pop("(standard library)") < 9
    assert alone.pop("unheard_of") == pytest.approx(2.9, abs=0.1)
    assert "(standard library)" not in assumed("import fastapi, unheard_of\n")


@pytest.mark.parametrize("size", ["import celery\n", "import celery\nimport pandas\n"])
def test_processes_of_celery_never_take_less_as_they_serve(
    root: Path, capsys: pytest.CaptureFixture[str], size: str
) -> None:
    write(root, {"app.py": f"{size}app = celery.Celery()\n", "Procfile": "w: celery -A app worker -c 4\n"})
    figures = judge(capsys)[1]["services"][0]["estimate_mib"]
    assert figures["expected"] <= figures["serving"]["expected"] <= figures["all"]["expected"]


TASKIQ_BROKER = "from taskiq import InMemoryBroker\nbroker = InMemoryBroker()\n"


@pytest.mark.parametrize(
    ("command", "broker", "decorator"),
    [
        ("dramatiq app jobs.more -p 1", "import dramatiq\n", "dramatiq.actor"),
        ("taskiq worker app:broker jobs.more -w 1", TASKIQ_BROKER, "app.broker.task"),
        ("celery -A app worker -c 1 -I jobs.more", "from celery import Celery\napp = Celery('t')\n", "celery.shared_task"),
    ],
)
def test_modules_behind_the_first_are_loaded_too(
    root: Path, capsys: pytest.CaptureFixture[str], command: str, broker: str, decorator: str
) -> None:
    module = decorator.partition(".")[0]
    jobs = f"import {module}\n@{decorator}\ndef plot():\n    import pandas\n"
    write(root, {"Procfile": f"w: {command}\n", "app.py": broker, "jobs/__init__.py": "", "jobs/more.py": jobs})
    write(root, {"requirements.txt": f"{module}\npandas\ntaskiq\n"})
    (service,) = judge(capsys)[1]["services"]
    assert {one["package"]: one["moment"] for one in service["parts"]}.get("pandas") == "serving"


def test_only_the_worker_runs_tasks(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = """
        from celery import Celery, Task
        app = Celery("t")
        @app.task
        def plot():
            import pandas
        class Predict(Task):
            def run(self):
                import spacy
        app.register_task(Predict())
        @app.on_after_configure.connect
        def plan(sender, **kwargs):
            import litellm
    """
    procfile = "w: celery -A tasks worker -c 1\nb: celery -A tasks beat\nf: celery -A tasks flower\n"
    write(root, {"Procfile": procfile, "tasks.py": dedent(tasks), "requirements.txt": "celery\npandas\nspacy\nlitellm\n"})
    _, report = judge(capsys)
    found = [{one["package"]: one["moment"] for one in service["parts"]} for service in report["services"]]
    moments = [{name: parts.get(name) for name in ("pandas", "spacy", "litellm")} for parts in found]
    idle = {"pandas": "all", "spacy": "all", "litellm": "start"}
    assert moments == [{"pandas": "serving", "spacy": "serving", "litellm": "start"}, idle, idle]


def test_flower_takes_more_than_the_scheduler(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`celery flower` loads tornado with its pages; the package `flower` by itself holds nothing."""
    procfile = "beat: celery -A tasks beat\nflower: celery -A tasks flower\n"
    write(root, {"Procfile": procfile, "tasks.py": "from celery import Celery\napp = Celery('t')\n"})
    _, report = judge(capsys)
    beat, flower = (one["estimate_mib"]["serving"]["expected"] for one in report["services"])
    assert flower > beat + 5
