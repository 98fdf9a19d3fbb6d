"""What servers load to serve, and what their own processes take beside their workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from folders import write

from memguard_hooks.hooks import memory_budget

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
CELERY = "from celery import Celery\napp = Celery('app', broker='redis://redis')\n"


@pytest.fixture
def service(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what estimates the only service of a project."""

    def estimated(command: str, requirements: str, source: str) -> Any:
        write(tmp_path, {"Procfile": f"web: {command}\n", "requirements.txt": requirements, "app.py": source})
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        assert memory_budget.main(["--format", "json"]) in (0, 1)
        (found,) = json.loads(capsys.readouterr().out)["services"]
        return found

    return estimated


@pytest.mark.parametrize(
    ("command", "requirements", "source", "loaded"),
    [
        ("uvicorn app:app", "fastapi\nuvicorn\n", FASTAPI, set()),
        ("uvicorn app:app", "fastapi\nuvicorn[standard]\n", FASTAPI, {"uvloop", "httptools", "websockets"}),
        ("uvicorn app:app", "fastapi\nuvicorn[Standard]\n", FASTAPI, {"uvloop", "httptools", "websockets"}),
        ("uvicorn app:app", "fastapi[standard]\n", FASTAPI, {"uvloop", "httptools", "websockets"}),
        ("gunicorn -k uvicorn.workers.UvicornWorker app:app", "fastapi\nuvicorn\ngunicorn\nuvloop\n", FASTAPI, {"uvloop"}),
        ("python app.py", "fastapi\nuvicorn\nuvloop\n", f"import uvicorn\n{FASTAPI}uvicorn.run(app)\n", {"uvloop"}),
        ("python app.py", "gradio\nuvloop\n", "import gradio\ngradio.Interface(str, 'text', 'text').launch()\n", {"uvloop"}),
        ("python app.py", "nicegui\n", "from nicegui import ui\nui.run()\n", {"uvloop", "nicegui.ui.run"}),
        ("granian app:app", "fastapi\ngranian\n", FASTAPI, {"granian.cli"}),
        ("daphne app:app", "fastapi\ndaphne\n", FASTAPI, {"daphne.server"}),
        ("waitress-serve app:app", "flask\nwaitress\n", "from flask import Flask\napp = Flask('a')\n", {"waitress.runner"}),
        ("sanic app:app", "sanic\n", "from sanic import Sanic\napp = Sanic('a')\n", {"sanic.cli.app"}),
        ("arq app.Settings", "arq\n", "class Settings:\n    functions = []\n", {"arq.cli"}),
        ("chainlit run app.py", "chainlit\n", "import chainlit\n", {"chainlit.server"}),
        ("celery -A app worker -c 1", "celery[redis]\n", CELERY, {"redis"}),
        ("celery -A app worker -c 1", "celery\n", CELERY, set()),
    ],
)
def test_servers_load_what_they_serve_with(
    service: Any, command: str, requirements: str, source: str, loaded: set[str]
) -> None:
    """Of what they take where it is installed, what is declared counts, also by an extra."""
    parts = {one["package"] for one in service(command, requirements, source)["parts"]}
    every = {"uvloop", "httptools", "websockets", "granian.cli", "daphne.server", "waitress.runner", "sanic.cli.app"}
    every |= {"arq.cli", "chainlit.server", "redis", "nicegui.ui.run"}
    assert loaded <= parts
    assert loaded or not parts & every


