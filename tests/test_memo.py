"""What memory-budget said is said again while nothing has changed, and never once something has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import memguard_hooks
from memguard_hooks import cache_folder
from memguard_hooks.memo import FOLDER, MAX_KEPT, Memo

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
}
"""An app whose `app.late` is not there, and whose last commit lacks the import of pandas; `app.linked` is a link."""


RENDER = """\
services:
  - {type: web, name: api, runtime: python, plan: standard, startCommand: uvicorn app.main:app}
"""


class Said(NamedTuple):
    """What one run said, and whether it was said again without a look at the project."""

    output: bytes
    errors: bytes
    status: int
    is_recalled: bool


class Code(NamedTuple):
    """A copy of the package, and what a process is told so that it runs it."""

    folder: Path
    environment: dict[str, str]

    def run(self, root: Path, *arguments: str, **environment: str) -> Said:
        """Run the hook in a process that lists what it loads."""
        variables = {**os.environ, **self.environment, **environment}
        command = [sys.executable, "-X", "importtime", "-m", "memguard_hooks.hooks.memory_budget", *arguments]
        done = subprocess.run(command, cwd=root, env=variables, capture_output=True, check=False)
        lines = done.stderr.splitlines(keepends=True)
        loaded = {line.rpartition(b"|")[2].strip() for line in lines if line.startswith(b"import time:")}
        assert b"memguard_hooks.memo" in loaded
        errors = b"".join(line for line in lines if not line.startswith(b"import time:"))
        is_recalled = not loaded & {
            b"memguard_hooks.hooks.running",
            b"memguard_hooks.project.project",
            b"argparse",
            b"yaml",
            b"subprocess",
        }
        return Said(done.stdout, errors, done.returncode, is_recalled)

    def run_afresh(self, root: Path, *arguments: str, **environment: str) -> Said:
        """Run the hook with another cache, where it has said nothing yet."""
        other = self.folder / "cache"
        shutil.rmtree(other / cache_folder.FOLDER / FOLDER, ignore_errors=True)
        said = self.run(root, *arguments, **{**environment, cache_folder.VARIABLE: str(other)})
        assert not said.is_recalled
        return said

    def run_until_kept(self, root: Path, *arguments: str, **environment: str) -> Said:
        """Run the hook until its files are old enough for an answer to be kept, and return that answer."""
        for _ in range(200):
            said = self.run(root, *arguments, **environment)
            if said.is_recalled:
                return said
        raise AssertionError(said)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def make(root: Path) -> Path:
    """Make the app: on `main` without pandas in the commit, on `other` with sqlalchemy too."""
    write(root, FILES)
    (root / "app/linked.py").symlink_to("../shared/one.py")
    git(root, "init", "--quiet", "--initial-branch=main")
    for branch, heavy in (("other", "import pandas\nimport sqlalchemy\n"), ("main", "import json\n")):
        write(root, {"app/heavy.py": heavy})
        git(root, "checkout", "--quiet", "--orphan", branch)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", branch)
    write(root, {"app/heavy.py": FILES["app/heavy.py"]})
    return root


# The changes, each of which changes what is to be said


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


def commit_all(root: Path) -> None:
    git(root, "commit", "--quiet", "--all", "--message", "more")


def amend(root: Path) -> None:
    git(root, "commit", "--quiet", "--all", "--amend", "--no-edit")


def commit_after_packing(root: Path) -> None:
    git(root, "pack-refs", "--all")
    commit_all(root)
    git(root, "pack-refs", "--all")
    assert not (root / ".git/refs/heads/main").exists()


def begin_anew(root: Path) -> None:
    shutil.rmtree(root / ".git")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "again")


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
    "manifest added": lambda root: write(root, {"render.yaml": RENDER}),
    "settings added": lambda root: write(root, {"memguard.toml": 'limit = "1GiB"\n'}),
    "settings added to pyproject": lambda root: write(root, {"pyproject.toml": '[tool.memguard]\nlimit = "1GiB"\n'}),
    "settings that are wrong": lambda root: write(root, {"memguard.toml": "limit = 1\n"}),
    "commit": commit_all,
    "commit amended": amend,
    "commit in packed references": commit_after_packing,
    "branch checked out": lambda root: git(root, "checkout", "--quiet", "--force", "other"),
    "branch switched, files kept": lambda root: git(root, "symbolic-ref", "HEAD", "refs/heads/other"),
    "commit checked out": lambda root: git(root, "update-ref", "--no-deref", "HEAD", "other"),
    "branch moved": lambda root: git(root, "update-ref", "refs/heads/main", "other"),
    "commit replaced": lambda root: git(root, "replace", "main", "other"),
    "repository made anew": begin_anew,
    "repository gone": lambda root: shutil.rmtree(root / ".git"),
}  # fmt: skip


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Code:
    """Return a copy of the package that nobody edits meanwhile."""
    folder = tmp_path_factory.mktemp("code")
    package = Path(memguard_hooks.__file__).parent
    shutil.copytree(package, folder / "memguard_hooks", ignore=shutil.ignore_patterns("__pycache__"))
    return Code(folder, {"PYTHONPATH": str(folder)})


@pytest.fixture(scope="module")
def roots(code: Code, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return repositories that were all made before the first of them is used, so that they grow old together.

    Their files were analyzed, once for all.
    """
    folder = tmp_path_factory.mktemp("repositories")
    first, *others = [make(folder / str(number) / "project") for number in range(70)]
    code.run(first)
    for other in others:
        shutil.copytree(first / ".git/memguard", other / ".git/memguard", ignore=shutil.ignore_patterns(FOLDER))
    return iter(others)


