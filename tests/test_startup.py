"""What hooks load, start, open and write; and the same input gives the same bytes wherever it lies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import projects
import pytest
from folders import commit, git, write

import memguard_hooks
from memguard_hooks.hooks import all_hooks

IDS = tuple(all_hooks.HOOKS)
MANIFEST_HOOKS = IDS[:2]

TRAP = 'open("executed", "w").close()\nraise SystemExit("code of the project was executed")\n'
"""What stands in each Python file of the projects here, and what no hook runs."""

SERVICE = "services:\n  - {type: web, name: web, runtime: python, plan: free, startCommand: uvicorn main:app --workers"
PYPROJECT = '[project]\nname = "app"\nversion = "1"\ndependencies = ["litellm==1.69.3"]\n\n[tool.memguard]\n'
GOOD = {
    **dict.fromkeys(("json.py", "yaml.py", "tomli.py", "libcst.py", "packaging.py", "sitecustomize.py", "setup.py"), TRAP),
    "render.yaml": f"{SERVICE} 1}}\n",
    "pyproject.toml": PYPROJECT,
    "requirements.txt": "litellm==1.69.3\npandas==2.2.3\nfastapi\n-r requirements/more.txt\n",
    "requirements/more.txt": "httpx\n",
    "main.py": f"from app import api\nfrom fastapi import FastAPI\n\napp = FastAPI()\n{TRAP}",
    "app/__init__.py": TRAP,
    "app/api.py": f"import os\n\n\ndef export(rows):\n    import pandas\n\n    return pandas.DataFrame(rows)\n\n\n{TRAP}",
}
BAD = {
    **GOOD,
    ".python-version": "3.14\n",
    "render.yaml": f"{SERVICE} 9, envVars: [{{key: PYTHONBUFFERED, value: 1}}]}}\n",
    "pyproject.toml": PYPROJECT.replace("==1.69.3", ">=1"),
    "requirements.txt": "litellm\ntorch==2.8.0\nfastapi\n-r requirements/more.txt\n",
    "app/api.py": "import importlib\nimport litellm, pandas\nimport logging, telegram\n\nlogging.basicConfig(level=20)\n"
    f"importlib.import_module('torch')\n{TRAP}",
    "main.py": f"import דוחות.חודשי\n{GOOD['main.py']}",
    "דוחות/חודשי.py": f"import pandas\n{TRAP}",
}

BROKEN = {
    **BAD,
    "requirements/broken.txt": "litellm >> 1\n",
    "requirements/far.txt": "-r ../../far/away.txt\n",
    "main.py": f"import broken, computed\n{BAD['main.py']}",
    "broken.py": "import pandas (\n",
    "computed.py": "import importlib\nimport pandas\n\nimportlib.import_module(pandas.__doc__)\n",
}
"""All that a report can speak of."""


def names_for(hook: str, files: dict[str, str]) -> list[str]:
    """Return the file names that pre-commit would give to a hook."""
    if hook not in all_hooks.JUDGE_FILES:
        return []
    return [name for name in files if name.endswith((".txt", ".toml") if hook in MANIFEST_HOOKS else ".py")]


# One run of a hook in a process of its own

WATCH = """\
import sys

events = []
sys.addaudithook(lambda event, given: events.append((event, given[:3])))
path, module, *arguments = sys.argv[1:]
sys.path += path.split("|")
main = getattr(__import__(module, fromlist=["main"]), "main")
try:
    status = main(arguments)
finally:
    loaded, seen = list(sys.modules), events[:]
    import json

    print()
    print(json.dumps([status, loaded, seen], default=str))
"""
"""Runs a `main` and prints its status, the loaded modules and all audit events in the last line.

