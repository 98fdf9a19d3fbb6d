"""Compare what memory-budget says of each moment with apps that run: at start, and once each handler has been called.

    python benchmarks/moments.py [--python PYTHON] [--keep DIR] [--only NAME] [--json FILE]

Each app is a small file for a framework, written from the table below: libraries that it imports as it loads, and libraries
that its handlers import when they are called. It is started for real on the loopback address, in each of its ways, with the
files of the environment put out of the page cache. The memory of its processes is read at start, and after 1, 50 and 500
calls of each handler. Bots talk to a server of this program instead of Telegram, and celery to one that stands for Redis.

Every other app is one on which constants may be fitted; the errors are told for the others too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any, NamedTuple

from process_memory import MIB, fetch, free_port, install, process_environment, read_together, serve, stop

from memguard_hooks.app.service_estimate import assess
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CALLS = (1, 50, 500)
"""Calls of each handler after which the processes are read."""

MOMENTS = ("start", *map(str, CALLS))
WAIT_SECONDS = 180
CLIENTS = 6

REQUIREMENTS = """\
aiogram
boto3
celery
django<6
fakeredis[lua]
fastapi
flask
gunicorn
lxml
matplotlib
openai
pandas
pillow
python-telegram-bot
redis
requests
scikit-learn
sqlalchemy
streamlit
uvicorn
"""


class Use(NamedTuple):
    """How a library is used: the import, and the expression that a handler returns."""

    load: str
    call: str


USES = {
    "pandas": Use("import pandas", "pandas.DataFrame({'a': range(999)}).groupby('a').a.sum().size"),
    "sklearn": Use(
        "from sklearn.linear_model import LinearRegression", "LinearRegression().fit([[1], [2], [3]], [1, 2, 3]).coef_.size"
    ),
    "openai": Use("import openai", "openai.OpenAI(api_key='none', base_url='http://127.0.0.1:9/').max_retries"),
    "boto3": Use("import boto3", "len(boto3.session.Session().get_available_services())"),
    "sqlalchemy": Use("import sqlalchemy", "str(sqlalchemy.select(sqlalchemy.literal(1)))"),
    "lxml": Use("from lxml import etree", "len(etree.fromstring('<a>' + '<b/>' * 99 + '</a>'))"),
    "pillow": Use("from PIL import Image", "Image.new('RGB', (64, 64)).resize((32, 32)).width"),
    "matplotlib": Use(
        "import io\nimport matplotlib.figure",
        "matplotlib.figure.Figure().subplots().plot([1, 2, 3])[0].figure.savefig(io.BytesIO())",
    ),
    "pydantic": Use("from pydantic import create_model", "create_model('M', a=(int, 1))().a"),
    "requests": Use("import requests", "requests.Request('GET', 'http://127.0.0.1:9/').prepare().method"),
}


class App(NamedTuple):
    """An app: its framework, what it imports as it loads and what in its handlers, and the ways in which it is started."""

    name: str
    framework: str
    eager: tuple[str, ...]
    lazy: tuple[str, ...]
    commands: tuple[str, ...]

    @property
    def handlers(self) -> tuple[str, ...]:
        """The names of its handlers."""
        return tuple(f"use_{name}" for name in (*self.eager, *self.lazy))


UVICORN = "uvicorn app:app --port $PORT"
GUNICORN = "gunicorn app:app --bind 127.0.0.1:$PORT"
WORKER = "celery --app app worker --loglevel WARNING"

APPS = (
    App("ask", "fastapi", (), ("openai", "pandas"), (UVICORN, f"{UVICORN} --workers 3")),
    App("models", "fastapi", ("sqlalchemy",), ("sklearn",), (UVICORN, f"{UVICORN} --workers 3")),
    App("charts", "fastapi", ("pandas", "pydantic"), ("matplotlib", "boto3"), (UVICORN, f"{UVICORN} --workers 3")),
    App("reports", "flask", ("pandas",), ("matplotlib",), (GUNICORN, f"{GUNICORN} -w 3", f"{GUNICORN} -w 3 --preload")),
    App("feeds", "flask", (), ("lxml", "requests"), (GUNICORN, f"{GUNICORN} -w 3", f"{GUNICORN} -w 3 --preload")),
    App("scores", "flask", ("sklearn",), ("pillow",), (f"{GUNICORN} --threads 4", f"{GUNICORN} -w 3 --preload")),
    App("shop", "django", ("pandas",), ("openai",), (GUNICORN, f"{GUNICORN} -w 3", f"{GUNICORN} -w 3 --preload")),
    App("files", "django", (), ("boto3", "pillow"), (GUNICORN, f"{GUNICORN} -w 3", f"{GUNICORN} -w 3 --preload")),
    App("mails", "celery", (), ("pandas", "matplotlib"), (f"{WORKER} --concurrency 1", f"{WORKER} --concurrency 3")),
    App("ranks", "celery", ("sklearn",), ("openai",), (f"{WORKER} --concurrency 3", f"{WORKER} --pool solo")),
    App("helper", "aiogram", (), ("pandas", "pillow"), ("python app.py",)),
    App("typist", "telegram", ("sqlalchemy",), ("openai", "matplotlib"), ("python app.py",)),
    App(
        "board",
        "streamlit",
        ("pandas",),
        ("matplotlib",),
        ("streamlit run app.py --server.port $PORT --server.headless true",),
    ),
    App(
        "forms",
        "streamlit",
        ("sqlalchemy",),
        ("sklearn",),
        ("streamlit run app.py --server.port $PORT --server.headless true",),
    ),
    # Written once nothing was changed any more that these apps could tell of.
    App("tables", "fastapi", ("pandas",), ("lxml",), (UVICORN,)),
    App("rows", "flask", ("requests",), ("pandas",), (f"{GUNICORN} -w 2",)),
    App("sums", "celery", ("sqlalchemy",), ("pandas",), (f"{WORKER} --concurrency 2",)),
)

HEAD = {
    "fastapi": """\
