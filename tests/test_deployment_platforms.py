"""Files of platforms: what each reader makes of a command, a plan, variables, builds and copies; and the table of plans."""

from __future__ import annotations

import re

import pytest
from work import LINEAR, at_most, growth

from memguard_hooks.deployment import (
    app_engine,
    chalice,
    clever_cloud,
    digitalocean,
    fly,
    heroku,
    nixpacks,
    platform_sh,
    platforms,
    procfile,
    railpack,
    railway,
    render,
    serverless,
    zappa,
    zeabur,
)
from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.hidden_keys import COMPOSE_KEYS, find_hidden_keys
from memguard_hooks.deployment.readers import Reader
from memguard_hooks.deployment.service import Read, ServicePlace, Trap
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB
from memguard_hooks.formats import json_document


def holding(**files: str) -> Read:
    """Return what reads files by their names, where `__` stands for a dot and `___` for a slash."""
    named = {name.replace("___", "/").replace("__", "."): text.encode() for name, text in files.items()}
    return named.get


# The table of plans


def test_each_plan_has_a_source_and_a_date_and_stands_once_in_order() -> None:
    with open(platforms.TABLE, encoding="ascii") as file:
        head, *rows = file.read().splitlines()
    assert head.startswith("# ")
    cells = [row.split("\t") for row in rows]
    assert {len(row) for row in cells} == {7}
    assert cells == sorted(cells)
    assert len({(row[0], row[1]) for row in cells}) == len(cells)
    for platform, plan, mib, cpus, _, source, date in cells:
        assert source, (platform, plan)
        assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", date), (platform, plan)
        assert mib == "" or int(mib) >= 128, (platform, plan)
        assert cpus == "" or float(cpus) > 0, (platform, plan)
        assert (platform, plan) == (platform.lower(), plan.lower().replace("_", "-").replace(" ", "-"))


@pytest.mark.parametrize(
    ("platform", "plan", "mib"),
    [
        pytest.param("render", "pro plus", 8192, id="render"),
        pytest.param("heroku", "Standard-2X", 1024, id="heroku"),
        pytest.param("fly", "shared-cpu-1x", 256, id="fly"),
        pytest.param("app-engine", "F4_1G", 3072, id="app-engine"),
        pytest.param("digitalocean", "apps-s-1vcpu-0.5gb", 512, id="digitalocean"),
        pytest.param("cloud-run", "512Mi", 512, id="cloud-run"),
        pytest.param("railway", "hobby", 8192, id="railway-one-replica"),
        pytest.param("northflank", "nf-compute-20", 512, id="northflank"),
    ],
)
def test_plans_are_found_as_files_write_them(platform: str, plan: str, mib: int) -> None:
    found = platforms.find_plan(platform, plan)
    assert found is not None
    assert found.memory == mib * MIB
    assert platforms.find_platform(found.name) == found


def test_defaults_and_what_platforms_set_are_in_the_table() -> None:
    for platform, plan in platforms.DEFAULT_PLAN.items():
        assert platforms.find_plan(platform, plan) is not None, platform
    told = {plan.name: int(plan.sets["WEB_CONCURRENCY"]) for plan in platforms.plans() if "WEB_CONCURRENCY" in plan.sets}
    assert told == platforms.WEB_CONCURRENCY
    assert {name: platforms.concurrency_of(name) for name in told} == told
    assert platforms.concurrency_of("render-free") is None


def test_a_plan_whose_memory_nobody_gives_is_known_but_not_to_be_chosen() -> None:
    custom = platforms.find_plan("render", "custom")
    assert custom is not None
    assert custom.memory is None
    assert platforms.find_platform("render-custom") is None
    assert "render-custom" not in platforms.platform_names()
    assert platforms.smallest_plan("render", 33_000 * MIB) is None


# render.yaml


def test_blueprint_has_builds_copies_cpus_and_places_of_variables() -> None:
    data = b"""\
envVarGroups:
- name: shared
  envVars:
  - {key: LOG, value: debug}
  - {key: A, value: group}
services:
- type: web
  name: api
  runtime: python
  plan: pro plus
  rootDir: backend
  previews: {plan: starter}
  buildCommand: pip install -r requirements.txt
  startCommand: gunicorn app:app
  numInstances: 3
  envVars:
  - fromGroup: shared
  - {key: A, value: own}
  - {key: SECRET, sync: false}
  - {key: TOKEN, generateValue: true}
  - {key: URL, fromService: {name: db, type: pserv, property: host}}
- {type: worker, name: w, runtime: python, startCommand: python w.py, scaling: {minInstances: 1, maxInstances: 4}}
- {type: keyvalue, name: cache, plan: nonsense}
"""
    api, worker = render.read(data, "render.yaml").services
    assert (api.plan, api.limit, api.cpus, api.replicas, api.folder) == ("pro plus", 8192 * MIB, 4, 3, "backend")
    assert [(build.command, build.place, build.folder) for build in api.builds] == [
        ("pip install -r requirements.txt", ServicePlace("render.yaml", 13, 17), "backend")
    ]
    assert dict(api.environment) == {**render.NATIVE_ENVIRONMENT, "A": "own", "LOG": "debug"}
    assert {name: place.line for name, place in api.variables.items()} == {
        "A": 18, "LOG": 4, "SECRET": 19, "TOKEN": 20, "URL": 21,
    }  # fmt: skip
    assert (worker.replicas, worker.kind) == (4, "worker")


