"""Processes: how many there are, what they share, and how often they start again.

What sharing saves is the estimate's own, fitted to measured runs (`memguard_hooks/estimate.py`); without `--preload`
three workers of an app of 282 MiB took 806 MiB together, with it 292 (gunicorn 27.0.1, CPython 3.11, summed PSS).
The settings of gunicorn are those of its own documentation (docs/content/reference/settings.md of 26.1).
`os.cpu_count()` gives the CPUs of the machine: cgroups are ignored (github.com/python/cpython/issues/109649).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from memguard_hooks.app.estimate import copied_by_collecting, loaded_after_fork, saved_by_preload
from memguard_hooks.app.limit import bands_of
from memguard_hooks.app.service_estimate import Estimated, RunningService
from memguard_hooks.deployment.platforms import HEROKU
from memguard_hooks.deployment.service import ServicePlace
from memguard_hooks.finding import MIB, Finding, Moment, Severity, count, is_by, mib
from memguard_hooks.project.project import Project
from memguard_hooks.rules.deployment.findings import finding
from memguard_hooks.tree import join

MUCH = 40 * MIB
"""What sharing must save or cost to be worth a finding: as much as makes an import heavy."""

FEW_REQUESTS = 50
"""A worker that serves fewer than these spends much of its time in loading the app."""

FEW_PRELOADED = 10
"""The same where the app is loaded already, and a new worker is a fork and what it loads when it first needs it."""

SETTINGS_FILE = "gunicorn.conf.py"

GIVING_PORTS = frozenset({HEROKU})
"""Platforms that route to `$PORT` and look for no other (devcenter.heroku.com/articles/dynos, web dynos)."""

SYSTEMD = "systemd"

_OF_CPUS = "its machine has CPUs, of which a container sees all: memory follows the machine, not the limit"

_NUMBER = {"celery": "--concurrency 2", "dramatiq": "--processes 2", "taskiq": "--workers 2"}
"""How programs are told the number of their processes."""

_WEB = frozenset({"gunicorn", "uvicorn", "hypercorn", "uwsgi"})
"""Servers whose workers are ended after a number of requests; a task may well be worth a process of its own."""


def check(running: RunningService) -> Iterator[Finding]:
    """Judge the processes of one service."""
    yield from _too_many(running)
    yield from _of_cpus(running)
    yield from _preload(running)
    yield from _recycling(running)
    yield from _settings_that_lose(running)


def _too_many(running: RunningService) -> Iterator[Finding]:
    """MG401: fewer workers would fit, these do not; where not even one fits, workers are not what is at fault."""
    limit, _, label = running.limit
    severity: Severity = "warning" if running.limit.is_assumed else "error"
    if limit is None or (running.command.workers or 1) < 2 or running.command.reload or running.estimated is None:
        return
    now = running.estimated
    warn, fail = bands_of(limit, running.settings)
    fitting = now.workers_that_fit(warn)
    if now.taken <= fail or fitting is None:
        return
    message = (
        f"{now.workers} workers of {running.service.name} take {mib(now.taken)} of {mib(limit)} MiB ({label}): "
        f"{fitting} {'fits' if fitting == 1 else 'fit'}"
    )
    is_by_variable = not any(word.startswith(("-w", "--workers")) for word in running.words)
    fix = f"start {count(fitting, 'worker')}"
    if running.command.written:
        fix += f", at {running.command.written}"
    elif is_by_variable and running.command.program in ("gunicorn", "uvicorn"):
        fix += f", by WEB_CONCURRENCY={fitting}, `--workers` or the settings file"
    yield finding(running.place, "MG401", running.service.name, message, fix, severity=severity, cost=now.taken)


def _of_cpus(running: RunningService) -> Iterator[Finding]:
    """MG402; `PYTHON_CPU_COUNT` is taken for a number that was thought about, a bound in a script is said."""
    command = running.command
    is_bounded = "PYTHON_CPU_COUNT" in running.service.environment
    if not command.is_cpu_count or is_bounded or running.service.platform == SYSTEMD or running.is_for_developers:
        return
    if command.program == "celery" and _is_set_in_code(running.project):
        return
    bound = f", up to {command.most} processes" if command.most is not None else ""
    message = f"{running.service.name} starts as many processes as {_OF_CPUS}{bound}"
    fix = f"write a number, such as `{_NUMBER.get(command.program, '--workers 2')}`"
    if command.written:
        fix = f"write a number at {command.written}"
    yield finding(running.place, "MG402", running.service.name, message, fix)


def _is_set_in_code(project: Project) -> bool:
    """Return whether a file of Python names Celery's setting `worker_concurrency`, by which an app has its number."""
    sources = (path for path in project.whole.paths if path.endswith(".py"))
    return any(b"worker_concurrency" in (project.read_file(path) or b"").lower() for path in sources)


