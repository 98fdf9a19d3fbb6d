"""The composite action: its schema, and its steps run by bash in the order of the file, as a runner would.

What stands in for the runner here knows `inputs.NAME`, `steps.ID.outputs.NAME`, `github.…`, strings, `||` and `!=` in
expressions, reads `GITHUB_OUTPUT` and the commands in a log, and refuses anything else. The actions of GitHub that ours
uses are not run: the cache is copied to and from a folder by its keys.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from folders import commit, git, write
from machine import copy_files

from memguard_hooks.commands import init

ACTION = "action.yml"

BASE = {
    "Procfile": "web: uvicorn main:app --workers 1\n",
    "requirements.txt": "fastapi==0.121.0\nlitellm>=1.30\npandas==2.2.3\nuvicorn==0.38.0\n",
    "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\ndef ask():\n    import litellm\n\n    return litellm\n",
}
"""A service with one old error, the pin of litellm."""

CHANGED = {"main.py": f"import pandas\n{BASE['main.py']}\nprint(pandas)\n"}
"""What a pull request adds: an eager import."""


class Command(NamedTuple):
    """A command to the runner in a log, with its properties."""

    name: str
    properties: Mapping[str, str]
    message: str


class Job(NamedTuple):
    """What the runner has after the action: exit status, outputs, the log, the summary, and the cache's keys."""

    code: int
    outputs: Mapping[str, str]
    log: str
    summary: str
    commands: tuple[Command, ...]
    restored: str | None
    saved: str | None


def evaluate(text: str, context: Mapping[str, Any]) -> str:
    """Replace the expressions in a text by their values."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(value_of(match[1].strip(), context)), text)


def value_of(expression: str, context: Mapping[str, Any]) -> str | bool:
    if "||" in expression:
        return next((found for one in expression.split("||") if (found := value_of(one.strip(), context))), "")
    if "!=" in expression:
        left, _, right = expression.partition("!=")
        return value_of(left.strip(), context) != value_of(right.strip(), context)
    if re.fullmatch(r"'[^']*'", expression):
        return expression[1:-1]
    assert re.fullmatch(r"(inputs|steps|github)(\.[A-Za-z0-9_-]+)+", expression), f"not known to this test: {expression}"
    value: Any = context
    for name in expression.split("."):
        value = value.get(name, {}) if isinstance(value, dict) else {}
    return str(value or "")


def read_outputs(path: Path) -> dict[str, str]:
    """Read what a step has set; a line that is no `name=value` fails, as it does on a runner."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        assert equals, line
        assert re.fullmatch(r"[\w-]+", name), line
        found[name] = value
    return found


def read_commands(log: str) -> tuple[Command, ...]:
    """Return the commands in a log that a runner obeys."""
    found: list[Command] = []
    stopped: str | None = None
    for line in log.splitlines():
        match = re.fullmatch(r"\s*::([a-zA-Z0-9-]+)(?: ([^:]*))?::(.*)", line)
        if stopped is not None:
            stopped = None if line.strip() == f"::{stopped}::" else stopped
        elif match and match[1] == "stop-commands":
            stopped = match[3]
        elif match:
            pairs = (pair.partition("=") for pair in (match[2] or "").split(",") if pair)
            found.append(Command(match[1], {name: _plain(value) for name, _, value in pairs}, _plain(match[3])))
    assert stopped is None, "commands are read again at the end"
    return tuple(found)


def _plain(text: str) -> str:
    for code, character in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


