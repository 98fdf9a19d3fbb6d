"""A walk that is taken whole from an earlier run is the one that would be made now."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from memguard_hooks.imports.choices import Chooser
from memguard_hooks.imports.facts import Facts
from memguard_hooks.imports.frameworks import Framework
from memguard_hooks.imports.graph import Walk, walk
from memguard_hooks.imports.kept_walks import KeptWalks
from memguard_hooks.imports.model import Given, Target
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.imports.sources import SourceFiles
from memguard_hooks.store import Store
from memguard_hooks.tree import WorkTree

FILES = {
    "app.py": """\
import os
from fastapi import FastAPI
from settings import STORE, SIZE
import helpers.first
from work import run, later

app = FastAPI()
if STORE == "faiss":
    import faiss
else:
    import pgvector


@app.on_event("startup")
def prepare():
    if SIZE > 2:
        import scipy


@app.get("/")
def index():
    return run()


def unused():
    import sympy


if __name__ == "__main__":
    import uvicorn
    uvicorn.run("app:app")
""",
    "work.py": """\
import numpy as np

def run():
    return inner()

def inner():
    import torch
    from helpers import second

def other():
    import pandas

class later:
    def __init__(self):
        import jax
""",
    "settings.py": 'import os\nSTORE = "pgvector"\nSIZE = int(os.environ.get("SIZE", "3"))\n',
    "helpers/__init__.py": "",
    "helpers/first.py": "from . import lazy\nname = 'spacy'\nimport importlib\nimportlib.import_module(name)\n",
    "helpers/second.py": """\
import spacy
import helpers.first
from flags import LARGE
importlib.import_module(input())

if LARGE:
    import transformers

def second():
    if LARGE:
        import seaborn
""",
    "flags.py": "from settings import *\nfrom helpers.around import *\nLARGE = SIZE > 3\n",
    "helpers/around.py": "from flags import *\nAROUND = 1\n",
    "helpers/lazy.py": "def __getattr__(name):\n    import litellm\n    return litellm\n",
}  # fmt: skip
GIVEN = Given((("SIZE", "4"),))
LINES = (
    *("", "# A comment", "x = 1", "    pass", "import keras", "    import keras", "    import torch; import keras"),
    *("def added():", "    return run()", "    inner()", "    other()", "later()", "import helpers.second"),
    *("@app.get('/x')", "class A(later):", "if STORE:", 'STORE = "faiss"', "SIZE = 1"),
    *("from flags import *", "from flags import LARGE as SIZE", "if LARGE:", "LARGE = False", "from settings import SIZE"),
)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def follow(
    root: Path, store: Store, given: Given = GIVEN, made: Callable[[Chooser], object] = lambda _: None
) -> tuple[Walk, bool]:
    """Walk from `app`; return also whether a kept walk was taken. What decides the choices is given to `made`."""
    resolver = Resolver(tree := WorkTree(str(root)), ("",))
    sources = SourceFiles(tree, Facts(store), Framework())
    made(chooser := Chooser(sources, resolver, given))
    target = Target((3, 11), is_main=True)
    kept = KeptWalks(sources, resolver, chooser, target, ("app.py", "app", given))
    found = kept.find()
    if found is not None:
        return found, True
    found = walk(sources.prove, resolver, "app.py", "app", target, functions=sources, chooser=chooser)
    kept.keep(found)
    return found, False


def fresh(root: Path, given: Given = GIVEN) -> Walk:
    return follow(root, Store(None), given)[0]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that holds the walk of FILES."""
    write(tmp_path, FILES)
    store = Store(None)
    found, is_kept = follow(tmp_path, store)
    assert not is_kept
    modules = {name for one in found.externals for name in one.names}
    assert {"pgvector", "torch", "spacy", "scipy", "sympy", "uvicorn"} <= modules
    assert "faiss" not in {name for one in found.externals if one.moment == "start" for name in one.names}
    return store


def test_the_same_files_are_not_walked_again(tmp_path: Path, store: Store) -> None:
    found, is_kept = follow(tmp_path, store)
    assert is_kept
    assert found == fresh(tmp_path)


def test_where_a_name_is_computed_does_not_hang_on_how_that_is_said(tmp_path: Path, store: Store) -> None:
    found, is_kept = follow(tmp_path, store)
    assert is_kept
    assert found._replace(skipped=()).computed == fresh(tmp_path).computed == (("helpers/second.py", 4),)


