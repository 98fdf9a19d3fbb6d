"""`memguard check`: all hooks over one folder, what it prints and the reports that it writes."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from folders import write

from memguard_hooks import __main__ as memguard

ROOT = Path(__file__).resolve().parent.parent

APP = {
    "Procfile": "web: python main.py\n",
    "requirements.txt": "litellm>=1\ntorch==2.13.0\n",
    "main.py": "import pandas\n\nprint(pandas)\n",
}
CODES = ["MG301", "MG201", "MG101", "MG110"]
COMMANDS = {
    "check": ("memguard_hooks", "check", "--limit", "50MiB"),
    "check-html": ("memguard_hooks", "check", "--limit", "50MiB", "--format", "html", "--select", "MG1"),
    "hook": ("memguard_hooks", "hook", "--limit", "50MiB"),
    "one-hook": ("memguard_hooks.hooks.pin_litellm", "requirements.txt"),
}

unix = pytest.mark.skipif(sys.platform == "win32", reason="pipes, links and devices as Unix has them")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Return a folder with findings of four rules."""
    folder = tmp_path / "app"
    folder.mkdir()
    write(folder, APP)
    return folder


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", *words]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def run(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, in this folder."""
    return subprocess.run(
        command(*words), cwd=folder, env=environment(**more), capture_output=True, encoding="utf-8", check=False
    )


def check(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run(folder, *COMMANDS["check"], *arguments, **more)


def codes(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if not line.startswith(" ")]


def test_all_hooks_judge_a_folder(app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert memguard.main(["check", "--limit", "50MiB", str(app)]) == 1
    assert codes(capsys.readouterr().out) == CODES


@pytest.mark.parametrize(
    ("name", "told"),
    [pytest.param("nowhere", "no such folder", id="missing"), pytest.param("a.py", "is a file, and this judges", id="file")],
)
def test_a_path_that_is_no_folder_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, told: str
) -> None:
    (tmp_path / "a.py").write_text("import pandas\n", encoding="utf-8")
    with pytest.raises(SystemExit) as exit_:
        memguard.main(["check", str(tmp_path / name)])
    assert exit_.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--select", ""], "it names no rule", id="no rule"),
        pytest.param(["--ignore", " , "], "it names no rule", id="commas"),
        pytest.param(["--select", "mg201"], "there is no rule 'mg201': did you mean 'MG201'?", id="small letters"),
        pytest.param(["--ignore", "MG2,memory_budget"], "did you mean 'memory-budget'?", id="nearly a hook"),
        pytest.param(["--output", "report"], "no format can be told from 'report'", id="no suffix"),
        pytest.param(["--output", "json="], "no format can be told from 'json='", id="no file"),
        pytest.param(["--write-baseline", "--prune-baseline"], "not allowed with", id="both of the baseline"),
        pytest.param(["--write-baseline", "--select", "MG2"], "a baseline is of the whole project", id="part of it"),
    ],
)
def test_wrong_usage(arguments: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        memguard.main(["check", *arguments])
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


# The reports


def test_several_reports_at_once_by_suffix_and_by_format(app: Path, tmp_path: Path) -> None:
    outputs = ["all.JSON", "all.sarif", "all.md", "all.txt", "github=annotations", "sarif=all.xml", "json=a=b.md"]
    done = check(app, *(f"--output={name.replace('=', f'={tmp_path}/', 1)}" for name in outputs[4:]), *(
        f"--output={tmp_path / name}" for name in outputs[:4]
    ))  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "4 errors, 0 warnings; `memguard fix` may fix 2")
    assert codes(done.stdout) == CODES
    read = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir() if path.is_file()}
    assert set(read) == {"all.JSON", "all.sarif", "all.md", "all.txt", "annotations", "all.xml", "a=b.md"}
    assert [one["code"] for one in json.loads(read["all.JSON"])["findings"]] == CODES
    assert read["a=b.md"] == read["all.JSON"] == check(app, "--format", "json").stdout
    assert read["all.xml"] == read["all.sarif"] == check(app, "--format", "sarif").stdout
    assert {one["ruleId"] for one in json.loads(read["all.sarif"])["runs"][0]["results"]} == set(CODES)
    assert read["all.md"] == check(app, "--format", "markdown").stdout
    assert read["all.txt"] == check(app, "--table").stdout
    assert sorted(read["annotations"].splitlines()) == sorted(check(app, "--format", "github").stdout.splitlines())


