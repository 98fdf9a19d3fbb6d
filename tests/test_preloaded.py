"""What workers copy of an app that was loaded before they were forked, beside what such apps took when they ran."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.app.estimate import _chance_of_collecting
from memguard_hooks.catalog import lookup
from memguard_hooks.hooks import memory_budget

MIB = 1024 * 1024
FLASK = "from flask import Flask\napp = Flask('a')\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
DJANGO = (
    "import os\nfrom django.core.wsgi import get_wsgi_application\n"
    "os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\napp = get_wsgi_application()\n"
)
SETTINGS = (
    "ROOT_URLCONF = 'urls'\nSECRET_KEY = 'x'\nINSTALLED_APPS = ['django.contrib.admin', 'django.contrib.auth',"
    " 'django.contrib.contenttypes', 'django.contrib.sessions', 'django.contrib.messages', 'django.contrib.staticfiles']\n"
    "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db'}}\n"
)
URLS = "from django.contrib import admin\nfrom django.urls import path\nurlpatterns = [path('admin/', admin.site.urls)]\n"


@pytest.mark.parametrize(
    ("options", "requirements", "source", "idle", "used"),
    [
        ("-w 4", "flask", FLASK, 48.2, 61.2),
        ("-w 4", "flask\nscikit-learn\npandas", f"from sklearn.linear_model import LinearRegression\n{FLASK}", 173.7, 204.0),
        ("-w 3", "django<6", DJANGO, 56.7, 96.4),
        ("-w 3 -k uvicorn_worker.UvicornWorker", "fastapi\nuvicorn\nuvicorn-worker", FASTAPI, 73.1, 85.5),
    ],
)  # fmt: skip
def test_workers_copy_what_requests_touch(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    requirements: str,
    source: str,
    idle: float,
    used: float,
) -> None:
    """By `python benchmarks/preloaded.py`, idle and after 500 requests, CPython 3.11.7, 2026-11-30."""
    command = f"gunicorn app:app --preload {options}"
    write(tmp_path, {"Procfile": f"web: {command}\n", "app.py": source, "settings.py": SETTINGS, "urls.py": URLS})
    write(tmp_path, {"requirements.txt": f"gunicorn\n{requirements}\n", "memguard.toml": 'target-python = "3.11"\n'})
    monkeypatch.chdir(tmp_path)
    assert memory_budget.main(["--format", "json"]) in (0, 1)
    (found,) = json.loads(capsys.readouterr().out)["services"]
    told = found["estimate_mib"]
    assert told["expected"] == pytest.approx(idle, rel=0.06)
    assert told["serving"]["expected"] == pytest.approx(used, rel=0.06)


@pytest.mark.parametrize(
    ("python", "before", "late", "chance"),
    [
        ("3.11", 10, 2, 0), ("3.11", 22, 20, 1), ("3.11", 4, 40, 1), ("3.12", 22, 20, 1), ("3.13", 24, 20, 0),
        ("3.13", 60, 60, 1),
    ],
)  # fmt: skip
def test_a_worker_that_passes_the_mark_collects_all_garbage(python: str, before: int, late: int, chance: int) -> None:
    """What was loaded before the fork counts, and Python 3.13 waits for nearly three times as many objects."""
    base = lookup.interpreter(python)
    loaded = base.anonymous + before * MIB
    assert _chance_of_collecting(base, loaded, late * MIB, has_collected=False) == chance
    assert _chance_of_collecting(base, loaded, 4 * MIB, has_collected=True) == 0
