"""Hosts whose files tell a size, a command or an image: none of their services is left out without a word."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import write
from work import LINEAR, growth

from memguard_hooks.deployment import beanstalk, ecs, koyeb, nomad, northflank, vercel
from memguard_hooks.deployment.command import Host, parse
from memguard_hooks.deployment.discover import discover
from memguard_hooks.deployment.readers import reader_of
from memguard_hooks.deployment.service import Deployment, Service
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB
from memguard_hooks.formats import hcl
from memguard_hooks.tree import WorkTree

DOCKERFILE = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\nCMD gunicorn -w 3 app:app\n"
APP = {"Dockerfile": DOCKERFILE, "app.py": "app = 1\n", "requirements.txt": "flask\n"}
PLAIN = {"app.py": "app = 1\n", "requirements.txt": "flask\n"}
IMAGE = "1.dkr.ecr.eu-west-1.amazonaws.com/shop:latest"
TASK = {
    "family": "shop",
    "memory": "1024",
    "containerDefinitions": [
        {"name": "proxy", "image": "nginx:1", "memory": 64},
        {"name": "migrate", "image": IMAGE, "command": ["python", "manage.py", "migrate"]},
        {
            "name": "web",
            "image": IMAGE,
            "environment": [{"name": "A", "value": "1"}],
            "secrets": [{"name": "KEY", "valueFrom": "arn"}],
            "dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}],
        },
        {"name": "worker", "image": IMAGE, "memory": 256, "command": ["celery", "-A", "app", "worker", "-c", "2"]},
    ],
}
RENDERED = {"family": "shop", "memory": "1024", "containerDefinitions": [{"name": "backend", "environment": []}]}
WORKFLOW = """\
jobs:
  build:
    steps:
      - uses: docker/build-push-action@v6
        with: {file: docker/prod.Dockerfile, tags: "ghcr.io/me/shop:latest"}
"""
CLOUDFORMATION = """\
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Memory: 2 GB
      ContainerDefinitions:
        - Name: web
          Image: !Sub "${AWS::AccountId}.dkr.ecr/shop"
          Command: [uvicorn, "app:app"]
          Memory: !Ref Size
          Environment: [{Name: A, Value: !Ref B}, {Name: C, Value: d}]
"""
COPILOT = """\
name: api
type: Load Balanced Web Service
image: {build: Dockerfile}
memory: 512
count: 2
variables: {LOG: info}
environments:
  prod: {memory: 2048, command: gunicorn -w 5 app:app, variables: {LOG: warn}}
"""
JOB = """\
variable "image" { type = string } # a comment
job "shop" {
  group "web" {
    count = 2
    network { port "http" { to = 8000 } }
    task "web" {
      driver = "docker"
      config {
        image = "ghcr.io/me/shop:${var.tag}"
        args  = ["gunicorn", "-w", "4", "app:app"]
      }
      template {
        data = <<EOH
A={{ key "x" }} }
EOH
        env = true
      }
      env { LOG = "info" }
      resources { # of each
        cpu    = var.a == "b" ? max(1, 2) : 3
        memory = 512
      }
    }
    task "redis" {
      driver = "docker"
      config { image = "redis:7" }
    }
    task "migrate" {
      driver = "docker"
      lifecycle { hook = "prestart" }
      config { image = "ghcr.io/me/shop" }
    }
  }
  group "bot" {
    task "bot" {
      driver = "raw_exec"
      config {
        command = "python3"
        args    = ["app.py"]
      }
    }
  }
}
job "report" {
  type = "batch"
  group "r" {
    task "r" {
      driver = "raw_exec"
      config { command = "python3" }
    }
  }
}
"""
FLANK = {
    "apiVersion": "v1.2",
    "spec": {
        "kind": "Workflow",
        "spec": {
            "steps": [
                {"kind": "Addon", "spec": {"name": "db"}},
                {
                    "kind": "CombinedService",
                    "spec": {
                        "name": "api",
                        "billing": {"deploymentPlan": "nf-compute-20"},
                        "deployment": {"instances": 2, "docker": {"customCommand": "gunicorn -w 2 app:app"}},
                        "buildSettings": {"dockerfile": {"dockerFilePath": "/Dockerfile", "dockerWorkDir": "/"}},
                        "runtimeEnvironment": {"A": "1", "B": "${args.B}"},
                    },
                },
            ]
        },
    },
}
TEMPLATE = """\
apiVersion: zeabur.com/v1
kind: Template
spec:
  services:
    - {name: PostgreSQL, template: PREBUILT, spec: {source: {image: "postgres:16"}}}
    - name: Backend
      template: PREBUILT
      spec:
        source: {image: "ghcr.io/me/backend:latest"}
        command: [sh, -c, "python manage.py migrate && gunicorn -w 2 app:app"]
        env: {A: {default: "1"}, B: {default: "${PASSWORD}"}}
"""
BEANSTALK = """\
option_settings:
  aws:elasticbeanstalk:container:python:
    WSGIPath: shop/wsgi.py
    NumProcesses: 3
  aws:elasticbeanstalk:application:environment:
    A: "1"