def test_a_walk_that_lacks_a_module_of_the_project_is_kept(tmp_path: Path, store: Store) -> None:
    write(tmp_path, {"helpers/lazy.py": "import helpers.gone\n"})
    found, is_kept = follow(tmp_path, store)
    assert not is_kept
    assert found.unread
    assert follow(tmp_path, store) == (found, True)
    write(tmp_path, {"helpers/gone.py": "import keras\n"})
    assert follow(tmp_path, store) == (fresh(tmp_path), False)


@pytest.mark.parametrize(
    ("name", "before", "after", "is_kept"),
    [
        pytest.param("work.py", "def other", "# A comment\n\ndef other", True, id="lines that move"),
        pytest.param("work.py", "import numpy as np\n", "\nimport numpy as np\n", True, id="an import that moves"),
        pytest.param("work.py", "def run():\n", "def run():\n    '''Two\n    lines.'''\n", True, id="a call that moves"),
        pytest.param("helpers/second.py", "import spacy", "\n\nimport spacy", True, id="a computed name that moves"),
        pytest.param("app.py", "def unused", "# A comment\ndef unused", True, id="a function that nothing calls moves"),
        pytest.param("work.py", "import pandas", "import pandas, keras", False, id="an import of a function"),
        pytest.param("work.py", "inner()\n\n", "other()\n\n", False, id="a call"),
        pytest.param("settings.py", '"pgvector"', '"faiss"', False, id="a constant that decides an import"),
        pytest.param("settings.py", '"3"', '"3" ', True, id="a file that choices hang on says the same"),
        pytest.param("app.py", "SIZE > 2", "SIZE > 5", False, id="a condition"),
        pytest.param("helpers/first.py", "'spacy'", "'nltk'", False, id="a name that is imported by a call"),
        pytest.param("work.py", "import numpy as np", "import numpy as", False, id="what does not parse"),
        pytest.param("helpers/third.py", "", "", False, id="a file more"),
    ],
)
def test_what_says_the_same_is_taken_with_its_lines(
    tmp_path: Path, store: Store, name: str, before: str, after: str, *, is_kept: bool
) -> None:
    text = FILES.get(name, "")
    assert before in text
    write(tmp_path, {name: text.replace(before, after, 1)})
    found, was_kept = follow(tmp_path, store)
    assert found == fresh(tmp_path)
    assert was_kept == is_kept
    assert follow(tmp_path, store)[1], "what is walked anew is kept"


@pytest.mark.parametrize(
    ("files", "name", "read"),
    [
        ({}, "c.py", {"three.py", "c.py"}),
        ({"a.py": "from c import C\nA = C - 1\n"}, "c.py", {"one.py", "three.py", "a.py", "c.py"}),
        ({"a.py": "from b import *\nA = 1\n", "b.py": "from a import *\nB = 2\n"}, "c.py", None),
    ],
    ids=["one of them reads it", "what one of them reads reads it", "a circle, of which the first one counts"],
)
def test_only_choices_that_read_a_changed_file_are_asked_anew(
    tmp_path: Path, files: dict[str, str], name: str, read: set[str] | None
) -> None:
    written = {"app.py": "import one, two, three\n", "a.py": "A = 1\n", "b.py": "B = 2\n", "c.py": "C = 3\n"}
    for number, constant in (("one", "A"), ("two", "B"), ("three", "C")):
        written[f"{number}.py"] = f"from {constant.lower()} import {constant}\nif {constant} > 3:\n    import torch\n"
    every = written.keys() - {"app.py"}
    write(tmp_path, {**written, **files})
    store = Store(None)
    assert not follow(tmp_path, store)[1]
    with (tmp_path / name).open("a") as file:
        file.write("# A comment\n")
    asked: list[Chooser] = []
    assert follow(tmp_path, store, made=asked.append)[1]
    assert set(asked[0].read()) == (every if read is None else read)


def test_a_file_that_cannot_be_read_any_more(tmp_path: Path, store: Store) -> None:
    (tmp_path / "work.py").write_bytes(b"# \xff\n")
    found, is_kept = follow(tmp_path, store)
    assert not is_kept
    assert found == fresh(tmp_path)
    assert [one.path for one in found.skipped] == ["work.py"]


def test_other_variables_are_walked_anew(tmp_path: Path, store: Store) -> None:
    given = Given((("SIZE", "1"),))
    found, is_kept = follow(tmp_path, store, given)
    assert not is_kept
    assert found == fresh(tmp_path, given) != fresh(tmp_path)