class Runner:
    """A machine with the action on it; `installed` are the outputs of a step of installation that was run before."""

    def __init__(self, action: Path, temporary: Path, installed: Mapping[str, str] | None = None) -> None:
        self.action = action
        self.temporary = temporary
        self.installed = installed
        self.caches: dict[str, Path] = {}
        self.steps: dict[str, dict[str, dict[str, str]]] = {}

    def run(self, workspace: Path, variables: Mapping[str, str] | None = None, **inputs: str) -> Job:
        """Run all steps in a work tree; later steps do not run once one has failed."""
        document = yaml.safe_load((self.action / ACTION).read_text(encoding="utf-8"))
        names = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert names.keys() <= document["inputs"].keys()
        given = {name: names.get(name, one["default"]) for name, one in document["inputs"].items()}
        self.steps = {}
        context = {"inputs": given, "steps": self.steps, "github": {"sha": git(workspace, "rev-parse", "HEAD")}}
        summary = self.temporary / "summary.md"
        summary.write_text("", encoding="utf-8")
        log, code, restored, saved = "", 0, None, None
        for step in document["runs"]["steps"]:
            if "if" in step and evaluate(step["if"], context) != "True":
                continue
            fields = {name: evaluate(str(value), context) for name, value in step.get("with", {}).items()}
            if step["id" if "id" in step else "name"] == "install" and self.installed is not None:
                folder = self.temporary / f"memguard-{len(os.listdir(self.temporary))}"
                folder.mkdir()
                cache = self.temporary / "memguard-cache"
                cache.mkdir(exist_ok=True)
                self.steps["install"] = {"outputs": {**self.installed, "folder": str(folder), "cache": str(cache)}}
            elif "run" in step:
                done, outputs = self.bash(step, context, workspace, summary, variables or {})
                log += done.stdout
                code = done.returncode
                self.steps[step.get("id", "")] = {"outputs": outputs}
                if code:
                    break
            elif step["uses"].startswith("actions/cache/restore@"):
                restored = self.restore(fields)
                self.steps[step["id"]] = {"outputs": {"cache-hit": "true" if restored == fields["key"] else ""}}
            elif step["uses"].startswith("actions/cache/save@"):
                saved = fields["key"]
                self.caches[saved] = self.temporary / f"saved-{len(self.caches)}"
                shutil.copytree(fields["path"], self.caches[saved])
            else:
                pytest.fail(f"not known to this test: {step['uses']}")
        outputs = {name: evaluate(one["value"], context) for name, one in document["outputs"].items()}
        text = summary.read_text(encoding="utf-8")
        return Job(code, outputs, log, text, read_commands(log), restored, saved)

    def bash(
        self, step: Mapping[str, Any], context: Mapping[str, Any], workspace: Path, summary: Path,
        variables: Mapping[str, str],
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:  # fmt: skip
        """Run a script as `shell: bash` means it."""
        assert step["shell"] == "bash"
        script, outputs = self.temporary / "script.sh", self.temporary / "outputs.txt"
        script.write_text(step["run"], encoding="utf-8")
        outputs.write_text("", encoding="utf-8")
        environment = {
            **os.environ,
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_BASE_REF": "",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_ARCH": "X64",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temporary),
            **variables,
            **{name: evaluate(str(value), context) for name, value in step.get("env", {}).items()},
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=workspace, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
        )  # fmt: skip
        return done, read_outputs(outputs)

    def restore(self, fields: Mapping[str, str]) -> str | None:
        """Fill the cache's folder from the entry of the key, or the newest of its beginning."""
        found = [key for key in self.caches if key == fields["key"] or key.startswith(fields["restore-keys"])]
        if found:
            shutil.copytree(self.caches[found[-1]], fields["path"], dirs_exist_ok=True)
        return found[-1] if found else None


# The machine and the repository


@pytest.fixture(scope="module")
def action(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the action as a runner has it: the files of the repository alone."""
    root = tmp_path_factory.mktemp("actions") / "memguard hooks"
    copy_files(checkout, root)
    return root


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with a branch `main` and what GitHub makes of a pull request."""
    root = tmp_path_factory.mktemp("origin")
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, BASE)
    git(root, "switch", "--quiet", "--create=feature")
    commit(root, CHANGED)
    git(root, "switch", "--quiet", "main")
    commit(root, {"README.md": "main has moved on\n"})
    git(root, "switch", "--quiet", "--detach")
    git(root, "merge", "--quiet", "--no-ff", "--no-edit", "feature")
    git(root, "update-ref", "refs/pull/1/merge", "HEAD")
    git(root, "switch", "--quiet", "main")
    return root