https://docs.python.org/3/library/audit_events.html
"""

PATH = [str(Path(memguard_hooks.__file__).parent.parent), *(one for one in sys.path if one.endswith("-packages"))]
"""Where our package and what it depends on are found, without the `.pth` files that run code at start."""

SCRIPTS = Path(sys.executable).parent


class Event(NamedTuple):
    """One audit event with its first three arguments."""

    name: str
    given: list[object]


class Run(NamedTuple):
    """One run of a hook: its exit status, what was loaded, and what Python did."""

    status: int
    loaded: set[str]
    events: list[Event]


def watch(hook: str, names: list[str], root: Path) -> Run:
    module = f"memguard_hooks.hooks.{hook.replace('-', '_')}"
    command = [sys.executable, "-I", "-S", "-B", "-c", WATCH, "|".join(PATH), module, *names]
    done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    status, loaded, events = json.loads(done.stdout.splitlines()[-1])
    return Run(status, {name.partition(".")[0] for name in loaded}, [Event(name, given) for name, given in events])


# What is loaded

SLOW = {"ast", "asyncio", "dataclasses", "email", "inspect", "libcst", "logging", "socket", "tokenize", "yaml"}
"""What costs milliseconds and a clean verdict does not need."""


@pytest.mark.parametrize("hook", MANIFEST_HOOKS)
@pytest.mark.parametrize(
    ("requirements", "status"),
    [
        pytest.param("fastapi==0.121.0  # the framework\nhttpx\n", 0, id="nothing-that-matters"),
        pytest.param("litellm==1.69.3\n", 0, id="pinned"),
        pytest.param("litellm\ntorch\n", 1, id="findings"),
    ],
)
def test_requirements_alone_load_neither_libcst_nor_yaml(tmp_path: Path, hook: str, requirements: str, status: int) -> None:
    write(tmp_path, {"requirements.txt": requirements})
    run = watch(hook, ["requirements.txt"], tmp_path)
    assert run.status == status
    assert run.loaded & {"libcst", "yaml"} == set()


@pytest.mark.parametrize("hook", MANIFEST_HOOKS)
def test_packaging_is_loaded_only_for_a_package_that_matters(tmp_path: Path, hook: str) -> None:
    plain = "fastapi==0.121.0\nhttpx>=0.27 ; python_version < '3.14'\n"
    write(tmp_path, {"a.txt": plain, "b.txt": "litellm==1.*\ntorch==2.*\n"})
    assert watch(hook, ["a.txt"], tmp_path).loaded & (SLOW | {"packaging", "subprocess", "tomli"}) == set()
    assert "packaging" in watch(hook, ["b.txt"], tmp_path).loaded


def test_files_without_heavy_names_load_nothing_to_judge_them(tmp_path: Path) -> None:
    write(tmp_path, {
        "pages/main.py": "import os\nfrom fastapi import FastAPI\n\napp = FastAPI(title=os.name)\n",
        "app/panda.py": "import re\n\n\ndef find_panda():\n    return re.compile('litell')\n",
        "heavy.py": "import pandas\n",
        "calling.py": "import pandas\n\n\ndef start():\n    return pandas\n\n\nstart()\n",
        "making.py": "import pandas\n\n\nclass A:\n    def __init__(self):\n        self.a = pandas\n\n\nA()\n",
        "asking.py": "import pandas\n\n\nclass A:\n    @property\n    def a(self):\n        return pandas\n\n\nA().a\n",
    })  # fmt: skip
    run = watch("no-eager-heavy-imports", ["pages/main.py", "app/panda.py"], tmp_path)
    assert run.status == 0
    assert run.loaded & (SLOW | {"_ast", "json", "packaging", "subprocess", "tomli"}) == set()
    for plain in ("heavy.py", "calling.py", "making.py"):
        assert "libcst" not in watch("no-eager-heavy-imports", [plain], tmp_path).loaded
    assert watch("no-eager-heavy-imports", ["heavy.py"], tmp_path).loaded & {"_ast", "ast"} == {"_ast"}
    assert "libcst" in watch("no-eager-heavy-imports", ["asking.py"], tmp_path).loaded


COUNT = """\
import sys

path, *arguments = sys.argv[1:]
sys.path += path.split("|")
from memguard_hooks.__main__ import main

main(arguments)
import re

