"""Starts that are written in Python: which server or pool the code of the project starts, and in how many processes.

Facts: `uvicorn.run` and `uvicorn.Server` of 0.54 (only `run` makes workers, and only of an app that it is given as a text),
`gunicorn.app` of 27.0, `hypercorn.run` and `hypercorn.asyncio.serve` of 0.18 (which makes none), `flask.Flask.run` of 3.1,
`multiprocessing` and `concurrent.futures` of CPython 3.14 (`fork` before it, `forkserver` from it on).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from memguard_hooks.deployment.calls_at_start import CallAtStart, Program, StartCalls, follow, roots_of
from memguard_hooks.deployment.gunicorn_settings import SETTINGS, Unresolved, Value
from memguard_hooks.deployment.start import (
    Count,
    Host,
    Loaded,
    Parse,
    StartCommand,
    UnknownStartError,
    all_known,
    count_workers,
    together,
    unknown,
)
from memguard_hooks.deployment.started_programs import Programs, find_programs
from memguard_hooks.deployment.values_in_code import count_of, items_of, value_of
from memguard_hooks.formats.python_folding import BoundNames
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import TypeAlias
from memguard_hooks.tree import join

Reader: TypeAlias = "Callable[[CallAtStart, _Context], StartCommand | None]"

_GUNICORN = "gunicorn.app."

_IMPORT_STRING = late_pattern(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(?:\(.*\))?")


class _Context:
    """One program whose code starts something: how it is started itself, what surrounds it, and its module."""

    def __init__(self, start: StartCommand, host: Host, program: Program, followed: StartCalls, parse: Parse | None) -> None:
        self.start = start
        self.host = host
        self.program = program
        self.followed = followed
        self.parse = parse

    def loads_itself(self, module: str) -> bool:
        """Return whether the program's own file is a module, or imports it at its top, and so has it in its own process."""
        path = self.host.find_module(module, self.program.roots)
        names = self.followed.names
        imported = {source for source in names.imports.values() if source}
        return path == self.program.path or any(one == module or one.startswith(f"{module}.") for one in imported)


def read(start: StartCommand, words: Sequence[str], host: Host, parse: Parse) -> StartCommand:
    """Return how a program of the project starts, as its code tells; what starts nothing else is as it was.

    `parse` reads the commands that it starts.
    """
    program = _program(start, words, host)
    return start if program is None else read_from(start._replace(words=tuple(words)), program, host, parse)


def read_from(start: StartCommand, program: Program, host: Host, parse: Parse | None = None) -> StartCommand:
    """Return how a command starts whose code begins at a file of the project."""
    followed = follow(program, host)
    if followed is None:
        return start
    context = _Context(start, host, program, followed, parse)
    found: list[StartCommand] = []
    for call in followed.calls:
        server = _server(call, context)
        if server is not None:
            found.append(server)
            if call.is_certain:
                break
    else:
        if not followed.is_whole:
            return unknown(f"{program.path} calls more as it starts than is followed", start.entrypoint, "python")
    server = _with_pools(_most(found) if found else start, followed.calls, context)
    is_serving = bool(found) or server.workers != 1
    programs = Programs()
    if parse is not None:
        programs = find_programs(followed.calls, program.path, host, parse, is_serving=is_serving)
    return _with_programs(server, programs)


def _with_programs(server: StartCommand, programs: Programs) -> StartCommand:
    """Return a start with the programs that it starts: one that takes its place, and those that run at the same time."""

    def beside(*waited: StartCommand) -> StartCommand:
        found = (*waited, *programs.beside)
        places = tuple(one.written for one in found)
        return together([server._replace(started=places), *found]) if found else server

    ways = [beside(one) for one in programs.waited] or [beside()]
    ways = [*programs.replaced, *([] if programs.is_replaced else ways)]
    if len(ways) == 1:
        return ways[0]
    name = server.entrypoint.text if server.entrypoint is not None else "it"
    reason = f"{name} starts one of several programs, and only a run can tell which"
    return unknown(reason)._replace(ways=all_known(*ways))


