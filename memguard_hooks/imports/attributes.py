"""What attributes, items, iteration and `with` run: properties, special methods, coroutines and generators."""

from __future__ import annotations

import libcst as cst

from memguard_hooks.imports.values import (
    Arguments,
    Bound,
    Class,
    Deferred,
    Function,
    Instance,
    Items,
    Lazy,
    Module,
    Super,
    Suspended,
    TextValue,
    Value,
    Values,
    Wrapped,
    class_of,
    elements,
    join,
)
from memguard_hooks.imports.walker import Context, Walker


class Attributes(Walker):
    """Looks members of values up, and runs the methods that Python calls by itself."""

    def _attribute(self, values: Values, name: str, node: cst.CSTNode | None, context: Context) -> Values:
        return join(*(self._attribute_of(value, name, node, context) for value in values))

    def _attribute_of(self, value: Value, name: str, node: cst.CSTNode | None, context: Context) -> Values:
        if isinstance(value, Module):
            return (Module(f"{value.path}.{name}"),)
        if isinstance(value, Lazy):
            self._record.use(value, node or value.site.node, context)
        elif isinstance(value, Deferred):
            return (value,) if name in ("start", "run", "__call__") else ()
        elif isinstance(value, Class):
            return self._members(value.find(name) or join(*(self._attribute_of(one, name, node, context)
                                 for one in value.metaclasses if isinstance(one, Class))), value, context)  # fmt: skip
        elif isinstance(value, Super):
            family = [one for one in class_of(value.receiver).family() if one is not value.owner]
            return self._members(next((found for one in family if (found := one.scope.names.get(name))), ()),
                                 value.receiver, context)  # fmt: skip
        elif isinstance(value, Instance):
            found = join(value.attributes.get(name, ()), self._members(value.kind.find(name), value, context))
            if found or name.startswith("__"):
                return found
            fallback = self._members(value.kind.find("__getattr__"), value, context)
            return self._call(fallback, Arguments(((TextValue(name),),)), context)
        return ()

    def _members(self, values: Values, receiver: Instance | Class, context: Context) -> Values:
        """Look members of a class up as attributes of the class or of an instance."""
        found: list[Values] = []
        for value in values:
            if isinstance(value, Function) and (isinstance(receiver, Instance) or value.name == "__init_subclass__"):
                found.append((Bound(value, receiver),))
            elif isinstance(value, Wrapped) and value.kind == "classmethod":
                found.append((Bound(value.function, class_of(receiver)),))
            elif isinstance(value, Wrapped) and value.kind == "property" and isinstance(receiver, Instance):
                found.append(self._call((Bound(value.function, receiver),), Arguments(), context))
            elif isinstance(value, Wrapped):
                found.append((value.function,))
            else:
                found.append((value,))
        return join(*found)

    def _hook(self, values: Values, name: str, context: Context, of: type[Class | Instance] = Class) -> None:
        """Run a method that Python calls by itself."""
        for value in values:
            if isinstance(value, of):
                self._call(self._attribute((value,), name, None, context), Arguments(), context)

    def _item(self, values: Values, key: Values, context: Context) -> Values:
        found: list[Values] = []
        texts = [one.text for one in key if isinstance(one, TextValue)]
        for value in values:
            if isinstance(value, Items) and texts and len(value.keyed) == len(value.elements):
                found.append(value.keyed.get(texts[0], ()))
            elif isinstance(value, Items):
                found.append(value.mapped or join(*value.elements))
            elif isinstance(value, Instance):
                found.append(self._call(self._attribute((value,), "__getitem__", None, context), Arguments(), context))
            elif isinstance(value, Class):
                self._hook((value,), "__class_getitem__", context)
                found.append((value,))
            elif isinstance(value, Lazy):
                self._record.use(value, value.site.node, context)
        return join(*found)

    def _consume(self, values: Values, context: Context) -> Values:
        """Iterate over values, or await them, and return what that gives."""
        found = [elements(values)]
        for value in values:
            if isinstance(value, Suspended):
                found.append(self._body(value.function, value.arguments, context))
            elif isinstance(value, Deferred) and value.trigger == "iterate":
                found.append(self._consume(self._call(value.callees, value.arguments, context), context))
            elif isinstance(value, Instance):
                for name in ("__iter__", "__next__", "__aiter__", "__anext__", "__await__"):
                    self._hook((value,), name, context, of=Instance)
        return join(*found)

    def _enter(self, values: Values, context: Context) -> Values:
        """Enter a `with` block, and leave it: both run."""
        found = [self._consume(tuple(value for value in values if isinstance(value, Suspended)), context)]
        for value in values:
            if isinstance(value, Instance):
                for name in ("__enter__", "__aenter__", "__exit__", "__aexit__"):
                    given = self._call(self._attribute((value,), name, None, context), Arguments(), context)
                    found.append(self._consume(given, context) if name.startswith("__a") else given)
        return join(*found)
