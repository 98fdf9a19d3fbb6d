"""A file has its old content or its new one, whatever ends the run that writes it, and all the names that it had."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from folders import commit, write
from syscalls import needs_strace, trace

from memguard_hooks import atomic_write
from memguard_hooks.atomic_write import exchange_file, replace_file, restore, update_file
from memguard_hooks.commands import check, init
from memguard_hooks.errors import MemguardError
from memguard_hooks.hooks import pin_litellm
from memguard_hooks.project.project import Project

OLD, NEW = b"old\n" * 5, b"the new content\n" * 3


@pytest.fixture(params=[1, 2], ids=["one name", "two names"])
def names(request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
    """Return the names of one file, which lie in folders of their own."""
    found = [tmp_path / f"folder {number}" / "file.txt" for number in range(request.param)]
    for path in found:
        path.parent.mkdir()
    found[0].write_bytes(OLD)
    for path in found[1:]:
        os.link(found[0], path)
    return found


def holds(names: list[Path]) -> bytes:
    """Return the content of a file, which has all its names."""
    assert {path.stat().st_ino for path in names} == {names[0].stat().st_ino}
    return names[0].read_bytes()


def beside(path: Path) -> list[str]:
    """Return what else lies in the folder of a file."""
    return sorted(entry.name for entry in path.parent.iterdir() if entry != path)


@pytest.mark.parametrize("data", [NEW, b"", OLD[:-1], OLD + b"more", OLD])
def test_a_file_is_replaced_and_keeps_its_names_and_rights(names: list[Path], data: bytes) -> None:
    names[0].chmod(0o640)
    replace_file(str(names[0]), data, "file.txt")
    assert holds(names) == data
    assert names[0].stat().st_mode & 0o777 == 0o640
    assert beside(names[0]) == []


def test_a_new_file_has_the_rights_of_the_mask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace_file(str(tmp_path / "new"), NEW, "new")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new").read_bytes() == NEW


def test_a_file_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    replace_file("new", NEW, "new")
    assert Path("new").read_bytes() == NEW


def test_the_same_content_is_not_written(names: list[Path]) -> None:
    before = names[0].stat()
    update_file(str(names[0]), lambda now: now or b"", "file.txt")
    assert (names[0].stat().st_mtime_ns, names[0].stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_what_has_changed_meanwhile_is_not_written(names: list[Path]) -> None:
    exchange_file(str(names[0]), OLD, NEW, "file.txt")
    exchange_file(str(names[0]), OLD, NEW, "file.txt")  # another has done just that
    with pytest.raises(MemguardError, match=r"file\.txt: has changed meanwhile, and is not written"):
        exchange_file(str(names[0]), OLD, b"other", "file.txt")
    with pytest.raises(MemguardError, match="has changed meanwhile"):
        exchange_file(str(names[0]), None, b"other", "file.txt")
    assert holds(names) == NEW


@pytest.mark.parametrize("kind", ["folder", "pipe", "no folder around it", "a file around it"])
def test_what_cannot_be_written_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "place"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "a file around it":
        path.write_bytes(b"")
    place = path if kind in ("folder", "pipe") else path / "inside"
    with pytest.raises(MemguardError, match="place: cannot be written: "):
        update_file(str(place), lambda _: NEW, "place")
    assert len(list(tmp_path.iterdir())) == (0 if kind == "no folder around it" else 1)


LIMITED = """\
import resource, signal, sys
from memguard_hooks.atomic_write import replace_file
from memguard_hooks.errors import MemguardError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    replace_file(sys.argv[1], b"x" * 10_000, "file.txt")
except MemguardError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("limit", [0, 100, 9_000, 10_010])
def test_a_disk_that_is_full(names: list[Path], limit: int) -> None:
    """As if it were: no file may be longer. The journal of a file with two names fits, or does not."""
    done = subprocess.run([sys.executable, "-c", LIMITED, str(names[0]), str(limit)], capture_output=True, check=False)
    is_written = limit > 10_000 and len(names) == 1
    assert done.returncode == int(not is_written)
    assert holds(names) == (b"x" * 10_000 if is_written else OLD)
    assert beside(names[0]) == []
    assert is_written or done.stderr == b"file.txt: cannot be written: File too large\n"


