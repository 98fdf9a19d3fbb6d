"""The hook `deploy-config` on real files, through its own command, and the interpreter's own word on variables."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from folders import write

from memguard_hooks.catalog import lookup
from memguard_hooks.commands import check as check_command
from memguard_hooks.dependencies import runtime_copy
from memguard_hooks.hooks import deploy_config, memory_budget
from memguard_hooks.rules.deployment.variables import KNOWN, refused

APP = "import flask\nimport pandas\napp = flask.Flask(__name__)\n"
DOCKERFILE = (
    'FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\n{}CMD ["python", "main.py"]\n'
)
RENDER = "services:\n  - type: web\n    name: web\n    runtime: python\n    {}\n    startCommand: gunicorn app:app\n"
PRINTS = "print(1)\nprint(2)\nprint(3)\n"

IMPORTS_IN_A_FUNCTION = (
    "import flask\napp = flask.Flask(__name__)\n@app.route('/')\ndef f():\n    import pandas\n    import sklearn\n"
)


SHARED = "import boto3\nimport flask\nimport sqlalchemy\napp = flask.Flask(__name__)\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    deploy_config.main(["--format", "json", *arguments])
    return list(json.loads(capsys.readouterr().out)["findings"])


def told(found: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(one["code"], one["path"], one["line"]) for one in found]


def web(command: str, app: str = APP, **files: str) -> dict[str, str]:
    return {"Procfile": f"web: {command}\n", "app.py": app, **files}


def image(lines: str, **files: str) -> dict[str, str]:
    return {"Dockerfile": DOCKERFILE.format(lines), "main.py": "", "requirements.txt": "", **files}


def compose(keys: str) -> dict[str, str]:
    """Return a compose file with the keys, from line 4 on, of a service that Python serves."""
    return {"compose.yaml": f"services:\n  web:\n    image: python:3.12\n{keys}\n", "main.py": "", "app.py": ""}


CONF = "gunicorn.conf.py"

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          image: python:3.12
          command: [uvicorn, "app:app"]
"""
LIMITED = DEPLOYMENT + '          resources: {limits: {memory: "512Mi"}}\n'

