"""Starts that are written in Python: what is read of them, and what the real servers do with the same code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from work import at_most

from memguard_hooks.app.entry_points import find_services, read_command
from memguard_hooks.commands import check
from memguard_hooks.deployment import python_start
from memguard_hooks.deployment.calls_at_start import Program, StartCalls, follow
from memguard_hooks.deployment.command import Host, StartCommand, parse
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.tree import WorkTree

WEB = "from fastapi import FastAPI\napp = FastAPI()\n"


def started(files: Mapping[str, str], command: str = "python main.py", variables: Mapping[str, str] | None = None,
            scripts: Mapping[str, str] | None = None) -> StartCommand:  # fmt: skip
    sources = {path: textwrap.dedent(text).encode() for path, text in files.items()}
    return parse(command, Host(variables or {}, sources.get, console_scripts=scripts or {}, follows_code=True))


@pytest.mark.parametrize(
    ("source", "workers", "start", "program"),
    [
        pytest.param("import uvicorn\nuvicorn.run('svc:app', workers=4)", 4, "spawn", "uvicorn", id="uvicorn"),
        pytest.param("import uvicorn\nuvicorn.run('main:app', workers=4)", 5, "spawn", "uvicorn", id="uvicorn-of-itself"),
        pytest.param(
            "import uvicorn\nfrom svc import app\nuvicorn.run('svc:app', workers=4)",
            5,
            "spawn",
            "uvicorn",
            id="uvicorn-of-what-it-imports",
        ),
        pytest.param("import uvicorn\nfrom svc import app\nuvicorn.run(app)", 1, "single", "uvicorn", id="uvicorn-object"),
        pytest.param(
            "from uvicorn import run as go\nN = 3\ngo(app='svc:app', workers=N)", 3, "spawn", "uvicorn", id="names"
        ),
        pytest.param(
            "import os, uvicorn\nuvicorn.run('svc:app', workers=int(os.environ.get('W', '2')))",
            2,
            "spawn",
            "uvicorn",
            id="default-of-a-variable",
        ),
        pytest.param(
            "import os, uvicorn\nuvicorn.run('svc:app', workers=int(os.environ.get('N', '2')))",
            6,
            "spawn",
            "uvicorn",
            id="variable-of-the-deployment",
        ),
        pytest.param(
            "import uvicorn\nif __name__ == '__main__':\n    uvicorn.run('svc:app', workers=2)",
            2,
            "spawn",
            "uvicorn",
            id="guarded",
        ),
        pytest.param(
            "import uvicorn\ndef serve(n):\n    uvicorn.run('svc:app', workers=n)\ndef main():\n    serve(n=3)\nmain()",
            3,
            "spawn",
            "uvicorn",
            id="functions",
        ),
        pytest.param(
            "import asyncio, uvicorn\nasync def main():\n    c = uvicorn.Config('svc:app', workers=4)\n"
            "    await uvicorn.Server(c).serve()\nasyncio.run(main())",
            1,
            "single",
            "uvicorn",
            id="uvicorn-server",
        ),
        pytest.param(
            "import uvicorn\ndef unused():\n    uvicorn.run('svc:app', workers=4)", 1, "single", "", id="not-called"
        ),
        pytest.param(
            "import uvicorn\noptions = {'workers': 2}\noptions['workers'] = 3\nuvicorn.run('svc:app', **options)",
            3,
            "spawn",
            "uvicorn",
            id="options",
        ),
        pytest.param(
            "import uvicorn, argparse\np = argparse.ArgumentParser()\np.add_argument('--workers', type=int, default=2)\n"
            "a = p.parse_args()\nuvicorn.run('svc:app', workers=a.workers)",
            2,
            "spawn",
            "uvicorn",
            id="argparse",
        ),
        pytest.param("from cli import serve\nserve()", 7, "spawn", "uvicorn", id="another-file"),
        pytest.param(
            "from conf import settings\nimport uvicorn\nuvicorn.run('svc:app', workers=settings.workers)",
            8,
            "spawn",
            "uvicorn",
            id="pydantic-settings",
        ),
        pytest.param(
            "import conf, uvicorn\nuvicorn.run('svc:app', workers=conf.COUNT * 2)",
            10,
            "spawn",
            "uvicorn",
            id="constant-of-another-file",
        ),
        pytest.param(
            "from decouple import config\nimport uvicorn\nuvicorn.run('svc:app', workers=config('W', default=3, cast=int))",
            3,
            "spawn",
            "uvicorn",
            id="decouple",
        ),
        pytest.param(
            "import environ, uvicorn\nenv = environ.Env(W=(int, 5))\nuvicorn.run('svc:app', workers=env('W'))",
            5,
            "spawn",
            "uvicorn",
            id="environ-schema",
        ),
        pytest.param(
            "from environs import Env\nimport uvicorn\nenv = Env()\nuvicorn.run('svc:app', workers=env.int('N', 2))",
            6,
            "spawn",
            "uvicorn",
            id="environs",
        ),
        pytest.param(
            "import uvicorn, sys\nif sys.stdin.read():\n    uvicorn.run('svc:app', workers=3)\nuvicorn.run('svc:app')",
            3,
            "spawn",
            "uvicorn",
            id="condition-of-a-run",
        ),
        pytest.param(
            "import uvicorn, sys\nif len(sys.argv) > 1:\n    uvicorn.run('svc:app', workers=3)\nuvicorn.run('svc:app')",
            1,
            "single",
            "uvicorn",
            id="condition-that-the-command-decides",
        ),
        pytest.param(
            "from flask import Flask\napp = Flask('x')\napp.run(debug=True)", 2, "spawn", "flask", id="flask-debug"
        ),
        pytest.param("from web import app\napp.run(debug=True, use_reloader=False)", 1, "single", "flask", id="flask"),
        pytest.param(
            "from waitress import serve\nfrom svc import app\nserve(app, threads=8)", 1, "single", "waitress", id="waitress"
        ),
        pytest.param(
            "from hypercorn.config import Config\nfrom hypercorn.run import run\nc = Config()\nc.workers = 3\n"
            "c.application_path = 'svc:app'\nrun(c)",
            3,
            "spawn",
            "hypercorn",
            id="hypercorn",
        ),
        pytest.param(
            "import asyncio\nfrom hypercorn.asyncio import serve\nfrom hypercorn.config import Config\nfrom svc import app\n"
            "c = Config()\nc.workers = 3\nasyncio.run(serve(app, c))",
            1,
            "single",
            "hypercorn",
            id="hypercorn-serve",
        ),
        pytest.param(
            "import celery\napp = celery.Celery('x')\napp.worker_main(['worker', '--concurrency=3'])",
            3,
            "preload",
            "celery",
            id="celery",
        ),
        pytest.param(
            "from concurrent.futures import ProcessPoolExecutor\nwith ProcessPoolExecutor(max_workers=3) as p:\n    p.map",
            3,
            "preload",
            "multiprocessing",
            id="pool",
        ),
        pytest.param(
            "import multiprocessing as mp\npool = mp.get_context('spawn').Pool(3)",
            4,
            "spawn",
            "multiprocessing",
            id="pool-that-spawns",
        ),
        pytest.param(
            "from multiprocessing import Process\ndef f(): pass\na = Process(target=f)\nb = Process(target=f)",
            2,
            "preload",
            "multiprocessing",
            id="processes",
        ),
        pytest.param(
            "import typer\napp = typer.Typer()\n@app.command()\ndef serve(workers: int = typer.Option(4, '-w')):\n"
            "    import uvicorn\n    uvicorn.run('svc:app', workers=workers)\napp()",
            4,
            "spawn",
            "uvicorn",
            id="typer",
        ),
        pytest.param(
            "import click\n@click.group()\ndef cli(): ...\n@cli.command()\n@click.option('--workers', default=2)\n"
            "def serve(workers):\n    import uvicorn\n    uvicorn.run('svc:app', workers=workers)\ncli()",
            2,
            "spawn",
            "uvicorn",
            id="click",
        ),
    ],
)
def test_a_start(source: str, workers: int, start: str, program: str) -> None:
    files = {
        "main.py": f"app = 1\n{source}\n",
        "svc.py": WEB,
        "web.py": "from flask import Flask\ndef create_app():\n    app = Flask('x')\n    return app\napp = create_app()\n",
        "cli.py": "from inner import go\ndef serve():\n    go(count=7)\n",
        "inner.py": "def go(count):\n    import uvicorn\n    uvicorn.run('svc:app', workers=count)\n",
        "conf.py": "from pydantic_settings import BaseSettings\nCOUNT = 5\n"
        "class Settings(BaseSettings):\n    workers: int = 8\nsettings = Settings()\n",
    }
    found = started(files, variables={"N": "6"})
    assert found.entrypoint is not None
    assert found.entrypoint.text == "main.py"
    assert (found.workers, found.start, found.program, found.reason) == (workers, start, program, None)
    if "'svc:app'" in source and program in {"uvicorn", "hypercorn"} and "unused" not in source:
        assert [one.module for one in found.loads] == ["svc"]


EMBEDDED = """
import multiprocessing, os
from gunicorn.app.base import {base}

