"""Where files are read from: each once, nothing but regular files, and nothing outside of the root, whoever asks for it."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from attack import outside
from folders import commit, git, write
from syscalls import needs_strace, trace

import memguard_hooks
from memguard_hooks.catalog import lock
from memguard_hooks.commands import check, init
from memguard_hooks.errors import MemguardError, UnreadableError
from memguard_hooks.hooks import pin_litellm
from memguard_hooks.tree import MAX_FILE_BYTES, MAX_LINKS, SETTLED, RevisionTree, Seen, Tree, WorkTree, walk

WORD = "SECRET"
"""What stands in each file outside of the project, and nowhere else."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project in a folder beside which something else lies."""
    write(tmp_path / "outside", {"secret.py": f"import pandas  # {WORD}\n", "inner/deep.txt": WORD})
    return write(tmp_path / "project", {"a.py": "import a\n", "b/c.txt": "c\n", "b/d/e.txt": "e\n"})


# Each once

READS = """\
import sys

events = []
sys.addaudithook(lambda event, given: event in ("open", "os.scandir") and events.append((event, str(given[0]))))
from memguard_hooks.__main__ import main
from memguard_hooks.git import CatFile

ask = CatFile.ask
CatFile.ask = lambda git, name: (events.append(("git", name)), ask(git, name))[1]

status = main(sys.argv[1:])
import json

print(json.dumps([status, events]), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [
    ["check"], ["hook"], ["hook", "app/main.py", "requirements.txt", "render.yaml", "app/api.py"]
], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("is_packed", [False, True], ids=["loose", "packed"])
def test_each_file_is_read_and_each_folder_listed_once(tmp_path: Path, arguments: list[str], *, is_packed: bool) -> None:
    commit(tmp_path, {
        "render.yaml": "services:\n- {type: web, name: web, runtime: python, startCommand: gunicorn app.main:app}\n"
                       "- {type: worker, name: jobs, runtime: python, startCommand: python -m app.jobs}\n",
        "requirements.txt": "litellm>=1\n-r more.txt\n", "more.txt": "pandas\n",
        "Dockerfile": "FROM python:3.12\nCOPY . .\n",
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n[tool.memguard]\nscope = "reachable"\n',
        "app/__init__.py": "", "app/main.py": "import pandas\nfrom app import api, jobs\n", "app/api.py": "import litellm\n",
        "app/jobs.py": "from app import api\nimport torch\n", "gunicorn.conf.py": "workers = 2\n",
    })  # fmt: skip
    write(tmp_path, {"app/api.py": "import litellm, boto3\n", "more.txt": "pandas==2.2.3\n"})
    if is_packed:
        git(tmp_path, "gc", "--quiet")
    done = subprocess.run(
        [sys.executable, "-c", READS, *arguments], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    status, events = json.loads(done.stderr.splitlines()[-1])
    assert status == 1
    below = [(event, path) for event, path in events if path.startswith(f"{tmp_path}/") and ".git" not in path]
    objects = [(event, path) for event, path in events if event == "git" or re.search(r"/objects/\w\w/\w+$", path)]
    assert [name for name, count in Counter([*below, *objects]).items() if count > 1] == []
    assert ("open", f"{tmp_path}/requirements.txt") in below


def test_a_tree_tells_the_same_however_often_it_is_asked(root: Path) -> None:
    tree = WorkTree(str(root))
    before = (
        tree.read("a.py"),
        tree.entries("b"),
        tree.read("none"),
        tree.has("b"),
        tree.has("x"),
        tree.identity("b/c.txt"),
    )
    write(root, {"a.py": "other\n", "b/x.txt": "", "none": "", "x": "", "b/c.txt": "other\n"})
    assert before == (
        tree.read("a.py"), tree.entries("b"), tree.read("none"), tree.has("b"), tree.has("x"), tree.identity("b/c.txt")
    )  # fmt: skip


def test_what_is_asked_of_a_file_as_of_a_folder_forgets_nothing(root: Path) -> None:
    """A name is a file or a folder, whatever is asked of it, and in whatever order."""
    asks: list[Callable[[WorkTree], object]] = [lambda tree: tree.entries("a.py"), lambda tree: tree.has("a.py")]
    for ask in asks:
        tree = WorkTree(str(root))
        name = tree.identity("a.py")
        ask(tree)
        assert tree.identity("a.py") == name == WorkTree(str(root)).identity("a.py")
    tree = WorkTree(str(root))
    tree.entries("b")
    listed = tree.seen["b"]
    with pytest.raises(UnreadableError, match="is a directory"):
        tree.read("b")
    assert tree.has("b")
    assert tree.seen["b"] == listed
    assert listed.content


# Links


def link(root: Path, links: dict[str, str]) -> None:
    for name, target in links.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target.format(root=root, outside=root.parent / "outside"))


LINKS = {
    "file": "a.py",
    "up": "b/../a.py",
    "b/up": "../a.py",
    "absolute": "{root}/b/c.txt",
    "folder": "b",
    "absolute-folder": "{root}/b",
    "the-root": "{root}",
    "b/root": "..",
    "dangling": "nothing",
    "loop": "loop",
    "one": "two",
    "two": "one",
    "out": "../outside/secret.py",
    "out-absolute": "{outside}/secret.py",
    "out-folder": "../outside",
    "out-and-back": "../project/a.py",
    "out-of-file": "a.py/../../outside/secret.py",
    "hosts": "/etc/hosts",
    "to-out": "out",
    "beside": "{root}-beside/file",
    "odd": "./b//./c.txt",
}

ANSWERS = {
    "file": b"import a\n",
    "up": b"import a\n",
    "b/up": b"import a\n",
    "absolute": b"c\n",
    "folder": "is a directory, not a file",
    "folder/c.txt": b"c\n",
    "folder/d/e.txt": b"e\n",
    "folder/up": b"import a\n",
    "absolute-folder/d/e.txt": b"e\n",
    "the-root/a.py": b"import a\n",
    "b/root/b/root/a.py": b"import a\n",
    "b/root/out-folder/secret.py": "leads out of the repository",
    "dangling": None,
    "dangling/more": None,
    "loop": "cannot be read: too many links lead to each other",
    "loop/more": "cannot be read: too many links lead to each other",
    "one": "cannot be read: too many links lead to each other",
    "out": "leads out of the repository",
    "out-absolute": "leads out of the repository",
    "out-folder": "leads out of the repository",
    "out-folder/secret.py": "leads out of the repository",
    "out-folder/../project/a.py": "leads out of the repository",
    "out-and-back": "leads out of the repository",
    "out-of-file": "leads out of the repository",
    "hosts": "leads out of the repository",
    "to-out": "leads out of the repository",
    "beside": "leads out of the repository",
    "odd": b"c\n",
    "a.py/more": None,
    "../outside/secret.py": "leads out of the repository",
    "b/../../outside/secret.py": "leads out of the repository",
    "/etc/hosts": "leads out of the repository",
    "//etc/hosts": "leads out of the repository",
    "a\0b": "leads out of the repository",
    "b/d/..": "is a directory, not a file",
}
"""What reading a path gives: content, nothing, or an error."""


def answer(tree: Tree, path: str) -> object:
    try:
        return tree.read(path)
    except MemguardError as error:
        return error.message


@pytest.mark.parametrize("style", ["work tree", "revision"])
def test_links_are_followed_inside_and_not_out(root: Path, style: str) -> None:
    link(root, LINKS)
    commit(root)
    tree: Tree = WorkTree(str(root)) if style == "work tree" else RevisionTree(str(root))
    assert {path: answer(tree, path) for path in ANSWERS} == ANSWERS
    assert [entry.name for entry in tree.entries("") if entry.name != ".git"] == [
        "a.py", "absolute", "b", "beside", "file", "hosts", "loop", "odd", "one", "out", "out-absolute", "out-and-back",
        "out-folder", "out-of-file", "to-out", "two", "up",
    ]  # fmt: skip
    assert [entry.name for entry in tree.entries("folder")] == ["c.txt", "d", "up"]
    for path in ("out-folder", "/etc", "../outside", "b/root/out-folder", "dangling", "a.py", "hosts", "loop"):
        assert tree.entries(path) == ()
        assert tree.identity(path) is None or path == "a.py"
    assert [tree.has(path) for path in ("file", "folder", "folder/d", "dangling", "none", "out", "b")] == [
        True, True, True, False, False, True, True
    ]  # fmt: skip
    tree.close()


def test_both_trees_say_the_same_of_the_same(root: Path) -> None:
    link(root, LINKS)
    commit(root)
    work, head = WorkTree(str(root)), RevisionTree(str(root))
    for path in [*ANSWERS, *walk(work)]:
        answer(work, path)
    for folder in ("", "b", "folder", "b/d", "out-folder", "nothing"):
        work.entries(folder)
    assert work.is_held_by(head)
    write(root, {"a.py": "other\n"})
    work = WorkTree(str(root))
    work.read("b/up")
    assert not work.is_held_by(head)
    head.close()


@pytest.mark.parametrize("number", [MAX_LINKS, MAX_LINKS + 1])
def test_a_chain_of_links_ends(root: Path, number: int) -> None:
    link(root, {"0": "a.py", **{str(one): str(one - 1) for one in range(1, number)}})
    assert answer(WorkTree(str(root)), str(number - 1)) == (
        b"import a\n" if number == MAX_LINKS else "cannot be read: too many links lead to each other"
    )


# What is no file to read


def fill(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(os.path.relpath(path))  # a name of a socket must be short
    elif kind == "device":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    else:
        with path.open("wb") as stream:
            stream.truncate(MAX_FILE_BYTES + (kind == "too large"))


KINDS = {
    "pipe": "is not a regular file",
    "folder": "is a directory, not a file",
    "socket": "cannot be read: No such device or address",
    "device": "is not a regular file",
    "too large": "is larger than 32 MiB",
    "just not too large": None,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_not_read(root: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    if kind == "device" and os.geteuid() != 0:
        pytest.skip("needs the rights to make a device")
    fill(root / "x", kind)
    found = answer(WorkTree(str(root)), "x")
    assert found == KINDS[kind] if KINDS[kind] else len(found) == MAX_FILE_BYTES  # type: ignore[arg-type]


def test_a_text_that_is_too_long_for_a_path_is_nowhere(root: Path) -> None:
    """A later run can tell as well: what was said is said again."""
    tree = WorkTree(str(root))
    long = "b/" + "x" * 5000
    assert tree.read(long) is None
    assert tree.entries(long) == tree.entries(f"{long}/c") == ()
    assert tree.identity(long) is None
    assert tree.is_steady


@pytest.mark.skipif(os.geteuid() == 0, reason="needs an owner whom modes stop")
def test_what_cannot_be_read_says_why(root: Path) -> None:
    (root / "a.py").chmod(0)
    (root / "b").chmod(0)
    tree = WorkTree(str(root))
    assert answer(tree, "a.py") == "cannot be read: Permission denied"
    assert tree.entries("b") == ()
    assert not tree.is_steady


def test_a_file_that_grows_as_it_is_read_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file of the kernel is, whose size is said to be none."""
    real = os.fstat

    def small(descriptor: int) -> os.stat_result:
        found = list(real(descriptor))
        found[6] = 0
        return os.stat_result(found)

    fill(root / "x", "too large")
    monkeypatch.setattr(os, "fstat", small)
    assert answer(WorkTree(str(root)), "x") == "is larger than 32 MiB"