def _preload(running: RunningService) -> Iterator[Finding]:
    """MG403, MG404 and MG408: what workers might share and load each by itself, or may share no more."""
    command, (limit, _, label) = running.command, running.limit
    if command.server != "gunicorn" or (command.workers or 1) < 2 or running.estimated is None:
        return
    now = running.estimated
    served: Moment = "all" if now.judged == "all" else "serving"
    together = now.estimate.at(served).expected
    saved = saved_by_preload(now.process, now.command, now.judged)
    late = loaded_after_fork(now.process, now.command, served)
    if saved >= MUCH and (limit is None or now.estimate.at(now.judged).expected > limit / 2):
        message = (
            f"{now.workers} workers of {running.service.name} load the app each by itself: --preload saves {mib(saved)} MiB"
        )
        option = "set `preload_app`" if now.command.written else "add `--preload`"
        fix = f"{option}, unless what the app imports starts threads or opens connections"
        yield finding(running.place, "MG403", running.service.name, message, fix, f"and {_FREEZE}", cost=saved)
    if late >= MUCH and limit is not None and together > bands_of(limit, running.settings)[0]:
        eager = {root.name for root in now.process.roots if root.moment == "start"}
        names = dict.fromkeys(
            root
            for one in now.walked.externals
            if one.moment != "start" and is_by(one.moment, served)
            for name in one.names
            if (root := running.project.heavy.root_of(name)) is not None and root not in eager
        )
        what = " and ".join(names) or "what is imported in functions"
        message = (
            f"{what} is loaded when it is first needed, after the fork, in each of {now.workers} workers: +{mib(late)} MiB, "
            f"{mib(together)} of {mib(limit)} MiB then ({label})"
        )
        other = "or import it at the top of the file, before the fork, once for all"
        yield finding(running.place, "MG404", what, message, "start 1 worker with threads", other, cost=late)
    if limit is not None:
        yield from _collecting(running, now, limit)


FREEZE = b"gc.freeze"

_FREEZE = "write `def pre_fork(server, worker): gc.freeze()` into gunicorn's settings file, so that it stays shared"


def _collecting(running: RunningService, now: Estimated, limit: int) -> Iterator[Finding]:
    """MG408: what fits as long as no worker collects all garbage, which touches nearly every object that it shares."""
    copied = copied_by_collecting(now.process, now.command, now.judged)
    warn, fail = bands_of(limit, running.settings)
    if copied < MUCH or now.taken > warn or now.taken + copied <= fail or _freezes(running, now):
        return
    message = (
        f"{now.workers} workers of {running.service.name} copy most of what they share once each collects all garbage: "
        f"{mib(now.taken + copied)} of {mib(limit)} MiB then ({running.limit.label})"
    )
    yield finding(running.place, "MG408", running.service.name, message, _FREEZE, cost=copied)


def _freezes(running: RunningService, now: Estimated) -> bool:
    """Return whether a file that is loaded before the fork takes what is there from the garbage collection."""
    paths = {now.command.settings_file, *now.walked.paths} - {""}
    return any(FREEZE in (running.project.read_file(path) or b"") for path in paths)


_STARTS_ANEW = "starts anew, with all that waits for a call"


def _recycling(running: RunningService) -> Iterator[Finding]:
    """MG405 and MG406. That nothing recycles workers is no finding: nobody measured that a library leaks."""
    command = running.command
    requests = command.max_requests or 0
    if command.program not in _WEB or not requests:
        return
    most = requests + (command.max_requests_jitter or 0)
    if most < (FEW_PRELOADED if command.start == "preload" else FEW_REQUESTS):
        now = running.estimated
        again = now.process.at("start").expected if now is not None and command.start != "preload" else None
        what = f"loads {mib(again)} MiB again" if again is not None else _STARTS_ANEW
        message = f"each worker of {running.service.name} ends after {_count(requests, most)}, and the next one {what}"
        yield finding(
            running.place, "MG405", running.service.name, message, "recycle after 1000 requests or more", cost=again
        )
    elif command.program == "gunicorn" and (command.workers or 1) > 1 and command.max_requests_jitter == 0:
        message = (
            f"{command.workers} workers of {running.service.name} end after {requests} requests, all at about the same time"
        )
        fix = f"add `--max-requests-jitter {max(requests // 10, 1)}`"
        yield finding(running.place, "MG406", running.service.name, message, fix)


