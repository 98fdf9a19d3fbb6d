"""What the deployment installs, as Dockerfiles, build commands and platforms say; and what only lies about."""

from __future__ import annotations

from pathlib import Path

import pytest

from memguard_hooks.config import Settings
from memguard_hooks.dependencies import image
from memguard_hooks.project import Project
from memguard_hooks.tree import WorkTree


def project(folder: Path, files: dict[str, str]) -> Project:
    """Write files and return the project of them."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(WorkTree(str(folder)), Settings())


START = 'CMD ["python", "main.py"]\n'


def of(*lines: str) -> str:
    """Return a Dockerfile with some instructions."""
    return "\n".join(("FROM python:3.11", *lines, START))


TREE = {
    "requirements.txt": "-r base.txt\n",
    "base.txt": "flask\n",
    "requirements-gpu.txt": "torch\n",
    "pyproject.toml": '[project]\nname = "app"\ndependencies = ["flask"]\n',
    "uv.lock": 'version = 1\n\n[[package]]\nname = "flask"\nversion = "3"\n\n[[package]]\nname = "inner"\nversion = "1"\n'
    'source = { editable = "libs/inner" }\n',
    "libs/inner/pyproject.toml": '[project]\nname = "inner"\ndependencies = ["click"]\n',
    "backend/requirements.txt": "httpx\n",
    "main.py": "",
}
PIP = {"requirements.txt", "base.txt"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, None, id="nothing-says"),
        pytest.param({"Dockerfile": of("COPY . .", "RUN pip install -r requirements.txt")}, PIP, id="pip"),
        pytest.param(
            {"Dockerfile": of("COPY requirements.txt /tmp/", "RUN pip install \\", "  # why", "  -r /tmp/requirements.txt")},
            PIP,
            id="copied-elsewhere",
        ),
        pytest.param(
            {"Dockerfile": of("COPY backend/requirements.txt .", "RUN pip install -r requirements.txt")},
            {"backend/requirements.txt"},
            id="copied-from-a-folder",
        ),
        pytest.param(
            {"Dockerfile": of("RUN --mount=type=bind,source=uv.lock,target=uv.lock uv sync --frozen")},
            {"pyproject.toml", "uv.lock", "libs/inner/pyproject.toml"},
            id="uv-with-a-workspace",
        ),
        pytest.param(
            {"Dockerfile": of("RUN pip install .")},
            {"pyproject.toml"},
            id="the-project-without-its-lock",
        ),
        pytest.param(
            {"Dockerfile": of("RUN uv export -o req.txt && pip install -r req.txt")},
            {"pyproject.toml", "uv.lock", "libs/inner/pyproject.toml"},
            id="export",
        ),
        pytest.param(
            {"Dockerfile": of("ARG FILE", "RUN pip install -r $FILE")},
            None,
            id="filled-in-by-the-build",
        ),
        pytest.param({"Dockerfile": of("RUN pip install flask")}, None, id="names-alone"),
        pytest.param(
            {
                "Dockerfile": "FROM a AS dev\nRUN pip install -r requirements-gpu.txt\n"
                + of("RUN pip install -r requirements.txt")
            },
            PIP,
            id="stage-for-development",
        ),
        pytest.param(
            {
                "Dockerfile": of("RUN pip install -r requirements.txt"),
                "Dockerfile.dev": "FROM python:3.11\nRUN pip install -r requirements-gpu.txt\n",
            },
            PIP,
            id="image-for-development",
        ),
        pytest.param(
            {
                "render.yaml": "services:\n  - type: web\n    name: a\n    runtime: python\n"
                "    buildCommand: pip install -r requirements.txt\n    startCommand: python main.py\n"
            },
            PIP,
            id="render",
        ),
        pytest.param({"Procfile": "web: python main.py\n"}, PIP, id="all-builders-agree"),
        pytest.param(
            {"Procfile": "web: python main.py\n", "poetry.lock": "", "Pipfile.lock": "{}"}, None, id="builders-differ"
        ),
        pytest.param(
            {"Dockerfile": of("RUN <<EOF", "set -e", "pip install -r requirements.txt", "EOF")},
            PIP,
            id="heredoc",
        ),
    ],
)
def test_installed_files(tmp_path: Path, files: dict[str, str], expected: set[str] | None) -> None:
    found = project(tmp_path, {**TREE, **files}).declared.deployed.files
    assert (None if found is None else {path for path in found if path in TREE}) == expected


def test_extras_and_groups(tmp_path: Path) -> None:
    text = "FROM python:3.11\nRUN pip install '.[ml,web]' && uv sync --extra Gpu --group jobs\n" + START
    found = project(tmp_path, {**TREE, "Dockerfile": text}).declared.deployed
    assert (set(found.extras), set(found.groups)) == ({"ml", "web", "gpu"}, {"jobs"})


def test_places_of_words(tmp_path: Path) -> None:
    lines = ["FROM python:3.11", "RUN apt-get update \\", "  && pip install \\", "    # torch", "    torch==2.8.0 \\"]
    text = "\r\n".join([*lines, "    'pandas>=2'", ""])
    head = "services:\n  - type: web\n    name: a\n    runtime: python\n"
    render = f"{head}    buildCommand: |\n      set -e\n      pip install litellm\n    startCommand: python main.py\n"
    (tmp_path / "Dockerfile").write_bytes(text.encode())
    found = project(tmp_path, {"render.yaml": render, "main.py": ""}).declared.installed_by_commands
    assert [(one.name, one.path, one.line, one.column) for one in found] == [
        ("torch", "Dockerfile", 5, 5),
        ("pandas", "Dockerfile", 6, 6),
        ("litellm", "render.yaml", 7, 19),
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("Dockerfile", True, id="plain"),
        pytest.param("a/web.Dockerfile", True, id="prefix"),
        pytest.param("Dockerfile.prod", True, id="suffix"),
        pytest.param("Containerfile", True, id="podman"),
        pytest.param("Dockerfiles/readme.md", False, id="folder"),
        pytest.param("MyDockerfile", False, id="word"),
    ],
)
def test_names_of_images(path: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    assert image.is_image(path) is expected


@pytest.mark.parametrize(
    "text", ["FROM a\nRUN \\\n" * 3000, "FROM a\nRUN <<A\n" * 300, "RUN pip install -r\\", "FROM a\nRUN '" * 300]
)
def test_hostile_images_end(tmp_path: Path, text: str) -> None:
    assert project(tmp_path, {"Dockerfile": text}).declared.deployed.files is None


def test_the_inventory_tells_decoys(tmp_path: Path) -> None:
    text = of("RUN pip install -r requirements.txt")
    found = project(tmp_path, {**TREE, "Dockerfile": text}).declared.inventory
    assert found.decoys() == (
        "backend/requirements.txt", "libs/inner/pyproject.toml", "pyproject.toml", "requirements-gpu.txt", "uv.lock",
    )  # fmt: skip
    assert [one.name for one in found.direct()] == ["flask"]
    assert found.why("torch") is None
