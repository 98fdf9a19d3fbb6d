"""hypercorn, granian and daphne. Facts: the option parsers of hypercorn 0.18, granian 2.8 and daphne 4.2."""

from __future__ import annotations

from memguard_hooks.deployment.options import Grammar, names, split_options
from memguard_hooks.deployment.servers.clicked import with_variables
from memguard_hooks.deployment.start import (
    Count,
    Host,
    StartCommand,
    count_workers,
    inside,
    parse_entrypoint,
    read_text,
    source_roots,
    unknown,
)

HYPERCORN = Grammar(
    flags=names("--daemon --debug --reload --help"),
    short={"-b": "--bind", "-c": "--config", "-D": "--daemon", "-g": "--group", "-k": "--worker-class", "-p": "--pid",
           "-m": "--umask", "-u": "--user", "-w": "--workers", "--log-file": "--error-logfile", "-h": "--help"},
    valued=names(
        "--access-log --access-logfile --access-logformat --backlog --bind --ca-certs --certfile --cert-reqs --ciphers "
        "--config --error-log --error-logfile --log-file --graceful-timeout --read-timeout --max-requests "
        "--max-requests-jitter --group --worker-class --keep-alive --keyfile --keyfile-password --insecure-bind "
        "--log-config --log-level --pid --quic-bind --root-path --server-name --statsd-host --statsd-prefix --umask --user "
        "--verify-mode --websocket-ping-interval --workers"
    ),
    numbers=names(
        "--backlog --cert-reqs --graceful-timeout --read-timeout --max-requests --max-requests-jitter --group --keep-alive "
        "--umask --user --websocket-ping-interval --workers"
    ),
)  # fmt: skip

_GRANIAN_SWITCHES = ("ws", "http1-keep-alive", "http1-pipeline-flush", "http2-adaptive-window", "log", "access-log",
                     "ssl-client-verify", "respawn-failed-workers", "factory", "metrics", "reload",
                     "reload-ignore-worker-failure")  # fmt: skip

GRANIAN = Grammar(
    flags=names("--version --help") | {f"--{no}{name}" for name in _GRANIAN_SWITCHES for no in ("", "no-")},
    short={},
    valued=names(
        "--host --port --uds --uds-permissions --interface --http --workers --blocking-threads "
        "--blocking-threads-idle-timeout --runtime-threads --runtime-blocking-threads --runtime-mode --loop --task-impl "
        "--backlog --backpressure --http1-buffer-size --http1-header-read-timeout --http2-initial-connection-window-size "
        "--http2-initial-stream-window-size --http2-keep-alive-interval --http2-keep-alive-timeout "
        "--http2-max-concurrent-streams --http2-max-frame-size --http2-max-headers-size --http2-max-send-buffer-size "
        "--log-level --log-config --access-log-fmt --ssl-certificate --ssl-keyfile --ssl-keyfile-password "
        "--ssl-protocol-min --ssl-ca --ssl-crl --url-path-prefix --respawn-interval --rss-sample-interval --rss-samples "
        "--workers-lifetime --workers-max-rss --workers-kill-timeout --working-dir --env-files --static-path-route "
        "--static-path-mount --static-path-dir-to-file --static-path-expires --metrics-scrape-interval --metrics-address "
        "--metrics-port --reload-paths --reload-ignore-dirs --reload-ignore-patterns --reload-ignore-paths --reload-tick "
        "--process-name --pid-file"
    ),
    numbers=names("--port --workers --blocking-threads --runtime-threads --runtime-blocking-threads --backlog"),
    parser="click",
)

DAPHNE = Grammar(
    flags=names("--proxy-headers --no-server-name --help"),
    short={"-p": "--port", "-b": "--bind", "-u": "--unix-socket", "-e": "--endpoint", "-v": "--verbosity",
           "-t": "--http-timeout", "-s": "--server-name", "-h": "--help"},
    valued=names(
        "--port --bind --websocket_timeout --websocket_connect_timeout --unix-socket --fd --endpoint --verbosity "
        "--http-timeout --access-log --log-fmt --ping-interval --ping-timeout --websocket-max-message-size "
        "--websocket-max-frame-size --application-close-timeout --root-path --proxy-headers-host --proxy-headers-port "
        "--server-name"
    ),
    optional=names("--proxy-headers-host --proxy-headers-port"),
    numbers=names("--port --fd --verbosity --websocket_timeout --websocket_connect_timeout --http-timeout"),
)  # fmt: skip


