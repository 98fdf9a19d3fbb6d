"""What one Python file sets of logging: levels, handlers, and which libraries it mutes.

A level is a constant, or comes from a variable of the environment with a default. `logging.basicConfig`, `setLevel`, the
dictionaries of `dictConfig` and Django's `LOGGING`, loguru's `logger.add`, structlog's filter, SQLAlchemy's `echo` and
uvicorn's `log_level` are known, logbook's handlers, what celery's `worker_main` is given, and which files hold further
settings. What stands behind a condition is left out: nobody can know which way production takes.
"""

from __future__ import annotations

import ast

from memguard_hooks.formats.python_nodes import children, last_name, walk
from memguard_hooks.logs.calls import is_logger
from memguard_hooks.logs.loggers import LOUD, speaks_in_django
from memguard_hooks.logs.model import LEVELS, LogSetup, level_of_text
from memguard_hooks.record import Record

TYPE_CHECKING = False  # as typing has it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_DEPTH = 6
"""Names and calls around each other that lead to a level."""
MAX_TEXT = 200


class Level(Record):
    """What an expression gives: a level that is known, empty where not, and the variable that decides it."""

    name: str = ""
    variable: str = ""


def find_setups(module: ast.Module) -> tuple[list[LogSetup], list[str]]:
    """Return what a file sets, and the names of libraries whose loggers it sets."""
    reader = _Reader(module)
    return sorted(set(reader.found)), sorted(reader.muted)