def _program(start: StartCommand, words: Sequence[str], host: Host) -> Program | None:
    entry = start.entrypoint
    if entry is None:
        return None
    nested = join(entry.folder, "src")
    folders = (entry.folder, *entry.roots, *([nested] if nested else []))
    if entry.script is not None:
        path = join(entry.folder, entry.script)
        return None if path is None else Program(path, "", True, None, roots_of(path, folders), tuple(words))
    module = entry.module or ""
    path = host.find_module(module, folders)
    if entry.is_main and path is not None and path.endswith("/__init__.py"):
        module = f"{module}.__main__"
        path = host.find_module(module, folders)
    if path is None:
        return None
    return Program(path, module, entry.is_main, entry.attribute, tuple(dict.fromkeys(folders)), tuple(words))


def _most(found: Sequence[StartCommand]) -> StartCommand:
    """Return the start with the most processes of those that a condition chooses from; one that is not known is most."""
    largest = max(found, key=lambda one: float("inf") if one.workers is None else one.workers)
    fewest = min((one.workers for one in found if one.workers is not None), default=None)
    if largest.workers is None or fewest is None or fewest >= largest.workers:
        return largest
    return largest._replace(fewest=fewest)


def _server(call: CallAtStart, context: _Context) -> StartCommand | None:
    """Return the server that a call starts, None for any other call."""
    try:
        if call.source.startswith(_GUNICORN) or call.source == "gunicorn.arbiter.Arbiter.run":
            return _gunicorn(call, context)
        reader = _READERS.get(call.source)
        return None if reader is None else reader(call, context)
    except UnknownStartError as error:
        where = f"{call.path}:{call.node.lineno} {error}"
        return unknown(where, context.start.entrypoint, call.source.partition(".")[0])


# What a call is given


class _Given:
    """The arguments of a call by their names."""

    def __init__(self, call: CallAtStart, *names: str) -> None:
        self._call = call
        self.values: dict[str, tuple[ast.expr, BoundNames]] = {}
        self.is_open = any(isinstance(one, ast.Starred) for one in call.node.args)
        for name, value in zip(names, call.node.args, strict=False):
            self.values[name] = (value, call.names)
        for keyword in call.node.keywords:
            if keyword.arg:
                self.values[keyword.arg] = (keyword.value, call.names)
            else:
                items = items_of(keyword.value, call.names)
                self.is_open = self.is_open or items is None
                self.values |= items or {}

    def value(self, name: str) -> Value | Unresolved:
        """Return the value of an argument, None where there is none."""
        if name not in self.values:
            return None if not self.is_open else Unresolved(self._call.node.lineno, f"is given {name} by another name")
        return value_of(*self.values[name], name)

    def count(self, name: str, default: int = 1) -> Count:
        """Return a number of processes."""
        return count_of(self.value(name), self._call.path, default)

    def is_on(self, name: str) -> bool:
        """Return whether an argument is known to be true."""
        value = self.value(name)
        return not isinstance(value, Unresolved) and bool(value)


def _named(value: Value | Unresolved, call: CallAtStart, why: str) -> Loaded | None:
    """Return the module that an app is named by, None for an app that is given itself."""
    if not isinstance(value, str) or not value:
        return None
    return Loaded(call.path, call.node.lineno, value.partition(":")[0], why)


# Servers


def _uvicorn(call: CallAtStart, context: _Context) -> StartCommand:
    """Read `uvicorn.run(app, …)`: of workers, and of reloading, each is a new process that loads the program's file too."""
    given = _Given(call, "app")
    named = _named(given.value("app"), call, "as the app of uvicorn")
    count = given.count("workers")
    if given.value("workers") is None:
        count = count_workers(context.host.variables.get("WEB_CONCURRENCY"))
    reload = given.is_on("reload")
    start = _single(call, context, "uvicorn", named)._replace(
        max_requests=count_workers(str(given.value("limit_max_requests") or 0), 0).number, reload=reload
    )
    if named is None:
        if reload or (count.number or 0) > 1:
            raise UnknownStartError("uvicorn refuses to start: for workers or reloading it needs the app as a text")
        return start
    count = count._replace(number=1) if reload else count
    if count.number is not None and count.number <= 1 and not reload:
        return start
    return start.counted(count.plus(int(context.loads_itself(named.module))), "spawn")


def _uvicorn_server(call: CallAtStart, context: _Context) -> StartCommand:
    """Read `uvicorn.Config(app, …)`, which `uvicorn.Server` serves in one process, whatever its workers are."""
    return _single(call, context, "uvicorn", _named(_Given(call, "app").value("app"), call, "as the app of uvicorn"))


