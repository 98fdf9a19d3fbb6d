"""How large the wheel of a package is, by the lock that names it: uv.lock and pylock.toml tell it of each archive.

Only the bytes around the package's name are looked at: a lock is parsed without its archives, which are most of it.
"""

from __future__ import annotations

from memguard_hooks.dependencies.requirement import normalize_name
from memguard_hooks.pattern import late_pattern

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from memguard_hooks.dependencies.inventory import Inventory
    from memguard_hooks.dependencies.lock import Lock

MB = 1_000_000
"""Bytes, as platforms count what is deployed."""

UNPACKED, LEAST = 2.99, 2.54
"""What wheels come to once they are unpacked, and what 95 of 100 sets of 40 exceed: 1,552 wheels
(`benchmarks/unpacked_wheels.py`, 2026-11-29)."""

_PACKAGE = late_pattern(rb'(?m)^\[\[packages?\]\]\r?\nname = "([^"\n]*)"')
_WHEEL = late_pattern(rb"""(?:url|name|path) = ["']([^"'\n]{1,1000})["'][^{}\n]{0,300}?\bsize = (\d{1,12})(?!\d)""")

MAX_BLOCK = 2**18
"""Of what a lock says of one package: some have a hundred wheels, of some hundred bytes each."""


def find_packages(data: bytes) -> dict[str, tuple[int, int]]:
    """Return where in a lock each package stands, by canonical name."""
    starts = [(match.start(), match[1].decode("utf-8", "replace")) for match in _PACKAGE.finditer(data)]
    ends = [*(start for start, _ in starts), len(data)][1:]
    return {normalize_name(name): (start, end) for (start, name), end in zip(starts, ends, strict=True)}


def largest_wheel(block: bytes) -> int | None:
    """Return the bytes of the wheel that Linux on x86-64 installs, by what a lock says of one package; None if nothing.

    Of several, for several Pythons, it is the largest.
    """
    sizes = [int(size) for wheel, size in _WHEEL.findall(block[:MAX_BLOCK]) if _is_for_linux(wheel)]
    return max(sizes, default=None)


def installed_wheels(data: bytes, lock: Lock, inventory: Inventory, smallest: int = 1) -> list[tuple[int, str]]:
    """Return the bytes and name of each wheel from `smallest` up that a lock of these bytes installs, the largest first."""
    places = find_packages(data)
    sized = {name: largest_wheel(data[slice(*places[name])]) or 0 for name in inventory.installs(lock) & places.keys()}
    return sorted(((size, name) for name, size in sized.items() if size >= smallest), reverse=True)


def _is_for_linux(wheel: bytes) -> bool:
    if not wheel.endswith(b".whl"):
        return False
    platform = wheel.removesuffix(b".whl").rpartition(b"-")[2]
    return platform == b"any" or (b"linux" in platform and b"x86_64" in platform and b"musl" not in platform)
