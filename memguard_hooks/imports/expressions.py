"""Expressions in the order in which Python evaluates them, and the names that they bind and look up."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from memguard_hooks.imports.conditions import either, operands, stops, truth
from memguard_hooks.imports.model import LAZY_ANNOTATIONS_PYTHON
from memguard_hooks.imports.syntax import children, literal, normal, parameters
from memguard_hooks.imports.values import (
    Arguments,
    Class,
    Function,
    Instance,
    Items,
    Lazy,
    Module,
    Scope,
    Suspended,
    TextValue,
    Values,
    elements,
    join,
)
from memguard_hooks.imports.walker import Comprehension, Context, Walker

_OPERANDS = frozenset({cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Lambda, cst.GeneratorExp, cst.ListComp,
                       cst.SetComp, cst.DictComp, cst.Tuple, cst.List, cst.Set, cst.Dict, cst.Await, cst.From,
                       cst.NamedExpr, cst.IfExp, cst.BooleanOperation})  # fmt: skip
_STRINGS = frozenset({cst.SimpleString, cst.ConcatenatedString})
_NUMBERS = frozenset({cst.Integer, cst.Float, cst.Imaginary, cst.Ellipsis})


class Expressions(Walker):
    """Walks expressions."""

    def _bind(self, target: cst.CSTNode, values: Values, context: Context) -> None:
        """Assign to whatever stands on the left."""
        if isinstance(target, cst.Name):
            if target.value == "__lazy_modules__" and context.scope.parent is None:
                self._lazy_modules.update(one.text for one in elements(values) if isinstance(one, TextValue))
            context.scope.bind(normal(target.value), values)
        elif isinstance(target, cst.Attribute):
            for owner in self._expression(target.value, context):
                if isinstance(owner, Instance):
                    owner.attributes[target.attr.value] = join(owner.attributes.get(target.attr.value, ()), values)
                elif isinstance(owner, Class):
                    owner.scope.bind(target.attr.value, values)
        elif isinstance(target, (cst.Tuple, cst.List)):
            self._consume(values, context)
            rows = [value.elements for value in values if isinstance(value, Items)]
            for index, element in enumerate(target.elements):
                found = join(*(row[index] for row in rows if len(row) == len(target.elements)))
                self._bind(element.value, found, context)
        else:
            if isinstance(target, cst.Subscript) and isinstance(target.value, cst.Name):
                self._put(target, values, context)
            self._expression(target, context)

    def _put(self, target: cst.Subscript, values: Values, context: Context) -> None:
        """Put a value under a key of a table: which one ran last, nobody knows."""
        for owner in self._expression(target.value, context):
            if isinstance(owner, Items) and owner.mapped:
                owner.mapped = join(owner.mapped, values)
                owner.keyed.clear()

    def _load(self, node: cst.Name, context: Context) -> Values:
        """Look a name up: that is what resolves a lazy import."""
        values = context.scope.lookup(normal(node.value))
        if values is None:
            return (Module(node.value),)  # a builtin
        for value in values:
            if isinstance(value, Lazy) and not value.is_proxy:
                self._record.use(value, node, context)
        return tuple(value for value in values if not isinstance(value, Lazy) or value.is_proxy)

    def _expression(self, node: cst.CSTNode | None, context: Context) -> Values:
        """Walk an expression and return what it may give.

        Chains of attributes, calls and operators are walked without recursion: they may be long.
        """
        spine: list[cst.Attribute | cst.Call | cst.Subscript] = []
        while isinstance(node, (cst.Attribute, cst.Call, cst.Subscript)):
            spine.append(node)
            node = node.func if isinstance(node, cst.Call) else node.value
        values = self._operand(node, context) if node is not None else ()
        for part in reversed(spine):
            if isinstance(part, cst.Attribute):
                values = self._attribute(values, part.attr.value, part, context)
            elif isinstance(part, cst.Call):
                values = self._called(part, values, context)
            else:
                values = self._item(values, self._key(part, context), context)
        return values

    def _operand(self, node: cst.CSTNode, context: Context) -> Values:
        if isinstance(node, cst.Name):
            return self._load(node, context)
        kind = type(node)
        text = literal(node) if kind in _STRINGS else None
        if text is not None:
            return (TextValue(text),)
        if kind in _NUMBERS:
            return ()
        if isinstance(node, cst.Lambda):
            function = Function(node, context.scope, "lambda")
            function.defaults = self._defaults(node.params, context)
            return (self._define(function, context),)
        if isinstance(node, cst.GeneratorExp):
            values = self._expression(node.for_in.iter, context)
            function = Function(node, context.scope, "generator", defaults={"": values})
            return (Suspended(self._define(function, context), Arguments()),)
        if isinstance(node, (cst.ListComp, cst.SetComp, cst.DictComp)):
            return self._comprehension(node, self._expression(node.for_in.iter, context), context)
        if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
            return self._display(node.elements, context)
        if isinstance(node, cst.Dict):
            return self._dictionary(node, context)
        if isinstance(node, cst.Await):
            return self._consume(self._expression(node.expression, context), context)
        if isinstance(node, cst.From):
            return self._consume(self._expression(node.item, context), context)
        if isinstance(node, cst.NamedExpr):
            values = self._expression(node.value, context)
            self._bind(node.target, values, context)
            return values
        if isinstance(node, cst.IfExp):
            return self._choice(node, context)
        if isinstance(node, cst.BooleanOperation):
            return self._boolean(node, context)
        self._parts(node, context)
        return ()

    def _parts(self, node: cst.CSTNode, context: Context) -> None:
        """Walk the operands of an operator, or of anything else whose value says nothing about imports."""
        waiting = list(reversed(list(children(node))))
        while waiting:
            here = waiting.pop()
            if type(here) in _OPERANDS:
                self._expression(here, context)
            else:
                waiting.extend(reversed(list(children(here))))

    def _choice(self, node: cst.IfExp, context: Context) -> Values:
        found: list[Values] = []
        rest: cst.BaseExpression = node
        while isinstance(rest, cst.IfExp):
            self._expression(rest.test, context)
            value, why = truth(rest.test, context.scope, self._target)
            found.append(self._expression(rest.body, context.never(why) if value is False else context))
            context = context.never(why) if value is True else context
            rest = rest.orelse
        return join(*found, self._expression(rest, context))

    def _boolean(self, node: cst.BooleanOperation, context: Context) -> Values:
        first, operations = operands(node)
        found = [self._expression(first, context)]
        known = truth(first, context.scope, self._target)
        for operation in operations:
            right = context.never(known.why) if stops(known, operation) else context
            found.append(self._expression(operation.right, right))
            known = either(known, operation, truth(operation.right, context.scope, self._target))
        return join(*found)

    def _display(self, elements: Sequence[cst.BaseElement], context: Context) -> Values:
        found: list[Values] = []
        for element in elements:
            values = self._expression(element.value, context)
            if isinstance(element, cst.StarredElement):
                found += [(one,) for one in self._consume(values, context)]
            else:
                found.append(values)
        return (Items(tuple(found)),)

    def _dictionary(self, node: cst.Dict, context: Context) -> Values:
        keys: list[Values] = []
        mapped: list[Values] = []
        keyed: dict[str, Values] = {}
        for element in node.elements:
            text = None
            if isinstance(element, cst.DictElement):
                keys.append(self._expression(element.key, context))
                text = literal(element.key) if type(element.key) in _STRINGS else None
            mapped.append(self._expression(element.value, context))
            if text is None:
                keyed.clear()  # it may stand under any key that came before
            else:
                keyed[text] = mapped[-1]
        return (Items(tuple(keys), join(*mapped), keyed),)

    def _key(self, node: cst.Subscript, context: Context) -> Values:
        """Walk what a value is asked for, and return it where it is a text."""
        index = node.slice[0].slice if len(node.slice) == 1 else None
        if isinstance(index, cst.Index) and type(index.value) in _STRINGS:
            return self._expression(index.value, context)
        for element in node.slice:
            self._parts(element, context)
        return ()

    def _comprehension(self, node: Comprehension, first: Values, context: Context) -> Values:
        """Walk a comprehension that runs, from the value of its first `in` on."""
        context = context._replace(scope=Scope(context.scope), is_certain=False)
        part: cst.CompFor | None = node.for_in
        while part is not None:
            values = first if part is node.for_in else self._expression(part.iter, context)
            self._bind(part.target, self._consume(values, context), context)
            for condition in part.ifs:
                self._expression(condition.test, context)
            part = part.inner_for_in
        if isinstance(node, cst.DictComp):
            return (Items((self._expression(node.key, context),), self._expression(node.value, context)),)
        return (Items((self._expression(node.elt, context),)),)

    def _defaults(self, node: cst.Parameters, context: Context) -> dict[str, Values]:
        found = {}
        for parameter in parameters(node):
            found[normal(parameter.name.value)] = self._expression(parameter.default, context)
            if parameter.annotation is not None:
                self._annotation(parameter.annotation, context)
        return found

    def _annotation(self, node: cst.Annotation, context: Context, *, is_local: bool = False) -> None:
        python = self._target.python
        is_lazy = self._future_annotations or is_local or (python is not None and python >= LAZY_ANNOTATIONS_PYTHON)
        self._expression(node.annotation, context.later("in an annotation") if is_lazy else context)