def checkout_of(origin: Path, workspace: Path, reference: str, depth: int = 0) -> Path:
    """Make a work tree as `actions/checkout` does: all branches, or one commit alone."""
    workspace.mkdir(parents=True)
    git(workspace, "init", "--quiet")
    git(workspace, "remote", "add", "origin", origin.as_uri())
    branches = ("--depth=1",) if depth else ("+refs/heads/*:refs/remotes/origin/*",)
    git(workspace, "fetch", "--quiet", "--no-tags", "origin", *branches, f"+{reference}:refs/remotes/checked/out")
    git(workspace, "checkout", "--quiet", "--detach", "refs/remotes/checked/out")
    return workspace


PULL_REQUEST = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_BASE_REF": "main"}


class Pulled(NamedTuple):
    """The action on a pull request: the machine, the work tree, and what came of it."""

    runner: Runner
    workspace: Path
    job: Job


@pytest.fixture(scope="module")
def pulled(action: Path, origin: Path, tmp_path_factory: pytest.TempPathFactory, hook_tools: None) -> Pulled:  # noqa: ARG001 - versions
    """Run every step of the action on a pull request, with what would mislead a Python that is not isolated."""
    root = tmp_path_factory.mktemp("runner")
    (root / "temporary folder").mkdir()
    runner = Runner(action, root / "temporary folder")
    workspace = checkout_of(origin, root / "work" / "app", "refs/pull/1/merge")
    for name in ("venv.py", "pip.py", "json.py", "memguard_hooks.py", "shlex.py"):
        (workspace / name).write_text("raise SystemExit('code of the project was run')\n", encoding="utf-8")
    job = runner.run(workspace, {**PULL_REQUEST, "PYTHONPATH": str(workspace)})
    for name in ("venv.py", "pip.py", "json.py", "memguard_hooks.py", "shlex.py"):
        (workspace / name).unlink()
    return Pulled(runner, workspace, job)


@pytest.fixture
def run(pulled: Pulled, action: Path, tmp_path: Path) -> Callable[..., Job]:
    """Return what runs the action on another machine, where memguard is installed already."""
    runner = Runner(action, tmp_path, pulled.runner.steps["install"]["outputs"])
    return runner.run


def findings(job: Job) -> list[tuple[str, int, str]]:
    with open(job.outputs["json-file"], encoding="utf-8") as file:
        return [(one["path"], one["line"], one["code"]) for one in json.load(file)["findings"]]


# Tests


def test_pull_request_is_judged_by_what_it_changes(pulled: Pulled) -> None:
    job = pulled.job
    assert findings(job) == [("main.py", 1, "MG201")], job.log
    assert (job.code, job.outputs["status"], job.outputs["errors"], job.outputs["warnings"]) == (1, "1", "1", "0"), job.log


def test_findings_are_annotations(pulled: Pulled) -> None:
    (one,) = pulled.job.commands
    assert one.name == "error"
    assert (one.properties["file"], one.properties["line"]) == ("main.py", "1")
    assert "pandas is loaded at start" in one.message


def test_summary_tells_what_the_branch_adds(pulled: Pulled) -> None:
    assert "pandas" in pulled.job.summary
    assert "main.py:1" in pulled.job.summary
    assert "origin/main" in pulled.job.summary


def test_reports_are_written_for_the_steps_that_follow(pulled: Pulled) -> None:
    outputs = pulled.job.outputs
    with open(outputs["sarif-file"], encoding="utf-8") as file:
        sarif = json.load(file)
    assert sarif["version"] == "2.1.0"
    assert [one["ruleId"] for one in sarif["runs"][0]["results"]] == ["MG201"]
    assert Path(outputs["html-file"]).read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert all(Path(outputs[name]).parent.parent == pulled.runner.temporary for name in outputs if name.endswith("-file"))


