"""The smallest edit of a manifest that pins one requirement: nothing but its specifier changes.

Each format writes a requirement as a text of PEP 508 (a line, or a string of TOML, Python, INI or YAML) or as the value
of a key (Poetry, Pipfile). An edit counts only where the format's reader then finds the pin, and all else as before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memguard_hooks.dependencies import manifests
from memguard_hooks.dependencies.requirement import Requirement
from memguard_hooks.errors import MemguardError
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.tree import EditedTree, Tree

BOM = b"\xef\xbb\xbf"


class Wish(Record):
    """A requirement and the version to pin it to."""

    requirement: Requirement
    version: str


class _Edit(Record):
    """What replaces the characters of a text from `start` to `end`."""

    start: int
    end: int
    text: str


def pin_all(tree: Tree, path: str, wishes: Sequence[Wish]) -> tuple[bytes, list[Wish]]:
    """Return a manifest with as many of its requirements pinned as can be, and which these are.

    One that is no UTF-8 stays as it is. Raises MemguardError for one that does not parse.
    """
    data = tree.read(path) or b""
    before = _requirements(tree, path)
    edited, written = data, []
    for wish in wishes:
        pinned = _pinned(edited, path, wish)
        if pinned is not None:
            edited = pinned
            written.append(wish)
    if len(written) > 1 and _is_as_wished(tree, path, edited, before, written):
        return edited, written
    done: list[Wish] = []
    for wish in written:
        edited = _pinned(data, path, wish) or data
        if _is_as_wished(tree, path, edited, before, [*done, wish]):
            data = edited
            done.append(wish)
    return data, done


def _is_as_wished(tree: Tree, path: str, data: bytes, before: Sequence[Requirement], wishes: Sequence[Wish]) -> bool:
    """Return whether the reader of a manifest finds what was wished in its new bytes, and all else as before."""
    try:
        after = _requirements(EditedTree(tree, {path: data}), path)
    except MemguardError:
        return False
    versions = {_spot(wish.requirement): wish.version for wish in wishes}
    expected = [_content(one._replace(specifier=_specifier(one, versions.get(_spot(one))))) for one in before]
    return expected == [_content(one) for one in after]


def _spot(one: Requirement) -> tuple[str, int, int]:
    return one.name, one.line, one.column


def _specifier(one: Requirement, version: str | None) -> str:
    return one.specifier if version is None else f"=={version}"


def _requirements(tree: Tree, path: str) -> list[Requirement]:
    return [one for one in manifests.read(tree, path).requirements if one.path == path]


_Content = tuple[object, ...]


def _content(one: Requirement) -> _Content:
    """Return what a requirement says, apart from how its text is written and where on its line it stands."""
    return (*one._replace(text="", column=0),)


def _pinned(data: bytes, path: str, wish: Wish) -> bytes | None:
    """Return the bytes of a manifest with one requirement pinned, None where that is not plain."""
    mark = BOM if data.startswith(BOM) else b""
    try:
        text = data[len(mark) :].decode("utf-8")
    except UnicodeDecodeError:
        return None
    requirement = wish.requirement
    if requirement.url is not None or requirement.via or requirement.path != path:
        return None
    start = _offset(text, requirement.line, requirement.column)
    if start is None or "--hash" in _lines(text, requirement.line, requirement.end_line):
        return None
    name = path.rpartition("/")[2]
    edit = None
    if name in ("pyproject.toml", "Pipfile"):
        is_string = start > 0 and text[start - 1] in "\"'"
        exact = f"=={wish.version}" if name == "Pipfile" else wish.version
        edit = _of_text(text, start, wish.version) if is_string else _of_key(text, start, exact)
    elif not name.endswith((".yml", ".yaml")) or _is_for_pip(text, requirement):
        edit = _of_text(text, start, wish.version)
    return None if edit is None else mark + (text[: edit.start] + edit.text + text[edit.end :]).encode()


def _offset(text: str, line: int, column: int) -> int | None:
    """Return the offset of a place, lines ending as editors count them."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    return starts[line - 1] + column - 1 if line <= len(starts) else None


def _lines(text: str, first: int, last: int) -> str:
    return "\n".join(re.split(r"\r\n|\n|\r", text)[first - 1 : last])


_CLAUSE = r"(?:===|==|~=|!=|<=|>=|<|>)[ \t]*[A-Za-z0-9.*+!_-]+"
_REQUIREMENT = late_pattern(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:[ \t]*\[[^]\r\n]*\])?"
    rf"(?P<open>[ \t]*(?:\([ \t]*)?)(?P<specifier>{_CLAUSE}(?:[ \t]*,[ \t]*{_CLAUSE})*)?"
    r"(?P<rest>.?)"
)


def _of_text(text: str, start: int, version: str) -> _Edit | None:
    """Pin a requirement that is written as PEP 508 does."""
    match = _REQUIREMENT.match(text, start)
    if match is None:
        return None
    if match["specifier"]:
        return _Edit(match.start("specifier"), match.end("specifier"), f"=={version}")
    if match["rest"] in ("@", "=", "("):
        return None
    return _Edit(match.start("open"), match.start("open"), f"=={version}")


_KEY = r"(?:\"[^\"\r\n]*\"|'[^'\r\n]*'|[A-Za-z0-9_-]+)"
_STRING = r"(?P<quote>[\"'])(?P<value>[^\"'\r\n\\]*)(?P=quote)"
_OF_KEY = (
    late_pattern(rf"{_KEY}(?:[ \t]*\.[ \t]*version)?[ \t]*=[ \t]*{_STRING}"),
    late_pattern(rf"(?:{_KEY}[ \t]*=[ \t]*)?\{{(?:[^\r\n}}]*,)?[ \t]*version[ \t]*=[ \t]*{_STRING}"),
)
_IN_TABLE = late_pattern(rf"{_KEY}[ \t]*\][^\n]*\n(?:(?![ \t]*\[)[^\n]*\n)*?[ \t]*version[ \t]*=[ \t]*{_STRING}")
"""`litellm = "^1"`, `litellm = {version = "^1"}`, and the key of a table with a header of its own."""


def _of_key(text: str, start: int, version: str) -> _Edit | None:
    """Pin a requirement whose name is a key, or which is a table in a list."""
    patterns = _OF_KEY if not re.match(rf"{_KEY}[ \t]*\]", text[start : start + 200]) else (_IN_TABLE,)
    match = next((found for pattern in patterns if (found := pattern.match(text, start))), None)
    return None if match is None else _Edit(match.start("value"), match.end("value"), version)


def _is_for_pip(text: str, requirement: Requirement) -> bool:
    """Return whether an entry of a conda environment stands in its list for pip: conda's channels serve other versions."""
    lines = text.splitlines()[: requirement.line]
    depth = len(lines[-1]) - len(lines[-1].lstrip())
    for line in reversed(lines[:-1]):
        if re.match(r"[ \t]*-[ \t]*pip[ \t]*:", line):
            return True
        if line.strip() and len(line) - len(line.lstrip()) < depth:
            return False
    return False
