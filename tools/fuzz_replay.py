"""Change generated projects at random, and hold that a replayed verdict is what an empty store prints.

python tools/fuzz_replay.py [--projects 50] [--changes 100] [--seed 0]

Each project is judged until its answer is kept. Then one thing changes: a line, a file, a link, a time, a commit, a branch.
What is printed then must be, byte for byte, what a run prints that keeps nothing and compares with the last commit file by
file. The exit status is 1 where anything differs; the seed and the change are printed, and the project is left to be looked
at.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple

from memguard_hooks import store
from memguard_hooks.commands import check, hook
from memguard_hooks.hooks import memory_budget, running
from memguard_hooks.replay import front
from memguard_hooks.tree import RevisionTree, WorkTree

Files = dict[str, str]

IMPORTS = ("import json", "import pandas", "import torch", "import boto3", "from app import late", "import sqlalchemy as sa",
           "import helpers", "from shared.one import thing", "import importlib", "importlib.import_module('numpy')",
           "def load():\n    import scipy", "load()", "if True:\n    import openai",
           "import litellm  # memguard: allow[MG201] it is", "x = (", "")  # fmt: skip
REQUIREMENTS = ("litellm", "litellm==1.69.3", "pandas==2.2.3", "torch==2.8.0", "fastapi==0.115.6", "-r more.txt", "flask",
                "boto3>=1", "# nothing", "litellm >> 1", "")  # fmt: skip
SETTINGS = ('limit = "512MiB"', 'limit = "60MiB"', 'platform = "render-free"', 'exclude = ["shared"]', 'scope = "all"',
            'heavy-threshold = "20MiB"', 'source-roots = ["lib"]', 'baseline = "known.json"', "limit = 1",
            'entrypoints = ["app.main:app"]', 'target-python = "3.12"', "")  # fmt: skip
PROCESSES = ("web: gunicorn app.main:app", "web: uvicorn app.main:app --workers 3", "worker: python bot.py", "",
             "web: gunicorn -c conf/gunicorn.conf.py app.main:app", "worker: celery -A app worker -c 2",
             "web: bash start.sh")  # fmt: skip
DOCKER = ("FROM python:3.12", "COPY . .", "RUN pip install -r requirements.txt", 'CMD ["python", "bot.py"]',
          "ENV WEB_CONCURRENCY=2", "RUN pip install litellm", "WORKDIR /srv", "")  # fmt: skip
COMPOSE = ("services:", "  web:", "    command: gunicorn app.main:app -w 2", "    mem_limit: 256m", "    build: .", "",
           "    env_file: .env")  # fmt: skip
OTHER = ("workers = 3", "WEB_CONCURRENCY=2", "gunicorn app.main:app", "more", "", "preload_app = True")

LINES: dict[str, tuple[str, ...]] = {
    ".py": IMPORTS, ".txt": REQUIREMENTS, ".toml": SETTINGS, "Procfile": PROCESSES, "Dockerfile": DOCKER, ".yaml": COMPOSE,
    ".yml": COMPOSE,
}  # fmt: skip
"""What may stand in a line, by how the name of the file ends."""

NAMES = ("pandas.py", "helpers.py", "app/late.py", "app/late/__init__.py", "lib/helpers.py", "shared/one.py", "bot.py",
         "Procfile", "Dockerfile", "compose.yaml", "docker-compose.prod.yml", "render.yaml", "requirements.txt", "more.txt",
         "setup.py", "requirements-dev.txt", "memguard.toml", "pyproject.toml", "memguard-baseline.json", "known.json",
         ".env", "notes.md", "conf/gunicorn.conf.py", "start.sh", "uv.lock", "app/__init__.py", "tests/test_one.py",
         "docs/deep/er/page.md", "דוחות.py")  # fmt: skip
"""Files that may come and go."""

WSGI = """\
import os
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "app.settings")
application = get_wsgi_application()
"""
BASE: Files = {
    "requirements.txt": "fastapi==0.115.6\npandas==2.2.3\n",
    "app/__init__.py": "",
    "app/main.py": "from app import api, heavy\nfrom fastapi import FastAPI\n\napp = FastAPI()\n",
    "app/api.py": "import calendar\n\n\ndef export():\n    import pandas\n\n    return pandas\n",
    "app/heavy.py": "import boto3\n",
    "shared/one.py": "thing = 1\n",
    "notes.md": "of no matter\n",
}
LAYOUTS: dict[str, Files] = {
    "fastapi": {"Procfile": "web: uvicorn app.main:app\n"},
    "flask": {"Procfile": "web: gunicorn app.main:app -w 2\nworker: python bot.py\n", "bot.py": "import requests\n",
              "app/main.py": "from flask import Flask\nfrom app import api\n\napp = Flask(__name__)\n"},
    "django": {"Procfile": "web: gunicorn app.wsgi\n", "app/wsgi.py": WSGI, "app/urls.py": "import pandas\n",
               "app/settings.py": "INSTALLED_APPS = ['shop']\nROOT_URLCONF = 'app.urls'\n",
               "shop/__init__.py": "", "shop/models.py": "import numpy\n"},
    "bot": {"bot.py": "from app import heavy\n", "Dockerfile": 'FROM python:3.12\nCOPY . .\nCMD ["python", "bot.py"]\n'},
    "render": {"render.yaml": "services:\n  - {type: web, name: api, runtime: python, plan: free, "
               "startCommand: uvicorn app.main:app}\n"},
    "compose": {"compose.yaml": "services:\n  web:\n    build: .\n    command: gunicorn app.main:app\n    mem_limit: 256m\n",
                "Dockerfile": "FROM python:3.12\nWORKDIR /srv\nCOPY . .\nRUN pip install -r requirements.txt\n"},
    "settings": {"memguard.toml": 'entrypoints = ["app.main:app"]\nlimit = "512MiB"\n'},
}  # fmt: skip

HOOKS: dict[str, Callable[[Sequence[str]], int]] = {
    "hook": hook.main,
    "budget": memory_budget.main,
    "check": lambda argv: front("memguard check", argv, check.main),
}


class Said(NamedTuple):
    """What a run has printed, its exit status, and whether it was replayed."""

    output: str
    errors: str
    status: int
    is_replayed: bool


def judge(main: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> Said:
    """Run a hook in the working folder."""
    count = 0
    judge = running.judge

    def counting(*given: object, **named: object) -> running.Judgment:
        nonlocal count
        count += 1
        return judge(*given, **named)  # type: ignore[arg-type]

    output, errors = io.StringIO(), io.StringIO()
    running.judge = counting
    try:
        with redirect_stdout(output), redirect_stderr(errors):
            status = main(arguments)
    finally:
        running.judge = judge
    return Said(output.getvalue(), errors.getvalue(), status, is_replayed=not count)


@contextmanager
def nothing_known() -> Iterator[None]:
    """Keep nothing, know nothing, and take no commit for what was seen."""
    before, is_held_by = os.environ.get(store.VARIABLE), WorkTree.is_held_by

    def never(_tree: WorkTree, _other: RevisionTree) -> bool:
        return False

    os.environ[store.VARIABLE] = ""
    WorkTree.is_held_by = never  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        WorkTree.is_held_by = is_held_by  # type: ignore[method-assign]
        if before is None:
            del os.environ[store.VARIABLE]
        else:
            os.environ[store.VARIABLE] = before


def git(*arguments: str) -> bool:
    """Let git do something in the working folder, and tell whether it did."""
    return subprocess.run(["git", *arguments], capture_output=True, check=False).returncode == 0


def write(files: Files) -> None:
    """Write files below the working folder; what stands in the way is left."""
    for name, text in files.items():
        with suppress(OSError):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")


def make(chance: random.Random, folder: Path) -> str:
    """Make a project with two commits on one branch and one on another, and enter it; return its layout."""
    layout = chance.choice(list(LAYOUTS))
    folder.mkdir(parents=True)
    os.chdir(folder)
    write({**BASE, **LAYOUTS[layout]})
    git("init", "--quiet", "--initial-branch=main")
    git("config", "user.name", "A Tester")
    git("config", "user.email", "tester@example.com")
    git("add", "--all")
    git("commit", "--quiet", "--message=first")
    git("branch", "other")
    git("tag", "first")
    for _ in range(chance.randrange(3)):
        create(chance)
        edit(chance)
    git("commit", "--quiet", "--all", "--message=second")
    return layout


# Changes


def paths(*, of_files: bool = True) -> list[str]:
    """Return what there is below the working folder, links included."""
    found = (path for path in Path().rglob("*") if ".git" not in path.parts)
    return sorted(str(path) for path in found if path.is_symlink() or path.is_file() is of_files)


def line_for(chance: random.Random, path: str) -> str:
    """Return a line that may stand in a file."""
    return chance.choice(next((lines for end, lines in LINES.items() if path.endswith(end)), OTHER))


def edit(chance: random.Random) -> str:
    """Edit, add or delete a line."""
    path = chance.choice([path for path in paths() if Path(path).is_file()])
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    at = chance.randrange(len(lines))
    way = chance.choice(("edit", "add", "delete"))
    lines[at : at + (way != "add")] = [] if way == "delete" else [line_for(chance, path)]
    Path(path).write_text("\n".join(lines), encoding="utf-8")
    return f"{way} line {at + 1} of {path}"


def create(chance: random.Random) -> str:
    """Write a file that may be new."""
    path = chance.choice(NAMES)
    write({path: "\n".join(line_for(chance, path) for _ in range(chance.randrange(3))) + "\n"})
    return f"create {path}"


def delete(chance: random.Random) -> str:
    """Delete a file."""
    path = chance.choice(paths())
    Path(path).unlink()
    return f"delete {path}"


def rename(chance: random.Random) -> str:
    """Rename a file or a folder."""
    path, new = chance.choice(paths() + paths(of_files=False)), chance.choice(NAMES)
    with suppress(OSError):
        Path(new).parent.mkdir(parents=True, exist_ok=True)
        Path(path).rename(new)
    return f"rename {path} to {new}"


def link(chance: random.Random) -> str:
    """Put a link in the place of a file."""
    path, target = chance.choice(NAMES), chance.choice([*paths(), *paths(of_files=False), "nothing", "../out"])
    with suppress(OSError):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).unlink(missing_ok=True)
        Path(path).symlink_to(os.path.relpath(target, Path(path).parent))
    return f"link {path} to {target}"


def touch(chance: random.Random) -> str:
    """Let a file look changed, or old."""
    path = chance.choice(paths())
    with suppress(OSError):
        then = time.time() - chance.choice((0, 0, 100, 10_000))
        os.utime(path, (then, then))
    return f"touch {path}"


def commit(chance: random.Random) -> str:
    """Commit all, what is tracked, one file, what is staged, or nothing."""
    path = chance.choice(paths())
    ways: dict[str, tuple[tuple[str, ...], ...]] = {
        "all": (("add", "--all"), ("commit", "--message=more")),
        "tracked": (("commit", "--all", "--message=more"),),
        path: (("add", path), ("commit", "--message=more", "--", path)),
        "nothing": (("commit", "--allow-empty", "--message=more"),),
        "amended": (("commit", "--all", "--amend", "--message=more"),),
        "packed": (("add", "--all"), ("commit", "--message=more"), ("pack-refs", "--all")),
    }
    way = chance.choice(list(ways))
    for arguments in ways[way]:
        git(*arguments)
    return f"commit {way}"


def stage(chance: random.Random) -> str:
    """Commit a file in another way than it stands there."""
    path = chance.choice([path for path in paths() if Path(path).is_file()])
    before = Path(path).read_bytes()
    said = edit(chance)
    git("add", "--all")
    git("commit", "--message=more")
    Path(path).write_bytes(before)
    return f"commit after {said}, with {path} as before"


def switch(chance: random.Random) -> str:
    """Go to another commit, with or without its files."""
    ways = (("checkout", "--force", "other"), ("checkout", "--force", "main"), ("symbolic-ref", "HEAD", "refs/heads/other"),
            ("checkout", "--force", "--detach"), ("reset", "--hard"), ("reset", "--soft", "HEAD~"), ("gc",),
            ("reset", "--hard", "HEAD~"), ("branch", "--force", "other"), ("stash", "--include-untracked"),
            ("stash", "pop"))  # fmt: skip
    way = chance.choice(ways)
    git(*way)
    return f"git {' '.join(way)}"


CHANGES = {edit: 8, create: 3, delete: 2, rename: 2, link: 1, touch: 2, commit: 5, stage: 1, switch: 2}
"""Each kind of change, and how often it comes."""

MENDED = 0.3
"""How often a project whose settings are at fault, of which nothing is kept, is taken back to where it began."""


def change(chance: random.Random) -> str:
    """Change one thing."""
    if sum(Path(path).is_file() for path in paths()) < 5:
        git("checkout", "--force", "main", "--", ".")
        write(BASE)
        return "begin anew"
    return chance.choices(list(CHANGES), list(CHANGES.values()))[0](chance)


class Result(NamedTuple):
    """How many changes were judged, how many verdicts were replayed, and what differed."""

    changes: int
    replayed: int
    differing: tuple[str, ...]


def run(folder: Path, seed: int, changes: int) -> Result:
    """Make a project, change it so many times, and compare each verdict with what an empty store says."""
    chance = random.Random(seed)  # noqa: S311 - to be the same again
    layout = make(chance, folder)
    main = HOOKS[chance.choice(list(HOOKS))]
    arguments = chance.choice([[], [], ["--format", "json"], ["--limit", "60MiB"]])
    replayed = 0
    for number in range(1, changes + 1):
        if judge(main, arguments).status > 1 and chance.random() < MENDED:
            git("checkout", "--force", "first")
            git("clean", "--force", "-d")
            judge(main, arguments)
        judge(main, arguments)
        done = change(chance)
        said, again = judge(main, arguments), judge(main, arguments)
        with nothing_known():
            expected = judge(main, arguments)
        replayed += said.is_replayed
        if not said[:3] == again[:3] == expected[:3]:
            story = f"seed {seed}, {layout}, change {number}: {done}\n  said {said}\n  then {again}\n  must {expected}"
            return Result(number, replayed, (story,))
    return Result(changes, replayed, ())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the property for as many projects as are asked for."""
    parser = argparse.ArgumentParser(description="Hold that a replayed verdict is what an empty store prints.")
    parser.add_argument("--projects", type=int, default=50, help="projects to generate (default: 50)")
    parser.add_argument("--changes", type=int, default=100, help="changes of each (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first project")
    options = parser.parse_args(argv)
    os.environ.pop(store.VARIABLE, None)
    folder = Path(tempfile.mkdtemp(prefix="memguard-replay-"))
    results: list[Result] = []
    for seed in range(options.seed, options.seed + options.projects):
        results.append(run(folder / str(seed), seed, options.changes))
        print("\n".join(results[-1].differing) or f"seed {seed}: {results[-1].replayed} replayed", flush=True)
    changes, replayed = sum(one.changes for one in results), sum(one.replayed for one in results)
    wrong = sum(bool(one.differing) for one in results)
    print(f"{len(results)} projects, {changes} changes, {replayed} replayed, {wrong} wrong: {folder}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
