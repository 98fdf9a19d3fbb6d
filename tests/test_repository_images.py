"""Which Dockerfile makes an image that a manifest names: what compose and workflows build, or what is called so."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.deployment import dockerfile, images
from memguard_hooks.deployment.discover import discover
from memguard_hooks.tree import WorkTree

API = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD python api.py\n"
OTHER = API.replace("api.py", "other.py")
WEB = "FROM node:24\nCMD node web.js\n"


PROCFILE = "web: python api.py\nmigrate: python other.py\n"


def manifest(image: str, name: str = "shop") -> str:
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec: {{template: {{spec: {{containers: [{{name: {name}, image: "{image}"}}]}}}}}}
"""


COMPOSE = """\
services:
  a:
    image: acme/shop-django:${TAG:-latest}
    build: {context: ., dockerfile: "Dockerfile.django-${OS:-debian}"}
"""
WORKFLOW = """\
on: push
env: {IMAGE: acme/shop}
jobs:
  build:
    steps:
    - {uses: docker/metadata-action@v5, id: of-api, with: {images: "ghcr.io/${{ github.repository_owner }}/shop-api"}}
    - {uses: docker/metadata-action@v5, id: of-tool, with: {images: "ghcr.io/acme/shop-tool"}}
    - {uses: docker/build-push-action@v6, with: {file: ops/images/api/Dockerfile, tags: "${{ env.IMAGE }}:1, x:2"}}
    - uses: docker/build-push-action@v6
      with: {file: ops/images/api/Dockerfile, tags: "${{ steps.of-api.outputs.tags }}"}
    - uses: docker/build-push-action@v6
      with: {file: ops/images/tool/Dockerfile, tags: "${{ steps.of-tool.outputs.tags }}"}
    - run: docker buildx build --tag="ghcr.io/acme/staged:1" --build-arg A=. --target early ops/images/staged && true
    - run: |
        docker build --push -t acme/tool \\
          -f ops/images/tool/Dockerfile .
"""


@pytest.mark.parametrize(
    ("image", "files", "starts"),
    [
        pytest.param(
            "acme/shop-django:1",
            {"docker-compose.yml": COMPOSE, "Dockerfile.django-debian": API, "Dockerfile.nginx": WEB},
            ["python api.py"],
            id="built-by-compose",
        ),
        *(
            pytest.param(
                image,
                {
                    ".github/workflows/publish.yml": WORKFLOW,
                    "ops/images/api/Dockerfile": API,
                    "ops/images/tool/Dockerfile": OTHER,
                },
                [start],
                id=f"built-by-a-workflow-{image}",
            )
            for image, start in (
                ("acme/shop:3", "python api.py"),
                ("shop-api", "python api.py"),
                ("x", "python api.py"),
                ("shop-tool", "python other.py"),
                ("acme/tool@sha256:0", "python other.py"),
            )
        ),
        pytest.param(
            "shop", {"Resources/docker/app/Dockerfile": API, "web/Dockerfile": WEB}, ["python api.py"], id="only-one"
        ),
        pytest.param(
            "gcr.io/p/shop",
            {"ops/x/a/Dockerfile": API, "ops/x/b/Dockerfile": OTHER},
            ["it is not known which Dockerfile makes gcr.io/p/shop: ops/x/a/Dockerfile, ops/x/b/Dockerfile"],
            id="one-of-several",
        ),
        pytest.param("acme/shop", {"ops/x/a/Dockerfile": API, "ops/x/b/Dockerfile": OTHER}, [], id="maybe-anybodys"),
        pytest.param(
            "gcr.io/p/acme-shop", {"shop/Dockerfile": WEB, "backend/Dockerfile": API}, [], id="of-another-language"
        ),
        pytest.param(
            "gcr.io/p/shop",
            {"src/shop/src/Dockerfile": WEB, "src/a/Dockerfile": API, "src/b/Dockerfile": OTHER},
            [],
            id="below-a-folder-of-another-language",
        ),
        pytest.param("acme/nginx-reload", {"Dockerfile": API}, [], id="a-proxy"),
        pytest.param("gcr.io/p/shop", {"Procfile": PROCFILE}, ["python api.py"], id="buildpacks"),
        pytest.param(
            "gcr.io/p/shop",
            {"server/Procfile": PROCFILE, "client/Dockerfile": WEB},
            ["python api.py"],
            id="buildpacks-beside-another-language",
        ),
        pytest.param("gcr.io/p/shop", {"Procfile": "web: node web.js\n"}, [], id="buildpacks-of-another-language"),
        pytest.param("gcr.io/p/shop", {"a/Procfile": PROCFILE, "b/Procfile": PROCFILE}, [], id="one-of-several-procfiles"),
        pytest.param("redis", {"Procfile": PROCFILE}, [], id="a-vendors-beside-a-procfile"),
        pytest.param(
            "shop",
            {"Dockerfile": API, "docker-compose.yml": "services: {a: {image: tool, build: .}}"},
            [],
            id="one-that-makes-another",
        ),
    ],
)
def test_what_makes_an_image_of_a_manifest(tmp_path: Path, image: str, files: dict[str, str], starts: list[str]) -> None:
    write(tmp_path, {"k8s/shop.yaml": manifest(image), "api.py": "", "other.py": "", **files})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    declared = [one.command for one in found.services if one.platform == "kubernetes"]
    assert [*declared, *(gap.reason for gap in found.skipped if gap.service == "shop")] == starts


