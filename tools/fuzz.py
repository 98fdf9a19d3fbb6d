"""Give mutated files to every reader, to every parser of Python, to every format of output, and to whole runs.

python tools/fuzz.py [--seed N] [--mutants N] [--seconds N] [--only NAME]... [--save DIR] [--fast]
                     [--sources DIR]...

The same seed makes the same mutants. A mutant that reaches a line which none before has reached is mutated further. Anything
but an answer or a MemguardError is a fault, and so are more than two seconds, and output that a terminal or a runner obeys.
`--seconds` bounds the CPU time of all together. `--sources` gives the Python files of a folder to the parsers of Python,
unchanged. The exit status is 1 where a fault was found.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import os
import random
import resource
import stat
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import tomli
from attack import faults_of

import memguard_hooks
from memguard_hooks import store
from memguard_hooks.app.moved_imports import move_imports
from memguard_hooks.catalog import lock as memguard_lock
from memguard_hooks.commands import check, hook
from memguard_hooks.dependencies import compiled, image_commands, install_command, lock_readers, manifests
from memguard_hooks.deployment import (
    azure_functions,
    beanstalk,
    compose_values,
    dockerfile,
    gunicorn_conf,
    helm,
    heroku,
    kustomize,
    python_version,
    readers,
    start_script,
    task_runners,
    terraform,
    vercel,
)
from memguard_hooks.deployment.calls_at_start import Program, follow
from memguard_hooks.deployment.command import Host
from memguard_hooks.deployment.command import parse as parse_command
from memguard_hooks.deployment.images import RepositoryImages
from memguard_hooks.deployment.service import Deployment, Service
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Finding, Report, ServiceReport, Skipped, Step
from memguard_hooks.formats.position import Place
from memguard_hooks.formats.python_literals import parse_module
from memguard_hooks.formats.python_source import MAX_SOURCE_BYTES, decode
from memguard_hooks.git import name_of_blob
from memguard_hooks.imports.analyze import analyze
from memguard_hooks.imports.built_at_load import read_built
from memguard_hooks.imports.frameworks import Framework, called_by_framework, framework_edges
from memguard_hooks.imports.layout import read_layout
from memguard_hooks.imports.lines import unindented_imports
from memguard_hooks.imports.model import Target as ImportTarget
from memguard_hooks.imports.movable import MovableFile, Wanted
from memguard_hooks.imports.narrow import candidates
from memguard_hooks.imports.uses import unused_names
from memguard_hooks.logs.facts import read_logs
from memguard_hooks.logs.savings import propose
from memguard_hooks.logs.survey import survey
from memguard_hooks.models import calls as model_calls
from memguard_hooks.models.folding import Folding
from memguard_hooks.models.scopes import last_name
from memguard_hooks.models.values import Sources
from memguard_hooks.project import baseline, settings
from memguard_hooks.report.formats import FORMATS, render
from memguard_hooks.startup import calls as work
from memguard_hooks.tree import TreeEntry

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = str(Path(memguard_hooks.__file__).parent)
LOCKS = ROOT / "tests" / "data" / "locks"

MAX_SECONDS = 2.0
MAX_BYTES = 2**16
"""Of a mutant: how work grows with size is held by tests of growth."""

MAX_POOL = 200

Act = Callable[[bytes], object]


class Target(NamedTuple):
    """What is given mutants, and the texts that these are made of."""

    act: Act
    seeds: Sequence[bytes]


class MemoryTree:
    """A tree of files in memory, all in its root."""

    root = "/nowhere"

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.parsed: dict[Hashable, object] = {}

    def read(self, path: str) -> bytes | None:
        """Return a file."""
        return self.files.get(path)

    def entries(self, folder: str) -> tuple[TreeEntry, ...]:
        """Return the files of the root."""
        return () if folder else tuple(TreeEntry(name, is_folder=False) for name in sorted(self.files))

    def identity(self, path: str) -> bytes | None:
        """Return the name of a content."""
        return name_of_blob(self.files[path]) if path in self.files else None

    def kind(self, path: str) -> int | None:
        """Return the kind of a file."""
        return stat.S_IFREG if path in self.files else None

    def has(self, path: str) -> bool:
        """Return whether there is such a file."""
        return path in self.files

    def size(self, path: str) -> int | None:
        """Return the bytes of a file."""
        return len(self.files[path]) if path in self.files else None

    def close(self) -> None:
        """Nothing is open."""


# Seeds

with (Path(__file__).parent / "fuzz_seeds.toml").open("rb") as stream:
    SEEDS = tomli.load(stream)


def _texts(group: str, name: str | None = None) -> tuple[bytes, ...]:
    rows = SEEDS[group] if name is None else SEEDS[group][name]
    return tuple(row["text"].encode() for row in rows)


PYTHON = _texts("python")
MANIFESTS = {**{name: _texts("manifests", name) for name in SEEDS["manifests"]}, "setup.py": PYTHON}
DEPLOYMENTS = {name: _texts("deployments", name) for name in SEEDS["deployments"]}
LOCK_TEXTS = {
    name: tuple(path.read_bytes() for path in sorted(LOCKS.rglob(name)))
    for name in ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
}

TOKENS = (*(token.encode() for token in SEEDS["tokens"]), b"\xff", b"\xed\xa0\x80", b"9" * 400, b"a" * 300)
"""What breaks readers, terminals and runners, and what the formats are made of."""


# What is given mutants


def _reader(name: str) -> Act:
    read = readers.reader_of(name)  # type: ignore[arg-type]
    path = {"railway": "railway.json"}.get(name, "a/file")
    return lambda data: read(data, path, {"a/Dockerfile": _texts("dockerfile")[1], ".env": b"A=b\n"}.get)


def _manifest(name: str) -> Act:
    return lambda data: manifests.read(
        MemoryTree({"requirements.txt": b"c\n", name: data, "more.txt": b"a\n", "c.txt": b"b==1\n"}), name
    )


def _lock(name: str) -> Act:
    return lambda data: lock_readers.read(MemoryTree({name: data}), name)


def _command(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    return parse_command(text, Host({"A": "b"}, {"supervisord.conf": data, "Procfile": data, "start.sh": data}.get), "a")


def _frameworks(data: bytes) -> object:
    return framework_edges(data, Framework("shop.settings", is_worker=True)), called_by_framework(data)


def _uses(data: bytes) -> object:
    return [unused_names(data, "a.py", site) for site in analyze(data, "a.py").sites[:20]]


def _functions(data: bytes) -> object:
    """Find what functions call, as it is kept."""
    from memguard_hooks.imports import facts

    known = facts.Facts(store.Store(None))
    return known.functions(b"a", lambda: data), known.places(b"a", lambda: data)


def _values(data: bytes) -> object:
    """Find the calls that load models, and those that do other work."""
    folding = Folding(Sources({"a.py": data}.get, lambda module, *_: "a.py" if module == "a" else None, lambda _: ["a.py"]))
    module = folding.module("a.py")
    calls = module.calls if module is not None else ()
    suspects = {(one.scope.function.name if one.scope.function else "", last_name(one.node.func)) for one in calls}
    bodies = [body for body, _ in suspects]
    found = work.find_calls(folding, "a.py", suspects, bodies, frozenset(("a.py", body) for body in bodies))
    return tuple(model_calls.find_calls(folding, "a.py")), tuple(found)


def _edits(data: bytes) -> object:
    """Move the imports of a file, as `--fix` does and as the walk tries to."""
    module = parse_module(data)
    found = [one for one in module.body if isinstance(one, (ast.Import, ast.ImportFrom))][:50]
    wanted = [Wanted(one.lineno, getattr(one, "module", None) or one.names[0].name, ()) for one in found]
    file = MovableFile(module, decode(data), wanted, None, is_package=False)
    return file.moves(), move_imports(data, "a.py", {one.lineno for one in found})


def _started(data: bytes) -> object:
    """Follow what a program calls as it starts."""
    files = {"a.py": data, "b.py": PYTHON[0]}
    return follow(Program("a.py", "a", True, None, ("",), ("a", "b")), Host({"A": "b"}, files.get))


def _report(data: bytes, style: str) -> object:
    """Render a report whose texts are pieces of the data, and judge what reaches a terminal."""
    text = data.decode("utf-8", "surrogateescape")
    size = max(len(text) // 6, 1)
    a, b, c, d, e, *_ = (*(text[start : start + size] for start in range(0, len(text), size)), *"abcdef")
    findings = (
        Finding(a, 1, 1, "MG201", b, c, d, "error", 9 * 2**20, (Step(a, 1, e), Step(b, 2, c)), (d, e), 3),
        Finding(b, 2, 1, "MG101", a, e, c, "warning", None),
    )
    service = ServiceReport(a, b, 1, c, d, 2, 512 * 2**20, e, a, None, "unknown")
    shown = render(Report(findings, (service,), (Skipped(c, 1, d), Skipped(e, None, a)), b, c, 3, 2), style)
    if style != "github":  # whose commands are annotations
        _judge_output(0, shown, "")
    return shown


def _judge_output(status: int, output: str, errors: str, *, annotates: bool = False) -> None:
    faults = list(faults_of(status, output, errors, annotates=annotates))
    if faults:
        raise AssertionError("; ".join(faults))


NAMES = {
    **{f"manifest: {name}": name for name in MANIFESTS},
    "deployment: render": "render.yaml", "deployment: fly": "fly.toml", "deployment: railway": "railway.json",
    "deployment: heroku": "heroku.yml", "deployment: compose": "compose.yaml", "deployment: procfile": "Procfile",
    "deployment: kubernetes": "k8s.yaml", "deployment: nixpacks": "nixpacks.toml", "settings": "memguard.toml",
}  # fmt: skip
"""The files of a whole run, by the targets whose seeds they are made of."""


def _run(data: bytes) -> object:
    """Run the hooks on a project whose files the data decides: which there are, and what they hold."""
    chance = random.Random(data)  # noqa: S311 - to be the same again
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for name in ("main.py", "shop/settings.py", "gunicorn.conf.py"):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(mutate(chance, chance.choice(PYTHON), PYTHON))
        for target, name in NAMES.items():
            if chance.random() < 0.3:
                seeds = TARGETS[target].seeds
                (root / name).write_bytes(mutate(chance, chance.choice(seeds), seeds))
        chance.choice([path for path in root.iterdir() if path.is_file()]).write_bytes(data)
        output, errors = io.StringIO(), io.StringIO()
        before = Path.cwd()
        os.chdir(root)
        style = chance.choice(FORMATS[:5])
        run: Callable[[list[str]], int] = hook.main if chance.random() < 0.3 else check.main
        words = [path.name for path in root.iterdir() if path.is_file()] if run is hook.main else ["--format", style]
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                status = run(words)
        finally:
            os.chdir(before)
        _judge_output(status, output.getvalue(), errors.getvalue(), annotates=style == "github")
    return status


def _stored(data: bytes) -> object:
    """Analyze a file of which the store has something else to say."""
    from memguard_hooks.imports import facts

    known = facts.Facts(_Poisoned(data))
    return known.analysis(b"a", ImportTarget(), lambda: PYTHON[0]), known.outline(b"a", Framework(), lambda: PYTHON[4])


class _Poisoned(store.Store):
    """A store that somebody else has written."""

    def __init__(self, data: bytes) -> None:
        super().__init__(None)
        self._data = data

    def get(self, *name: bytes) -> object | None:
        """Return the same for all names."""
        self.put_text(self._data, *name)
        return super().get(*name)


KUSTOMIZATION = b"""\
resources: [a.yaml, .]
patches: [{path: a.yaml}, {patch: '- {op: add, path: /spec/a/0, value: b}', target: {}}]
replicas: [{name: a, count: 2}]
kind: Deployment
metadata: {name: a}
spec: &a {containers: [{name: a, env: [*a]}]}
"""


LOGS = (
    b"2026-11-29 10:00:00,123 INFO app.db: connected to postgres://me:pw@db:5432/a in 3 ms\n" * 3,
    b'{"time": "2026-11-29T10:00:00Z", "level": "info", "msg": "call CA12 done", "call_sid": "CA12"}\n' * 3,
    b'time=2026-11-29T10:00:00Z level=warning msg="slow \\"q\\"" took=3s\n' * 2,
    b'{"log": "Traceback (most recent call last):\\n", "stream": "stderr", "time": "2026-11-29T10:00:00.1Z"}\n  File \n',
    b"Nov 29 10:00:00 host app[12]: <14> got 12 rows\n__REALTIME_TIMESTAMP=1764410400000000\nMESSAGE=a\n\n",
)


def _surveyed(data: bytes) -> object:
    """Survey a log, and say what may be said less."""
    found = survey(data.decode("utf-8", "replace").splitlines(keepends=True), None, lambda _: None)
    return found, propose(found)


def _kustomized(data: bytes) -> object:
    """Build a kustomization of which each file has the same text."""
    return kustomize.build("kustomization.yaml", {"kustomization.yaml": data, "a.yaml": data}.get)


TERRAFORM = (
    b"""variable "image" { default = "a:1" }
