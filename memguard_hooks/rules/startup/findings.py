"""What is said of work that is done while an app loads, and how it waits, is done once, or is done elsewhere."""

from __future__ import annotations

from memguard_hooks.app.django_databases import find_databases
from memguard_hooks.app.work import WorkUse, is_brought
from memguard_hooks.finding import MIB, Finding, Severity, count, mib
from memguard_hooks.pattern import late_pattern
from memguard_hooks.record import Record
from memguard_hooks.startup.table import DOWNLOADS
from memguard_hooks.tree import parent

TYPE_CHECKING = False  # as typing has it

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memguard_hooks.app.entry_points import ServiceEntry
    from memguard_hooks.app.work import Work
    from memguard_hooks.deployment.start import StartCommand
    from memguard_hooks.imports.graph import External, Walk
    from memguard_hooks.project.project import Project


HOOK = "no-eager-heavy-imports"

MUCH = 10 * MIB
"""What data, a client or an initializer takes to be worth a finding; a process or a network call always is."""


SCRIPTS = ("", "python", "streamlit", "chainlit")
"""Programs that run one file, whose statements are what it is started for; `python` is one that was not followed whole."""


HANDLER = "lambda-handler "


LIFESPANS = ("fastapi", "litestar", "starlette")
"""Frameworks whose apps have a lifespan handler."""


_HANGS = "where that does not answer the start waits, and fails unless the code goes on without it"


class _Found(Record):
    """One use of one service, with the words that its finding needs."""

    entry: ServiceEntry
    use: WorkUse
    has_lifespan: bool = False

    @property
    def workers(self) -> int:
        """The processes that each do the work: one where it is done before the fork."""
        command = self.entry.command
        return (command.workers or 1) if command.start in ("fork", "spawn") else 1


def find_of(project: Project, entry: ServiceEntry, use: WorkUse, walked: Walk, work: Work) -> Iterator[Finding]:
    """Judge one call that runs at start; the walk has all that the work of the service imports."""
    packages = {external.names[0].partition(".")[0] for external in walked.externals}
    one = _Found(entry, use, not packages.isdisjoint(LIFESPANS))
    if use.call.known.kind == "scheduler":
        yield from _scheduler(one)
    elif use.call.known.kind == "initializer":
        yield from _initializer(project, one, walked, work)
    elif use.call.known.kind in ("engine", "pool"):
        yield from _pool(one)
    elif use.is_eager and not entry.service.command.startswith(HANDLER):
        yield from _eager(one)


def _eager(one: _Found) -> Iterator[Finding]:
    kind, use, command = one.use.call.known.kind, one.use, one.entry.command
    is_shared = command.start == "preload" and (command.workers or 1) > 1
    is_own_program = (use.call.path == one.entry.path or use.call.is_async) and command.program in SCRIPTS
    if kind == "data" and use.size >= MUCH and not is_shared:
        yield _finding(one, "MG211", _data(one), _later(one, "read it"))
    elif kind == "client" and use.size >= MUCH and not is_shared:
        yield _finding(one, "MG215", _client(one), _later(one, "make it"))
    elif kind == "process" and not is_own_program:
        yield _finding(one, "MG212", _process(one), _once(one))
    elif kind in ("network", "tables") and not is_own_program and not _is_of_session(one):
        yield _finding(one, "MG213", _network(one), _away(one))


def _is_of_session(one: _Found) -> bool:
    """Return whether a call runs as a session of streamlit does, whose server has started before."""
    return one.entry.command.program == "streamlit" and bool(one.use.call.body)


def _times(one: _Found) -> str:
    """Say how many processes do it, where there are several."""
    return f" in each of {count(one.workers, 'process')}" if one.workers > 1 else ""


def _data(one: _Found) -> str:
    use = one.use
    return f"{use.subject} is read into memory while the app loads: {mib(use.size)} MiB{_times(one)}"


