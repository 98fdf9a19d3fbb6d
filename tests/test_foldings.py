"""Foldings share the scopes of files, and do not hold more of them than they may."""

from __future__ import annotations

import gc
import weakref
from functools import partial
from pathlib import Path

import pytest

from memguard_hooks.models import foldings as module
from memguard_hooks.models.evaluation import WorkLeft
from memguard_hooks.models.folding import Folding
from memguard_hooks.models.foldings import Foldings, Mentions
from memguard_hooks.models.values import RunContext, Sources
from memguard_hooks.store import Store


def folding(foldings: Foldings, data: bytes) -> Folding:
    sources = Sources(lambda _: data, lambda *_: None, lambda _: ["app.py"])
    return Folding(sources, RunContext(), WorkLeft(), foldings.scope)


def test_the_same_file_in_two_trees_has_one_scope() -> None:
    foldings = Foldings(Store(None))
    first, second, other = (
        foldings.get(foldings.number(key), partial(folding, foldings, data))
        for key, data in (("tree", b"x = 1\n"), ("HEAD", b"x = 1\n"), ("edited", b"x = 2\n"))
    )
    assert first.module("app.py") is second.module("app.py")
    assert first.module("app.py") is not other.module("app.py")


def test_what_holds_much_is_forgotten_before_another_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 5)
    foldings = Foldings(Store(None))
    made = foldings.get(foldings.number("a"), lambda: folding(foldings, b"x = 1\n"))
    assert foldings.get(foldings.number("a"), lambda: folding(foldings, b"")) is made
    scope = weakref.ref(made.module("app.py") or made)
    del made
    foldings.get(foldings.number("b"), lambda: folding(foldings, b"y = 1\n"))
    gc.collect()
    assert scope() is None
    assert (foldings.number("a"), foldings.number("b"), foldings.number("c")) == (0, 1, 2)


def test_a_word_is_looked_for_once_in_each_content() -> None:
    mentions, read = Mentions(Store(None)), []

    def reader(data: bytes) -> bytes:
        read.append(data)
        return data

    contents = {b"a": b"import torch\n", b"b": b"x = 1\n"}
    first = [mentions.number(name, partial(reader, data)) for name, data in contents.items()]
    assert [bool(mentions.of("torch")[number]) for number in first] == [True, False]
    other = mentions.number(b"c", partial(reader, b"import torch\n"))
    of_head = [mentions.number(name, partial(reader, data)) for name, data in contents.items()]
    assert [bool(mentions.of("torch")[number]) for number in (*of_head, other)] == [True, False, True]
    assert not mentions.of("torch")[mentions.number(None, bytes)]
    assert read == [*contents.values(), b"import torch\n"]


def test_of_many_contents_it_is_kept_which_lack_a_word(tmp_path: Path) -> None:
    contents = {b"%20d" % number: b"import torch\n" if number % 70 == 0 else b"x = 1\n" for number in range(210)}

    def ask(contents: dict[bytes, bytes]) -> tuple[list[int], list[bytes]]:
        """Return the contents with a word, by their numbers, and those that were read for it."""
        store, read = Store(str(tmp_path)), []

        def reader(name: bytes) -> bytes:
            read.append(name)
            return contents[name]

        mentions = Mentions(store)
        numbers = [mentions.number(name, partial(reader, name)) for name in contents]
        found = mentions.of("torch")
        store.close()
        return [number for number in numbers if found[number]], read

    held, read = ask(contents)
    assert (len(held), read) == (3, [*contents])
    assert ask(contents) == (held, [*contents][::70])
    changed = {**dict([*contents.items()][:209]), b"another, also large.": b"import torch\n"}
    assert ask(changed)[1] == [*[*contents][:209:70], b"another, also large."]
    assert len(ask(changed)[0]) == 4


def test_a_folding_that_holds_too_much_begins_anew_for_the_next_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 5)
    foldings = Foldings(Store(None))
    made: list[Folding] = []

    def make() -> Folding:
        made.append(folding(foldings, b"x = 1\n"))
        return made[-1]

    def ask() -> Folding:
        return foldings.get(foldings.number("a"), make)

    ask()
    ask().module("app.py")
    assert len(made) == 1
    ask()
    assert len(made) == 2


def test_what_is_much_is_let_go_with_no_look_of_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    foldings = Foldings(Store(None))
    source = b"class A:\n    def f(self, x=1):\n        self.y = [z for z in x]\n"
    scope = weakref.ref(foldings.get(0, lambda: folding(foldings, source)).module("app.py") or foldings)
    gc.disable()
    try:
        foldings.let_go()
        assert scope() is not None
        monkeypatch.setattr(module, "MAX_BYTES", 5)
        foldings.let_go()
        assert scope() is None
    finally:
        gc.enable()


def test_what_leads_through_thousands_is_looked_at_once_and_not_for_each_question() -> None:
    """Twelve functions hand each other what they were given: there are more ways through them than anyone can follow."""
    count = 12
    source = "".join(
        f"def f{one}(log):\n"
        + "    log.info()\n" * 20
        + "".join(f"    f{other}(log)\n" for other in range(count) if other != one)
        for one in range(count)
    )
    made = folding(Foldings(Store(None)), source.encode())
    scope = made.module("app.py")
    assert scope is not None
    for call in scope.calls:
        made.values(call.node.func, call.scope)
    assert not made.is_exhausted
