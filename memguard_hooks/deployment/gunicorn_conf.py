"""`gunicorn.conf.py`: the settings that decide memory, read from the syntax tree and never run.

gunicorn executes the file and takes the module's names (27.0, `Application.get_config_from_filename`). What is
assigned at module level from constants, from names that were so assigned, and from the environment is known, also under
an `if` whose test is; of anything else the file tells where it stands and why it is not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from memguard_hooks.deployment.gunicorn_settings import NUMBERS, SETTINGS, GunicornSettings, Unresolved, Value
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_folding import MAX_NUMBER, Around, BoundNames, shortened
from memguard_hooks.formats.python_source import decode, parse

__all__ = ["GunicornSettings", "Unresolved", "read"]

MAX_BYTES = 2**17
"""A settings file is some kilobytes; a syntax tree takes hundred times as much."""

_REFLECTION = frozenset({"globals", "locals", "vars", "exec", "setattr", "__dict__"})
"""Names by which a module may set its own names without a statement that shows it."""


def read(data: bytes, variables: Mapping[str, str], cpus: float | None = None) -> GunicornSettings | Unresolved:
    """Return the settings that a file assigns, as gunicorn would take them, or why nobody can tell.

    The last answers are kept: a command is parsed to find its service, and again with what the settings say of that.
    """
    return _read(data, tuple(sorted(variables.items())), cpus)


@lru_cache(maxsize=8)
def _read(data: bytes, given: tuple[tuple[str, str], ...], cpus: float | None) -> GunicornSettings | Unresolved:
    variables = dict(given)
    if len(data) > MAX_BYTES:
        return Unresolved(1, f"is larger than {MAX_BYTES // 2**10} KiB")
    try:
        module = parse(decode(data))
        found = _settings(module, variables, cpus)
        asks = any(word in data for word in _OF_MACHINES)
        return _with_bound(found, module, variables) if asks and not isinstance(found, Unresolved) else found
    except MemguardError as error:
        return Unresolved(error.line or 1, error.message)
    except RecursionError:
        return Unresolved(1, "is nested too deeply")


def _settings(module: ast.Module, variables: Mapping[str, str], cpus: float | None) -> GunicornSettings | Unresolved:
    """Return the settings that a module assigns on a machine of some CPUs, or why nobody can tell."""
    names = BoundNames(Around(variables, cpus), starred=SETTINGS)
    _run(names, module)
    if names.failed is not None:
        return names.failed
    found = SETTINGS & names.bound.keys()
    return GunicornSettings(
        {name: validated(name, *names.bound[name]) for name in found}, {name: names.bound[name][1] for name in found}
    )


def _with_bound(found: GunicornSettings, module: ast.Module, variables: Mapping[str, str]) -> GunicornSettings:
    """Return settings with the bound of a number of workers that nobody can tell."""
    workers = found.values.get("workers")
    if not isinstance(workers, Unresolved) or workers.is_refused:
        return found
    bounded = workers._replace(most=_most_workers(module, variables))
    return found._replace(values={**found.values, "workers": bounded})


_OF_MACHINES = (b"cpu", b"affinity")
"""What a file holds that asks for the CPUs of its machine; without them it asks for as many workers on each."""

_MACHINES = (1, 2, 4, 16, 1024, 2048)
"""CPUs of machines; a number that grows no more between the last two of them has a bound."""


def _most_workers(module: ast.Module, variables: Mapping[str, str]) -> int | None:
    """Return the most workers that a module asks for on any machine, None where that grows with it or nobody can tell."""
    numbers: list[int] = []
    for cpus in _MACHINES:
        found = _settings(module, variables, cpus)
        workers = found.values.get("workers") if isinstance(found, GunicornSettings) else None
        if not isinstance(workers, int):
            return None
        numbers.append(workers)
    return max(numbers) if numbers[-1] == numbers[-2] else None


_GIVEN_PORT = "59999"
"""Stands for the port that a platform gives: what comes to it follows the platform."""


def fixed_port(data: bytes, variables: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the port that a file binds whatever `PORT` is, and the line, None where it binds none or nobody can tell."""
    names = BoundNames(Around({"PORT": _GIVEN_PORT, **variables}, None), starred=frozenset({"bind"}))
    try:
        _run(names, parse(decode(data)) if len(data) <= MAX_BYTES else ast.Module([], []))
    except (MemguardError, RecursionError):
        return None
    value, line = names.bound.get("bind", (None, 0))
    port = value.rpartition(":")[2] if isinstance(value, str) else ""
    return (int(port), line) if port.isdecimal() and port not in (_GIVEN_PORT, variables.get("PORT")) else None


