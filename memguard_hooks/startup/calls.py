"""The calls in a source file that do work, with the files, numbers and addresses that they are given."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Collection, Iterator, Sequence

from memguard_hooks.models.calls import caches
from memguard_hooks.models.folding import Folding
from memguard_hooks.models.scopes import CallInScope, NameScope, body_of, last_name
from memguard_hooks.models.values import ClassValue, ExternalValue, Made, Missing, Table, Values, argument
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.startup.table import BROWSER, FILE, OF_PROGRAMS, READS, KnownCall, call_named, importer_named

DATABASE = "SQLALCHEMY_DATABASE_URI"
"""Where an app of Flask's says which database it has."""

ENGINE_OPTIONS = "SQLALCHEMY_ENGINE_OPTIONS"
"""Where it may say how large the pool is."""

IMPORTING = ("initializer", "engine", "companion")
"""Kinds of calls that import: what is imported stays, whoever calls."""

PYTHONS = ("python", "celery", "gunicorn", "uvicorn", "streamlit", "pip", "alembic", "playwright", "flask", "django-admin")
"""What the name of a program begins with that is an interpreter."""

UNTOLD = "?"
"""Stands for the file that Python is started with where only a run can tell which."""

MAX_WORDS = 10
"""Judgment: words of a command in which the file is looked for that Python is started with."""

OF_TABLES = ("sqlite", "frame-sqlite")
"""Forms of data that a query brings back."""

OPENED = (*OF_TABLES, "opened-image")
"""Forms of data whose file an earlier call has opened."""

OPENERS = ("sqlite3.connect", "sqlalchemy.create_engine", "PIL.Image.open")
"""The calls that open it."""

MAX_QUERY = 500
"""Letters of a query that is looked at."""

_PARTS = frozenset({"deleter", "getter", "overload", "register", "setter"})
"""Last names of decorators of functions that do not take the place of the one before them."""

_WHOLE = late_pattern(
    r"""(?is)\s*select\s(?!\s*distinct\b)[\w\s,.*"`]+?\sfrom\s+[\w"`.]+\s*(?:order\s+by\s[\w\s,."`]+)?;?\s*"""
)
"""A query that brings back all rows of one table."""

_FILLED_IN = late_pattern(r"%[sdr]|\{\w*\}")

MAX_STARTED = 20
"""Starts of one program in one function that a further one may stand instead of."""


class StartCall(Record):
    """A call that does work. `values` are what its argument may be: files, a number, an address or a service.

    `options` are its keywords that are plain constants; of an engine those of its pool, None where nobody can know. `body`
    is the body of statements that it stands in, as the walk names it. `is_cached` tells that the function around it keeps
    what it returns, and `is_partial` that only some of what is read is kept. Of what starts Python, `program` is the file,
    or `-m` and the module, and `UNTOLD` where only a run can tell; `folder` is where it runs, if that is said. `is_async`
    tells that it stands in a coroutine, which a program runs and no import, and `is_started` that a start comes to it, by
    what those give it that run then.
    """

    path: str
    line: int
    column: int
    function: str
    known: KnownCall
    values: tuple[str | int, ...]
    options: tuple[tuple[str, str | int | float | bool | None], ...]
    body: str
    is_cached: bool
    is_partial: bool = False
    program: str = ""
    folder: str = ""
    is_async: bool = False
    is_started: bool = True


class _Executed:
    """The calls of `execute` of one file, by the names of their cursors: looked for once."""

    def __init__(self, calls: Sequence[CallInScope]) -> None:
        self._calls = calls
        self._found: dict[tuple[NameScope, str], list[ast.Call]] | None = None

    def before(self, receiver: ast.expr | None, call: CallInScope) -> ast.Call | None:
        """Return the last one on a cursor before its rows are fetched."""
        if not isinstance(receiver, ast.Name):
            return None
        if self._found is None:
            self._found = {}
            for one in self._calls:
                function = one.node.func
                if (
                    isinstance(function, ast.Attribute)
                    and function.attr == "execute"
                    and isinstance(function.value, ast.Name)
                ):
                    self._found.setdefault((one.scope, function.value.id), []).append(one.node)
            for ones in self._found.values():
                ones.sort(key=lambda one: one.lineno)
        found = self._found.get((call.scope, receiver.id), [])
        place = bisect.bisect_left(found, call.node.lineno, key=lambda one: one.lineno)
        return found[place - 1] if place else None


