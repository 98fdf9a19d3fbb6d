"""uvicorn and `fastapi run`: the command line < `UVICORN_*` < `WEB_CONCURRENCY`, the first that says something.

Facts: `uvicorn.main`, `uvicorn.config` of 0.54, `fastapi_cli.discover` of 0.0.34.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.options import Grammar, ParsedOptions, names, split_options
from memguard_hooks.deployment.servers.clicked import with_file, with_variables
from memguard_hooks.deployment.start import (
    EntryPoint,
    Host,
    StartCommand,
    count_workers,
    inside,
    parse_entrypoint,
    read_text,
    source_roots,
    unknown,
)

GRAMMAR = Grammar(
    flags=names(
        "--reload --http2 --access-log --no-access-log --use-colors --no-use-colors --proxy-headers --no-proxy-headers "
        "--server-header --no-server-header --date-header --no-date-header --version --reset-contextvars --factory --help "
        "--no-reset-contextvars"
    ),
    short={},
    valued=names(
        "--host --port --uds --fd --reload-dir --reload-include --reload-exclude --reload-delay --workers --loop --http "
        "--ws --ws-max-size --ws-max-queue --ws-ping-interval --ws-ping-timeout --ws-per-message-deflate --lifespan "
        "--interface --env-file --log-config --log-level --forwarded-allow-ips --root-path --limit-concurrency --backlog "
        "--limit-max-requests --limit-max-requests-jitter --timeout-keep-alive --timeout-graceful-shutdown "
        "--timeout-worker-healthcheck --ssl-keyfile --ssl-certfile --ssl-keyfile-password --ssl-version --ssl-cert-reqs "
        "--ssl-ca-certs --ssl-ciphers --header --app-dir --h11-max-incomplete-event-size"
    ),
    numbers=names(
        "--port --fd --workers --ws-max-size --ws-max-queue --limit-concurrency --backlog --limit-max-requests "
        "--limit-max-requests-jitter --timeout-keep-alive --timeout-graceful-shutdown --timeout-worker-healthcheck "
        "--ssl-version --ssl-cert-reqs --h11-max-incomplete-event-size"
    ),
    parser="click",
)

FASTAPI = Grammar(
    flags=names("--reload --no-reload --proxy-headers --no-proxy-headers --verbose --help --version"),
    short={"-e": "--entrypoint", "-v": "--verbose"},
    valued=names("--host --port --reload-dir --workers --root-path --app --entrypoint --forwarded-allow-ips"),
    numbers=names("--port --workers"),
    parser="click",
)

_DEFAULT_PATHS = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")


def read(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `uvicorn`."""
    given = split_options(words, GRAMMAR)
    asked = ("--workers", "--app-dir", "--env-file", "--limit-max-requests", "--limit-max-requests-jitter")
    given = with_variables(given, asked, ("--reload", "--factory"), "UVICORN", host)
    app = given.positional[0] if given.positional else host.variables.get("UVICORN_APP")
    problem = given.problem or (f"it takes one app, not {' and '.join(given.positional)}" if given.positional[1:] else None)
    if problem is not None:
        return unknown(f"uvicorn refuses the command: {problem}", program="uvicorn")
    app_dir = given.values.get("--app-dir", "")
    inner = inside(folder, app_dir, host)
    if inner is None or not app:
        return unknown("uvicorn is given no app inside the repository", program="uvicorn")
    entrypoint = parse_entrypoint(app, inner)._replace(roots=source_roots([app_dir] if app_dir else [], host, folder))
    return _start(entrypoint, given, with_file(given.values.get("--env-file"), host, folder), "uvicorn", ("uvicorn",))


def read_fastapi(words: list[str], host: Host, folder: str) -> StartCommand:
    """Read what stands behind `fastapi`."""
    verbs = [word for word in words if not word.startswith("-")]
    if not verbs or verbs[0] not in ("run", "dev"):
        return unknown("fastapi is told neither to run nor to dev", program="fastapi")
    words = [*words[: words.index(verbs[0])], *words[words.index(verbs[0]) + 1 :]]
    given = split_options(words, FASTAPI)
    if given.problem is not None:
        return unknown(f"fastapi refuses the command: {given.problem}", program="fastapi")
    named = given.values.get("--entrypoint")
    if not given.positional and "--app" not in given.values:
        named = named or _declared(host, folder)
    if named:
        entrypoint = parse_entrypoint(named, folder)
    else:
        paths = [path for path in _DEFAULT_PATHS if read_text(path, host, folder) is not None]
        path = given.positional[0] if given.positional else next(iter(paths), None)
        if path is None:
            return unknown("fastapi finds neither main.py, app.py nor api.py", program="fastapi")
        found = module_of(path, host, folder)
        if found is None:
            return unknown(f"{path} leads out of the repository", program="fastapi")
        entrypoint = parse_entrypoint(f"{found[1]}:{given.values.get('--app', 'app')}", found[0])
    entrypoint = entrypoint._replace(roots=source_roots([], host, folder))
    if verbs[0] == "dev" and "--no-reload" not in given.flags:
        given = given._replace(flags=given.flags | {"--reload"})
    return _start(entrypoint, given, host, "uvicorn", ("uvicorn", "fastapi_cli"))._replace(program="fastapi")


def module_of(path: str, host: Host, folder: str) -> tuple[str, str] | None:
    """Return the folder that a file's module is found in, and its dotted name: above all packages that it lies in."""
    inner = inside(folder, path, host)
    if inner is None:
        return None
    inner = re.sub(r"(?:/__init__)?\.py$", "", inner)
    parent, _, name = inner.rpartition("/")
    while parent and host.read(f"{parent}/__init__.py") is not None:
        parent, _, package = parent.rpartition("/")
        name = f"{package}.{name}"
    return parent, name


def _declared(host: Host, folder: str) -> str | None:
    """Return the entry point that `[tool.fastapi]` declares."""
    text = read_text("pyproject.toml", host, folder)
    if text is None or "[tool.fastapi]" not in text:
        return None
    section = text.partition("[tool.fastapi]")[2].partition("\n[")[0]
    match = re.search(r"""^\s*entrypoint\s*=\s*(["'])(.+?)\1""", section, re.MULTILINE)
    return match[2] if match is not None else None


def _start(entrypoint: EntryPoint, given: ParsedOptions, host: Host, server: str, modules: tuple[str, ...]) -> StartCommand:
    asked = given.values.get("--workers", host.variables.get("WEB_CONCURRENCY"))
    if asked is not None and re.fullmatch(r"\s*-[0-9]+\s*", asked):
        asked = "0"
    count = count_workers(asked)
    reload = "--reload" in given.flags
    workers = count.number
    if workers is not None:  # of 0, or fewer, uvicorn makes one
        workers = 1 if reload else max(workers, 1)
    return StartCommand(
        entrypoint,
        workers,
        "spawn" if workers != 1 else "single",
        server,
        modules,
        count.reason,
        program=server,
        is_cpu_count=count.is_cpu_count,
        max_requests=count_workers(given.values.get("--limit-max-requests"), 0).number,
        max_requests_jitter=count_workers(given.values.get("--limit-max-requests-jitter"), 0).number,
        reload=reload,
    )
