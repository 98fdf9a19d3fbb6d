"""Dockerfile and fly.toml: what an image runs, where that is written, and in which folder of the repository."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pytest
from work import LINEAR, growth

from memguard_hooks.deployment import dockerfile, fly, render
from memguard_hooks.deployment.command import Host, StartCommand, parse
from memguard_hooks.deployment.service import Deployment, Service
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Skipped
from memguard_hooks.formats import parameters
from memguard_hooks.git import name_of_blob
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.tree import TreeEntry


def image_of(text: str, files: dict[str, bytes] | None = None, target: str = "") -> Service:
    read = {**(files or {})}.get
    image = dockerfile.read_image(text.encode(), "Dockerfile", target=target, read=read)
    assert isinstance(image, dockerfile.Image), image
    service = image.service("Dockerfile", read)
    assert isinstance(service, Service), service
    return service


def started(service: Service, files: dict[str, bytes] | None = None) -> StartCommand:
    host = Host(service.environment, {**(files or {})}.get, mounts=service.mounts)
    return parse(service.command, host, service.folder)


@pytest.mark.parametrize(
    ("text", "command", "line", "column"),
    [
        pytest.param('FROM x\nCMD ["python", "main.py"]', "python main.py", 2, 1, id="exec"),
        pytest.param("FROM x\n  cmd python main.py", "python main.py", 2, 3, id="shell"),
        pytest.param("FROM x\nCMD a\nCMD b", "b", 3, 1, id="last-wins"),
        pytest.param('FROM x\nENTRYPOINT ["python"]\nCMD ["main.py"]', "python main.py", 3, 1, id="joined"),
        pytest.param('FROM x\nCMD ["main.py"]\nENTRYPOINT ["python"]', "python main.py", 2, 1, id="joined-in-any-order"),
        pytest.param('FROM x\nENTRYPOINT python a.py\nCMD ["main.py"]', "python a.py", 3, 1, id="shell-ignores-cmd"),
        pytest.param(
            'FROM x\nENTRYPOINT ["tini", "--"]\nCMD python a.py',
            "tini -- /bin/sh -c 'python a.py'",
            3,
            1,
            id="exec-and-shell",
        ),
        pytest.param('FROM x\nCMD ["gunicorn", "-w", "$N", "a:a"]', "gunicorn -w '$N' a:a", 2, 1, id="exec-expands-nothing"),
        pytest.param("FROM x\nCMD ['python', 'a.py']", "['python', 'a.py']", 2, 1, id="single-quotes-are-shell"),
        pytest.param("FROM x\nCMD python \\\n  # note\n\n  a.py", "python   a.py", 2, 1, id="continuation"),
        pytest.param("# escape=`\nFROM x\nCMD python `\n a.py", "python  a.py", 3, 1, id="escape-directive"),
        pytest.param("FROM x\r\nCMD python a.py\r\n", "python a.py", 2, 1, id="crlf"),
        pytest.param("FROM x\nRUN <<EOF\nCMD python b.py\nEOF\nCMD python a.py", "python a.py", 5, 1, id="heredoc"),
        pytest.param("FROM x AS a\nCMD python a.py\nFROM y\nCMD python b.py", "python b.py", 4, 1, id="last-stage"),
        pytest.param("FROM x AS a\nCMD python a.py\nFROM A\nENV B=1", "python a.py", 2, 1, id="inherited"),
        pytest.param(
            'FROM x AS a\nCMD python a.py\nFROM a\nENTRYPOINT ["python", "b.py"]', "python b.py", 4, 1, id="cmd-is-reset"
        ),
        pytest.param("\ufeffFROM x\nCMD python a.py", "python a.py", 2, 1, id="byte-order-mark"),
        pytest.param('FROM r/lambda/python:3.12\nCMD ["a.run"]', "lambda-handler a.run", 2, 1, id="lambda"),
        pytest.param(
            'FROM r/lambda/python:3.12\nENTRYPOINT ["python"]\nCMD ["a.py"]',
            "python a.py",
            3,
            1,
            id="lambda-not-run",
        ),
    ],
)
def test_command_of_an_image(text: str, command: str, line: int, column: int) -> None:
    service = image_of(text)
    assert (service.name, service.command, service.line, service.column) == ("web", command, line, column)
    assert service.platform is None


def test_a_file_copied_to_the_folder_where_the_image_works() -> None:
    text = 'FROM r/lambda/python:3.12\nCOPY app.py ${LAMBDA_TASK_ROOT}\nCMD ["app.handler"]\n'
    image = dockerfile.read_image(text.encode(), "Dockerfile", read={"app.py": b""}.get)
    assert isinstance(image, dockerfile.Image)
    service = image.service("Dockerfile", {"app.py": b""}.get)
    assert isinstance(service, Service)
    assert (service.folder, dict(service.mounts)["/var/task/app.py"]) == ("", "app.py")


def test_variables_that_double_at_each_line_are_bounded() -> None:
    text = "FROM x\nENV A0=0123456789\n" + "".join(f"ENV A{i + 1}=$A{i}$A{i}\n" for i in range(64)) + "CMD python $A64\n"
    service = image_of(text)
    assert max(map(len, service.environment.values())) <= 2 * parameters.MAX_TEXT


def test_a_stage_by_name() -> None:
    text = "FROM x AS one\nCMD python a.py\nFROM x AS two\nCMD python b.py\n"
    assert image_of(text, target="one").command == "python a.py"
    assert image_of(text, target="0").command == "python a.py"
    assert dockerfile.read_image(text.encode(), "D", target="none") == Skipped("D", None, "has no stage none")


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        pytest.param("ENV A=1 B=2", {"A": "1", "B": "2"}, id="pairs"),
        pytest.param("ENV A one two", {"A": "one two"}, id="old-form"),
        pytest.param("ENV A=\"x y\" B=x\\ y C='$A'", {"A": "x y", "B": "x y"}, id="quotes"),
        pytest.param("ENV A=1 \\\n  # note\n  B=2", {"A": "1", "B": "2"}, id="continuation"),
        pytest.param("ENV A=1\nENV A=2 B=$A", {"A": "2", "B": "1"}, id="values-before-the-instruction"),
        pytest.param("ARG N=3\nENV A=$N B=${N}x C=${M:-d} D=${N:+y}", {"A": "3", "B": "3x", "C": "d", "D": "y"}, id="arg"),
        pytest.param("ARG N\nENV A=$N", {}, id="arg-without-a-default-is-not-known"),
        pytest.param("ENV A=1\nARG N\nENV A=$N", {}, id="not-known-any-more"),
        pytest.param("ARG A=1", {}, id="arg-is-none-at-run-time"),
    ],
)
def test_variables_of_an_image(text: str, variables: dict[str, str]) -> None:
    assert image_of(f"ARG M=outside\nFROM x\n{text}\nCMD python a.py").environment == variables


@pytest.mark.parametrize(
    ("text", "files", "folder"),
    [
        pytest.param("WORKDIR /app\nCOPY . .\nCMD python main.py", ["main.py"], "", id="all-here"),
        pytest.param("COPY . /app\nWORKDIR /app\nCMD python main.py", ["main.py"], "", id="all-there"),
        pytest.param("WORKDIR /app\nCOPY app ./app\nCMD uvicorn app.main:app", ["app/main.py"], "", id="one-package"),
        pytest.param("WORKDIR /app/\nCOPY b/app app\nCMD uvicorn app.main:app", ["b/app/main.py"], "b", id="package-below"),
        pytest.param("WORKDIR /app\nCOPY x* /app/\nCOPY b/s /app/\nCOPY b/app /app/app\nCMD uvicorn ${M:-app.main}:app",
                     ["b/app/main.py"], "b", id="default-of-a-variable"),
        pytest.param("WORKDIR /app\nCOPY src/ /app/\nCMD python main.py", ["src/main.py"], "src", id="source-folder"),
        pytest.param("WORKDIR /app\nCOPY . .\nWORKDIR bot\nCMD python main.py", ["bot/main.py"], "bot", id="below"),
        pytest.param(
            "WORKDIR /app\nCOPY bot/main.py bot/x.py ./\nCMD python main.py", ["bot/main.py", "bot/x.py"], "bot", id="files"
        ),
        pytest.param(
            "WORKDIR /app\nCOPY requirements.txt .\nCOPY --chown=a:b src .\nCOPY etc .\nCMD python main.py",
            ["requirements.txt", "src/main.py", "etc/x"], "src", id="several-sources",
        ),
        pytest.param('WORKDIR /a\nCOPY ["src", "/a/"]\nCMD python main.py', ["src/main.py"], "src", id="exec-form"),
        pytest.param("ARG D=/srv\nWORKDIR $D\nCOPY src $D\nCMD python main.py", ["src/main.py"], "src", id="variables"),
        pytest.param("CMD python main.py", ["main.py"], "", id="nothing-is-copied"),
        pytest.param("ARG D=/srv\nFROM x AS low\nARG D=/app\nWORKDIR $D\nFROM low\nCOPY src $D\nCMD python main.py",
                     ["src/main.py"], "src", id="argument-of-the-stage-below"),
        pytest.param("WORKDIR /app\nCOPY ../x .\nADD https://a.b/c .\nCMD python main.py", ["main.py"], "", id="outside"),
    ],
)  # fmt: skip
def test_folder_of_an_image(text: str, files: list[str], folder: str) -> None:
    assert image_of(f"FROM x\n{text}", dict.fromkeys(files, b"")).folder == folder


@pytest.mark.parametrize(
    ("start", "version"),
    [
        pytest.param("FROM python:3.12-slim", "3.12", id="official"),
        pytest.param("FROM --platform=linux/amd64 docker.io/library/python:3.11.4 AS base", "3.11.4", id="in-full"),
        pytest.param("ARG V=3.13\nFROM python:${V}-alpine", "3.13", id="argument"),
        pytest.param("FROM ghcr.io/astral-sh/uv:python3.12-bookworm-slim", "3.12", id="uv"),
        pytest.param("FROM python:3", None, id="major"),
        pytest.param("FROM python", None, id="none"),
        pytest.param("FROM debian:12.5", None, id="other"),
    ],
)
def test_python_of_an_image(start: str, version: str | None) -> None:
    assert image_of(f"{start}\nCMD python a.py").environment.get("PYTHON_VERSION") == version


@pytest.mark.parametrize(
    ("base", "rest", "files", "told"),
    [
        pytest.param("uvicorn-gunicorn-fastapi:python3.11", "COPY ./app /app/app", ["app/main.py"], "app.main:app None cpu",
                     id="cpus"),
        pytest.param("uvicorn-gunicorn", "COPY . /app\nENV WEB_CONCURRENCY=3", ["main.py"], "main:app 3", id="number"),
        pytest.param("uvicorn-gunicorn", "COPY . /app\nENV MAX_WORKERS=2", ["app/main.py"], "app.main:app 2", id="most"),
        pytest.param("uvicorn-gunicorn-starlette", "COPY . /app\nENV APP_MODULE=a:b", [], "a:b None cpu", id="app"),
        pytest.param("uvicorn-gunicorn", "COPY . /app", ["gunicorn_conf.py", "main.py"], "main:app 5", id="settings"),
        pytest.param("meinheld-gunicorn-flask:python3.9", "COPY . /app\nENV MODULE_NAME=web", [], "web:app None cpu",
                     id="meinheld"),
        pytest.param("uvicorn-gunicorn", 'COPY . /app\nCMD ["uvicorn", "x:y"]', [], "x:y 1", id="own-command"),
    ],
)  # fmt: skip
def test_an_image_that_starts_gunicorn_by_itself(base: str, rest: str, files: list[str], told: str) -> None:
    found = dict.fromkeys(files, b"workers = 5\n")
    service = image_of(f"FROM tiangolo/{base}\n{rest}\n", found)
    one = started(service, found)
    assert one.entrypoint is not None
    assert f"{one.entrypoint.text} {one.workers}{' cpu' if one.is_cpu_count else ''}" == told
    assert service.environment.get("PYTHON_VERSION") == (base.partition(":python")[2] or None)


def test_arguments_of_a_build() -> None:
    text = "ARG V=3.11\nFROM python:$V\nARG W=2\nARG X\nENV WORKERS=$W X=$X\nCMD gunicorn -w $WORKERS a:a\n"
    image = dockerfile.read_image(text.encode(), "Dockerfile", arguments={"V": "3.13", "W": "4", "X": "y", "Z": "no"})
    assert isinstance(image, dockerfile.Image)
    assert image.environment == {"PYTHON_VERSION": "3.13", "WORKERS": "4", "X": "y"}
    assert image_of(text).environment == {"PYTHON_VERSION": "3.11", "WORKERS": "2"}


def test_files_of_an_earlier_stage() -> None:
    files = {"backend/main.py": b""}
    text = "FROM x AS build\nWORKDIR /src\nCOPY backend .\nFROM y\nCOPY --from=build /src /app\nWORKDIR /app\n"
    service = image_of(f'{text}CMD ["python", "/app/main.py"]', files)
    entrypoint = started(service, files).entrypoint
    assert entrypoint is not None
    assert (service.folder, entrypoint.folder, entrypoint.script) == ("backend", "", "backend/main.py")


def test_a_start_script_of_an_image() -> None:
    files = {"ops/entry.sh": b'#!/bin/sh\nset -e\nexec "$@"\n', "src/main.py": b""}
    text = (
        'FROM x\nWORKDIR /app\nCOPY ops/entry.sh /entry.sh\nCOPY src .\nENTRYPOINT ["/entry.sh"]\nCMD ["python", "main.py"]'
    )
    service = image_of(text, files)
    entrypoint = started(service, files).entrypoint
    assert entrypoint is not None
    assert (service.folder, entrypoint.script, entrypoint.folder) == ("src", "main.py", "src")


def test_image_variables_reach_the_shell_and_not_the_exec_form() -> None:
    text = "FROM x\nENV N=3\nWORKDIR /app\nCOPY . .\n"
    assert started(image_of(f"{text}CMD gunicorn -w $N a:a")).workers == 3
    assert started(image_of(f'{text}CMD ["sh", "-c", "gunicorn -w $N a:a"]')).workers == 3
    assert started(image_of(f'{text}CMD ["gunicorn", "-w", "$N", "a:a"]')).workers is None
    settings = {"conf.py": b"workers = 5\n"}
    assert started(image_of(f'{text}CMD ["gunicorn", "-c", "/app/conf.py", "a:a"]', settings), settings).workers == 5


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        pytest.param(b"", None, "has no FROM", id="empty"),
        pytest.param(b"# only a comment", None, "has no FROM", id="comment"),
        pytest.param(b"FROM x\nCMD {{ command }}", 2,
                     "is a template, whose values are known only once it is filled in", id="template"),
        pytest.param(b"{% if x %}\nFROM x", 1, "is no Dockerfile as it stands: {% if x %}", id="statement"),
        pytest.param(b"FROM x\n" + b"ENV A=1\n" * 2000, 2001, "has more than 2000 instructions", id="long"),
        pytest.param(b"FROM x\nRUN <<EOF\nCMD a", 2, "has a heredoc EOF without an end", id="open-heredoc"),
        pytest.param(b"\xff\xfe\x00", 1, "is no Dockerfile as it stands: \ufffd\ufffd\x00", id="binary"),
    ],
)  # fmt: skip
def test_what_is_no_dockerfile_is_skipped(data: bytes, line: int | None, reason: str) -> None:
    assert dockerfile.read_image(data, "Dockerfile") == Skipped("Dockerfile", line, reason)


def test_an_image_without_a_command_and_one_too_large() -> None:
    image = dockerfile.read_image(b"\nFROM python:3.12", "D")
    assert isinstance(image, dockerfile.Image)
    reason = "it has neither CMD nor ENTRYPOINT; its base image decides what runs"
    assert image.service("D", lambda _: None) == Skipped("D", 2, reason)
    with pytest.raises(MemguardError, match="larger than 1 MiB"):
        dockerfile.read_image(b"#" * (2**20 + 1), "D")


# fly.toml


APP = b"""\
app = "a"
[build]
  dockerfile = "deploy/Dockerfile"