def check_settings_file(project: Project) -> Iterator[Finding]:
    """Judge a `gunicorn.conf.py` that no known service reads, as MG402 and MG405 do: gunicorn itself will find it."""
    from memguard_hooks.deployment import gunicorn_conf

    data = project.read_file(SETTINGS_FILE)
    settings = gunicorn_conf.read(data, {}) if data is not None and not project.is_excluded(SETTINGS_FILE) else None
    if not isinstance(settings, gunicorn_conf.GunicornSettings):
        return
    requests, workers = settings.values.get("max_requests"), settings.values.get("workers")
    jitter = settings.values.get("max_requests_jitter")
    most = requests + (jitter if isinstance(jitter, int) else 0) if isinstance(requests, int) else 0
    is_preloaded = settings.values.get("preload_app") is True
    if isinstance(requests, int) and requests > 0 and most < (FEW_PRELOADED if is_preloaded else FEW_REQUESTS):
        what = _STARTS_ANEW if is_preloaded else "loads the app again"
        message = f"each worker ends after {_count(requests, most)}, and the next one {what}"
        place = ServicePlace(SETTINGS_FILE, settings.lines["max_requests"], 1)
        yield finding(place, "MG405", "max_requests", message, "recycle after 1000 requests or more")
    if isinstance(workers, gunicorn_conf.Unresolved) and workers.is_cpu_count:
        message = f"gunicorn starts as many workers as {_OF_CPUS}"
        place = ServicePlace(SETTINGS_FILE, workers.line, 1)
        yield finding(place, "MG402", "workers", message, "write a number, such as `workers = 2`")


def _count(requests: int, most: int) -> str:
    """Say after how many requests a worker ends, at most where each worker draws its own number."""
    if most > requests:
        return f"{requests} to {most} requests"
    return "one request" if requests == 1 else f"{requests} requests"


def _settings_that_lose(running: RunningService) -> Iterator[Finding]:
    """MG407: what the platform's own GUNICORN_CMD_ARGS says, and the port that it gives, whatever the settings file says."""
    service = running.service
    is_given = "GUNICORN_CMD_ARGS" in service.environment and "GUNICORN_CMD_ARGS" not in service.variables
    gives_port = is_given or service.platform in GIVING_PORTS
    if running.command.program != "gunicorn" or not gives_port:
        return
    from memguard_hooks.deployment import gunicorn_conf

    words = running.words
    named = [after for word, after in pairwise(words) if word in ("-c", "--config")]
    named += [word.partition("=")[2] for word in words if word.startswith("--config=")]
    path = join(service.folder, named[-1] if named else SETTINGS_FILE)
    data = running.project.read_file(path) if path is not None else None
    if path is None or data is None:
        return
    settings = gunicorn_conf.read(data, service.environment) if is_given else None
    preloads = is_given and running.command.preload_source == "GUNICORN_CMD_ARGS"
    if preloads and isinstance(settings, gunicorn_conf.GunicornSettings) and settings.values.get("preload_app") is False:
        message = f"preload_app = False does not count: {service.platform} sets GUNICORN_CMD_ARGS, which preloads and wins"
        fix = "delete the line, or set GUNICORN_CMD_ARGS to what you want"
        yield finding(ServicePlace(path, settings.lines["preload_app"], 1), "MG407", "preload_app", message, fix)
    own = "" if is_given else service.environment.get("GUNICORN_CMD_ARGS", "")
    is_bound = any(word.startswith(("--bind", "-b")) for word in (*words, *own.split()))
    fixed = None if is_bound else gunicorn_conf.fixed_port(data, service.environment)
    if fixed is not None:
        port, line = fixed
        what = "GUNICORN_CMD_ARGS, which binds its own and wins" if is_given else "PORT, and routes to no other"
        message = f"bind with port {port} does not count: {service.platform} sets {what}"
        fix = "delete the line: gunicorn binds $PORT by itself"
        yield finding(ServicePlace(path, line, 1), "MG407", "bind", message, fix)
