"""Show which ways to declare a start are read: one small project for each format, program and setting that is documented.

    python benchmarks/start_kinds.py [NAME ...] [--all]

Each row is a project of a few files with what a reader of the documentation expects: the entry point, the processes and the
limit in MiB, `?` where nobody can tell; more rows tell from where a host takes its Python. What differs is printed, and with
`--all` each row. Nothing of them runs.
"""

# ruff: noqa: E501 - a row of the table is a project

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from memguard_hooks.app.entry_points import ServiceEntry, find_entry
from memguard_hooks.app.service_estimate import assess
from memguard_hooks.errors import MemguardError
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.rules.budget.verdict import judge
from memguard_hooks.tree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

APP = {"app.py": "import flask\napp = flask.Flask(__name__)\n", "requirements.txt": "flask\ngunicorn\nuvicorn\ncelery\n"}
TASKS = {"tasks.py": "import celery\napp = celery.Celery()\n", "requirements.txt": "celery\n"}
IMAGE = {"Dockerfile": "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD gunicorn app:app -w 3\n"}
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n",
    "site_/__init__.py": "",
    "site_/settings.py": "INSTALLED_APPS = []\nROOT_URLCONF = 'site_.urls'\n",
    "site_/urls.py": "urlpatterns = []\n",
    "site_/wsgi.py": "application = 1\n",
    "requirements.txt": "django\n",
}
POD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n"
LIMITED = ", resources: {limits: {memory: 300Mi}}"


def image(command: str) -> str:
    """Return a Dockerfile that runs a command."""
    return f"FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD {command}\n"


def unit(command: str) -> str:
    """Return a unit of systemd that runs a program of the environment beside the app."""
    return f"[Service]\nWorkingDirectory=/srv/app\nExecStart=/srv/app/venv/bin/{command}\n[Install]\nWantedBy=multi-user.target\n"


SERVE, WORK = "gunicorn app:app -w 3", "celery -A tasks worker -c 2"
BOTH = {**APP, "tasks.py": TASKS["tasks.py"]}
WORKER = POD + "      - {name: w, image: w, command: [celery, -A, tasks, worker, -c, '2']" + LIMITED + "}\n"


class Kind(NamedTuple):
    """One way to declare a start: its name, its files, and what is expected of the services in their order."""

    name: str
    files: Mapping[str, str]
    expected: tuple[tuple[str, int | None, int | None], ...]


def both(limit: int | None = 512) -> tuple[tuple[str, int | None, int | None], ...]:
    """Return what is expected of a server of an image and a worker, which may have a limit."""
    return (*one("app:app", 3), *one("tasks", 2, limit))


def one(
    entrypoint: str, processes: int | None = 1, limit: int | None = 512
) -> tuple[tuple[str, int | None, int | None], ...]:
    """Return what is expected of the only service."""
    return ((entrypoint, processes, limit),)


def script(text: str, **files: str) -> dict[str, str]:
    """Return an image that runs a script of bash."""
    image = 'FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD ["bash", "run.sh"]\n'
    return {**APP, "Dockerfile": image, "run.sh": f"#!/bin/bash\n{text}\n", **files}


def python(text: str, requirements: str = "flask\n", name: str = "main.py", **files: str) -> dict[str, str]:
    """Return a Procfile that starts one file of Python."""
    return {**APP, "Procfile": f"web: python {name}\n", name: text, "requirements.txt": requirements, **files}


