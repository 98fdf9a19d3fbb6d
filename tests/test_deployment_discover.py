"""Which files of a repository are read, how what they declare is joined, and what is loaded for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from folders import git, write

from memguard_hooks.deployment import compose, readers
from memguard_hooks.deployment import discover as discovery
from memguard_hooks.deployment.discover import discover
from memguard_hooks.deployment.service import NAMED_FOR_PRODUCTION, Deployment
from memguard_hooks.errors import MemguardError
from memguard_hooks.tree import RevisionTree, WorkTree

RENDER = "services: [{type: web, name: api, runtime: python, startCommand: python a.py}]\n"
FLY = "[processes]\nweb = 'python a.py'\n"
BUILT = "services:\n  api:\n    build: ../api\n    mem_limit: 300m\n"
DOCKERFILE = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD python image.py\n"
COMPOSE = "services:\n  app:\n    build: .\n    command: python c.py\n"
LIMITED = f"{COMPOSE}    mem_limit: 512m\n"
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: k}
spec: {template: {spec: {containers: [{name: k, image: x, command: [python, k.py]}]}}}
"""
UNIT = "[Service]\nWorkingDirectory=/srv/app\nExecStart=/usr/bin/python3 u.py\n"
UPSUN = """\
applications:
  shop:
    type: python:3.12
    source: {root: /backend}
    web: {commands: {start: gunicorn -w 3 a:app}}
    workers: {queue: {commands: {start: python w.py}}}
  site: {type: "nodejs:22", web: {commands: {start: node x.js}}}
"""
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [./deployment.yaml]\n"
PM2 = (
    "module.exports = { // the bot\n  apps: [{ name: 'bot', script: 'a.py', interpreter: \"python3\", instances: 1 }],\n};\n"
)
FOREIGN = ("examples/x/fly.toml", "tests/fly.toml", "docs/fly.toml", ".x/fly.toml", "node_modules/x/fly.toml",
           "{{cookiecutter.x}}/fly.toml")  # fmt: skip
PROCFILE = "web: python p.py\n"
FORMATION = '{"formation": {"web": {"size": "standard-2x"}}}\n'


def refuse(error: MemguardError) -> None:
    raise error


def read(root: Path) -> tuple[Deployment, list[MemguardError]]:
    broken: list[MemguardError] = []
    return discover(WorkTree(str(root)), broken.append), broken


