"""What a requirements file pins exactly, read with nothing but the standard library: a host may have nothing else.

packaging says the same of all that is compared here, which a test holds; it is not loaded.
"""

from __future__ import annotations

import re

from memguard_hooks.dependencies import requirements_txt
from memguard_hooks.dependencies.requirement import Requirement, normalize_name
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import Tree


class ExactPin(Record):
    """A version that a requirements file pins; `is_certain` where it says that exactly this is to be installed."""

    name: str
    version: str
    path: str
    line: int
    column: int
    is_certain: bool


_FORM = late_pattern(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*\(?(?P<specifier>[^;@()]*)\)?\s*(?:;(?P<marker>.*))?"
)
_EXACT = late_pattern(r"\s*={2,3}\s*([A-Za-z0-9.!+_-]+)\s*")


def read(tree: Tree, path: str) -> tuple[tuple[ExactPin, ...], tuple[Skipped, ...]]:
    """Return what a requirements file and all that it includes pin. Raises MemguardError for what pip would refuse."""
    manifest = requirements_txt.read(tree, path, lambda _: True, _parse)
    found = []
    for one in manifest.requirements:
        clauses = [match[1] for clause in one.specifier.split(",") if (match := _EXACT.fullmatch(clause))]
        if clauses:
            is_certain = one.marker is None and not one.is_constraint and one.group == "runtime"
            found.append(ExactPin(one.name, clauses[0], one.path, one.line, one.column, is_certain))
    return tuple(found), manifest.skipped


def _parse(text: str, path: str, line: int, column: int, end_line: int) -> Requirement:
    """Take a requirement apart; of one that leads to a URL nothing is pinned."""
    match = _FORM.fullmatch(text)
    if match is None:
        name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
        if name is None:
            raise MemguardError("is not a valid requirement", path, line, column)
        return Requirement(normalize_name(name[0]), text, path, line, column, end_line)
    marker = match["marker"]
    return Requirement(normalize_name(match["name"]), text, path, line, column, end_line, match["specifier"].strip(), marker)


# Versions

_VERSION = late_pattern(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)(?P<rest>(?:[-_.]?[a-z]+[-_.]?\d*|-\d+)*)(?:\+(?P<local>[a-z0-9._-]+))?"
)
_WORDS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc", "rev": "post", "r": "post", "": "post"}

Key = tuple[str, str, str, str]


def is_same(pin: str, installed: str) -> bool:
    """Return whether an installed version is the pinned one: 1.55.0 is 1.55, and 2.1+cpu is 2.1 unless a build is pinned."""
    wanted, found = _key(pin), _key(installed)
    if wanted is None or found is None:
        return pin.lower() == installed.lower()
    return wanted == found if wanted[3] else wanted[:3] == found[:3]


def _key(version: str) -> Key | None:
    match = _VERSION.fullmatch(version.strip().lower())
    if match is None:
        return None
    release = re.sub(r"(?:\.0+)+$", "", ".".join(part.lstrip("0") or "0" for part in match["release"].split(".")))
    parts = re.findall(r"([a-z]*)[-_.]?(\d*)", match["rest"])
    rest = "".join(_WORDS.get(word, word) + (number.lstrip("0") or "0") for word, number in parts if word or number)
    local = re.sub(r"[-_]", ".", match["local"] or "")
    return (match["epoch"] or "0").lstrip("0"), release, rest, local


def release_of(version: str) -> tuple[int, ...] | None:
    """Return the numbers of a version, None for what is none."""
    match = re.match(r"v?(\d{1,9}(?:\.\d{1,9}){0,9})(?![\d!])", version.strip().lower())
    return tuple(int(number) for number in match[1].split(".")) if match else None


def is_below(version: str, ceiling: str) -> bool | None:
    """Return whether a version is below another one; None where one of them is no plain version."""
    one, other = release_of(version), release_of(ceiling)
    if one is None or other is None:
        return None
    length = max(len(one), len(other))
    return one + (0,) * (length - len(one)) < other + (0,) * (length - len(other))
