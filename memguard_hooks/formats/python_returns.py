"""What a function of a project returns for what it is given: a wrapper of `os.getenv`, or one that picks a name.

Only what has one answer is followed: a loop, a context or a function that yields leaves the value unknown.
"""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_nodes import walk
from memguard_hooks.formats.python_values import MAX_CALLS, MAX_STEPS, Raises, UnknownValue

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memguard_hooks.formats.python_values import Names, Value

_CACHES = frozenset({"functools.cache", "functools.lru_cache"})
_YIELDING = (ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)


def returned(
    function: ast.FunctionDef,
    names: Names,
    caller: Names,
    arguments: Sequence[ast.expr],
    given: Mapping[str, ast.expr],
) -> Value:
    """Return what a function returns for expressions of its caller. Raises UnknownValue, and Raises where it raises."""
    names.calls[0] += 1
    is_plain = all(names.source_of(_called(one)) in _CACHES for one in function.decorator_list)
    if not is_plain or caller.depth >= MAX_STEPS or names.calls[0] > MAX_CALLS:
        raise UnknownValue
    names.spend(len(function.body))
    for node in walk(function):
        names.spend(1)
        if isinstance(node, _YIELDING):
            raise UnknownValue
    inner = names.inner()
    inner.depth = caller.depth + 1
    bind_parameters(function, inner, caller, arguments, given)
    _, value = _run(function.body, inner)
    return value


def bind_parameters(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    inner: Names,
    caller: Names,
    arguments: Sequence[ast.expr],
    given: Mapping[str, ast.expr],
) -> None:
    """Bind the parameters of a function to what it is called with, or to their defaults.

    Raises UnknownValue where not each argument has its parameter.
    """
    node = function.args
    positional = [one.arg for one in (*node.posonlyargs, *node.args)]
    listed = [*positional, *(one.arg for one in node.kwonlyargs)]
    values: dict[str, tuple[ast.expr | None, Names]] = {}
    with_default = [*positional[len(positional) - len(node.defaults) :], *(one.arg for one in node.kwonlyargs)]
    values.update(
        {name: (value, inner) for name, value in zip(with_default, (*node.defaults, *node.kw_defaults), strict=True)}
    )
    values.update({name: (value, caller) for name, value in zip(positional, arguments, strict=False)})
    values.update({name: (value, caller) for name, value in given.items()})
    is_starred = any(isinstance(one, ast.Starred) for one in arguments)
    if is_starred or len(arguments) > len(positional) or set(values) != set(listed):
        raise UnknownValue
    # Defaults are read before a parameter has a name of theirs.
    for name in listed:
        value, names = values[name]
        inner.pass_in(name, value, names if names is not inner else inner.inner(), function.lineno)
    for rest in (node.vararg, node.kwarg):
        if rest is not None:
            inner.forget(rest.arg, function.lineno, "is given")
    inner.parameters = frozenset(listed)


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _run(block: Sequence[ast.stmt], names: Names) -> tuple[bool, Value]:
    """Follow statements until one returns; return whether one does, and what."""
    for one in block:
        has_returned, value = False, None
        match one:
            case ast.Return(value=node):
                return True, _returned(node, names)
            case ast.Raise():
                raise Raises
            case ast.If():
                branch = names.branch(one)
                if branch is None:
                    raise UnknownValue
                has_returned, value = _run(branch, names)
            case ast.Try():
                has_returned, value = _try(one, names)
            case ast.Expr(value=node):
                names.lose(node, "computes")
            case _ if any(isinstance(inner, (ast.Return, ast.Raise)) for inner in walk(one)):
                raise UnknownValue
            case _:
                names.follow(one)
        if has_returned:
            return True, value
    return False, None


def _returned(node: ast.expr | None, names: Names) -> Value:
    """Return what a function returns; that a variable is missing says nothing of what is asked of it."""
    value = names.evaluate(node) if node is not None else None
    if names.missed and isinstance(value, bool) and not isinstance(node, (ast.Name, ast.Constant)):
        raise UnknownValue
    return value


def _try(node: ast.Try, names: Names) -> tuple[bool, Value]:
    """Follow `try: return os.environ[name]` and `except KeyError`: the one handler runs where the body raises."""
    try:
        for one in node.body:
            if isinstance(one, (ast.Assign, ast.AnnAssign)) and one.value is not None:
                names.evaluate(one.value)
        has_returned, value = _run([*node.body, *node.orelse], names)
    except Raises:
        is_missing = names.around.has_all or bool(names.parameters)
        if len(node.handlers) != 1 or not is_missing:
            raise UnknownValue from None
        has_returned, value = _run(node.handlers[0].body, names)
    if node.finalbody and not has_returned:
        return _run(node.finalbody, names)
    return has_returned, value