@pytest.mark.parametrize(
    ("files", "services", "skipped"),
    [
        pytest.param({}, [], [], id="nothing"),
        pytest.param({"README.md": "x", "compose.md": "x"}, [], [], id="no-deployment-file"),
        pytest.param({"render.yaml": RENDER, "fly.toml": FLY}, ["api render.yaml", "web fly.toml"], [], id="two-platforms"),
        pytest.param({"render.yaml": RENDER, "k8s/app.yaml": MANIFEST}, ["api render.yaml", "k k8s/app.yaml"], [],
                     id="platform-and-kubernetes"),
        pytest.param({"render.yaml": RENDER, "compose.yaml": LIMITED}, ["api render.yaml"], [], id="compose-gives-way"),
        pytest.param({"render.yaml": RENDER, "app.service": UNIT}, [("api "
                      "render.yaml")], ["app.service"], id="unit-gives-way"),
        pytest.param({"compose.yaml": COMPOSE, "Dockerfile": DOCKERFILE}, ["app compose.yaml"], [],
                     id="compose-has-read-the-image"),
        pytest.param({"compose.yaml": COMPOSE.replace("c.py", "c.py --reload"), "Dockerfile": DOCKERFILE},
                     ["web Dockerfile"], [], id="compose-reloads"),
        pytest.param({"api/Dockerfile": DOCKERFILE, "api/image.py": "",
                      "jobs/Dockerfile": "FROM python:3.12\nCOPY . .\nCMD run-jobs\n", "jobs/c.py": "",
                      "proxy/Dockerfile": "FROM python:3.12\nCMD nginx\n", "proxy/d.py": "",
                      "tool/Dockerfile": "FROM python:3.12\nCMD run-tool\n"},
                     ["api api/Dockerfile", "jobs jobs/Dockerfile"], [], id="image-of-a-folder-whose-start-is-not-known"),
        pytest.param({"compose.yaml": "services:\n  web: {build: ., command: python manage.py runserver}\n"
                      "  work: {build: ., command: python c.py}\n", "Dockerfile": "FROM python:3.12\nCOPY . .\n",
                      "manage.py": ""}, ["web compose.yaml", "work compose.yaml"], [],
                     id="compose-reloads-what-no-image-starts"),
        pytest.param({"compose.yaml": "services:\n  web: {build: ., command: uvicorn c:app --reload}\n",
                      "Dockerfile": "FROM python:3.12\nCOPY . .\n", "c.py": "", "d.py": "", "deploy/prod/job.service":
                      "[Service]\nWorkingDirectory=/app\nExecStart=/usr/bin/python3 d.py\n"},
                     ["web compose.yaml", "job deploy/prod/job.service"], [],
                     id="compose-reloads-beside-a-unit-for-production"),
        pytest.param({"compose.yaml": COMPOSE, "Procfile": PROCFILE}, ["web Procfile"], [],
                     id="compose-for-development"),
        pytest.param({"compose.yaml": LIMITED, "Procfile": f"{PROCFILE}worker: python  c.py\n",
                      "Dockerfile": DOCKERFILE}, ["app compose.yaml", "web Procfile"], [], id="compose-as-a-host"),
        pytest.param({"compose.yaml": COMPOSE, "compose.prod.yaml": COMPOSE, "Procfile": PROCFILE,
                      "Dockerfile": DOCKERFILE}, ["app compose.prod.yaml", "web Procfile"], [], id="compose-for-production"),
        pytest.param({"compose.yaml": COMPOSE.replace("python c.py", "entry dev_server"), "Dockerfile": DOCKERFILE},
                     ["web Dockerfile"], [], id="compose-starts-a-server-for-development"),
        pytest.param({"compose.yaml": COMPOSE.replace("c.py", "c.py --log /dev/stdout"), "Dockerfile": DOCKERFILE},
                     ["app compose.yaml"], [], id="compose-logs-to-a-device"),
        pytest.param({"Procfile": PROCFILE, "Dockerfile": "FROM x\n"}, ["web Procfile"], [], id="image-without-a-command"),
        pytest.param({"w.service": UNIT, "Procfile": "web: npm start\n", "Dockerfile": DOCKERFILE},
                     ["w w.service", "web Procfile"], ["Dockerfile"], id="unit-beside-another-language"),
        pytest.param({"systemd/bot.service": UNIT}, ["bot systemd/bot.service"], [], id="unit"),
        pytest.param({"contrib/bot.service": UNIT, "u.py": ""}, ["bot contrib/bot.service"], [], id="unit-of-contrib"),
        pytest.param({"contrib/bot.service": UNIT}, [], [], id="unit-of-contrib-that-starts-nothing-of-the-project"),
        pytest.param({"contrib/bot.service": UNIT, "u.py": "", "Procfile": PROCFILE}, ["web Procfile"],
                     ["contrib/bot.service"], id="unit-of-contrib-beside-what-is-deployed"),
        pytest.param({"contrib/bot-dev.service": UNIT, "u.py": ""}, [], [], id="unit-of-contrib-for-developers"),
        pytest.param({"examples/bot.service": UNIT, "u.py": ""}, [], [], id="unit-of-an-example"),
        pytest.param({"Procfile": PROCFILE, "app.json": FORMATION, "Dockerfile": DOCKERFILE}, ["web Procfile"],
                     ["Dockerfile"], id="heroku"),
        pytest.param({"Procfile": PROCFILE, "app.json": "{ // x\n}"}, ["web Procfile"], ["app.json"],
                     id="app-json-broken"),
        pytest.param({"nixpacks.toml": "[start]\ncmd = 'python n.py'\n", "Procfile": PROCFILE}, ["web nixpacks.toml"],
                     ["Procfile"], id="nixpacks-wins"),
        pytest.param({"nixpacks.toml": "[start]\ncmd = 'python n.py'\n", "n.py": "", "Dockerfile": DOCKERFILE,
                      "image.py": ""},
                     ["web nixpacks.toml", "image Dockerfile"], [], id="nixpacks-or-the-image"),
        pytest.param({"nixpacks.toml": "[start]\ncmd = 'python image.py'\n", "Dockerfile": DOCKERFILE, "image.py": ""},
                     ["web nixpacks.toml"], [], id="nixpacks-as-the-image"),
        pytest.param({"Dockerfile": "FROM ubuntu\nCOPY bot .\nCMD ./bot\n", "main.go": ""}, [], [], id="image-of-go"),
        pytest.param({"Dockerfile": "FROM ubuntu\nCOPY bot .\nCMD ./bot\n", "bot.py": ""}, ["web Dockerfile"], [],
                     id="image-of-what-may-be-python"),
        pytest.param({"Dockerfile": "FROM ubuntu\nCOPY src .\nCMD ./bot\n", "src/app/bot.py": ""}, ["web Dockerfile"], [],
                     id="image-of-what-may-be-python-below"),
        pytest.param({"k8s/app.yaml": MANIFEST.encode("utf-16"), "k.py": ""}, ["k k8s/app.yaml"], [],
                     id="manifest-in-utf-16"),
        pytest.param({"docker/Dockerfile": "FROM python\nCOPY s.conf /etc/s.conf\nCMD supervisord -c /etc/s.conf\n",
                      "docker/s.conf": "[program:a]\ncommand=python a.py\n", "a.py": ""}, ["docker docker/Dockerfile"], [],
                     id="image-built-in-its-own-folder"),
        pytest.param({".railway/railway.ts": "export default {}", "main.py": ""}, [], [".railway/railway.ts"],
                     id="railway-runs-a-program"),
        pytest.param({".railway/railway.py": "", "Procfile": PROCFILE}, ["web Procfile"], [".railway/railway.py"],
                     id="railway-runs-a-program-beside-a-procfile"),
        pytest.param({"railway.json": "{}", "Procfile": PROCFILE}, ["web Procfile"], [],
                     id="railway-reads-the-procfile"),
        pytest.param({"railway.json": "{}", "railway.toml": "[deploy]\nstartCommand = 'python t.py'\n", "main.py": ""}, [],
                     ["railway.json"], id="one-file-of-a-platform"),
        pytest.param({".do/app.yaml": "services: [{name: d, run_command: python d.py}]\n"}, ["d .do/app.yaml"], [],
                     id="digitalocean"),
        pytest.param({"app.yaml": MANIFEST}, ["k app.yaml"], [], id="app-yaml-of-kubernetes"),
        pytest.param({"Dockerfile.nonprod": DOCKERFILE, "Dockerfile.prd": DOCKERFILE + "\n"}, ["web Dockerfile.prd"], [],
                     id="image-for-production-beside-one-that-is-not"),
        pytest.param({"docker-compose.non-prod.yml": COMPOSE, "Procfile": "web: gunicorn app:app\n"}, ["web Procfile"], [],
                     id="compose-that-is-not-for-production-beside-a-procfile"),
        pytest.param({"prod.Dockerfile": DOCKERFILE, "dev.Dockerfile": DOCKERFILE}, ["web prod.Dockerfile"], [],
                     id="image-for-production"),
        pytest.param({"Containerfile": DOCKERFILE}, ["web Containerfile"], [], id="containerfile"),
        pytest.param({"Dockerfile.dev": DOCKERFILE, "test.Dockerfile": DOCKERFILE}, [], [], id="images-for-developers"),
        pytest.param({"a.Dockerfile": DOCKERFILE, "b.Dockerfile": DOCKERFILE}, ["a a.Dockerfile"], [],
                     id="variants-of-an-image"),
        pytest.param({"Dockerfile.api": DOCKERFILE, "Dockerfile.bot": DOCKERFILE.replace("image", "bot"),
                      "Dockerfile.dev": DOCKERFILE}, ["api Dockerfile.api", "bot Dockerfile.bot"], [], id="several-images"),
        pytest.param({"k8s/deployment.yaml": MANIFEST, "k8s/kustomization.yaml": KUSTOMIZATION},
                     ["k k8s/deployment.yaml"], [], id="manifest-beside-what-names-it"),
        pytest.param({"render.yaml": RENDER, "deploy/compose.prod.yaml": COMPOSE, "deploy/Dockerfile": DOCKERFILE,
                      "deploy/c.py": "", "dev/compose.yaml": COMPOSE}, ["api render.yaml"], ["deploy/compose.prod.yaml"],
                     id="compose-for-production-in-a-folder"),
        pytest.param({"compose.yaml": COMPOSE.encode("utf-16"), "Dockerfile": DOCKERFILE}, ["app compose.yaml"], [],
                     id="compose-in-utf-16"),
        pytest.param({"zbpack.json": '{"start_command": "python z.py"}'}, ["web zbpack.json"], [], id="zeabur"),
        pytest.param({"zbpack.json": '{"start_command": "python z.py"}', "Dockerfile": DOCKERFILE}, ["web Dockerfile"], [],
                     id="zeabur-builds-the-image"),
        pytest.param({"zbpack.json": '{"start_command": "python z.py", "ignore_dockerfile": true}',
                      "Dockerfile": DOCKERFILE}, ["web zbpack.json"], ["Dockerfile"], id="zeabur-ignores-the-image"),
        pytest.param({"zbpack.json": '{"build_command": "make"}', "main.py": ""}, [], ["zbpack.json"], id="zeabur-decides"),
        pytest.param({"clevercloud/python.json": '{"deploy": {"module": "app:app"}}'}, ["web clevercloud/python.json"], [],
                     id="clever-cloud"),
        pytest.param({"clevercloud/python.json": "{}"}, [], ["clevercloud/python.json"], id="clever-cloud-by-variables"),
        pytest.param({".upsun/config.yaml": UPSUN}, ["shop .upsun/config.yaml", "queue .upsun/config.yaml"], [], id="upsun"),
        pytest.param({"ecosystem.config.json": '{"apps": [{"script": "a.py"}]}', "a.py": ""},
                     ["pm2 ecosystem.config.json"], [], id="pm2"),
        pytest.param({"ecosystem.config.js": PM2, "a.py": ""}, ["pm2 ecosystem.config.js"], [], id="pm2-in-javascript"),
        pytest.param({"ecosystem.config.js": f"const x = require('x')\n{PM2}", "a.py": ""}, [], ["ecosystem.config.js"],
                     id="pm2-that-is-computed"),
        pytest.param({"ecosystem.config.js": "module.exports = {apps: [{script: 'index.js'}]}"}, [], [],
                     id="pm2-of-another-language"),
        pytest.param({"Dockerfile": DOCKERFILE, "worker/Dockerfile": DOCKERFILE.replace("image", "w"), "worker/w.py": "",
                      "image.py": ""}, ["web Dockerfile", "worker worker/Dockerfile"], [], id="image-beside-an-image"),
        pytest.param({"Procfile": PROCFILE, "worker/compose.yaml": COMPOSE, "worker/c.py": "",
                      "worker/Dockerfile": DOCKERFILE},
                     ["web Procfile", "app worker/compose.yaml"], [], id="compose-in-a-folder-beside-a-procfile"),
        pytest.param({"Dockerfile": DOCKERFILE, "docker/dev/Dockerfile": DOCKERFILE.replace("image", "w"), "image.py": "",
                      "w.py": ""}, ["web Dockerfile"], [], id="image-for-developers-beside-an-image"),
        pytest.param({"Dockerfile": DOCKERFILE, "image.py": "", "x/Dockerfile": DOCKERFILE}, ["web Dockerfile"], [],
                     id="the-same-image-again"),
        pytest.param({"render.yaml": RENDER, "bot/Dockerfile": DOCKERFILE.replace("image", "b"), "bot/b.py": ""},
                     ["api render.yaml"], ["bot/Dockerfile"], id="image-in-a-folder-beside-a-platform"),
        pytest.param({"production.yml": COMPOSE, "local.yml": COMPOSE, "c.py": "", "Dockerfile": DOCKERFILE},
                     ["app production.yml"], [], id="compose-that-is-called-production"),
        pytest.param({"prod.docker-compose.yaml": COMPOSE, "docker-compose.dev.yml": COMPOSE, "c.py": "",
                      "Dockerfile": DOCKERFILE}, ["app prod.docker-compose.yaml"], [],
                     id="compose-for-production-by-a-prefix"),
        pytest.param({"docker-compose-server.yml": COMPOSE, "compose.test.yml": COMPOSE, "c.py": "",
                      "Dockerfile": DOCKERFILE}, ["app docker-compose-server.yml"], [], id="compose-by-a-suffix"),
        pytest.param({"production.yml": "level: 3\n", "Dockerfile": DOCKERFILE}, ["web Dockerfile"], [],
                     id="production-that-is-no-compose"),
        pytest.param({"infrastructure/systemd/bot.service": UNIT}, ["bot infrastructure/systemd/bot.service"], [],
                     id="unit-in-a-folder-of-its-own"),
        pytest.param({"deploy/helm/k/Chart.yaml": "name: k\n", "deploy/helm/k/values.yaml": "name: k\n",
                      "deploy/helm/k/templates/k.yaml": MANIFEST.replace("name: k", "name: {{ .Values.name }}")},
                     ["k deploy/helm/k/templates/k.yaml"], [], id="helm"),
        pytest.param({"chart/Chart.yaml": "name: k\n", "chart/templates/k.yaml": f"{MANIFEST}{{{{ end }}}}",
                      "Dockerfile": DOCKERFILE}, ["web Dockerfile"], ["chart/Chart.yaml"], id="helm-that-is-broken"),
        pytest.param({"Procfile": PROCFILE, "Dockerfile": "FROM python:3.12\nCOPY . .\nCMD honcho start\n"},
                     ["web Dockerfile"], [], id="image-that-starts-the-procfile"),
        pytest.param({"railpack.json": '{"deploy": {"startCommand": "python r.py"}}', "Procfile": PROCFILE},
                     ["web railpack.json"], [], id="railpack"),
        pytest.param({".chalice/config.json": '{"version": "2.0"}', "app.py": ""}, ["api_handler .chalice/config.json"], [],
                     id="chalice"),
        pytest.param({".replit": 'run = "python a.py"\n', "a.py": ""}, ["web .replit"], [], id="replit"),
        pytest.param({".replit": 'run = "npm start"\n', "a.py": ""}, [], [], id="replit-of-another-language"),
        pytest.param({".replit": 'run = "python a.py"\n', "a.py": "", "Procfile": PROCFILE}, ["web Procfile"], [],
                     id="replit-beside-a-procfile"),
        pytest.param({"circus.ini": "[watcher:w]\ncmd = python a.py\nnumprocesses = 2\n", "a.py": ""},
                     ["circusd circus.ini"], [], id="circus"),
        pytest.param({"supervisord.conf": "[program:w]\ncommand=/srv/venv/bin/python a.py\n", "a.py": ""},
                     ["supervisord supervisord.conf"], [], id="supervisord"),
        pytest.param({"supervisord.conf": "[program:w]\ncommand=python -c x\n"}, [], ["supervisord.conf"],
                     id="supervisord-of-what-is-not-read"),
        pytest.param({"supervisord.conf": "[program:w]\ncommand=/usr/sbin/sshd -D\n", "a.py": ""}, [], [],
                     id="supervisord-of-others"),
        pytest.param({"uwsgi.ini": "[uwsgi]\nmodule = a:app\nprocesses = 2\n", "a.py": ""}, ["uwsgi uwsgi.ini"], [],
                     id="uwsgi"),
        pytest.param({"circus.ini": "[watcher:w]\ncmd = python a.py\n", "a.py": "", "Dockerfile": DOCKERFILE},
                     ["web Dockerfile"], [], id="circus-beside-an-image"),
        pytest.param({"zappa_settings.json": '{"dev": {"app_function": "a.app"}}', "a.py": ""}, ["dev zappa_settings.json"],
                     [], id="zappa"),
        pytest.param({"compose.yaml": "services: {dev: {build: ., command: python manage.py runserver}}\n",
                      "Dockerfile": "FROM python:3.12\nCOPY . .\nCMD python manage.py runserver\n", "manage.py": ""},
                     ["dev compose.yaml"], [], id="compose-and-an-image-for-developers"),
        pytest.param({"extras/docker/images/production/Dockerfile": DOCKERFILE, "image.py": ""},
                     ["production extras/docker/images/production/Dockerfile"], [], id="image-far-below"),
        pytest.param({"fly.toml": "[build]\n", "Dockerfile": "FROM elixir\nCMD /app/bin/server\n", "x.py": ""}, [], [],
                     id="platform-of-another-language"),
        pytest.param({"compose.yaml": "services: {a: {build: ., command: python a.py, profiles: [load-testing]}}\n",
                      "a.py": "", "Dockerfile": DOCKERFILE, "image.py": ""}, ["web Dockerfile"], [], id="compose-for-tests"),
        pytest.param({"Dockerfile": "FROM node\nCMD npm start\n", "api/Dockerfile": DOCKERFILE, "api/image.py": ""},
                     ["web Dockerfile", "api api/Dockerfile"], [], id="image-beside-another-language"),
        pytest.param({"Dockerfile": f"{DOCKERFILE}FROM 0 AS test\nCMD pytest\n", "image.py": ""}, ["web Dockerfile"], [],
                     id="stage-for-tests"),
        pytest.param({"compose.yaml": COMPOSE.replace("build: .", "image: python:3.12"), "c.py": "",
                      "backend/compose.yaml": COMPOSE, "backend/c.py": "", "backend/Dockerfile": DOCKERFILE},
                     ["app compose.yaml", "backend backend/compose.yaml"], [], id="compose-beside-that-of-the-root"),
        pytest.param({"compose.yaml": COMPOSE.replace("build: .", "build: backend"), "backend/compose.yaml": COMPOSE,
                      "backend/c.py": "", "backend/Dockerfile": DOCKERFILE}, ["app compose.yaml"], [],
                     id="compose-of-what-the-root-starts"),
        pytest.param({"compose.yaml": "services: {init: {build: db}}\n",
                      "db/Dockerfile": "FROM python\nCMD alembic upgrade head\n", "Dockerfile": DOCKERFILE, "image.py": ""},
                     ["init db/Dockerfile", "web Dockerfile"], [],
                     id="compose-that-starts-no-python"),
    ],
)  # fmt: skip
def test_services_of_the_root(
    tmp_path: Path, files: dict[str, str | bytes], services: list[str], skipped: list[str]
) -> None:
    write(tmp_path, files)
    found, broken = read(tmp_path)
    assert broken == []
    assert len({service.place for service in found.services}) == len(found.services)
    declared = {(service.name, service.path) for service in found.services}
    assert {(name, path) for name, path in (text.split() for text in services)} == declared
    lost = [place.path for service in found.services for place in service.instead_of]
    assert [gap.path for gap in found.skipped] + lost == skipped