def test_work_tree_and_environment_of_the_project_stay_as_they_are(pulled: Pulled) -> None:
    assert git(pulled.workspace, "status", "--porcelain", "--ignored") == ""


def test_command_line_and_hook_find_the_same(pulled: Pulled) -> None:
    def start(*arguments: str) -> dict[str, Any]:
        command = (sys.executable, "-m", "memguard_hooks", *arguments, "--format=json")
        done = subprocess.run(command, cwd=pulled.workspace, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 1, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    with open(pulled.job.outputs["json-file"], encoding="utf-8") as file:
        written = json.load(file)
    assert start("check", "--changed-from=origin/main") == written
    changed = git(pulled.workspace, "diff", "--name-only", "origin/main").splitlines()
    assert start("hook", *changed)["findings"] == written["findings"]


def test_push_judges_the_whole_project(run: Callable[..., Job], origin: Path, tmp_path: Path) -> None:
    job = run(checkout_of(origin, tmp_path / "work" / "app", "refs/pull/1/merge"))
    assert [code for _, _, code in findings(job)] == ["MG201", "MG101"], job.log
    assert (job.code, job.outputs["errors"]) == (1, "2")


def test_base_is_what_the_input_names(run: Callable[..., Job], origin: Path, tmp_path: Path) -> None:
    workspace = checkout_of(origin, tmp_path / "work" / "app", "refs/pull/1/merge")
    assert findings(run(workspace, changed_from="origin/main")) == [("main.py", 1, "MG201")]
    assert len(findings(run(workspace, PULL_REQUEST, changed_from="none"))) == 2
    missing = run(workspace, changed_from="origin/gone")
    assert missing.code == 2
    assert "git knows no commit 'origin/gone'" in missing.log


def test_shallow_checkout_is_said_and_judged_as_a_whole(run: Callable[..., Job], origin: Path, tmp_path: Path) -> None:
    job = run(checkout_of(origin, tmp_path / "work" / "app", "refs/pull/1/merge", depth=1), PULL_REQUEST)
    assert [one.name for one in job.commands] == ["warning", "error", "error"]
    assert "fetch-depth: 0" in job.commands[0].message
    assert len(findings(job)) == 2


def test_work_tree_of_another_user_is_read(run: Callable[..., Job], origin: Path, tmp_path: Path) -> None:
    workspace = checkout_of(origin, tmp_path / "work" / "app", "refs/pull/1/merge")
    job = run(workspace, {**PULL_REQUEST, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})  # as in a container
    assert findings(job) == [("main.py", 1, "MG201")], job.log


def test_inputs_choose_what_fails_and_what_is_written(run: Callable[..., Job], origin: Path, tmp_path: Path) -> None:
    workspace = checkout_of(origin, tmp_path / "work" / "app", "refs/pull/1/merge")
    assert run(workspace, fail_on="never").code == 0
    selected = run(workspace, select="MG1", html="false", args="--platform 'render-free' --target-python=3.12")
    assert [code for _, _, code in findings(selected)] == ["MG101"], selected.log
    assert selected.outputs["html-file"] == ""
    assert run(workspace, ignore="MG1,MG2").code == 0
    assert run(workspace, args="--platform 'not closed").code != 0


def test_input_at_fault_is_told_and_keeps_the_reports(run: Callable[..., Job], origin: Path, tmp_path: Path) -> None:
    workspace = checkout_of(origin, tmp_path / "work" / "app", "refs/heads/main")
    write(workspace, {"memguard.toml": "platfrom = 'render-free'\n"})
    job = run(workspace)
    assert (job.code, job.outputs["status"]) == (2, "2")
    assert any(one.name == "error" and "exit status 2" in one.message for one in job.commands)
    assert "did you mean 'platform'" in job.log
    assert findings(job) == []


INPUTS = ("path", "changed_from", "fail_on", "select", "ignore", "args", "format", "html")


@pytest.mark.parametrize("value", ["$(touch owned)", "`touch owned`", '"; touch owned; "', "x\ntouch owned\n", "-x"])
def test_inputs_are_never_run(run: Callable[..., Job], origin: Path, tmp_path: Path, value: str) -> None:
    workspace = checkout_of(origin, tmp_path / "work" / "app", "refs/heads/main")
    job = run(workspace, **dict.fromkeys(INPUTS, value))
    assert not (workspace / "owned").exists()
    assert (job.code, job.outputs["status"]) == (2, "2"), job.log
    for name in INPUTS:
        if name not in ("path", "html"):
            assert run(workspace, **{"html": "false", name: value}).code == 2
    assert not (workspace / "owned").exists()


def test_names_of_files_are_no_commands(run: Callable[..., Job], origin: Path, tmp_path: Path) -> None:
    workspace = checkout_of(origin, tmp_path / "work" / "app", "refs/heads/main")
    write(workspace, {"::error::evil.py": "import pandas\ndef broken(:\n", "::add-mask::x.py": "import pandas\n"})
    write(workspace, {"memguard.toml": 'scope = "all"\n'})
    annotated = run(workspace)
    assert r"\x3a:error::evil.py:2: skipped" in annotated.log
    assert {one.name for one in annotated.commands} <= {"error", "warning", "notice"}
    assert {one.properties["file"] for one in annotated.commands} >= {"::add-mask::x.py", "requirements.txt"}
    assert run(workspace, format="text").commands == ()


def test_cache_is_kept_by_commit_and_taken_from_the_last_one(
    pulled: Pulled, action: Path, origin: Path, tmp_path: Path
) -> None:
    installed = pulled.runner.steps["install"]["outputs"]
    runner = Runner(action, tmp_path, installed)
    workspace = checkout_of(origin, tmp_path / "work" / "app", "refs/heads/main")
    first = runner.run(workspace)
    assert first.restored is None
    assert first.saved == f"{installed['key']}{git(workspace, 'rev-parse', 'HEAD')}"
    assert any(path.is_file() for path in runner.caches[first.saved].rglob("*"))
    commit(workspace, {"notes.txt": "another commit\n"})
    shutil.rmtree(tmp_path / "memguard-cache")  # another machine
    second = runner.run(workspace)
    assert second.restored == first.saved
    assert second.saved == f"{installed['key']}{git(workspace, 'rev-parse', 'HEAD')}"
    third = runner.run(workspace)
    assert (third.restored, third.saved) == (second.saved, None)
    assert findings(first) == findings(second) == findings(third)


def test_old_python_is_refused(action: Path, origin: Path, tmp_path: Path) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "python3").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (fake / "python3").chmod(0o755)
    (tmp_path / "temporary").mkdir()
    workspace = checkout_of(origin, tmp_path / "work" / "app", "refs/heads/main")
    job = Runner(action, tmp_path / "temporary").run(workspace, {"PATH": f"{fake}:{os.environ['PATH']}"})
    assert job.code == 2
    assert [one.message for one in job.commands] == ["memguard runs on Python 3.10 or later: set python-version"]


