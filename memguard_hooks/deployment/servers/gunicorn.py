"""gunicorn: `WEB_CONCURRENCY` < settings file < `GUNICORN_CMD_ARGS` < command line.

Options and precedence are those of 27.0 (`gunicorn.config.KNOWN_SETTINGS`, `gunicorn.app.base`).
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.gunicorn_settings import SETTINGS, GunicornSettings, Unresolved, Value
from memguard_hooks.deployment.options import ParsedOptions, grammar, split_options
from memguard_hooks.deployment.start import (
    Count,
    EntryPoint,
    Host,
    RefusedError,
    StartCommand,
    UnknownStartError,
    count_workers,
)
from memguard_hooks.formats.shell_words import is_open, split_plain
from memguard_hooks.record import Record

GRAMMAR = grammar("""
    --help/-h --version/-v --check-config --print-config --reload --spew --preload --no-sendfile --reuse-port
    --daemon/-D --initgroups --enable-stdio-inheritance/-R --capture-output --log-syslog --suppress-ragged-eofs
    --disable-redirect-access-to-syslog --do-handshake-on-connect --strip-header-spaces --no-control-socket
    --permit-obsolete-folding --permit-unconventional-http-method --permit-unconventional-http-version
    --casefold-http-method --enable-backlog-metric --config/-c= --bind/-b= --backlog=N --workers/-w=N --worker-class/-k=
    --threads=N --worker-connections=N --max-requests=N --max-requests-jitter=N --timeout/-t=N --graceful-timeout=N
    --keep-alive=N --limit-request-line=N --limit-request-fields=N --limit-request-field_size=N --reload-engine=
    --reload-extra-file= --chdir= --env/-e= --pid/-p= --worker-tmp-dir= --user/-u= --group/-g= --umask/-m=
    --forwarded-allow-ips= --access-logfile= --access-logformat= --error-logfile/--log-file= --log-level=
    --logger-class= --log-config= --log-config-json= --log-syslog-to= --log-syslog-prefix= --log-syslog-facility=
    --statsd-host= --dogstatsd-tags= --statsd-prefix= --name/-n= --pythonpath= --paste/--paster= --proxy-protocol=?
    --proxy-allow-from= --protocol= --uwsgi-allow-from= --keyfile= --certfile= --ssl-version= --cert-reqs= --ca-certs=
    --ciphers= --http-protocols= --http2-cleartext= --http2-max-concurrent-streams=N --http2-initial-window-size=N
    --http2-max-frame-size=N --http2-max-header-list-size=N --paste-global= --forwarder-headers= --header-map=
    --asgi-loop= --asgi-lifespan= --asgi-disconnect-grace-period=N --websocket-max-message-size=N --http-parser=
    --root-path= --dirty-app= --dirty-workers=N --dirty-timeout=N --dirty-threads=N --dirty-graceful-timeout=N
    --control-socket= --control-socket-mode=
""")

_OPTIONS = {
    "--workers": "workers", "--threads": "threads", "--worker-class": "worker_class", "--chdir": "chdir",
    "--max-requests": "max_requests", "--max-requests-jitter": "max_requests_jitter", "--pythonpath": "pythonpath",
    "--dirty-workers": "dirty_workers",
}  # fmt: skip
"""Options that are a setting."""


class ChosenSettings(Record):
    """The settings by their precedence, where preloading is switched on, and the file that they are read from."""

    values: dict[str, Value | Unresolved]
    preload_source: str = ""
    path: str = ""

    def over(self, options: ParsedOptions, source: str) -> ChosenSettings:
        """Return these with what options of a source set."""
        values = {**self.values, **{name: options.values[one] for one, name in _OPTIONS.items() if one in options.values}}
        apps = tuple(value for name, value in options.given if name == "--dirty-app")
        values |= {"dirty_apps": apps} if apps else {}
        values |= {"reload": True} if "--reload" in options.flags else {}
        if "--preload" in options.flags:
            return self._replace(values={**values, "preload_app": True}, preload_source=source)
        return self._replace(values=values)

    def known(self, name: str, default: Value = None) -> Value:
        """Return a setting, its default where none is given; None where nobody can know."""
        value = self.values.get(name, default)
        return None if isinstance(value, Unresolved) else value

    def settled(self, name: str) -> str:
        """Return a setting as a text, empty where none is given. Raises UnknownStartError where nobody can know."""
        value = self.values.get(name)
        if isinstance(value, Unresolved):
            raise UnknownStartError(value.reason)
        return str(value or "")

    def number(self, name: str, default: int) -> int | None:
        """Return a number, None where nobody can know."""
        value = self.values.get(name, default)
        return None if isinstance(value, Unresolved) else count_workers(str(value)).number


def read(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `gunicorn`."""
    given = _options(words)
    from_environment = _options(split_plain(host.variables.get("GUNICORN_CMD_ARGS", "")))
    if "--paste" in given.values:
        raise UnknownStartError(f"its app is that of {given.values['--paste']}, which is not read")
    concurrency = host.variables.get("WEB_CONCURRENCY", "1")
    if re.fullmatch(r"[0-9]{1,4}", concurrency) is None and not is_open(concurrency):
        raise UnknownStartError(f"WEB_CONCURRENCY is {concurrency!r}, which gunicorn refuses where it is no number")
    settings = _read_file(given.values.get("--config") or from_environment.values.get("--config"), host)
    settings = settings.over(from_environment, "GUNICORN_CMD_ARGS").over(given, "command line")
    app = given.positional[0] if given.positional else settings.settled("wsgi_app")
    chdir = settings.settled("chdir")
    if not app:
        raise UnknownStartError("gunicorn is given no app on the command line")
    inner = host.inside(chdir)
    if inner is None:
        raise UnknownStartError(f"--chdir {chdir} leads out of the repository")
    paths = str(settings.known("pythonpath") or "").split(",")
    entrypoint = host._replace(folder=inner).entrypoint(app, [path for path in reversed(paths) if path])
    return start(entrypoint, settings, concurrency)