@pytest.fixture
def root(roots: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(cache_folder.VARIABLE, raising=False)
    return next(roots)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(code: Code, root: Path, name: str) -> None:
    before = code.run_until_kept(root)
    assert before[:3] == code.run_afresh(root)[:3]
    CHANGES[name](root)
    after = code.run(root)
    assert not after.is_recalled
    assert after[:3] == code.run_afresh(root)[:3]
    assert after[:3] != before[:3]


def said_in(root: Path) -> list[Path]:
    return sorted((root / ".git/memguard/said").glob("*"))


@pytest.mark.parametrize("arguments", [
    pytest.param([], id="one line"),
    pytest.param(["--format", "json"], id="json"),
    pytest.param(["--limit", "60MiB"], id="finding"),
    pytest.param(["--entrypoint", "app.main:app", "--target-python", "3.12"], id="options"),
])  # fmt: skip
def test_the_same_bytes_and_status(code: Code, root: Path, arguments: list[str]) -> None:
    said = code.run_until_kept(root, *arguments)
    assert said[:3] == code.run_afresh(root, *arguments)[:3]
    assert said.status == int("60MiB" in arguments)
    assert bool(said.errors) is bool(said.status)


def test_other_options_have_an_answer_of_their_own(code: Code, root: Path) -> None:
    plain = code.run_until_kept(root)
    limited = code.run(root, "--limit", "60MiB")
    assert not limited.is_recalled
    assert limited.output != plain.output
    assert code.run_until_kept(root, "--limit", "60MiB")[:3] == limited[:3]
    assert code.run(root) == plain
    assert len(said_in(root)) == 2


def test_names_beyond_ascii(code: Code, root: Path) -> None:
    write(root, {"דוחות.py": "import pandas (\n", "app/late.py": "import דוחות\n"})
    said = code.run_until_kept(root)
    assert said[:3] == code.run_afresh(root)[:3]
    assert "דוחות.py:1: skipped: ".encode() in said.errors


def test_the_cache_is_where_it_is_named(code: Code, root: Path, tmp_path: Path) -> None:
    kept = code.run_until_kept(root)
    there = str(tmp_path / "there")
    assert not code.run(root, MEMGUARD_CACHE_DIR=there).is_recalled
    assert code.run(root, MEMGUARD_CACHE_DIR=there) == kept
    assert not code.run(root, MEMGUARD_CACHE_DIR="").is_recalled
    assert not code.run(root, MEMGUARD_CACHE_DIR="").is_recalled


def test_another_repository_for_git_than_its_folder_shows(code: Code, root: Path, tmp_path: Path) -> None:
    kept = code.run_until_kept(root)
    other = make(tmp_path / "other")
    git(other, "symbolic-ref", "HEAD", "refs/heads/other")
    environment = {"GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(root)}
    said = code.run(root, **environment)
    assert not said.is_recalled
    assert said[:3] == code.run_afresh(root, **environment)[:3] != kept[:3]
    assert code.run(root, GIT_DIR=str(root / ".git"), GIT_INDEX_FILE=".git/next-index") == kept


def test_a_work_tree_beside_the_main_one(code: Code, root: Path) -> None:
    beside = root.with_name("beside")
    git(root, "worktree", "add", "--quiet", str(beside), "other")
    kept, main = code.run_until_kept(beside), code.run_until_kept(root)
    assert kept.output != main.output
    assert said_in(beside) == []
    assert len(said_in(root)) == 2
    git(beside, "reset", "--quiet", "--soft", "main")
    after = code.run(beside)
    assert not after.is_recalled
    assert after[:3] == code.run_afresh(beside)[:3] != kept[:3]
    assert code.run(root) == main


def test_a_folder_below_the_top(code: Code, root: Path) -> None:
    write(root / "app", {"Procfile": "w: python api.py\n"})
    kept = code.run_until_kept(root / "app")
    assert kept[:3] == code.run_afresh(root / "app")[:3]
    write(root, {"app/api.py": "import sqlalchemy\n"})
    assert code.run(root / "app").output != kept.output


# What is never kept


@pytest.mark.parametrize(("files", "status"), [
    pytest.param({"memguard.toml": "limit = 1\n"}, 2, id="settings at fault"),
    pytest.param({"Procfile": "web: uvicorn app.nothing:app\nx: python\n", "app/linked.py": None}, 0, id="leads out"),
])  # fmt: skip
def test_what_is_at_fault_or_cannot_be_read_is_not_kept(
    code: Code, root: Path, files: dict[str, str | None], status: int
) -> None:
    for name, text in files.items():
        if text is None:
            (root / name).unlink()
            (root / name).symlink_to("/etc/hostname")
            (root / "app/main.py").write_text("from app import linked\n", encoding="utf-8")
            (root / "Procfile").write_text("web: uvicorn app.main:app\n", encoding="utf-8")
        else:
            write(root, {name: text})
    other = make(root.with_name("other"))
    code.run_until_kept(other)
    said = code.run(root)
    assert (said.status, said.is_recalled) == (status, False)
    assert said_in(root) == []


def test_a_file_as_young_as_the_run_is_not_kept(code: Code, root: Path) -> None:
    later = time.time() + 86_400
    os.utime(root / "app/api.py", (later, later))
    code.run_until_kept(make(root.with_name("other")))
    assert not code.run(root).is_recalled
    assert said_in(root) == []


@pytest.mark.parametrize("is_repository", [pytest.param(False, id="no repository"), pytest.param(True, id="no commit")])
def test_nothing_is_kept_without_a_commit(code: Code, root: Path, *, is_repository: bool) -> None:
    shutil.rmtree(root / ".git")
    if is_repository:
        git(root, "init", "--quiet")
    there = root.with_name("there")
    code.run_until_kept(make(root.with_name("other")))
    for _ in range(2):
        said = code.run(root, MEMGUARD_CACHE_DIR=str(there))
        assert not said.is_recalled
        assert b"this commit" not in said.output
    assert not list(there.rglob("said/*"))


def test_a_clone_that_lacks_objects_is_not_kept(code: Code, root: Path) -> None:
    git(root, "config", "extensions.partialClone", "origin")
    git(root, "config", "remote.origin.promisor", "true")
    code.run_until_kept(make(root.with_name("other")))
    assert not code.run(root).is_recalled
    assert said_in(root) == []


# Answers that were damaged


@pytest.mark.parametrize("damage", [
    pytest.param(lambda content: b"", id="empty"),  # noqa: ARG005 - as the others
    pytest.param(lambda content: content[:-1], id="truncated"),
    pytest.param(lambda content: content[: len(content) // 2], id="half"),
    pytest.param(lambda content: content[:-5] + b"X" + content[-4:], id="a letter"),
    pytest.param(lambda content: content + b"more", id="more"),
])  # fmt: skip
def test_a_damaged_answer_is_made_anew(code: Code, root: Path, damage: Callable[[bytes], bytes]) -> None:
    kept = code.run_until_kept(root)
    (path,) = said_in(root)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    said = code.run(root)
    assert (said[:3], said.is_recalled) == (kept[:3], False)
    assert path.read_bytes() == whole
    assert code.run(root) == kept


@pytest.mark.parametrize("content", [
    pytest.param(b"", id="nothing"),
    pytest.param(b"another form\n", id="another form"),
    pytest.param(b"a b c d\n", id="no numbers"),
    pytest.param(b"\xff" * 40 + b" 0 9 5\n", id="too few lines"),
])  # fmt: skip
def test_an_answer_of_another_form_is_made_anew(code: Code, root: Path, content: bytes) -> None:
    kept = code.run_until_kept(root)
    (path,) = said_in(root)
    assert cache_folder.write_whole(str(path), content)
    said = code.run(root)
    assert (said[:3], said.is_recalled) == (kept[:3], False)
    assert code.run(root) == kept


def test_a_folder_in_the_place_of_an_answer(code: Code, root: Path) -> None:
    kept = code.run_until_kept(root)
    (path,) = said_in(root)
    path.unlink()
    (path / "inside").mkdir(parents=True)
    for _ in range(2):
        said = code.run(root)
        assert (said[:3], said.is_recalled) == (kept[:3], False)
    assert said_in(root) == [path]


def test_a_folder_that_cannot_be_written(code: Code, root: Path) -> None:
    kept = code.run_until_kept(root)
    folder = said_in(root)[0].parent
    shutil.rmtree(folder)
    folder.write_text("a file\n", encoding="utf-8")
    said = code.run(root)
    assert (said[:3], said.is_recalled) == (kept[:3], False)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs an owner whom modes stop")
def test_an_answer_that_cannot_be_read(code: Code, root: Path) -> None:
    kept = code.run_until_kept(root)
    (path,) = said_in(root)
    path.chmod(0)
    said = code.run(root)
    assert (said[:3], said.is_recalled) == (kept[:3], False)


def test_the_answers_are_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    for number in range(2 * MAX_KEPT):
        memo = Memo("memory-budget", [str(number)])
        memo._started = time.time_ns() + 10**10
        memo.keep({}, 0, "", "")
    assert MAX_KEPT // 2 <= len(said_in(root)) <= MAX_KEPT


# The code that answers


@pytest.mark.parametrize("folder", ["checkout", "lib/site-packages"])
def test_another_version_of_the_code_is_seen(code: Code, root: Path, tmp_path: Path, folder: str) -> None:
    own = Code(tmp_path / folder, {"PYTHONPATH": str(tmp_path / folder)})
    package = own.folder / "memguard_hooks"
    shutil.copytree(code.folder / "memguard_hooks", package)
    kept = own.run_until_kept(root)
    if folder != "checkout":  # as pip does it
        shutil.rmtree(package)
        shutil.copytree(code.folder / "memguard_hooks", package)
    path = package / "finding.py"
    path.write_text(path.read_text(encoding="utf-8").replace(" of {", " out of {"), encoding="utf-8")
    said = own.run(root)
    assert not said.is_recalled
    assert said.output == kept.output.replace(b" of ", b" out of ") != kept.output


def test_other_figures_in_a_checkout_are_seen(code: Code, root: Path, tmp_path: Path) -> None:
    own = Code(tmp_path / "checkout", {"PYTHONPATH": str(tmp_path / "checkout")})
    shutil.copytree(code.folder / "memguard_hooks", own.folder / "memguard_hooks")
    assert own.run_until_kept(root).is_recalled
    path = own.folder / "memguard_hooks/catalog/data/pandas.json"
    path.write_bytes(path.read_bytes() + b"\n")
    assert not own.run(root).is_recalled
