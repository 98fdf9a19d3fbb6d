"""What all these rules say things with."""

from __future__ import annotations

from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.finding import Finding, Severity
from memguard_hooks.rules.policy import found_at

HOOK = "deploy-config"

FIXABLE = frozenset({"MG401", "MG402", "MG403", "MG406", "MG701", "MG702", "MG704", "MG705"})
"""What `memguard fix` may correct where it stands."""


def finding(
    place: ServicePlace,
    code: str,
    subject: str,
    text: str,
    *fix: str,
    severity: Severity = "warning",
    cost: int | None = None,
) -> Finding:
    """Return a finding of this hook, as `found_at` does."""
    is_fixable = code in FIXABLE
    return found_at(HOOK, place, code, subject, text, *fix, severity=severity, cost=cost, is_fixable=is_fixable)
