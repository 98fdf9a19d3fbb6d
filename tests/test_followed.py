"""What a walk has kept of following functions answers later ones, as long as it is what following would give."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from memguard_hooks.git import name_of_blob
from memguard_hooks.imports.choices import Chooser
from memguard_hooks.imports.facts import Facts
from memguard_hooks.imports.followed import Earlier
from memguard_hooks.imports.graph import Walk, walk
from memguard_hooks.imports.model import NOTHING_GIVEN, Target
from memguard_hooks.imports.reached import Reach
from memguard_hooks.imports.resolve import Resolver
from memguard_hooks.imports.sources import SourceFiles
from memguard_hooks.store import Store
from memguard_hooks.tree import WorkTree

APP = """\
from fastapi import FastAPI
import helpers.first
from work import run

app = FastAPI()
app.include_router(None)


@app.get("/")
def index():
    return run()
"""
WORK = """\
def run():
    return inner()

def inner():
    import torch

def other():
    import pandas
"""
FILES = {
    "app.py": APP,
    "work.py": WORK,
    "helpers/__init__.py": "",
    "helpers/first.py": "",
    "helpers/second.py": "import spacy\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def follow(root: Path, store: Store) -> tuple[Walk, int]:
    """Walk from `app`; return also how many kept walks fit what there is now."""
    tree = WorkTree(str(root))
    resolver = Resolver(tree, ("",))
    sources = SourceFiles(tree, Facts(store))
    fitting = len(list(Earlier(sources, resolver, ("app.py", "app", "all", "")).logs()))
    found = walk(
        sources.prove,
        resolver,
        "app.py",
        "app",
        Target(),
        functions=sources,
        chooser=Chooser(sources, resolver, NOTHING_GIVEN),
    )
    return found, fitting


def fresh(root: Path) -> Walk:
    return follow(root, Store(None))[0]


def test_what_a_walk_has_asked_waits_for_no_collector(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    gc.collect()
    gc.disable()
    try:
        fresh(tmp_path)
        assert not [one for one in gc.get_objects() if isinstance(one, Reach)]
    finally:
        gc.enable()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that holds the walk of FILES."""
    write(tmp_path, FILES)
    store = Store(None)
    assert follow(tmp_path, store)[1] == 0
    return store


def test_moved_lines_are_told_and_nothing_is_followed_again(tmp_path: Path, store: Store) -> None:
    write(tmp_path, {"app.py": f"# A comment\n\n{APP}", "work.py": f"# Another\n{WORK}"})
    found, fitting = follow(tmp_path, store)
    assert fitting == 1
    assert found == fresh(tmp_path)
    (torch,) = (one for one in found.externals if one.names == ("torch",))
    assert (
        torch.call
        == "in function inner, called by run at work.py:3, called by index at app.py:13, given to @app.get at app.py:11"
    )


@pytest.mark.parametrize(
    ("change", "fitting"),
    [
        pytest.param({"work.py": WORK.replace("return inner()", "return other()")}, 0, id="a call"),
        pytest.param({"app.py": APP.replace("@app.get", "@later")}, 0, id="a decorator"),
        pytest.param({"work/__init__.py": "def run():\n    import litellm\n"}, 0, id="a package in place of a module"),
        pytest.param({"app.py": APP.replace("helpers.first", "helpers.second")}, 1, id="an import that binds the same name"),
        pytest.param({"work.py": "def run(:\n"}, 0, id="what cannot be read"),
    ],
)
def test_a_change_is_followed(tmp_path: Path, store: Store, change: dict[str, str], fitting: int) -> None:
    before = fresh(tmp_path)
    write(tmp_path, change)
    found, fits = follow(tmp_path, store)
    assert found == fresh(tmp_path) != before
    assert fits == fitting


def test_folders_that_hold_no_modules_change_nothing(tmp_path: Path, store: Store) -> None:
    write(tmp_path, {"__pycache__/app.pyc": "", ".venv/pyvenv.cfg": "", "helpers/notes.txt": ""})
    assert follow(tmp_path, store)[1] == 1