def test_a_variable_that_only_the_dashboard_knows_hides_that_of_its_group() -> None:
    data = b"""\
envVarGroups: [{name: g, envVars: [{key: WEB_CONCURRENCY, value: 4}]}]
services:
- {type: web, name: a, runtime: docker, envVars: [{fromGroup: g}, {key: WEB_CONCURRENCY, sync: false}]}
"""
    (service,) = render.read(data, "render.yaml", holding(Dockerfile="FROM x\nENV WEB_CONCURRENCY=2\nCMD y\n")).services
    assert service.environment == {}
    assert service.variables["WEB_CONCURRENCY"].line == 3


def test_a_plan_that_does_not_exist_is_a_trap_with_the_nearest() -> None:
    data = b"services:\n- {type: web, name: api, runtime: python, startCommand: python a.py, plan: standart}\n"
    found = render.read(data, "render.yaml")
    (trap,) = found.traps
    assert (trap.kind, trap.place, trap.subject) == ("unknown-plan", ServicePlace("render.yaml", 2, 76), "api")
    assert trap.detail.startswith("standart: standard (2048 MiB), ")
    assert found.services[0].limit is None


@pytest.mark.parametrize(
    ("data", "traps"),
    [
        pytest.param(
            b"services:\n- type: web\n  name: a\n  runtime: python\n  buildCommand: |\n    pip install -r r.txt\n"
            b"    startCommand: gunicorn a:a\n    plan: free\n",
            [(7, 5, "startCommand"), (8, 5, "plan")],
            id="indented-too-far",
        ),
        pytest.param(b"  startCommand: >-\n    python a.py\n  plan: free\n", [], id="not-hidden"),
        pytest.param(b"  startCommand: |\n    cat <<EOF > c.yml\n    plan: free\n    EOF\n", [], id="heredoc"),
        pytest.param(b"  startCommand: |\n    echo plan: free\n", [], id="in-a-line"),
        pytest.param(b"  startCommand: |\n    echo a\n    colour: red\n", [], id="no-key-of-ours"),
        pytest.param(b"  description: |\n    plan: free\n", [], id="no-command"),
        pytest.param(b"  startCommand: python a.py | tee log\n  plan: free\n", [], id="pipe"),
    ],
)
def test_hidden_keys(data: bytes, traps: list[tuple[int, int, str]]) -> None:
    found = find_hidden_keys(data, "render.yaml", render.COMMANDS, render.KEYS)
    assert [(trap.place.line, trap.place.column, trap.subject) for trap in found] == traps
    assert {trap.kind for trap in found} <= {"hidden-key"}


def test_a_start_command_that_the_build_swallows_is_the_start() -> None:
    data = b"""\
services:
  - type: web
    name: api
    runtime: python
    buildCommand: |
      pip install -r requirements.txt
      python build_index.py
      startCommand: gunicorn app:app --workers 2
      plan: standard
"""
    found = render.read(data, "render.yaml")
    (service,) = found.services
    assert (service.command, service.line) == ("gunicorn app:app --workers 2", 8)
    assert [build.command for build in service.builds] == ["pip install -r requirements.txt\npython build_index.py"]
    assert [trap.subject for trap in found.traps] == ["startCommand", "plan"]
    assert found.skipped == ()


def test_hidden_keys_of_compose() -> None:
    data = b"services:\n  web:\n    command: |\n      python a.py\n      mem_limit: 512m\n"
    (trap,) = find_hidden_keys(data, "compose.yaml", ("command", "entrypoint"), COMPOSE_KEYS)
    assert trap == Trap("hidden-key", ServicePlace("compose.yaml", 5, 7), "mem_limit", "is part of the text of command")


def test_hidden_keys_are_looked_for_in_linear_time() -> None:
    def look(data: bytes) -> object:
        return find_hidden_keys(data, "render.yaml", render.COMMANDS, render.KEYS)

    assert growth(look, lambda count: b"  startCommand: |\n" * count, 40_000) < LINEAR


# fly.toml


def test_fly_gives_each_group_its_machine() -> None:
    data = b"""\
[env]
LOG = "info"
[processes]
web = "gunicorn app:app"
worker = "python worker.py"
beat = "python beat.py"
[[vm]]
size = "performance-2x"
memory = "3gb"
processes = ["web"]
[[vm]]
size = "shared-cpu-1x"
[[vm]]
cpu_kind = "shared"
cpus = 2
processes = ["beat"]
"""
    web, worker, beat = fly.read(data, "fly.toml").services
    assert [(one.limit, one.cpus) for one in (web, worker, beat)] == [(3072 * MIB, 2), (256 * MIB, 1), (512 * MIB, 2)]
    assert web.limit_source == "fly.toml:9 memory 3gb"
    assert web.variables == {"LOG": ServicePlace("fly.toml", 2, 1)}
    assert web.replicas is None


def test_a_size_of_fly_that_does_not_exist_is_a_trap_but_for_gpus() -> None:
    data = b"[processes]\na = 'python a.py'\n[[vm]]\nsize = 'shared-cpu-3x'\n[[vm]]\nsize = 'l40s'\nprocesses = ['a']\n"
    (trap,) = fly.read(data, "fly.toml").traps
    assert (trap.kind, trap.place.line, trap.subject) == ("unknown-plan", 4, "app")


def test_many_groups_of_fly_are_read_in_linear_time() -> None:
    count = 2000
    groups = "".join(f"g{number} = 'python main.py {number}'\n" for number in range(count))
    machines = "".join(f"[[vm]]\nprocesses = ['g{number}']\nmemory = '512mb'\n" for number in range(count))
    image = holding(Dockerfile="FROM x\nWORKDIR /app\nCOPY . .\nCMD y\n", main__py="")
    asked: list[str] = []

    def read_file(path: str) -> bytes | None:
        asked.append(path)
        return image(path)

    with at_most(3_000_000):
        found = fly.read(f"[processes]\n{groups}{machines}".encode(), "fly.toml", read_file)
    assert len(asked) == len(set(asked)), "each file is read once, not for each group"
    assert [service.limit for service in found.services] == [512 * MIB] * count


