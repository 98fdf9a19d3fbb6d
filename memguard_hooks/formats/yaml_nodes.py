"""YAML as nodes, so that each value has its place; nothing is constructed, so that anchors do not explode."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import yaml

from memguard_hooks.errors import MemguardError
from memguard_hooks.record import T

MAX_BYTES = 2**20
"""A deployment file is some kilobytes; parsing YAML is slow."""

MAX_NODES = 50_000
"""Values of one file: PyYAML takes some 20 microseconds for each."""

MAX_ITEMS = 1000
"""Entries that are read of one mapping or list: an alias makes many of few bytes."""

NULL = "tag:yaml.org,2002:null"


class _Text(io.StringIO):
    """A text that names its file, so that each node knows it."""

    def __init__(self, text: str, path: str) -> None:
        super().__init__(text)
        self.name = path


class _BoundedLoader(yaml.SafeLoader):
    """A loader that composes so many nodes of a file at most."""

    def __init__(self, stream: _Text) -> None:
        super().__init__(stream)
        self._left = MAX_NODES

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose the next node and those in it."""
        self._left -= 1
        if self._left < 0:
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise MemguardError(f"has more than {MAX_NODES} values", str(self.name), line)
        return super().compose_node(parent, index)


def compose(data: bytes, path: str) -> yaml.Node | None:
    """Return the root of a file of one document, None for an empty one.

    Raises MemguardError for what is no YAML, with the place.
    """
    return next(compose_all(data, path), None)


def compose_all(data: bytes, path: str) -> Iterator[yaml.Node]:
    """Yield the root of each document of a file. Raises MemguardError for what is no YAML, with the place."""
    if len(data) > MAX_BYTES:
        raise MemguardError(f"is larger than {MAX_BYTES // 2**20} MiB", path)
    try:
        is_wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # as PowerShell writes what it is given
        text = data.decode("utf-16" if is_wide else "utf-8-sig")
        yield from yaml.compose_all(_Text(text, path), Loader=_BoundedLoader)
    except UnicodeDecodeError as error:
        raise MemguardError("is not UTF-8", path, data.count(b"\n", 0, error.start) + 1) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise MemguardError(f"is not valid YAML: {error.problem or error.context}", path, *place) from None
    except yaml.YAMLError as error:
        raise MemguardError(f"is not valid YAML: {str(error).splitlines()[0]}", path) from None
    except RecursionError:
        raise MemguardError("is nested too deeply", path) from None


def get(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """Return the value below some keys of a mapping, also through `<<`; None where there is none."""
    for key in keys:
        node = _value(node, key)
    return node


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    for here in _merged(node):
        for name, value in reversed(here.value):  # the last of two equal keys counts
            if name.value == key:
                return value  # type: ignore[no-any-return]
    return None


def pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the keys of a mapping that are scalars with their values; those that come through `<<` lose.

    Raises MemguardError for more than `MAX_ITEMS`.
    """
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for here in _merged(node):
        own = {key.value: (key, value) for key, value in here.value if isinstance(key, yaml.ScalarNode)}
        own.pop("<<", None)
        found = {**own, **found}
        if len(found) > MAX_ITEMS:
            break
    return _bounded(list(found.values()), node)


def _merged(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Yield a mapping and those that it takes in through `<<`, each once."""
    waiting = [node]
    seen: set[int] = set()
    for here in waiting:
        if not isinstance(here, yaml.MappingNode) or id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        for name, value in here.value:
            if name.value == "<<":
                waiting += value.value if isinstance(value, yaml.SequenceNode) else [value]


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the elements of a sequence, nothing for anything else."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def few(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the elements of a sequence that many may name, as `items` does. Raises MemguardError for one that is long."""
    return _bounded(items(node), node)


def _bounded(found: list[T], node: yaml.Node | None) -> list[T]:
    if len(found) > MAX_ITEMS and node is not None:
        kind = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
        raise MemguardError(f"has {kind} of more than {MAX_ITEMS} values", str(node.start_mark.name), place(node)[0])
    return found


def scalar(node: yaml.Node | None, *keys: str) -> str | None:
    """Return the scalar below some keys as it is written, None for null and for anything else."""
    found = get(node, *keys)
    return str(found.value) if isinstance(found, yaml.ScalarNode) and found.tag != NULL else None


def nearest(node: yaml.Node, key: str) -> yaml.Node:
    """Return the scalar below a key, the node itself where there is none."""
    found = get(node, key)
    return found if found is not None and scalar(found) is not None else node


def place(node: yaml.Node) -> tuple[int, int]:
    """Return line and column of a node, 1-based."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def file_of(node: yaml.Node) -> str:
    """Return the path of the file that a node stands in."""
    return str(node.start_mark.name)


def plain(node: yaml.Node | None, most: int) -> object:
    """Return the plain value of a node. Raises MemguardError for more values than that: aliases make many of few bytes."""
    return _Plain(most).of(node)


class _Plain:
    """Makes plain values of nodes, so many of them at most."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most

    def of(self, node: yaml.Node | None) -> object:
        """Return the value of a node."""
        self._left -= 1
        if self._left < 0:
            raise MemguardError(f"it has more than {self._most} values")
        if isinstance(node, yaml.MappingNode):
            return {key.value: self.of(value) for key, value in pairs(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self.of(one) for one in items(node)]
        if node is None or node.tag == NULL:
            return None
        text = str(node.value)
        if node.tag == "tag:yaml.org,2002:bool":
            return text.lower() in ("true", "yes", "on")
        if node.tag == "tag:yaml.org,2002:int" and re.fullmatch(r"-?\d{1,15}", text):
            return int(text)
        return text
