"""Work at start: data, processes, network calls, initializers and clients, by what runs and when."""

from __future__ import annotations

import io
import json
import pickle
import sqlite3
import subprocess
import sys
import tracemalloc
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from folders import write
from work import LINEAR, at_most, growth

from memguard_hooks.app.pickled import modules_in
from memguard_hooks.catalog.lookup import distributions, is_provided
from memguard_hooks.commands import check
from memguard_hooks.hooks import memory_budget, no_eager_heavy_imports
from memguard_hooks.imports.frameworks import Framework, framework_edges
from memguard_hooks.startup.contents import CELL, CODECS, FRAME, FRAME_CELL, PAGES_KEPT, size_in_memory
from memguard_hooks.startup.table import companions, drivers, integrations, known_calls
from memguard_hooks.tree import WorkTree

Judge: TypeAlias = Callable[..., list[dict[str, Any]]]

MIB = 2**20
SOURCE = "from flask import Flask\napp = Flask(__name__)\n"
RECORDS = json.dumps([{"name": f"name {number}", "of": number * 1000, "at": number / 7} for number in range(40_000)])
"""3 MB that take more than 10 MiB."""


@pytest.fixture
def judge(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Return what judges a project of some files, and returns the findings on work at start."""

    def run(files: dict[str, str], command: str = "gunicorn main:app --workers 4") -> list[dict[str, Any]]:
        write(tmp_path, {"Procfile": f"web: {command}\n", "memguard.toml": 'limit = "2GiB"\n', **files})
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        assert no_eager_heavy_imports.main(["--format", "json"]) in (0, 1)
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
        return [one for one in found if one["code"].startswith("MG21")]

    return run


def parts(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[float, str]]:
    """Return the size in MiB and the moment of each part of the only service."""
    capsys.readouterr()
    assert memory_budget.main(["--format", "json"]) in (0, 1)
    (service,) = json.loads(capsys.readouterr().out)["services"]
    return {one["package"]: (one["mib"], one["moment"]) for one in service["parts"]}


def codes(found: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return the codes and lines of findings."""
    return [(one["code"], one["line"]) for one in found]


@pytest.mark.parametrize(
    "statement",
    [
        "DATA = json.load(open('data/x.json'))",
        "DATA = json.loads(open('data/x.json').read())",
        "DATA = json.loads((pathlib.Path(__file__).parent / 'data' / 'x.json').read_text())",
        "with open(os.path.join(os.path.dirname(__file__), 'data', 'x.json')) as file: DATA = json.load(file)",
        "HERE = os.path.dirname(os.path.abspath(__file__))\nDATA = json.load(open(f'{HERE}/data/x.json'))",
        "HERE = str(pathlib.Path(__file__).parent)\nDATA = json.load(open(HERE + '/data/x.json'))",
        "ROOT = pathlib.Path(__file__).resolve().parents[0]\nDATA = json.load(open('%s/data/x.json' % ROOT))",
        "def load(): return json.load(open('data/x.json'))\nDATA = load()",
        "from json import load as read\nDATA = read(open('data/x.json'))",
    ],
)
def test_a_file_is_priced_by_the_values_in_it(judge: Judge, capsys: pytest.CaptureFixture[str], statement: str) -> None:
    (found,) = judge({"main.py": f"import json, os, pathlib\n{SOURCE}{statement}\n", "data/x.json": RECORDS})
    assert (found["code"], found["severity"]) == ("MG211", "warning")
    assert "data/x.json is read into memory while the app loads" in found["message"]
    assert "in each of 4 processes" in found["message"]
    real = _real_size(json.loads(RECORDS)) / MIB
    assert found["mib"] == pytest.approx(real, rel=0.1)
    (size, moment) = next(value for name, value in parts(capsys).items() if name.startswith("data/x.json"))
    assert moment == "start"
    assert size == pytest.approx(real, rel=0.1)


def _real_size(value: Any) -> int:
    """Return what records take, each key once."""
    seen: set[int] = set()

    def size(one: Any) -> int:
        if id(one) in seen:
            return 0
        seen.add(id(one))
        own = (sys.getsizeof(one) + 15) // 16 * 16
        inner = [*one.keys(), *one.values()] if isinstance(one, dict) else one if isinstance(one, list) else ()
        return own + sum(map(size, inner))

    return size(value)


@pytest.mark.parametrize(
    "statement",
    [
        "def load():\n    return json.load(open('x.json'))",
        "if __name__ == '__main__':\n    DATA = json.load(open('x.json'))",
        "load = lambda: json.load(open('x.json'))",
        "DATA = json.load(open('small.json'))",
        "DATA = json.load(open('missing.json'))",
        "if False:\n    DATA = json.load(open('x.json'))",
    ],
)
def test_what_does_not_run_or_is_small_is_no_finding(judge: Judge, statement: str) -> None:
    files = {"main.py": f"import json\n{SOURCE}{statement}\n", "x.json": RECORDS, "small.json": "[1]"}
    assert judge(files) == []


def test_a_startup_handler_reads_for_the_budget_alone(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """The handler is where the fix wants it; it counts at start all the same."""
    source = (
        "import json, fastapi\napp = fastapi.FastAPI()\n@app.on_event('startup')\ndef load():\n"
        "    app.state.data = json.load(open('x.json'))\n"
    )
    assert judge({"main.py": source, "x.json": RECORDS}, "uvicorn main:app") == []
    assert parts(capsys)["x.json (json.load)"][1] == "start"


def test_a_cached_getter_counts_once_it_serves(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """A function that keeps what it returns holds it from the first request on, and one that does not holds nothing."""
    source = (
        f"import functools, json\n{SOURCE}@functools.cache\ndef data():\n    return json.load(open('x.json'))\n"
        "@app.get('/')\ndef index():\n    json.load(open('y.json'))\n    return data()\n"
    )
    assert judge({"main.py": source, "x.json": RECORDS, "y.json": RECORDS}) == []
    found = parts(capsys)
    assert found["x.json (json.load)"][1] == "serving"
    assert not any(name.startswith("y.json") for name in found)


def test_preloaded_workers_share_what_is_read(judge: Judge) -> None:
    files = {"main.py": f"import json\n{SOURCE}DATA = json.load(open('x.json'))\n", "x.json": RECORDS}
    assert judge(files, "gunicorn main:app --workers 4 --preload") == []


@pytest.mark.parametrize(
    "way", ["if not URL:\n        raise ValueError", "if URL:\n        pass\n    else:\n        return app"]
)
def test_a_factory_does_what_stands_behind_a_choice_with_imports(judge: Judge, way: str) -> None:
    """A choice in which something is imported is a body of its own, which runs as a part of what loads."""
    factory = f"def make():\n    {way}\n    read()\n    from late import late\n    return app"
    read = "def read():\n    requests.get('https://example.org/x')"
    source = f"import os, requests\n{SOURCE}URL = os.getenv('URL')\n{read}\n{factory}\n"
    found = judge({"main.py": source, "late.py": "late = 1\n"}, "gunicorn 'main:make()'")
    assert codes(found) == [("MG213", 6)]


def test_a_name_is_resolved_and_never_taken_by_its_end(judge: Judge) -> None:
    """`redis.pipeline().get` asks nothing at start, nor does a `get` of a dictionary, nor a function of the project."""
    source = (
        f"import redis, os\n{SOURCE}def run(): pass\npipe = redis.Redis().pipeline()\npipe.get('x')\n"
        "HOME = os.environ.get('HOME')\n{}.get('x')\nrun()\n"
    )
    assert judge({"main.py": source}) == []


def test_the_first_of_two_definitions_is_what_loading_calls(judge: Judge) -> None:
    """A later one of the same name is not there yet."""
    asks = "    return requests.get('https://example.com')\n"
    source = f"import requests\n{SOURCE}def ask():\n    return 1\nask()\ndef ask():\n{asks}"
    assert judge({"main.py": source}) == []
    source = f"import requests\n{SOURCE}def ask():\n{asks}ask()\ndef ask():\n    return 1\n"
    assert codes(judge({"main.py": source})) == [("MG213", 5)]
    twice = "class A:\n    def __init__(self):\n    {}    def __init__(self):\n    {}A()\n"
    assert judge({"main.py": f"import requests\n{SOURCE}{twice.format(asks, '    pass' + chr(10))}"}) == []
    source = f"import requests\n{SOURCE}{twice.format('    pass' + chr(10), asks)}"
    assert codes(judge({"main.py": source})) == [("MG213", 8)]
    getter = (
        f"class A:\n    @property\n    def x(self):\n    {asks}    @x.setter\n    def x(self, value): pass\na = A()\na.x\n"
    )
    assert codes(judge({"main.py": f"import requests\n{SOURCE}{getter}"})) == [("MG213", 7)]


def test_a_network_call_is_named_by_its_host(judge: Judge) -> None:
    source = f"import requests\n{SOURCE}RATES = requests.get('https://user:word@example.com:8080/x?token=1').json()\n"
    (found,) = judge({"main.py": source})
    assert codes([found]) == [("MG213", 4)]
    assert "waits for example.com while" in found["message"]


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("'postgresql://db/x'", ["MG213"]),
        ("'sqlite:///x.db'", []),
        ("os.environ['URL']", ["MG213"]),
        ("os.environ['URL'], connect_args={'check_same_thread': False}", []),
        ("yaml.safe_load(open('of_the_host.yaml')).get('url', 'sqlite:///x.db')", []),
    ],
)
def test_tables_are_created_in_each_worker(judge: Judge, engine: str, expected: list[str]) -> None:
    """What a file of SQLite is asked for goes over no network."""
    files = {
        "main.py": f"import models\nfrom base import engine\n{SOURCE}models.Base.metadata.create_all(bind=engine)\n",
        "base.py": f"import os, sqlalchemy, yaml\nengine = sqlalchemy.create_engine({engine})\n",
        "models.py": "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): pass\n",
    }
    assert [one["code"] for one in judge(files)] == expected


@pytest.mark.parametrize(("url", "expected"), [("postgresql://db/x", ["MG213"]), ("sqlite:///x.db", [])])
def test_migrations_of_a_file_go_over_no_network(judge: Judge, url: str, expected: list[str]) -> None:
    imports = "from alembic import command\nfrom alembic.config import Config\n"
    source = f"{imports}{SOURCE}command.upgrade(Config('a.ini'), 'head')\n"
    files = {"main.py": source, "a.ini": f"[alembic]\nscript_location = migrations\nsqlalchemy.url = {url}\n"}
    assert [one["code"] for one in judge(files)] == expected


def test_a_scheduler_in_each_worker_runs_each_job_as_often(judge: Judge) -> None:
    source = (
        "from apscheduler.schedulers.background import BackgroundScheduler\n"
        f"{SOURCE}scheduler = BackgroundScheduler()\nscheduler.start()\n"
    )
    (found,) = judge({"main.py": source})
    assert found["message"] == "APScheduler starts in each of 4 workers: each job runs 4 times"
    assert judge({"main.py": source}, "gunicorn main:app --workers 1") == []


def test_processes_count_with_their_own_memory(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    source = f"import multiprocessing\n{SOURCE}pool = multiprocessing.Pool(4)\n"
    assert codes(judge({"main.py": source})) == [("MG212", 4)]
    size, moment = parts(capsys)["multiprocessing.Pool"]
    assert moment == "start"
    assert size == pytest.approx(8.1, abs=0.1)


def test_a_program_may_start_what_it_is_started_for(judge: Judge) -> None:
    source = (
        "import requests, subprocess, sys\nsubprocess.run([sys.executable, 'x.py'])\nrequests.get('https://example.com')\n"
    )
    assert judge({"bot.py": source}, "python bot.py") == []
    assert codes(judge({"bot.py": "import helper\n", "helper.py": source}, "python bot.py")) == [("MG212", 2), ("MG213", 3)]
    calls = f"import os\ndef f():\n    return [{'os.getcwd(), ' * 1000}]\n" + "f()\n" * 150  # more than is followed
    assert judge({"bot.py": f"{calls}{source}"}, "python bot.py") == []


CLIENT = """import requests
from flask import Flask
app = Flask(__name__)


class Client:
    def __init__(self, url, token=None, email=None, password=None):
        self.url = url
        if token is not None:
            self.token = token
        elif email is not None and password is not None:
            self.login(email, password)

    def login(self, email, password):
        self.token = self.post("login", [email, password]).text

    def post(self, path, data):
        return requests.post(f"{self.url}/{path}", json=data)


def for_user(email, password):
    return Client("https://example.com", email=email, password=password)


client = Client("https://example.com", %s)
"""


@pytest.mark.parametrize(
    ("given", "expected"), [("token='x'", []), ("email='x', password='y'", [("MG213", 18)]), ("*app.keys", [("MG213", 18)])]
)
def test_a_branch_is_open_at_start_by_what_is_given_at_start(
    judge: Judge, given: str, expected: list[tuple[str, int]]
) -> None:
    """A request gives a password; what the start gives leads to another branch, three calls before the network."""
    assert codes(judge({"main.py": CLIENT % given})) == expected


def test_what_a_start_does_not_come_to_counts_later(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        f"import json, functools\n{SOURCE}@functools.cache\ndef load(name, is_whole=False):\n    if is_whole:\n"
        "        return json.load(open('data/x.json'))\nload('x')\n@app.get('/')\ndef whole():\n    return load('x', True)\n"
    )
    assert judge({"main.py": source, "data/x.json": RECORDS}) == []
    assert parts(capsys)["data/x.json (json.load)"][1] == "serving"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("try:\n    X = open('x').read()\nexcept OSError:\n    X = requests.get('https://example.com').text\n", []),
        (
            "def ask(): return requests.get('https://example.com').text\ntry:\n    X = 1\nexcept OSError:\n    X = ask()\n",
            [],
        ),
        ("try:\n    X = requests.get('https://example.com').text\nexcept OSError:\n    X = ''\n", [("MG213", 5)]),
        ("try:\n    nltk.data.find('x')\nexcept LookupError:\n    nltk.download('x')\n", [("MG213", 7)]),
    ],
    ids=["a handler", "called by a handler", "what is tried", "a download of what is missing"],
)
def test_what_only_an_error_leads_to_is_no_finding(judge: Judge, source: str, expected: list[tuple[str, int]]) -> None:
    assert codes(judge({"main.py": f"import requests, nltk\n{SOURCE}{source}"})) == expected


