"""What all tests share: git, pip and uv without the settings of the machine, and the root of the checkout."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sysconfig
from collections.abc import Generator, Iterator
from pathlib import Path

import machine
import pytest
from filelock import FileLock
from folders import git
from hypothesis import HealthCheck, settings

# The same examples on each run and on each machine, however slow it is. To look for new ones:
# pytest --hypothesis-profile=random
settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("random"), derandomize=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run by hand, and the one of each week, try more of what is drawn by a seed."""
    parser.addoption("--installed-files", type=int, default=40, help="how many installed files each comparison reads")
    parser.addoption("--times", type=int, default=1, help="how many times as many generated cases are tried")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without a look for garbage: thousands of tests are made and none is dropped, nor looked at again later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


IDENTITY = {"NAME": "A Tester", "EMAIL": "tester@example.com", "DATE": "2026-01-01T12:00:00+00:00"}


@pytest.fixture(autouse=True)
def _day_of_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be the day of the table of wheels: one that is too old says nothing."""
    from memguard_hooks.rules.python import findings

    monkeypatch.setattr(findings, "today", lambda: "2026-11-28")


@pytest.fixture(autouse=True, scope="session")
def _plain_git() -> Iterator[None]:
    """Let git find repositories by the folder alone, with an identity and without anybody's settings.

    Tests may run inside a hook of git itself, which names its own repository and index in the environment.
    """
    local = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)
    with pytest.MonkeyPatch.context() as patch:
        for name in local.stdout.split():
            patch.delenv(name, raising=False)
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            for name, value in IDENTITY.items():
                patch.setenv(f"GIT_{role}_{name}", value)
        yield


@pytest.fixture(autouse=True, scope="session")
def _plain_installers() -> Iterator[None]:
    """Let pip and uv find packages where the machine says, and take no constraints or options from it."""
    found = {**machine.pip_variables(), **machine.uv_variables(os.environ)}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            patch.delenv(name)
        for name, value in found.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True, scope="session")
def _plain_python() -> Iterator[None]:
    """Let what tests start keep its bytecode, as it does at users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(scope="session")
def installed_files(request: pytest.FixtureRequest) -> list[Path]:
    """Return files of the standard library and of installed packages, the same ones in each run."""
    found = {path for key in ("purelib", "stdlib") for path in Path(sysconfig.get_path(key)).rglob("*.py")}
    files = [path for path in sorted(found) if path.stat().st_size < 60_000]
    random.Random(5).shuffle(files)  # noqa: S311 - a choice, no secret
    return files[: request.config.getoption("--installed-files")]


@pytest.fixture(scope="session")
def times(request: pytest.FixtureRequest) -> int:
    """Return how many times as many generated cases are tried as usual."""
    return int(request.config.getoption("--times"))


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the root of the checkout that is tested."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of this run of the tests share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def published(checkout: Path, shared: Path) -> Path:
    """Return a repository that holds the files of the checkout, tagged as the version of the package.

    It is one for all tests, and so are the environments that pre-commit and prek build from it.
    """
    root = shared / "published" / "memguard-hooks"
    with FileLock(shared / "published.lock"):
        if not (root / ".git").exists():
            machine.copy_files(checkout, root)
            for command in ("init --quiet", "add --all", "commit --quiet --message=all", "tag v0.1.0"):
                git(root, *command.split())
    return root


@pytest.fixture(scope="module")
def hook_tools(shared: Path) -> Iterator[None]:
    """Let pre-commit, prek and pip build environments once for all tests, of the versions that these tests run with."""
    from uv import find_uv_bin

    with FileLock(shared / "tools.lock"):
        versions, programs = shared / "versions.txt", shared / "bin"
        if not versions.exists():
            versions.write_text(machine.installed_versions(), encoding="utf-8")
            programs.mkdir()
            (programs / "uv").symlink_to(find_uv_bin())  # prek would load one from elsewhere
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SKIP", "PREK_SKIP", "PREK_QUIET", "PRE_COMMIT", "MEMGUARD_DEBUG"):
            patch.delenv(name, raising=False)
        for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "UV_CONSTRAINT", "UV_BUILD_CONSTRAINT"):
            patch.setenv(name, str(versions))
        patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("PIP_NO_COMPILE", "1")  # a hook compiles what it imports
        patch.setenv("PRE_COMMIT_HOME", str(shared / "pre-commit"))
        patch.setenv("PREK_HOME", str(shared / "prek"))
        patch.setenv("PRE_COMMIT_COLOR", "never")
        patch.setenv("PREK_COLOR", "never")
        yield
