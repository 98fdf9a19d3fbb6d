"""The report as a badge: the JSON that shields.io draws from an address (its "Endpoint Badge").

It shows the service that is nearest to its limit: `memory | 604 of 512 MiB`.
"""

from __future__ import annotations

from memguard_hooks.finding import Report, ServiceReport
from memguard_hooks.output import visible, write_json
from memguard_hooks.report import outline

COLORS = {"ok": "brightgreen", "warning": "yellow", "error": "red", "unknown": "lightgrey"}


def render(report: Report) -> str:
    """Write one object; the same report gives the same bytes."""
    service = max(report.services, key=_rank, default=None)
    if report.broken or service is None:
        message, color = "unknown", COLORS["unknown"]
    else:
        name = f"{service.name}: " if len(report.services) > 1 else ""
        message, color = visible(name + outline.amount(service)), COLORS[service.verdict]
    return write_json({"schemaVersion": 1, "label": "memory", "message": message, "color": color}) + "\n"


def _rank(service: ServiceReport) -> tuple[int, float]:
    """Order services by their verdict, then by the share of the limit that they take."""
    taken = 0 if service.taken is None or not service.limit else service.taken.expected / service.limit
    return ("ok", "unknown", "warning", "error").index(service.verdict), taken
