"""`[fix] style`: modules of the project that load libraries when something of these is used, as Python runs it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import write

from memguard_hooks.hooks.no_eager_heavy_imports import main

LIBRARY = {
    "lib/litellm/__init__.py": (
        "import builtins, time\n"
        "builtins.loads_of_litellm = getattr(builtins, 'loads_of_litellm', 0) + 1\n"
        "time.sleep(0.05)\n"
        "from . import sub\n"
        "value = 1\n"
        "class Table(list): pass\n"
        "class Odd(Exception): pass\n"
        "def completion(text: str) -> str:\n    return f'{text}!'\n"
        "def get() -> int:\n    return value\n"
    ),
    "lib/litellm/sub.py": "deep = 5\n",
    "lib/google/generativeai/__init__.py": "def ask(text: str) -> str:\n    return f'{text}?'\n",
    "lib/litellm/py.typed": "",
}
APP = {"Procfile": "web: python main.py\n", "main.py": "import app.api\n\nprint(app.api)\n", "app/__init__.py": ""}

STYLES = ["module-getattr", "lazy-module"]

USES = {
    "called": ("import litellm\n", "def use():\n    return litellm.completion('a')\n"),
    "alias": ("import litellm as llm\n", "def use():\n    return llm.completion('a'), llm.value\n"),
    "below another module": ("import google.generativeai as genai\n", "def use():\n    return genai.ask('a')\n"),
    "a submodule of it": ("import litellm\n", "def use():\n    return litellm.sub.deep\n"),
    "with another": ("import os, litellm\n", "def use():\n    return litellm.value, os.sep\n"),
    "before another": ("import litellm as llm, os\n", "def use():\n    return llm.value, os.sep\n"),
    "with a comment": ("import litellm  # for answers\n", "def use():\n    return litellm.value\n"),
    "behind a semicolon": ("x = 0; import litellm\n", "def use():\n    return litellm.value\n"),
    "before a semicolon": ("import litellm; x = 0\n", "def use():\n    return litellm.value\n"),
    "both": (
        "import litellm\nimport google.generativeai as genai\n",
        "def use():\n    return genai.ask(litellm.completion('a'))\n",
    ),
    "both in one": (
        "import litellm, google.generativeai as genai\n",
        "def use():\n    return genai.ask(litellm.completion('a'))\n",
    ),
    "an exception": (
        "import litellm\n",
        "def use():\n    try:\n        raise litellm.Odd(1)\n    except litellm.Odd as odd:\n        return odd.args\n",
    ),
    "a class": ("import litellm\n", "def use():\n    return isinstance(litellm.Table(), litellm.Table)\n"),
    "an annotation": ("import litellm\n", "def use(one: litellm.Table = None):\n    return litellm.value\n"),
    "nested": ("import litellm\n", "def use():\n    def inner():\n        return litellm.value\n    return inner()\n"),
    "a method": (
        "import litellm\n",
        "class A:\n    def get(self):\n        return litellm.value\n\n\ndef use():\n    return A().get()\n",
    ),
    "a comprehension": ("import litellm\n", "def use():\n    return [litellm.value for _ in range(3)]\n"),
    "its version": ("import litellm\n", "def use():\n    return getattr(litellm.sub, 'none', litellm.value)\n"),
}
"""An import of a library, and what uses it."""

BY_FUNCTION = {
    "a name of it": ("from litellm import completion\n", "def use():\n    return completion('a')\n"),
    "a submodule by its name": ("import google.generativeai\n", "def use():\n    return google.generativeai.ask('a')\n"),
    "handed on": ("import litellm\n", "def use():\n    return vars(litellm)['value']\n"),
    "its own name": ("import litellm\n", "def use():\n    return litellm.__name__\n"),
    "bound again elsewhere": (
        "import litellm\n",
        "def use():\n    return litellm.value\ndef f():\n    litellm = 1; return litellm\n",
    ),
}
"""What nothing can stand for: these imports move into functions all the same."""


def fixed(root: Path, style: str, files: dict[str, str]) -> str:
    """Write an application, fix it in a style, and return the file that uses a library."""
    write(root, LIBRARY | APP | {"memguard.toml": f'exclude = ["lib"]\n\n[fix]\nstyle = "{style}"\n'} | files)
    assert main(["--to-start"]) == 1
    return (root / "app/api.py").read_text(encoding="utf-8")


ASKS = """
import sys
sys.path[:0] = [{lib!r}, {root!r}]
import app.api
print([name for name in ("litellm", "google.generativeai") if name in sys.modules])
print(app.api.use())
print([name for name in ("litellm", "google.generativeai") if name in sys.modules])
"""


def ran(root: Path) -> list[str]:
    """Let Python load the application and call what uses the library: what is loaded before, the answer, and after."""
    code = ASKS.format(lib=str(root / "lib"), root=str(root))
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in (USES | BY_FUNCTION).items()])
def test_a_library_is_loaded_once_it_is_used(tmp_path: Path, style: str, case: tuple[str, str]) -> None:
    before = f"{case[0]}\n\n{case[1]}"
    write(tmp_path, LIBRARY | APP | {"app/api.py": before})
    eager, was, loaded = ran(tmp_path)
    assert eager == loaded != "[]"
    after = fixed(tmp_path, style, {"app/api.py": before})
    assert ran(tmp_path) == ["[]", was, loaded]
    assert ("lazy_" in after) is (case in USES.values())
    assert main(["--to-start"]) == 0  # nothing is left to do
    assert (tmp_path / "app/api.py").read_text(encoding="utf-8") == after


def test_what_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = "import litellm as llm\n\n\ndef use(one: llm.Table) -> str:\n    return llm.completion('a')\n"
    after = fixed(tmp_path, "module-getattr", {"app/api.py": source})
    assert after == (
        "from app import lazy_litellm as llm\n\n\ndef use(one: \"llm.Table\") -> str:\n    return llm.completion('a')\n"
    )
    told = capsys.readouterr().err
    assert "app/api.py:1: made lazy: litellm, by `from app import lazy_litellm as llm`\n" in told
    assert "app/lazy_litellm.py:1: written: it loads what is asked of it\n" in told


def test_one_module_for_all(tmp_path: Path) -> None:
    source = "import google.generativeai as genai\n\n\ndef use():\n    return genai.ask('a')\n"
    other = "import litellm\n\n\ndef use():\n    return litellm.value\n"
    files = {"app/api.py": source, "main.py": "import app.api\nimport app.more.other\n", "app/more/__init__.py": ""}
    after = fixed(tmp_path, "lazy-module", {**files, "app/more/other.py": other})
    assert after.startswith("from app.lazy_imports import google_generativeai as genai\n")
    assert (tmp_path / "app/more/other.py").read_text(encoding="utf-8").startswith("from app.lazy_imports import litellm\n")
    written = (tmp_path / "app/lazy_imports.py").read_text(encoding="utf-8")
    assert 'litellm = LazyModule("litellm")\n' in written
    # What comes later stands beside what is there.
    write(tmp_path, {"app/third.py": "import torch\n\n\ndef use():\n    return torch.tensor(1)\n"})
    write(tmp_path, {"main.py": "import app.api\nimport app.more.other\nimport app.third\n"})
    assert main(["--to-start"]) == 1
    more = (tmp_path / "app/lazy_imports.py").read_text(encoding="utf-8")
    assert more.replace("    import torch as torch\n", "").replace('    torch = LazyModule("torch")\n', "") == written


@pytest.mark.parametrize("style", STYLES)
def test_a_file_of_that_name_is_left_as_it_is(tmp_path: Path, style: str) -> None:
    own = {"app/lazy_litellm.py": "value = 1\n", "app/lazy_imports.py": "value = 2\n"}
    source = "import litellm\n\n\ndef use():\n    return litellm.value\n"
    after = fixed(tmp_path, style, {"app/api.py": source, **own})
    assert after == "def use():\n    import litellm\n\n    return litellm.value\n"
    assert [(tmp_path / name).read_text(encoding="utf-8") for name in own] == [*own.values()]


def test_values_are_set_on_the_library(tmp_path: Path) -> None:
    source = "import litellm\n\n\ndef use():\n    litellm.value = 7\n    return litellm.get()\n"
    after = fixed(tmp_path, "lazy-module", {"app/api.py": source})
    assert "LazyModule" in (tmp_path / "app/lazy_imports.py").read_text(encoding="utf-8")
    assert after.startswith("from app.lazy_imports import litellm\n")
    assert ran(tmp_path)[1] == "7"
    # A module with `__getattr__` would keep the value for itself.
    assert fixed(tmp_path, "module-getattr", {"app/api.py": source}).startswith("def use():\n    import litellm\n")
    assert ran(tmp_path)[1] == "7"


@pytest.mark.parametrize("style", STYLES)
def test_threads_load_a_library_once(tmp_path: Path, style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed(tmp_path, style, {"app/api.py": USES["called"][0] + USES["called"][1]})
    for name in [one for one in sys.modules if one.partition(".")[0] in ("app", "litellm")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    import app.api  # type: ignore[import-not-found]

    assert "litellm" not in sys.modules
    monkeypatch.setattr("builtins.loads_of_litellm", 0, raising=False)
    answers: list[object] = []
    together = threading.Barrier(8)

    def ask(use: Callable[[], object]) -> None:
        together.wait()
        answers.append(use())

    threads = [threading.Thread(target=ask, args=(app.api.use,)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    import builtins

    assert answers == ["a!"] * 8
    assert builtins.loads_of_litellm == 1  # type: ignore[attr-defined]
    for name in [one for one in sys.modules if one.partition(".")[0] in ("app", "litellm")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("style", STYLES)
def test_types_are_those_of_the_library(tmp_path: Path, style: str) -> None:
    source = (
        "import litellm\n\n\ndef use(one: litellm.Table) -> str:\n    return litellm.completion('a')\n"
        "\n\ndef wrong() -> int:\n    return litellm.completion('a')\n"
    )
    write(tmp_path, LIBRARY | APP | {"app/api.py": source})

    def errors() -> list[str]:
        command = [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-incremental",
            "--cache-dir",
            str(tmp_path / "cache"),
            "app",
        ]
        asked = subprocess.run(
            command, cwd=tmp_path, env={"MYPYPATH": "lib", "PATH": ""}, capture_output=True, text=True, check=False
        )
        return [line.partition(": ")[2] for line in asked.stdout.splitlines() if line.startswith("app/")]

    was = errors()
    assert was == ['error: Incompatible return value type (got "str", expected "int")  [return-value]']
    fixed(tmp_path, style, {"app/api.py": source})
    assert errors() == was
    lints = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821,F401,F811", "app"]
    assert subprocess.run(lints, cwd=tmp_path, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("style", STYLES)
def test_tests_go_on_patching_the_name(tmp_path: Path, style: str) -> None:
    test = (
        "from unittest.mock import patch\n\nimport app.api\n\n\ndef test():\n"
        "    with patch('app.api.litellm.completion', return_value='b'):\n        assert app.api.use() == 'b'\n"
        "    assert app.api.use() == 'a!'\n"
        "    with patch('app.api.litellm') as fake:\n        fake.completion.return_value = 'c'\n"
        "        assert app.api.use() == 'c'\n\n\ntest()\n"
    )
    source = "import litellm\n\n\ndef use():\n    return litellm.completion('a')\n"
    write(tmp_path, {"test_api.py": test})
    assert "lazy_" in fixed(tmp_path, style, {"app/api.py": source})
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = ['lib', '.']; exec({test!r})"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("style", STYLES)
def test_a_name_that_is_patched_stays_where_nothing_can_stand_for_it(tmp_path: Path, style: str) -> None:
    source = "import litellm\n\n\ndef use():\n    return vars(litellm)\n"
    write(
        tmp_path,
        LIBRARY | APP | {"app/api.py": source, "test_api.py": "from mock import patch\n\npatch('app.api.litellm')\n"},
    )
    write(tmp_path, {"memguard.toml": f'exclude = ["lib"]\n\n[fix]\nstyle = "{style}"\n'})
    assert main(["--to-start"]) == 1
    assert (tmp_path / "app/api.py").read_text(encoding="utf-8") == source


# Modules that the settings name

NAMED = {"memguard.toml": 'exclude = ["lib"]\n\n[heavy]\nonly-through = { litellm = "app.llm" }\n'}


def test_what_only_a_module_may_load_comes_from_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        "import litellm\n\n\ndef use():\n    return litellm.completion('a'), other()\n"
        "\n\ndef other():\n    from litellm import (\n        value,\n        get as got,\n    )\n    return value, got()\n"
    )
    write(tmp_path, LIBRARY | APP | {"app/api.py": source})
    _, was, loaded = ran(tmp_path)
    write(tmp_path, NAMED)
    assert main(["--to-start"]) == 1
    told = capsys.readouterr().err
    assert "app/llm.py:1: written: litellm behind `__getattr__`\n" in told
    assert ran(tmp_path) == ["[]", was, loaded]
    after = (tmp_path / "app/api.py").read_text(encoding="utf-8")
    assert "    from app import llm as litellm\n" in after
    assert "    from app.llm import value\n    from app.llm import get as got\n" in after
    assert main(["--to-start"]) == 0
    assert (tmp_path / "app/api.py").read_text(encoding="utf-8") == after


CANNOT = {
    "a name that it lacks": ("from litellm import get", "app/llm.py has no get"),
    "an attribute that it lacks": ("import litellm; litellm.get()", "app/llm.py has no get"),
    "all below": ("import litellm.sub", "app.llm stands for litellm, and not for litellm.sub"),
    "a name below": ("from litellm.sub import deep", "app.llm stands for litellm, and not for litellm.sub"),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CANNOT.items()])
def test_what_a_module_does_not_have_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: tuple[str, str]
) -> None:
    own = "def completion(text):\n    import litellm\n\n    return litellm.completion(text)\n"
    source = f"def use():\n    {case[0]}\n    return 1\n"
    write(tmp_path, LIBRARY | APP | NAMED | {"app/api.py": source, "app/llm.py": own})
    assert main(["--to-start"]) == 1
    assert f"app/api.py:2: left: litellm: {case[1]}\n" in capsys.readouterr().err
    assert (tmp_path / "app/api.py").read_text(encoding="utf-8") == source
