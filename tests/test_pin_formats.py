"""`pin-litellm` over all manifests and locks: what is exact in each, what is deployed, and what must agree."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.hooks import pin_litellm

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GIT = "https://example.com/litellm.git"
POETRY = '[tool.poetry]\nname = "app"\n[tool.poetry.dependencies]\npython = "^3.11"\n{}\n'
SETUP = "from setuptools import setup\nsetup(name='app', install_requires=['{}'])\n"
PEP621 = '[project]\nname = "app"\ndependencies = ["{}"]\n'
LOCK = '[[package]]\nname = "litellm"\nversion = "{}"\n'

Run = Callable[..., list[str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what writes files and gives the findings on those that are named, or on all."""
    monkeypatch.chdir(tmp_path)

    def run_on(files: dict[str, str], *named: str) -> list[str]:
        write(tmp_path, files)
        pin_litellm.main([*named])
        lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
        lines = [
            re.sub(r",? \(?[\d.]+ MiB when [\w. ]*imported\)?|: \S+ takes [\d.]+ MiB (?:more|less) than \S+", "", line)
            for line in lines
        ]
        return [re.sub(r": it admits [\d.]+, served on [\d-]+", "", line) for line in lines]

    return run_on


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("pyproject.toml", PEP621.format("litellm==1.69.3"), id="pep-621"),
        pytest.param("pyproject.toml", POETRY.format('litellm = "1.69.3"'), id="poetry-bare"),
        pytest.param("pyproject.toml", POETRY.format('litellm = "==1.69.3"'), id="poetry-double"),
        pytest.param(
            "pyproject.toml", POETRY.format('litellm = {version = "1.69.3", extras = ["proxy"]}'), id="poetry-table"
        ),
        pytest.param("pyproject.toml", POETRY.format(f'litellm = {{git = "{GIT}", rev = "{COMMIT}"}}'), id="poetry-commit"),
        pytest.param("Pipfile", '[packages]\nlitellm = "==1.69.3"\n', id="pipfile"),
        pytest.param("Pipfile", f'[packages]\nlitellm = {{git = "{GIT}", ref = "{COMMIT}"}}\n', id="pipfile-commit"),
        pytest.param("setup.py", SETUP.format("litellm==1.69.3"), id="setup-py"),
        pytest.param("setup.cfg", "[options]\ninstall_requires =\n  litellm==1.69.3\n", id="setup-cfg"),
        pytest.param("environment.yml", "dependencies:\n  - litellm==1.69.3\n", id="conda"),
        pytest.param("environment.yml", "dependencies:\n  - litellm=1.69.3=pyhd8ed1ab_0\n", id="conda-build"),
        pytest.param("environment.yml", "dependencies:\n  - pip:\n    - litellm==1.69.3\n", id="conda-pip"),
        pytest.param("Dockerfile", "FROM a\nRUN pip install litellm==1.69.3\n", id="dockerfile"),
        pytest.param("pyproject.toml", '[project]\nname="a"\n[dependency-groups]\ndev = ["litellm"]\n', id="group"),
        pytest.param(
            "pyproject.toml", POETRY.format('[tool.poetry.group.dev.dependencies]\nlitellm = "*"'), id="poetry-group"
        ),
        pytest.param("Pipfile", '[dev-packages]\nlitellm = "*"\n', id="pipfile-development"),
    ],
)
def test_exact_or_not_deployed(run: Run, name: str, text: str) -> None:
    assert run({name: text}) == []
    assert run({}, name) == []


@pytest.mark.parametrize(
    ("name", "text", "place", "written"),
    [
        pytest.param("pyproject.toml", POETRY.format('litellm = "^1.2"'), "5:1", "<2.0,>=1.2", id="poetry-caret"),
        pytest.param("pyproject.toml", POETRY.format('litellm = "==1.2.*"'), "5:1", "==1.2.*", id="poetry-wildcard"),
        pytest.param("pyproject.toml", POETRY.format('litellm = "*"'), "5:1", "any version", id="poetry-any"),
        pytest.param(
            "pyproject.toml",
            POETRY.format(f'litellm = {{git = "{GIT}", branch = "main"}}'),
            "5:1",
            f"git+{GIT}@main",
            id="branch",
        ),
        pytest.param("Pipfile", '[packages]\nlitellm = "~=1.60"\n', "2:1", "~=1.60", id="pipfile"),
        pytest.param("setup.py", SETUP.format("litellm>=1"), "2:38", ">=1", id="setup-py"),
        pytest.param("setup.cfg", "[options]\ninstall_requires =\n  litellm>=1\n", "3:3", ">=1", id="setup-cfg"),
        pytest.param("environment.yml", "dependencies:\n  - litellm=1.69\n", "2:5", "==1.69.*", id="conda-prefix"),
        pytest.param("environment.yml", "dependencies:\n  - pip:\n    - litellm\n", "3:7", "any version", id="conda-pip"),
        pytest.param("Dockerfile", "FROM a\nRUN pip install -U litellm\n", "2:20", "any version", id="dockerfile"),
        pytest.param(
            "Dockerfile", "# escape=`\nFROM a\nRUN pip install `\n  litellm\n", "4:3", "any version", id="dockerfile-escape"
        ),
    ],
)
def test_not_exact(run: Run, name: str, text: str, place: str, written: str) -> None:
    assert run({name: text}) == [f"{name}:{place}: MG101 litellm is not pinned exactly ({written})"]
    assert run({}, name) == [f"{name}:{place}: MG101 litellm is not pinned exactly ({written})"]


