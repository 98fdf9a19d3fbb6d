"""What the names and expressions of a module come to without running it: constants, the environment, and arithmetic.

Statements are followed in their order. A name that is bound under a condition that only a run can tell, or by a loop, is
not known, and neither is what is made of it. Of the number of CPUs it is told that it is one.
"""

from __future__ import annotations

import ast
import re
from types import MappingProxyType

from memguard_hooks.formats.python_literals import combine
from memguard_hooks.formats.python_nodes import children, is_property, keywords, targets, texts_in, walk
from memguard_hooks.formats.python_values import (
    MAX_CALLS,
    MAX_LOOKED,
    MAX_STEPS,
    Member,
    OfCpus,
    Raises,
    UnknownValue,
    Unresolved,
    Value,
)
from memguard_hooks.record import Record, TypeAlias

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from memguard_hooks.formats.python_enums import Enumeration

Definition: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef"

MAX_NUMBER = 10**9
"""More of anything than a program could start or count."""

MAX_TEXT = 4096
"""Letters of a text that is put together."""

MAX_ITEMS = 500
"""Items of a sequence that is put together or looked through."""

CPU_COUNTS = frozenset({
    "os.cpu_count", "multiprocessing.cpu_count", "os.process_cpu_count", "os.sched_getaffinity", "psutil.cpu_count",
    "joblib.cpu_count", "loky.cpu_count",
})  # fmt: skip

_ENVIRONS = frozenset({"environ.Env", "environ.FileAwareEnv", "environs.Env"})
"""Classes whose objects read variables: `env("X", default=1)`, `env.int("X", 1)`."""

_CONFIGS = frozenset({"decouple.Config", "decouple.AutoConfig", "starlette.config.Config"})
"""Classes whose objects read variables by `config("X", default=1, cast=int)`."""


_OF_TEXTS = frozenset({
    "lower", "upper", "strip", "lstrip", "rstrip", "casefold", "title", "capitalize", "startswith", "endswith",
    "removeprefix", "removesuffix", "replace",
})  # fmt: skip
"""Methods of a text that make nothing but a text, or say whether it holds one."""

_BINDING = frozenset({
    ast.Name, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Import, ast.ImportFrom, ast.ExceptHandler,
    ast.MatchAs, ast.MatchStar, ast.MatchMapping,
})  # fmt: skip
"""Nodes that bind a name, or in which names are local."""

_DECLARING = frozenset({"add_argument", "add_subparsers", "add_parser"})
"""Methods of argparse that say what a command line may hold."""

_PARSING = frozenset({"parse_args", "parse_known_args"})
"""Methods of argparse that give the options of the command line."""


class Around(Record):
    """What decides the values of a module from outside: variables, CPUs, and the other modules of the project.

    `load` gives the names of a module by its dotted name, None for one that is not the project's. `words` are those of the
    command line, behind the program, None where they are not known. Without `has_all` there may be other variables: of one
    that is missing only a default that says something is taken.
    """

    variables: Mapping[str, str] = MappingProxyType({})
    cpus: float | None = None
    load: Callable[[str], BoundNames | None] = lambda _: None
    words: tuple[str, ...] | None = None
    has_all: bool = True

    def default(self, value: Value) -> Value:
        """Return what code takes for a variable that is missing. Raises UnknownValue where the platform likely sets it."""
        if not self.has_all and value in (None, "", ()):
            raise UnknownValue
        return value


class CommandLine(Record):
    """What argparse is told in a module: the calls that declare options, by the names of these, None for what two declare.

    `subcommands` are the names of parsers below another.
    """

    options: Mapping[str, ast.Call | None] = MappingProxyType({})
    subcommands: tuple[str, ...] = ()

    @property
    def has_one_argument(self) -> bool:
        """Whether one call declares an argument that is no option, and all of its names are written out."""
        calls = [one for one in self.options.values() if one is not None]
        names = [str(one.args[0].value) if one.args and isinstance(one.args[0], ast.Constant) else "" for one in calls]
        return len(calls) == len(self.options) and sum(not name.startswith("-") for name in names) == 1