class Standalone({base}):
    def __init__(self, app=None, options=None):
        self.options = options or {{}}
        super().__init__()

    def load_config(self):
{load_config}

    def load(self):
{load}

if __name__ == "__main__":
    {run}
"""
BY_NAME = "self.cfg.set('workers', {})\nself.cfg.set('worker_class', 'gthread')"
ALL_GIVEN = "for key, value in self.options.items():\n    self.cfg.set(key.lower(), value)"
LATE, EARLY = "from svc import app\nreturn app", "return application"


@pytest.mark.parametrize(
    ("base", "load_config", "load", "run", "workers", "start"),
    [
        ("BaseApplication", BY_NAME.format(9), LATE, "Standalone().run()", 9, "fork"),
        ("Application", BY_NAME.format("int(os.environ.get('W', '3'))"), LATE, "Standalone().run()", 3, "fork"),
        ("BaseApplication", BY_NAME.format(2), EARLY, "Standalone().run()", 2, "preload"),
        ("BaseApplication", ALL_GIVEN, LATE, "Standalone(None, {'workers': 4, 'bind': ':80'}).run()", 4, "fork"),
        (
            "BaseApplication",
            ALL_GIVEN,
            LATE,
            "Standalone(None, options=dict(workers=4, preload_app=True)).run()",
            4,
            "preload",
        ),
        ("BaseApplication", "pass", LATE, "Standalone().run()", 6, "fork"),
        ("BaseApplication", BY_NAME.format(9), LATE, "Arbiter(Standalone()).run()", 9, "fork"),
    ],
)
def test_gunicorn_in_code(base: str, load_config: str, load: str, run: str, workers: int, start: str) -> None:
    text = EMBEDDED.format(
        base=base, load_config=textwrap.indent(load_config, " " * 8), load=textwrap.indent(load, " " * 8), run=run
    )
    found = started({"main.py": f"from gunicorn.arbiter import Arbiter\n{text}"}, variables={"WEB_CONCURRENCY": "6"})
    assert (found.workers, found.start, found.server, found.reason) == (workers, start, "gunicorn", None)
    assert found.calls == (("main.py", "Standalone.load"),)


CPUS = """
n = os.environ.get('n', 'auto')
w = multiprocessing.cpu_count() * 2 + 1 if n == 'auto' else int(n)
self.cfg.set('workers', w)
"""


def test_a_count_of_cpus_is_told_with_its_place() -> None:
    load_config = textwrap.indent(CPUS.strip(), " " * 8)
    load = textwrap.indent(LATE, " " * 8)
    text = EMBEDDED.format(base="Application", load_config=load_config, load=load, run="Standalone().run()")
    found = started({"main.py": text})
    assert (found.workers, found.is_cpu_count) == (None, True)
    assert found.reason is not None
    assert found.reason.startswith("main.py:12 computes w: multiprocessing.cpu_count()")
    assert started({"main.py": text}, variables={"n": "3"}).workers == 3


def test_gunicorn_that_is_run_as_on_the_command_line() -> None:
    code = "import sys\nfrom gunicorn.app.wsgiapp import run\nsys.argv = ['gunicorn', '-w', '3', 'svc:app']\nrun()\n"
    found = started({"main.py": code, "svc.py": WEB})
    assert found.entrypoint is not None
    assert (found.entrypoint.text, found.workers) == ("svc:app", 3)
    code = "from gunicorn.app.wsgiapp import WSGIApplication\nWSGIApplication().run()\n"
    found = started({"main.py": code, "svc.py": WEB}, "python main.py -w 2 svc:app")
    assert found.workers == 2


@pytest.mark.parametrize(
    ("source", "reason", "is_cpu_count"),
    [
        (
            "import uvicorn\nfrom svc import app\nuvicorn.run(app, workers=2)",
            "main.py:3 uvicorn refuses to start: for workers or reloading it needs the app as a text",
            False,
        ),
        ("import uvicorn\nuvicorn.run('svc:app', workers=count())", "main.py:2 computes workers: count()", False),
        (
            "import os, uvicorn\nuvicorn.run('svc:app', workers=os.cpu_count())",
            "main.py:2 computes workers: os.cpu_count()",
            True,
        ),
        ("import uvicorn\nuvicorn.run('svc:app', **load())", "main.py:2 is given workers by another name", False),
        (
            "from concurrent.futures import ProcessPoolExecutor\np = ProcessPoolExecutor()",
            "main.py:2 gives its pool no max_workers, and by default there is one for each CPU of the host",
            True,
        ),
    ],
)
def test_a_start_that_is_not_known(source: str, reason: str, is_cpu_count: bool) -> None:  # noqa: FBT001
    found = started({"main.py": f"{source}\n", "svc.py": WEB})
    assert (found.workers, found.reason, found.is_cpu_count) == (None, reason, is_cpu_count)


def test_the_command_line_gives_options() -> None:
    code = """
        import argparse, uvicorn
        def options():
            parser = argparse.ArgumentParser()
            parser.add_argument("-w", "--workers", type=int, default=2)
            return parser.parse_args()
        def main():
            args = options()
            uvicorn.run("svc:app", workers=args.workers)
        """
    files = {"pkg/__init__.py": "", "pkg/cli.py": code, "pkg/__main__.py": "from .cli import main\nmain()\n", "svc.py": WEB}
    for words, workers in (("", 2), (" --workers 5", 5), (" --workers=6", 6), (" -w 7", 7)):
        assert started(files, f"python -m pkg{words}").workers == workers
        assert started(files, f"/venv/bin/tool{words}", scripts={"tool": "pkg.cli:main"}).workers == workers


@pytest.mark.parametrize(
    "code",
    [
        "def f(): f()\nf()\n",
        "def f(x): f(x + 1); f(x + 2)\nf(0)\n",
        "a = b\nb = a\na.run()\n",
        "from main import x\nx()\n",
        "from other import x\nx.run(y=x)\n",
        "x = " + "(" * 90 + ")" * 90 + "\n",
        "import uvicorn\nuvicorn.run(" + "f(" * 80 + ")" * 80 + ")\n",
        "f" + ".g()" * 900 + "\n",
    ],
)
def test_hostile_code_comes_to_an_end(code: str) -> None:
    files = {"main.py": code, "other.py": "from main import x\nx = x.y\ndef z(): return z()\n"}
    assert started(files).entrypoint is not None


def test_what_a_server_is_given_by_name_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: python main.py\n", encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("uvicorn\npandas\n", encoding="utf-8")
    (tmp_path / "main.py").write_text("import uvicorn\nuvicorn.run('svc:app')\n", encoding="utf-8")
    (tmp_path / "svc.py").write_text("import pandas\napp = pandas\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "memguard_hooks", "check", "--format", "text"], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "svc.py:1:1: MG201 pandas" in done.stdout
    assert "import path: main.py:2 → svc.py:1 → pandas" in done.stdout


# The real servers: each process that loads the app leaves its number in a folder.

NOTE = "import os\nopen(f'loaded/{os.getpid()}', 'w').close()\n"
ASGI = f"{NOTE}async def app(scope, receive, send): ...\n"
WSGI = f"{NOTE}def app(environ, start_response): return []\n"
RUNNING = {
    "uvicorn": "import uvicorn\nif __name__ == '__main__':\n    uvicorn.run('svc:app', port=0, workers=2)\n",
    "uvicorn-of-what-it-imports": "import svc, uvicorn\nif __name__ == '__main__':\n"
    "    uvicorn.run('svc:app', port=0, workers=2)\n",
    "uvicorn-one": "import uvicorn\nuvicorn.run('svc:app', port=0)\n",
    "uvicorn-server": "import uvicorn\nuvicorn.Server(uvicorn.Config('svc:app', port=0, workers=3)).run()\n",
    "hypercorn": "from hypercorn.config import Config\nfrom hypercorn.run import run\nc = Config()\nc.workers = 2\n"
    "c.bind = ['127.0.0.1:0']\nc.application_path = 'svc:app'\nif __name__ == '__main__':\n    run(c)\n",
    "gunicorn": EMBEDDED.format(
        base="BaseApplication",
        load_config=" " * 8 + "self.cfg.set('workers', 3); self.cfg.set('bind', '127.0.0.1:0')",
        load=" " * 8 + "from wsgi import app; return app",
        run="Standalone().run()",
    ),
    "flask-debug": f"{NOTE}from flask import Flask\napp = Flask('x')\napp.run(port=0, debug=True)\n",
    "pool-that-spawns": f"{NOTE}import multiprocessing as mp, time\ndef f(x): time.sleep(60)\n"
    "if __name__ == '__main__':\n    mp.get_context('spawn').Pool(2).map(f, range(2))\n",
}


@pytest.mark.skipif(sys.platform != "linux", reason="gunicorn needs fork")
@pytest.mark.parametrize("name", RUNNING)
def test_as_many_processes_load_the_app_as_are_read(name: str, tmp_path: Path) -> None:
    files = {"main.py": RUNNING[name], "svc.py": ASGI, "wsgi.py": WSGI}
    (tmp_path / "loaded").mkdir()
    for path, text in files.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    expected = started(files).workers
    assert expected is not None
    clean = {key: value for key, value in os.environ.items() if key not in {"WEB_CONCURRENCY", "FLASK_DEBUG"}}
    with subprocess.Popen(
        [sys.executable, "main.py"], cwd=tmp_path, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            for _ in range(600):
                if len(list((tmp_path / "loaded").iterdir())) >= expected:
                    break
                time.sleep(0.1)
            time.sleep(0.5)  # for one more, if there is one
            assert len(list((tmp_path / "loaded").iterdir())) == expected
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_service_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: tool --workers 3\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\nscripts = {tool = 'cli:main'}\n", encoding="utf-8")
    code = """
