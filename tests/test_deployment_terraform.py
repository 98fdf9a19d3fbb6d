"""Terraform: which containers it declares, with what limit, and what is said where only Terraform knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import write

from memguard_hooks.deployment.discover import discover
from memguard_hooks.deployment.service import Deployment
from memguard_hooks.finding import MIB
from memguard_hooks.formats import hcl
from memguard_hooks.tree import WorkTree

APP = {"Dockerfile": "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD python main.py\n", "main.py": "", "w.py": ""}
ECS = """\
variable "size" { default = 1024 }
locals { image = "${aws_ecr_repository.app.repository_url}:${var.tag}" }
resource "aws_ecs_task_definition" "api" {
  cpu    = "256"
  memory = var.size
  container_definitions = jsonencode([
    {
      name         = "api"
      image        = local.image
      portMappings = [{ containerPort = 80 }]
      environment  = [for name, value in local.env : { name = name, value = value }]
    },
    { name = "worker", image = local.image, command = ["python", "w.py"], memory = 256 },
  ])
}
"""
TEMPLATE = """\
resource "aws_ecs_task_definition" "api" {
  memory                = "512"
  container_definitions = templatefile("${path.module}/task.json.tpl", { PORT = 80 })
}
"""
CLOUD_RUN = """\
resource "google_cloud_run_v2_service" "web" {
  name = "web"
  template {
    containers {
      image = "gcr.io/${var.project}/web:latest"
      args  = ["python", "w.py"]
      resources { limits = { memory = "256Mi", cpu = "1" } }
      env {
        name  = "A"
        value = "b"
      }
    }
  }
}
"""
CONTAINERS = '[{"name": "t", "image": "${REPOSITORY}:${TAG}", "portMappings": [{"containerPort": ${PORT}}]}]'


def read(root: Path, files: dict[str, str]) -> Deployment:
    write(root, {**APP, **files})
    return discover(WorkTree(str(root)), lambda error: pytest.fail(str(error)))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"infra/ecs.tf": ECS},
            [
                ("api", "python main.py", 1024, "infra/ecs.tf:3 memory of the task"),
                ("worker", "python w.py", 256, "infra/ecs.tf:3 memory"),
            ],
            id="ecs",
        ),
        pytest.param(
            {"terraform/ecs.tf": ECS, "terraform/terraform.tfvars": "size = 2048\n"},
            [
                ("api", "python main.py", 2048, "terraform/ecs.tf:3 memory of the task"),
                ("worker", "python w.py", 256, "terraform/ecs.tf:3 memory"),
            ],
            id="ecs-with-values",
        ),
        pytest.param(
            {"terraform/ecs.tf": TEMPLATE, "terraform/task.json.tpl": CONTAINERS},
            [("api", "python main.py", 512, "terraform/ecs.tf:1 memory of the task")],
            id="ecs-of-a-template",
        ),
        pytest.param(
            {"main.tf": CLOUD_RUN}, [("web", "python w.py", 256, "main.tf:1 resources.limits.memory")], id="cloud-run"
        ),
    ],
)
def test_containers(tmp_path: Path, files: dict[str, str], expected: list[tuple[str, str, int, str]]) -> None:
    found = read(tmp_path, files)
    declared = [(one.name, one.command, (one.limit or 0) // MIB, one.limit_source) for one in found.services]
    assert (declared, found.skipped) == (expected, ())


def test_a_file_without_containers_that_does_not_parse_hides_none(tmp_path: Path) -> None:
    found = read(tmp_path, {"main.tf": CLOUD_RUN, "dns.tf": 'resource "dns" "a" {\n  a = { (1) = 2 }\n}\n'})
    assert ([one.name for one in found.services], found.skipped) == (["web"], ())


def test_variables_of_a_container_are_known(tmp_path: Path) -> None:
    (web,) = read(tmp_path, {"main.tf": CLOUD_RUN}).services
    assert (web.environment["A"], web.variables["A"].path, web.platform) == ("b", "main.tf", "cloud-run")


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        pytest.param(
            'resource "aws_ecs_task_definition" "api" {\n  container_definitions = module.containers.json_map\n}\n',
            "api",
            "the containers of api are known only to Terraform: container_definitions is computed",
            id="computed",
        ),
        pytest.param(
            'resource "aws_ecs_task_definition" "api" {\n  memory = (1\n',
            "terraform",
            "is not read: it is not valid HCL: a block is not closed",
            id="broken",
        ),
    ],
)
def test_what_cannot_be_read_is_no_silent_service(tmp_path: Path, text: str, name: str, reason: str) -> None:
    found = read(tmp_path, {"infra/ecs.tf": text})
    assert [(gap.service, gap.reason) for gap in found.skipped] == [(name, reason)]


def test_references_are_kept_where_that_is_asked_for() -> None:
    text = b'a = var.size\nb = jsonencode({ c = local.d })\ne = file("x.json")\nf = max(1, 2)\n'
    assert [one.data for one in hcl.parse(text, "f").attributes.values()] == [None] * 4
    kept = [one.data for one in hcl.parse(text, "f", keeps_references=True).attributes.values()]
    assert kept == ["${var.size}", {"c": "${local.d}"}, "${file:x.json}", None]
