"""`memguard init`: what it writes is valid, is used for real, and changes nothing that was there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from folders import write
from hypothesis import given
from hypothesis import strategies as st

from memguard_hooks.commands import init
from memguard_hooks.commands.init import PRE_COMMIT, PYPROJECT, SETTINGS, WORKFLOW, append_table, main
from memguard_hooks.dependencies import runtime_copy
from memguard_hooks.errors import MemguardError
from memguard_hooks.fix.yaml_insert import Item, insert_item
from memguard_hooks.hooks.all_hooks import HOOKS
from memguard_hooks.project.settings import load
from memguard_hooks.published import REPOSITORY
from memguard_hooks.tree import WorkTree

APP = {
    "render.yaml": "services:\n  - type: web\n    name: bot\n    runtime: python\n    plan: free\n"
    "    startCommand: uvicorn main:app\n    envVars:\n      - key: PYTHON_VERSION\n        value: 3.12.1\n",
    "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    "requirements.txt": "fastapi==0.121.0\nuvicorn==0.38.0\n",
}
"""A project whose files tell all."""

ENTRY = f"""\
  - repo: {REPOSITORY}
    rev: v0.1.0
    hooks:
      - id: memguard
"""

ITEM: Item = {"repo": REPOSITORY, "rev": "v0.1.0", "hooks": [{"id": "memguard"}]}


def snapshot(root: Path) -> dict[str, bytes]:
    """Return all files of a project, without git's."""
    paths = [path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts[:-1]]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


# The whole


def test_all_is_written_shown_and_then_there_already(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, APP)
    assert main([str(tmp_path), "--yes"]) == 0
    shown = capsys.readouterr()
    written = snapshot(tmp_path)
    assert written.keys() == {*APP, PRE_COMMIT, WORKFLOW, SETTINGS}
    assert written[PRE_COMMIT].decode() == f"repos:\n{ENTRY}"
    for name in (PRE_COMMIT, WORKFLOW, SETTINGS):
        told = "".join(f"    {line}\n" if line else "\n" for line in written[name].decode().splitlines())
        assert f"{name}: new\n\n{told}" in shown.out
        assert f"{name}: written\n" in shown.err
    assert str(tmp_path) not in shown.out + shown.err

    assert main([str(tmp_path), "--yes"]) == 0
    again = capsys.readouterr()
    assert again.out.splitlines() == [
        f"{PRE_COMMIT}:2: has memguard already, and is left alone",
        "",
        f"{WORKFLOW}: uses memguard already, and is left alone",
        "",
        f"{SETTINGS}: is there already, and is left alone",
    ]
    assert snapshot(tmp_path) == written


