"""Files that load later because what they import has to: which may, what holds the others, and that the app still works."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.hooks import no_eager_heavy_imports
from memguard_hooks.hooks.no_eager_heavy_imports import main
from memguard_hooks.project.project import Project
from memguard_hooks.project.settings import load
from memguard_hooks.tree import WorkTree

HEAVY = "class Frame(list):\n    pass\n\n\nclass Client:\n    def ask(self, text):\n        return text.upper()\n"
MAIN = """\
from services import nlp
from services.texts import GREETING

print(GREETING)


def handle(text):
    return nlp.answer(text)
"""
NLP = """\
from pandas import Client

client = Client(**{})


def answer(text):
    return client.ask(text)
"""
APP = {
    "Procfile": "worker: python main.py\n",
    "requirements.txt": "pandas\n",
    "main.py": MAIN,
    "services/__init__.py": "",
    "services/texts.py": "GREETING = 'hello'\n",
    "services/nlp.py": NLP,
    "lib/pandas.py": HEAVY,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(call: str) -> list[str]:
    """Run the app: say whether it loads the library as it starts, and what a call of it returns."""
    code = f"import main, sys\nprint('pandas' in sys.modules)\nprint(main.{call})\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": "lib"},
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()[-2:]


def fix(capsys: pytest.CaptureFixture[str]) -> str:
    """Run the hook, which writes nothing the second time, and return what it told the first time."""
    capsys.readouterr()
    main(["--fix", "--to-start"])
    told = capsys.readouterr().err
    texts = {path: path.read_bytes() for path in Path().rglob("*.py")}
    main(["--fix", "--to-start"])
    assert {path: path.read_bytes() for path in Path().rglob("*.py")} == texts
    return told


MOVED = {
    "client": {},
    "a-base": {"services/nlp.py": "import pandas\n\n\nclass Asker(pandas.Client):\n    pass\n\n\nanswer = Asker().ask\n"},
    "a-name-of-it": {"main.py": "from services.nlp import answer\n\n\ndef handle(text):\n    return answer(text)\n"},
    "relative": {
        "main.py": "from services import api\n\n\ndef handle(text):\n    return api.handle(text)\n",
        "services/api.py": "from .nlp import answer\n\n\ndef handle(text):\n    return answer(text)\n",
    },
    "the-file-above-where-the-next-is-held-too": {
        "main.py": "from services import api\n\n\ndef handle(text):\n    return api.handle(text)\n",
        "services/api.py": "from services.nlp import answer\n\nhandle = answer\n",
    },
    "try": {
        "services/nlp.py": (
            "try:\n    import pandas\nexcept ImportError:\n    print('none')\n    pandas = {}\n\n\n"
            "def answer(text):\n    return pandas.Client().ask(text)\n"
        )
    },
    "a-class-that-builds-it": {
        "services/nlp.py": (
            "import pandas\n\n\nclass Service:\n    def __init__(self):\n        self._set_up()\n\n"
            "    def _set_up(self):\n        self.client = pandas.Client()\n\n\n"
            "service = Service()\nanswer = service.client.ask\n"
        )
    },
    "own-settings-of-the-library": {
        "services/nlp.py": (
            "import logging\n\nimport pandas\n\nlogger = logging.getLogger(__name__)\nlogger.info('here')\n"
            "if not logger.disabled:\n    pandas.level = 2\n"
            "client = pandas.Client()\n\n\ndef answer(text):\n    return client.ask(text)\n"
        )
    },
}


@pytest.mark.parametrize("files", MOVED.values(), ids=MOVED)
def test_a_file_that_holds_a_library_loads_later(
    folder: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str]
) -> None:
    write(folder, APP | files)
    assert started("handle('a')") == ["True", "A"]
    kept = Path("services/nlp.py").read_bytes()
    told = fix(capsys)
    assert "moved: " in told
    assert started("handle('a')") == ["False", "A"]
    assert Path("services/nlp.py").read_bytes() == kept


STAYS = {
    "registers": (
        {"services/nlp.py": f"from services.texts import KNOWN\n{NLP}\nKNOWN.append(answer)\n"},
        "services/texts.py",
        "GREETING = 'hello'\nKNOWN = []\n",
        "it calls KNOWN.append()",
    ),
    "registers-by-a-decorator": (
        {"services/nlp.py": f"from services.texts import known\n{NLP}\nanswer = known.register(answer)\n"},
        "services/texts.py",
        "GREETING = 'hello'\n\n\nclass Known:\n    def register(self, one):\n        return one\n\n\nknown = Known()\n",
        "it calls known.register()",
    ),
    "a-base-that-notes-its-classes": (
        {"services/nlp.py": f"from services.texts import Base\n{NLP}\n\nclass One(Base):\n    pass\n"},
        "services/texts.py",
        "GREETING = 'hello'\n\n\nclass Base:\n    def __init_subclass__(cls):\n        print(cls)\n",
        "it makes class One, which Base notes",
    ),
    "sets-the-environment": (
        {"services/nlp.py": f"import os\n\nos.environ['A'] = '1'\n{NLP}"},
        "services/texts.py",
        "GREETING = 'hello'\n",
        "it sets `os.environ['A']`",
    ),
    "refuses-to-start": (
        {"services/nlp.py": f"import os\n\nif not os.getenv('PATH'):\n    raise SystemExit\n{NLP}"},
        "services/texts.py",
        "GREETING = 'hello'\n",
        "it refuses to start",
    ),
    "starts-a-thread-in-a-class": (
        {
            "services/nlp.py": (
                f"import threading\n{NLP}\n\nclass Work:\n    def __init__(self):\n"
                "        threading.Thread(target=print, daemon=True).start()\n\n\nwork = Work()\n"
            )
        },
        "services/texts.py",
        "GREETING = 'hello'\n",
        "it calls threading.Thread(target=print, daemon=True).start()",
    ),
    "makes-a-folder": (
        {"services/nlp.py": f"from pathlib import Path\n\nPath('made').mkdir(exist_ok=True)\n{NLP}"},
        "services/texts.py",
        "GREETING = 'hello'\n",
        "it calls Path('made').mkdir()",
    ),
    "hears-the-log": (
        {"services/nlp.py": f"import logging\n\nlogger = logging.getLogger()\nlogger.addHandler(None)\n{NLP}"},
        "services/texts.py",
        "GREETING = 'hello'\n",
        "it calls logger.addHandler()",
    ),
    "patches-it-in-a-test": (
        {"tests/test_main.py": "import main\nfrom unittest.mock import patch\n\npatch.object(main, 'nlp')\n"},
        "services/texts.py",
        "GREETING = 'hello'\n",
        "tests/test_main.py:4 patches nlp in it",
    ),
    "used-as-the-app-starts": (
        {"main.py": f"{MAIN}\n\nprint(handle('b'))\n"},
        "services/texts.py",
        "GREETING = 'hello'\n",
        "handle() uses it, and runs while the app loads",
    ),
    "used-at-the-module-level": (
        {"main.py": f"{MAIN}\n\nknown = nlp.answer\n"},
        "services/texts.py",
        "GREETING = 'hello'\n",
        "uses it at module level, while the file loads",
    ),
}


@pytest.mark.parametrize(("files", "path", "text", "reason"), STAYS.values(), ids=STAYS)
def test_what_others_may_wait_for_stays(
    folder: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], path: str, text: str, reason: str
) -> None:
    write(folder, APP | {path: text} | files)
    before = {one: one.read_bytes() for one in folder.rglob("*.py")}
    told = fix(capsys)
    assert reason in told
    assert {one: one.read_bytes() for one in folder.rglob("*.py")} == before


LATER = "import this file later, in the functions that use it, not in main.py:1: line 3 uses it at module level"
GETTER = "line 3 uses it at module level, while the file loads; build client in a function with `@functools.cache`"
ADVICE = {
    "its imports can move": ({}, LATER, True),
    "they cannot, and functions alone use what is built": ({"main.py": MAIN + "\nSEEN = [nlp]\n"}, GETTER, False),
    "a class, which --fix builds later": (
        {"main.py": MAIN + "\nSEEN = [nlp]\n", "services/nlp.py": NLP.replace("**{}", "")},
        "uses it, and build client in a function with `@functools.cache`: line 3 uses it at module level",
        True,
    ),
    "it is used at once": (
        {"main.py": MAIN + "\nSEEN = [nlp]\n", "services/nlp.py": NLP + "\nclient.ask('a')\n"},
        "",
        False,
    ),
    "an attribute of it is set": (
        {
            "services/nlp.py": "import pandas\n\npandas.key = 'a'\n\n\ndef answer(text):\n    return pandas.ask(text)\n",
            "main.py": MAIN + "\nSEEN = [nlp]\n",
        },
        "move the import into the function that uses it, and set pandas.key there too: line 3 uses it at module level",
        True,
    ),
    "it registers something": (
        {"services/nlp.py": f"import atexit\n{NLP}\natexit.register(print)\n"},
        GETTER.replace("3", "4"),
        False,
    ),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in ADVICE.items()])
def test_the_finding_tells_what_can_be_done(folder: Path, case: tuple[dict[str, str], str, bool]) -> None:
    files, text, is_fixable = case
    write(folder, APP | {"memguard.toml": 'exclude = ["lib"]\n'} | files)
    tree = WorkTree(str(folder))
    found = [one for one in no_eager_heavy_imports.check(Project(tree, load(tree)[0])).findings if one.code == "MG201"]
    assert [one.is_fixable for one in found] == [is_fixable]
    assert text in found[0].fix[0]
    assert ("@functools.cache" in found[0].fix[0]) is ("@functools.cache" in text)


@pytest.mark.parametrize("files", [
    pytest.param({"main.py": f"import pandas\nimport a{'.a' * 20_000}\n\ndef f():\n    return pandas\n"}, id="names"),
    pytest.param({"main.py": "import big\n", "held.py": "import pandas\nX = pandas.DataFrame()\n",
                  "big.py": f"import held\ndef f(a):\n    return [{'a,' * 200_000}]\n\ndef g():\n    return held.X\n"},
                 id="a file that imports one later"),
])  # fmt: skip
def test_advice_parses_nothing_beyond_the_bounds(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parsed, either takes hundreds of MiB."""
    write(tmp_path, {"Procfile": "web: python main.py\n", "requirements.txt": "pandas==2.2.3\n", **files})
    monkeypatch.chdir(tmp_path)
    tracemalloc.start()
    try:
        assert main([]) == 1
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()
    assert "MG201 pandas" in capsys.readouterr().out