class _Reader:
    def __init__(self, module: ast.Module) -> None:
        self.found: list[LogSetup] = []
        self.muted: set[str] = set()
        self._names: dict[str, ast.expr] = {}
        nodes = list(walk(module))
        for node in nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self._names[node.targets[0].id] = node.value
        self._texts(nodes)
        self._packages = frozenset(name for one in nodes for name in _imported(one))
        self._files(nodes)
        self._whole(nodes)
        self._visit(module, is_sure=True)

    def _texts(self, nodes: list[ast.AST]) -> None:
        """Take each name of a loud library as muted that stands in a file which sets levels of loggers by name."""
        sets = any(isinstance(one, ast.Attribute) and one.attr in ("setLevel", "dictConfig", "disable") for one in nodes)
        if sets or "LOGGING" in self._names:
            texts = (one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str))
            self.muted.update(text.partition(".")[0] for text in texts if text.partition(".")[0] in LOUD)

    def _files(self, nodes: list[ast.AST]) -> None:
        """Note the files of settings that a file gives to `fileConfig`, to uvicorn, or reads beside `dictConfig`."""
        calls = [one for one in nodes if isinstance(one, ast.Call)]
        names = {last_name(one.func) for one in calls}
        given = [argument for one in calls if last_name(one.func) == "fileConfig" for argument in one.args[:1]]
        given += [option.value for one in calls for option in one.keywords if option.arg in ("log_config", "fname")]
        read = nodes if "dictConfig" in names else [inner for one in given for inner in walk(self._value(one))]
        ends = _DICTIONARIES if "dictConfig" in names else (*_DICTIONARIES, ".ini", ".conf", ".cfg")
        texts = {
            one.value: one
            for one in read
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.endswith(ends)
        }
        for text, one in list(texts.items())[:MAX_FILES]:
            self.found.append(LogSetup(one.lineno, one.col_offset + 1, "settings", detail=text[:MAX_TEXT]))

    def _whole(self, nodes: list[ast.AST]) -> None:
        """Note what loguru does by itself: it writes DEBUG to stderr until somebody removes that."""
        imported = next((one for one in nodes if isinstance(one, ast.ImportFrom) and one.module == "loguru"), None)
        methods = {
            one.func.attr
            for one in nodes
            if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and is_logger(one.func.value)
        }
        if imported is not None:
            at = imported.lineno, imported.col_offset + 1
            if methods & {"remove", "configure"}:
                self.found.append(LogSetup(*at, "removed"))
            if methods & {"debug", "trace"}:
                self.found.append(LogSetup(*at, "default", "DEBUG", "LOGURU_LEVEL", "loguru by itself"))
            elif methods:
                self.found.append(LogSetup(*at, "default", "INFO", "LOGURU_LEVEL", "loguru by itself"))

    def _visit(self, node: ast.AST, *, is_sure: bool) -> None:
        waiting = [(node, is_sure, False)]
        while waiting:
            one, sure, is_main = waiting.pop()
            if isinstance(one, ast.Call) and sure:
                self.found += (found._replace(is_main=is_main) for found in self._call(one))
            elif isinstance(one, ast.ClassDef) and any(last_name(base).endswith("Handler") for base in one.bases):
                self.found += _keeping(one)
            elif isinstance(one, ast.Dict) and sure:
                self.found += (found._replace(is_main=is_main) for found in self._dictionary(one))
            inner = sure and not isinstance(one, (ast.ExceptHandler, ast.IfExp))
            if isinstance(one, ast.If):
                is_run = "__name__" in ast.unparse(one.test)[:MAX_TEXT]
                inner, is_main = inner and is_run, is_main or is_run
            waiting += ((child, inner, is_main) for child in children(one))

    # Calls

    def _call(self, node: ast.Call) -> Iterator[LogSetup]:
        name = last_name(node.func)
        given = {one.arg: one.value for one in node.keywords if one.arg is not None}
        if name == "basicConfig":
            yield from self._basic(node, given)
        elif name == "setLevel" and isinstance(node.func, ast.Attribute) and node.args:
            yield from self._set_level(node, node.func.value)
        elif name == "make_filtering_bound_logger" and node.args:
            yield self._leveled(node, "root", node.args[0], "structlog")
        elif name in ("create_engine", "create_async_engine") and "echo" in given:
            echo = given["echo"]
            if isinstance(echo, ast.Constant) and echo.value in (True, "debug"):
                yield LogSetup(node.lineno, node.col_offset + 1, "echo", "INFO", "", f"{name}(echo={echo.value!r})")
        elif name == "run" and "log_level" in given and _root_name(node.func) == "uvicorn":
            yield self._leveled(node, "server", given["log_level"], "uvicorn.run(log_level=…)")
        elif name == "add" and isinstance(node.func, ast.Attribute) and is_logger(node.func.value) and node.args:
            yield from self._added(node, given)
        elif (
            name == "configure"
            and isinstance(node.func, ast.Attribute)
            and "handlers" in given
            and is_logger(node.func.value)
        ):
            yield from self._sinks(given["handlers"])
        elif name == "worker_main" and node.args:
            yield from self._worker(node)
        elif "logbook" in self._packages and name in _LOGBOOK:
            if "level" in given:
                yield self._leveled(node, "logger", given["level"], name)
            if name == "FileHandler":
                yield self._file(node, node.args[0] if node.args else given.get("filename"), f"{name} without rotation")
        elif name in ("FileHandler", "WatchedFileHandler"):
            yield self._file(node, node.args[0] if node.args else given.get("filename"), f"{name} without rotation")
        elif name == "RotatingFileHandler" and len(node.args) < 3 and "maxBytes" not in given:
            yield self._file(node, node.args[0] if node.args else given.get("filename"), f"{name} without maxBytes")
        elif name == "QueueHandler" and node.args and _is_unbounded(self._value(node.args[0])):
            yield LogSetup(node.lineno, node.col_offset + 1, "queue", detail="QueueHandler")
        elif name == "MemoryHandler" and "target" not in given and len(node.args) < 3:
            yield LogSetup(node.lineno, node.col_offset + 1, "memory", detail="MemoryHandler")

    def _basic(self, node: ast.Call, given: dict[str, ast.expr]) -> Iterator[LogSetup]:
        level = given.get("level")
        if level is not None:
            yield self._leveled(node, "root", level, "logging.basicConfig")
        if "filename" in given:
            yield self._file(node, given["filename"], "basicConfig(filename=…)")
        elif level is not None and not {"stream", "handlers"}.intersection(given):
            yield LogSetup(node.lineno, node.col_offset + 1, "stderr", detail="logging.basicConfig")

    def _set_level(self, node: ast.Call, logger: ast.expr) -> Iterator[LogSetup]:
        owner = self._value(logger)
        if isinstance(owner, ast.Call) and last_name(owner.func) in ("getLogger", "get_logger"):
            name = owner.args[0] if owner.args else None
            is_root = name is None or (isinstance(name, ast.Constant) and name.value in (None, "", "root"))
            if isinstance(name, ast.Constant) and str(name.value).partition(".")[0] in LOUD:
                return
            yield self._leveled(node, "root" if is_root else "logger", node.args[0], "setLevel")
        elif isinstance(logger, ast.Attribute) and logger.attr == "root":
            yield self._leveled(node, "root", node.args[0], "setLevel")

    def _added(self, node: ast.Call, given: dict[str, ast.expr]) -> Iterator[LogSetup]:
        """Yield what a sink of loguru is: its level, DEBUG by default, and a file that grows."""
        sink = node.args[0]
        if "level" in given:
            yield self._leveled(node, "logger", given["level"], "logger.add")
        elif last_name(sink) in ("stdout", "stderr") and "loguru" in self._packages:
            yield LogSetup(node.lineno, node.col_offset + 1, "logger", "DEBUG", "LOGURU_LEVEL", "logger.add without a level")
        if last_name(sink) == "stderr" and "loguru" in self._packages:
            yield LogSetup(node.lineno, node.col_offset + 1, "stderr", detail="logger.add(sys.stderr)")
        if isinstance(sink, (ast.Constant, ast.JoinedStr)) and not {"rotation", "retention"}.intersection(given):
            yield self._file(node, sink, "logger.add without rotation")

    def _sinks(self, node: ast.expr) -> Iterator[LogSetup]:
        """Yield the levels of what loguru's `configure` is given, each DEBUG where it says none."""
        for one in node.elts if isinstance(node, (ast.List, ast.Tuple)) else ():
            values = _items(self._dict(one))
            if "level" in values:
                yield self._leveled(one, "logger", values["level"], "logger.configure")
            elif last_name(values.get("sink", one)) in ("stdout", "stderr"):
                yield LogSetup(one.lineno, one.col_offset + 1, "logger", "DEBUG", "LOGURU_LEVEL", "logger.configure")

    def _worker(self, node: ast.Call) -> Iterator[LogSetup]:
        """Yield the level that code gives to the worker of celery that it starts."""
        words = [one.value for one in walk(self._value(node.args[0])) if isinstance(one, ast.Constant)]
        texts = [one for one in words if isinstance(one, str)]
        for word, after in zip(texts, [*texts[1:], ""], strict=True):
            option, _, value = word.partition("=")
            if option in ("--loglevel", "-l"):
                detail = f"worker_main({option})"
                yield LogSetup(node.lineno, node.col_offset + 1, "server", level_of_text(value or after), "", detail)

    def _file(self, node: ast.AST, name: ast.expr | None, what: str) -> LogSetup:
        known = self._value(name) if name is not None else None
        text = known.value if isinstance(known, ast.Constant) and isinstance(known.value, str) else ""
        kind = "" if text in ("/dev/stdout", "/dev/stderr", "/proc/1/fd/1", "/dev/null") else "file"
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        return LogSetup(line, column, kind, detail=f"{what}{f' ({text[:80]})' if text else ''}")

    def _leveled(self, node: ast.AST, kind: str, level: ast.expr, detail: str) -> LogSetup:
        found = self.level(level)
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        return LogSetup(line, column, kind, found.name, found.variable, detail)

    # Dictionaries of logging.config

    def _dictionary(self, node: ast.Dict) -> Iterator[LogSetup]:
        values = _items(node)
        if "version" not in values or not {"root", "loggers", "handlers"}.intersection(values):
            return
        loggers = _items(self._dict(values.get("loggers")))
        roots = [one for one in (values.get("root"), loggers.get(""), loggers.get("root")) if one is not None]
        passed = [level for one in roots for level in self._passed(one, values)]
        for one in roots:
            yield from self._named_level(one, "root", "the root logger", passed)
        for name, one in loggers.items():
            if name not in ("", "root") and (name.partition(".")[0] in LOUD or speaks_in_django(name)):
                own = self._passed(one, values)
                kept = _items(self._dict(one)).get("propagate")
                is_alone = isinstance(kept, ast.Constant) and not kept.value
                yield from self._named_level(one, "logger", f"the logger {name}", own if is_alone else [*own, *passed])
        for one in _items(self._dict(values.get("handlers"))).values():
            options = _items(self._dict(one))
            made = options.get("class")
            text = made.value if isinstance(made, ast.Constant) and isinstance(made.value, str) else ""
            if text.endswith(".FileHandler") or (text.endswith(".RotatingFileHandler") and "maxBytes" not in options):
                yield self._file(one, options.get("filename"), f"{text.rpartition('.')[2]} without rotation")

    def _named_level(self, node: ast.expr, kind: str, what: str, passed: Sequence[Level]) -> Iterator[LogSetup]:
        """Yield the level of a logger, or the least that its handlers let through where that is more."""
        level = _items(self._dict(node)).get("level")
        if level is None:
            return
        found = self._leveled(level, kind, level, what)
        least = _least(passed)
        if found.level and (not least.name or LEVELS[least.name] > LEVELS[found.level]):
            found = found._replace(level=least.name, variable=least.variable)
        yield found

    def _passed(self, logger: ast.expr, values: Mapping[str, ast.expr]) -> list[Level]:
        """Return the level of each handler that a logger has; one that Django's DEBUG alone opens takes least."""
        names = _items(self._dict(logger)).get("handlers")
        known, filters = (_items(self._dict(values.get(key))) for key in ("handlers", "filters"))
        found = []
        for handler in map(known.get, _texts(self._value(names)) if names is not None else ()):
            options = _items(self._dict(handler))
            tests = (_items(self._dict(filters.get(one))).get("()") for one in _texts(options.get("filters")))
            if any(isinstance(one, ast.Constant) and str(one.value).endswith("RequireDebugTrue") for one in tests):
                found.append(Level("CRITICAL"))
            else:
                found.append(self.level(options["level"]) if "level" in options else Level("NOTSET"))
        return found

    def _dict(self, node: ast.expr | None) -> ast.Dict | None:
        found = self._value(node) if node is not None else None
        return found if isinstance(found, ast.Dict) else None

    # Values

    def _value(self, node: ast.expr, depth: int = 0) -> ast.expr:
        if isinstance(node, ast.Name) and node.id in self._names and depth < MAX_DEPTH:
            return self._value(self._names[node.id], depth + 1)
        return node

    def level(self, node: ast.expr, depth: int = 0) -> Level:
        """Return the level that an expression gives."""
        node = self._value(node)
        if depth > MAX_DEPTH:
            return Level()
        if isinstance(node, ast.Constant):
            return Level(level_of_text(str(node.value)) if not isinstance(node.value, bool) else "")
        if isinstance(node, ast.Attribute):
            return Level(node.attr if node.attr in LEVELS else "")
        if isinstance(node, ast.Subscript):
            if last_name(node.value) == "environ" and isinstance(node.slice, ast.Constant):
                return Level("", str(node.slice.value)[:MAX_TEXT])
            return self.level(node.slice, depth + 1) if last_name(node.value) == "_nameToLevel" else Level()
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            first, last = self.level(node.values[0], depth + 1), self.level(node.values[-1], depth + 1)
            return Level(first.name or last.name, first.variable)
        return self._called(node, depth) if isinstance(node, ast.Call) else Level()

    def _called(self, node: ast.Call, depth: int) -> Level:
        name, function = last_name(node.func), node.func
        if name in ("upper", "lower", "strip") and isinstance(function, ast.Attribute):
            return self.level(function.value, depth + 1)
        if name == "getattr" and len(node.args) > 1:
            return self.level(node.args[1], depth + 1)
        if name in ("getLevelName", "str", "int") and node.args:
            return self.level(node.args[0], depth + 1)
        is_environment = name in ("getenv", "config", "env") or (
            name in ("get", "str")
            and isinstance(function, ast.Attribute)
            and last_name(function.value) in ("environ", "env")
        )
        if is_environment and node.args and isinstance(node.args[0], ast.Constant):
            default = next((one.value for one in node.keywords if one.arg == "default"), None)
            default = node.args[1] if len(node.args) > 1 else default
            found = self.level(default, depth + 1) if default is not None else Level()
            return Level(found.name, str(node.args[0].value)[:MAX_TEXT])
        return Level()


