"""What a service takes by each moment: at start, once its handlers have run, and with all that is deferred."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from folders import commit, write

from memguard_hooks.app import walks
from memguard_hooks.commands import check
from memguard_hooks.finding import MOMENTS
from memguard_hooks.hooks import memory_budget
from memguard_hooks.imports import graph

SITE = {
    "shop/wsgi.py": "import os\nimport django\nos.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'\n",
    "shop/settings.py": "ROOT_URLCONF = 'shop.urls'\n",
    "shop/urls.py": "from shop.views import report\n",
    "shop/views.py": "import pandas\n\ndef seldom():\n    import torch\n",
    "Procfile": "web: gunicorn shop.wsgi\n",
}
"""A site of Django, whose views are imported with the first request."""

PROXY = """\
class LazyImporter:
    def __init__(self, name):
        self.name = name
    def __getattr__(self, attribute):
        return getattr(__import__(self.name), attribute)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write(tmp_path, SITE)


def judge(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    memory_budget.main(["--format", "json", *arguments])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    memory_budget.main(arguments)
    return capsys.readouterr().out


def by_moment(service: dict[str, Any], name: str = "expected") -> list[float]:
    start = service["estimate_mib"]
    return [start[name], start["serving"][name], start["all"][name]]


@pytest.mark.parametrize("command", ["gunicorn", "gunicorn -w 3", "gunicorn -w 3 --preload"])
def test_each_moment_holds_the_one_before(root: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    write(root, {"Procfile": f"web: {command} shop.wsgi\n", "shop/views.py": "import pandas, unheard_of\nimport boto3\n"})
    (service,) = judge(capsys)["services"]
    for name in ("low", "expected", "high", "anonymous", "peak"):
        assert by_moment(service, name) == sorted(by_moment(service, name))
    assert service["judged"] == "serving"
    start, serving, _ = by_moment(service)
    assert serving - start > 50
    assert service["estimate_mib"]["all_loaded"] == service["estimate_mib"]["all"]["expected"]


def test_the_parts_of_each_moment_make_its_process(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"Procfile": "web: python -m shop.wsgi\n"})
    (service,) = judge(capsys)["services"]
    moments = {part["package"]: part["moment"] for part in service["parts"] if part["chain"] and part["mib"] > 1}
    assert moments == {"django": "start", "pandas": "serving", "torch": "all"}
    for number, expected in enumerate(by_moment(service), start=1):
        parts = [part["mib"] for part in service["parts"] if part["moment"] in MOMENTS[:number]]
        assert sum(parts) == pytest.approx(expected, abs=0.5)


OPTIONAL = {
    "main.py": "import flask\napp = flask.Flask(__name__)\n@app.get('/')\ndef embed(kind):\n"
    "    if kind == 'local':\n        from sentence_transformers import SentenceTransformer\n"
    "        return SentenceTransformer('all-MiniLM-L6-v2')\n",
    "Procfile": "web: gunicorn main:app\n",
    "requirements.txt": "flask==3.0.3\ngunicorn==22.0.0\n",
}


@pytest.mark.parametrize(
    ("files", "moment"),
    [
        pytest.param({}, "all", id="nothing installs it"),
        pytest.param({"requirements.txt": ""}, "serving", id="nothing is declared"),
        pytest.param({"requirements.txt": "flask\nsentence-transformers\n"}, "serving", id="declared"),
        pytest.param({"requirements-ml.txt": "sentence-transformers\n"}, "serving", id="declared elsewhere"),
        pytest.param({"requirements.txt": "flask\nbertopic\n"}, "serving", id="brought by what was not measured"),
        pytest.param({"requirements.txt": "flask\nsome-library[all]\n"}, "serving", id="an extra with much"),
        pytest.param({"ml/requirements.txt": "-r ${FILE}\n"}, "serving", id="a file that nobody can read"),
        pytest.param({"setup.py": "from setuptools import setup\nsetup(install_requires=any(1))\n"}, "all", id="computed"),
        pytest.param(
            {"Procfile": None, "Dockerfile": "FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\n"
             "CMD gunicorn main:app\n"}, "all", id="an image of Python",
        ),
        pytest.param(
            {"Procfile": None, "Dockerfile": "FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\n"
             "RUN pip install sentence-transformers\nCMD gunicorn main:app\n"}, "serving", id="installed by name",
        ),
        pytest.param(
            {"Procfile": None, "Dockerfile": "FROM acme/models\nCOPY . .\nRUN pip install -r requirements.txt\n"
             "CMD gunicorn main:app\n"}, "serving", id="an image with more",
        ),
        pytest.param({"main.py": OPTIONAL["main.py"] + "import sentence_transformers\n"}, "start", id="needed at start"),
    ],
)  # fmt: skip
def test_what_nothing_installs_loads_nothing_as_the_app_serves(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str | None],
    moment: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {name: text for name, text in {**OPTIONAL, **files}.items() if text is not None})
    report = judge(capsys)
    (service,) = report["services"]
    moments = {part["package"]: part["moment"] for part in service["parts"]}
    assert moments["sentence_transformers"] == moment
    assert (moments["sentence-transformers all-MiniLM-L6-v2"] == "all") == (moment == "all")
    told = [one for one in report["findings"] if "nothing here installs sentence_transformers" in one["message"]]
    assert [(one["code"], one["severity"]) for one in told] == ([("MG304", "warning")] if moment == "all" else [])