ABOVE = "MG102 litellm 1.80.0 is not <1.70, the limit that pin-litellm has by default (warning)"
PIPFILE_LOCK = '{{\n "_meta": {{"pipfile-spec": 6}},\n "{}": {{\n  "litellm": {{"version": "=={}"}}\n }}\n}}\n'
PYLOCK = 'lock-version = "1.0"\n[[packages]]\nname = "litellm"\nversion = "{}"\n'


@pytest.mark.parametrize(
    ("name", "text", "line", "column"),
    [
        pytest.param("uv.lock", "version = 1\n" + LOCK.format("1.80.0"), 3, 1, id="uv"),
        pytest.param("poetry.lock", LOCK.format("1.80.0"), 2, 1, id="poetry"),
        pytest.param("pdm.lock", LOCK.format("1.80.0"), 2, 1, id="pdm"),
        pytest.param("pylock.toml", PYLOCK.format("1.80.0"), 3, 1, id="pylock"),
        pytest.param("Pipfile.lock", PIPFILE_LOCK.format("default", "1.80.0"), 4, 4, id="pipenv"),
    ],
)
def test_locks_are_judged_at_their_line(run: Run, name: str, text: str, line: int, column: int) -> None:
    assert run({name: text}) == [f"{name}:{line}:{column}: {ABOVE}"]
    assert run({name: text.replace("1.80.0", "1.69.3")}) == []
    withdrawn = run({name: text.replace("1.80.0", "1.82.8")}, name)
    assert withdrawn == [f"{name}:{line}:{column}: MG103 litellm 1.82.8 was withdrawn: it was backdoored"]
    assert "MG105 litellm 1.35.0 cannot be installed" in run({name: text.replace("1.80.0", "1.35.0")}, name)[0]


