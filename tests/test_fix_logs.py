"""`memguard fix` on what `log-volume` finds: what it writes, and what it leaves."""

from __future__ import annotations

import difflib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from folders import commit, write

from memguard_hooks.commands import fix
from memguard_hooks.hooks import log_volume

BOT = "import logging\n\nimport telegram\n\n{setup}\nlogger = logging.getLogger(__name__)\nname = telegram.__name__\n"
MUTED = 'logging.getLogger("httpx").setLevel(logging.WARNING)\nlogging.getLogger("httpx2").setLevel(logging.WARNING)'
READS = 'import logging\nimport os\n\nlogging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"))\n'
LOGGER = "import logging\n\nlogger = logging.getLogger(__name__)\n"
DEBUG = f"import json\n{LOGGER}\n\ndef answer(one):\n    logger.debug({{argument}})\n"
COMPOSE = (
    "services:\n  web:\n    build: .\n    mem_limit: 1g\n    command: python main.py\n"
    "  # of the tasks\n  tasks:\n    image: redis\n"
)
BOUNDS = '    logging:\n      driver: json-file\n      options: {max-size: "10m", max-file: "3"}\n'


def run(root: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], *arguments: str) -> list[str]:
    """Fix a project, check that nothing of it is broken, and return what is found of logs afterwards."""
    write(root, {"Procfile": "web: python main.py\n", "main.py": "print()\n", **files})
    commit(root)
    monkeypatch.chdir(root)
    fix.main(list(arguments))
    for path in root.glob("*.py"):
        compile(path.read_text("utf-8"), str(path), "exec")
    done = subprocess.run(
        [sys.executable, "-m", "memguard_hooks", "check", "--select", "MG5", "--color", "never"],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    return [line.split()[1] for line in done.stdout.splitlines() if ": MG5" in line]


RENDER = (
    "services:\n  - type: web\n    name: web\n    runtime: python\n    plan: free\n    startCommand: python main.py\n"
    '    envVars:\n      - key: LOG_LEVEL\n        value: "{}"\n'
)
INI = "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nlevel={}\nhandlers=\n"
CONFIGURES = {
    "logging.yaml": "dictConfig(yaml.safe_load(open('logging.yaml')))",
    "logging.ini": "fileConfig('logging.ini')",
}
IMAGE = 'FROM python:3.12\nENV LOG_LEVEL={}\nCOPY . .\nCMD ["python", "main.py"]\n'


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("Procfile", "web: celery -A main worker -c 1 -l debug\n", "web: celery -A main worker -c 1 -l info\n"),
        ("Procfile", "web: uvicorn main:app --log-level=trace\n", "web: uvicorn main:app --log-level=info\n"),
        ("Dockerfile", IMAGE.format("DEBUG"), IMAGE.format("INFO")),
        ("render.yaml", RENDER.format("debug"), RENDER.format("info")),
        ("logging.yaml", "version: 1\nroot:\n  level: DEBUG\n", "version: 1\nroot:\n  level: INFO\n"),
        ("logging.ini", INI.format("DEBUG"), INI.format("INFO")),
    ],
)
def test_levels_of_deployment_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, before: str, after: str
) -> None:
    files = {path: before, "main.py": f"{READS}app = None\n"}
    if path.startswith("logging"):
        files = {path: before, "main.py": f"import logging.config, yaml\nlogging.config.{CONFIGURES[path]}\n"}
    if path != "Procfile" and not path.startswith("logging"):
        files["Procfile"] = ""
    assert "MG501" not in run(tmp_path, monkeypatch, files)
    assert (tmp_path / path).read_text("utf-8") == after


def test_a_library_is_muted_behind_the_line_that_sets_the_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = "logging.basicConfig(level=logging.INFO)"
    assert run(tmp_path, monkeypatch, {"main.py": BOT.format(setup=setup)}) == []
    assert (tmp_path / "main.py").read_text("utf-8") == BOT.format(setup=f"{setup}\n{MUTED}")


@pytest.mark.parametrize(
    "setup", ["logging.basicConfig(level=20); x = (1,\n2)", 'logging.basicConfig(level=20, format="""a\nb""")']
)
def test_what_is_no_statement_of_its_own_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setup: str) -> None:
    assert run(tmp_path, monkeypatch, {"main.py": BOT.format(setup=setup)}) == ["MG505"]
    assert (tmp_path / "main.py").read_text("utf-8") == BOT.format(setup=setup)


def test_a_statement_of_several_lines_is_followed_by_what_mutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = "logging.basicConfig(\n    level=logging.INFO,  # as ever\n)"
    assert run(tmp_path, monkeypatch, {"main.py": BOT.format(setup=setup)}) == []
    assert (tmp_path / "main.py").read_text("utf-8") == BOT.format(setup=f"{setup}\n{MUTED}")


@pytest.mark.parametrize(
    ("argument", "becomes"),
    [
        (
            '\n        "got %s",  # all\n        json.dumps(one),\n    ',
            '\n            "got %s",  # all\n            json.dumps(one),\n        ',
        ),
        ('\n        f"got {json.dumps(one)}"\n    ', '"got %s", json.dumps(one)'),
    ],
)
def test_a_debug_line_of_several_lines_asks_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str, becomes: str
) -> None:
    assert run(tmp_path, monkeypatch, {"main.py": DEBUG.replace("{argument}", argument)}) == []
    guarded = f"    if logger.isEnabledFor(logging.DEBUG):\n        logger.debug({becomes})\n"
    assert (tmp_path / "main.py").read_text("utf-8").endswith(guarded)


