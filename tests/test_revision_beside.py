"""A revision that is read beside the work tree says what git says, and asks it for what differs."""

from __future__ import annotations

import subprocess
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from memguard_hooks.errors import MemguardError
from memguard_hooks.git import GitObject
from memguard_hooks.tree import RevisionTree, WorkTree

PATHS = ("same.py", "edited.py", "deleted.py", "added.py", "run.sh", "link.py", "out.py", "a/b/deep.py", "a/b/../b/deep.py",
         "a", "a/link/deep.py", "crlf.txt", "folder.py", "no/such.py", "")  # fmt: skip


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


def answer(tree: RevisionTree, path: str) -> object:
    """Return what a tree says of a path: its content, or the error."""
    try:
        return tree.read(path)
    except MemguardError as error:
        return str(error)


@pytest.fixture(params=["sha1", "sha256"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", f"--object-format={request.param}")
    for name in ("same.py", "edited.py", "deleted.py", "run.sh", "a/b/deep.py", "folder.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"import {path.stem}\n", encoding="utf-8")
    (tmp_path / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    (tmp_path / ".gitattributes").write_text("crlf.txt text eol=crlf\n", encoding="utf-8")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link.py").symlink_to("same.py")
    (tmp_path / "out.py").symlink_to("/etc/hostname")
    (tmp_path / "a/link").symlink_to("b")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "begin")
    (tmp_path / "edited.py").write_text("import another\n", encoding="utf-8")
    (tmp_path / "added.py").write_text("import added\n", encoding="utf-8")
    (tmp_path / "deleted.py").unlink()
    (tmp_path / "folder.py").unlink()
    (tmp_path / "folder.py").mkdir()
    return tmp_path


def test_it_says_what_git_says(root: Path) -> None:
    plain, beside = RevisionTree(str(root)), RevisionTree(str(root), beside=WorkTree(str(root)))
    try:
        assert [answer(beside, path) for path in PATHS] == [answer(plain, path) for path in PATHS]
        assert [beside.entries(folder) for folder in ("", "a", "a/b", "no")] == [
            plain.entries(folder) for folder in ("", "a", "a/b", "no")
        ]
        assert plain.read("edited.py") == b"import edited\n"
        assert plain.read("crlf.txt") == b"one\ntwo\n"
    finally:
        plain.close()
        beside.close()


def test_what_is_packed_is_the_same(root: Path) -> None:
    """What git keeps in files of their own is read here, and what it has packed is asked of git."""
    loose = RevisionTree(str(root))
    before = [answer(loose, path) for path in PATHS]
    git(root, "gc", "--quiet")
    packed = RevisionTree(str(root))
    assert [answer(packed, path) for path in PATHS] == before
    assert packed.seen == loose.seen
    packed.close()


@pytest.mark.parametrize("damage", [
    pytest.param(lambda data: data[:-5], id="cut"),
    pytest.param(lambda data: b"\0" + data[1:], id="not packed"),
    pytest.param(lambda data: zlib.compress(zlib.decompress(data) + b"more"), id="longer than it says"),
    pytest.param(lambda data: zlib.compress(b"blob"), id="without a header"),  # noqa: ARG005 - as the others
])  # fmt: skip
def test_a_damaged_object_is_left_to_git(root: Path, damage: Callable[[bytes], bytes]) -> None:
    name = subprocess.run(["git", "rev-parse", "HEAD:edited.py"], cwd=root, check=True, capture_output=True, text=True)
    git(root, "gc", "--quiet")
    tree = RevisionTree(str(root))
    path = root / ".git/objects" / name.stdout[:2] / name.stdout[2:].strip()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(damage(zlib.compress(b"blob 5\0wrong")))
    git_says = subprocess.run(["git", "show", "HEAD:edited.py"], cwd=root, check=False, capture_output=True)
    assert (answer(tree, "edited.py") == git_says.stdout) or git_says.returncode
    assert answer(tree, "edited.py") != b"wrong"
    tree.close()


def test_what_is_the_same_is_not_asked_for(root: Path) -> None:
    git(root, "gc", "--quiet")
    tree = RevisionTree(str(root), beside=WorkTree(str(root)))
    tree.entries("")
    tree.close()
    # The commit is gone from where git would find it: whatever is read now was not read from git.
    (root / ".git/HEAD").unlink()
    assert tree.read("same.py") == b"import same\n"
    assert tree.read("run.sh") == b"import run\n"
    with pytest.raises(MemguardError):
        tree.read("edited.py")
    tree.close()


class CountingRevision(RevisionTree):
    """A revision that counts how often git is asked for each object."""

    def __init__(self, root: Path) -> None:
        super().__init__(str(root))
        self.asked: Counter[bytes] = Counter()

    def _read(self, wanted: GitObject, path: str) -> bytes:
        self.asked[wanted.identity] += 1
        return super()._read(wanted, path)


def test_where_a_link_leads_is_read_once(root: Path) -> None:
    tree = CountingRevision(root)
    try:
        for path in ("a/link/deep.py", "a/link", "link.py", "a/link/deep.py", "link.py"):
            answer(tree, path)
        names = [tree._object(path) for path in ("a/link", "link.py")]
        assert [tree.asked[one.identity] for one in names if one is not None] == [1, 1]
    finally:
        tree.close()
