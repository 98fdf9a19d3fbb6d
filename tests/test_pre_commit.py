"""The hooks through real pre-commit and real prek, in repositories of their own, installed from this checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import NamedTuple

import pytest

from memguard_hooks.hooks import all_hooks

pytestmark = pytest.mark.usefixtures("hook_tools")

IDS = tuple(all_hooks.HOOKS)
TOOLS = ("pre-commit", "prek")

LIMIT = 'limit = "512MiB"\n'
BAD = {
    "Procfile": "web: uvicorn main:app --workers 3\n",
    "memguard.toml": LIMIT,
    "requirements.txt": "fastapi==0.121.0\nlitellm>=1.30\npandas==2.2.3\ntorch==2.8.0\nuvicorn==0.38.0\n",
    "main.py": "import litellm\nimport pandas\nfrom fastapi import FastAPI\n\napp = FastAPI(litellm, pandas)\n",
}
"""A service that is over its budget, and all the reasons for it."""

GOOD = {
    "Procfile": "web: uvicorn main:app --workers 1\n",
    "memguard.toml": LIMIT,
    "requirements.txt": "fastapi==0.121.0\nlitellm==1.69.3\npandas==2.2.3\nuvicorn==0.38.0\n",
    "main.py": textwrap.dedent(
        """\
        from fastapi import FastAPI

        app = FastAPI()


        def export(rows):
            import pandas

            return pandas.DataFrame(rows)


        def ask(question):
            import litellm

            return litellm.completion("gpt-4o-mini", [{"role": "user", "content": question}])
        """
    ),
}
"""The same service, mended."""

ALLOWED = "import litellm  # memguard: allow[MG201] each request needs it\n"
"""What one process of the service carries, and four do not."""


class Outcome(NamedTuple):
    """What a tool says of one hook: its status, and what the hook printed, without figures of the catalog."""

    status: str
    output: str = ""


class Run(NamedTuple):
    """One run of a tool: its exit status, and the outcome of each hook."""

    code: int
    hooks: dict[str, Outcome]
    raw: str


PASSED = Outcome("Passed")
SKIPPED = Outcome("(no files to check)Skipped")
QUIET = {name: PASSED for name in IDS if name not in ("pin-litellm", "forbid-heavy-deps", "no-eager-heavy-imports")}
"""What runs when Python changes and finds nothing in these projects, unless a test says more: also a hook that is new."""

WHEEL = "take its wheel for CPUs (N MiB, not N MiB): --extra-index-url https://download.pytorch.org/whl/cpu"
HELD = (
    "move the import into the function that uses it, once nothing holds it here: line {line} uses it at module level, while "
    "the file loads"
)

WHERE = "`memguard` is not on your PATH, and was installed as PATH"
"""What a runner of hooks has installed is found by nobody else."""

REFUSED = {
    **dict.fromkeys(IDS, PASSED),
    "pin-litellm": Outcome(
        "Failed",
        "requirements.txt:2:1: MG101 litellm is not pinned exactly (>=1.30): it admits V, served on DATE\n"
        "    fix: litellm==V\n"
        "1 error, 0 warnings",
    ),
    "forbid-heavy-deps": Outcome(
        "Failed",
        "requirements.txt:4:1: MG110 torch is forbidden: it takes N MiB when imported (torch V)\n"
        "    fix: nothing here imports it: delete it\n"
        f"         or {WHEEL}\n"
        '         or, as the last resort, [forbid] allow = {torch = "why"}\n'
        "1 error, 0 warnings",
    ),
    "no-eager-heavy-imports": Outcome(
        "Failed",
        "main.py:1:1: MG201 litellm is loaded at start, imported at module level: N MiB with what it brings (litellm V)\n"
        f"    fix: {HELD.format(line=5)}\n"
        "main.py:2:1: MG201 pandas is loaded at start, imported at module level: N MiB with what it brings (pandas V), "
        "of which the fix saves N MiB\n"
        f"    fix: {HELD.format(line=5)}\n"
        f"do this, and it passes:\n  1. main.py:1, main.py:2: {HELD.format(line=5)}\n"
        "2 errors, 0 warnings",
    ),
    "memory-budget": Outcome(
        "Failed",
        "Procfile:1:1: MG301 web: N of 512 MiB (memguard.toml:1 limit): 3 processes of N MiB that share pages\n"
        "    fix: start 1 worker\n"
        "1 error, 0 warnings",
    ),
    "deploy-config": Outcome(
        "Failed",
        "Procfile:1:1: MG401 3 workers of web take N of 512 MiB (memguard.toml:1 limit): 1 fits\n"
        "    fix: start 1 worker\n"
        "1 error, 0 warnings",
    ),
}
"""What the hooks say of BAD in a repository without a commit."""


def _findings(output: str) -> str:
    """Return what a hook found, without what to do first and how many there are."""
    return output.partition("\ndo this")[0].removesuffix("\n1 error, 0 warnings")


ALL_REFUSED = Outcome(
    "Failed",
    "\n".join((
        *(_findings(REFUSED[name].output) for name in ("memory-budget", *IDS[2:3], *IDS[:2])),
        "do these two, and it passes:",
        "  1. `memguard fix`, which does:",
        "     Procfile:1: start 1 worker",
        "     requirements.txt:2: litellm==V",
        f"     requirements.txt:4: {WHEEL}",
        f"  2. main.py:1, main.py:2: {HELD.format(line=5)}",
        "5 errors, 0 warnings",
        WHERE,
    )),
)  # fmt: skip
"""The same from the one hook."""

FITS = Outcome("Passed", "web: N of 512 MiB (memguard.toml:1 limit)")
ACCEPTED = {**dict.fromkeys(IDS, PASSED), "memory-budget": FITS}

EAGER = "{path}:{line}:1: MG201 {name} is loaded at start, imported at module level: N MiB with what it brings ({name} V)\n    fix: move the import into the function that uses it\n1 error, 0 warnings"  # noqa: E501
ONE_EAGER = Outcome("Failed", EAGER.format(path="main.py", line=1, name="pandas"))


def grown(mebibytes: str) -> Outcome:
    """Return what memory-budget says of a service that fits, and of what the commit adds, if it adds anything."""
    added = f", this commit {mebibytes}" if mebibytes else ""
    return Outcome("Passed", f"web: N of 512 MiB (memguard.toml:1 limit){added}")


def mask(text: str) -> str:
    """Take out what measuring anew changes: tables, MiB, versions, dates, paths; limits and signs stay."""
    text = re.sub(r"(?m)^ +\+?[\d.]+ MiB  .*\n", "", text)
    text = re.sub(r"installed as \S+", "installed as PATH", text)
    text = re.sub(r"of \d+ MiB|(\d+(?:\.\d)?)(?= of \d+ MiB| MiB)", lambda m: "N" if m[1] else m[0], text)
    text = re.sub(r"(this commit [+-])[1-9]\d*", r"\1N", text)
    text = re.sub(r"processes of \d+ MiB", "processes of N MiB", text)
    text = re.sub(r"admits [\d.]+, served on \d{4}-\d\d-\d\d", "admits V, served on DATE", text)
    text = re.sub(r"((?:fix|:\d+): [a-z]+==)[\d.]+(  \(N MiB when imported\))?", r"\1V", text)
    return re.sub(r"\(([a-z]+) [\d.]+\)", r"(\1 V)", text)


ABOUT = r"- (hook id|description|duration|exit code):|\[(INFO|WARNING)\] |(Restored|Not committing) "
"""Lines of the tools between those of the hooks."""


def read_hooks(output: str) -> dict[str, Outcome]:
    """Read the report of a tool: a line of dots for each hook, lines about the hook, and its output."""
    found: dict[str, Outcome] = {}
    for line in output.splitlines():
        header = re.fullmatch(r"([a-z-]+)\.{3,}((?:\([a-z ]+\))?(?:Passed|Failed|Skipped))", line)
        if header:
            found[header[1]] = Outcome(header[2])
        elif found and not re.match(ABOUT, line):
            name, outcome = found.popitem()
            found[name] = Outcome(outcome.status, f"{outcome.output}{line}\n")
    return {
        name: Outcome(outcome.status, mask(textwrap.dedent(outcome.output).strip("\n"))) for name, outcome in found.items()
    }


def start(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, "PATH": PATH, **environment},
    )  # fmt: skip


PATH = os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if not Path(folder, "memguard").exists())
"""That of somebody who has only the hooks."""


class Repository:
    """A user's repository with our hooks, run by one tool."""

    def __init__(self, root: Path, tool: str, config: str) -> None:
        self.root = root
        self.tool = (sys.executable, "-m", tool.replace("-", "_"))
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write({".pre-commit-config.yaml": config})
        self.install()

    def copy(self, root: Path) -> Repository:
        """Return a copy at another place."""
        found = copy(self)
        found.root = Path(shutil.copytree(self.root, root, symlinks=True))
        return found

    def install(self, *options: str) -> None:
        """Let git run the tool."""
        done = start(*self.tool, "install", *options, cwd=self.root)
        assert done.returncode == 0, done.stderr

    def write(self, files: dict[str, str]) -> None:
        """Write files and stage all that there is."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        self.git("add", "--all")

    def git(self, *arguments: str) -> str:
        """Run git where it has to succeed."""
        done = start("git", *arguments, cwd=self.root)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_git(self, *arguments: str) -> Run:
        """Run a command of git that runs hooks, which git itself prints on stderr."""
        done = start("git", *arguments, cwd=self.root)
        return Run(done.returncode, read_hooks(done.stderr), done.stderr)

    def commit(self, *options: str) -> Run:
        """Commit, with the hooks."""
        return self.try_git("commit", "--quiet", "--message=work", *options)

    def begin(self, files: dict[str, str]) -> None:
        """Make a commit that no hook sees."""
        self.write(files)
        self.git("commit", "--quiet", "--message=begin", "--no-verify")

    def run_all(self) -> Run:
        """Run the hooks over all files."""
        done = start(*self.tool, "run", "--all-files", cwd=self.root)
        return Run(done.returncode, read_hooks(done.stdout), done.stdout + done.stderr)

    def commits(self) -> int:
        """Count the commits."""
        return len(start("git", "rev-list", "HEAD", cwd=self.root).stdout.split())


@pytest.fixture(scope="module")
def config(published: Path) -> str:
    """Return the configuration that a user writes."""
    entry = {"repo": str(published), "rev": "v0.1.0", "hooks": [{"id": name} for name in IDS]}
    return json.dumps({"repos": [entry]})  # JSON is YAML


@pytest.fixture(params=TOOLS, scope="module")
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, config: str) -> Repository:
    """Return the user's repository, once for each tool; tests work in copies of it."""
    return Repository(tmp_path_factory.mktemp(request.param) / "repository", request.param, config)


