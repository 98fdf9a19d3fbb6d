"""Models in the budget: what a call loads, when, in which processes, and what stands at the call."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from folders import write

from memguard_hooks.dependencies import runtime_copy
from memguard_hooks.hooks import memory_budget

STARTUP = """\
import os
import fastapi
app = fastapi.FastAPI()
@app.on_event("startup")
def load():
    from faster_whisper import WhisperModel
    app.state.model = WhisperModel({})
"""
ROUTE = """
@app.get("/")
def index():
    return app.state.model.transcribe("x")
"""


def run(
    root: Path, files: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Judge a project of some files, and return what the report says."""
    write(root, files)
    monkeypatch.chdir(root)
    capsys.readouterr()
    assert memory_budget.main(["--format", "json"]) in (0, 1)
    outcome: dict[str, Any] = json.loads(capsys.readouterr().out)
    return outcome


class Judge:
    """Judges projects in a folder."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, files: dict[str, str]) -> dict[str, Any]:
        """Judge a project of some files."""
        return run(self.root, files, self._capsys, self._monkeypatch)

    def app(self, call: str, limit: str = "512MiB", command: str = "uvicorn main:app") -> dict[str, Any]:
        """Judge an app that loads a model at start."""
        files = {
            "main.py": STARTUP.format(call) + ROUTE,
            "Procfile": f"web: {command}\n",
            "memguard.toml": f'limit = "{limit}"\n',
        }
        return self(files)


@pytest.fixture
def judge(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Return what judges projects in a folder of the test."""
    return Judge(tmp_path, capsys, monkeypatch)


def codes(report: dict[str, Any]) -> list[str]:
    """Return the codes of a report, in its order."""
    return [one["code"] for one in report["findings"]]


def finding(report: dict[str, Any], code: str) -> dict[str, Any]:
    """Return the only finding of a code."""
    (found,) = [one for one in report["findings"] if one["code"] == code]
    return dict(found)


def test_a_model_that_a_default_names_is_killed_while_it_loads(judge: Judge) -> None:
    """faster-whisper large-v3 peaks at 3 GiB; base fits, and is what the finding names."""
    report = judge.app('os.getenv("WHISPER", "large-v3"), compute_type="int8"')
    found = finding(report, "MG601")
    assert (found["path"], found["line"], found["severity"]) == ("main.py", 7, "error")
    assert "load base" in found["fix"]
    assert 'choose([("large-v3", 3046), ("base", 242), ("tiny", 176)])' in found["fix"]
    assert finding(report, "MG301")["fix"] is None
    estimate = report["services"][0]["estimate_mib"]
    assert 2900 < estimate["peak"] < 3300
    assert 1600 < estimate["expected"] < 1900


def test_the_variable_of_the_deployment_names_the_model(judge: Judge) -> None:
    """What render.yaml sets beats the default in the code."""
    service = {
        "main.py": STARTUP.format('os.getenv("WHISPER", "large-v3"), compute_type="int8"'),
        "render.yaml": "services:\n- {type: web, name: ear, runtime: python, plan: free, startCommand: uvicorn main:app,\n"
        "   envVars: [{key: WHISPER, value: tiny}]}\n",
    }
    report = judge(service)
    assert codes(report) == []
    assert 150 < report["services"][0]["estimate_mib"]["peak"] < 280


def test_what_only_the_platform_knows_is_not_ok(judge: Judge) -> None:
    """A name that nobody can know is told, with what would fit, and the verdict is not ok."""
    report = judge.app('os.environ["WHISPER"], compute_type="int8"')
    found = finding(report, "MG604")
    assert "nothing in the repository sets WHISPER" in found["message"]
    assert "the largest that fits is faster-whisper base (int8)" in found["fix"]
    assert report["services"][0]["verdict"] == "unknown"


def test_a_file_that_another_library_reads_after_an_error_is_one_model(judge: Judge) -> None:
    source = (
        "import joblib, pickle\nfrom flask import Flask\napp = Flask(__name__)\nPATH = 'models/x.pkl'\n"
        "try:\n    MODEL = joblib.load(PATH)\nexcept Exception:\n    MODEL = pickle.load(open(PATH, 'rb'))\n"
    )
    outcome = judge({"main.py": source, "requirements.txt": "flask\njoblib\n", "Procfile": "web: gunicorn main:app\n"})
    assert [one["line"] for one in outcome["findings"] if one["code"] == "MG604"] == [6]


def test_a_model_without_a_figure_is_not_ok(judge: Judge) -> None:
    """What the table does not have takes nobody knows what."""
    report = judge.app('"acme/own-whisper", compute_type="int8"')
    assert "the table of models has no such name" in finding(report, "MG604")["message"]
    assert report["services"][0]["verdict"] == "unknown"


def test_it_fits_at_rest_and_not_while_loading(judge: Judge) -> None:
    """faster-whisper small as int8 was killed in 512 MiB, where it rests at 336."""
    found = finding(judge.app('"small", compute_type="int8"', "600MiB"), "MG602")
    assert "fits at rest and not while it is loaded" in found["message"]
    assert codes(judge.app('"small", compute_type="int8"', "900MiB")) == []


def test_the_type_of_numbers_multiplies(judge: Judge) -> None:
    """The default takes 32 bits on a CPU, and 8 bits are all right; half precision is refused there."""
    for asked in ('compute_type="float16"', '"cpu", 0, "int8_float16"'):
        assert "refuses" in finding(judge.app(f'"base", {asked}', "1GiB"), "MG603")["message"]
    for asked in ("", ', "cpu", 0, "float32"'):
        found = finding(judge.app(f'"base"{asked}', "1GiB"), "MG603")
        assert 'pass compute_type="int8"' in found["fix"]
    assert codes(judge.app('"base", compute_type="int8"', "1GiB")) == []


