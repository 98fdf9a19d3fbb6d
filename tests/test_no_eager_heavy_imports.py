"""The hook no-eager-heavy-imports through its `main`: what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from folders import write, write_dedented
from work import at_most

from memguard_hooks.catalog import lookup
from memguard_hooks.finding import MIB, mib
from memguard_hooks.hooks import memory_budget
from memguard_hooks.hooks.no_eager_heavy_imports import check, main
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.rules.imports import advice
from memguard_hooks.tree import WorkTree

MOVE = "    fix: move the import into the function that uses it\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty project, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def used(source: str, *names: str) -> str:
    """Return a source in which a function uses what it imports."""
    return f"{source}\n\ndef use():\n    return {', '.join(names or ('pandas',))}\n"


def cost(module: str, python: str | None = None) -> str:
    """Return what the catalog says of a module, as findings do."""
    footprint = lookup.find(module, None, None, python)
    assert footprint is not None
    return f"{mib(footprint.resident)} MiB with what it brings ({footprint.distribution} {footprint.version})"


def finding(place: str, module: str, why: str = "at module level", fix: str = MOVE) -> str:
    return f"{place}: MG201 {module} is loaded at start, imported {why}: {cost(module)}\n{fix}"


DEFAULT = ("litellm", "openai", "anthropic", "google.generativeai", "google.genai", "torch", "tensorflow", "transformers",
           "sentence_transformers", "whisper", "faster_whisper", "faiss", "pandas", "sklearn", "matplotlib.pyplot", "cv2",
           "spacy")  # fmt: skip


@pytest.mark.parametrize("module", DEFAULT)
def test_what_is_heavy_by_default(project: Path, capsys: pytest.CaptureFixture[str], module: str) -> None:
    write_dedented(project, {"app.py": used(f"import {module}\n", module), "lean.py": f"def f():\n    import {module}\n"})
    assert main(["app.py", "lean.py"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"app.py:1:1: MG201 {module} is loaded at start, imported at module level")
    assert out.count("MG201") == 1
    assert err == "1 error, 0 warnings\n"


def test_what_is_heavy_in_its_newest_version_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"app.py": used("from langchain.chat_models import ChatOpenAI\n", "ChatOpenAI")})
    assert main(["app.py"]) == 1
    write_dedented(project, {"requirements.txt": "langchain==0.1.20\n"})
    capsys.readouterr()
    assert main(["app.py"]) == 0
    write_dedented(project, {"pyproject.toml": "[tool.memguard.heavy]\nadd = ['langchain']\n"})
    assert main(["app.py"]) == 1


def test_an_extension_does_not_weigh_what_its_framework_does(project: Path) -> None:
    write_dedented(project, {"app.py": used("from flask_sqlalchemy import SQLAlchemy\n", "SQLAlchemy")})
    assert main(["app.py"]) == 0
    write_dedented(project, {"pyproject.toml": "[tool.memguard]\nheavy-threshold = '15MiB'\n"})
    assert main(["app.py"]) == 1


EAGER = {
    "a module below": (
        "import pandas.io.json\n",
        "1:1: MG201 pandas.io.json is loaded at start, imported at module level: {pandas}",
    ),
    "from": (
        "x = 1\nfrom pandas import DataFrame\n",
        "2:1: MG201 pandas is loaded at start, imported at module level: {pandas}",
    ),
    "from a namespace": (
        "from google import generativeai\n",
        "1:1: MG201 google.generativeai is loaded at start, imported at module level: {google.generativeai}",
    ),
    "a submodule that is heavy": (
        "from matplotlib import pyplot as plt\n",
        "1:1: MG201 matplotlib.pyplot is loaded at start, imported at module level: {matplotlib.pyplot}",
    ),
    "in a class": (
        "class A:\n    import pandas\n",
        "2:5: MG201 pandas is loaded at start, imported in the body of class A: {pandas}",
        "it stands in the body of a class",
    ),
    "in try": (
        "try:\n    import torch\nexcept ImportError:\n    torch = None\n",
        "2:5: MG201 torch is loaded at start, imported at module level, in try: {torch}",
        (
            "it stands in `try`, and its `except` decides what else there is; "
            'ask `importlib.util.find_spec("torch")` there, which tells without loading it'
        ),
    ),
    "by name": (
        "import importlib\nimportlib.import_module('pandas')\n",
        "2:1: MG201 pandas is loaded at start, imported at module level: {pandas}",
        "it is imported by a call",
    ),
    "used at once": (
        "import pandas\n\nEMPTY = pandas.DataFrame()\n",
        "1:1: MG201 pandas is loaded at start, imported at module level: {pandas}",
        "line 3 uses it at module level, while the file loads",
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in EAGER.items()])
def test_eager(project: Path, capsys: pytest.CaptureFixture[str], case: tuple[str, ...]) -> None:
    source, message, *reasons = case
    fix = MOVE if not reasons else f"{MOVE.rstrip()}, once nothing holds it here: {reasons[0]}\n"
    write_dedented(project, {"app.py": used(source, "pandas", "DataFrame", "generativeai", "plt")})
    assert main(["app.py", "--scope", "all"]) == 1
    module = message.partition("{")[2].rstrip("}")
    assert capsys.readouterr().out == f"app.py:{message.replace('{' + module + '}', cost(module))}\n{fix}"


@pytest.mark.parametrize(
    ("declared", "is_found"),
    [("anthropic\n", False), ("anthropic\nopenai\n", True), ("", True), ("anthropic\nlangchain-openai\n", True)],
)
@pytest.mark.parametrize("procfile", ["", "web: python app.py\n"])
def test_what_stands_in_for_another_counts_where_it_is_installed(
    project: Path,
    declared: str,
    is_found: bool,  # noqa: FBT001
    procfile: str,
) -> None:
    source = "try:\n    import anthropic as api\nexcept ImportError:\n    import openai as api\n\nprint(api)\n"
    write(project, {"app.py": source, "requirements.txt": declared} | ({"Procfile": procfile} if procfile else {}))
    tree = WorkTree(str(project))
    found = check(Project(tree, load(tree)[0])).findings
    assert ("openai" in [one.subject for one in found]) is is_found
    if procfile:
        report = memory_budget.check(Project(tree, load(tree)[0]))
        parts = [part.package for part in report.services[0].parts]
        assert ("openai" in parts) is is_found


def test_in_a_function_that_is_called(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"app.py": "def load():\n    import pandas\nload()\n"})
    assert main(["app.py", "--scope", "all"]) == 1
    assert capsys.readouterr().out == finding(
        "app.py:2:5", "pandas", "in function load, called at module level",
        "    fix: import it where it is used, or call the function later, when a request or a job needs it\n",
    )  # fmt: skip


@pytest.mark.parametrize("source", [
    pytest.param("import matplotlib\n", id="a light part of a heavy library"),
    pytest.param("from google import auth\n", id="another part of a namespace"),
    pytest.param("import pandas_stubs, mypandas\nfrom my import pandas\n", id="names that only look alike"),
    pytest.param("from . import pandas\nfrom .torch import x\n", id="relative"),
    pytest.param("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n", id="TYPE_CHECKING"),
    pytest.param("if __name__ == '__main__':\n    import pandas\n", id="main"),
    pytest.param("# import pandas\n'''\nimport torch\n'''\nx = 'import openai'\n", id="text"),
    pytest.param("async def f():\n    import pandas\n", id="a coroutine"),
    pytest.param("import fastapi, flask, django\n", id="a web framework"),
    pytest.param("", id="nothing"),
])  # fmt: skip
def test_not_eager(project: Path, capsys: pytest.CaptureFixture[str], source: str) -> None:
    write_dedented(project, {"app.py": source})
    assert main(["app.py"]) == 0
    assert capsys.readouterr() == ("", "")


def test_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(
        project, {"app/api.py": used("import os\nimport pandas as pd\n", "pd"), "app/bad.py": "import pandas\nx = )\n"}
    )
    assert main(["app/bad.py", "app/api.py", "--format", "json"]) == 1
    out, err = capsys.readouterr()
    footprint = lookup.find("pandas", None, None, None)
    assert footprint is not None
    assert json.loads(out) == {
        "schema": 1,
        "findings": [{
            "code": "MG201", "hook": "no-eager-heavy-imports", "severity": "error",
            "path": "app/api.py", "line": 2, "column": 1,
            "message": f"pandas is loaded at start, imported at module level: {cost('pandas')}",
            "mib": round(footprint.resident / MIB, 1),
            "chain": [{"path": "app/api.py", "line": 2, "module": "pandas"}],
            "fix": "move the import into the function that uses it",
        }],
        "services": [],
        "skipped": [
            {"path": "app/bad.py", "line": 2, "reason": "does not parse: a bracket closes that was not opened"},
        ],
    }  # fmt: skip
    assert err == ("app/bad.py:2: skipped: does not parse: a bracket closes that was not opened\n1 error, 0 warnings\n")


def test_first_party_modules_hide_libraries(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(
        project,
        {"app.py": used("import openai\nimport pandas\nimport torch\n", "torch"), "openai.py": "", "pandas/__init__.py": ""},
    )
    assert main(["app.py"]) == 1
    assert capsys.readouterr().out == finding("app.py:3:1", "torch")


def test_a_module_does_not_hide_what_it_imports_itself(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"app/__init__.py": "", "app/openai.py": used("import openai\n", "openai")})
    assert main(["app/openai.py"]) == 1
    assert capsys.readouterr().out == finding("app/openai.py:1:1", "openai")


def test_settings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {
        "app.py": used("import pandas\nimport torch\nimport openai\nimport big.data\n", "big"),
        "old.py": "import torch\n",
        "memguard.toml": """
            exclude = ["old*.py"]
            [heavy]
            add = ["big"]
            remove = ["pandas"]
            allow = {torch = "the app is a model server", openai = ""}
        """,
    })  # fmt: skip
    assert main(["app.py", "old.py"]) == 1
    out, err = capsys.readouterr()
    assert (
        out
        == """\
