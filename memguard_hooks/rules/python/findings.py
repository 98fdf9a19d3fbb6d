"""What all these rules say things with."""

from __future__ import annotations

from functools import partial

from memguard_hooks.rules.policy import found_at

HOOK = "python-runtime"


finding = partial(found_at, HOOK)
"""Return a finding of this hook about a service or a package."""


def today() -> str:
    """Return the day, `2026-11-28`: Pythons reach their end of life, and tables grow old."""
    import time

    return time.strftime("%Y-%m-%d", time.gmtime())
