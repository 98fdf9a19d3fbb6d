"""`memguard.lock`: what is written is read again, and what is at fault is told with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from memguard_hooks.catalog import lock
from memguard_hooks.catalog.lock import FILE, REST, Measured, MeasuredPackage, Size
from memguard_hooks.errors import MemguardError

KIB = 1024


def make(**packages: MeasuredPackage) -> Measured:
    return Measured(
        python="3.11.7",
        platform="linux-x86_64",
        date="2026-11-22",
        method="smaps_rollup",
        base=Size(9800 * KIB, 4000 * KIB),
        total=Size(60000 * KIB, 40000 * KIB),
        source=1234,
        first_party=Size(300 * KIB, 200 * KIB),
        packages=packages,
    )


PANDAS = make(
    pandas=MeasuredPackage("pandas", "2.2.3", Size(40000 * KIB, 30000 * KIB), ("numpy", "dateutil")),
    numpy=MeasuredPackage("numpy", "2.4.6", Size(15000 * KIB, 8000 * KIB)),
    dateutil=MeasuredPackage("python-dateutil", "2.9.0", Size(400 * KIB, 300 * KIB), ("decimal",)),
    decimal=MeasuredPackage(None, None, Size(300 * KIB, 100 * KIB)),
    httpx=MeasuredPackage("httpx", "1.0", Size(900 * KIB, 700 * KIB), ("decimal",)),
    **{REST: MeasuredPackage(None, None, Size(90 * KIB, 80 * KIB))},
)

TEXT = """\
{
  "schema": 1,
  "entrypoints": {
    "app.main:app": {
      "python": "3.11.7",
      "platform": "linux-x86_64",
      "date": "2026-11-22",
      "method": "smaps_rollup",
      "base": [9800, 4000],
      "total": [60000, 40000],
      "first_party": {"source": 1234, "resident": 300, "anonymous": 200},
      "packages": {
        "a": {"distribution": null, "version": null, "resident": 64, "anonymous": 60, "imports": []},
        "b": {"distribution": "B", "version": "1.0", "resident": 8, "anonymous": -4, "imports": ["a", "c"]}
      }
    },
    "main.py": {
      "python": "3.11.7",
      "platform": "linux-x86_64",
      "date": "2026-11-22",
      "method": "smaps_rollup",
      "base": [9800, 4000],
      "total": [60000, 40000],
      "first_party": {"source": 1234, "resident": 300, "anonymous": 200},
      "packages": {}
    }
  }
}
"""


def test_the_file_is_sorted_with_one_package_a_line() -> None:
    packages = {
        "b": MeasuredPackage("B", "1.0", Size(8 * KIB, -4 * KIB), ("c", "a")),
        "a": MeasuredPackage(None, None, Size(64 * KIB, 60 * KIB)),
    }
    assert lock.render({"main.py": make(), "app.main:app": make(**packages)}) == TEXT
    assert lock.render({}) == '{\n  "schema": 1,\n  "entrypoints": {}\n}\n'


def test_what_is_written_is_read_again() -> None:
    found = lock.read(lock.render({"x": PANDAS}).encode())["x"]
    assert found.packages.keys() == PANDAS.packages.keys()
    assert found.packages["pandas"].imports == ("dateutil", "numpy"), "sorted"
    assert lock.render({"x": found}) == lock.render({"x": PANDAS})
    assert json.loads(lock.render({"x": PANDAS}))["entrypoints"]["x"]["packages"]["numpy"]["version"] == "2.4.6"


def test_a_closure_holds_what_an_import_loads() -> None:
    assert lock.closure(PANDAS, "pandas") == {"pandas", "numpy", "dateutil", "decimal"}
    assert lock.closure(PANDAS, "httpx") == {"httpx", "decimal"}
    assert lock.closure(PANDAS, "unknown") == set()
    circle = make(a=MeasuredPackage(None, None, Size(), ("b",)), b=MeasuredPackage(None, None, Size(), ("a", "gone")))
    assert lock.closure(circle, "a") == {"a", "b"}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        pytest.param('"schema": 1', '"schema": 2', 2, "schema 2 is not known, only 1", id="schema"),
        pytest.param('"schema": 1', '"schema": true', 2, "schema must be a whole number", id="truth-value"),
        pytest.param('  "schema": 1,\n', "", 1, "schema is missing", id="no-schema"),
        pytest.param('"3.11.7"', "3.11", 5, "python must be text", id="python"),
        pytest.param("[9800, 4000]", "[9800]", 9, "base must be two numbers of KiB", id="pair"),
        pytest.param("[9800, 4000]", "[9800, 1.5]", 9, "base must be two numbers of KiB", id="pair-of-floats"),
        pytest.param('"source": 1234, ', "", 11, "source is missing", id="source"),
        pytest.param('"version": "1.0"', '"version": 1', 14, "version must be text or null", id="version"),
        pytest.param('["a", "c"]', '["a", 3]', 14, "imports must be names", id="imports"),
        pytest.param('{"distribution": null, "version": null, "resident": 64, "anonymous": 60, "imports": []}', "[]", 13,
                     "a must be an object", id="package"),
        pytest.param('"packages": {}', '"packages": []', 25, "packages must be an object", id="packages"),
        pytest.param('"schema": 1,', '"schema": 1', 3, "is not valid JSON", id="syntax"),
    ],
)  # fmt: skip
def test_what_is_at_fault_is_told_with_its_line(old: str, new: str, line: int, message: str) -> None:
    assert old in TEXT
    with pytest.raises(MemguardError) as raised:
        lock.read(TEXT.replace(old, new, 1).encode())
    assert (raised.value.path, raised.value.line) == (FILE, line)
    assert message in raised.value.message


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"null", b"[" * 100_000, b"{" + b" " * 2**23 + b"}"])
def test_no_bytes_are_too_odd(data: bytes) -> None:
    with pytest.raises(MemguardError):
        lock.read(data)


def test_other_entry_points_stay(tmp_path: Path) -> None:
    lock.write(str(tmp_path), {"b": make()})
    lock.write(str(tmp_path), {"a": PANDAS})
    assert list(lock.load(str(tmp_path))) == ["a", "b"]
    changed = make()._replace(python="3.13.0")
    lock.write(str(tmp_path), {"b": changed})
    assert lock.load(str(tmp_path))["b"] == changed
    assert [path.name for path in tmp_path.iterdir()] == [FILE], "no temporary file is left"


def test_a_broken_lock_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text('{"schema": 1,\n', encoding="utf-8")
    with pytest.raises(MemguardError, match="is not valid JSON"):
        lock.write(str(tmp_path), {"a": PANDAS})
    assert path.read_text(encoding="utf-8") == '{"schema": 1,\n'


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(MemguardError, match="cannot be written") as raised:
        lock.write(str(tmp_path / "gone"), {"a": PANDAS})
    assert raised.value.path == FILE


def test_folders_tell_entry_points_apart() -> None:
    assert lock.name_entry("main.py", "") == "main.py"
    assert lock.name_entry("main.py", "bots/one") == "main.py in bots/one"


def test_reading_loads_next_to_nothing() -> None:
    code = "import sys; import memguard_hooks.catalog.lock; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.startswith("memguard_hooks.")}
    assert {name.removeprefix("memguard_hooks.") for name in ours} == {
        "catalog",
        "catalog.lock",
        "errors",
        "formats",
        "formats.json_document",
        "formats.position",
        "pattern",
        "record",
    }
    assert not {"subprocess", "tempfile", "importlib.metadata", "yaml", "libcst", "tomli"} & set(loaded)
