"""Programs of frameworks that run the app they are given by name: Litestar, Sanic, Quart, FastStream, Kopf and others.

Facts: the command lines of Litestar 2.25, Sanic 25.12, Quart 0.22, FastStream 0.7, functions-framework 3.10, procrastinate
3.10, saq 0.26, faust-streaming 0.11, Kopf 1.45 and Pyramid 2.1. Where a program looks at the app before it starts workers,
as Litestar, Sanic and FastStream do, its own process holds the app as well.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.options import ParsedOptions, grammar, split_options, with_variables
from memguard_hooks.deployment.servers.managed import MAX_BYTES, sections
from memguard_hooks.deployment.start import (
    Count,
    EntryPoint,
    Host,
    RefusedError,
    StartCommand,
    UnknownStartError,
    count_workers,
)

LITESTAR = grammar("--app= --app-dir= --help/-h --version", "click", ends=True)

LITESTAR_RUN = grammar("""
    --reload/-r --debug/-d --use-pdb/-P/--pdb --create-self-signed-cert --help/-h --reload-dir/-R= --reload-include/-I=
    --reload-exclude/-E= --port/-p=N --web-concurrency/-W/--wc=N --host/-H= --file-descriptor/-F/--fd=N
    --unix-domain-socket/-U/--uds= --ssl-certfile= --ssl-keyfile=
""", "click")  # fmt: skip

SANIC = grammar("""
    --version --factory --simple/-s --tls-strict-host --debug --reload/-r/--auto-reload --dev/-d --auto-tls --fast
    --single-process --access-logs --no-access-logs --motd --no-motd --verbosity/-v --noisy-exceptions
    --no-noisy-exceptions --daemon/-D --coffee --no-coffee --workers/-w=N --host/-H= --port/-p=N --unix/-u= --http=
    --cert= --key= --tls= --reload-dir/-R= --pidfile= --logfile= --user= --group=
""")

QUART = grammar("--[no-]debug --version --help --env-file/-e= --app/-A=", "click", ends=True)

FASTSTREAM = grammar("""
    --factory/-f --reload/-r --help --workers/-w=N --app-dir= --extension/--ext/--reload-ext/--reload-extension= --loop=
    --log-level/-l= --log-config=
""", "click")  # fmt: skip

FUNCTIONS = grammar("--debug --asgi --help --target= --source= --signature-type= --host= --port=N", "click")

PROCRASTINATE = grammar("--verbose/-v --version/-V --help/-h --app/-a= --log-level= --log-format= --log-format-style=",
                        ends=True)  # fmt: skip

SAQ = grammar("--help/-h --verbose/-v --web --check --quiet/-q --workers=N --extra-web-settings/-e= --port=N")

FAUST = grammar("""
    --debug --no-debug --quiet/-q --no-color --json --version --app/-A= --datadir/-D= --workdir/-W= --loop/-L=
""", "click", ends=True)  # fmt: skip

KOPF = grammar("""
    --verbose/-v --debug/-d --quiet/-q --all-namespaces/-A --standalone --dev --[no-]log-prefix --help --log-format=
    --log-refkey= --namespace/-n= --liveness/-L= --peering/-P= --priority/-p=N --module/-m=
""", "click")  # fmt: skip


def read_litestar(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `litestar`: more than one worker are those of a uvicorn that it starts and waits for."""
    before = with_variables(split_options(words, LITESTAR), ("--app",), (), "LITESTAR", host)
    verb, *rest = before.positional or ("",)
    if verb != "run":
        raise UnknownStartError(f"it is not known how litestar {verb} starts".replace("  ", " "))
    given = split_options(rest, LITESTAR_RUN)
    given = with_variables(given, (), ("--reload",), "LITESTAR", host)
    asked = given.values.get("--web-concurrency") or host.variables.get("LITESTAR_WEB_CONCURRENCY")
    asked = asked or host.variables.get("WEB_CONCURRENCY")
    folder = _inside(before.values.get("--app-dir", ""), host)
    app = before.values.get("--app") or _litestar_app(host._replace(folder=folder))
    start = StartCommand(host.entrypoint(_with_attribute(app, "app"), folder=folder), server_modules=("uvicorn",))
    watched = given.values.keys() & {"--reload-dir", "--reload-include", "--reload-exclude"}
    start = start._replace(program="litestar", reload="--reload" in given.flags or bool(watched))
    return held_by_parent(start, Count(1) if start.reload else count_workers(asked), alone=int(not start.reload))