ASKS = """import requests
def client():
    try:
        return requests.get('https://example.com/a', timeout=5)
    except OSError:
        pass
    return requests.get('https://example.com/b', timeout=9)
"""


@pytest.mark.parametrize(
    ("command", "expected"),
    [("gunicorn main:app", [("MG213", 4)]), ("streamlit run main.py", [])],
    ids=["flask", "streamlit"],
)
def test_a_function_that_tries_again_is_one_cause(judge: Judge, command: str, expected: list[tuple[str, int]]) -> None:
    """The server of streamlit has started before a session calls it."""
    assert codes(judge({"main.py": f"import asks\n{SOURCE}asks.client()\n", "asks.py": ASKS}, command)) == expected


@pytest.mark.parametrize(
    ("head", "statement", "command", "fix"),
    [
        (SOURCE, "requests.get('https://example.com')", "gunicorn main:app", "ask in a function under @functools.cache"),
        (
            "from fastapi import FastAPI\napp = FastAPI()\n",
            "requests.get('https://example.com')",
            "uvicorn main:app",
            "ask in a lifespan handler, or in a function under @functools.cache",
        ),
        (SOURCE, "nltk.download('punkt')", "gunicorn main:app", "as by `python -m nltk.downloader punkt`"),
        (SOURCE, "multiprocessing.Manager()", "gunicorn main:app", "start it where the app starts, in `main()`, or"),
    ],
    ids=["flask", "fastapi", "nltk", "a process"],
)
def test_a_fix_names_what_the_app_has(judge: Judge, head: str, statement: str, command: str, fix: str) -> None:
    """Flask has no lifespan handler, and a download has no timeout that helps."""
    (found,) = judge({"main.py": f"import multiprocessing, nltk, requests\n{head}{statement}\n"}, command)
    assert fix in found["fix"]
    assert ("lifespan" in found["fix"]) == ("lifespan" in fix)


SENTRY = "import sentry_sdk\n{}sentry_sdk.init('https://key@example.com/1'{})\n"
INSTALLED = {"requirements.txt": "flask==3.1.0\nopenai==1.99.0\nsentry-sdk==2.75.0\n"}