def test_without_a_terminal_it_is_only_shown(tmp_path: Path) -> None:
    write(tmp_path, APP)
    program = "from memguard_hooks.commands.init import main; raise SystemExit(main())"
    command = (sys.executable, "-c", program, str(tmp_path))
    done = subprocess.run(command, input="y\n", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert PRE_COMMIT in done.stdout
    assert done.stderr == "nothing was written: `memguard init --yes` writes it\n"
    assert snapshot(tmp_path).keys() == APP.keys()


def test_the_runtime_module_is_copied_renewed_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"app/{runtime_copy.NAME}"
    command = [str(tmp_path), "--runtime", path]
    assert main(command) == 1
    assert main([*command, "--yes"]) == 0
    assert snapshot(tmp_path).keys() == {path}, "nothing else is written"
    copy = tmp_path / path
    assert copy.read_bytes().partition(b"\n")[2] == Path(runtime_copy.SOURCE).read_bytes()
    subprocess.run([sys.executable, "-c", "import memguard_runtime as m; m.limit()"], cwd=copy.parent, check=True)
    assert main([*command, "--yes"]) == 0
    assert "is of this version already" in capsys.readouterr().out

    body = b"import os\n"
    copy.write_bytes(b"# memguard-runtime 0.0.9 " + sha256(body).hexdigest()[:16].encode() + b": so\n" + body)
    assert main([*command, "--yes"]) == 0
    assert "0.0.9 before\n" in capsys.readouterr().out
    assert copy.read_bytes() == runtime_copy.render("0.1.0")

    copy.write_bytes(edited := copy.read_bytes() + b"edited = True\n")
    assert main([*command, "--yes"]) == 2
    assert "move it away" in capsys.readouterr().err
    assert copy.read_bytes() == edited


def test_the_copy_of_the_example_is_of_this_version() -> None:
    example = Path(__file__).parents[1] / "examples" / "voice-bot" / runtime_copy.NAME
    assert runtime_copy.read(example.read_bytes()) == ("0.1.0", True, False)


@pytest.mark.parametrize("path", ["runtime.py", "../memguard_runtime.py", "/memguard_runtime.py", "memguard_runtime.py/x"])
def test_the_runtime_module_is_found_again_by_its_name(tmp_path: Path, path: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), "--runtime", path, "--yes"])
    assert stopped.value.code == 2
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1), ("yeah\n", 1), ("\x04", 1)])
def test_terminal_is_asked(tmp_path: Path, answer: str, status: int) -> None:
    write(tmp_path, APP)
    leader, follower = pty.openpty()
    program = "from memguard_hooks.commands.init import main; raise SystemExit(main())"
    with subprocess.Popen(
        (sys.executable, "-c", program, str(tmp_path)), stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        shown = b""
        while b"[y/N] " not in shown:
            shown += os.read(leader, 4096)
        assert snapshot(tmp_path).keys() == APP.keys(), "nothing is written before the answer"
        os.write(leader, answer.encode())
        try:
            while os.read(leader, 4096):
                pass
        except OSError:  # the other end is closed
            pass
        assert process.wait() == status
    os.close(leader)
    assert b"Write 3 files? [y/N] " in shown
    assert (PRE_COMMIT in snapshot(tmp_path)) is (status == 0)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        pytest.param([], {PRE_COMMIT, WORKFLOW, SETTINGS}, id="all"),
        pytest.param(["--no-workflow"], {PRE_COMMIT, SETTINGS}, id="no-workflow"),
        pytest.param(["--no-config"], {PRE_COMMIT, WORKFLOW}, id="no-config"),
        pytest.param(["--no-pre-commit"], {WORKFLOW, SETTINGS}, id="no-pre-commit"),
        pytest.param(["--no-pre-commit", "--no-workflow", "--no-config"], set[str](), id="nothing"),
    ],
)
def test_options_leave_files_out(tmp_path: Path, options: list[str], names: set[str]) -> None:
    write(tmp_path, APP)
    assert main([str(tmp_path), "--yes", *options]) == 0
    assert snapshot(tmp_path).keys() == {*APP, *names}


def test_each_hook_and_a_revision(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--yes", "--hooks=each", "--rev=0a1b2c3"]) == 0
    (entry,) = yaml.safe_load((tmp_path / PRE_COMMIT).read_bytes())["repos"]
    assert entry == {"repo": REPOSITORY, "rev": "0a1b2c3", "hooks": [{"id": name} for name in HOOKS]}
    assert "memguard-hooks@0a1b2c3\n" in (tmp_path / WORKFLOW).read_text()


@pytest.mark.parametrize("rev", ["", "-x", "v1\nfoo: 1", "v1 # x", "${{ x }}", "'a'", "ü"])
def test_odd_revision_is_refused(tmp_path: Path, rev: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), "--yes", f"--rev={rev}"])
    assert stop.value.code == 2
    assert "invalid value" in capsys.readouterr().err
    assert snapshot(tmp_path) == {}


def test_folder_inside_of_a_repository_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    write(tmp_path, {f"backend/{name}": text for name, text in APP.items()})
    assert main([str(tmp_path / "backend"), "--yes"]) == 2
    assert "run it there" in capsys.readouterr().err
    assert main([str(tmp_path / "backend"), "--yes", "--no-pre-commit", "--no-workflow"]) == 0
    assert (tmp_path / "backend" / SETTINGS).is_file()


# The entry of pre-commit


