"""`no-eager-heavy-imports --fix` on whole projects: which libraries move, which stay, and what is written."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import pytest
from folders import commit, git, write, write_dedented
from work import at_most

from memguard_hooks.app import walks
from memguard_hooks.app.entry_points import ServiceEntry
from memguard_hooks.app.takers import Taker, Takers
from memguard_hooks.fix import imports
from memguard_hooks.hooks.no_eager_heavy_imports import main
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import Settings
from memguard_hooks.tree import WorkTree


class Outcome(NamedTuple):
    """What one run printed, and its exit status."""

    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs the hook with `--fix` in a project of the working folder."""
    monkeypatch.chdir(tmp_path)

    def run_with(*arguments: str) -> Outcome:
        code = main(["--fix", *arguments])
        return Outcome(code, *capsys.readouterr())

    return run_with


USED = "import pandas\n\n\ndef export(rows):\n    return pandas.DataFrame(rows)\n"
MOVED = "def export(rows):\n    import pandas\n\n    return pandas.DataFrame(rows)\n"
WEB = {
    "Procfile": "web: python main.py\n",
    "requirements.txt": "pandas\ntorch\nopenai\n",
    "main.py": "import reports\nimport vision\n\nprint(reports, vision)\n",
    "reports.py": USED,
    "vision.py": "import torch\n\n\ndef see(one):\n    return torch.tensor(one)\n",
}
VISION = "def see(one):\n    import torch\n\n    return torch.tensor(one)\n"


def small(limit: str) -> dict[str, str]:
    """Return the settings of a host with so much memory."""
    return {"pyproject.toml": f"[tool.memguard]\nlimit = '{limit}'\n"}


def texts(*names: str) -> list[str]:
    return [Path(name).read_text(encoding="utf-8") for name in names]


def test_what_is_moved_is_written_and_told_once(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, {"app.py": USED})
    done = run("app.py")
    assert done == Outcome(1, "", "app.py:1: moved: pandas into export()\n")
    assert texts("app.py") == [MOVED]
    assert run("app.py") == Outcome(0, "", "")
    assert texts("app.py") == [MOVED]


def test_the_fewest_libraries_with_which_a_service_fits(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, WEB | small("256MiB"))
    done = run()
    assert texts("reports.py", "vision.py") == [USED, VISION]
    assert "vision.py:1: moved: torch into see()\n" in done.err
    assert "reports.py:1: left: pandas: every service fits without moving it\n" in done.err


def test_all_that_save_where_nothing_makes_a_service_fit(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, WEB | small("8MiB"))
    run()
    assert texts("reports.py", "vision.py") == [MOVED, VISION]


def test_each_move_that_is_tried_is_walked_once(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {**WEB, **small("16MiB")})
    walked: list[tuple[bytes, ...]] = []
    follow = walks._follow

    def counted(entry: ServiceEntry, *rest: Any) -> object:
        if entry.sources.is_edited:
            walked.append(tuple(map(entry.sources.data, ("main.py", "reports.py", "vision.py"))))
        return follow(entry, *rest)

    monkeypatch.setattr(walks, "_follow", counted)
    assert "reports.py:1: moved: pandas" in run().err
    assert len(walked) == len({*walked}) > 2


def test_what_would_take_too_long_to_find_out_is_left_and_told(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {**WEB, **small("16MiB")})
    monkeypatch.setattr(imports, "MAX_WALKED", 0)
    outcome = run()
    assert texts("reports.py", "vision.py") == [USED, WEB["vision.py"]]
    reason = "what moving it saves would take too long to find out, as this project is large"
    assert all(f"{one}: {reason}\n" in outcome.err for one in ("reports.py:1: left: pandas", "vision.py:1: left: torch"))


def test_nothing_where_all_fits_unless_the_start_is_meant(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, WEB | small("4GiB"))
    done = run()
    assert texts("reports.py", "vision.py") == [USED, WEB["vision.py"]]
    assert "vision.py:1: left: torch: every service fits as it is: `--to-start` moves it all the same\n" in done.err
    done = run("--to-start")
    assert texts("reports.py", "vision.py") == [MOVED, VISION]
    assert done.code == 1
    start = re.search(r"(?m)^web: ([\d.]+) → ([\d.]+) MiB at start, ([\d.]+) → ([\d.]+) serving$", done.err)
    assert start is not None
    assert float(start[1]) - float(start[2]) > 400


def test_all_imports_of_a_library_or_none(tmp_path: Path, run: Run) -> None:
    held = "import pandas\n\nEMPTY = pandas.DataFrame()\n"
    write_dedented(tmp_path, WEB | {"vision.py": held})
    done = run("--to-start")
    assert done.code == 1
    assert texts("reports.py", "vision.py") == [USED, held]
    assert "vision.py:3: left: pandas: line 3 uses it at module level, while the file loads\n" in done.err


ALONE = "import pandas\n\n\ndef export():\n    return 3\n\n\nif __name__ == '__main__':\n    print(pandas.__version__)\n"


def test_what_runs_only_where_a_file_is_run_by_itself_takes_its_import(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, WEB | {"vision.py": ALONE})
    done = run("--to-start")
    assert done.code == 1
    assert 'vision.py:1: moved: pandas into `if __name__ == "__main__"`\n' in done.err
    moved = ALONE.removeprefix("import pandas\n\n\n").replace("    print", "    import pandas\n\n    print")
    assert texts("reports.py", "vision.py") == [MOVED, moved]
    assert not run("--to-start").code


def test_what_a_service_runs_by_itself_holds_its_import(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, WEB | {"Procfile": "worker: python vision.py\n", "vision.py": ALONE})
    done = run("--to-start")
    assert texts("vision.py") == [ALONE]
    assert "vision.py:9: left: pandas: line 9 uses it at module level, while the file loads\n" in done.err


