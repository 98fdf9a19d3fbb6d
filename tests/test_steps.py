"""What `memguard check` ends with: the steps into the budget, and the ways out of a refused commit that adds nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from folders import write

from memguard_hooks import __main__ as memguard
from memguard_hooks.report.steps import WAYS_OUT

BOT = {
    "Procfile": "web: python main.py\n",
    "requirements.txt": "litellm==1.69.3\npandas==2.2.3\ntorch==2.13.0\n",
    "main.py": "import litellm\nimport pandas\n\nprint(litellm, pandas)\n",
}
MOVABLE = "import litellm\nimport pandas\n\n\ndef late():\n    return litellm, pandas\n"


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.email=a@b.c", "-c", "user.name=a", *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository whose last commit holds a bot that is over most limits; it is the current folder."""
    write(tmp_path, BOT)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "a bot")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["check", "hook"])
def test_a_run_ends_with_the_steps_after_which_it_passes(
    bot: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    write(bot, {"main.py": MOVABLE})
    assert memguard.main([command, "--platform", "local", "--limit", "60MiB"]) == 1
    steps = steps_of(capsys.readouterr().err)
    assert steps[:2] == ["do this, and it passes:", "  1. `memguard fix`, which does:"]
    assert [step.partition(" inside")[0].strip() for step in steps[2:4]] == ["import litellm", "import pandas"]
    assert memguard.main(["fix", "--force", "--platform", "local", "--limit", "60MiB"]) == 1, "files were rewritten"
    assert memguard.main([command, "--platform", "local", "--limit", "60MiB"]) == 0


def test_a_file_at_fault_is_left_when_the_steps_are_done(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {"main.py": MOVABLE, "requirements.txt": "<<<<<<< HEAD\nlitellm==1\n=======\nlitellm==2\n>>>>>>> b\n"})
    assert memguard.main(["check", "--platform", "local", "--limit", "60MiB"]) == 2
    assert steps_of(capsys.readouterr().err)[0] == "do this, and 1 unread file is left:"


def steps_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("do ", "  "))]


def test_steps_hold_what_other_rules_refuse(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {"requirements.txt": "litellm>=1.30\ntokenizers\n", "main.py": "import litellm\n"})
    assert memguard.main(["hook", "--limit", "512MiB", "--ignore", "MG201,MG203"]) == 1
    steps = steps_of(capsys.readouterr().err)
    assert steps[:2] == ["do these two, and it passes:", "  1. `memguard fix`, which does:"]
    assert steps[2].startswith("     requirements.txt:1: litellm==")
    assert steps[3].startswith("  2. requirements.txt:2: delete tokenizers: ")


def test_what_only_warns_is_a_step_where_warnings_refuse(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {"requirements.txt": "litellm==1.69.3\npandas>=2\nopenai>=1\n", "main.py": "import litellm\n"})
    memguard.main(["hook", "--limit", "512MiB", "--select", "MG101"])
    assert steps_of(capsys.readouterr().err) == []
    memguard.main(["hook", "--limit", "512MiB", "--select", "MG101", "--fail-on", "warning"])
    assert steps_of(capsys.readouterr().err)[0] == "do these two, and it passes:"


def test_a_model_that_does_not_fit_has_the_step_of_its_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        tmp_path,
        {
            "render.yaml": "services:\n  - type: web\n    name: rag\n    runtime: python\n    plan: free\n"
            "    startCommand: uvicorn main:app\n",
            "requirements.txt": "sentence-transformers==3.4.1\n",
            "main.py": "from sentence_transformers import SentenceTransformer\n\n"
            'model = SentenceTransformer("all-MiniLM-L6-v2")\nprint(model.encode("a text"))\n',
        },
    )
    assert memguard.main(["check", str(tmp_path), "--select", "memory-budget"]) == 1
    steps = steps_of(capsys.readouterr().err)
    assert steps == ["do this, and it passes:", "  1. render.yaml:6: take render standard (2048 MiB)"]


def test_what_is_deleted_is_out_before_another_host_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {
        "Procfile": "web: gunicorn main:app --workers 3\n",
        "requirements.txt": "gunicorn==23.0.0\nflask==3.1.0\npandas==2.2.3\nlitellm==1.69.3\n",
        "main.py": "import flask\nimport pandas\nimport litellm\n\napp = flask.Flask(str(pandas.NA))\n",
    })  # fmt: skip
    run = ["check", str(tmp_path), "--platform", "render-free", "--limit", "100MiB"]
    assert memguard.main(run) == 1
    told = steps_of(capsys.readouterr().err)
    assert told[0] == "do these two, and look again: web takes less then:"
    assert not any("take render" in line for line in told)

    write(tmp_path, {"main.py": "import flask\nimport pandas\n\napp = flask.Flask(str(pandas.NA))\n"})
    memguard.main(run)
    told = steps_of(capsys.readouterr().err)
    assert told[0] == "do these two, and it passes:"
    assert told[1] == "  1. Procfile:1: take render free (512 MiB)"
    assert not any("memguard fix" in line for line in told), "no fixer takes a larger host"


def test_after_the_steps_the_service_is_in_its_budget(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {"main.py": "def late():\n    import litellm\n    import pandas\n\n    return litellm, pandas\n"})
    memguard.main(["check", "--limit", "60MiB"])
    assert "MG301" not in capsys.readouterr().out