def test_what_a_lock_has_for_development_is_judged_for_backdoors_alone(run: Run) -> None:
    text = PIPFILE_LOCK.format("develop", "1.80.0")
    assert run({"Pipfile.lock": text}) == []
    assert "MG103" in run({"Pipfile.lock": text.replace("1.80.0", "1.82.7")})[0]
    Path("Pipfile.lock").unlink()
    manifest = '[project]\nname = "app"\ndependencies = ["a"]\n[dependency-groups]\ndev = ["litellm"]\n'
    lock = 'version = 1\n[[package]]\nname = "app"\nversion = "1"\nsource = {{ virtual = "." }}\ndependencies = [{}]\n'
    dev = '[package.dev-dependencies]\ndev = [{ name = "litellm" }]\n'
    files = {"pyproject.toml": manifest, "uv.lock": lock.format("") + dev + LOCK.format("1.80.0")}
    assert run(files) == []
    deployed = {**files, "uv.lock": lock.format('{ name = "litellm" }') + LOCK.format("1.80.0")}
    assert run(deployed) == [f"uv.lock:8:1: {ABOVE}"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"pyproject.toml": PEP621.format("litellm==1.69.3"), "uv.lock": "version = 1\n" + LOCK.format("1.60.0")},
            ["MG104 litellm is ==1.69.3 here and 1.60.0 in uv.lock: they do not agree"],
            id="another-version",
        ),
        pytest.param(
            {
                "pyproject.toml": PEP621.format("litellm==1.69.3"),
                "uv.lock": 'version = 1\n[[package]]\nname = "a"\nversion = "1"\n',
            },
            ["MG104 litellm is declared here and missing in uv.lock: they do not agree"],
            id="missing",
        ),
        pytest.param(
            {"pyproject.toml": POETRY.format('litellm = "^1.55"'), "poetry.lock": LOCK.format("1.54.1")},
            [
                "MG101 litellm is not pinned exactly (<2.0,>=1.55): poetry.lock pins 1.54.1 (warning)",
                "MG104 litellm is <2.0,>=1.55 here and 1.54.1 in poetry.lock: they do not agree",
            ],
            id="poetry-range",
        ),
        pytest.param(
            {"requirements.in": "litellm==1.69.3", "requirements.txt": "litellm==1.60.0\n    # via -r requirements.in"},
            ["MG104 litellm is ==1.69.3 here and 1.60.0 in requirements.txt: they do not agree"],
            id="compiled",
        ),
        pytest.param(
            {"Pipfile": '[packages]\nlitellm = "==1.69.3"\n', "Pipfile.lock": PIPFILE_LOCK.format("default", "1.69.3")},
            [],
            id="agree",
        ),
        pytest.param({"pyproject.toml": PEP621.format("litellm==1.69.3"), "uv.lock": "version = 1\n"}, [], id="empty-lock"),
        pytest.param(
            {"pyproject.toml": PEP621.format("litellm==1.69.3"), "uv.lock": "version = 9\n" + LOCK}, [], id="too-new"
        ),
    ],
)
def test_lock_and_manifest(run: Run, files: dict[str, str], expected: list[str]) -> None:
    assert [one.split(": ", 1)[1] for one in run(files)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "litellm==1.55.0\nlitellm==1.60.0\n",
            ["2:1: MG106 litellm is declared twice: ==1.55.0 in line 1, ==1.60.0 here"],
            id="two",
        ),
        pytest.param("pandas==2.2.3\npandas==2.2.3\n", [], id="the-same"),
        pytest.param("pandas==2.2.3\npandas[excel]==2.2.3\n", [], id="extra"),
        pytest.param(
            "pandas==2.2.3 ; python_version < '3.11'\npandas==2.3.3 ; python_version >= '3.11'\n", [], id="markers"
        ),
        pytest.param(
            "pandas==2.2.3 ; sys_platform == 'linux'\npandas==2.3.3\n",
            ["2:1: MG106 pandas is declared twice: ==2.2.3 in line 1, ==2.3.3 here"],
            id="markers-that-meet",
        ),
        pytest.param(
            "Flask_Cors==4.0.0\nrequests\n\nflask-cors == 5.0.0  # newer\n",
            ["4:1: MG106 flask-cors is declared twice: ==4.0.0 in line 1, ==5.0.0 here"],
            id="light",
        ),
        pytest.param("requests\nrequests\n-e .\nrequests-oauthlib\n", [], id="light, the same"),
        pytest.param("# requests==1\nrequests==2.32.0 --hash=sha256:" + "0" * 64 + "\n", [], id="light, in a comment"),
    ],
)
def test_twice(run: Run, text: str, expected: list[str]) -> None:
    assert run({"requirements.txt": text}) == [f"requirements.txt:{one}" for one in expected]


def test_only_what_is_deployed_counts(run: Run) -> None:
    files = {
        "Dockerfile": 'FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\nCMD ["python", "main.py"]\n',
        "requirements.txt": "litellm==1.69.3\n",
        "pyproject.toml": PEP621.format("litellm>=1.75"),
        "uv.lock": "version = 1\n" + LOCK.format("1.80.0"),
        "requirements-old.txt": "litellm==1.35.0\n",
        "main.py": "",
    }
    assert run(files) == []
    assert run({}, "requirements-old.txt", "pyproject.toml", "uv.lock") == []
    decoy = run({"requirements-old.txt": "litellm==1.82.7\n"})
    assert decoy == ["requirements-old.txt:1:1: MG103 litellm 1.82.7 was withdrawn: it was backdoored"]
    files["Dockerfile"] = files["Dockerfile"].replace("-r requirements.txt", ".")
    assert run(files)[0].startswith("pyproject.toml:3:18: MG101 litellm is not pinned exactly (>=1.75)")
    assert not run(files)[0].endswith("(warning)"), "the lock is not installed"


def test_a_file_for_development_that_is_deployed_counts(run: Run) -> None:
    files = {
        "Dockerfile": 'FROM python:3.11\nRUN pip install -r requirements/local.txt\nCMD ["python", "main.py"]\n',
        "requirements/local.txt": "litellm\n",
        "main.py": "",
    }
    assert run(files) == ["requirements/local.txt:1:1: MG101 litellm is not pinned exactly (any version)"]


def test_another_index_serves_other_versions(run: Run) -> None:
    lock = 'version = 1\n[[package]]\nname = "litellm"\nversion = "1.35.0"\nsource = {{ registry = "{}" }}\n'
    assert run({"uv.lock": lock.format("https://index.example.com/simple")}) == []
    assert "MG105" in run({"uv.lock": lock.format("https://pypi.example.org/simple")})[0]


DOCKERFILE = "FROM python:3.11\nWORKDIR /app\nCOPY . .\nRUN {}\nCMD python main.py\n"


