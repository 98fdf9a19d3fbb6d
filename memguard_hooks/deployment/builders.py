"""What builders install by themselves where the repository names no command.

Sources: heroku/heroku-buildpack-python lib/package_manager.sh (uv after poetry, as its README lists them),
railwayapp/railpack core/providers/python/python.go, railwayapp/nixpacks src/providers/python.rs,
docs.cloud.google.com/appengine runtime of Python, aws-sam-cli's workflow for Python (all 2026-11).
"""

from __future__ import annotations

from functools import cache

from memguard_hooks.deployment.service import Build, Read, ServicePlace
from memguard_hooks.tree import join

_PIP = ("requirements.txt", "pip install -r requirements.txt")
_POETRY = ("poetry.lock", "poetry install --only main")
_UV = ("uv.lock", "uv sync --locked --no-dev")
_PDM = ("pdm.lock", "pdm install --check --prod")
_LOCKED = ("Pipfile.lock", "pipenv install --deploy")
_PIPFILE = ("Pipfile", "pipenv install --skip-lock")
_PROJECT = ("pyproject.toml", "pip install .")

INSTALLS = {
    "heroku": (_LOCKED, _PIPFILE, _PIP, _POETRY, _UV, ("setup.py", "pip install .")),
    "railpack": (_PIP, _UV, _POETRY, _PDM, _LOCKED, _PIPFILE),
    "nixpacks": (_PIP, _POETRY, _PDM, _UV, _PROJECT, _LOCKED, _PIPFILE),
    "app-engine": (_PIP,),
    "aws-sam": (_PIP,),
}
"""Of each builder the files that it looks for, the first that is there counts, and what it then runs."""


def default_builds(builder: str, folder: str, place: ServicePlace, read_file: Read) -> tuple[Build, ...]:
    """Return what a builder installs by itself for an app in a folder, at the place of its service."""
    for name, command in INSTALLS[builder]:
        path = join(folder, name)
        if path is not None and read_file(path) is not None:
            return (Build(command, place, folder),)
    return ()


def agreed_builds(folder: str, place: ServicePlace, read_file: Read) -> tuple[Build, ...]:
    """Return what all builders install that read a Procfile, nothing where they would not do the same."""
    read_file = cache(read_file)
    found = {default_builds(builder, folder, place, read_file) for builder in ("heroku", "railpack", "nixpacks")}
    return found.pop() if len(found) == 1 else ()