def test_one_finding_has_its_fix_above_and_no_steps_below(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {"main.py": MOVABLE})
    assert memguard.main(["check", "--limit", "60MiB", "--select", "MG301"]) == 1
    assert "do th" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "hook"])
def test_a_commit_that_adds_nothing_is_told_its_ways_out(
    bot: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert memguard.main([command, "--limit", "60MiB"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == WAYS_OUT
    write(bot, {"main.py": "import litellm\nimport pandas\nimport numpy\nimport aiogram\n"})
    assert memguard.main([command, "--limit", "60MiB"]) == 1
    assert WAYS_OUT not in capsys.readouterr().err, "this one adds"


def test_a_pin_that_the_commit_loosens_has_no_way_out(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {"requirements.txt": "litellm>=1.30\npandas\ntorch\n"})
    assert memguard.main(["hook", "--limit", "512MiB", "--ignore", "MG2,MG11"]) == 1
    assert WAYS_OUT not in capsys.readouterr().err, "it stands in a file of this commit"
    git(bot, "commit", "-qam", "looser")
    assert memguard.main(["hook", "--limit", "512MiB", "--ignore", "MG2,MG11"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == WAYS_OUT


@pytest.mark.usefixtures("bot")
def test_both_ways_lead_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert memguard.main(["hook", "--limit", "60MiB", "--fail-on", "never"]) == 0
    assert WAYS_OUT not in capsys.readouterr().err
    assert memguard.main(["check", "--limit", "60MiB", "--write-baseline"]) == 0
    assert memguard.main(["hook", "--limit", "60MiB"]) == 0


def test_the_configuration_of_pre_commit_wakes_the_hook(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {".pre-commit-config.yaml": "repos: []\n"})
    assert memguard.main(["hook", "--limit", "60MiB", ".pre-commit-config.yaml"]) == 1
    assert "MG301 web" in capsys.readouterr().out
    git(bot, "add", "-A")
    git(bot, "commit", "-qm", "a hook")
    assert memguard.main(["hook", ".pre-commit-config.yaml"]) in {0, 1}
    assert "web: " in capsys.readouterr().out, "also where it is over nothing"


def test_what_only_to_start_moves_is_not_counted_as_what_fix_does(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {"main.py": MOVABLE})
    limit = ["--platform", "local", "--limit", "4GiB", "--select", "MG2,MG3"]
    memguard.main(["check", *limit])
    assert capsys.readouterr().err.splitlines()[-1].endswith("; `memguard fix --to-start` may fix 2")
    memguard.main(["fix", "--force", "--platform", "local", "--limit", "4GiB"])
    assert (bot / "main.py").read_text("utf-8") == MOVABLE
    memguard.main(["fix", "--to-start", "--force", "--platform", "local", "--limit", "4GiB"])
    assert (bot / "main.py").read_text("utf-8") != MOVABLE
    capsys.readouterr()
    memguard.main(["check", *limit])
    assert "may fix" not in capsys.readouterr().err


def test_what_runs_at_the_first_request_is_not_promised_to_move_where_all_fits(
    bot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = "ROOT_URLCONF = 'p.urls'\n"
    write(bot, {"Procfile": "web: gunicorn p.wsgi\n", "p/__init__.py": "", "p/settings.py": settings})
    write(bot, {"p/wsgi.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'p.settings')\n"})
    write(bot, {"p/urls.py": "from p import views\n", "p/views.py": "import pandas\n\ndef use():\n    return pandas\n"})
    limit = ["--platform", "local", "--select", "MG2,MG3", "--limit"]
    memguard.main(["check", *limit, "4GiB"])
    told = capsys.readouterr()
    assert "MG201 pandas is loaded at the first request" in told.out
    assert "may fix" not in told.err
    memguard.main(["fix", "--to-start", "--force", "--platform", "local", "--limit", "4GiB"])
    assert (bot / "p/views.py").read_text("utf-8").startswith("import pandas\n")


def test_what_has_a_step_of_the_fixer_is_counted_as_what_fix_does(bot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bot, {"main.py": MOVABLE})
    memguard.main(["check", "--platform", "local", "--limit", "60MiB", "--select", "MG301"])
    assert "1 error, 0 warnings; `memguard fix` may fix 1" in capsys.readouterr().err.splitlines()


def test_who_has_only_the_hook_is_told_where_memguard_is(bot: Path) -> None:
    def run(**environment: str) -> list[str]:
        command = [sys.executable, "-m", "memguard_hooks", "hook", "--limit", "60MiB"]
        done = subprocess.run(
            command, cwd=bot, env={**os.environ, **environment}, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 1, done.stderr
        return [line for line in done.stderr.splitlines() if "your PATH" in line]

    own = os.path.dirname(sys.executable)
    folders = [one for one in os.environ["PATH"].split(os.pathsep) if not os.access(os.path.join(one, "memguard"), os.X_OK)]
    as_runners_set_it = os.pathsep.join([own, *folders])
    told = f"`memguard` is not on your PATH, and was installed as {os.path.join(own, 'memguard')}"
    assert run(PRE_COMMIT="1", PATH=as_runners_set_it) == [told]
    programs = bot / "programs"
    programs.mkdir()
    (programs / "memguard").symlink_to(os.path.join(own, "memguard"))
    assert run(PRE_COMMIT="1", PATH=os.pathsep.join([own, str(programs), *folders])) == []
    assert run(PATH=as_runners_set_it) == [], "who types the command knows where it is"