# Heroku


PROCFILE = b"web: gunicorn app:app\nworker: python worker.py\n"


@pytest.mark.parametrize(
    ("files", "command"),
    [
        pytest.param({"requirements__txt": "", "uv__lock": ""}, "pip install -r requirements.txt", id="pip-before-locks"),
        pytest.param({"uv__lock": "", "poetry__lock": ""}, None, id="builders-differ"),
        pytest.param({"requirements__txt": "", "Pipfile": ""}, None, id="heroku-takes-pipenv"),
        pytest.param({"requirements__txt": "", "Dockerfile": "FROM x\n"}, None, id="or-an-image"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_what_a_procfile_s_builder_installs_counts_where_all_do_the_same(files: dict[str, str], command: str | None) -> None:
    for service in procfile.read(PROCFILE, "Procfile", holding(**files)).services:
        assert [build.command for build in service.builds] == ([] if command is None else [command])


def test_dynos_of_a_formation() -> None:
    data = b"""\
{
  "stack": "heroku-24",
  "env": {"LOG": "info", "SECRET": {"generator": "secret"}, "MODE": {"value": "a"}, "WEB_CONCURRENCY": "3"},
  "formation": {
    "web": {"quantity": 2, "size": "Standard-2X"}
  }
}
"""
    found = heroku.read_app(
        data, "app.json", procfile.read(PROCFILE, "Procfile"), holding(uv__lock="", requirements__txt="")
    )
    web, worker = found.services
    assert (web.platform, web.plan, web.limit, web.replicas) == ("heroku", "Standard-2X", 1024 * MIB, 2)
    assert web.limit_source == "app.json:5 size Standard-2X"
    assert dict(web.environment) == {"WEB_CONCURRENCY": "3", "LOG": "info", "MODE": "a"}
    assert web.variables["SECRET"] == ServicePlace("app.json", 3, 26)
    assert (worker.plan, worker.limit, worker.environment["WEB_CONCURRENCY"]) == ("basic", 512 * MIB, "3")
    assert worker.limit_source == "Procfile:2 default size basic"
    assert [build.command for build in web.builds] == ["pip install -r requirements.txt"]


def test_heroku_sets_the_concurrency_that_the_app_does_not() -> None:
    data = b'{"formation": {"web": {"size": "performance-m"}}}'
    web, worker = heroku.read_app(data, "app.json", procfile.read(PROCFILE, "Procfile")).services
    assert (web.environment, worker.environment) == ({"WEB_CONCURRENCY": "5"}, {"WEB_CONCURRENCY": "2"})


def test_a_dyno_that_does_not_exist_any_more_is_a_trap() -> None:
    data = b'{"formation": {"web": {"size": "hobby", "quantity": "many"}}}'
    found = heroku.read_app(data, "app.json", procfile.read(PROCFILE, "Procfile"))
    assert [(trap.kind, trap.place.line, trap.subject) for trap in found.traps] == [("unknown-plan", 1, "web")]
    assert (found.services[0].limit, found.services[0].replicas) == (None, None)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"expo": {"name": "x"}}', id="expo"),
        pytest.param(b"[1]", id="list"),
        pytest.param(b"3", id="number"),
    ],
)
def test_app_json_of_another_tool_changes_nothing(data: bytes) -> None:
    processes = procfile.read(PROCFILE, "Procfile")
    assert heroku.read_app(data, "app.json", processes) == processes


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"formation": [], "env": 3}', id="wrong-types"),
        pytest.param(b'{"formation": {"web": []}, "env": {"A": []}}', id="wrong-types-below"),
        pytest.param(b'{"formation": {"web": {"size": 3, "quantity": true}}}', id="numbers"),
    ],
)
def test_odd_app_json_gives_the_default(data: bytes) -> None:
    found = heroku.read_app(data, "app.json", procfile.read(PROCFILE, "Procfile"))
    assert [service.limit for service in found.services] == [512 * MIB] * 2


def test_heroku_yml_runs_images() -> None:
    data = b"""\
build:
  docker:
    web: Dockerfile
    worker:
      dockerfile: worker/Dockerfile
      target: small
setup:
  config: {B: "2"}
run:
  web: gunicorn app:app -w 2
  release:
    image: web
    command: [python, migrate.py]
  beat:
    image: worker
    command:
    - python beat.py
"""
    read = holding(
        Dockerfile="FROM x\nENV A=1\nCMD python a.py\n", worker___Dockerfile="FROM x AS small\nCMD python w.py\nFROM x\n"
    )
    web, beat, worker = heroku.read(data, "heroku.yml", read).services
    assert (web.name, web.command, web.path, web.line, web.environment) == (
        "web", "gunicorn app:app -w 2", "heroku.yml", 10, {"A": "1", "B": "2"},
    )  # fmt: skip
    assert (beat.name, beat.line) == ("beat", 14)
    assert (worker.command, worker.path) == ("python w.py", "worker/Dockerfile")
    assert {one.platform for one in (web, beat, worker)} == {"heroku"}


# Railway, Nixpacks


