"""Definitions of functions and classes: decorators, bases and class bodies run where they stand."""

from __future__ import annotations

import libcst as cst

from memguard_hooks.imports.syntax import normal
from memguard_hooks.imports.values import (
    Arguments,
    Class,
    Function,
    Instance,
    Module,
    Scope,
    Values,
    Wrapped,
    join,
)
from memguard_hooks.imports.walker import Context, Walker


class Definitions(Walker):
    """Walks definitions, and calls what Python calls for them."""

    def _function(self, node: cst.FunctionDef, context: Context) -> None:
        decorators = [self._expression(decorator.decorator, context) for decorator in node.decorators]
        is_async = node.asynchronous is not None
        owner = context.scope.names.get("__class__", ()) if context.scope.is_class else ()
        function = Function(
            node, context.scope, node.name.value, is_async,
            owner=next((one for one in owner if isinstance(one, Class)), None),
        )  # fmt: skip
        function.defaults = self._defaults(node.params, context)
        if node.returns is not None:
            self._annotation(node.returns, context)
        values: Values = (self._define(function, context),)
        for decorator in reversed(decorators):
            values = self._decorate(decorator, values, context)
        self._rebind(node, values, context)

    def _rebind(self, node: cst.FunctionDef | cst.ClassDef, values: Values, context: Context) -> None:
        """Bind what a definition makes: only that from now on, where the definition runs for certain."""
        name = normal(node.name.value)
        if context.is_certain and not node.decorators and name not in context.scope.elsewhere:
            context.scope.names[name] = ()
        context.scope.bind(name, values)

    def _decorate(self, decorator: Values, values: Values, context: Context) -> Values:
        """Call a decorator; what is not known is taken to give back what it was given."""
        names = {one.path.rpartition(".")[2] for one in decorator if isinstance(one, Module)}
        functions = [one for one in values if isinstance(one, Function)]
        for name in names:
            if name in ("property", "cached_property"):
                return tuple(Wrapped("property", function) for function in functions)
            if name in ("classmethod", "staticmethod"):
                return tuple(Wrapped(name, function) for function in functions)  # type: ignore[arg-type]
        return self._call(decorator, Arguments((values,)), context) or values

    def _class(self, node: cst.ClassDef, context: Context) -> None:
        decorators = [self._expression(decorator.decorator, context) for decorator in node.decorators]
        bases = join(*(self._expression(base.value, context) for base in node.bases))
        keywords = {k.keyword.value: self._expression(k.value, context) for k in node.keywords if k.keyword is not None}
        inherited = (base.metaclasses for base in bases if isinstance(base, Class))  # which have those of their own bases
        made = Class(node.name.value, node, Scope(context.scope, is_class=True), bases,
                     join(keywords.get("metaclass", ()), *inherited))  # fmt: skip
        self._scopes.update(dict.fromkeys((context.scope, made.scope)))
        made.scope.names["__class__"] = (made,)
        self._hook(made.metaclasses, "__prepare__", context)
        why = f"in the body of class {made.name}" if context.when == "import" else context.why
        self._block(node.body.body, context._replace(why=why, scope=made.scope, at_module_level=False, is_certain=True))
        for name in ("__new__", "__init__"):
            self._hook(made.metaclasses, name, context)
        for members in list(made.scope.names.values()):
            self._hook(members, "__set_name__", context, of=Instance)
        self._hook(bases, "__init_subclass__", context)
        values: Values = (made,)
        for decorator in reversed(decorators):
            values = join(values, self._decorate(decorator, values, context))
        self._rebind(node, values, context)