def test_a_report_that_cannot_be_written_keeps_no_other_back(app: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    names = ("missing/one.json", "folder.json", "two.json", "three.md")
    done = check(app, *(f"--output={tmp_path / name}" for name in names))
    assert done.returncode == 2
    assert codes(done.stdout) == CODES
    assert done.stderr.endswith(
        "4 errors, 0 warnings; `memguard fix` may fix 2\n"
        f"{tmp_path}/missing/one.json: cannot be written: No such file or directory\n"
        f"{tmp_path}/folder.json: cannot be written: Is a directory\n"
    )
    assert json.loads((tmp_path / "two.json").read_text("utf-8"))["schema"] == 1
    assert (tmp_path / "three.md").read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"app", "folder.json", "two.json", "three.md"}


@unix
def test_a_report_goes_through_a_link_and_into_a_pipe(app: Path, tmp_path: Path) -> None:
    """None of them is replaced by a file: as root that would take `/dev/null` away."""
    (tmp_path / "target.json").write_text("old", encoding="utf-8")
    (tmp_path / "link.json").symlink_to("target.json")
    (tmp_path / "new.json").symlink_to("made.json")
    os.mkfifo(tmp_path / "pipe.json")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe.json").read_text("utf-8")), daemon=True)
    reader.start()
    done = check(app, *(f"--output={tmp_path / name}" for name in ("link.json", "new.json", "pipe.json")))
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "4 errors, 0 warnings; `memguard fix` may fix 2")
    reader.join(60)
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "new.json").is_symlink()
    assert stat.S_ISFIFO((tmp_path / "pipe.json").stat().st_mode)
    assert got == [(tmp_path / "target.json").read_text("utf-8")] == [(tmp_path / "made.json").read_text("utf-8")]
    assert json.loads(got[0])["schema"] == 1


@unix
def test_a_report_on_a_stream_that_is_open_already(app: Path, tmp_path: Path) -> None:
    """By a link of its own: who fails here as root must not take `/dev/stderr` from the machine."""
    (tmp_path / "stream").symlink_to("/dev/stderr")
    done = check(app, f"--output=json={tmp_path / 'stream'}", "--select", "MG110")
    assert done.returncode == 1
    said, _, report = done.stderr.partition("\n")
    assert said == "1 error, 0 warnings; `memguard fix` may fix 1"
    assert [one["code"] for one in json.loads(report)["findings"]] == ["MG110"]


