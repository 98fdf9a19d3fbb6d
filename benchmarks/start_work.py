"""Calls at start: what each takes for real, beside what is estimated of it.

    python benchmarks/start_work.py FOLDER [--sentry | --built | --nltk DATA | --agents] [--only WORD]

makes files by a seed, and an environment in FOLDER with the libraries of the calls. Each call runs in fresh processes
after its import, with the files of the environment evicted. What it adds to the resident memory of the process is the
truth: to the summed PSS of it and its children where it has any. PSS of one process hangs on what else maps the same
libraries: beside arq, cohere and httpx, sentry took 57.1 MiB resident and 53.0 by PSS, and 2.8 of these 4.1 were
libcrypto (2026-11-30). The estimate is the part, or the parts, that a project of one file with the same call has beside
one without it. None of these files were used to set a rate.
With `--sentry` the calls are `sentry_sdk.init()` beside five random sets of libraries, each in an environment of its own.
With `--built` they are imports of modules of the project that build routes, models and mapped classes, drawn by the seed:
other numbers and shapes than those that the prices were measured on.
With `--nltk` they read corpora in DATA, unpacked, and with `--agents` they start ddtrace, newrelic, OpenTelemetry and
logfire: the prices of those calls were measured by this, so that it shows that they are read, and no more.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pickle
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from process_memory import own_interpreter

from memguard_hooks.measure.page_cache import evict

LIBRARIES = (
    "boto3", "chromadb", "jieba", "openpyxl", "opencv-python-headless", "orjson", "pandas", "pillow", "pyyaml",
)  # fmt: skip
WITHIN, SMALL = 0.15, 2.0

INTEGRATED = (
    "aiohttp", "anthropic", "arq", "asyncpg", "boto3", "bottle", "celery", "cohere", "django", "falcon", "fastapi", "flask",
    "google-genai", "httpx", "huggingface-hub", "langchain", "litestar", "loguru", "mcp", "openai", "openai-agents",
    "pymongo", "redis", "rq", "sanic", "sqlalchemy", "tornado",
)  # fmt: skip

PROBE = """
import gc, json, os, signal, sys, time
def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            for child in file.read().split():
                found += [int(child), *children(int(child))]
    return found
def size(pid, what):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(what))
def total(what):
    return sum(size(pid, what) for pid in [os.getpid(), *children(os.getpid())])
around = {}
exec(sys.argv[1], around)
gc.collect()
before = {what: total(what) for what in ("Rss:", "Pss:")}
exec(compile(sys.argv[2], "call", "exec"), around)
time.sleep(0.5)
what = "Pss:" if children(os.getpid()) else "Rss:"
print(json.dumps(total(what) - before[what]), flush=True)
for stream in (1, 2):  # which a worker would hold open that a pool starts in place of one that is gone
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
for pid in children(os.getpid()):
    os.kill(pid, signal.SIGKILL)
