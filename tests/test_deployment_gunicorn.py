"""gunicorn's settings: what is read here agrees with what the real gunicorn makes of the same files and words."""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from memguard_hooks.deployment import gunicorn_conf
from memguard_hooks.deployment.command import Host, StartCommand, parse
from memguard_hooks.deployment.gunicorn_conf import Unresolved
from memguard_hooks.deployment.servers import gunicorn


class Case(NamedTuple):
    """One start of gunicorn: words behind its name, variables, and files by path."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    files: Mapping[str, str]


# In the subprocess: each case in a fork, for the settings' defaults are read when gunicorn.config is imported.
DRIVER = """
import json, os, sys
import gunicorn.app.wsgiapp
for name in [name for name in sys.modules if name == "gunicorn.config" or name.startswith("gunicorn.app")]:
    del sys.modules[name]
names = {"WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", "WORKERS", "PRELOAD"}
clean = {name: value for name, value in os.environ.items() if name not in names}
answers = []
for folder, words, variables in json.load(sys.stdin):
    source, sink = os.pipe()
    if os.fork() == 0:
        answer = None
        try:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update({**clean, "PWD": folder}, **variables)
            sys.argv = ["gunicorn", *words]
            sys.stderr = open(os.devnull, "w")
            from gunicorn.app.wsgiapp import WSGIApplication
            app = WSGIApplication()
            chdir = os.path.relpath(app.cfg.chdir, folder)
            worker_class = app.cfg.worker_class_str
            cfg = app.cfg
            answer = [app.app_uri, cfg.workers, bool(cfg.preload_app), chdir, "uvicorn" in worker_class, worker_class,
                      cfg.threads, cfg.max_requests, cfg.max_requests_jitter, bool(cfg.reload), cfg.dirty_workers,
                      ",".join(cfg.dirty_apps), cfg.pythonpath or ""]
        except BaseException:
            pass
        os.write(sink, json.dumps(answer).encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source, "rb") as stream:
        answers.append(json.load(stream))
    os.wait()