def find_calls(
    folding: Folding,
    path: str,
    suspects: Collection[tuple[str, str]],
    kept: Collection[str],
    started: frozenset[tuple[str, str]],
) -> Iterator[StartCall]:
    """Yield the calls of a file that do work, but for those that production does not come to.

    Only `suspects` are looked at, by their bodies and last names. What a body reads that is not `kept` is gone when it ends,
    unless the function keeps what it returns. `started` are the bodies of all files that run at start.
    """
    module = folding.module(path)
    calls = module.calls if module is not None else ()
    read: set[int] = set()
    waited: frozenset[ast.Call] | None = None
    executed = _Executed(calls)
    processes: dict[tuple[str, NameScope], list[CallInScope]] = {}
    returned: dict[NameScope, set[ast.expr | None]] = {}
    for call in calls:
        function, body = call.scope.function, body_of(call)
        if (body, last_name(call.node.func)) not in suspects or _is_later(call.scope):
            continue
        if _is_redefinition(function):
            continue
        name = _name(folding, call)
        known = call_named(name)
        if known is None or id(call.node) in read:
            continue
        program, folder = _program_of_python(folding, call) if known.how in OF_PROGRAMS else ("", "")
        if known.how == "program":
            waited = _waited_for(folding, calls) if waited is None else waited
            known = known._replace(how="ended") if call.node in waited else known
        stays = known.kind in IMPORTING or known.how == BROWSER or known.is_dictionary or program
        if not stays and body not in kept and not caches(call.scope):
            known = importer_named(name)  # what it makes is gone when the body ends, what it imports stays
            if known is None:
                continue
        values = tuple(_values_of(folding, call, known, executed))
        if known.kind == "data" and not (values or known.size):
            known = importer_named(name)
            if known is None:
                continue  # a file that nobody can know, which is cheaper to tell than whether the conditions hold
        if known.kind == "data":
            read.update(id(one) for one in ast.walk(call.node) if isinstance(one, ast.Call) and one is not call.node)
        if folding.holds(call.conditions) is False or folding.never_runs(function):
            continue
        if known.kind == "process":
            before = processes.setdefault((name, call.scope), [])
            if before and call.scope not in returned:
                returned[call.scope] = {one.value for one in ast.walk(call.scope.node) if isinstance(one, ast.Return)}
            if any(_is_instead(call, one, returned[call.scope]) for one in before):
                continue
            before[MAX_STARTED - 1 :] = [call]
        yield StartCall(
            path=path,
            line=call.node.lineno,
            column=call.node.col_offset + 1,
            function=_told(name),
            known=known,
            values=values,
            options=_options(call.node) if known.kind != "engine" else _engine_options(folding, call),
            body=body,
            is_cached=caches(call.scope),
            is_partial=isinstance(call.scope.node, (ast.DictComp, ast.SetComp)),
            program=program,
            folder=folder,
            is_async=function is not None and isinstance(function.node, ast.AsyncFunctionDef),
            is_started=(path, body) in started and _is_started(folding, call, known, started),
        )


def _is_started(folding: Folding, call: CallInScope, known: KnownCall, started: frozenset[tuple[str, str]]) -> bool:
    """Return whether a start comes to a call of a body that it runs, by what the bodies that run then give."""
    if call.scope.function is None:
        return not (known.is_first_attempt and _recovers(folding, call))
    with folding.as_started(started):
        if folding.holds(call.conditions) is False or folding.never_runs(call.scope.function):
            return False
        return not (known.is_first_attempt and _recovers(folding, call))


def _recovers(folding: Folding, call: CallInScope) -> bool:
    """Return whether a call comes only after an error, by the handlers around it or around all calls of its function."""
    callers = [call, *folding.callers(call.scope.function)]
    return _is_handler(call) or (len(callers) > 1 and all(_is_handler(one) for one in callers[1:]))


def _is_handler(call: CallInScope) -> bool:
    return any(one.is_handler for one in call.conditions)


