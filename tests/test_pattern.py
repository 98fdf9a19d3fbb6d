"""A pattern that is compiled late answers as one that is compiled at once."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest
from work import LINEAR, growth

from memguard_hooks.pattern import any_of, late_pattern

TEXT = "import os\nimport sys as s\n"


@pytest.mark.parametrize("method", ["search", "match", "fullmatch", "findall", "split"])
def test_it_answers_as_a_compiled_one_does(method: str) -> None:
    late, ready = late_pattern(r"(?P<word>\w+)", re.ASCII), re.compile(r"(?P<word>\w+)", re.ASCII)
    assert str(getattr(late, method)(TEXT)) == str(getattr(ready, method)(TEXT))
    assert str(getattr(late, method)(TEXT)) == str(getattr(ready, method)(TEXT)), "and once more"


def test_the_other_answers() -> None:
    late, ready = late_pattern(rb"(?m)^import (\w+)"), re.compile(rb"(?m)^import (\w+)")
    assert [one.span() for one in late.finditer(TEXT.encode())] == [one.span() for one in ready.finditer(TEXT.encode())]
    assert late.sub(b"x", TEXT.encode()) == ready.sub(b"x", TEXT.encode())
    assert (late.pattern, late.flags, late.groups, late.groupindex) == (ready.pattern, ready.flags, 1, ready.groupindex)


def test_nothing_is_compiled_before_it_is_used() -> None:
    code = (
        "import re\nmade = []\nre.compile = lambda *given: made.append(given)\n"
        "from memguard_hooks.pattern import late_pattern\nlate_pattern('[')\nprint(made)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


LONG_RUNS = [
    ("dependencies.poetry_constraint:_CLAUSE", "match", " "),
    ("deployment.helm:_KIND", "search", "\n"),
    ("deployment.helm:_WORKLOAD", "search", "\n"),
    ("deployment.nomad:_TEMPLATE", "search", "\n"),
    ("deployment.start_script:_STAYS", "search", "\n"),
    ("deployment.task_runners:_RULE", "match", "a "),
    ("formats.python_source:_LAZY", "search", "\\\n"),
    ("imports.movable:_NOQA", "search", "noqa:"),
    ("models.loaders:NO_MODEL", "search", "_"),
    ("rules.python.sizes:_APART", "search", "\n"),
]


@pytest.mark.parametrize(("where", "method", "run"), LONG_RUNS, ids=[where for where, *_ in LONG_RUNS])
def test_a_long_run_of_what_a_pattern_begins_with_is_looked_at_once(where: str, method: str, run: str) -> None:
    module, _, name = where.partition(":")
    pattern = getattr(importlib.import_module(f"memguard_hooks.{module}"), name)
    is_bytes = isinstance(pattern.pattern, bytes)
    assert growth(getattr(pattern, method), lambda size: (run * size).encode() if is_bytes else run * size, 30_000) < LINEAR


@pytest.mark.parametrize(("glob", "fitting", "other"), [
    ("a[b", "a[b", "ab"),
    ("[ab]*", "bc", "[ab]c"),
    ("[!a]", "b", "a"),
    ("*" + "[" * 9000, "x" + "[" * 9000, "x"),
    ("]" + "[" * 9000, "]" + "[" * 9000, "]"),
])  # fmt: skip
def test_brackets_of_a_glob(glob: str, fitting: str, other: str) -> None:
    fits = any_of([glob])
    assert fits(fitting)
    assert not fits(other)