def grow(text: str) -> str:
    return insert_item(text.encode(), PRE_COMMIT, "repos", ITEM).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", f"repos:\n{ENTRY}", id="empty"),
        pytest.param("# later\n", f"# later\nrepos:\n{ENTRY}", id="comment"),
        pytest.param("---\n", f"---\nrepos:\n{ENTRY}", id="start-of-document"),
        pytest.param("repos:\n", f"repos:\n{ENTRY}", id="no-entry"),
        pytest.param("repos: # ours\nci: {}\n", f"repos: # ours\n{ENTRY}ci: {{}}\n", id="no-entry-but-comment"),
        pytest.param("fail_fast: true", f"fail_fast: true\nrepos:\n{ENTRY}", id="no-list"),
        pytest.param(
            "repos:\n  - repo: 'a'   # quoted\n    rev: \"1\"\n    hooks: [{id: x}]   # flow\n",
            f"repos:\n  - repo: 'a'   # quoted\n    rev: \"1\"\n    hooks: [{{id: x}}]   # flow\n{ENTRY}",
            id="quotes-and-comments",
        ),
        pytest.param(
            "repos:\n- repo: a\n  hooks:\n  - id: x\n",
            f"repos:\n- repo: a\n  hooks:\n  - id: x\n- repo: {REPOSITORY}\n  rev: v0.1.0\n  hooks:\n  - id: memguard\n",
            id="no-indentation",
        ),
        pytest.param(
            "repos:\n-   repo: a\n    hooks:\n    -   id: x\n",
            "repos:\n-   repo: a\n    hooks:\n    -   id: x\n"
            f"-   repo: {REPOSITORY}\n    rev: v0.1.0\n    hooks:\n    -   id: memguard\n",
            id="wide-dashes",
        ),
        pytest.param(
            "repos:\n  - repo: a\n    hooks:\n      - id: x\n      # - id: y\n\n  # the end\nci:\n  skip: [x]\n",
            f"repos:\n  - repo: a\n    hooks:\n      - id: x\n      # - id: y\n{ENTRY}\n  # the end\nci:\n  skip: [x]\n",
            id="comment-of-the-last-entry",
        ),
        pytest.param(
            "repos:\n  - repo: a\n\n  # about b\n  - repo: b\n",
            f"repos:\n  - repo: a\n\n  # about b\n  - repo: b\n\n{ENTRY}",
            id="blank-lines-between",
        ),
        pytest.param(
            "repos:\n  - &first\n    repo: a\n    exclude: &x |\n      (?x)^(\n        # all\n      )$\n  - *first\n"
            "files: *x\n",
            "repos:\n  - &first\n    repo: a\n    exclude: &x |\n      (?x)^(\n        # all\n      )$\n  - *first\n"
            f"{ENTRY}files: *x\n",
            id="anchors-and-a-block-of-text",
        ),
        pytest.param(
            "repos:\n  - repo: a\n    files: |\n      x\n", f"repos:\n  - repo: a\n    files: |\n      x\n{ENTRY}",
            id="text-last",
        ),
        pytest.param("repos:\n  - repo: a", f"repos:\n  - repo: a\n{ENTRY}", id="no-newline-at-the-end"),
        pytest.param("\ufeffrepos:\n  - repo: a\n", f"\ufeffrepos:\n  - repo: a\n{ENTRY}", id="byte-order-mark"),
        pytest.param("repos:\n  - repo: a\n...\n", f"repos:\n  - repo: a\n{ENTRY}...\n", id="end-of-document"),
        pytest.param("repos:\n  - {repo: a}\n", f"repos:\n  - {{repo: a}}\n{ENTRY}", id="entries-in-flow-style"),
        pytest.param("'repos' :\n  - repo: בוט\n", f"'repos' :\n  - repo: בוט\n{ENTRY}", id="quoted-key"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_entry_is_put_at_the_end_of_the_list(before: str, after: str, newline: str) -> None:
    is_known = "\n" in before or newline == "\n"  # else the file has no newline to go by
    expected = after.replace("\n", newline) if is_known else after
    assert grow(before.replace("\n", newline)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("repos: []\n", "1:8: cannot be edited safely: repos is a list in flow style", id="flow-list"),
        pytest.param("{repos: []}\n", "1:1: cannot be edited safely: it is no mapping in block style", id="flow-file"),
        pytest.param("- repo: a\n", "1:1: cannot be edited safely: it is no mapping in block style", id="list"),
        pytest.param("repos: x\n", "1:8: cannot be edited safely: repos is no list", id="text"),
        pytest.param("repos: ~\n", "1:8: cannot be edited safely: repos is no list", id="written-null"),
        pytest.param("repos:\n- a\nrepos:\n- b\n", "3:1: cannot be edited safely: repos is there twice", id="repeated"),
        pytest.param("repos:\n- a: 1\n  a: 2\n", "3:3: cannot be edited safely: a is there twice", id="repeated-below"),
        pytest.param(
            "x: &r\n- a\nrepos: *r\n", "3:1: cannot be edited safely: repos is an alias of a list that stands elsewhere",
            id="alias",
        ),
        pytest.param(
            "repos: &r\n- a\nx: *r\n", "3: cannot be edited safely: with one more entry it would say something else",
            id="used-elsewhere",
        ),
        pytest.param(
            "repos:\n-\n  repo: a\n", "2:1: cannot be edited safely: a dash does not stand on the line of its item",
            id="lone-dash",
        ),
        pytest.param(
            "x: &x {a: 1}\n<<: *x\n",
            "1:1: cannot be edited safely: it has no repos of its own, but may take it from an anchor",
            id="merge",
        ),
        pytest.param("repos:\n- a\n---\nb: 1\n", "4:1: cannot be edited safely: it holds more than one document", id="two"),
        pytest.param("repos: [\n", "2:1: is not valid YAML: expected the node content", id="broken"),
    ],
)  # fmt: skip
def test_what_is_not_safe_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str) -> None:
    write(tmp_path, {**APP, PRE_COMMIT: text})
    assert main([str(tmp_path), "--yes"]) == 2
    shown = capsys.readouterr()
    assert f"{PRE_COMMIT}:{reason}" in shown.out
    assert "\npaste it yourself:\n\n    repos:\n" in shown.out
    assert "      - repo: " in shown.out
    written = snapshot(tmp_path)
    assert written[PRE_COMMIT] == text.encode()
    assert written.keys() == {*APP, PRE_COMMIT, WORKFLOW, SETTINGS}, "the other files are written"