@pytest.mark.parametrize(
    ("files", "services"),
    [
        pytest.param({"api/Procfile": "web: python a.py\n", "api/a.py": ""}, [("web", "api/Procfile", "api")], id="one"),
        pytest.param({"api/Procfile": PROCFILE, "api/p.py": "", "jobs/Procfile": PROCFILE, "jobs/p.py": ""},
                     [("api", "api/Procfile", "api"), ("jobs", "jobs/Procfile", "jobs")], id="names-clash"),
        pytest.param({"a/Procfile": f"{PROCFILE}worker: python p.py\n", "a/p.py": "", "b/Procfile": PROCFILE, "b/p.py": ""},
                     [("a-web", "a/Procfile", "a"), ("worker", "a/Procfile", "a"), ("b", "b/Procfile", "b")],
                     id="some-names-clash"),
        pytest.param({"services/api/fly.toml": FLY}, [("web", "services/api/fly.toml", "services/api")], id="two-levels"),
        pytest.param({"a/b/c/fly.toml": FLY}, [], id="three-levels"),
        pytest.param({"backend/render.yaml": RENDER, "backend/a.py": "", "compose.yaml": COMPOSE},
                     [("api", "backend/render.yaml", "backend")], id="blueprint-below-the-root"),
        pytest.param({"backend/render.yaml": RENDER, "a.py": "", "backend/a.py": ""}, [("api", "backend/render.yaml", "")],
                     id="blueprint-that-means-the-root"),
        pytest.param({"Procfile": PROCFILE, "api/Procfile": "web: python a.py\n", "api/a.py": ""},
                     [("web", "Procfile", "")], id="root-declares"),
        pytest.param({"k8s/app.yaml": MANIFEST, "api/fly.toml": FLY}, [("k", "k8s/app.yaml", "")], id="cluster-of-the-root"),
        pytest.param({"docker/Dockerfile": DOCKERFILE, "image.py": ""}, [("web", "docker/Dockerfile", "")],
                     id="image-of-the-root"),
        pytest.param({"docker/gpu/Dockerfile": DOCKERFILE, "image.py": "", "docker/cpu/Dockerfile": DOCKERFILE},
                     [("cpu", "docker/cpu/Dockerfile", "")], id="variants-of-an-image"),
        pytest.param({"docker/run/Dockerfile": DOCKERFILE.replace("image.py", "gone.py")},
                     [("run", "docker/run/Dockerfile", "")], id="image-of-what-is-not-here"),
        pytest.param({"docker/run/Dockerfile": DOCKERFILE, "docker/image.py": ""},
                     [("web", "docker/run/Dockerfile", "docker")], id="image-of-the-folder-above"),
        pytest.param({"api/Dockerfile": DOCKERFILE, "api/image.py": ""}, [("web", "api/Dockerfile", "api")],
                     id="image-of-a-folder"),
        pytest.param({"api/Dockerfile": DOCKERFILE, "api/image.py": "", "deploy/docker-compose.prod.yml": BUILT},
                     [("api", "api/Dockerfile", "api")], id="image-that-compose-of-another-folder-builds"),
        pytest.param({"web/Dockerfile": "FROM node\nCMD npm start\n"}, [], id="image-of-another-language"),
        pytest.param({"compose.yaml": COMPOSE, "api/Dockerfile": DOCKERFILE, "api/image.py": "", "Dockerfile.dev": ""},
                     [("web", "api/Dockerfile", "api")], id="compose-that-does-not-read"),
        pytest.param(dict.fromkeys(FOREIGN, FLY), [], id="not-deployed"),
        pytest.param({"run.sh": "pip install .\nexec python a.py\n", "a.py": ""}, [("run", "run.sh", "")], id="script"),
        pytest.param({"run.sh": "python gone.py\n", "start.sh": "npm start\n", "a.py": ""}, [], id="script-of-another"),
        pytest.param({"run.sh": "python a.py\n", "a.py": "", "api/fly.toml": FLY}, [("web", "api/fly.toml", "api")],
                     id="script-beside-a-platform"),
        pytest.param({"deployment/w.service": "[Service]\nExecStart=/x/bin/python a.py\n", "a.py": ""},
                     [("w", "deployment/w.service", "")], id="unit"),
        pytest.param({"startup.sh": "gunicorn a:app\n", "a.py": ""}, [("startup", "startup.sh", "")], id="azure-script"),
        pytest.param({"startup.txt": "gunicorn a:app\n", "a.py": ""}, [("startup", "startup.txt", "")], id="azure-text"),
        pytest.param({"Dockerfile": 'FROM public.ecr.aws/lambda/python:3.11\nCMD ["a.f"]\n', "a.py": ""},
                     [("web", "Dockerfile", "")], id="function"),
    ],
)  # fmt: skip
def test_services_of_folders(tmp_path: Path, files: dict[str, str], services: list[tuple[str, str, str]]) -> None:
    write(tmp_path, files)
    found, broken = read(tmp_path)
    assert broken == []
    assert [(service.name, service.path, service.folder) for service in found.services] == services


