"""The hook no-eager-heavy-imports where an entry point is known: chains, commits, and where files are found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from folders import write_dedented

from memguard_hooks.catalog import lookup
from memguard_hooks.finding import mib
from memguard_hooks.hooks.no_eager_heavy_imports import main

APP = {
    "Procfile": "web: uvicorn app.main:app\n",
    "app/__init__.py": "",
    "app/main.py": "from app.api import routes\nfrom app import tools\n",
    "app/api/__init__.py": "",
    "app/api/routes.py": "from .. import analytics\n",
    "app/analytics.py": "import os\nimport pandas as pd\n\n\ndef table():\n    return pd\n",
    "app/tools.py": "def load():\n    import torch\n    from app import lab\n",
    "app/lab.py": "import torch\n\nDEVICE = torch.device\n",
    "script.py": "import tensorflow as tf\n\ntf.start()\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty project, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def places(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return path, line and column of each finding that was printed, with its code."""
    return [" ".join(line.split()[:2]) for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]


def test_the_chain_from_the_entry_point(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, APP)
    assert main([]) == 1
    footprint = lookup.find("pandas", None, None, None)
    assert footprint is not None
    out, err = capsys.readouterr()
    assert out == (
        f"app/analytics.py:2:1: MG201 pandas is loaded at start, imported at module level: {mib(footprint.resident)} MiB "
        f"with what it brings (pandas {footprint.version})\n"
        "    import path: app/main.py:1 → app/api/routes.py:1 → app/analytics.py:2 → pandas\n"
        "    fix: move the import into the function that uses it\n"
    )
    assert err == "1 error, 0 warnings\n"


@pytest.mark.parametrize(("staged", "status"), [
    pytest.param(["app/analytics.py"], 1, id="the file that imports"),
    pytest.param(["app/main.py"], 1, id="the entry point"),
    pytest.param(["app/api/routes.py"], 1, id="a file between"),
    pytest.param(["app/tools.py"], 0, id="a file that imports lazily"),
    pytest.param(["app/lab.py"], 0, id="a file that is imported lazily"),
    pytest.param(["app/api/__init__.py"], 0, id="a package on the way, which imports nothing"),
    pytest.param(["script.py"], 0, id="a script that nothing reaches"),
    pytest.param(["script.py", "app/main.py"], 1, id="several"),
])  # fmt: skip
def test_what_belongs_to_a_commit(project: Path, capsys: pytest.CaptureFixture[str], staged: list[str], status: int) -> None:
    write_dedented(project, APP)
    assert main(staged) == status
    assert places(capsys) == ["app/analytics.py:2:1: MG201"] * status


@pytest.mark.parametrize(("arguments", "settings", "found"), [
    pytest.param(["--scope", "all"], "", ["app/analytics.py:2:1:", "app/lab.py:1:1:", "script.py:1:1:"], id="all, asked"),
    pytest.param([], 'scope = "all"', ["app/analytics.py:2:1:", "app/lab.py:1:1:", "script.py:1:1:"], id="all, set"),
    pytest.param(["--scope", "reachable"], 'scope = "all"', ["app/analytics.py:2:1:"], id="the argument wins"),
    pytest.param(["--entrypoint", "script.py"], "", ["script.py:1:1:"], id="the entry point that is asked for wins"),
    pytest.param([], 'entrypoints = ["script.py"]', ["app/analytics.py:2:1:"], id="what is declared wins over the settings"),
])  # fmt: skip
def test_scope(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], settings: str, found: list[str]
) -> None:
    write_dedented(project, APP | {"memguard.toml": settings})
    assert main(arguments) == 1
    assert places(capsys) == [f"{place} MG201" for place in found]


def test_a_scope_without_an_entry_point(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"app.py": "import pandas\n"})
    assert main(["--scope", "reachable", "app.py"]) == 0
    assert capsys.readouterr() == (
        "", ".: skipped: no entry point is known, and the scope is what one reaches: nothing is judged\n"
    )  # fmt: skip


