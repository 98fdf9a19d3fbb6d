"""Facts that are kept: found again, joined, bounded, and made anew where a pack was damaged or is somebody else's."""

from __future__ import annotations

import builtins
import json
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import commit, git
from hypothesis import given, settings
from hypothesis import strategies as st

from memguard_hooks import store
from memguard_hooks.store import MAX_PACKS, UNFINISHED_SECONDS, VARIABLE, Store, find_folder, read_whole, write_whole


def packs(folder: Path) -> list[Path]:
    return sorted(folder.glob("facts-*"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values=st.dictionaries(st.binary(max_size=40), JSON, max_size=30))
@settings(max_examples=60, deadline=None)
def test_what_is_kept_comes_back_equal(tmp_path_factory: pytest.TempPathFactory, values: dict[bytes, object]) -> None:
    folder = str(tmp_path_factory.mktemp("store"))
    first = Store(folder)
    for name, value in values.items():
        first.put(value, b"kind", name)
        assert first.get(b"kind", name) == value
    first.close()
    again = Store(folder)
    assert [again.get(b"kind", name) for name in values] == list(values.values())
    assert again.get(b"kind", b"no such name") is None
    assert again.get(b"other kind", b"") is None


def test_parts_of_names_are_kept_apart(tmp_path: Path) -> None:
    kept = Store(str(tmp_path))
    kept.put(1, b"ab", b"c")
    assert kept.get(b"a", b"bc") is None
    assert kept.get(b"abc") is None


def test_a_pack_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is asked for."""
    kept = Store(str(tmp_path))
    for number in range(1_000):
        kept.put(number, b"%d" % number)
    kept.close()
    opened: list[object] = []
    read = builtins.open

    def note(path: object, *arguments: object, **named: object) -> object:
        opened.append(path)
        return read(path, *arguments, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(builtins, "open", note)
    again = Store(str(tmp_path))
    assert [again.get(b"%d" % number) for number in range(1_000)] == list(range(1_000))
    assert again.get(b"1000") is None
    assert opened == [str(path) for path in packs(tmp_path)]


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    kept = Store(str(tmp_path))
    kept.put("value", b"name")
    kept.close()
    kept.close()
    (path,) = packs(tmp_path)
    before = path.stat()
    again = Store(str(tmp_path))
    assert again.get(b"name") == "value"
    again.close()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_is_much_waits_in_a_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_HELD_BYTES", 100)
    kept = Store(str(tmp_path))
    for number in range(50):
        kept.put("x" * number, b"%d" % (number % 40))
        assert kept.get(b"%d" % (number // 2)) is not None
    assert list(tmp_path.iterdir()) == []
    expected = ["x" * (number + 40 * (number < 10)) for number in range(40)]
    assert [kept.get(b"%d" % number) for number in range(40)] == expected
    kept.close()
    again = Store(str(tmp_path))
    assert [again.get(b"%d" % number) for number in range(40)] == expected
    without = Store(None)
    without.put("x" * 200, b"name")
    assert without.get(b"name") == "x" * 200


def test_what_is_much_is_packed_where_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_HELD_BYTES", 100_000)
    kept = Store(None)
    tracemalloc.start()
    for number in range(2000):
        kept.put(f"{number}" * 500, b"%d" % (number % 1500))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1_000_000  # of 3,000,000 that the values have
    expected = [f"{number + 1500 * (number < 500)}" * 500 for number in range(1500)]
    assert [kept.get(b"%d" % number) for number in range(1500)] == expected


def test_two_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    one, two = Store(str(tmp_path)), Store(str(tmp_path))
    for kept, name in ((one, b"one"), (two, b"two")):
        assert kept.get(name) is None
        kept.put(name.decode(), name)
    one.close()
    two.close()
    again = Store(str(tmp_path))
    assert [again.get(b"one"), again.get(b"two")] == ["one", "two"]


def test_little_that_is_new_leaves_a_large_pack_alone(tmp_path: Path) -> None:
    first = Store(str(tmp_path))
    first.put("x" * 1000, b"large")
    first.close()
    (path,) = packs(tmp_path)
    before = path.stat()
    for number in range(5):
        kept = Store(str(tmp_path))
        kept.put(number, b"small")
        kept.put("y" * 10, b"%d" % number)
        kept.close()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    kept = Store(str(tmp_path))
    assert [kept.get(name) for name in (b"large", b"small", b"0", b"4")] == ["x" * 1000, 4, "y" * 10, "y" * 10]
    kept.put("z" * 200, b"much")
    kept.close()
    assert list(tmp_path.iterdir()) == packs(tmp_path) != []
    kept = Store(str(tmp_path))
    assert [kept.get(name) for name in (b"large", b"small", b"0", b"much")] == ["x" * 1000, 4, "y" * 10, "z" * 200]


WRITER = """\
import sys
from memguard_hooks.store import Store

folder, name = sys.argv[1:]
for number in range(30):
    kept = Store(folder)
    kept.get(b"%d" % number)
    kept.put([name, number], name.encode(), b"%d" % number)
    kept.close()
"""

READER = """\
import json, sys
from memguard_hooks.store import Store

kept = Store(sys.argv[1])
print(json.dumps([kept.get(name, b"%d" % number) for name in (b"a", b"b", b"c") for number in range(30)]))
"""


def test_processes_side_by_side_leave_a_whole_pack(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in ("a", "b", "c")]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(packs(tmp_path)) == 1
    assert all(read_whole(str(path)) for path in tmp_path.iterdir())
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} <= {"facts", "recent"}
    # A process of its own, as another test may have touched the package, whose look is part of the pack's name.
    read = subprocess.run([sys.executable, "-c", READER, str(tmp_path)], capture_output=True, check=True)
    found = json.loads(read.stdout)
    assert any(found)
    assert all(value is None or value == [name, number] for value, (name, number) in zip(
        found, [(name, number) for name in "abc" for number in range(30)], strict=True
    ))  # fmt: skip


def test_what_an_ended_hook_left_goes(tmp_path: Path) -> None:
    """One that is ended as it writes leaves a file, which another hook drops once it must be of nobody."""
    old, young = tmp_path / "unfinished-1", tmp_path / "unfinished-2"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * UNFINISHED_SECONDS,) * 2)
    kept = Store(str(tmp_path))
    kept.put(1, b"name")
    kept.close()
    assert sorted(tmp_path.iterdir()) == [*packs(tmp_path), young]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals that cannot be caught")
def test_one_that_is_ended_leaves_the_old_pack(tmp_path: Path) -> None:
    kept = Store(str(tmp_path))
    kept.put("old", b"name")
    kept.close()
    end = "import os, signal; os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    ended = subprocess.run([sys.executable, "-c", end + WRITER, str(tmp_path), "a"], check=False)
    assert ended.returncode == -signal.SIGKILL
    again = Store(str(tmp_path))
    assert again.get(b"name") == "old"
    assert again.get(b"a", b"0") is None


# Bounds


def test_of_a_pack_that_is_too_large_only_what_was_used_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_PACK_BYTES", 1000)
    first = Store(str(tmp_path))
    for number in range(9):
        first.put("x" * 100, b"%d" % number)
    first.close()
    second = Store(str(tmp_path))
    assert second.get(b"3") == second.get(b"5") == "x" * 100
    second.put("y" * 100, b"new")
    second.close()
    third = Store(str(tmp_path))
    assert [number for number in range(9) if third.get(b"%d" % number)] == [3, 5]
    assert third.get(b"new") == "y" * 100


def test_a_pack_is_bounded_whatever_was_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_PACK_BYTES", 1000)
    kept = Store(str(tmp_path))
    for number in range(100):
        kept.put("x" * 100, b"%d" % number)
    kept.close()
    (path,) = packs(tmp_path)
    assert path.stat().st_size < 2000
    again = Store(str(tmp_path))
    assert sum(again.get(b"%d" % number) is not None for number in range(100)) == 9


def test_packs_of_old_versions_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "another's").mkdir()
    for number in range(MAX_PACKS + 2):
        monkeypatch.setattr(store, "version", lambda number=number: b"%d" % number)
        kept = Store(str(tmp_path))
        assert kept.get(b"name") is None
        kept.put(number, b"name")
        kept.close()
        os.utime(packs(tmp_path)[-1], (1000 + number, 1000 + number))
    assert 1 <= len(packs(tmp_path)) <= MAX_PACKS
    assert packs(tmp_path)[-1].name == f"facts-{(b'%d' % (MAX_PACKS + 1)).hex()}"
    assert (tmp_path / "another's").is_dir()


# Packs that are not as they were written


def wrong_offsets(pack: bytes) -> bytes:
    """Return a pack with a digest that is right, whose rows lead out of it."""
    count = int.from_bytes(pack[:4], "little")
    rows = b"".join(pack[4 + 24 * row :][:16] + b"\xff" * 8 for row in range(count))
    return pack[:4] + rows + pack[4 + 24 * count :]


def shuffled(pack: bytes) -> bytes:
    """Return a pack whose rows are in no order."""
    count = int.from_bytes(pack[:4], "little")
    rows = [pack[4 + 24 * row :][:24] for row in range(count)]
    return pack[:4] + b"".join(reversed(rows)) + pack[4 + 24 * count :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "truncated": lambda pack: pack[:-1],
    "half": lambda pack: pack[: len(pack) // 2],
    "a bit": lambda pack: pack[:60] + bytes([pack[60] ^ 1]) + pack[61:],
    "noise": lambda pack: random.Random(0).randbytes(len(pack)),  # noqa: S311 - any bytes
    "more": lambda pack: pack + b"more",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_pack_is_made_anew(tmp_path: Path, name: str) -> None:
    kept = Store(str(tmp_path))
    for number in range(20):
        kept.put(number, b"%d" % number)
    kept.close()
    (path,) = packs(tmp_path)
    path.write_bytes(DAMAGE[name](path.read_bytes()))
    again = Store(str(tmp_path))
    assert again.get(b"7") is None
    again.put(7, b"7")
    again.close()
    assert Store(str(tmp_path)).get(b"7") == 7


FOREIGN: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "a short one": lambda _: b"\x01",
    "more rows than bytes": lambda pack: b"\xff\xff\xff\xff" + pack[4:],
    "rows that lead out": wrong_offsets,
    "rows in no order": shuffled,
    "values that are no JSON": lambda pack: pack.replace(b"0", b"{"),
    "text": lambda _: b"[1, 2, 3]" * 100,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_pack_of_somebody_else_is_no_harm(tmp_path: Path, name: str) -> None:
    """Its digest is right: whoever wrote it wanted it to be believed."""
    kept = Store(str(tmp_path))
    for number in range(20):
        kept.put(number, b"%d" % number)
    kept.close()
    (path,) = packs(tmp_path)
    content = read_whole(str(path))
    assert content is not None
    assert write_whole(str(path), FOREIGN[name](content))
    again = Store(str(tmp_path))
    for number in range(20):
        assert again.get(b"%d" % number) in (None, number)
        again.put(number, b"%d" % number)
    again.close()
    last = Store(str(tmp_path))
    assert [last.get(b"%d" % number) for number in range(20)] == list(range(20))


def test_a_value_that_is_nested_too_deep(tmp_path: Path) -> None:
    kept = Store(str(tmp_path))
    kept.put_text(b"[" * 100_000 + b"]" * 100_000, b"name")
    assert kept.get(b"name") is None


@pytest.mark.parametrize("place", ["a folder", "a pipe"])
def test_something_else_in_the_place_of_a_pack(tmp_path: Path, place: str) -> None:
    kept = Store(str(tmp_path))
    kept.put(1, b"name")
    kept.close()
    (path,) = packs(tmp_path)
    path.unlink()
    if place == "a folder":
        (path / "inside").mkdir(parents=True)
    else:
        os.mkfifo(path)
    again = Store(str(tmp_path))
    assert again.get(b"name") is None
    again.put(1, b"name")
    again.close()
    assert Store(str(tmp_path)).get(b"name") == (None if place == "a folder" else 1)
    assert not list(tmp_path.glob("unfinished-*"))


@pytest.mark.parametrize("folder", ["a file/inside", "/dev/full/inside"])
def test_a_folder_that_cannot_be_made(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a file").write_bytes(b"")
    kept = Store(str(tmp_path / folder))
    kept.put(1, b"name")
    assert kept.get(b"name") == 1
    kept.close()
    assert Store(str(tmp_path / folder)).get(b"name") is None
    assert Store(None).get(b"name") is None


# Where it lies


def test_where_the_store_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    main, beside = tmp_path / "main", tmp_path / "beside"
    (main / "a" / "b").mkdir(parents=True)
    assert find_folder(str(main)) is None or not str(find_folder(str(main))).startswith(str(main))
    commit(main, {"file": ""})
    expected = main / ".git" / "memguard"
    assert find_folder(str(main)) == str(expected)
    assert find_folder(str(main / "a" / "b")) == str(expected)
    git(main, "worktree", "add", "-q", str(beside))
    found = find_folder(str(beside))
    assert found is not None
    assert os.path.realpath(found) == str(expected)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "own"))
    assert find_folder(str(main)) == str(tmp_path / "own" / "memguard")
    monkeypatch.setenv(VARIABLE, "")
    assert find_folder(str(main)) is None


@pytest.mark.parametrize("content", [
    pytest.param("gitdir: ../nowhere\n", id="a folder that is not there"),
    pytest.param("x" * 10_000, id="no name of a folder"),
    pytest.param("gitdir: \0\n", id="no name at all"),
    pytest.param("", id="nothing"),
])  # fmt: skip
def test_a_git_file_that_leads_nowhere(tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / ".git").write_text(content)
    assert find_folder(str(tmp_path)) in (None, str(tmp_path / "memguard"))