app.py:4:1: MG201 big.data is loaded at start, imported at module level
    fix: move the import into the function that uses it
memguard.toml:5:47: MG190 openai is allowed without a reason
    fix: write `openai = "why"`
"""
    )
    assert err == (
        "do these two, and it passes:\n"
        f"  1. app.py:4: {TO_START}"
        '  2. memguard.toml:5: write `openai = "why"`\n'
        "2 errors, 0 warnings\n"
    )


TO_START = "move the import into the function that uses it: `memguard fix --to-start`\n"
UNUSED = "MG191 nothing here breaks MG201 (warning)\n    fix: delete the comment\n"
ALLOWANCES = {
    "with a reason": ("import pandas  # memguard: allow[MG201] the app is a table\n", 0, "", ""),
    "on any line of the import": (
        "from pandas import (\n    DataFrame,  # memguard: allow[MG201] needed\n    Series,\n)\n", 0, "", ""),
    "on the last line of the import": ("from pandas import (\n    Series,\n)  # memguard: allow[MG201] needed\n", 0, "", ""),
    "without a reason": (
        "import pandas  # memguard: allow[MG201]\n", 1,
        "app.py:1:16: MG190 MG201 is allowed without a reason\n    fix: write `# memguard: allow[MG201] why`\n",
        "1 error, 0 warnings\n"),
    "of nothing": (
        "import os  # memguard: allow[MG201] why\n", 0,
        f"app.py:1:12: {UNUSED}", "0 errors, 1 warning\n"),
    "of a lazy import": (
        "def f():\n    import pandas  # memguard: allow[MG201] why\n", 0,
        f"app.py:2:20: {UNUSED}", "0 errors, 1 warning\n"),
    "of a code that nobody has": (
        "import os  # memguard: allow[MG999] why\n", 0,
        "app.py:1:12: MG191 there is no rule MG999 to allow (warning)\n    fix: delete the comment\n",
        "0 errors, 1 warning\n"),
    "of another hook": ("import os  # memguard: allow[MG101] why\n", 0, "", ""),
    "on the next line": (
        "import pandas\n# memguard: allow[MG201] why\n", 1,
        f"{{pandas}}app.py:2:1: {UNUSED}",
        f"do this, and it passes:\n  1. app.py:1: {TO_START}1 error, 1 warning\n"),
    "in a string": ("import pandas; x = '# memguard: allow[MG201] why'\n", 1, "{pandas}", "1 error, 0 warnings\n"),
    "in a docstring": ("'''\n# memguard: allow[MG201] why\n'''\n", 0, "", ""),
}  # fmt: skip


@pytest.mark.parametrize(
    ("source", "status", "out", "err"), [pytest.param(*case, id=name) for name, case in ALLOWANCES.items()]
)
def test_allowances(project: Path, capsys: pytest.CaptureFixture[str], source: str, status: int, out: str, err: str) -> None:
    write_dedented(project, {"app.py": used(source)})
    assert main(["app.py"]) == status
    assert capsys.readouterr() == (out.replace("{pandas}", finding("app.py:1:1", "pandas")), err)


def test_an_allowance_says_nothing_of_a_file_that_cannot_be_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"app.py": "import os  # memguard: allow[MG201] why\nx = (\n"})
    assert main(["app.py"]) == 0
    assert capsys.readouterr() == ("", "app.py:2: skipped: does not parse: a bracket is not closed\n")


@pytest.mark.parametrize(
    "path",
    ["tests/app.py", "test/a/b.py", "app/tests/x.py", "test_app.py", "app_test.py", "conftest.py", "setup.py", "noxfile.py"],
)
def test_tests_are_left_out(project: Path, capsys: pytest.CaptureFixture[str], path: str) -> None:
    write_dedented(project, {path: "import pandas\n"})
    assert main([path]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("path", ["latest.py", "contests/app.py", "app/setup_db.py", "src/app.py", "testing.py"])
def test_what_only_looks_like_a_test_is_judged(project: Path, capsys: pytest.CaptureFixture[str], path: str) -> None:
    write_dedented(project, {path: used("import pandas\n")})
    assert main([path]) == 1
    assert capsys.readouterr().out == finding(f"{path}:1:1", "pandas")


def test_the_whole_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"b.py": used("import pandas\n"), "a/x.py": used("import torch\n", "torch"),
                    "notes.txt": "import pandas\n", ".venv/x.py": "import pandas\n",
                    "tests/test_b.py": "import pandas\n"})  # fmt: skip
    (project / "link.py").symlink_to("/etc/hostname")
    assert main([]) == 1
    assert capsys.readouterr() == (
        finding("a/x.py:1:1", "torch") + finding("b.py:1:1", "pandas"),
        (
            "link.py: skipped: leads out of the repository\ndo this, and it passes:\n"
            f"  1. a/x.py:1, b.py:1: {TO_START}2 errors, 0 warnings\n"
        ),
    )


@pytest.mark.parametrize(("source", "level", "status"), [
    pytest.param("import pandas\n", "error", 1, id="an error, error"),
    pytest.param("import pandas\n", "warning", 1, id="an error, warning"),
    pytest.param("import pandas\n", "never", 0, id="an error, never"),
    pytest.param("x = 1  # memguard: allow[MG201] why\n", "error", 0, id="a warning, error"),
    pytest.param("x = 1  # memguard: allow[MG201] why\n", "warning", 1, id="a warning, warning"),
    pytest.param("x = 1\n", "warning", 0, id="nothing, warning"),
])  # fmt: skip
def test_fail_on(project: Path, source: str, level: str, status: int) -> None:
    write_dedented(project, {"app.py": source})
    assert main(["app.py", "--fail-on", level]) == status


def test_a_file_that_does_not_parse_is_skipped(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"bad.py": "import pandas\nx = 1 +\n", "good.py": "import pandas\n"})
    assert main(["bad.py"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("bad.py:2: skipped: does not parse: expected one of ")
    assert err.count("\n") == 1
    assert main(["bad.py", "good.py"]) == 1


def test_a_file_that_does_not_parse_and_names_nothing_heavy_is_not_read(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dedented(project, {"bad.py": "import os\nx = 1 +\n"})
    assert main(["bad.py"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("arguments", "message"), [
    pytest.param(["no.py"], "no.py: error: no such file\n", id="a file that is not there"),
    pytest.param(["../no.py"], "../no.py: error: is not in this project\n", id="a file outside"),
    pytest.param(["--config", "no.toml"], "no.toml: error: no such settings file\n", id="settings that are not there"),
])  # fmt: skip
@pytest.mark.usefixtures("project")
def test_usage_errors(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", message)


@pytest.mark.usefixtures("project")
def test_a_wrong_python_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--target-python", "three"])
    assert caught.value.code == 2
    assert "argument --target-python: invalid value: 'three'" in capsys.readouterr().err


CONDITION = "import sys\nif sys.version_info >= (3, 12):\n    import pandas\n"
ANNOTATION = "x: __import__('pandas')\n"
MADE_LAZY = "__lazy_modules__ = ['pandas']\nimport pandas\n"


@pytest.mark.parametrize(("source", "python", "status"), [
    pytest.param(CONDITION, "3.11", 0, id="version_info, below"),
    pytest.param(CONDITION, "3.12", 1, id="version_info, from"),
    pytest.param(CONDITION, None, 1, id="version_info, not known"),
    pytest.param(ANNOTATION, "3.13", 1, id="annotations, evaluated"),
    pytest.param(ANNOTATION, "3.14", 0, id="annotations, not evaluated"),
    pytest.param(MADE_LAZY, "3.14", 1, id="__lazy_modules__, not known"),
    pytest.param(MADE_LAZY, "3.15", 0, id="__lazy_modules__, known"),
])  # fmt: skip
def test_target_python(project: Path, source: str, python: str | None, status: int) -> None:
    write_dedented(project, {"app.py": source})
    assert main(["app.py", "--scope", "all", *(["--target-python", python] if python else [])]) == status


def test_what_holds_imports_is_looked_for_within_bounds(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "".join(f"import pandas as p{number}\np{number}.DataFrame()\n" for number in range(5))
    write_dedented(project, {"app.py": source})
    monkeypatch.setattr(advice, "MAX_LOOKED", 3 * len(source))
    assert main(["app.py"]) == 1
    assert capsys.readouterr().out.count("once nothing holds it here") == 3


def test_target_python_of_the_settings(project: Path) -> None:
    write_dedented(project, {"app.py": CONDITION, "pyproject.toml": '[tool.memguard]\ntarget-python = "3.11"\n'})
    assert main(["app.py"]) == 0
    assert main(["app.py", "--target-python", "3.13"]) == 1


def test_advice_on_a_python_with_lazy_imports(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(
        project,
        {
            "app.py": used(
                "try:\n    import torch\nfinally:\n    pass\nimport pandas\nfrom openai import *\n", "torch", "pandas"
            )
        },
    )
    assert main(["app.py", "--target-python", "3.15"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines[1::2]] == [
        "fix: move the import into the function that uses it, once nothing holds it here: it stands in `try`",
        "fix: move the import into the function that uses it, or write `lazy` before it",
        "fix: move the import into the function that uses it, once nothing holds it here: it takes all names of the module",
    ]


def test_lazy_imports_that_are_used(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"app.py": "lazy import pandas\nlazy import torch\n\nFRAME = pandas.DataFrame()\n"})
    assert main(["app.py", "--target-python", "3.15"]) == 1
    assert capsys.readouterr().out == (
        "app.py:4:9: MG202 the lazy import of pandas in line 1 is resolved here, while the file loads: "
        f"{cost('pandas', '3.15')}\n    fix: use pandas only inside functions that run later\n"
    )


def test_lazy_imports_of_the_deployment(project: Path) -> None:
    write_dedented(project, {
        "app.py": "import pandas\n",
        "render.yaml": """
            services:
              - type: web
                name: web
                runtime: python
                startCommand: uvicorn app:app
                envVars:
                  - key: PYTHON_LAZY_IMPORTS
                    value: all
        """,
    })  # fmt: skip
    assert main(["app.py", "--target-python", "3.15"]) == 0
    assert main(["app.py", "--target-python", "3.14"]) == 1


def test_computed_names_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"app.py": "import importlib, sys\nfor name in sys.argv:\n    importlib.import_module(name)\n"})
    assert main(["app.py"]) == 0
    assert capsys.readouterr() == ("", "app.py:3: skipped: imports a computed name: importlib.import_module(name)\n")


def test_what_a_script_of_streamlit_needs_in_each_session_is_a_warning(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dedented(
        project, {"Procfile": "web: streamlit run app.py\n", "frames.py": "import scipy.stats\nN = scipy.stats.norm\n"}
    )
    write_dedented(project, {"app.py": "import pandas\nimport frames\nimport streamlit\nframe = pandas.DataFrame()\n"})
    assert main([]) == 1
    told = [line for line in capsys.readouterr().out.splitlines() if " MG201 " in line or line.startswith("    fix: ")]
    assert told[0].startswith("app.py:1:1: MG201 pandas")
    assert told[0].endswith("(warning)")
    assert told[1].startswith("    fix: import it in the branch or the function that needs it: streamlit runs its script")
    assert told[2].startswith("frames.py:1:1: MG201 scipy.stats")
    assert not told[2].endswith("(warning)")


def test_pages_of_streamlit_that_load_what_each_session_loads_anyway_are_no_errors(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An app that fits was refused for each of its pages: moving pandas saves nothing by the time that is judged."""
    table = "import pandas\nimport streamlit\n\ndef show():\n    streamlit.write(pandas.DataFrame())\n"
    held = f"{table}\nEMPTY = pandas.DataFrame()\n"
    inside = "def ask():\n    from google import genai\n    return genai\n"
    files = {
        "Procfile": "web: streamlit run app.py\n",
        "app.py": "import streamlit\nimport charts\nimport asking\ncharts.show()\n",
        "charts.py": held,
        "tables.py": held,
        "asking.py": inside,
        "pages/1_Tables.py": "import tables\ntables.show()\n",
        "pages/2_Ask.py": "import asking\nasking.ask()\n",
    }
    write_dedented(project, files)
    assert main([]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if " MG201 " in line]
    assert [line.partition(":")[0] for line in told] == ["charts.py"]


