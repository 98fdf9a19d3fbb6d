"""`memguard explain`: its topics as text and as JSON, rules on a terminal and off it, and what is refused."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.commands.explain import main
from memguard_hooks.deployment import platforms
from memguard_hooks.hooks import memory_budget
from memguard_hooks.rules import DOCUMENTED, read_rule


def test_plans_of_one_platform_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["platforms", "fly"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["platform", "plan", "MiB", "CPUs", "sets", "source", "date"]
    smallest = next(row for row in rows if " shared-cpu-1x " in row)
    assert smallest.split() == ["fly", "shared-cpu-1x", "256", "1", "superfly/fly-go,", "machine_types.go", "2026-11"]
    ends = {row.index("superfly") for row in rows}
    assert ends == {header.index("source")}, "columns are aligned"
    assert smallest.index("256") + 3 == header.index("MiB") + 3, "numbers to the right"
    assert any(row[header.index("MiB") - 2 : header.index("MiB") + 3] == "32768" for row in rows)
    assert all(row.startswith("fly ") for row in rows)


def test_all_plans_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["platforms", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    rows = {(row["platform"], row["plan"]): row for row in found["platforms"]}
    assert len(rows) == len(platforms.plans())
    assert rows["heroku", "standard-2x"]["memory_mib"] == 1024
    assert rows["heroku", "standard-2x"]["sets"] == {"WEB_CONCURRENCY": "4"}
    assert rows["render", "custom"]["memory_mib"] is None
    assert rows["local", ""]["memory_mib"] is None


def test_no_limit_and_an_unknown_one_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["platforms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines if line.startswith("local")] == [["local", "no", "limit"]]
    assert [line.split()[2] for line in lines if line.split()[:2] == ["render", "custom"]] == ["unknown"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["platform"], "unknown topic 'platform': did you mean 'platforms'?", id="topic"),
        pytest.param(["platforms", "rendr"], "unknown platform 'rendr': did you mean 'render'?", id="platform"),
        pytest.param(["MG299"], "unknown topic 'MG299': did you mean 'MG201'?", id="code"),
        pytest.param(["mg20l"], "unknown topic 'mg20l': did you mean 'MG201'?", id="code-in-lower-case"),
        pytest.param(["pin_litellm"], "unknown topic 'pin_litellm': did you mean 'pin-litellm'?", id="hook"),
        pytest.param([""], "unknown topic '': no rule, hook or measured package has this name", id="empty"),
        pytest.param(["MG201", "MG202"], "unrecognized arguments: MG202", id="two-codes"),
        pytest.param(["pin-litellm", "x"], "unrecognized arguments: x", id="behind-a-hook"),
        pytest.param(["--x"], "unrecognized arguments: --x", id="option"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


# Rules


@pytest.mark.parametrize("word", ["MG201", "mg201"])
def test_a_rule_is_printed_as_it_is_written(capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert main([word]) == 0
    assert capsys.readouterr().out == read_rule("MG201").text


def test_a_hook_lists_its_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory-budget"]) == 0
    assert capsys.readouterr().out == (
        "".join(f"  {code}  {title}\n" for code, title in memory_budget.RULES.items()) + "\n"
        "`memguard explain CODE` tells what a rule finds, why it matters, and how to fix it.\n"
    )


def test_without_a_topic_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "topics:"
    assert [line.split()[0] for line in lines[1:3]] == ["platforms", "requirements"]
    told = [line.strip().partition("  ") for line in lines if line.startswith("  MG")]
    assert [(code, title) for code, _, title in told] == [(code, read_rule(code).title) for code in DOCUMENTED]
    assert [line for line in lines if line.endswith(":")] == [
        "topics:", *(f"{owner}:" for owner in dict.fromkeys(DOCUMENTED.values()))
    ]  # fmt: skip


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """Return what a terminal of 100 columns gets to see, line ends as they are elsewhere."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    command = [sys.executable, "-m", "memguard_hooks", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env={**kept, "TERM": "xterm", **variables}) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                break
            seen += data
    os.close(ours)
    assert process.returncode == 0
    return seen.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colors_where_rich_is_installed() -> None:
    pytest.importorskip("rich")
    seen = on_a_terminal("explain", "MG201")
    assert "\x1b[" in seen
    plain = re.sub(r"\x1b\[[\d;]*m", "", seen)
    assert "MG201: a heavy module is loaded at start" in plain
    assert "```" not in plain
    for line in ("import pandas", 'add = ["polars"]'):
        assert line in plain, "examples are told whole"


