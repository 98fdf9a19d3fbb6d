"""Each line of `.pre-commit-hooks.yaml` is held: by the code, by the documentation and by upstream's own validators."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli
import yaml

from memguard_hooks.commands.hook import may_be_judged
from memguard_hooks.dependencies import lock_readers, manifests
from memguard_hooks.finding import CODES
from memguard_hooks.hooks import all_hooks

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / ".pre-commit-hooks.yaml"

HOOKS: dict[str, dict[str, object]] = {
    str(hook["id"]): hook for hook in yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
}
ALL = "memguard"
"""The hook that runs all others."""
MODULES = {name: importlib.import_module(f"memguard_hooks.hooks.{name.replace('-', '_')}") for name in HOOKS if name != ALL}

JUDGE_FILES = tuple(all_hooks.WAKES)
JUDGE_PROJECT = tuple(name for name in all_hooks.HOOKS if name not in all_hooks.WAKES)

KNOWN_FIELDS = {
    "additional_dependencies", "alias", "always_run", "args", "description", "entry", "exclude", "exclude_types",
    "fail_fast", "files", "id", "language", "language_version", "log_file", "minimum_pre_commit_version", "name",
    "pass_filenames", "require_serial", "stages", "types", "types_or", "verbose",
}  # fmt: skip
"""What https://pre-commit.com/#creating-new-hooks names; validate-manifest takes any other key in silence."""

MANIFEST_PATHS = (
    "requirements.txt", "requirements-dev.txt", "requirements.in", "requirements/base.txt", "requirements/prod.in",
    "dev-requirements.txt", "api/requirements.txt", "Requirements.txt", "constraints.txt", "deploy/constraints-3.11.txt",
    "pyproject.toml", "services/api/pyproject.toml", "דרישות/requirements פיתוח.txt", "setup.py", "api/setup.cfg", "Pipfile",
    "environment.yml", "environment-gpu.yaml", "conda.yml", "uv.lock", "api/poetry.lock", "pdm.lock", "Pipfile.lock",
    "pylock.toml", "pylock.web.toml",
)  # fmt: skip
OTHER_PATHS = (
    "requirements.md", "requirements.yml", "requirements.txt.orig", "requirements/README.md", "requirements/old/base.txt",
    "myrequirements/base.txt", "require.txt", "my-constraints.txt", "constraints.in", "pyproject.toml.j2",
    "old-pyproject.toml", "Cargo.lock", "poetry.lock.old", "setup.cfg.in", "mysetup.cfg", "Pipfile.bak",
    "my-environment.yml", "pylock.a.b.toml", "README.md", "requirements",
)  # fmt: skip
PYTHON_PATHS = ("main.py", "app/api.py", "window.pyw", "בוט ראשי.py", "a b/c d.py")
NOT_PYTHON_PATHS = ("main.pyi", "main.pyc", "main.py.txt", "notes.md", "py", "happy", "main.ipynb", "ext.pyx")
DEPLOYMENT_PATHS = (
    "Procfile",
    "render.yaml",
    "fly.toml",
    "Dockerfile",
    "web.Dockerfile",
    "Dockerfile.prod",
    "start.sh",
    "railway.json",
    "railway.toml",
    "nixpacks.toml",
    "heroku.yml",
    "app.json",
    "app.yaml",
    ".do/app.yaml",
    ".do/deploy.template.yaml",
    "serverless.yml",
    "template.yaml",
    "compose.yaml",
    "docker-compose.yml",
    "docker-compose.prod.yml",
    "docker/docker-compose.yml",
    "deployment.yaml",
    "k8s/web.yaml",
    "kustomize/base/web.yml",
    "deploy/web.service",
    ".env",
    "config/prod.env",
    "memguard.toml",
    "pyproject.toml",
)
DEPLOYMENT_FILES = (
    "Procfile",
    "compose.prod.yaml",
    "deploy/fly.toml",
    "railway.json",
    ".env",
    "config/prod.env",
    "Dockerfile",
)
WAKES = {
    "pin-litellm": (*MANIFEST_PATHS, "Dockerfile", "api/web.Dockerfile", "Dockerfile.prod", "render.yaml"),
    "forbid-heavy-deps": (*MANIFEST_PATHS, "Dockerfile", "api/web.Dockerfile", "Dockerfile.prod", "render.yaml"),
    "no-eager-heavy-imports": PYTHON_PATHS,
    "log-volume": (*PYTHON_PATHS, *DEPLOYMENT_FILES),
}
SLEEPS = {
    "pin-litellm": (*OTHER_PATHS, *PYTHON_PATHS, "Procfile", "memguard.toml", "compose.yaml"),
    "forbid-heavy-deps": (*OTHER_PATHS, *PYTHON_PATHS, "Procfile", "memguard.toml", "compose.yaml"),
    "no-eager-heavy-imports": (*OTHER_PATHS, *NOT_PYTHON_PATHS, *DEPLOYMENT_PATHS, "requirements.txt"),
    "log-volume": (*NOT_PYTHON_PATHS, "requirements.txt", "README.md", "pyproject.toml"),
}