def test_an_image_below_the_root_may_start_a_console_script(tmp_path: Path) -> None:
    write(tmp_path, {"docker/Dockerfile": 'FROM python:3.12\nCOPY . /app\nENTRYPOINT ["/venv/bin/app"]\n', "pkg/cli.py": ""})
    (unknown,) = read(tmp_path)[0].services  # it installs nothing that is known: what it runs is told as not judged
    assert (unknown.name, unknown.command) == ("docker", "/venv/bin/app")
    found = discover(WorkTree(str(tmp_path)), refuse, scripts=lambda: {"app": "pkg.cli:main"})
    assert [one.path for one in found.services] == ["docker/Dockerfile"]


def test_a_function_of_an_image_has_the_memory_of_lambda(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": 'FROM public.ecr.aws/lambda/python:3.11\nCMD ["a.f"]\n', "a.py": ""})
    (service,) = read(tmp_path)[0].services
    assert (service.platform, service.limit) == ("aws-lambda", 128 * 2**20)


def test_what_the_settings_exclude_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"render.yaml": RENDER, "api/fly.toml": FLY, "jobs/fly.toml": FLY})
    found = discover(WorkTree(str(tmp_path)), refuse, lambda path: path in ("render.yaml", "api"))
    assert [service.path for service in found.services] == ["jobs/fly.toml"]