FIRES = [
    pytest.param(web("gunicorn app:app -w 8"), ["--limit", "300MiB"], "MG401", "Procfile", 1, id="too-many-workers"),
    pytest.param(web("uvicorn app:app --workers 8"), ["--limit", "300MiB"], "MG401", "Procfile", 1, id="too-many-spawned"),
    pytest.param(web("gunicorn app:app -w $(nproc)"), [], "MG402", "Procfile", 1, id="nproc"),
    pytest.param(
        web("gunicorn app:app", **{CONF: "import os\nworkers = os.cpu_count() * 2 + 1\n"}),
        [],
        "MG402",
        "Procfile",
        1,
        id="cpu-count-in-settings",
    ),
    pytest.param(
        web("celery -A app worker", "from celery import Celery\napp = Celery()\n"),
        [],
        "MG402",
        "Procfile",
        1,
        id="celery-without-concurrency",
    ),
    pytest.param(web("gunicorn app:app -w 3"), ["--limit", "300MiB"], "MG403", "Procfile", 1, id="preload-would-save"),
    pytest.param(
        web("gunicorn app:app -w 4 --preload", IMPORTS_IN_A_FUNCTION),
        [],
        "MG404",
        "Procfile",
        1,
        id="loaded-after-the-fork",
    ),
    pytest.param(
        web("gunicorn app:app -w 4 --preload", SHARED), ["--limit", "144MiB"], "MG408", "Procfile", 1, id="share-no-more"
    ),
    pytest.param(web("gunicorn app:app --max-requests 10"), [], "MG405", "Procfile", 1, id="few-requests"),
    pytest.param(web("uvicorn app:app --limit-max-requests 1"), [], "MG405", "Procfile", 1, id="few-requests-of-uvicorn"),
    pytest.param(
        {CONF: "bind = ':80'\nmax_requests = 1\npreload_app = True\n", "app.py": ""},
        [],
        "MG405",
        CONF,
        2,
        id="few-requests-in-settings-that-nobody-names",
    ),
    pytest.param(
        {CONF: "import multiprocessing\nworkers = multiprocessing.cpu_count()\n"},
        [],
        "MG402",
        CONF,
        2,
        id="cpu-count-in-settings-that-nobody-names",
    ),
    pytest.param(
        web("gunicorn app:app -w 2 --max-requests 1000", "import flask\n"), [], "MG406", "Procfile", 1, id="no-jitter"
    ),
    pytest.param(
        {"render.yaml": RENDER.format("plan: free"), "app.py": "", CONF: "workers = 1\npreload_app = False\n"},
        [],
        "MG407",
        CONF,
        2,
        id="render-preloads",
    ),
    pytest.param(
        {"render.yaml": RENDER.format("plan: free"), "app.py": "", CONF: "bind = '0.0.0.0:5000'\n"},
        [],
        "MG407",
        CONF,
        1,
        id="render-binds",
    ),
    pytest.param(
        {
            "heroku.yml": "run:\n  web: gunicorn app:app\n",
            "app.py": "",
            CONF: "import os\nhost = '0.0.0.0'\nbind = f'{host}:{os.getenv(\"APP_PORT\", 5000)}'\n",
        },
        [],
        "MG407",
        CONF,
        3,
        id="heroku-gives-a-port",
    ),
    pytest.param(
        {
            "fly.toml": '[processes]\nweb = "python main.py"\n[[vm]]\nmemory = "512mb"\nmemory_mb = 1024\n',
            "main.py": "",
        },
        [],
        "MG410",
        "fly.toml",
        5,
        id="two-sizes-of-fly",
    ),
    pytest.param(
        compose("    command: python main.py\n    mem_limit: 512m\n    deploy: {resources: {limits: {memory: 1g}}}"),
        [],
        "MG410",
        "compose.yaml",
        5,
        id="limits-disagree",
    ),
    pytest.param(compose("    command: python main.py"), [], "MG411", "compose.yaml", 3, id="no-limit"),
    pytest.param(
        {"render.yaml": RENDER.format("plan: huge"), "app.py": ""}, [], "MG412", "render.yaml", 5, id="unknown-plan"
    ),
    pytest.param(
        {"render.yaml": RENDER.format("plan: starter  # 1 GB of RAM"), "app.py": ""},
        [],
        "MG413",
        "render.yaml",
        5,
        id="comment-beside-plan",
    ),
    pytest.param(
        {"render.yaml": RENDER.format("# 1GB\n    plan: starter"), "app.py": ""},
        [],
        "MG413",
        "render.yaml",
        5,
        id="comment-above-plan",
    ),
    pytest.param(
        compose("    mem_limit: 512m\n    command: python main.py && echo done"),
        [],
        "MG420",
        "compose.yaml",
        5,
        id="command-is-cut",
    ),
    pytest.param(
        {"render.yaml": RENDER.format("buildCommand: |\n      pip install flask\n      plan: standard"), "app.py": ""},
        [],
        "MG421",
        "render.yaml",
        7,
        id="hidden-key",
    ),
    pytest.param(
        {"railway.json": '{"deploy": {"startCommand": "python main.py"}}', "main.py": ""},
        [],
        "MG422",
        "railway.json",
        1,
        id="ending-format",
    ),
    pytest.param(web("uvicorn app:app --reload"), [], "MG423", "Procfile", 1, id="reload"),
    pytest.param(web("flask --app app run --debug"), [], "MG423", "Procfile", 1, id="flask-debug"),
    pytest.param(web("python -X dev app.py"), [], "MG423", "Procfile", 1, id="development-mode"),
    pytest.param(web("python -Xtracemalloc=5 app.py"), [], "MG423", "Procfile", 1, id="tracemalloc"),
    pytest.param({"Procfile": "web: python gone.py\n", "app.py": ""}, [], "MG424", "Procfile", 1, id="no-such-script"),
    pytest.param({"Procfile": "web: gunicorn gone:app\n", "app.py": ""}, [], "MG424", "Procfile", 1, id="no-such-module"),
    pytest.param(
        {"Procfile": "web: gunicorn appp.main:app\n", "app/main.py": ""}, [], "MG424", "Procfile", 1, id="no-such-package"
    ),
    pytest.param(image("ENV PYTHONBUFFERED=1\n"), [], "MG701", "Dockerfile", 5, id="unbuffered-misspelt"),
    pytest.param(
        image("ENV A=1 \\\n    MALLOC_TRIM_THRESHOLD=65536 \\\n    B=2\n"),
        [],
        "MG701",
        "Dockerfile",
        6,
        id="no-underscore-at-the-end",
    ),
    pytest.param(
        compose("    mem_limit: 1g\n    command: python main.py\n    environment: {WEB_CONCURENCY: 2}"),
        [],
        "MG701",
        "compose.yaml",
        6,
        id="concurrency-misspelt",
    ),
    pytest.param(image("ENV PYTHONUNBUFFERED=0\n"), [], "MG702", "Dockerfile", 5, id="unbuffered-zero"),
    pytest.param(image("ENV PYTHONDONTWRITEBYTECODE=False\n"), [], "MG702", "Dockerfile", 5, id="false-is-true"),
    pytest.param(image("ENV MALLOC_ARENA_MAX=auto\n"), [], "MG702", "Dockerfile", 5, id="arenas-by-word"),
    pytest.param(image("ENV MALLOC_ARENA_MAX=0\n"), [], "MG702", "Dockerfile", 5, id="arenas-zero"),
    pytest.param(image("ENV PYTHONDEVMODE=0\n"), [], "MG702", "Dockerfile", 5, id="development-mode-zero"),
    pytest.param(image("ENV PYTHONMALLOC=jemalloc\n"), [], "MG703", "Dockerfile", 5, id="unknown-allocator"),
    pytest.param(image("ENV PYTHONMALLOC=mimalloc\n"), [], "MG703", "Dockerfile", 5, id="allocator-of-3.13"),
    pytest.param(image("", **{"main.py": PRINTS}), [], "MG704", "Dockerfile", 5, id="buffered"),
    pytest.param(
        image("", **{"main.py": "import feed\n", "feed.py": PRINTS}), [], "MG704", "Dockerfile", 5, id="buffered-elsewhere"
    ),
    pytest.param(
        image("ENV PYTHONDONTWRITEBYTECODE=1\nRUN uv sync --frozen\n", **{"main.py": "import pandas\n"}),
        [],
        "MG705",
        "Dockerfile",
        5,
        id="uv-without-bytecode",
    ),
    pytest.param(
        image("ENV PYTHONDONTWRITEBYTECODE 1\nRUN pip install --no-compile flask\n"),
        [],
        "MG705",
        "Dockerfile",
        5,
        id="pip-without-bytecode",
    ),
    pytest.param(
        {
            "Dockerfile": "FROM python:3.12 AS build\nRUN uv pip install --system pandas\nFROM python:3.12\n"
            "COPY --from=build /usr/local /usr/local\nENV PYTHONDONTWRITEBYTECODE=1\nCOPY . /app\n"
            "WORKDIR /app\nCMD python main.py\n",
            "main.py": "",
        },
        [],
        "MG705",
        "Dockerfile",
        5,
        id="installed-in-another-stage",
    ),
    pytest.param(image("ENV PYTHONTRACEMALLOC=1\n"), [], "MG706", "Dockerfile", 5, id="tracing"),
    pytest.param(image("ENV PYTHONMALLOC=debug\n"), [], "MG706", "Dockerfile", 5, id="debug-allocator"),
    pytest.param(image("ENV FLASK_DEBUG=1\n"), [], "MG706", "Dockerfile", 5, id="debug-of-flask"),
    pytest.param({"k8s/web.yaml": DEPLOYMENT, "app.py": ""}, [], "MG411", "k8s/web.yaml", 8, id="no-limit-in-kubernetes"),
    pytest.param(
        {f"back/{name}": text for name, text in compose("    command: python main.py").items()},
        [],
        "MG411",
        "back/compose.yaml",
        3,
        id="no-limit-in-a-folder",
    ),
    pytest.param(
        {"fly.toml": '[processes]\nweb = "python main.py"\n[[vm]]\nsize = "shared-cpu-9x"\n', "main.py": ""},
        [],
        "MG412",
        "fly.toml",
        4,
        id="unknown-size-of-fly",
    ),
]


