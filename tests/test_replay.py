"""What a hook said is said again while nothing has changed that it hangs on, and never once something has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import fuzz_replay
import pytest
from folders import git, write

from memguard_hooks import replay, store
from memguard_hooks.commands import check, hook
from memguard_hooks.hooks import deploy_config, memory_budget, pin_litellm, running
from memguard_hooks.replay import FOLDER
from memguard_hooks.tree import SETTLED

FILES = {
    "Procfile": "web: uvicorn app.main:app\n",
    "requirements.txt": "fastapi==0.115.6\n",
    "app/__init__.py": "",
    "app/main.py": "from app import api, heavy, late, nested, linked\nfrom fastapi import FastAPI\n\napp = FastAPI()\n",
    "app/api.py": "import calendar\n",
    "app/heavy.py": "import pandas\n",
    "app/nested/__init__.py": "import boto3\n",
    "shared/one.py": "import json\n",
    "shared/two.py": "import sqlalchemy\n",
    "empty/.keep": "",
    "notes.md": "of no matter\n",
    "docs/pages/2026/notes.md": "of no matter\n",
}
"""An app whose `app.late` is not there, and whose last commit lacks the import of pandas; `app.linked` is a link."""

RENDER = """\
services:
  - {type: web, name: api, runtime: python, plan: standard, startCommand: uvicorn app.main:app}
"""

Main = Callable[[Sequence[str]], int]


def check_here(argv: Sequence[str]) -> int:
    """Run what `memguard check` runs where stdout is no terminal."""
    return replay.front("memguard check", argv, check.main)


class Run(NamedTuple):
    """What one run said, and whether it was said again without a look at the project."""

    output: str
    errors: str
    status: int
    is_replayed: bool

    @property
    def said(self) -> tuple[str, str, int]:
        """Return what was said, whoever said it."""
        return self[:3]


class Runner:
    """Runs hooks in this process, each as if it were a process of its own."""

    def __init__(self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch = patch
        self._capsys = capsys
        self._judged = 0
        judge = running.judge

        def count(*arguments: object, **named: object) -> running.Judgment:
            self._judged += 1
            return judge(*arguments, **named)  # type: ignore[arg-type]

        patch.setattr(running, "judge", count)

    def __call__(self, root: Path, *arguments: str, main: Main = memory_budget.main) -> Run:
        """Run a hook in a folder."""
        self._patch.chdir(root)
        self._judged = 0
        status = main(list(arguments))
        said = self._capsys.readouterr()
        return Run(said.out, said.err, status, is_replayed=not self._judged)

    def afresh(self, root: Path, *arguments: str, main: Main = memory_budget.main) -> Run:
        """Run where nothing is known, and no commit is taken for what was seen."""
        with fuzz_replay.nothing_known():
            found = self(root, *arguments, main=main)
        assert not found.is_replayed
        return found

    def kept(self, root: Path, *arguments: str, main: Main = memory_budget.main) -> Run:
        """Run once, and again from what was kept."""
        first = self(root, *arguments, main=main)
        again = self(root, *arguments, main=main)
        assert (again.said, first.is_replayed, again.is_replayed) == (first.said, False, True)
        return again


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    monkeypatch.delenv(store.VARIABLE, raising=False)
    return Runner(monkeypatch, capsys)


def make(root: Path, style: str = "sha1") -> Path:
    """Make the app: on `main` without pandas in the commit, on `other` with sqlalchemy too."""
    write(root, FILES)
    (root / "app/linked.py").symlink_to("../shared/one.py")
    git(root, "init", "--quiet", "--initial-branch=main", f"--object-format={style}")
    for branch, heavy in (("other", "import pandas\nimport sqlalchemy\n"), ("main", "import json\n")):
        write(root, {"app/heavy.py": heavy})
        git(root, "checkout", "--quiet", "--orphan", branch)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", branch)
    write(root, {"app/heavy.py": FILES["app/heavy.py"]})
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made") / "project")


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "project", symlinks=True))


@pytest.fixture(params=["young", "settled"])
def age(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be as young as the run, so that their content counts, or older, so that their look does."""
    if request.param == "settled":
        now = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: now() + 10 * SETTLED)