def test_an_initializer_imports_what_is_installed(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing imports openai; with sentry, that is there from the start."""
    (found,) = judge({"main.py": SENTRY.format(SOURCE, ""), **INSTALLED})
    assert (found["code"], found["severity"]) == ("MG214", "warning")
    assert "imports what is installed: openai" in found["message"]
    assert parts(capsys)["openai"][1] == "start"
    assert judge({"main.py": SENTRY.format(SOURCE, ", auto_enabling_integrations=False"), **INSTALLED}) == []
    assert "openai" not in parts(capsys)


def test_an_initializer_brings_no_part_of_what_is_there(judge: Judge) -> None:
    """FastAPI has loaded Starlette, whichever module of it sentry imports."""
    source = "import fastapi\napp = fastapi.FastAPI()\n"
    requirements = f"fastapi==0.115.12\nstarlette==0.46.2\n{INSTALLED['requirements.txt']}"
    (found,) = judge({"main.py": SENTRY.format(source, ""), "requirements.txt": requirements}, "uvicorn main:app")
    assert "openai" in found["message"]
    assert "starlette" not in found["message"]


@pytest.mark.parametrize(("pin", "told"), [("==1.40.0", 0), ("==1.42.0", 1), ("==2.75.0", 1), ("", 1)])
def test_an_initializer_imports_what_its_own_version_knows(judge: Judge, pin: str, told: int) -> None:
    """`sentry_sdk` looks for openai by itself since 1.42."""
    files = {**INSTALLED, "requirements.txt": f"flask==3.1.0\nopenai==1.99.0\nsentry-sdk{pin}\n"}
    assert len(judge({"main.py": SENTRY.format(SOURCE, ""), **files})) == told


def test_an_initializer_does_not_import_what_an_engine_does(judge: Judge) -> None:
    """The driver of a database is there by `create_engine` alone."""
    engine = "from sqlalchemy import create_engine\ncreate_engine('mysql+mysqlconnector://x')\n"
    more = "sqlalchemy==2.0.40\nmysql-connector-python==9.5.0\n"
    files = {"requirements.txt": INSTALLED["requirements.txt"] + more}
    (found,) = judge({"main.py": f"{engine}{SENTRY.format(SOURCE, '')}", **files})
    assert "openai" in found["message"]
    assert "mysql" not in found["message"]


def test_an_initializer_imports_a_name_that_is_not_there_before_it_is_taken(
    judge: Judge, capsys: pytest.CaptureFixture[str]
) -> None:
    """`huggingface_hub` and `cohere` alone are light; what sentry takes from them is not."""
    installed = "flask==3.1.0\nhuggingface-hub==0.34.4\ncohere==7.3.1\nsentry-sdk==2.75.0\n"
    judge({"main.py": SENTRY.format(SOURCE, ""), "requirements.txt": installed})
    found = parts(capsys)
    assert found["cohere.client"][0] > 20
    assert found["huggingface_hub"][0] > 4


WORDNET = "WordNet (nltk.stem.WordNetLemmatizer.lemmatize)"
LEMMA_OF_A_REQUEST = """\
from nltk.stem import WordNetLemmatizer
word = WordNetLemmatizer()
@app.get("/")
def index():
    return word.lemmatize("dogs")
"""


@pytest.mark.parametrize(
    ("source", "part", "moment"),
    [
        ("from nltk.stem import WordNetLemmatizer\nX = WordNetLemmatizer().lemmatize('dogs')\n", WORDNET, "start"),
        (
            LEMMA_OF_A_REQUEST,
            WORDNET,
            "serving",
        ),
        (
            "from nltk.corpus import words as all_words\nX = set(all_words.words())\n",
            "the list of words of nltk (nltk.corpus.words.words)",
            "start",
        ),
        (
            "from nltk.tokenize import word_tokenize\nX = word_tokenize('It is here.')\n",
            "the tokenizer of nltk (nltk.tokenize.word_tokenize)",
            "start",
        ),
        ("import ddtrace\nddtrace.patch_all()\n", "ddtrace.patch_all", "start"),
    ],
    ids=["a lemma at start", "a lemma of a request", "words", "a tokenizer", "ddtrace"],
)
def test_corpora_and_agents_count_that_code_starts(
    judge: Judge, capsys: pytest.CaptureFixture[str], source: str, part: str, moment: str
) -> None:
    """WordNet is read whole as its first word is asked for."""
    judge({"main.py": SOURCE + source, "requirements.txt": "flask\ngunicorn\nnltk==3.9.1\nddtrace==4.16.0\n"})
    assert parts(capsys)[part][1] == moment


AGENTS = [
    pytest.param("ddtrace-run", "ddtrace==4.16.0", "ddtrace.auto", 25, id="datadog"),
    pytest.param("newrelic-admin run-program", "newrelic==14.1.0", "newrelic.agent", 5, id="newrelic"),
    pytest.param(
        "opentelemetry-instrument --service_name x", "opentelemetry-distro==0.66b2",
        "opentelemetry.instrumentation.auto_instrumentation", 15, id="opentelemetry",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("agent", "requirement", "module", "least"), AGENTS)
def test_an_agent_counts_in_each_process_that_a_start_command_puts_it_before(
    judge: Judge, capsys: pytest.CaptureFixture[str], agent: str, requirement: str, module: str, least: float
) -> None:
    files = {"main.py": SOURCE, "requirements.txt": f"flask==3.1.0\ngunicorn\n{requirement}\n"}
    judge(files, f"{agent} gunicorn main:app --workers 2")
    size, moment = parts(capsys)[module]
    assert size > least
    assert moment == "start"
    judge(files, "gunicorn main:app --workers 2")
    assert module not in parts(capsys)


def expected(capsys: pytest.CaptureFixture[str]) -> float:
    """Return the MiB that the only service is expected to take as it starts."""
    capsys.readouterr()
    assert memory_budget.main(["--format", "json"]) in (0, 1)
    (service,) = json.loads(capsys.readouterr().out)["services"]
    size: float = service["estimate_mib"]["expected"]
    return size


def test_what_stays_around_the_command_counts_once(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"main.py": SOURCE, "requirements.txt": "flask==3.1.0\ngunicorn\n"}
    taken = {}
    for command in ("gunicorn main:app --workers 2", "python main.py"):
        for wrapper in ("", "poetry run ", "uv run ", "pdm run ", "exec hatch run "):
            judge(files, f"{wrapper}{command}")
            taken[wrapper] = expected(capsys)
        more = {wrapper: round(size - taken[""]) for wrapper, size in taken.items()}
        assert more == {"": 0, "poetry run ": 0, "uv run ": 24, "pdm run ": 34, "exec hatch run ": 18}
    assert parts(capsys)["hatch run"] == (18.0, "start")


@pytest.mark.parametrize(("agent", "requirement", "module", "least"), AGENTS)
def test_an_agent_is_in_each_process_of_a_server_that_starts_them_anew(
    judge: Judge, capsys: pytest.CaptureFixture[str], agent: str, requirement: str, module: str, least: float
) -> None:
    """Two workers of uvicorn have a parent and a tracker beside them."""
    del module
    app = "import fastapi\napp = fastapi.FastAPI()\n"
    files = {"main.py": app, "requirements.txt": f"fastapi==0.115.0\nuvicorn\n{requirement}\n"}
    sizes: list[float] = []
    for before in (f"{agent} ", ""):
        for options in ("", " --workers 2"):
            judge(files, f"{before}uvicorn main:app{options}")
            sizes.append(expected(capsys))
    assert sizes[1] - sizes[3] > 2.2 * (sizes[0] - sizes[2]) > 2 * least


@pytest.mark.parametrize(("agent", "requirement", "module", "least"), AGENTS)
def test_forked_workers_share_what_an_agent_has_loaded(
    judge: Judge, capsys: pytest.CaptureFixture[str], agent: str, requirement: str, module: str, least: float
) -> None:
    """Each further worker copies some of it."""
    files = {"main.py": SOURCE, "requirements.txt": f"flask==3.1.0\ngunicorn\n{requirement}\n"}
    sizes: list[float] = []
    for before in (f"{agent} ", ""):
        for workers in (4, 2):
            judge(files, f"{before}gunicorn main:app --workers {workers}")
            sizes.append(expected(capsys))
    judge(files, f"{agent} gunicorn main:app")
    each = (sizes[0] - sizes[1] - sizes[2] + sizes[3]) / 2
    assert abs(each) < max(least, parts(capsys)[module][0]) * 0.55


def test_opentelemetry_imports_what_it_has_an_instrumentation_for(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    """An instrumentation that is not installed imports nothing."""
    requirements = "flask==3.1.0\nsqlalchemy\nredis\nopentelemetry-distro\nopentelemetry-instrumentation-redis\n"
    judge({"main.py": SOURCE, "requirements.txt": requirements}, "opentelemetry-instrument gunicorn main:app")
    found = parts(capsys)
    assert "redis" in found
    assert "sqlalchemy" not in found


@pytest.mark.parametrize(
    ("model", "loaded"),
    [
        ("'anthropic:claude-sonnet-4-5'", {"langchain_anthropic"}),
        ("os.environ['MODEL']", {"langchain_anthropic", "langchain_openai"}),
        ("'google_genai:gemini-3'", set()),  # it is not installed
    ],
)
def test_a_chat_model_loads_the_package_of_its_provider(
    judge: Judge, capsys: pytest.CaptureFixture[str], model: str, loaded: set[str]
) -> None:
    source = f"import os\nfrom langchain.chat_models import init_chat_model\n{SOURCE}llm = init_chat_model({model})\n"
    requirements = "langchain==1.0.3\nlangchain-openai==1.0.2\nlangchain-anthropic==1.0.1\n"
    judge({"main.py": source, "requirements.txt": requirements})
    assert parts(capsys).keys() & {"langchain_anthropic", "langchain_openai", "langchain_google_genai"} == loaded


@pytest.mark.parametrize("receiver", ["Application.builder()", "ApplicationBuilder()"])
def test_a_bot_takes_what_its_first_connection_does(judge: Judge, capsys: pytest.CaptureFixture[str], receiver: str) -> None:
    source = "from telegram.ext import Application, ApplicationBuilder\n\ndef main():\n"
    source += f"    app = {receiver}.token('1:x').concurrent_updates(True).build()\n    app.run_polling()\n\nmain()\n"
    judge({"bot.py": source}, "python bot.py")
    assert parts(capsys)["telegram.ext.build.run_polling"][0] == pytest.approx(6)


def test_an_initializer_that_undoes_a_deferral_is_an_error(judge: Judge) -> None:
    later = "@app.get('/')\ndef answer():\n    import openai\n    return openai.__version__\n"
    (found,) = judge({"main.py": SENTRY.format(SOURCE, "") + later, **INSTALLED})
    assert found["severity"] == "error"
    assert found["message"].endswith("the project defers openai, and that undoes it")


def test_what_a_later_file_imports_at_its_top_is_no_deferral(judge: Judge) -> None:
    """Views of Django are loaded with the first request, and import at their top: a warning, as nobody has deferred it."""
    later = "@app.get('/')\ndef answer():\n    import views\n    return views.openai.__version__\n"
    (found,) = judge({"main.py": SENTRY.format(SOURCE, "") + later, "views.py": "import openai\n", **INSTALLED})
    assert found["severity"] == "warning"


def test_a_client_is_priced_by_its_service_and_once(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    source = f"import boto3\n{SOURCE}s3 = boto3.client('s3')\nsqs = boto3.client('sqs')\n"
    assert codes(judge({"main.py": source})) == [("MG215", 4)]
    found = parts(capsys)
    assert found["s3 (boto3.client)"][0] == pytest.approx(14.0, abs=0.1)
    assert found["sqs (boto3.client)"][0] < 1


def test_a_comment_allows_it(judge: Judge) -> None:
    comment = "# memguard: allow[MG213] the rates are needed"
    source = f"import requests\n{SOURCE}R = requests.get('https://example.com')  {comment}\n"
    assert judge({"main.py": source}) == []


# Contents


def test_a_table_is_sized_by_its_rows() -> None:
    row = ["word", "12.5", "a longer text that is no number"]
    data = (",".join(row) + "\n").encode() * 1000
    texts = sum((sys.getsizeof(one) + 15) // 16 * 16 for one in row)
    assert size_in_memory("rows", len(data), data) == pytest.approx(1000 * (texts + 136), rel=0.1)
    assert size_in_memory("records", len(data), data) > size_in_memory("rows", len(data), data)


def test_a_frame_is_made_of_one_sheet() -> None:
    """One sheet of five was priced as the whole workbook each time."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as book:
        names = "".join(
            f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in ((1, "A &amp; B"), (2, "Small"))
        )
        book.writestr("xl/workbook.xml", f"<workbook><sheets>{names}</sheets></workbook>")
        ends = ((1, "worksheets/sheet2.xml"), (2, "/xl/worksheets/sheet1.xml"))
        relations = "".join(f'<Relationship Id="rId{n}" Type="t" Target="{target}"/>' for n, target in ends)
        book.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{relations}</Relationships>")
        book.writestr("xl/worksheets/sheet1.xml", "<c r='A1'><v>1</v></c>" * 100)
        book.writestr("xl/worksheets/sheet2.xml", "<c r='A1'><v>1</v></c>" * 1000)
    data = made.getvalue()
    whole, first, second, unknown = (
        size_in_memory("frame-sheet", len(data), data, sheet=one) - FRAME for one in (None, "A & B", 1, "")
    )
    assert (whole, first, second) == (1100 * FRAME_CELL, 1000 * FRAME_CELL, 100 * FRAME_CELL)
    assert unknown == first == size_in_memory("frame-sheet", len(data), data, sheet=0) - FRAME
    assert size_in_memory("sheet", len(data), data) == 1100 * CELL


def test_a_list_of_sheets_that_never_ends_is_looked_through_once() -> None:
    """7 KB of it took 23 seconds."""

    def workbook(size: int) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as book:
            book.writestr("xl/worksheets/sheet1.xml", "<c ></c>")
            book.writestr("xl/workbook.xml", '<sheet name="a" ' * size)
            book.writestr("xl/_rels/workbook.xml.rels", "<Relationship " * size)
        return made.getvalue()

    assert growth(lambda data: size_in_memory("frame-sheet", len(data), data, sheet=0), workbook, 250) < LINEAR


def test_decoding_a_text_of_three_bytes_a_letter_leaves_as_much_again() -> None:
    chinese, russian = "\u6587\u5b57" * 500, "\u0442\u0435" * 500
    assert size_in_memory("text", 3000, chinese.encode()) == 2 * 2 * len(chinese)
    assert size_in_memory("text", 2000, russian.encode()) == 2 * len(russian)


def test_the_first_picture_brings_the_codecs_of_opencv() -> None:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (400).to_bytes(4, "big") + (300).to_bytes(4, "big") + b"\x08\x02\0\0\0"
    assert size_in_memory("cv-image", 100, header) - size_in_memory("image", 100, header) == CODECS


def test_a_large_file_is_sized_by_a_sample() -> None:
    data = RECORDS.encode()
    whole = size_in_memory("json", len(data), data)
    assert size_in_memory("json", 100 * len(data), data[: 2**20]) == pytest.approx(100 * whole, rel=0.1)


@pytest.mark.parametrize(
    "form", ["rows", "records", "json", "yaml", "frame", "sheet", "frame-sheet", "image", "cv-image", "lines", "text"]
)
@pytest.mark.parametrize("data", [b"", b"\0\xff\x00", b"PK\x03\x04broken", b"[" * 10_000, b'"' * 999, b"\xff\xd8\xff\xc0\0"])
def test_no_contents_are_too_odd_to_be_sized(form: str, data: bytes) -> None:
    assert 0 <= size_in_memory(form, len(data), data) < 64 * MIB
    assert size_in_memory(form, 10, None) >= 0


def test_images_are_sized_by_their_pixels() -> None:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (400).to_bytes(4, "big") + (300).to_bytes(4, "big")
    assert size_in_memory("image", len(png), png) == 400 * 300 * 3


def test_the_tables_are_whole() -> None:
    kinds = {one.kind for one in known_calls().values()}
    assert kinds == {"data", "process", "scheduler", "network", "tables", "initializer", "client", "engine", "pool"}
    for one in known_calls().values():
        if one.kind == "initializer":
            assert integrations(one.how)
        if one.kind == "engine":
            assert any(driver.how == one.how for driver in drivers())


DJANGO = """
INSTALLED_APPS = ["django.contrib.contenttypes"]
{}
"""
BY_ENGINE = 'DATABASES = {{"default": {{"ENGINE": "django.db.backends.{}"}}}}'


@pytest.mark.parametrize(
    ("databases", "requirements", "loaded"),
    [
        (BY_ENGINE.format("postgresql"), "psycopg2-binary==2.9.10", {"psycopg2"}),
        (BY_ENGINE.format("postgresql"), "psycopg==3.2.9\npsycopg2==2.9.10", {"psycopg"}),  # Django asks for it first
        (BY_ENGINE.format("mysql"), "pymysql==1.1.1\npsycopg2-binary==2.9.10", {"pymysql"}),
        (BY_ENGINE.format("sqlite3"), "psycopg2-binary==2.9.10", set()),
        ('DATABASES = {"default": env.db()}', "psycopg2-binary==2.9.10", {"psycopg2"}),
        ('DATABASES = {}\nDATABASES["default"] = dj_database_url.config()', "psycopg2-binary==2.9.10", {"psycopg2"}),
        ('DATABASES = {"default": dj_database_url.config()}', "", set()),
    ],
)
def test_the_backend_of_a_database_loads_its_driver(
    judge: Judge, capsys: pytest.CaptureFixture[str], databases: str, requirements: str, loaded: set[str]
) -> None:
    wsgi = 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"\nimport django.core.wsgi\n'
    files = {
        "shop/wsgi.py": wsgi + "application = django.core.wsgi.get_wsgi_application()\n",
        "shop/settings.py": DJANGO.format(databases),
        "requirements.txt": f"django==5.2.1\n{requirements}\n",
    }
    judge(files, "gunicorn shop.wsgi")
    assert {name for name in parts(capsys) if name in ("psycopg", "psycopg2", "pymysql")} == loaded


@pytest.mark.parametrize(
    ("call", "loaded"),
    [
        ("engine = sqlalchemy.create_engine('postgresql://db/x')", {"psycopg2": "start"}),
        ("engine = sqlalchemy.create_engine('sqlite:///x.db')", {}),
        ("engine = sqlalchemy.create_engine(os.environ['DATABASE_URL'])", {"psycopg2": "start"}),
        ("engine = asyncio.create_async_engine('postgresql+asyncpg://db/x')", {"asyncpg": "start"}),
        ("engine = asyncio.create_async_engine(URL.create('postgresql+asyncpg'))", {"asyncpg": "start"}),
        ("def later():\n    return sqlalchemy.create_engine('postgresql://db/x')", {}),
    ],
)
def test_an_engine_loads_its_driver(
    judge: Judge, capsys: pytest.CaptureFixture[str], call: str, loaded: dict[str, str]
) -> None:
    head = "import os, sqlalchemy\nfrom sqlalchemy.ext import asyncio\nfrom sqlalchemy.engine import URL\n"
    required = "sqlalchemy==2.0.36\nasyncpg==0.30.0\npsycopg2==2.9.10\n"
    judge({"main.py": f"{head}{SOURCE}{call}\n", "requirements.txt": required})
    found = parts(capsys)
    assert {name: found[name][1] for name in ("asyncpg", "psycopg2") if name in found} == loaded


@pytest.mark.parametrize(
    ("settings", "is_counted"),
    [("shop/settings.py", True), ("shop/settings/production.py", True), ("shop/settings/elsewhere.py", False)],
)
def test_settings_that_nothing_names_are_those_of_a_usual_name(
    judge: Judge, capsys: pytest.CaptureFixture[str], settings: str, *, is_counted: bool
) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
        settings: 'INSTALLED_APPS = ["pandas"]\n',
        "requirements.txt": "django==5.2.1\n",
    }
    if "/settings/" in settings:
        files["shop/settings/__init__.py"] = ""
    judge(files, "gunicorn shop.wsgi")
    assert ("pandas" in parts(capsys)) is is_counted


