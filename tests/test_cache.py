"""Analyses that are kept: where, for whom, and what happens to what was damaged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from memguard_hooks.cache_folder import VARIABLE, find_folder
from memguard_hooks.errors import MemguardError
from memguard_hooks.imports import cache
from memguard_hooks.imports.analyze import analyze
from memguard_hooks.imports.cache import MAX_ENTRIES_A_SHARD, MAX_GENERATIONS, Cache
from memguard_hooks.imports.model import Analysis, Target

SOURCE = (
    b"import os, sys as system\nfrom . import (a,\n b)\ndef f():\n    import pandas\nimport importlib\n"
    b"importlib.import_module(system.argv[1])\n__import__('caf\xc3\xa9')\nlazy import torch\ntorch.x\n"
)


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("source", [pytest.param(SOURCE, id="imports"), pytest.param(b"x = 1\n", id="nothing")])
def test_what_is_kept_comes_back_equal(tmp_path: Path, source: bytes) -> None:
    target = Target((3, 15))
    found = analyze(source, "a.py", target)
    assert Cache(str(tmp_path)).analyze(source, "a.py", target) == found
    (entry,) = entries(tmp_path)
    written = entry.stat().st_mtime_ns
    again = Cache(str(tmp_path)).analyze(source, "b.py", target)
    assert again == found
    assert all(isinstance(site.names, tuple) for site in again.sites)
    assert type(again.sites) is tuple
    assert entry.stat().st_mtime_ns == written


def test_a_file_that_does_not_parse_is_not_parsed_again(tmp_path: Path) -> None:
    for path in ("a.py", "b.py"):
        with pytest.raises(MemguardError) as caught:
            Cache(str(tmp_path)).analyze(b"x = 1\ny = )\n", path, Target())
        assert (caught.value.path, caught.value.line) == (path, 2)
    assert len(entries(tmp_path)) == 1


@pytest.mark.parametrize("target", [
    pytest.param(Target((3, 11)), id="python"),
    pytest.param(Target(is_main=True), id="main"),
    pytest.param(Target(called=frozenset({"f", "g"})), id="called"),
    pytest.param(Target(lazy_all=True), id="lazy"),
])  # fmt: skip
def test_each_target_has_its_answer(tmp_path: Path, target: Target) -> None:
    source = b"import sys\ndef f():\n    import a\ndef g():\n    import b\n"
    kept = Cache(str(tmp_path))
    kept.analyze(source, "a.py", Target())
    assert kept.analyze(source, "a.py", target) == analyze(source, "a.py", target)
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize("damage", [
    pytest.param(b"", id="empty"),
    pytest.param(b"0123456789abcdef[]", id="another content"),
    pytest.param(b"\xff" * 100, id="noise"),
])  # fmt: skip
def test_what_was_damaged_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    found = Cache(str(tmp_path)).analyze(SOURCE, "a.py", Target())
    (entry,) = entries(tmp_path)
    whole = entry.read_bytes()
    for content in (damage, whole[:-1], whole[:20] + b"X" + whole[21:]):
        entry.write_bytes(content)
        assert Cache(str(tmp_path)).analyze(SOURCE, "a.py", Target()) == found
        assert entry.read_bytes() == whole


def test_a_folder_in_the_place_of_an_entry(tmp_path: Path) -> None:
    Cache(str(tmp_path)).analyze(SOURCE, "a.py", Target())
    (entry,) = entries(tmp_path)
    entry.unlink()
    (entry / "inside").mkdir(parents=True)
    assert Cache(str(tmp_path)).analyze(SOURCE, "a.py", Target()) == analyze(SOURCE, "a.py")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    assert Cache(str(blocked)).analyze(SOURCE, "a.py", Target()) == analyze(SOURCE, "a.py")
    assert Cache(None).analyze(SOURCE, "a.py", Target()) == analyze(SOURCE, "a.py")


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    kept = Cache(str(tmp_path))
    for number in range(3):
        kept.analyze(f"x = {number}\n".encode(), "a.py", Target())
    shard = entries(tmp_path)[0].parent
    for number in range(2 * MAX_ENTRIES_A_SHARD):
        (shard / f"old{number}").write_bytes(b"")
        os.utime(shard / f"old{number}", (number, number))
    number = 3
    while len(list(shard.iterdir())) >= 2 * MAX_ENTRIES_A_SHARD:
        kept.analyze(f"x = {number}\n".encode(), "a.py", Target())
        number += 1
    assert len(list(shard.iterdir())) <= MAX_ENTRIES_A_SHARD + 2
    assert not (shard / "old0").exists()


def test_answers_of_old_versions_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "another's").mkdir()
    for number in range(MAX_GENERATIONS + 2):
        monkeypatch.setattr(cache, "_version", lambda number=number: f"{number:032x}")
        Cache(str(tmp_path)).analyze(b"import os\n", "a.py", Target())
        os.utime(tmp_path / f"{number:032x}", (number, number))
    kept = [path.name for path in tmp_path.iterdir()]
    assert sorted(kept) == [*(f"{number:032x}" for number in (2, 3, 4)), "another's"]


def git(*arguments: str, folder: Path) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    main, beside = tmp_path / "main", tmp_path / "beside"
    (main / "a" / "b").mkdir(parents=True)
    assert find_folder(str(main)) is None or not str(find_folder(str(main))).startswith(str(main))
    git("init", "-q", ".", folder=main)
    expected = main / ".git" / "memguard"
    assert find_folder(str(main)) == str(expected)
    assert find_folder(str(main / "a" / "b")) == str(expected)
    git("commit", "-q", "--allow-empty", "-m", "first", folder=main)
    git("worktree", "add", "-q", str(beside), folder=main)
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
    pytest.param("", id="nothing"),
])  # fmt: skip
def test_a_git_file_that_leads_nowhere(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    assert find_folder(str(tmp_path)) in (None, str(tmp_path / "memguard"))


def test_an_analysis_is_plain_values() -> None:
    assert Analysis() == Analysis((), ())
