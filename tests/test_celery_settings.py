"""How many processes a celery worker starts where its app says so: what is read agrees with celery's own configuration."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from memguard_hooks.deployment.command import Host, StartCommand, parse

CPUS = 7
"""What the machine is said to have."""

ASK = f"""
import json, multiprocessing, os, sys
os.cpu_count = multiprocessing.cpu_count = lambda: {CPUS}
import billiard, celery.platforms, celery.concurrency.prefork, celery.worker.worker, celery.apps.worker
from celery.apps.worker import Worker
for module in list(sys.modules.values()):
    if getattr(module, "cpu_count", None) is not None:
        module.cpu_count = lambda: {CPUS}
answers = []
clean = dict(os.environ)
for folder, variables in json.load(sys.stdin):
    source, sink = os.pipe()
    if os.fork() == 0:
        answer = None
        try:
            os.chdir(folder)
            sys.path.insert(0, folder)
            os.environ.update(variables)
            sys.stderr = open(os.devnull, "w")
            from celery.app.utils import find_app
            app = find_app("proj.celery:app")
            worker = Worker.__new__(Worker)
            worker.app = app
            worker.setup_defaults(pool=app.conf.worker_pool)
            answer = [worker.concurrency or {CPUS}, str(app.conf.worker_pool), worker.max_tasks_per_child]
        except BaseException as error:
            answer = repr(error)
        os.write(sink, json.dumps(answer).encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source, "rb") as stream:
        answers.append(json.load(stream))
    os.wait()