def test_railway_starts_what_its_file_says() -> None:
    data = b"""\
{
  "build": {"builder": "NIXPACKS", "buildCommand": "python collect.py"},
  "deploy": {"startCommand": "python dev.py", "numReplicas": 2},
  "environments": {
    "production": {"deploy": {"startCommand": "gunicorn app:app"}}
  }
}
"""
    found = railway.read(data, "railway.json", holding(poetry__lock="", uv__lock=""))
    (service,) = found.services
    assert (service.command, service.line, service.column) == ("gunicorn app:app", 5, 31)
    assert (service.platform, service.limit, service.replicas) == ("railway", None, 2)
    assert [build.command for build in service.builds] == ["poetry install --only main", "python collect.py"]
    assert [(trap.kind, trap.place) for trap in found.traps] == [("ending-format", ServicePlace("railway.json", 1, 1))]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"Dockerfile": "FROM x\nCMD python i.py\n", "Procfile": "web: python p.py\n"},
                     ("Dockerfile", 2, "python i.py"), id="image"),
        pytest.param({"Procfile": "beat: python b.py\nworker: python w.py\n"},
                     ("Procfile", 2, "python w.py"), id="procfile"),
        pytest.param({"nixpacks__toml": "[start]\ncmd = 'python n.py'\n", "Procfile": "web: python p.py\n"},
                     ("nixpacks.toml", 2, "python n.py"), id="nixpacks"),
    ],
)  # fmt: skip
def test_railway_without_a_start_command(files: dict[str, str], expected: tuple[str, int, str]) -> None:
    (service,) = railway.read(b"[deploy]\nnumReplicas = 1\n", "railway.toml", holding(**files)).services
    assert (service.path, service.line, service.command) == expected
    assert service.platform == "railway"


def test_railway_that_leaves_all_to_the_builder_is_not_read() -> None:
    found = railway.read(b"{}", "railway.json")
    assert found.services == ()
    assert [(gap.path, gap.line) for gap in found.skipped] == [("railway.json", 1)]


@pytest.mark.parametrize(
    ("builder", "files", "expected"),
    [
        ("NIXPACKS", {"Dockerfile": "FROM x\nCMD python i.py\n", "nixpacks__toml": "[start]\ncmd = 'python n.py'\n"},
         ["python i.py"]),
        ("RAILPACK", {"Dockerfile": "FROM x\nCMD python i.py\n", "Procfile": "web: python p.py\n"}, ["python i.py"]),
        ("NIXPACKS", {"Procfile": "web: python p.py\n"}, ["python p.py"]),
        ("DOCKERFILE", {"Procfile": "web: python p.py\n"}, ["it is built from Dockerfile, which is not there"]),
    ],
)  # fmt: skip
def test_railway_builds_with_a_dockerfile_wherever_there_is_one(
    builder: str, files: dict[str, str], expected: list[str]
) -> None:
    found = railway.read(f"[build]\nbuilder = '{builder}'\n".encode(), "railway.toml", holding(**files))
    assert [*(one.command for one in found.services), *(gap.reason for gap in found.skipped)] == expected


def test_a_start_command_takes_the_place_of_the_image_s_entrypoint() -> None:
    read = holding(Dockerfile='FROM x\nENTRYPOINT ["tini", "--"]\nCMD ["python", "i.py"]\n')
    (service,) = railway.read(b"[deploy]\nstartCommand = 'python r.py'\n", "railway.toml", read).services
    assert (service.command, service.path, service.line) == ("python r.py", "railway.toml", 2)


def test_nixpacks() -> None:
    data = b"""\
[variables]
LOG = "info"
[phases.install]
cmds = ["...", "pip install gunicorn"]
[phases.build]
cmds = ["python build.py"]
[start]
cmd = "gunicorn app:app"
"""
    (service,) = nixpacks.read(data, "api/nixpacks.toml", holding(api___requirements__txt="")).services
    assert (service.command, service.line, service.folder, service.platform) == ("gunicorn app:app", 8, "api", None)
    assert [(build.command, build.place.line) for build in service.builds] == [
        ("pip install -r requirements.txt", 8),
        ("pip install gunicorn", 4),
        ("python build.py", 6),
    ]
    assert service.variables == {"LOG": ServicePlace("api/nixpacks.toml", 2, 1)}


# App Engine


def test_app_engine_standard() -> None:
    data = b"""\
runtime: python312
service: api
instance_class: F2
entrypoint: gunicorn -w 2 app:app
env_variables:
  LOG: info
"""
    (service,) = app_engine.read(data, "app.yaml", holding(requirements__txt="")).services
    assert (service.name, service.platform, service.plan, service.limit) == ("api", "app-engine", "F2", 768 * MIB)
    assert service.environment == {"PYTHON_VERSION": "3.12", "LOG": "info"}
    assert [build.command for build in service.builds] == ["pip install -r requirements.txt"]


@pytest.mark.parametrize(
    ("data", "mib", "source"),
    [
        pytest.param(b"runtime: python312\n", 384, "app.yaml:1 default instance_class F1", id="default"),
        pytest.param(b"runtime: python312\nmanual_scaling: {instances: 2}\n", 768, "app.yaml:1 instance_class B2",
                     id="manual"),
        pytest.param(b"runtime: python\nenv: flex\nentrypoint: python a.py\nresources: {memory_gb: 1.5}\n", 1536,
                     "app.yaml:4 memory_gb 1.5", id="flexible"),
        pytest.param(b"runtime: python\nenv: flex\nentrypoint: python a.py\n", None,
                     "app.yaml:3 without resources.memory_gb", id="flexible-default"),
        pytest.param(b"runtime: python312\ninstance_class: [F1]\n", 384, "app.yaml:2 default instance_class F1", id="odd"),
    ],
)  # fmt: skip
def test_memory_of_app_engine(data: bytes, mib: int | None, source: str) -> None:
    (service,) = app_engine.read(data, "app.yaml", holding(main__py="")).services
    assert service.limit == (None if mib is None else mib * MIB)
    assert service.limit_source == source