own = [name for name in sys.modules if name.startswith("memguard_hooks")]
print(len(re._cache), len(own), *sorted({"_ast", "ast", "packaging", "shlex", "typing"} & set(sys.modules)))
"""
"""Runs a command and prints in its last line the patterns compiled, the modules of ours loaded, and the slow ones."""


def test_a_commit_in_which_nothing_is_found_compiles_few_patterns_and_loads_few_modules(tmp_path: Path) -> None:
    write(tmp_path, dict(projects.small_app()))
    commit(tmp_path)
    files = [*projects.MANIFESTS[:2], *projects.SOURCES[:3]]
    (tmp_path / "main.py").write_text(f"{projects.SOURCE}\n\ndef count() -> int:\n    return 1\n", encoding="utf-8")
    command = [sys.executable, "-I", "-S", "-c", COUNT, "|".join(PATH), "hook", *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    patterns, own, *loaded = done.stdout.splitlines()[-1].split()
    assert (loaded, int(patterns) <= 20, int(own) <= 155) == (["_ast"], True, True)


# What is done

# Of these, `os.kill` is the end of git.
HARMLESS = {
    "os.kill",
    "builtins.id",
    "import",
    "marshal.loads",
    "object.__getattr__",
    "object.__setattr__",
    "os.listdir",
    "os.scandir",
    "sys._getframe",
    "sys._getframemodulename",  # since 3.12, for the module of a NamedTuple
}


CACHE = Path(".git", "memguard")


def judge(event: Event, root: Path) -> str | None:
    """Say what is wrong with an audit event, None where it only reads, starts git or writes the cache."""
    name, given = event
    if str(root / CACHE) in str(given[0]) and name in ("open", "os.mkdir", "os.rename"):
        return None
    if name == "open":
        path, mode, flags = given
        writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        is_pipe = isinstance(path, int)  # subprocess opens the ends of its pipes by their numbers
        is_writing = any(letter in str(mode or "") for letter in "wax+") or bool(int(str(flags)) & writing)
        return f"writes {path}" if is_writing and not is_pipe and path != os.devnull else None
    if name == "os.posix_spawn":
        words = given[1]
        assert isinstance(words, list)
        safe = ["-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit"]
        is_git = words[1:8] == ["-C", str(root), *safe, "cat-file"]
        return None if is_git and os.path.basename(words[0]) == "git" and os.path.isabs(words[0]) else f"starts {given}"
    if name in ("compile", "exec"):
        return f"{name} {given}" if str(root) in str(given) else None
    return None if name in HARMLESS else f"{name} {given}"


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Return all files but the cache with their content and the time of their last change."""
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and root / CACHE not in path.parents
    }


@pytest.mark.parametrize("hook", IDS)
@pytest.mark.parametrize(("files", "status"), [pytest.param(GOOD, 0, id="good"), pytest.param(BAD, 1, id="bad")])
def test_hooks_open_no_socket_start_only_git_write_only_the_cache_and_run_no_code_of_the_project(
    tmp_path: Path, hook: str, files: dict[str, str], status: int
) -> None:
    write(tmp_path, files)
    commit(tmp_path)
    git(tmp_path, "gc", "--quiet")  # what is not packed is read without git
    before = snapshot(tmp_path)
    run = watch(hook, names_for(hook, files), tmp_path)
    assert [wrong for event in run.events if (wrong := judge(event, tmp_path))] == []
    assert run.status == status, (
        f"in {'BAD' if status else 'GOOD'} of this test {hook} finds {'nothing' if status else 'a fault'}"
    )
    assert any(event.name == "os.posix_spawn" for event in run.events) is (hook == "memory-budget")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("hook", IDS)