def test_a_terminal_without_colors_gets_the_text() -> None:
    assert on_a_terminal("explain", "MG201", NO_COLOR="1") == read_rule("MG201").text


@pytest.mark.parametrize("code", ["MG703", "MG111"])
def test_a_locale_without_the_letters_changes_nothing(code: str) -> None:
    command = [sys.executable, "-m", "memguard_hooks", "explain", code]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    told = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert told.stdout.decode("utf-8") == read_rule(code).text


# Requirements

APP = {
    "requirements.txt": "flask==3.1.0\nPyYAML\npandas==2.2.3\ngunicorn==23.0.0\nopenpyxl\n",
    "Procfile": "web: gunicorn main:app\n",
    "main.py": "import flask\nfrom app import config\n\n\ndef report():\n    import pandas\n\n    return pandas\n",
    "app/__init__.py": "",
    "app/config.py": "import yaml\n",
}


def test_requirements_by_what_the_entry_points_need(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements", str(write(tmp_path, APP)), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    told = {one["name"]: (one["use"], one["line"]) for one in found["requirements"]}
    assert told == {
        "flask": ("start", 1), "pyyaml": ("start", 2), "pandas": ("deferred", 3), "gunicorn": ("start", 4),
        "openpyxl": ("unused", 5),
    }  # fmt: skip
    by_name = {one["name"]: one for one in found["requirements"]}
    assert by_name["pandas"]["mib"] > 40
    assert by_name["pandas"]["source"].startswith("pandas 2.2.3, Python 3.11")
    assert [step["path"] for step in by_name["pyyaml"]["chain"]] == ["main.py", "app/config.py"]
    assert found["skipped"] == []


def test_requirements_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements", str(write(tmp_path, APP))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        "needed at start: 3 of 5 requirements",
        "deferred: 1 of 5 requirements",
        "reached from no entry point: 1 of 5 requirements",
    ]
    assert lines[2].split() == ["pyyaml", *lines[2].split()[1:3], "requirements.txt:2", "main.py:2", "→", "app/config.py:1"]


def test_requirements_without_an_entry_point_are_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements", str(write(tmp_path, {"requirements.txt": "flask\n"}))]) == 0
    outcome = capsys.readouterr()
    assert outcome.out.splitlines()[-2].startswith("not known: 1 of 1")
    assert outcome.err == ".: skipped: no entry point is known; name one with --entrypoint\n"
    write(tmp_path, {"run.py": "import flask\n"})
    assert main(["requirements", str(tmp_path), "--entrypoint", "run.py"]) == 0
    assert "needed at start: 1 of 1" in capsys.readouterr().out


OPTIONAL = {
    "main.py": "import flask\n\napp = flask.Flask(__name__)\n\n\ndef export(rows):\n    try:\n        import pandas\n"
    "    except ImportError:\n        return rows\n    return pandas.DataFrame(rows)\n",
    "Procfile": "web: gunicorn main:app\n",
}