from fastapi import FastAPI
{eager}
app = FastAPI()


@app.get("/health")
def health():
    return 1
""",
    "flask": """\
from flask import Flask
{eager}
app = Flask(__name__)


@app.get("/health")
def health():
    return "1"
""",
    "django": """\
import os
from django.core.wsgi import get_wsgi_application
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
app = get_wsgi_application()
""",
    "celery": """\
from celery import Celery
{eager}
app = Celery("app", broker="redis://127.0.0.1:BROKER/0")
app.conf.task_ignore_result = True


def note(found):
    with open("answers", "a") as file:
        file.write("1")
    return found


@app.task
def health():
    note(1)
""",
    "aiogram": """\
import asyncio
import os
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command
{eager}
dispatcher = Dispatcher()


@dispatcher.message(Command("health"))
async def health(message):
    await message.answer("1")
""",
    "telegram": """\
import os
from telegram.ext import Application, CommandHandler
{eager}

async def health(update, context):
    await update.message.reply_text("1")
""",
    "streamlit": "import streamlit\n{eager}\nstreamlit.title('board')\n",
}
HANDLER = {
    "fastapi": "@app.get('/{name}')\ndef {name}():\n{load}    return str({call})\n",
    "flask": "@app.get('/{name}')\ndef {name}():\n{load}    return str({call})\n",
    "django": "def {name}(request):\n{load}    return HttpResponse(str({call}))\n",
    "celery": "@app.task\ndef {name}():\n{load}    note({call})\n",
    "aiogram": "@dispatcher.message(Command('{name}'))\nasync def {name}(message):\n{load}"
    "    await message.answer(str({call}))\n",
    "telegram": "async def {name}(update, context):\n{load}    await update.message.reply_text(str({call}))\n",
    "streamlit": "def {name}():\n{load}    streamlit.write(str({call}))\n\n\n{name}()\n",
}
TAIL = {
    "aiogram": """
async def main():
    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["BOT_API"]))
    await dispatcher.start_polling(Bot("1:none", session=session))


if __name__ == "__main__":
    asyncio.run(main())
""",
    "telegram": """
if __name__ == "__main__":
    app = Application.builder().token("1:none").base_url(os.environ["BOT_API"] + "/bot").build()
    for handler in (HANDLERS, health):
        app.add_handler(CommandHandler(handler.__name__, handler))
    app.run_polling()
""",
}
SETTINGS = "SECRET_KEY = 'none'\nALLOWED_HOSTS = ['*']\nROOT_URLCONF = 'urls'\nINSTALLED_APPS = []\n"

BROKER = 16379
SERVE_BROKER = (
    "import sys; from fakeredis import TcpFakeServer; TcpFakeServer(('127.0.0.1', int(sys.argv[1]))).serve_forever()"
)

SEND = """
import sys
import app
for name, count in zip(sys.argv[1::2], sys.argv[2::2]):
    for _ in range(int(count)):
        getattr(app, name).delay()
