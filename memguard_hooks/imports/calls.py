"""Calls: what they are given, what they run, and what they give back."""

from __future__ import annotations

import libcst as cst

from memguard_hooks.errors import MemguardError
from memguard_hooks.imports.known_calls import CONSUMERS, IMPORTERS, PASSING, RUNNERS, STARTERS
from memguard_hooks.imports.syntax import dotted, normal
from memguard_hooks.imports.values import (
    Arguments,
    Bound,
    Class,
    Deferred,
    Function,
    Instance,
    Lazy,
    Module,
    Super,
    Suspended,
    Value,
    Values,
    Wrapped,
    join,
)
from memguard_hooks.imports.walker import Context, Noted, Walker

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from memguard_hooks.imports.model import Target


MAX_HANDED_ON = 20_000
"""Calls of partials and threads that are followed: each may hand on to several others, and these to others again."""


class CallWalker(Walker):
    """Walks calls, and follows those of functions and classes of this file."""

    def __init__(self, text: str, target: Target, record: Noted) -> None:
        super().__init__(text, target, record)
        self._handed_on = 0

    def _called(self, node: cst.Call, callees: Values, context: Context) -> Values:
        """Walk the arguments of a call, then what it calls."""
        arguments = self._arguments(node, context)
        last = node.func.attr.value if isinstance(node.func, cst.Attribute) else dotted(node.func)
        proxy = self._proxy(node, callees, arguments, context)
        if proxy is not None:
            return (proxy,)
        if last in RUNNERS or last in CONSUMERS or context.runs_coroutines:
            self._consume(arguments.all(), context)
        if last == "super" and context.frame is not None and context.frame.function.owner is not None:
            owner = context.frame.function.owner
            return tuple(Super(owner, one) for one in context.frame.receiver if isinstance(one, (Instance, Class)))
        found: list[Values] = []
        for callee in callees:
            if isinstance(callee, Module) and callee.path in IMPORTERS:
                found.append(self._imported_by_call(node, callee.path, arguments, context))
            elif isinstance(callee, Module):
                self._record.call(callee.path, context)
                found.append(self._external(node, callee.path, arguments, context))
            else:
                found.append(self._call((callee,), arguments, context))
        return join(*found)

    def _arguments(self, node: cst.Call, context: Context) -> Arguments:
        positional: list[Values] = []
        keywords: list[tuple[str, Values]] = []
        for argument in node.args:
            values = self._expression(argument.value, context)
            if argument.star:
                positional += [(one,) for one in self._consume(values, context)] if argument.star == "*" else []
            elif argument.keyword is not None:
                keywords.append((normal(argument.keyword.value), values))
            else:
                positional.append(values)
        return Arguments(tuple(positional), tuple(keywords))

    def _external(self, node: cst.Call, path: str, arguments: Arguments, context: Context) -> Values:
        """Call what this file does not define: a few functions call or return what they are given."""
        first = arguments.get(0)
        self._external_code(node, path, arguments, context)
        rest = Arguments(arguments.positional[1:], arguments.keywords)
        if path in ("map", "filter"):
            items = tuple(self._consume(values, context) for values in rest.positional)
            return (Deferred(first, Arguments(items), "iterate"),)
        if path == "functools.partial":
            return (Deferred(first, rest, "call"),)
        if path == "threading.Thread":
            return (Deferred(arguments.get(1, "target"), Arguments(), "start"),)
        if path in STARTERS:
            self._consume(self._call(join(first, arguments.get(9, "key")), Arguments(), context), context)
        return first if path in PASSING else ()

    def _call(self, callees: Values, arguments: Arguments, context: Context) -> Values:
        if context.when != "import":
            return ()
        return join(*(self._call_one(callee, arguments, context) for callee in callees))

    def _call_one(self, callee: Value, arguments: Arguments, context: Context) -> Values:
        if isinstance(callee, Module):
            self._record.call(callee.path, context)
        if isinstance(callee, Wrapped):
            callee = callee.function
        if isinstance(callee, Bound):
            arguments = Arguments(((callee.receiver,), *arguments.positional), arguments.keywords)
            callee = callee.function
        if isinstance(callee, Function):
            if callee.is_async or self._is_generator(callee.node):
                return (Suspended(callee, arguments),)
            return self._body(callee, arguments, context)
        if isinstance(callee, Class):
            return self._construct(callee, arguments, context)
        if isinstance(callee, Instance):
            return self._call(self._attribute((callee,), "__call__", None, context), arguments, context)
        if isinstance(callee, Deferred) and callee.trigger != "iterate":
            self._handed_on += 1
            if self._handed_on > MAX_HANDED_ON:
                raise MemguardError("is not analyzed: it hands on too many calls")
            given = (*callee.arguments.positional, *arguments.positional)
            return self._call(callee.callees, Arguments(given, arguments.keywords), context)
        if isinstance(callee, Lazy):
            self._record.use(callee, callee.site.node, context)
        return ()

    def _construct(self, kind: Class, arguments: Arguments, context: Context) -> Values:
        for metaclass in kind.metaclasses:
            if isinstance(metaclass, Class):
                self._call(metaclass.find("__call__"), Arguments(((kind,), *arguments.positional)), context)
        made = Instance(kind)
        self._call(kind.find("__new__"), Arguments(((kind,), *arguments.positional), arguments.keywords), context)
        for name in ("__init__", "__post_init__"):
            given = arguments if name == "__init__" else Arguments()
            self._call(self._members(kind.find(name), made, context), given, context)
        return (made,)
