"""What the files of platforms in YAML share: variables, build commands, counts; and bounds on what aliases make of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from memguard_hooks.deployment.service import Build, ServicePlace, Variables
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.yaml_nodes import MAX_ITEMS, few, file_of, get, pairs, place, scalar
from memguard_hooks.pattern import late_pattern

_TEMPLATE = late_pattern(r"\{\{|\{%|\$\{")


def is_template(text: str) -> bool:
    """Return whether a text is filled in later: `{{ x }}`, `${{ x }}`, `${x}`."""
    return _TEMPLATE.search(text) is not None


def each_once(nodes: Iterable[yaml.Node]) -> Iterator[yaml.Node]:
    """Yield nodes, and one that stands there by several aliases only once. Raises MemguardError for very many."""
    seen: set[int] = set()
    for number, node in enumerate(nodes):
        if number == MAX_ITEMS:
            raise MemguardError(f"lists more than {MAX_ITEMS} values", file_of(node), place(node)[0])
        if id(node) not in seen:
            seen.add(id(node))
            yield node


def of_mapping(node: yaml.Node | None, path: str) -> Variables:
    """Read `NAME: value`, and `NAME: {value: …}`."""
    texts = ((key, scalar(value) if scalar(value) is not None else scalar(value, "value")) for key, value in pairs(node))
    return variables(path, ((str(key.value), text, key) for key, text in texts))


def of_list(node: yaml.Node | None, path: str) -> Variables:
    """Read `- key: NAME` with a `value`; entries without a key are left to the caller."""
    named = ((scalar(item, "key"), item) for item in few(node))
    return variables(path, ((name, scalar(item, "value"), item) for name, item in named if name is not None))


def variables(path: str, found: Iterable[tuple[str, str | None, yaml.Node]]) -> Variables:
    """Return variables of a file by their names, their values if somebody knows them, and where they stand."""
    values: dict[str, str] = {}
    places: dict[str, ServicePlace] = {}
    for name, text, node in found:
        places[name] = ServicePlace(path, *place(node))
        values.pop(name, None)
        if text is not None and not is_template(text):
            values[name] = text
    return Variables(values, places)


def build_of(node: yaml.Node, key: str, path: str, folder: str) -> tuple[Build, ...]:
    """Return the build command below a key, if there is one."""
    command, text = get(node, key), scalar(node, key)
    return (Build(text.strip(), ServicePlace(path, *place(command)), folder),) if command and text is not None else ()


def count_of(text: str | None) -> int | None:
    """Return a number of instances, None for what is no number."""
    return int(text) if text is not None and text.isdecimal() and len(text) <= 4 else None
