"""What agents that watch an app take: ddtrace-run, newrelic-admin and opentelemetry-instrument, beside what is estimated.

    python benchmarks/agents.py FOLDER [--only WORD]

makes an environment in FOLDER for each agent, and serves one small app of each framework in it with the agent and without:
from the same environment, so that the difference is what the command brings. Read is what all its processes take together,
as on a host that runs nothing else, once they stand still after the start and again after 50 requests. What the agents send
to is a closed port.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from process_memory import (
    MIB,
    fetch,
    free_port,
    own_interpreter,
    process_environment,
    read_together,
    serve,
    stop,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REQUESTS = 50

FLASK = """
import flask
app = flask.Flask(__name__)
@app.get("/")
def index():
    return {"is": "well"}
if __name__ == "__main__":
    app.run(port=int(__import__("sys").argv[1]))
"""

FASTAPI = """
import fastapi
app = fastapi.FastAPI()
@app.get("/")
def index():
    return {"is": "well"}
"""

DJANGO = """
import os
import sys
from django.http import JsonResponse
from django.urls import path
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "main"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
urlpatterns = [path("", lambda request: JsonResponse({"is": "well"}))]
"""

WSGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "main")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""

CELERY = """
import celery
app = celery.Celery("tasks", broker="memory://", backend="cache+memory://")
@app.task
def add(x, y):
    return x + y
"""

FRAMEWORKS = {
    "flask": ("flask", FLASK, ("python", "main.py", "{port}")),
    "flask, gunicorn": ("flask\ngunicorn", FLASK, ("gunicorn", "-w", "2", "-b", "127.0.0.1:{port}", "main:app")),
    "flask, four workers": (
        "flask\ngunicorn",
        FLASK,
        ("gunicorn", "-w", "4", "-b", "127.0.0.1:{port}", "main:app"),
    ),
    "fastapi, two workers": (
        "fastapi\nuvicorn",
        FASTAPI,
        ("uvicorn", "--port", "{port}", "--workers", "2", "main:app"),
    ),
    "fastapi": ("fastapi\nuvicorn", FASTAPI, ("uvicorn", "--port", "{port}", "main:app")),
    "django": ("django\ngunicorn", DJANGO, ("gunicorn", "-b", "127.0.0.1:{port}", "wsgi")),
    "celery": ("celery", CELERY, ("celery", "-A", "main", "worker", "-P", "solo")),
}

AGENTS = {
    "ddtrace": (("ddtrace",), ("ddtrace-run",), {"DD_TRACE_AGENT_URL": "http://127.0.0.1:9"}),
    "newrelic": (
        ("newrelic",), ("newrelic-admin", "run-program"),
        {"NEW_RELIC_APP_NAME": "app", "NEW_RELIC_LICENSE_KEY": "0" * 40, "NEW_RELIC_HOST": "127.0.0.1"},
    ),
    "opentelemetry": (
        ("opentelemetry-distro", "opentelemetry-exporter-otlp"), ("opentelemetry-instrument",),
        {"OTEL_SERVICE_NAME": "app", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    ),
}  # fmt: skip

INSTRUMENTED = ("flask", "fastapi", "django", "celery", "requests", "sqlalchemy", "redis")
"""What has an instrumentation of OpenTelemetry of its own that an app installs."""


class Row(NamedTuple):
    """What an app takes, with an agent or without, in MiB."""

    start: float
    serving: float


def environment(folder: Path, agent: str, framework: str) -> Path:
    """Return the folder of programs of an environment with an agent and a framework."""
    requirements = [*FRAMEWORKS[framework][0].split(), *AGENTS[agent][0]]
    if agent == "opentelemetry":
        requirements += [f"opentelemetry-instrumentation-{one}" for one in INSTRUMENTED if one in requirements]
    return install(folder, folder / f"{agent}-{framework.replace(', ', '-')}", requirements)


def install(folder: Path, place: Path, requirements: Sequence[str]) -> Path:
    """Return the folder of programs of an environment of an interpreter of its own, which lies in a folder."""
    if not (place / "bin" / "python").exists():
        subprocess.run(["uv", "venv", "--quiet", "--python", str(own_interpreter(folder)), str(place)], check=True)
    command = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(place / "bin" / "python")]
    subprocess.run([*command, *requirements], check=True)
    return place / "bin"


@contextmanager
def running(command: Sequence[str], folder: Path, variables: dict[str, str]) -> Iterator[int]:
    """Run what answers no requests."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=process_environment(variables), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            time.sleep(6)
            yield process.pid
        finally:
            stop(process)