def test_app_engine_starts_gunicorn_by_itself_where_there_is_a_main() -> None:
    (service,) = app_engine.read(b"runtime: python312\n", "app.yaml", holding(main__py="")).services
    assert service.command == "gunicorn -b :$PORT main:app"
    found = app_engine.read(b"runtime: python312\n", "app.yaml")
    assert [gap.reason for gap in found.skipped] == ["it has no entrypoint, and there is no main.py"]


def test_an_instance_class_that_does_not_exist_is_a_trap() -> None:
    found = app_engine.read(b"runtime: python312\nentrypoint: python a.py\ninstance_class: F3\n", "app.yaml")
    assert [(trap.kind, trap.place.line) for trap in found.traps] == [("unknown-plan", 3)]


# DigitalOcean


def test_app_spec() -> None:
    data = b"""\
spec:
  name: app
  envs: [{key: LOG, value: info}, {key: A, value: app}]
  services:
  - name: api
    environment_slug: python
    source_dir: /api
    build_command: pip install -r prod.txt
    run_command: gunicorn app:app
    instance_size_slug: apps-s-1vcpu-1gb
    instance_count: 2
    envs: [{key: A, value: own}, {key: DB, value: "${db.DATABASE_URL}"}]
  - {name: site, environment_slug: node-js, run_command: npm start}
  - {name: other, image: {repository: x}}
  workers:
  - {name: jobs, run_command: python jobs.py, instance_size_slug: basic-xs}
  - {name: idle}
  jobs:
  - {name: migrate, kind: PRE_DEPLOY, run_command: python migrate.py}
"""
    found = digitalocean.read(data, ".do/deploy.template.yaml")
    api, jobs = found.services
    assert (api.platform, api.limit, api.cpus, api.replicas, api.folder) == ("digitalocean", 1024 * MIB, 1, 2, "api")
    assert (api.environment, sorted(api.variables)) == ({"LOG": "info", "A": "own"}, ["A", "DB", "LOG"])
    assert [(build.command, build.folder) for build in api.builds] == [("pip install -r prod.txt", "api")]
    assert (jobs.kind, jobs.limit, jobs.replicas) == ("worker", None, 1)
    assert [(gap.line, gap.service, gap.reason) for gap in found.skipped] == [
        (14, "other", "it runs an image, whose command is not in the repository"),
        (17, "idle", "it has no run_command"),
    ]
    assert found.traps == (), "an old slug exists, though nobody says how much memory it has"


def test_app_spec_runs_an_image_or_a_procfile() -> None:
    data = b"services:\n- {name: a, dockerfile_path: a/Dockerfile}\n- {name: b, source_dir: b}\n"
    read = holding(a___Dockerfile="FROM x\nCMD python a.py\n", b___Procfile="web: python b.py\n")
    a, b = digitalocean.read(data, ".do/app.yaml", read).services
    assert [(one.name, one.path, one.command, one.folder) for one in (a, b)] == [
        ("a", "a/Dockerfile", "python a.py", ""),
        ("b", "b/Procfile", "python b.py", "b"),
    ]
    assert {one.limit_source for one in (a, b)} == {
        ".do/app.yaml:2 default instance_size_slug apps-s-1vcpu-0.5gb",
        ".do/app.yaml:3 default instance_size_slug apps-s-1vcpu-0.5gb",
    }


# AWS Lambda


FRAMEWORK = b"""\
service: x
plugins: [serverless-python-requirements]
provider:
  name: aws
  runtime: python3.12
  environment: {LOG: info}
functions:
  hello:
    handler: src/app.handler
    memorySize: 512
    environment: {A: "1", B: "${ssm:b}"}
  bye:
    handler: bye.handler
  page:
    handler: page.handler
    runtime: nodejs20.x
  box:
    image: box
  far:
    handler: far.handler
    memorySize: ${self:custom.size}
"""


def test_serverless_framework() -> None:
    found = serverless.read(FRAMEWORK, "serverless.yml", holding(requirements__txt=""))
    hello, bye, far = found.services
    assert (hello.command, hello.kind, hello.platform) == ("lambda-handler src.app.handler", "function", "aws-lambda")
    assert (hello.limit, hello.limit_source) == (512 * MIB, "serverless.yml:10 memorySize 512")
    assert hello.environment == {"PYTHON_VERSION": "3.12", "LOG": "info", "A": "1"}
    assert sorted(hello.variables) == ["A", "B", "LOG"]
    assert [build.command for build in hello.builds] == ["pip install -r requirements.txt"]
    assert (bye.limit, bye.limit_source) == (1024 * MIB, "serverless.yml:13 default memorySize 1024")
    assert far.limit is None
    assert [(gap.service, gap.reason) for gap in found.skipped] == [("box", "it runs an image, whose handler is not read")]


def test_functions_of_other_providers_are_not_read() -> None:
    assert serverless.read(FRAMEWORK.replace(b"aws", b"google"), "serverless.yml").services == ()


def test_a_runtime_that_is_filled_in_later_counts_where_the_handler_is_python() -> None:
    data = FRAMEWORK.replace(b"python3.12", b"${opt:runtime}")
    found = serverless.read(data, "serverless.yml", holding(bye__py=""))
    assert [service.name for service in found.services] == ["bye"]