# The file


@pytest.fixture(scope="module")
def document(checkout: Path) -> dict[str, Any]:
    found = yaml.safe_load((checkout / ACTION).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_file_is_valid(checkout: Path) -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", ACTION)
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_expression_stands_in_a_script(document: dict[str, Any]) -> None:
    scripts = [step["run"] for step in document["runs"]["steps"] if "run" in step]
    assert len(scripts) == 4
    assert not [script for script in scripts if "${{" in script]


def test_other_actions_are_pinned_to_commits(document: dict[str, Any]) -> None:
    used = [step["uses"] for step in document["runs"]["steps"] if "uses" in step]
    used += re.findall(r"uses: (?!\{)(\S+)", init.WORKFLOW_TEXT)
    assert len(used) == 6
    assert not [name for name in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)]


def test_every_input_is_used_and_every_output_set(document: dict[str, Any]) -> None:
    text = yaml.safe_dump(document["runs"])
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(document["inputs"])
    assert set(re.findall(r"steps\.memguard\.outputs\.([\w-]+)", init.WORKFLOW_TEXT)) <= set(document["outputs"])


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_scripts_pass_shellcheck(document: dict[str, Any], tmp_path: Path) -> None:
    for number, step in enumerate(document["runs"]["steps"]):
        if "run" in step:
            names = " ".join(step.get("env", {}))
            (tmp_path / f"{number}.sh").write_text(f"export {names}\n{step['run']}", encoding="utf-8")
    scripts = sorted(map(str, tmp_path.iterdir()))
    command = ("shellcheck", "--shell=bash", "--severity=style", "--exclude=SC2153", *scripts)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# The comment on a pull request