# What an earlier run has seen


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be long after the files of a test have changed."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10 * SETTLED)


def opened(tree: WorkTree, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that names the files that a tree opens from now on."""
    paths: list[str] = []
    open_ = tree._open

    def note(path: str) -> int:
        paths.append(path)
        return open_(path)

    monkeypatch.setattr(tree, "_open", note)
    return paths


@pytest.mark.usefixtures("later")
def test_what_looks_as_it_did_is_not_read_for_its_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = WorkTree(str(root))
    names = {path: first.identity(path) for path in ("a.py", "b/c.txt", "b/d/e.txt")}
    (root / "link.txt").symlink_to("b/c.txt")
    assert first.identity("link.txt") == names["b/c.txt"]
    earlier = json.loads(json.dumps(first.settled_names()))
    assert earlier.keys() == first.seen.keys()
    looks = os.stat(root / "a.py")
    (root / "a.py").write_text("import b\n")
    os.utime(root / "a.py", ns=(looks.st_atime_ns, looks.st_mtime_ns))  # as `touch -r` would
    (root / "b/d/e.txt").unlink()
    (root / "b/d/e.txt").symlink_to("../../a.py")
    tree = WorkTree(str(root))
    tree.earlier = earlier
    paths = opened(tree, monkeypatch)
    assert tree.identity("b/c.txt") == tree.identity("link.txt") == names["b/c.txt"]
    assert paths == []
    assert tree.identity("a.py") == tree.identity("b/d/e.txt") != names["a.py"]
    assert tree.seen == {path: answered(root, path) for path in earlier}
    assert tree.read("b/c.txt") == b"c\n"
    assert tree.is_steady


def answered(root: Path, path: str) -> Seen:
    """Return what a tree that knows nothing sees of a file."""
    tree = WorkTree(str(root))
    tree.identity(path)
    return tree.seen[path]


def test_a_file_that_was_young_is_read_again(root: Path) -> None:
    tree = WorkTree(str(root))
    assert tree.identity("a.py")
    assert tree.settled_names() == {}


@pytest.mark.usefixtures("later")
def test_a_file_that_changes_behind_a_look_is_not_taken_for_what_it_was(root: Path) -> None:
    first = WorkTree(str(root))
    first.identity("a.py")
    tree = WorkTree(str(root))
    tree.earlier = json.loads(json.dumps(first.settled_names()))
    assert tree.identity("a.py") == first.identity("a.py")
    (root / "a.py").write_text("import torch\n")
    assert answer(tree, "a.py") == "cannot be read: it has just changed"
    assert not tree.is_steady


@pytest.mark.usefixtures("later")
def test_names_that_somebody_else_has_written_count_as_none(root: Path) -> None:
    first = WorkTree(str(root))
    name = first.identity("a.py")
    row = [*first.settled_names()["a.py"]]
    others: list[object] = [None, 3, {}, [], ["x", *row[1:]], [3, *row[1:]], ["ab", *row[1:]], row[:-1], [*row, 1], "x" * 5]
    for other in others:
        tree = WorkTree(str(root))
        tree.earlier = {"a.py": other}
        assert tree.identity("a.py") == name


# Writing


def test_what_is_written_lies_in_the_project(root: Path) -> None:
    link(root, LINKS)
    (root / ".git").mkdir()
    link(root, {"to-git": ".git/config", "b/hooks": "../.git/hooks"})
    tree = WorkTree(str(root))
    assert tree.target("new") == f"{root}/new"
    assert tree.target("b/d/new") == f"{root}/b/d/new"
    assert tree.target("b/up") == f"{root}/a.py"
    assert tree.target("folder/new") == f"{root}/b/new"
    for path, message in {
        **{path: text for path, text in ANSWERS.items() if isinstance(text, str) and "director" not in text},
        "dangling": "is a link to nothing",
        ".git/config": "leads into git's own folder",
        "to-git": "leads into git's own folder",
        "b/hooks/pre-commit": "leads into git's own folder",
        ".GIT/config": "leads into git's own folder",
    }.items():
        with pytest.raises(UnreadableError, match=message):
            tree.target(path)


def outside_of(root: Path) -> dict[str, bytes]:
    folder = root.parent / "outside"
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def app(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(root)
    write(root, {"main.py": "import pandas\n", "Procfile": "web: python main.py\n", "requirements.txt": "litellm>=1\n"})
    return root


def test_a_report_is_not_written_through_a_link_of_the_project(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link(
        app,
        {"report.html": "../outside/secret.py", "reports": "../outside", "in.json": "b/c.txt", "b/back.json": "../in.json"},
    )
    before = outside_of(app)
    for name in (
        "report.html",
        "reports/new.json",
        "reports/inner/../new.json",
        str(app / "report.html"),
        "./b/../report.html",
    ):
        assert check.main(["--output", name if name.endswith("json") else f"json={name}"]) == 2
        assert capsys.readouterr().err.endswith(f"{name}: is not written: it leads out of the repository\n")
    assert outside_of(app) == before
    assert not (app.parent / "outside/new.json").exists()
    assert check.main(["--output", "b/back.json"]) == 1
    assert json.loads((app / "b/c.txt").read_text(encoding="utf-8"))["schema"]
    assert (app / "b/back.json").is_symlink()


def test_a_report_is_written_where_a_user_leads_it(app: Path) -> None:
    """A link on the way to the project, or elsewhere, is the user's own."""
    link(app.parent, {"way": "project", "elsewhere.json": "outside/report.json", "others": "outside"})
    for name in ("../others/one.json", str(app.parent / "way/two.json"), "../elsewhere.json", "../outside/three.json"):
        assert check.main(["--output", name]) == 1
    reports = [app.parent / "outside/one.json", app / "two.json", app.parent / "outside/report.json"]
    assert all(json.loads(path.read_text(encoding="utf-8")) for path in [*reports, app.parent / "outside/three.json"])
    assert (app.parent / "elsewhere.json").is_symlink()


def test_a_report_goes_into_a_pipe_as_from_a_shell(app: Path) -> None:
    os.mkfifo(app.parent / "pipe")
    reader = subprocess.Popen(["cat", str(app.parent / "pipe")], stdout=subprocess.PIPE)
    assert check.main(["--output", "json=../pipe", "--output", "json=/dev/null"]) == 1
    assert json.loads(reader.communicate()[0])["schema"]


def test_pins_are_not_written_through_a_link(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(app.parent, {"outside/requirements.txt": "litellm>=1\n"})
    before = outside_of(app)
    link(app, {"more.txt": "../outside/requirements.txt", "lnk": "../outside"})
    assert pin_litellm.main(["--fix", "more.txt", "lnk/requirements.txt"]) == 2
    assert capsys.readouterr().err.count("leads out of the repository") == 2
    assert pin_litellm.main(["--fix", "../outside/requirements.txt"]) == 2
    assert pin_litellm.main(["--fix", str(app.parent / "outside/requirements.txt")]) == 2
    assert outside_of(app) == before


def test_measurements_are_not_written_or_read_through_a_link(app: Path) -> None:
    link(app, {"memguard.lock": "../outside/secret.py"})
    before = outside_of(app)
    with pytest.raises(UnreadableError, match="leads out of the repository"):
        lock.write(str(app), {})
    with pytest.raises(UnreadableError, match="leads out of the repository"):
        lock.load(str(app))
    assert outside_of(app) == before


def test_init_does_not_write_through_a_link(app: Path) -> None:
    link(app, {"pyproject.toml": "../outside/secret.py", ".github": "../outside", ".pre-commit-config.yaml": ".git/config"})
    git(app, "init", "--quiet")
    before = outside_of(app)
    assert init.main(["--yes"]) == 2
    assert outside_of(app) == before


@pytest.mark.parametrize(("settings", "place", "value"), [
    pytest.param('source-roots = ["a", "/abs"]', ":1: error: column 23: source-roots", "/abs", id="absolute"),
    pytest.param('source-roots = ["../x"]', ":1: error: column 18: source-roots", "../x", id="above"),
    pytest.param('limit = "1GiB"\nsource-roots = ["b/../../x"]', ":2: error: column 18: source-roots", "b/../../x", id="b"),
    pytest.param('baseline = "/etc/x.json"', ":1: error: column 1: baseline", "/etc/x.json", id="baseline"),
])  # fmt: skip
def test_settings_name_nothing_outside(
    app: Path, settings: str, place: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(app, {"memguard.toml": settings})
    assert check.main([]) == 2
    message = f"memguard.toml{place} must lie in the project, not at '{value}'\n"
    assert capsys.readouterr() == ("", message)


# No way out, as the kernel sees it

BAIT = {
    "secret.py": f"import pandas, litellm  # {WORD}\n",
    "pkg/__init__.py": f"import torch  # {WORD}\n",
    "secret.txt": f"litellm  # {WORD}\n",
    "requirements.txt": f"litellm  # {WORD}\n",
    "gunicorn.conf.py": f"workers = 77  # {WORD}\n",
    "x.env": f"WEB_CONCURRENCY=66  # {WORD}\n",
    "c.yaml": "services:\n  web:\n    command: gunicorn main:app -w 55\n    mem_limit: 512m\n",
    "b.json": '{"schema": 1, "findings": [], "services": []}\n',
    "settings.toml": f'limit = "1MiB"  # {WORD}\n',
    "Dockerfile": f"FROM python:3.12  # {WORD}\nCMD python secret.py\n",
    "templates/x.yaml": f"apiVersion: v1  # {WORD}\n",
}

PLACES = (
    "{out}",
    "../outside",
    "lnk",
    "b/../../outside",
    "abs",
    "b/lnk",
    "{root}/../outside",
    "./lnk/.",
    "file://{out}",
    "~/x",
)
"""Ways to the folder outside; `lnk`, `abs` and `b/lnk` are links of the project."""

DOCUMENTS: dict[str, tuple[str, ...]] = {
    "memguard.toml": (
        'source-roots = ["@"]\n', 'entrypoints = ["@/secret.py"]\n', 'baseline = "@/b.json"\n', 'exclude = ["@"]\n',
    ),
    "Procfile": (
        "web: gunicorn main:app\n", "web: python @/secret.py\n", "web: gunicorn -c @/gunicorn.conf.py main:app\n",
        "web: gunicorn --chdir @ secret:app\n", "web: cd @ && gunicorn secret:app\n", "web: bash @/secret.txt\n",
        "web: uvicorn --app-dir @ secret:app\n", "web: PYTHONPATH=@ gunicorn secret:app\n",
        "web: celery -A secret worker --workdir @\n", "web: python -m secret\nx: env PYTHONPATH=@ python -m pkg\n",
        "web: supervisord -c @/secret.txt\n", "web: sh start.sh\n",
    ),
    "compose.yaml": (
        """
services:
  web:
    build: {context: "@", dockerfile: "@/Dockerfile"}
    command: gunicorn secret:app
    working_dir: "@"
    env_file: "@/x.env"
    mem_limit: 512m
    volumes: ["@:@"]
""",
        'include: ["@/c.yaml"]\nservices:\n  w:\n    extends: {file: "@/c.yaml", service: web}\n',
        """
services:
  web:
    build: .
    env_file: ["@/x.env", {path: "@/x.env", required: false}]
    command: python @/secret.py
""",
    ),
    "requirements.txt": (
        "-r @/requirements.txt\n-c @/secret.txt\n-e @\nlitellm\n", "--requirement=@/requirements.txt\n./@\nx @ file:@\n",
    ),
    "pyproject.toml": (
        """
[project]
name = "x"
version = "1"
dynamic = ["dependencies"]
[tool.setuptools.packages.find]
where = ["@"]
[tool.setuptools.dynamic]
dependencies = {file = ["@/requirements.txt"]}
[tool.uv.workspace]
members = ["@/*"]
""",
        '[tool.poetry]\npackages=[{include="pkg", from="@"}]\n[tool.poetry.dependencies]\nx={path="@"}\n',
        '[tool.pdm.build]\npackage-dir="@"\n[tool.hatch.build.targets.wheel]\npackages=["@/pkg"]\n',
    ),
    "setup.cfg": (
        "[options]\npackage_dir=\n  =@\ninstall_requires = file: @/requirements.txt\n[options.packages.find]\nwhere=@\n",
    ),
    "setup.py": ('from setuptools import setup\nsetup(install_requires=open("@/requirements.txt").read().splitlines())\n',),
    "Dockerfile": (
        "FROM python:3.11\nWORKDIR @\nCOPY @/secret.txt /x\nRUN pip install -r @/requirements.txt\nCMD python secret.py\n",
        'FROM python:3.12\nADD @ /srv\nENTRYPOINT ["@/secret.txt"]\n',
    ),
    "a.service": ("[Service]\nWorkingDirectory=@\nEnvironmentFile=@/x.env\nExecStart=/usr/bin/gunicorn secret:app\n",),
    "render.yaml": ('services:\n- {type: web, name: w, runtime: python, rootDir: "@", startCommand: python secret.py}\n',),
    "fly.toml": ('[build]\ndockerfile = "@/Dockerfile"\n[processes]\napp = "python @/secret.py"\n',),
    "railway.json": ('{"build": {"dockerfilePath": "@/Dockerfile"}, "deploy": {"startCommand": "python @/secret.py"}}',),
    "heroku.yml": ("build:\n  docker:\n    web: @/Dockerfile\nrun:\n  web: python @/secret.py\n",),
    "serverless.yml": ("service: x\nfunctions:\n  a: {handler: @/secret.main}\ncustom: ${file(@/c.yaml)}\n",),
    "kustomize/base.yaml": ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: ['@/c.yaml']\n",),
    "main.py": ("import secret, pkg\nfrom lnk import secret as other\n", "import importlib\nimportlib.import_module('@')\n"),
    "memguard-baseline.json": ('{"schema": 1, "findings": [], "services": []}\n',),
    "start.sh": ("cd @ && exec python secret.py\n", ". @/x.env\nexec gunicorn -c @/gunicorn.conf.py main:app\n"),
}  # fmt: skip
"""What may name the folder outside, which is written `@`."""

ALWAYS = {"lnk": "../outside", "abs": "{outside}", "b/lnk": "../lnk"}
COMMANDS = (["check"], ["check", "--write-baseline"], ["hook"], ["hook", "{files}"], ["check", "--output", "report.json"],
            ["check", "--changed-from", "HEAD"], ["explain", "requirements"], ["init", "--yes"])  # fmt: skip


def make_hostile(chance: random.Random, root: Path) -> None:
    """Make a project of which some files lead out, and some are links that do."""
    outside = write(root.parent / "outside", BAIT)
    link(root, ALWAYS)
    for name, texts in DOCUMENTS.items():
        draw = chance.random()
        place = chance.choice(PLACES).format(out=outside, root=root)
        if draw < 0.5:
            write(root, {name: chance.choice(texts).replace("@", place)})
        elif draw < 0.65:
            link(root, {name: f"{{outside}}/{chance.choice(list(BAIT))}"})
    commit(root, {"b/x.py": ""}, "hostile")


@needs_strace
@pytest.mark.parametrize("seed", range(8))
def test_nothing_outside_is_opened_or_looked_at(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be the same again
    root = tmp_path / "project"
    root.mkdir()
    make_hostile(chance, root)
    before = outside_of(root)
    arguments = [*COMMANDS[seed % len(COMMANDS)]]
    if arguments[-1] == "{files}":
        arguments[-1:] = [*DOCUMENTS, "lnk/secret.py", "abs/requirements.txt"]
    command = [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-m", "memguard_hooks", *arguments]
    environment = {**os.environ, "HOME": str(Path.home()), "MEMGUARD_CACHE_DIR": ""}
    status, lines = trace(command, "-y", "-e", "trace=%file", cwd=root, environment=environment)
    assert status in (0, 1, 2)
    assert outside(lines, root, (sys.prefix, sys.base_prefix, *sys.path)) == []
    assert any(f'"{root}/' in line for line in lines)
    assert outside_of(root) == before


@needs_strace
@pytest.mark.parametrize("word", ["out", "out/below", "{root}/out", "in/../out", "in/out"])
def test_no_link_of_the_project_is_followed_before_anything_is_imported(tmp_path: Path, word: str) -> None:
    """`-m` puts the current folder on Python's path, and what is judged is taken off it: arguments may name folders."""
    root = tmp_path / "project"
    (root / "in").mkdir(parents=True)
    (tmp_path / "outside" / "below").mkdir(parents=True)
    for link in (root / "out", root / "in" / "out"):
        link.symlink_to(tmp_path / "outside")
    write(root, {"main.py": "import litellm\n"})
    environment = {**os.environ, "PYTHONPATH": str(Path(memguard_hooks.__file__).parent.parent), "MEMGUARD_CACHE_DIR": ""}
    command = [sys.executable, "-m", "memguard_hooks", "hook", "main.py", word.format(root=root)]
    _, lines = trace(command, "-y", "-e", "trace=%file", cwd=root, environment=environment)
    assert any("main.py" in line for line in lines)
    seen = outside(lines, root, (sys.prefix, sys.base_prefix, *sys.path))  # git looks for itself in the folders above
    assert [path for path in seen if path.startswith(str(tmp_path / "outside"))] == []


@pytest.mark.parametrize("seed", range(30))
def test_nothing_of_outside_is_told(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    make_hostile(random.Random(seed), root)  # noqa: S311 - to be the same again
    monkeypatch.chdir(root)
    main: Callable[[list[str]], int] = check.main
    assert main(["--table"]) in (0, 1, 2)
    said = "".join(capsys.readouterr())
    assert WORD not in said
    assert "internal error" not in said
    assert not re.search(r"\b(77|66|55) (workers|processes)", said)
