"""`Record`, what `typing.NamedTuple` is to a type checker, and the names of annotations, at a fraction of their cost.

No annotation is evaluated, so that its names stand for nothing here. A hook starts at each commit. To import typing and to
make the fifty classes of tuples that a verdict passes takes as long as the start of Python itself: 9 and 6 ms of CPU, on
CPython 3.11. A record compiles its `__new__` when many are made, because of most classes one run makes few or none.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from typing import Any, Literal, NoReturn, TypeAlias, TypeGuard, TypeVar
    from typing import NamedTuple as Record

    T = TypeVar("T")
else:
    from _collections import _tuplegetter

    Any = Literal = NoReturn = T = TypeAlias = TypeGuard = None

    _new = tuple.__new__
    _getters = []
    """What reads the first value of a tuple, the second and so on: all classes share them."""

    FIRST = 30
    """Records of a class that are made without a `__new__` of its own: to compile one takes as long."""

    class _Tuple(tuple):
        """The methods of all records, which are those of a named tuple."""

        __slots__ = ()

        @classmethod
        def _make(cls, values):
            found = _new(cls, values)
            if len(found) != len(cls._fields):
                raise TypeError(f"{cls.__name__} takes {len(cls._fields)} values, not {len(found)}")
            return found

        def _replace(self, **changes):
            found = _new(type(self), map(changes.pop, self._fields, self))
            if changes:
                raise ValueError(f"{type(self).__name__} has no field {', '.join(map(repr, changes))}")
            return found

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            fields = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({fields})"

        def __getnewargs__(self):
            return tuple(self)

    class _Maker(type):
        """Makes a class of tuples of a class body with annotations."""

        def __new__(cls, name, bases, body):
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            defaults = {field: body.pop(field) for field in fields if field in body}
            left = FIRST

            def first(owner, *values, **named):
                nonlocal left
                rest = fields[len(values) :]
                if left and len(values) + len(rest) == len(fields) and (not named or named.keys() <= {*rest}):
                    try:
                        found = _new(owner, (*values, *map({**defaults, **named}.__getitem__, rest)) if rest else values)
                    except KeyError:
                        left = 0  # what is compiled names what is missing
                    else:
                        left -= 1
                        return found
                parameters = "".join(f", {field}" + f"=_defaults[{field!r}]" * (field in defaults) for field in fields)
                values_of = "".join(f"{field}, " for field in fields)
                code = f"lambda _cls{parameters}: _new(_cls, ({values_of}))"
                made.__new__ = eval(code, {"_new": _new, "_defaults": defaults})  # noqa: S307 - of our own fields
                made.__new__.__qualname__ = f"{name}.__new__"
                return made.__new__(owner, *values, **named)

            while len(_getters) < len(fields):
                _getters.append(_tuplegetter(len(_getters), None))
            body.update(zip(fields, _getters, strict=False))
            body.update(__slots__=(), _fields=fields, __match_args__=fields, _field_defaults=defaults, __new__=first)
            made = type(name, (_Tuple,), body)
            return made

    class Record(metaclass=_Maker):
        """A tuple with named fields, some with defaults: subclasses list them as annotations."""


__all__ = ["Any", "Literal", "NoReturn", "Record", "T", "TypeAlias", "TypeGuard"]