ENTRIES = {
    "an argument": (["--entrypoint", "app.main:app"], {}),
    "the settings": ([], {"memguard.toml": 'entrypoints = ["app.main:app"]\n'}),
    "render.yaml": ([], {"render.yaml": """
        services:
          - type: web
            name: web
            runtime: python
            startCommand: gunicorn app.main:app
    """}),
    "a Dockerfile": ([], {"Dockerfile": 'FROM python:3.11\nWORKDIR /srv\nCOPY . .\nCMD ["python", "-m", "app.main"]\n'}),
    "fly.toml": ([], {"fly.toml": 'app = "x"\n[processes]\nweb = "python -m app.main"\n'}),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "files"), [pytest.param(*case, id=name) for name, case in ENTRIES.items()])
def test_where_entry_points_come_from(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], files: dict[str, str]
) -> None:
    write_dedented(project, {name: text for name, text in APP.items() if name != "Procfile"} | files)
    assert main(["app/main.py", "script.py", *arguments]) == 1
    assert places(capsys) == ["app/analytics.py:2:1: MG201"]


def test_two_services_and_the_shortest_chain(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, APP | {
        "Procfile": "web: uvicorn app.main:app\nworker: python worker.py\n",
        "worker.py": "import app.analytics\nimport script\n",
    })  # fmt: skip
    assert main(["--format", "json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [[(step["path"], step["line"], step["module"]) for step in one["chain"]] for one in findings] == [
        [("worker.py", 1, "app.analytics"), ("app/analytics.py", 2, "pandas")],
        [("worker.py", 2, "script"), ("script.py", 1, "tensorflow")],
    ]
    assert main(["app/main.py"]) == 1
    assert places(capsys) == ["app/analytics.py:2:1: MG201"]


USE = "\n\ndef use():\n    return (pandas, openai, torch)\n"
TREES = {
    "a cycle": (
        {"Procfile": "web: python a.py\n", "a.py": "import b\n", "b.py": f"import a\nimport c\nimport pandas{USE}",
         "c.py": "import b\n"},
        ["b.py:3:1: MG201"]),
    "a module of the project that hides a library": (
        {"Procfile": "web: python a.py\n", "a.py": f"import openai\nimport pandas{USE}", "openai.py": "x = 1\n",
         "pandas/__init__.py": f"import torch{USE}"},
        ["pandas/__init__.py:1:1: MG201"]),
    "packages on the way": (
        {"Procfile": "web: python a.py\n", "a.py": "import p.q.r\n", "p/__init__.py": "x = 1\n",
         "p/q/__init__.py": f"import pandas\nimport openai as pandas{USE}", "p/q/r.py": "x = 1\n"},
        ["p/q/__init__.py:1:1: MG201", "p/q/__init__.py:2:1: MG201"]),
    "a folder without __init__.py": (
        {"Procfile": "web: python a.py\n", "a.py": "from p.q import r\n", "p/q/r.py": f"import pandas{USE}"},
        ["p/q/r.py:1:1: MG201"]),
    "the folder of the script": (
        {"Procfile": "web: python bot/main.py\n", "bot/main.py": "import tools\n", "bot/tools.py": f"import pandas{USE}",
         "tools.py": f"import torch{USE}"},
        ["bot/tools.py:1:1: MG201"]),
    "src": (
        {"Procfile": "web: uvicorn app:app\n", "src/app.py": f"import pandas{USE}"},
        ["src/app.py:1:1: MG201"]),
    "where packages are": (
        {"Procfile": "web: python -m app\n", "lib/app/__init__.py": f"import pandas{USE}", "lib/app/__main__.py": "x = 1\n",
         "pyproject.toml": '[build-system]\nrequires = []\n[tool.setuptools.packages.find]\nwhere = ["lib"]\n'},
        ["lib/app/__init__.py:1:1: MG201"]),
    "a folder that is changed to": (
        {"Procfile": "web: cd server && uvicorn app:app\n", "server/app.py": f"import pandas{USE}"},
        ["server/app.py:1:1: MG201"]),
    "a folder that gunicorn changes to": (
        {"Procfile": "web: gunicorn --chdir server app:app\n", "server/app.py": f"import pandas{USE}"},
        ["server/app.py:1:1: MG201"]),
    "a source root with its name": (
        {"Procfile": "web: uvicorn src.main:app\n", "src/main.py": "from src.factory import make\n\nmake()\n",
         "src/factory.py": f"def make():\n    import pandas\n{USE}", "script.py": f"import torch{USE}"},
        ["src/factory.py:2:5: MG201"]),
    "source-roots, named twice": (
        {"Procfile": "web: uvicorn backend.main:app\n", "backend/main.py": f"import pandas{USE}",
         "memguard.toml": 'source-roots = ["backend"]\n'},
        ["backend/main.py:1:1: MG201"]),
    "source-roots": (
        {"Procfile": "web: uvicorn app:app\n", "code/app.py": f"import pandas{USE}",
         "memguard.toml": 'source-roots = ["code"]\n'},
        ["code/app.py:1:1: MG201"]),
    "the file that is started": (
        {"Procfile": "web: python a.py\n", "a.py": "if __name__ == '__main__':\n    import b\n",
         "b.py": f"if __name__ == '__main__':\n    import torch\nimport pandas{USE}"},
        ["b.py:3:1: MG201"]),
    "what is left out": (
        {"Procfile": "web: python a.py\n", "a.py": f"import b\nimport torch{USE}", "b.py": f"import pandas{USE}",
         "memguard.toml": 'exclude = ["b.py"]\n'},
        ["a.py:2:1: MG201"]),
    "a test that is started": (
        {"Procfile": "web: python conftest.py\n", "conftest.py": f"import pandas{USE}"},
        ["conftest.py:1:1: MG201"]),
    "Django": (
        {"Procfile": "web: gunicorn p.wsgi\n", "p/__init__.py": "",
         "p/wsgi.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'p.settings')\n",
         "p/settings.py": "ROOT_URLCONF = 'p.urls'\n", "p/urls.py": "from p import views\n",
         "p/views.py": f"import pandas{USE}"},
        ["p/views.py:1:1: MG201"]),
}  # fmt: skip


@pytest.mark.parametrize(("files", "found"), [pytest.param(*case, id=name) for name, case in TREES.items()])
def test_trees(project: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], found: list[str]) -> None:
    write_dedented(project, files)
    assert main([]) == 1
    assert places(capsys) == found