@pytest.mark.parametrize(("files", "arguments", "code", "path", "line"), FIRES)
def test_fires_once_and_nothing_else(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    arguments: list[str],
    code: str,
    path: str,
    line: int,
) -> None:
    write(root, files)
    found = findings(capsys, *arguments)
    also = {"MG401": {"MG403"}, "MG410": {"MG401"}}.get(code, set())  # what the same command deserves as well
    assert [one for one in told(found) if one[0] not in also] == [(code, path, line)]
    assert all(one["fix"] and one["hook"] == "deploy-config" for one in found)


CELERY = {"Procfile": "worker: celery -A tasks worker\n", "tasks.py": "from celery import Celery\napp = Celery()\n"}

SILENT = [
    pytest.param(
        {
            "compose.yaml": "services:\n  node:\n    build: .\n    logging: {driver: none}\n",
            "Dockerfile": "FROM node:20-alpine\nRUN apk add --no-cache python3 make g++\nCMD npm run start\n",
            "package.json": '{"scripts": {"start": "webpack serve"}}\n',
        },
        [],
        id="no-limit-of-another-language-whose-image-has-python",
    ),
    pytest.param(
        {
            "render.yaml": RENDER.format("plan: starter\n    envVars: [{key: WEB_CONCURRENCY, value: 2}]"),
            "app.py": "",
            CONF: "import multiprocessing, os\n"
            'workers = int(os.getenv("WEB_CONCURRENCY", multiprocessing.cpu_count() * 2 + 1))\n',
        },
        [],
        id="the-default-of-a-variable-that-is-set",
    ),
    pytest.param(
        web("gunicorn app:app", **{CONF: "import os\ncores = min(os.cpu_count(), 2)\nworkers = cores * 2 + 1\n"}),
        [],
        id="bounded-by-min-at-first",
    ),
    pytest.param(
        {CONF: "import os\ncores = min(os.cpu_count(), 2)\nworkers = cores * 2 + 1\n", "app.py": ""},
        [],
        id="bounded-in-settings-that-nobody-names",
    ),
    pytest.param(
        {**CELERY, "tasks.py": CELERY["tasks.py"] + "app.conf.worker_concurrency = 2\n"}, [], id="celery-is-told-by-its-app"
    ),
    pytest.param(
        {**CELERY, "site/settings.py": "CELERY_WORKER_CONCURRENCY = 2\n"}, [], id="celery-is-told-by-settings-of-django"
    ),
    pytest.param(web("gunicorn app:app -w 2"), ["--limit", "4GiB"], id="workers-fit"),
    pytest.param(web("gunicorn app:app", "import torch\n"), ["--limit", "100MiB"], id="one-worker-is-no-matter-of-workers"),
    pytest.param(
        web("gunicorn app:app", **{CONF: "import os\nworkers = min(4, os.cpu_count())\n"}), [], id="bounded-by-min"
    ),
    pytest.param(web("gunicorn app:app -w 4 --preload"), [], id="preloaded"),
    pytest.param(web("gunicorn app:app -w 4 -k gevent"), ["--limit", "4GiB"], id="gevent"),
    pytest.param(web("gunicorn app:app -w 4", "import flask\n"), [], id="little-to-share"),
    pytest.param(web("gunicorn app:app -w 2 --preload", IMPORTS_IN_A_FUNCTION), ["--limit", "4GiB"], id="lazy-and-fits"),
    pytest.param(web("gunicorn app:app --max-requests 1000"), [], id="one-worker-needs-no-jitter"),
    pytest.param(
        web("gunicorn app:app -w 2 --max-requests 1000 --max-requests-jitter 50", "import flask\n"), [], id="jitter"
    ),
    pytest.param(
        web("gunicorn app:app -w 2 --preload --max-requests 32 --max-requests-jitter 8", "import flask\n"),
        [],
        id="a-fork-is-cheap",
    ),
    pytest.param(
        web("celery -A app worker -c 1 --max-tasks-per-child 1", "from celery import Celery\napp = Celery()\n"),
        [],
        id="a-task-may-have-a-process",
    ),
    pytest.param(
        {"render.yaml": RENDER.format("plan: free"), "app.py": "", CONF: "preload_app = True\n"},
        [],
        id="render-and-the-file-agree",
    ),
    pytest.param(
        compose("    command: python main.py\n    mem_limit: 1g\n    deploy: {resources: {limits: {memory: 1g}}}"),
        [],
        id="limits-agree",
    ),
    pytest.param(compose("    command: python main.py"), ["--limit", "1GiB"], id="the-limit-is-said"),
    pytest.param(compose("    command: uvicorn app:app --reload"), [], id="compose-for-developers"),
    pytest.param({"render.yaml": RENDER.format("plan: starter  # 512 MB"), "app.py": ""}, [], id="comment-is-right"),
    pytest.param(
        {"render.yaml": RENDER.format("plan: starter  # upgrade to standard for 2 GB"), "app.py": ""},
        [],
        id="comment-is-about-another",
    ),
    pytest.param({"render.yaml": RENDER.format("plan: starter  # with 1 GB disk"), "app.py": ""}, [], id="comment-on-disk"),
    pytest.param(web("uvicorn app:app"), [], id="plain"),
    pytest.param(web("npm start --reload"), [], id="not-python"),
    pytest.param({"Procfile": "web: python gone.py\n", "sub/gone.py": ""}, [], id="script-elsewhere"),
    pytest.param(
        {"Procfile": "web: gunicorn my_pkg.wsgi:app\n", "requirements.txt": "my-pkg==1\n"}, [], id="installed-module"
    ),
    pytest.param({"render.yaml": RENDER.format("buildCommand: make app"), "README": ""}, [], id="built"),
    pytest.param(
        image("ENV PYTHON_PATH=/x PYTHON_ENV=production GUNICORN_WORKERS=2 MALLOC_CONF=dirty_decay_ms:0\n"),
        [],
        id="names-of-its-own",
    ),
    pytest.param(
        image("ENV WEB_CONCURENCY=2\n", **{"main.py": "import os\nos.environ['WEB_CONCURENCY']\n"}),
        [],
        id="a-name-that-the-project-reads",
    ),
    pytest.param(
        image(
            "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONFAULTHANDLER=1 MALLOC_ARENA_MAX=2\n",
            **{"main.py": PRINTS},
        ),
        [],
        id="all-is-well",
    ),
    pytest.param(image("ENV PYTHONDONTWRITEBYTECODE=0\n"), [], id="zero-is-off"),
    pytest.param(image("ENV PYTHONMALLOC=malloc PYTHONTRACEMALLOC=0 PYTHONHASHSEED=random\n"), [], id="known-values"),
    pytest.param(image("", **{"main.py": "print(1)\n"}), [], id="one-print"),
    pytest.param(
        {"Dockerfile": 'FROM public.ecr.aws/lambda/python:3.11\nCOPY main.py .\nCMD ["main.f"]\n', "main.py": PRINTS},
        [],
        id="lambda-flushes",
    ),
    pytest.param(image("", **{"main.py": "".join(f"print({n}, flush=True)\n" for n in range(5))}), [], id="flushed"),
    pytest.param(
        {**web("python app.py", PRINTS), "app.json": '{"formation": {"web": {"size": "basic"}}}'},
        [],
        id="heroku-sets-unbuffered",
    ),
    pytest.param(image("ENV PYTHONDONTWRITEBYTECODE=1 UV_COMPILE_BYTECODE=1\nRUN uv sync\n"), [], id="uv-is-told"),
    pytest.param(image("ENV PYTHONDONTWRITEBYTECODE=1\nRUN uv sync --compile-bytecode\n"), [], id="uv-is-told-by-option"),
    pytest.param(
        image("ENV PYTHONDONTWRITEBYTECODE=1\nRUN uv pip install --compile flask\n"), [], id="uv-is-told-by-the-short-option"
    ),
    pytest.param(image("ENV PYTHONDONTWRITEBYTECODE=1\n"), [], id="pip-compiles"),
    pytest.param(image("RUN uv sync\n"), [], id="written-at-the-first-start"),
    pytest.param(image("ENV FLASK_DEBUG=0\n"), [], id="debug-off"),
    pytest.param({"k8s/web.yaml": LIMITED, "app.py": ""}, [], id="limit-in-kubernetes"),
    pytest.param({"Dockerfile": "FROM somebody/app\nCMD python gone.py\n", "app.py": ""}, [], id="in-the-base-image"),
    pytest.param(web("gunicorn app:app -w 3"), ["--limit", "4GiB"], id="there-is-memory-enough"),
    pytest.param(
        web("celery -A app worker -c 2", "from celery import Celery\napp = Celery()\n"), [], id="concurrency-is-said"
    ),
]


