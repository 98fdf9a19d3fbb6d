"""An old project adopts the hooks: what is known stays silent, what is new fails, what is fixed is taken out."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from folders import write

from memguard_hooks.commands import check, hook
from memguard_hooks.hooks import deploy_config, memory_budget, no_eager_heavy_imports, pin_litellm
from memguard_hooks.project.baseline import FILE
from memguard_hooks.rules import DOCUMENTED

OLD = {
    "Procfile": "web: uvicorn main:app\n",
    "requirements.txt": "fastapi==0.115.6\nlitellm>=1\n",
    "main.py": "import litellm\nimport pandas\nfrom fastapi import FastAPI\n\napp = FastAPI(litellm, pandas)\n",
}


@pytest.fixture(autouse=True)
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Stand in an old project, committed, that has made its findings known."""
    monkeypatch.chdir(tmp_path)
    write(Path(), OLD)
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "old")):
        subprocess.run(["git", *arguments], check=True)
    assert check.main(["--limit", "100MiB"]) == 1
    assert "4 errors, 0 warnings; `memguard fix` may fix 1\n" in capsys.readouterr().err
    assert check.main(["--limit", "100MiB", "--write-baseline"]) == 0
    assert capsys.readouterr().err == "memguard-baseline.json: 4 known\n"


def codes(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.split()[1] for line in capsys.readouterr().out.splitlines() if ": MG" in line]


def test_what_is_known_is_silent_in_each_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--limit", "100MiB"]) == 0
    assert hook.main(["--limit", "100MiB", *OLD]) == 0
    assert pin_litellm.main(["requirements.txt"]) == 0
    assert no_eager_heavy_imports.main(["main.py"]) == 0
    assert memory_budget.main(["--limit", "100MiB"]) == 0
    assert codes(capsys) == []


def test_too_many_workers_are_known_to_each_hook(capsys: pytest.CaptureFixture[str]) -> None:
    """`memguard check` tells them as part of the budget, deploy-config by themselves; both are in the file."""
    write(Path(), {"Procfile": "web: uvicorn main:app --workers 4\n", "memguard.toml": 'limit = "512MiB"\n'})
    Path(FILE).unlink()
    assert check.main(["--select", "MG3,MG4"]) == 1
    assert codes(capsys) == ["MG301"]
    assert deploy_config.main([]) == 1
    assert codes(capsys) == ["MG401"]
    assert check.main(["--write-baseline"]) == 0
    assert [main([]) for main in (check.main, deploy_config.main, memory_budget.main, hook.main)] == [0, 0, 0, 0]
    assert "fixed" not in capsys.readouterr().err
    write(Path(), {"Procfile": "web: uvicorn main:app\n"})
    assert check.main([]) == 0
    assert "2 known findings fixed" in capsys.readouterr().err