@pytest.mark.parametrize(
    ("worker", "reason"),
    [
        ("import pandas\n\nEMPTY = pandas.DataFrame()\n", "worker.py:3: left: pandas: line 3 uses it at module level"),
        (
            "import pandas\n\n\ndef make():\n    return pandas.DataFrame()\n\n\nEMPTY = make()\n",
            "worker.py:5: left: pandas: make()",
        ),
    ],
)
def test_a_library_that_one_service_has_to_load_moves_for_the_others(
    tmp_path: Path, run: Run, worker: str, reason: str
) -> None:
    services = {"Procfile": "web: python main.py\nworker: python worker.py\n", "vision.py": "", "worker.py": worker}
    write_dedented(tmp_path, WEB | services)
    done = run("--to-start")
    assert done.code == 1
    assert texts("reports.py", "worker.py") == [MOVED, worker]
    assert reason in done.err
    assert re.search(r"(?m)^web: [\d.]+ → [\d.]+ MiB at start", done.err)
    assert not re.search(r"(?m)^worker: ", done.err)


def test_a_library_that_each_service_has_to_load_stays(tmp_path: Path, run: Run) -> None:
    worker = "import reports\nimport pandas\n\nEMPTY = pandas.DataFrame(reports)\n"
    services = {"Procfile": "web: python main.py\nworker: python worker.py\n", "worker.py": worker}
    write_dedented(tmp_path, WEB | services | {"main.py": "import worker\n\nprint(worker)\n"})
    assert run("--to-start").code == 1
    assert texts("reports.py", "worker.py") == [USED, worker]


def test_a_library_that_another_one_loads_all_the_same(tmp_path: Path, run: Run) -> None:
    seaborn = "import seaborn\n\nSTYLE = seaborn.axes_style()\n"
    write_dedented(tmp_path, WEB | {"vision.py": seaborn, "requirements.txt": "pandas\nseaborn\n"})
    done = run("--to-start")
    assert texts("reports.py") == [USED]
    assert "reports.py:1: left: pandas: moving it saves" in done.err


def test_into_the_function_inside_where_the_outer_one_runs_at_start(tmp_path: Path, run: Run) -> None:
    before = dedent(
        """
        import pandas


        def make(name):
            def export(rows):
                return pandas.DataFrame(rows, name)

            return export


        export = make("a")
        """
    )
    write_dedented(tmp_path, {"main.py": before, "Procfile": "web: python main.py\n"})
    run("--to-start")
    assert "    def export(rows):\n        import pandas\n\n        return pandas" in texts("main.py")[0]


def test_a_library_whose_function_another_file_runs_at_start_is_put_back(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, WEB | {"main.py": "import reports\nimport vision\n\nreports.export([])\n"})
    done = run("--to-start")
    assert texts("reports.py", "vision.py") == [USED, VISION]
    assert "reports.py:5: left: pandas: export() uses it, and runs while the app loads\n" in done.err


def test_a_folder_stands_for_its_files(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, WEB | {"main.py": "from lib import reports\n", "lib/reports.py": USED})
    run("--to-start", "lib")
    assert texts("lib/reports.py") == [MOVED]


def test_where_serving_takes_as_much_the_start_is_offered(tmp_path: Path, run: Run) -> None:
    route = "import fastapi\nimport reports\n\napp = fastapi.FastAPI()\n\n\n@app.get('/')\ndef index():\n"
    route += "    return reports.export([])\n"
    files = {"Procfile": "web: uvicorn main:app\n", "main.py": route, "memguard.toml": 'limit = "64MiB"\n'}
    write_dedented(tmp_path, WEB | files)
    done = run()
    assert texts("reports.py") == [USED]
    offer = "of what is judged (serving): `--to-start` moves what lowers the start"
    assert f"reports.py:1: left: pandas: moving it saves 0.0 MiB {offer}\n" in done.err


def test_only_the_files_that_were_named_change(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, WEB | {"vision.py": USED})
    done = run("--to-start", "reports.py")
    assert texts("reports.py", "vision.py") == [USED, USED]
    assert "vision.py:1: left: pandas: this file is not among those that may change\n" in done.err
    run("--to-start", "reports.py", "vision.py")
    assert texts("reports.py", "vision.py") == [MOVED, MOVED]


def test_files_of_other_programs_hold_nothing(tmp_path: Path, run: Run) -> None:
    held = "import pandas\n\nEMPTY = pandas.DataFrame()\n"
    write_dedented(tmp_path, {"one.py": USED, "two.py": held, "three/main.py": "import parts\n", "three/parts.py": USED})
    run()
    assert texts("one.py", "two.py", "three/parts.py") == [MOVED, held, MOVED]
    write_dedented(tmp_path, {"one.py": f"import two\n{USED}"})
    run()
    assert texts("one.py") == [f"import two\n{USED}"]


def test_what_a_library_brings_that_stays_is_left_in_its_program(tmp_path: Path, run: Run) -> None:
    held = "import seaborn\n\nSTYLE = seaborn.axes_style()\n"
    write_dedented(tmp_path, {"one.py": f"import two\n{USED}", "two.py": held, "three.py": USED})
    done = run()
    assert texts("one.py", "two.py", "three.py") == [f"import two\n{USED}", held, MOVED]
    assert "one.py:2: left: pandas: seaborn stays, and loads it all the same\n" in done.err


def test_what_brings_a_library_and_is_deleted_holds_nothing(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, {"one.py": f"import seaborn\n{USED}"})
    run()
    assert texts("one.py") == [MOVED], "not only at the second run"