# Ended on the way

CALLS = ("?rename,?renameat,?renameat2", "?unlink,?unlinkat", "fsync", "write", "ftruncate", "?chmod,?fchmodat", "flock")
"""What changes a file, or what others see of it: between two of these nothing happens that anybody sees."""

WRITE = """\
import sys

sys.path.append(sys.argv[1])
from memguard_hooks.atomic_write import replace_file

replace_file(sys.argv[2], bytes.fromhex(sys.argv[3]), "file.txt")
"""


@needs_strace
@pytest.mark.parametrize("data", [NEW, b"short"], ids=["longer", "shorter"])
def test_one_that_is_killed_at_any_call_leaves_the_old_file_or_the_new_one(
    names: list[Path], checkout: Path, data: bytes
) -> None:
    command = [sys.executable, "-I", "-S", "-B", "-c", WRITE, str(checkout), str(names[0]), data.hex()]
    found: list[bytes] = []
    for calls in CALLS:
        for number in range(1, 20):
            replace_file(str(names[0]), OLD, "file.txt")
            inject = f"inject={calls}:signal=KILL:when={number}"
            status, _ = trace(command, "-e", f"trace={calls}", "-e", inject)
            restore(str(names[0]), "file.txt")
            found.append(holds(names))
            assert found[-1] in (OLD, data), (calls, number)
            if status == 0:
                break
            assert status == -signal.SIGKILL
        replace_file(str(names[0]), data, "file.txt")
        assert beside(names[0]) == []
    assert len(found) >= 13 + 7 * (len(names) - 1)
    assert {*found} == {OLD, data}


@needs_strace
def test_contents_come_to_the_disk_before_their_names(names: list[Path], checkout: Path) -> None:
    command = [sys.executable, "-I", "-S", "-B", "-c", WRITE, str(checkout), str(names[0]), NEW.hex()]
    status, lines = trace(command, "-y", "-e", f"trace={','.join(CALLS[:5])},openat")
    assert status == 0
    acts = [line.partition("(")[0].removesuffix("at2").removesuffix("at") for line in lines]
    acts = [act for act in acts if act in ("write", "fsync", "rename", "ftruncate", "unlink")]
    new = ["unlink", "write", "fsync", "rename", "fsync"]  # of what a killed run left; of the folder at last
    in_place = ["write", "fsync", "ftruncate", "fsync", "unlink", "fsync"]
    assert acts == new + in_place * (len(names) > 1)


# The next run


@pytest.mark.parametrize("size", range(len(NEW) + 1))
def test_a_file_that_was_cut_gets_its_old_content_back(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, {"file.txt": NEW[:size] + OLD[size:]}) / "file.txt"
    journal = tmp_path / ".file.txt.memguard-journal"
    journal.write_bytes(b"%d\n%s%s" % (len(OLD), OLD, NEW))
    restore(str(path), "file.txt")
    assert path.read_bytes() == (NEW if size == len(NEW) else OLD)
    assert beside(path) == []


@pytest.mark.parametrize(("first", "then"), [(0, 3), (2, 7), (5, 20), (19, 30)])
def test_so_does_one_whose_restoring_was_cut(tmp_path: Path, first: int, then: int) -> None:
    cut = NEW[:then] + OLD[then:]
    path = write(tmp_path, {"file.txt": OLD[:first] + cut[first:]}) / "file.txt"
    (tmp_path / ".file.txt.memguard-journal").write_bytes(b"%d\n%s%s" % (len(OLD), OLD, NEW))
    replace_file(str(path), b"another", "file.txt")
    assert path.read_bytes() == b"another"
    assert beside(path) == []


def test_what_was_edited_since_is_left(tmp_path: Path) -> None:
    path = write(tmp_path, {"file.txt": "edited by hand\n"}) / "file.txt"
    (tmp_path / ".file.txt.memguard-journal").write_bytes(b"%d\n%s%s" % (len(OLD), OLD, NEW))
    with pytest.raises(MemguardError, match="was cut as it was written, and has changed since: see "):
        replace_file(str(path), b"another", "file.txt")
    assert path.read_bytes() == b"edited by hand\n"
    assert beside(path) == [".file.txt.memguard-journal"]