@pytest.mark.parametrize(
    ("argument", "becomes"),
    [
        ('f"got {json.dumps(one)}"', '"got %s", json.dumps(one)'),
        ("f'{one!r} is 5 % of {json.dumps(one)}'", '"%r is 5 %% of %s", one, json.dumps(one)'),
        ("""f'it is "{json.dumps(one)}"'""", """"it is \\"%s\\"", json.dumps(one)"""),
        ('f"{one:>8} {json.dumps(one)}"', 'f"{one:>8} {json.dumps(one)}"'),
        ('"got %s", json.dumps(one)', '"got %s", json.dumps(one)'),
        ('f"{json.dumps(one)} " + "x"', 'f"{json.dumps(one)} " + "x"'),
    ],
)
def test_a_debug_line_asks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str, becomes: str) -> None:
    assert run(tmp_path, monkeypatch, {"main.py": DEBUG.replace("{argument}", argument)}) == []
    guarded = f"    if logger.isEnabledFor(logging.DEBUG):\n        logger.debug({becomes})\n"
    assert (tmp_path / "main.py").read_text("utf-8").endswith(guarded)


@pytest.mark.parametrize(
    ("names", "logger"),
    [
        ("import logging", "logging"),
        ("import logging as log", "log"),
        ("import logging as log\n\nlogger = log.getLogger(__name__)", "logger"),
        ("from logging import getLogger\n\nlogger = getLogger(__name__)", "logger"),
    ],
)
def test_what_a_debug_line_asks_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: str, logger: str) -> None:
    text = f'import json\n{names}\n\n\ndef answer(one):\n    {logger}.debug(f"got {{json.dumps(one)}}")\n    return 3\n'
    run(tmp_path, monkeypatch, {"main.py": text})
    module: dict[str, Any] = {"__name__": "main"}
    exec((tmp_path / "main.py").read_text("utf-8"), module)  # noqa: S102 - what is written above
    assert module["answer"](1) == 3


DUMPED = DEBUG.format(argument="json.dumps(one)")


@pytest.mark.parametrize(
    "text",
    [
        DEBUG.format(argument='"""a\n %s""", json.dumps(one)'),
        DUMPED.replace(LOGGER, "from loguru import logger\n"),
        DUMPED.replace(LOGGER, "import logging\nfrom loguru import logger\n"),
        DUMPED.replace("    logger.debug", "    if one: logger.debug"),
    ],
)
def test_a_debug_line_that_cannot_ask_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    run(tmp_path, monkeypatch, {"main.py": text})
    assert (tmp_path / "main.py").read_text("utf-8") == text


def test_what_docker_keeps_is_bounded_for_each_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "docker-compose.prod.yml": COMPOSE,
        "Procfile": "",
        "Dockerfile": 'FROM python:3.12\nCOPY . .\nCMD ["python", "main.py"]\n',
    }
    assert "MG507" not in run(tmp_path, monkeypatch, files)
    after = COMPOSE.replace("  web:\n", f"  web:\n{BOUNDS}").replace("  tasks:\n", f"  tasks:\n{BOUNDS}")
    assert (tmp_path / "docker-compose.prod.yml").read_text("utf-8") == after


@pytest.mark.parametrize(
    "text",
    [
        COMPOSE.replace("    ", "      "),
        COMPOSE.replace("    mem_limit", "    logging: {driver: json-file}\n    mem_limit"),
        "services:\n  web: {build: ., mem_limit: 1g, command: python main.py}\n",
    ],
)
def test_compose_of_another_shape_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    text = text.partition("  # of")[0]
    files = {
        "docker-compose.prod.yml": text,
        "Procfile": "",
        "Dockerfile": 'FROM python:3.12\nCOPY . .\nCMD ["python", "main.py"]\n',
    }
    run(tmp_path, monkeypatch, files)
    assert (tmp_path / "docker-compose.prod.yml").read_text("utf-8") == text


def test_what_is_not_staged_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"Procfile": "web: python main.py\n", "main.py": "import logging\n"})
    commit(tmp_path)
    text = BOT.format(setup="logging.basicConfig(level=logging.INFO)")
    write(tmp_path, {"main.py": text})
    monkeypatch.chdir(tmp_path)
    assert fix.main([]) == 2
    assert "has changes that are not staged" in capsys.readouterr().err
    assert (tmp_path / "main.py").read_text("utf-8") == text


SETTINGS = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    log_level: str\n"


@pytest.mark.parametrize(("code", "codes"), [("print()\n", []), (READS, ["MG501"]), (SETTINGS, ["MG501"])])
def test_a_level_that_nobody_reads_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: str, codes: list[str]
) -> None:
    write(tmp_path, {"Dockerfile": IMAGE.format("DEBUG"), "main.py": code})
    monkeypatch.chdir(tmp_path)
    log_volume.main([])
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines() if ": MG5" in line] == codes


def test_a_diff_shows_what_would_be_written_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "Procfile": "web: python main.py\n",
        "runtime.txt": "python-3.13.1\n",
        "requirements.txt": "pandas==2.1.4\n",
        "main.py": DEBUG.replace("{argument}", 'f"got {json.dumps(one)}"'),
    }
    write(tmp_path, files)
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert fix.main(["--diff"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert {path: (tmp_path / path).read_text("utf-8") for path in files} == files
    assert fix.main([]) == 1, "files are rewritten"
    after = {path: (tmp_path / path).read_text("utf-8") for path in files}
    added = [line[1:] for line in shown if line.startswith("+") and not line.startswith("+++")]
    assert "pandas==2.2.3" in added
    assert '        logger.debug("got %s", json.dumps(one))' in added
    assert added == [line for path in sorted(files) for line in _new_lines(files[path], after[path])]


def _new_lines(before: str, after: str) -> list[str]:
    return [line[2:] for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("+ ")]
