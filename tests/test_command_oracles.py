"""Start commands of servers and workers: what is read here agrees with the option parsers of the real programs.

Each program resolves generated command lines in a process of its own, up to the point where it would listen or fork.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from memguard_hooks.deployment.command import Host, StartCommand, parse

FILES = {
    "main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
    "app.py": "import flask\napp = flask.Flask(__name__)\n",
    "proj/__init__.py": "",
    "proj/celery.py": "import celery\napp = celery.Celery('proj', broker='memory://')\n",
    "proj/web.py": "import flask\ndef create_app(name='x'):\n    return flask.Flask(__name__)\n",
    "proj/api.py": "from fastapi import FastAPI\napp = api = FastAPI()\n",
    "flat.py": "import celery\napp = celery.Celery('flat', broker='memory://')\n",
    "src/x.py": "",
    "env.txt": "WEB_CONCURRENCY=5\nexport FLASK_APP=proj.web\n",
    "five.toml": 'workers = 5\nworker_class = "uvloop"\n',
    "star.py": "from litestar import Litestar\napp = Litestar()\n",
    "two.py": "workers = 2\nmax_requests = 9\n",
}

RUN = """
import contextlib, io, json, os, sys, warnings
warnings.simplefilter("ignore")
out = sys.stdout
sys.stdout = sys.stderr = open(os.devnull, "w")
sys.path.insert(0, os.getcwd())
clean = dict(os.environ)
{define}
answers = []
for words, variables in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update({{**clean, **variables}})
    try:
        answers.append(resolve(words))
    except BaseException as error:
        answers.append(None)
json.dump(answers, out)
"""

UVICORN = """
import uvicorn.config
cli = sys.modules["uvicorn.main"].main if "uvicorn.main" in sys.modules else __import__("uvicorn.main").main.main
def resolve(words):
    given = cli.make_context("uvicorn", list(words)).params
    config = uvicorn.Config(given["app"], workers=given["workers"], reload=given["reload"], env_file=given["env_file"],
                            factory=given["factory"], log_config=None, limit_max_requests=given["limit_max_requests"],
                            limit_max_requests_jitter=given["limit_max_requests_jitter"])
    workers = 1 if config.should_reload else max(1, config.workers)
    return [config.app, workers, config.reload, given["app_dir"] or "", config.limit_max_requests or 0,
            config.limit_max_requests_jitter]
"""

CELERY = """
import celery.bin.celery, celery.apps.worker, celery._state
found = []
def start(self):
    pool = self.pool_cls.__module__.rpartition(".")[2]
    most, fewest = self.autoscale or (self.concurrency, None)
    found.append([self.app.main, most if pool == "prefork" else 1, fewest if pool == "prefork" else None, pool,
                  self.max_tasks_per_child or 0, self.concurrency if pool == "thread" and not self.autoscale else None])
celery.apps.worker.Worker.start = start
def resolve(words):
    found.clear()
    celery._state._tls.current_app = celery._state.default_app = None
    try:
        celery.bin.celery.celery.main(list(words), auto_envvar_prefix="CELERY", standalone_mode=False)
    except SystemExit:
        pass
    assert found[0][0] in {"proj", "flat"}  # and not the app that celery makes where it is given none
    return found[0]
"""

HYPERCORN = """
import hypercorn.__main__ as program
def resolve(words):
    found = []
    program.run = lambda config: found.append(config) or 0
    program.main(list(words))
    (config,) = found
    return [config.application_path, config.workers, config.worker_class, config.max_requests or 0, config.use_reloader]
"""

GRANIAN = """
from granian.cli import cli
def resolve(words):
    given = cli.make_context("granian", list(words), auto_envvar_prefix="GRANIAN").params
    folder = os.path.relpath(given["working_dir"] or ".", os.getcwd())
    return [given["app"], given["workers"], str(getattr(given["interface"], "value", given["interface"])), given["reload"],
            "" if folder == "." else folder, given["blocking_threads"]]
"""

WAITRESS = """
from waitress.adjustments import Adjustments
def resolve(words):
    given, (app,) = Adjustments.parse_args(list(words))
    del given["help"], given["call"]
    return [app, Adjustments(**given).threads]
"""

DAPHNE = """
from daphne.cli import CommandLineInterface
def resolve(words):
    return [CommandLineInterface().parser.parse_args(list(words)).application]
