"""waitress, chaussette and uWSGI.

Facts: `waitress.adjustments` of 3.0; `chaussette.server` of 1.3; the options of uWSGI 2.0 (https://uwsgi-docs.readthedocs.io/en/latest/Options.html).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memguard_hooks.deployment.options import grammar, split_options
from memguard_hooks.deployment.start import (
    MAX_TOGETHER,
    Host,
    Parse,
    RefusedError,
    StartCommand,
    UnknownStartError,
    count_workers,
    together,
)

WAITRESS = grammar("""
    --[no-]ipv4 --[no-]clear-untrusted-proxy-headers --[no-]asyncore-use-poll --[no-]log-socket-errors
    --[no-]expose-tracebacks --[no-]ipv6 --[no-]log-untrusted-proxy-headers --help --call --host= --port= --listen=
    --threads= --trusted-proxy= --trusted-proxy-count= --trusted-proxy-headers= --url-scheme= --url-prefix= --backlog=
    --recv-bytes= --send-bytes= --outbuf-overflow= --outbuf-high-watermark= --inbuf-overflow= --connection-limit=
    --cleanup-interval= --channel-timeout= --max-request-header-size= --max-request-body-size= --ident=
    --asyncore-loop-timeout= --unix-socket= --unix-socket-perms= --sockets= --channel-request-lookahead= --server-name=
""", "getopt", ends=True)  # fmt: skip


def read_waitress(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `waitress-serve`, which is one process with some threads."""
    given = split_options(words, WAITRESS)
    if len(given.positional) != 1:
        raise RefusedError("it takes one app")
    entrypoint = host.entrypoint(given.positional[0])
    threads = count_workers(given.values.get("--threads"), 4).number
    return StartCommand(entrypoint, server_modules=("waitress.runner",), program="waitress", threads=threads)


CHAUSSETTE = grammar("""
    --port= --host= --address-family= --socket-type= --backend= --use-reloader --log-level= --log-output= --fd= --pre-hook=
    --post-hook= --python-path= --spawn= --graceful-timeout= --disable-monkey --timeout= --no-monkey
""")  # fmt: skip