"""
"""Sends tasks to the worker."""

VISIT = """
import asyncio, sys
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
async def visit():
    async with websockets.connect(sys.argv[1], subprotocols=["streamlit"], max_size=None) as socket:
        for _ in range(int(sys.argv[2])):
            message = BackMsg()
            message.rerun_script.query_string = ""
            await socket.send(message.SerializeToString())
            while True:
                answer = ForwardMsg()
                answer.ParseFromString(await socket.recv())
                if answer.WhichOneof("type") == "script_finished":
                    break
asyncio.run(visit())
"""
"""Opens a page of streamlit's, and runs its script again and again."""


def write(app: App, folder: Path) -> None:
    """Write the files of an app."""
    eager = "\n".join(USES[name].load for name in app.eager)
    handlers = [handler(app.framework, name, is_lazy=name in app.lazy) for name in (*app.eager, *app.lazy)]
    head = HEAD[app.framework].format(eager=eager).replace("BROKER", str(BROKER))
    tail = TAIL.get(app.framework, "").replace("HANDLERS", ", ".join(app.handlers))
    files = {"app.py": "\n\n".join((head, *handlers, tail))}
    if app.framework == "django":
        routes = "".join(f"    path('{name}', {name}),\n" for name in app.handlers)
        views = ["from django.http import HttpResponse", "from django.urls import path", eager, "", *handlers]
        health = "def health(request):\n    return HttpResponse('1')\n"
        urls = "\n".join((*views, health, f"urlpatterns = [\n    path('health', health),\n{routes}]\n"))
        files = {"app.py": head, "settings.py": SETTINGS, "urls.py": urls}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


def handler(framework: str, name: str, *, is_lazy: bool) -> str:
    """Return a function that uses a library, and imports it unless the file has."""
    use = USES[name]
    load = indent(f"{use.load}\n", "    ") if is_lazy else ""
    return HANDLER[framework].format(name=f"use_{name}", load=load, call=use.call)


# Running


class Run(NamedTuple):
    """One way in which an app was started: what its processes take at each moment, and what was estimated, in bytes."""

    app: App
    command: str
    taken: tuple[int, ...]
    estimated: tuple[int, int]


def evict(folder: Path) -> None:
    """Put the files of an environment out of the page cache: what is left there from before counts for less."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def again(row: dict[str, Any], interpreter: Path, folder: Path) -> Run:
    """Estimate anew what was measured in an earlier run."""
    app = next(one for one in APPS if one.name == row["app"])
    write(app, folder)
    return Run(app, row["command"], tuple(row["taken"]), estimate(app, row["command"], interpreter, folder))


def run(app: App, command: str, interpreter: Path, folder: Path) -> Run:
    """Start an app, call its handlers, and read its processes at each moment."""
    write(app, folder)
    estimated = estimate(app, command, interpreter, folder)
    evict(interpreter.parent.parent / "lib")
    taken: list[int] = []
    with started(app, command, interpreter, folder) as (pid, call):
        call("health", 1)
        taken.append(read_together(pid))
        for before, until in itertools.pairwise((0, *CALLS)):
            for name in app.handlers:
                call(name, until - before)
            taken.append(read_together(pid))
    return Run(app, command, tuple(taken), estimated)


@contextmanager
def started(app: App, command: str, interpreter: Path, folder: Path) -> Iterator[tuple[int, Callable[[str, int], None]]]:
    """Start an app; yield its process id and what calls one of its handlers so many times."""
    port = free_port()
    name, *arguments = command.replace("$PORT", str(port)).split()
    words = [str(interpreter.parent / name), *arguments]
    url = f"http://127.0.0.1:{port}"
    if app.framework == "celery":
        with worker(words, interpreter, folder) as found:
            yield found
    elif app.framework in ("aiogram", "telegram"):
        with bot(words, folder) as found:
            yield found
    elif app.framework == "streamlit":
        with serve(words, folder, {}, f"{url}/_stcore/health") as pid:
            (folder / "visit.py").write_text(VISIT)
            visit = [str(interpreter), "visit.py", f"ws://127.0.0.1:{port}/_stcore/stream"]

            def show(name: str, count: int) -> None:
                if name in ("health", app.handlers[0]):  # the script calls all of them, and runs first for a visitor
                    longest = WAIT_SECONDS + 2 * count
                    subprocess.run(
                        [*visit, str(count)], cwd=folder, env=process_environment({}), check=True, timeout=longest
                    )

            yield pid, show
    else:
        with running(words, folder, {}) as pid, ThreadPoolExecutor(CLIENTS) as clients:
            wait(lambda: is_open(port))

            def ask(name: str, count: int) -> None:
                if name != "health":  # it is read before the first request
                    list(clients.map(fetch_again, [f"{url}/{name}"] * count))

            yield pid, ask


def fetch_again(url: str) -> bytes:
    """Read a page, once more where the worker ends meanwhile: uvicorn replaces one that is slow to answer its parent."""
    try:
        return fetch(url)
    except (ConnectionError, urllib.error.URLError):
        return fetch(url)


@contextmanager
def worker(words: Sequence[str], interpreter: Path, folder: Path) -> Iterator[tuple[int, Callable[[str, int], None]]]:
    """Start a worker of celery's; a task notes that it has run."""
    answers = folder / "answers"
    answers.touch()

    def send(name: str, count: int) -> None:
        wanted = answers.stat().st_size + count
        subprocess.run([str(interpreter), "-c", SEND, name, str(count)], cwd=folder, env=process_environment({}), check=True)
        wait_for(wanted, lambda: answers.stat().st_size)

    with broker(interpreter), running(words, folder, {}) as pid:
        yield pid, send