def test_what_the_first_request_loads(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, TREES["Django"][0])
    assert main([]) == 1
    out = capsys.readouterr().out
    assert "p/views.py:1:1: MG201 pandas is loaded at the first request, imported at module level: " in out
    assert "    import path: p/wsgi.py:1 → p/settings.py:1 → p/urls.py:1 → p/views.py:1 → pandas\n" in out


def test_what_each_process_loads_as_it_serves_anyway_is_not_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = TREES["Django"][0]
    routed = "from django.urls import path\nfrom p import views\n\nurlpatterns = [path('', views.index)]\n"
    views = "import pandas\n\ndef index(_):\n    pandas.array([])\n"
    write_dedented(project, {**files, "p/urls.py": routed, "p/views.py": views})
    assert main([]) == 0
    assert capsys.readouterr().out == ""


def test_the_walk_goes_on_past_a_file_that_does_not_parse(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {
        "Procfile": "web: python a.py\n",
        "a.py": "import b\n",
        "b.py": "import c\nfrom d import (\n    x,\n    y,\n)\n    import e\nz = )\n",
        "c.py": f"import pandas{USE}",
        "d.py": f"import openai{USE}",
        "e.py": f"import torch{USE}",
    })  # fmt: skip
    assert main([]) == 1
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines() if not line.startswith(" ")] == ["c.py:1:1:", "d.py:1:1:"]
    assert "import path: a.py:1 → b.py:2 → d.py:1 → openai\n" in out
    assert err == (
        "b.py:7: skipped: does not parse: a bracket closes that was not opened; "
        "of its imports only those at the start of a line are followed\n"
        "do this, and it passes:\n"
        "  1. c.py:1, d.py:1: move the import into the function that uses it: `memguard fix --to-start`\n"
        "2 errors, 0 warnings\n"
    )


def test_a_service_that_is_not_followed_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"Procfile": "web: python a.py\nother: python gone.py\n", "a.py": "import os\n"})
    assert main(["a.py"]) == 0
    assert capsys.readouterr() == ("", "Procfile:2: skipped: other is not followed: gone.py is not in the repository\n")


UNUSED = {
    "import": ("import pandas\n", "pandas"),
    "import as": ("import os\nimport pandas as pd\n", "pd"),
    "from": ("from pandas import DataFrame as Frame, Series\n", "Frame or Series"),
    "a module below": ("import pandas.io.json\n", "pandas"),
    "several lines": ("from pandas import (\n    DataFrame,  # rows\n    Series,\n)\n", "DataFrame or Series"),
}