def test_a_file_that_does_not_parse_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    write(tmp_path, {"render.yaml": "services: [", "fly.toml": FLY, "k8s/app.yaml": "apiVersion: [\nkind: Deployment\n"})
    found, broken = read(tmp_path)
    assert [service.path for service in found.services] == ["fly.toml"]
    assert [error.path for error in broken] == ["render.yaml", "k8s/app.yaml"]


@pytest.mark.parametrize(
    ("name", "text", "is_template"),
    [
        pytest.param("app.yaml", "runtime: python312\nservice: {{ name }}-{{ stage }}\n", True, id="app-engine"),
        pytest.param("template.yaml", "{% if x %}\nResources: {}\n{% endif %}\n", True, id="template"),
        pytest.param("template.yml", "Resources:\n  {{ x }}\n  a: b\n", True, id="template-yml"),
        pytest.param("serverless.yml", "{% for x in y %}\nservice: a\n", True, id="serverless"),
        pytest.param("app.yaml", "runtime: [python312\n", False, id="broken"),
        pytest.param("app.yaml", "runtime: [python312, ${{ secrets.X }}\n", False, id="broken-with-secrets"),
        pytest.param("render.yaml", "services: {{ x }}\n{% if y %}\n", False, id="a-name-of-one-platform"),
    ],
)
def test_a_generic_name_may_be_that_of_a_template(
    tmp_path: Path,
    name: str,
    text: str,
    is_template: bool,  # noqa: FBT001
) -> None:
    write(tmp_path, {name: text, "fly.toml": FLY})
    found, broken = read(tmp_path)
    assert [service.path for service in found.services] == ["fly.toml"]
    assert [error.path for error in broken] == ([] if is_template else [name])
    told = [(gap.path, gap.reason) for gap in found.skipped]
    assert told == ([(name, "is a template, whose values are known only once it is filled in")] if is_template else [])


