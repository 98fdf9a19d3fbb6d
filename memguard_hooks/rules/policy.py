"""What several families of rules share: which packages are forbidden, withdrawn, or too new, and what comments allow."""

from __future__ import annotations

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Finding, Report, Severity, Skipped
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping

    from memguard_hooks.allowance import Allowance
    from memguard_hooks.deployment.service import ServicePlace
    from memguard_hooks.project.project import Project
    from memguard_hooks.project.settings import AllowedName, Settings

LITELLM = "litellm"
CEILING = "<1.70"

WITHDRAWN = {LITELLM: {"1.82.7": "it was backdoored", "1.82.8": "it was backdoored"}}
"""Releases taken from the index for what they did: litellm 1.82.7 and 1.82.8, March 2026."""

FORBIDDEN = (
    "torch",
    "tensorflow",
    "transformers",
    "tokenizers",
    "huggingface-hub",
    "grpcio",
    "google-api-python-client",
)

COMPANIONS = {"huggingface-hub": "hf-xet"}
"""Package → what it uses where it is installed; without it huggingface-hub downloads by plain HTTP and says so."""


class Forbidden(Record):
    """The names that are forbidden in a project, and those of which a way through others is an error."""

    names: frozenset[str]
    grave: frozenset[str]


def forbidden_names(settings: Settings) -> frozenset[str]:
    """Return the packages that are forbidden under the settings."""
    from memguard_hooks.dependencies.requirement import normalize_name

    left_out = map(normalize_name, (*settings.forbid_remove, *settings.forbid_allow))
    return frozenset({*FORBIDDEN, *map(normalize_name, settings.forbid_add)}.difference(left_out))


LARGE = 4096 * MIB
"""Memory of a host from which on no package that is forbidden by default takes more than an eighth of it: torch 507 MiB."""


def on_large_hosts(report: Report, settings: Settings) -> Report:
    """Return a report whose default bans are warnings where all services fit large hosts that are known.

    They are for small hosts; what the settings add stays an error.
    """
    fits = [one.verdict == "ok" and one.limit_source != "default" and (one.limit or 0) >= LARGE for one in report.services]
    if not fits or not all(fits):
        return report
    own = {*settings.forbid_add, *settings.heavy_add}
    findings = tuple(
        one._replace(severity="warning") if one.code in _FOR_SMALL_HOSTS and one.subject not in own else one
        for one in report.findings
    )
    committed = None if report.committed is None else on_large_hosts(report.committed, settings)
    return report._replace(findings=findings, committed=committed)


_FOR_SMALL_HOSTS = frozenset({"MG110", "MG111", "MG201"})
"""What is forbidden, declared or brought by others, and what is loaded at start."""


def unexplained(allowed: Mapping[str, AllowedName], hook: str) -> list[Finding]:
    """Return a finding for each name that the settings allow without a reason."""
    return [
        Finding(
            one.path,
            one.line,
            one.column,
            "MG190",
            f"{name} is allowed without a reason",
            hook,
            name,
            fix=(f'write `{name} = "why"`',),
        )
        for name, one in allowed.items()
        if not one.reason
    ]


def allowances_in(project: Project, path: str) -> list[Allowance]:
    """Return the allowances in the comments of a Python file; one that cannot be read is noted."""
    data = project.read_file(path)
    if data is None or b"memguard:" not in data:
        return []
    from memguard_hooks.allowance import read_allowances
    from memguard_hooks.formats.python_source import decode
    from memguard_hooks.formats.python_tokens import scan

    try:
        scanned = scan(decode(data, path))
        if scanned.problem is not None:
            raise MemguardError(scanned.problem, path, scanned.line)
    except MemguardError as error:
        project.skipped.append(Skipped(path, error.line, error.message))
        return []
    return read_allowances((path, *comment) for comment in scanned.comments)


def found_at(
    hook: str,
    place: ServicePlace,
    code: str,
    subject: str,
    message: str,
    *fix: str,
    severity: Severity = "warning",
    cost: int | None = None,
    is_fixable: bool = False,
) -> Finding:
    """Return a finding of a hook at a place that a file names, about a service, a variable or a key; `cost` is bytes."""
    where = place.path, place.line, place.column
    return Finding(*where, code, message, hook, subject, severity, cost, fix=fix, is_fixable=is_fixable)
