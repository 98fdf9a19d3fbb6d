"""Procfile, render.yaml and start commands: what runs, where it is written, in how many processes."""

from __future__ import annotations

import pytest

from memguard_hooks.deployment import platforms, procfile, render
from memguard_hooks.deployment.command import Host, parse, parse_entrypoint
from memguard_hooks.deployment.service import Deployment, join_services
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB


@pytest.mark.parametrize(
    ("command", "entrypoint", "workers", "start"),
    [
        pytest.param("gunicorn app:app", "app:app", 1, "fork", id="gunicorn"),
        pytest.param("gunicorn -w 3 app.main:app", "app.main:app", 3, "fork", id="gunicorn-short-workers"),
        pytest.param("gunicorn -w3 app:app", "app:app", 3, "fork", id="gunicorn-glued-workers"),
        pytest.param("gunicorn --workers=2 app:app", "app:app", 2, "fork", id="gunicorn-equals"),
        pytest.param("gunicorn --preload -w 2 app:app", "app:app", 2, "preload", id="gunicorn-preload"),
        pytest.param("gunicorn 'app:create_app()' -w 2", "app:create_app()", 2, "fork", id="gunicorn-factory"),
        pytest.param("gunicorn proj.wsgi", "proj.wsgi", 1, "fork", id="gunicorn-module-only"),
        pytest.param("gunicorn -w ${WORKERS:-4} app:app", "app:app", 4, "fork", id="shell-default"),
        pytest.param("python -m gunicorn app:app -w 2", "app:app", 2, "fork", id="python-m-gunicorn"),
        pytest.param("ddtrace-run python -m gunicorn.app.wsgiapp app:app -w2", "app:app", 2, "fork", id="ddtrace"),
        pytest.param("GUNICORN_CMD_ARGS='-w 3' gunicorn app:app", "app:app", 3, "fork", id="inline-arguments"),
        pytest.param("WEB_CONCURRENCY=3 gunicorn app:app", "app:app", 3, "fork", id="inline-concurrency"),
        pytest.param("WEB_CONCURRENCY=3 gunicorn app:app -w 1", "app:app", 1, "fork", id="command-line-wins"),
        pytest.param("uvicorn main:app --host 0.0.0.0 --port $PORT", "main:app", 1, "single", id="uvicorn"),
        pytest.param("uvicorn main:app --workers 2", "main:app", 2, "spawn", id="uvicorn-workers"),
        pytest.param("uvicorn --factory app:create --workers 2", "app:create", 2, "spawn", id="uvicorn-factory"),
        pytest.param("uvicorn main:app --workers 4 --reload", "main:app", 1, "single", id="uvicorn-reload"),
        pytest.param("exec uvicorn main:app", "main:app", 1, "single", id="exec"),
        pytest.param("poetry run uvicorn main:app", "main:app", 1, "single", id="poetry"),
        pytest.param("hypercorn main:app -w 2", "main:app", 2, "spawn", id="hypercorn"),
        pytest.param("python bot/main.py", "bot/main.py", 1, "single", id="script"),
        pytest.param("python3.11 -u -X dev main.py --verbose", "main.py", 1, "single", id="script-with-options"),
        pytest.param("python -m pkg.mod", "-m pkg.mod", 1, "single", id="module"),
        pytest.param("sh -c 'exec gunicorn -w 2 app:app'", "app:app", 2, "fork", id="shell"),
        pytest.param("/usr/bin/tini -- /bin/bash -lc 'python main.py'", "main.py", 1, "single", id="init-and-shell"),
        pytest.param("gunicorn -Dw 2 --thre 4 app:app", "app:app", 2, "fork", id="gunicorn-abbreviations"),
        pytest.param("python manage.py migrate && gunicorn proj.wsgi", "proj.wsgi", 1, "fork", id="sequence"),
    ],
)
def test_command_is_understood(command: str, entrypoint: str, workers: int, start: str) -> None:
    parsed = parse(command, Host({}))
    assert parsed.reason is None
    assert parsed.entrypoint is not None
    assert (parsed.entrypoint.text, parsed.workers, parsed.start) == (entrypoint, workers, start)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param("", "the command is empty", id="empty"),
        pytest.param("x" * 9_000, "the command is longer than 8 KiB", id="long"),
        pytest.param("npm start", "it is not known how npm starts", id="other-program"),
        pytest.param("gunicorn app:create()", "the command is a shell program of several commands", id="unquoted-call"),
        pytest.param("gunicorn 'app:app", "the command does not parse: No closing quotation", id="open-quote"),
        pytest.param("gunicorn -w 2", "gunicorn is given no app on the command line", id="no-app"),
        pytest.param("gunicorn -c g.py app:app", "its settings file g.py is not in the repository", id="no-settings-file"),
        pytest.param(
            "gunicorn --wrokers 2 app:app", "gunicorn refuses the command: it has no option --wrokers", id="misspelt"
        ),
        pytest.param(
            "gunicorn -w '$N' app:app",
            "the number of workers is '$N', which is known only at run time",
            id="single-quotes",
        ),
        pytest.param(
            "gunicorn -w $(nproc) app:app",
            "the number of workers is '$(nproc)', which depends on the CPUs of the host",
            id="substitution",
        ),
        pytest.param(
            "gunicorn -w $WORKERS app:app",
            "the number of workers is '$WORKERS', which is known only at run time",
            id="unknown-variable",
        ),
        pytest.param("cd ../x && python main.py", "it changes to ../x, which leads out of the repository", id="cd-out"),
        pytest.param("python -c 'import app'", "it runs code that is written on the command line", id="code"),
        pytest.param("python", "it names no script", id="shell"),
    ],
)
def test_command_is_unknown_with_a_reason(command: str, reason: str) -> None:
    parsed = parse(command, Host({}))
    assert (parsed.workers, parsed.reason) == (None, reason)