def _name(folding: Folding, call: CallInScope) -> str:
    """Return the dotted name of what is called, as the tables have it; empty for what they cannot have."""
    node = call.node.func
    last = last_name(node)
    if last == "open" and _is_iterated(call):
        return f"{FILE}.lines"
    if last in ("splitlines", "split") and isinstance(node, ast.Attribute):
        inner = node.value
        name = last_name(inner) if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) else ""
        return f"{FILE}.{name}.{last}" if name in READS and not call.node.args else ""
    if isinstance(node, ast.Attribute) and last in READS:
        return f"{FILE}.{last}"
    values = folding.values(node, call.scope)
    if last == "create_all" and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
        values = (*values, *_metadata(folding, node.value, call.scope))
    names = (_of_built(name) for value in values for name in folding.names_of(value, call.scope))
    return next((name for name in names if call_named(name) is not None), "")


def _of_built(name: str) -> str:
    """Return the name of a method without the calls that built its object: `telegram.ext.build.run_polling`."""
    builder, build, method = name.rpartition(".build.")
    return f"{'.'.join(builder.split('.')[:2])}.build.{method}" if build else name


def _metadata(folding: Folding, node: ast.Attribute, scope: NameScope) -> Iterator[ExternalValue]:
    """Yield what `Base.metadata.create_all` is of, for a class of the project below one of SQLAlchemy's."""
    for value in folding.values(node.value, scope):
        if isinstance(value, ClassValue):
            for name in folding.names_of(value, scope):
                yield ExternalValue(f"{name}.{node.attr}.create_all")


def _is_iterated(call: CallInScope) -> bool:
    """Return whether a comprehension goes through what is called, and keeps it."""
    node = call.scope.node
    kept = (ast.ListComp, ast.SetComp, ast.DictComp)
    return isinstance(node, kept) and node.generators[0].iter is call.node


def _is_later(scope: NameScope) -> bool:
    """Return whether a place is in a lambda, which runs when somebody calls it."""
    here: NameScope | None = scope
    while here is not None:
        if isinstance(here.node, ast.Lambda):
            return True
        here = here.parent
    return False


def _is_redefinition(function: NameScope | None) -> bool:
    """Return whether a file has another function of that name: while it loads, the first, of a class the last is called."""
    if function is None or function.parent is None:
        return False
    bindings = function.parent.bindings.get(getattr(function.node, "name", ""), ())
    plain = [one for one in bindings if one.kind == "function" and not one.conditions and not _is_part(one.node)]
    called = plain[-1 if isinstance(function.parent.node, ast.ClassDef) else 0 :]
    return len(plain) > 1 and called[0].node is not function.node


def _is_part(node: ast.AST | None) -> bool:
    """Return whether a function stands beside one of its name: a setter of a property, one of several by arguments."""
    return any(last_name(one) in _PARTS for one in getattr(node, "decorator_list", ()))


def _is_instead(call: CallInScope, before: CallInScope, returned: Collection[ast.expr | None]) -> bool:
    """Return whether a call runs only where one before it in its function does not: in another way, or another `return`."""
    answers = {one.test: one.answer for one in before.conditions if one.test is not None}
    if any(answers.get(one.test, one.answer) != one.answer for one in call.conditions if one.test is not None):
        return True
    if any(one.is_handler for one in call.conditions[len(before.conditions) :]):
        return True
    return call.node in returned and before.node in returned


def _told(name: str) -> str:
    """Return the name of a call as a person writes it."""
    return name.replace(f"{FILE}.lines", "open").replace(f"{FILE}.", "")


def _waited_for(folding: Folding, calls: Sequence[CallInScope]) -> frozenset[ast.Call]:
    """Return the calls that start a program of which the code waits, where it has started it, until it has ended."""
    found: set[ast.Call] = set()
    for one in calls:
        function = one.node.func
        if isinstance(function, ast.Attribute) and function.attr in ("wait", "communicate"):
            values = folding.values(function.value, one.scope)
            found.update(value.call for value in values if isinstance(value, Made) and value.scope is one.scope)
    return frozenset(found)


def _argument(node: ast.Call, known: KnownCall) -> ast.expr | None:
    """Return the argument that says on what a call works: of what reads a file, the file."""
    if known.function == f"{FILE}.lines":
        return node
    if known.function.startswith(FILE):
        return _file_of(node)
    found = argument(node, known.position, known.keywords)
    return _file_of(found) if known.kind == "data" and isinstance(found, ast.Call) else found


def _file_of(node: ast.expr) -> ast.expr:
    """Return the file below `.read()` and `.splitlines()`."""
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and last_name(node) in (*READS, "splitlines", "split")
    ):
        node = node.func.value
    return node