def test_anchors_do_not_explode() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    assert grow(f"{bomb}repos:\n  - repo: a\n") == f"{bomb}repos:\n  - repo: a\n{ENTRY}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("repos:\n  - repo: a\n  - repo: https://github.com/someone/memguard-hooks.git\n", 3, id="fork"),
        pytest.param("repos:\n  - repo: ../memguard-hooks/\n", 2, id="clone"),
        pytest.param("repos:\n  - repo: local\n    hooks:\n      - id: memory-budget\n", 2, id="hook"),
        pytest.param("repos: [{repo: local, hooks: [{id: memguard}]}]\n", 1, id="flow"),
    ],
)
def test_second_entry_is_never_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: int) -> None:
    write(tmp_path, {PRE_COMMIT: text})
    assert main([str(tmp_path), "--yes", "--no-workflow", "--no-config"]) == 0
    assert capsys.readouterr().out == f"{PRE_COMMIT}:{line}: has memguard already, and is left alone\n"
    assert snapshot(tmp_path) == {PRE_COMMIT: text.encode()}


def test_change_is_shown_as_a_diff_that_no_terminal_obeys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "repos:\n  - repo: a # \x9b2J\u202e\n"
    write(tmp_path, {PRE_COMMIT: text.replace("\x9b", "")})
    assert main([str(tmp_path), "--yes", "--no-workflow", "--no-config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [f"--- {PRE_COMMIT}", f"+++ {PRE_COMMIT}", "@@ -1,2 +1,6 @@"]
    assert lines[4:6] == [r"   - repo: a # 2J\u202e", f"+  - repo: {REPOSITORY}"]


NAMES = st.sampled_from(["repo", "rev", "hooks", "id", "args", "ci"])
SCALARS = st.one_of(
    st.text(alphabet=" ab:#-'\"\n[]{}&*!|>%@`é", max_size=8), st.integers(), st.booleans(), st.none(), st.floats()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))


@given(
    entries=st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), max_size=3),
    rest=st.dictionaries(st.sampled_from(["ci", "exclude", "z"]), VALUES, max_size=2),
    indent=st.integers(2, 6),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_any_file_that_yaml_writes_grows_by_one_entry_or_is_refused(
    entries: list[Any], rest: dict[str, Any], indent: int, newline: str
) -> None:
    data = {"repos": entries, **rest}
    text = yaml.safe_dump(data, indent=indent, sort_keys=True, line_break=newline, allow_unicode=True)
    try:
        after = insert_item(text.encode(), PRE_COMMIT, "repos", ITEM).decode()
    except MemguardError as error:
        reason = error.message
    else:
        reason = ""
    if reason:
        assert not entries or "dash" in reason or "something else" in reason
        return
    before = yaml.safe_load(text)
    assert repr(yaml.safe_load(after)) == repr({**before, "repos": [*before["repos"], ITEM]})
    start = next((at for at, pair in enumerate(zip(text, after, strict=False)) if pair[0] != pair[1]), len(text))
    grown = len(after) - len(text)
    assert after[:start] + after[start + grown :] == text, "the text grew at one place"


# Links and changes under way