def test_compose_runs_an_image_that_a_workflow_builds(tmp_path: Path) -> None:
    compose = "services:\n  app: {image: acme/shop}\n  cache: {image: redis}\n"
    files = {"docker-compose.yml": compose, ".github/workflows/publish.yml": WORKFLOW, "ops/images/api/Dockerfile": API}
    write(tmp_path, {**files, "api.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.name, one.command) for one in found.services] == [("app", "python api.py")]


FILLED = """\
on: push
jobs:
  deploy:
    steps:
      - uses: docker/build-push-action@v1
        with: {repository: acme/shop, dockerfile: ops/Dockerfile, tags: "${{ github.sha }},latest"}
      - uses: aws-actions/amazon-ecs-render-task-definition@v1
        with: {task-definition: task-definition.json, container-name: api, image: "acme/shop:${{ github.sha }}"}
"""
TASK = """\
{"family": "shop", "containerDefinitions": [
  {"name": "nginx", "image": "filled-in", "memory": 128}, {"name": "api", "image": "filled-in", "memory": 512}]}
"""


def test_a_container_runs_the_image_that_a_workflow_puts_into_its_definition(tmp_path: Path) -> None:
    files = {
        "task-definition.json": TASK,
        ".github/workflows/deploy.yml": FILLED,
        "ops/Dockerfile": API,
        "Dockerfile": OTHER,
    }
    write(tmp_path, {**files, "api.py": "", "other.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.name, one.command, one.platform) for one in found.services] == [("api", "python api.py", "ecs")]
    assert [gap.service for gap in found.skipped] == []


TAGGED = """\
services:
  web: {image: "acme/shop:web"}
  proxy: {image: "acme/shop:nginx"}
  worker: {image: "acme/shop:celery-worker"}
  clock: {image: "acme/shop:clock", command: nobody-knows}
  db: {image: "postgres:17"}
"""
BUILT = "on: push\njobs: {b: {steps: [{run: docker build -t acme/shop:web .}]}}\n"


def test_services_run_images_that_only_their_tags_tell_apart(tmp_path: Path) -> None:
    files = {"docker-compose.yml": TAGGED, ".github/workflows/b.yml": BUILT, "Dockerfile": API, "nginx/Dockerfile": WEB}
    write(tmp_path, {**files, "DockerfileCelery": OTHER, "api.py": "", "other.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.name, one.command) for one in found.services] == [("web", "python api.py"), ("worker", "python other.py")]
    reason = "it is not known which Dockerfile makes acme/shop:clock"
    assert [(gap.service, gap.reason) for gap in found.skipped] == [("clock", reason)]


STAGED = API.replace("python:3.12", "python:3.12 AS early") + "FROM early AS late\nCMD python other.py\n"


def test_a_stage_that_a_command_builds(tmp_path: Path) -> None:
    files = {".github/workflows/publish.yml": WORKFLOW, "ops/images/staged/Dockerfile": STAGED}
    write(tmp_path, {**files, "k8s/shop.yaml": manifest("staged"), "ops/images/staged/api.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [one.command for one in found.services if one.platform == "kubernetes"] == ["python api.py"]


def test_an_image_of_a_build_that_another_file_of_compose_holds(tmp_path: Path) -> None:
    base = "services:\n  base: {build: {context: ., dockerfile: ops/$FILE}}\n"
    tool = "services:\n  tool: {image: acme/tool, extends: {service: base, file: base.yml}}\n"
    files = {"docker-compose.yml": tool, "base.yml": base, ".env": "FILE=api.Dockerfile\n", "ops/api.Dockerfile": API}
    write(tmp_path, {**files, "api.py": "", "k8s/shop.yaml": manifest("acme/tool")})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert "python api.py" in [one.command for one in found.services if one.platform == "kubernetes"]


def test_workflows_are_read_up_to_a_size(tmp_path: Path) -> None:
    files = {
        ".github/workflows/all.yml": f"# {'x' * images.MAX_WORKFLOW_BYTES}\n",
        ".github/workflows/publish.yml": WORKFLOW,
    }
    write(tmp_path, {**files, "ops/api.Dockerfile": API, "api.py": "", "k8s/shop.yaml": manifest("acme/shop")})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    told = [one.path for one in found.skipped if "KiB of workflows" in one.reason]
    assert told == list(files)


@pytest.mark.parametrize(
    ("command", "starts"), [("migrate", ["python other.py"]), ("/cnb/process/web", ["python api.py"]), ("none", [])]
)
def test_a_command_may_name_a_process_of_the_procfile(tmp_path: Path, command: str, starts: list[str]) -> None:
    text = manifest("gcr.io/p/shop").replace("image:", f"command: [{command}], image:")
    write(tmp_path, {"k8s/shop.yaml": text, "Procfile": PROCFILE, "api.py": "", "other.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [one.command for one in found.services if one.platform == "kubernetes"] == starts


def test_terraform_below_provisioning_runs_what_buildpacks_make(tmp_path: Path) -> None:
    text = """\
resource "google_cloud_run_v2_service" "server" {
  name = "server"
  template {
    containers {
      image = "gcr.io/p/server"
    }
  }
}
"""
    write(tmp_path, {"provisioning/terraform/service.tf": text, "server/Procfile": PROCFILE, "server/api.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.name, one.command, one.folder, one.platform) for one in found.services] == [
        ("server", "python api.py", "server", "cloud-run")
    ]


RUN = """\
services:
  app: {image: 'acme/shop_app:$V'}
  beat: {image: 'acme/shop_app:$V', command: python other.py}
  db: {image: mysql}
"""
BUILD = "services:\n  app: {build: {context: ., dockerfile: ops/app/Dockerfile}}\n  db: {build: ops/db}\n"
ON_TOP = "FROM acme/shop_app:1\nCMD python other.py\n"


def test_compose_runs_images_that_another_file_of_it_builds_for_the_same_service(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": RUN,
        "docker-compose.build.yml": BUILD,
        "ops/app/Dockerfile": API,
        "ops/db/Dockerfile": API,
    }
    write(tmp_path, {**files, "api.py": "", "other.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.name, one.command, one.path) for one in found.services] == [
        ("app", "python api.py", "ops/app/Dockerfile"),
        ("beat", "python other.py", "docker-compose.yml"),
    ]


def test_paths_of_a_second_file_of_compose_count_from_the_root(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"deploy/docker-compose.yml": BUILD.replace("  db: {build: ops/db}\n", ""), "ops/app/Dockerfile": API, "api.py": ""},
    )
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.name, one.command) for one in found.services] == [("app", "python api.py")]


def test_an_image_starts_from_one_that_another_dockerfile_makes(tmp_path: Path) -> None:
    run = "services:\n  app: {image: 'acme/shop_app:1'}\n  worker: {image: acme/worker}\n"
    build = BUILD.replace("db: {build: ops/db}", "worker: {build: {context: ., dockerfile: ops/worker/Dockerfile}}")
    files = {"docker-compose.yml": run, "docker-compose.build.yml": build, "ops/app/Dockerfile": API}
    write(tmp_path, {**files, "ops/worker/Dockerfile": ON_TOP, "api.py": "", "other.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.name, one.command, one.mounts.get("/app")) for one in found.services] == [
        ("app", "python api.py", ""),
        ("worker", "python other.py", ""),
    ]


def chain(length: int) -> dict[str, str]:
    """Return Dockerfiles of which each starts from the one before it, and the first starts the app."""
    files = {f"i{at}/Dockerfile": f"FROM me/i{at - 1}\nENV X={at}\n" for at in range(1, length)}
    built = (f"  i{at}: {{image: me/i{at}, build: {{context: ., dockerfile: i{at}/Dockerfile}}}}" for at in range(length))
    return {**files, "i0/Dockerfile": API, "docker-compose.yml": "\n".join(("services:", *built)), "api.py": ""}


def test_images_made_here_are_followed_from_one_to_the_next(tmp_path: Path) -> None:
    write(tmp_path, chain(images.MAX_BASES + 1))
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.command, one.environment.get("X")) for one in found.services] == [
        ("python api.py", str(at) if at else None) for at in range(images.MAX_BASES + 1)
    ]


@pytest.mark.parametrize(("length", "is_known"), [(images.MAX_BASES, True), (50, False)])
def test_a_long_chain_of_images_is_followed_to_its_bound(length: int, *, is_known: bool) -> None:
    files = {path: text.encode() for path, text in chain(length).items()}
    made = images.RepositoryImages(files.get, lambda: ["docker-compose.yml"], tuple)
    found = made.base(f"me/i{length - 1}", "Dockerfile")
    assert found is not None
    assert (found.cmd is not None, found.base and found.base.name) == (
        is_known, "python:3.12" if is_known else f"me/i{length - 1 - images.MAX_BASES}"
    )  # fmt: skip


def test_images_that_start_from_each_other_end(tmp_path: Path) -> None:
    write(tmp_path, {**chain(3), "i0/Dockerfile": API.replace("python:3.12", "me/i2")})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert {one.command for one in found.services} == {"python api.py"}


def test_a_dockerfile_that_many_stages_start_from_is_read_once() -> None:
    def reads(stages: int) -> Counter[str]:
        files = {**chain(2), "Dockerfile": "FROM me/i1\n" * stages}
        asked = Counter[str]()

        def read(path: str) -> bytes | None:
            asked[path] += 1
            return files[path].encode() if path in files else None

        made = images.RepositoryImages(read, lambda: ["docker-compose.yml"], tuple)
        assert dockerfile.read_image(files["Dockerfile"].encode(), "Dockerfile", read=read, bases=made.base)
        return asked

    assert reads(2) == reads(50)


def test_terraform_runs_what_compose_builds_for_a_service_of_the_same_name(tmp_path: Path) -> None:
    task = """\
resource "aws_ecs_task_definition" "dashboard" {
  family = "shop"
  memory = 1024
  container_definitions = jsonencode([{ name = "dashboard", image = "${aws_ecr_repository.d.repository_url}:1" }])
}
"""
    compose = "services:\n  api: {build: ./api}\n  dashboard: {build: ./data/views}\n"
    files = {"terraform/ecs.tf": task, "docker-compose.yml": compose, "api/Dockerfile": API, "data/views/Dockerfile": OTHER}
    write(tmp_path, {**files, "api/api.py": "", "data/views/other.py": ""})
    found = discover(WorkTree(str(tmp_path)), lambda error: pytest.fail(str(error)))
    assert [(one.name, one.command, one.folder) for one in found.services if one.platform == "ecs"] == [
        ("dashboard", "python other.py", "data/views")
    ]
