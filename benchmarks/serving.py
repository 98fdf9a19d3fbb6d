"""Set what small web applications take at start and after 50 requests beside what is estimated of both.

    python benchmarks/serving.py FOLDER [--only WORD]

Makes an environment in FOLDER for each application, with the newest versions, and runs it as its start command says. Read is
what all its processes take together, as on a host that runs nothing else, once they stand still after the start, and again
after the requests, which go to a route that does some work. A worker of celery is read idle, where its broker is no server.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agents import CELERY, DJANGO, FASTAPI, FLASK, REQUESTS, WSGI, Row, estimate_command, install, running
from process_memory import MIB, fetch, free_port, read_together, serve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECORDS = """
import fastapi
import httpx
import sqlalchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool, connect_args={"check_same_thread": False})
client = httpx.AsyncClient()
class Base(DeclarativeBase):
    pass
class Record(Base):
    __tablename__ = "records"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
Base.metadata.create_all(engine)
app = fastapi.FastAPI()
@app.get("/")
def index():
    return {"is": "well"}
@app.get("/work")
def work():
    with Session(engine) as session:
        session.add(Record(name="x"))
        session.commit()
        return [one.name for one in session.scalars(sqlalchemy.select(Record).limit(10))]
"""

TABLES = """
import flask
app = flask.Flask(__name__)
@app.get("/")
def index():
    return {"is": "well"}
@app.get("/work")
def work():
    import pandas
    frame = pandas.DataFrame({"id": range(200), "price": range(200)})
    return frame.groupby(frame["id"] % 7)["price"].sum().to_dict()
"""

REST = """
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
"""

URLS = """
from django.http import JsonResponse
from django.urls import path
from rest_framework.response import Response
from rest_framework import serializers, views
class Answer(serializers.Serializer):
    name = serializers.CharField()
class Work(views.APIView):
    authentication_classes = []
    permission_classes = []
    def get(self, request):
        return Response(Answer({"name": "x"}).data)
urlpatterns = [path("", lambda request: JsonResponse({"is": "well"})), path("work", Work.as_view())]
"""

STORE = """
import flask
import requests
import sqlalchemy
from sqlalchemy.pool import StaticPool
engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
session = requests.Session()
app = flask.Flask(__name__)
@app.get("/")
def index():
    return {"is": "well"}
@app.get("/work")
def work():
    with engine.connect() as connection:
        return {"rows": connection.execute(sqlalchemy.text("select 1")).scalar_one()}
"""

BOTTLE = """
import bottle
app = bottle.Bottle()
@app.get("/")
def index():
    return {"is": "well"}
"""

GUNICORN = "gunicorn -b 127.0.0.1:{port}"


class App(NamedTuple):
    """An application: what it requires, its files, how it is started, and the route that is asked."""

    requirements: str
    files: Mapping[str, str]
    command: str
    route: str = "work"


RECORDS_APP = ("fastapi sqlalchemy httpx uvicorn", {"main.py": RECORDS})
TABLES_APP = ("flask pandas gunicorn", {"main.py": TABLES})
REST_APP = ("django djangorestframework gunicorn", {"main.py": REST, "urls.py": URLS, "wsgi.py": WSGI})
BARE_APP = ("flask gunicorn", {"main.py": FLASK})
STORE_APP = ("flask sqlalchemy requests gunicorn", {"main.py": STORE})
PLAIN_APP = ("django gunicorn", {"main.py": DJANGO, "wsgi.py": WSGI})
APPS = {
    "fastapi, sqlalchemy, httpx": App(*RECORDS_APP, "uvicorn --port {port} main:app"),
    "fastapi, two workers": App(*RECORDS_APP, "uvicorn --port {port} --workers 2 main:app"),
    "fastapi under gunicorn": App(
        "fastapi sqlalchemy httpx uvicorn gunicorn uvicorn-worker",
        {"main.py": RECORDS},
        f"{GUNICORN} -w 2 -k uvicorn_worker.UvicornWorker main:app",
    ),
    "flask, pandas in a route": App(*TABLES_APP, f"{GUNICORN} main:app"),
    "flask, pandas, two workers": App(*TABLES_APP, f"{GUNICORN} -w 2 main:app"),
    "django, rest_framework": App(*REST_APP, f"{GUNICORN} wsgi"),
    "django, three workers": App(*REST_APP, f"{GUNICORN} -w 3 wsgi"),
    "bare flask": App(*BARE_APP, f"{GUNICORN} main:app", ""),
    "bare flask, two workers": App(*BARE_APP, f"{GUNICORN} -w 2 main:app", ""),
    "bare flask, four workers": App(*BARE_APP, f"{GUNICORN} -w 4 main:app", ""),
    "flask, sqlalchemy, requests": App(*STORE_APP, f"{GUNICORN} main:app"),
    "flask, sqlalchemy, requests, three workers": App(*STORE_APP, f"{GUNICORN} -w 3 main:app"),
    "plain django": App(*PLAIN_APP, f"{GUNICORN} wsgi", ""),
    "plain django, three workers": App(*PLAIN_APP, f"{GUNICORN} -w 3 wsgi", ""),
    "bottle, three workers": App("bottle gunicorn", {"main.py": BOTTLE}, f"{GUNICORN} -w 3 main:app", ""),
    "bare fastapi": App("fastapi uvicorn", {"main.py": FASTAPI}, "uvicorn --port {port} main:app", ""),
    "celery, solo": App("celery", {"main.py": CELERY}, "celery -A main worker -P solo"),
    "celery, two processes": App("celery", {"main.py": CELERY}, "celery -A main worker -c 2"),
}


def measure(app: App, programs: Path) -> Row:
    """Return what an app takes at its start, and after some requests."""
    folder = programs.parent
    for name, text in app.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    port = free_port()
    first, *words = app.command.format(port=port).split()
    command: Sequence[str] = [str(programs / first), *words]
    if first == "celery":
        with running(command, folder, {}) as pid:
            size = read_together(pid) / MIB
        return Row(size, size)
    url = f"http://127.0.0.1:{port}/"
    with serve(command, folder, {}, url):
        fetch(url + app.route)  # so that the bytecode of all is there
    with serve(command, folder, {}, url) as pid:
        at_start = read_together(pid) / MIB
        for _ in range(REQUESTS):
            fetch(url + app.route)
        return Row(at_start, read_together(pid) / MIB)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="WORD", help="rows whose name has it")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    errors: list[tuple[float, float]] = []
    print("| application | at start, MiB | estimated | error | after 50 requests | estimated | error |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, app in APPS.items():
        if options.only not in name:
            continue
        programs = install(folder, folder / app.requirements.replace(" ", "-"), app.requirements.split())
        found = measure(app, programs)
        told = estimate_command(programs, app.command.format(port=8000))
        errors.append((told.start / found.start - 1, told.serving / found.serving - 1))
        pairs = zip(found, told, errors[-1], strict=True)
        cells = (f"{size:.1f} | {said:.1f} | {error:+.1%}" for size, said, error in pairs)
        print(f"| {name} | {' | '.join(cells)} |")
        sys.stdout.flush()
    for title, some in zip(("at start", "serving"), zip(*errors, strict=True), strict=False):
        print(f"{title}: mean absolute error {statistics.mean(map(abs, some)):.1%}, bias {statistics.mean(some):+.1%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
