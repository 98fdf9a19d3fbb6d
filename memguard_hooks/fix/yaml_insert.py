"""Add an item to the list that a key of a YAML file holds, and change nothing else: the text grows at one place.

The file is read as events and as nodes, never constructed. Comments, order, indentation, quotes, anchors, newlines and
a byte order mark stay, since all text around the place does; and what was written is read again, to prove that the list
has one item more and everything else is as it was. What cannot be edited that way is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.yaml_nodes import NULL, compose, compose_all, items, place
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record, TypeAlias

Item: TypeAlias = "Mapping[str, 'str | Sequence[Mapping[str, str]]']"
"""A mapping of plain words, and of lists of such mappings."""

BOM = b"\xef\xbb\xbf"


class Style(Record):
    """How a file indents: the column of the list's dashes, from a dash to its keys, and the same for a list below a key."""

    dash: int = 2
    keys: int = 2
    inner_dash: int = 2
    inner_keys: int = 2


def render_item(item: Item, style: Style) -> str:
    """Write an item as lines, each with its newline."""
    lines = _entry(item, style.dash, style.keys, style)
    return "".join(f"{line}\n" for line in lines)


def _entry(item: Item, dash: int, keys: int, style: Style) -> list[str]:
    lines: list[str] = []
    for name, value in item.items():
        lead = " " * dash + ("-".ljust(keys) if not lines else " " * keys)
        if isinstance(value, str):
            lines.append(f"{lead}{name}: {value}")
        else:
            lines.append(f"{lead}{name}:")
            for one in value:
                lines += _entry(one, dash + keys + style.inner_dash, style.inner_keys, style)
    return lines


def insert_item(data: bytes, path: str, key: str, item: Item) -> bytes:
    """Return the file with the item at the end of the list that stands below `key` at its top.

    Raises MemguardError, with the place, for a file that cannot be edited safely.
    """
    roots = list(compose_all(data, path))
    text = data.removeprefix(BOM).decode("utf-8")
    if len(roots) > 1:
        raise _refusal("it holds more than one document", path, roots[1])
    root = roots[0] if roots and not _is_nothing(roots[0]) else None
    where = _find_place(text, path, root, key)
    after = data[: len(data) - len(text.encode())] + _insert(text, where, key, item).encode()
    before = root if isinstance(root, yaml.MappingNode) else None
    if not _is_grown(before, list(compose_all(after, path)), key, item):
        line = text.count("\n", 0, where.offset) + 1
        raise MemguardError("cannot be edited safely: with one more entry it would say something else", path, line)
    return after


class _Place(Record):
    """Where an item goes, as an offset in the text, and how it is written.

    `new_key` is the column of the key where the file has none yet; `is_spaced` asks for a blank line above.
    """

    offset: int
    style: Style = Style()
    new_key: int | None = None
    is_spaced: bool = False


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == NULL and node.value == ""


def _find_place(text: str, path: str, root: yaml.Node | None, key: str) -> _Place:
    """Return where the item goes. Raises MemguardError for a file that is not written in a way that can grow."""
    if root is None:
        return _Place(len(text), new_key=0)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise _refusal("it is no mapping in block style", path, root)
    _refuse_repeated(root, path)
    found = [(name, value) for name, value in root.value if name.value == key]
    if not found:
        if any(name.value == "<<" for name, _ in root.value):
            raise _refusal(f"it has no {key} of its own, but may take it from an anchor", path, root)
        column = root.start_mark.column
        return _Place(len(text), Style(column + 2), new_key=column)
    name, value = found[0]
    if _is_nothing(value):
        return _Place(_after(text, name.end_mark.index), Style(name.start_mark.column + 2))
    if not isinstance(value, yaml.SequenceNode):
        raise _refusal(f"{key} is no list", path, value)
    if value.start_mark.index < name.end_mark.index:
        raise _refusal(f"{key} is an alias of a list that stands elsewhere", path, name)
    if value.flow_style:
        raise _refusal(f"{key} is a list in flow style", path, value)
    style = _read_style(text, path, value)
    return _Place(_after(text, _end(text, value), style.dash), style, is_spaced=_is_spaced(text, value))


def _refusal(reason: str, path: str, node: yaml.Node) -> MemguardError:
    return MemguardError(f"cannot be edited safely: {reason}", path, *place(node))


def _refuse_repeated(root: yaml.Node, path: str) -> None:
    """Refuse a file in which a mapping has a key twice: readers differ on which of the two counts."""
    waiting = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names: set[str] = set()
            for name, value in node.value:
                if isinstance(name, yaml.ScalarNode) and name.value != "<<":
                    if name.value in names:
                        raise _refusal(f"{name.value} is there twice", path, name)
                    names.add(name.value)
                waiting += (name, value)
        else:
            waiting += items(node)


# Where


def _end(text: str, value: yaml.SequenceNode) -> int:
    """Return where the last thing ends that stands in a list.

    The marks of a block end where the next token begins, behind comments; those of what is in it do not.
    """
    start, stop = value.start_mark.index, value.end_mark.index
    found = start
    is_flow: list[bool] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        counts = isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent))
        if isinstance(event, yaml.CollectionStartEvent):
            is_flow.append(bool(event.flow_style))
        elif isinstance(event, yaml.CollectionEndEvent):
            counts = is_flow.pop()
        if counts and event.start_mark and event.end_mark and start <= event.start_mark.index < stop:
            found = max(found, event.end_mark.index)
    return found