@pytest.mark.parametrize(("files", "arguments"), SILENT)
def test_is_silent(root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], arguments: list[str]) -> None:
    write(root, files)
    assert told(findings(capsys, *arguments)) == []


@pytest.mark.parametrize(
    ("comment", "is_claim"),
    [
        pytest.param("1GB", True, id="figure"),
        pytest.param("1 GB RAM", True, id="of-memory"),
        pytest.param("starter has 1GB of memory", True, id="its-name"),
        pytest.param("Starter: 1 GB RAM, 0.5 CPU, $7/month", True, id="price-and-cpus"),
        pytest.param("Render starter plan (1GB)", True, id="platform"),
        pytest.param("OOMs on 1GB", False, id="dies"),
        pytest.param("1GB is not enough", False, id="not-enough"),
        pytest.param("was standard (2GB)", False, id="was"),
        pytest.param("standard has 2GB", False, id="another-plan"),
        pytest.param("app uses ~300MB", False, id="app"),
        pytest.param("~300MB", False, id="about"),
        pytest.param("< 300 MB", False, id="less"),
        pytest.param("stays below 400 MB", False, id="below"),
        pytest.param("torch is 800MB", False, id="package"),
        pytest.param("1GB?", False, id="question"),
        pytest.param("1GB RAM, 512MB", False, id="two-figures"),
        pytest.param("1GB " + "(" * 500_000, False, id="long"),
    ],
)
def test_only_what_a_comment_says_of_the_plan_is_judged(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    comment: str,
    is_claim: bool,  # noqa: FBT001
) -> None:
    write(root, {"render.yaml": RENDER.format(f"plan: starter  # {comment}"), "app.py": ""})
    assert told(findings(capsys)) == ([("MG413", "render.yaml", 5)] if is_claim else [])


