"""A change in all kinds of repositories, and what their settings and the environment would have git run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from folders import commit, git, write

FILES = {
    "Procfile": "web: gunicorn main:app\n",
    "main.py": "import litellm\n",
    "requirements.txt": "litellm==1.69.3\n",
    "apart/jobs.py": "import json\n",
}
CHANGED = {"main.py": "import torch\nimport litellm\n"}

TRAP = "#!/bin/sh\ntouch '{mark}'\n{rest}"
"""A program that leaves a mark where it ran."""


class Checked(NamedTuple):
    """What a run of `memguard check` ended with: its status, its report where there is one, and what it said beside."""

    status: int
    report: dict[str, list[dict[str, object]]]
    errors: str

    @property
    def found(self) -> list[tuple[object, object]]:
        """The places and codes of the findings."""
        return [(one["path"], one["code"]) for one in self.report["findings"]]


Check = Callable[..., Checked]


@pytest.fixture
def check(checkout: Path) -> Check:
    """Return what checks a repository as a user does, in a process of its own."""

    def run(root: Path, revision: str = "HEAD", **environment: str) -> Checked:
        command = [sys.executable, "-m", "memguard_hooks", "check", "--format", "json", "--changed-from", revision]
        around = {**os.environ, "PYTHONPATH": str(checkout), **environment}
        done = subprocess.run(command, cwd=root, env=around, capture_output=True, encoding="utf-8", check=False)
        assert "Traceback" not in done.stderr
        return Checked(done.returncode, json.loads(done.stdout or "{}"), done.stderr)

    return run


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Return a repository of two commits that gives away parts of itself."""
    root = tmp_path / "origin"
    commit(root, {**FILES, "notes.md": "first\n"}, "first")
    commit(root, {"notes.md": "second\n"}, "second")
    git(root, "config", "uploadpack.allowFilter", "true")
    return root


def clone(origin: Path, *options: str) -> Path:
    """Return a clone beside a repository."""
    root = origin.with_name("clone")
    git(origin.parent, "clone", "--quiet", *options, origin.as_uri(), str(root))
    return root


def plain(origin: Path) -> Path:
    """Return the repository itself."""
    return origin


def worktree(origin: Path) -> Path:
    """Return a work tree beside the main one."""
    git(origin, "worktree", "add", "--quiet", "-b", "side", "../side tree")
    return origin.with_name("side tree")


def submodule(origin: Path) -> Path:
    """Return a repository that lies in another."""
    around = origin.with_name("around")
    around.mkdir()
    git(around, "init", "--quiet")
    git(around, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", origin.as_uri(), "inner")
    return around / "inner"


def sha256(origin: Path) -> Path:
    """Return a repository whose objects have longer names."""
    root = origin.with_name("sha256")
    root.mkdir()
    git(root, "init", "--quiet", "--object-format=sha256")
    commit(root, FILES)
    return root


def shallow(origin: Path) -> Path:
    """Return a clone without history."""
    return clone(origin, "--depth=1")


def sparse(origin: Path) -> Path:
    """Return a clone without one of its folders."""
    root = clone(origin)
    git(root, "sparse-checkout", "set", "--sparse-index", "docs")
    assert not (root / "apart").exists()
    return root


def partial(origin: Path) -> Path:
    """Return a clone that lacks old contents, and cannot get them any more."""
    root = clone(origin, "--filter=blob:none")
    git(root, "remote", "set-url", "origin", "file:///nonexistent")
    return root


def crlf(origin: Path) -> Path:
    """Return a clone whose files end their lines as Windows does."""
    root = clone(origin, "--config=core.autocrlf=true")
    assert b"\r\n" in (root / "requirements.txt").read_bytes()
    return root


def packed(origin: Path) -> Path:
    """Return a repository without loose objects and references."""
    git(origin, "gc", "--quiet")
    return origin


def of_bare(origin: Path) -> Path:
    """Return a work tree inside of a repository that has none of its own."""
    bare = origin.with_name("bare.git")
    git(origin.parent, "clone", "-q", "--bare", str(origin), str(bare))
    git(bare, "worktree", "add", "-q", "tree")
    return bare / "tree"


KINDS = (plain, worktree, submodule, sha256, shallow, sparse, partial, crlf, packed, of_bare)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.__name__) for kind in KINDS])
def test_each_kind_of_repository_tells_a_change(origin: Path, check: Check, kind: Callable[[Path], Path]) -> None:
    root = kind(origin)
    for path in root.rglob("*.*"):  # looks changed, and has the same content
        if path.is_file() and ".git" not in path.relative_to(root).parts:
            os.utime(path, (1, 1))
    before = check(root)
    assert (before.status, before.found) == (0, [])
    write(root, CHANGED)
    after = check(root)
    assert after.status == 1
    assert ("main.py", "MG201") in after.found or ("main.py", "MG203") in after.found
    assert {path for path, _ in after.found} <= {"main.py", "Procfile"}