def test_what_light_imports_bring_all_the_same_is_left_where_no_start_is_known(tmp_path: Path, run: Run) -> None:
    """`langgraph.prebuilt` was not measured, and loads the graph: moving that import saves nothing."""
    source = "from langgraph.graph import END\n{}\n\ndef build():\n    return END\n"
    files = {"one.py": source.format("from langgraph.prebuilt import ToolNode\n"), "other.py": source.format("")}
    write_dedented(tmp_path, files)
    done = run("--to-start")
    assert texts("one.py") == [files["one.py"]]
    assert "one.py:1: left: langgraph.graph: moving it saves 0.0 MiB: what stays loads the rest all the same\n" in done.err
    assert "other.py:1: moved: langgraph.graph.END into build()\n" in done.err


def test_what_few_modules_of_a_package_bring_moves_beside_one_that_was_not_measured(tmp_path: Path, run: Run) -> None:
    """Beside `langchain.retrievers` 0.3.24 the agents take 14 MiB more, and the prompts nothing."""
    source = (
        "from langchain import retrievers\nfrom langchain.agents import AgentExecutor\n"
        "from langchain.prompts import PromptTemplate\n\n"
        "print(retrievers)\n\n\ndef build():\n    return AgentExecutor, PromptTemplate\n"
    )
    write_dedented(tmp_path, {"one.py": source})
    done = run("--to-start")
    assert "one.py:3: left: langchain.prompts: moving it saves 0.1 MiB: what stays loads the rest all the same\n" in done.err
    assert "one.py:2: moved: langchain.agents.AgentExecutor into build()\n" in done.err


def test_what_nothing_uses_is_deleted(tmp_path: Path, run: Run) -> None:
    source = "import json\n\nimport pandas\n\n\ndef dump(rows):\n    return json.dumps(rows)\n"
    write_dedented(tmp_path, {"app.py": source})
    assert run("app.py").err == "app.py:3: deleted: pandas, which nothing uses\n"
    assert texts("app.py") == [source.replace("import pandas\n", "")], "as ruff does"


TAKERS = {
    "imported": ("from app.api import pandas\n", 1, "imports pandas from it"),
    "imported by dots": ("from .api import pandas\n", 1, "imports pandas from it"),
    "all names": ("from app.api import *\n\nprint(pandas)\n", 1, "imports pandas from it"),
    "an attribute": ("import app.api\n\nprint(app.api.pandas)\n", 3, "takes pandas from it"),
    "an attribute of an alias": ("from app import api as a\n\nprint(a.pandas)\n", 3, "takes pandas from it"),
    "patched": ("from mock import patch\n\npatch('app.api.pandas')\n", 3, "patches app.api.pandas"),
    "patched below": (
        "def test(mocker):\n    mocker.patch('app.api.pandas.read_csv')\n",
        2,
        "patches app.api.pandas.read_csv",
    ),
    "an attribute that is set": ("from app import api\n\nsetattr(api, 'pandas', None)\n", 3, "patches pandas in it"),
    "a syntax of later": ("type X[T = int] = T\nfrom app.api import pandas\n", 2, "may take pandas from it"),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in TAKERS.items()])
@pytest.mark.parametrize("source", [USED, "import pandas\n"], ids=["used", "unused"])
def test_what_others_take_from_a_file_stays(tmp_path: Path, run: Run, case: tuple[str, int, str], source: str) -> None:
    taker, line, what = case
    write_dedented(tmp_path, {"app/api.py": source, "app/__init__.py": "", "app/test_api.py": taker})
    done = run("app/api.py")
    assert texts("app/api.py") == [source]
    assert f"app/api.py:1: left: pandas: app/test_api.py:{line} {what}\n" in done.err


TYPED = """\
from dataclasses import dataclass
from typing import Callable, Optional

import pandas

Reader = Callable[[pandas.DataFrame], int]


@dataclass
class Report:
    table: Optional[pandas.DataFrame] = None


def export(reader: Reader = len) -> Report:
    return Report(pandas.DataFrame())
"""
TYPES_ASKED = {
    "a route": ("@app.get\ndef show(reader: Reader):\n    pass\n", "Reader"),
    "a route, by a string": ("@app.get\ndef show(reader: 'list[Reader]'):\n    pass\n", "Reader"),
    "what fills parameters": ("def show(reader: Reader):\n    pass\n\n\nrun(Depends(show))\n", "Reader"),
    "a field": ("class Show(Model):\n    report: Report\n", "Report"),
    "handed on": ("schema(Report)\n", "Report"),
    "by another name": ("from app.api import Report as Shown\n", "Report"),
    "the function of the file itself": ("from app.api import export\n\nrun(Depends(export))\n", "Report"),
}


@pytest.mark.parametrize(("more", "name"), TYPES_ASKED.values(), ids=TYPES_ASKED)
def test_types_that_another_file_may_read_keep_their_import(tmp_path: Path, run: Run, more: str, name: str) -> None:
    other = f"from app.api import Reader, Report\n\n{more}"
    write_dedented(tmp_path, {"app/api.py": TYPED, "app/__init__.py": "", "app/main.py": other})
    done = run()
    assert texts("app/api.py") == [TYPED]
    assert re.search(
        rf"app/api.py:4: left: pandas: app/(?:main|api).py:\d+ may read the types of {re.escape(name)}\n", done.err
    )


def test_types_of_fields_stay_where_anything_reads_those_of_any_class(tmp_path: Path, run: Run) -> None:
    other = "from dataclasses import fields\n\n\ndef kinds(one):\n    return [field.type for field in fields(one)]\n"
    write_dedented(tmp_path, {"app/api.py": TYPED, "app/__init__.py": "", "app/main.py": other})
    assert "app/main.py:5 may read the types of fields of any class" in run().err
    write_dedented(tmp_path, {"app/main.py": other.replace(".type ", ".name ")})
    assert "app/api.py:4: moved: pandas into export()" in run().err


