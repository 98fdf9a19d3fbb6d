"""Measure how an application's memory multiplies under gunicorn, uvicorn and hypercorn.

    python benchmarks/processes.py [--python PYTHON] [--keep DIR] [--rows N]

The application imports pandas, openai and a web framework (FastAPI for ASGI, Flask for WSGI) and
holds a list of N records. Each server is read three times: idle; after 100 requests that each
read all the records and use both libraries; after a request to each worker to run gc.collect().
Beside the sums stands what memory-budget estimates of the command: with `--rows 0` the two can be
compared, for records are nothing that an import tells.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from process_memory import (
    MIB,
    Process,
    add_up,
    fetch,
    free_port,
    install,
    measure_import,
    read_settled_tree,
    serve,
)

from memguard_hooks.app.service_estimate import assess
from memguard_hooks.host import process_tree
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUESTS = 100
MOST_REQUESTS = 5000
PHASES = ("idle", f"after {REQUESTS} requests", "after gc.collect")

REQUIREMENTS = """\
fastapi
flask
gunicorn
hypercorn
openai
pandas<3
uvicorn
"""

WORK = """
import gc
import os

import openai
import pandas
from openai.types.chat import ChatCompletion

ROWS = [{"id": n, "name": f"item {n}", "price": n / 7} for n in range(int(os.environ["ROWS"]))]
REPLY = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "yes"}}],
}
CLIENT = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:9/")


def touch():
    total = sum(row["price"] for row in ROWS)
    frame = pandas.DataFrame({"id": range(200), "price": range(200)})
    groups = frame.groupby(frame["id"] % 7)["price"].sum().to_dict()
    reply = ChatCompletion.model_validate(REPLY)
    return {"pid": os.getpid(), "total": total, "groups": len(groups), "id": reply.id}


def collect():
    gc.collect()
    return {"pid": os.getpid()}
"""

ASGI = """
import fastapi
import work

app = fastapi.FastAPI()
app.get("/touch")(work.touch)
app.get("/collect")(work.collect)


@app.get("/health")
def health():
    return {}
"""

WSGI = """
import flask
import work

app = flask.Flask(__name__)
app.get("/touch")(work.touch)
app.get("/collect")(work.collect)


@app.get("/health")
def health():
    return {}
"""

IMPORTS = {
    "bare interpreter": (),
    "pandas, openai": ("pandas", "openai"),
    "WSGI app": ("wsgi_app",),
    "WSGI app, gunicorn": ("gunicorn.app.wsgiapp", "wsgi_app"),
    "ASGI app": ("asgi_app",),
    "ASGI app, uvicorn": ("uvicorn", "asgi_app"),
    "ASGI app, hypercorn": ("hypercorn", "asgi_app"),
    "gunicorn": ("gunicorn.app.wsgiapp",),
    "uvicorn": ("uvicorn",),
    "hypercorn": ("hypercorn",),
}


class Scenario(NamedTuple):
    """One way to start the application; the root process is a worker when it answers itself."""

    command: str
    root: str
    variables: dict[str, str]


BIND = "--bind 127.0.0.1:$PORT"
SCENARIOS = (
    Scenario(f"gunicorn wsgi_app:app {BIND} -w 1", "arbiter", {}),
    Scenario(f"gunicorn wsgi_app:app {BIND} -w 3", "arbiter", {}),
    Scenario(f"gunicorn wsgi_app:app {BIND} -w 1 --preload", "arbiter", {}),
    Scenario(f"gunicorn wsgi_app:app {BIND} -w 3 --preload", "arbiter", {}),
    Scenario(
        f"gunicorn wsgi_app:app {BIND}",
        "arbiter",
        {"GUNICORN_CMD_ARGS": "--preload", "WEB_CONCURRENCY": "3"},
    ),
    Scenario("uvicorn asgi_app:app --port $PORT", "worker", {}),
    Scenario("uvicorn asgi_app:app --port $PORT --workers 2", "parent", {}),
    Scenario("uvicorn asgi_app:app --port $PORT --workers 3", "parent", {}),
    Scenario(f"hypercorn asgi_app:app {BIND} -w 2", "parent", {}),
)


class Run(NamedTuple):
    """The process tree of one scenario in the three phases, what it takes in each, and what is estimated, in bytes."""

    name: str
    root: str
    trees: list[list[Process]]
    together: list[int]  # each shared page once, and no share of it given to other programs of this machine
    estimated: int


def role_of(process: Process, root: int, root_role: str) -> str:
    """Say what a process of a server is for."""
    if process.pid == root:
        return root_role
    if "resource_tracker" in process.command:
        return "resource tracker"
    return "worker"


def ask_all_workers(url: str, workers: set[int], requests: int) -> None:
    """Send so many requests, and more until each worker has answered one."""
    answered: set[int] = set()
    sent = 0
    with ThreadPoolExecutor(4) as clients:
        while sent < requests or not workers <= answered:
            if sent >= MOST_REQUESTS:
                raise TimeoutError(f"{workers - answered} answered none of {sent} requests")
            answered.update(json.loads(body)["pid"] for body in clients.map(fetch, [url] * 10))
            sent += 10


def run(scenario: Scenario, interpreter: Path, directory: Path, rows: int) -> Run:
    """Start the application in one way and read its processes in the three phases."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program, *arguments = scenario.command.replace("$PORT", str(port)).split()
    command = [str(interpreter.parent / program), *arguments]
    variables = {"ROWS": str(rows), **scenario.variables}
    with serve(command, directory, variables, f"{url}/health") as pid:
        trees = [read_settled_tree(pid)]
        together = [read_together(trees[0])]
        workers = {process.pid for process in trees[0] if role_of(process, pid, scenario.root) == "worker"}
        for path, requests in (("touch", REQUESTS), ("collect", 1)):
            ask_all_workers(f"{url}/{path}", workers, requests)
            trees.append(read_settled_tree(pid))
            together.append(read_together(trees[-1]))
    shown = [f"{name}={value}" for name, value in scenario.variables.items()]
    name = " ".join([*shown, *scenario.command.split()])
    return Run(name, scenario.root, trees, together, estimate(name, interpreter, directory))