def _single(call: CallAtStart, context: _Context, program: str, named: Loaded | None = None) -> StartCommand:
    """Return a server in the process of the program itself."""
    return context.start._replace(
        server=program if program in ("uvicorn", "hypercorn") else "",
        server_modules=(program,),
        program=program,
        loads=(named,) if named is not None else (),
        written=f"{call.path}:{call.node.lineno}",
    )


def _hypercorn(call: CallAtStart, context: _Context) -> StartCommand:
    """Read `hypercorn.run.run(config)`: what code sets on the object counts."""
    config = call.node.args[0] if call.node.args else None
    set_on = call.names.attributes.get(config.id, {}) if isinstance(config, ast.Name) else {}
    values = {name: value_of(*shown, name) for name, shown in set_on.items()}
    named = _named(values.get("application_path"), call, "as the app of hypercorn")
    count = count_of(values.get("workers"), call.path)
    start = _single(call, context, "hypercorn", named)
    if count.number in (0, 1):
        return start if count.number == 0 else start._replace(start="spawn")
    return start.counted(count, "spawn")


def _hypercorn_serve(call: CallAtStart, context: _Context) -> StartCommand:
    return _single(call, context, "hypercorn")


def _waitress(call: CallAtStart, context: _Context) -> StartCommand:
    return _single(call, context, "waitress")._replace(threads=_Given(call, "app").count("threads", 4).number)


def _sanic(call: CallAtStart, context: _Context) -> StartCommand:
    """Read `app.run(workers=4)`: new processes that load the program's file, and the program itself, which watches them."""
    from memguard_hooks.deployment.servers.app_runners import held_by_parent

    given = _Given(call, "host", "port")
    start = _single(call, context, "sanic")._replace(server_modules=("sanic",), reload=given.is_on("auto_reload"))
    if given.is_on("single_process"):
        return start
    count = context.host.count_cpus("sanic is told fast=True") if given.is_on("fast") else given.count("workers")
    return held_by_parent(start._replace(server="sanic"), count, alone=0)


def _granian(call: CallAtStart, context: _Context) -> StartCommand:
    """Read `Granian("app:app", workers=4)`, whose `serve` starts its workers beside the program."""
    given = _Given(call, "target", "address", "port", "interface", "workers")
    count = given.count("workers")
    start = _single(call, context, "granian", _named(given.value("target"), call, "as the app of granian"))
    return start.counted(count, "fork")._replace(server="granian", reload=given.is_on("reload"))


def _flask(call: CallAtStart, context: _Context) -> StartCommand:
    """Read `app.run(debug=True)`: its reloader starts the program a second time, and stays itself."""
    given = _Given(call, *(() if call.source.startswith("flask.") else ("app",)), "host", "port", "debug")
    is_debug = given.value("debug")
    if is_debug is None:
        is_debug = context.host.variables.get("FLASK_DEBUG", "0").lower() not in ("", "0", "false", "no")
    asked = given.value("use_reloader")
    reload = is_debug if asked is None else asked
    start = _single(call, context, "flask")
    if isinstance(reload, Unresolved) or not reload:
        return start
    return start._replace(workers=2, start="spawn", reload=True)


def _celery(call: CallAtStart, context: _Context) -> StartCommand | None:
    """Read `app.worker_main(["worker", "--concurrency=4"])`, which does as the command line does."""
    from memguard_hooks.deployment.servers import celery

    argv = _Given(call, "argv").value("argv")
    words = [str(word) for word in argv] if isinstance(argv, tuple) and not isinstance(argv, Unresolved) else []
    if not words:
        return None
    return celery.read(["--app", "app", *words], context.host)._replace(
        entrypoint=context.start.entrypoint, written=f"{call.path}:{call.node.lineno}"
    )


def _rq(call: CallAtStart, context: _Context) -> StartCommand:
    """Read `rq.cli.main()`, which takes the words of the program."""
    from memguard_hooks.deployment.servers.queues import read_rq

    worker = read_rq(list(context.followed.argv or context.program.words), context.host)
    place = f"{call.path}:{call.node.lineno}"
    return worker._replace(entrypoint=context.start.entrypoint, workers=1, reason=None, written=place)