def both(first: Callable[[Path], object], then: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return what does one thing and then another."""

    def act(root: Path) -> None:
        first(root)
        then(root)

    return act


def pack(root: Path) -> None:
    git(root, "pack-refs", "--all")


# What changes what is to be said


def edit_with_equal_size_and_time(root: Path) -> None:
    path = root / "app/api.py"
    before = path.stat()
    path.write_text("import requests\n", encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def replace_with_equal_size_and_time(root: Path) -> None:
    path, new = root / "app/api.py", root / "empty/new"
    before = path.stat()
    new.write_text("import requests\n", encoding="utf-8")
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(path)


def turn_folder_into_file(root: Path) -> None:
    shutil.rmtree(root / "app/nested")
    (root / "app/nested").write_text("import boto3\n", encoding="utf-8")


def turn_file_into_folder(root: Path) -> None:
    (root / "app/heavy.py").unlink()
    (root / "app/heavy.py").mkdir()


def lead_link_elsewhere(root: Path) -> None:
    (root / "app/linked.py").unlink()
    (root / "app/linked.py").symlink_to("../shared/two.py")


def begin_anew(root: Path) -> None:
    git(root, "update-ref", "-d", "HEAD")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "again")
    git(root, "reset", "--quiet", "--hard", "other")


CHANGES: dict[str, Callable[[Path], object]] = {
    "edited, of equal size and time": edit_with_equal_size_and_time,
    "replaced, of equal size and time": replace_with_equal_size_and_time,
    "file added": lambda root: write(root, {"app/late.py": "import sqlalchemy\n"}),
    "package added": lambda root: write(root, {"app/late/__init__.py": "import sqlalchemy\n"}),
    "file added to a package": lambda root: write(root, {"app/heavy/__init__.py": "import sqlalchemy\n"}),
    "file deleted": lambda root: (root / "app/heavy.py").unlink(),
    "package deleted": lambda root: shutil.rmtree(root / "app/nested"),
    "file renamed": lambda root: (root / "app/heavy.py").rename(root / "app/light.py"),
    "folder became a file": turn_folder_into_file,
    "file became a folder": turn_file_into_folder,
    "link leads elsewhere": lead_link_elsewhere,
    "file behind a link": lambda root: write(root, {"shared/one.py": "import sqlalchemy\n"}),
    "manifest edited": lambda root: write(root, {"Procfile": "web: uvicorn app.main:app --workers 2\n"}),
    "manifest deleted": lambda root: (root / "requirements.txt").unlink(),
    "manifest added": lambda root: write(root, {"render.yaml": RENDER}),
    "settings added": lambda root: write(root, {"memguard.toml": 'limit = "1GiB"\n'}),
    "settings added to pyproject": lambda root: write(root, {"pyproject.toml": '[tool.memguard]\nlimit = "1GiB"\n'}),
    "settings that are wrong": lambda root: write(root, {"memguard.toml": "limit = 1\n"}),
    "branch checked out": lambda root: git(root, "checkout", "--quiet", "--force", "other"),
    "branch switched, files kept": lambda root: git(root, "symbolic-ref", "HEAD", "refs/heads/other"),
    "commit checked out": lambda root: git(root, "update-ref", "--no-deref", "HEAD", "other"),
    "branch moved": lambda root: git(root, "update-ref", "refs/heads/main", "other"),
    "commit replaced": lambda root: git(root, "replace", "main", "other"),
    "commit replaced, in packed references": both(lambda root: git(root, "replace", "main", "other"), pack),
    "repository made anew": begin_anew,
    "repository gone": lambda root: shutil.rmtree(root / ".git"),
}


@pytest.mark.usefixtures("age")
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(run: Runner, root: Path, name: str) -> None:
    before = run.kept(root)
    assert before.said == run.afresh(root).said
    CHANGES[name](root)
    after = run(root)
    assert not after.is_replayed
    assert after.said == run.afresh(root).said != before.said


# What changes nothing


def touch(root: Path) -> None:
    for path in (root / "app/api.py", root / "Procfile", root / "app"):
        os.utime(path)


def write_the_same(root: Path) -> None:
    for name in ("app/api.py", "app/main.py", "Procfile"):
        (root / name).unlink()
        write(root, {name: FILES[name]})


SAME: dict[str, Callable[[Path], object]] = {
    "touched": touch,
    "written again": write_the_same,
    "a file of no matter": lambda root: write(root, {"notes.md": "more\n", "docs/pages/2026/more.md": "more\n"}),
    "rights": lambda root: (root / "app/api.py").chmod(0o755),
    "references packed": lambda root: git(root, "pack-refs", "--all"),
    "objects packed": lambda root: git(root, "gc", "--quiet"),
    "staged": lambda root: git(root, "add", "--all"),
    "a branch made": lambda root: git(root, "branch", "third"),
    "an equal branch": lambda root: git(root, "switch", "--quiet", "--create", "third"),
}


@pytest.mark.usefixtures("age")
@pytest.mark.parametrize("name", SAME)
def test_what_is_of_no_matter_changes_nothing(run: Runner, root: Path, name: str) -> None:
    before = run.kept(root)
    SAME[name](root)
    assert run(root) == before
    assert run(root) == before
    assert before.said == run.afresh(root).said


def test_files_that_were_young_are_looked_at_once(run: Runner, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their content decides once; what is written down then lets a look decide."""
    run.kept(root)
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10 * SETTLED)
    assert run(root).is_replayed
    for path in root.rglob("*.py"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0)
            path.chmod(0o644)  # its look is another now
    opened: list[str] = []
    real = os.open

    def note(path: str, flags: int) -> int:
        opened.append(path)
        return real(path, flags)

    monkeypatch.setattr(os, "open", note)
    assert run(root).is_replayed
    assert opened
    monkeypatch.setattr(time, "time_ns", lambda: now() + 20 * SETTLED)
    assert run(root).is_replayed
    opened.clear()
    assert run(root).is_replayed
    assert opened == []


