"""Relations: pairs by their first, edges the other way round, and what is reached along edges."""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    Key = TypeVar("Key")
    Item = TypeVar("Item")


def grouped(pairs: Iterable[tuple[Key, Item]]) -> dict[Key, list[Item]]:
    """Return the second of the pairs that have the same first, in order."""
    found: dict[Key, list[Item]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return found


def inverted(edges: Mapping[Key, Iterable[Item]]) -> dict[Item, list[Key]]:
    """Return where edges begin by where they end."""
    return grouped((end, start) for start, ends in edges.items() for end in ends)


def reached(starts: Iterable[Item], following: Callable[[Item], Iterable[Item]]) -> set[Item]:
    """Return what is reached from some things, and these; `following` is asked once of each."""
    found: set[Item] = set()
    waiting = list(starts)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += following(one)
    return found


__all__ = ["grouped", "inverted", "reached"]