OPEN = FILES["app.py"].replace('STORE == "faiss"', 'os.environ.get("DB") == "faiss"')
"""With a choice that only a run decides."""


@pytest.mark.parametrize("way", ["", ".<0.0>", ".<0.1>"], ids=["neither way", "one way", "the other way"])
def test_a_walk_with_a_way_chosen_is_kept_for_itself(tmp_path: Path, way: str) -> None:
    write(tmp_path, {**FILES, "app.py": OPEN})
    ((place, ways),) = fresh(tmp_path).open
    assert ways == (".<0.0>", ".<0.1>")
    store = Store(None)
    given = GIVEN._replace(chosen=((place, (way,)),))
    assert not follow(tmp_path, store)[1]
    assert not follow(tmp_path, store, given)[1]
    write(tmp_path, {"app.py": OPEN.replace("def unused", "# A comment\ndef unused")})
    assert follow(tmp_path, store, given) == (fresh(tmp_path, given), True)
    write(tmp_path, {"app.py": OPEN.replace('if os.environ.get("DB")', "if SIZE < 9:\n    import keras\nelif STORE")})
    found, is_kept = follow(tmp_path, store, given)
    assert not is_kept
    assert found._replace(asked={}) == fresh(tmp_path, given)._replace(asked={})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(40 * metafunc.config.getoption("times")))


def test_any_edit_gives_the_walk_of_an_empty_store(tmp_path: Path, store: Store, seed: int) -> None:
    """One edit on another, of which many are taken from what was kept."""
    choose = random.Random(seed)  # noqa: S311 - the same edits each time
    files = dict(FILES)
    given = GIVEN
    if seed % 5 > 2:  # with the way chosen of a choice that only a run decides
        files["app.py"] = OPEN
        given = GIVEN._replace(chosen=((("app.py", ".<0>"), (f".<0.{seed % 2}>",)),))
    if seed % 4 < 2:  # without a circle only some choices are asked anew
        files["helpers/around.py"] = "AROUND = 1\n"
    write(tmp_path, files)
    taken = 0
    for _ in range(12):
        name = choose.choice(sorted(files))
        lines = files[name].splitlines()
        place = choose.randrange(len(lines) + 1)
        kind = choose.randrange(4)
        if kind < 2 or not lines:
            lines.insert(place, choose.choice(LINES[:2] if kind else LINES))
        elif kind == 2:
            del lines[min(place, len(lines) - 1)]
        else:
            lines[min(place, len(lines) - 1)] = choose.choice(LINES)
        files[name] = "".join(f"{line}\n" for line in lines)
        write(tmp_path, {name: files[name]})
        found, is_kept = follow(tmp_path, store, given)
        # What follows an earlier log may have asked for more than it needs by now.
        assert found._replace(asked={}) == fresh(tmp_path, given)._replace(asked={})
        taken += is_kept
    assert taken or seed % 2, "an edit of lines alone is among them"


def test_what_somebody_else_wrote_is_not_believed(tmp_path: Path, store: Store) -> None:
    """Each value of the kept walk, replaced by one of another type."""
    resolver = Resolver(tree := WorkTree(str(tmp_path)), ("",))
    sources = SourceFiles(tree, Facts(store), Framework())
    kept = KeptWalks(sources, resolver, Chooser(sources, resolver, GIVEN), Target((3, 11), is_main=True),
                     ("app.py", "app", GIVEN))  # fmt: skip
    name = (b"whole", kept.key, b"0")
    whole = store.get(*name)
    expected = fresh(tmp_path)
    places = list(_places(whole))
    assert len(places) > 300
    for place in places[:: max(1, len(places) // 150)]:
        values: tuple[object, ...] = (None, [], -7, "x")
        for value in values:
            other = json.loads(json.dumps(whole))
            inner = other
            for index in place[:-1]:
                inner = inner[index]
            inner[place[-1]] = value
            store.put(other, *name)
            found = kept.find()
            assert found is None or _types(found) == _types(expected)
            if found is not None:
                hash(found.externals[0].names)


def _places(value: object, here: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    if not isinstance(value, list):
        return [here]
    return [here, *(place for number, one in enumerate(value) for place in _places(one, (*here, number)))][not here :]


def _types(found: Walk) -> list[type]:
    return [type(one) for one in found]
