"""Bounds that are not silent: who reads the first of many tells that there are more."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from folders import commit, write

import memguard_hooks
from memguard_hooks.commands import check

PACKAGE = Path(memguard_hooks.__file__).parent


def bounds_in(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names of the bounds in a function, and whether each only cuts there: `x[:MAX_X]`, `islice(x, MAX_X)`."""
    cutting: set[ast.AST] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Slice) and one.slice.lower is None:
            cutting |= {one.slice.upper} if one.slice.upper is not None else set()
        elif isinstance(one, ast.Call) and ast.unparse(one.func).endswith("islice"):
            cutting |= {*one.args[1:]}
    for one in ast.walk(node):
        name = one.attr if isinstance(one, ast.Attribute) else one.id if isinstance(one, ast.Name) else ""
        if name.lstrip("_").startswith("MAX_"):
            yield name, one in cutting


def silent() -> Iterator[tuple[str, str]]:
    """Yield the bounds that a function cuts by, and does nothing else with: module and name."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found: dict[str, bool] = {}
                for name, is_cut in bounds_in(function):
                    found[name] = found.get(name, True) and is_cut
                yield from ((path.relative_to(PACKAGE).as_posix(), name) for name, is_cut in found.items() if is_cut)


HARMLESS = {
    "app/found_by_name.py": ("MAX_LISTS",),  # a bot has one or two
    "app/likely_starts.py": ("MAX_BYTES",),  # the settings of a space stand at the head of its README
    "commands/first_settings.py": ("MAX_SERVICES",),  # services are proposed to a person
    "dependencies/wheel_size.py": ("MAX_BLOCK",),  # of a size that is not found nothing is told
    "formats/python_source.py": ("MAX_REASON",),
    "imports/django.py": ("MAX_PATTERN",),  # longer patterns fit no file
    "imports/walker.py": ("_MAX_TEXT",),
    "logs/calls.py": ("MAX_KEPT", "MAX_TEXT"),
    "logs/exports.py": ("MAX_FIELD",),  # as long as a line may be
    "logs/feeds.py": ("MAX_KEPT", "MAX_NAMES", "MAX_REACHED"),
    "logs/lines.py": ("MAX_PAIRS",),
    "logs/loops.py": ("MAX_TEXT",),
    "logs/setup.py": ("MAX_FILES", "MAX_TARGETS", "MAX_TEXT"),
    "logs/templates.py": ("MAX_LETTERS",),
    "rules/dependencies/forbidden_ways.py": ("MAX_BRINGERS",),  # the first of those that bring a package are enough
    "rules/dependencies/twice.py": ("MAX_TWINS",),  # the first of many pairs is told
    "rules/deployment/image.py": ("MAX_LENGTH",),
    "rules/deployment/variables.py": ("MAX_VARIABLES",),
    "rules/logs/findings.py": ("MAX_SETTINGS",),
    "rules/logs/lines.py": ("MAX_SUBJECT",),
}
"""Bounds of what is shown to people, or of findings that no verdict hangs on."""

TOLD_ELSEWHERE = {
    "app/pickled.py": ("MAX_NAMES",),  # by what is left of the names
    "dependencies/install_command.py": ("MAX_LENGTH",),  # by read_installs
    "deployment/beanstalk.py": ("MAX_FILES",),
    "deployment/command.py": ("MAX_DEPTH", "MAX_TOGETHER"),  # not judged
    "deployment/helm.py": ("MAX_TEMPLATES",),
    "deployment/images.py": ("MAX_TEXT",),  # nobody knows the image then
    "deployment/kubernetes.py": ("MAX_DOCUMENTS",),  # nobody knows the variable then
    "deployment/nomad.py": ("MAX_BYTES",),
    "deployment/python_program.py": ("MAX_LENGTH", "MAX_TEXT", "MAX_WORDS"),  # whether a foreign image holds Python
    "deployment/servers/wsgi.py": ("MAX_TOGETHER",),
    "deployment/start_script.py": ("MAX_BYTES",),
    "deployment/terraform.py": ("MAX_TEXT",),  # no JSON then, which is told
    "models/folding.py": ("MAX_VALUES",),  # with ANYTHING behind them
    "models/members.py": ("MAX_HEIRS",),  # with ANYTHING behind them
    "startup/calls.py": ("MAX_WORDS",),  # only a run can tell the file then
    "models/parameters.py": ("MAX_PARENTS",),  # the model counts all the same, at whatever moment
}
"""Bounds of which another function tells, or beyond which what is asked is unknown and told as that."""


def test_who_cuts_tells() -> None:
    found: dict[str, set[str]] = {}
    for path, name in silent():
        found.setdefault(path, set()).add(name)
    assert {path: tuple(sorted(names)) for path, names in found.items()} == {**HARMLESS, **TOLD_ELSEWHERE}


WEB = {"Procfile": "web: python main.py\n", "main.py": "", "memguard.toml": 'limit = "4GiB"\n'}
CLEVER = {"clevercloud/python.json": '{"deploy": {"module": "main:app", "managetasks": ["a", "b"]}}', "main.py": ""}
RAILWAY = {"railway.json": '{"deploy": {"startCommand": "python main.py", "preDeployCommand": ["a", "b"]}}', "main.py": ""}
HEROKU = {"heroku.yml": "release:\n  command: [a, b]\nrun:\n  web: python main.py\n", "main.py": ""}
COMPOSE = {"compose.yaml": "services:\n  web: {command: python main.py}\n", ".env": "A=1\nB=2\n", "main.py": ""}
NAMED = {**COMPOSE, ".env": "COMPOSE_FILE=compose.yaml:b.yaml\n"}
IMAGE = {
    "Dockerfile": "FROM python:3.12\nARG A=1 B=2\nENV A=1 B=2\nCOPY a b /\nRUN pip install x y\nCMD python main.py\n",
    "main.py": "",
}
WORKFLOW = "jobs:\n  a: {steps: [{run: a}, {run: b}]}\n  b: {steps: []}\n"
BUILT = {
    "compose.yaml": "services:\n  web: {image: ghcr.io/me/shop, command: python main.py}\n",
    ".github/workflows/image.yml": WORKFLOW,
    "main.py": "",
}
CALLS = {**WEB, "main.py": "def f():\n    g()\ndef g():\n    pass\nf()\n"}
MEMBERS = {**WEB, "pyproject.toml": '[tool.uv.workspace]\nmembers = ["a", "b"]\n', "a/x.py": "", "b/x.py": ""}
NAMING = {**WEB, "main.py": "import a, b\n", "a.py": "", "b.py": ""}
EXTENSIONS = {
    "Procfile": "w: python bot.py\n",
    "bot.py": "import discord, json\nbot = discord.Bot()\nfor name in json.load(open('x')):\n    bot.load_extension(name)\n",
    "a/x.py": "",
    "b/x.py": "",
}
FOLDERS = {**IMAGE, "a/x.py": "", "b/x.py": ""}


@pytest.mark.parametrize(
    ("bound", "files", "place", "reason"),
    [
        ("deployment.clever_cloud.MAX_TASKS", CLEVER, "clevercloud/python.json", "has more than 1 managetasks"),
        ("deployment.railway.MAX_COMMANDS", RAILWAY, "railway.json", "has more than 1 commands before a deployment"),
        ("deployment.heroku.MAX_PROCESSES", HEROKU, "heroku.yml", "has more than 1 commands of the release phase"),
        ("deployment.compose_values.MAX_VARIABLES", COMPOSE, ".env", "has more than 1 variables"),
        ("deployment.compose_values.MAX_ENV_BYTES", COMPOSE, ".env", "is larger than 0 KiB"),
        ("deployment.compose.MAX_FILES", NAMED, "compose.yaml", "has more than 1 files in COMPOSE_FILE"),
        ("deployment.dockerfile.MAX_VARIABLES", IMAGE, "Dockerfile", "has more than 1 arguments"),
        ("deployment.images.MAX_ITEMS", BUILT, ".github/workflows/image.yml", "it has more than 1 jobs"),
        ("dependencies.image_commands.MAX_COPIES", IMAGE, "Dockerfile", "what the rest installs is not known"),
        ("dependencies.install_command.MAX_LENGTH", IMAGE, "Dockerfile", "what it installs there is not known"),
        ("project.declared.MAX_FOLDERS", FOLDERS, "a", "more than 1 folders may hold a Dockerfile"),
        ("app.path_edits.MAX_NAMED", NAMING, "main.py", "has more than 1 modules of the project in its imports"),
        ("imports.resolve.MAX_FOLDERS", EXTENSIONS, "bot.py", "loads extensions of more than"),
        ("imports.layout.MAX_MEMBERS", MEMBERS, "pyproject.toml", "more than 1 members or patterns of them"),
        ("deployment.calls_at_start.MAX_DEPTH", CALLS, "Procfile", "main.py calls more as it starts than is followed"),
        ("deployment.calls_at_start.MAX_NODES", CALLS, "Procfile", "main.py calls more as it starts than is followed"),
    ],
)
def test_what_is_left_out_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bound: str,
    files: dict[str, str],
    place: str,
    reason: str,
) -> None:
    write(tmp_path, files)
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMGUARD_CACHE_DIR", "")
    assert reason not in said(capsys)
    monkeypatch.setattr(f"memguard_hooks.{bound}", 1)
    assert [line.partition(":")[0] for line in said(capsys).splitlines() if reason in line] == [place]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a run says of the current folder."""
    check.main([])
    return "\n".join(capsys.readouterr())