# Commits


def commit(root: Path, *arguments: str) -> None:
    git(root, "commit", "--quiet", "--message", "more", *arguments)


def commit_new(root: Path, *arguments: str) -> None:
    git(root, "add", "--all")
    commit(root, *arguments)


COMMITS: dict[str, Callable[[Path], object]] = {
    "all": commit_new,
    "one file": lambda root: commit(root, "app/heavy.py"),
    "amended": lambda root: commit_new(root, "--amend"),
    "in packed references": both(pack, both(commit_new, pack)),
    "on a detached head": both(lambda root: git(root, "checkout", "--quiet", "--detach"), commit_new),
    "as first of its branch": both(lambda root: git(root, "checkout", "--quiet", "--orphan", "new"), commit_new),
    "with others": both(lambda root: write(root, {"docs/pages/2026/more.md": "more\n"}), commit_new),
    "and packed": both(commit_new, lambda root: git(root, "gc", "--quiet")),
    "twice": both(commit_new, lambda root: commit(root, "--allow-empty")),
}
"""Commits that hold just what stands in the work tree."""


@pytest.mark.usefixtures("age")
@pytest.mark.parametrize("name", COMMITS)
def test_a_commit_of_what_was_seen_is_none_anew(run: Runner, root: Path, name: str) -> None:
    before = run.kept(root)
    assert "this commit +" in before.output
    COMMITS[name](root)
    after = run(root)
    assert after.is_replayed
    assert "this commit" not in after.output
    assert after.said == run.afresh(root).said
    assert run(root) == after


def test_a_repository_of_sha_256(run: Runner, tmp_path: Path) -> None:
    root = make(tmp_path / "project", "sha256")
    assert run.kept(root).said == run.afresh(root).said
    commit_new(root)
    after = run(root)
    assert after.is_replayed
    assert after.said == run.afresh(root).said
    stage(root, {"app/heavy.py": "import torch\n"})
    after = run(root)
    assert not after.is_replayed
    assert after.said == run.afresh(root).said


@pytest.mark.parametrize("name", ["nothing", "other files", "a file that no service loads"])
def test_commits_of_what_does_not_matter(run: Runner, root: Path, name: str) -> None:
    commit(root, "--all")
    before = run.kept(root)
    for number in range(2):
        if name == "nothing":
            commit(root, "--allow-empty")
        else:
            write(root, {"notes.md" if name == "other files" else "shared/two.py": f"import b{number}\n"})
            commit(root, "--all")
        assert run(root) == before
    assert before.said == run.afresh(root).said


def stage(root: Path, files: dict[str, str]) -> None:
    """Commit files in another way than the work tree has them."""
    before = {name: (root / name).read_text(encoding="utf-8") for name in files if (root / name).exists()}
    write(root, files)
    git(root, "add", *files)
    for name in files:
        if name in before:
            write(root, {name: before[name]})
        else:
            (root / name).unlink()
    commit(root)