_DICTIONARIES = (".yaml", ".yml", ".json")
MAX_FILES = 4
"""Files of settings that one file names."""
_LOGBOOK = frozenset(
    {"StreamHandler", "StderrHandler", "ColorizedStderrHandler", "FileHandler", "RotatingFileHandler",
     "TimedRotatingFileHandler", "SyslogHandler", "Logger"}
)  # fmt: skip
"""What is given a level there; its RotatingFileHandler keeps 1 MiB in five files by itself."""


def gunicorn_setups(module: ast.Module) -> list[LogSetup]:
    """Return what the settings of gunicorn say of logs beside dictionaries: its level."""
    reader = _Reader(module)
    given = ((one, one.targets[0]) for one in module.body if isinstance(one, ast.Assign))
    return [
        LogSetup(one.lineno, one.col_offset + 1, "server", level.name, level.variable, "gunicorn's loglevel")
        for one, target in given
        if last_name(target) == "loglevel"
        for level in (reader.level(one.value),)
    ]


def _imported(node: ast.AST) -> list[str]:
    """Return the packages that a statement imports."""
    if isinstance(node, ast.Import):
        return [one.name.partition(".")[0] for one in node.names]
    return [(node.module or "").partition(".")[0]] if isinstance(node, ast.ImportFrom) else []


