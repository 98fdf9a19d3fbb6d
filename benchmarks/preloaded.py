"""Measure what workers copy of an app that was loaded before they were forked, and when they collect all garbage.

    python benchmarks/preloaded.py --json FILE [--python PYTHON] [--keep DIR] [--only NAME] [--seed N]

Each app is started for real, with its files put out of the page cache: gunicorn with `--preload`, and celery with its pool
of processes. Its processes are read idle, after 50 and 500 requests, and after each worker was told to collect all garbage.
Beside what they take together stands how many full collections each worker had run since its fork, and how much each worker
has written to, by where it lies: small objects (the arenas of Python), the heap (of C), and the data of libraries.
FILE keeps what was measured, and is estimated anew where it is there. Half of the apps, drawn by the seed, are fitted on;
those whose names begin with "late" were measured once all was fitted.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from moments import BROKER, broker, evict, is_open, running, wait
from process_memory import MIB, fetch, free_port, install, process_environment, read_together, read_tree

from memguard_hooks.app.service_estimate import assess
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Sequence

PHASES = ("idle", "50", "500", "collected")
REQUIREMENTS = """\
boto3
celery
django<6
djangorestframework
fakeredis[lua]
fastapi
flask
flask-login
flask-sqlalchemy
gunicorn
openai
packaging
pandas
redis
requests
scikit-learn
sqlalchemy
uvicorn
uvicorn-worker
"""


class App(NamedTuple):
    """An app: its framework, what it imports, what each request returns, and how many workers serve it."""

    name: str
    framework: str
    imports: str
    call: str
    workers: tuple[int, ...]
    options: str = ""


GUNICORN = "gunicorn app:app --preload --bind 127.0.0.1:$PORT"
UVICORN = " --worker-class uvicorn_worker.UvicornWorker"
FRAME = "pandas.DataFrame({'a': range(999)}).groupby('a').a.sum().size"
PAGE = "flask.render_template_string('{% for n in range(99) %}{{ n }}{% endfor %}')"
APPS = (
    App("flask-light", "flask", "", "1", (2, 4)),
    App("flask-page", "flask", "import flask", PAGE, (3,)),
    App("flask-pandas", "flask", "import pandas", FRAME, (2, 4)),
    App("flask-tables", "flask", "import flask_sqlalchemy, flask_login, sqlalchemy, flask",
        f"{PAGE} + str(sqlalchemy.select(sqlalchemy.literal(1)))", (3,)),
    App("flask-aws", "flask", "import boto3, requests", "len(boto3.session.Session().get_available_services())", (3,)),
    App("flask-openai", "flask", "import openai",
        "openai.OpenAI(api_key='none', base_url='http://127.0.0.1:9/').max_retries", (2,), " --threads 4"),
    App("flask-scores", "flask", "from sklearn.linear_model import LinearRegression",
        "LinearRegression().fit([[1], [2], [3]], [1, 2, 3]).coef_.size", (4,)),
    App("django", "django", "", "get_user_model().objects.count()", (2, 3)),
    App("django-rest", "django", "import rest_framework.views, rest_framework.serializers, rest_framework.routers",
        "get_user_model().objects.count()", (2,)),
    App("django-pandas", "django", "import pandas", f"({FRAME}, get_user_model().objects.count())", (3,)),
    App("fastapi", "fastapi", "", "1", (3,), UVICORN),
    App("fastapi-tables", "fastapi", "import sqlalchemy, sqlalchemy.orm",
        "sqlalchemy.select(sqlalchemy.literal(1)).compile().string", (2,), UVICORN),
    App("fastapi-pandas", "fastapi", "import pandas", FRAME, (2,), UVICORN),
    App("celery-django", "celery", "", "get_user_model().objects.count()", (2, 4)),
    App("celery-pandas", "celery", "import pandas", f"({FRAME}, get_user_model().objects.count())", (3,)),
    App("late-flask-requests", "flask", "import requests, sqlalchemy, flask",
        f"{PAGE} + requests.Request('GET', 'http://127.0.0.1:9/').prepare().method", (3,)),
    App("late-flask-pandas", "flask", f"def lazy():\n    import pandas\n    return {FRAME}\n", "lazy()", (2,)),
    App("late-django-aws", "django", "import boto3", "get_user_model().objects.filter(id=1).count()", (2,)),
    App("late-fastapi-scores", "fastapi", "from sklearn.linear_model import LinearRegression",
        "LinearRegression().fit([[1], [2], [3]], [1, 2, 3]).coef_.size", (3,), UVICORN),
)  # fmt: skip

STATE = """
import gc
import os

inherited = 0


def full():
    return gc.get_stats()[2]["collections"]


def forked():
    global inherited
    inherited = full()


os.register_at_fork(after_in_child=forked)


def state():
    return f"{os.getpid()} {full() - inherited}"


def collect():
    gc.collect()
    return state()

"""
FLASK = """
from flask import Flask

app = Flask(__name__)


@app.get("/work")
def work():
    return f"{state()} {CALL}"


