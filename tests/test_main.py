"""The command `memguard` through real processes: its help, what it refuses, what it loads, and completion in a real bash."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import memguard_hooks
from memguard_hooks.__main__ import COMMANDS, SHELLS
from memguard_hooks.hooks.running import describe

BASH = shutil.which("bash") or ""

CLEAN = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}


def memguard(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memguard_hooks", *arguments]
    return subprocess.run(command, cwd=folder, env=CLEAN, capture_output=True, text=True, encoding="utf-8", check=False)


# Where they run


def test_a_locale_that_cannot_name_a_file_hides_no_import(tmp_path: Path) -> None:
    """It was looked for under a name that the locale does not have, and taken for a package that takes nothing."""
    files = {"main.py": "import h\u00e9\u4e2d\n", "h\u00e9\u4e2d.py": "import torch\n", "Procfile": "web: python main.py\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "memguard_hooks", "check"]
    of_ascii = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    told, usual = (
        subprocess.run(command, cwd=tmp_path, env={**CLEAN, **locale}, capture_output=True, check=False)
        for locale in (of_ascii, {"PYTHONUTF8": "1"})
    )
    assert told.returncode == usual.returncode == 1
    assert told.stdout == usual.stdout
    assert "h\u00e9\u4e2d.py:1:1: MG203 torch is loaded at start".encode() in told.stdout


def test_a_current_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    run = shlex.join([sys.executable, "-m", "memguard_hooks", "check"])
    program = f"cd {shlex.quote(str(tmp_path))} && rmdir ../{tmp_path.name} && exec {run}"
    told = subprocess.run([BASH, "-c", program], env=CLEAN, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "error: the current folder is not there: No such file or directory\n"


def test_what_takes_more_memory_than_there_is_says_so() -> None:
    assert describe(MemoryError()) == "there is not enough memory here to look at this project"


# Help


@pytest.mark.parametrize("words", [pytest.param([word], id=word) for word in ("--help", "-h", "help")])
def test_help_tells_each_command_in_a_line(words: list[str]) -> None:
    told = memguard(*words)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("usage: memguard COMMAND [OPTION ...]\n")
    commands = told.stdout.partition("commands:\n")[2].partition("\n\n")[0]
    assert re.findall(r"(?m)^  (\w+) +[a-z].+$", commands) == sorted(COMMANDS)
    assert len(commands.splitlines()) == len(COMMANDS)
    assert max(map(len, told.stdout.splitlines())) <= 110
    assert "\nexamples:\n" in told.stdout


def test_the_examples_of_the_help_name_commands() -> None:
    lines = memguard("--help").stdout.partition("examples:\n")[2].partition("\n\n")[0].splitlines()
    assert len(lines) == 4
    assert {line.split()[1] for line in lines} <= {*COMMANDS, "help"}


def test_without_a_command_the_help_goes_to_stderr() -> None:
    told = memguard()
    assert (told.returncode, told.stdout, told.stderr) == (2, "", memguard("--help").stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_help_of_its_own(name: str) -> None:
    told = memguard(name, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith(f"usage: memguard {name} ")
    assert "exit status: 0 " in told.stdout
    assert memguard("help", name).stdout == told.stdout


def test_version() -> None:
    told = memguard("--version")
    assert (told.returncode, told.stderr) == (0, "")
    assert re.fullmatch(r"memguard \d+\.\d+\.\d+\S*\n", told.stdout)


def test_a_checkout_that_is_not_installed_says_so(tmp_path: Path) -> None:
    installed, project = tmp_path / "installed", tmp_path / "project"
    installed.mkdir()
    project.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "memguard" not in path.name:
            (installed / path.name).symlink_to(path)
    (installed / "memguard_hooks").symlink_to(Path(memguard_hooks.__file__).parent)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", "-m", "memguard_hooks", *words]
        environment = {**CLEAN, "PYTHONPATH": str(installed)}
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    told = run("--version")
    assert (told.returncode, told.stdout, told.stderr) == (0, "memguard 0+unknown\n", "")
    (project / "main.py").write_text("import pandas\n", encoding="utf-8")
    (project / "Procfile").write_text("web: python main.py\n", encoding="utf-8")
    driver = json.loads(run("check", "--format", "sarif").stdout)["runs"][0]["tool"]["driver"]
    assert driver["version"] == "0+unknown"
    assert driver["rules"][0]["helpUri"].startswith(f"{driver['informationUri']}/blob/HEAD/docs/rules.md#")
    assert "Traceback" not in run("check", "--format", "markdown").stderr
    told = run("init", "--yes")
    assert told.returncode == 2
    assert told.stderr == ".: error: memguard-hooks is not installed and has no version: name a tag or a commit by --rev\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["chek"], "unknown command 'chek': did you mean 'check'?", id="command"),
        pytest.param(["Measure"], "unknown command 'Measure': did you mean 'measure'?", id="upper-case"),
        pytest.param(["help", "explane"], "unknown command 'explane': did you mean 'explain'?", id="help-of-a-command"),
        pytest.param(["--verbose"], "unrecognized arguments: --verbose; see `memguard --help`", id="option"),
        pytest.param(["--print-completion", "sh"], "--print-completion takes one of bash, zsh, tcsh", id="shell"),
        pytest.param(["--print-completion"], "--print-completion takes one of bash, zsh, tcsh", id="no-shell"),
        pytest.param(["--version", "x"], "unrecognized arguments: --version x; see `memguard --help`", id="too-much"),
        pytest.param(["help", "check", "x"], "help takes one command", id="help-of-two"),
    ],
)
def test_what_is_not_known_is_refused(words: list[str], message: str) -> None:
    told = memguard(*words)
    assert (told.returncode, told.stdout, told.stderr) == (2, "", f"memguard: error: {message}\n")


def test_arguments_and_status_are_those_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import pandas\n\n\ndef use():\n    return pandas\n", encoding="utf-8")
    told = memguard("check", "--format", "json", str(tmp_path))
    assert told.returncode == 1
    assert [one["code"] for one in json.loads(told.stdout)["findings"]] == ["MG201"]
    assert memguard("check", "--fail-on", "never", str(tmp_path)).returncode == 0
    assert memguard("check", str(tmp_path / "nowhere")).returncode == 2


def test_nothing_is_loaded_before_the_command_is_known() -> None:
    program = (
        "import sys; before = set(sys.modules); import memguard_hooks.__main__ as command; command.main(['--help']); "
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(told.stderr.split()) <= {"__future__", "memguard_hooks", "memguard_hooks.__main__"}


ENDING = """\
import atexit, os, sys
import memguard_hooks.__main__ as command

