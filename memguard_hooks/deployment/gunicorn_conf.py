"""`gunicorn.conf.py`: the settings that decide memory, read from the syntax tree and never run.

gunicorn executes the file and takes the module's names (27.0, `Application.get_config_from_filename`). What is
assigned at module level from constants, from names that were so assigned, and from the environment is known, also under
an `if` whose test is; of anything else the file tells where it stands and why it is not.
"""

from __future__ import annotations

import ast
import re

from memguard_hooks.deployment.gunicorn_settings import NUMBERS, SETTINGS, GunicornSettings, Unresolved, Value
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats.python_literals import combine
from memguard_hooks.formats.python_source import decode, parse

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["GunicornSettings", "Unresolved", "read"]

MAX_BYTES = 2**17
"""A settings file is some kilobytes; a syntax tree takes hundred times as much."""

MAX_NUMBER = 10**9
"""More of anything than gunicorn could start or count."""

_REFLECTION = frozenset({"globals", "locals", "vars", "exec", "setattr", "__dict__"})
"""Names by which a module may set its own names without a statement that shows it."""

_CPU_COUNTS = frozenset({"os.cpu_count", "multiprocessing.cpu_count", "os.process_cpu_count", "os.sched_getaffinity"})


def read(data: bytes, variables: Mapping[str, str], cpus: float | None = None) -> GunicornSettings | Unresolved:
    """Return the settings that a file assigns, as gunicorn would take them, or why nobody can tell."""
    if len(data) > MAX_BYTES:
        return Unresolved(1, f"is larger than {MAX_BYTES // 2**10} KiB")
    names = _Names(variables, cpus)
    try:
        names.run(parse(decode(data)))
    except MemguardError as error:
        return Unresolved(error.line or 1, error.message)
    except RecursionError:
        return Unresolved(1, "is nested too deeply")
    if names.failed is not None:
        return names.failed
    found = SETTINGS & names.bound.keys()
    return GunicornSettings(
        {name: _validated(name, *names.bound[name]) for name in found}, {name: names.bound[name][1] for name in found}
    )


def _validated(name: str, value: Value | Unresolved, line: int) -> Value | Unresolved:
    """Return a value as gunicorn's own validators do; what they refuse is not known."""
    if isinstance(value, Unresolved):
        return value
    refused = Unresolved(line, f"sets {name} to {_shortened(repr(value))}, which gunicorn refuses", is_refused=True)
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


class _Unknown(Exception):  # noqa: N818 - it is no error
    """An expression whose value only a run can tell."""


class _OfCpus(_Unknown):
    """An expression that the CPUs of the host decide."""


class _Raises(Exception):  # noqa: N818 - it is the error of another
    """An expression that raises with the variables that are known."""