def test_what_a_page_of_streamlit_uses_as_it_runs_is_no_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = "import streamlit\nimport transformers\nstreamlit.write(transformers.pipeline('summarization')('x'))\n"
    files = {"Procfile": "web: streamlit run app.py\n", "app.py": "import streamlit\n", "pages/1_Ask.py": page}
    write_dedented(project, files)
    assert main([]) == 0
    assert capsys.readouterr().out == ""


def test_of_two_imports_in_one_statement_the_one_that_is_used_is_not_told_as_unused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dedented(project, {"app.py": "import torch, pandas\n\ndef f():\n    return pandas.DataFrame()\n"})
    assert main(["app.py"]) == 1
    told = [line.split()[1:3] for line in capsys.readouterr().out.splitlines() if line.startswith("app.py:1:1: ")]
    assert sorted(told) == [["MG201", "pandas"], ["MG203", "torch"]]


HOSTILE = {
    "spaces behind from": "import pandas\nfrom" + " " * 60_000 + "x\n(",
    "marks in a comment": "import pandas\n# a" + "\u0300\u0316" * 100_000 + "\n",
    "a name without an end": "import pandas\nimport " + "a." * 300_000 + "a\n",
    "names below a long name": "import pandas\nfrom "
    + "a" * 20_000
    + " import pandas,"
    + ",".join(f"b{i}" for i in range(10_000))
    + "\n",
    "a table of numbers": "import pandas\nv = [" + "1," * 200_000 + "]\n",
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in HOSTILE.items()])
@pytest.mark.parametrize("is_entry", [False, True])
def test_hostile_sources_are_bounded(project: Path, source: str, is_entry: bool) -> None:  # noqa: FBT001 - a column
    (project / "app.py").write_text(source, "utf-8")
    if is_entry:
        write_dedented(project, {"Procfile": "web: python app.py\n"})
    with at_most(5_000_000):
        assert main(["app.py"]) in (0, 1)