def test_a_missing_limit_names_the_sizes_that_hold_the_service(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {**compose("    command: python main.py"), "main.py": "import torch\n"})
    (message,) = (one["message"] for one in findings(capsys) if one["code"] == "MG411")
    assert message.endswith(" MiB, which fits 1 GiB, and does not fit 512 MiB")


def test_an_old_copy_of_the_runtime_module_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, _, body = runtime_copy.render("0.1.0").partition(b"\n")
    assert head.startswith(b"# memguard-runtime 0.1.0 ")
    path = f"app/{runtime_copy.NAME}"
    for copy in (head + b"\n" + body, (head + b"\n" + body).replace(b"\n", b"\r\n"), body, b""):
        write(root, {path: copy.decode()})
        assert findings(capsys) == []
    old = b"# memguard-runtime 0.0.9 " + sha256(b"import os\n").hexdigest()[:16].encode() + b": so\nimport os\n"
    write(root, {path: old.decode()})
    (found,) = findings(capsys)
    assert told([found]) == [("MG425", path, 1)]
    assert found["fix"] == f"memguard init --runtime {path}"
    write(root, {path: f"{old.decode()}import sys\n"})
    (found,) = findings(capsys)
    assert found["fix"].endswith("bring your changes into that")
    write(root, {path: old.decode().replace("so\n", "so  # memguard: allow[MG425] as it was tested\n")})
    assert findings(capsys) == []


@pytest.mark.parametrize(
    "command",
    [
        "python -m gone",
        "python -m gone.cli serve",
        "python tools/gone.py",
        "celery -A gone worker -c 2",
        "uvicorn gone:app",
        "hypercorn gone:app",
        "python -m uvicorn gone.main:app",
        "streamlit run gone.py",
        "flask --app gone run",
        "dramatiq gone",
        "arq gone.Settings",
    ],
)
def test_each_way_to_start_what_is_not_there_is_told(root: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    write(root, {"Procfile": f"web: {command}\n", "app.py": "", "requirements.txt": "flask\n"})
    assert ("MG424", "Procfile", 1) in told(findings(capsys))


@pytest.mark.parametrize(
    ("command", "declared"),
    [
        ("python -m http.server", "flask"),
        ("python -m langflow run", "langflow"),
        ("python -m discord_app", "discord-app"),
        ("python -m cv2", "opencv-python"),
    ],
)
def test_a_program_that_is_installed_is_there(
    root: Path, capsys: pytest.CaptureFixture[str], command: str, declared: str
) -> None:
    write(root, {"Procfile": f"web: {command}\n", "app.py": "", "requirements.txt": f"{declared}\n"})
    assert "MG424" not in {code for code, *_ in told(findings(capsys))}


@pytest.mark.parametrize(
    ("path", "is_missing"),
    [
        pytest.param("other.py", True, id="nothing"),
        pytest.param(".gitmodules", False, id="submodules"),
        pytest.param("gone.pyx", False, id="cython"),
        pytest.param("gone.cpython-311-x86_64-linux-gnu.so", False, id="extension"),
        pytest.param("gone.pyd", False, id="extension-of-windows"),
        pytest.param("gone.txt", True, id="no-module"),
    ],
)
def test_what_is_no_source_may_be_started(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    path: str,
    is_missing: bool,  # noqa: FBT001
) -> None:
    write(root, {"Procfile": "web: gunicorn gone:app\n", path: ""})
    assert told(findings(capsys)) == ([("MG424", "Procfile", 1)] if is_missing else [])


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(web("gunicorn app:app", **{CONF: f"workers = 0x{'f' * 5000}\n"}), id="settings-of-gunicorn"),
        pytest.param(web("gunicorn app:app", **{CONF: f"workers = '0x{'f' * 5000}'\n"}), id="text-in-settings"),
        pytest.param({CONF: f"workers = [0x{'f' * 5000}]\n", "app.py": ""}, id="settings-that-nobody-names"),
        pytest.param(
            {"fly.toml": f'[processes]\nweb = "python app.py"\n[[vm]]\nmemory = 0x{"f" * 5000}\n', "app.py": ""}, id="fly"
        ),
        pytest.param(
            web("gunicorn app:app", **{CONF: f"import os\nworkers = {'min(' * 150}os.cpu_count(){', 1)' * 150}\n"}),
            id="nested-calls",
        ),
    ],
)
def test_numbers_without_end(root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str]) -> None:
    write(root, files)
    for main in (deploy_config.main, memory_budget.main):
        assert main([]) in (0, 1, 2)
        assert "internal error" not in capsys.readouterr().err