locals {
  port = 80
  list = [var.image, "${var.image}/b", local.port]
}
resource "aws_ecs_task_definition" "a" {
  family = "a"
  memory = "512"
  container_definitions = jsonencode([{ name = "a", image = local.list, command = ["gunicorn", "main:app"], memory = 512,
    environment = [{ name = "A", value = var.image }] }])
}
resource "aws_ecs_task_definition" "b" { container_definitions = file("${path.module}/a.json") }
""",
    b"""resource "google_cloud_run_v2_service" "a" {
  template {
    containers {
      image   = "a"
      command = ["python", "main.py"]
      env { name = "A" value = <<-EOT
        b ${var.c}
        EOT
      }
      resources { limits = { memory = "512Mi", cpu = "1" } }
    }
    scaling { max_instance_count = 2 }
  }
}
""",
)

HELM = (
    b"""apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ include "a.name" . | quote }}}
spec:
  replicas: {{ .Values.count | default 1 }}
  template:
    spec:
      containers:
      {{- range $name, $one := .Values.workers }}
        - name: {{ $name | trunc 63 | trimSuffix "-" }}
          image: "{{ $one.image }}:{{ $one.tag | default $.Chart.AppVersion }}"
          command: ["gunicorn", "main:app"]
          env:
            {{- toYaml $one.env | nindent 12 }}
          resources: {{ toYaml $one.resources | nindent 12 }}
      {{- end }}
{{- if and .Values.a (not .Values.b) }}{{ with .Values.a }}{{ printf "%s-%d" . 3 }}{{ end }}{{ else }}{{ fail "a" }}{{ end }}
""",
    b"""workers: {a: {image: &a x, env: [{name: *a, value: b}], resources: {limits: {memory: 512Mi}}}}\ncount: 2\na: {{ tpl }}\n""",  # noqa: E501
    b"""{{- define "a.name" -}}{{ .Release.Name }}-{{ .Chart.Name }}{{- end -}}{{ include "a.name" . | fromYaml | toJson }}""",  # noqa: E501
)

COMPILED = (
    b"# uv pip compile a.in\nlitellm==1.0 \\\n    --hash=sha256:0\n    # via -r a.in\nb==0.5  # via litellm\n",
    b"a==1\n    # via\n    #   b\n    #   -c c.txt\nb[x]==2\n    # via a (pyproject.toml)\n-r requirements.txt\n",
)

INSTALLS = (
    b"python -m pip install -r a.txt 'litellm>=1' $B && uv pip install --system . -c c.txt; pip3 install a>=1",
    b"sh -c 'pip install \"a[b]==1\"' $(echo pip install torch) <<EOF\npip install c\nEOF\n",
)

ENV_FILES = (b"A=b\nexport C='$A' # x\nD=\"${A:-$C}\\n\"\n", b"\xef\xbb\xbfA: b\nE=${A?x}${B:+c}\nF\n= g\n")

CHART = b"name: c\nversion: 1.0.0\nappVersion: a\n"

VERCEL = (
    b"""{"builds": [{"src": "api/*.py", "use": "@vercel/python"}], "functions": {"api/a.py": {"memory": 512}},
"env": {"A": "b"}}""",
    b"""{"functions": {"**": {"memory": 1024, "maxDuration": 10}}, "routes": [{"src": "/", "dest": "api/a.py"}]}""",
)

EXTENSIONS = (
    b"""option_settings:
  aws:elasticbeanstalk:container:python: {WSGIPath: main:app, NumProcesses: 3, NumThreads: 2}
  - {namespace: "aws:autoscaling:launchconfiguration", option_name: InstanceType, value: t3.micro}