def _after(text: str, end: int, dash: int | None = None) -> int:
    """Return where the line begins that follows what ends at `end`.

    Comments that are indented deeper than the dash of a list belong to its last item, and are passed.
    """
    at = end if text[end - 1 : end] == "\n" else _next_line(text, end)  # only a block of text ends behind its newline
    probe = at
    while dash is not None and probe < len(text):
        line = text[probe : _next_line(text, probe)]
        bare = line.lstrip(" ")
        probe += len(line)
        if bare.startswith("#") and len(line) - len(bare) > dash:
            at = probe
        elif bare.strip("\r\n"):
            break
    return at


def _next_line(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


_DASH = late_pattern(r" *-( +)")


def _read_style(text: str, path: str, value: yaml.SequenceNode) -> Style:
    """Read how a list in block style is indented: from its last item, and the last list below one."""
    dash, keys = _indents(text, path, value, value.value[-1])
    style = Style(dash, keys)
    for item in value.value:
        for name, inner in item.value if isinstance(item, yaml.MappingNode) and not item.flow_style else ():
            is_block = isinstance(inner, yaml.SequenceNode) and not inner.flow_style
            if is_block and name.end_mark.index < inner.start_mark.index < item.end_mark.index:
                inner_dash, inner_keys = _indents(text, path, inner, inner.value[-1])
                style = style._replace(inner_dash=inner_dash - name.start_mark.column, inner_keys=inner_keys)
    return style


def _indents(text: str, path: str, around: yaml.Node, item: yaml.Node) -> tuple[int, int]:
    """Return the column of an item's dash, and from there to its keys."""
    start = item.start_mark.index
    line = text[text.rfind("\n", 0, start) + 1 : start]
    match = _DASH.fullmatch(line)
    if match is None:
        raise _refusal("a dash does not stand on the line of its item", path, around)
    return match.start(1) - 1, len(match[1]) + 1


def _is_spaced(text: str, value: yaml.SequenceNode) -> bool:
    """Return whether a blank line stands above the last of several items, and the comments above it."""
    above = text[: value.value[-1].start_mark.index].splitlines()[:-1]
    while above and above[-1].lstrip().startswith("#"):
        above.pop()
    return len(value.value) > 1 and bool(above) and not above[-1].strip()


# What


def _insert(text: str, where: _Place, key: str, item: Item) -> str:
    """Return the text with the item in its place, and the newlines of the text around it."""
    head, tail = text[: where.offset], text[where.offset :]
    written = render_item(item, where.style)
    if where.new_key is not None:
        written = f"{' ' * where.new_key}{key}:\n{written}"
    if where.is_spaced:
        written = f"\n{written}"
    if head and not head.endswith("\n"):
        written = f"\n{written}"
    is_crlf = head.endswith("\r\n") if head.endswith("\n") else "\r\n" in text
    return head + (written.replace("\n", "\r\n") if is_crlf else written) + tail


def _is_grown(before: yaml.MappingNode | None, after: list[yaml.Node], key: str, item: Item) -> bool:
    """Return whether a file has one more item in the list below a key, the expected one, and is the same for the rest."""
    if len(after) != 1 or not isinstance(after[0], yaml.MappingNode):
        return False
    old = [] if before is None else list(before.value)
    names = [name.value for name, _ in old]
    if [name.value for name, _ in after[0].value] != (names if key in names else [*names, key]):
        return False
    expected = items(compose(render_item(item, Style()).encode(), ""))
    pairs: list[tuple[yaml.Node, yaml.Node]] = []
    for index, (name, value) in enumerate(after[0].value):
        if name.value != key:
            pairs += ((old[index][0], name), (old[index][1], value))
            continue
        held = items(old[index][1]) if index < len(old) else []
        grown = items(value)
        if len(grown) != len(held) + 1:
            return False
        pairs += zip([*held, *expected], grown, strict=True)
    return _are_same(pairs)


def _are_same(pairs: list[tuple[yaml.Node, yaml.Node]]) -> bool:
    """Return whether nodes say the same; those that several anchors lead to are looked at once."""
    seen: set[tuple[int, int]] = set()
    while pairs:
        one, other = pairs.pop()
        if (id(one), id(other)) in seen:
            continue
        seen.add((id(one), id(other)))
        if type(one) is not type(other) or one.tag != other.tag:
            return False
        if isinstance(one, yaml.ScalarNode) and isinstance(other, yaml.ScalarNode):
            if one.value != other.value or one.style != other.style:
                return False
            continue
        if len(one.value) != len(other.value):
            return False
        if isinstance(one, yaml.MappingNode):
            for (name, value), (other_name, other_value) in zip(one.value, other.value, strict=True):
                pairs += ((name, other_name), (value, other_value))
        else:
            pairs += zip(one.value, other.value, strict=True)
    return True