KINDS = (
    # Kubernetes
    Kind("k8s args with ENTRYPOINT", {**APP, "Dockerfile": 'FROM python:3.12\nCOPY . .\nENTRYPOINT ["gunicorn", "app:app"]\n',
         "k8s.yaml": POD + f"      - {{name: web, image: web, args: ['-w', '5']{LIMITED}}}\n"}, one("app:app", 5, 300)),
    Kind("k8s CMD of the image", {**APP, **IMAGE, "k8s.yaml": POD + f"      - {{name: web, image: web{LIMITED}}}\n"},
         one("app:app", 3, 300)),
    Kind("k8s LimitRange", {**APP, **IMAGE, "k8s.yaml": POD + "      - {name: web, image: web}\n---\napiVersion: v1\n"
         "kind: LimitRange\nmetadata: {name: l}\nspec:\n  limits:\n  - {type: Container, default: {memory: 200Mi}}\n"},
         one("app:app", 3, 200)),
    Kind("kustomize overlay", {**APP, **IMAGE, "base/web.yaml": POD + f"      - {{name: web, image: web{LIMITED}}}\n",
         "base/kustomization.yaml": "resources: [web.yaml]\n",
         "overlays/production/kustomization.yaml": "resources: [../../base]\npatches:\n- path: more.yaml\n",
         "overlays/production/more.yaml": POD + "      - {name: web, resources: {limits: {memory: 700Mi}}}\n"},
         one("app:app", 3, 700)),
    Kind("helm values", {**APP, **IMAGE, "chart/Chart.yaml": "name: web\nversion: 1.0.0\n",
         "chart/values.yaml": "memory: 400Mi\nworkers: 2\n",
         "chart/templates/web.yaml": POD + "      - name: web\n        image: web\n"
         "        command: [gunicorn, 'app:app', '-w', '{{ .Values.workers }}']\n"
         "        resources: {limits: {memory: {{ .Values.memory }}}}\n"}, one("app:app", 2, 400)),
    # shell
    Kind("bash array", script('cmd=(gunicorn app:app)\ncmd+=(-w 4)\nexec "${cmd[@]}"'), one("app:app", 4)),
    Kind("if on a variable of the image", script('if [ "$MODE" = web ]; then exec gunicorn app:app -w 6; else exec python x.py; fi',
         Dockerfile='FROM python:3.12\nENV MODE=web\nWORKDIR /app\nCOPY . .\nCMD ["bash", "run.sh"]\n'), one("app:app", 6)),
    Kind("if on settings for developers", script('python tasks.py &\nif [ "$APP_CONFIG" = "config.DevelopmentConfig" ]; then python x.py; '
         'else gunicorn app:app -w 3; fi', **{"tasks.py": TASKS["tasks.py"]}), one("app:app", 4)),
    Kind("PYTHONPATH of an image that adds to it", {"app/main.py": APP["app.py"], "requirements.txt": APP["requirements.txt"],
         "Dockerfile": 'FROM python:3.12\nWORKDIR /code\nCOPY ./app /code/app\nENV PYTHONPATH "${PYTHONPATH}:/code/app"\nCMD gunicorn main:app -w 3\n'},
         one("main:app", 3)),
    Kind("case on an argument", script('case "$1" in\n web) exec gunicorn app:app -w 2;;\n *) exec "$@";;\nesac',
         Dockerfile='FROM python:3.12\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["bash", "run.sh"]\nCMD ["web"]\n'), one("app:app", 2)),
    Kind("nproc", script("exec gunicorn app:app -w $(nproc)"), one("app:app", 2)),
    Kind("default of nproc", script("exec gunicorn app:app -w ${WORKERS:-$(nproc)}"), one("app:app", 2)),
    Kind("least of nproc", script("n=$(nproc)\nw=$((n * 2 + 1))\nexec gunicorn app:app -w $((w > 4 ? 4 : w))"), one("app:app", 4)),
    Kind("loop that waits", script("for i in 1 2 3; do\n  if nc -z db 5432; then break; fi\n  sleep 1\ndone\nexec gunicorn app:app -w 3"),
         one("app:app", 3)),
    Kind("loop of C that waits", script("for ((i = 1; i <= ${TRIES:-30}; i++)); do\n  pg_isready && break\n  sleep 1\ndone\n"
         "exec gunicorn app:app -w 3"), one("app:app", 3)),
    Kind("screen in the background", script('screen -S beat -d -m "celery" -A tasks beat\nexec gunicorn app:app -w 3', **{"tasks.py": TASKS["tasks.py"]}),
         one("app:app", 4)),
    Kind("tmux in the background", script("tmux new-session -d -s w 'celery -A tasks worker -c 2'\nexec gunicorn app:app -w 3",
         **{"tasks.py": TASKS["tasks.py"]}), one("app:app", 5)),
    Kind("pipenv with options", {**APP, "Procfile": "web: pipenv --python /x/python run gunicorn app:app -w 3\n"}, one("app:app", 3)),
    Kind("a subshell that leaves something", script("(python w.py &) && exec gunicorn app:app -w 3", **{"w.py": "import flask\n"}),
         one("app:app", 4)),
    Kind("a function, or what is given", script('TIMEFORMAT=x\nweb:run() { exec gunicorn app:app -w 3; }\ntime "${@:-help}"',
         Dockerfile='FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD ["bash", "run.sh", "web:run"]\n'), one("app:app", 3)),
    Kind("nothing is given", script('exec "${@:-gunicorn}" app:app -w 3'), one("app:app", 3)),
    Kind("function", script('serve() { exec gunicorn app:app -w "$1"; }\nserve 3'), one("app:app", 3)),
    Kind("exec of the arguments", script('exec "$@"',
         Dockerfile='FROM python:3.12\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["bash", "run.sh"]\nCMD ["gunicorn", "app:app"]\n'),
         one("app:app", 1)),
    # servers started from Python
    Kind("gunicorn BaseApplication", python("import gunicorn.app.base\nfrom app import app\nclass S(gunicorn.app.base.BaseApplication):\n"
         "    def load_config(self):\n        self.cfg.set('workers', 3)\n    def load(self):\n        return app\nS().run()\n",
         "flask\ngunicorn\n"), one("main.py", 3)),
    Kind("gunicorn WSGIApplication", python("from gunicorn.app.wsgiapp import WSGIApplication\nclass S(WSGIApplication):\n"
         "    def load_config(self):\n        self.cfg.set('workers', 4)\n    def load(self):\n        from app import app\n"
         "        return app\nS().run()\n", "flask\ngunicorn\n"), one("main.py", 4)),
    Kind("uvicorn.run", python("import uvicorn\nif __name__ == '__main__':\n    uvicorn.run('app:app', workers=4)\n", "flask\nuvicorn\n"),
         one("main.py", 4)),
    Kind("hypercorn.asyncio.serve", python("import asyncio\nfrom hypercorn.asyncio import serve\nfrom hypercorn.config import Config\n"
         "from app import app\nasyncio.run(serve(app, Config()))\n", "flask\nhypercorn\n"), one("main.py")),
    Kind("waitress.serve", python("from waitress import serve\nfrom app import app\nserve(app, threads=4)\n", "flask\nwaitress\n"),
         one("main.py")),
    Kind("app.run", python("from app import app\napp.run()\n"), one("main.py")),
    Kind("web.run_app", python("from aiohttp import web\nweb.run_app(web.Application())\n", "aiohttp\n"), one("main.py")),
    Kind("Sanic.run", python("from sanic import Sanic\napp = Sanic('x')\nif __name__ == '__main__':\n    app.run(workers=3)\n", "sanic\n"),
         one("main.py", 4)),
    Kind("Sanic.run in one process", python("from sanic import Sanic\napp = Sanic('x')\napp.run(single_process=True)\n", "sanic\n"), one("main.py")),
    Kind("Sanic.prepare", python("from sanic import Sanic\napp = Sanic('x')\nif __name__ == '__main__':\n    app.prepare(workers=3)\n"
         "    Sanic.serve(primary=app)\n", "sanic\n"), one("main.py", 4)),
    Kind("Granian", python("from granian import Granian\nGranian('app:app', workers=3).serve()\n", "flask\ngranian\n"), one("main.py", 3)),
    Kind("asyncio.run", python("import asyncio\nasync def main(): ...\nasyncio.run(main())\n"), one("main.py")),
    Kind("bot.run", python("import discord\nbot = discord.Client()\nbot.run('x')\n", "discord.py\n"), one("main.py")),
    Kind("multiprocessing.Pool", python("from multiprocessing import Pool\nwith Pool(3) as p:\n    p.map(print, [1])\n"), one("main.py", 3)),
    Kind("ProcessPoolExecutor", python("from concurrent.futures import ProcessPoolExecutor\n"
         "with ProcessPoolExecutor(max_workers=2) as p:\n    p.map(print, [1])\n"), one("main.py", 2)),
    Kind("threading.Timer", python("import threading\ndef go():\n    import uvicorn\n    uvicorn.run('app:app', workers=2)\n"
         "threading.Timer(1, go).start()\n", "flask\nuvicorn\n"), one("main.py", 2)),
    Kind("functools.partial", python("import functools\ndef go(n):\n    import uvicorn\n    uvicorn.run('app:app', workers=n)\n"
         "functools.partial(go, 3)()\n", "flask\nuvicorn\n"), one("main.py", 3)),
    Kind("a switch of typer", {**APP, "main.py": "import typer, uvicorn\napp = typer.Typer()\n@app.command()\n"
         "def main(all: bool = typer.Option(True, '--all/--few')):\n    uvicorn.run('app:app', workers=3 if all else 2)\napp()\n",
         "Dockerfile": image("python main.py --few")}, one("main.py", 2)),
    Kind("a switch of click", python("import click, uvicorn\n@click.command()\n@click.option('--prod/--no-prod', default=False)\n"
         "@click.option('--workers', default=4)\ndef go(prod, workers):\n    uvicorn.run('app:app', reload=(not prod), workers=workers)\n"
         "go()\n", "flask\nuvicorn\nclick\n"), one("main.py")),
    Kind("a switch of click that is given", {**python("import click, uvicorn\n@click.command()\n@click.option('--prod', is_flag=True)\n"
         "def go(prod):\n    uvicorn.run('app:app', reload=(not prod), workers=4)\ngo()\n", "flask\nuvicorn\nclick\n"),
         "Procfile": "web: python main.py --prod\n"}, one("main.py", 4)),
    Kind("two ways of one return", python("import os, uvicorn\nclass C:\n    def __init__(self, n):\n        self.workers = n\n"
         "def make():\n    return C(2)\na, b = make(), make()\nb.workers = 5\nuvicorn.run('app:app', workers=a.workers)\n",
         "flask\nuvicorn\n"), one("main.py", None)),
    # settings
    Kind("os.environ.get", python("import os, uvicorn\nuvicorn.run('app:app', workers=int(os.environ.get('N', '4')))\n",
         "flask\nuvicorn\n"), one("main.py", 4)),
    Kind("environ.Env", python("import environ, uvicorn\nenv = environ.Env()\nuvicorn.run('app:app', workers=env.int('N', default=3))\n",
         "flask\nuvicorn\ndjango-environ\n"), one("main.py", 3)),
    Kind("decouple", python("from decouple import config\nimport uvicorn\nuvicorn.run('app:app', workers=config('N', default=3, cast=int))\n",
         "flask\nuvicorn\npython-decouple\n"), one("main.py", 3)),
    Kind("pydantic-settings", python("from pydantic_settings import BaseSettings\nimport uvicorn\nclass S(BaseSettings):\n"
         "    workers: int = 3\ns = S()\nuvicorn.run('app:app', workers=s.workers)\n", "flask\nuvicorn\npydantic-settings\n"),
         one("main.py", 3)),
    Kind("pydantic-settings, a property", python("from conf import settings\nimport uvicorn\n"
         "uvicorn.run('app:app', workers=settings.WORKERS)\n", "flask\nuvicorn\npydantic-settings\n", **{"conf.py":
         "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    EACH: int = 2\n    MORE: int = 1\n    @property\n"
         "    def WORKERS(self) -> int:\n        return max(1, self.EACH * self.MORE)\ndef get():\n    return S()\nsettings = get()\n"}),
         one("main.py", 2)),
    # gunicorn's settings
    Kind("-c gunicorn.conf", {**APP, "Procfile": "web: gunicorn -c gunicorn.conf app:app\n", "gunicorn.conf": "workers = 3\n"},
         one("app:app", 3)),
    Kind("-c gunicorn_config.py", {**APP, "Procfile": "web: gunicorn -c gunicorn_config.py app:app\n",
         "gunicorn_config.py": "workers = 3\n"}, one("app:app", 3)),
    Kind("-c python:module", {**APP, "Procfile": "web: gunicorn -c python:conf.g app:app\n", "conf/__init__.py": "",
         "conf/g.py": "workers = 3\n"}, one("app:app", 3)),
    # celery
    Kind("CELERY_WORKER_CONCURRENCY", {**DJANGO, "site_/celery.py": "import celery, os\n"
         "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\napp = celery.Celery('x')\n"
         "app.config_from_object('django.conf:settings', namespace='CELERY')\n",
         "site_/settings.py": DJANGO["site_/settings.py"] + "CELERY_WORKER_CONCURRENCY = 3\n",
         "Procfile": "w: celery -A site_ worker\n", "requirements.txt": "django\ncelery\n"}, one("site_", 3)),
    Kind("app.conf.update", {**TASKS, "tasks.py": "import celery\napp = celery.Celery()\napp.conf.update(worker_concurrency=5)\n",
         "Procfile": "w: celery -A tasks worker\n"}, one("tasks", 5)),
    Kind("a config module", {**TASKS, "tasks.py": "import celery\napp = celery.Celery()\napp.config_from_object('celeryconfig')\n",
         "celeryconfig.py": "worker_concurrency = 2\n", "Procfile": "w: celery -A tasks worker\n"}, one("tasks", 2)),
    Kind("CELERYD_CONCURRENCY", {**TASKS, "tasks.py": "import celery\napp = celery.Celery()\napp.config_from_object('celeryconfig')\n",
         "celeryconfig.py": "CELERYD_CONCURRENCY = 2\n", "Procfile": "w: celery -A tasks worker\n"}, one("tasks", 2)),
    # images
    Kind("tiangolo/uvicorn-gunicorn-fastapi", {"app/main.py": "import fastapi\napp = fastapi.FastAPI()\n", "requirements.txt": "fastapi\n",
         "Dockerfile": "FROM tiangolo/uvicorn-gunicorn-fastapi:python3.11\nENV WEB_CONCURRENCY=3\nCOPY ./app /app/app\n"},
         one("app.main:app", 3)),
    Kind("AWS Lambda's image", {"app.py": "def handler(e, c): ...\n",
         "Dockerfile": 'FROM public.ecr.aws/lambda/python:3.12\nCOPY app.py .\nCMD ["app.handler"]\n'}, one("app:handler", 1, 128)),
    Kind("Lambda's runtime client by a script", {"app.py": "def handler(e, c): ...\n", "entry.sh": '#!/bin/sh\nif [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; '
         'then\n  exec aws-lambda-rie python -m awslambdaric "$@"\nelse\n  exec python -m awslambdaric "$@"\nfi\n',
         "Dockerfile": "FROM python:3.12\nWORKDIR /f\nRUN pip install awslambdaric\nCOPY . .\n"
         'ENTRYPOINT ["./entry.sh"]\nCMD ["app.handler"]\n'}, one("app:handler")),
    Kind("tiangolo/uwsgi-nginx-flask", {"app/main.py": "import flask\napp = flask.Flask(__name__)\n", "requirements.txt": "flask\n",
         "Dockerfile": "FROM tiangolo/uwsgi-nginx-flask:python3.11\nCOPY ./app /app\n"}, one("main:app", 16)),
    Kind("tiangolo/uwsgi-nginx with settings", {**APP, "Dockerfile": "FROM tiangolo/uwsgi-nginx:python3.11\nENV UWSGI_INI=u.ini\nWORKDIR /code\n"
         "COPY . /code\n", "u.ini": "[uwsgi]\nmodule = app:app\nprocesses = 3\n"}, one("app:app", 3)),
    Kind("bitnami's image", {**APP, "Dockerfile": "FROM bitnami/python:3.12\nWORKDIR /app\nCOPY . .\nCMD gunicorn app:app -w 3\n"},
         one("app:app", 3)),
    # management commands and programs
    Kind("rundramatiq", {**DJANGO, "Procfile": "w: python manage.py rundramatiq --processes 2\n",
         "requirements.txt": "django\ndjango-dramatiq\n"}, one("manage.py", 2)),
    Kind("qcluster", {**DJANGO, "Procfile": "w: python manage.py qcluster\n", "requirements.txt": "django\ndjango-q\n",
         "site_/settings.py": DJANGO["site_/settings.py"] + "Q_CLUSTER = {'workers': 2}\n"}, one("manage.py", 6)),
    Kind("rqworker", {**DJANGO, "Procfile": "w: python manage.py rqworker default\n", "requirements.txt": "django\ndjango-rq\n"},
         one("manage.py")),
    Kind("runserver of another program", {**DJANGO, "Procfile": "web: python serve.py runserver\n", "serve.py": DJANGO["manage.py"]
         + "def main():\n    import sys\n    from django.core.management import execute_from_command_line\n"
         "    execute_from_command_line([sys.argv[0], *sys.argv[1:]])\nif __name__ == '__main__':\n    main()\n"}, one("serve.py", 2)),
    Kind("runserver of Flask-Script without its reloader", {"manage.py": "from flask_script import Manager\nManager(None).run()\n",
         "requirements.txt": "flask-script\n", "Procfile": "web: python manage.py runserver --no-reload\n"}, one("manage.py")),
    Kind("celery of another program", {**DJANGO, "Procfile": "w: python serve.py celery worker -c 3\n", "requirements.txt": "django\ncelery\n",
         "serve.py": DJANGO["manage.py"] + "import sys\nfrom django.core.management import execute_from_command_line\n"
         "execute_from_command_line(sys.argv)\n"}, one("serve.py", 3)),
    Kind("a bot of manage.py", {**DJANGO, "Procfile": "w: python manage.py bot\n", "site_/management/__init__.py": "",
         "site_/management/commands/__init__.py": "", "site_/management/commands/bot.py":
         "from django.core.management import BaseCommand\nclass Command(BaseCommand):\n    def handle(self, *a, **k): ...\n",
         "site_/settings.py": DJANGO["site_/settings.py"].replace("[]", "['site_']")}, one("manage.py")),
    Kind("chainlit run", {"app.py": "import chainlit\n", "requirements.txt": "chainlit\n", "Procfile": "web: chainlit run app.py\n"},
         one("app.py")),
    Kind("mlflow server", {"Procfile": "web: mlflow server\n", "requirements.txt": "mlflow\n"}, one("mlflow", 13)),
    Kind("langflow run", {"Procfile": "web: langflow run\n", "requirements.txt": "langflow\n"}, one("langflow", None)),
    Kind("superset", {"Procfile": "web: superset run\n", "requirements.txt": "apache-superset\n"}, one("superset", None)),
    # no file
    Kind("streamlit_app.py", {"streamlit_app.py": "import streamlit\n", "requirements.txt": "streamlit\n"},
         one("streamlit_app.py", 1, 2765)),
    Kind("app.py with gradio", {"app.py": "import gradio\ngradio.Interface(print, 'text', 'text').launch()\n",
         "requirements.txt": "gradio\n"}, one("app.py")),
    Kind("a bot in main.py", {"main.py": "import discord\nbot = discord.Client()\nbot.run('x')\n", "requirements.txt": "discord.py\n"},
         one("main.py")),
    Kind("manage.py alone", DJANGO, one("site_.wsgi", 1)),
    Kind("wsgi.py alone", {"wsgi.py": "import flask\napplication = flask.Flask(__name__)\n", "requirements.txt": "flask\n"},
         one("wsgi:application")),
    Kind("a Space's README", {"README.md": "---\nsdk: gradio\napp_file: demo.py\n---\n", "demo.py": "import gradio\n",
         "requirements.txt": "gradio\n"}, one("demo.py", 1, 16384)),
    # files
    Kind("uwsgi.ini", {**APP, "Procfile": "web: uwsgi uwsgi.ini\n", "uwsgi.ini": "[uwsgi]\nmodule = app:app\nprocesses = 3\nmaster = true\n"},
         one("app:app", 3)),
    Kind("supervisord", {**APP, "supervisord.conf": "[supervisord]\nnodaemon=true\n[program:web]\ncommand=gunicorn app:app -w 3\n"},
         one("app:app", 3)),
    Kind("circus", {**APP, "circus.ini": "[watcher:web]\ncmd = gunicorn app:app -w 3\n"}, one("app:app", 3)),
    Kind("pm2, JSON", {**APP, "ecosystem.config.json": '{"apps": [{"name": "web", "script": "gunicorn", "args": "app:app -w 3"}]}'},
         one("app:app", 3)),
    Kind("pm2, YAML", {**APP, "ecosystem.config.yml": "apps:\n- {name: web, script: main.py, interpreter: python3}\n", "main.py": "import flask\n"},
         one("main.py")),
    Kind("honcho", {**APP, "Procfile.prod": "web: gunicorn app:app -w 3\n",
         "Dockerfile": "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD honcho start -f Procfile.prod\n"}, one("app:app", 3)),
    Kind("s6 run", {**APP, "root/etc/services.d/web/run": "#!/bin/sh\nexec gunicorn app:app -w 3 --chdir /app\n",
         "Dockerfile": "FROM linuxserver/baseimage-alpine:3.20\nCOPY root/ /\nCOPY . /app\nWORKDIR /app\n"}, one("app:app", 3)),
    Kind("s6 run that may switch itself off", {**APP, "root/etc/services.d/web/run": "#!/command/with-contenv bash\n"
         'if [[ -n "${OFF}" ]]; then\n  s6-svc -Od .\nelse\n  cd /app\n  if [[ -n "${PLAIN}" ]]; then\n'
         "    exec gunicorn app:app -w 3\n  else\n    exec s6-setuidgid abc gunicorn app:app -w 3\n  fi\nfi\n",
         "Dockerfile": "FROM linuxserver/baseimage-alpine:3.20\nCOPY root/ /\nCOPY . /app\nWORKDIR /app\n"}, one("app:app", 3)),
    Kind("s6 by what a build copies, in programs of execline", {**APP, "root/etc/s6-overlay/s6-rc.d/web/run": "#!/usr/bin/with-contenv bash\nexec "
         's6-notifyoncheck -d -n 300 -c "nc -z localhost 80" \\\n  cd /app s6-setuidgid abc gunicorn app:app -w 3\n',
         "root/etc/s6-overlay/s6-rc.d/user/contents.d/web": "", "root/etc/s6-overlay/s6-rc.d/web/type": "longrun\n",
         "Dockerfile": "FROM linuxserver/baseimage-alpine:3.20\nCOPY . /app\nRUN cp -R /app/root/* /\n"}, one("app:app", 3)),
    Kind("monofy", {**BOTH, "Dockerfile": 'FROM python:3.12\nWORKDIR /app\nCOPY . .\nENV N=3\nCMD ["monofy", "python", "-m", "pip", "&&", "gunicorn", '
         '"app:app", "-w", "$N", "|||", "celery", "-A", "tasks", "worker", "-c", "2"]\n'}, one("app:app", 5)),
    Kind("npx concurrently", {**BOTH, "Dockerfile": image("npx --yes concurrently@9 -k 'gunicorn app:app -w 3' 'celery -A tasks worker -c 2'")},
         one("app:app", 5)),
    Kind("compose of another role of an image", {**BOTH, "Dockerfile": image("./s.sh"),
         "s.sh": f'#!/bin/sh\nif [ "$ROLE" = w ]; then exec {WORK}; fi\nexec {SERVE}\n',
         "compose.yaml": "services:\n  a:\n    build: .\n    mem_limit: 300m\n    environment: {ROLE: a}\n",
         "worker/compose.yaml": "services:\n  w:\n    build: ..\n    mem_limit: 300m\n    environment: {ROLE: w}\n"},
         (*one("app:app", 3, 300), *one("tasks", 2, 300))),
    Kind("litestream around a server", {**APP, "Dockerfile": image("litestream replicate -config l.yml -exec 'gunicorn app:app -w 3'")},
         one("app:app", 3)),
    Kind("litestream beside a server", script("litestream replicate -config l.yml &\nexec gunicorn app:app -w 3"), one("app:app", 3)),
    Kind("what no Python is beside a server", script("Xvfb :99 &\nexec gunicorn app:app -w 3"), one("app:app", 3)),
    Kind("COMPOSE_FILE", {**APP, **IMAGE, ".env": "COMPOSE_FILE=a.yml:b.yml\n", "a.yml": "services:\n  web:\n    build: .\n",
         "b.yml": "services:\n  web:\n    mem_limit: 300m\n"}, one("app:app", 3, 300)),
    Kind("build arguments", {**APP, "Dockerfile": "FROM python:3.12\nARG N=1\nENV N=$N\nWORKDIR /app\nCOPY . .\nCMD gunicorn app:app -w $N\n",
         "compose.yaml": "services:\n  web:\n    build: {context: ., args: {N: 4}}\n"}, one("app:app", 4)),
    Kind("a drop-in of systemd", {**APP, "web.service": "[Service]\nWorkingDirectory=/srv\nExecStart=/usr/bin/gunicorn app:app -w 3\n[Install]\nWantedBy=multi-user.target\n",
         "web.service.d/override.conf": "[Service]\nMemoryMax=300M\n"}, one("app:app", 3, 300)),
    Kind("serverless memorySize", {"h.py": "def f(e, c): ...\n", "serverless.yml": "provider: {name: aws, runtime: python3.12}\n"
         "functions:\n  f: {handler: h.f, memorySize: 256}\n"}, one("h:f", 1, 256)),
    Kind("Azure startup.txt", {**APP, "startup.txt": "gunicorn -w 3 app:app\n"}, one("app:app", 3)),
    Kind("koyeb.yaml", {**APP, "koyeb.yaml": "services:\n- name: web\n  type: web\n  instance_type: nano\n  run: gunicorn app:app -w 3\n"},
         one("app:app", 3, 256)),
    Kind("northflank.json", {**APP, **IMAGE, "northflank.json": '{"spec": {"kind": "CombinedService", "spec": {"name": "web", "billing": '
         '{"deploymentPlan": "nf-compute-20"}, "deployment": {"docker": {"configType": "default"}}, "buildSettings": {"dockerfile": '
         '{"dockerFilePath": "/Dockerfile", "dockerWorkDir": "/"}}}}}'}, one("app:app", 3, 512)),
    Kind("zeabur", {**APP, "zbpack.json": '{"start_command": "gunicorn app:app -w 3"}'}, one("app:app", 3)),
    Kind(".platform.app.yaml", {**APP, ".platform.app.yaml": "name: web\ntype: 'python:3.12'\nweb:\n  commands:\n    start: gunicorn app:app -w 3\n"},
         one("app:app", 3)),
    Kind("clevercloud", {**APP, "clevercloud/python.json": '{"deploy": {"module": "app:app"}}'}, one("app:app", None)),
    Kind("Coolify", {**APP, **IMAGE, "docker-compose.coolify.yml": "services:\n  web:\n    build: .\n    environment: [SERVICE_FQDN_WEB]\n"
         "    mem_limit: 300m\n"}, one("app:app", 3, 300)),
    # what stands beside what is deployed, and starts something else
    Kind("image beside a unit", {**BOTH, "Dockerfile": image(SERVE), "deploy/w.service": unit(WORK)},
         (*one("tasks", 2), *one("app:app", 3))),
    Kind("image beside a unit of the same", {**APP, "Dockerfile": image(SERVE), "deploy/w.service": unit(SERVE)}, one("app:app", 3)),
    Kind("image of the same that is named otherwise", {**APP, "Dockerfile": image("gunicorn app -w 2"), "deploy/w.service": unit(SERVE)},
         one("app:app", 3)),
    Kind("unit in any folder", {**BOTH, "Dockerfile": image(SERVE), "ops/hosts/units/w.service": unit(WORK)}, both()),
    Kind("unit for developers", {**BOTH, "Dockerfile": image(SERVE), "ops/dev/w.service": unit(WORK)}, one("app:app", 3)),
    Kind("Dockerfile.worker", {**BOTH, "Dockerfile": image(SERVE), "Dockerfile.worker": image(WORK)}, both()),
    Kind("an image that installs what is mounted", {**BOTH, "Dockerfile": image(SERVE), "services/api/main.py": "app = 1\n",
         "services/api/pyproject.toml": '[project]\nname = "api"\n', "services/api/Dockerfile": "FROM python:3.12\nWORKDIR /app\n"
         "RUN --mount=type=bind,target=/app,rw uv sync --no-editable --package api\nCMD uvicorn main:app\n"},
         (*one("app:app", 3), *one("main:app"))),
    Kind("one image in two files of compose", {**BOTH, "web/Dockerfile": image("run-it"), "compose.yaml":
         "services:\n  web: {build: {context: ., dockerfile: web/Dockerfile}}\n", "web/compose.yaml":
         "services:\n  web: {build: {context: .., dockerfile: web/Dockerfile}}\n", "pyproject.toml":
         '[project]\nname = "x"\n[project.scripts]\nrun-it = "app:main"\n'}, one("app:main")),
    Kind("Dockerfile.worker beside compose", {**BOTH, "Dockerfile": image(SERVE), "Dockerfile.worker": image(WORK),
         "compose.yaml": "services:\n  web: {build: .}\n"}, both()),
    Kind("Dockerfile.worker that compose names", {**BOTH, "Dockerfile": image(SERVE), "Dockerfile.worker": image(WORK),
         "compose.yaml": "services:\n  web: {build: .}\n  w: {build: {context: ., dockerfile: Dockerfile.worker}}\n"}, both()),
    Kind("two tasks of one app", {**TASKS, "Dockerfile": image(WORK), "Dockerfile.beat": image("celery -A tasks beat")},
         (*one("tasks", 2), *one("tasks"))),
    Kind("Dockerfile.prod beside one for developers", {**APP, "Dockerfile": image("flask run --reload"), "Dockerfile.prod": image(SERVE)},
         one("app:app", 3)),
    Kind("Dockerfile.prod and compose for developers", {**APP, "Dockerfile": image("flask run --reload"), "Dockerfile.prod": image(SERVE),
         "docker-compose.yml": "services:\n  web: {build: .}\n"}, one("app:app", 3)),
    Kind("Dockerfile.bak", {**BOTH, "Dockerfile": image(SERVE), "Dockerfile.bak": image(WORK)}, one("app:app", 3)),
    Kind("docker/production and docker/dev", {**APP, "docker/production/Dockerfile": image(SERVE), "docker/dev/Dockerfile":
         image("flask run --reload"), "docker-compose.yml": "services:\n  web: {build: {context: ., dockerfile: docker/dev/Dockerfile}}\n"},
         one("app:app", 3)),
    Kind("image deep below another language", {**APP, "Dockerfile": "FROM node:20\nCMD node x.js\n",
         "services/api/deploy/Dockerfile": image(SERVE)}, one("app:app", 3)),
    Kind("compose deep below an image", {**BOTH, "Dockerfile": image(SERVE), "deploy/docker/prod/compose.yml":
         f"services:\n  w: {{build: ../../.., command: {WORK}, mem_limit: 300m}}\n"}, both(300)),
    Kind("two files of compose", {**BOTH, "Dockerfile": image(SERVE), "docker-compose.yml": "services:\n  web: {build: .}\n",
         "docker-compose.worker.yml": f"services:\n  w: {{build: ., command: {WORK}}}\n"}, both()),
    Kind("manifests deep below", {**BOTH, "Dockerfile": image(SERVE), "infrastructure/kubernetes/apps/team/w.yaml": WORKER}, one("tasks", 2, 300)),
    Kind("kustomization for production deep below", {**BOTH, "Dockerfile": image(SERVE), "infra/clusters/apps/base/w.yaml": WORKER,
         "infra/clusters/apps/base/kustomization.yaml": "resources: [w.yaml]\n", "infra/clusters/apps/prod/kustomization.yaml":
         "resources: [../base]\npatches:\n- path: more.yaml\n",
         "infra/clusters/apps/prod/more.yaml": POD + "      - {name: w, resources: {limits: {memory: 700Mi}}}\n"}, one("tasks", 2, 700)),
    Kind("manifests for developers alone", {**BOTH, "Dockerfile": image(SERVE), "development/k8s/w.yaml": WORKER}, both(300)),
    Kind("manifests for developers and production", {**BOTH, "Dockerfile": image(SERVE), "k8s/prod/w.yaml": WORKER,
         "k8s/dev/w.yaml": WORKER.replace("300", "200")}, one("tasks", 2, 300)),
    Kind("functions beside an image", {**APP, "Dockerfile": image(SERVE), "functions/h.py": "def f(e, c): ...\n", "functions/serverless.yml":
         "provider: {name: aws, runtime: python3.12}\nfunctions:\n  f: {handler: h.f}\n"}, (*one("app:app", 3), *one("h:f", 1, 1024))),
    Kind("Procfile of another app", {**BOTH, "Procfile": f"web: {SERVE}\n", "Procfile.worker": f"worker: {WORK}\n"}, both()),
    Kind("Procfile for developers", {**BOTH, "Procfile": f"web: {SERVE}\n", "Procfile.dev": f"worker: {WORK}\n"}, one("app:app", 3)),
    Kind("Procfile for Windows", {**BOTH, "Procfile": f"web: {SERVE}\n", "Procfile.windows": f"worker: {WORK}\n"}, one("app:app", 3)),
    Kind("Procfile of another app with the same", {**BOTH, "Procfile": f"web: {SERVE}\n", "Procfile.prod": f"web: {SERVE}\n"}, one("app:app", 3)),
    Kind("Procfile of an installed program", {"Procfile": "web: mlflow server\n"}, one("mlflow", 13)),
    Kind("heroku.yml beside a Procfile", {**BOTH, "Dockerfile": image(SERVE), "heroku.yml": "build:\n  docker:\n    web: Dockerfile\n",
         "Procfile": f"web: gunicorn app:app -w 9\nw: {WORK}\n"}, one("app:app", 3)),
    Kind("heroku.yml beside app.json of the stack container", {**APP, "Dockerfile": image(SERVE), "heroku.yml":
         "build:\n  docker:\n    web: Dockerfile\n", "Procfile": "web: gunicorn app:app -w 9\n",
         "app.json": '{"stack": "container", "formation": {"web": {"size": "basic"}}}'}, one("app:app", 3)),
    Kind("heroku.yml beside app.json of another stack", {**APP, "Dockerfile": image(SERVE), "heroku.yml":
         "build:\n  docker:\n    web: Dockerfile\n", "Procfile": "web: gunicorn app:app -w 9\n",
         "app.json": '{"stack": "heroku-24", "formation": {"web": {"size": "standard-2x"}}}'}, one("app:app", 9, 1024)),
)  # fmt: skip