@pytest.mark.parametrize("content", [b"", b"no number\n", b"99\nshort", b"-1\nx", b"9" * 5000 + b"\n", "link"])
def test_a_journal_of_somebody_else_is_in_the_way(tmp_path: Path, content: bytes | str) -> None:
    """A commit may bring such a file along."""
    path = write(tmp_path, {"file.txt": OLD, "other": b"1\nab"}) / "file.txt"
    journal = tmp_path / ".file.txt.memguard-journal"
    if isinstance(content, str):
        journal.symlink_to("other")
    else:
        journal.write_bytes(content)
    with pytest.raises(MemguardError, match="cannot be written"):
        replace_file(str(path), NEW, "file.txt")
    assert path.read_bytes() == OLD


def test_a_journal_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """600 MB of one letter are 600 KB in a commit; they took 1.7 GiB."""
    path = write(tmp_path, {"file.txt": OLD}) / "file.txt"
    with (tmp_path / ".file.txt.memguard-journal").open("wb") as stream:
        stream.truncate(600_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(MemguardError, match=r"cannot be written: \.file\.txt\.memguard-journal is larger than 128 MiB"):
            replace_file(str(path), NEW, "file.txt")
        assert tracemalloc.get_traced_memory()[1] < 150 * 2**20
    finally:
        tracemalloc.stop()
    assert path.read_bytes() == OLD


# Several at once

ADD = """\
import sys
from memguard_hooks.atomic_write import update_file

for _ in range(20):
    update_file(sys.argv[1], lambda now: (now or b"") + sys.argv[2].encode() + b"\\n", "file.txt")
"""


def test_writers_side_by_side_lose_nothing(names: list[Path]) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", ADD, str(names[0]), name]) for name in ("a", "b", "c")]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    lines = holds(names).decode().split()
    assert [lines.count(name) for name in ("a", "b", "c", "old")] == [20, 20, 20, 5]
    assert beside(names[0]) == []


def test_one_waits_for_another_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_write, "WAIT_SECONDS", 0.05)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(MemguardError, match=r"file\.txt: cannot be written: another process is writing there"):
        replace_file(str(tmp_path / "file.txt"), NEW, "file.txt")
    os.close(descriptor)
    replace_file(str(tmp_path / "file.txt"), NEW, "file.txt")


MEASURED = """\
import sys
from memguard_hooks.catalog import lock

name = sys.argv[1]
for number in range(10):
    size = lock.Size(1024 * (number + 1), 0)
    lock.write(".", {f"{name} {number}": lock.Measured("3.11.7", "linux", "2026-01-01", "x", size, size, 1, size, {})})
"""