def commit_link(root: Path, target: str) -> None:
    (root / "app/linked.py").unlink()
    (root / "app/linked.py").symlink_to(target)
    git(root, "add", "app/linked.py")
    commit(root)
    (root / "app/linked.py").unlink()
    (root / "app/linked.py").symlink_to("../shared/one.py")


OTHER_COMMITS: dict[str, Callable[[Path], object]] = {
    "another content": lambda root: stage(root, {"app/heavy.py": "import torch\n"}),
    "a file more": lambda root: stage(root, {"app/late.py": "import torch\n"}),
    "a package more": both(
        lambda root: stage(root, {"app/late/__init__.py": "import torch\n"}), lambda root: (root / "app/late").rmdir()
    ),
    "a service more": lambda root: stage(root, {"Procfile": f"{FILES['Procfile']}worker: celery -A app.main worker\n"}),
    "another content behind a link": lambda root: stage(root, {"shared/one.py": "import torch\n"}),
    "another link": lambda root: commit_link(root, "../shared/two.py"),
    "a link that leads out": lambda root: commit_link(root, "../../out.py"),
    "some of what has changed": both(
        lambda root: write(root, {"app/api.py": "import boto3\n"}), lambda root: commit(root, "app/heavy.py")
    ),
    "a file renamed": both(lambda root: git(root, "mv", "app/api.py", "app/apis.py"), commit),
    "a service less": both(lambda root: git(root, "rm", "--quiet", "--cached", "Procfile"), commit),
}
"""Commits that hold something else than the work tree."""


@pytest.mark.parametrize("name", OTHER_COMMITS)
def test_a_commit_of_something_else_is_compared(run: Runner, root: Path, name: str) -> None:
    run.kept(root)
    OTHER_COMMITS[name](root)
    after = run(root)
    assert after.said == run.afresh(root).said
    assert not after.is_replayed


OF_OTHERS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda root: commit(root, "--allow-empty", "--only"),
    "another file": lambda root: commit_only(root, {"notes.md": "more\n"}),
    "a file that no service loads": lambda root: commit_only(root, {"shared/two.py": "import torch\n"}),
    "a file deeper": lambda root: commit_only(root, {"docs/pages/2026/notes.md": "more\n"}),
    "another file twice": both(
        lambda root: commit_only(root, {"notes.md": "one\n"}), lambda root: commit_only(root, {"notes.md": "two\n"})
    ),
    "another file, packed": both(
        lambda root: commit_only(root, {"notes.md": "more\n"}), lambda root: git(root, "gc", "--quiet")
    ),
    "another file, on a detached head": both(
        lambda root: git(root, "checkout", "--quiet", "--detach"), lambda root: commit_only(root, {"notes.md": "more\n"})
    ),
    "nothing, amended": lambda root: commit(root, "--amend", "--allow-empty", "--only"),
}
"""Commits of what nothing hangs on, while what was judged is not committed."""


def commit_only(root: Path, files: dict[str, str]) -> None:
    write(root, files)
    commit(root, "--only", "--", *files)


@pytest.mark.usefixtures("age")
@pytest.mark.parametrize("name", OF_OTHERS)
def test_a_commit_of_others_leaves_what_was_said(run: Runner, root: Path, name: str) -> None:
    git(root, "add", "--all")
    before = run.kept(root)
    assert "this commit +" in before.output
    OF_OTHERS[name](root)
    after = run(root)
    assert after == before
    assert after.said == run.afresh(root).said
    assert run(root) == before
    stage(root, {"app/heavy.py": "import torch\n"})
    last = run(root)
    assert not last.is_replayed
    assert last.said == run.afresh(root).said != before.said


def test_a_commit_that_stands_for_another_counts(run: Runner, root: Path) -> None:
    """Git reads what replaces an object, in whatever file it keeps the name."""
    kept = run.kept(root)
    git(root, "replace", "main", "other")
    after = run(root)
    assert not after.is_replayed
    assert after.said == run.afresh(root).said != kept.said
    git(root, "pack-refs", "--all")
    assert run(root).said == after.said