def test_identity_hangs_on_no_line_and_no_figure(capsys: pytest.CaptureFixture[str]) -> None:
    moved = (
        f"import json\n\n\n{OLD['main.py'].replace('import pandas', 'if json:  # moved' + chr(10) + '    import pandas')}"
    )
    write(Path(), {"main.py": moved, "requirements.txt": "# ours\n\nlitellm>=1.2,<3\nfastapi==0.115.6\n"})
    assert check.main(["--limit", "110MiB"]) == 0
    assert codes(capsys) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"main.py": f"{OLD['main.py']}import torch\n"}, ["MG303", "MG203"], id="another import"),
        pytest.param({"requirements.txt": "fastapi\nlitellm==1.82.7\n"}, ["MG103"], id="another rule"),
        pytest.param({"Procfile": "web: uvicorn main:app\nbot: python main.py\n"}, ["MG301"], id="another service"),
        pytest.param(
            {"main.py": f"import jobs\n{OLD['main.py']}\njobs\n", "jobs.py": "import pandas\n\nprint(pandas)\n"},
            ["MG201"],
            id="another file",
        ),
    ],
)
def test_what_is_new_fails(files: dict[str, str], expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    write(Path(), files)
    assert check.main(["--limit", "100MiB"]) == 1
    assert codes(capsys) == expected


def test_a_warning_that_becomes_an_error_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--limit", "270MiB", "--write-baseline"]) == 0
    assert '"MG302"' in Path(FILE).read_text("utf-8")
    assert check.main(["--limit", "270MiB"]) == 0
    assert check.main(["--limit", "100MiB"]) == 1
    assert codes(capsys) == ["MG301"]


@pytest.mark.parametrize(
    ("settings", "limit", "status"),
    [
        pytest.param("", "100MiB", 1, id="its excess is known"),
        pytest.param("", "4GiB", 0, id="nothing says what it may grow"),
        pytest.param('budget.growth = "25MiB"\n', "4GiB", 1, id="more than allowed though the limit is far"),
        pytest.param('budget.growth = "200MiB"\n', "100MiB", 0, id="allowed"),
    ],
)
def test_growth_since_the_baseline(settings: str, limit: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The commit itself has grown by nothing: what counts is the sum since the baseline was written."""
    write(
        Path(), {"memguard.toml": settings, "main.py": f"import scipy.stats\n{OLD['main.py']}# {'x' * 4}\n\nscipy.stats\n"}
    )
    subprocess.run(["git", "commit", "-qam", "more"], check=True)
    assert check.main(["--limit", limit, "--select", "memory-budget"]) == status
    out = capsys.readouterr().out
    assert ("grew by +" in out) is bool(status)
    assert ("MiB since memguard-baseline.json was written, more than the 25 MiB allowed" in out) is bool(status)


def test_what_is_mended_is_told_and_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path(), {"main.py": OLD["main.py"].replace("import pandas\n", "").replace(", pandas", "")})
    assert check.main(["--limit", "100MiB"]) == 0
    assert capsys.readouterr().err == ("memguard-baseline.json: 1 known finding fixed: --prune-baseline takes them out\n")
    before = json.loads(Path(FILE).read_text("utf-8"))
    write(Path(), {"requirements.txt": f"{OLD['requirements.txt']}tokenizers\n"})
    assert check.main(["--limit", "100MiB", "--prune-baseline"]) == 0
    assert capsys.readouterr().err == "memguard-baseline.json: 3 known, 1 taken out\n"
    after = json.loads(Path(FILE).read_text("utf-8"))
    assert [row for row in before["findings"] if row not in after["findings"]] == [
        {"code": "MG201", "path": "main.py", "subject": "pandas"}
    ]
    assert after["services"][0]["mib"] < before["services"][0]["mib"]
    assert check.main(["--limit", "100MiB"]) == 1  # tokenizers is not known
    assert codes(capsys) == ["MG110"]


def test_what_was_not_looked_for_is_not_mended(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path(), {"main.py": "", "requirements.txt": "fastapi==0.115.6\nlitellm==1.69.3\n"})
    assert check.main(["--limit", "100MiB", "--select", "MG1"]) == 0
    assert no_eager_heavy_imports.main(["main.py"]) == 0
    assert "fixed" not in capsys.readouterr().err


def test_the_same_project_gives_the_same_file() -> None:
    before = Path(FILE).read_bytes()
    assert check.main(["--limit", "100MiB", "--write-baseline"]) == 0
    assert Path(FILE).read_bytes() == before


def test_another_file_by_option_and_by_settings(capsys: pytest.CaptureFixture[str]) -> None:
    Path(FILE).rename("known.json")
    assert check.main(["--limit", "100MiB"]) == 1
    assert check.main(["--limit", "100MiB", "--baseline", "known.json"]) == 0
    write(Path(), {"memguard.toml": 'baseline = "known.json"\n'})
    assert check.main(["--limit", "100MiB"]) == 0
    assert check.main(["--limit", "100MiB", "--baseline", "gone.json"]) == 2
    assert capsys.readouterr().err.endswith(
        "gone.json: error: no such baseline: `memguard check --write-baseline` writes it\n"
    )
    assert check.main(["--limit", "100MiB", "--baseline", "gone.json", "--write-baseline"]) == 0
    assert check.main(["--limit", "100MiB", "--baseline", "gone.json"]) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", ":1: error: column 2: is not valid JSON", id="no JSON"),
        pytest.param("[]", ":1: error: column 1: is no baseline of schema 1", id="no object"),
        pytest.param('{"schema": 2}', ":1: error: column 1: is no baseline of schema 1", id="another schema"),
        pytest.param('{"schema": 1, "findings": {}}', ":1: error: column 15: findings must be a list", id="no list"),
        pytest.param(
            '{"schema": 1,\n "findings": [{"code": 1}]}', ":2: error: column 15: each of findings", id="no finding"
        ),
        pytest.param('{"schema": 1, "services": [{"path": "a", "name": "b"}]}', "mib must be a number", id="without a size"),
        pytest.param(
            '{"schema": 1, "services": [{"path": "a", "name": "b", "mib": true}]}', "mib must be a number", id="no size"
        ),
        pytest.param(
            '{"schema": 1, "services": [{"path": "a", "name": "b", "mib": 1e400}]}', "mib must be a number", id="infinite"
        ),
    ],
)
def test_a_broken_file_is_at_fault_with_its_place(text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(Path(), {FILE: text})
    assert check.main([]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{FILE}:")
    assert message in error


def test_a_folder_or_a_link_out_of_the_repository_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(FILE).unlink()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.json"
    outside.write_text("{}", encoding="utf-8")
    Path(FILE).symlink_to(outside)
    assert check.main([]) == 2
    assert "leads out of the repository" in capsys.readouterr().err
    assert check.main(["--write-baseline"]) == 2
    assert capsys.readouterr().err == f"{FILE}: leads out of the repository\n"
    assert outside.read_text("utf-8") == "{}"
    assert Path(FILE).is_symlink()
    Path(FILE).unlink()
    Path(FILE).mkdir()
    assert check.main(["--write-baseline"]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert [entry.name for entry in os.scandir(".") if entry.name.startswith(f".{FILE}")] == []


@pytest.mark.parametrize(("named", "message"), [
    pytest.param("../known.json", "is not in this project", id="above"),
    pytest.param("sub/../../known.json", "is not in this project", id="above a folder"),
    pytest.param("{outside}/known.json", "is not in this project", id="elsewhere"),
    pytest.param("link/known.json", "leads out of the repository", id="behind a link"),
])  # fmt: skip
def test_a_file_out_of_the_project_is_neither_written_nor_read(
    named: str, message: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    Path("link").symlink_to(outside)
    name = named.format(outside=outside)
    assert check.main(["--write-baseline", "--baseline", name]) == 2
    assert capsys.readouterr().err == f"{name}: {message}\n"
    write(Path(), {"memguard.toml": f'baseline = "{name}"\n'})
    assert check.main(["--write-baseline"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"{name}: " if named.startswith("link") else "memguard.toml:1: error: column 1: baseline must lie in"
    )
    assert error.count("\n") == 1
    assert list(outside.iterdir()) == []
    assert not (tmp_path.parent / "known.json").exists()
    (outside / "known.json").write_bytes(Path(FILE).read_bytes())
    assert check.main([]) == 2
    assert message in capsys.readouterr().err.replace("must lie in the project", "is not in this project")


def test_a_full_name_of_a_file_in_the_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path.parent / f"{tmp_path.name}-link").symlink_to(tmp_path)
    for folder in (tmp_path, tmp_path.parent / f"{tmp_path.name}-link"):
        name = str(folder / "known.json")
        assert check.main(["--write-baseline", "--baseline", name]) == 0
        assert capsys.readouterr().err == "known.json: 3 known\n"
        assert check.main(["--baseline", name]) == 0
        Path("known.json").unlink()


def test_a_file_whose_name_is_no_utf_8_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    Path(os.fsdecode(b"\xff.py")).write_text("import pandas\n\nprint(pandas)\n", encoding="utf-8")
    write(Path(), {"memguard.toml": 'scope = "all"\n'})
    assert check.main([]) == 1
    assert codes(capsys) == ["MG201"]
    assert check.main(["--write-baseline"]) == 0
    assert check.main([]) == 0


def test_nothing_is_written_of_broken_input(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(FILE).read_bytes()
    write(Path(), {"requirements.txt": "litellm >> 1\n"})
    assert check.main(["--write-baseline"]) == 2
    assert "requirements.txt:1: error: " in capsys.readouterr().err
    assert Path(FILE).read_bytes() == before


# What version 0.1.0 has written

PROJECTS = json.loads((Path(__file__).parent / "data" / "baselines-0.1.0.json").read_text("utf-8"))["projects"]
"""Projects with their baselines, as `memguard check --write-baseline` of that version wrote them."""


NEWER = frozenset({
    "MG304", "MG305", "MG408", "MG425",
    *(code for code in DOCUMENTED if code.startswith(("MG6", "MG21", "MG50", "MG71", "MG72"))),
})  # fmt: skip
"""What the first version had no rule for; it wrote what MG305 says to stderr."""


def told(output: str) -> list[str]:
    """Return the codes of findings that the first version had rules for.

    It judged no service whose number of processes nobody knows, as is done today where one is too much already.
    """
    found = re.findall(r"(?m)^.*?: (MG\d+) (.*)$", output)
    return [code for code, message in found if code not in NEWER and "the number of workers is '$(nproc)'" not in message]


@pytest.mark.parametrize("kept", [pytest.param(one, id=one["name"]) for one in PROJECTS])
def test_a_baseline_of_the_first_version_knows_all(
    kept: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names what has a subject today by its message: none of it is new, and none is gone."""
    root = tmp_path / "old"
    for name, text in kept["files"].items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="\n")
    (root / FILE).write_text(json.dumps(kept["baseline"]), encoding="utf-8")
    monkeypatch.chdir(root)
    number = len(kept["baseline"]["findings"])
    assert check.main([]) == 0
    outcome = capsys.readouterr()
    assert not told(outcome.out)
    assert "fixed" not in outcome.err
    assert check.main(["--prune-baseline"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == f"{FILE}: {number} known, 0 taken out"
    rewritten = json.loads(Path(FILE).read_text("utf-8"))["findings"]
    assert sorted((one["code"], one["path"]) for one in rewritten) == sorted(
        (one["code"], one["path"]) for one in kept["baseline"]["findings"]
    )
    assert check.main([]) == 0
    assert deploy_config.main([]) == 0
    outcome = capsys.readouterr()
    assert not told(outcome.out)
    assert "fixed" not in outcome.err


def test_each_rule_of_the_first_version_is_in_its_baselines() -> None:
    """But for growth, which is new by its nature, and what that version had no rule for."""
    codes = {row["code"] for one in PROJECTS for row in one["baseline"]["findings"]}
    assert codes == {*DOCUMENTED} - {"MG303"} - NEWER


def test_a_second_service_beside_a_known_one_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    """Names that differ in a figure alone are one to a message of the first version, and still as many as it knew."""
    write(Path(), {"Procfile": "web1: gunicorn main:app -w $(nproc)\nweb2: gunicorn main:app -w $(nproc)\n"})
    message = "web# starts as many processes as its machine has CPUs, of which a container sees all: memory follows it"
    rows = [{"code": "MG402", "path": "Procfile", "subject": message}]
    write(Path(), {FILE: json.dumps({"schema": 1, "findings": rows, "services": []})})
    assert check.main(["--select", "MG402", "--fail-on", "warning"]) == 1
    assert codes(capsys) == ["MG402"]
    write(Path(), {FILE: json.dumps({"schema": 1, "findings": 2 * rows, "services": []})})
    assert check.main(["--select", "MG402", "--fail-on", "warning"]) == 0


def test_no_subject_is_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path(), {"Procfile": "web: gunicorn main:app -w 3 --max-requests 5\n"})
    assert check.main(["--limit", "100MiB", "--write-baseline"]) == 0
    rows = json.loads(Path(FILE).read_text("utf-8"))["findings"]
    assert {row["subject"] for row in rows} == {"litellm", "pandas", "web"}
    assert capsys.readouterr().out == ""


def test_of_imports_that_are_told_together_each_is_known_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    use = "import pandas\n\n\ndef use():\n    return pandas\n"
    held = {"main.py": "import a, z\n", "a.py": use, "z.py": "import seaborn\n\nseaborn.set_theme()\n"}
    write(Path(), {"Procfile": "web: python main.py\n", "requirements.txt": "pandas==2.2.3\nseaborn==0.13.2\n", **held})
    assert check.main(["--write-baseline"]) == 0
    write(Path(), {"b.py": use, "c.py": f"import pandas.api\n{use}", "main.py": "import a, b, c, z\n"})
    capsys.readouterr()
    check.main(["--select", "MG201"])
    (told,) = (line for line in capsys.readouterr().out.splitlines() if "MG201 pandas" in line)
    assert told.startswith("b.py:1:1: MG201 pandas is loaded at start, imported here and in 1 other file, at module level")
    Path("a.py").write_text("", encoding="utf-8")
    assert check.main(["--write-baseline"]) == 0
    Path("b.py").write_text("", encoding="utf-8")
    capsys.readouterr()
    assert check.main(["--select", "MG201", "--fail-on", "warning"]) == 0
    assert codes(capsys) == []