def test_what_a_sparse_checkout_leaves_out_is_not_known_to_fit(origin: Path, check: Check) -> None:
    write(
        origin, {"apart/__init__.py": "", "apart/heavy.py": "import torch\n", "near/__init__.py": "", "near/deep/a.py": ""}
    )
    write(origin, {"main.py": "import apart.heavy\nimport near.deep.a\n", "Procfile": "web: python main.py\n"})
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--no-verify", "--message=apart")
    root = clone(origin)
    assert "not known" not in check(root).errors
    git(root, "sparse-checkout", "set", "--no-cone", "/*", "!/apart/", "!/near/deep/")
    assert not (root / "apart").exists()
    told = check(root).errors
    for path in ("apart", "near/deep"):
        assert f"{path}: skipped: is left out of this checkout, which is sparse: what it imports is not known\n" in told


def test_a_commit_that_a_clone_does_not_have_is_one_line(origin: Path, check: Check) -> None:
    told = check(shallow(origin), "HEAD~1")
    assert told.status == 2
    assert told.errors == (
        ".: error: git knows no commit 'HEAD~1' here: fetch it first (`git fetch`, or `fetch-depth: 0`)\n"
    )


# What git might run


def trap(path: Path, mark: Path, rest: str = "cat") -> str:
    """Write a program that leaves a mark, and return its path."""
    path.write_text(TRAP.format(mark=mark, rest=rest), encoding="utf-8")
    path.chmod(0o755)
    return str(path)


SETTINGS = (
    "alias.cat-file", "alias.diff-index", "core.alternateRefsCommand", "core.askPass", "core.editor", "core.fsmonitor",
    "core.gitProxy", "core.pager", "core.sshCommand", "credential.helper", "diff.external", "diff.x.command",
    "diff.x.textconv", "filter.x.clean", "filter.x.process", "filter.x.smudge", "gpg.program", "merge.x.driver",
    "pager.cat-file", "pager.diff", "remote.origin.uploadpack", "trailer.x.command", "uploadpack.packObjectsHook",
)  # fmt: skip
"""Settings of a repository that name programs."""