class BoundNames:
    """The names of a module or a function in the order in which it binds them; `bound` holds the value and the line of each.

    `shown` holds the expressions that names stand for, each with the names that it is to be read by, and `defined` the
    functions and classes; `attributes` are what code sets on objects, and `own` the one whose method is followed, of which
    they are all that counts.
    `package` is the one that relative imports start from, where it is known. `starred` are the names that `import *` may
    bind. `parameters` are those of a function that is followed for one call, `missed` tells that the variable that its
    caller names is not set; `depth`, `calls` and `looked` bound what is followed.
    """

    def __init__(
        self,
        around: Around,
        package: str | None = None,
        starred: frozenset[str] = frozenset(),
        path: str = "",
        command_line: CommandLine | None = None,
    ) -> None:
        self.around = around
        self.path = path
        self.command_line = command_line or CommandLine()
        self.attributes: dict[str, dict[str, tuple[ast.expr, BoundNames]]] = {}
        self.bound: dict[str, tuple[Value | Unresolved, int]] = {}
        self.shown: dict[str, tuple[ast.expr, BoundNames]] = {}
        self.defined: dict[str, tuple[Definition, BoundNames]] = {}
        self.failed: Unresolved | None = None
        self.imports: dict[str, str] = {}
        self.parameters: frozenset[str] = frozenset()
        self.missed = False
        self.own = ""
        self.depth = 0
        self.calls = [0]
        self.looked = [0]
        self.reading: set[tuple[str, str]] = set()
        self.returns: dict[ast.FunctionDef, ast.expr | None] = {}
        self.enumerations: dict[ast.ClassDef, Enumeration | None] = {}
        self._package = package
        self._starred = starred

    def inner(self) -> BoundNames:
        """Return the names that a function starts with: those of its module."""
        other = BoundNames(self.around, self._package, self._starred, self.path, self.command_line)
        other.bound, other.shown = dict(self.bound), dict(self.shown)
        other.defined, other.imports = dict(self.defined), dict(self.imports)
        other.attributes = {name: dict(held) for name, held in self.attributes.items()}
        other.depth, other.calls, other.looked = self.depth, self.calls, self.looked
        other.own, other.reading = self.own, self.reading
        other.returns, other.enumerations = self.returns, self.enumerations
        return other

    def spend(self, size: int) -> None:
        """Count what is looked at once more for each value that asks for it. Raises UnknownValue beyond the bound."""
        self.looked[0] += size
        if self.looked[0] > MAX_LOOKED:
            raise UnknownValue

    def pass_in(self, name: str, value: ast.expr | None, caller: BoundNames, line: int) -> None:
        """Bind a parameter to what a caller gives for it, None where that is not known."""
        self.forget(name, line, f"is given {name}")
        if value is None:
            return
        self.shown[name] = (value, caller)
        try:
            self.bound[name] = (caller.evaluate(value), line)
        except (UnknownValue, Raises) as error:
            reason = f"computes {name}: {text_of(value)}"
            self.bound[name] = (Unresolved(line, reason, is_cpu_count=isinstance(error, OfCpus)), line)

    @property
    def is_near_bound(self) -> bool:
        """Whether more than half of the calls are followed that may be, or as much is looked at."""
        return self.calls[0] > MAX_CALLS // 2 or self.looked[0] > MAX_LOOKED // 2

    @property
    def is_beyond_bound(self) -> bool:
        """Whether something is not known because more calls would be followed, or more be looked at, than may be."""
        return self.calls[0] > MAX_CALLS or self.looked[0] > MAX_LOOKED

    @property
    def module(self) -> str:
        """The dotted name of the module, empty where it has none."""
        name = self.bound.get("__name__", ("", 0))[0]
        return name if isinstance(name, str) and name != "__main__" else ""

    # Statements

    def follow(self, statement: ast.stmt) -> None:
        """Bind the names that a statement binds."""
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            names = [one.id for one in targets(statement) if isinstance(one, ast.Name)]
            for target in targets(statement) if statement.value is not None else []:
                if isinstance(target, ast.Name) and statement.value is not None:
                    self._assign(names, statement.value, statement.lineno)  # all at once, where the first of them stands
                    names = []
                elif not self._store(target, statement.value):
                    self.lose(target, "unpacks")
            self.lose(statement.value, "computes")
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._import(name, alias.name if alias.asname else name, statement.lineno)
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if alias.name == "*":
                    other = self.around.load(self._absolute(statement))
                    if other is not None:
                        self._take_all(other)
                    for name in self._starred if other is None else ():
                        self.forget(name, statement.lineno, f"may import {name} from {statement.module or '.'}")
                else:
                    source = self._absolute(statement)
                    self._import(alias.asname or alias.name, source and f"{source}.{alias.name}", statement.lineno)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.forget(statement.name, statement.lineno, f"defines {statement.name} as code")
            self.defined[statement.name] = (statement, self)
        elif isinstance(statement, ast.AugAssign):
            self._augment(statement)
        elif isinstance(statement, ast.If) and (branch := self.branch(statement)) is not None:
            for inner in branch:
                self.follow(inner)
        else:
            self.lose(statement, "sets under a condition" if _is_compound(statement) else "changes")

    def branch(self, statement: ast.If) -> list[ast.stmt] | None:
        """Return what runs of an `if`, None where its test is known only at run time."""
        try:
            return statement.body if self.evaluate(statement.test) else statement.orelse
        except (UnknownValue, Raises):
            return None

    def _take_all(self, other: BoundNames) -> None:
        """Bind all that another module of the project has, as `import *` does; beyond the bound no name is known."""
        try:
            self.spend(len(other.bound))
        except UnknownValue:
            for kept in (self.bound, self.shown, self.defined, self.imports, self.attributes):
                kept.clear()
            return
        for name in [name for name in other.bound if not name.startswith("_")]:
            self.forget(name, 0, "")
            self.bound[name] = other.bound[name]
            if name in other.imports:
                self.imports[name] = other.imports[name]
            if name in other.shown:
                self.shown[name] = other.shown[name]
            if name in other.defined:
                self.defined[name] = other.defined[name]

    def _absolute(self, statement: ast.ImportFrom) -> str:
        """Return the module that a `from` import names, empty where nobody can know."""
        if not statement.level:
            return statement.module or ""
        if self._package is None:
            return ""
        parts = self._package.split(".") if self._package else []
        if statement.level - 1 > len(parts):
            return ""
        kept = parts[: len(parts) - statement.level + 1]
        return ".".join([*kept, *filter(None, [statement.module])])

    def _augment(self, statement: ast.AugAssign) -> None:
        target = statement.target
        try:
            if not isinstance(target, ast.Name):
                raise UnknownValue
            found = self._combine(statement.op, ast.Name(target.id, ast.Load()), statement.value)
        except (UnknownValue, Raises):
            self.lose(statement, "computes")
        else:
            self.forget(target.id, statement.lineno, "")
            self.bound[target.id] = (found, statement.lineno)

    def _assign(self, names: Sequence[str], value: ast.expr, line: int) -> None:
        """Bind names to what one value comes to, which is looked at once."""
        if not names:
            return
        try:
            found = self.evaluate(value)
        except (UnknownValue, Raises) as error:
            text = text_of(value)
            for name in names:
                self.forget(name, line, f"computes {name}: {text}", is_cpu_count=isinstance(error, OfCpus))
            if isinstance(error, Raises) and self.failed is None:
                self.failed = Unresolved(line, f"fails with the variables that are known: {text}")
        else:
            for name in names:
                self.forget(name, line, "")
                self.bound[name] = (found, line)
        mentioned = {node.id for node in walk(value) if isinstance(node, ast.Name)}
        self.shown.update((name, (value, self)) for name in names if name not in mentioned)

    def _store(self, target: ast.expr, value: ast.expr | None) -> bool:
        """Note what is set on an object or in a mapping; return whether that is what happens."""
        name, *keys = _dotted(target)
        if value is not None and name and keys:
            self.attributes.setdefault(name, {})[".".join(keys)] = (value, self)
            return True
        match target, value:
            case ast.Subscript(value=ast.Name(id=name), slice=key), ast.expr():
                held, names = self.shown.pop(name, (None, self))
                if isinstance(held, ast.Dict) and names is self:
                    self.shown[name] = (ast.Dict([*held.keys, key], [*held.values, value]), self)
                elif isinstance(self.bound.get(name, (None, 0))[0], tuple):
                    self.forget(name, target.lineno, f"changes {name}")
                return True
        return False

    def _import(self, name: str, source: str, line: int) -> None:
        self.forget(name, line, f"imports {name}")
        self.imports[name] = source

    def forget(self, name: str, line: int, reason: str, *, is_cpu_count: bool = False) -> None:
        """Note that nobody can know what a name holds from here on, and why."""
        self.imports.pop(name, None)
        self.shown.pop(name, None)
        self.defined.pop(name, None)
        self.attributes.pop(name, None)
        self.bound[name] = (Unresolved(line, reason, is_cpu_count=is_cpu_count), line)

    def lose(self, node: ast.AST | None, how: str) -> None:
        """Forget all names that a statement or an expression may bind."""
        for name, line in self._bindings(node):
            verb, _, rest = how.partition(" ")
            self.forget(name, line, " ".join(filter(None, (verb, name, rest))))

    def _bindings(self, node: ast.AST | None) -> Iterator[tuple[str, int]]:
        """Yield the names that a statement binds, with their lines, without what is local to functions and classes."""
        waiting = [node] if node is not None else []
        while waiting:
            here = waiting.pop()
            if here.__class__ not in _BINDING:
                pass
            elif isinstance(here, ast.Name):
                if not isinstance(here.ctx, ast.Load):
                    yield here.id, here.lineno
            elif isinstance(here, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield here.name, here.lineno
                continue
            elif isinstance(here, ast.Lambda):
                continue
            elif isinstance(here, (ast.Import, ast.ImportFrom)):
                for alias in here.names:
                    for name in self._starred if alias.name == "*" else (alias.asname or alias.name.partition(".")[0],):
                        yield name, here.lineno
            elif isinstance(here, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and here.name:
                yield here.name, here.lineno
            elif isinstance(here, ast.MatchMapping) and here.rest:
                yield here.rest, here.lineno
            waiting += children(here)

    # What names stand for

    def source(self, node: ast.expr) -> str:
        """Return the dotted name that an expression has in the module it was imported from."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or not self.imports.get(node.id):
            return ""
        return ".".join([self.imports[node.id], *reversed(names)])

    def meaning(self, node: ast.expr, steps: int = MAX_STEPS) -> tuple[ast.AST, BoundNames]:
        """Return the expression, the function or the class that a name stands for, also in another module, and its names."""
        if steps and isinstance(node, ast.Name):
            if node.id in self.defined:
                return self.defined[node.id]
            if node.id in self.shown:
                value, names = self.shown[node.id]
                return names.meaning(value, steps - 1)
        held = self.held(node) if steps and self.own else None
        if held is not None:
            return held[1].meaning(held[0], steps - 1)
        module, _, name = self.source(node).rpartition(".") if steps else ("", "", "")
        other = self.around.load(module) if module else None
        return (node, self) if other is None else other.meaning(ast.Name(name, ast.Load()), steps - 1)

    def held(self, node: ast.expr) -> tuple[ast.expr, BoundNames] | None:
        """Return what the object whose method is followed holds under a name, and the names to read it by."""
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            return None
        return self.attributes.get(self.own, {}).get(node.attr) if node.value.id == self.own else None

    def made_by(self, node: ast.expr) -> tuple[str, ast.Call | None, BoundNames]:
        """Return the dotted name of the class or function that has made an object, the call, and the names to read it by."""
        found, names = self.meaning(node)
        for _ in range(MAX_STEPS):
            if not isinstance(found, ast.Call):
                break
            made, inner = names.meaning(found.func)
            returned = self._returned(made)
            if returned is None:
                return names.source_of(found.func), found, names
            found, names = inner.meaning(returned)
        return "", None, names

    def _returned(self, made: ast.AST) -> ast.expr | None:
        """Return the expression that a function returns, None where it has none or several."""
        if not isinstance(made, ast.FunctionDef):
            return None
        if made not in self.returns:
            self.returns[made] = self._find_returned(made)
        return self.returns[made]

    def _find_returned(self, made: ast.FunctionDef) -> ast.expr | None:
        found: list[ast.expr] = []
        try:
            for node in walk(made):
                self.spend(1)
                if isinstance(node, ast.Return) and node.value is not None:
                    found.append(node.value)
        except UnknownValue:
            return None
        if len(found) == 1 and isinstance(found[0], ast.Name):
            return set_in(made.body).get(found[0].id, found[0])
        return found[0] if len(found) == 1 else None

    def source_of(self, node: ast.expr) -> str:
        """Return the dotted name of a function or class of others, also where this module has it from one of the project."""
        found, names = self.meaning(node)
        return names.source(found) if isinstance(found, (ast.Name, ast.Attribute)) else ""

    # Expressions

    def evaluate(self, node: ast.expr) -> Value:
        """Return the value of an expression that needs nothing but constants, known names and the environment.

        Raises UnknownValue for any other, and Raises for one that raises with the variables that are known.
        """
        match node:
            case ast.Constant(value=None | str() | int() as value):
                if isinstance(value, int) and abs(value) > MAX_NUMBER:
                    raise UnknownValue
                return value
            case ast.Name(id=name):
                found = self.bound.get(name, (Unresolved(0, ""), 0))[0]
                if not isinstance(found, Unresolved):
                    return found
                if found.is_cpu_count:
                    raise OfCpus
                return self._foreign(node)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                return tuple(map(self._item, elements))
            case ast.BoolOp(op=operator, values=operands):
                result: Value = None
                for operand in operands:
                    result = self.evaluate(operand)
                    if bool(result) is isinstance(operator, ast.Or):
                        break
                return result
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                return self.evaluate(body if self.evaluate(test) else otherwise)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.evaluate(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._number(operand)
            case ast.BinOp(left=left, op=operation, right=right):
                return self._combine(operation, left, right)
            case ast.Compare(left=left, ops=[comparison], comparators=[right]):
                return self._compare(left, comparison, right)
            case ast.JoinedStr(values=parts):
                text = ""
                for part in parts:
                    text = self._text(text + _as_text(self.evaluate(part)))
                return text
            case ast.FormattedValue(value=inner, format_spec=None, conversion=-1):
                return self.evaluate(inner)
            case ast.Subscript(value=mapping, slice=key) if self.source(mapping) == "os.environ":
                variable = self.evaluate(key)
                if isinstance(variable, str):
                    if variable not in self.around.variables:
                        raise Raises
                    return self.around.variables[variable]
            case ast.Subscript(value=words, slice=key) if self.around.words is not None and self.source(words) == "sys.argv":
                return self._word(key)
            case ast.Subscript(value=mapping, slice=key):
                return self._looked_up(mapping, key)
            case ast.Call(func=function, args=arguments, keywords=keywords) if all(one.arg for one in keywords):
                return self._call(function, arguments, {one.arg: one.value for one in keywords if one.arg})
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(node, owner, name)
        raise UnknownValue

    def _word(self, key: ast.expr) -> Value:
        """Return a word of the command line, or those from one on: `sys.argv[1]`, `sys.argv[1:]`."""
        words = ("", *(self.around.words or ()))
        if isinstance(key, ast.Slice) and key.upper is None and key.step is None and key.lower is not None:
            first = self.evaluate(key.lower)
            if isinstance(first, int) and first >= 0:
                return words[first:]
            raise UnknownValue
        at = None if isinstance(key, ast.Slice) else self.evaluate(key)
        if not isinstance(at, int):
            raise UnknownValue
        if not -len(words) <= at < len(words):
            raise Raises
        return words[at]

    def _foreign(self, node: ast.expr) -> Value:
        """Return the value that a name of another module of the project has, as that module has bound it."""
        names, last = self, node
        for _ in range(MAX_STEPS):
            module, _, name = names.source(last).rpartition(".")
            other = names.around.load(module) if module else None
            if other is None or name not in other.bound:
                break
            value, _line = other.bound[name]
            if not isinstance(value, Unresolved):
                return value
            if value.is_cpu_count:
                raise OfCpus
            names, last = other, ast.Name(name, ast.Load())
        raise UnknownValue

    def _attribute(self, node: ast.expr, owner: ast.expr, name: str) -> Value:
        """Return what a module of the project, or an object of its settings, holds under a name."""
        if self.around.words is not None and self.source(node) == "sys.argv":
            return "", *self.around.words
        if (members := self._enumeration(owner)) is not None:
            return members.member(name)
        if name in ("name", "value") and (member := self._member(owner)) is not None:
            return member.name if name == "name" else _told(member)
        held = self.held(node) if self.own else None
        if held is not None:
            return self._held_value(held, name)
        _, made, names = self.made_by(owner)
        if made is not None and isinstance(made.func, ast.Attribute) and made.func.attr in _PARSING:
            return names.option(name)
        settings, inner = names.meaning(made.func) if made is not None else self.meaning(owner)
        if isinstance(settings, ast.ClassDef):
            return inner.field(settings, name)
        return self._foreign(node)

    def _held_value(self, held: tuple[ast.expr, BoundNames], name: str) -> Value:
        """Return what an object holds. Raises UnknownValue for what is made of itself."""
        key = (self.own, name)
        if key in self.reading:
            raise UnknownValue
        self.reading.add(key)
        try:
            return held[1].evaluate(held[0])
        finally:
            self.reading.discard(key)

    def _enumeration(self, node: ast.expr) -> Enumeration | None:
        """Return the enumeration that a name stands for, None for anything else."""
        found = self.meaning(node)[0]
        if not isinstance(found, ast.ClassDef):
            return None
        if found not in self.enumerations:
            from memguard_hooks.formats.python_enums import enumeration

            self.enumerations[found] = enumeration(self, node)
        return self.enumerations[found]

    def _member(self, node: ast.expr) -> Member | None:
        """Return the member of an enumeration that an expression comes to, None for anything else."""
        try:
            value = self.evaluate(node)
        except (UnknownValue, Raises):
            return None
        return value if isinstance(value, Member) else None

    def _looked_up(
        self, mapping: ast.expr, key: ast.expr, default: ast.expr | None = None, *, is_get: bool = False
    ) -> Value:
        """Return what a mapping that is written out holds under a key, or an enumeration under a name."""
        wanted = self.evaluate(key)
        if not is_get and isinstance(wanted, str) and (members := self._enumeration(mapping)) is not None:
            return members.member(wanted)
        held, names = self.meaning(mapping)
        if not isinstance(held, ast.Dict):
            raise UnknownValue
        self.spend(len(held.keys))
        keys = [names.evaluate(one) for one in held.keys if one is not None]
        if len(keys) != len(held.keys):
            raise UnknownValue
        for one, value in zip(reversed(keys), reversed(held.values), strict=True):
            if _equal(one, wanted):
                return names.evaluate(value)
        if not is_get:
            raise Raises
        return self.evaluate(default) if default is not None else None

    def option(self, name: str) -> Value:
        """Return what the command line gives for an option that `add_argument` declares, or its default."""
        declared = self.command_line.options.get(name)
        if declared is None:
            raise UnknownValue
        words = self.around.words or ()
        given = keywords(declared)
        kind = text_of(given["type"]) if "type" in given else ""
        flags = [text for one in declared.args if isinstance(text := self.evaluate(one), str)]
        if not any(flag.startswith("-") for flag in flags):
            return self._positional(given)
        if "action" in given:
            action = self.evaluate(given["action"])
            if action not in ("store_true", "store_false"):
                raise UnknownValue
            return (action == "store_true") is any(flag in words for flag in flags)
        found = given_on(words, flags)
        if found is None:
            return self.evaluate(given["default"]) if "default" in given else None
        return _cast(found, kind)

    def _positional(self, given: Mapping[str, ast.expr]) -> Value:
        """Return the word that the command line gives where no option says so: one of the choices, or a subcommand.

        Where the choices are not known, it is the only word that may be an argument, and is none of an option.
        """
        words = self.around.words
        if words is None or "nargs" in given or "action" in given:
            raise UnknownValue
        try:
            choices = self.evaluate(given["choices"]) if "choices" in given else self.command_line.subcommands
        except UnknownValue:
            choices = ()
        if choices or not self.command_line.has_one_argument:
            found = [word for word in words if isinstance(choices, tuple) and word in choices]
        else:
            found = [word for word in words if not word.startswith("-")]
            last = words[words.index(found[0]) - 1] if found and found[0] != words[0] else ""
            if last.startswith("-") and "=" not in last:  # it may be the value of an option
                raise UnknownValue
        if len(found) != 1:
            raise UnknownValue
        return _cast(found[0], text_of(given["type"]) if "type" in given else "")

    def field(self, settings: ast.ClassDef, name: str) -> Value:
        """Return what a class of settings holds: of pydantic's the variable of that name, or else the default."""
        self.spend(len(settings.body))
        values = set_in(settings.body)
        if name not in values:
            return self._computed(settings, name)
        default: ast.expr | None = values[name]
        if not any(self.source_of(base).rpartition(".")[2] == "BaseSettings" for base in settings.bases):
            return self.evaluate(values[name])
        variable = f"{self._prefix(settings, values)}{name}"
        if isinstance(default, ast.Call) and self.source_of(default.func).rpartition(".")[2] == "Field":
            given = keywords(default)
            alias = given.get("validation_alias", given.get("alias"))
            variable = str(self.evaluate(alias)) if alias is not None else variable
            default = default.args[0] if default.args else given.get("default")
        members = self._enumeration(default.value) if isinstance(default, ast.Attribute) else None
        known = {one.lower(): text for one, text in self.around.variables.items()}
        otherwise = self.evaluate(default) if default is not None else None
        if variable.lower() in known and members is not None:
            return members.of(known[variable.lower()])
        if variable.lower() in known:
            return _cast(known[variable.lower()], type(otherwise).__name__)
        if default is None:
            raise Raises
        return self.around.default(otherwise)

    def _computed(self, settings: ast.ClassDef, name: str) -> Value:
        """Return what a property comes to, or what a class of the project that this one derives from holds."""
        key = (settings.name, name)
        if key in self.reading:
            raise UnknownValue
        self.reading.add(key)
        try:
            for one in settings.body:
                if isinstance(one, ast.FunctionDef) and one.name == name and is_property(one) and one.args.args:
                    returned = self._returned(one)
                    if returned is None:
                        break
                    local = self.inner()
                    made = ast.copy_location(ast.Call(ast.Name(settings.name, ast.Load()), [], []), one)
                    local.pass_in(one.args.args[0].arg, made, self, one.lineno)
                    return local.evaluate(returned)
            for base in settings.bases:
                found, names = self.meaning(base)
                if isinstance(found, ast.ClassDef):
                    return names.field(found, name)
        finally:
            self.reading.discard(key)
        raise UnknownValue

    def _prefix(self, settings: ast.ClassDef, values: Mapping[str, ast.expr]) -> str:
        """Return what pydantic puts before the names of variables."""
        config = values.get("model_config")
        given = keywords(config) if isinstance(config, ast.Call) else {}
        for one in settings.body:
            if isinstance(one, ast.ClassDef) and one.name == "Config":
                given |= set_in(one.body)
        return str(self.evaluate(given["env_prefix"])) if "env_prefix" in given else ""

    def _item(self, node: ast.expr) -> str | int | Member | None:
        value = self.evaluate(node)
        if isinstance(value, tuple):
            raise UnknownValue
        return value

    def _number(self, node: ast.expr) -> int:
        value = self.evaluate(node)
        if not isinstance(value, int) or abs(value) > 10**6:
            raise UnknownValue
        return value

    @staticmethod
    def _text(text: str) -> str:
        if len(text) > MAX_TEXT:
            raise UnknownValue
        return text

    def _combine(self, operation: ast.operator, left: ast.expr, right: ast.expr) -> Value:
        values = self._values(None, [left, right])
        if isinstance(operation, ast.Add) and all(isinstance(value, str) for value in values):
            return self._text("".join(map(str, values)))
        first, second = values
        if isinstance(operation, ast.Add) and isinstance(first, tuple) and isinstance(second, tuple):
            if len(first) + len(second) > MAX_ITEMS:
                raise UnknownValue
            return first + second
        if not isinstance(first, int) or not isinstance(second, int) or max(abs(first), abs(second)) > 10**6:
            raise UnknownValue
        if isinstance(operation, ast.FloorDiv) and second:
            return first // second
        total = combine(operation, first, second)
        if total is None:
            raise UnknownValue
        return total

    def _compare(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
        match operator, self.evaluate(left), self.evaluate(right):
            # A list and a tuple of equal items are not equal, and are one here.
            case ast.Eq() | ast.NotEq(), first, second if not isinstance(first, tuple) and not isinstance(second, tuple):
                return _equal(first, second) is isinstance(operator, ast.Eq)
            case ast.In() | ast.NotIn(), first, tuple() as second if len(second) <= MAX_ITEMS:
                return any(_equal(first, one) for one in second) is isinstance(operator, ast.In)
            case ast.In() | ast.NotIn(), str() as first, str() as second:
                return (first in second) is isinstance(operator, ast.In)
            case ast.Is() | ast.IsNot(), first, None:
                return (first is None) is isinstance(operator, ast.Is)
            case ast.Is() | ast.IsNot(), Member() as first, Member() as second:
                return (first == second) is isinstance(operator, ast.Is)
            case ast.Gt() | ast.Lt(), int() as first, int() as second:
                return first > second if isinstance(operator, ast.Gt) else first < second
        raise UnknownValue

    def _call(self, function: ast.expr, arguments: list[ast.expr], given: Mapping[str, ast.expr]) -> Value:
        source = self.source_of(function)
        if source in CPU_COUNTS:
            if self.around.cpus is None or arguments:
                raise OfCpus
            return max(1, int(self.around.cpus))
        if source in ("os.environ.get", "os.getenv") and 1 <= len(arguments) + len(given) <= 2:
            return self._variable(arguments, given)
        reader = self._reader(function, source)
        if reader is not None:
            return self._declared(reader, arguments, given)
        made, names = self.meaning(function)
        if isinstance(made, ast.FunctionDef):
            from memguard_hooks.formats.python_returns import returned

            value = returned(made, names, self, arguments, given)
            if value not in (None, "", ()) or not any(map(self._is_named_by_caller, (*arguments, *given.values()))):
                return self.around.default(value)
            self.missed |= value is None
            return value
        if given:
            raise UnknownValue
        if isinstance(made, ast.ClassDef) and len(arguments) == 1 and (members := self._enumeration(function)) is not None:
            return members.of(self.evaluate(arguments[0]))
        match function, arguments:
            case ast.Attribute(value=mapping, attr="get"), [key, *rest] if len(rest) < 2:
                return self._looked_up(mapping, key, *rest, is_get=True)
        values = self._values(function, arguments)
        match function:
            case ast.Name(id=name) if name not in self.bound:
                return _call_builtin(name, values)
            case ast.Attribute(value=node, attr=method) if method in _OF_TEXTS:
                return self._text_method(self.evaluate(node), method, values)
        raise UnknownValue

    def _text_method(self, text: Value, method: str, values: Sequence[Value]) -> Value:
        """Return what a method of a text gives. Raises UnknownValue for what is no text."""
        if not isinstance(text, str) or not all(isinstance(value, str) for value in values):
            raise UnknownValue
        if method == "replace" and len(values) == 2 and text.count(str(values[0])) * len(str(values[1])) > MAX_TEXT:
            raise UnknownValue
        try:
            found: str | bool = getattr(text, method)(*values)
        except TypeError:
            raise Raises from None
        return self._text(found) if isinstance(found, str) else found

    def _variable(self, arguments: Sequence[ast.expr], given: Mapping[str, ast.expr]) -> Value:
        """Return a variable; a default that is not known does not matter where it is set, but one that raises does."""
        name = self.evaluate(arguments[0] if arguments else given["key"]) if arguments or "key" in given else None
        default = arguments[1] if len(arguments) > 1 else given.get("default")
        if not isinstance(name, str):
            raise UnknownValue
        try:
            otherwise = self.evaluate(default) if default is not None else None
        except UnknownValue:
            if name not in self.around.variables:
                raise
            otherwise = None
        if name in self.around.variables:
            return self.around.variables[name]
        if not self._is_named_by_caller(arguments[0] if arguments else given["key"]):
            return self.around.default(otherwise)
        self.missed |= otherwise is None
        return otherwise

    def _is_named_by_caller(self, name: ast.expr) -> bool:
        """Return whether a parameter names a variable: what the function returns then says what a missing one stands for."""
        return any(isinstance(node, ast.Name) and node.id in self.parameters for node in walk(name))

    def _reader(self, function: ast.expr, source: str) -> tuple[str, ast.Call | None] | None:
        """Return how an object that reads variables casts them, and the call that has made it; None for no such object."""
        if source == "decouple.config":
            return "", None
        made, call, _ = self.made_by(function)
        if made in _ENVIRONS or made in _CONFIGS:
            return "", call
        if isinstance(function, ast.Attribute):
            made, call, _ = self.made_by(function.value)
            if made in _ENVIRONS:
                return function.attr, call
        return None

    def _declared(
        self, reader: tuple[str, ast.Call | None], arguments: Sequence[ast.expr], given: Mapping[str, ast.expr]
    ) -> Value:
        """Return what `env.int("X", default=4)` and its like give."""
        cast, made = reader
        name = self.evaluate(arguments[0]) if arguments else None
        default = given.get("default", arguments[1] if len(arguments) > 1 else None)
        self.spend(0 if made is None else len(made.keywords))
        schema = keywords(made) if made is not None else {}
        declared = schema.get(str(name))
        if isinstance(declared, ast.Tuple) and len(declared.elts) == 2:
            cast, default = cast or text_of(declared.elts[0]), default or declared.elts[1]
        elif declared is not None:
            cast = cast or text_of(declared)
        members = self._enumeration(given["cast"]) if "cast" in given else None
        cast = text_of(given["cast"]) if "cast" in given else cast
        if not isinstance(name, str):
            raise UnknownValue
        if members is not None and (name in self.around.variables or default is not None):
            return members.of(self._variable([arguments[0], *filter(None, [default])], {}))
        if name in self.around.variables:
            return _cast(self.around.variables[name], cast)
        if default is None:
            raise Raises
        value = self.around.default(self.evaluate(default))
        return _cast(value, cast) if isinstance(value, str) else value

    def _values(self, function: ast.expr | None, arguments: list[ast.expr]) -> list[Value]:
        """Return what a function is called with; CPUs do not decide what `min` makes of them and of something else."""
        values: list[Value] = []
        unknown: list[UnknownValue] = []
        for argument in arguments:
            try:
                values.append(self.evaluate(argument))
            except UnknownValue as error:
                unknown.append(error)
        if unknown and isinstance(function, ast.Name) and function.id == "min":
            are_of_cpus = not values and all(isinstance(error, OfCpus) for error in unknown)
            raise OfCpus if are_of_cpus else UnknownValue
        if unknown:
            raise next((error for error in unknown if isinstance(error, OfCpus)), unknown[0])
        return values


def _equal(first: Value, second: Value) -> bool:
    """Return whether two values are equal. Raises UnknownValue for a member mixed with a text that nobody knows."""
    is_told = all(not isinstance(one, Member) or not one.is_mixed or one.value is not None for one in (first, second))
    if not is_told and not (isinstance(first, Member) and isinstance(second, Member)):
        raise UnknownValue
    return first == second


def _told(member: Member) -> str | int:
    """Return the value of a member. Raises UnknownValue where it is not told."""
    if member.value is None:
        raise UnknownValue
    return member.value


def _as_text(value: Value) -> str:
    """Return a value as `f"{value}"` writes it; how a member is written depends on the Python."""
    if isinstance(value, Member):
        raise UnknownValue
    return str(value)


def command_line_of(calls: Iterable[ast.Call]) -> CommandLine:
    """Return what argparse is told by some calls of methods."""
    options: dict[str, ast.Call | None] = {}
    subcommands: dict[str, None] = {}
    for node in calls:
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in _DECLARING:
            continue
        texts = texts_in(node.args)
        if node.func.attr == "add_parser":
            subcommands.update(dict.fromkeys(texts))
            continue
        dest = next((one.value.value for one in node.keywords if one.arg == "dest"
                     and isinstance(one.value, ast.Constant)), None)  # fmt: skip
        long = [text for text in texts if text.startswith("--")] or texts
        name = str(dest or (long[0] if long else "")).lstrip("-").replace("-", "_")
        options[name] = None if name in options else node
    return CommandLine(options, tuple(subcommands))


def given_on(words: Sequence[str], flags: Sequence[str]) -> str | None:
    """Return the value that words give to an option, None where they give none."""
    found = None
    for at, word in enumerate(words):
        name, has_value, value = word.partition("=")
        if name in flags and (has_value or at + 1 < len(words)):
            found = value if has_value else words[at + 1]
    return found


def _cast(value: Value, kind: str) -> Value:
    """Return a text as a reader of variables makes it: a number, yes or no, or the text itself."""
    if kind in ("int", "bool") and isinstance(value, str):
        if kind == "bool":
            return value.strip().lower() in ("1", "true", "yes", "on", "y", "t", "ok")
        return _call_builtin("int", [value])
    if kind in ("", "str", "text", "NoneType", "int", "bool"):
        return value
    raise UnknownValue


def _call_builtin(name: str, values: list[Value]) -> Value:
    """Return what a function of Python's own makes of known values."""
    match name, values:
        case "int", [int() as value]:
            return int(value)
        case "int", [str() as value] if re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
            return int(value)
        case "int", [None | str() as value] if value is None or not re.search(r"\d", value):
            raise Raises
        case "str", [str() | int() as value]:
            return str(value)
        case "bool", [value]:
            return bool(value)
        case "len", [str() | tuple() as value]:
            return len(value)
        case "min" | "max", [_, _, *_]:
            numbers = [value for value in values if isinstance(value, int)]
            if len(numbers) == len(values):
                return (min if name == "min" else max)(numbers)
    raise UnknownValue


def text_of(value: ast.expr) -> str:
    """Return an expression as a message shows it."""
    try:
        text = ast.unparse(value)
    except ValueError:  # Python writes no number of thousands of digits
        return "a number without end"
    return shortened(text)


def shortened(text: str) -> str:
    """Return a text of at most 60 letters."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def _dotted(node: ast.expr) -> list[str]:
    """Return the parts of `app.conf.name` and `app.conf["name"]`, a single empty one for anything else."""
    parts: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=inner, attr=part):
                node = inner
            case ast.Subscript(value=ast.Attribute() as inner, slice=ast.Constant(value=str() as part)):
                node = inner
            case ast.Name(id=part):
                return [part, *reversed(parts)]
            case _:
                return [""]
        parts.append(part)


def set_in(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    """Return what statements give names, the last of each."""
    return {
        target.id: one.value
        for one in body
        if isinstance(one, (ast.Assign, ast.AnnAssign)) and one.value is not None
        for target in targets(one)
        if isinstance(target, ast.Name)
    }


def _is_compound(statement: ast.stmt) -> bool:
    return hasattr(statement, "body") or hasattr(statement, "cases")
