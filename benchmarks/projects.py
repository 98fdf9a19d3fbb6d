"""Projects that benchmarks make up, the same each time: names and texts of their files, one after the other."""

from __future__ import annotations

import random
from collections.abc import Iterator

Files = Iterator[tuple[str, str]]

# Five files of a commit

MANIFESTS = tuple(f"requirements-{name}.txt" for name in ("api", "bot", "jobs", "mail", "web"))
SOURCES = tuple(f"{name}.py" for name in ("main", "bot", "jobs", "mail", "views"))

REQUIREMENTS = """\
aiofiles==24.1.0
alembic==1.14.0
asyncpg==0.30.0
certifi==2024.8.30
click==8.1.7
fastapi==0.115.6
gunicorn==23.0.0
httpx==0.28.1
itsdangerous==2.2.0
jinja2==3.1.5
orjson==3.10.12
passlib==1.7.4
pydantic==2.10.4
python-dotenv==1.0.1
python-multipart==0.0.20
pyyaml==6.0.2
redis==5.2.1
sqlalchemy==2.0.36
uvicorn==0.34.0
zstandard==0.23.0
"""

SOURCE = '''\
"""One module of an app."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fastapi import FastAPI

app = FastAPI(title=os.environ.get("TITLE", "app"))
''' + "".join(
    f'''

@app.get("/items/{number}")
def read_item_{number}(name: str, limit: int = 10) -> dict[str, object]:
    """Return what is stored under a name."""
    stored = json.loads(Path(name).read_text(encoding="utf-8"))
    return {{"name": name, "items": [item for item in stored if item["size"] < limit]}}
'''
    for number in range(12)
)


def small_app() -> Files:
    """An app of five manifests and five modules, in which nothing is wrong."""
    for name in MANIFESTS:
        yield name, REQUIREMENTS
    for name in SOURCES:
        yield name, SOURCE
    yield "Procfile", "web: uvicorn main:app\n"
    yield "README.md", "An app.\n"


# An app of any size

AREAS = ("accounts", "billing", "catalog", "chat", "exports", "orders", "reports", "search", "shipping", "support")
"""Packages of the app, each with the layers below."""

LAYERS = ("models", "schemas", "service", "routes", "tasks", "client", "policy", "events", "queries", "errors")

HEAVY = {
    "reports.service": "import pandas as pd",
    "exports.service": "import pandas as pd",
    "chat.client": "from openai import OpenAI",
    "support.client": "import openai",
}
"""Imports at the top of a module; any other heavy import of the app waits for a call."""

DEFERRED = {"exports.tasks": "import pandas", "search.tasks": "from openai import OpenAI", "billing.tasks": "import stripe"}

LIBRARIES = {
    "models": "from sqlalchemy import Column, Integer, String\nfrom sqlalchemy.orm import declarative_base",
    "schemas": "from pydantic import BaseModel",
    "routes": "from fastapi import APIRouter, Depends",
    "client": "import httpx",
}

NEIGHBORS = {
    "routes": ("schemas", "service"),
    "service": ("models", "policy", "queries", "errors", "client"),
    "tasks": ("service", "events"),
    "queries": ("models",),
    "policy": ("errors",),
    "events": ("schemas",),
}
"""What each layer imports of its own package."""

APP_REQUIREMENTS = """\
fastapi==0.115.6
httpx==0.28.1
openai==1.59.6
pandas==2.2.3
pydantic==2.10.4
sqlalchemy==2.0.36
stripe==11.4.1
uvicorn==0.34.0
"""

RENDER = """\
services:
  - type: web
    name: shop
    runtime: python
    plan: standard
    buildCommand: pip install -r requirements.txt
    startCommand: uvicorn shop.main:app --host 0.0.0.0 --port $PORT
    envVars:
      - key: PYTHON_VERSION
        value: 3.11.7
"""

BODY = '''

class {title}:
    """One entry of {area}, as {layer} sees it."""

    def __init__(self, name: str, size: int = {number}) -> None:
        self.name = name
        self.size = size
        self._created = datetime.now(timezone.utc)

    def is_recent(self, now: datetime) -> bool:
        """Tell whether it was made within the last day."""
        return (now - self._created).total_seconds() < 86_400


def find_{name}(rows: list[dict[str, object]], limit: int = {number}) -> list[dict[str, object]]:
    """Return the largest rows that are wanted, by name."""
    found = [row for row in rows if str(row["name"]).startswith("{area}") and int(str(row["size"])) < limit]
    found.sort(key=lambda row: (-int(str(row["size"])), row["name"]))
    return found[:limit]


def describe_{name}(row: dict[str, object], *, verbose: bool = False) -> str:
    """Write a row for a log."""
    parts = [f"{{key}}={{value!r}}" for key, value in sorted(row.items()) if verbose or not key.startswith("_")]
    try:
        return json.dumps({{"area": "{area}", "parts": parts}})
    except (TypeError, ValueError):
        logger.exception("cannot describe a row of {area}")
        return ""
'''


