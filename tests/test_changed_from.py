"""What a branch has changed, by git's own diff, judged as one commit; and the same verdict by hook and by check."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.commands import check, hook
from memguard_hooks.hooks.all_hooks import HOOKS, WAKES

MAIN = "import litellm\nfrom fastapi import FastAPI\nimport api\n\napp = FastAPI(litellm, api)\n"
BASE = {
    "Procfile": "web: uvicorn main:app\n",
    "requirements.txt": "fastapi==0.115.6\nlitellm>=1\n",
    "main.py": MAIN,
    "api.py": "import json\n\njson\n",
    "notes.md": "notes\n",
}
MAINS = {name: importlib.import_module(f"memguard_hooks.hooks.{name.replace('-', '_')}").main for name in HOOKS}
PROJECT_HOOKS = tuple(name for name in HOOKS if name not in WAKES)


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, encoding="utf-8").stdout


def commit(files: dict[str, str], message: str) -> None:
    write(Path(), files)
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand on a branch that has left main, which went on without it."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch=main")
    commit(BASE, "base")
    git("switch", "--quiet", "--create=feature")
    git("switch", "--quiet", "main")
    commit({"jobs.py": "import torch\n\ntorch\n", "main.py": f"import jobs\n{MAIN}"}, "main goes on")
    git("switch", "--quiet", "feature")
    return tmp_path


def judge(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, list[dict[str, object]]]:
    assert check.main(["--format", "json", *arguments]) in (0, 1)
    report: dict[str, list[dict[str, object]]] = json.loads(capsys.readouterr().out)
    return report


def told(report: dict[str, list[dict[str, object]]]) -> set[tuple[object, ...]]:
    return {(one["path"], one["line"], one["column"], one["code"], one["message"]) for one in report["findings"]}


PANDAS = {"api.py": "import pandas\n\npandas\n"}

CHANGES = {
    "nothing": ({}, []),
    "a file that is no matter": ({"notes.md": "more\n"}, []),
    "an import": (PANDAS, ["MG201"]),
    "a way to what is old": ({"main.py": f"{MAIN}# more\n"}, ["MG201"]),
    "a manifest": ({"requirements.txt": "fastapi==0.115.6\nlitellm>=1\ntorch==2.8.0\n"}, ["MG101", "MG110"]),
    "a service": ({"Procfile": "web: uvicorn main:app --workers 9\n"}, ["MG301"]),
    "all": ({**PANDAS, "requirements.txt": "litellm\n", "bot/main.py": "import torch\n"}, ["MG201", "MG101"]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_findings_are_those_of_the_hooks_on_the_same_files(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As one commit: by each hook with the files that wake it, by the hook `memguard`, and by check."""
    files, codes = CHANGES[name]
    write(Path(), files)
    git("add", "--all")
    names = git("diff", "--name-only", "-z", "--cached").split("\0")[:-1]
    by_hooks: set[tuple[object, ...]] = set()
    for one, main in MAINS.items():
        woken = names if one in PROJECT_HOOKS else [path for path in names if re.search(WAKES[one], path)]
        if woken:
            main(["--format", "json", *woken])
            by_hooks |= told(json.loads(capsys.readouterr().out))
    by_hooks -= {one for one in by_hooks if one[3] == "MG401"} if any(one[3] == "MG301" for one in by_hooks) else set()
    if names:
        hook.main(["--format", "json", *names])
        assert told(json.loads(capsys.readouterr().out)) == by_hooks
    git("commit", "--quiet", "--allow-empty", "--message=change")
    by_check = told(judge(capsys, "--changed-from", "main"))
    assert {one[3] for one in by_check} == set(codes)
    # The budget is compared with where the branch began, which is not the last commit any more.
    assert {one[:4] for one in by_check} == {one[:4] for one in by_hooks}


