"""What programs find by name: pages of streamlit, jobs of RQ, plugins of NoneBot, commands and classes of Django."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from folders import write_dedented
from work import at_most

from memguard_hooks.hooks import memory_budget

STREAMLIT = {
    "Procfile": "web: streamlit run app.py\n",
    "app.py": """
        import streamlit as st
        st.navigation([st.Page("more/chart.py"), st.Page(home)])
        def home(): ...
    """,
    "more/chart.py": "import nltk\n",
    "pages/1_📈 Chart.py": "import pandas\n",
    "pages/2_Chat.py": "def main():\n    import boto3\nif __name__ == '__main__':\n    main()\n",
    "pages/lib/rest.py": "import spacy\n",
}
RQ = {
    "Procfile": "worker: python worker.py\n",
    "worker.py": """
        from redis import Redis
        from rq import Queue, Worker
        if __name__ == "__main__":
            Worker([Queue("default", connection=Redis())]).work()
    """,
    "web.py": """
        from flask import Flask
        from rq import Queue
        import jobs
        from jobs import resize as small
        app = Flask(__name__)
        queue = Queue()
        @app.route("/")
        def index():
            queue.enqueue(jobs.crunch, 1)
            queue.enqueue("more.send", 1)
            queue.enqueue(small)
    """,
    "jobs.py": """
        def crunch(): import pandas
        def resize(): import nltk
        def rest(): import spacy
    """,
    "more.py": "def send(): import boto3\n",
}
NONEBOT = {
    "Procfile": "bot: python bot.py\n",
    "bot.py": """
        import nonebot
        nonebot.init()
        nonebot.load_plugins("src/plugins")
        nonebot.load_plugin("own.plots")
        nonebot.load_from_toml("pyproject.toml")
        nonebot.load_from_json("lost.json")
        if __name__ == "__main__":
            nonebot.run()
    """,
    "pyproject.toml": """
        [tool.nonebot]
        plugins = ["listed"]
        plugin_dirs = ["more", "../outside", 3]
    """,
    "src/plugins/echo/__init__.py": "import pandas\n",
    "own/plots.py": "import nltk\n",
    "listed.py": "import boto3\n",
    "more/chart.py": "import spacy\n",
    "more/_aside.py": "import torch\n",
}
DJANGO = {
    "manage.py": """
        import os, sys
        if __name__ == "__main__":
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
            from django.core.management import execute_from_command_line
            execute_from_command_line(sys.argv)
    """,
    "site_/wsgi.py": """
        import os
        from django.core.wsgi import get_wsgi_application
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
        application = get_wsgi_application()
    """,
    "site_/settings.py": """
        ROOT_URLCONF = "site_.urls"
        INSTALLED_APPS = ["shop"]
        MIDDLEWARE = ["shop.middleware.Stamp"]
        TEST_RUNNER = "shop.testing.Runner"
        REST_FRAMEWORK = {"DEFAULT_PERMISSION_CLASSES": ["shop.access.Allow", "rest_framework.permissions.IsAdminUser"]}
    """,
    "site_/urls.py": "from django.urls import path\nfrom shop import views\nurlpatterns = [path('', views.index)]\n",
    "shop/__init__.py": "",
    "shop/testing.py": "import spacy\n",
    "shop/access.py": "class Allow:\n    def has_permission(self, request, view):\n        import boto3\n",
    "shop/middleware.py": "class Stamp:\n    def __call__(self, request):\n        import nltk\n",
    "shop/views.py": "def index(request):\n    from shop.service import Maker\n    Maker().make()\n",
    "shop/service.py": "class Maker:\n    def make(self):\n        import pandas\n",
    "shop/management/__init__.py": "",
    "shop/management/commands/__init__.py": "",
    "shop/management/commands/crunch.py": """
        from django.core.management.base import BaseCommand
        class Command(BaseCommand):
            def handle(self, *args, **options):
                from shop.service import Maker
                Maker().make()
    """,
}
HEAVY = ("pandas", "nltk", "boto3", "spacy", "torch")
RQ_JOBS = {"pandas": "serving", "nltk": "serving", "boto3": "serving", "spacy": "all"}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param(STREAMLIT, {"pandas": "serving", "nltk": "serving", "boto3": "serving"}, id="pages"),
        pytest.param(RQ, RQ_JOBS, id="jobs"),
        pytest.param(NONEBOT, {"pandas": "start", "nltk": "start", "boto3": "start", "spacy": "start"}, id="plugins"),
        pytest.param(
            {
                "Procfile": "web: uvicorn app:app\n",
                "app.py": "import connexion\napp = connexion.AsyncApp(__name__, specification_dir='spec/')\n"
                "app.add_api('openapi.yaml')\n",
                "spec/openapi.yaml": "paths:\n  /a:\n    get:\n      operationId: handlers.get_a\n  /b:\n"
                "    get:\n      x-openapi-router-controller: more\n      operationId: get_b\n",
                "handlers.py": "import pandas\ndef get_a():\n    import nltk\n",
                "more.py": "import boto3\n",
            },
            {"pandas": "start", "nltk": "serving", "boto3": "start"},
            id="handlers of connexion",
        ),
        pytest.param(
            {
                "Procfile": "worker: taskiq worker broker:broker -fsd\n",
                "broker.py": "from taskiq import InMemoryBroker\nbroker = InMemoryBroker()\n",
                "tasks.py": "import pandas\n",
                "deep/er/tasks.py": "import nltk\n",
                "deep/er/mytasks.py": "import boto3\n",
            },
            {"pandas": "start", "nltk": "start"},
            id="tasks of taskiq",
        ),
        pytest.param(
            {
                "Procfile": "worker: taskiq worker broker:broker -fsd -tp 'deep/*_jobs.py'\n",
                "broker.py": "from taskiq import InMemoryBroker\nbroker = InMemoryBroker()\n",
                "tasks.py": "import pandas\n",
                "deep/mail_jobs.py": "import nltk\n",
            },
            {"nltk": "start"},
            id="tasks of taskiq by a pattern",
        ),
        pytest.param(
            {
                "Procfile": "worker: taskiq worker broker:broker -fsd -tp '*/a*/**/*.py'\n",
                "broker.py": "from taskiq import InMemoryBroker\nbroker = InMemoryBroker()\n",
                "deep/ab/mail_jobs.py": "import nltk\n",
            },
            {},
            id="tasks of taskiq by a pattern of folders",
        ),
        pytest.param(
            {
                **{path: text for path, text in NONEBOT.items() if path != "pyproject.toml"},
                "lost.json": '{"plugins": {"@local": ["listed"], "x": 3}, "plugin_dirs": "more"}',
            },
            {"pandas": "start", "nltk": "start", "boto3": "start"},
            id="plugins by groups",
        ),
        pytest.param(
            {**RQ, "Procfile": "web: gunicorn web:app\n"},
            {"pandas": "all", "nltk": "all", "spacy": "all"},
            id="who asks for jobs",
        ),
        pytest.param(
            {
                "Procfile": "web: gunicorn web:app\n",
                "web.py": "from flask import Flask\nfrom werkzeug.utils import import_string\napp = Flask(__name__)\n"
                "Backend = import_string('jobs.Fast')\n@app.route('/')\ndef index():\n    import_string('more:send')()\n",
                "jobs.py": "import pandas\nclass Fast:\n    def run(self): import spacy\n",
                "more.py": "def send(): import boto3\n",
            },
            {"pandas": "start", "boto3": "serving", "spacy": "all"},
            id="dotted strings",
        ),
        pytest.param(
            {**RQ, "Procfile": "worker: rq worker high\n"},
            RQ_JOBS,
            id="a worker of RQ that its own program starts",
        ),
        pytest.param(
            {
                **RQ,
                "Procfile": "worker: python run.py worker high\n",
                "run.py": "def main():\n    from rq.cli import main as work\n    work()\nmain()\n",
            },
            RQ_JOBS,
            id="a worker of RQ whose program code of the project calls",
        ),
        pytest.param(
            {**DJANGO, "Procfile": "web: gunicorn site_.wsgi\n"},
            {"pandas": "serving", "nltk": "serving", "boto3": "serving"},
            id="a server of Django",
        ),
        pytest.param(
            {**DJANGO, "Procfile": "web: python manage.py crunch\n"},
            {"pandas": "start", "nltk": "all", "boto3": "all"},
            id="a command of Django",
        ),
        pytest.param(
            {
                **DJANGO,
                "Procfile": "worker: celery -A site_ worker -c 1\n",
                "site_/__init__.py": "",
                "site_/celery.py": "import os\nfrom celery import Celery\n"
                "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\napp = Celery('site_')\n",
                "shop/views.py": "import pandas\ndef index(request):\n    import nltk\n",
            },
            {"pandas": "start", "nltk": "all", "boto3": "all"},
            id="a worker that runs the checks of Django",
        ),
        pytest.param(
            {
                "Procfile": "web: gunicorn site_.wsgi\n",
                "requirements.txt": "django\ndjango-split-settings\n",
                "site_/__init__.py": "",
                "site_/wsgi.py": "import os\nfrom django.core.wsgi import get_wsgi_application\n"
                "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\napplication = get_wsgi_application()\n",
                "site_/settings/__init__.py": """
                    from os import environ
                    from split_settings.tools import include, optional
                    include("parts/*.py", f"stages/{environ['STAGE']}.py", optional("local.py"))
                """,
                "site_/settings/parts/common.py": "INSTALLED_APPS = ['shop']\n",
                "site_/settings/parts/deep/other.py": "import spacy\n",
                "site_/settings/stages/production.py": "import boto3\n",
                "site_/settings/stages/tests.py": "import nltk\n",
                "site_/settings/stages/delivery_pre_prod.py": "import nltk\n",
                "shop/__init__.py": "",
                "shop/models.py": "import pandas\n",
            },
            {"pandas": "start", "boto3": "start"},
            id="settings of Django that are split",
        ),
        pytest.param(
            {
                "Procfile": "web: gunicorn site_.wsgi\n",
                "requirements.txt": "django\ndjango-split-settings\n",
                "site_/__init__.py": "",
                "site_/wsgi.py": "import os\nfrom django.core.wsgi import get_wsgi_application\n"
                "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\napplication = get_wsgi_application()\n",
                "site_/settings.py": "from split_settings.tools import include\ninclude('settings.dist.py')\n",
                "site_/settings.dist.py": "import boto3\nINSTALLED_APPS = ['shop']\nROOT_URLCONF = 'shop.urls'\n",
                "shop/__init__.py": "",
                "shop/models.py": "import pandas\n",
                "shop/urls.py": "import nltk\nurlpatterns = []\n",
            },
            {"pandas": "start", "boto3": "start", "nltk": "serving"},
            id="split settings that no import can name",
        ),
    ],
)
def test_what_a_program_finds_by_itself(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    found: dict[str, str],
) -> None:
    monkeypatch.chdir(write_dedented(tmp_path, files))
    memory_budget.main(["--format", "json"])
    (service,) = json.loads(capsys.readouterr().out)["services"]
    assert {part["package"]: part["moment"] for part in service["parts"] if part["package"] in HEAVY} == found


def test_a_worker_of_rq_is_not_judged_where_no_job_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "from rq.cli import main\nmain()\n"
    monkeypatch.chdir(write_dedented(tmp_path, {"Procfile": "worker: python run.py worker\n", "run.py": code}))
    memory_budget.main(["--format", "json"])
    (service,) = json.loads(capsys.readouterr().out)["services"]
    reason = "rq loads what the jobs of its queues name, and none is found here"
    assert (service["verdict"], service["reason"]) == ("unknown", reason)


def test_split_settings_beyond_a_bound_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    many = "".join(f"    'part{number}.py',\n" for number in range(21))
    files = {
        "Procfile": "web: gunicorn wsgi\n",
        "requirements.txt": "django-split-settings\n",
        "wsgi.py": "import os, django\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\ndjango.setup()\n",
        "settings.py": f"from split_settings.tools import include\ninclude(\n{many})\n",
        "part20.py": "import pandas\n",
    }
    monkeypatch.chdir(write_dedented(tmp_path, files))
    memory_budget.main([])
    told = "settings.py: skipped: includes more than 20 patterns, 4 stars or 500 files: not all are followed"
    assert capsys.readouterr().err.count(told) == 1


def test_pages_beyond_a_bound_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("memguard_hooks.app.found_by_name.MAX_EDGES", 1)
    write_dedented(tmp_path, STREAMLIT)
    monkeypatch.chdir(tmp_path)
    memory_budget.main([])
    told = "app.py: skipped: more than 1 pages, jobs or plugins belong to it: the others are not followed"
    assert capsys.readouterr().err.count(told) == 1


QUEUE = "from datetime import timedelta\nfrom rq import Queue as Q\nfrom light import small\nq = Q()\nq.enqueue(small)\n"


@pytest.mark.parametrize(("code", "found"), [
    ("q.enqueue_call(func='heavy.large')", True),
    ("q.enqueue_in(timedelta(1), 'heavy.large')", True),
    ("q.enqueue_at(None, 'heavy.large')", True),
    ("q.enqueue_many([Q.prepare_data('heavy.large', ())])", True),
    ("JOB = 'heavy.large'\nq.enqueue(JOB)", True),
    ("class Work:\n    path = 'heavy.large'\n    def go(self): q.enqueue(self.path)", None),
    ("def put(kind): q.enqueue(f'{kind}.{kind}')", None),
    ("def put(job): q.enqueue(job)", None),
    ("def put(small): q.enqueue(small)", None),
    ("def put(*given): q.enqueue(*given)", None),
    ("q.enqueue('elsewhere.job')", None),
    ("def put(name): q.enqueue(f'heavy.{name}')", True),
    ("def enqueue(job): return q.enqueue(job)\nenqueue(small)", False),
    ("def put():\n    from light import tiny\n    q.enqueue(tiny, 1)\n    q.enqueue(tiny, 2)", False),
    ("def put(): q.enqueue(small, 1)", False),
])  # fmt: skip
def test_a_worker_of_rq_takes_at_least_what_is_known_where_a_job_is_not(
    *, code: str, found: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "Procfile": "worker: rq worker\n",
        "light.py": "def small(): ...\ndef tiny(): ...\n",
        "heavy.py": "def large(): import pandas\n",
        "web.py": f"{QUEUE}{code}\n",
    }
    monkeypatch.chdir(write_dedented(tmp_path, files))
    memory_budget.main(["--format", "json"])
    shown = capsys.readouterr()
    (service,) = json.loads(shown.out)["services"]
    assert any(part["package"] == "pandas" for part in service["parts"]) is bool(found)
    told = "web.py:%d: skipped: a queue of RQ is given here what only a run tells: its workers load that, too"
    assert ("only a run tells" in shown.err) is (found is None)
    assert any(told % line in shown.err for line in range(6, 9)) is (found is None)
    assert (service["verdict"] == "unknown") is (found is None)


def test_the_jobs_of_a_project_are_found_once_for_all_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = "".join(f"def job{number}(): ...\nq.enqueue(job{number})\n" for number in range(400))
    workers = "".join(f"w{number}: rq worker q{number}\n" for number in range(40))
    files = {"Procfile": workers, "web.py": f"{QUEUE}{jobs}", "light.py": "def small(): ...\n"}
    monkeypatch.chdir(write_dedented(tmp_path, files))
    with at_most(560_000):  # and 670,000 where each worker asks all files again
        memory_budget.main([])


@pytest.mark.parametrize("more", [
    pytest.param(f"import a{'.a' * 20_000}\n", id="no file that may be parsed"),
    pytest.param(f"def put(job):\n    q.enqueue(job)\n    return [{'1, ' * 50_000}]\n", id="a function that is left out"),
])  # fmt: skip
def test_of_a_file_that_is_not_parsed_whole_not_all_jobs_are_known(
    more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name takes half a GiB where it is parsed."""
    files = {"Procfile": "worker: rq worker\n", "light.py": "def small(): ...\n", "more.py": f"{QUEUE}{more}"}
    monkeypatch.chdir(write_dedented(tmp_path, {**files, "web.py": QUEUE}))
    tracemalloc.start()
    try:
        memory_budget.main(["--format", "json"])
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    shown = capsys.readouterr()
    (service,) = json.loads(shown.out)["services"]
    assert service["verdict"] == "unknown"
    assert "more.py:1: skipped: a queue of RQ is given here what only a run tells" in shown.err