def read_chaussette(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `chaussette`, which is one process: circus starts more of it, which share a socket."""
    given = split_options(words, CHAUSSETTE)
    if not given.positional:
        raise UnknownStartError("chaussette is given no app")
    paths = [given.values["--python-path"]] if "--python-path" in given.values else []
    return StartCommand(host.entrypoint(given.positional[0], paths), program="chaussette")


_SHORT = {"-w": "module", "-p": "processes", "-H": "home", "-M": "master", "-s": "socket", "-z": "socket-timeout",
          "-T": "enable-threads", "-L": "disable-logging", "-b": "buffer-size", "-l": "listen", "-R": "max-requests",
          "-d": "daemonize"}  # fmt: skip

_SAME = {"wsgi": "module", "workers": "processes", "pp": "pythonpath", "python-path": "pythonpath", "file": "wsgi-file",
         "lazy": "lazy-apps", "initial-workers": "cheaper-initial", "py-auto-reload": "py-autoreload"}  # fmt: skip

_FLAGS = frozenset({"master", "enable-threads", "disable-logging", "lazy-apps", "vacuum", "die-on-term", "need-app",
                    "single-interpreter", "strict", "thunder-lock", "no-orphans", "memory-report",
                    "catch-exceptions", "http-keepalive", "http-auto-chunked", "http-raw-body", "ignore-sigpipe",
                    "disable-write-exception", "auto-procname", "log-x-forwarded-for", "harakiri-verbose", "so-keepalive",
                    "honour-stdin", "lazy", "threads-stacksize-auto", "py-call-osafterfork", "log-master", "log-5xx",
                    "log-4xx", "log-slow", "ignore-write-errors", "reuse-port", "http-websockets"})  # fmt: skip
"""Options without a value, of those that people use; any other takes the next word."""

_MANY = frozenset({"pythonpath", "env", "include", "ini"})


def read_uwsgi(words: list[str], host: Host, parse: Parse) -> StartCommand:
    """Read what stands behind `uwsgi`: its options, the files of them that it names, and the commands that it keeps up."""
    found = _uwsgi_words(words)
    for path in [value for name, value in found if name in ("ini", "yaml", "yml", "xml", "json")]:
        text = host.read_text(path) if path.endswith(".ini") else None
        if text is None:
            raise UnknownStartError(f"its settings file {path} is not read")
        inner = _uwsgi_file(text, host)
        if inner is None:
            raise UnknownStartError(f"its settings file {path} is a program")
        found = [*inner, *found]
    settings = dict(found)
    for variable, value in host.variables.items():
        if variable.startswith("UWSGI_"):
            name = variable[6:].lower().replace("_", "-")
            settings.setdefault(_SAME.get(name, name), value)
    inner_folder = host.inside(settings.get("chdir", ""))
    named = settings.get("wsgi-file") or settings.get("module") or settings.get("mount", "").partition("=")[2]
    if inner_folder is None or not named or "paste" in settings:
        raise UnknownStartError("uwsgi is given no app inside the repository")
    inside = host._replace(folder=inner_folder)
    path, _, attribute = named.partition(":")
    module = _module_of(path, inside) if "wsgi-file" in settings or path.endswith(".py") else path
    attribute = attribute or settings.get("callable", "application")
    paths = [value for name, value in found if name == "pythonpath"]
    entrypoint = inside.entrypoint(f"{module}:{attribute}", paths)
    count = count_workers(settings.get("processes"))
    fewest = count_workers(settings["cheaper"]).number if "cheaper" in settings else None
    is_lazy = settings.get("lazy-apps", "false") not in ("false", "0")
    workers = count.number if count.number is None else max(1, count.number)
    daemons = [value for name, value in found if re.fullmatch(r"(?:smart-)?attach-daemon2?", name)]
    start = StartCommand(entrypoint, workers, "fork" if is_lazy else "preload", program="uwsgi", reason=count.reason)
    if workers == 1 and settings.get("master", "false") in ("false", "0"):
        start = start._replace(start="single")
    return together([start, *(parse(one, inside.one_of(len(daemons))) for one in daemons[:MAX_TOGETHER])])._replace(
        fewest=fewest if fewest is not None and workers is not None and fewest < workers else None,
        is_cpu_count=count.is_cpu_count,
        threads=count_workers(settings.get("threads")).number,
        max_requests=count_workers(settings.get("max-requests"), 0).number,
        max_requests_jitter=count_workers(settings.get("max-requests-delta"), 0).number,
        reload="py-autoreload" in settings,
        preload_source="" if is_lazy else "default",
    )


def _module_of(path: str, host: Host) -> str:
    """Return the module that a file is in the folder where uWSGI works, which looks up there what it imports."""
    inner = host.inside(path) if path.startswith("/") else None
    if inner is not None and f"{inner}/".startswith(f"{host.folder}/" if host.folder else ""):
        path = inner[len(host.folder) :].lstrip("/")
    return re.sub(r"\.py$", "", path).replace("/", ".")


def _uwsgi_words(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return options by their names; a word that is none is a file of options, or one of Python."""
    found: list[tuple[str, str]] = []
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if not word.startswith("-"):
            kind = word.rpartition(".")[2]
            name = "wsgi-file" if kind == "py" else kind if kind in ("ini", "yaml", "yml", "xml", "json") else "module"
            found.append((name, word))
            continue
        name, has_value, value = word.partition("=")
        if not name.startswith("--"):
            name, value = word[:2], word[2:]
            has_value = value
        name = _SHORT.get(name, name.lstrip("-"))
        name = _SAME.get(name, name)
        if not has_value and name not in _FLAGS and waiting and not waiting[-1].startswith("-"):
            value = waiting.pop()
        found.append((name, value or "true"))
    return found


def _uwsgi_file(text: str, host: Host) -> list[tuple[str, str]] | None:
    """Return the options of an ini file, None for one with loops, includes or conditions on more than a variable."""
    found: list[tuple[str, str]] = []
    is_ours = is_true = True
    known: dict[str, str] = {}

    def value_of(match: re.Match[str]) -> str:
        return known.get(match[1], match[0]) if match[0].startswith("%") else host.variables.get(match[2], match[0])

    for raw in text[: 2**16].splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            is_ours = line == "[uwsgi]"
        elif is_ours:
            name, _, value = (part.strip() for part in line.partition("="))
            if name in ("if-env", "if-not-env"):
                is_true = (value in host.variables) is (name == "if-env")
                continue
            if name == "endif":
                is_true = True
                continue
            if not is_true:
                continue
            if re.match(r"(?:if|ifndef|ifdef|endif|for|endfor)\b|include$|ini$", name):
                return None
            name = _SAME.get(name, name)
            value = re.sub(r"%\(([\w-]+)\)|\$\((\w+)\)", value_of, value)[:4096]
            known[name] = value
            found.append((name, value or "true"))
    return found


READERS = {"waitress-serve": read_waitress, "chaussette": read_chaussette}
"""Programs → what reads the words behind their names."""