def test_link_inside_of_the_repository_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"settings/hooks.yaml": "repos:\n"})
    (tmp_path / "settings" / "hooks.yaml").chmod(0o640)
    (tmp_path / PRE_COMMIT).symlink_to("settings/hooks.yaml")
    assert main([str(tmp_path), "--yes", "--no-workflow", "--no-config"]) == 0
    assert (tmp_path / PRE_COMMIT).is_symlink()
    assert (tmp_path / "settings" / "hooks.yaml").read_text() == f"repos:\n{ENTRY}"
    assert (tmp_path / "settings" / "hooks.yaml").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("link", "target", "reason"),
    [
        pytest.param(PRE_COMMIT, "../outside/file", "leads out of the repository", id="file"),
        pytest.param(PRE_COMMIT, "../outside/none", "leads out of the repository", id="nothing-outside"),
        pytest.param(PRE_COMMIT, "none", "is a link to nothing", id="nothing"),
        pytest.param(PRE_COMMIT, ".git/config", "leads into git's own folder", id="git"),
        pytest.param(".github", "../outside", "leads out of the repository", id="folder"),
        pytest.param(PYPROJECT, "../outside/file", "leads out of the repository", id="pyproject"),
    ],
)
def test_link_that_leads_elsewhere_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], link: str, target: str, reason: str
) -> None:
    root = write(tmp_path / "project", APP)
    write(tmp_path / "outside", {"file": "a = 1\n"})
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    (root / link).symlink_to(target)
    before = {**snapshot(tmp_path / "outside"), "config": (root / ".git" / "config").read_bytes()}
    assert main([str(root), "--yes"]) == 2
    shown = capsys.readouterr()
    assert reason in shown.out + shown.err
    assert {**snapshot(tmp_path / "outside"), "config": (root / ".git" / "config").read_bytes()} == before
    assert not (root / "none").exists()


def test_file_that_changed_after_it_was_shown_is_not_written(tmp_path: Path) -> None:
    write(tmp_path, {PRE_COMMIT: "repos:\n"})
    tree = WorkTree(str(tmp_path))
    options = init.make_parser().parse_args([str(tmp_path), "--no-workflow", "--no-config"])
    (step,) = init.plan(tree, options)
    assert isinstance(step, init.NewContent)
    write(tmp_path, {PRE_COMMIT: "repos:\n- repo: another\n"})
    with pytest.raises(MemguardError, match="has changed meanwhile, and is not written"):
        init.apply(tree, step)
    assert (tmp_path / PRE_COMMIT).read_text() == "repos:\n- repo: another\n"


def test_file_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {".github/workflows": "a file, no folder\n"})
    assert main([str(tmp_path), "--yes", "--no-config", "--no-pre-commit"]) == 2
    assert f"{WORKFLOW}: error: cannot be written" in capsys.readouterr().err


# The settings