os._exit(0)
"""


class Case(NamedTuple):
    """One call: what is imported before, the call, and whether all that the project gains is the estimate."""

    imports: str
    call: str


CASES = (
    *(Case("import csv", f"x = list(csv.reader(open('{name}.csv')))") for name in ("sensor", "people", "notes", "tiny")),
    *(Case("import csv", f"x = list(csv.DictReader(open('{name}.csv')))") for name in ("sensor", "people", "notes", "tiny")),
    *(Case("import pandas", f"x = pandas.read_csv('{name}.csv')") for name in ("sensor", "people", "notes", "tiny")),
    *(Case("import json", f"x = json.load(open('{name}.json'))") for name in ("orders", "places", "vectors", "texts")),
    *(Case("import json", f"x = json.loads(open('{name}.json').read())") for name in ("orders", "places")),
    *(Case("import orjson", f"x = orjson.loads(open('{name}.json').read())") for name in ("orders", "vectors")),
    *(Case("pass", f"x = open('{name}').read()") for name in ("notes.csv", "names.txt", "chinese.txt")),
    *(Case("pass", f"x = open('{name}').readlines()") for name in ("names.txt", "chinese.txt", "people.csv")),
    Case("pass", "x = open('names.txt').read().splitlines()"),
    *(Case("import openpyxl", f"x = openpyxl.load_workbook('{name}.xlsx')") for name in ("sensor", "people")),
    *(Case("import pandas, openpyxl", f"x = pandas.read_excel('{name}.xlsx')") for name in ("sensor", "people")),
    Case("import yaml", "x = yaml.safe_load(open('small.yaml'))"),
    *(
        Case("import pickle", f"x = pickle.load(open('{name}.pkl', 'rb'))")
        for name in ("orders", "places", "vectors", "texts")
    ),
    *(
        Case("import sqlite3", f"x = sqlite3.connect('{name}.db').execute('select * from t').fetchall()")  # noqa: S608
        for name in ("people", "notes")
    ),
    Case("import sqlite3, pandas", "x = pandas.read_sql('select * from t', sqlite3.connect('sensor.db'))"),
    Case("from PIL import Image", "x = Image.open('photo.jpg').convert('RGB')"),
    Case("from PIL import Image", "x = Image.open('chart.png'); x.load()"),
    Case("import cv2", "x = cv2.imread('photo.jpg')"),
    Case("import cv2", "x = cv2.imread('chart.png')"),
    *(
        Case("import boto3", f"x = boto3.client('{name}', region_name='us-east-1')")
        for name in ("kms", "rds", "sqs", "s3", "dynamodb", "events")
    ),
    Case("import boto3", "x = [boto3.client(one, region_name='us-east-1') for one in ('kms', 'sns')]"),
    Case("import chromadb", "x = chromadb.PersistentClient('chroma')"),
    Case("import multiprocessing", "x = multiprocessing.Pool(3)"),
    Case("import multiprocessing", "x = multiprocessing.Pool(8)"),
    Case("import pandas, multiprocessing", "x = multiprocessing.Pool(2)"),
    Case("import multiprocessing", "x = multiprocessing.Manager()"),
    Case("import subprocess, sys", "x = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])"),
    Case("import subprocess", "x = subprocess.Popen(['sleep', '30'])"),
)


AGENTS = (
    "ddtrace", "fastapi", "flask", "logfire[fastapi,requests]", "newrelic", "opentelemetry-instrumentation-flask",
    "requests",
)  # fmt: skip
OF_AGENTS = (
    Case("import flask, requests", "import ddtrace; ddtrace.patch_all()"),
    Case("import flask, requests", "import ddtrace.auto"),
    Case("import ddtrace, flask, requests", "ddtrace.patch_all()"),
    Case("import flask, requests", "import newrelic.agent; newrelic.agent.initialize()"),
    Case("import newrelic.agent", "newrelic.agent.initialize()"),
    Case(
        "import flask",
        "from opentelemetry.instrumentation.flask import FlaskInstrumentor; FlaskInstrumentor().instrument()",
    ),
    Case("import fastapi, logfire", "logfire.configure(send_to_logfire=False)"),
    Case(
        "import fastapi, logfire\nlogfire.configure(send_to_logfire=False)\napp = fastapi.FastAPI()",
        "logfire.instrument_fastapi(app)",
    ),
    Case("import logfire, requests\nlogfire.configure(send_to_logfire=False)", "logfire.instrument_requests()"),
)
OF_NLTK = (
    Case("from nltk.corpus import stopwords", "x = set(stopwords.words('english'))"),
    Case("from nltk.corpus import words", "x = set(words.words())"),
    Case("from nltk.corpus import cmudict", "x = cmudict.dict()"),
    Case("from nltk.tokenize import word_tokenize", "x = word_tokenize('It is here. It stays.')"),
    Case("from nltk.sentiment import SentimentIntensityAnalyzer", "x = SentimentIntensityAnalyzer()"),
    Case("from nltk.stem import WordNetLemmatizer", "x = WordNetLemmatizer().lemmatize('dogs')"),
    Case("from nltk.corpus import wordnet", "x = wordnet.synsets('dog')"),
)


def make_files(folder: Path, seed: int) -> None:
    """Write the files that calls read."""
    draw = random.Random(seed)  # noqa: S311 - a seed that is told
    words = ["".join(draw.choices("etaoinshrdlucmfw", k=draw.randint(2, 12))) for _ in range(8000)]

    def table(name: str, rows: list[list[object]]) -> None:
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([[f"c{number}" for number in range(len(rows[0]))], *rows])

    table("sensor.csv", [[i, *(f"{draw.gauss(20, 5):.2f}" for _ in range(12))] for i in range(50_000)])
    table("people.csv", [[draw.choice(words), draw.choice(words), f"{draw.choice(words)}@example.com", draw.randint(18, 90),
                          f"+{draw.randint(10**10, 10**11)}"] for _ in range(60_000)])  # fmt: skip
    table("notes.csv", [[i, " ".join(draw.choices(words, k=60))] for i in range(12_000)])
    table("tiny.csv", [[draw.randint(0, 9), draw.choice("AB"), draw.randint(0, 1)] for _ in range(150_000)])
    values = {
        "orders": [{"order": i, "items": [{"sku": draw.choice(words), "count": draw.randint(1, 9), "price": draw.random()}
                                          for _ in range(2)], "paid": True, "note": None} for i in range(20_000)],
        "places": {"features": [{"type": "Point", "at": [draw.uniform(-90, 90), draw.uniform(-180, 180)],
                                 "name": draw.choice(words)} for _ in range(40_000)]},
        "vectors": [[draw.gauss(0, 1) for _ in range(384)] for _ in range(900)],
        "texts": [" ".join(draw.choices(words, k=25)) for _ in range(40_000)],
    }  # fmt: skip
    for name, value in values.items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(json.loads(json.dumps(value))))
    for name in ("sensor", "people", "notes"):
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            store(folder / f"{name}.db", list(csv.reader(file)))
    (folder / "names.txt").write_text("\n".join(draw.choice(words).title() for _ in range(250_000)), encoding="utf-8")
    chinese = ["".join(chr(draw.randint(0x4E00, 0x9000)) for _ in range(18)) for _ in range(60_000)]
    (folder / "chinese.txt").write_text("\n".join(chinese), encoding="utf-8")
    (folder / "small.yaml").write_text("\n".join(f"- {{id: {i}, name: {draw.choice(words)}}}" for i in range(12_000)))


def store(path: Path, rows: list[list[str]]) -> None:
    """Write a database of one table."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        head, *others = rows
        kinds = ["text" if any(one[at].strip("-.0123456789") for one in others[:99]) else "real" for at in range(len(head))]
        connection.execute(f"create table t({', '.join(f'{name} {kind}' for name, kind in zip(head, kinds, strict=True))})")
        connection.executemany(f"insert into t values({', '.join('?' * len(head))})", others)
    connection.close()