@pytest.fixture
def make(prepared: Repository, tmp_path: Path) -> Callable[[str], Repository]:
    """Return what makes the user's repository in a folder of that name."""
    return lambda name: prepared.copy(tmp_path / name)


@pytest.fixture
def repository(make: Callable[[str], Repository]) -> Repository:
    return make("repository")


def test_first_commit_is_refused_with_the_findings_and_passes_once_mended(repository: Repository) -> None:
    repository.write(BAD)
    refused = repository.commit()
    assert refused.hooks == REFUSED, refused.raw
    assert (refused.code, repository.commits()) == (1, 0)

    repository.write(GOOD)
    accepted = repository.commit()
    assert accepted.hooks == ACCEPTED, accepted.raw
    assert (accepted.code, repository.commits()) == (0, 1)


def test_no_verify_goes_through(repository: Repository) -> None:
    repository.write(BAD)
    assert repository.commit("--no-verify") == Run(0, {}, "")
    assert repository.commits() == 1


def test_all_files_fail_and_pass_once_mended(repository: Repository) -> None:
    repository.begin(BAD)
    failed = repository.run_all()
    budget = REFUSED["memory-budget"]
    told = budget.output + (
        "\nall of it was there before this commit: `memguard check --write-baseline` makes what is found known, "
        f"`--fail-on never` tells it and refuses nothing\n{WHERE}"
    )
    assert failed.hooks == {**REFUSED, "memory-budget": Outcome("Failed", told)}, failed.raw
    assert failed.code == 1

    repository.begin(GOOD)
    passed = repository.run_all()
    assert passed.hooks == {**ACCEPTED, "memory-budget": grown("")}, passed.raw
    assert passed.code == 0


