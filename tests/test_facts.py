"""What is known of sources comes back from the store as it was, and is found out again where the store is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports import facts as facts_module
from memguard_hooks.imports.analyze import analyze
from memguard_hooks.imports.facts import Facts, Problem
from memguard_hooks.imports.frameworks import Framework
from memguard_hooks.imports.model import Target
from memguard_hooks.store import Store

SOURCE = (
    b"import os, sys as system\nfrom . import (a,\n b)\ndef f():\n    import pandas\nimport importlib\n"
    b"importlib.import_module(system.argv[1])\n__import__('caf\xc3\xa9')\nlazy import torch\ntorch.x\n"
)
SETTINGS = b"INSTALLED_APPS = ['shop', 'django.contrib.admin']\nROOT_URLCONF = 'app.urls'\n"
PLAIN = b"import os\nINSTALLED_APPS = ['shop']\ndef f():\n    import pandas\n"
"""What is found out without libcst, so that it can be found out often."""

DJANGO = Framework("app.settings")
NAME = b"\x01" * 20
READ_ERROR = AssertionError("what is known is not read")


def read_nothing() -> bytes:
    raise READ_ERROR


def found_out(source: bytes, target: Target) -> object:
    try:
        return analyze(source, "", target)
    except MemguardError as error:
        return Problem(error.message, error.line)


@pytest.mark.parametrize("source", [
    pytest.param(SOURCE, id="imports"),
    pytest.param(SETTINGS, id="settings"),
    pytest.param(b"x = 1\n", id="nothing"),
    pytest.param(b"x = 1\ny = )\n", id="no Python"),
])  # fmt: skip
def test_what_is_kept_comes_back_equal(tmp_path: Path, source: bytes) -> None:
    target = Target((3, 15))
    first = Facts(Store(str(tmp_path)))
    found = (first.analysis(NAME, target, lambda: source), first.outline(NAME, DJANGO, lambda: source),
             first.names(NAME, lambda: source))  # fmt: skip
    first.store.close()
    again = Facts(Store(str(tmp_path)))
    kept = (again.analysis(NAME, target, read_nothing), again.outline(NAME, DJANGO, read_nothing),
            again.names(NAME, read_nothing))  # fmt: skip
    assert kept == found
    assert repr(kept) == repr(found)  # tuples stay tuples
    assert found[0] == found_out(source, target)


@pytest.mark.parametrize("target", [
    pytest.param(Target((3, 11)), id="python"),
    pytest.param(Target(is_main=True), id="main"),
    pytest.param(Target(called=frozenset({"f", "g"})), id="called"),
    pytest.param(Target(lazy_all=True), id="lazy"),
])  # fmt: skip
def test_each_target_has_its_answer(tmp_path: Path, target: Target) -> None:
    source = b"import sys\ndef f():\n    import a\ndef g():\n    import b\n"
    for _ in range(2):
        facts = Facts(Store(str(tmp_path)))
        assert facts.analysis(NAME, Target(), lambda: source) == analyze(source, "", Target())
        assert facts.analysis(NAME, target, lambda: source) == analyze(source, "", target)
        facts.store.close()


def test_another_name_is_another_source(tmp_path: Path) -> None:
    facts = Facts(Store(str(tmp_path)))
    assert facts.names(NAME, lambda: b"import pandas\n") != facts.names(b"\x02" * 20, lambda: b"import torch\n")


@pytest.mark.parametrize("has_folder", [True, False])
def test_of_many_sources_only_some_facts_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_folder: bool
) -> None:
    monkeypatch.setattr(facts_module, "MAX_OPEN", 2)
    facts = Facts(Store(str(tmp_path) if has_folder else None))
    names = [bytes([number]) * 20 for number in range(5)]

    def all_of(name: bytes, read: Callable[[], bytes]) -> list[object]:
        return [facts.analysis(name, Target(), read), facts.outline(name, DJANGO, read), facts.names(name, read),
                facts.functions(name, read), facts.places(name, read), facts.built(name, read)]  # fmt: skip

    found = [all_of(name, lambda name=name: SETTINGS + b"import a%d\n" % name[0]) for name in names]  # type: ignore[misc]
    again = [all_of(name, read_nothing) for name in names]
    assert repr(again) == repr(found)
    assert not any(first is second for first, second in zip(found[0], again[0], strict=True))


SHAPES: dict[str, object] = {
    "an analysis": [[[1, 1, 1, "os", 0, [], "import", "", None, None, []]], []],
    "a problem": ["is no Python", 3],
    "an outline": [10, [["shop", 1, "start", "INSTALLED_APPS", False]], ["ready"], ["is no Python", None]],
    "names": [["os", ".a"]],
    "any name": [None],
}
"""Values of the right shape, which the strategy below changes at one place."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@st.composite
def nearly(draw: st.DrawFn) -> object:
    """Draw a value that has another one at one place than it should have, or one element more or less."""
    value = draw(st.sampled_from(list(SHAPES.values())))
    way: list[Any] = [value]
    at: Any = value
    while isinstance(at, list) and at and draw(st.booleans()):
        at = draw(st.sampled_from(at))
        way.append(at)
    other: object = draw(JSON)
    if isinstance(at, list) and draw(st.booleans()):
        other = draw(st.sampled_from([at[:-1], [*at, None], {}, "", dict.fromkeys(map(str, at))]))
    for outer, inner in zip(way[-2::-1], way[:0:-1], strict=True):
        replaced = False
        row = []
        for one in outer:
            row.append(other if one is inner and not replaced else one)
            replaced |= one is inner
        other = row
    return other