def _litestar_app(host: Host) -> str:
    """Return the module that litestar finds by itself: `app`, `application`, or the one in a folder of that name."""
    for name in ("app", "application"):
        if host.read_text(f"{name}.py") is not None:
            return name
        names = [one for one in host.names_in(host.inside(name) or name) if one.endswith(".py")]
        makers = [one for one in names if "Litestar(" in (host.read_text(f"{name}/{one}") or "")]
        if len(makers) == 1:
            return name if makers == ["__init__.py"] else f"{name}.{makers[0].removesuffix('.py')}"
        if "__init__.py" in names:
            return name
    raise UnknownStartError("it is given no app, and there is no app.py and no application.py")


def read_sanic(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `sanic`: new processes that load the app, and one that has loaded it and watches them."""
    given = split_options(words, SANIC)
    if not given.positional or given.positional[1:]:
        raise UnknownStartError("sanic is told to do something else than to run one app")
    if len({"--workers", "--fast", "--single-process"} & {*given.flags, *given.values}) > 1:
        raise RefusedError("--workers, --fast and --single-process exclude each other")
    app = given.positional[0].removesuffix("()")
    if "/" in app or "--simple" in given.flags:
        raise UnknownStartError("sanic is given a folder to serve, and no app")
    if ":" not in app and "." in app and host.find_module(app, (host.folder, *host.source_roots())) is None:
        app = ":".join(app.rsplit(".", 1))
    start = StartCommand(host.entrypoint(_with_attribute(app, "app")), server_modules=("sanic.cli.app",), program="sanic")
    start = start._replace(reload=bool(given.flags & {"--reload", "--dev"}))
    if "--single-process" in given.flags:
        return start
    count = (
        host.count_cpus("sanic is told --fast") if "--fast" in given.flags else count_workers(given.values.get("--workers"))
    )
    return held_by_parent(start._replace(server="sanic"), count, alone=0)


def read_quart(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `quart`, which serves in its own process."""
    given = with_variables(split_options(words, QUART), ("--app",), (), "QUART", host)
    if given.positional[:1] != ("run",):
        raise UnknownStartError("quart is not told to run")
    path, _, name = (given.values.get("--app") or _found(("app.py",), host)).partition(":")
    found = host.module_of(path)
    if found is None:
        raise UnknownStartError("quart is given no app inside the repository")
    entrypoint = host.entrypoint(f"{found[1]}:{name or 'app'}", folder=found[0])
    return StartCommand(entrypoint, server_modules=("hypercorn",), program="quart", reload="--reload" in given.positional)


def read_faststream(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `faststream run`: with workers new processes that load the app, as their parent has."""
    if words[:1] != ["run"]:
        raise UnknownStartError("faststream is not told to run")
    given = split_options(words[1:], FASTSTREAM, is_strict=False)  # what it does not know, it hands to the app
    given = with_variables(given, ("--workers", "--app-dir"), (), "FASTSTREAM", host)
    folder = _inside(given.values.get("--app-dir", ""), host)
    if not given.positional:
        raise RefusedError("it names no app")
    entrypoint = host.entrypoint(_with_attribute(given.positional[0], "app"), folder=folder)
    count = count_workers(given.values.get("--workers"))
    start = StartCommand(entrypoint, server_modules=("faststream",), program="faststream", reload="--reload" in given.flags)
    if start.reload and count.number != 1:
        raise RefusedError("--reload and --workers exclude each other")
    return held_by_parent(start, count)


def read_functions_framework(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `functions-framework`: gunicorn or uvicorn, whose workers share the function's file."""
    given = split_options(words, FUNCTIONS)
    target = given.values.get("--target") or host.variables.get("FUNCTION_TARGET")
    source = given.values.get("--source") or host.variables.get("FUNCTION_SOURCE") or "main.py"
    found = host.module_of(source)
    if not target:
        raise RefusedError("it is given no --target")
    if found is None:
        raise UnknownStartError(f"{source} leads out of the repository")
    entrypoint = host.entrypoint(f"{found[1]}:{target}", folder=found[0])._replace(text=f"{source}:{target}")
    modules = ("functions_framework", "flask", "gunicorn.app.wsgiapp")
    start = StartCommand(entrypoint, server_modules=modules, program="functions-framework")
    count = Count(1) if "--debug" in given.flags else count_workers(host.variables.get("WORKERS"))
    if count.number == 1:
        return start
    return start.counted(count, "preload")


def read_procrastinate(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `procrastinate`, whose worker is one process."""
    given = with_variables(split_options(words, PROCRASTINATE), ("--app",), (), "PROCRASTINATE", host)
    if given.positional[:1] != ("worker",):
        raise UnknownStartError("procrastinate is not told to work")
    app = given.values.get("--app")
    if not app:
        raise RefusedError("it is given no app")
    return StartCommand(_dotted(app, host), server_modules=("procrastinate",), program="procrastinate")


def read_saq(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `saq`: its own process works, and so many forks of it less one, before the app is loaded."""
    given = split_options(words, SAQ)
    count = count_workers(given.values.get("--workers"))
    start = StartCommand(_dotted(_only(given, "settings"), host), server_modules=("saq",), program="saq")
    if count.number == 1:
        return start
    return start.counted(count, "fork")


def read_faust(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `faust`, whose worker is one process."""
    given = split_options(words, FAUST, is_strict=False)
    app = given.values.get("--app") or host.variables.get("FAUST_APP")
    if given.positional[:1] != ("worker",) or not app:
        raise UnknownStartError("faust is not told which app works")
    entrypoint = host.entrypoint(_with_attribute(app, "app"), folder=_inside(given.values.get("--workdir", ""), host))
    return StartCommand(entrypoint, server_modules=("faust",), program="faust")


def read_kopf(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `kopf run`: one process that loads modules and files."""
    if words[:1] != ["run"]:
        raise UnknownStartError("kopf is not told to run")
    given = split_options(words[1:], KOPF)
    module = given.values.get("--module")
    if module is not None:
        return StartCommand(host.entrypoint(f"{module}:handlers"), server_modules=("kopf",), program="kopf")
    path = next(iter(given.positional), "")
    found = host.module_of(path) if path else None
    if found is None:
        raise UnknownStartError("kopf is given no file inside the repository")
    entrypoint = host.entrypoint(f"{found[1]}:handlers", folder=found[0])._replace(text=path)
    return StartCommand(entrypoint, server_modules=("kopf",), program="kopf")


def read_pserve(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `pserve`: the settings name the package of the app, and its server."""
    path = next((word.partition("#")[0] for word in words if not word.startswith("-") and "=" not in word), "")
    text = host.read_text(path)
    if text is None:
        raise UnknownStartError(f"pserve reads {path or 'a file'}, which is not in the repository")
    if len(text) > MAX_BYTES:
        raise UnknownStartError(f"{path} is larger than {MAX_BYTES // 2**10} KiB")
    settings = sections(text)
    use = re.match(r"egg:([\w.-]+)(?:#(\w+))?", settings.get("app:main", {}).get("use", ""))
    if use is None:
        raise UnknownStartError(f"{path} names no package of an app")
    module = use[1].replace("-", "_")
    start = StartCommand(host.entrypoint(f"{module}:{use[2] or 'main'}")._replace(text=module), program="pserve")
    server = settings.get("server:main", {})
    if not server.get("use", "").startswith("egg:gunicorn"):
        return start._replace(server_modules=("waitress",))
    start = start._replace(server_modules=("gunicorn.app.wsgiapp",))
    return start.counted(count_workers(server.get("workers")), "preload")


def held_by_parent(start: StartCommand, count: Count, *, alone: int = 1) -> StartCommand:
    """Return a start whose workers are new processes, besides the one that has loaded the app itself.

    Up to `alone` workers are that process.
    """
    if count.number is not None and count.number <= alone:
        return start
    return start.counted(count.plus(1), "spawn")


def _inside(path: str, host: Host) -> str:
    folder = host.inside(path)
    if folder is None:
        raise UnknownStartError(f"{path} leads out of the repository")
    return folder


def _found(names: tuple[str, ...], host: Host) -> str:
    """Return the first of the files that is there, as the module that it is."""
    found = next((name for name in names if host.read_text(name) is not None), None)
    if found is None:
        raise UnknownStartError(f"it is given no app, and there is no {' and no '.join(names)}")
    return found.removesuffix(".py")


def _only(given: ParsedOptions, what: str) -> str:
    if len(given.positional) != 1:
        raise RefusedError(f"it names no {what}")
    return given.positional[0]


def _with_attribute(text: str, default: str) -> str:
    return text if ":" in text else f"{text}:{default}"


def _dotted(text: str, host: Host) -> EntryPoint:
    """Return the entry point `pkg.mod.name`."""
    module, _, attribute = text.replace(":", ".").rpartition(".")
    return host.entrypoint(f"{module}:{attribute}")._replace(text=text)


READERS = {
    "litestar": read_litestar, "sanic": read_sanic, "quart": read_quart, "faststream": read_faststream,
    "functions-framework": read_functions_framework, "functions_framework": read_functions_framework,
    "procrastinate": read_procrastinate, "saq": read_saq, "faust": read_faust, "kopf": read_kopf, "pserve": read_pserve,
}  # fmt: skip
"""Programs → what reads the words behind their names."""
