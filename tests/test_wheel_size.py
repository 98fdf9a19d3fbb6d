"""How large a wheel is, by what locks of uv say."""

from __future__ import annotations

import pytest

from memguard_hooks.dependencies.wheel_size import find_packages, largest_wheel

UV = b"""version = 1

[[package]]
name = "One.Name"
version = "1.0"
wheels = [
    { url = "https://x/one-1-cp311-cp311-manylinux_2_28_x86_64.whl", hash = "sha256:1", size = 300 },
    { url = "https://x/one-1-cp312-cp312-manylinux_2_28_x86_64.whl", hash = "sha256:1", size = 400 },
    { url = "https://x/one-1-cp312-cp312-musllinux_1_2_x86_64.whl", hash = "sha256:1", size = 500 },
    { url = "https://x/one-1-cp312-cp312-win_amd64.whl", hash = "sha256:1", size = 600 },
]

[[package]]
name = "two"
version = "1.0"
sdist = { url = "https://x/two-1.tar.gz", hash = "sha256:1", size = 900 }
"""
PYLOCK = b"""lock-version = "1.0"

[[packages]]
name = "one"
version = "1.0"
sdist = { url = "https://x/one-1.tar.gz", upload-time = 2026-01-01T00:00:00Z, size = 900, hashes = { sha256 = "1" } }
wheels = [{ url = "https://x/one-1-py3-none-any.whl", upload-time = 2026-01-01T00:00:00Z, size = 70, hashes = {} }]
"""


def size_of(data: bytes, name: str) -> int | None:
    start, end = find_packages(data).get(name, (0, 0))
    return largest_wheel(data[start:end])


@pytest.mark.parametrize(
    ("data", "name", "size"),
    [
        pytest.param(UV, "one-name", 400, id="the largest for Linux on x86-64"),
        pytest.param(UV, "two", None, id="no wheel"),
        pytest.param(UV, "three", None, id="not there"),
        pytest.param(PYLOCK, "one", 70, id="pylock"),
        pytest.param(UV.replace(b"size = 400", b"size = " + b"9" * 400), "one-name", 300, id="no size"),
        pytest.param(b"", "one", None, id="empty"),
    ],
)
def test_size(data: bytes, name: str, size: int | None) -> None:
    assert size_of(data, name) == size


def test_long_values_are_not_looked_through() -> None:
    block = b'[[package]]\nname = "x"\nwheels = [{ url = "' + b"a" * 2_000_000 + b'.whl", size = 3 }]\n'
    assert size_of(block, "x") is None
