"""The Python that a host runs a service on: each file that a platform takes it from, and their order."""

from __future__ import annotations

import pytest

from memguard_hooks.deployment import python_version
from memguard_hooks.deployment.service import Build, Service, ServicePlace


def service(platform: str | None, folder: str = "", **environment: str) -> Service:
    return Service("web", "x", 1, 1, "python a.py", platform=platform, folder=folder, environment=environment)


@pytest.mark.parametrize(
    ("path", "text", "version"),
    [
        ("runtime.txt", "python-3.11.9\n", (3, 11)),
        (".python-version", "# of the team\n3.12\n", (3, 12)),
        (".python-version", "cpython-3.12.4\n", (3, 12)),
        (".python-version", "pypy3.10-7.3\n", None),
        (".tool-versions", "nodejs 22\npython 3.10.14\n", (3, 10)),
        ("mise.toml", '[tools]\npython = "3.13"\n', (3, 13)),
        (".mise.toml", '[tools]\npython = ["3.13", "3.12"]\n', (3, 13)),
        ("mise.toml", '[tools]\npython = {version = "3.12.1"}\n', (3, 12)),
        ("mise.toml", "[tools\n", None),
        ("Pipfile", '[requires]\npython_version = "3.11"\n', (3, 11)),
        ("Pipfile", '[requires]\npython_full_version = "3.12.1"\npython_version = "3.11"\n', (3, 12)),
        ("runtime.txt", "node-20\n", None),
    ],
)
def test_each_file(path: str, text: str, version: tuple[int, int] | None) -> None:
    assert python_version.read(service(None), {path: text.encode()}.get) == version


ALL = {".python-version": b"3.12", "runtime.txt": b"python-3.11.1", ".tool-versions": b"python 3.10.1"}


@pytest.mark.parametrize(
    ("platform", "files", "environment", "version"),
    [
        ("heroku", ALL, {}, (3, 11)),
        ("heroku", {**ALL, "runtime.txt": b"x"}, {}, (3, 12)),
        ("render", ALL, {}, (3, 12)),
        ("render", {"runtime.txt": b"python-3.11.1"}, {}, None),
        ("render", ALL, {"PYTHON_VERSION": "3.13.4"}, (3, 13)),
        ("railway", ALL, {"NIXPACKS_PYTHON_VERSION": "3.9"}, (3, 9)),
        ("railway", {"runtime.txt": b"python-3.11.1", ".tool-versions": b"python 3.10.1"}, {}, (3, 10)),
        ("aws-lambda", ALL, {}, None),
    ],
)
def test_each_platform_has_its_order(
    platform: str, files: dict[str, bytes], environment: dict[str, str], version: tuple[int, int] | None
) -> None:
    assert python_version.read(service(platform, **environment), files.get) == version


def test_the_folder_of_the_service_comes_first() -> None:
    files = {".python-version": b"3.10", "api/.python-version": b"3.12"}
    assert python_version.read(service("render", "api"), files.get) == (3, 12)
    assert python_version.read(service("render", "web"), files.get) == (3, 10)


def test_files_beside_an_image_do_not_count_for_it() -> None:
    files = {".python-version": b"3.10"}
    built = service("render")._replace(builds=(Build("pip install x", ServicePlace("Dockerfile", 1, 1)),))
    assert python_version.read(built, files.get) is None
    assert python_version.read(service("fly")._replace(mounts={"/app": ""}), files.get) is None