[env]
  WEB_CONCURRENCY = 2
[processes]
  web = "gunicorn app:app"
  jobs = "python jobs.py"
[[vm]]
  memory = "1gb"
[[vm]]
  size = "shared-cpu-2x"
  processes = ["jobs"]
"""
IMAGE = b"FROM x\nWORKDIR /srv\nCOPY api /srv\nENV PYTHON_VERSION=3.12.1\nCMD python main.py\n"


def test_process_groups() -> None:
    found = fly.read(APP, "fly.toml", {"deploy/Dockerfile": IMAGE, "api/app.py": b"", "api/jobs.py": b""}.get)
    web, jobs = found.services
    assert found.skipped == ()
    assert (web.name, web.path, web.line, web.column, web.command) == ("web", "fly.toml", 7, 3, "gunicorn app:app")
    assert (web.platform, web.limit, web.folder) == ("fly", 1024 * MIB, "api")
    assert (web.limit_source, web.limit_label) == ("fly.toml:10 memory 1gb", "fly memory 1gb")
    assert (web.environment["WEB_CONCURRENCY"], web.environment["PYTHON_VERSION"]) == ("2", "3.12.1")
    assert started(web).workers == 2
    assert (jobs.name, jobs.line, jobs.limit, jobs.plan) == ("jobs", 8, 512 * MIB, "shared-cpu-2x")
    assert (jobs.limit_source, jobs.limit_label) == ("fly.toml:12 shared-cpu-2x", "fly shared-cpu-2x")


def test_the_command_of_the_image_counts_without_processes() -> None:
    (app,) = fly.read(b'app = "a"\n', "fly.toml", {"Dockerfile": IMAGE}.get).services
    assert (app.name, app.path, app.line, app.command) == ("app", "Dockerfile", 5, "python main.py")
    assert (app.limit, app.limit_label) == (256 * MIB, "fly shared-cpu-1x by default")


def test_experimental_command() -> None:
    data = b'[experimental]\ncmd = ["python", "b.py"]\n'
    (app,) = fly.read(data, "fly.toml", {"Dockerfile": IMAGE}.get).services
    assert (app.path, app.line, app.command) == ("fly.toml", 2, "python b.py")


@pytest.mark.parametrize(
    ("vm", "limit", "source"),
    [
        pytest.param("[[vm]]\nmemory = 768", 768, "fly.toml:4 memory 768", id="number"),
        pytest.param("[[vm]]\nmemory = '512mb'\nsize = 'performance-2x'", 512, "fly.toml:4 memory 512mb", id="beats-size"),
        pytest.param("[[vm]]\nmemory_mb = 300", 300, "fly.toml:4 memory_mb 300", id="memory-mb"),
        pytest.param("[[vm]]\nsize = 'performance-2x'", 4096, "fly.toml:4 performance-2x", id="size"),
        pytest.param("[[vm]]\nsize = 'huge'", None, "fly.toml:4 huge", id="unknown-size"),
        pytest.param("[[vm]]\nmemory = 'much'", None, "fly.toml:4 memory much", id="no-size"),
        pytest.param("[[vm]]\nmemory = -1", None, "fly.toml:4 memory -1", id="negative"),
        pytest.param("[[vm]]\ncpus = 4", 1024, "fly.toml:3 shared with 4 CPU", id="cpus"),
        pytest.param("[vm]\nmemory = '2gb'", 2048, "fly.toml:4 memory 2gb", id="table"),
        pytest.param("[[vm]]\nmemory = 256\nprocesses = ['other']", 256, "fly.toml:1 without [[vm]]", id="of-another"),
    ],
)
def test_memory_of_machines(vm: str, limit: int | None, source: str) -> None:
    (app,) = fly.read(f"[processes]\napp = 'python a.py'\n{vm}\n".encode(), "fly.toml").services
    assert (app.limit, app.limit_source) == (None if limit is None else limit * MIB, source)


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        pytest.param(b"", 1, "there is no Dockerfile, and no command in [processes]", id="empty"),
        pytest.param(b"[build]\ndockerfile = 'x/D'", 1, "there is no x/D, and no command in [processes]", id="no-file"),
        pytest.param(b"[build]\nimage = 'a/b'", 2, "what its image runs is not read", id="image"),
        pytest.param(b"[build]\nbuilder = 'paketo'", 2, "what its builder runs is not read", id="builder"),
        pytest.param(b"processes = 3\nvm = [1]\nenv = []\nbuild = 'x'", 1,
                     "there is no Dockerfile, and no command in [processes]", id="odd-values"),
    ],
)  # fmt: skip
def test_what_fly_runs_is_unknown(data: bytes, line: int, reason: str) -> None:
    found = fly.read(data, "fly.toml")
    assert found._replace(unread=()) == Deployment((), (Skipped("fly.toml", line, reason, service="app"),))
    assert [(one.name, one.unread, one.platform) for one in found.unread] == [("app", reason, "fly")]


def test_broken_fly_toml_is_an_error_with_its_place() -> None:
    with pytest.raises(MemguardError) as error:
        fly.read(b"app = 'a'\n[vm", "fly.toml")
    assert str(error.value).startswith("fly.toml:2:")


# render.yaml


def test_docker_on_render() -> None:
    data = b"""\
