"""What all these rules say things with."""

from __future__ import annotations

from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.finding import Finding, Severity

HOOK = "python-runtime"


def finding(
    place: ServicePlace,
    code: str,
    subject: str,
    message: str,
    *fix: str,
    severity: Severity = "warning",
    is_fixable: bool = False,
) -> Finding:
    """Return a finding of this hook about a service or a package."""
    where = (place.path, place.line, place.column)
    return Finding(*where, code, message, HOOK, subject, severity, fix=fix, is_fixable=is_fixable)


def today() -> str:
    """Return the day, `2026-11-28`: Pythons reach their end of life, and tables grow old."""
    import time

    return time.strftime("%Y-%m-%d", time.gmtime())