@contextmanager
def broker(interpreter: Path) -> Iterator[None]:
    """Run a server that stands for Redis: beside a broker of files celery has another pool than beside those in use."""
    process = subprocess.Popen([str(interpreter), "-c", SERVE_BROKER, str(BROKER)], stderr=subprocess.DEVNULL)
    try:
        wait(lambda: is_open(BROKER))
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def running(words: Sequence[str], folder: Path, variables: dict[str, str]) -> Iterator[int]:
    """Start a program that serves nothing, and end it."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, env=process_environment(variables), stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            stop(process)


def is_open(port: int) -> bool:
    """Return whether something listens on a port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait(is_done: Callable[[], bool]) -> None:
    """Wait until something is done."""
    wait_for(1, is_done)


def wait_for(wanted: int, done: Callable[[], int]) -> None:
    """Wait until so much is done: as long as it goes on, however slowly the machine works."""
    before, deadline = -1, 0.0
    while (now := done()) < wanted:
        if now > before:
            before, deadline = now, time.monotonic() + WAIT_SECONDS
        if time.monotonic() > deadline:
            raise TimeoutError(f"{now} of {wanted} done, and no more in {WAIT_SECONDS} s")
        time.sleep(0.2)


class Telegram(BaseHTTPRequestHandler):
    """Answers a bot: who it is, what it is told, and that its answers have arrived."""

    protocol_version = "HTTP/1.1"
    updates: list[dict[str, Any]]
    answers = 0

    def do_POST(self) -> None:
        """Answer one method of the API."""
        server: Any = self.server
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        method = self.path.rpartition("/")[2]
        user = {"id": 1, "is_bot": True, "first_name": "bot", "username": "bot"}
        found: Any = True
        if method == "getMe":
            found = user
        elif method == "getUpdates":
            time.sleep(0.05)
            found = server.take()
        elif method == "sendMessage":
            server.answers += 1
            found = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "from": user, "text": "1"}
        data = json.dumps({"ok": True, "result": found}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the base class
        """Say nothing."""


class BotApi(ThreadingHTTPServer):
    """The API that a bot talks to, with the messages that wait for it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Telegram)
        self.answers = 0
        self.waiting: deque[dict[str, Any]] = deque()  # its ends may be used by two threads at once
        self._number = itertools.count(1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a bot that has ended before its answer came."""

    def take(self) -> list[dict[str, Any]]:
        """Return up to 50 messages, each once."""
        return [self.waiting.popleft() for _ in range(min(50, len(self.waiting)))]

    def tell(self, command: str) -> None:
        """Leave a message for the bot."""
        number = next(self._number)
        person = {"id": 2, "is_bot": False, "first_name": "person"}
        entity = {"type": "bot_command", "offset": 0, "length": len(command) + 1}
        message = {"message_id": number, "date": 1, "chat": {"id": 1, "type": "private"}, "from": person,
                   "text": f"/{command}", "entities": [entity]}  # fmt: skip
        self.waiting.append({"update_id": number, "message": message})


@contextmanager
def bot(words: Sequence[str], folder: Path) -> Iterator[tuple[int, Callable[[str, int], None]]]:
    """Start a bot beside a server that stands for Telegram's."""
    api = BotApi()
    thread = threading.Thread(target=api.serve_forever, daemon=True)
    thread.start()

    def tell(name: str, count: int) -> None:
        wanted = api.answers + count
        for _ in range(count):
            api.tell(name)
        wait_for(wanted, lambda: api.answers)

    try:
        with running(words, folder, {"BOT_API": f"http://127.0.0.1:{api.server_port}"}) as pid:
            yield pid, tell
    finally:
        api.shutdown()


# Estimates


def estimate(app: App, command: str, interpreter: Path, code: Path) -> tuple[int, int]:
    """Return what memory-budget says of an app at start and serving, with the versions of its environment."""
    freeze = [str(interpreter), "-m", "pip", "freeze"]
    pins = subprocess.run(freeze, check=True, stdout=subprocess.PIPE, text=True).stdout
    kind = "worker" if app.framework in ("celery", "aiogram", "telegram") else "web"
    with tempfile.TemporaryDirectory() as folder:
        for path in code.glob("*.py"):
            shutil.copy(path, folder)
        (Path(folder) / "requirements.txt").write_text(pins, "utf-8")
        (Path(folder) / "Procfile").write_text(f"{kind}: {command}\n", "utf-8")
        (Path(folder) / ".python-version").write_text("3.11\n", "utf-8")
        tree = WorkTree(folder)
        (judged,) = assess(Project(tree, load(tree, None)[0]), None)
        tree.close()
    assert judged.now is not None, judged.reason
    return judged.now.estimate.start.expected, judged.now.estimate.serving.expected


def errors(one: Run) -> tuple[float, float]:
    """Return how far the estimates of an app are off, at start and after 50 calls."""
    return one.estimated[0] / one.taken[0] - 1, one.estimated[1] / one.taken[MOMENTS.index("50")] - 1


def render(runs: Sequence[Run]) -> list[str]:
    """Render the runs as a markdown table."""
    after = " | ".join(f"after {count}" for count in CALLS)
    lines = [
        f"| app | command | measured: start | {after} | estimated: start | serving | off: start | serving |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in runs:
        sizes = " | ".join(f"{size / MIB:.0f}" for size in (*one.taken, *one.estimated))
        off = " | ".join(f"{error:+.0%}" for error in errors(one))
        lines.append(f"| {one.app.name} ({one.app.framework}) | `{one.command}` | {sizes} | {off} |")
    return lines


def shares(runs: Sequence[Run]) -> list[str]:
    """Say how many estimates are within 10 and 20 %, of all apps and of those that nothing is fitted on."""
    names = [app.name for app in APPS]
    halves = {"all": runs, "apps not fitted on": [one for one in runs if names.index(one.app.name) % 2]}
    lines: list[str] = []
    for label, some in halves.items():
        for number, moment in enumerate(("start", "serving")):
            off = [abs(errors(one)[number]) for one in some]
            if off:
                within = ", ".join(f"{sum(one <= most for one in off)} within {most:.0%}" for most in (0.1, 0.2))
                lines.append(f"{label}, {moment}: of {len(off)} {within}; the worst {max(off):.0%}")
    return lines


def keep(runs: Sequence[Run], path: Path | None) -> None:
    """Write the figures of runs to a file, so that a later call need not run them."""
    rows = [{"app": one.app.name, "command": one.command, "taken": one.taken, "estimated": one.estimated} for one in runs]
    if path:
        path.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run all apps in all ways and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default="python3.11", help="interpreter of the apps")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep and reuse the environment")
    parser.add_argument("--only", action="append", metavar="NAME", help="of an app; can be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keeps what was measured, and is estimated anew")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        directory = (options.keep or Path(temporary)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        interpreter = install(directory / "moments-env", options.python, REQUIREMENTS)
        rows = json.loads(options.json.read_text("utf-8")) if options.json and options.json.exists() else []
        runs = [again(row, interpreter, directory / "moments-again") for row in rows]
        wanted = [app for app in APPS if not options.only or app.name in options.only]
        for app, command in [(one, command) for one in wanted for command in one.commands]:
            if not any((one.app, one.command) == (app, command) for one in runs):
                runs.append(run(app, command, interpreter, directory / "moments-app"))
                print(render(runs[-1:])[-1], flush=True)
                keep(runs, options.json)
    for lines in (render(runs), shares(runs)):
        print("\n".join(lines), end="\n\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