def test_versions_that_commands_of_an_image_name_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `python tools/measure_footprints.py`: aiogram 3.0.0b7 takes 41 MiB, the newest 157; a requirements file wins."""
    image = "FROM python:3.11\nRUN pip install 'aiogram==3.0.0b7'\nCOPY . .\nCMD python app.py\n"
    write(tmp_path, {"Dockerfile": image, "app.py": "import aiogram\n"})
    monkeypatch.chdir(tmp_path)

    def taken() -> float:
        capsys.readouterr()
        memory_budget.main(["--format", "json"])
        (found,) = json.loads(capsys.readouterr().out)["services"]
        return float(found["estimate_mib"]["expected"])

    assert taken() == pytest.approx(50, rel=0.05)
    write(tmp_path, {"requirements.txt": "aiogram==3.31.0\n", "Dockerfile": f"{image}RUN pip install -r requirements.txt\n"})
    assert taken() == pytest.approx(165, rel=0.05)


IMAGE = "FROM python:3.11\nCOPY . .\nRUN pip install {}\nCMD python app.py\n"


@pytest.mark.parametrize(
    ("files", "versions"),
    [
        ({"Dockerfile": IMAGE.format("pandas==1.5.3\nRUN pip install pandas==2.2.3")}, {"2.2.3"}),
        ({"Dockerfile": IMAGE.format("pandas==1.5.3\nRUN pip install pandas")}, {"1.5.3"}),
        ({"Dockerfile": IMAGE.format("pandas==1.5.3\nRUN pip install -qU pandas")}, {"3.1.1"}),
        ({"Dockerfile": IMAGE.format("pandas==1.5.3 -r req.txt"), "req.txt": "pandas>=2.2\n"}, {"3.1.1"}),
        (
            {
                "Dockerfile": IMAGE.format("-r req.txt"), "req.txt": "pandas\n",
                "tools/Dockerfile": "FROM python:3.11\nRUN pip install pandas==1.5.3\n",
            },
            {"3.1.1"},
        ),
        (
            {
                "a/Dockerfile": IMAGE.format("pandas==1.5.3"), "b/Dockerfile": IMAGE.format("pandas==2.2.3"),
                "a/app.py": "import pandas\n", "b/app.py": "import pandas\n",
                "compose.yaml": "services:\n  a:\n    build: a\n  b:\n    build: b\n",
            },
            {"1.5.3", "2.2.3"},
        ),
    ],
)  # fmt: skip
def test_the_version_that_an_image_installs_last_counts_for_it_alone(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    versions: set[str],
) -> None:
    write(tmp_path, {"app.py": "import pandas\n", **files})
    monkeypatch.chdir(tmp_path)
    memory_budget.main(["--format", "json"])
    services = json.loads(capsys.readouterr().out)["services"]
    assert {one["version"] for found in services for one in found["parts"] if one["package"] == "pandas"} == versions


@pytest.mark.parametrize("engine", ["postgresql", "postgresql_psycopg2"])
def test_a_backend_of_django_loads_its_driver_by_either_name(service: Any, tmp_path: Path, engine: str) -> None:
    settings = (
        f"SECRET_KEY = 'x'\nINSTALLED_APPS = []\nDATABASES = {{'default': {{'ENGINE': 'django.db.backends.{engine}'}}}}\n"
    )
    source = "from django.core.wsgi import get_wsgi_application\nimport os\n"
    source += "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\napp = get_wsgi_application()\n"
    write(tmp_path, {"settings.py": settings, "manage.py": source.partition("app =")[0]})
    found = service("gunicorn app:app", "django==5.2.8\npsycopg2==2.9.9\ngunicorn\n", source)
    assert "psycopg2" in {part["package"] for part in found["parts"]}


@pytest.mark.parametrize(
    ("command", "requirements", "source", "taken"),
    [
        ("celery flower --port=5501", "flower==2.2.0\ncelery==5.7.0\n", "", 47.9),
        ("datasette --create data.db", "datasette==0.65.5\n", "", 43.4),
        ("litellm --port 4000", "litellm[proxy]==1.108.7\n", "", 318.9),
        ("granian app:app --workers 1", "fastapi==0.165.0\ngranian==2.8.9\n", FASTAPI, 60.3),
        ("granian app:app --workers 4", "fastapi==0.165.0\ngranian==2.8.9\n", FASTAPI, 133.3),
        ("hypercorn app:app --workers 2", "fastapi==0.115.12\nhypercorn==0.14.4\n", FASTAPI, 107),
        ("sanic app:app --workers=3", "sanic==25.12.1\n", "from sanic import Sanic\napp = Sanic('a')\n", 140.1),
        ("dramatiq app -p 2", "dramatiq==1.17.1\n", "import dramatiq.brokers.stub\n", 51.7),
        ("dramatiq app -p 2", "dramatiq==2.2.1\n", "import dramatiq.brokers.stub\n", 34.1),
        ("dramatiq app -p 2", "dramatiq==2.2.1\nredis==8.1.0\n", "import dramatiq.brokers.redis\n", 57.2),
        ("dramatiq app -p 6", "dramatiq==2.2.1\nredis==8.1.0\n", "import dramatiq.brokers.redis\n", 120.3),
        ("taskiq worker app:broker --workers 2", "taskiq==0.11.18\n", "import taskiq\n", 56.0),
        ("taskiq worker app:broker --workers 4", "taskiq==0.11.18\n", "import taskiq\n", 74.8),
        ("taskiq worker app:broker --workers 3", "taskiq==0.13.0\nredis==8.1.0\n", "import redis, taskiq\n", 120.9),
    ],
)
def test_a_server_takes_a_process_of_its_own(
    service: Any, command: str, requirements: str, source: str, taken: float
) -> None:
    """By `memguard measure --repeatable`, CPython 3.11.7, 2026-11-30."""
    assert service(command, requirements, source)["estimate_mib"]["expected"] == pytest.approx(taken, rel=0.05)


def test_an_installed_program_of_another_major_version_is_not_judged(service: Any) -> None:
    """Its processes may be others: `celery flower` of 1.2.0 takes 55.8 MiB, of 2.2.0 48.7."""
    assert service("celery flower", "flower==1.2.0\n", "")["verdict"] == "unknown"


def test_mlflow_runs_jobs_beside_a_database(service: Any) -> None:
    """Each of eight processes loads its server again; a folder as the store, and a variable, leave them away."""

    def taken(command: str) -> float:
        return float(service(command, "mlflow==3.17.2\n", "")["estimate_mib"]["expected"])

    every = taken("mlflow server --workers 4")
    assert every == pytest.approx(2241, rel=0.06)
    for command in ("mlflow server --backend-store-uri ./runs", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server"):
        assert taken(command) < every - 8 * 140


def test_workers_that_start_anew_share_nothing(service: Any, tmp_path: Path) -> None:
    """By default from Python 3.14 on, and where dramatiq is told to."""

    def taken(command: str, python: str) -> float:
        write(tmp_path, {"memguard.toml": f'target-python = "{python}"\n'})
        return float(service(command, "dramatiq==2.2.1\n", "import dramatiq\n")["estimate_mib"]["expected"])

    forked = taken("dramatiq app -p 3", "3.13")
    assert taken("dramatiq app -p 3 --use-spawn", "3.13") > forked + 2 * 4
    assert taken("dramatiq app -p 3", "3.14") == pytest.approx(taken("dramatiq app -p 3 --use-spawn", "3.14"), rel=0.01)


@pytest.mark.parametrize(
    ("options", "more", "taken"),
    [
        ("-P solo", "", 50.1), ("-c 1", "", 63.2), ("-c 2", "", 83.2), ("-c 4", "", 123.2),
        ("-P solo", "sqlalchemy", 66.7), ("-c 1", "sqlalchemy", 81.2), ("-c 4", "sqlalchemy", 167.4),
        ("-c 1", "pandas", 108.3), ("-c 2", "pandas", 137.6),
    ],
)  # fmt: skip
def test_processes_of_celery_copy_what_is_collected_before_the_next_fork(
    service: Any, options: str, more: str, taken: float
) -> None:
    """By `memguard measure --repeatable` with celery 5.7.0 and redis 8.1.0, CPython 3.11.7, 2026-11-30."""
    imported = {"": "", "sqlalchemy": "import sqlalchemy.orm\n", "pandas": "import pandas\n"}[more]
    found = service(
        f"celery -A app worker {options}", f"celery==5.7.0\nredis==8.1.0\npackaging\n{more}\n", imported + CELERY
    )
    assert found["estimate_mib"]["expected"] == pytest.approx(taken, rel=0.06)


@pytest.mark.parametrize(
    ("requirement", "call", "taken"),
    [
        ("jieba", "import jieba\ndef used(text):\n    return list(jieba.cut(text))\n", 60),
        ("langdetect", "from langdetect import detect\ndef used(text):\n    return detect(text)\n", 61),
        ("reverse_geocoder", "import reverse_geocoder\ndef used(text):\n    return reverse_geocoder.search((1, 2))\n", 107),
        ("babel", "from babel.numbers import format_currency\ndef used(text):\n    return format_currency(1, 'EUR')\n", 6),
        ("pronouncing", "import pronouncing\ndef used(text):\n    return pronouncing.rhymes(text)\n", 50),
        ("janome", "from janome.tokenizer import Tokenizer\ndef used(text):\n    return Tokenizer().tokenize(text)\n", 55),
    ],
)
def test_what_a_library_loads_at_its_first_use_stays(service: Any, requirement: str, call: str, taken: float) -> None:
    """A handler uses it, and what it returns is gone; the dictionary of the library is not."""
    route = "from flask import Flask\napp = Flask('a')\n@app.get('/')\ndef index():\n    return str(used('text'))\n"
    parts = service("gunicorn app:app", f"flask\ngunicorn\n{requirement}\n", call + route)["parts"]
    (found,) = (one for one in parts if " of " in one["package"] and "the " in one["package"])
    assert (found["mib"], found["moment"]) == (taken, "serving")