def test_types_that_others_name_alone_move(tmp_path: Path, run: Run) -> None:
    other = """\
        from typing import cast
        from app.api import Reader, Report

        def show(report: Report, reader: "Reader | None" = None) -> list[Report]:
            last: Report = cast(Reader, report)
            return [Report(), isinstance(last, (int, Report))]
    """
    write_dedented(tmp_path, {"app/api.py": TYPED, "app/__init__.py": "", "app/main.py": other})
    run()
    api = texts("app/api.py")[0]
    assert 'Reader = Callable[["pandas.DataFrame"], int]\n' in api
    assert '    table: "Optional[pandas.DataFrame]" = None\n' in api
    assert "def export(reader: Reader = len) -> Report:\n    import pandas\n\n" in api


PATCHED = {
    "chat.py": """\
        import pandas as pd
        from openai import OpenAI


        def ask(text):
            return OpenAI(text), pd.concat([text])
        """,
    "tests/test_chat.py": """\
        from unittest.mock import MagicMock, patch

        import chat


        @patch("chat.OpenAI")  # the client
        def check(client):
            client.return_value = 1
            with patch('chat.pd.concat', MagicMock(return_value=2)):
                return chat.ask("") == (1, 2)


        if __name__ == "__main__":
            assert check()
        """,
    "Procfile": "web: python chat.py\n",
    "requirements.txt": "openai\npandas\n",
}
LIBRARIES = {"openai.py": "def OpenAI(key): raise OSError\n", "pandas.py": "def concat(rows): raise OSError\n"}


def test_tests_that_patch_what_moves_patch_the_library(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, PATCHED)
    libraries = write(tmp_path.parent / f"{tmp_path.name}-libraries", LIBRARIES)
    check = [sys.executable, "-c", "import runpy, sys; runpy.run_path('tests/test_chat.py', run_name='__main__')"]
    environment = os.environ | {"PYTHONPATH": f"{libraries}{os.pathsep}."}
    subprocess.run(check, env=environment, cwd=tmp_path, check=True)
    before = texts("tests/test_chat.py")[0]
    done = run("--to-start")
    assert "moved: openai.OpenAI into ask()" in done.err
    assert "tests/test_chat.py:6: patches openai.OpenAI now\n" in done.err
    after = before.replace('"chat.OpenAI"', '"openai.OpenAI"').replace("'chat.pd.concat'", "'pandas.concat'")
    assert texts("tests/test_chat.py") == [after]
    subprocess.run(check, env=environment, cwd=tmp_path, check=True)
    assert run("--to-start").code == 0