class _Names:
    """The names of a module in the order in which it binds them; `bound` holds the value and the line of each."""

    def __init__(self, variables: Mapping[str, str], cpus: float | None) -> None:
        self._cpus = cpus
        self.bound: dict[str, tuple[Value | Unresolved, int]] = {}
        self._variables = variables
        self._imports: dict[str, str] = {}
        self.failed: Unresolved | None = None

    def run(self, module: ast.Module) -> None:
        for statement in module.body:
            self._statement(statement)
        for node in ast.walk(module):
            if isinstance(node, ast.Global):
                for name in node.names:
                    self._unknown(name, node.lineno, f"sets {name} in a function")
            word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if word in _REFLECTION and isinstance(node, (ast.Name, ast.Attribute)):
                for name in SETTINGS:
                    self._unknown(name, node.lineno, f"may set {name} by {word}")

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets if statement.value is not None else []:
                if isinstance(target, ast.Name) and statement.value is not None:
                    self._assign(target.id, statement.value, statement.lineno)
                else:
                    self._lose(target, "unpacks")
            self._lose(statement.value, "computes")
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._import(name, alias.name if alias.asname else name, statement.lineno)
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if alias.name == "*":
                    for name in SETTINGS:
                        self._unknown(name, statement.lineno, f"may import {name} from {statement.module or '.'}")
                else:
                    source = "" if statement.level else f"{statement.module}.{alias.name}"
                    self._import(alias.asname or alias.name, source, statement.lineno)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self._unknown(statement.name, statement.lineno, f"defines {statement.name} as code")
        elif isinstance(statement, ast.AugAssign):
            self._lose(statement, "computes")
        elif isinstance(statement, ast.If) and (branch := self._branch(statement)) is not None:
            for inner in branch:
                self._statement(inner)
        else:
            self._lose(statement, "sets under a condition" if _is_compound(statement) else "changes")

    def _branch(self, statement: ast.If) -> list[ast.stmt] | None:
        """Return what runs of an `if`, None where its test is known only at run time."""
        try:
            return statement.body if self._evaluate(statement.test) else statement.orelse
        except (_Unknown, _Raises):
            return None

    def _assign(self, name: str, value: ast.expr, line: int) -> None:
        self._imports.pop(name, None)
        try:
            self.bound[name] = (self._evaluate(value), line)
        except (_Unknown, _Raises) as error:
            text = _text_of(value)
            self._unknown(name, line, f"computes {name}: {text}", is_cpu_count=isinstance(error, _OfCpus))
            if isinstance(error, _Raises) and self.failed is None:
                self.failed = Unresolved(line, f"fails with the variables that are known: {text}")

    def _import(self, name: str, source: str, line: int) -> None:
        self._unknown(name, line, f"imports {name}")
        self._imports[name] = source

    def _unknown(self, name: str, line: int, reason: str, *, is_cpu_count: bool = False) -> None:
        self._imports.pop(name, None)
        self.bound[name] = (Unresolved(line, reason, is_cpu_count=is_cpu_count), line)

    def _lose(self, node: ast.AST | None, how: str) -> None:
        """Forget all names that a statement or an expression may bind."""
        for name, line in _bindings(node):
            verb, _, rest = how.partition(" ")
            self._unknown(name, line, " ".join(filter(None, (verb, name, rest))))

    def _evaluate(self, node: ast.expr) -> Value:
        """Return the value of an expression that needs nothing but constants, known names and the environment."""
        match node:
            case ast.Constant(value=None | str() | int() as value):
                if isinstance(value, int) and abs(value) > MAX_NUMBER:
                    raise _Unknown
                return value
            case ast.Name(id=name):
                found = self.bound.get(name, (Unresolved(0, ""), 0))[0]
                if not isinstance(found, Unresolved):
                    return found
                raise _OfCpus if found.is_cpu_count else _Unknown
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                return tuple(map(self._item, elements))
            case ast.BoolOp(op=operator, values=operands):
                result: Value = None
                for operand in operands:
                    result = self._evaluate(operand)
                    if bool(result) is isinstance(operator, ast.Or):
                        break
                return result
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                return self._evaluate(body if self._evaluate(test) else otherwise)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._evaluate(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._number(operand)
            case ast.BinOp(left=left, op=operation, right=right):
                total = combine(operation, self._number(left), self._number(right))
                if total is not None:
                    return total
            case ast.Compare(left=left, ops=[comparison], comparators=[right]):
                return self._compare(left, comparison, right)
            case ast.Subscript(value=mapping, slice=key) if self._source(mapping) == "os.environ":
                variable = self._evaluate(key)
                if isinstance(variable, str):
                    if variable not in self._variables:
                        raise _Raises
                    return self._variables[variable]
            case ast.Call(func=function, args=arguments, keywords=[]):
                return self._call(function, arguments)
        raise _Unknown

    def _item(self, node: ast.expr) -> str | int | None:
        value = self._evaluate(node)
        if isinstance(value, tuple):
            raise _Unknown
        return value

    def _number(self, node: ast.expr) -> int:
        value = self._evaluate(node)
        if not isinstance(value, int) or abs(value) > 10**6:
            raise _Unknown
        return value

    def _compare(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
        match operator, self._evaluate(left), self._evaluate(right):
            # A list and a tuple of equal items are not equal, and are one here.
            case ast.Eq() | ast.NotEq(), first, second if not isinstance(first, tuple) and not isinstance(second, tuple):
                return (first == second) is isinstance(operator, ast.Eq)
            case ast.In() | ast.NotIn(), first, tuple() as second:
                return (first in second) is isinstance(operator, ast.In)
            case ast.Is() | ast.IsNot(), first, None:
                return (first is None) is isinstance(operator, ast.Is)
        raise _Unknown

    def _call(self, function: ast.expr, arguments: list[ast.expr]) -> Value:
        source = self._source(function)
        if source in _CPU_COUNTS:
            if self._cpus is None or arguments:
                raise _OfCpus
            return max(1, int(self._cpus))
        if source in ("os.environ.get", "os.getenv") and 1 <= len(arguments) <= 2:
            return self._variable(*arguments)
        values = self._values(function, arguments)
        match function:
            case ast.Name(id=name) if name not in self.bound:
                return _call_builtin(name, values)
            case ast.Attribute(value=node, attr="lower" | "upper" | "strip" as method) if not values:
                text = self._evaluate(node)
                if isinstance(text, str):
                    return {"lower": text.lower, "upper": text.upper, "strip": text.strip}[method]()
        raise _Unknown

    def _variable(self, name: ast.expr, default: ast.expr | None = None) -> Value:
        """Return a variable; a default that is not known does not matter where it is set, but one that raises does."""
        found = self._evaluate(name)
        if not isinstance(found, str):
            raise _Unknown
        try:
            otherwise = self._evaluate(default) if default is not None else None
        except _Unknown:
            if found not in self._variables:
                raise
            otherwise = None
        return self._variables.get(found, otherwise)

    def _values(self, function: ast.expr, arguments: list[ast.expr]) -> list[Value]:
        """Return what a function is called with; CPUs do not decide what `min` makes of them and of something else."""
        values: list[Value] = []
        unknown: list[_Unknown] = []
        for argument in arguments:
            try:
                values.append(self._evaluate(argument))
            except _Unknown as error:
                unknown.append(error)
        if unknown and isinstance(function, ast.Name) and function.id == "min":
            are_of_cpus = not values and all(isinstance(error, _OfCpus) for error in unknown)
            raise _OfCpus if are_of_cpus else _Unknown
        if unknown:
            raise unknown[0]
        return values

    def _source(self, node: ast.expr) -> str:
        """Return the dotted name that an expression has in the module it was imported from."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._imports:
            return ""
        return ".".join([self._imports[node.id], *reversed(names)])


def _call_builtin(name: str, values: list[Value]) -> Value:
    """Return what a function of Python's own makes of known values."""
    match name, values:
        case "int", [int() as value]:
            return int(value)
        case "int", [str() as value] if re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
            return int(value)
        case "int", [None | str() as value] if value is None or not re.search(r"\d", value):
            raise _Raises
        case "str", [str() | int() as value]:
            return str(value)
        case "bool", [value]:
            return bool(value)
        case "min" | "max", [_, _, *_]:
            numbers = [value for value in values if isinstance(value, int)]
            if len(numbers) == len(values):
                return (min if name == "min" else max)(numbers)
    raise _Unknown


def _text_of(value: ast.expr) -> str:
    try:
        text = ast.unparse(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number without end"
    return _shortened(text)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_compound(statement: ast.stmt) -> bool:
    return hasattr(statement, "body") or hasattr(statement, "cases")


def _bindings(node: ast.AST | None) -> Iterator[tuple[str, int]]:
    """Yield the names that a statement binds, with their lines, without what is local to functions and classes."""
    waiting = [node] if node is not None else []
    while waiting:
        here = waiting.pop()
        if isinstance(here, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield here.name, here.lineno
            continue
        if isinstance(here, ast.Lambda):
            continue
        if isinstance(here, ast.Name) and not isinstance(here.ctx, ast.Load):
            yield here.id, here.lineno
        elif isinstance(here, (ast.Import, ast.ImportFrom)):
            for alias in here.names:
                for name in SETTINGS if alias.name == "*" else (alias.asname or alias.name.partition(".")[0],):
                    yield name, here.lineno
        elif isinstance(here, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and here.name:
            yield here.name, here.lineno
        elif isinstance(here, ast.MatchMapping) and here.rest:
            yield here.rest, here.lineno
        waiting += ast.iter_child_nodes(here)