def read_hypercorn(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `hypercorn`: the command line wins over the settings file."""
    given = split_options(words, HYPERCORN)
    if given.problem is not None:
        return unknown(f"hypercorn refuses the command: {given.problem}", program="hypercorn")
    if not given.positional:
        return unknown("hypercorn is given no app", program="hypercorn")
    entrypoint = parse_entrypoint(given.positional[0], folder)._replace(roots=source_roots([], host, folder))
    settings = _hypercorn_settings(given.values.get("--config"), host, folder)
    if isinstance(settings, str):
        if "--workers" not in given.values:
            return unknown(settings, entrypoint, "hypercorn")
        settings = {}
    count = count_workers(given.values.get("--workers", settings.get("workers")))
    if count.number == 0:
        start = StartCommand(entrypoint, 1, "single", "hypercorn", ("hypercorn",))
    else:
        start = StartCommand(entrypoint, count.number, "spawn", "hypercorn", ("hypercorn",), count.reason)
    return start._replace(
        program="hypercorn",
        is_cpu_count=count.is_cpu_count,
        worker_class=given.values.get("--worker-class", settings.get("worker_class", "asyncio")),
        max_requests=count_workers(given.values.get("--max-requests", settings.get("max_requests")), 0).number,
        reload="--reload" in given.flags or settings.get("use_reloader") == "True",
    )


def _hypercorn_settings(named: str | None, host: Host, folder: str) -> dict[str, str] | str:
    """Return the settings of a file as texts, or why they are not known."""
    if named is None:
        return {}
    if named.startswith("python:"):
        return f"its settings are those of the module {named[7:]}, which is not read"
    path = named.removeprefix("file:")
    text = read_text(path, host, folder)
    if text is None:
        return f"its settings file {path} is not in the repository"
    if named.startswith("file:"):
        from memguard_hooks.deployment import gunicorn_conf

        found = gunicorn_conf.read(text.encode(), host.variables, host.cpus)
        if isinstance(found, gunicorn_conf.Unresolved):
            return f"{path}:{found.line} {found.reason}"
        workers = found.values.get("workers")
        if isinstance(workers, gunicorn_conf.Unresolved):
            return f"{path}:{workers.line} {workers.reason}"
        return {name: str(value) for name, value in found.values.items() if isinstance(value, (str, int))}
    import tomli

    try:
        return {name: str(value) for name, value in tomli.loads(text).items()}
    except (tomli.TOMLDecodeError, RecursionError):
        return f"its settings file {path} is not valid TOML"


def read_granian(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `granian`: the command line wins over `GRANIAN_*`."""
    given = split_options(words, GRANIAN)
    asked = ("--workers", "--working-dir", "--blocking-threads", "--interface")
    given = with_variables(given, asked, ("--factory", "--reload"), "GRANIAN", host)
    if given.problem is not None:
        return unknown(f"granian refuses the command: {given.problem}", program="granian")
    inner = inside(folder, given.values.get("--working-dir", ""), host)
    if inner is None or not given.positional:
        return unknown("granian is given no app inside the repository", program="granian")
    entrypoint = parse_entrypoint(given.positional[0], inner)._replace(roots=source_roots([], host, inner))
    count = count_workers(given.values.get("--workers"))
    if count.number == 0:
        count = Count(None, "granian refuses the command: --workers is 0")
    return StartCommand(
        entrypoint,
        count.number,
        "fork",
        "",
        ("granian",),
        count.reason,
        program="granian",
        is_cpu_count=count.is_cpu_count,
        worker_class=given.values.get("--interface", "rsgi"),
        threads=count_workers(given.values["--blocking-threads"]).number if "--blocking-threads" in given.values else None,
        reload="--reload" in given.flags,
    )


def read_daphne(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `daphne`, which is one process."""
    given = split_options(words, DAPHNE)
    if given.problem is not None:
        return unknown(f"daphne refuses the command: {given.problem}", program="daphne")
    if not given.positional:
        return unknown("daphne is given no app", program="daphne")
    entrypoint = parse_entrypoint(given.positional[0], folder)._replace(roots=source_roots([], host, folder))
    return StartCommand(entrypoint, server_modules=("daphne",), program="daphne")