def test_sam() -> None:
    data = b"""\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.11, MemorySize: 256, Environment: {Variables: {LOG: info}}}
Resources:
  Api:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: api/
      Handler: app.lambda_handler
      MemorySize: 1024
      Environment: {Variables: {TABLE: !Ref Table}}
  Job:
    Type: AWS::Serverless::Function
    Properties: {Handler: job.run}
  Box:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image}
  Up:
    Type: AWS::Serverless::Function
    Properties: {Handler: up.run, CodeUri: ../elsewhere}
  Table:
    Type: AWS::DynamoDB::Table
"""
    found = serverless.read(data, "template.yaml", holding(api___requirements__txt=""))
    api, job = found.services
    assert (api.command, api.folder, api.limit) == ("lambda-handler app.lambda_handler", "api", 1024 * MIB)
    assert [build.folder for build in api.builds] == ["api"]
    assert (job.limit, job.environment) == (256 * MIB, {"PYTHON_VERSION": "3.11", "LOG": "info"})
    assert [(gap.service, gap.reason) for gap in found.skipped] == [
        ("Box", "it runs an image, whose handler is not read"),
        ("Up", "its code lies outside of the repository"),
    ]


def test_sam_has_128_mb_by_default_and_plain_templates_declare_nothing() -> None:
    kind = b"AWS::Serverless::Function"
    data = b"Resources: {F: {Type: " + kind + b", Properties: {Handler: a.b, Runtime: python3.12}}}"
    (service,) = serverless.read(data, "template.yml").services
    assert service.limit == 128 * MIB
    assert serverless.read(data.replace(kind, b"AWS::S3::Bucket"), "template.yml").services == ()


# What is not a file of the format

READERS = [
    pytest.param(render.read, "render.yaml", id="render"),
    pytest.param(heroku.read, "heroku.yml", id="heroku"),
    pytest.param(app_engine.read, "app.yaml", id="app-engine"),
    pytest.param(digitalocean.read, ".do/app.yaml", id="digitalocean"),
    pytest.param(serverless.read, "serverless.yml", id="serverless"),
]


@pytest.mark.parametrize(("read", "path"), READERS)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"3", id="number"),
        pytest.param(b"[1, [2]]", id="list"),
        pytest.param(b"? [1, 2]\n: x\n", id="odd-key"),
        pytest.param(b"services: {a: b}\nbuild: [1]\nrun: 3\nfunctions: x\nruntime: [python]\nResources: 3\n",
                     id="wrong-types"),
        pytest.param(b"services: [[1], 2]\nworkers: [{envs: 3}]\nrun: {a: {}}\nprovider: aws\nfunctions: [3, {f: 4}]\n",
                     id="wrong-types-below"),
        pytest.param(b"a: &a [*a]\nservices: *a\nrun: *a\nfunctions: *a\nprovider: {name: aws}\n", id="recursive"),
        pytest.param(b"apiVersion: v1\nkind: Service\nmetadata: {name: x}\n", id="kubernetes"),
    ],
)  # fmt: skip
def test_odd_yaml_declares_no_service(read: Reader, path: str, data: bytes) -> None:
    assert read(data, path, holding()).services == ()


VARIABLES = "{key: A, value: b}," * 1200
MANY_SERVICES = (
    "n: &n []\ns: &s [{type: web, runtime: python, startCommand: x, envVars: ["
    + VARIABLES
    + "]}]\ne: &e ["
    + "{services: *s}," * 300
    + "]\nprojects: ["
    + "{environments: *e}," * 300
    + "]\n"
)
MANY_COMPONENTS = f"s: &s {{name: a, run_command: x, envs: [{VARIABLES}]}}\nservices: [{'*s,' * 1_500}]\n"
MANY_FUNCTIONS = (
    "provider: {name: aws, runtime: python3.12}\nf: &f {"
    + "".join(f"f{number}: {{handler: a.b}}," for number in range(1200))
    + f"}}\nfunctions: [{'*f,' * 1_500}]\n"
)


@pytest.mark.parametrize(
    ("read", "path", "data"),
    [
        pytest.param(render.read, "render.yaml", MANY_SERVICES, id="render"),
        pytest.param(digitalocean.read, ".do/app.yaml", MANY_COMPONENTS, id="digitalocean"),
        pytest.param(serverless.read, "serverless.yml", MANY_FUNCTIONS, id="serverless"),
    ],
)
def test_aliases_that_multiply_are_refused(read: Reader, path: str, data: str) -> None:
    with at_most(5_000_000), pytest.raises(MemguardError, match=rf"^{path}:\d: has a \w+ of more than 1000 values$"):
        read(data.encode(), path, holding())


def test_aliases_do_not_multiply() -> None:
    with at_most(10_000_000):
        found = render.read(MANY_SERVICES.replace("services: *s", "services: *n").encode(), "render.yaml", holding())
    assert found.services == ()


@pytest.mark.parametrize(("read", "path"), [*READERS, pytest.param(railway.read, "railway.json", id="railway")])
def test_broken_files_are_errors_with_a_place(read: Reader, path: str) -> None:
    with pytest.raises(MemguardError) as error:
        read(b"{\n  [\n", path, holding())
    assert (error.value.path, error.value.line is not None) == (path, True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b'{"a" 1}', "railway.json:1:6: is not valid JSON", id="syntax"),
        pytest.param(b'{"a": "\xff"}', "railway.json:1: is not UTF-8", id="encoding"),
        pytest.param(b"[" * 200_000, "railway.json: is nested too deeply", id="nesting"),
        pytest.param(b'{"a": ' + b"1" * 10_000 + b"}", "railway.json: is not valid JSON", id="long-number"),
        pytest.param(b" " * (2**20 + 1), "railway.json: is larger than 1 MiB", id="size"),
    ],
)
def test_broken_json(data: bytes, message: str) -> None:
    with pytest.raises(MemguardError) as error:
        railway.read(data, "railway.json")
    assert str(error.value).startswith(message)