def _values(folding: Folding, known: KnownCall, node: ast.expr | None, scope: NameScope) -> Iterator[str | int]:
    """Yield what an argument may be, as texts and numbers; what nobody can know is left out."""
    if node is None:
        if known.kind == "tables" and known.function.startswith("flask_"):
            yield from (one for one in folding.in_config(DATABASE) if isinstance(one, str))
        return
    if known.how in OF_PROGRAMS:
        yield from _program(folding, node, scope)
        return
    values: Values = folding.values(node, scope)
    for value in values:
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            yield value
        elif isinstance(value, Made) and known.kind == "tables" and value.call.args:
            yield from (one for one in folding.values(value.call.args[0], value.scope) if isinstance(one, str))
            yield from ["sqlite:"] if _is_of_sqlite(value.call) else ()
        elif isinstance(value, Missing) and known.kind == "tables":
            yield value.variable


def _is_of_sqlite(call: ast.Call) -> bool:
    """Return whether an engine is given the option that no driver takes but that of SQLite."""
    given = (one.value for one in call.keywords if one.arg == "connect_args" and isinstance(one.value, ast.Dict))
    return any(isinstance(key, ast.Constant) and key.value == "check_same_thread" for one in given for key in one.keys)


def _values_of(folding: Folding, call: CallInScope, known: KnownCall, executed: _Executed) -> Iterator[str | int]:
    """Yield what says on what a call works."""
    if known.how in OPENED:
        yield from _opened(folding, call, known, executed)
    else:
        yield from _values(folding, known, _argument(call.node, known), call.scope)


def _opened(folding: Folding, call: CallInScope, known: KnownCall, executed: _Executed) -> Iterator[str]:
    """Yield the file that was opened for what a call reads: all rows of a table, or the pixels of an image."""
    function = call.node.func
    receiver = function.value if isinstance(function, ast.Attribute) else None
    source: ast.expr | None = receiver
    if known.how in OF_TABLES:
        query, source = argument(call.node, 0, ("sql", "table_name")), argument(call.node, 1, ("con",))
        if known.function.endswith(".fetchall"):
            run = receiver if isinstance(receiver, ast.Call) else executed.before(receiver, call)
            query = run.args[0] if run is not None and run.args else None
            source = receiver
        queries = folding.values(query, call.scope) if query is not None else ()
        if not any(isinstance(one, str) and _reads_all(one, known) for one in queries):
            return
    if source is not None:
        yield from _file_behind(folding, source, call.scope)


def _reads_all(query: str, known: KnownCall) -> bool:
    """Return whether a query brings back all rows of a table."""
    is_name = known.function.endswith("_table")
    return is_name or (len(query) <= MAX_QUERY and _WHOLE.fullmatch(query) is not None)


def _file_behind(folding: Folding, node: ast.expr, scope: NameScope, left: int = 4) -> Iterator[str]:
    """Yield the file that something was made of, by the calls of its methods before: a connection, a cursor, a picture."""
    for value in folding.values(node, scope):
        if not isinstance(value, Made) or not left:
            continue
        if value.name in OPENERS and value.call.args:
            names = (one for one in folding.values(value.call.args[0], value.scope) if isinstance(one, str))
            yield from (one.removeprefix("sqlite:///") for one in names)
        elif isinstance(value.call.func, ast.Attribute):
            yield from _file_behind(folding, value.call.func.value, value.scope, left - 1)


def _program(folding: Folding, node: ast.expr, scope: NameScope) -> Iterator[str]:
    """Yield the name of the program that a list of arguments, or a line of a shell, begins with."""
    first = node.elts[0] if isinstance(node, (ast.List, ast.Tuple)) and node.elts else node
    for value in folding.values(first, scope):
        if value == ExternalValue("sys.executable"):
            yield "python"
        elif isinstance(value, str) and value.strip():
            yield value.split()[0].rpartition("/")[2]