each_id = pytest.mark.parametrize("name", HOOKS)
each_hook = pytest.mark.parametrize("name", MODULES)


def test_ids() -> None:
    assert tuple(HOOKS) == (ALL, *JUDGE_FILES, *JUDGE_PROJECT)


def test_each_hook_that_judges_files_has_paths_that_wake_it_and_paths_that_do_not() -> None:
    assert set(all_hooks.WAKES) == all_hooks.JUDGE_FILES, "WAKES and JUDGE_FILES of hooks/all_hooks.py name the same hooks"
    for table, name in ((WAKES, "WAKES"), (SLEEPS, "SLEEPS")):
        assert set(table) == set(JUDGE_FILES), f"{name} of this test has paths for each hook that judges files"


def test_one_hook_runs_all_and_each_file_wakes_what_judges_the_project() -> None:
    assert HOOKS[ALL]["entry"] == "memguard hook"
    assert {name: HOOKS[name]["files"] for name in JUDGE_FILES} == all_hooks.WAKES
    assert tuple(all_hooks.HOOKS) == tuple(MODULES)
    for name in (ALL, *JUDGE_PROJECT):
        assert HOOKS[name].keys().isdisjoint({"files", "types", "types_or", "exclude", "exclude_types", "always_run"})


def test_what_a_hook_judges_is_part_of_what_was_asked() -> None:
    paths = {path for paths in WAKES.values() for path in paths}
    assert [path for path in paths if not may_be_judged(path)] == []
    assert not may_be_judged("README.md")
    assert not may_be_judged("gunicorn.conf")


@each_hook
def test_id_is_the_name_of_the_console_script_and_of_the_module(name: str) -> None:
    scripts = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert HOOKS[name]["name"] == name
    assert HOOKS[name]["entry"] == name
    assert HOOKS[name]["language"] == "python"
    assert scripts[name] == f"memguard_hooks.__main__:{name.replace('-', '_')}"
    assert {script for script in scripts if script != "memguard"} == set(MODULES)


@each_hook
def test_module_holds_rules_check_main_and_their_documentation(name: str) -> None:
    module = MODULES[name]
    documentation = module.__doc__ or ""
    assert name == module.HOOK
    assert module.RULES
    assert all(re.fullmatch(r"MG[1-7]\d\d", code) and text for code, text in module.RULES.items())
    assert callable(module.check)
    assert callable(module.main)
    assert re.search(r"(?m)^bad: +\S", documentation)
    assert re.search(r"(?m)^good: +\S", documentation)
    assert documentation.partition("\n")[0].endswith(".")


NO_HOOKS = {"__init__", "all_hooks", "options", "running"}
FILES = sorted({path.stem for path in (ROOT / "memguard_hooks" / "hooks").glob("*.py")} - NO_HOOKS)

LISTS = {
    ".pre-commit-hooks.yaml, an entry": (".pre-commit-hooks.yaml", r"^- id: {id}$"),
    "pyproject.toml, [project.scripts]": ("pyproject.toml", r"^{id} = "),
    "pyproject.toml, the layers of `no hook imports another hook`": (
        "pyproject.toml", r'^  "(?:.* \| )?{module}(?: \| .*)?",$'
    ),
    "memguard_hooks/__main__.py, a function": ("memguard_hooks/__main__.py", r"^def {module}\("),
    "memguard_hooks/finding.py, _NUMBERS": ("memguard_hooks/finding.py", r'^    "{id}": \('),
    "memguard_hooks/hooks/all_hooks.py, HOOKS": ("memguard_hooks/hooks/all_hooks.py", r'^    "{id}": {module}\.check,'),
    "memguard_hooks/rules/__init__.py, FAMILIES": ("memguard_hooks/rules/__init__.py", r'^    "{id}": "'),
    "README.md, a row of the table": ("README.md", r"^\| \[`{id}`\]\(docs/hooks\.md#{id}\) \|"),
    "docs/hooks.md, a section": ("docs/hooks.md", r"^## `{id}`$"),
    "docs/hooks.md, the entry that lists the hooks": ("docs/hooks.md", r"^      - id: {id}$"),
}  # fmt: skip
"""Where each hook stands: what to call the list, its file, and what its line looks like."""