json.dump(answers, sys.stdout)
"""


class Case(NamedTuple):
    """One app: its files, and the variables of its worker."""

    files: Mapping[str, str]
    variables: Mapping[str, str]


APP = "import os\nfrom celery import Celery\n{before}app = Celery('proj'){after}\n"
DJANGO = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'proj.settings')\n"
READERS = (
    "{n}", "int(os.environ.get('CONC', '{n}'))", "int(os.getenv('CONC', {n}))", "{n} if DEBUG else {n} + 1",
    "int(os.environ.get('CONC') or {n})", "max({n}, 2)", "BASE + {n}",
)  # fmt: skip


def cases(count: int) -> list[Case]:
    """Return apps that say in many ways how many processes they want, and settings that say it another way."""
    pick = random.Random(20261128)  # noqa: S311 - the same cases each time
    found = []
    for _ in range(count):
        number = pick.choice([1, 2, 3, 4])
        value = pick.choice(READERS).format(n=number)
        files = {"proj/__init__.py": "", "proj/base.py": f"BASE = {pick.choice([1, 2])}\n"}
        head = "import os\nfrom proj.base import *\nDEBUG = False\n"
        way = pick.choice(["update", "set", "item", "django", "django", "module", "old", "class", "none", "both", "split"])
        more = pick.choice(["", "", "\napp.conf.worker_max_tasks_per_child = 9"])
        before, after = "", more
        if way in {"django", "split", "both"}:
            text = f"{head}SECRET_KEY = 'x'\nCELERY_WORKER_CONCURRENCY = {value}\n"
            text += pick.choice(["", "CELERY_WORKER_POOL = 'threads'\n", "CELERY_WORKER_MAX_TASKS_PER_CHILD = 5\n"])
            files["proj/settings.py"] = text
            if way == "split":
                files["proj/common.py"] = text
                files["proj/settings.py"] = "from proj.common import *\nSECRET_KEY = 'y'\n"
            before = DJANGO
            after = f"\napp.config_from_object('django.conf:settings', namespace='CELERY'){more}"
            if way == "both":
                after += "\napp.conf.worker_concurrency = 6"
        elif way in {"module", "old"}:
            name = "worker_concurrency" if way == "module" else "CELERYD_CONCURRENCY"
            files["proj/celeryconfig.py"] = f"{head}{name} = {value}\n"
            after = "\napp.config_from_object('proj.celeryconfig')" + (more if way == "module" else "")
        elif way == "class":
            before = f"from proj.base import *\nDEBUG = False\nclass Config:\n    worker_concurrency = {value}\n"
            after = f"\napp.config_from_object({pick.choice(['Config', 'Config()'])}){more}"
        elif way != "none":
            before = "from proj.base import *\nDEBUG = False\n"
            after = {
                "update": f"\napp.conf.update(task_track_started=True, worker_concurrency={value})",
                "set": f"\napp.conf.worker_concurrency = {value}",
                "item": f"\napp.conf['worker_concurrency'] = {value}",
            }[way] + more
        files["proj/celery.py"] = APP.format(before=before, after=after)
        found.append(Case(files, pick.choice([{}, {}, {"CONC": "5"}])))
    return found


def ask_celery(folder: Path, asked: list[Case]) -> list[list[object]]:
    """Return what the worker of each app starts: processes, pool, and tasks after which one ends."""
    names = []
    for number, case in enumerate(asked):
        for path, text in case.files.items():
            (folder / str(number) / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / str(number) / path).write_text(text, encoding="utf-8")
        names.append([str(folder / str(number)), case.variables])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK], input=json.dumps(names), capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def read(case: Case, command: str = "celery -A proj worker") -> StartCommand:
    files = {path: text.encode() for path, text in case.files.items()}
    return parse(command, Host(case.variables, files.get, cpus=CPUS, follows_code=True))


@pytest.mark.skipif(sys.platform == "win32", reason="each app is loaded in a fork")
def test_what_is_read_agrees_with_celery(tmp_path: Path) -> None:
    asked = cases(100)
    known = 0
    for case, theirs in zip(asked, ask_celery(tmp_path, asked), strict=True):
        assert isinstance(theirs, list), (case, theirs)
        concurrency, pool, recycled = theirs
        found = read(case)
        assert found.worker_class == str(pool), case
        assert (found.max_requests or None) == recycled, case
        if pool == "threads":
            assert (found.workers, found.threads) == (1, concurrency), case
        else:
            assert found.workers == concurrency, (case, found.reason)
        known += found.workers is not None
    assert known == 100


@pytest.mark.parametrize(
    ("settings", "variables", "workers", "is_cpu_count"),
    [
        ("import environ\nenv = environ.Env()\nCELERY_WORKER_CONCURRENCY = env.int('N', default=4)\n", {}, 4, False),
        ("import environ\nenv = environ.Env()\nCELERY_WORKER_CONCURRENCY = env.int('N', default=4)\n", {"N": "2"}, 2, False),
        ("from decouple import config\nCELERY_WORKER_CONCURRENCY = config('N', default=3, cast=int)\n", {}, 3, False),
        ("import os\nCELERY_WORKER_CONCURRENCY = os.cpu_count() * 2\n", {}, None, True),
        ("CELERY_WORKER_CONCURRENCY = choose()\n", {}, None, False),
        ("", {}, None, True),
    ],
)
def test_settings_of_django(settings: str, variables: dict[str, str], workers: int | None, is_cpu_count: bool) -> None:  # noqa: FBT001
    after = "\napp.config_from_object('django.conf:settings', namespace='CELERY')"
    files = {"proj/celery.py": APP.format(before=DJANGO, after=after), "proj/settings.py": settings}
    sources = {path: text.encode() for path, text in files.items()}
    found = parse("celery -A proj worker", Host(variables, sources.get, follows_code=True))
    assert (found.workers, found.is_cpu_count) == (workers, is_cpu_count)


def test_an_app_that_is_named_like_an_attribute() -> None:
    files = {"pkg/app.py": b"from celery import Celery\ncelery = Celery('x')\ncelery.conf.worker_concurrency = 3\n"}
    found = parse("celery -A pkg.app.celery worker", Host({}, files.get, follows_code=True))
    assert found.entrypoint is not None
    assert (found.entrypoint.module, found.entrypoint.attribute, found.workers) == ("pkg.app", "celery", 3)


def test_an_app_of_another_file() -> None:
    files = {
        "pkg/__init__.py": b"from .worker import app\n__all__ = ('app',)\n",
        "pkg/worker.py": b"from celery import Celery\napp = Celery('x')\napp.conf.update({'worker_concurrency': 3})\n",
    }
    assert parse("celery -A pkg worker", Host({}, files.get, follows_code=True)).workers == 3
    assert parse("celery -A pkg worker -c 2", Host({}, files.get, follows_code=True)).workers == 2