def test_two_branches_take_turns(tmp_path: Path, store: Store) -> None:
    texts = [WORK.replace("return inner()", f"call_{number}()\n    return inner()") for number in range(6)]
    for text in texts:
        write(tmp_path, {"work.py": text})
        assert follow(tmp_path, store)[1] == 0
    assert follow(tmp_path, store)[1] == 1
    write(tmp_path, {"work.py": texts[3]})
    assert follow(tmp_path, store)[1] == 1
    write(tmp_path, {"work.py": texts[1]})
    assert follow(tmp_path, store)[1] == 0


ADDED = """\
def added(rows):
    def within():
        return other()
    return within


"""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{WORK}\n\n{ADDED}", id="a function behind the others"),
        pytest.param(f"{ADDED}{WORK}", id="a function before the others"),
        pytest.param(WORK.replace("import pandas", "import pandas, spacy"), id="an import of a function that nothing calls"),
        pytest.param(
            WORK.replace("def other():", "def other():\n    unknown()"), id="a call of a function that nothing calls"
        ),
        pytest.param(f"import os\n{WORK}\nLIMIT = os.cpu_count()\n", id="a name"),
    ],
)
def test_what_nothing_asks_for_is_not_followed_again(tmp_path: Path, store: Store, text: str) -> None:
    """The same walk as a fresh one, with its lines, and what is kept of it answers the next walk at once."""
    write(tmp_path, {"work.py": text})
    is_asked = text.startswith("import os")  # the statements of a file run
    found, fitting = follow(tmp_path, store)
    assert found == fresh(tmp_path)
    assert bool(fitting) != is_asked
    (torch,) = (one for one in found.externals if one.names == ("torch",))
    line = text[: text.index("return inner()")].count("\n") + 1
    assert f"called by run at work.py:{line}" in torch.call
    write(tmp_path, {"work.py": f"# A comment\n{text}"})
    found, fitting = follow(tmp_path, store)
    assert found == fresh(tmp_path)
    assert fitting


@pytest.mark.parametrize("row", [None, ["work.py"], ["work.py", "xy", "", []], ["work.py", "00", "", [["name"]]],
                                 ["work.py", "00", "", [["else", "run"]]]])  # fmt: skip
def test_questions_that_somebody_else_wrote_are_not_believed(tmp_path: Path, store: Store, row: object) -> None:
    key = repr((("",), "app.py", "app", "all", "")).encode()
    kept = store.get(b"asked", key, b"0")
    assert isinstance(kept, list)
    store.put([*kept, row], b"asked", key, b"0")
    write(tmp_path, {"work.py": f"{WORK}\n\n{ADDED}"})
    assert follow(tmp_path, store) == (fresh(tmp_path), 0)


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        ["look", 10**6, "start"],
        ["look", -1, "start"],
        ["look", 0, "never"],
        ["ran", "app.py", "index", "start", "called", "app.py", 0, 10**6],
        ["ran", "app.py", "index", "start", "called", "app.py", "1", 0],
        ["named", "app.py", 0, "work", "start"],
        ["else"],
    ],
)
def test_what_somebody_else_wrote_into_the_store_is_not_believed(tmp_path: Path, store: Store, row: object) -> None:
    tree = WorkTree(str(tmp_path))
    resolver = Resolver(tree, ("",))
    key = repr((resolver.roots, "app.py", "app", "all", "")).encode()
    log = store.get(b"walk", key, b"0")
    assert isinstance(log, list)
    store.put([*log, row], b"walk", key, b"0")
    found, fitting = follow(tmp_path, store)
    assert fitting == 0
    assert found == fresh(tmp_path)


@pytest.mark.parametrize("row", [None, ["shape"], ["shape", "1 x"], ["shape", 1], [1, "1"]])
def test_places_of_another_shape_are_found_again(tmp_path: Path, row: object) -> None:
    write(tmp_path, FILES)
    store = Store(None)
    for text in (APP, WORK):
        store.put(row, b"places", name_of_blob(text.encode()))
    assert follow(tmp_path, store)[0] == fresh(tmp_path)