def validated(name: str, value: Value | Unresolved, line: int) -> Value | Unresolved:
    """Return a value as gunicorn's own validators do; what they refuse is not known."""
    if isinstance(value, Unresolved):
        return value
    refused = Unresolved(line, f"sets {name} to {shortened(repr(value))}, which gunicorn refuses", is_refused=True)
    if name in NUMBERS:
        try:
            number = int(value, 0) if isinstance(value, str) else value
        except ValueError:
            return refused
        if not isinstance(number, int) or number < 0:
            return refused
        return int(number) if number <= MAX_NUMBER else Unresolved(line, f"sets {name} to more than there can be")
    if name in ("preload_app", "reload"):
        if isinstance(value, str):
            return {"true": True, "false": False}.get(value.strip().lower(), refused)
        return bool(value) if value is None or isinstance(value, bool) else refused
    if name == "dirty_apps" and isinstance(value, tuple):
        return tuple(item.strip() for item in value if isinstance(item, str))
    if isinstance(value, str):
        return value.strip()
    return None if value is None and name in ("wsgi_app", "pythonpath") else refused


def _run(names: BoundNames, module: ast.Module) -> None:
    """Follow a module's statements, and forget what its functions may set."""
    for statement in module.body:
        names.follow(statement)
    nodes = [*ast.walk(module)]
    handed_on = {id(one.func): one.lineno for statement in module.body for one in _handed_on(statement)}
    only_read = {id(one) for node in nodes for one in _only_read(node)}
    for node in nodes:
        if id(node) in only_read:
            continue
        if isinstance(node, ast.Global):
            for name in node.names:
                names.forget(name, node.lineno, f"sets {name} in a function")
        word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if word in _REFLECTION and isinstance(node, (ast.Name, ast.Attribute)):
            line = handed_on.get(id(node))
            for name in SETTINGS if line is None else _set_elsewhere(names, line):
                names.forget(name, node.lineno, f"may set {name} by {word}")


def _handed_on(statement: ast.stmt) -> Iterator[ast.Call]:
    """Yield the `globals()` that a statement of the module gives a function, as in `set_defaults(globals())`."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    for one in call.args if isinstance(call, ast.Call) else ():
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "globals":
            yield one


def _set_elsewhere(names: BoundNames, line: int) -> Iterator[str]:
    """Yield the settings that a function may have set in a line: not those that the module sets behind it.

    What it does not set at all is the number and kind of workers. Elsewhere the default stands: an app that is not preloaded
    takes the most, and what starts is found where gunicorn works, or told as not there.
    """
    for name in SETTINGS:
        bound = names.bound[name][1] if name in names.bound else 0
        if 0 < bound <= line or (not bound and name in ("workers", "threads", "worker_class")):
            yield name


def _only_read(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the function of `locals()` where an expression only asks for a name: by `in`, an item or a method that reads."""
    asked: ast.expr | None = None
    if isinstance(node, ast.Compare) and isinstance(node.ops[-1], (ast.In, ast.NotIn)):
        asked = node.comparators[-1]
    elif isinstance(node, ast.Subscript):
        asked = node.value if isinstance(node.ctx, ast.Load) else None
    elif isinstance(node, ast.Attribute) and node.attr in ("get", "keys", "values", "items", "copy"):
        asked = node.value
    if isinstance(asked, ast.Call) and not asked.args:
        yield asked.func