def test_the_branch_is_set_against_where_it_began(capsys: pytest.CaptureFixture[str]) -> None:
    commit(PANDAS, "one")
    commit({"notes.md": "another commit\n"}, "two")
    assert check.main(["--changed-from", "main"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("api.py:1:1: MG201 pandas")
    assert "\nweb: " in out
    assert ", since main +" in out
    report = judge(capsys, "--changed-from", "main")
    (service,) = report["services"]
    estimate = service["estimate_mib"]
    assert isinstance(estimate, dict)
    assert estimate["commit"] > 30
    (service,) = judge(capsys)["services"]
    estimate = service["estimate_mib"]
    assert isinstance(estimate, dict)
    assert estimate["commit"] == 0


def test_growth_is_that_of_the_branch(capsys: pytest.CaptureFixture[str]) -> None:
    commit({"memguard.toml": 'budget.growth = "20MiB"\n', **PANDAS}, "one")
    commit({"notes.md": "another commit\n"}, "two")
    assert "MG303" not in {one["code"] for one in judge(capsys)["findings"]}
    grown = [one for one in judge(capsys, "--changed-from", "main")["findings"] if one["code"] == "MG303"]
    assert [one["path"] for one in grown] == ["Procfile"]
    assert " since main, more than the 20 MiB allowed" in str(grown[0]["message"])
    assert str(grown[0]["fix"]).startswith("this branch brings pandas: +")


def test_the_work_tree_counts_and_deleted_files_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path(), PANDAS)
    assert {one["path"] for one in judge(capsys, "--changed-from", "main")["findings"]} == {"api.py"}
    Path("api.py").unlink()
    assert judge(capsys, "--changed-from", "main")["findings"] == []


def test_a_project_below_the_top_of_the_repository(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit({f"backend/{name}": text for name, text in BASE.items()}, "moved")
    git("switch", "--quiet", "--create=more")
    commit({"backend/api.py": PANDAS["api.py"], "api.py": "import torch\n"}, "more")
    report = judge(capsys, "--changed-from", "feature", str(repository / "backend"))
    assert [(one["path"], one["code"]) for one in report["findings"]] == [("api.py", "MG201")]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        pytest.param("nowhere", "git knows no commit 'nowhere' here", id="unknown"),
        pytest.param("--output=x", "git knows no commit '--output=x' here", id="an option"),
        pytest.param("main:api.py", "git knows no commit 'main:api.py' here", id="a file"),
        pytest.param("orphan", "HEAD and orphan have no commit in common", id="unrelated"),
        pytest.param("a\0b", "git cannot be asked", id="zero byte"),
    ],
)
def test_a_reference_that_does_not_help(reference: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    git("switch", "--quiet", "--orphan=orphan")
    git("commit", "--quiet", "--allow-empty", "--message=orphan")
    git("switch", "--quiet", "feature")
    assert check.main([f"--changed-from={reference}"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("x").exists()


def test_outside_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert check.main(["--changed-from", "main", str(folder)]) == 2
    assert "git knows no commit 'main' here" in capsys.readouterr().err


def test_git_that_cannot_compare_is_an_error_not_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(PANDAS, "one")
    Path(".git/index").write_bytes(b"no index, though as long as one is at the least")
    assert check.main(["--changed-from", "main"]) == 2
    assert "git cannot compare the work tree with main: `git diff " in capsys.readouterr().err
    git("read-tree", "HEAD")
    git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--branch=feature", "--filter=tree:0", tmp_path.as_uri(), str(clone))
    monkeypatch.chdir(clone)
    assert check.main(["--changed-from", "origin/main"]) == 2
    assert "git cannot compare the work tree with origin/main: `git diff " in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_a_repository_of_somebody_else(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a container of CI sees a checkout that was made outside of it."""
    for path in (repository, repository / ".git"):
        os.chown(path, 12_345, 12_345)
    assert check.main(["--changed-from", "main"]) == 2
    assert "set its `safe.directory`" in capsys.readouterr().err


def test_git_runs_nothing_of_the_repository(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trap = repository / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/executed\n", encoding="utf-8")
    trap.chmod(0o755)
    commit({".gitattributes": "* diff=trap filter=trap\n", **PANDAS}, "attributes")
    for name in ("diff.external", "diff.trap.command", "diff.trap.textconv", "core.fsmonitor", "core.pager"):
        git("config", name, str(trap))
    judge(capsys, "--changed-from", "main")
    assert not (repository / "executed").exists()


def test_each_hook_is_in_the_table_of_all() -> None:
    assert tuple(HOOKS) == (*WAKES, *PROJECT_HOOKS) == tuple(MAINS)
    assert os.path.exists("Procfile")