def _client(one: _Found) -> str:
    use = one.use
    what = f"a client for {use.subject}" if use.subject else "a client"
    return f"{use.call.function} makes {what} while the app loads: {mib(use.size)} MiB{_times(one)}"


def _process(one: _Found) -> str:
    use = one.use
    what = count(use.processes, "process")
    if use.call.known.how == "ended":
        return f"{use.call.function} runs {use.subject} and waits for it while the app loads{_times(one)}"
    size = f": {mib(use.size)} MiB" if use.size >= MIB else ""
    return f"{use.call.function} starts {what} while the app loads{_times(one)}{size}"


def _network(one: _Found) -> str:
    use, how = one.use, one.use.call.known.how
    if use.call.known.kind == "tables":
        return f"{use.call.function} {how} while the app loads{_times(one)}: {_HANGS}"
    host = _host(use) if how == "url" else how
    return f"{use.call.function} waits for {host} while the app loads{_times(one)}: {_HANGS}"


def _host(use: WorkUse) -> str:
    """Return the host of an address that is written out."""
    address = next((one for one in use.call.values if isinstance(one, str)), "")
    host = address.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    return host or "the network"


def _later(one: _Found, what: str) -> tuple[str, ...]:
    command = one.entry.command
    if command.program == "streamlit":
        return (f"{what} in a function under @st.cache_resource: one for all sessions",)
    first = f"{what} in a function under @functools.cache, which the first that needs it calls"
    shares = command.server == "gunicorn" and command.start == "fork" and one.workers > 1
    return (first, "or start with --preload, so that all workers share it") if shares else (first,)


def _once(one: _Found) -> tuple[str, ...]:
    if one.use.call.known.how == "ended":
        return ("run it in the build or in a release command, before the app starts",)
    where = "in a lifespan handler or `main()`" if one.has_lifespan else "in `main()`"
    return (f"start it where the app starts, {where}, or give it a service of its own",)


def _away(one: _Found) -> tuple[str, ...]:
    known, command = one.use.call.known, one.entry.command
    if known.kind == "tables":
        return ("run it once in a release command, before the workers start",)
    if known.how in DOWNLOADS:
        return (f"download it as the image is built, {_download(one.use)}",)
    if command.program == "streamlit":
        return ("ask in a function under @st.cache_data, with a timeout",)
    first = "in a lifespan handler, or " if one.has_lifespan else ""
    return (f"ask {first}in a function under @functools.cache, with a timeout",)


def _download(use: WorkUse) -> str:
    """Return how a build downloads what a call does."""
    names = [one for one in use.call.values if isinstance(one, str)]
    if use.call.known.function == "nltk.download":
        return f"as by `python -m nltk.downloader {' '.join(names) or 'punkt'}`"
    return "into a folder that stays in it"


def _scheduler(one: _Found) -> Iterator[Finding]:
    """MG212: each worker starts the scheduler, so that each job runs as many times."""
    if one.workers > 1:
        message = f"{one.use.call.known.how} starts in each of {one.workers} workers: each job runs {one.workers} times"
        fix = ("run the scheduler in a service of its own, with one process",)
        yield _finding(one, "MG212", message, fix)


CONNECTIONS = {
    **dict.fromkeys(("aiopg", "asyncpg", "pg8000", "psycopg", "psycopg2", "psycopg_pool"), ("PostgreSQL", 100)),
    **dict.fromkeys(("MySQLdb", "aiomysql", "asyncmy", "mysql", "mysql.connector", "pymysql"), ("MySQL", 151)),
}
"""Which database a driver is for, and how many connections that takes unless it is told otherwise (`max_connections` of
PostgreSQL 17 and MySQL 8.4)."""


POOL, OVERFLOW = 5, 10
"""Connections that SQLAlchemy's QueuePool keeps, and opens besides, where nothing says."""

