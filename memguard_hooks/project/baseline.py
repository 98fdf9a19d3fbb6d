"""Findings that a project has known since it adopted the hooks: they are suppressed, and new ones fail.

The file is JSON with a line for each finding, sorted, to be committed. A finding is known again by its code, its file and
what it is about, wherever it has moved in the file and whatever its figures are now. Of each service the file holds the
estimate, so that its growth can be judged although it is over its limit already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import EAGER, MIB, MOMENTS, Moment, Report, identities, numbered
from memguard_hooks.formats.json_document import JsonDocument, parse
from memguard_hooks.record import Any, Record
from memguard_hooks.tree import Tree, inside

FILE = "memguard-baseline.json"

MAX_BYTES = 16 * MIB

GROWTH = 25 * MIB
"""What a service that is known to be over its budget may grow, where the settings name no `growth`."""

GROWN = "MG303"
"""Says what is new by its nature."""

Identity = tuple[str, str, str, int]

MESSAGES: Mapping[str, Sequence[tuple[str, str]]] = {
    "MG191": [("there is no rule named to allow", "allow")],
    "MG401": [(r"# workers of (.+) take # of # MiB .*", r"\1")],
    "MG402": [("gunicorn starts as many workers as .*", "workers"), ("(.+) starts as many processes as .*", r"\1")],
    "MG403": [("# workers of (.+) load the app each by itself: .*", r"\1")],
    "MG404": [("(.+) is loaded when it is first needed, .*", r"\1")],
    "MG405": [("each worker of (.+) ends after .*", r"\1"), ("each worker ends after .*", "max_requests")],
    "MG406": [("# workers of (.+) end after # requests, .*", r"\1")],
    "MG407": [("preload_app = False does not count: .*", "preload_app")],
    "MG410": [("(.+) has two memory limits that disagree, .*", r"\1")],
    "MG411": [("(.+) has no memory limit: .*", r"\1")],
    "MG412": [("(.+) names a plan that is not known: .*", r"\1")],
    "MG413": [("(.+) has # MiB, not # as the comment says", r"\1")],
    "MG420": [("the command of (.+) is cut off: .*", r"\1")],
    "MG421": [("`(.+):` is no key here: .*", r"\1")],
    "MG422": [("(.+) is about to be ignored: .*", r"\1")],
    "MG423": [("(.+) reloads when files change, .*", r"\1"), (".+ runs under `(-X ?[a-z]+).*", r"\1")],
    "MG424": [("(.+) starts .+, which is not in the repository", r"\1")],
    "MG701": [("(.+) is read by nobody: .*", r"\1")],
    "MG702": [("([^=]+)=.* (?:switches it on|does nothing|limits nothing): .*", r"\1")],
    "MG703": [("([^=]+)=.* keeps the interpreter from starting: .*", r"\1")],
    "MG704": [(r"what (.+) prints \(.+ waits in a buffer, .*", r"\1")],
    "MG705": [("packages of (.+) have no bytecode: .*", r"\1")],
    "MG706": [("([^=]+)=.* is for debugging: .*", r"\1")],
}
"""Code → the messages, without figures, that version 0.1.0 wrote for want of a subject, and what each is about."""


class KnownSize(Record):
    """What a service took, in bytes, by the moment that was judged."""

    moment: Moment
    size: int


class Baseline(Record):
    """What is known: findings by their identity, and estimates by the file and the name of each service.

    `folded` are findings that version 0.1.0 has written by their messages: their subjects have no figures.
    """

    path: str
    findings: frozenset[Identity]
    folded: frozenset[Identity]
    services: Mapping[tuple[str, str], KnownSize]

    @property
    def number(self) -> int:
        """How many findings are known."""
        return len(self.findings) + len(self.folded)

    def knows(self, code: str, path: str, subject: str) -> bool:
        """Return whether such a finding is known."""
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
    findings: list[tuple[str, str, str]] = []
    folded: list[tuple[str, str, str]] = []
    for row in _rows(document, "findings", ("code", "path", "subject")):
        subject = _subject_of(row["code"], row["subject"])
        if subject is None:
            findings.append((row["code"], row["path"], row["subject"]))
        else:
            folded.append((row["code"], row["path"], subject))
    rows = _rows(document, "services", ("path", "name"))
    sizes = {(row["path"], row["name"]): KnownSize(row["moment"], int(row["mib"] * MIB)) for row in rows}
    return Baseline(path, frozenset(map(_one, numbered(findings))), frozenset(map(_one, numbered(folded))), sizes)


def _subject_of(code: str, written: str) -> str | None:
    """Return the subject in a message of version 0.1.0, without its figures; None for what is a subject itself."""
    for message, subject in MESSAGES.get(code, ()):
        match = re.fullmatch(message, written, re.DOTALL)
        if match is not None:
            return match.expand(subject)
    return None


def _rows(document: JsonDocument, key: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = document.data.get(key, [])
    if not isinstance(rows, list):
        raise _error(document, f"{key} must be a list", (key,))
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in names):
            raise _error(document, f"each of {key} must have {', '.join(names)}", (key, number))
        size = row.get("mib", 0 if key == "findings" else None)
        if isinstance(size, bool) or not isinstance(size, (int, float)) or not 0 <= size < MIB:
            raise _error(document, "mib must be a number of MiB", (key, number))
        if row.setdefault("moment", "start") not in MOMENTS:  # version 0.1.0 wrote none, and judged the start
            raise _error(document, f"moment must be one of {', '.join(MOMENTS)}", (key, number))
    return rows


def _error(document: JsonDocument, message: str, key: tuple[str | int, ...]) -> MemguardError:
    place = document.place(key)
    return MemguardError(message, document.path, place.line, place.column)


def _names(report: Report, *, folded: bool = False) -> list[Identity]:
    return [_one(name) for name in identities(report.findings, folded=folded)]


def _one(name: Identity) -> Identity:
    """Return the identity of a finding; the imports of one module in a file are one, however many are told together."""
    return (*name[:3], 0) if name[0] == EAGER else name


def without_known(report: Report, baseline: Baseline, *, is_all: bool) -> Report:
    """Return the new findings; `known` counts suppressed ones and, on a full run (`is_all`), `fixed` those that are gone."""
    named, folded = _names(report), _names(report, folded=True)
    names = zip(named, folded, report.findings, strict=True)
    new = tuple(one for name, other, one in names if name not in baseline.findings and other not in baseline.folded)
    fixed = len(baseline.findings.difference(named)) + len(baseline.folded.difference(folded)) if is_all else 0
    return report._replace(findings=new, known=len(report.findings) - len(new), fixed=fixed, baseline=baseline.path)


def render(report: Report, known: Baseline | None = None) -> str:
    """Write all findings of a report and its estimates, or what of them was `known` before, none of it grown."""
    names = zip(_names(report), _names(report, folded=True), strict=True)
    kept = sorted(
        {
            name
            for name, other in names
            if name[0] != GROWN and (known is None or name in known.findings or other in known.folded)
        }
    )
    findings = [{"code": code, "path": path, "subject": subject} for code, path, subject, _ in kept]
    sizes: dict[tuple[str, str], KnownSize] = {}
    for one in report.services:
        name = one.path, one.name
        if one.estimate is None or (known is not None and name not in known.services):
            continue
        before = known.services[name] if known is not None else None
        moment = one.judged if before is None else before.moment
        size = one.estimate.at(moment).expected
        sizes[name] = KnownSize(moment, size if before is None else min(size, before.size))
    services = [
        {"path": path, "name": name, "mib": round(size / MIB, 1), "moment": moment}
        for (path, name), (moment, size) in sorted(sizes.items())
    ]
    return f'{{"schema": 1,\n "findings": [{_lines(findings)}],\n "services": [{_lines(services)}]}}\n'


def _lines(rows: Iterable[Mapping[str, object]]) -> str:
    return ",".join(f"\n  {json.dumps(row, ensure_ascii=False)}" for row in rows)