class Late:
    def __del__(self):
        os.write(1, b"taken apart\\n")

late = Late()
atexit.register(os.write, 1, b"at exit\\n")
sys.argv = ["memguard", *sys.argv[1:]]
command.main()
"""
"""A program that says how it ends."""


def test_a_program_ends_without_taking_its_objects_apart() -> None:
    told = subprocess.run([sys.executable, "-c", ENDING, "help", "none"], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (2, "at exit\n")
    assert told.stderr.startswith("memguard: error: unknown command 'none'")


@pytest.mark.parametrize("code", ["MG201", "MG703"])
def test_a_rule_is_told_without_loading_any_hook(code: str) -> None:
    program = (
        "import sys; import memguard_hooks.__main__ as command; command.main(['explain', sys.argv[1]]); "
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, code], capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert told.stdout.startswith(f"# {code}: ")
    loaded = told.stderr.split()
    assert not [name for name in loaded if name.startswith(("memguard_hooks.hooks", "yaml", "packaging", "libcst", "rich"))]


# Completion


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that a user of bash puts where bash looks for completions."""
    pytest.importorskip("shtab")
    told = memguard("--print-completion", "bash")
    assert (told.returncode, told.stderr) == (0, "")
    path = tmp_path_factory.mktemp("completion") / "memguard"
    path.write_text(told.stdout, encoding="utf-8")
    return path


COMPLETE = """
source "$1"; shift
function=$(complete -p memguard); function=${function#*-F }; function=${function%% *}
COMP_WORDS=(memguard "$@"); COMP_CWORD=$#; COMP_LINE="memguard $*"; COMP_POINT=${#COMP_LINE}
"$function" memguard "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(not BASH, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param([""], {*COMMANDS, "help"}, id="commands"),
        pytest.param(["me"], {"measure"}, id="beginning-of-a-command"),
        pytest.param(["--v"], {"--version"}, id="option-of-the-top"),
        pytest.param(["check", "--fail"], {"--fail-on"}, id="option"),
        pytest.param(["check", "--fail-on", ""], {"error", "warning", "never"}, id="values-of-an-option"),
        pytest.param(["explain", "MG20"], {"MG201", "MG202", "MG203", "MG204"}, id="codes"),
        pytest.param(["explain", "pin"], {"pin-litellm"}, id="hook"),
        pytest.param(["help", "i"], {"init"}, id="help-of-a-command"),
    ],
)
def test_bash_is_offered_what_fits(script: Path, words: list[str], offered: set[str]) -> None:
    command = [BASH, "--noprofile", "--norc", "-c", COMPLETE, "bash", str(script), *words]
    # Not even a `memguard` is needed: nothing is on the path.
    told = subprocess.run(command, env={"PATH": "/nonexistent"}, capture_output=True, text=True, check=True)
    assert (set(told.stdout.split()), told.stderr) == (offered, "")


@pytest.mark.skipif(not BASH, reason="there is no bash")
def test_a_tab_completes_in_an_interactive_bash(script: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:  # pragma: no cover
        environment = {"PATH": "/nonexistent", "PS1": "> ", "TERM": "dumb", "INPUTRC": os.devnull, "HISTFILE": ""}
        os.execve(BASH, ["bash", "--noprofile", "--norc", "-i"], environment)  # noqa: S606
    try:
        os.write(terminal, f"source {script}\n".encode())
        os.write(terminal, b"memguard che\t\x01echo \n")
        seen = b""
        while b"\nmemguard check" not in seen.replace(b"\r", b""):
            assert select.select([terminal], [], [], 30)[0], f"nothing more comes after {seen!r}"
            seen += os.read(terminal, 4096)
    finally:
        os.write(terminal, b"\x03\nexit\n")
        os.waitpid(process, 0)
        os.close(terminal)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(shell: str) -> None:
    pytest.importorskip("shtab")
    told = memguard("--print-completion", shell)
    assert (told.returncode, told.stderr) == (0, "")
    for name in COMMANDS:
        assert name in told.stdout
    assert str(Path.cwd()) not in told.stdout


def test_without_shtab_completion_says_what_to_install() -> None:
    program = "import sys; sys.modules['shtab'] = None; import memguard_hooks.__main__ as m; sys.exit(m.main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "--print-completion", "bash"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = "memguard: error: completion needs shtab: pip install 'memguard-hooks[completion]'\n"
    assert (told.returncode, told.stdout, told.stderr) == (2, "", expected)