@pytest.mark.parametrize("made", ["memguard_hooks.runtime.lazy('pandas')", "LazyImporter('pandas')"])
def test_what_stands_for_a_module_is_that_once_requests_come(
    root: Path, capsys: pytest.CaptureFixture[str], made: str
) -> None:
    main = f"import flask, memguard_hooks.runtime\nfrom lazily import LazyImporter\npandas = {made}\n"
    main += "app = flask.Flask(__name__)\n@app.get('/')\ndef f():\n    return pandas.DataFrame()\n"
    write(root, {"main.py": main, "lazily.py": PROXY, "Procfile": "web: gunicorn main:app\n"})
    report = judge(capsys)
    (service,) = report["services"]
    assert report["findings"] == []
    assert {part["package"]: part["moment"] for part in service["parts"] if part["package"].startswith("pandas")} == {
        "pandas": "serving"
    }


def test_what_is_loaded_at_start_costs_the_same_whatever_comes_later(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start, _, _ = by_moment(judge(capsys)["services"][0])
    write(root, {"shop/views.py": "import litellm\nimport sklearn\n"})
    assert by_moment(judge(capsys)["services"][0])[0] == start


def test_what_workers_load_after_the_fork_is_in_each(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = {}
    for options in ("", "-w 3", "-w 3 --preload"):
        write(root, {"Procfile": f"web: gunicorn {options} shop.wsgi\n"})
        (service,) = judge(capsys)["services"]
        late[options] = by_moment(service)[1] - by_moment(service)[0]
    assert late["-w 3"] == pytest.approx(late["-w 3 --preload"], rel=0.15), "preloading shares what is loaded before it"
    assert late[""] * 2 < late["-w 3"] < late[""] * 3, "the pages of files are shared"


@pytest.mark.usefixtures("root")
def test_serving_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    start, serving, everything = (round(size) for size in by_moment(judge(capsys)["services"][0]))
    assert say(capsys, "--limit", "1GiB") == f"web: {start} MiB at start, {serving} serving, of 1024 (--limit)\n"
    report = judge(capsys, "--limit", "80MiB")
    (finding,) = report["findings"]
    assert finding["code"] == "MG301"
    lead = f"web: {serving} of 80 MiB serving, {start} at start (--limit): after the start pandas in shop/views.py:1"
    assert finding["message"] == lead
    assert finding["mib"] == pytest.approx(serving, abs=0.5)
    assert [step["path"] for step in finding["chain"]][-1] == "shop/views.py"
    assert report["services"][0]["verdict"] == "error"
    assert everything > serving + 100


@pytest.mark.parametrize(("judged", "verdict"), [("start", "ok"), ("serving", "error"), ("all", "error")])
@pytest.mark.parametrize("how", ["option", "setting", "service"])
def test_which_moment_is_judged_can_be_said(
    root: Path, capsys: pytest.CaptureFixture[str], judged: str, verdict: str, how: str
) -> None:
    settings = {
        "option": "",
        "setting": f'[budget]\njudge = "{judged}"\n',
        "service": f'[budget]\njudge = "all"\n[services.web.budget]\njudge = "{judged}"\n',
    }
    write(root, {"memguard.toml": f'limit = "80MiB"\n{settings[how]}'})
    (service,) = judge(capsys, *(["--judge", judged] if how == "option" else []))["services"]
    assert (service["judged"], service["verdict"]) == (judged, verdict)


def test_a_moment_that_there_is_not_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"memguard.toml": '[budget]\njudge = "idle"\n'})
    assert memory_budget.main([]) == 2
    assert "budget.judge must be 'start', 'serving' or 'all', not 'idle'" in capsys.readouterr().err


