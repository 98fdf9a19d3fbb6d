"""Split the words of a command line into options with values, flags, and the rest, as its program does.

The tables are those of gunicorn 27.0 (`gunicorn.config.KNOWN_SETTINGS`), uvicorn and hypercorn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Options(NamedTuple):
    """The options of a command line by their long names; `problem` says what the program would refuse."""

    values: Mapping[str, str]
    flags: frozenset[str]
    positional: tuple[str, ...]
    problem: str | None = None


class Grammar(NamedTuple):
    """What a program accepts: flags, long names of short options, and all options with a value.

    Where `valued` is empty, it is not known, and any option that is no flag takes a value. Where it is, names may be
    abbreviated, as argparse allows. `optional` are options whose value may be absent, `numbers` those that take one.
    """

    flags: frozenset[str]
    short: Mapping[str, str]
    valued: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


def split_options(words: Sequence[str], grammar: Grammar) -> Options:
    """Split words into options with values, flags, and the rest."""
    values: dict[str, str] = {}
    flags: set[str] = set()
    positional: list[str] = []
    waiting = list(words)
    problem = None
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            positional += waiting
            break
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        name, has_value, value = word.partition("=")
        if not word.startswith("--"):
            name, value = word[:2], word[2:].removeprefix("=")
            has_value = value
        name = grammar.short.get(name, name)
        if grammar.valued:
            name, found = _complete(name, grammar)
            problem = problem or found
        if name in grammar.flags:
            flags.add(name)
            if has_value and not word.startswith("--"):
                waiting.insert(0, f"-{value}")  # -DR
        elif has_value:
            values[name] = value
        elif waiting and not _is_option(waiting[0], grammar):
            values[name] = waiting.pop(0)
        elif name not in grammar.optional:
            problem = problem or f"{name} is given no value"
        text = values.get(name, "")
        if name in grammar.numbers and text and "$" not in text and not re.fullmatch(r"\s*[-+]?[0-9]+\s*", text):
            problem = problem or f"{name} takes a number, not {text!r}"
    for name in sorted(grammar.numbers & values.keys()):
        if values[name].strip().startswith("-"):
            problem = problem or f"{name} takes no number below 0"
    return Options(values, frozenset(flags), tuple(positional), problem)


def _complete(name: str, grammar: Grammar) -> tuple[str, str | None]:
    known = grammar.flags | grammar.valued
    if name in known:
        return name, None
    near = sorted(option for option in known if name.startswith("--") and option.startswith(name))
    if len(near) == 1:
        return near[0], None
    return name, f"{name} may be {' or '.join(near)}" if near else f"it has no option {name}"


def _is_option(word: str, grammar: Grammar) -> bool:
    if not grammar.valued:
        return False
    return word.startswith("-") and word != "-" and " " not in word and not re.fullmatch(r"-\d+|-\d*\.\d+", word)


GUNICORN = Grammar(
    flags=frozenset({
        "--help", "--version", "--check-config", "--print-config", "--reload", "--spew", "--preload", "--no-sendfile",
        "--reuse-port", "--daemon", "--initgroups", "--enable-stdio-inheritance", "--capture-output", "--log-syslog",
        "--suppress-ragged-eofs", "--disable-redirect-access-to-syslog", "--do-handshake-on-connect",
        "--strip-header-spaces", "--no-control-socket", "--permit-obsolete-folding", "--permit-unconventional-http-method",
        "--permit-unconventional-http-version", "--casefold-http-method", "--enable-backlog-metric",
    }),
    short={
        "-w": "--workers", "-k": "--worker-class", "-c": "--config", "-b": "--bind", "-t": "--timeout", "-D": "--daemon",
        "-R": "--enable-stdio-inheritance", "-e": "--env", "-p": "--pid", "-u": "--user", "-g": "--group", "-m": "--umask",
        "-n": "--name", "-h": "--help", "-v": "--version", "--log-file": "--error-logfile", "--paster": "--paste",
    },
    valued=frozenset({
        "--config", "--bind", "--backlog", "--workers", "--worker-class", "--threads", "--worker-connections",
        "--max-requests", "--max-requests-jitter", "--timeout", "--graceful-timeout", "--keep-alive",
        "--limit-request-line", "--limit-request-fields", "--limit-request-field_size", "--reload-engine",
        "--reload-extra-file", "--chdir", "--env", "--pid", "--worker-tmp-dir", "--user", "--group", "--umask",
        "--forwarded-allow-ips", "--access-logfile", "--access-logformat", "--error-logfile", "--log-file", "--log-level",
        "--logger-class", "--log-config", "--log-config-json", "--log-syslog-to", "--log-syslog-prefix",
        "--log-syslog-facility", "--statsd-host", "--dogstatsd-tags", "--statsd-prefix", "--name", "--pythonpath",
        "--paste", "--paster", "--proxy-protocol", "--proxy-allow-from", "--protocol", "--uwsgi-allow-from", "--keyfile",
        "--certfile", "--ssl-version", "--cert-reqs", "--ca-certs", "--ciphers", "--http-protocols", "--http2-cleartext",
        "--http2-max-concurrent-streams", "--http2-initial-window-size", "--http2-max-frame-size",
        "--http2-max-header-list-size", "--paste-global", "--forwarder-headers", "--header-map", "--asgi-loop",
        "--asgi-lifespan", "--asgi-disconnect-grace-period", "--websocket-max-message-size", "--http-parser",
        "--root-path", "--dirty-app", "--dirty-workers", "--dirty-timeout", "--dirty-threads", "--dirty-graceful-timeout",
        "--control-socket", "--control-socket-mode",
    }),
    optional=frozenset({"--proxy-protocol"}),
    numbers=frozenset({
        "--backlog", "--workers", "--threads", "--worker-connections", "--max-requests", "--max-requests-jitter",
        "--timeout", "--graceful-timeout", "--keep-alive", "--limit-request-line", "--limit-request-fields",
        "--limit-request-field_size", "--http2-max-concurrent-streams", "--http2-initial-window-size",
        "--http2-max-frame-size", "--http2-max-header-list-size", "--asgi-disconnect-grace-period",
        "--websocket-max-message-size", "--dirty-workers", "--dirty-timeout", "--dirty-threads",
        "--dirty-graceful-timeout",
    }),
)  # fmt: skip

UVICORN = Grammar(
    flags=frozenset({
        "--reload", "--factory", "--proxy-headers", "--no-proxy-headers", "--server-header", "--no-server-header",
        "--date-header", "--no-date-header", "--access-log", "--no-access-log", "--use-colors", "--no-use-colors",
        "--ws-per-message-deflate", "--reset-contextvars", "--no-reset-contextvars",
    }),
    short={"-h": "--host", "-p": "--port"},
)  # fmt: skip

HYPERCORN = Grammar(
    flags=frozenset({"--debug", "--reload", "--access-log", "--error-log"}),
    short={"-w": "--workers", "-b": "--bind", "-k": "--worker-class"},
)
