"""hypercorn, granian and daphne. Facts: the option parsers of hypercorn 0.18, granian 2.8 and daphne 4.2."""

from __future__ import annotations

from memguard_hooks.deployment.gunicorn_settings import Unresolved
from memguard_hooks.deployment.options import grammar, split_options, with_variables
from memguard_hooks.deployment.start import Count, EntryPoint, Host, StartCommand, UnknownStartError, count_workers
from memguard_hooks.errors import MemguardError
from memguard_hooks.formats import toml_document

HYPERCORN = grammar("""
    --daemon/-D --debug --reload --help/-h --access-log= --access-logfile= --access-logformat= --backlog=N --bind/-b=
    --ca-certs= --certfile= --cert-reqs=N --ciphers= --config/-c= --error-log= --error-logfile/--log-file=
    --graceful-timeout=N --read-timeout=N --max-requests=N --max-requests-jitter=N --group/-g=N --worker-class/-k=
    --keep-alive=N --keyfile= --keyfile-password= --insecure-bind= --log-config= --log-level= --pid/-p= --quic-bind=
    --root-path= --server-name= --statsd-host= --statsd-prefix= --umask/-m=N --user/-u=N --verify-mode=
    --websocket-ping-interval=N --workers/-w=N
""")

GRANIAN = grammar("""
    --[no-]ws --[no-]http1-pipeline-flush --[no-]respawn-failed-workers --[no-]metrics --[no-]http1-keep-alive
    --[no-]log --[no-]factory --[no-]access-log --[no-]ssl-client-verify --[no-]http2-adaptive-window
    --[no-]reload-ignore-worker-failure --[no-]reload --help --version --backlog=N --log-config= --log-level= --host=
    --port=N --uds= --uds-permissions= --interface= --http= --workers=N --blocking-threads=N
    --blocking-threads-idle-timeout= --runtime-threads=N --runtime-blocking-threads=N --runtime-mode= --loop=
    --task-impl= --backpressure= --http1-buffer-size= --http1-header-read-timeout=
    --http2-initial-connection-window-size= --http2-initial-stream-window-size= --http2-keep-alive-interval=
    --http2-keep-alive-timeout= --http2-max-concurrent-streams= --http2-max-frame-size= --http2-max-headers-size=
    --http2-max-send-buffer-size= --access-log-fmt= --ssl-certificate= --ssl-keyfile= --ssl-keyfile-password=
    --ssl-protocol-min= --ssl-ca= --ssl-crl= --url-path-prefix= --respawn-interval= --rss-sample-interval=
    --rss-samples= --workers-lifetime= --workers-max-rss= --workers-kill-timeout= --working-dir= --env-files=
    --static-path-route= --static-path-mount= --static-path-dir-to-file= --static-path-expires=
    --metrics-scrape-interval= --metrics-address= --metrics-port= --reload-paths= --reload-ignore-dirs=
    --reload-ignore-patterns= --reload-ignore-paths= --reload-tick= --process-name= --pid-file=
""", "click")  # fmt: skip

DAPHNE = grammar("""
    --help/-h --proxy-headers --no-server-name --access-log= --bind/-b= --root-path= --server-name/-s= --port/-p=N
    --websocket_timeout=N --websocket_connect_timeout=N --unix-socket/-u= --fd=N --endpoint/-e= --verbosity/-v=N
    --http-timeout/-t=N --log-fmt= --ping-interval= --ping-timeout= --websocket-max-message-size=
    --websocket-max-frame-size= --application-close-timeout= --proxy-headers-host=? --proxy-headers-port=?
""")