import click, uvicorn
@click.command()
@click.option('--workers', default=1)
def main(workers):
    uvicorn.run('svc:app', workers=workers)
"""
    (tmp_path / "cli.py").write_text(code, encoding="utf-8")
    (tmp_path / "svc.py").write_text(WEB, encoding="utf-8")
    project = Project(WorkTree(str(tmp_path)), Settings())
    (service,) = find_services(project)
    assert read_command(project, service).workers == 3


MANAGE = """
import os, sys
def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proj.settings")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    ("words", "settings", "workers", "start", "program"),
    [
        ("rundramatiq --processes 4 --threads 2", "", 4, "fork", "dramatiq"),
        ("rundramatiq -p 3 --use-spawn", "", 3, "spawn", "dramatiq"),
        ("rundramatiq", "", None, "fork", "dramatiq"),
        ("rundramatiq --processes many", "", None, "single", "rundramatiq"),
        ("qcluster", "Q_CLUSTER = {'name': 'x', 'workers': 2}\n", 6, "preload", "django-q"),
        ("rqworker default", "", 1, "preload", "rq"),
        ("rqworker-pool default --num-workers 3", "", 6, "preload", "rq"),
        ("run_huey -w 3 -k process", "", 3, "preload", "huey"),
        ("run_huey", "HUEY = {'consumer': {'workers': 2, 'worker_type': 'process'}}\n", 2, "preload", "huey"),
        ("celery worker -c 3", "", 3, "preload", "celery"),
        ("migrate", "", 1, "single", "manage.py"),
        ("pooled", "APPS = ['bots']\nINSTALLED_APPS = ['django.contrib.auth'] + APPS\n", 3, "spawn", "uvicorn"),
        (
            "pooled",
            "INSTALLED_APPS = ['django.contrib.auth']\nINSTALLED_APPS += ['bots.apps.Bots']\n",
            3,
            "spawn",
            "uvicorn",
        ),
    ],
)
def test_commands_of_django(words: str, settings: str, workers: int | None, start: str, program: str) -> None:
    files = {
        "manage.py": MANAGE,
        "proj/settings.py": f"SECRET_KEY = 'x'\n{settings}",
        "bots/management/commands/pooled.py": "import uvicorn\nfrom django.core.management import BaseCommand\n"
        "class Command(BaseCommand):\n    def handle(self, **options):\n        uvicorn.run('proj.asgi:app', workers=3)\n",
    }
    found = started(files, f"python manage.py {words}")
    assert found.entrypoint is not None
    assert (found.entrypoint.text, found.workers, found.start, found.program) == ("manage.py", workers, start, program)
    if words == "pooled":
        assert [one.module for one in found.loads] == ["proj.asgi", "bots.management.commands.pooled"]


