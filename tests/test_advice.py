"""What the fixes promise: each advised change is made, and the tool says then what it had promised."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from folders import write

from memguard_hooks.app.estimate import SHARED_WITH_ARBITER
from memguard_hooks.app.moved_imports import move_imports
from memguard_hooks.commands import check
from memguard_hooks.deployment import calls_at_start
from memguard_hooks.hooks import deploy_config, memory_budget, no_eager_heavy_imports

APP = """import flask
{top}

app = flask.Flask(__name__)


@app.route("/")
def report():
    {handler}


def seldom():
    {seldom}
"""

PLACES = {
    "used by a handler": {"top": "import pandas", "handler": "return pandas.DataFrame()"},
    "used by nobody known": {"top": "import pandas", "seldom": "return pandas.DataFrame()"},
    "built at load, used by a handler": {"top": "import pandas\ntable = pandas.DataFrame()", "handler": "return table"},
    "built at load, used by nobody known": {"top": "import pandas\ntable = pandas.DataFrame()", "seldom": "return table"},
    "in a handler": {"handler": "import pandas"},
    "two, one in a handler": {"top": "import pandas", "handler": "import litellm", "seldom": "return pandas"},
    "used as the file loads": {"top": "import pandas\nclass Table(pandas.DataFrame): ..."},
}

COMMANDS = ["gunicorn app:app", "gunicorn app:app -w 4", "gunicorn app:app -w 4 --preload", "uvicorn app:app --workers 3"]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def source(place: str) -> str:
    return APP.format(**{"top": "", "handler": "return 1", "seldom": "return 1", **PLACES[place]})


def judge(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    memory_budget.main(["--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def taken(report: dict[str, Any]) -> float:
    (service,) = report["services"]
    return float(service["estimate_mib"]["serving"]["expected"])


def without_imports(text: str, names: str) -> str:
    for name in names.split(", "):
        text = re.sub(rf"(?m)^( +)import {name}$", r"\1pass", text)
    return text


def apply(line: str, files: dict[str, str]) -> tuple[dict[str, str], float | None]:
    """Return the files after an advised change, and the MiB that it saves where the advice says so."""
    app, command = files["app.py"], files["Procfile"]
    saving = re.search(r": -(\d+(?:\.\d+)?) MiB", line)
    saved = float(saving[1]) if saving else None
    if " inside the function: -" in line:
        place = re.search(r"app\.py:(\d+)", line)
        assert place is not None
        moved = move_imports(app.encode(), "app.py", {int(place[1])})
        assert moved is not None
        return {**files, "app.py": moved.data.decode()}, saved
    if line == "start with --preload" or line.startswith("start with --preload:"):
        return {**files, "Procfile": command.strip() + " --preload\n"}, saved
    if line.startswith("import what handlers load before the fork"):
        late = re.findall(r"(?m)^ +(import \w+)$", app)
        return {**files, "app.py": "\n".join([*late, app])}, saved
    number = re.match(r"start (\d+) workers?$", line)
    if number is not None:
        return {**files, "Procfile": re.sub(r"(-w|--workers) \d+", rf"\1 {number[1]}", command)}, None
    apart = re.match(r"give (.+) to a process of its own, .*: (\d+) MiB are left here$", line)
    if apart is not None:
        return {**files, "app.py": without_imports(app, apart[1])}, None
    plan = re.match(r"take .* \((\d+) MiB\)$", line)
    assert plan is not None, line
    return {**files, "memguard.toml": f'limit = "{plan[1]}MiB"\n'}, None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("share", [0.7, 0.97])
def test_each_change_does_what_is_promised(
    root: Path, capsys: pytest.CaptureFixture[str], place: str, command: str, share: float
) -> None:
    """The limit is such that the service is over it as it is."""
    files = {"app.py": source(place), "Procfile": f"web: {command}\n", "memguard.toml": ""}
    write(root, files)
    size = taken(judge(capsys))
    files["memguard.toml"] = f'limit = "{round(size * share)}MiB"\n'
    write(root, files)
    (finding,) = [one for one in judge(capsys)["findings"] if one["code"] == "MG301"]
    for line in (finding["fix"] or "").splitlines():
        advice = line.removeprefix("or ")
        changed, saved = apply(advice, files)
        assert changed != files, advice
        write(root, changed)
        after = judge(capsys)
        if saved is not None:
            assert taken(after) == pytest.approx(size - saved, abs=2), advice
        else:
            assert "MG301" not in [one["code"] for one in after["findings"]], advice
        left = re.search(r"(\d+) MiB are left here", advice)
        if left is not None:
            assert taken(after) == pytest.approx(float(left[1]), abs=2)
        if advice.startswith("defer"):
            assert "defer" not in str([one["fix"] for one in after["findings"]])
        write(root, files)


def test_what_a_handler_loads_anyway_is_not_to_be_deferred(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place, is_offered in {
        "used by a handler": False,
        "built at load, used by a handler": False,
        "used as the file loads": False,
        "used by nobody known": True,
        "built at load, used by nobody known": False,
    }.items():
        write(root, {"app.py": source(place), "Procfile": "web: gunicorn app:app\n"})
        capsys.readouterr()
        memory_budget.main(["--limit", "60MiB", "--format", "json"])
        (finding,) = json.loads(capsys.readouterr().out)["findings"]
        assert ("import pandas inside the function" in (finding["fix"] or "")) is is_offered, place


def eager(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    capsys.readouterr()
    no_eager_heavy_imports.main(["--format", "json"])
    return [(one["severity"], one["fix"]) for one in json.loads(capsys.readouterr().out)["findings"]]


def test_an_eager_import_is_a_warning_where_each_process_runs_it_later(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"app.py": source("used by a handler"), "Procfile": "web: gunicorn app:app\n"})
    ((severity, fix),) = eager(capsys)
    assert severity == "warning"
    assert re.fullmatch(r".*: that moves \d+ MiB from start to first use, in web", fix)
    write(root, {"memguard.toml": '[budget]\njudge = "start"\n'})
    assert eager(capsys)[0][0] == "error"
    write(root, {"memguard.toml": "", "app.py": source("used by nobody known")})
    assert eager(capsys)[0][0] == "error"


@pytest.mark.parametrize(
    ("handler", "files", "expected"),
    [
        pytest.param("return table", {}, "warning", id="built of it"),
        pytest.param("return pandas", {}, "warning", id="itself"),
        pytest.param("return 1", {}, "error", id="used by nobody known"),
        pytest.param("return main()", {"rows.py": "from data import table\n\ndef main():\n    return table\n"}, "warning",
                     id="taken by another file"),
        pytest.param("return main()", {"rows.py": "import data\n\ndef main():\n    return data.table\n"}, "warning",
                     id="asked of its file"),
        pytest.param("return main()", {"rows.py": "from data import table\n\ndef main():\n    return 1\n"}, "error",
                     id="taken for nothing"),
    ],
)  # fmt: skip
def test_what_holds_an_import_does_not_hide_that_requests_use_it(
    root: Path, capsys: pytest.CaptureFixture[str], handler: str, files: dict[str, str], expected: str
) -> None:
    """What is set up as the file loads cannot be moved by a tool; what a handler uses of it takes as much as it serves."""
    top = 'import pandas\npandas.set_option("display.width", 80)\ntable = pandas.DataFrame()\n'
    main = APP.format(top="from rows import main" if files else top, handler=handler, seldom="return 1")
    held = {"data.py": top} if files else {}
    write(root, {"app.py": main, "Procfile": "web: gunicorn app:app\n", **held, **files})
    assert [severity for severity, _ in eager(capsys)] == [expected]


def test_what_a_start_calls_is_no_place_for_a_held_import_either(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The start runs it at once: to first use, nothing would move."""
    top = 'import pandas\npandas.set_option("display.width", 80)\ndef load():\n    return pandas.DataFrame()\nload()'
    write(root, {"app.py": APP.format(top=top, handler="return pandas", seldom="return 1")})
    write(root, {"Procfile": "web: gunicorn app:app\n"})
    ((severity, fix),) = eager(capsys)
    assert severity == "warning"
    assert "call that function later" in fix
    assert "to first use" not in fix