@pytest.mark.parametrize(
    ("manifest", "text", "minimal"),
    [
        pytest.param(
            "requirements.txt",
            "--prefer-binary\nflask==3.1.0  # web\npandas==2.2.3 \\\n  --no-binary pandas\ngunicorn==23.0.0\n",
            "--prefer-binary\nflask==3.1.0  # web\ngunicorn==23.0.0\n",
            id="lines-are-taken-out",
        ),
        pytest.param(
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3.1"\npandas = "2.2.3"\ngunicorn = "*"\n',
            "flask>=3.1,<4.0\ngunicorn\n",
            id="poetry-as-pip-reads-it",
        ),
    ],
)
def test_minimal_requirements(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], manifest: str, text: str, minimal: str
) -> None:
    folder = write(tmp_path, {**OPTIONAL, manifest: text})
    assert main(["requirements", str(folder), "--write"]) == 0
    assert capsys.readouterr().err == "requirements-minimal.txt: written without pandas\n"
    head, note, _, *rest = (folder / "requirements-minimal.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    assert head == f"# Written by `memguard explain requirements --write`, from {manifest}:\n"
    assert note.startswith("# left out: pandas==2.2.3")
    assert "".join(rest) == minimal
    assert main(["requirements", str(folder), "--write"]) == 0, "what this command wrote it writes again"


def test_minimal_requirements_of_a_person_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {**OPTIONAL, "requirements.txt": "flask==3.1.0\npandas==2.2.3\n", "requirements-minimal.txt": "flask\n"}
    folder = write(tmp_path, files)
    assert main(["requirements", str(folder), "--write"]) == 2
    assert "error: is not written by this command" in capsys.readouterr().err
    assert (folder / "requirements-minimal.txt").read_text(encoding="utf-8") == "flask\n"


def test_nothing_to_leave_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, {"requirements.txt": "flask\n", "main.py": "import flask\n"})
    assert main(["requirements", str(folder), "--entrypoint", "main.py", "--write"]) == 0
    assert "nothing is written" in capsys.readouterr().err
    assert not (folder / "requirements-minimal.txt").exists()


@pytest.mark.parametrize(
    ("imported", "is_left_out"),
    [
        ("from rosetta.providers.openai import Frame", False),
        ("from own.openai_files import read", True),
        ("from rosetta.providers.excel import Sheet", True),
    ],
)
def test_what_a_part_of_another_package_is_named_for_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], imported: str, *, is_left_out: bool
) -> None:
    files = {
        "requirements.txt": "flask\nrosetta\nopenai\n",
        "main.py": f"import flask\n{imported}\n",
        "own/openai_files.py": "def read(): pass\n",
    }
    folder = write(tmp_path, files)
    assert main(["requirements", str(folder), "--entrypoint", "main.py", "--write"]) == 0
    assert ("written without openai" in capsys.readouterr().err) is is_left_out


def test_requirements_of_a_broken_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements", str(write(tmp_path, {"memguard.toml": "limits = 1\n"}))]) == 2
    assert capsys.readouterr().err.startswith("memguard.toml:1: error: unknown key 'limits'")


def test_requirements_of_a_broken_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(write(tmp_path, {**APP, "pyproject.toml": '[project\nname = "a"\n'}))
    for style in ("text", "json"):
        assert main(["requirements", folder, "--format", style]) == 2
        outcome = capsys.readouterr()
        assert outcome.err.startswith("pyproject.toml:1: error: ")
        assert "pandas" in outcome.out