def test_a_report_keeps_the_rights_of_its_file(app: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text("old", encoding="utf-8")
    report.chmod(0o600)
    assert check(app, f"--output={report}").returncode == 1
    assert json.loads(report.read_text("utf-8"))["schema"] == 1
    assert sys.platform == "win32" or stat.S_IMODE(report.stat().st_mode) == 0o600


# Streams, and who reads them


@unix
@pytest.mark.parametrize("buffered", [pytest.param("", id="buffered"), pytest.param("1", id="unbuffered")])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_has_gone_is_no_error(app: Path, name: str, buffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command(*COMMANDS[name]), cwd=app, env=environment(PYTHONUNBUFFERED=buffered), stdout=writing,
        stderr=subprocess.PIPE, encoding="utf-8", check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 1
    (line,) = (line for line in done.stderr.splitlines() if not line.startswith(("do ", "  ")))
    assert " error" in line


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_told_in_one_line(app: Path, name: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command(*COMMANDS[name]), cwd=app, env=environment(PYTHONUNBUFFERED=""), stdout=full, stderr=subprocess.PIPE,
            encoding="utf-8", check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "<stdout>: cannot be written: No space left on device\n"


@unix
@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_closed_stream_is_no_error(app: Path, name: str, closed: str) -> None:
    script = f'exec "$@" {closed}'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command(*COMMANDS[name])], cwd=app, env=environment(), capture_output=True,
        encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr


@unix
@pytest.mark.parametrize("name", ["check", "hook"])
def test_an_interrupt_leaves_no_traceback(app: Path, tmp_path: Path, name: str) -> None:
    """It comes while git is asked: what stands for git sends it, as Ctrl-C would."""
    git = tmp_path / "git"
    write(tmp_path, {"git": "#!/bin/sh\nkill -INT $PPID\nexec cat\n"})
    git.chmod(0o755)
    done = run(app, *COMMANDS[name], PATH=os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@unix
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_run_that_is_short_moves_no_cursor_that_stays(app: Path, term: str) -> None:
    import pty

    ours, theirs = pty.openpty()
    done = subprocess.run(
        command("memguard_hooks", "check", "--select", "MG110"), cwd=app, env=environment(TERM=term),
        stdout=subprocess.PIPE, stderr=theirs, check=False,
    )  # fmt: skip
    os.close(theirs)
    said = os.read(ours, 10_000)
    os.close(ours)
    assert done.returncode == 1
    # On a busy machine no run is short: then the line is taken away again.
    progress = rb"(\r\x1b\[Kmemguard check: [a-z-]*, [0-9]+ files)+\r\x1b\[K"
    assert re.fullmatch(
        (rb"(%s)?" % progress if term == "xterm" else b"") + rb"1 error, 0 warnings; `memguard fix` may fix 1\r\n", said
    )


# The files of a commit


@unix
def test_a_file_is_found_by_its_full_name_through_a_link(app: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(app)
    done = run(app, "memguard_hooks", "hook", "--select", "MG110", str(tmp_path / "link" / "requirements.txt"))
    assert done.returncode == 1
    assert done.stdout.startswith("requirements.txt:2:1: MG110 torch")


@unix
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("a\\b.py", "a\\b.py", id="backslash"),
        pytest.param("a\nb.py", "a\\nb.py", id="newline"),
        pytest.param("a\x1b[2Jb.py", "a\\x1b[2Jb.py", id="escape"),
        pytest.param(os.fsdecode(b"\xff.py"), "\\udcff.py", id="no UTF-8"),
        pytest.param("דוח ראשי.py", "דוח ראשי.py", id="Hebrew"),
    ],
)
def test_a_strange_name_is_judged_and_shown_in_one_line(app: Path, name: str, shown: str) -> None:
    write(app, {name: "import torch\n\nprint(torch)\n", "memguard.toml": 'scope = "all"\n'})
    done = run(app, "memguard_hooks", "hook", name, "--select", "no-eager-heavy-imports")
    assert (done.returncode, done.stderr) == (1, "1 error, 0 warnings\n")
    assert done.stdout.startswith(f"{shown}:1:1: MG201 torch")


@pytest.mark.parametrize("name", ["../other.py", "a/../../other.py"])
def test_a_file_of_another_project_is_refused(app: Path, name: str) -> None:
    write(app.parent, {"other.py": "import torch\n"})
    for given in (name, str(app / name)):
        done = run(app, "memguard_hooks", "hook", given)
        assert (done.returncode, done.stderr) == (2, f"{given}: error: is not in this project\n")


SPACE = {"README.md": "---\nsdk: gradio\napp_file: app.py\n---\n", "requirements.txt": "gradio\ntorch==2.15.0\n"}
TORCH = "import gradio\nimport torch\n\ngradio.Interface(torch.tensor, 'text', 'text').launch()\n"


@pytest.mark.parametrize(
    ("settings", "severity"),
    [
        pytest.param("", "warning", id="large"),
        pytest.param('limit = "2GiB"\n', "error", id="small"),
        pytest.param('[forbid]\nadd = ["torch"]\n[heavy]\nadd = ["torch"]\n', "error", id="own"),
    ],
)
def test_what_is_forbidden_on_small_hosts_only_warns_where_all_fits_a_large_one(
    tmp_path: Path, settings: str, severity: str
) -> None:
    write(tmp_path, {**SPACE, "app.py": TORCH, "memguard.toml": settings})
    report = json.loads(run(tmp_path, "memguard_hooks", "check", "--format", "json").stdout)
    assert report["services"][0]["verdict"] == "ok"
    assert {one["code"]: one["severity"] for one in report["findings"] if one["code"] in {"MG110", "MG201"}} == {
        "MG110": severity,
        "MG201": severity,
    }