app.get("/state")(state)
app.get("/collect")(collect)
"""
FASTAPI = """
from fastapi import FastAPI
from pydantic import BaseModel


class Answer(BaseModel):
    text: str


app = FastAPI()


@app.get("/work")
def work() -> Answer:
    return Answer(text=f"{state()} {CALL}")


app.get("/state")(state)
app.get("/collect")(collect)
"""
SETTINGS = """
SECRET_KEY = "none"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                  "django.contrib.messages", "django.contrib.staticfiles"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
              "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                           "django.contrib.messages.context_processors.messages"]}}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
STATIC_URL = "static/"
"""
DJANGO = """
import state
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
app = get_wsgi_application()
"""
URLS = """
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from state import collect, state
IMPORTS


def work(request):
    request.session["seen"] = 1
    return HttpResponse(f"{state()} {CALL}")


urlpatterns = [
    path("admin/", admin.site.urls), path("work", work),
    path("state", lambda request: HttpResponse(state())), path("collect", lambda request: HttpResponse(collect())),
]
"""
CELERY = """
import os
import django
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()
from django.contrib.auth import get_user_model
from state import collect as collected, state as found
IMPORTS

app = Celery("app", broker="redis://127.0.0.1:BROKER/0")
app.conf.task_ignore_result = True


def note(text):
    with open("answers", "a") as file:
        file.write(f"{text}\\n")


@app.task
def work():
    note(f"{found()} {CALL}")


@app.task
def state():
    note(found())


@app.task
def collect():
    note(collected())