""",
    b"""option_settings:
  - {namespace: "aws:elasticbeanstalk:container:python", option_name: WSGIPath, value: "main:app"}
  - {namespace: "aws:elasticbeanstalk:application:environment", option_name: A, value: "`{\\"Ref\\": \\"B\\"}`"}
""",
)

TASKS = (
    b"""[tool.poe.tasks]\na = {cmd = "gunicorn main:app", env = {A = "b"}}\nb = [{ref = "a"}, {script = "c.d:e"}]\n""",
    b"""[tool.pdm.scripts]\na = {composite = ["b", "a"]}\nb = "python main.py"\n[tool.hatch.envs.default.scripts]\na = ["b", "a {args}"]\n""",  # noqa: E501
    b"""A ?= b\nB := $(A) ${A} $$C\na: b\n\t@gunicorn main:app -b $(B)\nb: ; echo $(A)\ninclude c.mk\n""",
)

PINS = (b"python-3.12.1\n", b"python 3.12 3.11\n", b'[tools]\npython = ["3.12", "3.11"]\n', b'{"_meta": {"requires": {"python_version": "3.1"}}}',  # noqa: E501
        b'[project]\nrequires-python = ">=3.9,<4"\n[tool.poetry.dependencies]\npython = "^3.9"\n')  # fmt: skip

_VERSION_FILES = (
    ".python-version",
    "runtime.txt",
    ".tool-versions",
    "mise.toml",
    "Pipfile",
    "Pipfile.lock",
    "pyproject.toml",
)


def _installs(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    return install_command.read_installs(text, "a", lambda at: Place(1, at + 1)), list(install_command.read_programs(text))


def _terraformed(data: bytes) -> object:
    files = {"a/main.tf": data, "a/b.tf": TERRAFORM[0], "a/a.json": data, "Dockerfile": _texts("dockerfile")[1]}
    images = RepositoryImages(files.get, lambda: ("a/main.tf",), lambda: ("Dockerfile",))
    return terraform.read(("a/b.tf", "a/main.tf"), ("a/b.tf", "a/main.tf"), files.get, images)


def _charted(data: bytes) -> object:
    """Fill in a chart of which a template has some text, and one whose values have it."""
    folder = "c/templates/"
    for template, values in ((data, HELM[1]), (HELM[0], data)):
        files = {f"{folder}a.yaml": template, f"{folder}_b.tpl": HELM[2], "c/values.yaml": values, "c/Chart.yaml": CHART}
        found = helm.read("c/Chart.yaml", (f"{folder}_b.tpl", f"{folder}a.yaml"), files.get)
    return found


def _beside(read: Callable[..., object], path: str) -> Act:
    """Return a reader of a file that asks what lies beside it."""
    files = {"api/a.py": b"app = App()\n", "function_app.py": b"app = App()\n", "a.py": b"def handler(event): pass\n"}
    return lambda data: read(data, path, {**files, path: data}.get, lambda folder: ("a.py",) if folder else ("api", "a.py"))


def _functions_of_azure(data: bytes) -> object:
    files = {"a/function.json": data, "a/__init__.py": b"def main(): pass\n", "host.json": data}
    return azure_functions.read(
        data, "host.json", files.get, lambda folder: ("__init__.py", "function.json") if folder else ("a",)
    )


def _versions(data: bytes) -> object:
    """Read each file that pins a Python, of a service of two hosts."""
    for host in ("render", "heroku"):
        service = Service("a", "render.yaml", 1, 1, "gunicorn main:app", kind="web", platform=host)
        for name in _VERSION_FILES:
            found = python_version.pins(service, {name: data}.get)
    return found


def _tasks(data: bytes) -> object:
    names = ("pyproject.toml", "Makefile", "Taskfile.yml", "package.json", "pixi.toml", "tox.ini", "Pipfile")
    host = Host({}, dict.fromkeys(names, data).get)
    words = ("make a", "poe a", "pdm run a", "hatch run a", "pixi run a", "rye run a", "pipenv run a", "task a", "just a")
    return [task_runners.find(one.split(), host) for one in words]


PARSERS: dict[str, Act] = {
    "python: names": candidates,
    "python: analysis": lambda data: analyze(data, "a.py"),
    "python: frameworks": _frameworks,
    "python: literals": parse_module,
    "python: lines": unindented_imports,
    "python: uses": _uses,
    "python: setup.py": _manifest("setup.py"),
    "python: gunicorn.conf.py": lambda data: gunicorn_conf.read(data, {}, 2.0),
    "python: logs": lambda data: read_logs(store.Store(None), b"a", lambda: data + b"\nlogger.info('a')\nbasicConfig()\n"),
    "python: built": read_built,
    "python: functions": _functions,
    "python: values": _values,
    "python: edits": _edits,
    "python: start": _started,
}

TARGETS: dict[str, Target] = {
    **{name: Target(act, PYTHON) for name, act in PARSERS.items()},
    **{f"manifest: {name}": Target(_manifest(name), seeds) for name, seeds in MANIFESTS.items()},
    **{f"lock: {name}": Target(_lock(name), seeds) for name, seeds in LOCK_TEXTS.items()},
    **{f"deployment: {name}": Target(_reader(name), seeds) for name, seeds in DEPLOYMENTS.items()},
    "deployment: app.json": Target(lambda data: heroku.read_app(data, "app.json", Deployment()), _texts("heroku")),
    "deployment: Dockerfile": Target(lambda data: dockerfile.read_image(data, "Dockerfile"), _texts("dockerfile")),
    "dependencies: Dockerfile": Target(lambda data: image_commands.read(data, "Dockerfile"), _texts("dockerfile")),
    "start script": Target(lambda data: start_script.read(data, ("a",), Host({"N": "2"})), _texts("script")),
    "command": Target(_command, _texts("command")),
    "deployment: kustomization": Target(_kustomized, (*DEPLOYMENTS["kubernetes"], KUSTOMIZATION)),
    "lock: requirements.txt": Target(lambda data: compiled.read(MemoryTree({"a.txt": data}), "a.txt"), COMPILED),
    "dependencies: commands": Target(_installs, (*INSTALLS, *_texts("command"))),
    "env file": Target(lambda data: compose_values.read_env_file(data, {"A": "b"}), ENV_FILES),
    "deployment: terraform": Target(_terraformed, TERRAFORM),
    "deployment: helm": Target(_charted, HELM),
    "deployment: vercel": Target(_beside(vercel.read, "vercel.json"), VERCEL),
    "deployment: azure-functions": Target(_functions_of_azure, (b'{"scriptFile": "__init__.py", "entryPoint": "main"}', b"{}")),  # noqa: E501
    "deployment: ebextensions": Target(
        lambda data: beanstalk.read((".ebextensions/a.config",), {".ebextensions/a.config": data}.get), EXTENSIONS
    ),
    "deployment: python versions": Target(_versions, PINS),
    "tasks": Target(_tasks, TASKS),
    "settings": Target(lambda data: settings.load(MemoryTree({"memguard.toml": data})), _texts("settings")),
    "layout": Target(
        lambda data: read_layout(MemoryTree({"pyproject.toml": data, "setup.cfg": data})),
        (*MANIFESTS["pyproject.toml"], *MANIFESTS["setup.cfg"]),
    ),
    "baseline": Target(lambda data: baseline.read(MemoryTree({"memguard-baseline.json": data}), None), _texts("baseline")),
    "memguard.lock": Target(memguard_lock.read, _texts("lock")),
    "store": Target(_stored, _texts("store")),
    "a log": Target(_surveyed, LOGS),
    **{f"report: {style}": Target(lambda data, style=style: _report(data, style), (b"web a.py pandas gunicorn", *TOKENS[:8]))  # type: ignore[misc]
       for style in FORMATS},
    "whole runs": Target(_run, (*PYTHON, *_texts("settings"), *(text for texts in DEPLOYMENTS.values() for text in texts))),
}  # fmt: skip


# Mutants


def mutate(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return a text with some changes."""
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        start = chance.randrange(len(data) + 1)
        end = min(start + chance.choice((0, 1, 1, 4, 20, 200)), len(data))
        piece = data[start:end]
        match chance.randrange(9):
            case 0:
                new = b""
            case 1:
                new = chance.choice(TOKENS)
            case 2:
                new = piece + chance.choice(TOKENS) + piece
            case 3:
                new = piece * chance.choice((2, 3, 50, 2000))
            case 4:
                new = bytes(byte ^ 1 << chance.randrange(8) for byte in piece)
            case 5:
                other = chance.choice(others)
                at = chance.randrange(len(other) + 1)
                new = other[at : at + chance.choice((5, 50, 500))]
            case 6:
                lines = piece.split(b"\n")
                chance.shuffle(lines)
                new = b"\n".join(lines)
            case 7:
                new = chance.choice(TOKENS) * chance.choice((10, 1000))
            case _:
                new = piece.replace(b" ", chance.choice(TOKENS)) or bytes([chance.randrange(256)])
        data = (data[:start] + new + data[end:])[:MAX_BYTES]
    return data


