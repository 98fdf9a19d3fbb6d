"""Which names a manifest seems to declare more than once, by its bytes; its reader then tells whether it does."""

from __future__ import annotations

from collections import Counter

from memguard_hooks.dependencies.requirement import MAX_BYTES, normalize_name
from memguard_hooks.pattern import late_pattern

_SPECIFIED = rb"([A-Za-z0-9][\w.-]{0,100})[ \t]{0,9}(?:\[[^\]\r\n]{0,200}\])?[ \t]{0,9}"
_ON_A_LINE = late_pattern(rb"(?m)^[ \t]{0,20}" + _SPECIFIED + rb"(?=[=<>!~;@#\r\n]|\Z)")
_IN_QUOTES = late_pattern(rb"[\"']" + _SPECIFIED + rb"(?=[=<>!~;@\"'])")


def find_repeated(data: bytes, path: str) -> frozenset[str]:
    """Return the canonical names that stand at least twice where a requirement may begin; of what no reader reads, none."""
    if len(data) > MAX_BYTES:
        return frozenset()
    pattern = _ON_A_LINE if path.endswith((".txt", ".in")) else _IN_QUOTES
    counts = Counter(normalize_name(match[1].decode("ascii", "replace")) for match in pattern.finditer(data))
    return frozenset(name for name, count in counts.items() if count > 1)
