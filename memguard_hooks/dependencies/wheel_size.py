"""How large the wheel of a package is, by the lock that names it: uv.lock and pylock.toml tell it of each archive.

Only the bytes around the package's name are looked at: a lock is parsed without its archives, which are most of it.
"""

from __future__ import annotations

import re

from memguard_hooks.dependencies.requirement import normalize_name

_PACKAGE = re.compile(rb'(?m)^\[\[packages?\]\]\r?\nname = "([^"\n]*)"')
_WHEEL = re.compile(rb"""(?:url|name|path) = ["'][^"'\n]*?([^/"'\n]+\.whl)["'][^{}\n]*?\bsize = (\d+)""")


def wheel_size(data: bytes, name: str) -> int | None:
    """Return the bytes of the wheel that Linux on x86-64 installs, None where the lock does not tell.

    Of several, for several Pythons, it is the largest.
    """
    for header in _PACKAGE.finditer(data):
        if normalize_name(header[1].decode("utf-8", "replace")) == name:
            end = data.find(b"\n[[package", header.end())
            return _largest(data[header.start() : end if end >= 0 else len(data)])
    return None


def _largest(block: bytes) -> int | None:
    sizes = [int(size) for wheel, size in _WHEEL.findall(block) if _is_for_linux(wheel)]
    return max(sizes, default=None)


def _is_for_linux(wheel: bytes) -> bool:
    platform = wheel.removesuffix(b".whl").rpartition(b"-")[2]
    return platform == b"any" or (b"linux" in platform and b"x86_64" in platform and b"musl" not in platform)