def test_places_in_json() -> None:
    data = b'{"a": [1, {"b\\u0063": [[], "x"]}, 3],\n "d": {"e": {"f": "]}"}}, "g": 1}\n'
    document = json_document.parse(data, "x.json")
    assert document.place(("a",)) == (1, 2)
    assert document.place(("a", 1, "bc")) == (1, 12)
    assert document.place(("a", 1, "bc", 1)) == (1, 28)
    assert document.place(("a", 2)) == (1, 35)
    assert document.place(("d", "e", "f")) == (2, 14)
    assert document.place(("g",)) == (2, 27)
    assert document.place(("d", "e", "absent")) == document.place(("d", "e")) == (2, 8)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"deploy": [], "build": 3, "environments": "x"}', id="wrong-types"),
        pytest.param(
            b'{"deploy": {"startCommand": ["a"], "numReplicas": {}, "multiRegionConfig": 3}}', id="wrong-types-below"
        ),
    ],
)
def test_odd_railway_declares_no_service(data: bytes) -> None:
    assert railway.read(data, "railway.json").services == ()


# .platform.app.yaml


PLATFORM_SH = b"""\
name: shop
type: "python:3.12"
variables: {env: {WEB_CONCURRENCY: 3}}
hooks:
  build: pip install -r requirements.txt
  deploy: python manage.py migrate
web:
  commands:
    start: gunicorn shop.wsgi
workers:
  queue:
    commands: {start: celery -A shop worker -c 2}
  idle: {}
"""


def test_app_of_platform_sh() -> None:
    web, queue = platform_sh.read(PLATFORM_SH, ".platform.app.yaml").services
    assert (web.name, web.line, web.column, web.command, web.limit) == ("shop", 9, 12, "gunicorn shop.wsgi", None)
    assert web.environment == {"PYTHON_VERSION": "3.12", "WEB_CONCURRENCY": "3"}
    assert [build.command for build in (*web.builds, *web.once)] == [
        "pip install -r requirements.txt", "python manage.py migrate",
    ]  # fmt: skip
    assert (queue.name, queue.line, queue.kind, queue.command) == ("queue", 12, "worker", "celery -A shop worker -c 2")
    assert (queue.builds, queue.once, queue.environment) == (web.builds, (), web.environment)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        pytest.param(b"type: php:8.3\nweb: {commands: {start: x}}", [], id="other-language"),
        pytest.param(b"type: python:3.12\nname: a", ["it has no web.commands.start"], id="no-start"),
        pytest.param(b"[]", [], id="list"),
        pytest.param(b"", [], id="empty"),
    ],
)
def test_what_platform_sh_does_not_run(text: bytes, reasons: list[str]) -> None:
    found = platform_sh.read(text, ".platform.app.yaml")
    assert (found.services, [gap.reason for gap in found.skipped]) == ((), reasons)


# .upsun/config.yaml


def test_apps_of_upsun_lie_in_their_folders() -> None:
    text = b"""\
applications:
  shop:
    type: "python:3.13"
    source: {root: "/backend"}
    web: {commands: {start: "gunicorn -w 3 shop.wsgi"}}
    workers: {queue: {commands: {start: celery -A shop worker}}}
  mixed:
    type: "composable:25.05"
    stack: ["nodejs@22", {"python@3.12": {extensions: []}}]
    web: {commands: {start: python m.py}}
  site: {type: "nodejs:22", web: {commands: {start: node x.js}}}
"""
    shop, queue, mixed = platform_sh.read(text, ".upsun/config.yaml").services
    assert (shop.name, shop.folder, shop.command, shop.environment) == (
        "shop", "backend", "gunicorn -w 3 shop.wsgi", {"PYTHON_VERSION": "3.13"},
    )  # fmt: skip
    assert (queue.name, queue.folder, queue.kind) == ("queue", "backend", "worker")
    assert (mixed.name, mixed.folder, mixed.environment) == ("mixed", "", {"PYTHON_VERSION": "3.12"})


def test_a_list_of_apps_of_platform_sh() -> None:
    text = b"- {name: api, type: 'python:3.12', source: {root: api}, web: {commands: {start: python a.py}}}\n- {type: x}\n"
    (api,) = platform_sh.read(text, ".platform/applications.yaml").services
    assert (api.name, api.folder) == ("api", "api")


# zbpack.json and clevercloud/python.json


def test_service_of_zeabur() -> None:
    text = b'{"start_command": "gunicorn -w 2 a:app", "app_dir": "/api", "python": {"version": "3.11"}}'
    (web,) = zeabur.read(text, "zbpack.json").services
    assert (web.command, web.folder, web.platform, web.limit) == ("gunicorn -w 2 a:app", "api", "zeabur", None)
    assert web.environment == {"PYTHON_VERSION": "3.11"}


def test_workers_of_clever_cloud_are_a_setting_of_the_app() -> None:
    text = b'{"deploy": {"module": "shop.wsgi:application", "managetasks": ["migrate", "collectstatic --noinput"]}}'
    (web,) = clever_cloud.read(text, "clevercloud/python.json").services
    assert [one.command for one in web.once] == ["python manage.py migrate", "python manage.py collectstatic --noinput"]
    start = parse(web.command, Host({}))
    assert start.entrypoint is not None
    assert (start.entrypoint.text, start.workers) == ("shop.wsgi:application", None)
    assert "$WSGI_WORKERS" in (start.reason or "")