MAKE = """
import pandas
from PIL import Image
for name in ("sensor", "people"):
    pandas.read_csv(f"{name}.csv").head(9000).to_excel(f"{name}.xlsx", index=False)
Image.effect_noise((5000, 2600), 60).convert("RGB").save("photo.jpg")
Image.effect_noise((2000, 1500), 60).convert("RGB").save("chart.png")
"""


def install(folder: Path, libraries: tuple[str, ...]) -> Path:
    """Return the Python of an environment with some libraries."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "--quiet", "--python", str(own_interpreter(folder.parent)), str(folder)], check=True)
    # Links into the cache of uv are the files of other environments as well, whose processes would share the pages.
    command = ["uv", "pip", "install", "--quiet", "--link-mode", "copy", "--python", str(python), *libraries]
    subprocess.run(command, check=True)
    return python


def versions(python: Path) -> str:
    """Return what is installed, as a requirements file."""
    command = ["uv", "pip", "freeze", "--quiet", "--python", str(python)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measure(python: Path, folder: Path, imports: str, call: str) -> float:
    """Return the MiB that a call takes after its import: the median of three runs."""
    command = [str(python), "-c", PROBE, imports, call]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    _run(command, folder, environment)  # which writes what is compiled
    evict(str(python.parent.parent))
    return statistics.median([_run(command, folder, environment) for _ in range(3)]) / 1024


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Return what a process prints, and end what it has left behind."""
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        printed, _ = process.communicate()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return float(printed)


