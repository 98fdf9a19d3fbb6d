"""Shapes of what the store gives back: JSON has turned tuples into lists, and somebody else may have written it.

A shape is a type, of whose values each is meant (a `bool` is no `int`), or what returns a value as it was kept, with its
tuples and records. It raises TypeError or ValueError for any other.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias, TypeVar

    Value = TypeVar("Value")

Shape: TypeAlias = "Callable[[Any], Value]"


def checked(shape: Shape[Value], value: object) -> Value:
    """Return a value of a shape. Raises TypeError or ValueError for any other."""
    if not isinstance(shape, type):
        return shape(value)
    if type(value) is not shape:
        raise TypeError
    return value  # type: ignore[return-value]


def maybe(shape: Shape[Value]) -> Shape[Value | None]:
    """Return the shape of what may be None."""
    return lambda value: None if value is None else checked(shape, value)


def one_of(*known: str) -> Shape[Any]:
    """Return the shape of a text that is one of these."""

    def read(value: str) -> str:
        if value not in known:
            raise ValueError
        return value

    return read


def rows(shape: Shape[Value]) -> Shape[tuple[Value, ...]]:
    """Return the shape of any number of values of one shape."""

    def read(value: object) -> tuple[Value, ...]:
        found = checked(list, value)
        if not isinstance(shape, type):
            return tuple(map(shape, found))
        if not set(map(type, found)) <= {shape}:
            raise TypeError
        return tuple(found)

    return read


def row(*shapes: Shape[Any]) -> Shape[tuple[Any, ...]]:
    """Return the shape of a tuple, from those of its values."""
    kinds = list(shapes)
    others = [(at, shape) for at, shape in enumerate(shapes) if not isinstance(shape, type)]

    def read(value: object) -> tuple[Any, ...]:
        found = checked(list, value)
        types: list[object] = [*map(type, found)]
        if others and len(types) == len(kinds):
            found = [*found]
            for at, shape in others:
                types[at], found[at] = shape, shape(found[at])
        if types != kinds:
            raise TypeError
        return tuple(found)

    return read


def record(kind: Callable[..., Value], *shapes: Shape[Any]) -> Shape[Value]:
    """Return the shape of a record from those of its fields."""
    values = row(*shapes)
    return lambda value: kind(*values(value))


texts = rows(str)

__all__ = ["Shape", "checked", "maybe", "one_of", "record", "row", "rows", "texts"]