POOLER = late_pattern(r"(?i)pgbouncer|pooler|pgcat|supavisor|:(?:6432|6543)/")
"""What is in the address of a pooler, by its name or its usual port: the database itself does not see these connections."""

THREAD_WORKERS = ("sync", "gthread")
"""Classes of gunicorn's workers in which each thread serves one request at a time."""


def _pool(one: _Found) -> Iterator[Finding]:
    """MG215: each worker has a pool of its own, and together they may open more connections than the database takes."""
    use, is_pool = one.use, one.use.call.known.kind == "pool"
    opened = _opened(use) if is_pool else _engine(use)
    modules = (use.call.known.function.partition(".")[0],) if is_pool else use.brought
    databases = {CONNECTIONS[module] for module in modules if module in CONNECTIONS}
    if len(databases) != 1 or opened is None or any(isinstance(one, str) and POOLER.search(one) for one in use.call.values):
        return
    at_once = None if is_pool else _at_once(one.entry.command)
    excess = _excess(one.entry, databases.pop(), min(opened, at_once or opened), is_told=_is_told(use))
    if excess is not None:
        told, each = excess
        yield _finding(one, "MG215", f"{use.call.function} {told}", _pooled(_fewer(use, each)))


def _excess(entry: ServiceEntry, known: tuple[str, int], each: int, *, is_told: bool) -> tuple[str, int] | None:
    """Say that all processes may open more connections than a database takes, and what each may; None where they do not."""
    (database, most), source = known, "unless it is told otherwise"
    declared = entry.service.database
    if declared is not None and database == declared.kind:
        if declared.connections is None:
            return None
        most, source = declared.connections, f"on {declared.plan}"
    elif not is_told:
        return None  # what a library does by itself, against what a database does by itself
    number = (entry.service.replicas or 1) * (entry.command.workers or 1)
    if number * each <= most:
        return None
    shares = f", {each} in each of {count(number, 'process')}" if number > 1 else ""
    return f"may open {number * each} connections{shares}: {database} takes {most} {source}", most // number


def _pooled(fewer: tuple[str, ...]) -> tuple[str, ...]:
    return (*fewer, f"{'or ' if fewer else ''}put a pooler such as PgBouncer in between")


def find_in_django(project: Project, entry: ServiceEntry, walked: Walk) -> Iterator[Finding]:
    """MG215: the pool of each process, or a connection of each of its threads."""
    for one in find_databases(project, entry, walked):
        each = one.pool or _at_once(entry.command)
        known = CONNECTIONS.get(one.driver)
        excess = _excess(entry, known, each, is_told=bool(one.pool)) if known is not None and each else None
        if excess is None:
            continue
        told, least = excess
        way = f'let each pool open fewer: "max_size": {least}' if one.pool else f"start no more than {least} threads in each"
        fix = _pooled((way,) if least else ())
        chain = way_to.chain if (way_to := walked.ways.get(one.path)) is not None else ()
        yield Finding(one.path, one.line, 1, "MG215", f"DATABASES {told}", HOOK, "DATABASES", "warning", None, chain, fix)


def _is_told(use: WorkUse) -> bool:
    """Return whether the code says how many connections a pool opens."""
    if use.call.known.kind == "engine":
        return any(name in ("pool_size", "max_overflow") for name, _ in use.call.options)
    return any(isinstance(value, int) for value in use.call.values)


def _engine(use: WorkUse) -> int | None:
    """Return the connections that an engine of SQLAlchemy opens at most, None where that has no end."""
    options = dict(use.call.options)
    kept, besides = options.get("pool_size", POOL), options.get("max_overflow", OVERFLOW)
    if not isinstance(kept, int) or not isinstance(besides, int):
        return None
    return kept + besides if kept > 0 and besides >= 0 else None


def _opened(use: WorkUse) -> int | None:
    """Return the connections that a pool of a driver's opens at most, None where nobody can know."""
    numbers = [value for value in use.call.values if isinstance(value, int)]
    options = dict(use.call.options)
    is_given = any(name in options for name in use.call.known.keywords)
    most = max(numbers, default=0) or (0 if is_given else int(use.call.known.how))
    return most or None