@pytest.mark.parametrize(
    "text", [b"[]", b"3", b'{"deploy": 3}', b'{"start_command": ["a"], "app_dir": 3, "dockerfile": []}']
)
def test_odd_files_of_zeabur_and_clever_cloud(text: bytes) -> None:
    for one in (zeabur.read(text, "zbpack.json"), clever_cloud.read(text, "clevercloud/python.json")):
        assert (one.services, [gap.service for gap in one.skipped]) == ((), ["web"])


# zappa_settings.json


def test_stages_of_zappa() -> None:
    text = """{
    "base": {"memory_size": 256, "runtime": "python3.12", "environment_variables": {"A": "1", "N": 3}},
    "dev": {"app_function": "api.main.app", "extends": "base"},
    "production": {"app_function": "api.main.app", "extends": "dev", "memory_size": 1024}
}"""
    (one,) = zappa.read(text.encode(), "zappa_settings.json").services
    assert (one.name, one.command, one.line) == ("production", "lambda-handler api.main.app", 4)
    assert (one.limit, one.limit_source) == (1024 * MIB, "zappa_settings.json:4 memory_size 1024")
    assert one.environment == {"PYTHON_VERSION": "3.12", "A": "1"}
    (one,) = zappa.read(text.replace("production", "staging").encode(), "zappa_settings.json").services
    assert (one.name, one.limit, one.limit_label) == ("dev", 256 * MIB, "aws-lambda memory_size 256")
    (one,) = zappa.read(text.replace("production", "eu_prd").encode(), "zappa_settings.json").services
    assert (one.name, one.limit) == ("eu_prd", 1024 * MIB)


def test_app_that_zappa_makes_of_settings_of_django() -> None:
    text = b'{"dev": {"django_settings": "shop.settings.prod"}}'
    files = {"shop/wsgi.py": b"", "requirements.txt": b"django"}
    (one,) = zappa.read(text, "zappa_settings.json", files.get).services
    assert (one.command, one.limit, one.environment) == (
        "lambda-handler shop.wsgi.application", 512 * MIB, {"DJANGO_SETTINGS_MODULE": "shop.settings.prod"}
    )  # fmt: skip
    assert [build.command for build in one.builds] == ["pip install -r requirements.txt"]
    (gap,) = zappa.read(text, "zappa_settings.json").skipped
    assert (gap.service, gap.reason) == (
        "dev", "Zappa makes the app of shop.settings.prod itself, and no wsgi.py beside it says what that loads"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "gaps"),
    [
        (b"[]", []),
        (b"{}", []),
        (b'{"dev": 3}', ["zappa"]),
        (b'{"dev": {"extends": "dev"}}', ["zappa"]),
        (b'{"dev": {"app_function": ["a"]}}', ["dev"]),
        (b'{"dev": {"app_function": "app"}}', ["dev"]),
        (b'{"dev": {"django_settings": "../x"}}', ["dev"]),
    ],
)
def test_odd_files_of_zappa(text: bytes, gaps: list[str]) -> None:
    found = zappa.read(text, "zappa_settings.json")
    assert (found.services, [gap.service for gap in found.skipped]) == ((), gaps)


# .chalice/config.json, railpack.json and .replit


def test_function_of_chalice() -> None:
    text = """{
    "lambda_memory_size": 256, "environment_variables": {"A": "1", "N": 3},
    "stages": {"dev": {}, "prod": {"lambda_memory_size": 512, "environment_variables": {"A": "2"}}}
}"""
    (one,) = chalice.read(text.encode(), ".chalice/config.json").services
    assert (one.command, one.limit, one.line, one.folder) == ("lambda-handler app.app", 512 * MIB, 3, "")
    assert one.environment == {"A": "2"}
    (one,) = chalice.read(text.replace("prod", "test").encode(), "api/.chalice/config.json").services
    assert (one.limit, one.limit_label, one.folder) == (256 * MIB, "aws-lambda lambda_memory_size 256", "api")
    (one,) = chalice.read(b"[]", ".chalice/config.json").services
    assert (one.limit, one.limit_label) == (128 * MIB, "aws-lambda 128 MB by default")


@pytest.mark.parametrize(
    ("path", "text", "commands"),
    [
        ("railpack.json", '{"deploy": {"startCommand": " python a.py "}}', ["python a.py"]),
        ("railpack.json", '{"deploy": {"startCommand": 3}}', []),
        ("railpack.json", "[]", []),
        (".replit", 'run = "python a.py"\n', ["python a.py"]),
        (".replit", 'run = "python a.py"\n[deployment]\nrun = ["sh", "-c", "gunicorn a:app"]\n', ["sh -c 'gunicorn a:app'"]),
        (".replit", 'entrypoint = "a.py"\n[deployment]\nrun = []\n', []),
        (".replit", "[[run]]\nx = 1\n", []),
    ],
)
def test_command_of_railpack_and_replit(path: str, text: str, commands: list[str]) -> None:
    assert [one.command for one in railpack.read(text.encode(), path).services] == commands


def test_variables_of_railpack() -> None:
    text = b'{"deploy": {"startCommand": "python a.py", "variables": {"A": "1", "B": 2}}}'
    (one,) = railpack.read(text, "railpack.json", {"requirements.txt": b""}.get).services
    assert (one.environment, [build.command for build in one.builds]) == ({"A": "1"}, ["pip install -r requirements.txt"])