RENDER = "services:\n- {type: web, name: web, runtime: python, plan: free, buildCommand: pip install ., startCommand: 'gunicorn app:app'"
PROCFILE = {"Procfile": "web: gunicorn app:app\n"}
RAILWAY = {"railway.toml": '[deploy]\nstartCommand = "gunicorn app:app"\n'}


def based(image: str, **files: str) -> dict[str, str]:
    """Return an image that starts from another one."""
    return {"Dockerfile": f"FROM {image}\nCOPY . .\nCMD gunicorn app:app\n", **files}


class Python(NamedTuple):
    """One place from which a host takes its Python: its name, its files, and the minor version, empty where none is told."""

    name: str
    files: Mapping[str, str]
    version: str


PYTHONS = (
    Python("runtime.txt", {**PROCFILE, "runtime.txt": "python-3.12.1\n"}, "3.12"),
    Python(".python-version", {**PROCFILE, ".python-version": "3.13\n"}, "3.13"),
    Python("Pipfile", {**PROCFILE, "Pipfile": '[requires]\npython_version = "3.12"\n'}, "3.12"),
    Python("requires-python of one", {**PROCFILE, "pyproject.toml": '[project]\nname = "x"\nrequires-python = "==3.12.*"\n'}, "3.12"),
    Python("requires-python of many", {**PROCFILE, "pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.11"\n'}, ""),
    Python("Render, .python-version", {"render.yaml": RENDER + "}\n", ".python-version": "3.12\n"}, "3.12"),
    Python("Render, PYTHON_VERSION", {"render.yaml": RENDER + ", envVars: [{key: PYTHON_VERSION, value: 3.12.4}]}\n"}, "3.12"),
    Python("Render, runtime.txt, which it does not read", {"render.yaml": RENDER + "}\n", "runtime.txt": "python-3.11.1\n"}, "3.14"),
    Python("Render, mise.toml, which it does not read", {"render.yaml": RENDER + "}\n", "mise.toml": '[tools]\npython = "3.12"\n'}, "3.14"),
    Python("Render by default", {"render.yaml": RENDER + "}\n"}, "3.14"),
    Python("Heroku by default", {**PROCFILE, "app.json": '{"formation": {"web": {"size": "basic"}}}'}, "3.14"),
    Python("NIXPACKS_PYTHON_VERSION", {"nixpacks.toml": '[start]\ncmd = "gunicorn app:app"\n[variables]\nNIXPACKS_PYTHON_VERSION = "3.11"\n'},
           "3.11"),
    Python("Railway, variables of Nixpacks", {**RAILWAY, "nixpacks.toml": '[variables]\nNIXPACKS_PYTHON_VERSION = "3.11"\n'}, "3.11"),
    Python("Railway, mise.toml", {**RAILWAY, "mise.toml": '[tools]\npython = "3.12"\n'}, "3.12"),
    Python("Railway, .mise.toml of several", {**RAILWAY, ".mise.toml": '[tools]\npython = ["3.13", "3.12"]\n'}, "3.13"),
    Python("Railway, .tool-versions", {**RAILWAY, ".tool-versions": "python 3.12.2\n"}, "3.12"),
    Python("FROM python:3.12-slim", based("python:3.12-slim"), "3.12"),
    Python("FROM with an argument", {"Dockerfile": "ARG V=3.12\n" + based("python:${V}-slim")["Dockerfile"]}, "3.12"),
    Python("FROM of the last stage", {"Dockerfile": "FROM python:3.13 AS b\n" + based("python:3.12")["Dockerfile"]}, "3.12"),
    Python("FROM of a stage", {"Dockerfile": "FROM python:3.12 AS b\n" + based("b")["Dockerfile"]}, "3.12"),
    Python("FROM with a registry and a digest", based("public.ecr.aws/docker/library/python:3.12-slim@sha256:abc"), "3.12"),
    Python("FROM of uv", based("ghcr.io/astral-sh/uv:python3.12-bookworm-slim"), "3.12"),
    Python("FROM tiangolo", based("tiangolo/uvicorn-gunicorn-fastapi:python3.11"), "3.11"),
    Python("FROM bitnami", based("bitnami/python:3.12"), "3.12"),
    Python("FROM of others for Python", based("metabrainz/python:3.13-20260216"), "3.13"),
    Python("FROM of others with a version of their own", based("example/python-api:3.1.0"), ""),
    Python("FROM of Playwright", based("mcr.microsoft.com/playwright/python:v1.40.0-jammy"), "3.10"),
    Python("Debian", based("debian:bookworm-slim\nRUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pip"), "3.11"),
    Python("Ubuntu", based("nvidia/cuda:12.1.0-runtime-ubuntu22.04\nRUN apt-get install -y python3-pip"), "3.10"),
    Python("Alpine", based("node:20-alpine3.19\nRUN apk add --no-cache python3"), "3.11"),
    Python("Ubuntu with another Python", based("ubuntu:22.04\nRUN apt-get install -y python3.11 && ln -sf /usr/bin/python3.11 /usr/bin/python3"),
           "3.11"),
    Python("Ubuntu with another Python after its own", based("ubuntu:22.04\nRUN apt-get install -y python3\n"
           "RUN apt-get install -y python3.12-venv && python3.12 -m venv /v"), "3.12"),
    Python("Ubuntu with another Python beside", based("ubuntu:22.04\nRUN apt-get install -y python3 python3.11"), ""),
    Python("Debian without Python", based("debian:bookworm"), ""),
    Python("FROM of AWS Lambda", {"Dockerfile": 'FROM public.ecr.aws/lambda/python:3.12\nCOPY app.py .\nCMD ["app.app"]\n'}, "3.12"),
    Python("FROM beside .python-version", based("python:3.12", **{".python-version": "3.13\n"}), "3.12"),
    Python("uv in an image, .python-version", {"Dockerfile": "FROM python:3.12\nCOPY . .\nRUN uv sync\nCMD uv run gunicorn app:app\n",
           ".python-version": "3.13\n"}, "3.13"),
    Python("App Engine", {"app.yaml": "runtime: python312\nentrypoint: gunicorn app:app\n"}, "3.12"),
    Python("App Engine, flexible", {"app.yaml": "runtime: python\nenv: flex\nentrypoint: gunicorn app:app\n"
           "runtime_config: {operating_system: ubuntu22, runtime_version: '3.12'}\n"}, "3.12"),
    Python("Serverless Framework", {"serverless.yml": "provider: {name: aws, runtime: python3.12}\nfunctions:\n  f: {handler: app.app}\n"}, "3.12"),
    Python("Platform.sh", {".platform.app.yaml": "name: web\ntype: 'python:3.12'\nweb:\n  commands:\n    start: gunicorn app:app\n"}, "3.12"),
    Python("App Runner", {"apprunner.yaml": "version: 1.0\nruntime: python311\nrun: {command: gunicorn app:app}\n"}, "3.11"),
    Python("App Runner, runtime-version", {"apprunner.yaml": "version: 1.0\nruntime: python3\nrun: {command: gunicorn app:app, runtime-version: 3.8.16}\n"},
           "3.8"),
    Python("Cloud Foundry", {"manifest.yml": "applications:\n- {name: web, command: gunicorn app:app}\n", "runtime.txt": "python-3.12.x\n"}, "3.12"),
    Python("buildpacks of Paketo", {"fly.toml": 'app = "x"\n[build]\nbuilder = "paketobuildpacks/builder:base"\n[processes]\n'
           'web = "gunicorn app:app"\n[env]\nBP_CPYTHON_VERSION = "3.12.*"\n'}, "3.12"),
    Python("Zeabur", {"zbpack.json": '{"start_command": "gunicorn app:app", "python": {"version": "3.12"}}'}, "3.12"),
)  # fmt: skip


def read_python(python: Python) -> str:
    """Return the Python that is read for the only service of a project."""
    with tempfile.TemporaryDirectory() as folder:
        project = _written({**APP, **python.files}, folder)
        (entry,) = [find_entry(project, service) for service in project.discovered[0].services]
    version = entry.target.python if isinstance(entry, ServiceEntry) else None
    return "" if version is None else f"{version[0]}.{version[1]}"


def _written(files: Mapping[str, str], folder: str) -> Project:
    for path, text in files.items():
        target = Path(folder, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return Project(WorkTree(os.path.realpath(folder)), Settings())


def read(kind: Kind) -> tuple[tuple[str, int | None, int | None], ...]:
    """Return what is read of a project."""
    with tempfile.TemporaryDirectory() as folder:
        project = _written(kind.files, folder)
        reports = [judge(project, assessed) for assessed in assess(project, None)]
    return tuple((one.entrypoint or "?", one.processes, one.limit and one.limit >> 20) for one in reports)


def main(argv: Sequence[str] | None = None) -> int:
    """Print what differs from what is expected."""
    parser = argparse.ArgumentParser(description="Show which ways to declare a start are read.")
    parser.add_argument("names", nargs="*", help="part of a name")
    parser.add_argument("--all", action="store_true", help="print what is alike as well")
    options = parser.parse_args(argv)
    kinds = [kind for kind in KINDS if not options.names or any(name in kind.name for name in options.names)]
    alike = 0
    for kind in kinds:
        try:
            found = read(kind)
        except MemguardError as error:
            print(f"{kind.name}: {error}", file=sys.stderr)
            found = ()
        alike += found == kind.expected
        if options.all or found != kind.expected:
            starts = "; ".join(
                f"{entry}, {'?' if number is None else number} processes, {limit} MiB" for entry, number, limit in found
            )
            print(f"{'ok     ' if found == kind.expected else 'DIFFERS'}  {kind.name}: {starts or 'nothing'}")
    pythons = [one for one in PYTHONS if not options.names or any(name in one.name for name in options.names)]
    told = {one.name: read_python(one) for one in pythons}
    for one in pythons:
        if options.all or told[one.name] != one.version:
            print(
                f"{'ok     ' if told[one.name] == one.version else 'DIFFERS'}  {one.name}: Python {told[one.name] or 'not known'}"
            )
    pythons_alike = sum(told[one.name] == one.version for one in pythons)
    print(f"{alike} of {len(kinds)} starts, {pythons_alike} of {len(pythons)} Pythons as expected")
    return 0 if alike + pythons_alike == len(kinds) + len(pythons) else 1


if __name__ == "__main__":
    raise SystemExit(main())