def test_a_file_that_is_installed_is_judged_whatever_its_name(run: Run) -> None:
    files = {
        "Dockerfile": DOCKERFILE.format("pip install -r req/prod.txt -c req/pins.txt"),
        "req/prod.txt": "litellm==1.82.7\n",
        "req/pins.txt": "litellm\n",
        "main.py": "",
    }
    expected = ["req/prod.txt:1:1: MG103 litellm 1.82.7 was withdrawn: it was backdoored"]
    assert run(files) == expected
    assert run({}, "Dockerfile") == expected
    assert run({}, "main.py") == []
    assert run({"memguard.toml": 'exclude = ["req/**"]\n'}) == []


def test_a_lock_above_judges_only_the_members_of_its_workspace(run: Run) -> None:
    files = {
        "pyproject.toml": POETRY.format('litellm = "1.69.3"'),
        "poetry.lock": LOCK.format("1.69.3"),
        "svc/pyproject.toml": POETRY.format('litellm = "1.60.0"'),
    }
    assert run(files) == []
    Path("poetry.lock").unlink()
    uv = "version = 1\n" + LOCK.format("1.69.3")
    member = '[[package]]\nname = "svc"\nversion = "1"\nsource = { editable = "svc" }\n'
    files = {"pyproject.toml": PEP621.format("litellm==1.69.3"), "uv.lock": uv, "svc/pyproject.toml": PEP621}
    files["svc/pyproject.toml"] = PEP621.format("litellm==1.60.0")
    assert run(files) == []
    expected = "svc/pyproject.toml:3:18: MG104 litellm is ==1.60.0 here and 1.69.3 in uv.lock: they do not agree"
    assert run({"uv.lock": uv + member}) == [expected]


def test_a_leftover_lock_of_uv_beside_poetry(run: Run) -> None:
    locks = {"uv.lock": "version = 1\n" + LOCK.format("1.60.0"), "poetry.lock": LOCK.format("1.69.3")}
    assert run({"pyproject.toml": POETRY.format('litellm = "1.69.3"'), **locks}) == []
    assert "MG104" in run({"pyproject.toml": PEP621.format("litellm==1.69.3")})[0]


def test_poetry_reads_a_star_behind_an_inequality(run: Run) -> None:
    assert run({"pyproject.toml": POETRY.format('litellm = ">=1.*"')}) == [
        "pyproject.toml:5:1: MG101 litellm is not pinned exactly (>=1)"
    ]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        pytest.param(
            "setup.cfg", "[options]\ninstall_requires = file: ../../x.txt, nope.txt\n", "setup.cfg:2", id="setup-cfg"
        ),
        pytest.param(
            "pyproject.toml",
            '[project]\nname = "a"\ndynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = '
            '{file = ["nope.txt"]}\n',
            "pyproject.toml:5",
            id="dynamic",
        ),
    ],
)
def test_a_file_that_is_missing_is_told_where_it_is_named(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, place: str
) -> None:
    run({})
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert pin_litellm.main([]) == 2
    assert f"{place}: error: takes nope.txt, which is missing" in capsys.readouterr().err


def test_advice_has_the_name_that_conda_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "environment.yml").write_text("dependencies:\n  - pytorch>=2\n", encoding="utf-8")
    pin_litellm.main([])
    out = capsys.readouterr().out
    assert "MG101 torch is not pinned exactly (>=2)" in out
    assert " pytorch==" in out


def test_a_proposal_has_what_the_code_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text("openai\n", encoding="utf-8")
    app = tmp_path / "app.py"
    app.write_text("import openai\nopenai.ChatCompletion.create()\n", encoding="utf-8")
    pin_litellm.main([])
    out = capsys.readouterr().out
    assert "(any version), and openai.ChatCompletion (app.py:2) needs <1" in out
    assert "fix: openai==0.2" in out
    app.write_text("import openai\nopenai.OpenAI()\n", encoding="utf-8")
    pin_litellm.main([])
    assert "fix: openai==0.2" not in capsys.readouterr().out


@pytest.mark.parametrize(("installed", "count"), [('".[server]"', 1), (".", 0)])
def test_an_extra_that_an_image_installs_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], installed: str, count: int
) -> None:
    monkeypatch.chdir(tmp_path)
    project = "[project]\nname = 'a'\nversion = '1'\n[project.optional-dependencies]\nserver = ['openai>=1.57']\n"
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    image = f"FROM python:3.12\nCOPY . .\nRUN pip install {installed}\nCMD python -m a\n"
    (tmp_path / "Dockerfile").write_text(image, encoding="utf-8")
    pin_litellm.main([])
    assert capsys.readouterr().out.count("MG101 openai is not pinned exactly (>=1.57)") == count


def test_declarations_of_one_package_are_bounded(run: Run) -> None:
    assert len(run({"requirements.txt": "".join(f"litellm>=1.{number}\n" for number in range(9_000))})) < 200