def test_console_scripts_run_no_code_of_the_project(tmp_path: Path, hook: str) -> None:
    write(tmp_path, BAD)
    commit(tmp_path)
    before = snapshot(tmp_path)
    done = subprocess.run([str(SCRIPTS / hook), *names_for(hook, BAD)], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1, f"in BAD of this test {hook} finds nothing"
    assert snapshot(tmp_path) == before


# The same input, the same bytes


@pytest.fixture(scope="module")
def shadows() -> frozenset[str]:
    """Return modules that a project may shadow: Python has not loaded them before it runs a program."""
    program = "import runpy, sys; print(*sys.modules)"
    before = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    return frozenset({
        "__future__", "argparse", "ast", "base64", "configparser", "csv", "decimal", "difflib", "email", "hashlib", "html",
        "inspect", "json", "libcst", "packaging", "rich", "shtab", "subprocess", "textwrap", "tokenize", "tomli",
        "yaml",
    }).difference(before)  # fmt: skip


@pytest.mark.parametrize("command", [
    pytest.param([sys.executable, "-m", "memguard_hooks", "check", "."], id="module"),
    pytest.param([sys.executable, "-m", "memguard_hooks", "hook", "main.py", "requirements.txt"], id="module, hook"),
    pytest.param([sys.executable, "-m", "memguard_hooks", "init", "--help"], id="module, init"),
    pytest.param([str(SCRIPTS / "memguard"), "check", "."], id="memguard"),
    *(pytest.param([str(SCRIPTS / name)], id=name) for name in IDS),
])  # fmt: skip
@pytest.mark.parametrize("pythonpath", [None, "modules", ":"], ids=["no path", "a folder", "the current folder"])
def test_no_module_of_the_project_is_imported(
    tmp_path: Path, shadows: frozenset[str], command: list[str], pythonpath: str | None
) -> None:
    """Neither from the current folder, where `-m` looks first, nor from what `PYTHONPATH` names in the project."""
    assert {"argparse", "hashlib", "json", "yaml", "tomli"} <= shadows
    files = {f"{folder}{name}.py": TRAP for folder in ("", "modules/") for name in shadows}
    commit(write(tmp_path, {"main.py": "import litellm\n", "requirements.txt": "litellm\n", "below/a.py": "", **files}))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if pythonpath is not None:
        environment["PYTHONPATH"] = pythonpath
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "executed").exists()


def check(root: Path, style: str, here: Path, **environment: str) -> tuple[bytes, bytes, int]:
    """Run `memguard check` on a project from a folder."""
    where = os.path.relpath(root, here)
    command = [str(SCRIPTS / "memguard"), "check", "--format", style, *([] if where == "." else [where])]
    done = subprocess.run(command, cwd=here, capture_output=True, check=False, env={**os.environ, **environment})
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("style", ["text", "json"])
def test_report_is_the_same_at_another_place_in_another_locale_and_with_another_seed(tmp_path: Path, style: str) -> None:
    here, there = tmp_path / "stamm" / "wurzelwerk", tmp_path / "other place" / "astwerk"
    write(here, GOOD)
    commit(here.parent)
    write(here, BROKEN)
    write(there, dict(reversed(GOOD.items())))  # folders list their files in the order of creation
    commit(there.parent)
    write(there, dict(reversed(BROKEN.items())))

    output, errors, status = check(here, style, here, PYTHONHASHSEED="1")
    assert status == 2
    assert errors.count(b": error: ") == 1
    assert errors.count(b": skipped: ") == 3
    assert "דוחות/חודשי.py" in output.decode("unicode_escape" if style == "json" else "utf-8")
    for private in ("wurzelwerk", "stamm", str(tmp_path), sys.prefix, sys.base_prefix):
        assert private.encode() not in output + errors
    others = [
        check(here, style, here.parent, PYTHONHASHSEED="2", LC_ALL="C", TZ="Asia/Jerusalem"),
        check(there, style, tmp_path, PYTHONHASHSEED="3", LC_ALL="POSIX"),
        # What git tells a hook in a worktree, where it stands at the top.
        check(there, style, there.parent, PYTHONHASHSEED="4", LC_ALL="C.UTF-8", GIT_DIR=str(there.parent / ".git")),
    ]
    assert others == [(output, errors, status)] * 3