"""

FLASK = """
import flask.cli
def resolve(words):
    found = []
    for name in ("app", "proj.web", "proj"):
        sys.modules.pop(name, None)
    def run_simple(host, port, app, use_reloader, **rest):
        found.append([app.import_name, 2 if use_reloader else 1])
    flask.cli.run_simple = run_simple
    flask.cli.FlaskGroup(add_version_option=False).main(list(words), standalone_mode=False)
    return found[0]
"""

FASTAPI = """
import uvicorn, fastapi_cli.cli, typer.main
def resolve(words):
    found = []
    def run(app, workers, reload, **rest):
        config = uvicorn.Config(app, workers=workers, reload=reload, log_config=None)
        found.append([app, 1 if reload else max(1, config.workers), reload])
    uvicorn.run = run
    command = typer.main.get_command(fastapi_cli.cli.app)
    command.main(list(words), standalone_mode=False)
    return found[0]
"""

DRAMATIQ = """
from dramatiq.cli import make_argument_parser
def resolve(words):
    given = make_argument_parser().parse_args(list(words))
    return [given.broker, given.processes, given.threads, given.use_spawn]
"""

HUEY = """
from huey.consumer_options import OptionParserHandler, ConsumerConfig
def resolve(words):
    options, (app,) = OptionParserHandler().get_option_parser().parse_args(list(words))
    config = ConsumerConfig(**{key: value for key, value in vars(options).items() if value is not None})
    config.validate()
    kind = config.worker_type
    return [app, config.workers if kind == "process" else 1, kind, config.workers if kind == "thread" else None]
"""

ARQ = """
from arq.cli import cli
def resolve(words):
    given = cli.make_context("arq", list(words)).params
    return [given["worker_settings"], given["watch"] is not None]
"""

TASKIQ = """
from taskiq.cli.worker.args import WorkerArgs
def resolve(words):
    assert words[0] == "worker"
    given = WorkerArgs.from_cli(words[1:])
    return [given.broker, given.workers, given.reload, given.app_dir or "", given.max_tasks_per_child or 0]
"""


LITESTAR = """
import uvicorn, litestar.cli.commands.core as core
from litestar.cli.main import litestar_group
found = []
uvicorn.run = lambda **given: found.append([given["app"], 1, False])
def run(*, env, workers, reload, **rest):
    found.append([env.app_path, (1 if reload else workers) + 1, reload])
core._run_uvicorn_in_subprocess = run
def resolve(words):
    found.clear()
    litestar_group.main(list(words), standalone_mode=False)
    return found[0]
"""

SANIC = """
from sanic.cli.app import SanicCLI
def resolve(words):
    sys.argv = ["sanic", *words]
    cli = SanicCLI()
    cli.attach()
    given = cli.parser.parse_args(list(words))
    assert not given.fast and not given.simple
    return [given.target, 1 if given.single else given.workers + 1, bool(given.dev or given.auto_reload)]
"""

FASTSTREAM = """
import typer.main
from faststream._internal.cli import main as program
command = typer.main.get_command(program.cli).commands["run"]
def resolve(words):
    assert words[0] == "run"
    given = command.make_context("run", list(words[1:])).params
    workers = given["workers"]
    assert workers == 1 or not given["reload"]
    return [given["app"], workers + 1 if workers > 1 else 1, given["reload"]]
"""

SAQ = """
import saq.__main__ as program
def resolve(words):
    found = []
    program.run = lambda settings, workers, **rest: found.append([settings, max(1, workers)])
    sys.argv = ["saq", *words]
    program.main()
    return found[0]