def test_a_directory_or_a_link_out_of_the_root_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "root" / "render.yaml").mkdir(parents=True)
    (tmp_path / "secret.toml").write_text(FLY, encoding="utf-8")
    (tmp_path / "root" / "fly.toml").symlink_to(tmp_path / "secret.toml")
    found, broken = read(tmp_path / "root")
    assert found.services == ()
    assert [error.message for error in broken] == ["leads out of the repository"]


def test_a_revision_gives_the_same_as_the_work_tree(tmp_path: Path) -> None:
    write(tmp_path, {"api/Procfile": "web: python a.py\n", "api/a.py": "", "k8s/app.yaml": MANIFEST, "README": ""})
    for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message=begin")):
        git(tmp_path, *arguments)
    tree = RevisionTree(str(tmp_path))
    try:
        assert discover(tree, refuse) == read(tmp_path)[0]
    finally:
        tree.close()


def test_hidden_keys_of_compose_are_told(tmp_path: Path) -> None:
    text = "services:\n  app:\n    image: python:3.12\n    command: >\n      python a.py\n      mem_limit: 1g\n"
    write(tmp_path, {"compose.yaml": text})
    found, _ = read(tmp_path)
    assert ("hidden-key", "mem_limit", 6) in [(trap.kind, trap.subject, trap.place.line) for trap in found.traps]


def test_a_tree_of_many_folders_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_FOLDERS", 100)
    for number in range(discovery.MAX_FOLDERS + 50):
        (tmp_path / f"f{number:04}").mkdir()
    write(tmp_path, {"f0000/fly.toml": FLY, "f9999/fly.toml": FLY})
    found, _ = read(tmp_path)
    assert [service.path for service in found.services] == ["f0000/fly.toml"]
    assert [(gap.path, gap.reason) for gap in found.skipped] == [
        (
            f"f{discovery.MAX_FOLDERS:04}",
            "is not read, and what comes after it: there are more than 100 folders that may hold an app",
        )
    ]


def test_folders_beyond_a_bound_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = "FROM python:3.12\nCOPY main.py .\nCMD python main.py\n"
    write(tmp_path, {"a/b/c/d/Dockerfile": image, "a/b/c/d/main.py": ""})
    monkeypatch.setattr(discovery, "MAX_FOLDERS", 3)
    reasons = [gap.reason for gap in read(tmp_path)[0].skipped]
    assert any("more than 3 folders that may hold an app" in reason for reason in reasons)