@pytest.mark.parametrize(("source", "names"), [pytest.param(*case, id=name) for name, case in UNUSED.items()])
def test_an_import_that_nothing_uses(project: Path, capsys: pytest.CaptureFixture[str], source: str, names: str) -> None:
    write_dedented(project, {"app.py": source})
    assert main(["app.py"]) == 1
    out = capsys.readouterr().out
    assert " MG203 pandas" in out
    assert f" is loaded at start and not used: nothing in this file names {names}: " in out
    assert out.endswith(f"\n    fix: delete the import, if no other file takes {names} from here\n")


@pytest.mark.parametrize(("path", "source"), [
    pytest.param("app.py", "import pandas\nx = pandas\n", id="used"),
    pytest.param("app.py", "import pandas\n__all__ = ['pandas']\n", id="exported"),
    pytest.param("app.py", "import pandas as pandas\n", id="handed on"),
    pytest.param("app.py", "from pandas import DataFrame as DataFrame\n", id="a name handed on"),
    pytest.param("app/__init__.py", "import pandas\n", id="of a package"),
    pytest.param("app.py", "import pandas  # noqa: F401\n", id="for its effects"),
    pytest.param("app.py", "import pandas  # pylint: disable=unused-import\n", id="for its effects, said otherwise"),
    pytest.param("app.py", "import pandas; pandas.show()\n", id="used on its line"),
    pytest.param("app.py", "import importlib\nimportlib.import_module('pandas').x = 1\n", id="used where it is imported"),
    pytest.param("app.py", "from pandas import *\n", id="star"),
    pytest.param("app.py", "from pandas import DataFrame, Series\nx = Series\n", id="one of two"),
    pytest.param("app.py", "__import__('pandas')\n", id="by a call"),
    pytest.param("app.py", "import pandas\nx = getattr(y, 'pandas')\n", id="named in a text"),
])  # fmt: skip
def test_an_import_that_may_be_used(project: Path, capsys: pytest.CaptureFixture[str], path: str, source: str) -> None:
    write_dedented(project, {path: source})
    assert main([path, "--scope", "all"]) == 1
    assert places(capsys)[0].endswith(" MG201")