def measure(programs: Path, framework: str, before: Sequence[str], variables: dict[str, str]) -> Row:
    """Return what an app takes at its start, and after some requests."""
    _, source, start = FRAMEWORKS[framework]
    folder = programs.parent
    (folder / "main.py").write_text(source, encoding="utf-8")
    if framework == "django":
        (folder / "wsgi.py").write_text(WSGI, encoding="utf-8")
    port = free_port()
    words = [word.format(port=port) for word in (*before, *start)]
    first = [str(programs / words[0]), *words[1:]]
    around = {**variables, "PATH": f"{programs}:{os.environ['PATH']}"}
    if framework == "django":
        around["DJANGO_SETTINGS_MODULE"] = "main"  # opentelemetry-instrument loads the settings before wsgi.py names them
    if framework == "celery":
        with running(first, folder, around) as pid:
            size = read_together(pid) / MIB
        return Row(size, size)
    url = f"http://127.0.0.1:{port}/"
    with serve(first, folder, around, url) as pid:
        at_start = read_together(pid) / MIB
        for _ in range(REQUESTS):
            fetch(url)
        return Row(at_start, read_together(pid) / MIB)


def estimate(programs: Path, framework: str, before: Sequence[str]) -> Row:
    """Return what memory-budget says of the same command."""
    return estimate_command(programs, " ".join((*before, *FRAMEWORKS[framework][2])).format(port=8000))


def estimate_command(programs: Path, command: str) -> Row:
    """Return what memory-budget says of a command in the folder above its programs."""
    folder = programs.parent
    done = subprocess.run(
        ["uv", "pip", "freeze", "--quiet", "--python", str(programs / "python")], check=True, capture_output=True, text=True
    )
    (folder / "requirements.txt").write_text(done.stdout, encoding="utf-8")
    (folder / "Procfile").write_text(f"web: {command}\n", encoding="utf-8")
    (folder / "memguard.toml").write_text('limit = "8GiB"\ntarget-python = "3.11"\n', encoding="utf-8")
    hook = [sys.executable, "-m", "memguard_hooks.hooks.memory_budget", "--format", "json"]
    around = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    found = subprocess.run(hook, cwd=folder, capture_output=True, text=True, check=False, env=around)
    (service,) = json.loads(found.stdout)["services"]
    said = service["estimate_mib"]
    return Row(said["expected"], said["serving"]["expected"])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", metavar="WORD", help="rows whose agent or framework has it")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"{'':36}{'measured, MiB':>26}{'estimated':>18}\n")
    for agent, (_, before, variables) in AGENTS.items():
        for framework in FRAMEWORKS:
            name = f"{agent}, {framework}"
            if asked.only not in name:
                continue
            programs = environment(folder, agent, framework)
            bare, watched = (measure(programs, framework, words, variables) for words in ((), before))
            plain, told = (estimate(programs, framework, words) for words in ((), before))
            own, said = watched.serving - bare.serving, told.serving - plain.serving
            sys.stdout.write(
                f"{name:28}{bare.start:7.1f} -> {watched.start:6.1f} {bare.serving:7.1f} -> {watched.serving:6.1f}"
                f"{plain.serving:9.1f} -> {told.serving:6.1f}"
                f"   all {told.serving / watched.serving - 1:+5.0%}, its own {own:5.1f}, said {said:5.1f}\n"
            )
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
