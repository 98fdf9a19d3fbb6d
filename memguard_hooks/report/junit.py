"""The report as JUnit's XML, which Jenkins, GitLab, Azure and others show as tests: a service or a finding is a test case.

No standard names the elements; these are the ones that its readers share: `testsuite` with `testcase`, and in it `failure`
for an error, `skipped` for what could not be judged, `error` for input at fault. A warning passes, and is told as the output
of its test case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from memguard_hooks.finding import Finding, Report, ServiceReport, Skipped, chain, summary
from memguard_hooks.output import plain, visible
from memguard_hooks.report import outline
from memguard_hooks.report.github import fix_lines, most_severe_first


def render(report: Report) -> str:
    """Write one suite; the same report gives the same bytes."""
    cases = [
        *(_at_fault(one) for one in report.skipped if one.broken),
        *(_service(one, report) for one in _well(report)),
        *(_finding(one) for one in most_severe_first(report.findings)),
        *(_skipped(one) for one in report.skipped if not one.broken),
    ]
    failures = sum(finding.severity == "error" for finding in report.findings)
    errors = report.broken
    skipped = sum("<skipped" in case for case in cases)
    numbers = f'tests="{len(cases)}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
    body = "".join(cases)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites {numbers}>\n<testsuite name="memguard" {numbers}>\n{body}</testsuite>\n</testsuites>\n'
    )


def _well(report: Report) -> Iterator[ServiceReport]:
    """Yield the services that no finding speaks of."""
    told = {(one.path, one.subject) for one in report.findings if outline.is_told_with_service(one)}
    return (one for one in report.services if (one.path, one.name) not in told)


def _service(service: ServiceReport, report: Report) -> str:
    text = summary(service, report.since)
    inside = _tell("system-out", [text]) if service.estimate is not None else _tell("skipped", [], service.reason or text)
    return _case(outline.HOOK, service.name, service.path, inside)


def _finding(finding: Finding) -> str:
    lines = [f"{finding.path}:{finding.line}:{finding.column}: {finding.message}"]
    lines += [f"import path: {chain(finding.chain)}"] if len(finding.chain) > 1 else []
    lines += fix_lines(finding)
    is_error = finding.severity == "error"
    inside = _tell("failure", lines, finding.message, finding.code) if is_error else _tell("system-out", lines)
    return _case(finding.hook, f"{finding.code} {finding.subject} at {finding.path}:{finding.line}", finding.path, inside)


def _at_fault(fault: Skipped) -> str:
    return _case("memguard", outline.place(fault), fault.path, _tell("error", [], fault.reason))


def _skipped(gap: Skipped) -> str:
    return _case("memguard", f"{outline.place(gap)}: {gap.reason}", gap.path, _tell("skipped", [], gap.reason))


def _case(hook: str, name: str, path: str, inside: str) -> str:
    return (
        f"<testcase classname={_attribute(hook)} name={_attribute(name)} file={_attribute(path)}>\n{inside}\n</testcase>\n"
    )


def _tell(tag: str, lines: Sequence[str], message: str = "", kind: str = "") -> str:
    attributes = "".join(f" {key}={_attribute(value)}" for key, value in (("message", message), ("type", kind)) if value)
    return f"<{tag}{attributes}>\n{escape(plain(lines))}</{tag}>" if lines else f"<{tag}{attributes}/>"


def _attribute(text: str) -> str:
    return quoteattr(visible(text))
