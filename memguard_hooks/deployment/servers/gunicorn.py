"""gunicorn: `WEB_CONCURRENCY` < settings file < `GUNICORN_CMD_ARGS` < command line.

Options and precedence are those of 27.0 (`gunicorn.config.KNOWN_SETTINGS`, `gunicorn.app.base`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

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
from memguard_hooks.formats.shell import split_plain

if TYPE_CHECKING:
    from memguard_hooks.deployment import gunicorn_conf

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


class _Unsettled(NamedTuple):
    """A setting that only a run can tell, and where that is written."""

    reason: str
    is_cpu_count: bool = False


class _Settings(NamedTuple):
    """What the settings file says, and the places of its settings."""

    values: dict[str, gunicorn_conf.Value | _Unsettled]
    places: Mapping[str, str]


def read(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `gunicorn`."""
    given = _options(words)
    from_environment = _options(split_plain(host.variables.get("GUNICORN_CMD_ARGS", "")))
    if "--paste" in given.values:
        raise UnknownStartError(f"its app is that of {given.values['--paste']}, which is not read")
    concurrency = host.variables.get("WEB_CONCURRENCY", "1")
    if re.fullmatch(r"[0-9]{1,4}", concurrency) is None:
        raise UnknownStartError(f"WEB_CONCURRENCY is {concurrency!r}, which gunicorn refuses where it is no number")
    named = given.values.get("--config") or from_environment.values.get("--config")
    settings = _read_file(named or "./gunicorn.conf.py", host, is_named=bool(named))
    values, preload_source = _settle(settings, from_environment, given)
    app = given.positional[0] if given.positional else values.get("wsgi_app")
    chdir = values.get("chdir", "")
    for setting in (app, chdir):
        if isinstance(setting, _Unsettled):
            raise UnknownStartError(setting.reason)
    if not app:
        raise UnknownStartError("gunicorn is given no app on the command line")
    inner = host.inside(str(chdir))
    if inner is None:
        raise UnknownStartError(f"--chdir {chdir} leads out of the repository")
    paths = str(_known(values, "pythonpath") or "").split(",")
    entrypoint = host._replace(folder=inner).entrypoint(str(app), [path for path in reversed(paths) if path])
    return _start(entrypoint, values, preload_source, concurrency)


def _options(words: list[str]) -> ParsedOptions:
    given = split_options(words, GRAMMAR)
    below = [name for name in GRAMMAR.numbers & given.values.keys() if given.values[name].strip().startswith("-")]
    if below:
        raise RefusedError(f"{min(below)} takes no number below 0")
    return given


def _settle(
    settings: _Settings, from_environment: ParsedOptions, given: ParsedOptions
) -> tuple[dict[str, gunicorn_conf.Value | _Unsettled], str]:
    """Return all settings by their precedence, and where preloading is switched on."""
    values = dict(settings.values)
    preload_source = settings.places.get("preload_app", "")
    for options, source in ((from_environment, "GUNICORN_CMD_ARGS"), (given, "command line")):
        values.update({setting: options.values[name] for name, setting in _OPTIONS.items() if name in options.values})
        apps = tuple(value for name, value in options.given if name == "--dirty-app")
        if apps:
            values["dirty_apps"] = apps
        if "--reload" in options.flags:
            values["reload"] = True
        if "--preload" in options.flags:
            values["preload_app"], preload_source = True, source
    return values, preload_source


def _start(
    entrypoint: EntryPoint, values: Mapping[str, gunicorn_conf.Value | _Unsettled], preload_source: str, concurrency: str
) -> StartCommand:
    count = _count(values.get("workers", concurrency))
    preload = values.get("preload_app", False)
    if isinstance(preload, _Unsettled):
        if count.number != 1:
            count = Count(None, count.reason or preload.reason)
        preload, preload_source = False, ""  # one worker takes nearly the same either way
    threads = _number(values, "threads", 1)
    worker_class = str(_known(values, "worker_class", "sync") or "")
    if threads != 1 and (worker_class == "sync" or worker_class.endswith("SyncWorker")):
        worker_class = "gthread" if threads else worker_class if threads == 0 else ""
    modules = ["gunicorn.app.wsgiapp", *(name for name in ("uvicorn", "gevent", "eventlet") if name in worker_class)]
    apps = values.get("dirty_apps")
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
        max_requests=_number(values, "max_requests", 0),
        max_requests_jitter=_number(values, "max_requests_jitter", 0),
        reload=_known(values, "reload") is True,
        preload_source=preload_source if preload else "",
        dirty_workers=_number(values, "dirty_workers", 0),
        dirty_apps=tuple(map(str, apps)) if isinstance(apps, tuple) and not isinstance(apps, _Unsettled) else (),
    )


def _count(workers: gunicorn_conf.Value | _Unsettled) -> Count:
    if isinstance(workers, _Unsettled):
        return Count(None, workers.reason, workers.is_cpu_count)
    count = count_workers(str(workers))
    return Count(None, "the number of workers is 0, and nobody serves") if count.number == 0 else count


def _known(values: Mapping[str, gunicorn_conf.Value | _Unsettled], name: str, default: str | None = None) -> object:
    """Return a setting, its default where none is given; None where nobody can know."""
    value = values.get(name, default)
    return None if isinstance(value, _Unsettled) else value


def _number(values: Mapping[str, gunicorn_conf.Value | _Unsettled], name: str, default: int) -> int | None:
    value = values.get(name, default)
    return None if isinstance(value, _Unsettled) else count_workers(str(value)).number


def _read_file(named: str, host: Host, *, is_named: bool) -> _Settings:
    """Read gunicorn's settings file; without one, nothing is set."""
    if named.startswith("python:"):
        from memguard_hooks.deployment.gunicorn_conf import SETTINGS

        unread = _Unsettled(f"its settings are those of the module {named[7:]}, which is not read")
        return _Settings(dict.fromkeys(SETTINGS - {"wsgi_app"}, unread), {})
    path = host.inside(named.removeprefix("file:"))
    data = host.read(path) if path is not None else None
    if path is None or data is None:
        if is_named:
            raise UnknownStartError(f"its settings file {named} is not in the repository")
        return _Settings({}, {})
    from memguard_hooks.deployment import gunicorn_conf  # ast takes its time

    found = gunicorn_conf.read(data, host.variables, host.cpus)
    settings = found.values.values() if isinstance(found, gunicorn_conf.GunicornSettings) else (found,)
    unresolved = [one for one in settings if isinstance(one, gunicorn_conf.Unresolved)]
    refused = next((one for one in unresolved if one.is_refused or one is found), None)
    if refused is not None or isinstance(found, gunicorn_conf.Unresolved):
        raise UnknownStartError(f"{path}:{refused.line} {refused.reason}" if refused else "")
    values: dict[str, gunicorn_conf.Value | _Unsettled] = {
        name: _Unsettled(f"{path}:{value.line} {value.reason}", value.is_cpu_count)
        if isinstance(value, gunicorn_conf.Unresolved)
        else value
        for name, value in found.values.items()
    }
    return _Settings(values, {name: f"{path}:{line}" for name, line in found.lines.items()})