def test_figures_are_the_estimates_own(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, web("gunicorn app:app -w 8"))
    by_code = {one["code"]: one for one in findings(capsys, "--limit", "300MiB")}
    assert by_code["MG401"]["mib"] > 0.88 * 300
    assert by_code["MG401"]["fix"] == "start 3 workers"
    assert "3 fit" in by_code["MG401"]["message"]
    write(root, web("gunicorn app:app -w 8 --preload"))
    assert [one["code"] for one in findings(capsys, "--limit", "300MiB")] == ["MG408"]
    memory_budget.main(["--format", "json"])
    (service,) = json.loads(capsys.readouterr().out)["services"]
    saved = by_code["MG401"]["mib"] - service["estimate_mib"]["serving"]["expected"]
    assert by_code["MG403"]["mib"] == pytest.approx(saved, abs=0.2)


@pytest.mark.parametrize("files", [web("gunicorn app:app"), {"app.py": ""}], ids=["of-a-service", "that-nobody-names"])
def test_workers_that_draw_how_many_requests_they_serve(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str]
) -> None:
    """Each serves as many requests as are set, and up to the jitter more; preloaded ones load nothing again."""
    write(root, files)
    conf = "max_requests = 1\nmax_requests_jitter = {}\npreload_app = True\n"
    write(root, {CONF: conf.format(5)})
    (few,) = [one for one in findings(capsys) if one["code"] == "MG405"]
    assert "ends after 1 to 6 requests, and the next one starts anew" in few["message"]
    write(root, {CONF: conf.format(50)})
    assert "MG405" not in {one["code"] for one in findings(capsys)}


def test_a_bound_beside_the_number_of_cpus_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, web("gunicorn app:app -w $(( $(nproc) > 16 ? 16 : $(nproc) ))"))
    (found,) = findings(capsys)
    assert found["code"] == "MG402"
    assert found["message"].endswith("not the limit, up to 16 processes")


def test_workers_that_the_platform_sets_are_mended_by_their_variable(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = '{"formation": {"web": {"size": "basic"}}, "env": {"A": "1"}}'
    write(root, web("gunicorn app:app", "import litellm\nimport torch\n", **{"app.json": sizes}))
    assert {one["code"] for one in findings(capsys)} == {"MG403"}, "not even one fits"
    write(root, {"memguard.toml": '[budget]\nruntime = "150MiB"\n', "app.py": "import litellm\n"})
    (found,) = [one for one in findings(capsys) if one["code"] == "MG401"]
    assert found["fix"] == "start 1 worker, by WEB_CONCURRENCY=1, `--workers` or the settings file"


def test_bytecode_costs_what_was_measured_in_each_worker(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "ENV PYTHONDONTWRITEBYTECODE=1\nRUN uv sync\n"
    files = image(lines, **{"main.py": "import pandas\napp = 1\n"})
    write(
        root,
        {
            **files,
            "Dockerfile": files["Dockerfile"].replace('"python", "main.py"', '"uvicorn", "main:app", "--workers", "2"'),
        },
    )
    (found,) = findings(capsys)
    measured = lookup.find("pandas", python="3.12")
    assert measured is not None
    assert measured.without_bytecode is not None
    more = (measured.without_bytecode[0] - measured.resident) / 2**20
    assert more > 5
    assert found["mib"] == pytest.approx(2 * more, rel=0.05)
    assert re.search(r": \+\d+ MiB \(pandas \+[\d.]+, in 2 workers\)$", found["message"])


def test_memory_budget_and_this_hook_do_not_say_the_same_twice(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, web("gunicorn app:app -w 8"))
    check_command.main(["--limit", "300MiB", "--format", "json", "."])
    codes = [one["code"] for one in json.loads(capsys.readouterr().out)["findings"]]
    assert "MG301" in codes
    assert "MG403" not in codes
    assert "MG401" not in codes


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        pytest.param("# memguard: allow[MG701] read by a sidecar\n", "", [], id="line-above"),
        pytest.param("# memguard: allow[MG701] read by a sidecar\n# and more\n", "", [], id="lines-above"),
        pytest.param("# memguard: allow[MG701]\n", "", [("MG190", 5)], id="without-reason"),
        pytest.param("# memguard: allow[MG702] no\n", "", [("MG191", 5), ("MG701", 6)], id="another-code"),
        pytest.param("", "# memguard: allow[MG701] too late\n", [("MG191", 6), ("MG701", 5)], id="line-below"),
    ],
)
def test_allowances_of_dockerfiles(
    root: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, codes: list[tuple[str, int]]
) -> None:
    write(root, image(f"{before}ENV PYTHONBUFFERED=1\n{after}"))
    assert sorted((one["code"], one["line"]) for one in findings(capsys)) == codes


def test_allowances_at_the_end_of_a_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"render.yaml": RENDER.format("plan: huge  # memguard: allow[MG412] a plan of ours"), "app.py": ""})
    assert findings(capsys) == []
    write(root, {"Procfile": "# memguard: allow[MG423] a preview\nweb: uvicorn app:app --reload\n", "app.py": ""})
    (root / "render.yaml").unlink()
    assert findings(capsys) == []


