"""The report as one JSON object, schema 1. Memory is in MiB with one digit."""

from __future__ import annotations

from functools import cache

from memguard_hooks.finding import Estimate, Figures, Finding, Part, Report, ServiceReport, Skipped, Step, in_mib
from memguard_hooks.output import write_json


def render(report: Report) -> str:
    """Write the whole report; the same report gives the same bytes."""
    value = {
        "schema": 1,
        "findings": [_finding(finding) for finding in report.findings],
        "services": [service_json(service) for service in report.services],
        "skipped": [_skipped(skipped) for skipped in report.skipped],
    }
    return write_json(value) + "\n"


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "hook": finding.hook,
        "severity": finding.severity,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
        "mib": in_mib(finding.cost),
        "chain": _chain(finding.chain),
        "fix": "\n".join(finding.fix) or None,
    }


def service_json(service: ServiceReport) -> dict[str, object]:
    """Return one service as an object."""
    estimate = service.estimate
    return {
        "name": service.name,
        "path": service.path,
        "line": service.line,
        "command": service.command,
        "entrypoint": service.entrypoint,
        "processes": service.processes,
        "cpus": service.cpus,
        "limit_mib": None if service.limit is None else in_mib(service.limit),
        "limit_source": service.limit_source,
        "estimate_mib": estimate and _estimate(estimate),
        "judged": service.judged,
        "verdict": service.verdict,
        "reason": service.reason,
        "per_process_mib": service.worker and in_mib(service.worker.expected),
        "instead_of": list(service.instead_of),
        "parts": [_part(part) for part in service.parts],
        "also": [{"command": command, "mib": None if size is None else in_mib(size)} for command, size in service.also],
    }


def _estimate(estimate: Estimate) -> dict[str, object]:
    """Return the figures at start, and below them those of the other moments."""
    low, expected, high, anonymous, commit, peak = _figures(estimate.start).items()
    return dict(
        [low, expected, high, anonymous, ("all_loaded", in_mib(estimate.all.expected)), commit, peak],
        serving=_figures(estimate.serving),
        all=_figures(estimate.all),
    )


def _figures(figures: Figures) -> dict[str, float | None]:
    told = {name: size for name, size in figures._asdict().items() if name != "passing"}
    return {name: in_mib(size) for name, size in (*told.items(), ("peak", figures.peak))}


def _part(part: Part) -> dict[str, object]:
    return {
        "package": part.package,
        "version": part.version,
        "mib": in_mib(part.resident),
        "anonymous_mib": in_mib(part.anonymous),
        "moment": part.moment,
        "source": part.source,
        "chain": _chain(part.chain),
    }


def _chain(steps: tuple[Step, ...]) -> list[dict[str, object]]:
    return list(map(_step, steps))


@cache  # findings have their first steps in common
def _step(step: Step) -> dict[str, object]:
    return step._asdict()


def _skipped(skipped: Skipped) -> dict[str, object]:
    return {"path": skipped.path, "line": skipped.line, "reason": skipped.reason}
