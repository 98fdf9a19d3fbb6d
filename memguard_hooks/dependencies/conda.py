"""environment.yml of conda: its specs, and the list of pip in it.

Source: the chapter on environments and the specification of package matches of conda's documentation.
`name=1.26` is a prefix there, `name==1.26` and a version with a build are exact.
"""

from __future__ import annotations

import re

import yaml

from memguard_hooks.dependencies import requirement as req
from memguard_hooks.dependencies.manifest_source import comments, read_bytes
from memguard_hooks.dependencies.requirement import Manifest, Requirement, Wanted
from memguard_hooks.dependencies.requirements_lines import LogicalLine
from memguard_hooks.errors import MemguardError
from memguard_hooks.finding import Skipped
from memguard_hooks.formats.yaml_nodes import compose, get, items
from memguard_hooks.pattern import late_pattern
from memguard_hooks.tree import Tree

NAMES = {"pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch"}
"""Packages of conda whose name on the Python index is another one, and certainly."""

MAX_SPEC = 500
"""Characters of a spec."""

_SPEC = late_pattern(
    r"(?:(?P<channel>[^\s:\[\]]+)::?(?P<subdir>[^\s:]*:)?)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)\s*"
    r"(?P<version>[^\[#]*?)\s*(?P<fields>\[.*\])?\s*(?:#.*)?$"
)
_VERSION = late_pattern(r"(?P<operator>==|=|>=|<=|>|<|!=|~=)?\s*(?P<version>\d[A-Za-z0-9._!+]*?)(?P<star>\.?\*)?")


def read(tree: Tree, path: str, wanted: Wanted) -> Manifest:
    """Read the packages of an environment whose name on the Python index is `wanted`.

    Raises MemguardError for one that is no YAML, and for what pip would refuse in its list, with the place.
    """
    data = read_bytes(tree, path)
    requirements: list[Requirement] = []
    skipped: list[Skipped] = []
    more = [Manifest(comments=tuple(comments(data.decode("utf-8-sig", "replace"), path)))]
    for node in items(get(compose(data, path), "dependencies")):
        if isinstance(node, yaml.ScalarNode):
            line, column = _place(node)
            found = _requirement(node.value, path, line, column)
            if found is None:
                skipped.append(Skipped(path, line, f"is not a spec of conda: {req.shorten(node.value)!r}"))
            elif wanted(found.name):
                requirements.append(found)
        else:
            more.append(_pip(tree, path, node, wanted))
    return Manifest.of([Manifest(tuple(requirements), skipped=tuple(skipped)), *more])


def _pip(tree: Tree, path: str, node: yaml.Node, wanted: Wanted) -> Manifest:
    from memguard_hooks.dependencies import requirements_txt

    lines = []
    for one in items(get(node, "pip")):
        if isinstance(one, yaml.ScalarNode) and one.value.strip():
            line, column = _place(one)
            lines.append(LogicalLine(line, one.end_mark.line + 1, column, re.split(r"\s#", one.value)[0].strip()))
    return requirements_txt.read_embedded(tree, path, lines, wanted)


def _requirement(text: str, path: str, line: int, column: int) -> Requirement | None:
    """Return what a spec asks for as a requirement; a version that PEP 440 cannot say is left open."""
    match = _SPEC.match(text.strip()) if len(text) <= MAX_SPEC else None
    if match is None:
        return None
    fields = dict(re.findall(r"""(\w+)\s*=\s*['"]?([^'",\]]*)""", match["fields"] or ""))
    version = fields.get("version") or match["version"]
    channel = fields.get("channel") or match["channel"]
    name = NAMES.get(match["name"].lower(), match["name"])
    column += match.start("name")
    try:
        found = req.parse(name + _specifiers(version), path, line, column, line)
    except MemguardError:
        found = req.parse(name, path, line, column, line)
    # The text keeps the name that conda knows, for advice on what to write.
    return found._replace(text=match["name"] + found.text[len(name) :], index_name=channel, notation="conda")


def _specifiers(text: str) -> str:
    """Write a version of conda as specifiers."""
    text = text.strip()
    build = re.fullmatch(r"=?=?\s*([^\s=<>!~|,*]+)[\s=]([^\s=<>!~|,]+)", text)  # `=1.26=py39_0`, `1.26 py39_0`
    if build is not None:
        return f"=={build[1]}"
    if "|" in text:
        return ""
    found: list[str] = []
    for part in text.split(","):
        match = _VERSION.fullmatch(part.strip())
        if match is None:
            return ""
        operator, version = match["operator"] or "==", match["version"]
        if operator == "=" or (operator == "==" and match["star"]):
            found.append(f"=={version}.*")
        else:
            found.append(f"{operator}{version}" + (".*" if match["star"] and operator == "!=" else ""))
    return ",".join(found)


def _place(node: yaml.ScalarNode) -> tuple[int, int]:
    quote = 1 if node.style in ("'", '"') else 0
    return node.start_mark.line + 1, node.start_mark.column + 1 + quote