def test_what_holds_an_import_that_nothing_starts_leaves_it_a_warning(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody knows that a process loads it, and its fix cannot be done as it stands."""
    write_dedented(project, {"held.py": "import pandas\nEMPTY = pandas.DataFrame()\n"})
    assert main(["held.py"]) == 0
    assert places(capsys) == ["held.py:1:1: MG201"]
    write_dedented(project, {"moves.py": "import pandas\ndef f():\n    return pandas.DataFrame()\n"})
    assert main(["moves.py"]) == 1


def test_an_import_that_only_asks_whether_a_library_is_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"app.py": "try:\n    import torch\n    OK = True\nexcept ImportError:\n    OK = False\n"})
    assert main(["app.py", "--scope", "all"]) == 1
    assert '    fix: ask `importlib.util.find_spec("torch")`, which tells without loading it\n' in capsys.readouterr().out


THROUGH = '[heavy]\nonly-through = {litellm = "app.lazy_litellm"}\n'


@pytest.mark.parametrize(("path", "source", "found"), [
    pytest.param("app/bot.py", "import litellm\nlitellm.x\n", ["MG201", "MG204"], id="eager"),
    pytest.param("app/bot.py", "def f():\n    from litellm import completion\n", ["MG204"], id="lazy"),
    pytest.param("app/bot.py", "def f():\n    from litellm.utils import x\n", ["MG204"], id="a module below"),
    pytest.param("app/bot.py", "from app.lazy_litellm import completion\n", [], id="through the module"),
    pytest.param("app/lazy_litellm.py", "def f():\n    import litellm\n    return litellm\n", [], id="the module itself"),
    pytest.param("app/lazy_litellm.py", "import litellm\nlitellm.x\n", ["MG201"], id="the module itself, eager"),
    pytest.param("app/bot.py", "def f():\n    import litellm_proxy\n", [], id="another library"),
    pytest.param("app/bot.py", "def f():\n    import litellm  # memguard: allow[MG204] the proxy\n", [], id="allowed"),
    pytest.param("tests/test_bot.py", "import litellm\n", [], id="a test"),
    pytest.param("myapp/lazy_litellm.py", "def f():\n    import litellm\n", ["MG204"], id="another module of that name"),
])  # fmt: skip
def test_a_library_that_comes_through_one_module(
    project: Path, capsys: pytest.CaptureFixture[str], path: str, source: str, found: list[str]
) -> None:
    write_dedented(project, {path: source, "memguard.toml": THROUGH})
    assert main([path, "--scope", "all"]) == bool(found)
    assert [place.split()[1] for place in places(capsys)] == found


def test_the_advice_on_a_library_that_comes_through_one_module(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, {"bot.py": "def f():\n    import litellm\n", "memguard.toml": THROUGH})
    assert main(["bot.py"]) == 1
    assert capsys.readouterr().out == (
        "bot.py:2:5: MG204 litellm is imported here, not through app.lazy_litellm\n"
        "    fix: take it from app.lazy_litellm, which loads it when it is needed\n"
    )


@pytest.mark.parametrize(
    "path", [pytest.param("script.py", id="not reached"), pytest.param("app/analytics.py", id="reached")]
)
def test_allowances(project: Path, capsys: pytest.CaptureFixture[str], path: str) -> None:
    text = APP[path].replace("as tf", "as tf  # memguard: allow[MG201] on my machine")
    write_dedented(project, APP | {path: text.replace("as pd", "as pd  # memguard: allow[MG201] a bot of tables")})
    assert main([path]) == 0
    assert capsys.readouterr() == ("", "")


def test_an_allowance_of_nothing_in_a_file_that_is_not_reached(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, APP | {"script.py": "import os  # memguard: allow[MG201] why\n"})
    assert main(["script.py", "--fail-on", "warning"]) == 1
    assert places(capsys) == ["script.py:1:12: MG191"]


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the hook in a process of its own, which tells on standard error whether it loaded libcst."""
    code = (
        "import sys\nfrom memguard_hooks.hooks.no_eager_heavy_imports import main\n"
        "status = main(sys.argv[1:])\nprint('libcst' in sys.modules, file=sys.stderr)\nraise SystemExit(status)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=root, capture_output=True, text=True, encoding="utf-8", check=False
    )


CALLING = "\n\nclass Start:\n    @property\n    def one(self):\n        return 1\n\n\nStart().one\n"
"""Makes a file one that takes libcst: it asks for a property of its own."""


def test_libcst_only_where_the_verdict_can_change(project: Path) -> None:
    write_dedented(project, APP | {"app/analytics.py": "import os\n", "app/tools.py": "import re\n"})
    assert run(project, "app/main.py").stderr == "False\n"
    write_dedented(project, {"app/analytics.py": APP["app/analytics.py"]})
    assert run(project, "app/main.py").stderr == "1 error, 0 warnings\nFalse\n"
    write_dedented(project, {"app/analytics.py": APP["app/analytics.py"] + CALLING})
    assert run(project, "script.py").stderr == "False\n"
    assert run(project, "app/main.py").stderr == "1 error, 0 warnings\nTrue\n"


def test_the_cache(project: Path) -> None:
    write_dedented(project, {**APP, "app/analytics.py": APP["app/analytics.py"] + CALLING})
    subprocess.run(["git", "init", "-q", "."], cwd=project, check=True)
    first = run(project)
    assert first.stderr == "1 error, 0 warnings\nTrue\n"
    second = run(project)
    assert (second.stdout, second.returncode) == (first.stdout, 1)
    assert second.stderr == "1 error, 0 warnings\nFalse\n"
    status = subprocess.run(["git", "status", "--porcelain"], cwd=project, capture_output=True, text=True, check=True)
    assert "memguard" not in status.stdout
    write_dedented(project, {"app/analytics.py": "import os\n" + APP["app/analytics.py"] + CALLING})
    third = run(project)
    assert third.stderr.endswith("True\n")
    assert third.stdout.startswith("app/analytics.py:3:1: MG201")


def test_hooks_side_by_side_share_the_cache(project: Path) -> None:
    write_dedented(project, APP | {f"m{i}.py": f"import pandas\nx{i} = pandas\n" for i in range(8)})
    subprocess.run(["git", "init", "-q", "."], cwd=project, check=True)
    command = [sys.executable, "-m", "memguard_hooks.hooks.no_eager_heavy_imports", "--scope", "all"]
    processes = [subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    outputs = {process.communicate() for process in processes}
    assert len(outputs) == 1
    assert next(iter(outputs))[0].count(b"MG201") == 11
    left = sorted(
        path.relative_to(project / ".git" / "memguard").parts[0][:6] for path in project.glob(".git/memguard/**/*")
    )
    assert left == ["facts-"], "one pack, and nothing that was written by half"


CALLS = {
    "a factory": (
        {"app/__init__.py": "", "app/main.py": "from app.factory import create_app\n\napp = create_app()\n",
         "app/factory.py": "def create_app():\n    import pandas\n    from app import routes\n    return pandas\n",
         "app/routes.py": f"import openai{USE}"},
        ["app/factory.py:2:5: MG201", "app/routes.py:1:1: MG201"]),
    "a function of a module": (
        {"app/__init__.py": "", "app/main.py": "from app import factory\n\nfactory.start()\n",
         "app/factory.py": "def start():\n    import pandas\n    return pandas\n"},
        ["app/factory.py:2:5: MG201"]),
    "a class": (
        {"app/__init__.py": "", "app/main.py": "import app.client\n\nCLIENT = app.client.Client()\n",
         "app/client.py": "class Client:\n    def __init__(self):\n        import pandas\n        self.x = pandas\n"},
        ["app/client.py:3:9: MG201"]),
    "a function that is handed on": (
        {"app/__init__.py": "from .factory import start\n", "app/main.py": "from app import start\n\nstart()\n",
         "app/factory.py": "from .inner import begin\n\n\ndef start():\n    begin()\n",
         "app/inner.py": "def begin():\n    import pandas\n    return pandas\n"},
        ["app/inner.py:2:5: MG201"]),
    "a function that is not called": (
        {"app/__init__.py": "", "app/main.py": f"from app.factory import start\nimport openai{USE}",
         "app/factory.py": "def start():\n    import pandas\n    return pandas\n"},
        ["app/main.py:2:1: MG201"]),
    "a function that the server calls": (
        {"Procfile": "web: uvicorn --factory app.main:make\n", "app/__init__.py": "",
         "app/main.py": "from app import factory\n\n\ndef make():\n    return factory.start()\n",
         "app/factory.py": "def start():\n    import pandas\n    return pandas\n"},
        ["app/factory.py:2:5: MG201"]),
}  # fmt: skip


@pytest.mark.parametrize(("files", "found"), [pytest.param(*case, id=name) for name, case in CALLS.items()])
def test_functions_of_other_files(
    project: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], found: list[str]
) -> None:
    write_dedented(project, {"Procfile": "web: uvicorn app.main:app\n"} | files)
    assert main([]) == 1
    assert places(capsys) == found


SCRIPT = {
    "pyproject.toml": "[project]\nname = 'tool'\nversion = '1'\n[project.scripts]\ntool = 'tool.cli:main'\n",
    "tool/__init__.py": "",
    "tool/cli.py": "from tool import table\n\n\ndef main():\n    from tool import late\n    return table, late\n",
    "tool/table.py": "import pandas\nprint(pandas)\n",
    "tool/late.py": "import sklearn\nprint(sklearn)\n",
    "tool/unused.py": "import torch\nprint(torch)\n",
    "notebooks/plot.py": "import matplotlib.pyplot\nprint(matplotlib)\n",
}


def test_a_console_script_decides_where_nothing_else_starts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dedented(project, SCRIPT)
    assert main([]) == 1
    assert places(capsys) == ["tool/late.py:1:1: MG201", "tool/table.py:1:1: MG201"]
    assert main(["--scope", "all"]) == 1
    assert len(places(capsys)) == 4
    write_dedented(project, {"Procfile": "web: python -m tool.unused\n"})
    assert main([]) == 1
    assert places(capsys) == ["tool/unused.py:1:1: MG201"]


LIBRARY = {
    "pyproject.toml": "[build-system]\nrequires = ['hatchling']\n[project]\nname = 'lib'\ndependencies = ['pandas']\n",
    "lib/__init__.py": "",
    "lib/table.py": "import pandas\nimport torch\n\nprint(pandas, torch)\n",
    "lib/scripts/run.py": "import pandas\nprint(pandas)\n",
    "examples/plot.py": "import pandas\nprint(pandas)\n",
    "benchmarks/__init__.py": "",
    "benchmarks/speed.py": "import pandas\nprint(pandas)\n",
}


def test_a_library_that_nothing_starts_has_warnings_where_it_is_installed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dedented(project, LIBRARY)
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(
        "lib/table.py:1:1: MG201 pandas is loaded by whoever imports this package, imported at module level"
    )
    assert err == "0 errors, 1 warning\n"  # of torch no manifest knows, and the rest is not installed
    assert main(["--scope", "all"]) == 1
    assert len(places(capsys)) == 5


def test_where_no_declared_start_can_be_followed_imports_are_warnings(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dedented(project, {"Procfile": "web: $START\n", "table.py": "import pandas\nprint(pandas)\n"})
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("table.py:1:1: MG201 pandas is loaded wherever this file is loaded, imported at module level: ")
    assert err.endswith("0 errors, 1 warning\n")
    assert main(["--scope", "all"]) == 1


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param({"pyproject.toml": "[project]\nname = 'app'\n"}, 5, id="not-installable"),
        pytest.param({"Procfile": "web: python -m lib.table\n"}, 2, id="started"),
        pytest.param({"app.py": "import pandas\nimport flask\napp = flask.Flask(pandas)\n"}, 1, id="likely-started"),
        pytest.param({"memguard.toml": 'entrypoints = ["lib.table"]\n'}, 2, id="settings"),
    ],
)
def test_what_is_started_is_no_library(
    project: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], found: int
) -> None:
    write_dedented(project, {**LIBRARY, **files})
    assert main([]) == ("pyproject.toml" not in files), "what is held is a warning where nothing starts it"
    assert len([line for line in places(capsys) if "MG201" in line]) == found