"""


def of_framework(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text, one.workers, one.reload]


def of_workers(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text, one.workers]


def of_uvicorn(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    folder = one.entrypoint.folder
    return [one.entrypoint.text, one.workers, one.reload, folder, one.max_requests, one.max_requests_jitter]


def of_celery(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    app = one.entrypoint.module or ""
    pool = {"threads": "thread", "processes": "prefork"}.get(one.worker_class, one.worker_class)
    fewest = one.fewest if one.fewest is not None or "scales" not in (one.reason or "") else one.workers
    return [app.partition(".")[0], one.workers, fewest, pool, one.max_requests, one.threads]


def of_hypercorn(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    workers = 0 if one.start == "single" else one.workers
    return [one.entrypoint.text, workers, one.worker_class, one.max_requests, one.reload]


def of_granian(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text, one.workers, one.worker_class, one.reload, one.entrypoint.folder, one.threads]


def of_waitress(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text, one.threads]


def of_daphne(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text]


def of_flask(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.module, one.workers]


def of_fastapi(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [f"{one.entrypoint.module}:{one.entrypoint.attribute}", one.workers, one.reload]


def of_dramatiq(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text, one.workers, one.threads, one.start == "spawn"]


def of_huey(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text, one.workers, one.worker_class, one.threads]


def of_arq(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text, one.reload]


def of_taskiq(one: StartCommand) -> list[Any]:
    assert one.entrypoint is not None
    return [one.entrypoint.text, one.workers, one.reload, one.entrypoint.folder, one.max_requests]


class Program(NamedTuple):
    """A program: how it resolves words, what ours says of them, and the words and variables to try.

    `apps` are the words that name an app, `before` and `after` the options in front of `verb` and behind it.
    """

    modules: tuple[str, ...]
    define: str
    answer: Callable[[StartCommand], list[Any]]
    apps: tuple[str, ...]
    after: tuple[str, ...]
    verb: str = ""
    before: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()


PROGRAMS = {
    "uvicorn": Program(
        ("uvicorn", "dotenv"), UVICORN, of_uvicorn, ("main:app", "proj.api:app", "src.x:make"),
        ("--workers 3", "--workers=4", "--workers 0", "--workers=-1", "--reload", "--factory", "--app-dir src", "--host=::",
         "--port 80", "--env-file env.txt", "--limit-max-requests 7", "--limit-max-requests-jitter=3", "--no-access-log",
         "--proxy-headers", "--log-level info", "--reload-dir src --reload-dir .", "--ws none", "--root-path -x",
         "--timeout-keep-alive 5", "--header a:b", "--workers 1 --workers 6", "--http2"),
        variables=(("WEB_CONCURRENCY", "2"), ("UVICORN_WORKERS", "3"), ("UVICORN_WORKERS", ""), ("UVICORN_RELOAD", "true"),
                   ("UVICORN_RELOAD", "0"), ("UVICORN_APP", "proj.api:api"), ("UVICORN_APP_DIR", "src"),
                   ("UVICORN_LIMIT_MAX_REQUESTS", "8"), ("UVICORN_ENV_FILE", "env.txt")),
        refused=("--work 3", "--workers x", "--nothing", "--reload=1", "-w 3", "--workers", "other:app"),
    ),
    "celery": Program(
        ("celery",), CELERY, of_celery, ("-A proj", "--app=flat", "-A flat:app", "-Aproj", "--app proj.celery"),
        ("-c 3", "-c4", "--concurrency=2", "--concurrency 5", "-P solo", "--pool=threads", "-P prefork", "-P PreFork",
         "--pool processes", "--autoscale 6,2", "--autoscale=3", "--autoscale 2,5", "--autoscale 4,4", "-l info", "-Q a,b",
         "-B", "-E", "-n w@%h", "--max-tasks-per-child 9", "--without-gossip", "-O fair", "-c 0",
         "--prefetch-multiplier=1", "-Ec3", "--loglevel=INFO", "-s x.db", "--max-memory-per-child=9000"),
        verb="worker", before=("-q", "--workdir .", "-b memory://", "--no-color"),
        variables=(("CELERY_WORKER_CONCURRENCY", "3"), ("CELERY_APP", "flat"), ("CELERY_WORKER_POOL", "solo"),
                   ("APP", "flat"), ("CELERY_WORKER_AUTOSCALE", "7,1")),
        refused=("-c x", "-c -1", "--nothing", "--conc 3", "-P none", "--autoscale a,b", "--autoscale 1,2,3", "-c=4"),
    ),
    "hypercorn": Program(
        ("hypercorn",), HYPERCORN, of_hypercorn, ("main:app", "proj.api:app"),
        ("-w 3", "-w4", "--workers=2", "--work 5", "-w 0", "-k uvloop", "--worker-class trio", "-b :80", "--bind=[::]:1",
         "-c five.toml", "--config five.toml", "-c file:two.py", "--reload", "--max-requests 7", "--keep-alive 5",
         "--access-logfile -", "-D", "--log-level info", "--root-path /x", "-w=6"),
        refused=("-w x", "--nothing", "-w", "--max 3", "second:app", "-c gone.toml"),
    ),
    "granian": Program(
        ("granian",), GRANIAN, of_granian, ("main:app", "proj.api:app"),
        ("--workers 3", "--workers=2", "--interface asgi", "--interface=wsgi", "--factory", "--reload", "--no-reload",
         "--working-dir src", "--blocking-threads 4", "--host ::", "--port=80", "--no-ws", "--log-level debug",
         "--http 1", "--loop asyncio", "--access-log", "--respawn-failed-workers", "--workers-lifetime 3600",
         "--reload --no-reload"),
        variables=(("GRANIAN_WORKERS", "4"), ("GRANIAN_INTERFACE", "asginl"), ("GRANIAN_RELOAD", "yes"),
                   ("GRANIAN_WORKING_DIR", "src"), ("GRANIAN_BLOCKING_THREADS", "2"), ("WEB_CONCURRENCY", "9")),
        refused=("--workers 0", "--workers x", "--nothing", "-w 3", "--work 3", "other:app"),
    ),
    "waitress-serve": Program(
        ("waitress",), WAITRESS, of_waitress, ("main:app", "proj.web:create_app", "proj.web.app"),
        ("--threads 6", "--threads=8", "--threa 5", "--listen 0.0.0.0:80", "--listen=*:80", "--call", "--ipv4",
         "--no-ipv6", "--url-scheme=https", "--backlog 9", "--no-expose-tracebacks", "--ident x"),
        refused=("--nothing", "--threads", "--call=1", "--t 3"),
    ),
    "daphne": Program(
        ("daphne",), DAPHNE, of_daphne, ("main:app", "proj.api:app"),
        ("-p 80", "-b 0.0.0.0", "--port=1", "-u /x.sock", "-e tcp:port=1", "-v 2", "-v2", "-t 30", "--access-log -",
         "--proxy-headers", "--root-path /x", "--fd 3", "--no-server-name", "-s x", "--ping-interval 9",
         "--websocket_timeout 5"),
        refused=("--nothing", "-p x", "-p", "second:app", "--ping 3"),
    ),
    "flask": Program(
        ("flask",), FLASK, of_flask, ("", "--app app", "-A proj.web", "--app=proj/web.py", "--app app.py:app",
                                      "-A proj.web:create_app('y')"),
        ("--host 0.0.0.0", "-h ::", "-p 80", "--port=80", "--reload", "--no-reload", "--debug", "--no-debug",
         "--with-threads", "--no-debugger", "--without-threads"),
        verb="run", before=("--debug", "--no-debug"),
        variables=(("FLASK_APP", "proj.web"), ("FLASK_DEBUG", "1"), ("FLASK_DEBUG", "0"), ("FLASK_APP", "app:app")),
        refused=("--nothing", "-p x", "--port", "--rel"),
    ),
    "fastapi": Program(
        ("fastapi", "fastapi_cli", "uvicorn"), FASTAPI, of_fastapi, ("", "main.py", "proj/api.py", "-e proj.api:api",
                                                                   "proj/api.py --app api", "--entrypoint main:app"),
        ("--workers 3", "--workers=2", "--reload", "--no-reload", "--host ::", "--port 80", "--root-path /x",
         "--no-proxy-headers", "--workers 0"),
        verb="run", variables=(("WEB_CONCURRENCY", "4"), ("PORT", "80")),
        refused=("--nothing", "--workers x", "--workers"),
    ),
    "dramatiq": Program(
        ("dramatiq",), DRAMATIQ, of_dramatiq, ("proj.tasks", "proj.tasks:broker", "proj.tasks proj.more"),
        ("-p 3", "--processes=2", "-p4", "--proc 5", "-t 2", "--threads=16", "--use-spawn", "-v", "-vv",
         "--log-file x", "--pid-file=y", "--worker-shutdown-timeout 9", "-f a:b"),
        refused=("-p x", "--nothing", "-p", "--worker 3"),
    ),
    "huey_consumer": Program(
        ("huey",), HUEY, of_huey, ("proj.tasks.huey", "proj.huey"),
        ("-w 4", "-w4", "--workers=2", "-k process", "--worker-type=process", "-k thread", "-k greenlet", "-l x.log", "-v",
         "-d 0.2", "-n", "--no-periodic", "-q", "--delay=1", "-C", "-S", "-s 5"),
        refused=("-w x", "--nothing", "-k none", "-w"),
    ),
    "arq": Program(
        ("arq",), ARQ, of_arq, ("proj.worker.WorkerSettings", "proj.WorkerSettings"),
        ("--burst", "--no-burst", "-v", "--verbose", "--watch src", "--watch=.", "--custom-log-dict a.b"),
        refused=("--nothing", "-w 3", "--watch", "second.Settings"),
    ),
    "taskiq": Program(
        ("taskiq",), TASKIQ, of_taskiq, ("proj.tasks:broker", "proj.tasks:broker proj.more"),
        ("-w 3", "--workers=4", "-w1", "--reload", "-r", "--fs-discover", "-fsd", "-tp **/t.py", "-d src", "--app-dir=src",
         "--max-tasks-per-child 8", "--log-level DEBUG", "--max-async-tasks 9", "--no-parse", "--use-process-pool"),
        verb="worker", refused=("-w x", "--nothing", "--max 3", "-w"),
    ),
    "litestar": Program(
        ("litestar", "uvicorn"), LITESTAR, of_framework, ("",),
        ("-W 2", "--wc 2", "--web-concurrency=2", "-p 80", "--port=80", "-H ::", "--host 0.0.0.0", "-d", "--debug", "-r",
         "--reload", "-R .", "-W 1"),
        verb="--app star:app run",
        variables=(("LITESTAR_APP", "app:app"), ("LITESTAR_WEB_CONCURRENCY", "1"), ("WEB_CONCURRENCY", "2")),
        refused=("-W x", "--nothing", "--port"),
    ),
    "sanic": Program(
        ("sanic",), SANIC, of_framework, ("main:app", "proj.api:app"),
        ("-w 3", "--workers=4", "-H 0.0.0.0", "--host=::", "-p 80", "--port 80", "--single-process", "-d", "--dev", "-r",
         "--no-access-logs", "--no-motd", "--debug", "--http 1", "--cert x", "--factory", "-D"),
        refused=("-w x", "--nothing", "-p"),
    ),
    "faststream": Program(
        ("faststream", "typer"), FASTSTREAM, of_framework, ("main:app", "proj.api:app"),
        ("-w 3", "--workers=2", "--workers 1", "--factory", "--log-level info", "-l debug", "--app-dir .", "--loop auto",
         "--reload"),
        verb="run", variables=(("FASTSTREAM_WORKERS", "3"), ("FASTSTREAM_APP_DIR", ".")),
        refused=("-w x",),
    ),
    "saq": Program(
        ("saq",), SAQ, of_workers, ("main.settings", "proj.api.settings"),
        ("--workers 3", "--workers=2", "--web", "--port 80", "-v", "-q", "--quiet", "--work 4", "-e a.b"),
        refused=("--workers x", "--nothing", "--port"),
    ),
}  # fmt: skip


class Case(NamedTuple):
    """One start of a program: words behind its name, and variables."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    is_refused: bool