def test_measurements_side_by_side_are_all_kept(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", MEASURED, name], cwd=tmp_path) for name in ("a", "b")]
    assert [writer.wait() for writer in writers] == [0, 0]
    text = (tmp_path / "memguard.lock").read_text(encoding="utf-8")
    assert [f'"{name} {number}"' in text for name in "ab" for number in range(10)] == [True] * 20


# What the commands write


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    commit(root, {"requirements.txt": "litellm>=1\n", "main.py": "import pandas\n", "Procfile": "web: python main.py\n"})
    monkeypatch.chdir(root)
    return root


PINNED = "litellm==1.69.3\n"


def test_fix_keeps_hard_links(project: Path) -> None:
    os.link("requirements.txt", "same.txt")
    assert pin_litellm.main(["--fix", "requirements.txt"]) == 1
    assert Path("same.txt").read_text(encoding="utf-8") == Path("requirements.txt").read_text(encoding="utf-8") == PINNED
    assert (project / "same.txt").samefile("requirements.txt")


@pytest.mark.usefixtures("project")
def test_fix_puts_back_what_was_cut_before_it_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    before = "litellm>=1\nhttpx\n"
    Path("requirements.txt").write_text(PINNED[:9] + before[9:], encoding="utf-8")
    Path(".requirements.txt.memguard-journal").write_text(f"{len(before)}\n{before}{PINNED}httpx\n", encoding="utf-8")
    assert pin_litellm.main(["--fix", "requirements.txt"]) == 1
    assert Path("requirements.txt").read_text(encoding="utf-8") == f"{PINNED}httpx\n"
    assert "requirements.txt:1: rewritten: litellm==1.69.3\n" in capsys.readouterr().err


def test_fix_that_another_has_done_meanwhile(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both judge the old file, and one writes after the other."""
    change = pin_litellm.fix

    def after_another(given: Project) -> tuple[str, ...]:
        assert given.tree.read("requirements.txt") == b"litellm>=1\n"
        write(project, {"requirements.txt": "boto3\nlitellm>=1\n"})
        return change(given)

    monkeypatch.setattr(pin_litellm, "fix", after_another)
    assert pin_litellm.main(["--fix", "requirements.txt"]) == 2
    assert (project / "requirements.txt").read_bytes() == b"boto3\nlitellm>=1\n"


MEASURE = """\
from memguard_hooks.catalog import lock

size = lock.Size(1024, 0)
lock.write(".", {"litellm": lock.Measured("3.11.7", "linux", "2026-01-01", "x", size, size, 1, size, {})})
"""
PIN = "import sys; from memguard_hooks.__main__ import pin_litellm; sys.exit(pin_litellm())"

WRITING = {
    "pins": (["-c", PIN, "--fix", "requirements.txt"], ["requirements.txt"]),
    "baseline": (["-m", "memguard_hooks", "check", "--write-baseline"], ["memguard-baseline.json"]),
    "lock": (["-c", MEASURE], ["memguard.lock"]),
    "init": (["-m", "memguard_hooks", "init", "--yes", "--no-workflow", "--no-pre-commit"], ["pyproject.toml"]),
}
"""What each command that writes is called with, and what it writes: all by the one module, as tests/test_house.py holds."""


def contents(files: list[str]) -> list[bytes | None]:
    """Return what files hold, None of one that is not there."""
    return [Path(name).read_bytes() if Path(name).exists() else None for name in files]


def put(files: list[str], before: list[bytes | None]) -> None:
    """Give files what they held."""
    for name, data in zip(files, before, strict=True):
        if data is None:
            Path(name).unlink(missing_ok=True)
        else:
            Path(name).write_bytes(data)


@needs_strace
@pytest.mark.parametrize("name", WRITING)
def test_a_command_that_is_killed_at_any_call_leaves_old_files_or_new_ones(project: Path, checkout: Path, name: str) -> None:
    words, files = WRITING[name]
    Path("pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n', encoding="utf-8")
    command = [sys.executable, "-B", *words]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "MEMGUARD_CACHE_DIR": ""}
    before, around = contents(files), {*os.listdir()}
    subprocess.run(command, env=environment, capture_output=True, check=False)
    after = contents(files)
    assert all(new not in (None, old) for old, new in zip(before, after, strict=True))
    beside = [f".{file}{suffix}" for file in files for suffix in (".memguard-new", ".memguard-journal")]
    places = [word for place in ("", *files, *beside) for word in ("-P", str(project / place))]
    killed = 0
    for calls in CALLS:
        for number in range(1, 30):
            put(files, before)
            inject = f"inject={calls}:signal=KILL:when={number}"
            status, _ = trace(command, *places, "-e", f"trace={calls}", "-e", inject, environment=environment)
            held = zip(contents(files), before, after, strict=True)
            assert all(data in (old, new) for data, old, new in held), (calls, number)
            if status != -signal.SIGKILL:
                break
            killed += 1
    assert killed >= 6  # the lock, what a killed run left, the content, its way to the disk, the name, the folder
    assert contents(files) == after
    assert {*os.listdir()} == around | {*files}


@pytest.mark.usefixtures("project")
def test_all_commands_keep_names(capsys: pytest.CaptureFixture[str]) -> None:
    files = ("memguard-baseline.json", "report.json", "pyproject.toml")
    write(Path(), {files[0]: '{"schema": 1}', files[1]: "{}", files[2]: '[project]\nname = "x"\nversion = "1"\n'})
    for name in files:
        os.link(name, f"same-{name}")
    check.main(["--write-baseline"])
    check.main(["--output", "report.json"])
    init.main(["--yes", "--no-pre-commit", "--no-workflow"])
    capsys.readouterr()
    for name, word in zip(files, ("MG203", '"services"', "[tool.memguard]"), strict=True):
        assert word in Path(f"same-{name}").read_text(encoding="utf-8")
        assert Path(name).samefile(f"same-{name}")