def test_text_says_place_cost_and_fix(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, image("ENV MALLOC_ARENAS_MAX=2\n"))
    assert deploy_config.main([]) == 1
    assert capsys.readouterr().out == (
        "Dockerfile:5:5: MG701 MALLOC_ARENAS_MAX is read by nobody: the variable is called MALLOC_ARENA_MAX\n"
        "    fix: write MALLOC_ARENA_MAX\n"
    )


def test_names_of_two_files_stand_where_the_last_word_is(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {**image("ENV PYTHONUNBUFFERED=0\n"), "render.yaml": (
        "services:\n  - type: web\n    name: web\n    runtime: docker\n    plan: free\n    envVars:\n"
        "      - key: PYTHONUNBUFFERED\n        value: '1'\n      - key: WEB_CONCURENCY\n        value: 2\n")})  # fmt: skip
    assert told(findings(capsys)) == [("MG701", "render.yaml", 9)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("ENV " + " ".join(f"PYTHONUNBUFFERE{n}=1" for n in range(30_000)), id="many-names"),
        pytest.param("ENV PYTHON" + "X" * 100_000 + "=1", id="a-long-name"),
        pytest.param("ENV PYTHONDONTWRITEBYTECODE=1\nRUN uv sync " + "pip install " * 50_000, id="a-long-command"),
        pytest.param("ENV PYTHONDONTWRITEBYTECODE=1\nRUN uv sync\n# UV_COMPILE_BYTECODE" + " " * 500_000, id="blanks"),
        pytest.param("ENV PYTHONTRACEMALLOC=" + "9" * 100_000, id="a-long-value"),
        pytest.param("ENV " + "a" * 300_000, id="a-long-word"),
        pytest.param("ENV X=1" + " " * 300_000 + "Y", id="blanks-between"),
        pytest.param(
            "\n".join(f"FROM python AS s{n}\nRUN uv sync {n}\nCOPY --from=s{n - 1} / /" for n in range(600)), id="stages"
        ),
    ],
)
def test_hostile_dockerfiles_end(root: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    write(root, {"Dockerfile": f"FROM python:3.12\n{text}\nCMD python main.py\n", "main.py": ""})
    assert deploy_config.main([]) in (0, 1, 2)  # 2 where a file holds more than is read, which is said
    assert "internal error" not in capsys.readouterr().err


# What the interpreter and its C library make of values


def run_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MALLOC_"))}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**environment, **variables})


@pytest.mark.parametrize(
    ("name", "value", "expression"),
    [
        pytest.param(
            "PYTHONUNBUFFERED", value, "__import__('sys').stdout.write_through", id=f"unbuffered-{value or 'empty'}"
        )
        for value in ("0", "", "00", "1", "False", "no", "off", "true")
    ]
    + [
        pytest.param("PYTHONDONTWRITEBYTECODE", value, "__import__('sys').dont_write_bytecode", id=f"bytecode-{value}")
        for value in ("0", "1", "False", "no")
    ]
    + [
        pytest.param("PYTHONDEVMODE", value, "__import__('sys').flags.dev_mode", id=f"dev-mode-{value}")
        for value in ("0", "1", "False")
    ]
    + [
        pytest.param(
            "PYTHONASYNCIODEBUG", value, "__import__('asyncio').new_event_loop().get_debug()", id=f"asyncio-{value}"
        )
        for value in ("0", "1")
    ],
)
def test_the_interpreter_agrees_on_what_is_on(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, value: str, expression: str
) -> None:
    ran = run_python(f"print(bool({expression}))", **{name: value})
    is_on = ran.stdout.strip() == "True"
    write(root, image(f"ENV {name}={value}\n"))
    messages = [one["message"] for one in findings(capsys) if one["code"] == "MG702"]
    looks_off = value.lower() in ("0", "false", "no", "off")
    assert any("switches it on" in message for message in messages) == (is_on and looks_off)
    assert any("does nothing" in message for message in messages) == (not is_on and name == "PYTHONUNBUFFERED")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("PYTHONMALLOC", v, id=f"malloc-{v}")
        for v in (
            "",
            "default",
            "debug",
            "malloc",
            "malloc_debug",
            "pymalloc",
            "pymalloc_debug",
            "jemalloc",
            "Debug",
            "mimalloc",
        )
    ]
    + [pytest.param("PYTHONTRACEMALLOC", v, id=f"tracemalloc-{v}") for v in ("", "0", "1", "65535", "65536", "0x5", "yes")]
    + [pytest.param("PYTHONHASHSEED", v, id=f"hashseed-{v}") for v in ("", "0", "random", "4294967295", "4294967296", "no")],
)
def test_the_interpreter_agrees_on_what_it_refuses(name: str, value: str) -> None:
    is_refused = run_python("pass", **{name: value}).returncode != 0
    assert (refused(name, value, sys.version_info[:2]) is not None) == is_refused


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("value", "is_kept"), [("", False), ("0", False), ("1", True)])
def test_a_killed_process_loses_what_it_printed(value: str, is_kept: bool) -> None:  # noqa: FBT001
    ran = run_python("import os, signal\nprint('last words')\nos.kill(os.getpid(), signal.SIGKILL)", PYTHONUNBUFFERED=value)
    assert ran.returncode == -signal.SIGKILL
    assert ("last words" in ran.stdout) is is_kept


ARENAS = """
import ctypes, re, sys, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
barrier = threading.Barrier(9)
def work():
    libc.malloc(2000)
    barrier.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for one in threads: one.start()
barrier.wait()
file = libc.fopen(sys.argv[1].encode() if sys.argv[1:] else b"/dev/stdout", b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
"""