class Lines:
    """The lines of this package that were run, all and those of the last input."""

    def __init__(self) -> None:
        self.all: set[tuple[CodeType, int]] = set()
        self.last: set[tuple[CodeType, int]] = set()
        self.paths: set[int] = set()

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        """Note the lines of this package; `sys.settrace` calls it."""
        if event == "call":
            return self.trace if frame.f_code.co_filename.startswith(PACKAGE) else None
        if event == "line":
            self.last.add((frame.f_code, frame.f_lineno))
        return self.trace

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Note the lines of one input."""
        self.last = set()
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            yield
        finally:
            sys.settrace(before)

    def is_new(self) -> bool:
        """Return whether the last input has reached a line that none before had; and count its path."""
        self.paths.add(hash(frozenset(self.last)))
        before = len(self.all)
        self.all |= self.last
        return len(self.all) > before


class NewLines(Lines):
    """The same without tracing a line twice: a path counts where it has a new line. For Python 3.12 and later."""

    def __init__(self) -> None:
        super().__init__()
        self.monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        self.monitoring.free_tool_id(self.monitoring.COVERAGE_ID)
        self.monitoring.use_tool_id(self.monitoring.COVERAGE_ID, "fuzz")
        self.monitoring.restart_events()
        self.monitoring.register_callback(self.monitoring.COVERAGE_ID, self.monitoring.events.LINE, self._reached)

    def _reached(self, code: CodeType, line: int) -> object:
        if code.co_filename.startswith(PACKAGE):
            self.last.add((code, line))
        return self.monitoring.DISABLE

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Note the lines of one input that none before has reached."""
        self.last = set()
        self.monitoring.set_events(self.monitoring.COVERAGE_ID, self.monitoring.events.LINE)
        try:
            yield
        finally:
            self.monitoring.set_events(self.monitoring.COVERAGE_ID, 0)