def read_hypercorn(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `hypercorn`: the command line wins over the settings file."""
    given = split_options(words, HYPERCORN)
    if not given.positional:
        raise UnknownStartError("hypercorn is given no app")
    entrypoint = _hypercorn_app(given.positional[0], host)
    settings = _hypercorn_settings(given.values.get("--config"), host)
    if isinstance(settings, str):
        if "--workers" not in given.values:
            raise UnknownStartError(settings, entrypoint)
        settings = {}
    count = count_workers(given.values.get("--workers", settings.get("workers")))
    return StartCommand(
        entrypoint,
        1 if count.number == 0 else count.number,
        "single" if count.number == 0 else "spawn",
        "hypercorn",
        ("hypercorn",),
        count.reason,
        program="hypercorn",
        is_cpu_count=count.is_cpu_count,
        worker_class=given.values.get("--worker-class", settings.get("worker_class", "asyncio")),
        max_requests=count_workers(given.values.get("--max-requests", settings.get("max_requests")), 0).number,
        reload="--reload" in given.flags or settings.get("use_reloader") == "True",
    )


def _hypercorn_app(text: str, host: Host) -> EntryPoint:
    """Return what hypercorn loads, `main:app`, `asgi:main:app` or the file `src/main:app`, which lies in no package."""
    path, _, attribute = text.partition(":")[2 * (text.count(":") == 2)].partition(":")
    if not _is_path(path):
        return host.entrypoint(f"{path}:{attribute or 'app'}")
    inner = host.inside(path.removesuffix(".py"))
    if inner is None:
        raise UnknownStartError(f"{path} leads out of the repository")
    folder, _, name = inner.rpartition("/")
    return host.entrypoint(f"{name}:{attribute or 'app'}", folder=folder)._replace(text=text)


def _is_path(text: str) -> bool:
    return "/" in text or text.endswith(".py")


def _hypercorn_settings(named: str | None, host: Host) -> dict[str, str] | str:
    """Return the settings of a file as texts, or why they are not known."""
    if named is None:
        return {}
    if named.startswith("python:"):
        return f"its settings are those of the module {named[7:]}, which is not read"
    path = named.removeprefix("file:")
    text = host.read_text(path)
    if text is None:
        return f"its settings file {path} is not in the repository"
    if named.startswith("file:"):
        from memguard_hooks.deployment import gunicorn_conf

        found = gunicorn_conf.read(text.encode(), host.variables, host.cpus)
        if isinstance(found, Unresolved):
            return f"{path}:{found.line} {found.reason}"
        workers = found.values.get("workers")
        if isinstance(workers, Unresolved):
            return f"{path}:{workers.line} {workers.reason}"
        return {name: str(value) for name, value in found.values.items() if isinstance(value, (str, int))}
    try:
        return {name: str(value) for name, value in toml_document.parse(text.encode(), path).data.items()}
    except MemguardError:
        return f"its settings file {path} is not valid TOML"


def read_granian(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `granian`: the command line wins over `GRANIAN_*`."""
    asked = ("--workers", "--working-dir", "--blocking-threads", "--interface")
    given = with_variables(split_options(words, GRANIAN), asked, ("--factory", "--reload"), "GRANIAN", host)
    inner = host.inside(given.values.get("--working-dir", ""))
    if inner is None or not given.positional:
        raise UnknownStartError("granian is given no app inside the repository")
    entrypoint = _granian_app(given.positional[0], host._replace(folder=inner))
    count = count_workers(given.values.get("--workers"))
    if count.number == 0:
        count = Count(None, "granian refuses the command: --workers is 0")
    return StartCommand(
        entrypoint,
        count.number,
        "fork",
        "granian",
        ("granian.cli",),
        count.reason,
        program="granian",
        is_cpu_count=count.is_cpu_count,
        worker_class=given.values.get("--interface", "rsgi"),
        threads=count_workers(given.values["--blocking-threads"]).number if "--blocking-threads" in given.values else None,
        reload="--reload" in given.flags,
    )


def _granian_app(text: str, host: Host) -> EntryPoint:
    """Return what granian loads: a module, or the file of one, above all packages that it lies in."""
    path, _, attribute = text.partition(":")
    if not _is_path(path):
        return host.entrypoint(text if attribute else f"{path}:app")
    found = host.module_of(path)
    if found is None:
        raise UnknownStartError(f"{path} leads out of the repository")
    return host.entrypoint(f"{found[1]}:{attribute or 'app'}", folder=found[0])._replace(text=text)


def read_daphne(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `daphne`, which is one process."""
    given = split_options(words, DAPHNE)
    if not given.positional:
        raise UnknownStartError("daphne is given no app")
    return StartCommand(host.entrypoint(given.positional[0]), server_modules=("daphne.server",), program="daphne")


READERS = {"hypercorn": read_hypercorn, "granian": read_granian, "daphne": read_daphne}
"""Programs → what reads the words behind their names."""