def test_all_folders_for_a_cluster_are_looked_into(tmp_path: Path) -> None:
    """Of twenty that many have, none more was looked into."""
    command = "spec: {containers: [{name: a, image: a, command: [python, main.py]}]}\n"
    pod = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\n{command}"
    others = {f"deploy/a{number:02}/readme": "" for number in range(30)}
    write(tmp_path, {**others, "deploy/b/a.yaml": pod, "main.py": "", "Dockerfile": "FROM python:3.12\nCOPY . .\n"})
    assert [one.path for one in read(tmp_path)[0].services if one.platform == "kubernetes"] == ["deploy/b/a.yaml"]


WORKLOAD = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
    "spec: {template: {spec: {containers: [{name: web, image: app, command: [python, app.py], "
    "resources: {limits: {memory: 512Mi}}}]}}}\n"
)


def test_a_workload_that_is_declared_twice_alike_is_one(tmp_path: Path) -> None:
    """Many a repository has what is rendered of its manifests beside them."""
    other = WORKLOAD.replace("512Mi", "256Mi")
    write(tmp_path, {"k8s/a.yaml": WORKLOAD, "manifests/a.yaml": WORKLOAD, "deploy/a.yaml": other, "app.py": ""})
    found, _ = read(tmp_path)
    assert [one.limit for one in found.services] == [512 * 2**20, 256 * 2**20]


def test_manifests_and_units_without_end_are_told(tmp_path: Path) -> None:
    count = discovery.MAX_FILES + 1
    manifests = {f"k8s/a{number:03}.yaml": WORKLOAD.replace("name: a}", f"name: a{number}}}") for number in range(count)}
    units = {f"a{number:03}.service": "[Service]\nExecStart=/usr/bin/python app.py\n" for number in range(count)}
    write(tmp_path, {**manifests, **units, "app.py": ""})
    found, _ = read(tmp_path)
    assert len(found.services) == discovery.MAX_DECLARED
    reason = "is not read, and what comes after it: there are more than 300"
    assert [(gap.path, gap.reason) for gap in found.skipped if gap.reason.startswith(reason)] == [
        ("k8s/a300.yaml", f"{reason} manifests of Kubernetes"),
        ("a300.service", f"{reason} units of systemd"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("{}.tf", 'resource "aws_ecs_task_definition" "a" {}\n', "files of Terraform"),
        ("{}.nomad", 'job "a" {}\n', "jobs of Nomad"),
        ("ecs/{}.json", '{"family": "a", "containerDefinitions": []}', "task definitions"),
        ("helm/{}/Chart.yaml", "name: a\n", "charts of Helm"),
    ],
)
def test_files_beyond_a_bound_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, what: str
) -> None:
    monkeypatch.setattr(discovery, "MAX_FILES", 1)
    write(tmp_path, {**{name.format(letter): text for letter in "abc"}, "app.py": ""})
    found, _ = read(tmp_path)
    reason = f"is not read, and what comes after it: there are more than 1 {what}"
    assert [gap.path for gap in found.skipped if gap.reason == reason] == [name.format("b")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("Procfile", "".join(f"w{number}: python p.py\n" for number in range(5000)), id="procfile"),
        pytest.param(
            "fly.toml", "[processes]\n" + "".join(f"w{number} = 'python p.py'\n" for number in range(5000)), id="fly"
        ),
    ],
)
def test_services_without_end_are_cut_off(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text})
    found, _ = read(tmp_path)
    assert len(found.services) == discovery.MAX_SERVICES
    assert [gap.reason for gap in found.skipped] == ["declares more than 200 services"]


def test_a_file_that_is_too_large_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"fly.toml": "#" * (discovery.MAX_BYTES + 1)})
    assert [str(error) for error in read(tmp_path)[1]] == ["fly.toml: is larger than 1 MiB"]


@pytest.mark.parametrize(("kind", "gaps"), [("CustomResourceDefinition", []), ("Deployment", ["is larger than 256 KiB"])])
def test_a_large_manifest_of_kubernetes_is_no_error(tmp_path: Path, kind: str, gaps: list[str]) -> None:
    write(tmp_path, {"k8s/all.yaml": f"apiVersion: v1\nkind: {kind}\n" + "#" * (discovery.MAX_BYTES + 1)})
    found, errors = read(tmp_path)
    assert [one.reason for one in found.skipped] == gaps
    assert not errors


def test_names_are_those_of_the_reader() -> None:
    assert all(discovery._COMPOSE.fullmatch(name) for name in compose.NAMES)
    assert {name for name in compose.NAMES if NAMED_FOR_PRODUCTION.search(name)} == set(compose.PRODUCTION)


@pytest.mark.parametrize(
    "name",
    ["prod-docker-compose.yaml", "docker-compose_prod.yml", "production-compose.yml", "compose.production.yml",
     "docker-compose-prod.yml", "prod.yml", "docker-stack.yml", "podman-compose.yml", "coolify.yml",
     "deploy/docker-compose.yml", "deployment/prod/compose.yaml", "ops/docker-compose.prod.yml", ".docker/compose.yml"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("text", "image"),
    [
        pytest.param("{build: BELOW, command: python c.py, mem_limit: 300m}", DOCKERFILE, id="built"),
        pytest.param("{build: BELOW, mem_limit: 300m}", DOCKERFILE.replace("image", "c"), id="as-the-image-says"),
        pytest.param("{build: BELOW, command: python c.py, mem_limit: 300m}", "FROM python:3.12\nCOPY . .\n", id="no-cmd"),
        pytest.param(
            "{image: a/shop, command: python c.py, mem_limit: 300m}\n  b: {image: a/shop, command: sleep 1}",
            DOCKERFILE,
            id="image-alone",
        ),
    ],
)
def test_a_file_of_compose_wherever_it_lies_takes_the_place_of_the_image(
    tmp_path: Path, name: str, text: str, image: str
) -> None:
    compose_file = f"services:\n  app: {text.replace('BELOW', '/'.join(['..'] * name.count('/')) or '.')}\n"
    write(tmp_path, {name: compose_file, "Dockerfile": image, "c.py": "", "image.py": ""})
    found, _ = read(tmp_path)
    assert [(one.name, one.path, one.command, one.limit) for one in found.services] == [
        ("app", "Dockerfile" if "command" not in text else name, "python c.py", 300 * 2**20)
    ]
    assert found.skipped == ()


@pytest.mark.parametrize(
    "name", ["docker-compose.dev.yml", "local.yml", "dev/compose.yml", "tests/compose.yml", "notes.yml"]
)
def test_a_file_of_compose_for_developers_leaves_the_image(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: COMPOSE, "Dockerfile": DOCKERFILE, "image.py": ""})
    assert [one.path for one in read(tmp_path)[0].services] == ["Dockerfile"]