class GitHub(ThreadingHTTPServer):
    """The comments of one pull request, as GitHub's API has them."""

    comments: list[dict[str, Any]]
    is_refusing: bool = False


class Handler(BaseHTTPRequestHandler):
    """Answers as the API does."""

    server: GitHub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """List the comments."""
        assert self.path == "/repos/me/app/issues/7/comments?per_page=100&page=1"
        self._answer(self.server.comments)

    def do_POST(self) -> None:
        """Add a comment."""
        assert self.path == "/repos/me/app/issues/7/comments"
        self.server.comments.append({"id": 40 + len(self.server.comments), "user": {"type": "Bot"}, **self._body()})
        self._answer({})

    def do_PATCH(self) -> None:
        """Change a comment."""
        number = int(self.path.removeprefix("/repos/me/app/issues/comments/"))
        next(one for one in self.server.comments if one["id"] == number).update(self._body())
        self._answer({})

    def _body(self) -> dict[str, str]:
        found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(found, dict)
        return found

    def _answer(self, value: object) -> None:
        assert self.headers["Authorization"] == "Bearer secret"
        self.send_response(403 if self.server.is_refusing else 200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())


@pytest.fixture
def github() -> Iterator[GitHub]:
    server = GitHub(("127.0.0.1", 0), Handler)
    server.comments = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_one_comment_holds_the_report_and_is_renewed(action: Path, tmp_path: Path, github: GitHub) -> None:
    """The step alone, with a report as the step before it leaves one."""
    step = next(
        one for one in yaml.safe_load((action / ACTION).read_text())["runs"]["steps"] if "Comment" in one.get("name", "")
    )
    outputs = {"python": sys.executable, "folder": str(tmp_path)}
    context = {"inputs": {"path": ".", "comment-token": "secret"}, "steps": {"install": {"outputs": outputs}}}
    address = f"http://127.0.0.1:{github.server_port}"
    variables = {"GITHUB_API_URL": address, "GITHUB_REPOSITORY": "me/app", "GITHUB_REF": "refs/pull/7/merge"}
    runner = Runner(action, tmp_path)

    def comment(report: str, **other: str) -> str:
        (tmp_path / "memguard.markdown").write_text(report, encoding="utf-8")
        done, _ = runner.bash(step, context, tmp_path, tmp_path / "summary.md", {**variables, **other})
        assert done.returncode == 0, done.stdout
        return done.stdout

    assert comment("# first\n") == ""
    stranger = {"id": 1, "user": {"type": "User"}, "body": github.comments[0]["body"]}
    github.comments.insert(0, dict(stranger))
    comment("# second\n")
    assert github.comments[0] == stranger, "what a person wrote is left alone"
    assert [one["body"].partition("\n")[2] for one in github.comments[1:]] == ["# second\n"]
    comment("# third\n", GITHUB_REF="refs/heads/main")
    assert len(github.comments) == 2, "a push is no pull request"
    github.is_refusing = True
    assert "no comment was written (403)" in comment("# fourth\n")