def read_together(tree: Sequence[Process]) -> int:
    """Return what the processes of a tree take together, as on a host that runs nothing else."""
    return process_tree.add_up(one for process in tree if (one := process_tree.read_process(process.pid)) is not None)


def estimate(command: str, interpreter: Path, code: Path) -> int:
    """Estimate a command by its application's files and the versions in its environment."""
    freeze = [str(interpreter), "-m", "pip", "freeze"]
    pins = subprocess.run(freeze, check=True, stdout=subprocess.PIPE, text=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        for path in code.glob("*.py"):
            shutil.copy(path, folder)
        (Path(folder) / "requirements.txt").write_text(pins, "utf-8")
        (Path(folder) / "Procfile").write_text(f"web: {command}\n", "utf-8")
        tree = WorkTree(folder)
        (judged,) = assess(Project(tree, load(tree, None)[0]), None)
        tree.close()
    assert judged.now is not None
    return judged.now.estimate.start.expected


def render_imports(interpreter: Path, directory: Path, rows: int) -> list[str]:
    """Measure what modules take in a plain interpreter, as a markdown table."""
    lines = ["| imported alone | RSS | PSS | anonymous |", "| --- | ---: | ---: | ---: |"]
    for name, modules in IMPORTS.items():
        memory = measure_import(interpreter, directory, modules, {"ROWS": str(rows)})
        sizes = (memory.rss, memory.pss, memory.anonymous)
        lines.append(f"| {name} | {' | '.join(f'{size / MIB:.1f}' for size in sizes)} |")
    return lines


def render_sums(runs: Sequence[Run]) -> list[str]:
    """Render the sums over each process tree as a markdown table."""
    lines = [
        f"| command | processes | ΣRSS | ΣPSS | {' | '.join(PHASES)} | estimated | to {PHASES[0]} | to {PHASES[1]} |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in runs:
        idle = add_up(each.trees[0])
        sizes = (idle.rss, idle.pss, *each.together, each.estimated)
        off = (f"{each.estimated / size - 1:+.1%}" for size in each.together[:2])
        row = (f"`{each.name}`", str(len(each.trees[0])), *(f"{size / MIB:.1f}" for size in sizes), *off)
        lines.append(f"| {' | '.join(row)} |")
    return lines


def render_processes(runs: Sequence[Run]) -> list[str]:
    """Render each process in each phase as a markdown table."""
    lines = [
        "| command | phase | role | RSS | PSS | USS | anonymous |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for each in runs:
        for phase, tree in zip(PHASES, each.trees, strict=True):
            for process in tree:
                sizes = " | ".join(f"{size / MIB:.1f}" for size in process.memory)
                role = role_of(process, tree[0].pid, each.root)
                lines.append(f"| `{each.name}` | {phase} | {role} | {sizes} |")
    return lines


def versions_of(interpreter: Path) -> str:
    """List the versions of the interpreter and of the packages asked for."""
    code = (
        "import platform, sys; from importlib.metadata import version;"
        "print(', '.join(['CPython ' + platform.python_version(),"
        " *(f'{name} {version(name)}' for name in sys.argv[1:])]))"
    )
    names = [line.partition("<")[0] for line in REQUIREMENTS.split()]
    command = [str(interpreter), "-c", code, *names]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all scenarios and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default="python3.11", help="interpreter of the application")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep and reuse the environment")
    parser.add_argument("--rows", type=int, default=20_000, help="records that the application holds")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        directory = (options.keep or Path(temporary)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        interpreter = install(directory / "processes-env", options.python, REQUIREMENTS)
        code = directory / "processes-app"
        code.mkdir(exist_ok=True)
        for name, text in (("work", WORK), ("asgi_app", ASGI), ("wsgi_app", WSGI)):
            (code / f"{name}.py").write_text(text)
        alone = render_imports(interpreter, code, options.rows)
        runs = [run(scenario, interpreter, code, options.rows) for scenario in SCENARIOS]
        source = (
            f"MiB; {options.rows} rows",
            f"{platform.system()} {platform.machine()}",
            datetime.now(timezone.utc).date().isoformat(),
            versions_of(interpreter),
        )
        for table in (alone, render_sums(runs), render_processes(runs), ["; ".join(source)]):
            print("\n".join(table), end="\n\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