services:
- type: web
  name: api
  runtime: docker
  rootDir: api
  dockerCommand: python other.py
  envVars: [{key: PYTHON_VERSION, value: 3.13.0}]
- {type: worker, name: jobs, runtime: docker, dockerfilePath: ./api/Dockerfile}
- {type: web, name: bought, runtime: image}
"""
    found = render.read(data, "render.yaml", {"api/Dockerfile": IMAGE}.get)
    api, jobs = found.services
    assert (api.name, api.path, api.line, api.column, api.command) == ("api", "render.yaml", 6, 18, "python other.py")
    assert (api.platform, api.limit) == ("render", 512 * MIB)
    assert dict(api.environment) == {"PYTHON_VERSION": "3.13.0"}, "an image does not get GUNICORN_CMD_ARGS"
    assert (jobs.name, jobs.path, jobs.line, jobs.command) == ("jobs", "api/Dockerfile", 5, "python main.py")
    assert [(s.line, s.service, s.reason) for s in found.skipped] == [
        (9, "bought", "it runs an image, whose command is not in the repository")
    ]


# All files together


class Files:
    """A tree of files in memory."""

    root = "nowhere"

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.parsed: dict[Hashable, object] = {}

    def read(self, path: str) -> bytes | None:
        """Return a file."""
        text = self.files.get(path)
        return None if text is None else text.encode()

    def entries(self, folder: str) -> tuple[TreeEntry, ...]:
        """Return all files, which lie at the top."""
        return tuple(TreeEntry(name, is_folder=False) for name in sorted(self.files) if not folder)

    def identity(self, path: str) -> bytes | None:
        """Return the name of a content."""
        data = self.read(path)
        return None if data is None else name_of_blob(data)

    def has(self, path: str) -> bool:
        """Tell whether there is such a file."""
        return path in self.files

    def size(self, path: str) -> int | None:
        """Return the bytes of a file."""
        data = self.read(path)
        return None if data is None else len(data)

    def close(self) -> None:
        """Nothing is open."""


DOCKERFILE = "FROM x\nCMD python image.py\n"
RENDER = "services: [{type: web, name: r, runtime: python, startCommand: python r.py}]\n"


@pytest.mark.parametrize(
    ("files", "services", "skipped"),
    [
        pytest.param({"Dockerfile": DOCKERFILE}, ["Dockerfile python image.py"], [], id="image-alone"),
        pytest.param({"Dockerfile": DOCKERFILE, "Procfile": "web: python p.py\n"}, ["Procfile python p.py"],
                     ["Dockerfile"], id="procfile-wins"),
        pytest.param({"Dockerfile": DOCKERFILE, "Procfile": "web: python image.py\n"}, ["Procfile python image.py"],
                     [], id="the-same-command"),
        pytest.param({"Dockerfile": DOCKERFILE, "Procfile": "web: npm start\n"}, ["Dockerfile python image.py"],
                     ["Procfile"], id="procfile-of-another-language"),
        pytest.param({"Dockerfile": DOCKERFILE, "render.yaml": RENDER}, ["render.yaml python r.py"], ["Dockerfile"],
                     id="blueprint-wins"),
        pytest.param({"Dockerfile": DOCKERFILE, "fly.toml": "[processes]\nweb = 'python f.py'\n"},
                     ["fly.toml python f.py"], [], id="fly-has-read-the-image"),
        pytest.param({"render.yaml": RENDER, "fly.toml": "[processes]\nweb = 'python r.py'\n"},
                     ["render.yaml python r.py", "fly.toml python r.py"], [], id="two-platforms"),
        pytest.param({"Dockerfile": "FROM nginx\n"}, [], ["Dockerfile"], id="no-command"),
        pytest.param({"fly.toml": "[", "Dockerfile": DOCKERFILE}, ["Dockerfile python image.py"], ["fly.toml"], id="broken"),
    ],
)  # fmt: skip
def test_services_of_several_files(files: dict[str, str], services: list[str], skipped: list[str]) -> None:
    project = Project(Files(files), Settings())
    assert [f"{service.path} {service.command}" for service in project.deployment.services] == services
    lost = [place.path for service in project.deployment.services for place in service.instead_of]
    assert [gap.path for gap in project.skipped] + lost == skipped


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda size: "ENV " + "a" * size, id="a-long-word"),
        pytest.param(lambda size: "ENV X=1" + " " * size + "Y", id="blanks"),
        pytest.param(lambda size: "ENV " + 'x="' + '\\"' * size, id="a-quote-without-end"),
        pytest.param(
            lambda size: "\n".join(
                f"ENV {' '.join(f'V{(line * 60 + n) % 900}=x' for n in range(60))}" for line in range(size // 300)
            ),
            id="many-names",
        ),
        pytest.param(
            lambda size: "\n".join(f"ENV {' '.join(f'V{n % 9}=x' for n in range(60))}" for _ in range(size // 300)),
            id="the-same-names",
        ),
        pytest.param(lambda size: "COPY " + "--a " * size + ". .", id="many-options"),
        pytest.param(lambda size: "RUN <<E\n" + "\n" * size + "E", id="blank-lines"),
        pytest.param(lambda size: "COPY a /a\n" + "RUN " + "cp /a /b; ln -m " * (size // 10), id="many-links"),
    ],
)
def test_hostile_instructions_take_linear_time(make: Callable[[int], str]) -> None:
    def read(text: str) -> None:
        assert image_of(f"FROM python:3.11\nCOPY . .\n{text}\nCMD python a.py").command == "python a.py"

    assert growth(read, make, 250_000) < LINEAR


def test_more_names_than_an_image_may_have_are_refused() -> None:
    many = "ENV " + " ".join(f"V{n}=1" for n in range(dockerfile.MAX_VARIABLES - 1))
    service = image_of(f"FROM x\n{many}\nENV A=1\nENV V0=4 \\\n  A=5\nCMD python a.py")
    assert len(service.environment) == dockerfile.MAX_VARIABLES
    assert (service.environment["V0"], service.environment["A"]) == ("4", "5")
    assert (service.variables["V0"][1:], service.variables["A"][1:]) == ((4, 5), (5, 3))
    with pytest.raises(MemguardError, match="Dockerfile:3: has more than 1000 variables"):
        image_of(f"FROM x\n{many}\nENV A=1 B=2\nCMD python a.py")


def test_a_file_that_is_added_does_not_move_the_working_folder() -> None:
    files = {"docker/health.py": b"", "api/main.py": b""}
    service = image_of("FROM x\nWORKDIR /app\nCOPY . /app/\nCOPY docker/health.py /app/\nCMD run-it", files)
    assert service.folder == ""
    assert service.mounts["/app"] == ""


def test_a_folder_is_known_by_what_was_copied_into_it() -> None:
    files = {"api/main.py": b"", "run.sh": b"cd /app\nexec python api/main.py\n"}
    service = image_of('FROM x\nCOPY api /app/api\nCOPY run.sh /run.sh\nENTRYPOINT ["/run.sh"]', files)
    entrypoint = started(service, files).entrypoint
    assert entrypoint is not None
    assert (entrypoint.folder, entrypoint.script) == ("", "api/main.py")


def test_a_file_that_the_repository_lacks_is_no_folder_of_sources() -> None:
    files = {"main.py": b"", "app/jobs.py": b""}
    text = 'FROM x\nWORKDIR /app\nCOPY main.py .\nCOPY app/ ./app/\nCOPY .env .\nCMD ["sh", "-c", "gunicorn main:app"]'
    entrypoint = started(image_of(text, files), files).entrypoint
    assert entrypoint is not None
    assert (entrypoint.folder, entrypoint.text) == ("", "main:app")


def test_a_file_copied_beside_the_sources() -> None:
    text = b"FROM python:3.12\nWORKDIR /opt/app\nCOPY ./scripts ./scripts\nCOPY ./src .\nCMD sh -c ./scripts/run/worker.sh\n"
    files = {"src/jobs.py": b"", "scripts/run/worker.sh": b"#!/bin/sh\ncelery -A jobs worker -c 2\n"}
    image = dockerfile.read_image(text, "Dockerfile", read=files.get)
    assert isinstance(image, dockerfile.Image)
    service = image.service("Dockerfile", files.get)
    assert isinstance(service, Service)
    host = Host(service.environment, files.get, mounts=service.mounts)
    started = parse(service.command, host, service.folder)
    assert started.entrypoint is not None
    assert (started.entrypoint.text, started.entrypoint.folder, started.workers) == ("jobs", "src", 2)


def test_a_folder_that_only_files_were_copied_to() -> None:
    text = b"FROM lscr.io/linuxserver/baseimage-alpine:3.20\nCOPY root/ /\nCOPY app.py /app/app.py\n"
    files = {"app.py": b"", "root/etc/services.d/web/run": b"#!/bin/sh\ncd /app\nexec gunicorn -w 2 app:app\n"}
    image = dockerfile.read_image(text, "Dockerfile", read=files.get)
    assert isinstance(image, dockerfile.Image)
    service = image.service("Dockerfile", files.get)
    assert isinstance(service, Service)
    listed = {"root/etc/services.d": ["web"], "root/etc/services.d/web": ["run"]}
    host = Host(service.environment, files.get, mounts=service.mounts, names_in=lambda path: listed.get(path, ()))
    started = parse(service.command, host, service.folder)
    assert started.entrypoint is not None
    assert (started.entrypoint.text, started.entrypoint.folder, started.workers) == ("app:app", "", 2)


SCRIPT = b"#!/bin/sh\nexec gunicorn app:app\n"


@pytest.mark.parametrize(
    ("steps", "loads"),
    [
        pytest.param('COPY go.sh /usr/local/bin/\nCMD ["go.sh"]', "app:app", id="copied-into-path"),
        pytest.param('COPY go.sh /usr/local/bin/go\nENTRYPOINT ["tini", "--", "go"]', "app:app", id="behind-a-wrapper"),
        pytest.param('COPY go.sh /opt/x/go\nENV PATH=/opt/x:$PATH\nENTRYPOINT ["go"]', "app:app", id="in-a-folder-of-path"),
        pytest.param('COPY . .\nRUN ln -sf /app/go.sh /usr/bin/go && chmod +x go.sh\nCMD ["go"]', "app:app", id="linked"),
        pytest.param("COPY . .\nRUN true && install -m 755 go.sh /usr/local/bin\nCMD go.sh", "app:app", id="installed"),
        pytest.param("ARG N=go\nCOPY . .\nRUN set -e; cp -p $N.sh /$N\nCMD /go", "app:app", id="copied-by-a-command"),
        pytest.param("COPY *.sh /app/\nCOPY api /app\nCMD /app/go.sh", "app:app", id="overlaid"),
        pytest.param("COPY . .\nRUN ln -s /app/none.sh /usr/bin/go\nCMD go", None, id="link-to-nothing"),
        pytest.param("COPY . .\nRUN ln -s /app/app.py /usr/bin/go\nCMD go", None, id="no-script"),
    ],
)
def test_a_script_that_an_image_finds_by_its_name(steps: str, loads: str | None) -> None:
    files = {"go.sh": SCRIPT, "app.py": b"app = 1\n"}
    found = started(image_of(f"FROM python:3.12\nWORKDIR /app\nCOPY app.py .\n{steps}", files), files)
    assert (found.entrypoint and found.entrypoint.text) == loads


@pytest.mark.parametrize(
    ("copy", "place", "source"),
    [
        ("--parents api/web/a.py /srv/", "/srv/api/web/a.py", "api/web/a.py"),
        ("--parents ./api/./web/a.py .", "/app/web/a.py", "api/web/a.py"),
        ("--chown=1 --parents api/*/a.py /srv", "/srv/api", "api"),
        ("--parents=false api/web/ /srv", "/srv", "api/web"),
    ],
)
def test_paths_that_a_copy_keeps(copy: str, place: str, source: str) -> None:
    files = {"api/web/a.py": b""}
    image = dockerfile.read_image(f"FROM x\nWORKDIR /app\nCOPY {copy}\n".encode(), "Dockerfile", read=files.get)
    assert isinstance(image, dockerfile.Image)
    assert image.copies == ((place, source),)


def test_a_folder_copied_with_its_parents_is_not_where_the_image_works() -> None:
    files = {"docker/go.sh": SCRIPT, "app.py": b""}
    text = "FROM node AS made\nWORKDIR /app\nCOPY web web\nFROM python:3.12\nWORKDIR /app\nCOPY . .\n"
    service = image_of(f'{text}COPY --from=made --parents /app/./web .\nCMD ["bash", "docker/go.sh"]', files)
    assert (service.folder, started(service, files).workers) == ("", 1)