@pytest.mark.parametrize("module", FILES)
def test_each_hook_stands_in_each_list(module: str) -> None:
    words = {"id": module.replace("_", "-"), "module": module}
    missing = [
        where
        for where, (path, line) in LISTS.items()
        if not re.search(line.format(**words), (ROOT / path).read_text("utf-8"), re.MULTILINE)
    ]
    assert not missing, "\n  ".join([f"{words['id']} is missing in:", *missing])


def test_each_id_has_a_module() -> None:
    assert {name.replace("-", "_") for name in MODULES} == set(FILES), "the manifest has other hooks than hooks/"


def test_codes_are_those_of_the_rules() -> None:
    rules = [(code, name) for name, module in MODULES.items() for code in module.RULES]
    assert sorted(CODES.items()) == sorted(rules)


@each_hook
def test_readme_names_the_hook_and_the_page_of_the_hooks_has_its_section(name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    assert readme.count(f"\n| [`{name}`](docs/hooks.md#{name}) | ") == 1
    assert len(re.findall(rf"(?m)^## `{name}`$", page)) == 1
    assert f"      - id: {name}\n" in page


def test_readme_shows_the_entry_of_the_hook_that_runs_all() -> None:
    assert f"      - id: {ALL}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


@each_hook
def test_the_page_of_the_hooks_names_all_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    assert read_options(name, capsys) <= set(re.findall(r"--[a-z-]+", page))


def read_options(name: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit) as stop:
        MODULES[name].main(["--help"])
    assert stop.value.code == 0
    return set(re.findall(r"(?m)^  (?:-h, )?(--[a-z-]+)", capsys.readouterr().out)) - {"--help"}


@pytest.mark.parametrize("name", JUDGE_FILES)
def test_files_that_wake(name: str) -> None:
    assert [path for path in WAKES[name] if not re.search(str(HOOKS[name]["files"]), path)] == []


@pytest.mark.parametrize("name", JUDGE_FILES)
def test_files_that_do_not_wake(name: str) -> None:
    assert [path for path in SLEEPS[name] if re.search(str(HOOKS[name]["files"]), path)] == []


@pytest.mark.parametrize("name", JUDGE_FILES[:2])
@pytest.mark.parametrize("path", [*MANIFEST_PATHS, *OTHER_PATHS, "Pyproject.toml"])
def test_files_that_wake_are_those_that_a_run_without_names_reads(name: str, path: str) -> None:
    is_read = manifests.is_manifest(path) or lock_readers.is_lock(path)
    assert bool(re.search(str(HOOKS[name]["files"]), path)) == is_read


@each_id
def test_fields_are_known_upstream(name: str) -> None:
    assert HOOKS[name].keys() <= KNOWN_FIELDS


@pytest.mark.parametrize("tool", ["pre_commit", "prek"])
def test_tools_accept_the_manifest(tool: str) -> None:
    command = (sys.executable, "-m", tool, "validate-manifest", str(MANIFEST))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "warning" not in (done.stdout + done.stderr).lower()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", JUDGE_FILES)
def test_hooks_that_judge_files_take_their_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "pass_filenames" not in HOOKS[name]
    assert "verbose" not in HOOKS[name]
    assert HOOKS[name].get("require_serial", False) is (name in ("no-eager-heavy-imports", "log-volume"))
    with pytest.raises(SystemExit):
        MODULES[name].main(["--help"])
    assert "[files ...]" in capsys.readouterr().out


@pytest.mark.parametrize("name", JUDGE_PROJECT)
def test_hooks_that_judge_the_project_take_names_to_know_what_a_commit_holds(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert HOOKS[name]["require_serial"] is True
    assert HOOKS[name]["verbose"] is True
    with pytest.raises(SystemExit):
        MODULES[name].main(["--help"])
    assert "[files ...]" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["main.py", "app/setup.py", "setup.py", "a/requirements/x.py", "k8s/a.py", "x.pyw",
                                  "requirements.txt", "Procfile", "a.env.py", "compose.py", "README.md",
                                  "Requirements-dev.TXT", "requirements/base.txt", "a/requirements/base.TXT", "notes.txt",
                                  "constraints.txt", "Dockerfile.txt", "a.Containerfile.txt", "prod.env.txt",
                                  ".env.TXT"])  # fmt: skip
def test_a_file_wakes_what_the_patterns_say(path: str) -> None:
    for hook, pattern in all_hooks.WAKES.items():
        assert all_hooks.is_woken(hook, path) is (re.search(pattern, path) is not None)
