"""Findings that a project has known since it adopted the hooks: they stay silent, what is new fails.

The file is JSON with a line for each finding, sorted, to be committed. A finding is known again by its code, its file and
what it is about, wherever it has moved in the file and whatever its figures are now. Of each service the file holds the
estimate, so that its growth can be judged although it is over its limit already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import MIB, Report, identities
from memguard_hooks.formats.json_document import JsonDocument, parse
from memguard_hooks.tree import Tree, inside

FILE = "memguard-baseline.json"

MAX_BYTES = 16 * MIB

GROWTH = 25 * MIB
"""What a service that is known to be over its budget may grow, where the settings name no `growth`."""

GROWN = "MG303"
"""Says what is new by its nature."""

Identity = tuple[str, str, str, int]


class Baseline(NamedTuple):
    """What is known: findings by their identity, and estimates in bytes by the file and the name of each service."""

    path: str
    findings: frozenset[Identity]
    services: Mapping[tuple[str, str], int]

    def knows(self, code: str, path: str, subject: str) -> bool:
        """Tell whether such a finding is known."""
        return (code, path, subject, 0) in self.findings


def read(tree: Tree, named: str | None) -> Baseline | None:
    """Read what is known, None where the project keeps no such file.

    Raises MemguardError for a file that does not parse, and for one that is named and not there or not in the project.
    """
    path = FILE if named is None else inside(tree.root, named)
    data = tree.read(path)
    if data is None:
        if named is None:
            return None
        raise MemguardError("no such baseline: `memguard check --write-baseline` writes it", path)
    document = parse(data, path, MAX_BYTES)
    root = document.data
    if not isinstance(root, dict) or root.get("schema") != 1:
        raise MemguardError("is no baseline of schema 1", path, 1, 1)
    alike: dict[tuple[str, str, str], int] = {}
    findings: set[Identity] = set()
    for row in _rows(document, "findings", ("code", "path", "subject")):
        name = (row["code"], row["path"], row["subject"])
        alike[name] = alike.get(name, -1) + 1
        findings.add((*name, alike[name]))
    rows = _rows(document, "services", ("path", "name"))
    return Baseline(path, frozenset(findings), {(row["path"], row["name"]): int(row["mib"] * MIB) for row in rows})


def _rows(document: JsonDocument, key: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = document.data.get(key, [])
    if not isinstance(rows, list):
        raise _error(document, f"{key} must be a list", (key,))
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in names):
            raise _error(document, f"each of {key} must have {', '.join(names)}", (key, number))
        size = row.get("mib", 0)
        if isinstance(size, bool) or not isinstance(size, (int, float)) or not 0 <= size < MIB:
            raise _error(document, "mib must be a number of MiB", (key, number))
    return rows


def _error(document: JsonDocument, message: str, key: tuple[str | int, ...]) -> MemguardError:
    place = document.place(key)
    return MemguardError(message, document.path, place.line, place.column)


def without_known(report: Report, baseline: Baseline, *, is_all: bool) -> Report:
    """Return what is new; `known` counts what is silent and, where `is_all` that there is, `mended` what is gone."""
    named = list(zip(identities(report.findings), report.findings, strict=True))
    new = tuple(finding for name, finding in named if name not in baseline.findings)
    found = {name for name, _ in named}
    mended = len(baseline.findings - found) if is_all else 0
    return report._replace(findings=new, known=len(report.findings) - len(new), mended=mended, baseline=baseline.path)


def render(report: Report, known: Baseline | None = None) -> str:
    """Write all findings of a report and its estimates, or what of them was `known` before, none of it grown."""
    named = zip(identities(report.findings), report.findings, strict=True)
    kept = sorted(name for name, one in named if one.code != GROWN and (known is None or name in known.findings))
    findings = [{"code": code, "path": path, "subject": subject} for code, path, subject, _ in kept]
    sizes = {(one.path, one.name): one.estimate.expected for one in report.services if one.estimate is not None}
    if known is not None:
        sizes = {name: min(size, known.services[name]) for name, size in sizes.items() if name in known.services}
    services = [{"path": path, "name": name, "mib": round(size / MIB, 1)} for (path, name), size in sorted(sizes.items())]
    return f'{{"schema": 1,\n "findings": [{_lines(findings)}],\n "services": [{_lines(services)}]}}\n'


def _lines(rows: Iterable[Mapping[str, object]]) -> str:
    return ",".join(f"\n  {json.dumps(row, ensure_ascii=False)}" for row in rows)
