"""What was measured, as JSON. Memory is in MiB with two digits."""

from __future__ import annotations

from collections.abc import Sequence

from memguard_hooks.catalog.lock import Measured
from memguard_hooks.finding import MIB, Skipped, Step
from memguard_hooks.measure.attribution import BroughtBy
from memguard_hooks.measure.comparison import differences
from memguard_hooks.measure.limit import Outcome
from memguard_hooks.measure.serving import ServingSample
from memguard_hooks.output import write_json
from memguard_hooks.report.measurement import EntryResult, ServiceResult, name_process


def render(
    entries: Sequence[EntryResult], service: ServiceResult | None, skipped: Sequence[Skipped], against: str | None = None
) -> str:
    """Write all that was measured as one object; `against` is the commit of what stands beside it."""
    value = {
        "schema": 1,
        "entrypoints": [entry_json(one) for one in entries],
        "service": None if service is None else service_json(service),
        "skipped": [{"path": one.path, "line": one.line, "reason": one.reason} for one in skipped],
    }
    if against is not None:
        value["against"] = against
    return write_json(value) + "\n"


def entry_json(result: EntryResult) -> dict[str, object]:
    """Return one entry point as an object."""
    run, measured = result.run, result.measured
    value: dict[str, object] = {
        "entrypoint": result.name,
        "python": measured.python,
        "platform": measured.platform,
        "method": measured.method,
        "interpreter": result.interpreter,
        "ending": run.ending,
        "error": run.error or None,
        "stopped_at": result.stopped_at or None,
        "children": run.children,
        "resident_mib": _mib(run.size.resident),
        "anonymous_mib": _mib(run.size.anonymous),
        "peak_mib": _mib(run.peak),
        "base_mib": _mib(measured.base.resident),
        "first_party": {
            "source": measured.source,
            "resident_mib": _mib(measured.first_party.resident),
            "besides_imports_mib": _mib(result.found.rest.resident),
        },
        "imports": [
            {"chain": _steps(one.chain), "saving_mib": _mib(one.saving.resident), **_branch_json(one.branch, measured)}
            for one in result.found.imports
        ],
        "bytecode": {
            "missing": result.uncompiled_modules,
            "still_missing": result.found.without_bytecode,
            "resident_mib_without": None if result.uncompiled is None else _mib(result.uncompiled.size.resident),
        },
        "limit": outcome_json(result.outcome),
    }
    if result.compared:
        value["compared"] = [
            {"package": one.package, "estimated_mib": _mib(one.estimated), "measured_mib": _mib(one.measured)}
            for one in result.compared
        ]
    if result.before is not None:
        value["before"] = {
            "resident_mib": _mib(result.before.base.resident + result.before.total.resident),
            "anonymous_mib": _mib(result.before.base.anonymous + result.before.total.anonymous),
            "packages": [
                {"package": one.package, "own_mib_before": _mib(one.before), "own_mib": _mib(one.now)}
                for one in differences(result.before, measured)
                if one.size
            ],
        }
    return value


def _branch_json(branch: BroughtBy, measured: Measured) -> dict[str, object]:
    package = measured.packages.get(branch.package)
    return {
        "package": branch.package,
        "distribution": package.distribution if package else None,
        "version": package.version if package else None,
        "own_mib": _mib(branch.own.resident),
        "mib": _mib(branch.cumulative.resident),
        "anonymous_mib": _mib(branch.cumulative.anonymous),
        "also": list(branch.also),
        "imports": [_branch_json(one, measured) for one in branch.branches],
    }


def _steps(chain: Sequence[Step]) -> list[dict[str, object]]:
    return [step._asdict() for step in chain]


def _mib(size: int | None) -> float | None:
    return None if size is None else round(size / MIB, 2)


def outcome_json(outcome: Outcome | None) -> dict[str, object] | None:
    """Return what a limit came to as an object."""
    if outcome is None:
        return None
    return {
        "limit_mib": _mib(outcome.limit),
        "enforced": outcome.is_enforced,
        "reason": outcome.reason or None,
        "failed": outcome.failed,
        "kills": outcome.kills,
        "resident_mib": _mib(outcome.resident),
        "anonymous_mib": _mib(outcome.anonymous),
        "charged_mib": _mib(outcome.charged),
    }


def service_json(result: ServiceResult) -> dict[str, object]:
    """Return one service as an object."""
    served, before = result.served, result.before
    value: dict[str, object] = {
        "name": result.name,
        "command": served.command,
        "status": served.status,
        "rested": served.rested,
        "limit_mib": _mib(result.limit),
        "estimate_mib": _mib(result.estimated),
        "requests": {
            "sent": served.requests if served.after else 0,
            "answered": served.answered,
            "statuses": list(served.statuses),
        },
        "sessions": served.sessions,
        "idle": _reading_json(served.idle),
        "after": _reading_json(served.after),
        "outside": [{"address": one.address, "port": one.port} for one in served.outside],
        "limit": outcome_json(served.outcome),
    }
    if before is not None:
        value["before"] = {"idle": _reading_json(before.idle), "after": _reading_json(before.after)}
    return value


def _reading_json(reading: ServingSample | None) -> dict[str, object] | None:
    if reading is None:
        return None
    return {
        "mib": _mib(reading.total),
        "processes": [
            {
                "command": name_process(one),
                "pss_mib": _mib(one.memory.shared),
                "uss_mib": _mib(one.memory.own),
                "rss_mib": _mib(one.memory.resident),
            }
            for one in reading.processes
        ],
    }