def settings_of(root: Path) -> str:
    assert main([str(root), "--yes", "--no-pre-commit", "--no-workflow"]) == 0
    load(WorkTree(str(root)))  # reads it, or raises
    return (root / (PYPROJECT if (root / PYPROJECT).exists() else SETTINGS)).read_bytes().decode()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            APP,
            "# render.yaml:6 starts bot: main:app; 512 MiB (render free)\n# The deployment names Python 3.12.\n",
            id="all-is-declared",
        ),
        pytest.param(
            {"Procfile": "web: uvicorn main:app\n", "main.py": APP["main.py"], ".python-version": "3.11.9\n"},
            "# Procfile:1 starts web: main:app; 512 MiB by default\n"
            "# No file says how much memory the host has: 512 MiB are assumed, unless one of these does.\n"
            '# platform = "render-free"\n# limit = "512MiB"\n'
            "# The deployment names Python 3.11.\n",
            id="host-is-not-known",
        ),
        pytest.param(
            {"bot.py": "print()\n\nif __name__ == '__main__':\n    print()\n", "runtime.txt": "python-3.12.4\n"},
            '# No deployment file tells what is started; this looks like it.\nentrypoints = ["bot.py"]\n'
            "# No file says how much memory the host has: 512 MiB are assumed, unless one of these does.\n"
            '# platform = "render-free"\n# limit = "512MiB"\n'
            'target-python = "3.12"  # as runtime.txt says\n',
            id="one-script",
        ),
    ],
)  # fmt: skip
def test_settings_tell_what_was_found(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    assert settings_of(write(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("files", "line"),
    [
        pytest.param({"app/main.py": APP["main.py"]}, 'entrypoints = ["app.main:app"]', id="package"),
        pytest.param({"site/wsgi.py": "application = get()\n"}, 'entrypoints = ["site.wsgi:application"]', id="django"),
        pytest.param({"bot/__main__.py": "print()\n"}, 'entrypoints = ["-m bot"]', id="module"),
        pytest.param(
            {"main.py": APP["main.py"], "bot.py": "if __name__ == '__main__':\n    pass\n"},
            '# entrypoints = ["bot.py", "main:app"]', id="several",
        ),
        pytest.param({"lib.py": "x = 1\n"}, '# entrypoints = ["app.main:app"]', id="none"),
        pytest.param({"tests/main.py": APP["main.py"]}, '# entrypoints = ["app.main:app"]', id="tests"),
        pytest.param({".python-version": "3.11\n", "runtime.txt": "python-3.12.1"}, '# target-python = "3.12"', id="differ"),
        pytest.param(
            {"Dockerfile": 'FROM x\nCMD ["./go"]\n', "bot/__main__.py": ""}, 'entrypoints = ["-m bot"]', id="shell-program"
        ),
        pytest.param({PYPROJECT: '[project]\nrequires-python = "==3.11.*"\n', ".python-version": "3.11"},
                     "# pyproject.toml names Python 3.11.", id="asked-for"),
        pytest.param({".python-version": "pypy3.10\n"}, '# entrypoints = ["app.main:app"]', id="no-cpython"),
    ],
)  # fmt: skip
def test_entry_points_and_python_are_keys_only_where_they_are_certain(
    tmp_path: Path, files: dict[str, str], line: str
) -> None:
    assert line in settings_of(write(tmp_path, files)).splitlines()


def test_hostile_names_stay_in_their_comment(tmp_path: Path) -> None:
    name = "x\\n[tool.evil]\\nkey = 1\\u2028\\u001b[31m" + "y" * 300
    text = f'services:\n  - type: web\n    name: "{name}"\n    runtime: python\n    startCommand: python main.py\n'
    found = settings_of(write(tmp_path, {"render.yaml": text, "main.py": ""}))
    assert all(line.startswith("# ") and line.isprintable() and len(line) <= 120 for line in found.splitlines())


@pytest.mark.parametrize(
    ("before", "gap"),
    [
        pytest.param(b'[project]\nname = "x"\n', b"\n", id="plain"),
        pytest.param(b'[project]\nname = "x" # no newline', b"\n\n", id="no-newline"),
        pytest.param(b'\xef\xbb\xbf[project]\r\nname = "x"\r\n', b"\r\n", id="windows"),
        pytest.param(b"", b"", id="empty"),
        pytest.param(b"[tool.ruff]\nline-length = 1\n[tool.x]\na = nan\n", b"\n", id="other-tools"),
        pytest.param(b"a = 2026-01-01T00:00:00Z\ntool.x.y = '''\n[tool.memguard]'''\n", b"\n", id="dotted"),
    ],
)
def test_table_is_put_at_the_end_of_pyproject(tmp_path: Path, before: bytes, gap: bytes) -> None:
    write(tmp_path, {**APP, PYPROJECT: before})
    settings_of(tmp_path)
    after = (tmp_path / PYPROJECT).read_bytes()
    table = b"[tool.memguard]\n"
    table += b"# render.yaml:6 starts bot: main:app; 512 MiB (render free)\n# The deployment names Python 3.12.\n"
    assert after == before + gap + (table.replace(b"\n", b"\r\n") if b"\r" in before else table)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("[tool\n", f"{PYPROJECT}:1:6: is not valid TOML", id="broken"),
        pytest.param(
            "tool = {ruff = {}}\n", "cannot be edited safely: with [tool.memguard] at its end it is not", id="inline"
        ),
        pytest.param("tool = 1\n", "cannot be edited safely: with [tool.memguard] at its end it is not", id="no-table"),
    ],
)
def test_pyproject_that_cannot_grow_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    write(tmp_path, {**APP, PYPROJECT: text})
    assert main([str(tmp_path), "--yes", "--no-pre-commit", "--no-workflow"]) == 2
    shown = capsys.readouterr()
    assert reason in shown.out
    assert "    [tool.memguard]\n" in shown.out
    assert snapshot(tmp_path) == {**{name: text.encode() for name, text in APP.items()}, PYPROJECT: text.encode()}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param({PYPROJECT: "[tool.memguard]\nlimit = '1GiB'\n"}, f"{PYPROJECT}:1: has [tool.memguard]", id="table"),
        pytest.param({PYPROJECT: "[tool]\nmemguard = {}\n"}, f"{PYPROJECT}:2: has [tool.memguard]", id="inline"),
        pytest.param({PYPROJECT: "", SETTINGS: ""}, f"{SETTINGS}: is there already", id="file"),
    ],
)
def test_settings_that_are_there_are_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], said: str
) -> None:
    write(tmp_path, files)
    assert main([str(tmp_path), "--yes", "--no-pre-commit", "--no-workflow"]) == 0
    assert capsys.readouterr().out == f"{said}, and is left alone\n"
    assert snapshot(tmp_path) == {name: text.encode() for name, text in files.items()}


