"""How the rules on dependencies report a requirement."""

from __future__ import annotations

from memguard_hooks.dependencies.requirement import Requirement
from memguard_hooks.finding import CODES, Finding, Severity


def finding(
    requirement: Requirement,
    code: str,
    message: str,
    *fix: str,
    severity: Severity = "warning",
    cost: int | None = None,
    subject: str | None = None,
) -> Finding:
    """Return a finding at a requirement, about the package that it names unless another one is the `subject`."""
    path, line, column = requirement.path, requirement.line, requirement.column
    about = subject or requirement.name
    return Finding(path, line, column, code, message, CODES[code], about, severity, cost, (), fix, requirement.end_line)