ASK = """\
import pandas as pd
from openai import OpenAI


def ask(text):
    return OpenAI(text), pd.concat([text])
"""
ASK_MOVED = """\
def ask(text):
    import pandas as pd
    from openai import OpenAI

    return OpenAI(text), pd.concat([text])
"""
OWN_IMPORTS = {
    "one name": ("from chat import pd\nprint(pd)\n", "import pandas as pd\nprint(pd)\n"),
    "beside another": (
        "from chat import ask, pd\nprint(ask, pd)\n",
        "import pandas as pd\nfrom chat import ask\nprint(ask, pd)\n",
    ),
    "another name": ("from chat import pd as p  # why\nprint(p)\n", "import pandas as p  # why\nprint(p)\n"),
    "of two libraries": (
        "from chat import OpenAI as O, pd\nprint(O, pd)\n",
        "from openai import OpenAI as O\nimport pandas as pd\nprint(O, pd)\n",
    ),
    "all names": (
        "from chat import *  # noqa: F403\nprint(pd, ask)\n",
        "import pandas as pd\nfrom chat import *  # noqa: F403\nprint(pd, ask)\n",
    ),
    "in a function": (
        "def use():\n    from chat import (\n        ask,\n        pd,\n    )\n    return ask, pd\n\nuse()\n",
        "def use():\n    import pandas as pd\n    from chat import (\n        ask,\n    )\n    return ask, pd\n\nuse()\n",
    ),
    "in one line": (
        "from chat import OpenAI; from chat import pd\nprint(OpenAI, pd)\n",
        "from openai import OpenAI; import pandas as pd\nprint(OpenAI, pd)\n",
    ),
    "in two statements": (
        "from chat import pd\nx = 1\nfrom chat import pd as p\nprint(p, pd)\n",
        "import pandas as pd\nx = 1\nimport pandas as p\nprint(p, pd)\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), OWN_IMPORTS.values(), ids=OWN_IMPORTS)
def test_who_takes_a_name_from_a_file_imports_it_then(tmp_path: Path, run: Run, before: str, after: str) -> None:
    files = {"chat.py": ASK, "tool.py": before, "Procfile": "web: python chat.py\n", "requirements.txt": "openai\npandas\n"}
    write(tmp_path, files)
    libraries = write(tmp_path.parent / f"{tmp_path.name}-libraries", LIBRARIES)
    environment = os.environ | {"PYTHONPATH": f"{libraries}{os.pathsep}."}
    subprocess.run([sys.executable, "tool.py"], env=environment, check=True)
    done = run("--to-start")
    assert texts("chat.py", "tool.py") == [ASK_MOVED, after]
    assert "tool.py:1: has its own import now: import pandas as p" in done.err or "tool.py:2: has its own" in done.err
    subprocess.run([sys.executable, "tool.py"], env=environment, check=True)
    assert run("--to-start").code == 0


def test_who_takes_a_name_at_start_imports_it_in_the_function_then(tmp_path: Path, run: Run) -> None:
    main = "from chat import ask, pd\n\nprint(ask)\n\n\ndef more(rows):\n    return ask(pd.concat(rows))\n"
    write(
        tmp_path,
        {"chat.py": ASK, "main.py": main, "Procfile": "web: python main.py\n", "requirements.txt": "openai\npandas\n"},
    )
    run("--to-start")
    moved = main.replace(", pd\n", "\n").replace("(rows):\n", "(rows):\n    import pandas as pd\n\n")
    assert texts("chat.py", "main.py") == [ASK_MOVED, moved]


TAKEN_OTHERWISE = {
    "as an attribute": "import chat\nprint(chat.pd)\n",
    "as an attribute too": "import chat\nfrom chat import pd\nprint(chat.pd, pd)\n",
    "too often": "from chat import pd\n" * 13,
    "twice in one statement": "def use():\n    from chat import pd, pd as p\n    return pd, p\n",
    "by what has to load it at start": "from chat import pd\n\nrows = pd.concat([])\n",
}


@pytest.mark.parametrize("taker", TAKEN_OTHERWISE.values(), ids=TAKEN_OTHERWISE)
def test_what_is_taken_otherwise_stays(tmp_path: Path, run: Run, taker: str) -> None:
    start = "import chat\nimport tool\n\nprint(chat, tool)\n"
    files = {"chat.py": ASK, "tool.py": taker, "main.py": start, "Procfile": "web: python main.py\n"}
    write(tmp_path, {**files, "requirements.txt": "openai\npandas\n"})
    run("--to-start")
    assert texts("chat.py")[0].startswith("import pandas as pd\n")
    assert texts("tool.py") == [taker]


PATCHED_OTHERWISE = {
    "the module": {"chat.pd.concat": "chat.pd"},
    "by a name": {"'chat.pd.concat'": "PLACE", "import chat": "import chat\nPLACE = 'chat.pd.concat'"},
    "in two strings": {"'chat.pd.concat'": "'chat.pd' '.concat'"},
    "by an object": {"patch('chat.pd.concat', ": "patch.object(chat, 'pd', "},
    "of a library that something stands for": {
        "import chat\n": "import sys\nsys.modules['pandas'] = MagicMock()\nimport chat\n"
    },
}


@pytest.mark.parametrize("changes", PATCHED_OTHERWISE.values(), ids=PATCHED_OTHERWISE)
def test_what_tests_patch_otherwise_stays(tmp_path: Path, run: Run, changes: dict[str, str]) -> None:
    source = PATCHED["tests/test_chat.py"]
    for old, new in changes.items():
        source = source.replace(old, new.replace("\n", f"\n{' ' * 8}"))
    write_dedented(tmp_path, PATCHED | {"tests/test_chat.py": source})
    done = run("--to-start")
    assert "left: pandas: tests/test_chat.py:" in done.err
    assert "import pandas as pd\n\n\ndef" in texts("chat.py")[0]


def test_a_name_that_a_file_imports_itself_is_taken_from_nowhere(tmp_path: Path, run: Run) -> None:
    files = {"chat.py": USED, "tools.py": "from chat import *\nimport json as pandas\n\nprint(pandas)\n"}
    write_dedented(tmp_path, files)
    run("chat.py")
    assert texts("chat.py") == [MOVED]


KEYED = """\
import openai
import os

openai.api_key = os.getenv("KEY")


def ask(text):
    return openai.chat(text)
"""
SET_UP = {
    "in one file": {},
    "in each file": {"more.py": KEYED.replace("ask", "more")},
    "beside another library": {"more.py": KEYED + "\n\nimport pandas\n\n\ndef export():\n    return pandas.concat([])\n"},
}


@pytest.mark.parametrize("files", SET_UP.values(), ids=SET_UP)
def test_what_sets_a_library_up_goes_with_its_import(tmp_path: Path, run: Run, files: dict[str, str]) -> None:
    write_dedented(tmp_path, {"chat.py": KEYED, **files})
    run()
    body = '    import openai\n\n    openai.api_key = os.getenv("KEY")\n\n    return openai.chat(text)\n'
    for path in ("chat.py", *files):
        assert body in texts(path)[0]
        assert "\nopenai" not in texts(path)[0]
    assert run().code == 0


CONFIGURED = """\
import os

import google.generativeai as genai
import matplotlib.pyplot as plt
import pandas

plt.switch_backend("Agg")
genai.configure(api_key=os.getenv("KEY"))
model = genai.GenerativeModel("one")


def ask(text):
    return model.ask(text)


def draw(rows):
    return plt.plot(rows)


def export(rows):
    return pandas.DataFrame(rows)
"""


def test_what_is_called_to_set_a_library_up_goes_with_its_import(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, {"bot.py": CONFIGURED})
    run()
    bot = texts("bot.py")[0]
    assert '    genai.configure(api_key=os.getenv("KEY"))\n\n    return genai.GenerativeModel("one")\n' in bot
    assert '    import matplotlib.pyplot as plt\n\n    plt.switch_backend("Agg")\n\n    return plt.plot(rows)\n' in bot
    assert "def export(rows):\n    import pandas\n\n    return pandas.DataFrame(rows)\n" in bot
    assert not re.search(r"(?m)^(?:genai|plt|import (?:google|matplotlib|pandas))", bot)
    assert run().code == 0


SET_UP_FOR_OTHERS = {
    "another file, by a call": (
        {"chat.py": "import openai\nopenai.configure(3)\ndef ask():\n    openai.ask()\n", "more.py": "import openai\n"},
        "sets up what more.py:1 may need openai.configure",
    ),
    "a call in a function too": (
        {"chat.py": "import openai\nopenai.configure(3)\ndef ask(key):\n    openai.configure(key)\n"},
        "line 2 uses it at module level",
    ),
    "another file, of another option": (
        {
            "chat.py": "import openai\nopenai.set_option('a', 3)\ndef ask():\n    openai.ask()\n",
            "more.py": "import openai\nopenai.set_option('b', 3)\n",
        },
        "sets up what more.py:1 may need openai.set_option",
    ),
    "a call in a function that imports it too": (
        {
            "chat.py": "import openai as ai\nai.configure(3)\ndef ask(key):\n    ai.ask()\n"
            "def more(key):\n    import openai\n    openai.configure(key)\n"
        },
        "line 2 uses it at module level",
    ),
    "a call of what does more": (
        {"chat.py": KEYED.replace('openai.api_key = os.getenv("KEY")', "openai.start(3)")},
        "line 4 uses it",
    ),
    "another file": ({"more.py": USED.replace("pandas", "openai")}, "sets up what more.py:1 may need openai.api_key"),
    "another file in a function": (
        {"more.py": KEYED + "\n\ndef more(key):\n    openai.api_key = key\n"},
        "line 4 uses it at module level",
    ),
    "no function": ({"chat.py": KEYED.replace("openai.chat(text)", "text")}, "line 4 uses it at module level"),
    "variables": (
        {"chat.py": KEYED + "\n\ndef more(key):\n    os.environ['KEY'] = key\n"},
        "line 4 sets up what chat.py:12",
    ),
}


@pytest.mark.parametrize(("files", "reason"), SET_UP_FOR_OTHERS.values(), ids=SET_UP_FOR_OTHERS)
def test_what_sets_a_library_up_for_others_stays(tmp_path: Path, run: Run, files: dict[str, str], reason: str) -> None:
    write_dedented(tmp_path, {"chat.py": KEYED} | files)
    before = texts("chat.py")
    assert reason in run().err
    assert texts("chat.py") == before


STARS = {
    "unused": "from app.api import *\n\nprint(dump)\n",
    "imported above": "import pandas\nfrom app.api import *\n\n\ndef use():\n    return pandas\n",
    "in a circle": "from app.api import *\nfrom app.more import *\n",
    "it hands on others": "from app.api import *\n\n__all__ = ['dump']\n__all__ += ('load',)\n",
}
MORE = "from app.more import *\nfrom app.other import *\n"


@pytest.mark.parametrize("other", [pytest.param(one, id=name) for name, one in STARS.items()])
def test_who_imports_all_names_and_needs_another_takes_nothing(tmp_path: Path, run: Run, other: str) -> None:
    write_dedented(tmp_path, {"app/api.py": USED, "app/__init__.py": "", "app/other.py": other, "app/more.py": MORE})
    done = run("app/api.py", "app/other.py")
    assert texts("app/api.py") == [MOVED], done.err


@pytest.mark.parametrize(
    "exported",
    ["__all__ = ['pandas']\n", "__all__ = [*globals()]\n", "__all__ = ['dump']\n__all__.append('pan' + 'das')\n"],
)
def test_who_imports_all_names_may_export_one(tmp_path: Path, run: Run, exported: str) -> None:
    write_dedented(
        tmp_path, {"app/api.py": USED, "app/__init__.py": "", "app/other.py": f"from app.api import *\n{exported}"}
    )
    assert "left: pandas: app/other.py:1 imports pandas from it\n" in run("app/api.py").err


@pytest.mark.parametrize("more", ["from app.other import pandas\n", "from app import other\nprint(other.pandas)\n"])
def test_who_imports_all_names_may_hand_one_on(tmp_path: Path, run: Run, more: str) -> None:
    files = {"app/api.py": USED, "app/__init__.py": "", "app/other.py": STARS["unused"], "app/more.py": more}
    write_dedented(tmp_path, files)
    assert "left: pandas: app/other.py:1 imports pandas from it\n" in run("app/api.py").err


def test_files_that_hand_on_all_names_are_each_asked_once(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 400 layers of two files, each imports all names of both files below it: there are 2**400 ways."""
    files = {"app/l0a.py": USED, "app/l0b.py": "", "app/__init__.py": ""}
    for number in range(400):
        below = f"from app.l{number}a import *\nfrom app.l{number}b import *\n"
        files |= {f"app/l{number + 1}{one}.py": below for one in "ab"}
    asked: list[str] = []
    all_of = Takers._all_of

    def counted(self: Takers, path: str, name: str) -> Iterator[tuple[Taker, ast.ImportFrom | None]]:
        asked.append(path)
        return all_of(self, path, name)

    monkeypatch.setattr(Takers, "_all_of", counted)
    write_dedented(tmp_path, files)
    done = run("app/l0a.py")
    assert texts("app/l0a.py") == [MOVED], done.err
    assert len(asked) < 1000


@pytest.mark.parametrize(("user", "expected"), [("import m7\n", []), ("import m7\nm7.pandas\n", ["m0.py"])])
def test_who_takes_a_name_of_all_is_found_once(tmp_path: Path, user: str, expected: list[str]) -> None:
    names = [f"m{number}" for number in range(12)]
    circle = {f"{one}.py": "".join(f"from {other} import *\n" for other in names if other != one) for one in names}
    write(tmp_path, {"api.py": USED, **circle, "m0.py": "from api import *\n" + circle["m0.py"], "use.py": user})
    takers = Takers(Project(WorkTree(str(tmp_path)), Settings()))
    with at_most(100_000):
        found = [one.path for one in takers.all_of("api.py", ["pandas"])]
    assert found == expected


def test_what_is_allowed_stays(tmp_path: Path, run: Run) -> None:
    allowed = USED.replace("import pandas\n", "import pandas  # memguard: allow[MG201] each request needs it\n")
    write_dedented(tmp_path, {"app.py": allowed})
    assert run("app.py") == Outcome(0, "", "app.py:1: left: pandas: it is allowed here\n")
    assert texts("app.py") == [allowed]


def test_a_diff_writes_nothing(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, {"app.py": USED})
    done = run("--diff", "app.py")
    assert (done.code, texts("app.py")) == (1, [USED])
    lines = done.out.splitlines()
    assert lines[:2] == ["--- a/app.py", "+++ b/app.py"]
    assert {"-import pandas", "+    import pandas"} <= set(lines[3:])


def test_changes_that_are_not_staged_are_not_mixed_with_a_fix(tmp_path: Path, run: Run) -> None:
    commit(tmp_path, {"app.py": USED, "other.py": "x = 1\n"})
    changed = f"{USED}\n\nX = 1\n"
    write_dedented(tmp_path, {"app.py": changed, "other.py": "x = 2\n"})
    done = run("app.py")
    assert done.code == 2
    assert "app.py: error: has changes that are not staged: stage them, or fix with --force\n" in done.err
    assert texts("app.py") == [changed]
    git(tmp_path, "add", "app.py")
    assert run("app.py").code == 1
    write_dedented(tmp_path, {"app.py": changed + "\n"})
    assert run("--force", "app.py").code == 1
    assert texts("app.py") == [f"{MOVED}\n\nX = 1\n\n"]


def test_a_new_file_has_to_be_staged_too(tmp_path: Path, run: Run) -> None:
    commit(tmp_path, {"other.py": "x = 1\n"})
    write_dedented(tmp_path, {"app.py": USED})
    assert run("app.py").code == 2
    git(tmp_path, "add", "app.py")
    assert run("app.py").code == 1


LAZY = {
    "module": ("import pandas\n", "lazy import pandas\n"),
    "from": ("from pandas import DataFrame\n", "lazy from pandas import DataFrame\n"),
    "beside": ("import os, pandas  # both\n", "lazy import pandas\nimport os  # both\n"),
}


@pytest.mark.parametrize(("before", "after"), [pytest.param(*case, id=name) for name, case in LAZY.items()])
def test_lazy_imports_where_python_has_them(tmp_path: Path, run: Run, before: str, after: str) -> None:
    name = "DataFrame" if "DataFrame" in before else "pandas"
    use = f"\n\ndef use(rows: {name}):\n    return {name}\n"
    write_dedented(tmp_path, {"app.py": before + use, "pyproject.toml": "[tool.memguard]\ntarget-python = '3.15'\n"})
    done = run("app.py")
    assert texts("app.py") == [after + use]
    assert "made lazy: pandas" in done.err
    assert run("app.py").code == 0


def test_an_import_by_a_call_stays(tmp_path: Path, run: Run) -> None:
    source = "import importlib\n\npandas = importlib.import_module('pandas')\n\n\ndef use():\n    return pandas\n"
    write_dedented(tmp_path, {"app.py": source})
    assert "app.py:3: left: pandas: it is imported by a call\n" in run("app.py").err
    assert texts("app.py") == [source]


@pytest.mark.usefixtures("run")
def test_the_command_runs_every_fixer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from memguard_hooks.__main__ import main as memguard

    commit(tmp_path, {"app.py": USED, "requirements.txt": "litellm>=1.60\npandas==2.2.3\n"})
    assert memguard(["fix"]) == 1
    err = capsys.readouterr().err
    assert "app.py:1: moved: pandas into export()\n" in err
    assert "requirements.txt:1: rewritten: litellm==" in err
    assert texts("app.py") == [MOVED]
    assert memguard(["fix"]) == 0


CLIENT = """\
import os

from openai import OpenAI

client = OpenAI(api_key=os.getenv('KEY'))


def ask(text):
    return client, text
"""
BUILT = """\
import functools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai import OpenAI


@functools.cache
def get_client() -> "OpenAI":
    from openai import OpenAI

    return OpenAI(api_key=os.getenv('KEY'))


def ask(text):
    return get_client(), text
"""
MAIN = "import chat\n\n\ndef handle(text):\n    return chat.ask(text)\n\n\nprint(chat)\n"
CHAT = {"Procfile": "web: python main.py\n", "requirements.txt": "openai\n", "main.py": MAIN, "chat.py": CLIENT}


def test_what_a_library_builds_is_built_when_it_is_first_used(tmp_path: Path, run: Run) -> None:
    write_dedented(tmp_path, CHAT)
    done = run("--to-start")
    assert texts("chat.py", "main.py") == [BUILT, MAIN]
    assert "chat.py:3: moved: openai.OpenAI into get_client()\n" in done.err
    assert "chat.py:5: built when it is first used, as are errors of OpenAI(): client, by get_client()\n" in done.err
    assert run("--to-start").code == 0


BUILT_AT_START = {
    "used-as-the-app-loads": (
        {"main.py": f"{MAIN}chat.ask('')\n"},
        "line 5 builds client of it, which is used while the app loads",
    ),
    "taken": ({"main.py": f"{MAIN}\n\ndef get():\n    return chat.client\n"}, "main.py:12 takes client from it"),
    "patched": ({"tests/test_chat.py": "from unittest.mock import patch\npatch('chat.client')\n"}, "patches chat.client"),
    "an-attribute-changes": (
        {
            "chat.py": CLIENT.replace("import os\n", "import keys\nimport os\n").replace("os.getenv('KEY')", "keys.KEY"),
            "keys.py": "KEY = ''\n\n\ndef load(text):\n    global KEY\n    KEY = text\n",
        },
        "line 6 builds client of it, and keys.py:5 sets KEY, which it reads",
    ),
    "variables-change-below": (
        {"chat.py": f"{CLIENT}\n\nos.environ['KEY'] = 'x'\n"},
        "line 5 builds client of it, and chat.py:12 changes variables that it may read",
    ),
    "variables-change": (
        {"main.py": f"import os\n\n{MAIN}\n\ndef set_up(key):\n    os.environ['KEY'] = key\n"},
        "line 5 builds client of it, and main.py:14 changes variables that it may read",
    ),
    "another-style": (
        {"pyproject.toml": "[tool.memguard.fix]\nstyle = 'lazy-module'\n"},
        "line 5 uses it at module level, while the file loads",
    ),
    "an-old-python": (
        {"pyproject.toml": "[tool.memguard]\ntarget-python = '3.8'\n"},
        "line 5 uses it at module level, while the file loads",
    ),
}


@pytest.mark.parametrize(("files", "reason"), [pytest.param(*case, id=name) for name, case in BUILT_AT_START.items()])
def test_what_is_built_as_the_app_loads_stays(tmp_path: Path, run: Run, files: dict[str, str], reason: str) -> None:
    write_dedented(tmp_path, CHAT | files)
    before = texts("chat.py")
    done = run("--to-start")
    assert texts("chat.py") == before
    assert reason in done.err


BUILT_ALL_THE_SAME = {
    "an-attribute": {
        "chat.py": CLIENT.replace("import os\n", "import keys\nimport os\n").replace("os.getenv('KEY')", "keys.KEY"),
        "keys.py": "KEY = ''\n",
    },
    "variables-change-before": {"chat.py": CLIENT.replace("client =", "os.environ['KEY'] = 'x'\nclient =")},
    "another-program-changes-variables": {"tools/other.py": "import os\n\nos.environ['KEY'] = 'x'\n"},
    "one-of-another": {
        "chat.py": CLIENT.replace("\n\n\ndef", "\nclients = [client, client]\n\n\ndef").replace("n client", "n clients")
    },
}


@pytest.mark.parametrize("files", [pytest.param(case, id=name) for name, case in BUILT_ALL_THE_SAME.items()])
def test_what_nobody_changes_is_built_later(tmp_path: Path, run: Run, files: dict[str, str]) -> None:
    write_dedented(tmp_path, CHAT | files)
    done = run("--to-start")
    assert "built when it is first used, as are errors of OpenAI(): client, by get_client()\n" in done.err
    assert "    return get_client" in texts("chat.py")[0]
    assert run("--to-start").code == 0


@pytest.mark.parametrize("python", ["3.14", "3.15"])
def test_what_is_built_later_on_a_python_with_lazy_imports(tmp_path: Path, run: Run, python: str) -> None:
    write_dedented(tmp_path, CHAT | {"pyproject.toml": f"[tool.memguard]\ntarget-python = '{python}'\n"})
    run("--to-start")
    assert texts("chat.py") == [BUILT.replace('"OpenAI"', "OpenAI")]


def test_what_saves_much_where_other_files_load_later_is_not_walked_without(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each set of libraries takes a walk and an estimate, so those that tell nothing new are not taken."""
    asked: list[list[str]] = []
    by_walks = imports._Planner._by_walks

    def count(planner: imports._Planner, libraries: frozenset[imports._Library]) -> object:
        asked.append(sorted(one.name for one in libraries))
        return by_walks(planner, libraries)

    monkeypatch.setattr(imports._Planner, "_by_walks", count)
    chat = "import openai\n\n\nclass Client(openai.OpenAI):\n    pass\n"
    main = (
        "import chat\nimport reports\nimport vision\n\n\ndef ask():\n    return chat.Client()\n\n\nprint(reports, vision)\n"
    )
    write_dedented(tmp_path, WEB | {"main.py": main, "chat.py": chat})
    run("--to-start")
    assert texts("reports.py", "vision.py", "chat.py") == [MOVED, VISION, chat]
    assert "import chat" in texts("main.py")[0].partition("def ask")[2]
    assert asked == []


JOBS = """\
services:
  web:
    image: python:3.11-slim
    command: uvicorn main:app
    mem_limit: 512m
  job:
    image: python:3.11-slim
    command: python job.py
    mem_limit: 512m
"""


@pytest.mark.parametrize(
    "job",
    [
        pytest.param("import reports\n\nreports.read()\n", id="as-it-loads"),
        pytest.param(
            "import os\n\nimport reports\n\n\ndef run():\n    reports.read()\n\n\nrun()\n", id="by-its-own-function"
        ),
    ],
)
def test_what_one_service_runs_at_start_moves_for_another(tmp_path: Path, run: Run, job: str) -> None:
    reports = "import pandas\n\n\ndef read():\n    return pandas.DataFrame()\n"
    main = "import fastapi\nimport reports\n\napp = fastapi.FastAPI()\n"
    main += "\n\n@app.get('/')\ndef get():\n    return reports.read()\n"
    write_dedented(tmp_path, {"compose.yml": JOBS, "main.py": main, "job.py": job, "reports.py": reports})
    done = run("--to-start")
    assert texts("reports.py") == ["def read():\n    import pandas\n\n    return pandas.DataFrame()\n"], done.err
    assert re.search(r"web: \d+ → \d+ MiB at start", done.err)
    assert "job:" not in done.err.partition("left:")[0]
    assert "moved" not in run("--to-start").err


def test_the_comment_of_a_statement_goes_along_to_each_place(tmp_path: Path, run: Run) -> None:
    source = """\
        from torch import (  # what we compute with
            Tensor,
            nn,  # layers
        )


        def use(one: Tensor) -> None:
            nn.Linear(one)
        """
    write_dedented(tmp_path, WEB | {"vision.py": source})
    run("--to-start")
    after = texts("vision.py")[0]
    assert "    from torch import Tensor  # what we compute with\n" in after
    assert "    from torch import nn  # what we compute with  # layers\n" in after