def test_what_was_committed_last_is_read_without_git(run: Runner, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(root, "add", "--all")
    kept = run.kept(root)
    commit_only(root, {"notes.md": "more\n"})
    monkeypatch.setattr(os, "posix_spawn", None)
    assert run(root) == kept
    commit_new(root)
    assert run(root).is_replayed
    assert run.afresh(root).said == run(root).said


def test_what_is_behind_a_linked_folder_counts(run: Runner, root: Path) -> None:
    write(
        root, {"Procfile": "web: gunicorn -c conf/gunicorn.conf.py app.api:app\n", "real/gunicorn.conf.py": "workers = 2\n"}
    )
    (root / "conf").symlink_to("real")
    git(root, "add", "--all")
    commit(root)
    kept = run.kept(root)
    stage(root, {"real/gunicorn.conf.py": "workers = 4\n"})
    after = run(root)
    assert not after.is_replayed
    assert after.said == run.afresh(root).said != kept.said


# Options, folders and variables


@pytest.mark.parametrize("arguments", [
    pytest.param([], id="one line"),
    pytest.param(["--format", "json"], id="json"),
    pytest.param(["--limit", "60MiB"], id="finding"),
    pytest.param(["--entrypoint", "app.main:app", "--target-python", "3.12"], id="options"),
])  # fmt: skip
def test_the_same_bytes_and_status(run: Runner, root: Path, arguments: list[str]) -> None:
    said = run.kept(root, *arguments)
    assert said.said == run.afresh(root, *arguments).said
    assert said.status == int("60MiB" in arguments)
    assert bool(said.errors) is bool(said.status)


def said_in(root: Path) -> list[Path]:
    return sorted((root / ".git/memguard" / FOLDER).glob("*"))


def test_other_options_have_an_answer_of_their_own(run: Runner, root: Path) -> None:
    plain = run.kept(root)
    limited = run.kept(root, "--limit", "60MiB")
    assert limited.output != plain.output
    assert run(root) == plain
    assert len(said_in(root)) == 2


@pytest.mark.parametrize(("main", "names"), [
    pytest.param(hook.main, ["requirements.txt", "app/heavy.py", "Procfile"], id="memguard hook"),
    pytest.param(pin_litellm.main, ["requirements.txt"], id="pin-litellm"),
    pytest.param(deploy_config.main, [], id="deploy-config"),
    pytest.param(check_here, [], id="memguard check"),
])  # fmt: skip
def test_each_hook_says_the_same_again(run: Runner, root: Path, main: Main, names: list[str]) -> None:
    for text in ("fastapi==0.115.6\n", "litellm\n", "litellm==1.69.3\n"):
        write(root, {"requirements.txt": text})
        assert run.kept(root, *names, main=main).said == run.afresh(root, *names, main=main).said
    commit(root, "--all")
    assert run(root, *names, main=main).is_replayed


def test_files_that_options_name_count(run: Runner, root: Path) -> None:
    baseline = '{"schema": 1, "findings": [], "services": []}\n'
    write(root, {"conf/own.toml": 'limit = "60MiB"\n', "conf/known.json": baseline})
    options = ("--config", "conf/own.toml", "--baseline", "conf/known.json")
    before = run.kept(root, *options)
    assert before.status == 1
    write(root, {"conf/own.toml": 'limit = "2GiB"\n'})
    after = run.kept(root, *options)
    assert after.status == 0
    write(root, {"conf/known.json": baseline.replace("1", "2")})
    assert run(root, *options).status == 2
    (root / "conf/known.json").unlink()
    assert "no such baseline" in run(root, *options).errors


def test_a_baseline_that_is_written_counts(run: Runner, root: Path) -> None:
    write(root, {"requirements.txt": "litellm\n"})
    assert run.kept(root, main=check_here).status == 1
    assert run(root, "--write-baseline", main=check_here).status == 0
    known = run.kept(root, main=check_here)
    assert known.status == 0
    assert known.said == run.afresh(root, main=check_here).said


def test_a_dockerfile_that_copies_the_whole_folder(run: Runner, root: Path) -> None:
    (root / "Procfile").unlink()
    write(
        root,
        {"Dockerfile": 'FROM python:3.12\nCOPY . .\nRUN pip install -r requirements.txt\nCMD ["python", "-m", "app.api"]\n'},
    )
    before = run.kept(root)
    write(root, {"notes.md": "more\n"})
    assert run(root) == before
    write(root, {"app/api.py": "import torch\n"})
    assert run.kept(root).said == run.afresh(root).said != before.said


def test_names_beyond_ascii(run: Runner, root: Path) -> None:
    write(root, {"דוחות.py": "import pandas (\n", "app/late.py": "import דוחות\n"})
    said = run.kept(root)
    assert said.said == run.afresh(root).said
    assert "דוחות.py:1: skipped: " in said.errors


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are no UTF-8")
def test_names_that_are_no_text(run: Runner, root: Path) -> None:
    (root / os.fsdecode(b"app/\xff\t\n.py")).write_text("import torch\n", encoding="utf-8")
    said = run.kept(root, main=check_here)
    assert said.said == run.afresh(root, main=check_here).said


def test_the_store_is_where_it_is_named(run: Runner, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = run.kept(root)
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "there"))
    assert run.kept(root) == kept
    monkeypatch.setenv(store.VARIABLE, "")
    assert not run(root).is_replayed
    assert not run(root).is_replayed