"""
INSTANCE = (
    "option_settings:\n- {namespace: aws:autoscaling:launchconfiguration, option_name: InstanceType, value: t3.small}\n"
)
FUNCTION = '{"scriptFile": "__init__.py", "bindings": []}'


def services(root: Path, files: dict[str, str]) -> list[tuple[str, str, int | None, str]]:
    """Return name, command, limit in MiB and platform of what a repository declares, and of what cannot be read."""
    found = discover(WorkTree(str(write(root, files))), refuse)
    told = [(one.name, one.command, one.limit // MIB if one.limit else None, one.platform or "") for one in found.services]
    return [*told, *((gap.service, gap.reason, None, "unread") for gap in found.skipped if gap.service)]


def refuse(error: MemguardError) -> None:
    raise error


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"task-definition.json": json.dumps(TASK, indent="\t"), **APP},
                     [("web", "gunicorn -w 3 app:app", 960, "ecs"),
                      ("worker", "celery -A app worker -c 2", 256, "ecs")], id="ecs"),
        pytest.param({"infrastructure/aws/task-web.json": json.dumps(TASK), **PLAIN},
                     [("worker", "celery -A app worker -c 2", 256, "ecs")], id="ecs-without-an-image"),
        pytest.param({"aws/backend.json": json.dumps(RENDERED), "docker/prod.Dockerfile": DOCKERFILE, "app.py": "app = 1\n",
                      "requirements.txt": "flask\n", ".github/workflows/build.yml": WORKFLOW},
                     [("shop", "gunicorn -w 3 app:app", 1024, "ecs")], id="ecs-whose-image-a-workflow-fills-in"),
        pytest.param({"aws/staging/t.json": json.dumps(TASK), "aws/production/t.json":
                      json.dumps(TASK).replace("256", "300"), **APP}, [("web", "gunicorn -w 3 app:app", 960, "ecs"),
                               ("worker", "celery -A app worker -c 2", 300, "ecs")], id="ecs-for-production"),
        pytest.param({"infra/ecs.yaml": CLOUDFORMATION, **APP}, [("web", "uvicorn app:app", None, "ecs")],
                     id="cloudformation"),
        pytest.param({"infra/ecs.yaml": CLOUDFORMATION.replace("          Memory: !Ref Size\n", ""), **APP},
                     [("web", "uvicorn app:app", 2048, "ecs")], id="cloudformation-with-the-memory-of-the-task"),
        pytest.param({"copilot/api/manifest.yml": COPILOT, **APP}, [("api", "gunicorn -w 5 app:app", 2048, "ecs")],
                     id="copilot"),
        pytest.param({"copilot/api/manifest.yml": COPILOT.replace("Load Balanced Web Service", "Scheduled Job"), **PLAIN},
                     [], id="copilot-job"),
        pytest.param({"copilot/api/manifest.yml": COPILOT, **PLAIN}, [("api", "there is no Dockerfile", None, "unread")],
                     id="copilot-without-its-image"),
        pytest.param({"copilot/api/manifest.yml": "{name: api, type: Worker Service, image: {location: x/api}}", **APP},
                     [("api", "gunicorn -w 3 app:app", 512, "ecs")], id="copilot-with-an-image-of-a-registry"),
        pytest.param({"shop.nomad": JOB, **APP}, [("web", "gunicorn -w 4 app:app", 512, "nomad"),
                                                 ("bot", "python3 app.py", 300, "nomad")], id="nomad"),
        pytest.param({"deploy/shop.nomad.hcl": JOB.replace("memory = 512", "memory_max = 700"), **APP},
                     [("web", "gunicorn -w 4 app:app", 700, "nomad"), ("bot", "python3 app.py", 300, "nomad")],
                     id="nomad-that-may-grow"),
        pytest.param({"koyeb.yaml": "services:\n- name: api\n  git: {run_command: python app.py}\n  instance_type: nano\n",
                      **PLAIN}, [("api", "python app.py", 256, "koyeb")], id="koyeb"),
        pytest.param({"koyeb.yaml": "app:\n  services:\n  - {name: api, build: {dockerfile: Dockerfile}}\n", **APP},
                     [("api", "gunicorn -w 3 app:app", None, "koyeb")], id="koyeb-with-an-image"),
        pytest.param({"koyeb.yaml": "name: bot\nservices: [{name: bot, type: worker}, {name: r, image: 'redis:7'}]\n",
                      **PLAIN},
                     [("bot", "it has no run_command, and there is no Dockerfile", None, "unread")], id="koyeb-decides"),
        pytest.param({"koyeb.yaml": "services:\n- name: api\n  startCommand: node x.js\n", "package.json": "{}"},
                     [("api", "node x.js", None, "koyeb")], id="koyeb-of-another-language"),
        pytest.param({"koyeb.yaml": "services: [{name: api, type: web}]\n", "package.json": "{}"}, [],
                     id="koyeb-that-says-nothing-of-another-language"),
        pytest.param({"northflank.json": json.dumps(FLANK), **APP}, [("api", "gunicorn -w 2 app:app", 512, "northflank")],
                     id="northflank"),
        pytest.param({"northflank.json": json.dumps(FLANK), **PLAIN}, [("api", "there is no /Dockerfile", None, "unread")],
                     id="northflank-without-its-image"),
        pytest.param({"zeabur.yaml": TEMPLATE, "backend/Dockerfile": DOCKERFILE, "backend/app.py": "", **PLAIN},
                     [("Backend", "sh -c 'python manage.py migrate && gunicorn -w 2 app:app'", None, "zeabur")],
                     id="zeabur-template"),
        pytest.param({"zeabur.yaml": "apiVersion: zeabur.com/v1\nspec: {services: [{name: A, template: GIT}]}\n", **PLAIN},
                     [("A", "it has no command, and there is no Dockerfile", None, "unread")], id="zeabur-from-git"),
        pytest.param({"apprunner.yaml": "version: 1.0\nruntime: python3\nrun:\n  runtime-version: 3.11.4\n  command: "
                      "gunicorn app:app\n  env: [{name: WEB_CONCURRENCY, value: '3'}]\n", **PLAIN},
                     [("web", "gunicorn app:app", 2048, "app-runner")], id="app-runner"),
        pytest.param({"apprunner.yaml": "runtime: nodejs16\nrun: {command: npm start}\n", **PLAIN}, [],
                     id="app-runner-of-another-language"),
        pytest.param({".ebextensions/01.config": BEANSTALK, ".ebextensions/02.config": INSTANCE, **PLAIN},
                     [("web", "gunicorn --workers=3 --threads=15 shop.wsgi", 2048, "elastic-beanstalk")], id="beanstalk"),
        pytest.param({".ebextensions/02.config": INSTANCE, **PLAIN, "Procfile": "web: gunicorn app:app\n"},
                     [("web", "gunicorn app:app", 2048, "elastic-beanstalk")], id="beanstalk-with-a-procfile"),
        pytest.param({".ebextensions/02.config": INSTANCE, **APP},
                     [("web", "gunicorn -w 3 app:app", 2048, "elastic-beanstalk")], id="beanstalk-with-an-image"),
        pytest.param({".ebextensions/02.config": INSTANCE, **PLAIN},
                     [("web", "it names no WSGIPath, and there is no application.py", None, "unread")],
                     id="beanstalk-that-names-no-app"),
        pytest.param({".ebextensions/02.config": INSTANCE, "package.json": "{}"}, [], id="beanstalk-of-another-language"),
        pytest.param({"Dockerrun.aws.json": '{"AWSEBDockerrunVersion": "1", "Image": {"Name": "me/shop"}, "Command": '
                      '"gunicorn -w 7 app:app"}', **APP}, [("web", "gunicorn -w 7 app:app", None, "elastic-beanstalk")],
                     id="dockerrun"),
        pytest.param({"Dockerrun.aws.json": json.dumps(TASK), **APP},
                     [("web", "gunicorn -w 3 app:app", 960, "ecs"), ("worker", "celery -A app worker -c 2", 256, "ecs")],
                     id="dockerrun-of-several"),
        pytest.param({"vercel.json": '{"builds": [{"src": "app.py", "use": "@vercel/python"}]}', **PLAIN},
                     [("app", "lambda-handler app.app", 2048, "vercel")], id="vercel"),
        pytest.param({"vercel.json": '{"functions": {"api/**/*.py": {"memory": 512}}}', "api/index.py": "app = 1\n",
                      "api/v1/item.py": "class handler(Base): pass\n",
                      "api/_shared.py": "app = 1\n", "api/util.py": "x = 1\n"},
                     [("api/index", "lambda-handler api.index.app", 512, "vercel"),
                      ("api/v1/item", "lambda-handler api.v1.item.handler", 512, "vercel")], id="vercel-with-an-api"),
        pytest.param({"vercel.json": '{"builds": [{"src": "gone.py", "use": "@vercel/python"}]}', **PLAIN},
                     [("gone.py", "there is no gone.py", None, "unread")], id="vercel-without-its-file"),
        pytest.param({"vercel.json": '{"framework": "nextjs"}', **PLAIN}, [], id="vercel-of-another-language"),
        pytest.param({"vercel.json": "{}", **PLAIN}, [("app", "lambda-handler app.app", 2048, "vercel")],
                     id="vercel-finds-the-app"),
        pytest.param({"manifest.yml": "applications:\n- name: shop\n  memory: 1.5G\n  env: {A: '1'}\n  processes:\n"
                      "  - {type: web, command: 'gunicorn -c ${HOME}/conf.py app:app'}\n  - {type: worker, memory: "
                      "((size)), "
                      "command: python app.py}\n- {name: front, buildpack: "
                      "staticfile_buildpack}\n", "conf.py": "workers = 3\n",
                      **PLAIN}, [("web", "gunicorn -c ${HOME}/conf.py app:app", 1536, "cloud-foundry"),
                                 ("worker", "python app.py", None, "cloud-foundry")], id="cloud-foundry"),
        pytest.param({"manifest.yml": "applications: [{name: shop}]\n", "Procfile": "web: gunicorn app:app\n", **PLAIN},
                     [("shop", "gunicorn app:app", 1024, "cloud-foundry")], id="cloud-foundry-with-a-procfile"),
        pytest.param({"manifest.yml": "applications:\n- processes:\n"
                      "    [{type: web, memory: 1G}, {type: jobs, memory: 4G}, {type: x}]\n",
                      "Procfile": "web: gunicorn app:app\njobs: python app.py\n", **PLAIN},
                     [("web", "gunicorn app:app", 1024, "cloud-foundry"), ("jobs", "python app.py", 4096, "cloud-foundry"),
                      ("x", "neither the manifest nor a Procfile says how x starts", None, "unread")],
                     id="cloud-foundry-with-processes-as-a-procfile-starts-them"),
        pytest.param({"manifest.yml": "applications: [{name: shop, memory: 256M}]\n",
                      "Procfile": "web: gunicorn app:app\nclock: python app.py\n", **PLAIN},
                     [("shop", "gunicorn app:app", 256, "cloud-foundry"), ("clock", "python app.py", 1024, "cloud-foundry")],
                     id="cloud-foundry-with-processes-of-a-procfile"),
        pytest.param({"manifest.yml": "applications: [{name: shop}]\n", **PLAIN},
                     [("shop", ("it has no command, and there is no "
                      "Dockerfile"), None, "unread")], id="cloud-foundry-decides"),
        pytest.param({"manifest.yml": "applications: [{name: shop, memory: 2GB}]\n", "app.py": "",
                      "runtime.txt": "python-3.6.9", "Procfile": "web: python app.py\n"},
                     [("shop", "python app.py", 2048, "cloud-foundry")],
                     id="cloud-foundry-that-installs-nothing"),
        pytest.param({f"ops/manifests/manifest-{stage}.yaml":
                      f"applications: [{{name: shop-{stage}, path: ../../src, memory: {size}M, command: python app.py}}]\n"
                      for stage, size in (("ab", 256), ("dev", 256), ("stable", 512))}
                     | {"src/app.py": "", "src/requirements.txt": ""},
                     [("shop-stable", "python app.py", 512, "cloud-foundry")], id="cloud-foundry-in-folders"),
        pytest.param({f"manifests/manifest_{name}.yml": f"applications: [{{name: {name}, memory: 256M, command: {run}}}]\n"
                      for name, run in (("api", "gunicorn app:app"), ("jobs", "python app.py"), ("more", "null"))} | PLAIN,
                     [("api", "gunicorn app:app", 256, "cloud-foundry"), ("jobs", "python app.py", 256, "cloud-foundry"),
                      ("more", "it has no command, and there is no Dockerfile", None, "unread")],
                     id="cloud-foundry-with-a-manifest-for-each"),
        pytest.param({"deploy/manifest.yml": "applications:\n" + "".join(
                      f"- {{name: {name}, memory: {size}M, command: python app.py}}\n"
                      for name, size in (("web", 2048), ("small", 256), ("web", 512), ("web", 2048)))} | PLAIN,
                     [("web", "python app.py", 2048, "cloud-foundry"), ("small", "python app.py", 256, "cloud-foundry"),
                      ("web", "python app.py", 512, "cloud-foundry")], id="cloud-foundry-with-one-command-for-several"),
        pytest.param({f"deploy/manifest-{stage}.yml": f"applications: [{{name: {stage}, command: python app.py}}]\n"
                      for stage in ("non-prod", "pre-prod", "not_live", "prd")} | PLAIN,
                     [("prd", "python app.py", 1024, "cloud-foundry")], id="cloud-foundry-with-what-is-not-for-production"),
        pytest.param({f"deploy/manifest-{stage}.yml": f"applications: [{{name: {stage}, command: python app.py}}]\n"
                      for stage in ("main", "nonprod", "pre-prod", "preprd")} | PLAIN,
                     [("main", "python app.py", 1024, "cloud-foundry")], id="cloud-foundry-with-what-is-before-production"),
        pytest.param({"manifest-prd.yml": "applications: [{name: shop, command: python app.py}]\n", **PLAIN},
                     [("shop", "python app.py", 1024, "cloud-foundry")], id="cloud-foundry-for-production-alone"),
        pytest.param({"manifest.yml": "name: x\n", **PLAIN}, [], id="a-manifest-of-something-else"),
        pytest.param({"sam-template.yaml": "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Runtime: "
                      "python3.12, "
                      "Handler: app.handler, MemorySize: 256}}}\n", "deploy/files/systemd/shop.service":
                      "[Service]\nWorkingDirectory=/srv/app\nExecStart=/usr/bin/python3 app.py\n", **PLAIN},
                     [("F", "lambda-handler app.handler", 256, "aws-lambda"),
                      ("shop", "/usr/bin/python3 app.py", None, "systemd")], id="sam-beside-a-unit"),
        pytest.param({"host.json": '{"version": "2.0"}', "function_app.py": "app = 1\n"},
                     [("functions", "lambda-handler function_app.app", 1536, "azure-functions")], id="azure-functions"),
        pytest.param({"host.json": '{"version": "2.0"}', "a/function.json": FUNCTION, "a/__init__.py": "",
                      "b/function.json": FUNCTION, "b/__init__.py": "", "c/function.json": "{", "d/index.js": ""},
                     [("functions", "lambda-handler a.main b.main", 1536, "azure-functions")], id="azure-functions-of-old"),
        pytest.param({"host.json": '{"host": "x"}', "main.py": ""}, [], id="a-host-json-of-something-else"),
        pytest.param({"clevercloud/python.json": "{}", ".env.clever":
                      "CC_PYTHON_MODULE=app:app\nCC_PYTHON_BACKEND=uvicorn\n", **PLAIN},
                     [("web", "uvicorn app:app", None, "clever-cloud")], id="clever-cloud-variables"),
        pytest.param({".clever.json": "{}", "clevercloud/.env": "CC_RUN_COMMAND=python app.py\n", **PLAIN},
                     [("web", "python app.py", None, "clever-cloud")], id="clever-cloud-command"),
        pytest.param({".clever.json": '{"apps": []}', **PLAIN},
                     [("web", "it names no deploy.module; CC_PYTHON_MODULE or CC_RUN_COMMAND of the app does", None,
                       "unread")], id="clever-cloud-decides"),
        pytest.param({"clevercloud/docker.json": "{}", **APP}, [("web", "gunicorn -w 3 app:app", None, "clever-cloud")],
                     id="clever-cloud-with-an-image"),
        pytest.param({".clever.json": '{"apps": []}', "package.json": "{}"}, [], id="clever-cloud-of-another-language"),
        pytest.param({"compose.yaml": "services:\n  app:\n    build: .\n    labels: ['coolify.managed=true']\n"
                      "    environment: [SERVICE_FQDN_APP_8000]\n    mem_limit: 512m\n", **APP},
                     [("app", "gunicorn -w 3 app:app", 512, "compose")], id="coolify"),
        pytest.param({"startup.txt": "gunicorn --workers 2 app:app\n", **PLAIN}, [("startup", "sh startup.txt", None, "")],
                     id="azure-startup"),
        pytest.param({".platform.app.yaml": "name: a\ntype: 'python:3.12'\nweb: {commands: {start: python app.py}}\n",
                      **PLAIN},
                     [("a", "python app.py", None, "platform-sh")], id="platform-sh"),
        pytest.param({".platform.app.yaml": "name: a\ntype: 'python:3.12'\n", **PLAIN},
                     [("a", "it has no web.commands.start", None, "unread")], id="platform-sh-that-names-nothing"),
    ],
)  # fmt: skip
def test_no_service_of_a_host_is_left_out(
    tmp_path: Path, files: dict[str, str], expected: list[tuple[str, str, int | None, str]]
) -> None:
    assert services(tmp_path, files) == expected


CHART = {
    "Chart.yaml": "name: shop\nversion: 1.0.0\n",
    "values.yaml": "image: {repository: '', tag: ''}\nbase: {repository: me/shop}\nweb: {workers: 2}\n",
    "templates/_helpers.tpl": """\
{{- /* as `{{ include "image" . }}` */ -}}
{{- define "image" -}}
{{- $root := merge .Values.image .Values.base -}}
{{- printf "%s:%s" $root.repository (default .Chart.Version $root.tag) -}}
{{- end /* of image */ -}}
{{- define "enabled" -}}
{{- $v := (default dict .Values.queue).enabled -}}
{{- if kindIs "invalid" $v }}true{{ else }}{{ $v }}{{ end }}
{{- end }}
""",
    "templates/web.yaml": """\
{{- $values := dict "a" 1 -}}
{{- $_ := set $values "b" (list "x" "y") -}}
{{- if
 eq (include "enabled" .) "true" }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: shop
        image: "{{ include "image" . }}"
        command: [gunicorn, -w, "{{ add .Values.web.workers (len $values.b) }}", "app:app"]
{{- end }}
""",
}


@pytest.mark.parametrize("folder", ["chart", "helm_deploy/shop", "hosting/kubernetes/helm", "infra/k8s/charts/shop"])
def test_charts_are_found_where_people_keep_them(tmp_path: Path, folder: str) -> None:
    files = {**{f"{folder}/{name}": text for name, text in CHART.items()}, **APP}
    assert services(tmp_path, files) == [("web", "gunicorn -w 4 app:app", None, "kubernetes")]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"docker/default.yml": "services:\n  web: {image: 'me/shop:1', command: gunicorn -w 2 app:app}\n"
                      "  worker: {image: 'me/shop:1', command: celery -A app worker -c 3}\n  db: {image: 'postgres:16'}\n"
                      "  proxy: {image: 'me/shop_nginx:1'}\n", "docker/dev.yml": "services: {a: {image: x}}\n",
                      "docker/Dockerfile": DOCKERFILE, **PLAIN},
                     [("web", "gunicorn -w 2 app:app", None, "compose"),
                      ("worker", "celery -A app worker -c 3", None, "compose")],
                     id="compose-of-any-name-beside-the-image"),
        pytest.param({"compose.yaml": "services:\n  web: {build: {context: ., target: dev}, command: bash run-dev.sh}\n"
                      "  worker: {build: {context: ., target: dev}, command: celery -A app worker -c 3}\n",
                      "Dockerfile": "FROM python:3.12 AS production\nWORKDIR /app\nCOPY . .\nCMD gunicorn app:app\n"
                      "FROM python:3.12 AS notebook\nRUN pip install jupyter\nFROM production AS dev\nRUN true\n", **PLAIN},
                     [("worker", "celery -A app worker -c 3", None, "compose"), ("web", "gunicorn app:app", None, "")],
                     id="image-whose-web-process-compose-runs-for-developers"),
        pytest.param({"compose.yaml": "services:\n  dev: {build: ., command: sleep infinity}\n  docs: {build: ., command: "
                      "mkdocs serve}\n  e2e: {build: {context: ., dockerfile: tests/Dockerfile}}\n  web: {build: .}\n",
                      "tests/Dockerfile": "FROM python:3.12\nCMD pytest\n", **APP},
                     [("web", "gunicorn -w 3 app:app", None, "compose")], id="containers-that-serve-nothing"),
        pytest.param({"docker/Dockerfile": 'FROM python:3.12\nCOPY run.sh app.py ./\nENTRYPOINT ["./run.sh"]\n',
                      "run.sh": 'case "$1" in\n web) exec python app.py ;;\n *) exit 1 ;;\nesac\n', **PLAIN},
                     [("docker", "./run.sh", None, "")], id="image-that-is-told-what-to-run"),
        pytest.param({"compose.yaml": "services: {app: {build: ., command: python app.py}}\n",
                      "dockerfiles/web/Dockerfile":
                      "FROM python:3.12\nWORKDIR /code\nCOPY . .\nCMD gunicorn wsgi:app\n",
                      "wsgi.py": "app = 1\n", **APP},
                     [("app", "python app.py", None, "compose"), ("web", "gunicorn wsgi:app", None, "")],
                     id="image-in-a-folder-for-images-beside-compose"),
        pytest.param({"web/Dockerfile": "FROM python:3.12 AS get\nRUN git clone $URL /src\nFROM python:3.12\nCOPY "
                      "--from=get /src/web /app\nWORKDIR /app\nCMD gunicorn shop:app\n", "web/shop.py": "app = 1\n",
                      "docker/compose.yaml": "services: {web: {build: {context: .., dockerfile: web/Dockerfile}}}\n"},
                     [("web", "gunicorn shop:app", None, "compose")], id="image-that-fetches-its-own-code"),
        pytest.param({"docker-compose.yml": "services: {web: {image: 'shop:dev', command: python app.py}}\n",
                      "docker-compose-prod.yml": "services:\n  web: {image: 'shop:deploy', command: gunicorn -w 4 app:app}\n"
                      "  worker: {image: 'shop:deploy', command: celery -A app worker -c "
                      "2}\n", "shop/Dockerfile": DOCKERFILE,
                      "shop/app.py": "app = 1\n"},
                     [("web", "gunicorn -w 4 app:app", None, "compose"), ("worker", ("celery -A app worker -c "
                      "2"), None, "compose")],
                     id="compose-for-production-that-is-whole"),
        pytest.param({"compose.yaml": "services: {web: {build: ., mem_limit: 1g}}\n", "start.sh": 'exec "$@"\n',
                      "Dockerfile": "FROM python:3.12\nWORKDIR /app\nCOPY . .\nENTRYPOINT ./start.sh $0 $@\n"
                      'CMD ["gunicorn", "-w", "3", "app:app"]\n', **PLAIN},
                     [("web", "/bin/sh -c './start.sh gunicorn $@' gunicorn -w 3 app:app", 1024, "compose")],
                     id="entry-point-of-a-shell-that-takes-its-words"),
        pytest.param({"ci/k8s/shop.yml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec: "
                      "{template: {spec: "
                      "{containers: [{name: shop, image: 'x/shop:${COMMIT}'}]}}}\n", "Dockerfile": "FROM "
                      "python:3.12\nWORKDIR "
                      '/srv/code\nCOPY deploy/run.sh /srv/code/\nCOPY app.py /srv/code/\nCMD ["./run.sh"]\n',
                      "deploy/run.sh": "exec gunicorn -w 5 app:app\n", **PLAIN},
                     [("shop", "./run.sh", None, "kubernetes")], id="manifest-in-a-folder-of-another-name"),
        pytest.param({"compose.yaml": "services: {worker: {build: ., command: celery worker}}\n",
                      "Dockerfile": "ARG V=2.10\nFROM apache/airflow:slim-${V}-python3.12\nRUN pip install x\n"},
                     [("worker", "airflow celery worker", None, "compose")], id="airflow"),
    ],
)  # fmt: skip
def test_starts_of_products(tmp_path: Path, files: dict[str, str], expected: list[tuple[str, str, int | None, str]]) -> None:
    assert services(tmp_path, files) == expected


def test_entry_points_lie_where_folders_were_copied_by_name() -> None:
    text = 'FROM python:3.12\nWORKDIR /app\nCOPY docker/a.sh docker/certs/* /\nCOPY shop/ ./shop/\nENTRYPOINT ["/a.sh"]\n'
    files = {"Dockerfile": text, "docker/a.sh": "exec celery -A shop worker -c 2\n", "shop/__init__.py": ""}
    found = read("compose", "services: {a: {build: .}}", files)
    assert [one.folder for one in found.services] == [""]


def test_commands_of_images_come_to_what_their_scripts_start(tmp_path: Path) -> None:
    text = (
        "FROM python:3.12\nRUN mkdir /app\nCOPY src /app\nCOPY deploy/run.sh /app\nWORKDIR /app\nENTRYPOINT ./run.sh $0 $@\n"
    )
    files = {
        "Dockerfile": f'{text}CMD ["gunicorn", "-w", "3", "shop:app"]\n',
        "src/shop.py": "",
        "deploy/run.sh": 'exec "$@"\n',
    }
    (web,) = discover(WorkTree(str(write(tmp_path, files))), refuse).services
    held = {name: content.encode() for name, content in files.items()}
    started = parse(web.command, Host(web.environment, held.get, mounts=web.mounts), web.folder)
    assert (started.workers, started.entrypoint and started.entrypoint.folder) == (3, "src")


@pytest.mark.parametrize(
    ("script", "workers"),
    [
        ('if [ -n "$FD" ]; then ARGS="--max-fd $FD"; fi\nexec gunicorn -w 3 $ARGS app:app\n', None),
        ('if [ -n "$FD" ]; then ARGS="--backlog $FD"; fi\nexec gunicorn -w 3 $ARGS app:app\n', 3),
        ('if [ -n "$W" ]; then ARGS="-w 5"; fi\nexec gunicorn $ARGS app:app\n', None),
        ('if [[ $DEBUG == "True" ]] && [[ $X == y ]]; then python a.py; else gunicorn -w 3 app:app; fi\n', 3),
        ('if [ "$ENV" = development ]; then exec python a.py; fi\nexec gunicorn -w 3 app:app\n', 3),
        ('if [ "$ENV" != "local" ]; then exec gunicorn -w 3 app:app; fi\nexec python a.py\n', 3),
        ('if [ "$ROLE" = web ]; then exec gunicorn -w 3 app:app; fi\nexec python a.py\n', None),
        ('if [ "$LOUD" = true ]; then exec gunicorn -w 3 app:app; fi\nexec python a.py\n', None),
    ],
)
def test_branches_that_come_to_the_same_or_are_for_developers(script: str, workers: int | None) -> None:
    files = {"s.sh": script.encode(), "app.py": b"", "a.py": b""}
    assert parse("bash s.sh", Host({}, files.get)).workers == workers


def read(name: str, text: str, files: dict[str, str] | None = None) -> Deployment:
    """Return what the reader of a format makes of a text."""
    held = {path: content.encode() for path, content in (files or {}).items()}
    return reader_of(name)(text.encode(), "f", held.get)  # type: ignore[arg-type]


def test_variables_places_copies_and_cpus_of_what_containers_run() -> None:
    (web, _) = read("ecs", json.dumps({**TASK, "cpu": "512"}), APP).services
    assert (web.environment, web.cpus, web.replicas) == ({"PYTHON_VERSION": "3.12", "A": "1"}, 0.5, None)
    assert {*web.variables} == {"A", "KEY"}
    (web, bot) = read("nomad", JOB, APP).services
    assert (web.environment, web.replicas, web.line) == ({"PYTHON_VERSION": "3.12", "LOG": "info"}, 2, 10)
    assert (web.limit_source, bot.limit_label) == ("f:21 memory", "nomad 300 MiB by default")
    (api,) = read("copilot", COPILOT, APP).services
    assert (api.environment, api.replicas) == ({"PYTHON_VERSION": "3.12", "LOG": "warn"}, 2)
    (one,) = read("northflank", json.dumps(FLANK), APP).services
    assert (one.environment, one.replicas) == ({"PYTHON_VERSION": "3.12", "A": "1"}, 2)
    (one,) = read("ecs", CLOUDFORMATION, APP).services
    assert (one.environment, {*one.variables}) == ({"PYTHON_VERSION": "3.12", "C": "d"}, {"A", "C"})


@pytest.mark.parametrize(
    "listed",
    [
        "[{name: A, value: '1'}]", "[{key: A, value: '1'}]", "[{A: '1'}]", "['A=1']", "{A: '1'}",
        "[{name: A, value: '{{ x }}'}, {name: A, value: '1'}]",
    ],
)  # fmt: skip
def test_variables_of_koyeb_in_each_form(listed: str) -> None:
    (one,) = read("koyeb", f"services: [{{name: a, run_command: python app.py, env: {listed}}}]", PLAIN).services
    assert one.environment == {"A": "1"}


def test_functions_of_one_process_are_loaded_together() -> None:
    files = {"a/__init__.py": b"", "b/__init__.py": b""}
    start = parse("lambda-handler a.main b.main", Host({}, files.get))
    assert (start.entrypoint and start.entrypoint.text, [one.module for one in start.loads]) == ("a:main", ["b"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a = "x"', "x"), ("a = 3", 3), ("a = 1.5", 1.5), ("a = true", True), ('a = [1, "b",\n 2,]', [1, "b", 2]),
        ('a = { b = "c", "d" : 2 }', {"b": "c", "d": 2}), ('a = "\\"q\\" ${var.x["y"]}"', '\\"q\\" ${var.x["y"]}'),
        ('a = "\\"q\\""', '"q"'), ("a = var.x", None), ("a = 1 + 2", None), ('a = f("x", [1])', None),
        ("a = <<-E\nx\n  E\n", "x\n"),
        ("a = [for x in y : x]", [None]),
    ],
)  # fmt: skip
def test_values_of_hcl(text: str, value: object) -> None:
    found = hcl.parse(f"# c\n{text}\nb {{}}\n".encode(), "f").attributes["a"]
    assert (found.data, found.place) == (value, (2, 1))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a {", "f:1:4: is not valid HCL: a block is not closed", id="block"),
        pytest.param("a = [1", "f:1:7: is not valid HCL: a list is not closed", id="list"),
        pytest.param("a b", "f:1:4: is not valid HCL: a is neither a block nor given a value", id="neither"),
        pytest.param("}", "f:1:1: is not valid HCL: '}' where a name belongs", id="brace"),
        pytest.param("a = {1}", "f:1:6: is not valid HCL: a map that is not closed, or has no such key", id="map"),
        pytest.param("a = [)]", "f:1:6: is not valid HCL: ')' closes nothing", id="mark"),
        pytest.param("a = [}", "f:1:6: is not valid HCL: '}' in a list", id="brace-in-a-list"),
        pytest.param("a {" * 50, "f:1:123: is not valid HCL: it is nested too deeply", id="deep"),
        pytest.param("a = " + "[" * 50, "f:1:45: is not valid HCL: it is nested too deeply", id="deep-lists"),
        pytest.param("#" * 2**19, "f: is larger than 256 KiB", id="large"),
    ],
)
def test_what_is_no_hcl_is_told(text: str, problem: str) -> None:
    with pytest.raises(MemguardError) as error:
        hcl.parse(text.encode(), "f")
    assert str(error.value) == problem


def test_a_job_that_is_filled_in_first_is_a_template() -> None:
    (gap,) = nomad.read(b'job "[[ .name ]]" {\n [[ if .x ]]\n}\n', "x.nomad").skipped
    assert (gap.line, "template" in gap.reason) == (2, True)


def test_too_many_containers_tasks_and_functions_are_told() -> None:
    many = {"containerDefinitions": [{"name": f"c{number}", "image": "x"} for number in range(101)]}
    (gap,) = ecs.read(json.dumps(many).encode(), "t.json").skipped
    assert gap.reason == "has more than 100 containers"
    tasks = "".join(f'task "t{number}" {{}}\n' for number in range(101))
    (gap,) = nomad.read(f'job "j" {{\n group "g" {{\n{tasks}}}\n}}\n'.encode(), "t.nomad").skipped
    assert gap.reason == "has more than 100 tasks"
    names = [f"f{number}.py" for number in range(101)]
    files = {f"api/{name}": b"app = 1\n" for name in names}
    builds = [{"src": f"api/{name}", "use": "@vercel/python"} for name in names]
    found = vercel.read(json.dumps({"builds": builds}).encode(), "vercel.json", files.get)
    assert (len(found.services), found.skipped[0].reason) == (100, "has more than 100 functions")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "null", "{}", "services: 3", "services: [3, null]", "spec: {services: [3, {spec: 3}]}",
     "run: 3\nruntime: python3",
     "containerDefinitions: 3", "containerDefinitions: [3, {}]", "image: {build: 3}\ntype: Worker Service",
     "Resources: {T: {Type: AWS::ECS::TaskDefinition, Properties: {ContainerDefinitions: [{Image: {Ref: X}}]}}}",
     "option_settings: [3, {option_name: 3}]", "spec: {kind: CombinedService, spec: 3}"],
)  # fmt: skip
def test_odd_files_end_in_services_or_gaps(text: str) -> None:
    files = {**APP, "f": text}
    for name in ("koyeb", "zeabur-template", "app-runner", "ecs", "copilot", "northflank"):
        found = read(name, text, files)
        assert all(isinstance(one, Service) for one in found.services)
    assert beanstalk.read(["f"], {name: one.encode() for name, one in files.items()}.get).skipped is not None


@pytest.mark.parametrize(
    ("read_text", "piece"),
    [
        pytest.param(lambda data: hcl.parse(data, "f"), b'task "t" {\n  env { A = "b" }\n  x = [1, f(2)]\n}\n', id="hcl"),
        pytest.param(lambda data: hcl.parse(data, "f"), b'a = "${x}${', id="hcl-texts"),
        pytest.param(lambda data: hcl.parse(b'a = "' + data, "f"), b"${x}", id="hcl-open-texts"),
        pytest.param(lambda data: hcl.parse(data, "f"), b'"${a', id="hcl-open-expressions"),
        pytest.param(lambda data: hcl.parse(data, "f"), b"a = <<E\nx\n", id="hcl-documents"),
        pytest.param(lambda data: hcl.parse(data, "f"), b"/* a = {", id="hcl-comments"),
        pytest.param(lambda data: koyeb.read(data, "f"), b"- {name: a, env: [A=b, {name: B, value: c}]}\n", id="koyeb"),
        pytest.param(lambda data: northflank.read(data, "f"), b"- {kind: Addon, spec: {a: [1]}}\n", id="northflank"),
        pytest.param(lambda data: ecs.read(b"containerDefinitions:\n" + data, "f"), b"- {name: a, image: b}\n", id="ecs"),
    ],
)
def test_work_grows_with_the_text(read_text: Callable[[bytes], object], piece: bytes) -> None:
    def act(data: bytes) -> None:
        with contextlib.suppress(MemguardError):
            read_text(data)

    assert growth(act, lambda size: piece * size, 2000) < LINEAR


def test_what_lies_in_folders_with_its_image(tmp_path: Path) -> None:
    """Each was named as not judged, or nowhere."""
    image = (
        'FROM python:3.12\nWORKDIR /srv\nCOPY src src\nCOPY go.sh /go.sh\nENV PYTHONPATH=/srv/src\nENTRYPOINT ["/go.sh"]\n'
    )
    files = {
        "fly.toml": '[build]\ndockerfile = "api/Dockerfile"\n[[vm]]\nmemory = "1gb"\n',
        "api/Dockerfile": image,
        "api/go.sh": "#!/bin/sh\nexec uvicorn shop.main:app\n",
        "api/src/shop/main.py": "app = 1\n",
    }
    (service,) = discover(WorkTree(str(write(tmp_path / "fly", files))), refuse).services
    assert (service.folder, service.mounts["/go.sh"]) == ("api", "api/go.sh")
    pod = POD.replace("r.io/me/web:1", "${REGISTRY}/web:1")
    other = POD.replace("web", "db").replace('"r.io/me/db:1"', '"${DB_IMAGE:-postgres:16}"')
    found = services(tmp_path / "k3s", {"k3s/web.yaml": pod, "k3s/db.yaml": other, **APP})
    assert found == [("web", "gunicorn -w 3 app:app", 300, "kubernetes")]
    core = "FROM python:3.12\nWORKDIR /app\nCOPY src/core /app/\nCOPY docker/gunicorn.conf.py /app/\nCMD gunicorn\n"
    conf = dict.fromkeys(("docker/gunicorn.conf.py", "src/core/gunicorn.conf.py"), "wsgi_app = 'run:app'\n")
    files = {"docker/Dockerfile.core": core, **conf, "src/core/run.py": "app = 1\n"}
    (service,) = discover(WorkTree(str(write(tmp_path / "docker", files))), refuse).services
    assert service.folder == "src/core"


BARE = {"Dockerfile": "FROM python:3.12\nCOPY . .\n", "app.py": "app = 1\n", "requirements.txt": "flask\n"}
POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec: {containers: [{name: web, image: "r.io/me/web:1", resources: {limits: {memory: 300Mi}}}]}
"""
BARE_JOB = """\
job "web" {
  group "web" {
    task "web" {
      driver = "docker"
      config { image = "r.io/me/web:1" }
      resources { memory = 200 }
    }
  }
}
"""
NORTHFLANK_BARE = {
    "kind": "CombinedService",
    "spec": {"name": "web", "billing": {"deploymentPlan": "nf-compute-20"}, "buildSettings": {"dockerfile": {}}},
}


@pytest.mark.parametrize(
    ("files", "platform", "limit"),
    [
        pytest.param({"k8s/web.yaml": POD}, "kubernetes", 300, id="kubernetes"),
        pytest.param({"web.nomad": BARE_JOB}, "nomad", 200, id="nomad"),
        pytest.param({"koyeb.yaml": "services: [{name: web, instance_type: small}]"}, "koyeb", 1024, id="koyeb"),
        pytest.param({"northflank.json": json.dumps(NORTHFLANK_BARE)}, "northflank", 512, id="northflank"),
        pytest.param({"zbpack.json": "{}"}, "zeabur", None, id="zeabur"),
        pytest.param({"railway.json": "{}"}, "railway", None, id="railway"),
    ],
)
def test_a_start_that_nobody_can_read_has_the_memory_of_its_host(
    tmp_path: Path, files: dict[str, str], platform: str, limit: int | None
) -> None:
    """It was told that 512 MiB are assumed."""
    (one,) = discover(WorkTree(str(write(tmp_path, {**BARE, **files}))), refuse).unread
    assert "it has neither CMD nor ENTRYPOINT" in one.unread
    assert (one.name, one.platform, one.limit and one.limit // MIB) == ("web", platform, limit)
