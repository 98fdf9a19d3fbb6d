"""What people mistype or leave unfinished, and the whole output that each gets: one line that says what to do."""

# ruff: noqa: E501 - each line stands as it is told

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from folders import write

from memguard_hooks import __main__ as memguard

APP = {"Procfile": "web: python main.py\n", "main.py": "import json\n"}


class Mistake(NamedTuple):
    """A command line, its exit status, the lines of stdout and stderr, and the files beside an app that is well."""

    words: str
    status: int
    lines: list[str]
    files: Mapping[str, str] = MappingProxyType({})


MISTAKES = {
    "a file that is called as an option": Mistake(
        "hook main.py --help",
        2,
        ["memguard hook: error: --help is an option and the name of a file: rename the file, or give it behind `--`"],
        {"--help": ""},
    ),
    "a file that is called as an option with its value": Mistake(
        "hook --fail-on=never main.py",
        2,
        [
            "memguard hook: error: --fail-on=never is an option and the name of a file: rename the file, or give it behind `--`"
        ],
        {"--fail-on=never": ""},
    ),
    "a file for a folder": Mistake(
        "check main.py",
        2,
        ["memguard check: error: main.py is a file, and this judges a folder: `memguard hook main.py` judges files"],
    ),
    "no folder": Mistake("check nope", 2, ["memguard check: error: no such folder: nope"]),
    "a host for a plan": Mistake(
        "check --platform railway",
        2,
        [
            ".: error: unknown platform 'railway': name a plan: railway-free (512 MiB), railway-trial (512 MiB), railway-hobby (8192 MiB), railway-pro (24576 MiB), railway-enterprise (49152 MiB)"
        ],
    ),
    "a plan misspelt": Mistake(
        "check --platform render-fre", 2, [".: error: unknown platform 'render-fre': did you mean 'render-free'?"]
    ),
    "a size without unit": Mistake(
        "check --limit 512", 2, ["memguard check: error: argument --limit: invalid value: '512'; one is 512MiB"]
    ),
    "an option of a hook": Mistake(
        "check --scope all",
        2,
        ['memguard check: error: --scope is of the hook no-eager-heavy-imports; here the settings say it: scope = "all"'],
    ),
    "the fixer's option": Mistake("check --fix", 2, ["memguard check: error: --fix is of the hooks: `memguard fix` fixes"]),
    "an option misspelt": Mistake(
        "check --wat", 2, ["memguard check: error: unrecognized arguments: --wat; see `memguard check --help`"]
    ),
    "a rule": Mistake(
        "check --select MG999",
        2,
        ["memguard check: error: argument --select: there is no rule 'MG999': did you mean 'MG719'?"],
    ),
    "a python": Mistake(
        "check --target-python 2.7",
        2,
        ["memguard check: error: argument --target-python: invalid value: '2.7'; one is 3.11"],
    ),
    "an output": Mistake(
        "check --output report",
        2,
        [
            "memguard check: error: argument --output: no format can be told from 'report': write FORMAT=FILE, or use text for .txt, json for .json, sarif for .sarif, junit for .xml, markdown for .md, html for .html"
        ],
    ),
    "a baseline of a part": Mistake(
        "check --write-baseline --select MG1",
        2,
        ["memguard check: error: a baseline is of the whole project: leave out --select, --ignore and --changed-from"],
    ),
    "no baseline": Mistake(
        "check --prune-baseline",
        2,
        ["memguard-baseline.json: no such baseline: `memguard check --write-baseline` writes it"],
    ),
    "a command": Mistake("chek", 2, ["memguard: error: unknown command 'chek': did you mean 'check'?"]),
    "no value": Mistake("check --limit", 2, ["memguard check: error: argument --limit: expected one argument"]),
    "a topic": Mistake("explain MG299", 2, ["memguard explain: error: unknown topic 'MG299': did you mean 'MG201'?"]),
    "a platform": Mistake(
        "explain platforms rendr", 2, ["memguard explain platforms: error: unknown platform 'rendr': did you mean 'render'?"]
    ),
    "an argument of a rule": Mistake(
        "explain MG301 --wat",
        2,
        ["memguard explain MG301: error: unrecognized arguments: --wat; see `memguard explain MG301 --help`"],
    ),
    "no settings file": Mistake("check --config nope.toml", 2, ["nope.toml: error: no such settings file"]),
    "a key": Mistake(
        "check",
        2,
        ["memguard.toml:1: error: column 1: unknown key 'platfrom': did you mean 'platform'?"],
        {"memguard.toml": 'platfrom = "render-free"\n'},
    ),
    "a type": Mistake(
        "check",
        2,
        ["memguard.toml:1: error: column 1: exclude must be a list of strings, not 'tests'"],
        {"memguard.toml": 'exclude = "tests"\n'},
    ),
    "a share": Mistake(
        "check",
        2,
        ["memguard.toml:2: error: column 1: budget.warn must be a share up to 100%, such as '78%', not '0.78'"],
        {"memguard.toml": '[budget]\nwarn = "0.78"\n'},
    ),
    "a moment": Mistake(
        "check",
        2,
        ["memguard.toml:2: error: column 1: budget.judge must be 'start', 'serving' or 'all', not 'later'"],
        {"memguard.toml": '[budget]\njudge = "later"\n'},
    ),
    "a plan in the settings": Mistake(
        "check",
        2,
        [
            "memguard.toml:1: error: unknown platform 'fly': name a plan: fly-shared-cpu-1x (256 MiB), fly-shared-cpu-2x (512 MiB), fly-shared-cpu-4x (1024 MiB), fly-shared-cpu-6x (1536 MiB), fly-performance-1x (2048 MiB), fly-shared-cpu-8x (2048 MiB), fly-performance-2x (4096 MiB), fly-performance-4x (8192 MiB) and 6 more, which `memguard explain platforms fly` lists"
        ],
        {"memguard.toml": 'platform = "fly"\n'},
    ),
    "the table of pyproject.toml": Mistake(
        "check",
        2,
        [
            "memguard.toml:1: error: column 2: nothing reads 'tool' here: the tables of memguard.toml have no prefix, such as [forbid]"
        ],
        {"memguard.toml": '[tool.memguard]\nplatform = "render-free"\n'},
    ),
    "settings out of the project": Mistake(
        "check",
        2,
        ["memguard.toml:1: error: column 1: baseline must lie in the project, not at '../x.json'"],
        {"memguard.toml": 'baseline = "../x.json"\n'},
    ),
    "TOML": Mistake(
        "check",
        2,
        ["memguard.toml:1: error: column 12: is not valid TOML: Invalid value"],
        {"memguard.toml": "platform = \n"},
    ),
    "a pin": Mistake(
        "check",
        2,
        ["memguard.toml:2: error: column 1: pins.litellm must be specifiers such as '<1.70', not '1.70'"],
        {"memguard.toml": '[pins]\nlitellm = "1.70"\n'},
    ),
    "no reason": Mistake(
        "check",
        2,
        ["memguard.toml:2: error: column 1: services.web.skip must be the reason why it is not judged, not ''"],
        {"memguard.toml": '[services.web]\nskip = ""\n'},
    ),
    "no processes": Mistake(
        "check",
        2,
        ["memguard.toml:2: error: column 1: services.web.workers must be a number from 1 to 9999, not 0"],
        {"memguard.toml": "[services.web]\nworkers = 0\n"},
    ),
    "a merge in requirements.txt": Mistake(
        "check --select MG1",
        2,
        [
            "web: 9.9 of 512 MiB (default)",
            "requirements.txt:1: error: holds a merge that is not finished: edit it from <<<<<<< to >>>>>>>",
        ],
        {"requirements.txt": "<<<<<<< HEAD\nopenai==1.75.0\n=======\nopenai==1.74.0\n>>>>>>> next\n"},
    ),
    "a merge in pyproject.toml": Mistake(
        "check --select MG1",
        2,
        [
            "web: 9.9 of 512 MiB (default)",
            "pyproject.toml:2: error: holds a merge that is not finished: edit it from <<<<<<< to >>>>>>>",
        ],
        {"pyproject.toml": '[project]\n<<<<<<< HEAD\nname = "a"\n=======\nname = "b"\n>>>>>>> next\n'},
    ),
    "a merge in uv.lock": Mistake(
        "check --select MG1",
        2,
        [
            "web: 9.9 of 512 MiB (default)",
            "uv.lock:2: error: holds a merge that is not finished: edit it from <<<<<<< to >>>>>>>",
        ],
        {
            "pyproject.toml": '[project]\nname = "a"\nversion = "1"\ndependencies = ["litellm==1.69.3"]\n',
            "uv.lock": 'version = 1\n<<<<<<< HEAD\n=======\n[[package]]\nname = "litellm"\n>>>>>>> next\n',
        },
    ),
    "a requirement": Mistake(
        "check --select MG1",
        2,
        [
            "web: 9.9 of 512 MiB (default)",
            "requirements.txt:1: error: column 1: is not a valid requirement: 'openai=1.75.0' (Expected semicolon (after name with no version specifier) or end)",
        ],
        {"requirements.txt": "openai=1.75.0\n"},
    ),
    "an include": Mistake(
        "check --select MG1",
        2,
        [
            "web: 9.9 of 512 MiB (default)",
            "requirements.txt:1: error: column 1: includes base.txt, which is missing",
        ],
        {"requirements.txt": "-r base.txt\nopenai==1.75.0\n"},
    ),
    "Python 2": Mistake(
        "check --select MG2",
        0,
        [
            "main.py:2: skipped: does not parse: it looks like Python 2: Missing parentheses in call to 'print'. Did you mean print(...)?; of its imports only those at the start of a line are followed"
        ],
        {"main.py": 'import json\nprint "hello"\n'},
    ),
    "a null byte": Mistake(
        "check --select MG2",
        0,
        [
            "main.py:2: skipped: does not parse: it holds a null byte; of its imports only those at the start of a line are followed"
        ],
        {"main.py": "import json\n\x00\n"},
    ),
    "YAML": Mistake(
        "check --select MG4",
        2,
        ["render.yaml:2: error: column 1: is not valid YAML: expected the node content, but found '<stream end>'"],
        {"render.yaml": "services: [\n"},
    ),
    "a baseline": Mistake(
        "check",
        2,
        ["memguard-baseline.json:1: error: column 1: is no baseline of schema 1"],
        {"memguard-baseline.json": "[]\n"},
    ),
    "a package": Mistake("explain pandsa", 2, ["memguard explain: error: unknown topic 'pandsa': did you mean 'pandas'?"]),
    "a package that nobody measured": Mistake(
        "explain qqqqqq",
        2,
        ["memguard explain: error: unknown topic 'qqqqqq': no rule, hook or measured package has this name"],
    ),
    "two folders": Mistake(
        "check . .", 2, ["memguard check: error: unrecognized arguments: .; see `memguard check --help`"]
    ),
    "a suffix": Mistake(
        "check --output x.pdf",
        2,
        [
            "memguard check: error: argument --output: no format can be told from 'x.pdf': write FORMAT=FILE, or use text for .txt, json for .json, sarif for .sarif, junit for .xml, markdown for .md, html for .html"
        ],
    ),
    "no time": Mistake("check --timeout 0", 2, ["memguard check: error: argument --timeout: invalid value: '0'; one is 30"]),
    "no branch": Mistake(
        "check --changed-from nope",
        2,
        [".: error: git knows no commit 'nope' here: fetch it first (`git fetch`, or `fetch-depth: 0`)"],
    ),
    "no log": Mistake("logs nope.log", 2, ["memguard logs: error: nope.log: cannot be read: No such file or directory"]),
    "an exit status": Mistake(
        "health --exit-status 999",
        2,
        ["memguard health: error: argument --exit-status: not an exit status: '999'; 0 to 255, or -9 for a signal"],
    ),
    "a file that is not there": Mistake(
        "hook nope.py", 2, ["web: 9.9 of 512 MiB (default)", "nope.py: error: no such file"]
    ),
    "an allowance without a reason": Mistake(
        "fix --allow MG201", 2, ["memguard fix: error: argument --allow: expected 3 arguments"]
    ),
    "a repository": Mistake(
        "init --repo nowhere",
        2,
        ["memguard init: error: argument --repo: must be OWNER/NAME or an address of git without a password, not 'nowhere'"],
    ),
}


@pytest.mark.parametrize("mistake", [pytest.param(one, id=name) for name, one in MISTAKES.items()])
def test_a_mistake_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mistake: Mistake
) -> None:
    write(tmp_path, {**APP, **mistake.files})
    monkeypatch.chdir(tmp_path)
    status: object
    try:
        status = memguard.main(mistake.words.split())
    except SystemExit as end:
        status = end.code
    told = capsys.readouterr()
    assert (told.out + told.err).splitlines() == mistake.lines
    assert status == mistake.status