def test_settings_that_the_deployment_names_need_no_code_that_does() -> None:
    data = b"from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n"
    (edge,) = framework_edges(data, Framework("shop.settings.live", usual_settings="shop.settings"))
    assert (edge.module, edge.line) == ("shop.settings.live", 3)
    assert framework_edges(data, Framework()) == ()


# What calls import


BROUGHT = "flask\ngunicorn\nlangchain==0.2.17\nlangchain-community\nchromadb\npymupdf\nopenpyxl\npandas\n"


def test_what_a_call_imports_counts_when_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {
        "Procfile": "web: gunicorn main:app\n",
        "requirements.txt": BROUGHT,
        "main.py": SOURCE + "from langchain_community.vectorstores import Chroma\n"
        "from langchain.document_loaders import PyMuPDFLoader, UnstructuredPDFLoader\nimport pandas as pd\n"
        "def build(texts): return Chroma.from_texts(texts)\nstore = build([])\n"
        "@app.route('/')\ndef index():\n  pd.read_excel('a.xlsx')\n  return PyMuPDFLoader('a.pdf').load()\n"
        "def nobody(): return UnstructuredPDFLoader('a.pdf')\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found = parts(capsys)
    assert {name: found[name][1] for name in ("chromadb", "fitz", "openpyxl")} == {
        "chromadb": "start", "fitz": "serving", "openpyxl": "serving",
    }  # fmt: skip
    assert not [name for name in found if name.startswith("unstructured")]
    (tmp_path / "requirements.txt").write_text("flask\ngunicorn\nlangchain==0.2.17\nlangchain-community\npandas\n")
    assert {"chromadb", "fitz", "openpyxl"}.isdisjoint(parts(capsys))


def test_what_a_call_of_a_branch_imports_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kind of a file that somebody sends decides; what a constant leaves out does not count."""
    write(tmp_path, {
        "Procfile": "web: gunicorn main:app\n",
        "requirements.txt": f"{BROUGHT}unstructured\n",
        "main.py": SOURCE + "from flask import request\nimport pandas as pd\nSTORE = 'none'\n"
        "from langchain_community.document_loaders import PyMuPDFLoader, UnstructuredMarkdownLoader\n"
        "from langchain_community.vectorstores import Chroma\n"
        "def load(kind):\n  if kind == 'pdf':\n    found = PyMuPDFLoader('a')\n  elif kind in ['xls', 'xlsx']:\n"
        "    found = pd.read_excel('a')\n  elif kind == 'md':\n    found = UnstructuredMarkdownLoader('a')\n"
        "  else:\n    found = None\n  if STORE == 'chroma':\n    Chroma.from_texts([found])\n  return found\n"
        "@app.route('/')\ndef index():\n  return load(request.args['kind'])\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found = parts(capsys)
    wanted = ("fitz", "openpyxl", "unstructured.partition.md")
    assert {name: found[name][1] for name in wanted if name in found} == dict.fromkeys(wanted, "serving")
    assert "chromadb" not in found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("st.title('x')\nst.write('hello')\n", set()),
        ("st.dataframe({'a': [1]})\n", {"streamlit.dataframe_util"}),
        ("with st.sidebar:\n    st.table({'a': [1]})\n", {"streamlit.dataframe_util"}),
        ("st.sidebar.line_chart([1])\n", {"streamlit.dataframe_util", "altair"}),
        ("def show():\n    st.bar_chart([1])\nif st.button('x'):\n    show()\n", {"streamlit.dataframe_util", "altair"}),
        ("place = st.empty()\nplace.dataframe({'a': [1]})\n", {"streamlit.dataframe_util"}),
        ("first, second = st.columns(2)\nfirst.metric('a', 1)\nsecond.table({'a': [1]})\n", {"streamlit.dataframe_util"}),
        ("first, _ = st.columns(2)\nfirst.metric('a', 1)\n", set()),
        ("a, b = st.tabs(['a', 'b'])\nwith a:\n    b.line_chart([1])\n", {"streamlit.dataframe_util", "altair"}),
        ("def main():\n    a, b = st.columns(2)\n    b.table([1])\nmain()\n", {"streamlit.dataframe_util"}),
        ("for one in st.columns(3):\n    one.line_chart([1])\n", {"streamlit.dataframe_util", "altair"}),
        ("every = st.columns(3)\nevery[0].table([1])\n", {"streamlit.dataframe_util"}),
        ("st.image('x.png')\n", {"PIL.Image"}),
    ],
)
def test_elements_of_streamlit_load_what_they_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str, found: set[str]
) -> None:
    """Only streamlit is declared: what it requires is there with it."""
    write(tmp_path, {
        "Procfile": "web: streamlit run app.py\n",
        "requirements.txt": "streamlit==1.67.0\n",
        "app.py": f"import streamlit as st\n{source}",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert {"streamlit.dataframe_util", "altair", "PIL.Image"} & parts(capsys).keys() == found


def test_what_an_element_loads_is_told_as_a_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the catalog calls to measure it is nobody's business: a person knows the import alone."""
    write(tmp_path, {
        "Procfile": "web: streamlit run app.py\n",
        "requirements.txt": "streamlit==1.67.0\npandas\n",
        "app.py": "import pandas\nimport streamlit as st\n\ndef show():\n    st.dataframe(pandas.DataFrame([1]))\nshow()\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    check.main(["--format", "json"])
    told = capsys.readouterr().out
    assert "app.py:5 loads streamlit.dataframe_util all the same" in told
    assert "convert_pandas_df_to_arrow_bytes" not in told


@pytest.mark.parametrize(
    ("declared", "source", "mib"),
    [
        ("matplotlib", "import matplotlib.pyplot as plt\ndef go(): return plt.rcParams\n", 0),
        ("matplotlib", "import matplotlib.pyplot as plt\ndef go():\n  fig, ax = plt.subplots()\n  ax.plot([1])\n", 15),
        ("matplotlib", "from matplotlib.figure import Figure\ndef go(): Figure().savefig('a.png')\n", 15),
        ("pandas\nmatplotlib", "import pandas as pd\ndef go(): pd.DataFrame([1]).plot()\n", 35),
        ("pandas\nopenpyxl", "import pandas as pd\ndef go(): pd.DataFrame([1]).to_excel('a.xlsx')\n", 6),
        ("pandas\nopenpyxl", "import pandas as pd\ndef go(): pd.DataFrame([1]).to_csv('a.csv')\n", 0),
        ("dash", "import plotly.graph_objects as go_\ndef go(): return go_.Figure()\n", 10),
        ("dash", "import plotly.graph_objects as go_\ndef go(): return 1\n", 0),
        ("plotly\npandas", "import plotly.express as px\ndef go(): return px.area([1])\n", 50),
        ("gradio", "import gradio as gr\ndef go(): gr.Blocks()\n", 5),
        ("python-docx", "from docx import Document\ndef go(): Document().save('a.docx')\n", 4),
    ],
)
def test_what_a_chart_or_a_sheet_takes_counts_when_a_handler_makes_one(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    declared: str,
    source: str,
    mib: int,
) -> None:
    """The package itself is there with what requires it: only dash is declared, which brings plotly."""
    write(tmp_path, {
        "Procfile": "web: gunicorn main:app\n",
        "requirements.txt": f"flask\ngunicorn\n{declared}\n",
        "main.py": f"{SOURCE}{source}@app.route('/')\ndef index():\n  go()\n  return ''\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert memory_budget.main(["--format", "json"]) in (0, 1)
    (service,) = json.loads(capsys.readouterr().out)["services"]
    added = service["estimate_mib"]["serving"]["expected"] - service["estimate_mib"]["expected"]
    assert 0.7 * mib <= added <= 2 * mib, service["parts"]


def test_modules_that_calls_import_are_measured() -> None:
    for names in companions().values():
        for name, modules in names.items():
            assert all(is_provided(module, distributions()) for module in modules), name


class _Fitted:
    """Stands in for a class of a library: a pickle holds the name of its module alone."""


def pickled(module: str, protocol: int, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return a pickle of an object of a class of a module."""
    names = module.split(".")
    for length in range(1, len(names) + 1):
        made = types.ModuleType(".".join(names[:length]))
        made.__dict__.update(__path__=[], _Fitted=_Fitted)
        monkeypatch.setitem(sys.modules, made.__name__, made)
    monkeypatch.setattr(_Fitted, "__module__", module)
    return pickle.dumps({"model": _Fitted(), "x" * 97: 1}, protocol)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("load", ["joblib.load('m.bin')", "pickle.load(open('m.bin', 'rb'))"])
def test_what_a_pickle_names_is_imported(
    load: str, protocol: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {
        "Procfile": "web: gunicorn main:app\n",
        "requirements.txt": "flask\ngunicorn\njoblib\nscikit-learn\nxgboost\n",
        "main.py": f"{SOURCE}import joblib, pickle\nmodel = {load}\n",
    })  # fmt: skip
    (tmp_path / "m.bin").write_bytes(pickled("sklearn.linear_model._base", protocol, monkeypatch))
    monkeypatch.chdir(tmp_path)
    found = parts(capsys)
    assert found["sklearn.linear_model"][1] == "start"
    assert "xgboost" not in found


@pytest.mark.parametrize(("load", "is_model"), [
    pytest.param("joblib.load('a.bin')", True, id="joblib"),
    pytest.param("joblib.load(name)", True, id="joblib, of any name"),
    pytest.param("pickle.load(open('classifier.pkl', 'rb'))", True, id="a name like that of a model"),
    pytest.param("pickle.load(open('cache.pkl', 'rb'))", False, id="a cache"),
    pytest.param("pickle.load(open('packed.pkl', 'rb'))", False, id="another file that is there"),
])  # fmt: skip
def test_a_pickle_that_is_not_there_may_be_a_model(
    load: str, is_model: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch  # noqa: FBT001
) -> None:  # fmt: skip
    write(tmp_path, {
        "Procfile": "web: gunicorn main:app\n",
        "requirements.txt": "flask\ngunicorn\njoblib\nscikit-learn\n",
        "packed.pkl": "none",
        "main.py": f"{SOURCE}import joblib, pickle, sys\nname = sys.argv[1]\nmodel = {load}\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert ("sklearn" in parts(capsys)) is is_model


def test_a_pickle_of_names_alone_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"sklearn.a\n" * 2**20)
    tree = WorkTree(str(tmp_path))
    tree.read("a.pkl")
    tracemalloc.start()
    try:
        assert modules_in(tree, {"a.pkl": "a.pkl"}, {"scikit-learn"}, is_of_models=True) == ("sklearn.a",)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


# Browsers


@pytest.mark.parametrize(("source", "call"), [
    pytest.param("from playwright.async_api import async_playwright\n"
                 "async def shot(update, context):\n  async with async_playwright() as p: await p.chromium.launch()\n",
                 "playwright.async_api.async_playwright", id="playwright"),
    pytest.param("from selenium import webdriver\n"
                 "async def shot(update, context):\n  webdriver.Chrome().get('https://example.org')\n",
                 "selenium.webdriver.Chrome", id="selenium"),
    pytest.param("from selenium import webdriver\n"
                 "class Browser(webdriver.Chrome):\n  def __init__(self):\n    super().__init__(options=None)\n"
                 "async def shot(update, context):\n  Browser().get('https://example.org')\n",
                 "selenium.webdriver.Chrome", id="a class of the project's own"),
])  # fmt: skip
def test_a_browser_counts_while_a_handler_has_it(
    source: str, call: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {
        "Procfile": "worker: python main.py\n",
        "requirements.txt": "python-telegram-bot\nplaywright\nselenium\n",
        "main.py": f"from telegram.ext import Application, CommandHandler\n{source}"
        "app = Application.builder().token('x').build()\napp.add_handler(CommandHandler('shot', shot))\napp.run_polling()\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    size, moment = parts(capsys)[call]
    assert moment == "serving"
    assert size > 300


ONE = "webdriver.Chrome(1)"


@pytest.mark.parametrize(("body", "browsers"), [
    pytest.param(f"  if os.getenv('D'):\n    return {ONE}\n  return webdriver.Chrome()\n", 1, id="returns"),
    pytest.param(f"  if os.getenv('D'):\n    b = {ONE}\n  else:\n    b = webdriver.Chrome()\n  return b\n", 1, id="else"),
    pytest.param(f"  try:\n    b = {ONE}\n  except OSError:\n    b = webdriver.Chrome()\n  return b\n", 1, id="handler"),
    pytest.param(f"  a = {ONE}\n  b = webdriver.Chrome()\n  return a, b\n", 2, id="both"),
    pytest.param(f"  if os.getenv('D'):\n    a = {ONE}\n  return webdriver.Chrome()\n", 2, id="one more"),
])  # fmt: skip
def test_a_browser_that_starts_instead_of_another_is_no_second(
    body: str, browsers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {
        "Procfile": "web: gunicorn main:app\n",
        "requirements.txt": "flask\ngunicorn\nselenium\n",
        "main.py": f"import os\nfrom flask import Flask\nfrom selenium import webdriver\napp = Flask('a')\n"
        f"def made():\n{body}\n@app.get('/')\ndef shot():\n  return made().title\n",
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    memory_budget.main(["--format", "json"])
    (service,) = json.loads(capsys.readouterr().out)["services"]
    assert sum(one["package"] == "selenium.webdriver.Chrome" for one in service["parts"]) == browsers


def test_many_browsers_are_linear_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browsers = "  webdriver.Chrome()\n" * 500
    write(tmp_path, {"Procfile": "web: python main.py\n", "requirements.txt": "selenium\n"})
    write(tmp_path, {"main.py": f"from selenium import webdriver\n\n\ndef work():\n{browsers}\n\nwork()\n"})
    monkeypatch.chdir(tmp_path)
    with at_most(2_000_000):  # and 25 million where each is compared with all before it
        assert memory_budget.main(["--format", "json"]) == 0


@pytest.mark.parametrize(
    ("call", "command", "driver", "expected"),
    [
        (
            "create_engine(URL, pool_size=15, max_overflow=30)",
            "gunicorn main:app --workers 4 --threads 50",
            "psycopg2-binary",
            180,
        ),
        ("create_engine(URL, pool_size=15, max_overflow=30)", "gunicorn main:app --workers 4", "psycopg2-binary", 0),
        (
            "create_engine('postgresql://u:p@pgbouncer/x', pool_size=15, max_overflow=30)",
            "gunicorn main:app --workers 4 --threads 50",
            "psycopg2-binary",
            0,
        ),
        (
            "create_engine(URL, pool_size=15, max_overflow=30)",
            "gunicorn main:app -w 4 --threads 50 --preload",
            "psycopg2-binary",
            180,
        ),
        ("create_engine(URL, pool_size=20)", "gunicorn main:app --workers 6 --threads 50", "pymysql", 180),
        ("create_engine(URL, pool_size=20)", "gunicorn main:app --workers 5 --threads 50", "pymysql", 0),
        ("create_engine(URL, pool_size=20)", "gunicorn main:app --workers 6 --threads 25", "pymysql", 0),
        ("create_engine(URL, pool_size=15, max_overflow=30)", "gunicorn main:app --workers 2", "psycopg2-binary", 0),
        ("create_engine(URL)", "gunicorn main:app --workers 9", "psycopg2-binary", 0),
        ("create_engine(URL, max_overflow=-1)", "gunicorn main:app --workers 9", "psycopg2-binary", 0),
        ("create_engine(URL, pool_size=90)", "gunicorn main:app --workers 9 --threads 99", "oracledb", 0),
    ],
)
def test_pools_of_all_workers_are_counted(judge: Judge, call: str, command: str, driver: str, expected: int) -> None:
    """More connections than the database takes are told, where the code says how many each worker opens."""
    source = f"import os, sqlalchemy\n{SOURCE}URL = os.environ['URL']\nengine = sqlalchemy.{call}\n"
    found = judge({"main.py": source, "requirements.txt": f"sqlalchemy==2.0.43\n{driver}\n"}, command)
    assert codes(found) == ([("MG215", 5)] if expected else [])
    assert all(f"may open {expected} connections" in one["message"] for one in found)


POOLED = {
    "asyncpg": """import asyncpg
from contextlib import asynccontextmanager
from fastapi import FastAPI
@asynccontextmanager
async def lifespan(app):
    app.state.pool = await asyncpg.create_pool("postgres://db", min_size=5, max_size=30)
    yield
app = FastAPI(lifespan=lifespan)
""",
    "psycopg": "import psycopg_pool\nfrom fastapi import FastAPI\napp = FastAPI()\npool = psycopg_pool.ConnectionPool('')\n",
    "psycopg2": "from psycopg2.pool import ThreadedConnectionPool\nfrom fastapi import FastAPI\napp = FastAPI()\n"
    "pool = ThreadedConnectionPool(1, 30, 'postgres://db')\n",
    "sqlalchemy": "from sqlalchemy import create_engine\nfrom fastapi import FastAPI\napp = FastAPI()\n"
    "engine = create_engine('postgresql+psycopg2://db')\n",
    "flask": "from flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\napp = Flask(__name__)\n"
    "app.config['SQLALCHEMY_DATABASE_URI'] = 'postgresql+psycopg2://db'\ndb = SQLAlchemy(app)\n",
    "flask, told": "from flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\napp = Flask(__name__)\n"
    "app.config['SQLALCHEMY_ENGINE_OPTIONS'] = {'pool_size': 2, 'max_overflow': 0}\ndb = SQLAlchemy(app)\n",
    "named": "from sqlalchemy import create_engine\nfrom fastapi import FastAPI\napp = FastAPI()\nSIZE = 20\n"
    "engine = create_engine('postgresql+psycopg2://db', pool_size=SIZE)\n",
    "no pool": "from sqlalchemy import create_engine\nfrom sqlalchemy.pool import NullPool\nfrom fastapi import FastAPI\n"
    "app = FastAPI()\nengine = create_engine('postgresql+psycopg2://db', poolclass=NullPool)\n",
    "options": "import os\nfrom sqlalchemy import create_engine\nfrom fastapi import FastAPI\napp = FastAPI()\n"
    "engine = create_engine('postgresql+psycopg2://db', **dict(os.environ))\n",
}
HEROKU = json.dumps({"addons": [{"plan": "heroku-postgresql:essential-0"}, "heroku-redis:mini"]})
BLUEPRINT = """databases:
- {{name: db, plan: {plan}}}
services:
- type: web
  name: web
  runtime: python
  numInstances: 2
  startCommand: uvicorn main:app --workers 2
  envVars:
  - key: URL
    fromDatabase: {{name: db, property: connectionString}}
"""
COMPOSE = """services:
  web:
    build: .
    command: uvicorn main:app --workers 4
  db:
    image: postgres
    command: postgres -c max_connections={}
"""
BUILT = {
    "compose.yaml": COMPOSE.replace("image: postgres\n    command: postgres -c max_connections={}", "build: ./db"),
    "Dockerfile": "FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\n",
}
MOUNTED = COMPOSE.replace("command: postgres -c max_connections={}", "volumes: ['./p.conf:/etc/postgresql/postgresql.conf']")
IMAGE = "FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\n"


@pytest.mark.parametrize(("driver", "files", "command", "expected"), [
    pytest.param("asyncpg", {}, "uvicorn main:app --workers 4", "120 connections, 30 in each of 4", id="in a lifespan"),
    pytest.param("asyncpg", {}, "uvicorn main:app --workers 3", "", id="enough"),
    pytest.param("psycopg", {}, "uvicorn main:app --workers 8", "", id="nobody says"),
    pytest.param("psycopg", {"app.json": HEROKU}, "uvicorn main:app --workers 8", "32 connections, 4", id="a plan says"),
    pytest.param("psycopg", {"app.json": HEROKU}, "uvicorn main:app --workers 5", "", id="the plan is enough"),
    pytest.param("psycopg2", {}, "uvicorn main:app --workers 4", "120 connections, 30", id="psycopg2"),
    pytest.param("sqlalchemy", {"app.json": HEROKU}, "uvicorn main:app --workers 2", "30 connections, 15", id="by itself"),
    pytest.param("sqlalchemy", {"app.json": HEROKU}, "gunicorn main:app --workers 2", "", id="one request at a time"),
    pytest.param("flask", {"app.json": HEROKU}, "gunicorn main:app -w 3 --threads 8", "24 connections, 8", id="threads"),
    pytest.param("flask, told", {"app.json": HEROKU}, "gunicorn main:app -w 3 --threads 8", "", id="settings say"),
    pytest.param("named", {}, "uvicorn main:app --workers 4", "120 connections, 30", id="by a name"),
    pytest.param("no pool", {"app.json": HEROKU}, "uvicorn main:app --workers 4", "", id="no pool"),
    pytest.param("options", {"app.json": HEROKU}, "uvicorn main:app --workers 4", "", id="nobody can know"),
    pytest.param("asyncpg", {"render.yaml": BLUEPRINT.format(plan="basic-1gb")}, "", "120 connections", id="blueprint"),
    pytest.param("asyncpg", {"compose.yaml": COMPOSE.format(60), "Dockerfile": IMAGE}, "", "takes 60", id="few are told"),
    pytest.param("asyncpg", {"compose.yaml": COMPOSE.format(300), "Dockerfile": IMAGE}, "", "", id="more are told"),
    pytest.param("asyncpg", {"compose.yaml": COMPOSE.format("60 # or max_connections=900"), "Dockerfile": IMAGE}, "",
                 "takes 60 on db of compose.yaml:7", id="a comment tells nothing"),
    pytest.param("asyncpg", {"compose.yaml": COMPOSE.replace("image: postgres", "image: acme/cache").format(60),
                             "Dockerfile": IMAGE}, "", "takes 100 unless", id="another program is told"),
    pytest.param("asyncpg", {"compose.yaml": COMPOSE.replace("postgres -c max_connections={}", "[postgres, -N, '60']"),
                             "Dockerfile": IMAGE}, "", "takes 60", id="a short option"),
    pytest.param("asyncpg", {"compose.yaml": COMPOSE.replace("image: postgres", "image: mariadb").format(9),
                             "Dockerfile": IMAGE}, "", "takes 100 unless", id="another database is told"),
    pytest.param("asyncpg", {**BUILT, "db/Dockerfile": "FROM postgres:17\nRUN echo max_connections=400 >> /etc/p.conf\n"},
                 "", "", id="its own image is told"),
    pytest.param("asyncpg", {**BUILT, "db/Dockerfile": "FROM postgres:17\nCOPY p.conf /etc/postgresql/p.conf\n",
                             "db/p.conf": "max_connections = 110\n"}, "", "takes 110 on db of db/p.conf", id="a file in it"),
    pytest.param("asyncpg", {**BUILT, "db/Dockerfile": "FROM postgres:17\nCOPY conf.d /etc/postgresql/conf.d\n",
                             "db/conf.d/x.conf": "max_connections = 400\n"}, "", "", id="a folder in it"),
    pytest.param("asyncpg", {**BUILT, "db/Dockerfile": "FROM postgres:17\n# max_connections=400\n"}, "",
                 "takes 100 unless", id="a comment of its image"),
    pytest.param("asyncpg", {**BUILT, "db/Dockerfile": "FROM redis:8\nRUN echo max_connections=400\n"}, "",
                 "takes 100 unless", id="the image of another program"),
    pytest.param("asyncpg", {"compose.yaml": MOUNTED, "Dockerfile": IMAGE, "p.conf": "max_connections = 90 # few\n"}, "",
                 "takes 90 on db of p.conf", id="a file is mounted"),
])  # fmt: skip
def test_pools_are_held_against_the_database_that_is_declared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    driver: str, files: dict[str, str], command: str, expected: str,
) -> None:  # fmt: skip
    """A plan or a setting beside the service counts, also against what a library opens unless it is told."""
    start = {"Procfile": f"web: {command}\n"} if command else {}
    requirements = "fastapi\nuvicorn\ngunicorn\nasyncpg\npsycopg-pool\npsycopg2-binary\nflask-sqlalchemy\n"
    write(tmp_path, {"main.py": POOLED[driver], "requirements.txt": requirements, **start, **files})
    monkeypatch.chdir(tmp_path)
    no_eager_heavy_imports.main(["--format", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    messages = [one["message"] for one in found if one["code"] == "MG215"]
    assert len(messages) == bool(expected)
    assert all(expected in message for message in messages)


DJANGO_SETTINGS = """import os
import dj_database_url
DATABASES = {{"default": {}}}
INSTALLED_APPS = []
"""
BACKEND = '{{"ENGINE": "django.db.backends.{}", "NAME": "x"{}}}'.format
DJANGO_POOL = ', "OPTIONS": {"pool": %s}'


@pytest.mark.parametrize(
    ("database", "plan", "command", "expected"),
    [
        (BACKEND("postgresql", DJANGO_POOL % '{"min_size": 2, "max_size": 16}'), "", "-w 8", "128 connections, 16 in each"),
        (BACKEND("postgresql", DJANGO_POOL % '{"max_size": 12}'), "", "-w 8", ""),
        (BACKEND("postgresql", DJANGO_POOL % "True"), HEROKU, "-w 8", "32 connections, 4 in each of 8"),
        (BACKEND("postgresql", DJANGO_POOL % "False"), HEROKU, "-w 8", ""),
        (BACKEND("postgresql", ""), HEROKU, "-w 6 --threads 4", "24 connections, 4 in each of 6"),
        (BACKEND("postgresql", ""), "", "-w 60 --threads 4", ""),
        (BACKEND("sqlite3", ""), HEROKU, "-w 60", ""),
        ("dj_database_url.config(conn_max_age=600)", HEROKU, "-w 6 --threads 4", "24 connections, 4 in each of 6"),
        ("dj_database_url.config(conn_max_age=600)", HEROKU, "-k uvicorn.workers.UvicornWorker -w 60", ""),
    ],
)
def test_connections_of_django_are_held_against_the_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    database: str, plan: str, command: str, expected: str,
) -> None:  # fmt: skip
    """A pool that the settings ask for counts whole, and without one a connection of each thread that serves."""
    wsgi = "import os\nfrom django.core.wsgi import get_wsgi_application\n"
    wsgi += "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\napplication = get_wsgi_application()\n"
    write(tmp_path, {
        "shop/__init__.py": "", "shop/settings.py": DJANGO_SETTINGS.format(database), "shop/wsgi.py": wsgi,
        "requirements.txt": "django\ngunicorn\npsycopg[pool]\n", "Procfile": f"web: gunicorn shop.wsgi {command}\n",
        **({"app.json": plan} if plan else {}),
    })  # fmt: skip
    monkeypatch.chdir(tmp_path)
    no_eager_heavy_imports.main(["--format", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    messages = [
        one["message"] for one in found if (one["code"], one["path"], one["line"]) == ("MG215", "shop/settings.py", 3)
    ]
    assert len(messages) == bool(expected)
    assert all(expected in message for message in messages)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("app.config['SQLALCHEMY_DATABASE_URI'] = 'sqlite:///notes.db'", []),
        ("app.config.from_object('config.Config')", []),
        ("app.config['SQLALCHEMY_DATABASE_URI'] = 'postgresql://db/notes'", [("MG213", 6)]),
        ("app.config['SQLALCHEMY_DATABASE_URI'] = os.environ['DATABASE_URL']", [("MG213", 6)]),
    ],
)
def test_tables_of_a_file_need_no_network(judge: Judge, setting: str, expected: list[tuple[str, int]]) -> None:
    """SQLite is a file, wherever the settings of the app name it."""
    source = f"import os, flask_sqlalchemy\n{SOURCE}{setting}\ndb = flask_sqlalchemy.SQLAlchemy(app)\ndb.create_all()\n"
    files = {"main.py": source, "config.py": "class Config:\n    SQLALCHEMY_DATABASE_URI = 'sqlite:///notes.db'\n"}
    assert codes(judge(files)) == expected


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("- {id: 1, name: a}\n", 5),
        ("- id: 1\n  name: a\n", 5),
        ("- a\n- b\n", 2),
        ("a: 1\nb: http://x:80/y\n", 4),
        ("# a: b\na: [1, 2, 3]\n", 5),
        ("- - a\n", 2),
    ],
)
def test_yaml_is_priced_by_its_nodes(text: str, nodes: int) -> None:
    """What loading leaves behind goes with the scalars, lists and mappings, not with the bytes."""
    data = text.encode() * 100
    assert size_in_memory("yaml", len(data), data) == nodes * 100 * 640


def rows_of(count: int) -> list[tuple[int, str, float | None]]:
    """Return records that differ."""
    return [(number * 7, f"the name of number {number}", number / 7 if number % 3 else None) for number in range(count)]


PICKLED: dict[str, Any] = {
    "records": [{"id": number, "name": name, "at": at} for number, name, at in rows_of(30_000)],
    "tuples": rows_of(40_000),
    "a mapping of lists": {name: [number, at] for number, name, at in rows_of(30_000)},
    "texts": [name * 8 for _, name, _ in rows_of(20_000)],
    "bytes": b"x" * 12_000_000,
}


RESIDENT = """
import pickle, sys
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
before = resident()
with open(sys.argv[1], "rb") as file:
    data = pickle.load(file)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize("protocol", [2, 4, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("name", PICKLED)
def test_a_pickle_takes_what_is_in_it(tmp_path: Path, name: str, protocol: int) -> None:
    """A pickle of records was told by its bytes, and takes up to twelve times that."""
    data = pickle.dumps(PICKLED[name], protocol)
    (tmp_path / "x").write_bytes(data)
    taken = int(subprocess.check_output([sys.executable, "-c", RESIDENT, str(tmp_path / "x")]))
    assert abs(size_in_memory("pickle", len(data), data) - taken) < max(2 * MIB, 0.2 * taken)


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\x80\x04", b"(" * 5000, b"x\x9c" + b"1" * 500, b"u" * 500, b"I" + b"9" * 9000]
)
def test_no_bytes_are_too_odd_for_a_pickle(data: bytes) -> None:
    """What is no pickle, or ends early, takes what is there."""
    assert 0 <= size_in_memory("pickle", 10_000, data) < 20_000_000


def test_data_of_a_pickle_is_told_as_data(judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lists and mappings are MG211 as JSON is; what names a library is a model."""
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(PICKLED["records"]))
    source = f"{SOURCE}import pickle\nwith open('x.pkl', 'rb') as file:\n    DATA = pickle.load(file)\n"
    assert codes(judge({"main.py": source})) == [("MG211", 5)]
    size, moment = parts(capsys)["x.pkl (pickle.load)"]
    assert (8 < size < 14, moment) == (True, "start")


def database(path: Path, count: int) -> None:
    """Write a database of one table."""
    with sqlite3.connect(path) as connection:
        connection.execute("create table t(id, name, at)")
        connection.executemany("insert into t values(?, ?, ?)", rows_of(count))
    connection.close()


@pytest.mark.parametrize(
    ("statement", "is_told"),
    [
        ("ROWS = sqlite3.connect('x.db').execute('SELECT * FROM t').fetchall()", True),
        ("db = sqlite3.connect('x.db')\nROWS = db.execute('select id, name from t order by id;').fetchall()", True),
        ("cur = sqlite3.connect('x.db').cursor()\ncur.execute('select * from t')\nROWS = cur.fetchall()", True),
        ("ROWS = pandas.read_sql('select * from t', sqlite3.connect('x.db'))", True),
        ("ROWS = pandas.read_sql_query('select * from t', sqlalchemy.create_engine('sqlite:///x.db'))", True),
        ("ROWS = sqlite3.connect('x.db').execute('select * from t where id = 1').fetchall()", False),
        ("ROWS = sqlite3.connect('x.db').execute('select count(*) from t').fetchall()", False),
        ("ROWS = sqlite3.connect('x.db').execute('select distinct name from t').fetchall()", False),
        ("cur = sqlite3.connect('x.db').cursor()\ncur.execute('select * from t limit 3')\nROWS = cur.fetchall()", False),
        ("def go(q): return sqlite3.connect('x.db').execute(q).fetchall()\nROWS = go(input())", False),
    ],
)
def test_all_rows_of_a_table_are_read(judge: Judge, tmp_path: Path, statement: str, *, is_told: bool) -> None:
    """A query for all rows of the only table takes what these do; of another nobody knows."""
    database(tmp_path / "x.db", 60_000)
    found = judge({"main.py": f"{SOURCE}import sqlite3, pandas, sqlalchemy\n{statement}\n", "requirements.txt": "pandas\n"})
    assert [one["code"] for one in found if one["code"] == "MG211"] == ["MG211"] * is_told


def test_rows_are_sized_by_their_records(tmp_path: Path) -> None:
    """Text, numbers and nothing, by a sample of the pages; of a database of two tables no page says whose it is."""
    database(tmp_path / "x.db", 60_000)
    data = (tmp_path / "x.db").read_bytes()
    tracemalloc.start()
    rows = sqlite3.connect(tmp_path / "x.db").execute("select * from t").fetchall()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(rows) == 60_000
    assert abs(size_in_memory("sqlite", len(data), data) - PAGES_KEPT - taken) < 0.15 * taken
    assert size_in_memory("sqlite", 9000, data[:9000] + b"CREATE TABLE other(x)") == 0
    assert all(size_in_memory("sqlite", end, data[:end]) >= 0 for end in (1, 20, 99, 101, 4095, 4097))


@pytest.mark.parametrize("call", ["Image.open('x.png').convert('RGB')", "Image.open('x.png').load()"])
def test_a_picture_of_pillow_takes_four_bytes_a_pixel(judge: Judge, tmp_path: Path, call: str) -> None:
    """`Image.open` itself reads a few bytes."""
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (2000).to_bytes(4, "big") * 2)
    (found,) = judge({"main.py": f"{SOURCE}from PIL import Image\nPICTURE = {call}\n"})
    assert "17 MiB" in found["message"]
    assert not judge({"main.py": f"{SOURCE}from PIL import Image\nPICTURE = Image.open('x.png')\n"})


SERVED = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"


@pytest.mark.parametrize(
    ("statement", "requirements", "expected"),
    [
        ("from urllib.request import urlopen\nX = urlopen('https://example.com/x').read()", "", "MG213"),
        ("from urllib.request import urlopen\nX = urlopen('https://example.com/x').headers", "", "MG213"),
        ("from urllib.request import urlopen\nX = json.loads(urlopen('https://example.com/x').read())", "", "MG213"),
        ("async def go(): await asyncio.create_subprocess_shell('redis-server')\nasyncio.run(go())", "", "MG212"),
        ("def go():\n    while True: schedule.run_pending()\nthreading.Thread(target=go).start()", "schedule\n", "MG212"),
        ("from opentelemetry.instrumentation.auto_instrumentation import initialize\ninitialize()",
         "opentelemetry-distro\nopentelemetry-instrumentation\nopentelemetry-sdk\nopentelemetry-exporter-otlp\n", "MG214"),
    ],
)  # fmt: skip
def test_what_was_silent_is_told(judge: Judge, statement: str, requirements: str, expected: str) -> None:
    """Calls below `.read()`, of a shell, of a scheduler in a thread, and of an agent by its function."""
    source = f"{SOURCE}import asyncio, json, schedule, threading\n{statement}\n"
    found = judge({"main.py": source, "requirements.txt": f"flask\n{requirements}"})
    assert [one["code"] for one in found] == [expected]


@pytest.mark.parametrize(
    ("command", "backend", "expected"),
    [("migrate", "postgresql", ["MG213"]), ("collectstatic", "postgresql", []), ("migrate", "sqlite3", [])],
)
def test_a_command_of_django_migrates_a_database(judge: Judge, command: str, backend: str, expected: list[str]) -> None:
    """`call_command("migrate")` waits for the database in each worker, unless that is a file."""
    settings = f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.{backend}'}}}}\nINSTALLED_APPS = ['core']\n"
    begin = "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'proj.settings'\nimport django\ndjango.setup()\n"
    call = f"from django.core.management import call_command\ncall_command('{command}')\n"
    models = "from django.db import models\nclass A(models.Model): pass\n"
    files = {"proj/settings.py": settings, "proj/wsgi.py": f"{begin}{call}{SERVED}", "core/models.py": models}
    packages = {"proj/__init__.py": "", "core/__init__.py": ""}
    found = judge({**files, **packages, "requirements.txt": "django\npsycopg2-binary\n"}, "gunicorn proj.wsgi --workers 3")
    assert [one["code"] for one in found] == expected


GO = "async def go():\n    {}\nasyncio.run(go())"
WAITED = [
    ("subprocess.Popen(['7z', 'x', 'a.zip']).wait()", []),
    ("p = subprocess.Popen(['7z', 'x', 'a.zip'])\nOUT = p.communicate()", []),
    (GO.format("await (await asyncio.create_subprocess_exec('chmod', '600', 'a')).wait()"), []),
    (GO.format("p = await asyncio.create_subprocess_shell('cp a b')\n    await p.communicate()"), []),
    ("subprocess.Popen(['alembic', 'upgrade', 'head']).wait()", ["MG212"]),
    ("subprocess.Popen(['7z', 'x', 'a.zip'])", ["MG212"]),
    ("p = subprocess.Popen(['redis-server'])\nq = subprocess.Popen(['7z', 'x', 'a.zip'])\nq.wait()", ["MG212"]),
]


@pytest.mark.parametrize(("statement", "expected"), WAITED)
def test_a_program_that_is_waited_for_is_gone(judge: Judge, statement: str, expected: list[str]) -> None:
    """Each was told as a process that stays."""
    assert [one["code"] for one in judge({"main.py": f"{SOURCE}import asyncio, subprocess\n{statement}\n"})] == expected


def test_a_coroutine_of_a_program_may_start_what_it_is_started_for(judge: Judge) -> None:
    """No import runs one: it is what `asyncio.run(main())` does."""
    start = "import asyncio\nasync def start():\n    await asyncio.create_subprocess_exec('aria2c')\n"
    files = {"bot.py": "import asyncio\nfrom parts import start\nasyncio.run(start())\n", "parts.py": start}
    assert judge(files, "python bot.py") == []
    assert [one["code"] for one in judge({"main.py": f"{SOURCE}{start}asyncio.run(start())\n"})] == ["MG212"]


def overlapping(records: int) -> bytes:
    """Return a database whose pages say that so many records begin at one place, each of which goes on to the end."""
    page = bytearray(b"\x01" * 65536)
    page[0:5] = bytes([13, 0, 0]) + records.to_bytes(2, "big")
    page[8 : 8 + 2 * records] = (40_000).to_bytes(2, "big") * records
    page[40_000:40_006] = b"\xff\xff\x7f\x01\x7f\x01"
    return b"SQLite format 3\0\0\x01CREATE TABLE t" + b"\0" * (65536 - 32) + bytes(page) * 20


def test_records_that_overlap_are_counted_up_to_a_bound() -> None:
    """16,000 records of one page that each had 25,000 values took minutes."""
    assert growth(lambda data: size_in_memory("sqlite", len(data), data), overlapping, 16_000) < LINEAR