def test_a_package_is_told_before_it_is_added(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pandas"]) == 0
    told = capsys.readouterr().out
    head, own, brought, blank, header, *rows = told.splitlines()
    assert re.fullmatch(r"pandas: \d+ MiB when pandas is imported \(pandas 3\.\S+, Python 3\.11\.\d+, \S+, \S+\)", head)
    assert re.fullmatch(r" +\d+ MiB  its own modules", own)
    assert re.match(r" +\d+ MiB  brought along: numpy \d+, ", brought)
    assert (blank, header.split()[:4]) == ("", ["module", "version", "Python", "MiB"])
    assert {row.split()[1] for row in rows} >= {"1.5.3", "2.2.3"}


def test_a_package_adds_up_and_its_module_names_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["Sentence_Transformers", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["package"]) == (1, "sentence-transformers")
    assert found["lighter"].startswith("use fastembed ")
    for one in found["measurements"]:
        assert one["own_mib"] + sum(one["brought_mib"].values()) == pytest.approx(one["mib"], rel=0.1)
    assert main(["cv2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["package"].startswith("opencv-")


def test_a_light_package_has_the_survey_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["idna"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_rules_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["MG301", "--json"]) == 0
    (rule,) = json.loads(capsys.readouterr().out)["rules"]
    assert rule == read_rule("MG301")._asdict()
    assert main(["memory-budget", "--format", "json"]) == 0
    assert {one["hook"] for one in json.loads(capsys.readouterr().out)["rules"]} == {"memory-budget"}


def test_requirements_stand_beside_what_is_deployed_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def wheel(name: str, size: int) -> str:
        return f'wheels = [{{ url = "https://example.org/{name}-1-py3-none-any.whl", hash = "sha256:00", size = {size} }}]\n'

    def package(name: str, size: int) -> str:
        source = 'source = { registry = "https://example.org" }'
        return f'[[package]]\nname = "{name}"\nversion = "1"\n{source}\n{wheel(name, size)}'

    own = (
        '[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\ndependencies = [{ name = "pandas" }]\n'
        '[package.dev-dependencies]\ndev = [{ name = "pytest" }]\n'
    )
    lock = f'version = 1\nrequires-python = ">=3.11"\n{own}{package("pandas", 12_300_000)}{package("pytest", 400_000)}'
    manifest = '[project]\nname = "app"\nversion = "0"\ndependencies = ["pandas"]\n'
    folder = write(tmp_path, {"uv.lock": lock, "pyproject.toml": manifest, "main.py": "import pandas\n"})
    assert main(["requirements", str(folder), "--entrypoint", "main.py"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[3:5] == ["12.3", "MB"]
    assert lines[-1] == "uv.lock installs 1 wheel: 12 MB, some 37 MB unpacked"
    assert main(["requirements", str(folder), "--entrypoint", "main.py", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["requirements"][0]["wheel_mb"] == 12.3
    assert found["sizes"] == [{"path": "uv.lock", "wheels": 1, "mb": 12.3, "unpacked_mb": 36.8}]


@pytest.mark.parametrize(
    ("requirements", "source", "needed"),
    [
        ("sentence-transformers==2.7.0\ntransformers==4.41.1\ntorch>2.2\n", "import sentence_transformers\n", 3),
        ("transformers==4.46.3\ntorch==2.5.1\n", "from transformers import pipeline\n", 1),
    ],
    ids=["required", "loaded-where-it-is-installed"],
)
def test_what_another_requirement_loads_is_not_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], requirements: str, source: str, needed: int
) -> None:
    folder = write(tmp_path, {"requirements.txt": requirements, "main.py": source})
    assert main(["requirements", str(folder), "--entrypoint", "main.py", "--write"]) == 0
    outcome = capsys.readouterr()
    assert f"needed at start: {needed} of" in outcome.out
    assert "nothing is written" in outcome.err


def test_minimal_requirements_of_a_file_in_another_encoding(tmp_path: Path) -> None:
    folder = write(tmp_path, {"requirements.txt": "", "main.py": OPTIONAL["main.py"]})
    (folder / "requirements.txt").write_text("flask==3.1.0\npandas==2.2.3\n", encoding="utf-16")
    assert main(["requirements", str(folder), "--entrypoint", "main.py", "--write"]) == 0
    assert (folder / "requirements-minimal.txt").read_text(encoding="utf-8").splitlines()[-1] == "flask==3.1.0"


@pytest.mark.parametrize(
    "complaint", ['logger.error("no whisper")', 'raise RuntimeError("no whisper")', 'print("pip install openai-whisper")']
)
@pytest.mark.parametrize(("flag", "asked"), [("whisper = None", "whisper is None"), ("HAS = False", "not HAS")])
def test_code_that_complains_does_not_do_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, asked: str, complaint: str
) -> None:
    guarded = f"try:\n    import whisper\n    HAS = True\nexcept ImportError:\n    {flag}\n\n\ndef load():\n"
    asks = f"    if {asked}:\n        %s\n        return None\n    return whisper.load_model('base')\n"
    files = {"requirements.txt": "flask\nopenai-whisper\n", "main.py": f"import flask\n{guarded}{asks % 'pass'}"}
    folder = write(tmp_path, files)
    assert main(["requirements", str(folder), "--entrypoint", "main.py", "--write"]) == 0
    assert "written without openai-whisper" in capsys.readouterr().err
    (folder / "requirements-minimal.txt").unlink()
    (folder / "main.py").write_text(f"import flask\n{guarded}{asks % complaint}", encoding="utf-8")
    assert main(["requirements", str(folder), "--entrypoint", "main.py", "--write"]) == 0
    assert "nothing is written" in capsys.readouterr().err
