"""The bodies of functions: walked when they are called, and at the end where nothing called them."""

from __future__ import annotations

from collections import Counter

import libcst as cst

from memguard_hooks.imports.model import Target, When, called_from
from memguard_hooks.imports.syntax import is_generator, normal
from memguard_hooks.imports.values import (
    Arguments,
    Function,
    Items,
    Scope,
    Values,
)
from memguard_hooks.imports.walker import Context, Frame, Noted, Walker

MAX_CALLS = 30
"""Calls inside calls that are followed; deeper ones are followed afterwards, without their results."""

MAX_RUNS = 20
"""Times that one function is walked, each with other arguments, whatever it takes."""

MAX_REPEATED = 5000
"""Statements that walks beyond these take, of all functions of a file; then nothing is known of what they are given."""

_Defined = tuple[Function, When, str]


class Bodies(Walker):
    """Runs of functions, each bounded in depth and in number."""

    def __init__(self, text: str, target: Target, record: Noted) -> None:
        super().__init__(text, target, record)
        self._defined: dict[cst.CSTNode, _Defined] = {}
        self._walked: set[cst.CSTNode] = set()
        self._generators: dict[cst.CSTNode, bool] = {}
        self._runs: Counter[tuple[cst.CSTNode, When]] = Counter()
        self._frames: dict[tuple[Function, Arguments, When], Frame] = {}
        self._waiting: list[tuple[Function, Arguments, Context]] = []
        self._depth = 0
        self._repeated = 0

    def _define(self, function: Function, context: Context) -> Function:
        self._scopes[function.scope] = None
        if function.node not in self._defined:
            later = context.later(f"in function {function.name}")
            self._defined[function.node] = (function, later.when, later.why)
        return function

    def _body(self, function: Function, arguments: Arguments, context: Context) -> Values:
        """Walk the body of a function once for each set of arguments, and return what it returns."""
        is_repeated = self._runs[function.node, context.when] >= MAX_RUNS
        if is_repeated and self._repeated > MAX_REPEATED:
            arguments = _unknown(function.node)
        key = (function, arguments, context.when)
        if key in self._frames:
            return self._frames[key].returned
        if self._depth >= MAX_CALLS:
            self._waiting.append((function, arguments, context))
            return ()
        began = self._statements
        self._runs[function.node, context.when] += 1
        self._walked.add(function.node)
        frame = self._frames[key] = Frame(function, arguments.get(0))
        if context.when == "import":
            context = context._replace(why=f"in function {function.name}, called {called_from(context.why)}")
        scope = Scope(function.scope)
        inner = context._replace(
            scope=scope,
            at_module_level=False,
            is_certain=True,
            frame=frame,
            runs_coroutines=function.is_async and context.when == "import",
        )
        self._depth += 1
        try:
            self._walk_body(function, arguments, inner)
        finally:
            self._depth -= 1
            self._repeated += self._statements - began + 1 if is_repeated else 0
        return frame.returned

    def _walk_body(self, function: Function, arguments: Arguments, context: Context) -> None:
        node = function.node
        if isinstance(node, cst.GeneratorExp):
            self._comprehension(node, function.defaults[""], context)
            return
        for name, values in _passed(node.params, function.defaults, arguments):
            context.scope.names[name] = values
        if isinstance(node, cst.Lambda):
            values = self._expression(node.body, context)
            assert context.frame is not None
            context.frame.returned = values
        else:
            self._block(node.body.body, context)

    def _is_generator(self, node: cst.CSTNode) -> bool:
        if node not in self._generators:
            self._generators[node] = isinstance(node, cst.FunctionDef) and is_generator(node)
        return self._generators[node]

    def _walk_the_waiting(self) -> None:
        """Walk what was called too deep inside other calls."""
        while self._waiting:
            self._body(*self._waiting.pop())

    def _walk_the_rest(self) -> None:
        """Walk the functions that nothing called while the file was loaded."""
        while True:
            rest = [defined for node, defined in self._defined.items() if node not in self._walked]
            if not rest:
                return
            for function, when, why in rest:
                if function.node not in self._walked:
                    self._body(function, Arguments(), Context(when, why, function.scope))
                    self._walk_the_waiting()


def _unknown(node: cst.FunctionDef | cst.Lambda | cst.GeneratorExp) -> Arguments:
    """Return an argument for each parameter, and nothing is known of it: the same whatever a call passes."""
    if isinstance(node, cst.GeneratorExp):
        return Arguments()
    params = node.params
    rest = (*params.posonly_params, *params.params, *([params.star_arg] if isinstance(params.star_arg, cst.Param) else ()))
    return Arguments(((),) * len(rest), tuple((normal(one.name.value), ()) for one in params.kwonly_params))


def _passed(node: cst.Parameters, defaults: dict[str, Values], arguments: Arguments) -> list[tuple[str, Values]]:
    """Return what each parameter of a call stands for."""
    named = dict(arguments.keywords)
    plain = [normal(parameter.name.value) for parameter in (*node.posonly_params, *node.params)]
    found = dict(defaults)
    found.update(zip(plain, arguments.positional, strict=False))
    found.update({name: values for name, values in named.items() if name in found})
    if isinstance(node.star_arg, cst.Param):
        found[normal(node.star_arg.name.value)] = (Items(arguments.positional[len(plain) :]),)
    return list(found.items())