def test_a_service_whose_moments_are_alike_has_one_figure(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"shop/views.py": ""})
    assert re.fullmatch(r"web: \d+ of 512 MiB \(default\)\n", say(capsys))


def test_pessimists_take_the_upper_end_of_the_judged_moment(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"shop/views.py": "import unheard_of\n"})
    high = by_moment(judge(capsys)["services"][0], "high")
    assert high[1] > high[0] + 15
    limit = f"{round(high[0] / 0.8)}MiB"
    assert judge(capsys, "--limit", limit, "--pessimistic")["services"][0]["verdict"] == "error"
    assert judge(capsys, "--limit", limit, "--pessimistic", "--judge", "start")["services"][0]["verdict"] == "warning"


def test_a_commit_grows_each_moment_by_its_own(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"shop/views.py": "", "memguard.toml": '[budget]\ngrowth = "25MiB"\n'})
    commit(root)
    assert by_moment(judge(capsys)["services"][0], "commit") == [0, 0, 0]
    write(root, {"shop/views.py": "import pandas\n\ndef seldom():\n    import boto3\n"})
    report = judge(capsys)
    start, serving, everything = by_moment(report["services"][0], "commit")
    assert (start, serving > 40, everything > serving + 5) == (0, True, True)
    (finding,) = report["findings"]
    assert (finding["code"], finding["mib"]) == ("MG303", serving)
    assert "this commit brings pandas: +" in finding["fix"]
    assert judge(capsys, "--judge", "start")["findings"] == []
    write(root, {"memguard.toml": ""})
    assert say(capsys).endswith(f" (default), this commit +0 at start, +{serving:.0f} serving\n")


@pytest.mark.usefixtures("root")
def test_all_that_is_deferred_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    start, serving, everything = (round(size) for size in by_moment(judge(capsys)["services"][0]))
    report = judge(capsys, "--limit", "300MiB")
    (finding,) = report["findings"]
    assert (finding["code"], finding["severity"], report["services"][0]["verdict"]) == ("MG304", "warning", "ok")
    assert finding["message"].startswith(
        f"web: {everything} of 300 MiB with all that is deferred, {start} at start, {serving} serving (--limit): "
        "after the start torch"
    )
    assert [one["code"] for one in judge(capsys, "--limit", "300MiB", "--judge", "all")["findings"]] == ["MG301"]
    assert judge(capsys, "--limit", "2GiB")["findings"] == []