@pytest.mark.parametrize(
    ("files", "said"),
    [
        pytest.param({"notes.md": "torch\n", "a/requirements.yml": "- torch\n", "a.pyi": "import torch\n"}, {}, id="none"),
        pytest.param(
            {"requirements-dev.in": "pytest\n"},
            dict.fromkeys(IDS[:2], PASSED),
            id="manifest",
        ),
        pytest.param({"tool.py": "import json\n"}, {IDS[2]: PASSED}, id="python"),
        pytest.param({"Procfile": "web: uvicorn main:app\n"}, {"memory-budget": grown("")}, id="deployment"),
    ],
)
def test_what_does_not_matter_says_nothing(repository: Repository, files: dict[str, str], said: dict[str, Outcome]) -> None:
    repository.begin(GOOD if said else BAD)
    for _ in range(2):  # once judged, and once from what was kept
        repository.write({name: f"{text}\n" for name, text in files.items()})
        run = repository.commit("--allow-empty")
        lines = SKIPPED if "requirements-dev.in" in files else PASSED  # any YAML may set the level of a service
        quiet = {name: SKIPPED if name in all_hooks.JUDGE_FILES else PASSED for name in IDS} | {"log-volume": lines}
        assert run.hooks == {**quiet, **said}, run.raw
        assert run.code == 0
        files = {name: f"{text}\n" for name, text in files.items()}