class Found(NamedTuple):
    """What the mutants of one target have shown."""

    mutants: int
    paths: int
    lines: int
    faults: int
    slowest: float


def outcome_of(act: Act, data: bytes) -> tuple[str | None, str | None]:
    """Return what is wrong with what happens to an input, and why it was refused; None where neither is."""
    refusal = None
    began = time.process_time()
    try:
        act(data)
    except MemguardError as error:
        refusal = str(error)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:200]} ({place.filename}:{place.lineno})", None
    seconds = time.process_time() - began
    return f"takes {seconds:.1f} s" if seconds > MAX_SECONDS else None, refusal


def fault_of(act: Act, data: bytes) -> str | None:
    """Return what is wrong with what happens to an input, None where nothing is."""
    return outcome_of(act, data)[0]


def fuzz(
    name: str, target: Target, seed: int, mutants: int, seconds: float, save: Path | None, *, is_fast: bool = False
) -> Found:
    """Give mutants to one target until there are enough, or the time is up."""
    chance = random.Random(f"{seed} {name}")  # noqa: S311 - to be the same again
    pool = list(target.seeds)
    lines = NewLines() if is_fast else Lines()
    told: set[str] = set()
    began = time.process_time()
    slowest, count = 0.0, 0
    for number in range(-len(target.seeds), mutants):
        data = target.seeds[number] if number < 0 else mutate(chance, chance.choice(pool), target.seeds)
        before = time.process_time()
        if before - began > seconds:
            break
        count += 1
        with lines.watched():
            fault = fault_of(target.act, data)
        slowest = max(slowest, time.process_time() - before)
        if fault is not None and fault.startswith("takes") and fault_of(target.act, data) is None:
            fault = None  # without the trace, which takes most of it
        if fault is not None and fault not in told:
            told.add(fault)
            print(f"{name}: mutant {number} of seed {seed}: {fault}", flush=True)
            if save is not None:
                save.mkdir(parents=True, exist_ok=True)
                (save / f"{name.replace(': ', '-').replace(' ', '-')}-{seed}-{number}").write_bytes(data)
        if lines.is_new() and len(pool) < MAX_POOL:
            pool.append(data)
    return Found(count, len(lines.paths), len(lines.all), len(told), slowest)