def test_what_requests_take_is_added_once_they_come(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without = by_moment(judge(capsys)["services"][0])
    write(root, {"memguard.toml": '[budget]\nruntime = "100MiB"\n'})
    added = [now - then for now, then in zip(by_moment(judge(capsys)["services"][0]), without, strict=True)]
    assert added == pytest.approx([0, 100, 100], abs=0.2)


def test_a_baseline_is_compared_by_its_moment(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of version 0.1.0 names no moment, and is of the start."""
    write(root, {"memguard.toml": 'limit = "70MiB"\n'})
    capsys.readouterr()
    assert check.main(["--write-baseline"]) == 0
    baseline = json.loads((root / "memguard-baseline.json").read_text("utf-8"))
    (row,) = baseline["services"]
    start, serving, _ = by_moment(judge(capsys)["services"][0])
    assert (row["moment"], row["mib"]) == ("serving", serving)
    assert judge(capsys)["findings"] == []
    write(root, {"shop/views.py": "import pandas\nimport litellm\n"})
    assert "MG303" in [one["code"] for one in judge(capsys)["findings"]]
    del row["moment"]
    row["mib"] = start
    write(root, {"memguard-baseline.json": json.dumps(baseline)})
    assert judge(capsys)["findings"] == [], "the start has not grown"
    write(root, {"shop/wsgi.py": f"{SITE['shop/wsgi.py']}import litellm\n"})
    (finding,) = judge(capsys)["findings"]
    assert finding["code"] == "MG303"
    assert check.main(["--prune-baseline"]) == 0
    (row,) = json.loads((root / "memguard-baseline.json").read_text("utf-8"))["services"]
    assert (row["moment"], row["mib"]) == ("start", start)
    row["moment"] = "later"
    write(root, {"memguard-baseline.json": json.dumps({"schema": 1, "findings": [], "services": [row]})})
    assert memory_budget.main([]) == 2


@pytest.mark.usefixtures("root")
def test_a_table_tells_the_moments_apart(capsys: pytest.CaptureFixture[str]) -> None:
    output = say(capsys, "--table", "--limit", "1GiB")
    rows = re.findall(r"^ +(\+?[\d.]+) MiB  (\S.*)$", output, re.MULTILINE)
    names = [text if text[:2] in ("a ", "in") else text.split()[0] for _, text in rows]
    order = ["gunicorn.app.wsgiapp", "a process at start", "pandas", "in all"]
    assert [name for name in names if name in order] == order
    assert "torch" not in names
    at_start = names.index("a process at start")
    assert sum(float(size) for size, _ in rows[:at_start]) == pytest.approx(float(rows[at_start][0]), abs=1)
    assert rows[-1][1] == "once all that is deferred has run"


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("style", ["text", "markdown", "github", "html", "sarif"])
def test_each_format_tells_the_judged_moment(capsys: pytest.CaptureFixture[str], style: str) -> None:
    start, serving, _ = (round(size) for size in by_moment(judge(capsys)["services"][0]))
    capsys.readouterr()
    check.main(["--limit", "80MiB", "--format", style])
    output = capsys.readouterr().out
    assert f"{serving} of 80 MiB serving" in output
    assert f"{start} at start" in output


WARM = """import celery
from celery.signals import {signal}
app = celery.Celery()

@{signal}.connect
def warm(**kw):
    import pandas
"""

LIFESPAN = """{early}import fastapi
from contextlib import asynccontextmanager

@asynccontextmanager
async def run(app):
    {late}
    yield

app = fastapi.FastAPI(lifespan=run)
"""


@pytest.mark.parametrize(("signal", "is_shared"), [("worker_init", True), ("worker_process_init", False)])
def test_what_each_worker_loads_as_it_starts_is_in_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], signal: str, *, is_shared: bool
) -> None:
    """Celery forks its processes from one that has run `worker_init`, and each of them runs `worker_process_init`.

    With pandas three more that share it take 91 MiB (celery 5.7.0, beside Redis, 2026-11-30).
    """
    monkeypatch.chdir(tmp_path)
    found = {}
    for workers in (1, 4):
        write(tmp_path, {"tasks.py": WARM.format(signal=signal), "Procfile": f"w: celery -A tasks worker -c {workers}\n"})
        found[workers] = by_moment(judge(capsys)["services"][0])[0]
    assert found[1] > 70, "it is loaded at start"
    assert (found[4] - found[1] < 100) is is_shared
    assert (found[4] - found[1] > 130) is not is_shared


def test_a_lifespan_runs_in_each_preloaded_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = []
    for early, late in (("import pandas\n", "pass"), ("", "import pandas")):
        write(tmp_path, {"app.py": LIFESPAN.format(early=early, late=late)})
        write(tmp_path, {"Procfile": "w: gunicorn app:app -w 4 --preload -k uvicorn.workers.UvicornWorker\n"})
        found.append(by_moment(judge(capsys)["services"][0])[0])
    assert found[1] > found[0] + 60


def test_what_nobody_measured_is_shared_where_it_is_preloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = []
    for app in ("import flask\n", "import flask\nimport unheard_of\n"):
        write(tmp_path, {"app.py": app, "Procfile": "w: gunicorn app:app -w 9 --preload\n"})
        found.append(by_moment(judge(capsys)["services"][0])[0])
    assert found[1] - found[0] < 10  # nine processes that shared nothing of it would take 26 more


BRANCHES = """
import os
from fastapi import FastAPI

app = FastAPI()


@app.on_event("startup")
def connect():
    store = os.environ.get("STORE")
    match store:
        case "litellm":
            import litellm
        case "boto3":
            import boto3
        case "sklearn":
            import sklearn
"""


def test_of_branches_that_nobody_knows_the_most_expensive_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    figures = {}
    for name, text in {
        "all": BRANCHES,
        "litellm": BRANCHES.replace("import boto3", "pass").replace("import sklearn", "pass"),
        "boto3": BRANCHES.replace('os.environ.get("STORE")', '"boto3"'),
    }.items():
        write(tmp_path, {"app.py": text, "Procfile": "web: uvicorn app:app\n"})
        (service,) = judge(capsys)["services"]
        figures[name] = by_moment(service)
    assert figures["all"][0] == pytest.approx(figures["litellm"][0], abs=0.3)
    assert figures["boto3"][0] < figures["litellm"][0] - 50
    assert figures["all"][2] > figures["all"][0] + 15
    write(tmp_path, {"app.py": BRANCHES})
    (finding,) = judge(capsys, "--limit", "90MiB")["findings"]
    assert "of 4 branches at app.py:12 the most expensive counts, `if store == 'litellm'`" in finding["message"]


def test_branches_are_not_walked_again_where_nothing_of_them_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = tmp_path / "app"
    app.mkdir()
    monkeypatch.chdir(app)
    monkeypatch.setenv("MEMGUARD_CACHE_DIR", str(tmp_path / "kept"))
    walked: list[str] = []
    made = graph.walk

    def walk(*given: Any, **named: Any) -> Any:
        walked.append(given[2])
        return made(*given, **named)

    monkeypatch.setattr(walks, "walk", walk)
    write(app, {"app.py": BRANCHES, "Procfile": "web: uvicorn app:app\n"})
    (first,) = judge(capsys)["services"]
    assert len(walked) > 3
    walked.clear()
    write(app, {"app.py": f"# A comment\n{BRANCHES}"})
    (service,) = judge(capsys)["services"]
    assert not walked
    assert by_moment(service) == pytest.approx(by_moment(first), abs=0.1)


def test_a_variable_of_the_deployment_chooses_the_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    dockerfile = "FROM python:3.11\nCOPY . .\nENV STORE=boto3\nCMD uvicorn app:app\n"
    write(tmp_path, {"app.py": BRANCHES, "Dockerfile": dockerfile})
    (service,) = judge(capsys)["services"]
    assert {part["package"] for part in service["parts"] if part["moment"] == "start"} >= {"boto3", "fastapi"}
    assert {part["package"]: part["moment"] for part in service["parts"]}["litellm"] == "all"


MANAGE = """
import os
import sys
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
RENDER = """
services:
- {type: web, name: web, runtime: python, startCommand: gunicorn shop.wsgi, preDeployCommand: python manage.py migrate}
"""
FLY = """
[deploy]
release_command = "python manage.py migrate"
[processes]
web = "gunicorn shop.wsgi"
"""
HEROKU = """
build: {docker: {web: Dockerfile}}
release: {command: [python manage.py migrate], image: web}
run: {web: gunicorn shop.wsgi}
"""
RAILWAY = '{"deploy": {"startCommand": "gunicorn shop.wsgi", "preDeployCommand": ["python manage.py migrate"]}}'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Procfile", "worker: python -m shop.wsgi\nrelease: python manage.py migrate\nweb: gunicorn shop.wsgi\n"),
        ("render.yaml", RENDER),
        ("fly.toml", FLY),
        ("heroku.yml", HEROKU),
        ("railway.json", RAILWAY),
    ],
)
def test_a_command_that_runs_before_the_service_has_its_own_line(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    (root / "Procfile").unlink()
    write(root, {"manage.py": MANAGE, "Dockerfile": "FROM python:3.11\nCOPY . .\nCMD gunicorn shop.wsgi\n", name: text})
    services = {one["name"]: one for one in judge(capsys)["services"]}
    (also,) = services["web"]["also"]
    assert also["command"] == "python manage.py migrate"
    assert 15 < also["mib"] < 45
    assert all(one["also"] == [] for other, one in services.items() if other != "web")
    line = f"{also['mib']:.0f} MiB  before it starts: python manage.py migrate"
    for limit in ("1GiB", "30MiB"):
        assert line in say(capsys, "--limit", limit)


def test_of_a_command_that_nobody_knows_nothing_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"Procfile": "release: ./deploy-it\nweb: gunicorn shop.wsgi\n"})
    (service,) = judge(capsys)["services"]
    assert service["also"] == [{"command": "./deploy-it", "mib": None}]
    assert "before it starts" not in say(capsys)
    assert judge(capsys)["skipped"] == []