@pytest.mark.parametrize("is_one", [False, True])
def test_settings_of_a_server_in_a_file_of_any_name_are_judged(
    make: Callable[[str], Repository],
    config: str,
    is_one: bool,  # noqa: FBT001
) -> None:
    repository = make("repository")
    if is_one:
        entry = json.loads(config)["repos"][0]
        repository.write({".pre-commit-config.yaml": json.dumps({"repos": [{**entry, "hooks": [{"id": "memguard"}]}]})})
    app = {"main.py": "import pandas  # memguard: allow[MG201] each request needs it\napp = pandas\n"}
    start = {"Procfile": "web: gunicorn -c gunicorn.conf main:app\n", "gunicorn.conf": "workers = 1\n"}
    repository.begin({**app, **start, "memguard.toml": LIMIT})
    repository.write({"gunicorn.conf": "workers = 12\n"})
    run = repository.commit()
    assert run.code == 1, run.raw
    assert "MG301 web: " in run.raw
    assert "12 processes" in run.raw
    repository.write({"gunicorn.conf": "workers = 2\n"})
    run = repository.commit()
    assert run.code == 0, run.raw
    assert re.search(r"web: \d+ of 512 MiB \(memguard.toml:1 limit\), this commit \+\d+", run.raw)
    repository.write({"notes": "more\n"})
    run = repository.commit()
    assert run.code == 0, run.raw
    assert "web: " not in run.raw


def test_bad_line_that_is_not_staged_is_not_judged(repository: Repository) -> None:
    repository.write(GOOD)
    worse = {"main.py": f"import pandas\n{GOOD['main.py']}", "requirements.txt": "litellm\ntorch\n"}
    for name, text in worse.items():
        (repository.root / name).write_text(text, encoding="utf-8")
    run = repository.commit()
    assert run.hooks == ACCEPTED, run.raw
    assert run.code == 0
    assert {name: (repository.root / name).read_text(encoding="utf-8") for name in worse} == worse


def test_bad_line_that_is_mended_only_in_the_work_tree_is_judged(repository: Repository) -> None:
    repository.write(BAD)
    for name, text in GOOD.items():
        (repository.root / name).write_text(text, encoding="utf-8")
    run = repository.commit()
    assert run.hooks == REFUSED, run.raw
    assert (run.code, repository.commits()) == (1, 0)
    assert {name: (repository.root / name).read_text(encoding="utf-8") for name in GOOD} == GOOD