def test_a_function_that_runs_at_start_is_no_place_to_move_to_by_itself(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Moved into it, the import would run at start all the same."""
    app = source("used by nobody known") + "\n\nrows = seldom()\n"
    write(root, {"app.py": app, "Procfile": "web: gunicorn app:app\n"})
    ((severity, fix),) = eager(capsys)
    assert severity == "error"
    assert "call that function later" in fix
    write(root, {"app.py": app.replace("return 1", "return pandas.DataFrame()")})
    ((severity, fix),) = eager(capsys)
    assert severity == "warning", "a handler runs it all the same"
    assert "call that function later" in fix


KEEPING = """from contextlib import asynccontextmanager
from fastapi import FastAPI, Request
import pandas

state = {{}}
table = None

class Store:
    def __init__(self):
        self.rows = pandas.DataFrame()

    def count(self):
        return len(self.rows)

@asynccontextmanager
async def lifespan(app):
    {start}
    yield

app = FastAPI(lifespan=lifespan)

@app.get("/")
def handle(request: Request):
    return {handler}
"""


@pytest.mark.parametrize(
    ("start", "handler", "expected"),
    [
        ("state['rows'] = pandas.DataFrame()", "state['rows']", "warning"),
        ("global table; table = pandas.DataFrame()", "table", "warning"),
        ("app.state.rows = pandas.DataFrame()", "request.app.state.rows", "warning"),
        ("state['store'] = Store()", "state['store'].count()", "warning"),
        ("state.setdefault('rows', pandas.DataFrame())", "state['rows']", "warning"),
        ("state.update(rows=pandas.DataFrame())", "state['rows']", "warning"),
        ("setattr(app.state, 'rows', pandas.DataFrame())", "request.app.state.rows", "warning"),
        ("app.state.rows = pandas.DataFrame()", "getattr(request.app.state, 'rows', None)", "warning"),
        ("rows = []; rows.append(pandas.DataFrame())", "rows", "error"),
        ("pandas.DataFrame()", "1", "error"),
        ("state.update(rows=pandas.DataFrame())", "1", "error"),
        ("app.state.rows = pandas.DataFrame()", "getattr(request.app.state, 'others', None)", "error"),
        ("state['rows'] = pandas.DataFrame()", "1", "error"),
        ("app.state.rows = pandas.DataFrame()", "request.app.state.others", "error"),
        ("Store()", "1", "error"),
    ],
)
def test_what_requests_use_of_a_start_is_a_warning(
    root: Path, capsys: pytest.CaptureFixture[str], start: str, handler: str, expected: str
) -> None:
    """Called later, the start would load the library all the same for what the requests ask."""
    write(root, {"app.py": KEEPING.format(start=start, handler=handler), "Procfile": "web: uvicorn app:app\n"})
    ((severity, fix),) = eager(capsys)
    assert severity == expected
    assert "call that function later" in fix


@pytest.mark.parametrize(
    ("top", "handler", "expected"),
    [
        ("if (rows := pandas.DataFrame()) is None:\n    raise SystemExit", "rows", "warning"),
        ("for row in pandas.DataFrame():\n    pass", "row", "warning"),
        ("with pandas.HDFStore('rows') as store:\n    pass", "store", "warning"),
        ("tables = []\ntables.append(pandas.DataFrame())", "tables[0]", "warning"),
        ("class Table:\n    rows = pandas.DataFrame()", "Table.rows", "warning"),
        ("class Table(pandas.DataFrame):\n    pass", "Table()", "warning"),
        ("class Table:\n    rows = pandas.DataFrame()", "1", "error"),
        ("tables = []\ntables.append(pandas.DataFrame())", "1", "error"),
    ],
)
def test_what_requests_use_of_the_module_level_is_a_warning(
    root: Path, capsys: pytest.CaptureFixture[str], top: str, handler: str, expected: str
) -> None:
    """Whatever binds it: what it is built of is needed all the same."""
    source = f"import pandas\nfrom fastapi import FastAPI\n\napp = FastAPI()\n{top}\n\n"
    write(
        root,
        {"app.py": f"{source}@app.get('/')\ndef handle():\n    return {handler}\n", "Procfile": "web: uvicorn app:app\n"},
    )
    ((severity, _),) = eager(capsys)
    assert severity == expected


@pytest.mark.parametrize("taken", ["from rows import table as kept", "import rows\nkept = rows.table"])
def test_what_another_file_calls_by_a_name_of_its_own_is_used(
    root: Path, capsys: pytest.CaptureFixture[str], taken: str
) -> None:
    """The requests need the library for it, whatever it is called there."""
    write(
        root,
        {
            "app.py": f"from fastapi import FastAPI\n{taken}\napp = FastAPI()\n"
            "@app.get('/')\ndef handle():\n    return kept\n",
            "rows.py": "import pandas\ntable = pandas.DataFrame()\n",
            "Procfile": "web: uvicorn app:app\n",
        },
    )
    ((severity, _),) = eager(capsys)
    assert severity == "warning"


def test_a_saving_is_that_of_the_services_that_gain(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A worker runs the function in any case: the web app alone is better off without the import."""
    write(
        root,
        {
            "app.py": "import flask\nimport rq\nfrom tasks import report\napp = flask.Flask(__name__)\n"
            "@app.get('/')\ndef ask():\n    rq.Queue().enqueue(report)\n    return ''\n",
            "tasks.py": "import pandas\n\ndef report():\n    return pandas.DataFrame()\n",
            "worker.py": "from rq import Worker\nWorker(['default']).work()\n",
            "Procfile": "web: gunicorn app:app\nworker: python worker.py\n",
        },
    )
    no_eager_heavy_imports.main([])
    assert "0.0 MiB at start" not in capsys.readouterr().out


def test_what_only_functions_of_a_program_load_that_is_not_followed_is_a_warning(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which of its commands runs is not known then; what stands at the top of the file loads in each."""
    main = "import sys\nimport pandas\n\ndef train():\n    import learn\n\ndef serve():\n    print(pandas)\n\n"
    main += "def main():\n    run = train if sys.argv[1] != 'serve' else serve\n    run()\n\nmain()\n"
    write(
        root,
        {
            "main.py": main,
            "learn.py": "import torch\n\ndef fit():\n    return torch\n",
            "Procfile": "worker: python main.py serve\n",
        },
    )
    monkeypatch.setattr(calls_at_start, "MAX_DEPTH", 0)
    no_eager_heavy_imports.main(["--format", "json"])
    found = {one["path"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert "torch is loaded at start, if its command runs it, imported at module level" in found["learn.py"]["message"]
    assert found["learn.py"]["severity"] == "warning"
    assert "if its command" not in found["main.py"]["message"]


def test_deleting_what_others_load_saves_nothing_on_lambda_either(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: app.report\n"
    write(root, {"app.py": "import pandas\nimport rows\n\ndef report(event, context):\n    return pandas, rows\n"})
    write(root, {"template.yaml": f"{template}      Runtime: python3.11\n", "rows.py": "import pandas\n"})
    ((severity, fix),) = eager(capsys)
    assert severity == "warning"
    assert fix == "deleting it saves nothing by itself: app.py:1 loads pandas all the same"


def test_an_import_is_right_where_deferring_it_is_of_no_use(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Preloaded workers share it, and of a Lambda function the handler is all there is."""
    write(root, {"app.py": source("used by a handler"), "Procfile": "web: gunicorn app:app -w 2 --preload\n"})
    assert eager(capsys) == []
    write(root, {"Procfile": "web: gunicorn app:app -w 1 --preload\n"})
    assert len(eager(capsys)) == 1
    (root / "Procfile").unlink()
    template = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: app.report\n"
    write(root, {"template.yaml": f"{template}      Runtime: python3.11\n      MemorySize: 512\n"})
    assert eager(capsys) == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_fix_contradicts_another(root: Path, capsys: pytest.CaptureFixture[str], place: str, command: str) -> None:
    """Nothing asks to import before the fork and later at once."""
    write(root, {"app.py": source(place), "Procfile": f"web: {command}\n"})
    capsys.readouterr()
    check.main(["--limit", "150MiB", "--format", "json"])
    fixes = [one["fix"] or "" for one in json.loads(capsys.readouterr().out)["findings"]]
    asked = {"before the fork": False, "move the import into": False}
    assert not any("--preload" in fix and "move the import" in fix and "leave it" not in fix for fix in fixes)
    for text in asked:
        asked[text] = any(text in fix for fix in fixes)
    assert not all(asked.values()), shlex.join(fixes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("import a\ndef f():\n    '''Text.'''\n    return a\n",
                     "pass\ndef f():\n    '''Text.'''\n    import a\n    return a\n", id="behind the docstring"),
        pytest.param("from a import (\n    b,\n    c as d,\n)\nclass K:\n    def f(self):\n        return d\n",
                     "pass\n\n\n\nclass K:\n    def f(self):\n        from a import (\n            b,\n            c as d,\n"
                     "        )\n        return d\n", id="a method"),
        pytest.param("import a\nx = a.b()\ndef f():\n    return x\ndef g():\n    return 1\n",
                     "pass\npass\ndef f():\n    import a\n    x = a.b()\n    return x\ndef g():\n    return 1\n",
                     id="what is built of it"),
        pytest.param("import a\n@a.b\ndef f(): ...\n", None, id="a decorator"),
        pytest.param("import a\ndef f(x: a.B) -> a.C:\n    return a\n",
                     "pass\ndef f(x: a.B) -> a.C:\n    import a\n    return a\n", id="what is annotated"),
        pytest.param("import a\n@g\ndef f(x: a.B): ...\n", None, id="an annotation that a decorator may read"),
        pytest.param("import a\nclass K(a.B): ...\n", None, id="a base class"),
        pytest.param("import a\nprint(a)\n", None, id="a statement"),
        pytest.param("import a\ndef f(x=a): ...\n", None, id="a default"),
        pytest.param("try:\n    import a\nfinally:\n    pass\n", None, id="a condition"),
        pytest.param("import a; b = 1\ndef f():\n    return a\n", None, id="two statements on a line"),
        pytest.param("import a\ndef f(): return a\n", None, id="a function on a line"),
        pytest.param("import a\ndef f(:\n", None, id="no Python"),
    ],
)  # fmt: skip
def test_imports_are_moved_into_what_uses_them(before: str, after: str | None) -> None:
    line = 2 if before.startswith("try") else 1
    moved = move_imports(before.encode(), "a.py", {line})
    assert (moved and moved.data) == (None if after is None else after.encode())
    assert move_imports(before.encode(), "a/__init__.py", {line}) is None


def test_what_other_files_take_is_not_moved(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pandas` is imported in one file and taken by another: it cannot wait in the function of the first."""
    files = {"db.py": "import pandas\n\ndef dump():\n    return pandas.DataFrame()\n"}
    write(
        root,
        {**files, "app.py": "import flask\nimport db\napp = flask.Flask(__name__)\n", "Procfile": "web: gunicorn app:app\n"},
    )
    for line, is_offered in (("", True), ("from db import pandas as tables\n", False), ("tables = db.pandas\n", False)):
        write(root, {"app.py": f"import flask\nimport db\n{line}app = flask.Flask(__name__)\n"})
        capsys.readouterr()
        memory_budget.main(["--limit", "60MiB", "--format", "json"])
        (finding,) = json.loads(capsys.readouterr().out)["findings"]
        assert ("import pandas inside the function" in (finding["fix"] or "")) is is_offered, line


def test_all_statements_that_load_a_module_are_moved_together(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = source("used by a handler").replace("import pandas\n", "import pandas\nfrom pandas import DataFrame\n")
    write(root, {"app.py": app, "Procfile": "web: gunicorn app:app\n"})
    assert {severity for severity, _ in eager(capsys)} == {"warning"}


def test_one_package_has_the_price_of_the_wheel_that_is_installed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The usual wheel of torch takes 300 MiB more than the one for CPUs, which the catalog has beside what needs it."""
    write(root, {"app.py": "import sentence_transformers\n\nclass Model(sentence_transformers.SentenceTransformer): ...\n"})
    write(root, {"Procfile": "web: python app.py\n", "requirements.txt": "sentence-transformers\n"})
    capsys.readouterr()
    check.main(["--limit", "2GiB", "--format", "json", "--select", "MG2,MG3"])
    report = json.loads(capsys.readouterr().out)
    (finding,) = report["findings"]
    (part,) = [one["mib"] for one in report["services"][0]["parts"] if one["package"] == "sentence_transformers"]
    assert finding["mib"] == pytest.approx(part, rel=0.05)


def test_preloading_is_advised_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the budget's fix names it, deploy-config need not."""
    write(root, {"app.py": source("used by nobody known"), "Procfile": "web: gunicorn app:app -w 4\n"})
    for limit, codes in {"250MiB": ["MG301"], "400MiB": ["MG403"]}.items():
        capsys.readouterr()
        check.main(["--limit", limit, "--select", "memory-budget,deploy-config", "--format", "json"])
        found = json.loads(capsys.readouterr().out)["findings"]
        assert [one["code"] for one in found] == codes
        assert "preload" in found[0]["fix"]


def test_a_limit_that_nothing_names_is_told_as_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An app that is over the default may well be on a larger host."""
    write(root, {"app.py": "import torch, tensorflow\n", "Procfile": "web: python app.py\n"})
    assert memory_budget.main(["--fail-on", "error"]) == 0
    assert "fits 2 GiB; does not fit 1 GiB" in capsys.readouterr().out
    report = judge(capsys)
    (finding,) = report["findings"]
    assert (finding["code"], finding["severity"], report["services"][0]["verdict"]) == ("MG301", "warning", "warning")
    assert finding["fix"].splitlines()[-1] == "or say in the settings what the host has: 512 MiB are only assumed"
    write(root, {"memguard.toml": 'limit = "512MiB"\n'})
    report = judge(capsys)
    (finding,) = report["findings"]
    assert (finding["severity"], report["services"][0]["verdict"]) == ("error", "error")
    assert "assumed" not in finding["message"] + (finding["fix"] or "")


def test_the_plan_that_a_platform_takes_by_default_is_a_limit_like_any_other(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    render = "services:\n- {type: web, name: web, runtime: python, startCommand: python app.py}\n"
    write(root, {"app.py": "import torch, tensorflow\n", "render.yaml": render})
    (finding,) = judge(capsys)["findings"]
    assert (finding["code"], finding["severity"]) == ("MG301", "error")


def test_workers_that_only_an_assumed_limit_does_not_hold_are_a_warning(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"app.py": "import pandas, litellm, fastapi\n", "Procfile": "web: uvicorn app:app --workers 6\n"})
    for limit, severity in (("", "warning"), ('limit = "512MiB"\n', "error")):
        write(root, {"memguard.toml": limit})
        capsys.readouterr()
        check.main(["--select", "MG401", "--format", "json"])
        assert [one["severity"] for one in json.loads(capsys.readouterr().out)["findings"]] == [severity]


@pytest.mark.parametrize(
    ("command", "codes", "fix"),
    [
        ("python gone.py", ["MG424"], "correct the start command"),
        ("gunicorn app:app -w $(nproc)", ["MG305"], "write the number of workers into the start command"),
        ("python start.py", ["MG305"], "write the number of workers at start.py:2"),
    ],
)
def test_what_cannot_be_judged_is_told_with_the_place_of_the_cause(
    root: Path, capsys: pytest.CaptureFixture[str], command: str, codes: list[str], fix: str
) -> None:
    """One cause has one finding: a start that is not there, a number of workers that depends on the host."""
    start = "import os, uvicorn\nuvicorn.run('app:app', workers=os.cpu_count())\n"
    write(root, {"Procfile": f"web: {command}\n", "app.py": source("in a handler"), "start.py": start})
    write(root, {"memguard.toml": 'limit = "256MiB"\n'})
    capsys.readouterr()
    check.main(["--select", "memory-budget,deploy-config", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [one["code"] for one in found] == codes
    assert found[0]["fix"].splitlines()[0] == fix


COMPOSE = """\
services:
  web:
    build: .
    command: python app.py
"""

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          image: web
          command: [python, app.py]
"""


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("compose.yaml", COMPOSE, "add `mem_limit: 2048m`, which holds it"),
        ("k8s/web.yaml", DEPLOYMENT, 'add `resources: {limits: {memory: "2048Mi"}}`, which holds it'),
    ],
)
def test_a_limit_that_is_missing_is_told_once_with_the_line_to_write(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, line: str
) -> None:
    """MG411 says the same as MG301 does, a warning against what is assumed."""
    write(root, {"Dockerfile": "FROM python:3.12\nCOPY . .\n", "app.py": "import torch, tensorflow\n", name: text})
    assert check.main(["--select", "MG3,MG4", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (finding,) = report["findings"]
    assert (finding["code"], finding["severity"]) == ("MG301", "warning")
    assert f"or {line}" in finding["fix"].splitlines()
    assert finding["message"].endswith("; no limit is declared: it fits 2 GiB; does not fit 1 GiB")
    (service,) = report["services"]
    assert (service["verdict"], service["limit_mib"], service["limit_source"]) == ("warning", 512, "default")
    check.main(["--select", "MG4", "--format", "json"])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["code"], finding["fix"].startswith(line.removesuffix(", which holds it"))) == ("MG411", True)


def test_a_program_that_is_installed_is_to_be_measured(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, {"Procfile": "web: langflow run\n", "requirements.txt": "langflow\n"})
    (finding,) = judge(capsys)["findings"]
    said = "measure it where it is installed: memguard measure --service web --limit 512MiB"
    assert (finding["code"], finding["fix"].splitlines()[0]) == ("MG305", said)


@pytest.mark.parametrize(("built", "is_offered"), [("", True), ("frames = pandas.read_csv('a.csv')\n\n", False)])
def test_what_the_module_level_holds_is_not_offered_to_be_deferred(
    root: Path, capsys: pytest.CaptureFixture[str], built: str, *, is_offered: bool
) -> None:
    """`frames` would have to wait too, which MG201 says and MG301 must not leave out."""
    app = f"import pandas\n\n{built}def seldom():\n    return {'frames' if built else 'pandas'}\n"
    write(root, {"app.py": app, "Procfile": "web: gunicorn app:app\n"})
    capsys.readouterr()
    check.main(["--limit", "60MiB", "--format", "json"])
    fixes = {one["code"]: one["fix"] for one in json.loads(capsys.readouterr().out)["findings"]}
    assert ("import pandas inside the function" in (fixes["MG301"] or "")) == is_offered
    assert ("once nothing holds it here" in fixes["MG201"]) != is_offered


def findings(capsys: pytest.CaptureFixture[str], code: str) -> list[dict[str, Any]]:
    """Return what the whole check finds of a code, as it is called where nothing is staged."""
    capsys.readouterr()
    check.main(["--format", "json"])
    return [one for one in json.loads(capsys.readouterr().out)["findings"] if one["code"] == code]


MODEL = """import fastapi

app = fastapi.FastAPI()


@app.on_event("startup")
def load():
    from faster_whisper import WhisperModel

    app.state.model = WhisperModel("{}"{})
"""


@pytest.mark.parametrize(
    ("name", "options", "limit", "code"),
    [
        ("large-v3", ', compute_type="int8"', 512, "MG601"),
        ("small", ', compute_type="int8"', 600, "MG602"),
        ("small", "", 1400, "MG603"),
    ],
)
def test_a_model_that_is_advised_takes_what_is_promised(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, options: str, limit: int, code: str
) -> None:
    files = {"Procfile": "web: uvicorn main:app\n", "memguard.toml": f'limit = "{limit}MiB"\n'}
    write(root, {**files, "main.py": MODEL.format(name, options)})
    (found,) = findings(capsys, code)
    peak = judge(capsys)["services"][0]["estimate_mib"]["serving"]["peak"]
    saved = re.search(r'pass compute_type="int8": -(\d+) MiB', found["fix"])
    advised = re.search(r"load (\S+) with compute_type=\"int8\", .*: up to (\d+) MiB in all", found["fix"])
    assert saved or advised, found["fix"]
    promised = float(advised[2]) if advised is not None else peak - float(saved[1] if saved else 0)
    write(root, {"main.py": MODEL.format(advised[1] if advised is not None else name, ', compute_type="int8"')})
    after = judge(capsys)
    assert after["services"][0]["estimate_mib"]["serving"]["peak"] == pytest.approx(promised, abs=2)
    assert not [one for one in after["findings"] if one["code"] in ("MG301", "MG601", "MG602", "MG603")]


READING = """import functools
import json
import flask

app = flask.Flask(__name__)
{}

@app.route("/")
def report():
    return {}
"""
MADE = 'import boto3\nimport flask\napp = flask.Flask(__name__)\n{}\n@app.route("/")\ndef report():\n    return {}\n'


@pytest.mark.parametrize(
    ("code", "app", "before", "after"),
    [
        ("MG211", READING, ("ROWS = json.load(open('x.json'))", "ROWS"),
         ("@functools.cache\ndef rows():\n    return json.load(open('x.json'))\n", "rows()")),
        ("MG215", MADE, ("ec2 = boto3.client('ec2')", "ec2"),
         ("import functools\n@functools.cache\ndef ec2():\n    return boto3.client('ec2')\n", "ec2()")),
    ],
    ids=["data", "client"],
)  # fmt: skip
def test_work_that_is_put_off_moves_by_what_the_finding_said(
    root: Path, capsys: pytest.CaptureFixture[str], code: str, app: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    """What is put off is gone from the start, and is there again, once in each worker, when requests are served."""
    rows = json.dumps([{"name": f"name {number}", "of": number * 1000} for number in range(60_000)])
    files = {"Procfile": "web: gunicorn main:app --workers 2\n", "memguard.toml": 'limit = "2GiB"\n', "x.json": rows}
    write(root, {**files, "main.py": app.format(*before)})
    (found,) = findings(capsys, code)
    assert "in a function under @functools.cache" in found["fix"]
    was = judge(capsys)["services"][0]["estimate_mib"]
    write(root, {"main.py": app.format(*after)})
    assert findings(capsys, code) == []
    now = judge(capsys)["services"][0]["estimate_mib"]
    said = re.search(r": (\d+) MiB in each of 2 processes", found["message"])
    assert said is not None
    also = SHARED_WITH_ARBITER / 2**20  # what the second worker shares once it is small
    assert was["expected"] - now["expected"] - also == pytest.approx(2 * float(said[1]), abs=3)
    assert now["serving"]["expected"] == pytest.approx(was["serving"]["expected"], abs=2)


@pytest.mark.parametrize("command", ["gunicorn app:app -w 8", "uvicorn app:app --workers 8"])
def test_the_number_of_workers_that_is_advised_is_the_most_that_fits(
    root: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    def found(command: str) -> list[dict[str, Any]]:
        write(root, {"Procfile": f"web: {command}\n"})
        capsys.readouterr()
        deploy_config.main(["--format", "json", "Procfile"])
        return [one for one in json.loads(capsys.readouterr().out)["findings"] if one["code"] == "MG401"]

    write(root, {"app.py": source("used by a handler"), "memguard.toml": 'limit = "256MiB"\n'})
    (first,) = found(command)
    advised = re.fullmatch(r"start (\d+) workers", first["fix"])
    assert advised is not None
    assert found(command.replace("8", advised[1])) == []
    assert taken(judge(capsys)) < 0.88 * 256
    found(command.replace("8", str(int(advised[1]) + 1)))
    assert {one["code"] for one in judge(capsys)["findings"]} & {"MG301", "MG302"}


TASKS = 'from celery import Celery\napp = Celery("x")\n@app.task\ndef work():\n    import pandas\n'


@pytest.mark.parametrize(
    ("command", "with_number"),
    [
        ("celery -A tasks worker", "celery -A tasks worker --concurrency {}"),
        ("gunicorn app:app -w $(nproc)", "gunicorn app:app -w {}"),
    ],
)
def test_the_workers_that_are_said_to_fit_do_once_their_number_is_written(
    root: Path, capsys: pytest.CaptureFixture[str], command: str, with_number: str
) -> None:
    files = {"tasks.py": TASKS, "app.py": source("used by a handler"), "memguard.toml": 'limit = "256MiB"\n'}
    write(root, {**files, "Procfile": f"web: {command}\n"})
    (finding,) = [one for one in judge(capsys)["findings"] if one["code"] == "MG305"]
    said = re.search(r"with one worker it takes (\d+) MiB.*; (\d+) fits? into 256 MiB", finding["message"])
    assert said is not None, finding["message"]
    alone, fitting = float(said[1]), int(said[2])
    for number in (1, fitting, fitting + 1):
        write(root, {"Procfile": f"web: {with_number.format(number)}\n"})
        after = judge(capsys)
        codes = {one["code"] for one in after["findings"]}
        assert "MG305" not in codes
        assert bool(codes & {"MG301", "MG302"}) == (number > fitting), (number, codes)
        if number == 1:
            assert taken(after) == pytest.approx(alone, abs=2)


def with_limit(root: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], share: float, *, moment: str) -> None:
    """Write files, and a limit by which they take that share at a moment."""
    write(root, {**files, "memguard.toml": ""})
    (service,) = judge(capsys)["services"]
    size = service["estimate_mib"][moment]["expected"]
    files["memguard.toml"] = f'limit = "{round(size * share)}MiB"\n'
    write(root, files)


@pytest.mark.parametrize("place", ["used by nobody known", "in a function that nobody calls", "two, one in a handler"])
@pytest.mark.parametrize("command", ["gunicorn app:app", "gunicorn app:app -w 3", "uvicorn app:app --workers 3"])
def test_each_change_that_is_advised_for_later_does_what_is_promised(
    root: Path, capsys: pytest.CaptureFixture[str], place: str, command: str
) -> None:
    """MG304: what is judged fits, all that is deferred does not."""
    seldom = "import litellm\n    import pandas\n    return pandas"
    top = {"used by nobody known": "import boto3", "two, one in a handler": ""}.get(place, "")
    handler = "import boto3" if place == "two, one in a handler" else "return 1"
    files = {"app.py": APP.format(top=top, handler=handler, seldom=seldom), "Procfile": f"web: {command}\n"}
    with_limit(root, capsys, files, 0.98, moment="all")
    (found,) = findings(capsys, "MG304")
    told = re.search(r"(\d+) of \d+ MiB with all that is deferred", found["message"])
    assert told is not None
    advised = 0
    for line in found["fix"].splitlines():
        advice = line.removeprefix("or ")
        if advice.startswith("judge by it"):
            write(root, {"memguard.toml": files["memguard.toml"] + '[budget]\njudge = "all"\n'})
            (judged,) = findings(capsys, "MG301")
            assert judged["mib"] == pytest.approx(float(told[1]), abs=1)
        else:
            changed, saved = apply(advice, files)
            assert changed != files, advice
            write(root, changed)
            all_loaded = judge(capsys)["services"][0]["estimate_mib"]["all"]["expected"]
            if saved is not None:
                assert all_loaded == pytest.approx(float(told[1]) - saved, abs=2), advice
            left = re.search(r"(\d+) MiB are left here", advice)
            if left is not None:
                assert all_loaded == pytest.approx(float(left[1]), abs=2), advice
        if saved_enough(advice):
            assert findings(capsys, "MG304") == [], advice
            advised += 1
        write(root, files)
    assert advised > 1, found["fix"]


def saved_enough(advice: str) -> bool:
    """Return whether an advice promises more than to save so much."""
    return ": -" not in advice


@pytest.mark.parametrize("limit", ['limit = "256MiB"\n', 'limit = "512MiB"\n'])
@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("celery -A tasks worker", {"tasks.py": TASKS}),
        ("gunicorn app:app -w $(nproc)", {"app.py": source("in a handler")}),
        (
            "gunicorn app:app",
            {"app.py": source("in a handler"), "gunicorn.conf.py": "import os\nworkers = os.cpu_count()\n"},
        ),
    ],
)
def test_the_number_that_is_written_is_the_one_that_is_judged(
    root: Path, capsys: pytest.CaptureFixture[str], command: str, files: dict[str, str], limit: str
) -> None:
    """MG402 is gone with the number, and what the service takes is what it was told to take with so many."""
    write(root, {**files, "Procfile": f"worker: {command}\n", "memguard.toml": limit})
    capsys.readouterr()
    deploy_config.main(["--format", "json", *["Procfile", *files]])
    (found,) = [one for one in json.loads(capsys.readouterr().out)["findings"] if one["code"] == "MG402"]
    number = re.search(r"(--concurrency|--workers) 2|write a number", found["fix"])
    assert number is not None
    (unjudged,) = [one for one in judge(capsys)["findings"] if one["code"] == "MG305"]
    told = re.search(r"with one worker it takes (\d+) MiB.*; (\d+) fit", unjudged["message"])
    assert told is not None
    for count in (1, int(told[2])):
        if "gunicorn.conf.py" in files:
            write(root, {"gunicorn.conf.py": f"workers = {count}\n"})
        else:
            option = "--concurrency" if "celery" in command else "-w"
            write(root, {"Procfile": f"worker: {command.partition(' -w')[0]} {option} {count}\n"})
        assert findings(capsys, "MG402") == []
        report = judge(capsys)
        assert report["services"][0]["verdict"] == "ok"
        if count == 1:
            assert taken(report) == pytest.approx(float(told[1]), abs=1)


@pytest.mark.parametrize("place", ["used by a handler", "used as the file loads", "two, one in a handler"])
@pytest.mark.parametrize("workers", [2, 3, 6])
@pytest.mark.parametrize("share", [0.6, 0.95])
def test_preloading_saves_what_it_is_said_to_save(
    root: Path, capsys: pytest.CaptureFixture[str], place: str, workers: int, share: float
) -> None:
    files = {"app.py": source(place), "Procfile": f"web: gunicorn app:app -w {workers}\n"}
    with_limit(root, capsys, files, 1 / share, moment="serving")
    before = taken(judge(capsys))
    found = deployed(capsys, "MG403")
    if not found:
        assert workers < 6, "where many load it, sharing saves much"
        return
    saved = re.search(r"--preload saves (\d+) MiB", found[0]["message"])
    assert saved is not None
    write(root, {"Procfile": f"web: gunicorn app:app -w {workers} --preload\n"})
    assert deployed(capsys, "MG403") == []
    assert taken(judge(capsys)) == pytest.approx(before - float(saved[1]), abs=2)


def deployed(capsys: pytest.CaptureFixture[str], code: str) -> list[dict[str, Any]]:
    """Return what deploy-config finds by itself."""
    capsys.readouterr()
    deploy_config.main(["--format", "json", "Procfile", "app.py"])
    return [one for one in json.loads(capsys.readouterr().out)["findings"] if one["code"] == code]


@pytest.mark.parametrize("place", ["in a handler", "two, one in a handler"])
@pytest.mark.parametrize("workers", [2, 4])
def test_what_preloaded_workers_load_again_is_gone_with_either_change(
    root: Path, capsys: pytest.CaptureFixture[str], place: str, workers: int
) -> None:
    files = {"app.py": source(place), "Procfile": f"web: gunicorn app:app -w {workers} --preload\n"}
    with_limit(root, capsys, files, 1.1, moment="serving")
    before = taken(judge(capsys))
    (found,) = deployed(capsys, "MG404")
    told = re.search(r": \+(\d+) MiB, (\d+) of", found["message"])
    assert told is not None
    assert before == pytest.approx(float(told[2]), abs=1)
    assert found["fix"].splitlines()[0] == "start 1 worker with threads"
    write(root, {"Procfile": "web: gunicorn app:app -w 1 --threads 4\n"})
    assert deployed(capsys, "MG404") == []
    assert taken(judge(capsys)) < before
    late = re.findall(r"(?m)^ +(import (?:pandas|litellm))$", files["app.py"])
    write(root, {**files, "app.py": "\n".join([*late, files["app.py"]])})
    assert deployed(capsys, "MG404") == []
    assert taken(judge(capsys)) < before
    assert [one for one in eager(capsys) if "move" in one[1] and one[0] == "error"] == []
