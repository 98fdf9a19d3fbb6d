"""uvicorn and `fastapi run`: the command line < `UVICORN_*` < `WEB_CONCURRENCY`, the first that says something.

Facts: `uvicorn.main`, `uvicorn.config` of 0.54, `fastapi_cli.discover` of 0.0.34.
"""

from __future__ import annotations

import re

from memguard_hooks.deployment.options import ParsedOptions, grammar, split_options, with_file, with_variables
from memguard_hooks.deployment.start import EntryPoint, Host, RefusedError, StartCommand, UnknownStartError, count_workers

GRAMMAR = grammar("""
    --reload --http2 --[no-]access-log --[no-]use-colors --[no-]proxy-headers --[no-]server-header --[no-]date-header
    --version --[no-]reset-contextvars --factory --help --host= --port=N --uds= --fd=N --reload-dir= --reload-include=
    --reload-exclude= --reload-delay= --workers=N --loop= --http= --ws= --ws-max-size=N --ws-max-queue=N
    --ws-ping-interval= --ws-ping-timeout= --ws-per-message-deflate= --lifespan= --interface= --env-file= --log-config=
    --log-level= --forwarded-allow-ips= --root-path= --limit-concurrency=N --backlog=N --limit-max-requests=N
    --limit-max-requests-jitter=N --timeout-keep-alive=N --timeout-graceful-shutdown=N --timeout-worker-healthcheck=N
    --ssl-keyfile= --ssl-certfile= --ssl-keyfile-password= --ssl-version=N --ssl-cert-reqs=N --ssl-ca-certs=
    --ssl-ciphers= --header= --app-dir= --h11-max-incomplete-event-size=N
""", "click")  # fmt: skip

FASTAPI = grammar("""
    --[no-]reload --[no-]proxy-headers --version --help --verbose/-v --host= --port=N --reload-dir= --workers=N
    --forwarded-allow-ips= --root-path= --app= --entrypoint/-e=
""", "click")  # fmt: skip

_DEFAULT_PATHS = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")


def read(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `uvicorn`."""
    asked = ("--workers", "--app-dir", "--env-file", "--limit-max-requests", "--limit-max-requests-jitter")
    given = with_variables(split_options(words, GRAMMAR), asked, ("--reload", "--factory"), "UVICORN", host)
    if given.positional[1:]:
        raise RefusedError(f"it takes one app, not {' and '.join(given.positional)}")
    app = given.positional[0] if given.positional else host.variables.get("UVICORN_APP")
    app_dir = given.values.get("--app-dir", "")
    inner = host.inside(app_dir)
    if inner is None or not app:
        raise UnknownStartError("uvicorn is given no app inside the repository")
    entrypoint = host.entrypoint(app, [app_dir] if app_dir else [], inner)
    return _start(entrypoint, given, with_file(given.values.get("--env-file"), host), ("uvicorn",))


def read_fastapi(words: list[str], host: Host) -> StartCommand:
    """Read what stands behind `fastapi`."""
    verbs = [word for word in words if not word.startswith("-")]
    if not verbs or verbs[0] not in ("run", "dev"):
        raise UnknownStartError("fastapi is told neither to run nor to dev")
    words = [*words[: words.index(verbs[0])], *words[words.index(verbs[0]) + 1 :]]
    given = split_options(words, FASTAPI)
    named = given.values.get("--entrypoint")
    if not given.positional and "--app" not in given.values:
        from memguard_hooks.deployment.servers.managed import declared

        named = named or declared(host, "pyproject.toml", "tool", "fastapi", "entrypoint")
    if named:
        entrypoint = host.entrypoint(named)
    else:
        paths = [path for path in _DEFAULT_PATHS if host.read_text(path) is not None]
        path = given.positional[0] if given.positional else next(iter(paths), None)
        if path is None:
            raise UnknownStartError("fastapi finds neither main.py, app.py nor api.py")
        found = host.module_of(path)
        if found is None:
            raise UnknownStartError(f"{path} leads out of the repository")
        entrypoint = host.entrypoint(f"{found[1]}:{given.values.get('--app', 'app')}", folder=found[0])
    if verbs[0] == "dev" and "--no-reload" not in given.flags:
        given = given._replace(flags=given.flags | {"--reload"})
    return _start(entrypoint, given, host, ("uvicorn", "fastapi_cli.cli"))._replace(program="fastapi", server="fastapi")


def _start(entrypoint: EntryPoint, given: ParsedOptions, host: Host, modules: tuple[str, ...]) -> StartCommand:
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
        "uvicorn",
        modules,
        count.reason,
        program="uvicorn",
        is_cpu_count=count.is_cpu_count,
        max_requests=count_workers(given.values.get("--limit-max-requests"), 0).number,
        max_requests_jitter=count_workers(given.values.get("--limit-max-requests-jitter"), 0).number,
        reload=reload,
    )


READERS = {"uvicorn": read, "fastapi": read_fastapi}
"""Programs → what reads the words behind their names."""