def _django(call: CallAtStart, context: _Context) -> StartCommand | None:
    """Read what a program other than `manage.py` gives to Django: what is written out, or else its own command line."""
    if context.parse is None or context.start.program in ("django", "manage.py"):
        return None  # a command that calls itself
    given = _Given(call, "argv").value("argv")
    written = given[1:] if isinstance(given, tuple) and not isinstance(given, Unresolved) else context.program.words
    words = [str(one) for one in written]
    while words and words[0].startswith("-"):
        words = words[1 if "=" in words[0] else 2 :]
    if not words:
        return None
    import shlex

    variables = {"DJANGO_SETTINGS_MODULE": "settings", **context.host.variables}
    found = context.parse(shlex.join(["django-admin", *words]), context.host._replace(variables=variables))
    return found._replace(entrypoint=context.start.entrypoint, variables=context.start.variables)


_READERS: dict[str, Reader] = {
    "django.core.management.execute_from_command_line": _django,
    "uvicorn.run": _uvicorn,
    "uvicorn.main.run": _uvicorn,
    "uvicorn.Config": _uvicorn_server,
    "uvicorn.config.Config": _uvicorn_server,
    "hypercorn.run.run": _hypercorn,
    "hypercorn.run": _hypercorn,
    "hypercorn.asyncio.serve": _hypercorn_serve,
    "hypercorn.trio.serve": _hypercorn_serve,
    "waitress.serve": _waitress,
    "sanic.Sanic.run": _sanic,
    "sanic.app.Sanic.run": _sanic,
    "sanic.Sanic.prepare": _sanic,
    "sanic.app.Sanic.prepare": _sanic,
    "granian.Granian": _granian,
    "granian.server.Granian": _granian,
    "flask.Flask.run": _flask,
    "flask_socketio.SocketIO.run": _flask,
    "celery.Celery.worker_main": _celery,
    "celery.Celery.start": _celery,
    "rq.cli.main": _rq,
    "rq.cli.cli.main": _rq,
}
"""What starts a server, by its dotted name."""


# gunicorn


def _gunicorn(call: CallAtStart, context: _Context) -> StartCommand | None:
    """Read an application of gunicorn that code runs: its settings are those that code sets."""
    from memguard_hooks.deployment.servers import gunicorn

    if call.source == "gunicorn.arbiter.Arbiter.run":
        made = call.made[0] if call.made is not None else None
        call = _arbitrated(call, made) if made is not None and made.args else call
    elif not call.source.endswith(".run"):
        return None
    if call.base is None:
        if "wsgiapp" not in call.source:
            raise UnknownStartError("starts gunicorn with an app that is not read")
        argv = context.followed.argv
        words = context.program.words if argv is None else argv[1:]
        return gunicorn.read(list(words), context.host)._replace(written=f"{call.path}:{call.node.lineno}")
    settings = _settings(call)
    concurrency = context.host.variables.get("WEB_CONCURRENCY", "1")
    start = gunicorn.start(context.start.entrypoint, gunicorn.ChosenSettings(settings), concurrency)
    load = _method(call.base[0], "load")
    apps = [text for text in _texts(call) if _IMPORT_STRING.fullmatch(text)]
    loaded = [Loaded(call.path, call.node.lineno, app.partition(":")[0], "as the app of gunicorn") for app in apps[:1]]
    is_late = bool(loaded) or (load is not None and any(map(_imports, ast.walk(load))))
    if not is_late and start.start == "fork":  # the app is loaded by the program itself, before it forks
        start = start._replace(start="preload", preload_source="code")
    return start._replace(
        loads=tuple(loaded),
        calls=((call.base[1].path, f"{call.base[0].name}.load"),) if load is not None else (),
        written=f"{call.path}:{call.node.lineno}",
    )


def _arbitrated(call: CallAtStart, made: ast.Call) -> CallAtStart:
    """Return `Arbiter(app).run()` as `app.run()`."""
    found, names = call.names.meaning(made.args[0])
    definition, inner = names.meaning(found.func) if isinstance(found, ast.Call) else (found, names)
    if not isinstance(found, ast.Call) or not isinstance(definition, ast.ClassDef):
        raise UnknownStartError("starts gunicorn with an app that is not read")
    return call._replace(base=(definition, inner), made=(found, names))