def test_budget_says_what_the_commit_adds(repository: Repository) -> None:
    repository.begin(GOOD)
    path = repository.root / "main.py"
    path.write_text(f"import sqlalchemy\n{GOOD['main.py']}", encoding="utf-8")
    run = repository.commit("--all")  # git writes the index of this commit to another file
    quiet = dict.fromkeys(("pin-litellm", "forbid-heavy-deps"), SKIPPED)
    assert run.hooks == {**ACCEPTED, **quiet, "memory-budget": grown("+N")}, run.raw
    path.write_text(GOOD["main.py"], encoding="utf-8")
    run = repository.commit("main.py")
    assert run.hooks == {**ACCEPTED, **quiet, "memory-budget": grown("-N")}, run.raw


def test_names_with_spaces_and_hebrew(make: Callable[[str], Repository]) -> None:
    repository = make("הבוט שלי")
    good = {
        "Procfile": "web: python 'תיקייה ראשית/הבוט שלי.py'\n",
        "memguard.toml": LIMIT,
        "תיקייה ראשית/הבוט שלי.py": "print()\n",
    }
    repository.begin(good)
    repository.write({
        "תיקייה ראשית/הבוט שלי.py": "import pandas\n\nprint(pandas)\n",
        "דרישות/requirements פיתוח.txt": "litellm\ntorch==2.8.0\n",
    })  # fmt: skip
    run = repository.commit()
    pins, forbidden, *_ = REFUSED.values()
    manifest = "דרישות/requirements פיתוח.txt"
    assert run.hooks == {
        **QUIET,
        "pin-litellm": pins._replace(
            output=pins.output.replace("requirements.txt:2", f"{manifest}:1").replace(">=1.30", "any version")
        ),
        "forbid-heavy-deps": forbidden._replace(output=forbidden.output.replace("requirements.txt:4", f"{manifest}:2")),
        "no-eager-heavy-imports": Outcome(
            "Failed",
            EAGER.format(path="תיקייה ראשית/הבוט שלי.py", line=1, name="pandas").replace(
                "move the import into the function that uses it", HELD.format(line=3)
            ),
        ),
        "memory-budget": grown("+N"),
    }, run.raw
    assert run.code == 1


def test_worktree(make: Callable[[str], Repository]) -> None:
    repository = make("repository")
    repository.begin(GOOD)
    repository.git("worktree", "add", "--quiet", "-b", "side", "../side tree")
    repository.root = repository.root.parent / "side tree"
    repository.write({"main.py": f"import pandas\n{GOOD['main.py']}"})
    refused = repository.commit()
    budget = {**QUIET, "memory-budget": grown("+N")}
    quiet = dict.fromkeys(("pin-litellm", "forbid-heavy-deps"), SKIPPED)
    assert refused.hooks == {**quiet, "no-eager-heavy-imports": ONE_EAGER, **budget}, refused.raw
    assert (refused.code, repository.commits()) == (1, 1)

    repository.write({"main.py": f"{GOOD['main.py']}\n# mended\n"})
    accepted = repository.commit()
    assert accepted.hooks == {**ACCEPTED, **quiet, "memory-budget": grown("")}, accepted.raw
    assert (accepted.code, repository.commits()) == (0, 2)


def test_merge_that_brings_together_what_does_not_fit(repository: Repository) -> None:
    repository.install("--hook-type=pre-merge-commit")
    repository.begin(GOOD)
    repository.git("switch", "--quiet", "--create=more")
    repository.write({"Procfile": "web: uvicorn main:app --workers 4\n"})
    assert repository.commit().code == 0
    repository.git("switch", "--quiet", "main")
    repository.write({"main.py": f"{ALLOWED}{GOOD['main.py']}"})
    assert repository.commit().code == 0

    run = repository.try_git("merge", "--no-edit", "more")
    told = (
        "Procfile:1:1: MG301 web: N of 512 MiB (memguard.toml:1 limit), this commit +N (4 processes, not 1): "
        "4 processes of N MiB that share pages\n"
        "    fix: import litellm inside the function: -N MiB (main.py:1 → litellm)\n"
        "         or start 2 workers\n"
        "1 error, 0 warnings"
    )
    workers = (
        "Procfile:1:1: MG401 4 workers of web take N of 512 MiB (memguard.toml:1 limit): 2 fit\n"
        "    fix: start 2 workers\n"
        "1 error, 0 warnings"
    )
    judged = {
        **QUIET,
        "memory-budget": Outcome("Failed", told),
        "deploy-config": Outcome("Failed", workers),
    }
    assert run.hooks == {**dict.fromkeys(IDS, SKIPPED), **judged}, run.raw
    assert run.code != 0


