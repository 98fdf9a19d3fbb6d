"""What a service took at the last commit is taken from the run that judged it, as long as the commit holds just that."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import pytest
from folders import commit, git, write

from memguard_hooks.app import service_estimate, work
from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.app.past import MAX_KEPT, Past
from memguard_hooks.app.service_estimate import Estimated
from memguard_hooks.deployment.service import Service
from memguard_hooks.finding import Skipped
from memguard_hooks.hooks import all_hooks, memory_budget
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import ServiceSettings, Settings
from memguard_hooks.store import Store
from memguard_hooks.tree import SETTLED, WorkTree

MODULES = 210
FILES = {
    "Procfile": "web: python app.py\n",
    "memguard.toml": '[budget]\ngrowth = "1MiB"\n',
    "requirements.txt": "pandas==2.2.3\nrequests==2.32.3\nflask==3.0.3\n",
    "app.py": "".join(f"import parts.part{number}\n" for number in range(MODULES)),
    **{f"parts/part{number}.py": f"import json\n\nPLACE = {number}\n" for number in range(MODULES)},
    "parts/__init__.py": "",
}
EDITS = ("import requests\n", "import pandas\n", "import flask\n", "", "def load():\n    import pandas\n\n\nload()\n")


@pytest.fixture
def estimated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The services that are estimated at a commit, each time that one is."""
    names: list[str] = []
    estimate = service_estimate._estimate_past

    def note(project: Project, service: Service, settings: ServiceSettings, sharing: Iterable[Service]) -> Past | None:
        names.append(service.name)
        return estimate(project, service, settings, sharing)

    monkeypatch.setattr(service_estimate, "_estimate_past", note)
    return names


def test_hooks_that_ask_what_a_service_takes_share_one_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"Procfile": "web: gunicorn -w 9 app:app\n", "app.py": "import pandas, missing_one\n"})
    started: list[str] = []
    estimate = service_estimate._estimate_start

    def note(project: Project, service: Service, settings: ServiceSettings) -> Estimated | Skipped:
        started.append(service.name)
        return estimate(project, service, settings)

    monkeypatch.setattr(service_estimate, "_estimate_start", note)
    report = all_hooks.check(Project(WorkTree(str(tmp_path)), Settings()))
    assert {"MG301", "MG401"} <= {one.code for one in report.findings}
    assert started == ["web"]


def test_hooks_that_ask_what_a_service_does_look_into_each_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"Procfile": "web: python app.py\n", "app.py": "import part\n", "part.py": "open('x').read()\n"})
    asked: list[str] = []
    ask = work.suspects

    def note(project: Project, entry: ServiceEntry, path: str, ran: Collection[str] | None = None) -> frozenset[Any]:
        asked.append(path)
        return ask(project, entry, path, ran)

    monkeypatch.setattr(work, "suspects", note)
    all_hooks.check(Project(WorkTree(str(tmp_path)), Settings()))
    assert sorted(asked) == ["app.py", "part.py"]


def judge(capsys: pytest.CaptureFixture[str]) -> str:
    memory_budget.main(["--fail-on=never"])
    return capsys.readouterr().out


