"""Reads the variables that files in YAML set, and bounds what aliases make of few bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from memguard_hooks.deployment.service import ServicePlace, Variables
from memguard_hooks.formats.yaml_nodes import get, items, scalar
from memguard_hooks.formats.yaml_nodes import place as place_of

if TYPE_CHECKING:
    import yaml

MAX_ITEMS = 1000
"""Entries that are read of one mapping or list: an alias makes many of few bytes."""

_TEMPLATE = re.compile(r"\{\{|\{%|\$\{")


def is_template(text: str) -> bool:
    """Tell whether a text is filled in later: `{{ x }}`, `${{ x }}`, `${x}`."""
    return _TEMPLATE.search(text) is not None


def pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Give the keys of a mapping that are scalars and their values, nothing for anything else; `<<` is not followed."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value[:MAX_ITEMS]:
            if isinstance(key, yaml.ScalarNode):
                yield key, value


def each_once(nodes: Iterable[yaml.Node]) -> Iterator[yaml.Node]:
    """Give the first nodes of many, and one that stands there by several aliases only once."""
    seen: set[int] = set()
    for node in islice(nodes, MAX_ITEMS):
        if id(node) not in seen:
            seen.add(id(node))
            yield node


def of_mapping(node: yaml.Node | None, path: str, value_key: str = "value") -> Variables:
    """Read `NAME: value`, and `NAME: {value: …}`."""
    values: dict[str, str] = {}
    places: dict[str, ServicePlace] = {}
    for key, value in pairs(node):
        text = scalar(value) if scalar(value) is not None else scalar(get(value, value_key))
        _add(key.value, text, ServicePlace(path, *place_of(key)), values, places)
    return Variables(values, places)


def of_list(node: yaml.Node | None, path: str) -> Variables:
    """Read `- key: NAME` with a `value`; entries without a key are left to the caller."""
    values: dict[str, str] = {}
    places: dict[str, ServicePlace] = {}
    for item in items(node)[:MAX_ITEMS]:
        name = scalar(get(item, "key"))
        if name is not None:
            _add(name, scalar(get(item, "value")), ServicePlace(path, *place_of(item)), values, places)
    return Variables(values, places)


def _add(name: str, text: str | None, place: ServicePlace, values: dict[str, str], places: dict[str, ServicePlace]) -> None:
    places[name] = place
    values.pop(name, None)
    if text is not None and not is_template(text):
        values[name] = text
