"""The same tree gives the same bytes in every format: elsewhere, in another locale, with other hashes, in another order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from folders import git

from memguard_hooks.report.formats import FORMATS, SUFFIXES

ROOT = Path(__file__).resolve().parent.parent

MORE = {
    "דוחות/חודשי & <b>.py": "import torch\nimport pandas\n\ntorch, pandas\n",
    "jobs/requirements.txt": "litellm\ntorch\n",
    "jobs/broken.toml": "x = [\n",
    "compose.yaml": "services:\n  jobs:\n    image: python:3.11\n    command: python jobs/main.py\n    mem_limit: 256m\n",
    "jobs/main.py": "import importlib\nimport numpy, scipy.stats\n\nimportlib.import_module(numpy.__doc__)\n",
    "pyproject.toml": "[project]\nname = 'x'\nversion = '1'\ndependencies = ['spacy', 'openai', 'faiss-cpu>1']\n",
}

PLACES = (
    {"LC_ALL": "C", "PYTHONHASHSEED": "0", "TZ": "UTC", "COLUMNS": "80"},
    {"LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4242", "TZ": "Asia/Jerusalem", "COLUMNS": "200", "PYTHONUTF8": "0"},
)


def files() -> dict[str, str]:
    """Return an app with findings of all hooks, of two services."""
    example = ROOT / "examples" / "oom-bot"
    found = {
        path.relative_to(example).as_posix(): path.read_text(encoding="utf-8")
        for path in example.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {**found, **MORE}


END = "== end of a report =="

EACH_FORMAT = f"""
import sys
from memguard_hooks.commands import check
for style in sys.argv[1:]:
    if check.main(["--format", style]) != 1:
        raise SystemExit(style)
    for stream in (sys.stdout, sys.stderr):
        print({END!r}, file=stream, flush=True)
"""
"""One interpreter for all formats: to start one for each takes longer than what is asked."""


def run(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=variables, capture_output=True, check=False)


def check(folder: Path, environment: dict[str, str]) -> dict[str, bytes]:
    """Return what is printed in each format, and each report that is written."""
    reports = folder.parent / "reports"
    reports.mkdir()
    outputs = [f"--output={reports / f'all{suffix}'}" for suffix in SUFFIXES]
    done = run(folder, environment, "-m", "memguard_hooks", "check", *outputs)
    assert done.returncode == 1, done.stderr
    found = {"first on stdout": done.stdout, "first on stderr": done.stderr}
    done = run(folder, environment, "-c", EACH_FORMAT, *FORMATS)
    assert done.returncode == 0, done.stderr
    for name, said in (("on stdout", done.stdout), ("beside", done.stderr)):
        *parts, rest = re.split(rb"%s\r?\n" % END.encode(), said)
        assert not rest
        found.update({f"{style} {name}": part for style, part in zip(FORMATS, parts, strict=True)})
    return found | {path.name: path.read_bytes() for path in reports.iterdir()}


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    found: list[dict[str, bytes]] = []
    for number, environment in enumerate(PLACES):
        folder = tmp_path / str(number) / ("app" if number == 0 else "אפליקציה with spaces")
        ordered = sorted(files().items(), reverse=bool(number))  # folders list their files as they were made
        for name, text in ordered:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message=app")):
            git(folder, *arguments)
        found.append(check(folder, environment))
    first, second = found
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert [name for name, said in first.items() if str(tmp_path).encode() in said] == []
    assert first["all.json"] == first["json on stdout"]
    assert first["all.html"] == first["html on stdout"]
    assert first["all.sarif"] == first["sarif on stdout"]
    assert first["all.md"] == first["markdown on stdout"]