@pytest.mark.skipif(sys.platform != "linux" or os.confstr("CS_GNU_LIBC_VERSION") is None, reason="glibc")
@pytest.mark.parametrize(
    ("name", "value", "is_limited"),
    [
        pytest.param("MALLOC_ARENA_MAX", "2", True, id="right"),
        pytest.param("MALLOC_ARENA_MAX", "0", False, id="zero"),
        pytest.param("MALLOC_ARENA_MAX", "auto", False, id="word"),
        pytest.param("MALLOC_ARENAS_MAX", "2", False, id="misspelt"),
        pytest.param("MALLOC_ARENA_MAX_", "2", False, id="underscore"),
    ],
)
def test_the_c_library_agrees_on_arenas(name: str, value: str, is_limited: bool) -> None:  # noqa: FBT001
    assert (run_python(ARENAS, **{name: value}).stdout.count("<heap nr") <= 2) is is_limited


def test_pip_compiles_whatever_the_variable_says(tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("demo.py", "x = 1\n")
        archive.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        archive.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("demo-1.0.dist-info/RECORD", "")
    for options, is_compiled in (([], True), (["--no-compile"], False)):
        target = tmp_path / f"target{len(options)}"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-index",
            "--no-deps",
            "--target",
            str(target),
            *options,
        ]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([*command, str(wheel)], check=True, capture_output=True, env=environment)
        assert bool(list(target.rglob("*.pyc"))) is is_compiled


def test_known_names_are_no_misspellings(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, image("".join(f"ENV {name}=1\n" for name in KNOWN)))
    assert not [one for one in findings(capsys) if one["code"] == "MG701"]


@pytest.mark.parametrize(
    ("code", "writes"),
    [
        ("print('a', 'b', 'c')", 6),
        ("print('a')", 2),
        ("import logging, sys; logging.basicConfig(level=20, stream=sys.stdout); logging.info('%s', 3)", 1),
    ],
)
@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="a socket that keeps writes apart")
def test_an_unbuffered_print_takes_two_writes_for_each_argument(code: str, writes: int) -> None:
    read, write_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with read, write_end:
        subprocess.run([sys.executable, "-u", "-c", code], stdout=write_end.fileno(), check=True)
        read.setblocking(False)
        found = []
        with suppress(BlockingIOError):
            while True:
                found.append(read.recv(1000))
    assert len(found) == writes


BINDS = {
    "the port that is given": "import os\nbind = '0.0.0.0:' + os.environ['PORT']\n",
    "the port that is given, with a default": "import os\nbind = f\"0.0.0.0:{os.getenv('PORT', '5000')}\"\n",
    "a socket": "bind = 'unix:/tmp/app.sock'\n",
    "what nobody knows": "import socket\nbind = socket.gethostname() + ':5000'\n",
    "none": "workers = 1\n",
}


@pytest.mark.parametrize("conf", [pytest.param(conf, id=name) for name, conf in BINDS.items()])
@pytest.mark.parametrize("deployed", ["render.yaml", "heroku.yml"])
def test_a_port_that_follows_the_platform_is_none(
    root: Path, capsys: pytest.CaptureFixture[str], conf: str, deployed: str
) -> None:
    text = RENDER.format("plan: free") if deployed == "render.yaml" else "run:\n  web: gunicorn app:app\n"
    write(root, {deployed: text, "app.py": "", CONF: conf})
    assert "MG407" not in [code for code, _, _ in told(findings(capsys))]


def test_a_port_of_the_command_counts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"app.py": "", CONF: "bind = ':5000'\n", "heroku.yml": "run:\n  web: gunicorn -b :$PORT app:app\n"})
    assert "MG407" not in [code for code, _, _ in told(findings(capsys))]
    write(root, {"heroku.yml": "run:\n  web: gunicorn app:app\n"})
    assert "MG407" in [code for code, _, _ in told(findings(capsys))]


FREEZING = "import gc\ndef pre_fork(server, worker):\n    gc.freeze()\n"


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        pytest.param({CONF: FREEZING}, "144MiB", id="frozen-by-the-server"),
        pytest.param({"app.py": f"import gc\n{SHARED}gc.freeze()\n"}, "144MiB", id="frozen-by-the-app"),
        pytest.param({}, "240MiB", id="all-fits"),
        pytest.param({}, "90MiB", id="too-much-already"),
        pytest.param({"Procfile": "web: gunicorn app:app -w 1 --preload\n"}, "144MiB", id="nobody-to-share-with"),
        pytest.param({"Procfile": "web: gunicorn app:app -w 2\n"}, "144MiB", id="not-preloaded"),
    ],
)
def test_workers_that_go_on_sharing_are_none(
    root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], limit: str
) -> None:
    write(root, web("gunicorn app:app -w 4 --preload", SHARED))
    assert "MG408" in [code for code, _, _ in told(findings(capsys, "--limit", "144MiB"))]
    write(root, files)
    assert "MG408" not in [code for code, _, _ in told(findings(capsys, "--limit", limit))]


def test_two_sizes_of_fly_that_agree_are_none(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fly = '[processes]\nweb = "python main.py"\n[[vm]]\nmemory = "1gb"\nmemory_mb = 1024\n'
    write(root, {"fly.toml": fly, "main.py": ""})
    assert "MG410" not in [code for code, _, _ in told(findings(capsys))]