def app(count: int) -> Files:
    """An app of so many Python files: its packages, then modules that these import."""
    routers = "\n".join(f"from shop.{area} import routes as {area}" for area in AREAS)
    included = "\n".join(f"app.include_router({area}.router)" for area in AREAS)
    yield "shop/__init__.py", ""
    yield "shop/main.py", f"from fastapi import FastAPI\n\n{routers}\n\napp = FastAPI()\n{included}\n"
    rules = range(count - 2 - len(AREAS) * (1 + len(LAYERS)))
    for at, area in enumerate(AREAS):
        own = {number: f"rules_{number // len(AREAS):02}" for number in rules[at :: len(AREAS)]}
        yield f"shop/{area}/__init__.py", f'"""All of {area}."""\n'
        for number, layer in enumerate(LAYERS):
            more = own.values() if layer == "queries" else ()
            imports = "".join(f"\nfrom shop.{area} import {name}  # noqa: E402\n" for name in more)
            yield f"shop/{area}/{layer}.py", _module(area, layer, number) + imports
        for number, name in own.items():
            yield f"shop/{area}/{name}.py", _module(area, "rules", number)
    yield from (("requirements.txt", APP_REQUIREMENTS), ("render.yaml", RENDER), (".gitignore", "__pycache__/\n"))


def _module(area: str, layer: str, number: int) -> str:
    """Write a module of the app as a person might."""
    name = f"{layer}_{number}"
    own = f"{area}.{layer}"
    imports = ["import json", "import logging", "from datetime import datetime, timezone"]
    others = [line for line in (LIBRARIES.get(layer, ""), HEAVY.get(own, "")) if line]
    others += [f"from shop.{area} import {one}" for one in NEIGHBORS.get(layer, ())]
    lines = [f'"""{layer.capitalize()} of {area}."""', "", "from __future__ import annotations", "", *imports, "", *others]
    lines += ["", "logger = logging.getLogger(__name__)"]
    text = "\n".join(lines) + BODY.format(
        title=f"{layer.capitalize()}{number}", area=area, layer=layer, name=name, number=number
    )
    if layer == "routes":
        text += f'\n\nrouter = APIRouter(prefix="/{area}")\n'
        text += f'\n\n@router.get("/{number}")\ndef read() -> list[str]:\n    return []\n'
    if own in DEFERRED:
        text += f"\n\ndef run_{name}() -> None:\n    {DEFERRED[own]}\n\n    logger.info(__name__)\n"
    return text


# A large Django project

DJANGO_APPS = 60

DJANGO_LAYERS = (
    "admin", "apps", "events", "exceptions", "filters", "forms", "models", "permissions", "queries", "serializers",
    "services", "signals", "tasks", "urls", "views",
)  # fmt: skip

DJANGO_IMPORTS = {
    "admin": "from django.contrib import admin\n",
    "apps": "from django.apps import AppConfig\n",
    "forms": "from django import forms\n",
    "models": "from django.conf import settings\nfrom django.db import models\n",
    "queries": "from django.db.models import Count, Q\n",
    "serializers": "from rest_framework import serializers\n",
    "signals": "from django.db.models.signals import post_save\nfrom django.dispatch import receiver\n",
    "tasks": "from celery import shared_task\n",
    "urls": "from django.urls import path\n",
    "views": "from django.http import HttpRequest, JsonResponse\nfrom django.views import View\n",
}

DJANGO_NEIGHBORS = {
    "admin": ("models",),
    "events": ("exceptions",),
    "filters": ("queries",),
    "forms": ("models", "services"),
    "models": ("exceptions",),
    "queries": ("models",),
    "serializers": ("models",),
    "services": ("exceptions", "models", "queries"),
    "signals": ("events", "models"),
    "tasks": ("services", "events"),
    "urls": ("views",),
    "views": ("filters", "forms", "permissions", "serializers", "services"),
}
"""What each layer imports of its own app."""

DJANGO_EXTRAS = {
    "models": '''

class Entry{number}(models.Model):
    """One entry of {app}."""

    name = models.CharField(max_length=200)
    size = models.IntegerField(default={number})
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    parent = models.ForeignKey("{other}.Entry{before}", null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ("name",)
''',
    "views": '''

class EntryView(View):
    """Shows one entry of {app}."""

    def get(self, request: HttpRequest, key: int) -> JsonResponse:
        return JsonResponse({{"entry": services.find_services(Entry{number}.objects.values(), key)}})
''',
    "urls": "\n\nurlpatterns = [path('{app}/<int:key>/', views.EntryView.as_view())]\n",
    "admin": "\n\nadmin.site.register(models.Entry{number})\n",
    "apps": '''

class Config(AppConfig):
    """The app {app}."""

    name = "store.{app}"

    def ready(self) -> None:
        from store.{app} import signals  # noqa: F401
''',
    "tasks": '''

@shared_task
def refresh(key: int) -> int:
    """Refresh one entry."""
    import pandas

    return len(pandas.DataFrame(services.find_services([], key)))
''',
}