"""
SEND = "import sys, app; [getattr(app, sys.argv[1]).delay() for _ in range(int(sys.argv[2]))]"


def write(app: App, folder: Path, interpreter: Path) -> None:
    """Write the files of an app, and make its database."""

    def filled(text: str) -> str:
        return text.replace("IMPORTS", app.imports).replace("CALL", app.call).replace("BROKER", str(BROKER))

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "state.py").write_text(STATE)
    head = "from state import collect, state\nIMPORTS\n"
    main = {"flask": head + FLASK, "fastapi": head + FASTAPI, "django": DJANGO, "celery": CELERY}[app.framework]
    (folder / "app.py").write_text(filled(main))
    if app.framework in ("django", "celery"):
        (folder / "settings.py").write_text(SETTINGS)
        (folder / "urls.py").write_text(filled(URLS))
        migrate = [str(interpreter), "-m", "django", "migrate", "--verbosity", "0"]
        variables = process_environment({"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(folder)})
        subprocess.run(migrate, cwd=folder, env=variables, check=True)


def command_of(app: App, workers: int) -> str:
    """Return how an app is started."""
    if app.framework == "celery":
        return f"celery --app app worker --loglevel WARNING --concurrency {workers}"
    return f"{GUNICORN} -w {workers}{app.options}"


def private(pid: int) -> dict[str, int]:
    """Return what a process has written to and shares with none, by where it lies, in bytes."""
    kinds = {"objects": 0, "heap": 0, "libraries": 0}
    kind = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ (\d+)\s*(.*)", line)
        if head:
            kind = "heap" if head[3] == "[heap]" else "libraries" if head[2] != "0" else "objects"
        elif line.startswith("Private_Dirty:"):
            kinds[kind] += int(line.split()[1]) * 1024
    return kinds


class Driver:
    """Sends requests or tasks, and knows how many full collections each worker has run."""

    def __init__(self, app: App, port: int, interpreter: Path, folder: Path) -> None:
        self._app, self._port, self._interpreter, self._folder = app, port, interpreter, folder

    def call(self, name: str, count: int) -> list[str]:
        """Call something so many times; return the answers."""
        if self._app.framework == "celery":
            answers = self._folder / "answers"
            answers.touch()
            before = len(answers.read_text().splitlines())
            send = [str(self._interpreter), "-c", SEND, name, str(count)]
            subprocess.run(send, cwd=self._folder, env=process_environment({}), check=True)
            wait(lambda: len(answers.read_text().splitlines()) >= before + count)
            return answers.read_text().splitlines()[before:]
        from concurrent.futures import ThreadPoolExecutor

        paths = [name] * count
        if name == "work" and self._app.framework == "django":
            paths = ["work", "admin/login/"] * (count // 2)
        with ThreadPoolExecutor(6) as clients:
            urls = [f"http://127.0.0.1:{self._port}/{path}" for path in paths]
            return [body.decode() for body in clients.map(fetch, urls)]

    def states(self, name: str, workers: int) -> dict[int, int]:
        """Ask until each worker has answered; return how many full collections each has run."""
        found: dict[int, int] = {}
        for _ in range(40):
            answers = [text.strip('"').split() for text in self.call(name, 4 * workers)]
            found.update((int(one[0]), int(one[1])) for one in answers)
            if len(found) >= workers:
                break
        return found


def run(app: App, workers: int, interpreter: Path, folder: Path) -> dict[str, Any]:
    """Start an app and read it in each phase."""
    write(app, folder, interpreter)
    command = command_of(app, workers)
    port = free_port()
    words = command.replace("$PORT", str(port)).split()
    words[0] = str(interpreter.parent / words[0])
    driver = Driver(app, port, interpreter, folder)
    evict(interpreter.parent.parent / "lib")
    row: dict[str, Any] = {"app": app.name, "workers": workers, "taken": [], "collections": [], "written": []}
    with broker(interpreter) if app.framework == "celery" else nullcontext(), running(words, folder, {}) as pid:
        if app.framework != "celery":
            wait(lambda: is_open(port))
        time.sleep(5)
        for phase in PHASES:
            if phase in ("50", "500"):
                driver.call("work", 50 if phase == "50" else 450)
            if phase == "collected":
                driver.states("collect", workers)
            row["taken"].append(read_together(pid))
            row["written"].append([private(one.pid) for one in read_tree(pid)])
            row["collections"].append([] if phase == "idle" else sorted(driver.states("state", workers).values()))
    return row


def estimate(app: App, workers: int, pins: str, folder: Path, interpreter: Path) -> tuple[int, int]:
    """Return what memory-budget says of an app at start and serving, in bytes."""
    write(app, folder, interpreter)
    kind = "worker" if app.framework == "celery" else "web"
    (folder / "requirements.txt").write_text(pins, "utf-8")
    (folder / "Procfile").write_text(f"{kind}: {command_of(app, workers)}\n", "utf-8")
    (folder / ".python-version").write_text("3.11\n", "utf-8")
    (folder / "db.sqlite3").unlink(missing_ok=True)
    tree = WorkTree(str(folder))
    (judged,) = assess(Project(tree, load(tree, None)[0]), None)
    tree.close()
    assert judged.now is not None, judged.reason
    return judged.now.estimate.start.expected, judged.now.estimate.serving.expected


def render(rows: Sequence[dict[str, Any]], estimates: Sequence[tuple[int, int]], fitted: set[int]) -> list[str]:
    """Render what was measured and estimated as a markdown table, and the errors of both halves."""
    lines = [
        f"| app | workers | {' | '.join(PHASES)} | collections | said: start | serving | off: start | 50 | 500 | half |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    errors: dict[str, list[float]] = {"fitted on": [], "judged on": [], "measured late": []}
    for number, (row, said) in enumerate(zip(rows, estimates, strict=True)):
        half = "fitted on" if number in fitted else "measured late" if row["app"].startswith("late") else "judged on"
        off = (said[0] / row["taken"][0] - 1, said[1] / row["taken"][1] - 1, said[1] / row["taken"][2] - 1)
        errors[half] += off[1:]
        sizes = (f"{size / MIB:.1f}" for size in row["taken"])
        counts = "; ".join(" ".join(map(str, one)) for one in row["collections"][1:3])
        shown = (row["app"], str(row["workers"]), *sizes, counts, *(f"{one / MIB:.1f}" for one in said),
                 *(f"{one:+.1%}" for one in off), half)  # fmt: skip
        lines.append(f"| {' | '.join(shown)} |")
    for half, all_off in errors.items():
        if all_off:
            mean = sum(map(abs, all_off)) / len(all_off)
            lines.append(f"{half}: mean absolute error {mean:.1%}, from {min(all_off):+.1%} to {max(all_off):+.1%}")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was not run yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default="python3.11", help="interpreter of the apps")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep and reuse the environment")
    parser.add_argument("--only", action="append", metavar="NAME", help="of an app; can be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", required=True, help="keeps what was measured")
    parser.add_argument("--seed", type=int, default=14, help="draws the half that is fitted on")
    options = parser.parse_args(argv)
    rows = json.loads(options.json.read_text("utf-8")) if options.json.exists() else []
    with tempfile.TemporaryDirectory() as temporary:
        directory = (options.keep or Path(temporary)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        interpreter = install(directory / "preloaded-env", options.python, REQUIREMENTS)
        for app in (one for one in APPS if not options.only or one.name in options.only):
            for workers in app.workers:
                if not any((row["app"], row["workers"]) == (app.name, workers) for row in rows):
                    rows.append(run(app, workers, interpreter, directory / "preloaded-app"))
                    options.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
                    print(rows[-1]["app"], [round(size / MIB, 1) for size in rows[-1]["taken"]], flush=True)
        freeze = [str(interpreter), "-m", "pip", "freeze"]
        pins = subprocess.run(freeze, check=True, stdout=subprocess.PIPE, text=True).stdout
        apps = {one.name: one for one in APPS}
        where = directory / "preloaded-said"
        said = [estimate(apps[row["app"]], row["workers"], pins, where, interpreter) for row in rows]
    names = sorted(name for name in apps if not name.startswith("late"))
    half = set(random.Random(options.seed).sample(names, len(names) // 2))  # noqa: S311 - no secret
    print("\n".join(render(rows, said, {number for number, row in enumerate(rows) if row["app"] in half})))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
