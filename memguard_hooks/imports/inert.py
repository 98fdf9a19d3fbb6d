"""Whether a file may load later than at start: what its code does to others while it loads.

A file that only defines and builds is as good later. One that registers, starts, sets or patches something has others wait
for that, so it stays. What is not known to be harmless counts as a deed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from memguard_hooks.formats.python_nodes import last_name, outside_functions, parameters, targets
from memguard_hooks.imports.movable import EFFECTS, INERT, is_below
from memguard_hooks.imports.name_uses import is_type_checking
from memguard_hooks.imports.resolve import is_standard
from memguard_hooks.record import Record, TypeAlias

_DOERS = frozenset({
    "add_command", "add_done_callback", "add_event_handler", "add_handler", "add_job", "add_listener", "add_middleware",
    "add_signal_handler", "basicConfig", "bind", "chdir", "connect", "create_all", "create_task", "daemonize",
    "dictConfig", "dispatch", "emit", "exit", "fileConfig", "include_router", "init_app", "install", "kill", "launch",
    "listen", "load_dotenv", "makedirs", "mkdir", "monkey_patch", "mount", "notify", "on", "patch", "patch_all", "post",
    "publish", "put", "register", "register_blueprint", "rename", "rmtree", "run", "run_forever", "run_polling",
    "schedule", "seed", "send", "serve", "setLevel", "set_event_loop", "setup", "signal", "sleep", "start",
    "start_server", "submit", "subscribe", "subscribes", "touch", "unlink", "urlopen", "write", "write_bytes",
    "write_text",
})  # fmt: skip
"""Functions and methods, by their last names, that others may wait for."""

_NOISE = frozenset({"critical", "debug", "error", "exception", "info", "log", "warning"})
"""Methods of loggers."""

_UNSAFE_BUILTINS = frozenset({"__import__", "delattr", "eval", "exec", "exit", "input", "quit", "setattr"})

_QUIET_STANDARD = frozenset({
    "abc", "ast", "base64", "collections", "concurrent", "contextlib", "contextvars", "copy", "dataclasses", "decimal",
    "enum", "fractions", "functools", "hashlib", "html", "io", "ipaddress", "itertools", "json", "math", "operator",
    "pathlib", "pickle", "re", "string", "struct", "textwrap", "threading", "tomllib", "types", "typing", "unicodedata",
    "urllib", "weakref", "zoneinfo",
})  # fmt: skip
"""Modules of the standard library all of whose functions, but those above, may as well be called later."""

_QUIET_CALLS = frozenset({
    "asyncio.Event", "asyncio.Lock", "asyncio.Queue", "asyncio.Semaphore", "csv.DictReader", "csv.reader",
    "datetime.timedelta", "inspect.cleandoc", "inspect.getdoc", "logging.getLogger", "os.cpu_count", "os.environ.copy",
    "os.environ.get", "os.getcwd", "os.getenv", "timedelta", "warnings.filterwarnings", "warnings.simplefilter",
})  # fmt: skip

_REGISTRIES = frozenset({
    "beanie", "celery", "channels", "django", "dramatiq", "flask_admin", "flask_sqlalchemy", "graphene", "huey", "luigi",
    "marshmallow", "mongoengine", "mongoframes", "neomodel", "odmantic", "ormar", "peewee", "piccolo", "pony", "pynamodb",
    "rest_framework", "rq", "sqlalchemy", "sqlmodel", "taskiq", "tortoise", "wagtail",
})  # fmt: skip
"""Libraries that note which classes and functions are made of theirs."""

_QUIET_DECORATORS = frozenset({
    "abc", "aiocache", "async_lru", "attr", "attrs", "backoff", "beartype", "cachetools", "contextlib", "dataclasses",
    "enum", "functools", "jax", "jaxtyping", "joblib", "langchain", "langchain_core", "langgraph", "numba", "numpy",
    "overrides", "pydantic", "streamlit", "tenacity", "tensorflow", "tf_keras", "torch", "typeguard", "typing",
    "typing_extensions", "wrapt",
})  # fmt: skip
"""Libraries whose decorators note nothing."""

MAX_DEPTH = 6
"""Functions that call each other, and classes below each other, that are followed."""

_Functions: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Deed(Record):
    """What a line does to others while its file loads."""

    path: str
    line: int
    what: str


class Defined(Record):
    """A function, a class or something else that a file of the project defines, and the file."""

    path: str
    node: ast.AST


class Surroundings:
    """What the project around a file has to say; a subclass asks it."""

    def defined(self, path: str, node: ast.Import | ast.ImportFrom, name: str) -> Defined | str | None:
        """Return what an import of a name is: of the project, the name of the module of others, None where nobody knows."""
        raise NotImplementedError

    def module(self, path: str) -> ast.Module | None:
        """Return the syntax tree of a file."""
        raise NotImplementedError

    def is_exclusive(self, root: str) -> bool:
        """Return whether no file that stays loads a library."""
        raise NotImplementedError

    def lists_subclasses(self) -> bool:
        """Return whether the project asks classes for what is derived of them."""
        raise NotImplementedError


def find_deed(around: Surroundings, path: str) -> Deed | None:
    """Return the first thing that a file does to others while it loads."""
    module = around.module(path)
    if module is None:
        return Deed(path, 1, "cannot be read")
    return next(_File(around, path, module, {}).statements(module.body, frozenset(), 0), None)


class _File:
    """One file, its names, and what it does; `known` are the files that have been read, each once."""

    def __init__(self, around: Surroundings, path: str, module: ast.Module, known: dict[str, _File]) -> None:
        self._around = around
        self._known = known
        known[path] = self
        self._path = path
        self._module = module
        self._bound: dict[str, ast.AST] = {}
        self._values: dict[str, list[ast.expr]] = {}
        for node in outside_functions(module.body):
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                for target in targets(node):
                    if isinstance(target, ast.Name):
                        self._values.setdefault(target.id, []).append(node.value)
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                self._bound[node.name] = node
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    self._bound[alias.asname or alias.name.partition(".")[0]] = node
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bound.setdefault(node.id, node)

    def _deed(self, node: ast.AST, what: str) -> Deed:
        return Deed(self._path, getattr(node, "lineno", 1), what)

    # Statements

    def statements(self, body: Iterable[ast.stmt], local: frozenset[str], depth: int) -> Iterator[Deed]:
        """Yield what statements do; `local` are names of a function."""
        for one in body:
            yield from self._statement(one, local, depth)

    def _statement(self, node: ast.stmt, local: frozenset[str], depth: int) -> Iterator[Deed]:
        if isinstance(node, _FUNCTIONS):
            yield from self._function(node, local, depth)
        elif isinstance(node, ast.ClassDef):
            yield from self._class(node, local, depth)
        elif isinstance(node, (ast.Raise, ast.Assert)):
            if not depth:
                yield self._deed(node, "refuses to start")
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            for target in targets(node):
                yield from self._target(target, local)
            yield from self._expression(node.value, local, depth)
        elif isinstance(node, ast.Expr):
            yield from self._expression(node.value, local, depth, is_alone=True)
        elif isinstance(node, ast.If):
            if is_type_checking(node.test) or _is_main(node.test):
                yield from self.statements(node.orelse, local, depth)
                return
            yield from self._expression(node.test, local, depth)
            yield from self.statements([*node.body, *node.orelse], local, depth)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            named = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in named:
                if is_below(name, EFFECTS) and not getattr(node, "level", 0):
                    yield self._deed(node, f"imports {name}, which changes others")
        elif isinstance(node, (ast.Pass, ast.Delete, ast.Global, ast.Nonlocal, ast.Break, ast.Continue)):
            return
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.stmt):
                    yield from self._statement(child, local, depth)
                elif isinstance(child, ast.expr):
                    is_target = isinstance(getattr(child, "ctx", None), ast.Store)
                    yield from self._target(child, local) if is_target else self._expression(child, local, depth)
                elif isinstance(child, ast.ExceptHandler):
                    yield from self.statements(child.body, local, depth)
                elif isinstance(child, ast.withitem):
                    yield from self._expression(child.context_expr, local, depth)
                elif isinstance(child, ast.match_case):
                    yield from self.statements(child.body, local, depth)

    def _target(self, node: ast.expr, local: frozenset[str]) -> Iterator[Deed]:
        if isinstance(node, (ast.Tuple, ast.List)):
            for one in node.elts:
                yield from self._target(one, local)
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            name = _root(node)
            if name in local or self._is_own(name):
                return
            origin = self.origin(name)
            of = origin.partition(".")[0] if isinstance(origin, str) else ""
            if of and not is_standard(of) and self._around.is_exclusive(of):
                return
            yield self._deed(node, f"sets `{ast.unparse(node)[:60]}`")

    def _function(self, node: _Functions, local: frozenset[str], depth: int) -> Iterator[Deed]:
        for decorator in node.decorator_list:
            yield from self._decorator(decorator, node.name, local, depth)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            yield from self._expression(default, local, depth)

    def _class(self, node: ast.ClassDef, local: frozenset[str], depth: int) -> Iterator[Deed]:
        for decorator in node.decorator_list:
            yield from self._decorator(decorator, node.name, local, depth)
        reason = self.registered(node, depth)
        if reason is not None:
            yield self._deed(node, reason)
        yield from self.statements(node.body, local | _stored(node.body), depth)

    def registered(self, node: ast.ClassDef, depth: int) -> str | None:
        """Say who may note a class that is made."""
        for keyword in node.keywords:
            if keyword.arg != "metaclass" or last_name(keyword.value) != "ABCMeta":
                return f"makes class {node.name} by `{keyword.arg}`"
        for written in node.bases:
            base = written.value if isinstance(written, ast.Subscript) else written
            name = _root(base)
            if not name:
                return f"makes class {node.name} of what is computed"
            origin = self.origin(name)
            if origin is None:
                continue  # of the language itself
            if isinstance(origin, str):
                if origin.partition(".")[0] in _REGISTRIES:
                    return f"makes class {node.name}, which {origin.partition('.')[0]} notes"
                continue
            of = origin.node
            if not isinstance(of, ast.ClassDef) or isinstance(base, ast.Attribute) or depth > MAX_DEPTH:
                return f"makes class {node.name} of {ast.unparse(base)[:40]}, which may note it"
            hooks = {one.name for one in of.body if isinstance(one, _FUNCTIONS)}
            if "__init_subclass__" in hooks or self._around.lists_subclasses():
                return f"makes class {node.name}, which {of.name} notes"
            found = self._elsewhere(origin.path)
            reason = None if found is None else found.registered(of, depth + 1)
            if reason is not None:
                return reason
        return None

    def _decorator(self, node: ast.expr, name: str, local: frozenset[str], depth: int) -> Iterator[Deed]:
        callee = node.func if isinstance(node, ast.Call) else node
        root = _root(callee)
        if root in local or last_name(callee) in INERT:
            return
        origin = self.origin(root)
        if isinstance(origin, str):
            if origin.partition(".")[0] in _QUIET_DECORATORS:
                return
        elif isinstance(origin, Defined):
            is_own = origin.path == self._path
            if isinstance(callee, ast.Attribute) and is_own and self._is_own(root):
                return  # of an object that is made here, and comes with it
            if isinstance(origin.node, _FUNCTIONS) and isinstance(callee, ast.Name):
                yield from self.called(origin, depth)
                return
        yield self._deed(node, f"hands {name}() to `@{ast.unparse(callee)[:40]}`")

    # Expressions

    def _expression(
        self, node: ast.expr | None, local: frozenset[str], depth: int, *, is_alone: bool = False
    ) -> Iterator[Deed]:
        """Yield what an expression calls; `is_alone` tells that nothing takes its value."""
        waiting: list[ast.AST] = [] if node is None else [node]
        while waiting:
            one = waiting.pop()
            if isinstance(one, ast.Lambda):
                continue
            if isinstance(one, (ast.Await, ast.Yield, ast.YieldFrom)) and not depth:
                yield self._deed(one, "waits")
            if isinstance(one, ast.Call):
                yield from self._call(one, local, depth, is_alone=is_alone and one is node)
            waiting += ast.iter_child_nodes(one)

    def _call(self, node: ast.Call, local: frozenset[str], depth: int, *, is_alone: bool) -> Iterator[Deed]:
        callee, last, root = node.func, last_name(node.func), _root(node.func)
        written = ast.unparse(callee)[:60]
        if last in _DOERS or (last == "addHandler" and not depth):
            yield self._deed(node, f"calls {written}()")
            return
        if root in local or not root:
            return  # a method of what is made here
        origin = self.origin(root)
        if origin is None:
            if root in _UNSAFE_BUILTINS:
                yield self._deed(node, f"calls {written}()")
            return
        if isinstance(origin, str):
            rest = written.partition(".")[2]
            name = f"{origin}.{rest}" if rest else origin
            if not self._is_quiet(name, is_alone=is_alone):
                yield self._deed(node, f"calls {written}()")
            return
        if isinstance(callee, ast.Name):
            yield from self.called(origin, depth)
        elif is_alone and last not in _NOISE and not self._is_own(root):
            yield self._deed(node, f"calls {written}()")
        elif isinstance(origin.node, ast.ClassDef):
            method = next((one for one in origin.node.body if isinstance(one, _FUNCTIONS) and one.name == last), None)
            if method is not None:
                yield from self.called(Defined(origin.path, method), depth)

    def _is_quiet(self, name: str, *, is_alone: bool) -> bool:
        """Return whether a function of others may as well be called later."""
        root = name.partition(".")[0]
        if name in _QUIET_CALLS or name.startswith("os.path."):
            return True
        if is_standard(root):
            return root in _QUIET_STANDARD
        return not is_alone or name.rpartition(".")[2] in _NOISE or self._around.is_exclusive(root)

    def called(self, defined: Defined, depth: int) -> Iterator[Deed]:
        """Yield what a function or a class of the project does that is called while the file loads."""
        if depth > MAX_DEPTH:
            yield Deed(defined.path, getattr(defined.node, "lineno", 1), "calls too much to be followed")
            return
        file = self._elsewhere(defined.path)
        node = defined.node
        if file is None:
            return
        if isinstance(node, _FUNCTIONS):
            yield from file.statements(node.body, _arguments(node) | _stored(node.body), depth + 1)
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                origin = file.origin(_root(base))
                if isinstance(origin, Defined) and isinstance(origin.node, ast.ClassDef):
                    yield from file.called(origin, depth + 1)
            for one in node.body:
                if isinstance(one, _FUNCTIONS) and one.name in ("__init__", "__new__", "__post_init__"):
                    yield from file.statements(one.body, _arguments(one) | _stored(one.body), depth + 1)
                    yield from file.methods(node, one, depth + 1)
        elif defined.path != self._path:
            yield self._deed(node, "calls what nobody knows")

    def methods(self, owner: ast.ClassDef, function: _Functions, depth: int) -> Iterator[Deed]:
        """Yield what the methods do that a method calls of its own object."""
        if depth > MAX_DEPTH:
            return
        called = {
            one.func.attr
            for one in ast.walk(function)
            if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and _root(one.func) == "self"
        }
        for one in owner.body:
            if isinstance(one, _FUNCTIONS) and one.name in called and one is not function:
                yield from self.statements(one.body, _arguments(one) | _stored(one.body), depth + 1)
                yield from self.methods(owner, one, depth + 1)

    # Names

    def _is_own(self, name: str) -> bool:
        """Return whether a name stands for something that is made here, and not for what another file has made."""
        if not isinstance(self._bound.get(name), (ast.Name, ast.ClassDef, *_FUNCTIONS)):
            return False
        origins = [self.origin(_root(value)) for value in self._values.get(name, ()) if _root(value) != name]
        return not any(
            isinstance(one, Defined) and one.path != self._path and not isinstance(one.node, ast.ClassDef) for one in origins
        )

    def origin(self, name: str) -> Defined | str | None:
        """Return what a name of the file is: of the project, the dotted name of others, None for one of the language."""
        node = self._bound.get(name)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found = self._around.defined(self._path, node, name)
            return Defined("", node) if found is None else found
        return None if node is None else Defined(self._path, node)

    def _elsewhere(self, path: str) -> _File | None:
        module = self._around.module(path) if path and path not in self._known else None
        return self._known.get(path) if module is None else _File(self._around, path, module, self._known)


def _stored(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Return the names that statements bind."""
    found: set[str] = set()
    for node in outside_functions(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


def _arguments(node: _Functions) -> frozenset[str]:
    return frozenset(one.arg for one in parameters(node.args))


def _root(node: ast.expr) -> str:
    """Return the name that an expression begins with, empty where it begins with something else."""
    here: ast.AST = node
    while isinstance(here, (ast.Attribute, ast.Subscript, ast.Call)):
        here = here.func if isinstance(here, ast.Call) else here.value
    return here.id if isinstance(here, ast.Name) else ""


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"