UNSURE = (
    """
try:
    import orjson as codec
except ImportError:
    import json as codec
""",
    """

def _load(name: str) -> object:
    from importlib import import_module

    return import_module(name)


backend = _load("store.{other}.exceptions")
""",
    """
from django.conf import settings  # noqa: E402

if settings.DEBUG and settings.TOOLBAR:
    import debug_toolbar
""",
    """

def _configure() -> None:
    import logging.config

    from store.{other} import events

    logging.config.dictConfig(events.LOGGING)


_configure()
""",
)
"""What the services of each fourth app do as they load: the last three need a proof."""

DJANGO_SETTINGS = """\
import os

DEBUG = os.environ.get("DEBUG") == "1"
TOOLBAR = False
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    {apps},
]
"""

WSGI = """\
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
"""

CELERY = """\
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("store")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""

DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .
CMD ["gunicorn", "config.wsgi:application", "--workers", "3"]
"""


def django(count: int = DJANGO_APPS) -> Files:
    """A project of so many apps of 17 files, of which each knows three others, with what needs a proof in three of four."""
    chooser = random.Random(1)  # noqa: S311 - the same project each time
    names = [f"{area}_{number}" for number in range(count) for area in (AREAS[number % len(AREAS)],)]
    yield "config/__init__.py", "from config.celery import app\n\n__all__ = ('app',)\n"
    yield "config/settings.py", DJANGO_SETTINGS.format(apps=",\n    ".join(f'"store.{name}"' for name in names))
    yield "config/wsgi.py", WSGI
    yield "config/celery.py", CELERY
    included = ",\n    ".join(f'path("", include("store.{name}.urls"))' for name in names)
    yield "config/urls.py", f"from django.urls import include, path\n\nurlpatterns = [\n    {included},\n]\n"
    yield "manage.py", "from django.core.management import execute_from_command_line\n\nexecute_from_command_line()\n"
    yield "store/__init__.py", ""
    for number, name in enumerate(names):
        others = chooser.sample(names, 3)
        yield f"store/{name}/__init__.py", ""
        yield f"store/{name}/migrations/__init__.py", ""
        for layer in DJANGO_LAYERS:
            yield f"store/{name}/{layer}.py", _django_module(names, number, layer, others)
    yield "requirements.txt", "celery==5.4.0\ndjango==5.1.4\ndjangorestframework==3.15.2\ngunicorn==23.0.0\npandas==2.2.3\n"
    yield "Dockerfile", DOCKERFILE
    yield "Procfile", "web: gunicorn config.wsgi:application --workers 3\nworker: celery -A config worker --concurrency 2\n"


def _django_module(names: list[str], number: int, layer: str, others: list[str]) -> str:
    """Write a module of an app as a person might."""
    own, before = names[number], number - 1 if number else len(names) - 1
    lines = ["from __future__ import annotations", "", "import json", "import logging"]
    lines += ["from datetime import datetime, timezone", "", DJANGO_IMPORTS.get(layer, "")]
    lines += [f"from store.{own} import {one}" for one in DJANGO_NEIGHBORS.get(layer, ())]
    if layer == "views":
        lines += [f"from store.{own}.models import Entry{number}"]
    if layer in ("services", "views"):
        lines += [f"from store.{other} import queries as queries_{at}" for at, other in enumerate(others)]
    lines += ["", "logger = logging.getLogger(__name__)"]
    body = BODY.format(title=layer.capitalize(), area=own, layer=layer, name=layer, number=number)
    extra = DJANGO_EXTRAS.get(layer, "")
    if layer == "services":
        extra = UNSURE[number % len(UNSURE)]
    if layer == "events":
        body += "\n\nLOGGING = {'version': 1}\n"
    return "\n".join(lines) + body + extra.format(app=own, number=number, other=names[before], before=before)


# What grows


def findings(count: int) -> Files:
    """So many modules of one folder, each with one finding."""
    yield from ((f"module_{number}.py", "import pandas\n") for number in range(count))


KUBERNETES = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: service-{number}
spec:
  template:
    spec:
      containers:
        - name: app
          image: registry.example.org/app:1.0
          command: ["uvicorn", "service_{number}:app"]
          resources:
            limits:
              memory: 512Mi
"""


def services(count: int) -> Files:
    """So many services, each with a module of its own, and what all of them share."""
    yield "shared.py", "import httpx\nimport pydantic\n"
    yield "requirements.txt", APP_REQUIREMENTS
    for first in range(0, count, 100):  # a file may hold so many
        numbers = range(first, min(first + 100, count))
        yield f"k8s/services-{first}.yaml", "---\n".join(KUBERNETES.format(number=number) for number in numbers)
    for number in range(count):
        yield f"service_{number}.py", "import shared\n\n\nasync def app(scope, receive, send):\n    shared.serve(scope)\n"
