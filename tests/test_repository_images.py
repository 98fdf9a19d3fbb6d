"""Which Dockerfile makes an image that a manifest names: what compose and workflows build, or what is called so."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import write

from memguard_hooks.deployment.discover import discover
from memguard_hooks.tree import WorkTree

API = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nCMD python api.py\n"
OTHER = API.replace("api.py", "other.py")
WEB = "FROM node:24\nCMD node web.js\n"


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
        pytest.param("acme/nginx-reload", {"Dockerfile": API}, [], id="a-proxy"),
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