def test_what_would_change_something_else_is_not_written() -> None:
    with pytest.raises(MemguardError, match="would say something else"):
        append_table(b"a = 1\n", "[tool.memguard]\n[other]\nb = 2\n")


# The workflow


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        pytest.param(WORKFLOW, "on: push\n", f"{WORKFLOW}: is there already", id="own"),
        pytest.param(
            ".github/workflows/ci.yaml", "steps:\n- uses: someone/memguard-hooks@main\n",
            ".github/workflows/ci.yaml: uses memguard already", id="another",
        ),
    ],
)  # fmt: skip
def test_workflow_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, text: str, said: str
) -> None:
    write(tmp_path, {path: text})
    assert main([str(tmp_path), "--yes", "--no-pre-commit", "--no-config"]) == 0
    assert capsys.readouterr().out == f"{said}, and is left alone\n"
    assert snapshot(tmp_path) == {path: text.encode()}


def test_workflow_asks_for_what_it_needs_and_no_more(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--yes"]) == 0
    found = yaml.load((tmp_path / WORKFLOW).read_bytes(), yaml.BaseLoader)  # noqa: S506 - builds strings alone
    assert found["on"] == {"push": "", "pull_request": ""}
    assert found["permissions"] == {"contents": "read"}
    (job,) = found["jobs"].values()
    assert job["permissions"] == {"contents": "read", "actions": "read", "security-events": "write"}
    checkout, ours, *uploads = job["steps"]
    assert checkout["with"] == {"fetch-depth": "0", "persist-credentials": "false"}
    assert ours == {"id": "memguard", "uses": "OWNER/memguard-hooks@v0.1.0"}
    assert all("!cancelled()" in step["if"] for step in uploads)


# What reads these files


def validate(*command: str, cwd: Path) -> None:
    done = subprocess.run((sys.executable, "-m", *command), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warn" not in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize("hooks", ["memguard", "each"])
def test_files_are_valid(tmp_path: Path, hooks: str) -> None:
    write(tmp_path, {**APP, PYPROJECT: '[project]\nname = "x"\nversion = "1"\n'})
    write(tmp_path, {PRE_COMMIT: "repos:\n- repo: meta\n  hooks:\n  - id: identity\n"})
    assert main([str(tmp_path), "--yes", f"--hooks={hooks}"]) == 0
    validate("pre_commit", "validate-config", PRE_COMMIT, cwd=tmp_path)
    validate("prek", "validate-config", PRE_COMMIT, cwd=tmp_path)
    schema = ("check_jsonschema", "--builtin-schema")
    validate(*schema, "vendor.github-workflows", WORKFLOW, cwd=tmp_path)


EAGER = f"import pandas\n{APP['main.py']}\nprint(pandas)\n"


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def project(
    published: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hook_tools: None,  # noqa: ARG001 - the environment of pre-commit
) -> Path:
    """Return a repository that `memguard init` has set up, with what it wrote committed."""
    monkeypatch.setattr(init, "REPOSITORY", str(published))
    root = write(tmp_path / "project", APP)
    assert run(root, "git", "init", "--quiet", "--initial-branch=main").returncode == 0
    assert main([str(root), "--yes"]) == 0
    return root


def commit(root: Path) -> subprocess.CompletedProcess[str]:
    assert run(root, "git", "add", "--all").returncode == 0
    return run(root, "git", "commit", "--quiet", "--message=work")


def test_entry_is_used_by_git_commit(project: Path) -> None:
    assert run(project, sys.executable, "-m", "pre_commit", "install").returncode == 0
    accepted = commit(project)
    assert accepted.returncode == 0, accepted.stderr
    write(project, {"main.py": EAGER})
    refused = commit(project)
    assert refused.returncode == 1, refused.stderr
    assert "main.py:1:1: MG201 pandas is loaded at start" in refused.stderr


def test_entry_is_used_before_a_push(project: Path, tmp_path: Path) -> None:
    path = project / PRE_COMMIT
    path.write_text(f"{path.read_text()}        stages: [pre-push]\n")
    assert run(project, sys.executable, "-m", "pre_commit", "install", "--hook-type=pre-push").returncode == 0
    assert run(tmp_path, "git", "init", "--quiet", "--bare", "remote").returncode == 0
    assert run(project, "git", "remote", "add", "origin", str(tmp_path / "remote")).returncode == 0
    assert commit(project).returncode == 0
    accepted = run(project, "git", "push", "--quiet", "origin", "main")
    assert accepted.returncode == 0, accepted.stdout
    write(project, {"main.py": EAGER})
    assert commit(project).returncode == 0
    refused = run(project, "git", "push", "--quiet", "origin", "main")
    assert refused.returncode == 1
    assert "main.py:1:1: MG201 pandas is loaded at start" in refused.stdout + refused.stderr


# Where it is published


class Installed:
    """A package, as its installer has noted where it comes from."""

    def __init__(self, noted: str | None) -> None:
        self._noted = noted

    def read_text(self, _name: str) -> str | None:
        """Return what is noted."""
        return self._noted


@pytest.mark.parametrize(
    ("noted", "repo"),
    [
        pytest.param(None, None, id="from an index"),
        pytest.param('{"url": "file:///a", "dir_info": {"editable": true}}', None, id="a folder"),
        pytest.param('{"url": "https://github.com/me/memguard-hooks.git", "vcs_info": {"vcs": "git"}}',
                     "https://github.com/me/memguard-hooks", id="git"),
        pytest.param('{"url": "https://me:secret@example.org/x", "vcs_info": {}}', None, id="a password"),
        pytest.param("{", None, id="damaged"),
        pytest.param("[]", None, id="odd"),
    ],
)  # fmt: skip
def test_the_repository_is_that_of_the_installation(
    monkeypatch: pytest.MonkeyPatch, noted: str | None, repo: str | None
) -> None:
    monkeypatch.setattr(init, "distribution", lambda _name: Installed(noted))
    assert init.installed_from() == repo


@pytest.mark.parametrize(
    ("given", "repo"),
    [("me/memguard-hooks", "https://github.com/me/memguard-hooks"), ("git@example.org:a/b.git", "git@example.org:a/b")],
)
def test_the_repository_can_be_named(tmp_path: Path, given: str, repo: str) -> None:
    assert main([str(tmp_path), "--yes", "--repo", given, "--no-config"]) == 0
    assert yaml.safe_load((tmp_path / PRE_COMMIT).read_text())["repos"][0]["repo"] == repo
    is_github = repo.startswith("https://github.com/")
    assert (tmp_path / WORKFLOW).exists() == is_github, "an action of another host cannot be used"
    assert not is_github or "uses: me/memguard-hooks@" in (tmp_path / WORKFLOW).read_text()


@pytest.mark.parametrize("given", ["http://a/b", "https://me:secret@a/b", "--upload-pack=x", "https://a/b c", "ext::sh"])
def test_no_other_address_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--yes", f"--repo={given}"])
    assert "must be OWNER/NAME or an address of git" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="sed -i takes other words elsewhere")
def test_one_command_names_who_publishes_this(checkout: Path, tmp_path: Path) -> None:
    page = (checkout / "CONTRIBUTING.md").read_text(encoding="utf-8")
    command = page.partition("`git grep -lz")[2].partition("`")[0]
    for name in ("README.md", "pyproject.toml", "memguard_hooks/published.py", "docs/ci.md"):
        write(tmp_path, {name: (checkout / name).read_bytes()})
    for words in ("git init -q", "git add -A", f"git grep -lz{command}"):
        subprocess.run(["sh", "-c", words], cwd=tmp_path, check=True)
    texts = [(tmp_path / name).read_text(encoding="utf-8") for name in ("README.md", "memguard_hooks/published.py")]
    assert all("https://github.com/you/memguard-hooks" in text for text in texts)
    left = subprocess.run(["git", "grep", "-q", "OWNER/memguard-hooks"], cwd=tmp_path, check=False)
    assert left.returncode == 1, "so release.yml lets it through"