def test_folders_and_variables() -> None:
    parsed = parse("cd api && gunicorn --chdir src -w $N app:app", Host({"N": "2"}), folder="services")
    assert parsed.entrypoint is not None
    assert (parsed.entrypoint.folder, parsed.workers) == ("services/api/src", 2)


def test_platform_concurrency_counts_where_the_app_sets_none() -> None:
    assert parse("gunicorn app:app", Host({}, concurrency=2)).workers == 2
    assert parse("gunicorn app:app", Host({"WEB_CONCURRENCY": "3"}, concurrency=2)).workers == 3


def test_entrypoint_as_people_write_it() -> None:
    assert parse_entrypoint("app.main:create_app()").attribute == "create_app"
    assert parse_entrypoint("main.py").script == "main.py"
    assert parse_entrypoint("-m pkg.mod").module == "pkg.mod"
    assert parse_entrypoint("-m pkg.mod").is_main
    assert parse_entrypoint("proj.wsgi").attribute == "application"


def test_procfile() -> None:
    data = b"# heroku\nweb: gunicorn app:app\r\n\n  worker: python worker.py\nrelease: python migrate.py\nnonsense\nempty:\n"
    found = procfile.read(data, "Procfile")
    assert [(s.name, s.line, s.column, s.command) for s in found.services] == [
        ("web", 2, 1, "gunicorn app:app"),
        ("worker", 4, 3, "python worker.py"),
    ]
    assert [(s.line, s.reason) for s in found.skipped] == [(6, "is not `name: command`"), (7, "is not `name: command`")]


def test_a_procfile_without_a_process_is_a_service_that_is_not_judged() -> None:
    (gap,) = procfile.read(b"# starts\ngunicorn app:app\n", "backend/Procfile").skipped
    assert (gap.line, gap.service) == (2, "web")
    assert "write `web: ` before the command" in gap.reason
    assert not procfile.read(b"release: python migrate.py\ngunicorn app:app\n", "Procfile").skipped[0].service


BLUEPRINT = b"""\
envVarGroups:
  - name: shared
    envVars:
      - key: WEB_CONCURRENCY
        value: 2
services:
  - type: web
    name: api
    runtime: python
    plan: free
    rootDir: backend
    startCommand: gunicorn app:app
    envVars:
      - fromGroup: shared
      - key: PYTHON_VERSION
        value: "3.12.4"
      - key: SECRET
        sync: false
  - type: web
    name: site
    runtime: static
  - type: worker
    name: image
    runtime: docker
  - type: keyvalue
    name: cache
  - type: web
    name: idle
    env: python
projects:
  - name: p
    environments:
      - name: production
        services:
          - type: worker
            name: jobs
            runtime: python
            startCommand: python jobs.py
          - type: web
            name: odd
            runtime: python
            plan: gigantic
            startCommand: python odd.py
"""