def _options(words: list[str]) -> ParsedOptions:
    given = split_options(words, GRAMMAR)
    below = [name for name in GRAMMAR.numbers & given.values.keys() if given.values[name].strip().startswith("-")]
    if below:
        raise RefusedError(f"{min(below)} takes no number below 0")
    return given


def start(entrypoint: EntryPoint | None, settings: ChosenSettings, concurrency: str) -> StartCommand:
    """Return how gunicorn starts an app with its settings; `concurrency` is the number of workers by default."""
    count = _count(settings.values.get("workers", concurrency))
    preload = settings.values.get("preload_app", False)
    if isinstance(preload, Unresolved):
        if count.number != 1:
            count = Count(None, count.reason or preload.reason)
        preload = False  # one worker takes nearly the same either way
    threads = settings.number("threads", 1)
    worker_class = str(settings.known("worker_class", "sync") or "")
    if threads != 1 and (worker_class == "sync" or worker_class.endswith("SyncWorker")):
        worker_class = "gthread" if threads else worker_class if threads == 0 else ""
    modules = ["gunicorn.app.wsgiapp", *(name for name in ("uvicorn", "gevent", "eventlet") if name in worker_class)]
    apps = settings.known("dirty_apps")
    return StartCommand(
        entrypoint,
        count.number,
        "preload" if preload else "fork",
        "gunicorn",
        tuple(modules),
        count.reason,
        program="gunicorn",
        is_cpu_count=count.is_cpu_count,
        worker_class=worker_class,
        threads=threads,
        max_requests=settings.number("max_requests", 0),
        max_requests_jitter=settings.number("max_requests_jitter", 0),
        reload=settings.known("reload") is True,
        preload_source=settings.preload_source if preload else "",
        dirty_workers=settings.number("dirty_workers", 0),
        dirty_apps=tuple(map(str, apps)) if isinstance(apps, tuple) else (),
        settings_file=settings.path,
        most=count.most,
    )


def _count(workers: Value | Unresolved) -> Count:
    if isinstance(workers, Unresolved):
        return Count(None, workers.reason, workers.is_cpu_count, workers.most)
    count = count_workers(str(workers))
    return Count(None, "the number of workers is 0, and nobody serves") if count.number == 0 else count


def _read_file(named: str | None, host: Host) -> ChosenSettings:
    """Read gunicorn's settings file; without one, nothing is set."""
    module = (named or "").removeprefix("python:") if (named or "").startswith("python:") else ""
    found_in = host.find_module(module, (host.folder, *host.source_roots())) if module else None
    if module and found_in is None:
        unread = Unresolved(0, f"its settings are those of the module {module}, which is not read")
        return ChosenSettings(dict.fromkeys(SETTINGS - {"wsgi_app"}, unread))
    path = found_in or host.inside((named or "./gunicorn.conf.py").removeprefix("file:"))
    data = host.read(path) if path is not None else None
    if path is None or data is None:
        if named:
            raise UnknownStartError(f"its settings file {named} is not in the repository")
        return ChosenSettings({})
    from memguard_hooks.deployment import gunicorn_conf  # ast takes its time

    found = gunicorn_conf.read(data, host.variables, host.cpus)
    if not isinstance(found, GunicornSettings):
        raise UnknownStartError(f"{path}:{found.line} {found.reason}")
    values = {
        name: value._replace(reason=f"{path}:{value.line} {value.reason}") if isinstance(value, Unresolved) else value
        for name, value in found.values.items()
    }
    for value in values.values():
        if isinstance(value, Unresolved) and value.is_refused:
            raise UnknownStartError(value.reason)
    preload_source = f"{path}:{found.lines['preload_app']}" if "preload_app" in found.lines else ""
    return ChosenSettings(values, preload_source, path)


READERS = {"gunicorn": read}
"""Programs → what reads the words behind their names."""