def facts_of_plain(facts: Facts) -> tuple[object, ...]:
    return (facts.analysis(NAME, Target(), lambda: PLAIN), facts.outline(NAME, DJANGO, lambda: PLAIN),
            facts.names(NAME, lambda: PLAIN))  # fmt: skip


@cache
def true_facts() -> Facts:
    return Facts(Store(None))


@given(value=nearly() | JSON)
@settings(max_examples=400, deadline=None)
def test_any_json_in_the_place_of_a_fact_is_the_fact_or_found_out_again(value: object) -> None:
    target = Target()
    kind = repr((*target._replace(called=frozenset()),)).encode()
    outline = (b"outline", repr(DJANGO).encode(), NAME)
    keys: tuple[tuple[bytes, ...], ...] = ((b"analysis", kind, NAME), outline, (b"names", NAME))
    store = Store(None)
    for key in keys:
        store.put(value, *key)
    for one, true_one, key in zip(facts_of_plain(Facts(store)), facts_of_plain(true_facts()), keys, strict=True):
        if one == true_one:
            continue
        # It has been taken for the fact, so it must be one: written again, it is the same.
        assert type(one) in (type(true_one), Problem)
        again = Store(None)
        again.put(one, *key)
        assert again.get(*key) == store.get(*key) == value


def test_of_more_trees_than_are_kept_the_first_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "MAX_TREES_BYTES", 20)
    facts = Facts(Store(None))
    read: list[str] = []

    def source(name: str) -> bytes:
        read.append(name)
        return f"x = '{name}'\n".encode()

    for name in "abcabc" * 2:
        nodes = facts.nodes(name.encode(), partial(source, name))
        assert nodes is not None
        assert nodes is facts.nodes(name.encode(), partial(source, name))
    assert read == list("abc" + "bc" * 3)


def test_what_waits_for_the_machine_does_not_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(facts_module, "MAX_SLOW_SECONDS", 0.0)
    facts = Facts(Store(None))
    began = time.process_time()
    while time.process_time() < began + 0.1:
        pass

    def wait() -> bytes:
        time.sleep(0.1)
        return b"import a\n"

    assert facts.names(b"a", wait).found == ("a",)
    assert facts.analysis(b"b", Target(), lambda: b"import b\n") == analyze(b"import b\n", "", Target())
    assert not facts.has_given_up