def cases(program: Program, count: int) -> list[Case]:
    pick = random.Random(20261122)  # noqa: S311 - the same cases each time
    found = []
    for _ in range(count):
        after = pick.sample(program.after, pick.choice([0, 1, 1, 2, 2, 3, 4]))
        is_refused = bool(program.refused) and pick.random() < 0.1
        if is_refused:
            after.append(pick.choice(program.refused))
        before = pick.sample(program.before, pick.choice([0, 0, 1])) if program.before else []
        app = pick.choice(program.apps) if pick.random() < 0.95 else ""
        if program.verb and app.startswith("-") and not app.startswith(("-e", "--entrypoint")):
            before.append(app)
        else:
            after.append(app)
        pick.shuffle(before)
        if not is_refused:
            pick.shuffle(after)
        words = [word for text in (*before, program.verb, *after) for word in text.split()]
        variables = dict(pick.sample(program.variables, pick.choice([0, 0, 1, 2]))) if program.variables else {}
        found.append(Case(tuple(words), variables, is_refused))
    return found


def ask(program: Program, asked: Sequence[Case], folder: Path) -> list[list[Any] | None]:
    command = [sys.executable, "-c", RUN.format(define=program.define)]
    names = {name for name, _ in program.variables} | {"WEB_CONCURRENCY", "PYTHONPATH"}
    clean = {name: value for name, value in os.environ.items() if name not in names}
    text = json.dumps([[case.words, dict(case.variables)] for case in asked])
    answers: list[list[Any] | None] = json.loads(
        subprocess.check_output(command, input=text, text=True, cwd=folder, env=clean, timeout=100)
    )
    return answers


@pytest.mark.skipif(sys.platform == "win32", reason="the programs run elsewhere")
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_known_agrees_with_the_program(name: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]
    for module in program.modules:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    files = {path: text.encode() for path, text in FILES.items()}
    generated = cases(program, 120)
    started = refused = 0
    for case, theirs in zip(generated, ask(program, generated, tmp_path), strict=True):
        one = parse(shlex.join([name, *case.words]), Host(case.variables, files.get, cpus=os.cpu_count()))
        ours = None if one.workers is None or one.entrypoint is None else program.answer(one)
        assert ours == theirs, f"{shlex.join(case.words)} with {case.variables}: {one}"
        started += theirs is not None
        refused += theirs is None
    print(f"{name}: {started} started, {refused} refused, all agree")
    assert started > 45
    assert refused > 3
