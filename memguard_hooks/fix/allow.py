"""Writes the comment that allows one finding: behind its line, or above it in files that know no other comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from memguard_hooks.atomic_write import exchange_file
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import CODES, Finding, Report
from memguard_hooks.project.project import Project
from memguard_hooks.record import Record, TypeAlias
from memguard_hooks.rules.deployment.comments import OWN_LINE_ONLY
from memguard_hooks.tree import EditedTree, WorkTree, inside

Judge: TypeAlias = "Callable[[Project], Report]"

MAX_REASON = 500


class WantedAllowance(Record):
    """A finding that is to be allowed, by its code and its place, and why."""

    code: str
    reason: str
    path: str
    line: int


def read(code: str, reason: str, place: str) -> WantedAllowance:
    """Return what the arguments of `--allow` ask for. Raises ValueError for what cannot be a code, a reason or a place."""
    path, _, line = place.rpartition(":")
    if code.upper() not in CODES:
        raise ValueError(f"no such code: {code!r}")
    if not reason.strip() or not reason.isprintable() or len(reason) > MAX_REASON:
        raise ValueError("a reason is one line of text")
    if not path or re.fullmatch(r"\d{1,9}", line) is None:
        raise ValueError(f"not a place such as requirements.txt:3: {place!r}")
    return WantedAllowance(code.upper(), reason.strip(), path, int(line))


def write(project: Project, wanted: WantedAllowance, judge: Judge) -> str:
    """Allow a finding, and return what was done. Raises MemguardError where there is none, or no comment can allow it."""
    tree = project.tree
    assert isinstance(tree, WorkTree)
    path = inside(tree.root, wanted.path)
    found = next((one for one in judge(project).findings if _is_wanted(one, wanted, path)), None)
    if found is None:
        raise MemguardError(f"there is no {wanted.code} to allow", path, wanted.line)
    before = tree.read(path) or b""
    for data in _commented(before, wanted, found):
        report = judge(project.at(EditedTree(tree, {path: data})))
        allowed = not any(
            one.code == found.code and one.path == path and one.subject == found.subject for one in report.findings
        )
        is_read = not any(one.path == path and one.code in ("MG190", "MG191") for one in report.findings)
        if allowed and is_read and not report.broken:
            exchange_file(tree.target(path), before, data, path)
            return f"{path}:{wanted.line}: allowed: {wanted.code}"
    way = f"`memguard explain {wanted.code}` says how it is allowed"
    raise MemguardError(f"no comment allows {wanted.code} here: {way}", path, wanted.line)


def _is_wanted(finding: Finding, wanted: WantedAllowance, path: str) -> bool:
    last = finding.end_line or finding.line
    return (finding.code, finding.path) == (wanted.code, path) and finding.line <= wanted.line <= last


def _commented(data: bytes, wanted: WantedAllowance, finding: Finding) -> Iterator[bytes]:
    """Yield a file with a comment behind the last line of a finding, and with one above its first."""
    try:
        lines = data.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError:
        return
    comment = f"# memguard: allow[{wanted.code}] {wanted.reason}"
    last, first = (finding.end_line or finding.line) - 1, finding.line - 1
    if not 0 <= first <= last < len(lines):
        return
    text = lines[last].rstrip("\r\n")
    if OWN_LINE_ONLY.search(finding.path) is None:
        yield "".join([*lines[:last], f"{text}  {comment}{lines[last][len(text) :]}", *lines[last + 1 :]]).encode()
    indent = re.match(r"[ \t]*", lines[first])
    end = "\r\n" if lines[first].endswith("\r\n") else "\n"
    yield "".join([*lines[:first], f"{indent[0] if indent else ''}{comment}{end}", *lines[first:]]).encode()
