"""The names of models are found through the code of a project, and none is ever taken for another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from work import at_most

from memguard_hooks.models.calls import ModelCall, find_calls
from memguard_hooks.models.evaluation import WorkLeft
from memguard_hooks.models.folding import Folding
from memguard_hooks.models.loaders import may_load
from memguard_hooks.models.values import RunContext, Sources

SHAPES = os.path.join(os.path.dirname(__file__), "data", "models")


class Shape(NamedTuple):
    """One way to name a model: the files, what surrounds them, and the names that are expected."""

    place: str
    expected: str
    files: dict[str, str]
    environment: dict[str, str]
    hidden: frozenset[str]
    arguments: tuple[str, ...]


def read_shapes(name: str) -> Iterator[Shape]:
    """Yield the shapes of a table."""
    shape: Shape | None = None
    path = "app.py"
    with open(os.path.join(SHAPES, name), encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            mark, _, rest = line.rstrip("\n").partition(" ")
            if mark == "===":
                if shape is not None:
                    yield shape
                shape, path = Shape(f"{name}:{number}", rest, {"app.py": ""}, {}, frozenset(), ()), "app.py"
            elif shape is None:
                continue
            elif mark == "---":
                path = rest
                shape.files[path] = ""
            elif mark == "+":
                variable, _, value = rest.partition("=")
                shape.environment[variable] = value
            elif mark == "$":
                shape = shape._replace(arguments=tuple(rest.split()))
            elif mark == "@":
                shape = shape._replace(hidden=shape.hidden | {rest})
            else:
                shape.files[path] += line
    assert shape is not None
    yield shape


def loaded(shape: Shape) -> list[ModelCall]:
    """Return the calls of a shape that load a model."""
    data = {path: text.encode() for path, text in shape.files.items()}

    def locate(module: str, level: int, path: str) -> str | None:
        folder = path.split("/")[:-1]
        base = folder[: len(folder) - level + 1] if level else []
        stem = "/".join([*base, *filter(None, module.split("."))])
        return next((one for one in (f"{stem}.py", f"{stem}/__init__.py") if one in data), None)

    sources = Sources(data.get, locate, lambda word: [path for path in data if word.encode() in data[path]])
    folding = Folding(sources, RunContext(shape.environment, shape.hidden, shape.arguments))
    return [call for path in data if may_load(data[path]) for call in find_calls(folding, path)]


def told(calls: list[ModelCall]) -> str:
    """Write what the calls load as the table does: names, alternatives with a bar, a library without a name, and `?`."""
    words = []
    for call in calls:
        names = " ".join(call.names) if call.is_each else "|".join(sorted(call.names))
        words += [*filter(None, [names if call.names != ("",) else call.loader.library]), *(["?"] if call.reason else [])]
    return " ".join(words) or "-"


TABLES = ("shapes.txt", "shapes_seen.txt", "shapes_unseen.txt", "shapes_later_seen.txt", "shapes_later_unseen.txt",
          "shapes_last_unseen.txt", "shapes_fresh_unseen.txt", "shapes_newest_unseen.txt")  # fmt: skip
ALL = {name: list(read_shapes(name)) for name in TABLES}


def normal(names: str) -> str:
    """Write alternatives in order."""
    return " ".join("|".join(sorted(word.split("|"))) for word in names.split())


@pytest.mark.parametrize("table", TABLES)
def test_the_name_of_each_shape_is_found(table: str) -> None:
    """A name is found, or said to be unknown; it is never another."""
    for shape in ALL[table]:
        assert told(loaded(shape)) == normal(shape.expected), shape.place


def test_there_are_a_hundred_shapes() -> None:
    """The table does not shrink."""
    assert sum(map(len, ALL.values())) >= 100


def hostile(text: str) -> list[ModelCall]:
    """Return what a file of a stranger loads."""
    return loaded(Shape("", "", {"app.py": text}, {}, frozenset(), ()))


@pytest.mark.parametrize(
    "text",
    [
        "a = 'x' * 10\n" + "".join(f"a{n + 1} = a{n or ''} + a{n or ''}\n" for n in range(60)) + "whisper.load_model(a60)",
        "".join(f"def f{n}():\n    return f{n + 1}() + f{n + 1}()\n" for n in range(60)) + "whisper.load_model(f0())",
        "a = b\nb = a\nwhisper.load_model(a)",
        "def f(x):\n    return f(x)\nwhisper.load_model(f('a'))",
        "class A(A): pass\nwhisper.load_model(A().x)",
        "whisper.load_model(" + "not " * 150 + "x)",
        "whisper.load_model(a" + ".b" * 150 + ")",
        "".join(f"if x == {n}:\n    a = '{n}'\n" for n in range(2000)) + "whisper.load_model(a)\n" * 300,
        "def f(a):\n    whisper.load_model(a)\n" + "f(f)\n" * 2000,
        "import streamlit as st\n"
        + "st.text_input('a', key='k')\nst.session_state.k = x\n" * 5000
        + "whisper.load_model(st.session_state['k'])\n" * 2000,
        f"a0 = [{3000 * 'x,'}]\n".replace("x", "'x'")
        + "".join(f"a{n + 1} = [x + x for x in a{n} if x]\n" for n in range(60))
        + "whisper.load_model(a60[0])\n" * 300,
        "import flask\napp = flask.Flask('x')\n"
        + "app.config[f(0)] = 'a'\n" * 20_000
        + "whisper.load_model(app.config['a'])\n" * 2000,
        "D = {}\n"
        + "".join(f"D[a{n}] = '{n}'\n" for n in range(3000))
        + "".join(f"whisper.load_model(D['{n}'])\n" for n in range(3000)),
        "".join(f"def f{n}(a, b):\n    f{(n + 1) % 9}(b, a)\n    f{(n + 2) % 9}(a, f{n})\n" for n in range(9))
        + "def g(a):\n    whisper.load_model(a)\nf0(g, g)\nf1(f0, g)\ng(f0)\n" * 30,
    ],
    ids=[
        "doubling",
        "forking",
        "circle",
        "endless",
        "own parent",
        "negations",
        "attributes",
        "conditions",
        "callers",
        "session",
        "comprehensions",
        "settings",
        "changes",
        "callers of callers",
    ],
)
def test_hostile_code_ends(text: str) -> None:
    """What is made to never end is not known, in bounded work."""
    with at_most(9_000_000):
        found = hostile(f"import whisper\n{text}\n")
    assert all(call.reason for call in found)


def test_services_share_what_may_be_looked_at() -> None:
    """A second evaluation of a run goes on where the first has ended."""
    text = b"import whisper\n" + b"".join(
        b"def f%d(x):\n    return f%d(x) + f%d(x)\n" % (n, n + 1, n + 1) for n in range(60)
    )
    data = text + b"whisper.load_model(f0('a'))\n"
    work = WorkLeft(1_000)
    first, second = (
        Folding(Sources(lambda _: data, lambda *_: None, lambda _: ["app.py"]), RunContext(), work) for _ in range(2)
    )
    assert [call.reason != "" for call in find_calls(first, "app.py")] == [True]
    assert first.is_exhausted
    assert second.is_exhausted


@pytest.mark.parametrize(
    ("text", "is_bound"),
    [
        ("(a, dump, b) = x", False),
        ("a, dump, b = x", True),
        ("f(a.dump == x)", False),
        ("{'dump': x}", False),
        ("setattr(a, 'dump', x)", True),
        ("getattr(a, 'dump')", False),
        ("setattr(a, b)\n('dump')", False),
        ("y.mydump = undump: dump2 =", False),
        ("alias dump", False),
        ("for a, dump in x", True),
        ("dump" + " a" * 600 + ")", True),
        ("(" + "a " * 600 + "dump)", True),
        ("(" + "(a)" * 400 + "'dump')", True),
    ],
)
def test_what_text_may_bind_is_no_less_than_what_does(text: str, *, is_bound: bool) -> None:
    data = text.encode()
    folding = Folding(Sources(lambda _: data, lambda *_: None, lambda _: ["app.py"]), RunContext(), WorkLeft())
    assert folding.binds("dump") == is_bound


def test_a_line_of_one_name_is_looked_at_once() -> None:
    """What stands beside a name is bounded, however long its line is."""
    data = b"(dump)" * 200_000
    folding = Folding(Sources(lambda _: data, lambda *_: None, lambda _: ["app.py"]), RunContext(), WorkLeft())
    assert not folding.binds("dump")


@pytest.mark.parametrize(
    "line", ["dump = x", "self.dump, y = x", "dump: F", "dump=x", "from a import x as dump", "def dump(): 0"]
)
def test_what_is_called_but_nothing_binds_is_not_looked_at(line: str) -> None:
    """Only what code binds may be another name of what loads a model; methods of other people's objects are none."""

    def look(text: str) -> int:
        data, work = text.encode(), WorkLeft()
        folding = Folding(Sources(lambda _: data, lambda *_: None, lambda _: ["app.py"]), RunContext(), work)
        assert [call.names for call in find_calls(folding, "app.py")] == [("base",)]
        assert folding.binds("dump") == (line in text)
        return WorkLeft().left - work.left

    text = "import whisper\nwhisper.load_model('base')\ndef f(x):\n    return x\n" + "f(f(1)).dump(mode='x')\n" * 50
    assert look(text) * 2 < look(f"{text}# {line}\n")


def test_a_file_that_does_not_parse_is_told() -> None:
    """It loads nothing that is known, and the reason is kept."""
    folding = Folding(Sources(lambda _: b"import whisper\n(", lambda *_: None, lambda _: ()))
    assert list(find_calls(folding, "app.py")) == []
    assert "does not parse" in folding.unread["app.py"].message
