"""What a name of a program may stand for, as far as imports depend on it.

Each name stands for a set of possibilities, in the order in which they were found; the empty set
means that nobody knows. What holds other values is compared by identity: these may nest without end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from memguard_hooks.errors import MemguardError
from memguard_hooks.record import Literal

MAX_VALUES = 200
"""Possibilities of one name; what has more is not known."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module, or something in a module that another file defines, by its dotted name."""

    path: str


@dataclass(frozen=True, slots=True)
class TextValue:
    """A string that is known."""

    text: str


@dataclass(eq=False, slots=True)
class Items:
    """A tuple, a list, a set or a dictionary, with what iterating over it gives.

    `mapped` are values of keys, `keyed` those of keys that are texts, as long as nothing else may stand under these.
    """

    elements: tuple[Values, ...]
    mapped: Values = ()
    keyed: dict[str, Values] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Function:
    """A function, a lambda or a generator expression, and where and how it was defined."""

    node: cst.FunctionDef | cst.Lambda | cst.GeneratorExp
    scope: Scope
    name: str
    is_async: bool = False
    owner: Class | None = None
    defaults: dict[str, Values] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bound:
    """A method of one instance or class."""

    function: Function
    receiver: Instance | Class


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A function under a decorator that changes how it is looked up."""

    kind: Literal["property", "staticmethod", "classmethod"]
    function: Function


@dataclass(eq=False, slots=True)
class Class:
    """A class of this file."""

    name: str
    node: cst.ClassDef
    scope: Scope
    bases: Values = ()
    metaclasses: Values = ()

    def family(self) -> Iterator[Class]:
        """Yield the class and those that it inherits from, as far as they stand in this file.

        Raises MemguardError for more than any hand writes.
        """
        seen: set[Class] = set()
        waiting = [self]
        while waiting:
            here = waiting.pop()
            if here not in seen:
                seen.add(here)
                if len(seen) > MAX_VALUES:
                    raise MemguardError(f"is not analyzed: a class inherits from more than {MAX_VALUES} others")
                yield here
                waiting += [base for base in reversed(here.bases) if isinstance(base, Class)]

    def find(self, name: str) -> Values:
        """Return an attribute of the class, also an inherited one."""
        for here in self.family():
            if here.scope.names.get(name):
                return here.scope.names[name]
        return ()


@dataclass(eq=False, slots=True)
class Instance:
    """An object that one call of a class made."""

    kind: Class
    attributes: dict[str, Values] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Super:
    """`super()` in a method."""

    owner: Class
    receiver: Instance | Class


@dataclass(eq=False, slots=True)
class Suspended:
    """A coroutine or a generator that was made and not yet run."""

    function: Function
    arguments: Arguments


@dataclass(eq=False, slots=True)
class Deferred:
    """Functions that run once the value is called (`partial`), iterated (`map`) or started (`Thread`)."""

    callees: Values
    arguments: Arguments
    trigger: Literal["call", "iterate", "start"]


@dataclass(eq=False, slots=True)
class Lazy:
    """A module that is loaded on first use: of the name, or of an attribute of a proxy."""

    site: Site
    is_proxy: bool


@dataclass(eq=False, slots=True)
class Site:
    """One module that one place imports, while it is being decided when."""

    node: cst.CSTNode
    module: str
    level: int
    names: tuple[str, ...]
    when: Literal["import", "call", "never"]
    why: str
    used: cst.CSTNode | None = None


Value = Module | TextValue | Items | Function | Bound | Wrapped | Class | Instance | Super | Suspended | Deferred | Lazy
Values = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call passes."""

    positional: tuple[Values, ...] = ()
    keywords: tuple[tuple[str, Values], ...] = ()

    def get(self, index: int, name: str = "") -> Values:
        """Return one argument, by place or by name; nothing where it is not given."""
        return self.positional[index] if index < len(self.positional) else dict(self.keywords).get(name, ())

    def all(self) -> Values:
        """Return all arguments together."""
        return join(*self.positional, *(values for _, values in self.keywords))


def join(*many: Values) -> Values:
    """Return all possibilities, each once."""
    found = dict.fromkeys(value for values in many for value in values)
    return tuple(found) if len(found) <= MAX_VALUES else ()


def elements(values: Values) -> Values:
    """Return what iterating over the values gives, as far as they are displays."""
    return join(*(element for value in values if isinstance(value, Items) for element in value.elements))


def class_of(receiver: Instance | Class) -> Class:
    """Return the class whose methods a receiver has."""
    return receiver.kind if isinstance(receiver, Instance) else receiver


@dataclass(eq=False, slots=True)
class Scope:
    """The names of a module, a class, a function or a comprehension."""

    parent: Scope | None = None
    is_class: bool = False
    names: dict[str, Values] = field(default_factory=dict)
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    """Names that `global` or `nonlocal` puts into another scope."""
    stars: dict[str, None] = field(default_factory=dict)
    """Modules all of whose names are imported, in order."""

    def lookup(self, name: str) -> Values | None:
        """Return what a name stands for here, None for one that no scope binds."""
        here: Scope | None = self
        while here is not None:
            if name in here.names and (here is self or not here.is_class):
                return here.names[name]
            last, here = here, here.parent
        return tuple(Module(f"{star}.{name}") for star in last.stars) or None

    def bind(self, name: str, values: Values) -> None:
        """Let a name stand for these values too: which assignment ran last, nobody knows."""
        scope = self.elsewhere.get(name, self)
        scope.names[name] = join(scope.names.get(name, ()), values)

    @property
    def outermost(self) -> Scope:
        """The scope of the module."""
        here = self
        while here.parent is not None:
            here = here.parent
        return here

    @property
    def is_function(self) -> bool:
        """Whether this is the body of a function."""
        return self.parent is not None and not self.is_class