def estimate(folder: Path, source: str, requirements: str, *, own: bool = False) -> float:
    """Return the MiB at start of a project of one file; those of its own code where they are asked for."""
    (folder / "main.py").write_text(source, encoding="utf-8")
    (folder / "Procfile").write_text("web: python main.py\n", encoding="utf-8")
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    (folder / "memguard.toml").write_text('limit = "8GiB"\ntarget-python = "3.11"\n', encoding="utf-8")
    command = [sys.executable, "-m", "memguard_hooks.hooks.memory_budget", "--format", "json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    (service,) = json.loads(done.stdout)["services"]
    parts = [part for part in service["parts"] if part["moment"] == "start"]
    return sum(float(part["mib"]) for part in parts if own or part["package"] != "(first-party)")


def rows(folder: Path, python: Path, cases: Iterable[Case]) -> Iterator[tuple[str, float, float]]:
    """Yield each call, what it takes and what is estimated."""
    requirements = versions(python)
    for case in cases:
        real = measure(python, folder, case.imports, case.call)
        with_call = estimate(folder, f"{case.imports}\n{case.call}\n", requirements)
        yield case.call, real, with_call - estimate(folder, f"{case.imports}\n", requirements)


def sentry_rows(folder: Path, seed: int) -> Iterator[tuple[str, float, float]]:
    """Yield five random sets of libraries, and what a process takes that initializes sentry beside each."""
    draw = random.Random(seed)  # noqa: S311 - a seed that is told
    for number in range(5):
        libraries = tuple(sorted(draw.sample(INTEGRATED, draw.randint(3, 8))))
        python = install(folder / f"set{number}", ("sentry-sdk", *libraries))
        call = "import sentry_sdk\nsentry_sdk.init('http://key@127.0.0.1:1/1')\n"
        bare = measure(python, folder, "pass", "pass")
        real = measure(python, folder, "pass", call) - bare
        requirements = versions(python)
        yield " ".join(libraries), real, estimate(folder, call, requirements) - estimate(folder, "pass\n", requirements)


DJANGO = """
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=[], DEFAULT_AUTO_FIELD="django.db.models.AutoField")
django.setup()
from django.db import models
""".strip()

BUILT = {
    "routes": "from fastapi import APIRouter, Depends, FastAPI\nfrom pydantic import BaseModel",
    "models": "from pydantic import BaseModel, Field",
    "mapped classes": "from sqlalchemy import ForeignKey\nfrom sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column",
    "models of Django": DJANGO,
}
"""What is imported before modules of each kind."""


def write_module(kind: str, number: int, draw: random.Random) -> str:
    """Return a module that builds so many of a kind, each of another shape."""
    types = ("int", "str", "float", "bool", "list[str]", "dict[str, int]", "int | None", "str | None")
    lines = [BUILT[kind]] if kind != "models of Django" else [BUILT[kind].splitlines()[-1]]
    if kind == "mapped classes":
        lines.append("class Base(DeclarativeBase):\n    pass")
    if kind == "routes":
        lines.append("app = FastAPI()\nrouter = APIRouter()\n\ndef session():\n    return None")
        lines.append("class Item(BaseModel):\n    name: str\n    price: float\n")
    for index in range(number):
        width = draw.randint(2, 12)
        if kind == "routes":
            method, path = draw.choice(("get", "post", "put", "delete")), f"/things{index}/{{thing}}"
            options, arguments = [repr(path)], ["thing: int"]
            options += ["response_model=Item"] if draw.random() < 0.5 else []
            arguments += ["body: Item"] if method in ("post", "put") else []
            arguments += ["db=Depends(session)"] if draw.random() < 0.5 else []
            lines.append(
                f"@router.{method}({', '.join(options)})\ndef view{index}({', '.join(arguments)}):\n    return {{}}"
            )
        elif kind == "models":
            fields = [f"    field{one}: {draw.choice(types)} = Field(...)" for one in range(width)]
            lines.append(f"class Model{index}(BaseModel):\n" + "\n".join(fields))
        elif kind == "mapped classes":
            columns = [f"    column{one}: Mapped[{draw.choice(types[:4])}]" for one in range(width)]
            key = "    id: Mapped[int] = mapped_column(primary_key=True)"
            lines.append(f"class Table{index}(Base):\n    __tablename__ = 'table{index}'\n" + "\n".join([key, *columns]))
        else:
            kinds = (
                "IntegerField()",
                "TextField()",
                "CharField(max_length=80)",
                "BooleanField(default=False)",
                "DateField()",
            )
            fields = [f"    field{one} = models.{draw.choice(kinds)}" for one in range(width)]
            meta = "    class Meta:\n        app_label = 'app'"
            lines.append(f"class Thing{index}(models.Model):\n" + "\n".join([*fields, meta]))
    lines += ["app.include_router(router)"] if kind == "routes" else []
    lines += ["from sqlalchemy.orm import configure_mappers", "configure_mappers()"] if kind == "mapped classes" else []
    return "\n".join(lines) + "\n"


def built_rows(folder: Path, seed: int) -> Iterator[tuple[str, float, float]]:
    """Yield modules that build routes, models and mapped classes, what each takes and what is estimated."""
    draw = random.Random(seed)  # noqa: S311 - a seed that is told
    python = install(folder / "built", ("fastapi", "sqlalchemy", "django"))
    requirements = versions(python)
    for kind, imports in BUILT.items():
        for number in (draw.randint(20, 80), draw.randint(80, 250), draw.randint(250, 500)):
            (folder / "built_here.py").write_text(write_module(kind, number, draw), encoding="utf-8")
            real = measure(python, folder, imports, "import built_here")
            with_module = estimate(folder, f"{imports}\nimport built_here\n", requirements, own=True)
            yield f"{number} {kind}", real, with_module - estimate(folder, f"{imports}\n", requirements, own=True)


def main() -> int:
    """Print the table, and how many are within the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sentry", action="store_true", help="five random sets of libraries beside sentry-sdk")
    parser.add_argument("--built", action="store_true", help="modules that build routes, models and mapped classes")
    parser.add_argument("--nltk", type=Path, metavar="DATA", help="corpora of nltk, in a folder laid out as its own is")
    parser.add_argument("--agents", action="store_true", help="what observes an app, as code starts it")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", default="", metavar="WORD", help="calls that have it")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if asked.sentry:
        found, within, small = sentry_rows(folder, asked.seed), 0.10, 0.0
    elif asked.nltk or asked.agents:
        if asked.nltk:
            os.environ["NLTK_DATA"] = str(asked.nltk.resolve())
        python = install(folder / ("nltk" if asked.nltk else "agents"), ("nltk",) if asked.nltk else AGENTS)
        found, within, small = rows(folder, python, OF_NLTK if asked.nltk else OF_AGENTS), WITHIN, SMALL
    elif asked.built:
        found, within, small = built_rows(folder, asked.seed), WITHIN, SMALL
    else:
        make_files(folder, asked.seed)
        python = install(folder / "environment", LIBRARIES)
        subprocess.run([python, "-c", MAKE], cwd=folder, check=True)
        found, within, small = rows(folder, python, (one for one in CASES if asked.only in one.call)), WITHIN, SMALL
    kept = total = 0
    for call, real, expected in found:
        is_within = abs(expected - real) <= max(small, within * real)
        kept, total = kept + is_within, total + 1
        mark = "" if is_within else "  !"
        sys.stdout.write(f"{real:8.1f} {expected:8.1f} {100 * (expected - real) / max(real, 0.1):+6.0f} %{mark}  {call}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{kept} of {total} within {within:.0%}" + (f" or {small:.0f} MiB\n" if small else "\n"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