CHOSEN = """\
import fastapi
from faster_whisper import WhisperModel
from memguard_runtime import choose, load
app = fastapi.FastAPI()
@app.on_event("startup")
def start():
    {}
"""


@pytest.mark.parametrize(
    "call",
    [
        'WhisperModel(choose([("large-v3", 3046), ("base", 242), ("tiny", 176)]), compute_type="int8")',
        'load([("small", 9, lambda: WhisperModel("small")), ("tiny", 2, lambda: WhisperModel("tiny", "cpu", 0, "int8"))])',
    ],
)
def test_a_model_that_the_app_chooses_counts_where_little_is_left(judge: Judge, call: str) -> None:
    """What the finding proposes makes the service fit: of a table the lightest model counts."""
    copy = {"memguard_runtime.py": runtime_copy.render("0.1.0").decode()}
    report = judge({"main.py": CHOSEN.format(call), "Procfile": "web: uvicorn main:app\n", **copy,
                    "memguard.toml": 'limit = "512MiB"\n'})  # fmt: skip
    assert codes(report) == []
    assert 240 < report["services"][0]["estimate_mib"]["peak"] < 280
    assert [one["package"] for one in report["services"][0]["parts"] if "tiny" in one["package"]]


def test_workers_load_a_model_each(judge: Judge) -> None:
    """Three processes hold three copies, and load them at the same time."""
    one = judge.app('"small", compute_type="int8"', "4GiB")["services"][0]["estimate_mib"]
    report = judge.app('"small", compute_type="int8"', "4GiB", "uvicorn main:app --workers 3")
    assert "loaded by each of 3 processes" in finding(report, "MG605")["message"]
    three = report["services"][0]["estimate_mib"]
    assert three["peak"] - three["expected"] == pytest.approx(3 * (one["peak"] - one["expected"]), rel=0.01)


def test_preloaded_workers_share_a_model_of_the_start(judge: Judge) -> None:
    """What is loaded before the fork is loaded once; what a request loads, by each."""
    files = {
        "main.py": "import flask\nimport spacy\napp = flask.Flask(__name__)\nnlp = spacy.load('en_core_web_lg')\n",
        "memguard.toml": 'limit = "4GiB"\n',
    }
    apart = judge({**files, "Procfile": "web: gunicorn main:app -w 3\n"})
    assert "start with --preload" in finding(apart, "MG605")["fix"]
    shared = judge({**files, "Procfile": "web: gunicorn main:app -w 3 --preload\n"})
    assert codes(shared) == []
    sizes = [one["services"][0]["estimate_mib"]["expected"] for one in (apart, shared)]
    assert sizes[1] < sizes[0] - 500


def test_a_program_that_imports_itself_loads_twice(judge: Judge) -> None:
    """`uvicorn.run("server:app")` in server.py runs the file again, and the command line names the model of both."""
    server = """\
import argparse
import uvicorn
from fastapi import FastAPI
from faster_whisper import WhisperModel
parser = argparse.ArgumentParser()
parser.add_argument("--model", default="large-v3")
args = parser.parse_args()
model = WhisperModel(args.model, compute_type="int8")
app = FastAPI()
if __name__ == "__main__":
    uvicorn.run({})
"""
    files = {"Procfile": "web: python server.py --model base\n", "memguard.toml": 'limit = "1GiB"\n'}
    report = judge({**files, "server.py": server.format('"server:app"')})
    assert "faster-whisper base (int8) is loaded twice" in finding(report, "MG605")["message"]
    assert codes(judge({**files, "server.py": server.format("app")})) == []


