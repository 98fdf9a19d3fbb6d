"""Attributes: of modules, classes, instances and what is external."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator, Sequence

from memguard_hooks.formats.python_nodes import is_property
from memguard_hooks.models.documents import INI
from memguard_hooks.models.parameters import MAX_HEIRS, Parameters, defines, parameters_of
from memguard_hooks.models.scopes import Binding, FunctionNode, NameScope, last_name
from memguard_hooks.models.values import (
    ANYTHING,
    BoundMethod,
    ClassValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    Made,
    Missing,
    ModuleValue,
    Table,
    UnknownInCode,
    Value,
    Values,
    argument,
)

_BY_REQUESTS = frozenset({"fastapi.Query", "fastapi.Form", "fastapi.Body", "fastapi.Header"})
"""Calls that stand for the default of what a request may give."""

_GIVEN = _BY_REQUESTS | {"typer.Option", "typer.Argument", "pydantic.Field", "pydantic.fields.Field", "dataclasses.field",
                         "attr.ib", "attrs.field"}  # fmt: skip
"""Calls that stand for the default of a parameter or a field."""


_WRITTEN: dict[str, Value] = {"os.curdir": ".", "os.pardir": "..", "os.sep": "/", "os.path.sep": "/"}
"""What parts of paths stand for on Linux."""

PACKED = frozenset({"sys._MEIPASS", "sys.frozen"})
"""What Python has only in a program that PyInstaller or its like has packed into one file, as no host starts one."""

OF_MAPPINGS = frozenset({"clear", "copy", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"})
"""Methods of mappings, which are no keys where keys are attributes."""


class Members(Parameters):
    """Finds attributes."""

    def _attribute(self, base: Value, name: str, scope: NameScope) -> Iterator[Value]:
        if isinstance(base, ExternalValue):
            whole = f"{base.name}.{name}"
            yield Missing(name) if whole in PACKED else _WRITTEN.get(whole, ExternalValue(whole))
        elif isinstance(base, ModuleValue):
            inner = self.module(base.path) if base.path is not None else None
            if inner is not None and name in inner.bindings:
                yield from self._bound(inner.bindings[name])
                return
            path = self._sources.locate(f"{base.name}.{name}", 0, scope.path)
            yield ModuleValue(f"{base.name}.{name}", path or None) if path is not None and path != base.path else ANYTHING
        elif isinstance(base, Made):
            yield from self._made_attribute(base, name)
        elif isinstance(base, (ClassValue, InstanceValue)):
            yield from self._member(base, name, scope)
        elif isinstance(base, Table) and name not in OF_MAPPINGS and self._has(base, name):
            yield from self._items(base, (name,))  # as OmegaConf, Box and their like let it be asked for
        elif isinstance(base, str):
            # `.value` of an enumeration, and what leads from a path to another.
            if name == "parents":
                above = ["/".join(base.split("/")[:-number]) or "." for number in range(1, base.count("/") + 2)]
                yield Table(ast.List([*map(ast.Constant, above)], ast.Load()), scope)
                return
            yield from {"value": (base,), "parent": (posixpath.dirname(base) or ".",)}.get(name, (BoundMethod(base, name),))
        else:
            yield base if isinstance(base, (UnknownInCode, Missing)) else BoundMethod(base, name)

    def _made_attribute(self, base: Made, name: str) -> Iterator[Value]:
        last = base.name.rpartition(".")[2]
        if last == "parse_args" or base.name.endswith("parse_known_args"):
            yield from self._option(base, name)
        elif base.name == INI and name == "get":
            yield BoundMethod(base, name)
        else:
            yield ExternalValue(f"{base.name}.{name}")

    def _has(self, table: Table, name: str) -> bool:
        node = table.node
        return isinstance(node, ast.Dict) and any(isinstance(one, ast.Constant) and one.value == name for one in node.keys)

    def _member(self, base: ClassValue | InstanceValue, name: str, scope: NameScope) -> Iterator[Value]:
        """Yield what an attribute of a class or an instance is, tables with what methods put into them."""
        kind = base if isinstance(base, ClassValue) else base.kind
        changes = kind.scope.changes_of(f".{name}")
        yield from (self._changed(one, changes) for one in self._unchanged(base, name, scope))

    def _unchanged(self, base: ClassValue | InstanceValue, name: str, scope: NameScope) -> Iterator[Value]:
        instance = base if isinstance(base, InstanceValue) else None
        nested = self._nesting(instance) if instance is not None else None
        if nested is not None:
            yield from self._nested(base, name, scope, *nested)
            return
        heirs = self._heirs(instance.kind.scope) if instance is not None and instance.call is None else ()
        having = self._having(instance.kind.scope, name) if instance is not None and heirs else []
        others = having[:MAX_HEIRS]
        yield from () if others == having else (ANYTHING,)
        of_others = {one for other in others for one in (other, *self._heirs(other))}
        if not others or not of_others.issuperset(heirs) or self._is_made(getattr(base, "kind", base).scope):
            yield from self._own(base, name, scope)
        for one in others:
            assert isinstance(one.node, ast.ClassDef)
            yield from self._own(InstanceValue(ClassValue(one.node, one), None, scope), name, scope)

    def _nested(
        self, base: ClassValue | InstanceValue, name: str, scope: NameScope, begin: str, delimiter: str
    ) -> Iterator[Value]:
        """Yield what a field of settings is whose own fields the environment may give: `WHISPER__SIZE`."""
        variable = f"{begin}{name}"
        given = list(self._given(variable))
        if given:
            yield from given
            return
        for one in self._own(base, name, scope):
            yield one._replace(variables=(f"{variable}{delimiter}", delimiter)) if isinstance(one, InstanceValue) else one

    def _nesting(self, instance: InstanceValue) -> tuple[str, str] | None:
        """Return what variables of the fields of an instance begin with, and what parts the names in them."""
        if instance.variables is not None or not self._is_settings(instance.kind):
            return instance.variables
        delimiter = self._configured(instance.kind, "env_nested_delimiter")
        return (self._configured(instance.kind, "env_prefix"), delimiter) if delimiter else None

    def _own(self, base: ClassValue | InstanceValue, name: str, scope: NameScope) -> Iterator[Value]:
        kind = base if isinstance(base, ClassValue) else base.kind
        instance = base if isinstance(base, InstanceValue) else None
        fields = kind.scope.bindings.get(name, ())
        if instance is not None and instance.call is not None and fields and not defines(kind, "__init__"):
            given, is_sure = self._field_given(instance, name)
            yield from given
            if is_sure:
                return
        if instance is not None and self._is_settings(kind):
            found = list(self._setting(kind, name, fields))
            if found:
                yield from found
                return
        set_by_methods = kind.scope.attributes.get(name, ())
        if set_by_methods:
            yield from self._of_instance(set_by_methods, instance)
        elif fields:
            for value in self._bound(fields, None, instance):
                if isinstance(value, FunctionValue) and (
                    is_property(value.node) or _is_decorated(value.node, "computed_field")
                ):
                    yield from self._returned(value, None, scope)
                elif isinstance(value, FunctionValue) and _is_decorated(value.node, "classmethod"):
                    yield value._replace(owner=kind)
                elif isinstance(value, FunctionValue) and _is_decorated(value.node, "staticmethod"):
                    yield value._replace(owner=None)
                else:
                    yield from self._default(value)
        else:
            for node in kind.node.bases:
                for parent in self._values(node, kind.scope.parent or kind.scope):
                    if isinstance(parent, ClassValue):
                        yield from self._member(parent if instance is None else instance._replace(kind=parent), name, scope)
                        return
                    if isinstance(parent, ExternalValue) and instance is None:
                        yield ExternalValue(f"{parent.name}.{name}")  # `from_pretrained` of a class of transformers
                        return
            yield ANYTHING if instance is None or name != "__class__" else kind

    def _of_instance(self, bindings: Sequence[Binding], instance: InstanceValue | None) -> Iterator[Value]:
        """Yield what methods set an attribute to, with the arguments that the instance was made with."""
        if instance is None or instance.call is None:
            yield from self._bound(bindings)
            return
        init = instance.kind.scope.bindings.get("__init__", ())
        nodes = [one.node for one in init if isinstance(one.node, FunctionNode)]
        inner = instance.kind.scope.inner.get(nodes[-1]) if nodes else None
        if inner is None:
            yield from self._bound(bindings)
            return
        given = self._arguments(inner, instance.call, instance.scope, 1)
        given.update(dict.fromkeys(parameters_of(inner)[:1], (instance,)))
        with self._frame(inner, given):
            found = tuple(self._bound(bindings))
        yield from found

    def _field_given(self, instance: InstanceValue, name: str) -> tuple[Values, bool]:
        """Return what a field of a data class may be given when it is made, and whether it does not keep its default."""
        assert instance.call is not None
        annotated = [
            one.target.id
            for one in instance.kind.node.body
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        ]
        place = annotated.index(name) if name in annotated else -1
        return self._passed(instance.call, place, (name,), instance.scope)

    def _default(self, value: Value) -> Values:
        """Return what a field holds that `Field(default=…)` describes, any other value as it is."""
        if not isinstance(value, Made) or value.name not in _GIVEN:
            return (value,)
        node = argument(value.call, 0, ("default", "default_factory"))
        found = self._values(node, value.scope) if node is not None else (ANYTHING,)
        found = tuple(
            result
            for one in found
            for result in (self._returned(one, None, value.scope) if isinstance(one, FunctionValue) else (one,))
        )
        if node is not None and node is argument(value.call, -1, ("default_factory",)):
            found = tuple(InstanceValue(one, None, value.scope) if isinstance(one, ClassValue) else one for one in found)
        return (*found, ANYTHING) if value.name in _BY_REQUESTS else found


def _is_decorated(node: ast.AST, name: str) -> bool:
    return any(last_name(one) == name for one in getattr(node, "decorator_list", ()))