def _at_once(command: StartCommand) -> int | None:
    """Return the requests or tasks that one process serves at a time, each with a connection; None where nobody can know."""
    if command.program == "gunicorn" and command.worker_class in THREAD_WORKERS:
        return command.threads
    return 1 if command.program == "celery" and command.start in ("preload", "fork") else None


def _fewer(use: WorkUse, each: int) -> tuple[str, ...]:
    if not each:
        return ()
    if use.call.known.kind == "engine":
        return (f"let each open fewer: pool_size={each - each // 2}, max_overflow={each // 2}",)
    return (f"let each open fewer: {use.call.known.keywords[0]}={each}",)


def _initializer(project: Project, one: _Found, walked: Walk, work: Work) -> Iterator[Finding]:
    """MG214: what an initializer imports that nothing else does at start."""
    from memguard_hooks.app.estimate import estimate_process
    from memguard_hooks.catalog.lookup import package_in

    if not one.use.brought:
        return
    entry, use = one.entry, one.use
    process = estimate_process(project.declared, parent(entry.path), walked, entry.target.python, None, work=work)
    here = (use.call.path, use.call.line)
    of_others = (one.way.last for one in walked.externals if is_brought(one) and one.way)  # as the driver of an engine
    brought = {step for step in of_others if (step.path, step.line) == here}
    only = {root.name for root in process.roots if root.moment == "start" and root.sites and brought.issuperset(root.sites)}
    kept = [root for root in process.roots if root.name not in only and root.parent not in only]
    cost = process.at("start").expected - process.with_roots(kept).at("start").expected
    if cost < MUCH:
        return
    early = [root for root in kept if root.moment == "start"]
    there = {root.label for root in early} | {name for root in early if root.footprint for name in root.footprint.own}
    others = (root for root in process.roots if root.name in only and package_in(there, root.label) not in there)
    sizes = {root.label: root.resident for root in others}
    names = sorted(sizes, key=lambda name: (-sizes[name], name))
    deferred = sorted({name for name in names if _is_deferred(walked, name)})
    what = f"{use.call.function} imports what is installed: {_listed(names)}, {mib(cost)} MiB{_times(one)}"
    severity: Severity = "warning"
    if deferred:
        severity = "error"
        what += f"; the project defers {_listed(deferred)}, and that undoes it"
    yield _finding(one, "MG214", what, _fix(use), severity)._replace(cost=cost)


def _is_deferred(walked: Walk, name: str) -> bool:
    """Return whether the project itself imports a package only in calls that come later.

    What a file imports at its top that itself is loaded later, as the URLconf of Django is, nobody has deferred.
    """
    top = name.partition(".")[0]

    def is_own(external: External) -> bool:
        is_here = external.site is not None and external.site.when == "call"
        return is_here and not is_brought(external) and external.names[0].partition(".")[0] == top

    return any(one.moment != "start" and is_own(one) for one in walked.externals)


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:3])
    return ", ".join(shown) + (f" and {len(names) - 3} others" if len(names) > 3 else "")


def _fix(use: WorkUse) -> tuple[str, ...]:
    if use.call.known.how == "sentry_sdk":
        return ("pass auto_enabling_integrations=False, and the integrations that the app uses in `integrations`",)
    if use.call.known.how == "opentelemetry-instrument":
        return ("name what the app does not use in OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",)
    return (f"call {use.call.function} where the library is first used",)


def _finding(one: _Found, code: str, message: str, fix: tuple[str, ...], severity: Severity = "warning") -> Finding:
    use, call = one.use, one.use.call
    subject = f"{call.function} {use.subject}".strip()
    cost = use.size or None
    return Finding(call.path, call.line, call.column, code, message, HOOK, subject, severity, cost, use.chain, fix)