STAGES = """\
FROM python:3.12 AS base
WORKDIR /app
FROM base AS dev
CMD ["python", "watch.py"]
FROM base AS final
COPY src /app
CMD ["python", "c.py"]
"""
"""An image whose stage for developers takes the code from the machine."""


def test_compose_with_a_limit_wins_over_that_of_developers(tmp_path: Path) -> None:
    here = (
        "services:\n  a:\n    {image: 'shop:dev', build: {context: ., target: dev}, volumes: ['./src:/app'],"
        " command: python c.py}\n"
    )
    there = "services:\n  a: {image: 'shop:latest', mem_limit: 300m}\n  b: {image: 'shop:latest', mem_limit: 200m}\n"
    write(tmp_path, {"Dockerfile": STAGES, "docker-compose.yml": here, "deploy/docker-compose.yml": there, "src/c.py": ""})
    found, _ = read(tmp_path)
    assert [(one.folder, one.limit, [place.path for place in one.instead_of]) for one in found.services] == [
        ("src", 300 * 2**20, []),
        ("src", 200 * 2**20, []),
    ]
    write(tmp_path, {"deploy/docker-compose.yml": there.replace(", mem_limit: 300m", "").replace(", mem_limit: 200m", "")})
    assert [(one.path, one.limit) for one in read(tmp_path)[0].services] == [("docker-compose.yml", None)]


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        pytest.param(
            "web: {build: .., command: python3 main.py  web, mem_limit: 9m}", ["worker", "beat", "web 9"], id="words"
        ),
        pytest.param(
            "beat: {build: .., command: python main.py tick, mem_limit: 9m}", ["web", "worker", "beat 9"], id="name"
        ),
        pytest.param(
            "x: {build: .., command: python main.py, mem_limit: 9m}", ["web", "worker", "beat", "x 9"], id="another"
        ),
        pytest.param("web: {build: .., command: ./run.sh web, mem_limit: 9m}", ["worker", "beat", "web 9"], id="script"),
        pytest.param(
            "x: {build: .., command: ./run.sh beat, mem_limit: 9m}", ["web", "worker", "beat", "x 9"], id="of-script"
        ),
    ],
)
def test_only_the_service_that_a_folder_limits_gives_way(tmp_path: Path, there: str, kept: list[str]) -> None:
    named = "".join(f"  {name}: {{build: ., command: python main.py {name}}}\n" for name in ("web", "worker", "beat"))
    files = {
        "Dockerfile": "FROM python:3.12\nCOPY . .\n",
        "docker-compose.yml": f"services:\n{named}",
        "deploy/compose.yml": f"services:\n  {there}\n",
        "main.py": "",
        "run.sh": 'exec python main.py "$1"\n',
    }
    write(tmp_path, files)
    found = read(tmp_path)[0].services
    assert [one.name if one.limit is None else f"{one.name} {one.limit // 2**20}" for one in found] == kept


# What is loaded

LOADED = """\
import json, sys
from memguard_hooks.deployment.discover import discover
from memguard_hooks.tree import WorkTree
discover(WorkTree(sys.argv[1]), print)
print(json.dumps([name for name in sys.modules if name == "yaml" or name.startswith("memguard_hooks.deployment.")]))
"""


@pytest.mark.parametrize(
    ("files", "expected", "is_yaml"),
    [
        pytest.param({"main.py": "", "setup.yml": "a: b"}, set(), False, id="nothing"),
        pytest.param({"Procfile": "web: python a.py\n"}, {"procfile"}, False, id="procfile"),
        pytest.param({"fly.toml": FLY}, {"fly"}, False, id="fly"),
        pytest.param(
            {"railway.json": "{}", "Procfile": "web: x\n"}, {"railway", "nixpacks", "procfile"}, False, id="railway"
        ),
        pytest.param({"Procfile": "web: x\n", "app.json": FORMATION}, {"procfile", "heroku"}, False, id="heroku"),
        pytest.param({"render.yaml": RENDER}, {"render"}, True, id="render"),
        pytest.param({"compose.yaml": COMPOSE}, {"compose"}, True, id="compose"),
    ],
)
def test_only_the_readers_of_files_that_are_there_are_loaded(
    tmp_path: Path, files: dict[str, str], expected: set[str], *, is_yaml: bool
) -> None:
    write(tmp_path, files)
    command = [sys.executable, "-c", LOADED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    loaded = {name.rpartition(".")[2] for name in json.loads(done.stdout)}
    others = ("procfile", "nixpacks", "compose", "kubernetes", "systemd")
    every = {name.replace("-", "_") for name in (*readers.PLATFORMS, *others)}
    assert loaded & every == expected
    assert ("yaml" in loaded) is is_yaml
