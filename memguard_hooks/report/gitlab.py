"""The report as GitLab's Code Quality: a JSON array, an object for each finding, which a merge request shows at its lines.

GitLab reads a description, the name of the check, a fingerprint, a severity, a path from the top of the repository and a
line (docs.gitlab.com/ci/testing/code_quality, "Code Quality report format"). It knows a finding again by its fingerprint, so
that a merge request shows what is new and what is fixed.
"""

from __future__ import annotations

from memguard_hooks.finding import Finding, Report, Skipped, identities
from memguard_hooks.output import visible, write_json
from memguard_hooks.report.github import fix_lines, most_severe_first
from memguard_hooks.store import digest

SEVERITIES = {"error": "major", "warning": "minor"}
"""What GitLab calls a severity: it also has info, critical and blocker."""


def render(report: Report) -> str:
    """Write an object for each finding, and for what is at fault; the same report gives the same bytes."""
    names = dict(zip(report.findings, identities(report.findings), strict=True))
    issues = [_fault(one) for one in report.skipped if one.broken]
    issues += [_issue(one, names[one]) for one in most_severe_first(report.findings)]
    return write_json(issues) + "\n"


def _issue(finding: Finding, identity: tuple[str, str, str, int]) -> dict[str, object]:
    text = "; ".join(map(visible, [finding.message, *fix_lines(finding)]))
    return _object(
        finding.code, f"{finding.code} {text}", SEVERITIES[finding.severity], finding.path, finding.line, identity
    )


def _fault(fault: Skipped) -> dict[str, object]:
    identity = ("", fault.path, fault.reason, fault.line or 0)
    return _object("memguard", visible(fault.reason), "critical", fault.path, fault.line or 1, identity)


def _object(
    check: str, text: str, severity: str, path: str, line: int, identity: tuple[str, str, str, int]
) -> dict[str, object]:
    return {
        "description": text,
        "check_name": check,
        "fingerprint": digest(*(str(part).encode("utf-8", "surrogatepass") for part in identity)).hex(),
        "severity": severity,
        "location": {"path": visible(path), "lines": {"begin": line}},
    }