json.dump(answers, sys.stdout)
"""

Answer = tuple[str, int, bool, str, bool, str, int | None, int | None, int | None, bool, int | None, str, str]


def ask_gunicorn(folder: Path, cases: Sequence[Case]) -> list[Answer | None]:
    """Return the settings that decide memory, None where gunicorn does not start."""
    asked = []
    for number, case in enumerate(cases):
        here = folder / str(number)
        for name, text in {"sub/x": "", "inner/deep/x": "", **case.files}.items():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_text(text, encoding="utf-8")
        asked.append([os.path.realpath(here), case.words, case.variables])
    command = [sys.executable, "-W", "ignore", "-c", DRIVER]
    with ThreadPoolExecutor(4) as pool:
        shares = [asked[start : start + 75] for start in range(0, len(asked), 75)]
        found = list(pool.map(lambda share: subprocess.check_output(command, input=json.dumps(share), text=True), shares))
    return [None if answer is None else tuple(answer) for share in found for answer in json.loads(share)]


def resolve(case: Case) -> StartCommand:
    files = {name: text.encode() for name, text in case.files.items()}
    return parse(shlex.join(["gunicorn", *case.words]), Host(case.variables, files.get))


def answer_of(command: StartCommand) -> Answer | None:
    if command.workers is None or command.entrypoint is None:
        return None
    uvicorn = "uvicorn" in command.server_modules
    folder = command.entrypoint.folder or "."
    known = (command.entrypoint.text, command.workers, command.start == "preload", folder, uvicorn, command.worker_class)
    recycled = (command.threads, command.max_requests, command.max_requests_jitter, command.reload)
    inner = command.entrypoint.folder
    roots = [os.path.relpath(root, inner or ".") for root in command.entrypoint.roots]
    return (*known, *recycled, command.dirty_workers, ",".join(command.dirty_apps), ",".join(reversed(roots)))


WORKERS = ("2", "'3'", "True", "1 + 2", "int(os.environ.get('WEB_CONCURRENCY', 2))", "os.getenv('WORKERS', '4')",
           "int(os.environ.get('WORKERS') or 5)", "count", "7", "1",
           "os.environ.get('WORKERS', 1) if True else 9")  # fmt: skip
COMPUTED = ("os.cpu_count()", "len(os.listdir('.'))", "max(2, 3)", "[4][0]", "int(2.5)")
REFUSED = ("workers = -1", "workers = None", "workers = 'many'", "preload_app = 1", "workers = (",
           "workers = os.environ['WORKERS']")  # fmt: skip
PRELOAD = ("True", "False", "'true'", "None", "os.environ.get('PRELOAD', 'no').lower() == 'yes'",
           "bool(os.environ.get('PRELOAD'))", "os.getenv('PRELOAD') in ('yes', 'y')")  # fmt: skip


def settings_file(pick: random.Random) -> tuple[str, bool]:
    """Return a settings file, and whether something in it is computed."""
    lines = ["import os", "count = 6", "bind = '0.0.0.0:80'"]
    is_computed = False
    if pick.random() < 0.7:
        lines.append(f"workers = {pick.choice(WORKERS)}")
    if pick.random() < 0.2:
        is_computed = True
        computed = pick.choice(COMPUTED)
        lines.append(
            pick.choice(
                [
                    f"workers = {computed}",
                    f"if os.environ.get('WORKERS'):\n    workers = {computed}",
                    "for workers in (2, 3):\n    pass",
                    "def choose():\n    global workers\n    workers = 7\nchoose()",
                    "workers: int = 2\nworkers += 1",
                    "workers, threads = 2, 3",
                    "try:\n    preload_app = True\nexcept ValueError:\n    preload_app = False",
                    "globals()['workers'] = 8",
                    "found = 'workers' in globals()",
                    "from posixpath import sep as chdir",
                ]
            )
        )
    if pick.random() < 0.4:
        lines.append(f"preload_app = {pick.choice(PRELOAD)}")
    if pick.random() < 0.3:
        lines.append(f"chdir = {pick.choice(['sub', 'inner/deep', './sub/', ' sub'])!r}")
    if pick.random() < 0.4:
        lines.append("wsgi_app = 'own.wsgi:app'")
    if pick.random() < 0.2:
        lines.append(f"worker_class = {pick.choice(['uvicorn.workers.UvicornWorker', 'sync', 'gthread'])!r}")
    if pick.random() < 0.3:
        lines += pick.sample(["threads = 4", "max_requests = 500", "max_requests_jitter = '50'", "reload = True",
                              "dirty_workers = 2", "dirty_apps = ['own.ml:Big', 'own.ml:Small:1']", "pythonpath = 'lib'",
                              "threads = int(os.environ.get('WORKERS', '2'))", "reload = bool(os.environ.get('PRELOAD'))",
                              "workers = min(3, 2 * count)"], 3)  # fmt: skip
    if pick.random() < 0.1:
        lines += ["workers = 1", "workers: int = 2", "def post_fork(server, worker):\n    workers = 9"]
    if pick.random() < 0.05:
        lines.append(pick.choice(REFUSED))
    return "\n".join(lines) + "\n", is_computed


def words_of(pick: random.Random, config: Sequence[str]) -> list[str]:
    """Return options as people write them, in any order."""
    groups = [["-w", "3"], ["-w4"], ["--workers=2"], ["--threa", "5"], ["-w=6"], ["--preload"], ["--prel"],
              ["--threads", "2"],
              ["-k", "uvicorn.workers.UvicornWorker"], ["--worker-class=gthread"], ["-b", ":80"], ["--bind=[::]:80"],
              ["-b", "0.0.0.0:1", "-b", "unix:x"], ["--chdir", "sub"], ["--chdir=inner/deep"], ["-t", "30"],
              ["--max-requests", "100"], ["--max-requests-jitter=20"], ["--pythonpath", "lib"], ["--pythonpath=lib,more"],
              ["-k", "sync", "--threads=4"], ["-k", "gevent"], ["--dirty-app", "own.ml:Big"],
              ["--dirty-app=own.a:A:2", "--dirty-app", "own.b:B"],
              ["--access-logfile", "-"], ["--log-level", "info"], ["-n", "name"], ["-e", "A=b"],
              ["--reload"], ["--capture-output"], ["-Rw", "2"], ["--proxy-protocol", "--reuse-port"],
              ["--dirty-workers", "1"],
              ["--keep-alive", "5"], ["--statsd-host=a:1"], ["--forwarded-allow-ips", "*"]]  # fmt: skip
    chosen = pick.sample(groups, pick.choice([0, 1, 1, 2, 2, 3, 4]))
    if pick.random() < 0.05:
        chosen.append(
            pick.choice([["-w", "abc"], ["-w", "0x2"], ["-w", "--preload"], ["--worker", "2"], ["--nothing"], ["-w", "-2"]])
        )
    if config:
        chosen.append(list(config))
    pick.shuffle(chosen)
    return [word for group in chosen for word in group]


def cases(count: int) -> list[tuple[Case, bool]]:
    pick = random.Random(20261121)  # noqa: S311 - the same cases each time
    found = []
    for _ in range(count):
        files: dict[str, str] = {}
        computed = False
        for name in ("gunicorn.conf.py", "conf/other.py"):
            if pick.random() < 0.6:
                files[name], is_computed = settings_file(pick)
                computed = computed or is_computed
        config: Sequence[str] = ()
        if "conf/other.py" in files and pick.random() < 0.6:
            name = pick.choice(["conf/other.py", "conf/./other.py", "file:conf/other.py"])
            if pick.random() < 0.05:
                name = "gone.py"
            config = pick.choice([("-c", name), (f"--config={name}",), (f"-c{name}",)])
        in_environment = config and pick.random() < 0.3
        words = words_of(pick, () if in_environment else config)
        if pick.random() < 0.9:
            words = ["web.main:app", *words] if pick.random() < 0.5 else [*words, "web.main:app"]
        variables: dict[str, str] = {}
        if pick.random() < 0.4:
            variables["WEB_CONCURRENCY"] = pick.choice(["1", "1", "2", "2", "7", "7", "auto"])
        if pick.random() < 0.35 or in_environment:
            variables["GUNICORN_CMD_ARGS"] = shlex.join(words_of(pick, config if in_environment else ()))
        if pick.random() < 0.3:
            variables["WORKERS"] = pick.choice(["2", "8", "8", "5", "2", "4", "x"])
        if pick.random() < 0.3:
            variables["PRELOAD"] = pick.choice(["yes", "", "no"])
        found.append((Case(tuple(words), variables, files), computed))
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")
def test_what_is_known_agrees_with_gunicorn(tmp_path: Path, times: int) -> None:
    generated = cases(80 * times)
    known = started = 0
    for (case, is_computed), theirs in zip(generated, ask_gunicorn(tmp_path, [case for case, _ in generated]), strict=True):
        command = resolve(case)
        ours = answer_of(command)
        started += theirs is not None
        if theirs is None:
            assert ours is None, f"gunicorn refuses {case}"
        elif ours is None:
            assert is_computed or theirs[1] == 0, f"{case} is {theirs}, and not known: {command.reason}"
        elif ours[1] == 1 and is_computed:
            assert ours[:2] == theirs[:2], case
            known += 1
        else:
            assert ours[:5] == theirs[:5], case
            for own, their in zip(ours[5:], theirs[5:], strict=True):
                assert own == their or (own in {None, "", False} and is_computed), case
            known += 1
    assert started > 55 * times
    assert known > 55 * times, "of those that start nearly all are known"


def test_options_are_those_of_gunicorn() -> None:
    config = pytest.importorskip("gunicorn.config")
    flags: set[str] = set()
    valued: set[str] = set()
    for setting in config.KNOWN_SETTINGS:
        names = {name for name in setting.cli or () if name.startswith("--")}
        (valued if setting.action in {None, "store", "append"} else flags).update(names)
        for name in setting.cli or ():
            if len(name) == 2:
                assert gunicorn.GRAMMAR.short[name] in names
    assert gunicorn.GRAMMAR.valued == valued
    numbers = {name for setting in config.KNOWN_SETTINGS if setting.type is int for name in setting.cli}
    assert gunicorn.GRAMMAR.numbers == numbers - {"-w", "-t"}
    assert gunicorn.GRAMMAR.flags == flags | {"--help", "--version"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("workers = 2", 2, id="constant"),
        pytest.param("workers: int = 2", 2, id="annotated"),
        pytest.param("n = workers = 2", 2, id="two-targets"),
        pytest.param("n = 2\nworkers = n * 2 + 1", 5, id="name-and-arithmetic"),
        pytest.param("import os as o\nworkers = o.environ.get('N', 4)", 3, id="environment-by-another-name"),
        pytest.param("from os import getenv\nworkers = int(getenv('M', '4'))", 4, id="default-of-the-environment"),
        pytest.param("workers = 1\nif x:\n    y = 2\n", 1, id="condition-on-another"),
        pytest.param(
            "import os\nif os.environ.get('MODE') == 'development':\n    workers = 1\nelse:\n    workers = 4\n",
            4,
            id="condition-on-a-variable",
        ),
        pytest.param("if x:\n    workers = 9\nworkers = 2", 2, id="last-wins"),
        pytest.param("def on_starting(server):\n    workers = 9\nworkers = 2", 2, id="local-name"),
        pytest.param("\ufeffworkers = 2\r\n", 2, id="byte-order-mark"),
        pytest.param(
            "import os\nworkers = os.cpu_count()",
            Unresolved(2, "computes workers: os.cpu_count()", is_cpu_count=True),
            id="computed",
        ),
        pytest.param("workers = 2\nif x:\n    workers = 3", Unresolved(3, "sets workers under a condition"), id="condition"),
        pytest.param("workers = 2\nworkers += n", Unresolved(2, "computes workers"), id="augmented"),
        pytest.param("def f():\n    global workers\n", Unresolved(2, "sets workers in a function"), id="global"),
        pytest.param("from base import *", Unresolved(1, "may import workers from base"), id="star"),
        pytest.param("from base import workers", Unresolved(1, "imports workers"), id="imported"),
        pytest.param("(workers := 3)", Unresolved(1, "changes workers"), id="walrus"),
        pytest.param("workers = 2\ndel workers", Unresolved(2, "changes workers"), id="deleted"),
        pytest.param(
            "workers = 2\nknown = 'workers' in locals() and locals().get('x', globals()['workers'])",
            2,
            id="reflection-that-reads",
        ),
        pytest.param(
            "workers = 2\nlocals()['workers'] = 3", Unresolved(2, "may set workers by locals"), id="item-of-locals"
        ),
        pytest.param("\nvars().update(workers=3)", Unresolved(2, "may set workers by vars"), id="reflection"),
        pytest.param("from base import fill\nfill(globals())\nworkers = 5", 5, id="set-behind-what-fills-it"),
        pytest.param(
            "workers = 5\nfill(globals())", Unresolved(2, "may set workers by globals"), id="set-before-what-fills-it"
        ),
        pytest.param("fill(globals())", Unresolved(1, "may set workers by globals"), id="set-by-what-fills-it-alone"),
        pytest.param(
            "def on_starting(server):\n    fill(globals())\nworkers = 5",
            Unresolved(2, "may set workers by globals"),
            id="filled-later",
        ),
        pytest.param("os = fake\nworkers = os.getenv('N')", Unresolved(2, "computes workers: os.getenv('N')"), id="no-os"),
        pytest.param("int = str\nworkers = int('2')", Unresolved(2, "computes workers: int('2')"), id="no-int"),
        pytest.param(
            "workers = -1", Unresolved(1, "sets workers to -1, which gunicorn refuses", is_refused=True), id="refused"
        ),
        pytest.param(
            f"workers = {'a' * 70}",
            Unresolved(1, f"computes workers: {'a' * 57}..."),
            id="long-expression",
        ),
    ],
)
def test_workers_of_a_file(text: str, value: int | Unresolved) -> None:
    found = gunicorn_conf.read(text.encode(), {"N": "3"})
    assert not isinstance(found, Unresolved)
    assert found.values["workers"] == value


def test_what_a_function_may_fill_is_the_workers_and_what_stands_before() -> None:
    """Nothing else is lost: an app that is not preloaded takes the most, and where it stands is seen."""
    found = gunicorn_conf.read(b"chdir = 'a'\nfill(globals())\nworkers = 5\n", {})
    assert not isinstance(found, Unresolved)
    assert {name for name, value in found.values.items() if isinstance(value, Unresolved)} == {
        "chdir", "threads", "worker_class",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "workers", "is_cpu_count"),
    [
        pytest.param("int(os.getenv('N', os.cpu_count() * 2 + 1))", 3, False, id="default-that-does-not-count"),
        pytest.param("int(os.environ.get('N', os.cpu_count()))", 3, False, id="default-of-environ"),
        pytest.param("int(os.getenv('M', os.cpu_count()))", None, True, id="default-that-counts"),
        pytest.param("min(os.cpu_count(), 2)", None, False, id="bounded"),
        pytest.param("min(4, os.cpu_count() * 2) + 1", None, False, id="bounded-in-a-sum"),
        pytest.param("min(os.cpu_count(), unknown())", None, False, id="bounded-by-what-is-not-known"),
        pytest.param("min(os.cpu_count(), os.cpu_count() * 2)", None, True, id="bounded-by-itself"),
        pytest.param("max(os.cpu_count(), 2)", None, True, id="no-upper-bound"),
    ],
)
def test_what_the_cpus_of_the_host_decide(text: str, workers: int | None, is_cpu_count: bool) -> None:  # noqa: FBT001
    for data in (f"import os\nworkers = {text}\n", f"import os\nn = {text}\nworkers = n\n"):
        found = gunicorn_conf.read(data.encode(), {"N": "3"})
        assert not isinstance(found, Unresolved)
        value = found.values["workers"]
        if isinstance(value, Unresolved):
            assert (workers, value.is_cpu_count) == (None, is_cpu_count)
        else:
            assert (value, False) == (workers, is_cpu_count)


def test_a_default_that_fails_fails_where_the_variable_is_set_too() -> None:
    found = gunicorn_conf.read(b"import os\nworkers = os.getenv('N', os.environ['GONE'])\n", {"N": "3"})
    assert isinstance(found, Unresolved)


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        pytest.param(b"workers = 2\nx = (", 2, "does not parse: '(' was never closed", id="syntax"),
        pytest.param(b"#" * (2**20 + 1), 1, "is larger than 128 KiB", id="size"),
    ],
)
def test_a_file_that_is_not_read_says_where(data: bytes, line: int, reason: str) -> None:
    assert gunicorn_conf.read(data, {}) == Unresolved(line, reason)
    host = Host({}, {"api/gunicorn.conf.py": data}.get)
    assert parse("gunicorn a:a -w 2", host, "api").reason == f"api/gunicorn.conf.py:{line} {reason}"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"workers = " + b"-" * 50_000 + b"1", id="unary"),
        pytest.param(b"workers = " + b"1+" * 50_000 + b"1", id="sum"),
        pytest.param(b"workers = " + b"(" * 5_000, id="brackets"),
        pytest.param(b"workers = 2\x00", id="nul"),
        pytest.param(b"workers = 0x" + b"f" * 5_000, id="number"),
        pytest.param(b"workers = [1, 0x" + b"f" * 5_000 + b"]", id="number-in-a-list"),
        pytest.param(b"workers = '0x" + b"f" * 5_000 + b"'", id="number-in-a-text"),
        pytest.param(b"workers = " + b"9" * 5_000, id="decimal-number"),
        pytest.param(b"import os\nworkers = " + b"min(" * 150 + b"os.cpu_count()" + b", 1)" * 150, id="calls"),
        pytest.param(b"workers = '\xff'", id="encoding"),
    ],
)
def test_a_hostile_file_is_unknown(data: bytes) -> None:
    assert parse("gunicorn a:a", Host({}, {"gunicorn.conf.py": data}.get)).workers is None


@pytest.mark.parametrize(
    ("command", "workers", "reason"),
    [
        pytest.param("gunicorn a:a", None, "api/gunicorn.conf.py:2 computes workers: os.cpu_count()", id="computed"),
        pytest.param("gunicorn -w 2 a:a", 2, None, id="command-line-wins"),
        pytest.param("gunicorn -c ../other.py a:a", 3, None, id="named"),
        pytest.param("gunicorn -c python:conf -w 2 a:a", None,
                     "its settings are those of the module conf, which is not read", id="module"),
        pytest.param("gunicorn -c python:conf --chdir . -w 2 --preload a:a", 2, None, id="module-all-is-said"),
        pytest.param("gunicorn -c python:pkg.conf a:a", 5, None, id="module-of-the-repository"),
        pytest.param("gunicorn -c /etc/g.py a:a", None,
                     "its settings file /etc/g.py is not in the repository", id="outside"),
        pytest.param("gunicorn -c /srv/other.py a:a", 3, None, id="in-the-image"),
        pytest.param("gunicorn --paste app.ini", None, "its app is that of app.ini, which is not read", id="paste"),
    ],
)  # fmt: skip
def test_settings_files(command: str, workers: int | None, reason: str | None) -> None:
    files = {"api/gunicorn.conf.py": b"import os\nworkers = os.cpu_count()\n", "other.py": b"workers = 3\n"}
    files["api/pkg/conf.py"] = b"workers = 5\n"
    parsed = parse(command, Host({}, files.get, mounts={"/srv": ""}), "api")
    assert (parsed.workers, parsed.reason) == (workers, reason)