def _program_of_python(folding: Folding, call: CallInScope) -> tuple[str, str]:
    """Return the file, or `-m` and the module, that a call starts Python with, and the folder where it runs.

    The file is `UNTOLD` where only a run can tell it, and empty for another program, or code that is written in the command.
    """
    node, scope = call.node, call.scope
    first = argument(node, 0, ("args", "cmd"))
    if first is None:
        return "", ""
    parts: list[tuple[ast.expr, NameScope]] = []
    words: list[str] = []
    if last_name(node.func) == "create_subprocess_exec":
        parts = [(one, scope) for one in node.args]
    else:
        value = next(iter(folding.values(first, scope)), None)
        if isinstance(value, Table) and not isinstance(value.node, ast.Dict):
            parts = [(one, value.scope) for one in value.node.elts]
        else:
            words = _line(folding, first, scope).split()
    words = words[:MAX_WORDS] or [_word(folding, *one) for one in parts[:MAX_WORDS]]
    if words[:1] == ["cd"] and words[2:3] == ["&&"]:
        return _run_by_python(words[3:]), words[1]
    folders = folding.values(given, scope) if (given := argument(node, -1, ("cwd",))) is not None else ()
    return _run_by_python(words), next((one for one in folders if isinstance(one, str)), "")


def _word(folding: Folding, node: ast.expr, scope: NameScope) -> str:
    """Return a part of a command, `UNTOLD` where only a run can tell it."""
    value = next(iter(folding.values(node, scope)), None)
    if value == ExternalValue("sys.executable"):
        return "python"
    return value if isinstance(value, str) else UNTOLD


def _line(folding: Folding, node: ast.expr, scope: NameScope, left: int = MAX_WORDS) -> str:
    """Return a command that is one text, with `UNTOLD` for the parts that only a run can tell."""
    function = node.func if isinstance(node, ast.Call) else None
    found = _word(folding, node, scope)
    if found != UNTOLD or not left:
        return found
    if isinstance(node, ast.JoinedStr):
        parts = [one.value if isinstance(one, ast.FormattedValue) else one for one in node.values[:MAX_WORDS]]
        return "".join(_word(folding, one, scope) for one in parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _line(folding, node.left, scope, left - 1) + _word(folding, node.right, scope)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _filled(_line(folding, node.left, scope, left - 1))
    if isinstance(function, ast.Attribute) and function.attr == "format":
        return _filled(_line(folding, function.value, scope, left - 1))
    if isinstance(node, ast.Call) and last_name(node.func) == "split":
        text = node.args[0] if node.args else function.value if isinstance(function, ast.Attribute) else node
        return _line(folding, text, scope, left - 1) if text is not node else found
    return found


def _filled(template: str) -> str:
    """Return a template with `UNTOLD` for what a run fills in."""
    return _FILLED_IN.sub(UNTOLD, template)


def _run_by_python(words: list[str]) -> str:
    """Return what Python runs by the words of a command, empty where that is another program or no file."""
    program, *rest = words or [""]
    if program.endswith(".py"):
        return program
    behind = next((number for number, word in enumerate(rest) if word in ("-m", "-c") or not word.startswith("-")), None)
    if behind is None and len(words) == MAX_WORDS and is_python(program.rpartition("/")[2]):
        return UNTOLD
    if behind is None or rest[behind] == "-c":
        return ""
    found = " ".join(rest[behind : behind + 2]) if rest[behind] == "-m" else rest[behind]
    if not program.rpartition("/")[2].startswith("python"):
        return found if program == UNTOLD and found.endswith(".py") else ""
    return UNTOLD if UNTOLD in found else found


def is_python(program: str) -> bool:
    """Return whether a program is an interpreter of Python."""
    return program.startswith(PYTHONS)


def _engine_options(folding: Folding, call: CallInScope) -> tuple[tuple[str, str | int | float | bool | None], ...]:
    """Return how large the pool of an engine is, and whether it has another one, as far as its keywords tell."""
    found: dict[str, int | None] = {}
    for one in call.node.keywords:
        if one.arg in ("pool_size", "max_overflow"):
            values = list(folding.values(one.value, call.scope))
            found[one.arg] = values[0] if len(values) == 1 and isinstance(values[0], int) else None
        elif one.arg in (None, "engine_options", "poolclass"):
            found["pool_size"] = None
    if _name(folding, call).startswith("flask_") and folding.in_config(ENGINE_OPTIONS):
        found["pool_size"] = None
    return tuple(found.items())


def _options(node: ast.Call) -> tuple[tuple[str, str | int | float | bool | None], ...]:
    constants = (
        (one.arg, one.value) for one in node.keywords if one.arg is not None and isinstance(one.value, ast.Constant)
    )
    return tuple(
        (name, value.value) for name, value in constants if isinstance(value.value, (str, int, float, bool, type(None)))
    )