def test_blueprint() -> None:
    found = render.read(BLUEPRINT, "render.yaml")
    api, jobs, odd = found.services
    assert (api.name, api.line, api.column, api.folder, api.limit) == ("api", 12, 19, "backend", 512 * MIB)
    assert (api.limit_source, api.limit_label) == ("render.yaml:10 plan free", "render free")
    assert api.environment["PYTHON_VERSION"] == "3.12.4"
    assert "SECRET" not in api.environment
    assert parse(api.command, Host(api.environment)).start == "preload", "Render's native Python preloads gunicorn"
    assert parse(api.command, Host(api.environment)).workers == 2
    assert (jobs.name, jobs.limit, jobs.limit_source) == ("jobs", 512 * MIB, "render.yaml:35 default plan starter")
    assert (odd.name, odd.limit, odd.limit_label) == ("odd", None, "render gigantic")
    assert [(s.line, s.service, s.reason) for s in found.skipped] == [
        (22, "image", "there is no Dockerfile"),
        (27, "idle", "it has no startCommand"),
    ]


def test_own_gunicorn_arguments_replace_those_of_render() -> None:
    data = b"""\
services:
- {type: web, name: a, runtime: python, startCommand: gunicorn a:a, envVars: [{key: GUNICORN_CMD_ARGS, value: -w 2}]}
"""
    (service,) = render.read(data, "render.yaml").services
    parsed = parse(service.command, Host(service.environment))
    assert (parsed.start, parsed.workers) == ("fork", 2)


def test_merge_keys_and_anchors_are_read() -> None:
    data = b"""\
x-base: &base {type: web, runtime: python, plan: standard}
services:
- <<: *base
  name: a
  startCommand: python a.py
"""
    (service,) = render.read(data, "render.yaml").services
    assert (service.name, service.limit) == ("a", 2048 * MIB)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"services: [", "render.yaml:1:12: is not valid YAML", id="open-list"),
        pytest.param(b"a: b: c", "render.yaml:1:5: is not valid YAML", id="mapping-in-value"),
        pytest.param(b"a:\n\t- b", "render.yaml:2:1: is not valid YAML", id="tab"),
        pytest.param(b"services: *nobody", "render.yaml:1:11: is not valid YAML", id="unknown-alias"),
        pytest.param(b"a\xff", "render.yaml:1: is not UTF-8", id="encoding"),
        pytest.param(b"[" * 5000, "render.yaml: is nested too deeply", id="nesting"),
        pytest.param(b"#" * (2**20 + 1), "render.yaml: is larger than 1 MiB", id="size"),
        pytest.param(b"a: \x00", "render.yaml", id="nul"),
    ],
)
def test_broken_yaml_is_an_error_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(MemguardError) as error:
        render.read(data, "render.yaml")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b"- a\n- b", id="list"),
        pytest.param(b"services: 3", id="number"),
        pytest.param(b"services: [1, [2], {type: [1]}]", id="odd-services"),
        pytest.param(b"services: [{? [1, 2] : x, runtime: python}]", id="odd-keys"),
        pytest.param(b"a: &a [*a]\nservices: *a", id="recursive"),
    ],
)
def test_odd_yaml_declares_nothing(data: bytes) -> None:
    assert render.read(data, "render.yaml").services == ()


def test_exploding_anchors_are_not_expanded() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 60)), "services: *a59"]
    assert render.read("\n".join(lines).encode(), "render.yaml").services == ()


def test_the_same_command_is_one_service() -> None:
    own = render.read(b"services: [{type: web, name: api, runtime: python, startCommand: gunicorn  a:a}]", "render.yaml")
    plain = procfile.read(b"web: gunicorn a:a\nworker: python w.py\n", "Procfile")
    joined = join_services(own, plain)
    assert [service.name for service in joined.services] == ["api"]
    assert [(place.path, place.line) for place in joined.services[0].instead_of] == [("Procfile", 2)]
    assert join_services(Deployment(), plain).services == plain.services


def test_platforms() -> None:
    plan = platforms.find_platform("render-pro-plus")
    assert plan is not None
    assert plan.memory == 8192 * MIB
    assert platforms.find_plan("render", "pro plus") == plan
    assert platforms.find_platform("render-huge") is None
    local = platforms.find_platform("local")
    assert local is not None
    assert local.memory is None
    smallest = platforms.smallest_plan("render", 513 * MIB)
    assert smallest is not None
    assert smallest.plan == "standard"
    assert "render-free" in platforms.platform_names()