def test_workers_of_dramatiq_load_tasks_and_no_urls(tmp_path: Path) -> None:
    files = {
        "Procfile": "worker: python manage.py rundramatiq --processes 2\n",
        "manage.py": MANAGE,
        "proj/settings.py": "SECRET_KEY = 'x'\nINSTALLED_APPS = ['orders']\nROOT_URLCONF = 'proj.urls'\n",
        "proj/urls.py": "import pandas\nurlpatterns = []\nprint(pandas.NA)\n",
        "orders/__init__.py": "",
        "orders/tasks.py": "import matplotlib.pyplot\nprint(matplotlib.pyplot)\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "memguard_hooks", "check", "--select", "MG201"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "orders/tasks.py:1:1: MG201" in done.stdout
    assert "urls.py" not in done.stdout


def test_the_code_of_a_program_is_followed_once_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several rules ask how a service starts; what one command of its own environment comes to is another answer."""
    files = {"Procfile": "web: python main.py\n", "main.py": "import uvicorn\nuvicorn.run('svc:app')\n", "svc.py": WEB}
    for path, text in files.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    followed: list[str] = []

    def count(program: Program, host: Host) -> StartCalls | None:
        followed.append(program.path)
        return follow(program, host)

    monkeypatch.setattr(python_start, "follow", count)
    check.main([str(tmp_path)])
    assert "MG301" not in capsys.readouterr().out
    assert followed == ["main.py"]
    project = Project(WorkTree(str(tmp_path)), Settings())
    (service,) = find_services(project)
    for workers in ("2", "3"):
        inner = service._replace(command="gunicorn -w $W svc:app", environment={"W": workers})
        assert read_command(project, inner).workers == int(workers)


def test_each_call_of_an_expression_counts_and_what_is_cut_is_not_known() -> None:
    source = f"import os\ndef f():\n    return [{'os.getcwd(), ' * 1000}]\n" + "f()\n" * 250
    with at_most(4_500_000):
        start = started({"main.py": source})
    assert (start.workers, start.reason) == (None, "main.py calls more as it starts than is followed")


def test_names_that_each_call_takes_over_count() -> None:
    source = (
        "".join(f"x{one} = {one}\n" for one in range(3000)) + "import os\ndef f(a):\n    os.getcwd(a)\n" + "f(1)\n" * 3000
    )
    assert started({"main.py": source}).workers is None


def test_what_is_followed_is_bounded_for_all_services_together(tmp_path: Path) -> None:
    """What is left out of a service is not known, also of celery and of Django, whose settings their code gives."""
    called = "import big\nbig.f()\n"
    files = {
        "Procfile": "".join(f"w{one}: python main{one}.py\n" for one in range(12))
        + "x: celery -A tasks worker\ny: python manage.py work\n",
        "big.py": "def g(): pass\ndef f():\n" + "    g()\n" * 5000,
        **{f"main{one}.py": called for one in range(12)},
        "tasks.py": "import celery\napp = celery.Celery()\napp.conf.worker_concurrency = 2\n",
        "manage.py": called,
    }
    for path, text in files.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    project = Project(WorkTree(str(tmp_path)), Settings())
    with at_most(6_000_000):
        workers = {one.name: read_command(project, one).workers for one in find_services(project)}
    assert workers["w0"] == 1
    assert [workers[name] for name in ("w11", "x", "y")] == [None] * 3