def test_what_compose_starts_for_developers_is_a_warning(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compose = "services:\n  web:\n    build: .\n    command: python -m lib.table\n"
    write_dedented(project, {**LIBRARY, "compose.yaml": compose, "Dockerfile": "FROM python:3.12\nCOPY . .\n"})
    assert main([]) == 0
    assert places(capsys) == ["lib/table.py:1:1: MG201", "lib/table.py:2:1: MG201"]
    write_dedented(project, {"compose.yaml": f"{compose}    mem_limit: 512m\n"})
    assert main([]) == 1
    write_dedented(project, {"compose.yaml": compose, "memguard.toml": 'limit = "512MiB"\n'})
    assert main([]) == 1


def test_a_module_that_a_package_of_the_repository_lacks_is_not_installed(project: Path) -> None:
    files = {"Procfile": "web: python -m jobs.gone\n", "jobs/__init__.py": "", ".gitmodules": "", "requirements.txt": ""}
    write_dedented(project, files)
    command = [sys.executable, "-m", "memguard_hooks", "check", "--select", "MG305"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert "-m jobs.gone is not in the repository: jobs has no such module" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("python -m langflow run", "langflow is installed, and was not measured"),
        (
            "airflow webserver",
            r"airflow is installed, and takes at least [\d.]+ MiB once it is imported \(apache-airflow-core [\d.]+\)",
        ),
        (
            "mlflow models serve -m x",
            r"mlflow is installed, and takes at least \d+ MiB once it is imported \(measured for mlflow [\d.]+; the ",
        ),
    ],
)
def test_a_program_that_is_installed_is_named(project: Path, command: str, reason: str) -> None:
    write_dedented(project, {"Procfile": f"web: {command}\n", "requirements.txt": "mlflow==3.17.0\n"})
    done = subprocess.run(
        [sys.executable, "-m", "memguard_hooks.hooks.memory_budget"],
        capture_output=True,
        text=True,
        check=False,
        cwd=project,
    )
    assert re.search(f"web is not judged: \\S+(?: langflow)? is not in the repository: {reason}", done.stdout)


def test_programs_of_other_languages_are_told_nowhere(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What starts no Python is not said to be unknown."""
    procfile = "web: python a.py\nsite: node server.js\nold: http-server dist\n"
    write_dedented(project, {"Procfile": procfile, "a.py": "import os\n"})
    assert main(["a.py"]) == 0
    assert capsys.readouterr() == ("", "")
