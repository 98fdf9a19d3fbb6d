"""The report as SARIF 2.1.0, with each rule's documentation, for code scanning.

All rules are listed, also those that found nothing: GitHub expects the rules of a tool to be the same in each file
(github/docs, "SARIF support for code scanning", read 2026-11-22). It refuses a file with more than 25,000 results.

A finding is known again by `memguardIdentity/v1`, wherever it has moved in its file. `primaryLocationLineHash`, which GitHub
goes by, is left to its own action for uploads, which hashes the line's text and warns of each result that has another.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from urllib.parse import quote

from memguard_hooks.finding import MIB, Finding, Report, Skipped, Step, identities
from memguard_hooks.output import visible, write_json
from memguard_hooks.published import NAME, REPOSITORY, tag, version
from memguard_hooks.report.github import fix_lines, most_severe_first
from memguard_hooks.report.json_ import service_json
from memguard_hooks.rules import DOCUMENTED, Rule, read_rule
from memguard_hooks.tree import normalize

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "SRCROOT"
MAX_RESULTS = 25_000
RULES = tuple(sorted(DOCUMENTED))


def render(report: Report) -> str:
    """Write one log with one run, the most severe results first; the same report gives the same bytes."""
    names = dict(zip(report.findings, identities(report.findings), strict=True))
    findings = most_severe_first(report.findings)
    skipped = report.skipped
    if len(findings) > MAX_RESULTS:
        left = len(findings) - MAX_RESULTS
        reason = f"a file may hold {MAX_RESULTS} results: {left} of {len(findings)} findings left out"
        skipped = (*skipped, Skipped(".", None, reason))
    run = {
        "tool": {"driver": _driver()},
        "invocations": [
            {
                "executionSuccessful": not any(one.broken for one in skipped),
                "toolExecutionNotifications": [_notification(one) for one in skipped],
            }
        ],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the project."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, names[one]) for one in findings[:MAX_RESULTS]],
        "properties": {
            "since": report.since,
            "baseline": report.baseline,
            "known": report.known,
            "mended": report.fixed,
            "services": [service_json(service) for service in report.services],
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    text = write_json(log, indent=None)
    if r"\ud" in text:  # a name that is no UTF-8 would make a text that is no Unicode, which strict readers refuse
        unicode = json.dumps(log, ensure_ascii=False).encode("utf-8", "replace")
        text = write_json(json.loads(unicode), indent=None)
    return f"{text}\n"


def _driver() -> dict[str, object]:
    """Return this tool and its rules, with the address and the version that its package was published with."""
    page = rules_page()
    return {
        "name": NAME,
        "version": version(),
        "informationUri": REPOSITORY,
        "rules": [_rule(read_rule(code), page) for code in RULES],
    }


def rules_page() -> str:
    """Return the address of the page of all rules, of the newest commit where no version is installed."""
    return f"{REPOSITORY}/blob/{tag() or 'HEAD'}/docs/rules.md"


def anchor(rule: Rule) -> str:
    """Return where a rule stands on the page of all rules: its heading, as GitHub makes an anchor of it."""
    heading = rule.text.partition("\n")[0]
    return re.sub(r"[^\w -]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def _rule(rule: Rule, page: str) -> dict[str, object]:
    _, reported, *_ = rule.text.split("\n\n", 2)
    found = re.search(r"## What it finds\n\n(.+?)\n\n", rule.text, re.DOTALL)
    level = "error" if "as an error" in reported else "warning"
    return {
        "id": rule.code,
        "shortDescription": {"text": f"{rule.title[:1].upper()}{rule.title[1:]}."},
        "fullDescription": {"text": " ".join((found[1] if found else rule.title).split())},
        "help": {"text": rule.text, "markdown": rule.text},
        "helpUri": f"{page}#{anchor(rule)}",
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["memory", rule.hook.replace(" ", "-")], "problem.severity": level},
    }


def _result(finding: Finding, identity: tuple[str, str, str, int]) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": finding.code,
        "ruleIndex": RULES.index(finding.code),
        "level": finding.severity,
        "message": {"text": "\n".join(map(_plain, [finding.message, *fix_lines(finding)]))},
        "locations": [_location(finding.path, finding.line, finding.column, finding.end_line)],
        "partialFingerprints": {"memguardIdentity/v1": _digest(identity)},
        "properties": {
            "hook": finding.hook,
            "subject": finding.subject,
            "mib": None if finding.cost is None else round(finding.cost / MIB, 1),
        },
    }
    if any((step.path, step.line) != (finding.path, finding.line) for step in finding.chain):
        result["codeFlows"] = [{"threadFlows": [{"locations": [_step(step) for step in finding.chain]}]}]
    return result


def _digest(identity: tuple[str, str, str, int]) -> str:
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


@cache  # findings have their first steps in common
def _step(step: Step) -> dict[str, object]:
    return {"location": {**_location(step.path, step.line), "message": {"text": _plain(f"imports {step.module}")}}}


def _notification(skipped: Skipped) -> dict[str, object]:
    """Return what was not read, and where; neither the root nor a path that leads out of it is a place."""
    is_place = normalize(skipped.path) == skipped.path
    text = skipped.reason if is_place or skipped.path == "." else f"{skipped.path}: {skipped.reason}"
    value: dict[str, object] = {"level": "error" if skipped.broken else "note", "message": {"text": _plain(text)}}
    if is_place:
        value["locations"] = [_location(skipped.path, skipped.line)]
    return value


def _location(path: str, line: int | None, column: int | None = None, end_line: int | None = None) -> dict[str, object]:
    place: dict[str, object] = {
        "artifactLocation": {"uri": quote(path, safe="/", errors="surrogatepass"), "uriBaseId": ROOT}
    }
    if line is not None:
        place["region"] = {
            name: value
            for name, value in (("startLine", line), ("startColumn", column), ("endLine", end_line))
            if value is not None
        }
    return {"physicalLocation": place}


def _plain(text: str) -> str:
    """Write a line that is seen as it is, and part the brackets of a link: `[text](target)` is one even in a plain text."""
    return visible(text).replace("](", "] (")