@pytest.mark.parametrize("form", ["config", "include", "environment"])
def test_no_setting_of_git_runs_a_program(origin: Path, tmp_path: Path, check: Check, form: str) -> None:
    mark = tmp_path / "mark"
    program = trap(tmp_path / "trap.sh", mark)
    commit(origin, {".gitattributes": "* filter=x diff=x merge=x\n"})
    rows: dict[str, str] = {**dict.fromkeys(SETTINGS, program), "filter.x.required": "true", "core.hooksPath": str(tmp_path)}
    for name in ("post-index-change", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        trap(tmp_path / name, mark)
    rows |= {name: f"!{program}" for name in rows if name.startswith("alias.")}
    environment: Mapping[str, str] = {}
    write(origin, CHANGED)
    if form == "environment":
        pairs = list(enumerate(rows.items()))
        environment = {
            f"GIT_CONFIG_{kind}_{at}": one for at, row in pairs for kind, one in zip(("KEY", "VALUE"), row, strict=True)
        }
        environment = {**environment, "GIT_CONFIG_COUNT": str(len(rows))}
    else:
        where = tmp_path / "more" if form == "include" else origin / ".git" / "config"
        for name, value in rows.items():
            git(origin, "config", "--file", str(where), name, value)
        if form == "include":
            git(origin, "config", "include.path", str(where))
    subprocess.run(["git", "status"], cwd=origin, env={**os.environ, **environment}, capture_output=True, check=False)
    assert mark.exists(), "git itself falls into the trap"
    mark.unlink()
    assert check(origin, **environment).status == 1
    assert not mark.exists()


VARIABLES = (
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
)


def test_no_variable_of_git_runs_a_program_or_writes_a_file(origin: Path, tmp_path: Path, check: Check) -> None:
    mark = tmp_path / "mark"
    program = trap(tmp_path / "git-cat-file", mark)
    environment = dict.fromkeys(VARIABLES, program)
    traces = ("GIT_TRACE", "GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE_PACKET", "GIT_TRACE_SETUP")
    environment |= {name: str(mark) for name in traces} | {"GIT_EXEC_PATH": str(tmp_path)}
    write(origin, CHANGED)
    subprocess.run(["git", "diff"], cwd=origin, env={**os.environ, **environment}, capture_output=True, check=False)
    assert mark.exists(), "git itself falls into the trap"
    mark.unlink()
    assert check(origin, **environment).status == 1
    assert not mark.exists()


def test_no_repository_that_a_commit_holds_is_asked(origin: Path, check: Check) -> None:
    """Git takes a folder with `HEAD`, `objects` and `refs` for one, and what it says of commits would hide a change."""
    folder = origin / "app"
    write(folder, FILES)
    commit(origin)
    write(folder, CHANGED)
    assert check(folder).found
    git(folder, "init", "-q", "--bare", ".")
    git(folder, "config", "core.bare", "false")
    git(folder, "config", "core.worktree", str(folder))
    git(folder, "--git-dir=.", "add", "main.py")
    git(folder, "--git-dir=.", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a")
    found = check(folder)
    assert found.status == 2
    assert "looks like a repository of its own to git" in found.errors


@pytest.mark.parametrize("path", [".", "", "{root}", "bin", "{root}/bin", "{linked}"])
def test_no_git_of_the_project_is_run(origin: Path, tmp_path: Path, check: Check, path: str) -> None:
    mark, linked = tmp_path / "mark", tmp_path / "linked"
    (origin / "bin").mkdir()
    linked.symlink_to(origin / "bin")
    for folder in (origin, origin / "bin"):
        trap(folder / "git", mark)
    write(origin, CHANGED)
    first = path.format(root=origin, linked=linked)
    assert check(origin, PATH=os.pathsep.join((first, os.environ["PATH"]))).status == 1
    assert not mark.exists()


@pytest.mark.parametrize(("arguments", "index"), [
    pytest.param(["main.py"], "next-index", id="of-files"),
    pytest.param(["--all"], "index.lock", id="of-all"),
    pytest.param(["--amend", "--all", "--no-edit"], "index.lock", id="amended"),
])  # fmt: skip
def test_a_commit_of_files_is_judged_in_its_hook(
    origin: Path, tmp_path: Path, checkout: Path, arguments: list[str], index: str
) -> None:
    """For a commit of files git makes an index of its own, and names it to the hook."""
    said = tmp_path / "said"
    hook = origin / ".git" / "hooks" / "pre-commit"
    hook.write_text(
        f"#!/bin/sh\nexport PYTHONPATH='{checkout}'\necho $GIT_INDEX_FILE >'{said}'\n"
        f"exec '{sys.executable}' -m memguard_hooks hook main.py requirements.txt >>'{said}' 2>&1\n",
        encoding="utf-8",
    )
    hook.chmod(0o755)
    write(origin, {**CHANGED, "requirements.txt": "litellm==1.69.3\ntorch==2.8.0\n"})
    before = git(origin, "rev-parse", "HEAD")
    command = ["git", "commit", "--quiet", "--message=more", *arguments]
    done = subprocess.run(command, cwd=origin, capture_output=True, check=False)
    assert done.returncode == 1, "the hook refuses it"
    assert git(origin, "rev-parse", "HEAD") == before
    first, output = said.read_text(encoding="utf-8").split("\n", 1)
    assert index in first
    assert "main.py:1:1: MG20" in output
    assert "error" in output.splitlines()[-1]
    assert "Traceback" not in output