def test_another_repository_for_git_than_its_folder_shows(
    run: Runner, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = run.kept(root)
    other = make(tmp_path / "other")
    git(other, "symbolic-ref", "HEAD", "refs/heads/other")
    with monkeypatch.context() as patch:
        patch.setenv("GIT_DIR", str(other / ".git"))
        patch.setenv("GIT_WORK_TREE", str(root))
        said = run(root)
        assert not said.is_replayed
        assert said.said == run.afresh(root).said != kept.said
    # As git tells its hooks.
    monkeypatch.setenv("GIT_DIR", str(root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index")
    assert run(root) == kept


def test_a_work_tree_beside_the_main_one(run: Runner, root: Path) -> None:
    beside = root.with_name("beside")
    git(root, "worktree", "add", "--quiet", str(beside), "other")
    kept, main = run.kept(beside), run.kept(root)
    assert kept.output != main.output
    assert said_in(beside) == []
    assert len(said_in(root)) == 2
    git(beside, "reset", "--quiet", "--soft", "main")
    after = run(beside)
    assert not after.is_replayed
    assert after.said == run.afresh(beside).said != kept.said
    assert run(root) == main
    commit(beside, "--all")
    assert run(beside).is_replayed
    assert run(root) == main


def test_a_submodule(run: Runner, root: Path, tmp_path: Path) -> None:
    around = tmp_path / "around"
    around.mkdir()
    git(around, "init", "--quiet")
    git(around, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", root.as_uri(), "inner")
    inner = around / "inner"
    write(inner, {"app/heavy.py": "import pandas\n"})
    kept = run.kept(inner)
    assert "this commit +" in kept.output
    commit(inner, "--all")
    after = run(inner)
    assert after.is_replayed
    assert after.said == run.afresh(inner).said
    write(around, {"Procfile": "web: python main.py\n", "main.py": "import pandas\n"})
    git(around, "add", "--all")
    commit(around)
    assert run.kept(around).said == run.afresh(around).said


def test_a_folder_below_the_top(run: Runner, root: Path) -> None:
    write(root / "app", {"Procfile": "w: python api.py\n"})
    kept = run.kept(root / "app")
    assert kept.said == run.afresh(root / "app").said
    write(root, {"app/api.py": "import sqlalchemy\n"})
    assert run.kept(root / "app").output != kept.output
    git(root, "add", "--all")
    commit(root)
    after = run(root / "app")
    assert after.is_replayed
    assert after.said == run.afresh(root / "app").said


# Anything


@pytest.mark.parametrize("seed", range(4))
def test_after_any_change_it_says_what_an_empty_store_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """`python tools/fuzz_replay.py` tries more of them."""
    monkeypatch.delenv(store.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    found = fuzz_replay.run(tmp_path / "project", seed, 10)
    assert found.differing == ()
    assert found.replayed


# What is never kept


def test_settings_at_fault_are_not_kept(run: Runner, root: Path) -> None:
    write(root, {"memguard.toml": "limit = 1\n"})
    for _ in range(2):
        said = run(root)
        assert (said.status, said.is_replayed) == (2, False)
    assert said_in(root) == []


def test_what_leads_out_is_kept_and_not_looked_at(run: Runner, root: Path, tmp_path: Path) -> None:
    write(root, {"app/main.py": "from app import linked\n"})
    (root / "app/linked.py").unlink()
    (root / "app/linked.py").symlink_to("../../outside.py")
    kept = run.kept(root)
    assert "leads out of the repository" in kept.errors
    write(tmp_path, {"outside.py": "import torch\n"})
    assert run(root) == kept
    assert kept.said == run.afresh(root).said


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs an owner whom modes stop")
def test_what_cannot_be_read_is_not_kept(run: Runner, root: Path) -> None:
    (root / "app/heavy.py").chmod(0)
    for _ in range(2):
        assert not run(root).is_replayed


def test_a_file_from_the_future_counts_by_its_content(run: Runner, root: Path) -> None:
    later = time.time() + 86_400
    os.utime(root / "app/api.py", (later, later))
    kept = run.kept(root)
    before = (root / "app/api.py").stat()
    write(root, {"app/api.py": "import requests\n"})
    os.utime(root / "app/api.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run.kept(root).said == run.afresh(root).said != kept.said


@pytest.mark.parametrize("is_repository", [pytest.param(False, id="no repository"), pytest.param(True, id="no commit")])
def test_nothing_is_kept_without_a_commit(
    run: Runner, root: Path, monkeypatch: pytest.MonkeyPatch, *, is_repository: bool
) -> None:
    shutil.rmtree(root / ".git")
    if is_repository:
        git(root, "init", "--quiet")
    there = root.with_name("there")
    monkeypatch.setenv(store.VARIABLE, str(there))
    for _ in range(2):
        said = run(root)
        assert not said.is_replayed
        assert "this commit" not in said.output
    assert not list(there.rglob(f"{FOLDER}/*"))


def test_a_clone_that_lacks_objects_is_not_kept(run: Runner, root: Path, tmp_path: Path) -> None:
    """They may be there the next time, and are never fetched."""
    git(root, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{root}", str(clone))
    write(clone, FILES)
    for _ in range(2):
        said = run(clone)
        assert not said.is_replayed
        assert said.output == "web: 99 of 512 MiB (default)\n"
    assert said_in(clone) == []
    assert git(clone, "rev-list", "--objects", "--missing=print", "HEAD").count("?") > 1


def test_an_answer_without_git_is_not_kept(run: Runner, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be asked the next time, and has more to say then."""
    git(root, "gc", "--quiet")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        for _ in range(2):
            said = run(root)
            assert not said.is_replayed
            assert "this commit" not in said.output
    assert "this commit +" in run.kept(root).output


# Answers that were damaged


@pytest.mark.parametrize("damage", [
    pytest.param(lambda content: b"", id="empty"),  # noqa: ARG005 - as the others
    pytest.param(lambda content: content[:-1], id="truncated"),
    pytest.param(lambda content: content[: len(content) // 2], id="half"),
    pytest.param(lambda content: content[:-5] + b"X" + content[-4:], id="a letter"),
    pytest.param(lambda content: content + b"more", id="more"),
])  # fmt: skip
def test_a_damaged_answer_is_made_anew(run: Runner, root: Path, damage: Callable[[bytes], bytes]) -> None:
    kept = run.kept(root)
    (path,) = said_in(root)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    said = run(root)
    assert (said.said, said.is_replayed) == (kept.said, False)
    assert run(root) == kept


@pytest.mark.parametrize("content", [
    pytest.param(b"", id="nothing"),
    pytest.param(b"another form\n", id="another form"),
    pytest.param(b"any 0 0 0 0 0 0 0 0\0", id="too few numbers"),
    pytest.param(b"any 0 0 0 0 0 0 0 9 9\0\0text", id="too few rows"),
    pytest.param(b"any 0 0 0 0 0 0 0 1 0\0no row\0", id="no row"),
    pytest.param(b"any 0 0 0 0 0 0 0 1 0\x001 2 3\t\tname\0", id="no look"),
    pytest.param(b"any 0 0 0 0 0 0 0 -1 0\0", id="less than no rows"),
    pytest.param(b"\xff" * 40 + b" 0 9 5\n", id="no text"),
])  # fmt: skip
def test_an_answer_of_another_form_is_made_anew(run: Runner, root: Path, content: bytes) -> None:
    kept = run.kept(root)
    (path,) = said_in(root)
    assert store.write_whole(str(path), content)
    said = run(root)
    assert (said.said, said.is_replayed) == (kept.said, False)
    assert run(root) == kept


def test_a_folder_in_the_place_of_an_answer(run: Runner, root: Path) -> None:
    kept = run.kept(root)
    (path,) = said_in(root)
    path.unlink()
    (path / "inside").mkdir(parents=True)
    for _ in range(2):
        said = run(root)
        assert (said.said, said.is_replayed) == (kept.said, False)
    assert said_in(root) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_an_answer(run: Runner, root: Path) -> None:
    kept = run.kept(root)
    (path,) = said_in(root)
    path.unlink()
    os.mkfifo(path)
    said = run(root)
    assert (said.said, said.is_replayed) == (kept.said, False)
    assert run(root) == kept


def test_a_folder_that_cannot_be_written(run: Runner, root: Path) -> None:
    kept = run.kept(root)
    folder = said_in(root)[0].parent
    shutil.rmtree(folder)
    folder.write_text("a file\n", encoding="utf-8")
    for _ in range(2):
        said = run(root)
        assert (said.said, said.is_replayed) == (kept.said, False)


def test_the_answers_are_bounded(run: Runner, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MAX_KEPT", 12)
    for number in range(24):
        run(root, "--limit", f"{1000 + number}MiB")
    assert 6 <= len(said_in(root)) <= 12
    assert run(root, "--limit", f"{1000 + number}MiB").is_replayed


# The code that answers

LOADED = """\
import sys

before = set(sys.modules)
sys.path += sys.argv[1].split("|")
from memguard_hooks.__main__ import main

status = main(sys.argv[2:])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
raise SystemExit(status)
"""

LIGHT = {"memguard_hooks", *(f"memguard_hooks.{name}" for name in (
    "__main__", "commands", "commands.hook", "errors", "git", "output", "record", "replay", "store", "tree",
))}  # fmt: skip
"""Our modules that tell what was kept."""

OF_PYTHON = {"__future__", "errno", "genericpath", "os", "os.path", "posixpath", "stat", "struct", "zlib"}
"""What they load besides modules that are part of the interpreter, or next to it: `zlib` only after a commit."""


def test_an_answer_that_was_kept_is_told_by_next_to_nothing(root: Path, checkout: Path) -> None:
    packages = [str(checkout), *(one for one in sys.path if one.endswith("-packages"))]
    command = [sys.executable, "-I", "-S", "-c", LOADED, "|".join(packages), "hook", "requirements.txt", "app/heavy.py"]

    def modules() -> set[str]:
        done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 1
        return {name for name in done.stderr.splitlines()[-1].split() if not name.startswith("_") or name == "__future__"}

    assert {"memguard_hooks.hooks.running", "memguard_hooks.project.project"} <= modules()
    assert modules() - OF_PYTHON == LIGHT
    commit(root, "--all")
    assert modules() - OF_PYTHON == LIGHT


COPIED = "from memguard_hooks.hooks.memory_budget import main; raise SystemExit(main([]))"


def copy_package(checkout: Path, package: Path) -> None:
    """Copy the code with its bytecode, but for what is being written."""
    shutil.copytree(checkout / "memguard_hooks", package, ignore=shutil.ignore_patterns("*.pyc.*"))


@pytest.mark.parametrize("folder", ["checkout", "lib/site-packages"])
@pytest.mark.parametrize(("name", "before", "after"), [
    pytest.param("finding.py", '"""What rules say:', '"""What any rule says:', id="code"),
    pytest.param("catalog/data/pandas.json", "\n", "\n\n", id="figures"),
])  # fmt: skip
def test_another_version_of_the_code_is_seen(
    root: Path, tmp_path: Path, checkout: Path, folder: str, name: str, before: str, after: str
) -> None:
    place = tmp_path / folder
    package = place / "memguard_hooks"
    copy_package(checkout, package)
    time.sleep(SETTLED / 1e9)  # the front door believes the look of no younger code

    def run() -> tuple[bytes, bool]:
        command = [sys.executable, "-X", "importtime", "-c", COPIED]
        environment = {**os.environ, "PYTHONPATH": str(place)}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True)
        return done.stdout, b"memguard_hooks.hooks.running" not in done.stderr

    first, again = run(), run()
    assert (first[1], again) == (False, (first[0], True))
    if folder != "checkout":  # as pip does it
        shutil.rmtree(package)
        copy_package(checkout, package)
    path = package / name
    path.write_text(path.read_text(encoding="utf-8").replace(before, after, 1), encoding="utf-8")
    assert run() == (first[0], False)