def test_mapped_weights_are_slow_and_kill_nothing(judge: Judge) -> None:
    """Transformers 5 maps what is stored; version 4 converts half precision, which is anonymous."""
    app = (
        "import fastapi\napp = fastapi.FastAPI()\n@app.on_event('startup')\ndef load():\n"
        "    from transformers import {}\n    app.state.model = {}\n"
    )
    files = {"Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "1GiB"\n'}
    summary = app.format("pipeline", "pipeline('summarization')")
    report = judge({**files, "main.py": summary})
    assert "distilbart-cnn-12-6" in finding(report, "MG606")["message"]
    assert codes(report) == ["MG606"]
    half = app.format("AutoModelForSpeechSeq2Seq as Auto", "Auto.from_pretrained('openai/whisper-large-v3')")
    pinned = {"requirements.txt": "fastapi==0.115.12\ntransformers==4.49.0\n"}
    assert "MG601" in codes(judge({**files, **pinned, "main.py": half}))


def test_weights_larger_than_the_host_are_told_where_the_app_does_not_fit_either(judge: Judge) -> None:
    files = {
        "main.py": "import transformers\ntransformers.pipeline('text-generation', 'meta-llama/Llama-3.1-8B')\n",
        "Procfile": "web: python main.py\n",
        "requirements.txt": "transformers==5.23.0\ntorch==2.15.0\n",
        "memguard.toml": 'limit = "512MiB"\ntarget-python = "3.11"\n',
    }
    assert "15317 MiB of weights in a mapped file" in finding(judge(files), "MG601")["message"]


def test_a_model_of_a_handler_comes_with_the_first_request(judge: Judge) -> None:
    """It is there while the app serves, and not at start; what nothing calls counts only in all."""
    app = (
        "import fastapi\napp = fastapi.FastAPI()\n{}\ndef hear(path: str):\n"
        "    from faster_whisper import WhisperModel\n    return WhisperModel('base', compute_type='int8')\n"
    )
    files = {"Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "1GiB"\n'}
    route = judge({**files, "main.py": app.format("@app.get('/')")})["services"][0]["estimate_mib"]
    assert route["serving"]["expected"] - route["expected"] > 120
    unused = judge({**files, "main.py": app.format("")})["services"][0]["estimate_mib"]
    assert unused["serving"]["expected"] - unused["expected"] < 10
    assert unused["all"]["expected"] - unused["expected"] > 120


@pytest.mark.parametrize("size", [300_000_000, 40_000_000])
def test_the_size_of_a_file_prices_it(judge: Judge, size: int) -> None:
    """Also one that is kept elsewhere by Git LFS, whose pointer tells the size."""
    app = "import joblib\nimport fastapi\napp = fastapi.FastAPI()\nmodel = joblib.load('models/clf.pkl')\n"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize {size}\n"
    files = {"main.py": app, "Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "300MiB"\n'}
    report = judge({**files, "models/clf.pkl": pointer})
    assert codes(report) == (["MG601", "MG301"] if size > 100_000_000 else []) or codes(report)[::-1] == ["MG601", "MG301"]
    parts = {one["package"]: one["mib"] for one in report["services"][0]["parts"]}
    assert parts["models/clf.pkl"] == pytest.approx(size / 2**20, abs=0.1)
    with (judge.root / "models" / "clf.pkl").open("wb") as file:
        file.truncate(size)
    parts = {one["package"]: one["mib"] for one in judge(files)["services"][0]["parts"]}
    assert parts["models/clf.pkl"] == pytest.approx(size / 2**20, abs=0.1)


def test_a_commit_brings_a_model(judge: Judge) -> None:
    """The line tells what the commit adds, also where only the name of a model changes."""
    files = {"main.py": STARTUP.format('"tiny", compute_type="int8"'), "Procfile": "web: uvicorn main:app\n"}
    write(judge.root, files)
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "before"]):
        subprocess.run(["git", *arguments], cwd=judge.root, check=True)
    report = judge({**files, "main.py": STARTUP.format('"base", compute_type="int8"')})
    assert report["services"][0]["estimate_mib"]["commit"] == pytest.approx(37, abs=3)


def test_streamlit_loads_anew_what_nothing_keeps(judge: Judge) -> None:
    """A function under `cache_resource` keeps its model."""
    app = "import streamlit as st\n{}\ndef model():\n    from faster_whisper import WhisperModel\n"
    app += "    return WhisperModel('base', compute_type='int8')\nst.write(str(model()))\n"
    files = {"Procfile": "web: streamlit run main.py\n", "memguard.toml": 'limit = "1GiB"\n'}
    assert codes(judge({**files, "main.py": app.format("")})) == ["MG605"]
    assert codes(judge({**files, "main.py": app.format("@st.cache_resource")})) == []


def test_one_cause_has_one_finding(judge: Judge) -> None:
    """A model that does not fit is not told again for its type of numbers or its copies."""
    report = judge.app('"large-v3"', "512MiB", "uvicorn main:app --workers 3")
    assert sorted(codes(report)) == ["MG301", "MG601"]
    assert "in each of 3 processes" in finding(report, "MG601")["message"]


CHOICE = """\
import os
from base import Engine
from fast import Fast
from slow import Slow
def make() -> Engine:
    if os.getenv("ENGINE", "fast") == "fast":
        return Fast()
    return make_slow()
def make_slow() -> Engine:
    if os.getenv("ENGINE", "fast") == "slow":
        return Slow()
    raise ValueError
"""

FAST = """\
from base import Engine
class Fast(Engine):
    def load(self):
        from faster_whisper import WhisperModel
        self.model = WhisperModel("base", compute_type="int8")
"""

ENGINES = {
    "main.py": "import fastapi\nfrom engines import make\napp = fastapi.FastAPI()\nengine = make()\nengine.load()\n",
    "base.py": "class Engine:\n    def load(self):\n        raise NotImplementedError\n",
    "engines.py": CHOICE,
    "fast.py": FAST,
    "slow.py": "from base import Engine\nimport whisper\nclass Slow(Engine):\n    def load(self):\n"
    "        self.model = whisper.load_model('large')\n",
    "Procfile": "web: uvicorn main:app\n",
}


def test_the_engine_that_production_takes_loads_its_model(judge: Judge) -> None:
    """A method in place of a parent's runs where that is called, of the class that is made."""
    parts = {one["package"]: one["moment"] for one in judge(ENGINES)["services"][0]["parts"]}
    assert parts["faster-whisper base (int8)"] == "start"
    assert not [name for name in parts if name.startswith("openai-whisper")]


def test_an_attribute_that_loads_a_model_comes_with_serving(judge: Judge) -> None:
    """No call runs a property, and yet the class that has it is used."""
    app = (
        "import fastapi\nclass Ear:\n    def __init__(self):\n        self._model = None\n    @property\n"
        "    def model(self):\n        from faster_whisper import WhisperModel\n        if self._model is None:\n"
        "            self._model = WhisperModel('base', compute_type='int8')\n        return self._model\n"
        "app = fastapi.FastAPI()\near = Ear()\n@app.get('/')\ndef hear():\n    return ear.model\n"
    )
    report = judge({"main.py": app, "Procfile": "web: uvicorn main:app\n"})
    parts = {one["package"]: one["moment"] for one in report["services"][0]["parts"]}
    assert parts["faster-whisper base (int8)"] == "serving"


def test_code_that_is_too_large_is_not_ok(judge: Judge) -> None:
    """What was not looked at may load anything."""
    branches = "".join(f"if x == {number}:\n    a = '{number}'\n" for number in range(2000))
    report = judge({
        "main.py": f"import os\nimport whisper\nx = int(os.environ['X'])\n{branches}" + "whisper.load_model(a)\n" * 300,
        "Procfile": "worker: python main.py\n", "memguard.toml": 'limit = "4GiB"\n',
    })  # fmt: skip
    assert report["services"][0]["verdict"] == "unknown"
    assert any("the code is too large" in one["reason"] for one in report["skipped"])


def test_the_wheel_for_cpus_is_a_way_out(judge: Judge) -> None:
    """The usual wheel of torch takes 308 MiB more, most of it in pages of files."""
    app = STARTUP.replace("faster_whisper", "sentence_transformers").replace("WhisperModel", "SentenceTransformer")
    files = {"main.py": app.format("'all-MiniLM-L6-v2'"), "Procfile": "web: uvicorn main:app\n"}
    for limit, fits in {"700MiB": True, "512MiB": False}.items():
        found = finding(judge({**files, "memguard.toml": f'limit = "{limit}"\n'}), "MG601")
        assert ("take the wheel of torch for CPUs" in found["fix"]) is fits


def test_a_library_without_measured_models_is_named_with_its_model(judge: Judge) -> None:
    """The language of a pipeline is not its model, and no other name would be known either."""
    start = "import fastapi\nfrom kokoro import KPipeline\napp = fastapi.FastAPI()\nvoice = KPipeline(lang_code='a')\n"
    report = judge({"main.py": start, "Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "4GiB"\n'})
    found = finding(report, "MG604")
    assert "what kokoro.KPipeline takes is not known: nobody measured the models of kokoro" in found["message"]
    assert found["fix"] == "measure the service: memguard measure web"


def test_no_family_is_blamed_where_the_app_does_not_fit_by_itself(judge: Judge) -> None:
    """What is too much without any model is no reason to say that no model fits."""
    found = finding(judge.app('os.environ["WHISPER"], compute_type="int8"', "60MiB"), "MG604")
    assert "family" not in (found["fix"] or "")


def test_one_encoding_under_two_names_is_loaded_once(judge: Judge) -> None:
    """Tiktoken hands out the encoding that it has, so what is asked for where a name is unknown takes nothing more."""
    app = (
        "import fastapi, tiktoken\napp = fastapi.FastAPI()\n@app.get('/')\ndef count():\n    try:\n"
        "        return tiktoken.encoding_for_model('gpt-4o')\n    except KeyError:\n"
        "        return tiktoken.get_encoding('o200k_base')\n"
    )
    report = judge({"main.py": app, "Procfile": "web: uvicorn main:app\n"})
    parts = [one["package"] for one in report["services"][0]["parts"] if one["package"].startswith("tiktoken ")]
    assert parts == ["tiktoken gpt-4o"]


def test_an_encoding_at_load_is_counted_once(judge: Judge) -> None:
    """As a model by its name, and not besides as a call that the catalog has measured."""
    app = "import fastapi, tiktoken\napp = fastapi.FastAPI()\ntokens = {}\n"
    calls = ("tiktoken", "tiktoken.get_encoding('cl100k_base')")
    reports = [judge({"main.py": app.format(call), "Procfile": "web: uvicorn main:app\n"}) for call in calls]
    without, taken = (report["services"][0]["estimate_mib"]["expected"] for report in reports)
    assert 35 < taken - without < 39


def test_preloaded_workers_do_not_write_to_a_model(judge: Judge) -> None:
    """What a worker copies while it serves is the same whether a model was loaded before the fork or none."""
    bare = "import flask\nimport spacy\napp = flask.Flask(__name__)\n"
    taken = []
    for number, code in enumerate((bare, f"{bare}nlp = spacy.load('en_core_web_sm')\n")):
        for workers in (1, 5):
            files = {"main.py": code, "requirements.txt": "flask\nspacy\ngunicorn\n"}
            report = judge({**files, "Procfile": f"web: gunicorn main:app --workers {workers} --preload\n"})
            taken.append((number, report["services"][0]["estimate_mib"]["serving"]))
    one, five, with_model, five_with_model = [figures for _, figures in taken]
    assert with_model["expected"] > one["expected"] + 40
    for key in ("low", "expected", "high"):
        assert abs((five_with_model[key] - with_model[key]) - (five[key] - one[key])) < 0.3 * (five[key] - one[key])


def test_a_model_of_preloaded_workers_is_to_be_loaded_before_the_fork(judge: Judge) -> None:
    """Loaded by the first request it is loaded in each worker, though these were to share."""
    late = "from flask import Flask\napp = Flask(__name__)\n\n\n{}@app.get('/')\ndef serve():\n{}    return str(nlp)\n"
    load = "import spacy\nnlp = spacy.load('en_core_web_sm')\n"
    files = {"Procfile": "web: gunicorn main:app --workers 4 --preload\n"}
    files["main.py"] = late.format("", "    import spacy\n    nlp = spacy.load('en_core_web_sm')\n")
    promised = finding(judge(files), "MG601")["fix"].splitlines()[0]
    files["main.py"] = late.format(load, "")
    taken = judge(files)["services"][0]["estimate_mib"]["serving"]["expected"]
    start, _, said = promised.partition(": ")
    assert start == "load it before the fork, as the app is loaded, so that all workers share it"
    assert int(said.removesuffix(" MiB in all")) == pytest.approx(taken, abs=0.6)


def test_a_model_that_an_assumed_limit_does_not_hold_is_a_warning(judge: Judge) -> None:
    """Nothing names a host: the sizes that would hold the service are named."""
    files = {"main.py": STARTUP.format('"large-v3"') + ROUTE, "Procfile": "web: uvicorn main:app\n"}
    found = {one["code"]: one for one in judge(files)["findings"]}
    assert {code: one["severity"] for code, one in found.items()} == {"MG301": "warning", "MG601": "warning"}
    assert "no limit is declared: web fits 16 GiB; does not fit 4 GiB" in found["MG601"]["message"]


BRANCHED = """\
import os
from enum import Enum
import fastapi
app = fastapi.FastAPI()
class Speech(Enum):
    HOSTED = "hosted"
    LOCAL = "local"
def build(speech):
    if speech == Speech.LOCAL:
        from faster_whisper import WhisperModel
        return WhisperModel("large-v3")
    elif speech == Speech.HOSTED:
        import httpx
        return httpx.Client()
recognizer = build(Speech(os.getenv("SPEECH"{})))
"""


@pytest.mark.parametrize(("default", "found"), [(', "hosted"', []), (', "local"', ["MG601"]), ("", ["MG601"])])
def test_a_model_counts_where_its_branch_may_run(judge: Judge, default: str, found: list[str]) -> None:
    files = {
        "main.py": BRANCHED.format(default),
        "Procfile": "web: uvicorn main:app\n",
        "memguard.toml": 'limit = "512MiB"\n',
    }
    assert [code for code in codes(judge(files)) if code == "MG601"] == found


def test_a_model_that_nothing_uses_is_not_used(judge: Judge) -> None:
    """What using a model takes comes with the first handler that names it."""
    taken = []
    for handler in ("", ROUTE):
        call = STARTUP.format('"small"')
        files = {"main.py": call + handler, "Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "4GiB"\n'}
        taken.append(judge(files)["services"][0]["estimate_mib"])
    assert taken[0]["expected"] == taken[0]["serving"]["expected"] == taken[1]["expected"]
    assert taken[1]["serving"]["expected"] > taken[1]["expected"] + 20


def test_weights_that_the_repository_lacks_are_not_nothing(judge: Judge) -> None:
    """A session of a file that is downloaded elsewhere is told, and one of a model of the hub is priced."""
    session = "import onnxruntime\nfrom huggingface_hub import hf_hub_download\nsession = onnxruntime.InferenceSession({})\n"
    start = {"Procfile": "web: python main.py\n", "memguard.toml": 'limit = "1GiB"\n'}
    message = finding(judge({"main.py": session.format("'models/model.onnx'"), **start}), "MG604")["message"]
    assert "models/model.onnx" in message
    report = judge({"main.py": session.format("hf_hub_download('BAAI/bge-base-en-v1.5', 'model.onnx')"), **start})
    parts = {part["package"]: part["mib"] for part in report["services"][0]["parts"]}
    assert 480 < parts["BAAI/bge-base-en-v1.5"] < 600


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import joblib\nx = joblib.load('x.joblib')\n", "x.joblib"),
        ("import pickle\nwith open('similarity.pkl', 'rb') as file:\n    x = pickle.load(file)\n", "similarity.pkl"),
        ("import faiss\nx = faiss.read_index('x.index')\n", "x.index"),
        ("import pickle\nx = pickle.load(open('token.pickle', 'rb'))\n", ""),
        ("import pickle, sys\nx = pickle.load(sys.stdin.buffer)\n", ""),
    ],
)
def test_a_file_that_nobody_can_see_may_be_of_any_size(judge: Judge, code: str, name: str) -> None:
    """A pickle of a name that the repository lacks was told as nothing; what gives access is small."""
    report = judge({"main.py": code, "Procfile": "web: python main.py\n", "memguard.toml": 'limit = "8GiB"\n'})
    assert report["services"][0]["verdict"] == ("unknown" if name else "ok")
    told = [one["message"] for one in report["findings"] if one["code"] == "MG604"]
    assert [f"what {name} takes is not known: the repository has no such file" in one for one in told] == [True] * bool(name)


BY_THE_WAY = """\
import {library}
from fastapi import FastAPI
{made}
app = FastAPI()
@app.post("/")
def index(text: str):
    return {call}
"""


@pytest.mark.parametrize(
    ("made", "call", "label"),
    [
        ("c = chromadb.PersistentClient('x').get_or_create_collection(name='d')", "c.query(query_texts=[text])", "chromadb"),
        ("c = chromadb.Client().create_collection('d')", "c.add(ids=['1'], documents=[text])", "chromadb"),
        ("c = chromadb.HttpClient('h').get_collection('d')", "c.query(query_embeddings=[[1]])", ""),
        ("c = chromadb.Client().create_collection('d', embedding_function=own)", "c.query(query_texts=[text])", ""),
        ("c = qdrant_client.QdrantClient(':memory:')", "c.add('d', [text])", "fastembed"),
        ("c = qdrant_client.QdrantClient(':memory:')", "c.query('d', query_filter=None)", ""),
        ("", "rembg.remove(text)", "rembg u2net"),
        ("kept = None", "rembg.remove(text, session=kept)", ""),
    ],
)
def test_a_call_that_is_for_something_else_loads_its_default_model(judge: Judge, made: str, call: str, label: str) -> None:
    """A collection without an embedding function, a client's own embedding and a removed background load a model."""
    library = next(one for one in ("chromadb", "qdrant_client", "rembg") if one in made + call)
    files = {"main.py": BY_THE_WAY.format(library=library, made=made, call=call), "Procfile": "web: uvicorn main:app\n"}
    (service,) = judge({**files, "memguard.toml": 'limit = "8GiB"\n'})["services"]
    found = [(one["package"], one["moment"]) for one in service["parts"] if one["chain"][-1:] and " " in one["package"]]
    assert [(name.startswith(label), moment) for name, moment in found] == [(True, "serving")] * bool(label)


def test_a_collection_of_another_file_loads_its_model_once(judge: Judge) -> None:
    """The file that asks names no library; a text that is looked up takes less than a batch that is put in."""
    store = "import chromadb\ncollection = chromadb.Client().get_or_create_collection('d')\n"
    main = (
        "from fastapi import FastAPI\nfrom store import collection\napp = FastAPI()\n@app.get('/')\ndef index(q: str):\n    "
    )
    files = {"store.py": store, "Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "8GiB"\n'}
    sizes = []
    for calls in ("collection.query(query_texts=[q])", "collection.query(query_texts=[q]); collection.add(documents=[q])"):
        (service,) = judge({**files, "main.py": f"{main}{calls}\n"})["services"]
        (part,) = (one for one in service["parts"] if one["package"].startswith("chromadb "))
        sizes.append(part["mib"])
    assert sizes[1] - sizes[0] > 200


@pytest.mark.parametrize("stored", ["float32", "float16"])
def test_the_files_in_a_folder_price_a_model(judge: Judge, stored: str) -> None:
    """Weights that git keeps elsewhere count with their size; version 4 of transformers makes 32 bits of them."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 200000000\n"
    source = "from transformers import AutoModel\nfrom pathlib import Path\nHERE = Path(__file__).parent / 'models'\n"
    files = {
        "main.py": f"{source}model = AutoModel.from_pretrained(HERE / 'faq')\n",
        "models/faq/config.json": json.dumps({"torch_dtype": stored}),
        "models/faq/model.safetensors": pointer,
        "requirements.txt": "transformers==4.44.2\ntorch==2.4.1\n",
        "Procfile": "web: python main.py\n",
        "memguard.toml": 'limit = "8GiB"\n',
    }
    (service,) = judge(files)["services"]
    (part,) = (one for one in service["parts"] if one["package"].startswith("transformers models/faq"))
    assert part["mib"] == pytest.approx(20 if stored == "float32" else 397, abs=3)
    assert service["verdict"] == "ok"


SETTINGS = """\
from pydantic_settings import BaseSettings, SettingsConfigDict
class Settings(BaseSettings):
    name: str = 'tiny'
    model_config = SettingsConfigDict(env_file='.env')
NAME = Settings().name
"""
DOTENV = "import os\nfrom dotenv import load_dotenv\nload_dotenv()\nNAME = os.getenv('NAME', 'tiny')\n"


@pytest.mark.parametrize(
    ("settings", "files", "name"),
    [
        (SETTINGS, {".env": "NAME=medium\n"}, "medium"),
        (SETTINGS, {".env": "NAME=medium\n", ".gitignore": "# local\n.env*\n"}, "tiny"),
        (SETTINGS, {".env.example": "NAME=medium\n"}, "tiny"),
        (SETTINGS, {".env": "NAME=medium\n", "Procfile": "web: NAME=base uvicorn app.main:app\n"}, "base"),
        (DOTENV, {".env": 'export NAME="medium"  # the best\n'}, "medium"),
        (DOTENV.replace("load_dotenv()", "load_dotenv('app/prod.env')"), {"app/prod.env": "NAME=small\n"}, "small"),
        ("import os\nNAME = os.getenv('NAME', 'tiny')\n", {".env": "NAME=small\n"}, "tiny"),
        (
            "import os\nNAME = os.getenv('NAME', 'tiny')\n",
            {"Procfile": "web: bash start.sh\n", "start.sh": "export NAME=small\nexec uvicorn app.main:app\n"},
            "small",
        ),
    ],
)  # fmt: skip
def test_a_file_of_variables_that_code_loads_names_the_model(
    judge: Judge, settings: str, files: dict[str, str], name: str
) -> None:
    """A file that git has, and that code loads, goes before the default and behind what the command sets."""
    app = "from fastapi import FastAPI\nfrom faster_whisper import WhisperModel\nfrom app.settings import NAME\n"
    app += "app = FastAPI()\nmodel = WhisperModel(NAME)\n"
    report = judge({
        "app/main.py": app, "app/settings.py": settings, "app/__init__.py": "", "memguard.toml": 'limit = "8GiB"\n',
        "Procfile": "web: uvicorn app.main:app\n", **files,
    })  # fmt: skip
    parts = [one["package"] for one in report["services"][0]["parts"]]
    assert f"faster-whisper {name}" in parts


LATER = """\
import fastapi
from sentence_transformers import SentenceTransformer
app = fastapi.FastAPI()
model = None
@app.on_event("startup")
def load():
    global model
    model = SentenceTransformer("all-MiniLM-L6-v2")
@app.get("/")
def index(q: str):
    global model
    if {}:
        model = SentenceTransformer({})
    return model.encode(q)
"""


@pytest.mark.parametrize(
    ("test", "name", "times"),
    [
        ("model is None", "'all-MiniLM-L6-v2'", 1),
        ("not model", "'all-MiniLM-L6-v2'", 1),
        ("q", "'all-MiniLM-L6-v2'", 2),
        ("model is None", "'BAAI/bge-m3'", 2),
    ],
)
def test_what_a_name_has_is_not_loaded_where_it_has_none(judge: Judge, test: str, name: str, times: int) -> None:
    """A handler that loads the model in case the start has not is no second model; another name, or another test, is."""
    files = {"main.py": LATER.format(test, name), "Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "8GiB"\n'}
    (service,) = judge(files)["services"]
    found = {
        tuple(one["chain"][-1].values()) for one in service["parts"] if one["package"].startswith("sentence-transformers ")
    }
    assert len(found) == times


def test_a_model_that_is_converted_at_load_is_there_twice(judge: Judge) -> None:
    """An export to ONNX and a conversion for CTranslate2 load what they convert; only the first leaves something behind."""
    figures = []
    for call in ("ORT.from_pretrained({})", "ORT.from_pretrained({}, export=True)", "Converter({}).convert('x')"):
        source = "from optimum.onnxruntime import ORTModelForFeatureExtraction as ORT\n"
        source += "from ctranslate2.converters import TransformersConverter as Converter\n"
        source += f"model = {call.format(repr('BAAI/bge-base-en-v1.5'))}\n"
        files = {"main.py": source, "Procfile": "web: python main.py\n", "memguard.toml": 'limit = "8GiB"\n'}
        (service,) = judge(files)["services"]
        figures.append((service["estimate_mib"]["peak"] - service["estimate_mib"]["expected"], service["parts"]))
    (plain, _), (exported, parts), (converted, _) = figures
    assert exported - plain == pytest.approx(835, abs=3)
    assert converted == pytest.approx(835, abs=3)
    assert {"torch", "transformers", "onnxruntime"} <= {one["package"] for one in parts}


def test_a_model_whose_weights_are_packed_is_never_ok(judge: Judge) -> None:
    """What nobody measured is said to be unknown, however large the host is."""
    text = STARTUP.format("None").replace(
        "    from faster_whisper import WhisperModel\n",
        "    import torch\n    from transformers import AutoModel\n"
        "    model = AutoModel.from_pretrained('bert-base-uncased')\n"
        "    app.state.packed = torch.quantization.quantize_dynamic(model, {torch.nn.Linear})\n",
    )
    report = judge({"main.py": text, "Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "8GiB"\n'})
    assert report["services"][0]["verdict"] == "unknown"
    assert "quantize_dynamic" in finding(report, "MG604")["message"]


@pytest.mark.parametrize("name", ["tensorflow", "tensorflow-gpu", "tensorflow-cpu"])
def test_another_build_of_what_was_measured_is_there(judge: Judge, name: str) -> None:
    """A function that imports tensorflow loads it where any of its builds is declared."""
    text = "import fastapi\napp = fastapi.FastAPI()\n\n@app.get('/')\ndef go():\n    import tensorflow\n"
    files = {"main.py": text, "Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "512MiB"\n'}
    report = judge({**files, "requirements.txt": f"fastapi\nuvicorn\n{name}\n"})
    assert report["services"][0]["estimate_mib"]["serving"]["expected"] > 400


def test_llama_index_loads_both_of_its_models(judge: Judge) -> None:
    """`local` stands for an embedding that is known, and for a language model that is not."""
    text = "import fastapi\nfrom llama_index.core import ServiceContext\napp = fastapi.FastAPI()\n"
    text += 'context = ServiceContext.from_defaults(llm="local", embed_model="local")\n'
    report = judge({"main.py": text, "Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "8GiB"\n'})
    assert report["services"][0]["verdict"] == "unknown"
    assert any("bge-small-en" in one["package"] for one in report["services"][0]["parts"])


@pytest.mark.parametrize("size", ["100000", f"1{400 * '0'}", f"0x{3000 * 'f'}"], ids=["many", "long", "hexadecimal"])
@pytest.mark.parametrize(
    "code",
    [
        (
            "from sentence_transformers import SentenceTransformer\nm = SentenceTransformer('all-MiniLM-L6-v2')\n"
            "def answer(x):\n    return m.encode(x, batch_size=SIZE)\n"
        ),
        (
            "from transformers import pipeline\nm = pipeline('sentiment-analysis', batch_size=SIZE)\n"
            "def answer(x):\n    return m(x)\n"
        ),
    ],
    ids=["encode", "pipeline"],
)
def test_texts_that_are_all_given_at_once_are_counted_up_to_a_bound(judge: Judge, code: str, size: str) -> None:
    """Nobody knows how many there are: they don't come to hundreds of GiB, and nothing is called ok."""
    files = {
        "Procfile": "web: python main.py\n",
        "requirements.txt": "sentence-transformers==3.0.0\n",
        "memguard.toml": 'limit = "32GiB"\n',
    }
    code += "answer(input())\n"
    vast, most = (judge({**files, "main.py": code.replace("SIZE", one)}) for one in (size, "1024"))
    assert "1,024" in finding(vast, "MG604")["message"]
    assert "MG604" not in codes(most)
    assert [one["services"][0]["verdict"] for one in (vast, most)] == ["unknown", "ok"]
    assert vast["services"][0]["parts"] == most["services"][0]["parts"]


def pickled(limit: str, size: int) -> dict[str, str]:
    """Return an app that loads a pickle of so many MiB."""
    return {
        "main.py": "import joblib\nfrom flask import Flask\napp = Flask(__name__)\nmodel = joblib.load('model.pkl')\n"
        "@app.get('/')\ndef index():\n    return model.predict([1])\n",
        "model.pkl": "x" * (size * 2**20),
        "Procfile": "web: gunicorn -w 1 main:app\n",
        "memguard.toml": f'limit = "{limit}"\n',
    }


def test_what_nobody_measured_of_a_model_leaves_no_ok_that_hangs_on_it(judge: Judge) -> None:
    """Objects of a pickle take several times its bytes: an app fits for certain only where it does with these."""
    (near,), (far,) = (judge(pickled(limit, 30))["services"] for limit in ("256MiB", "2GiB"))
    assert [near["verdict"], far["verdict"]] == ["unknown", "ok"]
    assert near["reason"] == "it takes at least that: up to 129 MiB that nobody measured of models not counted"


def test_own_weights_of_yolo_take_what_the_known_ones_of_that_size_do(judge: Judge) -> None:
    """A file of halves becomes 32 bits, which are laid out anew: it was told as large as it lies there."""
    files = {
        "main.py": "from ultralytics import YOLO\nfrom flask import Flask\napp = Flask(__name__)\n"
        "model = YOLO('best.pt')\n@app.get('/')\ndef index():\n    return str(model('x.jpg'))\n",
        "best.pt": "x" * 6_500_000,
        "Procfile": "web: gunicorn -w 1 main:app\n",
        "memguard.toml": 'limit = "4GiB"\n',
    }
    own = judge(files)["services"][0]
    known = judge({**files, "main.py": files["main.py"].replace("best.pt", "yolov8n.pt")})["services"][0]
    rests = [
        sum(
            part["mib"]
            for part in one["parts"]
            if part["package"].startswith(("best.pt", "ultralytics yolov8n.pt", "ultralytics best.pt"))
        )
        for one in (own, known)
    ]
    assert 60 < rests[0] == pytest.approx(rests[1], rel=0.05)


IN_RENDER = "services:\n- {type: web, name: ear, runtime: python, plan: pro, startCommand: 'uvicorn main:app'}\n"


@pytest.mark.parametrize(
    ("test", "expected"),
    [("os.getenv('RENDER')", "base"), ("'RENDER' in os.environ", "base"), ("os.getenv('DYNO')", "large-v3")],
)
def test_a_variable_of_the_platform_is_there(judge: Judge, test: str, expected: str) -> None:
    """What a host sets on all of its plans tells the branch that runs there; of another's nobody knows."""
    source = STARTUP.format(f"'base' if {test} else 'large-v3'")
    (service,) = judge({"main.py": source, "render.yaml": IN_RENDER})["services"]
    assert {f"faster-whisper {expected}"} == {
        one["package"] for one in service["parts"] if "faster-whisper " in one["package"]
    }


LOADED = "import fastapi, torch\napp = fastapi.FastAPI()\nMODEL = torch.load('{}', weights_only=True)\n"
IMAGE = "FROM python:3.11\nWORKDIR /app\n{}\nRUN pip install fastapi uvicorn torch\nCMD uvicorn main:app\n"
COMPOSE = "services:\n  web:\n    build: .\n    mem_limit: 4g\n    volumes: [{}]\n"


@pytest.mark.parametrize(
    ("name", "copies", "volume"),
    [
        ("/app/models/x.pth", "COPY . .", ""),
        ("/data/x.pth", "COPY . .\nCOPY models /data", ""),
        ("/data/x.pth", "COPY . .\nCOPY models /data", "kept:/data"),
        ("/data/x.pth", "COPY . .", "./models:/data"),
        ("x.pth", "COPY main.py .\nCOPY models/x.pth .", ""),
    ],
)
def test_a_file_lies_where_the_image_has_it(judge: Judge, name: str, copies: str, volume: str) -> None:
    """What code names by its place in the image is the file that was copied or mounted there, and no unknown one."""
    (judge.root / "models").mkdir()
    (judge.root / "models/x.pth").write_bytes(b"\0" * 40 * 2**20)
    files = {"Dockerfile": IMAGE.format(copies), "main.py": LOADED.format(name), "compose.yaml": COMPOSE.format(volume)}
    report = judge(files)
    (service,) = report["services"]
    assert "MG604" not in codes(report)
    assert [round(one["mib"]) for one in service["parts"] if "x.pth" in one["package"]] == [40]


BATCHED = """\
import fastapi
from sentence_transformers import SentenceTransformer
app = fastapi.FastAPI()
model = SentenceTransformer("all-MiniLM-L6-v2")
@app.post("/")
def index(texts: list[str]):
    return model.encode(texts, batch_size={})
"""
CPU = "--extra-index-url https://download.pytorch.org/whl/cpu\nsentence-transformers==5.2.0\ntorch==2.13.0+cpu\n"


def test_a_smaller_batch_is_a_way_out(judge: Judge) -> None:
    """Where the batch puts the service over, the first way out is a batch that fits."""
    files = {"Procfile": "web: uvicorn main:app\n", "memguard.toml": 'limit = "1GiB"\n', "requirements.txt": CPU}
    found = finding(judge({**files, "main.py": BATCHED.format(512)}), "MG601")
    assert "encode fewer at once: batch_size=128: up to" in found["fix"].splitlines()[0]
    assert not codes(judge({**files, "main.py": BATCHED.format(128)}))


def test_the_default_is_told_where_only_the_platform_knows(judge: Judge) -> None:
    """`sync: false` hides the name of the model, and the code says which it takes without one."""
    service = "services:\n- type: web\n  name: ear\n  runtime: python\n  plan: free\n  startCommand: uvicorn main:app\n"
    files = {"main.py": STARTUP.format('os.getenv("WHISPER", "base"), compute_type="int8"')}
    found = finding(judge({**files, "render.yaml": f"{service}  envVars: [{{key: WHISPER, sync: false}}]\n"}), "MG604")
    assert "the default, base, takes 242 MiB while it is loaded" in found["fix"]
    assert "the largest that fits is faster-whisper base (int8)" in found["fix"]


def test_what_several_services_cannot_know_is_told_once(judge: Judge) -> None:
    """Two services of one app had a finding each at one call."""
    services = "web: uvicorn main:app\nother: uvicorn main:app --port 9000\n"
    report = judge(
        {"Procfile": services, "main.py": STARTUP.format("os.environ['WHISPER']"), "memguard.toml": 'limit = "4GiB"\n'}
    )
    assert finding(report, "MG604")["message"].startswith("web, other: which model")
    assert [one["verdict"] for one in report["services"]] == ["unknown", "unknown"]