def _keeping(node: ast.ClassDef) -> Iterator[LogSetup]:
    """Yield where a handler keeps each record, with the objects and tracebacks that it holds, and lets go of none."""
    nodes = list(walk(node))
    emit = next(
        (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "emit" and one.args.args), None
    )
    if emit is None:
        return
    assigned = [one for one in nodes if isinstance(one, (ast.Assign, ast.AnnAssign))]
    targets = [(last_name(one.targets[0] if isinstance(one, ast.Assign) else one.target), one.value) for one in assigned]
    lists = {name for name, value in targets if isinstance(value, ast.List)}
    methods = [one.func for one in nodes if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)]
    freed = {last_name(one.value) for one in methods if one.attr in ("clear", "pop", "popleft")}
    freed |= {name for name, value in targets if value is not None and not isinstance(value, ast.List)}
    freed |= {name for name in lists if sum(name == other for other, _ in targets[:MAX_TARGETS]) > 1}
    deleted = (target for one in nodes if isinstance(one, ast.Delete) for target in one.targets)
    freed |= {last_name(one.value) for one in deleted if isinstance(one, ast.Subscript)}
    for one in walk(emit):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr == "append" and one.args:
            kept, held = last_name(one.func.value), one.args[0]
            is_record = isinstance(held, ast.Name) and held.id == emit.args.args[-1].arg
            if is_record and kept in lists - freed:
                yield LogSetup(one.lineno, one.col_offset + 1, "kept", detail=node.name)