def _peak_kib(*, begin_anew: bool = False) -> int:
    """Return what this process has taken at most, in KiB, since it began anew where the system can do that (Linux)."""
    if begin_anew:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _compiles(path: Path) -> bool:
    """Return whether a file is below the bound of bytes, and this Python compiles it."""
    data = path.read_bytes()
    if len(data) > MAX_SOURCE_BYTES:
        return False
    try:
        compile(data, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def parse_sources(folders: Sequence[Path]) -> int:
    """Give each Python file of some folders to each parser of Python; return how many faults there are.

    Tells which files are refused of those that this Python compiles, and what the slowest and the largest have taken.
    """
    faults = count = 0
    refused: dict[Path, str] = {}
    slowest, largest = (0.0, Path(), ""), (0, Path())
    for path in sorted(path for folder in folders for path in folder.rglob("*.py") if path.is_file()):
        data = path.read_bytes()
        count += 1
        _peak_kib(begin_anew=True)
        for name, act in PARSERS.items():
            began = time.process_time()
            fault, refusal = outcome_of(act, data)
            slowest = max(slowest, (time.process_time() - began, path, name))
            if refusal is not None:
                refused.setdefault(path, f"{name}: {refusal}")
            if fault is not None:
                faults += 1
                print(f"{path}: {name}: {fault}", flush=True)
        largest = max(largest, (_peak_kib() // 1024, path))
    refused = {path: refusal for path, refusal in refused.items() if _compiles(path)}
    for path, refusal in refused.items():
        print(f"{path}: refused by {refusal}")
    print(f"{count} files, {faults} faults, {len(refused)} refused, all in one process")
    print(f"slowest {slowest[0]:.2f} s ({slowest[1]}, {slowest[2]}), largest {largest[0]} MiB ({largest[1]})")
    return faults


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz all targets, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutants", type=int, default=10_000, help="of each target")
    parser.add_argument("--seconds", type=float, default=600, help="of CPU, for all targets together")
    parser.add_argument("--only", action="append", default=[], help="a target, or how its name begins")
    parser.add_argument("--save", type=Path, help="a folder for what has shown a fault")
    parser.add_argument("--fast", action="store_true", help="count no path without a new line (Python 3.12 and later)")
    parser.add_argument("--sources", action="append", type=Path, default=[], help="a folder of Python files to parse")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    os.environ["MEMGUARD_CACHE_DIR"] = ""
    if options.sources:
        return 1 if parse_sources(options.sources) else 0
    names = [name for name in TARGETS if not options.only or name.startswith(tuple(options.only))]
    total = []
    began = time.process_time()
    for number, name in enumerate(names):
        left = options.seconds - (time.process_time() - began)
        share = left / (len(names) - number)
        found = fuzz(name, TARGETS[name], options.seed, options.mutants, share, options.save, is_fast=options.fast)
        total.append(found)
        print(
            f"{name:<28} {found.mutants:6} inputs {found.paths:6} paths {found.lines:5} lines {found.slowest:5.2f} s",
            flush=True,
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    inputs, paths, faults = (sum(column) for column in ([one.mutants for one in total], [one.paths for one in total],
                                                        [one.faults for one in total]))  # fmt: skip
    print(f"{len(total)} targets, {inputs} inputs, {paths} paths, {faults} faults, {peak} MiB at most")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
