"""What all these rules say things with."""

from __future__ import annotations

from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.finding import Finding, Severity

HOOK = "deploy-config"

FIXABLE = frozenset({"MG401", "MG402", "MG403", "MG406", "MG701", "MG702", "MG704", "MG705"})
"""What `memguard fix` may correct where it stands."""


def finding(
    place: ServicePlace,
    code: str,
    subject: str,
    message: str,
    *fix: str,
    severity: Severity = "warning",
    cost: int | None = None,
) -> Finding:
    """Return a finding of this hook about a service, a variable or a key; `cost` is bytes."""
    return Finding(
        place.path,
        place.line,
        place.column,
        code,
        message,
        HOOK,
        subject,
        severity,
        cost,
        fix=fix,
        is_fixable=code in FIXABLE,
    )