def _settings(call: CallAtStart) -> dict[str, Value | Unresolved]:
    """Return the settings that `load_config` sets: one by one, or all that the application was given as a mapping."""
    from memguard_hooks.deployment import gunicorn_conf

    assert call.base is not None
    definition, inner = call.base
    found: dict[str, Value | Unresolved] = {}
    load_config = _method(definition, "load_config")
    if load_config is None:
        return found
    names = inner.inner()
    is_by_name = False
    for statement in _statements(load_config.body):
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and _is_setting(node):
                key = value_of(node.args[0], names, "a setting")
                if isinstance(key, str):
                    found[key.lower()] = value_of(node.args[1], names, key.lower())
                else:
                    is_by_name = True
        names.follow(statement)
    if is_by_name:
        items = _mapping(call)
        if items is None:
            line = definition.lineno
            return dict.fromkeys(SETTINGS, Unresolved(line, f"{call.base[1].path}:{line} sets what it is given"))
        found |= {name.lower(): value_of(*shown, name) for name, shown in items.items()}
    path = inner.path
    checked = {name: gunicorn_conf.validated(name, value, 0) for name, value in found.items() if name in SETTINGS}
    return {
        name: value._replace(reason=f"{path}:{value.line} {value.reason}") if isinstance(value, Unresolved) else value
        for name, value in checked.items()
    }


def _is_setting(node: ast.Call) -> bool:
    function = node.func
    return isinstance(function, ast.Attribute) and function.attr == "set" and len(node.args) == 2


def _mapping(call: CallAtStart) -> dict[str, tuple[ast.expr, BoundNames]] | None:
    """Return the mapping of settings that an application is given, or that its class holds."""
    assert call.base is not None
    if call.made is not None:
        made, names = call.made
        for value in (*made.args, *(one.value for one in made.keywords)):
            items = items_of(value, names)
            if items is not None:
                return items
    definition, inner = call.base
    for node in ast.walk(definition):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Dict):
            return items_of(node.value, inner)
    return None


def _texts(call: CallAtStart) -> Iterator[str]:
    """Yield the texts that an application is given as it is made."""
    made, names = call.made or (None, call.names)
    for value in (*made.args, *(one.value for one in made.keywords)) if made is not None else ():
        text = value_of(value, names, "app")
        if isinstance(text, str):
            yield text


def _method(definition: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((one for one in definition.body if isinstance(one, ast.FunctionDef) and one.name == name), None)


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for one in body:
        if isinstance(one, (ast.For, ast.If, ast.With)):
            yield from _statements(one.body)
        else:
            yield one


def _imports(node: ast.AST) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


# Pools

_POOLS = {
    "concurrent.futures.ProcessPoolExecutor": "max_workers",
    "concurrent.futures.process.ProcessPoolExecutor": "max_workers",
    "multiprocessing.Pool": "processes",
    "multiprocessing.pool.Pool": "processes",
    "multiprocessing.get_context.Pool": "processes",
}
"""What makes a pool of processes → the argument that says how many; by default there is one for each CPU."""

_SPAWNING = ("spawn", "forkserver")


def _with_pools(server: StartCommand, calls: Sequence[CallAtStart], context: _Context) -> StartCommand:
    """Add the processes that the program forks beside a server of one process, or without one."""
    if server.workers != 1:
        return server
    total = 0
    methods: list[Value | Unresolved] = []
    unknown_count: Count | None = None
    place = ""
    for call in calls:
        if call.source == "multiprocessing.set_start_method":
            methods.append(_Given(call, "method").value("method"))
        name = _POOLS.get(call.source)
        if name is None and call.source == "multiprocessing.Process":
            total += 1
            if not call.is_certain:
                reason = f"{call.path}:{call.node.lineno} starts processes, and only a run can tell how many"
                unknown_count = unknown_count or Count(None, reason)
        if name is None:
            continue
        given = _Given(call, name)
        size = given.value(name)
        count = count_of(size, call.path)
        if size is None:
            count = context.host.count_cpus(f"{call.path}:{call.node.lineno} gives its pool no {name}")
        if call.made is not None:
            methods.append(_Given(call._replace(node=call.made[0], names=call.made[1]), "method").value("method"))
        unknown_count = unknown_count or (count if count.number is None else None)
        total += count.number or 0
        place = place or f"{call.path}:{call.node.lineno}"
    if not total and unknown_count is None:
        return server
    spawns = any(method in _SPAWNING for method in methods)
    return server._replace(
        workers=None if unknown_count is not None else total + int(spawns),
        start="spawn" if spawns else "preload",
        reason=unknown_count.reason if unknown_count is not None else None,
        is_cpu_count=unknown_count is not None and unknown_count.is_cpu_count,
        program=server.program or "multiprocessing",
        preload_source="" if spawns else "default",
        written=place,
    )