def test_merge_with_a_conflict(repository: Repository) -> None:
    repository.begin(GOOD)
    repository.git("switch", "--quiet", "--create=other")
    repository.begin({"main.py": GOOD["main.py"].replace("FastAPI()", "FastAPI(title='other')")})
    repository.git("switch", "--quiet", "main")
    repository.begin({"main.py": GOOD["main.py"].replace("FastAPI()", "FastAPI(title='main')")})
    assert repository.try_git("merge", "--quiet", "other").code == 1

    repository.write({"main.py": f"import pandas\n{GOOD['main.py']}"})
    refused = repository.commit()
    budget = {**QUIET, "memory-budget": grown("+N")}
    quiet = dict.fromkeys(("pin-litellm", "forbid-heavy-deps"), SKIPPED)
    assert refused.hooks == {**quiet, "no-eager-heavy-imports": ONE_EAGER, **budget}, refused.raw
    assert refused.code == 1

    repository.write({"main.py": GOOD["main.py"]})
    accepted = repository.commit()
    assert accepted.hooks == {**ACCEPTED, **quiet, "memory-budget": grown("")}, accepted.raw
    assert (accepted.code, repository.commits()) == (0, 4)


def test_arguments_of_the_configuration(make: Callable[[str], Repository], config: str) -> None:
    repository = make("repository")
    changed = json.loads(config)
    hooks = {one["id"]: one for one in changed["repos"][0]["hooks"]}
    hooks["pin-litellm"]["args"] = ["--max-version", "1.60.0"]
    hooks["memory-budget"]["args"] = ["--limit=100MiB"]
    main = f"{ALLOWED}{GOOD['main.py']}"
    repository.write({**GOOD, "main.py": main, ".pre-commit-config.yaml": json.dumps(changed)})
    run = repository.commit()
    assert run.hooks == {
        **ACCEPTED,
        "pin-litellm": Outcome(
            "Failed",
            "requirements.txt:2:1: MG102 litellm 1.69.3 is not <=1.60.0, the limit of --max-version (N MiB when imported)"
            ": 1.69.3 takes N MiB less than 1.55.0\n"
            "    fix: litellm==V\n"
            '         or raise the limit: [pins] litellm = "<=1.69.3"\n'
            "1 error, 0 warnings",
        ),
        "memory-budget": Outcome(
            "Failed",
            "Procfile:1:1: MG301 web: N of 100 MiB (--limit)\n"
            "    fix: import litellm inside the function: -N MiB (main.py:1 → litellm)\n"
            "1 error, 0 warnings",
        ),
    }, run.raw


def test_one_hook_says_what_the_five_say(make: Callable[[str], Repository], config: str) -> None:
    repository = make("repository")
    one = json.loads(config)
    one["repos"][0]["hooks"] = [{"id": "memguard"}]
    repository.write({**BAD, ".pre-commit-config.yaml": json.dumps(one)})
    run = repository.commit()
    assert run.hooks == {"memguard": ALL_REFUSED}, run.raw
    assert run.code == 1

    repository.write({**GOOD, "notes.md": "mended\n"})
    run = repository.commit()
    assert run.hooks == {"memguard": FITS}, run.raw
    repository.write({"notes.md": "more\n"})
    run = repository.commit()
    assert run.hooks == {"memguard": PASSED}, run.raw


@pytest.mark.parametrize("tool", TOOLS)
def test_try_repo(tool: str, published: Path, config: str, tmp_path: Path) -> None:
    """All hooks of the manifest: the five, and the one that says what they say."""
    repository = Repository(tmp_path / "repository", tool, config)
    repository.write(BAD)
    done = start(*repository.tool, "try-repo", str(published), "--all-files", cwd=repository.root)
    run = Run(done.returncode, read_hooks(done.stdout), done.stdout + done.stderr)
    assert run.hooks == {**REFUSED, "memguard": ALL_REFUSED}, run.raw
    assert run.code == 1