def cold(root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Judge with an empty store, and put back the one that there was."""
    kept = root / ".git/memguard"
    shutil.move(kept, root / ".git/aside")
    found = judge(capsys)
    shutil.rmtree(kept)
    shutil.move(root / ".git/aside", kept)
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_commit_of_what_was_judged_is_not_estimated_again(
    project: Path, capsys: pytest.CaptureFixture[str], estimated: list[str]
) -> None:
    (project / "parts/part3.py").write_text("import pandas\n")
    judge(capsys)
    assert estimated == ["web"]  # the first commit was never judged
    commit(project)
    (project / "parts/part4.py").write_text("import requests\n")
    found = judge(capsys)
    assert estimated == ["web"]
    assert found == cold(project, capsys)
    assert "MG303" in found
    assert "requests" in found
    assert "pandas" not in found  # that is no news


def test_a_commit_that_many_changes_follow_is_estimated_once(
    project: Path, capsys: pytest.CaptureFixture[str], estimated: list[str]
) -> None:
    for number in range(MAX_KEPT + 2):
        (project / "parts/part3.py").write_text(f"import pandas\n# {number}\n")
        found = judge(capsys)
    assert estimated == ["web"]
    assert found == cold(project, capsys)
    assert "MG303" in found


def test_a_commit_of_something_else_is_estimated(
    project: Path, capsys: pytest.CaptureFixture[str], estimated: list[str]
) -> None:
    (project / "parts/part3.py").write_text("import pandas\n")
    judge(capsys)
    (project / "parts/part3.py").write_text("import flask\n")
    commit(project)
    (project / "parts/part4.py").write_text("import requests\n")
    found = judge(capsys)
    assert estimated == ["web", "web"]
    assert found == cold(project, capsys)


def test_other_settings_are_estimated_anew(project: Path, capsys: pytest.CaptureFixture[str], estimated: list[str]) -> None:
    (project / "parts/part3.py").write_text("import pandas\n")
    judge(capsys)
    commit(project)
    (project / "memguard.toml").write_text('[budget]\ngrowth = "1MiB"\nruntime = "20MiB"\n')
    found = judge(capsys)
    assert estimated == ["web", "web"]
    assert found == cold(project, capsys)


def test_the_next_run_reads_of_a_large_project_what_has_changed(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, read = time.time_ns, WorkTree._read
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10 * SETTLED)
    opened: list[str] = []

    def note(tree: WorkTree, path: str) -> bytes | None:
        opened.extend([path] * path.startswith("parts/part"))
        return read(tree, path)

    monkeypatch.setattr(WorkTree, "_read", note)
    # What a program imports itself is read for the folders that it puts on its path.
    commit(project, {"app.py": "import parts\n", "parts/__init__.py": FILES["app.py"]})
    judge(capsys)
    assert len(opened) == MODULES
    opened.clear()
    (project / "parts/part4.py").write_text("import pandas\n")
    found = judge(capsys)
    assert {*opened} == {"parts/part4.py"}
    assert found == cold(project, capsys)
    assert "MG303" in found


def test_a_row_that_somebody_else_has_written_counts_as_none(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(capsys)
    commit(project, {"parts/part3.py": "import pandas\n"})
    seen: list[str] = []
    get = Store.get
    for rows in (1, "x", [1], [[1, 2]], [[["web"], []]], [[[["web", [[1], True, {}]]], []]], [[[["web", 3]], []]],
                 [[[["web", [[[1, 2, 3, 4]] * 3, 1, {}]]], []]], [[[["web", [[["a"]] * 3, True, {}]]], []]],
                 [[[], [["app.py", 1]]]], [[[], [["app.py", [], {}, 7]]]], [[[], [[3, None, "", None]]]],
                 [[[], {"app.py": 1}]], [[[], {"app.py": "xyz"}]]):  # fmt: skip
        monkeypatch.setattr(Store, "get", lambda self, *name, rows=rows: rows if name[0] == b"past" else get(self, *name))
        seen.append(judge(capsys))
    monkeypatch.undo()
    assert all(one == seen[0] for one in seen)


@pytest.mark.parametrize("is_later", [False, True])
def test_random_commits_say_what_an_empty_store_says(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, is_later: bool
) -> None:
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10 * SETTLED * is_later)  # then looks at files are believed
    draw = random.Random(5)  # noqa: S311 - no secret
    for _ in range(6):
        for _ in range(draw.randrange(1, 4)):
            (project / f"parts/part{draw.randrange(MODULES)}.py").write_text(draw.choice(EDITS))
        if draw.random() < 0.3:
            (project / "requirements.txt").write_text(draw.choice(["pandas==2.2.3\n", "flask==3.0.3\n"]))
        judge(capsys)
        if draw.random() < 0.3:
            (project / f"parts/part{draw.randrange(MODULES)}.py").write_text(draw.choice(EDITS))
        commit(project)
        (project / f"parts/part{draw.randrange(MODULES)}.py").write_text(draw.choice(EDITS))
        assert judge(capsys) == cold(project, capsys)