MAX_TARGETS = 200
"""Assignments of one handler that are looked at."""


def _items(node: ast.Dict | None) -> dict[str, ast.expr]:
    """Return the entries of a dictionary whose keys are texts."""
    if node is None:
        return {}
    both = zip(node.keys, node.values, strict=True)
    return {key.value: value for key, value in both if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def _texts(node: ast.expr | None) -> list[str]:
    """Return the texts of a list or a tuple."""
    listed = node.elts if isinstance(node, (ast.List, ast.Tuple)) else ()
    return [one.value for one in listed if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _least(levels: Sequence[Level]) -> Level:
    """Return the least of some levels, NOTSET where there is none, an unknown one where that may be less."""
    known = min((one for one in levels if one.name), key=lambda one: LEVELS[one.name], default=None)
    unknown = next((one for one in levels if not one.name), None)
    if unknown is not None and (known is None or LEVELS[known.name] > LEVELS["DEBUG"]):
        return unknown
    return known or Level("NOTSET")


def _root_name(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_unbounded(node: ast.expr) -> bool:
    """Return whether a queue is made here that grows without end."""
    if not isinstance(node, ast.Call) or last_name(node.func) not in ("Queue", "SimpleQueue"):
        return False
    sizes = [*node.args, *(one.value for one in node.keywords if one.arg == "maxsize")]
    if not sizes:
        return True
    size = sizes[0].operand if isinstance(sizes[0], ast.UnaryOp) else sizes[0]
    return isinstance(size, ast.Constant) and (isinstance(sizes[0], ast.UnaryOp) or size.value == 0)
